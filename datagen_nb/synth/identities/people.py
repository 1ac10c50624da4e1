"""Names of persons: new ones of the same language and form.

The form is kept: initials, capitals, the order with a comma, titles and particles that many rows
have. The names themselves are a language's; none of the input's that few rows have is among them.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from datagen_nb.synth.identities.forms import Form, Pattern
from datagen_nb.synth.identities.known import KnownValues
from datagen_nb.synth.identities.names import (
    UNSPACED_SCRIPTS,
    NameLists,
    all_names,
    language_of,
    script_of,
)
from datagen_nb.synth.identities.segments import (
    LOWER,
    Literal,
    Segment,
    Signs,
    Words,
)
from datagen_nb.synth.identities.words import FAMILY_WORDS

MAX_FORMS = 12
ENOUGH = 3
"""So many names for each of the input's, or they may repeat."""

MIN_WORDS = 40
"""Different given and family names at least; else as many as the input has."""

WHOLE_NAMES = 0.3
"""So many texts are a given and a family name, or the column's name has to say that they are."""

_TOKENS = re.compile(r"[^\W\d_]+\.?|[^\w]|.", re.DOTALL)
_NAME = re.compile(r"[^\W\d_][^\W\d_.'’,\- ]*(?:[.'’, \-]+[^\W\d_][^\W\d_]*\.?)*\.?")
_PARTICLES = re.compile(r"de|la|del|da|di|du|des|van|von|der|den|ter|el|al|bin|ibn|y|e|und")
_TITLES = re.compile(r"mr|mrs|ms|miss|dr|prof|sir|herr|frau|hr|fr|sr|sra|mme|mlle|jr|ii|iii")


def looks_like_names(texts: Sequence[str]) -> bool:
    """Whether the texts are of few words, with letters only."""
    is_name = [_NAME.fullmatch(text) is not None and len(text.split()) <= 5 for text in texts]
    return sum(is_name) >= 0.9 * len(texts)


def are_whole_names(texts: Sequence[str]) -> bool:
    """Whether enough texts are a given and a family name of any language of their script."""
    script = script_of(texts)
    if script in UNSPACED_SCRIPTS or not looks_like_names(texts):
        return False
    lists = all_names(script)
    given = {name.lower() for name in lists.given}
    either = given | {name.lower() for name in lists.family}
    words = [text.lower().replace(",", " ").split() for text in texts]
    found = [len(one) > 1 and one[0] in given and one[-1] in either for one in words]
    reverse = [len(one) > 1 and one[-1] in given and one[0] in either for one in words]
    return max(sum(found), sum(reverse)) >= WHOLE_NAMES * max(len(texts), 1)


def fit_names(
    texts: Sequence[str],
    *,
    words: frozenset[str],
    known: KnownValues,
    is_unique: bool,
    min_share: float,
    min_count: int,
    seed: int,
) -> Pattern | None:
    """Find the form and language of names.

    Args:
        texts: The values: distinct ones where values are to be distinct, those of rows else.
        words: Those of the column's name.
        known: Values that must not be made.
        is_unique: Whether distinct numbers are to give distinct values, if there are enough.
        min_share: So many of the words must be names of the language that has most of them.
        min_count: So many texts must have a title or a particle.
        seed: Chooses the names.

    Returns:
        None if they are no names of persons.
    """
    cut = [_TOKENS.findall(text) for text in texts]
    counts = Counter(token for tokens in cut for token in set(tokens) if token[0].isalpha())
    script = script_of(texts)
    some = [token for tokens in cut for token in tokens if len(token) > 2 and token[0].isalpha()]
    lists, share = language_of(some, script)
    if share < min_share:
        return None
    pool = _pool(lists, script, counts, min_count, seed)
    forms: dict[tuple[str, ...], int] = defaultdict(int)
    for tokens in cut:
        forms[tuple(_class(token, counts, min_count) for token in tokens)] += 1
    common = sorted(forms.items(), key=lambda item: (-item[1], item[0]))[:MAX_FORMS]
    common = [item for item in common if item[1] >= min(min_count, len(texts))] or common[:1]
    is_family = bool(words & FAMILY_WORDS)
    is_spaced = script not in UNSPACED_SCRIPTS
    made = tuple(
        Form(_segments(form, pool, is_family=is_family, is_spaced=is_spaced), share)
        for form, share in common
    )
    is_ample = all(form.size >= ENOUGH * len(texts) for form in made)
    return Pattern(made, known, seed, is_unique and is_ample)


def _class(token: str, counts: Counter[str], min_count: int) -> str:
    """What a token is: a name, an initial, or text that is kept."""
    if not token[0].isalpha():
        return token if not token[0].isdigit() else "-"
    plain = token.rstrip(".").lower()
    if _TITLES.fullmatch(plain) or (token.islower() and _PARTICLES.fullmatch(token)):
        return token if counts[token] >= min_count else ""
    if len(plain) == 1 and token[0].isupper():
        return "<initial.>" if token.endswith(".") else "<initial>"
    if token.isupper():
        return "<NAME>"
    return "<name>" if token.islower() else "<Name>"


def _pool(
    lists: NameLists, script: str, counts: Counter[str], min_count: int, seed: int
) -> NameLists:
    """Some of a language's names, about as many as there are; none that few texts have.

    A column that has nearly all names of its language gets those of others in its script.
    """
    rare = {token.lower() for token, count in counts.items() if count < min_count}
    random = np.random.default_rng(seed)
    chosen = []
    others = all_names(script)
    for names, further in ((lists.given, others.given), (lists.family, others.family)):
        free = [name for name in names if name.lower() not in rare]
        if len(free) < MIN_WORDS:
            free = [name for name in further if name.lower() not in rare] or list(names)
        size = min(max(len(counts), MIN_WORDS), len(free))
        chosen.append(tuple(sorted(random.choice(free, size, replace=False).tolist())))
    return NameLists(*chosen)


def _segments(
    form: tuple[str, ...], pool: NameLists, *, is_family: bool, is_spaced: bool
) -> tuple[Segment, ...]:
    names = [place for place, token in enumerate(form) if token.lower() == "<name>"]
    comma = form.index(",") if "," in form else -1
    last = max((place for place in names if place < comma), default=-1)
    if comma < 0 and (len(names) > 1 or is_family):
        last = names[-1] if names else -1
    segments: list[Segment] = []
    for place, token in enumerate(form):
        if place in names:
            texts = pool.family if place == last else pool.given
            if not is_spaced and len(names) == 1 and not is_family:
                segments.append(Words(pool.family))
            segments.append(Words(_in_case(texts, token)))
        elif token in ("<initial>", "<initial.>"):
            segments.append(Signs((LOWER.upper(),)))
            segments.append(Literal("." if token.endswith(".>") else ""))
        elif token:
            segments.append(Literal(token))
    return tuple(segments) or (Words(pool.given),)


def _in_case(texts: tuple[str, ...], form: str) -> tuple[str, ...]:
    if form.isupper():
        return tuple(dict.fromkeys(text.upper() for text in texts))
    return tuple(dict.fromkeys(text.lower() for text in texts)) if form.islower() else texts
