"""What a job is asked to do: ``JobConfiguration``, checked, and written as YAML or Python.

Its rules (``core.config_rules``) are checked before anything is sent, and all problems are raised
as one error. Those that depend on what runs the job are in ``core.pipeline``.
Source: the specification, section 1.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import indent
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, model_validator
from pydantic.alias_generators import to_snake

from datagen_nb.core.cloud_paths import is_cloud, title
from datagen_nb.core.config_rules import DAY, FIELDS
from datagen_nb.core.data_types import has_input
from datagen_nb.core.errors import MAX_PROBLEMS, ConfigurationError, Problem
from datagen_nb.core.formats import foreign_ending, format_of
from datagen_nb.core.places import (
    DEFAULT_BUCKET,
    INPUTS,
    LOCAL_FILES,
    MODELS,
    OWN_FOLDERS,
    RESULTS,
    short,
)
from datagen_nb.core.quoting import brief_repr, python
from datagen_nb.core.rules import broken, unknown_names
from datagen_nb.core.wire_model import WireModel


class JobConfiguration(WireModel):
    """The configuration of a job.

    Args:
        data_type: The kind of data, as ``"tabular"``; one that the pipeline generates.
        data_size: Rows to generate, 1 to 10**10.
        input_format: ``csv``, ``json``, ``jsonl`` or ``parquet``.
        output_format: The same choices.
        input_bucket: Bucket of the input. ``"file"`` is the file system of a local service;
            ``"jobs"`` contains the results of jobs, and the job then waits for that job;
            ``"models"`` contains their models: rows are made without a new fit;
            ``"gs://name"`` is a bucket of Google Cloud Storage.
        output_bucket: Bucket of the result.
        input_path: Path of the input in its bucket; in ``"jobs"`` and ``"models"`` a job's id;
            empty for the data type ``"schema"``, which has no input.
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
        if _is_declared(given):
            given = {"inputPath": "", "inputFormat": given.get("outputFormat", ""), **given}
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
        if self.model_job is not None:
            return f"The model of job {self.model_job}"
        if not self.has_input:
            return "The schema"
        was_sent = self.input_bucket == DEFAULT_BUCKET and self.input_path.startswith(f"{INPUTS}/")
        return "The table" if was_sent else title(self.input_bucket, self.input_path)

    @property
    def has_input(self) -> bool:
        """Whether there is an input; the columns are declared otherwise."""
        return has_input(self.data_type)

    @property
    def output_title(self) -> str:
        """What messages call the file that the result is written to."""
        return title(self.output_bucket, self.output_path)

    @property
    def input_job(self) -> str | None:
        """The job whose result or model is the input, if it is one."""
        return self.input_path if self.input_bucket in {RESULTS, MODELS} else None

    @property
    def model_job(self) -> str | None:
        """The job whose model makes the rows, if no new one is fitted."""
        return self.input_path if self.input_bucket == MODELS else None

    def after_its_input(self) -> JobConfiguration:
        """The configuration with the job that its input is of among those that it follows."""
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
        path, bucket = self.input_path, self.input_bucket
        has_path = bucket == LOCAL_FILES or is_cloud(bucket)
        if has_path and format_of(path) == self.input_format:
            table = python(short(bucket, path))
            return submit_call(self, table, name=Path(path).stem, format=self.input_format)
        return _whole_code(self)


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


_OF_NO_INPUT = {"inputBucket": DEFAULT_BUCKET, "inputPath": ""}
"""What fields about the input are where there is none."""


def _is_declared(given: Mapping[str, Any]) -> bool:
    data_type = given.get("dataType")
    return isinstance(data_type, str) and not has_input(data_type)


def _problems(given: Mapping[str, Any], *, partial: bool = False) -> Iterator[Problem]:
    is_declared = _is_declared(given)
    for name, field in JobConfiguration.model_fields.items():
        wire_name = field.alias or name
        if is_declared and wire_name in _OF_NO_INPUT:
            if (value := given.get(wire_name, _OF_NO_INPUT[wire_name])) != _OF_NO_INPUT[wire_name]:
                rule = f"cannot be given: dataType {given['dataType']} has no input"
                remedy = "Leave it out, or set another dataType."
                yield Problem(wire_name, brief_repr(value), rule, remedy)
        elif wire_name in given:
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


_BEYOND_SUBMIT = (
    "is_async",
    "resume_window",
    "after",
    "after_failure",
    "output_mode",
)
"""Fields that ``submit`` has no argument for."""


def submit_call(config: JobConfiguration, table: str, *, name: str, format: str) -> str:
    """The call of ``submit`` that makes a configuration.

    Args:
        config: What is submitted.
        table: The Python that gives the table.
        name: What ``submit`` calls the job of it by default.
        format: What ``submit`` writes its result as by default.
    """
    if not can_be_arguments(config):
        return _whole_code(config)
    parameters = {to_snake(wire): value for wire, value in config.parameters.items()}
    arguments = [table, f"rows={config.data_size:_}"]
    if config.data_type != JobConfiguration.model_fields["data_type"].default:
        arguments.append(f"data_type={python(config.data_type)}")
    if "seed" in parameters:
        arguments.append(f"seed={parameters.pop('seed')}")
    output = config.output_path and short(config.output_bucket, config.output_path)
    if output:
        arguments.append(f"output={python(output)}")
    if config.overwrite:
        arguments.append("overwrite=True")
    if config.output_format != (format_of(output) or format):
        arguments.append(f"format={python(config.output_format)}")
    if parameters:
        arguments.append(f"parameters={python(parameters)}")
    if config.timeout != JobConfiguration.model_fields["timeout"].default:
        whole = config.timeout == int(config.timeout)
        arguments.append(f"timeout={int(config.timeout) if whole else config.timeout!r}")
    if config.name != name:
        arguments.append(f"name={python(config.name)}")
    if config.tags:
        arguments.append(f"tags={python(list(config.tags))}")
    line = ", ".join(arguments)
    if len(line) <= 60:
        return f"job = client.submit({line})"
    return "job = client.submit(\n" + indent(",\n".join(arguments), "    ") + ",\n)"


def can_be_arguments(config: JobConfiguration) -> bool:
    """Whether the arguments of ``submit`` can say all of a configuration."""
    fields = JobConfiguration.model_fields
    usual = all(getattr(config, name) == fields[name].default for name in _BEYOND_SUBMIT)
    has_path = config.output_bucket == LOCAL_FILES or is_cloud(config.output_bucket)
    return usual and (not config.output_path or has_path)


def _whole_code(config: JobConfiguration) -> str:
    lines = [
        f"    {name}={python(getattr(config, name))},"
        for name, field in JobConfiguration.model_fields.items()
        if field.is_required()
        or getattr(config, name) != field.get_default(call_default_factory=True)
    ]
    made = "\n".join(["dg.JobConfiguration(", *lines, ")"])
    return f"config = {made}\njob = client.submit(config)"
