"""Declared columns: what is a schema, and what is wrong with what is none."""

import re
from pathlib import Path

import pytest

import datagen_nb as dg
from datagen_nb.core.declared_kinds import DECLARED_KINDS, LOCALES
from datagen_nb.core.errors import ConfigurationError

NUMBER = {"kind": "number", "min": 0, "max": 1}
KEY = {"kind": "id", "rows_per_key": 3}
DATE = {"kind": "date", "from": "2024-01-01", "to": "2024-12-31"}


@pytest.mark.parametrize(
    ("columns", "field", "expected"),
    [
        ({"a": "nubmer"}, "a.kind", "Did you mean number?"),
        ({"a": {"knd": "number"}}, "a.kind", "has to be a kind of columns"),
        ({"a": 5}, "a", "has to be an object or a kind"),
        ({"a": {**NUMBER, "mni": 2}}, "a.mni", "Did you mean min?"),
        ({"a": {**NUMBER, "min": 2}}, "a.min", "has to be at most max, 1"),
        ({"a": {**NUMBER, "min": "0"}}, "a.min", "has to be a number"),
        ({"a": {**NUMBER, "max": True}}, "a.max", "has to be a number"),
        ({"a": {**NUMBER, "nulls": 1.5}}, "a.nulls", "has to be a share from 0 to 1"),
        ({"a": {**NUMBER, "mean": 1}}, "a.sd", "is required for distribution normal"),
        ({"a": {"kind": "number"}}, "a.min", "is required for distribution uniform"),
        ({"a": {**NUMBER, "distribution": "gaus"}}, "a.distribution", "has to be one of"),
        ({"a": {**NUMBER, "distribution": "poisson"}}, "a.distribution", "has to be one of"),
        (
            {"a": {"kind": "number", "distribution": "exponential", "mean": 1, "sd": 2}},
            "a.sd",
            "is not for distribution exponential",
        ),
        ({"a": {"kind": "number", "mean": 1, "sd": 0}}, "a.sd", "a number above 0"),
        (
            {"a": {"kind": "number", "distribution": "lognormal", "mean": -1, "sd": 1}},
            "a.mean",
            "a number above 0",
        ),
        ({"a": {"kind": "number", "mean": 0, "sd": 1, "min": 50}}, "a.min", "leaves nothing of"),
        (
            {"a": {"kind": "integer", "min": 0.2, "max": 0.8}},
            "a.max",
            "leaves no number of 0 decimals",
        ),
        ({"a": {"kind": "integer", "min": 0, "max": 9, "decimals": 2}}, "a.decimals", "known"),
        ({"a": {"kind": "category"}}, "a.values", "is required for kind category"),
        (
            {"a": {"kind": "category", "values": {"x": 0.2, "y": 0.3}}},
            "a.values",
            "has to add up to 1, not 0.5",
        ),
        (
            {"a": {"kind": "category", "values": ["x", "y"], "shares": [0.2, 0.3]}},
            "a.shares",
            "has to add up to 1, not 0.5",
        ),
        (
            {"a": {"kind": "category", "values": ["x", "y"], "shares": [1]}},
            "a.shares",
            "has to have 2 shares",
        ),
        ({"a": {"kind": "category", "values": ["x", 1]}}, "a.values", "different texts or numbers"),
        ({"a": {"kind": "category", "values": []}}, "a.values", "different texts or numbers"),
        ({"a": {"kind": "constant", "value": [1]}}, "a.value", "has to be a text, a number"),
        ({"a": {**DATE, "from": "2024-13-01"}}, "a.from", "has to be a day"),
        ({"a": {**DATE, "from": "2025-01-01"}}, "a.from", "has to be at most to, 2024-12-31"),
        ({"a": {**DATE, "format": "%d %Q"}}, "a.format", "has to be a text with %Y"),
        ({"a": {**DATE, "format": "%H"}}, "a.format", "has to be a text with %Y"),
        ({"a": {"kind": "time", "from": "08:00", "to": "25:00"}}, "a.to", "a time of day"),
        ({"a": {"kind": "pattern", "pattern": "ABC"}}, "a.pattern", "with # for a digit"),
        ({"a": {"kind": "text", "words": [5, 2]}}, "a.words", "the fewest and the most words"),
        ({"a": {**NUMBER, "unique": True}}, "a.unique", "is not for kind number"),
        ({"a": {"kind": "id", "unique": False}}, "a.unique", "is always so"),
        (
            {"a": {"kind": "integer", "mean": 5, "sd": 1, "min": 0, "max": 9, "unique": True}},
            "a.unique",
            "is for distribution uniform",
        ),
        ({"a": {"kind": "id", "rows_per_key": 0}}, "a.rows_per_key", "on average"),
        ({"a": {**KEY, "nulls": 0.1}}, "a.nulls", "is not for a key"),
        ({"a": {**NUMBER, "per": "kye"}, "key": KEY}, "a.per", "Did you mean key?"),
        ({"a": {**NUMBER, "per": "b"}, "b": "id"}, "a.per", "is no key"),
        ({"a": {**KEY, "per": "b"}, "b": {**KEY, "per": "a"}}, "a.per", "goes in a circle"),
        (
            {"a": KEY, "b": {**KEY, "per": "a"}, "c": {**KEY, "per": "a"}},
            "c.per",
            "has the key 'b' below it already",
        ),
        ({"a": {"formula": "b *"}}, "a.formula", "cannot be read"),
        ({"a": {"formula": "1 + 2"}}, "a.formula", "names no column"),
        ({"a": {"formula": "prise * 2"}, "price": NUMBER}, "a.formula", "Did you mean price?"),
        ({"a": {"formula": "a + 1"}}, "a.formula", "needs itself"),
        ({"a": {"formula": "b"}, "b": {"formula": "a"}}, "a.formula", "goes in a circle"),
        ({"a": {"formula": "b * 2"}, "b": "email"}, "a.formula", "no numbers or dates"),
        (
            {"a": {"formula": "b * 2"}, "b": {"kind": "category", "values": ["x"]}},
            "a.formula",
            "no numbers or dates",
        ),
        ({"a": {"formula": "b", "per": "b"}, "b": NUMBER}, "a.per", "is not for a formula"),
        ({"a": {"kind": "email", "of": "nam"}, "name": "person"}, "a.of", "Did you mean name?"),
        ({"a": {"kind": "email", "of": "b"}, "b": NUMBER}, "a.of", "is no column of names"),
        (
            {"a": {"kind": "email", "of": "b", "per": "k"}, "b": "person", "k": KEY},
            "a.of",
            "has not one name for each value",
        ),
        ({"": "id"}, "", "has to have a name"),
    ],
)
def test_a_problem_says_where_it_is_and_what_to_do(columns, field, expected):
    """By the path of the option; the remedy is a near name or an example."""
    with pytest.raises(ConfigurationError) as caught:
        dg.Schema(columns)
    problem = caught.value.problems[0]
    assert problem.field == f"schema.columns.{field}".rstrip(".")
    assert expected in f"{problem.rule}. {problem.remedy}"
    assert problem.remedy


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"a": {"formula": "d * q"}}, "instant and number has no meaning"),
        ({"a": {"formula": "d - d"}}, "write days"),
        ({"a": {"formula": "d + days(q)", "decimals": 2}}, "decimals means nothing"),
        ({"a": {"formula": "year(q)"}}, "holds no dates"),
    ],
)
def test_a_formula_without_a_meaning_is_refused_before_a_row_is_made(columns, expected):
    """Its columns are there, but nothing can be computed of them together."""
    schema = dg.Schema({**columns, "d": DATE, "q": NUMBER})
    with pytest.raises(ConfigurationError, match=expected) as caught:
        schema.sample(1)
    assert caught.value.problems[0].field == "schema.columns.a.formula"


def test_all_problems_are_told_at_once():
    """Each column is looked at, also behind one that is wrong."""
    with pytest.raises(ConfigurationError) as caught:
        dg.Schema({f"c{n}": "nothing" for n in range(30)})
    assert caught.value.count == 30
    assert len(caught.value.problems) == 20


@pytest.mark.parametrize(
    ("columns", "locale", "field"),
    [
        ({}, "en", "schema.columns"),
        ({f"c{n}": "id" for n in range(2_001)}, "en", "schema.columns"),
        ([], "en", "schema.columns"),
        ({"a": "id"}, "xx", "schema.locale"),
        ({"a": {"kind": "constant", "value": float("nan")}}, "en", "schema"),
        ({"a" * 300: "id"}, "en", "schema.columns"),
        (
            {"a": {"kind": "category", "values": [f"{n:0999}" for n in range(2_000)]}},
            "en",
            "schema",
        ),
    ],
)
def test_a_schema_is_bounded(columns, locale, field):
    """In columns, bytes, names and languages."""
    with pytest.raises(ConfigurationError) as caught:
        dg.Schema(columns, locale=locale)
    assert caught.value.problems[0].field == field


def test_the_widest_schema_is_made(tmp_path):
    """2,000 columns, each a formula of the one before, are read at once."""
    columns = {"c0": {"kind": "integer", "min": 1, "max": 9}}
    columns |= {f"c{n}": {"formula": f"c{n - 1} + 1", "decimals": 0} for n in range(1, 2_000)}
    row = dg.Schema(columns).sample_arrow(1).to_pylist()[0]
    assert row["c1999"] == row["c0"] + 1_999


def test_a_file_of_yaml_is_the_schema_of_its_name(tmp_path):
    """What Python declares, a file can; it says the same."""
    path = tmp_path / "orders.yaml"
    path.write_text(
        "locale: de\n"
        "columns:\n"
        "  day: {kind: date, from: 2024-01-01, to: 2024-12-31}\n"
        "  at: {kind: time, from: 12:30, to: 23:59}\n"
        "  answer: {kind: category, values: {no: 0.5, yes: 0.5}}\n"
        "  customer: person\n"
    )
    schema = dg.Schema.from_yaml(path)
    assert schema.name == "orders"
    assert schema.columns == ["day", "at", "answer", "customer"]
    rows = schema.sample_arrow(200).to_pylist()
    assert {row["answer"] for row in rows} == {"no", "yes"}
    assert dg.Schema.from_dict(schema.to_dict()).to_dict() == schema.to_dict()
    assert "<Schema 4 columns>" in repr(schema)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("columns: [", "is no YAML"),
        ("columns: {a: &x id, b: *x}", "alias"),
        ("columns: {a: !!python/name:os.system }", "tag"),
        ("just a text", "has to be an object"),
        ("", "has to be an object"),
        ("colums: {a: id}", "Did you mean columns?"),
    ],
)
def test_a_broken_file_is_one_clear_error(tmp_path, text, expected):
    """Hostile ones among them; nothing of them is run."""
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=expected.replace("?", r"\?")):
        dg.Schema.from_yaml(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    """As any other input."""
    with pytest.raises(dg.errors.InputError, match=r"missing\.yaml"):
        dg.Schema.from_yaml(tmp_path / "missing.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="is no YAML"):
        dg.Schema.from_yaml(tmp_path / "binary.yaml")


def test_the_schemas_of_the_documentation_make_rows(tmp_path):
    """Each example is a whole schema."""
    page = (Path(__file__).parents[2] / "docs" / "schema.md").read_text()
    examples = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        path = tmp_path / "example.yaml"
        path.write_text(example)
        schema = dg.Schema.from_yaml(path)
        assert list(schema.sample(50).columns) == schema.columns
    for kind in DECLARED_KINDS:
        assert f"`{kind}`" in page
    for name in [option for kind in DECLARED_KINDS.values() for option in kind.options]:
        assert f"`{name}`" in page or f"`{name}:" in page or f"{{{name}:" in page, name
    for locale in LOCALES:
        assert f"`{locale}`" in page
