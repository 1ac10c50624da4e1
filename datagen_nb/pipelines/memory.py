"""The memory that workers share: how much there is, how much each uses, which one has to end.

All workers together get a budget. A worker may take what the others leave of it when it starts;
when together they outgrow it, the largest ends. Linux tells what this needs; elsewhere a worker
has its limit at the start alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

MEMORY_SHARE = 0.8
"""Of the machine's memory, the budget of all workers unless another is set."""

MIN_LIMIT = 256 << 20
"""Bytes that a worker may take, however little the others leave: it ends early, not at once."""

_MACHINE_KILLS = Path("/proc/vmstat")


def available_memory() -> int:
    """Bytes of memory that this machine, or the control group around this process, has."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, group = line.split(":", 2)
            root, file = {
                "": ("/sys/fs/cgroup", "memory.max"),
                "memory": ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            }.get(controllers, ("", ""))
            if root:
                inner = Path(root + group)
                for place in (inner, *inner.parents):
                    total = min(total, _limit(place / file, total))
    return total


def usual_budget() -> int:
    """Bytes that all workers may use together where nothing else is set."""
    return int(MEMORY_SHARE * available_memory())


def limit_beside(budget: int, others: Iterable[int], base: int) -> int:
    """Bytes that a new worker may allocate beside others that use so much.

    Args:
        budget: Of all workers together.
        others: What each of the others uses.
        base: What every worker has from its parent, shared with it.
    """
    return max(budget - sum(others), MIN_LIMIT) + base


def used_by(pid: int) -> int:
    """Bytes of memory that a process has written to, shared with its parent or not; 0 if gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"^RssAnon:\s+(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def kernel_kills() -> int:
    """How many processes the kernel has killed for want of memory since it started."""
    try:
        found = re.search(r"^oom_kill (\d+)$", _MACHINE_KILLS.read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _limit(file: Path, otherwise: int) -> int:
    try:
        return int(file.read_text())
    except (OSError, ValueError):  # no such group, or "max"
        return otherwise
