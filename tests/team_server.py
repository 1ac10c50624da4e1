"""A team's service and its commands, as processes of their own."""

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager

from tests.deadline import DEADLINE


def command(*arguments, home, check=True):
    """Run a command over a home to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "datagen_nb", *arguments],
        env={**os.environ, "DATAGEN_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    if check:
        assert done.returncode == 0, done.stderr
    return done


@contextmanager
def serving(home, *arguments, subject="serve"):
    """A service in a process of its own; gives its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "datagen_nb", subject, *arguments],
        env={**os.environ, "DATAGEN_HOME": str(home), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            yield re.fullmatch(r"listening at (\S+)\n", process.stdout.readline())[1]
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=DEADLINE)
