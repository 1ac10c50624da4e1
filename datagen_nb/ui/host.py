"""What shows a widget in the notebook at hand.

Colab needs to be asked before it loads a widget that is not its own: anywidget does that.
"""

from __future__ import annotations

import os
import sys

from IPython import get_ipython

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


def has_browser() -> bool:
    """Whether a widget displayed by this cell may be seen in a browser.

    What executes a notebook from outside (papermill, nbconvert, Quarto) allows no input. Neither
    does Voila, but its browser comes later. ``DATAGEN_DISPLAY=widget`` says that there is one.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None or os.environ.get(DISPLAY) == "widget":
        return True
    comes_later = os.environ.get("SERVER_SOFTWARE", "").startswith("voila")
    return comes_later or bool(kernel._allow_stdin)  # noqa: SLF001  ipykernel says it nowhere else


def _colab() -> bool:
    return "google.colab" in sys.modules
