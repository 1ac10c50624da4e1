"""The configuration: every rule holds, all problems come at once, every writing reads back."""

import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import datagen_nb as dg
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.config_rules import DAY, FIELDS, MAX_PREDECESSORS, MAX_ROWS, MAX_SEED
from datagen_nb.core.errors import ConfigurationError
from datagen_nb.core.formats import FORMATS, format_of
from datagen_nb.pipelines.built_in import COLUMN_KINDS, INFO, PARAMETERS

GOOD = {
    "dataSize": 100,
    "inputFormat": "csv",
    "outputFormat": "parquet",
    "inputPath": "in.csv",
}
LOOP: dict = {}
LOOP["self"] = LOOP


def problems_of(data):
    """Of the rules of every job and of those of our pipelines."""
    with pytest.raises(ConfigurationError) as raised:
        INFO.configuration(data)
    return raised.value.problems


def test_what_is_left_out_has_the_documented_defaults():
    """The four required fields are enough."""
    config = JobConfiguration.from_wire(GOOD)
    assert config == JobConfiguration(
        data_type="tabular",
        data_size=100,
        input_format="csv",
        output_format="parquet",
        input_bucket="default",
        output_bucket="default",
        input_path="in.csv",
        output_path="",
        is_async=True,
        timeout=3600,
        resume_window=DAY,
        parameters={},
        name="",
        tags=(),
        after=(),
        after_failure="fail",
        overwrite=False,
        output_mode=None,
    )


def test_the_wire_names_are_the_specifications():
    """Section 1.1, and the eight fields we add; a file's mode is sent only where one is set."""
    assert list(JobConfiguration.from_wire(GOOD).to_wire()) == [
        "dataType",
        "dataSize",
        "inputFormat",
        "outputFormat",
        "inputBucket",
        "outputBucket",
        "inputPath",
        "outputPath",
        "isAsync",
        "timeout",
        "resumeWindow",
        "parameters",
        "name",
        "tags",
        "after",
        "afterFailure",
        "overwrite",
    ]
    made = JobConfiguration.from_wire({**GOOD, "outputMode": 0o640})
    assert list(FIELDS) == list(made.to_wire())


KEPT = [
    ("dataType", ["tabular"]),
    ("dataSize", [1, MAX_ROWS]),
    ("inputFormat", list(FORMATS)),
    ("outputFormat", list(FORMATS)),
    ("inputBucket", ["b", "b" * 200]),
    ("outputBucket", ["b", "b" * 200]),
    ("inputPath", ["p", "ü" * 4096]),
    ("outputPath", ["", "p" * 4096]),
    ("isAsync", [True, False]),
    ("timeout", [1, 1.5, 30 * DAY]),
    ("resumeWindow", [1, 180 * DAY]),
    ("parameters", [{}, {"seed": 1}]),
    ("name", ["", "n" * 200]),
    ("tags", [[], ["a"] * 20, ["a" * 100]]),
    ("after", [[], ["j_1", "j_2"], [f"j_{place}" for place in range(MAX_PREDECESSORS)]]),
    ("afterFailure", ["fail", "run"]),
    ("overwrite", [True, False]),
    ("outputMode", [0, 0o640, 0o777]),
]
BROKEN = [
    ("dataType", ["image", "", None, 1]),
    ("dataSize", [0, -1, MAX_ROWS + 1, 1.0, "10", None, True]),
    ("inputFormat", ["xls", "CSV", "", None, ["csv"]]),
    ("outputFormat", ["xls", "CSV", "", None, ["csv"]]),
    ("inputBucket", ["", "b" * 201, None, 3, "a\0b"]),
    ("outputBucket", ["", "b" * 201, None, 3, "a\0b"]),
    ("inputPath", ["", "p" * 4097, None, b"in.csv", "a\0b"]),
    ("outputPath", ["p" * 4097, None, 1, "a\0b"]),
    ("isAsync", [0, 1, "true", None]),
    ("timeout", [0, 0.5, -1, 30 * DAY + 1, float("nan"), float("inf"), "60", None, True]),
    ("resumeWindow", [0, -1, 180 * DAY + 1, float("nan"), "60", None, True]),
    ("parameters", [None, [], "seed=1"]),
    ("name", ["n" * 201, None, 5, "a\0b", "\ud800"]),
    ("tags", ["a", ["a"] * 21, [""], ["a" * 101], [1], None, ["\ud800"]]),
    ("after", ["j_1", ["j_1", "j_1"], [""], ["j" * 65], [1], None, list(map(str, range(51)))]),
    ("afterFailure", ["", "skip", None, True]),
    ("overwrite", [0, 1, "yes", None]),
    ("outputMode", [-1, 0o1000, "644", True, 1.0]),
]
PARAMETERS_KEPT = [
    ("preset", ["balanced", "fast", "accurate", "private"]),
    ("seed", [0, MAX_SEED]),
    ("partRows", [1, 10_000_000]),
    ("engine", ["local", "dask"]),
    ("sampleRows", [100, 10_000_000]),
    ("encoding", ["utf-8", "latin-1", "utf-16"]),
    ("delimiter", [";", "\t", "|"]),
    ("quote", ["'", "^"]),
    ("header", [True, False]),
    ("badLines", ["error", "skip"]),
    ("minCount", [1, 5, 1_000]),
    ("epsilon", [0.01, 1, 2.5, 100]),
    ("delta", [1e-15, 1e-9, 1e-3]),
    ("bounds", [{}, {"age": [0, 120], "since": ["2000-01-01", "2030-01-01"]}]),
    ("exclude", [[], ["name"], ["user.email", "a b", "a"], ["c"] * 5_000]),
    ("entity", ["customer_id"]),
    ("order", ["at"]),
    ("keys", [["orders.customer_id -> customers.id"]]),
    ("rows", [{"customers": 1}, {"customers": 5_000, "products": 20}]),
    ("relations", ["auto", "off", [], ["auto", "end >= start"], ["a -> b", 'c = a * "x y"']]),
    (
        "rules",
        [
            *[[], ["a >= 0"], ["a + b != c * 2", 'end > on("2024-01-01")']],
            *[["a between -1 and 2"], ['a in (x, "y z", -1)', "a not in (x)"], ["a is not null"]],
            *[['a matches "[0-9]+"', 'a not matches "x\\"y"'], ["a = b"] * 100],
        ],
    ),
    (
        "condition",
        [{}, {"a": "B", "b": 1, "c": 2.5, "d": False}, {"a": {"x": 0.5, "y": 0.5}}, {"a": {"": 1}}],
    ),
    ("evaluate", [[], ["detection"], ["membership", "detection"]]),
    ("target", ["price"]),
    (
        "schema",
        [
            {"columns": {"id": "id"}},
            {"locale": "de", "columns": {"a": {"kind": "number", "min": 0, "max": 1}}},
        ],
    ),
    (
        "columns",
        [
            {},
            {"zip": "categorical"},
            {kind: kind for kind in COLUMN_KINDS},
            {"at": {"kind": "datetime", "pattern": "%d.%m.%Y"}},
            {"at": {"kind": "id"}},
        ],
    ),
]
PARAMETERS_BROKEN = [
    ("preset", ["best", None, 1]),
    ("seed", [-1, MAX_SEED + 1, 1.5, "7", None, True]),
    ("partRows", [0, 10_000_001, 1.5, None]),
    ("engine", ["spark", "", None, 1]),
    ("sampleRows", [99, 10_000_001, None]),
    ("encoding", ["utf-9", "", None, 8, "base64", "rot13", "utf\x008", "\ud800"]),
    ("delimiter", ["", ";;", "\n", "\r", '"', None, 1, "\ud800", "é", "\0"]),
    ("quote", ["", ",", ";", "''", 1]),
    ("header", ["yes", 1, None]),
    ("badLines", ["warn", None, True]),
    ("minCount", [0, 1_001, 2.5, "5", None]),
    ("epsilon", [0, -1, 0.001, 101, float("inf"), float("nan"), "1", None, True]),
    ("delta", [0, 1, -1e-9, "1e-9", None]),
    ("bounds", [[], None, {"age": 1}, {"age": [1]}, {"age": [1, 2, 3]}, {"age": [None, 1]}]),
    ("exclude", ["name", None, {"a": 1}, [1], [""], [None], [["a"]], ["c"] * 5_001]),
    ("entity", ["", None, 1]),
    ("order", ["", None, 1]),
    ("keys", [[], [""], [1], "a.b -> c.d", None]),
    ("rows", [{"customers": 0}, {"customers": 1.5}, {"customers": None}, [5], 5]),
    ("relations", ["on", "", None, 1, ["a"], ["a = "], [1], ["a = b"] * 101, {"a": "b"}]),
    (
        "rules",
        [
            *["a > 0", None, {"a": 1}, [1], [""], ["a"], ["a >"], ["1 > 2"], ["a > 0 and b > 0"]],
            *[["a is null"], ["a in ()"], ["a in (x"], ["a matches x"], ["a + 1 in (2)"]],
            *[['a matches "' + "x" * 201 + '"'], ["(" * 31 + "a" + ")" * 31 + " > 0"]],
            *[["a = b"] * 101, ["a > 0 " + " " * 1_000], ["a -> b"], ["\ud800 > 0"], ["a > 0;"]],
        ],
    ),
    (
        "condition",
        [
            *["a = 1", None, [], [1], {"a": None}, {"a": [1]}, {"a": ""}, {1: "a"}],
            *[{"a": {"x": 1.5}}, {"a": {"x": -0.1}}, {"a": {"x": "1"}}, {"a": {"x": {"y": 1}}}],
        ],
    ),
    ("evaluate", ["detection", None, ["utility"], [1], ["detection"] * 3, {"detection": 1}]),
    ("target", ["", None, 1, ["price"]]),
    ("schema", [None, [], [{"a": "id"}], "columns.yaml", 5]),  # tests/unit/test_declaration.py
    (
        "columns",
        [
            *[{"a": "number"}, [], None, {1: "text"}, {"a": ["text"]}, {"\ud800": "text"}],
            *[{"a": {"pattern": "x"}}, {"a": {"kind": "id", "pattern": ""}}],
            *[{"a": {"kind": "id", "form": "x"}}, {"a": {"kind": "key"}}],
        ],
    ),
]


def each(table):
    return [(name, value) for name, values in table for value in values]


@pytest.mark.parametrize(("name", "value"), each(KEPT))
def test_a_field_takes_what_its_rule_allows(name, value):
    """Up to the very bound."""
    config = INFO.configuration({**GOOD, name: value})
    assert config.to_wire()[name] == value


@pytest.mark.parametrize(("name", "value"), each(BROKEN))
def test_a_field_refuses_what_its_rule_forbids(name, value):
    """One problem, of that field, with its value, rule and remedy."""
    (problem,) = problems_of({**GOOD, name: value})
    assert problem.field == name or problem.field.startswith(f"{name}.")
    assert problem.value
    assert problem.rule
    assert problem.remedy


@pytest.mark.parametrize(("name", "value"), each(PARAMETERS_KEPT))
def test_a_parameter_takes_what_its_rule_allows(name, value):
    """Up to the very bound."""
    config = INFO.configuration({**GOOD, "parameters": {name: value}})
    assert config.parameters == {name: value}


@pytest.mark.parametrize(("name", "value"), each(PARAMETERS_BROKEN))
def test_a_parameter_refuses_what_its_rule_forbids(name, value):
    """The problem names the parameter, dotted, or says that it is no JSON."""
    problems = problems_of({**GOOD, "parameters": {name: value}})
    assert {problem.field for problem in problems} <= {f"parameters.{name}", "parameters"}
    assert all(problem.rule and problem.remedy for problem in problems)


def test_every_rule_is_tested_here_both_ways():
    """A field or parameter that is added has to be added above."""
    for fields, rules in (
        ((KEPT, BROKEN), FIELDS),
        ((PARAMETERS_KEPT, PARAMETERS_BROKEN), PARAMETERS),
    ):
        for table in fields:
            assert [name for name, _ in table] == list(rules)


@pytest.mark.parametrize("name", GOOD)
def test_a_required_field_that_is_missing_is_reported(name):
    """It says that it is required, not that ``None`` is wrong."""
    (problem,) = problems_of({key: value for key, value in GOOD.items() if key != name})
    assert (problem.field, problem.value, problem.rule) == (name, "(missing)", "is required")


def test_all_problems_are_reported_at_once():
    """One round is enough to correct a configuration, however much is wrong with it."""
    problems = problems_of(
        {
            "dataSize": 0,
            "inputFormat": "xls",
            "outputFormat": "csv",
            "timeout": -1,
            "outputBuckett": "b",
            "parameters": {"seed": -1, "presett": "balanced", "delimiter": ";;"},
        }
    )
    assert [problem.field for problem in problems] == [
        "dataSize",
        "inputFormat",
        "inputPath",
        "timeout",
        "outputBuckett",
        "parameters.seed",
        "parameters.delimiter",
        "parameters.presett",
    ]


@pytest.mark.parametrize(
    ("data", "field", "near"),
    [
        ({"outputBuckett": "b"}, "outputBuckett", "outputBucket"),
        ({"tag": ["a"]}, "tag", "tags"),
        ({"parameters": {"sead": 1}}, "parameters.sead", "seed"),
        ({"parameters": {"part_rows": 1}}, "parameters.part_rows", "partRows"),
    ],
)
def test_a_slip_of_the_pen_gets_the_right_name(data, field, near):
    """The remedy asks whether the near name was meant."""
    (problem,) = problems_of({**GOOD, **data})
    assert (problem.field, problem.remedy) == (field, f"Did you mean {near}?")


def test_a_name_that_is_near_to_none_gets_the_list():
    """Nothing is guessed from afar."""
    (problem,) = problems_of({**GOOD, "parameters": {"zzz": 1}})
    assert problem.remedy == f"Known are {', '.join(PARAMETERS)}."


@pytest.mark.parametrize("value", [LOOP, {"seed": float("nan")}, {"seed": object()}, {"a": {1}}])
def test_parameters_have_to_be_json(value):
    """What no wire can carry is a problem and not a crash."""
    assert "parameters" in {p.field for p in problems_of({**GOOD, "parameters": value})}


def test_parameters_nested_beyond_reason_are_a_problem():
    """Not a ``RecursionError``."""
    deep: dict = {}
    for _ in range(100_000):
        deep = {"a": deep}
    assert "parameters" in {p.field for p in problems_of({**GOOD, "parameters": deep})}
    while deep:  # taken apart from outside: dropping it whole would be as deep
        deep = deep["a"]


def test_the_result_must_not_replace_the_input():
    """Same bucket, same name; the same name elsewhere is fine."""
    (problem,) = problems_of({**GOOD, "outputPath": "in.csv"})
    assert (problem.field, problem.rule) == ("outputPath", "must not be the input")
    JobConfiguration.from_wire({**GOOD, "outputPath": "in.csv", "outputBucket": "other"})


@pytest.mark.parametrize("data", [None, [], 3, "text"])
def test_what_is_no_object_is_reported_as_such(data):
    """Programs send all sorts of things."""
    with pytest.raises(ConfigurationError) as raised:
        JobConfiguration.model_validate(data)
    assert [problem.field for problem in raised.value.problems] == ["configuration"]


def test_a_long_value_is_shortened_in_the_message():
    """A problem fits on a screen."""
    (problem,) = problems_of({**GOOD, "name": "n" * 10_000})
    assert len(problem.value) <= 80


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.csv", "csv"),
        ("a.b/c.PARQUET", "parquet"),
        ("x.pq", "parquet"),
        ("x.ndjson", "jsonl"),
        ("x.jsonl", "jsonl"),
        ("x.json", "json"),
        ("x.tsv", "csv"),
        ("x.TXT", "csv"),
        ("x.csv.gz", "csv"),
        ("x.parquet.gz", None),
        ("x.gz", None),
        ("x.xlsx", None),
        ("csv", None),
        ("", None),
    ],
)
def test_a_format_is_known_by_its_ending(path, name):
    """Whatever the case; an unknown ending names none."""
    assert format_of(path) == name


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
words = texts.filter(bool)
configurations = st.fixed_dictionaries(
    {
        "data_size": st.integers(1, MAX_ROWS),
        "input_format": st.sampled_from(list(FORMATS)),
        "output_format": st.sampled_from(list(FORMATS)),
        "input_bucket": words,
        "output_bucket": words,
        "input_path": words,
        "output_path": st.just(""),
        "is_async": st.booleans(),
        "timeout": st.floats(1, 30 * DAY),
        "resume_window": st.one_of(st.integers(1, 180 * DAY), st.floats(1, 180 * DAY)),
        "parameters": st.fixed_dictionaries(
            {},
            optional={
                "seed": st.integers(0, MAX_SEED),
                "partRows": st.integers(1, 10_000_000),
                "delimiter": st.sampled_from([";", "\t", "|", "\x1f", "~"]),
                "encoding": st.just("latin-1"),
                "columns": st.dictionaries(texts, st.sampled_from(COLUMN_KINDS), max_size=3),
            },
        ),
        "name": texts,
        "tags": st.lists(words, max_size=4).map(tuple),
    }
).map(lambda fields: JobConfiguration(**fields))


@given(configurations)
def test_a_configuration_survives_every_writing(config):
    """JSON, a JSON object, YAML and Python code each give back an equal one."""
    assert JobConfiguration.from_wire(config.to_json()) == config
    assert JobConfiguration.from_wire(json.loads(json.dumps(config.to_wire()))) == config
    assert JobConfiguration.from_yaml(config.to_yaml()) == config
    room = {"dg": dg, "client": SimpleNamespace(submit=lambda config: config)}
    exec(config.to_code(), room)
    assert room["job"] == config


def test_the_code_says_only_what_differs_from_the_defaults():
    """What a person would have typed."""
    config = JobConfiguration.from_wire({**GOOD, "parameters": {"seed": 7}})
    assert config.to_code() == (
        "config = dg.JobConfiguration(\n"
        "    data_size=100,\n"
        '    input_format="csv",\n'
        '    output_format="parquet",\n'
        '    input_path="in.csv",\n'
        '    parameters={"seed": 7},\n'
        ")\n"
        "job = client.submit(config)"
    )


def test_the_code_of_a_file_is_a_call_of_submit(tmp_path, monkeypatch):
    """Its path as seen from here, and Python's names."""
    monkeypatch.chdir(tmp_path)
    given_parameters = {"seed": 7, "badLines": "skip"}
    path = str(tmp_path / "in.csv")
    config = JobConfiguration.from_wire(
        {
            **GOOD,
            "inputBucket": "file",
            "inputPath": path,
            "name": "in",
            "parameters": given_parameters,
        }
    )
    assert config.to_code() == (
        "job = client.submit(\n"
        '    "in.csv",\n'
        "    rows=100,\n"
        "    seed=7,\n"
        '    format="parquet",\n'
        '    parameters={"bad_lines": "skip"},\n'
        ")"
    )


def test_yaml_may_be_short_and_hand_written():
    """Wire names, defaults left out."""
    text = "dataSize: 1_000\ninputFormat: csv\noutputFormat: csv\ninputPath: in.csv\n"
    assert JobConfiguration.from_yaml(text).data_size == 1000


@pytest.mark.parametrize(
    "text",
    [
        "dataSize: [1",
        "a: b: c",
        "\tdataSize: 1",
        "{[1, 2]: 3}",
        "!!python/object:os.system {}",
        "name: \x07",
        "name: 2026-99-99",
        "name: 0b_",
        "[" * 5000,
        "a: &a [*a]\n? *a\n: 1",
    ],
)
def test_what_is_not_yaml_is_reported_and_where(text):
    """One problem of the whole, never a parser's own exception."""
    with pytest.raises(ConfigurationError) as raised:
        JobConfiguration.from_yaml(text)
    (problem,) = raised.value.problems
    assert problem.field == "configuration"
    assert problem.rule.startswith("is not YAML")


@pytest.mark.parametrize("text", ["", "just words", "- a\n- b", "3"])
def test_yaml_that_is_no_mapping_is_reported(text):
    """Valid YAML need not be a configuration."""
    with pytest.raises(ConfigurationError) as raised:
        JobConfiguration.from_yaml(text)
    assert raised.value.problems[0].rule == "has to be an object"


def test_a_configuration_cannot_be_changed_in_place():
    """``model_copy`` makes another."""
    with pytest.raises(ValueError, match="frozen"):
        JobConfiguration.from_wire(GOOD).data_size = 5


@pytest.mark.parametrize("path", ["jobs", "jobs/j_1/manifest.json", "inputs/x.csv", "./uploads/a"])
def test_a_result_is_not_named_into_what_the_service_keeps_for_itself(path):
    """A job could otherwise overwrite what another one made; elsewhere any name goes."""
    usual = {"dataSize": 1, "inputFormat": "csv", "outputFormat": "csv", "inputPath": "in.csv"}
    with pytest.raises(ConfigurationError, match="must not lie in"):
        JobConfiguration.from_wire({**usual, "outputPath": path})
    JobConfiguration.from_wire({**usual, "outputPath": f"mine/{path}"})
    JobConfiguration.from_wire({**usual, "outputPath": path, "outputBucket": "file"})
