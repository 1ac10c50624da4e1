"""Texts of several numbers: read, drawn as columns, and written as they were."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen_nb.codecs import Written, several_numbers
from datagen_nb.core.errors import InputError
from datagen_nb.synth import packing, quality
from datagen_nb.synth.fitting import fit

ROWS = 1_500


def chance(seed=1):
    return np.random.default_rng(seed)


def pressures(rows=ROWS, seed=1):
    """The higher pressure rises with the age, and the lower one with the higher."""
    random = chance(seed)
    age = random.integers(20, 90, rows)
    high = random.normal(100 + age / 2, 9).round().astype(int)
    low = (high * 0.6 + random.normal(0, 4, rows)).round().astype(int)
    return age, high, low


def codec_of(texts, name="reading"):
    return several_numbers(Written(name, pa.chunked_array([texts])))


def numbers_of(texts):
    """The numbers of texts that all have two."""
    found = codec_of(texts).parse(pa.chunked_array([texts])).values
    return np.array([[row["1"], row["2"]] for row in found.to_pylist()])


between = st.sampled_from(["/", " x ", "x", ",", "; ", " to ", "h ", "' ", " - ", " (", "|"])


@settings(max_examples=60, deadline=None)
@given(
    before=st.sampled_from(["", "ca. ", "POINT(", "["]),
    inner=st.lists(between, min_size=1, max_size=3),
    after=st.sampled_from(["", " mmHg", ")", "m", '"', " cm (W x H)"]),
    decimals=st.lists(st.integers(0, 4), min_size=4, max_size=4),
    odd=st.booleans(),
    nulls=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_what_is_read_is_written_again(before, inner, after, decimals, odd, nulls, seed):
    random = chance(seed)
    parts = [
        [f"{one:.{places}f}" for one in random.normal(0, 900, 400).round(places) + 0.0]
        for places in decimals[: len(inner) + 1]
    ]
    texts = [before + one for one in parts[0]]
    for sign, numbers in zip(inner, parts[1:], strict=True):
        texts = [
            text + sign + one.removeprefix("-") for text, one in zip(texts, numbers, strict=True)
        ]
    texts = [text + after for text in texts]
    if odd:
        texts[::9] = ["not measured"] * len(texts[::9])
    column = pa.chunked_array([pa.array(texts, mask=random.random(400) < 0.1 * nulls)])
    codec = several_numbers(Written("reading", column))
    if codec is None:  # whole numbers in texts that are all distinct may be codes
        assert not any(decimals[: len(inner) + 1])
        return
    parsed = codec.parse(column)
    assert codec.write(parsed.values, parsed.forms, chance()).equals(column.combine_chunks())
    assert packing.from_bytes(packing.to_bytes(codec)) == codec


def test_numbers_of_several_spellings_are_written_in_each():
    _, high, low = pressures()
    texts = [
        f"{a}/{b}" if n % 3 else f"{a} / {b} mmHg"
        for n, (a, b) in enumerate(zip(high, low, strict=True))
    ]
    codec = codec_of(texts)
    parsed = codec.parse(pa.chunked_array([texts]))
    assert codec.write(parsed.values, parsed.forms, chance()).to_pylist() == texts


CODES = {
    "specimen": lambda r: f"{r.integers(100, 999)}-{r.integers(1000, 9999)}",
    "contact": lambda r: f"0{r.integers(20, 89)}/{r.integers(10**5, 10**7)}",
    "version": lambda r: f"{r.integers(1, 9)}.{r.integers(0, 40)}.{r.integers(0, 300)}",
    "server": lambda r: ".".join(str(r.integers(1, 255)) for _ in range(4)),
    "order": lambda r: f"{r.integers(1, 99)}/{r.integers(1, 999)}",
    "card": lambda r: " ".join(str(r.integers(1000, 9999)) for _ in range(4)),
    "score": lambda r: f"{r.poisson(1.5)}-{r.poisson(1.1)}",
    "duration": lambda r: f"{r.integers(0, 3)}:{r.integers(10, 59)}:{r.integers(10, 59)}",
}


@pytest.mark.parametrize("name", CODES)
def test_codes_and_categories_are_no_numbers(name):
    random = chance()
    table = pa.table({name: [CODES[name](random) for _ in range(ROWS)]})
    assert [type(one).__name__ for one in fit(table, seed=1).codecs.values()] in ([], ["TextCodec"])


def test_numbers_in_texts_keep_their_dependence_and_none_is_copied_more_than_by_chance():
    age, high, low = pressures()
    texts = [f"{a}/{b} mmHg" for a, b in zip(high, low, strict=True)]
    model = fit(pa.table({"age": age, "bp": texts}), seed=1)
    made = model.generate(0, ROWS, offset=0)
    found, fresh = numbers_of(made["bp"].to_pylist()), pressures(seed=2)

    real = np.corrcoef([age, high, low])
    synthetic = np.corrcoef([np.asarray(made["age"]), *found.T])
    assert np.abs(real - synthetic).max() < 0.06
    others = [f"{a}/{b} mmHg" for a, b in zip(*fresh[1:], strict=True)]
    back, by_chance = (np.mean(np.isin(one, texts)) for one in (made["bp"].to_pylist(), others))
    assert back < by_chance + 0.05


def test_numbers_in_texts_have_relations():
    """A place as its two coordinates, and these in columns of their own."""
    random = chance()
    lat, lon = random.normal(40.7, 0.1, ROWS).round(4), random.normal(-73.9, 0.1, ROWS).round(4)
    point = [f"POINT({b:.4f} {a:.4f})" for a, b in zip(lat, lon, strict=True)]
    model = fit(pa.table({"lat": lat, "lon": lon, "point": point}), seed=1)
    for row in model.generate(0, 500, offset=0).to_pylist():
        assert row["point"] == f"POINT({row['lon']:.4f} {row['lat']:.4f})"


def test_a_report_compares_each_of_the_numbers():
    _, high, low = pressures()
    table = pa.table({"bp": [f"{a}/{b}" for a, b in zip(high, low, strict=True)]})
    training, held_back = table.slice(300), table.slice(0, 300)
    model = fit(training, seed=1)
    made = model.generate(0, 1_200, offset=0)
    report = quality.assess(training, held_back, made, model.kinds, codecs=model.codecs)
    assert {one.name for one in report.columns} == {"bp [1]", "bp [2]"}
    assert min(one.score for one in report.columns) > 0.9
    assert report.pairs[0].columns == ("bp [1]", "bp [2]")


def test_a_user_may_say_what_the_texts_are():
    _, high, low = pressures()
    table = pa.table({"bp": [f"{a}/{b}" for a, b in zip(high, low, strict=True)]})
    assert fit(table, seed=1, columns={"bp": "numeric"}).kinds == {"bp": "numeric"}
    assert not fit(table, seed=1, columns={"bp": "categorical"}).codecs
    words = pa.table({"bp": ["high", "low"] * 100})
    with pytest.raises(InputError, match="bp"):
        fit(words, seed=1, columns={"bp": "numeric"})
