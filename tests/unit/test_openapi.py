"""The API's description is complete, and is the one that is kept."""

import json
import re

import pytest
from jsonschema import Draft202012Validator

from datagen_nb.api import wire
from datagen_nb.api.server.app import make_app
from datagen_nb.api.server.examples import EXAMPLES
from datagen_nb.core import config, limits, messages, status, uploads
from datagen_nb.core.errors import ERROR_TYPES
from tests.golden import OPENAPI, openapi_text
from tests.routes import walk

APP = make_app(lambda _: None, describe=lambda info: info)
API = APP.openapi()
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in API["paths"].items()
    for method, operation in methods.items()
}
ROUTES = sorted(
    f"{method} {route.path}"
    for route in walk(APP.routes)
    for method in getattr(route, "methods", None) or ()
)
ITSELF = {"GET /v1/openapi.json", "HEAD /v1/openapi.json"}


def test_the_description_is_the_one_that_is_kept():
    """A change of the wire is seen by who makes it; `python -m tests.golden` keeps it."""
    assert json.loads(OPENAPI.read_text()) == json.loads(openapi_text())


def test_the_description_is_openapi():
    """Of version 3.1: its schemas are schemas, and what it refers to is there."""
    assert API["openapi"] == "3.1.0"
    for schema in API["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for place in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(API)):
        found = API
        for step in place.split("/"):
            found = found[step]


def test_every_route_is_described():
    """A new one needs a description."""
    assert {*ROUTES} == {*OPERATIONS} | ITSELF


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_says_all_that_it_can_answer(name):
    """Its success with a body's model, every error as a problem, and the headers of each."""
    method, path = name.split(" ")
    operation = OPERATIONS[name]
    responses = operation["responses"]
    assert operation["description"]
    assert {*operation["tags"]} <= {tag["name"] for tag in API["tags"]}
    assert {"401", "403", "414", "422", "429", "431", "500", "503"} <= responses.keys()
    assert "{" not in path or "404" in responses
    assert "requestBody" not in operation or "413" in responses
    assert any(code.startswith("2") for code in responses)
    for code, described in responses.items():
        response = API["components"]["responses"][code] if "$ref" in described else described
        assert wire.REQUEST_ID in response["headers"], code
        content = response.get("content", {})
        if code.startswith("2") and code != "204" and method != "HEAD":
            assert content, code
            assert all(part["schema"] for part in content.values()), code
        if code[0] in "45" and method != "HEAD":
            assert content[wire.PROBLEM_TYPE]["schema"]["$ref"].endswith("/Problem"), code
            assert "Errors: " in response["description"] or (
                code == "503" and path in {wire.HEALTH, wire.READYZ}
            )
        assert code != "429" or "Retry-After" in response["headers"]
        assert code != "401" or "WWW-Authenticate" in response["headers"]
    assert "x-errors" not in json.dumps(operation)
    assert "x-headers" not in json.dumps(operation)


def test_each_operation_has_a_name_of_its_own():
    """Clients are made of these names."""
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len({*names}) == len(names)
    assert all(re.fullmatch(r"[a-z][A-Za-z]+", name) for name in names)


@pytest.mark.parametrize(
    "name", ["POST /v1/jobs", "POST /v1/jobs/{job_id}/rerun", "POST /v1/graphs"]
)
def test_a_submit_asks_for_a_key(name):
    """Idempotency is no choice."""
    parameters = {one["name"]: one for one in OPERATIONS[name]["parameters"]}
    assert parameters[wire.IDEMPOTENCY_KEY]["required"]


@pytest.mark.parametrize("name", ["POST /v1/jobs", "POST /v1/uploads", "POST /v1/webhooks"])
def test_what_is_made_says_where_it_is(name):
    """201 with ``Location``."""
    assert "Location" in OPERATIONS[name]["responses"]["201"]["headers"]


def test_pages_are_asked_for_by_a_cursor_and_a_limit():
    """No list is answered whole; one also has an offset, which the specification asks for."""
    for name, operation in OPERATIONS.items():
        named = {one["name"] for one in operation.get("parameters", ())}
        assert not {"offset", "page"} & named or name == "GET /v1/jobs"
        if "limit" in named:
            assert {"cursor", "after"} & named, name


def test_the_problem_lists_every_class_and_its_code():
    """A program may rely on them."""
    problem = API["components"]["schemas"]["Problem"]
    assert {*problem["properties"]["kind"]["enum"]} == {*ERROR_TYPES}
    for name, kind in ERROR_TYPES.items():
        assert f"`{kind.code}` ({name})" in problem["description"]
    assert {*wire.problem_document(ERROR_TYPES["NotFound"]("x"), "r")[1]} == {*problem["required"]}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_what_it_is_an_example_of(name):
    """It can be read as its model."""
    model = next(
        getattr(module, name)
        for module in (config, status, messages, uploads, limits)
        if hasattr(module, name)
    )
    assert model.from_wire(EXAMPLES[name])
    assert API["components"]["schemas"][name]["examples"] == [EXAMPLES[name]]


def test_no_number_in_the_description_is_beyond_json():
    """Some readers know no integer above 2**53."""
    assert "NaN" not in openapi_text()
    assert "Infinity" not in openapi_text()


def test_properties_have_the_descriptions_of_their_fields():
    """Under wire names and in Markdown, for those who never see the Python classes."""
    schemas = API["components"]["schemas"]
    limit_status = schemas["RateLimitStatus"]["properties"]
    assert limit_status["maxWaiting"]["description"] == "Jobs that may be queued."
    assert "`outputPath`" in schemas["JobConfiguration"]["properties"]["overwrite"]["description"]
    for name, schema in schemas.items():
        texts = [schema, *schema.get("properties", {}).values()]
        for text in (each.get("description", "") for each in texts):
            assert "Args:" not in text, name
            assert "``" not in text, name
