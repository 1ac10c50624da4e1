"""The model of the columns that a job's parameter ``schema`` declares, and questions about it."""

from __future__ import annotations

import pyarrow as pa

from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.declaration import read
from datagen_nb.core.errors import ConfigurationError, Problem
from datagen_nb.core.quoting import brief_repr
from datagen_nb.pipelines.checks import check_columns
from datagen_nb.pipelines.selecting import selection_of
from datagen_nb.synth.arrays import plain_table
from datagen_nb.synth.declared.compiling import model_of
from datagen_nb.synth.declared.model import DeclaredModel

LOOKED_AT = 1_000
"""Rows in which rules and conditions are looked for."""


def declared(config: JobConfiguration) -> DeclaredModel:
    """The model that makes the rows of a job without an input.

    Raises:
        ConfigurationError: The schema breaks a rule.
        InputError: Parameters name a column or a level that is not declared.
    """
    name = "parameters.schema"
    declaration = read(config.parameters.get("schema"), name)
    scarcest = declaration.scarcest
    if scarcest is not None and (most := scarcest.values or 0) < config.data_size:
        rule = f"has to be at most {most:,}: so many values {scarcest.name!r} has, and none repeats"
        remedy = "Ask for fewer rows, or declare more values."
        raise ConfigurationError([Problem("dataSize", brief_repr(config.data_size), rule, remedy)])
    seed = config.parameters.get("seed", 0)
    model = model_of(declaration, seed=seed, name=name)
    check_columns(config.parameters, model.schema.names)
    if (selection := selection_of(config.parameters)) is not None:
        selection.check(
            plain_table(some(model, LOOKED_AT)), model.codecs, model.makers, has_all_levels=False
        )
    return model


def some(model: DeclaredModel, rows: int) -> pa.Table:
    """A few rows of a model; fewer if it cannot make so many."""
    scarcest = model.declaration.scarcest
    most = rows if scarcest is None else min(rows, scarcest.values or rows)
    return model.generate(0, most, offset=0)
