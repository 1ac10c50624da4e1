"""What several suites share: a home of their own, and the real table that ships."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests import firestore_emulator as firestore_emulator_module
from tests import gcs_emulator as gcs_emulator_module

if TYPE_CHECKING:
    from distributed import LocalCluster

# How long an example takes depends on the machine; `pytest-timeout` bounds a test.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")

# A shell's background jobs ignore Ctrl-C, and so would the processes that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

DIAMONDS = Path(__file__).parents[1] / "notebooks" / "data" / "diamonds.parquet"


@pytest.fixture(autouse=True)
def _private_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch):
    """No test touches the user's own home, nor an account at Google."""
    monkeypatch.setenv("DATAGEN_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path_factory.mktemp("gcloud")))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)


@pytest.fixture
def diamonds() -> Path:
    """53,940 real rows of 10 columns, Parquet."""
    return DIAMONDS


@pytest.fixture(scope="session")
def gcs_emulator() -> Iterator[str]:
    """The address of a fake-gcs-server; the test skips where it cannot run."""
    with gcs_emulator_module.running() as address:
        yield address


@pytest.fixture(scope="session")
def firestore_emulator() -> Iterator[str]:
    """Host and port of Google's Firestore emulator; the test skips where it cannot run."""
    with firestore_emulator_module.running() as address:
        yield address


@pytest.fixture(scope="session")
def dask_cluster() -> "Iterator[LocalCluster]":
    """A Dask cluster of two worker processes, which a test may scale."""
    from tests import dask_cluster as dask_cluster_module  # Colab's line has no Dask

    with dask_cluster_module.running() as cluster:
        yield cluster


@pytest.fixture
def cloud_emulators(
    gcs_emulator: str, firestore_emulator: str, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Both emulators, as the clients of Google find them; the address of Cloud Storage's."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_emulator)
    monkeypatch.setenv(firestore_emulator_module.VARIABLE, firestore_emulator)
    return gcs_emulator
