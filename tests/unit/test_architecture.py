"""What import-linter's contracts in ``pyproject.toml`` do not see."""

import ast
from pathlib import Path

import pytest

import datagen_nb

PACKAGE = Path(datagen_nb.__file__).parent
SERVICE = sorted((PACKAGE / "service").rglob("*.py"))
COMPOSED = {"service/service.py"}
"""Where the parts are put together."""

TAKES_THE_WHOLE = {
    f"service/{name}.py"
    for name in (
        "areas", "estimates", "plans", "schedules", "uploads",
        "jobs/dependencies", "jobs/outputs", "jobs/retention", "jobs/runner",
        "monitoring/alerts", "monitoring/health", "monitoring/metrics",
    )
}  # fmt: skip
"""Parts that still do: none may join them."""


def constructors(source):
    """Each class of a module with the annotations of its constructor's parameters."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, ast.FunctionDef) and member.name == "__init__":
                    arguments = [*member.args.args, *member.args.kwonlyargs]
                    yield node.name, [ast.unparse(a.annotation) for a in arguments if a.annotation]


def takes_the_service(source):
    return [name for name, types in constructors(source) if any("JobService" in t for t in types)]


@pytest.mark.parametrize("path", SERVICE, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_part_of_the_service_takes_the_whole(path):
    """A part names what it needs; it does not reach through the service for it."""
    if str(path.relative_to(PACKAGE)) not in COMPOSED | TAKES_THE_WHOLE:
        assert takes_the_service(path.read_text(encoding="utf-8")) == []


def test_a_constructor_that_takes_the_service_is_found():
    """A test of the test."""
    source = "class Part:\n    def __init__(self, service: JobService) -> None: ...\n"
    assert takes_the_service(source) == ["Part"]
