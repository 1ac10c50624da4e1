"""Google Cloud Storage in memory, as strict as the real one, with faults on demand.

It does what fake-gcs-server does not: conditions of resumable uploads, checksums, lost responses.
The client's own library talks to it over HTTP, by ``STORAGE_EMULATOR_HOST``.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import google_crc32c


@dataclass
class StoredObject:
    data: bytes
    generation: int
    metadata: dict[str, str]
    kms_key: str | None


@dataclass
class Request:
    """One request, as faults see it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def kind(self) -> str:
        """``upload``, ``session``, ``chunk``, ``read``, ``head``, ``list`` or ``delete``."""
        if self.path.startswith("/session/"):
            return "abandon" if self.method == "DELETE" else "chunk"
        if self.path.startswith("/upload/"):
            return "session" if self.query["uploadType"] == "resumable" else "upload"
        if self.method == "DELETE":
            return "delete"
        if self.path.endswith("/o"):
            return "list"
        return "read" if self.query.get("alt") == "media" else "head"


@dataclass
class Response:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


LOST = Response(0)
"""The response of a request whose connection breaks."""

Handle = Callable[[Request], Response]
Fault = Callable[[Request, Handle], Response]
"""Answers a request: with an error, or by handling it and then losing or changing the response."""


def error(status: int, message: str = "") -> Response:
    document = {"error": {"code": status, "message": message, "errors": [{"message": message}]}}
    return Response(status, json.dumps(document).encode())


@dataclass
class Session:
    bucket: str
    name: str
    query: dict[str, str]
    resource: dict[str, Any]
    data: bytes = b""
    made: Response | None = None


class FakeGcs:
    """Buckets, objects and upload sessions.

    Attributes:
        address: Of the server; what ``STORAGE_EMULATOR_HOST`` is set to.
        requests: All that arrived, in order.
    """

    def __init__(self) -> None:
        self.address = ""
        self.requests: list[Request] = []
        self.buckets: dict[str, dict[str, StoredObject]] = {}
        self._sessions: dict[str, Session] = {}
        self._generation = 1_700_000_000_000_000
        self._faults: list[tuple[str, Fault]] = []
        self._lock = threading.RLock()

    def fail(self, kind: str, *faults: Fault | Response) -> None:
        """The next requests of a kind meet these faults, one each."""
        for fault in faults:
            answer = (lambda _, __, fault=fault: fault) if isinstance(fault, Response) else fault
            self._faults.append((kind, answer))

    def count(self, kind: str) -> int:
        return sum(request.kind == kind for request in self.requests)

    def answer(self, request: Request) -> Response:
        with self._lock:
            self.requests.append(request)
            for place, (kind, fault) in enumerate(self._faults):
                if kind == request.kind:
                    del self._faults[place]
                    return fault(request, self.handle)
            return self.handle(request)

    def handle(self, request: Request) -> Response:
        if request.path.startswith("/session/"):
            return self._session(request)
        if request.path == "/storage/v1/b" and request.method == "POST":
            self.buckets[json.loads(request.body)["name"]] = {}
            return Response(200, request.body)
        found = re.fullmatch(
            r"(?:/upload|/download)?/storage/v1/b/([^/]+)/o(?:/(.+))?", request.path
        )
        if found is None:
            return error(404, "Not Found")
        bucket, name = found[1], found[2] and unquote(found[2])
        if bucket not in self.buckets:
            return error(404, "The specified bucket does not exist.")
        if request.method == "POST":
            return self._upload(bucket, request)
        if name is None:
            return self._list(bucket, request.query)
        stored = self.buckets[bucket].get(name)
        generation = request.query.get("generation")
        if stored is None or generation not in (None, str(stored.generation)):
            return error(404, f"No such object: {bucket}/{name}")
        if request.method == "DELETE":
            if self._is_refused(stored, request.query):
                return error(412, "At least one of the pre-conditions you specified did not hold.")
            del self.buckets[bucket][name]
            return Response(204)
        if request.query.get("alt") == "media":
            return self._read(stored, request.headers.get("range"))
        return self._resource(bucket, name, stored)

    def _read(self, stored: StoredObject, wanted: str | None) -> Response:
        hashes = {"X-Goog-Hash": f"crc32c={checksum(stored.data)}"}
        if wanted is None:
            return Response(200, stored.data, hashes)
        first, last = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted).groups()
        if int(first) >= len(stored.data):
            return error(416, "The requested range cannot be satisfied.")
        part = stored.data[int(first) : int(last) + 1 if last else None]
        place = f"bytes {first}-{int(first) + len(part) - 1}/{len(stored.data)}"
        return Response(206, part, {**hashes, "Content-Range": place})

    def _list(self, bucket: str, query: dict[str, str]) -> Response:
        start, prefix = query.get("startOffset", ""), query.get("prefix", "")
        after = unquote(query.get("pageToken", ""))
        names = sorted(
            name
            for name in self.buckets[bucket]
            if name.startswith(prefix) and name >= start and name > after
        )
        page = names[: int(query.get("maxResults", 1000))]
        document: dict[str, Any] = {
            "items": [
                json.loads(self._resource(bucket, name, self.buckets[bucket][name]).body)
                for name in page
            ]
        }
        if len(page) < len(names):
            document["nextPageToken"] = page[-1]
        return Response(200, json.dumps(document).encode())

    def _upload(self, bucket: str, request: Request) -> Response:
        if request.query["uploadType"] == "resumable":
            resource = json.loads(request.body)
            name = resource["name"]
            if self._is_refused(self.buckets[bucket].get(name), request.query):
                return error(412, "At least one of the pre-conditions you specified did not hold.")
            token = f"s{len(self._sessions)}"
            self._sessions[token] = Session(bucket, name, request.query, resource)
            return Response(200, headers={"Location": f"{self.address}/session/{token}"})
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
        parts = BytesParser().parsebytes(head + request.body).get_payload()
        resource = json.loads(parts[0].get_payload())
        mark = request.headers["content-type"].partition("boundary=")[2].strip("\"'").encode()
        data = request.body.split(b"--" + mark)[2].partition(b"\r\n\r\n")[2][:-2]
        return self._write(bucket, resource["name"], data, request.query, resource)

    def _session(self, request: Request) -> Response:
        session = self._sessions.get(request.path.removeprefix("/session/"))
        if session is None:
            return error(410, "Gone")
        if request.method == "DELETE":
            self._sessions.pop(request.path.removeprefix("/session/"))
            return Response(499)
        if session.made is not None:
            return session.made
        first, total = re.fullmatch(
            r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", request.headers["content-range"]
        ).groups()
        if first is not None:
            known = len(session.data) - int(first)
            assert known >= 0, "a chunk begins after what has arrived"
            session.data += request.body[known:]
        if total != "*" and len(session.data) == int(total):
            sums = request.headers.get("x-goog-hash", "").removeprefix("crc32c=")
            resource = {**session.resource, **({"crc32c": sums} if sums else {})}
            session.made = self._write(
                session.bucket, session.name, session.data, session.query, resource
            )
            return session.made
        there = {"Range": f"bytes=0-{len(session.data) - 1}"} if session.data else {}
        return Response(308, headers=there)

    def _write(
        self, bucket: str, name: str, data: bytes, query: dict[str, str], resource: dict[str, Any]
    ) -> Response:
        if self._is_refused(self.buckets[bucket].get(name), query):
            return error(412, "At least one of the pre-conditions you specified did not hold.")
        if resource.get("crc32c", checksum(data)) != checksum(data):
            return error(400, "Provided CRC32C does not match calculated CRC32C.")
        self._generation += 1
        stored = StoredObject(
            data, self._generation, resource.get("metadata", {}), query.get("kmsKeyName")
        )
        self.buckets[bucket][name] = stored
        return self._resource(bucket, name, stored)

    def _is_refused(self, stored: StoredObject | None, query: dict[str, str]) -> bool:
        wanted = query.get("ifGenerationMatch")
        return wanted is not None and int(wanted) != (stored.generation if stored else 0)

    def _resource(self, bucket: str, name: str, stored: StoredObject) -> Response:
        document = {
            "bucket": bucket,
            "name": name,
            "size": str(len(stored.data)),
            "generation": str(stored.generation),
            "crc32c": checksum(stored.data),
            "metadata": stored.metadata,
        }
        return Response(200, json.dumps(document).encode())


def checksum(data: bytes) -> str:
    return base64.b64encode(google_crc32c.Checksum(data).digest()).decode()


@contextmanager
def running() -> Iterator[FakeGcs]:
    """A server with no bucket, stopped at the end."""
    fake = FakeGcs()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # a response in one packet

        def log_message(self, *_: object) -> None:
            """Nothing: the test's output is its own."""

        def answer(self) -> None:
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            response = fake.answer(Request(self.command, parts.path, query, headers, body))
            if response.status == LOST.status:
                self.close_connection = True
                return
            with suppress(ConnectionError):
                self.send_response(response.status)
                for name, value in response.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(response.body)))
                self.end_headers()
                self.wfile.write(response.body)
                self.wfile.flush()

        def handle(self) -> None:
            with suppress(ConnectionError):  # a client that has left
                super().handle()

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        fake.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield fake
        finally:
            server.shutdown()
            thread.join()
