"""Which addresses webhooks may have: public ones, in a plain form.

Pure rules over a URL and the addresses of its host name. The sender applies them to every address
of the name and connects to one of these, so that the name cannot change in between.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

WEB_PORTS = frozenset({80, 443})
"""Default ports of webhooks."""

MAX_URL = 2000
"""Characters of an address."""

_PRIVATE = (
    "10.0.0.0/8",
    "100.64.0.0/10",  # behind a carrier's NAT
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
)
_NEVER = (
    "0.0.0.0/8",
    "169.254.0.0/16",  # link-local, where clouds keep their machines' credentials
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
_PRIVATE_4 = tuple(IPv4Network(text) for text in _PRIVATE)
_NEVER_4 = tuple(IPv4Network(text) for text in _NEVER)

_PRIVATE_6 = (IPv6Network("::1/128"), IPv6Network("fc00::/7"))
_GLOBAL_6 = IPv6Network("2000::/3")
_NEVER_6 = (
    IPv6Network("2001::/23"),  # protocols, Teredo among them
    IPv6Network("2001:db8::/32"),
    IPv6Network("2002::/16"),  # 6to4
    IPv6Network("3fff::/20"),
)
"""Holes in what is global. What carries an IPv4 address inside (mapped, compatible, NAT64, 6to4,
Teredo) is always refused: no receiver needs such an address.

Source: IANA, IPv4 and IPv6 Special-Purpose Address Registries."""

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_NAME = re.compile(rf"(?=.{{1,253}}$)({_LABEL}\.)*{_LABEL}")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")


class AddressRefused(Exception):
    """The address is not allowed; the message says why, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Place:
    """A parsed URL; ``host`` is a name, or an address without brackets."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """The ``Host`` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"http": 80, "https": 443}[self.scheme]
        return host if self.port == usual else f"{host}:{self.port}"


def parse_url(
    url: str, *, allow_private: bool = False, ports: Collection[int] | None = None
) -> Place:
    """Parse a URL strictly, so that no other parser can read another host from it.

    Args:
        url: ``http://`` or ``https://``.
        allow_private: Whether private networks and this machine are allowed.
        ports: Allowed ports; by default any.

    Raises:
        AddressRefused: It is not a URL, has an unusual form, or its address is not allowed.
    """
    if len(url) > MAX_URL or not url.isascii() or re.search(r"[\s\\\x00-\x1f\x7f]", url):
        raise AddressRefused(
            f"has to be at most {MAX_URL} characters of ASCII without spaces or backslashes; "
            "write other letters as xn--… in the name and as %… behind it"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefused("is not a valid address; write https://host/path") from None
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise AddressRefused("has to begin with https:// or http:// and a host")
    if "@" in parts.netloc:
        raise AddressRefused("has to come without a user and password")
    if parts.fragment or url.endswith("#"):
        raise AddressRefused("has to come without a fragment (#…)")
    if port == 0:
        raise AddressRefused("has to name a port from 1 to 65535, or none")
    host = _host(parts.netloc)
    address = _literal(host)
    if address is not None:
        check_address(address, allow_private=allow_private)
    path = parts.path or "/"
    target = f"{path}?{parts.query}" if parts.query else path
    port = port or (443 if parts.scheme == "https" else 80)
    if ports is not None and port not in ports:
        allowed = " or ".join(str(one) for one in sorted(ports))
        raise AddressRefused(f"has to use port {allowed}")
    return Place(parts.scheme, host, port, target)


def check_address(address: str, *, allow_private: bool = False) -> None:
    """Check one address of a name, as the resolver returned it.

    Raises:
        AddressRefused: It is not allowed.
    """
    try:
        found = ip_address(address)
    except ValueError:
        raise AddressRefused(
            f"leads to {address[:80]!r}, which is not a plain IP address"
        ) from None
    if is_public(found) or (allow_private and _is_private(found)):
        return
    kind = "private" if _is_private(found) else "reserved"
    raise AddressRefused(f"leads to {found}, which is {kind}; it has to be reachable publicly")


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the public internet's, for a single receiver."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in (*_PRIVATE_4, *_NEVER_4))
    if address.scope_id is not None:
        return False
    return address in _GLOBAL_6 and not any(address in network for network in _NEVER_6)


def _is_private(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return any(address in network for network in _PRIVATE_4)
    return address.scope_id is None and any(address in network for network in _PRIVATE_6)


def _host(netloc: str) -> str:
    """The host of a URL, without brackets and port."""
    if netloc.startswith("["):
        host, bracket, rest = netloc[1:].partition("]")
        if not bracket or (rest and not re.fullmatch(r":\d*", rest)):
            raise AddressRefused("has a broken IPv6 address")
        if "%" in host or _parsed(host) is None or ":" not in host:
            raise AddressRefused("has to name an IPv6 address without a zone, as [2606:4700::1]")
        return host
    host = netloc.partition(":")[0].removesuffix(".")
    if _NAME.fullmatch(host) is None:
        raise AddressRefused("has to name a host in letters, digits, dots and hyphens")
    if _NUMBER.fullmatch(host.rpartition(".")[2]) and _parsed(host) is None:
        # Read by some as an address: 127.1, 0x7f.0.0.1, 2130706433, 0177.0.0.1.
        raise AddressRefused("has to write an IPv4 address as four decimal numbers")
    return host


def _literal(host: str) -> str | None:
    return None if _parsed(host) is None else host


def _parsed(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
