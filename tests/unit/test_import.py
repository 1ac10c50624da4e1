"""Importing the package costs next to nothing and brings none of the heavy parts."""

import json
import subprocess
import sys

import pytest

import datagen_nb

HEAVY = (
    "pandas",
    "pyarrow",
    "httpx",
    "distributed",
    "duckdb",
    "fastapi",
    "google",
    "sklearn",
    "numpy",
    "pydantic",
)


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout


def test_importing_loads_no_heavy_package():
    """``import datagen_nb`` is for every cell; what is heavy comes with first use."""
    loaded = json.loads(run("import datagen_nb, sys, json; print(json.dumps(list(sys.modules)))"))
    assert not [name for name in HEAVY if name in loaded]


@pytest.mark.parametrize("name", datagen_nb.__all__)
def test_every_public_name_can_be_had(name):
    """What ``__all__`` promises is there."""
    assert getattr(datagen_nb, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    """Laziness does not change what a typo gives."""
    with pytest.raises(AttributeError, match="conect"):
        _ = datagen_nb.conect
