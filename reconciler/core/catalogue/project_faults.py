"""What is wrong with the project file."""

from reconciler.core.catalogue.explanation import Explanation, Shows

_CREDENTIALS = "client_id: {env: ZUORA_ID}, client_secret: {env: ZUORA_SECRET}"
_URL = "https://rest.test.zuora.com"


def _platform(*, base_url: str = _URL, credentials: str = _CREDENTIALS, more: str = "", head: str = "") -> str:
    return (
        f"version: 1\nname: acme-revenue\n{head}environments:\n  sandbox:\n    api:\n      base_url: {base_url}\n"
        f"      credentials: {{{credentials}}}\n{more}    specs: sandbox\n    state: {{file: state/sandbox.json}}\n"
    )


def _emulated(*environments: str, head: str = "") -> str:
    lines = "".join(f"  {each}\n" for each in environments)
    return f"version: 1\nname: acme-revenue\n{head}environments:\n{lines}"


def _local(
    name: str = "local", *, database: str = "local.db", specs: str = "", state: str = "local.json", more: str = ""
) -> str:
    return f"{name}: {{api: {{emulator: {database}}}, specs: {specs or name}, state: {{file: {state}}}{more}}}"


PROJECT_FAULTS = (
    Explanation(
        code="bad-base-url",
        title="the base URL cannot be used",
        text="It is the scheme and host of a tenant. Plain http is for loopback only, because tokens and secrets would "
        "travel unprotected; user, password, query and fragment do not belong to it.",
        bad=_platform(base_url="http://rest.test.zuora.com"),
        good=_platform(),
        shows=Shows.PROJECT,
    ),
    Explanation(
        code="no-command",
        title="a command has no program",
        text="A secret can be what a command prints. The list begins with the program; no shell takes part.",
        bad=_platform(credentials="client_id: {env: ZUORA_ID}, client_secret: {command: []}"),
        good=_platform(credentials="client_id: {env: ZUORA_ID}, client_secret: {command: [pass, zuora]}"),
        shows=Shows.PROJECT,
    ),
    Explanation(
        code="no-environments",
        title="the project has no environment",
        text="Every command works in one environment, so there must be one.",
        bad="version: 1\nname: acme-revenue\nenvironments: {}\n",
        good=_emulated(_local()),
        shows=Shows.PROJECT,
    ),
    Explanation(
        code="not-a-share",
        title="a share is not a number from 0 to below 1",
        text="leave_free is the part of the tenant's limits that is left to others: 0.2 leaves a fifth. With all of "
        "it left nothing could be sent. max_reissued_share is the part of all declarations that a plan may regenerate "
        "again; with all of it there would be no limit.",
        bad=_platform(more="      leave_free: 20%\n"),
        good=_platform(more="      leave_free: 0.2\n"),
        shows=Shows.PROJECT,
    ),
    Explanation(
        code="not-ascii",
        title="an id that is sent in a header is not ASCII",
        text="Entity and organization ids travel in headers, which carry ASCII only; a comma would "
        "divide one id in two.",
        bad=_platform(more="      entity: 0е3c\n"),  # noqa: RUF001  (a Cyrillic letter that looks like a Latin one)
        good=_platform(more="      entity: 0e3c\n"),
        shows=Shows.PROJECT,
    ),
    Explanation(
        code="one-source",
        title="a secret is read from no place, or from several",
        text="It is read from one: a variable (env), a file, or what a command prints.",
        bad=_platform(credentials="client_id: {env: ZUORA_ID, file: id.txt}, client_secret: {env: ZUORA_SECRET}"),
        good=_platform(),
        shows=Shows.PROJECT,
    ),
    Explanation(
        code="production-by-default",
        title="the default environment is production",
        text="A command without -e would then regenerate in production. A host that is not known counts as production.",
        bad=_platform(base_url="https://rest.zuora.com", head="default: sandbox\n"),
        good=_platform(base_url="https://rest.zuora.com"),
        shows=Shows.PROJECT,
    ),
    Explanation(
        code="keys-outside",
        title="the key map of an environment lies outside the project folder",
        text="A key map says which object of a tenant a call goes to. It is reviewed and versioned with the specs, so "
        "keys: is a path below the project folder, without a / in front and without .. .",
        bad=_emulated(_local(more=", keys: ../keys.csv")),
        good=_emulated(_local(more=", keys: keys/local.csv")),
        shows=Shows.PROJECT,
    ),
    Explanation(
        code="secret-in-file",
        title="a secret stands in the project file",
        text="Files of a project are in git and read by many. The project file says where a secret is read from. A "
        "secret that was committed is known: have it replaced. Lines of the project file are never shown in messages.",
        bad=_platform(credentials="client_id: {env: ZUORA_ID}, client_secret: not-so-secret-any-more"),
        good=_platform(),
        shows=Shows.PROJECT,
    ),
    Explanation(
        code="specs-everywhere",
        title="the specs of an environment lie in the project folder itself",
        text="All *.yaml and *.yml below a spec folder are specs of its environment. Below the project folder that "
        "would be the project file as well, the specs of other environments, and whatever else is kept there.",
        bad=_emulated(_local(specs=".")),
        good=_emulated(_local()),
        shows=Shows.PROJECT,
    ),
    Explanation(
        code="specs-outside",
        title="the specs of an environment lie outside the project folder",
        text="What is declared is reviewed and versioned with the project, so specs: is a path below its folder, "
        "without a / in front and without .. . A link out of it is refused as well.",
        bad=_emulated(_local(specs="../local")),
        good=_emulated(_local()),
        shows=Shows.PROJECT,
    ),
    Explanation(
        code="state-file-twice",
        title="two environments keep their state in one file",
        text="A state belongs to one environment; what is known of the first would keep the second from working. Two "
        "paths may lead to one file, by another spelling or behind a link.",
        bad=_emulated(_local("one", database="1.db"), _local("two", database="2.db")),
        good=_emulated(_local("one", database="1.db"), _local("two", database="2.db", state="two.json")),
        shows=Shows.PROJECT,
    ),
    Explanation(
        code="tenant-twice",
        title="two environments are one tenant",
        text="Each would keep a state of its own, and regenerate what the other one has regenerated already.",
        bad=_emulated(_local("one", state="one.json"), _local("two", state="two.json")),
        good=_emulated(_local("one", state="one.json"), _local("two", database="two.db", state="two.json")),
        shows=Shows.PROJECT,
    ),
    Explanation(
        code="unknown-environment",
        title="the default is no environment of the project",
        text="default: names the environment of commands without -e. The nearest name is proposed.",
        bad=_emulated(_local(), head="default: locl\n"),
        good=_emulated(_local(), head="default: local\n"),
        shows=Shows.PROJECT,
    ),
    Explanation(
        code="unknown-value",
        title="a field has one of a few values, and this is none of them",
        text="The nearest of them is proposed, or all are listed.",
        bad=_platform(more="      tenant_type: central_sandox\n"),
        good=_platform(more="      tenant_type: central_sandbox\n"),
        shows=Shows.PROJECT,
    ),
)
