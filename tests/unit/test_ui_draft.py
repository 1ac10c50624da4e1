"""A draft: what is wrong with it, and the cell that makes the same configuration."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import datagen_nb as dg
from datagen_nb.core.config import (
    JobConfiguration,
)
from datagen_nb.core.formats import FORMATS
from datagen_nb.core.quoting import python
from datagen_nb.pipelines.built_in import COLUMN_KINDS, INFO
from datagen_nb.ui.draft import (
    SelectedSource,
    code_of,
    edited,
    fields_of,
    fields_of_arguments,
    problems_of,
    target_of,
)

WHOLE = {"inputPath": "a.csv", "inputFormat": "csv", "outputFormat": "csv", "dataSize": 10}


def test_a_draft_without_a_table_has_one_problem():
    """Not one for each field that follows from the table."""
    (problem,) = problems_of({"parameters": {}}, INFO)

    assert problem.field == "inputPath"
    assert "Drop a file" in problem.remedy


def test_every_problem_is_reported_at_once():
    """Of a whole draft, and of one without a table alike."""
    wrong = {"dataSize": "many", "tags": "x", "parameters": {"seed": -1}}

    reported = {problem.field for problem in problems_of({**WHOLE, **wrong}, INFO)}
    early = {problem.field for problem in problems_of(wrong, INFO)}

    assert reported == {"dataSize", "tags", "parameters.seed"}
    assert early == {"inputPath", *reported}


def test_changes_are_laid_over_and_none_takes_away():
    """Fields and parameters alike; the draft before is left as it was."""
    before = {**WHOLE, "name": "x", "parameters": {"seed": 3, "preset": "balanced"}}

    after = edited(before, {"name": None, "dataSize": 5, "parameters": {"seed": None}})

    assert after == {**WHOLE, "dataSize": 5, "parameters": {"preset": "balanced"}}
    assert before["parameters"]["seed"] == 3


def test_arguments_of_submit_become_fields(tmp_path, monkeypatch):
    """In the caller's words; what is not known is said so."""
    monkeypatch.chdir(tmp_path)

    arguments = fields_of_arguments(
        {"rows": 3, "seed": 1, "output": "o.csv"}, INFO, shares_files=True
    )

    assert arguments == {
        "dataSize": 3,
        "outputBucket": "file",
        "outputPath": str(tmp_path / "o.csv"),
        "parameters": {"seed": 1},
    }
    assert target_of(" ", shares_files=True) == {"outputBucket": None, "outputPath": None}
    assert target_of("o.csv", shares_files=False)["outputBucket"] == "default"
    with pytest.raises(TypeError, match="rowz"):
        fields_of_arguments({"rowz": 3}, INFO, shares_files=True)


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)


choices = st.fixed_dictionaries(
    {
        "data_size": st.integers(1, 10**10),
        "output_format": st.sampled_from(sorted(FORMATS)),
        "timeout": st.sampled_from([3600, 60, 1.5]),
        "resume_window": st.sampled_from([86_400, 3600.0]),
        "name": st.one_of(st.just("in"), texts),
        "tags": st.lists(texts.filter(bool), max_size=3).map(tuple),
    }
)
outputs = st.sampled_from(["", "o.csv", "deep/er/o.parquet", "it's.json", "/else/where.csv"])
steering = st.fixed_dictionaries(
    {},
    optional={
        "seed": st.integers(0, 2**63 - 1),
        "columns": st.dictionaries(texts, st.sampled_from(COLUMN_KINDS), max_size=3),
    },
)


@given(chosen=choices, output=outputs, parameters=steering)
def test_the_cell_makes_the_same_configuration(chosen, output, parameters):
    """Whatever was chosen: run, it submits just that."""
    wanted = JobConfiguration(
        **chosen,
        input_format="csv",
        input_bucket="file",
        input_path=str(Path("in.csv").absolute()),
        parameters=parameters,
        **{k: v for k, v in target_of(output, shares_files=True).items() if v is not None},
    )

    def submit(source, **arguments):
        if isinstance(source, JobConfiguration):
            return source
        fields = {**WHOLE, "inputBucket": "file", "inputPath": str(Path(source).absolute())}
        fields |= {"name": "in", "parameters": {}}
        ending = arguments.get("output", "in.csv").rpartition(".")[2]
        return JobConfiguration.model_validate(
            edited(
                fields,
                {"outputFormat": ending} | fields_of_arguments(arguments, INFO, shares_files=True),
            )
        )

    room = {"dg": dg, "client": SimpleNamespace(submit=submit)}
    exec(code_of(wanted, SelectedSource('"in.csv"', "in", "in.csv", "csv")), room)

    assert room["job"] == wanted
    assert JobConfiguration.model_validate(fields_of(wanted)) == wanted


def test_parameters_are_written_as_python_writes_them():
    """In what a cell says and in what a caller of ``update`` says."""
    config = JobConfiguration(
        data_size=10, input_format="csv", output_format="csv", input_path="a.csv", name="a",
        input_bucket="file", parameters={"badLines": "skip"},
    )  # fmt: skip
    written = code_of(config, SelectedSource('"a.csv"', "a", "a.csv", "csv"))
    assert 'parameters={"bad_lines": "skip"}' in written
    arguments = fields_of_arguments({"parameters": {"bad_lines": "skip"}}, INFO, shares_files=True)
    assert arguments["parameters"] == {"badLines": "skip"}
    with pytest.raises(dg.errors.ConfigurationError, match="bad_lines"):
        fields_of_arguments({"parameters": {"badLines": "skip"}}, INFO, shares_files=True)


def test_the_cell_of_an_upload_names_its_file():
    """The digest that the service knows it by says nothing elsewhere."""
    config = JobConfiguration(
        data_size=10, input_format="csv", output_format="csv", input_path="inputs/5f.csv", name="a"
    )
    chosen = SelectedSource('"a.csv"', "a", "a.csv", "csv", is_upload=True)
    assert code_of(config, chosen) == (
        '# Needs "a.csv" beside this notebook.\njob = client.submit("a.csv", rows=10)'
    )


values = st.recursive(
    st.one_of(texts, st.integers(), st.booleans()),
    lambda deep: st.one_of(st.lists(deep), st.dictionaries(texts, deep)),
    max_leaves=6,
)


@given(values)
def test_a_value_as_python_is_that_value(value):
    """Quotes of both kinds, line ends and other scripts included."""
    assert eval(python(value)) == value
