"""Customers, keys and audit: of a home, with or without its service, or of a deployed one."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

from datagen_nb.cli.options import Commands, address
from datagen_nb.core.access import Scope
from datagen_nb.core.errors import DatagenError
from datagen_nb.core.wire_model import format_instant

if TYPE_CHECKING:
    from datagen_nb.core.access import ApiKey, NewKey
    from datagen_nb.core.access_log import AccessLog, Outcome
    from datagen_nb.wiring.administration import AccessControl

DAY = 86_400.0
PAGE = 500

Command = Callable[[argparse.Namespace, "AccessControl"], Awaitable[int]]


def add_commands(commands: Commands) -> None:
    """Add ``customers``, ``keys`` and ``audit``."""

    def group(
        name: str, help: str, *, deployed: bool = False
    ) -> Callable[[str, Command, str], argparse.ArgumentParser]:
        parser = commands.add(name, None, help)
        parser.set_defaults(url=None)
        # After the action too, where people write it; there, being absent, it undoes nothing.
        places = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
        places.add_argument("--home", help="directory of the service (default: DATAGEN_HOME)")
        for takes in (parser, places) if deployed else ():
            takes.add_argument(
                "--url",
                type=address,
                help="address of a deployed service, instead of the home's own; needs a key with "
                "the scope admin in DATAGEN_API_KEY",
            )
        actions = parser.add_subparsers(required=True, metavar="ACTION")

        def action(name: str, run: Command, help: str) -> argparse.ArgumentParser:
            made = actions.add_parser(name, help=help, description=help, parents=[places])
            made.set_defaults(run=lambda options: asyncio.run(_run(run, options)))
            return made

        return action

    customers = group("customers", "Manage who may use a team's service.", deployed=True)
    customers("add", _add_customer, "Make a customer.").add_argument("name", metavar="NAME")
    customers("list", _list_customers, "List the customers.")
    customers("disable", _disable, "Let no key of a customer in.").add_argument(
        "name", metavar="NAME"
    )
    customers("enable", _enable, "Let its keys in again.").add_argument("name", metavar="NAME")
    storage = customers(
        "set", _set_storage, "Set where its data is kept, before its first job; then restart."
    )
    storage.add_argument("name", metavar="NAME")
    storage.add_argument("--bucket", metavar="gs://…", help="its own bucket, or a folder in one")
    storage.add_argument("--service-account", metavar="EMAIL", help="account to impersonate")
    storage.add_argument("--kms-key", metavar="KEY", help="Cloud KMS key of its objects")

    keys = group("keys", "Manage the API keys of a team's service.", deployed=True)
    create = keys("create", _create_key, "Make a key; it is printed once, and kept nowhere.")
    create.add_argument("customer", metavar="CUSTOMER")
    create.add_argument("--name", default="", help="what it is for")
    create.add_argument(
        "--scope",
        action="append",
        choices=[scope.value for scope in Scope],
        help="what it may be used for; may be given several times (read, submit, manage)",
    )
    create.add_argument("--days", type=float, metavar="N", help="how long it is valid (for ever)")
    listed = keys("list", _list_keys, "List keys, never what they are.")
    listed.add_argument("customer", metavar="CUSTOMER", nargs="?")
    rotate = keys("rotate", _rotate_key, "Make a key like another, which then ends.")
    rotate.add_argument("key_id", metavar="KEY_ID")
    rotate.add_argument(
        "--overlap-hours", type=float, default=24, metavar="N", help="how long both are valid (24)"
    )
    revoke = keys("revoke", _revoke_key, "Make a key invalid at once.")
    revoke.add_argument("key_id", metavar="KEY_ID")

    audit = group("audit", "Read and check the access log.")
    verify = audit("verify", _verify, "Check that no line was changed or removed.")
    verify.add_argument("--expect", metavar="HEAD", help="a head that was noted earlier")
    show = audit("show", _show, "Print the lines, the oldest first.")
    show.add_argument("--after", type=int, default=0, metavar="N", help="line to begin after")
    show.add_argument("--json", action="store_true", help="for programs: one object per line")


async def _run(run: Command, options: argparse.Namespace) -> int:
    from datagen_nb.api.process.home import Home
    from datagen_nb.wiring.administration import administration, administration_at

    if options.url is not None:
        async with administration_at(options.url) as access:
            return await run(options, access)
    async with administration(Home.open(options.home)) as access:
        return await run(options, access)


async def _add_customer(options: argparse.Namespace, access: AccessControl) -> int:
    async with _logged(access.log, "customers.change", f"add {options.name}"):
        await access.control.create_customer(options.name)
    print(f"{options.name} is a customer now; `datagen-nb keys create {options.name}` lets it in")
    return 0


async def _list_customers(_: argparse.Namespace, access: AccessControl) -> int:
    after: str | None = ""
    while after is not None:
        page = await access.control.customers(after=after, limit=PAGE)
        for customer in page.customers:
            off = f"  disabled {format_instant(customer.disabled)}" if customer.disabled else ""
            print(f"{customer.name:<24}  made {format_instant(customer.created)}{off}")
        after = page.next_cursor
    return 0


async def _disable(options: argparse.Namespace, access: AccessControl) -> int:
    async with _logged(access.log, "customers.change", f"disable {options.name}"):
        await access.control.disable_customer(options.name)
    print(f"no key of {options.name} lets anyone in; its jobs stay")
    return 0


async def _enable(options: argparse.Namespace, access: AccessControl) -> int:
    async with _logged(access.log, "customers.change", f"enable {options.name}"):
        await access.control.enable_customer(options.name)
    print(f"the valid keys of {options.name} let in again")
    return 0


async def _set_storage(options: argparse.Namespace, access: AccessControl) -> int:
    async with _logged(access.log, "customers.change", f"storage of {options.name}"):
        await access.control.set_storage(
            options.name,
            bucket=options.bucket,
            service_account=options.service_account,
            kms_key=options.kms_key,
        )
    place = options.bucket or "a folder where the service keeps everything"
    print(f"{options.name} keeps its data in {place} when the service has been restarted")
    return 0


async def _create_key(options: argparse.Namespace, access: AccessControl) -> int:
    scopes = {} if options.scope is None else {"scopes": [Scope(name) for name in options.scope]}
    async with _logged(access.log, "keys.change", f"create a key for {options.customer}") as notes:
        made = await access.control.create_key(
            options.customer,
            name=options.name,
            expires_in=None if options.days is None else options.days * DAY,
            **scopes,
        )
        notes.append(f"key {made.key.key_id} with {', '.join(made.key.scopes)}")
    return _hand_over(made)


async def _list_keys(options: argparse.Namespace, access: AccessControl) -> int:
    after: str | None = ""
    while after is not None:
        page = await access.control.keys(customer=options.customer, after=after, limit=PAGE)
        for key in page.keys:
            print(_line(key))
        after = page.next_cursor
    return 0


async def _rotate_key(options: argparse.Namespace, access: AccessControl) -> int:
    async with _logged(access.log, "keys.change", f"rotate {options.key_id}") as notes:
        made = await access.control.rotate_key(options.key_id, overlap=options.overlap_hours * 3600)
        notes.append(f"key {made.key.key_id}")
    return _hand_over(made)


async def _revoke_key(options: argparse.Namespace, access: AccessControl) -> int:
    async with _logged(access.log, "keys.change", f"revoke {options.key_id}"):
        await access.control.revoke_key(options.key_id)
    print(f"{options.key_id} is revoked")
    return 0


async def _verify(options: argparse.Namespace, access: AccessControl) -> int:
    verdict = await _own(access).verify(expect=options.expect)
    for problem in verdict.problems:
        print(f"BAD  {problem}")
    if verdict.whole:
        print(f"ok   {verdict.entries} lines, each as it was written")
    print(f"head {verdict.head}")
    return 0 if verdict.whole else 1


async def _show(options: argparse.Namespace, access: AccessControl) -> int:
    after = options.after
    while lines := await _own(access).entries(after=after, limit=PAGE):
        for line in lines:
            note = f"  ({line.note})" if line.note else ""
            print(
                line.to_json()
                if options.json
                else f"{line.number:>6}  {format_instant(line.at)}  {line.outcome:<8}"
                f"  {line.who:<24}  {line.action:<16}  {line.target}{note}"
            )
        after = lines[-1].number
    return 0


def _own(access: AccessControl) -> AccessLog:
    return cast("AccessLog", access.log)  # ``audit`` has no ``--url``


@asynccontextmanager
async def _logged(
    log: AccessLog | None, action: str, target: str
) -> AsyncGenerator[list[str], None]:
    """Tell the access log of a change, whatever becomes of it; with the notes that are added."""
    notes: list[str] = []
    outcome: Outcome = "failed"
    try:
        yield notes
        outcome = "allowed"
    except DatagenError as error:
        notes.append(error.code)
        raise
    finally:
        note = "; ".join(notes) or None
        if log is not None:
            await log.record(
                who="operator", action=action, target=target, outcome=outcome, note=note
            )


def _hand_over(made: NewKey) -> int:
    print(f"{_line(made.key)}\nThe key is shown this once; keep it safe:", file=sys.stderr)
    print(made.secret)
    return 0


def _line(key: ApiKey) -> str:
    parts = [f"{key.key_id}  {key.customer:<24}  {','.join(key.scopes):<20}"]
    for word, at in (
        ("made", key.created),
        ("expires", key.expires),
        ("used", key.last_used),
        ("revoked", key.revoked),
    ):
        if at is not None:
            parts.append(f"{word} {format_instant(at)}")
    return "  ".join([*parts, *([key.name] if key.name else [])])
