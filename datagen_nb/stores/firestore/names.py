"""Names of documents in Firestore: where each record of a customer is.

customers/{customer}                   the customer's head: usage, numbers, newest change
customers/{customer}/jobs/{jobId}
customers/{customer}/jobs/{jobId}/log/{number}
customers/{customer}/events/{number}
customers/{customer}/submits/{digest}  which job an idempotency key belongs to
customers/{customer}/documents/{kind}.:{id}
"""

from __future__ import annotations

import hashlib

CUSTOMERS = "customers"
JOBS = "jobs"
LOG = "log"
EVENTS = "events"
SUBMITS = "submits"
DOCUMENTS = "documents"

_SERVICE = "-"
"""Stands for the customer ``""``; no customer may have this name."""

_ESCAPES = str.maketrans({".": ".0", "/": ".1"})
"""Firestore's names hold no slash. Escaped texts sort as the texts do."""

_SEPARATOR = ".:"
"""Never in an escaped text."""

AFTER_ALL = "\U0010ffff"
"""Appended to a prefix, sorts after every text that starts with it."""


def customer_name(customer: str) -> str:
    """The name of a customer's head."""
    return customer or _SERVICE


def customer_of(name: str) -> str:
    """The customer whose head has this name."""
    return "" if name == _SERVICE else name


def document_name(kind: str, id: str) -> str:
    """The name of a document; those of a kind sort by their id."""
    return f"{kind.translate(_ESCAPES)}{_SEPARATOR}{id.translate(_ESCAPES)}"


def submit_name(idempotency_key: str) -> str:
    """The name of what records the job of an idempotency key."""
    return hashlib.sha256(idempotency_key.encode()).hexdigest()


def number_name(number: int) -> str:
    """The name of an event or of a log line; names sort as the numbers do."""
    return f"{number:012d}"
