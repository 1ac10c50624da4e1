"""What the browser shows of each widget: one frozen value, sent whole each time it changes.

``widgets/src/snapshots.ts`` is made from these classes by ``make golden``; a test fails when it is
out of date. Fields that are ``None`` are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from datagen_nb.core.alerts import Severity
from datagen_nb.core.estimates import Estimate
from datagen_nb.core.limits import RateLimitStatus
from datagen_nb.core.messages import Expiring, Sort
from datagen_nb.core.status import JobStatus, State
from datagen_nb.core.wire_model import Instant, WireModel

Period = Literal["all", "today", "7", "30", "range"]
"""When the jobs of a history were submitted; a number is the last days."""

Step = Literal["data", "make", "columns", "output", "review"]
"""Of a wizard."""


class ReportSummary(WireModel):
    """What a card shows of a report; ``fidelity`` is 0 to 1."""

    fidelity: float
    privacy: str
    level: Literal["ok", "caution", "bad", "unknown"]


class CardSnapshot(WireModel):
    """One job.

    Attributes:
        status: Its newest status.
        title: What people call it.
        format: Label of the result's format.
        output_path: The file that was asked for.
        cooldown_until: Of a cancelled job: when the next one starts.
        source: The table.
        seed: Of the rows.
        parameters: As Python, without the seed.
        timeout: Seconds.
        report: Of a completed job.
        model_size: Bytes of the model that a completed job keeps, if it keeps one.
        reruns: Ids of the jobs that Rerun made of it; each has a card below.
        trouble: Why the job is no longer followed.
    """

    status: JobStatus
    title: str
    format: str
    output_path: str | None = None
    cooldown_until: Instant | None = None
    source: str
    seed: int
    parameters: str
    timeout: float
    report: ReportSummary | None = None
    model_size: int | None = None
    reruns: tuple[str, ...] | None = None
    trouble: str | None = None


class HistoryRow(WireModel):
    """One job of a history; ``took`` is seconds, ``size`` bytes, ``fidelity`` 0 to 1."""

    id: str
    status: State
    progress: float
    name: str
    tags: tuple[str, ...]
    note: str
    rows: int
    created: Instant
    ended: Instant | None = None
    took: float | None = None
    size: int | None = None
    fidelity: float | None = None
    source: str | None = None
    place: int | None = None
    starts_after: Instant | None = None
    stage: str | None = None
    expires: Instant | None = None


class HistoryQuery(WireModel):
    """Which jobs a history shows, and in what order."""

    status: tuple[State, ...]
    text: str
    period: Period
    sort: Sort
    order: Literal["desc", "asc"]


class HistorySnapshot(WireModel):
    """One page of jobs.

    Attributes:
        rows: The page.
        counts: Jobs by state.
        total: Jobs of the states that are shown.
        first: Jobs before this page.
        more: Whether there is a page after it.
        query: What was asked for.
        selected: Ids of the jobs that are marked.
        trouble: Why the page may be out of date, or empty.
    """

    rows: tuple[HistoryRow, ...]
    counts: Mapping[State, int]
    total: int
    first: int
    more: bool
    query: HistoryQuery
    selected: tuple[str, ...]
    trouble: str


class DashboardJob(WireModel):
    """A job on the timeline."""

    id: str
    status: State
    name: str
    rows: int
    created: Instant
    started: Instant | None = None
    ended: Instant | None = None


class DashboardFailure(DashboardJob):
    """The job that failed last, and why."""

    words: str


class DashboardAlert(WireModel):
    """An active alert."""

    id: str
    severity: Severity
    message: str
    raised_time: Instant
    acknowledged_time: Instant | None = None


class DashboardWebhook(WireModel):
    """A webhook, and how many of its newest deliveries are in which state."""

    id: str
    host: str
    enabled: bool
    failing_since: Instant | None = None
    reason: str | None = None
    outcomes: Mapping[str, int]


class DashboardSums(WireModel):
    """Sums over the jobs that ended in the period."""

    ended: Mapping[State, int]
    rows: int
    success_share: float | None = None
    median_seconds: float | None = None
    p95_seconds: float | None = None
    retention_days: float
    next_deletion: Instant | None = None
    expiring: tuple[Expiring, ...]


class DashboardHealth(WireModel):
    """How the service is."""

    status: Literal["healthy", "degraded", "unhealthy"]
    message: str | None = None
    version: str


class DashboardFacts(WireModel):
    """Everything on a dashboard, once the service has answered; ``days`` is how far back."""

    days: int
    sums: DashboardSums
    failed: DashboardFailure | None = None
    limits: RateLimitStatus
    health: DashboardHealth
    alerts: tuple[DashboardAlert, ...]
    webhooks: tuple[DashboardWebhook, ...]
    recent: tuple[DashboardJob, ...]


class FormatChoice(WireModel):
    """A format that can be chosen; ``endings`` are of files that can be."""

    name: str
    label: str
    is_text: bool
    endings: tuple[str, ...]


class KindChoice(WireModel):
    """A kind of columns that can be chosen."""

    name: str
    label: str


class WizardChoices(WireModel):
    """What the service's pipeline can read and make, and how."""

    data_type: tuple[str, ...]
    preset: tuple[str, ...]
    column_kind: tuple[KindChoice, ...]
    input_format: tuple[FormatChoice, ...]
    output_format: tuple[FormatChoice, ...]


class WizardProblem(WireModel):
    """A rule that a field breaks; ``field`` is its wire name, dotted for a parameter."""

    field: str
    words: str


class WizardTable(WireModel):
    """The table that was chosen; all but ``label`` once it was inspected.

    Attributes:
        label: What people call it.
        rows: Number of its rows.
        exact: Whether they were counted.
        looked_at: Rows by which the columns were judged.
        size: Bytes.
        columns: Number of its columns.
        notes: What was assumed of the file.
    """

    label: str
    rows: int | None = None
    exact: bool | None = None
    looked_at: int | None = None
    size: int | None = None
    columns: int | None = None
    notes: tuple[str, ...] | None = None


class WizardSnapshot(WireModel):
    """The draft of a job. Columns and rows are asked for: they would be too much to keep.

    Attributes:
        step: The step that is shown.
        config: The draft, in the wire names of ``JobConfiguration``; columns are left out.
        output: Where the result goes, as a person writes it.
        shares_files: Whether the service reads the files of this machine.
        choices: What can be chosen.
        problems: What is wrong.
        revision: Counts how often the table was read.
        inspecting: The label of the table that is being read, or empty.
        trouble: Why it could not be read, or empty.
        table: The table that was chosen.
        code: The cell that submits the same job, once nothing is wrong.
        estimate: What the job will take, once it is known.
        estimate_trouble: Why it is not known.
        job: Id of the job that was submitted.
        alone: Whether nothing can be shown below.
    """

    step: Step
    config: Mapping[str, Any]
    output: str
    shares_files: bool
    choices: WizardChoices
    problems: tuple[WizardProblem, ...]
    revision: int
    inspecting: str
    trouble: str
    table: WizardTable | None = None
    code: str | None = None
    estimate: Estimate | None = None
    estimate_trouble: str | None = None
    job: str | None = None
    alone: bool | None = None


class ComparedColumn(WireModel):
    """A column of two tables; the first of each pair is of the real one.

    Attributes:
        name: Of both.
        nulls: Shares of missing values, 0 to 1.
        distinct: Different values, about.
        distance: How far the distributions are apart, 0 to 1; left out where it is not measured.
    """

    name: str
    nulls: tuple[float, float]
    distinct: tuple[int, int]
    distance: float | None = None


class ComparisonSnapshot(WireModel):
    """Two tables beside each other, which are widgets of their own.

    Attributes:
        titles: Of the real and of the synthetic table.
        columns: That both have, the most different first.
        left_out: Columns that only one of them has, or that are beyond those that are compared.
        is_counting: Whether the differences are of rows that are shown no more.
        trouble: Why the two do not show the same query, or empty.
    """

    titles: tuple[str, str]
    columns: tuple[ComparedColumn, ...]
    left_out: int
    is_counting: bool
    trouble: str
