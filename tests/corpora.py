"""Runs every table of a folder through inspect, preview, submit and view: ours are all errors.

    python -m tests.corpora DIR

for a folder that one has fetched oneself, as apache/parquet-testing, nst/JSONTestSuite or
max-mapper/csv-spectrum. Prints what came of it; exits with 1 if an error was not typed.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from datagen_nb.buckets.local import LocalBucket, LocalFiles
from datagen_nb.client.inputs import _write_parquet
from datagen_nb.core.changes import Failed
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import DatagenError
from datagen_nb.core.formats import format_of
from datagen_nb.core.pipeline import InputProbe, Signal, Task
from datagen_nb.pipelines.engine.attempt import run_attempt
from datagen_nb.pipelines.inspection import probes
from datagen_nb.tables.cells import as_text
from datagen_nb.tables.frames import to_pandas
from datagen_nb.tables.view.engine import whole_engine


def outcome(work: Callable[[], Any]) -> str:
    """``ok``, the code of an error of ours, or ``UNTYPED`` and what it was."""
    try:
        work()
    except DatagenError as error:
        return f"UNTYPED {error}" if error.code == "internal_error" else error.code
    except Exception as error:
        return f"UNTYPED {type(error).__name__}: {error}"
    return "ok"


def view(data: Any) -> None:
    """Read and write the first rows as a viewer does."""
    engine = whole_engine(data)
    try:
        columns = range(len(engine.schema))
        shown = engine.rows(engine.whole, 0, 50, columns, lane="cells")
    finally:
        engine.close()
    for column in shown.columns:
        as_text(column).to_pylist()
    to_pandas(shown)


def submit(path: Path, output_format: str) -> None:
    """Run a job as a worker does."""
    signals: list[Signal] = []
    with tempfile.TemporaryDirectory() as folder:
        files = LocalFiles()
        config = _config(path, output_format)
        run_attempt(Task("j", 1, config, LocalBucket(Path(folder)), files, files), signals.append)
    last = signals[-1]
    if isinstance(last, Failed):
        raise DatagenError(last.error.message, code=last.error.code)


def outcomes(path: Path) -> dict[str, str]:
    """What comes of a file, by what is done with it."""
    probe = InputProbe(_config(path, "csv"), LocalFiles())
    return {
        "inspect": outcome(lambda: probes.inspect(probe).to_json()),
        "preview": outcome(lambda: probes.preview(probe).to_json()),
        "estimate": outcome(lambda: probes.measure(probe)),
        "submit csv": outcome(lambda: submit(path, "csv")),
        "submit parquet": outcome(lambda: submit(path, "parquet")),
        "view": outcome(lambda: view(path)),
    }


def sent(table: pa.Table) -> str:
    """What comes of sending a table that is in memory."""
    return outcome(lambda: _write_parquet(table, io.BytesIO()))


def _config(path: Path, output_format: str) -> JobConfiguration:
    return JobConfiguration(
        data_size=20,
        input_format=format_of(path.name) or "csv",
        output_format=output_format,
        input_bucket="file",
        input_path=str(path),
    )


def main(folder: Path) -> int:
    """Count the outcomes of a folder's tables."""
    counts: Counter[str] = Counter()
    files = 0
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or format_of(path.name) is None:
            continue
        files += 1
        for what, came in outcomes(path).items():
            counts["UNTYPED" if came.startswith("UNTYPED") else came] += 1
            if came.startswith("UNTYPED"):
                print(f"{path}: {what}: {came[:300]}", flush=True)
    print(f"{files} files: {', '.join(f'{came} {count}' for came, count in counts.most_common())}")
    return 1 if counts["UNTYPED"] else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
