"""The canary end to end: real files, the real emulator with faults, and everything that a pipeline may try again."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from commands import Ended, Project

STATE = "    state: {file: .reconciler/local.state.json}\n"
HEAD = "version: 1\nflags: {onlyReSend: false, reMigrate: true}\ntrigger: first\ndynamicUsageCharges:\n"
CALLS, FIRST = 12, 3
SPEC = "local/q4-backfill.yaml"
STOPPED = "Stopped: not all of the calls that went first, as a canary, were done."


def address(number: int) -> str:
    return f"DynamicUsageCharge/C-{number:08}"


def line(number: int, more: str = "") -> str:
    return f"  - {{chargeNumber: C-{number:08}{more}}}\n"


@pytest.fixture
def guarded(project: Project) -> Project:
    """A project that declares 12 charges, of which 3 go first."""
    (project.folder / "local/corrections.yaml").unlink()
    project.write(SPEC, HEAD + "".join(line(number) for number in range(1, CALLS + 1)))
    project.edit("reconciler.yaml", STATE, f"{STATE}    guardrails:\n      canary: {FIRST}\n")
    return project


def misbehave(project: Project, number: int, fault: dict[str, Any], *, times: int | None = None) -> None:
    """Let the platform meet calls for charge *number* with *fault*."""
    rule = {"name": "canary", "match": {"target": address(number)}, "fault": fault}
    rules = {"version": 1, "rules": [{**rule, "times": times} if times else rule]}
    loaded = project.run("emulator", "faults", "load", str(project.write("rules.json", json.dumps(rules))))
    assert loaded.status == 0, loaded.err


def behave(project: Project) -> None:
    assert project.run("emulator", "faults", "clear").status == 0


REFUSED = {"kind": "business", "category": 40, "saved": False}


def apply(project: Project, *arguments: str) -> Ended:
    return project.run("apply", "--yes", *arguments)


def effects(project: Project) -> list[str]:
    """What really happened, in the order of addresses."""
    return sorted(each["target"] for each in project.ledger())


def charges(*numbers: int) -> list[str]:
    return [address(number) for number in numbers]


def canary_of(project: Project) -> Any:  # noqa: ANN401  (JSON)
    (approval,) = project.state["approvals"]
    return approval["canary"]


def test_the_others_go_when_all_that_went_first_are_done(guarded: Project) -> None:
    ended = apply(guarded)

    assert ended.status == 0
    assert "Canary: 3 calls of this plan first; the other 9 only when all of them are done." in ended.err
    assert effects(guarded) == charges(*range(1, CALLS + 1))
    assert "approvals" not in guarded.state
    assert guarded.state["history"][0]["guardrails"] == [f"canary {FIRST}"]
    done = [text for text in ended.out.splitlines() if "done  " in text]
    assert sorted(text.split()[3] for text in done[:FIRST]) == charges(1, 2, 3)


def test_one_refusal_stops_the_others_when_all_that_went_first_have_ended(guarded: Project) -> None:
    misbehave(guarded, 2, REFUSED)
    ended = apply(guarded)

    assert ended.status == 9
    assert STOPPED in ended.out
    assert ended.out.endswith(
        "Applied: 2 done, 1 refused, 9 not started.\n"
        "Refused changes had no effect. One that went first holds the others back until it is declared otherwise (a "
        "new trigger is enough), taken out, or let past by a reviewed line in the project file.\n"
        "What was not started stays planned, and goes when nothing that went first holds it back.\n"
        "The ids are in the state: reconciler state list -e local, reconciler state show -e local ADDRESS.\n"
    )
    assert "apply again" not in ended.out
    assert effects(guarded) == charges(1, 3)
    assert canary_of(guarded)["left"] == {}
    assert list(canary_of(guarded)["refused"]) == charges(2)


def retries(project: Project, plan_id: str) -> Sequence[Ended]:
    """Everything that tries the rest of the same plan again."""
    return [
        apply(project),
        apply(project, "--only", "DynamicUsageCharge/C-0000000[4-9]"),
        apply(project, "--except", address(2)),
        apply(project, "--max-calls", "1"),
        project.run("apply", "--expect", plan_id),
    ]


def test_no_retry_sends_others_after_a_refused_canary_though_the_platform_is_well_again(guarded: Project) -> None:
    misbehave(guarded, 2, REFUSED)
    plan_id = guarded.run("plan", "--json").document["plan_id"]
    assert apply(guarded).status == 9
    behave(guarded)
    before = guarded.ledger()

    ended = retries(guarded, plan_id)

    assert [each.status for each in ended] == [9] * len(ended)
    assert guarded.ledger() == before
    assert (
        f"canary: 1 of the calls that went first for plan {plan_id} was refused: {address(2)}. Nothing was sent."
    ) in ended[0].err
    assert (
        "Mend it: change its declaration (a new trigger is enough) or take it out; or have allow: [{rule: canary, "
        f"for: {plan_id}, reason: WHY, until: DATE}}] reviewed, under guardrails of local in reconciler.yaml."
        in ended[0].err
    )


def test_a_saved_plan_does_not_take_a_fresh_canary_either(guarded: Project) -> None:
    assert guarded.run("plan", "--out", "plan.json").status == 0
    misbehave(guarded, 1, REFUSED)
    first = guarded.run("apply", "plan.json")
    behave(guarded)
    before = guarded.ledger()
    plan_id = json.loads((guarded.folder / "plan.json").read_text())["plan_id"]

    ended = [guarded.run("apply", "plan.json"), guarded.run("apply", "--expect", plan_id), apply(guarded)]

    assert [first.status, *(each.status for each in ended)] == [9, 9, 9, 9]
    assert guarded.ledger() == before
    assert effects(guarded) == charges(2, 3)


def test_a_plan_shows_before_any_apply_that_the_canary_was_refused(guarded: Project) -> None:
    misbehave(guarded, 2, REFUSED)
    assert apply(guarded).status == 9
    plan = guarded.run("plan")

    assert plan.status == 9
    assert plan.out.splitlines()[1].startswith(
        "  ! canary refuses this plan: 1 of the calls that went first for plan p1-"
    )


def test_another_declaration_in_its_place_lifts_the_verdict_and_a_fresh_canary_goes_first(guarded: Project) -> None:
    misbehave(guarded, 2, REFUSED)
    assert apply(guarded).status == 9
    behave(guarded)
    guarded.edit(SPEC, line(2), line(2, ", trigger: second"))

    ended = apply(guarded)

    assert ended.status == 0
    assert "Canary: 3 calls of this plan first; the other 7" in ended.err
    assert effects(guarded) == charges(*range(1, CALLS + 1))


def test_taking_it_out_lifts_the_verdict_and_what_is_left_has_to_show_anew_that_it_works(guarded: Project) -> None:
    misbehave(guarded, 2, REFUSED)
    assert apply(guarded).status == 9
    guarded.edit(SPEC, line(2), "")
    misbehave(guarded, 4, REFUSED)

    ended = apply(guarded)

    assert ended.status == 9
    assert effects(guarded) == charges(1, 3, 5, 6)


def test_a_reviewed_line_lifts_the_verdict(guarded: Project) -> None:
    misbehave(guarded, 2, REFUSED)
    plan_id = guarded.run("plan", "--json").document["plan_id"]
    assert apply(guarded).status == 9
    behave(guarded)
    allowed = f'allow: [{{rule: canary, for: {plan_id}, reason: REV-1300 its object was missing, until: "2126-12-31"}}]'
    guarded.edit("reconciler.yaml", f"      canary: {FIRST}\n", f"      canary: {FIRST}\n      {allowed}\n")

    assert apply(guarded).status == 0
    assert effects(guarded) == charges(*range(1, CALLS + 1))


def test_an_import_does_not_lift_the_verdict(guarded: Project) -> None:
    """It would leave no trace in a plan, and in no file that is reviewed."""
    misbehave(guarded, 2, REFUSED)
    assert apply(guarded).status == 9
    behave(guarded)
    rows = guarded.write("done.csv", f"address,onlyReSend,reMigrate,trigger\n{address(2)},false,true,first\n")
    assert guarded.run("state", "import", str(rows), "--reason", "done by hand").status == 0

    ended = apply(guarded)

    assert ended.status == 9
    assert f"of the calls that went first for plan {guarded.state['approvals'][0]['plan']} was refused" in ended.err
    assert effects(guarded) == charges(1, 3)


def test_another_plan_is_not_stopped_by_the_verdict(guarded: Project) -> None:
    misbehave(guarded, 2, REFUSED)
    assert apply(guarded).status == 9
    text = "".join(line(number) for number in range(21, 26))
    guarded.write("local/other.yaml", HEAD + text)

    assert apply(guarded, "--only", "file:local/other.yaml").status == 0
    assert effects(guarded) == charges(1, 3, *range(21, 26))
    assert apply(guarded).status == 9


def test_a_canary_that_was_not_sent_to_its_end_is_sent_to_its_end_and_no_others(guarded: Project) -> None:
    first = apply(guarded, "--max-calls", "2")
    second = apply(guarded, "--max-calls", "1")
    seen = effects(guarded)
    third = apply(guarded)

    assert (first.status, second.status, third.status) == (6, 6, 0)
    assert seen == charges(1, 2, 3)
    assert "Canary: 1 call of this plan first; the other 9" in second.err
    assert "Canary" not in third.err


def test_a_canary_that_has_passed_is_not_repeated_for_the_rest(guarded: Project) -> None:
    assert guarded.run("plan", "--out", "plan.json").status == 0
    assert guarded.run("apply", "plan.json", "--max-calls", "5").status == 6
    assert canary_of(guarded) == {"left": {}, "refused": {}, "held": {}}
    misbehave(guarded, 6, REFUSED)

    ended = guarded.run("apply", "plan.json")

    assert ended.status == 1
    assert "Canary" not in ended.err
    assert effects(guarded) == charges(*range(1, 6), *range(7, CALLS + 1))


def test_the_rest_of_a_plan_that_nobody_saved_goes_on_under_its_id(guarded: Project) -> None:
    plan_id = guarded.run("plan", "--json").document["plan_id"]
    assert apply(guarded, "--max-calls", "5").status == 6

    ended = apply(guarded, "--json")

    assert ended.status == 0
    assert ended.document["plan_id"] == plan_id
    assert [each["plan"] for each in guarded.state["history"]] == [plan_id] * 2
    assert "approvals" not in guarded.state


def test_a_doubt_is_sent_again_under_its_key_before_any_other_goes(guarded: Project) -> None:
    misbehave(guarded, 2, {"kind": "lost"})
    first = apply(guarded)
    seen = effects(guarded)
    (before,) = (each["unsettled"][0]["key"] for each in guarded.state["entries"].values() if "unsettled" in each)
    behave(guarded)
    second = apply(guarded)

    assert first.status == 9
    assert "1 in doubt, 9 not started" in first.out
    assert "Apply again within 23 h: the same key is sent" in first.out
    assert "What was not started stays planned, and goes when nothing that went first holds it back." in first.out
    assert seen == charges(1, 3)
    assert "Canary: 1 call of this plan first; the other 9" in second.err
    assert second.status == 0
    assert guarded.state["entries"][address(2)]["applied"]["key"] == before
    assert effects(guarded) == charges(*range(1, CALLS + 1))


def test_what_nobody_can_tell_stops_the_others_until_a_person_has_decided(guarded: Project) -> None:
    misbehave(guarded, 2, {"kind": "system_error"})
    first = apply(guarded)
    second = apply(guarded)
    assert [first.status, second.status] == [9, 9]
    assert (
        f"1 of the calls that went first for plan {guarded.state['approvals'][0]['plan']} was not settled: {address(2)}"
        in second.err
    )
    assert effects(guarded) == charges(1, 3)

    resolved = guarded.run("state", "resolve", address(2), "--as", "done", "--reason", "looked it up")
    assert resolved.status == 0, resolved.err

    assert apply(guarded).status == 0
    assert effects(guarded) == charges(1, *range(3, CALLS + 1))


def mapped(project: Project, *wrong: int) -> None:
    """Let the charges have other numbers in the tenant; those of *wrong* are of no object."""
    rows = (f"chargeNumber,C-{n:08},{'NOPE-' if n in wrong else 'C-'}{n + 100:08}\n" for n in range(1, CALLS + 1))
    project.write("keys/local.csv", "field,as_written,in_tenant\n" + "".join(rows))


@pytest.fixture
def with_keys(guarded: Project) -> Project:
    guarded.edit("reconciler.yaml", STATE, f"{STATE}    keys: keys/local.csv\n")
    mapped(guarded)
    return guarded


def test_another_object_in_the_key_map_has_a_canary_of_its_own(with_keys: Project) -> None:
    """What the first have shown says nothing of numbers that nobody has tried."""
    assert apply(with_keys, "--max-calls", str(FIRST)).status == 6
    mapped(with_keys, *range(FIRST + 1, CALLS + 1))
    ended = apply(with_keys)

    assert ended.status == 9
    assert "Canary: 3 calls of this plan first" in ended.err
    assert effects(with_keys) == charges(101, 102, 103)


def test_a_corrected_number_in_the_key_map_lifts_the_verdict(with_keys: Project) -> None:
    mapped(with_keys, 1)
    assert apply(with_keys).status == 9
    plan = with_keys.run("plan")
    assert plan.status == 9
    assert "change its declaration (a new trigger is enough), correct its number in keys/local.csv or take" in (
        " ".join(plan.out.split())
    )
    mapped(with_keys)

    assert apply(with_keys).status == 0
    assert effects(with_keys) == charges(*range(101, 101 + CALLS))


def test_a_plan_that_is_no_larger_than_its_canary_has_none(guarded: Project) -> None:
    ended = apply(guarded, "--only", "DynamicUsageCharge/C-0000000[1-3]")

    assert ended.status == 0
    assert "Canary" not in ended.err
    assert "approvals" not in guarded.state


def test_the_versions_behind_a_refused_one_do_not_go_on_without_it_either(guarded: Project) -> None:
    """They are no longer left of the approved plan, and yet they are what its canary has to hold back."""
    versions = "[1, 2, 3, 4, 5, 6]"
    lane = f"subscriptions:\n  - {{subscriptionName: A-S00000001, subscriptionVersions: {versions}}}\n"
    guarded.write(SPEC, HEAD.replace("dynamicUsageCharges:\n", lane))
    match = {"name": "canary", "match": {"target": "Subscription/A-S00000001@1"}, "fault": REFUSED}
    rules = guarded.write("rules.json", json.dumps({"version": 1, "rules": [match]}))
    assert guarded.run("emulator", "faults", "load", str(rules)).status == 0
    plan_id = guarded.run("plan", "--json").document["plan_id"]
    assert apply(guarded).status == 9
    behave(guarded)

    ended = [
        apply(guarded),
        apply(guarded, "--only", "*@[2-6]"),
        apply(guarded, "--only", "*@6"),
        guarded.run("apply", "--expect", plan_id),
    ]

    assert [each.status for each in ended] == [9, 9, 9, 1]
    assert guarded.ledger() == []
    guarded.edit(SPEC, versions, "[1, 2, 3, 4, 5]")
    guarded.edit(SPEC, "trigger: first", "trigger: second")
    assert apply(guarded).status == 0
