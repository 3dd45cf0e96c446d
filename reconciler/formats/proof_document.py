"""The document of what a run has shown, format 1.0: one proof a line, ASCII, sealed. It may be signed besides."""

import json
from collections.abc import Mapping
from typing import Any

from reconciler.core.address import Address, parse_address
from reconciler.core.diagnostics import shown
from reconciler.core.digest import Digest
from reconciler.core.evidence import EMULATOR, ZUORA, Evidence, Shown
from reconciler.formats.json_reader import JsonDocument
from reconciler.formats.seal import BrokenSeal, sealed, unsealed

FORMAT_VERSION = "1.0"
BEGINNING = b'{\n "format_version": "1.0",\n "kind": "proof"'
"""What every document of proofs begins with."""

_RESTORE = "Get it anew from the run that has written it."
_HEAD = ("project", "environment", "tenant", "entity", "platform", "lineage", "run", "plan_id", "commit", "tool")


def write_evidence(evidence: Evidence) -> bytes:
    head = {"format_version": FORMAT_VERSION, "kind": "proof", **{name: getattr(evidence, name) for name in _HEAD}}
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(value)}" for name, value in head.items())
    rows = ",\n".join(f"  {json.dumps(_row(each))}" for each in evidence.shown)
    proofs = f"[\n{rows}\n ]" if rows else "[]"
    return sealed(f'{{\n{lines},\n "against": {json.dumps(evidence.against)},\n "proofs": {proofs}'.encode())


def _row(each: Shown) -> dict[str, Any]:
    return {
        "address": each.address,
        "digest": each.digest,
        "call": each.call,
        "idList": list(each.ids),
        "at": each.at,
        "requestId": each.request_id,
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
    platform = document.take(value, "platform", str, "the proof")
    if platform not in (ZUORA, EMULATOR):
        document.refuse("wrong-field", f"the proof: 'platform' must be {ZUORA} or {EMULATOR}")
    against = document.take(value, "against", list, "the proof")
    return Evidence(
        project=document.take(value, "project", str, "the proof"),
        environment=document.take(value, "environment", str, "the proof"),
        tenant=document.take_or_none(value, "tenant", str, "the proof"),
        entity=document.take_or_none(value, "entity", str, "the proof"),
        platform=platform,
        lineage=document.take_or_none(value, "lineage", str, "the proof"),
        run=document.take(value, "run", str, "the proof"),
        plan_id=document.take(value, "plan_id", str, "the proof"),
        commit=document.take_or_none(value, "commit", str, "the proof"),
        tool=document.take(value, "tool", str, "the proof"),
        shown=tuple(_shown(document, each) for each in document.take(value, "proofs", list, "the proof")),
        against=tuple(_address(document, each) for each in against),
    )


def _check_kind(document: JsonDocument, value: Mapping[str, Any]) -> None:
    version = value.get("format_version")
    if value.get("kind") != "proof" or not isinstance(version, str):
        document.refuse("unknown-version", "the document does not say that it is a proof")
    if not version.startswith("1."):
        what = f"the proof has format {shown(version)}, and this reconciler reads format 1"
        document.refuse("newer-version", what, hint="Upgrade reconciler.")


def _shown(document: JsonDocument, value: object) -> Shown:
    if not isinstance(value, dict):
        document.refuse("wrong-field", "the proof: 'proofs' must hold objects")
    address = _address(document, value.get("address"))
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
    )


def _address(document: JsonDocument, value: object) -> Address:
    try:
        parse_address(str(value))
    except ValueError:
        document.refuse("bad-address", f"{shown(str(value))} is not the address of any target")
    return Address(str(value))
