"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datagen_nb.core.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    import ssl

    from datagen_nb.client.async_client import AsyncClient

ClientCommand = Callable[[argparse.Namespace, "AsyncClient"], Awaitable[int]]


class Commands:
    """Adds commands to a parser."""

    def __init__(self, parsers: Any) -> None:
        self._parsers = parsers

    def add(
        self, name: str, run: Callable[[argparse.Namespace], int] | None, help: str
    ) -> argparse.ArgumentParser:
        """Add a command of this machine, with ``--home``."""
        parser: argparse.ArgumentParser = self._parsers.add_parser(
            name, help=help, description=help
        )
        _add_home(parser)
        parser.set_defaults(run=run)
        return parser

    def add_for_client(self, name: str, run: ClientCommand, help: str) -> argparse.ArgumentParser:
        """Add a command for any service, with ``--home``, ``--url`` and ``--json``."""
        parser: argparse.ArgumentParser = self._parsers.add_parser(
            name, help=help, description=help
        )
        where = parser.add_mutually_exclusive_group()
        _add_home(where)
        where.add_argument(
            "--url",
            type=address,
            help="address of a deployed service, instead of the local one; "
            "its API key is read from DATAGEN_API_KEY",
        )
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.set_defaults(run=lambda options: asyncio.run(_with_client(run, options)))
        return parser


def _add_home(parser: Any) -> None:
    parser.add_argument(
        "--home", metavar="DIR", help="directory of the local service (default: DATAGEN_HOME)"
    )


async def _with_client(run: ClientCommand, options: argparse.Namespace) -> int:
    from datagen_nb.wiring.client import AsyncClient

    async with AsyncClient.connect(options.url, home=options.home) as client:
        return await run(options, client)


def address(text: str) -> str:
    """The address of a service, as ``https://datagen.example.org``."""
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"{text!r} does not begin with http:// or https://")
    return text


def host_and_port(text: str) -> tuple[str, int]:
    """The value of ``--listen``.

    Raises:
        ConfigurationError: It is not ``HOST:PORT``.
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not port.isascii():
        rule, remedy = "has to be HOST:PORT", "Write 127.0.0.1:8000, for example."
        raise ConfigurationError([Problem("listen", repr(text), rule, remedy)])
    return host.strip("[]"), int(port)


def add_tls(parser: argparse.ArgumentParser) -> None:
    """Add ``--tls-cert`` and ``--tls-key`` to a command with ``--listen``."""
    parser.add_argument(
        "--tls-cert",
        metavar="FILE",
        type=Path,
        help="serve https at --listen: PEM file of the certificate, then of those that signed it",
    )
    parser.add_argument(
        "--tls-key", metavar="FILE", type=Path, help="PEM file of the certificate's private key"
    )


def tls_of(options: argparse.Namespace) -> ssl.SSLContext | None:
    """What ``--tls-cert`` and ``--tls-key`` serve by; ``None`` without them.

    Raises:
        ConfigurationError: One is missing, or cannot be used, or there is no ``--listen``.
    """
    certificate, key = options.tls_cert, options.tls_key
    if certificate is None and key is None:
        return None
    for field, value, needed, its_value in (
        ("tls-cert", certificate, "tls-key", key),
        ("tls-key", key, "tls-cert", certificate),
        ("tls-cert", certificate, "listen", options.listen),
    ):
        if value is not None and its_value is None:
            remedy = f"Add --{needed}, or leave --{field} out."
            raise ConfigurationError([Problem(field, str(value), f"needs --{needed}", remedy)])
    from datagen_nb.api.process.tls import tls_context

    return tls_context(certificate, key)


def number(text: str) -> Any:
    """A number as the user wrote it; the configuration's rules judge it."""
    plain = text.replace("_", "").replace(",", "")
    try:
        return int(plain)
    except ValueError:
        try:
            return float(plain)
        except ValueError:
            return text
