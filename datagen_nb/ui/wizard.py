"""The wizard: a job's configuration step by step, with what would come of it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import traitlets

from datagen_nb.core.config import DATA_TYPES, DEFAULT_BUCKET, PRESETS, JobConfiguration
from datagen_nb.core.errors import ConfigurationError, DatagenError, InputError
from datagen_nb.core.estimates import Estimate
from datagen_nb.core.inspection import Inspection
from datagen_nb.plain_job import Job
from datagen_nb.sync import Client
from datagen_nb.ui import bridge, candidates
from datagen_nb.ui.arriving import Arriving
from datagen_nb.ui.card import JobCard
from datagen_nb.ui.draft import (
    Chosen,
    code_of,
    edited,
    fields_of,
    problems_of,
    said_as_fields,
    short,
    target_of,
)
from datagen_nb.ui.learning_from import HOW_TO_READ, TABLE, LearningFrom, cell
from datagen_nb.ui.static_html import draft_html, draft_text

if TYPE_CHECKING:
    from datagen_nb.inputs import Source

STEPS = ("data", "make", "columns", "output", "review")

PREVIEWED_COLUMNS = 40
PREVIEWED_ROWS = 8


class Wizard(bridge.Panel):
    """Takes somebody from a table to a submitted job.

    Args:
        client: Where the job goes.
        start: A configuration, or a job whose configuration is taken, to begin with.

    Attributes:
        config: The draft, wire names, right or wrong; setting it restores a draft.
        step: Where one stands, one of ``STEPS``.
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
        self._table = LearningFrom(client.asynchronous)
        self._looked: tuple[Any, ...] | None = None
        self._estimate: tuple[JobConfiguration, Estimate | str] | None = None
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self._arriving: Arriving | None = None
        self._telling = False
        super().__init__("wizard", client.portal, {})
        if isinstance(start, Job):
            start = start.configuration
        self._portal.call(
            self._begin_with({"parameters": {}} if start is None else fields_of(start))
        )
        self.follow(self._be_there())

    async def _begin_with(self, draft: dict[str, Any]) -> None:
        self.config = draft
        self._tell()

    async def _be_there(self) -> None:
        """The face beats for as long as somebody may press its buttons."""
        await asyncio.Event().wait()

    @property
    def configuration(self) -> JobConfiguration:
        """The configuration that would be submitted.

        Raises:
            ConfigurationError: With everything that is still wrong with the draft.
        """
        if problems := problems_of(self.config):
            raise ConfigurationError(list(problems))
        return JobConfiguration.model_validate(self.config)

    @property
    def inspection(self) -> Inspection | None:
        """What the table is, once it was looked at."""
        return self._table.inspection

    def code(self) -> str:
        """The Python of a cell that submits the same."""
        return code_of(self.configuration, self._table.choice(self.config))

    def update(self, **said: Any) -> None:
        """Change the draft, in the words of ``Client.submit``: ``rows``, ``seed``, ``output`` ….

        ``columns`` maps names to kinds. ``None`` takes a choice back.
        """
        self.config = edited(self.config, said_as_fields(said, shares_files=self._shares_files))

    def use(self, source: Source) -> None:
        """Choose the table to learn from: a path, a frame, a pyarrow Table; and look at it.

        Raises:
            InputError: It is not there or cannot be read.
        """
        names = candidates.namespace().items()
        name = next((name for name, value in names if value is source and name[0] != "_"), "")
        self._portal.call(self._use_and_look(source, name))

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
        if not self._telling:
            self._telling = True
            self._portal.loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        """Show the draft as it is, and find out what follows from it."""
        self._telling = False
        problems = problems_of(self.config)
        table = self._how_read({problem.field for problem in problems})
        if table != self._looked:
            self._looked = table
            self._table.forget("" if table is None else self._table.choice(self.config).label)
            if table is not None:
                self._instead("look", self._look())
        elif not problems and not self._table.looking:
            config = self.configuration
            if self._estimate is None or self._estimate[0] != config:
                self._instead("estimate", self._foretell(config))
        self.put(self._snapshot())

    def _instead(self, what: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Begin work in place of the same work for an older draft."""
        if what in self._tasks:
            self._tasks[what].cancel()
        self._tasks[what] = asyncio.ensure_future(work)
        return self._tasks[what]

    def _how_read(self, wrong: set[str]) -> tuple[Any, ...] | None:
        """What a look depends on; ``None`` while no table is chosen or this is ``wrong``."""
        fields = self.config
        needed = {*TABLE, *(f"parameters.{name}" for name in HOW_TO_READ)}
        if not fields.get("inputPath") or needed & wrong:
            return None
        parameters = fields.get("parameters", {})
        return (
            *(fields.get(name) for name in TABLE),
            *(parameters.get(name) for name in HOW_TO_READ),
        )

    async def _look(self) -> None:
        await self._table.look(self.config)
        found = self._table.inspection
        if found is not None and "dataSize" not in self.config:
            self.config = edited(self.config, {"dataSize": max(found.rows, 1)})
        self._tell()

    async def _foretell(self, config: JobConfiguration) -> None:
        said: Estimate | str
        try:
            said = await self.client.asynchronous.estimate(config)
        except DatagenError as error:
            said = str(error)
        self._estimate = (config, said)
        self.put(self._snapshot())

    def _snapshot(self) -> dict[str, Any]:
        """Its form is ``widgets/src/wizard/snapshot.ts``; columns and rows are asked for."""
        fields = self.config
        problems = problems_of(fields)
        parameters = {
            key: value for key, value in fields.get("parameters", {}).items() if key != "columns"
        }
        made: dict[str, Any] = {
            "step": self.step,
            "config": {**fields, "parameters": parameters},
            "output": short(fields.get("outputBucket", ""), str(fields.get("outputPath", ""))),
            "sharesFiles": self._shares_files,
            "choices": {"dataType": DATA_TYPES, "preset": PRESETS},
            "problems": [
                {"field": one.field, "words": f"It {one.rule}. {one.remedy}"} for one in problems
            ],
            "revision": self._table.revision,
            "looking": self._table.looking,
            "trouble": self._table.trouble,
        }
        choice = self._table.choice(fields)
        if fields.get("inputPath"):
            made["table"] = {"label": choice.label, **self._table.facts()}
        if not problems:
            config = JobConfiguration.model_validate(fields)
            made["code"] = code_of(config, choice)
            if self._estimate is not None and self._estimate[0] == config:
                said = self._estimate[1]
                made["estimate"] = {"trouble": said} if isinstance(said, str) else said.to_wire()
        if self.job is not None:
            made["job"] = self.job.id
            made["alone"] = self._is_alone
        return made

    async def act(self, request: bridge.Request) -> Any:
        """Do what the browser asks."""
        body = request.body
        match request.action:
            case "step":
                self.step = body["to"]
            case "edit":
                self.config = edited(self.config, body["changes"])
            case "output":
                changes = target_of(body["path"], shares_files=self._shares_files)
                self.config = edited(self.config, changes)
            case "column":
                self._judge(str(body["name"]), body["kind"])
            case "candidates":
                return await asyncio.to_thread(_candidates)
            case "path":
                await self._use(str(body["path"]), "")
            case "frame":
                await self._use_frame(str(body["name"]))
            case "columns":
                kinds = self.config.get("parameters", {}).get("columns", {})
                return self._table.page(int(body["start"]), str(body["search"]), kinds)
            case "preview":
                return await self._instead("preview", self._preview())
            case "stop":
                if "preview" in self._tasks:
                    self._tasks["preview"].cancel()
            case "limits":
                return (await self.client.asynchronous.limits()).to_wire()
            case "begin":
                return await self._begin(body)
            case "chunk":
                return await self._chunk(int(body["offset"]), bytes(request.buffers[0]))
            case "submit":
                await self._submit()
            case action:
                raise ValueError(f"a wizard cannot {action}")
        return None

    def _judge(self, name: str, kind: str | None) -> None:
        """Learn a column as this kind; as the one that was found, if ``None``."""
        kinds = {**self.config.get("parameters", {}).get("columns", {}), name: kind}
        kinds = {name: kind for name, kind in kinds.items() if kind is not None}
        self.config = edited(self.config, {"parameters": {"columns": kinds or None}})

    async def _use(self, source: Source, name: str) -> None:
        parameters = self.config.get("parameters", {})
        placed, chosen = await self._table.place(source, name, parameters)
        self._take(placed, chosen, name or placed.name)

    async def _use_and_look(self, source: Source, name: str) -> None:
        await self._use(source, name)
        self._tell()
        if "look" in self._tasks:
            await asyncio.wait([self._tasks["look"]])

    async def _use_frame(self, name: str) -> None:
        found = candidates.namespace().get(name)
        if not candidates.is_frame(found):
            raise InputError(
                f"There is no frame {name!r} in this notebook any more. Look again.",
                code="input_not_found",
            )
        await self._use(found, name)

    def _take(self, placed: JobConfiguration, chosen: Chosen, name: str) -> None:
        """Learn from another table; what was only so because of the one before goes."""
        fields, before = self.config, self._table.choice(self.config)
        found = self._table.inspection
        self._table.remember(placed, chosen)
        changes: dict[str, Any] = {
            "inputBucket": placed.input_bucket,
            "inputPath": placed.input_path,
            "inputFormat": placed.input_format,
            "parameters": {"columns": None},
        }
        if found is not None and fields.get("dataSize") == found.rows:
            changes["dataSize"] = None
        if fields.get("name", before.name) == before.name or not fields.get("inputPath"):
            changes["name"] = name
        if fields.get("outputFormat") in {before.format, None}:
            changes["outputFormat"] = placed.input_format
        self._looked = None
        self.config = edited(fields, changes)

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

    async def _begin(self, body: Mapping[str, Any]) -> dict[str, Any]:
        uploads = self.client.asynchronous.uploads
        arriving = Arriving(uploads, str(body["name"]), int(body["size"]), str(body["digest"]))
        self._arriving = arriving
        return self._arrived(arriving, await arriving.begin())

    async def _chunk(self, offset: int, data: bytes) -> dict[str, Any]:
        if self._arriving is None:
            raise ValueError("no upload was begun: choose the file again")
        return self._arrived(self._arriving, await self._arriving.append(offset, data))

    def _arrived(self, arriving: Arriving, told: dict[str, Any]) -> dict[str, Any]:
        """Learn from an upload that is whole and whose digest is right."""
        if told["whole"]:
            request, name = arriving.request, PurePath(arriving.name).stem[:200]
            placed = JobConfiguration(
                data_size=1,
                input_bucket=DEFAULT_BUCKET,
                input_path=request.path,
                input_format=request.format,
                output_format=request.format,
            )
            self._take(placed, Chosen(None, name, arriving.name, request.format), name)
        return told

    async def _submit(self) -> Job:
        """Submit the draft, and open the job's card."""
        job = Job(await self.client.asynchronous.submit(self.configuration), self.client)
        self.job = job
        card = await asyncio.to_thread(JobCard, job)
        self.put_below(card)
        self.status = card.status
        card.observe(self._moved, "status")
        self.put(self._snapshot())
        return job

    def _moved(self, change: Any) -> None:
        self.status = change.new
        self.job = change.owner.job  # another after a rerun

    def still(self) -> tuple[str, str]:
        """What is chosen so far."""
        return draft_text(self.face.snapshot), draft_html(self.face.snapshot)


def wizard(client: Client, start: JobConfiguration | Job | None = None) -> Wizard:
    """Configure and submit a job step by step; see ``Wizard``."""
    return Wizard(client, start)


def _candidates() -> dict[str, Any]:
    return {
        "frames": candidates.frames(candidates.namespace()),
        "files": candidates.files(Path.cwd()),
    }
