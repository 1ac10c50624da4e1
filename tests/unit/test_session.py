"""The session retries what is safe, as often and late as it should, and tells what is wrong."""

import asyncio
from datetime import UTC, datetime

import httpx
import pytest

from datagen_nb.api import wire
from datagen_nb.api.client import session as module
from datagen_nb.api.client.event_stream import MAX_STREAM_FAILURES, EventStream
from datagen_nb.api.client.jobs import HttpJobs
from datagen_nb.api.client.session import ATTEMPTS, FIRST_DELAY, MAX_DELAY, Session
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import (
    DatagenError,
    JobNotFound,
    LimitReached,
    ProtocolError,
    ServiceUnavailable,
    SubmitInFlight,
)
from datagen_nb.core.messages import EventPage, JobEvent, JobQuery
from datagen_nb.core.status import State, new_status
from datagen_nb.core.uploads import Upload
from tests.pipelines import WEIGHTS

WELCOME = b'event: welcome\ndata: {"heartbeatSeconds": 2}\n\n'
GOODBYE = b"event: goodbye\ndata: {}\n\n"
CONFIG = JobConfiguration(data_size=5, input_format="csv", output_format="csv", input_path="a.csv")


class StillClock:
    """Sleeps at once and remembers how long it should have been."""

    def __init__(self):
        self.slept = []

    async def sleep(self, seconds):
        self.slept.append(seconds)


class Line:
    """A transport that plays answers, one for each request, and keeps the requests."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []

    def __call__(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def session(line, *, restart=None, jitter=lambda: 1.0):
    clock = StillClock()
    client = httpx.AsyncClient(transport=httpx.MockTransport(line), base_url="http://datagen")
    return Session(client, restart=restart, clock=clock, jitter=jitter), clock


def busy(status=503, **headers):
    return httpx.Response(status, headers=headers)


OK = httpx.Response(200, content=b"{}")
REFUSED = httpx.ConnectError("refused")
BROKEN = httpx.ReadError("broken")


@pytest.mark.parametrize("trouble", [BROKEN, REFUSED, busy(), busy(429), busy(502), busy(504)])
async def test_what_is_safe_is_sent_again(trouble):
    """A passing trouble is not seen by the caller."""
    line = Line(trouble, trouble, OK)
    one, clock = session(line)
    assert await one.send("GET", "/v1/info", idempotent=True) == b"{}"
    assert len(line.requests) == 3
    assert len(clock.slept) == 2


def refused(error):
    status, body = wire.problem_document(error, "r")
    return httpx.Response(status, json=body)


@pytest.mark.parametrize(
    "refusal", [SubmitInFlight("Wait."), LimitReached("Slow down.", code="rate_limited")]
)
async def test_what_passes_by_itself_is_sent_again(refusal):
    """Another submit with the same key, too many requests: a moment later it is well."""
    line = Line(refused(refusal), OK)
    one, _ = session(line)
    assert await one.send("POST", "/v1/jobs", idempotent=True) == b"{}"


@pytest.mark.parametrize("code", ["queue_full", "cooling_down"])
async def test_a_full_queue_is_reported_at_once(code):
    """It stays full for longer than a caller wants to wait without knowing."""
    line = Line(refused(LimitReached("Full.", code=code)), OK)
    one, clock = session(line)
    with pytest.raises(LimitReached, match="Full"):
        await one.send("POST", "/v1/jobs", idempotent=True)
    assert (len(line.requests), clock.slept) == (1, [])


@pytest.mark.parametrize("trouble", [BROKEN, httpx.ReadTimeout("late"), busy(), busy(429)])
async def test_what_is_not_safe_is_sent_once(trouble):
    """It may have arrived; only the caller knows what to do."""
    line = Line(trouble, OK)
    one, _ = session(line)
    with pytest.raises(DatagenError):
        await one.send("POST", "/v1/jobs/j/cancel", idempotent=False)
    assert len(line.requests) == 1


@pytest.mark.parametrize("trouble", [REFUSED, httpx.ConnectTimeout("late")])
async def test_what_never_arrived_is_sent_again_even_if_not_safe(trouble):
    """A refused connection carried nothing."""
    line = Line(trouble, OK)
    one, _ = session(line)
    assert await one.send("POST", "/v1/jobs/j/cancel", idempotent=False) == b"{}"


@pytest.mark.parametrize("status", [400, 404, 409, 422, 500])
async def test_a_no_is_not_asked_again(status):
    """Another try would get the same answer."""
    line = Line(busy(status))
    one, _ = session(line)
    with pytest.raises(ProtocolError):
        await one.send("GET", "/v1/jobs/j", idempotent=True)
    assert len(line.requests) == 1


async def test_an_answer_that_is_not_of_the_service_names_the_address():
    """A person may have typed a wrong one."""
    proxy = httpx.MockTransport(lambda request: httpx.Response(404, text="nginx"))
    one = Session(httpx.AsyncClient(transport=proxy, base_url="http://wrong.example"))
    with pytest.raises(ProtocolError, match=r"^http://wrong\.example answered with status 404 "):
        await one.send("GET", "/v1/info", idempotent=True)


@pytest.mark.parametrize("trouble", [BROKEN, REFUSED, busy()])
async def test_trying_ends(trouble):
    """A service that is gone is reported, after a bounded number of tries."""
    line = Line(trouble)
    one, _ = session(line)
    with pytest.raises(ServiceUnavailable) as raised:
        await one.send("GET", "/v1/info", idempotent=True)
    assert len(line.requests) == ATTEMPTS
    assert raised.value.retryable


async def test_retry_after_is_obeyed():
    """The service knows best when it has time."""
    one, clock = session(Line(busy(**{"Retry-After": "3"}), OK))
    await one.send("GET", "/v1/info", idempotent=True)
    assert clock.slept == [3]


@pytest.mark.parametrize(
    "retry_after", ["Wed, 21 Oct 2015 07:28:00 GMT", "-1", "x", "²", "1e9", ""]
)
async def test_a_retry_after_that_says_no_number_is_passed_over(retry_after):
    """The usual delay stands instead."""
    header = {b"Retry-After": retry_after.encode()}
    one, clock = session(Line(httpx.Response(503, headers=header), OK))
    await one.send("GET", "/v1/info", idempotent=True)
    assert clock.slept == [FIRST_DELAY * 2]


async def test_no_retry_after_makes_a_caller_wait_for_ever():
    """A bound holds whatever the header says."""
    one, clock = session(Line(busy(**{"Retry-After": "99999999"}), OK))
    await one.send("GET", "/v1/info", idempotent=True)
    assert clock.slept == [module.MAX_WAIT]


async def test_delays_grow_up_to_a_bound_and_jitter_is_full():
    """Many clients do not come back at the same moment."""
    one, clock = session(Line(busy()), jitter=lambda: 1.0)
    with pytest.raises(ServiceUnavailable):
        await one.send("GET", "/v1/info", idempotent=True)
    assert clock.slept == sorted(clock.slept)
    assert clock.slept[0] < clock.slept[-1] <= MAX_DELAY
    one, clock = session(Line(busy()), jitter=lambda: 0.0)
    with pytest.raises(ServiceUnavailable):
        await one.send("GET", "/v1/info", idempotent=True)
    assert set(clock.slept) == {0}


async def test_a_request_keeps_its_id_over_its_retries():
    """The service's log shows one request, tried thrice; the error names it."""
    line = Line(BROKEN, BROKEN, busy(404))
    one, _ = session(line)
    with pytest.raises(DatagenError) as raised:
        await one.send("GET", "/v1/jobs/j", idempotent=True)
    ids = {request.headers[wire.REQUEST_ID] for request in line.requests}
    assert ids == {raised.value.request_id}


async def test_two_requests_have_two_ids():
    """Otherwise an id would tell nothing."""
    line = Line(OK)
    one, _ = session(line)
    await one.send("GET", "/v1/info", idempotent=True)
    await one.send("GET", "/v1/info", idempotent=True)
    assert len({request.headers[wire.REQUEST_ID] for request in line.requests}) == 2


async def test_a_dead_service_is_revived():
    """A refused connection calls for it, and the request goes on without a delay."""
    calls = []

    async def restart():
        calls.append(1)

    one, clock = session(Line(REFUSED, OK), restart=restart)
    await one.send("POST", "/v1/jobs/j/cancel", idempotent=False)
    assert calls == [1]
    assert clock.slept == []


async def test_a_dead_service_is_revived_once_for_all_who_miss_it():
    """Also when the first of them is cancelled meanwhile; the next death calls for it anew."""
    calls, back = [], asyncio.Event()

    async def restart():
        calls.append(1)
        await back.wait()

    def answer(request):
        if not back.is_set():
            raise REFUSED
        return OK

    one, _ = session(answer, restart=restart)
    asked = [asyncio.create_task(one.send("GET", "/v1/info", idempotent=True)) for _ in range(9)]
    while not calls:
        await asyncio.sleep(0)
    asked.pop(0).cancel()
    back.set()
    assert await asyncio.gather(*asked) == [b"{}"] * 8
    assert calls == [1]
    back.clear()
    again = asyncio.create_task(one.send("GET", "/v1/info", idempotent=True))
    while len(calls) < 2:
        await asyncio.sleep(0)
    back.set()
    assert await again == b"{}"


async def test_closing_gives_up_a_revival():
    """Nothing of it is left."""

    async def restart():
        await asyncio.Event().wait()

    one, _ = session(Line(REFUSED), restart=restart)
    asked = asyncio.create_task(one.send("GET", "/v1/info", idempotent=True))
    while len(asyncio.all_tasks()) < 3:
        await asyncio.sleep(0)
    await one.aclose()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_service_that_answers_is_not_revived():
    """A slow or busy one is left in peace."""

    async def restart():
        raise AssertionError("it lives")

    one, _ = session(Line(busy(), BROKEN, OK), restart=restart)
    await one.send("GET", "/v1/info", idempotent=True)


async def test_a_service_that_cannot_be_revived_says_why():
    """The reason of the start is what the caller sees."""

    async def restart():
        raise ServiceUnavailable("no python", code="service_start_failed")

    one, _ = session(Line(REFUSED), restart=restart)
    with pytest.raises(ServiceUnavailable, match="no python"):
        await one.send("GET", "/v1/info", idempotent=True)


FOREIGN = [
    BROKEN,
    httpx.RemoteProtocolError("nonsense"),
    httpx.DecodingError("gzip"),
    httpx.TooManyRedirects("round"),
    httpx.InvalidURL("no"),
    httpx.StreamConsumed(),
    httpx.ReadTimeout(""),
    OSError("no file descriptors"),
]


@pytest.mark.parametrize("foreign", FOREIGN, ids=lambda error: type(error).__name__)
async def test_no_foreign_exception_passes(foreign):
    """Who calls has one tree of errors to know."""
    one, _ = session(Line(foreign))
    with pytest.raises((ServiceUnavailable, ProtocolError)) as raised:
        await one.send("GET", "/v1/info", idempotent=True)
    assert raised.value.request_id
    with pytest.raises((ServiceUnavailable, ProtocolError)):
        async with one.stream("/v1/events"):
            pass


async def test_a_stream_that_breaks_while_read_is_reported_as_unavailable():
    """Half a part is no part."""

    async def half():
        yield b"half"
        raise httpx.ReadError("broken")

    one, _ = session(Line(httpx.Response(200, content=half())))
    part = HttpJobs(one, shares_files=False).read_part("j", 0)
    assert await anext(part) == b"half"
    with pytest.raises(ServiceUnavailable):
        await anext(part)


async def test_what_a_reader_of_a_stream_raises_stays_as_it_is():
    """The session judges its own line only."""
    one, _ = session(Line(OK))
    with pytest.raises(KeyError):
        async with one.stream("/v1/events"):
            raise KeyError("mine")


async def test_a_stream_that_is_refused_tells_the_reason():
    """An error's body is read, though the answer was to be streamed."""
    body = wire.problem_document(JobNotFound("none"), "r7")[1]
    one, _ = session(Line(httpx.Response(404, json=body)))
    with pytest.raises(JobNotFound) as raised:
        async with one.stream("/v1/events"):
            pass
    assert raised.value.request_id == "r7"


async def error_of(address):
    one = Session.over_http(address)
    one._clock = StillClock()
    try:
        await one.send("GET", "/v1/info", idempotent=True)
    finally:
        await one.aclose()


@pytest.mark.parametrize(
    "address", ["http://", "http://[", "http://a b/", "http://h:99999999/", "http://\0"]
)
async def test_an_address_that_is_none_is_reported(address):
    """``connect("http://…")`` raises one of ours."""
    with pytest.raises((ServiceUnavailable, ProtocolError)):
        await error_of(address)


ASKED = {
    "status": lambda jobs: jobs.status("j"),
    "configuration": lambda jobs: jobs.configuration("j"),
    "history": lambda jobs: jobs.history(JobQuery()),
    "cancel": lambda jobs: jobs.cancel("j"),
    "create": lambda jobs: jobs.create(CONFIG, idempotency_key="k"),
    "log": lambda jobs: jobs.log("j"),
    "event_page": lambda jobs: jobs.event_page(),
    "manifest": lambda jobs: jobs.manifest("j"),
    "report": lambda jobs: jobs.report("j"),
    "upload": lambda jobs: jobs.upload("0" * 64, "csv", 0, chunks()),
    "info": lambda jobs: jobs.info(),
}
BODIES = [
    b"",
    b"{}",
    b"[]",
    b"<html>",
    b"null",
    b'{"entries": 3, "path": 1}',
    b'{"entries":[{}]}',
    b"\xff",
]


async def chunks():
    yield b""


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("body", BODIES)
async def test_an_answer_that_makes_no_sense_is_a_protocol_error(asked, body):
    """A proxy's page, another program, another version."""
    one, _ = session(Line(httpx.Response(200, content=body)))
    with pytest.raises(ProtocolError):
        await ASKED[asked](HttpJobs(one, shares_files=False))


async def test_create_and_rerun_are_safe_by_their_key():
    """The key is sent with every try."""
    line = Line(BROKEN, httpx.Response(422, json=wire.problem_document(JobNotFound("x"), "r")[1]))
    one, _ = session(line)
    with pytest.raises(JobNotFound):
        await HttpJobs(one, shares_files=False).create(CONFIG, idempotency_key="key")
    assert [request.headers[wire.IDEMPOTENCY_KEY] for request in line.requests] == ["key", "key"]


def job_in(state):
    status = new_status("j_1", CONFIG, datetime.now(UTC), WEIGHTS).model_copy(
        update={"status": state}
    )
    return httpx.Response(200, content=status.to_json())


@pytest.mark.parametrize(
    ("action", "reached", "before"),
    [
        ("cancel", State.CANCELLED, State.RUNNING),
        ("pause", State.PAUSED, State.RUNNING),
        ("resume", State.QUEUED, State.PAUSED),
    ],
)
async def test_an_action_whose_answer_is_lost_asks_the_job_before_it_is_sent_again(
    action, reached, before
):
    """Sent blindly a second time it would be refused, though the first did what was asked."""
    for found, asked in ((reached, ["POST", "GET"]), (before, ["POST", "GET", "POST"])):
        line = Line(BROKEN, job_in(found), job_in(reached))
        one, _ = session(line)
        status = await getattr(HttpJobs(one, shares_files=False), action)("j_1")
        assert status.status is reached
        assert [request.method for request in line.requests] == asked


async def test_all_delays_of_a_call_are_bounded_together():
    """Six times the longest ``Retry-After`` would be minutes."""
    one, clock = session(Line(busy(**{"Retry-After": "25"})))
    with pytest.raises(ServiceUnavailable):
        await one.send("GET", "/v1/info", idempotent=True)
    assert clock.slept == [25, 25]


async def test_a_part_that_breaks_off_goes_on_where_it_broke():
    """No byte is lost and none comes twice."""

    async def half():
        yield b"ab"
        raise BROKEN

    line = Line(REFUSED, httpx.Response(200, content=half()), httpx.Response(200, content=b"abcd"))
    one, _ = session(line)
    chunks = [chunk async for chunk in HttpJobs(one, shares_files=False).read_part("j_1", 0)]
    assert b"".join(chunks) == b"abcd"
    assert len(line.requests) == 3


async def test_a_part_that_breaks_off_asks_only_for_the_rest():
    """What has come is not sent again."""

    async def half():
        yield b"ab"
        raise BROKEN

    line = Line(httpx.Response(206, content=half()), httpx.Response(206, content=b"d"))
    one, _ = session(line)
    part = HttpJobs(one, shares_files=False).read_part("j_1", 0, start=1, stop=4)
    assert b"".join([chunk async for chunk in part]) == b"abd"
    assert [request.headers["Range"] for request in line.requests] == ["bytes=1-3", "bytes=3-3"]


async def test_a_part_that_never_comes_is_reported():
    """Trying ends here too."""
    line = Line(REFUSED)
    one, _ = session(line)
    with pytest.raises(ServiceUnavailable):
        await anext(HttpJobs(one, shares_files=False).read_part("j_1", 0))
    assert len(line.requests) == ATTEMPTS


def event(cursor, name="a"):
    status = new_status("j_1", CONFIG, datetime.now(UTC), WEIGHTS).model_copy(update={"name": name})
    reported = JobEvent(
        cursor=cursor,
        event="job.updated",
        job_id="j_1",
        timestamp=status.last_updated,
        data=status,
    )
    return f"id: {cursor}\nevent: job.updated\ndata: {reported.to_json()}\n\n".encode()


def cursors_asked(line):
    return [request.url.params.get("after") for request in line.requests]


async def test_a_stream_that_breaks_goes_on_after_the_last_event_and_revives():
    """Gapless and without a repetition."""
    revived = []

    async def restart():
        revived.append(1)

    async def broken():
        yield event(4) + event(5)
        yield event(6)[:30]
        raise BROKEN

    line = Line(httpx.Response(200, content=broken()), httpx.Response(200, content=event(6)))
    one, _ = session(line, restart=restart)
    events = EventStream(one, 3).events()
    assert [(await anext(events)).cursor for _ in range(3)] == [4, 5, 6]
    await events.aclose()
    assert cursors_asked(line) == ["3", "5"]
    assert revived == [1]


async def test_a_goodbye_is_waited_out_and_nobody_is_revived():
    """Who stops a service on purpose does not want every open card to start it again."""

    async def restart():
        pytest.fail("a goodbye must not restart")

    line = Line(
        httpx.Response(200, content=event(4) + GOODBYE),
        REFUSED,
        busy(502),
        OK,
        httpx.Response(200, content=event(5)),
    )
    one, clock = session(line, restart=restart)
    events = EventStream(one, 3).events()
    assert [(await anext(events)).cursor for _ in range(2)] == [4, 5]
    await events.aclose()
    assert len(clock.slept) == 3


@pytest.mark.parametrize("then", [REFUSED, BROKEN, "ending"])
async def test_a_service_that_still_answers_after_its_goodbye_is_not_revived_either(then):
    """It takes a moment to end; what breaks off in that moment belongs to the goodbye."""

    async def restart():
        pytest.fail("a goodbye must not restart")

    if then == "ending":
        then = httpx.Response(503, json=wire.problem_document(wire.SHUTTING_DOWN, "r")[1])
    line = Line(
        httpx.Response(200, content=GOODBYE),
        OK,
        then,
        OK,
        httpx.Response(200, content=event(5)),
    )
    one, _ = session(line, restart=restart)
    events = EventStream(one, 4).events()
    assert (await anext(events)).cursor == 5
    await events.aclose()


async def test_who_is_back_after_a_goodbye_is_revived_again_when_it_is_killed():
    """The goodbye counts until a new stream has begun."""
    revived = []

    async def restart():
        revived.append(1)

    async def killed():
        yield WELCOME
        raise BROKEN

    line = Line(
        httpx.Response(200, content=GOODBYE),
        OK,
        httpx.Response(200, content=killed()),
        httpx.Response(200, content=event(5)),
    )
    one, _ = session(line, restart=restart)
    events = EventStream(one, 4).events()
    assert (await anext(events)).cursor == 5
    await events.aclose()
    assert revived == [1]


async def test_a_service_that_stays_away_after_its_goodbye_is_reported_at_last():
    """Waiting for it has a bound."""
    line = Line(httpx.Response(200, content=GOODBYE), REFUSED)
    one, clock = session(line)
    with pytest.raises(ServiceUnavailable):
        await anext(EventStream(one, 3).events())
    assert sum(clock.slept) == pytest.approx(module.MAX_OUTAGE_SECONDS, rel=0.01)


async def test_streams_that_never_tell_anything_give_way_to_polling():
    """Some proxies hold a stream back until it ends."""
    page = EventPage(events=(JobEvent.from_wire(event(4).split(b"data: ")[1]),), cursor=4)
    line = Line(
        *[httpx.Response(200)] * MAX_STREAM_FAILURES, httpx.Response(200, content=page.to_json())
    )
    one, _ = session(line)
    events = EventStream(one, 3).events()
    assert (await anext(events)).cursor == 4
    await events.aclose()
    assert cursors_asked(line) == ["3"] * (MAX_STREAM_FAILURES + 1)


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x1c"])
async def test_no_line_separator_in_a_name_cuts_an_event(separator):
    """A stream's lines end at a newline and nowhere else."""
    name = f"one{separator}two"
    one, _ = session(Line(httpx.Response(200, content=event(4, name))))
    events = EventStream(one, 3).events()
    assert (await anext(events)).data.name == name
    await events.aclose()


async def test_an_input_that_is_there_is_not_sent_again():
    """Its digest is reported first."""
    there = Upload(upload_id="x.csv", size=3, offset=3, path="inputs/x.csv")
    line = Line(httpx.Response(200, content=there.to_json()))
    one, _ = session(line)
    jobs = HttpJobs(one, shares_files=False)
    assert await jobs.upload("0" * 64, "csv", 3, chunks()) == "inputs/x.csv"
    assert [request.method for request in line.requests] == ["POST"]
