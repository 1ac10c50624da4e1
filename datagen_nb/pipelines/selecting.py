"""The selection of a job's rows that its parameters ``rules`` and ``condition`` ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datagen_nb.core.errors import Rejected
from datagen_nb.pipelines.checks import check_columns
from datagen_nb.synth.model import Model
from datagen_nb.synth.rules import Unfit
from datagen_nb.synth.selection import Selection


def selection_of(parameters: Mapping[str, Any]) -> Selection | None:
    """The selection; ``None`` if every row is taken.

    Raises:
        Rejected: A regular expression or shares cannot be used.

    Example:
        >>> selection_of({"rules": ["price >= 0"]}).columns
        ('price',)
    """
    rules, condition = parameters.get("rules", ()), parameters.get("condition", {})
    if not rules and not condition:
        return None
    try:
        return Selection.of(rules, condition)
    except Unfit as error:
        remedy = "Correct it in parameters.rules or parameters.condition."
        raise Rejected(f"{error}. {remedy}", details={"remedy": remedy}) from None


def selection_for(
    model: Model, parameters: Mapping[str, Any]
) -> tuple[Selection | None, list[str]]:
    """The selection among the rows of a model that is there already.

    Returns:
        The selection, ``None`` if every row is taken; and what a user should know, in sentences.

    Raises:
        Rejected: A regular expression or shares cannot be used.
        InputError: The model lacks a column (``unknown_column``), or its rows cannot be selected
            so (``unfit_rule``, ``unfit_condition``).
    """
    selection = selection_of(parameters)
    if selection is None:
        return None, []
    check_columns(parameters, model.schema.names, owner="model")
    return selection, model.check(selection)
