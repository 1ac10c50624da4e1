"""The part of JSON Schema that describes a pipeline's parameters, and how a broken rule reads.

A schema of one parameter has a ``type`` and bounds of it, or several of these in ``anyOf``.
Keywords of ours are for people: ``x-rule`` and ``x-remedy``, the words of a problem, which
otherwise follow from the schema; ``x-values`` and ``x-default``, words for what it can be and for
what holds when it is left out.
Source: JSON Schema 2020-12, Validation.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from datagen_nb.core import declaration, relation_text, rule_text
from datagen_nb.core.errors import Problem
from datagen_nb.core.quoting import brief_repr
from datagen_nb.core.rules import is_int, is_number, unknown_names

Schema = Mapping[str, Any]

_ANNOTATIONS = {
    "title",
    "description",
    "default",
    "examples",
    "x-rule",
    "x-remedy",
    "x-values",
    "x-default",
}
_KEYWORDS = {
    "string": {"minLength", "maxLength", "pattern", "format", "enum"},
    "integer": {"minimum", "maximum", "enum"},
    "number": {"minimum", "maximum"},
    "boolean": set(),
    "array": {"items", "minItems", "maxItems"},
    "object": {"additionalProperties", "properties", "required", "format"},
}
"""The keywords that are understood of each type; a schema with another one is refused."""

_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": is_int,
    "number": is_number,
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list | tuple),
    "object": lambda value: isinstance(value, dict),
}


def check_schema(schema: Schema, name: str = "parameters") -> None:
    """Make sure that every keyword is understood: a rule is never left out without a word.

    Raises:
        ValueError: It has another keyword or type.
    """
    if "anyOf" in schema:
        if unknown := sorted(set(schema) - _ANNOTATIONS - {"anyOf"}):
            raise ValueError(f"{name}: {', '.join(unknown)} beside anyOf is not understood")
        for place, inner in enumerate(schema["anyOf"]):
            check_schema(inner, f"{name}.anyOf[{place}]")
        return
    kind = schema.get("type")
    if not isinstance(kind, str) or kind not in _KEYWORDS:
        raise ValueError(f"{name}: type has to be one of {', '.join(_KEYWORDS)}, not {kind!r}")
    known = _KEYWORDS[kind] | _ANNOTATIONS | {"type"}
    if unknown := sorted(set(schema) - known):
        raise ValueError(f"{name}: {', '.join(unknown)} of {kind} is not understood")
    if schema.get("format", "relation") not in _FORMATS:
        raise ValueError(f"{name}: format has to be one of {', '.join(_FORMATS)}")
    if "items" in schema:
        check_schema(schema["items"], f"{name}[]")
    for key, each in schema.get("properties", {}).items():
        check_schema(each, f"{name}.{key}")
    if isinstance(inner := schema.get("additionalProperties"), Mapping):
        check_schema(inner, f"{name}.*")


def problems(properties: Mapping[str, Schema], values: Mapping[str, Any]) -> Iterator[Problem]:
    """Every rule that parameters break; those that are not known last."""
    for name, value in values.items():
        if name in properties and not is_valid(properties[name], value):
            yield from _broken(f"parameters.{name}", properties[name], value)
    yield from unknown_names("parameters.", values, properties)


def _broken(field: str, schema: Schema, value: Any) -> Iterator[Problem]:
    """The rules that a value breaks: one problem for each text of a list that cannot be read."""
    if schema.get("format") == "declaration":
        yield from declaration.problems(value, field)
        return
    for one in schema.get("anyOf", [schema]):
        format = one.get("items", {}).get("format")
        if format not in _STATEMENTS or not _TYPES[one["type"]](value):
            continue
        unread = [
            Problem(field, brief_repr(text), f"is no {format}: {reason}", _EXAMPLES[format])
            for text in value
            if isinstance(text, str) and (reason := _STATEMENTS[format](text))
        ]
        if unread:
            yield from unread
            return
    yield Problem(field, brief_repr(value), rule_of(schema), remedy_of(schema))


def is_valid(schema: Schema, value: Any) -> bool:
    """Whether a value keeps a schema."""
    if "anyOf" in schema:
        return any(is_valid(inner, value) for inner in schema["anyOf"])
    if not _TYPES[schema["type"]](value):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if schema["type"] in ("integer", "number"):
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    if isinstance(value, str):
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            return False
        if "pattern" in schema and not re.search(schema["pattern"], value):
            return False
        return "format" not in schema or _FORMATS[schema["format"]](value)
    if schema["type"] == "array":
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            return False
        return all(is_valid(schema["items"], one) for one in value) if "items" in schema else True
    if isinstance(value, dict):
        is_valid_format = "format" not in schema or _FORMATS[schema["format"]](value)
        return is_valid_format and _is_valid_object(schema, value)
    return True


def _is_valid_object(schema: Schema, value: dict[Any, Any]) -> bool:
    named = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    if any(key not in value for key in schema.get("required", ())):
        return False
    for key, one in value.items():
        if key in named:
            if not is_valid(named[key], one):
                return False
        elif isinstance(others, Mapping):
            if not isinstance(key, str) or not is_valid(others, one):
                return False
        elif not others:
            return False
    return True


def rule_of(schema: Schema) -> str:
    """What the value has to be, as ``has to be …``."""
    if "x-rule" in schema:
        return str(schema["x-rule"])
    if "anyOf" in schema:
        rules = [rule_of(inner).removeprefix("has to be ") for inner in schema["anyOf"]]
        return f"has to be {' or '.join(rules)}"
    if "enum" in schema:
        return f"has to be one of {_listed(schema)}"
    if schema["type"] in ("integer", "number"):
        noun = "a whole number" if schema["type"] == "integer" else "a number"
        low, high = schema.get("minimum"), schema.get("maximum")
        from_low = "" if low is None else f" from {low:,}"
        return f"has to be {noun}{from_low}{'' if high is None else f' to {high:,}'}"
    inner = schema.get("additionalProperties")
    if isinstance(inner, Mapping) and "enum" in inner:
        return f"has to map names to one of {_listed(inner)}"
    return {
        "string": "has to be a text",
        "boolean": "has to be true or false",
        "array": "has to be a list",
        "object": "has to be an object",
    }[schema["type"]]


def remedy_of(schema: Schema) -> str:
    """What to do about it."""
    if "x-remedy" in schema:
        return str(schema["x-remedy"])
    if "enum" in schema:
        return f"Write one of {_listed(schema)}."
    return "Correct it, or leave it out."


def _listed(schema: Schema) -> str:
    return ", ".join(str(one) for one in schema["enum"])


def _is_text_encoding(value: str) -> bool:
    try:
        return codecs.lookup(value)._is_text_encoding  # noqa: SLF001, the only way to ask
    except (LookupError, ValueError):  # a NUL or half a character in the name is a ValueError
        return False


def _why_no_relation(text: str) -> str:
    """Why a text cannot be read as a relation; empty if it can."""
    return "" if text == "auto" else _why_unreadable(relation_text.parse, text)


def _why_no_rule(text: str) -> str:
    """Why a text cannot be read as a rule; empty if it can."""
    return _why_unreadable(rule_text.parse, text)


def _why_unreadable(parse: Callable[[str], object], text: str) -> str:
    try:
        parse(text)
    except relation_text.Unreadable as error:
        return str(error)
    return ""


_STATEMENTS: Mapping[str, Callable[[str], str]] = {
    "relation": _why_no_relation,
    "rule": _why_no_rule,
}

_FORMATS: Mapping[str, Callable[[Any], bool]] = {
    "text-encoding": _is_text_encoding,
    "relation": lambda text: not _why_no_relation(text),
    "rule": lambda text: not _why_no_rule(text),
    "declaration": lambda given: next(declaration.problems(given), None) is None,
}

_QUOTES = "names that are no words stand in double quotes, as '\"unit price\"'."

_EXAMPLES: Mapping[str, str] = {
    "relation": "Write one as 'total = quantity * price', 'end >= start' or 'city -> state'; "
    + _QUOTES,
    "rule": "Write one as 'price >= 0', 'status in (open, paid)', 'email is not null', "
    "'unique(code, day)' or 'plate matches \"[A-Z]{2}[0-9]+\"'; " + _QUOTES,
}
