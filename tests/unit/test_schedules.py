"""Schedules: when they run, what becomes of missed and refused runs, and of a crash in between."""

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen_nb.core.errors import ConfigurationError, NotFound
from datagen_nb.core.messages import JobQuery
from datagen_nb.core.schedules import ScheduleDraft, retry_after
from datagen_nb.core.templates import TemplateDraft
from datagen_nb.service import cron
from datagen_nb.service.schedules import KIND
from tests.clock import START, FakeClock
from tests.deadline import DEADLINE
from tests.unit.test_service import a_world

BERLIN = ZoneInfo("Europe/Berlin")
WHOLE = {"dataSize": 10, "inputFormat": "csv", "outputFormat": "csv", "inputPath": "in.csv"}
HOUR = 3600


def hourly(**fields):
    return ScheduleDraft(**{"cron": "0 * * * *", "configuration": WHOLE, **fields})


def local(*when):
    return datetime(*when, tzinfo=BERLIN)


@pytest.fixture
async def world(tmp_path):
    async with a_world(tmp_path) as world:
        world.bucket.put("in.csv", b"a\n1\n")
        yield world


async def ran(world, name="s", *, holds=lambda run: True):
    """The last run of a schedule, once it is as asked."""
    async with asyncio.timeout(DEADLINE):
        while True:
            run = (await world.jobs.schedules.get(name)).last_run
            if run is not None and holds(run):
                return run
            await asyncio.sleep(0.002)


async def wait_for(world, seconds):
    """Let time pass in steps, each once the scheduler sleeps until what is due next."""
    left = seconds
    while left > 0:
        step = min(left, 300.0)
        await at_rest(world)
        world.clock.advance(step)
        left -= step
    await asyncio.sleep(0)


async def at_rest(world):
    scheduler, documents = world.service.scheduler, world.service.store.documents
    async with asyncio.timeout(DEADLINE):
        while True:
            due = await documents.next_due(KIND)
            sleeps = "Scheduler._sleep" in world.clock.sleeping
            if scheduler.next_due == due and (due is None or sleeps):
                return
            await asyncio.sleep(0.002)


async def jobs_of(world):
    return (await world.jobs.history(JobQuery())).jobs


def test_a_time_that_the_clocks_skip_comes_right_after():
    """In spring 2027 it is 3:00 at once after 1:59."""
    runs = cron.next_runs("30 2 * * *", "Europe/Berlin", local(2027, 3, 27, 12), 3)

    assert runs == (local(2027, 3, 28, 3, 0), local(2027, 3, 29, 2, 30), local(2027, 3, 30, 2, 30))


def test_a_time_that_comes_twice_runs_once():
    """In autumn 2026 there are two 2:30; the first counts, seen from anywhere."""
    first = local(2026, 10, 25, 2, 30)
    between = first.astimezone(UTC) + timedelta(minutes=10)
    second = local(2026, 10, 25, 2, 45).replace(fold=1)

    for after in (local(2026, 10, 24, 12), local(2026, 10, 25, 2, 0)):
        runs = cron.next_runs("30 2 * * *", "Europe/Berlin", after, 2)
        assert runs == (first.astimezone(UTC), local(2026, 10, 26, 2, 30).astimezone(UTC))
    early = local(2026, 10, 25, 2, 10).replace(fold=1)  # before it on the clock, but behind it
    for after in (between, early, second):
        (run,) = cron.next_runs("30 2 * * *", "Europe/Berlin", after, 1)
        assert run == local(2026, 10, 26, 2, 30).astimezone(UTC)


@pytest.mark.parametrize(
    "day", [datetime(2027, 3, 28, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)]
)
def test_what_runs_every_half_hour_does_so_through_both_changes(day):
    """Every half hour that passes, not every one that a clock shows."""
    runs = cron.next_runs("*/30 * * * *", "Europe/Berlin", day, 10)

    assert runs == tuple(day + timedelta(minutes=30 * (count + 1)) for count in range(10))


@settings(max_examples=50)
@given(
    st.sampled_from(["0 2 * * *", "*/7 * * * *", "0,30 2,3 * * *", "15 1-3 * * SUN", "0 0 L * *"]),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]),
    st.integers(0, 730 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes)),
)
def test_runs_come_in_order_and_never_at_or_before_the_instant(expression, zone, after):
    """And who asks again behind a run gets the one that follows it."""
    runs = cron.next_runs(expression, zone, after, 4)

    assert list(runs) == sorted(set(runs))
    assert runs[0] > after
    assert cron.next_runs(expression, zone, runs[0], 3) == runs[1:]
    assert cron.count_runs(expression, zone, after, runs[2]) == 3


@pytest.mark.parametrize(
    "expression",
    ["", "now", "* * * *", "* * * * * *", "61 * * * *", "0 0 30 2 *", "0 0 * * FRY", "@daily"],
)
async def test_what_is_no_expression_is_reported(world, expression):
    """With what it has to be and an example."""
    with pytest.raises((ConfigurationError, ValueError)) as caught:
        await world.jobs.schedules.put("s", hourly(cron=expression or " "))

    (problem,) = caught.value.problems
    assert problem.field == "cron"
    assert "MON-FRI" in problem.remedy or "exists" in problem.remedy


@pytest.mark.parametrize(
    "zone", ["Berlin", "Europe", "../etc/passwd", "/etc/localtime", "\0", "CEST "]
)
async def test_what_is_no_zone_is_reported(world, zone):
    """Whatever the search for it does with such a name."""
    with pytest.raises(ConfigurationError) as caught:
        await world.jobs.schedules.put("s", hourly(zone=zone))

    (problem,) = caught.value.problems
    assert problem.field == "zone"


async def test_all_that_is_wrong_is_reported_together(world):
    """Name, expression, zone, version and configuration."""
    draft = ScheduleDraft(
        cron="never", zone="Nowhere", template_version=1, configuration={"dataSize": 0}
    )

    with pytest.raises(ConfigurationError) as caught:
        await world.jobs.schedules.put("a/b", draft)

    fields = {problem.field for problem in caught.value.problems}
    assert fields >= {"name", "cron", "zone", "templateVersion", "dataSize", "inputPath"}


async def test_a_schedule_shows_its_next_five_runs(world):
    """In order, from now on."""
    made = await world.jobs.schedules.put("s", hourly(zone="Asia/Kolkata"))

    first = START.replace(minute=30) + timedelta(hours=1)  # Kolkata is half an hour off
    assert made.next_runs == tuple(first + timedelta(hours=count) for count in range(5))
    assert (await world.jobs.schedules.get("s")) == made
    assert (await world.jobs.schedules.list()).schedules == (made,)


async def test_when_it_falls_due_its_job_is_submitted_once(world):
    """And the next run is an hour later."""
    await world.jobs.schedules.put("s", hourly())
    await wait_for(world, 30 * 60)

    run = await ran(world)

    (job,) = await jobs_of(world)
    assert run.job_id == job.job_id
    assert (run.due_time, run.missed, run.error) == (START + timedelta(minutes=30), 0, None)
    shown = await world.jobs.schedules.get("s")
    assert shown.next_runs[0] == START + timedelta(minutes=90)


async def test_missed_runs_become_one(tmp_path):
    """A service that was stopped for five hours submits one job, and counts the others."""
    clock = FakeClock()
    async with a_world(tmp_path, clock=clock) as world:
        world.bucket.put("in.csv", b"a\n1\n")
        await world.jobs.schedules.put("s", hourly())
    clock.advance(5 * HOUR)
    async with a_world(tmp_path, clock=clock) as world:
        run = await ran(world)

        assert len(await jobs_of(world)) == 1
        assert (run.due_time, run.missed) == (START + timedelta(minutes=30), 4)
        shown = await world.jobs.schedules.get("s")
        assert shown.next_runs[0] == START + timedelta(hours=5, minutes=30)


@pytest.mark.parametrize("changed", [False, True])
async def test_a_crash_between_submit_and_record_submits_once(tmp_path, changed):
    """Even if the schedule asks for something else by then."""
    clock = FakeClock()
    async with a_world(tmp_path, clock=clock) as world:
        world.bucket.put("in.csv", b"a\n1\n")
        await world.jobs.schedules.put("s", hourly())
        await world.service.scheduler.aclose()
        clock.advance(HOUR)
        (due,) = await world.service.store.documents.due("schedule", until=clock.now())
        schedule = await world.jobs.schedules.get("s")
        done = await world.service.scheduler._submit("ann", schedule, due.due, clock.now())
        if changed:
            await world.jobs.schedules.put("s", hourly(configuration=WHOLE | {"dataSize": 99}))
    async with a_world(tmp_path, clock=clock) as world:
        run = await ran(world)

        assert run.job_id == done.job_id
        assert len(await jobs_of(world)) == 1


async def test_a_refused_run_is_reported_and_tried_again(tmp_path):
    """What fell due meanwhile is counted, not repeated."""
    async with a_world(tmp_path, max_jobs=1, max_waiting=0) as world:
        first = await world.submit()
        await world.jobs.schedules.put("s", hourly(cron="*/10 * * * *"))
        await wait_for(world, 600)
        refused = await ran(world)
        assert refused.job_id is None
        assert refused.error.code == "queue_full"
        assert refused.retry_time == refused.time + timedelta(seconds=15)

        for _ in range(60):
            await wait_for(world, 15)
        again = await ran(world, holds=lambda run: run.tries > 3)
        await world.jobs.cancel(first.job_id)
        await wait_for(world, (again.retry_time - world.clock.now()).total_seconds())

        taken = await ran(world, holds=lambda run: run.job_id is not None)
        assert taken.due_time == refused.due_time
        assert (taken.missed, taken.error) == (1, None)
        assert len(await jobs_of(world)) == 2


async def test_a_run_that_cannot_succeed_waits_for_the_next_time(world):
    """Its template is gone: the record says so."""
    await world.jobs.templates.put("t", TemplateDraft(configuration=WHOLE))
    await world.jobs.schedules.put("s", hourly(template="t", configuration={}))
    await world.jobs.templates.delete("t")
    await wait_for(world, 30 * 60)

    run = await ran(world)

    assert (run.job_id, run.error.code, run.retry_time) == (None, "template_not_found", None)
    assert await jobs_of(world) == ()
    await world.jobs.templates.put("t", TemplateDraft(configuration=WHOLE))
    await wait_for(world, HOUR)
    await ran(world, holds=lambda run: run.job_id is not None)


async def test_a_run_takes_the_newest_version_of_its_template_unless_one_is_named(world):
    """As it is at that time, with the schedule's own fields over it."""
    put = world.jobs.templates.put
    await put("t", TemplateDraft(configuration=WHOLE))
    await world.jobs.schedules.put("new", hourly(template="t", configuration={"name": "n"}))
    await world.jobs.schedules.put(
        "old", hourly(template="t", template_version=1, configuration={})
    )
    await put("t", TemplateDraft(configuration=WHOLE | {"dataSize": 77}))
    await wait_for(world, 30 * 60)

    new = await world.jobs.configuration((await ran(world, "new")).job_id)
    old = await world.jobs.configuration((await ran(world, "old")).job_id)

    assert (new.data_size, new.name, old.data_size) == (77, "n", 10)


async def test_a_schedule_that_is_off_does_not_run_and_makes_up_for_nothing(world):
    """Switched on again it begins with the next time."""
    await world.jobs.schedules.put("s", hourly(enabled=False))
    await world.jobs.schedules.put("other", hourly(cron="0 0 1 1 *"))
    await wait_for(world, 3 * HOUR)
    assert (await world.jobs.schedules.get("s")).next_runs == ()

    await world.jobs.schedules.put("s", hourly())

    assert await jobs_of(world) == ()
    await wait_for(world, 30 * 60)
    run = await ran(world)
    assert (run.due_time, run.missed) == (START + timedelta(hours=3, minutes=30), 0)


async def test_a_deleted_schedule_is_gone_and_its_jobs_stay(world):
    """And its name can mean another one, whose runs are its own."""
    await world.jobs.schedules.put("s", hourly())
    await wait_for(world, 30 * 60)
    run = await ran(world)

    await world.jobs.schedules.delete("s")

    for ask in (world.jobs.schedules.get, world.jobs.schedules.delete):
        with pytest.raises(NotFound, match="schedule 's'"):
            await ask("s")
    assert (await jobs_of(world))[0].job_id == run.job_id


async def test_one_schedule_that_breaks_does_not_stop_the_others(world, caplog):
    """The loop goes on in a minute."""
    await world.jobs.schedules.put("s", hourly())
    submit, broken = world.service.scheduler._submit, ["once"]

    async def breaks(*args):
        if broken:
            raise RuntimeError(broken.pop())
        return await submit(*args)

    world.service.scheduler._submit = breaks
    await wait_for(world, 30 * 60)
    await world.clock.asleep(60)
    world.clock.advance(60)

    assert (await ran(world)).job_id is not None
    assert "schedules failed" in caplog.text


def test_a_refusal_that_names_a_time_is_obeyed():
    """Otherwise later each time, up to a bound."""
    assert retry_after({"retryAfter": 120}, 0) == 120
    assert [retry_after({}, tries) for tries in (0, 1, 2)] == [15, 30, 60]
    assert retry_after({}, 10_000) == 900


async def test_a_service_with_a_schedule_has_something_to_do(world):
    """So that a local one does not end when idle; not with a disabled or deleted schedule."""

    async def is_busy(expected):
        async with asyncio.timeout(DEADLINE):
            while world.service.busy is not expected:
                await asyncio.sleep(0)

    await is_busy(False)
    await world.jobs.schedules.put("s", hourly())
    await is_busy(True)
    await world.jobs.schedules.put("s", hourly(enabled=False))
    await is_busy(False)
    await world.jobs.schedules.put("s", hourly())
    await is_busy(True)
    await world.jobs.schedules.delete("s")
    await is_busy(False)
