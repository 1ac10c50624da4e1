"""Free text: readable, never copied, with no word of a single person."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen_nb.synth.identities.texts import FreeText
from tests.unit.synth.test_identities import made, makers, random

WORDS = [
    "service",
    "slow",
    "staff",
    "friendly",
    "price",
    "high",
    "delivery",
    "late",
    "app",
    "crashes",
    "love",
    "product",
    "thanks",
]
CHINESE = "服务很好价格太高物流慢客态度满意再来一次不推荐商品质量差"


def sentences(count: int, words: list[str] = WORDS, seed: int = 1) -> list[str]:
    source = random(seed)
    return [
        " ".join(source.choice(words, source.integers(4, 20))).capitalize() + "."
        for _ in range(count)
    ]


def test_sentences_are_new_and_written_as_the_input_is():
    """A capital, a stop, and about as long."""
    real = sentences(1_500)
    fresh = made(makers({"comment": real})["comment"], 1_500)
    assert all(re.fullmatch(r"[A-Z][a-z]+( [a-z]+)*\.", text) for text in fresh)
    assert not set(fresh) & set(real)
    medians = [np.median([len(text) for text in texts]) for texts in (real, fresh)]
    assert abs(medians[1] / medians[0] - 1) < 0.1


@pytest.mark.parametrize("wrote", [1, 8])
def test_what_one_person_wrote_often_does_not_come_back(wrote):
    """A name, a number and rare words, in equal texts or in different ones."""
    real = sentences(3_000)
    for place in range(100, 100 + wrote):
        real[place] += " My name is Zebediah, account 4417, xylophones."
    real[200:208] = ["Call Quackenbush on 5551234, thanks."] * 8
    fresh = " ".join(made(makers({"comment": real})["comment"], 5_000))
    assert not re.search(r"zebediah|quackenbush|xylophones|\d", fresh, re.IGNORECASE)


def test_writing_without_spaces_is_text():
    """It stays in its script, about as long, and is new."""
    source = random()
    real = ["".join(source.choice(list(CHINESE), source.integers(8, 30))) for _ in range(1_000)]
    maker = makers({"评论": real})["评论"]
    fresh = made(maker, 1_000)
    assert isinstance(maker, FreeText)
    assert all(re.fullmatch(f"[{CHINESE}]+", text) for text in fresh)
    assert not set(fresh) & set(real)
    medians = [np.median([len(text) for text in texts]) for texts in (real, fresh)]
    assert abs(medians[1] / medians[0] - 1) < 0.1


@given(st.integers(1, 6), st.integers(30, 400), st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_no_text_is_copied_however_few_words_there_are(words, count, seed):
    """With three words, many texts that could be made exist already."""
    source = random(seed)
    real = [" ".join(source.choice(WORDS[:words], source.integers(3, 8))) for _ in range(count)]
    maker = makers({"comment": real}, kinds={"comment": "text"})["comment"]
    fresh = made(maker, 300)
    assert not {text.lower() for text in fresh} & {text.lower() for text in real}
    assert made(maker, 300) == fresh


def test_texts_of_a_small_table_are_not_copied():
    """Nine different sentences, of which no word is common."""
    real = [
        f"{word} came by and asked for {word}s on the {n}th" for n, word in enumerate(WORDS[:9])
    ]
    maker = makers({"note": real})["note"]
    fresh = made(maker, 200)
    assert not set(fresh) & set(real)
