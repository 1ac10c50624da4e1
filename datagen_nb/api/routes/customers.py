"""Routes over ``AccessControl``: customers and their keys, for keys with the scope ``admin``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from datagen_nb.api import wire
from datagen_nb.api.access import note
from datagen_nb.api.routes.asking import tells
from datagen_nb.core.access import (
    AccessControl,
    ApiKey,
    Customer,
    CustomerPage,
    CustomerRequest,
    KeyPage,
    KeyRequest,
    NewKey,
    Rotation,
)
from datagen_nb.core.errors import Conflict, NotFound
from datagen_nb.core.wire_model import WireModel

routes = APIRouter(tags=["customers"])

CHANGES = tells(Conflict, NotFound)


async def _control(request: Request) -> AccessControl:  # not async, it would cost a thread's hop
    control: AccessControl | None = request.app.state.access
    if control is None:
        raise NotFound("This service has no customers to manage.")
    return control


Control = Annotated[AccessControl, Depends(_control)]
Limit = Annotated[int, Query(ge=1, le=500)]
After = Annotated[str, Query(max_length=200)]


def _answer(model: WireModel, *, status: int = 200) -> Response:
    # A key is told here once; no cache between here and its owner may keep it.
    headers = {"Cache-Control": "no-store"}
    return Response(model.to_json(), status, headers=headers, media_type="application/json")


@routes.get(wire.CUSTOMERS, response_model=CustomerPage, responses=tells(NotFound))
async def list_customers(control: Control, after: After = "", limit: Limit = 100) -> Response:
    """Customers by name."""
    return _answer(await control.customers(after=after, limit=limit))


@routes.post(wire.CUSTOMERS, status_code=201, response_model=Customer, responses=CHANGES)
async def add_customer(control: Control, request: Request, body: CustomerRequest) -> Response:
    """Make a customer."""
    note(request, f"customer {body.name}")
    return _answer(await control.create_customer(body.name), status=201)


@routes.post(f"{wire.CUSTOMERS}/{{name}}/disable", response_model=Customer, responses=CHANGES)
async def disable_customer(control: Control, name: str) -> Response:
    """Let no key of a customer in; its jobs stay."""
    return _answer(await control.disable_customer(name))


@routes.post(f"{wire.CUSTOMERS}/{{name}}/enable", response_model=Customer, responses=CHANGES)
async def enable_customer(control: Control, name: str) -> Response:
    """Let a customer's valid keys in again."""
    return _answer(await control.enable_customer(name))


@routes.get(wire.KEYS, response_model=KeyPage, responses=tells(NotFound))
async def list_keys(
    control: Control,
    customer: Annotated[str | None, Query(max_length=200)] = None,
    after: After = "",
    limit: Limit = 100,
) -> Response:
    """Keys by id, never what they are."""
    return _answer(await control.keys(customer=customer, after=after, limit=limit))


@routes.post(wire.KEYS, status_code=201, response_model=NewKey, responses=CHANGES)
async def create_key(control: Control, request: Request, body: KeyRequest) -> Response:
    """Make a key; this answer is the one place that tells it."""
    note(request, f"customer {body.customer}")
    made = await control.create_key(
        body.customer, name=body.name, scopes=body.scopes, expires_in=body.expires_in
    )
    return _made(request, made)


@routes.post(
    f"{wire.KEYS}/{{key_id}}/rotate", status_code=201, response_model=NewKey, responses=CHANGES
)
async def rotate_key(
    control: Control, request: Request, key_id: str, body: Rotation | None = None
) -> Response:
    """Make a key like this one, which stays valid for a while."""
    overlap = (body or Rotation()).overlap
    return _made(request, await control.rotate_key(key_id, overlap=overlap))


@routes.delete(f"{wire.KEYS}/{{key_id}}", response_model=ApiKey, responses=CHANGES)
async def revoke_key(control: Control, key_id: str) -> Response:
    """Make a key invalid at once."""
    return _answer(await control.revoke_key(key_id))


def _made(request: Request, made: NewKey) -> Response:
    scopes = ", ".join(made.key.scopes)
    note(request, f"key {made.key.key_id} of {made.key.customer} with {scopes}")
    return _answer(made, status=201)
