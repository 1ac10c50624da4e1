"""The columns of the input and of the result as boosted trees take them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datagen_nb.core.kinds import Scale, scale_of
from datagen_nb.synth.quality.boosting import LEVELS, Flags, Floats
from datagen_nb.synth.quality.columns import Column


@dataclass(frozen=True, slots=True)
class Features:
    """Columns that are compared by their values, as matrices of rows x columns.

    Attributes:
        names: Of the columns.
        unordered: Which of them are codes of categories.
        training: Rows fitted to; NaN for null.
        held_back: Rows held back.
        synthetic: Rows of the result.
    """

    names: tuple[str, ...]
    unordered: Flags
    training: Floats
    held_back: Floats
    synthetic: Floats


def is_feature(column: Column) -> bool:
    """Whether its values are compared, and are not all the same."""
    return not column.texts and scale_of(column.kind) is not Scale.CONSTANT


def features_of(columns: Sequence[Column]) -> Features:
    """The columns that ``is_feature`` holds for."""
    chosen = [column for column in columns if is_feature(column)]
    rows = [len(numbers) for numbers in columns[0].numbers] if columns else [0, 0, 0]
    matrices = [np.empty((count, len(chosen))) for count in rows]
    for place, column in enumerate(chosen):
        numbers = column.numbers if column.is_ordered else _pooled(column.numbers, LEVELS)
        for matrix, values in zip(matrices, numbers, strict=True):
            matrix[:, place] = values
    return Features(
        tuple(column.name for column in chosen),
        np.array([not column.is_ordered for column in chosen], dtype=np.bool_),
        *matrices,
    )


def _pooled(codes: Sequence[Floats], most: int) -> list[Floats]:
    """Codes by how frequent they are, from 0; those after ``most`` - 1 are one."""
    joined = np.concatenate(codes)
    known = joined[~np.isnan(joined)].astype(np.int64)
    counts = np.bincount(known, minlength=1)
    places = np.empty(len(counts))
    places[np.argsort(-counts, kind="stable")] = np.minimum(np.arange(len(counts)), most - 1)
    pooled = np.full(len(joined), np.nan)
    pooled[~np.isnan(joined)] = places[known]
    return np.split(pooled, np.cumsum([len(each) for each in codes])[:-1])
