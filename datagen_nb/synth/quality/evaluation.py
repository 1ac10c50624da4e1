"""What a report has on request: the two-sample test, utility and membership inference."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

import pyarrow as pa
from threadpoolctl import threadpool_limits

from datagen_nb.codecs import Codec, with_parts
from datagen_nb.core.evaluation import Detection, Membership, Utility
from datagen_nb.core.result import Report
from datagen_nb.synth.arrays import plain_table
from datagen_nb.synth.quality.columns import Column, Tables, codecs_of, columns_of, typed
from datagen_nb.synth.quality.detection import detection
from datagen_nb.synth.quality.features import features_of
from datagen_nb.synth.quality.inference import membership
from datagen_nb.synth.quality.utility import check_target, utility

MIN_ROWS = 100
"""Rows held back, and rows made, that there have to be."""

WORDS = {
    "detection": "Detection, the classifier two-sample test,",
    "utility": "Utility",
    "membership": "Membership inference",
}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What ``evaluate`` finds.

    Attributes:
        detection: If it was asked for and there were rows enough.
        utility: The same.
        membership: The same.
        notes: What was asked for and could not be measured, in sentences.
    """

    detection: Detection | None = None
    utility: Utility | None = None
    membership: Membership | None = None
    notes: tuple[str, ...] = ()

    def added_to(self, report: Report) -> Report:
        """The report with these figures."""
        return report.model_copy(
            update={
                "detection": self.detection,
                "utility": self.utility,
                "membership": self.membership,
                "notes": (*report.notes, *self.notes),
            }
        )


def evaluate(
    training: pa.Table,
    held_back: pa.Table,
    synthetic: pa.Table,
    kinds: Mapping[str, str],
    *,
    checks: Collection[str] = (),
    target: str | None = None,
    codecs: Mapping[str, Codec] | None = None,
    seed: int = 0,
    on_progress: Callable[[float], None] = lambda _: None,
) -> Evaluation:
    """Measure what was asked for, over a bounded number of rows and with one processor.

    Columns that are made anew, as names, take no part.

    Args:
        training: Rows used for fitting, with the columns that a user has (not parsed).
        held_back: Rows of the same table that were not.
        synthetic: Synthetic rows.
        kinds: Kind of each column.
        checks: Of ``core.evaluation.CHECKS``.
        target: The column that utility is measured by.
        codecs: As of ``assess``.
        seed: Of the choice of rows; the same seed gives the same figures.
        on_progress: Called with the share done, 0 to 1.

    Raises:
        InputError: ``unfit_target``: the target cannot be predicted.
    """
    wanted = [name for name in WORDS if name in checks or (name == "utility" and target)]
    tables = Tables(*map(plain_table, (training, held_back, synthetic)))
    tables, columns = _columns(tables, kinds, codecs)
    features = features_of(columns)
    least = min(held_back.num_rows, synthetic.num_rows)
    if wanted and (least < MIN_ROWS or not features.names):
        return Evaluation(notes=tuple(_missing(wanted, held_back.num_rows, synthetic.num_rows)))
    found = Evaluation()
    with threadpool_limits(1):
        for done, name in enumerate(wanted):
            on_progress(done / len(wanted))
            if name == "detection":
                found = replace(found, detection=detection(features, seed=seed))
            elif name == "membership":
                chosen = Tables(*(table.select(list(features.names)) for table in tables))
                ordered = {column.name for column in columns if column.is_ordered}
                found = replace(found, membership=membership(chosen, ordered, seed=seed))
            elif target is not None:
                check_target(columns, target)
                found = replace(found, utility=utility(columns, target, seed=seed))
                if found.utility is None:
                    found = replace(found, notes=(_few_of(target),))
    return found


def check_utility(
    training: pa.Table,
    kinds: Mapping[str, str],
    target: str,
    *,
    codecs: Mapping[str, Codec] | None = None,
) -> None:
    """Look whether a column can be the target, before any row is made.

    Args:
        training: Rows used for fitting.
        kinds: Kind of each column.
        target: The column.
        codecs: As of ``assess``.

    Raises:
        InputError: ``unfit_target``: it cannot; says why.
    """
    table = plain_table(training)
    none = table.slice(0, 0)
    check_target(_columns(Tables(table, none, none), kinds, codecs)[1], target)


def _columns(
    tables: Tables, kinds: Mapping[str, str], codecs: Mapping[str, Codec] | None
) -> tuple[Tables, list[Column]]:
    codecs = codecs_of(tables.training, kinds) if codecs is None else codecs
    parsed, spellings = typed(tables, codecs)
    columns = columns_of(parsed, with_parts(kinds, codecs), spellings)
    return parsed, [column for column in columns if isinstance(column, Column)]


def _missing(wanted: Iterable[str], held_back: int, synthetic: int) -> Iterable[str]:
    if held_back < MIN_ROWS:
        reason = f"that needs {MIN_ROWS} rows held back, there are {held_back:,}"
    elif synthetic < MIN_ROWS:
        reason = f"that needs {MIN_ROWS} synthetic rows, there are {synthetic:,}"
    else:
        reason = "no column is compared by its values"
    return (f"{WORDS[name]} was not measured: {reason}." for name in wanted)


def _few_of(target: str) -> str:
    return (
        f"{WORDS['utility']} was not measured: too few rows have a value of {target!r}, or too few "
        "of each class, to be fitted to and to be held back."
    )
