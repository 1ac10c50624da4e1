"""A package of someone else, as ``pip install`` leaves it, and Python that finds it."""

import os
import subprocess
import sys
from pathlib import Path

from tests.deadline import DEADLINE


class Environment:
    """A folder of packages beside ours, and a home and a working directory of its own.

    Attributes:
        work: Where Python runs.
    """

    def __init__(self, work: Path) -> None:
        self.work = work
        self._site = work / "site"

    def install(self, module: str, source: str, group: str, **classes: str) -> None:
        """Write a module, and what ``pip install`` would say of it: entry points of its classes."""
        described = self._site / f"{module}-1.dist-info"
        described.mkdir(parents=True)
        (self._site / f"{module}.py").write_text(source)
        (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1\n")
        points = [f"{name} = {module}:{class_}" for name, class_ in classes.items()]
        (described / "entry_points.txt").write_text("\n".join([f"[{group}]", *points, ""]))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python to its end, whatever that is."""
        path = os.pathsep.join([str(self._site), os.environ.get("PYTHONPATH", "")])
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.work,
            env={**os.environ, "PYTHONPATH": path, "DATAGEN_HOME": str(self.work / "home")},
            capture_output=True,
            text=True,
            timeout=3 * DEADLINE,
            check=False,
        )

    def run_beside_a_service(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script that may start the local service, which is stopped after it."""
        try:
            return self.run("-c", script)
        finally:
            self.run("-m", "datagen_nb", "stop")
