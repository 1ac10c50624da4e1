"""``gs://`` paths: what a person writes, what a configuration holds, and the way back."""

from __future__ import annotations

from pathlib import Path

import pytest

from datagen_nb.api.process import launch
from datagen_nb.core.cloud_paths import is_cloud_path, split, title
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ArgumentError
from datagen_nb.core.places import source_of
from datagen_nb.ui.draft import target_of

PATHS = {
    "gs://acme/table.csv": ("gs://acme", "table.csv"),
    "gs://acme.com/a b/\u00e4 #1?.csv": ("gs://acme.com", "a b/\u00e4 #1?.csv"),
    "gs://acme/a//b.csv": ("gs://acme", "a//b.csv"),
}


@pytest.mark.parametrize(("path", "parts"), PATHS.items())
def test_a_path_is_a_bucket_and_a_name(path: str, parts: tuple[str, str]) -> None:
    """The name is what stands there: nothing in it is an escape or a query."""
    assert split(path) == parts
    assert title(*parts) == path


def test_a_path_object_has_lost_a_slash() -> None:
    """It is meant all the same."""
    assert is_cloud_path(Path("gs://acme/a/table.csv"))
    assert split(Path("gs://acme/a/table.csv")) == ("gs://acme", "a/table.csv")
    assert not is_cloud_path(Path("gs/acme.csv"))


@pytest.mark.parametrize("path", ["gs://", "gs:///x", "gs://Acme/x", "gs://acme", "gs://acme/a/"])
def test_a_path_that_names_no_object_is_refused(path: str) -> None:
    """A wrong bucket, a whole bucket, and a folder."""
    with pytest.raises(ArgumentError, match="cannot be used"):
        split(path)


@pytest.mark.parametrize("shares_files", [True, False])
def test_the_wizards_output_may_be_an_object(shares_files: bool) -> None:
    """The service writes it, wherever that runs."""
    fields = {"outputBucket": "gs://acme", "outputPath": "out/new.csv"}

    assert target_of(" gs://acme/out/new.csv ", shares_files=shares_files) == fields


def test_the_cell_of_a_job_names_its_objects() -> None:
    """As a person would write it, and as the history shows the source."""
    config = JobConfiguration(
        data_size=50,
        input_bucket="gs://acme",
        input_path="in/table.csv",
        output_bucket="gs://acme",
        output_path="new.csv",
        input_format="csv",
        output_format="csv",
        name="table",
    )

    cell = config.to_code()

    assert '"gs://acme/in/table.csv"' in cell
    assert 'output="gs://acme/new.csv"' in cell
    assert "JobConfiguration" not in cell
    assert source_of(config.input_bucket, config.input_path) == "gs://acme/in/table.csv"


def test_a_service_finds_the_credentials_of_who_starts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets the names of files and servers; secrets in variables stay behind."""
    kept = {
        "CLOUDSDK_CONFIG",
        "FIRESTORE_EMULATOR_HOST",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "STORAGE_EMULATOR_HOST",
    }
    for name in kept:
        monkeypatch.setenv(name, "kept")
    for name in ("GOOGLE_API_KEY", "CLOUDSDK_AUTH_ACCESS_TOKEN", "GOOGLE_OAUTH_ACCESS_TOKEN"):
        monkeypatch.setenv(name, "canary")

    given = launch._environment()

    assert kept == {name for name, value in given.items() if value == "kept"}
    assert "canary" not in given.values()
