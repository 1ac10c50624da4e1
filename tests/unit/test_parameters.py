"""The parameters in Python: each documented, in snake_case, and wrong names refused early."""

from contextlib import nullcontext

import pandas as pd
import pyarrow as pa
import pytest

import datagen_nb as dg
from datagen_nb.core.errors import ConfigurationError, InputError
from datagen_nb.core.wire_model import to_wire_name
from datagen_nb.pipelines import built_in

FRAME = pd.DataFrame({"price": [1.5, 2.0, 3.5], "cut": ["a", "b", "a"]})


@pytest.fixture
def client():
    with dg.connect("mock", speed=1000) as client:
        yield client


def test_every_parameter_is_documented():
    """Meaning, values and default of each that the pipeline knows, as text and as a table."""
    assert {to_wire_name(name) for name in dg.PARAMETERS} == set(built_in.PARAMETERS)
    html = dg.PARAMETERS._repr_html_()
    for name, parameter in dg.PARAMETERS.items():
        assert parameter.meaning
        assert parameter.values
        assert parameter.default
        assert name in repr(dg.PARAMETERS)
        assert name in html


def test_parameters_are_snake_case_in_python(client):
    """And have the specification's names on the wire; those are pointed away from."""
    config = client.configure(FRAME, rows=5, parameters={"sample_rows": 200, "bad_lines": "skip"})
    assert config.parameters == {"sampleRows": 200, "badLines": "skip"}
    with pytest.raises(ConfigurationError, match="Did you mean sample_rows"):
        client.submit(FRAME, rows=5, parameters={"sampleRows": 200})
    with pytest.raises(ConfigurationError, match=r"parameters\.part_rows = 0"):
        client.submit(FRAME, rows=5, parameters={"part_rows": 0})


def test_a_column_that_is_not_there_is_refused_before_the_job(client):
    """The nearest name is the remedy."""
    for source in (FRAME, pa.Table.from_pandas(FRAME)):
        for parameters in (
            {"columns": {"prize": "numeric"}},
            {"entity": "prize"},
            {"relations": ["prize -> cut"]},
            {"exclude": ["cut", "prize"]},
            {"rules": ["cut is not null", "prize > 0"]},
            {"condition": {"prize": 2}},
        ):
            with pytest.raises(InputError, match="Did you mean price"):
                client.submit(source, rows=5, parameters=parameters)
    assert client.jobs.last() is None
    client.submit(FRAME, rows=5, parameters={"columns": {"price": "numeric"}})


def test_every_problem_is_raised_at_once(client):
    """A parameter that is not known hides no other problem."""
    with pytest.raises(ConfigurationError) as caught:
        client.configure(FRAME, rows=-1, parameters={"presett": "balanced"})
    assert [problem.field for problem in caught.value.problems] == ["rows", "parameters.presett"]


@pytest.mark.parametrize(
    ("code", "is_refused"),
    [("unknown_column", True), ("broken_relation", True), ("wrong_pattern", True), ("late", False)],
)
def test_a_file_is_looked_at_for_its_columns(client, tmp_path, monkeypatch, code, is_refused):
    """What else is wrong with it is for the job to meet."""
    path = tmp_path / "t.csv"
    FRAME.to_csv(path, index=False)

    async def refuse(_plans, _config):
        raise InputError("No.", code=code)

    service = client.asynchronous._service
    monkeypatch.setattr(type(service.plans), "inspect", refuse)
    with pytest.raises(InputError) if is_refused else nullcontext():
        client.submit(path, rows=5, parameters={"columns": {"prize": "numeric"}})
    with pytest.raises(InputError) if is_refused else nullcontext():
        client.submit(FRAME, rows=5, parameters={"relations": ["price -> cut"]})


def test_a_relation_that_cannot_be_read_is_refused_by_its_text(client):
    """Each of a list is a problem of its own."""
    texts = ["cut -> price", "price =", "price of cut"]
    with pytest.raises(ConfigurationError) as caught:
        client.configure(FRAME, rows=5, parameters={"relations": texts})
    assert [problem.value for problem in caught.value.problems] == ["'price ='", "'price of cut'"]
    assert {problem.field for problem in caught.value.problems} == {"parameters.relations"}
