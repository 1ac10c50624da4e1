"""What is kept of the wire, so that a change of it is seen: the API's description, TypeScript."""

import json
from pathlib import Path

from datagen_nb.api.server.app import make_app

FOLDER = Path(__file__).parent
OPENAPI = FOLDER / "openapi.json"
WIDGETS = FOLDER.parents[1] / "widgets" / "src"
SNAPSHOTS = WIDGETS / "snapshots.ts"
ACTIONS = WIDGETS / "actions.ts"


def openapi_text() -> str:
    """The description of the API as it is kept."""
    app = make_app(lambda _: None, describe=lambda info: info)
    return json.dumps(app.openapi(), indent=1, ensure_ascii=False) + "\n"
