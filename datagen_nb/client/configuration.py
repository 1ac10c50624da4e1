"""From the arguments of ``submit`` to the configuration that is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from datagen_nb.client.async_job import AsyncJob
from datagen_nb.client.dataset import AsyncDataset, new_file_mode
from datagen_nb.client.inputs import PlacedInput, place, place_tables
from datagen_nb.client.parameters import (
    check_columns,
    check_tables,
    in_callers_words,
    named_columns,
    table_of,
    to_wire,
)
from datagen_nb.client.schema import declared_in
from datagen_nb.core.cloud_paths import is_cloud_path, split
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import (
    ArgumentTypeError,
    ConfigurationError,
    DatagenError,
    Problem,
    ResultNotReady,
)
from datagen_nb.core.formats import written_format
from datagen_nb.core.manifest import Manifest
from datagen_nb.core.pipeline_info import PipelineInfo
from datagen_nb.core.places import DEFAULT_BUCKET, LOCAL_FILES, MODELS, RESULTS, USUAL_MODE
from datagen_nb.core.ports import Jobs
from datagen_nb.pipelines.built_in import patterns_of, stated

if TYPE_CHECKING:
    from datagen_nb.client.inputs import Source
    from datagen_nb.client.models import AsyncJobModel
    from datagen_nb.client.plain import Plain
    from datagen_nb.client.schema import Schema

    Made: TypeAlias = AsyncJob | AsyncDataset | Plain[Any]
    KeptModel: TypeAlias = AsyncJob | AsyncJobModel | Plain[Any] | str

RELATIONAL = "relational"
"""The data type of a dict of tables."""

DECLARED = "schema"
"""The data type of a schema."""

_DEFAULT_FORMAT = "parquet"
"""Of a result that has no input."""

SELECTING = ("rules", "condition")
"""Parameters that select among the rows which are made."""

_REFUSED = {
    *("unknown_column", "no_columns", "wrong_kind", "wrong_pattern", "broken_relation"),
    *("unfit_rule", "unfit_condition", "unknown_level"),
}
"""Codes of errors in what a user chose for the columns of a table."""


async def configure(
    service: Jobs,
    pipeline: PipelineInfo,
    source: Source | Made | Mapping[str, Source] | None,
    *,
    model: KeptModel | None,
    schema: Schema | Mapping[str, Any] | None,
    rows: int | Mapping[str, int] | None,
    data_type: str | None,
    seed: int | None,
    output: str | Path | None,
    format: str | None,
    parameters: Mapping[str, Any] | None,
    timeout: float | None,  # noqa: ASYNC109  the job's, not this call's
    name: str | None,
    tags: Iterable[str] | None,
    overwrite: bool | None,
) -> JobConfiguration:
    """Make a configuration, and bring the table to where the service can read it.

    The arguments are those of ``AsyncClient.submit``.

    Raises:
        ArgumentTypeError: It is not one of a table, a model and a schema.
        ConfigurationError: An argument breaks a rule.
        JobNotFound: There is no job of this id whose model could be used.
        InputError: The table cannot be read, or a parameter names a column that it has not.
    """
    if sum(one is not None for one in (source, model, schema)) != 1:
        raise ArgumentTypeError(
            "Give a table to fit a model to, or model= and a job, or schema=; not both."
        )
    if isinstance(rows, Mapping) and not isinstance(source, dict):
        raise ArgumentTypeError("rows as a dict is for a dict of tables. Give a number.")
    chosen: dict[str, Any] = {
        "data_size": _sum(rows) if isinstance(rows, Mapping) else rows,
        "data_type": data_type or _usual_type(source, schema),
        "timeout": timeout,
        "tags": None if tags is None else tuple(tags),
        "overwrite": overwrite,
    }
    wire_parameters, unknown = to_wire(parameters or {}, table_of(pipeline))
    if seed is not None:
        wire_parameters["seed"] = seed
    if isinstance(rows, Mapping):
        wire_parameters["rows"] = dict(rows)
    if schema is not None:
        wire_parameters["schema"] = declared_in(schema)
    values = {key: value for key, value in chosen.items() if value is not None}
    values |= {**_target(output, service), "parameters": wire_parameters}
    # Rules before the table: a wrong number is refused before gigabytes are read.
    _configure(
        pipeline,
        unknown,
        **values,
        output_format=format or pipeline.output_formats[0],
        input_format=pipeline.input_formats[0],
        input_path="-" if schema is None else "",
    )
    if output is not None:
        format = written_format(str(output), format, "") or None
    if isinstance(source, dict):
        check_tables(source, wire_parameters)
        placed = await place_tables(source, wire_parameters, service)
    elif model is not None:
        placed = await _place_model(model, service)
    elif schema is not None:
        placed = PlacedInput(DEFAULT_BUCKET, "", _DEFAULT_FORMAT, getattr(schema, "name", DECLARED))
    else:
        placed = await _place(cast("Source | Made", source), wire_parameters, service)
    if format is None:
        is_made = placed.format in pipeline.output_formats
        format = placed.format if is_made else pipeline.output_formats[0]
    config = _configure(
        pipeline,
        **values,
        input_bucket=placed.bucket,
        input_path=placed.path,
        input_format=placed.format,
        output_format=format,
        name=placed.name if name is None else name,
    )
    if model is not None:
        await _check_selection(config, service)
    elif source is not None and not isinstance(source, dict):
        await _check_choices(source, config, service)
    return config


async def _place(
    source: Source | Made, parameters: Mapping[str, Any], service: Jobs
) -> PlacedInput:
    made = getattr(source, "asynchronous", source)  # of a plain job or dataset
    if isinstance(made, AsyncJob):
        format = (await made.configuration()).output_format
        return PlacedInput(RESULTS, made.id, format, made.name)
    if isinstance(made, AsyncDataset):
        return PlacedInput(RESULTS, made.job_id, made.format, made.job_id)
    return await place(made, parameters, service)


async def _place_model(model: KeptModel, service: Jobs) -> PlacedInput:
    made = getattr(model, "asynchronous", model)
    job_id = made.id if isinstance(made, AsyncJob) else getattr(made, "job_id", made)
    if not isinstance(job_id, str) or set(job_id) & set("./\\"):
        given = repr(job_id) if isinstance(job_id, str) else type(model).__name__
        raise ArgumentTypeError(
            f"model has to be a job or its id, not {given}. A file of a model makes "
            "rows with dg.load_model(path).sample(…)."
        )
    config = await service.configuration(job_id)
    return PlacedInput(MODELS, job_id, config.output_format, config.name)


async def _check_selection(config: JobConfiguration, service: Jobs) -> None:
    """Refuse rules and conditions on columns that a model lacks, if its job has completed."""
    named = named_columns(
        {name: config.parameters[name] for name in SELECTING if name in config.parameters}
    )
    if not named:
        return
    try:
        manifest = await service.manifest(config.input_path)
    except ResultNotReady:  # the new job waits for it, and looks then
        return
    names = await asyncio.to_thread(_column_names, manifest)
    check_columns(named, names, owner="model")


def _column_names(manifest: Manifest) -> list[str]:
    from datagen_nb.tables.formats import schema_from_text

    return list(schema_from_text(manifest.arrow_schema).names)


async def _check_choices(
    source: Source | Made | Mapping[str, Source] | None, config: JobConfiguration, service: Jobs
) -> None:
    """Refuse choices that the table does not fit, before the job."""
    named = named_columns(config.parameters)
    if not named:
        return
    names = getattr(source, "column_names", getattr(source, "columns", None))
    if names is not None:
        check_columns(named, [str(name) for name in names])
        if not _needs_rows(config.parameters):
            return
    try:
        await service.plans.inspect(config)
    except DatagenError as error:
        if error.code in _REFUSED:
            raise
        # Anything else, as a table that takes long to look at, is for the job to meet.


def _usual_type(source: object, schema: object) -> str | None:
    if schema is not None:
        return DECLARED
    return RELATIONAL if isinstance(source, dict) else None


def _sum(rows: Mapping[str, int]) -> Any:
    """All rows that are asked for; of what are no numbers, whatever the rules say of it."""
    return sum(rows.values()) if all(isinstance(one, int) for one in rows.values()) else rows


def _needs_rows(parameters: Mapping[str, Any]) -> bool:
    """Whether more than the names of the columns decides if a table has what is chosen."""
    patterns = patterns_of(parameters.get("columns", {}))
    selecting = {"exclude", *SELECTING}
    return bool(stated(parameters) or patterns or selecting & parameters.keys())


def _target(output: str | Path | None, service: Jobs) -> dict[str, Any]:
    if output is None:
        return {}
    if is_cloud_path(output):
        bucket, name = split(output)
        return {"output_bucket": bucket, "output_path": name}
    if not service.shares_files:
        return {"output_bucket": DEFAULT_BUCKET, "output_path": str(output)}
    path = Path(output).expanduser().absolute()
    mode = new_file_mode()
    usual = {} if mode == USUAL_MODE else {"output_mode": mode}
    return {"output_bucket": LOCAL_FILES, "output_path": str(path), **usual}


def _configure(
    pipeline: PipelineInfo, unknown: Sequence[Problem] = (), **values: Any
) -> JobConfiguration:
    """Make a configuration; its problems and those that are known already are raised as one."""
    problems = list(unknown)
    try:
        config = pipeline.configuration(values)
    except ConfigurationError as error:
        problems = [*in_callers_words(error).problems, *problems]
    if problems:
        raise ConfigurationError(problems)
    return config
