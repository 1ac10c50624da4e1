"""Customers and keys: who is recognised, until when, and what is kept of a key."""

from dataclasses import replace
from datetime import timedelta

import pytest

from datagen_nb.core.access import LOCAL_CUSTOMER, SCOPE_OF, Caller, Scope, check_scope, parse_key
from datagen_nb.core.access_log import LOGGED_ACTIONS
from datagen_nb.core.errors import (
    ConfigurationError,
    Conflict,
    Forbidden,
    NotFound,
    ServiceUnavailable,
    Unauthenticated,
)
from datagen_nb.service.access.keys import FRESH_SECONDS, USE_SECONDS, Access
from datagen_nb.stores.sqlite.store import SqliteStore
from tests.clock import START, FakeClock


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
async def store(tmp_path):
    store = await SqliteStore.open(tmp_path / "jobs.sqlite")
    yield store
    await store.aclose()


@pytest.fixture
async def access(store, clock):
    access = Access(store.documents, clock)
    await access.create_customer("acme")
    yield access
    await access.aclose()


async def test_a_key_opens_its_customers_door_with_its_scopes(access):
    """And no other's."""
    made = await access.create_key("acme", scopes=[Scope.READ])
    assert await access.authenticate(made.secret) == Caller(
        "acme", frozenset({Scope.READ}), made.key.key_id
    )


async def test_nothing_that_is_kept_or_shown_holds_the_secret(access, store):
    """Only its digest is kept; the key's own repr hides it, its prefix is no part of it."""
    made = await access.create_key("acme")
    _, secret = parse_key(made.secret)
    for shown in (repr(made), str(made), made.key.to_json(), repr(access.__dict__)):
        assert secret not in shown
    (document,) = await store.documents.page("", "key")
    assert secret not in repr(document)
    assert made.key.prefix == f"dg_{made.key.key_id}"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: text[:-1],
        lambda text: text + "x",
        lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"),
        lambda text: text[:3] + ("0" if text[3] != "0" else "1") + text[4:],
        lambda text: text.upper(),
        lambda text: text + "\n",
        lambda text: "x" * 100_000,
    ],
)
async def test_what_is_not_the_key_opens_nothing(access, spoil):
    """Whatever is wrong with it, the answer is the same."""
    made = await access.create_key("acme")
    with pytest.raises(Unauthenticated) as refused:
        await access.authenticate(spoil(made.secret))
    with pytest.raises(Unauthenticated) as unknown:
        await access.authenticate("dg_000000000000_" + "A" * 43)
    assert refused.value.message == unknown.value.message


async def test_an_expired_key_opens_nothing(access, clock):
    """From its end on, even while it is remembered."""
    made = await access.create_key("acme", expires_in=FRESH_SECONDS)
    await access.authenticate(made.secret)
    clock.advance(FRESH_SECONDS)
    with pytest.raises(Unauthenticated):
        await access.authenticate(made.secret)


async def test_a_revoked_key_opens_nothing_at_once(access):
    """No cache stands in the way; the key stays listed."""
    made = await access.create_key("acme")
    await access.authenticate(made.secret)
    assert (await access.revoke_key(made.key.key_id)).revoked is not None
    with pytest.raises(Unauthenticated):
        await access.authenticate(made.secret)
    assert [key.key_id for key in (await access.keys()).keys] == [made.key.key_id]


async def test_a_key_that_another_process_revoked_opens_nothing_soon(access, store, clock):
    """After a moment."""
    made = await access.create_key("acme")
    await access.authenticate(made.secret)
    await Access(store.documents, clock).revoke_key(made.key.key_id)
    clock.advance(FRESH_SECONDS + 0.01)
    with pytest.raises(Unauthenticated):
        await access.authenticate(made.secret)


async def test_no_key_of_a_disabled_customer_opens_anything(access):
    """Until it is enabled again."""
    made = await access.create_key("acme")
    await access.disable_customer("acme")
    with pytest.raises(Unauthenticated):
        await access.authenticate(made.secret)
    await access.enable_customer("acme")
    assert (await access.authenticate(made.secret)).customer == "acme"


async def test_a_rotated_key_stays_valid_for_the_overlap(access, clock):
    """The new one has its customer, name and scopes."""
    old = await access.create_key("acme", name="ci", scopes=[Scope.SUBMIT])
    new = await access.rotate_key(old.key.key_id, overlap=60)
    assert (new.key.customer, new.key.name, new.key.scopes) == ("acme", "ci", (Scope.SUBMIT,))
    assert new.secret != old.secret
    clock.advance(59)
    assert await access.authenticate(old.secret)
    clock.advance(1)
    with pytest.raises(Unauthenticated):
        await access.authenticate(old.secret)
    assert await access.authenticate(new.secret)
    with pytest.raises(Conflict):
        await access.rotate_key(old.key.key_id)


async def test_rotating_lengthens_no_keys_life(access, clock):
    """One that ends within the overlap ends when it would have; the new one lasts as long."""
    old = await access.create_key("acme", expires_in=10)
    clock.advance(5)
    new = await access.rotate_key(old.key.key_id, overlap=60)
    assert new.key.expires == START + timedelta(seconds=15)
    kept = {key.key_id: key.expires for key in (await access.keys()).keys}
    assert kept[old.key.key_id] == START + timedelta(seconds=10)


async def test_the_last_use_is_written_now_and_then(access, store, clock):
    """Once for many uses, and at the end."""
    made = await access.create_key("acme")
    await access.start()
    for _ in range(10):
        await access.authenticate(made.secret)
    await clock.asleep(USE_SECONDS)
    assert (await access.keys()).keys[0].last_used is None
    before = await store.documents.get("", "key", made.key.key_id)
    await access.aclose()
    after = await store.documents.get("", "key", made.key.key_id)
    assert after.version == before.version + 1
    assert (await access.keys()).keys[0].last_used == START


async def test_a_use_that_cannot_be_written_is_written_later(access, store, clock, monkeypatch):
    """A database that is away for a moment ends nothing."""
    made = await access.create_key("acme")
    await access.start()
    await access.authenticate(made.secret)
    put = type(store.documents).put

    async def away(*documents, **rest):
        raise ServiceUnavailable("the disk is full")

    monkeypatch.setattr(type(store.documents), "put", away)
    for seconds in (USE_SECONDS, USE_SECONDS):
        await clock.asleep(seconds)
        clock.advance(seconds)
        await access.authenticate(made.secret)
    monkeypatch.setattr(type(store.documents), "put", put)
    await access.aclose()
    (key,) = (await access.keys()).keys
    assert key.last_used == START + timedelta(seconds=2 * USE_SECONDS)


async def test_using_a_key_undoes_no_revocation(access, store, clock):
    """The use is written onto the key as it stands."""
    made = await access.create_key("acme")
    await access.authenticate(made.secret)
    await Access(store.documents, clock).revoke_key(made.key.key_id)
    await access.flush()
    assert (await access.keys()).keys[0].revoked is not None


@pytest.mark.parametrize(
    "name", ["", "Acme", "a/b", "..", "ä", "a" * 64, "-a", "a b", "a\n", LOCAL_CUSTOMER]
)
async def test_a_customers_name_can_be_a_directorys(access, name):
    """And is never that of the local service's own user."""
    with pytest.raises(ConfigurationError):
        await access.create_customer(name)


async def test_there_is_one_customer_of_a_name(access):
    """The second gets an error."""
    with pytest.raises(Conflict):
        await access.create_customer("acme")


@pytest.mark.parametrize(
    "values",
    [{"scopes": []}, {"expires_in": 0}, {"expires_in": float("nan")}, {"name": "x" * 201}],
)
async def test_a_key_that_makes_no_sense_is_refused(access, values):
    """Before anything is kept."""
    with pytest.raises(ConfigurationError):
        await access.create_key("acme", **values)
    assert (await access.keys()).keys == ()


async def test_unknown_names_and_ids_are_not_found(access):
    """Everywhere."""
    for asked in (
        access.create_key("nobody"),
        access.disable_customer("nobody"),
        access.revoke_key("000000000000"),
        access.rotate_key("000000000000"),
    ):
        with pytest.raises(NotFound):
            await asked


async def test_pages_of_customers_and_keys_miss_and_repeat_nothing(access):
    """Whatever their size, and filtered too."""
    for n in range(7):
        await access.create_customer(f"c{n}")
    names, after = [], ""
    while True:
        page = await access.customers(after=after, limit=3)
        names += [customer.name for customer in page.customers]
        if page.next_cursor is None:
            break
        after = page.next_cursor
    assert names == ["acme", *(f"c{n}" for n in range(7))]
    made = {(await access.create_key(f"c{n % 2}")).key.key_id for n in range(10)}
    for customer, expected in ((None, 10), ("c1", 5)):
        found, after = [], ""
        while True:
            keys = await access.keys(customer=customer, after=after, limit=2)
            found += [key.key_id for key in keys.keys]
            if keys.next_cursor is None:
                break
            after = keys.next_cursor
        assert len(found) == len(set(found)) == expected
        assert made.issuperset(found)


@pytest.mark.parametrize("action", SCOPE_OF)
def test_an_action_needs_its_own_scope_and_no_other_will_do(action):
    """The whole table."""
    whole = Caller("acme")
    check_scope(whole, action)
    with pytest.raises(Forbidden) as refused:
        check_scope(replace(whole, scopes=whole.scopes - {SCOPE_OF[action]}), action)
    assert refused.value.details["needed"] == SCOPE_OF[action]


def test_whatever_needs_the_scope_admin_and_changes_something_is_logged():
    """Each change of access is recorded."""
    assert {name for name in SCOPE_OF if SCOPE_OF[name] is Scope.ADMIN} - LOGGED_ACTIONS == {
        "customers.read",
        "keys.read",
        "metrics.read",
    }
