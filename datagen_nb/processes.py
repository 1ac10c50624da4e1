"""Python processes that this package starts for work on untrusted or heavy data."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

NICENESS = 5
OOM_SCORE = "800"
"""Between 0 and 1000: when memory ends, the kernel takes these processes first."""

ONE_THREAD = {
    **{f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")},
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
"""Such a process uses one core; and one that forks must have no thread, not even the one that the
allocator inside Arrow starts."""

_PROGRAM = """
import sys
sys.path.append(sys.argv[1])
from importlib import import_module
import_module(sys.argv[2]).main(*sys.argv[3:])
"""


def start_python(module: str, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    """Start a process that calls ``main`` of a module with texts, in a session of its own.

    Args:
        module: Its full name.
        arguments: Of ``main``.
        options: Of ``subprocess.Popen``.
    """
    # -P: a random.py in the user's directory must not stand in for the standard library's.
    # The package is found where we found it, after everything else, installed or not.
    root = str(Path(__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _PROGRAM, root, module, *arguments],
        start_new_session=True,
        env={**os.environ, **ONE_THREAD},
        **options,
    )


def limit_this_process(memory: int | None) -> None:
    """Let others go first, and end this process before them when memory ends.

    Args:
        memory: Bytes that it may allocate in all; ``None`` sets no limit.
    """
    os.nice(NICENESS)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
    if memory is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (memory, hard))
