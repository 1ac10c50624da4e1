"""Shift-Tab helps: every public callable says what it does, what it takes, and shows an example."""

import inspect

import pytest

import datagen_nb as dg
from datagen_nb.client import resources, sync
from datagen_nb.client.async_client import AsyncClient
from datagen_nb.client.history import AsyncHistory
from datagen_nb.core import alerts, customer_webhooks, schedules, templates, uploads

KINDS = [
    dg.Client, dg.Job, dg.Dataset, sync.History, AsyncClient, dg.AsyncJob, dg.AsyncDataset,
    AsyncHistory, resources.Templates, resources.Schedules, resources.Webhooks,
    resources.Alerts, resources.Uploads, templates.Templates, schedules.Schedules,
    customer_webhooks.Webhooks, alerts.Alerts, uploads.Uploads,
]  # fmt: skip
FUNCTIONS = [
    getattr(dg, name)
    for name in dg.__all__
    if inspect.isfunction(getattr(dg, name)) and name != "__version__"
]
METHODS = [
    method
    for kind in KINDS
    for name, method in inspect.getmembers(kind, inspect.isfunction)
    if name[0] != "_" and not (kind is templates.Templates and name == "submit")
]
CODE = [dg.JobConfiguration.to_yaml, dg.JobConfiguration.from_yaml, dg.JobConfiguration.to_code]


def name_of(call):
    return call.__qualname__


@pytest.mark.parametrize("call", [*FUNCTIONS, *METHODS, *CODE, dg.AsyncClient.connect], ids=name_of)
def test_a_public_call_has_full_help(call):
    """A summary, a line for each argument, and an example."""
    doc = inspect.getdoc(call)
    assert doc.splitlines()[0].endswith((".", ";"))
    assert "Example:" in doc
    assert "See ``Async" not in doc
    arguments = doc.partition("Args:")[2]
    for parameter in inspect.signature(call).parameters:
        if parameter not in {"self", "cls"}:
            assert f"{parameter}:" in arguments, parameter


@pytest.mark.parametrize("kind", [dg.Client, dg.Job, dg.Dataset, dg.AsyncJob, dg.AsyncDataset])
def test_a_public_property_says_what_it_is(kind):
    """In a line."""
    for name, member in inspect.getmembers(kind, lambda each: isinstance(each, property)):
        assert name[0] == "_" or member.__doc__, name


@pytest.mark.parametrize("kind", [dg.Client, dg.Job, dg.Dataset, sync.History])
def test_the_help_of_plain_calls_is_plain(kind):
    """Nothing to be awaited stands in an example."""
    for name, method in inspect.getmembers(kind, inspect.isfunction):
        if name[0] != "_":
            assert "await " not in method.__doc__
            assert "async " not in method.__doc__
            assert "Async" not in method.__doc__
