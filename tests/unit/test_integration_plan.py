"""The integration test plan finds what a pipeline elsewhere does otherwise than the protocol."""

from pathlib import Path

import httpx
import pytest

from datagen_nb.api.client.session import Session
from datagen_nb.api.server.auth import AuthConfig
from datagen_nb.api.server.pipeline_app import make_pipeline_app
from datagen_nb.buckets.local import LocalBucket
from datagen_nb.buckets.roots import Roots
from datagen_nb.cli.main import main
from datagen_nb.core.access import Caller
from datagen_nb.core.buckets import objects
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.errors import Unauthenticated
from datagen_nb.pipelines.mock import MockPipeline
from datagen_nb.pipelines.remote.calls import PipelineCalls
from datagen_nb.pipelines.remote.plan import IntegrationPlan
from datagen_nb.pipelines.remote.service import PipelineService
from tests.remote_world import NoLog


class OneKey:
    """Knows one caller."""

    async def authenticate(self, headers):
        if headers.get("x-key") != "right":
            raise Unauthenticated("No.")
        return Caller("ann")


async def broken_points(folder: Path, sabotage=lambda service: None) -> dict[str, str]:
    """The points that do not hold of a service of the mock, with why."""
    clock = SystemClock()
    pipeline = MockPipeline("succeeds", speed=40, seed=0, clock=clock)
    service = PipelineService(pipeline, Roots([str(folder)]), clock)
    sabotage(service)
    app = make_pipeline_app(service, AuthConfig(OneKey(), NoLog(), clock))
    calls = []
    for key in ("right", "wrong"):
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://x", headers={"x-key": key}
        )
        calls.append(PipelineCalls(Session(client), clock))
    plan = IntegrationPlan(*calls, folder.as_uri())
    found = {point.name: point.reason async for point in plan.run() if point.reason is not None}
    for each in calls:
        await each.aclose()
    await service.aclose()
    assert list(objects(LocalBucket(folder), "")) == []
    return found


async def test_every_point_holds_of_the_reference_server(tmp_path: Path) -> None:
    """And nothing is left in the bucket."""
    assert await broken_points(tmp_path) == {}


def forgets_to_stop(service: PipelineService) -> None:
    async def pause(*_):
        return True

    service.pause = pause


def runs_anything(service: PipelineService) -> None:
    begin = service._begin

    def forgetful(caller, task, info):
        service._newest.pop((caller, task.job_id), None)
        begin(caller, task, info)

    service._begin = forgetful


@pytest.mark.parametrize(
    ("sabotage", "broken"),
    [
        (forgets_to_stop, {"stops within 2 s when it is paused, and goes on to the same bytes"}),
        (
            runs_anything,
            {
                "makes one run of a submit that is repeated",
                "refuses an attempt that was replaced",
            },
        ),
    ],
)
async def test_what_is_broken_is_found(tmp_path: Path, sabotage, broken: set[str]) -> None:
    """By the points that are about it."""
    found = await broken_points(tmp_path, sabotage)
    assert broken <= set(found)


def test_where_nothing_answers_no_point_holds(tmp_path: Path, capsys, monkeypatch) -> None:
    """The command ends with status 1, and says what it could not reach."""
    monkeypatch.setenv("DATAGEN_PIPELINE_KEY", "dg_secret")
    home = ["--home", str(tmp_path / "home")]
    status = main(["check-pipeline", "http://127.0.0.1:9", "--bucket", str(tmp_path), *home])
    lines = capsys.readouterr().out.splitlines()
    assert status == 1
    assert lines[0].startswith("BAD  describes itself: http://127.0.0.1:9 does not answer")
    assert all(line.startswith("BAD") for line in lines[:-1])
    assert "secret" not in "".join(lines)
