"""Keeps what crosses a boundary as it is now: ``python -m tests.golden``."""

from tests.golden import OPENAPI, SNAPSHOTS, openapi_text
from tests.golden.typescript import typescript

OPENAPI.write_text(openapi_text())
SNAPSHOTS.write_text(typescript())
