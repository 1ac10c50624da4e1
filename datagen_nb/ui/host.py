"""What shows a card in the notebook at hand.

Colab needs to be asked before it loads a widget that is not its own: anywidget does that.
"""

from __future__ import annotations

import os
import sys

from datagen_nb.core.errors import ConfigurationError, Problem

FORMS = ("widget", "html", "text")
"""A card as a widget; as HTML or text that is displayed once and then updated in its place."""

DISPLAY = "DATAGEN_DISPLAY"


def form(chosen: str | None = None) -> str:
    """How a card is shown: as chosen, else as ``DATAGEN_DISPLAY`` says, else as the host can.

    In Colab a widget may stand still that a background thread moves; what is displayed moves.

    Raises:
        ConfigurationError: There is no such form.
    """
    named = "mode" if chosen is not None else DISPLAY
    asked = chosen if chosen is not None else os.environ.get(DISPLAY)
    if not asked:
        return "html" if _colab() else "widget"
    if asked not in FORMS:
        rule = f"has to be one of {', '.join(FORMS)}"
        raise ConfigurationError([Problem(named, repr(asked), rule, "Choose one of them.")])
    return asked


def _colab() -> bool:
    return "google.colab" in sys.modules
