"""Reading a secret where the project file says it is: a variable, a file, or what a command prints.

Rule: a secret goes from here into a `Secret` and nowhere else; messages name its source and never its value.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import assert_never

from reconciler.core.environment import FromCommand, FromFile, FromVariable, SecretSource
from reconciler.errors import AuthenticationError
from reconciler.ports import Secret

_TIMEOUT = 60


def read_secret(source: SecretSource, *, name: str, folder: Path, variables: Mapping[str, str]) -> Secret:
    """Return the secret *name* (``client_id``, ``signing_key``). Raise AuthenticationError if it is not to be had."""
    match source:
        case FromVariable(name=variable):
            text = variables.get(variable, "")
            origin = f"the variable {variable}"
        case FromFile(path=path):
            text, origin = _from_file(folder / path, name), f"the file {path}"
        case FromCommand(arguments=arguments):
            text, origin = _from_command(arguments, folder, name), f"the command {arguments[0]}"
        case _:
            assert_never(source)
    stripped = text.strip("\r\n")
    if not stripped:
        raise _missing(name, f"{origin} is not set or empty")
    return Secret(stripped)


def _from_file(path: Path, name: str) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise _missing(name, f"the file {path} cannot be read: {reason}") from None


def _from_command(arguments: tuple[str, ...], folder: Path, name: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603  (the project file names the command; that is its purpose)
            arguments, capture_output=True, timeout=_TIMEOUT, check=True, cwd=folder, stdin=subprocess.DEVNULL
        )
        return done.stdout.decode("utf-8")
    except subprocess.CalledProcessError as error:
        raise _missing(name, f"the command {arguments[0]} ended with status {error.returncode}") from None
    except subprocess.TimeoutExpired:
        raise _missing(name, f"the command {arguments[0]} did not end within {_TIMEOUT} seconds") from None
    except UnicodeDecodeError:
        raise _missing(name, f"what the command {arguments[0]} prints is not UTF-8 text") from None
    except OSError as error:
        raise _missing(name, f"the command {arguments[0]} cannot be run: {error.strerror}") from None


def _missing(name: str, why: str) -> AuthenticationError:
    return AuthenticationError(
        "No credentials",
        f"{name} cannot be read: {why}. Nothing was sent.",
        hint="The project file says where each secret is read from.",
    )
