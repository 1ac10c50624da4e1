"""``dg.view("gs://…")``: the bytes that are seen travel, and no others until a query needs them."""

import gc
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen_nb.buckets.gcs.bucket import GcsBucket
from datagen_nb.core.errors import InputError, NotFound
from datagen_nb.tables.view.engine import Engine
from datagen_nb.tables.view.objects import BucketObject
from datagen_nb.tables.view.query import Query, Sort
from datagen_nb.ui.renderers import view
from tests import fake_gcs

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


def test_what_cannot_be_viewed_is_an_error_that_names_it(bucket):
    """No object, no Parquet, no format."""
    bucket.put("broken.parquet", b"PAR1" + b"\0" * 100 + b"PAR1")
    bucket.put("t.bin", b"1")
    with pytest.raises(NotFound):
        view(f"gs://{NAME}/absent.parquet")
    for name in ("broken.parquet", "t.bin"):
        with pytest.raises(InputError):
            view(f"gs://{NAME}/{name}")
