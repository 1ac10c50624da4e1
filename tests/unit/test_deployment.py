"""The files of ``deploy/``: what they set, call and probe exists. Nothing is applied."""

import importlib.util
import json
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from datagen_nb.api import wire
from datagen_nb.api.process.host import LOG_STYLE
from datagen_nb.cli.main import _parser
from datagen_nb.cli.options import host_and_port
from datagen_nb.service.settings import Settings
from tests.golden.settings_page import variable

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SETTINGS = {variable(name) for name in Settings.model_fields}
OF_THE_PROCESS = {"DATAGEN_HOME", LOG_STYLE}
PLACEHOLDERS = {"PROJECT": "acme-prod", "REGION": "europe-west1", "VERSION": PROJECT["version"]}


def filled(name):
    """A file as it is applied."""
    text = (DEPLOY / name).read_text()
    for placeholder, value in PLACEHOLDERS.items():
        text = text.replace(placeholder, value)
    return text


def instructions():
    """Those of the container file, in their order."""
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [tuple(line.split(maxsplit=1)) for line in lines]


def instruction(name):
    """What the only instruction of a name says."""
    [argument] = [argument for word, argument in instructions() if word == name]
    return argument


def documents(name):
    return {one["kind"]: one for one in yaml.safe_load_all(filled(name))}


def pods():
    """What each manifest runs."""
    return {
        "cloud-run.yaml": documents("cloud-run.yaml")["Service"]["spec"]["template"]["spec"],
        "gke.yaml": documents("gke.yaml")["Deployment"]["spec"]["template"]["spec"],
    }


@pytest.fixture(params=["cloud-run.yaml", "gke.yaml"])
def pod(request):
    return pods()[request.param]


def test_every_variable_of_a_manifest_is_a_setting_that_takes_its_value(pod, monkeypatch):
    """As the service reads them."""
    [container] = pod["containers"]
    given = {one["name"]: one["value"] for one in container["env"]}
    assert given.keys() <= SETTINGS
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert {variable(name) for name in settings.model_fields_set} == given.keys()
    assert settings.store == "firestore://acme-prod/datagen"


def test_every_command_and_option_exists(pod):
    """What a container is started with, by image and manifest."""
    [container] = pod["containers"]
    assert json.loads(instruction("ENTRYPOINT")) == list(PROJECT["scripts"])
    for arguments in (container["args"], json.loads(instruction("CMD"))):
        options = _parser().parse_args(arguments)
        assert host_and_port(options.listen) == ("0.0.0.0", 8080)


def test_probes_and_ports_are_those_of_the_service(pod):
    """A probe needs no key."""
    [container] = pod["containers"]
    [port] = container["ports"]
    assert port["containerPort"] == int(instruction("EXPOSE")) == 8080
    probes = [value["httpGet"] for name, value in container.items() if name.endswith("Probe")]
    assert len(probes) == 2
    for probe in probes:
        assert probe["path"] in wire.PROBES
        assert probe["port"] in {port["containerPort"], port["name"]}


def test_the_image_has_the_package_and_runs_without_root():
    """With its extras, for a Python that it supports, of the version that is here."""
    assert re.fullmatch(r"python:3\.(1[1-9])-slim", instruction("FROM"))
    assert instruction("ARG") == f"VERSION={PROJECT['version']}"
    installed = next(argument for word, argument in instructions() if "pip install" in argument)
    extras = re.search(r"datagen-nb\[(.*?)\]==\$\{VERSION\}", installed)[1].split(",")
    assert set(extras) == {"gcp", "dask", "otel"} <= set(PROJECT["optional-dependencies"])
    security = pods()["gke.yaml"]["securityContext"]
    assert security["runAsUser"] == int(instruction("USER")) > 0
    names = {part.partition("=")[0] for part in shlex.split(instruction("ENV"))}
    assert names <= SETTINGS | OF_THE_PROCESS


def test_the_healthcheck_asks_a_probe():
    """With the Python of the image, which has no curl."""
    command = json.loads(instruction("HEALTHCHECK").partition("CMD ")[2])
    assert command[:2] == ["python", "-c"]
    compile(command[2], "HEALTHCHECK", "exec")
    assert re.search(r"http://127\.0\.0\.1:8080(/\w+)", command[2])[1] in wire.PROBES


def test_manifests_use_what_the_script_makes():
    """One account, one database, one bucket, one repository."""
    script = (DEPLOY / "setup.sh").read_text()
    run, gke = pods().values()
    account = documents("gke.yaml")["ServiceAccount"]["metadata"]["annotations"]
    assert [run["serviceAccountName"]] == list(account.values())
    assert "service-accounts create datagen " in script
    assert "databases create --database=datagen " in script
    assert 'bucket="gs://${project}-datagen"' in script
    assert "repositories create datagen " in script
    for pod in (run, gke):
        [container] = pod["containers"]
        image = f"europe-west1-docker.pkg.dev/acme-prod/datagen/datagen:{PROJECT['version']}"
        assert container["image"] == image
        given = {one["name"]: one["value"] for one in container["env"]}
        assert given["DATAGEN_BUCKET"] == "gs://acme-prod-datagen"
    indexes = re.search(r"/(datagen_nb/\S+\.json)", script)[1]
    assert (ROOT / indexes).is_file()


def test_the_script_is_bash():
    """Read, not run."""
    subprocess.run(["bash", "-n", DEPLOY / "setup.sh"], check=True)


def gcloud_commands():
    """Each command of the script: its words, and its options."""
    text = (DEPLOY / "setup.sh").read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if found := re.search(r"^\s*gcloud (.*)", line):
            words = shlex.split(re.sub(r">.*|\|\|", "", found[1]))
            options = {word.partition("=")[0] for word in words if word.startswith("--")}
            yield [word for word in words if not word.startswith("-")], options


@pytest.fixture(scope="module")
def completions():
    """gcloud's own table of its commands and their options."""
    program = shutil.which("gcloud")
    if program is None:
        pytest.skip("gcloud is not installed: the commands of deploy/setup.sh are not checked")
    sdk = Path(program).resolve().parents[1]
    table = sdk / "data" / "cli" / "gcloud_completions.py"
    if not table.is_file():
        pytest.skip(f"{table} is missing: the commands of deploy/setup.sh are not checked")
    spec = importlib.util.spec_from_file_location("gcloud_completions", table)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.STATIC_COMPLETION_CLI_TREE


def test_gcloud_has_the_commands_and_options_of_the_script(completions):
    """As it lists them itself."""
    commands = list(gcloud_commands())
    assert len(commands) == 11
    for words, options in commands:
        node, known = completions, set(completions["flags"])
        for word in words:
            if word not in node["commands"]:
                break
            node = node["commands"][word]
            known |= set(node["flags"])
        assert not node["commands"], f"{words} is no command"
        assert options <= known, f"{words} has no {options - known}"
