"""The document of what a run has shown, or a state knows, format 1.0: one proof a line, ASCII, sealed.

It may be signed besides.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from reconciler.core.address import Address
from reconciler.core.diagnostics import shown
from reconciler.core.digest import Digest
from reconciler.core.evidence import Against, Evidence, Shown
from reconciler.core.run import Outcome
from reconciler.formats.json_reader import JsonDocument
from reconciler.formats.seal import BrokenSeal, sealed, unsealed
from reconciler.formats.state import read_platform

FORMAT_VERSION = "1.0"
BEGINNING = b'{\n "format_version": "1.0",\n "kind": "proof"'
"""What every document of proofs begins with."""

SIGNATURE_ENDING = ".sig"
"""The signature of ``proof.json`` stands in ``proof.json.sig``, as ``ssh-keygen -Y sign`` puts it."""

_RESTORE = "Get it anew from the run that has written it."
_HEAD = (
    *("project", "environment", "tenant", "entity", "platform"),
    *("lineage", "epoch", "run", "plan_id", "commit", "tool"),
)
_SHOWN = ("address", "digest", "call", "idList", "at", "requestId", "target")
_AGAINST = ("address", "digest", "call", "outcome", "at", "said")


def write_evidence(evidence: Evidence) -> bytes:
    head = {"format_version": FORMAT_VERSION, "kind": "proof", **{name: getattr(evidence, name) for name in _HEAD}}
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(value)}" for name, value in head.items())
    against = _rows({name: getattr(each, name) for name in _AGAINST} for each in evidence.against)
    return sealed(f'{{\n{lines},\n "against": {against},\n "proofs": {_rows(map(_row, evidence.shown))}'.encode())


def _rows(rows: Iterable[Mapping[str, Any]]) -> str:
    lines = ",\n".join(f"  {json.dumps(each)}" for each in rows)
    return f"[\n{lines}\n ]" if lines else "[]"


def _row(each: Shown) -> dict[str, Any]:
    return {
        "address": each.address,
        "digest": each.digest,
        "call": each.call,
        "idList": list(each.ids),
        "at": each.at,
        "requestId": each.request_id,
        **({"target": each.target} if each.target is not None else {}),
    }


def read_evidence(content: bytes, path: str) -> Evidence:
    """Return what a run has shown. Raise InvalidInput unless *content* is exactly what `write_evidence` wrote."""
    document = JsonDocument(path, restore=_RESTORE)
    try:
        value = document.parse(unsealed(content))
    except BrokenSeal as error:
        document.refuse("altered-proof", f"the proof is not what was written: {error}")
    _check_kind(document, value)
    document.check_keys(value, ("format_version", "kind", *_HEAD, "against", "proofs"), "the proof")
    platform = read_platform(document, value, "the proof")
    if platform is None:
        document.refuse("wrong-field", "the proof: 'platform' must be there")
    against = document.take(value, "against", list, "the proof")
    return Evidence(
        project=document.take(value, "project", str, "the proof"),
        environment=document.take(value, "environment", str, "the proof"),
        tenant=document.take_or_none(value, "tenant", str, "the proof"),
        entity=document.take_or_none(value, "entity", str, "the proof"),
        platform=platform,
        lineage=document.take_or_none(value, "lineage", str, "the proof"),
        epoch=document.take_count(value, "epoch", "the proof"),
        run=document.take_or_none(value, "run", str, "the proof"),
        plan_id=document.take_or_none(value, "plan_id", str, "the proof"),
        commit=document.take_or_none(value, "commit", str, "the proof"),
        tool=document.take(value, "tool", str, "the proof"),
        shown=tuple(_shown(document, each) for each in document.take(value, "proofs", list, "the proof")),
        against=tuple(_against(document, each) for each in against),
    )


def _check_kind(document: JsonDocument, value: Mapping[str, Any]) -> None:
    version = value.get("format_version")
    if value.get("kind") != "proof" or not isinstance(version, str):
        document.refuse("unknown-version", "the document does not say that it is a proof")
    if not version.startswith("1."):
        what = f"the proof has format {shown(version)}, and this reconciler reads format 1"
        document.refuse("newer-version", what, hint="Upgrade reconciler.")


def _against(document: JsonDocument, value: object) -> Against:
    row, address = _object(document, value, "against", _AGAINST)
    outcome = document.take(row, "outcome", str, address)
    if outcome not in (Outcome.REFUSED, Outcome.IN_DOUBT):
        document.refuse("wrong-field", f"{address}: 'outcome' must be {Outcome.REFUSED} or {Outcome.IN_DOUBT}")
    return Against(
        address=address,
        digest=Digest(document.take(row, "digest", str, address)),
        call=document.take_count(row, "call", address),
        outcome=Outcome(outcome),
        at=document.take_time(row, "at", address),
        said=document.take_or_none(row, "said", str, address),
    )


def _object(
    document: JsonDocument, value: object, name: str, fields: Collection[str]
) -> tuple[dict[str, Any], Address]:
    if not isinstance(value, dict):
        document.refuse("wrong-field", f"the proof: '{name}' must hold objects")
    address = document.address(value.get("address"))
    document.check_keys(value, fields, address)
    return value, address


def _shown(document: JsonDocument, value: object) -> Shown:
    value, address = _object(document, value, "proofs", _SHOWN)
    ids = document.take(value, "idList", list, address)
    if not all(isinstance(each, str) for each in ids):
        document.refuse("wrong-field", f"{address}: 'idList' must be a list of texts")
    return Shown(
        address=address,
        digest=Digest(document.take(value, "digest", str, address)),
        call=document.take_count(value, "call", address),
        ids=tuple(ids),
        at=document.take_time(value, "at", address),
        request_id=document.take_or_none(value, "requestId", str, address),
        target=document.address(value["target"]) if "target" in value else None,
    )
