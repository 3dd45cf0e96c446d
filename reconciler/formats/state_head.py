"""What stands at the head of a state besides what it belongs to: approved plans, and the history of its runs."""

from collections.abc import Mapping
from typing import Any

from reconciler.core.address import Address
from reconciler.core.diagnostics import shown
from reconciler.core.digest import Digest
from reconciler.core.entry import Asked
from reconciler.core.history import Resumed, RunRecord, broken_link
from reconciler.core.state import Approval, ApprovedCall, Canary
from reconciler.formats.json_reader import JsonDocument

_APPROVAL = ("plan", "expires", "calls", "lanes", "selection", "canary")
_CANARY = ("left", "refused", "held")
_RESUMED = ("run", "calls", "remigrate")
_COUNTS = ("calls", "done", "refused", "in_doubt", "undecided", "not_started")
_RUN = (
    *("run", "act", "reason", "plan", "began", "ended", "who", "commit", *_COUNTS, "left", "remigrate", "guardrails"),
    *("resumed", "last_known", "reissued", "link"),
)
_REWRITTEN = (
    "Somebody has changed or removed a part of the past, or two histories were joined by hand. Get the document back "
    "from its own history (git, a backup) and compare: what limits of calls count on is not known any more."
)


def approval_object(approval: Approval) -> dict[str, Any]:
    calls = {address: _approved(approval.calls[address]) for address in sorted(approval.calls)}
    lanes = {lane: approval.lanes[lane] for lane in sorted(approval.lanes)}
    told = {"plan": approval.plan_id, "expires": approval.expires, "calls": calls, "lanes": lanes}
    canary, selection = approval.canary, approval.selection
    return {
        **told,
        **({"selection": list(selection)} if selection else {}),
        **({"canary": {name: _asked_object(getattr(canary, name)) for name in _CANARY}} if canary else {}),
    }


def _approved(call: ApprovedCall) -> list[object]:
    return [each for each in call if each is not None]


def run_object(run: RunRecord) -> dict[str, Any]:
    """Return the JSON object of *run*; what is absent, or was not counted, is left out."""
    value = {
        "run": run.run,
        "act": run.act,
        "reason": run.reason,
        "plan": run.plan_id or None,
        "began": run.began,
        "ended": run.ended,
        "last_known": run.last_known,
        "who": run.who,
        "commit": run.commit,
        **{name: getattr(run, name) for name in _COUNTS},
        "left": run.left,
        "remigrate": run.remigrate or None,
        "reissued": run.reissued or None,
        "resumed": [each._asdict() for each in run.resumed] or None,
        "guardrails": list(run.guardrails) or None,
        "link": run.link,
    }
    return {name: told for name, told in value.items() if told is not None}


def read_approvals(document: JsonDocument, top: dict[str, Any]) -> list[Approval]:
    values = document.take_or_none(top, "approvals", list, "the state") or []
    return [_approval(document, value) for value in values]


def _approval(document: JsonDocument, value: object) -> Approval:
    where = "an approval"
    if not isinstance(value, dict):
        document.refuse("wrong-field", f"{where} must be an object")
    document.check_keys(value, _APPROVAL, where)
    lanes = document.take(value, "lanes", dict, where)
    if not all(isinstance(each, str) for each in lanes.values()):
        document.refuse("wrong-field", f"{where}: 'lanes' must hold texts")
    selection = document.take_or_none(value, "selection", list, where) or []
    if not all(isinstance(each, str) for each in selection):
        document.refuse("wrong-field", f"{where}: 'selection' must be a list of texts")
    return Approval(
        plan_id=document.take(value, "plan", str, where),
        expires=document.take_time(value, "expires", where),
        calls=dict(
            _call(document, address, told) for address, told in document.take(value, "calls", dict, where).items()
        ),
        lanes=lanes,
        canary=_canary(document, document.take_or_none(value, "canary", dict, where)),
        selection=tuple(selection),
    )


def _canary(document: JsonDocument, value: dict[str, Any] | None) -> Canary | None:
    if value is None:
        return None
    document.check_keys(value, _CANARY, "a canary")
    left, refused, held = (
        {
            document.address(address): _asked(document, told, address)
            for address, told in (document.take_or_none(value, name, dict, "a canary") or {}).items()
        }
        for name in _CANARY
    )
    return Canary(left=left, refused=refused, held=held)


def _asked_object(calls: Mapping[Address, Asked]) -> dict[str, str | list[str]]:
    """Return digests by address, each with what is sent where a key map makes that another."""
    return {
        address: asked.digest if asked.target is None else [asked.digest, asked.target]
        for address, asked in sorted(calls.items())
    }


def _asked(document: JsonDocument, value: object, address: str) -> Asked:
    pair = [value] if isinstance(value, str) else value
    if not isinstance(pair, list) or [type(each) for each in pair] not in ([str], [str, str]):
        document.refuse("wrong-field", f"a canary: {address} must have a digest")
    return Asked(Digest(pair[0]), document.address(pair[1]) if pair[1:] else None)


def _call(document: JsonDocument, address: str, value: object) -> tuple[Address, ApprovedCall]:
    known = document.address(address)
    pair = value if isinstance(value, list) else []
    if [type(each) for each in pair] not in ([int, str], [int, str, str]) or pair[0] < 0:
        document.refuse("wrong-field", f"an approval: {address} must have a call number and a digest")
    target = document.address(pair[2]) if pair[2:] else None
    return known, ApprovedCall(pair[0], Digest(pair[1]), target)


def read_history(document: JsonDocument, top: dict[str, Any]) -> tuple[RunRecord, ...]:
    values = document.take_or_none(top, "history", list, "the state") or []
    history = tuple(_run(document, value) for value in values)
    broken = broken_link(history)
    if broken is not None:
        what = f"the history of runs is not what it was, at the run {shown(broken.run)}"
        document.refuse("history-rewritten", what, hint=_REWRITTEN)
    return history


def _run(document: JsonDocument, value: object) -> RunRecord:
    where = "a run"
    if not isinstance(value, dict):
        document.refuse("wrong-field", f"{where} must be an object")
    document.check_keys(value, _RUN, where)
    rules = document.take_or_none(value, "guardrails", list, where) or []
    if not all(isinstance(each, str) for each in rules):
        document.refuse("wrong-field", f"{where}: 'guardrails' must be a list of texts")
    is_ended, is_counted = value.get("ended") is not None, value.get("left") is not None

    def count(name: str) -> int:
        return document.take_count(value, name, where) if value.get(name) is not None else 0

    return RunRecord(
        run=document.take(value, "run", str, where),
        plan_id=document.take_or_none(value, "plan", str, where) or "",
        began=document.take_time(value, "began", where),
        ended=document.take_time(value, "ended", where) if is_ended else None,
        who=document.take_or_none(value, "who", str, where),
        commit=document.take_or_none(value, "commit", str, where),
        **{name: document.take_count(value, name, where) for name in _COUNTS},
        left=document.take_count(value, "left", where) if is_counted else None,
        remigrate=count("remigrate"),
        reissued=count("reissued"),
        guardrails=tuple(rules),
        act=document.take_or_none(value, "act", str, where),
        reason=document.take_or_none(value, "reason", str, where),
        resumed=tuple(_resumed(document, each) for each in document.take_or_none(value, "resumed", list, where) or []),
        last_known=document.take_time(value, "last_known", where) if value.get("last_known") is not None else None,
        link=document.take(value, "link", str, where),
    )


def _resumed(document: JsonDocument, value: object) -> Resumed:
    where = "calls of a run that were sent before"
    if not isinstance(value, dict):
        document.refuse("wrong-field", f"{where} must be an object")
    document.check_keys(value, _RESUMED, where)
    return Resumed(
        run=document.take(value, "run", str, where),
        calls=document.take_count(value, "calls", where),
        remigrate=document.take_count(value, "remigrate", where),
    )
