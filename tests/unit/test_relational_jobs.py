"""Jobs on several tables, with the real pipeline behind a plain client."""

import os
import signal

import numpy as np
import pandas as pd
import pytest

import datagen_nb as dg
from datagen_nb.cli.main import main
from datagen_nb.core.errors import (
    ArgumentError,
    ConfigurationError,
    InputError,
    JobFailed,
    NotFound,
)
from datagen_nb.core.status import State


def shop(customers=200, seed=0):
    """Customers and their orders."""
    random = np.random.default_rng(seed)
    tier = random.choice(["basic", "gold"], customers)
    who = np.repeat(np.arange(customers), random.poisson(np.where(tier == "gold", 6, 2)))
    return {
        "customers": pd.DataFrame({"id": np.arange(1, customers + 1), "tier": tier}),
        "orders": pd.DataFrame(
            {
                "order_no": np.arange(len(who)),
                "customer_id": who + 1,
                "amount": (random.gamma(2, 10, len(who)) * (1 + 2 * (tier[who] == "gold"))).round(
                    2
                ),
            }
        ),
    }


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    with dg.connect(home=home) as client:
        try:
            yield client
        finally:
            main(["stop", "--home", str(home)])


@pytest.mark.parametrize("format", ["parquet", "csv", "json", "jsonl"])
def test_tables_are_made_together(client, tmp_path, format):
    """Each key of a part leads to a row, as many rows as asked for are made, and in each format."""
    tables = shop()
    path = tmp_path / "orders.csv"
    tables["orders"].to_csv(path, index=False)
    job = client.submit(
        {"customers": tables["customers"], "orders": path},
        rows={"customers": 500},
        seed=3,
        format=format,
        parameters={"part_rows": 150},
    )
    data = job.result(timeout=120)
    assert data.tables == ("customers", "orders")
    assert len(data["customers"].parts) == 4
    frames = data.to_pandas()
    customers, orders = frames["customers"], frames["orders"]
    assert len(customers) == 500 == customers.id.nunique()
    assert orders.customer_id.isin(customers.id).all()
    assert orders.order_no.nunique() == len(orders) == data["orders"].num_rows
    real = len(tables["orders"]) / len(tables["customers"])
    assert len(orders) / len(customers) == pytest.approx(real, rel=0.2)
    each = orders.merge(customers, left_on="customer_id", right_on="id").groupby("tier").amount
    assert each.mean()["gold"] > 1.8 * each.mean()["basic"]

    report = job.report
    [key] = report.keys
    assert key.key == "orders.customer_id -> customers.id"
    assert key.kept == 1
    assert [table.name for table in report.tables] == ["customers", "orders"]
    assert "orders.amount" in {column.name for column in report.columns}

    folder = data.download(tmp_path / "made", format="csv")
    written = pd.read_csv(folder / "orders.csv")
    assert written.customer_id.isin(pd.read_csv(folder / "customers.csv").id).all()
    assert len(written) == len(orders)


def test_a_pause_changes_no_row(client):
    """What was made before it is kept, and the rest is as it would have been."""
    arguments = {"rows": 30_000, "seed": 3, "parameters": {"part_rows": 500}}
    expected = client.submit(shop(), **arguments).result(timeout=120).to_pandas()
    job = client.submit(shop(), **arguments)
    next(status for status in job.updates() if status.rows_done > 0)
    assert job.pause().status is State.PAUSED
    job.resume()
    made = job.result(timeout=120).to_pandas()
    for name, frame in expected.items():
        pd.testing.assert_frame_equal(made[name], frame)


def test_a_worker_that_is_killed_changes_no_row(client):
    """Another one goes on from the parts of all tables that are there."""
    arguments = {"rows": 30_000, "seed": 3, "parameters": {"part_rows": 500}}
    expected = client.submit(shop(), **arguments).result(timeout=120).to_pandas()
    job = client.submit(shop(), **arguments)
    next(status for status in job.updates() if status.rows_done > 0)
    os.kill(client.info().workers[job.id], signal.SIGKILL)
    made = job.result(timeout=120).to_pandas()
    for name, frame in expected.items():
        pd.testing.assert_frame_equal(made[name], frame)


def test_what_cannot_be_is_refused_by_name(client):
    """Each says what is wrong, where, and what to do."""
    tables = shop(60)
    with pytest.raises(InputError, match="no such table"):
        client.submit(tables, rows={"customer": 10})
    with pytest.raises(ArgumentError, match="2 to"):
        client.submit({"customers": tables["customers"]}, rows=10)
    for name, value in {
        "columns": {"amount": "numeric"},
        "exclude": ["amount"],
        "entity": "id",
        "relations": "off",
        "rules": ["amount > 0"],
        "condition": {"tier": "gold"},
        "epsilon": 1,
        "evaluate": ["detection"],
    }.items():
        with pytest.raises(ConfigurationError, match=rf"parameters\.{name}.*relational"):
            client.submit(tables, rows=10, parameters={name: value})
    with pytest.raises(ConfigurationError, match="output"):
        client.submit(tables, rows=10, output="made.csv")
    with pytest.raises(ConfigurationError, match=r"parameters\.keys"):
        client.submit(tables["orders"], rows=10, parameters={"keys": ["a.b -> c.d"]})
    with pytest.raises(InputError, match="no preview"):
        client.preview(client.configure(tables, rows=10))


@pytest.mark.parametrize(
    ("change", "arguments", "says"),
    [
        ({}, {"rows": {"orders": 10}}, "follows from the tables that it belongs to"),
        ({}, {"parameters": {"keys": ["orders.customer -> customers.id"]}}, "Did you mean"),
        ({}, {"parameters": {"keys": ["orders.amount -> customers.id"]}}, "does not have"),
        ({}, {"parameters": {"keys": ["orders.customer_id -> customers.tier"]}}, "repeat"),
        (
            {},
            {
                "parameters": {
                    "keys": [
                        "orders.customer_id -> customers.id",
                        "customers.id -> orders.order_no",
                    ]
                }
            },
            "circle",
        ),
        ({"customers": pd.DataFrame({"name": ["a", "b"]})}, {}, "No keys"),
    ],
)
def test_what_the_tables_do_not_fit_ends_the_job_by_name(client, change, arguments, says):
    """The failure names the table or the key."""
    job = client.submit({**shop(60), **change}, **{"rows": 10, **arguments})
    with pytest.raises(JobFailed, match=says):
        job.result(timeout=60)


def test_an_inspection_names_the_keys(client):
    """They are those that a job finds; a table that is not there has no rows."""
    found = client.inspect(shop())
    assert found.keys == ("orders.customer_id -> customers.id",)
    assert (found.tables[0].name, found.tables[0].rows) == ("customers", 200)
    assert "orders.amount" in {column.name for column in found.columns}
    job = client.submit(shop(), rows=20)
    with pytest.raises(NotFound, match="Did you mean"):
        job.result(timeout=60)["order"]
