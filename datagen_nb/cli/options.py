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

    def add_without_service(
        self, name: str, run: Callable[[argparse.Namespace], int], help: str
    ) -> argparse.ArgumentParser:
        """Add a command that needs no service, with ``--json``."""
        parser: argparse.ArgumentParser = self._parsers.add_parser(
            name, help=help, description=help
        )
        _add_json(parser)
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
        _add_json(parser)
        parser.set_defaults(run=lambda options: asyncio.run(_with_client(run, options)))
        return parser


def _add_home(parser: Any) -> None:
    parser.add_argument(
        "--home", metavar="DIR", help="directory of the local service (default: DATAGEN_HOME)"
    )


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


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


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add ``--rule``, ``--condition`` and ``--share`` to a command that makes rows."""
    parser.add_argument(
        "--rule",
        action="append",
        default=[],
        metavar="RULE",
        help="what each row keeps, as 'price >= 0'; may be repeated",
    )
    parser.add_argument(
        "--condition",
        action="append",
        default=[],
        type=_condition,
        metavar="COLUMN=VALUE",
        help="value of a column in each row; may be repeated",
    )
    parser.add_argument(
        "--share",
        action="append",
        default=[],
        type=_share,
        metavar="COLUMN=VALUE:SHARE",
        help="share of the rows with a value, as fraud=yes:0.5; repeated for values of one column",
    )


def selected(options: argparse.Namespace) -> dict[str, Any]:
    """What the options of ``add_selection`` are as parameters of a job.

    Raises:
        ConfigurationError: Two of them say something else of one column.
    """
    condition: dict[str, Any] = {}
    for column, value in options.condition:
        _check_free("condition", column, value, taken=column in condition)
        condition[column] = value
    shares: dict[str, dict[str, Any]] = {}
    for column, value, share in options.share:
        of_column = shares.setdefault(column, {})
        text = f"{value}:{share}"
        _check_free("share", column, text, taken=column in condition or value in of_column)
        of_column[value] = share
    found = {"rules": options.rule, "condition": condition | shares}
    return {name: value for name, value in found.items() if value}


def _check_free(option: str, column: str, text: str, *, taken: bool) -> None:
    if taken:
        rule = f"says something else of column {column!r} than another option"
        problem = Problem(option, repr(f"{column}={text}"), rule, "Leave one of them out.")
        raise ConfigurationError([problem])


def _condition(text: str) -> tuple[str, str]:
    column, sign, value = text.partition("=")
    if not column or not sign:
        raise argparse.ArgumentTypeError(f"{text!r} is not COLUMN=VALUE")
    return column, value


def _share(text: str) -> tuple[str, str, Any]:
    column, sign, rest = text.partition("=")
    value, colon, share = rest.rpartition(":")
    if not column or not sign or not colon:
        raise argparse.ArgumentTypeError(f"{text!r} is not COLUMN=VALUE:SHARE, as fraud=yes:0.5")
    return column, value, number(share)


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
