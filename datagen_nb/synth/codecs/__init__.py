"""From texts as people write them to typed values, and back: see ``codec``."""

from datagen_nb.synth.codecs.codec import Codec, Parsed
from datagen_nb.synth.codecs.detect import Written, booleans, dates, numbers

__all__ = ["Codec", "Parsed", "Written", "booleans", "dates", "numbers"]
