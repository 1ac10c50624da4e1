from datagen_nb.synth.identities.detect import detect
from datagen_nb.synth.identities.maker import Maker
from datagen_nb.synth.profile import ColumnFacts

__all__ = ["ColumnFacts", "Maker", "detect"]
