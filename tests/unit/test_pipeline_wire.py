"""What crosses the seam of a pipeline crosses a wire too: as JSON, and back as it was."""

import json
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen_nb.buckets.local import LocalBucket, LocalFiles
from datagen_nb.buckets.registry import open_bucket
from datagen_nb.core.changes import Failed, Progressed, StageStarted
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ConfigurationError, NotFound, ProtocolError
from datagen_nb.core.estimates import TableFacts
from datagen_nb.core.failure import JobFailure
from datagen_nb.core.pipeline import (
    InputProbe,
    Signal,
    Task,
    signal_from_wire,
    signal_to_wire,
)

CONFIG = JobConfiguration(
    data_size=9, input_format="csv", output_format="csv", input_path="/a.csv", input_bucket="file"
)
JSON = st.recursive(
    st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)

st.register_type_strategy(
    JobFailure,
    st.builds(
        JobFailure,
        code=st.text(),
        message=st.text(),
        details=st.none() | st.dictionaries(st.text(), JSON),
    ),
)


@pytest.mark.parametrize("kind", get_args(Signal))
def test_every_signal_crosses_the_wire(kind: type[Signal]) -> None:
    """Whatever its fields are."""
    st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))

    @settings(max_examples=50)
    @given(st.from_type(kind))
    def check(signal: Signal) -> None:
        wire = json.loads(json.dumps(signal_to_wire(signal)))
        again = signal_from_wire(wire)
        assert again == signal
        assert type(again) is type(signal)

    check()


def test_signals_read_as_documented() -> None:
    """The names are camelCase, and what is not known is left out."""
    assert signal_to_wire(StageStarted(1, "fit")) == {
        "kind": "stageStarted",
        "attempt": 1,
        "stage": "fit",
    }
    assert signal_to_wire(Progressed(1, "generate", 50.0, 10))["rowsDone"] == 10
    assert "rowsDone" not in signal_to_wire(Progressed(1, "generate", 50.0))
    failure = JobFailure(code="timeout", message="Too long.")
    assert signal_to_wire(Failed(None, failure)) == {
        "kind": "failed",
        "error": {"code": "timeout", "message": "Too long."},
    }


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        "text",
        {"kind": "unknown"},
        {"kind": ["completed"]},
        {"kind": "completed"},
        {"kind": "completed", "attempt": 1},
        {"kind": "completed", "attempt": "one", "outputSize": 1},
        {"kind": "completed", "attempt": 1, "outputSize": 1, "more": 1},
        {"kind": "failed", "attempt": 1, "error": {"code": 1}},
        {"kind": "logged", "level": "loud", "message": "x"},
    ],
)
def test_what_is_no_signal_is_a_protocol_error(data: object) -> None:
    """A pipeline of another version is distinguished from one that fails."""
    with pytest.raises(ProtocolError, match="same version"):
        signal_from_wire(data)


def test_a_task_and_a_probe_cross_the_wire(tmp_path: Path) -> None:
    """With the buckets that their addresses open."""
    bucket = LocalBucket(tmp_path / "a b")
    bucket.put("x", b"x")
    task = Task("j_1", 2, CONFIG, bucket, LocalFiles(), bucket)
    probe = InputProbe(CONFIG, LocalFiles())

    again = Task.from_wire(json.loads(json.dumps(task.to_wire())), open_bucket)
    asked = InputProbe.from_wire(json.loads(json.dumps(probe.to_wire())), open_bucket)

    assert again.to_wire() == task.to_wire()
    assert (again.job_id, again.attempt, again.config) == ("j_1", 2, CONFIG)
    assert again.bucket.get("x") == again.target.get("x") == b"x"
    assert isinstance(again.source, LocalFiles)
    assert asked.config == CONFIG
    assert isinstance(asked.source, LocalFiles)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"attempt": "1"}, ProtocolError),
        ({"attempt": True}, ProtocolError),
        ({"more": 1}, ProtocolError),
        ({"jobId": None}, ProtocolError),
        ({"bucket": "s3://elsewhere"}, NotFound),
        ({"config": {"dataSize": 1}}, ConfigurationError),
    ],
)
def test_what_is_no_task_is_refused(tmp_path: Path, changes: dict, error: type) -> None:
    """A field more or less, another type, an address that opens nothing, a broken rule."""
    bucket = LocalBucket(tmp_path)
    wire = Task("j_1", 1, CONFIG, bucket, bucket, bucket).to_wire()

    with pytest.raises(error):
        Task.from_wire({**wire, **changes}, open_bucket)
    for name in wire:
        with pytest.raises(ProtocolError):
            Task.from_wire({key: one for key, one in wire.items() if key != name}, open_bucket)


def test_what_a_probe_finds_crosses_the_wire() -> None:
    """As inspections and previews do."""
    facts = TableFacts(
        rows=3, columns=2, size=99, bytes_fixed={"csv": 1.5}, bytes_per_row={"csv": 2.5}
    )

    assert TableFacts.from_wire(json.loads(json.dumps(facts.to_wire()))) == facts
