"""Trees draw codes that exist, the same for the same seed, and no code of one row for certain."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from datagen_nb.synth import packing
from datagen_nb.synth.trees import grow, order_levels
from datagen_nb.synth.trees.leaves import LeafTree, of_sklearn, split
from datagen_nb.synth.trees.linear import Linear

SEEDS = st.integers(0, 2**32 - 1)


def chance(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


@st.composite
def tables(draw):
    """Variables before, one to draw, and which of them are unordered; -1 where a row has none."""
    random = chance(draw(SEEDS))
    rows = draw(st.sampled_from([2, 61, 400]))
    columns = []
    for _ in range(draw(st.integers(1, 6))):
        levels = draw(st.sampled_from([1, 2, 5, 60, 10**5]))
        codes = random.integers(0, levels, rows)
        codes[random.random(rows) < draw(st.sampled_from([0.0, 0.3]))] = -1
        columns.append(codes)
    *before, codes = columns
    if codes.max() < 0:
        codes[0] = 0
    unordered = sorted(draw(st.sets(st.integers(0, len(before) - 1)))) if before else []
    return (
        np.array(before, dtype=np.float32).T.reshape(rows, len(before)),
        codes.astype(np.int32),
        draw(st.booleans()),
        unordered,
    )


@settings(max_examples=80, deadline=None)
@given(tables(), SEEDS)
def test_only_known_codes_are_drawn_and_the_same_for_the_same_seed(table, seed):
    """Whatever the codes, and wherever some have no value."""
    before, codes, ordered, unordered = table
    one, other = (
        grow(before, codes, ordered=ordered, unordered=unordered, seed=seed) for _ in range(2)
    )

    drawn = one.draw(before, chance(seed))

    assert drawn.dtype == np.int32
    assert len(drawn) == len(before)
    assert set(drawn) <= set(codes[codes >= 0])
    assert (drawn == other.draw(before, chance(seed))).all()


@pytest.mark.parametrize("kind", [DecisionTreeRegressor, DecisionTreeClassifier])
@pytest.mark.parametrize("rows", [2, 300, 20_000])
def test_rows_fall_into_the_leaf_that_scikit_learn_gives_them(kind, rows):
    """Our own nodes are its tree, to the bit."""
    random = chance(rows)
    before = random.normal(0, 1, (rows, 7)).astype(np.float32)
    before[:, 2] = np.round(before[:, 2])
    tree = kind(min_samples_leaf=max(rows // 200, 1)).fit(before, np.round(before.sum(axis=1)))
    asked = np.concatenate([before, random.normal(0, 2, before.shape).astype(np.float32)])

    leaves = of_sklearn(tree.tree_).apply(asked)

    theirs = tree.apply(asked)
    assert len(set(zip(leaves, theirs, strict=True))) == len(set(leaves)) == len(set(theirs))


def test_a_code_that_one_row_had_comes_back_by_chance_only():
    """As many rows as were fitted on bring back 1 - 1/e of the codes seen once."""
    rows = 20_000
    before = chance().normal(0, 1, (rows, 3)).astype(np.float32)
    codes = ranks_of(np.abs(before[:, 0]))
    tree = grow(before, codes, ordered=True, unordered=[], seed=1)

    drawn = tree.draw(before, chance(2))

    assert isinstance(tree.model, LeafTree)
    assert len(np.unique(drawn)) / rows == pytest.approx(1 - 1 / np.e, abs=0.02)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.45])
def test_an_atom_that_goes_with_another_is_drawn_with_it(share):
    """Though all other codes are independent, so that fine leaves only hold their chance."""
    random, rows = chance(), 4_000
    is_atom = random.random(rows) < share
    given, codes = (
        np.where(is_atom, 0, 1 + random.permutation(rows)).astype(np.int32) for _ in range(2)
    )
    before = np.stack([given, random.permutation(rows)], axis=1).astype(np.float32)

    drawn = grow(before, codes, ordered=True, unordered=[], seed=1).draw(before, chance(2))

    assert ((drawn == 0) == is_atom).mean() > 0.99


def test_fine_dependence_keeps_its_leaves():
    """What a coarser tree would lose is more than it would gain."""
    before = chance().normal(0, 1, (20_000, 1)).astype(np.float32)
    codes = ranks_of(np.abs(before[:, 0]))

    drawn = grow(before, codes, ordered=True, unordered=[], seed=1).draw(before, chance(2))

    assert np.abs(drawn - codes).mean() < 100


def test_a_row_falls_into_the_same_leaf_in_batches_of_any_size():
    """A row's leaf does not depend on the rows beside it."""
    before = chance().normal(0, 1, (30_000, 3)).astype(np.float32)
    tree, *_ = split(before, ranks_of(before[:, 0]), ordered=True, unordered=[], seed=1)

    whole = tree.apply(before)

    cuts = [0, 1, 8_192, 8_193, 20_000, 30_000]
    parts = [tree.apply(before[low:high]) for low, high in itertools.pairwise(cuts)]
    assert (np.concatenate(parts) == whole).all()


@settings(max_examples=20, deadline=None)
@given(tables(), SEEDS)
def test_what_is_kept_draws_the_same(table, seed):
    """A conditional comes back from bytes as it was."""
    before, codes, ordered, unordered = table
    kept = grow(before, codes, ordered=ordered, unordered=unordered, seed=seed)

    again = packing.from_bytes(packing.to_bytes(kept))

    assert (kept.draw(before, chance()) == again.draw(before, chance())).all()
    assert (kept.seen(codes) == again.seen(codes)).all()


@pytest.mark.parametrize(("rows", "columns"), [(150, 6), (500, 10), (600, 90)])
@pytest.mark.parametrize("levels", [None, 5])
def test_dense_columns_correlate_as_strongly_as_the_inputs(rows, columns, levels):
    """Columns that share causes, continuous or on a scale of five, few or many."""
    random = chance(rows)
    loadings = random.normal(0, 1.2, (3, columns))
    table = random.normal(0, 1, (rows, 3)) @ loadings + random.normal(0, 1, (rows, columns))
    if levels:
        table = np.digitize(table, [-2, -0.7, 0.7, 2])
    codes = [ranks_of(column) for column in table.T]

    drawn = drawn_like(codes, [True] * columns, 3_000)

    assert slope(codes, drawn) == pytest.approx(1, abs=0.12)


def test_labels_in_words_are_drawn_in_the_order_that_other_columns_show():
    """What agrees with its neighbours on a scale still does, whatever the labels' own order."""
    random = chance(3)
    table = random.normal(0, 1, (900, 1)) * random.choice([-1.5, 1.5], 8)
    table = np.digitize(table + random.normal(0, 1, table.shape), [-2, -0.7, 0.7, 2])
    shuffled = np.array([3, 0, 4, 1, 2], dtype=np.int32)
    codes = [shuffled[column] for column in table.T]

    orders = order_levels(codes, [False] * 8)
    drawn = drawn_like(codes, [False] * 8, 3_000)

    for order in orders:
        assert order.tolist() in ([3, 0, 4, 1, 2], [2, 1, 4, 0, 3])
    back = np.argsort(shuffled)
    found = slope([back[one] for one in codes], [back[one] for one in drawn])
    assert found == pytest.approx(1, abs=0.12)


def test_a_category_beside_those_of_many_levels_gets_no_order():
    """Too little shows one: those have none themselves."""
    random = chance()
    codes = [random.integers(0, size, 400).astype(np.int32) for size in (3, 60, 90)]
    assert order_levels(codes, [False] * 3) == [None] * 3


def test_levels_without_an_order_get_none():
    """Colours that go with sizes in a circle, or with nothing, stay categories."""
    random = chance()
    colours = random.integers(0, 6, 2_000).astype(np.int32)
    around = 2 * np.pi * colours / 6
    sizes = [
        ranks_of(part + random.normal(0, 0.3, 2_000)) for part in (np.sin(around), np.cos(around))
    ]

    assert order_levels([colours, *sizes], [False, True, True]) == [None] * 3
    assert order_levels([random.permutation(colours), *sizes], [False, True, True]) == [None] * 3


def test_a_dependence_that_is_no_line_is_left_to_a_tree():
    """A regression is chosen only where rows that it has not seen are more likely under it."""
    random = chance()
    before = random.normal(0, 1, (2_000, 2)).astype(np.float32)
    noise = random.normal(0, 0.3, 2_000)

    line, bow = (
        grow(before, ranks_of(shape + noise), ordered=True, unordered=[], seed=1).model
        for shape in (before[:, 0], before[:, 0] ** 2)
    )

    assert isinstance(line, Linear)
    assert isinstance(bow, LeafTree)


def ranks_of(values) -> np.ndarray:
    return np.unique(values, return_inverse=True)[1].astype(np.int32)


def drawn_like(codes, ordered, rows) -> list[np.ndarray]:
    """Rows drawn variable by variable, as a model draws them."""
    orders = order_levels(codes, ordered)
    seen = np.zeros((len(codes[0]), len(codes)), dtype=np.float32)
    made = np.zeros((rows, len(codes)), dtype=np.float32)
    drawn = []
    unordered = []
    for place, one in enumerate(codes):
        conditional = grow(
            seen[:, :place],
            one,
            ordered=ordered[place],
            unordered=unordered,
            seed=place,
            levels=orders[place],
        )
        drawn.append(conditional.draw(made[:, :place], chance(place)))
        seen[:, place], made[:, place] = conditional.seen(one), conditional.seen(drawn[-1])
        if not ordered[place] and orders[place] is None:
            unordered.append(place)
    return drawn


def slope(known, made) -> float:
    """Of the correlations of made columns on those of known ones."""
    upper = np.triu_indices(len(known), 1)
    return np.polyfit(np.corrcoef(known)[upper], np.corrcoef(made)[upper], 1)[0]


@pytest.mark.parametrize("seed", range(4))
def test_codes_of_a_tail_keep_their_share_beside_two_clusters(seed):
    """As crime in suburbs and a town: what a regression predicts is then not normally distributed.

    Cut where a normal variable would be, the lowest hundredth got a fifth of its share.
    """
    random, rows = chance(seed), 600
    is_town = random.random(rows) < 0.25
    causes = random.normal(size=(rows, 4))
    amount = 4 * is_town + causes.sum(axis=1) / 2 + random.normal(size=rows) / 2
    codes = np.argsort(np.argsort(amount)).astype(np.int32)
    seen = np.column_stack([is_town, causes]).astype(np.float32)
    model = grow(seen, codes, ordered=True, unordered=[], seed=seed)
    assert isinstance(model.model, Linear)
    many = seen[random.integers(0, rows, 40_000)]
    drawn = model.draw(many, chance(seed))
    for tail in (0.01, 0.05):
        assert np.mean(drawn >= rows * (1 - tail)) == pytest.approx(tail, rel=0.15)
        assert np.mean(drawn < rows * tail) == pytest.approx(tail, rel=0.15)
