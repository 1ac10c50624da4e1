"""What the pipelines of this package can do: the local one, and the mock like it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from datagen_nb.core import relation_text, rule_text
from datagen_nb.core.config_rules import MAX_COLUMNS, MAX_ROWS, MAX_SEED
from datagen_nb.core.data_types import DATA_TYPES as TYPES
from datagen_nb.core.evaluation import CHECKS
from datagen_nb.core.kinds import KINDS
from datagen_nb.core.pipeline_info import PipelineInfo, StageInfo
from datagen_nb.core.version import __version__
from datagen_nb.synth.data_type import FitOptions
from datagen_nb.synth.marginals.privacy import DELTA, Privacy
from datagen_nb.synth.presets import PRESETS as SETTINGS
from datagen_nb.synth.presets import Settings

STAGES = ("validate", "read", "fit", "generate", "write", "report")
"""Names of the stages of a job, in their order."""

DATA_TYPES = tuple(TYPES)
PRESETS = tuple(SETTINGS)
COLUMN_KINDS = tuple(KINDS)

ENGINES = ("local", "dask")
RELATION_MODES = ("auto", "off")
MAX_RELATIONS = 100
"""Relations that a user may state."""

MAX_KEYS = 200
"""Keys between tables that a user may state."""

MAX_RULES = 100
"""Rules that a user may state."""

PARAMETERS: dict[str, dict[str, Any]] = {
    "preset": {
        "type": "string",
        "enum": list(PRESETS),
        "default": PRESETS[0],
        "description": "How the synthesizer is fitted: fast to fewer rows and without predictions, "
        "accurate to more rows, private to fewer and without values that fewer than 20 rows have. "
        "Other parameters come first.",
        "x-values": " or ".join(PRESETS),
    },
    "seed": {
        "type": "integer",
        "minimum": 0,
        "maximum": MAX_SEED,
        "default": 0,
        "description": "The same table, configuration and seed give the same rows; "
        "submit(seed=…) sets it too.",
        "x-values": "A whole number from 0",
        "x-remedy": "Give a whole number, as 7; the same seed gives the same rows.",
    },
    "partRows": {
        "type": "integer",
        "minimum": 1,
        "maximum": 10_000_000,
        "description": "Rows of one part of the result. Parts are made at the same time and kept "
        "when a job is paused.",
        "x-default": "by the number of columns",
        "x-values": "1 to 10,000,000",
        "x-remedy": "Leave it out, or give the rows of one part of the result.",
    },
    "engine": {
        "type": "string",
        "enum": list(ENGINES),
        "default": ENGINES[0],
        "description": "Where the rows are made: by one process of the service, or by the workers "
        "of a Dask cluster. The rows are the same.",
        "x-values": " or ".join(ENGINES),
    },
    "sampleRows": {
        "type": "integer",
        "minimum": 100,
        "maximum": 10_000_000,
        "x-default": "50,000; with preset fast or private 20,000, with accurate 200,000",
        "description": "Most rows that the synthesizer is fitted to, drawn at random from the "
        "table.",
        "x-values": "100 to 10,000,000",
        "x-remedy": "Leave it out, or give the most rows to fit to.",
    },
    "encoding": {
        "type": "string",
        "format": "text-encoding",
        "description": "Text encoding of a CSV or JSON file.",
        "x-default": "detected: utf-8, or what the file's first bytes show",
        "x-values": "A name that Python knows, as latin-1",
        "x-rule": "has to be a text encoding",
        "x-remedy": "Write one, as latin-1 or utf-16.",
    },
    "delimiter": {
        "type": "string",
        "minLength": 1,
        "maxLength": 1,
        "pattern": r"[\x01-\x09\x0b\x0c\x0e-\x21\x23-\x7f]",
        "description": "Character between the fields of a CSV file.",
        "x-default": "detected",
        "x-values": "One character",
        "x-rule": "has to be one ASCII character",
        "x-remedy": "Write the character between fields, for example ;.",
    },
    "quote": {
        "type": "string",
        "minLength": 1,
        "maxLength": 1,
        "pattern": r"[\x21-\x2b\x2d-\x3a\x3c-\x7b\x7d\x7e]",
        "description": "Character around the fields of a CSV file that hold special characters.",
        "x-default": "detected",
        "x-values": "One character",
        "x-rule": "has to be one ASCII character other than a delimiter",
        "x-remedy": "Write the character around fields, for example '.",
    },
    "header": {
        "type": "boolean",
        "description": "Whether the first line of a CSV file holds the names of the columns; "
        "without a header they are named column1, column2 and so on.",
        "x-default": "detected",
        "x-values": "True or False",
    },
    "badLines": {
        "type": "string",
        "enum": ["error", "skip"],
        "default": "error",
        "description": "What to do with lines that do not fit the table.",
        "x-values": "error, or skip to leave them out",
    },
    "minCount": {
        "type": "integer",
        "minimum": 1,
        "maximum": 1_000,
        "x-default": "5; with preset private 20",
        "description": "Fewest rows that a value must have to be used as it is; rarer values are "
        "replaced.",
        "x-values": "1 to 1,000",
        "x-remedy": "Leave it out, or give the fewest rows that a value must have to be used.",
    },
    "epsilon": {
        "type": "number",
        "minimum": 0.01,
        "maximum": 100,
        "description": "Formal differential privacy: bounds how much any single row can change "
        "what is made. Lower is more private: 1 is strong, 10 weak. Rows are made of noisy counts "
        "alone.",
        "x-default": "none",
        "x-values": "0.01 to 100",
        "x-rule": "has to be a number from 0.01 to 100",
        "x-remedy": "Give for example 1. Below 0.01 nothing of the table is left, above 100 "
        "nothing is protected.",
    },
    "delta": {
        "type": "number",
        "minimum": 1e-15,
        "maximum": 1e-3,
        "description": "With epsilon: the probability that its bound does not hold. Has to be far "
        "below one divided by the number of rows.",
        "x-default": "1e-9",
        "x-values": "1e-15 to 0.001",
        "x-remedy": "Leave it out, or give a probability far below one divided by the rows.",
    },
    "bounds": {
        "type": "object",
        "additionalProperties": {
            "type": "array",
            "items": {"anyOf": [{"type": "number"}, {"type": "string", "minLength": 1}]},
            "minItems": 2,
            "maxItems": 2,
        },
        "description": "With epsilon: between what columns of numbers and instants are known to "
        "lie, not from the table itself. Others are found, at a part of the budget.",
        "x-default": "found",
        "x-values": 'A dict as {"age": [0, 120], "since": ["2000-01-01", "2030-01-01"]}',
        "x-rule": "has to map columns to a lowest and a highest value",
        "x-remedy": 'Write for example {"age": [0, 120]}.',
    },
    "exclude": {
        "type": "array",
        "items": {"type": "string", "minLength": 1},
        "maxItems": MAX_COLUMNS,
        "description": "Columns that are neither fitted nor in the result.",
        "x-default": "none",
        "x-values": "A list of names, as ['name', 'user.email']",
        "x-rule": "has to be a list of names of columns",
        "x-remedy": "Write for example ['name', 'email'].",
    },
    "entity": {
        "type": "string",
        "minLength": 1,
        "description": "Column that identifies the entities with several rows each, as customers "
        "with their orders.",
        "x-default": "detected",
        "x-values": "The name of a column",
    },
    "order": {
        "type": "string",
        "minLength": 1,
        "description": "Column by which the rows of a series follow each other: instants or "
        "numbers. For the data type timeseries.",
        "x-default": "detected",
        "x-values": "The name of a column",
    },
    "keys": {
        "type": "array",
        "items": {"type": "string", "minLength": 1},
        "minItems": 1,
        "maxItems": MAX_KEYS,
        "description": "Keys between several tables: columns that have values of a unique column "
        "of another table. For the data type relational.",
        "x-default": "detected",
        "x-values": "A list as ['orders.customer_id -> customers.id']",
        "x-rule": "has to be a list of keys",
        "x-remedy": "Write for example ['orders.customer_id -> customers.id'].",
    },
    "rows": {
        "type": "object",
        "additionalProperties": {"type": "integer", "minimum": 1, "maximum": MAX_ROWS},
        "description": "Rows of each table that belongs to no other; those of the others follow. "
        "For the data type relational; submit(rows={…}) sets it too.",
        "x-default": "as many as the input has",
        "x-values": 'A dict as {"customers": 5000}',
        "x-rule": "has to map tables to rows, each from 1",
        "x-remedy": 'Write for example {"customers": 5000}.',
    },
    "relations": {
        "anyOf": [
            {"type": "string", "enum": list(RELATION_MODES)},
            {
                "type": "array",
                "items": {"type": "string", "format": "relation"},
                "maxItems": MAX_RELATIONS,
            },
        ],
        "default": "auto",
        "description": "Rules between columns that the rows keep: those that are found, none, or "
        "those that you state; auto in the list adds those that are found.",
        "x-values": "auto, off, or a list as ['total = quantity * price', 'end >= start', "
        "'city -> state', 'a + b + c = 100', 'age = years(birth, visit)', "
        "'shipped is null if status in (cancelled)']",
        "x-rule": "has to be auto, off or a list of relations",
        "x-remedy": "Write for example ['total = quantity * price', 'end >= start'].",
    },
    "rules": {
        "type": "array",
        "items": {"type": "string", "format": "rule"},
        "maxItems": MAX_RULES,
        "description": "What the rows of the result keep, each by itself or, as unique(a, b), all "
        "together; others are drawn for rows that do not.",
        "x-default": "none",
        "x-values": "A list as ['price >= 0', 'end > start', 'age between 18 and 99', "
        "'status in (open, paid)', 'email is not null', 'plate matches \"[A-Z]{2}[0-9]+\"', "
        "'unique(code, day)']",
        "x-rule": "has to be a list of rules",
        "x-remedy": "Write for example ['price >= 0', 'status in (open, paid)'].",
    },
    "condition": {
        "type": "object",
        "additionalProperties": {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "number"},
                {"type": "boolean"},
                {
                    "type": "object",
                    "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1},
                },
            ]
        },
        "description": "Values that columns have in each row of the result, or for one column the "
        "shares of its values; what is left to 1 is for its other values.",
        "x-default": "none",
        "x-values": 'A dict as {"segment": "B"} or {"fraud": {"yes": 0.5}}',
        "x-rule": "has to map columns to a value, or one of them to shares of its values from 0 "
        "to 1",
        "x-remedy": 'Write for example {"segment": "B"} or {"fraud": {"yes": 0.5}}.',
    },
    "evaluate": {
        "type": "array",
        "items": {"type": "string", "enum": list(CHECKS)},
        "maxItems": len(CHECKS),
        "description": "Figures of the report that take longer. detection: whether a classifier "
        "can separate synthetic rows from real ones (C2ST), and by which columns; membership: "
        "whether an attacker can see of a row that it was fitted to.",
        "x-default": "none",
        "x-values": "A list of detection and membership",
        "x-rule": "has to be a list of detection and membership",
        "x-remedy": "Write for example ['detection', 'membership'].",
    },
    "target": {
        "type": "string",
        "minLength": 1,
        "description": "Column that a model is trained to predict, for the report: on synthetic "
        "rows and, beside it, on real ones; both are tested on real rows.",
        "x-default": "none",
        "x-values": "The name of a column",
    },
    "schema": {
        "type": "object",
        "format": "declaration",
        "description": "Columns of rows that are made without an input: kinds, distributions, "
        "formulas, keys. For the data type schema; submit(schema=…) sets it too.",
        "x-default": "none",
        "x-values": 'A dict as {"columns": {"id": "id", "price": {"kind": "number", "min": 1, '
        '"max": 9}}}; see docs/schema.md',
    },
    "columns": {
        "type": "object",
        "additionalProperties": {
            "anyOf": [
                {"type": "string", "enum": list(COLUMN_KINDS)},
                {
                    "type": "object",
                    "properties": {
                        "kind": {"type": "string", "enum": list(COLUMN_KINDS)},
                        "pattern": {"type": "string", "minLength": 1, "maxLength": 200},
                    },
                    "required": ["kind"],
                    "additionalProperties": False,
                },
            ]
        },
        "description": "Kinds of columns that are detected wrongly, by the columns' names.",
        "x-default": "detected",
        "x-values": 'A dict as {"zip": "categorical"}, or with the pattern of a datetime or an id '
        'as {"when": {"kind": "datetime", "pattern": "%d.%m.%Y %H:%M"}, '
        '"order": {"kind": "id", "pattern": "ORD-####"}}; kinds are ' + ", ".join(COLUMN_KINDS),
        "x-rule": f"has to map column names to one of {', '.join(COLUMN_KINDS)}, or to an object "
        "of kind and pattern",
        "x-remedy": 'Write for example {"zip": "categorical"} or '
        '{"when": {"kind": "datetime", "pattern": "%d.%m.%Y"}}.',
    },
}
"""``preset``, ``seed``, ``entity`` and ``order`` steer the synthesizer, ``minCount`` its privacy,
``epsilon``, ``delta`` and ``bounds`` give it a formal bound, ``partRows`` and ``sampleRows`` bound
its work, ``engine`` says where it is done, ``encoding``, ``delimiter``, ``quote``, ``header`` and
``badLines`` say how to read a text file, ``exclude`` leaves columns out, ``columns`` overrides the
detected kind of a column, ``relations`` what is kept between columns, ``keys`` between tables, of
which ``rows`` says how large they become;
``schema`` declares columns without an input; ``rules`` and ``condition`` select among the rows that
are made, ``evaluate`` and ``target`` say what the report measures in addition."""

INFO = PipelineInfo(
    name="local",
    version=__version__,
    stages=(
        StageInfo(name="validate", seconds=0.1),
        StageInfo(name="read", seconds=0.3),
        StageInfo(name="fit", seconds=1.5),
        StageInfo(name="generate", seconds=0.2, seconds_per_row=1 / 200_000),
        StageInfo(name="write", seconds=0.1),
        StageInfo(name="report", seconds=0.8),
    ),
    parameters=PARAMETERS,
    data_types=DATA_TYPES,
    column_kinds=COLUMN_KINDS,
    presets=PRESETS,
    max_columns=MAX_COLUMNS,
)


def kinds_of(columns: Mapping[str, Any]) -> dict[str, str]:
    """The kinds of ``parameters.columns``, whether a pattern stands beside them or not."""
    return {name: one if isinstance(one, str) else one["kind"] for name, one in columns.items()}


def patterns_of(columns: Mapping[str, Any]) -> dict[str, str]:
    """The patterns of ``parameters.columns``."""
    return {
        name: one["pattern"]
        for name, one in columns.items()
        if not isinstance(one, str) and "pattern" in one
    }


def stated(parameters: Mapping[str, Any]) -> list[str]:
    """The relations that ``parameters.relations`` states."""
    relations = parameters.get("relations", ())
    return [] if isinstance(relations, str) else [text for text in relations if text != "auto"]


def named_columns(parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The columns that parameters name and the result has to have, each after its parameter."""
    yield from (("columns", name) for name in parameters.get("columns", {}))
    yield from (("bounds", name) for name in parameters.get("bounds", {}))
    if (entity := parameters.get("entity")) is not None:
        yield "entity", entity
    if (order := parameters.get("order")) is not None:
        yield "order", order
    if (target := parameters.get("target")) is not None:
        yield "target", target
    for text in stated(parameters):
        yield from (
            ("relations", name) for name in relation_text.columns_of(relation_text.parse(text))
        )
    for text in parameters.get("rules", ()):
        yield from (("rules", name) for name in rule_text.columns_of(rule_text.parse(text)))
    yield from (("condition", name) for name in parameters.get("condition", {}))


def privacy_of(parameters: Mapping[str, Any]) -> Privacy:
    """What a job with ``parameters.epsilon`` asks for."""
    bounds = {name: (low, high) for name, (low, high) in parameters.get("bounds", {}).items()}
    return Privacy(
        epsilon=parameters["epsilon"],
        delta=parameters.get("delta", DELTA),
        bounds=bounds,
        kinds=kinds_of(parameters.get("columns", {})),
    )


def settings_of(parameters: Mapping[str, Any]) -> Settings:
    """What the preset of a job stands for, with what its parameters say otherwise."""
    preset = SETTINGS[parameters.get("preset", PRESETS[0])]
    return Settings(
        sample_rows=parameters.get("sampleRows", preset.sample_rows),
        min_count=parameters.get("minCount", preset.min_count),
        predict=preset.predict,
    )


def fit_options(parameters: Mapping[str, Any]) -> FitOptions:
    """What a job's parameters say about how its table is fitted."""
    settings = settings_of(parameters)
    return FitOptions(
        seed=parameters.get("seed", 0),
        columns=kinds_of(parameters.get("columns", {})),
        patterns=patterns_of(parameters.get("columns", {})),
        min_count=settings.min_count,
        predict=settings.predict,
        mode=parameters.get("relations", PARAMETERS["relations"]["default"]),
        entity=parameters.get("entity"),
        order=parameters.get("order"),
    )
