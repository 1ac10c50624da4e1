"""Several tables that keys hold together: customers, their orders, the lines of these.

``keys`` finds and orders the keys, ``fitting`` fits each table below those that it belongs to,
``model`` makes slices: some rows of a table that belongs to no other, and all that belong to them.
"""

from datagen_nb.synth.relational.fitting import fit
from datagen_nb.synth.relational.keys import Key, find_keys, parse_keys
from datagen_nb.synth.relational.links import Division
from datagen_nb.synth.relational.model import RelationalModel

__all__ = ["Division", "Key", "RelationalModel", "find_keys", "fit", "parse_keys"]
