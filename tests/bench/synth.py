"""The synthesizer alone: learning, making, judging; the rate beside numpy's own draws.

Run as ``python -m tests.bench.synth``.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datagen_nb.synth.fitting import fit
from datagen_nb.synth.quality import assess

TABLE = Path(__file__).parents[2] / "notebooks" / "data" / "diamonds.parquet"
ROWS = 100_000


def seconds(work: Callable[[], object]) -> float:
    """Median CPU seconds of five runs after one that warms up."""
    times = []
    for _ in range(6):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times[1:])


def main() -> None:
    table = pq.read_table(TABLE)
    order = np.random.default_rng(0).permutation(table.num_rows)
    cut = int(0.8 * len(order))
    training, held_back = (table.take(pa.array(np.sort(part))) for part in np.split(order, [cut]))
    model = fit(training, seed=7)
    made = model.generate(0, cut, offset=0)
    draws = seconds(lambda: np.random.default_rng(1).random((ROWS, table.num_columns)))
    making = seconds(lambda: model.generate(0, ROWS, offset=0))
    learning = seconds(lambda: fit(training, seed=7))
    print(f"learn {cut:,} rows x {table.num_columns} columns {learning:.2f} s")
    print(f"make {ROWS:,} rows {making:.2f} s, {ROWS / making:,.0f} rows/s")
    print(f"  time over numpy's as many draws {making / draws:.1f}")
    print(f"judge {seconds(lambda: assess(training, held_back, made, model.kinds)):.2f} s")


if __name__ == "__main__":
    main()
