"""What a widget shows, without a browser."""

import threading

from tests.deadline import DEADLINE


def until(widget, holds):
    """Wait until its snapshot satisfies a condition; returns that snapshot."""
    shown = threading.Event()

    def look(_change=None):
        if holds(widget.snapshot):
            shown.set()

    widget.view_model.observe(look, "snapshot")
    look()
    assert shown.wait(DEADLINE), widget.snapshot
    return widget.snapshot
