"""The state document: versioned JSON, one entry a line, sorted by address, so that people, git and jq can read it.

Rule: whatever the platform has answered can be written and read back. Half of a surrogate pair, which is legal in JSON
and not in UTF-8, stands as an escape.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from typing import Any, NoReturn

from reconciler.core.address import Address, address_order, are_distinct
from reconciler.core.declaration import Flags
from reconciler.core.diagnostics import Diagnostic, InvalidInput, Place, shown
from reconciler.core.digest import SCHEME, Digest
from reconciler.core.entry import Applied, CallRecord, Entry, Refused, Unsettled
from reconciler.core.state import ClockOffset, Restored, State
from reconciler.core.tenancy import PlatformKind
from reconciler.formats.json_reader import JsonDocument
from reconciler.formats.state_head import approval_object, read_approvals, read_history, run_object
from reconciler.formats.state_lines import LineLedger, Lines, entry_lines, read_lines, without_plain

RESTORE = (
    "Restore the document from its history (git, a backup). Do not start with an empty one: everything would be "
    "regenerated again."
)
_DIGEST = re.compile(rf"{SCHEME}:[0-9a-f]{{64}}")
_OTHER_SCHEME = re.compile(r"[a-z][0-9]+:")
_HEAD = (
    "version",
    "environment",
    "project",
    "tenant",
    "entity",
    "platform",
    "lineage",
    "serial",
    "epoch",
    "clock",
    "restored",
    "approvals",
    "history",
)
_RESTORED = ("at", "serial", "reason", "resolution")
_FARTHEST = 10**10
"""Seconds, some three hundred years: how far apart two clocks may be."""

_CALL = ("call", "digest", "flags", "trigger", "target", "key", "sent", "run", "commit", "author")
_APPLIED = (*_CALL, "at", "idList", "requestId", "processId", "resolution")
_REFUSED = (*_CALL, "at", "code", "message", "requestId", "processId", "resolution")
_UNSETTLED = (*_CALL, "scheme", "lastSent", "message", "requestId", "spent", "savedError", "resolution")


def write_state(state: State) -> bytes:
    head = {
        "version": 1,
        "environment": state.environment,
        **_present(project=state.project),
        "tenant": state.tenant,
        "entity": state.entity,
        "lineage": state.lineage,
        "serial": state.serial,
        "epoch": state.epoch,
        **_present(platform=state.platform),
        **_present(clock=_clock_object(state.clock)),
        **_present(restored=_restored_object(state.restored) if state.restored else None),
    }
    lines = [f" {_json(name)}: {_json(value)}," for name, value in head.items()]
    lines += _list_lines("approvals", [approval_object(state.approvals[each]) for each in sorted(state.approvals)])
    lines += _list_lines("history", [run_object(each) for each in state.history])
    document = BytesIO()
    document.write(_encoded("\n".join(["{", *lines, ' "entries": {'])))
    separator = b"\n"
    written = state.entries if isinstance(state.entries, LineLedger) else None
    for address in sorted(state.entries, key=address_order):
        line = written.line(address) if written else None
        document.write(separator)
        document.write(line or _encoded(f"  {_json(address)}: {_json(entry_object(state.entries[address]))}"))
        separator = b",\n"
    document.write(b"\n }\n}\n" if state.entries else b"}\n}\n")
    return document.getvalue()


def _list_lines(name: str, values: Sequence[object]) -> Iterator[str]:
    """Yield a list with one value a line; nothing if it is empty."""
    if values:
        yield f" {_json(name)}: ["
        yield ",\n".join(f"  {_json(value)}" for value in values)
        yield " ],"


def _encoded(text: str) -> bytes:
    """Return *text* as UTF-8, piece by piece: a large document is in memory once, not five times."""
    return text.encode(errors="backslashreplace")


def entry_object(entry: Entry) -> dict[str, Any]:
    """Return the JSON object of *entry*; what is absent is left out."""
    value: dict[str, Any] = {"next_call": entry.next_call}
    if entry.applied:
        value["applied"] = applied_object(entry.applied)
    if entry.refused:
        value["refused"] = refused_object(entry.refused)
    if entry.restored:
        value["restored"] = True
    if entry.resolution is not None:
        value["resolution"] = entry.resolution
    if entry.unsettled:
        value["unsettled"] = [unsettled_object(each) for each in entry.unsettled]
    return value


def read_state(
    content: bytes, path: str, *, environment: str, project: str | None = None, lines: Lines | None = None
) -> State:
    """Return the state of *environment* in *project* (None: whichever); *lines* are what its plain lines say, if known.

    Raise InvalidInput for whatever is not exactly such a document.
    """
    state = _read_lines(content, path, environment, lines) or _read_whole(content, path, environment)
    if project is not None and state.project not in (None, project):
        _refuse_project(path, state.project, project)
    return state


def _refuse_project(path: str, known: str | None, project: str) -> NoReturn:
    what = f"the state belongs to the project {shown(known or '')}, not to {shown(project)}"
    why = "The name is part of every key: under another one, what is in doubt would not be recognised by the platform."
    hint = f"Put name: {known} back into the project file, or check state.file there."
    found = Diagnostic(code="other-project", summary=what, detail=why, hint=hint, place=Place(path))
    raise InvalidInput([found])


def _read_lines(content: bytes, path: str, environment: str, lines: Lines | None) -> State | None:
    """Return the state, or None where it must be read as a whole, be it to say what is wrong and where."""
    text = entry_lines(content)
    if text is None:
        return None
    try:
        lines = lines or read_lines(text)
        rest = without_plain(text, lines) if lines else None
        state = _read_whole(rest, path, environment) if rest is not None else None
    except (UnicodeDecodeError, InvalidInput):
        return None
    if lines is None or state is None:
        return None
    if not are_distinct([*lines.addresses, *state.entries]):
        return None
    return replace(state, entries=LineLedger(text, lines, state.entries))


def _read_whole(content: bytes, path: str, environment: str) -> State:
    document = JsonDocument(path, restore=RESTORE)
    top = document.parse(content)
    document.check_version(top, "a state")
    document.check_keys(top, (*_HEAD, "entries"), "the state")
    name = document.take(top, "environment", str, "the state")
    if name != environment:
        what = f"the state belongs to the environment {shown(name)}, not to {shown(environment)}"
        hint = "Check state.file in the project file; each environment has a document of its own."
        document.refuse("other-environment", what, hint=hint)
    entries = document.take(top, "entries", dict, "the state")
    return State(
        environment=name,
        project=document.take_or_none(top, "project", str, "the state"),
        tenant=document.take_or_none(top, "tenant", str, "the state"),
        entity=document.take_or_none(top, "entity", str, "the state"),
        platform=read_platform(document, top, "the state"),
        lineage=document.take(top, "lineage", str, "the state"),
        serial=document.take_count(top, "serial", "the state"),
        epoch=document.take_count(top, "epoch", "the state"),
        clock=_clock(document, top),
        restored=_restored(document, top),
        approvals={each.plan_id: each for each in read_approvals(document, top)},
        history=read_history(document, top),
        entries={Address(address): _entry(document, address, value) for address, value in entries.items()},
    )


def read_platform(document: JsonDocument, value: dict[str, Any], where: str) -> PlatformKind | None:
    platform = document.take_or_none(value, "platform", str, where)
    if platform is not None and platform not in set(PlatformKind):
        document.refuse("wrong-field", f"{where}: 'platform' must be {' or '.join(PlatformKind)}")
    return PlatformKind(platform) if platform is not None else None


def _restored_object(restored: Restored) -> dict[str, Any]:
    told = {"at": restored.at, "serial": restored.serial, "reason": restored.reason}
    return {**told, **_present(resolution=restored.resolution)}


def _restored(document: JsonDocument, top: dict[str, Any]) -> Restored | None:
    value = document.take_or_none(top, "restored", dict, "the state")
    if value is None:
        return None
    document.check_keys(value, _RESTORED, "restored")
    return Restored(
        at=document.take_time(value, "at", "restored"),
        serial=document.take_count(value, "serial", "restored"),
        reason=document.take(value, "reason", str, "restored"),
        resolution=document.take_or_none(value, "resolution", str, "restored"),
    )


def _clock_object(clock: ClockOffset | None) -> dict[str, Any] | None:
    return {"machine": clock.machine, "offset": clock.seconds} if clock else None


def _clock(document: JsonDocument, top: dict[str, Any]) -> ClockOffset | None:
    value = document.take_or_none(top, "clock", dict, "the state")
    if value is None:
        return None
    document.check_keys(value, ("machine", "offset"), "the clock")
    machine, offset = (
        document.take(value, "machine", str, "the clock"),
        document.take(value, "offset", int, "the clock"),
    )
    if abs(offset) > _FARTHEST:
        document.refuse("wrong-field", f"the clock: 'offset' must be a number of seconds up to {_FARTHEST}")
    return ClockOffset(machine, offset)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def call_object(call: CallRecord) -> dict[str, Any]:
    return {
        "call": call.number,
        "digest": call.digest,
        "flags": call.flags.as_sent,
        "trigger": call.trigger,
        "key": call.key,
        "sent": call.sent,
        "run": call.run,
        **_present(commit=call.commit, author=call.author, target=call.target),
    }


def applied_object(done: Applied) -> dict[str, Any]:
    told = {"at": done.at, "idList": list(done.id_list), "requestId": done.request_id}
    return {**call_object(done.call), **told, **_present(processId=done.process_id, resolution=done.resolution)}


def refused_object(refused: Refused) -> dict[str, Any]:
    told = {"at": refused.at, "code": refused.code, "message": refused.message, "requestId": refused.request_id}
    return {
        **call_object(refused.call),
        **told,
        **_present(processId=refused.process_id, resolution=refused.resolution),
    }


def unsettled_object(lost: Unsettled) -> dict[str, Any]:
    told = {"scheme": lost.scheme, "lastSent": lost.last_sent, "message": lost.message}
    known = _present(requestId=lost.request_id, spent=lost.spent or None, savedError=lost.saved_error or None)
    return {**call_object(lost.call), **told, **known, **_present(resolution=lost.resolution)}


def _present(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _entry(document: JsonDocument, address: str, value: object) -> Entry:
    document.address(address)
    if not isinstance(value, dict):
        document.refuse("wrong-field", f"{address}: the entry must be an object")
    document.check_keys(value, ("next_call", "applied", "refused", "unsettled", "restored", "resolution"), address)
    applied = document.take_or_none(value, "applied", dict, address)
    refused = document.take_or_none(value, "refused", dict, address)
    unsettled = document.take_or_none(value, "unsettled", list, address) or []
    entry = Entry(
        next_call=document.take_count(value, "next_call", address),
        applied=read_applied(document, applied, address) if applied is not None else None,
        refused=read_refused(document, refused, address) if refused is not None else None,
        unsettled=tuple(read_unsettled(document, each, address) for each in unsettled),
        restored=document.take_or_none(value, "restored", bool, address) or False,
        resolution=document.take_or_none(value, "resolution", str, address),
    )
    _check_next_call(document, entry, address)
    return entry


def _check_next_call(document: JsonDocument, entry: Entry, address: str) -> None:
    if any(each.call.number >= entry.next_call for each in (entry.applied, entry.refused) if each):
        document.refuse("wrong-field", f"{address}: 'next_call' must be greater than every settled call")
    if any(each.call.number > entry.next_call for each in entry.unsettled):
        document.refuse("wrong-field", f"{address}: 'next_call' must not be less than an unsettled call")


def read_call(document: JsonDocument, value: dict[str, Any], where: str) -> CallRecord:
    digest = document.take(value, "digest", str, where)
    _check_digest(document, digest, where)
    return CallRecord(
        number=document.take_count(value, "call", where),
        digest=Digest(digest),
        flags=_flags(document, document.take(value, "flags", dict, where), where),
        trigger=document.take_or_none(value, "trigger", str, where),
        key=document.take(value, "key", str, where),
        sent=document.take_time(value, "sent", where),
        run=document.take(value, "run", str, where),
        commit=document.take_or_none(value, "commit", str, where),
        author=document.take_or_none(value, "author", str, where),
        target=_target(document, value, where),
    )


def _target(document: JsonDocument, value: dict[str, Any], where: str) -> Address | None:
    target = document.take_or_none(value, "target", str, where)
    return None if target is None else document.address(target)


def _check_digest(document: JsonDocument, digest: str, where: str) -> None:
    if _DIGEST.fullmatch(digest):
        return
    scheme = _OTHER_SCHEME.match(digest)
    if scheme and scheme.group() != f"{SCHEME}:":
        hint = "Upgrade reconciler; this one cannot compare such a digest and would send everything again."
        document.refuse("newer-digest", f"{where}: the digest {shown(scheme.group())} has another scheme", hint=hint)
    document.refuse("wrong-field", f"{where}: 'digest' must be {SCHEME}: and 64 hexadecimal digits")


def read_applied(document: JsonDocument, value: dict[str, Any], where: str) -> Applied:
    document.check_keys(value, _APPLIED, where)
    ids = document.take(value, "idList", list, where)
    if not all(isinstance(each, str) for each in ids):
        document.refuse("wrong-field", f"{where}: 'idList' must be a list of texts")
    return Applied(
        call=read_call(document, value, where),
        at=document.take_time(value, "at", where),
        id_list=tuple(ids),
        request_id=document.take_or_none(value, "requestId", str, where),
        process_id=document.take_or_none(value, "processId", str, where),
        resolution=document.take_or_none(value, "resolution", str, where),
    )


def read_refused(document: JsonDocument, value: dict[str, Any], where: str) -> Refused:
    document.check_keys(value, _REFUSED, where)
    return Refused(
        call=read_call(document, value, where),
        at=document.take_time(value, "at", where),
        code=document.take(value, "code", str, where),
        message=document.take(value, "message", str, where),
        request_id=document.take_or_none(value, "requestId", str, where),
        process_id=document.take_or_none(value, "processId", str, where),
        resolution=document.take_or_none(value, "resolution", str, where),
    )


def read_unsettled(document: JsonDocument, value: object, where: str) -> Unsettled:
    if not isinstance(value, dict):
        document.refuse("wrong-field", f"{where}: an unsettled call must be an object")
    document.check_keys(value, _UNSETTLED, where)
    return Unsettled(
        call=read_call(document, value, where),
        scheme=document.take(value, "scheme", str, where),
        last_sent=document.take_time(value, "lastSent", where),
        message=document.take(value, "message", str, where),
        request_id=document.take_or_none(value, "requestId", str, where),
        spent=document.take_or_none(value, "spent", bool, where) or False,
        saved_error=document.take_or_none(value, "savedError", bool, where) or False,
        resolution=document.take_or_none(value, "resolution", str, where),
    )


def _flags(document: JsonDocument, value: dict[str, Any], where: str) -> Flags:
    document.check_keys(value, ("onlyReSend", "reMigrate"), where)
    pair = (document.take(value, "onlyReSend", bool, where), document.take(value, "reMigrate", bool, where))
    if pair == (True, True):
        document.refuse("wrong-field", f"{where}: 'flags' must be one of the three legal pairs")
    return Flags(pair)
