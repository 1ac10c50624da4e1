"""Parts by ranges, as RFC 9110 has them: each header, at its edges, over a real socket's server."""

import hashlib

import httpx
import pytest

from datagen_nb.api import wire
from datagen_nb.api.server.app import make_app
from datagen_nb.api.server.ranges import requested_range
from datagen_nb.core.errors import NotFound
from datagen_nb.core.manifest import Manifest, Part

DATA = bytes(range(100))
TAG = f'"{hashlib.sha256(DATA).hexdigest()}"'
PATH = wire.job_path("j_1", "parts", "0")


class OnePart:
    """Jobs of which one has a part, and an empty one."""

    async def manifest(self, job_id):
        parts = tuple(
            Part(name=str(n), rows=1, size=len(data), sha256=hashlib.sha256(data).hexdigest())
            for n, data in enumerate((DATA, b""))
        )
        return Manifest(job_id=job_id, format="csv", rows=1, size=100, parts=parts, arrow_schema="")

    async def read_part(self, job_id, index, *, start=0, stop=None):
        if job_id == "j_gone":
            raise NotFound("gone")
        for place in range(start, len(DATA) if stop is None else stop, 30):
            yield DATA[place : min(place + 30, stop or len(DATA))]


@pytest.fixture
async def client():
    app = make_app(lambda _: OnePart(), describe=lambda info: info)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        yield client


RANGES = {
    "bytes=0-0": (0, 1),
    "bytes=0-99": (0, 100),
    "bytes=0-": (0, 100),
    "bytes=99-": (99, 100),
    "bytes=10-19": (10, 20),
    "bytes=10-1000": (10, 100),
    "bytes=-1": (99, 100),
    "bytes=-1000": (0, 100),
    "BYTES=5-6": (5, 7),
    "bytes = 5-6": (5, 7),
    "bytes=00005-0000000000000000000000006": (5, 7),
    f"bytes=5-{'9' * 5000}": (5, 100),
}


@pytest.mark.parametrize("header", RANGES)
async def test_a_range_is_answered_with_its_bytes(client, header):
    """206, which bytes of how many, and nothing else."""
    start, stop = RANGES[header]
    answer = await client.get(PATH, headers={"Range": header})
    assert answer.status_code == 206
    assert answer.content == DATA[start:stop]
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/100"
    assert answer.headers["Content-Length"] == str(stop - start)
    assert answer.headers["ETag"] == TAG


@pytest.mark.parametrize(
    "header",
    ["", "bytes=", "bytes=-", "bytes=9-3", "bytes=a-b", "rows=1-2", "bytes=1-2,5-6", "bytes=1-2-3"],
)
async def test_what_is_no_single_range_is_answered_with_the_whole(client, header):
    """As the standard lets a server do; half understood would be worse."""
    answer = await client.get(PATH, headers={"Range": header})
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert "Content-Range" not in answer.headers


@pytest.mark.parametrize(
    "header", ["bytes=100-", "bytes=1000-2000", "bytes=-0", f"bytes=1{'0' * 40}-"]
)
async def test_a_range_behind_the_end_cannot_be_satisfied(client, header):
    """416 tells how long the part is."""
    answer = await client.get(PATH, headers={"Range": header})
    assert answer.status_code == answer.json()["status"] == 416
    assert answer.headers["Content-Range"] == "bytes */100"
    assert answer.headers["Content-Type"] == wire.PROBLEM_TYPE
    assert answer.json()["code"] == "range_not_satisfiable"


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=-5"])
async def test_no_range_of_nothing_can_be_satisfied(client, header):
    """Nor is the whole of nothing anything but nothing."""
    path = wire.job_path("j_1", "parts", "1")
    assert (await client.get(path, headers={"Range": header})).status_code == 416
    answer = await client.get(path)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    ("condition", "status"),
    [(TAG, 206), (f"W/{TAG}", 200), ('"other"', 200), ("Wed, 21 Oct 2015 07:28:00 GMT", 200)],
)
async def test_a_range_of_what_has_changed_is_answered_with_the_whole(client, condition, status):
    """``If-Range`` holds for the very same bytes only."""
    headers = {"Range": "bytes=1-2", "If-Range": condition}
    assert (await client.get(PATH, headers=headers)).status_code == status


@pytest.mark.parametrize("known", [TAG, f"W/{TAG}", f'"a", {TAG}', "*"])
async def test_what_the_caller_has_is_not_sent_again(client, known):
    """304, for GET and HEAD."""
    for ask in (client.get, client.head):
        answer = await ask(PATH, headers={"If-None-Match": known, "Range": "bytes=1-2"})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["ETag"] == TAG


async def test_what_the_caller_does_not_have_is_sent(client):
    """Another tag is no match."""
    answer = await client.get(PATH, headers={"If-None-Match": '"other"'})
    assert (answer.status_code, answer.content) == (200, DATA)


async def test_head_tells_what_get_would_send(client):
    """Size and tag, without a byte, whatever range is named."""
    for headers in ({}, {"Range": "bytes=1-2"}):
        answer = await client.head(PATH, headers=headers)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["Content-Length"] == "100"
        assert (answer.headers["ETag"], answer.headers["Accept-Ranges"]) == (TAG, "bytes")
    assert (await client.head(wire.job_path("j_1", "parts", "2"))).status_code == 404


@pytest.mark.parametrize("index", ["2", "-1", "9" * 40])
async def test_a_range_of_no_part_is_not_found(client, index):
    """404 whatever the range."""
    path = wire.job_path("j_1", "parts", index)
    assert (await client.get(path, headers={"Range": "bytes=0-1"})).status_code == 404


async def test_a_part_that_is_gone_is_reported_before_a_range_begins(client):
    """Not as an answer that breaks off."""
    path = wire.job_path("j_gone", "parts", "0")
    assert (await client.get(path, headers={"Range": "bytes=0-1"})).status_code == 404


def test_every_range_of_a_small_part_is_what_a_slice_would_be():
    """All starts and ends."""
    for size in range(4):
        for start in range(5):
            for last in range(5):
                asked = requested_range({"range": f"bytes={start}-{last}"}, tag='"t"', size=size)
                wanted = range(size)[start : last + 1]
                if last < start:
                    assert asked.status == 200
                elif not wanted:
                    assert asked.status == 416
                else:
                    assert (asked.status, asked.start, asked.stop) == (
                        206,
                        wanted[0],
                        wanted[-1] + 1,
                    )
