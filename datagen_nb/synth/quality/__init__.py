"""How good a result is: how similar to its input, and how much of the input is in it.

``assess`` makes the report of each job, ``evaluate`` what takes longer and is asked for. Samples
and tables are bounded, so that the report takes less time than the rows. Nothing of a model is used
but the kinds of columns, the codecs that parse their texts, and the relations that were found.
"""

from datagen_nb.synth.quality.assessment import assess
from datagen_nb.synth.quality.evaluation import check_utility, evaluate

__all__ = ["assess", "check_utility", "evaluate"]
