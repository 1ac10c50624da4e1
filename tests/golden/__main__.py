"""Keeps what crosses a boundary as it is now: ``python -m tests.golden``."""

from tests.golden import ACTIONS, OPENAPI, SNAPSHOTS, openapi_text
from tests.golden.pipeline_examples import PIPELINE_PAGE, pipeline_page
from tests.golden.settings_page import SETTINGS_PAGE, settings_page
from tests.golden.typescript import actions_typescript, snapshots_typescript

OPENAPI.write_text(openapi_text())
SNAPSHOTS.write_text(snapshots_typescript())
ACTIONS.write_text(actions_typescript())
PIPELINE_PAGE.write_text(pipeline_page())
SETTINGS_PAGE.write_text(settings_page())
