"""What a widget's face shows, without a browser."""

import threading

DEADLINE = 20.0


def until(widget, holds):
    """Wait until the face shows what is waited for; the snapshot that does."""
    shown = threading.Event()

    def look(_change=None):
        if holds(widget.face.snapshot):
            shown.set()

    widget.face.observe(look, "snapshot")
    look()
    assert shown.wait(DEADLINE), widget.face.snapshot
    return widget.face.snapshot
