"""A pipeline that is none of ours: described, connected to, and tested by the public suite."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import datagen_nb as dg
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.errors import ArgumentError, ConfigurationError
from datagen_nb.core.pipeline_info import PipelineInfo, StageInfo
from datagen_nb.pipelines.mock import MockPipeline

FRAME = pd.DataFrame({"price": [1.5, 2.0, 3.5], "cut": ["a", "b", "a"]})

INFO = PipelineInfo(
    name="own",
    version="3",
    stages=(
        *(StageInfo(name=name, seconds=1) for name in ("validate", "read", "fit", "generate")),
        *(StageInfo(name=name, seconds=1) for name in ("write",)),
    ),
    parameters={"learningRate": {"type": "number", "minimum": 0, "maximum": 1}},
    output_formats=("csv",),
    presets=("neural",),
    max_rows=1_000,
)


class OwnPipeline(MockPipeline):
    """Makes rows up as the mock does, and describes itself otherwise; it has no stage report."""

    def __init__(self) -> None:
        super().__init__("succeeds", speed=1_000, seed=0, clock=SystemClock())
        self.is_closed = False

    async def describe(self) -> PipelineInfo:
        return INFO

    async def aclose(self) -> None:
        self.is_closed = True


def test_any_pipeline_can_be_connected_to():
    """Its jobs run as ours do; it is closed with the client."""
    pipeline = OwnPipeline()
    with dg.connect(pipeline=pipeline) as client:
        job = client.submit(FRAME, rows=20, parameters={"learning_rate": 0.5})
        assert len(job.result().to_pandas()) == 20
        assert job.configuration.parameters == {"learningRate": 0.5}
        assert [stage.name for stage in job.status.stages][:5] == [s.name for s in INFO.stages]
        assert client.pipeline() == INFO
    assert pipeline.is_closed


async def test_any_pipeline_can_be_connected_to_asynchronously():
    """By the same argument."""
    async with dg.AsyncClient.connect(pipeline=OwnPipeline()) as client:
        job = await client.submit(FRAME, rows=20)
        assert len(await (await job.result()).to_pandas()) == 20


def test_a_stage_that_it_has_not_described_is_shown_and_warned_of():
    """The mock plays six stages, and five are described."""
    with dg.connect(pipeline=OwnPipeline()) as client:
        job = client.submit(FRAME, rows=20)
        job.result()
        assert [stage.name for stage in job.status.stages][5:] == ["report"]
        assert any("'report'" in warning for warning in job.status.warnings)
        assert job.status.progress == 100


def test_its_own_rules_hold_and_ours_do_not():
    """Parameters, formats and rows; all problems at once, as a caller writes the names."""
    with dg.connect(pipeline=OwnPipeline()) as client:
        with pytest.raises(ConfigurationError) as caught:
            client.submit(
                FRAME,
                rows=2_000,
                format="parquet",
                timeout=-1,
                parameters={"learning_rate": 2, "sample_rows": 500, "learning_rat": 1},
            )
        assert {problem.field for problem in caught.value.problems} == {
            "rows",
            "format",
            "timeout",
            "parameters.learning_rate",
            "parameters.sample_rows",
            "parameters.learning_rat",
        }
        config = client.configure(FRAME, rows=20)
        bad = config.model_copy(update={"parameters": {"learningRate": 2, "seed": 1}})
        with pytest.raises(ConfigurationError, match=r"learningRate.*\n.*parameters\.seed"):
            client.submit(bad)
        with pytest.raises(ConfigurationError, match="learningRate"):
            client.estimate(bad)
        job = client.submit(config)
        with pytest.raises(ConfigurationError, match=r"parameters\.learning_rate"):
            job.rerun(parameters={"learning_rate": 7})


def test_a_wizard_offers_what_it_describes():
    """And refuses what it does not know."""
    with dg.connect(pipeline=OwnPipeline()) as client:
        wizard = dg.wizard(client)
        choices = wizard._snapshot()["choices"]
        formats = {
            name: [one["name"] for one in choices.pop(name)]
            for name in ("inputFormat", "outputFormat")
        }
        assert {name: list(values) for name, values in choices.items()} == {
            "columnKind": [],
            "dataType": ["tabular"],
            "preset": ["neural"],
        }
        assert formats == {"inputFormat": list(INFO.input_formats), "outputFormat": ["csv"]}
        with pytest.raises(ConfigurationError, match="Known are learning_rate"):
            wizard.update(parameters={"sample_rows": 500})


@pytest.mark.parametrize("given", [{"target": "mock"}, {"home": "somewhere"}, {"restart": True}])
def test_a_pipeline_of_ones_own_goes_with_no_other_service(given):
    """It runs in this process; an address or a home would be left out without a word."""
    with pytest.raises(ArgumentError, match="pipeline"):
        dg.connect(**given, pipeline=OwnPipeline())


SUITE = """
from datagen_nb.core.clock import SystemClock
from datagen_nb.pipelines.mock import MockPipeline
from datagen_nb.testing import PipelineSuite


class TestGood(PipelineSuite):
    async def make_pipeline(self):
        return MockPipeline("succeeds", speed=10_000, seed=0, clock=SystemClock())


class TestBad(PipelineSuite):
    async def make_pipeline(self):
        return MockPipeline("fails_at_stage", speed=10_000, seed=0, clock=SystemClock())
"""


def test_the_suite_of_pipelines_can_be_run_by_anyone(tmp_path: Path):
    """With pytest and no plugin; a pipeline that does not do its work fails it."""
    (tmp_path / "test_mine.py").write_text(SUITE)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:asyncio", "-p", "no:xdist"]

    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", ".", "test_mine.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1, done.stdout + done.stderr
    assert "TestGood" not in done.stdout
    assert "TestBad::test_a_run_goes_through_its_stages_and_completes" in done.stdout
    assert "TestBad::test_a_pipeline_reports_its_health" not in done.stdout


def test_the_suite_needs_no_pytest_to_be_imported():
    """What is imported for its classes must not ask for a test runner."""
    program = "import sys, datagen_nb.testing; sys.exit('pytest' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
