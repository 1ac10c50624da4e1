"""Tables are made together: keys meet, and rows depend on what they belong to."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen_nb.core.errors import InputError
from datagen_nb.synth.profile import Profile
from datagen_nb.synth.quality.tables import Databases, assess_tables, compare_keys
from datagen_nb.synth.relational import (
    Division,
    RelationalModel,
    find_keys,
    fit,
    parse_keys,
    sampling,
)

CUSTOMERS, PRODUCTS = 300, 40


def shop(seed=0):
    """Customers of two tiers, their orders, the lines of these; products beside them."""
    random = np.random.default_rng(seed)
    tier = random.choice(["basic", "gold"], CUSTOMERS)
    ids = np.array([f"K-{n:07}" for n in random.choice(10**7, CUSTOMERS, replace=False)], object)
    town = random.choice(["Bath", "Leeds", "York", "Hull"], CUSTOMERS)
    who = random.permutation(
        np.repeat(np.arange(CUSTOMERS), random.poisson(np.where(tier == "gold", 6, 2)))
    )
    amount = (random.gamma(2, 10, len(who)) * np.where(tier == "gold", 3, 1)[who]).round(2)
    no = np.repeat(np.arange(1, len(who) + 1), random.integers(1, 4, len(who)))
    sku = np.array([f"P{n:05}" for n in random.choice(10**5, PRODUCTS, replace=False)], object)
    price = random.gamma(2, 20, PRODUCTS).round(2)
    what = np.minimum(random.geometric(0.1, len(no)) - 1, PRODUCTS - 1)
    return {
        "lines": pa.table(
            {"order_no": no, "product": sku[what], "quantity": random.integers(1, 5, len(no))}
        ),
        "orders": pa.table(
            {
                "order_no": range(1, len(who) + 1),
                "customer_id": ids[who],
                "account": random.choice(10**8, CUSTOMERS, replace=False)[who],
                "town": town[who],
                "amount": amount,
            }
        ),
        "customers": pa.table({"customer_id": ids, "tier": tier, "town": town}),
        "products": pa.table({"sku": sku, "price": price}),
    }


def made_by(model, divisions):
    """All tables of a model."""
    pieces = {name: [] for name in model.tables}
    for root in model.roots:
        for index in range(divisions[root].count):
            for name, table in model.generate(root, index, divisions).items():
                pieces[name].append(table)
    return {name: pa.concat_tables(tables) for name, tables in pieces.items()}


def frames(tables):
    return {name: table.to_pandas() for name, table in tables.items()}


DIVISIONS = {"customers": Division(CUSTOMERS, 110), "products": Division(PRODUCTS, 25)}


@pytest.fixture(scope="module")
def tables():
    return shop()


@pytest.fixture(scope="module")
def model(tables):
    return fit(tables, find_keys(tables), seed=3)


@pytest.fixture(scope="module")
def made(model):
    return made_by(model, DIVISIONS)


def test_each_table_has_the_columns_and_types_of_the_input(tables, made):
    """In the same order."""
    assert {name: table.schema for name, table in made.items()} == {
        name: table.schema for name, table in tables.items()
    }


def test_every_key_leads_to_a_made_row_and_to_none_of_the_input(tables, made):
    """Over generations, and of both tables that lines refer to."""
    keys = find_keys(tables)
    assert len(keys) == 3
    for key in keys:
        parents = set(made[key.parent][key.parent_column].to_pylist())
        assert set(made[key.table][key.column].to_pylist()) <= parents
        assert len(parents) == made[key.parent].num_rows
    for name, column in (("customers", "customer_id"), ("products", "sku"), ("orders", "account")):
        assert not set(made[name][column].to_pylist()) & set(tables[name][column].to_pylist())


def test_rows_belong_to_a_row_as_often_as_in_the_input(tables, made):
    """By its tier, none at all included; lines by their order."""

    def per_tier(frames):
        sizes = frames["orders"].groupby("customer_id").size()
        sizes = sizes.reindex(frames["customers"].customer_id).fillna(0).to_numpy()
        return sizes, pd.Series(sizes).groupby(frames["customers"].tier.to_numpy()).mean()

    real, real_means = per_tier(frames(tables))
    new, new_means = per_tier(frames(made))
    assert new_means["gold"] / new_means["basic"] == pytest.approx(
        real_means["gold"] / real_means["basic"], rel=0.25
    )
    assert (new == 0).mean() == pytest.approx((real == 0).mean(), abs=0.05)
    lines = made["lines"].to_pandas().groupby("order_no").size().value_counts(normalize=True)
    assert lines.to_dict() == pytest.approx({1: 1 / 3, 2: 1 / 3, 3: 1 / 3}, abs=0.05)


def test_columns_depend_on_what_a_row_belongs_to(made):
    """Orders of gold customers are worth three times as much."""
    joined = made["orders"].to_pandas().merge(made["customers"].to_pandas(), on="customer_id")
    means = joined.groupby("tier").amount.mean()
    assert means["gold"] / means["basic"] == pytest.approx(3, rel=0.2)


def test_what_a_row_repeats_of_another_it_repeats_still(made):
    """The town of the customer; an account that each customer has is one of each."""
    joined = made["orders"].to_pandas().merge(made["customers"].to_pandas(), on="customer_id")
    assert (joined.town_x == joined.town_y).all()
    accounts = made["orders"].to_pandas().groupby("customer_id").account
    assert (accounts.nunique() == 1).all()
    assert made["orders"].to_pandas().groupby("account").customer_id.nunique().max() == 1


def test_a_second_table_is_referred_to_as_often_as_in_the_input(tables, made):
    """The shares of the products by their rank."""
    real, new = (
        one["lines"].to_pandas()["product"].value_counts(normalize=True).to_numpy()
        for one in (tables, made)
    )
    size = min(len(real), len(new))
    assert np.abs(real[:size] - new[:size]).max() < 0.03


def test_a_slice_is_the_same_in_any_order_and_of_a_kept_model(model, made):
    """A function of the model, the division and its number."""
    kept = RelationalModel.from_bytes(model.to_bytes())
    last = kept.generate("customers", 2, DIVISIONS)
    assert last["customers"].equals(made["customers"].slice(220))
    rows = last["lines"].num_rows
    assert last["lines"].equals(made["lines"].slice(made["lines"].num_rows - rows))
    assert kept.to_bytes() == model.to_bytes()


def test_more_rows_than_the_input_have_keys_of_their_own(model):
    """Ten times as many, in more slices of the one than of the other."""
    divisions = {"customers": Division(3_000, 400), "products": Division(PRODUCTS, PRODUCTS)}
    many = made_by(model, divisions)
    assert many["orders"]["order_no"].value_counts().field("counts").to_pylist() == [1] * len(
        many["orders"]
    )
    assert set(many["lines"]["order_no"].to_pylist()) <= set(many["orders"]["order_no"].to_pylist())


def test_missing_keys_stay_as_many(tables):
    """Rows that belong to none are made too."""
    orders = tables["orders"].drop_columns(["account", "town"])
    nulls = np.random.default_rng(5).random(len(orders)) < 0.2
    ids = pa.array(np.where(nulls, None, orders["customer_id"].to_pylist()), pa.string())
    some = {
        "customers": tables["customers"],
        "orders": orders.set_column(1, "customer_id", ids),
    }
    new = made_by(fit(some, find_keys(some)), {"customers": Division(CUSTOMERS, 100)})["orders"]
    assert new["customer_id"].null_count / len(new) == pytest.approx(0.2, abs=0.04)


def test_orphans_are_left_out_and_counted(tables):
    """With a warning; what belongs to them goes too."""
    orders = tables["orders"].to_pandas().groupby("customer_id").size()
    gone, count = orders.idxmin(), orders.min()
    few = tables | {
        "customers": tables["customers"].filter(
            pa.array([one != gone for one in tables["customers"]["customer_id"].to_pylist()])
        )
    }
    model = fit(few, find_keys(few))
    assert any(text.startswith(f"{count} row") for text in model.warnings), model.warnings
    assert model.tables["orders"].rows == len(tables["orders"]) - count
    assert model.tables["lines"].rows < len(tables["lines"])


def test_a_table_of_keys_alone_joins_two_others():
    """Students and their courses."""
    random = np.random.default_rng(2)
    tables = {
        "students": pa.table({"id": range(1, 101), "age": random.integers(18, 30, 100)}),
        "courses": pa.table({"id": range(1, 13), "hours": random.integers(1, 9, 12)}),
        "takes": pa.table(
            {
                "student_id": np.repeat(np.arange(1, 101), 3),
                "course_id": random.integers(1, 13, 300),
            }
        ),
    }
    model = fit(tables, find_keys(tables))
    assert model.tables["takes"].model is None
    new = made_by(model, {"students": Division(100, 100), "courses": Division(12, 12)})
    assert len(new["takes"]) == 300
    assert set(new["takes"]["student_id"].to_pylist()) == set(new["students"]["id"].to_pylist())
    assert set(new["takes"]["course_id"].to_pylist()) <= set(new["courses"]["id"].to_pylist())


@settings(max_examples=15, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 4), min_size=6, max_size=30).filter(lambda one: sum(one) > 2),
    nulls=st.integers(0, 5),
    rows=st.integers(1, 40),
    slice_rows=st.integers(1, 40),
    seed=st.integers(0, 3),
)
def test_keys_meet_whatever_the_tables_are(sizes, nulls, rows, slice_rows, seed):
    """Few rows, many without any that belong to them, slices without rows."""
    random = np.random.default_rng(seed)
    of = [*np.repeat(np.arange(len(sizes)), sizes).tolist(), *[None] * nulls]
    parents = pa.table({"id": range(len(sizes)), "x": random.normal(size=len(sizes))})
    children = pa.table(
        {
            "id": range(len(of)),
            "parent_id": pa.array(of, pa.int64()),
            "y": random.choice(["a", "b"], len(of)),
        }
    )
    leaves = pa.table({"child_id": range(len(of)), "z": random.integers(0, 3, len(of))})
    tables = {"parents": parents, "children": children, "leaves": leaves}
    keys = parse_keys(
        ["children.parent_id -> parents.id", "leaves.child_id -> children.id"], tables
    )
    model = fit(tables, keys, seed=seed)
    new = made_by(model, {"parents": Division(rows, slice_rows)})
    assert len(new["parents"]) == rows
    for key in keys:
        made_keys = new[key.parent][key.parent_column].to_pylist()
        assert len(set(made_keys)) == len(made_keys)
        values = new[key.table][key.column].drop_null().to_pylist()
        assert set(values) <= set(made_keys)
        assert new[key.table][key.column].null_count == 0 or nulls
    assert len(new["leaves"]) == len(new["children"])


def test_the_report_compares_keys(tables, model, made):
    """Integrity, numbers of rows, and columns of the two tables that depend on each other."""
    nothing = {name: table.slice(0, 0) for name, table in tables.items()}
    found = {one.key: one for one in compare_keys(Databases(tables, nothing, made), model)}
    orders = found["orders.customer_id -> customers.customer_id"]
    assert {one.kept for one in found.values()} == {1.0}
    assert orders.missing == orders.missing_synthetic == 0
    assert orders.rows == pytest.approx(len(tables["orders"]) / CUSTOMERS, rel=1e-3)
    assert orders.without_synthetic == pytest.approx(orders.without, abs=0.05)
    assert orders.distance < 0.15
    assert ("orders.amount", "customers.tier") in {
        tuple(sorted(pair.columns, reverse=True)) for pair in orders.pairs
    }


def test_the_report_sees_keys_that_lead_nowhere(tables, model, made):
    """And numbers of rows that are others."""
    nothing = {name: table.slice(0, 0) for name, table in tables.items()}
    broken = made | {"customers": made["customers"].slice(0, 150)}
    found = {one.key: one for one in compare_keys(Databases(tables, nothing, broken), model)}[
        "orders.customer_id -> customers.customer_id"
    ]
    assert 0.3 < found.kept < 0.7
    one_each = made | {"orders": made["orders"].slice(0, 0)}
    found = {one.key: one for one in compare_keys(Databases(tables, nothing, one_each), model)}[
        "orders.customer_id -> customers.customer_id"
    ]
    assert found.without_synthetic == 1
    assert found.distance > 0.9


def test_each_table_has_a_report(tables):
    """Columns are like the input's, and nothing that points at someone comes back."""
    keys = find_keys(tables)
    training, held_back = sampling.split(tables, keys, seed=1)
    model = fit(training, keys, seed=1, held_back=held_back)
    made = made_by(model, DIVISIONS)
    reports = assess_tables(Databases(training, held_back, made), model)
    assert set(reports) == set(tables)
    for name, report in reports.items():
        scores = {one.name: one.score for one in report.columns if one.kind != "id"}
        assert scores
        assert min(scores.values()) > (0.6 if name == "products" else 0.9), (name, scores)
        assert not [one for one in report.memorisation.disclosed if not one.expected]
    returned = {one.column for one in reports["orders"].memorisation.returned}
    assert {"order_no", "customer_id", "account"} <= returned
    assert model.kinds_of("orders")["customer_id"] == "id"
    assert model.kinds_of("orders")["town"] == "categorical"


def test_two_ways_to_a_table_agree(tables):
    """The customer of a line is that of its order."""
    orders = tables["orders"].to_pandas().set_index("order_no").customer_id
    customers = pa.array(orders.loc[tables["lines"]["order_no"].to_numpy()].to_numpy())
    more = tables | {"lines": tables["lines"].append_column("customer_id", customers)}
    keys = find_keys(more)
    assert len(keys) == 4
    model = fit(more, keys)
    assert model.keys == keys
    made = made_by(model, DIVISIONS)
    joined = made["lines"].to_pandas().merge(made["orders"].to_pandas(), on="order_no")
    assert len(joined) == len(made["lines"])
    assert (joined.customer_id_x == joined.customer_id_y).all()


def test_two_ways_agree_also_where_one_row_belongs_to_each(tables):
    """An invoice for each order, with its customer."""
    orders = tables["orders"].select(["order_no", "customer_id", "amount"])
    invoices = orders.select(["order_no", "customer_id"])
    more = {"customers": tables["customers"], "orders": orders, "invoices": invoices}
    model = fit(more, find_keys(more))
    made = made_by(model, {"customers": Division(50, 50)})
    columns = ["order_no", "customer_id"]
    assert len(made["invoices"]) > 50
    assert sorted(made["invoices"].select(columns).to_pylist(), key=str) == sorted(
        made["orders"].select(columns).to_pylist(), key=str
    )


def test_slices_are_as_large_as_asked_for(model, tables):
    """In cells over all tables; a root that is not named has the rows of the input."""
    divisions = model.divisions({"customers": 2_000}, cells=6_000)
    assert divisions["customers"].rows == 2_000
    assert divisions["products"] == Division(PRODUCTS, PRODUCTS)
    made = model.generate("customers", 0, divisions)
    cells = sum(table.num_rows * table.num_columns for table in made.values())
    assert cells == pytest.approx(6_000, rel=0.2)
    assert sum(map(divisions["customers"].of, range(divisions["customers"].count))) == 2_000


@pytest.mark.parametrize(
    ("name", "says"), [("orders", "'customers' instead"), ("customer", "mean customers")]
)
def test_rows_are_asked_for_of_roots_alone(model, name, says):
    """Those of the others follow."""
    with pytest.raises(InputError, match=says) as caught:
        model.divisions({name: 10}, cells=1_000)
    assert caught.value.code == "unfit_rows"


def test_a_sample_is_fitted_to_with_the_profiles_of_the_whole(tables):
    """What points at someone outside the sample does not come back either."""
    keys = find_keys(tables)
    few = sampling.reduced(tables, keys, 600, seed=1)
    profiles = {name: Profile.of(table) for name, table in tables.items()}
    model = fit(few, keys, profiles=profiles)
    assert model.tables["customers"].rows < model.tables["customers"].input_rows == CUSTOMERS
    made = made_by(model, model.divisions({}, cells=2_000))
    assert len(made["customers"]) == CUSTOMERS
    assert len(made["orders"]) == pytest.approx(len(tables["orders"]), rel=0.2)
    for name, column in (("customers", "customer_id"), ("orders", "account")):
        assert not set(made[name][column].to_pylist()) & set(tables[name][column].to_pylist())
