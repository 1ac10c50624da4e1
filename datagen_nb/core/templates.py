"""Templates: named, versioned configurations of a customer, which may be incomplete.

A version never changes; saving a template again makes the next one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

from pydantic import Field

from datagen_nb.core.config import JobConfiguration, wire_fields
from datagen_nb.core.errors import ConfigurationError, NotFound, Problem
from datagen_nb.core.pipeline_info import PipelineInfo
from datagen_nb.core.status import JobStatus
from datagen_nb.core.summary import Summarized, Summary, listed
from datagen_nb.core.wire_model import Instant, RequestModel, WireModel

MAX_VERSIONS = 99_999

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Template(WireModel):
    """One version of a template.

    Args:
        name: Letters, digits, ``.``, ``_``, ``-``; at most 64.
        version: Number of the version, from 1.
        description: A text for people.
        created_time: When this version was saved.
        configuration: Fields of a ``JobConfiguration`` under their wire names; any may be absent.
    """

    name: str
    version: int
    description: str = ""
    created_time: Instant
    configuration: dict[str, Any] = Field(default_factory=dict)

    def filled(self, overrides: Mapping[str, Any] | None = None) -> JobConfiguration:
        """The configuration with added or replaced fields; ``parameters`` are merged.

        Raises:
            ConfigurationError: A field is missing or breaks a rule; lists every problem.
        """
        return filled(self.configuration, overrides or {})


class TemplateDraft(RequestModel):
    """A template to save: without name, version and time."""

    description: str = Field("", max_length=2000)
    configuration: dict[str, Any] = Field(default_factory=dict)


class TemplateSubmit(RequestModel):
    """A job to submit from a template: fields to add or replace; by default the newest version."""

    overrides: dict[str, Any] = Field(default_factory=dict)
    version: int | None = None


class TemplatePage(Summarized, WireModel):
    """A page of templates; ``next_cursor`` is absent on the last page."""

    templates: tuple[Template, ...]
    next_cursor: str | None = None

    def _summary(self) -> Summary:
        rows = [[one.name, str(one.version), one.description] for one in self.templates]
        return listed(
            "Templates", ["name", "version", "description"], rows, more=self.next_cursor is not None
        )


class Templates(Protocol):
    """A customer's templates. Unknown names raise ``NotFound``."""

    async def put(self, name: str, draft: TemplateDraft) -> Template:
        """Save a template, or the next version of it; nothing changes if it is the same already.

        Args:
            name: Letters, digits, ``.``, ``_``, ``-``; at most 64.
            draft: The configuration, with any fields left out.

        Raises:
            ConfigurationError: The name or a field breaks a rule.

        Example:
            ```python
            config = await client.configure("customers.csv", rows=10_000)
            draft = dg.TemplateDraft(configuration=config.to_wire())
            await client.templates.put("nightly", draft)
            ```
        """
        ...

    async def get(self, name: str, version: int | None = None) -> Template:
        """Get a template.

        Args:
            name: Its name.
            version: Its version; the newest by default.

        Raises:
            NotFound: There is none.

        Example:
            ```python
            template = await client.templates.get("nightly")
            ```
        """
        ...

    async def list(self, *, cursor: str = "", limit: int = 50) -> TemplatePage:
        """List the newest version of each template, by name.

        Args:
            cursor: Where the page before ended; empty for the first.
            limit: Most entries of the page, 1 to 500.

        Example:
            ```python
            page = await client.templates.list()
            [template.name for template in page.templates]
            ```
        """
        ...

    async def versions(self, name: str, *, cursor: str = "", limit: int = 50) -> TemplatePage:
        """List the versions of a template, the first one first.

        Args:
            name: Its name.
            cursor: Where the page before ended; empty for the first.
            limit: Most entries of the page, 1 to 500.

        Example:
            ```python
            page = await client.templates.versions("nightly")
            ```
        """
        ...

    async def delete(self, name: str) -> None:
        """Delete a template with all its versions; jobs made from it stay.

        Args:
            name: Its name.

        Raises:
            NotFound: There is none.

        Example:
            ```python
            await client.templates.delete("nightly")
            ```
        """
        ...

    async def submit(
        self,
        name: str,
        overrides: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str,
        version: int | None = None,
    ) -> JobStatus:
        """Submit a job from a template.

        Raises:
            ConfigurationError: A field is missing or breaks a rule; lists every problem.
        """
        ...


def filled(
    configuration: Mapping[str, Any],
    overrides: Mapping[str, Any],
    pipeline: PipelineInfo | None = None,
) -> JobConfiguration:
    """A whole configuration of some fields and of others that add to or replace them.

    Without a ``pipeline`` only the rules of every job are checked.

    Raises:
        ConfigurationError: Something is still open, or breaks a rule; every problem at once.
    """
    over = wire_fields(overrides)
    fields = {**configuration, **over}
    base, own = configuration.get("parameters"), over.get("parameters")
    if isinstance(base, Mapping) and isinstance(own, Mapping):
        fields["parameters"] = {**base, **own}
    return (pipeline.configuration if pipeline else JobConfiguration.model_validate)(fields)


def check_name(name: str, field: str = "name") -> None:
    """Check the name of a template or a schedule.

    Raises:
        ConfigurationError: The name is not valid.
    """
    if _NAME.fullmatch(name) is None:
        rule = "has to be 1 to 64 letters, digits, '.', '_' or '-', a letter or digit first"
        raise ConfigurationError([Problem(field, repr(name)[:80], rule, "Choose another name.")])


def no_template(name: str, version: int | None = None) -> NotFound:
    """The error for an unknown template."""
    which = f"version {version} of template {name!r}" if version else f"template {name!r}"
    return NotFound(
        f"There is no {which}. The list of templates shows those there are.",
        code="template_not_found",
        details={"template": name[:80], **({"version": version} if version else {})},
    )
