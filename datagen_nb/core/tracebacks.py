"""Short tracebacks in notebooks: the caller's line and the message; the rest on request.

A synchronous call runs on another thread, through several libraries, whose frames would hide the
message. They are kept for ``full_traceback``.
"""

from __future__ import annotations

import linecache
import os
import re
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any, Self

MAX_LINES = 8
"""Lines of an error's output in a notebook."""

PACKAGE = f"{Path(__file__).resolve().parents[1]}{os.sep}"

RED, GREEN, RESET = "\x1b[31m", "\x1b[32m", "\x1b[39m"


class ShortTraceback(Exception):
    """An exception with a short traceback in notebooks.

    Attributes:
        origin: The frames and the cause that the traceback leaves out.
        last_rendered: The traceback that IPython rendered last.
        request_id: The id of the request that failed, if there was one.
    """

    origin: tuple[TracebackType | None, BaseException | None] | None = None
    last_rendered: TracebackType | None = None
    request_id: str | None = None

    def shortened(self) -> Self:
        """This error without its frames and cause, which are moved to ``origin``."""
        self.origin = (self.__traceback__, self.__cause__ or self.__context__)
        self.__cause__, self.__suppress_context__ = None, True
        return self.with_traceback(None)

    def full_traceback(self) -> str:
        """The whole traceback: every frame, also those on the client's thread, and the causes.

        Example:
            ```python
            try:
                dg.connect("https://nope.invalid")
            except dg.errors.DatagenError as error:
                print(error.full_traceback())
            ```
        """
        return full(self)

    def _render_traceback_(self) -> list[str]:
        return render(self)


def frames(trace: TracebackType | None) -> list[tuple[str, int, str]]:
    """File, line number and function of each frame, the outermost first."""
    return [
        (frame.f_code.co_filename, number, frame.f_code.co_name)
        for frame, number in traceback.walk_tb(trace)
    ]


def short(error: ShortTraceback) -> list[str]:
    """The short form: the caller's line, and the message."""
    callers = _caller_frames(frames(error.__traceback__))
    lines = [line for frame in callers for line in _frame_lines(*frame)] + [""] * bool(callers)
    return lines + _message_lines(error, MAX_LINES - len(lines))


def full(error: ShortTraceback) -> str:
    """The long form: every frame, and the causes."""
    trace, cause = error.origin or (None, error.__cause__)
    chain = ""
    if cause is not None:
        link = "\nThe above exception was the direct cause of the following exception:\n\n"
        chain = "".join(traceback.format_exception(cause)) + link
    own = traceback.extract_tb(error.__traceback__)
    if trace is not None:
        own.extend(traceback.extract_tb(trace))
    lines = ["Traceback (most recent call last):\n", *traceback.format_list(own)]
    return chain + "".join([*lines, *traceback.format_exception_only(error)])


def render(error: ShortTraceback) -> list[str]:
    """The lines for IPython: short; long with ``%xmode Verbose`` and for ``%tb``."""
    shell = _shell()
    mode = getattr(getattr(shell, "InteractiveTB", None), "mode", "")
    is_repeated = error.last_rendered is not None and error.last_rendered is error.__traceback__
    error.last_rendered = error.__traceback__
    return full(error).splitlines() if mode == "Verbose" or is_repeated else short(error)


def _caller_frames(found: list[tuple[str, int, str]]) -> list[tuple[str, int, str]]:
    """The frame that called this package, and the cell's frame if it is another one."""
    inner = next((n for n, place in enumerate(found) if place[0].startswith(PACKAGE)), len(found))
    outer = found[:inner]
    cells = [place for place in outer[:-1] if _is_cell(place[0])]
    return [*cells[-1:], *outer[-1:]]


def _frame_lines(file: str, number: int, function: str) -> list[str]:
    where = _name_of_cell(file) if _is_cell(file) else f"File {file}, in {function}"
    line = linecache.getline(file, number).strip()
    return [f"{_paint(GREEN, where)}, line {number}"] + [f"----> {number} {line}"] * bool(line)


def _message_lines(error: ShortTraceback, max_lines: int) -> list[str]:
    lines = f"{_paint(RED, type(error).__name__)}: {error}".splitlines()
    lines += [f"[request {error.request_id}]"] if error.request_id else []
    if len(lines) <= max_lines:
        return lines
    left_out = f"  … {len(lines) - max_lines + 1} more lines; %tb shows them"
    return [*lines[: max_lines - 2], left_out, lines[-1]]


def _is_cell(file: str) -> bool:
    return file.startswith("<ipython-input-") or f"{os.sep}ipykernel_" in file


def _name_of_cell(file: str) -> str:
    shell = _shell()
    name = getattr(getattr(shell, "compile", None), "format_code_name", lambda _: None)(file)
    numbered = re.match(r"<ipython-input-(\d+)-", file)
    if name is not None:
        return " ".join(name)
    return f"Cell In[{numbered[1]}]" if numbered else "Cell"


def _paint(colour: str, text: str) -> str:
    colours = str(getattr(_shell(), "colors", "NoColor"))
    return text if colours.lower() == "nocolor" else f"{colour}{text}{RESET}"


def _shell() -> Any:
    """The IPython shell of this process, if there is one."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()
