"""The headers and error bodies that answers share.

Source: developer.zuora.com, guide "Requests and responses", schemas CommonResponse, ErrorResponse and
ProxyUnauthorizedResponse. That a business error of category 45 names the allowed method is taken from HTTP itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.emulator.header_rules import is_track_id, maps_status
from reconciler.emulator.messages import Request, Response, json_response
from reconciler.emulator.reasons import RefusedError
from reconciler.emulator.timestamps import http_date

_REALMS = "Basic realm=Zuora API, ZSession realm=Zuora API, Bearer realm=Zuora API"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What surrounds one answer: *headers* are those of the tenant's limits, {} where no tenant is known."""

    request: Request
    request_id: str
    at: float
    headers: Mapping[str, str]

    def answer(self, status: int, document: Mapping[str, object], **extra: str) -> Response:
        """Return an answer; *extra* headers are written with underscores for hyphens."""
        named = {name.replace("_", "-"): value for name, value in extra.items()}
        return json_response(status, document, headers=self.common_headers() | named)

    def refusal(self, error: RefusedError) -> Response:
        status = error.status if maps_status(self.request.headers.get("zuora-version")) else 200
        document = {
            "processId": self.request_id.replace("-", "")[:16].upper(),
            "reasons": [reason.document() for reason in error.reasons],
            "requestId": self.request_id,
            "success": False,
        }
        return json_response(status, document, headers=self.common_headers() | dict(error.headers))

    def unauthorized(self, message: str = "Authentication error") -> Response:
        return self.answer(401, {"message": message}, WWW_Authenticate=_REALMS)

    def not_implemented(self) -> Response:
        message = f"The emulator does not implement {self.request.method} {self.request.path[:200]}"
        return self.answer(501, {"message": message})

    def system_error(self) -> Response:
        return self.answer(500, {"reasons": [{"code": "SystemError", "message": "internal server error"}]})

    def common_headers(self) -> dict[str, str]:
        track_id = self.request.headers.get("zuora-track-id", "")
        echo = {"Zuora-Track-Id": track_id} if is_track_id(track_id) else {}
        return {"Date": http_date(self.at), "Zuora-Request-Id": self.request_id, **echo, **self.headers}
