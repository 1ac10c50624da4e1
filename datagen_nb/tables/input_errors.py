"""The errors of inputs that cannot be read, in one form: which one, what is wrong, what now."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from datagen_nb.core.errors import InputError
from datagen_nb.core.formats import FORMATS, FileFormat, known_endings

MAX_NEIGHBOURS = 10_000
"""Files of a folder that are compared with a name that is not there."""

MAX_SHOWN_PATH = 200
"""Characters of a path that a message shows, the last ones."""


def input_error(code: str, name: str, what: str, remedy: str, **details: Any) -> InputError:
    """An ``InputError`` in the form that all of them have: which, what, what now."""
    facts = {key: value for key, value in details.items() if value is not None}
    shown = name if len(name) <= MAX_SHOWN_PATH else f"…{name[-MAX_SHOWN_PATH:]}"
    return InputError(
        f"{shown} {what}. {remedy}", code=code, details={"input": name, "remedy": remedy, **facts}
    )


def not_a_file(name: str, what: str) -> InputError:
    """The error for an input that is something else than a regular file."""
    remedy = "Name one file in it." if what == "a directory" else "Copy what it gives into a file."
    return input_error("input_not_a_file", name, f"is {what}, not a file", remedy, path=name)


def missing(name: str, path: Path | None = None) -> InputError:
    """The error for an input that is not there; names a file that is called alike."""
    import difflib

    near: list[str] = []
    if path is not None:
        with suppress(OSError, ValueError):  # a folder that may not be listed suggests nothing
            names = [entry.name for entry in islice(path.parent.iterdir(), MAX_NEIGHBOURS)]
            near = difflib.get_close_matches(path.name, names, n=1)
    remedy = f"Did you mean {near[0]}?" if near else "Check the path."
    return input_error("input_not_found", name, "does not exist", remedy, path=name)


def gzip_broken(name: str) -> InputError:
    """The error for a gzip file that cannot be unpacked."""
    return input_error(
        "input_broken", name, "is a gzip file that is broken", "Copy or write it again."
    )


def no_format(name: str) -> InputError:
    """The error for a file whose name says of no format that it is of it."""
    return input_error(
        "input_wrong_format",
        name,
        "has no ending that names a format",
        f"Rename it to end in one of {known_endings()}.",
    )


def wrong_format(
    name: str, expected: FileFormat, *, actual: str | None, what: str | None = None
) -> InputError:
    """The error for a file of another format than its own.

    Args:
        name: What messages call the file.
        expected: The stated format.
        actual: The name of the format that it is of; ``None`` if that is none of ours.
        what: What it is, if not the format's label.
    """
    if actual is None:
        *labels, last = [format.label for format in FORMATS.values()]
        remedy = f"Write it as {', '.join(labels)} or {last}."
        return other_inside(name, expected, "something else", remedy)
    found = FORMATS[actual]
    remedy = f"Rename it to end in {found.endings[0]}."
    return other_inside(name, expected, what or found.label, remedy, actual=actual)


def other_inside(
    name: str, expected: FileFormat, what: str, remedy: str, *, actual: str | None = None
) -> InputError:
    """The error for a file that is something else than its name says."""
    return input_error(
        "input_wrong_format",
        name,
        f"is said to be {expected.label}, but it is {what} inside",
        remedy,
        expected=expected.name,
        actual=actual,
    )


def encoding_error(name: str, what: str, encoding: str, **where: Any) -> InputError:
    """The error for text that is not UTF-8; ``encoding`` is what it may be instead."""
    remedy = f'Say parameters={{"encoding": "{encoding}"}}, or save the file as UTF-8.'
    return input_error("input_wrong_encoding", name, what, remedy, encoding=encoding, **where)
