"""Rules as people write them: read, refused with a reason, and kept or broken by rows."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen_nb.core.relation_text import Unreadable
from datagen_nb.core.rule_text import (
    Allowed,
    Comparison,
    Match,
    Present,
    Range,
    Unique,
    columns_of,
    parse,
)
from datagen_nb.synth.rules import Unfit, check_pattern, kept

DOUBLE = ("*", ("column", "unique"), ("number", 2.0))

COLUMNS = {
    "n": pa.array([1, 2, None, 4]),
    "m": pa.array([2, 2, 2, None]),
    "big": pa.array([2**60, 2**60 + 1, 0, 0]),
    "bigger": pa.array([2**60 + 1, 2**60, 0, 0]),
    "f": pa.array([0.1 + 0.2, -0.0, float("nan"), float("inf")]),
    "s": pa.array(["open", "a b", None, "x1\n"]),
    "t": pa.array(["open", "a c", "y", "x1"]),
    "d": pa.array([date(2024, 1, 31), date(2024, 2, 1), None, date(1969, 12, 31)]),
    "b": pa.array([True, False, None, True]),
}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("price >= 0", Comparison(("column", "price"), ">=", ("number", 0.0))),
        ("a == -1", Comparison(("column", "a"), "=", ("number", -1.0))),
        ('"unit price" != b', Comparison(("column", "unit price"), "!=", ("column", "b"))),
        ("a between -1 and b", Range(("column", "a"), ("number", -1.0), ("column", "b"))),
        ('s in (open, "a b", -1)', Allowed("s", ("open", "a b", "-1"))),
        ("s not in (open)", Allowed("s", ("open",), is_not=True)),
        (r's matches "\d+\"x\""', Match("s", r'\d+"x"')),
        ('s not matches ""', Match("s", "", is_not=True)),
        ("between is not null", Present("between")),
        ('unique(a, "b c", d.e)', Unique(("a", "b c", "d.e"))),
        ("unique (unique)", Unique(("unique",))),
        ("unique >= 3", Comparison(("column", "unique"), ">=", ("number", 3.0))),
        ("unique in (1)", Allowed("unique", ("1",))),
        ('"unique" * 2 != a', Comparison(DOUBLE, "!=", ("column", "a"))),
    ],
)
def test_a_rule_is_read(text, rule):
    """Into one small value of its own type."""
    assert parse(text) == rule


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "ends too early"),
        ("price", "not the end"),
        ("price >", "ends too early"),
        ("1 > 2", "no column"),
        ("a is null", "not has to follow, not null"),
        ("a in ()", r"a value has to stand where \)"),
        ("a matches b", "in double quotes"),
        ("a + 1 in (2)", "not in"),
        ("a > 0 and b > 0", "and is left over"),
        ("a; drop", "cannot be read"),
        ("unique()", r"names no column; write it as unique\(a, b\)"),
        ("unique(a, b, a)", "unique names 'a' twice"),
        ("unique(a", r"\) has to follow, not the end"),
        ("unique(a) and b > 1", "and is left over"),
        ("unique(2)", "a column has to stand where 2 is"),
        ("unique(year(at))", r"\) has to follow, not \("),
        ('"unique"(a)', r"not \("),
        ('a matches "' + "x" * 201 + '"', "more than 200 characters"),
        ("a > 0" + " " * 1_000, "more than 1,000 characters"),
        ("(" * 31 + "a" + ")" * 31 + " > 0", "within each other"),
    ],
)
def test_what_is_no_rule_is_refused_with_the_reason(text, reason):
    """Where it cannot be read on."""
    with pytest.raises(Unreadable, match=reason):
        parse(text)


@given(st.text(max_size=80) | st.text(alphabet='ab01 ()<>=!"\\+-,innotmatchesuq', max_size=80))
def test_any_text_is_read_or_refused(text):
    """Nothing else is raised, and what is read names a column."""
    try:
        rule = parse(text)
    except Unreadable:
        return
    assert columns_of(rule)


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("n >= 2", "0111"),
        ("n < m", "1011"),
        ("n != 4", "1110"),
        ("n * 2 = m", "1011"),
        ("big < bigger", "1000"),
        ("big = bigger", "0011"),
        ("f = 0.3", "1010"),
        ("f >= 0", "1111"),
        ("f between 0 and 1", "1110"),
        ("s = t", "1010"),
        ('s in (open, "a b")', "1110"),
        ("s not in (open)", "0111"),
        ('s matches "[a-z ]+"', "1110"),
        ('s not matches "open|.* .*"', "0011"),
        ('s matches "pen"', "0010"),
        ("n in (1, 4.0)", "1011"),
        ("b in (true)", "1011"),
        ('d in ("2024-02-01")', "0110"),
        ('d >= on("2024-02-01")', "0110"),
        ("year(d) = 2024", "1110"),
        ("n is not null", "1101"),
        ("s is not null", "1101"),
    ],
)
def test_rows_keep_a_rule_or_break_it(text, flags):
    """A missing value breaks none but the last kind."""
    assert kept(parse(text), COLUMNS, {}).tolist() == [flag == "1" for flag in flags]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("s > 1", "'s' holds no numbers or dates"),
        ("b >= 0", "'b' holds no numbers or dates"),
        ("d > 1", "instant and number cannot be compared"),
        ("d * 2 > n", "has no meaning"),
        ("n in (one)", "'one' is none"),
        ("d in (soon)", "'d' holds date32"),
        ('n matches "1"', "'n' holds int64"),
    ],
)
def test_a_rule_that_is_not_for_a_column_is_refused(text, reason):
    """It says what the column holds."""
    with pytest.raises(Unfit, match=reason):
        kept(parse(text), COLUMNS, {})


@pytest.mark.parametrize(
    "pattern",
    ["(", "[a", "*", r"\1", "(?=x)", "(?<!x)", "a)|(?:b", r"\Qa", "(((a{100}){100}){100})"],
)
def test_a_pattern_that_cannot_be_used_is_refused(pattern):
    """RE2 has nothing that could take long: no looking around, no reference back."""
    with pytest.raises(Unfit, match="RE2 does not read its pattern"):
        check_pattern(pattern)


def test_a_pattern_that_blows_up_elsewhere_does_not():
    """A backtracking engine would need longer than the universe is old."""
    texts = {"s": pa.array(["a" * 5_000 + "!"])}
    assert kept(parse('s matches "(a+)+(a|aa)+b"'), texts, {}).tolist() == [False]
