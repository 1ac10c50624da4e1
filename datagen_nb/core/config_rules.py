"""What each field of a ``JobConfiguration`` may be, on any pipeline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from datagen_nb.core.formats import FORMATS
from datagen_nb.core.rules import TRUE_OR_FALSE, Rule, is_int, is_text, one_of, seconds, text, whole

AFTER_FAILURE = ("fail", "run")

MAX_PREDECESSORS = 50
"""Jobs that one job may wait for."""

MAX_PARAMETERS = 50_000
"""Characters of a configuration's parameters as JSON."""

MAX_ROWS = 10_000_000_000
MIN_ROWS = 2
"""Fewest rows of a table that can be trained on."""

MAX_COLUMNS = 5_000
"""Columns of a table that is fitted."""

MAX_TABLES = 50
"""Tables that are fitted together."""

MAX_SEED = 2**63 - 1
DAY = 86_400

MAX_SECONDS = 30 * DAY
"""Longest timeout of a job."""


def _is_json_object(value: Any) -> bool:
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return isinstance(value, dict) and is_text(text) and len(text) <= MAX_PARAMETERS


def _is_tags(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) <= 20
        and all(is_text(tag) and 1 <= len(tag) <= 100 for tag in value)
    )


def _is_jobs(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) <= MAX_PREDECESSORS
        and all(is_text(job) and 1 <= len(job) <= 64 for job in value)
        and len(set(value)) == len(value)
    )


FIELDS: Mapping[str, Rule] = {
    "dataType": text(100, empty=True, what="a kind of data"),
    "dataSize": whole(1, MAX_ROWS, "Give the number of rows to make, as 100_000."),
    "inputFormat": one_of(FORMATS),
    "outputFormat": one_of(FORMATS),
    "inputBucket": text(200, empty=False, what="a bucket's name"),
    "outputBucket": text(200, empty=False, what="a bucket's name"),
    "inputPath": text(4096, empty=False, what="a path"),
    "outputPath": text(4096, empty=True, what="a path"),
    "isAsync": TRUE_OR_FALSE,
    "timeout": seconds(MAX_SECONDS),
    "resumeWindow": seconds(180 * DAY),
    "parameters": Rule(
        _is_json_object,
        f"has to be an object of JSON values, written in at most {MAX_PARAMETERS:,} characters",
        "Give a dict, of `columns` only those whose kind is not found by itself, and fewer columns "
        "of a `schema`.",
    ),
    "name": text(200, empty=True, what="a name"),
    "tags": Rule(
        _is_tags,
        "has to be a list of at most 20 words of 1 to 100 characters",
        "Give a list of short texts.",
    ),
    "after": Rule(
        _is_jobs,
        f"has to be a list of at most {MAX_PREDECESSORS} different jobs",
        "Give the ids of jobs that were submitted before.",
    ),
    "afterFailure": one_of(AFTER_FAILURE),
    "overwrite": TRUE_OR_FALSE,
    "outputMode": Rule(
        lambda value: value is None or (is_int(value) and 0 <= value <= 0o777),
        "has to be permission bits from 0 to 0o777 (511)",
        "Leave it out, or write 0o640 (416), for example.",
    ),
}
