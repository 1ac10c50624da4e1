"""Words that programs write for missing values and truth values: read as that, written again."""

import io

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen_nb.tables import csv_files
from datagen_nb.tables.csv_columns import NULL_WORDS
from datagen_nb.tables.formats import read_batches, read_part, write_part

VALUES = [
    ("int64", st.integers(-(10**6), 10**6).map(str)),
    ("double", st.integers(-999, 999).map(lambda number: f"{number / 8 + 0.0625}")),
    ("date32[day]", st.dates().map(str)),
    ("timestamp[s]", st.datetimes().map(lambda at: at.replace(microsecond=0).isoformat())),
    *[
        ("bool", st.sampled_from(words))
        for words in [("true", "false"), ("True", "False"), ("TRUE", "FALSE")]
    ],
]


def read(text: str, **options) -> pa.Table:
    file = io.BytesIO(text.encode())
    return pa.Table.from_batches(list(read_batches(file, "csv", name="t.csv", **options)))


def written(table: pa.Table) -> str:
    file = io.BytesIO()
    write_part(table, "csv", file)
    return file.getvalue().decode()


@pytest.mark.parametrize("word", NULL_WORDS)
@pytest.mark.parametrize(("type", "value"), VALUES)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_column_keeps_its_type_and_comes_back_to_the_byte(word, type, value, data):
    """Wherever the word stands; a column of texts in the same file has it as missing too."""
    values = data.draw(st.lists(value, min_size=1, max_size=8))
    texts = data.draw(st.permutations([*values, *[word] * data.draw(st.integers(1, 5))]))
    lines = ["a,name", *(f"{text},{word if text == word else 'x'}" for text in texts), ""]

    table = read("\n".join(lines))

    assert str(table.schema.field("a").type) == type
    assert table["a"].is_null().to_pylist() == [text == word for text in texts]
    assert table["name"].is_null().to_pylist() == [text == word for text in texts]
    assert written(table) == "\n".join(lines)
    part = read_part(io.BytesIO(written(table).encode()), "csv", table.schema)
    assert part.equals(table)


@pytest.mark.parametrize("late", [1, 3_000])
@pytest.mark.parametrize("is_read_once", [True, False])
def test_the_first_word_may_come_late(monkeypatch, late, is_read_once):
    """Rows that were read before it are taken back: what stands for a missing value is of all."""
    monkeypatch.setattr(csv_files, "BLOCK", 1000)
    lines = ["a,b", *["1,x"] * late, "NA,NA", *["2,y"] * 2_000, ""]
    kept: list[pa.RecordBatch] = []
    take_back = kept.clear if is_read_once else None
    file = io.BytesIO("\n".join(lines).encode())

    kept.extend(read_batches(file, "csv", name="t.csv", take_back=take_back))

    table = pa.Table.from_batches(kept)
    assert [table[name].null_count for name in "ab"] == [1, 1]
    assert written(table) == "\n".join(lines)


@pytest.mark.parametrize(
    ("lines", "nulls"),
    [
        (["1,x", "NA,NA", ",y"], [1, 0]),  # an empty field beside it: then it is an odd entry
        (["1,x", "NA,NA", "NULL,y"], [0, 0]),  # two words: which of them would be lost
        (["red,x", "NA,NA", "blue,y"], [0, 0]),  # no number has the word: it may be Namibia
        (["1,x", "NA,", "2,NA"], [1, 1]),  # an empty field among the texts: NA is none there
    ],
)
def test_what_would_be_lost_stays_a_text(lines, nulls):
    """Every value comes back as it was read."""
    text = "\n".join(["a,b", *lines, ""])

    table = read(text)

    assert [table[name].null_count for name in "ab"] == nulls
    assert written(table) == text


def test_a_file_that_quotes_all_has_quoted_words():
    """As R writes them with quotes around everything."""
    text = '"a","b"\n"1","x"\n"NA","NA"\n"2","y"\n'

    table = read(text)

    assert table.to_pydict() == {"a": [1, None, 2], "b": ["x", None, "y"]}
    assert written(table) == text


def test_numbers_with_a_decimal_comma_have_the_word_too():
    """As a German R writes them."""
    text = "a;b\n1,5;x\nNA;NA\n3,25;y\n"

    table = read(text)

    assert table.to_pydict() == {"a": [1.5, None, 3.25], "b": ["x", None, "y"]}
    assert written(table) == text


@pytest.mark.parametrize("end", ["TRUE,z", "true,z", "0,z", "yes,z"])
def test_truth_values_that_are_not_written_alike_are_texts(end):
    """Which is written how would be lost."""
    text = "\n".join(["a,b", "True,x", "False,y", end, ""])

    table = read(text)

    assert str(table.schema.field("a").type) == "string"
    assert written(table) == text


@given(
    decimals=st.sampled_from([2, 4, 6]),  # three behind a comma may be thousands
    numbers=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=20),
    mark=st.sampled_from([".", ","]),
)
@settings(deadline=None)
def test_numbers_with_as_many_decimals_each_are_numbers(decimals, numbers, mark):
    """As prices are written; the zeros at the end come back too."""
    texts = [f"{number / 10**decimals:.{decimals}f}" for number in [*numbers, 10**decimals]]
    texts = [text.replace("-0." + "0" * decimals, "0." + "0" * decimals) for text in texts]
    text = "\n".join(["price;b", *(f"{one.replace('.', mark)};x" for one in texts), ""])

    table = read(text)

    assert table.schema.field("price").type == pa.float64()
    assert table["price"].to_pylist() == [float(one) for one in texts]
    assert written(table) == text


@given(
    numbers=st.lists(st.integers(-(10**6), 10**6), max_size=20),
    mark=st.sampled_from([".", ","]),
    data=st.data(),
)
@settings(deadline=None)
def test_whole_numbers_among_others_have_no_point_where_they_have_none(numbers, mark, data):
    """As a person writes them, or a spreadsheet: 18, 39.1."""
    shortest = [f"{number / 100}".removesuffix(".0") for number in numbers]
    texts = data.draw(st.permutations([*shortest, "18", "39.1", "2.25"]))
    text = "\n".join(["bill;b", *(f"{one.replace('.', mark)};x" for one in texts), ""])

    table = read(text)

    assert table["bill"].to_pylist() == [float(one) for one in texts]
    assert written(table) == text


@pytest.mark.parametrize("others", [["18.0"], ["3", "18.0"]])
def test_whole_numbers_have_a_point_where_some_have_one(monkeypatch, others):
    """Wherever a file is cut into blocks."""
    monkeypatch.setattr(csv_files, "BLOCK", 1000)
    first = ["a,b", *["39.1,x"] * 1_000]

    table = read("\n".join([*first, *(f"{other},y" for other in others), ""]))

    assert written(table) == "\n".join([*first, *(f"{float(other)},y" for other in others), ""])


@pytest.mark.parametrize("odd", ["-0.00", "1234567890123456.10", "007.50", "12.5 EUR"])
def test_a_number_that_would_not_come_back_leaves_texts(odd):
    """As before: codecs read them."""
    text = "\n".join(["price;b", "12.50;x", f"{odd};y", "3.20;z", ""])

    table = read(text)

    assert table.schema.field("price").type == pa.string()
    assert written(table) == text
