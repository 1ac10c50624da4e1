"""What a job leaves behind: the manifest of its parts, and the report on its quality."""

from __future__ import annotations

from pydantic import Field

from datagen_nb.core.wire_model import WireModel

NO_CLOSER = 0.55
SOMEWHAT_CLOSER = 0.62
"""Bounds of ``dcr_share`` in words; a few hundredths are chance."""


class Part(WireModel):
    """One object of a result.

    Args:
        name: Its path in the customer's bucket.
        rows: How many it holds.
        size: Bytes.
        sha256: Of its bytes, in hex.
    """

    name: str
    rows: int
    size: int
    sha256: str


class Manifest(WireModel):
    """What makes a result visible: written last, once, and never changed.

    Args:
        job_id: Whose result it is.
        format: Of every part.
        rows: In all parts.
        size: Bytes of all parts.
        parts: In the order of their rows.
        arrow_schema: Base64 of the Arrow IPC schema message of the rows.
        output_path: Where the one assembled file lies, if one was asked for.
    """

    job_id: str
    format: str
    rows: int
    size: int
    parts: tuple[Part, ...]
    arrow_schema: str
    output_path: str | None = None


class ColumnFidelity(WireModel):
    """How alike one column is: ``score`` 0 to 1 by ``metric``."""

    name: str
    kind: str
    score: float
    metric: str


class PairFidelity(WireModel):
    """How alike the relation of two columns is, 0 to 1."""

    columns: tuple[str, str]
    score: float
    metric: str


class Memorisation(WireModel):
    """Whether rows of the input come back.

    Args:
        dcr_share: Share of synthetic rows closer to a training row than to a held-back row;
            0.5 is what fresh real rows would show. ``None`` when too few rows were held back.
        exact_row_share: Share of synthetic rows that equal a training row.
        exact_row_share_expected: The same share among the held-back rows: what chance repeats.
        median_distance: Median distance to the closest training row.
        median_distance_expected: The same of held-back rows.
    """

    dcr_share: float | None = None
    exact_row_share: float
    exact_row_share_expected: float | None = None
    median_distance: float | None = None
    median_distance_expected: float | None = None

    def in_words(self) -> str:
        """Whether the rows are closer to the rows learnt from than fresh real rows are."""
        if self.dcr_share is None:
            return "closeness to your rows was not judged"
        if self.dcr_share <= NO_CLOSER:
            return "no closer to your rows than fresh ones are"
        if self.dcr_share <= SOMEWHAT_CLOSER:
            return "somewhat closer to your rows than fresh ones are"
        return "much closer to your rows than fresh ones are: some may have been learnt by heart"


class Report(WireModel):
    """Fidelity and memorisation of one result.

    Args:
        fidelity: Mean of columns and pairs, 0 to 1.
        column_fidelity: Mean over columns.
        pair_fidelity: Mean over pairs; ``None`` with fewer than two columns to compare.
        columns: Each column that can be compared.
        pairs: Each pair of them, the worst first, 200 at most.
        memorisation: Whether rows come back.
        rows_synthetic: Rows of the result that were compared.
        rows_training: Rows of the input that were learnt from and compared.
        rows_held_back: Rows of the input never learnt from.
        seconds: Time taken by stage.
        notes: What a reader should know, in sentences.
    """

    fidelity: float
    column_fidelity: float
    pair_fidelity: float | None = None
    columns: tuple[ColumnFidelity, ...]
    pairs: tuple[PairFidelity, ...]
    memorisation: Memorisation
    rows_synthetic: int
    rows_training: int
    rows_held_back: int
    seconds: dict[str, float] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()
