"""Relations that a user states: read, judged by the rows, kept exactly or refused by name."""

import numpy as np
import pyarrow as pa
import pytest

from datagen_nb.core import relation_text
from datagen_nb.core.errors import InputError
from datagen_nb.core.relation_text import Unreadable, parse
from datagen_nb.relations import find
from datagen_nb.relations.expression import PARTS, STARTS, UNITS, completed_years
from datagen_nb.synth import fitting, packing
from datagen_nb.synth.profile import Profile

ROWS = 400
DAY = np.timedelta64(1, "D")


def table() -> pa.Table:
    random = np.random.default_rng(1)
    start = np.datetime64("2024-01-01", "D") + random.integers(0, 300, ROWS) * DAY
    birth = np.datetime64("1960-01-01", "D") + random.integers(0, 9_000, ROWS) * DAY
    end = start + random.integers(0, 20, ROWS) * DAY
    micros = [one.astype("M8[us]").astype(np.int64).astype(float) for one in (birth, start)]
    quantity, price = random.integers(1, 9, ROWS), random.gamma(2, 10, ROWS).round(2) + 1
    a, b = random.integers(0, 50, (2, ROWS))
    city = random.integers(0, 20, ROWS)
    status = np.where(random.random(ROWS) < 0.2, "cancelled", "paid")
    shipped = [None if one == "cancelled" else int(at % 9) for at, one in enumerate(status)]
    return pa.table(
        {
            "start": start,
            "end": end,
            "birth": birth,
            "age": completed_years(*micros).astype(np.int64),
            "quantity": quantity,
            "unit price": price,
            "total": (quantity * price).round(2),
            "a": a,
            "b": b,
            "c": 100 - a - b,
            "city": [f"city {one}" for one in city],
            "state": [f"state {one // 4}" for one in city],
            "weekday": [f"day {one}" for one in (start.astype(np.int64) + 3) % 7],
            "size": np.where(quantity > 4, "large", "small"),
            "status": status,
            "shipped": pa.array(shipped, pa.int64()),
        }
    )


def kinds_of(rows: pa.Table) -> dict[str, str]:
    kinds = {}
    for field in rows.schema:
        is_number = pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
        kind = "numeric" if is_number else "categorical"
        kinds[field.name] = "datetime" if pa.types.is_temporal(field.type) else kind
    return kinds


KEPT = [
    'total = quantity * "unit price"',
    'quantity * "unit price" == total',
    "end >= start",
    "start <= end",
    "city -> state",
    "state <- city",
    "a + b + c = 100",
    "100 - a = b + c",
    "age = years(birth, start)",
    "weekday <- weekday(start)",
    "size <- quantity",
    "shipped is null if status in (cancelled)",
    "shipped is not null where status in (paid)",
    "status <- shipped is null",
    "end >= max(start, birth)",
    'total >= "unit price"',
    "city, status -> state",
]


@pytest.mark.parametrize("text", KEPT)
def test_a_stated_relation_holds_in_rows_whose_columns_are_independent(text):
    """And a table that keeps it comes back as it was."""
    rows, random = table(), np.random.default_rng(2)
    found = find(rows, kinds=kinds_of(rows), mode=[text])
    assert len(found) == 1
    assert not found.refused
    reduced = found.reduce(rows)
    back = found.rebuild(reduced, np.random.default_rng(0)).select(rows.column_names)
    assert back.equals(rows)
    drawn = pa.table(
        {
            name: reduced[name].take(pa.array(random.permutation(ROWS)))
            for name in reduced.schema.names
        }
    )
    made = found.rebuild(drawn, random)
    assert list(found.shares(made).values()) == [1.0]
    assert packing.to_bytes(packing.from_bytes(packing.to_bytes(found))) == packing.to_bytes(found)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("total = quantity + a", "of the rows break it"),
        ("city -> size", "of the rows break it"),
        ("start >= end", "of the rows break it"),
        ("a = nothing", "'nothing' are made anew"),
        ("weekday = hour(city)", "holds no numbers or dates"),
        ("a <= 100", "on the upper side"),
        ("a >= 0", "on the lower side"),
        ("a >= start", "cannot be compared"),
        ("a = start * end", "has no meaning"),
        ("shipped is null if status in (lost)", "has no value 'lost'"),
    ],
)
def test_what_the_rows_do_not_keep_is_refused_with_the_reason(text, reason):
    """The others of the list are kept."""
    rows = table()
    found = find(rows, kinds=kinds_of(rows), mode=[text, "city -> state"])
    assert [one.sentence for one in found] == ["state <- city"]
    assert list(found.refused) == [text]
    assert reason in found.refused[text]


def test_a_list_keeps_no_others_unless_it_has_auto():
    """Those that are found are added behind auto; a stated one comes first."""
    rows = table()
    stated = find(rows, kinds=kinds_of(rows), mode=["city -> state"])
    assert [one.sentence for one in stated] == ["state <- city"]
    both = find(rows, kinds=kinds_of(rows), mode=["auto", "c = 100 - a - b"])
    sentences = [one.sentence for one in both]
    assert "c = 100 - a - b" in sentences
    assert 'total = quantity * "unit price"' in sentences
    assert len(find(rows, kinds=kinds_of(rows), mode="off")) == 0
    assert len(find(rows, kinds=kinds_of(rows), mode=[])) == 0


def test_relations_that_block_each_other_are_still_reported():
    """What follows from another stated relation is judged, though nothing enforces it."""
    rows = table()
    texts = ['total = quantity * "unit price"', 'quantity = total / "unit price"']
    found = find(rows, kinds=kinds_of(rows), mode=texts)
    assert not found.refused
    assert len(found.shares(rows)) == 2
    assert set(found.shares(rows).values()) == {1.0}
    assert found.rebuild(found.reduce(rows), np.random.default_rng(0)).num_columns == 16


def test_a_few_exceptions_are_kept_in_their_share():
    """Up to five in a hundred rows."""
    rows = table()
    total = rows["total"].to_numpy().copy()
    total[:12] += 1
    rows = rows.set_column(rows.column_names.index("total"), "total", pa.array(total))
    [relation] = find(rows, kinds=kinds_of(rows), mode=['total = quantity * "unit price"'])
    assert relation.exceptions == pytest.approx(12 / ROWS)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "ends too early"),
        ("total", "has to follow"),
        ("total = ", "ends too early"),
        ("total = (a", ") has to follow"),
        ("total = foo(a)", "foo is no function"),
        ("total = years(a)", "takes 2 values"),
        ("total = unit price", "left over"),
        ("a -> a", "both sides"),
        ("a + b -> c", "single column"),
        ("1 = 2", "names no column"),
        ("a = on(soon)", "takes a day"),
        ("a is nothing", "null has to follow"),
        ("a = $5", "cannot be read"),
        ("(" * 40 + "a", "within each other"),
        ("a = " + "b + " * 400 + "c", "characters"),
    ],
)
def test_a_text_that_is_no_relation_is_refused_with_the_place(text, reason):
    """Nothing is guessed."""
    with pytest.raises(Unreadable, match=None) as caught:
        parse(text)
    assert reason in str(caught.value)
    with pytest.raises(InputError):
        find(table(), kinds=kinds_of(table()), mode=[text])


def test_every_sentence_that_is_found_can_be_stated():
    """The report's sentences are of the same grammar."""
    rows = table()
    for relation in find(rows, kinds=kinds_of(rows)):
        again = find(rows, kinds=kinds_of(rows), mode=[relation.sentence])
        assert [one.sentence for one in again] == [relation.sentence]


def test_functions_that_are_read_are_those_that_are_computed():
    """One list in the grammar, one in the computation."""
    computed = {*UNITS, *PARTS, *STARTS, "abs", "years", "time", "on", "max"}
    assert set(relation_text.FUNCTIONS) == computed


def test_a_model_warns_of_a_relation_that_it_does_not_keep():
    """In the words of the user."""
    model = fitting.fit(table(), seed=0, mode=["total = quantity + a", "city -> state"])
    assert any("'total = quantity + a' is not kept" in text for text in model.warnings)
    assert [one.sentence for one in model.relations] == ["state <- city"]


def orders() -> pa.Table:
    random = np.random.default_rng(5)
    customer = random.integers(0, 300, 3_000)
    return pa.table(
        {
            "order_id": [f"ORD-{place:06}" for place in range(3_000)],
            "customer_id": [f"C{7 * one:05}" for one in customer],
            "city": [f"city {one % 9}" for one in customer],
            "status": random.choice(["open", "paid", "sent"], 3_000),
            "amount": random.gamma(2, 20, 3_000).round(2),
        }
    )


def test_a_column_may_be_stated_to_follow_from_a_key():
    """The key's values are made anew; the column is drawn once for each of its entities."""
    rows = orders()
    model = fitting.fit(rows, seed=0, mode=["customer_id -> city"])
    assert not [text for text in model.warnings if "not kept" in text]
    assert [one.sentence for one in model.relations] == ["city <- customer_id"]
    made = model.generate(0, 2_000, offset=0)
    assert model.relations.shares(made) == {"city <- customer_id": 1.0}
    assert made["customer_id"].to_pandas().value_counts().max() > 1
    assert b"C00007" not in model.to_bytes()


def test_what_does_not_follow_from_a_key_is_refused():
    """With its share of the rows, in a job as a warning and before it as an error."""
    rows = orders()
    model = fitting.fit(rows, seed=0, mode=["customer_id -> status"])
    assert len(model.relations) == 0
    assert any("of the rows break it" in text for text in model.warnings)
    profile = Profile.of(rows)
    fitting.check_choices(
        rows, profile, columns={}, patterns={}, statements=["customer_id -> city"]
    )
    with pytest.raises(InputError) as caught:
        fitting.check_choices(
            rows, profile, columns={}, patterns={}, statements=["customer_id -> status"]
        )
    assert caught.value.code == "broken_relation"
