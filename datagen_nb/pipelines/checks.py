"""Which parameters go together, and whether there are the columns that they name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from datagen_nb.core import rule_text
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.data_types import DATA_TYPES as TYPES
from datagen_nb.core.errors import ConfigurationError, InputError, Problem
from datagen_nb.core.quoting import brief_repr
from datagen_nb.pipelines.built_in import named_columns, patterns_of

OF_ROWS = ("seed", "rules", "condition", "partRows", "engine")
"""Parameters of which rows are made, and how; all others were decided when the model was fitted."""

LOOKING = ("sampleRows", "minCount", "entity", "order", "evaluate", "target")
"""Parameters that choose or measure by the rows, outside any budget."""

OF_EPSILON = ("delta", "bounds")
"""Parameters that mean nothing without ``epsilon``."""


MAX_COMBINATIONS = 20_000_000
"""Rows times rules of uniqueness of a job: a number of 8 bytes is held for each."""


def check_of_type(config: JobConfiguration) -> None:
    """Look whether the parameters are for the type of data.

    Raises:
        ConfigurationError: Some mean nothing for it.
    """
    problems = []
    if not config.has_input and "schema" not in config.parameters:
        rule, remedy = f"is required for dataType {config.data_type}", "Give a schema."
        problems.append(Problem("parameters.schema", "(missing)", rule, remedy))
    for name, value in config.parameters.items():
        owners = [one.name for one in TYPES.values() if name in one.own_parameters]
        if owners and config.data_type not in owners:
            rule, remedy = (
                f"is for dataType {' or '.join(owners)}",
                "Set dataType, or leave it out.",
            )
        elif name in TYPES[config.data_type].refused_parameters:
            rule, remedy = f"is not for dataType {config.data_type}", "Leave it out."
        else:
            continue
        problems.append(Problem(f"parameters.{name}", brief_repr(value), rule, remedy))
    if problems:
        raise ConfigurationError(problems)


def check_of_tables(config: JobConfiguration) -> None:
    """Look whether a job on several tables says what its input is and how large they become.

    Raises:
        ConfigurationError: It reads one table, writes one file, or its sums differ.
    """
    if not TYPES[config.data_type].has_several_tables:
        return
    problems = []
    if config.input_job is not None:
        rule = f"cannot be a job for dataType {config.data_type}"
        remedy = "Submit the tables themselves."
        problems.append(Problem("inputPath", brief_repr(config.input_path), rule, remedy))
    if config.output_path:
        rule, remedy = "is one file, and the result is several tables", "Leave it out; download it."
        problems.append(Problem("outputPath", brief_repr(config.output_path), rule, remedy))
    rows = config.parameters.get("rows")
    if rows and sum(rows.values()) != config.data_size:
        rule = f"has to be the sum of parameters.rows, {sum(rows.values()):,}"
        remedy = "Give that, or change parameters.rows."
        problems.append(Problem("dataSize", brief_repr(config.data_size), rule, remedy))
    if problems:
        raise ConfigurationError(problems)


def check_of_epsilon(config: JobConfiguration) -> None:
    """Look whether all parameters can be used under a privacy budget.

    Raises:
        ConfigurationError: Some cannot, or are for a budget and there is none.
    """
    given = config.parameters
    if "epsilon" not in given:
        refused = [name for name in OF_EPSILON if name in given]
        rule, remedy = "is for parameters.epsilon", "Give epsilon too, or leave it out."
    else:
        refused = [name for name in LOOKING if name in given]
        refused += ["relations"] * (given.get("relations", "off") != "off")
        refused += ["columns"] * bool(patterns_of(given.get("columns", {})))
        rule = "looks at the rows, which parameters.epsilon allows by noisy counts alone"
        remedy = "Leave it out; of columns, the patterns."
    problems = [
        Problem(f"parameters.{name}", brief_repr(given[name]), rule, remedy) for name in refused
    ]
    if "epsilon" in given and config.data_type != "tabular":
        rule, remedy = "cannot be made with parameters.epsilon", "Set dataType to tabular."
        problems.append(Problem("dataType", brief_repr(config.data_type), rule, remedy))
    if problems:
        raise ConfigurationError(problems)


def check_of_rules(config: JobConfiguration) -> None:
    """Look whether the combinations of all rows can be held, where no two may have the same.

    Raises:
        ConfigurationError: There are too many rows.
    """
    rules = map(rule_text.parse, config.parameters.get("rules", ()))
    count = sum(isinstance(rule, rule_text.Unique) for rule in rules)
    if not count or config.data_size * count <= MAX_COMBINATIONS:
        return
    noun = "a rule" if count == 1 else f"{count} rules"
    rule = f"has to be at most {MAX_COMBINATIONS // count:,} with {noun} unique(…)"
    remedy = "Ask for fewer rows, or leave the rule out of parameters.rules."
    raise ConfigurationError([Problem("dataSize", brief_repr(config.data_size), rule, remedy)])


def check_of_model(config: JobConfiguration) -> None:
    """Look whether a job that fits no model says how to fit one.

    Raises:
        ConfigurationError: It does.
    """
    if config.model_job is None:
        return
    rule = "was decided when the model was fitted"
    remedy = "Leave it out, or submit the table to fit another model."
    problems = [
        Problem(f"parameters.{name}", brief_repr(value), rule, remedy)
        for name, value in config.parameters.items()
        if name not in OF_ROWS
    ]
    if problems:
        raise ConfigurationError(problems)


def check_columns(
    parameters: Mapping[str, Any], names: Sequence[str], *, owner: str = "input"
) -> None:
    """Look whether the columns that parameters name are there.

    Args:
        parameters: Of a job.
        names: Of the columns.
        owner: Of the columns, in messages: ``input`` or ``model``.

    Raises:
        InputError: One is not, or is excluded.
    """
    excluded = parameters.get("exclude", ())
    for parameter, name in named_columns(parameters):
        if name in excluded:
            remedy = "Leave it out of one of them."
            raise InputError(
                f"parameters.{parameter} names {name!r}, and so does parameters.exclude. {remedy}",
                code="unknown_column",
                details={"column": name, "remedy": remedy},
            )
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            remedy = f"Did you mean {near[0]!r}?" if near else f"It has {names}."
            raise InputError(
                f"parameters.{parameter} names {name!r}, which the {owner} does not have. {remedy}",
                code="unknown_column",
                details={"column": name, "remedy": remedy},
            )
