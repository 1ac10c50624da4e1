"""How cells of a column are written: a choice of the reader, which changes no value.

A cell is written from its exact text, so that a number of any length keeps all of its digits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

import pyarrow as pa

from datagen_nb.tables.view.query import Format, Query, Style
from datagen_nb.tables.view.types import Kind, kind_of

MAX_DIGITS = 400
"""Of a number that is written otherwise; 1e300 has some 300."""

SYMBOLS = {"EUR": "€", "GBP": "£", "JPY": "¥", "USD": "$"}
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_INSTANT = re.compile(r"(\d{4,})-(\d\d)-(\d\d)(?: (\d\d:\d\d)\S*)?")
_EXACT = Context(prec=2 * MAX_DIGITS, rounding=ROUND_HALF_EVEN)


def formats_of(query: Query) -> dict[int, Format]:
    """The formats of a query with columns by position; the last one of a column counts."""
    return {int(one.column): one for one in query.formats}


def written(
    texts: Sequence[str | None], type_: pa.DataType, format: Format | None
) -> list[str | None]:
    """The texts of a column as its format writes them; a missing value stays missing."""
    if format is None:
        return list(texts)
    write = _writer_of(format, kind_of(type_))
    return [None if text is None else write(text) for text in texts]


def _writer_of(format: Format, kind: Kind) -> Callable[[str], str]:
    """What writes a text; one that is not of the format's kind stays as it is."""
    if kind == "number":
        return lambda text: _number(text, format)
    if kind in ("date", "datetime") and format.style != "plain":
        return lambda text: _instant(text, format.style)
    return lambda text: text


def share_of(text: str | None, least: float, greatest: float) -> float | None:
    """Where a number stands between two others, 0 to 1; ``None`` if it is none."""
    number = None if text is None else _decimal(text)
    if number is None:
        return None
    if greatest <= least:
        return 1.0
    share = (float(number) - least) / (greatest - least)
    return round(min(max(share, 0.0), 1.0), 3)


def _number(text: str, format: Format) -> str:
    number = _decimal(text)
    if number is None or (format.style == "plain" and format.decimals is None):
        return text
    decimals = format.decimals
    if format.style == "percent":
        number = number.scaleb(2, _EXACT)
        decimals = 1 if decimals is None else decimals
    elif format.style == "currency":
        decimals = 2 if decimals is None else decimals
    if decimals is not None:
        number = number.quantize(Decimal(1).scaleb(-decimals), context=_EXACT)
    size = number.copy_abs()  # ``abs`` would round to the digits of the thread's context
    digits = f"{size:f}" if format.style == "plain" else f"{size:,f}"
    sign = "-" if number < 0 else ""
    if format.style == "percent":
        return f"{sign}{digits} %"
    if format.style == "currency":
        return f"{sign}{SYMBOLS.get(format.currency, f'{format.currency} ')}{digits}"
    return f"{sign}{digits}"


def _decimal(text: str) -> Decimal | None:
    """A number of reasonable length."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > MAX_DIGITS or len(text) > MAX_DIGITS:
        return None
    return number


def _instant(text: str, style: Style) -> str:
    match = _INSTANT.fullmatch(text)
    if match is None:
        return text
    year, month, day, time = match.groups()
    month_and_year = f"{MONTHS[int(month) - 1]} {year}"
    written = {
        "date": f"{year}-{month}-{day}",
        "long_date": f"{int(day)} {month_and_year}",
        "month": month_and_year,
        "time": time or text,
    }
    return written.get(style, text)
