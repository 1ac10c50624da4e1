"""A configuration as the Python that submits it: what a person would write."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent
from typing import Any

from pydantic.alias_generators import to_snake

from datagen_nb.core.cloud_paths import is_cloud, title
from datagen_nb.core.config import DEFAULT_BUCKET, INPUTS, LOCAL_FILES, RESULTS, JobConfiguration
from datagen_nb.core.formats import format_of

_BEYOND_SUBMIT = (
    "data_type",
    "is_async",
    "resume_window",
    "after",
    "after_failure",
    "output_mode",
)
"""Fields that ``submit`` has no argument for."""


def cell_of(config: JobConfiguration) -> str:
    """The cell that submits a configuration: a table in a file by its path."""
    path = config.input_path
    bucket = config.input_bucket
    has_path = bucket == LOCAL_FILES or is_cloud(bucket)
    if has_path and format_of(path) == config.input_format:
        table = python(short(bucket, path))
        return submit_call(config, table, name=Path(path).stem, format=config.input_format)
    return _whole(config)


def submit_call(config: JobConfiguration, table: str, *, name: str, format: str) -> str:
    """The call of ``submit`` that makes a configuration.

    Args:
        config: What is submitted.
        table: The Python that gives the table.
        name: What ``submit`` calls the job of it by default.
        format: What ``submit`` writes its result as by default.
    """
    if not can_be_arguments(config):
        return _whole(config)
    parameters = {to_snake(wire): value for wire, value in config.parameters.items()}
    arguments = [table, f"rows={config.data_size:_}"]
    if "seed" in parameters:
        arguments.append(f"seed={parameters.pop('seed')}")
    output = config.output_path and short(config.output_bucket, config.output_path)
    if output:
        arguments.append(f"output={python(output)}")
    if config.overwrite:
        arguments.append("overwrite=True")
    if config.output_format != (format_of(output) or format):
        arguments.append(f"format={python(config.output_format)}")
    if parameters:
        arguments.append(f"parameters={python(parameters)}")
    if config.timeout != JobConfiguration.model_fields["timeout"].default:
        whole = config.timeout == int(config.timeout)
        arguments.append(f"timeout={int(config.timeout) if whole else config.timeout!r}")
    if config.name != name:
        arguments.append(f"name={python(config.name)}")
    if config.tags:
        arguments.append(f"tags={python(list(config.tags))}")
    line = ", ".join(arguments)
    if len(line) <= 60:
        return f"job = client.submit({line})"
    return "job = client.submit(\n" + indent(",\n".join(arguments), "    ") + ",\n)"


def can_be_arguments(config: JobConfiguration) -> bool:
    """Whether the arguments of ``submit`` can say all of a configuration."""
    fields = JobConfiguration.model_fields
    usual = all(getattr(config, name) == fields[name].default for name in _BEYOND_SUBMIT)
    has_path = config.output_bucket == LOCAL_FILES or is_cloud(config.output_bucket)
    return usual and (not config.output_path or has_path)


def short(bucket: str, path: str) -> str:
    """A path as a person in this folder would write it."""
    here = Path.cwd()
    if bucket == LOCAL_FILES and Path(path).is_relative_to(here):
        return str(Path(path).relative_to(here))
    return title(bucket, path)


def source_of(bucket: str, path: str) -> str:
    """Where a table came from, in short."""
    if bucket == RESULTS:
        return f"the result of {path}"
    if bucket == DEFAULT_BUCKET and path.startswith(f"{INPUTS}/"):
        return "an uploaded table"
    return short(bucket, path)


def python(value: Any) -> str:
    """A value as Python that a formatter would leave alone, where it can."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{python(key)}: {python(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(python(one) for one in value) + "]"
    literal = repr(value)
    if isinstance(value, str) and literal[0] == "'" and '"' not in literal and "\\'" not in literal:
        return f'"{literal[1:-1]}"'
    return literal


def _whole(config: JobConfiguration) -> str:
    lines = [
        f"    {name}={python(getattr(config, name))},"
        for name, field in JobConfiguration.model_fields.items()
        if field.is_required()
        or getattr(config, name) != field.get_default(call_default_factory=True)
    ]
    made = "\n".join(["dg.JobConfiguration(", *lines, ")"])
    return f"config = {made}\njob = client.submit(config)"
