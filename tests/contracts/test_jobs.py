"""One suite over the Jobs port: in this process, and across a unix socket."""

import asyncio
import hashlib
import json
import socket
from collections import Counter
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen_nb.api import wire
from datagen_nb.api.client.event_stream import MAX_STREAM_FAILURES
from datagen_nb.api.client.jobs import HttpJobs
from datagen_nb.api.process.host import Server
from datagen_nb.api.server.app import make_app
from datagen_nb.api.server.request_limits import MAX_BODY
from datagen_nb.client.async_job import AsyncJob
from datagen_nb.core.access import LOCAL_CUSTOMER
from datagen_nb.core.buckets import objects
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import (
    ActionRefused,
    ConfigurationError,
    IdempotencyConflict,
    InputError,
    JobNotFound,
    NotFound,
    OutputError,
    ProtocolError,
    Rejected,
    ResultNotReady,
    ServiceError,
    SubmitInFlight,
)
from datagen_nb.core.manifest import Manifest, ModelFile
from datagen_nb.core.messages import Annotation, JobQuery
from datagen_nb.core.status import JobStatus, State
from datagen_nb.pipelines.engine.workspace import PART_ROWS
from datagen_nb.pipelines.mock import MockPipeline
from datagen_nb.wiring.service import build_service
from tests.deadline import DEADLINE

FAST, STILL = 2_000, 0.001
UNKNOWN_JOB = "j_0000000000000000"


class Side:
    """A service, its ``Jobs``, and what a test may do to the line between them."""

    def __init__(self, service, socket_path):
        self.service = service
        self.socket = socket_path
        self.cut_after = None
        self.streams = 0
        self.jobs = None

    def config(self, **changes):
        fields = {
            "data_size": 10,
            "input_format": "csv",
            "output_format": "csv",
            "input_path": "in.csv",
        }
        return JobConfiguration(**(fields | changes))

    def cutting(self, app):
        """Middleware that drops a stream after so many messages, as a network does."""

        async def watched(scope, receive, send):
            accepted = dict(scope.get("headers", ())).get(b"accept", b"").decode()
            if accepted != wire.EVENT_STREAM_TYPE or self.cut_after is None:
                await app(scope, receive, send)
                return
            self.streams += 1
            left = self.cut_after

            async def counted(message):
                nonlocal left
                left -= 1
                if left < 0:
                    raise ConnectionAbortedError
                await send(message)

            await app(scope, receive, counted)

        return watched


@asynccontextmanager
async def listening(app, path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        listener.setblocking(False)
        server = Server(app)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield
        finally:
            server.stop()
            await running


@asynccontextmanager
async def opened(kind, folder, *, scenario="succeeds", speed=FAST, sender=None):
    from datagen_nb.core.clock import SystemClock

    pipeline = MockPipeline(scenario, speed=speed, seed=1, clock=SystemClock())
    service = await build_service(
        folder / "jobs.sqlite", folder / "buckets", pipeline, sender=sender
    )
    here = service.customer(LOCAL_CUSTOMER)
    side = Side(service, str(folder / "s"))
    await asyncio.to_thread(
        service.buckets(LOCAL_CUSTOMER, "default").put, "in.csv", b"a,b\n1,2\n3,4\n"
    )
    try:
        if kind == "here":
            side.jobs = here
            yield side
        else:
            app = make_app(lambda _: here, describe=lambda info: info)
            app.add_middleware(side.cutting)
            async with listening(app, side.socket):
                side.jobs = HttpJobs.over_socket(side.socket)
                yield side
                await side.jobs.aclose()
    finally:
        await service.aclose()


@pytest.fixture(params=["here", "http"])
def kind(request):
    return request.param


@pytest.fixture
async def side(kind, tmp_path):
    async with opened(kind, tmp_path) as side:
        yield side


@pytest.fixture
async def still(kind, tmp_path):
    """A service whose jobs do not get anywhere."""
    async with opened(kind, tmp_path, speed=STILL) as side:
        yield side


@pytest.fixture
async def http(tmp_path):
    async with opened("http", tmp_path) as side:
        yield side


async def ended(jobs, job_id):
    async with asyncio.timeout(DEADLINE), aclosing(jobs.events(job_id=job_id)) as events:
        async for event in events:
            if event.data.status.is_terminal:
                return event.data
    raise AssertionError("events ended")


async def completed(side, **changes):
    status = await side.jobs.create(side.config(**changes), idempotency_key=str(changes))
    return await ended(side.jobs, status.job_id)


async def in_state(jobs, job_id, state):
    async with asyncio.timeout(DEADLINE), aclosing(jobs.events(job_id=job_id)) as events:
        async for event in events:
            if event.data.status is state:
                return event.data
    raise AssertionError("events ended")


# Submitting


async def test_a_job_is_created_as_it_was_asked_for(side):
    """Its configuration comes back word for word."""
    config = side.config(name="Ünï “x”", tags=("a", "b"), parameters={"seed": 3})
    status = await side.jobs.create(config, idempotency_key="k")
    assert status.status in {State.QUEUED, State.RUNNING}
    assert (status.name, status.tags, status.data_size) == (config.name, config.tags, 10)
    assert await side.jobs.configuration(status.job_id) == config
    done = await ended(side.jobs, status.job_id)
    assert done.status is State.COMPLETED
    assert await side.jobs.status(status.job_id) == done


async def test_the_same_key_and_body_give_the_same_job(side):
    """A submit that is sent twice makes one job."""
    one, two = [await side.jobs.create(side.config(), idempotency_key="k") for _ in range(2)]
    assert one.job_id == two.job_id
    assert len((await side.jobs.history(JobQuery())).jobs) == 1


async def test_the_same_submit_at_the_same_moment_makes_one_job(side):
    """Who comes while the first is looked at is refused, and finds that job a moment later."""
    answers = await asyncio.gather(
        *(side.jobs.create(side.config(), idempotency_key="k") for _ in range(8)),
        return_exceptions=True,
    )
    reported = {type(answer) for answer in answers}
    assert JobStatus in reported
    assert reported <= {JobStatus, SubmitInFlight}
    again = await side.jobs.create(side.config(), idempotency_key="k")
    made = {answer.job_id for answer in answers if isinstance(answer, JobStatus)}
    assert made == {again.job_id}


async def test_the_same_key_with_another_body_is_refused(side):
    """The error names the job that has the key."""
    first = await side.jobs.create(side.config(), idempotency_key="k")
    with pytest.raises(IdempotencyConflict) as raised:
        await side.jobs.create(side.config(data_size=11), idempotency_key="k")
    assert raised.value.details["jobId"] == first.job_id


async def test_a_missing_input_is_reported_at_once(side):
    """No job is made of it."""
    with pytest.raises(InputError) as raised:
        await side.jobs.create(side.config(input_path="no.csv"), idempotency_key="k")
    assert raised.value.code == "input_not_found"
    with pytest.raises(NotFound):
        await side.jobs.create(side.config(input_bucket="other"), idempotency_key="k")
    assert (await side.jobs.history(JobQuery())).jobs == ()


async def test_a_path_that_leads_out_of_the_bucket_is_not_there(side):
    """As if there were no such object."""
    for path in ("../../jobs.sqlite", "/etc/passwd", "a/../../../jobs.sqlite"):
        with pytest.raises((InputError, NotFound)):
            await side.jobs.create(side.config(input_path=path), idempotency_key=path)


async def test_what_the_pipeline_rejects_becomes_no_job(kind, tmp_path):
    """Its no is the answer."""
    async with opened(kind, tmp_path, scenario="rejected") as side:
        with pytest.raises(Rejected):
            await side.jobs.create(side.config(), idempotency_key="k")
        assert (await side.jobs.history(JobQuery())).jobs == ()


async def test_a_submit_that_waits_answers_with_the_end(side):
    """``isAsync`` false."""
    status = await side.jobs.create(side.config(is_async=False), idempotency_key="k")
    assert status.status is State.COMPLETED


# Reading


@pytest.mark.parametrize("job_id", [UNKNOWN_JOB, "x", "../info", "a b", "ä", "", "x" * 500])
async def test_a_job_that_is_not_there_is_reported_everywhere(side, job_id):
    """Every question about it gets the same answer."""
    asked = [
        side.jobs.status,
        side.jobs.configuration,
        side.jobs.cancel,
        side.jobs.pause,
        side.jobs.resume,
        side.jobs.log,
        side.jobs.manifest,
        side.jobs.report,
        lambda job_id: side.jobs.rerun(job_id, idempotency_key="k"),
        lambda job_id: anext(side.jobs.read_part(job_id, 0)),
        lambda job_id: anext(side.jobs.read_model(job_id)),
        lambda job_id: anext(side.jobs.events(job_id=job_id)),
    ]
    for ask in asked:
        with pytest.raises(JobNotFound):
            await ask(job_id)


async def test_history_is_paged_without_loss_or_repetition(side):
    """Newest first, by twos."""
    made = [
        (await side.jobs.create(side.config(), idempotency_key=str(n))).job_id for n in range(5)
    ]
    seen, cursor, pages = [], None, 0
    while True:
        page = await side.jobs.history(JobQuery(limit=2, cursor=cursor))
        seen += [job.job_id for job in page.jobs]
        pages += 1
        if (cursor := page.next_cursor) is None:
            break
    assert seen == made[::-1]
    assert pages == 3


async def test_an_overview_tells_what_the_jobs_come_to(side):
    """States, outcomes and spans of a time, and what retention will delete."""
    await side.jobs.set_retention_days(7)
    made = [
        await ended(side.jobs, (await side.jobs.create(side.config(), idempotency_key=key)).job_id)
        for key in "kl"
    ]

    reported = await side.jobs.overview(30)

    assert reported.by_state == reported.ended == {State.COMPLETED: 2}
    assert reported.success_share == 1.0
    assert reported.rows == sum(job.data_size for job in made)
    took = sorted(job.metadata.processing_time for job in made)
    assert (reported.median_seconds, reported.p95_seconds) == (took[0], took[1])
    assert reported.last_failed is None
    assert reported.next_deletion == min(job.end_time for job in made) + timedelta(days=7)
    sizes = sum(job.metadata.output_size for job in made)
    assert [(one.days, one.jobs) for one in reported.expiring] == [(1, 0), (7, 2)]
    assert [one.size for one in reported.expiring] == [0, sizes]
    for days in (0, 367):
        with pytest.raises(ConfigurationError) as raised:
            await side.jobs.overview(days)
        assert raised.value.problems[0].field == "days"


async def test_what_is_written_on_a_job_is_found_again(side):
    """Name, tags and note, on a job that has ended; its state, its end and its data stay."""
    done = await ended(
        side.jobs, (await side.jobs.create(side.config(), idempotency_key="k")).job_id
    )
    other = await side.jobs.create(side.config(), idempotency_key="l")

    annotation = Annotation(note="for the review", tags=("Keep",))
    written = await side.jobs.annotate(done.job_id, annotation)

    assert (written.note, written.tags) == (annotation.note, annotation.tags)
    assert written.name == done.name
    assert (written.status, written.end_time) == (done.status, done.end_time)
    page = await side.jobs.history(JobQuery(text="REVIEW keep"))
    assert [job.job_id for job in page.jobs] == [done.job_id]
    assert (await side.jobs.counts(JobQuery(text="review"))).total == 1
    assert (await side.jobs.counts(JobQuery())).total == 2
    await ended(side.jobs, other.job_id)
    with pytest.raises(JobNotFound):
        await side.jobs.annotate(UNKNOWN_JOB, annotation)


@pytest.mark.parametrize("annotation", [{"note": "x" * 2_001}, {"tags": [""]}, {"name": "n" * 201}])
async def test_too_much_is_not_written_on_a_job(annotation):
    """Each by its rule."""
    with pytest.raises(ConfigurationError):
        Annotation.model_validate(annotation)


async def test_many_are_deleted_and_the_refused_are_reported(side):
    """One that runs or is not there stops none of the others."""
    done = await ended(
        side.jobs, (await side.jobs.create(side.config(), idempotency_key="k")).job_id
    )
    found = await side.jobs.delete_many([done.job_id, UNKNOWN_JOB])
    assert found.deleted == (done.job_id,)
    assert [(one.job_id, one.code) for one in found.refused] == [(UNKNOWN_JOB, "job_not_found")]
    with pytest.raises(ConfigurationError):
        await side.jobs.delete_many(["j_1"] * 501)


async def test_history_can_be_narrowed(side):
    """By states, by time, by both."""
    done = await completed(side)
    moment = done.created_time
    query = JobQuery(status=(State.COMPLETED, State.FAILED), since=moment)
    assert [job.job_id for job in (await side.jobs.history(query)).jobs] == [done.job_id]
    for empty in (
        JobQuery(status=(State.CANCELLED,)),
        JobQuery(until=moment),
        JobQuery(since=datetime.now(UTC) + timedelta(days=1)),
    ):
        assert (await side.jobs.history(empty)).jobs == ()


async def test_a_cursor_that_is_none_is_reported(side):
    """And not taken for the beginning."""
    for cursor in ("x", "é", "9" * 40, "e30="):
        with pytest.raises(ConfigurationError):
            await side.jobs.history(JobQuery(cursor=cursor))


async def test_a_log_is_read_from_any_line(side):
    """Lines are numbered from 1."""
    done = await completed(side)
    lines = await side.jobs.log(done.job_id)
    assert [line.cursor for line in lines] == list(range(1, len(lines) + 1))
    assert await side.jobs.log(done.job_id, after=3) == lines[3:]
    assert list(await side.jobs.log(done.job_id, after=2**40)) == []


# Acting


async def test_a_job_can_be_cancelled_once(still):
    """Terminal is final."""
    made = await still.jobs.create(still.config(), idempotency_key="k")
    assert (await still.jobs.cancel(made.job_id)).status is State.CANCELLED
    for act in (still.jobs.cancel, still.jobs.pause, still.jobs.resume):
        with pytest.raises(ActionRefused):
            await act(made.job_id)
    assert (await still.jobs.status(made.job_id)).status is State.CANCELLED


async def test_a_job_can_be_paused_and_resumed(still):
    """It stands still, says until when, and goes on."""
    made = await still.jobs.create(still.config(resume_window=60), idempotency_key="k")
    await in_state(still.jobs, made.job_id, State.RUNNING)
    paused = await still.jobs.pause(made.job_id)
    assert paused.status is State.PAUSED
    assert abs((paused.resume_until - paused.last_updated).total_seconds() - 60) < 1
    with pytest.raises(ActionRefused):
        await still.jobs.pause(made.job_id)
    assert (await still.jobs.resume(made.job_id)).status in {State.QUEUED, State.RUNNING}
    with pytest.raises(ActionRefused):
        await still.jobs.resume(made.job_id)
    assert (await in_state(still.jobs, made.job_id, State.RUNNING)).attempt == 2


async def test_a_rerun_is_a_new_job_with_the_same_configuration(side):
    """Its key works as that of a submit does."""
    done = await completed(side, name="one")
    again = await side.jobs.rerun(done.job_id, idempotency_key="r")
    assert again.job_id != done.job_id
    assert (await side.jobs.rerun(done.job_id, idempotency_key="r")).job_id == again.job_id
    assert await side.jobs.configuration(again.job_id) == side.config(name="one")


async def test_a_rerun_may_differ_in_what_is_named(side):
    """The rest stays, of the parameters too; what breaks a rule is refused with every problem."""
    done = await completed(side, name="one", parameters={"seed": 1, "partRows": 50})
    overrides = {"dataSize": 7, "parameters": {"seed": 2}}

    again = await side.jobs.rerun(done.job_id, overrides, idempotency_key="r")

    assert again.data_size == 7
    assert await side.jobs.configuration(again.job_id) == side.config(
        name="one", data_size=7, parameters={"seed": 2, "partRows": 50}
    )
    with pytest.raises(ConfigurationError) as refused:
        await side.jobs.rerun(
            done.job_id, {"dataSize": 0, "timeout": -1, "size": 3}, idempotency_key="s"
        )
    assert {one.field for one in refused.value.problems} == {"dataSize", "timeout", "size"}


async def test_acting_at_the_same_moment_moves_a_job_once(still):
    """Eight cancels: one is the first, the others are refused."""
    made = await still.jobs.create(still.config(), idempotency_key="k")
    answers = await asyncio.gather(
        *(still.jobs.cancel(made.job_id) for _ in range(8)), return_exceptions=True
    )
    assert Counter(type(one).__name__ for one in answers) == {"JobStatus": 1, "ActionRefused": 7}


async def test_a_failed_job_tells_why(kind, tmp_path):
    """Code, sentence and stage arrive."""
    async with opened(kind, tmp_path, scenario="fails_at_stage") as side:
        failed = await completed(side)
        assert failed.status is State.FAILED
        assert failed.error.code == "mock_failure"
        assert failed.error.details["stage"] == "generate"
        with pytest.raises(ResultNotReady):
            await side.jobs.manifest(failed.job_id)


# Events


async def test_a_watcher_sees_the_job_as_it_stands_first(side):
    """Also when it has ended long ago."""
    done = await completed(side)
    async with asyncio.timeout(DEADLINE), aclosing(side.jobs.events(job_id=done.job_id)) as events:
        first = await anext(events)
    assert first.job_id == done.job_id
    assert first.data == done


async def test_events_have_no_gap(side):
    """From the first on, of all jobs, one by one."""
    jobs = [await side.jobs.create(side.config(), idempotency_key=str(n)) for n in range(3)]
    seen, ends = [], Counter()
    async with asyncio.timeout(DEADLINE), aclosing(side.jobs.events(after=0)) as events:
        async for event in events:
            seen.append(event)
            ends[event.job_id] += event.event == "job.completed"
            if sum(ends.values()) == 3:
                break
    assert [event.cursor for event in seen] == list(range(1, len(seen) + 1))
    assert set(ends) == {job.job_id for job in jobs}
    assert [event.event for event in seen].count("job.created") == 3


async def test_events_of_one_job_are_only_its_own(side):
    """Its whole story, from created to completed."""
    await completed(side, name="other")
    done = await completed(side, name="mine")
    seen = []
    async with asyncio.timeout(DEADLINE):
        async with aclosing(side.jobs.events(after=0, job_id=done.job_id)) as events:
            async for event in events:
                seen.append(event)
                if event.event == "job.completed":
                    break
    assert {event.job_id for event in seen} == {done.job_id}
    assert seen[0].event == "job.created"


async def test_events_go_on_after_any_cursor(side):
    """A reader that comes back misses none and sees none twice."""
    await completed(side)
    cursor = (await side.jobs.event_page()).cursor
    for after in (0, cursor // 2, cursor - 1):
        async with asyncio.timeout(DEADLINE), aclosing(side.jobs.events(after=after)) as events:
            assert (await anext(events)).cursor == after + 1


async def test_a_follower_without_a_cursor_sees_new_events_only(side):
    """What was before is not reported again."""
    await completed(side)
    before = (await side.jobs.event_page()).cursor
    async with asyncio.timeout(DEADLINE), aclosing(side.jobs.events()) as events:
        first, number = asyncio.ensure_future(anext(events)), 0
        while not first.done():
            number += 1
            await side.jobs.create(side.config(), idempotency_key=f"after {number}")
            await asyncio.wait([first], timeout=0.2)
        assert first.result().cursor > before


async def test_a_page_of_events_waits_for_the_first(still):
    """It answers when something happens, and else when its time is over."""
    cursor = (await still.jobs.event_page()).cursor
    assert cursor == 0
    empty = await still.jobs.event_page(after=cursor, wait=0.05)
    assert (empty.events, empty.cursor) == ((), cursor)
    waiting = asyncio.ensure_future(still.jobs.event_page(after=cursor, wait=30))
    await still.jobs.create(still.config(), idempotency_key="k")
    async with asyncio.timeout(5):
        page = await waiting
    assert page.events[0].event == "job.created"
    assert page.cursor == page.events[-1].cursor


async def test_pages_of_events_lead_from_one_to_the_next(side):
    """Without a gap, to the newest."""
    await completed(side)
    await completed(side, name="b")
    last = (await side.jobs.event_page()).cursor
    cursor, seen = 0, []
    while cursor < last:
        page = await side.jobs.event_page(after=cursor)
        seen += [event.cursor for event in page.events]
        assert page.cursor > cursor
        cursor = page.cursor
    assert seen == list(range(1, last + 1))


async def test_many_watchers_of_one_job_all_see_its_end(side):
    """Twenty cards on one page."""
    made = await side.jobs.create(side.config(), idempotency_key="k")
    ends = await asyncio.gather(*(ended(side.jobs, made.job_id) for _ in range(20)))
    assert {one.status for one in ends} == {State.COMPLETED}


# Results


async def test_a_result_is_what_its_manifest_says(side):
    """Rows, sizes and digests of every part."""
    done = await completed(side, data_size=2 * PART_ROWS + 7, output_format="parquet")
    manifest = await side.jobs.manifest(done.job_id)
    assert [part.rows for part in manifest.parts] == [PART_ROWS, PART_ROWS, 7]
    assert manifest.rows == 2 * PART_ROWS + 7
    for index, part in enumerate(manifest.parts):
        data = b"".join([chunk async for chunk in side.jobs.read_part(done.job_id, index)])
        assert (len(data), hashlib.sha256(data).hexdigest()) == (part.size, part.sha256)
        assert pq.read_table(pa.BufferReader(data)).num_rows == part.rows
    assert manifest.size == sum(part.size for part in manifest.parts) == done.metadata.output_size
    assert (await side.jobs.report(done.job_id)).rows_synthetic == manifest.rows


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (7, 40), (10, None), (5, 5), (0, 10**12)])
async def test_a_part_is_read_from_anywhere_to_anywhere(side, start, stop):
    """As a slice of its bytes."""
    done = await completed(side, data_size=50)
    whole = b"".join([chunk async for chunk in side.jobs.read_part(done.job_id, 0)])
    some = [chunk async for chunk in side.jobs.read_part(done.job_id, 0, start=start, stop=stop)]
    assert b"".join(some) == whole[start:stop]


@pytest.mark.parametrize("index", [1, -1, 10**30])
async def test_a_part_that_is_not_there_is_reported(side, index):
    """The job is there, the part is not."""
    done = await completed(side)
    with pytest.raises(NotFound):
        await anext(side.jobs.read_part(done.job_id, index))


MODEL = bytes(range(256)) * 5_000


def keep_model(side, job_id, data=MODEL):
    """Put a model beside a result, as a pipeline does that fits one."""
    bucket = side.service.buckets(LOCAL_CUSTOMER, "default")
    place = f"jobs/{job_id}/model"
    bucket.put(place, data)
    manifest = Manifest.from_wire(bucket.get(f"jobs/{job_id}/manifest.json"))
    digest = hashlib.sha256(data).hexdigest()
    model = ModelFile(name=place, size=len(data), sha256=digest)
    manifest = manifest.model_copy(update={"model": model})
    bucket.put(f"jobs/{job_id}/manifest.json", manifest.to_json().encode())


@pytest.mark.parametrize(("start", "stop"), [(0, None), (0, 1), (7, 40), (10**6, None), (5, 5)])
async def test_a_model_is_read_from_anywhere_to_anywhere(side, start, stop):
    """As a slice of its bytes, and the manifest has its digest."""
    done = await completed(side)
    await asyncio.to_thread(keep_model, side, done.job_id)
    chunks = [chunk async for chunk in side.jobs.read_model(done.job_id, start=start, stop=stop)]
    assert b"".join(chunks) == MODEL[start:stop]
    model = (await side.jobs.manifest(done.job_id)).model
    assert (model.size, model.sha256) == (len(MODEL), hashlib.sha256(MODEL).hexdigest())


async def test_a_model_is_downloaded_whole_or_not_at_all(side, tmp_path):
    """Into one file, which is replaced only where that was wanted."""
    done = await completed(side)
    job = AsyncJob(side.jobs, done)
    path = tmp_path / "a.model"
    with pytest.raises(NotFound) as raised:
        await job.model.download(path)
    assert raised.value.code == "model_not_kept"
    await asyncio.to_thread(keep_model, side, done.job_id)
    assert await job.model.download(path) == path
    assert path.read_bytes() == MODEL
    with pytest.raises(OutputError) as raised:
        await job.model.download(path, overwrite=False)
    assert raised.value.code == "output_exists"
    bucket = side.service.buckets(LOCAL_CUSTOMER, "default")
    await asyncio.to_thread(bucket.put, f"jobs/{done.job_id}/model", MODEL[::-1])
    with pytest.raises(ProtocolError) as raised:
        await job.model.download(path)
    assert raised.value.code == "model_damaged"
    assert path.read_bytes() == MODEL


async def test_a_model_goes_with_its_job(side):
    """Deleting the job leaves none of it."""
    done = await completed(side)
    await asyncio.to_thread(keep_model, side, done.job_id)
    await side.jobs.delete(done.job_id)
    with pytest.raises(JobNotFound):
        await anext(side.jobs.read_model(done.job_id))
    bucket = side.service.buckets(LOCAL_CUSTOMER, "default")
    assert [*objects(bucket, f"jobs/{done.job_id}/")] == []


async def test_a_job_can_take_a_model_of_an_own_job_only(side):
    """One that is not there, was deleted or keeps none is refused at the submit."""
    done = await completed(side)
    config = side.config(input_bucket="models", input_path=done.job_id)
    with pytest.raises(NotFound) as raised:
        await side.jobs.create(config, idempotency_key="none")
    assert raised.value.code == "model_not_kept"
    await asyncio.to_thread(keep_model, side, done.job_id)
    made = await side.jobs.create(config, idempotency_key="kept")
    assert (await side.jobs.configuration(made.job_id)).after == (done.job_id,)
    await ended(side.jobs, made.job_id)
    await side.jobs.delete(done.job_id)
    for unknown in (done.job_id, UNKNOWN_JOB, "../j"):
        with pytest.raises(JobNotFound):
            await side.jobs.create(
                config.model_copy(update={"input_path": unknown}), idempotency_key=unknown
            )


async def test_a_job_that_goes_on_has_no_result_yet(still):
    """The state is reported."""
    made = await still.jobs.create(still.config(), idempotency_key="k")
    with pytest.raises(ResultNotReady):
        await anext(still.jobs.read_model(made.job_id))
    for ask in (still.jobs.manifest, still.jobs.report):
        with pytest.raises(ResultNotReady):
            await ask(made.job_id)
    with pytest.raises(ResultNotReady):
        await anext(still.jobs.read_part(made.job_id, 0))


# Many at once, limits, retention


async def test_many_jobs_are_cancelled_at_once(still):
    """Those named, or all; who cannot be is listed with the reason."""
    made = [
        (await still.jobs.create(still.config(), idempotency_key=str(n))).job_id for n in range(3)
    ]
    some = await still.jobs.cancel_many([made[0], UNKNOWN_JOB])
    assert some.cancelled == (made[0],)
    assert [(one.job_id, one.code) for one in some.refused] == [(UNKNOWN_JOB, "job_not_found")]
    assert {*(await still.jobs.cancel_many()).cancelled} == {*made[1:]}
    assert (await still.jobs.cancel_many()).cancelled == ()


async def test_more_jobs_than_one_call_takes_are_refused(side):
    """Rather than done in part."""
    with pytest.raises(ConfigurationError) as raised:
        await side.jobs.cancel_many(["j_1"] * 501)
    assert "jobIds" in raised.value.problems[0].field


async def test_an_ended_job_is_deleted_with_its_data(side):
    """Its record says afterwards that it was there; one that goes on is not deleted."""
    done = await completed(side)
    await side.jobs.delete(done.job_id)
    for ask in (side.jobs.status, side.jobs.delete):
        with pytest.raises(JobNotFound):
            await ask(done.job_id)
    bucket = side.service.buckets(LOCAL_CUSTOMER, "default")
    assert [*objects(bucket, f"jobs/{done.job_id}/")] == []
    with pytest.raises(JobNotFound):
        await side.jobs.delete(UNKNOWN_JOB)


async def test_a_job_that_goes_on_is_not_deleted(still):
    """Its state is reported."""
    made = await still.jobs.create(still.config(), idempotency_key="k")
    with pytest.raises(ActionRefused):
        await still.jobs.delete(made.job_id)


async def test_a_customer_sees_and_chooses_what_it_may(side):
    """Within the operator's bounds; ``None`` goes back to them."""
    usual = await side.jobs.limits()
    assert (usual.current_jobs, usual.max_jobs, usual.allowed) == (0, 5, True)
    assert (await side.jobs.set_max_waiting(0)).max_waiting == 0
    assert (await side.jobs.set_max_waiting(None)).max_waiting == usual.max_waiting
    assert await side.jobs.retention_days() == 180
    assert await side.jobs.set_retention_days(30) == await side.jobs.retention_days() == 30
    assert await side.jobs.set_retention_days(None) == 180
    assert await side.jobs.clean_up() == 0


@pytest.mark.parametrize("days", [-1, 0, 10**9, float("nan"), float("inf")])
async def test_days_out_of_the_operators_bounds_are_refused(side, days):
    """And change nothing."""
    with pytest.raises(ConfigurationError):
        await side.jobs.set_retention_days(days)
    assert await side.jobs.retention_days() == 180


@pytest.mark.parametrize("waiting", [-1, 10**9])
async def test_a_queue_out_of_the_operators_bounds_is_refused(side, waiting):
    """And changes nothing."""
    with pytest.raises(ConfigurationError):
        await side.jobs.set_max_waiting(waiting)


# Uploads


async def in_chunks(data, size=1_000):
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def test_an_upload_can_be_an_input(side):
    """It lies under its digest."""
    data = b"a,b\n" + b"1,2\n" * 5_000
    digest = hashlib.sha256(data).hexdigest()
    path = await side.jobs.upload(digest, "csv", len(data), in_chunks(data))
    assert digest in path
    assert side.service.buckets(LOCAL_CUSTOMER, "default").get(path) == data
    assert (await completed(side, input_path=path)).status is State.COMPLETED


async def test_an_upload_that_is_there_is_not_sent_again(side):
    """Not one byte of it."""
    data = b"a\n1\n"
    digest = hashlib.sha256(data).hexdigest()
    first = await side.jobs.upload(digest, "csv", len(data), in_chunks(data))
    assert await side.jobs.upload(digest, "csv", len(data), in_chunks(data)) == first


async def test_a_damaged_upload_is_refused_and_leaves_nothing(side):
    """Another digest than announced."""
    data = b"a\n1\n"
    digest = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(InputError) as raised:
        await side.jobs.upload(digest, "csv", len(data), in_chunks(data))
    assert raised.value.code == "upload_damaged"
    bucket = side.service.buckets(LOCAL_CUSTOMER, "default")
    assert [one.path for one in objects(bucket, "inputs/")] == []


async def test_an_upload_that_is_named_oddly_is_refused(side):
    """No digest, no format that is known: it cannot lead anywhere else."""
    for digest, format in [("x", "csv"), ("0" * 64, "exe"), ("../" * 20, "csv"), ("A" * 64, "csv")]:
        with pytest.raises((ConfigurationError, InputError, NotFound)):
            await side.jobs.upload(digest, format, 1, in_chunks(b"x"))


# The line


async def test_a_stream_that_is_dropped_is_taken_up_where_it_ended(http):
    """No event twice, none missing, however often the line breaks."""
    http.cut_after = 12
    for number in range(2):
        await http.jobs.create(http.config(), idempotency_key=str(number))
    seen, ends = [], 0
    async with asyncio.timeout(DEADLINE), aclosing(http.jobs.events(after=0)) as events:
        async for event in events:
            seen.append(event.cursor)
            ends += event.event == "job.completed"
            if ends == 2:
                break
    assert seen == list(range(1, len(seen) + 1))
    assert http.streams > 2


async def test_where_streams_do_not_pass_events_are_polled(http):
    """A proxy that lets no stream through costs time, not events."""
    http.cut_after = 1
    made = await http.jobs.create(http.config(), idempotency_key="k")
    done = await ended(http.jobs, made.job_id)
    assert done.status is State.COMPLETED
    assert http.streams == MAX_STREAM_FAILURES


@asynccontextmanager
async def raw(side):
    transport = httpx.AsyncHTTPTransport(uds=side.socket)
    async with httpx.AsyncClient(transport=transport, base_url="http://datagen") as client:
        yield client


GOOD = {"dataSize": 5, "inputFormat": "csv", "outputFormat": "csv", "inputPath": "in.csv"}
KEY = {wire.IDEMPOTENCY_KEY: "k"}
BAD = {
    "no route": ("GET", "/v1/nothing", {}, 404),
    "no route at all": ("GET", "/", {}, 404),
    "wrong method": ("DELETE", "/v1/jobs", {}, 405),
    "no key": ("POST", "/v1/jobs", {"json": GOOD}, 422),
    "empty key": ("POST", "/v1/jobs", {"json": GOOD, "headers": {wire.IDEMPOTENCY_KEY: ""}}, 422),
    "long key": (
        "POST",
        "/v1/jobs",
        {"json": GOOD, "headers": {wire.IDEMPOTENCY_KEY: "k" * 201}},
        422,
    ),
    "no body": ("POST", "/v1/jobs", {"headers": KEY}, 422),
    "no json": ("POST", "/v1/jobs", {"headers": KEY, "content": b"{"}, 422),
    "no utf-8": ("POST", "/v1/jobs", {"headers": KEY, "content": b'{"name": "\xff"}'}, 422),
    "half a character": (
        "POST",
        "/v1/jobs",
        {"headers": KEY, "content": json.dumps(GOOD | {"name": "\ud800"}).encode()},
        422,
    ),
    "a list": ("POST", "/v1/jobs", {"headers": KEY, "json": [1]}, 422),
    "null": ("POST", "/v1/jobs", {"headers": KEY, "json": None}, 422),
    "a number": ("POST", "/v1/jobs", {"headers": KEY, "content": b"1e999"}, 422),
    "nan": ("POST", "/v1/jobs", {"headers": KEY, "content": b'{"dataSize": NaN}'}, 422),
    "deep": ("POST", "/v1/jobs", {"headers": KEY, "content": b"[" * 10_000}, 422),
    "huge": ("POST", "/v1/jobs", {"headers": KEY, "content": b" " * (MAX_BODY + 1)}, 413),
    "no rows": ("POST", "/v1/jobs", {"headers": KEY, "json": GOOD | {"dataSize": 0}}, 422),
    "many rows": ("POST", "/v1/jobs", {"headers": KEY, "json": GOOD | {"dataSize": 10**30}}, 422),
    "unknown field": ("POST", "/v1/jobs", {"headers": KEY, "json": GOOD | {"sead": 1}}, 422),
    "NUL in a path": (
        "POST",
        "/v1/jobs",
        {"headers": KEY, "json": GOOD | {"inputPath": "a\0"}},
        422,
    ),
    "odd state": ("GET", "/v1/jobs", {"params": {"status": "done"}}, 422),
    "limit 0": ("GET", "/v1/jobs", {"params": {"limit": 0}}, 422),
    "limit x": ("GET", "/v1/jobs", {"params": {"limit": "x"}}, 422),
    "limit 501": ("GET", "/v1/jobs", {"params": {"limit": 501}}, 422),
    "odd time": ("GET", "/v1/jobs", {"params": {"since": "yesterday"}}, 422),
    "time without a zone": ("GET", "/v1/jobs", {"params": {"since": "2026-01-01T00:00:00"}}, 422),
    "odd cursor": ("GET", "/v1/jobs", {"params": {"cursor": "x"}}, 422),
    "no job": ("GET", f"/v1/jobs/{UNKNOWN_JOB}", {}, 404),
    "no job's log": ("GET", f"/v1/jobs/{UNKNOWN_JOB}/log", {}, 404),
    "no job's stream": (
        "GET",
        f"/v1/events?jobId={UNKNOWN_JOB}",
        {"headers": {"Accept": wire.EVENT_STREAM_TYPE}},
        404,
    ),
    "after below 0": ("GET", "/v1/events", {"params": {"after": -1}}, 422),
    "after beyond all": ("GET", "/v1/events", {"params": {"after": 2**80}}, 422),
    "log after beyond all": (
        "GET",
        f"/v1/jobs/{UNKNOWN_JOB}/log",
        {"params": {"after": 2**80}},
        422,
    ),
    "wait for ever": ("GET", "/v1/events", {"params": {"wait": 61}}, 422),
    "wait nan": ("GET", "/v1/events", {"params": {"wait": "nan"}}, 422),
    "odd last id": ("GET", "/v1/events", {"headers": {"Last-Event-ID": "x"}}, 422),
    "upload named oddly": (
        "POST",
        "/v1/uploads",
        {"json": {"digest": "x", "format": "csv", "size": 1}},
        422,
    ),
    "upload without size": (
        "POST",
        "/v1/uploads",
        {"json": {"digest": "0" * 64, "format": "csv"}},
        422,
    ),
    "chunk without offset": ("PATCH", f"/v1/uploads/{'0' * 64}.csv", {"content": b"x"}, 422),
    "chunk of nothing begun": (
        "PATCH",
        f"/v1/uploads/{'0' * 64}.csv",
        {"content": b"x", "headers": {wire.UPLOAD_OFFSET: "0"}},
        404,
    ),
    "odd escape": ("GET", "/v1/jobs/%ff%fe", {}, 404),
    "NUL as id": ("GET", "/v1/jobs/%00", {}, 404),
    "odd part": ("GET", f"/v1/jobs/{UNKNOWN_JOB}/parts/x", {}, 422),
}


@pytest.mark.parametrize("name", BAD)
async def test_every_bad_request_is_answered_with_a_problem(http, name):
    """Type, status, code and request id, as RFC 9457 and our readers want them."""
    method, path, options, status = BAD[name]
    options = dict(options)
    if callable(options.get("content")):
        options["content"] = options["content"](b"x")
    async with raw(http) as client:
        answer = await client.request(method, path, **options)
    assert answer.status_code == status
    assert answer.headers["content-type"] == wire.PROBLEM_TYPE
    body = answer.json()
    assert body["status"] == status
    assert body["requestId"] == answer.headers[wire.REQUEST_ID]
    assert body["detail"]
    assert body["code"] != "internal_error"
    assert "Traceback" not in answer.text


async def test_a_wrong_method_names_the_right_ones(http):
    """RFC 9110 wants it."""
    async with raw(http) as client:
        answer = await client.request("PATCH", "/v1/info")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    assert answer.json()["code"] == "method_not_allowed"


async def test_a_fault_of_ours_tells_no_trace_and_is_logged(http, monkeypatch, caplog):
    """The caller gets an id, the log the reason."""

    async def broken(*_):
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(http.service.store, "get", broken)
    with pytest.raises(ServiceError) as raised:
        await http.jobs.status(UNKNOWN_JOB)
    assert raised.value.code == "internal_error"
    assert "secret" not in str(raised.value)
    assert raised.value.request_id in caplog.text
    assert "ZeroDivisionError" in caplog.text
    async with raw(http) as client:
        answer = await client.get(f"/v1/jobs/{UNKNOWN_JOB}")
    assert answer.status_code == 500
    assert "secret" not in answer.text


async def test_a_request_id_that_was_given_comes_back(http):
    """If it is one; another is made for what is none."""
    async with raw(http) as client:
        given = await client.get("/v1/info", headers={wire.REQUEST_ID: "abc-1"})
        odd = await client.get("/v1/info", headers={wire.REQUEST_ID: "a b\t<script>"})
    assert given.headers[wire.REQUEST_ID] == "abc-1"
    assert odd.headers[wire.REQUEST_ID] != "a b\t<script>"


async def test_a_part_that_breaks_off_is_reported(http, monkeypatch):
    """A reader does not take half a part for a whole one."""
    done = await completed(http, data_size=1_000)

    async def half(*_, start=0, stop=None):
        if start == 0:
            yield b"x" * 10
        raise OSError("disk gone")

    monkeypatch.setattr("datagen_nb.service.customer.CustomerJobs.read_part", half)
    with pytest.raises((ServiceError, ProtocolError)):
        [chunk async for chunk in http.jobs.read_part(done.job_id, 0)]


async def test_health_and_info_answer(http):
    """For people and for probes."""
    info = await http.jobs.info()
    assert info.health.status == "healthy"
    async with raw(http) as client:
        assert (await client.get(wire.HEALTH)).json()["status"] == "healthy"


async def test_the_api_describes_itself(http):
    """Every route of ours is in the description."""
    async with raw(http) as client:
        paths = (await client.get("/v1/openapi.json")).json()["paths"]
    assert {wire.JOBS, wire.EVENTS, wire.INFO, "/v1/jobs/{job_id}/parts/{index}"} <= paths.keys()
