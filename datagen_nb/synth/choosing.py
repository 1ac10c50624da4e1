"""How the rows of a part are chosen: drawn in turns until as many are taken as it has.

The first turn draws a part as if nothing were asked. Each further one draws as many rows as the
share that was taken lets expect, with random numbers of its own, so that a part stays a pure
function of its number and of what the parts before it have; rows that cannot be taken are not
drawn further than that is known (``narrowing``). What would take too many draws ends with an error
that says why, as soon as that is all but certain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagen_nb.codecs import Codec
from datagen_nb.core.errors import InputError
from datagen_nb.relations.numbers import Flags
from datagen_nb.synth.drawn import Columns, Drawn, Ints
from datagen_nb.synth.profile.hashing import Hashes, hash_rows
from datagen_nb.synth.selection import Requirement, Selection, condition_of, percent
from datagen_nb.synth.stage import NOTHING_ASKED, Possible
from datagen_nb.synth.uniqueness import Seen, first_ones

MAX_DRAWS = 100
"""Rows that are drawn for each row of a part, at most; not those that were given up early."""

MAX_BEGUN = 5_000
"""Rows for each row of a part, at most, where rows are given up early."""

MIN_CELLS = 2_000_000
"""Rows times columns that are drawn before a selection is given up, for however few rows."""

TURN_CELLS, TURN_ROWS = 500_000, 1_000
"""Rows times columns of a further turn at most, unless a part has more, and its rows at least."""

TURN_BEGUN, TURN_CODES = 1_000_000, 4_000_000
"""Rows of a turn at most where rows are given up early, and these times the variables that are
drawn of each."""


class Source(Protocol):
    """What the rows of a part are drawn from."""

    @property
    def codecs(self) -> Mapping[str, Codec]:
        """How columns are spelled."""
        ...

    @property
    def entities(self) -> Mapping[str, int]:
        """Of columns that are made anew once for each entity, the place of its owners."""
        ...

    def draw(self, rows: int, turn: int = 0, possible: Possible = NOTHING_ASKED) -> Drawn:
        """Draw rows of a turn, which are numbered from 0, but for those that are given up early."""
        ...

    def possible(self, selection: Selection, wanted: Flags) -> Possible:
        """With which codes rows of some classes may be taken; others are given up early."""
        ...

    def depth(self, possible: Possible) -> int:
        """How many variables are drawn of a row that is given up last."""
        ...


@dataclass(frozen=True, slots=True)
class Chosen:
    """The rows of a part.

    Attributes:
        rows: As many as were asked for.
        drawn: How many were drawn to take these among them, those that were given up included.
        hashes: For each rule of uniqueness, those of the rows' combinations.
    """

    rows: Drawn
    drawn: int
    hashes: tuple[Hashes, ...]


def choose(
    selection: Selection, source: Source, rows: int, *, offset: int, earlier: Sequence[Seen] = ()
) -> Chosen:
    """Take rows of as many turns as it needs.

    Args:
        selection: Which rows are taken.
        source: Draws them.
        rows: How many to take.
        offset: Number of the first of them in the whole result.
        earlier: For each rule of uniqueness, the combinations that the parts before have.

    Raises:
        InputError: ``unmet_rule`` or ``unmet_condition``: they would take too many draws, or
            there are not so many combinations.
    """
    return _Part(selection, source, rows, offset, earlier).chosen()


@dataclass(slots=True)
class _Room:
    """How many rows may still be drawn for a part, and in one turn.

    Attributes:
        most: Rows that may be drawn to their end.
        most_begun: Rows that may be begun, where rows are given up early.
        width: Rows of a turn that may be drawn to their end.
        possible: The codes of rows that are not given up.
        wanted: The classes that these are of.
        depth: How many variables are drawn of a row that is given up last.
        begun: Rows that were drawn.
        ended: Rows that were drawn to their end.
        share: Of the rows of a turn those that were drawn to their end; ``None``: not known.
    """

    most: int = 0
    most_begun: int = 0
    width: int = 0
    possible: Possible = field(default_factory=dict)
    wanted: Flags = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    depth: int = 0
    begun: int = 0
    ended: int = 0
    share: float | None = None

    @classmethod
    def of(cls, rows: int, columns: int) -> _Room:
        """For a part of so many rows, of so many columns."""
        return cls(
            most=max(MAX_DRAWS * rows, MIN_CELLS // columns),
            most_begun=max(MAX_BEGUN * rows, MIN_CELLS // columns),
            width=max(rows, TURN_CELLS // columns, TURN_ROWS),
        )

    def count(self, begun: int, ended: int) -> None:
        """Count the rows of a turn."""
        self.begun += begun
        self.ended += ended
        self.share = ended / max(begun, 1)

    def narrow(self, wanted: Flags, possible: Possible, depth: int) -> None:
        """Give up rows early from now on."""
        self.wanted, self.possible, self.depth, self.share = wanted, possible, depth, None

    @property
    def left(self) -> float:
        """Rows that may still be drawn."""
        if not self.possible:
            return max(self.most - self.begun, 0)
        begun = max(self.most_begun - self.begun, 0)
        return min(begun, max(self.most - self.ended, 0) / self.share) if self.share else begun

    @property
    def widest(self) -> int:
        """Rows of a turn at most."""
        if not self.possible or self.share is None:
            return self.width
        begun = max(min(TURN_BEGUN, TURN_CODES // max(self.depth, 1)), self.width)
        return int(min(begun, self.width / self.share)) if self.share else begun


@dataclass(slots=True)
class _Part:
    """A part while its rows are chosen.

    Attributes:
        wanted: The class of each row.
        left: For each class, how many rows are still to be taken.
        met: For each class, how many rows kept all that a row keeps by itself.
        kept: For each requirement, how many rows kept it, of ``judged`` ones.
        repeated: For each rule of uniqueness, how many rows were dropped for it.
        own: For each rule of uniqueness, the combinations of the rows that were taken.
    """

    selection: Selection
    source: Source
    rows: int
    offset: int
    earlier: Sequence[Seen]
    wanted: Ints = field(init=False)
    left: Ints = field(init=False)
    met: Ints = field(init=False)
    kept: Ints = field(init=False)
    repeated: Ints = field(init=False)
    own: tuple[Seen, ...] = field(init=False)
    drawn: int = 0
    judged: int = 0
    turns: list[Drawn] = field(default_factory=list)
    classes: list[Ints] = field(default_factory=list)

    def __post_init__(self) -> None:
        shares = self.selection.shares
        self.wanted = np.zeros(self.rows, dtype=np.int64)
        if shares is not None:
            self.wanted = shares.wanted(self.rows, self.offset)
        self.left = self._counted(self.wanted)
        self.met = np.zeros_like(self.left)
        self.kept = np.zeros(len(self.selection.requirements), dtype=np.int64)
        self.repeated = np.zeros(len(self.selection.unique), dtype=np.int64)
        self.own = tuple(Seen() for _ in self.selection.unique)

    def chosen(self) -> Chosen:
        """Take rows until there are enough.

        Raises:
            InputError: They would take too many draws.
        """
        size, room = self.rows, _Room()
        while not self.turns or self.left.any():
            found = self.source.draw(size, len(self.turns), room.possible)
            if not self.turns:
                room = _Room.of(self.rows, max(len(found.columns) + len(found.missing), 1))
            fresh = self._take(found, size, is_judged=not room.possible)
            room.count(size, found.count)
            if not np.array_equal(self.left > 0, room.wanted):
                wanted = self.left > 0
                possible = self.source.possible(self.selection, wanted)
                room.narrow(wanted, possible, self.source.depth(possible))
            usual, highest = self._rates(fresh, size)
            if (self.left > highest * room.left).any():
                raise self._unmet()
            needed = float(np.max(self.left / usual, initial=0)) * 1.1
            size = int(min(max(math.ceil(needed), TURN_ROWS), room.widest))
        return Chosen(self._joined(), self.drawn, tuple(one.all() for one in self.own))

    def _take(self, found: Drawn, size: int, *, is_judged: bool) -> Ints:
        """Take the rows of a turn that fit; return how many of each class could be taken.

        Args:
            found: The rows.
            size: How many were drawn, with those that were given up.
            is_judged: Whether none was.
        """
        self.drawn += size
        self.judged += size * is_judged
        columns = _judged(found, self.selection.columns)
        keeps = np.ones(found.count, dtype=np.bool_)
        for place, one in enumerate(self.selection.requirements):
            held = one.holds(columns, self.source.codecs)
            self.kept[place] += held.sum() * is_judged
            keeps &= held
        classes = np.zeros(found.count, dtype=np.int64)
        if self.selection.shares is not None:
            classes = self.selection.shares.classes(columns)
        candidates = np.flatnonzero(keeps)
        self.met += self._counted(classes[candidates])
        hashes: list[tuple[Hashes, Flags]] = []
        if self.selection.unique:
            candidates = candidates[self.left[classes[candidates]] > 0]
            hashes = self._hashes(found)
            candidates = self._distinct(candidates, hashes)
        fresh = self._counted(classes[candidates])
        taken = candidates[_first(classes[candidates], self.left)]
        for own, (found_hashes, compared) in zip(self.own, hashes, strict=True):
            own.add(found_hashes[taken[compared[taken]]])
        self.left = self.left - self._counted(classes[taken])
        self.turns.append(found.take(taken))
        self.classes.append(classes[taken])
        return fresh

    def _hashes(self, found: Drawn) -> list[tuple[Hashes, Flags]]:
        """For each rule of uniqueness the hash of each row, and which rows are compared."""
        columns, codecs = dict(found.columns), self.source.codecs
        own = {name: one for name, one in codecs.items() if name in columns}
        for name in {name for one in self.selection.unique for name in one.columns}:
            if name not in columns:
                columns[name] = self._identities(found, name)
        return [one.hashes(columns, own) for one in self.selection.unique]

    def _identities(self, found: Drawn, name: str) -> pa.Array:
        """A number for each row's value of a column that is made anew, unique by itself."""
        place = self.source.entities.get(name)
        owners = np.arange(found.count) if place is None else found.owners[place]
        here = [np.full(found.count, one) for one in (self.offset, len(self.turns))]
        numbers = hash_rows([pa.array(one) for one in (*here, owners)]).view(np.int64)
        return pa.array(numbers, mask=_mask(found, name))

    def _distinct(self, candidates: Ints, hashes: Sequence[tuple[Hashes, Flags]]) -> Ints:
        """Those rows whose combinations no row before has, in this part or an earlier one."""
        for place, (found, compared) in enumerate(hashes):
            is_compared = compared[candidates]
            own = found[candidates[is_compared]]
            fresh = first_ones(own)
            for seen in (*self.earlier[place : place + 1], self.own[place]):
                fresh &= ~seen.has(own)
            self.repeated[place] += len(fresh) - int(fresh.sum())
            keeps = ~is_compared
            keeps[is_compared] = fresh
            candidates = candidates[keeps]
        return candidates

    def _rates(self, fresh: Ints, size: int) -> tuple[npt.NDArray[np.float64], ...]:
        """For each class the share of drawn rows that can be taken: as it was, and at most.

        At most is what would make it as rare as it was by less than one chance in ten thousand.
        With each combination that is taken, others are rarer: then the last turn alone counts.
        """
        found, of = (fresh, size) if self.selection.unique else (self.met, self.drawn)
        usual = (found + 0.5) / max(of, 1)
        return usual, (found + 5 * np.sqrt(found) + 10) / max(of, 1)

    def _joined(self) -> Drawn:
        """The rows that were taken, in the order of the classes that were wanted."""
        whole = Drawn.joined(self.turns)
        if self.selection.shares is None or whole.owners:
            return whole
        order = np.empty(self.rows, dtype=np.int64)
        order[np.argsort(self.wanted, kind="stable")] = np.argsort(
            np.concatenate(self.classes), kind="stable"
        )
        return whole.take(order)

    def _counted(self, classes: Ints) -> Ints:
        shares = self.selection.shares
        return np.bincount(classes, minlength=1 if shares is None else len(shares.levels) + 1)

    def _unmet(self) -> InputError:
        """The error that names what the fewest rows have."""
        quotas = self._counted(self.wanted)
        if self.repeated.any() and (self.met >= quotas).all():
            return self._too_few(int(np.argmax(self.repeated)))
        shares, met = self.selection.shares, self.met
        lacking = int(np.argmax(np.where(quotas > 0, quotas / (met + 0.5), 0)))
        if shares is not None and (not len(self.kept) or met.sum() >= quotas.sum()):
            level = shares.levels[lacking - 1] if lacking else "any other value"
            one, share = condition_of(shares.column, level), met[lacking] / self.drawn
        else:
            least = int(np.argmin(self.kept))
            one = self.selection.requirements[least]
            share = max(self.kept[least] / self.judged, met.sum() / self.drawn)
        return _unmet(one, float(share), int(met.sum()), self.drawn)

    def _too_few(self, place: int) -> InputError:
        """The error for combinations that are used up."""
        one = self.selection.unique[place]
        found = len(self.own[place]) + sum(map(len, self.earlier[place : place + 1]))
        names = " and ".join(map(repr, one.columns))
        noun = "value" if len(one.columns) == 1 else "combination"
        remedy = (
            f"Ask for at most {found:,} rows, name more columns in it, or leave it out of "
            "parameters.rules."
        )
        return InputError(
            f"The rule {one.text!r} cannot be kept: only {found:,} different {noun}s of {names} "
            f"were found, and further rows repeat them. {remedy}",
            code="unmet_rule",
            details={
                "rule": one.text,
                "combinations": found,
                "drawn": self.drawn,
                "remedy": remedy,
                "retryHelps": False,
            },
        )


def _unmet(one: Requirement, share: float, met: int, drawn: int) -> InputError:
    remedy = f"Widen it, or leave it out of parameters.{one.parameter}."
    return InputError(
        f"Of {drawn:,} rows that were drawn, {met:,} keep all rules and conditions, too few for "
        f"the result; the fewest, {percent(share)}, keep {one.text!r}. {remedy}",
        code="unmet_rule" if one.parameter == "rules" else "unmet_condition",
        details={
            "rule": one.text,
            "share": share,
            "drawn": drawn,
            "remedy": remedy,
            "retryHelps": False,
        },
    )


def _judged(drawn: Drawn, names: Sequence[str]) -> Columns:
    """The columns of these names; of one that is made anew, whether it has a value."""
    found = {name: drawn.columns[name] for name in names if name in drawn.columns}
    for name in names:
        if name not in found:
            found[name] = pa.array(np.ones(drawn.count), mask=_mask(drawn, name))
    return found


def _mask(drawn: Drawn, name: str) -> Any:
    """Where a column that is made anew is null."""
    flags = drawn.missing.get(name)
    return None if flags is None else flags.to_numpy(zero_copy_only=False)


def _first(classes: Ints, left: Ints) -> Ints:
    """The places of the first rows of each class, as many as are left of it, in their order."""
    order = np.argsort(classes, kind="stable")
    sizes = np.bincount(classes, minlength=len(left))
    ranks = np.arange(len(classes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.sort(order[ranks < np.repeat(left, sizes)])
