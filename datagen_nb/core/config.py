"""What a job is asked to do: ``JobConfiguration``, and the rules of every job on any pipeline.

The rules are checked before anything is sent, and all problems are raised as one error. Those
that depend on what runs the job are in ``core.pipeline``.
Source: the specification, section 1.1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, model_validator

from datagen_nb.core.cloud_paths import title
from datagen_nb.core.errors import MAX_PROBLEMS, ConfigurationError, Problem
from datagen_nb.core.formats import FORMATS, foreign_ending
from datagen_nb.core.quoting import brief_repr
from datagen_nb.core.rules import (
    TRUE_OR_FALSE,
    Rule,
    broken,
    is_int,
    is_text,
    one_of,
    seconds,
    text,
    unknown_names,
    whole,
)
from datagen_nb.core.wire_model import WireModel

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

MAX_SEED = 2**63 - 1
DAY = 86_400

MAX_SECONDS = 30 * DAY
"""Longest timeout of a job."""

LOCAL_FILES = "file"
"""Name of the bucket that is the user's own file system; only the local service has it."""

USUAL_MODE = 0o644
"""Permission bits of a new file in the bucket of local files, if none are said."""

DEFAULT_BUCKET = "default"
"""Name of the bucket that every customer has."""

RESULTS = "jobs"
"""Name of the bucket whose objects are the results of the customer's jobs, named by their ids."""

INPUTS = "inputs"
"""Folder of that bucket where what was sent lies, named by its digest."""

OWN_FOLDERS = (INPUTS, "jobs", "uploads")
"""What the service keeps in that bucket for itself; a result cannot be named into it."""


class JobConfiguration(WireModel):
    """The configuration of a job.

    Args:
        data_type: The kind of data, as ``"tabular"``; one that the pipeline generates.
        data_size: Rows to generate, 1 to 10**10.
        input_format: ``csv``, ``json``, ``jsonl`` or ``parquet``.
        output_format: The same choices.
        input_bucket: Bucket of the input. ``"file"`` is the file system of a local service;
            ``"jobs"`` contains the results of jobs, and the job then waits for that job;
            ``"gs://name"`` is a bucket of Google Cloud Storage.
        output_bucket: Bucket of the result.
        input_path: Path of the input in its bucket; in ``"jobs"``, the id of a job.
        output_path: Path of the result in its bucket; by default the service chooses one.
        is_async: Whether a submit returns at once, or when the job has ended.
        timeout: Maximum running time in seconds, without pauses.
        resume_window: Seconds after a pause in which the job can be resumed.
        parameters: Parameters of the pipeline; ``GET /v1/info`` lists those that it has.
        name: A label for people.
        tags: Labels to search for.
        after: Ids of jobs that have to end before this one starts, at most 50.
        after_failure: What happens if one of them does not complete: ``"fail"`` or ``"run"``.
        overwrite: Whether an existing file at ``output_path`` is replaced.
        output_mode: Permission bits of a new file at ``output_path`` in the bucket ``"file"``;
            0o644 by default. A replaced file keeps its own.

    Raises:
        ConfigurationError: With every problem: field, value, rule and remedy.

    Example:
        ```python
        config = dg.JobConfiguration(
            data_size=1_000, input_format="csv", output_format="csv", input_path="customers.csv"
        )
        ```
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
    overwrite: bool = False
    output_mode: int | None = None

    @model_validator(mode="wrap")
    @classmethod
    def _tell_every_problem(cls, data: Any, handler: ValidatorFunctionWrapHandler) -> Self:
        if isinstance(data, cls):
            return data
        if not isinstance(data, Mapping):
            problem = Problem(
                "configuration", brief_repr(data), "has to be an object", "Give fields."
            )
            raise ConfigurationError([problem])
        given = {_by_wire_name.get(str(key), str(key)): value for key, value in data.items()}
        problems = list(_problems(given))
        if problems:
            raise ConfigurationError(problems)
        try:
            made: Self = handler(given)
        except ValidationError as error:  # a rule that pydantic has and _problems does not
            raise ConfigurationError(
                [_from_pydantic(entry) for entry in error.errors()[:MAX_PROBLEMS]],
                count=error.error_count(),
            ) from error
        return made

    @property
    def input_title(self) -> str:
        """What messages call the input: its path, unless that is the digest of what was sent."""
        if self.input_bucket == RESULTS:
            return f"The result of job {self.input_path}"
        was_sent = self.input_bucket == DEFAULT_BUCKET and self.input_path.startswith(f"{INPUTS}/")
        return "The table" if was_sent else title(self.input_bucket, self.input_path)

    @property
    def output_title(self) -> str:
        """What messages call the file that the result is written to."""
        return title(self.output_bucket, self.output_path)

    @property
    def input_job(self) -> str | None:
        """The job whose result is the input, if it is one."""
        return self.input_path if self.input_bucket == RESULTS else None

    def after_its_input(self) -> JobConfiguration:
        """The configuration with the job whose result it reads among those that it follows."""
        if self.input_job is None or self.input_job in self.after:
            return self
        return self.model_copy(update={"after": (*self.after, self.input_job)})

    def to_yaml(self) -> str:
        """Write the configuration as YAML, for a file under version control.

        The names are those of the wire, as ``dataSize``.

        Example:
            ```python
            print(job.configuration.to_yaml())
            ```
        """
        import yaml

        # PyYAML writes some line ends of Unicode in a way that it reads back as spaces.
        readable = self.to_json().isprintable()
        return yaml.safe_dump(self.to_wire(), sort_keys=False, allow_unicode=readable)

    @classmethod
    def from_yaml(cls, text: str) -> Self:
        """Read what ``to_yaml`` wrote.

        Args:
            text: The YAML.

        Raises:
            ConfigurationError: The text is not YAML, or breaks a rule.

        Example:
            ```python
            config = dg.JobConfiguration.from_yaml(Path("job.yaml").read_text())
            ```
        """
        import yaml

        try:
            data = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            # A date or number that is none, or endless brackets, end the parser so.
            where = " ".join(str(error).split())
            problem = Problem(
                "configuration", brief_repr(text), f"is not YAML ({where})", "Correct it."
            )
            raise ConfigurationError([problem]) from error
        return cls.model_validate(data)

    def to_code(self) -> str:
        """Write the cell that submits this configuration.

        A table in a file of this machine is named by its path, relative to the current folder
        where it lies in it; anything else is written as a ``JobConfiguration``.

        Example:
            ```python
            print(job.configuration.to_code())
            ```
        """
        from datagen_nb.core.calls import cell_of

        return cell_of(self)


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
        "Give a dict, and of `columns` only those whose kind is not found by itself.",
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

_by_wire_name = {name: field.alias or name for name, field in JobConfiguration.model_fields.items()}


def wire_fields(given: Any) -> dict[str, Any]:
    """Some fields of a configuration under their wire names; nothing else is checked.

    Raises:
        ConfigurationError: It is no object.
    """
    if not isinstance(given, Mapping):
        rule = "has to be an object"
        raise ConfigurationError(
            [Problem("configuration", brief_repr(given), rule, "Give fields.")]
        )
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
            yield Problem(wire_name, "(missing)", "is required", FIELDS[wire_name].instruction)
    yield from unknown_names("", given, FIELDS)
    source = (given.get("inputBucket", DEFAULT_BUCKET), given.get("inputPath"))
    target = (given.get("outputBucket", DEFAULT_BUCKET), given.get("outputPath"))
    if source == target and source[1]:
        yield Problem(
            "outputPath", brief_repr(target[1]), "must not be the input", "Choose another name."
        )
    yield from foreign_ending("outputPath", target[1])
    if target[0] == DEFAULT_BUCKET and str(target[1]).lstrip("./").split("/")[0] in OWN_FOLDERS:
        rule = f"must not lie in {', '.join(f'{folder}/' for folder in OWN_FOLDERS)}"
        yield Problem("outputPath", brief_repr(target[1]), rule, "Put it into a folder of its own.")


def _from_pydantic(entry: Any) -> Problem:
    field = ".".join(str(part) for part in entry["loc"]) or "configuration"
    return Problem(field, brief_repr(entry.get("input")), entry["msg"], "See JobConfiguration.")
