"""From texts as people write them to typed values, and back: see ``codec``."""

from datagen_nb.synth.codecs.codec import Codec, Parsed
from datagen_nb.synth.codecs.detect import detect

__all__ = ["Codec", "Parsed", "detect"]
