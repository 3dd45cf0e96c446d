"""The state for a terminal: a line for each address, or all that is remembered of one."""

from collections.abc import Iterable, Iterator

from reconciler.core.address import address_order
from reconciler.core.command import command
from reconciler.core.entry import CallRecord, Entry, Unsettled
from reconciler.core.key import forgotten_at
from reconciler.core.refresh import entry_since
from reconciler.core.resolve import Decision, Resolution
from reconciler.core.state import State
from reconciler.core.timestamp import Timestamp, timestamp
from reconciler.reports.excerpt import visible
from reconciler.reports.plan_report import counted


def state_list_text(state: State, refreshed_at: Timestamp | None = None) -> str:
    """What was known before *refreshed_at* is shown, and that it is void."""
    addresses = sorted(state.entries, key=address_order)
    width = max((len(address) for address in addresses), default=0)
    entries = ((address, state.entries[address]) for address in addresses)
    lines = (f"{name:<{width}}  {_summary(entry)}{_void(entry, refreshed_at)}" for name, entry in entries)
    return "".join(f"{line}\n" for line in lines)


def restored_text(state: State) -> str:
    """What follows from accepting a state that may be out of date."""
    resolve = command("state resolve", state.environment)
    return (
        f"This state counts from now on: serial {state.serial}, epoch {state.epoch}.\n"
        f"{counted(len(state.entries), 'entry', 'entries')} and whatever is declared besides are undecided: nothing is "
        "sent until it is known what was sent since.\n"
        f"  {resolve} --template > decisions.yaml     decide one by one, then --from decisions.yaml\n"
        f"  {resolve} --only '*' --as not-done ...    nothing was sent since\n"
        f"  {resolve} --unlisted --as not-done ...    what is not listed was never sent\n"
    )


def resolved_text(state: State, decisions: Iterable[Decision]) -> str:
    """What a person has settled, and what follows from it."""
    return "".join(f"{each.address}  {_settled(state.entries[each.address], each)}\n" for each in decisions)


def _settled(entry: Entry, decision: Decision) -> str:
    if decision.resolution is Resolution.DONE and entry.applied:
        return f"call {entry.applied.call.number} done, {counted(len(entry.applied.id_list), 'id')}"
    if entry.in_doubt and entry.in_doubt[-1].resolution is not None:
        return _said_undone(entry.in_doubt[-1])
    if entry.resolution == decision.reason and not entry.restored:
        return "nothing sent since the state was restored: its entry counts as it stands"
    told = f"call {entry.refused.call.number} not done" if entry.refused else "not done"
    return f"{told}: the next call has the number {entry.next_call}"


def _said_undone(lost: Unsettled) -> str:
    told = f"call {lost.call.number} not done: the same key is sent next, if it is declared as it was"
    if not lost.spent:
        return told
    by = timestamp(forgotten_at(lost.last_sent))
    return f"{told}; the platform has forgotten it by {by}, and an apply before that may bring the same answer"


def _void(entry: Entry, refreshed_at: Timestamp | None) -> str:
    if refreshed_at is None:
        return ""
    kept = entry_since(entry, refreshed_at)
    if (kept.applied, kept.refused, kept.in_doubt) == (entry.applied, entry.refused, entry.in_doubt):
        return ""
    part = "in part " if kept.applied or kept.refused or kept.in_doubt else ""
    return f"; {part}void: refreshed {refreshed_at}"


def entry_text(address: str, entry: Entry, refreshed_at: Timestamp | None = None) -> str:
    void = _void(entry, refreshed_at).removeprefix("; ")
    told = [f"{void}; what ended before that does not count"] if void else []
    return "\n".join((address, *(f"  {visible(line)}" for line in (*told, *_entry(entry))))) + "\n"


def _summary(entry: Entry) -> str:
    parts = ["restored, not looked at"] if entry.restored else []
    if entry.applied:
        parts.append(f"applied {entry.applied.at}, {counted(len(entry.applied.id_list), 'id')}")
    if entry.refused:
        parts.append(f"refused {entry.refused.at} ({entry.refused.code})")
    if entry.in_doubt:
        parts.append(f"call {entry.in_doubt[-1].call.number} in doubt since {entry.in_doubt[-1].call.sent}")
    return "; ".join(parts) or "nothing known"


def _entry(entry: Entry) -> Iterator[str]:
    if entry.applied:
        yield f"applied       {entry.applied.at}"
        yield from _call(entry.applied.call)
        yield from _optional("request id", entry.applied.request_id)
        yield from _optional("process id", entry.applied.process_id)
        yield f"  ids         {', '.join(entry.applied.id_list) or 'none'}"
        yield from _optional("resolved", entry.applied.resolution)
    if entry.refused:
        yield f"refused       {entry.refused.at}"
        yield f"  because     {entry.refused.code}: {entry.refused.message}"
        yield from _optional("resolved", entry.refused.resolution)
        yield from _call(entry.refused.call)
        yield from _optional("request id", entry.refused.request_id)
        yield from _optional("process id", entry.refused.process_id)
    for lost in entry.unsettled:
        yield f"in doubt      since {lost.call.sent}" if lost in entry.in_doubt else "never settled"
        yield f"  because     {lost.message}"
        yield from _optional("not done", lost.resolution)
        yield from _call(lost.call)
        yield from _optional("request id", lost.request_id)
        yield f"  last sent   {lost.last_sent}"
    if entry.restored:
        yield "restored      what was sent since is not known"
    yield from _optional("resolved", entry.resolution)
    yield f"next call     {entry.next_call}"


def _call(call: CallRecord) -> Iterator[str]:
    yield f"  call        {call.number}, first sent {call.sent}; sent last by run {call.run}"
    yield f"  flags       {', '.join(f'{name} {str(value).lower()}' for name, value in call.flags.as_sent.items())}"
    yield from _optional("trigger", call.trigger)
    yield from _optional("sent as", call.target)
    yield f"  key         {call.key}"
    yield f"  digest      {call.digest}"
    yield from _optional("commit", call.commit)
    yield from _optional("author", call.author)


def _optional(name: str, value: str | None) -> Iterator[str]:
    if value is not None:
        yield f"  {name:<11} {value}"
