"""What several suites share: a home of their own, and the real table that ships."""

from pathlib import Path

import pytest

DIAMONDS = Path(__file__).parents[1] / "notebooks" / "data" / "diamonds.parquet"


@pytest.fixture(autouse=True)
def _private_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch):
    """No test touches the user's own home."""
    monkeypatch.setenv("DATAGEN_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def diamonds() -> Path:
    """53,940 real rows of 10 columns, Parquet."""
    return DIAMONDS
