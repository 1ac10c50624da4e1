"""Rows of a schema, made in this process: what is declared holds in all of them."""

import math
from datetime import date, time, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datagen_nb as dg
from datagen_nb.core.declared_kinds import LOCALES
from datagen_nb.core.errors import ArgumentError, InputError
from datagen_nb.synth.declared.compiling import model_of
from datagen_nb.synth.identities.checked import is_valid
from datagen_nb.synth.model import Model

ROWS = 1_200

SLOW = settings(max_examples=40, deadline=None)

shares = st.floats(0, 1, width=32)
seeds = st.integers(0, 2**63 - 1)


@st.composite
def numbers(draw):
    """A number within bounds that its distribution reaches."""
    kind = draw(st.sampled_from(["number", "integer"]))
    low = draw(st.integers(-1_000, 1_000))
    high = low + draw(st.integers(0, 1_000))
    column = {"kind": kind, "min": low, "max": high, "nulls": draw(shares)}
    middle = draw(st.integers(low, high))
    distribution = draw(st.sampled_from(["uniform", "normal", "lognormal", "exponential"]))
    if distribution != "uniform":
        column |= {"distribution": distribution, "mean": middle}
    if distribution in ("lognormal", "exponential"):
        mean = abs(middle) + 1
        column |= {"mean": mean, "min": abs(middle) * draw(shares), "max": mean + high - low}
    if distribution in ("normal", "lognormal"):
        column["sd"] = draw(st.floats(0.5, 500))
    if kind == "number" and draw(st.booleans()):
        column["decimals"] = draw(st.integers(0, 4))
    if kind == "integer":
        column["min"], column["max"] = math.floor(column["min"]), math.ceil(column["max"])
    return column


@st.composite
def dates(draw):
    """A date, an instant or a time of day."""
    kind = draw(st.sampled_from(["date", "datetime", "time"]))
    if kind == "date":
        bounds = sorted(draw(st.tuples(st.dates(), st.dates())))
    elif kind == "datetime":
        bounds = sorted(draw(st.tuples(st.datetimes(), st.datetimes())))
    else:
        bounds = sorted(draw(st.tuples(st.times(), st.times())))
    return {"kind": kind, "from": bounds[0], "to": bounds[1], "nulls": draw(shares)}


@st.composite
def categories(draw):
    """Levels of one type in some shares."""
    values = draw(
        st.lists(st.text("abcäß ,'\"", max_size=4), min_size=1, max_size=6, unique=True)
        | st.lists(st.integers(-99, 99), min_size=1, max_size=6, unique=True)
    )
    weights = np.array(draw(st.lists(shares, min_size=len(values), max_size=len(values)))) + 0.01
    return {
        "kind": "category",
        "values": values,
        "shares": (weights / weights.sum()).tolist(),
        "nulls": draw(shares),
    }


def near(share, expected, rows=ROWS):
    """Whether a share is what is expected, by six standard deviations and a few rows."""
    return abs(share - expected) <= 6 * math.sqrt(expected * (1 - expected) / rows) + 5 / rows


@given(numbers(), seeds)
@SLOW
def test_numbers_stay_within_their_bounds(column, seed):
    """Whatever the distribution; on their grid, and missing as often as declared."""
    made = dg.Schema({"a": column}).sample_arrow(ROWS, seed=seed)["a"].combine_chunks()
    values = made.drop_null().to_numpy()
    assert near(made.null_count / ROWS, column["nulls"])
    assert (values >= column["min"]).all()
    assert (values <= column["max"]).all()
    if column["kind"] == "integer":
        assert made.type == pa.int64()
    elif "decimals" in column:
        assert np.array_equal(np.round(values, column["decimals"]), values)


@given(dates(), seeds)
@SLOW
def test_dates_lie_between_their_bounds(column, seed):
    """Bounds may be Python's own; nothing lies outside."""
    made = dg.Schema({"a": column}).sample_arrow(ROWS, seed=seed)["a"]
    assert near(made.null_count / ROWS, column["nulls"])
    values = made.drop_null().to_pylist()
    assert all(column["from"] <= value <= column["to"] for value in values)


@given(categories(), seeds)
@SLOW
def test_categories_have_their_shares(column, seed):
    """Each level is as frequent as declared, and no other is made."""
    made = dg.Schema({"a": column}).sample_arrow(ROWS, seed=seed)["a"]
    present = made.drop_null().to_pylist()
    assert near(made.null_count / ROWS, column["nulls"])
    assert set(present) <= set(column["values"])
    for value, share in zip(column["values"], column["shares"], strict=True):
        assert not present or near(present.count(value) / len(present), share, len(present))


WHOLE = {
    "order_id": {"kind": "id", "pattern": "ORD-######"},
    "customer_id": {"kind": "id", "rows_per_key": 3},
    "customer": {"kind": "person", "per": "customer_id"},
    "email": {"kind": "email", "per": "customer_id", "nulls": 0.2},
    "ordered": {"kind": "date", "from": "2024-01-01", "to": "2024-12-31", "format": "%d/%m/%Y"},
    "quantity": {"kind": "integer", "distribution": "poisson", "mean": 3, "min": 1},
    "price": {"kind": "number", "distribution": "lognormal", "mean": 40, "sd": 30, "decimals": 2},
    "amount": {"formula": "quantity * price", "decimals": 2, "nulls": 0.1},
    "delivered": {"formula": "ordered + days(quantity)"},
    "status": {"kind": "category", "values": {"open": 0.2, "paid": 0.8}},
    "note": {"kind": "text", "nulls": 0.05},
    "token": "uuid",
}


@given(st.integers(1, 30_000), st.integers(1, 4_000), seeds)
@settings(max_examples=15, deadline=None)
def test_the_same_seed_gives_the_same_rows_however_they_are_divided(offset, rows, seed):
    """A part in the middle has the rows that the whole has there."""
    model = model_of(dg.Schema(WHOLE)._declaration, seed=seed)
    whole = model.generate(0, offset + rows, offset=0)
    assert model.generate(7, rows, offset=offset).equals(whole.slice(offset))
    kept = Model.from_bytes(model.to_bytes())
    assert kept.generate(3, rows, offset=offset).equals(whole.slice(offset))
    assert kept.to_bytes() == model.to_bytes()


def test_another_seed_gives_other_rows():
    """And the same one the same, in the same process or not."""
    schema = dg.Schema(WHOLE)
    assert schema.sample(50, seed=3).equals(dg.Schema(WHOLE).sample(50, seed=3))
    assert not schema.sample(50, seed=3).equals(schema.sample(50, seed=4))


def test_what_goes_together_does():
    """Formulas, one value a key, addresses of the names beside them, all as declared."""
    frame = dg.Schema(WHOLE).sample(12_000, seed=5)
    known = frame.dropna(subset="amount")
    assert np.allclose(known.amount, (known.quantity * known.price).round(2))
    assert near(frame.amount.isna().mean(), 0.1, len(frame))
    ordered = pd.to_datetime(frame.ordered, format="%d/%m/%Y")
    delivered = pd.to_datetime(frame.delivered)
    assert (delivered - ordered == pd.to_timedelta(frame.quantity, unit="D")).all()

    grouped = frame.groupby("customer_id")
    assert (grouped.customer.nunique() == 1).all()
    assert (grouped.email.nunique(dropna=False) == 1).all()
    assert grouped.size().mean() == pytest.approx(3, rel=0.05)
    with_mail = frame.dropna(subset="email")
    last = with_mail.customer.str.split().str[-1].str.lower()
    assert all(name in mail for name, mail in zip(last, with_mail.email, strict=True))
    assert with_mail.email.str.fullmatch(r"[a-z.]+\d*@example\.(com|net|org)").all()

    assert frame.order_id.is_unique
    assert frame.token.is_unique
    assert frame.order_id.str.fullmatch(r"ORD-\d{6}").all()
    assert frame.token.str.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab].*").all()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("column", "rows"),
    [
        ({"kind": "id"}, 20_000),
        ({"kind": "id", "start": 1_000}, 20_000),
        ({"kind": "id", "pattern": "##^?"}, 100 * 16 * 26),
        ({"kind": "pattern", "pattern": r"\#-######", "unique": True}, 400_000),
        ({"kind": "integer", "min": -500, "max": 19_499, "unique": True}, 20_000),
        ({"kind": "uuid"}, 20_000),
        ({"kind": "email", "unique": True}, 30_000),
        ({"kind": "username", "unique": True}, 30_000),
        ({"kind": "iban", "unique": True}, 20_000),
        ({"kind": "phone", "unique": True}, 20_000),
    ],
)
def test_what_is_unique_never_repeats(column, rows, seed):
    """Not in the last row that can be made either."""
    made = dg.Schema({"a": column}).sample_arrow(rows, seed=seed)["a"]
    assert len(made.unique()) == rows
    if column.get("pattern") == r"\#-######":
        assert set(map(len, made.to_pylist())) == {8}
        assert made[0].as_py().startswith("#-")


def test_more_rows_than_values_are_refused():
    """Before any is made, by the name of the column."""
    schema = dg.Schema({"a": {"kind": "id", "pattern": "A-##"}, "b": "id"})
    assert len(schema.sample(100)) == 100
    with pytest.raises(InputError, match="'a' of the schema, in which no value repeats, has 100"):
        schema.sample(101)
    for rows, seed in ((0, 0), (1.5, 0), (1, -1), (True, 0)):
        with pytest.raises(ArgumentError):
            schema.sample(rows, seed=seed)


def test_running_numbers_have_no_gap():
    """They begin where the schema says, over blocks and parts."""
    made = dg.Schema({"a": {"kind": "id", "start": 5}}).sample(12_345)
    assert made.a.tolist() == list(range(5, 12_350))


@pytest.mark.parametrize(
    ("column", "mean", "sd"),
    [
        ({"kind": "number", "mean": 10, "sd": 2}, 10, 2),
        ({"kind": "number", "distribution": "lognormal", "mean": 40, "sd": 30}, 40, 30),
        ({"kind": "number", "distribution": "exponential", "mean": 5}, 5, 5),
        ({"kind": "integer", "distribution": "poisson", "mean": 3}, 3, 3**0.5),
        ({"kind": "integer", "distribution": "poisson", "mean": 50_000}, 50_000, 50_000**0.5),
        ({"kind": "number", "min": 0, "max": 12}, 6, 12**0.5),
        ({"kind": "integer", "min": 1, "max": 6}, 3.5, (35 / 12) ** 0.5),
    ],
)
def test_a_distribution_has_its_mean_and_standard_deviation(column, mean, sd):
    """They are those of the values themselves, as numpy and Faker users expect."""
    made = dg.Schema({"a": column}).sample(200_000).a
    assert made.mean() == pytest.approx(mean, rel=0.02)
    assert made.std() == pytest.approx(sd, rel=0.04)


@pytest.mark.parametrize("low", [4, 5.5, -8])
def test_a_tail_is_that_of_its_distribution(low):
    """Bounds far from the mean leave a tail, not one value."""
    from scipy import stats

    column = {"kind": "number", "mean": 0, "sd": 1, "min": low, "max": low + 3}
    made = dg.Schema({"a": column}).sample(20_000).a
    declared = stats.truncnorm(low, low + 3)
    assert stats.kstest(made, declared.cdf).pvalue > 1e-4


def test_keys_lie_within_each_other():
    """A customer's orders, an order's lines; each value belongs to one of the level above."""
    frame = dg.Schema(
        {
            "customer": {"kind": "id", "rows_per_key": {"min": 1, "max": 4}},
            "town": {"kind": "city", "per": "customer"},
            "order": {"kind": "id", "per": "customer", "rows_per_key": 2},
            "at": {"kind": "datetime", "from": "2024-01-01", "to": "2024-02-01", "per": "order"},
            "line": "id",
            "staff": {"kind": "uuid", "rows_per_key": 5},
            "desk": {"kind": "integer", "min": 1, "max": 9, "per": "staff"},
        }
    ).sample(5_000, seed=1)
    assert (frame.groupby("order").customer.nunique() == 1).all()
    assert (frame.groupby("order")["at"].nunique() == 1).all()
    assert (frame.groupby("customer").town.nunique() == 1).all()
    assert frame.groupby("customer").order.nunique().max() <= 4
    assert (frame.groupby("staff").desk.nunique() == 1).all()
    assert frame.groupby("staff").size().mean() == pytest.approx(5, rel=0.1)
    assert frame.line.is_unique


@pytest.mark.parametrize("locale", LOCALES)
def test_each_language_has_all_kinds(locale):
    """Names, places, phone numbers and accounts; the check digits are right."""
    kinds = (
        *("person", "first_name", "last_name", "email", "username", "phone", "iban", "company"),
        *("street", "city", "postcode", "country", "url", "ip", "text", "uuid"),
    )
    made = dg.Schema({kind: kind for kind in kinds}, locale=locale).sample_arrow(200)
    assert all(value for column in made.columns for value in column.to_pylist())
    assert is_valid("iban", made["iban"].combine_chunks()).all()
    assert all(len(column.unique()) > 20 for column in made.columns)
    rows = made.to_pylist()
    assert all(row["first_name"] in row["person"] for row in rows)
    assert all(row["last_name"] in row["person"] for row in rows)


def test_names_are_those_of_the_locale():
    """And those of another one are others."""
    made = {one: set(dg.Schema({"a": "city"}, locale=one).sample(500).a) for one in ("de", "fr")}
    assert len(made["de"] & made["fr"]) < 5
    assert "Leipzig" in set(dg.Schema({"a": "city"}, locale="de").sample(20_000).a)


def test_dates_are_written_as_declared():
    """As strftime does, value for value."""
    columns = {
        "day": {"kind": "date", "from": date(1990, 1, 1), "to": date(1990, 12, 31)},
        "at": {"kind": "time", "from": time(8), "to": time(17, 30)},
    }
    plain = dg.Schema(columns).sample_arrow(500).to_pylist()
    columns["day"]["format"], columns["at"]["format"] = "%d.%m.%y", "%H:%M:%S h"
    written = dg.Schema(columns).sample_arrow(500).to_pylist()
    for one, other in zip(plain, written, strict=True):
        assert other["day"] == f"{one['day']:%d.%m.%y}"
        assert other["at"] == f"{one['at']:%H:%M:%S} h"
    assert max(row["at"] for row in plain) <= time(17, 30)


def test_both_ends_of_a_range_are_made():
    """The last day, and the last second, are as likely as others."""
    first, last = date(2024, 2, 28), date(2024, 3, 1)
    made = dg.Schema({"a": {"kind": "date", "from": first, "to": last}}).sample_arrow(3_000)["a"]
    counts = pd.Series(made.to_pylist()).value_counts(normalize=True)
    assert set(counts.index) == {first, first + timedelta(1), last}
    assert all(near(share, 1 / 3, 3_000) for share in counts)
