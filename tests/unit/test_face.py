"""What is returned reads well in a notebook, and works as a data scientist expects."""

import io

import pandas as pd
import pytest

import datagen_nb as dg


@pytest.fixture
def job(tmp_path):
    with dg.connect("mock", speed=1000) as client:
        frame = pd.DataFrame({"age": range(40), "member": [True, False] * 20})
        yield client.submit(frame, rows=50).wait()


def test_a_status_is_one_line_and_compares_with_the_name_of_its_state(job):
    """A name that is no state is an error, not False."""
    assert repr(job.status) == f"<JobStatus {job.id} completed, 100 %, 50 of 50 rows>"
    assert job.status == "completed"
    assert job.status != "failed"
    assert hash(job.status) == hash(job.status)
    with pytest.raises(ValueError, match="no state 'done'"):
        assert job.status == "done"


def test_a_result_has_columns_and_writes_csv(job, tmp_path):
    """As a frame does; a wrong name gets the nearest one."""
    data = job.result()
    assert isinstance(data["amount"], pd.Series)
    assert list(data[["paid", "amount"]].columns) == ["paid", "amount"]
    with pytest.raises(dg.errors.InputError, match="Did you mean amount"):
        data["amuont"]
    assert len(pd.read_csv(io.StringIO(data.to_csv()))) == len(data) == 50
    assert data.to_csv(tmp_path / "out.csv") is None
    assert len(pd.read_csv(tmp_path / "out.csv")) == 50


def test_tab_completes_what_is_useful(job):
    """Fields and our own methods; nothing of pydantic."""
    for value in (job.status, job.asynchronous.status.metadata, job.client.limits()):
        assert "to_wire" in dir(value)
        assert set(type(value).model_fields) <= set(dir(value))
        assert not {"parse_obj", "from_orm", "model_dump"} & set(dir(value))
