"""The wheel: built here, installed where there is neither a checkout nor node, and run."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return next(out.glob("*.whl"))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_wheel_holds_the_built_front_end_and_the_demo_table(wheel):
    """Someone without node gets the widgets, someone without a checkout the table."""
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"datagen_nb/static/card.js", "datagen_nb/demo/diamonds.parquet"} <= names
    assert "datagen_nb/service/alerts.rules.yml" in names
    assert not [name for name in names if name.startswith(("tests/", "widgets/", "notebooks/"))]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_wheel_runs_the_main_job_in_an_empty_environment(wheel, tmp_path):
    """Installed with no node on the path, it learns, generates and tells."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    constraint = ROOT / "constraints.txt"
    environment = {**os.environ, "PATH": f"{python.parent}:/bin", "DATAGEN_HOME": str(tmp_path)}
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", python),
            *("install", "-q", "--no-compile", "-c", constraint, wheel),
        ],
        check=True,
        cwd=tmp_path,
    )
    datagen = python.parent / "datagen-nb"
    try:
        subprocess.run(
            [datagen, "demo", "--rows", "5000", "-o", "out.parquet"],
            check=True,
            cwd=tmp_path,
            env=environment,
        )
        sample = "import datagen_nb as dg; assert len(dg.sample_data('diamonds')) == 53_940"
        subprocess.run([python, "-c", sample], check=True, cwd=tmp_path, env=environment)
    finally:
        subprocess.run([datagen, "stop"], check=True, cwd=tmp_path, env=environment)
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 5_000
