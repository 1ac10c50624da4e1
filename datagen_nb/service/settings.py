"""What an operator may set, as ``DATAGEN_…`` in the environment."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Bounds of the service.

    Args:
        max_running: Jobs that run at once; further ones queue.
        most_losses: Workers that a job may lose in a row without getting further.
        wait_seconds: Longest that a submit with ``isAsync: false`` waits for the end.
    """

    model_config = SettingsConfigDict(env_prefix="DATAGEN_", frozen=True)

    max_running: int = Field(5, ge=1)
    most_losses: int = Field(3, ge=1)
    wait_seconds: float = Field(30, ge=0)
