"""Synthetic tables like yours, made and watched in a notebook.

Importing this package loads none of its heavy parts; each public name is fetched when first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from datagen_nb.core.version import __version__ as __version__

if TYPE_CHECKING:
    from datagen_nb.client.async_job import AsyncJob as AsyncJob
    from datagen_nb.client.dataset import AsyncDataset as AsyncDataset
    from datagen_nb.client.loaded_model import Model as Model
    from datagen_nb.client.loaded_model import load_model as load_model
    from datagen_nb.client.parameters import PARAMETERS as PARAMETERS
    from datagen_nb.client.schema import Schema as Schema
    from datagen_nb.client.sync import Client as Client
    from datagen_nb.client.sync import Dataset as Dataset
    from datagen_nb.client.sync import Job as Job
    from datagen_nb.core.config import JobConfiguration as JobConfiguration
    from datagen_nb.core.errors import DatagenWarning as DatagenWarning
    from datagen_nb.core.result import Report as Report
    from datagen_nb.core.schedules import ScheduleDraft as ScheduleDraft
    from datagen_nb.core.status import JobStatus as JobStatus
    from datagen_nb.core.templates import TemplateDraft as TemplateDraft
    from datagen_nb.core.webhooks import WebhookConfig as WebhookConfig
    from datagen_nb.wiring.client import AsyncClient as AsyncClient
    from datagen_nb.wiring.client import connect as connect

_HOMES = {
    "AsyncClient": "wiring.client",
    "AsyncDataset": "client.dataset",
    "AsyncJob": "client.async_job",
    "Client": "client.sync",
    "DatagenWarning": "core.errors",
    "Dataset": "client.sync",
    "Job": "client.sync",
    "JobConfiguration": "core.config",
    "JobStatus": "core.status",
    "Model": "client.loaded_model",
    "PARAMETERS": "client.parameters",
    "Report": "core.result",
    "ScheduleDraft": "core.schedules",
    "Schema": "client.schema",
    "TemplateDraft": "core.templates",
    "WebhookConfig": "core.webhooks",
    "compare": "ui.comparison",
    "connect": "wiring.client",
    "dashboard": "ui.dashboard",
    "history": "ui.history",
    "load_model": "client.loaded_model",
    "sample_data": "client.samples",
    "studio": "ui.studio",
    "view": "ui.renderers",
    "wizard": "ui.wizard",
}

_MODULES = {"errors": "core.errors", "webhooks": "webhooks"}

__all__ = ["__version__", *sorted(_HOMES), *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value = import_module(f"{__name__}.{_MODULES[name]}")
    elif name in _HOMES:
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
