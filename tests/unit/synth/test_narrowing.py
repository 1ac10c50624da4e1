"""Rows that no condition takes are given up early: it changes how long it takes, and no share."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, ks_2samp

from datagen_nb.core.errors import InputError
from datagen_nb.synth.choosing import MAX_BEGUN, MAX_DRAWS
from datagen_nb.synth.fitting import fit
from datagen_nb.synth.model import Part
from datagen_nb.synth.profile import Profile
from datagen_nb.synth.selection import Selection
from datagen_nb.synth.stage import NOTHING_ASKED

ROWS = 6_000


def payments(share: float) -> pa.Table:
    """Payments of which a share are frauds: others in country, channel, hour and amount."""
    random = np.random.default_rng(8)
    fraud = random.random(ROWS) < share
    country = np.where(fraud, random.choice(list("XYZ"), ROWS), random.choice(list("ABXYZ"), ROWS))
    return pa.table(
        {
            "amount": (random.gamma(2, 40, ROWS) * (1 + 3 * fraud)).round(2),
            "hour": np.where(fraud, random.integers(0, 6, ROWS), random.integers(0, 24, ROWS)),
            "country": country,
            "channel": random.choice(["web", "app", "shop"], ROWS, p=[0.5, 0.3, 0.2]),
            "fraud": np.where(fraud, "yes", "no"),
        }
    )


@pytest.fixture(scope="module")
def common():
    """A model of payments of which one in 25 is a fraud."""
    return fit(payments(0.04), seed=2)


@pytest.fixture(scope="module")
def rare():
    """A model of payments of which about one in 300 is a fraud."""
    return fit(payments(1 / 400), seed=2)


def keep(table, name, value):
    return table.filter(pa.array([one == value for one in table[name].to_pylist()]))


@pytest.mark.parametrize(
    "asked", [{"fraud": "yes"}, {"fraud": {"yes": 1}}, {"fraud": {"yes": 0.5}}]
)
def test_a_rare_class_is_made_as_often_as_asked(rare, asked):
    """Many more rows are drawn than could be to their end."""
    selection = Selection.of([], asked)
    made = rare.select(1, 4_000, offset=4_000, selection=selection)
    share = 0.5 if asked == {"fraud": {"yes": 0.5}} else 1
    assert Counter(made.table["fraud"].to_pylist())["yes"] == 4_000 * share
    assert MAX_DRAWS * 4_000 < made.drawn < MAX_BEGUN * 4_000
    assert rare.select(1, 4_000, offset=4_000, selection=selection).table.equals(made.table)


@pytest.mark.parametrize(
    ("rules", "condition"),
    [
        ([], {"fraud": "yes"}),
        (["fraud in (yes)", "hour < 3"], {}),
        (["hour between 2 and 4"], {"country": "X", "fraud": "yes"}),
    ],
)
def test_what_goes_with_a_condition_is_as_if_all_rows_were_drawn(common, rules, condition):
    """The other columns have the shares that they have among as many whole rows that keep it."""
    selection = Selection.of(rules, condition)
    made = common.select(0, 3_000, offset=0, selection=selection).table
    plain = pa.concat_tables(common.generate(part, 50_000, offset=0) for part in range(1, 9))
    kept = np.ones(plain.num_rows, dtype=bool)
    for one in selection.requirements:
        columns = {name: plain[name].combine_chunks() for name in selection.columns}
        kept &= one.holds(columns, common.codecs)
    plain = plain.filter(pa.array(kept))
    assert plain.num_rows > 800
    both = made, plain
    for name in ("country", "channel", "hour"):
        counts = [Counter(one[name].to_pylist()) for one in both]
        levels = sorted(set(counts[0]) | set(counts[1]))
        if len(levels) > 1:
            table = [[one[level] for level in levels] for one in counts]
            assert chi2_contingency(table).pvalue > 0.001
    amounts = [one["amount"].to_numpy() for one in both]
    assert ks_2samp(*amounts).pvalue > 0.001
    pairs = [Counter(map(str, one.select(["country", "channel"]).to_pylist())) for one in both]
    levels = sorted(set(pairs[0]) | set(pairs[1]))
    assert chi2_contingency([[one[level] for level in levels] for one in pairs]).pvalue > 0.001


DUE = [date(2024, month, 1) for month in (3, 6, 9, 12)]


def varied() -> pa.Table:
    """Columns of all kinds, some of which follow from others, raise others or make them null."""
    random = np.random.default_rng(6)
    start = random.integers(0, 300, ROWS)
    status = random.choice(["open", "paid", "lost"], ROWS, p=[0.6, 0.38, 0.02])
    days = [date(2024, 1, 1) + timedelta(days=int(one)) for one in start]
    quantity = random.integers(1, 9, ROWS)
    return pa.table(
        {
            "order": [f"ORD-{row * 7:06d}" for row in range(ROWS)],
            "start": [
                f"{one:%d.%m.%Y}" if row % 3 else f"{one:%Y-%m-%d}" for row, one in enumerate(days)
            ],
            "end": pa.array(
                [
                    one + timedelta(days=int(more))
                    for one, more in zip(days, random.integers(0, 40, ROWS), strict=True)
                ]
            ),
            "status": pa.array(status).dictionary_encode(),
            "due": [
                f"{one:%d.%m.%Y}" if row % 4 else f"{one:%Y-%m-%d}"
                for row, one in enumerate(random.choice(DUE, ROWS, p=[0.5, 0.4, 0.08, 0.02]))
            ],
            "paid_at": pa.array(start * 3, mask=status != "paid"),
            "quantity": quantity,
            "total": quantity * 2.5,
            "price": [f"${price:,.2f}" for price in random.gamma(2, 90, ROWS)],
            "weight": random.normal(50, 9, ROWS),
            "ok": random.choice(["Y", "N", "yes", "no"], ROWS, p=[0.02, 0.75, 0.02, 0.21]),
            "note": [None if row % 50 else "x" for row in range(ROWS)],
            "low": pa.array(random.integers(0, 500, ROWS) / 4, pa.float32()),
        }
    )


@pytest.fixture(scope="module")
def model():
    found = fit(varied(), seed=4)
    assert not found.groups
    assert len(found.relations) > 1
    return found


RULES = [
    'start < on("2024-01-20")',
    'end > on("2024-11-20")',
    'due >= on("2024-12-01")',
    'due in ("2024-09-01")',
    "status in (lost)",
    "status not in (open, paid)",
    "paid_at is not null",
    "paid_at < 60",
    "quantity = 8",
    "total >= 20",
    "price > 700",
    "price between 10 and 14.5",
    "weight < 30",
    "weight between 50 and 51",
    "2 * weight > 150",
    "ok in (Y)",
    'ok matches "y.*"',
    "ok in (yes)",
    "note is not null",
    'note matches "x"',
    "low <= 3.25",
    "low = 3.25",
    "order is not null",
    "quantity > low",
]


def accepted(model, selection, possible, *, rows=40_000, turn=1):
    """The rows of a turn that keep all requirements."""
    found = Part(model, 3, 0).draw(rows, turn, possible)
    columns = dict(found.columns)
    columns |= {name: pa.array(np.ones(found.count)) for name in model.makers}
    kept = np.ones(found.count, dtype=bool)
    for one in selection.requirements:
        kept &= one.holds(columns, model.codecs)
    return found, np.flatnonzero(kept)


@pytest.mark.parametrize("text", RULES)
def test_no_row_is_given_up_that_would_be_taken(model, text):
    """As many rows keep a rule when others are dropped on the way, and with the same values."""
    selection = Selection.of([text])
    possible = Part(model, 3, 0).possible(selection, np.array([True]))
    plain, of_plain = accepted(model, selection, NOTHING_ASKED)
    found, of_found = accepted(model, selection, possible)
    assert plain.count == 40_000
    assert len(of_plain) > 50
    # Values between those of the support are drawn once more, and so may fall on the other side.
    assert len(of_found) == pytest.approx(len(of_plain), abs=6 * np.sqrt(2 * len(of_plain)))
    if possible:
        assert found.count < plain.count
    if text.split()[0] in ("status", "quantity", "note") and possible:
        name = text.split()[0]
        values, expected = (
            one.columns[name].take(pa.array(rows)).to_pylist()
            for one, rows in ((found, of_found), (plain, of_plain))
        )
        assert values == expected


@pytest.mark.parametrize("sign", [">", "<"])
def test_values_between_those_of_the_input_are_not_given_up(sign):
    """A few values far from each other: those made between them lie on both sides of a bound."""
    values = np.sort(np.random.default_rng(3).normal(0, 100, 200)).round(3)
    few = fit(pa.table({"x": values, "y": np.random.default_rng(4).normal(size=200)}), seed=1)
    between = [(values[place] + values[place + 1]) / 2 for place in (2, -4)]
    bound = f"x {sign} {between[0 if sign == '<' else 1]:.4f}"
    selection = Selection.of([bound])
    possible = Part(few, 3, 0).possible(selection, np.array([True]))
    assert set(possible) == {"x"}
    _, of_plain = accepted(few, selection, NOTHING_ASKED, rows=400_000)
    _, of_found = accepted(few, selection, possible, rows=400_000)
    assert len(of_plain) > 1_000
    assert len(of_found) == pytest.approx(len(of_plain), abs=6 * np.sqrt(2 * len(of_plain)))


def test_levels_that_the_sample_lacks_are_made():
    """They stand for others, which are then not given up."""
    random = np.random.default_rng(5)
    shares = np.array([400.0] * 5 + [1.0] * 300)
    level = random.choice([f"l{one}" for one in range(305)], 40_000, p=shares / shares.sum())
    whole = pa.table({"level": level, "x": random.normal(size=40_000)})
    sampled = whole.slice(0, 1_000)
    counts = Counter(level.tolist())
    lacking = {one for one, rows in counts.items() if rows >= 10} - set(level[:1_000].tolist())
    found = fit(sampled, seed=1, profile=Profile.of(whole), columns={"level": "categorical"})
    selection = Selection.of([f"level in ({', '.join(sorted(lacking)[:60])})"])
    possible = Part(found, 3, 0).possible(selection, np.array([True]))
    assert not possible["level"].all()
    _, of_plain = accepted(found, selection, NOTHING_ASKED)
    _, of_found = accepted(found, selection, possible)
    assert len(of_plain) > 100
    assert len(of_found) == pytest.approx(len(of_plain), abs=6 * np.sqrt(2 * len(of_plain)))


def test_columns_that_are_drawn_as_they_are_written_are_judged_early(model):
    """Not those that are computed, raised to another one, or null where another column says so."""
    early = {}
    for text in RULES:
        possible = Part(model, 3, 0).possible(Selection.of([text]), np.array([True]))
        early[text] = bool(possible)
    assert {text for text, is_early in early.items() if not is_early} >= {
        "order is not null",
        "quantity > low",
        "weight between 50 and 51",
    }
    assert {text for text, is_early in early.items() if is_early} >= {
        'due >= on("2024-12-01")',
        'due in ("2024-09-01")',
        "status in (lost)",
        "ok in (Y)",
        'ok matches "y.*"',
        "ok in (yes)",
        "note is not null",
        "weight < 30",
        "low <= 3.25",
    }


@settings(max_examples=30, deadline=None)
@given(
    st.sets(st.sampled_from(RULES), min_size=1, max_size=2),
    st.dictionaries(st.just("status"), st.sampled_from(["lost", "open"]), max_size=1),
    st.sampled_from([{}, {"ok": {"Y": 0.3}}, {"quantity": {"8": 0.5, "1": 0.5}}]),
    st.integers(1, 60),
)
def test_every_row_keeps_what_is_asked(model, texts, values, shares, rows):
    """Any mix of rules, values and shares; what no row can have ends with an error by name."""
    selection = Selection.of(sorted(texts), values | shares)
    try:
        made = model.select(0, rows, offset=0, selection=selection).table
    except InputError as error:
        made = None
        name = error.details["rule"]
    if made is None:
        named = [one.text for one in selection.requirements]
        assert name in named or name.split(" = ")[0] in shares
        return
    assert made.num_rows == rows
    columns = {name: made[name].combine_chunks() for name in selection.columns}
    columns = {
        name: one.dictionary_decode() if pa.types.is_dictionary(one.type) else one
        for name, one in columns.items()
    }
    assert all(one.holds(columns, model.codecs).all() for one in selection.requirements)
    for name, wanted in shares.items():
        counts = Counter(map(str, made[name].to_pylist()))
        for level, share in wanted.items():
            assert counts[level] == pytest.approx(rows * share, abs=3)


def test_where_keys_repeat_every_row_is_drawn_to_its_end():
    """An entity's rows are not parted while they are drawn."""
    random = np.random.default_rng(1)
    customer = np.sort(random.integers(0, 200, ROWS))
    table = payments(0.1).append_column("customer", pa.array([f"C{one:05d}" for one in customer]))
    grouped = fit(table, seed=1)
    assert grouped.groups
    selection = Selection.of([], {"fraud": "yes"})
    assert not Part(grouped, 0, 0).possible(selection, np.array([True]))
    made = grouped.select(0, 200, offset=0, selection=selection).table
    assert set(made["fraud"].to_pylist()) == {"yes"}


@pytest.mark.parametrize(
    ("rules", "condition", "code"),
    [
        (["hour > 23"], {}, "unmet_rule"),
        (["hour < 2", "hour > 20"], {}, "unmet_rule"),
        ([], {"fraud": "maybe"}, "unmet_condition"),
        ([], {"fraud": {"maybe": 0.5}}, "unmet_condition"),
    ],
)
def test_what_no_row_has_ends_soon(rare, rules, condition, code):
    """Long before as many rows are drawn as may be."""
    with pytest.raises(InputError) as caught:
        rare.select(0, 10_000, offset=0, selection=Selection.of(rules, condition))
    assert caught.value.code == code
    assert caught.value.details["drawn"] < MAX_BEGUN * 10_000 / 10
