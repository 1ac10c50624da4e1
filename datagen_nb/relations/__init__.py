"""Relations of a table: rules that nearly all rows keep, kept exactly in the made rows.

``find`` finds them, ``Relations.reduce`` drops what follows from other columns before training,
``Relations.rebuild`` computes it after.
"""

from datagen_nb.relations.made import only_made
from datagen_nb.relations.relation import Relation, Relations
from datagen_nb.relations.search import find

__all__ = ["Relation", "Relations", "find", "only_made"]
