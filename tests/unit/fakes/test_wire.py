from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.fakes.amplify import wire
from tests.fakes.amplify.core import OPERATIONS

if TYPE_CHECKING:
    from tests.fakes.amplify.moto_adapter import AmplifyOnMoto


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_has_a_route(operation: str) -> None:
    http = wire.model().operation_model(operation).http
    path = http["requestUri"].replace("{", "").replace("}", "").split("?")[0]

    routed = wire.route(http["method"], path)

    assert routed is not None
    assert routed.operation == operation


@pytest.mark.parametrize(
    "answer",
    [
        {"apps": "none"},
        {},
        {"apps": [], "surprise": 1},
        {"apps": [{"appId": "d1"}]},
    ],
)
def test_an_answer_that_does_not_fit_the_service_model_raises_an_assertion_error(answer: dict[str, object]) -> None:
    with pytest.raises(AssertionError, match="ListApps"):
        wire.check_output("ListApps", answer)


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"computeRoleArn": 1}'])
def test_a_malformed_body_is_a_bad_request(amplify: AmplifyOnMoto, body: bytes) -> None:
    answer = wire.handle(amplify.fake, wire.HttpRequest("POST", "/apps/d1/branches/main", body=body))

    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (400, "BadRequestException")
    assert json.loads(answer.body)["message"]


def test_an_unknown_path_is_not_found(amplify: AmplifyOnMoto) -> None:
    assert wire.handle(amplify.fake, wire.HttpRequest("GET", "/nothing")).status == 404
