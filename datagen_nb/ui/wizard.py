"""The wizard: a job's configuration step by step, with what would come of it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, assert_never, get_args

import traitlets

from datagen_nb.client.sync import Client, Job
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ConfigurationError, DatagenError, InputError
from datagen_nb.core.estimates import Estimate
from datagen_nb.core.inspection import Inspection
from datagen_nb.core.places import short
from datagen_nb.pipelines.built_in import kinds_of
from datagen_nb.ui import candidates
from datagen_nb.ui.actions import BadRequest, read_action
from datagen_nb.ui.card import JobCard
from datagen_nb.ui.draft import (
    SelectedSource,
    choices_of,
    code_of,
    edited,
    fields_of,
    fields_of_arguments,
    problems_of,
    target_of,
    with_kind,
    with_source,
)
from datagen_nb.ui.protocol import Request
from datagen_nb.ui.snapshots import Step, WizardProblem, WizardSnapshot
from datagen_nb.ui.source_table import SourceTable, cell, how_read
from datagen_nb.ui.static_html import draft_html, draft_text
from datagen_nb.ui.upload_session import UploadSession
from datagen_nb.ui.widget import WidgetBase, run_in_thread
from datagen_nb.ui.wizard_actions import (
    WIZARD_ACTIONS,
    WizardBegin,
    WizardButton,
    WizardChunk,
    WizardColumn,
    WizardColumns,
    WizardEdit,
    WizardFrame,
    WizardOutput,
    WizardPath,
    WizardStep,
)

if TYPE_CHECKING:
    from datagen_nb.client.inputs import Source

STEPS: tuple[Step, ...] = get_args(Step)

PREVIEWED_COLUMNS = 40
PREVIEWED_ROWS = 8


class Wizard(WidgetBase):
    """Leads from a table to a submitted job, step by step.

    Args:
        client: Where the job goes.
        start: A configuration, or a job whose configuration is taken, to begin with.

    Attributes:
        config: The draft, wire names, right or wrong; setting it restores a draft.
        step: Which is shown, one of ``STEPS``.
        status: ``draft``, then the state of the job that was submitted last.
        job: That job.

    Example:
        ```python
        wizard = dg.wizard(client)
        wizard  # one clicks; then
        wizard.job.result().to_pandas()
        ```
    """

    config = traitlets.Dict()
    step = traitlets.Enum(STEPS, default_value=STEPS[0])
    status = traitlets.Unicode("draft")

    def __init__(self, client: Client, start: JobConfiguration | Job | None = None) -> None:
        self.client = client
        self.job: Job | None = None
        self._table = SourceTable(client.asynchronous)
        self._inspected: tuple[Any, ...] | None = None
        self._estimated: JobConfiguration | None = None
        self._estimate: Estimate | None = None
        self._estimate_trouble: str | None = None
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self._upload: UploadSession | None = None
        self._is_scheduled = False
        self._pipeline = client.pipeline()
        super().__init__("wizard", client.portal, {})
        if isinstance(start, Job):
            start = start.configuration
        self._portal.call(
            self._start_with({"parameters": {}} if start is None else fields_of(start))
        )
        self.start_task(self._stay_alive())

    async def _start_with(self, draft: dict[str, Any]) -> None:
        self.config = draft
        self._update()

    async def _stay_alive(self) -> None:
        """Send heartbeats for as long as the buttons may be pressed."""
        await asyncio.Event().wait()

    @property
    def configuration(self) -> JobConfiguration:
        """The configuration that would be submitted.

        Raises:
            ConfigurationError: With everything that is still wrong with the draft.
        """
        if problems := problems_of(self.config, self._pipeline):
            raise ConfigurationError(list(problems))
        return JobConfiguration.model_validate(self.config)

    @property
    def inspection(self) -> Inspection | None:
        """What the table is, once it was looked at."""
        return self._table.inspection

    def code(self) -> str:
        """The Python of a cell that submits the same."""
        return code_of(self.configuration, self._table.choice(self.config))

    def update(self, **arguments: Any) -> None:
        """Change the draft, in the words of ``Client.submit``: ``rows``, ``seed``, ``output`` ….

        ``columns`` maps names to kinds. ``None`` takes a choice back.
        """
        self.config = edited(
            self.config,
            fields_of_arguments(arguments, self._pipeline, shares_files=self._shares_files),
        )

    def use(self, source: Source) -> None:
        """Choose the table to train on, a path, a DataFrame or a pyarrow Table, and inspect it.

        Raises:
            InputError: It is not there or cannot be read.
        """
        names = candidates.namespace().items()
        name = next((name for name, value in names if value is source and name[0] != "_"), "")
        self._portal.call(self._use_and_inspect(source, name))

    def submit(self) -> Job:
        """Submit the draft as the button does; its card opens below.

        Raises:
            ConfigurationError: Something is still wrong with the draft.
            DatagenError: The service refuses it.
        """
        return self._portal.call(self._submit())

    @property
    def _shares_files(self) -> bool:
        return self.client.asynchronous.shares_files

    @traitlets.observe("config", "step")
    def _changed(self, _change: Any) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self._portal.loop.call_soon_threadsafe(self._update)

    def _update(self) -> None:
        """Show the draft as it is, and find out what follows from it."""
        self._is_scheduled = False
        problems = problems_of(self.config, self._pipeline)
        table = how_read(self.config, {problem.field for problem in problems})
        if table != self._inspected:
            self._inspected = table
            self._table.reset("" if table is None else self._table.choice(self.config).label)
            if table is not None:
                self._restart_task("inspect", self._inspect())
        elif not problems and not self._table.inspecting:
            config = self.configuration
            if self._estimated != config:
                self._restart_task("estimate", self._update_estimate(config))
        self.set_snapshot(self._snapshot())

    def _restart_task(self, what: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Begin work in place of the same work for an older draft."""
        if what in self._tasks:
            self._tasks[what].cancel()
        self._tasks[what] = asyncio.ensure_future(work)
        return self._tasks[what]

    async def _inspect(self) -> None:
        await self._table.inspect(self.config)
        found = self._table.inspection
        if found is not None and "dataSize" not in self.config:
            self.config = edited(self.config, {"dataSize": max(found.rows, 1)})
        self._update()

    async def _update_estimate(self, config: JobConfiguration) -> None:
        estimate, trouble = None, None
        try:
            estimate = await self.client.asynchronous.estimate(config)
        except DatagenError as error:
            trouble = str(error)
        self._estimated, self._estimate, self._estimate_trouble = config, estimate, trouble
        self.set_snapshot(self._snapshot())

    def _snapshot(self) -> dict[str, Any]:
        fields = self.config
        problems = problems_of(fields, self._pipeline)
        parameters = {
            key: value for key, value in fields.get("parameters", {}).items() if key != "columns"
        }
        source = self._table.choice(fields)
        code, estimate, trouble = None, None, None
        if not problems:
            config = JobConfiguration.model_validate(fields)
            code = code_of(config, source)
            if self._estimated == config:
                estimate, trouble = self._estimate, self._estimate_trouble
        return WizardSnapshot(
            step=self.step,
            config={**fields, "parameters": parameters},
            output=short(fields.get("outputBucket", ""), str(fields.get("outputPath", ""))),
            shares_files=self._shares_files,
            choices=choices_of(self._pipeline),
            problems=tuple(
                WizardProblem(field=one.field, words=f"It {one.rule}. {one.remedy}")
                for one in problems
            ),
            revision=self._table.revision,
            inspecting=self._table.inspecting,
            trouble=self._table.trouble,
            table=self._table.facts(source.label) if fields.get("inputPath") else None,
            code=code,
            estimate=estimate,
            estimate_trouble=trouble,
            job=None if self.job is None else self.job.id,
            alone=None if self.job is None else self._is_bare,
        ).to_wire()

    async def act(self, request: Request) -> Any:
        """Do what the browser asks."""
        match read_action(WIZARD_ACTIONS, request, widget="wizard"):
            case WizardStep(to=step):
                self.step = step
            case WizardEdit(changes=changes):
                self.config = edited(self.config, changes.to_wire())
            case WizardOutput(path=path):
                self.config = edited(self.config, target_of(path, shares_files=self._shares_files))
            case WizardColumn(name=name, kind=kind):
                self.config = with_kind(self.config, name, kind)
            case WizardColumns(start=start, search=search):
                kinds = kinds_of(self.config.get("parameters", {}).get("columns", {}))
                return self._table.page(start, search, kinds)
            case WizardPath(path=path):
                await self._use(path, "")
            case WizardFrame(name=name):
                await self._use_frame(name)
            case WizardBegin() as begin:
                return await self._begin(begin)
            case WizardChunk(offset=offset):
                return await self._chunk(offset, request.buffers)
            case WizardButton() as button:
                return await self._press(button)
        return None

    async def _press(self, button: WizardButton) -> Any:
        match button.action:
            case "candidates":
                return await asyncio.to_thread(candidates.candidates)
            case "preview":
                return await self._restart_task("preview", self._preview())
            case "stop":
                if "preview" in self._tasks:
                    self._tasks["preview"].cancel()
            case "limits":
                return (await self.client.asynchronous.limits()).to_wire()
            case "submit":
                await self._submit()
            case unknown:
                assert_never(unknown)
        return None

    async def _use(self, source: Source, name: str) -> None:
        self._leave_unread()
        parameters = self.config.get("parameters", {})
        placed, selected = await self._table.place(source, name, parameters)
        self._set_source(placed, selected, name or placed.name)

    def _leave_unread(self) -> None:
        """Another table is tried: one that could not be read is chosen no longer."""
        if self._table.trouble:
            nothing = {"inputBucket": None, "inputPath": None, "inputFormat": None}
            self._table.reset("")
            self._inspected = None
            self.config = edited(self.config, nothing)

    async def _use_and_inspect(self, source: Source, name: str) -> None:
        await self._use(source, name)
        self._update()
        if "inspect" in self._tasks:
            await asyncio.wait([self._tasks["inspect"]])

    async def _use_frame(self, name: str) -> None:
        found = candidates.namespace().get(name)
        if not candidates.is_frame(found):
            raise InputError(
                f"There is no DataFrame {name!r} in this notebook any more. Press Refresh.",
                code="input_not_found",
            )
        await self._use(found, name)

    def _set_source(self, placed: JobConfiguration, selected: SelectedSource, name: str) -> None:
        """Train on another table; what followed from the one before goes."""
        before, found = self._table.choice(self.config), self._table.inspection
        self._table.remember(placed, selected)
        self._inspected = None
        self.config = with_source(self.config, before, found, placed, name)

    async def _preview(self) -> dict[str, Any]:
        """A few rows as the job would make them beside the table's own."""
        made = await self.client.asynchronous.preview(self.configuration)
        names = [str(name) for name in made.columns[:PREVIEWED_COLUMNS]]
        rows = made[names].head(PREVIEWED_ROWS).to_numpy(object)
        more = len(made.columns) - len(names)
        notes = [f"{more:,} more columns are not shown."] if more else []
        return {
            "columns": names,
            "yours": self._table.beside(names),
            "new": [[cell(value) for value in row] for row in rows],
            "notes": [*made.attrs["notes"], *notes],
        }

    async def _begin(self, begin: WizardBegin) -> dict[str, Any]:
        self._leave_unread()
        uploads = self.client.asynchronous.uploads
        self._upload = UploadSession(uploads, begin.name, begin.size, begin.digest)
        return self._use_upload(self._upload, await self._upload.begin())

    async def _chunk(self, offset: int, buffers: Sequence[memoryview]) -> dict[str, Any]:
        if self._upload is None:
            raise BadRequest("No upload was begun: choose the file again.")
        if len(buffers) != 1:
            raise BadRequest("A chunk of an upload came without its bytes: choose the file again.")
        return self._use_upload(self._upload, await self._upload.append(offset, bytes(buffers[0])))

    def _use_upload(self, upload: UploadSession, progress: dict[str, Any]) -> dict[str, Any]:
        """Train on an upload that is whole and whose digest is right."""
        if progress["whole"]:
            self._set_source(*upload.source())
        return progress

    async def _submit(self) -> Job:
        """Submit the draft, and open the job's card."""
        job = Job(await self.client.asynchronous.submit(self.configuration), self.client)
        self.job = job
        card = await run_in_thread(lambda: JobCard(job))
        self.set_below(card)
        self.status = card.status
        card.observe(self._moved, "status")
        self.set_snapshot(self._snapshot())
        return job

    def _moved(self, change: Any) -> None:
        self.status = change.new

    @property
    def is_final(self) -> bool:
        return True  # a draft does not change by itself

    def static_repr(self) -> tuple[str, str]:
        """What is chosen so far."""
        return draft_text(self.snapshot), draft_html(self.snapshot)


def wizard(client: Client, start: JobConfiguration | Job | None = None) -> Wizard:
    """Configure and submit a job step by step.

    Args:
        client: The client to submit with.
        start: A configuration, or a job whose configuration is taken, to begin with.

    Returns:
        A widget; its ``job`` is the job that was submitted last.

    Example:
        ```python
        wizard = dg.wizard(client)
        wizard
        ```
    """
    return Wizard(client, start)
