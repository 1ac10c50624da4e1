"""How a job moves: the table of states, stale workers, and what no change can ever break."""

import json
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen_nb.core import status as module
from datagen_nb.core.changes import (
    Annotated,
    Cancelled,
    Completed,
    Expired,
    Failed,
    InputMeasured,
    Paused,
    Placed,
    Progressed,
    Requeued,
    Resumed,
    StageCompleted,
    StageStarted,
    Started,
    Warned,
)
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ActionRefused
from datagen_nb.core.failure import JobFailure
from datagen_nb.core.status import TRANSITIONS, JobStatus, StaleAttempt, State, fold, new_status
from datagen_nb.pipelines.built_in import INFO, STAGES
from tests.pipelines import WEIGHTS

NOW = datetime(2026, 11, 23, 9, 30, 0, 125_000, tzinfo=UTC)
JOB = "j_01JDCXA3ZC9Q2M7K"
FAILURE = JobFailure(code="disk_full", message="The disk is full.")
CHANGES = get_args(module.Change)


def fresh() -> JobStatus:
    config = JobConfiguration(
        data_size=1000,
        input_format="csv",
        output_format="parquet",
        input_path="in.csv",
        name="first",
        tags=("a", "b"),
    )
    return new_status(JOB, config, NOW, WEIGHTS)


def change_of(kind, attempt):
    """A change of a kind, spoken by an attempt where attempts speak."""
    made = {
        Annotated: lambda: Annotated(note="seen"),
        Started: lambda: Started(attempt + 1),
        Placed: lambda: Placed(attempt, "remote"),
        StageStarted: lambda: StageStarted(attempt, "fit"),
        Progressed: lambda: Progressed(attempt, "fit", 40.0, 10),
        StageCompleted: lambda: StageCompleted(attempt, "fit"),
        InputMeasured: lambda: InputMeasured(attempt, 123),
        Warned: lambda: Warned(attempt, "odd"),
        Requeued: lambda: Requeued(attempt, "gone"),
        Completed: lambda: Completed(attempt, 77),
        Failed: lambda: Failed(attempt, FAILURE),
        Paused: lambda: Paused(60),
        Expired: lambda: Expired(FAILURE),
        Resumed: Resumed,
        Cancelled: Cancelled,
    }
    return made[kind]()


def in_state(state: State) -> JobStatus:
    """A job brought to a state by changes alone."""
    ways = {
        State.QUEUED: [],
        State.RUNNING: [Started(1), StageStarted(1, "validate")],
        State.COMPLETED: [Started(1), Completed(1, 5)],
        State.FAILED: [Started(1), Failed(1, FAILURE)],
        State.CANCELLED: [Cancelled()],
        State.PAUSED: [Started(1), StageStarted(1, "fit"), Paused(60)],
    }
    job = fresh()
    for seconds, change in enumerate(ways[state], 1):
        job = fold(job, change, NOW + timedelta(seconds=seconds))
    return job


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("state", State)
def test_a_change_leads_where_the_table_says_or_is_refused(state, kind):
    """Each cell of states x changes, none left out."""
    before = in_state(state)
    kept = before.model_copy(deep=True)
    change = change_of(kind, before.attempt)
    later = NOW + timedelta(minutes=1)
    if kind is Annotated:
        assert fold(before, change, later).status is state
    elif (state, kind) in TRANSITIONS:
        assert fold(before, change, later).status is TRANSITIONS[state, kind]
    else:
        with pytest.raises(ActionRefused) as refused:
            fold(before, change, later)
        assert refused.value.details == {"jobId": JOB, "status": state.value}
        assert state.value in str(refused.value)
    assert before == kept


@pytest.mark.parametrize("state", State)
def test_what_is_written_on_a_job_moves_nothing_else(state):
    """Its end, its window to resume, its stages stay; what is not said stays too."""
    before = in_state(state)
    after = fold(before, Annotated(note="n", tags=("x",)), NOW + timedelta(minutes=1))
    written = {"note": "n", "tags": ("x",), "last_updated": after.last_updated}
    ran = {"metadata": after.metadata} if state is State.RUNNING else {}
    assert after == before.model_copy(update=written | ran)
    assert after.name == before.name


def test_a_job_leaves_exactly_the_states_that_are_not_terminal():
    """Completed, failed and cancelled are ends; the other three are not."""
    assert {state for state in State if state.is_terminal} == {
        State.COMPLETED,
        State.FAILED,
        State.CANCELLED,
    }


@pytest.mark.parametrize(
    "kind",
    [kind for kind in CHANGES if "attempt" in kind.__dataclass_fields__ and kind is not Started],
)
@pytest.mark.parametrize("attempt", [0, 1, 3])
def test_a_worker_that_was_replaced_is_not_heard(kind, attempt):
    """Only the attempt that the job is at may speak, whether older or newer."""
    job = fold(in_state(State.RUNNING), Requeued(1, "gone"), NOW + timedelta(seconds=3))
    job = fold(job, Started(2), NOW + timedelta(seconds=4))
    with pytest.raises(StaleAttempt):
        fold(job, change_of(kind, attempt), NOW + timedelta(seconds=5))


@pytest.mark.parametrize("attempt", [-1, 0, 1])
def test_a_start_has_to_be_newer_than_any_before(attempt):
    """An attempt's number is never given twice."""
    job = fold(in_state(State.RUNNING), Requeued(1, "gone"), NOW + timedelta(seconds=3))
    with pytest.raises(StaleAttempt):
        fold(job, Started(attempt), NOW + timedelta(seconds=4))


def test_a_rule_may_end_a_job_without_being_an_attempt():
    """``Failed(None, …)`` is of no attempt and never stale."""
    ended = fold(in_state(State.PAUSED), Expired(FAILURE), NOW + timedelta(hours=1))
    assert (ended.status, ended.error) == (State.FAILED, FAILURE)


def test_the_weights_of_the_stages_are_shares_of_one():
    """For few rows and for many; generating grows with the rows."""
    for rows in (1, 1000, 10**10):
        weights = INFO.stage_weights(rows)
        assert tuple(weights) == STAGES
        assert sum(weights.values()) == pytest.approx(1)
        assert all(weight >= 0 for weight in weights.values())
    assert INFO.stage_weights(10**7)["generate"] > INFO.stage_weights(10)["generate"]


def test_a_new_job_is_queued_and_has_all_its_stages_before_it():
    """What a person sees right after submitting."""
    job = fresh()
    assert (job.status, job.progress, job.attempt, job.rows_done) == (State.QUEUED, 0.0, 0, 0)
    assert (job.created_time, job.start_time, job.last_updated) == (NOW, NOW, NOW)
    assert [(stage.name, stage.status) for stage in job.stages] == [(n, "pending") for n in STAGES]
    assert (job.name, job.tags, job.data_size) == ("first", ("a", "b"), 1000)


def test_a_stage_that_was_not_described_is_shown_and_warned_of():
    """Once, with its times, behind the others; it moves no share of the whole."""
    job = fold(fresh(), Started(1), NOW)
    for change in (
        StageStarted(1, "polish"),
        Progressed(1, "polish", 50.0),
        StageCompleted(1, "polish"),
    ):
        job = fold(job, change, NOW + timedelta(seconds=1))

    assert [stage.name for stage in job.stages] == [*STAGES, "polish"]
    assert (job.stages[-1].status, job.stages[-1].weight, job.progress) == ("completed", 0.0, 0.0)
    assert job.stages[-1].start_time is not None
    assert [warning for warning in job.warnings if "polish" in warning] == list(job.warnings)
    assert len(job.warnings) == 1


def test_a_job_without_stages_keeps_its_progress():
    """A pipeline that describes no stage is no division by nothing."""
    job = fold(fresh().model_copy(update={"stages": ()}), Started(1), NOW)

    assert fold(job, Progressed(1, "all", 10.0), NOW).progress == 0.0


def test_the_start_is_the_first_attempts():
    """Until an attempt begins it is the acceptance; a second attempt does not move it."""
    one, two = NOW + timedelta(seconds=5), NOW + timedelta(seconds=9)
    job = fold(fresh(), Started(1), one)
    assert job.start_time == one
    job = fold(fold(job, Requeued(1, "gone"), two), Started(2), two)
    assert (job.start_time, job.created_time) == (one, NOW)


def test_running_time_counts_neither_queue_nor_pause():
    """Two seconds and three of running, hours and a pause around them."""
    at = NOW + timedelta(hours=1)
    job = fold(fresh(), Started(1), at)
    job = fold(job, Paused(60), at + timedelta(seconds=2))
    assert job.resume_until == at + timedelta(seconds=62)
    job = fold(job, Resumed(), at + timedelta(seconds=30))
    assert job.resume_until is None
    job = fold(job, Started(2), at + timedelta(hours=6))
    job = fold(job, Completed(2, 10), at + timedelta(hours=6, seconds=3))
    assert job.metadata.processing_time == 5.0
    assert (job.progress, job.rows_done, job.metadata.output_size) == (100.0, 1000, 10)


def test_a_failure_marks_the_stage_that_ran_and_a_pause_or_a_loss_unmarks_it():
    """Only a failure blames a stage."""
    running = fold(in_state(State.RUNNING), StageStarted(1, "fit"), NOW + timedelta(seconds=3))
    running = fold(running, StageCompleted(1, "validate"), NOW + timedelta(seconds=4))
    assert running.running_stage.name == "fit"
    at = NOW + timedelta(seconds=5)
    failed = fold(running, Failed(1, FAILURE), at)
    assert {stage.name: stage.status for stage in failed.stages}["fit"] == "failed"
    assert next(stage for stage in failed.stages if stage.name == "fit").end_time == at
    for change in (Paused(60), Requeued(1, "gone"), Cancelled()):
        left = fold(running, change, at)
        assert left.running_stage is None
        assert {stage.name: stage.status for stage in left.stages}["fit"] == "pending"


def test_each_lost_worker_counts_as_a_retry():
    """``retryCount`` tells how often another worker took over."""
    job = fresh()
    for attempt in (1, 2, 3):
        job = fold(job, Started(attempt), NOW)
        job = fold(job, Requeued(attempt, "gone"), NOW)
    assert (job.metadata.retry_count, job.status) == (3, State.QUEUED)


def test_a_warning_is_reported_once():
    """The next attempt's same words are not a second warning."""
    job = in_state(State.RUNNING)
    for message in ("odd", "odd", "even"):
        job = fold(job, Warned(1, message), NOW + timedelta(seconds=9))
    assert job.warnings == ("odd", "even")


def test_speed_and_remaining_time_come_from_the_rows():
    """100 rows in two seconds leave 800 for sixteen; they vanish when the job stops running."""
    job = in_state(State.RUNNING)
    job = fold(job, Progressed(1, "generate", 10.0, 100), NOW + timedelta(seconds=10))
    assert (job.rows_per_second, job.seconds_left) == (None, None)
    job = fold(job, Progressed(1, "generate", 20.0, 200), NOW + timedelta(seconds=12))
    assert (job.rows_done, job.rows_per_second, job.seconds_left) == (200, 50.0, 16.0)
    job = fold(job, Paused(60), NOW + timedelta(seconds=13))
    assert (job.rows_per_second, job.seconds_left) == (None, None)


def test_no_instant_of_a_job_lies_before_an_earlier_one_when_the_clock_jumps_back():
    """A job does not end before it began."""
    job = fold(fresh(), Started(1), NOW + timedelta(minutes=10))
    job = fold(job, StageStarted(1, "validate"), NOW + timedelta(minutes=11))
    ended = fold(job, Failed(1, FAILURE), NOW)
    assert ended.end_time >= ended.start_time
    assert ended.end_time == ended.last_updated
    stage = ended.stages[0]
    assert stage.end_time >= stage.start_time


attempts = st.integers(0, 4)
stages = st.sampled_from(STAGES)
changes = st.one_of(
    st.builds(Started, attempts),
    st.builds(StageStarted, attempts, stages),
    st.builds(
        Progressed,
        attempts,
        stages,
        st.floats(-50, 150),
        st.one_of(st.none(), st.integers(0, 1000)),
    ),
    st.builds(StageCompleted, attempts, stages),
    st.builds(InputMeasured, attempts, st.integers(0, 10**12)),
    st.builds(Warned, attempts, st.text(max_size=5)),
    st.builds(Requeued, attempts, st.just("gone")),
    st.builds(Completed, attempts, st.integers(0, 10**12)),
    st.builds(Failed, st.one_of(st.none(), attempts), st.just(FAILURE)),
    st.builds(Paused, st.floats(1, 10**6)),
    st.builds(Resumed),
    st.builds(Cancelled),
)
steps = st.lists(st.tuples(changes, st.integers(-2000, 5000)), max_size=40)


def follow(taken):
    """Fold what is taken; give each status with the one before it."""
    job, now = fresh(), NOW
    for change, milliseconds in taken:
        now += timedelta(milliseconds=milliseconds)
        try:
            after = fold(job, change, now)
        except (ActionRefused, StaleAttempt):
            continue
        yield job, change, after
        job = after


@given(steps)
def test_whatever_happens_a_job_keeps_its_laws(taken):
    """Ends are final, numbers in bounds, attempts and running time only grow."""
    for before, change, after in follow(taken):
        assert not before.status.is_terminal
        assert after.status is TRANSITIONS[before.status, type(change)]
        assert after.attempt >= before.attempt
        assert (after.attempt > before.attempt) == isinstance(change, Started)
        assert 0 <= after.progress <= 100
        assert all(0 <= (stage.progress or 0) <= 100 for stage in after.stages)
        spent = [status.metadata.processing_time or 0 for status in (before, after)]
        assert spent[1] >= spent[0]
        if before.status is not State.RUNNING:
            assert spent[1] == spent[0]
        assert after.last_updated >= before.last_updated
        assert after.metadata.retry_count >= before.metadata.retry_count
        assert (after.end_time is not None) == after.status.is_terminal
        assert (after.error is not None) == (after.status is State.FAILED)
        assert (after.resume_until is not None) == (after.status is State.PAUSED)
        if after.status is not State.RUNNING:
            assert after.running_stage is None or after.status is State.COMPLETED
        assert after.created_time <= after.start_time <= after.last_updated
        assert after.end_time is None or after.end_time >= after.start_time
        assert [stage.name for stage in after.stages] == list(STAGES)


@given(steps)
def test_a_status_crosses_the_wire_unchanged(taken):
    """Both as JSON text and as an object."""
    for _, _, status in follow(taken):
        assert JobStatus.from_wire(status.to_json()) == status
        assert JobStatus.from_wire(json.loads(json.dumps(status.to_wire()))) == status


def test_the_wire_has_the_specifications_fields_and_shapes():
    """camelCase, instants as RFC 3339 text, numbers as numbers; see section 1.1."""
    job = in_state(State.RUNNING)
    job = fold(job, StageCompleted(1, "validate"), NOW + timedelta(seconds=3))
    job = fold(job, InputMeasured(1, 9), NOW + timedelta(seconds=3))
    wire = fold(job, Failed(1, FAILURE), NOW + timedelta(seconds=4)).to_wire()
    assert wire["jobId"] == JOB
    assert wire["status"] == "failed"
    assert wire["startTime"] == "2026-11-23T09:30:01.125Z"
    assert wire["endTime"] == wire["lastUpdated"] == "2026-11-23T09:30:04.125Z"
    assert wire["error"] == {"code": "disk_full", "message": "The disk is full."}
    assert wire["stages"][0] | {"weight": 0} == {
        "name": "validate",
        "status": "completed",
        "startTime": "2026-11-23T09:30:02.125Z",
        "endTime": "2026-11-23T09:30:03.125Z",
        "progress": 100.0,
        "weight": 0,
    }
    assert wire["metadata"] == {
        "inputSize": 9,
        "processingTime": 3.0,
        "retryCount": 0,
    }
    assert isinstance(wire["progress"], float)


def test_what_is_not_known_is_absent_from_the_wire():
    """No ``null`` anywhere; optional fields of the specification are simply not there."""
    text = fresh().to_json()
    assert "null" not in text
    wire = json.loads(text)
    for name in ("endTime", "error", "resumeUntil", "rowsPerSecond", "secondsLeft"):
        assert name not in wire
    assert "endTime" not in wire["stages"][0]
    assert "outputSize" not in wire["metadata"]


def test_a_status_cannot_be_changed_in_place():
    """``fold`` is the only maker of a new one."""
    with pytest.raises(ValueError, match="frozen"):
        fresh().progress = 50.0


def test_an_instant_without_a_zone_is_refused():
    """Local time means nothing on the wire."""
    with pytest.raises(ValueError, match="zone"):
        fold(fresh(), Started(1), datetime(2026, 11, 23))  # noqa: DTZ001
