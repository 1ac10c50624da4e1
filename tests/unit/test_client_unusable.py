"""A client where it cannot work says so in words: never another's error, never a hang."""

import asyncio
import copy
import json
import os
import pickle
import threading
import warnings
from contextlib import suppress

import pytest

import datagen_nb as dg
from datagen_nb.core.errors import ClientUnusable, DatagenError, JobNotFound
from tests.deadline import DEADLINE


@pytest.fixture(scope="module", params=["mock", "local"])
def target(request, tmp_path_factory):
    """Where to connect: to a service in this process, and to one in its own."""
    if request.param == "mock":
        yield {"target": "mock", "scenario": "slow", "speed": 2_000}
        return
    from datagen_nb.api.process.home import Home
    from datagen_nb.api.process.launch import stop

    home = tmp_path_factory.mktemp("home")
    yield {"home": home}
    asyncio.run(stop(Home.open(home)))


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("a,b\n" + "1,x\n2,y\n3,z\n" * 20)
    return path


@pytest.fixture
def client(target):
    with dg.connect(**target) as connected:
        yield connected


def questions(client, job, data):
    """Something to ask of each thing that a client gave."""
    return {
        "client": client.limits,
        "submit": lambda: client.submit(data.to_arrow(), rows=5),
        "jobs": client.jobs.list,
        "templates": client.templates.list,
        "schedules": client.schedules.list,
        "webhooks": client.webhooks.list,
        "alerts": client.alerts.list,
        "job": job.rerun,
        "result": job.result,
        "changes": lambda: next(iter(client.jobs.changes())),
        "logs": lambda: list(job.follow_logs()),
        "data": data.head,
        "download": lambda: data.download("never.csv"),
    }


def codes(asked):
    """How each question is refused; what is no error of ours is reported by its name."""
    found = {}
    for name, ask in asked.items():
        try:
            ask()
        except DatagenError as error:
            found[name] = error.code
        except Exception as error:
            found[name] = repr(error)
        else:
            found[name] = "answered"
    return found


def test_a_closed_client_says_so_whatever_is_asked(client, table):
    """And closing it twice is no mistake."""
    job = client.submit(table, rows=5)
    data = job.result()
    asked = questions(client, job, data)
    client.close()
    client.close()
    refused = codes(asked)
    assert set(refused.values()) <= {"client_closed", "service_ended"}, refused


@pytest.mark.parametrize("wait", ["result", "updates"])
def test_closing_ends_what_waits(target, table, wait):
    """In another thread, say: it does not wait for ever."""
    client = dg.connect(**{**target, "speed": 1} if "speed" in target else target)
    job = client.submit(table, rows=100_000_000)
    waits = {"result": job.result, "updates": lambda: list(job.updates())}
    started, ended = threading.Event(), []

    def run():
        started.set()
        try:
            waits[wait]()
        except DatagenError as error:
            ended.append(error.code)

    waiting = threading.Thread(target=run)
    waiting.start()
    assert started.wait(DEADLINE)
    client.close()
    waiting.join(DEADLINE)
    assert ended in (["client_closed"], ["service_ended"])
    with dg.connect(**target) as another, suppress(JobNotFound):
        another.jobs.cancel(job.id)


def test_a_forked_child_gets_an_error_and_can_connect_anew(client, table, target):
    """The parent's connection has no thread there; it goes on in the parent."""
    job = client.submit(table, rows=5)
    data = job.result()
    data.head()

    def child():
        reported = codes(questions(client, job, data) | {"close": client.close})
        with dg.connect(**target) as another:
            return reported, another.limits().allowed

    reported, allowed = in_a_fork(child)
    assert set(reported.values()) == {"client_forked"}, reported
    assert allowed
    assert len(data.head()) == 5


def in_a_fork(work):
    """Do something in a forked process, and return what it returned."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it is what is tested
        child = os.fork()
    if child == 0:
        try:
            outcome = json.dumps(work())
        except BaseException as error:
            outcome = json.dumps([{"child": repr(error)}, None])
        os.write(writing, outcome.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        outcome = json.loads(file.read())
    os.waitpid(child, 0)
    return outcome


def test_another_event_loop_is_an_error(target, table):
    """Connections live on one."""

    async def connected():
        client = dg.AsyncClient.connect(**target)
        return client, await client.__aenter__()

    async def asked(client):
        with pytest.raises(ClientUnusable, match="another event loop") as refused:
            await client.limits()
        return refused.value.code

    with asyncio.Runner() as one, asyncio.Runner() as other:
        opened, client = one.run(connected())
        one.run(client.limits())
        assert other.run(asked(client)) == "client_elsewhere"
        one.run(opened.__aexit__(None, None, None))


def test_a_plain_call_on_the_clients_own_thread_is_refused(client):
    """It would wait for itself for ever."""

    async def misuse():
        return client.jobs.last()

    with pytest.raises(ClientUnusable, match="own thread"):
        client.portal.call(misuse())


@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.copy, copy.deepcopy])
def test_what_works_over_a_connection_is_neither_pickled_nor_copied(client, table, duplicate):
    """It says what to do instead."""
    job = client.submit(table, rows=5)
    data = job.result()
    things = [client, client.asynchronous, client.jobs, client.templates, job, data]
    things += [job.asynchronous, data.asynchronous, client.jobs.asynchronous]
    for thing in things:
        with pytest.raises(TypeError, match=f"^{type(thing).__name__} .*cannot be pickled or cop"):
            duplicate(thing)
