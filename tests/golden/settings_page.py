"""The table of ``docs/settings.md``: each setting with its variable, default and meaning."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

from datagen_nb.service.settings import Settings

SETTINGS_PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"{Settings.model_config['env_prefix']}{name.upper()}"


def settings_page() -> str:
    """``docs/settings.md`` with its table as it is now."""
    before, heading, _ = SETTINGS_PAGE.read_text().partition("## All settings\n")
    meanings = _meanings()
    rows = [
        f"| `{variable(name)}` | {_written(field.default)} | {meanings[name]} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join([f"{before}{heading}", "| variable | default | |", "|---|---|---|", *rows, ""])


def _meanings() -> dict[str, str]:
    """What the class's documentation says of each setting, in one line."""
    text = inspect.cleandoc(Settings.__doc__).partition("Args:\n")[2]
    found = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", text, re.MULTILINE)
    return {name: re.sub(r"\s+", " ", meaning).replace("``", "`") for name, meaning in found}


def _written(default: Any) -> str:
    """A default as it would be set; nothing for none."""
    if default is None or default == frozenset():
        return ""
    if isinstance(default, float):
        return f"`{default:g}`"
    return f"`{json.dumps(sorted(default) if isinstance(default, frozenset) else default)}`"
