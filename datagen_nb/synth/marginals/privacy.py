"""What a user asks for by ``parameters.epsilon``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DELTA = 1e-9
"""Where none is given. It is no function of the number of rows, which is secret."""


@dataclass(frozen=True, slots=True)
class Privacy:
    """What a user asks for.

    Attributes:
        epsilon: Of (epsilon, delta)-differential privacy.
        delta: Of the same.
        bounds: For columns of numbers, between what they are known to lie.
        kinds: Of columns that are categories though their type does not say so.
    """

    epsilon: float
    delta: float
    bounds: Mapping[str, tuple[float | str, float | str]] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
