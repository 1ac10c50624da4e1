"""The synthesizer keeps what a table is, and copies nothing that must not be copied."""

import contextlib
import datetime as dt
import time
import tracemalloc
import uuid
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datagen_nb.core.errors import InputError
from datagen_nb.pipelines.built_in import COLUMN_KINDS
from datagen_nb.synth.fitting import fit
from datagen_nb.synth.model import Model

ROWS = 400


def chance(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def column(values, type=None) -> pa.Table:
    return pa.table({"c": pa.array(values, type)})


def made(table: pa.Table, rows: int = 500, *, seed: int = 3, **options) -> pa.Table:
    return fit(table, seed=seed, **options).generate(0, rows, offset=0)


def values(table: pa.Table, name: str = "c") -> list:
    return table[name].to_pylist()


def mixed(rows: int = ROWS) -> pa.Table:
    """A bit of everything, with nulls."""
    random = chance()
    amount = np.round(random.gamma(2.0, 50.0, rows), 2)
    return pa.table(
        {
            "id": pa.array(np.arange(rows)),
            "code": [f"N{n:05d}" for n in range(rows)],
            "amount": pa.array(amount, mask=random.random(rows) < 0.2),
            "count": pa.array(random.integers(0, 9, rows), pa.int16()),
            "kind": pa.array(random.choice(["a", "b", "c"], rows)).dictionary_encode(),
            "at": pa.array(random.integers(0, 10**15, rows).astype("M8[us]")),
            "note": [f"the order number {n} was sent at {n * 7} o'clock" for n in range(rows)],
            "flag": pa.array(random.random(rows) < 0.3, mask=random.random(rows) < 0.5),
            "none": pa.nulls(rows, pa.string()),
            "same": ["x"] * rows,
        }
    )


WIDTHS = [pa.int8(), pa.int16(), pa.int32(), pa.int64()]
UNSIGNED = [pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
STAMPS = [pa.timestamp(unit, zone) for unit in ("s", "ms", "us", "ns") for zone in (None, "UTC")]
STAMPS.append(pa.timestamp("us", "Europe/Berlin"))
DURATIONS = [pa.duration(unit) for unit in ("s", "ms", "us", "ns")]


def counted(type: pa.DataType, step: int = 1) -> pa.Array:
    """Numbers as values of a type that is kept as a number."""
    bits = pa.int32() if type.bit_width == 32 else pa.int64()
    return pa.array(chance().integers(0, 60_000, ROWS) * step, bits).cast(type)


def every_type() -> dict[str, pa.Array]:
    random = chance(5)
    arrays: dict[str, pa.Array] = {}
    for type in WIDTHS + UNSIGNED:
        info = np.iinfo(type.to_pandas_dtype())
        numbers = random.integers(info.min, info.max, ROWS, dtype=type.to_pandas_dtype())
        arrays[str(type)] = pa.array(numbers, type)
        arrays[f"{type} edges"] = pa.array([info.min, info.max, info.max - 1, 0] * 100, type)
    big = 2**53 + random.integers(1, 10**6, ROWS) * 2 + 1
    arrays["int64 big"] = pa.array(big, pa.int64())
    top = [2**64 - 1 - int(n) for n in random.integers(0, 10**6, ROWS)]
    arrays["uint64 top"] = pa.array(top, pa.uint64())
    for type in (pa.float16(), pa.float32(), pa.float64()):
        arrays[str(type)] = pa.array(random.normal(size=ROWS).astype(type.to_pandas_dtype()), type)
    odd = random.normal(size=ROWS)
    odd[:40], odd[40:60], odd[60:70] = np.nan, np.inf, -np.inf
    arrays["float odd"] = pa.array(odd, from_pandas=False)
    arrays["float few odd"] = pa.array([1.0, float("nan"), float("inf"), 2.5] * 100)
    cents = [Decimal(int(n)).scaleb(-2) for n in random.integers(-(10**6), 10**6, ROWS)]
    arrays["decimal"] = pa.array(cents, pa.decimal128(9, 2))
    arrays["decimal256"] = pa.array(cents, pa.decimal256(50, 2))
    wide = [Decimal(int(n) * 10**19 + int(n)).scaleb(-4) for n in random.integers(0, 10**18, ROWS)]
    arrays["decimal wide"] = pa.array(wide, pa.decimal128(38, 4))
    arrays["bool"] = pa.array(random.random(ROWS) < 0.3)
    words = random.choice(["red", "grün", "", "blue 🟦", 'a,b\n"c"'], ROWS).tolist()
    arrays["string"] = pa.array(words)
    arrays["large_string"] = pa.array(words, pa.large_string())
    arrays["dictionary"] = pa.array(words).dictionary_encode()
    arrays["dictionary int8"] = pa.array(words, pa.dictionary(pa.int8(), pa.large_string()))
    arrays["dictionary of ints"] = pa.array([3, 5, 5, 9] * 100).dictionary_encode()
    for type in [pa.date32(), pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")]:
        arrays[str(type)] = counted(type)
    arrays["date64"] = counted(pa.date64(), 86_400_000)
    for type in STAMPS + DURATIONS:
        arrays[str(type)] = counted(type)
    arrays["dictionary of instants"] = counted(pa.timestamp("s")).dictionary_encode()
    arrays["dictionary of decimals"] = arrays["decimal"].dictionary_encode()
    arrays["dictionary of flags"] = arrays["bool"].dictionary_encode()
    arrays["string_view"] = pa.array(words, pa.string_view())
    for name in ("decimal32", "decimal64"):
        if hasattr(pa, name):  # since Arrow 18 and 19
            arrays[name] = pa.array(cents, getattr(pa, name)(9, 2))
    arrays["null"] = pa.nulls(ROWS)
    return arrays


TYPES = every_type()


@pytest.mark.parametrize("name", TYPES)
def test_a_column_keeps_its_type_and_its_bounds(name):
    """Every Arrow type a table can have comes back as itself, without a null that was not there."""
    table = pa.table({"c": TYPES[name]})
    model = fit(table, seed=1)
    result = model.generate(0, 300, offset=0)
    result.validate(full=True)
    assert result.schema == table.schema
    if name != "null":
        assert result["c"].null_count == 0
    if model.kinds["c"] in {"numeric", "datetime"} and "odd" not in name:
        real, fake = (
            sorted(set((one["c"].cast(pa.int64()) if "[ns" in name else one["c"]).to_pylist()))
            for one in (table, result)
        )
        assert real[0] <= fake[0] <= fake[-1] <= real[-1]


@pytest.mark.parametrize("name", TYPES)
def test_a_column_with_nulls_keeps_its_type_and_their_share(name):
    """Half the values gone: about half of those made are gone too."""
    if name == "null":
        gone, array = 1.0, TYPES[name]
    else:
        places = pa.array([None if n % 2 else n for n in range(ROWS)])
        type = pa.string() if name == "string_view" else TYPES[name].type
        gone, array = 0.5, TYPES[name].cast(type).take(places).cast(TYPES[name].type)
    table = pa.table({"c": array})
    result = made(table, 2_000)
    assert result.schema == table.schema
    assert abs(result["c"].null_count / 2_000 - gone) < 0.1


def test_nan_and_infinity_are_values_and_stay_about_as_common():
    """They are neither nulls nor numbers to lie between."""
    result = np.array(values(made(pa.table({"c": TYPES["float odd"]}), 4_000)))
    assert abs(np.isnan(result).mean() - 0.1) < 0.03
    assert abs((result == np.inf).mean() - 0.05) < 0.02
    assert abs((result == -np.inf).mean() - 0.025) < 0.02


def test_integers_beyond_the_doubles_stay_exact():
    """Odd numbers above 2**53 cannot be held by a float."""
    assert all(n % 2 == 1 and n > 2**53 for n in values(made(pa.table({"c": TYPES["int64 big"]}))))


def test_a_grid_of_integers_stays_one():
    """Multiples of 5 make multiples of 5, and others than the input's too."""
    source = (chance().integers(-2_000, 20_000, ROWS) * 5).tolist()
    result = values(made(column(source)))
    assert all(n % 5 == 0 for n in result)
    assert set(result) - set(source)


def test_a_grid_that_does_not_start_at_zero_stays_one():
    """3, 10, 17 … go on by sevens."""
    source = (chance().integers(0, 20_000, ROWS) * 7 + 3).tolist()
    assert all(n % 7 == 3 for n in values(made(column(source))))


@pytest.mark.parametrize("type", [pa.float32(), pa.float64(), pa.decimal128(12, 2)])
def test_prices_have_two_decimals(type):
    """No price of 3.14159."""
    cents = chance().integers(100, 10**6, ROWS)
    exact = [Decimal(int(n)).scaleb(-2) for n in cents]
    source = pa.array(exact if pa.types.is_decimal(type) else [float(n) for n in exact], type)
    table = pa.table({"c": source})
    result = made(table)["c"]
    rounded = pa.array([round(float(v), 2) for v in result.to_pylist()]).cast(type)
    assert result.combine_chunks().equals(rounded)
    assert len(set(result.to_pylist()) - set(source.to_pylist())) > 50


def test_timestamps_at_midnight_stay_days():
    """A day is reported as an instant in many tables."""
    source = chance().integers(0, 20_000, ROWS).astype("M8[D]").astype("M8[ns]")
    result = values(made(column(source)))
    assert all(one.hour == one.minute == one.second == one.microsecond == 0 for one in result)


@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=60),
    st.integers(0, 2**63 - 1),
)
@settings(max_examples=40, deadline=None)
def test_integers_stay_within_their_bounds(source, seed):
    """However far apart they are: no overflow, no rounding over the edge."""
    table = pa.table({"c": pa.array(source, pa.int64()), "n": list(range(len(source)))})
    result = fit(table, seed=seed, columns={"c": "numeric"}).generate(0, 50, offset=0)
    assert min(source) <= min(values(result)) <= max(values(result)) <= max(source)


@pytest.mark.parametrize("low", [-(2**63), -(2**62) - 10_000, 0])
def test_integers_further_apart_than_their_type_counts_stay_within_their_bounds(low):
    """The distance of two neighbours need not fit their type."""
    source = [low, 2**62 + 10_000, 2**62 + 10_040]
    table = pa.table({"c": pa.array(source, pa.int64())})
    result = values(fit(table, seed=1, columns={"c": "numeric"}).generate(0, 4_000, offset=0))
    assert min(source) <= min(result) <= max(result) <= max(source)
    between = [n for n in result if low < n < 2**62 + 10_000]
    assert min(between) < low + 2**61
    assert max(between) > 2**61


@given(st.lists(st.floats(allow_nan=False, width=64), min_size=2, max_size=60))
@settings(max_examples=40, deadline=None)
def test_floats_stay_within_their_bounds(source):
    """From the smallest to the largest there are."""
    result = values(made(column(source, pa.float64()), 50))
    assert min(source) <= min(result) <= max(result) <= max(source)


@given(
    st.lists(st.one_of(st.none(), st.text(max_size=8)), min_size=2, max_size=60),
    st.integers(0, 100),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_strings_can_be_fitted_and_kept(source, seed):
    """Whatever signs they hold, NUL and emoji too; and the kept model makes the same."""
    table = column(source, pa.string())
    model = fit(table, seed=seed)
    one = model.generate(1, 30, offset=30)
    assert one.schema == table.schema
    assert Model.from_bytes(model.to_bytes()).generate(1, 30, offset=30).equals(one)
    if None not in source:
        assert one["c"].null_count == 0


def test_one_long_string_does_not_widen_the_others():
    """Memory grows with the text there is, not with rows times the longest."""
    source = [f"{row} and some words" for row in range(2_000)]
    source[7] = "long " * 8_000
    table = column(source, pa.string())
    tracemalloc.start()
    try:
        made(table, 100)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40_000_000


def test_a_final_nul_is_part_of_a_string():
    """Two levels that differ in nothing else stay two, and a kept model knows both."""
    model = fit(column(["a\0", "a"] * 50, pa.string()), seed=3)
    assert set(values(Model.from_bytes(model.to_bytes()).generate(0, 100, offset=0))) == {
        "a\0",
        "a",
    }


@given(st.lists(st.text(min_size=1, max_size=6), min_size=25, max_size=60, unique=True))
@settings(max_examples=30, deadline=None)
def test_ids_of_any_form_are_unique_and_new(source):
    """Two parts of them, too."""
    model = fit(column(source, pa.string()), seed=1, columns={"c": "id"})
    parts = [model.generate(index, 200, offset=index * 200) for index in range(2)]
    result = [value for part in parts for value in values(part)]
    assert len(set(result)) == 400
    assert not set(result) & set(source)


def test_the_same_sample_and_seed_give_the_same_bytes():
    """A model can be compared, and made again."""
    one, other = (fit(mixed(), seed=9).to_bytes() for _ in range(2))
    assert one == other
    assert fit(mixed(), seed=10).to_bytes() != one


def test_a_kept_model_is_the_model():
    """Everything survives, and is kept as the same bytes again."""
    model = fit(mixed(), seed=9)
    again = Model.from_bytes(model.to_bytes())
    assert again.schema == model.schema
    assert (again.kinds, again.warnings, again.seed) == (model.kinds, model.warnings, 9)
    assert [one.variables for one in again.stages] == [one.variables for one in model.stages]
    assert again.to_bytes() == model.to_bytes()


def test_a_part_depends_on_its_number_and_place_only():
    """In whatever order, by whichever process, after whatever else."""
    model = fit(mixed(), seed=9)
    whole = [model.generate(index, 100, offset=index * 100) for index in range(4)]
    again = Model.from_bytes(model.to_bytes())
    for index in (3, 0, 2, 1):
        assert again.generate(index, 100, offset=index * 100).equals(whole[index])
    assert not whole[0].equals(whole[1])


def test_every_type_survives_keeping():
    """Decimals of 38 digits and all."""
    table = pa.table(TYPES)
    model = fit(table, seed=2)
    again = Model.from_bytes(model.to_bytes())
    one, other = model.generate(0, 80, offset=0), again.generate(0, 80, offset=0)
    assert one.schema == table.schema
    assert all(str(values(one, name)) == str(values(other, name)) for name in table.column_names)


def test_a_part_of_no_rows_is_an_empty_table():
    """The smallest part there is."""
    result = fit(mixed(), seed=1).generate(0, 0, offset=0)
    assert result.num_rows == 0
    assert result.schema == mixed().schema


def ids(table: pa.Table, rows: int = 900, parts: int = 3) -> list:
    model = Model.from_bytes(fit(table, seed=4).to_bytes())
    assert model.kinds["id"] == "id"
    size = rows // parts
    made = [model.generate(index, size, offset=index * size) for index in range(parts)]
    return [value for part in made for value in values(part, "id")]


def as_is(source, type=None) -> pa.Table:
    return pa.table({"id": pa.array(source, type), "x": chance().normal(size=len(source))})


IDS = {
    "counting up": (range(1, 501), pa.int64()),
    "from zero": (range(500), pa.int32()),
    "small type": (range(100), pa.int8()),
    "at the top": (range(2**63 - 500, 2**63), pa.int64()),
    "top of uint64": (range(2**64 - 500, 2**64), pa.uint64()),
    "negative": (range(-500, 0), pa.int64()),
    "by tens": (range(0, 5_000, 10), pa.int64()),
    "numbered": ([f"N{n:05d}" for n in range(500)], pa.string()),
    "large string": ([f"N{n:05d}" for n in range(500)], pa.large_string()),
    "dictionary": ([f"N{n:05d}" for n in range(500)], pa.dictionary(pa.int32(), pa.string())),
    "uuid": ([str(uuid.UUID(int=n * 7**40 % 2**128)) for n in range(500)], pa.string()),
    "lengths differ": ([f"{n}" for n in range(500)], pa.string()),
    "mail": ([f"user.{n}@example.org" for n in range(500)], pa.string()),
    "few of its form": ([f"{a}{b}" for a in "abcdefghij" for b in "0123456789"], pa.string()),
}


@pytest.mark.parametrize("name", IDS)
def test_ids_are_unique_over_parts_and_never_the_inputs(name):
    """Each row differs from all others, and from all of the input."""
    source, type = list(IDS[name][0]), IDS[name][1]
    rows = 27 if name == "small type" else 900
    result = ids(as_is(source, type), rows)
    assert len(set(result)) == len(result) == rows
    assert not set(result) & set(source)


@pytest.mark.parametrize(
    "source", [range(100), range(-128, 128), [*range(-128, 0), *range(99, 128)]]
)
def test_a_type_too_small_for_new_ids_is_reported(source):
    """An 8-bit number tells 256 rows apart: more of them repeat, and a warning says so."""
    model = fit(as_is(list(source), pa.int8()), seed=1, columns={"id": "id"})
    assert any("'id'" in warning and "repeat" in warning for warning in model.warnings)
    result = values(model.generate(0, 1_000, offset=10**9), "id")
    room = 256 - len(source)
    assert not room or not set(result) & set(source)
    assert len(set(result)) > 20


def test_there_are_more_ids_than_the_pattern_has_strings():
    """10 forms with one digit, 2,000 rows: the pattern is lengthened, not repeated."""
    source = [f"K{n}" for n in range(10)] + [f"K{n}{m}" for n in range(10) for m in range(3)]
    result = ids(as_is(source), 3_000)
    assert len(set(result)) == 3_000
    assert not set(result) & set(source)


def test_new_ids_look_like_the_inputs():
    """An order number looks like an order number."""
    result = ids(as_is([f"N{n:05d}" for n in range(500)]))
    assert all(len(one) == 6 and one[0] == "N" and one[1:].isdigit() for one in result)
    result = ids(as_is([f"2024-{n:06d}" for n in range(500)]))
    assert all(one.startswith("2024-") and len(one) == 11 for one in result)
    result = ids(as_is([str(uuid.UUID(int=n * 7**40 % 2**128)) for n in range(500)]))
    assert all(str(uuid.UUID(one)) == one for one in result)


@pytest.mark.parametrize("kind", ["id", "text"])
def test_a_dictionary_of_new_values_can_count_them(kind):
    """128 names fit an 8-bit index, and 1,000 new ones do not."""
    source = [f"name{n}" if kind == "id" else f"name{n} is here" for n in range(100)]
    table = column(source, pa.dictionary(pa.int8(), pa.string()))
    result = fit(table, seed=1, columns={"c": kind}).generate(0, 1_000, offset=0)
    assert result["c"].type == pa.dictionary(pa.int32(), pa.string())
    assert len(set(values(result))) > 128


def test_ids_with_nulls_keep_them():
    """A missing id stays missing about as often."""
    source = [None if n % 4 == 0 else f"N{n:05d}" for n in range(ROWS)]
    table = as_is(source)
    model = fit(table, seed=1)
    result = values(model.generate(0, 1_000, offset=0), "id")
    assert abs(result.count(None) - 250) < 60
    there = [one for one in result if one is not None]
    assert len(set(there)) == len(there)
    assert not set(there) & set(source)


def sentences(rows: int = ROWS) -> list[str]:
    random = chance(8)
    words = ["the order was sent", "late", "and came back", "in bad shape", "to us", "yesterday"]
    return [" ".join(random.choice(words, random.integers(2, 6))) + f" {n}" for n in range(rows)]


def test_free_text_is_never_copied():
    """Not one of many rows is the input's, and the lengths are about its."""
    source = sentences()
    model = fit(column(source), seed=1)
    assert model.kinds["c"] == "text"
    result = values(model.generate(0, 3_000, offset=0))
    assert not {one.strip().lower() for one in result} & {one.strip().lower() for one in source}
    lengths = [len(one.split()) for one in result]
    assert abs(np.mean(lengths) - np.mean([len(one.split()) for one in source])) < 1


def test_words_that_few_rows_have_are_not_used():
    """A name in one complaint names someone."""
    source = [*sentences(), "the order of Rumpelstilzchen was sent to us late again"]
    result = values(made(column(source), 3_000))
    assert not any("rumpelstilzchen" in one.lower() for one in result)


def test_short_texts_that_leave_no_other_are_still_new():
    """All one-word texts are taken: longer ones are made."""
    words = [a + b + c for a in "abc" for b in "abc" for c in "abc"]
    source = words * 4
    model = fit(column(source), seed=1, columns={"c": "text"})
    assert not set(values(model.generate(0, 500, offset=0))) & set(source)


def test_texts_with_nulls_keep_nulls():
    """About as many."""
    source = [None if n % 5 == 0 else text for n, text in enumerate(sentences())]
    model = fit(column(source), seed=1)
    assert model.kinds["c"] == "text"
    result = model.generate(0, 2_000, offset=0)["c"]
    assert abs(result.null_count / 2_000 - 0.2) < 0.05


@pytest.mark.parametrize("value", [5, 2.5, "x", True, dt.date(2020, 1, 1), Decimal("1.50")])
def test_a_constant_stays_that_constant(value):
    """There is nothing to learn, and nothing to get wrong."""
    table = pa.table({"c": [value] * 50, "n": list(range(50))})
    result = made(table)
    assert set(values(result)) == {value}
    assert result.schema == table.schema


def test_a_column_of_nulls_is_reported():
    """A user may have read the wrong file."""
    model = fit(pa.table({"c": pa.nulls(30, pa.int32()), "n": range(30)}), seed=1)
    assert any("'c'" in warning for warning in model.warnings)
    assert model.generate(0, 10, offset=0)["c"].null_count == 10


def test_a_constant_with_nulls_keeps_both():
    """Either the one value or none."""
    result = values(made(column(["x", None] * 100), 1_000))
    assert set(result) == {"x", None}
    assert 400 < result.count(None) < 600


def test_two_rows_are_enough():
    """The least there is to learn from."""
    table = pa.table({"a": [1, 2], "b": ["x", None], "c": [1.5, 2.5]})
    result = made(table, 100)
    assert result.schema == table.schema
    assert set(values(result, "a")) == {1, 2}


@pytest.mark.parametrize("rows", [0, 1])
def test_fewer_rows_are_reported(rows):
    """A model of one row would copy it."""
    with pytest.raises(InputError, match="at least 2") as raised:
        fit(column(list(range(rows)), pa.int64()), seed=1)
    assert raised.value.code == "too_few_rows"


def test_three_hundred_columns_are_fitted_in_seconds():
    """A wide table is not for ever; seconds of the processor, since others use it too."""
    random = chance()
    table = pa.table({f"c{n}": random.normal(size=2_000) for n in range(300)})
    begin = time.process_time()
    result = made(table, 1_000)
    assert time.process_time() - begin < 30
    assert result.schema == table.schema


UNLEARNT = {
    "list": pa.array([[1], [2]] * 20),
    "struct": pa.array([{"a": 1}, {"a": 2}] * 20),
    "binary": pa.array([b"1", b"2"] * 20),
    "map": pa.array([[("a", 1)], [("b", 2)]] * 20, pa.map_(pa.string(), pa.int64())),
    "dictionary of binary": pa.array([b"1", b"2"] * 20).dictionary_encode(),
    "interval": pa.array([pa.MonthDayNano([1, 2, 3])] * 40),
}


@pytest.mark.parametrize("name", UNLEARNT)
def test_a_column_that_cannot_be_fitted_is_named(name):
    """And what to do about it is said."""
    table = pa.table({"good": list(range(40)), "bad one": UNLEARNT[name]})
    with pytest.raises(InputError, match="'bad one'") as raised:
        fit(table, seed=1)
    assert raised.value.code == "unsupported_column"
    assert raised.value.details["column"] == "bad one"


WRONG = [
    (["a", "b"] * 20, "numeric"),
    (["a", "b"] * 20, "datetime"),
    (["a", "b"] * 20, "boolean"),
    ([1, 2] * 20, "text"),
    ([1, 2] * 20, "datetime"),
    ([1.5, 2.5] * 20, "id"),
    ([True, False] * 20, "numeric"),
    ([1, 2] * 20, "constant"),
]


@pytest.mark.parametrize(("source", "kind"), WRONG)
def test_a_kind_that_a_column_cannot_have_is_reported(source, kind):
    """With the column, its type, and the kind that was found."""
    with pytest.raises(InputError, match="'c'") as raised:
        fit(column(source), seed=1, columns={"c": kind})
    assert raised.value.code == "wrong_kind"
    assert raised.value.details["kind"] == kind


@pytest.mark.parametrize("name", sorted(TYPES))
@pytest.mark.parametrize("kind", COLUMN_KINDS)
def test_a_kind_is_either_kept_or_refused(name, kind):
    """No combination breaks."""
    table = pa.table({"c": TYPES[name]})
    model = None
    with contextlib.suppress(InputError):
        model = fit(table, seed=1, columns={"c": kind})
    if model is None:
        with pytest.raises(InputError, match="cannot be") as raised:
            fit(table, seed=1, columns={"c": kind})
        assert raised.value.code == "wrong_kind"
        return
    assert model.kinds["c"] in {kind, "constant"}
    result = model.generate(0, 60, offset=0)
    if name == "dictionary int8" and kind in {"id", "text"}:  # its index has become wider
        assert result["c"].type == pa.dictionary(pa.int32(), pa.large_string())
    else:
        assert result.schema == table.schema


@st.composite
def tables_with_nulls(draw):
    """Categories, numbers and dates, each missing where a category has some of its levels."""
    rows = draw(st.sampled_from([2, 40, 300]))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    columns, masks = {}, [np.zeros(rows, bool)]
    for name in "abc"[: draw(st.integers(1, 3))]:
        levels = draw(st.integers(2, 6))
        codes = random.integers(0, levels, rows)
        lacking = draw(st.sets(st.sampled_from([0, levels - 1]), min_size=1, max_size=levels - 1))
        mask = draw(st.sampled_from(masks))
        columns[name] = pa.array([f"level {code}" for code in codes], mask=mask)
        masks += [np.isin(codes, list(lacking)), random.random(rows) < 0.3]
    numbers = random.integers(0, draw(st.sampled_from([2, 40, 10**6])), rows)
    for name, type in (("amount", pa.int64()), ("date", pa.timestamp("s"))):
        columns[name] = pa.array(numbers, type, mask=draw(st.sampled_from(masks)))
    return pa.table({name: columns[name] for name in draw(st.permutations(list(columns)))})


@settings(max_examples=60, deadline=None)
@given(source=tables_with_nulls(), seed=st.integers(0, 99))
def test_any_pattern_of_nulls_and_levels_can_be_fitted(source, seed):
    """Where a level occurs only beside nulls of another column, rows are made all the same."""
    found = made(source, 200, seed=seed)

    assert found.schema.names == source.schema.names
    for name in source.column_names:
        if source[name].null_count in (0, source.num_rows):
            assert found[name].null_count == (200 if source[name].null_count else 0)


def test_columns_with_the_same_data_stay_dependent():
    """What always goes together still mostly does."""
    random = chance()
    kind = random.choice(list("abcdef"), 3_000)
    number = random.normal(size=3_000)
    table = pa.table({"k": kind, "x": number, "k2": kind, "x2": number})
    result = made(table, 3_000)
    assert np.mean(np.array(values(result, "k")) == np.array(values(result, "k2"))) > 0.95
    assert np.corrcoef(values(result, "x"), values(result, "x2"))[0, 1] > 0.95


def test_nulls_that_go_together_still_do():
    """A missing address misses street and city."""
    gone = chance().random(2_000) < 0.3
    table = pa.table(
        {name: pa.array(chance(n).normal(size=2_000), mask=gone) for n, name in enumerate("ab")}
    )
    result = made(table, 2_000)
    one, other = (np.array([v is None for v in values(result, name)]) for name in "ab")
    assert np.mean(one == other) > 0.97


def test_five_thousand_levels_stay_levels():
    """A zip code that is made is one of the input's."""
    random = chance()
    levels = [f"zip {n}" for n in range(5_000)]
    source = random.choice(levels, 40_000).tolist()
    table = pa.table({"c": source, "n": random.integers(0, 9, 40_000)})
    model = fit(table, seed=1)
    assert model.kinds["c"] == "categorical"
    result = set(values(model.generate(0, 20_000, offset=0)))
    assert result <= set(source)
    assert len(result) > 4_000


def test_progress_goes_up_to_one():
    """The bar reaches its end."""
    reported: list[float] = []
    fit(mixed(), seed=1, on_progress=reported.append)
    assert reported == sorted(reported)
    assert reported[-1] == 1


def test_names_of_columns_may_be_anything():
    """Empty, with dots, of another alphabet."""
    names = ["", "a.b", "маленький", "maker0", "header", 'q"uote', "\0"]
    table = pa.table([pa.array(chance(n).integers(0, 9, 60)) for n, _ in enumerate(names)], names)
    model = Model.from_bytes(fit(table, seed=1).to_bytes())
    assert model.generate(0, 5, offset=0).schema == table.schema


def test_strings_that_mostly_point_at_one_row_are_never_copied():
    """Addresses of which a few repeat are as private as those that do not."""
    random = np.random.default_rng(1)
    addresses = [f"user{random.integers(10**6)}@example.org" for _ in range(800)]
    column = addresses + addresses[:150]
    model = fit(pa.table({"mail": column, "n": range(950)}), seed=1)
    made = model.generate(0, 2_000, offset=0)["mail"].to_pylist()
    assert model.kinds["mail"] == "id"
    assert not set(made) & set(column)
    assert all("@example.org" in address for address in made)


def test_years_are_numbers_not_identifiers():
    """Sorted and all different is not enough: few of them count as values."""
    model = fit(pa.table({"year": range(1900, 2020), "x": [n % 7 for n in range(120)]}), seed=1)
    made = model.generate(0, 500, offset=0)["year"].to_pylist()
    assert model.kinds["year"] == "numeric"
    assert (min(made) >= 1900, max(made) <= 2019) == (True, True)
