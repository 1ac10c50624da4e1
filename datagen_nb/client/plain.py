"""Plain twins of asynchronous methods: the same parameters, help and types, run on the portal.

A twin is made from the method itself, so the two cannot drift. Nothing here knows what is called.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from datagen_nb.client.misuse import misuse
from datagen_nb.client.portal import Portal
from datagen_nb.core.errors import DatagenError
from datagen_nb.core.lease import Connected

A = TypeVar("A")
P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="Plain[Any]")
W = TypeVar("W")


class Plain(Connected, Generic[A]):
    """A plain object over an asynchronous one, whose work is done on the portal's thread.

    Attributes:
        asynchronous: The same thing, for work on the portal's loop.
        portal: The thread that owns the connection.
    """

    def __init__(self, asynchronous: A, portal: Portal) -> None:
        self.asynchronous = asynchronous
        self.portal = portal

    def _call(self, work: Coroutine[Any, Any, R]) -> R:
        try:
            return self.portal.call(work)
        except DatagenError as error:
            raise error.shortened() from None

    def _iterate(
        self, items: AsyncGenerator[R, None], call: Any, args: Any, kwargs: Any
    ) -> Iterator[R]:
        try:
            yield from self.portal.iterate(items)
        except Exception as error:
            if (known := _in_our_words(error, call, args, kwargs)) is None:
                raise
            raise known from None

    def __init_subclass__(cls) -> None:
        """Give each twin the name that it has here, so that help and tracebacks show it."""
        for name, member in vars(cls).items():
            if inspect.isfunction(member) and member.__module__ != cls.__module__:
                member.__module__ = cls.__module__
                member.__qualname__ = f"{cls.__qualname__}.{name}"


@overload
def plain(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[Any, P], R]: ...


@overload
def plain(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]], wrap: Callable[[S, R], W]
) -> Callable[Concatenate[S, P], W]: ...


def plain(method: Any, wrap: Any = None) -> Any:
    """Make the plain twin of a coroutine method, for the body of a ``Plain`` class.

    Args:
        method: The asynchronous method; the twin calls the one of this name on ``asynchronous``.
        wrap: Makes what the twin returns, given the plain object and what the method returned.
    """
    name = method.__name__

    @wraps(method)
    def call(self: Plain[Any], /, *args: Any, **kwargs: Any) -> Any:
        try:
            result = self.portal.call(getattr(self.asynchronous, name)(*args, **kwargs))
        except Exception as error:
            if (known := _in_our_words(error, call, args, kwargs)) is None:
                raise
            raise known from None
        return result if wrap is None else wrap(self, result)

    _describe(call, method if wrap is None else wrap)
    return call


def plain_iterator(
    method: Callable[Concatenate[Any, P], AsyncGenerator[R, None]],
) -> Callable[Concatenate[Any, P], Iterator[R]]:
    """Make the plain twin of a method that returns an asynchronous generator."""
    name = method.__name__

    @wraps(method)
    def call(self: Plain[Any], /, *args: P.args, **kwargs: P.kwargs) -> Iterator[R]:
        try:
            items = getattr(self.asynchronous, name)(*args, **kwargs)
        except TypeError as error:
            if (known := _in_our_words(error, call, args, kwargs)) is None:
                raise
            raise known from None
        return self._iterate(items, call, args, kwargs)

    _describe(call, method)
    return call


def plain_words(text: str) -> str:
    """Turn an asynchronous docstring or annotation into that of its plain twin."""
    text = re.sub(r"\bAsyncGenerator\[(.+?)(, None)?\]", r"Iterator[\1]", text)
    return re.sub(r"\bawait |\basync (?=for |with )|\bAsync(?=[A-Z])", "", text)


def _in_our_words(
    error: Exception, call: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> DatagenError | None:
    """An error of ours for what a plain call raised, if it is one or an argument's fault."""
    if isinstance(error, DatagenError):
        return error.shortened()
    found = misuse(call.__wrapped__, call.__qualname__, args, kwargs)
    if found is not None:
        found.origin = (None, error)
    return found


class _Annotation(str):
    """An annotation as text that a signature shows without quotation marks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _describe(call: Any, returning: Any) -> None:
    """Describe a twin: what ``inspect.signature``, ``help`` and Shift-Tab show."""
    signature = inspect.signature(call)
    parameters = [
        each
        if each.annotation is each.empty
        else each.replace(annotation=_Annotation(each.annotation))
        for each in signature.parameters.values()
    ]
    returned = _Annotation(plain_words(returning.__annotations__["return"]))
    call.__signature__ = signature.replace(parameters=parameters, return_annotation=returned)
    call.__doc__ = plain_words(call.__doc__)
