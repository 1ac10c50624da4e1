"""How a pipeline describes itself: read back, complete, and a rule for every configuration."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen_nb.core.errors import ConfigurationError
from datagen_nb.core.parameter_schema import check_schema, is_valid, problems, rule_of
from datagen_nb.core.pipeline_info import PipelineInfo, StageInfo
from datagen_nb.pipelines.built_in import INFO

ONE_STAGE = (StageInfo(name="all", seconds=1),)
GOOD = {"dataSize": 100, "inputFormat": "csv", "outputFormat": "csv", "inputPath": "a.csv"}

SCHEMAS = [
    ({"type": "integer", "minimum": 1, "maximum": 9}, [1, 9], [0, 10, 1.5, True, "1", None]),
    ({"type": "integer", "enum": [1, 2]}, [1, 2], [3, True, "1"]),
    ({"type": "number", "minimum": 0}, [0, 0.5, 10**9], [-0.1, float("nan"), True, "1"]),
    ({"type": "boolean"}, [True, False], [0, 1, "true", None]),
    ({"type": "string", "enum": ["a", "b"]}, ["a"], ["c", "", 1, None, ["a"]]),
    ({"type": "string", "minLength": 1, "maxLength": 3}, ["a", "abc"], ["", "abcd", 3]),
    ({"type": "string", "pattern": "^a+$"}, ["a", "aa"], ["b", "ab"]),
    ({"type": "string", "format": "text-encoding"}, ["latin-1"], ["none", "base64", "a\0"]),
    ({"type": "object"}, [{}, {"a": 1}], [[], "a", None]),
    (
        {"type": "object", "additionalProperties": {"type": "integer"}},
        [{}, {"a": 1}],
        [{"a": "1"}, {1: 1}, {"a": True}],
    ),
    (
        {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
            "required": ["a"],
            "additionalProperties": False,
        },
        [{"a": 1}, {"a": 1, "b": "x"}],
        [{}, {"b": "x"}, {"a": "1"}, {"a": 1, "c": 2}],
    ),
    ({"type": "array"}, [[], [1, "a"]], [{}, "a", None]),
    (
        {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2},
        [[1], [1, 2]],
        [[], [1, 2, 3], ["1"], 1],
    ),
    (
        {"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "array"}]},
        ["a", []],
        ["b", 1, None, {}],
    ),
]


@pytest.mark.parametrize(("schema", "valid", "invalid"), SCHEMAS)
def test_a_schema_takes_what_json_schema_says(schema, valid, invalid):
    """Each keyword at its bounds; every broken rule is said in words."""
    check_schema(schema)

    assert all(is_valid(schema, value) for value in valid)
    assert not any(is_valid(schema, value) for value in invalid)
    for value in invalid:
        (problem,) = problems({"x": schema}, {"x": value})
        assert problem.field == "parameters.x"
        assert problem.rule.startswith("has to ")
        assert problem.remedy


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "array", "uniqueItems": True},
        {"type": "array", "items": {"type": "string", "const": "a"}},
        {"type": ["string", "null"]},
        {"type": "string", "const": "a"},
        {"type": "integer", "multipleOf": 2},
        {"type": "string", "format": "date"},
        {"type": "object", "patternProperties": {}},
        {"type": "object", "properties": {"a": {"type": "string", "const": "a"}}},
        {"anyOf": [{"type": "string", "const": "a"}]},
        {"anyOf": [{"type": "string"}], "minLength": 1},
        {"type": "object", "additionalProperties": {"type": "string", "oneOf": []}},
    ],
)
def test_a_keyword_that_is_not_understood_is_refused(schema):
    """A rule that is not checked would be no rule."""
    with pytest.raises(ValueError, match="x"):
        PipelineInfo(name="p", version="1", stages=ONE_STAGE, parameters={"x": schema})


@pytest.mark.parametrize(
    "fields",
    [
        {"stages": ()},
        {"stages": (StageInfo(name="a", seconds=0),)},
        {"stages": ONE_STAGE * 2},
        {"stages": ONE_STAGE, "output_formats": ("xlsx",)},
    ],
)
def test_a_description_that_cannot_be_followed_is_refused(fields):
    """Stages take time and have names of their own; formats are those that tables have."""
    with pytest.raises(ValueError, match="validation error"):
        PipelineInfo(name="p", version="1", **fields)


@given(
    st.builds(
        PipelineInfo,
        name=st.text(min_size=1),
        version=st.text(),
        stages=st.lists(
            st.builds(
                StageInfo,
                name=st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True),
                seconds=st.floats(0.1, 1e6),
                seconds_per_row=st.floats(0, 1),
            ),
            min_size=1,
            max_size=5,
            unique_by=lambda stage: stage.name,
        ).map(tuple),
        parameters=st.dictionaries(
            st.text(min_size=1), st.sampled_from([schema for schema, _, _ in SCHEMAS]), max_size=4
        ),
        column_kinds=st.lists(st.text()).map(tuple),
        max_rows=st.none() | st.integers(1),
    )
)
def test_a_description_crosses_the_wire(info):
    """As JSON, whatever is in it; its weights are shares of one."""
    assert PipelineInfo.from_wire(json.loads(json.dumps(info.to_wire()))) == info
    assert sum(info.stage_weights(1_000).values()) == pytest.approx(1)


def test_a_pipeline_has_rules_of_its_own():
    """Formats, data types, rows and parameters, all of them at once and with the job's own."""
    info = PipelineInfo(
        name="p",
        version="1",
        stages=ONE_STAGE,
        parameters={"epochs": {"type": "integer", "minimum": 1, "maximum": 9}},
        data_types=("series",),
        output_formats=("parquet",),
        max_rows=50,
    )
    fields = {**GOOD, "timeout": -1, "parameters": {"epochs": 10, "epoch": 1, "seed": 1}}

    with pytest.raises(ConfigurationError) as caught:
        info.configuration({**fields, "dataType": "tabular"})

    assert {problem.field: problem.remedy for problem in caught.value.problems} == {
        "timeout": "Give a number of seconds, at most 2,592,000.",
        "dataType": "Write one of series.",
        "outputFormat": "Write one of parquet.",
        "dataSize": "Ask for fewer rows.",
        "parameters.epochs": "Correct it, or leave it out.",
        "parameters.epoch": "Did you mean epochs?",
        "parameters.seed": "Known are epochs.",
    }
    kept = {"dataType": "series", "outputFormat": "parquet", "dataSize": 50}
    config = info.configuration({**GOOD, **kept, "parameters": {"epochs": 9}})
    info.check(config)
    with pytest.raises(ConfigurationError):
        INFO.check(config)


def test_of_many_problems_all_are_counted():
    """The first are listed, of the rules of every job and of the pipeline together."""
    unknown = {f"p{number}": 1 for number in range(30)}

    with pytest.raises(ConfigurationError) as caught:
        INFO.configuration({**GOOD, "timeout": -1, "parameters": unknown})

    assert caught.value.count == 31
    assert "and 11 more" in str(caught.value)


def test_our_own_pipelines_say_what_each_parameter_is():
    """Its meaning, its values and what holds without it, for tables of parameters."""
    for name, schema in INFO.parameters.items():
        assert schema["description"], name
        assert schema["x-values"], name
        assert "default" in schema or "x-default" in schema, name
        assert rule_of(schema).startswith("has to "), name
        if "default" in schema:
            assert is_valid(schema, schema["default"]), name
