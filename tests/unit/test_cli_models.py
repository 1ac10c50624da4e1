"""The commands of models: that of a job goes into a file, which makes rows without a service."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import datagen_nb as dg
from datagen_nb.cli import main
from datagen_nb.terminal import ShareProgress


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    path = tmp_path_factory.mktemp("home")
    yield path
    main(["stop", "--home", str(path)])


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    path = tmp_path_factory.mktemp("input") / "people.csv"
    rows = "".join(f"{20 + i % 50},{'xyz'[i % 3]}\n" for i in range(400))
    path.write_text("age,kind\n" + rows)
    return path


@pytest.fixture(scope="module")
def job(home, people):
    with dg.connect(home=home) as client:
        job = client.submit(people, rows=100, seed=3)
        job.wait()
        yield job


@pytest.fixture(scope="module")
def model(home, job, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "people.model"
    assert main(["model", job.id, "-o", str(path), "-q", "--home", str(home)]) == 0
    return path


@pytest.fixture
def run(capsys):
    """Runs a command; gives its exit status, standard output and standard error."""

    def command(*arguments):
        status = main(list(map(str, arguments)))
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return command


def test_the_model_of_a_job_goes_into_a_file(run, home, job, tmp_path):
    """By its id or as the newest; a file that is there stays, unless it may be replaced."""
    path = tmp_path / "a.model"
    status, out, _ = run("model", job.id, "-o", path, "--home", home)
    assert status == 0
    assert out == f"The model of job {job.id} in {path} ({path.stat().st_size:,} bytes)\n"
    assert dg.load_model(path).columns == ["age", "kind"]

    status, _, err = run("model", "last", "-o", path, "-q", "--home", home)
    assert status == 1
    assert "exists already" in err
    assert "--overwrite" in err
    status, out, err = run("model", "last", "-o", path, "--overwrite", "--json", "--home", home)
    assert status == 0
    assert json.loads(out) == {"jobId": job.id, "size": path.stat().st_size, "output": str(path)}


def test_a_model_of_no_job_is_one_clear_error(run, home, tmp_path):
    """And no file."""
    status, out, err = run("model", "j_none", "-o", tmp_path / "a.model", "--home", home)
    assert (status, out) == (1, "")
    assert "j_none" in err
    assert list(tmp_path.iterdir()) == []


def test_a_sample_is_the_rows_of_the_model(run, model, tmp_path):
    """By default those of the job; of another seed others; in the format of the name."""
    path = tmp_path / "rows.csv"
    status, out, err = run("sample", model, "--rows", "1_000", "-o", path)
    assert (status, err) == (0, "")
    assert out == f"1,000 rows in {path} ({path.stat().st_size:,} bytes)\n"
    assert pd.read_csv(path).equals(dg.load_model(model).sample(1_000))

    other = tmp_path / "rows.parquet"
    status, out, _ = run("sample", model, "--rows", 50, "--seed", 7, "-o", other, "--json")
    assert status == 0
    assert json.loads(out) == {
        "rows": 50,
        "columns": ["age", "kind"],
        "format": "parquet",
        "size": other.stat().st_size,
        "output": str(other),
    }
    assert pd.read_parquet(other).equals(dg.load_model(model).sample(50, seed=7))


def test_a_sample_keeps_rules_conditions_and_shares(run, model, tmp_path):
    """As many of each as are given."""
    path = tmp_path / "rows.jsonl"
    selecting = ["--rule", "age >= 30", "--rule", "age < 60", "--share", "kind=x:0.5"]
    selecting += ["--share", "kind=y:0.5"]
    assert run("sample", model, "--rows", 200, "-o", path, "-q", *selecting) == (0, "", "")
    frame = pd.read_json(path, lines=True)
    assert frame["age"].between(30, 59).all()
    assert frame["kind"].value_counts().to_dict() == {"x": 100, "y": 100}

    selecting = ["--condition", "kind=z", "--condition", "age=40", "--overwrite"]
    assert run("sample", model, "--rows", 20, "-o", path, "-q", *selecting) == (0, "", "")
    assert pd.read_json(path, lines=True).drop_duplicates().to_dict("list") == {
        "age": [40],
        "kind": ["z"],
    }


def test_generate_takes_the_same_rules_and_conditions(run, home, people, tmp_path):
    """Of a table that is fitted."""
    path = tmp_path / "rows.csv"
    selecting = ["--rule", "age >= 30", "--condition", "kind=y"]
    status, _, err = run(
        "generate", people, "--rows", 80, "-o", path, "-q", *selecting, "--home", home
    )
    assert (status, err) == (0, "")
    frame = pd.read_csv(path)
    assert len(frame) == 80
    assert (frame["age"] >= 30).all()
    assert set(frame["kind"]) == {"y"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rows", "0"], "rows = 0"),
        (["--rows", "ten"], "rows = 'ten'"),
        (["--rows", "5", "--seed", "-1"], "seed = -1"),
        (["--rows", "5", "--rule", "agee > 3"], "Did you mean 'age'?"),
        (["--rows", "5", "--rule", "age >"], "is no rule"),
        (["--rows", "5", "--condition", "kind=w"], "keep 'kind = w'"),
        (["--rows", "5", "--condition", "kind="], "condition = "),
        (["--rows", "5", "--share", "kind=x:2"], "from 0 to 1"),
        (["--rows", "5", "--share", "kind=x:half"], "from 0 to 1"),
        (["--rows", "5", "--share", "kind=x:.6", "--share", "kind=y:.6"], "at most 1"),
        (["--rows", "5", "--condition", "kind=x", "--condition", "kind=y"], "column 'kind'"),
        (["--rows", "5", "--condition", "kind=x", "--share", "kind=y:.5"], "column 'kind'"),
        (["--rows", "5", "--format", "xls"], "format = 'xls'"),
    ],
)
def test_bad_input_of_a_sample_is_one_clear_error(run, model, tmp_path, arguments, words):
    """Exit status 1, a sentence on standard error, and no file."""
    status, out, err = run("sample", model, "-o", tmp_path / "o.csv", *arguments)
    assert (status, out) == (1, "")
    assert err.startswith("datagen-nb: ")
    assert words in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--condition", "kind"],
        ["--condition", "=x"],
        ["--share", "kind=x"],
        ["--share", "kind"],
        ["--share", "=x:.5"],
    ],
)
def test_an_option_of_another_form_is_wrong_usage(run, model, tmp_path, arguments):
    """With the form that it has."""
    with pytest.raises(SystemExit) as ended:
        run("sample", model, "--rows", 5, "-o", tmp_path / "o.csv", *arguments)
    assert ended.value.code == 2


def test_a_file_that_is_there_is_kept(run, model, tmp_path):
    """Unless it may be replaced; a file that is no model is named."""
    path = tmp_path / "o.csv"
    path.write_text("mine")
    status, _, err = run("sample", model, "--rows", 5, "-o", path)
    assert status == 1
    assert "exists already" in err
    assert path.read_text() == "mine"
    assert run("sample", model, "--rows", 5, "-o", path, "-q", "--overwrite") == (0, "", "")
    assert len(path.read_text().splitlines()) == 6

    status, _, err = run("sample", path, "--rows", 5, "-o", tmp_path / "p.csv")
    assert status == 1
    assert "is no model" in err


class Terminal:
    def __init__(self, *, moves):
        self.text, self.moves = "", moves

    def isatty(self):
        return self.moves

    def write(self, text):
        self.text += text

    def flush(self):
        pass


def test_progress_moves_on_a_terminal_alone(model, tmp_path):
    """Up to the end, and the line is left; elsewhere, or if it is to be quiet, there is none."""
    shown = Terminal(moves=True)
    for stream, quiet in (
        (shown, False),
        (Terminal(moves=False), False),
        (Terminal(moves=True), True),
    ):
        progress = ShareProgress(stream, is_quiet=quiet)
        dg.load_model(model).write(
            tmp_path / "o.csv", 60_000, overwrite=True, on_progress=progress.show
        )
        progress.end()
        assert (stream.text == "") == (stream is not shown)
    assert "83 %" in shown.text
    assert shown.text.endswith("100 %\n")
