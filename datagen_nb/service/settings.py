"""What an operator may set, as ``DATAGEN_…`` in the environment."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from datagen_nb.core.addresses import WEB_PORTS
from datagen_nb.core.cloud_paths import checked_folder, split_database
from datagen_nb.core.errors import ConfigurationError, Problem
from datagen_nb.core.limits import RETENTION_DAYS, Limits

PREFIX = "DATAGEN_"


class Settings(BaseSettings):
    """Bounds of the service.

    Raises:
        ConfigurationError: Values that cannot be, by their variables.

    Args:
        bucket: Where results and uploads are kept, as ``gs://bucket`` or ``gs://bucket/folder``, a
            folder for each customer; by default in the service's home.
        store: Where jobs and everything else are kept, as ``firestore://project/database``, which
            several services may share; by default in the service's home.
        slots: Jobs that run at once, of all customers.
        max_jobs: Jobs of one customer that run at once; further ones queue.
        max_waiting: Jobs of one customer that may queue.
        cooldown_period: Seconds after a cancellation of a job that had begun, in which no job of
            that customer starts; 0 where a service has one user only, unless it is set.
        storage_quota: Bytes that a customer may keep; no bound if unset.
        retention_days: Days from a job's end until it is deleted.
        min_retention_days: Least that a customer may choose.
        max_retention_days: Most that a customer may choose.
        cleanup_seconds: Time between two looks for jobs to delete.
        watch_seconds: Time between two looks at the service's health and at what to alert to.
        request_rate: API requests per second of one customer, in the long run.
        request_burst: API requests of one customer at once.
        lease_seconds: Time after which another process on the same store may take over the jobs of
            one that no longer answers; it looks three times within it.
        progress_seconds: Least time between two writes of a job's progress; by default 1 in
            Firestore, where each write is paid for, and 0 otherwise.
        max_losses: Workers that a job may lose in a row without getting further.
        max_retries: Times that a stage is tried again that failed for a passing cause.
        retry_seconds: Wait before the first of these; each further one is four times as long.
        wait_seconds: Longest that a submit with ``isAsync: false`` waits for the end.
        worker_memory: Bytes of memory that all workers may use together; by default 80 % of what
            the machine, or the control group around the service, has.
        dask: Address of the scheduler of a Dask cluster that makes the rows of jobs with the
            parameter ``engine="dask"``, as ``tcp://host:8786``; by default such a job starts one on
            this machine.
        pipeline: Address of a pipeline elsewhere that makes the rows, as ``https://host``; by
            default this machine does.
        pipeline_key: Its API key.
        pipeline_share: Percentage of the jobs that run there; the others run here. A job stays
            where it began.
        pipeline_customers: Customers whose jobs run there, as ``["ann"]``; all if unset.
        pipeline_data_types: Data types of the jobs that run there; all if unset.
        pipeline_fallback: Whether new jobs run here while it is unhealthy; otherwise they wait.
        traces: Where a trace of each job is sent (extra ``otel``): an OpenTelemetry collector that
            takes OTLP over HTTP, as ``http://collector:4318``.
        webhooks_to_private: Whether webhooks may lead to private networks and this machine.
        webhook_ports: Ports that webhooks may use otherwise, as ``[80, 443, 8443]``.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    bucket: str | None = None
    store: str | None = None
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
    lease_seconds: float = Field(20, ge=1, le=3600)
    progress_seconds: float | None = Field(None, ge=0, le=60)
    max_losses: int = Field(3, ge=1)
    max_retries: int = Field(3, ge=0)
    retry_seconds: float = Field(1, gt=0)
    wait_seconds: float = Field(30, ge=0)
    worker_memory: int | None = Field(None, ge=256 << 20)
    dask: str | None = Field(None, pattern=r"^(tcp|tls|ws|wss)://")
    pipeline: str | None = Field(None, pattern=r"^https?://")
    pipeline_key: SecretStr | None = None
    pipeline_share: float = Field(100, ge=0, le=100)
    pipeline_customers: frozenset[str] = frozenset()
    pipeline_data_types: frozenset[str] = frozenset()
    pipeline_fallback: bool = False
    traces: str | None = Field(None, pattern=r"^https?://")
    webhooks_to_private: bool = False
    webhook_ports: frozenset[int] = WEB_PORTS

    def __init__(self, **chosen: Any) -> None:
        try:
            super().__init__(**chosen)
        except ValidationError as error:
            raise ConfigurationError(_problems(error)) from error
        except SettingsError as error:
            problem = Problem("settings", "(no JSON)", str(error), "Write a list as '[443, 8443]'.")
            raise ConfigurationError([problem]) from error

    @field_validator("bucket")
    @classmethod
    def _check_bucket(cls, bucket: str | None) -> str | None:
        return None if bucket is None else checked_folder(bucket)

    @field_validator("store")
    @classmethod
    def _check_store(cls, store: str | None) -> str | None:
        if store is not None:
            split_database(store)
        return store

    @classmethod
    def of_one_user(cls, **chosen: Any) -> Self:
        """The settings of a service of one user, whom no cooldown has to keep from others."""
        settings = cls(**chosen)
        if "cooldown_period" in settings.model_fields_set:
            return settings
        return settings.model_copy(update={"cooldown_period": 0.0})

    @property
    def progress_interval(self) -> float:
        """Least time between two writes of a job's progress."""
        if self.progress_seconds is not None:
            return self.progress_seconds
        return 0.0 if self.store is None else 1.0

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


def _problems(error: ValidationError) -> list[Problem]:
    """What is wrong with settings; the values of secrets are in none."""
    return [
        Problem(
            f"{PREFIX}{'_'.join(map(str, one['loc'])).upper()}",
            "(hidden)" if one["loc"] == ("pipeline_key",) else repr(one["input"]),
            str(one["msg"]).removeprefix("Value error, ").rstrip("."),
            "Correct it, or unset it for its default.",
        )
        for one in error.errors(include_url=False, include_context=False)
    ]
