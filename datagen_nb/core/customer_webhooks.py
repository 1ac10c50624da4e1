"""The port of a customer's webhooks: what a client asks of them, here or across a wire."""

from __future__ import annotations

from typing import Protocol

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


class Webhooks(Protocol):
    """A customer's webhooks. Unknown ids, and those of other customers, raise ``NotFound``."""

    async def create(self, config: WebhookConfig) -> NewWebhook:
        """Send what happens from now on to an address.

        Args:
            config: The address, and which events.

        Returns:
            The webhook with its secret, which is shown only here.

        Raises:
            ConfigurationError: The address cannot be used, or the secret is malformed.
            Conflict: There are as many webhooks as allowed.

        Example:
            ```python
            config = dg.WebhookConfig(url="https://example.com/hook", events=["job.completed"])
            webhook = await client.webhooks.create(config)
            ```
        """
        ...

    async def list(self, *, cursor: str = "", limit: int = 50) -> WebhookPage:
        """List webhooks.

        Args:
            cursor: Where the page before ended; empty for the first.
            limit: Most entries of the page, 1 to 500.

        Example:
            ```python
            page = await client.webhooks.list()
            ```
        """
        ...

    async def get(self, webhook_id: str) -> WebhookStatus:
        """Get a webhook, with its state and its secrets' ages.

        Args:
            webhook_id: Its id, as ``create`` returned it.

        Raises:
            NotFound: There is none.

        Example:
            ```python
            status = await client.webhooks.get(webhook.id)
            ```
        """
        ...

    async def change(self, webhook_id: str, change: WebhookChange) -> WebhookStatus:
        """Change where or what is sent, or switch it off or on.

        Args:
            webhook_id: Its id, as ``create`` returned it.
            change: What is to be different; the rest stays.

        Raises:
            ConfigurationError: The address cannot be used.

        Example:
            ```python
            await client.webhooks.change(webhook.id, WebhookChange(enabled=False))
            ```
        """
        ...

    async def delete(self, webhook_id: str) -> None:
        """Delete a webhook with its delivery log; nothing more is sent.

        Args:
            webhook_id: Its id, as ``create`` returned it.

        Example:
            ```python
            await client.webhooks.delete(webhook.id)
            ```
        """
        ...

    async def rotate(self, webhook_id: str, rotation: SecretRotation | None = None) -> NewWebhook:
        """Sign with a new secret, and for a while with the old one too.

        Args:
            webhook_id: Its id, as ``create`` returned it.
            rotation: The new secret, and how long the old one still signs; by default one is made.

        Raises:
            ConfigurationError: The secret is malformed.

        Example:
            ```python
            renewed = await client.webhooks.rotate(webhook.id)
            ```
        """
        ...

    async def deliveries(
        self,
        webhook_id: str,
        *,
        state: DeliveryState | None = None,
        cursor: str = "",
        limit: int = 50,
    ) -> DeliveryPage:
        """List the delivery log, the newest event first.

        Args:
            webhook_id: Its id, as ``create`` returned it.
            state: Only deliveries in this state.
            cursor: Where the page before ended; empty for the first.
            limit: Most entries of the page, 1 to 500.

        Example:
            ```python
            page = await client.webhooks.deliveries(webhook.id, state="failed")
            ```
        """
        ...

    async def delivery(self, webhook_id: str, delivery_id: str) -> Delivery:
        """Get one delivery with its payload.

        Args:
            webhook_id: Its id, as ``create`` returned it.
            delivery_id: As in the delivery log.

        Example:
            ```python
            delivery = await client.webhooks.delivery(webhook.id, page.deliveries[0].id)
            ```
        """
        ...

    async def replay(self, webhook_id: str, delivery_id: str) -> Delivery:
        """Send a delivery again, under its id, with all its tries before it.

        Args:
            webhook_id: Its id, as ``create`` returned it.
            delivery_id: As in the delivery log.

        Raises:
            Conflict: Its job was deleted, and its payload with it.

        Example:
            ```python
            await client.webhooks.replay(webhook.id, delivery.id)
            ```
        """
        ...

    async def replay_range(self, webhook_id: str, range: ReplayRange) -> Replayed:
        """Send many deliveries again, ``MAX_REPLAYED`` at most in one request.

        Args:
            webhook_id: Its id, as ``create`` returned it.
            range: Which ones.

        Example:
            ```python
            await client.webhooks.replay_range(webhook.id, ReplayRange())
            ```
        """
        ...
