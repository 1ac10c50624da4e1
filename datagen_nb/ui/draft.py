"""A configuration in the making: what is wrong with it, and the cell that says the same."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datagen_nb.client.parameters import table_of, to_wire
from datagen_nb.core.cloud_paths import is_cloud_path, split
from datagen_nb.core.config import JobConfiguration, can_be_arguments, submit_call
from datagen_nb.core.data_types import DATA_TYPES
from datagen_nb.core.errors import ArgumentTypeError, ConfigurationError, Problem
from datagen_nb.core.formats import FORMATS, PACKED_ENDING
from datagen_nb.core.inspection import Inspection
from datagen_nb.core.kinds import KINDS
from datagen_nb.core.pipeline_info import PipelineInfo
from datagen_nb.core.places import DEFAULT_BUCKET, LOCAL_FILES
from datagen_nb.ui.snapshots import FormatChoice, KindChoice, WizardChoices

NO_TABLE = Problem(
    "inputPath", "(none)", "has to be a table", "Drop a file, give a path or choose a DataFrame."
)

_FIELDS = {
    "rows": "dataSize",
    "data_type": "dataType",
    "format": "outputFormat",
    "name": "name",
    "tags": "tags",
    "timeout": "timeout",
    "resume_window": "resumeWindow",
    "overwrite": "overwrite",
}
"""What a caller of ``submit`` says, and the field that it becomes."""


@dataclass(frozen=True, slots=True)
class SelectedSource:
    """The table that a draft trains on.

    Attributes:
        expression: The Python that hands it to ``submit``; ``None`` where it is not known.
        name: What a job of it is called by default.
        label: What it is called here.
        format: What its result is written as by default.
        is_upload: Whether it came from the reader's own disk; ``expression`` then names the file.
    """

    expression: str | None
    name: str
    label: str
    format: str
    is_upload: bool = False


def problems_of(fields: Mapping[str, Any], pipeline: PipelineInfo) -> tuple[Problem, ...]:
    """Every rule that a draft breaks, wire names; that no table is chosen is one problem."""
    try:
        pipeline.configuration(fields)
    except ConfigurationError as error:
        if fields.get("inputPath"):
            return tuple(error.problems)
        about_table = {"inputPath", "inputFormat", "outputFormat", "dataSize"}
        missing = {name for name in about_table if name not in fields}
        return (NO_TABLE, *(one for one in error.problems if one.field not in missing))
    return ()


def fields_of(config: JobConfiguration) -> dict[str, Any]:
    """A configuration as a draft: defaults are left out, but for what a form shows."""
    wire = config.to_wire()
    shown = {"inputBucket", "parameters", "name"}
    fields = type(config).model_fields
    usual = {
        field.alias
        for name, field in fields.items()
        if not field.is_required()
        and getattr(config, name) == field.get_default(call_default_factory=True)
    }
    return {name: value for name, value in wire.items() if name in shown or name not in usual}


def edited(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A draft with some fields and parameters changed; ``None`` takes one away."""
    made = {**fields, **{key: value for key, value in changes.items() if key != "parameters"}}
    parameters = {**fields.get("parameters", {}), **changes.get("parameters", {})}
    made["parameters"] = {key: value for key, value in parameters.items() if value is not None}
    return {key: value for key, value in made.items() if value is not None}


def with_kind(fields: Mapping[str, Any], name: str, kind: str | None) -> dict[str, Any]:
    """A draft that treats a column as this kind; as the one that was detected, if ``None``."""
    kinds = {**fields.get("parameters", {}).get("columns", {}), name: kind}
    kinds = {name: kind for name, kind in kinds.items() if kind is not None}
    return edited(fields, {"parameters": {"columns": kinds or None}})


def with_source(
    fields: Mapping[str, Any],
    before: SelectedSource,
    found: Inspection | None,
    placed: JobConfiguration,
    name: str,
) -> dict[str, Any]:
    """A draft that trains on another table; what followed from the one before goes.

    Args:
        fields: The draft.
        before: The table that it had.
        found: What was found in that table.
        placed: Has the other table.
        name: What a job of the other table is called by default.
    """
    changes: dict[str, Any] = {
        "inputBucket": placed.input_bucket,
        "inputPath": placed.input_path,
        "inputFormat": placed.input_format,
        "parameters": {"columns": None},
    }
    if found is not None and fields.get("dataSize") == found.rows:
        changes["dataSize"] = None
    if fields.get("name", before.name) == before.name or not fields.get("inputPath"):
        changes["name"] = name
    if fields.get("outputFormat") in {before.format, None}:
        changes["outputFormat"] = placed.input_format
    return edited(fields, changes)


def fields_of_arguments(
    arguments: Mapping[str, Any], pipeline: PipelineInfo, *, shares_files: bool
) -> dict[str, Any]:
    """The arguments of ``submit`` as changes of a draft.

    Raises:
        TypeError: One is not known.
        ConfigurationError: A parameter is not known.
    """
    changes: dict[str, Any] = {}
    parameters, problems = to_wire(arguments.get("parameters") or {}, table_of(pipeline))
    if problems:
        raise ConfigurationError(problems)
    for name, value in arguments.items():
        if name in _FIELDS:
            changes[_FIELDS[name]] = list(value) if isinstance(value, tuple) else value
        elif name == "output":
            changes |= target_of(value, shares_files=shares_files)
        elif name in {"seed", "columns"}:
            parameters[name] = value
        elif name != "parameters":
            known = [*_FIELDS, "output", "seed", "columns", "parameters"]
            near = difflib.get_close_matches(name, known, n=1)
            remedy = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(known)}."
            raise ArgumentTypeError(f"A wizard has no argument {name!r}. {remedy}")
    return {**changes, "parameters": parameters}


def choices_of(pipeline: PipelineInfo) -> WizardChoices:
    """What a pipeline can read and make, and how."""
    return WizardChoices(
        data_type=tuple(filter(_is_of_one_table, pipeline.data_types)),
        preset=pipeline.presets,
        column_kind=tuple(_kind(name) for name in pipeline.column_kinds),
        input_format=tuple(_format(name) for name in pipeline.input_formats),
        output_format=tuple(_format(name) for name in pipeline.output_formats),
    )


def _is_of_one_table(name: str) -> bool:
    found = DATA_TYPES.get(name)  # a pipeline elsewhere may have types of its own
    return found is None or not found.has_several_tables


def _kind(name: str) -> KindChoice:
    found = KINDS.get(name)  # a pipeline elsewhere may have kinds of its own
    return KindChoice(name=name, label=name if found is None else found.label)


def _format(name: str) -> FormatChoice:
    found = FORMATS[name]
    endings = (*found.endings, *((PACKED_ENDING,) if found.is_text else ()))
    return FormatChoice(name=found.name, label=found.label, is_text=found.is_text, endings=endings)


def target_of(output: Any, *, shares_files: bool) -> dict[str, Any]:
    """Where a result goes in addition to the bucket; nowhere, if none is given."""
    text = "" if output is None else str(output).strip()
    if not text:
        return {"outputBucket": None, "outputPath": None}
    if is_cloud_path(text):
        bucket, name = split(text)
        return {"outputBucket": bucket, "outputPath": name}
    if not shares_files:
        return {"outputBucket": DEFAULT_BUCKET, "outputPath": text}
    path = Path(text).expanduser().absolute()
    return {"outputBucket": LOCAL_FILES, "outputPath": str(path)}


def code_of(config: JobConfiguration, selected: SelectedSource | None) -> str:
    """The cell that submits the same configuration."""
    if selected is None or selected.expression is None:
        return config.to_code()
    call = submit_call(config, selected.expression, name=selected.name, format=selected.format)
    # The service knows an upload by its digest; elsewhere the file is needed again.
    is_needed = selected.is_upload and can_be_arguments(config)
    return f"# Needs {selected.expression} beside this notebook.\n{call}" if is_needed else call
