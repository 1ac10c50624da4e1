"""YAML of people, read as JSON values and nothing else.

Texts stay texts: ``no``, ``2024-06-01`` and ``12:30`` mean what is written, as in YAML 1.2; only
numbers, ``true``, ``false`` and ``null`` are more. Aliases, tags and keys that come twice are
refused: a few lines of aliases can stand for gigabytes.
"""

from __future__ import annotations

import re
from typing import Any

import yaml


class Unreadable(ValueError):
    """A text cannot be read; the message is the reason."""


def parse(text: str, *, most: int) -> Any:
    """Read a text of at most so many bytes.

    Raises:
        Unreadable: It is longer, or no YAML of plain values.

    Example:
        >>> parse("day: 2024-06-01", most=100)
        {'day': '2024-06-01'}
    """
    if len(text.encode(errors="surrogatepass")) > most:
        raise Unreadable(f"it has more than {most:,} bytes")
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506, it makes plain values alone
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Unreadable(" ".join(str(error).split())[:300]) from error


class _Loader(yaml.SafeLoader):
    """A safe loader of JSON values."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012, as in the class above

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # its stubs lack a type
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError(f"line {line} has an alias; write the value out")
        if getattr(event, "tag", None) is not None:
            raise yaml.YAMLError(f"line {line} has the tag {event.tag}; write a plain value")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:  # noqa: FBT001, FBT002
        seen = set()
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.YAMLError(f"line {line} has a list or an object as a key")
            if key.value in seen:
                raise yaml.YAMLError(f"line {line} has {key.value!r} a second time")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_EXPONENT = r"[eE][-+]?[0-9]+"
_WHOLE = r"(0|[1-9][0-9_]*)"

for _tag, _form, _first in (
    ("bool", r"true|false", "tf"),
    ("null", r"null|~|", ["n", "~", ""]),
    ("int", rf"[-+]?{_WHOLE}", "-+0123456789"),
    (
        "float",
        rf"[-+]?({_WHOLE}(\.[0-9]*({_EXPONENT})?|{_EXPONENT})|\.[0-9]+({_EXPONENT})?)",
        "-+.0123456789",
    ),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_form})$"), _first)
