"""Which codes of its columns a row may have to be wanted, so that others need not be drawn further.

A row is only given up early if it would have been in the end: what is written of a value, in
whatever spelling, is judged as the whole row is later. So the rows that are left are distributed
as if all had been drawn. Columns that relations compute or change are not judged early.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from datagen_nb.codecs import Codec
from datagen_nb.core.rule_text import Comparison, columns_of
from datagen_nb.relations import Relations
from datagen_nb.relations.numbers import Flags
from datagen_nb.synth.arrays import to_column
from datagen_nb.synth.drawn import FORM
from datagen_nb.synth.margin import Margin, Values
from datagen_nb.synth.selection import Requirement, Selection
from datagen_nb.synth.stage import Possible, Stage

Judge = Callable[[Mapping[str, pa.Array]], Flags]
"""Which rows may be wanted, by what is written in their columns."""


@dataclass(frozen=True, slots=True)
class Drawable:
    """How the columns of a table are drawn and written.

    Attributes:
        stage: Draws them.
        relations: Rebuild others.
        codecs: How columns are spelled.
        makers: Names of columns that are made anew.
    """

    stage: Stage
    relations: Relations
    codecs: Mapping[str, Codec]
    makers: Collection[str]

    def possible(self, selection: Selection, wanted: Flags) -> Possible:
        """The codes of each column with which a row may still be taken.

        Args:
            selection: Which rows are taken.
            wanted: Of each class of its shares, whether rows of it are.
        """
        found = {}
        for name in selection.columns:
            if name not in self._settled:
                continue
            flags = self._of_column(name, selection, wanted)
            if not flags.all():
                found[name] = flags
        return found

    @property
    def _settled(self) -> set[str]:
        """Columns whose values are written as they are drawn."""
        changed = {name for one in self.relations for name in (*one.targets, *one.alters)}
        stay = set(self.stage.schema.names) - changed - set(self.makers)
        return {name for name in stay if name + FORM not in changed}

    def _of_column(self, name: str, selection: Selection, wanted: Flags) -> Flags:
        margin = self.stage.margins[name]
        flags = np.ones(len(margin.support) + 1, dtype=np.bool_)
        for one in selection.requirements:
            if columns_of(one.rule) == (name,):
                flags &= self._flags(name, margin, self._holding(one), is_bounded=_is_bound(one))
        shares = selection.shares
        if shares is not None and shares.column == name:
            flags &= self._flags(
                name, margin, lambda columns: wanted[shares.classes(columns)], is_bounded=False
            )
        return flags

    def _holding(self, one: Requirement) -> Judge:
        return lambda columns: one.holds(columns, self.codecs)

    def _flags(self, name: str, margin: Margin, judge: Judge, *, is_bounded: bool) -> Flags:
        """For each code, and last for null, whether a row with it may be wanted.

        Args:
            name: Of the column.
            margin: Of the column.
            judge: Which values are wanted.
            is_bounded: Whether a value between two others is wanted only if one of these is.
        """
        flags = self._any_form(name, margin.support, judge)
        codes, moving = flags[:-1], margin.moving
        if not is_bounded or name in self.stage.calendars:
            codes[moving] = True
        elif margin.low is not None and margin.high is not None:
            ends = [margin.low, margin.high]
            for ending in self.stage.endings.get(name, ()):
                ends = [ending.lowest(ends[0]), ending.highest(ends[1])]
            for values in (margin.low, margin.high, *ends):
                codes |= self._any_form(name, values, judge)[:-1] & moving
        if margin.unseen is not None:
            unseen = self._any_form(name, margin.unseen.values, judge)[:-1]
            codes[margin.unseen.scarce] |= unseen.any()
        return flags

    def _any_form(self, name: str, values: Values, judge: Judge) -> Flags:
        """For each value, and last for null, whether any way to write it is wanted."""
        column = to_column(values, None, self.stage.schema.field(name).type)
        column = pa.concat_arrays([column, pa.nulls(1, column.type)])
        found = [judge({name: written}) for written in self._written(name, column)]
        return np.asarray(np.logical_or.reduce(found), dtype=np.bool_)

    def _written(self, name: str, column: pa.Array) -> Iterator[pa.Array]:
        """A column in each of its spellings."""
        codec, forms = self.codecs.get(name), self.stage.margins.get(name + FORM)
        if codec is None:
            yield column
            return
        # No spelling draws random numbers of its own.
        random = np.random.default_rng(0)
        if forms is None:
            yield codec.write(column, None, random)
            return
        for form in forms.support.tolist():
            yield codec.write(column, np.full(len(column), form, dtype=np.int32), random)


def _is_bound(one: Requirement) -> bool:
    """Whether a requirement compares a column itself with what is the same for all rows."""
    rule = one.rule
    if not isinstance(rule, Comparison) or rule.sign not in (">", ">=", "<", "<="):
        return False
    return "column" in (rule.left[0], rule.right[0])
