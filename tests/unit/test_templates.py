"""Templates: versions that never change, names that page, gaps that are reported together."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ConfigurationError, NotFound
from datagen_nb.core.store import Document
from datagen_nb.core.templates import TemplateDraft
from datagen_nb.service.templates import VERSION, CustomerTemplates
from datagen_nb.stores.sqlite.store import SqliteStore
from tests.clock import FakeClock
from tests.pipelines import A_PIPELINE

WHOLE = {"dataSize": 10, "inputFormat": "csv", "outputFormat": "csv", "inputPath": "in.csv"}


@dataclass
class Submits:
    """Stands for the customer's ``Jobs``; keeps what was submitted."""

    taken: list[tuple[JobConfiguration, str]] = field(default_factory=list)

    async def create(self, config, *, idempotency_key):
        self.taken.append((config, idempotency_key))


@pytest.fixture
async def store(tmp_path):
    store = await SqliteStore.open(tmp_path / "jobs.sqlite")
    yield store
    await store.aclose()


@pytest.fixture
def jobs():
    return Submits()


def of_customer(store, jobs, name):
    context = SimpleNamespace(documents=store.documents, clock=FakeClock(), pipeline=A_PIPELINE)
    return CustomerTemplates(context, name, jobs)


@pytest.fixture
def templates(store, jobs):
    return of_customer(store, jobs, "ann")


def draft(**fields):
    return TemplateDraft(configuration=fields)


async def test_each_put_makes_the_next_version_and_changes_none(templates):
    """Version 1 reads as it was put when there are twelve."""
    for rows in range(1, 13):
        await templates.put("nightly", draft(dataSize=rows))

    assert (await templates.get("nightly")).version == 12
    assert (await templates.get("nightly", 1)).configuration == {"dataSize": 1}
    page = await templates.versions("nightly", limit=10)
    rest = await templates.versions("nightly", limit=10, cursor=page.next_cursor)
    versions = [one.version for one in (*page.templates, *rest.templates)]
    assert versions == list(range(1, 13))
    assert rest.next_cursor is None


async def test_putting_the_same_again_makes_no_version(templates):
    """A put that is sent twice is one."""
    first = await templates.put("nightly", draft(data_size=5, tags=("a",)))

    assert await templates.put("nightly", draft(dataSize=5, tags=["a"])) == first


async def test_templates_page_by_name_with_their_newest_version(templates):
    """One line a name, whatever characters follow it."""
    for name in ("b", "a", "a-2", "a.1"):
        await templates.put(name, draft(dataSize=1))
        await templates.put(name, draft(dataSize=2))

    page = await templates.list(limit=3)
    rest = await templates.list(limit=3, cursor=page.next_cursor)

    names = [(one.name, one.version) for one in (*page.templates, *rest.templates)]
    assert names == [("a", 2), ("a-2", 2), ("a.1", 2), ("b", 2)]


async def test_what_a_template_says_is_checked_when_it_is_put(templates):
    """Every problem at once; what is left open is none."""
    with pytest.raises(ConfigurationError) as caught:
        await templates.put("x", draft(dataSize=0, inputFormt="csv", parameters={"sed": 1}))

    fields = {problem.field for problem in caught.value.problems}
    assert fields == {"dataSize", "inputFormt", "parameters.sed"}


@pytest.mark.parametrize("name", ["", "a/b", "a@1", "-a", "a b", "a" * 65, "ä"])
async def test_names_are_plain(templates, name):
    """A name fits into a path and an id as it is."""
    with pytest.raises(ConfigurationError, match="letters"):
        await templates.put(name, draft(dataSize=1))


async def test_a_job_from_a_template_takes_its_fields_and_the_overrides(templates, jobs):
    """Overrides replace fields; of the parameters each by itself."""
    await templates.put("t", draft(**WHOLE, parameters={"seed": 1, "partRows": 9}))

    await templates.submit("t", {"data_size": 7, "parameters": {"seed": 2}}, idempotency_key="k")

    ((config, key),) = jobs.taken
    assert (config.data_size, config.input_path, key) == (7, "in.csv", "k")
    assert config.parameters == {"seed": 2, "partRows": 9}


async def test_a_job_can_be_made_from_an_older_version(templates, jobs):
    """The version that is named, not the newest."""
    await templates.put("t", draft(**WHOLE))
    await templates.put("t", draft(**WHOLE | {"dataSize": 99}))

    await templates.submit("t", idempotency_key="k", version=1)

    assert jobs.taken[0][0].data_size == 10


async def test_what_is_still_open_is_reported_together(templates, jobs):
    """Nothing is submitted."""
    await templates.put("t", draft(dataSize=5))

    with pytest.raises(ConfigurationError) as caught:
        await templates.submit("t", {"inputPath": "x"}, idempotency_key="k")

    assert {problem.field for problem in caught.value.problems} == {"inputFormat", "outputFormat"}
    assert jobs.taken == []


async def test_a_deleted_template_is_gone_with_its_versions(templates, store):
    """And its name is free again, even if a version was put while it was deleted."""
    await templates.put("t", draft(dataSize=5))
    await templates.put("t", draft(dataSize=6))
    await templates.put("t2", draft(dataSize=7))

    await templates.delete("t")

    for look in (templates.get("t"), templates.get("t", 1), templates.versions("t")):
        with pytest.raises(NotFound, match="template 't'"):
            await look
    assert (await templates.get("t2", 1)).configuration == {"dataSize": 7}
    await store.documents.put(Document("ann", VERSION, "t@00001", {}))
    assert (await templates.put("t", draft(dataSize=8))).version == 2


async def test_anothers_template_looks_like_none(templates, store, jobs):
    """Unknown and foreign get the same answer."""
    await templates.put("t", draft(dataSize=5))
    other = of_customer(store, jobs, "bob")

    with pytest.raises(NotFound) as foreign:
        await other.get("t")
    with pytest.raises(NotFound) as unknown:
        await of_customer(store, jobs, "eve").get("t")

    assert foreign.value.message == unknown.value.message
    assert (await other.list()).templates == ()
