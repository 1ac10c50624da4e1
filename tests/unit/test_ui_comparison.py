"""Two tables beside each other: one query for both, and how their columns differ."""

import pandas as pd
import pytest

import datagen_nb as dg
from datagen_nb.core.errors import InputError
from datagen_nb.tables.view.query import Compare, Query, QueryError
from tests.widgets import until

REAL = pd.DataFrame({"n": range(100), "word": ["a", "b"] * 50, "only": 1})
MADE = pd.DataFrame({"word": ["a", "c"] * 100, "n": [7] * 200})


@pytest.fixture
def compare():
    """Opens comparisons; closes them."""
    opened = []

    def make(real=REAL, synthetic=MADE, **options):
        opened.append(dg.compare(real, synthetic, **options))
        return opened[-1]

    yield make
    for comparison in opened:
        comparison.close()


def test_differences_are_those_of_the_columns_that_both_have(compare):
    """The most different first; what the browser shows is the same."""
    comparison = compare()
    found = comparison.differences
    assert found["column"].tolist() == ["n", "word"]
    assert found["distance"].tolist() == pytest.approx([0.95, 0.5])
    assert found["distinct_synthetic"].tolist() == [1, 2]
    snapshot = until(comparison, lambda snapshot: not snapshot["isCounting"])
    assert [column["name"] for column in snapshot["columns"]] == ["n", "word"]
    assert snapshot["leftOut"] == 1
    assert comparison.is_final


@pytest.mark.parametrize("changed", ["real", "synthetic"])
def test_a_query_of_one_table_is_that_of_both(compare, changed):
    """By the names of its columns, which stand elsewhere; differences are of what is shown."""
    comparison = compare()
    assert len(comparison.differences) == 2
    one = getattr(comparison, changed)
    one.query = {
        "filter": {"kind": "compare", "column": "n", "operator": "<", "value": "50"},
        "sorts": [{"column": "word", "descending": True}],
    }
    assert comparison.differences["distance"].tolist() == pytest.approx([0.9, 0.5], abs=0.05)
    assert comparison.real.query.filter == Compare(column=0, operator="<", value="50")
    assert comparison.synthetic.query.filter == Compare(column=1, operator="<", value="50")
    assert comparison.synthetic.frame["word"].tolist() == ["c"] * 100 + ["a"] * 100
    one.query = Query()
    assert comparison.differences["distance"].tolist() == pytest.approx([0.95, 0.5])
    assert comparison.real.query.is_whole
    assert comparison.synthetic.query.is_whole


def test_a_query_that_the_other_table_has_no_column_for_says_so(compare):
    """The other one shows what it showed."""
    comparison = compare()
    comparison.real.query = {"sorts": [{"column": "only"}]}
    trouble = until(comparison, lambda snapshot: snapshot["trouble"])["trouble"]
    assert "no column 'only'" in trouble
    assert comparison.synthetic.query.is_whole
    comparison.real.query = {"sorts": [{"column": "n"}]}
    until(comparison, lambda snapshot: not snapshot["trouble"])
    assert len(comparison.differences) == 2


def test_a_query_may_be_given_at_first(compare):
    """Both have to have its columns; a table that cannot be read leaves nothing open."""
    comparison = compare(query={"sorts": [{"column": "n"}]})
    assert comparison.synthetic.query.sorts[0].column == 1
    with pytest.raises(QueryError):
        compare(query={"sorts": [{"column": "only"}]})
    with pytest.raises(InputError):
        compare(synthetic="absent.csv")


def test_a_saved_notebook_shows_the_differences(compare):
    """Names are inert."""
    hostile = pd.DataFrame({"<b>n</b>": [1, 2]})
    comparison = compare(hostile, hostile)
    assert len(comparison.differences) == 1
    until(comparison, lambda snapshot: not snapshot["isCounting"])
    text, html = comparison.static_repr()
    assert text == "Comparison of table of a DataFrame and table of a DataFrame"
    assert "&lt;b&gt;n&lt;/b&gt;" in html
    assert "0.0%" in html


def test_closing_closes_both_tables(compare):
    """Their rows are released."""
    comparison = compare()
    real = comparison.real
    comparison.close()
    assert not hasattr(real, "shown")
    assert comparison.static_repr() == ("Comparison, closed", "")


def test_a_chart_shows_both_tables(compare):
    """As shares, since they have different numbers of rows; over the same values."""
    values = compare().chart("word").spec["data"]["values"]
    shares = {(one["table"], one["x"]): one["share"] for one in values}
    assert len(shares) == len(values) == 6
    assert sorted(shares.values()) == [0, 0, 0.5, 0.5, 0.5, 0.5]
