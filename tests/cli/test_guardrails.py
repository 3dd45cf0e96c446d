"""Guardrails as a user meets them: shown on top of a plan, enforced by an apply, lifted by a reviewed line only."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from commands import Ended, Project

from reconciler.formats.schema import SchemaSet
from reconciler.workspace.schemas import load_schemas

SCHEMAS = SchemaSet(load_schemas())
STATE = "    state: {file: .reconciler/local.state.json}\n"
HEAD = "version: 1\nflags: {onlyReSend: false, reMigrate: true}\nreason: REV-1234 prices\nowner: revenue-operations\n"
FAR = "2126-12-31"


def charges(count: int, *, trigger: str = "first", head: str = HEAD) -> str:
    items = "".join(f"  - {{chargeNumber: C-{number:08}}}\n" for number in range(1, count + 1))
    return f"{head}trigger: {trigger}\ndynamicUsageCharges:\n{items}"


def guard(project: Project, *lines: str) -> None:
    """Put *lines* under guardrails of the environment local, from line 11 of the project file, in column 7."""
    text = "".join(f"      {line}\n" for line in lines)
    project.edit("reconciler.yaml", STATE, f"{STATE}    guardrails:\n{text}")


@pytest.fixture
def guarded(project: Project) -> Project:
    """A project that declares 12 charges with reMigrate."""
    (project.folder / "local/corrections.yaml").unlink()
    project.write("local/q4-backfill.yaml", charges(12))
    return project


FIRST_CHARGE = "DynamicUsageCharge/C-00000001"


def has_sent(project: Project) -> bool:
    """Whether anything was sent: the world of the emulator begins with the first token."""
    return (project.folder / ".reconciler/emulator.db").exists()


def apply(project: Project, *arguments: str) -> Ended:
    return project.run("apply", "--yes", *arguments)


def refused(project: Project) -> str:
    """Plan and apply; both refuse with the same words, and nothing is sent. Return what the plan says on top."""
    plan, applied = project.run("plan", "--detailed-exitcode"), apply(project)

    assert (plan.status, applied.status) == (9, 9)
    assert plan.err == ""
    assert "Nothing was sent." in applied.err
    assert not has_sent(project)
    assert not project.state_file.exists()
    heading, told, *_ = plan.out.split("\n", 2)
    assert heading.startswith("Environment local")
    assert applied.out.startswith(plan.out.partition("\n\n")[0])
    return told


FIRST = (
    "DynamicUsageCharge/C-00000001 [local/q4-backfill.yaml:7:5], DynamicUsageCharge/C-00000002 "
    "[local/q4-backfill.yaml:8:5], DynamicUsageCharge/C-00000003 [local/q4-backfill.yaml:9:5] and 9 more."
)
REFUSED = {
    "max_calls": ("max_calls: 11", "12 calls in this plan, and 11 are allowed."),
    "max_calls_per_day": (
        "max_calls_per_day: 11",
        "12 calls in this plan after 0 in the last 24 h, and 11 are allowed.",
    ),
    "max_remigrate": ("max_remigrate: 0", "12 calls with reMigrate in this plan, and 0 are allowed."),
    "max_remigrate_per_day": (
        "max_remigrate_per_day: 1",
        "12 calls with reMigrate in this plan after 0 in the last 24 h, and 1 is allowed.",
    ),
    "forbidden_flags": (
        "forbidden_flags: [{onlyReSend: false, reMigrate: true}]",
        f"12 calls with onlyReSend false, reMigrate true, and none is allowed: {FIRST}",
    ),
    "reason": ("reason: FIN-*", f"12 calls whose reason is missing or unlike 'FIN-*': {FIRST}"),
    "owner": (
        'owner: "*@acme.example"',
        f"12 calls whose owner is missing or unlike '*@acme.example': {FIRST}",
    ),
}


@pytest.mark.parametrize("rule", REFUSED)
def test_a_refusal_says_rule_figure_and_limit_on_top_of_the_plan_and_nothing_is_sent(
    guarded: Project, rule: str
) -> None:
    line, expected = REFUSED[rule]
    guard(guarded, line)

    assert refused(guarded) == f"  ! {rule} refuses this plan: {expected}"


def test_a_freeze_refuses_until_it_is_over_and_says_when(guarded: Project) -> None:
    today = datetime.now(UTC).date()
    first, last = today - timedelta(days=1), today + timedelta(days=1)
    guard(
        guarded,
        "time_zone: UTC",
        f'freeze: {{periods: [{{from: "{first}", to: "{last}", reason: close of the books}}]}}',
    )

    told = refused(guarded)

    assert re.fullmatch(
        rf"  ! freeze refuses this plan: it is \S+ in UTC, and nothing is sent from {first} to {last} "
        r"\(close of the books\)\.",
        told,
    )
    assert f"Apply from {last + timedelta(days=1)} on, or have allow: [{{rule: freeze," in guarded.run("plan").out


def test_too_many_at_once_are_regenerated_again(guarded: Project) -> None:
    guard(guarded, "max_reissued_share: 0.5")
    assert apply(guarded).status == 0
    guarded.write("local/q4-backfill.yaml", charges(12, trigger="second"))

    plan = guarded.run("plan")

    assert plan.status == 9
    assert plan.out.split("\n")[1] == (
        "  ! max_reissued_share refuses this plan: 12 of 12 declarations are to be regenerated again, a share of 1, "
        "and 0.5 is allowed."
    )
    assert guarded.run("plan", "--only", "DynamicUsageCharge/C-0000000[1-6]").status == 0


def test_parts_of_a_share_do_not_slip_through_one_after_another(guarded: Project) -> None:
    guard(guarded, "max_reissued_share: 0.5")
    assert apply(guarded).status == 0
    guarded.write("local/q4-backfill.yaml", charges(12, trigger="second"))

    parts = [apply(guarded, "--only", f"DynamicUsageCharge/C-0000000{part}") for part in ("[1-3]", "[4-6]", "[7]")]

    assert [each.status for each in parts] == [0, 0, 9]
    assert (
        "max_reissued_share: 1 of 12 declarations are to be regenerated again after 6 in the last 24 h, a share of "
        "0.583, and 0.5 is allowed"
    ) in parts[2].err
    assert [each.get("reissued") for each in guarded.state["history"]] == [None, 3, 3]


def test_small_plans_do_not_slip_through_one_after_another(guarded: Project) -> None:
    guard(guarded, "max_calls: 5", "max_calls_per_day: 10", "max_remigrate_per_day: 10")
    parts = [
        "DynamicUsageCharge/C-0000000[1-5]",
        "DynamicUsageCharge/C-0000000[6-9]",
        "DynamicUsageCharge/C-000000[1]*",
    ]

    first, second, third = (apply(guarded, "--only", part) for part in parts)

    assert (first.status, second.status, third.status) == (0, 0, 9)
    assert "max_calls_per_day: 3 calls in this plan after 9 in the last 24 h, and 10 are allowed" in third.err
    assert "max_remigrate_per_day: 3 calls with reMigrate in this plan after 9 in the last 24 h" in third.err
    assert [(each["calls"], each["remigrate"]) for each in guarded.state["history"]] == [(5, 5), (4, 4)]
    assert guarded.state["history"][0]["guardrails"] == [
        "max_calls 5",
        "max_calls_per_day 10",
        "max_remigrate_per_day 10",
    ]


def test_a_call_that_is_sent_again_under_its_key_counts_once_for_a_day(guarded: Project) -> None:
    guard(guarded, "max_calls_per_day: 4", "max_remigrate_per_day: 4")
    lost: dict[str, object] = {"name": "lost", "match": {"target": FIRST_CHARGE}, "fault": {"kind": "lost"}}
    part = ("--only", "DynamicUsageCharge/C-0000000[1-3]")
    guarded.rehearse(lost)
    assert [apply(guarded, *part).status for _ in range(2)] == [6, 6]
    guarded.rehearse()
    assert apply(guarded, *part).status == 0

    assert apply(guarded, "--only", "DynamicUsageCharge/C-00000004").status == 0
    ended = apply(guarded, "--only", "DynamicUsageCharge/C-00000005")

    assert ended.status == 9
    assert "max_calls_per_day: 1 call in this plan after 4 in the last 24 h, and 4 are allowed" in ended.err
    first, second, *_ = history = guarded.state["history"]
    assert [each.get("resumed") for each in history] == [
        None,
        [{"run": first["run"], "calls": 1, "remigrate": 1}],
        [{"run": second["run"], "calls": 1, "remigrate": 1}],
        None,
    ]


def test_the_json_document_has_every_refusal_and_stderr_says_it_to_people(guarded: Project) -> None:
    guard(guarded, "max_calls: 11", "max_remigrate: 3")
    ended = guarded.run("plan", "--json")

    assert ended.status == 9
    assert ended.document["refusals"] == [
        {
            "rule": rule,
            "figure": 12,
            "limit": limit,
            "message": message,
            "hint": f"Take a part of it with --only, or have allow: [{{rule: {rule}, for: PLAN_ID, reason: WHY, "
            "until: DATE}] reviewed, under guardrails of local in reconciler.yaml.",
        }
        for rule, limit, message in [
            ("max_remigrate", 3, "12 calls with reMigrate in this plan, and 3 are allowed"),
            ("max_calls", 11, "12 calls in this plan, and 11 are allowed"),
        ]
    ]
    assert list(SCHEMAS.violations("plan.schema.json", ended.document)) == []
    assert "Guardrails refuse" in ended.err
    assert "max_calls: 12 calls in this plan, and 11 are allowed. Nothing was sent." in ended.err


def test_an_apply_that_is_refused_prints_its_document_with_why(guarded: Project) -> None:
    guard(guarded, "max_calls: 11")
    ended = apply(guarded, "--json")

    assert ended.status == 9
    assert ended.document["error"]["code"] == "GuardrailError"
    assert "max_calls: 12 calls in this plan, and 11 are allowed" in ended.document["error"]["message"]
    assert list(SCHEMAS.violations("apply.schema.json", ended.document)) == []


def test_an_apply_is_refused_before_it_reads_its_credentials(project: Project) -> None:
    project.write("sandbox/q4-backfill.yaml", charges(2))
    project.edit("reconciler.yaml", "    specs: sandbox\n", "    specs: sandbox\n    guardrails: {max_calls: 1}\n")

    ended = project.run("apply", "-e", "sandbox", "--yes")

    assert ended.status == 9
    assert "2 calls in this plan, and 1 is allowed" in ended.err
    assert "ZUORA_SANDBOX_CLIENT_ID" not in ended.err


@pytest.mark.parametrize("option", ["--max-calls=1", "--yes", "--confirm=local", "--lock=false", "--deadline=1h"])
def test_no_option_lifts_a_guardrail(guarded: Project, option: str) -> None:
    guard(guarded, "max_calls: 11")

    assert apply(guarded, option).status == 9
    assert not has_sent(guarded)


@pytest.mark.parametrize("rule", ["max_calls_per_day", "max_remigrate_per_day", "max_reissued_share", "canary"])
def test_a_rule_that_counts_on_other_runs_wants_the_lock(guarded: Project, rule: str) -> None:
    guard(guarded, f"{rule}: {'0.5' if rule == 'max_reissued_share' else '100'}", "max_calls: 100")

    ended = apply(guarded, "--lock=false")

    assert ended.status == 1
    assert ended.err == (
        f"error: The lock is needed\n  {rule} of local [reconciler.yaml:11:7] counts on what other runs do, and "
        "without the lock runs at once know nothing of each other. Nothing was sent.\n"
        "  hint: Leave --lock=false out; --lock-timeout waits for another run.\n"
    )
    assert not has_sent(guarded)
    assert apply(guarded).status == 0


def test_a_limit_of_one_plan_is_kept_without_a_lock(guarded: Project) -> None:
    guard(guarded, "max_calls: 100", "reason: REV-*")

    assert apply(guarded, "--lock=false").status == 0


def test_a_reviewed_line_for_the_plan_lets_it_pass_and_is_told_and_recorded(guarded: Project) -> None:
    guard(guarded, "max_calls: 11")
    plan_id = guarded.run("plan", "--json").document["plan_id"]
    guarded.edit(
        "reconciler.yaml",
        "      max_calls: 11\n",
        f'      max_calls: 11\n      allow: [{{rule: max_calls, for: {plan_id}, reason: REV-1300, until: "{FAR}"}}]\n',
    )

    plan, applied = guarded.run("plan"), apply(guarded)

    assert (plan.status, applied.status) == (0, 0)
    assert f"reconciler.yaml:12:15: warning: max_calls is lifted for {plan_id} to the end of {FAR}" in plan.err
    assert "[guardrail-lifted]" in plan.err
    assert "The project file gives as its reason: REV-1300." in plan.err
    assert guarded.state["history"][0]["guardrails"] == ["max_calls 11", f"max_calls lifted for {plan_id}: REV-1300"]


def test_what_is_left_of_a_plan_that_a_reviewed_line_names_passes_too(guarded: Project) -> None:
    """It was begun with a plain apply, which was stopped early and says: apply again."""
    guard(guarded, "max_calls: 2")
    plan_id = guarded.run("plan", "--json").document["plan_id"]
    line = f'allow: [{{rule: max_calls, for: {plan_id}, reason: REV-1300, until: "{FAR}"}}]'
    guarded.edit("reconciler.yaml", "      max_calls: 2\n", f"      max_calls: 2\n      {line}\n")
    stopped = apply(guarded, "--max-calls", "4")

    again = apply(guarded, "--max-calls", "3")
    expected = guarded.run("apply", "--expect", plan_id, "--max-calls", "1")
    last = apply(guarded)

    assert [each.status for each in (stopped, again, expected, last)] == [6, 6, 6, 0]
    assert len(guarded.ledger()) == 12
    assert [each["plan"] for each in guarded.state["history"]] == [plan_id] * 4
    assert "approvals" not in guarded.state


def test_a_limit_does_not_hold_back_a_call_whose_answer_was_lost(guarded: Project) -> None:
    guarded.rehearse({"name": "lost", "match": {"target": FIRST_CHARGE}, "fault": {"kind": "lost"}})
    assert apply(guarded, "--only", FIRST_CHARGE).status == 6
    guarded.rehearse()
    guard(guarded, "max_calls: 0", "max_remigrate: 0", "max_calls_per_day: 0", "max_remigrate_per_day: 0")

    assert apply(guarded).status == 9
    assert apply(guarded, "--only", FIRST_CHARGE).status == 0


def test_a_line_that_has_ended_is_named(guarded: Project) -> None:
    guard(guarded, "max_calls: 11", 'allow: [{rule: max_calls, for: "*", reason: REV-1300, until: "2026-01-01"}]')

    assert "The line at reconciler.yaml:12:15 ended with 2026-01-01." in guarded.run("plan").out


def test_a_saved_plan_is_refused_too_until_a_reviewed_line_lets_it_pass(guarded: Project) -> None:
    guard(guarded, "max_calls: 11")
    assert guarded.run("plan", "--out", "plan.json").status == 9
    plan_id = json.loads((guarded.folder / "plan.json").read_text())["plan_id"]
    ended = [guarded.run("apply", "plan.json"), guarded.run("apply", "--expect", plan_id)]
    assert [each.status for each in ended] == [9, 9]

    line = f'allow: [{{rule: max_calls, for: {plan_id}, reason: REV-1300, until: "{FAR}"}}]'
    guarded.edit("reconciler.yaml", "      max_calls: 11\n", f"      max_calls: 11\n      {line}\n")

    assert guarded.run("apply", "plan.json", "--max-calls", "4").status == 6
    assert guarded.run("apply", "plan.json").status == 0


def test_a_freeze_is_announced_and_nothing_is_said_where_nothing_is_to_be_sent(guarded: Project) -> None:
    begins = datetime.now(UTC).date() + timedelta(days=2)
    period = f'{{from: "{begins}", to: "{begins}", reason: close of the books}}'
    guard(guarded, "time_zone: UTC", f"freeze: {{periods: [{period}]}}")

    plan = guarded.run("plan")
    assert apply(guarded).status == 0
    after = guarded.run("plan")

    assert plan.status == 0
    assert f"reconciler.yaml:11:7: warning: nothing is sent from {begins}, in " in plan.err
    assert "[freeze-ahead]" in plan.err
    assert "freeze-ahead" not in after.err


def test_a_plan_with_nothing_to_do_is_refused_by_nothing(guarded: Project) -> None:
    assert apply(guarded).status == 0
    guard(guarded, "max_calls: 0", "max_calls_per_day: 0", "reason: NONE", "owner: NONE", "max_reissued_share: 0")

    assert guarded.run("plan", "--detailed-exitcode").status == 0
    assert apply(guarded).status == 0


def test_a_time_zone_that_is_misspelt_is_told_with_its_place(guarded: Project) -> None:
    guard(guarded, "time_zone: America/New_Yrok", "freeze: {month_end: {last: 2}}")
    ended = guarded.run("validate")

    assert ended.status == 3
    assert "reconciler.yaml:11:18: error: time_zone 'America/New_Yrok' is no time zone [unknown-time-zone]" in ended.err
    assert "Did you mean 'America/New_York'?" in ended.err
