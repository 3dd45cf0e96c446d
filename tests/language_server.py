"""A small client of the Language Server Protocol, enough to ask a real server what an editor would show.

Source: Language Server Protocol 3.17, base protocol: a header ``Content-Length: N``, an empty line, N bytes of JSON.
"""

import itertools
import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, TypeAlias

Message: TypeAlias = dict[str, Any]

PATIENCE = 60
"""Seconds for one answer: far more than an answer takes, on a busy machine too."""

SETTINGS = {"yaml": {"validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False}}}
"""As an editor has them, but for the catalogue of schemas, which would be fetched."""

ABILITIES = {
    "textDocument": {
        "publishDiagnostics": {},
        "hover": {"contentFormat": ["markdown", "plaintext"]},
        "completion": {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown", "plaintext"]}},
    },
    "workspace": {"configuration": True},
}
"""What an editor says that it can do."""


class LanguageServer:
    """One running server. Places are those of the protocol: lines and characters from 0."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._numbers = itertools.count(1)
        self._received: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._diagnostics: dict[str, list[Message]] = {}
        threading.Thread(target=self._receive, daemon=True).start()

    def begin(self, folder: Path) -> None:
        about = {"processId": None, "rootUri": folder.as_uri(), "capabilities": ABILITIES}
        self.ask("initialize", about)
        self._tell("initialized", {})
        self._tell("workspace/didChangeConfiguration", {"settings": SETTINGS})

    def end(self) -> None:
        self.ask("shutdown", None)
        self._tell("exit", None)

    def open(self, path: Path) -> list[Message]:
        """Open the file at *path* and return the diagnostics that the server then publishes."""
        uri = path.as_uri()
        self._diagnostics.pop(uri, None)
        text = {"uri": uri, "languageId": "yaml", "version": 1, "text": path.read_text("utf-8")}
        self._tell("textDocument/didOpen", {"textDocument": text})
        while uri not in self._diagnostics:
            self._handle(self._next())
        return self._diagnostics[uri]

    def hover(self, path: Path, line: int, character: int) -> str:
        """Return what is shown over a place, as Markdown; empty if nothing is."""
        answer = self._at("textDocument/hover", path, line, character)
        return str(answer["contents"]["value"]) if answer else ""

    def completion(self, path: Path, line: int, character: int) -> list[Message]:
        """Return what is offered at a place."""
        answer = self._at("textDocument/completion", path, line, character)
        found: list[Message] = answer["items"] if isinstance(answer, dict) else answer
        return found

    def _at(self, method: str, path: Path, line: int, character: int) -> Any:  # noqa: ANN401  (JSON)
        position = {"line": line, "character": character}
        return self.ask(method, {"textDocument": {"uri": path.as_uri()}, "position": position})

    def ask(self, method: str, parameters: Any) -> Any:  # noqa: ANN401  (JSON)
        """Return the result of a request, and answer meanwhile whatever the server asks."""
        number = next(self._numbers)
        self._send({"id": number, "method": method, "params": parameters})
        while True:
            message = self._next()
            if message.get("id") == number and "method" not in message:
                assert "error" not in message, message
                return message["result"]
            self._handle(message)

    def _tell(self, method: str, parameters: Any) -> None:  # noqa: ANN401  (JSON)
        self._send({"method": method, "params": parameters})

    def _handle(self, message: Message) -> None:
        method = message.get("method")
        if method == "textDocument/publishDiagnostics":
            self._diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif "id" in message and method == "workspace/configuration":
            asked = [each.get("section", "") for each in message["params"]["items"]]
            self._send({"id": message["id"], "result": [SETTINGS.get(each) for each in asked]})
        elif "id" in message and method:
            self._send({"id": message["id"], "result": None})

    def _next(self) -> Message:
        message = self._received.get(timeout=PATIENCE)
        assert message is not None, "the server has ended"
        return message

    def _send(self, message: Message) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._process.stdin.flush()

    def _receive(self) -> None:
        assert self._process.stdout
        while (message := _read_message(self._process.stdout)) is not None:
            self._received.put(message)
        self._received.put(None)


def _read_message(stream: IO[bytes]) -> Message | None:
    """Return the next message, or None at the end of *stream*."""
    length = 0
    while (line := stream.readline()).strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    body = stream.read(length) if line else b""
    message: Message | None = json.loads(body) if body else None
    return message


def find_language_server(asked: str | None, tools: Path) -> str | None:
    """Return the command of yaml-language-server: *asked*, or below *tools*, or on the path; None if absent."""
    return (
        asked
        or shutil.which("yaml-language-server", path=tools / "node_modules/.bin")
        or shutil.which("yaml-language-server")
    )


@contextmanager
def language_server(command: str, folder: Path) -> Iterator[LanguageServer]:
    """A server at work in *folder*; it is asked to end, and killed when it does not."""
    process = subprocess.Popen(
        [command, "--stdio"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        server = LanguageServer(process)
        server.begin(folder)
        yield server
        server.end()
        process.wait(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            with suppress(OSError):
                stream.close()  # type: ignore[union-attr]
