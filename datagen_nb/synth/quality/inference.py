"""Membership inference: an attack by the distance of a row to the closest synthetic row.

Sources: Chen, Yu, Zhang and Fritz, GAN-Leaks: a taxonomy of membership inference attacks against
generative models, CCS 2020; Hilprecht, Härterich and Bernau, Monte Carlo and reconstruction
membership inference attacks against generative models, PoPETs 2019.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from datagen_nb.core.evaluation import Measured, Membership
from datagen_nb.synth.quality.boosting import Flags, Floats, Ints, auc, over_draws
from datagen_nb.synth.quality.closeness import index_of, spaces_of
from datagen_nb.synth.quality.columns import Tables

DRAWS = 10
MAX_ATTACKED = 1_000
"""Rows of each side in a draw."""

MAX_ROWS = 50_000
MAX_CELLS = 1_000_000
"""Rows of a table times columns: bounds time and memory of wide tables."""

OUTLYING = 0.05
MIN_OUTLIERS = 10
"""Outlying rows of a draw."""


def membership(tables: Tables, ordered: Collection[str], *, seed: int = 0) -> Membership:
    """Attack training rows among as many rows held back, in ``DRAWS`` draws without common rows.

    The training rows that are not attacked are other real rows to both sides: by the distance to
    them a row is outlying, and they stand for a result of fresh real rows.

    Args:
        tables: The columns that take part, with their values; at least ``DRAWS`` rows held back,
            and more training rows.
        ordered: Those whose values have an order.
        seed: Of the choice of rows.
    """
    random = np.random.default_rng(seed)
    most = min(MAX_ROWS, MAX_CELLS // tables.training.num_columns)
    chosen = [_some(table, most, random) for table in tables]
    training, held_back, synthetic = spaces_of(chosen, ordered)
    each = min(len(held_back) // DRAWS, len(training) // (2 * DRAWS), MAX_ATTACKED)
    attacked, others = training[: each * DRAWS], training[each * DRAWS :]
    rows = np.concatenate([attacked, held_back[: each * DRAWS]])
    draws = np.tile(np.arange(each * DRAWS) % DRAWS, 2)
    is_member = np.arange(len(rows)) < len(attacked)
    near, alone = (
        index_of(known, tables.training.num_columns).nearest(rows) for known in (synthetic, others)
    )
    outlying = np.zeros(len(rows), dtype=np.bool_)
    for draw in range(DRAWS):
        own = np.flatnonzero(draws == draw)
        farthest = np.argsort(-alone[own], kind="stable")[: int(len(own) * OUTLYING)]
        outlying[own[farthest]] = True
    every, few = _Attack(is_member, draws), _Attack(is_member[outlying], draws[outlying])
    is_enough = few.is_possible
    return Membership(
        auc=every.by(near),
        auc_fresh=every.by(alone),
        outliers_auc=few.by(near[outlying]) if is_enough else None,
        outliers_auc_fresh=few.by(alone[outlying]) if is_enough else None,
        rows=each * DRAWS,
        outliers=int(outlying.sum()),
    )


class _Attack(NamedTuple):
    """Rows that are attacked.

    Attributes:
        is_member: Which of them were fitted to.
        draws: The draw of each.
    """

    is_member: Flags
    draws: Ints

    @property
    def is_possible(self) -> bool:
        """Whether each draw has rows enough, of both sides."""
        rows, members = (
            np.bincount(self.draws[which], minlength=DRAWS)
            for which in (slice(None), self.is_member)
        )
        return bool((rows >= MIN_OUTLIERS).all() and (members > 0).all() and (members < rows).all())

    def by(self, distances: Floats) -> Measured:
        """AUC over the draws of an attack that takes the closest rows for members."""
        draws = [self.draws == draw for draw in range(DRAWS)]
        return over_draws([auc(-distances[own], self.is_member[own]) for own in draws])


def _some(table: pa.Table, most: int, random: np.random.Generator) -> pa.Table:
    return table.take(pa.array(random.permutation(table.num_rows)[:most]))
