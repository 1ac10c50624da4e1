"""A report tells good from bad, and a copy from a likeness."""

from collections import Counter
from math import comb
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from datagen_nb.core.result import Report
from datagen_nb.relations import find
from datagen_nb.synth.fitting import fit
from datagen_nb.synth.quality import assess
from datagen_nb.synth.quality.assessment import MOST_PAIRS
from datagen_nb.synth.quality.columns import Column, Samples
from datagen_nb.synth.quality.memorisation import MIN_HELD_BACK
from datagen_nb.synth.quality.pairs import compare_pairs
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
    assert abs(report.memorisation.dcr_share - 0.5) < report.memorisation.dcr_share_noise < 0.06
    assert report.memorisation.exact_row_share < 0.001
    ratio = report.memorisation.median_distance / report.memorisation.median_distance_expected
    assert 0.8 < ratio < 1.25


def test_a_perfect_copy_scores_1_and_is_found_out():
    """Alike it is, and a copy."""
    report = judged(people(3_000, 1))
    assert report.fidelity == report.column_fidelity == report.pair_fidelity == 1
    assert report.memorisation.exact_row_share == 1
    assert report.memorisation.dcr_share > 0.95
    assert report.memorisation.median_distance == 0
    assert report.memorisation.level == "bad"


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
    assert report.pair_fidelity < 0.05
    assert abs(report.dependence_kept) < 0.05
    scores = {pair.columns: pair.score for pair in report.pairs}
    assert scores["x", "y"] < 0.05
    strengths = [abs(pair.dependence) * (1 - pair.score) for pair in report.pairs]
    assert strengths[0] > strengths[-1]


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


@pytest.mark.parametrize("rows", [0, 1, MIN_HELD_BACK - 1])
def test_too_few_rows_held_back_are_reported_and_nothing_is_judged_by_them(rows):
    """No number is better than a number by chance."""
    report = judged(people(3_000, 3), people(600, 2).slice(0, rows))
    assert report.memorisation.dcr_share is None
    assert report.memorisation.median_distance is None
    assert report.rows_held_back == rows
    assert any("held back" in note for note in report.notes)
    assert report.memorisation.level == "unknown"


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


def test_only_identifiers_leave_no_pairs_and_are_no_praise():
    """Those that came back are counted, and the report is no better for them."""
    known = pa.table({"id": [f"N{n}" for n in range(100)], "text": ["a b c d"] * 100})
    none = known.slice(0, 0)
    report = assess(known, none, known, {"id": "id", "text": "text"})
    assert [column.name for column in report.columns] == ["id", "text"]
    assert report.pairs == ()
    assert report.pair_fidelity is None
    assert report.memorisation.dcr_share is None
    returned = {one.column: (one.values, one.returned) for one in report.memorisation.returned}
    assert returned == {"id": (100, 100), "text": (1, 1)}
    assert report.memorisation.level == "bad"


def test_few_rows_can_be_judged():
    """Two training rows, one synthetic row."""
    known = people(2, 1)
    report = assess(known, known.slice(0, 0), known.slice(0, 1), KINDS)
    assert 0 <= report.fidelity <= 1


def test_many_columns_are_judged_within_bounds():
    """Of 120 columns there are 7,140 pairs; the report says how many it looked at."""
    random = np.random.default_rng(1)
    names = [f"c{n}" for n in range(120)]

    def table():
        return pa.table(
            dict(
                zip(
                    names,
                    (random.normal(size=(500, 1)) + random.normal(size=(500, 120))).T,
                    strict=True,
                )
            )
        )

    report = assess(table(), table(), table(), dict.fromkeys(names, "numeric"))
    assert len(report.columns) == 120
    assert len(report.pairs) == MOST_PAIRS
    assert any("400 of 7,140 pairs" in note for note in report.notes)
    assert report.pair_fidelity > 0.95


def test_every_column_takes_part_in_pairs_however_many_there_are():
    """Of 600 equal columns there are 179,700 pairs; in those compared, each column is twice."""
    values = np.random.default_rng(1).normal(size=300)
    columns = [
        Column(name=str(number), kind="numeric", is_ordered=True, numbers=Samples(*[values] * 3))
        for number in range(600)
    ]
    found = compare_pairs(columns)
    named = Counter(name for pair in found.pairs for name in pair.columns)
    assert set(named.values()) == {2}
    assert len(named) == found.compared == 600


def test_independent_columns_have_no_score_for_pairs():
    """There is nothing to keep, and chance is no loss."""
    random = np.random.default_rng(1)
    names = [f"c{n}" for n in range(30)]
    tables = [pa.table({name: random.normal(size=500) for name in names}) for _ in range(3)]
    report = assess(*tables, dict.fromkeys(names, "numeric"))
    assert report.pair_fidelity is None
    assert report.fidelity == report.column_fidelity
    assert any("more than" in note for note in report.notes)


def test_dependence_that_is_made_up_counts_as_a_loss():
    """Columns that go together only in the result."""
    random = np.random.default_rng(1)

    def table(weight):
        x, noise = random.normal(size=(2, 2_000))
        return pa.table({"x": x, "y": weight * x + noise})

    report = assess(table(0), table(0), table(2), {"x": "numeric", "y": "numeric"})
    assert report.pair_fidelity < 0.1


@pytest.mark.parametrize("weight", [0.0, 0.25, 0.5, 1.0])
def test_the_score_of_pairs_is_the_share_of_dependence_that_is_left(weight):
    """A correlation of three quarters of the input's is about .75."""
    random = np.random.default_rng(2)
    loadings = np.ones((1, 6))

    def table(share):
        common = random.normal(size=(4_000, 1)) * share
        rest = random.normal(size=(4_000, 1)) * np.sqrt(1 - share**2)
        own = random.permuted(np.repeat(rest, 6, axis=1), axis=0)
        return pa.table(
            dict(
                zip(
                    "abcdef",
                    (common * loadings + own + random.normal(size=(4_000, 6)) / 2).T,
                    strict=True,
                )
            )
        )

    kinds = dict.fromkeys("abcdef", "numeric")
    report = assess(table(1), table(1), table(np.sqrt(weight)), kinds)
    assert report.dependence_kept == pytest.approx(weight, abs=0.05)
    assert report.pair_fidelity == pytest.approx(weight, abs=0.05)


def test_a_wrong_margin_is_no_lost_dependence():
    """Its column loses, not each of its pairs; what few rows know is chance."""
    random = np.random.default_rng(3)

    def table(share, known):
        city = np.where(random.random(3_000) < share, "a", "b")
        x, z = random.normal(size=(2, 3_000))
        y = pa.array(z, mask=random.random(3_000) > known)
        return pa.table({"city": city, "x": x, "y": y, "z": z + random.normal(size=3_000)})

    kinds = {"city": "categorical", "x": "numeric", "y": "numeric", "z": "numeric"}
    report = assess(table(0.9, 0.002), table(0.9, 0.002), table(0.2, 0.002), kinds)
    assert report.columns[0].score < 0.35
    assert report.pair_fidelity is None


def test_dependence_that_is_not_monotonic_is_seen():
    """A parabola has no correlation, and is lost all the same."""
    random = np.random.default_rng(1)

    def table(seed):
        x = np.random.default_rng(seed).normal(size=3_000)
        return pa.table({"x": x, "y": x**2})

    kinds = {"x": "numeric", "y": "numeric"}
    assert assess(table(1), table(2), table(3), kinds).pair_fidelity > 0.95
    shuffled = pa.table({"x": table(3)["x"], "y": random.permutation(table(3)["y"])})
    assert assess(table(1), table(2), shuffled, kinds).pair_fidelity < 0.05


def orders(seed: int, rows: int = 2_000, *, prefix: str = "C") -> pa.Table:
    """A key that repeats four times, a name, a note."""
    random = np.random.default_rng(seed)
    words = np.array(["late", "again", "please", "call", "broken", "thanks", "2x"])
    return pa.table(
        {
            "customer": [
                f"{prefix}-{number:06}"
                for number in random.choice(10**6, rows // 4)[random.integers(rows // 4, size=rows)]
            ],
            "note": [" ".join(random.choice(words, size)) for size in random.integers(3, 12, rows)],
        }
    )


ORDER_KINDS = {"customer": "id", "note": "text"}


def test_identifiers_and_texts_are_compared_by_what_they_look_like():
    """Form, length and rows per value; which one decided is named."""
    known = orders(1)
    fresh = assess(known, known.slice(0, 0), orders(2), ORDER_KINDS)
    assert min(column.score for column in fresh.columns) > 0.9
    worse = {
        "form": [f"{number:08}" for number in range(2_000)],
        "rows per value": [f"C-{number:06}" for number in range(2_000)],
        "length": [f"C-{number % 500:09}" for number in range(2_000)],
    }
    for metric, values in worse.items():
        made = orders(2).set_column(0, "customer", pa.array(values))
        column = assess(known, known.slice(0, 0), made, ORDER_KINDS).columns[0]
        assert (column.metric, column.score < 0.5) == (metric, True)


@pytest.mark.parametrize("name", ["customer", "note"])
def test_garbage_in_place_of_a_text_scores_low(name):
    """Whatever else is right."""
    known, made = orders(1), orders(2)
    place = made.column_names.index(name)
    garbage = made.set_column(place, name, pa.array(["%&/()=" * 9] * 2_000))
    scores = {
        column.name: column.score
        for column in assess(known, known.slice(0, 0), garbage, ORDER_KINDS).columns
    }
    assert scores.pop(name) < 0.1
    assert min(scores.values()) > 0.9


def test_texts_that_spell_numbers_are_compared_by_value():
    """Their distribution counts, and so do their spellings."""

    def prices(mean, sign, seed):
        numbers = np.random.default_rng(seed).normal(mean, 10, 2_000)
        return pa.table({"price": [f"{sign}{number:.2f}" for number in numbers]})

    def score(made):
        known = prices(100, "$", 1)
        report = assess(known, known.slice(0, 0), made, {"price": "numeric"})
        assert report.columns[0].metric == "KS complement"
        return report.columns[0].score

    assert score(prices(100, "$", 2)) > 0.95
    assert score(prices(900, "$", 2)) == 0
    assert score(prices(100, "EUR ", 2)) < 0.05


def test_a_constant_is_compared_by_its_value():
    """Another one is wrong."""
    known = pa.table({"c": ["a"] * 100, "n": pa.nulls(100)})
    kinds = {"c": "constant", "n": "constant"}
    assert assess(known, known, known, kinds).column_fidelity == 1
    other = known.set_column(0, "c", pa.array(["b"] * 100))
    assert assess(known, known, other, kinds).column_fidelity == 0.5


def test_a_column_that_cannot_be_compared_is_named():
    """With the reason; it counts as nothing."""
    known = people(200, 1).append_column("l", pa.array([[1, 2]] * 200))
    report = assess(known, known, known, {**KINDS, "l": "text"})
    assert [(one.name, "list<item: int64>" in one.reason) for one in report.not_compared] == [
        ("l", True)
    ]
    assert len(report.columns) == len(KINDS)


def test_relations_are_judged_and_broken_ones_come_first():
    """By the rows that keep them; chance does not break one with exceptions."""

    class Rule:
        def __init__(self, sentence, name):
            self.sentence, self.name = sentence, name

        def holds(self, table):
            return table[self.name].to_numpy()

        def reduce(self, table):
            return table

    def table(kept, seed):
        random = np.random.default_rng(seed)
        return pa.table({"exact": random.random(2_000) < kept, "most": random.random(2_000) < 0.9})

    rules = [Rule("most", "most"), Rule("a = b", "exact")]
    kinds = {"exact": "boolean", "most": "boolean"}
    report = assess(table(1, 1), table(1, 2), table(0.6, 3), kinds, relations=rules)
    assert [(one.sentence, one.kept) for one in report.relations] == [
        ("a = b", False),
        ("most", True),
    ]
    assert report.relations[0].share_input == 1
    assert report.relations[0].share_synthetic == pytest.approx(0.6, abs=0.05)
    assert report.relation_fidelity == pytest.approx(0.8, abs=0.03)


def test_a_relation_found_in_the_input_is_judged_in_the_result():
    """What ``relations.find`` gives is what the report takes."""

    def table(seed, *, exact):
        random = np.random.default_rng(seed)
        price, quantity = random.integers(1, 900, 2_000), random.integers(1, 30, 2_000)
        total = price * quantity + (0 if exact else random.integers(1, 9, 2_000))
        return pa.table({"price": price, "quantity": quantity, "total": total})

    known, kinds = table(1, exact=True), dict.fromkeys(["price", "quantity", "total"], "numeric")
    rules = find(known, kinds=kinds)
    for exact in (True, False):
        report = assess(known, known, table(2, exact=exact), kinds, relations=rules)
        assert any("total" in one.sentence and one.kept is exact for one in report.relations)


def rare(seed: int, *, names: str) -> pa.Table:
    """Frequent and rare names, and prices on a wide grid."""
    random = np.random.default_rng(seed)
    return pa.table(
        {
            "name": ["common"] * 900 + [f"{names}{number}" for number in range(100)],
            "price": random.integers(0, 5_000, 1_000),
        }
    )


def test_rare_values_that_come_back_are_counted_by_column():
    """Those of categories count at once, numbers only beyond chance."""
    kinds = {"name": "categorical", "price": "numeric"}

    def judge(made, **more):
        return assess(rare(1, names="a"), rare(2, names="a"), made, kinds, **more).memorisation

    clean = judge(rare(3, names="new"), min_count=5)
    assert [one.returned for one in clean.returned if one.column == "name"] == [0]
    price = next(one for one in clean.returned if one.column == "price")
    assert price.returned > 50
    assert price.expected == pytest.approx(price.returned, rel=0.2)
    assert (clean.disclosed, clean.level) == ((), "ok")
    copied = judge(rare(1, names="a"))
    assert {one.column: one.returned for one in copied.disclosed}["name"] == 100
    assert {one.column for one in copied.disclosed} == {"name", "price"}
    twice = judge(rare(3, names="a"), min_count=2)  # each name has a row in both tables
    assert "name" not in {one.column for one in twice.returned}


def test_numbers_smoothed_over_their_neighbours_do_not_come_back_beyond_chance():
    """Some are common, those beside them rare: that more of these come back is no copy."""
    random = np.random.default_rng(5)
    weights = np.exp(random.normal(0, 1.5, 4_000))
    shares = [weights, np.convolve(weights, np.ones(9) / 9, mode="same")]
    known, held_back, made = (
        pa.table({"price": random.choice(4_000, rows, p=share / share.sum())})
        for share, rows in ((shares[0], 8_000), (shares[0], 2_000), (shares[1], 8_000))
    )
    kinds = {"price": "numeric"}
    smooth = assess(known, held_back, made, kinds).memorisation
    copied = assess(known, held_back, known, kinds).memorisation
    assert smooth.returned[0].returned > 500
    assert (smooth.disclosed, [one.column for one in copied.disclosed]) == ((), ["price"])


@pytest.mark.parametrize("copied", [True, False])
def test_few_single_values_suffice_to_see_a_copy(copied):
    """All single values that were fitted to came back, and none that was held back."""
    known = pa.table({"price": [*range(16), *[50] * 104]})
    held_back = pa.table({"price": [*range(20, 24), *[50] * 56]})
    values = range(16) if copied else [*range(0, 16, 2), 20, 22]
    made = pa.table({"price": [*values, *[50] * 104]})
    found = assess(known, held_back, made, {"price": "numeric"}).memorisation
    (price,) = found.returned
    assert (price.values, price.returned) == (16, 16 if copied else 8)
    assert [one.column for one in found.disclosed] == ["price"] * copied
    # Of the 20 single values of both, which 4 were held back was chance.
    exact = 1 / comb(20, 4) if copied else 0.709
    assert price.chance == pytest.approx(exact, abs=0.001)
    assert price.expected == (0 if copied else 8)


def test_rare_values_of_a_sample_are_not_rare_in_the_input():
    """The report does not judge what it cannot know."""
    facts = {"name": SimpleNamespace(rows=100_000)}
    known = rare(1, names="a").select(["name"])
    report = assess(known, known.slice(0, 0), known, {"name": "categorical"}, facts=facts)
    assert report.memorisation.returned == ()
    assert any("rare" in note for note in report.notes)


def walks(series: int, seed: int) -> pa.Table:
    """Series of 100 rows that each have a level of their own: two columns, independent."""
    random = np.random.default_rng(seed)
    level, step = random.normal(size=(2, series, 2, 1)), random.normal(size=(series, 2, 100)) / 20
    x, y = (level[0] + step.cumsum(axis=2)).transpose(1, 0, 2).reshape(2, -1)
    return pa.table({"x": x, "y": y})


def test_rows_of_few_series_are_judged_as_few():
    """What few series have by chance is neither dependence nor closeness."""
    tables = walks(20, 1), walks(5, 2), walks(20, 3)
    kinds = {"x": "numeric", "y": "numeric"}
    report = assess(*tables, kinds, independent=(20, 5, 20))
    assert report.pair_fidelity is None
    assert report.memorisation.level != "bad"
    assert report.memorisation.dcr_share_noise > 0.2
    assert assess(*tables, kinds).memorisation.dcr_share_noise < 0.1


def test_copies_of_series_are_found_among_enough():
    """A copy is nearer to its series than to any that was held back."""
    tables = walks(200, 1), walks(50, 2), walks(200, 1)
    report = assess(*tables, {"x": "numeric", "y": "numeric"}, independent=(200, 50, 200))
    assert report.memorisation.level == "bad"


def test_numbers_of_rows_may_begin_elsewhere_but_not_repeat():
    """They do so on purpose; keys of one length have to keep it."""
    kinds = {"row": "id", "key": "id"}
    random = np.random.default_rng(1)
    rows, keys = np.arange(1, 501), random.choice(np.arange(10**7, 10**8), 1_500, replace=False)

    def of(numbers: np.ndarray, keys: np.ndarray) -> pa.Table:
        return pa.table({"row": numbers, "key": keys})

    known, held_back = of(rows[:400], keys[:400]), of(rows[400:], keys[400:500])
    good = assess(known, held_back, of(rows[:400] + 6_000, keys[500:900]), kinds)
    assert [column.score for column in good.columns] == [1, 1]
    twice = [
        of(np.repeat(numbers, 2), keys[:each])
        for numbers, each in ((rows[:200], 400), (rows[200:250], 100), (rows[:200] + 6_000, 400))
    ]
    assert assess(*twice, kinds).columns[0].score == 1  # of rows of another table
    bad = assess(known, held_back, of(rows[:400] // 2 + 6_000, keys[500:900] // 10), kinds)
    assert max(column.score for column in bad.columns) < 0.6
