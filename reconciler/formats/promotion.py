"""What the project file says of an environment's place between the others: `refreshed_at` and `promotes_from`."""

import re
from collections.abc import Iterable
from datetime import timedelta
from posixpath import dirname, normpath

from reconciler.core.diagnostics import Place, nearest, shown
from reconciler.core.environment import Environment
from reconciler.core.promotion import Demand, Promotion, is_proof_name
from reconciler.core.timestamp import Timestamp, moment
from reconciler.formats.fields import boolean_of, check_keys, text_of
from reconciler.formats.settings import choice, optional_text, required_text
from reconciler.formats.yaml_reader import Mapping, Node, Reading

PROMOTION = (
    *("environment", "proof", "proofs", "allowed_signers"),
    *("soak", "max_age", "accept_emulator", "accept_empty_ids"),
)
_TIME = r"2[0-9]{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z"
_DURATION = r"([1-9][0-9]{0,3})([mhd])"
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def read_refreshed_at(environment: Mapping, reading: Reading) -> Timestamp | None:
    """Return when the environment was last refreshed; None where the project file does not say."""
    text = optional_text(environment, "refreshed_at", reading)
    if text is None:
        return None
    try:
        if re.fullmatch(_TIME, text):
            moment(Timestamp(text))
            return Timestamp(text)
    except ValueError:
        pass  # a day that its month does not have
    node = environment.values["refreshed_at"]
    what, hint = f"refreshed_at cannot be {shown(text)}", 'Write the time in UTC, such as "2026-11-20T18:00:00Z".'
    reading.report("not-a-time", what, (node.line, node.column), hint=hint)
    return None


def read_promotion(node: Node | None, reading: Reading) -> Promotion | None:
    """Return what is asked of an earlier environment, which may be no more than its name; None if nothing is."""
    if node is None:
        return None
    place = Place(reading.path, node.line, node.column)
    if not isinstance(node, Mapping):
        name = text_of(node, reading, "promotes_from")
        return Promotion(earlier=name, place=place) if name is not None else None
    check_keys(node, PROMOTION, reading, "promotes_from")
    name = required_text(node, "environment", reading, hint="Write environment: and the name of the earlier one.")
    demand = choice(node, "proof", list(Demand), reading)
    soak, max_age = _duration(node, "soak", reading), _duration(node, "max_age", reading)
    if soak is not None and max_age is not None and soak >= max_age:
        what = "soak is not shorter than max_age"
        why = "A proof would be too young until it is too old."
        reading.report("never-proven", what, node.keys["soak"], detail=why, hint="Shorten soak, or raise max_age.")
    accept_emulator, accept_empty_ids = (
        boolean_of(node.values[name], reading, name) if name in node.values else None for name in PROMOTION[-2:]
    )
    proofs, allowed_signers = _sources(node, reading)
    if name is None:
        return None
    return Promotion(
        earlier=name,
        place=place,
        demand=Demand(demand) if demand else Demand.REQUIRED,
        soak=soak or timedelta(0),
        max_age=max_age,
        accept_emulator=accept_emulator or False,
        accept_empty_ids=accept_empty_ids or False,
        proofs=proofs,
        allowed_signers=allowed_signers,
    )


def _sources(node: Mapping, reading: Reading) -> tuple[str | None, str | None]:
    """Return where the files of proofs are, and who may have signed them."""
    proofs, allowed = (optional_text(node, name, reading) for name in ("proofs", "allowed_signers"))
    hint = "Name a path below this file, without .. ."
    if proofs is not None and not _is_inner(proofs):
        what = f"proofs is no path below the project folder: {shown(proofs)}"
        why = "What a pipeline brings stands with what it is for, where a person finds it."
        reading.report("proofs-outside", what, _at(node, "proofs"), detail=why, hint=hint)
    if allowed is not None and not _is_inner(allowed):
        what = f"allowed_signers is no path below the project folder: {shown(allowed)}"
        why = "Whose signatures count is reviewed and versioned with the project."
        reading.report("signers-outside", what, _at(node, "allowed_signers"), detail=why, hint=hint)
    if "proofs" in node.keys and "max_age" not in node.keys:
        why = "No file tells of what came after it: a proof by file must grow too old."
        hint = "Write max_age: and how old a proof may be, such as 14d."
        reading.report("no-max-age", "proofs stands without max_age", node.keys["proofs"], detail=why, hint=hint)
    if "allowed_signers" in node.keys and "proofs" not in node.keys:
        why = "The state of the earlier environment is not signed."
        hint = "Write proofs: and the folder of the files, or leave allowed_signers out."
        at = node.keys["allowed_signers"]
        reading.report("signers-without-proofs", "allowed_signers stands without proofs", at, detail=why, hint=hint)
    if proofs and allowed and _is_brought(allowed, proofs):
        why = "Whoever brings proofs would say as well whose signatures count."
        hint = "Put the allowed signers elsewhere in the project folder."
        what = "allowed_signers stands among the proofs"
        reading.report("signers-outside", what, _at(node, "allowed_signers"), detail=why, hint=hint)
    return proofs, allowed


def _is_brought(path: str, proofs: str) -> bool:
    """Whether *path* stands among *proofs*, a folder, or beside that one file in a folder of its own."""
    path, proofs = normpath(path), normpath(proofs)
    folder = dirname(proofs) if is_proof_name(proofs) else proofs
    return path == proofs or (bool(folder) and path.startswith(f"{folder}/"))


def _is_inner(path: str) -> bool:
    """Whether *path* leads to something below the project folder, as it is written."""
    steps = path.split("/")
    return not (path.startswith("/") or ".." in steps or {"", "."}.issuperset(steps))


def _at(mapping: Mapping, name: str) -> tuple[int, int]:
    node = mapping.values[name]
    return node.line, node.column


def _duration(mapping: Mapping, name: str, reading: Reading) -> timedelta | None:
    text = optional_text(mapping, name, reading)
    found = re.fullmatch(_DURATION, text) if text is not None else None
    if found is not None:
        return int(found[1]) * _UNITS[found[2]]
    if text is not None:
        node = mapping.values[name]
        what, hint = f"{name} cannot be {shown(text)}", "Write a number of minutes, hours or days: 90m, 12h or 2d."
        reading.report("not-a-duration", what, (node.line, node.column), hint=hint)
    return None


def check_promotions(names: Iterable[str], environments: Iterable[Environment], reading: Reading) -> None:
    """Report an earlier environment that is none of *names*, and environments that come before themselves."""
    known = frozenset(names)
    earlier = {each.name: each.promotion for each in environments if each.promotion}
    for name, promotion in earlier.items():
        at = (promotion.place.line, promotion.place.column)
        if promotion.earlier not in known:
            what = f"{name!r} promotes from {shown(promotion.earlier)}, which is no environment"
            reading.report("unknown-environment", what, at, hint=nearest(promotion.earlier, known))
            continue
        passed, step = {name}, promotion.earlier
        while step not in passed and step in earlier:
            passed.add(step)
            step = earlier[step].earlier
        if step == name:
            why = "None of them could ever be the first."
            hint = "Let each promote from the one before it, and the first from none."
            reading.report("promotes-in-a-circle", f"{name!r} promotes from itself", at, detail=why, hint=hint)
