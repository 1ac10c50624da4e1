"""Phrases of names and common words, such as addresses and names of companies.

Kept are the order of names and numbers, and the words that many rows have, such as ``Street`` or
``Ltd``. The names are others, from lists.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

from datagen_nb.synth.identities.forms import Form, Pattern
from datagen_nb.synth.identities.known import KnownValues
from datagen_nb.synth.identities.segments import (
    Levels,
    Literal,
    Segment,
    Signs,
    Words,
    drawn_digits,
)

MAX_FORMS = 12

COMMON_SHARE = 0.01
"""Share of the texts that must have a word for it to stay."""

MIN_FORMED = 0.5
"""Share of the texts that must be of one of the forms that are kept."""

MAX_DIGITS = 6

NAME, WORD, NUMBER, LOWER, UPPER = "<name>", "<word>", "<number>", "<letter>", "<LETTER>"
"""What tokens may be; others are themselves."""

Names = Callable[[int, str, str, AbstractSet[str]], Sequence[str]]
"""The names at a place, the first being 0, given what stands before and after and common words."""

_TOKENS = re.compile(r"\d+|[^\W\d_]+(?:['’.]*[^\W\d_]+)*\.?|.", re.DOTALL)
_HYPHENATED = re.compile(r"\d+|[^\W\d_]+(?:['’.-]*[^\W\d_]+)*\.?|.", re.DOTALL)


def fit_phrases(
    texts: Sequence[str],
    names: Names,
    *,
    known: KnownValues,
    is_unique: bool,
    min_count: int,
    seed: int,
    is_hyphenated: bool = False,
) -> Pattern | None:
    """Find the forms of phrases.

    Args:
        texts: The values: distinct ones where values are to be distinct, those of rows else.
        names: What stands in place of names.
        known: Values that must not be made.
        is_unique: Whether distinct numbers are to give distinct values, if there are enough.
        min_count: So many texts must have a form, and a word that stays.
        seed: Scatters the values.
        is_hyphenated: Whether a name may have hyphens; they stand between two names else.

    Returns:
        None if too few texts have a form that many have.
    """
    tokens_of = (_HYPHENATED if is_hyphenated else _TOKENS).findall
    cut = [tokens_of(text) for text in texts]
    counts = Counter(token for tokens in cut for token in set(tokens) if token[0].isalpha())
    least = max(min_count, COMMON_SHARE * len(texts))
    common = {token for token, count in counts.items() if count >= least}
    forms: dict[tuple[str, ...], list[list[str]]] = defaultdict(list)
    for tokens in cut:
        form, parts = _form(tokens, common)
        forms[form].append(parts)
    kept = sorted(forms.items(), key=lambda item: (-len(item[1]), item[0]))[:MAX_FORMS]
    kept = [(form, parts) for form, parts in kept if len(parts) >= min_count and NAME in form]
    if sum(len(parts) for _, parts in kept) < MIN_FORMED * len(texts):
        return None
    made = tuple(
        Form(_segments(form, parts, names, common, min_count), len(parts)) for form, parts in kept
    )
    return Pattern(made, known, seed, is_unique and all(one.size >= len(texts) for one in made))


def _form(tokens: Sequence[str], common: set[str]) -> tuple[tuple[str, ...], list[str]]:
    """What the tokens of a text are, and those that are a common word or digits."""
    form: list[str] = []
    parts: list[str] = []
    for token in tokens:
        if token.isdigit() and len(token) <= MAX_DIGITS:
            form.append(NUMBER)
            parts.append(token)
        elif token in common:
            form.append(WORD)
            parts.append(token)
        elif len(token) == 1 and token.isalpha():
            form.append(LOWER if token.islower() else UPPER)
        elif not token[0].isalpha():
            form.append(token)
        elif form[-2:] == [NAME, " "]:
            form.pop()  # names of several words are one
        else:
            form.append(NAME)
    return tuple(form), parts


def _segments(
    form: tuple[str, ...],
    parts: Sequence[Sequence[str]],
    names: Names,
    common: AbstractSet[str],
    min_count: int,
) -> tuple[Segment, ...]:
    segments: list[Segment] = []
    part, name = 0, 0
    for place, token in enumerate(form):
        if token == NAME:
            before, after = form[max(place - 2, 0)], form[min(place + 2, len(form) - 1)]
            segments.append(Words(tuple(names(name, before, after, common))))
            name += 1
        elif token in (WORD, NUMBER):
            texts = [one[part] for one in parts]
            is_word = token == WORD
            segments.append(
                Levels.of(Counter(texts)) if is_word else drawn_digits(texts, min_count=min_count)
            )
            part += 1
        elif token in (LOWER, UPPER):
            segments.append(Signs(("ABCDEFGH" if token == UPPER else "abcdefgh",)))
        else:
            segments.append(Literal(token))
    return tuple(segments)
