"""A project with two environments, each on an emulator of its own: sandbox, and production that promotes from it."""

import json
from typing import Any

from commands import Project

HEAD = "version: 1\nflags: {onlyReSend: false, reMigrate: true}\ntrigger: 2026-11-backfill\n"
TWO = f"{HEAD}subscriptions:\n" + "".join(
    f"  - {{subscriptionName: A-S0000000{number}, subscriptionVersion: 1}}\n" for number in (1, 2)
)
ONE = "Subscription/A-S00000001@1"
OTHER = "Subscription/A-S00000002@1"


def with_production(
    project: Project, promotes_from: str = "{environment: sandbox, accept_emulator: true}", *, sandbox: str = ""
) -> Project:
    """Return *project* with two declarations in both; *promotes_from* stands in line 13, column 20."""
    project.write(
        "reconciler.yaml",
        "version: 1\nname: acme-revenue\ndefault: sandbox\nenvironments:\n"
        "  sandbox:\n    api: {emulator: .reconciler/sandbox.db}\n    specs: sandbox\n"
        f"    state: {{file: state/sandbox.json}}\n    {sandbox}\n"
        "  production:\n    api: {emulator: .reconciler/production.db}\n    specs: production\n"
        f"    promotes_from: {promotes_from}\n    state: {{file: state/production.json}}\n",
    )
    for name in ("sandbox", "production"):
        project.write(f"{name}/q4-backfill.yaml", TWO)
    return project


def state_of(project: Project, environment: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((project.folder / f"state/{environment}.json").read_bytes())
    return found
