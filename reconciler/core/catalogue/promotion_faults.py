"""What is wrong with an environment's place between the others."""

from reconciler.core.catalogue.explanation import Explanation, Shows


def _sandbox(line: str) -> str:
    return (
        "version: 1\nname: acme-revenue\nenvironments:\n  sandbox:\n    api: {emulator: sandbox.db}\n    "
        f"specs: sandbox\n    state: {{file: sandbox.json}}\n    {line}\n"
    )


PROMOTION_FAULTS = (
    Explanation(
        code="not-a-time",
        title="a moment is not written as one",
        text="It is a date and a time of day in UTC, to the second, in quotes: older readers of YAML make a time of it "
        "and newer ones do not.",
        bad=_sandbox('refreshed_at: "2026-11-20 18:00"'),
        good=_sandbox('refreshed_at: "2026-11-20T18:00:00Z"'),
        shows=Shows.PROJECT,
    ),
    Explanation(
        code="refreshed-ahead",
        title="a sandbox is said to have been refreshed at a time that is still to come",
        text="What was applied before a refresh does not count. With one that is still to come nothing would ever "
        "count, and every apply would send everything again.",
        bad='refreshed_at: "2027-01-01T00:00:00Z", on a day in 2026.\n',
        good="refreshed_at: and when the refresh began, once it has.\n",
        shows=Shows.SITUATION,
    ),
)
