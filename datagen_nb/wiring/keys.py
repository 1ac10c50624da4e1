"""The keys that are sent to a service or a pipeline elsewhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from datagen_nb.core.secrets import Secret

if TYPE_CHECKING:
    from datagen_nb.service.settings import Settings


def api_key(given: str | None = None) -> Secret | None:
    """The API key, wrapped before anything can fail that would show it."""
    text = given or os.environ.get("DATAGEN_API_KEY")
    return None if text is None else Secret(text.strip())


def pipeline_key(settings: Settings) -> Secret | None:
    """The key for a pipeline elsewhere."""
    given = settings.pipeline_key
    return None if given is None else Secret(given.get_secret_value())
