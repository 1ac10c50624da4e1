"""A team's service: processes of their own, over one home, with customers, keys and a real line."""

import asyncio
import json
import os
import re
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect

import datagen_nb as dg
from datagen_nb.api.process.home import Home
from datagen_nb.api.process.listeners import UserSocket, listen_on_socket
from datagen_nb.api.server.request_limits import MAX_MESSAGE
from datagen_nb.core.errors import (
    Forbidden,
    ServiceUnavailable,
    Unauthenticated,
)
from tests.deadline import DEADLINE
from tests.team_server import command, serving

TABLE = "id,age,member\n" + "".join(f"{i},{20 + i % 50},{i % 3 > 0}\n" for i in range(300))


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    """A home with two customers, its service's address, and a key of each."""
    home = tmp_path_factory.mktemp("team")
    keys = {}
    for name in ("ann", "bob"):
        command("customers", "add", name, home=home)
        keys[name] = command("keys", "create", name, home=home).stdout.strip()
    with serving(home, "--listen", "127.0.0.1:0") as url:
        yield home, url, keys


def test_a_customer_makes_data_over_the_line(team, tmp_path):
    """The table goes up, the rows come down; another customer hears of neither."""
    _, url, keys = team
    (tmp_path / "people.csv").write_text(TABLE)
    with dg.connect(url, api_key=keys["ann"]) as ann, dg.connect(url, api_key=keys["bob"]) as bob:
        job = ann.submit(tmp_path / "people.csv", rows=50, name="ann's own")
        assert job.result().num_rows == 50
        assert [found.name for found in ann.jobs.list()] == ["ann's own"]
        assert list(bob.jobs.list()) == []
        info = bob.info()
        assert (info.home, info.pid, info.workers) == (None, 0, {})


def test_a_home_is_named_before_or_behind_an_action(team, tmp_path):
    """Where people write it."""
    home, _, _ = team
    for words in (("--home", str(home), "list"), ("list", "--home", str(home))):
        assert "ann" in command("customers", *words, home=tmp_path / "none").stdout


def test_the_key_comes_from_the_environment(team, monkeypatch):
    """So that no notebook holds it; a key that is given wins."""
    _, url, keys = team
    monkeypatch.setenv("DATAGEN_API_KEY", keys["bob"])
    with dg.connect(url) as client:
        assert client.info().version
    with pytest.raises(Unauthenticated):
        dg.connect(url, api_key="dg_000000000000_" + "A" * 43).info()


def test_no_key_is_sent_in_the_clear_or_within_an_address(monkeypatch):
    """Not even once."""
    key = "dg_000000000000_" + "A" * 43
    with pytest.raises(ServiceUnavailable) as clear:
        dg.connect("http://datagen.example", api_key=key).info()
    assert clear.value.code == "key_in_the_clear"
    for url in (f"https://{key}@datagen.example", f"https://datagen.example/?key={key}"):
        with pytest.raises(ServiceUnavailable) as within:
            dg.connect(url).info()
        assert within.value.code == "address_with_more"
        assert key not in str(within.value)


def test_keys_are_managed_while_the_service_runs(team):
    """Several processes share the database: none waits long, none fails, all hold."""
    home, url, keys = team
    headers = {"Authorization": f"Bearer {keys['ann']}"}
    with ThreadPoolExecutor(6) as pool, httpx.Client(base_url=url) as line:
        made = [pool.submit(command, "keys", "create", "bob", home=home) for _ in range(6)]
        while not all(one.done() for one in made):
            assert line.get("/v1/jobs", headers=headers).status_code in {200, 429}
        texts = [one.result().stdout.strip() for one in made]
        assert len(set(texts)) == 6
        for text in texts:
            answer = line.get("/v1/jobs", headers={"Authorization": f"Bearer {text}"})
            assert answer.status_code == 200
        command("keys", "revoke", texts[0][3:15], home=home)
        end = time.monotonic() + DEADLINE
        while line.get("/v1/jobs", headers={"X-Api-Key": texts[0]}).status_code != 401:
            assert time.monotonic() < end
    verdict = command("audit", "verify", home=home).stdout
    assert verdict.startswith("ok ")


def test_rotating_from_the_command_line_lets_both_in_for_a_while(team):
    """And lists say which ends when."""
    home, url, _ = team
    old = command("keys", "create", "ann", "--name", "ci", home=home).stdout.strip()
    new = command("keys", "rotate", old[3:15], "--overlap-hours", "1", home=home).stdout.strip()
    with httpx.Client(base_url=url) as line:
        for key in (old, new):
            assert line.get("/v1/info", headers={"X-Api-Key": key}).status_code == 200
    listed = command("keys", "list", "ann", home=home).stdout
    assert re.search(rf"{old[3:15]} .*expires .* ci", listed)
    assert re.search(rf"{new[3:15]} .* ci", listed)
    assert "bob" not in listed


def test_an_operator_manages_customers_over_the_line(team):
    """With a key of the scope admin; with any other it is forbidden."""
    home, url, _ = team
    admin = command("keys", "create", "ann", "--scope", "admin", home=home).stdout.strip()
    with httpx.Client(base_url=url, headers={"X-Api-Key": admin}) as line:
        assert line.post("/v1/customers", json={"name": "carol"}).status_code == 201
        assert line.post("/v1/customers", json={"name": "carol"}).status_code == 409
        assert line.post("/v1/customers", json={"name": "../etc"}).status_code == 422
        assert line.post("/v1/customers", json={"name": "local"}).status_code == 422
        made = line.post("/v1/keys", json={"customer": "carol", "scopes": ["read"]})
        assert made.status_code == 201
        assert made.headers["Cache-Control"] == "no-store"
        key = made.json()
        carol = {"X-Api-Key": key["secret"]}
        assert line.get("/v1/jobs", headers=carol).json() == {"jobs": []}
        again = line.post(f"/v1/keys/{key['key']['keyId']}/rotate", json={"overlap": 60})
        assert again.status_code == 201
        listed = line.get("/v1/keys", params={"customer": "carol"}).json()["keys"]
        assert {one["keyId"] for one in listed} == {
            key["key"]["keyId"],
            again.json()["key"]["keyId"],
        }
        assert key["secret"].split("_", 2)[2] not in json.dumps(listed)
        revoked = line.delete(f"/v1/keys/{key['key']['keyId']}").json()
        assert revoked["revoked"]
        assert line.get("/v1/jobs", headers=carol).status_code == 401
        assert line.post("/v1/customers/carol/disable").json()["disabled"]
        assert line.post("/v1/customers/nobody/disable").status_code == 404
        names = [one["name"] for one in line.get("/v1/customers").json()["customers"]]
        assert names == ["ann", "bob", "carol"]
        first = line.get("/v1/customers", params={"limit": 1}).json()
        assert first["nextCursor"] == "ann"
        assert line.get("/v1/jobs").status_code == 403
    shown = command("audit", "show", home=home).stdout
    assert re.search(r"allowed +ann:\w+ +keys.change +POST /v1/keys +\(key \w+ of carol", shown)
    with pytest.raises(Forbidden):
        dg.connect(url, api_key=admin).jobs.list()


def test_the_command_line_manages_a_service_from_afar(team, tmp_path, monkeypatch):
    """By a key from the environment, never from an argument; its log tells who it was."""
    home, url, keys = team
    admin = command("keys", "create", "ann", "--scope", "admin", home=home).stdout.strip()
    elsewhere = tmp_path / "elsewhere"
    monkeypatch.setenv("DATAGEN_API_KEY", admin)
    command("customers", "--url", url, "add", "dora", home=elsewhere)
    key = command("keys", "--url", url, "create", "dora", home=elsewhere).stdout.strip()
    assert httpx.get(f"{url}/v1/jobs", headers={"X-Api-Key": key}).json() == {"jobs": []}
    assert "dora" in command("customers", "--url", url, "list", home=elsewhere).stdout
    assert not (elsewhere / "jobs.sqlite").exists()
    shown = command("audit", "show", home=home).stdout
    assert f"ann:{admin[3:15]}" in shown
    assert "customer dora" in shown
    monkeypatch.setenv("DATAGEN_API_KEY", keys["ann"])
    refused = command("customers", "--url", url, "list", home=elsewhere, check=False)
    assert refused.returncode == 1
    assert "admin" in refused.stderr


def test_a_websocket_is_opened_by_a_key_alone(team):
    """Over a real line: the key in its head, the answer of a refusal whole."""
    _, url, keys = team
    address = url.replace("http", "ws") + "/v1/events?after=0"
    for headers, status in (
        ({}, 401),
        ({"Authorization": "Bearer x"}, 401),
        ({"X-Api-Key": keys["ann"], "Origin": "https://evil.example"}, 403),
    ):
        with pytest.raises(InvalidStatus) as refused:
            connect(address, additional_headers=headers, proxy=None)
        assert refused.value.response.status_code == status
        assert json.loads(refused.value.response.body)["status"] == status
    headers = {"Authorization": f"Bearer {keys['ann']}"}
    with connect(address, additional_headers=headers, proxy=None) as line:
        assert line.response.headers["RateLimit-Policy"]
        line.send("x" * (MAX_MESSAGE + 1))
        with pytest.raises(ConnectionClosedError) as closed:
            list(line)  # until it is closed
    assert closed.value.rcvd.code == 1009


def test_the_operators_own_socket_is_open_as_before(team):
    """``status`` finds the service; the customers' address cannot stop it."""
    home, url, keys = team
    found = json.loads(command("status", "--json", home=home).stdout)
    assert found["running"]
    with httpx.Client(base_url=url, headers={"X-Api-Key": keys["ann"]}) as line:
        assert line.post("/v1/shutdown").status_code == 403
    admin = command("keys", "create", "ann", "--scope", "admin", home=home).stdout.strip()
    with httpx.Client(base_url=url, headers={"X-Api-Key": admin}) as line:
        assert line.post("/v1/shutdown").status_code == 404


def test_a_token_opens_a_loopback_port_to_the_user_alone(tmp_path):
    """The token lies in the home, closed to others."""
    with serving(tmp_path / "home", "--loopback", "0") as url:
        file = tmp_path / "home" / "token"
        assert file.stat().st_mode & 0o777 == 0o600
        token = file.read_text()
        with httpx.Client(base_url=url) as line:
            assert line.get("/v1/jobs").status_code == 401
            headers = {"Authorization": f"Bearer {token}"}
            assert line.get("/v1/jobs", headers=headers).status_code == 200
            foreign = {**headers, "Host": "evil.example"}
            assert line.get("/v1/jobs", headers=foreign).status_code == 403
            page = {**headers, "Origin": "https://evil.example"}
            assert line.get("/v1/jobs", headers=page).status_code == 403
        with dg.connect(url, api_key=token) as client:
            assert list(client.jobs.list()) == []


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        (["serve", "--listen", "8000"], "HOST:PORT"),
        (["serve", "--listen", "host:port"], "HOST:PORT"),
        (["serve", "--listen", "127.0.0.1:99999"], "cannot listen"),
        (["serve", "--loopback", "-1"], "cannot listen"),
        (["serve", "--listen", "no.such.host.invalid:0"], "cannot listen"),
        (["serve", "--listen", "127.0.0.1:0", "--loopback", "0"], "Choose one"),
        (["customers", "add", "A B"], "name = 'A B'"),
        (["customers", "disable", "nobody"], "nobody"),
        (["keys", "create", "nobody"], "nobody"),
        (["keys", "revoke", "000000000000"], "000000000000"),
        (["audit", "verify", "--expect", "1:2"], ""),
    ],
)
def test_what_cannot_be_is_one_clear_error(tmp_path, arguments, refusal):
    """Exit status 1, a sentence, no trace."""
    done = command(*arguments, home=tmp_path / "home", check=False)
    assert done.returncode == 1
    assert refusal in done.stderr
    assert "Traceback" not in done.stderr


def test_verify_finds_what_was_changed_and_says_so(tmp_path):
    """Exit status 1, and which line."""
    import sqlite3
    from contextlib import closing

    home = tmp_path / "home"
    for name in ("ann", "bob", "carol"):
        command("customers", "add", name, home=home)
    head = re.search(r"head (\S+)", command("audit", "verify", home=home).stdout)[1]
    assert command("audit", "verify", "--expect", head, home=home).returncode == 0
    with closing(sqlite3.connect(home / "jobs.sqlite")) as db, db:
        db.execute("DELETE FROM documents WHERE kind = 'access' AND id = '000000000002'")
    done = command("audit", "verify", home=home, check=False)
    assert done.returncode == 1
    assert "BAD  1 lines before line 3 are missing" in done.stdout


async def test_another_users_process_is_turned_away(tmp_path, monkeypatch):
    """The socket asks the kernel who is at the other end."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    home = Home.open(tmp_path / "home")

    def reported(uid):
        def getsockopt(self, level, name, size):
            assert (level, name) == (socket.SOL_SOCKET, socket.SO_PEERCRED)
            return struct.pack("3i", 1, uid, 1)

        return getsockopt

    async def talk():
        served = asyncio.Event()

        async def greet(reader, writer):
            writer.write(b"hello")
            writer.close()
            served.set()

        with listen_on_socket(home) as listener:
            server = await asyncio.start_server(greet, sock=listener)
            async with server:
                reader, writer = await asyncio.open_unix_connection(str(home.socket))
                try:
                    return await asyncio.wait_for(reader.read(), 5)
                except ConnectionError:
                    return b""
                finally:
                    writer.close()

    assert await talk() == b"hello"
    peer = socket.socket.getsockopt
    for uid, expected in ((os.getuid(), b"hello"), (os.getuid() + 1, b"")):
        real = reported(uid)

        def asked(self, level, name, *size, real=real):
            if name == socket.SO_PEERCRED:
                return real(self, level, name, *size)
            return peer(self, level, name, *size)

        monkeypatch.setattr(UserSocket, "getsockopt", asked, raising=False)
        monkeypatch.setattr(socket.socket, "getsockopt", asked, raising=False)
        assert await talk() == expected
