"""The file of indexes that a Firestore database is deployed with has all that queries need."""

import json

import pytest
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from tests.firestore_emulator import VARIABLE
from tests.firestore_indexes import EVERY_METHOD, FILE, Index, derived, needed_index


@pytest.fixture(scope="module")
def recorded(firestore_emulator, tmp_path_factory):
    """What a store did whose every method was called."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, firestore_emulator)
        done, called = derived(tmp_path_factory.mktemp("indexes"))
    assert called >= EVERY_METHOD
    return done


def test_each_query_has_its_index(recorded):
    """And each index a query; `python -m tests.firestore_indexes` writes the file anew."""
    assert json.loads(FILE.read_text(encoding="utf-8")) == recorded.as_file()


def test_no_ttl_policy_can_delete_anything(recorded):
    """The file has none, and no field has a type that one acts on, were it added by hand."""
    overrides = json.loads(FILE.read_text(encoding="utf-8"))["fieldOverrides"]
    assert [one for one in overrides if one["ttl"]] == []
    assert recorded.timestamps == set()


@pytest.fixture
def jobs(monkeypatch):
    monkeypatch.setenv(VARIABLE, "127.0.0.1:1")
    return firestore.AsyncClient(project="p-nothing").collection("customers", "ann", "jobs")


def where(query, name, operator, value):
    return query.where(filter=FieldFilter(name, operator, value))


def test_one_field_of_one_collection_needs_no_index(jobs):
    """Firestore makes those by itself, and merges them for equalities."""
    for query in (
        where(jobs, "input", "==", "x"),
        where(where(jobs, "job_id", "==", "x"), "event", "==", "y"),
        where(jobs, "ended", "<", "x").order_by("ended"),
        jobs.order_by("cursor", direction="DESCENDING"),
        jobs.order_by("__name__"),
    ):
        assert needed_index(query._to_protobuf()) is None


def test_a_filter_with_an_order_needs_an_index(jobs):
    """Equal fields first, then the orders, then other ranges in the direction of the last order."""
    query = where(where(jobs, "state", "in", ["queued"]), "created", ">=", "").order_by(
        "name", direction="DESCENDING"
    )
    fields = (("state", "ASCENDING"), ("name", "DESCENDING"), ("created", "DESCENDING"))
    assert needed_index(query._to_protobuf()) == Index("jobs", "COLLECTION", fields, equal=1)
    summed = needed_index(where(jobs, "ended", "<", "x")._to_protobuf(), ("made",))
    fields = (("ended", "ASCENDING"), ("made", "ASCENDING"))
    assert summed == Index("jobs", "COLLECTION", fields)
