"""The commands that act on jobs and tables, in this process over a service of its own."""

import json
import re

import pandas as pd
import pyarrow.parquet as pq
import pytest

import datagen_nb as dg
from datagen_nb.cli import main


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home whose service is stopped at the end."""
    path = tmp_path_factory.mktemp("home")
    yield path
    main(["stop", "--home", str(path)])


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """A small table."""
    path = tmp_path_factory.mktemp("input") / "people.csv"
    rows = "".join(f"{i},{20 + i % 50},{'yes' if i % 3 else 'no'}\n" for i in range(400))
    path.write_text("id,age,member\n" + rows)
    return path


@pytest.fixture(scope="module")
def client(home):
    """The same service in Python."""
    with dg.connect(home=home) as client:
        yield client


@pytest.fixture
def run(home, capsys):
    """Runs a command; gives its exit status, standard output and standard error."""

    def command(*arguments):
        status = main([*map(str, arguments[:1]), "--home", str(home), *map(str, arguments[1:])])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return command


def test_a_job_goes_through_its_commands(run, client, people):
    """Paused, resumed and cancelled, by its id and as the newest."""
    job = client.submit(people, rows=50_000_000, name="long")
    assert run("pause", job.id)[:2] == (0, f"{job.id}\tpaused\n")
    status, out, _ = run("resume", "last", "--json")
    assert status == 0
    assert json.loads(out)["jobId"] == job.id
    assert run("cancel", job.id)[:2] == (0, f"{job.id}\tcancelled\n")
    assert client.jobs.get(job.id).status.status == "cancelled"


def test_a_job_is_run_again_with_other_rows(run, client, people):
    """As a new job, whose id is printed."""
    job = client.submit(people, rows=10)
    job.wait()
    status, out, _ = run("rerun", job.id, "--rows", "20", "--json")
    assert status == 0
    again = json.loads(out)
    assert again["jobId"] != job.id
    assert again["dataSize"] == 20


def test_jobs_are_tab_separated_for_programs(run, client, people):
    """Without a terminal there are no headings, and columns can be cut at tabs."""
    job = client.submit(people, rows=10, name="listed\x1b[31m")
    job.wait()
    status, out, err = run("jobs", "--search", "listed", "--status", "completed")
    assert (status, err) == (0, "")
    [line] = out.splitlines()
    assert line.split("\t")[:4] == [job.id, "completed", "100 %", "10"]
    assert line.split("\t")[-1] == r"listed\x1b[31m"
    [found] = json.loads(run("jobs", "--search", "listed", "--json")[1])
    assert found["jobId"] == job.id


def test_jobs_are_aligned_below_headings_on_a_terminal(run, client, people, monkeypatch):
    """For people."""
    client.submit(people, rows=10, name="seen").wait()
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    headings, line = run("jobs", "--search", "seen")[1].splitlines()
    assert headings.startswith("ID  ")
    assert headings.index("STATUS") == line.index("completed")


def test_jobs_beyond_the_limit_are_mentioned(run, client, people):
    """A list that ends early says so, apart from the list."""
    for _ in range(2):
        client.submit(people, rows=10, name="several").wait()
    _, out, err = run("jobs", "--search", "several", "--limit", "1")
    assert len(out.splitlines()) == 1
    assert "--limit 2" in err


def test_cancelling_many_says_what_was_refused(run, client, people):
    """What has not ended is cancelled, the rest is an error."""
    ended = client.submit(people, rows=10).wait().id
    runs = client.submit(people, rows=50_000_000)
    status, out, err = run("cancel", runs.id, ended)
    assert (status, out) == (1, f"{runs.id}\tcancelled\n")
    assert ended in err


def test_all_that_runs_is_cancelled_only_on_request(run, client, people):
    """Without ids and without ``--all`` the command is wrong usage."""
    with pytest.raises(SystemExit) as ended:
        run("cancel")
    assert ended.value.code == 2
    job = client.submit(people, rows=50_000_000)
    status, out, _ = run("cancel", "--all", "--json")
    assert status == 0
    assert json.loads(out)["cancelled"] == [job.id]


@pytest.mark.parametrize("follow", [[], ["--follow"]])
def test_logs_are_lines_of_text_or_of_json(run, client, people, follow):
    """One line of the log, one line of output; following ends with the job."""
    job = client.submit(people, rows=10)
    job.wait()
    status, out, _ = run("logs", job.id, *follow)
    assert status == 0
    assert all(
        re.match(r"\d{4}-\d\d-\d\dT\S+\t(info|warning|error)\t", x) for x in out.splitlines()
    )
    lines = [json.loads(line) for line in run("logs", job.id, "--json", *follow)[1].splitlines()]
    assert len(lines) == len(out.splitlines()) > 0
    assert lines[0]["cursor"] == 1


def test_a_result_is_written_in_the_format_of_its_name(run, client, people, tmp_path):
    """It waits for the job, and says what it wrote."""
    job = client.submit(people, rows=100)
    out = tmp_path / "rows.parquet"
    status, printed, _ = run("result", job.id, "-o", out, "--json")
    assert status == 0
    assert json.loads(printed) == {
        "jobId": job.id,
        "rows": 100,
        "columns": ["id", "age", "member"],
        "format": "csv",
        "size": job.result().size,
        "output": str(out),
    }
    assert pq.read_table(out).num_rows == 100
    assert "100 rows" in run("result", "last")[1]


def test_the_result_of_a_cancelled_job_is_an_error(run, client, people):
    """Exit status 1 and one line."""
    job = client.submit(people, rows=50_000_000)
    job.cancel()
    status, out, err = run("result", job.id, "-q")
    assert (status, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert job.id in err


def test_a_report_is_the_reports_own_words(run, client, people, tmp_path):
    """For people and for programs."""
    job = client.submit(people, rows=100)
    job.wait()
    assert "fidelity" in run("report", job.id)[1]
    assert json.loads(run("report", job.id, "--json")[1])["rowsSynthetic"] == 100
    page = tmp_path / "report.html"
    for status, more in ((0, ()), (1, ()), (0, ("--overwrite",))):
        assert run("report", job.id, "--html", str(page), *more)[0] == status
    assert "Quality report" in page.read_text()


def test_a_preview_is_a_few_rows(run, people):
    """The columns of the table, and what the rows are made from."""
    status, out, _ = run("preview", people)
    assert status == 0
    assert out.split()[:3] == ["id", "age", "member"]
    rows = pd.DataFrame(json.loads(run("preview", people, "--json")[1]))
    assert list(rows) == ["id", "age", "member"]


def test_an_estimate_is_ranges_in_words(run, people):
    """Bytes and seconds, without a job."""
    status, out, _ = run("estimate", people, "--rows", "1_000_000")
    assert status == 0
    assert re.search(r"^rows +1,000,000 like 400 rows x 3 columns$", out, re.MULTILINE)
    assert re.search(r"^size +.*MB$", out, re.MULTILINE)
    assert re.search(r"^time +.*seconds?$", out, re.MULTILINE)
    estimate = json.loads(run("estimate", people, "--rows", "9", "--json")[1])
    assert estimate["bytesLow"] <= estimate["bytesHigh"]


def test_generate_tells_programs_what_it_made(run, people, tmp_path):
    """JSON alone on standard output."""
    out = tmp_path / "new.csv"
    status, printed, _ = run("generate", people, "--rows", "9", "-o", out, "--json")
    assert status == 0
    assert json.loads(printed)["output"] == str(out)


def test_a_job_that_is_not_there_is_one_line(run):
    """Wrong ids are errors of a line or two, without a trace."""
    status, out, err = run("report", "j_0000000000000000")
    assert (status, out) == (1, "")
    assert len(err.splitlines()) <= 2


@pytest.mark.parametrize(
    "arguments",
    [["jobs", "--url", "example.org"], ["jobs", "--home", "x", "--url", "http://127.0.0.1:1"]],
)
def test_a_place_that_cannot_be_is_wrong_usage(arguments, capsys):
    """An address needs its scheme, and there is one service a command."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "--url" in capsys.readouterr().err


def test_no_job_at_all_is_said(tmp_path, capsys):
    """``last`` of an empty home."""
    home = str(tmp_path / "empty")
    try:
        assert main(["result", "--home", home, "last"]) == 1
        assert "no job yet" in capsys.readouterr().err
    finally:
        main(["stop", "--home", home])
