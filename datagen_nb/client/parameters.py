"""The parameters of the pipeline as Python writes them: ``PARAMETERS`` describes every one.

On the wire, in YAML and in templates they have the specification's names, as ``sampleRows``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

from pydantic.alias_generators import to_snake

from datagen_nb.core.errors import ConfigurationError, InputError, Problem
from datagen_nb.core.parameter_schema import rule_of
from datagen_nb.core.pipeline_info import PipelineInfo
from datagen_nb.core.quoting import brief_repr, did_you_mean
from datagen_nb.core.wire_model import to_wire_name
from datagen_nb.pipelines import built_in


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    Attributes:
        name: In ``parameters`` of ``submit``.
        meaning: What it does.
        default: What holds when it is left out.
        values: What it can be.
    """

    name: str
    meaning: str
    default: str
    values: str


class ParameterTable(Mapping[str, Parameter]):
    """Every parameter by its name; a notebook shows it as a table.

    Example:
        ```python
        dg.PARAMETERS
        dg.PARAMETERS["sample_rows"].default
        ```
    """

    def __init__(self, *parameters: Parameter) -> None:
        self._by_name = {parameter.name: parameter for parameter in parameters}

    def __getitem__(self, name: str) -> Parameter:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def __repr__(self) -> str:
        return "\n".join(
            f"{each.name:<12} {each.meaning} {each.values}. Default: {each.default}."
            for each in self.values()
        )

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in ("name", "meaning", "values", "default"))
        rows = "".join(
            f'<tr style="text-align:left"><td><code>{each.name}</code></td>'
            f"<td>{escape(each.meaning)}</td><td>{escape(each.values)}</td>"
            f"<td>{escape(each.default)}</td></tr>"
            for each in self.values()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def table_of(info: PipelineInfo) -> ParameterTable:
    """The parameters that a pipeline knows, as Python writes them."""
    return ParameterTable(
        *(
            Parameter(
                name=to_snake(name),
                meaning=schema.get("description", ""),
                default=schema.get("x-default") or _written(schema.get("default")),
                values=schema.get("x-values") or rule_of(schema).removeprefix("has to be "),
            )
            for name, schema in info.parameters.items()
        )
    )


def _written(default: Any) -> str:
    return f"{default:,}" if isinstance(default, int) else str(default)


PARAMETERS = table_of(built_in.INFO)
"""What ``parameters`` of ``submit`` can hold."""


def to_wire(
    parameters: Mapping[str, Any], known: ParameterTable = PARAMETERS
) -> tuple[dict[str, Any], list[Problem]]:
    """Turn parameters as Python writes them into those of the wire.

    Args:
        parameters: As ``submit`` takes them.
        known: Those of the pipeline.

    Returns:
        Those that are known, and a problem for each that is not.
    """
    problems = [
        Problem(f"parameters.{name}", brief_repr(value), "is not known", did_you_mean(name, known))
        for name, value in parameters.items()
        if name not in known
    ]
    return {to_wire_name(name): parameters[name] for name in parameters if name in known}, problems


def known_to_wire(parameters: Mapping[str, Any], pipeline: PipelineInfo | None) -> dict[str, Any]:
    """The same for a pipeline; those of this package hold for one that cannot be reached.

    Raises:
        ConfigurationError: Some are not known.
    """
    wire_parameters, unknown = to_wire(
        parameters, PARAMETERS if pipeline is None else table_of(pipeline)
    )
    if unknown:
        raise ConfigurationError(unknown)
    return wire_parameters


def from_wire(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of the wire as Python writes them."""
    return {to_snake(name): value for name, value in parameters.items()}


_CALLERS_NAMES = {
    "dataSize": "rows",
    "outputFormat": "format",
    "outputPath": "output",
    "parameters.seed": "seed",
    "parameters.rows": "rows",
}


def in_callers_words(error: ConfigurationError) -> ConfigurationError:
    """The error with its fields as a caller of ``submit`` or ``rerun`` wrote them."""
    return ConfigurationError(
        [replace(problem, field=_callers_name(problem.field)) for problem in error.problems],
        count=error.count,
    )


def _callers_name(field: str) -> str:
    prefix, dot, name = field.partition(".")
    if name.partition(".")[0] == "schema":
        return name  # the names within are a person's own
    is_parameter = prefix == "parameters" and dot
    return _CALLERS_NAMES.get(field, f"parameters.{to_snake(name)}" if is_parameter else field)


def named_columns(parameters: Mapping[str, Any]) -> list[str]:
    """The columns of the table that the parameters of a job name."""
    named = [name for _, name in built_in.named_columns(parameters)]
    return [*parameters.get("exclude", ()), *named]


def check_columns(named: Iterable[str], names: Sequence[str], *, owner: str = "table") -> None:
    """Check that the table has the columns that are named; of a path, as ``user.id``, the first.

    Args:
        named: Names that a caller gave.
        names: Of the columns that there are.
        owner: Of the columns, in messages.

    Raises:
        InputError: ``unknown_column``: it has not; the remedy is the nearest that it has.
    """
    for name in named:
        if name not in names and name.partition(".")[0] not in names:
            raise InputError(
                f"The {owner} has no column {brief_repr(name)}. {did_you_mean(name, names)}",
                code="unknown_column",
                details={"column": name},
            )


def check_tables(names: Iterable[str], parameters: Mapping[str, Any]) -> None:
    """Check that there are the tables that rows are asked of.

    Raises:
        InputError: ``unfit_rows``: one is not there.
    """
    names = list(names)
    for name in parameters.get("rows", {}):
        if name not in names:
            raise InputError(
                f"rows has {brief_repr(name)}, but there is no such table. "
                f"{did_you_mean(name, names)}",
                code="unfit_rows",
                details={"table": name, "retryHelps": False},
            )
