"""The dialect of a CSV file, judged by its first lines.

The delimiter is the one that divides most lines into equally many fields, the header's among
them. Whether the first line is a header follows from how its fields differ from those below.
Own code, since DuckDB's sniffer (60 MB and 0.3 s in each worker) and clevercsv's tell neither how
fields are quoted nor encodings, ends of lines or a delimiter behind the last field.
Source: van den Burg, Nazabal and Sutton, Wrangling messy CSV files by detecting row and type
patterns, 2019, for judging a dialect by the pattern of its rows.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any, BinaryIO

from datagen_nb.tables.dialect import BYTE_ORDER_MARK, Dialect
from datagen_nb.tables.encodings import Encoding, sniff_encoding, split_encoding

if TYPE_CHECKING:
    from _csv import Reader as CsvRows

HEAD = 1 << 18
"""Bytes that are judged."""

MAX_LINES = 500
DELIMITERS = (",", ";", "\t", "|")
MIN_CONSISTENT = 0.8
"""Share of the lines that a delimiter other than the comma has to divide alike."""

MAX_TITLES = 20
MIN_SHARE = 0.9
"""Of a column's values that have to look alike for its name to look different."""

MIN_SCALE = 6
"""Names that ascend in steps that differ are no accident from so many on."""

_NUMBER = re.compile(r"[^A-Za-z]*\d[^A-Za-z]*")
_DECIMAL_COMMA = re.compile(r"[-+]?\d{1,3}(\.?\d{3})*,\d+")
_DECIMAL_POINT = re.compile(r"[-+]?[\d,]*\.\d+")
_SEP_LINE = re.compile(r"(?i)\"?sep=(.)\"?\s*")

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class SniffedDialect:
    """A dialect, and how sure it is.

    Attributes:
        dialect: The dialect.
        notes: Sentences about what was assumed, for whom it concerns to correct.
        doubts: Those that may well be wrong.
    """

    dialect: Dialect
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def sniff_dialect(file: BinaryIO, parameters: Mapping[str, Any]) -> SniffedDialect:
    """Judge a file by its first bytes; what the parameters name is not judged.

    Args:
        file: Seekable; left where the reading ended.
        parameters: The job's: ``encoding``, ``delimiter``, ``quote``, ``header``.
    """
    file.seek(0)
    head = file.read(HEAD)
    named = parameters.get("encoding")
    encoding = split_encoding(named, head) if named else sniff_encoding(head)
    text = head.decode(encoding.name, errors="ignore").removeprefix(BYTE_ORDER_MARK)
    is_whole = len(head) < HEAD
    found = Dialect(encoding=encoding.name, has_mark=encoding.has_mark)
    notes: list[str] = []
    doubts: list[str] = []
    if named is None and encoding.confidence != "certain":
        doubts.append(encoding_doubt(encoding))
    elif named is None and encoding.name != "utf-8":
        notes.append(f"The text was read as {encoding.name}, as its byte order mark says.")

    found = replace(found, line_end=_line_end(text), quote=_quote(text, parameters))
    preamble, body = _split_preamble(text)
    declared = next((match[1] for line in preamble if (match := _SEP_LINE.fullmatch(line))), None)
    delimiter = parameters.get("delimiter", declared)
    if delimiter is None:
        delimiter, share = _delimiter(body, found, is_whole=is_whole)
        if delimiter != ",":
            notes.append(
                f"{_named(delimiter)} separates the fields, as in {share:.0%} of the first lines; "
                'parameters={"delimiter": …} names another character.'
            )
    found = replace(found, delimiter=delimiter)
    rows = _rows(body, found, is_whole=is_whole)
    titles = _titles(rows)
    if titles:
        lines = body.splitlines(keepends=True)
        preamble, body = [*preamble, *lines[:titles]], "".join(lines[titles:])
        rows = _rows(body, found, is_whole=is_whole)
    if any(line.strip() and not _SEP_LINE.fullmatch(line) for line in preamble):
        notes.append(f"The first {_count(preamble, 'line')} hold no rows and were left out.")
    found = replace(found, preamble=tuple(preamble))
    rows = [row for row in rows if row]
    if not rows:
        return SniffedDialect(found, tuple(notes), tuple(doubts))
    if _has_space_after(rows):
        found = replace(found, space_after=True)
        rows = [row for row in _rows(body, found, is_whole=is_whole) if row]
    if len(rows) > 1 and all(len(row) == len(rows[0]) > 1 and not row[-1] for row in rows):
        found = replace(found, ends_with_delimiter=True)
        rows = [row[:-1] for row in rows]
    has_header = parameters.get("header")
    if has_header is None:
        has_header = not _lacks_header(rows)
        if not has_header:
            doubts.append(
                "The first line looks like the others, so it was read as a row and the columns "
                'were named by position; parameters={"header": True} makes it the header.'
            )
    found = replace(found, has_header=has_header)
    body_rows = rows[1:] if has_header else rows
    quotes_header, quoted = _quoted(body, found, len(rows[0]))
    found = replace(found, quotes_header=quotes_header, quoted=quoted)
    if _has_decimal_comma(body_rows):
        found = replace(found, decimal=",")
        notes.append("Numbers were read with a decimal comma.")
    return SniffedDialect(found, tuple(notes), tuple(doubts))


def likely_delimiter(lines: Sequence[str]) -> str | None:
    """A character that all lines of a table of one column hold equally often."""
    for candidate in (*DELIMITERS, ":", "^", "~", "\x01", "\x1f"):
        counts = {line.count(candidate) for line in lines}
        if len(lines) > 1 and len(counts) == 1 and counts != {0}:
            return candidate
    return None


def encoding_doubt(encoding: Encoding) -> str:
    """A sentence about an encoding that is not certain."""
    return (
        f"The text is not UTF-8 and was read as {encoding.name} ({encoding.confidence}); "
        'parameters={"encoding": …} names another encoding.'
    )


def _named(delimiter: str) -> str:
    return "A tab" if delimiter == "\t" else repr(delimiter)


def _count(items: Sequence[object], noun: str) -> str:
    return f"{len(items)} {noun}{'s' * (len(items) != 1)}"


def _line_end(text: str) -> str:
    counts = Counter(re.findall(r"\r*\n|\r", text))
    return min(counts, key=lambda end: (-counts[end], end)) if counts else "\n"


def _quote(text: str, parameters: Mapping[str, Any]) -> str:
    if "quote" in parameters:
        return str(parameters["quote"])
    around = re.findall(r"(?:^|[,;\t|] ?)'[^'\r\n]*'(?=[,;\t|]|\r|\n|$)", text, re.MULTILINE)
    return "'" if len(around) > 1 and '"' not in text else '"'


def _split_preamble(text: str) -> tuple[list[str], str]:
    """Lines above the table that say so themselves: blank, ``sep=;``, comments."""
    # What has no end is taken whole, and left out: to look for its end at each of its signs would
    # take time with the square of its length.
    lines = re.findall(r"[^\r\n]*(?:\r*\n|\r)|[^\r\n]+", text)
    if lines and not lines[-1].endswith(("\r", "\n")):
        lines.pop()
    count = 0
    while count < len(lines) and (
        lines[count].isspace() or _SEP_LINE.fullmatch(lines[count]) or _is_comment(lines, count)
    ):
        count += 1
    if count == len(lines):  # nothing else: the last line may be a header all the same
        return [], text
    preamble = lines[:count]
    return preamble, text[sum(map(len, preamble)) :]


def _is_comment(lines: Sequence[str], place: int) -> bool:
    """Whether a line begins with ``#`` and is not a header that does."""
    if not lines[place].startswith("#"):
        return False
    below = next((line for line in lines[place + 1 :] if not line.isspace()), "")
    if below.startswith("#"):
        return True
    counts = [(lines[place].count(one), below.count(one)) for one in DELIMITERS]
    return not any(here == there > 0 for here, there in counts)


def rows_of(lines: str | Iterable[str], dialect: Dialect, *, strict: bool = False) -> CsvRows:
    """The rows of a text as Python's reader parses them; blank lines have no fields.

    Args:
        lines: A text, or its lines with their ends.
        dialect: Its form; what stands above the header is not left out.
        strict: Raise ``csv.Error`` where something follows a closing quote.
    """
    return csv.reader(
        io.StringIO(lines, newline="") if isinstance(lines, str) else lines,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        skipinitialspace=dialect.space_after,
        strict=strict,
    )


def _rows(text: str, dialect: Dialect, *, is_whole: bool) -> list[list[str]]:
    """The first rows; the last one of a text that was cut is left out."""
    rows: list[list[str]] = []
    with suppress(csv.Error):  # judged by the rows before; reading the file reports the error
        rows = list(islice(rows_of(text, dialect), MAX_LINES + 1))
    if len(rows) > MAX_LINES or (not is_whole and len(rows) > 1):
        rows.pop()
    return rows


def _delimiter(text: str, dialect: Dialect, *, is_whole: bool) -> tuple[str, float]:
    """The delimiter, and the share of the lines that it divides alike."""
    best, chosen = (0.0, 0), (",", 0.0)
    for candidate in DELIMITERS:
        parsed = _rows(text, replace(dialect, delimiter=candidate), is_whole=is_whole)
        rows = [row for row in parsed if row]
        counts = Counter(map(len, rows))
        wide = {fields: count for fields, count in counts.items() if fields > 1}
        if not wide:
            continue
        fields = max(wide, key=lambda fields: (wide[fields], fields))
        share = wide[fields] / len(rows)
        above = next(place for place, row in enumerate(rows) if len(row) == fields)
        is_first = above == 0 or (above < MAX_TITLES and all(len(row) == 1 for row in rows[:above]))
        score = (share if is_first else share / 2, fields)
        if score > best and (candidate == "," or score[0] >= MIN_CONSISTENT):
            best, chosen = score, (candidate, share)
    return chosen


def _titles(rows: Rows) -> int:
    """How many lines of titles stand above the table: one field each, of words or blank."""
    place = next((place for place, row in enumerate(rows) if len(row) > 1), 0)
    if not 0 < place <= MAX_TITLES or '"' in "".join("".join(row) for row in rows[:place]):
        return 0
    above = ["".join(row).strip() for row in rows[:place]]
    is_title = all(not line or " " in line for line in above) or not above[-1]
    following = [len(row) for row in rows[place:] if row]
    is_table = len(following) > 1 and len(set(following)) == 1
    return place if is_title and is_table else 0


def _has_space_after(rows: Rows) -> bool:
    later = [field for row in rows for field in row[1:] if field]
    return bool(later) and all(
        field.startswith(" ") and not field.startswith("  ") for field in later
    )


def _is_number(text: str) -> bool:
    return len(text) < 40 and _NUMBER.fullmatch(text) is not None


def _shape(text: str) -> str:
    return re.sub("[A-Za-z]", "a", re.sub(r"\d", "9", text))


def _lacks_header(rows: Rows) -> bool:
    """Whether the first row is one of the others: the columns vote."""
    first, others = rows[0], rows[1:]
    votes = 0
    for place, name in enumerate(first):
        column = [row[place].strip() for row in others if place < len(row) and row[place].strip()]
        if not column or not name.strip():
            continue
        vote = _vote(name.strip(), column)
        if vote is None:
            return False
        votes += vote
    if _is_scale(first, others):
        return False
    if not others:
        return False
    return votes > 0


def _vote(name: str, column: Sequence[str]) -> int | None:
    """1 for a row, -1 for a header, 0 for neither; ``None`` for a header for sure."""
    numbers = sum(map(_is_number, column)) / len(column)
    if numbers >= MIN_SHARE:
        return 1 if _is_number(name) else None
    if _is_number(name) and numbers == 0:
        return 1 if name in column else 0
    if name in column:
        return 1
    shapes = Counter(map(_shape, column))
    common, count = shapes.most_common(1)[0]
    if "9" in common and count >= MIN_SHARE * len(column) and len(column) > 1:
        return 1 if _shape(name) == common else None
    signs = [sign for sign in "@/:" if all(sign in value for value in column)]
    if signs and len(column) > 1:
        return 0 if all(sign in name for sign in signs) else None
    return -1 if len(set(column)) <= len(column) / 2 else 0


def _is_scale(names: Sequence[str], others: Rows) -> bool:
    """Whether names are a scale: years or positions, doses, wavelengths.

    Numbers in equal steps are one, and so are many that ascend where no other row does.
    """
    scale = _numbers(names)
    if len(scale) < 3 or len(scale) < len(names) - 2:
        return False
    steps = {b - a for a, b in pairwise(scale)}
    if min(steps) <= 0:
        return False
    if len(steps) == 1:
        return len(scale) > 3 or steps == {1}
    return len(scale) >= MIN_SCALE and not any(_ascends(_numbers(row)) for row in others)


def _numbers(fields: Sequence[str]) -> list[Decimal]:
    return [Decimal(field) for field in fields if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", field)]


def _ascends(numbers: Sequence[Decimal]) -> bool:
    return len(numbers) > 1 and all(a < b for a, b in pairwise(numbers))


def _has_decimal_comma(rows: Rows) -> bool:
    """Whether some column is of numbers with a comma, and none of numbers with a point."""
    found = False
    for column in zip(*(row for row in rows if len(row) == len(rows[0])), strict=True):
        values = [value.strip() for value in column if value.strip()]
        commas = sum(_DECIMAL_COMMA.fullmatch(value) is not None for value in values)
        points = sum(_DECIMAL_POINT.fullmatch(value) is not None for value in values)
        if points > 0.5 * len(values) > 0:
            return False
        # 1,234 in all rows is a thousand: some value has to have another number of digits.
        is_decimal = any(len(value.rpartition(",")[2]) != 3 for value in values if "," in value)
        found = found or (commas > 0.5 * len(values) > 0 and is_decimal)
    return found


def _quoted(text: str, dialect: Dialect, columns: int) -> tuple[bool, tuple[int, ...]]:
    """Whether all names are quoted, and the columns of which all values are."""
    if not dialect.quote or dialect.quote not in text:
        return False, ()
    lines = list(islice(_quoted_fields(text, dialect), MAX_LINES))
    quotes_header = dialect.has_header and all(lines[0][:columns])
    quoted, plain = set(), set()
    for line in lines[dialect.has_header :]:
        quoted |= {place for place, flag in enumerate(line[:columns]) if flag}
        plain |= {place for place, flag in enumerate(line) if flag is False}
    return quotes_header, tuple(sorted(quoted - plain))


def _quoted_fields(text: str, dialect: Dialect) -> Iterator[list[bool | None]]:
    """For each field of each line, whether it is quoted; ``None`` for one that is empty."""
    quote, delimiter = re.escape(dialect.quote), re.escape(dialect.delimiter)
    field = re.compile(
        rf" ?(?P<quoted>{quote}(?:[^{quote}]|{quote}{quote})*{quote})"
        rf"(?={delimiter}|[\r\n]|$)|(?P<plain>[^{delimiter}\r\n]*)"
    )
    end = re.compile(r"[\r\n]+")
    at = 0
    while at < len(text):
        flags: list[bool | None] = []
        while (match := field.match(text, at)) is not None:
            flags.append(True if match["quoted"] else False if match["plain"] else None)
            at = match.end()
            if text[at : at + 1] != dialect.delimiter:
                break
            at += 1
        yield flags
        if (ended := end.match(text, at)) is None:
            return
        at = ended.end()
