"""Deliveries as receivers get them: over HTTP, verified by the published libraries unchanged."""

import asyncio
import json
import shutil
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from datagen_nb import webhooks
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ArgumentTypeError, ProtocolError, SignatureInvalid
from datagen_nb.core.signing import make_secret, sign, sign_all
from datagen_nb.core.status import new_status
from datagen_nb.core.webhooks import (
    WEBHOOK_EVENTS,
    SecretRotation,
    WebhookConfig,
    WebhookPayload,
)
from datagen_nb.pipelines.mock import MockPipeline
from datagen_nb.service.settings import Settings
from datagen_nb.wiring.service import build_service
from tests.deadline import DEADLINE
from tests.pipelines import WEIGHTS
from tests.receiver import receiving

SCRIPT = Path(__file__).parents[2] / "widgets" / "test" / "verify-webhook.mjs"
CONFIG = JobConfiguration(
    data_size=100, input_format="csv", output_format="csv", input_path="in.csv", name="größe ✓"
)
SECRET = make_secret(b"s" * 32)
OTHER = make_secret(b"o" * 32)


def with_javascript(secret, headers, body):
    """What the JavaScript library says."""
    node = shutil.which("node")
    assert node, "node is needed: the widgets are built with it too"
    given = json.dumps({"secret": secret, "headers": headers, "body": body.decode()})
    done = subprocess.run(
        [node, SCRIPT], input=given, capture_output=True, text=True, timeout=60, check=True
    )
    return json.loads(done.stdout)


@pytest.fixture
async def service(tmp_path):
    pipeline = MockPipeline("succeeds", speed=2000, seed=7, clock=SystemClock())
    settings = Settings(webhooks_to_private=True)
    service = await build_service(
        tmp_path / "jobs.sqlite", tmp_path / "buckets", pipeline, settings
    )
    yield service
    await service.aclose()


async def test_the_published_libraries_verify_our_deliveries(service):
    """A whole job's, in both languages, before and while a secret is replaced; ours too."""
    jobs = service.customer("local")
    bucket = service.buckets("local", "default")
    await asyncio.to_thread(bucket.put, "in.csv", b"a,b\n1,x\n2,y\n" * 20)
    async with receiving() as receiver:
        config = WebhookConfig(url=receiver.url, events=tuple(WEBHOOK_EVENTS))
        made = await jobs.webhooks.create(config)
        await jobs.create(CONFIG, idempotency_key="1")
        async with asyncio.timeout(DEADLINE):
            while not [one for one in receiver.requests if b"job.completed" in one.body]:
                await receiver.count(len(receiver.requests) + 1)
        before = list(receiver.requests)
        rotated = await jobs.webhooks.rotate(made.id, SecretRotation(overlap=3600))
        await jobs.create(CONFIG, idempotency_key="2")
        await receiver.count(len(before) + 1)
        after = receiver.requests[len(before)]

    received = []
    for request in before:
        payload = Webhook(made.secret).verify(request.body, request.headers)
        assert webhooks.verify(request.body, request.headers, made.secret).to_wire() == payload
        received.append((payload["sequence"], payload["event"], payload["data"]["name"]))
    received.sort()
    assert received[0] == (1, "job.created", "größe ✓")
    assert received[-1][1] == "job.completed"
    assert [sequence for sequence, *_ in received] == [*range(1, len(received) + 1)]
    by_javascript = with_javascript(made.secret, before[0].headers, before[0].body)
    assert by_javascript == {"payload": json.loads(before[0].body)}
    for secret in (made.secret, rotated.secret):
        Webhook(secret).verify(after.body, after.headers)
        webhooks.verify(after.body, after.headers, secret)
        assert "payload" in with_javascript(secret, after.headers, after.body)
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(after.body, after.headers)
    assert "error" in with_javascript(OTHER, after.headers, after.body)


def message(body=None, secret=SECRET, stamp=None, id="msg_1", **headers):
    """A message as the service sends it."""
    if body is None:
        status = new_status("j_1", CONFIG, SystemClock().now(), WEIGHTS)
        payload = WebhookPayload(
            event="job.created",
            job_id="j_1",
            timestamp=status.created_time,
            data=status,
            sequence=1,
        )
        body = payload.to_json().encode()
    stamp = int(time.time()) if stamp is None else stamp
    return body, {
        "Webhook-Id": id,
        "WEBHOOK-TIMESTAMP": str(stamp),
        "webhook-signature": sign(secret, id, stamp, body),
        **headers,
    }


def test_a_message_that_is_ours_is_read():
    """Whatever the case of its headers' names."""
    body, headers = message()
    read = webhooks.verify(body, headers, SECRET)
    assert (read.event, read.job_id, read.sequence) == ("job.created", "j_1", 1)
    assert read.signature == "webhook-signature"
    assert read.data.name == "größe ✓"


@given(st.integers(0, 2**16), st.integers(0, 255))
def test_a_message_with_any_byte_changed_is_refused(place, value):
    """Also one that the changed byte leaves well-formed."""
    body, headers = message()
    changed = bytearray(body)
    changed[place % len(body)] = value
    if bytes(changed) != body:
        with pytest.raises(SignatureInvalid):
            webhooks.verify(bytes(changed), headers, SECRET)


@pytest.mark.parametrize("name", ["Webhook-Id", "WEBHOOK-TIMESTAMP", "webhook-signature"])
@pytest.mark.parametrize("value", ["", "1", "x", "v1,", "v1,AAAA", "v2,AAAA", "-1", "1e3", "９"])
def test_a_message_with_a_changed_header_is_refused(name, value):
    """Or without one."""
    body, headers = message()
    with pytest.raises(SignatureInvalid):
        webhooks.verify(body, {**headers, name: value}, SECRET)
    del headers[name]
    with pytest.raises(SignatureInvalid, match="no header"):
        webhooks.verify(body, headers, SECRET)


@pytest.mark.parametrize(("off", "expected"), [(-301, "old"), (301, "ahead")])
def test_an_old_or_early_message_is_refused(off, expected):
    """Unless so much is tolerated."""
    body, headers = message(stamp=int(time.time()) + off)
    with pytest.raises(SignatureInvalid, match=expected):
        webhooks.verify(body, headers, SECRET)
    assert webhooks.verify(body, headers, SECRET, tolerance=600).job_id == "j_1"


def test_one_matching_signature_of_several_is_enough():
    """Of unknown versions and other secrets it does not matter what they say."""
    body, headers = message()
    stamp = headers["WEBHOOK-TIMESTAMP"]
    many = sign_all([OTHER, SECRET], "msg_1", int(stamp), body)
    for signatures in (many, f"v1a,xx v1,???? {many}", f"{many} v2,x"):
        assert webhooks.verify(body, headers | {"webhook-signature": signatures}, SECRET)
    with pytest.raises(SignatureInvalid):
        webhooks.verify(body, headers, OTHER)
    unknown = headers["webhook-signature"].replace("v1,", "v2,")
    with pytest.raises(SignatureInvalid):
        webhooks.verify(body, headers | {"webhook-signature": unknown}, SECRET)


def test_a_secret_that_is_none_is_the_receivers_mistake():
    """Reported without quoting it."""
    body, headers = message()
    for secret in ("", "nonsense", "whsec_", "whsec_c2hvcnQ="):
        with pytest.raises(ValueError, match=r"whsec_|base64") as caught:
            webhooks.verify(body, headers, secret)
        assert len(secret) < 7 or secret not in str(caught.value)


def test_a_signed_message_of_another_version_says_so():
    """It is the service's, but not understood."""
    body, headers = message(body=b'{"event": "job.created"}')
    with pytest.raises(ProtocolError, match="signed"):
        webhooks.verify(body, headers, SECRET)


@given(st.binary(max_size=200), st.binary(min_size=24, max_size=64))
def test_we_sign_as_the_published_library_does(body, key):
    """Byte for byte, also what is no text to us."""
    secret, stamp = make_secret(key), int(time.time())
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return
    theirs = Webhook(secret).sign("msg_1", datetime.fromtimestamp(stamp, UTC), text)
    assert sign(secret, "msg_1", stamp, body) == theirs


def signed(body, *, secret=SECRET):
    stamp = int(time.time())
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(stamp),
        "webhook-signature": sign(secret, "msg_1", stamp, body),
    }


def payload():
    status = new_status("j_0000000000000000", CONFIG, datetime.now(UTC), WEIGHTS)
    return WebhookPayload(
        event="job.created",
        timestamp=datetime.now(UTC),
        job_id=status.job_id,
        sequence=1,
        data=status,
    )


@pytest.mark.parametrize("form", ["plain", "title", "wsgi", "mapping"])
def test_headers_are_read_in_whatever_form_a_framework_has_them(form):
    """Also beside values that are no texts, as a WSGI environment has; and a body as text."""
    body = payload().to_json().encode()
    headers = signed(body)
    forms = {
        "plain": headers,
        "title": {name.title(): value for name, value in headers.items()},
        "wsgi": {
            "wsgi.version": (1, 0),
            "REQUEST_METHOD": "POST",
            **{f"HTTP_{name.upper().replace('-', '_')}": text for name, text in headers.items()},
        },
        "mapping": MappingProxyType(headers),
    }
    assert webhooks.verify(body, forms[form], SECRET).sequence == 1
    assert webhooks.verify(body.decode(), forms[form], SECRET).sequence == 1


def test_a_body_that_was_written_again_is_hinted_at():
    """The commonest mistake: a framework's parsed JSON, dumped."""
    body = payload().to_json().encode()
    again = json.dumps(json.loads(body)).encode()
    with pytest.raises(SignatureInvalid, match="raw bytes"):
        webhooks.verify(again, signed(body), SECRET)
    with pytest.raises(SignatureInvalid) as other:
        webhooks.verify(body, signed(body, secret=OTHER), SECRET)
    assert "raw bytes" not in str(other.value)


@pytest.mark.parametrize("read", [json.loads, lambda body: None, lambda body: len(body)])
def test_a_body_that_was_parsed_is_refused_with_where_to_find_the_raw_one(read):
    """The other common mistake: ``request.json``."""
    body = payload().to_json().encode()
    with pytest.raises(ArgumentTypeError, match="raw bytes"):
        webhooks.verify(read(body), signed(body), SECRET)
