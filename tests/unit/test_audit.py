"""The access log: what was changed in it is found, whatever it was."""

import asyncio
import json
import sqlite3
from contextlib import closing

import pytest

from datagen_nb.core.errors import ServiceUnavailable
from datagen_nb.service.access.audit import MAX_BATCH, REFUSALS_AT_ONCE, Audit
from datagen_nb.stores.sqlite.store import SqliteStore
from tests.clock import FakeClock

LINES = 5


class Kept:
    """A log, and its file, to be tampered with."""

    def __init__(self, store, path):
        self.path = path
        self.clock = FakeClock()
        self.store = store
        self.audit = Audit(store.documents, self.clock)

    async def tell(self, n, outcome="allowed"):
        await self.audit.record(
            who="acme:k",
            action="jobs.delete",
            target=f"/v1/jobs/{n}",
            outcome=outcome,
            request_id=f"r{n}",
            note="n",
        )

    def tamper(self, statement, *values):
        with closing(sqlite3.connect(self.path)) as db, db:
            assert db.execute(statement, values).rowcount == 1

    def body(self, number):
        query = "SELECT body FROM documents WHERE kind = 'access' AND id = ?"
        with closing(sqlite3.connect(self.path)) as db:
            return json.loads(db.execute(query, (f"{number:012d}",)).fetchone()[0])


UPDATE = "UPDATE documents SET body = ? WHERE kind = 'access' AND id = ?"
DELETE = "DELETE FROM documents WHERE kind = 'access' AND id = ?"


@pytest.fixture
async def kept(tmp_path):
    path = tmp_path / "jobs.sqlite"
    store = await SqliteStore.open(path)
    yield Kept(store, path)
    await store.aclose()


@pytest.fixture
async def written(kept):
    for n in range(LINES):
        await kept.tell(n)
        kept.clock.advance(1)
    return kept


async def test_a_log_that_nobody_touched_is_whole(written):
    """Its lines are numbered and come back as they were recorded."""
    verdict = await written.audit.verify()
    assert (verdict.whole, verdict.entries, verdict.problems) == (True, LINES, ())
    lines = await written.audit.entries()
    assert [line.number for line in lines] == list(range(1, LINES + 1))
    assert [line.request_id for line in lines] == [f"r{n}" for n in range(LINES)]
    assert verdict.head == f"{LINES}:{lines[-1].digest}"


async def test_an_empty_log_is_whole(kept):
    """Nothing is missing from it."""
    assert (await kept.audit.verify()).whole


FIELDS = ["number", "at", "who", "action", "target", "outcome", "requestId", "note", "previous"]


@pytest.mark.parametrize("number", [1, 3, LINES])
@pytest.mark.parametrize("field", [*FIELDS, "digest"])
async def test_a_changed_field_is_found(written, field, number):
    """Each one, in the first line, in the last and between."""
    body = written.body(number)
    changed = {
        "number": number + 1,
        "at": "2026-01-01T00:00:00.000Z",
        "outcome": "failed",
        "previous": "1" * 64,
        "digest": "1" * 64,
    }
    assert set(body) == {*FIELDS, "digest"}
    body[field] = changed.get(field, "other")
    written.tamper(UPDATE, json.dumps(body), f"{number:012d}")
    assert not (await written.audit.verify()).whole


@pytest.mark.parametrize("number", [1, 3, LINES])
async def test_a_changed_line_with_a_digest_of_its_own_is_found(written, number):
    """Even one who knows how lines are sealed breaks the chain."""
    line = (await written.audit.entries())[number - 1]
    forged = line.model_copy(update={"who": "nobody"}).with_digest()
    written.tamper(UPDATE, forged.to_json(), f"{number:012d}")
    assert not (await written.audit.verify()).whole


@pytest.mark.parametrize("number", range(1, LINES + 1))
async def test_a_removed_line_is_found(written, number):
    """The last one too."""
    written.tamper(DELETE, f"{number:012d}")
    verdict = await written.audit.verify()
    assert not verdict.whole
    gap = f"1 lines before line {number + 1} are missing"
    end = f"line {LINES}, once the last, is missing or not as it was"
    assert verdict.problems == (end if number == LINES else gap,)


async def test_a_removed_head_is_found(written):
    """Alone or with the last line."""
    written.tamper("DELETE FROM documents WHERE kind = 'access-head'")
    assert not (await written.audit.verify()).whole
    written.tamper(DELETE, f"{LINES:012d}")
    assert not (await written.audit.verify()).whole


async def test_an_added_field_is_found(written):
    """No line says more than was recorded."""
    body = {**written.body(2), "more": 1}
    written.tamper(UPDATE, json.dumps(body), f"{2:012d}")
    assert not (await written.audit.verify()).whole


@pytest.mark.parametrize(
    ("field", "spelled"), [("number", "2"), ("at", "2026-11-23T09:30:01.000000+00:00")]
)
async def test_a_value_that_is_spelled_otherwise_is_found(written, field, spelled):
    """Not a byte is open to change, even where it would mean the same."""
    written.tamper(UPDATE, json.dumps({**written.body(2), field: spelled}), f"{2:012d}")
    assert (await written.audit.verify()).problems == ("line 2 is not as it was written",)


async def test_a_line_under_another_number_is_found(written):
    """The number that it is kept under is the one that it says."""
    written.tamper(
        "UPDATE documents SET id = '000000000009' WHERE kind = 'access' AND id = ?", f"{LINES:012d}"
    )
    (problem,) = (await written.audit.verify()).problems
    assert problem == f"line 000000000009 says it is line {LINES}"


async def test_lines_that_changed_places_are_found(written):
    """Their order is part of what they say."""
    second, third = written.body(2), written.body(3)
    written.tamper(UPDATE, json.dumps(third), f"{2:012d}")
    written.tamper(UPDATE, json.dumps(second), f"{3:012d}")
    assert not (await written.audit.verify()).whole


async def test_a_log_written_anew_is_found_by_a_head_that_was_noted(written, tmp_path):
    """What no chain can tell by itself, a head that was kept elsewhere does."""
    noted = (await written.audit.verify()).head
    await written.tell(LINES)
    assert (await written.audit.verify(expect=noted)).whole
    store = await SqliteStore.open(tmp_path / "other.sqlite")
    other = Kept(store, tmp_path / "other.sqlite")
    for n in range(LINES + 3):
        await other.tell(n + 100)
    assert (await other.audit.verify()).whole
    assert not (await other.audit.verify(expect=noted)).whole
    await store.aclose()


async def test_two_processes_write_one_chain(kept, tmp_path):
    """They take turns; nothing is lost."""
    store = await SqliteStore.open(kept.path)
    other = Kept(store, kept.path)
    count = 40
    await asyncio.gather(*(one.tell(n) for n in range(count) for one in (kept, other)))
    verdict = await kept.audit.verify()
    assert (verdict.whole, verdict.entries) == (True, 2 * count)
    await store.aclose()


async def test_more_lines_than_are_written_together_are_all_written(kept):
    """In the order in which they were recorded."""
    count = 2 * MAX_BATCH + 3
    await asyncio.gather(*(kept.tell(n) for n in range(count)))
    lines = await kept.audit.entries(limit=count + 1)
    assert [line.target for line in lines] == [f"/v1/jobs/{n}" for n in range(count)]
    assert (await kept.audit.verify()).whole


async def test_whoever_gives_up_takes_no_others_line_along(kept):
    """A cancelled caller leaves the others' lines to be written."""
    tasks = [asyncio.create_task(kept.tell(n)) for n in range(3)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.gather(*tasks[1:])
    assert {line.request_id for line in await kept.audit.entries()} >= {"r1", "r2"}


async def test_a_log_that_cannot_go_on_says_so(written):
    """No caller waits for ever, and nothing is taken as recorded."""
    written.tamper("DELETE FROM documents WHERE kind = 'access-head'")
    with pytest.raises(ServiceUnavailable) as error:
        await written.tell(99)
    assert error.value.code == "access_log_unwritable"


async def test_a_flood_of_refusals_does_not_fill_the_disk(kept):
    """What is left out is counted; what was allowed is always recorded."""
    for n in range(REFUSALS_AT_ONCE + 50):
        await kept.tell(n, outcome="refused")
    await kept.tell(0)
    lines = await kept.audit.entries(limit=1000)
    assert len(lines) == REFUSALS_AT_ONCE + 1
    assert lines[-1].note == "n; 50 refusals before this were not logged one by one"
