"""What the service takes and gives: plain values that know no socket."""

import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, its body read whole. Header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    status: int
    headers: Mapping[str, str]
    body: bytes


def json_response(status: int, document: Mapping[str, object], *, headers: Mapping[str, str]) -> Response:
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(status=status, headers={"Content-Type": "application/json;charset=UTF-8", **headers}, body=body)
