"""What a job is asked to do: ``JobConfiguration``, and every rule that a configuration has to keep.

The rules are checked before anything is sent, all of them, and told together.
Source: the specification, section 1.1.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, model_validator

from datagen_nb.core.errors import ConfigurationError, Problem
from datagen_nb.core.wire_model import WireModel

FORMATS: Mapping[str, tuple[str, ...]] = {
    "csv": (".csv",),
    "json": (".json",),
    "jsonl": (".jsonl", ".ndjson"),
    "parquet": (".parquet", ".pq"),
}
"""Formats of tables, each with the endings that name it; the first is the one written."""

DATA_TYPES = ("tabular",)
PRESETS = ("balanced",)
COLUMN_KINDS = ("numeric", "boolean", "categorical", "datetime", "id", "text", "constant")

AFTER_FAILURE = ("fail", "run")

MOST_BEFORE = 50
"""Jobs that one job may wait for."""

MAX_ROWS = 10_000_000_000
LEAST_ROWS = 2
"""Rows that a table has to have to be learnt from."""

MAX_SEED = 2**63 - 1
DAY = 86_400

LOCAL_FILES = "file"
"""Name of the bucket that is the user's own file system; only the local service has it."""

DEFAULT_BUCKET = "default"
"""Name of the bucket that every customer has."""

INPUTS = "inputs"
"""Folder of that bucket where what was sent lies, named by its digest."""

OWN_FOLDERS = (INPUTS, "jobs", "uploads")
"""What the service keeps in that bucket for itself; a result cannot be named into it."""


def format_of(path: str) -> str | None:
    """Tell the format of a table from its name's ending; ``None`` when it names none."""
    ending = path[path.rfind(".") :].lower() if "." in path else ""
    return next((name for name, endings in FORMATS.items() if ending in endings), None)


class JobConfiguration(WireModel):
    """What one job reads, makes and writes.

    Args:
        data_type: What kind of data; only ``"tabular"`` so far.
        data_size: Rows to make, 1 to 10**10.
        input_format: ``csv``, ``json``, ``jsonl`` or ``parquet``.
        output_format: The same choice.
        input_bucket: Where the input lies; ``"file"`` is the file system of a local service.
        output_bucket: Where the result goes.
        input_path: Name of the input in its bucket.
        output_path: Name of the result in its bucket; empty lets the service choose.
        is_async: Whether submitting answers at once instead of at the end.
        timeout: Most seconds that the job may run, pauses not counted.
        resume_window: Seconds after a pause in which the job can be resumed.
        parameters: For the pipeline; see ``PARAMETERS`` for those of the local one.
        name: What people call the job.
        tags: Words to find it by.
        after: Ids of jobs that have to end before this one starts, at most 50.
        after_failure: What becomes of it when one of these did not complete: ``"fail"`` too, or
            ``"run"`` all the same.

    Raises:
        ConfigurationError: With every problem: field, value, rule and remedy.
    """

    data_type: str = "tabular"
    data_size: int
    input_format: str
    output_format: str
    input_bucket: str = DEFAULT_BUCKET
    output_bucket: str = DEFAULT_BUCKET
    input_path: str
    output_path: str = ""
    is_async: bool = True
    timeout: float = 3600
    resume_window: float = DAY
    parameters: dict[str, Any] = Field(default_factory=dict)
    name: str = ""
    tags: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    after_failure: Literal["fail", "run"] = "fail"

    @model_validator(mode="wrap")
    @classmethod
    def _tell_every_problem(cls, data: Any, handler: ValidatorFunctionWrapHandler) -> Self:
        if isinstance(data, cls):
            return data
        if not isinstance(data, Mapping):
            problem = Problem("configuration", _shown(data), "has to be an object", "Give fields.")
            raise ConfigurationError([problem])
        given = {_by_wire_name.get(str(key), str(key)): value for key, value in data.items()}
        problems = list(_problems(given))
        if problems:
            raise ConfigurationError(problems)
        try:
            made: Self = handler(given)
        except ValidationError as error:  # a rule that pydantic has and _problems does not
            raise ConfigurationError([_from_pydantic(entry) for entry in error.errors()]) from error
        return made

    @property
    def input_title(self) -> str:
        """What messages call the input: its path, unless that is the digest of what was sent."""
        was_sent = self.input_bucket == DEFAULT_BUCKET and self.input_path.startswith(f"{INPUTS}/")
        return "The table" if was_sent else self.input_path

    def to_yaml(self) -> str:
        """Write the configuration as YAML, wire names, for a file under version control."""
        import yaml

        # PyYAML writes some line ends of Unicode in a way that it reads back as spaces.
        readable = self.to_json().isprintable()
        return yaml.safe_dump(self.to_wire(), sort_keys=False, allow_unicode=readable)

    @classmethod
    def from_yaml(cls, text: str) -> Self:
        """Read what ``to_yaml`` wrote.

        Raises:
            ConfigurationError: The text is not YAML, or breaks a rule.
        """
        import yaml

        try:
            data = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            # A date or number that is none, or endless brackets, end the parser so.
            where = " ".join(str(error).split())
            problem = Problem("configuration", _shown(text), f"is not YAML ({where})", "Mend it.")
            raise ConfigurationError([problem]) from error
        return cls.model_validate(data)

    def to_code(self) -> str:
        """Write the Python that makes this configuration again."""
        lines = [
            f"    {name}={getattr(self, name)!r},"
            for name, field in type(self).model_fields.items()
            if field.is_required()
            or getattr(self, name) != field.get_default(call_default_factory=True)
        ]
        return "\n".join(["dg.JobConfiguration(", *lines, ")"])


Rule = tuple[Callable[[Any], bool], str, str]


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return _is_int(value) or (isinstance(value, float) and value == value)


def _is_text(value: Any) -> bool:
    """Whether it can be written as UTF-8: half of a surrogate pair cannot."""
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:
        return False


def _one_of(choices: tuple[str, ...]) -> Rule:
    listed = ", ".join(choices)
    return (
        lambda value: isinstance(value, str) and value in choices,
        f"has to be one of {listed}",
        f"Write one of {listed}.",
    )


def _whole(low: int, high: int, remedy: str) -> Rule:
    return (
        lambda value: _is_int(value) and low <= value <= high,
        f"has to be a whole number from {low:,} to {high:,}",
        remedy,
    )


def _text(longest: int, *, empty: bool, what: str) -> Rule:
    least = 0 if empty else 1
    return (
        lambda value: _is_text(value) and least <= len(value) <= longest and "\0" not in value,
        f"has to be {what} of {least} to {longest:,} characters",
        f"Give {what}.",
    )


def text_rule(longest: int) -> Rule:
    """The rule of any text up to a length."""
    return _text(longest, empty=True, what="a text")


def _seconds(longest: int) -> Rule:
    return (
        lambda value: _is_number(value) and 1 <= value <= longest,
        f"has to be seconds from 1 to {longest:,}",
        f"Give a number of seconds, at most {longest:,}.",
    )


def _is_json_object(value: Any) -> bool:
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return isinstance(value, dict) and _is_text(text) and len(text) <= 1_000_000


def _is_codec(value: Any) -> bool:
    try:
        return isinstance(value, str) and codecs.lookup(value)._is_text_encoding  # noqa: SLF001, the only way to ask
    except (LookupError, ValueError):  # a NUL or half a character in the name is a ValueError
        return False


def _is_tags(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) <= 20
        and all(_is_text(tag) and 1 <= len(tag) <= 100 for tag in value)
    )


def _is_jobs(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) <= MOST_BEFORE
        and all(_is_text(job) and 1 <= len(job) <= 64 for job in value)
        and len(set(value)) == len(value)
    )


def _is_columns(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(name, str) and kind in COLUMN_KINDS for name, kind in value.items()
    )


FIELDS: Mapping[str, Rule] = {
    "dataType": _one_of(DATA_TYPES),
    "dataSize": _whole(1, MAX_ROWS, "Give the number of rows to make, as 100_000."),
    "inputFormat": _one_of(tuple(FORMATS)),
    "outputFormat": _one_of(tuple(FORMATS)),
    "inputBucket": _text(200, empty=False, what="a bucket's name"),
    "outputBucket": _text(200, empty=False, what="a bucket's name"),
    "inputPath": _text(4096, empty=False, what="a path"),
    "outputPath": _text(4096, empty=True, what="a path"),
    "isAsync": (lambda value: isinstance(value, bool), "has to be true or false", "Write true."),
    "timeout": _seconds(30 * DAY),
    "resumeWindow": _seconds(180 * DAY),
    "parameters": (_is_json_object, "has to be an object of JSON values", "Give a dict."),
    "name": _text(200, empty=True, what="a name"),
    "tags": (
        _is_tags,
        "has to be a list of at most 20 words of 1 to 100 characters",
        "Give a list of short texts.",
    ),
    "after": (
        _is_jobs,
        f"has to be a list of at most {MOST_BEFORE} different jobs",
        "Give the ids of jobs that were submitted before.",
    ),
    "afterFailure": _one_of(AFTER_FAILURE),
}

PARAMETERS: Mapping[str, Rule] = {
    "preset": _one_of(PRESETS),
    "seed": _whole(0, MAX_SEED, "Give a whole number, as 7; the same seed gives the same rows."),
    "partRows": _whole(1, 10_000_000, "Leave it out, or give the rows of one part of the result."),
    "sampleRows": _whole(100, 10_000_000, "Leave it out, or give the rows to learn from at most."),
    "encoding": (_is_codec, "has to be a text encoding", "Write one, as latin-1 or utf-16."),
    "delimiter": (
        lambda value: isinstance(value, str) and len(value) == 1 and value not in '\r\n"',
        "has to be one character",
        "Write the character between fields, as ;.",
    ),
    "badLines": _one_of(("error", "skip")),
    "columns": (
        _is_columns,
        f"has to map column names to one of {', '.join(COLUMN_KINDS)}",
        'Write for example {"zip": "categorical"}.',
    ),
}
"""What the local pipeline understands in ``parameters``.

``preset`` and ``seed`` steer the synthesizer, ``partRows`` and ``sampleRows`` bound its work,
``encoding``, ``delimiter`` and ``badLines`` say how to read a text file, ``columns`` overrides
the detected kind of a column.
"""

_by_wire_name = {name: field.alias or name for name, field in JobConfiguration.model_fields.items()}


def wire_fields(given: Any) -> dict[str, Any]:
    """Some fields of a configuration under their wire names; nothing else is checked.

    Raises:
        ConfigurationError: It is no object.
    """
    if not isinstance(given, Mapping):
        rule = "has to be an object"
        raise ConfigurationError([Problem("configuration", _shown(given), rule, "Give fields.")])
    return {_by_wire_name.get(str(key), str(key)): value for key, value in given.items()}


def partial_configuration(given: Any) -> dict[str, Any]:
    """Check some fields of a configuration; return them under their wire names.

    Raises:
        ConfigurationError: With every problem, except that fields are missing.
    """
    fields = wire_fields(given)
    if problems := list(_problems(fields, partial=True)):
        raise ConfigurationError(problems)
    return fields


def _problems(given: Mapping[str, Any], *, partial: bool = False) -> Iterator[Problem]:
    for name, field in JobConfiguration.model_fields.items():
        wire_name = field.alias or name
        if wire_name in given:
            yield from broken(wire_name, given[wire_name], FIELDS[wire_name])
        elif field.is_required() and not partial:
            yield Problem(wire_name, "(missing)", "is required", FIELDS[wire_name][2])
    yield from _unknown("", given, FIELDS)
    parameters = given.get("parameters")
    if isinstance(parameters, dict):
        for key, value in parameters.items():
            if key in PARAMETERS:
                yield from broken(f"parameters.{key}", value, PARAMETERS[key])
        yield from _unknown("parameters.", parameters, PARAMETERS)
    source = (given.get("inputBucket", DEFAULT_BUCKET), given.get("inputPath"))
    target = (given.get("outputBucket", DEFAULT_BUCKET), given.get("outputPath"))
    if source == target and source[1]:
        yield Problem(
            "outputPath", _shown(target[1]), "must not be the input", "Choose another name."
        )
    if target[0] == DEFAULT_BUCKET and str(target[1]).lstrip("./").split("/")[0] in OWN_FOLDERS:
        rule = f"must not lie in {', '.join(f'{folder}/' for folder in OWN_FOLDERS)}"
        yield Problem("outputPath", _shown(target[1]), rule, "Put it into a folder of its own.")


def broken(name: str, value: Any, rule: Rule) -> Iterator[Problem]:
    """The problem of a value that breaks its rule."""
    holds, says, remedy = rule
    if not holds(value):
        yield Problem(name, _shown(value), says, remedy)


def _unknown(prefix: str, given: Mapping[str, Any], known: Mapping[str, Rule]) -> Iterator[Problem]:
    import difflib

    for name in given:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            remedy = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(known)}."
            yield Problem(f"{prefix}{name}", _shown(given[name]), "is not known", remedy)


def _from_pydantic(entry: Any) -> Problem:
    field = ".".join(str(part) for part in entry["loc"]) or "configuration"
    return Problem(field, _shown(entry.get("input")), entry["msg"], "See JobConfiguration.")


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except RecursionError:
        text = "(nested too deep to show)"
    return text if len(text) <= 80 else f"{text[:77]}…"


Format = Literal["csv", "json", "jsonl", "parquet"]
