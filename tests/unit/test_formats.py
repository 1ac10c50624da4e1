"""Reading and writing tables: every value comes back, in every format."""

from __future__ import annotations

import io
import json
import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datagen_nb.core.errors import InputError
from datagen_nb.tables import csv_files, json_files, json_lines
from datagen_nb.tables.formats import assemble, read_batches, read_part, write_part

FORMATS = ("csv", "json", "jsonl", "parquet")


def read(data: bytes | str, format: str = "csv", **parameters: Any) -> pa.Table:
    file = io.BytesIO(data.encode() if isinstance(data, str) else data)
    return pa.Table.from_batches(read_batches(file, format, parameters=parameters))


def written(table: pa.Table, format: str) -> bytes:
    file = io.BytesIO()
    write_part(table, format, file)
    return file.getvalue()


def types(table: pa.Table) -> list[str]:
    return [str(field.type) for field in table.schema]


@pytest.mark.parametrize(
    ("values", "type"),
    [
        (["1", "-2", ""], "int64"),
        (["1", "2.5"], "double"),
        (["1e5", ".5", "-0.25"], "double"),
        (["007", "12"], "string"),
        (["0.5", "00.5"], "string"),
        (["9007199254740993"], "int64"),
        (["9007199254740993", "0.5"], "string"),
        (["123456789012345678901"], "string"),
        (["true", "false"], "bool"),
        (["true", "False"], "string"),
        (["1", "true"], "string"),
        (["2024-02-29"], "date32[day]"),
        (["2024-02-29", "2024-02-29 10:00"], "string"),
        (["2024-02-29T10:00:00", "2024-03-01T00:00:00"], "timestamp[s]"),
        (["2024-02-29T10:00:00.5"], "string"),
        (["2024-02-29T10:00:00.500001"], "timestamp[us]"),
        (["2024-02-29T10:00:00.123456789"], "timestamp[ns]"),
        (["9999-12-31", "2024-02-29T10:00:00.123456789"], "string"),
        (["2024-02-29T10:00:00Z", "2024-02-29T10:00:00+0100"], "string"),
        (["2024-02-29T10:00:00Z"], "timestamp[s, tz=UTC]"),
        (["1", "NA"], "int64"),
        (["NULL", "2024-02-29", "NULL"], "date32[day]"),
        (["1", "NA", ""], "string"),
        (["1", "NA", "NULL"], "string"),
        (["007", "NA"], "string"),
        (["a", "NA"], "string"),
        (["", ""], "string"),
        (["0x10"], "string"),
    ],
)
def test_a_csv_column_gets_the_narrowest_type_that_keeps_every_value(
    values: list[str], type: str
) -> None:
    """Types are guessed so that nothing is lost: no zero, no digit, no null."""
    table = read("a,b\n" + "".join(f"{value},x\n" for value in values))

    assert types(table)[0] == type


@pytest.mark.parametrize(
    ("late", "type"), [("2.5", "double"), ("word", "string"), ("", "int64"), ("NA", "int64")]
)
def test_a_column_may_change_its_mind_late_in_the_file(
    monkeypatch: pytest.MonkeyPatch, late: str, type: str
) -> None:
    """What stands in the last block counts for the type of the first."""
    monkeypatch.setattr(csv_files, "BLOCK", 1000)
    data = "a,b\n" + "1,2\n" * 5000 + f"{late},2\n"

    table = read(data)

    assert table.num_rows == 5001
    assert types(table) == [type, "int64"]


def test_csv_tells_missing_from_empty_text() -> None:
    """An empty field is missing; a quoted empty field is an empty text; NA stays a text."""
    table = read('a,b\nx,1\n,2\n"",3\nNA,4\n')

    assert table["a"].to_pylist() == ["x", None, "", "NA"]


def test_csv_reads_quotes_line_breaks_and_marks() -> None:
    """RFC 4180 with a byte order mark, line breaks of Windows and a quoted header."""
    data = b'\xef\xbb\xbf"a ""1""",b\r\n"x\r\ny",1\r\n\r\n"p,q",2\r\n'

    table = read(data)

    assert table.to_pydict() == {'a "1"': ["x\r\ny", "p,q"], "b": [1, 2]}


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@given(blanks=st.lists(st.sampled_from(["", " ", "\t", " \t  "]), max_size=5))
def test_blank_lines_before_the_header_are_no_rows(mark: str, end: str, blanks: list[str]) -> None:
    """However many, of whatever line ends and spaces: the header is the first line with text."""
    lines = [*blanks, "a,b", "1,2.5", "2,3.5", ""]

    table = read((mark + end.join(lines)).encode())

    assert table.to_pydict() == {"a": [1, 2], "b": [2.5, 3.5]}


def test_blank_lines_before_the_header_count_as_lines_in_messages() -> None:
    """The line that a message names is the line of the file."""
    with pytest.raises(InputError, match="line 7 has 1 field, the header has 2"):
        read("\n  \n\na,b\n1,2\n\n3\n")


def test_a_header_of_spaces_that_we_wrote_is_read_as_a_header() -> None:
    """A quoted name is no blank line, even if it holds nothing but spaces."""
    table = pa.table({"  ": [1, 2]})
    file = io.BytesIO()
    write_part(table, "csv", file)

    assert read_part(file, "csv", table.schema) == table


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-16-le", "cp1252"])
def test_other_encodings_are_read_when_named(encoding: str) -> None:
    """What the parameter names is what is read."""
    table = read("näme,b\nMüller,1\nÅse,2\n".encode(encoding), encoding=encoding)

    assert table.to_pydict() == {"näme": ["Müller", "Åse"], "b": [1, 2]}


def test_another_delimiter_is_read_when_named() -> None:
    """The same for the delimiter."""
    assert read("a;b\n1;x\n2;y\n", delimiter=";").to_pydict() == {"a": [1, 2], "b": ["x", "y"]}


def test_bad_lines_can_be_left_out() -> None:
    """With badLines=skip they are dropped, counted, and the first is named."""
    warnings: list[str] = []
    data = b'a,b\n"x\ny",2\n\n1,2,3\n1\n3,4\n'

    batches = read_batches(
        io.BytesIO(data), "csv", parameters={"badLines": "skip"}, warn=warnings.append
    )

    assert pa.Table.from_batches(batches)["b"].to_pylist() == [2, 4]
    assert "".join(warnings) == (
        "2 lines were left out because the number of fields differs from the header's; "
        "the first is line 5."
    )


def test_a_nameless_csv_column_gets_a_name() -> None:
    """An index that pandas wrote does not stop the reading."""
    assert read(",a\n0,x\n1,y\n").column_names == ["column_1", "a"]


def test_json_columns_are_the_union_of_keys() -> None:
    """Keys may be absent, appear late, and hold values of mixed types."""
    rows = [{"a": 1, "b": "x"}, {"a": 2.5, "c": None}, {"b": [1], "d": "2024-02-29"}, {"b": "y"}]
    for format, data in (
        ("json", json.dumps(rows)),
        ("jsonl", "\n".join(json.dumps(row) for row in rows)),
    ):
        table = read(data, format)

        assert table.to_pydict() == {
            "a": [1.0, 2.5, None, None],
            "b": ["x", None, "[1]", "y"],
            "c": [None] * 4,
            "d": [None, None, date(2024, 2, 29), None],
        }


def test_json_keeps_large_integers() -> None:
    """Beyond 2**53 they stay exact, beyond 64 bits as text."""
    rows = [{"a": 2**63 - 1, "b": 2**64}, {"a": -(2**63), "b": 1}]

    table = read(json.dumps(rows), "json")

    assert table.to_pydict() == {"a": [2**63 - 1, -(2**63)], "b": [str(2**64), "1"]}


def test_json_is_read_in_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects, strings and numbers may be cut anywhere by the end of a piece."""
    monkeypatch.setattr(json_files, "CHUNK", 7)
    rows = [{"a": index, "b": "é\n" * (index % 5), "c": {"d": [index]}} for index in range(300)]

    table = read(json.dumps(rows, indent=1, ensure_ascii=False), "json")

    assert table["a"].to_pylist() == list(range(300))
    assert table["b"].to_pylist() == [row["b"] for row in rows]


JSON_LITERALS = [
    *("0", "-0", "1", "-1", "true", "false", "null", "0.5", "-0.0", "1E5", "1e999", "NaN", "{}"),
    *(str(s * 2**bits + n) for s in (1, -1) for bits in (53, 63, 64) for n in (-1, 0, 1)),
    *("1" * 30, "0." + "1" * 30, "1" * 25 + ".5", "1e-400", f"[{2**70}]", "[1, [2]]", "Infinity"),
    *('"text"', '""', '"\\ud800"', '"\\u00e9"', '"é"', '"2024-02-29"', '"12345678901234567890"'),
]


@given(
    st.lists(st.lists(st.sampled_from(JSON_LITERALS), min_size=2, max_size=2), min_size=2),
    st.sampled_from([7, 60, 1 << 20]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_json_lines_hold_what_the_array_holds(
    monkeypatch: pytest.MonkeyPatch, values: list[list[str]], chunk: int
) -> None:
    """The fast parser of lines reads every value as the standard parser of arrays does."""
    monkeypatch.setattr(json_lines, "CHUNK", chunk)
    rows = [f'{{"a": {one}, "b": {other}}}' for one, other in values]

    lines = read("\n".join(rows), "jsonl")

    array = read("[" + ",".join(rows) + "]", "json")
    assert lines.schema == array.schema
    assert repr(lines.to_pydict()) == repr(array.to_pydict())


@pytest.mark.parametrize("rows", [10, 3_000])
def test_a_long_integer_among_json_lines_is_exact(rows: int) -> None:
    """One line that the fast parser would round does not slip through among many."""
    lines = [f'{{"a": {number}, "b": 0.{number:025}}}' for number in range(rows)]
    lines[rows // 2] = f'{{"a": {2**64 + 1}, "b": 1}}'

    table = read("\n".join(lines), "jsonl")

    assert table["a"][rows // 2].as_py() == str(2**64 + 1)
    assert table["a"][0].as_py() == "0"


def test_a_bad_json_line_is_found_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blank lines count, wherever the chunks end."""
    monkeypatch.setattr(json_lines, "CHUNK", 40)
    lines = ['{"a": 1}', "", "  ", "\u00a0", *['{"a": 2}'] * 50, '{"a": 3,}', '{"a": 4}']

    with pytest.raises(InputError, match=r"line 55, column 9"):
        read("\n".join(lines), "jsonl")
    assert read("\n".join(lines), "jsonl", badLines="skip").num_rows == 52


@pytest.mark.parametrize("text", ['{"a": 1}, {"a": 2}', '{"a": 1}{"a": 2}', "[1]", "1"])
def test_a_line_is_one_object(text: str) -> None:
    """Two objects on a line are an error, not two rows."""
    with pytest.raises(InputError) as caught:
        read('{"a": 0}\n' + text, "jsonl")

    assert caught.value.code == "input_broken"
    assert caught.value.details["line"] == 2


def test_a_json_line_nested_too_deeply_is_an_error_of_the_input() -> None:
    """Also between the depths that the two parsers and the writer allow."""
    for depth in (1_000, 1_020, 100_000):
        with pytest.raises(InputError, match="nested too deeply"):
            read('{"a": ' + "[" * depth + "]" * depth + "}", "jsonl")


def test_json_lines_are_parsed_again_when_too_large_to_keep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is kept in memory of a small file gives the table that reading it again gives."""
    rows = [
        {"a": index, "b": f"{index}", "c": None} | ({"d": 0.5} if index % 2 else {})
        for index in range(1000)
    ]
    data = "\n".join(map(json.dumps, [{}, *rows, {}]))
    kept = read(data, "jsonl")

    monkeypatch.setattr(json_files, "MAX_KEPT", 0)

    assert read(data, "jsonl").equals(kept)


def test_half_a_surrogate_pair_is_replaced() -> None:
    """JSON can escape what is no character; it does not stop the reading."""
    assert read('[{"a": "x\\ud800"}, {"a": "y"}]', "json")["a"].to_pylist() == ["x?", "y"]


def test_parquet_dictionaries_are_plain_columns() -> None:
    """Dictionary encoding is how a column is kept, not what it is."""
    table = pa.table({"a": pa.array(["x", "y", "x"]).dictionary_encode()})
    file = io.BytesIO()
    pq.write_table(table, file)

    assert read(file.getvalue(), "parquet").to_pydict() == {"a": ["x", "y", "x"]}


ALL_TYPES = pa.table(
    {
        "int": pa.array([2**62 + 1, None, -1]),
        "small": pa.array([1, None, 3], pa.int8()),
        "unsigned": pa.array([2**64 - 1, None, 0], pa.uint64()),
        "float": pa.array([0.1, None, 1e300]),
        "single": pa.array([0.5, None, 1e20], pa.float32()),
        "whole": pa.array([1.0, 2.0, None]),
        "bool": pa.array([True, None, False]),
        "text": pa.array(['a,"b"\n', None, ""]),
        "zeros": pa.array(["007", None, "NA"]),
        "date": pa.array([date(2024, 2, 29), None, date(1, 1, 1)]),
        "seconds": pa.array([1_709_168_523, None, None], pa.timestamp("s")),
        "micros": pa.array([1_709_168_523_000_004, None, None], pa.timestamp("us")),
        "nanos": pa.array([1709168523000000005, None, 0], pa.timestamp("ns")),
        "zoned": pa.array(
            [datetime(2024, 2, 29, 1, tzinfo=UTC), None, None], pa.timestamp("us", "Europe/Berlin")
        ),
        "time": pa.array([3_723_000_004, None, 0], pa.time64("us")),
        "duration": pa.array([5, None, 0], pa.duration("ms")),
        "decimal": pa.array([Decimal("12345678901234567890.12"), None, Decimal("0.10")]),
        "null": pa.nulls(3),
        "long": pa.array(["x", None, "y"], pa.large_string()),
    }
)


@pytest.mark.parametrize("format", FORMATS)
def test_every_type_survives_every_format(format: str) -> None:
    """What a part holds is what was generated, to the last digit."""
    part = read_part(io.BytesIO(written(ALL_TYPES, format)), format, ALL_TYPES.schema)

    assert part.schema == ALL_TYPES.schema
    assert part.to_pydict() == ALL_TYPES.to_pydict()


def test_csv_looks_as_people_expect() -> None:
    """Nulls empty, floats shortest, truth in small letters, times ISO, quotes where needed."""
    table = pa.table(
        {
            "a b": ["x", None, 'q"'],
            "f": [0.1, 2.0, None],
            "t": [True, None, False],
            "w": pa.array([0, None, 86_400], pa.timestamp("s")),
            "u": pa.array([0, 1500, None], pa.timestamp("ms", "UTC")),
        }
    )

    assert written(table, "csv").decode() == (
        "a b,f,t,w,u\n"
        "x,0.1,true,1970-01-01T00:00:00,1970-01-01T00:00:00.000Z\n"
        ",2.0,,,1970-01-01T00:00:01.500Z\n"
        '"q""",,false,1970-01-02T00:00:00,\n'
    )


def test_json_looks_as_people_expect() -> None:
    """One object a row, null for what is missing, and JSON's own types."""
    table = pa.table({"a": ['x"\n', None], "f": [0.5, math.nan], "t": [True, None], "ü": [1, 2]})

    assert written(table, "jsonl").decode() == (
        '{"a": "x\\"\\n", "f": 0.5, "t": true, "ü": 1}\n{"a": null, "f": null, "t": null, "ü": 2}\n'
    )
    assert json.loads(written(table, "json")) == [
        {"a": 'x"\n', "f": 0.5, "t": True, "ü": 1},
        {"a": None, "f": None, "t": None, "ü": 2},
    ]


@pytest.mark.parametrize("format", FORMATS)
def test_parts_join_into_one_table(format: str) -> None:
    """One header, one pair of brackets, every row once and in order."""
    schema = ALL_TYPES.rename_columns([f'c,"\n{i}' for i in range(19)]).schema
    whole = ALL_TYPES.rename_columns(schema.names)
    parts = [whole.slice(0, 1), whole.slice(1, 1), whole.slice(2, 1)]
    target = io.BytesIO()

    assemble((io.BytesIO(written(part, format)) for part in parts), format, target)

    assert read_part(target, format, schema).to_pydict() == whole.to_pydict()
    if format != "parquet":
        assert target.getvalue() == written(whole, format)


@pytest.mark.parametrize("format", FORMATS)
def test_writing_is_deterministic(format: str) -> None:
    """The same rows give the same bytes, however they are chunked."""
    chunked = pa.concat_tables([ALL_TYPES.slice(0, 2), ALL_TYPES.slice(2)])

    assert written(chunked, format) == written(ALL_TYPES.combine_chunks(), format)


def test_other_readers_agree() -> None:
    """Arrow's own CSV reader and Python's JSON reader see the same values."""
    table = pa.table({"a": [1, 2, None], "b": ["x,", None, "z"], "c": [1.5, None, 1e22]})

    csv = pacsv.read_csv(
        io.BytesIO(written(table, "csv")),
        convert_options=pacsv.ConvertOptions(strings_can_be_null=True),
    )

    assert csv.to_pydict() == table.to_pydict()
    assert json.loads(written(table, "json")) == table.to_pylist()


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
EPOCH = datetime.fromisoformat("1970-01-01")
columns = {
    "i": st.integers(-(2**63), 2**63 - 1),
    "f": st.floats(allow_nan=False),
    "b": st.booleans(),
    "s": texts,
    "t": st.datetimes(EPOCH - timedelta(days=200 * 365), EPOCH + timedelta(days=200 * 365)),
    "d": st.dates(),
}
SCHEMA = pa.schema(
    [
        ("i", pa.int64()),
        ("f", pa.float64()),
        ("b", pa.bool_()),
        ("s", pa.string()),
        ("t", pa.timestamp("us")),
        ("d", pa.date32()),
    ]
)
tables = st.lists(
    st.fixed_dictionaries({name: st.none() | values for name, values in columns.items()}),
    min_size=1,
    max_size=20,
).map(lambda rows: pa.Table.from_pylist(rows, SCHEMA))


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(table=tables)
def test_any_table_round_trips(format: str, table: pa.Table) -> None:
    """Writing and reading a part is the identity."""
    part = read_part(io.BytesIO(written(table, format)), format, SCHEMA)

    assert part.to_pydict() == table.to_pydict()


@pytest.mark.parametrize("format", ["csv", "json", "jsonl"])
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(table=tables)
def test_guessed_types_lose_nothing(format: str, table: pa.Table) -> None:
    """What was written, read with guessed types and written again gives the same texts."""
    guessed = read(written(table, format), format)

    again = {name: [str(v) for v in guessed[name].to_pylist()] for name in ("i", "s")}

    assert again["i"] == [str(v) for v in table["i"].to_pylist()]
    if pa.types.is_string(guessed.schema.field("s").type):
        assert again["s"] == [str(v) for v in table["s"].to_pylist()]


@settings(max_examples=300)
@given(rows=st.lists(st.tuples(texts, texts), min_size=1, max_size=8))
def test_csv_agrees_with_the_standard_library(rows: list[tuple[str, str]]) -> None:
    """Any texts that we write, Python's csv module reads as the same fields."""
    import csv

    table = pa.table({"a": [row[0] for row in rows], "b": [row[1] for row in rows]})

    text = written(table, "csv").decode()

    assert list(csv.reader(io.StringIO(text, newline="")))[1:] == [list(row) for row in rows]


@pytest.mark.parametrize("take_back", [None, lambda: None])
def test_a_csv_file_of_names_alone_is_a_table_without_rows(take_back):
    """Whether the reader may take rows back or not."""
    file = io.BytesIO(b"a,b\n")
    (batch,) = read_batches(file, "csv", take_back=take_back)
    assert (batch.num_rows, batch.schema.names) == (0, ["a", "b"])
