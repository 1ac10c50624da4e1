"""Tables of series: entities, instants, meters and what one row says about the next."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen_nb.core.errors import InputError
from datagen_nb.synth.data_type import FitOptions, table_type
from datagen_nb.synth.decisions import decide
from datagen_nb.synth.model import Model
from datagen_nb.synth.profile import Profile
from datagen_nb.synth.quality.series import compare_series
from datagen_nb.synth.series.axis import Axis, find, suggested

SERIES = table_type("timeseries")


def device(random, number, steps, every="5min"):
    drift = np.zeros(steps)
    for step in range(1, steps):
        drift[step] = 0.9 * drift[step - 1] + random.normal(0, 0.3)
    return pd.DataFrame(
        {
            "device": f"D-{number:04}",
            "at": pd.date_range("2024-03-01", periods=steps, freq=every).astype("datetime64[ms]"),
            "site": f"site {number % 3}",
            "temp": (20 + number % 7 + drift).round(2),
            "meter": np.cumsum(random.gamma(2, 0.05, steps)).round(3),
            "state": np.repeat(random.choice(["on", "off", "idle"], steps // 5 + 1), 5)[:steps],
        }
    )


def telemetry(devices=12, steps=200, every="5min"):
    random = np.random.default_rng(5)
    frames = [device(random, number, steps, every) for number in range(devices)]
    return pa.Table.from_pandas(pd.concat(frames), preserve_index=False)


@pytest.fixture(scope="module")
def model():
    return SERIES.fit(telemetry(), FitOptions())


def test_the_axis_is_found():
    """The column of entities and that of instants, in whatever order the rows are."""
    table = telemetry()
    shuffled = table.take(pa.array(np.random.default_rng(1).permutation(table.num_rows)))
    assert find(table) == find(shuffled) == Axis("device", "at")


def test_entities_come_in_number_and_length_of_the_input(model):
    """As many for each row of the result, none by its old name."""
    made = model.generate(0, 4_800, offset=0).to_pandas()
    assert made.device.value_counts().tolist() == [200] * 24
    assert not set(made.device) & set(telemetry()["device"].to_pylist())


def test_a_regular_grid_stays_regular(model):
    """Each row is five minutes after the one before it, so no instant comes twice."""
    made = model.generate(0, 2_400, offset=0).to_pandas()
    assert (made.groupby("device")["at"].diff().dropna() == pd.Timedelta("5min")).all()


def test_months_stay_months():
    """The first of each month, whatever its number of days."""
    made = SERIES.fit(telemetry(6, 40, "MS"), FitOptions()).generate(0, 240, offset=0).to_pandas()
    assert (made["at"].dt.day == 1).all()
    assert not made.duplicated(["device", "at"]).any()


def test_what_rows_say_about_the_next_is_kept(model):
    """A slow column stays slow, a category stays for a while, and a meter never falls."""
    real, made = telemetry().to_pandas(), model.generate(0, 2_400, offset=0).to_pandas()

    def lag(table):
        return table.groupby("device").temp.apply(lambda one: one.autocorr(1)).mean()

    def stays(table):
        return (table.state == table.groupby("device").state.shift()).mean()

    assert abs(lag(made) - lag(real)) < 0.1
    assert abs(stays(made) - stays(real)) < 0.05
    assert (made.groupby("device").meter.diff().dropna() >= 0).all()


def test_attributes_of_an_entity_are_the_same_in_all_of_its_rows(model):
    """Drawn once for each."""
    made = model.generate(0, 2_400, offset=0).to_pandas()
    assert (made.groupby("device").site.nunique() == 1).all()


def test_rows_do_not_depend_on_the_parts(model):
    """An entity that lies in two parts is the same in both, and a kept model makes the same."""
    kept = Model.from_bytes(model.to_bytes())
    whole = model.generate(0, 1_000, offset=0)
    parts = [kept.generate(part, 250, offset=250 * part) for part in (3, 1, 0, 2)]
    assert pa.concat_tables([parts[at] for at in (2, 1, 3, 0)]).equals(whole)
    assert not replace(kept, seed=8).generate(0, 1_000, offset=0).equals(whole)


def test_one_series_goes_on_for_as_many_rows_as_are_asked_for():
    """Without an entity there is one."""
    table = telemetry(1, 300).drop_columns(["device", "site"])
    model = SERIES.fit(table, FitOptions())
    assert model.axis == Axis(None, "at")
    assert model.part_rows(700) == 700
    with pytest.raises(InputError, match=r"parameters\.entity") as error:
        model.part_rows(10**9)
    assert error.value.code == "series_too_long"
    made = model.generate(0, 700, offset=0).to_pandas()
    assert (made["at"].diff().dropna() == pd.Timedelta("5min")).all()
    assert (made.meter.diff().dropna() >= 0).all()


def test_a_single_entity_has_one_series():
    """Its rows go on, rather than begin again under the same name."""
    table = telemetry(1, 60)
    made = SERIES.fit(table, FitOptions(entity="device")).generate(0, 150, offset=0).to_pandas()
    assert (made["at"].diff().dropna() == pd.Timedelta("5min")).all()


@st.composite
def mixtures(draw):
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    lengths = draw(st.lists(st.integers(1, 40), min_size=1, max_size=25))
    has_ties, has_nulls = draw(st.booleans()), draw(st.booleans())
    rows = sum(lengths)
    owners = np.repeat(np.arange(len(lengths)), lengths)
    gaps = random.integers(0 if has_ties else 1, 4, rows)
    value = random.normal(0, 1, rows).cumsum().round(2)
    nulls = random.random(rows) < (0.3 if has_nulls else 0)
    return pa.table(
        {
            "who": [f"P-{one:05}" for one in owners],
            "step": pd.Series(gaps).groupby(owners).cumsum().to_numpy(),
            "value": pa.array(value, mask=nulls),
            "level": random.choice(["a", "b"], rows),
            "total": pd.Series(random.random(rows)).groupby(owners).cumsum().round(3).to_numpy(),
        }
    )


@given(mixtures(), st.integers(0, 2**31))
@settings(max_examples=25, deadline=None)
def test_any_mix_of_entities_and_lengths_is_made(table, seed):
    """Rows are in order, types stay, and no instant comes twice where none did."""
    if table.num_rows < 2:
        return
    options = FitOptions(seed=seed, entity="who", order="step")
    made = SERIES.fit(table, options).generate(0, 90, offset=0)
    assert made.schema.equals(table.schema)
    assert made.num_rows == 90
    frame = made.to_pandas()
    steps = frame.groupby("who").step.diff().dropna()
    assert (steps >= 0).all()
    if not table.to_pandas().duplicated(["who", "step"]).any():
        assert (steps > 0).all()
    known = set(table["who"].to_pylist())
    assert len(known) == 1 or not set(frame.who) & known


def test_rows_without_a_place_are_left_out_with_a_warning():
    """Nothing says when they were."""
    table = telemetry(4, 60)
    mask = np.arange(240) % 10 == 3
    table = table.set_column(1, "at", pa.array(table["at"].to_pandas(), mask=mask))
    model = SERIES.fit(table, FitOptions(entity="device", order="at"))
    assert any("24 rows without a place" in one for one in model.warnings)
    assert not model.generate(0, 100, offset=0)["at"].null_count


def test_nothing_that_orders_the_rows_is_an_error():
    """It says which parameters to give."""
    words = pa.table({"word": ["a", "b", "c"] * 20, "other": ["x", "y"] * 30})
    with pytest.raises(InputError, match=r"parameters\.order") as error:
        SERIES.fit(words, FitOptions())
    assert error.value.code == "no_series"


def test_a_named_order_has_to_order():
    """A column of words does not."""
    with pytest.raises(InputError, match="gives rows no order") as error:
        SERIES.fit(telemetry(4, 60), FitOptions(order="state"))
    assert error.value.code == "wrong_order"


def test_a_sample_has_whole_entities():
    """However the rows are batched; one entity of too many rows gives its first."""
    table = telemetry(30, 100).sort_by("at")
    kept = SERIES.sample(500, FitOptions())
    for batch in table.to_batches(max_chunksize=400):
        kept.add(batch)
    rows = kept.take().to_pandas()
    assert kept.rows == 3_000
    assert 0 < len(rows) <= 500
    assert (rows.device.value_counts() == 100).all()


def test_entities_are_held_back_whole():
    """Where there are enough of them."""
    training, held_back = SERIES.split(telemetry(30, 20), FitOptions())
    assert held_back.num_rows == 120
    assert not set(training["device"].to_pylist()) & set(held_back["device"].to_pylist())
    assert SERIES.split(telemetry(5, 20), FitOptions())[1].num_rows == 0


def test_the_report_compares_how_rows_follow_each_other(model):
    """Result against input: number, length, gaps, order, and each column with the row before."""
    made = model.generate(0, 2_400, offset=0)
    found = compare_series(model.axis, model.kinds, model.codecs, telemetry(), made)
    assert (found.entities, found.entities_synthetic) == (12, 12)
    assert (found.length, found.length_synthetic) == (200, 200)
    assert (found.repeated_synthetic, found.usual_gap_synthetic, found.in_order) == (0, 1, 1)
    steps = {one.column: one for one in found.steps}
    assert abs(steps["temp"].autocorrelation - steps["temp"].autocorrelation_synthetic) < 0.05
    assert steps["meter"].is_monotone
    assert steps["meter"].kept

    shuffled = made.take(pa.array(np.random.default_rng(1).permutation(made.num_rows)))
    broken = shuffled.set_column(made.schema.get_field_index("meter"), "meter", made["meter"])
    worse = compare_series(model.axis, model.kinds, model.codecs, telemetry(), broken)
    assert worse.in_order < 0.9
    assert not {one.column: one for one in worse.steps}["meter"].kept


def test_a_series_is_suggested_and_a_table_of_rows_is_not():
    """By its order and by what rows say about the next."""
    table = telemetry()
    assert suggested(table, decide(Profile.of(table), table, {})) == Axis("device", "at")
    random = np.random.default_rng(0)
    rows = pa.table(
        {
            "customer": [f"C-{one:05}" for one in random.integers(0, 90, 400)],
            "day": np.datetime64("2024-01-01") + random.integers(0, 300, 400),
            "amount": random.gamma(2, 30, 400).round(2),
        }
    )
    assert suggested(rows, decide(Profile.of(rows), rows, {})) is None
