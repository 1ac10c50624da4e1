"""Tables behind an ``https://`` address: brought into a file before anything looks at them."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from email.message import Message
from http.client import HTTPException
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import unquote, urlsplit

from datagen_nb.core.errors import InputError
from datagen_nb.core.formats import format_of
from datagen_nb.tables.input_errors import input_error
from datagen_nb.tables.workbooks import is_workbook

CHUNK = 1 << 20

TIMEOUT = 30.0
"""Seconds that a server may take for its next bytes."""

PAGES = frozenset({"text/html", "application/xhtml+xml"})
"""Content types of pages for people."""


def is_web_address(text: str) -> bool:
    """Whether ``text`` is an address of the web."""
    return re.match(r"https?://", text, re.IGNORECASE) is not None


def download(address: str, folder: Path, stopped: Event) -> Path:
    """Bring a file into a folder, under the name that its address or its server gives it.

    Args:
        address: ``https://`` or ``http://``. A proxy of the environment is used.
        folder: Where it goes.
        stopped: Once it is set, the download ends.

    Raises:
        InputError: It is not there, is a web page, or breaks off.

    Example:
        ```python
        download("https://example.org/customers.csv", folder, Event())
        ```
    """
    shown = address.partition("?")[0]  # what follows may be a key
    headers = {"User-Agent": "datagen-nb"}
    try:
        request = urllib.request.Request(address, headers=headers)  # noqa: S310  see _opener
        with _opener().open(request, timeout=TIMEOUT) as answer:
            if answer.headers.get_content_type() in PAGES:
                raise input_error(
                    "input_wrong_format",
                    shown,
                    "is a web page, not a table",
                    "Give the address of the file itself, as its download link has it.",
                )
            path = folder / _name(answer.url, answer.headers, address)
            _save(answer, path, stopped)
    except urllib.error.HTTPError as error:
        error.close()
        code = "input_not_found" if error.code in {404, 410} else "input_unreadable"
        raise _failed(code, shown, f"answers with {error.code} {error.reason}") from error
    except (OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        says = " ".join(str(reason).split()) or type(reason).__name__
        raise _failed("input_unreadable", shown, f"cannot be downloaded: {says}") from error
    return path


def _opener() -> urllib.request.OpenerDirector:
    """Opens addresses of the web and nothing else, also where a server redirects to."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener


def _name(found: str, headers: Message, address: str) -> str:
    """The first of the names that ends in a format's ending, or the address's own."""
    names = [
        unquote(urlsplit(address).path).rpartition("/")[2],
        (headers.get_filename() or "").replace("\\", "/").rpartition("/")[2],
        unquote(urlsplit(found).path).rpartition("/")[2],
    ]
    known = (name for name in names if name and "\0" not in name and _is_table(name))
    return next(known, "table")[-200:]


def _is_table(name: str) -> bool:
    return format_of(name) is not None or is_workbook(Path(name))


def _save(answer: Any, path: Path, stopped: Event) -> None:
    expected = answer.headers.get("Content-Length")
    size = 0
    with path.open("xb") as file:
        while not stopped.is_set() and (chunk := answer.read(CHUNK)):
            size += file.write(chunk)
    if expected is not None and size < int(expected) and not stopped.is_set():
        raise HTTPException(f"it broke off after {size:,} of {int(expected):,} bytes")


def _failed(code: str, shown: str, what: str) -> InputError:
    return input_error(code, shown, what, "Check the address, or download the file yourself.")
