"""The project file, `reconciler.yaml`: nodes to a Project, with every fault found in one pass.

Rule: no field is read and then ignored. What later versions will know is refused until it does something.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from posixpath import normpath
from typing import TYPE_CHECKING

from reconciler.core.diagnostics import Place, nearest, shown
from reconciler.core.environment import (
    AfterServerError,
    EmulatorApi,
    Environment,
    PlatformApi,
    Project,
    TenantType,
    base_url_fault,
)
from reconciler.core.share import FREE_SHARE
from reconciler.formats.fields import check_keys, mapping_of, text_of
from reconciler.formats.secret_sources import credentials_of, secret_source
from reconciler.formats.settings import choice, optional_text, report_missing, share, texts
from reconciler.formats.spec import check_document_version
from reconciler.formats.yaml_reader import Mapping, Node, Reading, Scalar, TooManyFaults

if TYPE_CHECKING:
    from reconciler.core.guardrail_limits import Guardrails
    from reconciler.core.promotion import Promotion
    from reconciler.core.timestamp import Timestamp

_PROJECT = ("version", "name", "default", "environments")
_ENVIRONMENT = (
    "api",
    "specs",
    "state",
    "refreshed_at",
    "promotes_from",
    "after_server_error",
    "keys",
    "guardrails",
    "signing_key",
)
_PLATFORM = ("base_url", "tenant", "tenant_type", "entity", "orgs", "leave_free", "credentials")
_EXAMPLES = {
    "name": "Write name: and a name of your own. It is part of every Idempotency-Key.",
    "environments": "Write environments: and below it a name with api, specs and state.",
    "api": "Write api: {emulator: FILE}, or api: with base_url and credentials.",
    "base_url": "Write the tenant's base URL, such as https://rest.test.zuora.com.",
    "specs": "Write specs: and the folder of the spec files.",
    "state": "Write state: {file: PATH}.",
    "file": "Write file: and a path, relative to the project folder.",
}
"""How a field that must be there is written."""


def read_project(reading: Reading) -> Project | None:
    """Return the project, or None if anything was reported."""
    try:
        return _project(reading)
    except TooManyFaults:
        return None


def _project(reading: Reading) -> Project | None:
    if reading.root is None and not reading.diagnostics:
        reading.report("empty-file", "the project file is empty", (0, 0), hint="Begin with version: 1 and a name.")
    top = mapping_of(reading.root, reading, "the project file")
    if top is None:
        return None
    check_keys(top, _PROJECT, reading, "the project file")
    check_document_version(top, reading)
    name = _required(top, "name", reading)
    default = optional_text(top, "default", reading)
    environments = list(_environments(top, reading))
    _check_default(top, default, environments, reading)
    _check_tenants(environments, reading)
    _check_promotions(top, environments, reading)
    if reading.diagnostics or name is None:
        return None
    named = {each.name: replace(each, project=name) for each in environments}
    return Project(name=name, default=default, environments=named)


def readable_environments(reading: Reading) -> list[Environment]:
    """Return the environments that a project file with faults still tells of, so that their specs are checked too."""
    top = reading.root
    found: list[Environment] = []
    with suppress(TooManyFaults):
        found.extend(_environments(top, Reading(reading.path)) if isinstance(top, Mapping) else ())
    return found


def _environments(top: Mapping, reading: Reading) -> Iterator[Environment]:
    node = top.values.get("environments")
    if node is None:
        _report_missing(top, "environments", reading)
        return
    mapping = mapping_of(node, reading, "environments")
    if mapping is None:
        return
    if not mapping.keys:
        at = (mapping.line, mapping.column)
        reading.report("no-environments", "environments is empty", at, hint=_EXAMPLES["environments"])
    for name, value in mapping.values.items():
        _check_name(name, mapping.keys[name], reading)
        environment = _environment(name, value, reading)
        if environment is not None:
            yield environment


def _check_name(name: str, at: tuple[int, int], reading: Reading) -> None:
    """A key is text however it is written; as a name it must be text that can be shown."""
    line, column = at
    text_of(Scalar(name, plain=False, line=line, column=column), reading, "the name of an environment")


def _environment(name: str, node: Node, reading: Reading) -> Environment | None:
    mapping = mapping_of(node, reading, f"the environment {shown(name)}")
    if mapping is None:
        return None
    check_keys(mapping, _ENVIRONMENT, reading, "an environment")
    specs = _specs(mapping, reading)
    state_file = _only_text(mapping, "state", "file", reading)
    api = _api(mapping, reading)
    after = choice(mapping, "after_server_error", list(AfterServerError), reading)
    refreshed_at, promotion = _promotion(mapping, reading)
    guardrails = _guardrails(mapping, reading)
    if api is None or specs is None or state_file is None:
        return None
    return Environment(
        name=name,
        api=api,
        specs=specs,
        state_file=state_file,
        place=Place(reading.path, mapping.line, mapping.column),
        after_server_error=AfterServerError(after) if after else AfterServerError.UNDECIDED,
        signing_key=secret_source(mapping, "signing_key", reading) if "signing_key" in mapping.keys else None,
        guardrails=guardrails,
        keys=_keys(mapping, reading),
        refreshed_at=refreshed_at,
        promotion=promotion,
    )


def _keys(environment: Mapping, reading: Reading) -> str | None:
    """Return the path of the key map, which is reviewed and versioned with the specs that it is about."""
    path = optional_text(environment, "keys", reading)
    if path is None or not (path.startswith("/") or ".." in path.split("/")):
        return path
    node, what = environment.values["keys"], f"keys leads out of the project folder: {shown(path)}"
    why, hint = "Where a call goes is reviewed with the project.", "Name a file below this one, without .. ."
    reading.report("keys-outside", what, (node.line, node.column), detail=why, hint=hint)
    return None


def _guardrails(environment: Mapping, reading: Reading) -> "Guardrails | None":
    if "guardrails" not in environment.keys:
        return None
    from reconciler.formats.guardrails import read_guardrails  # noqa: PLC0415  (few environments have any)

    return read_guardrails(environment.values.get("guardrails"), reading)


def _promotion(environment: Mapping, reading: Reading) -> "tuple[Timestamp | None, Promotion | None]":
    """Return when the environment was refreshed, and what it asks of the one before it."""
    if environment.keys.keys().isdisjoint(("refreshed_at", "promotes_from")):
        return None, None
    from reconciler.formats.promotion import read_promotion, read_refreshed_at  # noqa: PLC0415  (few have any)

    refreshed_at = read_refreshed_at(environment, reading)
    return refreshed_at, read_promotion(environment.values.get("promotes_from"), reading)


def _check_promotions(top: Mapping, environments: list[Environment], reading: Reading) -> None:
    declared = top.values.get("environments")
    if type(declared) is not Mapping or all(each.promotion is None for each in environments):
        return
    from reconciler.formats.promotion import check_promotions  # noqa: PLC0415  (few have any)

    check_promotions(declared.keys, environments, reading)


def _specs(environment: Mapping, reading: Reading) -> str | None:
    """Return the folder of the specs. What stands elsewhere is not reviewed with the project."""
    specs = _required(environment, "specs", reading)
    if specs is None:
        return None
    node, steps = environment.values["specs"], specs.split("/")
    at, hint = (node.line, node.column), "Name a folder below this file, without .. ."
    if specs.startswith("/") or ".." in steps:
        what, why = "specs leads out of the project folder", "Specs are reviewed and versioned with their project."
        reading.report("specs-outside", f"{what}: {shown(specs)}", at, detail=why, hint=hint)
        return None
    if {"", "."}.issuperset(steps):
        what, why = "specs is the project folder itself", "All YAML below it would be specs, this file too."
        reading.report("specs-everywhere", f"{what}: {shown(specs)}", at, detail=why, hint=hint)
        return None
    return specs


def _api(environment: Mapping, reading: Reading) -> EmulatorApi | PlatformApi | None:
    node = environment.values.get("api")
    if node is None:
        _report_missing(environment, "api", reading)
        return None
    mapping = mapping_of(node, reading, "api")
    if mapping is None:
        return None
    if "emulator" in mapping.keys:
        check_keys(mapping, ("emulator",), reading, "an api with an emulator")
        database = _required(mapping, "emulator", reading)
        return EmulatorApi(database=database) if database else None
    return _platform(mapping, reading)


def _platform(mapping: Mapping, reading: Reading) -> PlatformApi | None:
    check_keys(mapping, (*_PLATFORM, "emulator"), reading, "an api")
    base_url = _base_url(mapping, reading)
    secrets = credentials_of(mapping, reading)
    tenant, entity = optional_text(mapping, "tenant", reading), _header(mapping, "entity", reading)
    tenant_type = choice(mapping, "tenant_type", list(TenantType), reading)
    orgs = tuple(texts(mapping, "orgs", reading))
    if any(not org.isascii() or "," in org for org in orgs):
        what = "orgs must be ids of organizations, in ASCII and without commas"
        why = "They are sent in one header."
        reading.report("not-ascii", what, mapping.keys["orgs"], detail=why, hint="List each id as an item of its own.")
    why = "It is the share of the tenant's limits that is left to others."
    leave_free = share(mapping, "leave_free", reading, why=why)
    if base_url is None or secrets is None:
        return None
    return PlatformApi(
        base_url=base_url,
        client_id=secrets[0],
        client_secret=secrets[1],
        tenant=tenant,
        tenant_type=TenantType(tenant_type) if tenant_type else None,
        entity=entity,
        orgs=orgs,
        leave_free=FREE_SHARE if leave_free is None else leave_free,
    )


def _base_url(mapping: Mapping, reading: Reading) -> str | None:
    base_url = _required(mapping, "base_url", reading)
    fault = base_url_fault(base_url) if base_url else None
    if fault:
        node = mapping.values["base_url"]
        hint = "The hosts of the platform are listed in its API reference, e.g. https://rest.test.zuora.com."
        reading.report(
            "bad-base-url", "base_url cannot be used", (node.line, node.column), detail=f"{fault}.", hint=hint
        )
        return None
    return base_url.rstrip("/") if base_url else None


def _check_default(top: Mapping, default: str | None, environments: list[Environment], reading: Reading) -> None:
    if default is None:
        return
    node, declared = top.values["default"], top.values.get("environments")
    at = (node.line, node.column)
    names: Iterable[str] = declared.keys if type(declared) is Mapping else (default,)
    if default not in names:
        what = f"the default {shown(default)} is no environment"
        reading.report("unknown-environment", what, at, hint=nearest(default, names))
    if any(each.name == default and each.is_production for each in environments):
        why = "A command without -e would then regenerate in production."
        hint = "Name a sandbox, or leave the default out. A host that is not known counts as production."
        reading.report("production-by-default", f"the default {default!r} is production", at, detail=why, hint=hint)


def _check_tenants(environments: list[Environment], reading: Reading) -> None:
    """Report environments of one tenant and entity, and a state document that two of them would share."""
    tenants: dict[tuple[str | None, ...], Environment] = {}
    files: dict[str, Environment] = {}
    for each in environments:
        at = (each.place.line, each.place.column)
        first = tenants.setdefault(_tenant_key(each), each)
        if first is not each:
            what = f"{each.name!r} is the same tenant and entity as {first.name!r}"
            why = "Each keeps a state of its own and would regenerate what the other has done already."
            reading.report("tenant-twice", what, at, detail=why, hint="Give each environment its own tenant or entity.")
        other = files.setdefault(normpath(each.state_file), each)
        if other is not each:
            what = f"{each.name!r} keeps its state in the file of {other.name!r}"
            reading.report("state-file-twice", what, at, hint="Give each environment a state file of its own.")


def _tenant_key(environment: Environment) -> tuple[str | None, ...]:
    api = environment.api
    if isinstance(api, EmulatorApi):
        return ("emulator", normpath(api.database))
    if api.tenant is None:
        return ("unknown", environment.name)
    return ("platform", api.tenant, api.entity)


def _required(mapping: Mapping, name: str, reading: Reading) -> str | None:
    if name not in mapping.keys:
        _report_missing(mapping, name, reading)
    return optional_text(mapping, name, reading)


def _header(mapping: Mapping, name: str, reading: Reading) -> str | None:
    """Return a text that can be sent as a header."""
    value = optional_text(mapping, name, reading)
    if value is not None and not value.isascii():
        why = "It is sent as a header."
        reading.report("not-ascii", f"{name} must be ASCII", mapping.keys[name], detail=why, hint="Copy the id anew.")
    return value


def _only_text(mapping: Mapping, name: str, field: str, reading: Reading) -> str | None:
    """Return the text of ``name: {field: text}``."""
    node = mapping.values.get(name)
    if node is None:
        _report_missing(mapping, name, reading)
        return None
    inner = mapping_of(node, reading, name)
    if inner is None:
        return None
    check_keys(inner, (field,), reading, name)
    return _required(inner, field, reading)


def _report_missing(mapping: Mapping, name: str, reading: Reading) -> None:
    report_missing(mapping, name, reading, hint=_EXAMPLES[name])
