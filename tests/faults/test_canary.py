"""A key goes every way it can go wrong, and is then looked for wherever anything is kept or shown.

Zero hits: not in the home (database, its log of changes, buckets, socket directory), not in
Firestore and Cloud Storage where they hold all that, not in what the service, the command line or
the client print and log, not in any command line of a process, not in a saved notebook. Its owner's
environment, where it belongs, is not looked at.
"""

import base64
import io
import json
import logging
import os
import pickle
import re
import signal
import subprocess
import sys
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
import nbformat
import pytest
from google.cloud import firestore
from nbclient import NotebookClient
from nbconvert import HTMLExporter

import datagen_nb as dg
from datagen_nb.buckets.gcs.bucket import GcsBucket
from datagen_nb.core.buckets import objects
from datagen_nb.core.errors import DatagenError
from datagen_nb.stores.firestore import names
from tests.deadline import DEADLINE
from tests.firestore_emulator import project_at
from tests.gcs_emulator import new_bucket

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TABLE = "id,age,member\n" + "".join(f"{i},{20 + i % 50},{i % 3 > 0}\n" for i in range(300))
NOWHERE = "http://127.0.0.1:9"
COLLECTIONS = [names.CUSTOMERS, names.JOBS, names.LOG, names.EVENTS, names.SUBMITS, names.DOCUMENTS]


class Search:
    """Everything that was kept or shown, under a name each."""

    def __init__(self):
        self.places = {}

    def add(self, name, content):
        data = content if isinstance(content, bytes) else str(content).encode()
        self.places[name] = self.places.get(name, b"") + data

    def add_folder(self, folder):
        for file in folder.rglob("*"):
            self.add(f"path {file}", str(file))
            if file.is_file():
                self.add(f"file {file.relative_to(folder)}", file.read_bytes())

    def add_bucket(self, bucket):
        for one in objects(bucket):
            self.add(f"path {one.path}", one.path)
            self.add(f"object {one.path}", bucket.get(one.path))

    def add_database(self, project):
        client = firestore.Client(project=project)
        for collection in COLLECTIONS:
            for one in client.collection_group(collection).stream():
                path = one.reference.path
                self.add(f"document {path}", f"{path} {one.to_dict()}")

    def add_processes(self):
        for place in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                self.add("command lines", place.read_bytes() + b"\n")
            except OSError:
                continue  # it ended while we looked

    def hits(self, secret):
        """Where the secret stands, plainly or in a usual disguise."""
        plain = secret.encode()
        disguises = {
            plain,
            quote(secret, safe="").encode(),
            base64.b64encode(plain)[:-4],
            plain.hex().encode(),
            json.dumps(secret)[1:-1].encode(),
        }
        return sorted(
            name for name, data in self.places.items() if any(form in data for form in disguises)
        )


@dataclass
class Place:
    """Where services keep everything.

    Attributes:
        database: How the name of anything in the database begins.
        bucket: The bucket of all customers, if it is not in the home.
        project: The project of the database, if it is not in the home.
    """

    database: str = "file jobs.sqlite"
    bucket: GcsBucket | None = None
    project: str | None = None

    def search(self, search):
        if self.project:
            search.add_bucket(self.bucket)
            search.add_database(self.project)


@pytest.fixture(params=["home", "cloud"])
def place(request, tmp_path, monkeypatch):
    """The home, or Firestore and Cloud Storage."""
    if request.param == "home":
        return Place()
    gcs = request.getfixturevalue("cloud_emulators")
    made = Place("document ", GcsBucket(new_bucket(gcs)), project_at(tmp_path))
    monkeypatch.setenv("DATAGEN_BUCKET", made.bucket.address())
    monkeypatch.setenv("DATAGEN_STORE", f"firestore://{made.project}")
    return made


def environment(home, **more):
    return {**os.environ, "DATAGEN_HOME": str(home), "PYTHONUNBUFFERED": "1", **more}


@contextmanager
def serving(home, search, **more):
    """A service that logs all it can; what it printed is searched too."""
    start = (
        "import logging, sys; logging.basicConfig(level=logging.DEBUG);"
        "from datagen_nb.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", start, "serve", "--listen", "127.0.0.1:0"],
        env=environment(home, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield re.fullmatch(r"listening at (\S+)\n", process.stdout.readline())[1]
        finally:
            search.add_processes()
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=DEADLINE)
            search.add("service's output", out)
            search.add("service's log", err)
            assert "serves" in err


def command(*arguments, home, search, **more):
    done = subprocess.run(
        [sys.executable, "-m", "datagen_nb", *arguments],
        env=environment(home, **more),
        capture_output=True,
        text=True,
        timeout=60,
    )
    search.add(f"{arguments[0]}'s errors", done.stderr)
    return done.stdout


def misuse(url, key, search):
    """Send the key in every place of a request where it does not belong; search the answers."""
    good = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=url) as line:
        asked = [
            line.get("/v1/jobs", params={"api_key": key, "cursor": key}),
            line.get("/v1/jobs", params={"cursor": key, "status": key}, headers=good),
            line.get(f"/v1/jobs/{key}", headers=good),
            line.get(f"/v1/{key}/{key}", headers=good),
            line.put(f"/v1/uploads/{key}.csv", content=b"x", headers=good),
            line.post("/v1/jobs", data={"apiKey": key}, headers={**good, "Idempotency-Key": "a"}),
            line.post("/v1/jobs", json={"apiKey": key}, headers={**good, "Idempotency-Key": "b"}),
            line.post(
                "/v1/jobs",
                json={
                    "dataSize": 5,
                    "inputFormat": "csv",
                    "outputFormat": "csv",
                    "inputPath": key,
                    "inputBucket": key,
                },
                headers={**good, "Idempotency-Key": "c"},
            ),
            line.get("/v1/jobs", headers={"Authorization": f"Basic {key}"}),
            line.get("/v1/jobs", headers={"Authorization": f"Bearer {key}x"}),
            line.get("/v1/jobs", headers={"Cookie": f"key={key}", "Origin": f"https://{key}"}),
            line.get("/v1/jobs", headers={"X-Request-Id": key, **good}),
            line.get("/v1/events", headers={"Last-Event-ID": key, **good}),
            line.post("/v1/keys", json={"customer": key}, headers=good),
        ]
    assert {answer.status_code for answer in asked} >= {200, 401, 403, 404, 422}
    for number, answer in enumerate(asked):
        head = "\n".join(f"{name}: {text}" for name, text in answer.headers.items())
        search.add(f"answer {number}", f"{head}\n{answer.text}")


def hook(url, key, search, secret):
    """Make a webhook with a secret, break it, and read all that is reported about it."""
    with httpx.Client(base_url=url, headers={"X-Api-Key": key}) as line:
        target = {"url": "http://127.0.0.1:9/hook", "events": ["job.created", "job.completed"]}
        made = line.post("/v1/webhooks", json={**target, "secret": secret})
        assert made.status_code == 201, made.text
        webhook = made.json()["id"]
        answers = [
            line.post("/v1/webhooks", json={**target, "secret": f"x{secret}"}),
            line.post("/v1/webhooks", json={**target, "events": [secret]}),
            line.post("/v1/webhooks", json={**target, "url": f"http://127.0.0.1:9/{secret}\n"}),
            line.get(f"/v1/webhooks/{secret}"),
            line.get(f"/v1/webhooks/{webhook}"),
            line.get("/v1/webhooks"),
            line.get(f"/v1/webhooks/{webhook}/deliveries"),
            line.get("/v1/events", params={"after": 0}),
        ]
    for answer in answers:
        search.add("reported of webhooks", answer.text)


def use(url, key, search, table):
    """Do honest work with the key, and fail with it in every way; search what that shows."""
    with dg.connect(url, api_key=key) as client:
        job = client.submit(table, rows=20, name="canary")
        assert job.result().num_rows == 20
        for shown in (client, job, job.status, client.info(), job.result(), vars(client)):
            search.add("reprs", f"{shown!r} {shown!s}")
        search.add("reprs", _walked(client))
        search.add("reprs", _html(job))
        for thing in (client, job):
            try:
                search.add("pickles", pickle.dumps(thing))
            except Exception as error:
                search.add("pickles", error)
        _fails(search, lambda: client.jobs.get("j_0000000000000000"))
        _fails(search, lambda: client.jobs.get(key), misused=True)
        _fails(search, lambda: client.submit(table, rows=key), misused=True)
        _fails(search, lambda: client.submit(table, rows=5, inputFormat=key), misused=True)
    for address in (NOWHERE, "http://datagen.example", f"{url}/{'x' * 20}", "nonsense"):
        _fails(search, lambda address=address: dg.connect(address, api_key=key).info())
    for address in (f"https://{key}@datagen.example", f"https://datagen.example/?k={key}"):
        _fails(search, lambda address=address: dg.connect(address).info(), misused=True)
    _fails(search, lambda: dg.connect(url, api_key=f"{key}x").info())


def _fails(search, action, *, misused=False):
    """What a failure shows: with all that every frame holds, unless the key was no key's argument.

    What was given as a number of rows is printed as one by anything that prints frames.
    """
    try:
        action()
    except Exception as error:
        for failed in _chain(error):
            search.add("errors", f"{failed!r} {failed}")
            frames = traceback.TracebackException.from_exception(failed, capture_locals=not misused)
            # The frames of this file hold the key by right; a user's own cell is like them.
            frames.stack = traceback.StackSummary.from_list(
                [frame for frame in frames.stack if frame.filename != __file__]
            )
            frames.__cause__ = frames.__context__ = None
            search.add("tracebacks", "".join(frames.format()))
        if isinstance(error, DatagenError):
            search.add("errors", json.dumps(error.details, default=repr))
        return
    raise AssertionError("it should have failed")


def _chain(error):
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _walked(thing, depth=6, seen=None):
    """The reprs of all that an object holds, as a debugger would show them."""
    seen = set() if seen is None else seen
    if depth == 0 or id(thing) in seen:
        return ""
    seen.add(id(thing))
    held = getattr(thing, "__dict__", {})
    if isinstance(thing, dict):
        held = thing
    values = held.values() if isinstance(held, dict) else []
    return "\n".join([repr(thing), *(_walked(value, depth - 1, seen) for value in values)])


def _html(job):
    return json.dumps(job.card("widget")._repr_mimebundle_(), default=repr)


NOTEBOOK = [
    "import datagen_nb as dg, os\nurl = os.environ['CANARY_URL']\nclient = dg.connect(url)\nclient",
    "job = client.submit(os.environ['CANARY_TABLE'], rows=20, name='in a notebook')\njob",
    "job.wait()\njob.result()",
    "job.view() if hasattr(job, 'view') else job.result().head()",
    "client.webhooks.create(dg.WebhookConfig(url='https://example.com/', events=['job.failed']))\n"
    "dg.studio(client, job)",
    "%xmode Verbose",
    f"dg.connect('{NOWHERE}').info()",
    "client.jobs.get('nothing')",
    "vars(client)",
    "client.info()",
]


def notebook(url, key, search, table, folder, monkeypatch):
    """Run a notebook that has the key in its environment, and save it with all its widgets."""
    monkeypatch.setenv("DATAGEN_API_KEY", key)
    monkeypatch.setenv("CANARY_URL", url)
    monkeypatch.setenv("CANARY_TABLE", str(table))
    cells = [nbformat.v4.new_code_cell(source) for source in NOTEBOOK]
    made = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(made, timeout=60, allow_errors=True, store_widget_state=True).execute()
    monkeypatch.delenv("DATAGEN_API_KEY")
    saved = folder / "saved.ipynb"
    nbformat.write(made, saved)
    text = saved.read_text()
    assert "in a notebook" in text
    assert "ServiceUnavailable" in text
    search.add("saved notebook", text)
    exported, _ = HTMLExporter().from_notebook_node(made)
    search.add("HTML export", exported)


def test_a_key_is_found_nowhere_but_with_its_owner(tmp_path, place, monkeypatch):
    """Form, environment, repr, traceback, log, job record, address, command line, notebook."""
    search, home = Search(), tmp_path / "home"
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    root = logging.getLogger()
    table = tmp_path / "people.csv"
    table.write_text(TABLE)
    command("customers", "add", "ann", home=home, search=search)
    key = command("keys", "create", "ann", home=home, search=search).strip()
    admin = command("keys", "create", "ann", "--scope=admin", home=home, search=search).strip()
    secrets = {"key": key.split("_", 2)[2], "admin": admin.split("_", 2)[2]}
    signing = "whsec_" + base64.b64encode(os.urandom(24)).decode()
    root.addHandler(handler)
    level = root.level
    root.setLevel(logging.DEBUG)
    try:
        more = {"DATAGEN_API_KEY": key, "DATAGEN_WEBHOOKS_TO_PRIVATE": "true"}
        with serving(home, search, **more) as url:
            use(url, key, search, table)
            root.removeHandler(handler)  # what follows is no client of ours
            hook(url, key, search, signing)
            misuse(url, key, search)
            with httpx.Client(base_url=url, headers={"X-Api-Key": admin}) as line:
                made = line.post("/v1/keys", json={"customer": "ann"}).json()["secret"]
                rotated = line.post(f"/v1/keys/{made[3:15]}/rotate").json()["secret"]
                secrets |= {"made": made.split("_", 2)[2], "rotated": rotated.split("_", 2)[2]}
                listed = line.get("/v1/keys").text
                search.add("listed", listed)
            rotated = command("keys", "rotate", key[3:15], home=home, search=search).strip()
            secrets["rotated here"] = rotated.split("_", 2)[2]
            root.addHandler(handler)
            notebook(url, key, search, table, tmp_path, monkeypatch)
            search.add("keys", command("keys", "list", home=home, search=search))
            search.add("audit", command("audit", "show", "--json", home=home, search=search))
            search.add("status", command("status", "--json", home=home, search=search))
            search.add_folder(home)
            place.search(search)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    search.add("client's log", log.getvalue())
    search.add_folder(home)
    place.search(search)
    assert len(search.places["client's log"]) > 1000
    assert key[3:15] in listed
    assert any(name.startswith(place.database) for name in search.places)
    assert any(name.endswith("manifest.json") for name in search.places)
    found = {name: search.hits(secret) for name, secret in secrets.items()}
    assert found == {name: [] for name in secrets}
    # What signs has to be kept as it is; the database is the one place for it.
    signs = search.hits(signing.removeprefix("whsec_"))
    assert [name for name in signs if not name.startswith(place.database)] == []
    assert signs


def test_the_search_finds_what_is_there(tmp_path):
    """In a file, in a path, in another spelling."""
    search, secret = Search(), "A-b_c" * 8
    (tmp_path / secret).write_text("x")
    (tmp_path / "file").write_bytes(b"\0" + secret.encode() + b"\0")
    search.add_folder(tmp_path)
    search.add("hex", secret.encode().hex())
    search.add("base64", base64.b64encode(secret.encode()))
    search.add("nothing", secret[:-1])
    process = subprocess.Popen(
        [sys.executable, "-c", "input(print('here', flush=True))", secret],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout.readline()
        search.add_processes()
        process.communicate(b"\n")
    names = [name.split(" ")[0] for name in search.hits(secret)]
    assert names == ["base64", "command", "file", "hex", "path"]
