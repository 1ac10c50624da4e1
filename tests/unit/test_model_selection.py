"""Rules and conditions on the rows of a model: in a job that takes it, and without a service."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import datagen_nb as dg
from datagen_nb.cli.main import main
from datagen_nb.core.errors import ConfigurationError, InputError, JobFailed, Rejected

ROWS = 600
RULES = ["age >= 30", "email is not null"]
SHARES = {"kind": {"x": 0.8}}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    with dg.connect(home=home) as client:
        yield client
    main(["stop", "--home", str(home)])


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    path = tmp_path_factory.mktemp("input") / "people.csv"
    lines = (
        f"ID-{i:05d},{i % 60},{'xyz'[i % 3]},{f'user{i}@mail.example' if i % 4 else ''}\n"
        for i in range(ROWS)
    )
    path.write_text("id,age,kind,email\n" + "".join(lines))
    return path


@pytest.fixture(scope="module")
def job(client, people):
    job = client.submit(people, rows=200, seed=3)
    job.wait()
    return job


@pytest.fixture(scope="module")
def model(job, tmp_path_factory):
    return dg.load_model(job.model.download(tmp_path_factory.mktemp("models") / "people.model"))


def test_rows_of_a_job_from_a_model_keep_rules_and_shares(client, job, model):
    """Exactly, and they are the rows that the model in a file makes."""
    more = client.submit(
        model=job, rows=500, seed=9, parameters={"rules": RULES, "condition": SHARES}
    )
    frame = more.result().to_pandas()

    assert len(frame) == 500
    assert (frame["age"] >= 30).all()
    assert frame["email"].notna().all()
    assert (frame["kind"] == "x").sum() == 400
    assert frame["id"].is_unique
    own = model.sample(500, seed=9, rules=RULES, condition=SHARES)
    pd.testing.assert_frame_equal(frame, own)
    assert more.report.of_job == job.id
    assert more.report.selected.kept == 500
    assert more.report.selected.drawn > 500
    assert any("the report does not show" in note for note in more.report.notes)
    assert any(
        "of the model's rows break the rule 'age >= 30'" in one for one in more.status.warnings
    )


def test_a_job_after_a_selected_one_is_not_selected(client, job):
    """Rules belong to a job, not to the model that it hands on."""
    first = client.submit(model=job, rows=100, parameters={"rules": ["age < 10"]})
    again = client.submit(model=first, rows=200)

    assert again.result().to_pandas().equals(job.result().to_pandas())
    assert first.report.of_job == again.report.of_job == job.id
    assert again.report.selected is None
    assert not any("the report does not show" in note for note in again.report.notes)


@pytest.mark.parametrize(
    ("parameters", "code", "words"),
    [
        ({"rules": ["kind > 3"]}, "unfit_rule", "'kind' holds no numbers"),
        ({"rules": ['id matches "ID.*"']}, "unfit_rule", "'id' are made anew"),
        ({"condition": {"age": "old"}}, "unfit_condition", "'old' is none"),
        ({"condition": {"kind": "w"}}, "unmet_condition", "keep 'kind = w'"),
        ({"condition": {"kind": {"w": 0.5}}}, "unmet_condition", "keep 'kind = w'"),
        ({"rules": ["age > 500"]}, "unmet_rule", "keep 'age > 500'"),
    ],
)
def test_what_rows_of_a_model_cannot_keep_ends_with_a_reason(
    client, job, model, parameters, code, words
):
    """In a job and without a service alike."""
    with pytest.raises(JobFailed, match=words) as failed:
        client.submit(model=job, rows=50, parameters=parameters).result()
    with pytest.raises(InputError, match=words) as raised:
        model.sample(50, **parameters)

    assert failed.value.code == raised.value.code == code
    assert failed.value.message.endswith(raised.value.details["remedy"])


@pytest.mark.parametrize("parameters", [{"rules": ["agee > 3"]}, {"condition": {"agee": 3}}])
def test_a_column_that_a_model_lacks_is_named(client, job, model, parameters):
    """Before the job if it can be; by the job if the model was not there at that time."""
    with pytest.raises(InputError, match=r"The model has no column 'agee'\. Did you mean age\?"):
        client.submit(model=job, rows=5, parameters=parameters)
    with pytest.raises(InputError, match=r"the model does not have\. Did you mean 'age'") as raised:
        model.sample(5, **parameters)
    assert raised.value.code == "unknown_column"


def test_a_model_that_is_not_there_yet_is_looked_at_by_the_job(client, people):
    """What was accepted fails with the same code."""
    first = client.submit(people, rows=20_000)
    later = client.submit(model=first, rows=5, parameters={"rules": ["agee > 3"]})
    with pytest.raises(JobFailed) as failed:
        later.result()
    assert failed.value.code == "unknown_column"


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"rules": ["age >"]}, ConfigurationError, "rules = 'age >': is no rule"),
        ({"rules": "age > 3"}, ConfigurationError, "has to be a list of rules"),
        ({"condition": {"kind": None}}, ConfigurationError, "condition = "),
        ({"condition": {"kind": {"x": 2}}}, ConfigurationError, "from 0 to 1"),
        ({"condition": {"kind": {"x": 0.7, "y": 0.7}}}, Rejected, "at most 1"),
        ({"rules": ['kind matches "("']}, Rejected, "RE2"),
    ],
)
def test_what_is_no_rule_is_refused_without_a_service(model, arguments, error, words):
    """As a job's parameters are."""
    with pytest.raises(error, match=words):
        model.sample(5, **arguments)


def test_a_selection_of_what_all_rows_keep_changes_nothing(model):
    """The rows are those that are made without it."""
    assert model.sample(300, rules=["age >= 0"]).equals(model.sample(300))


def test_rows_of_a_series_are_not_selected(client, tmp_path):
    """They would have holes: a job and a model in a file say so."""
    days = pd.date_range("2024-01-01", periods=100)
    random = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "meter": np.repeat([f"M{i}" for i in range(8)], 100),
            "at": np.tile(days, 8),
            "power": random.normal(50, 5, 800),
        }
    )
    job = client.submit(table, rows=300, data_type="timeseries")
    job.wait()
    model = dg.load_model(job.model.download(tmp_path / "meters.model"))

    with pytest.raises(JobFailed, match="holes in series") as failed:
        client.submit(model=job, rows=50, parameters={"rules": ["power > 50"]}).result()
    with pytest.raises(InputError, match="holes in series") as raised:
        model.sample(50, condition={"meter": "M1"})
    assert failed.value.code == raised.value.code == "unfit_rule"


def test_rows_of_a_private_model_are_selected(client, people, tmp_path):
    """They were made of noisy counts already: to choose among them looks at nothing more."""
    job = client.submit(people, rows=100, parameters={"epsilon": 5, "exclude": ["id", "email"]})
    job.wait()
    model = dg.load_model(job.model.download(tmp_path / "private.model"))
    parameters = {"rules": ["age >= 20"], "condition": {"kind": "x"}}

    more = client.submit(model=job, rows=80, parameters=parameters).result().to_pandas()

    assert (more["age"] >= 20).all()
    assert (more["kind"] == "x").all()
    pd.testing.assert_frame_equal(more, model.sample(80, **parameters))


def test_jobs_of_one_model_with_two_seeds_can_be_put_together(client, job, model, people):
    """No identifier stands in both results, and none is one of the table."""
    one, other = (
        client.submit(model=job, rows=100, seed=seed).result().to_pandas() for seed in (7, 8)
    )

    known = set(pd.read_csv(people)["id"])
    both = pd.concat([one, other])
    assert set(one["id"]).isdisjoint(known)
    assert set(other["id"]).isdisjoint(known)
    assert (one["id"] != other["id"]).all()
    assert both["id"].nunique() > 195
    pd.testing.assert_frame_equal(other, model.sample(100, seed=8))
