"""What a checkup makes of what it has found: each verdict from plain facts."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from reconciler.core.checkup import Check, Keeping, failed, ok, told, warning
from reconciler.core.diagnostics import Diagnostic, InvalidInput
from reconciler.core.environment import EmulatorApi, Environment, PlatformApi
from reconciler.core.forecast import RATE_LIMITS
from reconciler.core.limiter import DEFAULT_LIMIT
from reconciler.core.outcome import Traffic
from reconciler.core.refresh import check_refreshed
from reconciler.core.share import cap_of
from reconciler.core.state import State, tenancy_of
from reconciler.core.tenancy import Scope, agree, check_platform, unproven
from reconciler.errors import WrongTenant

_CLOCK_APART = timedelta(minutes=1)
"""More is no jitter of answers and whole seconds: keys are trusted for 23 of the platform's 24 hours."""

_SHORT_TOKEN = 120.0
"""Seconds; a token is given up 60 s before its end, and documented is an hour."""


def judge_specs(declarations: int, files: int, place: str) -> Check:
    return ok("specs", f"valid: {_counted(declarations, 'declaration')} in {_counted(files, 'file')}", place=place)


def judge_token(lifetime: float, place: str) -> Check:
    """*lifetime* is in seconds."""
    if lifetime < _SHORT_TOKEN:
        return warning(
            "credentials",
            f"accepted, and the token lasts {lifetime:.0f} s only",
            place=place,
            detail="A token is renewed a minute before its end, so that this one would be asked for before every call, "
            "and tokens have a rate limit of their own.",
            hint="Documented is an hour: find out what answers at base_url.",
        )
    return ok("credentials", f"accepted: a token for {lifetime / 60:.0f} min", place=place)


def judge_tenant(scope: Scope, environment: Environment, state: State | None) -> Check:
    """Compare what a token is good for with the project file and the state, as an apply does."""
    known = tenancy_of(state)
    configured = environment.tenancy
    try:
        agreed = agree(scope, project=configured, state=known)
    except WrongTenant as error:
        return failed("tenant", error, place=str(environment.place))
    for diagnostic in unproven(agreed, environment.place):
        return told("tenant", diagnostic)
    by = (("project file", configured), ("state", known))
    proof = _as_said([origin for origin, each in by if each.tenant is not None])
    named = _as_said([origin for origin, each in by if each.entity is not None])
    found = f"tenant {agreed.tenant}"
    entity = f", entity {agreed.entity}" if agreed.entity else ""
    if proof:
        apart = f" {proof}{entity}, {named or 'which nothing names yet'}" if entity and named != proof else ""
        return ok("tenant", f"{found},{apart}" if apart else f"{found}{entity}, {proof}", place=str(environment.place))
    found += entity
    if isinstance(environment.api, EmulatorApi):
        return ok("tenant", f"{found}, of the embedded emulator", place=str(environment.place))
    return warning(
        "tenant",
        f"{found}, and nothing says that it is the right one",
        place=str(environment.place),
        detail="The first apply writes it into the state, and from then on it is compared.",
        hint=f'If it is the right one, write tenant: "{agreed.tenant}" under api: in the project file.',
    )


def _as_said(origins: Sequence[str]) -> str:
    return f"as {' and '.join(origins)} say" if len(origins) > 1 else f"as the {origins[0]} says" if origins else ""


def judge_refresh(environment: Environment, now: datetime) -> list[Check]:
    """Nothing is said of a refresh that is over, or of none."""
    try:
        check_refreshed(environment, now)
    except InvalidInput as error:
        return [failed("refreshed_at", error)]
    return []


def judge_clock(ahead: timedelta | None) -> Check:
    """*ahead* is by how much the platform's clock is ahead of this machine's; None if it has not told its own."""
    if ahead is None:
        return warning(
            "clock",
            "the platform did not tell the time",
            detail="Its answer has no Date that can be read, so that keys are aged by the clock of this machine.",
            hint="Look whether something in between, such as a proxy, takes the header away.",
        )
    way = "behind" if ahead > timedelta(0) else "ahead of"
    apart = f"{_lasting(abs(ahead))} {way} the platform's"
    if abs(ahead) <= _CLOCK_APART:
        return ok("clock", f"this machine's is {apart}" if abs(ahead) >= timedelta(seconds=1) else "as the platform's")
    return warning(
        "clock",
        f"this machine's is {apart}",
        detail="A key is trusted for 23 hours and forgotten by the platform after 24. An apply goes by the platform's "
        "clock, but a plan has this one's only, and what the last apply from here has found.",
        hint="Set the clock, with NTP for example.",
    )


def judge_limits(traffic: Traffic | None, environment: Environment) -> Check:
    """*traffic* is what the answer with the token tells. Documented is that tokens do not count as other requests do,
    so that it is expected to tell nothing; nothing else can be asked without regenerating something.
    """
    limit = traffic.limit if traffic else None
    usable = cap_of(limit or DEFAULT_LIMIT, environment.leave_free)
    share = f"leave_free {environment.leave_free:g}"
    told_limit = f"{limit} calls at once are announced" if limit else f"{DEFAULT_LIMIT} calls at once are documented"
    quota, left = (traffic.quota, traffic.left) if traffic else (None, None)
    if traffic and quota and left is not None and left <= quota * environment.leave_free:
        return warning(
            "limits",
            f"{left:,} of {quota:,} requests are left in this window",
            detail=f"An apply waits for the next window where {share} is all that is left.",
            hint=f"The window ends in {traffic.reset:.0f} s." if traffic.reset is not None else "",
        )
    api = environment.api
    kind = api.tenant_type if isinstance(api, PlatformApi) else None
    rate = f" {kind}: {RATE_LIMITS[kind].minute:,} requests a minute, {RATE_LIMITS[kind].day:,} a day." if kind else ""
    detail = "" if limit else f"What holds for this tenant is told by the first answer of an apply.{rate}"
    return ok("limits", f"{told_limit}, {usable} of them used ({share})", detail=detail)


def judge_state(state: State | None, environment: Environment) -> Check:
    place = environment.state_file
    if state is None:
        return ok("state", "not there yet: the first apply makes it", place=place)
    try:
        check_platform(state.platform, environment.platform, place)
    except WrongTenant as other:
        return failed("state", other, place=place)
    if environment.tenant is not None and state.tenant not in (None, environment.tenant):
        error = WrongTenant(
            "Wrong tenant",
            f"The project file says tenant {environment.tenant}, and the state is of tenant {state.tenant}.",
            hint="A state belongs to one tenant: put the right one back, or name another file under state:.",
        )
        return failed("state", error, place=place)
    written = f"{_counted(len(state.entries), 'entry', 'entries')}, serial {state.serial}, epoch {state.epoch}"
    tenant = f", tenant {state.tenant}" if state.tenant else ", tenant not learned yet"
    return ok("state", f"{written}{tenant}", place=place, detail=f"Lineage {state.lineage}.")


def judge_mark(*, is_marked: bool, is_there: bool, place: str) -> Check:
    """The mark was compared before: it agrees where it is."""
    if is_marked:
        return ok("mark", "the state is the last one that was written on this machine", place=place)
    if not is_there:
        return ok("mark", "nothing was written on this machine yet", place=place)
    return warning(
        "mark",
        "there is none on this machine",
        place=place,
        detail="So an older state than the last one would not be noticed here; the history of its store has to do it.",
        hint="Let runs that apply begin with the last state, and never two of them at once.",
    )


def judge_journals(abandoned: Sequence[str], damaged: Sequence[Diagnostic]) -> list[Check]:
    if damaged:
        return [told("journals", each) for each in damaged]
    if not abandoned:
        return [ok("journals", "no run has left one behind")]
    found = f"{_counted(len(abandoned), 'run')} broke off and left what was sent in a journal"
    hint = "The next plan and apply read it; apply folds it into the state and removes it. Do not delete it."
    return [warning("journals", found, place=abandoned[0], hint=hint)]


def judge_lock(holder: str | None, place: str) -> Check:
    if holder is None:
        return ok("lock", "free", place=place)
    hint = "An apply waits for it with --lock-timeout 5m."
    return warning("lock", f"held: {holder}", place=place, hint=hint)


def judge_keeping(keeping: Keeping, environment: Environment, *, is_there: bool) -> Check:
    """Whether a loss of this machine is a loss of the state."""
    place = environment.state_file
    if isinstance(environment.api, EmulatorApi):
        return ok("keeping", "as lasting as the embedded emulator, which is beside it", place=place)
    if keeping is Keeping.COMMITTED:
        return ok("keeping", "in git, as it stands", place=place)
    if not is_there and keeping is Keeping.UNTRACKED:
        return ok("keeping", "nothing to keep yet", place=place, detail="After the first apply, commit it.")
    found = {
        Keeping.CHANGED: "the last state is not committed",
        Keeping.IGNORED: "git is told to ignore it: this machine has the only copy",
        Keeping.UNTRACKED: "not in git: this machine has the only copy",
        Keeping.NO_GIT: "in no git checkout: this machine may have the only copy",
    }[keeping]
    return warning(
        "keeping",
        found,
        place=place,
        detail="Losing the state is not safe: a day later everything declared would be sent again, and what was "
        "refused or re-issued at once.",
        hint="Commit it after each apply, or keep it in a backup that knows which one is the last.",
    )


def _counted(number: int, noun: str, many: str = "") -> str:
    return f"{number:,} {noun if number == 1 else many or f'{noun}s'}"


def _lasting(span: timedelta) -> str:
    seconds = round(span.total_seconds())
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
