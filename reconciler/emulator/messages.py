"""What the service takes and gives: plain values that know no socket."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


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


class NoAnswer(Enum):
    """What a client has instead of an answer."""

    LOST = "the connection was closed without an answer"
    REFUSED = "no connection could be made"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What goes back to the client, and how many seconds later than it could."""

    answer: Response | NoAnswer
    wait: float = 0.0


def json_response(status: int, document: Mapping[str, object], *, headers: Mapping[str, str]) -> Response:
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(status=status, headers={"Content-Type": "application/json;charset=UTF-8", **headers}, body=body)
