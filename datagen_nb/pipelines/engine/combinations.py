"""The combinations of columns that the parts of a job have, where no two rows may have the same.

Those of a part are saved before the part is published. So a later attempt finds them for every part
that is there, and goes on with the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from datagen_nb.pipelines.engine.workspace import Workspace, gone
from datagen_nb.synth.profile.hashing import Hashes
from datagen_nb.synth.uniqueness import Seen


@dataclass(slots=True)
class Combinations:
    """Of one job, as one attempt sees them.

    Attributes:
        workspace: Of the job.
        rules: How many rules of uniqueness it has.
    """

    workspace: Workspace
    rules: int
    _seen: tuple[Seen, ...] = field(init=False)
    _parts: int = 0

    def __post_init__(self) -> None:
        self._seen = tuple(Seen() for _ in range(self.rules))

    def before(self, index: int) -> Sequence[Seen]:
        """For each rule, the combinations of all parts before one, which comes after the last.

        Raises:
            OutputError: Those of a part are not there.
        """
        while self.rules and self._parts < index:
            for seen, hashes in zip(self._seen, self._load(self._parts), strict=True):
                seen.add(hashes)
            self._parts += 1
        return self._seen

    def save(self, index: int, hashes: Sequence[Hashes]) -> None:
        """Keep those of a part for the parts after it."""
        if not self.rules:
            return
        counts = np.array([len(one) for one in hashes])
        words = [one.astype("<u8") for one in (counts, *hashes)]
        self.workspace.save(self._name(index), np.concatenate(words).tobytes())

    def _load(self, index: int) -> list[Hashes]:
        data = self.workspace.load(self._name(index))
        if data is None:
            self.workspace.check()
            raise gone(f"record of what part {index} has")
        words = np.frombuffer(data, "<u8").astype(np.uint64)
        counts = words[: self.rules].astype(np.int64)
        return np.split(words[self.rules :], np.cumsum(counts)[:-1])

    def _name(self, index: int) -> str:
        return f"unique-{index:05d}"
