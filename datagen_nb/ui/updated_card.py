"""A job's card where no widget moves: displayed once, then updated in its place.

It has no buttons; what they would do is a plain call on the job.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from IPython.display import display

from datagen_nb.core.status import State
from datagen_nb.plain_job import Job
from datagen_nb.ui import bridge
from datagen_nb.ui.snapshot import feed, snapshot_of
from datagen_nb.ui.static_html import job_html, job_text, moving_html, moving_text

LEAST_SECONDS = 0.5
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

    def _ipython_display_(self) -> None:
        status, client = self.job.status, self.job.client
        report = self.job.report if status.status is State.COMPLETED else None
        first = snapshot_of(status, self._config, report)
        data = self._forms(first)
        handle = display(data, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        if status.status.is_terminal:
            return

        def update(snapshot: Mapping[str, Any]) -> None:
            handle.update(self._forms(snapshot), raw=True)

        throttle = bridge.Throttle(update, lambda: max(LEAST_SECONDS, bridge.pace.seconds()))
        client.portal.start(
            feed(throttle, self.job.asynchronous, self._config, client.asynchronous)
        )

    def _forms(self, snapshot: Mapping[str, Any]) -> dict[str, str]:
        still = State(snapshot["status"]["status"]).is_terminal
        text, html = (job_text, job_html) if still else (moving_text, moving_html)
        forms = {"text/plain": text(snapshot)}
        return forms | {"text/html": html(snapshot)} if self._with_html else forms
