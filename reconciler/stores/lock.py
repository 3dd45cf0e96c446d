"""One run at a time on a state document, as a courtesy: the holder says who it is, and its death frees the lock.

Safety does not rest on it: keys are computed, the journal is durable, and the document is compared before a write.
"""

import fcntl
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from reconciler.errors import Locked
from reconciler.stores.file import let_go, make_folder, translated

_PAUSE = 0.2


@contextmanager
def held(
    state: Path,
    *,
    name: str,
    holder: Mapping[str, str],
    timeout: float,
    monotonic: Callable[[], float],
    sleep: Callable[[float], None],
) -> Iterator[None]:
    """Hold the lock of the document at *state*. Raise Locked if another run holds it for *timeout* seconds.

    *holder* is what others are told meanwhile; *name* is what messages call the document.
    """
    target = Path(os.path.realpath(state))
    with translated("The lock cannot be taken", name):
        make_folder(target.parent)
        path = target.with_name(f"{target.name}.lock")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, stat.S_IRUSR | stat.S_IWUSR)
    try:
        end = monotonic() + timeout
        while not _is_taken(descriptor, name):
            if monotonic() >= end:
                raise _locked(name, _holder_in(descriptor))
            sleep(_PAUSE)
        with translated("The lock cannot be taken", name):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        yield
    finally:
        let_go(descriptor)


def _is_taken(descriptor: int, name: str) -> bool:
    with translated("The lock cannot be taken", name):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _holder_in(descriptor: int) -> bytes:
    """Return what the holder has said of itself, empty if that cannot be read: the lock is held all the same."""
    try:
        return os.pread(descriptor, 4096, 0)
    except OSError:
        return b""


def _locked(name: str, content: bytes) -> Locked:
    try:
        holder = ", ".join(f"{key} {value}" for key, value in json.loads(content).items())
    except (ValueError, AttributeError):
        holder = "it has not said who it is"
    return Locked(
        "Another run is at work",
        f"The lock of {name} is held: {holder}. Nothing was sent.",
        hint="Wait for it, or give --lock-timeout 5m; the lock is free as soon as that process ends.",
    )
