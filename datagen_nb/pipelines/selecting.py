"""The selection of a job's rows that its parameters ``rules`` and ``condition`` ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datagen_nb.core.errors import Rejected
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
