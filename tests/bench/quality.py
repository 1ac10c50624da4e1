"""Fidelity and memorisation by someone else's measure, beside someone else's synthesizer.

SDMetrics judges ours and SDV's Gaussian copula in one run. Both are under licences that this
project cannot depend on, so they live in an environment of their own, given by its Python:

    python -m venv ENV && ENV/bin/pip install sdv sdmetrics pyarrow
    python -m tests.bench.quality ENV/bin/python

The table is parted 80/20; the result is compared with the 80, as many rows of it. The share of
rows closer to a row learnt from than to one held back (DCR share, 0.5 is ideal) is computed here,
over equally many of both: SDMetrics' own varies by 0.2 from one subsample to the next. Fresh real
rows are judged beside it, as the measure's own error.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.spatial.distance import cdist

from datagen_nb.synth.model import fit

TABLE = Path(__file__).parents[2] / "notebooks" / "data" / "diamonds.parquet"

JUDGE = """
import sys, time, warnings
warnings.filterwarnings("ignore")
import pandas as pd
from sdmetrics.reports.single_table import QualityReport
from sdv.metadata import Metadata
from sdv.single_table import GaussianCopulaSynthesizer

place = sys.argv[1]
train, held = (pd.read_parquet(f"{place}/{name}.parquet") for name in ("train", "held"))
ours = [pd.read_parquet(f"{place}/ours-{seed}.parquet") for seed in range(3)]
metadata = Metadata.load_from_dict({"tables": {"table": {"columns": {
    name: {"sdtype": "numerical" if pd.api.types.is_numeric_dtype(train[name]) else "categorical"}
    for name in train
}}}})
plain = metadata.to_dict()["tables"]["table"]
start = time.process_time()
copula = GaussianCopulaSynthesizer(metadata)
copula.fit({"table": train})
fitted = time.process_time()
theirs = copula.sample(len(train))
if isinstance(theirs, dict):
    theirs = theirs["table"]
sampled = time.process_time()
print(f"SDV fit {fitted - start:.1f} CPU s, {len(train):,} rows {sampled - fitted:.1f} CPU s")
judged = [(f"datagen_nb, seed {n}", rows) for n, rows in enumerate(ours)]
for name, made in (*judged, ("SDV Gaussian copula", theirs)):
    report = QualityReport()
    report.generate(train, made, plain, verbose=False)
    parts = report.get_properties().set_index("Property")["Score"]
    print(
        f"{name:<22} overall {report.get_score():.4f}  columns {parts['Column Shapes']:.4f}  "
        f"pairs {parts['Column Pair Trends']:.4f}",
        flush=True,
    )
theirs.to_parquet(f"{place}/theirs.parquet")
"""

CLOSE_QUERIES = 5_000
CLOSE_DRAWS = 4


def encode(frame: pd.DataFrame, like: pd.DataFrame) -> tuple[Any, Any]:
    """Numbers over their range, and categories as codes."""
    numbers = like.select_dtypes("number")
    wide = (numbers.max() - numbers.min()).to_numpy()
    words = like.columns.difference(numbers.columns)
    codes = [pd.Categorical(frame[word], sorted(like[word].unique())).codes for word in words]
    return frame[numbers.columns].to_numpy(float) / wide, np.stack(codes, 1).astype(float)


def closest(made: tuple[Any, Any], real: tuple[Any, Any]) -> Any:
    """Gower distance, times the columns, of each made row to the closest real one."""
    words = cdist(made[1], real[1], "hamming") * made[1].shape[1]
    return (cdist(made[0], real[0], "cityblock") + words).min(axis=1)


def dcr_share(made: pd.DataFrame, train: pd.DataFrame, held: pd.DataFrame) -> float:
    """Mean over several draws of as many training rows as there are held back."""
    shares = []
    for draw in range(CLOSE_DRAWS):
        random = np.random.default_rng(draw)
        queries = made.iloc[random.choice(len(made), min(CLOSE_QUERIES, len(made)), replace=False)]
        equal = train.iloc[random.choice(len(train), len(held), replace=False)]
        asked = encode(queries, train)
        known, fresh = (closest(asked, encode(rows, train)) for rows in (equal, held))
        tied = np.isclose(known, fresh, atol=1e-12)
        shares.append(float(np.mean((known < fresh) & ~tied) + np.mean(tied) / 2))
    return sum(shares) / len(shares)


def main(python: str) -> None:
    table = pq.read_table(TABLE)
    order = np.random.default_rng(0).permutation(table.num_rows)
    cut = int(0.8 * len(order))
    train = table.take(pa.array(np.sort(order[:cut])))
    made = []
    for seed in range(3):
        start = time.process_time()
        model = fit(train, seed=seed)
        fitted = time.process_time()
        made.append(model.generate(0, cut, offset=0))
        print(
            f"datagen_nb fit {fitted - start:.1f} CPU s, {cut:,} rows "
            f"{time.process_time() - fitted:.2f} CPU s",
            flush=True,
        )
    with tempfile.TemporaryDirectory() as place:
        for name, rows in (
            ("train", train),
            ("held", table.take(pa.array(np.sort(order[cut:])))),
            *((f"ours-{seed}", rows) for seed, rows in enumerate(made)),
        ):
            pq.write_table(rows, f"{place}/{name}.parquet")
        if subprocess.run([python, "-c", JUDGE, place], check=False).returncode:
            sys.exit("the judge failed: its words are above")
        theirs = pd.read_parquet(f"{place}/theirs.parquet")
    real = table.take(pa.array(order)).to_pandas()
    learnt, held_back = real[:cut], real[cut:]
    middle = len(held_back) // 2
    for name, rows, kept in (
        *((f"datagen_nb, seed {n}", rows.to_pandas(), held_back) for n, rows in enumerate(made)),
        ("SDV Gaussian copula", theirs, held_back),
        ("fresh real rows", held_back[:middle], held_back[middle:]),
    ):
        print(f"{name:<22} DCR share {dcr_share(rows, learnt, kept):.4f}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
