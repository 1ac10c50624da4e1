"""Free text: new sentences of the words that many texts have.

A chain of words (Markov, 1913; Shannon, 1948) over the common words of a column: which follows
which, as far as many texts have the pair. In writing without spaces a word is one character. A
word that few texts have may name someone and is not kept, neither are digits; capitals inside a
sentence need more texts still. Texts that are equal count once, since one person wrote them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.synth.identities.known import KnownValues
from datagen_nb.synth.identities.maker import Numbers
from datagen_nb.synth.identities.words import PLAIN_WORDS, UNSPACED

COMMON_SHARE = 0.004
"""Share of the texts that must have a word: one person may have written several of them."""

NAME_SHARE = 0.01
"""The same for words with a capital inside a sentence, which may be names."""

MIN_NAME_COUNT = 12

MAX_TEXTS = 20_000
MAX_WORDS = 3_000
MAX_LENGTHS = 200

FEW_WORDS = 12
"""With fewer common words, plain ones are added."""

MAX_TRIES = 8

_WORDS = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_STOPS = ".!?。！？…"
_BETWEEN = re.compile(r"[,;:.!?、，。！？；：]|[.]{3}")


@dataclass(frozen=True, eq=False)
class FreeText:
    """Sentences of common words.

    Attributes:
        words: The common words, in small letters unless they are usually written with capitals.
        chances: Cumulated shares of the words.
        followers: The words that follow, those of the first word, then of the second, ….
        ends: Cumulated shares of the followers, each word's from its place in the list to 1 more.
        starts: Where the followers of each word begin; one more than words.
        lengths: Numbers of words of a text, each as often as in the input.
        gaps: Signs between words inside a text, with the space.
        gap_ends: Cumulated shares of the gaps.
        finals: Signs at the end of a text.
        final_ends: Cumulated shares of the finals.
        capitals: Share of the texts that begin with a capital.
        joint: What stands between words: a space, or nothing.
        known: Texts that must not be made.
    """

    words: tuple[str, ...]
    chances: npt.NDArray[np.float64]
    followers: npt.NDArray[np.int32]
    ends: npt.NDArray[np.float64]
    starts: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    gaps: tuple[str, ...]
    gap_ends: npt.NDArray[np.float64]
    finals: tuple[str, ...]
    final_ends: npt.NDArray[np.float64]
    capitals: float
    known: KnownValues

    @property
    def needs(self) -> tuple[str, ...]:
        return ()

    @property
    def is_unique(self) -> bool:
        return False

    def rekeyed(self, shift: int) -> FreeText:
        del shift  # all is drawn, nothing chosen by a key
        return self

    def make(
        self, numbers: Numbers, given: Mapping[str, pa.Array], random: np.random.Generator
    ) -> pa.Array:
        """Make one text for each number; see `Maker`."""
        del given
        lengths = random.choice(self.lengths, len(numbers))
        texts = self._write(lengths, random)
        known = np.flatnonzero(self.known.contains(texts))
        for tried in range(MAX_TRIES):
            if not len(known):
                break
            others = self._write(lengths[known] + tried // 2, random)
            mask = np.zeros(len(texts), dtype=np.bool_)
            mask[known] = True
            texts = pc.replace_with_mask(texts, pa.array(mask), others)
            known = known[self.known.contains(others)]
        return texts

    def _write(self, lengths: npt.NDArray[np.int64], random: np.random.Generator) -> pa.Array:
        """Texts of so many words, all at once, one place after the other."""
        rows, longest = len(lengths), int(lengths.max(initial=1))
        chosen = np.zeros((rows, longest), dtype=np.int64)
        for place in range(longest):
            going = np.flatnonzero(lengths > place)
            before = chosen[going, place - 1] if place else None
            chosen[going, place] = self._next(before, len(going), random)
        within = np.arange(longest) < lengths[:, None]
        gaps = np.searchsorted(self.gap_ends, random.random((rows, longest)), side="right")
        is_last = np.arange(longest) == lengths[:, None] - 1
        finals = np.searchsorted(self.final_ends, random.random(rows), side="right")
        is_first = np.zeros((rows, longest), dtype=np.bool_)
        is_first[:, 0] = random.random(rows) < self.capitals
        if self.capitals > 0.5:
            stops = np.array([any(sign in _STOPS for sign in gap) for gap in self.gaps])
            is_first[:, 1:] |= stops[gaps[:, :-1]]
        words = pa.array([*self.words, *(word[:1].upper() + word[1:] for word in self.words)])
        signs = pa.array([*self.gaps, *self.finals])
        ending = np.where(is_last, (finals + len(self.gaps))[:, None], gaps)
        pieces = pc.binary_join_element_wise(
            words.take(pa.array((chosen + len(self.words) * is_first)[within])),
            signs.take(pa.array(ending[within])),
            "",
        )
        offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
        return pc.binary_join(pa.ListArray.from_arrays(offsets, pieces), "")

    def _next(
        self, before: npt.NDArray[np.int64] | None, rows: int, random: np.random.Generator
    ) -> npt.NDArray[np.int64]:
        anywhere = np.searchsorted(self.chances, random.random(rows), side="right")
        if before is None:
            return anywhere
        # The shares of one word's followers lie between its number and the next one.
        places = np.searchsorted(self.ends, before + random.random(rows), side="right")
        has_any = self.starts[before + 1] > self.starts[before]
        places = places.clip(max=max(len(self.followers) - 1, 0))
        follows = self.followers[places] if len(self.followers) else anywhere
        return np.asarray(np.where(has_any, follows, anywhere), dtype=np.int64)


def fit_text(texts: Sequence[str], *, known: KnownValues, min_count: int) -> FreeText:
    """Find the common words of texts, and what stands between them.

    Args:
        texts: Those of all rows; equal ones count once.
        known: Texts that must not be made.
        min_count: So many texts at least must have a word.
    """
    texts = sorted(set(texts))
    texts = texts[:: len(texts) // MAX_TEXTS + 1]
    is_unspaced = sum(bool(UNSPACED.search(text)) for text in texts) > len(texts) / 2
    spoken = [_spoken(text, is_unspaced=is_unspaced) for text in texts]
    common = _common_words(spoken, min_count)
    index = {word: place for place, word in enumerate(common)}
    pairs: Counter[tuple[int, int]] = Counter()
    for words, _, _ in spoken:
        places = [index.get(word, -1) for word in words]
        pairs.update(set(pairwise(places)))
    kept = sorted(
        (pair, count) for pair, count in pairs.items() if min(pair) >= 0 and count >= min_count
    )
    starts, ends = _chain(kept, len(common))
    gaps = Counter(gap for _, between, _ in spoken for gap in between)
    finals = Counter(final for _, _, final in spoken)
    shared = max(min_count, ceil(COMMON_SHARE * len(texts)))
    joint = "" if is_unspaced else " "
    gap_texts, gap_ends = _shares(gaps, shared, joint)
    final_texts, final_ends = _shares(finals, shared, "")
    return FreeText(
        words=tuple(common),
        chances=_cumulated(list(common.values())),
        followers=np.array([after for (_, after), _ in kept], dtype=np.int32),
        ends=ends,
        starts=starts,
        lengths=_lengths(spoken, common),
        gaps=gap_texts,
        gap_ends=gap_ends,
        finals=final_texts,
        final_ends=final_ends,
        capitals=sum(text[:1].isupper() for text in texts) / max(len(texts), 1),
        known=known,
    )


Spoken = tuple[list[str], list[str], str]
"""The words of a text, the signs between them, and those at its end."""


def _spoken(text: str, *, is_unspaced: bool) -> Spoken:
    if is_unspaced:
        words, gaps = [], []
        for sign in text:
            if sign.isalpha():
                words.append(sign)
                gaps.append("")
            elif words and _BETWEEN.fullmatch(sign):
                gaps[-1] = sign
        return words, gaps[:-1], gaps[-1] if gaps else ""
    found = list(_WORDS.finditer(text))
    words, gaps = [], []
    for place, match in enumerate(found):
        word = match.group()
        after = found[place + 1].start() if place + 1 < len(found) else len(text)
        signs = "".join(_BETWEEN.findall(text[match.end() : after]))
        starts = not gaps or gaps[-1].strip().endswith(tuple(_STOPS))
        words.append(word[:1].lower() + word[1:] if starts and word[1:].islower() else word)
        gaps.append(signs + " ")
    return words, gaps[:-1], gaps[-1].strip() if gaps else ""


def _common_words(spoken: Sequence[Spoken], min_count: int) -> dict[str, int]:
    """The words that many texts have, by falling number of texts."""
    texts_with: Counter[str] = Counter()
    for words, _, _ in spoken:
        texts_with.update(set(words))
    usual = max(min_count, ceil(COMMON_SHARE * len(spoken)))
    named = max(min_count, MIN_NAME_COUNT, ceil(NAME_SHARE * len(spoken)))
    common = {
        word: count
        for word, count in texts_with.items()
        if count >= (usual if word.islower() or UNSPACED.match(word) else named)
        and not any(map(str.isdigit, word))
    }
    ordered = dict(sorted(common.items(), key=lambda item: (-item[1], item[0]))[:MAX_WORDS])
    if len(ordered) < FEW_WORDS:
        count = max(ordered.values(), default=1)
        ordered |= {word: max(count // 4, 1) for word in PLAIN_WORDS if word not in ordered}
    return ordered


def _chain(
    kept: Sequence[tuple[tuple[int, int], int]], words: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Where each word's followers begin, and their cumulated shares on top of its place."""
    firsts = np.array([before for (before, _), _ in kept], dtype=np.int64)
    counts = np.array([count for _, count in kept], dtype=np.float64)
    starts = np.searchsorted(firsts, np.arange(words + 1))
    sums = np.concatenate([[0.0], np.cumsum(counts)])
    before = sums[starts[firsts]]
    total = sums[starts[firsts + 1]] - before
    return starts, firsts + (sums[1:] - before) / total


def _shares(
    counts: Counter[str], min_count: int, otherwise: str
) -> tuple[tuple[str, ...], npt.NDArray[np.float64]]:
    common = {text: count for text, count in sorted(counts.items()) if count >= min_count}
    common = common or {otherwise: 1}
    return tuple(common), _cumulated(list(common.values()))


def _cumulated(counts: Sequence[int]) -> npt.NDArray[np.float64]:
    ends = np.cumsum(np.array(counts, dtype=np.float64))
    ends /= ends[-1]
    ends[-1] = 1.0
    return ends


def _lengths(spoken: Sequence[Spoken], common: Mapping[str, int]) -> npt.NDArray[np.int64]:
    """Numbers of words with which the made texts are as long as the input's."""
    letters = Counter(len(word) for words, _, _ in spoken for word in words)
    usual = sum(length * count for length, count in letters.items()) / max(letters.total(), 1)
    made = sum(len(word) * count for word, count in common.items()) / sum(common.values())
    counts = np.sort([max(len(words), 1) for words, _, _ in spoken])
    chosen = counts[np.linspace(0, len(counts) - 1, min(len(counts), MAX_LENGTHS)).astype(int)]
    return np.asarray(np.maximum(np.round(chosen * (usual + 1) / (made + 1)), 1).astype(np.int64))
