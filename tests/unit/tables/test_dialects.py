"""CSV as people have it: the form of a file is found, and a result has the same."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from datagen_nb.core.errors import InputError
from datagen_nb.tables import csv_files
from datagen_nb.tables.csv_sniff import SniffedDialect, likely_delimiter, sniff_dialect
from datagen_nb.tables.dialect import Dialect
from datagen_nb.tables.encodings import Encoding, sniff_encoding
from datagen_nb.tables.formats import assemble, read_batches, read_part, write_part

ROWS = "".join(f"{20 + n % 50},{('Private', 'State-gov')[n % 2]},{1000 + n}\n" for n in range(60))
PLAIN = "age,work,weight\n" + ROWS


def read(data: bytes | str, **parameters: Any) -> tuple[pa.Table, list[str]]:
    reported: list[str] = []
    file = io.BytesIO(data.encode() if isinstance(data, str) else data)
    batches = read_batches(
        file, "csv", parameters=parameters, warn=reported.append, note=reported.append
    )
    return pa.Table.from_batches(batches), reported


def written(table: pa.Table) -> bytes:
    file = io.BytesIO()
    write_part(table, "csv", file)
    return file.getvalue()


def sniffed(data: bytes | str, **parameters: Any) -> SniffedDialect:
    return sniff_dialect(io.BytesIO(data.encode() if isinstance(data, str) else data), parameters)


def quoted(text: str) -> str:
    return "".join(
        ",".join(f'"{field}"' for field in line.split(",")) + "\n" for line in text.splitlines()
    )


FILES: dict[str, str] = {
    "plain": PLAIN,
    "space after the comma": PLAIN.replace(",", ", "),
    "semicolon": PLAIN.replace(",", ";"),
    "tab": PLAIN.replace(",", "\t"),
    "pipe": PLAIN.replace(",", "|"),
    "sep line": "sep=;\n" + PLAIN.replace(",", ";"),
    "Windows": PLAIN.replace("\n", "\r\n"),
    "Windows, twice": PLAIN.replace("\n", "\r\r\n"),
    "old Mac": PLAIN.replace("\n", "\r"),
    "blank first lines": "\n\n" + PLAIN,
    "all quoted": quoted(PLAIN),
    "all quoted but the header": "age,work,weight\n" + quoted(ROWS),
    "texts quoted": PLAIN.replace("Private", '"Private"').replace("State-gov", '"State-gov"'),
    "single quotes": PLAIN.replace("Private", "'Private'").replace("State-gov", "'State-gov'"),
    "comma at the end": PLAIN.replace("\n", ",\n"),
    "no header": ROWS,
    "byte order mark": "\ufeff" + PLAIN,
    "comments": "# synthetic\n# synthetic\n" + PLAIN,
    "space and quotes": PLAIN.replace(",", ", ").replace("Private", '"Private, or so"'),
    "decimal comma": "a;b\n" + "".join(f"{n},25;{n}\n" for n in range(60)),
    "everything": "sep=;\r\n" + PLAIN.replace(",", ";").replace("\n", ";\r\n"),
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_read_is_written_to_the_byte(name: str) -> None:
    """Delimiter, quotes, ends of lines, mark, and what stands above: as in the input."""
    data = FILES[name].encode()

    table, _ = read(data)

    assert table.num_rows == 60
    assert written(table) == data
    assert read_part(io.BytesIO(data), "csv", table.schema).to_pydict() == table.to_pydict()


@pytest.mark.parametrize("name", sorted(FILES.keys() - {"no header", "decimal comma"}))
def test_every_dialect_holds_the_same_table(name: str) -> None:
    """Names, types and values do not depend on the form."""
    table, _ = read(FILES[name])

    assert table.column_names == ["age", "work", "weight"]
    assert table.schema.types == [pa.int64(), pa.string(), pa.int64()]
    assert table["weight"].to_pylist() == list(range(1000, 1060))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252"])
def test_an_encoding_is_found_and_written_again(encoding: str) -> None:
    """Marks and zero bytes tell it, and what is no UTF-8 is taken for Windows' own."""
    text = "näme;größe\n" + "".join(f"Müller {n};{n}\n" for n in range(60))
    data = text.encode(encoding)

    table, reported = read(data)

    assert table.column_names == ["näme", "größe"]
    assert written(table) == data
    assert ("read as cp1252 (likely)" in " ".join(reported)) == (encoding == "cp1252")


def test_an_encoding_that_shows_late_is_found_where_it_shows() -> None:
    """A file that begins in ASCII is not UTF-8 for that."""
    data = b"name,x\n" + b"word,1\n" * 60_000 + "Müller,2\n".encode("cp1252")

    table, reported = read(data)

    assert table["name"][-1].as_py() == "Müller"
    assert any("cp1252 (likely)" in one for one in reported)
    assert written(table) == data


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1251", "имя,возраст\nИван Петров,1\nОльга Смирнова,2\n"),
        ("cp932", "名前,年齢\n田中太郎,1\n鈴木一郎,2\n佐藤花子,3\n"),
        ("cp1252", "temp\n20 °C\n21 °C\n"),
        ("cp1252", "Prénom,Élève\nFrançois,garçon\nZoë,5 €\n"),
        ("cp1250", "jméno,x\nŤáňa,1\nŘehoř,2\n"),
        ("utf-8", "имя,возраст\nИван,1\n"),
        ("utf-8", "plain,ASCII\n"),
    ],
)
def test_encodings_are_distinguished_by_their_bytes(encoding: str, text: str) -> None:
    """Few foreign letters are accents of Western Europe, many are another script."""
    assert sniff_encoding(text.encode(encoding)).name == encoding


def test_utf_8_that_is_cut_within_a_character_is_utf_8() -> None:
    """The head of a file ends anywhere."""
    assert sniff_encoding("ü€".encode()[:-1]) == Encoding("utf-8")


def test_what_an_encoding_lacks_is_written_without_its_accent() -> None:
    """A made name may have a letter that the input's encoding does not know."""
    table = pa.table({"a": ["Müller", "Dvořák", "東"]})
    schema = Dialect(encoding="latin-1").attach(table.schema)

    assert written(table.cast(schema)).decode("latin-1") == "a\nMüller\nDvorák\n?\n"


def test_what_was_assumed_is_reported_with_what_corrects_it() -> None:
    """The delimiter with its share, the missing header as a warning."""
    semicolon, header = sniffed(FILES["semicolon"]), sniffed(FILES["no header"])

    assert semicolon.notes == (
        "';' separates the fields, as in 100% of the first lines; "
        'parameters={"delimiter": …} names another character.',
    )
    assert 'parameters={"header": True}' in header.doubts[0]
    assert sniffed(PLAIN) == SniffedDialect(Dialect())


@pytest.mark.parametrize(
    ("data", "has_header"),
    [
        ("a,b\n1,2\n3,4\n", True),
        ("1,2\n3,4\n5,6\n", False),
        ("5,Private\n6,Private\n7,Other\n8,Private\n", False),
        ("name,city\nAnn,Rome\nBob,Rome\nCy,Rome\nDee,Oslo\n", True),
        ("country,2019,2020,2021\nA,1,2,3\nB,4,5,6\n", True),
        ("0,1,2,3\nx,5,6,7\ny,8,9,10\n", True),
        ("1990,1995,2000,2005\n1,2,3,9\n4,5,6,1\n", True),
        ("400.12,401.5,402.87,404.1,405.3,406.9\n.1,.3,.2,.1,.4,.2\n.2,.3,.1,.1,.3,.2\n", True),
        ("1,3,4,7,8,9\n2,3,5,6,7,9\n1,2,3,5,7,8\n", False),
        ("10,20,30\n11,20,31\n12,22,35\n", False),
        (",a\n0,x\n1,y\n", True),
        ("email\na@x.org\nb@y.org\n", True),
        ("2024-01-01,x\n2024-01-02,y\n2024-01-03,x\n", False),
        ("id,date\n1,2024-01-01\n2,2024-01-02\n", True),
        ("code,v\nA12,x\nB34,y\nC56,z\n", True),
        ("A11,x\nA12,x\nB34,y\nC56,z\n", False),
        ("a,a\n1,2\n3,4\n", True),
        ("name\nAnn\nBob\n", True),
        ("age,sex\n1,\n2,\n", True),
        ("#id,name\n1,x\n2,y\n", True),
    ],
)
def test_a_header_is_distinguished_from_a_row(data: str, has_header: bool) -> None:
    """By how it differs from what stands below it."""
    assert sniffed(data).dialect.has_header is has_header
    assert sniffed(data).dialect.preamble == ()


def test_a_file_without_header_keeps_its_first_row() -> None:
    """Its columns are named by position, and the result has no header either."""
    table, _ = read("1,x\n2,x\n3,y\n")

    assert table.to_pydict() == {"column1": [1, 2, 3], "column2": ["x", "x", "y"]}
    assert read("1,x\n2,x\n3,y\n", header=True)[0].column_names == ["1", "x"]
    assert read("a,b\n1,x\n2,x\n", header=False)[0].num_rows == 3


def test_titles_above_a_table_are_left_out() -> None:
    """Reports begin with their name, blank lines and only then the header."""
    table, reported = read("Sales of the year\n\nname;n\nx;1\ny;2\nz;3\n")

    assert table.to_pydict() == {"name": ["x", "y", "z"], "n": [1, 2, 3]}
    assert "The first 2 lines hold no rows and were left out." in reported
    assert written(table) == b"# synthetic\n\nname;n\nx;1\ny;2\nz;3\n"


def test_comments_do_not_come_back() -> None:
    """They may name the person who exported the table; there are as many of them."""
    table, _ = read("# exported by Ann\n" + PLAIN)

    assert written(table) == b"# synthetic\n" + PLAIN.encode()
    assert b"Ann" not in table.schema.serialize().to_pybytes()


@pytest.mark.parametrize(
    ("data", "delimiter"),
    [
        ("a;b\n1,5;2\n2,5;3\n", ";"),
        ("a,b\nx|y,1\nz|w,2\n", ","),
        ("a\tb\n1,2,3\tx\n1,2\ty\n", "\t"),
        ("name;note\nAnn;hello, you\nBob;a, b, c\n", ";"),
        ("text\nHello, world\nno comma\na, b, c\n", ","),
        ('a,b\n"x;y;z",1\n"x;y;z",2\n', ","),
        ("a\n1\n2\n", ","),
    ],
)
def test_the_delimiter_is_what_divides_all_lines_alike(data: str, delimiter: str) -> None:
    """Other candidates within the values do not matter."""
    assert sniffed(data).dialect.delimiter == delimiter


def test_what_parameters_name_is_not_judged() -> None:
    """They are right, whatever the file looks like."""
    table, reported = read("a;b\n1;2\n3;4\n", delimiter=";", encoding="latin-1", header=True)

    assert table.to_pydict() == {"a": [1, 3], "b": [2, 4]}
    assert reported == []


@pytest.mark.parametrize("other", [";", ":", "^"])
def test_one_column_full_of_delimiters_is_refused_with_the_likely_one(other: str) -> None:
    """It was written with another delimiter than was named, or than we judge by."""
    with pytest.raises(InputError, match="one column only") as caught:
        read(f"a{other}b\n1{other}2\n3{other}4\n", delimiter=",")

    assert caught.value.details["delimiter"] == other
    assert likely_delimiter(["ab", "cd"]) is None


def test_numbers_with_a_decimal_comma_are_numbers() -> None:
    """In the whole file, where a point is none then; thousands alone are no fractions."""
    table, _ = read("a;b\n1,5;x\n-2,25;y\n")
    late, _ = read("a;b\n" + "1,5;7\n" * 600 + "1,5;7.5\n")
    thousands, _ = read('a,b\n"1,234",x\n"5,678",y\n')

    assert table["a"].to_pylist() == [1.5, -2.25]
    assert late.schema.types == [pa.float64(), pa.string()]
    assert thousands["a"].to_pylist() == ["1,234", "5,678"]


def test_a_value_behind_the_last_delimiter_is_an_error() -> None:
    """Nothing is lost where the first lines promised that nothing would be there."""
    with pytest.raises(InputError, match="is ragged: its first lines end with ','"):
        read("a,b,\n" + "1,2,\n" * 600 + "1,2,3\n")


@pytest.mark.parametrize("name", FILES)
def test_parts_of_a_dialect_join_into_one_file(name: str) -> None:
    """What stands above the rows is there once."""
    table, _ = read(FILES[name])
    parts = [io.BytesIO(written(table.slice(at, 20))) for at in (0, 20, 40)]
    target = io.BytesIO()

    assemble(parts, "csv", target, schema=table.schema)

    assert target.getvalue() == written(table)


def test_a_line_number_counts_the_lines_above() -> None:
    """A message names the line as an editor does."""
    with pytest.raises(InputError, match="line 5 has 1 field, the header has 2"):
        read("# x\nsep=;\na;b\n1;2\n3\n")


def test_bad_lines_are_left_out_where_a_space_follows_the_delimiter() -> None:
    """The parser of that form keeps the same rules."""
    data = "a, b\n1, x\n2\n3, y\n"

    table, reported = read(data, badLines="skip")

    assert table.to_pydict() == {"a": [1, 3], "b": ["x", "y"]}
    assert "the first is line 3" in reported[-1]
    with pytest.raises(InputError, match="line 3 has 1 field"):
        read(data)


texts = st.text(st.characters(codec="latin-1", exclude_characters="\0"), max_size=8)
dialects = st.builds(
    Dialect,
    delimiter=st.sampled_from(",;\t|~"),
    quote=st.sampled_from("\"'"),
    encoding=st.sampled_from(["utf-8", "utf-16-le", "latin-1", "utf-32-be"]),
    has_mark=st.booleans(),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    has_header=st.booleans(),
    preamble=st.sampled_from([(), ("\n",), ("# synthetic\n", "\n")]),
    space_after=st.booleans(),
    ends_with_delimiter=st.booleans(),
    quotes_header=st.booleans(),
    quoted=st.sampled_from([(), (0,), (0, 1), (1, 2)]),
    decimal=st.sampled_from(".,"),
)


@settings(max_examples=300)
@given(
    dialect=dialects,
    rows=st.lists(
        st.tuples(texts, st.none() | st.integers(-9, 9), st.none() | st.floats(allow_nan=False)),
        min_size=1,
        max_size=5,
    ),
)
def test_any_table_round_trips_in_any_dialect(
    dialect: Dialect, rows: list[tuple[str, int | None, float | None]]
) -> None:
    """Writing and reading a part is the identity, whatever its form."""
    if dialect.encoding == "latin-1":
        dialect = replace(dialect, has_mark=False)
    if dialect.space_after:  # its parser knows no empty text: such a file has none
        assume(all(row[0] for row in rows))
    if dialect.line_end == "\r":  # a file of the old Mac holds no other ends of lines
        assume(not any("\n" in row[0] for row in rows))
    table = pa.Table.from_pylist(
        [dict(zip("abc", row, strict=True)) for row in rows],
        dialect.attach(pa.schema([("a", pa.string()), ("b", pa.int64()), ("c", pa.float64())])),
    )

    part = read_part(io.BytesIO(written(table)), "csv", table.schema)

    assert part.to_pydict() == table.to_pydict()
    assert Dialect.of(table.schema) == dialect


@settings(max_examples=200)
@given(
    delimiter=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(["\n", "\r\n"]),
    has_mark=st.booleans(),
    marked=st.booleans(),
    rows=st.integers(3, 30),
)
def test_what_a_dialect_writes_is_judged_to_be_that_dialect(
    delimiter: str, line_end: str, has_mark: bool, marked: bool, rows: int
) -> None:
    """The sniffer is the inverse of the writer on ordinary tables."""
    dialect = Dialect(
        delimiter=delimiter,
        line_end=line_end,
        has_mark=has_mark,
        quotes_header=marked,
        quoted=(0, 1) if marked else (),
    )
    table = pa.table({"name": ["ab", "c d"] * rows, "count": list(range(2 * rows))})

    found = sniffed(written(table.cast(dialect.attach(table.schema))))

    assert found.dialect == dialect


def test_a_large_file_in_any_dialect_is_read_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The form is found from the beginning alone, and holds for what lies behind."""
    monkeypatch.setattr(csv_files, "BLOCK", 1000)
    monkeypatch.setattr(csv_files, "BLOCK_ROWS", 50)
    for separator in (";", ", "):
        data = f"a{separator}b\n" + f"1{separator}x\n" * 5000 + f"2.5{separator}y\n"

        table, _ = read(data)

        assert (table.num_rows, table["a"][-1].as_py()) == (5001, 2.5)
        assert sum(1 for _ in table["a"].iterchunks()) > 1
