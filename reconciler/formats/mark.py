"""The high-water mark as a small JSON document beside the state. One that cannot be read counts as lost."""

import hashlib
import json

from reconciler.core.mark import Mark
from reconciler.core.state import State
from reconciler.formats.state import write_state

_FIELDS = {"lineage": str, "serial": int, "epoch": int, "content": str, "link": str}


def write_mark(mark: Mark) -> bytes:
    return (json.dumps({"version": 1, **{name: getattr(mark, name) for name in _FIELDS}}) + "\n").encode()


def read_mark(content: bytes | None) -> Mark | None:
    try:
        value = json.loads(content or b"")
        fields = {name: value[name] for name in _FIELDS if name != "link"} | {"link": value.get("link", "")}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if value.get("version") != 1 or any(type(fields[name]) is not kind for name, kind in _FIELDS.items()):
        return None
    return Mark(**fields)


def mark_of(sha256: str, state: State) -> Mark:
    """Return the mark of *state*, whose document has that hash."""
    link = state.history[-1].link if state.history else ""
    return Mark(lineage=state.lineage, serial=state.serial, epoch=state.epoch, content=sha256, link=link)


def mark_of_written(content: bytes) -> Mark:
    """Return the mark of a document as `write_state` writes it, which has its entries last: only its head is read."""
    head = content[: content.index(b'\n "entries": ')]
    value = json.loads(head.rstrip(b",") + b"}")
    link = value["history"][-1]["link"] if "history" in value else ""
    known = {name: value[name] for name in ("lineage", "serial", "epoch")}
    return Mark(**known, content=_digest(content), link=link)


def is_marked(sha256: str, state: State, mark: Mark) -> bool:
    """Whether the document of *state*, which has that hash, is what was marked, if need be laid out anew."""
    return mark.content == sha256 or mark.content == _digest(write_state(state))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
