"""Columns that identify are made anew: never the input's values, of the same forms."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen_nb.synth.column_kind import column_kind
from datagen_nb.synth.identities import Maker
from datagen_nb.synth.identities.checked import SCHEMES, complete, is_valid
from datagen_nb.synth.identities.permutation import Permutation
from datagen_nb.synth.profile import Profile
from datagen_nb.synth.recognition import makers_of

HEX = "[0-9a-f]"
UUID = rf"{HEX}{{8}}-{HEX}{{4}}-4{HEX}{{3}}-[89ab]{HEX}{{3}}-{HEX}{{12}}"


def makers(columns: dict[str, list], **options) -> dict[str, Maker]:
    table = pa.table(columns)
    facts = Profile.of(table).facts()
    wanted = {name: column_kind(kind) for name, kind in options.pop("kinds", {}).items()}
    made = makers_of(table, facts, wanted, {}, **options)
    return {name: one.maker for name, one in made.items()}


def made(maker: Maker, count: int, *, first: int = 0, seed: int = 1, **given) -> list:
    numbers = np.arange(first, first + count)
    values = maker.make(numbers, given, np.random.default_rng(seed))
    assert len(values) == count
    assert values.null_count == 0
    return values.to_pylist()


def random(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def digits(count: int, width: int, seed: int = 1) -> list[str]:
    return [f"{n:0{width}d}" for n in random(seed).choice(10**width, count, replace=False)]


def check_digit_texts(scheme: str, count: int) -> list[str]:
    lengths = {"iban": 22, "lei": 20, "dni": 9, "chinese_id": 18, "cpf": 11, "cnpj": 14}
    length = {**lengths, "luhn": 16, "ean": 13, "isbn10": 10, "pesel": 11, "aba": 9}[scheme]
    front = "DE00" if scheme == "iban" else "4"
    rest = random().integers(0, 10, (count, length - len(front)))
    texts = pa.array([front + "".join(map(str, row)) for row in rest])
    return complete(scheme, texts).to_pylist()


@given(st.integers(1, 5_000), st.integers(0, 2**62))
@settings(max_examples=40, deadline=None)
def test_a_permutation_maps_its_numbers_onto_themselves(size, key):
    """No number is met twice, and none is left out."""
    assert sorted(Permutation(size, key)(np.arange(size))) == list(range(size))


SEPARATORS = st.sampled_from(["-", "/", ".", "_", " "])
PARTS = st.lists(
    st.tuples(st.sampled_from(["digits", "upper", "lower", "hex"]), st.integers(1, 9)),
    min_size=1,
    max_size=4,
)


@given(PARTS, SEPARATORS, st.integers(5, 300), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_an_identifier_of_any_form_is_made_anew_and_does_not_repeat(parts, between, count, seed):
    """None of the input's values comes back, distinct numbers give distinct values.

    Nor does one under another key; moved back, the key is the same.
    """
    signs = {"digits": "0123456789", "hex": "0123456789abcdef"}
    signs |= {"upper": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "lower": "abcdefghijklmnopqrstuvwxyz"}
    source = random(seed)
    real = [
        between.join("".join(source.choice(list(signs[kind]), width)) for kind, width in parts)
        for _ in range(count)
    ]
    maker = makers({"customer_id": real}, kinds={"customer_id": "id"})["customer_id"]
    fresh = made(maker, 1_000)
    assert not set(fresh) & set(real)
    if maker.is_unique:
        further = made(maker, 1_000, first=1_000, seed=2)
        assert len(set(fresh) | set(further)) == 2_000
    assert made(maker, 1_000) == fresh
    other = maker.rekeyed(seed + 1)
    others = made(other, 1_000)
    assert not set(others) & set(real)
    assert not maker.is_unique or len(set(others)) == 1_000
    assert made(other.rekeyed(-seed - 1), 1_000) == fresh


@given(st.integers(1, 19), st.integers(3, 300), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_integer_identifiers_are_new_and_do_not_tell_the_largest(width, count, seed):
    """They are no continuation of the input's, nor do they repeat."""
    top = min(10**width, 2**63 - 1)
    real = random(seed).integers(0, top, count).tolist()
    maker = makers({"id": real}, kinds={"id": "id"})["id"]
    fresh = made(maker, 500)
    assert not set(fresh) & set(real)
    assert len(set(fresh)) == 500
    others = made(maker.rekeyed(seed + 1), 500)
    assert not set(others) & set(real)
    assert len(set(others)) == 500
    if width > 2:  # integers of fewer digits are all near
        near = {end + step for end in (max(real), min(real)) for step in range(-5, 6)}
        assert not set(fresh[:5]) <= near


@pytest.mark.parametrize("scheme", SCHEMES)
def test_check_digits_are_right(scheme):
    """A column that has them gets new ones that fit, in the same form."""
    real = check_digit_texts(scheme, 300)
    assert is_valid(scheme, pa.array(real)).all()
    maker = makers({"number": real}, kinds={"number": "id"})["number"]
    fresh = made(maker, 2_000)
    assert is_valid(scheme, pa.array(fresh)).all()
    assert not set(fresh) & set(real)
    assert len(set(fresh)) == 2_000
    assert {len(text) for text in fresh} == {len(real[0])}


def test_known_check_digits_are_recognised():
    """Published examples of the schemes."""
    examples = {
        "iban": "GB82 WEST 1234 5698 7654 32",
        "luhn": "4539 1488 0343 6467",
        "ean": "4006381333931",
        "isbn10": "0-306-40615-2",
        "cpf": "111.444.777-35",
        "dni": "12345678Z",
        "aba": "011000015",
        "pesel": "44051401359",
        "lei": "5493001KJTIIGC8Y1R12",
        "chinese_id": "11010519491231002X",
        "cnpj": "11.222.333/0001-81",
    }
    assert set(examples) == set(SCHEMES)
    for scheme, text in examples.items():
        assert is_valid(scheme, pa.array([text])).all(), scheme


def test_a_uuid_keeps_its_version():
    """Version and variant are bits of their own."""
    import uuid

    real = [str(uuid.UUID(bytes=random(n).bytes(16), version=4)) for n in range(600)]
    maker = makers({"session": real})["session"]
    assert all(re.fullmatch(UUID, text) for text in made(maker, 500))


def test_several_forms_keep_their_shares():
    """Half of the rows have a phrase that is kept, the others a number that is not."""
    real = [
        "Salary payment" if n % 2 else f"Invoice {number} thank you"
        for n, number in enumerate(digits(4_000, 4))
    ]
    fresh = made(makers({"purpose": real})["purpose"], 4_000)
    salaries = [text for text in fresh if text == "Salary payment"]
    assert abs(len(salaries) / 4_000 - 0.5) < 0.03
    assert all(re.fullmatch(r"Salary payment|Invoice \d{4} thank you(-\d+)?", t) for t in fresh)
    assert not (set(fresh) - {"Salary payment"}) & set(real)


def test_a_form_without_new_values_gives_way_to_others():
    """Of ten numbers of one digit none is new; what may repeat needs no mark behind it."""
    real = [f"Company {number} Ltd" for number in [*range(10), *range(100, 700, 2)] for _ in "abc"]
    fresh = made(makers({"employer": real})["employer"], 2_000)
    assert all(re.fullmatch(r"Company \d{1,3} Ltd", text) for text in fresh)
    assert not set(fresh) & set(real)


def test_parts_of_a_code_keep_their_ranges():
    """A state of 1 to 56 and a county of 1 to 199, an octet up to 255."""
    places = random().integers([1, 1], [57, 200], (3_000, 2))
    fips = [f"{state:02d}{county:03d}" for state, county in places]
    octets = random().integers(0, 256, (3_000, 4))
    table = {"fips": fips, "ip": [".".join(map(str, row)) for row in octets]}
    found = makers(table)
    for text in made(found["fips"], 2_000):
        assert 1 <= int(text[:2]) <= 56
        assert 1 <= int(text[2:]) <= 199
    for text in made(found["ip"], 2_000):
        assert all(part == str(int(part)) and int(part) < 256 for part in text.split("."))


def test_categories_stay_categories():
    """Places, labels, amounts and dates, few codes or codes that many rows share."""
    rows = 2_000
    choose = random().choice
    table = {
        "plz": choose(digits(900, 5), rows),
        "city": choose([f"Town {n}" for n in range(900)], rows),
        "bic": choose(["DEUTDEFF", "COBADEFFXXX", "GENODEF1", "INGDDEFFXXX"], rows),
        "device_id": choose([f"dev-{n}" for n in range(15)], rows),
        "sku": choose([f"SKU{n:05d}" for n in range(200)], rows),
        "born": [
            f"{day:02d}.{month:02d}.1990"
            for day, month in zip(choose(28, rows) + 1, choose(12, rows) + 1, strict=True)
        ],
        "visit": [
            f"{day:02d}{month:02d}2024"
            for day, month in zip(choose(28, rows) + 1, choose(12, rows) + 1, strict=True)
        ],
        "acct": [f"({n:,.2f})" for n in random().gamma(2, 3000, rows)],
        "account_balance": random().integers(0, 10**6, rows),
        "number_of_rooms": random().integers(0, 90, rows),
        "week_no": random().integers(1, 53, rows),
    }
    assert not makers(table)


def test_identifiers_that_repeat_are_found():
    """By their name or form: customers, accounts, addresses of mail, phones."""
    rows, keys = 2_000, 400
    who = random().integers(0, keys, rows)
    table = {
        "customer_id": np.array(digits(keys, 8))[who],
        "account_no": random().choice(10**8, keys, replace=False)[who],
        "nullable_id": random().choice(10**8, keys, replace=False)[who].astype(float),
        "contact": np.array([f"u{n}@mail.example" for n in digits(keys, 5)])[who],
        "phone": np.array([f"+44 {n}" for n in digits(keys, 9)])[who],
    }
    found = makers(table)
    assert set(found) == set(table)
    for name, maker in found.items():
        fresh = made(maker, 1_000)
        assert len(set(fresh)) == 1_000, name
        assert not {str(value) for value in fresh} & {str(value) for value in table[name]}


def test_row_numbers_count_on_from_elsewhere():
    """Neither the input's numbers nor the one that follows them."""
    fresh = made(makers({"id": list(range(1, 301))})["id"], 50)
    assert np.unique(np.diff(fresh)).tolist() == [1]
    assert fresh[0] > 301


def test_row_numbers_of_rows_in_two_parts_are_row_numbers():
    """As a table is, whose held-back rows follow those that are fitted to."""
    every = pa.table({"obs": list(range(1, 601)), "x": random().permutation(600)})
    is_held_back = pa.array(np.arange(600) % 5 == 2)
    parts = every.filter(pc.invert(is_held_back)), every.filter(is_held_back)
    found = makers_of(pa.concat_tables(parts), Profile.of(every).facts(), {}, {})
    assert set(found) == {"obs"}
    fresh = made(found["obs"].maker, 700)
    assert len(set(fresh)) == 700
    assert not set(fresh) & set(range(1, 601))


def test_few_rows_have_numbers_where_the_column_is_called_so():
    """Elsewhere 1 to 8 may be levels of something."""
    numbers = list(range(1, 9))
    assert set(makers({"Unnamed: 0": numbers, "dose": numbers, "index": numbers})) == {
        "Unnamed: 0",
        "index",
    }


def test_an_identifier_that_stands_in_two_columns_stays_the_same_in_both():
    """As numbers of rows beside those that a program wrote."""
    keys = digits(300, 9)
    found = makers({"order_id": keys, "row_id": list(range(300)), "order_ref": keys})
    assert found["order_ref"].needs == ("order_id",)
    of_order = pa.array(made(found["order_id"], 50))
    assert made(found["order_ref"], 50, order_id=of_order) == of_order.to_pylist()
    assert found["row_id"].needs == ()


def test_even_numbers_out_of_order_are_no_row_numbers():
    """They are ranks, or say something else."""
    assert not makers({"place": random().permutation(600).tolist()})


@pytest.mark.parametrize(
    ("column", "names"),
    [
        ("subject", ["John Smith", "Mary Smith"]),
        ("name", ["Kennedy", "Johnson", "Nixon", "Ford", "Carter", "Reagan", "Bush", "Bush"]),
        ("who", ["Gerardus Mercator", "Johann Schoner", "Claudius Weber", "Jan Jansson"]),
    ],
)
def test_a_table_of_a_few_persons_copies_none_of_their_names(column, names):
    """Whatever the column is called, and if two have the same name."""
    maker = makers({column: names, "age": list(range(len(names)))})[column]
    assert not set(made(maker, 200)) & set(names)


def test_few_names_of_things_are_no_persons():
    """As of products, or of groups that rows share."""
    assert not makers({"product": ["Widget", "Gadget", "Doohickey"], "price": [1, 5, 7]})
    assert not makers({"team": ["John Smith", "Mary Miller"] * 8, "x": list(range(16))})


def test_a_small_table_copies_no_name_and_no_sentence():
    """Five rows are enough to name someone."""
    names, numbers = [f"P{n}" for n in digits(5, 7)], digits(5, 6, seed=2)
    notes = [f"patient {n} felt ok after dose {n[:2]} given" for n in numbers]
    table = {"name": names, "note": notes, "grp": ["a", "b", "c", "a", "b"]}
    found = makers(table)
    assert set(found) == {"name", "note"}
    for name, maker in found.items():
        assert not set(made(maker, 200)) & set(table[name])


def test_what_the_user_chose_holds():
    """An identifier that is to be a category is left alone; a column may be made an identifier."""
    real = digits(300, 8)
    assert not makers({"order_no": real}, kinds={"order_no": "categorical"})
    assert set(makers({"x": list(range(7, 900, 3))}, kinds={"x": "id"})) == {"x"}


BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.mark.parametrize("sizes", [(64, 64), (128, 128), (32, 44)], ids=["64", "128", "32 to 44"])
@pytest.mark.parametrize("alphabet", ["0123456789abcdef", BASE64], ids=["hex", "base64"])
def test_tokens_of_random_signs_are_such_and_never_the_inputs(alphabet, sizes):
    """A digest, a key of an API, a token of a session; words would be wrong."""
    choose = random(4)
    lengths = choose.integers(sizes[0], sizes[1] + 1, 1_500)
    real = ["0x" + "".join(choose.choice(list(alphabet), length)) for length in lengths]
    fresh = made(makers({"payload": real})["payload"], 1_000)
    assert all(set(token[2:]) <= set(alphabet) and token[:2] == "0x" for token in fresh)
    assert {len(token) - 2 for token in fresh} == set(lengths.tolist())
    assert len(set(fresh)) == 1_000
    assert not set(fresh) & set(real)
