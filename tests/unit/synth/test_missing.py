"""An empty text or a word among identifiers and names stands for a value that is missing."""

import numpy as np
import pyarrow as pa
import pytest

from datagen_nb.synth.fitting import fit
from datagen_nb.synth.profile import Profile

ROWS = 1_000
NAMES = ["Anna Berg", "John Smith", "Maria Lopez", "Wei Chen", "Ole Hansen"]


def column(write: str) -> list[str]:
    numbers = np.random.default_rng(1).choice(10**7, ROWS, replace=False)
    return [write.format(number, NAMES[number % 5], chr(97 + number % 26)) for number in numbers]


@pytest.mark.parametrize("missing", ["", "NA", "unknown"])
@pytest.mark.parametrize("share", [0.05, 0.4])
@pytest.mark.parametrize("write", ["ORD-{0:07d}", "{2}{0}@mail.example", "+49 30 {0:07d}"])
def test_they_keep_their_share_and_their_rows(missing, share, write):
    """As in a file that quotes all of its fields; here they are missing in one of two shops."""
    values = column(write)
    shop = ["north" if n < ROWS * share * 1.25 else "south" for n in range(ROWS)]
    real = [missing if n < ROWS * share else text for n, text in enumerate(values)]
    table = pa.table({"number": real, "shop": shop})
    sample = table.take(pa.array(np.random.default_rng(0).permutation(ROWS)[: ROWS * 4 // 5]))
    model = fit(sample, seed=0, profile=Profile.of(table))

    rows = model.generate(0, ROWS, offset=0).to_pylist()

    made = [row["number"] for row in rows]
    assert None not in made
    assert abs(made.count(missing) / ROWS - share) < 0.05
    assert not (set(made) - {missing}) & set(real)
    in_north = [row["number"] == missing for row in rows if row["shop"] == "north"]
    assert np.mean(in_north) == pytest.approx(0.8, abs=0.15)
    assert not any(row["number"] == missing for row in rows if row["shop"] == "south")


def test_a_null_beside_them_is_the_same():
    """Which of both is missing in which way is not kept apart."""
    values = column("ORD-{0:07d}")
    real = [None if n % 10 == 0 else "" if n % 10 == 1 else text for n, text in enumerate(values)]
    made = fit(pa.table({"number": real}), seed=0).generate(0, ROWS, offset=0)["number"]
    assert made.to_pylist().count("") / ROWS == pytest.approx(0.2, abs=0.05)
