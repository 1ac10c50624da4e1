"""What every kind of columns keeps to: the public suite over each of ours."""

import numpy as np
import pyarrow as pa

from datagen_nb.core.kinds import KINDS
from datagen_nb.synth.kinds import (
    boolean,
    categorical,
    constant,
    dates,
    identifier,
    numeric,
    text,
)
from datagen_nb.testing import ColumnKindSuite

WORDS = ("the", "box", "order", "was", "is", "late", "open", "fine", "and", "but", "very", "good")


class TestNumeric(ColumnKindSuite):
    """Amounts."""

    kind = numeric.KIND

    def make_column(self, random, rows):
        return pa.array(random.gamma(2, 30, rows).round(2))


class TestSpelledNumeric(ColumnKindSuite):
    """Amounts with a sign."""

    kind = numeric.KIND

    def make_column(self, random, rows):
        return pa.array([f"${amount:,.2f}" for amount in random.gamma(2, 900, rows)])


class TestBoolean(ColumnKindSuite):
    """Truth values."""

    kind = boolean.KIND

    def make_column(self, random, rows):
        return pa.array(random.random(rows) < 0.3)


class TestSpelledBoolean(ColumnKindSuite):
    """Yes and no."""

    kind = boolean.KIND

    def make_column(self, random, rows):
        return pa.array(random.choice(["yes", "no"], rows))


class TestDatetime(ColumnKindSuite):
    """Instants."""

    kind = dates.KIND

    def make_column(self, random, rows):
        return pa.array(random.integers(1_600_000_000, 1_700_000_000, rows), pa.timestamp("s"))


class TestSpelledDatetime(ColumnKindSuite):
    """Days as Germans write them."""

    kind = dates.KIND

    def make_column(self, random, rows):
        days = np.datetime64("2020-01-01") + random.integers(0, 900, rows)
        return pa.array([f"{day:%d.%m.%Y}" for day in days.tolist()])


class TestCategorical(ColumnKindSuite):
    """Names of places, most of which many rows share."""

    kind = categorical.KIND

    def make_column(self, random, rows):
        return pa.array([f"place {place}" for place in random.zipf(1.7, rows).clip(max=30)])


class TestConstant(ColumnKindSuite):
    """The same in each row."""

    kind = constant.KIND

    def make_column(self, random, rows):
        return pa.array(["EUR"] * rows)


class TestIdentifier(ColumnKindSuite):
    """Numbers of orders."""

    kind = identifier.KIND

    def make_column(self, random, rows):
        return pa.array([f"ORD-{number:07}" for number in random.permutation(10**7)[:rows]])


class TestText(ColumnKindSuite):
    """Sentences."""

    kind = text.KIND

    def make_column(self, random, rows):
        return pa.array(
            [" ".join(random.choice(WORDS, random.integers(5, 12))) for _ in range(rows)]
        )


def test_each_kind_is_tested():
    """A new one of this package needs a class above."""
    tested = {suite.kind.name for suite in ColumnKindSuite.__subclasses__()}
    assert set(KINDS) <= tested
