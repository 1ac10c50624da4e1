"""Templates: named, versioned configurations of a customer, with some fields left open.

A version never changes; putting a template again makes the next one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

from pydantic import Field

from datagen_nb.core.config import JobConfiguration, wire_fields
from datagen_nb.core.errors import ConfigurationError, NotFound, Problem
from datagen_nb.core.status import JobStatus
from datagen_nb.core.wire_model import Instant, WireModel

MOST_VERSIONS = 99_999

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Template(WireModel):
    """One version of a template.

    Args:
        name: Letters, digits, ``.``, ``_``, ``-``; at most 64.
        version: From 1, in the order in which they were put.
        description: For people.
        created_time: When this version was put.
        configuration: Fields of a ``JobConfiguration`` under their wire names; any may be open.
    """

    name: str
    version: int
    description: str = ""
    created_time: Instant
    configuration: dict[str, Any] = Field(default_factory=dict)

    def filled(self, overrides: Mapping[str, Any] | None = None) -> JobConfiguration:
        """The configuration, with fields added or replaced; of ``parameters`` each by itself.

        Raises:
            ConfigurationError: Something is still open, or breaks a rule; every problem at once.
        """
        return filled(self.configuration, overrides or {})


class TemplateDraft(WireModel):
    """What is put: a template without its name, version and time."""

    description: str = Field("", max_length=2000)
    configuration: dict[str, Any] = Field(default_factory=dict)


class TemplateSubmit(WireModel):
    """A job to be made from a template: fields to add or replace, and the version if not newest."""

    overrides: dict[str, Any] = Field(default_factory=dict)
    version: int | None = None


class TemplatePage(WireModel):
    """One page of templates; ``next_cursor`` is absent on the last."""

    templates: tuple[Template, ...]
    next_cursor: str | None = None


class Templates(Protocol):
    """A customer's templates. What is not there, or another's, is ``NotFound``."""

    async def put(self, name: str, draft: TemplateDraft) -> Template:
        """Make the next version; the newest one, if that says the same already.

        Raises:
            ConfigurationError: The name, or a field that is given, breaks a rule.
        """
        ...

    async def get(self, name: str, version: int | None = None) -> Template:
        """One version, or the newest."""
        ...

    async def list(self, *, cursor: str = "", limit: int = 50) -> TemplatePage:
        """The newest version of each, by name."""
        ...

    async def versions(self, name: str, *, cursor: str = "", limit: int = 50) -> TemplatePage:
        """Versions of one, the first one first."""
        ...

    async def delete(self, name: str) -> None:
        """Remove it with all its versions; jobs made from it stay."""
        ...

    async def submit(
        self,
        name: str,
        overrides: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str,
        version: int | None = None,
    ) -> JobStatus:
        """Submit a job made from it.

        Raises:
            ConfigurationError: Something is still open, or breaks a rule; every problem at once.
        """
        ...


def filled(configuration: Mapping[str, Any], overrides: Mapping[str, Any]) -> JobConfiguration:
    """A whole configuration of some fields and of others that add to or replace them."""
    over = wire_fields(overrides)
    fields = {**configuration, **over}
    base, own = configuration.get("parameters"), over.get("parameters")
    if isinstance(base, Mapping) and isinstance(own, Mapping):
        fields["parameters"] = {**base, **own}
    return JobConfiguration.model_validate(fields)


def check_name(name: str, field: str = "name") -> None:
    """Check the name of a template or a schedule.

    Raises:
        ConfigurationError: It is none.
    """
    if _NAME.fullmatch(name) is None:
        rule = "has to be 1 to 64 letters, digits, '.', '_' or '-', a letter or digit first"
        raise ConfigurationError([Problem(field, repr(name)[:80], rule, "Choose another name.")])


def no_template(name: str, version: int | None = None) -> NotFound:
    """What is told of a template that is not there."""
    which = f"version {version} of template {name!r}" if version else f"template {name!r}"
    return NotFound(
        f"There is no {which}. The list of templates shows those there are.",
        code="template_not_found",
        details={"template": name[:80], **({"version": version} if version else {})},
    )
