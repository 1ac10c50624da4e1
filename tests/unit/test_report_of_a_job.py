"""What a report says of rows that are not there: not read, dropped, and not to come back."""

from pathlib import Path

import pyarrow as pa

from datagen_nb.buckets.local import LocalBucket, LocalFiles
from datagen_nb.core.changes import Completed
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.pipeline import Signal, Task
from datagen_nb.core.result import Report
from datagen_nb.pipelines.engine.attempt import run_attempt
from datagen_nb.synth.quality import assess
from datagen_nb.ui.report import ReportView, report_html, report_text


def run(source: Path, **parameters: object) -> Report:
    """Run a job on a file and take its report."""
    config = JobConfiguration(
        data_size=60,
        input_format=source.suffix[1:],
        output_format="csv",
        input_bucket="file",
        input_path=str(source),
        parameters=parameters,
    )
    files, bucket = LocalFiles(), LocalBucket(source.parent / "bucket")
    signals: list[Signal] = []
    run_attempt(Task("j", 1, config, bucket, files, files), signals.append)
    assert isinstance(signals[-1], Completed), signals[-1]
    return Report.from_wire(bucket.get("jobs/j/report.json"))


def test_lines_that_could_not_be_read_are_counted(tmp_path):
    """In CSV those with other fields; the sentence is on the page and in the text."""
    source = tmp_path / "t.csv"
    source.write_text("a,b\n" + "1,2\n3,4\n" * 40 + "5,6,7\n8\n")
    report = run(source, badLines="skip")
    assert report.rows_skipped == 2
    assert "2 lines of the input could not be read" in report_html(report)
    assert "2 lines of the input could not be read" in report_text(report)


def test_lines_that_are_no_objects_are_counted(tmp_path):
    """The same in JSON Lines; without one nothing is said."""
    source = tmp_path / "t.jsonl"
    good = '{"a": 1}\n{"a": 2}\n' * 40
    source.write_text(good + "[1]\n")
    report = run(source, badLines="skip")
    assert report.rows_skipped == 1
    assert "1 line of the input could not be read and was left out" in report_text(report)


def test_rows_that_rules_dropped_are_counted(tmp_path):
    """Of those drawn; without rules nothing is said."""
    source = tmp_path / "t.csv"
    source.write_text("a\n" + "".join(f"{place % 10}\n" for place in range(200)))
    report = run(source, rules=["a < 5"])
    assert report.selected is not None
    assert report.selected.kept == 60 < report.selected.drawn
    dropped = f"dropped {report.selected.drawn - 60:,} of {report.selected.drawn:,} rows"
    assert dropped in report_html(report)
    assert report.rows_skipped == 0
    assert "could not be read" not in report_text(report)


def test_singletons_and_extremes_that_came_back_are_counted():
    """Beside all rare values, on the page and in the frame."""
    usual = [float(place % 20) for place in range(400)]
    training = pa.table({"a": [*usual, 900.5, -70.25, 10.5]})
    held_back = pa.table({"a": usual[:100]})
    made = pa.table({"a": [*usual, 900.5, 10.5]})
    found = assess(training, held_back, made, {"a": "numeric"})
    [back] = found.memorisation.returned
    assert (back.values, back.returned) == (3, 2)
    assert (back.singletons, back.singletons_returned) == (3, 2)
    assert (back.extremes, back.extremes_returned) == (2, 1)
    [row] = ReportView(found).frame().to_dict("records")
    assert (row["rare_returned"], row["singletons_returned"], row["extremes_returned"]) == (2, 2, 1)
    assert "2 of 3" in report_html(found)


def test_a_value_that_a_row_held_back_has_too_is_no_singleton():
    """It is of two rows of the input."""
    usual = [float(place % 20) for place in range(400)]
    both = pa.table({"a": [*usual, 900.5]})
    [back] = assess(both, both, both, {"a": "numeric"}).memorisation.returned
    assert (back.values, back.singletons) == (1, 0)
