"""Templates, estimates, previews and graphs: in this process and across a socket alike."""

import asyncio

import httpx
import pytest

from datagen_nb.core.errors import ConfigurationError, InputError, NotFound
from datagen_nb.core.messages import JobQuery
from datagen_nb.core.plans import Graph
from datagen_nb.core.schedules import ScheduleDraft
from datagen_nb.core.status import State
from datagen_nb.core.templates import TemplateDraft
from datagen_nb.pipelines.built_in import COLUMN_KINDS
from datagen_nb.pipelines.mock import COLUMNS, MADE_UP
from tests.contracts.test_jobs import ended, http, kind, side
from tests.deadline import DEADLINE

__all__ = ["http", "kind", "side"]  # fixtures

WHOLE = {"dataSize": 10, "inputFormat": "csv", "outputFormat": "csv", "inputPath": "in.csv"}


async def test_a_template_goes_round_and_a_job_comes_from_it(side):
    """Put, read, list, submit, delete."""
    templates = side.jobs.templates
    draft = TemplateDraft(description="each night", configuration=WHOLE | {"tags": ["a"]})

    put = await templates.put("nightly-1.0", draft)
    again = await templates.put("nightly-1.0", TemplateDraft(configuration={"dataSize": 3}))
    job = await templates.submit("nightly-1.0", {"name": "x"}, idempotency_key="k", version=1)

    assert (put.version, again.version) == (1, 2)
    assert await templates.get("nightly-1.0", 1) == put
    assert (await templates.list()).templates == (again,)
    assert (await templates.versions("nightly-1.0", limit=1)).next_cursor is not None
    config = await side.jobs.configuration(job.job_id)
    assert (config.name, config.tags, config.data_size) == ("x", ("a",), 10)
    await templates.delete("nightly-1.0")
    with pytest.raises(NotFound):
        await templates.get("nightly-1.0")


async def test_a_job_of_a_graph_learns_from_what_another_makes(side):
    """By the other's name, which it follows by itself; of several parts as of one."""
    first = WHOLE | {"dataSize": 100, "parameters": {"partRows": 30}}
    second = WHOLE | {"dataSize": 5, "inputBucket": "jobs", "inputPath": "first"}
    graph = Graph(jobs={"second": second, "first": first})

    made = await side.jobs.plans.create_many(graph, idempotency_key="g")

    jobs = made.jobs
    config = await side.jobs.configuration(jobs["second"].job_id)
    assert (config.input_path, config.after) == (jobs["first"].job_id, (jobs["first"].job_id,))
    done = await ended(side.jobs, jobs["second"].job_id)
    assert done.status is State.COMPLETED, done.error
    found = await side.jobs.plans.inspect(config)
    assert found.rows == 100


async def test_a_result_is_read_by_its_own_customer_and_as_what_it_is(side):
    """A job that is not there, and another format than it wrote, are refused at once."""
    done = await side.jobs.create(side.config(output_format="csv"), idempotency_key="first")
    of_result = {"input_bucket": "jobs", "input_path": done.job_id}

    with pytest.raises(ConfigurationError, match="inputFormat") as refused:
        await side.jobs.create(
            side.config(**of_result, input_format="parquet"), idempotency_key="second"
        )
    assert "csv" in refused.value.problems[0].remedy
    with pytest.raises(ConfigurationError, match="has to be the id of a job of yours"):
        await side.jobs.create(
            side.config(input_bucket="jobs", input_path="j_0000000000000000"),
            idempotency_key="third",
        )


@pytest.mark.parametrize("name", ["a/b", "..", "a b", "%2e", "x" * 80])
async def test_an_odd_name_of_a_template_is_refused(side, name):
    """However it is spelled on the way."""
    with pytest.raises((ConfigurationError, NotFound)):
        await side.jobs.templates.put(name, TemplateDraft(configuration={"dataSize": 3}))


async def test_an_open_template_tells_every_gap(side):
    """Nothing is submitted."""
    await side.jobs.templates.put("t", TemplateDraft(configuration={"dataSize": 3}))

    with pytest.raises(ConfigurationError) as caught:
        await side.jobs.templates.submit("t", {"dataSize": 0}, idempotency_key="k")

    fields = {problem.field for problem in caught.value.problems}
    assert "dataSize" in fields


async def test_a_schedule_goes_round(side):
    """Put, read, list, replace, delete."""
    schedules = side.jobs.schedules
    draft = ScheduleDraft(cron="0 6 1 1 *", zone="Europe/Berlin", configuration=WHOLE)

    put = await schedules.put("yearly", draft)

    assert len(put.next_runs) == 5
    assert await schedules.get("yearly") == put
    assert (await schedules.list()).schedules == (put,)
    off = await schedules.put("yearly", draft.model_copy(update={"enabled": False}))
    assert (off.next_runs, off.created_time) == ((), put.created_time)
    await schedules.delete("yearly")
    with pytest.raises(NotFound):
        await schedules.get("yearly")


async def test_a_schedule_that_cannot_run_is_refused(side):
    """With every problem."""
    draft = ScheduleDraft(cron="0 6 31 2 *", zone="Bonn", configuration={"dataSize": 1})

    with pytest.raises(ConfigurationError) as caught:
        await side.jobs.schedules.put("s", draft)

    assert {"cron", "zone", "inputPath"} <= {problem.field for problem in caught.value.problems}


async def test_an_estimate_is_a_range(side):
    """Of bytes and of seconds; its basis is reported."""
    estimated = await side.jobs.plans.estimate(side.config(data_size=1_000))

    assert estimated.rows == 1_000
    assert 0 < estimated.bytes_low < estimated.bytes_high
    assert 0 < estimated.seconds_low < estimated.seconds_high
    assert estimated.basis == "prior"
    assert estimated.cost is None


async def test_a_job_keeps_its_estimate_and_the_truth_beside_it(side):
    """From the submit on, and after the end."""
    submitted = await side.jobs.create(side.config(), idempotency_key="k")
    done = await ended(side.jobs, submitted.job_id)

    assert submitted.estimate is not None
    assert submitted.estimate.actual_bytes is None
    assert done.estimate.actual_bytes == done.metadata.output_size
    assert done.estimate.actual_seconds == done.metadata.processing_time


async def test_an_input_that_is_not_there_has_no_estimate_and_no_preview(side):
    """The same error as a submit's."""
    missing = side.config(input_path="no.csv")

    for ask in (side.jobs.plans.estimate, side.jobs.plans.inspect, side.jobs.plans.preview):
        with pytest.raises(InputError) as caught:
            await ask(missing)
        assert caught.value.code == "input_not_found"


async def test_a_preview_shows_rows_and_their_types(side):
    """As many as asked for, twenty at most; the mock says that it made them up."""
    seen = await side.jobs.plans.preview(side.config(data_size=100))
    few = await side.jobs.plans.preview(side.config(data_size=3))

    assert len(seen.rows) == 20
    assert len(few.rows) == 3
    assert {len(row) for row in seen.rows} == {len(seen.columns)} == {COLUMNS}
    assert seen.notes == (MADE_UP,)
    assert (await side.jobs.history(JobQuery())).jobs == ()


async def test_an_inspection_tells_what_the_table_is(side):
    """The same in this process and across the wire."""
    seen = await side.jobs.plans.inspect(side.config())

    assert seen.rows >= seen.looked_at > 0
    assert len(seen.sample[0]) == len(seen.columns) > 0
    assert all(column.kind in COLUMN_KINDS for column in seen.columns)


async def test_a_graph_is_submitted_in_its_order(side):
    """Names become ids; the same graph under the same key is the same jobs."""
    graph = Graph(
        jobs={
            "last": WHOLE | {"after": ["left", "right"]},
            "left": WHOLE | {"after": ["first"]},
            "right": WHOLE | {"after": ["first"], "afterFailure": "run"},
            "first": WHOLE,
        }
    )

    made = await side.jobs.plans.create_many(graph, idempotency_key="g")
    again = await side.jobs.plans.create_many(graph, idempotency_key="g")

    ids = {name: status.job_id for name, status in made.jobs.items()}
    assert list(ids) == ["last", "left", "right", "first"]
    assert {name: status.job_id for name, status in again.jobs.items()} == ids
    last = await side.jobs.configuration(ids["last"])
    assert last.after == (ids["left"], ids["right"])
    async with asyncio.timeout(DEADLINE):
        done = [await ended(side.jobs, job_id) for job_id in ids.values()]
    assert {one.status for one in done} == {State.COMPLETED}


async def test_a_graph_with_a_circle_or_a_broken_rule_submits_nothing(side):
    """Every problem of every job, by its name; the circle is named."""
    broken = Graph(jobs={"a": WHOLE, "b": WHOLE | {"dataSize": 0}, "c": {"inputPath": "x"}})
    circle = Graph(jobs={"a": WHOLE | {"after": ["b"]}, "b": WHOLE | {"after": ["a"]}})

    with pytest.raises(ConfigurationError) as caught:
        await side.jobs.plans.create_many(broken, idempotency_key="g")
    with pytest.raises(ConfigurationError, match="a → b → a"):
        await side.jobs.plans.create_many(circle, idempotency_key="h")

    assert {problem.field for problem in caught.value.problems} == {
        "b.dataSize",
        "c.dataSize",
        "c.inputFormat",
        "c.outputFormat",
    }
    assert (await side.jobs.history(JobQuery())).jobs == ()


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 30, b'"x"', b"null"])
@pytest.mark.parametrize(
    "route",
    [
        "POST /v1/estimates",
        "POST /v1/inspections",
        "POST /v1/previews",
        "POST /v1/graphs",
        "PUT /v1/templates/t",
        "POST /v1/templates/t/jobs",
        "PUT /v1/schedules/s",
    ],
)
async def test_a_body_that_is_no_json_object_is_the_callers_mistake(http, route, body):
    """And is reported as one, whatever it breaks."""
    method, path = route.split()
    transport = httpx.AsyncHTTPTransport(uds=http.socket)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
        answer = await client.request(method, path, content=body, headers=headers)

    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_configuration"
