"""What a user is told before anything is sent: how many calls, how long, and that a day is not enough."""

import re
import time
from dataclasses import dataclass, field
from threading import Lock

import pytest
from canned_server import after_token, canned, http
from commands import Project

from reconciler.formats.schema import SchemaSet
from reconciler.workspace.schemas import load_schemas

SCHEMAS = SchemaSet(load_schemas())
HEAD = "version: 1\nflags: {onlyReSend: false, reMigrate: true}\n"


def charges(count: int, *, trigger: str = "first") -> str:
    items = "".join(f"  - {{chargeNumber: C-{number:08}}}\n" for number in range(1, count + 1))
    return f"{HEAD}trigger: {trigger}\ndynamicUsageCharges:\n{items}"


@pytest.fixture
def great(project: Project) -> Project:
    """A project that declares more for its sandbox, of the kind that takes least, than a day takes."""
    project.edit("reconciler.yaml", "tenant_type: central_sandbox", "tenant_type: api_sandbox\n      leave_free: 0.5")
    versions = ", ".join(map(str, range(1, 5_002)))
    line = f"  - {{subscriptionName: A, subscriptionVersions: [{versions}]}}\n"
    project.write("sandbox/q4-backfill.yaml", f"{HEAD}subscriptions:\n{line}")
    return project


def test_a_plan_of_more_than_a_day_says_so_with_its_place_and_how_long_it_takes(great: Project) -> None:
    ended = great.run("plan", "-e", "sandbox")

    assert ended.status == 0
    assert "reconciler.yaml:12:5: warning: the plan is more than the tenant takes in a day [daily-limit]" in ended.err
    assert "5,001 calls are planned" in ended.err
    assert "leave_free 0.5 leaves 5,000 of them" in ended.err
    assert "Plan: 5,001 calls to the platform (5,001 regenerate).\nTakes at least 1 d: the rate limits" in ended.out


def test_an_apply_says_the_same_before_it_asks(great: Project) -> None:
    ended = great.run("apply", "-e", "sandbox")

    assert ended.status == 1
    assert "Takes at least 1 d" in ended.out
    assert ended.err.index("[daily-limit]") < ended.err.index("Nobody to ask")


def test_the_json_document_has_warning_and_forecast_and_is_the_same_bytes_again(great: Project) -> None:
    first, second = (great.run("plan", "-e", "sandbox", "--json", "--detailed-exitcode") for _ in range(2))
    document = first.document

    assert (first.status, first.out) == (2, second.out)
    assert [each["code"] for each in document["warnings"]] == ["daily-limit"]
    assert document["forecast"] == {
        "calls": 5_001,
        "seconds": 86_400,
        "basis": "rate_limits",
        "calls_per_second": None,
    }
    assert list(SCHEMAS.violations("plan.schema.json", document)) == []


def test_the_share_and_the_type_of_the_tenant_change_no_plan_id(great: Project) -> None:
    before = great.run("plan", "-e", "sandbox", "--json").document
    great.edit("reconciler.yaml", "tenant_type: api_sandbox\n      leave_free: 0.5", "tenant_type: central_sandbox")
    after = great.run("plan", "-e", "sandbox", "--json").document

    assert after["plan_id"] == before["plan_id"]
    assert (after["warnings"], after["forecast"]["seconds"]) == ([], None)


def test_after_an_apply_the_plan_says_how_long_the_next_takes(project: Project) -> None:
    project.write("local/q4-backfill.yaml", charges(30))
    before = project.run("plan")
    assert project.run("apply", "--yes").status == 0
    project.write("local/q4-backfill.yaml", charges(30, trigger="second"))
    after, document = project.run("plan"), project.run("plan", "--json").document

    assert "Takes" not in before.out
    assert re.search(r"\nTakes about \d+ (s|min) .*at the rate of an earlier run, [0-9.]+ calls/s\.\n", after.out)
    assert document["forecast"]["basis"] == "earlier_run"
    assert document["forecast"]["calls"] == document["summary"]["calls"] == 30
    assert document["forecast"]["seconds"] >= 30 / document["forecast"]["calls_per_second"] - 0.1
    assert list(SCHEMAS.violations("plan.schema.json", document)) == []


def test_a_plan_with_nothing_to_do_says_no_time(project: Project) -> None:
    project.write("local/q4-backfill.yaml", charges(30))
    assert project.run("apply", "--yes").status == 0

    assert "Takes" not in project.run("plan").out


@pytest.mark.parametrize(
    ("field", "value"),
    [("seconds", -1), ("seconds", 1.5), ("basis", "guess"), ("calls_per_second", "5"), ("calls", None)],
)
def test_the_schema_would_notice_a_forecast_that_is_wrong(project: Project, field: str, value: object) -> None:
    document = project.run("plan", "--json").document
    document["forecast"][field] = value

    assert list(SCHEMAS.violations("plan.schema.json", document))


def test_a_share_that_is_none_is_refused_with_its_place(project: Project) -> None:
    project.edit("reconciler.yaml", "tenant_type: central_sandbox", "leave_free: 1")
    ended = project.run("plan", "-e", "sandbox")

    assert ended.status == 3
    assert "reconciler.yaml:15:19: error: leave_free must be a number from 0 to below 1 [not-a-share]" in ended.err


@dataclass
class Slow:
    """A platform that takes its time and counts how many calls are under way."""

    under_way: int = 0
    most: int = 0
    calls: int = 0
    lock: Lock = field(default_factory=Lock)

    def __call__(self, request: bytes) -> bytes:
        with self.lock:
            self.calls, self.under_way = self.calls + 1, self.under_way + 1
            self.most = max(self.most, self.under_way)
        time.sleep(0.03)
        with self.lock:
            self.under_way -= 1
        return http(200, b'{"success": true, "idList": ["a"]}', "Content-Type: application/json")


def test_an_apply_leaves_the_share_of_the_project_free(project: Project) -> None:
    project.write("sandbox/q4-backfill.yaml", charges(20))
    project.edit("reconciler.yaml", "tenant_type: central_sandbox", "leave_free: 0.95")
    project.edit("reconciler.yaml", 'tenant: "10001"', 'tenant: "1"')
    platform = Slow()
    with canned(after_token(platform)) as url:
        project.edit("reconciler.yaml", "https://rest.test.zuora.com", url)
        variables = {"ZUORA_SANDBOX_CLIENT_ID": "a", "ZUORA_SANDBOX_CLIENT_SECRET": "b"}
        ended = project.run("apply", "-e", "sandbox", "--yes", variables=variables)

    assert (ended.status, platform.calls) == (0, 20)
    assert platform.most <= 2
