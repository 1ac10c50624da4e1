"""Random numbers as a function of what they are for: a stream, an entity and its step.

An entity is then the same whichever part of a result it is drawn for.
Source: Steele, Lea and Flood, Fast splittable pseudorandom number generators, 2014.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

Words = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]

_GOLDEN, _ODD = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03)


def mixed(words: Words) -> Words:
    """A bijection of 64 bits whose results look random."""
    with np.errstate(over="ignore"):
        words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(words ^ (words >> np.uint64(31)), dtype=np.uint64)


def streams_of(seed: int, count: int, use: int) -> Words:
    """A word for each of some streams of one use."""
    return np.random.default_rng([seed, 7, use]).integers(2**64, size=count, dtype=np.uint64)


def of_entities(stream: Any, entities: Any) -> Words:
    """A word for each entity of a stream; both may be arrays that broadcast."""
    with np.errstate(over="ignore"):
        return mixed(stream + (np.asarray(entities, dtype=np.uint64) + np.uint64(1)) * _GOLDEN)


def uniform(words: Words, steps: Any) -> Floats:
    """Numbers between 0 and 1, of the words of entities and their steps."""
    with np.errstate(over="ignore"):
        bits = mixed(words + (np.asarray(steps, dtype=np.uint64) + np.uint64(1)) * _ODD)
    return np.asarray((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


class Draws:
    """Stands where numpy's generator does for what draws once for each row.

    Args:
        numbers: Gives as many uniform numbers as there are rows.
    """

    def __init__(self, numbers: Callable[[], Floats]) -> None:
        self._numbers = numbers

    def random(self, size: int) -> Floats:
        """Uniform numbers."""
        found = self._numbers()
        assert len(found) == size, "one for each row"  # noqa: S101, an order of our own
        return found

    def standard_normal(self, size: int) -> Floats:
        """Normal numbers."""
        return np.asarray(ndtri(self.random(size)), dtype=np.float64)
