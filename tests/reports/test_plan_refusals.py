"""What a guardrail says against a plan stands on top of it, in every rendering."""

from dataclasses import replace

from builders import charge, declare, plan_of, spec_of

from reconciler.core.guardrail_limits import Refusal, Rule
from reconciler.core.plan import Plan
from reconciler.reports.documents import plan_document
from reconciler.reports.paint import colourless
from reconciler.reports.plan_markdown import BUDGET, plan_markdown
from reconciler.reports.plan_report import report_plan
from reconciler.reports.plan_text import plan_text

MANY = Refusal(
    rule=Rule.MAX_CALLS, figure=501, limit=500, told="501 calls in this plan, and 500 are allowed", hint="Take a part."
)
ODD = Refusal(rule=Rule.REASON, figure=1, limit="```\n@all", told="unlike '```\n@all <b>'", hint="Write ``` a reason.")


def refused(*refusals: Refusal, calls: int = 1) -> Plan:
    plan = plan_of(spec_of(*(declare(charge(f"C-{number}")) for number in range(calls))))
    return replace(plan, refusals=refusals)


def test_a_terminal_shows_refusals_before_any_change() -> None:
    text = plan_text(report_plan(refused(MANY)), colourless)

    assert text.splitlines()[1:3] == [
        "  ! max_calls refuses this plan: 501 calls in this plan, and 500 are allowed.",
        "    Take a part.",
    ]


def test_a_review_comment_begins_with_refusals_that_can_be_no_markup() -> None:
    text = plan_markdown(report_plan(refused(MANY, ODD)))

    assert text.index("Refused by the guardrails") < text.index("**Plan: 1 call")
    assert "! max_calls: 501 calls in this plan, and 500 are allowed\n    Take a part.\n" in text
    assert "\n@all" not in text
    assert "\n```\\n" not in text


def test_a_review_comment_keeps_its_budget_however_long_refusals_are() -> None:
    long = replace(ODD, told="\U0001f4a5" * 2_000, hint="\u202e" * 2_000)

    assert len(plan_markdown(report_plan(refused(*[long] * 30, calls=3_000))).encode()) <= BUDGET


def test_a_document_has_figure_and_limit_as_values() -> None:
    assert plan_document(refused(MANY))["refusals"] == [
        {"rule": "max_calls", "figure": 501, "limit": 500, "message": MANY.told, "hint": MANY.hint}
    ]
    assert plan_document(refused())["refusals"] == []
