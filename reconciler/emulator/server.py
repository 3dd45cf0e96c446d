"""The emulator on a socket."""

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from reconciler.emulator.app import Application

_GRACE_SECONDS = 10


def serve(app: Application, *, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve *app* until SIGINT or SIGTERM, then return. *ready* gets the base URL as soon as a client can connect.

    Port 0 takes any free port. Raise OSError if the address cannot be had.
    """
    listener = listen(host, port)
    server = make_server(app)
    with listener, _signals_to(server):
        ready(base_url(listener))
        server.run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)


def base_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def make_server(app: Application) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        access_log=False,
        date_header=False,
        interface="asgi3",
        lifespan="on",
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        ws="none",
    )
    return uvicorn.Server(config)


@contextmanager
def _signals_to(server: uvicorn.Server) -> Iterator[None]:
    """Turn both signals into an orderly end. uvicorn raises them again afterwards: then they say nothing new."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: object) -> None:
        server.should_exit = True

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
