"""Only regular files are read and replaced: pipes, sockets, devices and directories are named.

No test opens a device: what the system says of one is put in the place of a file's mode.
"""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import datagen_nb as dg
from datagen_nb.buckets.local import LocalBucket, LocalFiles
from datagen_nb.client.dataset import new_file_mode
from datagen_nb.core.changes import Completed, Failed
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ConfigurationError, InputError, NotFound, OutputError
from datagen_nb.core.formats import format_of, written_format
from datagen_nb.core.pipeline import Signal, Task
from datagen_nb.pipelines.engine.attempt import run_attempt
from datagen_nb.tables import sniff
from datagen_nb.tables.view.engine import Engine

ROWS = "a,b\n" + "".join(f"{number},{number % 7}\n" for number in range(60))


def pipe(path: Path) -> None:
    os.mkfifo(path)


def linked_pipe(path: Path) -> None:
    os.mkfifo(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))


KINDS: dict[str, tuple[Callable[[Path], None], str]] = {
    "pipe": (pipe, "a named pipe (FIFO)"),
    "link to a pipe": (linked_pipe, "a named pipe (FIFO)"),
    "socket": (unix_socket, "a socket"),
    "directory": (Path.mkdir, "a directory"),
}
DEVICES = {"character": stat.S_IFCHR, "block": stat.S_IFBLK}


@contextmanager
def in_time() -> Iterator[None]:
    """Fail if the block waits for the other end of a pipe instead of hanging with it."""
    ended = threading.Event()
    where = os.getpid(), threading.main_thread().native_id

    def watch() -> None:
        if not ended.wait(60):
            os.write(2, f"{where} waits for a file that never comes\n".encode())
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    yield
    ended.set()


@pytest.fixture(params=KINDS)
def irregular(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    make, what = KINDS[request.param]
    path = tmp_path / "x.csv"
    make(path)
    return path, what


@pytest.fixture(params=DEVICES)
def device(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, str]:
    """A file of which the system says that it is a device."""
    path, mode = tmp_path / "x.csv", DEVICES[request.param]
    path.write_text(ROWS)
    found, ask = path.stat(), os.stat

    def stated(place: Any, **how: Any) -> os.stat_result:
        result = ask(place, **how)
        if (result.st_dev, result.st_ino) != (found.st_dev, found.st_ino):
            return result
        return os.stat_result((mode | 0o600, *result[1:]))

    monkeypatch.setattr(os, "stat", stated)
    return path, f"a {request.param} device"


def opened(*_: Any, **__: Any) -> Any:
    raise AssertionError("it was opened")


@pytest.mark.parametrize("read", [lambda path: sniff.check_file(path, "csv"), Engine])
def test_what_is_no_file_is_named_and_not_waited_for(
    irregular: tuple[Path, str], read: Callable[[Path], Any]
) -> None:
    """A view and a submit say what lies there, at once."""
    path, what = irregular

    with in_time(), pytest.raises(InputError, match="not a file") as caught:
        read(path)

    assert caught.value.code == "input_not_a_file"
    assert f"{path} is {what}, not a file." in str(caught.value)


def test_a_device_is_not_even_opened(
    device: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening can set it going: its mode alone is enough to refuse it."""
    path, what = device
    monkeypatch.setattr(os, "open", opened)

    with pytest.raises(InputError, match=what):
        sniff.check_file(path, "csv")


def test_a_pipe_that_takes_a_files_place_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the opening it may have been exchanged."""
    regular, path = tmp_path / "regular.csv", tmp_path / "x.csv"
    regular.write_text(ROWS)
    os.mkfifo(path)
    found = regular.stat()
    monkeypatch.setattr(Path, "stat", lambda *_, **__: found)

    with in_time(), pytest.raises(InputError, match="named pipe"):
        sniff.open_file(path)


@pytest.mark.parametrize("name", ["no.csv", "a\0b.csv", "\ud800.csv", "n" * 300 + ".csv"])
def test_a_name_that_no_file_can_have_is_reported(tmp_path: Path, name: str) -> None:
    """Whatever the system says of it."""
    with pytest.raises(InputError):
        sniff.check_file(tmp_path / name, "csv")


def test_a_file_that_lies_about_its_size_is_read_no_further() -> None:
    """Files of /proc have no size, or none that is so, and some of them wait to be read."""
    path = Path("/proc/self/status")

    with pytest.raises(InputError, match="has no size"):
        sniff.check_file(path, "csv")


def test_a_bucket_opens_nothing_else(irregular: tuple[Path, str]) -> None:
    """What a service would read: not found, and why."""
    path, what = irregular

    with in_time(), pytest.raises(NotFound) as caught:
        LocalFiles().open(str(path))

    assert caught.value.details["what"] == what
    assert LocalFiles().head(str(path)) is None


def test_a_bucket_does_not_even_open_a_device(
    device: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same for a service, which may run as root."""
    path, what = device
    open_ = os.open
    monkeypatch.setattr(
        os, "open", lambda name, *rest, **how: open_(name, *rest, **how) if name != path.name else 1
    )

    with pytest.raises(NotFound) as caught:
        LocalFiles().open(str(path))

    assert caught.value.details["what"] == what


def test_nothing_else_is_replaced(irregular: tuple[Path, str]) -> None:
    """A pipe, a socket, a directory: named, still there, and nothing is left beside it."""
    path, what = irregular
    before = sorted(path.parent.iterdir())

    with in_time(), pytest.raises(OutputError, match="only regular files are replaced") as caught:
        LocalFiles().put(str(path), b"x")

    assert caught.value.code == "output_not_a_file"
    assert what in str(caught.value)
    assert sorted(path.parent.iterdir()) == before
    assert not path.is_file()


def test_a_device_is_not_replaced(device: tuple[Path, str]) -> None:
    """Not even by root, who may."""
    path, what = device

    with pytest.raises(OutputError, match=what):
        LocalFiles().put(str(path), b"x")

    assert path.read_text() == ROWS


def run(tmp_path: Path, attempt: int = 1, **fields: Any) -> list[Signal]:
    source = tmp_path / "in.csv"
    source.write_text(ROWS)
    config = JobConfiguration(
        **{
            "data_size": 50,
            "input_format": "csv",
            "output_format": "csv",
            "input_bucket": "file",
            "output_bucket": "file",
            "input_path": str(source),
            "output_path": str(tmp_path / "out.csv"),
            **fields,
        }
    )
    signals: list[Signal] = []
    files = LocalFiles()
    task = Task("j", attempt, config, LocalBucket(tmp_path / "bucket"), files, files)
    run_attempt(task, signals.append)
    return signals


@pytest.mark.parametrize("field", ["input_path", "output_path"])
def test_a_job_names_what_it_cannot_take(irregular: tuple[Path, str], field: str) -> None:
    """A worker refuses what got past the client."""
    path, what = irregular

    with in_time():
        last = run(path.parent, **{field: str(path)})[-1]

    assert isinstance(last, Failed)
    assert last.error.code == {"input_path": "input_not_a_file"}.get(field, "output_not_a_file")
    assert what in last.error.message


def test_a_job_replaces_a_file_only_if_it_is_to(tmp_path: Path) -> None:
    """The name is refused before anything is made; with overwrite it is replaced."""
    (tmp_path / "out.csv").write_text("mine")

    refused = run(tmp_path)[-1]

    assert isinstance(refused, Failed)
    assert (refused.error.code, refused.error.details["stage"]) == ("output_exists", "validate")
    assert (tmp_path / "out.csv").read_text() == "mine"
    assert isinstance(run(tmp_path, overwrite=True)[-1], Completed)
    assert (tmp_path / "out.csv").read_text().startswith("a,b\n")


def test_a_file_that_appears_while_a_job_runs_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that was free at the begin may be taken at the end."""
    from datagen_nb.pipelines.engine import one_table as worker

    def assembled(*arguments: Any, **options: Any) -> None:
        (tmp_path / "out.csv").write_text("mine")

    monkeypatch.setattr(worker, "assemble", assembled)

    last = run(tmp_path)[-1]

    assert isinstance(last, Failed)
    assert last.error.code == "output_exists"
    assert (tmp_path / "out.csv").read_text() == "mine"


@pytest.mark.parametrize(("stated", "got"), [({}, 0o644), ({"output_mode": 0o600}, 0o600)])
def test_a_new_output_has_the_callers_permissions(
    tmp_path: Path, stated: dict[str, int], got: int
) -> None:
    """Not those that the service happens to have; one that is replaced hands on its own."""
    before = os.umask(0o077)
    try:
        run(tmp_path, **stated)
        assert stat.S_IMODE((tmp_path / "out.csv").stat().st_mode) == got
        (tmp_path / "out.csv").chmod(0o664)
        run(tmp_path, attempt=2, overwrite=True, output_format="csv", data_size=51)
    finally:
        os.umask(before)

    parts = [path for path in (tmp_path / "bucket").rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in parts} == {0o600}


def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path) -> None:
    """A group that may write a file may write the next one."""
    path = tmp_path / "x"
    path.write_bytes(b"old")
    path.chmod(0o664)

    LocalFiles().put(str(path), b"new")

    assert stat.S_IMODE(path.stat().st_mode) == 0o664
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o000])
def test_the_mode_of_a_new_file_is_known_without_making_one(umask: int) -> None:
    """A client says it to the service that writes for it."""
    before = os.umask(umask)
    try:
        assert new_file_mode() == 0o666 & ~umask
    finally:
        os.umask(before)


def test_a_download_replaces_the_named_file_unless_it_is_not_to(tmp_path: Path) -> None:
    """As pandas does; with ``overwrite=False`` the file stays."""
    path = tmp_path / "x.csv"
    path.write_text("mine")
    with dg.connect("mock", speed=500) as client:
        data = client.submit(source_of_rows(), rows=10).result()

        with pytest.raises(OutputError, match="overwrite=True") as caught:
            data.download(path, overwrite=False)
        assert path.read_text() == "mine"
        data.download(path)

    assert caught.value.code == "output_exists"
    assert path.read_text().count("\n") == 11


def test_an_output_that_exists_is_refused_at_submit(tmp_path: Path) -> None:
    """Before a minute is spent on it; and running the same job again replaces its own file."""
    path = tmp_path / "x.csv"
    with dg.connect("mock", speed=500) as client:
        job = client.submit(source_of_rows(), rows=10, output=path, format="csv")
        written = client.jobs.get(job.id).configuration.output_path
        job.result()

        with pytest.raises(OutputError, match="exists already"):
            client.submit(source_of_rows(), rows=10, output=path, format="csv")
        client.submit(source_of_rows(), rows=10, output=path, overwrite=True).result()
        job.rerun().result()

    assert written


def source_of_rows() -> Any:
    import pyarrow as pa

    return pa.table({"a": list(range(60)), "b": [number % 7 for number in range(60)]})


@pytest.mark.parametrize("path", ["x.xlsx", "d/x.CSV.GZ", "x.feather", "x.sqlite"])
def test_endings_of_other_programs_are_refused_wherever_a_path_is_named(path: str) -> None:
    """Bytes of CSV in a workbook's name open nowhere; whatever format is said."""
    for format in (None, "csv"):
        with pytest.raises(ConfigurationError, match=r"\.csv, \.tsv, \.txt, \.json"):
            written_format(path, format, "csv")
    with pytest.raises(ConfigurationError, match="outputPath"):
        JobConfiguration(
            data_size=1,
            input_format="csv",
            output_format="csv",
            input_path="x",
            output_path=path,
        )


def test_an_ending_says_the_format_and_an_unknown_one_needs_it_said() -> None:
    """A name without an ending takes the format that there is."""
    assert written_format("x.parquet", None, "csv") == "parquet"
    assert written_format("d.d/x", None, "csv") == "csv"
    assert written_format(".x", None, "csv") == "csv"
    assert written_format("x.tab", "csv", "parquet") == "csv"
    assert format_of("x.tab") is None
    with pytest.raises(ConfigurationError, match=r"ends in \.tab, which is not written"):
        written_format("x.tab", None, "csv")
