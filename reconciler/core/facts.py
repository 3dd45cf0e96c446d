"""What a command would use in an environment, as a person can look it up: each value with where it comes from.

Rule: a secret's source is told and never the secret; of a proxy's URL the user and the password are left out.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import assert_never
from urllib.parse import urlsplit

from reconciler.core.checkup import Fact
from reconciler.core.diagnostics import Place
from reconciler.core.environment import (
    Choice,
    EmulatorApi,
    Environment,
    FromCommand,
    FromFile,
    FromVariable,
    PlatformApi,
    Project,
    SecretSource,
    is_loopback,
    needs_confirmation,
)
from reconciler.core.share import FREE_SHARE
from reconciler.core.state import State

_NOT_SAID = "not said"
_PROXY_KINDS = ("https", "http", "all", "no")


def facts_of(
    project: Project,
    environment: Environment,
    choice: Choice,
    places: Mapping[str, Place],
    variables: Mapping[str, str],
) -> Iterator[Fact]:
    """*places* are those of the fields of the environment, ``api.base_url``, and of ``name`` and ``default``."""

    def at(field: str) -> str:
        return str(places[field]) if field in places else ""

    named_by = {Choice.OPTION: "-e", Choice.VARIABLE: f"variable {choice}", Choice.DEFAULT: at("default")}
    yield Fact(name="project", value=project.name, origin=at("name"))
    yield Fact(name="environment", value=environment.name, origin=named_by.get(choice, f"{choice} of the project"))
    api = environment.api
    if isinstance(api, EmulatorApi):
        yield Fact(name="api", value=f"the embedded emulator, {api.database}", origin=at("api.emulator"))
    else:
        yield Fact(name="base_url", value=api.base_url, origin=at("api.base_url"))
        yield _production(api, at)
        for field, value in (
            ("tenant", api.tenant or f"{_NOT_SAID}: whatever the credentials are of"),
            ("tenant_type", api.tenant_type or f"{_NOT_SAID}: the smallest limits are reckoned with"),
            ("entity", api.entity or _NOT_SAID),
            ("orgs", ", ".join(api.orgs) or f"{_NOT_SAID}: all that the credentials reach"),
            ("leave_free", f"{api.leave_free:g}"),
        ):
            unsaid = "built in" if field == "leave_free" and api.leave_free == FREE_SHARE else ""
            yield Fact(name=field, value=value, origin=at(f"api.{field}") or unsaid)
        for field, source in (("client_id", api.client_id), ("client_secret", api.client_secret)):
            yield Fact(name=field, value=_source(source, variables), origin=at(f"api.credentials.{field}"))
    yield Fact(name="specs", value=environment.specs, origin=at("specs"))
    for field, told in _settings(environment, variables):
        yield Fact(name=field, value=told, origin=at(field) or "built in")


def _settings(environment: Environment, variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what else decides about an apply, each with its value or with what holds because it is not said."""
    yield "after_server_error", environment.after_server_error
    for field, value in (("refreshed_at", environment.refreshed_at), ("keys", environment.keys)):
        if value is not None:
            yield field, value
    promotion, guardrails = environment.promotion, environment.guardrails
    asked = f"{promotion.earlier}: {'; '.join(promotion.words())}" if promotion else "none: what is declared is sent"
    yield "promotes_from", asked
    yield "guardrails", "; ".join(guardrails.words()) if guardrails else "none: nothing is limited"
    for allowed in guardrails.allow if guardrails else ():
        yield "allow", f"{allowed.rule} for {allowed.text} to {allowed.until}: {allowed.reason}"
    if environment.signing_key is not None:
        yield "signing_key", _source(environment.signing_key, variables)


def state_fact(environment: Environment, state: State | None, place: Place | None) -> Fact:
    told = f": serial {state.serial}, epoch {state.epoch}, lineage {state.lineage}" if state else ""
    return Fact(name="state", value=f"{environment.state_file}{told}", origin=str(place) if place else "")


def network_facts(base_url: str, proxy: tuple[str, str] | None, variables: Mapping[str, str]) -> Iterator[Fact]:
    """Tell of the proxy and the authorities that are used for *base_url*. *proxy* is the kind and URL of the one."""
    if proxy is not None:
        kind, url = proxy
        yield Fact(name="proxy", value=without_user(url), origin=_set(f"{kind}_proxy", variables) or "the system")
    else:
        named = [name for kind in _PROXY_KINDS if (name := _set(f"{kind}_proxy", variables))]
        is_local = is_loopback(urlsplit(base_url).hostname)
        why = "loopback never has one" if is_local else "not for this host" if named else "no variable names one"
        yield Fact(name="proxy", value=f"none: {why}", origin=", ".join(named))
    authorities = next((name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if variables.get(name)), None)
    value = variables[authorities] if authorities else "those that come with httpx"
    yield Fact(name="authorities", value=value, origin=authorities or "built in")


def without_user(url: str) -> str:
    """Return scheme, host and port of a proxy's URL; nothing of one in which a password may stand elsewhere."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return "set, and no usable URL"
    if not host or "@" in f"{parts.path}{parts.query}{parts.fragment}":
        return "set, and no usable URL"
    shown = f"[{host}]" if ":" in host else host
    user = " (user and password not shown)" if "@" in parts.netloc else ""
    return f"{parts.scheme}://{shown}{f':{port}' if port else ''}{user}"


def _production(api: PlatformApi, at: Callable[[str], str]) -> Fact:
    if needs_confirmation(api.base_url):
        return Fact(name="production", value=f"yes: {api.host} is no sandbox's host", origin=at("api.base_url"))
    is_said = api.tenant_type == "production"
    told = "yes: tenant_type says so" if is_said else "no"
    return Fact(name="production", value=told, origin=at("api.tenant_type" if is_said else "api.base_url"))


def _source(source: SecretSource, variables: Mapping[str, str]) -> str:
    match source:
        case FromVariable(name=name):
            return f"from the variable {name}, which is {'set' if variables.get(name) else 'not set'}"
        case FromFile(path=path):
            return f"from the file {path}"
        case FromCommand(arguments=arguments):
            return f"from the command {arguments[0]}"
        case _:
            assert_never(source)


def _set(name: str, variables: Mapping[str, str]) -> str | None:
    """Return the spelling under which a variable is set; of two, the one that counts (urllib.request)."""
    return next((each for each in (name.lower(), name.upper()) if variables.get(each)), None)
