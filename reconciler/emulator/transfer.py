"""gzip in both directions, with a bound on what a small request may become.

Source: developer.zuora.com, guide "Requests and responses": responses of more than 1000 bytes are compressed when
the client accepts gzip. No general bound on request bodies is published; MAX_BODY is the emulator's own.
"""

import gzip
import zlib

from reconciler.emulator.messages import Request, Response
from reconciler.emulator.reasons import Category, refused

MAX_BODY = 1_048_576
COMPRESSED_ABOVE = 1_000

_GZIP_FORMAT = 16 + zlib.MAX_WBITS


def decoded_body(request: Request) -> bytes:
    """Return the body without its content encoding. Raise RefusedError for a bad, unknown or too large one."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    match encoding:
        case "identity" | "":
            body = request.body
        case "gzip":
            body = _gunzip(request.body)
        case _:
            raise refused(Category.MALFORMED_REQUEST, "Content-Encoding must be gzip or absent.")
    if len(body) > MAX_BODY:
        raise refused(Category.INVALID_VALUE, f"The request body is larger than {MAX_BODY} bytes.")
    return body


def encoded_response(request: Request, response: Response) -> Response:
    """Return *response* as it goes over the wire: compressed where the client accepts it, with its length."""
    headers = dict(response.headers)
    body = response.body
    is_plain = not any(name.lower() == "content-encoding" for name in headers)
    if is_plain and len(body) > COMPRESSED_ABOVE and _accepts_gzip(request.headers.get("accept-encoding", "")):
        body = gzip.compress(body, mtime=0)
        headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    headers["Content-Length"] = str(len(body))
    return Response(status=response.status, headers=headers, body=body)


def _gunzip(body: bytes) -> bytes:
    decompressor = zlib.decompressobj(_GZIP_FORMAT)
    try:
        plain = decompressor.decompress(body, MAX_BODY + 1)
    except zlib.error:
        raise _bad_gzip() from None
    if len(plain) <= MAX_BODY and (not decompressor.eof or decompressor.unused_data):
        raise _bad_gzip()
    return plain


def _bad_gzip() -> Exception:
    return refused(Category.MALFORMED_REQUEST, "The request body is not valid gzip.")


def _accepts_gzip(accept_encoding: str) -> bool:
    for item in accept_encoding.lower().split(","):
        name, _, quality = item.partition(";")
        if name.strip() == "gzip":
            return quality.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
