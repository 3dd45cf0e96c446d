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
    tell: Callable[[str | None], None] = lambda _: None,
) -> Iterator[None]:
    """Hold the lock of the document at *state*. Raise Locked if another run holds it for *timeout* seconds.

    *holder* is what others are told meanwhile; *name* is what messages call the document. Where there is something to
    wait for, *tell* hears once who holds the lock, and None if it has become ours.
    """
    target = Path(os.path.realpath(state))
    with translated("The lock cannot be taken", name):
        make_folder(target.parent)
        path = target.with_name(f"{target.name}.lock")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, stat.S_IRUSR | stat.S_IWUSR)
    try:
        _take(descriptor, name, timeout=timeout, monotonic=monotonic, sleep=sleep, tell=tell)
        with translated("The lock cannot be taken", name):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        yield
    finally:
        let_go(descriptor)


def _take(
    descriptor: int,
    name: str,
    *,
    timeout: float,
    monotonic: Callable[[], float],
    sleep: Callable[[float], None],
    tell: Callable[[str | None], None],
) -> None:
    end, has_waited = monotonic() + timeout, False
    while not _is_taken(descriptor, name):
        if monotonic() >= end:
            raise _locked(name, holder_in(descriptor), waited=timeout if has_waited else 0.0)
        if not has_waited:
            tell(holder_in(descriptor))
            has_waited = True
        sleep(_PAUSE)
    if has_waited:
        tell(None)


def _is_taken(descriptor: int, name: str) -> bool:
    with translated("The lock cannot be taken", name):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def holder_in(descriptor: int) -> str:
    """Return what the holder says of itself. If that cannot be read, the lock is held all the same."""
    try:
        told = json.loads(os.pread(descriptor, 4096, 0))
        return ", ".join(f"{key} {value}" for key, value in told.items())
    except (OSError, ValueError, AttributeError):
        return "it has not said who it is"


def _locked(name: str, holder: str, *, waited: float) -> Locked:
    so_long = f" It was waited for {waited:.0f} s." if waited else ""
    timeout = "a longer --lock-timeout" if waited else "--lock-timeout 5m"
    return Locked(
        "Another run is at work",
        f"The lock of {name} is held: {holder}.{so_long} Nothing was sent.",
        hint=f"Wait for it, or give {timeout}; the lock is free as soon as that process ends.",
    )
