"""What a column is: decided from the whole table, and the same everywhere."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import InputError
from datagen_nb.core.inspection import MAX_BARS
from datagen_nb.pipelines.inspection.columns import inspected
from datagen_nb.pipelines.spread import spread
from datagen_nb.synth.decisions import decide
from datagen_nb.synth.fitting import fit
from datagen_nb.synth.profile import Profile
from datagen_nb.synth.sample import evenly
from datagen_nb.tables.formats import write_part

ROWS = 40_000


@cache
def orders(rows: int = ROWS) -> pa.Table:
    """Orders with spelled values, identifiers that repeat and postcodes that repeat ten times."""
    random = np.random.default_rng(3)
    customers = random.integers(10**6, 10**7, rows // 4)
    days = np.datetime64("2024-01-01") + random.integers(0, 700, rows)
    return pa.table(
        {
            "order_id": np.arange(50_000, 50_000 + rows),
            "customer_id": [f"C{number}" for number in random.choice(customers, rows)],
            "postcode": [f"{number:05d}" for number in random.integers(1, rows // 10, rows)],
            "ordered": [f"{day.day:02}.{day.month:02}.{day.year}" for day in days.tolist()],
            "total": [f"${amount:,.2f}" for amount in random.gamma(2, 900, rows)],
            "paid": random.choice(["yes", "no"], rows),
            "country": random.choice(["DE", "FR", "IT"], rows),
            "note": pa.nulls(rows, pa.string()),
        }
    )


def test_few_rows_and_all_rows_give_the_same_decisions() -> None:
    """Counts come from the whole table, or are estimated for it."""
    table = orders()
    whole = decide(Profile.of(table), table, {})
    assert whole.kinds == {
        "order_id": "id",
        "customer_id": "id",
        "postcode": "categorical",
        "ordered": "datetime",
        "total": "numeric",
        "paid": "boolean",
        "country": "categorical",
        "note": "constant",
    }
    assert set(whole.codecs) == {"ordered", "total", "paid"}
    assert set(whole.makers) == {"order_id", "customer_id"}
    for rows in (2_000, 20_000):
        some = evenly(table, rows)
        assert decide(Profile.of(table), some, {}).kinds == whole.kinds
        assert decide(Profile.of(some, total=ROWS), some, {}).kinds == whole.kinds


def test_a_chosen_kind_wins_where_the_values_allow_it() -> None:
    """And is refused by name where they do not; a constant stays one."""
    table = orders().slice(0, 1_000)
    profile = Profile.of(table)
    chosen = {"postcode": "id", "total": "categorical", "note": "numeric"}
    decided = decide(profile, table, chosen)
    assert (decided.kinds["postcode"], decided.kinds["total"]) == ("id", "categorical")
    assert decided.kinds["note"] == "constant"
    with pytest.raises(InputError, match="'country' holds string and cannot be numeric"):
        decide(profile, table, {"country": "numeric"})
    with pytest.raises(InputError, match="'order_id' holds int64 and cannot be text"):
        decide(profile, table, {"order_id": "text"})


def test_texts_that_never_repeat_are_made_anew_whatever_they_look_like() -> None:
    """No level of such a column has the rows that its use would need."""
    table = pa.table({"x": [f"{number:05}-x" for number in range(500)]})
    decided = decide(Profile.of(table), table, {})
    assert decided.kinds == {"x": "id"}
    assert set(decided.makers) == {"x"}
    assert decide(Profile.of(table), table, {"x": "categorical"}).kinds == {"x": "categorical"}


def test_nested_columns_are_refused_by_name() -> None:
    """Readers flatten them; what comes nested cannot be fitted."""
    table = pa.table({"tags": [["a"], ["b"]]})
    with pytest.raises(InputError, match="'tags' holds list"):
        decide(Profile.of(table), table, {})


def test_warnings_name_what_the_rows_at_hand_do_not_show() -> None:
    """Columns of nulls, of nulls in the sample, and of more levels than are counted."""
    rows = 330_000
    random = np.random.default_rng(0)
    rare = pa.array(np.arange(rows) % 97, mask=np.arange(rows) != 77)
    table = pa.table(
        {
            "street": [f"street {n % 7} {n}" for n in random.integers(0, rows // 3, rows)],
            "rare": rare,
            "never": pa.nulls(rows),
        }
    )
    some = table.slice(0, 70)
    warnings = decide(Profile.of(table), some, {"street": "categorical"}).warnings
    assert len(warnings) == 3
    assert warnings[0] == "Column 'never' holds only nulls, and so does the result."
    assert "have no value of 'rare'" in warnings[1]
    assert "'street': too many different values to count each" in warnings[2]
    assert decide(Profile.of(some), some, {}).warnings[1:] == (
        "Column 'never' holds only nulls, and so does the result.",
    )


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_an_inspection_decides_as_a_job_does(format: str, tmp_path: Path) -> None:
    """Though it reads few of the rows, which it says."""
    table = orders(400_000)
    path = tmp_path / f"orders.{format}"
    with path.open("wb") as file:
        write_part(table, format, file)
    config = JobConfiguration(
        input_path=str(path), input_format=format, output_format="csv", data_size=10
    )
    with path.open("rb") as file:
        found = inspected(spread(file, config))
    assert found.looked_at < table.num_rows / 4
    assert "Judged by" in " ".join(found.notes)
    decided = decide(Profile.of(table), evenly(table, 20_000), {})
    assert {column.name: column.kind for column in found.columns} == decided.kinds
    bars = {column.name: column.bars for column in found.columns}
    assert bars["ordered"][0].label.startswith("2024-01-01")
    assert len(bars["total"]) == MAX_BARS


def test_a_text_of_which_no_value_has_enough_rows_is_made_anew_whatever_its_name() -> None:
    """A name such as ``sku`` makes a category only of values that rows share."""
    texts = [f"SH-{1000 + number * 3}-B" for number in range(300)]
    table = pa.table({"sku": texts + texts[:20], "label": [f"x{n // 3}" for n in range(320)]})

    made = fit(table, seed=1).generate(0, 320, offset=0)

    for name in table.column_names:
        assert not set(made[name].to_pylist()) & set(table[name].to_pylist())


def test_a_few_levels_of_a_small_table_stay_levels() -> None:
    """Under twenty values there is nothing else to draw from."""
    table = pa.table({"group": ["red", "blue", "green", "red", "blue", "green"] * 2})

    found = decide(Profile.of(table), table, {})

    assert found.kinds == {"group": "categorical"}


def test_texts_that_belong_to_one_entity_are_made_anew_however_many_rows_it_has() -> None:
    """A company's name in twenty invoices is still the name of one customer."""
    random = np.random.default_rng(0)
    customer = random.integers(0, 60, 1_200)
    table = pa.table(
        {
            "Kundennr": [f"K{10_000 + 7 * one}" for one in customer],
            "Kunde": [f"Firma{chr(65 + one % 26)}{one}x Bau" for one in customer],
            "Ort": [("Bonn", "Trier", "Ulm")[one % 3] for one in customer],
        }
    )

    model = fit(table, seed=1)
    made = model.generate(0, 1_200, offset=0)

    assert [model.kinds[name] for name in ("Kundennr", "Ort")] == ["id", "categorical"]
    for name in ("Kundennr", "Kunde"):
        assert not set(made[name].to_pylist()) & set(table[name].to_pylist())
    assert made.group_by("Kundennr").aggregate([("Kunde", "count_distinct")])[
        "Kunde_count_distinct"
    ].to_pylist() == [1] * len(made["Kundennr"].unique())


def test_pairs_of_numbers_in_a_text_are_no_words() -> None:
    """Places on a map come back as such, not as prose."""
    random = np.random.default_rng(0)
    places = [f"{north:.5f}, {east:.5f}" for north, east in random.normal((52, 13), 0.1, (400, 2))]
    table = pa.table({"place": places})

    made = fit(table, seed=1).generate(0, 400, offset=0)["place"].to_pylist()

    assert all(re.fullmatch(r"\d\d\.\d{5}, \d\d\.\d{5}", place) for place in made)
    assert not set(made) & set(places)


def test_new_addresses_of_the_internet_have_octets_up_to_255() -> None:
    """Also where the input's few addresses leave open how large an octet is."""
    random = np.random.default_rng(0)
    addresses = [".".join(map(str, octets)) for octets in random.integers(0, 256, (60, 4))]
    table = pa.table({"ip": addresses * 5})

    made = fit(table, seed=1).generate(0, 3_000, offset=0)["ip"].unique().to_pylist()

    assert max(int(octet) for address in made for octet in address.split(".")) <= 255
    assert len(made) > 500


def test_a_year_within_an_identifier_stays_one_of_the_inputs() -> None:
    """``INV/2021/00012`` gets a new number, and no year 4078."""
    random = np.random.default_rng(0)
    numbers = [f"INV/{2020 + random.integers(4)}/{number:05d}" for number in range(1_500)]
    table = pa.table({"invoice_no": numbers})

    made = fit(table, seed=1).generate(0, 1_500, offset=0)["invoice_no"].to_pylist()

    assert {number[4:8] for number in made} == {"2020", "2021", "2022", "2023"}
    assert len(set(made) - set(numbers)) == 1_500
