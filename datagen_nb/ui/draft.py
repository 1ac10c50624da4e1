"""A configuration in the making: what is wrong with it, and the cell that says the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent
from typing import Any

from datagen_nb.core.config import DEFAULT_BUCKET, LOCAL_FILES, JobConfiguration, format_of
from datagen_nb.core.errors import ConfigurationError, Problem

NO_TABLE = Problem(
    "inputPath", "(none)", "has to be a table", "Drop a file, name a path or choose a frame."
)

_SAID = {
    "rows": "dataSize",
    "format": "outputFormat",
    "name": "name",
    "tags": "tags",
    "timeout": "timeout",
    "resume_window": "resumeWindow",
}
"""What a caller of ``submit`` says, and the field that it becomes."""

_BEYOND_SUBMIT = ("data_type", "is_async", "resume_window", "after", "after_failure")
"""Fields that ``submit`` has no argument for."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The table that a draft learns from.

    Attributes:
        expression: The Python that hands it to ``submit``; none of an upload.
        name: What a job of it is called, unless it is said.
        label: What it is called here.
        format: What its result is written as, unless it is said.
    """

    expression: str | None
    name: str
    label: str
    format: str


def problems_of(fields: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Every rule that a draft breaks, wire names; that no table is chosen is one problem."""
    try:
        JobConfiguration.model_validate(fields)
    except ConfigurationError as error:
        if fields.get("inputPath"):
            return tuple(error.problems)
        about_table = {"inputPath", "inputFormat", "outputFormat", "dataSize"}
        missing = {name for name in about_table if name not in fields}
        return (NO_TABLE, *(one for one in error.problems if one.field not in missing))
    return ()


def fields_of(config: JobConfiguration) -> dict[str, Any]:
    """A configuration as a draft: what is usual is not said, but for what a form shows."""
    said = config.to_wire()
    shown = {"inputBucket", "parameters", "name"}
    fields = type(config).model_fields
    usual = {
        field.alias
        for name, field in fields.items()
        if not field.is_required()
        and getattr(config, name) == field.get_default(call_default_factory=True)
    }
    return {name: value for name, value in said.items() if name in shown or name not in usual}


def edited(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A draft with some fields and parameters changed; ``None`` takes one away."""
    made = {**fields, **{key: value for key, value in changes.items() if key != "parameters"}}
    parameters = {**fields.get("parameters", {}), **changes.get("parameters", {})}
    made["parameters"] = {key: value for key, value in parameters.items() if value is not None}
    return {key: value for key, value in made.items() if value is not None}


def said_as_fields(said: Mapping[str, Any], *, shares_files: bool) -> dict[str, Any]:
    """The arguments of ``submit`` as changes of a draft.

    Raises:
        TypeError: One is not known.
    """
    changes: dict[str, Any] = {}
    parameters: dict[str, Any] = dict(said.get("parameters") or {})
    for name, value in said.items():
        if name in _SAID:
            changes[_SAID[name]] = list(value) if isinstance(value, tuple) else value
        elif name == "output":
            changes |= target_of(value, shares_files=shares_files)
        elif name in {"seed", "columns"}:
            parameters[name] = value
        elif name != "parameters":
            known = ", ".join([*_SAID, "output", "seed", "columns", "parameters"])
            raise TypeError(f"nothing is called {name!r}; known are {known}")
    return {**changes, "parameters": parameters}


def target_of(output: Any, *, shares_files: bool) -> dict[str, Any]:
    """Where a result goes besides the bucket; nowhere, if nothing is said."""
    text = "" if output is None else str(output).strip()
    if not text:
        return {"outputBucket": None, "outputPath": None}
    if not shares_files:
        return {"outputBucket": DEFAULT_BUCKET, "outputPath": text}
    path = Path(text).expanduser().absolute()
    return {"outputBucket": LOCAL_FILES, "outputPath": str(path)}


def short(bucket: str, path: str) -> str:
    """A path as somebody in this folder would write it."""
    here = Path.cwd()
    if bucket == LOCAL_FILES and Path(path).is_relative_to(here):
        return str(Path(path).relative_to(here))
    return path


def code_of(config: JobConfiguration, chosen: Chosen | None) -> str:
    """The cell that submits the same configuration."""
    expression = None if chosen is None else chosen.expression
    if chosen is None or expression is None or not _is_sayable(config):
        return f"config = {config.to_code()}\njob = client.submit(config)"
    parameters = dict(config.parameters)
    arguments = [expression, f"rows={config.data_size:_}"]
    if "seed" in parameters:
        arguments.append(f"seed={parameters.pop('seed')}")
    output = config.output_path and short(config.output_bucket, config.output_path)
    if output:
        arguments.append(f"output={python(output)}")
    if config.output_format != (format_of(output) or chosen.format):
        arguments.append(f"format={python(config.output_format)}")
    if parameters:
        arguments.append(f"parameters={python(parameters)}")
    if config.timeout != JobConfiguration.model_fields["timeout"].default:
        arguments.append(f"timeout={config.timeout:g}")
    if config.name != chosen.name:
        arguments.append(f"name={python(config.name)}")
    if config.tags:
        arguments.append(f"tags={python(list(config.tags))}")
    line = ", ".join(arguments)
    if len(line) <= 60:
        return f"job = client.submit({line})"
    return "job = client.submit(\n" + indent(",\n".join(arguments), "    ") + ",\n)"


def python(value: Any) -> str:
    """A value as Python that a formatter would leave alone, where it can."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{python(key)}: {python(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(python(one) for one in value) + "]"
    said = repr(value)
    if isinstance(value, str) and said[0] == "'" and '"' not in said and "\\'" not in said:
        return f'"{said[1:-1]}"'
    return said


def _is_sayable(config: JobConfiguration) -> bool:
    fields = JobConfiguration.model_fields
    usual = all(getattr(config, name) == fields[name].default for name in _BEYOND_SUBMIT)
    return usual and (not config.output_path or config.output_bucket == LOCAL_FILES)
