"""Numbers and times as people say them. Every message takes them from here."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def duration(seconds: float) -> str:
    """Say how long, in at most two units.

    Hours go up to 48, then come days. Below ten seconds there is one decimal.

    Example:
        ```python
        duration(3_600)   # "1 hour"
        duration(83_700)  # "23 hours 15 minutes"
        duration(93_600)  # "26 hours"
        duration(0.25)    # "0.2 seconds"
        ```
    """
    seconds = max(seconds, 0.0)
    if round(seconds, 1) < 10:
        return _counted(round(seconds, 1), "second")
    units = _UNITS if round(seconds) >= 2 * 86_400 else _UNITS[1:]
    for (size, name), (less, smaller) in pairwise(units):
        # Rounded first, so that nothing reads "59 minutes 60 seconds".
        if round(seconds / less) * less >= size:
            whole, rest = divmod(round(seconds / less) * less, size)
            also = f" {_counted(rest // less, smaller)}" if rest else ""
            return f"{_counted(whole, name)}{also}"
    return _counted(round(seconds), "second")


def between(low: float, high: float) -> str:
    """Say a range of durations; once, where both ends read alike."""
    first, last = duration(low), duration(high)
    return last if first == last else f"{first} to {last}"


def size(number: float) -> str:
    """Say how many bytes, in powers of 1,000.

    Example:
        ```python
        size(1)              # "1 byte"
        size(1_250_000)      # "1.2 MB"
        size(48_000_000_000) # "48 GB"
        ```
    """
    if number < 1_000:
        return _counted(round(number), "byte")
    for unit in ("kB", "MB", "GB"):
        number /= 1_000
        if number < 999.5:
            return f"{number:.1f} {unit}" if number < 9.95 else f"{number:.0f} {unit}"
    return f"{number / 1_000:,.1f} TB"


def local_time(time: datetime) -> str:
    """Say when, to the minute, in the time zone of this machine.

    Example:
        ```python
        local_time(datetime(2026, 3, 1, 8, 30, tzinfo=UTC))  # "2026-03-01 09:30" in Berlin
        ```
    """
    return f"{time.astimezone():%Y-%m-%d %H:%M}"


def _counted(number: float, unit: str) -> str:
    shown = f"{number:,.0f}" if number == round(number) else f"{number:.1f}"
    return f"{shown} {unit}" if number == 1 else f"{shown} {unit}s"
