"""What the browser asks of a history."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from datagen_nb.core.messages import Sort
from datagen_nb.core.status import State
from datagen_nb.core.wire_model import Instant
from datagen_nb.ui.actions import Action, JobId, JobIds, Text
from datagen_nb.ui.snapshots import Period


class HistoryButton(Action):
    """Show all jobs or another page, or close what is below."""

    action: Literal["everything", "next", "previous", "close"]


class HistoryStates(Action):
    """Show jobs in these states; none means all."""

    action: Literal["status"]
    states: tuple[State, ...]


class HistoryText(Action):
    """Show jobs with these words."""

    action: Literal["text"]
    text: Annotated[str, Field(max_length=200)]


class HistoryPeriod(Action):
    """Show jobs that were submitted in this time."""

    action: Literal["period"]
    period: Period
    since: Instant | None = None
    until: Instant | None = None


class HistorySort(Action):
    """Show jobs in another order."""

    action: Literal["sort"]
    by: Sort
    order: Literal["desc", "asc"]


class HistorySelect(Action):
    """Mark these jobs and no others."""

    action: Literal["select"]
    ids: JobIds


class HistoryEnd(Action):
    """End several jobs, or remove them."""

    action: Literal["cancel", "delete"]
    ids: JobIds


class HistoryJob(Action):
    """Do something with one job, or open something of it."""

    action: Literal["pause", "resume", "rerun", "note", "open", "view", "report"]
    id: JobId


class HistoryAnnotate(Action):
    """Write the tags and the note of a job anew."""

    action: Literal["annotate"]
    id: JobId
    tags: Annotated[tuple[Text, ...], Field(max_length=1_000)]
    note: Text


HistoryAction = (
    HistoryButton
    | HistoryStates
    | HistoryText
    | HistoryPeriod
    | HistorySort
    | HistorySelect
    | HistoryEnd
    | HistoryJob
    | HistoryAnnotate
)
HISTORY_ACTIONS: TypeAdapter[HistoryAction] = TypeAdapter(
    Annotated[HistoryAction, Field(discriminator="action")]
)
