"""What the local service keeps is its user's alone; what it writes for a caller is the caller's."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

import datagen_nb as dg
from datagen_nb.api.process.home import Home
from datagen_nb.api.process.launch import stop


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(("umask", "wanted"), [(0o000, 0o666), (0o027, 0o640)])
async def test_private_files_stay_private_and_outputs_follow_the_callers_umask(
    tmp_path: Path, umask: int, wanted: int
) -> None:
    """Whatever umask the kernel has that started the service."""
    table = tmp_path / "in.csv"
    table.write_text("a,b\n" + "".join(f"{n},{n % 7}\n" for n in range(60)))
    before = os.umask(umask)
    try:
        async with dg.AsyncClient.connect(home=tmp_path / "home") as client:
            job = await client.submit(table, rows=50, output=tmp_path / "out.csv")
            data = await job
            await data.download(tmp_path / "saved.csv")
    finally:
        os.umask(before)
        await stop(Home.open(tmp_path / "home"))

    assert mode(tmp_path / "out.csv") == mode(tmp_path / "saved.csv") == wanted
    kept = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert {path.name: oct(mode(path)) for path in kept if mode(path) != 0o600} == {}
    assert "jobs.sqlite" in {path.name for path in kept}
