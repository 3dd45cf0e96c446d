"""A real socket server that answers as it is told: for what no emulator would ever say."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Answer = Callable[[bytes], bytes | None]
"""From the head and body of a request to the bytes of the answer; None closes the connection without one."""

TOKEN_TEXT = "token-of-a-canned-server"
TOKEN = f'{{"access_token": "{TOKEN_TEXT}", "expires_in": 3599, "scope": "tenant.1 entity.e"}}'.encode()


def http(status: int, body: bytes, *headers: str, length: int | None = None) -> bytes:
    head = "".join(f"{line}\r\n" for line in headers)
    return (
        f"HTTP/1.1 {status} X\r\nContent-Length: {len(body) if length is None else length}\r\n{head}\r\n".encode()
        + body
    )


def after_token(answer: Answer) -> Answer:
    """Give a token, and let *answer* speak for the operation."""
    return lambda request: http(200, TOKEN) if b"/oauth/token" in request.split(b"\r\n")[0] else answer(request)


@contextmanager
def canned(answer: Answer, *, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve on loopback and yield the base URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_accept, args=(listener, answer, tls), daemon=True).start()
    try:
        scheme = "https" if tls else "http"
        yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@contextmanager
def connect_proxy(target: str, seen: list[str]) -> Iterator[str]:
    """Serve as a proxy that tunnels every CONNECT to *target* (``host:port``), and yield its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_accept_tunnels, args=(listener, target, seen), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def _accept(listener: socket.socket, answer: Answer, tls: ssl.SSLContext | None) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_converse, args=(connection, answer, tls), daemon=True).start()


def _converse(connection: socket.socket, answer: Answer, tls: ssl.SSLContext | None) -> None:
    with suppress(OSError), connection:
        stream = tls.wrap_socket(connection, server_side=True) if tls else connection
        with stream:
            while request := _request(stream):
                told = answer(request)
                if told is None:
                    return
                stream.sendall(told)
                if b"Connection: close" in told.partition(b"\r\n\r\n")[0]:
                    return


def _request(stream: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = stream.recv(65536)
        if not chunk:
            return b""
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    while len(body) < int(fields.get(b"content-length", b"0")):
        body += stream.recv(65536)
    return head + b"\r\n\r\n" + body


def _accept_tunnels(listener: socket.socket, target: str, seen: list[str]) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_tunnel, args=(connection, target, seen), daemon=True).start()


def _tunnel(connection: socket.socket, target: str, seen: list[str]) -> None:
    with suppress(OSError), connection:
        seen.append(_request(connection).split(b"\r\n")[0].decode())
        host, _, port = target.rpartition(":")
        with socket.create_connection((host, int(port))) as upstream:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pump, args=(upstream, connection), daemon=True)
            back.start()
            _pump(connection, upstream)
            back.join(timeout=10)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65536):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
