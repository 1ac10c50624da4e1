"""What a pipeline can do, and the rules for configurations that follow from it.

``core.config`` has the rules of every job on any pipeline; here are those that depend on what
runs it: data types, formats, stages, parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from pydantic import Field, field_validator

from datagen_nb.core import parameter_schema
from datagen_nb.core.config import JobConfiguration, partial_configuration, wire_fields
from datagen_nb.core.errors import ConfigurationError, Problem
from datagen_nb.core.formats import FORMATS
from datagen_nb.core.quoting import brief_repr
from datagen_nb.core.rules import one_of
from datagen_nb.core.wire_model import WireModel

T = TypeVar("T")


class StageInfo(WireModel):
    """One stage of every job of a pipeline.

    Args:
        name: In lower case, as ``fit``.
        seconds: Rough time that it takes of any job, against which the other stages are weighed.
        seconds_per_row: Rough time that each row of the result adds to it.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    seconds: float = Field(ge=0)
    seconds_per_row: float = Field(0, ge=0)


class PipelineInfo(WireModel):
    """What a pipeline can do.

    Args:
        name: Of the pipeline, as ``local``.
        version: Of the program that makes the data.
        stages: Of a job, in their order; at least one takes time.
        parameters: JSON Schema of each parameter by its wire name: the part of JSON Schema that
            ``core.parameter_schema`` understands. ``title`` and ``description`` are for people.
        data_types: What ``dataType`` can be.
        input_formats: What ``inputFormat`` can be, of ``core.formats.FORMATS``.
        output_formats: What ``outputFormat`` can be.
        column_kinds: Kinds that ``inspect`` gives columns.
        presets: Ways to fit a table, the usual one first.
        max_rows: Most rows of a result; ``None`` for those that any configuration may have.
        max_columns: Most columns of a table that is fitted.
    """

    name: str
    version: str
    stages: tuple[StageInfo, ...]
    parameters: dict[str, dict[str, Any]] = Field(default_factory=dict)
    data_types: tuple[str, ...] = ("tabular",)
    input_formats: tuple[str, ...] = Field(default_factory=lambda: tuple(FORMATS))
    output_formats: tuple[str, ...] = Field(default_factory=lambda: tuple(FORMATS))
    column_kinds: tuple[str, ...] = ()
    presets: tuple[str, ...] = ()
    max_rows: int | None = None
    max_columns: int | None = None

    @field_validator("stages")
    @classmethod
    def _check_stages(cls, stages: tuple[StageInfo, ...]) -> tuple[StageInfo, ...]:
        if not any(stage.seconds for stage in stages):
            raise ValueError("at least one stage has to take time")
        if len({stage.name for stage in stages}) != len(stages):
            raise ValueError("stages have to have different names")
        return stages

    @field_validator("parameters")
    @classmethod
    def _check_parameters(cls, parameters: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for name, schema in parameters.items():
            parameter_schema.check_schema(schema, name)
        return parameters

    @field_validator("input_formats", "output_formats")
    @classmethod
    def _check_formats(cls, formats: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [format for format in formats if format not in FORMATS]:
            raise ValueError(f"{', '.join(unknown)}: formats are {', '.join(FORMATS)}")
        return formats

    def stage_weights(self, rows: int) -> dict[str, float]:
        """The share of the whole time, 0 to 1, that each stage is expected to take."""
        seconds = {
            stage.name: stage.seconds + stage.seconds_per_row * rows for stage in self.stages
        }
        total = sum(seconds.values())
        return {name: each / total for name, each in seconds.items()}

    def problems(self, fields: Mapping[str, Any]) -> Iterator[Problem]:
        """The rules of this pipeline that fields of a configuration break; wire names."""
        for name, choices in (
            ("dataType", self.data_types),
            ("inputFormat", self.input_formats),
            ("outputFormat", self.output_formats),
        ):
            value = fields.get(name)
            if not isinstance(value, str) or value in choices:
                continue
            if name == "dataType" or value in FORMATS:  # otherwise it is a problem already
                yield one_of(choices).problem(name, value)
        rows = fields.get("dataSize")
        if self.max_rows is not None and isinstance(rows, int) and rows > self.max_rows:
            rule = f"has to be at most {self.max_rows:,} here"
            yield Problem("dataSize", brief_repr(rows), rule, "Ask for fewer rows.")
        parameters = fields.get("parameters")
        if isinstance(parameters, dict):
            yield from parameter_schema.problems(self.parameters, parameters)

    def check(self, config: JobConfiguration) -> None:
        """Check a configuration that keeps the rules of every job.

        Raises:
            ConfigurationError: It breaks a rule of this pipeline; every problem at once.

        Example:
            ```python
            (await pipeline.describe()).check(config)
            ```
        """
        if found := list(self.problems(config.to_wire())):
            raise ConfigurationError(found)

    def configuration(self, fields: Mapping[str, Any]) -> JobConfiguration:
        """Make a configuration for this pipeline of its fields.

        Raises:
            ConfigurationError: With every problem, of the rules of every job and of this pipeline.
        """
        return self._with_own_problems(JobConfiguration.model_validate, fields)

    def partial_configuration(self, fields: Any) -> dict[str, Any]:
        """Check some fields of a configuration; return them under their wire names.

        Raises:
            ConfigurationError: With every problem, except that fields are missing.
        """
        return self._with_own_problems(partial_configuration, fields)

    def _with_own_problems(self, make: Callable[[Any], T], fields: Any) -> T:
        found: list[Problem] = []
        count = 0
        try:
            made = make(fields)
        except ConfigurationError as error:
            if not isinstance(fields, Mapping):
                raise
            found, count = [*error.problems], error.count
        own = list(self.problems(wire_fields(fields)))
        if found or own:
            raise ConfigurationError([*found, *own], count=count + len(own))
        return made
