"""Tables of any columns: made without an error, within their ranges, with no personal value."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen_nb.synth.fitting import fit
from datagen_nb.tables.formats import read_batches, write_part

KINDS = {
    "numbers": lambda at, r: r.normal(50, 9, at).round(2),
    "counts": lambda at, r: r.poisson(3, at),
    "zeros": lambda at, r: np.where(r.random(at) < 0.4, 0, r.gamma(2, 30, at).round(1)),
    "days": lambda at, r: np.datetime64("2023-01-01") + r.integers(0, 700, at),
    "money": lambda at, r: [f"${one:,.2f}" for one in r.gamma(2, 900, at)],
    "spelled": lambda at, r: [f"{one % 28 + 1:02}.0{one % 9 + 1}.24" for one in r.permutation(at)],
    "levels": lambda at, r: r.choice(["red", "green", "blue"], at),
    "flags": lambda at, r: r.random(at) < 0.3,
    "mails": lambda at, r: [f"person{one}@mail{one % 7}.example" for one in r.permutation(at)],
    "ids": lambda at, r: [f"K-{one:06}" for one in r.choice(10**6, at, replace=False)],
}  # fmt: skip
PERSONAL = ("mails", "ids")


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows, seed = draw(st.integers(20, 300)), draw(st.integers(0, 2**32))
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=6))
    random = np.random.default_rng(seed)
    columns = {}
    for place, kind in enumerate(kinds):
        share = draw(st.sampled_from([0.0, 0.0, 0.1, 0.8]))
        is_null = random.random(rows) < share
        is_null[:2] = False
        values = pa.array(KINDS[kind](rows, random))
        columns[f"{kind} {place}"] = pc.if_else(pa.array(is_null), None, values)
    return pa.table(columns)


@given(tables(), st.integers(0, 2**31))
@settings(max_examples=25, deadline=None)
def test_any_mix_of_columns_is_made(table, seed):
    """Types stay, nulls come only where the input has some, and numbers stay in their range."""
    made = fit(table, seed=seed).generate(0, 150, offset=0)
    assert made.schema.equals(table.schema)
    for name in table.column_names:
        kind = name.split()[0]
        if not table[name].null_count:
            assert not made[name].null_count
        present = made[name].drop_null()
        if kind in PERSONAL:
            assert not set(present.to_pylist()) & set(table[name].to_pylist())
        elif kind not in ("money", "spelled", "levels", "flags") and len(present):
            ends, found = pc.min_max(table[name]), pc.min_max(present)
            assert ends["min"].as_py() <= found["min"].as_py()
            assert found["max"].as_py() <= ends["max"].as_py()


@given(st.integers(0, 2**31))
@settings(max_examples=5, deadline=None)
def test_the_same_seed_gives_the_same_rows_whatever_the_format(seed):
    """A table in memory, and the same one as CSV, JSON Lines and Parquet."""
    random = np.random.default_rng(seed)
    names = ("numbers", "counts", "money", "levels", "mails", "ids")
    table = pa.table({name: pa.array(KINDS[name](200, random)) for name in names})
    expected = fit(table, seed=3).generate(0, 100, offset=0)
    for format in ("csv", "jsonl", "parquet"):
        file = io.BytesIO()
        write_part(table, format, file)
        read = pa.Table.from_batches(read_batches(file, format))
        made = fit(read, seed=3).generate(0, 100, offset=0)
        assert made.to_pydict() == expected.to_pydict(), format
