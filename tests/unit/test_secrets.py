"""Secrets stay unseen: as values, in texts that quote them, in frames that held them."""

import copy
import logging
import pickle
import traceback

import httpx
import pytest

from datagen_nb.api.client.session import Session, _Bearer
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ConfigurationError, NotFound, Problem, ServiceUnavailable
from datagen_nb.core.logs import formatter
from datagen_nb.core.secrets import Secret, redact, redact_all

SECRET = "A-b_9" * 8 + "xyz"
KEY = f"dg_0123456789ab_{SECRET}"


@pytest.mark.parametrize("show", [repr, str, "{}".format, lambda secret: f"{[secret]!r}"])
def test_no_way_of_showing_a_secret_shows_it(show):
    """Only who asks for it by name has it."""
    assert SECRET not in show(Secret(KEY))
    assert Secret(KEY).reveal() == KEY


@pytest.mark.parametrize("keep", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_secret_is_not_pickled(keep):
    """It would lie in a file then."""
    with pytest.raises(TypeError):
        keep(Secret(KEY))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (KEY, "dg_0123456789ab_…"),
        (f"GET /v1/jobs?key={KEY}&after=1", "GET /v1/jobs?key=dg_0123456789ab_…&after=1"),
        (f"'{KEY[:30]}", "'dg_0123456789ab_…"),
        (f"{KEY} and {KEY}", "dg_0123456789ab_… and dg_0123456789ab_…"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_…"),
        ("a dg_file_name and dg_0123456789ab", "a dg_file_name and dg_0123456789ab"),
    ],
)
def test_keys_are_taken_out_of_a_text_and_nothing_else_is(text, shown):
    """Which key it was stays; of one that was cut too."""
    assert redact(text) == shown


def test_keys_are_taken_out_wherever_they_are():
    """In whatever JSON can hold."""
    value = {KEY: [KEY, {"a": (KEY,)}], "n": 1, "t": True, "z": None}
    assert SECRET not in repr(redact_all(value))
    assert redact_all({"n": 1, "l": [1.5, None]}) == {"n": 1, "l": [1.5, None]}


@pytest.mark.parametrize(
    "error",
    [
        NotFound(f"There is no {KEY}.", details={"id": KEY}),
        ConfigurationError([Problem("rows", repr(KEY), "is no number", f"Not {KEY}.")]),
        ServiceUnavailable(KEY),
    ],
)
def test_no_error_holds_a_key(error):
    """Whatever it was asked to quote; across a pickle too."""
    for seen in (error, pickle.loads(pickle.dumps(error))):
        assert SECRET not in f"{seen} {seen!r} {seen.details} {seen.args}"


def test_a_configuration_that_holds_a_key_where_none_belongs_does_not_quote_it():
    """Its problems are shown to many."""
    with pytest.raises(ConfigurationError) as error:
        JobConfiguration.from_wire({"dataSize": KEY, "inputFormat": KEY, KEY: 1})
    assert SECRET not in f"{error.value} {error.value.problems}"


@pytest.mark.parametrize("style", ["text", "json"])
def test_no_line_of_the_log_holds_a_key(style):
    """Neither its message nor its trace."""
    try:
        raise ValueError(KEY)
    except ValueError as error:
        info = (ValueError, error, error.__traceback__)
    record = logging.LogRecord("x", logging.INFO, "f", 1, "key %s", (KEY,), info)
    line = formatter(style).format(record)
    assert SECRET not in line
    assert "dg_0123456789ab_…" in line


async def test_no_frame_below_a_failed_request_holds_its_head():
    """Some tracebacks show what each frame held; those of the line would show the key."""

    class Broken(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            head = request.headers.raw
            assert (b"Authorization", f"Bearer {KEY}".encode()) in head
            raise httpx.ReadError("the line broke")

    client = httpx.AsyncClient(
        transport=Broken(), base_url="http://127.0.0.1", auth=_Bearer(Secret(KEY))
    )
    session = Session(client)
    with pytest.raises(ServiceUnavailable) as failed:
        await session.send("POST", "/v1/jobs", idempotent=False)
    with pytest.raises(ServiceUnavailable) as broken:
        async with session.stream("/v1/events"):
            pass
    for caught in (failed.value, broken.value):
        error = caught
        while error is not None:
            shown = traceback.TracebackException.from_exception(error, capture_locals=True)
            assert SECRET not in "".join(shown.format())
            error = error.__cause__
    await session.aclose()
