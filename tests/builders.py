"""Small ways to say declarations, entries and plans in tests, with everything that does not matter filled in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from reconciler.core.address import Address, format_address
from reconciler.core.call import Authorship
from reconciler.core.declaration import Declaration, Flags, Spec
from reconciler.core.diagnostics import Place
from reconciler.core.digest import digest
from reconciler.core.entry import Applied, CallRecord, Entry, Refused, Unsettled
from reconciler.core.environment import AfterServerError
from reconciler.core.keymap import KeyMap
from reconciler.core.plan import Binding, Plan
from reconciler.core.planner import make_plan
from reconciler.core.selection import EVERYTHING, Selection
from reconciler.core.state import State
from reconciler.core.target import CHARGE_NUMBER, SUBSCRIPTION_ID, SUBSCRIPTION_NAME, Target
from reconciler.core.timestamp import timestamp

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
A, B = Flags.REWRITE_AND_RECOLLECT, Flags.RESEND
"""Two declarations of one address that ask for different things."""

UNKNOWN_AUTHOR = Authorship()


def subscription(version: int = 1, name: str = "A-S00000001") -> Target:
    return Target(SUBSCRIPTION_NAME, (name, version))


def subscription_id(value: str = "8ad0") -> Target:
    return Target(SUBSCRIPTION_ID, (value,))


def charge(number: str = "C-00000042") -> Target:
    return Target(CHARGE_NUMBER, (number,))


def declare(target: Target | None = None, flags: Flags = A, trigger: str | None = None, line: int = 1) -> Declaration:
    target = target or subscription()
    place = Place("local/a.yaml", line, 5)
    return Declaration(address=format_address(target), target=target, flags=flags, trigger=trigger, place=place)


def spec_of(*declarations: Declaration, keys: KeyMap | None = None) -> Spec:
    return Spec({each.address: each for each in declarations}, keys)


def record(
    number: int = 0,
    flags: Flags = A,
    *,
    target: Target | None = None,
    trigger: str | None = None,
    age: timedelta = timedelta(hours=1),
    sent_as: Address | None = None,
) -> CallRecord:
    return CallRecord(
        number=number,
        digest=digest(target or subscription(), flags, trigger),
        flags=flags,
        trigger=trigger,
        key=f"k1-{number}",
        sent=timestamp(NOW - age),
        run="run-1",
        target=sent_as,
    )


def applied(call: CallRecord) -> Applied:
    return Applied(call=call, at=call.sent, id_list=("2c98",), request_id="r-1")


def refused(call: CallRecord) -> Refused:
    return Refused(call=call, at=call.sent, code="50000040", message="not found", request_id="r-2")


def lost(
    call: CallRecord, *, last_sent: datetime | None = None, spent: bool = False, saved_error: bool = False
) -> Unsettled:
    """A call in doubt; *saved_error* makes it spent too."""
    last = timestamp(last_sent) if last_sent else call.sent
    is_spent = spent or saved_error
    return Unsettled(
        call=call, scheme="k1", last_sent=last, message="no answer", spent=is_spent, saved_error=saved_error
    )


def said_undone(call: Unsettled) -> Entry:
    """The entry of a call in doubt of which a person has said that it was not done."""
    return entry(replace(call, resolution="looked it up"))


def entry(*known: Applied | Refused | Unsettled) -> Entry:
    """The entry of an address after *known*, in this order."""
    result = Entry()
    for each in known:
        match each:
            case Applied():
                result = result.with_applied(each)
            case Refused():
                result = result.with_refused(each)
            case Unsettled():
                result = result.with_unsettled(each)
    return result


def state_of(entries: dict[Address, Entry], *, tenant: str | None = None) -> State:
    return State(environment="local", lineage="lineage-1", entries=entries, tenant=tenant)


BINDING = Binding(
    project="test",
    environment="local",
    tenant=None,
    entity=None,
    refreshed_at=None,
    lineage="lineage-1",
    serial=0,
    epoch=0,
)


CALLS_AGAIN = replace(BINDING, after_server_error=AfterServerError.CALL_AGAIN)


def plan_of(
    spec: Spec,
    entries: dict[Address, Entry] | None = None,
    *,
    now: datetime = NOW,
    selection: Selection = EVERYTHING,
    binding: Binding = BINDING,
) -> Plan:
    return make_plan(spec, state_of(entries or {}), binding, now=now, selection=selection)
