"""A boto3 session for tests that each create a new world. Creating clients is most of the cost of such a test."""

from __future__ import annotations

from typing import Any

import boto3
import botocore.session


class QuickSession(boto3.Session):
    """Creates each client once, whatever the credentials, because moto checks none."""

    def __init__(self, access_key: str, region: str) -> None:
        super().__init__(access_key, "invented", region_name=region, botocore_session=botocore.session.Session())
        self._clients: dict[str, Any] = {}

    def client(self, service_name: str, **options: Any) -> Any:  # type: ignore[override]
        """The client of a service. One with its own credentials is cached separately, because its settings differ."""
        name = f"{service_name} for another" if "aws_session_token" in options else service_name
        name += f" in {options.get('region_name', 'its region')}"
        if name not in self._clients:
            self._clients[name] = super().client(service_name, **options)  # type: ignore[call-overload]
        return self._clients[name]
