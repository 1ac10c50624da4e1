"""CSV, JSON and JSON Lines for a viewer: a process of its own makes Parquet of them.

What is in such a file is never parsed in this process. The first rows are there at once, and all
as soon as they are read.
"""

from __future__ import annotations

import json
import subprocess
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from datagen_nb.core.errors import InputError
from datagen_nb.processes import start_python
from datagen_nb.tables import sniff
from datagen_nb.tables.input_errors import input_error
from datagen_nb.tables.view.connection import Superseded
from datagen_nb.tables.view.parquet_relation import Opened, OpenedFiles, ParquetRelation


class Conversion:
    """A text file that becomes Parquet in a folder.

    Args:
        path: The file.
        format: A format of text.
        folder: Where the Parquet is written.
        made_of: What the file was made of, if people know another.

    Attributes:
        opened: What was read, as it was before.
        first: Its first rows as Parquet, or all, as soon as they are there.
        whole: All of its rows.

    Raises:
        InputError: The file is not there, or visibly of another format.
    """

    def __init__(
        self, path: Path, format: str, folder: Path, *, made_of: Opened | None = None
    ) -> None:
        sniff.open_file(path).close()
        self.opened: Opened = made_of or OpenedFiles([path])
        self.first: Future[Path] = Future()
        self.whole: Future[Path] = Future()
        self._path = path
        self._folder = folder
        self._is_closed = False
        self._process = start_python(
            "datagen_nb.tables.view.converting",
            str(path.absolute()),
            format,
            str(folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        threading.Thread(target=self._listen, name="datagen-view-reading", daemon=True).start()

    def close(self) -> None:
        """End the process, if it still runs; safe to call twice."""
        self._is_closed = True
        self._process.kill()

    def _listen(self) -> None:
        with self._process as process:
            assert process.stdout is not None  # noqa: S101, a pipe was asked for
            for line in process.stdout:
                self._hear(json.loads(line))
        self._end(self._broken_off())

    def _hear(self, message: dict[str, Any]) -> None:
        match message:
            case {"first": name}:
                self.first.set_result(self._folder / name)
            case {"whole": name}:
                self.whole.set_result(self._folder / name)
                if not self.first.done():
                    self.first.set_result(self._folder / name)
            case {"error": facts}:
                self._end(InputError(**facts))

    def _end(self, error: Exception) -> None:
        for awaited in (self.first, self.whole):
            if not awaited.done():
                awaited.set_exception(error)

    def _broken_off(self) -> Exception:
        if self._is_closed:
            return Superseded("The viewer was closed before its table was read.")
        return input_error(
            "input_broken",
            str(self._path),
            "cannot be read: the process that read it has ended",
            "Free memory and try again. If it happens again, the file is broken.",
        )


class FirstRows(ParquetRelation):
    """The first rows of a text file of which the others are still read."""

    def __init__(self, conversion: Conversion, folder: Path) -> None:
        super().__init__([conversion.first.result()], folder, made_of=conversion.opened)
        self.conversion = conversion

    def close(self) -> None:
        super().close()
        self.conversion.close()


def converted(
    path: Path, format: str, folder: Path, *, made_of: Opened | None = None
) -> ParquetRelation:
    """The rows of a text file, or its first ones, whichever are there first.

    Args:
        path: The file.
        format: A format of text.
        folder: Where they are stored.
        made_of: What the file was made of, if people know another.

    Raises:
        InputError: It cannot be read.
    """
    conversion = Conversion(path, format, folder, made_of=made_of)
    try:
        conversion.first.result()
        if conversion.whole.done():
            return all_rows(conversion, folder)
        return FirstRows(conversion, folder)
    except BaseException:
        conversion.close()
        raise


def all_rows(conversion: Conversion, folder: Path) -> ParquetRelation:
    """All rows of a conversion, which are moved into another folder.

    Raises:
        InputError: The file breaks somewhere.
        Superseded: The conversion was closed.
    """
    moved = conversion.whole.result().rename(folder / "rows")
    return ParquetRelation([moved], folder, made_of=conversion.opened)
