"""What a report has on request separates good from bad, within the noise that it states."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import r2_score, roc_auc_score

from datagen_nb.core.errors import InputError
from datagen_nb.core.evaluation import Measured, Membership, Utility
from datagen_nb.synth.quality import check_utility, evaluate
from datagen_nb.synth.quality.boosting import FOLDS, auc, folds_of, r2
from datagen_nb.synth.quality.evaluation import MIN_ROWS

KINDS = {"x": "numeric", "y": "numeric", "k": "categorical", "f": "boolean", "name": "person"}
BOTH = ("detection", "membership")


def people(rows: int, seed: int) -> pa.Table:
    """Columns that depend on each other, with nulls, and one that is made anew."""
    random = np.random.default_rng(seed)
    x = random.normal(size=rows)
    return pa.table(
        {
            "x": x,
            "y": pa.array(2 * x + random.normal(size=rows) / 5, mask=random.random(rows) < 0.1),
            "k": np.where(x > 0.3, "high", np.where(x < -0.3, "low", "mid")),
            "f": pa.array(x + random.normal(size=rows) > 0, mask=random.random(rows) < 0.05),
            "name": [f"Ada {'abcdefghij'[place % 10]}" for place in range(rows)],
        }
    )


KNOWN, HELD_BACK, FRESH = people(4_000, 1), people(1_000, 2), people(4_000, 3)


def evaluated(synthetic, held_back=HELD_BACK, checks=BOTH, **options):
    return evaluate(KNOWN, held_back, synthetic, KINDS, checks=checks, **options)


def shuffled(table: pa.Table, name: str) -> pa.Table:
    order = pa.array(np.random.default_rng(5).permutation(table.num_rows))
    place = table.column_names.index(name)
    return table.set_column(place, name, table[name].take(order))


def is_near(found: Measured, value: float) -> bool:
    """Within four standard errors: over five folds, the error itself is uncertain."""
    return abs(found.mean - value) <= 4 * found.error + 0.005


def test_fresh_rows_are_told_from_no_others_and_give_nobody_away():
    """Each figure is chance, as is the one beside it."""
    found = evaluated(FRESH)
    for each in (found.detection.auc, found.detection.auc_real):
        assert is_near(each, 0.5)
        assert 0 < each.error < 0.05
    attacks = found.membership
    for each in (attacks.auc, attacks.auc_fresh, attacks.outliers_auc, attacks.outliers_auc_fresh):
        assert is_near(each, 0.5)
    assert attacks.level == "ok"
    assert (found.detection.rows, attacks.rows, attacks.outliers) == (1_000, 1_000, 100)


def test_copies_cannot_be_separated_and_give_all_away():
    """The rows are real, and those of the training table."""
    found = evaluated(KNOWN)
    assert is_near(found.detection.auc, 0.5)
    assert found.membership.auc.mean > 0.95
    assert found.membership.outliers_auc.mean > 0.95
    assert is_near(found.membership.auc_fresh, 0.5)
    assert found.membership.level == "bad"


def test_copies_with_a_little_noise_are_found_among_the_outlying():
    """No row is equal to one of the input, and those that lie alone stand out most."""
    random = np.random.default_rng(6)
    noise = random.normal(size=4_000) / 50
    near = KNOWN.set_column(0, "x", pa.array(KNOWN["x"].to_numpy() + noise))
    found = evaluated(near, checks=["membership"]).membership
    assert found.outliers_auc.mean > found.auc.mean > 0.6


@pytest.mark.parametrize("name", ["y", "k"])
def test_a_shuffled_column_drives_the_test(name):
    """Its own distribution is right, so only its dependence gives it away."""
    found = evaluated(shuffled(FRESH, name), checks=["detection"]).detection
    assert found.auc.mean > 0.8
    assert is_near(found.auc_real, 0.5)
    driving = [one.column for one in found.columns]
    assert driving.index(name) < 2  # the other one is x, which the classifier compares it with
    assert set(driving) == {"x", "y", "k", "f"}
    falls = [one.importance.mean for one in found.columns]
    assert falls == sorted(falls, reverse=True)


def test_a_column_with_other_values_drives_the_test_alone():
    """Nothing else differs."""
    x = pa.array(FRESH["x"].to_numpy() + 3)
    found = evaluated(FRESH.set_column(0, "x", x), checks=["detection"]).detection
    assert found.auc.mean > 0.95
    assert found.columns[0].column == "x"
    assert found.columns[0].importance.mean > 5 * found.columns[1].importance.mean


def test_columns_made_anew_take_no_part():
    """Whatever the names are, nothing changes."""
    named = FRESH.set_column(4, "name", pa.array(["Zoe"] * 4_000))
    assert evaluated(named) == evaluated(FRESH)


@pytest.mark.parametrize(("target", "metric"), [("y", "R²"), ("k", "AUC"), ("f", "AUC")])
def test_fresh_rows_train_as_well_as_the_input(target, metric):
    """By a number, by several classes and by two."""
    found = evaluated(FRESH, checks=(), target=target).utility
    assert found.metric == metric
    assert found.score.mean > 0.7
    assert is_near(found.difference, 0)
    assert found.kept == pytest.approx(1, abs=0.06)
    assert found.difference.mean == pytest.approx(
        found.score.mean - found.score_real.mean, abs=2e-4
    )
    assert (found.rows_tested < 1_000) == (target != "k")  # nulls are not predicted


@pytest.mark.parametrize("target", ["y", "k"])
def test_a_target_that_goes_with_nothing_trains_nothing(target):
    """Real rows do as well as ever."""
    found = evaluated(shuffled(FRESH, target), checks=(), target=target).utility
    assert found.kept < 0.1
    assert found.score_real.mean > 0.9


def test_a_class_that_is_not_made_is_not_predicted():
    """One class in the result is a score of chance, no failure."""
    one = FRESH.set_column(2, "k", pa.array(["high"] * 4_000))
    found = evaluated(one, checks=(), target="k").utility
    assert found.score.mean == 0.5


def test_rare_classes_are_one():
    """More classes than are predicted."""
    random = np.random.default_rng(0)

    def table(rows: int) -> pa.Table:
        x = random.random(rows)
        return pa.table({"x": x, "k": [f"level {int(each * 40)}" for each in x]})

    kinds = {"x": "numeric", "k": "categorical"}
    found = evaluate(table(2_000), table(500), table(2_000), kinds, target="k").utility
    assert found.score.mean > 0.95
    assert found.rows_tested == 500


@pytest.mark.parametrize(
    ("values", "kind", "reason"),
    [
        ([None] * 200, "categorical", "has no values"),
        (["a"] * 200, "categorical", "has one value only"),
        ([1.5] * 199 + [None], "numeric", "has one value only"),
        ([f"Ada {place}" for place in range(200)], "person", "made anew"),
    ],
)
def test_a_target_that_cannot_be_predicted_is_refused_by_name(values, kind, reason):
    """And what to do is said."""
    table = pa.table({"x": np.arange(200.0), "t": pa.array(values)})
    for check in (
        lambda: check_utility(table, {"x": "numeric", "t": kind}, "t"),
        lambda: evaluate(table, table, table, {"x": "numeric", "t": kind}, target="t"),
    ):
        with pytest.raises(InputError, match=reason) as caught:
            check()
        assert caught.value.code == "unfit_target"
        assert "'t'" in caught.value.message
        assert "Name a column" in caught.value.message


def test_a_target_alone_is_refused():
    """There is nothing to predict it from."""
    table = pa.table({"t": np.arange(200.0), "name": ["Ada"] * 200})
    with pytest.raises(InputError, match="no other column"):
        check_utility(table, {"t": "numeric", "name": "person"}, "t")


@pytest.mark.parametrize("rows", [0, 1, MIN_ROWS - 1])
def test_too_few_rows_held_back_are_said_and_nothing_is_judged_by_them(rows):
    """As of closeness: no number is better than one by chance."""
    found = evaluated(FRESH, HELD_BACK.slice(0, rows), target="y")
    assert (found.detection, found.utility, found.membership) == (None, None, None)
    assert len(found.notes) == 3
    assert all(f"{rows} rows" in f"{note[:-1]} rows" for note in found.notes)
    few = evaluated(FRESH.slice(0, rows), checks=["detection"])
    assert f"needs {MIN_ROWS} synthetic rows" in few.notes[0]


def test_a_second_class_with_too_few_rows_is_said():
    """A score of three rows would be chance."""
    rare = pa.array(["yes"] * 3 + ["no"] * 997)
    held_back = HELD_BACK.set_column(2, "k", rare)
    found = evaluated(FRESH, held_back, checks=(), target="k")
    assert found.utility is None
    assert "too few of each class" in found.notes[0]


def test_the_least_rows_are_enough_for_all_but_outliers():
    """Which would be two a draw."""
    found = evaluated(FRESH, HELD_BACK.slice(0, MIN_ROWS), target="k")
    assert found.notes == ()
    assert found.membership.outliers_auc is None
    assert found.membership.auc.error > 0.01


def test_the_same_seed_gives_the_same_figures():
    """And another seed others, within the noise."""
    one, other = (evaluated(FRESH, target="k", seed=seed) for seed in (1, 2))
    assert one == evaluated(FRESH, target="k", seed=1)
    assert one.detection != other.detection
    assert abs(one.membership.auc.mean - other.membership.auc.mean) < 0.05


def test_wide_tables_are_measured_by_fewer_rows(monkeypatch):
    """So that time and memory are bounded."""
    monkeypatch.setattr("datagen_nb.synth.quality.detection.MAX_CELLS", 4 * 300)
    monkeypatch.setattr("datagen_nb.synth.quality.utility.MAX_CELLS", 3 * 400)
    monkeypatch.setattr("datagen_nb.synth.quality.inference.MAX_CELLS", 4 * 500)
    found = evaluated(FRESH, target="y")
    assert found.detection.rows == 300
    assert found.utility.rows == 400
    assert found.membership.rows == 250


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2).filter(
        lambda rows: len({flag for _, flag in rows}) == 2
    )
)
def test_auc_is_that_of_scikit_learn(rows):
    """Ties included."""
    scores = np.array([float(score) for score, _ in rows])
    truth = np.array([flag for _, flag in rows])
    assert auc(scores, truth) == pytest.approx(roc_auc_score(truth, scores))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=2, max_size=40).filter(
        lambda rows: len({truth for _, truth in rows}) > 1
    )
)
def test_r2_is_that_of_scikit_learn(rows):
    """Below 0 too."""
    predicted, truth = (np.array([float(row[place]) for row in rows]) for place in (0, 1))
    assert r2(predicted, truth) == pytest.approx(r2_score(truth, predicted))


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.integers(0, 9))
def test_folds_have_equally_many_of_each_class(classes, seed):
    """But for one."""
    codes = np.array(classes)
    folds = folds_of(codes, np.random.default_rng(seed))
    for one in set(classes):
        counts = np.bincount(folds[codes == one], minlength=FOLDS)
        assert counts.max() - counts.min() <= 1


def test_an_attack_within_its_noise_is_no_reason_for_fear():
    """One that is surely above chance is."""

    def level(mean: float, error: float) -> str:
        attack = Measured(mean=mean, error=error)
        chance = Measured(mean=0.5, error=0.01)
        return Membership(auc=chance, auc_fresh=chance, outliers_auc=attack, rows=100).level

    assert level(0.6, 0.06) == "ok"
    assert level(0.6, 0.01) == "caution"
    assert level(0.7, 0.01) == "bad"
    assert level(0.7, 0.06) == "caution"


def test_of_a_score_of_chance_no_share_is_kept():
    """Nor lost: there was nothing to predict."""
    none = Measured(mean=0.51, error=0.01)
    found = Utility(
        target="t",
        metric="AUC",
        score=none,
        score_real=none,
        difference=none,
        rows=100,
        rows_tested=100,
    )
    assert found.kept is None
