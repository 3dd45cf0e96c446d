"""`reconciler apply`: plan, show, ask, send, remember."""

import argparse
import asyncio
import gc
import os
import signal
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NoReturn

from reconciler import __version__
from reconciler.cli.approved import check_usage, load_saved, narrowed, rest_of, take_environment, told
from reconciler.cli.confirmation import ask_for, check_confirmed, confirm_production
from reconciler.cli.guard import admission, check_alone, check_guardrails, guarded, kept_rules, staged_calls
from reconciler.cli.progress import ConsoleProgress
from reconciler.cli.project import OpenProject, Planned, hold_lock, make_planned, open_project
from reconciler.cli.proof import Proof, open_proof
from reconciler.cli.run_log import RunLog, open_log
from reconciler.cli.sending import nobody, open_platform
from reconciler.cli.wiring import World, open_journals
from reconciler.core.canary import Stage
from reconciler.core.command import command
from reconciler.core.plan import place_of
from reconciler.core.plan_check import plan_violations
from reconciler.core.run import Run, Stop, exit_status
from reconciler.core.saved import SavedPlan
from reconciler.core.selection import refuse_idle
from reconciler.engine.apply import Ports, Request, apply_plan
from reconciler.errors import (
    IllegalPlan,
    Interrupted,
    OutOfTime,
    ReconcilerError,
    StalePlan,
    StorageError,
    Terminated,
    UsageError,
)
from reconciler.reports.diagnostic_text import diagnostic_text, error_text
from reconciler.reports.documents import apply_document, failed_apply_document
from reconciler.reports.json_text import json_text
from reconciler.reports.plan_report import report_plan
from reconciler.reports.plan_text import plan_text
from reconciler.reports.run_text import run_text
from reconciler.workspace.git import authorship_of, commit_of

_NOT_SENT = "Nothing was sent."
_READ_FIRST = "Read the plan above, then apply with"
_FOREVER = float("inf")
_PLANS = 50
"""How often a plan that nobody was asked about is made anew when others write the state meanwhile."""

_REFUSED = 1
"""How an apply ends that has nothing to do any more of an approved plan, of which the platform has refused a part."""

_MARGIN = 15.0
"""Seconds before a deadline in which no more calls are begun, or a fifth of the time if that is less."""

_HARD = 0.95
"""The share of the time after which calls under way are no longer waited for."""

_BESIDE = (".lock", ".mark")

_FAILURES = (ReconcilerError, KeyboardInterrupt, asyncio.CancelledError)


def run(arguments: argparse.Namespace, world: World) -> int:
    time = _Time(world.monotonic() + arguments.deadline, arguments.deadline)
    signal.signal(signal.SIGTERM, partial(_terminate, arguments.environment))
    try:
        check_usage(arguments)
        saved = load_saved(arguments.plan_file, world) if arguments.plan_file is not None else None
        if saved is not None:
            take_environment(saved, arguments, world)
        with _log(arguments, world) as log, _lock(arguments, world, time):
            proof = open_proof(arguments, world)
            session = _Session(arguments, world, log, time, saved, proof)
            finished, refused = _run_until_planned(session)
            kept = _keep(proof, finished)
    except _FAILURES as error:
        failure = _failure_of(error, arguments.environment)
        if arguments.json:
            world.console.out(json_text(failed_apply_document(failure, arguments.environment)))
        raise failure from error
    _report(finished, arguments, world)
    status = exit_status(finished) or (_REFUSED if refused else 0)
    if isinstance(kept, StorageError):
        if not status:
            raise kept
        kept = error_text(kept, world.console.error_paint)
    if kept:
        world.console.err(kept)
    return status


def _keep(proof: Proof | None, finished: Run) -> str | StorageError:
    """Write what the run has shown, and return what is to be told of that.

    That it cannot be is told besides whatever else is wrong, which matters more.
    """
    try:
        return proof.write(finished) if proof is not None else ""
    except StorageError as error:
        return error


def _terminate(environment: str | None, *_: object) -> NoReturn:
    """End in order before the sending begins, which takes signals its own way."""
    raise _stopped(Stop.TERMINATED, environment)


@dataclass(frozen=True, slots=True)
class _Time:
    """What the deadline leaves, from the beginning of the command: *end* is a monotonic time, *whole* in seconds."""

    end: float
    whole: float

    @property
    def last_call(self) -> float:
        return self.end - min(_MARGIN, self.whole / 5)

    @property
    def last_answer(self) -> float:
        return self.end - self.whole * (1 - _HARD) if self.whole < _FOREVER else _FOREVER


def _failure_of(error: BaseException, environment: str | None) -> ReconcilerError:
    return error if isinstance(error, ReconcilerError) else _stopped(None, environment)


def _stopped(why: Stop | None, environment: str | None) -> ReconcilerError:
    """Return what a run ends with that could not begin to send, or not tell what it has sent.

    *environment* is None where none was named.
    """
    told = f"What was sent before, if anything, is on record: `{command('plan', environment)}` shows what is left."
    match why:
        case Stop.DEADLINE:
            return OutOfTime("Out of time", f"The deadline has come. {told}")
        case Stop.TERMINATED:
            return Terminated("Terminated", told)
        case _:
            return Interrupted("Interrupted", told)


def _log(arguments: argparse.Namespace, world: World) -> AbstractContextManager[RunLog]:
    path = world.here / arguments.log_file if arguments.log_file else None
    if path is not None:
        opened = open_project(arguments, world)
        _check_log(path, opened.folder / opened.environment.state_file)
    return open_log(path, world.console, world.clock, is_verbose=arguments.verbose)


def _check_log(path: Path, state: Path) -> None:
    """Raise UsageError for a log that would be added to the state document, or to what stands beside it."""
    own = os.path.realpath(state)
    if os.path.realpath(path) in (own, *(f"{own}{ending}" for ending in _BESIDE)):
        raise UsageError(
            "The log file is the state",
            f"{path} is the state document, its lock or its mark: a line of a log would destroy it. Nothing was sent.",
            hint="Name another file, or leave --log-file out.",
        )


def _lock(arguments: argparse.Namespace, world: World, time: _Time) -> AbstractContextManager[None]:
    opened = open_project(arguments, world)
    if arguments.lock == "false":
        check_alone(opened)
        return nullcontext()
    patience = min(arguments.lock_timeout, max(0.0, time.last_call - world.monotonic()))
    return hold_lock(opened, world, timeout=patience)


@dataclass(frozen=True, slots=True)
class _Session:
    """One apply: what it was asked, and by whom it is told.

    *saved* is the plan that a file holds, *proof* the file for what is shown, where they are named.
    """

    arguments: argparse.Namespace
    world: World
    log: RunLog
    time: _Time
    saved: SavedPlan | None
    proof: Proof | None

    @property
    def is_approved(self) -> bool:
        return self.saved is not None or self.arguments.expect is not None


def _run_until_planned(session: _Session) -> tuple[Run, int]:
    """Apply, and plan anew if the state has moved before anything was sent: nobody has approved that very plan.

    Somebody who was asked, or names a plan, has; then the plan is stale, which is raised. Return besides how many calls
    of an approved plan the platform has refused in earlier runs.
    """
    for _ in range(_PLANS if session.arguments.yes and not session.is_approved else 0):
        try:
            return _run(session)
        except StalePlan:
            told_again = "The state has changed since the plan was made; nothing was sent. Planning again.\n"
            session.world.console.err(told_again)
    return _run(session)


def _run(session: _Session) -> tuple[Run, int]:
    """Plan, show, ask and apply. The lock is held all the while, so that what was shown is what is done."""
    arguments, world = session.arguments, session.world
    planned = make_planned(arguments, world)
    rest = rest_of(planned, session.saved, arguments.expect)
    refuse_idle(planned.plan.warnings)
    planned = guarded(narrowed(planned, rest))
    _show(planned, arguments, world)
    if rest is not None:
        world.console.err(told(rest))
    _check(planned)
    check_guardrails(planned)
    check_confirmed(planned.opened.environment, arguments, otherwise=_NOT_SENT)
    if session.proof is not None and (planned.plan.calls or planned.stored.learned):
        session.proof.check_free()
    if planned.plan.calls:
        _confirm(planned.opened, session)
    stage = staged_calls(planned, rest.approval if rest else None, world)
    return _apply(session, planned, stage), rest.refused if rest else 0


def _show(planned: Planned, arguments: argparse.Namespace, world: World) -> None:
    console = world.console
    for warning in (*planned.stored.warnings, *planned.plan.warnings):
        console.err(diagnostic_text(warning, console.error_paint))
    report = report_plan(planned.plan)
    if arguments.json:
        console.err(plan_text(report, console.error_paint))
    else:
        console.out(plan_text(report, console.paint))


def _check(planned: Planned) -> None:
    violations = plan_violations(planned.plan, planned.spec, planned.stored.state, planned.at)
    if violations:
        raise IllegalPlan(
            "The plan breaks a rule of planning",
            f"{'; '.join(violations[:3])}. Nothing was sent.",
            hint="This is a defect of reconciler; please report it with this message.",
        )


def _confirm(opened: OpenProject, session: _Session) -> None:
    """Return if somebody wants this. Raise UsageError otherwise; nothing is sent then."""
    environment, arguments, world = opened.environment, session.arguments, session.world
    if environment.is_production:
        confirm_production(opened, arguments, world, to="to send", how=_READ_FIRST, otherwise=_NOT_SENT)
    elif not (arguments.yes or session.is_approved):
        ask_for("yes", "Send these calls? Only 'yes' does: ", f"{_READ_FIRST} --yes.", world, otherwise=_NOT_SENT)


@dataclass(slots=True)
class _Signals:
    """The first SIGINT or SIGTERM lets the call under way end and starts no other; the second does not wait."""

    task: "asyncio.Task[Run] | None" = None
    stop: Stop | None = None
    world: World | None = field(default=None)

    def out_of_time(self) -> None:
        """What is still under way now is left in doubt, on record: the time must suffice for the state."""
        self.stop = self.stop or Stop.DEADLINE
        if self.task is not None:
            self.task.cancel()

    def received(self, stop: Stop) -> None:
        if self.stop is not None and self.task is not None:
            self.task.cancel()
        elif self.world is not None:
            self.world.console.err(f"{stop.capitalize()}: no new calls; waiting for the one under way.\n")
        self.stop = self.stop or stop


def _apply(session: _Session, planned: Planned, stage: Stage) -> Run:
    """Carry the plan out, between a line of the log that says what and one that says how it ended."""
    log, plan, state = session.log, planned.plan, planned.stored.state
    run = session.world.new_run()
    environment = planned.opened.environment
    log.begin(
        run=run,
        plan=stage.approval.plan_id if stage.approval else plan.id,
        project=planned.opened.project.name,
        environment=environment.name,
        tenant=environment.tenant or (state.tenant if state else None),
        calls=len(plan.calls),
        version=__version__,
    )
    try:
        gc.freeze()  # what was planned lives to the end: the collector need not look at it again and again
        finished = asyncio.run(_send(session, run, planned, stage))
    except _FAILURES as error:
        failure = _failure_of(error, environment.name)
        log.end(run, status=failure.exit_status, error=type(failure).__name__)
        raise
    log.end(run, status=exit_status(finished), finished=finished)
    return finished


async def _send(session: _Session, run: str, planned: Planned, stage: Stage) -> Run:
    arguments, world, time = session.arguments, session.world, session.time
    opened, plan = planned.opened, planned.plan
    places = [place_of(change) for change in plan.calls]
    request = Request(
        plan=plan,
        stored=planned.stored,
        run=run,
        approval=stage.approval,
        first=stage.first,
        who=world.identity()["who"],
        commit=commit_of(opened.folder) if plan.calls else None,
        guardrails=kept_rules(planned),
        machine=world.machine(),
        place=opened.environment.place,
        lineage=world.new_id(),
        configured=opened.environment.tenancy,
        authorship=authorship_of(opened.folder, {place.path for place in places if place}),
        concurrency=arguments.concurrency,
        leave_free=opened.environment.leave_free,
        deadline=time.last_call,
        max_calls=arguments.max_calls,
    )
    signals = _Signals(world=world)
    progress = ConsoleProgress(world.console, session.log, results_to_stderr=arguments.json)
    async with open_platform(opened, world) if plan.calls else nobody() as platform:
        ports = Ports(
            store=planned.store,
            journals=open_journals(opened.folder, opened.environment),
            platform=platform,
            clock=world.clock,
            progress=progress,
            stop=lambda: signals.stop,
            admit=admission(planned),
        )
        signals.task = asyncio.ensure_future(apply_plan(request, ports))
        loop = asyncio.get_running_loop()
        if time.whole < _FOREVER:
            loop.call_later(max(0.0, time.last_answer - world.monotonic()), signals.out_of_time)
        loop.add_signal_handler(signal.SIGINT, signals.received, Stop.INTERRUPTED)
        loop.add_signal_handler(signal.SIGTERM, signals.received, Stop.TERMINATED)
        with progress.shown():
            try:
                return await signals.task
            except asyncio.CancelledError:
                raise _stopped(signals.stop, opened.environment.name) from None


def _report(finished: Run, arguments: argparse.Namespace, world: World) -> None:
    if arguments.json:
        world.console.out(json_text(apply_document(finished)))
    elif finished.results:
        world.console.out("\n" + run_text(finished, world.console.paint))
