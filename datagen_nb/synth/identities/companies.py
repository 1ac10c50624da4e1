"""Names of companies: family names of the same language in the forms of the input."""

from __future__ import annotations

from collections.abc import Sequence

from datagen_nb.synth.identities.forms import Pattern
from datagen_nb.synth.identities.known import KnownValues
from datagen_nb.synth.identities.names import UNSPACED_SCRIPTS, language_of, script_of
from datagen_nb.synth.identities.phrases import fit_phrases


def fit_companies(
    texts: Sequence[str], *, known: KnownValues, is_unique: bool, min_count: int, seed: int
) -> Pattern | None:
    """Find the forms of names of companies; the arguments are those of `fit_phrases`."""
    script = script_of(texts)
    if script in UNSPACED_SCRIPTS:
        return None
    lists, _ = language_of([word for text in texts for word in text.split()], script)
    rare = {word for text in texts for word in text.split()}
    family = [name for name in lists.family if name not in rare] or lists.family
    return fit_phrases(
        texts,
        lambda *_: family,
        known=known,
        is_unique=is_unique,
        min_count=min_count,
        seed=seed,
    )
