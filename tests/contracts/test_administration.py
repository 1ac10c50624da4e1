"""What managing customers and keys keeps to, on the spot and across the wire."""

from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest

from datagen_nb.api.client.access import HttpAdministration
from datagen_nb.api.client.session import Session
from datagen_nb.api.server.app import make_app
from datagen_nb.api.server.auth import ApiKeyAuth, AuthConfig
from datagen_nb.core.access import Scope
from datagen_nb.core.errors import ConfigurationError, Conflict, NotFound, Unauthenticated
from datagen_nb.service.access.audit import Audit
from datagen_nb.service.access.keys import Access
from datagen_nb.stores.sqlite.store import SqliteStore
from tests.clock import FakeClock

UNKNOWN = "000000000000"


@asynccontextmanager
async def over_the_wire(access, log, clock):
    """By a key with the scope admin, and no other."""
    await access.create_customer("operators")
    key = (await access.create_key("operators", scopes=[Scope.ADMIN])).secret
    app = make_app(
        lambda connection: None,
        describe=lambda info: info,
        auth=AuthConfig(ApiKeyAuth(access), log, clock),
        access=access,
    )
    transport = httpx.ASGITransport(app)
    headers = {"X-Api-Key": key}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://x", headers=headers
    ) as client:
        yield HttpAdministration(Session(client))


@asynccontextmanager
async def on_the_spot(access, log, clock):
    yield access


ADAPTERS = {"here": on_the_spot, "http": over_the_wire}


class Office:
    """Who manages, and what decides who comes in."""

    def __init__(self, desk, access, log):
        self.desk = desk
        self.access = access
        self.log = log


@pytest.fixture(params=ADAPTERS)
async def office(request, tmp_path):
    async with AsyncExitStack() as stack:
        store = await SqliteStore.open(tmp_path / "jobs.sqlite")
        stack.push_async_callback(store.aclose)
        clock = FakeClock()
        access, log = Access(store.documents, clock), Audit(store.documents, clock)
        opened = ADAPTERS[request.param](access, log, clock)
        yield Office(await stack.enter_async_context(opened), access, log)


async def test_a_key_lives_from_its_making_to_its_end(office):
    """Made, recognised, rotated, revoked."""
    desk = office.desk
    assert (await desk.create_customer("acme")).name == "acme"
    made = await desk.create_key("acme", name="ci", scopes=[Scope.READ], expires_in=600)
    caller = await office.access.authenticate(made.secret)
    assert (caller.customer, caller.scopes) == ("acme", frozenset({Scope.READ}))
    new = await desk.rotate_key(made.key.key_id, overlap=60)
    assert (new.key.name, new.key.scopes) == ("ci", (Scope.READ,))
    listed = await desk.keys(customer="acme")
    assert {key.key_id for key in listed.keys} == {made.key.key_id, new.key.key_id}
    assert (await desk.revoke_key(new.key.key_id)).revoked is not None
    with pytest.raises(Unauthenticated):
        await office.access.authenticate(new.secret)
    assert (await office.access.authenticate(made.secret)).customer == "acme"


async def test_disabling_and_enabling_a_customer_can_be_said_twice(office):
    """The second time nothing changes."""
    desk = office.desk
    await desk.create_customer("acme")
    made = await desk.create_key("acme")
    first = await desk.disable_customer("acme")
    assert await desk.disable_customer("acme") == first
    with pytest.raises(Unauthenticated):
        await office.access.authenticate(made.secret)
    assert (await desk.enable_customer("acme")).disabled is None
    assert (await desk.enable_customer("acme")).disabled is None
    assert await office.access.authenticate(made.secret)


async def test_a_customers_storage_is_set_and_found(office):
    """By the service that starts next, and by a listing of the customers."""
    key = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
    storage = {
        "bucket": "gs://acme-tables/all",
        "service_account": "acme@p.iam.gserviceaccount.com",
        "kms_key": key,
    }
    await office.desk.create_customer("stored")

    made = await office.desk.set_storage("stored", **storage)

    found = {one.name: one.storage for one in (await office.desk.customers()).customers}
    assert made.storage.model_dump() == found["stored"].model_dump() == storage
    assert (await office.desk.set_storage("stored")).storage.bucket is None


async def test_pages_follow_each_other(office):
    """Until there is no cursor any more."""
    desk = office.desk
    names = [f"c{n}" for n in range(5)]
    for name in names:
        await desk.create_customer(name)
        await desk.create_key(name)
    found, after = [], ""
    while after is not None:
        page = await desk.customers(after=after, limit=2)
        found += [customer.name for customer in page.customers]
        after = page.next_cursor
    assert [name for name in found if name != "operators"] == names
    keys, after = [], ""
    while after is not None:
        page = await desk.keys(after=after, limit=2)
        keys += [key.key_id for key in page.keys]
        after = page.next_cursor
    assert len(keys) == len(set(keys)) >= 5


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (lambda desk: desk.create_customer("acme"), Conflict),
        (lambda desk: desk.create_customer("local"), ConfigurationError),
        (lambda desk: desk.create_customer("A/../B"), ConfigurationError),
        (lambda desk: desk.disable_customer("nobody"), NotFound),
        (lambda desk: desk.set_storage("nobody"), NotFound),
        (lambda desk: desk.set_storage("acme", bucket="acme"), ConfigurationError),
        (lambda desk: desk.set_storage("acme", service_account="me@x.com"), ConfigurationError),
        (lambda desk: desk.set_storage("acme", kms_key="key"), ConfigurationError),
        (lambda desk: desk.enable_customer("no/body?"), NotFound),
        (lambda desk: desk.create_key("nobody"), NotFound),
        (lambda desk: desk.create_key("acme", scopes=[]), ConfigurationError),
        (lambda desk: desk.create_key("acme", expires_in=0), ConfigurationError),
        (lambda desk: desk.create_key("acme", expires_in=float("inf")), ConfigurationError),
        (lambda desk: desk.create_key("acme", name="x" * 201), ConfigurationError),
        (lambda desk: desk.rotate_key(UNKNOWN), NotFound),
        (lambda desk: desk.rotate_key(UNKNOWN, overlap=-1), ConfigurationError),
        (lambda desk: desk.revoke_key(UNKNOWN), NotFound),
    ],
)
async def test_what_cannot_be_is_the_same_error_everywhere(office, ask, error):
    """And changes nothing."""
    await office.desk.create_customer("acme")
    before = await office.desk.keys(), await office.desk.customers()
    with pytest.raises(error):
        await ask(office.desk)
    assert (await office.desk.keys(), await office.desk.customers()) == before


async def test_the_secret_is_in_no_repr(office):
    """It is there for who asks for it by name."""
    await office.desk.create_customer("acme")
    made = await office.desk.create_key("acme")
    assert made.secret[16:] not in repr(made)
