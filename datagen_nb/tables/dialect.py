"""How a CSV file is written: what is between its values, around them and before them.

A dialect is found from the beginning of a file (``csv_sniff``), travels with the table in the
metadata of its Arrow schema, and is written with again.
"""

from __future__ import annotations

import dataclasses
import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

METADATA_KEY = b"datagen_nb.csv"

BYTE_ORDER_MARK = "\ufeff"

COMMENT = "# synthetic"


@dataclass(frozen=True, slots=True)
class Dialect:
    """The form of a CSV file; by default RFC 4180 in UTF-8, as ``csv_writer.write`` writes it.

    Attributes:
        delimiter: Character between two fields.
        quote: Character around a field that holds special characters.
        encoding: Of the text, by the name of Python's codec without a byte order mark.
        has_mark: Whether the text begins with a byte order mark.
        line_end: Characters at the end of a row.
        has_header: Whether names stand above the rows.
        preamble: Lines above the header, with their ends: blank ones, ``sep=;``, comments.
        space_after: Whether a space follows each delimiter.
        ends_with_delimiter: Whether a delimiter follows the last field.
        quotes_header: Whether all names are quoted.
        quoted: Positions of the columns whose values are all quoted, from 0.
        decimal: Decimal mark of numbers.
        null_words: For each column what stands for a missing value, as ``NA``; nothing where its
            field is empty, and no entry at all where that is so in all columns.
        true_words: For each column how it writes true, as ``TRUE``, and then false; nothing, and no
            entry at all, in the same way.
        decimals: For each column how many its numbers have; 0, and no entry at all, where they have
            as many as they need.
        bare_whole: Positions of the columns whose numbers have as many decimals as they need, and
            no point where they need none, as 18 beside 39.1.
    """

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    has_mark: bool = False
    line_end: str = "\n"
    has_header: bool = True
    preamble: tuple[str, ...] = ()
    space_after: bool = False
    ends_with_delimiter: bool = False
    quotes_header: bool = False
    quoted: tuple[int, ...] = ()
    decimal: str = "."
    null_words: tuple[str, ...] = ()
    true_words: tuple[str, ...] = ()
    decimals: tuple[int, ...] = ()
    bare_whole: tuple[int, ...] = ()

    def null_word(self, place: int) -> str:
        """What stands for a missing value in a column, by its position."""
        return self.null_words[place] if self.null_words else ""

    def true_word(self, place: int) -> str:
        """How a column writes true, by its position."""
        return self.true_words[place] if self.true_words else ""

    def decimals_of(self, place: int) -> int:
        """How many decimals the numbers of a column have, by its position; 0 where they vary."""
        return self.decimals[place] if self.decimals else 0

    @property
    def separator(self) -> str:
        """What is written between two fields."""
        return self.delimiter + " " * self.space_after

    def without_comments(self) -> Dialect:
        """The same with other comments, as many: what the input has in them stays there."""
        return replace(self, preamble=tuple(map(_neutral, self.preamble)))

    def encode(self, text: str) -> bytes:
        """Encode text; a letter that the encoding lacks loses its accent, or becomes ``?``."""
        try:
            return text.encode(self.encoding)
        except UnicodeEncodeError:
            return "".join(map(self._encodable, text)).encode(self.encoding)

    def _encodable(self, character: str) -> str:
        for candidate in (character, unicodedata.normalize("NFKD", character)[0]):
            try:
                candidate.encode(self.encoding)
            except UnicodeEncodeError:
                continue
            return candidate
        return "?"

    @classmethod
    def of(cls, schema: pa.Schema) -> Dialect:
        """The dialect that a schema carries; the usual one if it carries none."""
        data = (schema.metadata or {}).get(METADATA_KEY)
        if data is None:
            return cls()
        fields = json.loads(data)
        fields = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in fields.items()
        }
        return cls(**fields)

    def for_path(self, path: str) -> Dialect:
        """The dialect of a file of that name: a ``.tsv`` has tabs."""
        is_tabs = path.lower().endswith(".tsv") and self.delimiter != "\t"
        return replace(self, delimiter="\t", preamble=()) if is_tabs else self

    def of_columns(self, places: Sequence[int]) -> Dialect:
        """The dialect of a file with these columns alone, by their positions."""
        return replace(
            self,
            quoted=tuple(new for new, old in enumerate(places) if old in self.quoted),
            null_words=tuple(self.null_words[old] for old in places if self.null_words),
            true_words=tuple(self.true_words[old] for old in places if self.true_words),
            decimals=tuple(self.decimals[old] for old in places if self.decimals),
        )

    def attach(self, schema: pa.Schema) -> pa.Schema:
        """The schema with this dialect; the usual one leaves no trace."""
        metadata = {k: v for k, v in (schema.metadata or {}).items() if k != METADATA_KEY}
        if self != Dialect():
            given = dataclasses.asdict(self)
            usual = dataclasses.asdict(Dialect())
            changed = {name: value for name, value in given.items() if value != usual[name]}
            metadata[METADATA_KEY] = json.dumps(changed).encode()
        return schema.with_metadata(metadata or None)


def _neutral(line: str) -> str:
    text = line.rstrip("\r\n")
    is_formal = not text.strip() or text.strip().strip('"')[:4].lower() == "sep="
    return line if is_formal else COMMENT + line[len(text) :]
