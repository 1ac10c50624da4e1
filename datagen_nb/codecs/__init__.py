"""From texts as people write them to typed values, and back: see ``codec``."""

from datagen_nb.codecs.codec import Codec, Parsed
from datagen_nb.codecs.detect import Written, booleans, dates, numbers
from datagen_nb.codecs.several_numbers import part_names, several_numbers, with_parts

__all__ = [
    "Codec",
    "Parsed",
    "Written",
    "booleans",
    "dates",
    "numbers",
    "part_names",
    "several_numbers",
    "with_parts",
]
