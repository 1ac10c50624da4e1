"""Objects found by name: those of this package, a module each, and those of other packages."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from importlib.metadata import entry_points
from typing import Generic, Protocol, TypeVar


class Named(Protocol):
    """Has a name of its own."""

    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)


class Registry(Mapping[str, T], Generic[T]):
    """Objects by name. Entry points are read at the first name that is not built in.

    Args:
        base: Of the objects' classes.
        package: Its modules hold those that are built in.
        attribute: What each module calls its own.
        entry_points: The group of entry points under which packages offer theirs: a class each.
    """

    def __init__(self, base: type[T], *, package: str, attribute: str, entry_points: str) -> None:
        self._base = base
        self._package = package
        self._attribute = attribute
        self._group = entry_points

    def __getitem__(self, name: str) -> T:
        found = self._built_in.get(name)
        return self._all[name] if found is None else found

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    @cached_property
    def _built_in(self) -> Mapping[str, T]:
        path = import_module(self._package).__path__
        modules = pkgutil.iter_modules(path, f"{self._package}.")
        found = [getattr(import_module(module.name), self._attribute) for module in modules]
        return {one.name: one for one in found}

    @cached_property
    def _all(self) -> Mapping[str, T]:
        found = dict(self._built_in)
        for point in entry_points(group=self._group):
            made = point.load()()
            if not isinstance(made, self._base) or made.name in found:
                raise TypeError(f"{point.value} is no {self._base.__name__} with a name of its own")
            found[made.name] = made
        return found
