"""Templates as documents: one of the newest version by name, and one of each version.

Both are written at once, so that a version that can be listed can be read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from datagen_nb.core.errors import Conflict
from datagen_nb.core.messages import check_page
from datagen_nb.core.ports import Jobs
from datagen_nb.core.status import JobStatus
from datagen_nb.core.store import Document
from datagen_nb.core.templates import (
    MAX_VERSIONS,
    Template,
    TemplateDraft,
    TemplatePage,
    check_name,
    filled,
    no_template,
)
from datagen_nb.service.collection import retry_on_conflict
from datagen_nb.service.context import ServiceContext

NEWEST, VERSION = "template", "template-version"


class CustomerTemplates:
    """One customer's templates; implements ``core.templates.Templates``."""

    def __init__(self, context: ServiceContext, customer: str, jobs: Jobs) -> None:
        self._documents = context.documents
        self._clock = context.clock
        self._pipeline = context.pipeline
        self._customer = customer
        self._jobs = jobs

    async def put(self, name: str, draft: TemplateDraft) -> Template:
        check_name(name)
        # As it will be read again: what was given as a tuple is a list then.
        fields = json.loads(
            json.dumps((await self._pipeline.describe()).partial_configuration(draft.configuration))
        )

        async def attempt() -> Template:
            head = await self._documents.get(self._customer, NEWEST, name)
            newest = Template.from_wire(head.body) if head else None
            if newest is not None and _content(newest) == (draft.description, fields):
                return newest
            made = Template(
                name=name,
                version=await self._next(name, newest),
                description=draft.description,
                created_time=self._clock.now(),
                configuration=fields,
            )
            body = made.to_wire()
            version = 0 if head is None else head.version
            await self._documents.put(
                Document(self._customer, NEWEST, name, body, version=version),
                Document(self._customer, VERSION, _id(name, made.version), body),
            )
            return made

        return await retry_on_conflict(attempt)

    async def get(self, name: str, version: int | None = None) -> Template:
        kind, id = (NEWEST, name) if version is None else (VERSION, _id(name, version))
        found = await self._documents.get(self._customer, kind, id)
        if found is None:
            raise no_template(name, version)
        return Template.from_wire(found.body)

    async def list(self, *, cursor: str = "", limit: int = 50) -> TemplatePage:
        check_page(limit)
        found = await self._documents.page(self._customer, NEWEST, after=cursor, limit=limit + 1)
        return _page(found, limit)

    async def versions(self, name: str, *, cursor: str = "", limit: int = 50) -> TemplatePage:
        check_page(limit)
        await self.get(name)
        found = await self._documents.page(
            self._customer, VERSION, prefix=f"{name}@", after=cursor, limit=limit + 1
        )
        return _page(found, limit)

    async def delete(self, name: str) -> None:
        await self.get(name)
        # The newest goes last: until then a delete that was broken off can be asked for again.
        while versions := await self._documents.page(self._customer, VERSION, prefix=f"{name}@"):
            for version in versions:
                await self._documents.delete(self._customer, VERSION, version.id)
        await self._documents.delete(self._customer, NEWEST, name)

    async def submit(
        self,
        name: str,
        overrides: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str,
        version: int | None = None,
    ) -> JobStatus:
        template = await self.get(name, version)
        pipeline = await self._pipeline.describe()
        config = filled(template.configuration, overrides or {}, pipeline)
        return await self._jobs.create(config, idempotency_key=idempotency_key)

    async def _next(self, name: str, newest: Template | None) -> int:
        """The next number, behind what a deletion at the same moment may have left too."""
        last = newest.version if newest else 0
        while left := await self._documents.page(
            self._customer, VERSION, prefix=f"{name}@", after=_id(name, last)
        ):
            last = int(left[-1].id.rpartition("@")[2])
        if last >= MAX_VERSIONS:
            raise Conflict(
                f"Template {name!r} has {MAX_VERSIONS:,} versions. Put it under another name.",
                code="too_many_versions",
            )
        return last + 1


def _id(name: str, version: int) -> str:
    return f"{name}@{version:05d}"


def _content(template: Template) -> tuple[str, dict[str, Any]]:
    return template.description, template.configuration


def _page(found: Sequence[Document], limit: int) -> TemplatePage:
    shown = [Template.from_wire(document.body) for document in found[:limit]]
    more = found[limit - 1].id if len(found) > limit else None
    return TemplatePage(templates=tuple(shown), next_cursor=more)
