"""Values of a few forms, such as ``C00417``, ``+44 5550123`` or ``Invoice 4711 thank you``.

A form is a row of segments. What is kept of the input are its constant and common parts (those
that at least ``min_count`` values have), the shares of its forms, and in which blocks its numbers
lie; its values only as digests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from math import ceil, log, prod

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.synth.identities.checked import complete
from datagen_nb.synth.identities.known import KnownValues
from datagen_nb.synth.identities.maker import Numbers
from datagen_nb.synth.identities.permutation import KEYS, MAX_SIZE, Permutation
from datagen_nb.synth.identities.segments import Codes, Levels, Literal, Segment

MAX_LISTED = 2**18
"""Forms of no more values are searched for new ones, once; of larger ones most are new."""

MAX_VARIANTS = 8
"""Forms with more combinations of common texts are not searched."""

MAX_TRIES = 24
"""Drawn again so often when a value is one of the input's."""


@dataclass(frozen=True)
class Form:
    """How some of the values are written.

    Attributes:
        segments: From left to right.
        share: How many values of the input have the form.
        scheme: Name of the check digits, one of `checked.SCHEMES`; empty for none.
    """

    segments: tuple[Segment, ...]
    share: int
    scheme: str = ""

    @cached_property
    def numbered(self) -> frozenset[int]:
        """The places of the segments that tell values apart, as many as a number can count."""
        size, chosen = 1, set()
        for place in reversed(range(len(self.segments))):
            segment = self.segments[place]
            is_free = not isinstance(segment, Literal | Levels)
            if is_free and size * segment.size <= MAX_SIZE:
                size *= segment.size
                chosen.add(place)
        return frozenset(chosen)

    @property
    def size(self) -> int:
        """How many values the numbered segments tell apart."""
        return prod(self.segments[place].size for place in self.numbered)

    def write(
        self, rows: int, random: np.random.Generator, ranks: Codes | None = None
    ) -> pa.StringArray:
        """Values of the form.

        Args:
            rows: How many.
            random: Of what the ranks do not say.
            ranks: One of 0 to ``size`` - 1 a value, distinct for distinct values; none for any.
        """
        columns: list[pa.Array] = []
        for place in reversed(range(len(self.segments))):
            segment = self.segments[place]
            if ranks is not None and place in self.numbered:
                ranks, codes = np.divmod(ranks, segment.size)
            else:
                codes = random.integers(0, segment.size, rows)
            columns.append(segment.write(codes))
        texts = pc.binary_join_element_wise(*reversed(columns), "")
        if isinstance(texts, pa.Scalar):  # all segments are the same in every value
            texts = pa.repeat(texts, rows)
        return complete(self.scheme, texts) if self.scheme else texts


@dataclass(frozen=True)
class Pattern:
    """Makes values of the forms of a column.

    Attributes:
        forms: In the shares of the input.
        known: Values that must not be made.
        key: Scatters the numbers over the forms' values.
        is_unique: Whether distinct numbers give distinct values.
        is_integer: Whether the values are integers; they are strings else.
    """

    forms: tuple[Form, ...]
    known: KnownValues
    key: int
    is_unique: bool
    is_integer: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        return ()

    def rekeyed(self, shift: int) -> Pattern:
        return replace(self, key=(self.key + shift) % KEYS)

    def make(
        self, numbers: Numbers, given: Mapping[str, pa.Array], random: np.random.Generator
    ) -> pa.Array:
        """Make one value for each number; see `Maker`."""
        del given
        ends = np.cumsum([form.share for form in self.forms])
        chosen = np.searchsorted(ends, random.integers(0, ends[-1], len(numbers)), side="right")
        made, places = [pa.array([], pa.string())], [np.array([], dtype=np.int64)]
        for which in range(len(self.forms)):
            rows = np.flatnonzero(chosen == which)
            if not len(rows):
                continue
            if self.is_unique:
                made.append(self._distinct(which, numbers[rows], random))
            else:
                made.append(self._any(self.forms[which], len(rows), random))
            places.append(rows)
        values = pa.concat_arrays(made).take(pa.array(np.argsort(np.concatenate(places))))
        if not self.is_unique:
            values = self._new(values, random)
        return values.cast(pa.int64()) if self.is_integer else values

    def _any(self, form: Form, rows: int, random: np.random.Generator) -> pa.Array:
        texts = form.write(rows, random)
        known = np.flatnonzero(self.known.contains(texts))
        for _ in range(MAX_TRIES):
            if not len(known):
                return texts
            others = form.write(len(known), random)
            texts = _replaced(texts, known, others)
            known = known[self.known.contains(others)]
        return texts

    def _new(self, texts: pa.Array, random: np.random.Generator) -> pa.Array:
        """Values that may repeat: where a form has no new one, that of another row.

        Only if no row has a new one are they marked.
        """
        is_known = self.known.contains(texts)
        known, new = np.flatnonzero(is_known), np.flatnonzero(~is_known)
        if not len(new):
            return _marked(texts, known, np.ones(len(known), dtype=np.int64), is_integer=False)
        rows = np.arange(len(texts))
        rows[known] = random.choice(new, len(known))
        return texts.take(pa.array(rows))

    def _distinct(self, which: int, numbers: Numbers, random: np.random.Generator) -> pa.Array:
        form, free = self.forms[which], self._free[which]
        if free is not None:
            rounds, within = np.divmod(numbers, len(free))
            ranks = free[Permutation(len(free), self.key)(within)]
            texts = form.write(len(numbers), random, ranks)
            return self._distinguished(texts, rounds)
        tries = self._tries(form)
        stretch = form.size // tries
        rounds, within = np.divmod(numbers, stretch)
        permutation = Permutation(form.size, self.key)
        texts = form.write(len(numbers), random, permutation(within))
        known = np.flatnonzero(self.known.contains(texts))
        for further in range(1, tries):
            if not len(known):
                break
            ranks = permutation(within[known] + further * stretch)
            others = form.write(len(known), random, ranks)
            texts = _replaced(texts, known, others)
            known = known[self.known.contains(others)]
        rounds[known] += 1
        return self._distinguished(texts, rounds)

    def _distinguished(self, texts: pa.Array, rounds: Numbers) -> pa.Array:
        """Values of a form that is used up are marked with the round."""
        again = np.flatnonzero(rounds)
        return _marked(texts, again, rounds[again], is_integer=self.is_integer)

    def _tries(self, form: Form) -> int:
        density = self.known.share_of(form.size) + 2**-10
        return min(ceil(max(log(1e-9) / log(min(density, 0.9)), 3)), MAX_TRIES, form.size)

    @cached_property
    def _free(self) -> tuple[npt.NDArray[np.int64] | None, ...]:
        """For each form, the ranks of new values; none for large forms."""
        return tuple(self._free_ranks(form) for form in self.forms)

    def _free_ranks(self, form: Form) -> npt.NDArray[np.int64] | None:
        if not self.is_unique or form.size > MAX_LISTED:
            return None
        variants = _variants(form)
        if not variants:
            return None
        ranks = np.arange(form.size, dtype=np.int64)
        free = np.ones(form.size, dtype=np.bool_)
        for variant in variants:
            texts = variant.write(form.size, np.random.default_rng(0), ranks)
            free &= ~self.known.contains(texts)
        return np.flatnonzero(free) if free.any() else None


def _variants(form: Form) -> list[Form]:
    """The form with each combination of its common texts; none if these are many."""
    choices: list[list[Segment]] = []
    for place, segment in enumerate(form.segments):
        if isinstance(segment, Levels):
            choices.append([Literal(text) for text in segment.texts])
        elif place in form.numbered or isinstance(segment, Literal):
            choices.append([segment])
        else:
            return []
    if prod(map(len, choices)) > MAX_VARIANTS:
        return []
    return [Form(segments, form.share, form.scheme) for segments in product(*choices)]


def _replaced(texts: pa.Array, places: npt.NDArray[np.int64], others: pa.Array) -> pa.Array:
    which = np.zeros(len(texts), dtype=np.bool_)
    which[places] = True
    return pc.replace_with_mask(texts, pa.array(which), others)


def _marked(
    texts: pa.Array, places: npt.NDArray[np.int64], rounds: Numbers, *, is_integer: bool
) -> pa.Array:
    """The texts at the places, with the round after them, or before them in a number."""
    if not len(places):
        return texts
    chosen, marks = texts.take(pa.array(places)), pa.array(rounds).cast(pa.string())
    if is_integer:
        width = pc.max(pc.utf8_length(texts)).as_py()
        marked = pc.binary_join_element_wise(marks, pc.utf8_lpad(chosen, width, "0"), "")
    else:
        marked = pc.binary_join_element_wise(chosen, marks, "-")
    return _replaced(texts, places, marked)
