"""Distances of two distributions, 0 to 1."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def ks(real: npt.NDArray[Any], made: npt.NDArray[Any]) -> float:
    """Kolmogorov and Smirnov's distance: the largest gap between cumulative distributions."""
    real, made = np.sort(real), np.sort(made)
    both = np.concatenate([real, made])
    below_real = np.searchsorted(real, both, side="right") / len(real)
    below_made = np.searchsorted(made, both, side="right") / len(made)
    return float(np.abs(below_real - below_made).max())


def shares(codes: npt.NDArray[Any], size: int = 0) -> Floats:
    """The share of each code from 0 on."""
    return np.bincount(codes.astype(np.int64), minlength=size) / len(codes)


def tvd(real: Floats, made: Floats) -> float:
    """Total variation distance: the share of rows that would have to change."""
    shorter, longer = sorted((real, made), key=len)
    common = np.abs(longer[: len(shorter)] - shorter).sum()
    return float(common + longer[len(shorter) :].sum()) / 2
