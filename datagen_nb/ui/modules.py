"""The built modules of the front end, each sent to a page once for all widgets that use it."""

from __future__ import annotations

import base64
import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources

import ipywidgets
import traitlets

from datagen_nb.core.errors import ServiceError


def built(name: str) -> str:
    """The text of a built file of the front end.

    Raises:
        ServiceError: The front end was not built (``front_end_missing``).
    """
    path = resources.files("datagen_nb") / "static" / name
    if not path.is_file():
        raise ServiceError(
            f"The front end is not built: {name} is missing. Run `make build` in the checkout, or "
            "install a wheel.",
            code="front_end_missing",
        )
    return path.read_text(encoding="utf-8")


class ModuleHolder(ipywidgets.Widget):  # type: ignore[misc]
    """A module that every widget of a page finds by the id of this model.

    Sent with each widget, the modules of a hundred cards would exceed a Jupyter server's limits.

    Attributes:
        packed: Its text, gzip in base64: a notebook that is saved with its widgets keeps it.
    """

    packed = traitlets.Unicode().tag(sync=True)


@dataclass(frozen=True, slots=True)
class Module:
    """A built module.

    Attributes:
        key: Its name and a digest of its text: what a page caches it under.
        packed: Its text, gzip in base64.
    """

    key: str
    packed: str


@cache
def load_module(name: str) -> Module:
    """Read a built module.

    Raises:
        ServiceError: The front end was not built (``front_end_missing``).
    """
    text = built(f"{name}.js").encode()
    packed = base64.b64encode(gzip.compress(text, mtime=0)).decode()
    return Module(f"{name}-{hashlib.sha256(text).hexdigest()[:12]}", packed)


_holders: dict[str, ModuleHolder] = {}


def holder_of(name: str) -> ModuleHolder:
    """The model that holds a module in this kernel; made anew after ``Widget.close_all()``."""
    if name not in _holders or _holders[name].comm is None:
        _holders[name] = ModuleHolder(packed=load_module(name).packed)
    return _holders[name]
