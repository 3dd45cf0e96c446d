"""The JSON document of `doctor --json`, format 1.0, as `schemas/doctor.schema.json` publishes it."""

from typing import Any

from reconciler.core.checkup import Check, Checkup
from reconciler.formats.plan_document import FORMAT_VERSION


def checkup_document(checkup: Checkup) -> dict[str, Any]:
    return {
        "format_version": FORMAT_VERSION,
        "environment": checkup.environment,
        "exit_status": checkup.exit_status,
        "facts": [{"name": fact.name, "value": fact.value, "origin": fact.origin} for fact in checkup.facts],
        "checks": [_check(check) for check in checkup.checks],
    }


def _check(check: Check) -> dict[str, Any]:
    return {
        "name": check.name,
        "verdict": check.verdict,
        "found": check.found,
        "detail": check.detail,
        "hint": check.hint,
        "place": check.place,
        "exit_status": check.status,
    }
