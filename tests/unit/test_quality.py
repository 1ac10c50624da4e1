"""A report tells good from bad, and a copy from a likeness."""

import numpy as np
import pyarrow as pa
import pytest

from datagen_nb.core.result import Report
from datagen_nb.synth.model import fit
from datagen_nb.synth.quality import LEAST_HELD_BACK, assess
from tests.unit.test_synth import TYPES

KINDS = {"x": "numeric", "y": "numeric", "k": "categorical", "f": "boolean", "t": "datetime"}


def people(rows: int, seed: int) -> pa.Table:
    """Columns that depend on each other, with nulls."""
    random = np.random.default_rng(seed)
    x = random.normal(size=rows)
    kind = np.where(x > 0.3, "high", np.where(x < -0.3, "low", "mid"))
    return pa.table(
        {
            "x": x,
            "y": pa.array(2 * x + random.normal(size=rows) / 5, mask=random.random(rows) < 0.1),
            "k": kind,
            "f": x + random.normal(size=rows) > 0,
            "t": pa.array((x * 10**6).astype("M8[s]")),
        }
    )


def judged(synthetic: pa.Table, held_back: pa.Table | None = None) -> Report:
    known = people(3_000, 1)
    return assess(known, people(600, 2) if held_back is None else held_back, synthetic, KINDS)


def test_fresh_rows_of_the_same_kind_score_near_1_and_are_nobodys_copy():
    """The best that can be had."""
    report = judged(people(3_000, 3))
    assert report.fidelity > 0.95
    assert report.column_fidelity > 0.95
    assert report.pair_fidelity > 0.95
    assert abs(report.memorisation.dcr_share - 0.5) < 0.05
    assert report.memorisation.exact_row_share < 0.001
    ratio = report.memorisation.median_distance / report.memorisation.median_distance_expected
    assert 0.8 < ratio < 1.25


def test_a_perfect_copy_scores_1_and_is_found_out():
    """Alike it is, and learnt by heart."""
    report = judged(people(3_000, 1))
    assert report.fidelity == report.column_fidelity == report.pair_fidelity == 1
    assert report.memorisation.exact_row_share == 1
    assert report.memorisation.dcr_share > 0.95
    assert report.memorisation.median_distance == 0
    assert "by heart" in report.memorisation.in_words()


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_a_copy_of_some_rows_is_found_in_part(share):
    """The more are copied, the closer to 1."""
    size = int(3_000 * share)
    partly = pa.concat_tables([people(3_000, 1).slice(0, size), people(3_000 - size, 3)])
    memorisation = judged(partly).memorisation
    assert memorisation.exact_row_share == pytest.approx(share, abs=0.001)
    assert memorisation.dcr_share == pytest.approx(0.5 + share / 2, abs=0.05)


def test_a_copy_with_a_little_noise_is_found_too():
    """No row equals one of the input, and yet each is one."""
    known = people(3_000, 1)
    noise = np.random.default_rng(5).normal(size=3_000) / 1_000
    near = known.set_column(0, "x", pa.array(known["x"].to_numpy() + noise))
    memorisation = judged(near).memorisation
    assert memorisation.exact_row_share == 0
    assert memorisation.dcr_share > 0.95
    assert memorisation.median_distance < memorisation.median_distance_expected / 10


def test_shuffled_columns_lose_their_pairs_only():
    """Each column is as good as ever, and nothing goes together."""
    fresh = people(3_000, 3)
    random = np.random.default_rng(4)
    mixed = pa.table(
        {name: fresh[name].take(random.permutation(3_000)) for name in fresh.column_names}
    )
    report = judged(mixed)
    assert report.column_fidelity > 0.95
    assert report.pair_fidelity < 0.75
    scores = {pair.columns: pair.score for pair in report.pairs}
    assert scores["x", "y"] < 0.6
    assert report.pairs[0].score == min(scores.values())


def test_a_wrong_column_is_the_one_that_loses():
    """The report points at it."""
    fresh = people(3_000, 3)
    shifted = fresh.set_column(0, "x", pa.array(fresh["x"].to_numpy() + 10))
    scores = {column.name: column.score for column in judged(shifted).columns}
    assert scores["x"] < 0.05
    assert min(score for name, score in scores.items() if name != "x") > 0.95


def test_levels_that_are_not_the_inputs_lose():
    """As do those that are missing."""
    fresh = people(3_000, 3)
    for value, least, most in (("new", 0, 0), ("high", 0.2, 0.5)):
        other = fresh.set_column(2, "k", pa.array([value] * 3_000))
        scores = {column.name: column.score for column in judged(other).columns}
        assert least <= scores["k"] <= most


def test_nulls_that_are_lost_lower_a_score():
    """A column is its nulls too."""
    fresh = people(3_000, 3)
    whole = fresh.set_column(1, "y", fresh["y"].fill_null(0.0))
    scores = {column.name: column.score for column in judged(whole).columns}
    assert scores["y"] < 0.92
    none = fresh.set_column(1, "y", pa.nulls(3_000, pa.float64()))
    assert {column.name: column.score for column in judged(none).columns}["y"] == 0


@pytest.mark.parametrize("rows", [0, 1, LEAST_HELD_BACK - 1])
def test_too_few_rows_held_back_are_told_and_nothing_is_judged_by_them(rows):
    """No number is better than a number by chance."""
    report = judged(people(3_000, 3), people(600, 2).slice(0, rows))
    assert report.memorisation.dcr_share is None
    assert report.memorisation.median_distance is None
    assert report.rows_held_back == rows
    assert any("held back" in note for note in report.notes)
    assert "not judged" in report.memorisation.in_words()


def test_a_report_is_the_same_every_time():
    """Nothing in it is drawn."""
    assert judged(people(3_000, 3)) == judged(people(3_000, 3))


def test_a_report_survives_the_wire():
    """It is kept as JSON."""
    report = judged(people(3_000, 3))
    assert Report.from_wire(report.to_json()) == report


def test_a_share_of_closer_rows_hardly_depends_on_chance():
    """Twenty fresh tables: all are near one half."""
    shares = [judged(people(2_000, seed)).memorisation.dcr_share for seed in range(10, 30)]
    assert np.std(shares) < 0.025
    assert abs(np.mean(shares) - 0.5) < 0.05


@pytest.mark.parametrize("name", TYPES)
def test_every_type_can_be_judged(name):
    """A copy of it scores 1, whatever it holds."""
    table = pa.table({"c": TYPES[name], "n": np.arange(len(TYPES[name])) % 7})
    kinds = fit(table, seed=1).kinds
    report = assess(table, table.slice(0, 100), table, kinds)
    assert report.fidelity == 1
    assert all(0 <= column.score <= 1 for column in report.columns)
    assert Report.from_wire(report.to_json()) == report


@pytest.mark.parametrize("name", TYPES)
def test_every_type_can_be_judged_against_what_is_made_of_it(name):
    """The model's own rows of each type, alone in their table."""
    table = pa.table({"c": TYPES[name]})
    model = fit(table.slice(0, 300), seed=1)
    report = assess(
        table.slice(0, 300), table.slice(300), model.generate(0, 300, offset=0), model.kinds
    )
    assert report.fidelity > 0.8
    assert report.pair_fidelity is None


def test_a_single_column_has_no_pairs():
    """And is judged all the same."""
    known, fresh = people(500, 1).select(["x"]), people(500, 2).select(["x"])
    report = assess(known, fresh, fresh, {"x": "numeric"})
    assert report.pairs == ()
    assert report.pair_fidelity is None
    assert report.fidelity == report.column_fidelity > 0.85


def test_only_identifiers_leave_nothing_to_compare():
    """The report says so instead of praising."""
    table = pa.table({"id": [f"N{n}" for n in range(100)], "text": ["a b c d"] * 100})
    report = assess(table, table, table, {"id": "id", "text": "text"})
    assert report.columns == report.pairs == ()
    assert report.memorisation.dcr_share is None
    assert any("id, text" in note for note in report.notes)


def test_few_rows_can_be_judged():
    """Two rows learnt from, one made."""
    known = people(2, 1)
    report = assess(known, known.slice(0, 0), known.slice(0, 1), KINDS)
    assert 0 <= report.fidelity <= 1


def test_many_columns_are_judged_within_bounds():
    """Of 120 columns there are 7,140 pairs; the first 40 are enough, and the report says so."""
    random = np.random.default_rng(1)
    names = [f"c{n}" for n in range(120)]
    tables = [pa.table({name: random.normal(size=500) for name in names}) for _ in range(3)]
    report = assess(*tables, dict.fromkeys(names, "numeric"))
    assert len(report.columns) == 120
    assert len(report.pairs) == 200
    assert any("first 40" in note for note in report.notes)
