"""What a column's name and the form of its values mean.

Names are read as words, in the languages that tables come in; the forms are those of e-mail
addresses, web addresses, numbers of devices and the like.
"""

from __future__ import annotations

import re
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.synth.identities import words

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+|\d+")

PERSONAL = MappingProxyType(
    {
        "email": r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}",
        "uuid": r"(?i)\{?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}?",
        "iban": r"[A-Z]{2}\d{2}( ?[A-Z0-9]{4}){2,7}( ?[A-Z0-9]{1,4})?",
        "ip": r"(\d{1,3}\.){3}\d{1,3}(/\d+|:\d+)?",
        "ipv6": r"(?i)([0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4}",
        "mac": r"(?i)[0-9a-f]{2}([:-][0-9a-f]{2}){5}",
        "url": r"(?i)(https?|ftp)://\S+|www\.\S+",
        "phone": r"(\+|00)\d{1,3}[ ()./-]?\d[\d ()./-]{5,}\d",
        "ssn": r"\d{3}-\d{2}-\d{4}",
        "card": r"\d{4}([ -])\d{4}[ -]\d{4}[ -]\d{4}",
        "hash": r"(?i)[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}",
    }
)
"""Forms whose values point at a person or a thing, as regular expressions of RE2."""

_VALUE = (
    r"[\d.,:/\-+%$€£¥()\s]*\d[\d.,:/\-+%$€£¥()\s]*"
    r"([A-Za-z]{1,4}|[zZ]|[ap]\.?m\.?|°[CF])?",
    r"(?i)[\d\s.,:/+\-]*((jan|feb|m[aä]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz]|"
    r"mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?[\d\s.,:/+\-]*)+([a-z]{1,4})?([\d\s:+\-]*)",
    r"(?i)\d{4}-\d{2}-\d{2}t[\d:.,]+(z|[+-]\d\d:?\d\d)?",
)


_UNSPACED = "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]"


_POINTING = (
    words.IDENTIFIER_WORDS
    | words.PHONE_WORDS
    | words.ADDRESS_WORDS
    | words.PLACE_WORDS
    | words.COMPANY_WORDS
    | words.NAME_WORDS
)


def may_point(name: str, texts: pa.Array) -> bool:
    """Whether numbers in a column's texts may be those of a person, a thing or a place."""
    return bool(words_of(name) & _POINTING) or bool(personal_form(texts))


def words_of(name: str) -> frozenset[str]:
    """The words of a column's name, in small letters: ``customerID`` is ``customer`` and ``id``."""
    return frozenset(word.lower() for word in _WORD.findall(name)) | {name.lower()}


def last_word_of(name: str) -> str:
    """The last word of a column's name, in small letters: what the column is."""
    words = [word.lower() for word in _WORD.findall(name) if not word.isdigit()]
    return words[-1] if words else ""


def personal_form(texts: pa.Array, least: float = 0.95) -> str:
    """Which of the `PERSONAL` forms nearly all texts have; empty for none."""
    return next((name for name, form in PERSONAL.items() if _share(texts, form) >= least), "")


def is_written_value(texts: pa.Array) -> bool:
    """Whether the texts look like numbers, dates or times, which are no identifiers.

    Zeros in front of digits alone make a code.
    """
    if _share(texts, r"\d+") >= 0.9:
        return _share(texts, r"0\d+") < 0.01 or is_day(texts)
    if _share(texts, r"\d+(\.\d+){2,}") >= 0.9:  # a version, unless it is a day or has thousands
        day = r"\d\d?\.\d\d?\.(\d\d|\d{4})|\d{4}\.\d\d?\.\d\d?"
        return _share(texts, day) >= 0.8 or _share(texts, r"\d{1,3}(\.\d{3})+") >= 0.8
    return any(_share(texts, form) >= 0.8 for form in _VALUE)


def is_code(texts: pa.Array) -> bool:
    """Whether the texts are letters and digits in few groups, and neither amounts nor days."""
    is_amount = _share(texts, r"-?\d+\.\d{1,2}") >= 0.5
    groups = r"[#\pL\d]+([ ._/:-][\pL\d]+)*"
    has_digits = _share(texts, r".*\d.*") > 0.5
    is_short = has_digits and mean_words(texts) < 3 and not is_amount
    return is_short and _share(texts, groups) >= 0.95 and not is_day(texts)


def is_day(texts: pa.Array) -> bool:
    """Whether digits alone spell days, as 20240131 or 31012024 do."""
    day, month, year = r"(0[1-9]|[12]\d|3[01])", r"(0[1-9]|1[0-2])", r"(19|20)\d\d"
    forms = (year + month + day, day + month + year, month + day + year)
    clock = r"([01]\d|2[0-3])([0-5]\d){1,2}"
    short = (r"\d\d" + month + day, day + month + r"\d\d")
    return any(
        _share(texts, form) >= 0.99
        for form in (*forms, year + month, month + year, *(one + clock for one in forms), *short)
    )


def mean_words(texts: pa.Array) -> float:
    """The mean number of words."""
    if not len(texts):
        return 0.0
    return float(pc.mean(pc.add(pc.count_substring_regex(texts, r"\s+"), 1)).as_py())


def is_prose(texts: pa.Array) -> bool:
    """Whether the texts have three words or more, or six signs in writing without spaces."""
    unspaced = pc.mean(pc.count_substring_regex(texts, _UNSPACED)).as_py() or 0.0
    return bool(mean_words(texts) >= 3 or unspaced >= 6)


def share_matching(texts: pa.Array, form: str) -> float:
    """Share of the texts that match a form as a whole."""
    return _share(texts, form)


def _share(texts: pa.Array, form: str) -> float:
    if not len(texts):
        return 0.0
    return float(pc.mean(pc.match_substring_regex(texts, f"^({form})$").cast(pa.int8())).as_py())
