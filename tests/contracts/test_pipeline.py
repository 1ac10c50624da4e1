"""What every pipeline keeps to: the public suite over each of ours, and what is ours alone."""

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pytest
from distributed import LocalCluster

from datagen_nb.cli.main import main
from datagen_nb.core.changes import Completed
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.errors import ConfigurationError
from datagen_nb.core.pipeline import Pipeline, Task
from datagen_nb.pipelines.local import LocalPipeline
from datagen_nb.pipelines.mock import MockPipeline
from datagen_nb.testing import PipelineSuite, manifest_of
from datagen_nb.testing.pipelines import new_job_id
from tests.firestore_emulator import VARIABLE, project_at
from tests.pipeline_server import PipelineServer


class OurSuite(PipelineSuite):
    """The suite, with parts of a hundred rows."""

    parameters = {"seed": 7, "partRows": 100}  # noqa: RUF012, as documented

    def test_parts_have_the_rows_that_were_asked_for(self, tmp_path: Path) -> None:
        """The last one has the rest; every one has the columns of the manifest's schema."""

        async def check(pipeline: Pipeline, task: Task) -> None:
            await self.attempt(pipeline, task)
            manifest = manifest_of(task)
            assert [part.rows for part in manifest.parts] == [100] * 6 + [50]
            tables = [
                pa.csv.read_csv(pa.BufferReader(task.bucket.get(part.name)))
                for part in manifest.parts
            ]
            schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(manifest.arrow_schema)))
            assert {tuple(table.schema.names) for table in tables} == {tuple(schema.names)}
            whole = pa.csv.read_csv(task.config.output_path)
            assert whole.equals(pa.concat_tables(tables))

        self._run(check, tmp_path)


class TestMock(OurSuite):
    """The scripted one."""

    async def make_pipeline(self) -> Pipeline:
        return MockPipeline("succeeds", speed=10_000, seed=0, clock=SystemClock())


class FittingSuite(OurSuite):
    """Of those that fit a model: it stays, and another job can take it."""

    def test_a_model_makes_the_rows_of_its_job_again(self, tmp_path: Path) -> None:
        """The same bytes, and its copy is the same, though the table is gone."""

        async def check(pipeline: Pipeline, task: Task) -> None:
            task = replace(task, config=task.config.model_copy(update={"output_path": ""}))
            await self.attempt(pipeline, task)
            Path(task.config.input_path).unlink()
            of_model = {"input_bucket": "models", "input_path": task.job_id}
            config = task.config.model_copy(update=of_model)
            again = replace(task, job_id=new_job_id(), config=config, source=task.bucket)
            await pipeline.check(config)

            signals = await self.attempt(pipeline, again)

            assert isinstance(signals[-1], Completed), signals[-1]
            first, second = manifest_of(task), manifest_of(again)
            assert [one.sha256 for one in first.parts] == [one.sha256 for one in second.parts]
            assert first.model is not None
            assert second.model is not None
            assert first.model.sha256 == second.model.sha256

        self._run(check, tmp_path)

    def test_a_job_of_a_model_cannot_say_how_to_fit_one(self, tmp_path: Path) -> None:
        """It is refused before it is a job."""

        async def check(pipeline: Pipeline, task: Task) -> None:
            chosen = {"input_bucket": "models", "parameters": {"columns": {"a": "id"}}}
            with pytest.raises(ConfigurationError, match="when the model was fitted"):
                await pipeline.check(task.config.model_copy(update=chosen))

        self._run(check, tmp_path)


class TestRemote(FittingSuite):
    """One in another process, over HTTP: the local one behind the reference server."""

    server: PipelineServer

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _server(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
        base = tmp_path_factory.getbasetemp()
        with PipelineServer(tmp_path_factory.mktemp("server"), base) as cls.server:
            yield

    async def make_pipeline(self) -> Pipeline:
        return self.server.connect()

    def test_the_integration_plan_holds(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Each of its points, of a server in another process."""
        monkeypatch.setenv("DATAGEN_PIPELINE_KEY", self.server.key)
        home = ["--home", str(tmp_path / "home")]
        status = main(["check-pipeline", self.server.url, "--bucket", str(tmp_path), *home])
        output = capsys.readouterr().out
        assert output.endswith("all points hold\n"), output
        assert status == 0


class TestLocal(FittingSuite):
    """The one of this machine."""

    async def make_pipeline(self) -> Pipeline:
        pipeline = LocalPipeline()
        await pipeline.warm()
        return pipeline


class TestDask(FittingSuite):
    """The one of this machine, whose parts are made by a Dask cluster."""

    parameters = {**OurSuite.parameters, "engine": "dask"}  # noqa: RUF012, as documented
    address: str

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _cluster(cls, dask_cluster: LocalCluster) -> None:
        cls.address = dask_cluster.scheduler_address

    async def make_pipeline(self) -> Pipeline:
        pipeline = LocalPipeline(dask=self.address)
        await pipeline.warm()
        return pipeline


def test_keys_of_a_served_pipeline_are_in_the_store_of_the_settings(
    tmp_path: Path, firestore_emulator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that ``datagen-nb keys`` makes there let in; its home has no database."""
    monkeypatch.setenv(VARIABLE, firestore_emulator)
    monkeypatch.setenv("DATAGEN_STORE", f"firestore://{project_at(tmp_path)}")

    async def health(server: PipelineServer) -> str:
        pipeline = server.connect()
        try:
            return (await pipeline.check_health()).status
        finally:
            await pipeline.aclose()

    with PipelineServer(tmp_path, tmp_path) as server:
        assert asyncio.run(health(server)) == "healthy"
        assert not server.home.database.exists()
