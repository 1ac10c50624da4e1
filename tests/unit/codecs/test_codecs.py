"""Codecs: what a column's texts mean, and that they come back as they were written."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.unit.codecs.columns import RANDOM, column, detect, found


def plain(value: Any) -> bool:
    """Whether a value is one that can be kept without pickling."""
    if is_dataclass(value):
        return all(plain(getattr(value, field.name)) for field in fields(value))
    if isinstance(value, tuple):
        return all(map(plain, value))
    return value is None or isinstance(value, bool | int | float | str)


SAMPLES: dict[str, list[Any]] = {
    "dates": [f"{day:02d}/07/2019" for day in range(1, 29)],
    "mixed": [f"${n:,}.50" for n in range(900, 1100)] + [f"{n}" for n in range(900, 1100)],
    "odd": [f"{n} kg" for n in range(200)] + ["?"] * 20 + [None] * 5,
    "truth": ["Yes", "No", None, "Yes"],
    "digits": list(range(20190701, 20190720)),
}


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_codec_is_made_of_plain_fields(sample: str) -> None:
    """A model keeps its codecs without pickling them."""
    assert plain(found(SAMPLES[sample]))


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_value_is_there_exactly_if_its_form_is_a_spelling(sample: str) -> None:
    """Nulls and odd entries have no value; form 0 is null and nothing else."""
    codec = found(SAMPLES[sample])
    parsed = codec.parse(column(SAMPLES[sample]))
    texts: Any = getattr(codec, "texts", codec)
    assert parsed.values.type == pa.type_for_alias(texts.unit)
    forms = parsed.forms
    if forms is None:
        forms = np.where([value is None for value in SAMPLES[sample]], 0, 1)
    has_value = [value is not None for value in parsed.values.to_pylist()]
    assert has_value == [0 < form <= len(texts.spellings) for form in forms]
    assert [form == 0 for form in forms] == [value is None for value in SAMPLES[sample]]


def test_writing_goes_by_the_form() -> None:
    """A form that is no spelling has its text, whatever the value; a missing value is a null."""
    codec = found(["1 kg", "2 kg", "30 kg", "?", "?"])
    values = pa.array([5, None, 5, 5], pa.int64())
    written = codec.write(values, np.array([1, 1, 2, 0], np.int32), RANDOM)
    assert written.to_pylist() == ["5 kg", None, "?", None]


def test_writing_without_forms_uses_the_first_spelling() -> None:
    """Forms may be left out: then all rows are written alike."""
    codec = found(SAMPLES["mixed"])
    assert codec.write(pa.array([1.5, None]), None, RANDOM).to_pylist() == ["$1.50", None]


def test_no_rows_are_no_rows() -> None:
    """A part without a row is read and written."""
    for sample in SAMPLES.values():
        codec = found(sample)
        empty = pa.chunked_array([], column(sample).type)
        parsed = codec.parse(empty)
        assert len(parsed.values) == 0
        assert len(codec.write(parsed.values, parsed.forms, RANDOM)) == 0


def test_large_strings_stay_large() -> None:
    """A column comes back with its own type of text."""
    found(SAMPLES["dates"], type=pa.large_string())


@pytest.mark.parametrize("wanted", ["categorical", "id", "text"])
def test_a_kind_without_values_needs_no_codec(wanted: str) -> None:
    """Who says that dates are categories gets categories."""
    assert detect("x", column(SAMPLES["dates"]), wanted=wanted) is None


def test_only_the_wanted_kind_is_tried() -> None:
    """Numbers that are said to be dates and are none have no codec."""
    assert detect("x", column(SAMPLES["odd"]), wanted="datetime") is None
    assert detect("x", column(SAMPLES["odd"]), wanted="numeric") is not None


def test_a_pattern_decides_what_values_leave_open() -> None:
    """Days and months up to twelve may be either; the user's pattern says which."""
    values = [f"{a:02d}/{b:02d}/2020" for a in range(1, 13) for b in range(1, 13)]
    codec = detect("x", column(values), wanted="datetime", pattern="%d/%m/%Y")
    assert codec is not None
    assert codec.parse(column(["02/01/2020"] * 2)).values.to_pylist()[0].isoformat() == "2020-01-02"


@pytest.mark.parametrize(
    ("values", "read"),
    [
        (["Yes", "No", "Yes", "No"], [True, False, True, False]),
        (["TRUE", "FALSE", "NA", "TRUE"], [True, False, None, True]),
        (["ja", "nein", None, "ja"], [True, False, None, True]),
    ],
)
def test_truth_values_in_words(values: list[str | None], read: list[bool | None]) -> None:
    """Two words of one language, one for true and one for false."""
    assert found(values).parse(column(values)).values.to_pylist() == read


@pytest.mark.parametrize(
    "values", [["N", "S", "N"], ["Yes", "No", "Maybe"], ["1", "0", "1"], ["yes", "Yes", "no"]]
)
def test_other_pairs_are_categories(values: list[str]) -> None:
    """North and South are no truth values, nor are three answers."""
    assert detect("x", column(values)) is None
