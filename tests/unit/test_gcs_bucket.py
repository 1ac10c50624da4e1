"""What is particular to the bucket of Google Cloud Storage: faults on the way, and its errors.

``tests.fake_gcs`` is as strict as the real one, and loses, damages and refuses what it is asked to.
"""

from __future__ import annotations

import gc
import json
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator

import google.auth
import pytest
from google.auth.exceptions import DefaultCredentialsError, RefreshError

from datagen_nb.buckets.gcs import connection as connections
from datagen_nb.buckets.gcs import upload as uploads
from datagen_nb.buckets.gcs.access import GcsAccess
from datagen_nb.buckets.gcs.bucket import GcsBucket
from datagen_nb.buckets.registry import open_bucket
from datagen_nb.core.buckets import IfVersion, Mode, objects
from datagen_nb.core.cloud_paths import is_bucket_name
from datagen_nb.core.errors import (
    BucketNotFound,
    CredentialsUnusable,
    DatagenError,
    NotFound,
    RequesterPays,
    ServiceUnavailable,
    StorageError,
    StorageForbidden,
    VersionConflict,
)
from tests import fake_gcs
from tests.fake_gcs import LOST, FakeGcs, Handle, Request, Response, error

# google-cloud-storage leaves the connection of a download that failed to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

NAME = "acme-tables"
CHUNK = 256 << 10


@pytest.fixture(scope="module", autouse=True)
def _collected() -> Iterator[None]:
    """No other module's tests are warned of connections that are left here."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGcs]:
    """A server with one bucket; uploads are sent to it in small chunks."""
    monkeypatch.setattr(uploads, "CHUNK_BYTES", CHUNK)
    with fake_gcs.running() as server:
        server.buckets[NAME] = {}
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.address)
        yield server


@pytest.fixture
def bucket(fake: FakeGcs) -> GcsBucket:
    return GcsBucket(NAME)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are not repeated."""
    retry = connections.REQUEST_OPTIONS["retry"].with_timeout(0)
    monkeypatch.setitem(connections.REQUEST_OPTIONS, "retry", retry)
    monkeypatch.setattr(uploads, "RETRY_SECONDS", 0)


def handled_then_lost(request: Request, handle: Handle) -> Response:
    """The request is carried out, and its response does not arrive."""
    handle(request)
    return LOST


def stored(fake: FakeGcs, name: str) -> bytes:
    return fake.buckets[NAME][name].data


def write(bucket: GcsBucket, data: bytes, mode: Mode = "overwrite") -> None:
    with bucket.writer("big", mode=mode) as file:
        for start in range(0, len(data), 100_000):
            file.write(data[start : start + 100_000])


BIG = bytes(range(256)) * 3_500  # three chunks and a half

OPERATIONS: dict[str, Callable[[GcsBucket], object]] = {
    "upload": lambda bucket: bucket.put("new", b"x", mode="create"),
    "session": lambda bucket: write(bucket, BIG),
    "chunk": lambda bucket: write(bucket, BIG),
    "read": lambda bucket: bucket.get("a"),
    "head": lambda bucket: bucket.head("a"),
    "list": lambda bucket: list(bucket.list()),
    "delete": lambda bucket: bucket.delete("a"),
}
"""One operation for each kind of request."""


def test_a_write_whose_response_was_lost_has_succeeded(fake: FakeGcs, bucket: GcsBucket) -> None:
    """The repeated request is refused because of the first one's success: no conflict."""
    fake.fail("upload", handled_then_lost)
    bucket.put("a", b"1", mode="create")
    version = bucket.head("a").version

    fake.fail("upload", handled_then_lost)
    bucket.put("a", b"2", mode=IfVersion(version))

    assert stored(fake, "a") == b"2"
    assert fake.count("upload") == 4


def test_another_writer_between_two_attempts_is_a_conflict(
    fake: FakeGcs, bucket: GcsBucket
) -> None:
    """Even if it wrote the same bytes: only its own mark tells a writer that it has succeeded."""

    def lost_and_overtaken(request: Request, handle: Handle) -> Response:
        fake.buckets[NAME]["a"] = fake_gcs.StoredObject(b"x", 1, {uploads.MARK: "theirs"}, None)
        return LOST

    fake.fail("upload", lost_and_overtaken)

    with pytest.raises(VersionConflict):
        bucket.put("a", b"x", mode="create")


@pytest.mark.parametrize("fault", [error(429), error(503), LOST], ids=["429", "503", "lost"])
@pytest.mark.parametrize("kind", OPERATIONS)
def test_a_request_that_failed_for_a_moment_is_repeated(
    fake: FakeGcs, bucket: GcsBucket, kind: str, fault: Response
) -> None:
    """No caller sees it."""
    bucket.put("a", b"x")
    fake.fail(kind, fault)
    before = fake.count(kind)

    OPERATIONS[kind](bucket)

    assert fake.count(kind) >= before + 2


@pytest.mark.parametrize("kind", OPERATIONS)
def test_a_storage_that_stays_away_is_unavailable(
    fake: FakeGcs, bucket: GcsBucket, kind: str, impatient: None
) -> None:
    """A missing answer is never a missing object, and the job's attempt is repeated."""
    bucket.put("a", b"x")
    fake.fail(kind, *[error(503)] * 9)

    with pytest.raises(ServiceUnavailable, match="status 503") as raised:
        OPERATIONS[kind](bucket)

    assert raised.value.code == "storage_unavailable"
    assert raised.value.retryable


def half_arrives(request: Request, handle: Handle) -> Response:
    """The first half of a chunk arrives."""
    request.body = request.body[: len(request.body) // 2]
    request.headers["content-range"] = request.headers["content-range"].rpartition("/")[0] + "/*"
    handle(request)
    return error(503)


@pytest.mark.parametrize("fault", [LOST, handled_then_lost, half_arrives])
@pytest.mark.parametrize("place", range(4))
def test_a_broken_upload_goes_on_from_what_has_arrived(
    fake: FakeGcs, bucket: GcsBucket, fault: Response | fake_gcs.Fault, place: int
) -> None:
    """Whichever chunk breaks, and however much of it had arrived, the last one too."""

    def passed(request: Request, handle: Handle) -> Response:
        return handle(request)

    fake.fail("chunk", *[passed] * place, fault)

    write(bucket, BIG, "create")

    assert stored(fake, "big") == BIG
    assert fake.count("session") == 1


def test_a_lost_session_fails_the_attempt(fake: FakeGcs, bucket: GcsBucket) -> None:
    """The bytes that were sent are gone: the part is made again by the next attempt."""
    fake.fail("chunk", error(503), error(410))

    with pytest.raises(ServiceUnavailable, match="start anew"):
        write(bucket, BIG)

    assert list(bucket.list()) == []


def test_the_condition_is_checked_with_the_last_chunk(fake: FakeGcs, bucket: GcsBucket) -> None:
    """Another writer that comes after our own check wins."""

    def overtaken(request: Request, handle: Handle) -> Response:
        fake.buckets[NAME]["big"] = fake_gcs.StoredObject(b"theirs", 1, {}, None)
        return handle(request)

    fake.fail("chunk", *[lambda request, handle: handle(request)] * 3, overtaken)

    with pytest.raises(VersionConflict):
        write(bucket, BIG, "create")

    assert stored(fake, "big") == b"theirs"


def test_an_upload_that_fails_ends_its_session(fake: FakeGcs, bucket: GcsBucket) -> None:
    """Nothing is left behind that would be kept for a week."""
    with pytest.raises(ZeroDivisionError), bucket.writer("big") as file:  # noqa: PT012
        file.write(BIG)
        raise ZeroDivisionError

    assert fake.count("abandon") == 1
    assert list(bucket.list()) == []


def damage(request: Request, handle: Handle) -> Response:
    """A byte of what is sent changes on the way."""
    place = request.body.rindex(b"precious")
    request.body = request.body[:place] + b"P" + request.body[place + 1 :]
    return handle(request)


def damage_unchecked(request: Request, handle: Handle) -> Response:
    """As ``damage``, to a server that does not check."""
    request.headers.pop("x-goog-hash")
    return damage(request, handle)


@pytest.mark.parametrize(
    ("kind", "fault"), [("upload", damage), ("chunk", damage), ("chunk", damage_unchecked)]
)
def test_bytes_that_are_damaged_on_their_way_are_not_kept(
    fake: FakeGcs, bucket: GcsBucket, kind: str, fault: fake_gcs.Fault
) -> None:
    """The checksum is sent along, and compared with that of what was made."""
    fake.fail(kind, fault)

    with pytest.raises(ServiceUnavailable, match="CRC32C"):
        bucket.put("a", b"precious") if kind == "upload" else write(bucket, b"precious")

    assert list(bucket.list()) == []


@pytest.mark.parametrize("how", ["get", "open"])
def test_damaged_bytes_are_not_read(fake: FakeGcs, bucket: GcsBucket, how: str) -> None:
    """Whether an object is read at once or as a file, all of it is verified."""
    bucket.put("a", b"precious")

    def damaged(request: Request, handle: Handle) -> Response:
        response = handle(request)
        response.body = response.body.replace(b"p", b"P")
        return response

    fake.fail("read", *[damaged] * 9)

    with pytest.raises(ServiceUnavailable, match="CRC32C"):
        bucket.get("a") if how == "get" else bucket.open("a").read()


def test_a_replaced_object_cannot_be_read_on(fake: FakeGcs, bucket: GcsBucket) -> None:
    """A file is of one generation: what comes later is not mixed into it."""
    bucket.put("a", b"old" * (2 << 20))
    file = bucket.open("a")
    file.read(10)

    bucket.put("a", b"new" * (2 << 20))

    with pytest.raises(NotFound):
        file.read()


MISSING = GcsBucket("no-such-bucket")

MESSAGES: list[tuple[Response, type[DatagenError], str]] = [
    (
        error(
            403,
            "robot@acme.iam.gserviceaccount.com does not have storage.objects.get access to the "
            "Google Cloud Storage object. Permission 'storage.objects.get' denied on resource.",
        ),
        StorageForbidden,
        r"robot@acme\S+ lacks the permission storage.objects.get for gs://acme-tables/a. Ask",
    ),
    (error(403, "The account is disabled."), StorageForbidden, "Google: The account is disabled. "),
    (error(401, "Invalid Credentials"), CredentialsUnusable, "not valid. Run `gcloud auth"),
    (
        error(400, "Bucket is a requester pays bucket but no user project provided."),
        RequesterPays,
        "GOOGLE_CLOUD_QUOTA_PROJECT",
    ),
    (error(409, "The bucket is being moved."), StorageError, r"being moved \(status 409\)"),
    (Response(418, b"<html>"), StorageError, "status 418"),
]


@pytest.mark.parametrize(("response", "kind", "message"), MESSAGES)
@pytest.mark.parametrize("operation", ["get", "head", "put", "open"])
def test_a_refusal_tells_what_to_do(
    fake: FakeGcs,
    bucket: GcsBucket,
    response: Response,
    kind: type[DatagenError],
    message: str,
    operation: str,
) -> None:
    """Which object, what is missing, and the remedy; the same for every operation."""
    for request in ("read", "head", "upload"):
        fake.fail(request, response)

    with pytest.raises(kind, match=message) as raised:
        getattr(bucket, operation)(*["a", b"x"][: 2 if operation == "put" else 1])

    assert type(raised.value) is kind
    assert pickle.loads(pickle.dumps(raised.value)).message == raised.value.message


@pytest.mark.parametrize(
    "use",
    [
        lambda bucket: bucket.get("a"),
        lambda bucket: bucket.open("a"),
        lambda bucket: bucket.head("a"),
        lambda bucket: bucket.get_range("a", 0, 0),
        lambda bucket: list(bucket.list()),
        lambda bucket: bucket.put("a", b"x"),
        lambda bucket: bucket.put("a", b"x", mode=IfVersion("1")),
        lambda bucket: bucket.writer("a").__enter__(),
        lambda bucket: bucket.delete("a"),
        lambda bucket: bucket.delete_prefix("a/"),
    ],
)
@pytest.mark.parametrize("says", ["The specified bucket does not exist.", "Not Found"])
def test_a_missing_bucket_is_no_missing_object(
    fake: FakeGcs, use: Callable[[GcsBucket], object], says: str
) -> None:
    """It is an error by its own name, in every operation, also where a server only says 404."""
    for kind in OPERATIONS:
        fake.fail(kind, *[error(404, says)] * 3)

    with pytest.raises(BucketNotFound, match="no bucket gs://no-such-bucket"):
        use(MISSING)


def test_a_server_that_is_not_there_is_unavailable(
    monkeypatch: pytest.MonkeyPatch, impatient: None
) -> None:
    """A refused connection has the same error as a server that answers 503."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")

    with pytest.raises(ServiceUnavailable, match="could not be reached for gs://acme-tables/a"):
        GcsBucket(NAME).get("a")


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> None:
    """No emulator is set, and no credentials are found without a test's doing."""
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    connections._connection.cache_clear()


def test_missing_credentials_are_an_error_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, real: None
) -> None:
    """It names the three ways to have some, and does not repeat what the library says."""

    def none(**_: object) -> None:
        raise DefaultCredentialsError("the file /secret/key.json is not there")

    monkeypatch.setattr(google.auth, "default", none)

    with pytest.raises(CredentialsUnusable, match="application-default login") as raised:
        GcsBucket(NAME).get("a")

    assert "/secret" not in str(raised.value) + repr(raised.value.details)


@pytest.mark.parametrize("content", [None, "not json", "{}", '{"type": "service_account"}'])
def test_an_unusable_key_file_is_an_error_at_once(
    monkeypatch: pytest.MonkeyPatch, real: None, tmp_path, content: str | None
) -> None:
    """One that is not there, is no JSON, is of no kind, or has no key."""
    file = tmp_path / "key.json"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))

    with pytest.raises(CredentialsUnusable) as raised:
        GcsBucket(NAME).get("a")

    assert str(file) not in str(raised.value)


class Expired(google.auth.credentials.Credentials):
    """Credentials whose refresh is refused, with a text that must not be seen."""

    def refresh(self, request: object) -> None:
        raise RefreshError("invalid_grant", {"refresh_token": "1//canary"})


def test_expired_credentials_are_an_error_that_shows_nothing_of_them(
    monkeypatch: pytest.MonkeyPatch, real: None
) -> None:
    """The error of a refused refresh leaves out what was sent."""
    monkeypatch.setattr(google.auth, "default", lambda **_: (Expired(), None))

    with pytest.raises(CredentialsUnusable, match="expired") as raised:
        GcsBucket(NAME).get("a")

    assert "canary" not in str(raised.value) + repr(raised.value.details)


def test_an_account_is_impersonated_by_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, real: None
) -> None:
    """Its token is asked for with the source's, and has the scope of storage alone."""
    source = google.auth.credentials.AnonymousCredentials()
    monkeypatch.setattr(google.auth, "default", lambda **_: (source, None))

    made = connections._credentials("ann@acme.iam.gserviceaccount.com")

    assert made.service_account_email == "ann@acme.iam.gserviceaccount.com"
    assert type(made._source_credentials) is type(source)
    assert made._target_scopes == [connections.SCOPE]


@pytest.mark.parametrize("operation", ["put", "writer"])
def test_new_objects_are_encrypted_with_the_key_that_is_set(fake: FakeGcs, operation: str) -> None:
    """Small and large ones; no key is the bucket's own."""
    key = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
    bucket = GcsBucket(NAME, access=GcsAccess(kms_key=key))

    if operation == "put":
        bucket.put("big", b"x")
    else:
        write(bucket, BIG)

    assert fake.buckets[NAME]["big"].kms_key == key


def test_what_is_below_an_objects_name_makes_it_a_folder(bucket: GcsBucket) -> None:
    """Opening a folder says that it is one, with its slash or without."""
    bucket.put("tables/a.csv", b"x")

    for path in ("tables", "tables/"):
        with pytest.raises(NotFound, match="folder") as raised:
            bucket.open(path)
        assert raised.value.code == "not_a_file"


def test_marks_of_folders_are_no_objects(fake: FakeGcs, bucket: GcsBucket) -> None:
    """Consoles make them; they are removed with their folder."""
    bucket.put("tables/a.csv", b"x")
    fake.buckets[NAME]["tables/"] = fake_gcs.StoredObject(b"", 1, {}, None)

    assert [meta.path for meta in objects(bucket)] == ["tables/a.csv"]
    bucket.delete_prefix("tables/")
    assert fake.buckets[NAME] == {}


@pytest.mark.parametrize("path", ["a\nb", "a\rb", "a\udcffb", "x" * 1025, "\u00e4" * 513])
def test_a_name_that_no_object_can_have_is_not_found(bucket: GcsBucket, path: str) -> None:
    """It is not sent to the server."""
    assert bucket.head(path) is None
    with pytest.raises(NotFound):
        bucket.put(path, b"x")


def test_an_address_opens_the_same_bucket() -> None:
    """A folder of a bucket too, whatever its name."""
    for bucket in (GcsBucket(NAME), GcsBucket(NAME, "a b/\u00e4/"), GcsBucket("a.b-c_d", "x/")):
        assert open_bucket(bucket.address()) == bucket


@pytest.mark.parametrize(
    ("name", "is_valid"),
    [
        ("abc", True),
        ("my-bucket_1", True),
        ("data.acme.com", True),
        ("ab", False),
        ("Abc", False),
        ("-abc", False),
        ("abc-", False),
        ("a..b", False),
        ("a/b", False),
        ("x" * 63, True),
        ("x" * 64, False),
        ("abc\n", False),
        ("", False),
    ],
)
def test_bucket_names_are_those_of_google(name: str, is_valid: bool) -> None:
    """A wrong one is known without asking."""
    assert is_bucket_name(name) is is_valid


@pytest.mark.parametrize("address", ["gs://", "gs://ab", "gs://Some", "gs:///a", "gs://u@abc/x"])
def test_an_address_without_a_bucket_is_not_found(address: str) -> None:
    """A wrong name is known without asking Google."""
    with pytest.raises(NotFound, match="Use an address"):
        open_bucket(address)


def test_naming_a_bucket_loads_nothing_of_google() -> None:
    """The client is imported when it is used; ``import datagen_nb`` stays quick."""
    code = (
        "import sys, json; from datagen_nb.buckets.registry import open_bucket;"
        "open_bucket('gs://acme-tables').address('a'); print(json.dumps(list(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert not {"google.cloud", "google.auth", "requests"} & set(json.loads(done.stdout))
