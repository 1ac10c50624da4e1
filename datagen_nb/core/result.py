"""The quality report of a job, and what its figures say in words."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from datagen_nb.core.distribution import Distribution
from datagen_nb.core.evaluation import Detection, Membership, Utility
from datagen_nb.core.kinds import Scale, scale_of
from datagen_nb.core.wire_model import WireModel

NO_CLOSER = 0.55
SOMEWHAT_CLOSER = 0.62
"""Up to the first bound a ``dcr_share`` is chance, up to the second a reason for caution."""

UNLIKELY, BEYOND = 0.003, 1.1
"""Values that come back count where chance does so in fewer cases, and brings back fewer."""

WEAK_EPSILON = 10
"""Past this, what an outcome says of a row is bounded by so little that it is no protection by
itself."""

PRIVACY_IN_WORDS = {
    "ok": "no closer to your rows than chance",
    "caution": "somewhat closer to your rows than chance",
    "unsure": "perhaps closer to your rows than chance: too few were held back to be sure",
    "bad": "much closer to your rows than chance: some may be copies",
    "unknown": "not checked, too few rows were held back",
}


class ColumnFidelity(WireModel):
    """How similar a column's distribution is.

    Args:
        name: The column.
        kind: Its kind.
        score: 0 to 1.
        metric: What it is measured by.
        distribution: The distributions themselves; of a wide table, those of the 200 columns with
            the lowest scores.
    """

    name: str
    kind: str
    score: float
    metric: str
    distribution: Distribution | None = None


class NotCompared(WireModel):
    """A column that the report has no score for, and the reason."""

    name: str
    reason: str


class PairFidelity(WireModel):
    """How much of the dependence between two columns is kept.

    Args:
        columns: Their names.
        score: 0 as for independent columns, 1 as for other rows of the input.
        metric: ``"correlation similarity"`` or ``"contingency similarity"``.
        dependence: In the input: the rank correlation, or the total variation distance from
            independence.
        dependence_synthetic: The same in the result.
    """

    columns: tuple[str, str]
    score: float
    metric: str
    dependence: float = 0.0
    dependence_synthetic: float = 0.0


class RelationFidelity(WireModel):
    """A relation that was found in the input, and how many rows of the result keep it.

    Args:
        sentence: The relation, such as ``"total = quantity x price"``.
        share_input: Share of the input's rows that keep it, 0 to 1.
        share_synthetic: The same of the result's rows.
        kept: Whether the second is no lower than the first, chance allowed for.
    """

    sentence: str
    share_input: float
    share_synthetic: float
    kept: bool

    @property
    def score(self) -> float:
        """The share that is left of the input's, at most 1."""
        return min(self.share_synthetic / self.share_input, 1.0) if self.share_input else 1.0


class StepFidelity(WireModel):
    """What the row before says of a column, within an entity.

    Args:
        column: The column.
        autocorrelation: In the input: the correlation with the row before; ``None`` for none.
        autocorrelation_synthetic: The same in the result.
        is_monotone: Whether it never falls, or never rises, in the input.
        kept: Whether it is so in the result too, if it is monotone.
    """

    column: str
    autocorrelation: float | None
    autocorrelation_synthetic: float | None
    is_monotone: bool = False
    kept: bool = True


class SeriesFidelity(WireModel):
    """How the rows of a result follow each other, beside those of the input.

    Args:
        entity: The column that identifies each series; ``None`` for one series.
        order: The column that orders their rows.
        entities: Entities of the input's rows.
        entities_synthetic: Entities of the result's.
        length: Rows of an entity, the median.
        length_synthetic: The same in the result.
        repeated: Share of the input's rows with the place in the order of the row before.
        repeated_synthetic: The same share in the result.
        usual_gap: Share of the input's rows at the most frequent distance from the row before.
        usual_gap_synthetic: Share of the result's rows at the same distance.
        in_order: Share of the result's rows that do not come before the row above, of an entity.
        steps: Columns of numbers.
    """

    entity: str | None
    order: str
    entities: int
    entities_synthetic: int
    length: float
    length_synthetic: float
    repeated: float
    repeated_synthetic: float
    usual_gap: float
    usual_gap_synthetic: float
    in_order: float
    steps: tuple[StepFidelity, ...] = ()


class KeyFidelity(WireModel):
    """How the rows of two tables belong together, beside those of the input.

    Args:
        key: As ``orders.customer_id -> customers.id``.
        kept: Share of the result's keys that lead to a row; nulls do not count.
        missing: Share of the input's rows whose key is null.
        missing_synthetic: The same in the result.
        rows: Rows for each row of the other table, the mean.
        rows_synthetic: The same in the result.
        without: Share of the other table's rows without any.
        without_synthetic: The same in the result.
        distance: Largest difference between the shares of the other table's rows with at most so
            many, the Kolmogorov-Smirnov distance.
        pairs: Columns of the one and of the other table that depend on each other, those that
            lost most first.
    """

    key: str
    kept: float
    missing: float
    missing_synthetic: float
    rows: float
    rows_synthetic: float
    without: float
    without_synthetic: float
    distance: float
    pairs: tuple[PairFidelity, ...] = ()


class TableFidelity(WireModel):
    """The figures of one of several tables.

    Args:
        name: Of the table.
        fidelity: As of a report on this table alone, 0 to 1.
        rows_synthetic: Rows of the result that were compared.
        rows_training: Rows of the input that were fitted to.
        rows_held_back: Rows of the input that were not.
        dcr_share: Share of synthetic rows that are closer to a training row than to one that was
            held back; ``None`` if too few were.
    """

    name: str
    fidelity: float
    rows_synthetic: int
    rows_training: int
    rows_held_back: int
    dcr_share: float | None = None


class ReturnedValues(WireModel):
    """How many values of a column came back that point at few rows of the input.

    Args:
        column: The column.
        kind: Its kind.
        values: Distinct values of the input that should not come back: all of an identifier or
            a text, of other kinds those that fewer than ``min_count`` rows have.
        returned: How many of these the result has.
        expected: How many would come back by chance; more than 0 only for numbers and instants.
        chance: The probability that chance brings back so many; 0 for other kinds.
        singletons: How many of the values a single row of the input has; 0 if not all of its rows
            were looked at.
        singletons_returned: How many of these the result has.
        extremes: How many of the values are among the ``min_count`` - 1 lowest or highest rows;
            counted of numbers and instants that are no texts.
        extremes_returned: How many of these the result has.
    """

    column: str
    kind: str
    values: int
    returned: int
    expected: float = 0.0
    chance: float = 0.0
    singletons: int = 0
    singletons_returned: int = 0
    extremes: int = 0
    extremes_returned: int = 0

    @property
    def is_beyond_chance(self) -> bool:
        """Whether more came back than chance explains."""
        return self.returned > BEYOND * self.expected and self.chance < UNLIKELY


class Spending(WireModel):
    """What was spent of a privacy budget on one purpose.

    Args:
        purpose: What was counted or chosen, such as ``"pairs"``.
        rho: In zero-concentrated differential privacy; all add up.
        delta: The probability that it shows a single row outright.
    """

    purpose: str
    rho: float
    delta: float = 0.0


class PrivacyBudget(WireModel):
    """Formal differential privacy of a result, its model and its report.

    Args:
        epsilon: Any outcome is at most exp(epsilon) times as likely with a row as without it, ...
        delta: ... but for this probability.
        rho: What there was to spend.
        spent: On what it was spent.
    """

    epsilon: float
    delta: float
    rho: float
    spent: tuple[Spending, ...]


class Memorisation(WireModel):
    """How much the result memorises the input's rows.

    Args:
        dcr_share: Share of synthetic rows that are closer to a training row than to a held-back
            row; 0.5 is expected of new real rows. ``None`` if too few rows were held back.
        dcr_share_noise: Two standard errors of ``dcr_share``, by how many rows were compared and
            held back.
        exact_row_share: Share of synthetic rows that equal a training row; ``None`` where the rows
            were not compared.
        exact_row_share_expected: The same share of held-back rows, as expected by chance.
        median_distance: Median distance to the closest training row.
        median_distance_expected: The same for held-back rows.
        min_count: A value that fewer rows of the input have is rare.
        returned: Columns with values that should not come back, those with most that did first.
        budget: With ``parameters.epsilon``, what is guaranteed instead of measured: a comparison
            with the rows would break it.
        no_input: Whether the columns were declared, so that there are no rows to memorise.
    """

    dcr_share: float | None = None
    dcr_share_noise: float | None = None
    exact_row_share: float | None = None
    exact_row_share_expected: float | None = None
    median_distance: float | None = None
    median_distance_expected: float | None = None
    min_count: int = 5
    returned: tuple[ReturnedValues, ...] = ()
    budget: PrivacyBudget | None = None
    no_input: bool = False

    @property
    def disclosed(self) -> tuple[ReturnedValues, ...]:
        """The columns of which more values came back than chance explains."""
        return tuple(column for column in self.returned if column.is_beyond_chance)

    @property
    def level(self) -> Literal["ok", "caution", "bad", "unknown"]:
        """What ``dcr_share`` and values that came back show about privacy."""
        if self.no_input:
            return "ok"
        if self.budget is not None:
            return "ok" if self.budget.epsilon <= WEAK_EPSILON else "caution"
        if self._closeness == "bad":
            return "bad"
        if any(scale_of(column.kind) is not Scale.ORDERED for column in self.disclosed):
            return "bad"  # texts do not match by chance, as numbers do
        if self.disclosed:
            return "caution"
        if self.dcr_share is None:
            return "unknown"
        return "ok" if self._closeness == "ok" else "caution"

    def in_words(self) -> str:
        """Whether the rows are closer than unseen rows are, and whether values came back."""
        if self.no_input:
            return "made of a schema, without rows of yours"
        if self.budget is not None:
            found = self.budget
            return (
                f"differentially private with epsilon {found.epsilon:g} and delta {found.delta:g}"
            )
        words = PRIVACY_IN_WORDS[self._closeness]
        if not self.disclosed:
            return words
        count = sum(column.returned for column in self.disclosed)
        columns = f"{len(self.disclosed)} columns" if len(self.disclosed) > 1 else "1 column"
        values = "values that few rows have" if count > 1 else "value that few rows have"
        return f"{words}; {count:,} {values} came back in {columns}"

    @property
    def _closeness(self) -> str:
        if self.dcr_share is None:
            return "unknown"
        if self.dcr_share <= NO_CLOSER:
            return "ok"
        if self.dcr_share - 0.5 <= (self.dcr_share_noise or 0):
            return "unsure"
        return "caution" if self.dcr_share <= SOMEWHAT_CLOSER else "bad"


class Selected(WireModel):
    """What became of the rows that were drawn, where rules or a condition select the result's.

    Args:
        drawn: Rows drawn in the attempt that completed the job.
        kept: Rows of the result among them; the others were dropped.
    """

    drawn: int
    kept: int


class Report(WireModel):
    """Fidelity and memorisation of one result.

    Args:
        fidelity: Mean of ``column_fidelity``, ``pair_fidelity`` and ``relation_fidelity`` (those
            there are), 0 to 1.
        column_fidelity: Mean score of the columns.
        pair_fidelity: How much of the dependence between columns is kept: mean score of the pairs,
            strong dependence weighing more. 0 is what independent columns have, 1 what other rows
            of the input have. ``None`` if no columns depend on each other more than by chance.
        relation_fidelity: Mean share of rows that keep a relation; ``None`` without relations.
        dependence_kept: Slope of the result's rank correlations on the input's: 1 if they are as
            strong. ``None`` without columns of numbers or instants that correlate.
        columns: Scores of the columns.
        not_compared: Columns without a score.
        pairs: Scores of the pairs that depend on each other, those that lost most first; at most
            200.
        relations: The relations found in the input, those that were not kept first.
        series: How the rows follow each other, for the data type timeseries.
        tables: Figures of each of several tables, whose columns have its name before theirs, as
            ``orders.amount``, for the data type relational.
        keys: How the rows of these tables belong together.
        memorisation: How much of the input is memorised.
        detection: The classifier two-sample test, if ``parameters.evaluate`` asks for it.
        utility: Train on synthetic, test on real, if ``parameters.target`` names a column.
        membership: Membership inference, if ``parameters.evaluate`` asks for it.
        rows_synthetic: Rows of the result that were compared.
        rows_training: Rows of the input that the synthesizer was fitted to.
        rows_held_back: Rows of the input that the synthesizer was not fitted to.
        rows_skipped: Lines of the input that could not be read and were left out, as
            ``parameters.badLines`` asked.
        selected: Rows that were drawn and dropped, if rules or a condition select them.
        seconds: Running time by stage.
        notes: Remarks, in sentences.
        of_job: The job that fitted the model and whose rows these figures are of, if it is
            another one.
    """

    fidelity: float
    column_fidelity: float
    pair_fidelity: float | None = None
    relation_fidelity: float | None = None
    dependence_kept: float | None = None
    columns: tuple[ColumnFidelity, ...]
    not_compared: tuple[NotCompared, ...] = ()
    pairs: tuple[PairFidelity, ...]
    relations: tuple[RelationFidelity, ...] = ()
    series: SeriesFidelity | None = None
    tables: tuple[TableFidelity, ...] = ()
    keys: tuple[KeyFidelity, ...] = ()
    memorisation: Memorisation
    detection: Detection | None = None
    utility: Utility | None = None
    membership: Membership | None = None
    rows_synthetic: int
    rows_training: int
    rows_held_back: int
    rows_skipped: int = 0
    selected: Selected | None = None
    seconds: dict[str, float] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()
    of_job: str | None = None

    def measured_in_words(self) -> tuple[str, ...]:
        """What ``parameters.evaluate`` and ``target`` asked for, a text each."""
        found = (self.detection, self.utility, self.membership)
        return tuple(each.in_words() for each in found if each is not None)
