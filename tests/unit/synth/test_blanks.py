"""An empty text among identifiers, names or addresses stands for a value that is missing."""

import numpy as np
import pyarrow as pa
import pytest

from datagen_nb.synth.fitting import fit

ROWS = 1_000
NAMES = ["Anna Berg", "John Smith", "Maria Lopez", "Wei Chen", "Ole Hansen"]


def column(write: str) -> list[str]:
    numbers = np.random.default_rng(1).choice(10**7, ROWS, replace=False)
    return [write.format(number, NAMES[number % 5], chr(97 + number % 26)) for number in numbers]


@pytest.mark.parametrize("share", [0.05, 0.4])
@pytest.mark.parametrize("write", ["ORD-{0:07d}", "{2}{0}@mail.example", "+49 30 {0:07d}"])
def test_they_keep_their_share_and_their_rows(share, write):
    """As in a file that quotes all of its fields; here they are missing in one of two shops."""
    values = column(write)
    shop = ["north" if n < ROWS * share * 1.25 else "south" for n in range(ROWS)]
    real = ["" if n < ROWS * share else text for n, text in enumerate(values)]
    model = fit(pa.table({"number": real, "shop": shop}), seed=0)

    rows = model.generate(0, ROWS, offset=0).to_pylist()

    made = [row["number"] for row in rows]
    assert None not in made
    assert abs(made.count("") / ROWS - share) < 0.05
    assert not (set(made) - {""}) & set(real)
    in_north = [row["number"] == "" for row in rows if row["shop"] == "north"]
    assert np.mean(in_north) == pytest.approx(0.8, abs=0.15)
    assert not any(row["number"] == "" for row in rows if row["shop"] == "south")


def test_a_null_beside_them_is_the_same():
    """Which of both is missing in which way is not kept apart."""
    values = column("ORD-{0:07d}")
    real = [None if n % 10 == 0 else "" if n % 10 == 1 else text for n, text in enumerate(values)]
    made = fit(pa.table({"number": real}), seed=0).generate(0, ROWS, offset=0)["number"]
    assert made.to_pylist().count("") / ROWS == pytest.approx(0.2, abs=0.05)
