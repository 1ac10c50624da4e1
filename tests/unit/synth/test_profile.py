"""The profile of a table: exact where it promises so, and the same for any cut into batches."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen_nb.synth.decisions import decide
from datagen_nb.synth.profile import ColumnProfile, Profile
from datagen_nb.synth.profile.distinct import MAX_LEVELS
from datagen_nb.synth.profile.hashing import hash_values
from datagen_nb.synth.sample import evenly

COLUMNS: dict[str, st.SearchStrategy[object]] = {
    "text": st.text(max_size=20),
    "integer": st.integers(-3, 3) | st.integers(-(2**63), 2**63 - 1),
    "number": st.floats(),
    "truth": st.booleans(),
    "day": st.dates(),
    "instant": st.datetimes(),
    "amount": st.decimals(-1000, 1000, places=2),
    "bytes": st.binary(max_size=9),
}
TYPES = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "truth": pa.bool_(),
    "day": pa.date32(),
    "instant": pa.timestamp("us"),
    "amount": pa.decimal128(10, 2),
    "bytes": pa.binary(),
}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """Tables of every type of values; each column has a few values, some often, and nulls."""
    rows = draw(st.integers(0, 60))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    columns = {}
    for name, values in COLUMNS.items():
        pool = [None, *draw(st.lists(values, min_size=1, max_size=6))]
        chosen = random.integers(0, len(pool), rows) * random.integers(0, 2, rows)
        columns[name] = pa.array([pool[at] for at in chosen], TYPES[name])
    return pa.table(columns)


def facts(column: ColumnProfile) -> tuple[object, ...]:
    """All that a profile holds, comparable; NaN is no extreme, so equality is plain."""
    return (
        column.rows,
        column.nulls,
        column.nans,
        column.text_bytes,
        column.distinct,
        column.is_exact,
        column.is_unique,
        str(column.minimum),
        str(column.maximum),
        None if column.levels is None else column.levels.to_pylist(),
        [each.tolist() for each in column.rows_per_value],
    )


def everything(profile: Profile) -> dict[str, tuple[object, ...]]:
    return {name: facts(column) for name, column in profile.columns.items()}


@settings(max_examples=40, deadline=None)
@given(tables(), st.data())
def test_a_profile_depends_on_the_rows_alone(table: pa.Table, data: st.DataObject) -> None:
    """Any cut into pieces, in any order of merging, gives the profile of the whole."""
    cuts = sorted(data.draw(st.lists(st.integers(0, table.num_rows), max_size=5)))
    begins, ends = [0, *cuts], [*cuts, table.num_rows]
    pieces = [
        Profile.of(table.slice(begin, end - begin)) for begin, end in zip(begins, ends, strict=True)
    ]
    pieces = data.draw(st.permutations(pieces))
    merged = Profile.start(table.schema)
    while pieces:
        at = data.draw(st.integers(0, len(pieces) - 1))
        piece = pieces.pop(at)
        if pieces and data.draw(st.booleans()):
            pieces[0].merge(piece)
        else:
            merged.merge(piece)
    assert everything(merged) == everything(Profile.of(table))


@settings(max_examples=40, deadline=None)
@given(tables())
def test_counts_are_exact_while_levels_are_few(table: pa.Table) -> None:
    """Rows, nulls and levels are those that Python counts."""
    profile = Profile.of(table)
    assert profile.rows == table.num_rows
    for name, column in profile.columns.items():
        values = [value for value in table[name].to_pylist() if value is not None]
        values = [value for value in values if value == value]  # NaN is counted apart
        levels = column.levels
        assert levels is not None
        counted = dict(zip(levels["value"].to_pylist(), levels["count"].to_pylist(), strict=True))
        assert counted == {value: values.count(value) for value in values}
        assert column.nulls == table[name].null_count
        assert column.distinct == len(counted)
        if values:
            assert (column.minimum.as_py(), column.maximum.as_py()) == (min(values), max(values))


def test_many_values_are_estimated_the_same_for_any_batches() -> None:
    """Past the bound a sample of the values is kept, which is a property of the rows too."""
    numbers = np.random.default_rng(0).integers(0, 2 * MAX_LEVELS, 5 * MAX_LEVELS)
    table = pa.table({"key": [f"K{number:07d}" for number in numbers]})
    profiles = []
    for size in (10_000, 77_777):
        profile = Profile.start(table.schema)
        for batch in table.to_batches(max_chunksize=size):
            profile.add(batch)
            profile.columns  # noqa: B018 - counts what waits, so that the chunks differ
        profiles.append(profile)
    halves = [Profile.of(table.slice(0, 5_000)), Profile.of(table.slice(5_000))]
    halves[0].merge(halves[1])
    one, *others = (everything(each) for each in [*profiles, halves[0]])
    assert all(one == other for other in others)
    column = profiles[0].columns["key"]
    assert not column.is_exact
    assert column.levels is None
    true = len(np.unique(numbers))
    assert abs(column.distinct / true - 1) < 0.03
    sizes, counts = column.rows_per_value
    assert abs((sizes * counts).sum() / counts.sum() - len(numbers) / true) < 0.1


ONE = pa.array([1], pa.int64())
TEXT = pa.array(["abcd"])


@pytest.mark.parametrize(
    "column",
    [
        pa.nulls(1),
        *(
            ONE.cast(type)
            for type in (
                pa.bool_(),
                pa.int8(),
                pa.uint64(),
                pa.float32(),
                pa.decimal128(20, 1),
                pa.decimal256(50, 2),
                pa.date64(),
                pa.timestamp("ns", "Europe/Berlin"),
                pa.time64("ns"),
                pa.duration("us"),
            )
        ),
        pa.array([1], pa.int32()).cast(pa.time32("s")),
        pa.array([1.0], pa.float16()),
        pa.array([1], pa.decimal32(5, 1)),
        *(TEXT.cast(type) for type in (pa.large_string(), pa.string_view(), pa.large_binary())),
        pa.array([b"abcd"], pa.binary(4)),
        TEXT.dictionary_encode(),
        pa.array([[1]]),
        pa.array([{"a": 1}]),
        pa.array([(1, 2, 3)], pa.month_day_nano_interval()),
    ],
    ids=lambda column: str(column.type),
)
def test_every_arrow_type_has_a_profile_that_can_be_kept(column: pa.Array) -> None:
    """Values are counted unless they are nested, and a profile comes back from its bytes."""
    nulls = pa.nulls(2).cast(column.type) if column.type != pa.null() else pa.nulls(2)
    for rows in ([nulls[:0]], [nulls], [nulls, column, column[:0], column]):
        profile = Profile.of(pa.table({"it": pa.chunked_array(rows, column.type)}))
        found = profile.columns["it"]
        is_nested = pa.types.is_nested(column.type) or pa.types.is_interval(column.type)
        is_valued = len(rows) == 4 and not is_nested and column.type != pa.null()
        assert found.distinct == (1 if is_valued else 0)
        assert found.nulls == sum(each.null_count for each in rows)
        assert (found.minimum is None) == (not is_valued)
        kept = Profile.from_bytes(profile.to_bytes())
        assert everything(kept) == everything(profile)
        assert kept.to_bytes() == profile.to_bytes()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=40) | st.binary(min_size=1_000, max_size=1_100)))
def test_equal_texts_have_equal_hashes_and_others_have_not(texts: list[bytes]) -> None:
    """A hash depends on the value alone: not on its neighbours, nor on where it lies."""
    together = hash_values(pa.array(texts, pa.binary()))
    alone = [hash_values(pa.array([b"x", text], pa.large_binary()).slice(1))[0] for text in texts]
    assert together.tolist() == alone
    assert len(set(alone)) == len(set(texts))


def test_hashes_are_the_same_on_every_machine() -> None:
    """A profile that was kept goes on elsewhere."""
    texts = hash_values(pa.array(["", "Köln", "customer-000417", "x" * 2_000]))
    numbers = hash_values(pa.array([0, -1, 417]))
    assert [*texts.tolist(), *numbers.tolist()] == [
        0xE220A8397B1DCDAF,
        0x02461238814F149D,
        0x7959A88BF38ADB75,
        0xE136F256394EEE91,
        0xE220A8397B1DCDAF,
        0xE4D971771B652C20,
        0x39B8A23BDCE39FAE,
    ]


@pytest.mark.parametrize("columns", [1, 1_000])
def test_a_profile_is_bounded_however_wide_the_table(columns: int) -> None:
    """All columns of a table share one bound, and keep a sample of their values beyond it."""
    rows = 5_000 if columns > 1 else 120_000
    texts = pa.array([f"{number:050d}" for number in range(rows)])
    profile = Profile.of(pa.table({str(place): texts for place in range(columns)}))
    kept = [column.values for column in profile.columns.values()]
    assert not any(found.is_exact for found in kept if found is not None)
    assert sum(found.hashes.nbytes + found.counts.nbytes for found in kept) < 64 << 20
    assert {column.is_unique for column in profile.columns.values()} == {True}
    assert {column.distinct for column in profile.columns.values()} == {rows}


def test_long_texts_are_counted_but_not_kept() -> None:
    """Levels beyond the bound in bytes are known by their hashes."""
    texts = pa.array([f"{number}" * 300 for number in range(10_000)] * 2)
    column = Profile.of(pa.table({"note": texts})).columns["note"]
    assert column.levels is None
    assert column.is_exact
    assert column.distinct == 10_000
    assert column.minimum.as_py() == "0" * 300


@cache
def sales(rows: int) -> pa.Table:
    """Sales: postcodes that repeat ten times, customers four times, numbers that never do."""
    random = np.random.default_rng(7)
    return pa.table(
        {
            "order": [f"A{number:08d}" for number in random.permutation(10**7)[:rows]],
            "postcode": [f"{number:05d}" for number in random.integers(0, rows // 10, rows)],
            "customer": [f"C-{number:07d}" for number in random.integers(0, rows // 4, rows)],
            "sale_id": np.arange(rows),
            "country": random.choice(["DE", "FR", "IT"], rows),
            "amount": random.gamma(2, 30, rows).round(2),
        }
    )


@pytest.mark.parametrize("rows", [20_000, 400_000])
def test_kinds_do_not_depend_on_how_many_rows_are_at_hand(rows: int) -> None:
    """A job knows all rows, a preview 2,000 and how many there are: they judge alike."""
    table = sales(rows)
    profile = Profile.of(table)
    facts = profile.facts()
    kinds = decide(profile, table, {}).kinds
    assert kinds == {
        "order": "id",
        "postcode": "categorical",
        "customer": "id",
        "sale_id": "id",
        "country": "categorical",
        "amount": "numeric",
    }
    for some in (2_000, 10_000, 50_000):
        sample = evenly(table, some)
        of_some = Profile.of(sample, total=rows)
        assert decide(of_some, sample, {}).kinds == kinds
        assert decide(profile, sample, {}).kinds == kinds
        found = of_some.facts()
        assert found["order"].is_unique
        assert abs(found["postcode"].distinct / facts["postcode"].distinct - 1) < 0.25
