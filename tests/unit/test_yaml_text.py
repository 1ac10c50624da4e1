"""YAML of people as JSON values: what is read, and what is refused."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from datagen_nb.core.yaml_text import Unreadable, parse

MOST = 10_000

texts = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Zl", "Zp"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("2024-06-01", "2024-06-01"),
        ("12:30", "12:30"),
        ("007", "007"),
        ("0x1F", "0x1F"),
        ("1_000", 1000),
        ("-1.5", -1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("true", True),
        ("null", None),
        ("", None),
        ("{a: [1, b], '2': c}", {"a": [1, "b"], "2": "c"}),
        ("<<: 1", {"<<": 1}),
    ],
)
def test_texts_mean_what_is_written(text, expected):
    """As in YAML 1.2: no day, no time and no 'no' is anything but a text."""
    found = parse(text, most=MOST)
    assert (found, type(found)) == (expected, type(expected))


@given(values)
def test_json_is_read_as_json_does(value):
    """Every JSON text is YAML."""
    assert parse(json.dumps(value, ensure_ascii=False), most=MOST * 10) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: &x [1]\nb: *x", "line 2 has an alias"),
        ("!!python/object/apply:os.system [echo]", "line 1 has the tag"),
        ("a: !!binary aGk=", "line 1 has the tag"),
        ("a: 1\nb: 2\na: 3", "line 3 has 'a' a second time"),
        ("? [1, 2]\n: 3", "a list or an object as a key"),
        ("a: [1", "expected"),
        ("a: 1\n---\nb: 2", "a single document"),
        ("[" * 3_000, "recursion"),
        ("a: \0", "unacceptable character"),
        ("a" * (MOST + 1), "more than 10,000 bytes"),
    ],
)
def test_what_is_no_plain_value_is_refused(text, reason):
    """Tags could run code, and aliases stand for gigabytes; each is named by its line."""
    with pytest.raises(Unreadable, match=reason):
        parse(text, most=MOST)


def test_a_bomb_of_aliases_takes_no_memory():
    """Nine levels of nine aliases would be 387 million values."""
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    with pytest.raises(Unreadable, match="alias"):
        parse("\n".join(["a0: &a0 [x]", *levels]), most=MOST)
    assert issubclass(Unreadable, ValueError)
    assert yaml.SafeLoader.yaml_implicit_resolvers  # those of others are as they were
    assert yaml.safe_load("no") is False
