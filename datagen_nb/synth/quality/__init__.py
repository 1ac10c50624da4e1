"""How good a result is: how similar to its input, and how much of the input is in it.

Only ``assess`` is used from outside. Samples and tables are bounded, so that the report takes less
time than the rows. Nothing of a model is used but the kinds of columns, the codecs that parse
their texts, and the relations that were found.
"""

from datagen_nb.synth.quality.assessment import assess

__all__ = ["assess"]
