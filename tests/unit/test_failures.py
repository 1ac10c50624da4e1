"""Whatever goes wrong in a public call, it is an error of ours, in our words, in a few lines."""

import asyncio
import inspect
import subprocess
import sys
import traceback
from contextlib import contextmanager
from datetime import datetime

import httpx
import pytest

import datagen_nb as dg
from datagen_nb.api.client.jobs import HttpJobs
from datagen_nb.api.client.session import LOCAL_URL, Session
from datagen_nb.client import async_client as clients
from datagen_nb.client import resources, sync
from datagen_nb.client.async_job import AsyncJob
from datagen_nb.client.dataset import AsyncDataset
from datagen_nb.client.sync import _dataset
from datagen_nb.core.messages import JobQuery
from datagen_nb.core.tracebacks import MAX_LINES
from datagen_nb.core.uploads import UploadRequest
from datagen_nb.core.webhooks import ReplayRange, SecretRotation, WebhookChange
from datagen_nb.ui.views import Views

AREAS = {
    "": sync.Client,
    "jobs": sync.History,
    "templates": resources.Templates,
    "schedules": resources.Schedules,
    "webhooks": resources.Webhooks,
    "alerts": resources.Alerts,
    "uploads": resources.Uploads,
    "job": sync.Job,
    "data": sync.Dataset,
}
CALLS = [
    (area, name)
    for area, kind in AREAS.items()
    for name, _ in inspect.getmembers(kind, inspect.isfunction)
    if name[0] != "_"
]
WRONG = [None, -1, 0, 1.5, "x", "", b"x", object(), [object()], {"x": object()}, datetime.min]  # noqa: DTZ901
STEPS = {"updates", "changes", "follow_logs", "iter_batches"}
LOCAL_CALLS = {"close", "configure", "wait", "card", "view", "watch"}
"""Calls that ask the service nothing themselves."""

DIGEST = "0" * 64
PEOPLE = "age,member\n" + "".join(f"{20 + n % 50},{n % 2}\n" for n in range(200))


class StillClock:
    """Sleeps no time at all."""

    async def sleep(self, seconds):
        await asyncio.sleep(0)


def good(table):
    """Arguments that fit, by name of the parameter."""
    config = dg.JobConfiguration(
        data_size=5, input_format="csv", output_format="csv", input_path=str(table),
        input_bucket="file",
    )  # fmt: skip
    draft = {
        "Templates": dg.TemplateDraft(configuration={}),
        "Schedules": dg.ScheduleDraft(cron="0 3 * * *", configuration=config.to_wire()),
    }
    return {
        "source": str(table), "config": config, "name": "x", "jobs": {"a": config}, "days": 30,
        "job_id": "j_none", "draft": draft, "webhook_id": "w", "delivery_id": "d",
        "change": WebhookChange(), "rotation": SecretRotation(), "range": ReplayRange(),
        "alert_id": "a", "upload_id": f"{DIGEST}.csv", "offset": 0, "data": b"",
        "request": UploadRequest(digest=DIGEST, format="csv", size=1), "query": JobQuery(),
        "path": str(table.with_name("out.csv")), "start": 0, "stop": 1, "n": 1,
        "callback": print, "column": "age",
    }  # fmt: skip


def arguments(method, owner, table):
    """Those a call needs, and the names of all it has."""
    parameters = list(inspect.signature(method).parameters.values())
    fits = good(table)
    needed = (
        {
            each.name: fits[each.name]
            for each in parameters
            if each.default is each.empty
            and each.kind is not each.VAR_POSITIONAL
            and each.name != "self"
        }
        if method
        else {}
    )
    if "draft" in needed:
        needed["draft"] = fits["draft"][type(owner).__name__]
    named = [each.name for each in parameters if each.kind is not each.VAR_POSITIONAL]
    return needed, named


def failure(call):
    """The error of a call that fails, looked at; ``None`` if it works."""
    try:
        result = call()
        if inspect.isgenerator(result):
            result.close()
    except dg.errors.DatagenError as error:
        failed = error
    except TypeError as error:
        trace = error.__traceback__
        while trace.tb_next:
            trace = trace.tb_next
        assert trace.tb_frame.f_code.co_filename == __file__, "an argument that nothing looked at"
        return error
    else:
        return None
    shown = failed._render_traceback_()
    assert len(shown) <= MAX_LINES
    assert shown[-1].strip()
    return failed


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE)
    return path


@contextmanager
def connected(table):
    """A client over the mock, with a job that has ended and its data."""
    with dg.connect("mock", speed=1000) as client:
        job = client.submit(table, rows=50)
        yield {"": client, "job": job, "data": job.result()}


@pytest.fixture
def world(table):
    with connected(table) as world:
        yield world


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """The status of a job that has ended, and the manifest of its data."""
    path = tmp_path_factory.mktemp("ended") / "people.csv"
    path.write_text(PEOPLE)
    with connected(path) as world:
        yield world["job"].status, world["data"].asynchronous._manifest


def owner_of(area, world):
    return world[area] if area in world else getattr(world[""], area)


# One of the arguments is a timeout of 1.5 s, which may be too short where the machine is slow.
@pytest.mark.filterwarnings("ignore::datagen_nb.DatagenWarning")
@pytest.mark.parametrize(("area", "name"), CALLS)
def test_wrong_arguments_are_refused_in_our_words(world, table, area, name):
    """Of whatever type or value; a name that is not known gets the nearest one."""
    owner = owner_of(area, world)
    method = getattr(owner, name)
    needed, names = arguments(method, owner, table)
    assert isinstance(failure(lambda: method(surely_not=1, **needed)), TypeError)
    if needed:
        assert isinstance(failure(method), TypeError)
    if name in {"updates", "changes", "follow_logs", "watch"}:
        return
    for parameter in names:
        for wrong in WRONG:
            failure(lambda given={**needed, parameter: wrong}: method(**given))


def unreachable(ended, *, close):
    """The same client, job and data over a service that is gone, or over a closed line."""

    def gone(request):
        raise httpx.ConnectError("All connection attempts failed")

    http = httpx.AsyncClient(transport=httpx.MockTransport(gone), base_url=LOCAL_URL)
    jobs = HttpJobs(Session(http, clock=StillClock()), shares_files=True)

    async def opened():
        if close:
            await jobs.aclose()
        return clients.AsyncClient(jobs)

    client = sync.open_client(opened, Views())
    status, manifest = ended
    job = sync.Job(AsyncJob(jobs, status), client)
    return {"": client, "job": job, "data": _dataset(job, AsyncDataset(jobs, manifest))}


@pytest.mark.parametrize("close", [True, False], ids=["closed", "dead"])
@pytest.mark.parametrize(("area", "name"), CALLS)
def test_a_service_that_is_not_there_is_named(ended, table, area, name, close):
    """A closed client says that it is closed; a dead service, that it does not answer."""
    expected = dg.errors.ClientUnusable if close else dg.errors.ServiceUnavailable
    owner = owner_of(area, unreachable(ended, close=close))
    method = getattr(owner, name)
    needed, _ = arguments(method, owner, table)
    needed |= {"rows": 5} if name in {"submit", "configure"} else {}
    needed |= {"jobs": 3} if name == "set_max_waiting" else {}
    found = failure(lambda: next(method(**needed)) if name in STEPS else method(**needed))
    if name not in LOCAL_CALLS:
        assert isinstance(found, expected), found


def test_a_script_ends_with_the_sentence(table):
    """No frames of threads and libraries above it, and no chain."""
    script = 'import datagen_nb as dg\ndg.connect("http://127.0.0.1:9")\n'
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    lines = done.stderr.splitlines()
    assert "http://127.0.0.1:9 does not answer" in lines[-2]
    assert lines[-1].startswith("[request ")
    assert len(lines) <= 12
    assert "httpx" not in done.stderr


@pytest.mark.parametrize("address", ["https://nope.invalid", "http://127.0.0.1:9"])
def test_a_wrong_address_is_named_and_not_tried_for_long(address):
    """It is no matter of the local service, and no second try would help."""
    with pytest.raises(dg.errors.ServiceUnavailable) as raised:
        dg.connect(address)
    assert str(raised.value).startswith(f"{address} does not answer")
    assert "datagen-nb status" not in str(raised.value)
    assert "httpx" in raised.value.full_traceback()


@pytest.mark.parametrize("target", ["http://127.0.0.1:9", "the home"])
def test_each_local_of_a_failed_connection_has_a_repr(target, tmp_path):
    """Debuggers and ``%xmode Verbose`` print the locals of every frame, so none is half made."""
    home = tmp_path / "home"
    home.write_text("a file, where a directory belongs")
    with pytest.raises(dg.errors.DatagenError) as raised:
        dg.connect(None if target == "the home" else target, home=home)
    frames = [frame for frame, _ in traceback.walk_tb(raised.value.__traceback__)]
    assert {"connect", "open_client"} <= {frame.f_code.co_name for frame in frames}
    for frame in frames:
        for value in frame.f_locals.values():
            repr(value)
