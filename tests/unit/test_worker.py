"""One attempt in this process: its stages, what it skips, and what a kill leaves behind."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datagen_nb.buckets.local import LocalBucket, LocalFiles
from datagen_nb.core.buckets import objects
from datagen_nb.core.changes import (
    Completed,
    Failed,
    InputMeasured,
    Progressed,
    StageCompleted,
    StageStarted,
)
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import OutputError, ServiceUnavailable
from datagen_nb.core.manifest import Manifest
from datagen_nb.core.pipeline import Logged, PartsWritten, Signal, Task
from datagen_nb.core.result import Report
from datagen_nb.pipelines.built_in import STAGES
from datagen_nb.pipelines.engine import from_table
from datagen_nb.pipelines.engine.attempt import run_attempt
from datagen_nb.pipelines.engine.workspace import Workspace
from datagen_nb.pipelines.failures import failure
from datagen_nb.synth import fitting, sample
from datagen_nb.synth.model import Model
from datagen_nb.synth.profile import Profile
from datagen_nb.tables.formats import read_part, schema_from_text
from tests.sqlite_bucket import SqliteBucket

ROWS = 1_000
PART_ROWS = 300


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the worker may catch it."""


class MortalBucket(LocalBucket):
    """Dies after so many publications, as a killed worker would."""

    lives = 10**9

    @contextmanager
    def writer(self, path: str, **options: Any) -> Iterator[BinaryIO]:
        with super().writer(path, **options) as file:
            yield file
        type(self).lives -= 1
        if type(self).lives <= 0:
            raise Killed

    def delete_prefix(self, prefix: str) -> int:
        count = super().delete_prefix(prefix)
        type(self).lives -= 1
        if type(self).lives <= 0:
            raise Killed
        return count


class MortalFiles(LocalFiles):
    """The same for the assembled file."""

    @contextmanager
    def writer(self, path: str, **options: Any) -> Iterator[BinaryIO]:
        with super().writer(path, **options) as file:
            yield file
        MortalBucket.lives -= 1
        if MortalBucket.lives <= 0:
            raise Killed


MakeTask = Callable[..., Task]


@pytest.fixture
def make_task(tmp_path: Path) -> MakeTask:
    """Tasks for one job on one small table; ``place`` tells jobs apart."""
    source = tmp_path / "in.csv"
    source.write_text(
        "a,b,c\n" + "".join(f"{i % 97},{i * 0.25},{'xyz'[i % 3]}\n" for i in range(400))
    )

    def make(place: str = "calm", attempt: int = 1, **fields: Any) -> Task:
        config = JobConfiguration(
            **{
                "data_size": ROWS,
                "input_format": "csv",
                "output_format": "csv",
                "input_bucket": "file",
                "output_bucket": "file",
                "input_path": str(source),
                "output_path": str(tmp_path / f"{place}.csv"),
                "parameters": {"seed": 7, "partRows": PART_ROWS},
                **fields,
            }
        )
        files = MortalFiles()
        return Task("j", attempt, config, MortalBucket(tmp_path / place), files, files)

    MortalBucket.lives = 10**9
    return make


def run(task: Task) -> list[Signal]:
    signals: list[Signal] = []
    run_attempt(task, signals.append)
    return signals


def outcome(task: Task) -> dict[str, bytes]:
    """Everything a finished job left but the report, which tells times."""
    found = {meta.path: task.bucket.get(meta.path) for meta in objects(task.bucket, "")}
    report = Report.from_wire(found.pop("jobs/j/report.json"))
    assert set(report.seconds) <= set(STAGES)
    manifest = json.loads(found.pop("jobs/j/manifest.json"))
    assert manifest.pop("outputPath", "") == task.config.output_path
    found["manifest"] = json.dumps(manifest).encode()
    if task.config.output_path:
        found["output"] = Path(task.config.output_path).read_bytes()
    return found


def test_stages_come_in_order_and_each_is_reported(make_task: MakeTask) -> None:
    """Started, completed, in the order of the specification, and Completed with the size."""
    signals = run(make_task())

    reported = [s for s in signals if isinstance(s, StageStarted | StageCompleted)]
    assert [(type(s), s.stage) for s in reported] == [
        (kind, stage) for stage in STAGES for kind in (StageStarted, StageCompleted)
    ]
    sizes = [s.input_size for s in signals if isinstance(s, InputMeasured)]
    assert sizes == [Path(make_task().config.input_path).stat().st_size]
    manifest = Manifest.from_wire(make_task().bucket.get("jobs/j/manifest.json"))
    [ended] = [one for one in signals if isinstance(one, Completed)]
    assert (ended.attempt, ended.output_size) == (1, manifest.size)
    assert 0 < ended.fidelity <= 1
    assert all(0 <= s.progress <= 100 for s in signals if isinstance(s, Progressed))


def test_a_job_needs_no_local_disk(make_task: MakeTask, tmp_path: Path) -> None:
    """Where its input, its parts and its result are objects, it makes the same bytes."""
    calm = make_task()
    run(calm)
    bucket = SqliteBucket(tmp_path / "bucket.sqlite")
    bucket.put("in/a.csv", Path(calm.config.input_path).read_bytes())
    fields = {"input_bucket": "default", "output_bucket": "default", "output_path": "out/b.csv"}
    config = make_task("other", input_path="in/a.csv", **fields).config

    signals = run(Task("j", 1, config, bucket, bucket, bucket))

    assert isinstance(signals[-1], Completed)
    assert bucket.get("out/b.csv") == Path(calm.config.output_path).read_bytes()
    parts = [meta.path for meta in objects(calm.bucket, "jobs/j/parts/")]
    assert [meta.path for meta in objects(bucket, "jobs/j/parts/")] == parts
    assert [bucket.get(part) for part in parts] == [calm.bucket.get(part) for part in parts]
    refused = run(Task("k", 1, config, bucket, bucket, bucket))[-1]
    assert isinstance(refused, Failed)
    assert refused.error.code == "output_exists"


def test_the_manifest_tells_what_is_there(make_task: MakeTask) -> None:
    """Names, rows, sizes and digests of the parts, and the schema of the rows."""
    import base64
    import hashlib

    task = make_task()
    run(task)

    manifest = Manifest.from_wire(task.bucket.get("jobs/j/manifest.json"))

    schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(manifest.arrow_schema)))
    assert [part.rows for part in manifest.parts] == [300, 300, 300, 100]
    for part in manifest.parts:
        data = task.bucket.get(part.name)
        assert (part.size, part.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        with task.bucket.open(part.name) as file:
            assert read_part(file, "csv", schema).num_rows == part.rows
    assert manifest.rows == ROWS
    assert [(f.name, str(f.type)) for f in schema] == [
        ("a", "int64"),
        ("b", "double"),
        ("c", "string"),
    ]
    assert len(Path(task.config.output_path).read_text().splitlines()) == ROWS + 1


def test_nothing_but_the_result_remains(make_task: MakeTask) -> None:
    """What the job needed while it ran is gone, the sample of the input above all."""
    task = make_task()
    run(task)

    assert sorted(meta.path for meta in objects(task.bucket, "")) == [
        "jobs/j/manifest.json",
        "jobs/j/model",
        *(f"jobs/j/parts/part-{index:05d}.csv" for index in range(4)),
        "jobs/j/report.json",
    ]


@pytest.mark.parametrize("format", ["csv", "json", "jsonl", "parquet"])
def test_a_kill_after_any_publication_changes_no_byte(make_task: MakeTask, format: str) -> None:
    """At every point where a worker can die, the next attempt ends with the same bytes."""
    calm = make_task(output_format=format)
    run(calm)
    publications = 10**9 - MortalBucket.lives
    assert publications > 10

    for point in range(1, publications + 1):
        place = f"killed-{point}"
        MortalBucket.lives = point
        with pytest.raises(Killed):
            run(make_task(place, output_format=format))
        MortalBucket.lives = 10**9

        task = make_task(place, 2, output_format=format)
        signals = run(task)

        assert isinstance(signals[-1], Completed), signals[-1]
        assert outcome(task) == outcome(calm)


SELECTING = {
    "seed": 7,
    "partRows": PART_ROWS,
    "rules": ["a >= 20", "b > a * 0.2"],
    "condition": {"c": {"x": 0.6}},
}


def test_a_kill_changes_no_byte_of_selected_rows(make_task: MakeTask) -> None:
    """Which rows are drawn again is a function of the part, in whichever attempt it is made."""
    calm = make_task(parameters=SELECTING)
    signals = run(calm)
    publications = 10**9 - MortalBucket.lives
    messages = [signal.message for signal in signals if isinstance(signal, Logged)]
    assert any("that keep parameters.rules and condition" in text for text in messages)

    for point in range(4, publications, 3):
        place = f"killed-{point}"
        MortalBucket.lives = point
        with pytest.raises(Killed):
            run(make_task(place, parameters=SELECTING))
        MortalBucket.lives = 10**9
        task = make_task(place, 2, parameters=SELECTING)
        assert isinstance(run(task)[-1], Completed)
        assert outcome(task) == outcome(calm)


DISTINCT = {
    "seed": 7,
    "partRows": 60,
    "rules": ["unique(a, c)", "b > 5", "unique(b)"],
}


def test_a_kill_changes_no_byte_of_distinct_rows(make_task: MakeTask) -> None:
    """What a part has is kept before the part is there: none repeats rows of another."""
    fields = {"parameters": DISTINCT, "data_size": 150}
    calm = make_task(**fields)
    signals = run(calm)
    publications = 10**9 - MortalBucket.lives
    assert isinstance(signals[-1], Completed), signals[-1]
    lines = [line.split(",") for line in Path(calm.config.output_path).read_text().splitlines()]
    assert len({(a, c) for a, _, c in lines}) == len({b for _, b, _ in lines}) == 151

    for point in range(3, publications):
        place = f"killed-{point}"
        MortalBucket.lives = point
        with pytest.raises(Killed):
            run(make_task(place, **fields))
        MortalBucket.lives = 10**9
        task = make_task(place, 2, **fields)
        assert isinstance(run(task)[-1], Completed)
        assert outcome(task) == outcome(calm)


def test_parts_of_distinct_rows_are_made_in_their_order(make_task: MakeTask) -> None:
    """One after the other in the worker itself, whatever would make other parts."""

    class Elsewhere:
        def map(self, task: Any, parts: Any) -> Iterator[Any]:
            raise AssertionError

    fields = {"parameters": DISTINCT, "data_size": 150}
    task, signals = make_task(**fields), list[Signal]()
    run_attempt(task, signals.append, Elsewhere())
    assert isinstance(signals[-1], Completed), signals[-1]
    report = Report.from_wire(task.bucket.get("jobs/j/report.json"))
    assert report.selected is not None
    assert report.selected.kept == 150 < report.selected.drawn


def test_a_task_that_selects_makes_the_same_part_in_another_process(make_task: MakeTask) -> None:
    """The selection travels with the task, the model is read from the bucket."""
    made: dict[int, bytes] = {}

    class Elsewhere:
        def map(self, task: Any, parts: Any) -> Iterator[Any]:
            for part in reversed(list(parts)):
                yield pickle.loads(pickle.dumps(task))(part)

    for place, executor in (("here", None), ("there", Elsewhere())):
        task = make_task(place, parameters=SELECTING, output_path="")
        run_attempt(task, lambda _: None, executor)
        found = {meta.path: task.bucket.get(meta.path) for meta in objects(task.bucket, "")}
        parts = {path: data for path, data in found.items() if "/parts/" in path}
        assert len(parts) == 4
        made = made or parts
        assert parts == made


@pytest.mark.parametrize(
    ("parameters", "code", "text"),
    [
        ({"rules": ["a > 1000"]}, "unmet_rule", "'a > 1000'"),
        ({"rules": ["c > 1"]}, "unfit_rule", "'c' holds no numbers"),
        ({"rules": ["d > 1"]}, "unknown_column", "parameters.rules names 'd'"),
        ({"rules": ["unique(c)"]}, "unmet_rule", "only 3 different values of 'c'"),
        ({"rules": ["unique(a, d)"]}, "unknown_column", "parameters.rules names 'd'"),
        ({"condition": {"c": "w"}}, "unknown_level", "'w'"),
        ({"condition": {"c": {"x": 0.9, "y": 0.2}}}, "rejected", "add up to at most 1"),
        ({"rules": ["a > 1"], "exclude": ["a"]}, "unknown_column", "parameters.exclude"),
    ],
)
def test_a_selection_that_cannot_be_made_ends_the_job_by_name(
    make_task: MakeTask, parameters: dict[str, Any], code: str, text: str
) -> None:
    """With what the parameter names, and no result."""
    task = make_task(parameters={"seed": 7, **parameters})
    failed = run(task)[-1]
    assert isinstance(failed, Failed)
    assert failed.error.code == code
    assert text in failed.error.message
    assert not list(objects(task.bucket, "jobs/j/parts"))


def test_a_kill_at_every_publication_of_every_attempt_ends_at_last(make_task: MakeTask) -> None:
    """Each attempt dies after its fourth publication; each goes further than the one before."""
    run(make_task())
    for attempt in range(1, 30):
        MortalBucket.lives = 4
        task = make_task("stormy", attempt)
        try:
            signals = run(task)
        except Killed:
            continue
        break
    MortalBucket.lives = 10**9

    assert isinstance(signals[-1], Completed)
    assert attempt > 3
    assert outcome(task) == outcome(make_task())


def test_a_later_attempt_needs_the_input_no_more(make_task: MakeTask, tmp_path: Path) -> None:
    """Once it is read, the input may change or go; the result is of what was read."""
    calm = make_task()
    run(calm)
    task = make_task("killed")
    MortalBucket.lives = 6
    with pytest.raises(Killed):
        run(task)
    MortalBucket.lives = 10**9
    Path(task.config.input_path).unlink()

    signals = run(make_task("killed", 2))

    assert isinstance(signals[-1], Completed), signals[-1]
    assert outcome(task) == outcome(calm)


def test_the_profile_is_of_every_row_and_stays_for_later_attempts(make_task: MakeTask) -> None:
    """Though fewer rows are fitted to; it is written last of what reading leaves."""
    task = make_task(parameters={"sampleRows": 50})
    MortalBucket.lives = 5
    with pytest.raises(Killed):
        run(task)
    MortalBucket.lives = 10**9

    profile = Profile.from_bytes(task.bucket.get("jobs/j/scratch/profile"))

    assert profile.rows == 400
    assert profile.columns["a"].distinct == 97
    levels = profile.columns["c"].levels.to_pydict()
    assert set(zip(*levels.values(), strict=True)) == {("x", 134), ("y", 133), ("z", 133)}


def test_the_model_stays_with_the_result(make_task: MakeTask) -> None:
    """The manifest names it; it makes the job's rows, and counts in what is reported as written."""
    task = make_task(parameters={"seed": 7})

    signals = run(task)

    manifest = Manifest.from_wire(task.bucket.get("jobs/j/manifest.json"))
    data = task.bucket.get("jobs/j/model")
    assert manifest.model is not None
    assert manifest.model.name == "jobs/j/model"
    assert manifest.model.size == len(data)
    assert manifest.model.sha256 == hashlib.sha256(data).hexdigest()
    written = [signal.size for signal in signals if isinstance(signal, PartsWritten)]
    assert written[-1] == len(data) + manifest.size
    made = Model.from_bytes(data).generate(0, ROWS, offset=0)
    with task.bucket.open("jobs/j/parts/part-00000.csv") as file:
        assert read_part(file, "csv", made.schema).to_pydict() == made.to_pydict()


def of_model(make_task: MakeTask, place: str, attempt: int = 1, **fields: Any) -> Task:
    """A task that takes the model of the job in ``calm``."""
    of_its = {"input_bucket": "models", "input_path": "j", "data_size": 2 * ROWS}
    task = make_task(place, attempt, **{"parameters": {"partRows": PART_ROWS}, **of_its, **fields})
    return dataclasses.replace(task, source=make_task("calm").bucket)


def test_a_model_makes_more_rows_without_a_fit(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same first rows with its own seed, others with another; no table is needed."""
    calm = make_task()
    run(calm)
    Path(calm.config.input_path).unlink()
    monkeypatch.setattr(fitting, "fit", None)
    more, other = of_model(make_task, "more"), of_model(make_task, "other", parameters={"seed": 8})

    signals = run(more)
    run(other)

    assert [s.stage for s in signals if isinstance(s, StageCompleted)] == list(STAGES)
    assert isinstance(signals[-1], Completed), signals[-1]
    lines = [Path(task.config.output_path).read_text().splitlines() for task in (calm, more, other)]
    assert [len(each) for each in lines] == [ROWS + 1, 2 * ROWS + 1, 2 * ROWS + 1]
    assert lines[1][: 3 * PART_ROWS] == lines[0][: 3 * PART_ROWS]
    assert lines[2][1:] != lines[1][1:]
    assert more.bucket.get("jobs/j/model") == calm.bucket.get("jobs/j/model")


def test_the_report_of_a_model_says_whose_it_is(make_task: MakeTask) -> None:
    """That of the job that fitted it, also where a third job takes the model of the second."""
    run(make_task())
    second = of_model(make_task, "second")
    run(second)
    third = dataclasses.replace(of_model(make_task, "third"), source=second.bucket)
    third = dataclasses.replace(third, job_id="k")
    run(third)

    first = Report.from_wire(make_task().bucket.get("jobs/j/report.json"))
    for task in (second, third):
        report = Report.from_wire(task.bucket.get(f"jobs/{task.job_id}/report.json"))
        assert report.of_job == "j"
        assert report.columns == first.columns
        assert report.notes[0] == "This is the report of job j, which fitted the model."
        assert len(report.notes) == len(first.notes) + 1


def test_a_kill_of_a_job_of_a_model_changes_no_byte(make_task: MakeTask) -> None:
    """Whenever it dies, though the job that fitted the model is deleted once it is copied."""
    run(make_task())
    calm = of_model(make_task, "more", parameters={"seed": 8, "partRows": PART_ROWS})
    MortalBucket.lives = 10**9
    run(calm)
    publications = 10**9 - MortalBucket.lives

    for point in range(1, publications + 1):
        place, parameters = f"more-{point}", {"seed": 8, "partRows": PART_ROWS}
        MortalBucket.lives = point
        with pytest.raises(Killed):
            run(of_model(make_task, place, parameters=parameters))
        MortalBucket.lives = 10**9
        task = of_model(make_task, place, 2, parameters=parameters)
        if task.bucket.head("jobs/j/model") is not None:
            task = dataclasses.replace(task, source=LocalBucket(Path(place)))

        assert isinstance(run(task)[-1], Completed)
        assert outcome(task) == outcome(calm)


@pytest.mark.parametrize("lost", ["jobs/j/manifest.json", "jobs/j/model", "jobs/j/report.json"])
def test_a_model_that_is_gone_ends_the_job(make_task: MakeTask, lost: str) -> None:
    """As when the job that fitted it was deleted while this one waited."""
    run(make_task())
    make_task().bucket.delete(lost)

    failed = run(of_model(make_task, "more"))[-1]

    assert isinstance(failed, Failed)
    assert failed.error.code == "input_not_found"


@pytest.mark.parametrize("kept", ["jobs/j/model", "jobs/j/scratch/profile"])
def test_what_another_version_kept_ends_the_job(make_task: MakeTask, kept: str) -> None:
    """A job that was begun before an update says what to do."""
    task = make_task("killed")
    MortalBucket.lives = 5 if "profile" in kept else 6
    with pytest.raises(Killed):
        run(task)
    MortalBucket.lives = 10**9
    assert task.bucket.head(kept) is not None
    task.bucket.put(kept, b"PK, of an older version")

    failed = run(make_task("killed", 2))[-1]

    assert isinstance(failed, Failed)
    assert failed.error.code == "output_unwritable"
    assert "Run the job again." in failed.error.message


def test_a_model_that_was_changed_ends_the_job(make_task: MakeTask) -> None:
    """Its digest is the manifest's, or it makes no row."""
    run(make_task())
    make_task().bucket.put("jobs/j/model", b"other")

    failed = run(of_model(make_task, "more"))[-1]

    assert isinstance(failed, Failed)
    assert failed.error.code == "model_damaged"


def test_a_finished_part_is_not_made_again(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt generates only what is missing, and says what it found."""
    task = make_task()
    run(task)
    task.bucket.delete("jobs/j/manifest.json")
    task.bucket.delete("jobs/j/parts/part-00002.csv")
    made: list[int] = []
    write = Workspace.write_part

    def counted(self: Workspace, index: int, *rest: Any) -> Any:
        made.append(index)
        return write(self, index, *rest)

    monkeypatch.setattr(Workspace, "write_part", counted)

    signals = run(make_task(attempt=2, overwrite=True))

    assert made == [2]
    assert Logged("info", "3 of 4 parts were there already.") in signals


def test_an_attempt_that_finds_the_manifest_completes_at_once(make_task: MakeTask) -> None:
    """A job whose worker died after the last act is complete."""
    task = make_task()
    run(task)
    before = outcome(task)
    Path(task.config.input_path).unlink()

    signals = run(make_task(attempt=2))

    assert [s.stage for s in signals if isinstance(s, StageCompleted)] == list(STAGES)
    assert isinstance(signals[-1], Completed)
    assert outcome(task) == before


def test_an_older_attempt_falls_silent(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once a newer attempt has begun, an older one writes nothing more and says nothing more."""
    fit = fitting.fit

    def overtaken(*given: Any, **named: Any) -> Any:
        make_task().bucket.put("jobs/j/scratch/attempt", b"2")
        return fit(*given, **named)

    monkeypatch.setattr(fitting, "fit", overtaken)

    signals = run(make_task())

    assert not [s for s in signals if isinstance(s, Completed | Failed)]
    names = [meta.path for meta in objects(make_task().bucket, "")]
    assert not [name for name in names if "parts" in name or name.endswith("model")]


def test_an_attempt_that_comes_too_late_changes_nothing(make_task: MakeTask) -> None:
    """The fence of a newer attempt stops an older one before its first stage."""
    make_task().bucket.put("jobs/j/scratch/attempt", b"3")

    assert run(make_task(attempt=2)) == []
    assert make_task().bucket.get("jobs/j/scratch/attempt") == b"3"


def test_a_part_does_not_depend_on_how_many_are_asked_for(make_task: MakeTask) -> None:
    """Part i is a function of the model, the seed and i."""
    few, many = make_task("few", data_size=600), make_task("many", data_size=900)
    run(few)
    run(many)

    for index in (0, 1):
        name = f"jobs/j/parts/part-{index:05d}.csv"
        assert few.bucket.get(name) == many.bucket.get(name)


def test_an_excluded_column_is_nowhere(make_task: MakeTask) -> None:
    """Neither in the rows nor in what is said of them."""
    run(make_task("less", parameters={"seed": 7, "partRows": PART_ROWS, "exclude": ["b"]}))
    found = make_task("less")
    manifest = Manifest.from_wire(found.bucket.get("jobs/j/manifest.json"))
    report = Report.from_wire(found.bucket.get("jobs/j/report.json"))
    text = Path(found.config.output_path).read_text()

    assert text.startswith("a,c\n")
    assert schema_from_text(manifest.arrow_schema).names == ["a", "c"]
    assert {column.name for column in report.columns} == {"a", "c"}


def test_without_an_output_path_only_the_bucket_is_written(make_task: MakeTask) -> None:
    """The parts are the result; nothing is assembled."""
    task = make_task(output_path="", output_bucket="default")
    signals = run(task)

    assert isinstance(signals[-1], Completed)
    assert Manifest.from_wire(task.bucket.get("jobs/j/manifest.json")).output_path is None


def test_memory_that_ends_is_reported(make_task: MakeTask, monkeypatch: pytest.MonkeyPatch) -> None:
    """MemoryError is a failure with a sentence, in the stage where it happened."""

    def hungry(*given: Any, **named: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(fitting, "fit", hungry)

    failed = run(make_task())[-1]

    assert isinstance(failed, Failed)
    assert failed.error.code == "out_of_memory"
    assert failed.error.details["stage"] == "fit"
    assert "sample_rows" in failed.error.message


def test_failing_at_the_fence_is_reported(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full from the start fails the job; it does not fall silent."""

    def full(self: Workspace) -> None:
        raise OutputError("The disk is full.", code="disk_full")

    monkeypatch.setattr(Workspace, "claim", full)

    failed = run(make_task())[-1]

    assert isinstance(failed, Failed)
    assert failed.error.code == "disk_full"


def test_a_failed_attempt_never_removes_a_result(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the manifest is there, whatever goes wrong later leaves the result alone."""
    task = make_task()
    run(task)
    before = outcome(task)

    def broken(self: Workspace) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Workspace, "clear", broken)

    signals = run(make_task(attempt=2))

    assert not [s for s in signals if isinstance(s, Failed)]
    assert outcome(task) == before


def test_a_defect_is_reported_with_its_trace(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unexpected error fails the job, and its log says where."""

    def broken(*given: Any, **named: Any) -> Any:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(from_table.quality, "assess", broken)

    signals = run(make_task())

    failed = signals[-1]
    assert isinstance(failed, Failed)
    assert failed.error.code == "internal_error"
    assert "ZeroDivisionError: a defect" in failed.error.message
    assert any("in broken" in s.message for s in signals if isinstance(s, Logged))
    assert list(objects(make_task().bucket, "")) == []


def test_progress_is_reported_at_most_five_times_a_second(make_task: MakeTask) -> None:
    """Many parts do not flood the reader; the last row is always reported."""
    signals = run(make_task(data_size=3000, parameters={"seed": 7, "partRows": 10}))

    reported = [s for s in signals if isinstance(s, Progressed) and s.stage == "generate"]
    assert reported[-1].rows_done == 3000
    assert len(reported) < 100


@settings(max_examples=60)
@given(
    rows=st.integers(1, 400),
    limit=st.integers(1, 300),
    batch=st.integers(1, 100),
    seed=st.integers(0, 2**63 - 1),
)
def test_a_sample_does_not_depend_on_batches(rows: int, limit: int, batch: int, seed: int) -> None:
    """The same rows, in the input's order, as many as the limit, however they came."""
    table = pa.table({"a": np.arange(rows)})
    taken = []
    for size in (batch, rows):
        kept = sample.Sample(limit, seed)
        for piece in table.to_batches(max_chunksize=size):
            kept.add(piece)
        taken.append(kept.take()["a"].to_pylist())

    assert taken[0] == taken[1] == sorted(set(taken[0]))
    assert len(taken[0]) == min(rows, limit)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lengths=st.lists(st.integers(0, 200), min_size=1, max_size=300),
    batches=st.lists(st.integers(1, 100), min_size=2, max_size=4),
    seed=st.integers(0, 2**63 - 1),
)
def test_the_bound_in_bytes_does_not_make_a_sample_depend_on_batches(
    monkeypatch: pytest.MonkeyPatch, lengths: list[int], batches: list[int], seed: int
) -> None:
    """Nor do two samples of pieces, merged in either order, differ from the sample of all."""
    monkeypatch.setattr(sample, "SAMPLE_BYTES", 2_000)
    table = pa.table({"a": np.arange(len(lengths)), "b": ["x" * length for length in lengths]})
    taken = []
    for size in batches:
        kept = sample.Sample(100, seed)
        for piece in table.to_batches(max_chunksize=size):
            kept.add(piece)
        taken.append(kept.take())
        halves = [sample.Sample(100, seed), sample.Sample(100, seed)]
        for index, piece in enumerate(table.to_batches(max_chunksize=size)):
            halves[index % 2].add(piece, first=index * size)
        halves[size % 2].merge(halves[1 - size % 2])
        taken.append(halves[size % 2].take())
        assert halves[size % 2].rows == len(lengths)

    assert all(other.equals(taken[0]) for other in taken[1:])


def test_a_sample_is_spread_evenly() -> None:
    """Early and late rows are as likely to be kept."""
    kept = sample.Sample(1000, 7)
    for begin in range(0, 100_000, 1000):
        kept.add(pa.record_batch({"a": np.arange(begin, begin + 1000)}))

    rows = kept.take()["a"].to_numpy()

    assert abs(np.mean(rows) - 50_000) < 3_500
    assert len(rows) == 1000


def test_long_texts_make_a_smaller_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded in bytes too."""
    monkeypatch.setattr(sample, "SAMPLE_BYTES", 100_000)
    kept = sample.Sample(10_000, 7)
    for _ in range(50):
        kept.add(pa.record_batch({"a": ["x" * 1000] * 100}))

    taken = kept.take()

    assert taken.nbytes <= 100_000
    assert taken.num_rows > 10
    assert kept.rows == 5000


@pytest.mark.parametrize(("rows", "held_back"), [(2, 0), (19, 0), (20, 4), (1000, 200)])
def test_a_fifth_is_held_back_where_there_is_enough(rows: int, held_back: int) -> None:
    """Rows to learn from and rows to judge by share none and are all."""
    training, held = sample.split(pa.table({"a": np.arange(rows)}), 7)

    assert held.num_rows == held_back
    assert sorted(training["a"].to_pylist() + held["a"].to_pylist()) == list(range(rows))


def test_a_table_in_parquet_gives_a_table_of_its_types(make_task: MakeTask, tmp_path: Path) -> None:
    """From Parquet to Parquet the schema stays."""
    table = pa.table(
        {
            "small": pa.array([1, 2, 3, None] * 20, pa.int16()),
            "when": pa.array([0, 86_400_000, None, 5] * 20, pa.timestamp("ms")),
            "day": pa.array([1, 2, 3, 4] * 20, pa.date32()),
            "flag": [True, None, False, True] * 20,
        }
    )
    pq.write_table(table, tmp_path / "in.parquet")
    task = make_task(
        input_path=str(tmp_path / "in.parquet"),
        input_format="parquet",
        output_format="parquet",
        output_path=str(tmp_path / "out.parquet"),
    )

    signals = run(task)

    assert isinstance(signals[-1], Completed), signals[-1]
    made = pq.read_table(tmp_path / "out.parquet")
    assert made.schema == table.schema
    assert made.num_rows == ROWS


def test_views_as_polars_writes_them_can_be_sampled() -> None:
    """Arrow cannot choose rows of a view; a sample holds the same values in a layout it can."""
    words = pa.array([f"w{n}" for n in range(500)], pa.string_view())
    kept = sample.Sample(100, 7)
    for _ in range(3):
        kept.add(pa.record_batch({"word": words}))

    known, held_back = sample.split(kept.take(), 7)

    assert (known.num_rows, held_back.num_rows) == (80, 20)
    assert set(known["word"].to_pylist()) <= set(words.to_pylist())


def _caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code", "passing"),
    [
        (ServiceUnavailable("Away."), "service_unavailable", True),
        (OSError(errno.EIO, "Input/output error"), "storage_unavailable", True),
        (OSError(errno.ENOENT, "No such file"), "internal_error", None),
        (OutputError("Full.", code="disk_full"), "disk_full", None),
        (MemoryError(), "out_of_memory", None),
        (pa.ArrowMemoryError("malloc of size 64 failed"), "out_of_memory", None),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "out_of_memory", None),
        (_caused(OutputError("Unwritable."), pa.ArrowMemoryError("malloc")), "out_of_memory", None),
    ],
)
def test_a_failure_says_whether_its_cause_passes(error, code, passing):
    """A storage that does not answer is worth another attempt; a full one is not, by itself."""
    reported = failure(error, "write")
    assert (reported.code, reported.details.get("passing")) == (code, passing)
    assert reported.details["stage"] == "write"
