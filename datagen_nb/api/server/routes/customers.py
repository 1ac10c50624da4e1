"""Routes of customers and their API keys; they need the scope ``admin``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from datagen_nb.api import wire
from datagen_nb.api.server.auth import add_access_note
from datagen_nb.api.server.routes.dependencies import error_responses
from datagen_nb.core.access import (
    AccessControl,
    ApiKey,
    Customer,
    CustomerPage,
    CustomerRequest,
    CustomerStorage,
    KeyPage,
    KeyRequest,
    NewKey,
    Rotation,
)
from datagen_nb.core.errors import Conflict, NotFound
from datagen_nb.core.wire_model import WireModel

routes = APIRouter(tags=["customers"])

CHANGES = error_responses(Conflict, NotFound)


async def _control(request: Request) -> AccessControl:  # async, or FastAPI would use a thread
    control: AccessControl | None = request.app.state.access
    if control is None:
        raise NotFound("This service does not manage customers.")
    return control


Control = Annotated[AccessControl, Depends(_control)]
Limit = Annotated[int, Query(ge=1, le=500)]
After = Annotated[str, Query(max_length=200)]


def _response(model: WireModel, *, status: int = 200) -> Response:
    # A response may contain a new key; no cache may store it.
    headers = {"Cache-Control": "no-store"}
    return Response(model.to_json(), status, headers=headers, media_type="application/json")


@routes.get(wire.CUSTOMERS, response_model=CustomerPage, responses=error_responses(NotFound))
async def list_customers(control: Control, after: After = "", limit: Limit = 100) -> Response:
    """List customers in order of name."""
    return _response(await control.customers(after=after, limit=limit))


@routes.post(wire.CUSTOMERS, status_code=201, response_model=Customer, responses=CHANGES)
async def add_customer(control: Control, request: Request, body: CustomerRequest) -> Response:
    """Create a customer."""
    add_access_note(request, f"customer {body.name}")
    return _response(await control.create_customer(body.name), status=201)


@routes.post(f"{wire.CUSTOMERS}/{{name}}/disable", response_model=Customer, responses=CHANGES)
async def disable_customer(control: Control, name: str) -> Response:
    """Disable a customer: none of its keys is valid. Its jobs are kept."""
    return _response(await control.disable_customer(name))


@routes.post(f"{wire.CUSTOMERS}/{{name}}/enable", response_model=Customer, responses=CHANGES)
async def enable_customer(control: Control, name: str) -> Response:
    """Enable a customer again."""
    return _response(await control.enable_customer(name))


@routes.put(f"{wire.CUSTOMERS}/{{name}}/storage", response_model=Customer, responses=CHANGES)
async def set_storage(
    control: Control, request: Request, name: str, body: CustomerStorage
) -> Response:
    """Set where a customer's data is kept, from the next start; what is there is not moved."""
    add_access_note(request, f"storage {body.bucket} as {body.service_account}")
    return _response(await control.set_storage(name, **body.model_dump()))


@routes.get(wire.KEYS, response_model=KeyPage, responses=error_responses(NotFound))
async def list_keys(
    control: Control,
    customer: Annotated[str | None, Query(max_length=200)] = None,
    after: After = "",
    limit: Limit = 100,
) -> Response:
    """List API keys in order of id, without their secrets."""
    return _response(await control.keys(customer=customer, after=after, limit=limit))


@routes.post(wire.KEYS, status_code=201, response_model=NewKey, responses=CHANGES)
async def create_key(control: Control, request: Request, body: KeyRequest) -> Response:
    """Create an API key. Only this response shows it."""
    add_access_note(request, f"customer {body.customer}")
    made = await control.create_key(
        body.customer, name=body.name, scopes=body.scopes, expires_in=body.expires_in
    )
    return _new_key(request, made)


@routes.post(
    f"{wire.KEYS}/{{key_id}}/rotate", status_code=201, response_model=NewKey, responses=CHANGES
)
async def rotate_key(
    control: Control, request: Request, key_id: str, body: Rotation | None = None
) -> Response:
    """Create a key that replaces this one; both are valid for a while."""
    overlap = (body or Rotation()).overlap
    return _new_key(request, await control.rotate_key(key_id, overlap=overlap))


@routes.delete(f"{wire.KEYS}/{{key_id}}", response_model=ApiKey, responses=CHANGES)
async def revoke_key(control: Control, key_id: str) -> Response:
    """Revoke an API key immediately."""
    return _response(await control.revoke_key(key_id))


def _new_key(request: Request, made: NewKey) -> Response:
    scopes = ", ".join(made.key.scopes)
    add_access_note(request, f"key {made.key.key_id} of {made.key.customer} with {scopes}")
    return _response(made, status=201)
