"""The fast way into a large state: lines that are exactly what we write of an address that is applied and nothing else.

Rule: this accepts nothing that `state.py` would not, and means the same by it; whatever is in any way different is left
to it, places of faults included. A state of 100,000 entries is read on every plan, and hardly any of them is anything
but such a line.
"""

import re

from reconciler.core.address import Address
from reconciler.core.declaration import Flags
from reconciler.core.digest import SCHEME, Digest
from reconciler.core.state import Applied, CallRecord, Entry
from reconciler.core.timestamp import Timestamp, moment

_BEGIN, _END = b'\n "entries": {\n', b"\n }\n}\n"
_NAME = r"[A-Za-z0-9._~+-]+"
_NUMBER = r"0|[1-9][0-9]{0,17}"
_TEXT = r'"([^"\\\x00-\x1f]*)"'
_TIME = r'"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)"'
_LINE = re.compile(
    rf'  "(Subscription/{_NAME}@(?:{_NUMBER})|OrderLineItem/{_NAME}#{_NAME}|DynamicUsageCharge/{_NAME}'
    rf'|(?:Subscription|OrderLineItem|DynamicUsageCharge)/id:{_NAME})": '
    rf'{{"next_call": ({_NUMBER}), "applied": {{"call": ({_NUMBER}), "digest": "({SCHEME}:[0-9a-f]{{64}})", '
    r'"flags": {"onlyReSend": (?:(true), "reMigrate": false|false, "reMigrate": (true|false))}, '
    rf'"trigger": (?:null|{_TEXT}), "key": {_TEXT}, "sent": {_TIME}, "run": {_TEXT}'
    rf'(?:, "commit": {_TEXT})?(?:, "author": {_TEXT})?, "at": {_TIME}, '
    r'"idList": \[((?:"[^"\\\x00-\x1f]*"(?:, "[^"\\\x00-\x1f]*")*)?)\], '
    rf'"requestId": (?:null|{_TEXT})(?:, "processId": {_TEXT})?}}}}'
)
_RESEND, _REWRITE = Flags.RESEND, {"true": Flags.REWRITE_AND_RECOLLECT, "false": Flags.REWRITE}


def take_applied(content: bytes) -> tuple[bytes, dict[Address, Entry]]:
    """Return the document without its plain lines, and the entries of these. It is unchanged if they stand out of line.

    What is left is a document of its own, to be read as such. Raise UnicodeDecodeError for a line that is not UTF-8.
    """
    begin = content.find(_BEGIN)
    if begin < 0 or not content.endswith(_END):
        return content, {}
    entries: dict[Address, Entry] = {}
    others: list[bytes] = []
    times: dict[str, Timestamp] = {}
    place, end, count = begin + len(_BEGIN), len(content) - len(_END), 0
    while place <= end:
        stop = content.find(b"\n", place, end)
        line = content[place : end if stop < 0 else stop]
        if stop >= 0 and not line.endswith(b","):
            return content, {}
        line = line if stop < 0 else line[:-1]
        found = _LINE.fullmatch(line.decode())
        entry = _entry(found, times) if found else None
        if found and entry:
            entries[Address(found[1])] = entry
        else:
            others.append(line)
        count += 1
        place = end + 1 if stop < 0 else stop + 1
    if len(entries) + len(others) != count or b"" in others:
        return content, {}
    head = content[:begin]
    return head + (_BEGIN + b",\n".join(others) + _END if others else b'\n "entries": {}\n}\n'), entries


def _entry(found: re.Match[str], times: dict[str, Timestamp]) -> Entry | None:
    """Return the entry of a plain line, or None if it says something that cannot be."""
    (
        _,
        next_call,
        number,
        digest,
        resend,
        migrate,
        trigger,
        key,
        sent,
        run,
        commit,
        author,
        at,
        ids,
        request_id,
        process_id,
    ) = found.groups()
    settled = int(number)
    if settled >= int(next_call) or not (_is_time(sent, times) and _is_time(at, times)):
        return None
    call = CallRecord(
        number=settled,
        digest=Digest(digest),
        flags=_RESEND if resend else _REWRITE[migrate],
        trigger=trigger,
        key=key,
        sent=times[sent],
        run=run,
        commit=commit,
        author=author,
    )
    applied = Applied(
        call=call,
        at=times[at],
        id_list=tuple(ids[1:-1].split('", "')) if ids else (),
        request_id=request_id,
        process_id=process_id,
    )
    return Entry(next_call=int(next_call), applied=applied)


def _is_time(text: str, times: dict[str, Timestamp]) -> bool:
    """Whether *text* is a moment that there is; *times* are those seen before, and few."""
    if text not in times:
        try:
            moment(Timestamp(text))
        except ValueError:
            return False
        times[text] = Timestamp(text)
    return True
