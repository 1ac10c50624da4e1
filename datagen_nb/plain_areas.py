"""The client's areas in plain calls: each hands its work to the client's thread and waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datagen_nb.portal import Portal

if TYPE_CHECKING:
    from datagen_nb.core import alerts, schedules, templates, uploads, webhooks
    from datagen_nb.core.alerts import Alert, AlertPage
    from datagen_nb.core.schedules import Schedule, ScheduleDraft, SchedulePage
    from datagen_nb.core.templates import Template, TemplateDraft, TemplatePage
    from datagen_nb.core.uploads import Upload, UploadRequest
    from datagen_nb.core.webhooks import (
        Delivery,
        DeliveryPage,
        DeliveryState,
        NewWebhook,
        Replayed,
        ReplayRange,
        SecretRotation,
        WebhookChange,
        WebhookConfig,
        WebhookPage,
        WebhookStatus,
    )


class Templates:
    """Named, versioned configurations."""

    def __init__(self, area: templates.Templates, portal: Portal) -> None:
        self._area = area
        self._portal = portal

    def put(self, name: str, draft: TemplateDraft) -> Template:
        """See ``core.templates.Templates.put``."""
        return self._portal.call(self._area.put(name, draft))

    def get(self, name: str, version: int | None = None) -> Template:
        """See ``core.templates.Templates.get``."""
        return self._portal.call(self._area.get(name, version))

    def list(self, *, cursor: str = "", limit: int = 50) -> TemplatePage:
        """See ``core.templates.Templates.list``."""
        return self._portal.call(self._area.list(cursor=cursor, limit=limit))

    def versions(self, name: str, *, cursor: str = "", limit: int = 50) -> TemplatePage:
        """See ``core.templates.Templates.versions``."""
        return self._portal.call(self._area.versions(name, cursor=cursor, limit=limit))

    def delete(self, name: str) -> None:
        """See ``core.templates.Templates.delete``."""
        return self._portal.call(self._area.delete(name))


class Schedules:
    """Jobs that run by the clock."""

    def __init__(self, area: schedules.Schedules, portal: Portal) -> None:
        self._area = area
        self._portal = portal

    def put(self, name: str, draft: ScheduleDraft) -> Schedule:
        """See ``core.schedules.Schedules.put``."""
        return self._portal.call(self._area.put(name, draft))

    def get(self, name: str) -> Schedule:
        """See ``core.schedules.Schedules.get``."""
        return self._portal.call(self._area.get(name))

    def list(self, *, cursor: str = "", limit: int = 50) -> SchedulePage:
        """See ``core.schedules.Schedules.list``."""
        return self._portal.call(self._area.list(cursor=cursor, limit=limit))

    def delete(self, name: str) -> None:
        """See ``core.schedules.Schedules.delete``."""
        return self._portal.call(self._area.delete(name))


class Webhooks:
    """Where the service tells what happens."""

    def __init__(self, area: webhooks.Webhooks, portal: Portal) -> None:
        self._area = area
        self._portal = portal

    def create(self, config: WebhookConfig) -> NewWebhook:
        """See ``core.webhooks.Webhooks.create``."""
        return self._portal.call(self._area.create(config))

    def list(self, *, cursor: str = "", limit: int = 50) -> WebhookPage:
        """See ``core.webhooks.Webhooks.list``."""
        return self._portal.call(self._area.list(cursor=cursor, limit=limit))

    def get(self, webhook_id: str) -> WebhookStatus:
        """See ``core.webhooks.Webhooks.get``."""
        return self._portal.call(self._area.get(webhook_id))

    def change(self, webhook_id: str, change: WebhookChange) -> WebhookStatus:
        """See ``core.webhooks.Webhooks.change``."""
        return self._portal.call(self._area.change(webhook_id, change))

    def delete(self, webhook_id: str) -> None:
        """See ``core.webhooks.Webhooks.delete``."""
        return self._portal.call(self._area.delete(webhook_id))

    def rotate(self, webhook_id: str, rotation: SecretRotation | None = None) -> NewWebhook:
        """See ``core.webhooks.Webhooks.rotate``."""
        return self._portal.call(self._area.rotate(webhook_id, rotation))

    def deliveries(
        self,
        webhook_id: str,
        *,
        state: DeliveryState | None = None,
        cursor: str = "",
        limit: int = 50,
    ) -> DeliveryPage:
        """See ``core.webhooks.Webhooks.deliveries``."""
        return self._portal.call(
            self._area.deliveries(webhook_id, state=state, cursor=cursor, limit=limit)
        )

    def delivery(self, webhook_id: str, delivery_id: str) -> Delivery:
        """See ``core.webhooks.Webhooks.delivery``."""
        return self._portal.call(self._area.delivery(webhook_id, delivery_id))

    def replay(self, webhook_id: str, delivery_id: str) -> Delivery:
        """See ``core.webhooks.Webhooks.replay``."""
        return self._portal.call(self._area.replay(webhook_id, delivery_id))

    def replay_range(self, webhook_id: str, range: ReplayRange) -> Replayed:
        """See ``core.webhooks.Webhooks.replay_range``."""
        return self._portal.call(self._area.replay_range(webhook_id, range))


class Alerts:
    """What needs attention."""

    def __init__(self, area: alerts.Alerts, portal: Portal) -> None:
        self._area = area
        self._portal = portal

    def list(self, *, active: bool | None = None, cursor: str = "", limit: int = 50) -> AlertPage:
        """See ``core.alerts.Alerts.list``."""
        return self._portal.call(self._area.list(active=active, cursor=cursor, limit=limit))

    def acknowledge(self, alert_id: str) -> Alert:
        """See ``core.alerts.Alerts.acknowledge``."""
        return self._portal.call(self._area.acknowledge(alert_id))


class Uploads:
    """Inputs that are sent in chunks."""

    def __init__(self, area: uploads.Uploads, portal: Portal) -> None:
        self._area = area
        self._portal = portal

    def begin(self, request: UploadRequest) -> Upload:
        """See ``core.uploads.Uploads.begin``."""
        return self._portal.call(self._area.begin(request))

    def get(self, upload_id: str) -> Upload:
        """See ``core.uploads.Uploads.get``."""
        return self._portal.call(self._area.get(upload_id))

    def append(self, upload_id: str, offset: int, data: bytes) -> Upload:
        """See ``core.uploads.Uploads.append``."""
        return self._portal.call(self._area.append(upload_id, offset, data))

    def delete(self, upload_id: str) -> None:
        """See ``core.uploads.Uploads.delete``."""
        self._portal.call(self._area.delete(upload_id))
