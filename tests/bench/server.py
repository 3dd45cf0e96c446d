"""A server that costs next to nothing: it answers every POST after SECONDS. Run: server.py SECONDS [CERTIFICATE]"""

import asyncio
import ssl
import sys

BODY = b'{"idList":["2c9890508ad035db018ad0d8d1685fef","2c9890508ad035db018ad0d8d1695ff0"],"success":true}'
TOKEN = b'{"access_token":"token","expires_in":3599,"scope":"tenant.1 entity.e"}'
FIELDS = (
    "content-type: application/json",
    "zuora-request-id: 2bc5632d-6086-4a84-88a3-3f3b348e059b",
    "ratelimit-limit: 50000, 50000;w=60",
    "ratelimit-remaining: 49999",
    "ratelimit-reset: 60",
    "concurrency-limit-type: Default",
    "concurrency-limit-limit: 40",
    "concurrency-limit-remaining: 39",
    "date: Sun, 22 Nov 2026 12:00:00 GMT",
)


def answer(body: bytes) -> bytes:
    head = "\r\n".join(("HTTP/1.1 200 OK", *FIELDS, f"content-length: {len(body)}", "", ""))
    return head.encode() + body


DONE, TOKEN_ANSWER = answer(BODY), answer(TOKEN)


class Connection(asyncio.Protocol):
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = self._received.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if not found or len(rest) < int(length or 0):
            return
        self._received = rest[int(length or 0) :]
        if b"/oauth/token" in head.partition(b"\r\n")[0]:
            self._transport.write(TOKEN_ANSWER)
        else:
            asyncio.get_running_loop().call_later(self._seconds, self._transport.write, DONE)


async def main() -> None:
    context = None
    if len(sys.argv) > 2:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(float(sys.argv[1])), "127.0.0.1", 0, backlog=500, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
