"""What is wrong with an environment's place between the others."""

from reconciler.core.catalogue.explanation import Explanation, Shows


def _sandbox(line: str = "") -> str:
    return (
        "version: 1\nname: acme-revenue\nenvironments:\n  sandbox:\n    api: {emulator: sandbox.db}\n    "
        f"specs: sandbox\n    state: {{file: sandbox.json}}\n{f'    {line}' if line else ''}\n"
    )


def _production(line: str, *, more: str = "") -> str:
    return _sandbox(more) + (
        "  production:\n    api: {emulator: production.db}\n    specs: production\n"
        f"    state: {{file: production.json}}\n    promotes_from: {line}\n"
    )


PROMOTION_FAULTS = (
    Explanation(
        code="never-proven",
        title="a proof is too young until it is too old",
        text="soak is how old a proof must be before it counts, max_age how old it may be. The first must be shorter.",
        bad=_production("{environment: sandbox, soak: 2d, max_age: 48h}"),
        good=_production("{environment: sandbox, soak: 2d, max_age: 30d}"),
        shows=Shows.PROJECT,
    ),
    Explanation(
        code="no-earlier-state",
        title="the state of the earlier environment is not there",
        text="promotes_from asks for what was applied in the earlier environment, and its state knows that. So a plan "
        "needs the document, though none of that environment's credentials.",
        bad="promotes_from: sandbox, and no state/sandbox.json.\n",
        good="A checkout in which state/sandbox.json is what the last apply in sandbox has written.\n",
        shows=Shows.SITUATION,
    ),
    Explanation(
        code="not-a-duration",
        title="a time span is not written as one",
        text="It is a whole number from 1 to 9999 and its unit: m for minutes, h for hours, d for days.",
        bad=_production("{environment: sandbox, soak: 2 days}"),
        good=_production("{environment: sandbox, soak: 2d}"),
        shows=Shows.PROJECT,
    ),
    Explanation(
        code="not-proven",
        title="calls are planned that were not tried in the earlier environment",
        text="promotes_from says in which environment what is declared must have been applied. With proof: marked a "
        "plan tells what was not and sends it all the same; with required, the default, it is refused.",
        bad="A declaration in production that sandbox has never applied.\n",
        good="The same declaration, applied in sandbox first.\n",
        shows=Shows.SITUATION,
    ),
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
        code="other-tenant",
        title="the state of the earlier environment is of another tenant or entity than the project file says",
        text="A proof is worth what the tenant and entity are in which it was made. Either the document or what the "
        "project file says is not the right one.",
        bad='tenant: "12345" of sandbox, and a state of tenant 67890.\n',
        good="The state that belongs to the tenant and entity of the project file.\n",
        shows=Shows.SITUATION,
    ),
    Explanation(
        code="promotes-in-a-circle",
        title="environments promote from each other",
        text="Each may promote from the one before it. The first promotes from none, so a way back to it cannot be.",
        bad=_production("sandbox", more="promotes_from: production"),
        good=_production("sandbox"),
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
