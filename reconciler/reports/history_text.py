"""The history of a state for a terminal: a line for each run, or all that is remembered of one."""

from collections.abc import Iterable, Iterator

from reconciler.core.history import RunRecord
from reconciler.reports.excerpt import visible
from reconciler.reports.plan_report import counted

_PLAN = 15
"""Characters of a plan id that tell it from others at a glance."""


def history_text(history: Iterable[RunRecord]) -> str:
    """Return the runs, the oldest first, as `state history` lists them."""
    return "".join(f"{line}\n" for line in map(_line, history))


def _line(run: RunRecord) -> str:
    what = run.act or "apply"
    return f"{run.began}  {run.run}  {what:<7}  {_told(run)}  [{visible(run.who or 'unknown')}]"


def _told(run: RunRecord) -> str:
    if run.act:
        return f"{counted(run.done, 'entry', 'entries')}: {visible(run.reason or '')}"
    outcomes = _outcomes(run)
    end = "" if run.ended else "; broke off"
    return f"{run.plan_id[:_PLAN]}  {counted(run.calls, 'call')}: {outcomes or 'nothing known'}{end}"


def _outcomes(run: RunRecord) -> str:
    counts = {
        "done": run.done,
        "refused": run.refused,
        "in doubt": run.in_doubt,
        "undecided": run.undecided,
        "not started": run.not_started,
    }
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def run_record_text(run: RunRecord, addresses: Iterable[str]) -> str:
    """Return all that is remembered of *run*; *addresses* are those whose entry tells of a call of it."""
    return "".join(f"{line}\n" for line in (run.run, *(f"  {line}" for line in _fields(run)), *_entries(addresses)))


def _fields(run: RunRecord) -> Iterator[str]:
    told = {
        "act": run.act,
        "reason": run.reason,
        "plan": run.plan_id or None,
        "began": run.began,
        "ended": run.ended or (_broke_off(run) if not run.act else None),
        "who": run.who,
        "commit": run.commit,
        "calls": str(run.calls) if not run.act else None,
        "outcomes": _outcomes(run) if not run.act else None,
        "left": None if run.left is None else f"{counted(run.left, 'call')} of the approved plan",
    }
    for name, value in told.items():
        if value:
            yield f"{name:<11} {visible(value)}"
    for rule in run.guardrails:
        yield f"{'guardrail':<11} {visible(rule)}"
    yield f"{'link':<11} {run.link}"


def _broke_off(run: RunRecord) -> str:
    return f"it broke off, after {run.last_known}" if run.last_known else "it broke off"


def _entries(addresses: Iterable[str]) -> Iterator[str]:
    lines = [f"  {address}" for address in addresses]
    yield from ["what the state still tells of it:", *lines] if lines else []
