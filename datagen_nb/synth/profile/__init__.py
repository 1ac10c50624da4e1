"""What a table holds, found in one pass over all of its rows.

``Profile`` keeps counts, ranges and levels, never rows. The kinds of the columns and every other
decision about the whole table are made from it.
"""

from datagen_nb.synth.profile.columns import ColumnProfile
from datagen_nb.synth.profile.facts import ColumnFacts
from datagen_nb.synth.profile.table import Profile
from datagen_nb.synth.profile.types import check_type

__all__ = ["ColumnFacts", "ColumnProfile", "Profile", "check_type"]
