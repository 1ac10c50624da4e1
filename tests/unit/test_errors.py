"""The tree of errors: drawn as it is, each alive after a pickle and after the wire."""

import pickle
import re

import pytest

from datagen_nb.core import errors
from datagen_nb.core.errors import (
    ERROR_TYPES,
    MAX_PROBLEMS,
    ConfigurationError,
    DatagenError,
    Problem,
    ServiceUnavailable,
    VersionConflict,
    rebuild,
)
from datagen_nb.core.quoting import brief_repr

KINDS = list(ERROR_TYPES.values())
PROBLEMS = [
    Problem("dataSize", "0", "has to be at least 1", "Give rows."),
    Problem("inputPath", "(missing)", "is required", "Give a path."),
]
FACTS = {"jobId": "j_01", "size": 3, "deep": {"a": [1, None]}}


def drawn():
    """The tree of the module's docstring: name, name of its parent, and code if one is reported."""
    above: list[str] = []
    for line in errors.__doc__.splitlines():
        found = re.match(r"    ((?:[│ ]  )*)(?:[├└]─ )?([A-Z]\w+)(?:\s+(\S+))?", line)
        if found:
            depth = (line.index(found[2]) - 4) // 3
            above[depth:] = [found[2]]
            yield found[2], above[depth - 1] if depth else None, found[3]


def made(kind):
    """An error of a kind with everything an error can have."""
    if kind is ConfigurationError:
        return ConfigurationError(PROBLEMS, request_id="r_1")
    return kind("What happened.", code="own_code", details=FACTS, request_id="r_1")


def alike(one, other):
    names = ("message", "code", "details", "request_id", "retryable")
    return type(one) is type(other) and all(
        getattr(one, name) == getattr(other, name) for name in names
    )


def test_the_tree_is_drawn_as_it_is():
    """Every class is in the docstring, under its parent, and nothing else is."""
    parents = {name: parent for name, parent, _ in drawn()}
    assert parents == {
        kind.__name__: None if kind is DatagenError else kind.__bases__[0].__name__
        for kind in KINDS
    }


def test_the_tree_tells_the_codes():
    """Where a code is drawn it is the class's own."""
    reported = {name: code for name, _, code in drawn() if code and re.fullmatch("[a-z_]+", code)}
    reported = {name: code for name, code in reported.items() if code != "the"}
    assert len(reported) > 10
    assert reported == {name: ERROR_TYPES[name].code for name in reported}


def test_no_two_classes_share_a_code():
    """A program that looks at the code knows the class."""
    codes = [kind.code for kind in KINDS]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_survives_pickling(kind):
    """Workers are processes; what they raise arrives whole."""
    error = made(kind)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        back = pickle.loads(pickle.dumps(error, protocol))
        assert alike(back, error)
        assert str(back) == str(error)
        assert back.args == error.args


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_is_rebuilt_from_what_the_wire_tells(kind):
    """Class, code, message, details and request id all come back."""
    error = made(kind)
    back = rebuild(
        kind.__name__,
        error.message,
        code=error.code,
        details=error.details,
        request_id=error.request_id,
    )
    assert alike(back, error)


def test_rebuilt_problems_are_problems_again():
    """Not only text."""
    error = ConfigurationError(PROBLEMS)
    back = rebuild("ConfigurationError", error.message, code=error.code, details=error.details)
    assert back.problems == tuple(PROBLEMS)


def test_a_configuration_error_whose_details_were_lost_has_no_problems():
    """It can still be shown; asking for its problems is no second error."""
    assert rebuild("ConfigurationError", "Wrong.", code="invalid_configuration").problems == ()


def test_an_unknown_kind_is_a_plain_error_with_its_code():
    """A newer service may know more kinds than we do."""
    error = rebuild("Unheard", "No more.", code="quota", details={"n": 1}, request_id="r_2")
    assert type(error) is DatagenError
    assert (error.code, error.details, error.request_id) == ("quota", {"n": 1}, "r_2")
    assert str(error) == "No more."


def test_a_configuration_error_tells_each_problem_on_its_own_line():
    """Field, value, rule and remedy, all in the text."""
    text = str(ConfigurationError(PROBLEMS))
    assert text.splitlines() == [
        "The configuration has 2 problems:",
        "  dataSize = 0: has to be at least 1. Give rows.",
        "  inputPath = (missing): is required. Give a path.",
    ]
    assert str(ConfigurationError(PROBLEMS[:1])).startswith("The configuration has 1 problem:")


def test_only_what_passes_is_worth_another_try():
    """Any other call would fail again."""
    passing = {kind for kind in KINDS if kind.retryable}
    assert passing == {ServiceUnavailable, errors.SubmitInFlight, errors.LimitReached}


def test_an_own_code_does_not_leak_into_the_class():
    """Two errors of a class may have different codes."""
    made(errors.InputError)
    assert errors.InputError("Other.").code == "input_unreadable"


def test_details_are_the_errors_own():
    """What the raiser does to its dict later changes nothing."""
    facts = {"a": 1}
    error = DatagenError("Odd.", details=facts)
    facts["a"] = 2
    assert error.details == {"a": 1}


def test_a_version_conflict_is_nobodys_error_but_the_services():
    """No ``except DatagenError`` takes it for an answer."""
    assert not issubclass(VersionConflict, DatagenError)


def test_a_configuration_error_lists_the_first_problems_and_counts_all():
    """However many there are and however long what was given is, the error stays small."""
    problems = [
        Problem(f"{n}" + "x" * 10_000, "y" * 10_000, "is not known", "") for n in range(500)
    ]
    error = ConfigurationError(problems)
    assert error.message.startswith("The configuration has 500 problems:")
    assert error.message.endswith("… and 480 more")
    assert error.details["count"] == 500
    assert [one.field[0] for one in error.problems[:3]] == ["0", "1", "2"]
    assert len(error.problems) == MAX_PROBLEMS
    assert len(error.message) < 20_000


def test_what_is_given_is_shown_without_writing_all_of_it():
    """A value of any size, or one that cannot be written at all."""
    for value in ["x" * 10**7, list(range(10**6)), {"a": {"b": [[[[[1]]]]]}}, 10**5000]:
        assert len(brief_repr(value)) <= 80
    assert brief_repr({"a": 1}) == "{'a': 1}"
