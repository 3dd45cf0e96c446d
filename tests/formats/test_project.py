import pytest
from reading_outline import codes_in, faults_of

from reconciler.core.environment import (
    AfterServerError,
    EmulatorApi,
    FromCommand,
    FromFile,
    FromVariable,
    PlatformApi,
    Project,
    TenantType,
)
from reconciler.formats import project as project_module
from reconciler.formats.project import read_project
from reconciler.formats.yaml_reader import Reading, read_yaml

GOOD = """\
version: 1
name: acme-revenue
default: local
environments:
  local:
    api: {emulator: .reconciler/emulator.db}
    specs: local
    state: {file: .reconciler/local.state.json}
  sandbox:
    api:
      base_url: https://rest.test.zuora.com/
      tenant: "12345"
      tenant_type: central_sandbox
      entity: 0e3c1f2a
      orgs: [org-1, org-2]
      leave_free: 0.35
      credentials:
        client_id: {env: SANDBOX_ID}
        client_secret: {file: /run/secrets/sandbox}
    specs: sandbox
    state: {file: state/sandbox.json}
  production:
    api:
      base_url: https://rest.zuora.com
      credentials: {client_id: {env: ID}, client_secret: {command: [vault, read, -field=secret]}}
    specs: production
    state: {file: state/production.json}
"""


def environments(*lines: str, head: str = "") -> str:
    """A file whose environments stand from line 4 (after *head*), in columns from 3."""
    return f"version: 1\nname: x\n{head}environments:\n" + "".join(f"  {line}\n" for line in lines)


def emulated(rest: str = "") -> str:
    return environments(f"a: {{api: {{emulator: a.db}}, specs: a, state: {{file: a.json}}{rest}}}")


def platform(base_url: str = "https://rest.test.zuora.com", credentials: str = "", rest: str = "") -> str:
    """One environment; base_url's value stands at 5:17, credentials' at 6:20, the rest in line 7."""
    return environments(
        "a:",
        f"  api: {{base_url: {base_url},",
        f"    credentials: {credentials or '{client_id: {env: A}, client_secret: {env: B}}'},",
        f"    {rest}}}",
        "  specs: a",
        "  state: {file: a.json}",
    )


def secret(source: str) -> str:
    """An environment whose client_id says *source*, at 6:32."""
    return platform(credentials=f"{{client_id: {source}, client_secret: {{env: B}}}}")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("", AfterServerError.UNDECIDED),
        (", after_server_error: undecided", AfterServerError.UNDECIDED),
        (", after_server_error: call_again", AfterServerError.CALL_AGAIN),
    ],
)
def test_after_a_server_error_a_person_decides_unless_the_file_says_call_again(
    written: str, read: AfterServerError
) -> None:
    project = read_project(read_yaml(emulated(written).encode(), "reconciler.yaml"))

    assert project is not None
    assert project.environment("a").after_server_error is read


def two(first: str, second: str) -> str:
    common = "base_url: 'https://rest.test.zuora.com', credentials: {client_id: {env: A}, client_secret: {env: B}}"
    return environments(
        f"a: {{specs: a, state: {{file: a}}, api: {{{first}, {common}}}}}",
        f"b: {{specs: b, state: {{file: b}}, api: {{{second}, {common}}}}}",
    )


ALL_AT_ONCE = """\
version: 2
nam: x
default: c
environments:
  a: {api: {emulator: 1}, specs: a, specs: b, state: {file: a}}
  b: {api: {credentials: {client_id: x, client_secret: {command: []}}}, state: {}}
"""

BASE_URL, SOURCE = "5:21", "6:32"

FAULTS: dict[str, tuple[str, list[str]]] = {
    "an empty file": ("", ["empty-file 0:0"]),
    "a list": ("- a\n", ["wrong-shape 1:1"]),
    "nothing in it": ("{}\n", ["missing-field 1:1"] * 3),
    "another version": (emulated().replace("version: 1", "version: 2"), ["unknown-version 1:10"]),
    "a name that is a number": (emulated().replace("name: x", "name: 1"), ["unquoted-text 2:7"]),
    "no environments": (environments().rstrip(), ["wrong-shape 3:14"]),
    "empty environments": ("version: 1\nname: x\nenvironments: {}\n", ["no-environments 3:15"]),
    "an environment that is nothing": (environments("a:"), ["wrong-shape 4:5"]),
    "an environment with nothing in it": (environments("a: {}"), ["missing-field 4:6"] * 3),
    "an environment with an odd name": (emulated().replace("a: {api", '"a\\e[1m": {api'), ["unsafe-character 4:3"]),
    "an unknown field": (emulated(", promotes: {}"), ["unknown-key 4:63"]),
    "an unknown field of state": (
        emulated().replace("{file: a.json}", "{s3: a.json}"),
        ["missing-field 4:47", "unknown-key 4:48"],
    ),
    "a state that is text": (emulated().replace("{file: a.json}", "a.json"), ["wrong-shape 4:47"]),
    "specs beside the project": (emulated().replace("specs: a", "specs: ../a"), ["specs-outside 4:37"]),
    "specs above and back": (emulated().replace("specs: a", "specs: a/../b"), ["specs-outside 4:37"]),
    "specs in the project folder": (emulated().replace("specs: a", "specs: ."), ["specs-everywhere 4:37"]),
    "the same with slashes": (emulated().replace("specs: a", "specs: .//./"), ["specs-everywhere 4:37"]),
    "specs from the root": (emulated().replace("specs: a", "specs: /a"), ["specs-outside 4:37"]),
    "a key map beside the project": (emulated(", keys: ../k.csv"), ["keys-outside 4:69"]),
    "a key map from the root": (emulated(", keys: /k.csv"), ["keys-outside 4:69"]),
    "an emulator with more": (emulated().replace("a.db}", "a.db, tenant: b}"), ["unknown-key 4:29"]),
    "an emulator of nothing": (emulated().replace("a.db", ""), ["missing-value 4:23"]),
    "an api that is text": (emulated().replace("{emulator: a.db}", "here"), ["wrong-shape 4:12"]),
    "an api with nothing in it": (emulated().replace("{emulator: a.db}", "{}"), ["missing-field 4:12"] * 2),
    "plain http": (platform("http://rest.zuora.com"), [f"bad-base-url {BASE_URL}"]),
    "a base URL with a password": (platform("https://u:p@rest.zuora.com"), [f"bad-base-url {BASE_URL}"]),
    "a base URL that is none": (platform("rest.zuora.com"), [f"bad-base-url {BASE_URL}"]),
    "a base URL with a bad port": (platform("https://rest.zuora.com:99999"), [f"bad-base-url {BASE_URL}"]),
    "an unknown kind of tenant": (platform(rest="tenant_type: sandbox"), ["unknown-value 7:20"]),
    "no way to go on after a server error": (emulated(", after_server_error: retry"), ["unknown-value 4:83"]),
    "a tenant that is a number": (platform(rest="tenant: 12345"), ["unquoted-text 7:15"]),
    "an entity that no header can carry": (platform(rest="entity: münchen"), ["not-ascii 7:7"]),
    "an org that no header can carry": (platform(rest="orgs: ['a,b']"), ["not-ascii 7:7"]),
    "orgs that are one": (platform(rest="orgs: a"), ["wrong-shape 7:13"]),
    "a share of everything": (platform(rest="leave_free: 1"), ["not-a-share 7:19"]),
    "a share of nothing": (platform(rest="leave_free: "), ["not-a-share 7:19"]),
    "a share below nothing": (platform(rest="leave_free: -0.1"), ["not-a-share 7:19"]),
    "a share in percent": (platform(rest="leave_free: 20%"), ["not-a-share 7:19"]),
    "a share in quotes": (platform(rest="leave_free: '0.2'"), ["not-a-share 7:19"]),
    "a share that is several": (platform(rest="leave_free: [0.2]"), ["not-a-share 7:19"]),
    "an alias for a share": (platform(rest="leave_free: *x"), ["alias 7:19"]),
    "a secret in the file": (secret("abc"), [f"secret-in-file {SOURCE}"]),
    "a secret of nothing": (secret(""), [f"secret-in-file {SOURCE}"]),
    "a secret that is a list": (secret("[a]"), [f"secret-in-file {SOURCE}"]),
    "an alias for a secret": (secret("*x"), [f"alias {SOURCE}"]),
    "a secret from nowhere": (secret("{}"), [f"one-source {SOURCE}"]),
    "a secret from two places": (secret("{env: A, file: b}"), [f"one-source {SOURCE}"]),
    "a secret from somewhere else": (secret("{vault: a}"), [f"one-source {SOURCE}", "unknown-key 6:33"]),
    "a secret from a file of nothing": (secret("{file: }"), ["missing-value 6:39"]),
    "a command of nothing": (secret("{command: []}"), ["no-command 6:33"]),
    "a command that is text": (secret("{command: vault read}"), ["wrong-shape 6:42"]),
    "no client id": (platform(credentials="{client_secret: {env: B}}"), ["missing-field 6:20"]),
    "an unknown default": (
        environments(*GOOD.splitlines()[4:8], head="default: locl\n").replace("    ", "  "),
        ["unknown-environment 3:10"],
    ),
    "production by default": (
        platform("https://rest.zuora.com").replace("name: x", "name: x\ndefault: a"),
        ["production-by-default 3:10"],
    ),
    "an unknown host by default": (
        platform("https://example.org").replace("name: x", "name: x\ndefault: a"),
        ["production-by-default 3:10"],
    ),
    "one tenant twice": (two("tenant: t", "tenant: t"), ["tenant-twice 5:6"]),
    "one emulator and state twice": (
        emulated() + "  b: {api: {emulator: a.db}, specs: b, state: {file: a.json}}\n",
        ["state-file-twice 5:6", "tenant-twice 5:6"],
    ),
    "everything at once": (
        ALL_AT_ONCE,
        [
            "unknown-version 1:10",
            "missing-field 1:1",
            "unknown-key 2:1",
            "unknown-environment 3:10",
            "unquoted-text 5:23",
            "duplicate-key 5:37",
            "missing-field 6:6",
            "missing-field 6:12",
            "secret-in-file 6:38",
            "no-command 6:57",
            "missing-field 6:80",
        ],
    ),
}


def read(text: str) -> tuple[Reading, Project | None]:
    reading = read_yaml(text.encode(), "reconciler.yaml")
    return reading, read_project(reading)


@pytest.mark.parametrize("case", FAULTS)
def test_every_fault_is_reported_with_its_place_and_nothing_else_is(case: str) -> None:
    text, expected = FAULTS[case]
    reading, project = read(text)

    assert sorted(faults_of(reading)) == sorted(expected)
    assert project is None


def test_the_table_covers_every_code_of_the_project_reader() -> None:
    covered = {fault.partition(" ")[0] for _, faults in FAULTS.values() for fault in faults}

    assert codes_in(project_module.__file__) <= covered


@pytest.mark.parametrize("case", FAULTS)
def test_every_fault_says_what_to_do_in_a_few_printable_words(case: str) -> None:
    for found in read(FAULTS[case][0])[0].diagnostics:
        assert 0 < len(found.hint) < 300, found
        assert (found.summary + found.detail + found.hint).isprintable(), found


def good() -> Project:
    reading, project = read(GOOD)
    assert reading.diagnostics == []
    assert project is not None
    return project


def test_a_project_has_its_environments_in_the_order_written() -> None:
    project = good()

    assert (project.name, project.default, [*project.environments]) == (
        "acme-revenue",
        "local",
        ["local", "sandbox", "production"],
    )


def test_an_environment_of_the_emulator_needs_no_more_than_its_file() -> None:
    local = good().environments["local"]

    assert (local.api, local.specs, local.state_file) == (
        EmulatorApi(database=".reconciler/emulator.db"),
        "local",
        ".reconciler/local.state.json",
    )


def test_an_environment_of_the_platform_says_where_secrets_are_and_never_what_they_are() -> None:
    assert good().environments["sandbox"].api == PlatformApi(
        base_url="https://rest.test.zuora.com",
        client_id=FromVariable("SANDBOX_ID"),
        client_secret=FromFile("/run/secrets/sandbox"),
        tenant="12345",
        tenant_type=TenantType.CENTRAL_SANDBOX,
        entity="0e3c1f2a",
        orgs=("org-1", "org-2"),
        leave_free=0.35,
    )


def test_what_a_project_file_does_not_say_is_none() -> None:
    assert good().environments["production"].api == PlatformApi(
        base_url="https://rest.zuora.com",
        client_id=FromVariable("ID"),
        client_secret=FromCommand(("vault", "read", "-field=secret")),
    )


def test_the_share_left_free_is_a_fifth_where_the_file_does_not_say_and_for_the_emulator() -> None:
    left = {name: each.leave_free for name, each in good().environments.items()}

    assert left == {"local": 0.2, "sandbox": 0.35, "production": 0.2}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("tenant: t", "tenant: u"),
        ("tenant: t, entity: e", "tenant: t, entity: f"),
        ("tenant: t, entity: e", "tenant: t"),
        ("orgs: []", "orgs: []"),
    ],
)
def test_environments_of_other_tenants_or_entities_stand_side_by_side(first: str, second: str) -> None:
    assert faults_of(read(two(first, second))[0]) == []


def test_a_secret_in_the_file_is_not_repeated_in_the_message() -> None:
    reading, _ = read(secret("canary-7f3a"))

    assert "canary-7f3a" not in str(reading.diagnostics)


def test_a_password_in_the_base_url_is_not_repeated_in_the_message() -> None:
    reading, _ = read(platform("https://u:canary-7f3a@rest.zuora.com"))

    assert "canary-7f3a" not in str(reading.diagnostics)


@pytest.mark.parametrize("specs", ["a/.", "a/b", "./a/", "..a", "a../b", "a...b"])
def test_specs_are_in_any_folder_of_the_project(specs: str) -> None:
    reading, project = read(emulated().replace("specs: a", f"specs: {specs}"))

    assert reading.diagnostics == []
    assert project is not None
    assert project.environments["a"].specs == specs
