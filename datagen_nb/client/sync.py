"""The client for plain cells: every call is handed to one background thread.

No logic stands here: each method is made from the asynchronous one. The thread's event loop owns
every connection of the kernel, so a cell that computes, or a loop that the notebook runs, never
holds up what is live.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

from datagen_nb.client.async_client import AsyncClient
from datagen_nb.client.async_job import AsyncJob
from datagen_nb.client.dataset import AsyncDataset, AsyncDatasets
from datagen_nb.client.history import AsyncHistory, JobList
from datagen_nb.client.models import AsyncJobModel
from datagen_nb.client.parameters import check_columns
from datagen_nb.client.plain import Plain, plain, plain_iterator, plain_words
from datagen_nb.client.portal import Portal, portal
from datagen_nb.client.resources import Alerts, Schedules, Templates, Uploads, Webhooks
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import DatagenError
from datagen_nb.core.failure import JobFailure
from datagen_nb.core.manifest import Part
from datagen_nb.core.result import Report
from datagen_nb.core.status import JobStatus, Stage
from datagen_nb.core.summary import Summarized, Summary
from datagen_nb.tables.frames import to_pandas

if TYPE_CHECKING:
    import pyarrow as pa


class Views(Protocol):
    """How things look in a notebook; given to a client by who wires it."""

    def card(self, job: Job, mode: str | None = None) -> Any:
        """A live card; see ``Job.card``."""
        ...

    def grid(self, data: Dataset) -> Any:
        """A grid over rows."""
        ...

    def report(self, report: Report) -> Any:
        """A report to read."""
        ...

    def wizard(
        self, client: Client, config: JobConfiguration, step: Literal["data", "review"]
    ) -> Any:
        """A wizard that begins with a configuration, at one of its steps."""
        ...


class Dataset(Plain[AsyncDataset]):
    """The rows that a job generated.

    Parts are fetched when first needed and kept in a temporary directory that goes with this
    object; each is checked against its digest.

    Example:
        ```python
        data = job.result()
        data.to_pandas()
        ```
    """

    instead_of_pickling = AsyncDataset.instead_of_pickling

    def __init__(self, data: AsyncDataset, portal: Portal, views: Views) -> None:
        super().__init__(data, portal)
        self._views = views

    def __repr__(self) -> str:
        return repr(self.asynchronous)

    def __len__(self) -> int:
        return self.num_rows

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self.asynchronous.job_id

    @property
    def num_rows(self) -> int:
        """How many rows there are; ``len(data)`` too."""
        return self.asynchronous.num_rows

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return self.asynchronous.size

    @property
    def format(self) -> str:
        """Format of the parts: ``csv``, ``json``, ``jsonl`` or ``parquet``."""
        return self.asynchronous.format

    @property
    def parts(self) -> Sequence[Part]:
        """The files that the rows lie in, with their sizes and digests."""
        return self.asynchronous.parts

    @property
    def output_path(self) -> str | None:
        """Where the one assembled file lies, if ``output=`` asked for one."""
        return self.asynchronous.output_path

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns."""
        return self.asynchronous.schema

    @property
    def report(self) -> Any:
        """The report on quality and privacy, to read; its fields are those of ``Report``."""
        return self._views.report(self._call(self.asynchronous.report()))

    def __getitem__(self, columns: str | list[str]) -> Any:
        """One column as a pandas Series, or some as a DataFrame."""
        wanted = [columns] if isinstance(columns, str) else list(columns)
        check_columns(wanted, self.schema.names)
        return to_pandas(self.to_arrow().select(wanted))[columns]

    def _ipython_key_completions_(self) -> list[str]:
        return list(self.schema.names)

    def view(self) -> Any:
        """Show the rows in a grid.

        Example:
            ```python
            data.view()
            ```
        """
        return self._views.grid(self)

    read = plain(AsyncDataset.read)
    head = plain(AsyncDataset.head)
    to_arrow = plain(AsyncDataset.to_arrow)
    to_pandas = plain(AsyncDataset.to_pandas)
    iter_batches = plain_iterator(AsyncDataset.iter_batches)
    input_path = plain(AsyncDataset.input_path)
    to_csv = plain(AsyncDataset.to_csv)
    download = plain(AsyncDataset.download)


class Datasets(Plain[AsyncDatasets]):
    """The tables that a job on several tables generated, by name.

    Example:
        ```python
        data = job.result()
        data["orders"].to_pandas()
        ```
    """

    instead_of_pickling = AsyncDatasets.instead_of_pickling

    def __init__(self, data: AsyncDatasets, portal: Portal, views: Views) -> None:
        super().__init__(data, portal)
        self._views = views

    def __repr__(self) -> str:
        return repr(self.asynchronous)

    def __getitem__(self, name: str) -> Dataset:
        """The rows of one table."""
        return Dataset(self.asynchronous[name], self.portal, self._views)

    def __iter__(self) -> Iterator[str]:
        return iter(self.asynchronous)

    def __len__(self) -> int:
        return len(self.asynchronous)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self.tables)

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self.asynchronous.job_id

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables."""
        return self.asynchronous.tables

    @property
    def num_rows(self) -> int:
        """Rows of all tables."""
        return self.asynchronous.num_rows

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return self.asynchronous.size

    @property
    def format(self) -> str:
        """Format of the parts: ``csv``, ``json``, ``jsonl`` or ``parquet``."""
        return self.asynchronous.format

    @property
    def report(self) -> Any:
        """The report on quality and privacy, to read; its fields are those of ``Report``."""
        return self._views.report(self._call(self.asynchronous.report()))

    def view(self) -> Any:
        """Show the rows of the first table in a grid; ``data["orders"].view()`` another's.

        Example:
            ```python
            data.view()
            ```
        """
        return self[self.tables[0]].view()

    to_pandas = plain(AsyncDatasets.to_pandas)
    download = plain(AsyncDatasets.download)


class JobModel(Plain[AsyncJobModel]):
    """The model that a job fitted, kept with the job and deleted with it.

    It holds values of the table that it was fitted to, as categories and ranges of numbers: give
    it to those who may know them.

    Example:
        ```python
        job.model.download("customers.model")
        ```
    """

    instead_of_pickling = AsyncJobModel.instead_of_pickling

    def __repr__(self) -> str:
        return repr(self.asynchronous)

    @property
    def job_id(self) -> str:
        """The job that keeps it."""
        return self.asynchronous.job_id

    size = plain(AsyncJobModel.size)
    download = plain(AsyncJobModel.download)


def _itself(job: Job, _: JobStatus) -> Job:
    return job


def _dataset(job: Job, data: Any) -> Any:
    if isinstance(data, AsyncDatasets):
        return Datasets(data, job.portal, job.client.views)
    return Dataset(data, job.portal, job.client.views)


def _another_job(job: Job, made: AsyncJob) -> Job:
    return Job(made, job.client)


class Job(Plain[AsyncJob]):
    """A job that was submitted; as the last line of a cell it is a live card.

    Example:
        ```python
        job = client.submit("customers.csv", rows=10_000)
        job
        ```
    """

    instead_of_pickling = AsyncJob.instead_of_pickling

    def __init__(self, job: AsyncJob, client: Client) -> None:
        super().__init__(job, client.portal)
        self._client = client

    def __repr__(self) -> str:
        return repr(self.asynchronous)

    def card(self, mode: str | None = None) -> Any:
        """Make a live card, shown as the last line of a cell, in a box, or with ``display``.

        Args:
            mode: ``widget``, with buttons; ``html`` or ``text``, which need no widgets and are
                updated in place. By default as ``DATAGEN_DISPLAY`` says; else ``html`` in
                Colab, where widgets may stand still, and ``widget`` elsewhere.

        Raises:
            ConfigurationError: There is no such mode.

        Example:
            ```python
            job.card("html")
            ```
        """
        return self._client.views.card(self, mode)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.card())  # type: ignore[no-untyped-call]

    def _display_(self) -> Any:
        """What marimo shows."""
        return self.card()

    @property
    def client(self) -> Client:
        """The client that it came from."""
        return self._client

    @property
    def id(self) -> str:
        """The id, as ``j_06CK3M0W2PW2TDNG``."""
        return self.asynchronous.id

    @property
    def name(self) -> str:
        """The name, for people."""
        return self.asynchronous.name

    @property
    def status(self) -> JobStatus:
        """The status now; ``job.status == "completed"`` compares its state."""
        if self.asynchronous.status.status.is_terminal:
            return self.asynchronous.status
        return self._call(self.asynchronous.refresh())

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages in their order, each with its state and progress."""
        return self.status.stages

    @property
    def error(self) -> JobFailure | None:
        """Why it failed, if it did."""
        return self.status.error

    @property
    def configuration(self) -> JobConfiguration:
        """What the job was asked to do."""
        return self._call(self.asynchronous.configuration())

    @property
    def report(self) -> Any:
        """The report on quality and privacy, to read; its fields are those of ``Report``."""
        return self._client.views.report(self._call(self.asynchronous.report()))

    @property
    def model(self) -> JobModel:
        """The model that the job fitted, to download once it has completed."""
        return JobModel(self.asynchronous.model, self.portal)

    def view(self) -> Any:
        """Wait for the job and show its rows in a grid.

        Example:
            ```python
            job.view()
            ```
        """
        return self.result().view()

    wait = plain(AsyncJob.wait, _itself)
    result = plain(AsyncJob.result, _dataset)
    updates = plain_iterator(AsyncJob.updates)
    cancel = plain(AsyncJob.cancel)
    pause = plain(AsyncJob.pause)
    resume = plain(AsyncJob.resume)
    annotate = plain(AsyncJob.annotate)
    delete = plain(AsyncJob.delete)
    rerun = plain(AsyncJob.rerun, _another_job)
    logs = plain(AsyncJob.logs)
    follow_logs = plain_iterator(AsyncJob.follow_logs)

    def __await__(self) -> Generator[Any, None, Any]:
        result = self.portal.start(self.asynchronous.result())
        data = yield from asyncio.wrap_future(result).__await__()
        return _dataset(self, data)

    def watch(self, callback: Callable[[JobStatus], object]) -> Callable[[], None]:
        async def begin() -> Callable[[], None]:
            return self.asynchronous.watch(callback)

        return self.portal.call(begin())

    watch.__doc__ = plain_words(AsyncJob.watch.__doc__ or "")


def _found(history: History, job: AsyncJob) -> Job:
    return Job(job, history.client)


def _found_if_any(history: History, job: AsyncJob | None) -> Job | None:
    return None if job is None else Job(job, history.client)


def _all_found(history: History, jobs: Sequence[AsyncJob]) -> JobList[Job]:
    return JobList(Job(job, history.client) for job in jobs)


class History(Plain[AsyncHistory]):
    """The jobs of this customer.

    Example:
        ```python
        client.jobs.list(status="completed", limit=10)
        ```
    """

    def __init__(self, history: AsyncHistory, client: Client) -> None:
        super().__init__(history, client.portal)
        self.client = client

    get = plain(AsyncHistory.get, _found)
    list = plain(AsyncHistory.list, _all_found)
    page = plain(AsyncHistory.page)
    counts = plain(AsyncHistory.counts)
    running = plain(AsyncHistory.running, _all_found)
    cancel = plain(AsyncHistory.cancel)
    delete = plain(AsyncHistory.delete)
    changes = plain_iterator(AsyncHistory.changes)
    last = plain(AsyncHistory.last, _found_if_any)


def _submitted(client: Client, job: AsyncJob) -> Job:
    return Job(job, client)


def _all_submitted(client: Client, jobs: Mapping[str, AsyncJob]) -> Mapping[str, Job]:
    return {name: Job(job, client) for name, job in jobs.items()}


class Client(Summarized, Plain[AsyncClient]):
    """Submits jobs and finds them again.

    Attributes:
        jobs: The jobs there are.
        templates: Named, versioned configurations.
        schedules: Jobs that run by the clock.
        webhooks: Where the service sends what happens.
        alerts: What needs attention.
        uploads: Inputs that are sent in chunks.
        views: How its things look in a notebook.

    Example:
        ```python
        client = dg.connect()
        job = client.submit("customers.csv", rows=1_000)
        data = job.result()
        ```
    """

    def __init__(self, asynchronous: AsyncClient, views: Views) -> None:
        super().__init__(asynchronous, portal())
        self.views = views
        self.jobs = History(self.asynchronous.jobs, self)
        self.templates = Templates(self.asynchronous.templates, self.portal)
        self.schedules = Schedules(self.asynchronous.schedules, self.portal)
        self.webhooks = Webhooks(self.asynchronous.webhooks, self.portal)
        self.alerts = Alerts(self.asynchronous.alerts, self.portal)
        self.uploads = Uploads(self.asynchronous.uploads, self.portal)

    def _summary(self) -> Summary:
        return self.asynchronous._summary()  # noqa: SLF001, its twin

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def shares_files(self) -> bool:
        """Whether the service reads and writes the files of this machine."""
        return self.asynchronous.shares_files

    close = plain(AsyncClient.aclose)
    submit = plain(AsyncClient.submit, _submitted)
    configure = plain(AsyncClient.configure)
    estimate = plain(AsyncClient.estimate)
    inspect = plain(AsyncClient.inspect)
    preview = plain(AsyncClient.preview)
    submit_template = plain(AsyncClient.submit_template, _submitted)
    submit_graph = plain(AsyncClient.submit_graph, _all_submitted)
    info = plain(AsyncClient.info)
    overview = plain(AsyncClient.overview)
    limits = plain(AsyncClient.limits)
    pipeline = plain(AsyncClient.pipeline)
    set_max_waiting = plain(AsyncClient.set_max_waiting)
    retention_days = plain(AsyncClient.retention_days)
    set_retention_days = plain(AsyncClient.set_retention_days)
    clean_up = plain(AsyncClient.clean_up)


def open_client(connect: Callable[[], Awaitable[AsyncClient]], views: Views) -> Client:
    """Connect on the portal's thread, and only then make the client.

    A connection that fails leaves no half-made client whose ``repr`` would fail in a debugger.

    Args:
        connect: Connects to the service.
        views: How the client's things look in a notebook.

    Raises:
        DatagenError: What ``connect`` raised, with the frames of threads and libraries left out.
    """

    async def connected() -> AsyncClient:
        return await connect()

    try:
        asynchronous = portal().call(connected())
    except DatagenError as error:
        raise error.shortened() from None
    return Client(asynchronous, views)
