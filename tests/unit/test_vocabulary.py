"""The words of every text that a person reads; ``widgets/test/vocabulary.test.ts`` holds the rest.

Messages, remedies, warnings and HTML are string constants; the description of the API and the help
of public objects are docstrings.
"""

import ast
import inspect
import json
import re
from pathlib import Path

import pytest

import datagen_nb as dg
from datagen_nb.pipelines.built_in import PARAMETERS
from tests.golden import OPENAPI
from tests.unit.test_docstrings import CODE, FUNCTIONS, KINDS, METHODS

BANNED = re.compile(
    r"\b(learn\w*|mend\w*|told|tells?|hardly|nobody|somebody|whoever|besides|no bound|by heart|"
    r"as they come|costs nothing|look(ing)? again|looked at the first)\b",
    re.IGNORECASE,
)
PACKAGE = Path(dg.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

WIRE_ONLY = re.compile(
    rf"\b({'|'.join(name for name in PARAMETERS if name != name.lower())}|inputFormat)\b"
)
"""Names of the wire that Python writes in another way; a remedy with one would be refused."""


def texts(source: str) -> list[str]:
    """The string constants of a module, but for docstrings, keys and names."""
    tree = ast.parse(source)
    silent = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    constants = (node for node in ast.walk(tree) if isinstance(node, ast.Constant))
    strings = (one for one in constants if isinstance(one.value, str) and id(one) not in silent)
    return [one.value for one in strings if " " in one.value]


def descriptions(value: object) -> list[str]:
    """The prose of a description of an API."""
    if isinstance(value, list):
        return [text for one in value for text in descriptions(one)]
    if not isinstance(value, dict):
        return []
    here = [value[key] for key in ("description", "summary") if isinstance(value.get(key), str)]
    return here + [text for one in value.values() for text in descriptions(one)]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_a_person_reads_has_the_words_of_the_field(path):
    """Train and fit, sample, unique, unlimited, refresh."""
    prose = texts(path.read_text(encoding="utf-8"))
    assert [text for text in prose if BANNED.search(text)] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_sentence_names_parameters_as_python_writes_them(path):
    """What a remedy names, ``submit`` accepts."""
    prose = texts(path.read_text(encoding="utf-8"))
    assert [text for text in prose if WIRE_ONLY.search(text)] == []


def test_the_description_of_the_api_has_the_words_of_the_field():
    """Read by those who write clients."""
    prose = descriptions(json.loads(OPENAPI.read_text(encoding="utf-8")))
    assert len(prose) > 100
    assert [text for text in prose if BANNED.search(text)] == []


@pytest.mark.parametrize(
    "shown",
    [*KINDS, *FUNCTIONS, *METHODS, *CODE, *vars(dg.errors).values()],
    ids=lambda shown: getattr(shown, "__qualname__", ""),
)
def test_the_help_of_what_is_public_has_the_words_of_the_field(shown):
    """Shift-Tab and the reference show it."""
    if callable(shown):
        assert not BANNED.search(inspect.getdoc(shown) or "")


def test_texts_are_found_and_docstrings_are_not():
    """A test of the test: it would pass on a module without texts."""
    source = '"""Told."""\nx = f"It is told {x} as they come."\nname = "told"\n'
    assert texts(source) == ["It is told ", " as they come."]
    assert descriptions({"a": [{"summary": "One."}], "description": "Two."}) == ["Two.", "One."]
