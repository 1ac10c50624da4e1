"""Relations that rows keep are found, dropped, and rebuilt exactly."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datagen_nb.core.errors import InputError
from datagen_nb.relations import find, only_made
from datagen_nb.relations.dependency import Lookup
from datagen_nb.synth import packing
from datagen_nb.synth.fitting import fit

ROWS = 400
DAY = np.timedelta64(1, "D")
quietly = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def chance(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def kinds_of(table: pa.Table) -> dict[str, str]:
    kinds = {}
    for field in table.schema:
        if pa.types.is_boolean(field.type):
            kinds[field.name] = "boolean"
        elif pa.types.is_temporal(field.type):
            kinds[field.name] = "datetime"
        elif pa.types.is_string(field.type) or pa.types.is_dictionary(field.type):
            kinds[field.name] = "categorical"
        else:
            kinds[field.name] = "numeric"
    return kinds


def days(random, rows, start="2023-01-01", most=700):
    return np.datetime64(start, "D") + random.integers(0, most, rows) * DAY


def sums(random, rows):
    net = random.gamma(2, 30, rows).round(2)
    tax = random.gamma(2, 10, rows).round(2)
    return {"net": net, "tax": tax, "gross": (net + tax).round(2)}


def many_sums(random, rows):
    parts = {f"p{n}": random.gamma(2, 30, rows).round(2) for n in range(5)}
    return {**parts, "all": sum(parts.values()).round(2)}


def payslips(random, rows):
    parts = {name: random.gamma(2, 30, rows).round(2) for name in ("tax", "health", "bonus")}
    gross = random.gamma(20, 300, rows).round(2)
    net = gross - parts["tax"] - parts["health"] + parts["bonus"] - 12.5
    return {"gross": gross, **parts, "net": net.round(2)}


def fares(random, rows):
    parts = {name: random.gamma(2, 9, rows).round(2) for name in ("fare", "tip", "tolls")}
    total = sum(parts.values()) + 0.5
    return {**parts, "fee": np.full(rows, 0.5), "total": total.round(2)}


def products(random, rows):
    quantity = random.integers(1, 40, rows)
    price = random.gamma(2, 30, rows).round(2) + 1
    return {"quantity": quantity, "price": price, "total": (quantity * price).round(2)}


def ratios(random, rows):
    net, tax = random.gamma(2, 30, rows).round(2) + 1, random.gamma(2, 10, rows).round(2)
    return {"net": net, "tax": tax, "rate": (tax / net).round(4)}


def unrounded(random, rows):
    net, tax = random.normal(0, 1, rows), random.normal(0, 1, rows)
    return {"net": net, "tax": tax, "product": net * tax}


def rescaled(random, rows):
    celsius = random.normal(10, 8, rows).round(1)
    return {"celsius": celsius, "fahrenheit": (celsius * 1.8 + 32).round(1)}


def printed(random, rows):
    amount = random.normal(0, 100, rows).round(2)
    return {"amount": amount, "printed": np.abs(amount)}


def dollars(random, rows):
    plain = np.exp(random.normal(7, 1, rows)).round(2)
    return {"plain": plain, "usd": np.rint(plain).astype(np.int64)}


def decimals(random, rows):
    ticks = random.integers(-(10**6), 10**6, (2, rows))
    columns = [[Decimal(int(one)).scaleb(-2) for one in row] for row in (*ticks, ticks.sum(axis=0))]
    return dict(zip("abc", (pa.array(one, pa.decimal128(12, 2)) for one in columns), strict=True))


def lengths(random, rows):
    start = days(random, rows).astype("M8[us]") + random.integers(0, 1440, rows) * np.timedelta64(
        1, "m"
    )
    minutes = random.integers(0, 10_000, rows)
    return {"start": start, "end": start + minutes * np.timedelta64(1, "m"), "minutes": minutes}


def stays(random, rows):
    start = days(random, rows).astype("M8[us]") + random.integers(0, 1440, rows) * np.timedelta64(
        1, "m"
    )
    end = start + random.integers(1, 20_000, rows) * np.timedelta64(1, "m")
    return {"admission": start, "discharge": end, "los": (end - start) // DAY}


def nights(random, rows):
    start = days(random, rows).astype("M8[us]") + random.integers(0, 1440, rows) * np.timedelta64(
        1, "m"
    )
    end = start + random.integers(1, 20_000, rows) * np.timedelta64(1, "m")
    return {
        "arrival": start,
        "leave": end,
        "nights": (end.astype("M8[D]") - start.astype("M8[D]")).astype(np.int64),
    }


def delays_by_the_clock(random, rows):
    due = random.integers(0, 1440 // 5, rows) * 5
    late = np.rint(random.exponential(30, rows) - 5).astype(np.int64)
    of_day = [
        pa.array(one % 1440 * 60, pa.int32()).cast(pa.time32("s")) for one in (due, due + late)
    ]
    return {"due": of_day[0], "left": of_day[1], "late": late}


def terms(random, rows):
    start = days(random, rows)
    end = start + random.integers(40, 2_000, rows) * DAY
    months = (end.astype("M8[M]") - start.astype("M8[M]")).astype(np.int64)
    return {"signed": start, "due": end, "term": months + 1}


def delays(random, rows):
    ordered = days(random, rows)
    return {"ordered": ordered, "shipped": ordered + random.choice([0, 1, 2, 5, 13], rows) * DAY}


def spreads(random, rows):
    bid = random.gamma(3, 20, rows).round(2)
    return {"bid": bid, "ask": (bid + random.gamma(2, 5, rows)).round(2)}


def candles(random, rows):
    one, two = random.gamma(9, 9, (2, rows)).round(2)
    high = (np.maximum(one, two) + random.gamma(1, 1, rows)).round(2)
    return {"open": one, "close": two, "high": high}


def parts_of_dates(random, rows):
    at = days(random, rows).astype("M8[us]") + random.integers(0, 1440, rows) * np.timedelta64(
        1, "m"
    )
    weekday = (at.astype("M8[D]").astype(np.int64) + 3) % 7
    names = np.array(["Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"])
    return {
        "at": at,
        "on": at.astype("M8[D]"),
        "year": at.astype("M8[Y]").astype(np.int64) + 1970,
        "weekday": names[weekday],
        "weekend": weekday >= 5,
    }


def ages(random, rows):
    birth = days(random, rows, "1940-01-01", 25_000)
    at = dt.date(2024, 6, 1)
    age = [
        at.year - one.year - ((at.month, at.day) < (one.month, one.day)) for one in birth.tolist()
    ]
    return {"birth": birth, "age": age}


def places(random, rows):
    zip_code = random.integers(0, max(rows // 20, 6), rows)
    return {
        "zip": [f"{one:05d}" for one in zip_code],
        "city": [f"City {one // 2}" for one in zip_code],
        "country": [f"C{one // 6}" for one in zip_code],
    }


def prices_of_two(random, rows):
    product, region = random.integers(0, 6, rows), random.integers(0, 4, rows)
    price = chance(1).integers(1, 6, (6, 4))[product, region]
    return {
        "product": [f"P{n}" for n in product],
        "region": [f"R{n}" for n in region],
        "price": price,
    }


def signs(random, rows):
    amount = random.normal(0, 100, rows).round(2)
    return {"amount": amount, "type": np.where(amount < 0, "debit", "credit")}


def compositions(random, rows):
    ticks = random.multinomial(1000, [0.2, 0.3, 0.1, 0.4], rows) / 1000
    return dict(zip("abcd", ticks.T, strict=True))


def invoices(random, rows):
    net, tax, shipping = (random.gamma(2, 30, rows).round(2) for _ in range(3))
    total = (net + tax + shipping).round(2)
    paid = np.where(random.random(rows) < 0.5, total, (total / 3).round(2))
    due = (total - paid).round(2)
    return {"net": net, "tax": tax, "shipping": shipping, "total": total, "paid": paid, "due": due}


def spouses(random, rows):
    married = random.random(rows) < 0.5
    return {"married": married, "age": pa.array(random.integers(18, 80, rows), mask=~married)}


def shipments(random, rows):
    status = random.choice(["open", "sent", "cancelled"], rows)
    sent = pa.array(random.gamma(2, 9, rows).round(1), mask=status == "cancelled")
    return {"status": status, "sent": sent}


KINDS = dict(
    {
        sums: "gross = net + tax",
        many_sums: "all = p0 + p1 + p2 + p3 + p4",
        payslips: "gross = tax + health + net - bonus + 12.5",
        fares: "total = fare + tip + tolls + fee",
        products: "total = quantity * price",
        ratios: "rate = tax / net",
        unrounded: "product = net * tax",
        rescaled: "fahrenheit = celsius * 1.8 + 32",
        printed: "printed = abs(amount)",
        dollars: "usd = plain",
        decimals: "c = a + b",
        lengths: 'end = start + minutes("minutes")',
        stays: "los = days(discharge - admission)",
        nights: "nights = days(date(leave) - date(arrival))",
        delays_by_the_clock: "left = due + minutes(late)",
        terms: "term = month_number(due) - month_number(signed) + 1",
        delays: "shipped >= ordered",
        spreads: "ask >= bid",
        candles: None,
        parts_of_dates: None,
        ages: None,
        places: "country <- city",
        prices_of_two: "price <- region, product",
        signs: "type <- amount",
        compositions: "a + b + c + d = 1",
        invoices: "paid + due = total",
        spouses: "married <- age is null",
        shipments: "sent is null if status in (cancelled)",
    }.items()
)


def table_of(make, seed: int, rows: int = ROWS) -> pa.Table:
    columns = make(chance(seed), rows)
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def shuffled(table: pa.Table, seed: int) -> pa.Table:
    """Every column in an order of its own, as if nothing were known of their dependence."""
    random = chance(seed)
    rows = [pa.array(random.permutation(table.num_rows)) for _ in table.column_names]
    columns = [table[place].take(one) for place, one in enumerate(rows)]
    return pa.table(columns, table.column_names)


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_a_rule_that_rows_keep_is_found(make):
    """Each kind of rule is found by its sentence."""
    table = table_of(make, 1)
    sentences = [relation.sentence for relation in find(table, kinds=kinds_of(table))]
    assert sentences
    if rule := KINDS[make]:
        assert any(rule in (one, one.replace(" > ", " >= ")) for one in sentences)


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
@quietly
@given(seed=st.integers(0, 10**6), null_share=st.sampled_from([0.0, 0.0, 0.1, 0.5]))
def test_a_reduced_table_is_rebuilt_exactly(make, seed, null_share):
    """Any rows, any nulls: what was dropped comes back as it was, in its type."""
    table = table_of(make, seed)
    random = chance(seed + 1)
    for place, name in enumerate(table.column_names):
        keep = pa.array(random.random(ROWS) >= null_share)
        column = pc.if_else(keep, table[name], pa.scalar(None, table[name].type))
        table = table.set_column(place, name, column)
    relations = find(table, kinds=kinds_of(table))
    back = relations.rebuild(relations.reduce(table), chance(0)).select(table.column_names)
    if not any(relation.exceptions for relation in relations):
        assert back.schema == table.schema
        for name in table.column_names:
            if make is not unrounded:
                assert back[name].equals(table[name]), name


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
@quietly
@given(seed=st.integers(0, 10**6), rows=st.sampled_from([1, 7, 300]))
def test_any_reduced_rows_keep_the_rules_when_rebuilt(make, seed, rows):
    """However the reduced table is drawn, the rebuilt one breaks no rule."""
    table = table_of(make, 1)
    relations = find(table, kinds=kinds_of(table))
    reduced = shuffled(relations.reduce(table), seed).slice(0, rows)
    made = relations.rebuild(reduced, chance(seed))
    assert set(made.column_names) == set(table.column_names)
    assert set(relations.shares(made).values()) <= {1.0}


LEVELS = {
    "float16": pa.array(np.array([0.5, 1.5, 2.5], dtype=np.float16)),
    "float32": pa.array([0.5, 1.5, 2.5], pa.float32()),
    "uint64": pa.array([1, 2, 2**64 - 1], pa.uint64()),
    "decimal": pa.array([Decimal("1.25"), Decimal(2), Decimal(3)]),
    "date64": pa.array([0, 86_400_000, 172_800_000]).view(pa.date64()),
    "time": pa.array([1, 2, 3], pa.time32("s")),
    "timestamp": pa.array([1, 2, 3], pa.timestamp("us", "UTC")),
    "duration": pa.array([1, 2, 3], pa.duration("s")),
    "boolean": pa.array([True, False, True]),
    "large text": pa.array(["x", "y", "z"], pa.large_string()),
    "dictionary": pa.array(["x", "y", "z"]).dictionary_encode(),
}


@pytest.mark.parametrize("name", LEVELS)
def test_a_column_that_follows_from_another_may_have_any_type(name):
    """The values that follow are compared with those a table has, also those of half floats."""
    levels = LEVELS[name]
    places = pa.array([0, 1, 2, 2])
    relation = Lookup(
        target="target",
        operands=("place",),
        keys=(pa.array(["a", "b", "c"]),),
        entries=np.arange(3),
        values=levels,
    )
    kept = pa.table({"place": ["a", "b", "c", "c"], "target": levels.take(places)})
    assert relation.holds(kept).all()
    assert not relation.holds(kept.set_column(0, "place", pa.array(["b", "a", "a", "b"]))).all()


def test_half_floats_may_be_no_number_in_any_bits():
    """Nothing warns: those of other systems have bits that signal."""
    random = chance(1)
    bits = random.choice(np.array([0x7D01, 0x3C00, 0x4000, 0xFD01], dtype=np.uint16), 200)
    half = pa.array(bits.view(np.float16))
    table = pa.table({"a": half, "b": half, "c": random.integers(0, 9, 200)})
    find(table, kinds=dict.fromkeys("abc", "numeric"))


@quietly
@given(seed=st.integers(0, 10**6), rows=st.sampled_from([8, 10, 20, 50, 200, 1000]))
def test_independent_columns_have_no_relation(seed, rows):
    """Nothing is found by chance, however few the rows."""
    random = chance(seed)
    columns = {}
    for number in range(14):
        columns[f"c{number}"] = [
            lambda: random.normal(0, 1, rows),
            lambda: random.gamma(2, 10, rows).round(2),
            lambda: random.integers(0, 6, rows),
            lambda: random.choice(list("abcdef"), rows),
            lambda: random.random(rows) < 0.3,
            lambda: days(random, rows),
            lambda: pa.array(random.integers(0, 100, rows), mask=random.random(rows) < 0.3),
        ][number % 7]()
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    assert [one.sentence for one in find(table, kinds=kinds_of(table))] == []


@pytest.mark.parametrize("make", [sums, places], ids=lambda make: make.__name__)
def test_exceptions_come_back_as_a_share(make):
    """A rule that a few rows break is found, and broken as often."""
    table = table_of(make, 1, 20_000)
    name = table.column_names[-1]
    rows = np.arange(table.num_rows)
    rows[:40] = rows[:40][::-1] + 100
    table = table.set_column(len(table.column_names) - 1, name, table[name].take(pa.array(rows)))
    relations = find(table, kinds=kinds_of(table))
    (share,) = [share for share in relations.shares(table).values() if share < 1]
    made = relations.rebuild(relations.reduce(table), chance(3))
    (again,) = [again for again in relations.shares(made).values() if again < 1]
    assert again == pytest.approx(share, abs=0.002)


def test_a_long_sum_is_found_though_rows_all_over_break_it():
    table = table_of(payslips, 1, 5_000)
    net = table["net"].to_numpy().copy()
    net[::331] += 3
    table = table.set_column(table.column_names.index("net"), "net", pa.array(net))
    shares = find(table, kinds=kinds_of(table)).shares(table)
    assert shares[KINDS[payslips]] == pytest.approx(1 - 16 / 5_000)


def test_an_exception_stays_in_the_columns_range():
    """Some walks of a career are fewer than its home runs; none are fewer than none."""
    random = chance(1)
    runs = random.gamma(1, 60, 1_000).astype(int)
    walks = runs + random.gamma(1, 15, 1_000).astype(int)
    walks[:4] = runs[:4] * 2 // 3
    model = fit(pa.table({"home_runs": runs, "walks": walks}), seed=1)
    assert "walks >= home_runs" in [one.sentence for one in model.relations]
    made = model.generate(0, 40_000, offset=0).to_pandas()
    assert made["walks"].min() >= walks.min()
    assert (made["walks"] < made["home_runs"]).any()


def test_relations_are_kept_as_bytes():
    """Every kind of relation comes back from a model's bytes and rebuilds the same."""
    for make in KINDS:
        table = table_of(make, 1)
        relations = find(table, kinds=kinds_of(table))
        kept = packing.from_bytes(packing.to_bytes(relations))
        reduced = relations.reduce(table)
        assert kept.reduce(table).equals(reduced)
        assert kept.rebuild(reduced, chance(1)).equals(relations.rebuild(reduced, chance(1)))


def test_a_lookup_keeps_no_more_levels_than_are_made():
    """Neither those that are never drawn, nor values of its target that too few rows have."""
    table = table_of(places, 1)
    found = find(table, kinds=kinds_of(table))
    some = table["zip"].unique().slice(0, 3)
    only, made = only_made(found, {"zip": some}, {})
    lookup = next(one for one in only if one.targets == ("city",))
    assert sorted(lookup.rows()["zip"].to_pylist()) == sorted(some.to_pylist())
    assert set(made["city"].to_pylist()) == set(lookup.values.to_pylist())
    city = table["city"][0].as_py()
    only, _ = only_made(found, {}, {"city": pa.array([city])})
    lookup = next(one for one in only if one.targets == ("city",))
    assert set(lookup.values.to_pylist()) == {city}


def test_a_lookup_keeps_what_all_rows_of_a_level_have():
    """Enough rows have the level, and so the value, wherever it was counted."""
    table = table_of(places, 1)
    found = find(table, kinds=kinds_of(table))
    some = table["zip"].unique().slice(0, 3)
    only, _ = only_made(found, {"zip": some}, {"city": table["city"].unique().slice(0, 1)})
    cities = dict(zip(table["zip"].to_pylist(), table["city"].to_pylist(), strict=True))
    lookup = next(one for one in only if one.targets == ("city",))
    assert all(cities[row["zip"]] == row["city"] for row in lookup.rows().to_pylist())


def test_values_outside_the_range_of_a_type_are_clipped():
    """A rebuilt value that its type cannot hold is the nearest that it can."""
    quantity = chance(1).integers(1, 15, ROWS).astype(np.int16)
    price = chance(2).integers(1, 15, ROWS).astype(np.int16)
    table = pa.table({"q": quantity, "p": price, "total": pa.array(quantity * price, pa.uint8())})
    relations = find(table, kinds=kinds_of(table))
    made = relations.rebuild(pa.table({"q": pa.array([999], pa.int16()),
                                       "p": pa.array([999], pa.int16())}), chance(1))  # fmt: skip
    assert made["total"].to_pylist() == [255]


def test_off_finds_nothing():
    """``off`` keeps all columns."""
    table = table_of(sums, 1)
    assert not len(find(table, kinds=kinds_of(table), mode="off"))


def test_a_list_of_rules_is_never_taken_for_auto():
    """Only those in it are kept; a mode that is none is refused."""
    table = table_of(sums, 1)
    found = find(table, kinds=kinds_of(table), mode=["gross = net + tax"])
    assert [one.sentence for one in found] == ["gross = net + tax"]
    with pytest.raises(InputError, match="auto, off or a list"):
        find(table, kinds=kinds_of(table), mode="on")
