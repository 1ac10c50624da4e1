"""For receivers of webhooks: whether a message is the service's, and what it says.

Needs nothing of the service; the published Standard Webhooks libraries verify messages as well.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from datagen_nb.core.clock import SystemClock
from datagen_nb.core.errors import ArgumentTypeError, ProtocolError, SignatureInvalid
from datagen_nb.core.signing import ID, SIGNATURE, TIMESTAMP, is_signed
from datagen_nb.core.webhooks import WebhookPayload as WebhookPayload

__all__ = ["WebhookPayload", "verify"]


def verify(
    body: bytes | str, headers: Mapping[str, str], secret: str, *, tolerance: float = 300
) -> WebhookPayload:
    """Check a message and read it.

    A message may come more than once, with the same header ``webhook-id``, and later than one
    about something newer: go by ``sequence``, which counts a job's messages from 1.

    Args:
        body: As it came, to the byte: Flask's ``request.get_data()``, Django's ``request.body``,
            ``await request.body()`` of FastAPI. A ``str`` is taken as UTF-8.
        headers: Of the request, as any framework has them; the case of their names does not
            matter, and a WSGI environment (``HTTP_WEBHOOK_ID``) will do.
        secret: Of the webhook, ``whsec_…``.
        tolerance: Seconds that sender's and receiver's clocks may differ, the way included.

    Raises:
        SignatureInvalid: It is not signed with the secret, or is too old or too new.
        ProtocolError: It is the service's, but this version does not understand it.
        ArgumentTypeError: The body is not bytes or text, such as JSON that was parsed already.
        ValueError: The secret does not have the form ``whsec_…``.

    Example:
        >>> verify(b"{}", {}, "whsec_" + "c2VjcmV0" * 4)
        Traceback (most recent call last):
        datagen_nb.core.errors.SignatureInvalid: The message has no header 'webhook-id'.

    Source: Standard Webhooks, https://www.standardwebhooks.com.
    """
    if not isinstance(body, bytes | bytearray | memoryview | str):
        raise ArgumentTypeError(
            f"body is a {type(body).__name__}; the signature is of the request's raw bytes. Pass "
            "these: request.get_data() in Flask, request.body in Django, await request.body() in "
            "FastAPI."
        )
    raw = body.encode() if isinstance(body, str) else bytes(body)
    given = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in headers.items()
        if isinstance(value, str)
    }
    for name in (ID, TIMESTAMP, SIGNATURE):
        if not given.get(name):
            raise SignatureInvalid(f"The message has no header {name!r}.")
    stamp = given[TIMESTAMP]
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise SignatureInvalid(f"The header {TIMESTAMP!r} has to be seconds since 1970.")
    off = SystemClock().now().timestamp() - int(stamp)
    if abs(off) > tolerance:
        when = f"{off:.0f} s old" if off > 0 else f"{-off:.0f} s ahead"
        raise SignatureInvalid(
            f"The message is {when}; {tolerance:g} s are tolerated. "
            "It was sent before, or one of the two clocks is wrong."
        )
    if not is_signed(secret, given[ID], stamp, raw, given[SIGNATURE]):
        raise SignatureInvalid(
            f"The message is not signed with this secret.{_hint(raw)} Compare the secret's "
            "fingerprint with that of the webhook."
        )
    try:
        return WebhookPayload.from_wire(raw)
    except ValidationError as error:
        raise ProtocolError(
            "The message is signed, but this version does not understand it: "
            f"{error.errors()[0]['msg']}. Are both of the same version?"
        ) from error


def _hint(body: bytes) -> str:
    """What is likely wrong with a body that the service cannot have written."""
    try:
        written = WebhookPayload.from_wire(body).to_json().encode()
    except ValidationError:
        return ""
    if written == body:
        return ""
    return (
        " The body is not as the service writes it: pass the request's raw bytes, not JSON that "
        "was parsed and written again."
    )
