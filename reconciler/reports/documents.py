"""The JSON documents of `plan --json` and `apply --json`, format 1.0, as `schemas/` publishes them."""

from collections.abc import Iterable
from typing import Any

from reconciler.core.diagnostics import Diagnostic, InvalidInput
from reconciler.core.guardrail_limits import Refusal
from reconciler.core.outcome import category_of
from reconciler.core.plan import Plan
from reconciler.core.run import CallError, Outcome, Result, Run
from reconciler.core.selection import Action
from reconciler.errors import ReconcilerError
from reconciler.formats.plan_document import FORMAT_VERSION, change_object, diagnostic_object, forecast_object
from reconciler.reports.plan_risks import Risk, risks_of


def plan_document(plan: Plan) -> dict[str, Any]:
    return {
        "format_version": FORMAT_VERSION,
        "plan_id": plan.id,
        "project": plan.binding.project,
        "environment": plan.binding.environment,
        "tenant": plan.binding.tenant,
        "summary": plan.summary,
        "left_out": plan.left_out,
        "refusals": [_refusal(each) for each in plan.refusals],
        "risks": [_risk(each) for each in risks_of(plan)],
        "changes": [change_object(change) for change in plan.changes],
        "warnings": [diagnostic_object(each) for each in plan.warnings],
        "forecast": forecast_object(plan.forecast) if plan.forecast else None,
    }


def _refusal(refusal: Refusal) -> dict[str, Any]:
    told = {"rule": refusal.rule, "figure": refusal.figure, "limit": refusal.limit}
    return {**told, "message": refusal.told, "hint": refusal.hint}


def apply_document(run: Run) -> dict[str, Any]:
    return {
        "format_version": FORMAT_VERSION,
        "run_id": run.id,
        "plan_id": run.plan_id,
        "environment": run.environment,
        "summary": run.summary,
        "stopped": run.stop,
        "results": [_result(result) for result in run.results],
        "warnings": _diagnostics(run.warnings),
        "error": _error(run.error) if run.error else None,
    }


def failed_plan_document(error: ReconcilerError, environment: str | None) -> dict[str, Any]:
    """The same document where there is no plan: nothing planned, and why."""
    summary = dict.fromkeys([*Action, "unchanged", "undeclared", "calls"], 0)
    head = {"format_version": FORMAT_VERSION, "plan_id": None, "environment": environment, "tenant": None}
    return {**head, "summary": summary, "changes": [], **_failure(error)}


def failed_apply_document(error: ReconcilerError, environment: str | None) -> dict[str, Any]:
    """The same document where nothing could start."""
    summary = dict.fromkeys(Outcome, 0)
    head = {"format_version": FORMAT_VERSION, "run_id": None, "plan_id": None, "environment": environment}
    return {**head, "summary": summary, "results": [], **_failure(error)}


def _failure(error: ReconcilerError) -> dict[str, Any]:
    told = CallError(type(error).__name__, error.summary if not error.detail else f"{error.summary}: {error.detail}")
    found = error.diagnostics if isinstance(error, InvalidInput) else ()
    return {"error": _error(told), "diagnostics": _diagnostics(found)}


def _diagnostics(found: Iterable[Diagnostic]) -> list[dict[str, str]]:
    return [diagnostic_object(each) for each in found]


def _risk(risk: Risk) -> dict[str, Any]:
    return {"risk": risk.kind, "changes": risk.changes, "text": risk.text}


def _result(result: Result) -> dict[str, Any]:
    return {
        "address": result.address,
        "action": result.action,
        "outcome": result.outcome,
        "sends": result.sends,
        "idList": list(result.id_list),
        "requestId": result.request_id,
        "error": _error(result.error) if result.error else None,
        "warning": result.warning,
    }


def _error(error: CallError) -> dict[str, str | None]:
    return {
        "code": error.code,
        "category": category_of(error.code),
        "message": error.message,
        "processId": error.process_id,
    }
