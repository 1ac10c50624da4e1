"""Says what is wrong with the arguments of a call: of a wrong type, unknown, missing, below 0.

Types are checked only when a call has failed: what works, works, whatever its type.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterator, Mapping
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from datagen_nb.core.errors import ArgumentError, ArgumentTypeError


def misuse(
    method: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> ArgumentTypeError | None:
    """What is wrong with the arguments of a call, or ``None`` if they fit the signature.

    Args:
        method: What was called; its first parameter is ``self``.
        name: What to call it, as ``Client.submit``.
        args: Its arguments after ``self``.
        kwargs: Those given by name.
    """
    signature = inspect.signature(method)
    known = [parameter for parameter in signature.parameters if parameter != "self"]
    for given in kwargs:
        if given not in known:
            near = difflib.get_close_matches(given, known, n=1)
            remedy = f"Did you mean {near[0]}?" if near else _takes(known)
            return ArgumentTypeError(f"{name}() has no argument {given!r}. {remedy}")
    try:
        bound = signature.bind(None, *args, **kwargs).arguments
    except TypeError as error:
        return ArgumentTypeError(f"{name}(): {error}. {_takes(known)}")
    bound.pop("self", None)
    for given, value in bound.items():
        parameter = signature.parameters[given]
        choices = list(_choices(parameter.annotation, getattr(method, "__globals__", {})))
        values = value if parameter.kind is parameter.VAR_POSITIONAL else (value,)
        wrong = [each for each in values if not any(_fits(each, kind) for kind in choices)]
        if choices and wrong:
            return ArgumentTypeError(
                f"{name}(): {given} has to be {parameter.annotation}, "
                f"not {type(wrong[0]).__name__}.",
                details={"argument": given},
            )
    return None


def check_not_negative(name: str, value: int) -> None:
    """Check a count or a position that a caller gave.

    Raises:
        ArgumentError: It is below 0.
    """
    if value < 0:
        raise ArgumentError(f"{name} = {value:,} is below 0. Give 0 or more.")


def _takes(known: list[str]) -> str:
    return f"Its arguments are {', '.join(known)}." if known else "It takes no arguments."


def _choices(annotation: Any, names: Mapping[str, Any]) -> Iterator[Any]:
    """The types that an annotation allows; none if one of them is not known here."""
    try:
        kind = eval(annotation, dict(names))  # noqa: S307, an annotation of this package
    except NameError:
        return
    yield from get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _fits(value: Any, kind: Any) -> bool:
    if kind is Any:
        return True
    origin = get_origin(kind) or kind
    if origin is Literal:
        return value in get_args(kind)
    if kind is float:
        return isinstance(value, int | float)
    return value is None if kind is type(None) else isinstance(value, origin)
