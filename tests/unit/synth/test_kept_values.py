"""A kept model holds no value that points at someone: neither made anew nor of too few rows."""

import collections
import json

import numpy as np
import pyarrow as pa
import pytest

from datagen_nb.synth.fitting import fit
from datagen_nb.synth.margin_fitting import MIN_COUNT
from datagen_nb.synth.profile import Profile

ROWS = 1_500
MADE_ANEW = ("order", "customer", "name", "email", "phone", "note")
LEVELS = ("zip", "city", "state", "status", "reason", "spelled", "tag")


def people() -> pa.Table:
    """Orders of customers; in every column of levels some values have one row each."""
    random = np.random.default_rng(3)
    row, customer = np.arange(ROWS), random.integers(0, ROWS // 3, ROWS)
    common, rare = random.integers(0, 24, ROWS), random.random(ROWS) < 0.06
    alone = random.random((3, ROWS)) < 0.03
    first = np.array(["Anna", "Bernd", "Carla", "David", "Emil", "Frida", "Greta", "Hans"])
    last = np.array(["Schmidt", "Maier", "Weber", "Wagner", "Becker", "Hoffmann", "Schulz"])
    status = [f"lost by {at}#" if alone[0, at] else ("open", "paid")[at % 2] for at in row]
    day = np.datetime64("2024-01-01") + random.integers(0, 300, ROWS)
    spelled = [f"ask Ms {at}!" if alone[1, at] else f"{day[at].item():%d.%m.%Y}" for at in row]
    tag = pa.array([f"only {at}!" if alone[2, at] else f"t{at % 6}" for at in row])
    return pa.table(
        {
            "order": [f"ORD-{at * 3 + 700_000:07}" for at in row],
            "customer": pa.array(customer * 13 + 4_000_000_007),
            "name": [f"{first[at % 8]} {last[at // 8 % 7]}-{last[at % 5]}" for at in customer],
            "email": [f"{first[at % 8].lower()}.{at}@firm{at % 40}.example" for at in customer],
            "phone": [f"+49 30 {7_000_000 + int(at) * 31}" for at in customer],
            "zip": [f"Z-{at}" if rare[at] else f"z{common[at] * 7}" for at in row],
            "city": [f"Alone {at}." if rare[at] else f"city{common[at] % 8}" for at in row],
            "state": [f"State {at}." if rare[at] else f"st{common[at] % 3}" for at in row],
            "status": status,
            "reason": [None if status[at] == "open" else f"r{at % 4}" for at in row],
            "spelled": spelled,
            "tag": tag.dictionary_encode(),
            "note": [f"Please bring it to {last[at % 7]} by {at * 17 + 300_000}" for at in row],
            "price": random.gamma(2, 20, ROWS).round(2),
        }
    )


def spellings(value: object) -> list[bytes]:
    """How a file may hold a value: as text, as text of JSON, as a word."""
    text = str(value)
    words = [value.to_bytes(8, "little", signed=True)] if isinstance(value, int) else []
    return [text.encode(), json.dumps(text)[1:-1].encode(), *words]


@pytest.mark.parametrize("mode", ["auto", "off", ["zip -> city", "auto"]])
def test_a_model_holds_no_value_that_points_at_someone(mode):
    """Searched for in its bytes: every identifier, and every level of too few rows."""
    table = people()
    model = fit(table, seed=1, mode=mode)
    assert {model.kinds[name] for name in MADE_ANEW} <= {"id", "text"}
    kept = model.to_bytes()
    for name in (*MADE_ANEW, *LEVELS):
        counts = collections.Counter(table[name].to_pylist())
        for value, rows in counts.items():
            if value is not None and (name in MADE_ANEW or rows < MIN_COUNT):
                assert not any(one in kept for one in spellings(value)), (name, value)


def test_levels_that_follow_from_others_are_made_without_rare_ones():
    """What follows from a zip that is not drawn is not made either."""
    table = people()
    model = fit(table, seed=1)
    assert {"city", "state"} & set(model.relations.targets)
    made = model.generate(0, 3_000, offset=0)
    for name in ("zip", "city", "state", "status"):
        counts = collections.Counter(table[name].to_pylist())
        assert min(counts[value] for value in made[name].unique().to_pylist()) >= MIN_COUNT
    assert all(share > 0.99 for share in model.relations.shares(made).values())


@pytest.mark.parametrize("rows", [30_000, 130_000])
def test_identifiers_outside_the_sample_are_not_made_either(rows):
    """Whether the profile counts every value, or keeps a set of them only."""
    random = np.random.default_rng(7)
    table = pa.table(
        {
            "order": [f"A{one:06}" for one in random.choice(10**6, rows, replace=False)],
            "account": random.choice(3 * rows, rows, replace=False) + 10**6,
            "price": random.gamma(2, 20, rows).round(2),
        }
    )
    sample = table.take(pa.array(np.sort(random.choice(rows, 2_000, replace=False))))
    model = fit(sample, seed=1, profile=Profile.of(table))
    made = model.generate(0, 20_000, offset=0)
    for name in ("order", "account"):
        assert model.kinds[name] == "id"
        assert len(made[name].unique()) == 20_000
        assert not set(made[name].to_pylist()) & set(table[name].to_pylist())


def test_a_set_of_values_does_not_depend_on_batches():
    """Nor on the order of merging."""
    table = pa.table({"x": [f"x{one}" for one in range(120_000)]})
    whole = Profile.of(table).facts()["x"].seen
    pieces = [Profile.of(table.slice(begin, 30_000)) for begin in (90_000, 0, 30_000, 60_000)]
    first, *others = pieces
    for other in others:
        first.merge(other)
    assert (first.facts()["x"].seen.flags == whole.flags).all()
    assert whole.density < 0.01
