"""Answers moto's requests with the fake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ReadTimeoutError
from moto.core.responses import BaseResponse

from tests.fakes.amplify import wire
from tests.fakes.amplify.errors import NoAnswerError
from tests.fakes.amplify.moto_adapter.models import amplify_backends

if TYPE_CHECKING:
    from moto.core.common_types import TYPE_RESPONSE
    from moto.core.request import Request


class AmplifyResponse(BaseResponse):
    """Passes requests to `wire`, whose routes support branch names with slashes and which checks every answer."""

    def __init__(self) -> None:
        super().__init__(service_name="amplify")

    def call_action(self) -> TYPE_RESPONSE:
        """Answer the request that moto prepared."""
        request: Request = self.normalized_request
        fake = amplify_backends[self.current_account][self.region].fake
        asked = wire.HttpRequest(
            method=request.method,
            raw_path=request.raw_path,
            query=request.query_string.decode(),
            body=request.data,
            authorization=request.headers.get("Authorization", ""),
        )
        try:
            answer = wire.handle(fake, asked)
        except NoAnswerError as lost:
            raise ReadTimeoutError(endpoint_url=request.url, error=lost) from lost
        return answer.status, answer.headers, answer.body
