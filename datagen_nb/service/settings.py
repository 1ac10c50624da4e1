"""What an operator may set, as ``DATAGEN_…`` in the environment."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from datagen_nb.core.limits import RETENTION_DAYS, Limits


class Settings(BaseSettings):
    """Bounds of the service.

    Args:
        slots: Jobs that run at once, of all customers.
        max_jobs: Jobs of one customer that run at once; further ones queue.
        max_waiting: Jobs of one customer that may queue.
        cooldown_period: Seconds after a cancellation in which no job of that customer starts.
        storage_quota: Bytes that a customer may keep; no bound if unset.
        retention_days: Days from a job's end until it is deleted.
        min_retention_days: Least that a customer may choose.
        max_retention_days: Most that a customer may choose.
        cleanup_seconds: Time between two looks for jobs to delete.
        watch_seconds: Time between two looks at the service's health and at what to alert to.
        request_rate: API requests per second of one customer, in the long run.
        request_burst: API requests of one customer at once.
        most_losses: Workers that a job may lose in a row without getting further.
        most_retries: Times that a stage is tried again that failed for a passing cause.
        retry_seconds: Wait before the first of these; each further one is four times as long.
        wait_seconds: Longest that a submit with ``isAsync: false`` waits for the end.
        webhooks_to_private: Whether webhooks may lead to private networks and this machine.
    """

    model_config = SettingsConfigDict(env_prefix="DATAGEN_", frozen=True)

    slots: int = Field(16, ge=1)
    max_jobs: int = Field(5, ge=1, le=1000)
    max_waiting: int = Field(100, ge=0, le=100_000)
    cooldown_period: float = Field(30, ge=0, le=3600)
    storage_quota: int | None = Field(None, ge=0)
    retention_days: float = Field(RETENTION_DAYS, gt=0, le=36_500)
    min_retention_days: float = Field(1, gt=0)
    max_retention_days: float = Field(3650, gt=0)
    cleanup_seconds: float = Field(3600, gt=0)
    watch_seconds: float = Field(30, gt=0)
    request_rate: float = Field(50, gt=0)
    request_burst: int = Field(200, ge=1)
    most_losses: int = Field(3, ge=1)
    most_retries: int = Field(3, ge=0)
    retry_seconds: float = Field(1, gt=0)
    wait_seconds: float = Field(30, ge=0)
    webhooks_to_private: bool = False

    @property
    def limits(self) -> Limits:
        """What a customer has for whom nothing else is set."""
        return Limits(
            max_jobs=self.max_jobs,
            max_waiting=self.max_waiting,
            cooldown_period=self.cooldown_period,
            storage_quota=self.storage_quota,
            retention_days=self.retention_days,
            request_rate=self.request_rate,
            request_burst=self.request_burst,
        )
