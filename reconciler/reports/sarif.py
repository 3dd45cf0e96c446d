"""What `validate` has found as SARIF 2.1.0, for code scanning.

Source: OASIS SARIF 2.1.0 with errata 01; docs.github.com, "SARIF support for code scanning" (what it reads, and that it
shows at most 5,000 results of a run).
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from reconciler import __version__
from reconciler.core.catalogue import CATALOGUE
from reconciler.core.catalogue.explanation import Explanation, Shows
from reconciler.core.diagnostics import Diagnostic, Severity
from reconciler.reports.findings import Findings, message_of
from reconciler.reports.json_text import json_text

MOST_RESULTS = 5_000

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"
"""By custom the root of the checkout: whoever reads the document knows where that is."""

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning"}


def findings_sarif(findings: Findings) -> str:
    codes = list(dict.fromkeys(sorted(each.code for each in findings.shown)))
    levels = {each.code: _LEVELS[each.severity] for each in findings.shown}
    driver = {
        "name": "reconciler",
        "semanticVersion": __version__,
        "rules": [_rule(CATALOGUE[code], levels[code]) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository."}}},
        "invocations": [_invocation(findings)],
        "results": [_result(each, findings, codes.index(each.code)) for each in findings.shown],
    }
    return json_text({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(told: Explanation, level: str) -> dict[str, Any]:
    is_file = told.shows is not Shows.SITUATION
    where, fence = (f"Refused, in {told.shows}", "```yaml\n") if is_file else ("Such as", "```text\n")
    plain = f"{told.text}\n\n{where}:\n\n{told.bad}\nRight:\n\n{told.good}"
    fenced = f"{told.text}\n\n{where}:\n\n{fence}{told.bad}```\n\nRight:\n\n{fence}{told.good}```\n"
    return {
        "id": told.code,
        "name": told.code.title().replace("-", ""),
        "shortDescription": {"text": f"{told.title[0].upper()}{told.title[1:]}."},
        "fullDescription": {"text": told.text},
        "help": {"text": plain, "markdown": fenced},
        "defaultConfiguration": {"level": level},
    }


def _result(found: Diagnostic, findings: Findings, index: int) -> dict[str, Any]:
    return {
        "ruleId": found.code,
        "ruleIndex": index,
        "level": _LEVELS[found.severity],
        "message": {"text": _plain(f"{found.summary}.", found.detail, found.hint)},
        "locations": [{"physicalLocation": _location(found, findings)}],
    }


def _plain(*parts: str) -> str:
    """Return the text of a message in which nothing from a file can be taken for a link or for a placeholder.

    SARIF reads ``[text](address)`` as a link, ``{0}`` as a placeholder, and ``{{`` as a brace (3.11.5, 3.11.6). Only
    messages have arguments: the texts of rules are shown as they are.
    """
    text = " ".join(part for part in parts if part)
    return text.replace("](", "] (").replace("{", "{{").replace("}", "}}")


def _location(found: Diagnostic, findings: Findings) -> dict[str, Any]:
    """A place without a line is a whole file, and code scanning wants a line all the same."""
    path = findings.path(found.place)
    uri = quote(_bytes(path))
    artifact = {"uri": f"file://{uri}"} if path.startswith("/") else {"uri": uri, "uriBaseId": _ROOT}
    region = {"startLine": found.place.line or 1}
    if found.place.line:
        region["startColumn"] = found.place.column
    return {"artifactLocation": artifact, "region": region}


def _invocation(findings: Findings) -> dict[str, Any]:
    notes = list(_notifications(findings))
    told = {"toolExecutionNotifications": notes} if notes else {}
    return {"executionSuccessful": findings.other_failure is None, **told}


def _notifications(findings: Findings) -> Iterator[dict[str, Any]]:
    if findings.left_out:
        yield {"level": "note", "message": {"text": f"{findings.left_out} more problems are not listed here."}}
    if findings.other_failure:
        yield {"level": "error", "message": {"text": _plain(message_of(findings.other_failure))}}


def _bytes(path: str) -> bytes:
    """Return the name of a file as the system has it; of what can be none, something all the same."""
    try:
        return path.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return path.encode(errors="surrogatepass")
