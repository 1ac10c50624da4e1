"""A tree is given a prediction of its variable where that helps."""

import numpy as np

from datagen_nb.synth import packing
from datagen_nb.synth.trees import grow
from datagen_nb.synth.trees.boosted import Predicted, cross_fit
from datagen_nb.synth.trees.leaves import LeafTree, split

ROWS = 4_000


def chance(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def ranks_of(values) -> np.ndarray:
    return np.unique(values, return_inverse=True)[1].astype(np.int32)


def areas() -> tuple[np.ndarray, np.ndarray]:
    """Three numbers and a category before, and a variable that follows from all of them."""
    random = chance()
    before = random.uniform(-1, 1, (ROWS, 4)).astype(np.float32)
    before[:, 3] = random.permutation(ROWS) % 5
    effect = np.array([0, 0.2, 0.1, 0.4, 0.3])[before[:, 3].astype(int)]
    return before, ranks_of(4 * before[:, 0] * before[:, 1] + before[:, 2] + effect)


def test_what_many_variables_decide_together_is_drawn_near_its_prediction():
    """A single tree of as many rows knows it less well."""
    before, codes = areas()
    grown = grow(before, codes, ordered=True, unordered=[3], seed=1)
    tree, *_ = split(before, codes, ordered=True, unordered=[3], seed=1)
    alone = tree.filled(tree.leaves_of(before), codes)

    drawn, drawn_alone = grown.draw(before, chance(2)), alone.draw(before, chance(2))

    assert isinstance(grown.model, Predicted)
    assert np.abs(drawn - codes).mean() < 0.8 * np.abs(drawn_alone - codes).mean()


def test_a_tree_that_knows_as_much_is_given_no_prediction():
    """Of one variable, boosted trees know nothing that a tree does not."""
    before = chance().normal(0, 1, (ROWS, 2)).astype(np.float32)
    codes = ranks_of(before[:, 0] ** 2)

    assert isinstance(grow(before, codes, ordered=True, unordered=[], seed=1).model, LeafTree)


def test_a_row_is_predicted_from_others_alone():
    """Of a variable that nothing decides, predictions do not go with what the rows have."""
    before = chance().normal(0, 1, (ROWS, 6)).astype(np.float32)
    scores = chance(2).normal(0, 1, ROWS)

    halves, predicted = cross_fit(before, scores, [], chance())

    assert abs(np.corrcoef(predicted, scores)[0, 1]) < 0.05
    assert np.corrcoef(halves.first.predict(before), scores)[0, 1] > 0.2


def test_a_kept_prediction_draws_the_same():
    """With missing values and levels that no row had, and for the same seed the same again."""
    before, codes = areas()
    before[::7, 0] = -9
    before[::11, 3] = -1
    codes[::13] = -1
    one, other = (grow(before, codes, ordered=True, unordered=[3], seed=1) for _ in range(2))
    asked = before.copy()
    asked[::5, 3] = 9

    again = packing.from_bytes(packing.to_bytes(one))

    assert isinstance(one.model, Predicted)
    drawn = one.draw(asked, chance())
    assert (drawn == other.draw(asked, chance())).all()
    assert (drawn == again.draw(asked, chance())).all()
    assert set(drawn) <= set(codes[codes >= 0])
