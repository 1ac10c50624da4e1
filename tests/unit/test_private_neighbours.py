"""Of two tables of which one has a row more, nothing that a job with epsilon keeps shows which."""

from __future__ import annotations

import base64
import io
import random
import re
import struct
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen_nb.buckets.local import LocalBucket, LocalFiles
from datagen_nb.core.buckets import objects
from datagen_nb.core.changes import Completed, Failed, StageCompleted, StageStarted
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.failure import JobFailure
from datagen_nb.core.manifest import Manifest
from datagen_nb.core.pipeline import Logged, Signal, Task
from datagen_nb.core.result import Report
from datagen_nb.pipelines.engine import from_private_table
from datagen_nb.pipelines.engine.attempt import run_attempt
from datagen_nb.ui.report import report_text
from datagen_nb.ui.report_html import report_page

ROWS = 600
NAME, AMOUNT, DAY = "Zebulon Quist", 1.2345678e308, "1791-03-17"
ODD = {"city": NAME, "amount": AMOUNT, "since": pd.Timestamp(DAY)}


@pytest.fixture(autouse=True)
def coins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same noise for both tables, as far as as much of it is drawn."""
    monkeypatch.setattr(from_private_table.secrets, "SystemRandom", lambda: random.Random(5))


def people() -> pd.DataFrame:
    """Rows of which none is odd."""
    places = range(ROWS)
    return pd.DataFrame(
        {
            "city": pd.Categorical([("Ulm", "Bonn", "Kiel")[one % 3] for one in places]),
            "amount": [(one % 100) / 4 for one in places],
            "since": pd.Timestamp("2020-01-01")
            + pd.to_timedelta([one % 90 for one in places], "D"),
        }
    )


def people_and_one_more() -> pd.DataFrame:
    """The same and a row that has nothing in common with any other."""
    both = pd.concat([people(), pd.DataFrame([ODD])], ignore_index=True)
    both["city"] = both["city"].astype("category")
    return both


def attempt(source: Path, **parameters: Any) -> tuple[LocalBucket, list[Signal]]:
    """Run a job with epsilon on a file."""
    config = JobConfiguration(
        data_size=400,
        input_format=source.suffix[1:],
        output_format=source.suffix[1:],
        input_bucket="file",
        input_path=str(source),
        parameters={"epsilon": 4, "seed": 1, **parameters},
    )
    files, bucket = LocalFiles(), LocalBucket(source.parent / "bucket")
    signals: list[Signal] = []
    run_attempt(Task("j", 1, config, bucket, files, files), signals.append)
    return bucket, signals


class Kept:
    """All that a job on a table leaves behind, and all that it said."""

    def __init__(self, folder: Path, frame: pd.DataFrame, name: str) -> None:
        folder.mkdir()
        write = frame.to_parquet if name.endswith(".parquet") else frame.to_csv
        write(folder / name, index=False)
        bucket, signals = attempt(folder / name)
        assert isinstance(signals[-1], Completed), signals[-1]
        self.objects = {meta.path: bucket.get(meta.path) for meta in objects(bucket, "")}
        self.said = [
            one for one in signals if isinstance(one, Logged | StageStarted | StageCompleted)
        ]
        self.report = Report.from_wire(self.objects["jobs/j/report.json"])
        manifest = Manifest.from_wire(self.objects["jobs/j/manifest.json"])
        self.schema = base64.b64decode(manifest.arrow_schema)

    def texts(self) -> dict[str, bytes]:
        """All of it as bytes in which a value could be found."""
        shown = f"{self.said} {report_page(self.report, 'Report')} {report_text(self.report)}"
        plain = {**self.objects, "schema": self.schema, "shown": shown.encode()}
        for name, data in self.objects.items():
            if name.endswith(".parquet"):
                plain[name] = pq.read_table(io.BytesIO(data)).to_pandas().to_csv().encode()
        return plain

    def form(self) -> list[str]:
        """What is left of texts without their numbers, which are noisy."""
        texts = [*map(repr, self.said), self.report.to_json()]
        return [re.sub(r"[\d.,e+\-]+", "0", text) for text in texts]


def spellings() -> list[bytes]:
    """The values of the odd row, as texts and in machine words."""
    seconds = int(pd.Timestamp(DAY).timestamp())
    texts = [NAME, "Zebulon", "1.2345678", DAY, str(seconds)]
    words = [struct.pack("<d", AMOUNT), struct.pack("<i", seconds // 86_400)]
    words += [struct.pack("<q", seconds * ticks) for ticks in (10**3, 10**6)]
    return [text.encode() for text in texts] + words


@pytest.mark.parametrize("name", ["people.parquet", "people.csv"])
def test_nothing_of_a_row_is_kept(tmp_path, name):
    """No value of it anywhere; and apart from numbers all is as it is without the row."""
    usual = Kept(tmp_path / "usual", people(), name)
    more = Kept(tmp_path / "more", people_and_one_more(), name)
    for place, data in more.texts().items():
        assert not [one for one in spellings() if one in data], place
    assert more.objects.keys() == usual.objects.keys()
    assert more.schema == usual.schema
    assert more.form() == usual.form()
    assert not more.report.seconds


@pytest.mark.parametrize("values", [[{"a": 1}, None], [[1, 2], [3]]])
def test_objects_and_lists_are_refused(tmp_path, values):
    """How many columns they become depends on single rows; without them the job runs."""
    source = tmp_path / "nested.parquet"
    pq.write_table(pa.table({"visits": values * 20, "flag": [True, False] * 20}), source)
    failure = _failure(attempt(source)[1])
    assert failure.code == "unfit_for_epsilon"
    assert failure.details["column"] == "visits"
    bucket, signals = attempt(source, exclude=["visits"])
    assert isinstance(signals[-1], Completed)
    assert Report.from_wire(bucket.get("jobs/j/report.json")).columns[0].name == "flag"


def test_a_table_without_a_row_is_an_error_of_ours(tmp_path):
    """A file without one has nothing to be counted."""
    source = tmp_path / "empty.parquet"
    pq.write_table(pa.table({"flag": pa.array([], pa.bool_())}), source)
    assert _failure(attempt(source)[1]).code == "too_few_rows"


def _failure(signals: list[Signal]) -> JobFailure:
    assert isinstance(signals[-1], Failed), signals[-1]
    return signals[-1].error
