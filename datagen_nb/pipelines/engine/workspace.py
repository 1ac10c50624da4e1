"""The objects of one job in its customer's bucket, as one attempt may touch them.

    jobs/<jobId>/parts/part-00000.<ending>   published whole, in any order of attempts
    jobs/<jobId>/parts/table-00/part-…       of several tables
    jobs/<jobId>/model                       what makes the parts
    jobs/<jobId>/report.json
    jobs/<jobId>/manifest.json               the last; from then on the result is there
    jobs/<jobId>/scratch/attempt             the fence: number of the newest attempt
    jobs/<jobId>/scratch/…                   what a later attempt need not do again

A part is a pure function of the configuration, the model and its index, and an object is
published whole or not at all: a part that is there is finished, whichever attempt wrote it.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, cast

from datagen_nb.core.buckets import Bucket, IfVersion, Mode
from datagen_nb.core.changes import Completed
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import NotFound, OutputError, VersionConflict
from datagen_nb.core.formats import FORMATS
from datagen_nb.core.manifest import Manifest, ModelFile, Part
from datagen_nb.core.result import Report
from datagen_nb.core.status import StaleAttempt

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

CHUNK = 1 << 20

PART_CELLS = 500_000
PART_ROWS = 50_000
MAX_PARTS = 20_000


def usual_part_rows(columns: int) -> int:
    """Rows of a part that fits well in memory."""
    return min(PART_ROWS, max(PART_CELLS // max(columns, 1), 1))


@dataclass(frozen=True, slots=True)
class Plan:
    """How rows are divided into parts: a function of what is asked alone, so always alike."""

    format: str
    total: int
    part_rows: int

    @classmethod
    def of(cls, config: JobConfiguration, columns: int, *, least: int = 1) -> Plan:
        """The configuration's ``partRows``, or as many as fit well in memory; few parts at most.

        Args:
            config: Of the job.
            columns: Of its result.
            least: Rows of a part at least.
        """
        part_rows = config.parameters.get("partRows")
        format = config.output_format
        return cls.dividing(config.data_size, format, columns, least=least, part_rows=part_rows)

    @classmethod
    def dividing(
        cls, total: int, format: str, columns: int, *, least: int, part_rows: int | None = None
    ) -> Plan:
        """So many rows in parts of ``part_rows``, by default of as many as fit well in memory."""
        least = max(-(-total // MAX_PARTS), least)
        each = usual_part_rows(columns) if part_rows is None else part_rows
        return cls(format, total, max(each, least))

    @property
    def count(self) -> int:
        return -(-self.total // self.part_rows)

    def rows(self, index: int) -> int:
        return min(self.part_rows, self.total - index * self.part_rows)


@dataclass(slots=True)
class Workspace:
    """One job's objects, seen by one attempt.

    Every write first looks at the fence and raises ``StaleAttempt`` when a newer attempt has
    begun or the job is over. What slips through in between cannot do harm: it is the bytes
    that the newer attempt would write.
    """

    bucket: Bucket
    job_id: str
    attempt: int
    format: str
    _written: dict[str, Part] = field(default_factory=dict)

    @property
    def place(self) -> str:
        return f"jobs/{self.job_id}"

    def claim(self) -> None:
        """Put up the fence for this attempt; of several that do so at once the newest stays.

        Raises:
            StaleAttempt: A newer attempt has put up its own.
        """
        fence = self._work("attempt")
        while True:
            found = self.bucket.head(fence)
            newest = self._newest_attempt()
            if newest is not None and newest > self.attempt:
                raise self._stale()
            mode: Mode = "create" if found is None else IfVersion(found.version)
            try:
                self.bucket.put(fence, str(self.attempt).encode(), mode=mode)
            except VersionConflict:
                continue
            return

    def check(self) -> None:
        """Make sure that this attempt is still the newest.

        Raises:
            StaleAttempt: It is not, or the job is over.
        """
        if self._newest_attempt() != self.attempt:
            raise self._stale()

    def manifest(self) -> Manifest | None:
        """What an earlier attempt completed, if one did."""
        data = self._get(f"{self.place}/manifest.json")
        return None if data is None else Manifest.from_wire(data)

    def load(self, name: str) -> bytes | None:
        """Read something that an attempt saved; ``None`` when none did."""
        return self._get(self._work(name))

    def save(self, name: str, data: bytes) -> None:
        """Keep something for later attempts."""
        self.check()
        self.bucket.put(self._work(name), data)

    def model(self) -> bytes | None:
        """The job's model, if an attempt has saved it."""
        return self._get(self._model)

    def save_model(self, data: bytes) -> None:
        """Keep the model: for later attempts, and with the result."""
        self.check()
        self.bucket.put(self._model, data)
        self._withdraw_if_ended(self._model)

    def model_file(self) -> ModelFile:
        """Describe the saved model."""
        data = self.bucket.get(self._model)
        return ModelFile(name=self._model, size=len(data), sha256=hashlib.sha256(data).hexdigest())

    def part_size(self, index: int) -> int | None:
        """Bytes of a finished part; ``None`` of one that is still to be made."""
        found = self.bucket.head(self.part_name(index))
        return None if found is None else found.size

    def record(self, part: Part) -> None:
        """Remember the description of a part that another process has written."""
        self._written[part.name] = part

    def part_name(self, index: int, table: int | None = None) -> str:
        folder = "" if table is None else f"table-{table:02d}/"
        return f"{self.place}/parts/{folder}part-{index:05d}{FORMATS[self.format].endings[0]}"

    def write_part(
        self,
        index: int,
        rows: int,
        write: Callable[[BinaryIO], None],
        *,
        table: int | None = None,
    ) -> Part:
        """Publish one part, of several tables one of ``table``; ``write`` is given the file."""
        self.check()
        name = self.part_name(index, table)
        with self.bucket.writer(name) as file:
            digesting = Digesting(file)
            write(cast("BinaryIO", digesting))
        self._withdraw_if_ended(name)
        part = Part(name=name, rows=rows, size=digesting.size, sha256=digesting.digest.hexdigest())
        self._written[name] = part
        return part

    def part(self, index: int, rows: int) -> Part:
        """Describe a finished part; one of an earlier attempt is read for its digest."""
        name = self.part_name(index)
        if name not in self._written:
            digest = hashlib.sha256()
            size = 0
            with self.bucket.open(name) as file:
                while chunk := file.read(CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
            self._written[name] = Part(name=name, rows=rows, size=size, sha256=digest.hexdigest())
        return self._written[name]

    @contextmanager
    def open_part(self, index: int) -> Iterator[BinaryIO]:
        with self.bucket.open(self.part_name(index)) as file:
            yield file

    def report(self) -> Report | None:
        """The quality report, if an attempt has saved one."""
        data = self._get(f"{self.place}/report.json")
        return None if data is None else Report.from_wire(data)

    def completed(self, manifest: Manifest) -> Completed:
        """The signal that the job is completed, with what is reported of its result."""
        report = self.report()
        return Completed(self.attempt, manifest.size, report.fidelity if report else None)

    def save_report(self, report: Report) -> None:
        self.check()
        self.bucket.put(f"{self.place}/report.json", report.to_json().encode())

    def complete(self, manifest: Manifest) -> None:
        """Publish the manifest, the act that completes the job; the first one stays."""
        self.check()
        with suppress(VersionConflict):
            data = manifest.to_json().encode()
            self.bucket.put(f"{self.place}/manifest.json", data, mode="create")

    def clear(self) -> None:
        """Remove what only unfinished jobs need; the fence goes too, so no attempt can pass it."""
        self.bucket.delete_prefix(f"{self.place}/scratch/")

    def discard(self) -> None:
        """Remove everything, because the job has failed and cannot be resumed.

        Raises:
            StaleAttempt: It is not this attempt's any more.
        """
        # Without a fence it failed before it could put one up, unless the job is complete.
        if self._newest_attempt() not in (None, self.attempt) or self.manifest() is not None:
            raise self._stale()
        with suppress(OutputError):
            self.bucket.delete_prefix(f"{self.place}/")

    def _withdraw_if_ended(self, name: str) -> None:
        """Remove what was written while the job ended without a result: no one else will.

        Raises:
            StaleAttempt: It has ended.
        """
        if self._newest_attempt() is None and self.manifest() is None:
            self.bucket.delete(name)
            raise self._stale()

    def _newest_attempt(self) -> int | None:
        data = self._get(self._work("attempt"))
        return None if data is None else int(data)

    def _stale(self) -> StaleAttempt:
        return StaleAttempt(f"attempt {self.attempt} of {self.job_id} was replaced")

    @property
    def _model(self) -> str:
        return f"{self.place}/model"

    def _work(self, name: str) -> str:
        return f"{self.place}/scratch/{name}"

    def _get(self, path: str) -> bytes | None:
        try:
            return self.bucket.get(path)
        except NotFound:
            return None


def gone(what: str) -> OutputError:
    """The error for something that was saved and is not there."""
    remedy = "Run the job again."
    return OutputError(
        f"The job's {what} is gone from its bucket. {remedy}", details={"remedy": remedy}
    )


class Digesting(io.RawIOBase):
    """A file that is only written to, once through, and digested on the way."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer) -> int:
        view = memoryview(data).cast("B")
        self._file.write(view)
        self.digest.update(view)
        self.size += len(view)
        return len(view)

    def tell(self) -> int:
        return self.size
