"""The command line, as processes of its own over a home of its own."""

import argparse
import json
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from datagen_nb.cli.main import _run
from datagen_nb.core.errors import DatagenWarning
from tests.deadline import DEADLINE


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home whose service is stopped at the end."""
    path = tmp_path_factory.mktemp("home")
    yield path
    command("stop", home=path)


def command(
    *arguments: str, home: Path, check: bool = True, **environment: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "datagen_nb", *arguments],
        env={**os.environ, "DATAGEN_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        timeout=100,
    )
    if check:
        assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("input") / "people.csv"
    rows = "".join(f"{i},{20 + i % 50},{'yes' if i % 3 else 'no'}\n" for i in range(400))
    path.write_text("id,age,member\n" + rows)
    return path


def test_generate_writes_the_rows_and_says_what_they_are(home, small, tmp_path):
    """The main job in one command: a file, a report, the time per stage."""
    out = tmp_path / "out.parquet"
    done = command("generate", str(small), "--rows", "1_000", "-o", str(out), home=home)
    assert pq.read_table(out).num_rows == 1_000
    for word in ("1,000 rows", "fidelity", "privacy", "generate"):
        assert word in done.stdout
    assert "validate" in done.stderr


def test_our_warnings_are_a_line_each(capsys):
    """As our errors are, without a place in our code."""

    def warns(options: argparse.Namespace) -> int:
        warnings.warn_explicit("Set timeout=60.", DatagenWarning, "datagen_nb", 1)
        return 0

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        _run(argparse.Namespace(run=warns))

    assert capsys.readouterr().err == "datagen-nb: warning: Set timeout=60.\n"


def test_the_same_seed_gives_the_same_bytes(home, small, tmp_path):
    """What a seed is for."""
    files = [tmp_path / f"{name}.csv" for name in ("a", "b", "c")]
    for file, seed in zip(files, ("1", "1", "2"), strict=True):
        command("generate", str(small), "--rows=50", f"-o{file}", f"--seed={seed}", home=home)
    assert files[0].read_bytes() == files[1].read_bytes() != files[2].read_bytes()


def test_quiet_says_nothing(home, small, tmp_path):
    """For scripts."""
    out = str(tmp_path / "o.jsonl")
    done = command("generate", str(small), "--rows", "9", "-o", out, "-q", home=home)
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["generate", "nowhere.csv", "--rows", "9", "-o", "o.csv"], "nowhere.csv"),
        (["generate", "{small}", "--rows", "0", "-o", "o.csv"], "rows = 0"),
        (["generate", "{small}", "--rows", "1.5", "-o", "o.csv"], "rows = 1.5"),
        (["generate", "{small}", "--rows", "ten", "-o", "o.csv"], "rows = 'ten'"),
        (["generate", "{small}", "--rows", "9", "-o", "o.csv", "--format", "xls"], "format"),
        (["generate", "{small}", "--rows", "9", "-o", "{small}"], "output"),
    ],
)
def test_bad_input_is_one_clear_error_and_no_trace(home, small, tmp_path, arguments, expected):
    """Exit status 1, a sentence on standard error, nothing left behind."""
    filled = [argument.format(small=small) for argument in arguments]
    before = small.read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "datagen_nb", *filled],
        env={**os.environ, "DATAGEN_HOME": str(home)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 1
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
    assert small.read_bytes() == before


def test_status_tells_the_service_and_its_jobs(home, small, tmp_path):
    """For people and for programs."""
    command("generate", str(small), "--rows", "9", "-o", str(tmp_path / "o.csv"), "-q", home=home)
    found = json.loads(command("status", "--json", home=home).stdout)
    assert found["running"]
    assert Path(found["home"]) == home.resolve()
    assert Path(found["socket"]).is_socket()
    assert found["jobs"] == []
    os.kill(found["pid"], 0)
    assert str(found["pid"]) in command("status", home=home).stdout


def test_status_of_no_service_is_exit_status_3(tmp_path):
    """A script can tell without reading."""
    done = command("status", "--json", home=tmp_path / "other", check=False)
    assert done.returncode == 3
    assert json.loads(done.stdout)["running"] is False


def test_doctor_finds_all_in_order(home):
    """Each check says what it looked at."""
    lines = command("doctor", home=home).stdout.splitlines()
    assert [line[:4] for line in lines] == ["ok  "] * 4


ASCII = {"LANG": "C", "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}


def test_a_terminal_of_plain_ascii_is_no_failure(home, tmp_path):
    """What the encoding lacks becomes a plain sign or an escape, and success stays success."""
    table, out = tmp_path / "people.csv", tmp_path / "out.csv"
    table.write_text("größe,数\n" + "".join(f"{i},{i % 7}\n" for i in range(200)), "utf-8")
    done = command("generate", str(table), "--rows", "9", "-o", str(out), home=home, **ASCII)
    assert "gr\\xf6\\xdfe" in done.stdout
    assert "validate" in done.stderr
    missing = command(
        "generate", "ü.csv", "--rows", "9", "-o", str(out), home=home, check=False, **ASCII
    )
    assert missing.returncode == 1
    assert ".csv does not exist" in missing.stderr
    assert "Traceback" not in missing.stderr


@pytest.mark.parametrize("arguments", [["status"], ["doctor"]])
def test_a_reader_that_leaves_early_is_no_complaint(home, arguments):
    """As with ``| head``: the exit status of a closed pipe, and a silent standard error."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "datagen_nb", *arguments],
        env={**os.environ, "DATAGEN_HOME": str(home)},
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=100,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_an_interrupt_cancels_what_generate_started(home, small, tmp_path):
    """Only the command waits for that job: Ctrl-C ends it and leaves no file."""
    out = tmp_path / "big.csv"
    process = subprocess.Popen(
        [sys.executable, "-m", "datagen_nb", "generate", small, "--rows=50_000_000", f"-o{out}"],
        env={**os.environ, "DATAGEN_HOME": str(home)},
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        for line in process.stderr:
            if "generate" in line:
                process.send_signal(signal.SIGINT)
                break
        assert process.wait(DEADLINE) == 130
    assert not out.exists()
    assert json.loads(command("status", "--json", home=home).stdout)["jobs"] == []
