"""The times of a cron expression, in instants; cronsim knows the expressions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

from datagen_nb.core.errors import Problem

MAX_COUNTED = 1000


def problems(cron: str, zone: str) -> list[Problem]:
    """What is wrong with an expression and a zone."""
    from cronsim import CronSimError

    found = []
    if _zone(zone) is None:
        rule = "has to be the name of a time zone"
        found.append(Problem("zone", repr(zone)[:80], rule, "Write one as Europe/Berlin or UTC."))
    rule = "has to be a cron expression of five fields"
    remedy = 'Write minute, hour, day, month and weekday, as "30 6 * * MON-FRI".'
    if len(cron.split()) != 5:
        found.append(Problem("cron", repr(cron)[:80], rule, remedy))
        return found
    try:
        runs = next(_local(cron, datetime(2000, 1, 1, tzinfo=UTC)), None)
    except CronSimError as error:
        found.append(Problem("cron", repr(cron)[:80], f"{rule} ({error})", remedy))
    else:
        if runs is None:
            rule = "has to name a time that comes"
            found.append(Problem("cron", repr(cron)[:80], rule, "Choose a day that exists."))
    return found


def runs_after(cron: str, zone: str, after: datetime) -> Iterator[datetime]:
    """The instants of an expression behind an instant, in order, without end."""
    known = _zone(zone)
    if known is None:
        raise LookupError(f"the zone {zone!r} is not known any more")
    newest = after
    for moment in _local(cron, after.astimezone(known)):
        # At a change of the clocks two times of an expression can be one instant, or come twice.
        if (instant := moment.astimezone(UTC)) > newest:
            newest = instant
            yield instant


def next_runs(cron: str, zone: str, after: datetime, count: int) -> tuple[datetime, ...]:
    """The next instants of an expression."""
    return tuple(islice(runs_after(cron, zone, after), count))


def count_runs(cron: str, zone: str, after: datetime, until: datetime) -> int:
    """How many instants lie behind one and not behind another; counted up to a bound."""
    count = 0
    for instant in islice(runs_after(cron, zone, after), MAX_COUNTED):
        if instant > until:
            break
        count += 1
    return count


def _local(cron: str, after: datetime) -> Iterator[datetime]:
    from cronsim import CronSim

    return iter(CronSim(cron, after))


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # unknown; no name at all; a directory of names
        return None
