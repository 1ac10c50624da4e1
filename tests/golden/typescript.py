"""The types of the widgets' snapshots in TypeScript, made from the classes in Python."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from datagen_nb.core.wire_model import WireModel
from datagen_nb.ui import snapshots

HEAD = """// Made from datagen_nb/ui/snapshots.py by `make golden`; do not edit.

"""
PRIMITIVE = {
    str: "string",
    datetime: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    Any: "unknown",
}


def typescript() -> str:
    """An interface for each class of ``ui.snapshots``, and for each that their fields are of."""
    writer = Writer()
    for value in vars(snapshots).values():
        if isinstance(value, type) and value.__module__ == snapshots.__name__:
            writer.name_of(value)
    return HEAD + "\n\n".join(writer.declared[name] for name in sorted(writer.declared)) + "\n"


class Writer:
    """Collects the declarations that are needed."""

    def __init__(self) -> None:
        self.declared: dict[str, str] = {}

    def name_of(self, kind: type) -> str:
        """The name of a class, which is declared if it is not yet."""
        name = kind.__name__
        if name not in self.declared:
            self.declared[name] = ""  # a class may have fields of its own kind
            if issubclass(kind, Enum):
                choices = " | ".join(f'"{one.value}"' for one in kind)
                self.declared[name] = f"export type {name} = {choices};"
            else:
                self.declared[name] = self._interface(kind)
        return name

    def _interface(self, kind: type[WireModel]) -> str:
        lines = []
        for field in kind.model_fields.values():
            choices = [one for one in _choices(field.annotation) if one is not NoneType]
            left_out = "?" if len(choices) < len(_choices(field.annotation)) else ""
            written = " | ".join(self._written(choice) for choice in choices)
            lines.append(f"  {field.alias}{left_out}: {written};")
        return "\n".join([f"export interface {kind.__name__} {{", *lines, "}"])

    def _written(self, kind: Any) -> str:
        if kind in PRIMITIVE:
            return PRIMITIVE[kind]
        origin, arguments = get_origin(kind), get_args(kind)
        if origin is Annotated:
            return self._written(arguments[0])
        if origin is Literal:
            return " | ".join(f'"{one}"' for one in arguments)
        if origin in (tuple, list):
            item = self._union(arguments[0])
            return f"({item})[]" if " | " in item else f"{item}[]"
        if origin in (dict, Mapping):
            key, value = (self._union(argument) for argument in arguments)
            of_some = f"Record<{key}, {value}>"
            return of_some if key == "string" else f"Partial<{of_some}>"
        if isinstance(kind, type) and issubclass(kind, WireModel | Enum):
            return self.name_of(kind)
        raise TypeError(f"no TypeScript for {kind}")

    def _union(self, annotation: Any) -> str:
        return " | ".join(self._written(choice) for choice in _choices(annotation))


def _choices(annotation: Any) -> list[Any]:
    is_union = get_origin(annotation) in (Union, UnionType)
    return list(get_args(annotation)) if is_union else [annotation]
