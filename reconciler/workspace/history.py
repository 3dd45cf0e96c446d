"""Which commit touched each of many files last, as ``git log -1`` says for each of them, from one walk of the history.

Asking for each file takes as long as the history is, for each. So the commits are read once, newest first, with what
they changed in comparison with each parent, until every file is found. (Not only those that touch the folders: in a
history whose clocks are wrong git leaves out parents when it is asked for these, seen with 2.39.) A file is where
``git log -1`` looks for it: it starts at the newest commit and goes on to the first parent in which it is the same; the
commit that has no such parent is the one (git-log(1), history simplification, default mode).
"""

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Timer
from typing import IO

_TIMEOUT = 20
_SETTINGS = ("--no-optional-locks", "--literal-pathspecs", "-c", "core.quotepath=off", "-c", "log.showSignature=false")
"""Git writes nothing, and a path is a path: ``[a].yaml`` is no pattern."""

_LOG = ("log", "-z", "--format=%H%x00%P%x00%an <%ae>")
_DIFF = ("diff-tree", "--stdin", "--always", "-r", "--raw", "-z", "--relative")
_AT_ONCE = 500
"""Commits that are compared with their parents by one process."""


@dataclass(frozen=True, slots=True)
class Commit:
    """*author* is ``name <address>``."""

    id: str
    parents: tuple[str, ...]
    author: str


def last_commits(folder: Path, paths: Iterable[str]) -> Mapping[str, Commit]:
    """Return the commit that touched each of *paths*, relative to *folder*, last.

    What the newest commit does not have is absent, and so is what git does not tell in time.
    """
    asked = frozenset(paths)
    tops = sorted({path.partition("/")[0] for path in asked})
    there = git(folder, "ls-tree", "-r", "-z", "--name-only", "HEAD", "--", *tops) if tops else None
    wanted = asked.intersection(map(os.fsdecode, (there or b"").split(b"\0")))
    walk = _Walk(wanted)
    commits = _commits(folder)
    while walk.open and (some := list(islice(commits, _AT_ONCE))):
        walk.go_on(some, _changes(folder, tops, some, wanted))
    return walk.found


class _Walk:
    """Every path waits at one commit, where it is the same as in the newest one, until that is read."""

    def __init__(self, paths: frozenset[str]) -> None:
        self.found: dict[str, Commit] = {}
        self.open = len(paths)
        self._paths = paths
        self._waiting: dict[str, set[str]] | None = None
        self._read: dict[str, tuple[Commit, Sequence[frozenset[str]]]] = {}

    def go_on(self, commits: Sequence[Commit], changes: Mapping[str, Sequence[frozenset[str]]]) -> None:
        """Read *commits* with what each changed compared with each parent, and let the paths go on from there."""
        if self._waiting is None:
            self._waiting = {commits[0].id: set(self._paths)}
        self._read.update((each.id, (each, changes[each.id])) for each in commits if each.id in changes)
        ready = [each for each in self._waiting if each in self._read]
        while ready:
            here = ready.pop()
            if here in self._waiting:
                ready += self._leave(self._waiting, *self._read[here])

    def _leave(self, waiting: dict[str, set[str]], commit: Commit, changes: Sequence[frozenset[str]]) -> list[str]:
        """Let all that wait at *commit* go on or end there; return the commits to look at next."""
        paths, following = waiting.pop(commit.id), []
        for parent, changed in zip(commit.parents, changes, strict=True):
            differing = paths & changed
            paths -= differing
            if paths:
                waiting[parent] = paths | waiting.get(parent, set())
                following.append(parent)
            paths = differing
        self.found.update(dict.fromkeys(paths, commit))
        self.open -= len(paths)
        return [each for each in following if each in self._read]


def _commits(folder: Path) -> Iterator[Commit]:
    """Yield commits, the newest first, for as long as git tells of them in time."""
    try:
        log = subprocess.Popen(  # noqa: S603  (a fixed program; the arguments are ours and follow --)
            _command(folder, *_LOG),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        return
    bound = Timer(_TIMEOUT, log.kill)
    bound.start()
    try:
        fields = _fields(log.stdout) if log.stdout else iter(())
        for commit, parents, author in zip(fields, fields, fields, strict=False):
            told = author.decode(errors="replace")
            yield Commit(commit.decode(), tuple(parents.decode().split()), told)
    finally:
        bound.cancel()
        log.kill()
        log.communicate()


def _fields(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield what stands between zeros, as it comes."""
    rest = b""
    while chunk := os.read(stream.fileno(), 65_536):
        *fields, rest = (rest + chunk).split(b"\0")
        yield from fields


def _changes(
    folder: Path, tops: Sequence[str], commits: Sequence[Commit], wanted: frozenset[str]
) -> Mapping[str, Sequence[frozenset[str]]]:
    """Return for each commit which of *wanted* differ from each of its parents."""
    pairs = [(each.id, parent) for each in commits for parent in each.parents]
    asked = "".join(f"{commit} {parent}\n" for commit, parent in pairs)
    told = git(folder, *_DIFF, "--", *tops, asked=asked)
    changes: dict[str, list[frozenset[str]]] = {}
    parts = _parts(told.split(b"\0")) if told is not None else iter(())
    for (commit, _), names in zip(pairs, parts, strict=False):
        changes.setdefault(commit, []).append(frozenset(map(os.fsdecode, names)) & wanted)
    return {each.id: changes.get(each.id, []) for each in commits if len(changes.get(each.id, ())) == len(each.parents)}


def _parts(fields: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield the names behind each commit: a field that begins with a colon is followed by one."""
    names: list[bytes] | None = None
    fields = iter(fields)
    for field in fields:
        if field.startswith(b":") and names is not None:
            names.append(next(fields))
        elif field:
            if names is not None:
                yield names
            names = []
    if names is not None:
        yield names


def git(folder: Path, *arguments: str, asked: str = "") -> bytes | None:
    """Return what git answers to *arguments* in *folder*, *asked* being its standard input; None if it does not."""
    try:
        done = subprocess.run(  # noqa: S603  (a fixed program; the arguments are ours and follow --)
            _command(folder, *arguments), capture_output=True, timeout=_TIMEOUT, check=True, input=asked.encode()
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _command(folder: Path, *arguments: str) -> list[str]:
    return ["git", "-C", str(folder), *_SETTINGS, *arguments]
