"""Every kind of bad input: a clear message, a stable code, and nothing left behind."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen_nb.buckets.local import LocalBucket, LocalFiles
from datagen_nb.core.buckets import objects
from datagen_nb.core.changes import Completed, Failed, Warned
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import InputError
from datagen_nb.core.failure import JobFailure
from datagen_nb.core.pipeline import Signal, Task
from datagen_nb.pipelines.engine.attempt import run_attempt
from datagen_nb.tables import csv_files, sniff

GOOD = b"a,b\n" + b"".join(b"%d,%d\n" % (index, index % 7) for index in range(60))
GOOD_JSON = b"[%s]" % b",".join(b'{"a": %d}' % index for index in range(60))


def parquet(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


GOOD_PARQUET = parquet(pa.table({"a": list(range(60)), "b": [1.5] * 60}))


@dataclass
class Attempt:
    """What came of running a job on one file."""

    place: Path
    signals: list[Signal] = field(default_factory=list)

    @property
    def failure(self) -> JobFailure:
        assert isinstance(self.signals[-1], Failed), self.signals[-1]
        return self.signals[-1].error

    @property
    def left(self) -> list[str]:
        """Files beside the input, and every object of the job."""
        jobs = [meta.path for meta in objects(LocalBucket(self.place / "bucket"), "")]
        return [entry.name for entry in self.place.iterdir() if entry.name != "bucket"] + jobs


Run = Callable[..., Attempt]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a job on a file with these bytes."""

    def attempt(name: str, data: bytes | None, rows: int = 50, **fields: Any) -> Attempt:
        source = tmp_path / name
        if data is not None:
            source.write_bytes(data)
        format = fields.pop("input_format", source.suffix[1:])
        files = LocalFiles()
        config = JobConfiguration(
            data_size=rows,
            input_format=format,
            output_format=fields.pop("output_format", "csv"),
            input_bucket="file",
            input_path=fields.pop("input_path", str(source)),
            **{"output_bucket": "file", "output_path": str(tmp_path / "out"), **fields},
        )
        came = Attempt(tmp_path)
        task = Task("j", 1, config, LocalBucket(tmp_path / "bucket"), files, files)
        run_attempt(task, came.signals.append)
        return came

    return attempt


CASES: dict[str, tuple[str, bytes | None, str, str]] = {
    "missing file": ("x.csv", None, "input_not_found", "x.csv does not exist. Check the path."),
    "empty file": ("x.csv", b"", "input_empty", "x.csv is empty (0 bytes)."),
    "blank file": ("x.csv", b"\n\n\n", "input_empty", "holds no table. Give a header line"),
    "header only": ("x.csv", b"a,b\n", "too_few_rows", "x.csv has no rows: there is nothing"),
    "one row": ("x.csv", b"a,b\n1,2\n", "too_few_rows", "has one row only"),
    "no rows in JSON": ("x.json", b"[]", "input_empty", "holds no rows"),
    "no rows in Parquet": (
        "x.parquet",
        parquet(pa.table({"a": pa.array([], pa.int64())})),
        "too_few_rows",
        "has no rows",
    ),
    "duplicate columns": (
        "x.csv",
        b"a,b,a\n1,2,3\n4,5,6\n",
        "duplicate_columns",
        "has two columns named 'a': number 1 and 3. Rename one of them.",
    ),
    "duplicate columns in Parquet": (
        "x.parquet",
        parquet(pa.table([[1, 2], [3, 4]], names=["a", "a"])),
        "duplicate_columns",
        "has two columns named 'a'",
    ),
    "ragged CSV": (
        "x.csv",
        b"a,b\n" + b"1,2\n" * 20_479 + b"1,2,3\n",
        "ragged_row",
        (
            "is ragged: line 20,481 has 3 fields, the header has 2. Correct the line, or "
            'leave such lines out with parameters={"bad_lines": "skip"}.'
        ),
    ),
    "ragged CSV with line breaks in fields": (
        "x.csv",
        b'a,b\n"1\n\n",2\n\n3\n',
        "ragged_row",
        "line 6 has 1 field, the header has 2",
    ),
    "one column full of delimiters": (
        "x.csv",
        b"a:b\n" + b"1:2\n" * 20,
        "one_column",
        "has one column only, but ':' in every line. If it separates the fields, set parameters",
    ),
    "unclosed quote": ("x.csv", b'a,b\n"1,2\n3,4\n', "ragged_row", "line 2 has 1 field"),
    "Parquet named CSV": (
        "x.csv",
        GOOD_PARQUET,
        "input_wrong_format",
        ("is said to be CSV, but it is Parquet inside. Rename it to end in .parquet."),
    ),
    "CSV named Parquet": (
        "x.parquet",
        GOOD,
        "input_wrong_format",
        "is said to be Parquet, but it is CSV inside. Rename it to end in .csv",
    ),
    "JSON Lines named JSON": (
        "x.json",
        b'{"a": 1}\n{"a": 2}\n',
        "input_wrong_format",
        "it is JSON Lines inside",
    ),
    "JSON named JSON Lines": ("x.jsonl", b'[{"a": 1}]', "input_wrong_format", "one JSON array"),
    "JSON named CSV": ("x.csv", b'[{"a": 1}]', "input_wrong_format", "it is JSON inside"),
    "gzip": ("x.csv", b"\x1f\x8b\x07\x00abc", "input_broken", "a gzip file that is broken"),
    "gzip cut short": (
        "x.csv",
        gzip.compress(GOOD)[:60],
        "input_broken",
        "a gzip file that is broken",
    ),
    "JSON Lines in gzip named CSV": (
        "x.csv",
        gzip.compress(b'{"a": 1}\n{"a": 2}\n'),
        "input_wrong_format",
        "it is JSON Lines inside",
    ),
    "Excel": ("x.csv", b"PK\x03\x04abc", "input_wrong_format", "Excel workbook inside"),
    "Latin-1": (
        "x.jsonl",
        b'{"a": 1}\n' * 3000 + '{"a": "é"}\n'.encode("latin-1"),
        "input_wrong_encoding",
        (
            "is not UTF-8: byte 0xE9 at byte 27,007, line 3,001. "
            'Say parameters={"encoding": "latin-1"}'
        ),
    ),
    "UTF-16": (
        "x.json",
        GOOD_JSON.decode().encode("utf-16"),
        "input_wrong_encoding",
        'is UTF-16 text, not UTF-8. Say parameters={"encoding": "utf-16"}',
    ),
    "UTF-16 without a mark": (
        "x.json",
        GOOD_JSON.decode().encode("utf-16-le"),
        "input_wrong_encoding",
        'Say parameters={"encoding": "utf-16-le"}',
    ),
    "Parquet cut short": (
        "x.parquet",
        GOOD_PARQUET[:-100],
        "input_broken",
        "is a Parquet file cut short: its footer is missing at byte",
    ),
    "Parquet with a broken footer": (
        "x.parquet",
        GOOD_PARQUET[:-40] + b"\xff" * 32 + GOOD_PARQUET[-8:],
        "input_broken",
        "is a Parquet file that is broken",
    ),
    "Parquet with broken pages": (
        "x.parquet",
        GOOD_PARQUET[:4] + b"\xff" * 300 + GOOD_PARQUET[304:],
        "input_broken",
        "is a Parquet file that is broken",
    ),
    "Parquet with a map": (
        "x.parquet",
        parquet(pa.table({"a": pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64()))})),
        "unsupported_column",
        "has a column 'a' of type map<string, int64",
    ),
    "lists of very different lengths": (
        "x.parquet",
        parquet(pa.table({"a": [list(range(n)) for n in range(60)]})),
        "unsupported_column",
        "has a column 'a' that holds many different lists, of up to 59 elements; 32 are taken",
    ),
    "lists with missing elements": (
        "x.parquet",
        parquet(pa.table({"a": [[n, None] for n in range(60)]})),
        "unsupported_column",
        "has a column 'a' that holds lists with missing elements",
    ),
    "objects within objects without end": (
        "x.jsonl",
        (b'{"a": ' + b'{"b": ' * 9 + b"1" + b"}" * 9 + b"}\n") * 2,
        "unsupported_column",
        "has a column 'a' that is nested too deeply, more than 8 levels",
    ),
    "JSON cut short": (
        "x.json",
        b'[{"a": 1},\n {"a": 2},\n {"a"',
        "input_broken",
        "is not valid JSON at line 3, column",
    ),
    "malformed JSON": (
        "x.json",
        b'[{"a": 1},\n {"a": 2}\n {"a": 3}]',
        "input_broken",
        "line 3, column 2: Expecting ',' or ']'",
    ),
    "JSON of something else": ("x.json", b'{"rows": []}', "input_wrong_format", "is not one JSON"),
    "JSON rows that are no objects": ("x.json", b"[1, 2]", "input_broken", "has to be an object"),
    "malformed JSON Lines": (
        "x.jsonl",
        b'{"a": 1}\n\n{"a": }\n',
        "input_broken",
        "line 3, column 7: Expecting value",
    ),
    "JSON Lines that are no objects": ("x.jsonl", b'{"a": 1}\n7\n', "input_broken", "not 7"),
    "JSON nested without end": ("x.json", b"[" + b"[" * 100_000, "input_broken", "too deeply"),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_a_clear_failure_that_leaves_nothing(run: Run, case: str) -> None:
    """The message says which file, what, where and what now; the code is stable."""
    name, data, code, message = CASES[case]

    came = run(name, data)

    assert came.failure.code == code, came.failure
    assert message in came.failure.message
    assert name in came.failure.message
    assert came.failure.details["stage"] in ("validate", "read")
    assert came.failure.details["remedy"] in came.failure.message
    assert came.left == ([] if data is None else [name])


@pytest.mark.parametrize(
    ("case", "parameters"),
    [
        ("ragged CSV", {"badLines": "skip"}),
        ("Latin-1", {"encoding": "latin-1"}),
        ("UTF-16", {"encoding": "utf-16"}),
        ("UTF-16 without a mark", {"encoding": "utf-16-le"}),
    ],
)
def test_the_remedy_in_the_message_works(run: Run, case: str, parameters: dict[str, str]) -> None:
    """What a message says to do now is enough."""
    name, data, _, _ = CASES[case]

    came = run(name, data, parameters=parameters)

    assert isinstance(came.signals[-1], Completed), came.signals[-1]


@pytest.mark.parametrize(
    ("case", "data"),
    [
        ("one column", b"a\n" + b"1\n2\n3\n" * 20),
        ("constant column", b"a,b\n" + b"1,x\n2,x\n3,x\n" * 20),
        ("all-null column", b"a,b\n" + b"1,\n2,\n3,\n" * 20),
        ("two rows", b"a,b\n1,x\n2,y\n"),
        ("nothing but nulls", b"a,b\n" + b",\n" * 20),
    ],
)
def test_odd_tables_are_fitted(run: Run, case: str, data: bytes) -> None:
    """A table that is only strange gives a result of its shape."""
    came = run("x.csv", data)

    assert isinstance(came.signals[-1], Completed), came.signals[-1]
    lines = (came.place / "out").read_text().splitlines()
    assert lines[0] == data.decode().splitlines()[0]
    assert len(lines) == 51


def test_skipped_lines_are_counted_in_a_warning(run: Run) -> None:
    """A line that was left out is never left out in silence."""
    name, data, _, _ = CASES["ragged CSV"]

    came = run(name, data, parameters={"badLines": "skip"})

    warnings = [signal.message for signal in came.signals if isinstance(signal, Warned)]
    assert "1 line was left out" in warnings[0]
    assert "line 20,481" in warnings[0]


def test_a_row_that_is_too_long_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory stays bounded: a row has to fit into a block."""
    monkeypatch.setattr(csv_files, "BLOCK", 1000)

    came = run("x.csv", b'a,b\n1,2\n"' + b"x\n" * 2000 + b'",3\n')

    assert came.failure.code == "input_broken"
    assert "a quote that is never closed" in came.failure.message


def test_a_similar_name_is_proposed(run: Run) -> None:
    """A misspelled path names the file that was probably meant."""
    came = run("diamonds.csv", GOOD, input_path="/nowhere/x.csv")
    assert came.failure.code == "input_not_found"

    came = run("diamonds.csv", GOOD, input_path=str(came.place / "diamond.csv"))

    assert "Did you mean diamonds.csv?" in came.failure.message


def test_an_unknown_column_kind_names_the_column(run: Run) -> None:
    """Overriding a column that is not there is a mistake; the message has the nearest name."""
    came = run("x.csv", GOOD, parameters={"columns": {"A": "categorical"}})

    assert came.failure.code == "unknown_column"
    assert "names 'A'" in came.failure.message


def test_output_equal_to_input_is_refused_through_links(run: Run, tmp_path: Path) -> None:
    """The input is never overwritten, whatever it is called."""
    (tmp_path / "link").symlink_to("x.csv")

    came = run("x.csv", GOOD, output_path=str(tmp_path / "link"))

    assert came.failure.code == "output_is_input"
    assert came.failure.details["stage"] == "validate"
    assert (tmp_path / "x.csv").read_bytes() == GOOD


def test_an_unwritable_output_fails_before_anything_is_made(run: Run, tmp_path: Path) -> None:
    """A target that cannot be written is reported in the first stage."""
    came = run("x.csv", GOOD, output_path=str(tmp_path / "no" / "out.csv"))

    assert came.failure.code == "output_unwritable"
    assert came.failure.details["stage"] == "validate"
    assert "Make the directory" in came.failure.message
    assert came.left == ["x.csv"]


def test_a_result_that_will_not_fit_fails_after_its_first_part(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first part tells how large the rest will be; no disk is filled to find out."""
    monkeypatch.setattr(LocalBucket, "free_bytes", lambda self, path: 100_000_000)

    came = run("x.csv", GOOD, rows=10_000_000_000)

    assert came.failure.code == "disk_full"
    assert came.failure.details["retryHelps"] is True
    assert came.failure.details["neededBytes"] > 100_000_000
    assert "100 MB are free" in came.failure.message
    assert came.left == ["x.csv"]


@pytest.mark.parametrize("case", CASES)
def test_the_client_sees_the_same_as_far_as_it_looks(tmp_path: Path, case: str) -> None:
    """The first look, before anything is sent, finds what a look can find, in the same words."""
    name, data, code, message = CASES[case]
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    seen = {"input_not_found", "input_wrong_format"}
    at_once = code in seen or case in ("empty file", "Parquet cut short", "gzip")

    if at_once and case != "JSON of something else":
        with pytest.raises(InputError) as caught:
            sniff.check_file(path, path.suffix[1:])
        assert caught.value.code == code
        assert message in str(caught.value)
    else:
        sniff.check_file(path, path.suffix[1:])


def test_a_directory_and_a_forbidden_file_say_so(tmp_path: Path) -> None:
    """Being there is not enough."""
    with pytest.raises(InputError, match="is a directory"):
        sniff.check_file(tmp_path, "csv")
    if os.geteuid() != 0:  # root may read everything
        (tmp_path / "x.csv").write_bytes(GOOD)
        (tmp_path / "x.csv").chmod(0)
        with pytest.raises(InputError, match="may not be read"):
            sniff.check_file(tmp_path / "x.csv", "csv")
