"""Looking an environment over: what is proven by trying, in the order in which an apply would need it.

Rule: nothing is sent but the request for a token, which is all that a `TokenSource` can; nothing is written but what
the folder's own trial makes and removes.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from reconciler.core.checkup import Check, Keeping, failed, ok, skipped
from reconciler.core.environment import Environment
from reconciler.core.state import State
from reconciler.core.verdicts import (
    judge_clock,
    judge_journals,
    judge_keeping,
    judge_limits,
    judge_lock,
    judge_mark,
    judge_refresh,
    judge_specs,
    judge_state,
    judge_tenant,
    judge_token,
)
from reconciler.engine.marked import MarkedStore
from reconciler.engine.plan import check_mark
from reconciler.engine.recover import recover
from reconciler.errors import ReconcilerError
from reconciler.formats.state import read_state
from reconciler.ports import Clock, JournalStore, StateFolder, TokenSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """*specs* counts declarations and files, or raises InvalidInput; *keeping* says what git makes of the state.

    *tokens* opens the way to the platform, or raises AuthenticationError where no credentials are to be had.
    """

    specs: Callable[[], tuple[int, int]]
    tokens: Callable[[], AbstractAsyncContextManager[TokenSource]]
    store: MarkedStore
    journals: JournalStore
    folder: StateFolder
    keeping: Callable[[], Keeping]
    clock: Clock


@dataclass(frozen=True, slots=True)
class Examined:
    """*state* is as it is stored, None if there is none that can be read."""

    state: State | None
    checks: tuple[Check, ...]


async def examine(environment: Environment, ports: Ports) -> Examined:
    """Try out everything; what fails is a check that says so. Nothing is raised but defects."""
    specs = _specs(environment, ports)
    stored, state = _stored(environment, ports)
    platform = await _platform(environment, ports, state)
    refresh = judge_refresh(environment, ports.clock.now())
    return Examined(state, (specs, *refresh, *platform, *stored))


def _specs(environment: Environment, ports: Ports) -> Check:
    try:
        declarations, files = ports.specs()
    except ReconcilerError as error:
        return failed("specs", error, place=environment.specs)
    return judge_specs(declarations, files, environment.specs)


async def _platform(environment: Environment, ports: Ports, state: State | None) -> list[Check]:
    place = str(environment.place)
    try:
        async with ports.tokens() as source:
            granted = await source.ask()
            told = source.server_time()
            ahead = told - ports.clock.now() if told else None
    except ReconcilerError as error:
        rest = [skipped(name, "not tried: there is no token") for name in ("tenant", "clock", "limits")]
        return [failed("credentials", error, place=place), *rest]
    return [
        judge_token(granted.lifetime, place),
        judge_tenant(granted.scope, environment, state),
        judge_clock(ahead),
        judge_limits(granted.traffic, environment),
    ]


def _stored(environment: Environment, ports: Ports) -> tuple[list[Check], State | None]:
    """Look at the state and at what stands around it."""
    checks, state, is_there = _state(environment, ports)
    checks += _journals(environment, ports, state, is_known=state is not None or not is_there)
    try:
        checks.append(judge_lock(ports.folder.holder(), environment.state_file))
    except ReconcilerError as error:
        checks.append(failed("lock", error, place=environment.state_file))
    try:
        checks.append(ok("folder", "a file was made, replaced and removed again, durably", place=ports.folder.prove()))
    except ReconcilerError as error:
        checks.append(failed("folder", error, place=environment.state_file))
    checks.append(judge_keeping(ports.keeping(), environment, is_there=is_there))
    return checks, state


def _state(environment: Environment, ports: Ports) -> tuple[list[Check], State | None, bool]:
    """Return the verdicts on the state and its mark, the state, and whether there is a document at all."""
    name, mark = environment.state_file, ports.store.mark
    try:
        stored = ports.store.read()
        asked, project = environment.name, environment.project
        state = read_state(stored.content, name, environment=asked, project=project) if stored else None
    except ReconcilerError as error:
        unread = [failed("state", error, place=name), skipped("mark", "not compared: there is no state to read")]
        return unread, None, True
    checks = [judge_state(state, environment)]
    try:
        if mark is not None:
            check_mark(mark, stored, state, name, environment.name)
        checks.append(judge_mark(is_marked=mark is not None, is_there=stored is not None, place=name))
    except ReconcilerError as error:
        checks.append(failed("mark", error, place=name))
    return checks, state, stored is not None


def _journals(environment: Environment, ports: Ports, state: State | None, *, is_known: bool) -> list[Check]:
    """Beside a state that cannot be read, nobody can tell whose a journal is."""
    try:
        abandoned = ports.journals.abandoned()
        return judge_journals(abandoned, recover(state, ports.journals).warnings if is_known else ())
    except ReconcilerError as error:
        return [failed("journals", error, place=environment.state_file)]
