"""A service over https: real processes, a certificate of the test."""

import os
import re
import socket
import ssl
import subprocess
import sys

import httpx
import pytest

import datagen_nb as dg
from datagen_nb.api.process.tls import tls_context
from datagen_nb.core.errors import ConfigurationError, ServiceUnavailable
from tests.certificates import certificate_in
from tests.deadline import DEADLINE
from tests.team_server import command, serving


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The certificate of ``localhost`` and its key."""
    return certificate_in(tmp_path_factory.mktemp("tls"), "localhost")


@pytest.fixture(scope="module")
def secure(tmp_path_factory, files):
    """The port of a service over https, and a customer's key."""
    home = tmp_path_factory.mktemp("home")
    command("customers", "add", "ann", home=home)
    key = command("keys", "create", "ann", home=home).stdout.strip()
    options = ("--tls-cert", str(files.certificate), "--tls-key", str(files.key))
    with serving(home, "--listen", "127.0.0.1:0", *options) as url:
        yield int(re.fullmatch(r"https://127\.0\.0\.1:(\d+)", url)[1]), key


def test_a_client_that_trusts_the_authority_uses_the_service(secure, files, monkeypatch):
    """Calls and the stream of events, which a job is followed by."""
    port, key = secure
    monkeypatch.setenv("SSL_CERT_FILE", str(files.certificate))
    with dg.connect(f"https://localhost:{port}", api_key=key) as client:
        job = client.submit(dg.sample_data("diamonds").head(300), rows=50)
        assert job.result().num_rows == 50


def test_a_client_that_does_not_trust_it_sends_no_key(secure):
    """It ends before a request."""
    port, key = secure
    with pytest.raises(ServiceUnavailable, match="certificate"):
        dg.connect(f"https://localhost:{port}", api_key=key)


def test_plain_http_is_refused(secure):
    """The connection ends without a word of HTTP, and the service goes on."""
    port, _ = secure
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        output = b""
        while received := line.recv(4096):
            output += received
    assert b"HTTP" not in output
    assert httpx.get(f"https://127.0.0.1:{port}/healthz", verify=False).status_code == 200


def refusal(tmp_path, *options, subject="serve"):
    """What a command that does not start says, in a line or two."""
    done = subprocess.run(
        [sys.executable, "-m", "datagen_nb", subject, "--listen", "127.0.0.1:0", *options],
        env={**os.environ, "DATAGEN_HOME": str(tmp_path / "home")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "home" / "jobs.sqlite").exists()
    return done.stderr


def test_a_certificate_and_its_key_are_given_together(tmp_path, files):
    """And only to what listens."""
    certificate, key = str(files.certificate), str(files.key)
    assert "needs --tls-key" in refusal(tmp_path, "--tls-cert", certificate)
    assert "needs --tls-cert" in refusal(tmp_path, "--tls-key", key)
    loopback = ["serve", "--loopback", "0", "--tls-cert", certificate, "--tls-key", key]
    done = command(*loopback, home=tmp_path / "home", check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "needs --listen" in done.stderr


def test_files_that_cannot_be_used_are_named(tmp_path, files):
    """Each by its option, with what is wrong with it; no password is asked for."""
    certificate, key = files.certificate, files.key
    none, broken = tmp_path / "none.pem", tmp_path / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----\n")
    other = certificate_in(tmp_path, "other.test")
    closed = certificate_in(tmp_path, "closed.test", password="secret")
    for cert, private, output in (
        (none, key, f"tls-cert = {none}: cannot be read (No such file or directory)"),
        (certificate, none, f"tls-key = {none}: cannot be read (No such file or directory)"),
        (tmp_path, key, f"tls-cert = {tmp_path}: cannot be read (Is a directory)"),
        (key, certificate, f"tls-cert = {key}: has no certificate"),
        (certificate, certificate, f"tls-key = {certificate}: has no private key"),
        (certificate, other.key, f"tls-key = {other.key}: is not the key of"),
        (closed.certificate, closed.key, f"tls-key = {closed.key}: is encrypted"),
        (broken, key, f"tls-cert = {broken}: cannot be used"),
    ):
        with pytest.raises(ConfigurationError, match=re.escape(output)):
            tls_context(cert, private)


def test_nothing_starts_with_files_that_cannot_be_used(tmp_path, files):
    """An error of the command, as any."""
    options = ("--tls-cert", str(files.certificate), "--tls-key", str(tmp_path / "none.pem"))
    assert "tls-key = " in refusal(tmp_path, *options)


def test_a_pipeline_for_services_elsewhere_is_served_the_same_way(tmp_path, files):
    """By the same options, with the same checks."""
    root, options = str(tmp_path), ("--tls-cert", str(files.certificate))
    output = refusal(tmp_path, "--root", root, *options, subject="serve-pipeline")
    assert "needs --tls-key" in output
    options = ("--listen", "127.0.0.1:0", *options, "--tls-key", str(files.key))
    with serving(tmp_path / "home", "--root", root, *options, subject="serve-pipeline") as url:
        trusting = ssl.create_default_context(cafile=files.certificate)
        address = url.replace("127.0.0.1", "localhost")
        assert httpx.get(f"{address}/healthz", verify=trusting).status_code == 200
