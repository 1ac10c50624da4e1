"""Sending webhooks over real sockets: allowed addresses, the request, timeouts, TLS."""

import asyncio
import ssl
from contextlib import aclosing

import httpcore
import pytest

from datagen_nb.core.addresses import AddressRefused
from datagen_nb.core.webhooks import MAX_ANSWER, NotAnswered
from datagen_nb.webhook_sender import UNREACHABLE, HttpSender, Timeouts
from tests.certificates import certificate_in
from tests.receiver import http, receiving

HEADERS = {"Content-Type": "application/json", "webhook-id": "msg_1"}


def resolver(*addresses):
    """A name service that gives these, and remembers who asked."""

    async def resolve(host, port):
        resolve.asked.append(host)
        return addresses

    resolve.asked = []
    return resolve


@pytest.fixture
async def sender():
    sender = HttpSender(allow_private=True)
    yield sender
    await sender.aclose()


@pytest.fixture
async def receiver():
    async with receiving() as receiver:
        yield receiver


async def refused(sender, url):
    with pytest.raises(NotAnswered) as caught:
        await sender.send(url, HEADERS, b"{}")
    await sender.aclose()
    return str(caught.value)


async def test_a_message_arrives_as_it_was_sent(sender, receiver):
    """Headers, body, path; with our name and the receiver's."""
    answer = await sender.send(receiver.url, HEADERS, b'{"a": "\xc3\xb6"}')

    (request,) = receiver.requests
    assert answer.status == 204
    assert (request.method, request.path, request.body) == (
        "POST",
        "/hook?x=1",
        b'{"a": "\xc3\xb6"}',
    )
    assert request.headers["webhook-id"] == "msg_1"
    assert request.headers["Host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["User-Agent"].startswith("datagen-nb/")


async def test_this_machine_is_not_called_unless_that_is_allowed(receiver):
    """By its address or by a name for it; nothing connects."""
    ports = {receiver.port}
    assert "private" in await refused(HttpSender(ports=ports), receiver.url)
    by_name = receiver.url.replace("127.0.0.1", "localhost")
    assert await refused(HttpSender(ports=ports), by_name) == UNREACHABLE
    assert receiver.connections == 0


@pytest.mark.parametrize(
    "bad",
    [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "::1",
        "::ffff:127.0.0.1",
        "fe80::1%lo",
        "0.0.0.0",
    ],
)
async def test_a_name_with_one_bad_address_is_refused(bad, receiver):
    """Wherever it stands among good ones; none of them is called."""
    for addresses in ([bad], ["8.8.8.8", bad], [bad, "8.8.8.8"]):
        resolve = resolver(*addresses)
        url = f"http://hook.test:{receiver.port}/"
        sender = HttpSender(resolve=resolve, ports={receiver.port})
        assert await refused(sender, url) == UNREACHABLE
        assert resolve.asked == ["hook.test"]
    assert receiver.connections == 0


async def test_the_connection_goes_to_the_vetted_address(receiver):
    """The name is asked for once, and by us: what it says later does not matter."""
    resolve = resolver("127.0.0.1")
    sender = HttpSender(allow_private=True, resolve=resolve)
    await sender.send(f"http://hook.test:{receiver.port}/", HEADERS, b"{}")
    await sender.aclose()

    assert resolve.asked == ["hook.test"]
    assert receiver.requests[0].headers["Host"] == f"hook.test:{receiver.port}"


async def test_the_next_address_is_tried_when_one_does_not_answer(receiver):
    """As a browser does."""
    sender = HttpSender(allow_private=True, resolve=resolver("127.0.0.2", "127.0.0.1"))
    answer = await sender.send(f"http://hook.test:{receiver.port}/", HEADERS, b"{}")
    await sender.aclose()
    assert answer.status == 204


async def test_the_certificate_has_to_be_the_names(tmp_path):
    """Though the connection goes to an address; and it has to be believed."""
    made = certificate_in(tmp_path, "hook.test")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(made.certificate, made.key)
    believing = ssl.create_default_context(cafile=made.certificate)
    async with receiving(server) as receiver:
        for name, context, works in (
            ("hook.test", believing, True),
            ("other.test", believing, False),
            ("hook.test", None, False),
        ):
            sender = HttpSender(
                allow_private=True, resolve=resolver("127.0.0.1"), ssl_context=context
            )
            url = f"https://{name}:{receiver.port}/"
            if works:
                assert (await sender.send(url, HEADERS, b"{}")).status == 204
                await sender.aclose()
            else:
                assert "certificate" in await refused(sender, url)
        assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(sender, receiver, status):
    """It is an answer, reported as it is."""
    receiver.answer = lambda request: http(status, Location=receiver.url)
    answer = await sender.send(receiver.url, HEADERS, b"{}")
    assert answer.status == status
    assert len(receiver.requests) == 1


async def test_no_proxy_of_the_environment_is_used(sender, receiver, monkeypatch):
    """It would resolve the name itself."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert (await sender.send(receiver.url, HEADERS, b"{}")).status == 204


async def test_a_bounded_part_of_an_answer_is_read(sender, receiver):
    """However long it is; the connection is not read to its end."""
    head = b"HTTP/1.1 500 No\r\nRetry-After: 120\r\nContent-Length: 1000000000\r\n\r\n"
    receiver.answer = lambda request: head + b"x" * 5000  # the rest never comes
    answer = await sender.send(receiver.url, HEADERS, b"{}")
    assert (answer.status, answer.retry_after) == (500, "120")
    assert answer.body == "x" * MAX_ANSWER


async def test_an_answer_that_is_no_text_is_kept_as_text(sender, receiver):
    """Bytes that are no UTF-8 become marks."""
    receiver.answer = lambda request: http(200, b"\xff\xfeok")
    assert (await sender.send(receiver.url, HEADERS, b"{}")).body == "��ok"


async def test_a_slow_endpoint_times_out(receiver):
    """The whole attempt is bounded."""
    receiver.answer = lambda request: None
    sender = HttpSender(allow_private=True, timeouts=Timeouts(total=0.2))
    async with aclosing(sender):
        assert "more than 0.2 s" in await refused(sender, receiver.url)


async def test_an_incomplete_response_times_out(receiver):
    """So is the wait between two bytes of a response."""
    receiver.answer = lambda request: b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"
    sender = HttpSender(allow_private=True, timeouts=Timeouts(read=0.2))
    async with aclosing(sender):
        assert "did not answer within" in await refused(sender, receiver.url)


@pytest.mark.parametrize(
    "reply",
    [b"nonsense\r\n\r\n", b"HTTP/1.1 999999 x\r\n\r\n", b"\x00" * 200_000],
    ids=["words", "status", "zeros"],
)
async def test_an_answer_that_is_no_http_is_a_failure(sender, receiver, reply):
    """With a reason, and no trace."""
    receiver.answer = lambda request: reply
    assert "could not be reached" in await refused(sender, receiver.url)


async def test_nobody_there_is_a_failure(sender):
    """No listener, no name."""
    async with receiving() as receiver:
        url = receiver.url
    assert "could not be reached" in await refused(sender, url)


async def nowhere(host, port):
    raise OSError("no such name")


async def hangs(host, port):
    await asyncio.Event().wait()


async def closed(host, port):
    return ["192.88.98.1"]  # public, and connecting to it fails below


@pytest.mark.parametrize(
    "resolve",
    [nowhere, hangs, resolver(), resolver("10.0.0.1"), resolver("169.254.169.254"), closed],
    ids=["unknown", "hanging", "empty", "private", "reserved", "refusing"],
)
async def test_every_unreachable_address_has_the_same_reason(monkeypatch, caplog, resolve):
    """Else a customer could see which names and ports exist inside; the operator's log has it."""

    async def refuse(*given, **values):
        raise httpcore.ConnectError("connection refused")

    sender = HttpSender(resolve=resolve, timeouts=Timeouts(connect=0.1))
    monkeypatch.setattr(sender._network._network, "connect_tcp", refuse)
    with caplog.at_level("INFO", "datagen_nb.api"):
        assert await refused(sender, "https://hook.test/") == UNREACHABLE
    assert len(caplog.messages) == 1
    assert "refused" not in UNREACHABLE


async def test_the_own_user_is_reported_why(sender):
    """Nothing inside is hidden from one who may call there."""
    sender = HttpSender(allow_private=True, resolve=nowhere)
    assert "no such name" in await refused(sender, "https://hook.test/")


@pytest.mark.parametrize("url", ["https://hook.test:22/", "http://hook.test:8080/"])
async def test_only_ports_of_the_web_are_called_unless_the_operator_says_so(url):
    """When a webhook is made and when it is sent."""
    resolve = resolver("8.8.8.8")
    sender = HttpSender(resolve=resolve)
    with pytest.raises(AddressRefused, match="port 80 or 443"):
        sender.check(url)
    assert "port 80 or 443" in await refused(sender, url)
    assert resolve.asked == []
    chosen = HttpSender(ports={22, 8080})
    chosen.check(url)
    await chosen.aclose()


async def test_an_address_is_looked_at_before_it_is_kept():
    """Without asking anybody."""
    sender = HttpSender()
    sender.check("https://hook.test/")
    with pytest.raises(AddressRefused):
        sender.check("https://127.0.0.1/")
    await sender.aclose()


async def test_many_endpoints_that_hang_leave_room_for_others(sender, receiver):
    """There is no bound over all that one could fill."""
    receiver.answer = lambda request: None if request.body == b"hang" else http(204)
    hanging = [asyncio.create_task(sender.send(receiver.url, HEADERS, b"hang")) for _ in range(150)]
    await receiver.count(150)
    async with asyncio.timeout(5):
        assert (await sender.send(receiver.url, HEADERS, b"{}")).status == 204
    assert not all(task.done() for task in hanging)
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)
