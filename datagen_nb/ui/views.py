"""What a client is given to show its things with; loads a widget's parts when it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from datagen_nb.client.sync import Client, Dataset, Job
    from datagen_nb.core.config import JobConfiguration
    from datagen_nb.core.result import Report


class Views:
    """Implements ``sync.Views``."""

    def card(self, job: Job, mode: str | None = None) -> Any:
        from datagen_nb.ui.host import form

        shown = form(mode)
        if shown == "widget":
            from datagen_nb.ui.card import JobCard

            return JobCard(job)
        from datagen_nb.ui.updated_card import UpdatedCard

        return UpdatedCard(job, with_html=shown == "html")

    def grid(self, data: Dataset) -> Any:
        from datagen_nb.ui.renderers import view

        return view(data)

    def report(self, report: Report) -> Any:
        from datagen_nb.ui.report import ReportView

        return ReportView(report)

    def wizard(
        self, client: Client, config: JobConfiguration, step: Literal["data", "review"]
    ) -> Any:
        from datagen_nb.ui.wizard import Wizard

        wizard = Wizard(client, config)
        wizard.step = step
        return wizard
