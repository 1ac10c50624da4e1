"""Which spelling of a number texts have: marks, currency, units and signs, judged together.

``1,234`` alone may be one thousand or one and a bit: all texts of a column decide it. What only
looks like numbers (phones, codes with zeros in front, versions, addresses) has no spelling.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from datagen_nb.codecs.numbers import (
    MAX_DECIMALS,
    Affixes,
    NumberSpelling,
    ShortestSpelling,
)
from datagen_nb.codecs.vocabulary import CURRENCIES, CURRENCY_SIGNS, SCALES, UNITS

_TEXT = re.compile(r"(\D*?)([.,]?\d(?:[\d.,'’ \u00a0\u202f\u2009_]*\d)?)(\D*(?:/(?:5|10|100))?)")
_MARKS = (
    ("", "."), (",", "."), ("", ","), (".", ","), (" ", ","), ("\u00a0", ","), ("\u202f", ","),
    ("\u2009", ","), (" ", "."), ("\u00a0", "."), ("\u202f", "."), ("\u2009", "."), ("'", "."),
    ("’", "."), ("'", ","), ("’", ","), ("_", "."),
)  # fmt: skip
"""Between groups, and before decimals; of two that fit as many texts, the first is meant."""

_SIGNS = re.compile(f"[{re.escape(CURRENCY_SIGNS)}]")
_MINUS = "-−–"
_MAX_UNITS = 3


@dataclass(frozen=True, slots=True)
class _Number:
    """A text taken apart."""

    affixes: Affixes
    base: Affixes  # without the signs
    sign: int  # -1, 0 if unsigned, 1 if it has a plus
    core: str


def take_apart(text: str) -> _Number | None:
    """A text as what stands before its digits, the digits, and what stands after."""
    found = _TEXT.fullmatch(text)
    if found is None:
        return None
    before, core, after = found.groups()
    if core[0] in ".," and before[-1:].isalpha():  # Rs.500
        before, core = before + core[0], core[1:]
    base_before, base_after, sign = before, after, 0
    if "(" in before and ")" in after:
        base_before, base_after, sign = before.replace("(", "", 1), after.replace(")", "", 1), -1
    else:
        for mark in _MINUS + "+":
            if mark in before:
                base_before, sign = before.replace(mark, "", 1), 1 if mark == "+" else -1
            elif mark in after and not after.startswith((".", ",")):  # CHF 12.-
                base_after, sign = after.replace(mark, "", 1), 1 if mark == "+" else -1
            if sign:
                break
    return _Number((before, after), (base_before, base_after), sign, core)


def is_decoration(base: Affixes) -> bool:
    """Whether what stands around digits is currency, a percent sign or a unit."""
    before, after = base[0].strip(), base[1].strip()
    return (before == "" or _is_currency(before)) and (
        after in ("", ".-", ",-", ".–", ",–", ",--") or _is_currency(after) or _is_unit(after)
    )


def _is_currency(text: str) -> bool:
    return text.upper() in CURRENCIES or _SIGNS.fullmatch(text) is not None


def _is_unit(text: str) -> bool:
    plain = _SIGNS.sub("", text).lower()  # €/h, K€
    return plain.strip("/ ") in UNITS or text.lower() in UNITS


def guess_number(
    texts: Sequence[str],
    weights: Sequence[int],
    scales: frozenset[str],
) -> NumberSpelling | ShortestSpelling | None:
    """The spelling of the most rows of some texts; ``None`` if they are no numbers.

    Args:
        texts: Distinct texts.
        weights: How many rows have each.
        scales: The column's own, see ``scales``.
    """
    taken = [
        (number, weight)
        for text, weight in zip(texts, weights, strict=True)
        if (number := take_apart(text)) is not None
    ]
    bases: Counter[Affixes] = Counter()
    for number, weight in taken:
        bases[number.base] += weight
    fitting = [base for base in bases if is_decoration(base) or _is_own_unit(base, bases)]
    if not fitting:
        return None
    base = max(fitting, key=bases.__getitem__)
    same = [(number, weight) for number, weight in taken if number.base == base]
    marks = _marks([number.core for number, _ in same], [weight for _, weight in same])
    if marks is None:
        return None
    group, point, is_indian, pattern = marks
    same = [(number, weight) for number, weight in same if pattern.fullmatch(number.core)]
    wholes, decimals = _decimals([number.core for number, _ in same], point)
    if base == ("", "") and not group and point == "." and _are_floats(decimals):
        return ShortestSpelling(all(decimals))
    least, most = _precision(decimals, [weight for _, weight in same])
    signed = _affixes(base, same)
    return NumberSpelling(
        *signed,
        group=group,
        is_indian=is_indian,
        point=point,
        least=least,
        most=most,
        has_whole="" not in wholes,
        has_negative_zero=any(
            number.sign < 0 and not re.search("[1-9]", number.core) for number, _ in same
        ),
        scale=SCALES[_scale_of(base)] if _scale_of(base) in scales else 0,
    )


def _is_own_unit(base: Affixes, bases: Counter[Affixes]) -> bool:
    """Whether words after a number are a unit that is not listed: few, and the same throughout."""
    after = base[1].strip()
    if (
        base[0].strip()
        or not re.fullmatch(r"[^\W\d_]{1,12}(?: [^\W\d_]{1,12})?", after)
        or base[1] == after
    ):
        return False
    return len({other[1] for other in bases}) <= _MAX_UNITS


def _marks(
    cores: Sequence[str], weights: Sequence[int]
) -> tuple[str, str, bool, re.Pattern[str]] | None:
    best, most = None, 0
    for (group, point), is_indian in [*((m, False) for m in _MARKS), ((",", "."), True)]:
        if group and not any(group in core for core in cores):
            continue
        pattern = _pattern(group, point, is_indian=is_indian)
        rows = sum(
            weight for core, weight in zip(cores, weights, strict=True) if pattern.fullmatch(core)
        )
        if rows > most:
            best, most = (group, point, is_indian, pattern), rows
    if best is not None and best[:2] == ("", ".") and _are_thousands(cores):
        return ".", ",", False, _pattern(".", ",")
    if best is not None and best[:2] == ("", ",") and _are_thousands(cores, ","):
        return ",", ".", False, _pattern(",", ".")
    return best


def _pattern(group: str, point: str, *, is_indian: bool = False) -> re.Pattern[str]:
    mark = re.escape(group)
    whole = r"[1-9]\d{0,17}|0"
    if is_indian:
        whole = rf"[1-9]\d{{0,1}}(?:{mark}\d\d)*{mark}\d{{3}}|[1-9]\d{{0,2}}|0"
    elif group:
        whole = rf"[1-9]\d{{0,2}}(?:{mark}\d{{3}})*|0"
    return re.compile(rf"(?:{whole})?(?:(?<=\d){re.escape(point)}\d+|^{re.escape(point)}\d+)?")


def _are_thousands(cores: Sequence[str], mark: str = ".") -> bool:
    """Whether a mark that could be decimal has three digits after it, or is not there at all.

    As decimals they would not end in zeros, or all would be three.
    """
    ends = [core.partition(mark)[2] for core in cores]
    some = [end for end in ends if end]
    if not some or any(len(end) != 3 for end in some):
        return False
    is_mixed = len(some) < len(ends) and any(end.endswith("0") for end in some)
    return is_mixed and all(
        re.fullmatch(r"[1-9]\d{0,2}", core.partition(mark)[0]) for core in cores
    )


def _decimals(cores: Sequence[str], point: str) -> tuple[list[str], list[str]]:
    parts = [core.partition(point) for core in cores]
    return [whole for whole, _, _ in parts], [decimals for _, _, decimals in parts]


def _are_floats(decimals: Sequence[str]) -> bool:
    return max(map(len, decimals), default=0) > MAX_DECIMALS


def _precision(decimals: Sequence[str], weights: Sequence[int]) -> tuple[int, int]:
    """Decimals that are always written, and those written if they are not zeros at the end."""
    lengths: Counter[int] = Counter()
    for end, weight in zip(decimals, weights, strict=True):
        lengths[len(end)] += weight
    least, most = min(lengths), max(lengths)
    is_trimmed = not any(len(end) > least and end.endswith("0") for end in decimals)
    if is_trimmed:
        return least, most
    commonest = max(lengths, key=lambda length: (lengths[length], length))
    return commonest, commonest


def _affixes(
    base: Affixes, numbers: Sequence[tuple[_Number, int]]
) -> tuple[Affixes, Affixes, Affixes]:
    """What stands around positive numbers, negative ones and zero."""
    positive: Counter[Affixes] = Counter()
    negative: Counter[Affixes] = Counter()
    zero: Counter[Affixes] = Counter()
    for number, weight in numbers:
        if number.sign < 0:
            negative[number.affixes] += weight
        elif not re.search("[1-9]", number.core):
            zero[number.affixes] += weight
        else:
            positive[number.affixes] += weight
    above = positive.most_common(1)[0][0] if positive else base
    below = negative.most_common(1)[0][0] if negative else (f"-{base[0]}", base[1])
    none = zero.most_common(1)[0][0] if zero else base
    return above, below, none


def _scale_of(base: Affixes) -> str:
    return base[1].strip().lower()


def scales(texts: Sequence[str]) -> frozenset[str]:
    """The words for thousands and more that texts have: several, or after money."""
    bases = {number.base for text in texts if (number := take_apart(text)) is not None}
    found = frozenset(_scale_of(base) for base in bases) & SCALES.keys()
    is_money = any(_is_currency(base[0].strip()) for base in bases)
    return found if len(found) > 1 or is_money else frozenset()


_CODE_NAME = re.compile(
    r"(?i)(^|[\W_])(id|ids|key|uuid|guid|no|nr|num|number|ref|code|plz|cap|zip|cp|tel|ssn|vin|ean|upc"
    r"|gtin|isbn|sku|pin|tin|iban|bic|ip|mac|imei|fips|ver|version|release|build)($|[\W_\d])"
    r"|[a-z](Id|ID|No|Nr|Code|Number)$|phone|mobile|mobil|telefon|fax|postal|postcode|zipcode"
    r"|konto|kunde|kennz|ident|serial|passport|licen[cs]e|plate|accountn"
)
_MIN_DISTINCT = 10
_CODE_WIDTH = 4


def are_numbers(
    texts: Sequence[str], name: str, spellings: Sequence[NumberSpelling | ShortestSpelling]
) -> bool:
    """Whether texts that read as numbers are some: not phones, codes or versions."""
    taken = [number for text in texts if (number := take_apart(text)) is not None]
    bases = {number.base for number in taken if is_decoration(number.base)}
    joined = {base[1].lower() for base in bases if base[1][:1].isalpha()}
    letters = {word for word in joined - SCALES.keys() if len(word) == 1}
    if len(joined - SCALES.keys()) > _MAX_UNITS or (letters and len(bases) > 1):
        return False  # 12A, 14C: seats
    if any(base != ("", "") for base in bases):
        return True
    if _CODE_NAME.search(name):
        return False
    signs = {number.sign for number in taken}
    if signs == {1}:
        return False  # +44 555 0100
    if any(
        spelling.most or spelling.group == ","
        for spelling in spellings
        if isinstance(spelling, NumberSpelling)
    ) or any(isinstance(spelling, ShortestSpelling) for spelling in spellings):
        return True
    widths = {len(re.sub(r"\D", "", number.core)) for number in taken}
    is_code = len(widths) == 1 and min(widths) >= _CODE_WIDTH
    return not is_code and len(taken) >= _MIN_DISTINCT
