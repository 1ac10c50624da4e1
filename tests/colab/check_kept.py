"""Tell whether installing this package has changed what Colab brings along.

Run as ``python tests/colab/check_kept.py`` with the Python of that environment.
"""

import sys
from importlib.metadata import version
from pathlib import Path

PINS = Path(__file__).with_name("preinstalled.txt")

if __name__ == "__main__":
    pins = [line.strip().split("==") for line in PINS.read_text().splitlines() if "==" in line]
    changed = [
        f"{name}: {pin} became {version(name)}" for name, pin in pins if version(name) != pin
    ]
    print("\n".join(changed) or f"all {len(pins)} preinstalled versions were kept")
    sys.exit(bool(changed))
