"""What a report comes to, in a word, a sentence and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from datagen_nb.core.evaluation import (
    INSEPARABLE,
    KEPT,
    MOSTLY_KEPT,
    SEPARABLE,
    Utility,
)
from datagen_nb.core.result import NO_CLOSER, WEAK_EPSILON, Report

Level = Literal["ok", "caution", "bad", "unknown"]

GOOD, FAIR = 0.9, 0.8
"""Scores from here on are green, and amber."""

MIN_HELD_BACK = 30

GREEN, AMBER, RED = "#2e8b57", "#c77700", "#d9534f"

PRIVACY = {
    "ok": ("✓", "Privacy OK", GREEN),
    "caution": ("!", "Privacy caution", AMBER),
    "bad": ("✕", "Privacy risk", RED),
    "unknown": ("?", "Privacy unknown", "inherit"),
}
"""By level: a sign, words and a colour; never a colour alone."""

QUALITY = {
    "good": ("✓", "Quality good", GREEN),
    "fair": ("!", "Quality fair", AMBER),
    "poor": ("✕", "Quality poor", RED),
    "unknown": ("?", "Quality not compared with your rows", "inherit"),
}

ATTACKED = {
    "ok": "an attack cannot distinguish rows that were fitted to from others",
    "caution": "an attack can distinguish some rows that were fitted to from others",
    "bad": "an attack can distinguish rows that were fitted to from others",
}
"""By level of membership inference."""

OF_SCHEMA = {
    "good": "columns are as the schema declares them.",
    "fair": "some columns differ from what the schema declares.",
    "poor": "columns differ much from what the schema declares.",
}
"""By level of quality, where there is no input."""

NAMED = 5
"""Columns that an advice names."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judgement.

    Attributes:
        sign: For those who see no colour.
        words: The judgement.
        colour: In CSS.
        reason: A sentence.
        advice: Sentences: what to do now.
    """

    sign: str
    words: str
    colour: str
    reason: str
    advice: tuple[str, ...]


def quality(report: Report) -> Verdict:
    """How well the result stands for its input."""
    if report.memorisation.budget is not None:
        reason = (
            "the scores are of the noisy counts that it was made of, since a comparison with your "
            "rows would cost budget."
        )
        return Verdict(*QUALITY["unknown"], reason, ())
    if report.memorisation.no_input:
        level = _level(report.fidelity, GOOD, FAIR)
        return Verdict(*QUALITY[level], OF_SCHEMA[level], tuple(_for_schema(report)))
    are_kept = all(relation.kept for relation in report.relations)
    levels = [_level(report.fidelity, GOOD, FAIR), "good" if are_kept else "fair"]
    if report.detection is not None:
        levels.append(_level(-report.detection.auc.mean, -INSEPARABLE, -SEPARABLE))
    if report.utility is not None and report.utility.kept is not None:
        levels.append(_level(report.utility.kept, KEPT, MOSTLY_KEPT))
    level = max(levels, key=list(QUALITY).index)
    reason = {
        "good": "columns and their dependence are close to the input's.",
        "fair": "usable where what differs below does not matter.",
        "poor": "conclusions from these rows may not hold for the input.",
    }[level]
    return Verdict(*QUALITY[level], reason, tuple(_for_quality(report)))


def privacy(report: Report) -> Verdict:
    """How much of its input the result gives away."""
    reason = f"{privacy_reason(report)}."
    return Verdict(*PRIVACY[privacy_level(report)], reason, tuple(_for_privacy(report)))


def privacy_level(report: Report) -> Level:
    """The worse of closeness with values that came back, and of the attacks if there are any."""
    found = report.memorisation.level
    if report.membership is None:
        return found
    attacked = report.membership.level
    worst: Level = max((found, attacked), key=("unknown", "ok", "caution", "bad").index)
    return worst


def privacy_reason(report: Report) -> str:
    """Why, without a full stop."""
    words = report.memorisation.in_words()
    if report.membership is None:
        return words
    return f"{words}; {ATTACKED[report.membership.level]}"


def _level(score: float, good: float, fair: float) -> str:
    return "good" if score >= good else "fair" if score >= fair else "poor"


def _for_quality(report: Report) -> Iterator[str]:
    low = sorted((one for one in report.columns if one.score < GOOD), key=lambda one: one.score)
    if low:
        yield (
            f"Look at the columns that differ most: {_named([one.name for one in low])}. If the "
            "kind of one was detected wrongly, set it in columns of the parameters."
        )
    if report.detection is not None and report.detection.auc.mean > INSEPARABLE:
        driving = report.detection.driving
        yield (
            "A classifier separates synthetic from real rows: look at the columns that drive it"
            + (f": {_named([one.column for one in driving])}." if driving else ".")
        )
    if report.utility is not None and _is_lost(report.utility):
        yield (
            f"Do not train models of {report.utility.target} for use on real rows with these "
            "alone: fit to more rows with sample_rows, or set preset to accurate."
        )
    if report.pair_fidelity is not None and report.pair_fidelity < GOOD:
        yield (
            "Dependence between columns was lost. If the input has more rows than "
            f"{report.rows_training + report.rows_held_back:,}, fit to more of them with "
            "sample_rows."
        )
    if broken := [one.sentence for one in report.relations if not one.kept]:
        yield f"State the relations that matter in relations of the parameters: {_named(broken)}."
    if report.not_compared:
        yield (
            "Leave out columns that were not compared, with exclude, if nothing needs them: "
            f"{_named([one.name for one in report.not_compared])}."
        )


def _for_schema(report: Report) -> Iterator[str]:
    low = sorted((one for one in report.columns if one.score < GOOD), key=lambda one: one.score)
    if low:
        yield (
            "Make more rows, or look at the rules that select them. Columns that differ most: "
            f"{_named([one.name for one in low])}."
        )


def _for_privacy(report: Report) -> Iterator[str]:
    found = report.memorisation
    if found.no_input:
        return
    if found.budget is not None:
        if found.level == "caution":
            yield f"Give an epsilon of at most {WEAK_EPSILON}: a larger one promises little."
        yield (
            "The promise is for one row: make one row of each person, and add up the epsilon of "
            "all jobs on the same table."
        )
        return
    level = privacy_level(report)
    if level == "bad":
        yield "Do not pass these rows on to those who may not see the input."
    if found.disclosed:
        yield (
            "Values came back: raise min_count, set the kind of columns that identify to id, or "
            f"leave them out with exclude: {_named([one.column for one in found.disclosed])}."
        )
    if found.dcr_share is None:
        yield f"Give a table with more rows: {MIN_HELD_BACK} have to be held back."
    elif found.dcr_share > NO_CLOSER:
        yield "Rows are close to rows of the input: fit to more of them with sample_rows."
    if report.membership is not None and report.membership.level != "ok":
        yield (
            "An attack finds rows that were fitted to: set preset to private, or give an epsilon "
            "for a guarantee."
        )
    if level == "ok":
        yield (
            "No copies were found. That is a measurement, no formal guarantee such as "
            "differential privacy."
        )


def _is_lost(found: Utility) -> bool:
    return found.kept is not None and found.kept < KEPT


def _named(names: list[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
