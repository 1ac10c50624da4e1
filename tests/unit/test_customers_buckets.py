"""Which buckets a customer has, where results are kept in Google Cloud Storage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from datagen_nb.buckets.gcs.access import GcsAccess
from datagen_nb.buckets.gcs.bucket import GcsBucket
from datagen_nb.core.access import LOCAL_CUSTOMER, CustomerStorage
from datagen_nb.core.buckets import Buckets
from datagen_nb.core.cloud_paths import split_database
from datagen_nb.core.errors import ConfigurationError, NotFound
from datagen_nb.core.places import DEFAULT_BUCKET
from datagen_nb.service.settings import Settings
from datagen_nb.wiring.buckets import customers_buckets
from tests import fake_gcs

ACCOUNT = "carol@acme.iam.gserviceaccount.com"
KEY = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
OWN = {
    "carol": CustomerStorage(bucket="gs://carols", service_account=ACCOUNT, kms_key=KEY),
    "dora": CustomerStorage(bucket="gs://shared/dora"),
}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[fake_gcs.FakeGcs]:
    with fake_gcs.running() as server:
        server.buckets["acme-results"] = {}
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.address)
        yield server


@pytest.fixture
def buckets(fake: fake_gcs.FakeGcs, tmp_path: Path) -> Buckets:
    return customers_buckets(tmp_path, "gs://acme-results/all", OWN)


def test_each_customer_has_a_folder(fake: fake_gcs.FakeGcs, buckets: Buckets) -> None:
    """What one writes no other can read, list or delete, by whatever path."""
    buckets("ann", DEFAULT_BUCKET).put("jobs/j/manifest.json", b"ann's")
    theirs = buckets("bob", DEFAULT_BUCKET)

    for path in ("jobs/j/manifest.json", "../ann/jobs/j/manifest.json", "all/ann/jobs/j"):
        assert theirs.head(path) is None
        assert not theirs.delete(path)
        with pytest.raises(NotFound):
            theirs.get(path)
    assert list(theirs.list()) == []
    assert theirs.delete_prefix("../ann/") == theirs.delete_prefix("jobs/") == 0
    assert list(fake.buckets["acme-results"]) == ["all/ann/jobs/j/manifest.json"]


@pytest.mark.parametrize("name", ["gs://acme-results", "gs://acme-results/all/ann", "gs://other"])
def test_no_customer_names_a_bucket_of_the_service(buckets: Buckets, name: str) -> None:
    """The service's account may use more than any customer: only its own user names buckets."""
    for customer in ("ann", "bob", "dora"):
        assert not buckets.has(customer, name)
        with pytest.raises(NotFound, match="no bucket"):
            buckets(customer, name)


def test_a_customers_name_is_no_way_out(buckets: Buckets) -> None:
    """Of one folder into another."""
    for customer in ("../ann", "ann/jobs", "", "."):
        assert not buckets.has(customer, DEFAULT_BUCKET)


def test_a_customer_has_the_bucket_account_and_key_that_are_set(buckets: Buckets) -> None:
    """Its account decides which other objects its jobs may name."""
    access = GcsAccess(ACCOUNT, KEY)

    assert buckets("carol", DEFAULT_BUCKET) == GcsBucket("carols", "", access)
    assert buckets("carol", "gs://other") == GcsBucket("other", "", access)
    assert buckets("dora", DEFAULT_BUCKET) == GcsBucket("shared", "dora/", GcsAccess())
    assert buckets("ann", DEFAULT_BUCKET) == GcsBucket("acme-results", "all/ann/", GcsAccess())


def test_the_only_user_names_any_bucket(buckets: Buckets) -> None:
    """A name that no bucket can have is not found."""
    assert buckets(LOCAL_CUSTOMER, "gs://acme-tables").address("a.csv") == "gs://acme-tables/a.csv"
    assert not buckets.has(LOCAL_CUSTOMER, "gs://Acme")


def test_a_wrong_address_stops_the_service_at_its_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the first job."""
    for address in ("acme-results", "s3://acme-results", "gs://Acme", "gs://"):
        monkeypatch.setenv("DATAGEN_BUCKET", address)
        with pytest.raises(ConfigurationError):
            Settings()
    monkeypatch.setenv("DATAGEN_BUCKET", "gs://acme-results")
    assert Settings().bucket == "gs://acme-results"


def test_a_wrong_store_stops_the_service_at_its_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database has a project; without a name it is the project's default."""
    for address in ("acme-data/jobs", "firestore://", "firestore://a", "firestore://acme-data/J"):
        monkeypatch.setenv("DATAGEN_STORE", address)
        with pytest.raises(ConfigurationError, match="is no store"):
            Settings()
    monkeypatch.setenv("DATAGEN_STORE", "firestore://acme-data/jobs")
    assert Settings().store == "firestore://acme-data/jobs"
    assert Settings().progress_interval == 1.0
    assert split_database("firestore://acme-data") == ("acme-data", "(default)")
    assert split_database("firestore://acme-data/(default)") == ("acme-data", "(default)")
