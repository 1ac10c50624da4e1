"""Tables behind an address of the web."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import datagen_nb as dg
from datagen_nb.core.errors import InputError
from tests.deadline import DEADLINE

CSV = b"name,age\n" + b"".join(b"n%d,%d\n" % (i, i % 60) for i in range(200))


class Server(ThreadingHTTPServer):
    """Answers as ``answers`` says: a status, headers and a body for each path."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[str] = []

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        status, headers, body = self.server.answers.get(self.path, (404, {}, b""))
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    made = Server()
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join(DEADLINE)
    made.server_close()


@pytest.fixture
def client():
    with dg.connect("mock", speed=1000) as connected:
        yield connected


def test_a_table_behind_an_address_is_a_table(server, client):
    """As the file itself would be; the job is called after it."""
    server.answers["/data/people.csv?v=2"] = (200, {}, CSV)
    job = client.submit(server.address("/data/people.csv?v=2"), rows=50)
    assert job.name == "people"
    assert len(job.result().to_pandas()) == 50


@pytest.mark.parametrize(
    ("path", "headers", "body", "format"),
    [
        ("/people.csv.gz", {}, gzip.compress(CSV), "csv"),
        ("/export?id=7", {"Content-Disposition": 'attachment; filename="people.csv"'}, CSV, "csv"),
        ("/export", {"Content-Disposition": "attachment; filename=../../people.csv"}, CSV, "csv"),
        ("/people.json", {}, b'[{"a": 1}, {"a": 2}]', "json"),
    ],
)
def test_its_name_is_in_the_address_or_sent_with_it(server, client, path, headers, body, format):
    """And names the format."""
    server.answers[path] = (200, headers, body)
    placed = client.configure(server.address(path), rows=1)
    assert placed.input_format == format
    assert placed.input_bucket == "default"


def test_a_redirect_is_followed(server, client):
    """The name behind it counts, where the address has none."""
    server.answers["/latest"] = (302, {"Location": "/2026/people.csv"}, b"")
    server.answers["/2026/people.csv"] = (200, {}, CSV)
    assert client.configure(server.address("/latest"), rows=1).input_format == "csv"
    assert server.asked == ["/latest", "/2026/people.csv"]


def test_a_redirect_leads_to_no_file_of_this_machine(server, client, table):
    """Nor to anything but the web."""
    server.answers["/people.csv"] = (302, {"Location": table.absolute().as_uri()}, b"")
    with pytest.raises(InputError, match=r"people\.csv"):
        client.configure(server.address("/people.csv"), rows=1)


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ((404, {}, b""), "input_not_found", "answers with 404"),
        ((403, {}, b"denied"), "input_unreadable", "answers with 403"),
        ((500, {}, b""), "input_unreadable", "answers with 500"),
        ((200, {"Content-Type": "text/html; charset=utf-8"}, b"<html>"), "input_wrong_format",
         "is a web page"),
        ((200, {"Content-Length": "9000"}, CSV), "input_unreadable", "broke off after"),
        ((200, {}, b""), "input_empty", "is empty"),
        ((200, {}, b"PAR1" + bytes(200) + b"PAR1"), "input_wrong_format", "Parquet"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_an_error_with_its_reason(server, client, answer, code, words):
    """And what follows the question mark, which may be a key, is not repeated."""
    server.answers["/people.csv?key=s3cret"] = answer
    with pytest.raises(InputError, match=words) as raised:
        client.configure(server.address("/people.csv?key=s3cret"), rows=1)
    assert raised.value.code == code
    assert "people.csv" in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_a_server_that_is_not_there_is_an_error(server, client):
    """That names the address."""
    server.server_close()
    with pytest.raises(InputError, match="cannot be downloaded") as raised:
        client.configure(server.address("/people.csv"), rows=1)
    assert server.address("/people.csv") in str(raised.value)


@pytest.mark.parametrize(
    "address", ["https://", "http://[", "https://a b/x.csv", "http://h:x/a.csv"]
)
def test_an_address_that_is_none_is_an_error(client, address):
    """One of ours."""
    with pytest.raises(InputError):
        client.configure(address, rows=1)
