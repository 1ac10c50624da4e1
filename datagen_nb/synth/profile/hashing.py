"""64-bit hashes of the values of a column, the same on every machine and for every batching.

Equal values have equal hashes; they are mixed so well that the smallest hashes are a random sample
of the distinct values. They are not secret: collisions can be made on purpose.
Source: Steele, Lea and Flood, Fast splittable pseudorandom number generators, 2014, for the mixing
of a word; words of a text are chained as in Appleby, MurmurHash, 2008.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Hashes = npt.NDArray[np.uint64]

LONG_TEXT = 1 << 10
"""Bytes from which on a text is hashed by itself, not word by word beside the others."""

_WORD = 8
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_MASKS = np.array([(1 << (8 * length)) - 1 for length in range(_WORD)] + [2**64 - 1], np.uint64)


_TEXTS = frozenset({pa.string(), pa.large_string(), pa.binary(), pa.large_binary()})


def can_hash(type: pa.DataType) -> bool:
    """Whether values of this type have hashes: all but nested ones, views and dictionaries."""
    kinds = (pa.types.is_primitive, pa.types.is_decimal, pa.types.is_fixed_size_binary)
    is_fixed = any(is_kind(type) for is_kind in kinds)
    return is_text(type) or (is_fixed and not pa.types.is_interval(type))


def hash_values(values: pa.Array) -> Hashes:
    """Hash every value.

    Args:
        values: Without nulls and NaN, of a type that ``can_hash``.
    """
    if is_text(values.type):
        return _hash_texts(values)
    words = _words(values)
    hashes = _mixed(words[:, 0])
    for place in range(1, words.shape[1]):
        hashes = _mixed(hashes ^ words[:, place])
    return hashes


def hash_rows(columns: Sequence[pa.Array]) -> Hashes:
    """Hash the values of every row together; their order counts.

    Args:
        columns: As those of ``hash_values``, at least one.
    """
    hashes = hash_values(columns[0])
    for column in columns[1:]:
        hashes = _mixed(_mixed(hashes) ^ hash_values(column))
    return hashes


def is_text(type: pa.DataType) -> bool:
    """Whether values of this type are texts or bytes of any length."""
    return type in _TEXTS


def _mixed(words: Hashes) -> Hashes:
    """Mix each word in a chain of bijections, in which every bit moves all others."""
    mixed = words + _GOLDEN
    shifted = np.empty_like(mixed)
    for shift, factor in ((30, _FIRST), (27, _SECOND)):
        np.right_shift(mixed, np.uint64(shift), out=shifted)
        mixed ^= shifted
        mixed *= factor
    np.right_shift(mixed, np.uint64(31), out=shifted)
    mixed ^= shifted
    return mixed


def _words(values: pa.Array) -> Hashes:
    """The bits of values of fixed width, one row of words each."""
    type = values.type
    if pa.types.is_boolean(type):
        return _column(values.cast(pa.uint8()).to_numpy().astype(np.uint64))
    if pa.types.is_floating(type):
        wide = values.to_numpy().astype(np.float64) + 0.0  # -0.0 equals 0.0
        return _column(wide.view(np.uint64))
    width = type.bit_width // 8
    _, data = values.buffers()
    raw = np.frombuffer(data, np.uint8)[values.offset * width :][: len(values) * width]
    if width in {1, 2, 4, 8}:
        whole = raw.view(f"<i{width}").astype(np.int64)
        return _column(whole.view(np.uint64))
    padded = np.zeros((len(values), -(-width // _WORD) * _WORD), np.uint8)
    padded[:, :width] = raw.reshape(len(values), width)
    words: Hashes = padded.view("<u8")
    return words


def _column(words: Hashes) -> Hashes:
    return words.reshape(-1, 1)


def _hash_texts(texts: pa.Array) -> Hashes:
    """Chain the words of each text, all texts at once; long ones are hashed one by one.

    The last word of a text of more than 8 bytes is that of its last 8, which may overlap.
    """
    if not len(texts):
        return np.zeros(0, np.uint64)
    is_large = texts.type in {pa.large_string(), pa.large_binary()}
    _, buffer, data = texts.buffers()
    offsets = np.frombuffer(buffer, "<i8" if is_large else "<i4")
    offsets = offsets[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    begin, end = int(offsets[0]), int(offsets[-1])
    # Words are read from every byte on, so those of the last bytes reach beyond the end.
    padded = np.zeros(end - begin + _WORD, np.uint8)
    if end > begin:
        padded[: end - begin] = np.frombuffer(data, np.uint8)[begin:end]
    words = np.ndarray((end - begin + 1,), "<u8", padded, 0, (1,))
    offsets -= begin
    starts, lasts, lengths = offsets[:-1], offsets[1:] - _WORD, np.diff(offsets)
    first = words[starts]
    if int(lengths.min()) < _WORD:
        first &= _MASKS[np.minimum(lengths, _WORD)]
    hashes = _chained(lengths.astype(np.uint64) * _GOLDEN, first)
    rest = lengths if lengths.max() < LONG_TEXT else np.where(lengths < LONG_TEXT, lengths, 0)
    shortest, longest = int(rest.min()), int(rest.max())
    for done in range(_WORD, longest, _WORD):
        if shortest > done:
            hashes = _chained(hashes, words[np.minimum(starts + done, lasts)])
            continue
        left = np.flatnonzero(rest > done)
        place = np.minimum(starts[left] + done, lasts[left])
        hashes[left] = _chained(hashes[left], words[place])
    hashes = _mixed(hashes)
    for row in np.flatnonzero(lengths >= LONG_TEXT).tolist():
        text = padded[starts[row] : starts[row] + lengths[row]]
        hashes[row] = np.frombuffer(blake2b(text.tobytes(), digest_size=_WORD).digest(), "<u8")[0]
    return hashes


def _chained(hashes: Hashes, words: Hashes) -> Hashes:
    chained = hashes ^ words
    chained *= _FIRST
    chained ^= chained >> np.uint64(29)
    return chained
