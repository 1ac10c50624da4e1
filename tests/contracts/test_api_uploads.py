"""Uploads in chunks: here and across the wire, broken anywhere, killed anywhere, never too much."""

import asyncio
import hashlib
import socket
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from datagen_nb.api import wire
from datagen_nb.api.client.jobs import HttpJobs
from datagen_nb.api.process.host import Server
from datagen_nb.api.server.app import make_app
from datagen_nb.core.buckets import objects
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ConfigurationError, Conflict, InputError, NotFound, QuotaExceeded
from datagen_nb.core.schedules import ScheduleDraft
from datagen_nb.core.templates import TemplateDraft
from datagen_nb.core.uploads import MAX_CHUNK, UploadRequest
from datagen_nb.pipelines.mock import MockPipeline
from datagen_nb.service.uploads import ABANDONED, UPLOAD
from datagen_nb.wiring.service import build_service

DATA = bytes(range(256)) * 10_000
"""Two chunks and a half."""


def request(data=DATA, **changes):
    values = {"digest": hashlib.sha256(data).hexdigest(), "format": "csv", "size": len(data)}
    return UploadRequest(**(values | changes))


async def pieces(data, size=100_000):
    for start in range(0, len(data), size):
        yield data[start : start + size]


class Side:
    """A service over a folder, and one customer's jobs here or across a socket."""

    def __init__(self, kind, folder):
        self.kind = kind
        self.folder = folder
        self.stack = AsyncExitStack()
        self.dropped = set()  # answers, by their number, that never arrive
        self.number = 0

    async def start(self):
        pipeline = MockPipeline("succeeds", speed=2000, seed=1, clock=SystemClock())
        self.service = await build_service(
            self.folder / "jobs.sqlite", self.folder / "buckets", pipeline
        )
        self.stack.push_async_callback(self.service.aclose)
        self.bucket = self.service.buckets("local", "default")
        self.jobs = here = self.service.customer("local")
        if self.kind == "http":
            listener = self.stack.enter_context(socket.socket(socket.AF_UNIX))
            path = self.folder / "s"
            path.unlink(missing_ok=True)
            listener.bind(str(path))
            listener.listen()
            listener.setblocking(False)
            app = make_app(lambda _: here, describe=lambda info: info)
            app.add_middleware(self.losing)
            server = Server(app)
            serving = asyncio.create_task(server.serve(sockets=[listener]))

            async def end():
                server.stop()
                await serving

            self.stack.push_async_callback(end)
            self.jobs = HttpJobs.over_socket(str(path))
            self.stack.push_async_callback(self.jobs.aclose)

    def losing(self, app):
        """Middleware that does what is asked and loses the answer, as a network does."""

        async def lost(scope, receive, send):
            self.number += 1
            if self.number in self.dropped:

                async def nowhere(message):
                    if message["type"] == "http.response.body":
                        raise ConnectionAbortedError
                    await send(message)

                await app(scope, receive, nowhere)
            else:
                await app(scope, receive, send)

        return lost

    async def restart(self):
        await self.stack.aclose()
        self.stack = AsyncExitStack()
        await self.start()

    def objects(self):
        return [one.path for one in objects(self.bucket, "")]


@pytest.fixture(params=["here", "http"])
async def side(request, tmp_path):
    side = Side(request.param, tmp_path)
    await side.start()
    yield side
    await side.stack.aclose()


@pytest.fixture
async def http(tmp_path):
    side = Side("http", tmp_path)
    await side.start()
    yield side
    await side.stack.aclose()


async def test_an_upload_goes_chunk_by_chunk_and_becomes_an_input(side):
    """Each answer tells where the next chunk begins; the last one where the input lies."""
    wanted = request()
    upload = await side.jobs.uploads.begin(wanted)
    assert (upload.offset, upload.size, upload.path) == (0, len(DATA), None)
    while upload.path is None:
        assert side.objects() == [] or all(path.startswith("uploads/") for path in side.objects())
        chunk = DATA[upload.offset : upload.offset + MAX_CHUNK]
        upload = await side.jobs.uploads.append(upload.upload_id, upload.offset, chunk)
    assert upload.path == f"inputs/{wanted.digest}.csv"
    assert side.objects() == [upload.path]
    assert side.bucket.get(upload.path) == DATA


async def test_an_upload_that_stopped_goes_on_where_it_stopped(side):
    """Also after the service was away; what has arrived is not sent again."""
    wanted = request()
    await side.jobs.uploads.begin(wanted)
    await side.jobs.uploads.append(wanted.upload_id, 0, DATA[:1000])
    await side.restart()
    assert (await side.jobs.uploads.get(wanted.upload_id)).offset == 1000
    path = await side.jobs.upload(
        wanted.digest, "csv", len(DATA), pieces(b"?" * 1000 + DATA[1000:])
    )
    assert side.bucket.get(path) == DATA


@pytest.mark.parametrize("offset", [0, 999, 1001, len(DATA)])
async def test_a_chunk_that_does_not_follow_is_refused(side, offset):
    """The refusal tells where the upload goes on."""
    wanted = request()
    await side.jobs.uploads.begin(wanted)
    await side.jobs.uploads.append(wanted.upload_id, 0, DATA[:1000])
    with pytest.raises(Conflict) as raised:
        await side.jobs.uploads.append(wanted.upload_id, offset, DATA[1000:2001])
    assert (raised.value.code, raised.value.details) == ("upload_offset", {"offset": 1000})
    assert (await side.jobs.uploads.get(wanted.upload_id)).offset == 1000


@pytest.mark.parametrize("sent", [DATA[:-1] + b"?", DATA + b"?", DATA[:-1]])
async def test_a_damaged_upload_is_dropped_with_all_its_chunks(side, sent):
    """Other bytes, more, fewer: nothing is published and nothing stays."""
    wanted = request()
    with pytest.raises(InputError) as raised:
        await side.jobs.upload(wanted.digest, "csv", len(DATA), pieces(sent))
    assert raised.value.code == "upload_damaged"
    assert side.objects() == []
    with pytest.raises(NotFound):
        await side.jobs.uploads.get(wanted.upload_id)


@pytest.mark.parametrize(
    "upload_id", ["x", "x.csv", "../x", f"{'0' * 64}.csv", f"{'0' * 64}.exe", f"{'A' * 64}.csv"]
)
async def test_an_upload_that_was_not_begun_is_not_found(side, upload_id):
    """Whatever is asked of it."""
    uploads = side.jobs.uploads
    for ask in (uploads.get, uploads.delete, lambda name: uploads.append(name, 0, b"x")):
        with pytest.raises(NotFound):
            await ask(upload_id)


async def test_an_input_of_no_bytes_is_there_at_once(side):
    """There is no chunk to wait for."""
    upload = await side.jobs.uploads.begin(request(b""))
    assert side.bucket.get(upload.path) == b""


async def test_what_is_there_is_not_sent_again(side):
    """By any client."""
    path = await side.jobs.upload(request().digest, "csv", len(DATA), pieces(DATA))
    upload = await side.jobs.uploads.begin(request())
    assert (upload.path, upload.offset) == (path, len(DATA))


async def test_an_answer_that_was_lost_loses_no_chunk(http):
    """Each request is done and its answer lost once: the sender asks again and goes on."""
    http.dropped = {1, 3, 5, 7, 9}
    path = await http.jobs.upload(request().digest, "csv", len(DATA), pieces(DATA))
    assert http.bucket.get(path) == DATA
    assert http.number > 6


async def test_two_who_send_the_same_at_once_make_one_input(side):
    """Neither gets an error but that another request was quicker."""
    wanted = request()

    async def one():
        try:
            return await side.jobs.upload(wanted.digest, "csv", len(DATA), pieces(DATA))
        except Conflict as error:
            return error.code

    found = set(await asyncio.gather(one(), one()))
    path = f"inputs/{wanted.digest}.csv"
    assert found <= {path, "upload_offset"}
    if path not in found:
        assert await one() == path
    assert side.objects() == [path]


async def test_an_upload_counts_towards_the_quota_from_its_begin(side):
    """All that it announces; what does not fit is refused before a byte is sent."""
    before = (await side.jobs.limits()).storage_used
    await side.jobs.uploads.begin(request())
    assert (await side.jobs.limits()).storage_used == before + len(DATA)
    await side.service.policy.set("local", storage_quota=len(DATA) + 10)
    other = b"x" * 11
    with pytest.raises(QuotaExceeded):
        await side.jobs.uploads.begin(request(other))
    await side.jobs.uploads.begin(request(b"x" * 10))
    await side.jobs.uploads.delete(request().upload_id)
    assert (await side.jobs.limits()).storage_used == before + 10
    path = await side.jobs.upload(request(other).digest, "csv", 11, pieces(other))
    assert (await side.jobs.limits()).storage_used == before + 21
    assert side.bucket.get(path) == other


async def test_an_input_that_a_job_reads_is_not_deleted(side):
    """Until the job has ended."""
    data = b"a,b\n1,2\n3,4\n"
    side.service.pipeline._speed = 0.001
    path = await side.jobs.upload(request(data).digest, "csv", len(data), pieces(data))
    config = JobConfiguration(
        data_size=10, input_format="csv", output_format="csv", input_path=path
    )
    job = await side.jobs.create(config, idempotency_key="k")
    with pytest.raises(Conflict) as raised:
        await side.jobs.uploads.delete(request(data).upload_id)
    assert raised.value.code == "input_in_use"
    await side.jobs.cancel(job.job_id)
    await side.jobs.uploads.delete(request(data).upload_id)
    assert side.bucket.head(path) is None


STEPS = ["put", "writer", "delete_prefix"]


class Died(Exception):
    """What is left of a service that died here."""


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("after", [False, True])
async def test_an_upload_survives_a_service_that_dies_at_any_step(
    tmp_path, step, after, monkeypatch
):
    """Before or after each thing that is done in the bucket: beginning again completes it."""
    side = Side("here", tmp_path)
    await side.start()
    wanted = request()
    await side.jobs.uploads.begin(wanted)
    real = getattr(type(side.bucket), step)

    def dying(self, *given, **more):
        if after:
            done = real(self, *given, **more)
            if step == "writer":
                with done as file:
                    file.write(DATA)
        raise Died

    monkeypatch.setattr(type(side.bucket), step, dying)
    with pytest.raises(Died):
        await side.jobs.upload(wanted.digest, "csv", len(DATA), pieces(DATA))
    monkeypatch.undo()
    await side.restart()
    path = await side.jobs.upload(wanted.digest, "csv", len(DATA), pieces(DATA))
    assert side.bucket.get(path) == DATA
    assert side.objects() == [path]
    assert (await side.jobs.limits()).storage_used == len(DATA)
    await side.stack.aclose()


async def _pass(side, span):
    """Let all that is due in a span be due now."""
    documents = side.service.store.documents
    for document in await documents.page("local", UPLOAD):
        await documents.put(replace(document, due=document.due - span))


async def test_an_abandoned_upload_is_dropped_with_its_chunks_and_its_reservation(side):
    """A day after its newest chunk, not before."""
    await side.jobs.uploads.begin(request())
    await side.jobs.uploads.append(request().upload_id, 0, DATA[:1000])
    await _pass(side, ABANDONED - timedelta(minutes=1))
    assert await side.service.uploads.sweep() == 0
    await _pass(side, timedelta(minutes=2))
    assert await side.service.uploads.sweep() == 1
    assert side.objects() == []
    assert (await side.jobs.limits()).storage_used == 0
    with pytest.raises(NotFound):
        await side.jobs.uploads.get(request().upload_id)


async def test_an_input_is_kept_as_long_as_jobs_are(side):
    """From its upload, and anew from each job that is made of it."""
    data = b"a,b\n1,2\n3,4\n"
    path = await side.jobs.upload(request(data).digest, "csv", len(data), pieces(data))
    days = timedelta(days=await side.jobs.retention_days())
    await _pass(side, days - timedelta(hours=1))
    config = JobConfiguration(
        data_size=10, input_format="csv", output_format="csv", input_path=path, is_async=False
    )
    await side.jobs.create(config, idempotency_key="k")
    await _pass(side, timedelta(hours=2))
    assert await side.service.uploads.sweep() == 0
    await _pass(side, days)
    assert await side.service.uploads.sweep() == 1
    assert side.bucket.head(path) is None


async def _jobs_of(side, data, *keys):
    """Jobs that were made of one table, and where it lies."""
    path = await side.jobs.upload(request(data).digest, "csv", len(data), pieces(data))
    config = JobConfiguration(
        data_size=10, input_format="csv", output_format="csv", input_path=path, is_async=False
    )
    made = [await side.jobs.create(config, idempotency_key=key) for key in keys]
    return path, config, [job.job_id for job in made]


async def test_a_table_goes_with_the_last_job_that_was_made_of_it(side):
    """When that is deleted on request: what a person deletes is not kept for 180 days more."""
    path, _, (first, second) = await _jobs_of(side, b"a,b\n1,2\n3,4\n", "one", "two")
    await side.jobs.delete(first)
    assert side.bucket.head(path) is not None
    await side.jobs.delete_many([second])
    assert side.bucket.head(path) is None
    assert (await side.jobs.uploads.list()).uploads == ()


@pytest.mark.parametrize("plan", ["template", "schedule"])
async def test_a_table_stays_as_long_as_a_plan_names_it(side, plan):
    """A job will be made of it."""
    path, config, (job_id,) = await _jobs_of(side, b"a,b\n1,2\n3,4\n", "one")
    if plan == "template":
        await side.jobs.templates.put("mine", TemplateDraft(configuration=config.to_wire()))
    else:
        draft = ScheduleDraft(cron="0 0 1 1 *", configuration=config.to_wire())
        await side.jobs.schedules.put("mine", draft)
    await side.jobs.delete(job_id)
    assert side.bucket.head(path) is not None


async def test_uploads_are_listed_page_by_page(side):
    """Those that are on their way and inputs that are kept, each with when it goes."""
    tables = [f"a\n{number}\n".encode() for number in range(3)]
    for data in tables[:2]:
        await side.jobs.upload(request(data).digest, "csv", len(data), pieces(data))
    await side.jobs.uploads.begin(request(tables[2]))
    first = await side.jobs.uploads.list(limit=2)
    rest = await side.jobs.uploads.list(limit=2, cursor=first.next_cursor)
    assert rest.next_cursor is None
    found = {one.upload_id: one for one in (*first.uploads, *rest.uploads)}
    assert list(found) == sorted(request(data).upload_id for data in tables)
    assert [found[request(data).upload_id].path is None for data in tables] == [False, False, True]
    assert all(one.expires for one in found.values())
    with pytest.raises(ConfigurationError):
        await side.jobs.uploads.list(limit=501)


async def test_an_input_that_is_due_stays_while_a_job_reads_it(side):
    """However long that takes."""
    data = b"a,b\n1,2\n3,4\n"
    side.service.pipeline._speed = 0.001
    path = await side.jobs.upload(request(data).digest, "csv", len(data), pieces(data))
    config = JobConfiguration(
        data_size=10, input_format="csv", output_format="csv", input_path=path
    )
    await side.jobs.create(config, idempotency_key="k")
    await _pass(side, timedelta(days=10_000))
    assert await side.service.uploads.sweep() == 0
    assert side.bucket.head(path) is not None


async def _raw(http):
    transport = httpx.AsyncHTTPTransport(uds=str(http.folder / "s"))
    return httpx.AsyncClient(transport=transport, base_url="http://x")


async def test_a_chunk_above_a_mebibyte_is_refused_and_one_of_it_is_taken(http):
    """413, announced or not; the upload goes on where it was."""
    wanted = request()
    await http.jobs.uploads.begin(wanted)
    path = f"{wire.UPLOADS}/{wanted.upload_id}"
    headers = {wire.UPLOAD_OFFSET: "0"}
    async with await _raw(http) as client:
        for content in (DATA[: MAX_CHUNK + 1], pieces(DATA[: MAX_CHUNK + 1])):
            answer = await client.patch(path, content=content, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (413, "chunk_too_long")
        answer = await client.patch(path, content=DATA[:MAX_CHUNK], headers=headers)
        assert answer.status_code == 200
        assert answer.headers[wire.UPLOAD_OFFSET] == str(MAX_CHUNK)


async def test_headers_tell_where_an_upload_stands(http):
    """For those who do not read bodies."""
    async with await _raw(http) as client:
        body = request().to_wire()
        made = await client.post(wire.UPLOADS, json=body)
        assert made.status_code == 201
        place = made.headers["Location"]
        await client.patch(place, content=b"\0\1\2", headers={wire.UPLOAD_OFFSET: "0"})
        head = await client.head(place)
        assert head.headers[wire.UPLOAD_OFFSET] == "3"
        assert head.headers[wire.UPLOAD_LENGTH] == str(len(DATA))
        again = await client.post(wire.UPLOADS, json=body)
        assert (again.status_code, again.json()["offset"]) == (200, 3)
        assert (await client.delete(place)).status_code == 204
        assert (await client.head(place)).status_code == 404
