"""``dg.view("gs://…")``: the bytes that are seen travel, and no others until a query needs them."""

import gc
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen_nb.buckets.gcs.bucket import GcsBucket
from datagen_nb.core.errors import InputError, NotFound, StorageError
from datagen_nb.tables.view.connection import ViewError
from datagen_nb.tables.view.engine import Engine
from datagen_nb.tables.view.objects import BucketObject
from datagen_nb.tables.view.query import Query, Sort
from datagen_nb.ui.protocol import Request
from datagen_nb.ui.renderers import view
from tests import fake_gcs
from tests.widgets import until

# google-cloud-storage leaves the connection of a download that failed to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

NAME = "acme-tables"
GROUP = 20_000
ROWS = 10 * GROUP
random = np.random.default_rng(3)
TABLE = pa.table(
    {
        "n": np.arange(ROWS),
        "point": pa.array([{"x": row, "tags": [str(row)]} for row in range(ROWS)]),
        "noise": random.normal(size=ROWS),
        "word": random.choice(["a", "b", None], ROWS).tolist(),
    }
)


@pytest.fixture(scope="module", autouse=True)
def _collected():
    """No other module's tests are warned of connections that are left here."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def bucket(monkeypatch):
    with fake_gcs.running() as server:
        server.buckets[NAME] = {}
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.address)
        yield GcsBucket(NAME)


class Metered:
    """A bucket that counts the bytes that are read of its objects."""

    def __init__(self, bucket):
        self._bucket = bucket
        self.read = 0

    def address(self, path=""):
        return self._bucket.address(path)

    def head(self, path):
        return self._bucket.head(path)

    def open(self, path):
        file, meter = self._bucket.open(path), self
        read = file.read

        def metered(size=-1):
            found = read(size)
            meter.read += len(found)
            return found

        file.read = metered
        return file


def put(bucket, name, table):
    with bucket.writer(name) as file:
        pq.write_table(table, file, row_group_size=GROUP)


@pytest.mark.parametrize("start", [0, 3 * GROUP - 5, ROWS - 10])
def test_a_window_reads_the_groups_and_columns_that_are_seen(bucket, start):
    """Nested columns too; every value is right."""
    put(bucket, "t.parquet", TABLE)
    metered = Metered(bucket)
    size = bucket.head("t.parquet").size
    engine = Engine(BucketObject(metered, "t.parquet"))
    try:
        found = engine.rows(engine.whole, start, start + 10, [0, 3])
        assert found.equals(TABLE.select([0, 3]).slice(start, 10))
        assert metered.read < size / 5
        nested = engine.rows(engine.whole, start, start + 10, [1])
        assert nested.equals(TABLE.select([1]).slice(start, 10))
        assert metered.read < size / 2
    finally:
        engine.close()


def test_a_query_has_all_of_the_object(bucket):
    """Which is copied once."""
    put(bucket, "t.parquet", TABLE)
    engine = Engine(BucketObject(bucket, "t.parquet"))
    try:
        shown = engine.select(Query(sorts=(Sort(column="noise"),)))
        found = engine.rows(shown, 100, 120, [2, 0])
        assert found.equals(TABLE.sort_by("noise").select([2, 0]).slice(100, 20))
    finally:
        engine.close()


def test_a_path_of_a_bucket_is_viewed(bucket):
    """Text as well; the name of the object is the title."""
    put(bucket, "tables/t.parquet", TABLE.slice(0, 9))
    bucket.put("tables/t.csv", b"a,b\n1,x\n2,y\n")
    for name, rows in (("t.parquet", 9), ("t.csv", 2)):
        viewer = view(f"gs://{NAME}/tables/{name}")
        assert (viewer.snapshot["title"], viewer.snapshot["totalRows"]) == (name, rows)
        viewer.close()


@pytest.mark.parametrize("change", ["replaced", "removed"])
@pytest.mark.parametrize("name", ["t.parquet", "t.csv"])
def test_an_object_that_changes_is_stale(bucket, monkeypatch, name, change):
    """Its viewer says so, and shows the new one when it is read again."""
    monkeypatch.setattr("datagen_nb.tables.view.objects.CHECK_SECONDS", 0)
    monkeypatch.setattr("datagen_nb.ui.viewer.CHECK_SECONDS", 0.01)

    def write(rows):
        if name == "t.csv":
            bucket.put(name, b"n\n" + b"1\n" * rows)
        else:
            put(bucket, name, TABLE.slice(0, rows))

    write(3)
    viewer = view(f"gs://{NAME}/{name}")
    try:
        assert viewer.snapshot["stale"] == ""
        if change == "removed":
            bucket.delete(name)
        else:
            write(5)
        stale = until(viewer, lambda snapshot: snapshot["stale"])["stale"]
        assert stale == f"{name} has changed since it was opened."
        if change == "replaced":
            viewer._portal.call(viewer._act(Request("reload", {})))
            assert (viewer.snapshot["stale"], viewer.snapshot["totalRows"]) == ("", 5)
    finally:
        viewer.close()


def test_rows_of_an_object_that_was_replaced_are_no_others(bucket):
    """What was not read of it in time is an error that says what to do."""
    put(bucket, "t.parquet", TABLE)
    engine = Engine(BucketObject(bucket, "t.parquet"))
    try:
        put(bucket, "t.parquet", TABLE.slice(5))
        assert not engine.is_stale
        with pytest.raises(ViewError, match="has changed since it was opened"):
            engine.rows(engine.whole, ROWS - 10, ROWS, [0])
        assert engine.is_stale
    finally:
        engine.close()


class Silent(Metered):
    """A bucket that answers no more."""

    is_silent = False

    def head(self, path):
        if self.is_silent:
            raise StorageError("This bucket does not answer.")
        return super().head(path)


def test_a_bucket_that_does_not_answer_makes_nothing_stale(bucket, monkeypatch):
    """It may be as it was."""
    monkeypatch.setattr("datagen_nb.tables.view.objects.CHECK_SECONDS", 0)
    put(bucket, "t.parquet", TABLE.slice(0, 9))
    silent = Silent(bucket)
    engine = Engine(BucketObject(silent, "t.parquet"))
    try:
        silent.is_silent = True
        assert not engine.is_stale
        bucket.delete("t.parquet")
        silent.is_silent = False
        assert engine.is_stale
    finally:
        engine.close()


def test_what_cannot_be_viewed_is_an_error_that_names_it(bucket):
    """No object, no Parquet, no format."""
    bucket.put("broken.parquet", b"PAR1" + b"\0" * 100 + b"PAR1")
    bucket.put("t.bin", b"1")
    with pytest.raises(NotFound):
        view(f"gs://{NAME}/absent.parquet")
    for name in ("broken.parquet", "t.bin"):
        with pytest.raises(InputError):
            view(f"gs://{NAME}/{name}")
