"""A scripted sender of webhooks, for demonstrations and tests: nothing is sent anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from datagen_nb.core.ports import Clock
from datagen_nb.core.webhooks import Answer, NotAnswered

FAILING: tuple[Answer | str, ...] = (
    "no answer in time",
    Answer(500, "It broke."),
    Answer(429, "Too many.", retry_after="1"),
    Answer(301, "It has moved."),
    Answer(204),
)
"""What an endpoint in trouble does, over and over: it delivers every fifth time."""

RETRY_DELAY = 10.0
"""Seconds until an endpoint that does not answer is given up."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One message as it would have gone out."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class MockSender:
    """Plays an endpoint; implements ``core.webhooks.Sender``.

    Args:
        clock: What it waits on.
        script: What the endpoint does, by turns: it answers, or does not, with the reason.

    Attributes:
        sent: Every message, the failed ones too.
    """

    def __init__(self, clock: Clock, script: Sequence[Answer | str] = FAILING) -> None:
        self._clock = clock
        self._script = script
        self.sent: list[Sent] = []

    def check(self, url: str) -> None:
        """Take any address: nothing is sent there."""

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        turn = self._script[len(self.sent) % len(self._script)]
        self.sent.append(Sent(url, dict(headers), body))
        if isinstance(turn, str):
            await self._clock.sleep(RETRY_DELAY)
            raise NotAnswered(turn)
        return turn

    async def aclose(self) -> None:
        """Nothing is held."""
