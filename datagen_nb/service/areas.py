"""What hangs on a customer's ``Jobs`` as an area of its own: one property each."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from datagen_nb.service.alerts import CustomerAlerts
from datagen_nb.service.plans import CustomerPlans
from datagen_nb.service.schedules import CustomerSchedules
from datagen_nb.service.templates import CustomerTemplates
from datagen_nb.service.uploads import CustomerUploads
from datagen_nb.service.webhooks import CustomerWebhooks

if TYPE_CHECKING:
    from datagen_nb.core.ports import Jobs
    from datagen_nb.service.jobs import JobService


class Areas:
    """The areas of one customer's side of the service."""

    def __init__(self, service: JobService, customer: str) -> None:
        self._service = service
        self._store = service.store
        self._customer = customer

    @property
    def alerts(self) -> CustomerAlerts:
        return self._service.alerting.customer(self._customer)

    @property
    def plans(self) -> CustomerPlans:
        return CustomerPlans(self._service, self._customer, cast("Jobs", self))

    @property
    def schedules(self) -> CustomerSchedules:
        return CustomerSchedules(self._service, self._customer, cast("Jobs", self))

    @property
    def templates(self) -> CustomerTemplates:
        documents, clock = self._store.documents, self._service.clock
        return CustomerTemplates(documents, clock, self._customer, cast("Jobs", self))

    @property
    def uploads(self) -> CustomerUploads:
        return CustomerUploads(self._service, self._customer)

    @property
    def webhooks(self) -> CustomerWebhooks:
        return self._service.deliveries.customer(self._customer)
