"""The widgets' snapshots and actions in TypeScript, made from the classes in Python."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from datagen_nb.ui import snapshots
from datagen_nb.ui.actions import Body
from datagen_nb.ui.card import CardAction
from datagen_nb.ui.dashboard import DashboardAction
from datagen_nb.ui.history_actions import HistoryAction
from datagen_nb.ui.wizard_actions import WizardAction

HEAD = "// Made from {made_from} by `make golden`; do not edit.\n\n"
ACTIONS = {
    "CardActions": CardAction,
    "DashboardActions": DashboardAction,
    "HistoryActions": HistoryAction,
    "WizardActions": WizardAction,
}
PRIMITIVE = {
    str: "string",
    datetime: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    Any: "unknown",
    NoneType: "null",
}


def snapshots_typescript() -> str:
    """An interface for each class of ``ui.snapshots``, and for each that their fields are of."""
    return HEAD.format(made_from="datagen_nb/ui/snapshots.py") + _joined(_snapshots().declared)


def actions_typescript() -> str:
    """For each widget an interface with a member for each action: what it brings."""
    writer = Writer(elsewhere=_snapshots().declared)
    maps = {name: writer.actions(name, union) for name, union in ACTIONS.items()}
    imported = ", ".join(sorted(writer.imported))
    head = HEAD.format(made_from="the actions of datagen_nb/ui")
    head += f'import type {{ {imported} }} from "./snapshots";\n\n'
    return head + _joined({**writer.declared, **maps})


def _snapshots() -> "Writer":
    writer = Writer()
    for value in vars(snapshots).values():
        if isinstance(value, type) and value.__module__ == snapshots.__name__:
            writer.name_of(value)
    return writer


def _joined(declared: Mapping[str, str]) -> str:
    return "\n\n".join(declared[name] for name in sorted(declared)) + "\n"


class Writer:
    """Collects the declarations that are needed, but for those that stand elsewhere."""

    def __init__(self, elsewhere: Mapping[str, str] | None = None) -> None:
        self.declared: dict[str, str] = {}
        self.imported: set[str] = set()
        self._elsewhere = elsewhere or {}

    def actions(self, name: str, union: Any) -> str:
        """The interface of a union of actions; each has what it brings, but for its name."""
        lines = []
        for kind in get_args(union):
            brought = set(kind.model_fields) - {"action"}
            body = self.name_of(kind) if brought else "Record<string, never>"
            names = get_args(kind.model_fields["action"].annotation)
            lines.extend(f"  {action}: {body};" for action in names)
        return "\n".join([f"export interface {name} {{", *lines, "}"])

    def name_of(self, kind: type) -> str:
        """The name of a class, which is declared if it is not yet."""
        name = kind.__name__
        if name in self._elsewhere:
            self.imported.add(name)
        elif name not in self.declared:
            self.declared[name] = ""  # a class may have fields of its own kind
            if issubclass(kind, Enum):
                choices = " | ".join(f'"{one.value}"' for one in kind)
                self.declared[name] = f"export type {name} = {choices};"
            else:
                self.declared[name] = self._interface(kind)
        return name

    def _interface(self, kind: type[BaseModel]) -> str:
        lines = []
        for name, field in kind.model_fields.items():
            if name == "action":
                continue
            choices = _choices(field.annotation)
            if issubclass(kind, Body):
                left_out = "" if field.is_required() else "?"
            else:  # what is `None` is not sent
                left_out = "?" if NoneType in choices else ""
                choices = [one for one in choices if one is not NoneType]
            lines.append(f"  {field.alias}{left_out}: {self._any_of(choices)};")
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
        if isinstance(kind, type) and issubclass(kind, BaseModel | Enum):
            return self.name_of(kind)
        raise TypeError(f"no TypeScript for {kind}")

    def _union(self, annotation: Any) -> str:
        return self._any_of(_choices(annotation))

    def _any_of(self, choices: list[Any]) -> str:
        return " | ".join(dict.fromkeys(self._written(choice) for choice in choices))


def _choices(annotation: Any) -> list[Any]:
    is_union = get_origin(annotation) in (Union, UnionType)
    return list(get_args(annotation)) if is_union else [annotation]
