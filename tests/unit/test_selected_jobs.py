"""Jobs whose rows are selected, with the real pipeline: combinations once, a rare class often."""

import os
import signal

import numpy as np
import pandas as pd
import pytest

import datagen_nb as dg
from datagen_nb.cli.main import main
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ConfigurationError, InputError, JobFailed
from datagen_nb.core.status import State
from datagen_nb.pipelines import checks

RULES = ["unique(shop, day)"]


def takings():
    """What shops take on days, a row for each of some combinations."""
    random = np.random.default_rng(5)
    rows = random.choice(60 * 400, 6_000, replace=False)
    return pd.DataFrame(
        {
            "shop": np.array([f"shop {one}" for one in range(60)])[rows % 60],
            "day": rows // 60,
            "takings": random.gamma(2, 100, len(rows)).round(2),
        }
    )


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    with dg.connect(home=home) as client:
        try:
            yield client
        finally:
            main(["stop", "--home", str(home)])


@pytest.fixture(scope="module")
def expected(client):
    """The rows of a job that nothing disturbs."""
    frame = client.submit(takings(), **ARGUMENTS).result(timeout=120).to_pandas()
    assert len(frame) == 12_000
    assert not frame.duplicated(["shop", "day"]).any()
    return frame


ARGUMENTS = {"rows": 12_000, "seed": 3, "parameters": {"part_rows": 80, "rules": RULES}}


def test_no_combination_repeats_over_many_parts(client, expected):
    """A plain job repeats many; how many rows were drawn is in the report."""
    free = client.submit(takings(), rows=12_000, seed=3).result(timeout=120).to_pandas()
    assert free.duplicated(["shop", "day"]).sum() > 1_000
    assert abs(expected.takings.mean() / free.takings.mean() - 1) < 0.05
    data = client.submit(takings(), rows=500, parameters={"rules": RULES}).result(timeout=120)
    assert data.report.selected.kept == 500 <= data.report.selected.drawn


def test_a_pause_changes_no_row(client, expected):
    """Parts that are made after it know what those before it have."""
    job = client.submit(takings(), **ARGUMENTS)
    next(status for status in job.updates() if status.rows_done > 0)
    assert job.pause().status is State.PAUSED
    job.resume()
    pd.testing.assert_frame_equal(job.result(timeout=120).to_pandas(), expected)


def test_a_worker_that_is_killed_changes_no_row(client, expected):
    """Nor do those of the next one."""
    job = client.submit(takings(), **ARGUMENTS)
    next(status for status in job.updates() if status.rows_done > 0)
    os.kill(client.info().workers[job.id], signal.SIGKILL)
    pd.testing.assert_frame_equal(job.result(timeout=120).to_pandas(), expected)


def test_too_few_combinations_end_the_job_by_name(client):
    """With how many there are and what to do; a column that is not there, at once."""
    job = client.submit(takings(), rows=200, parameters={"rules": ["unique(shop)"]})
    with pytest.raises(JobFailed, match=r"'unique\(shop\)' cannot be kept: only 60 different"):
        job.result(timeout=120)
    assert job.status.error.code == "unmet_rule"
    assert "Ask for at most 60 rows" in job.status.error.message
    with pytest.raises(InputError, match="Did you mean shop"):
        client.submit(takings(), rows=200, parameters={"rules": ["unique(shops)"]})
    with pytest.raises(ConfigurationError, match="names no column"):
        client.submit(takings(), rows=200, parameters={"rules": ["unique()"]})


def test_a_preview_keeps_the_rule(client):
    """As the job does."""
    parameters = {"rules": ["unique(shop)"]}
    config = client.configure(takings(), rows=20, parameters=parameters)
    shops = client.preview(config)["shop"]
    assert len(set(shops)) == len(shops) == 20


def payments():
    """Of which about one in 500 is a fraud, at night and in a country of its own."""
    random = np.random.default_rng(6)
    rows = 20_000
    fraud = random.random(rows) < 1 / 500
    return pd.DataFrame(
        {
            "payment": [f"P-{7 * row:07d}" for row in range(rows)],
            "amount": random.gamma(2, 40, rows).round(2),
            "country": np.where(fraud, "Z", random.choice(list("ABC"), rows)),
            "hour": np.where(fraud, random.integers(0, 4, rows), random.integers(0, 24, rows)),
            "fraud": fraud.astype(int),
        }
    )


def test_a_rare_class_is_oversampled(client):
    """In the share that was asked for, and with what goes with it; a pause changes no row."""
    arguments = {
        "rows": 4_000,
        "seed": 2,
        "parameters": {"condition": {"fraud": {"1": 0.5}}, "part_rows": 100},
    }
    data = client.submit(payments(), **arguments).result(timeout=120)
    made = data.to_pandas()
    assert (made.fraud == 1).sum() == pytest.approx(2_000, abs=2)
    frauds = made[made.fraud == 1]
    assert (frauds.country == "Z").mean() > 0.8
    assert (made[made.fraud == 0].country == "Z").mean() < 0.05
    assert made.payment.is_unique
    assert data.report.selected.drawn > 100 * data.report.selected.kept

    job = client.submit(payments(), **arguments)
    next(status for status in job.updates() if status.rows_done > 0)
    assert job.pause().status is State.PAUSED
    job.resume()
    pd.testing.assert_frame_equal(job.result(timeout=120).to_pandas(), made)


@pytest.mark.parametrize(
    ("rules", "rows", "is_refused"),
    [
        (["unique(a)"], 10, False),
        (["unique(a)"], 11, True),
        (["unique(a)", "unique(b, c)"], 6, True),
        (["unique(a)", "unique(b, c)", "a > 1"], 5, False),
        (["a > 1"], 11, False),
    ],
)
def test_more_rows_than_can_be_compared_are_refused(monkeypatch, rules, rows, is_refused):
    """Before the job, with how many there may be: each rule takes 8 bytes a row."""
    monkeypatch.setattr(checks, "MAX_COMBINATIONS", 10)
    config = JobConfiguration(
        data_size=rows,
        input_format="csv",
        output_format="csv",
        input_bucket="file",
        output_bucket="file",
        input_path="in.csv",
        output_path="out.csv",
        parameters={"rules": rules},
    )
    if not is_refused:
        checks.check_of_rules(config)
        return
    most = 10 // sum(rule.startswith("unique") for rule in rules)
    with pytest.raises(ConfigurationError, match=f"at most {most} with .* unique"):
        checks.check_of_rules(config)
