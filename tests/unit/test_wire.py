"""The wire tells every error so that the other side has the same one."""

import inspect
import json
import pickle

import pytest

from datagen_nb.api import wire
from datagen_nb.core.errors import (
    ERROR_TYPES,
    ConfigurationError,
    DatagenError,
    JobNotFound,
    Problem,
    ProtocolError,
    ServiceUnavailable,
)


def example(name: str) -> DatagenError:
    """An error of a class, with every fact that it can carry."""
    kind = ERROR_TYPES[name]
    if kind is ConfigurationError:
        problems = [
            Problem("dataSize", "0", "has to be more", "Write 1."),
            Problem("a", "b", "c", "d"),
        ]
        return ConfigurationError(problems)
    return kind(
        "What happened, to “ä\n\u2028”.", code="its_own_code", details={"jobId": "j", "n": [1]}
    )


def test_every_error_class_has_an_http_status():
    """No class was forgotten, and none is listed that is not there."""
    assert wire.HTTP_STATUS.keys() == ERROR_TYPES.keys()
    assert all(400 <= status <= 599 for status in wire.HTTP_STATUS.values())


@pytest.mark.parametrize("name", ERROR_TYPES)
def test_every_error_survives_the_wire(name):
    """Class, code, message, details arrive, and the request's id with them."""
    error = example(name)
    status, body = wire.problem_document(error, "r1")
    back = wire.error_from_response(status, json.loads(json.dumps(body)), "other")
    assert type(back) is type(error)
    assert (back.code, back.message, back.details) == (error.code, error.message, error.details)
    assert back.request_id == "r1"


@pytest.mark.parametrize("name", ERROR_TYPES)
def test_every_error_survives_a_process_border(name):
    """A worker's error is the same in the service."""
    error = example(name)
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert (back.code, back.message, back.details) == (error.code, error.message, error.details)


def test_problems_of_a_configuration_arrive_one_by_one():
    """The form can mark each field."""
    error = example("ConfigurationError")
    back = wire.error_from_response(422, wire.problem_document(error, "r")[1], "r")
    assert back.problems == error.problems


@pytest.mark.parametrize("name", ERROR_TYPES)
def test_a_problem_is_one_of_the_standard(name):
    """RFC 9457 asks for type, title, status, detail."""
    status, body = wire.problem_document(example(name), "r")
    assert body["type"].startswith("urn:")
    assert body["status"] == status
    assert body["title"] == inspect.getdoc(ERROR_TYPES[name]).splitlines()[0]
    assert body["detail"]


def test_an_error_of_a_newer_service_keeps_its_code():
    """A class this version does not know is reported as the base of all."""
    body = {"kind": "Unheard", "code": "quota", "detail": "Too many.", "details": {"n": 3}}
    back = wire.error_from_response(402, body, "r9")
    assert type(back) is DatagenError
    assert (back.code, back.details, back.request_id) == ("quota", {"n": 3}, "r9")


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_gateways_own_page_means_unavailable(status):
    """What stands before a service answers in HTML."""
    assert type(wire.error_from_response(status, None, "r")) is ServiceUnavailable


@pytest.mark.parametrize("body", [None, [], "no", {"detail": "x"}, {"kind": "x", "code": "y"}])
def test_an_answer_without_a_reason_is_a_protocol_error(body):
    """Whatever comes, one of our errors is raised."""
    back = wire.error_from_response(418, body, "r")
    assert type(back) is ProtocolError
    assert back.details == {"status": 418}


@pytest.mark.parametrize("details", [None, [], "x", 3])
def test_details_of_the_wrong_form_do_not_break_an_error(details):
    """A fault of the other side hides no reason."""
    body = {"kind": "JobNotFound", "code": "job_not_found", "detail": "None.", "details": details}
    back = wire.error_from_response(404, body, "r")
    assert type(back) is ERROR_TYPES["JobNotFound"]
    assert back.details == {}


@pytest.mark.parametrize(
    "job_id", ["../info", "a/b", "..", ".", "a?b", "a#b", "%2e", "", "é", "j\0", "j\n", "x" * 65]
)
def test_an_id_that_is_none_leads_to_no_other_route(job_id):
    """Such a job cannot be there, and nothing is sent."""
    with pytest.raises(JobNotFound) as raised:
        wire.job_path(job_id, "log")
    assert raised.value.details == {"jobId": job_id}


def test_a_jobs_path_names_what_is_asked_of_it():
    """Both ends build their paths here."""
    assert wire.job_path("j_01", "parts", "3") == "/v1/jobs/j_01/parts/3"
