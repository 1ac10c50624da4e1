"""A job's card where no widget moves: displayed once, then updated in its place.

It has no buttons; what they would do is a plain call on the job.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from IPython.display import display

from datagen_nb.client.sync import Job
from datagen_nb.core.errors import DatagenError
from datagen_nb.core.status import State
from datagen_nb.ui import host
from datagen_nb.ui.snapshot import feed, newer
from datagen_nb.ui.static_html import job_html, job_text, moving_html, moving_text
from datagen_nb.ui.static_output import MimeBundle, static_outputs
from datagen_nb.ui.throttle import Throttle, send_rate

MIN_INTERVAL = 0.5
"""Between two updates of one card: each is a whole output, kept by the page."""


class UpdatedCard:
    """Shows a job as HTML or text.

    Args:
        job: The job.
        with_html: Text alone otherwise.
    """

    def __init__(self, job: Job, *, with_html: bool) -> None:
        self.job = job
        self._with_html = with_html
        self._config = job.configuration
        self._snapshot: dict[str, Any] = {}

    def update_static(self) -> bool:
        """See ``static_output.Refreshable``."""
        if not self._is_final:
            with suppress(DatagenError):  # as it was last seen, with its age
                self._ask()
        return not self._is_final

    def _ask(self) -> None:
        job, client = self.job.asynchronous, self.job.client

        async def asked() -> dict[str, Any]:
            return await newer(await job.refresh(), job, self._config, client.asynchronous)

        self._snapshot = client.portal.call(asked())

    def mime_bundle(self) -> MimeBundle:
        """The card as it stands."""
        return self._forms(self._snapshot)

    @property
    def _is_final(self) -> bool:
        return State(self._snapshot["status"]["status"]).is_terminal

    def _ipython_display_(self) -> None:
        client = self.job.client
        self._ask()
        if not host.has_browser():
            static_outputs.show(self)
            return
        data = self.mime_bundle()
        handle = display(data, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        if self._is_final:
            return

        def update(snapshot: Mapping[str, Any]) -> None:
            handle.update(self._forms(snapshot), raw=True)

        throttle = Throttle(update, lambda: max(MIN_INTERVAL, send_rate.interval()))
        client.portal.start(
            feed(throttle, self.job.asynchronous, self._config, client.asynchronous)
        )

    def _forms(self, snapshot: Mapping[str, Any]) -> dict[str, str]:
        ended = State(snapshot["status"]["status"]).is_terminal
        text, html = (job_text, job_html) if ended else (moving_text, moving_html)
        forms = {"text/plain": text(snapshot)}
        return forms | {"text/html": html(snapshot)} if self._with_html else forms
