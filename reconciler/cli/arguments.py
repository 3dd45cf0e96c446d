"""The command line, as one parser. It loads nothing but argparse: commands import what they need when they run."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from reconciler.errors import UsageError

_DESCRIPTION = """\
Plan and apply for regenerating Zuora booking transactions.

Specs in git declare which subscriptions, order line items and dynamic usage charges are to be
regenerated, and with which flags. `plan` compares them with the state; `apply` sends only the
calls that are missing and records the ids."""

_EXAMPLES = """\
examples:
  reconciler plan                        what would be sent, in the default environment
  reconciler plan -e sandbox --detailed-exitcode --json
  reconciler apply -e sandbox --yes      send it
  reconciler state show Subscription/A-S00000001@1
  reconciler emulator serve              a platform of your own on http://127.0.0.1:8765

exit status: 0 done or nothing to do, 1 error or refused, 2 changes (plan --detailed-exitcode only),
3 invalid input, 4 locked, 5 stale, 6 stopped early: apply again, 7 a decision is needed,
8 authentication, 9 a guardrail refuses, 130 interrupted, 143 terminated."""


class Parser(argparse.ArgumentParser):
    """Raises UsageError instead of leaving, so that wrong usage ends like every other error: with status 1."""

    def error(self, message: str) -> NoReturn:
        raise UsageError("Wrong usage", f"{message}.", hint=f"See `{self.prog} --help`.")

    def of(self, name: str | None) -> "Parser":
        """Return the parser of the command, or verb, *name*; this one where there is none."""
        nested = (
            each.choices[name] for each in self._actions if isinstance(each.choices, dict) and name in each.choices
        )
        return next(nested, self)

    @property
    def options(self) -> list[str]:
        return [option for action in self._actions for option in action.option_strings]

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is None or value in action.choices:
            return
        from difflib import get_close_matches  # noqa: PLC0415  (only wrong usage needs it)

        names = [str(choice) for choice in action.choices]
        close = get_close_matches(str(value), names, n=1)
        hint = f"Did you mean {close[0]!r}?" if close else f"One of: {', '.join(names)}."
        raise UsageError("Wrong usage", f"{value!r} is no {action.dest}.", hint=hint)


_HABITS = {
    "--auto-approve": "--yes",
    "-auto-approve": "--yes",
    "-y": "--yes",
    "--target": "--only",
    "-target": "--only",
    "-out": "--out",
    "--env": "--environment",
}
"""What other tools call it."""


def as_options(argv: Sequence[str]) -> Sequence[str]:
    """Return *argv* with `help` and `version`, which are commands elsewhere, as the options that they are here.

    Raise UsageError for an environment before the command.
    """
    first, *rest = argv or [""]
    if first == "help":
        return [*rest, "--help"]
    if first == "version":
        return ["--version", *rest]
    option, _, name = first.partition("=")
    if option in ("-e", "--environment"):
        name, *rest = [name, *rest] if name else rest or ["ENV"]
        rest = rest or ["COMMAND"]
        command = " ".join(["reconciler", *rest, "-e", name])
        raise UsageError("Wrong usage", f"{option} stands before the command.", hint=f"Put it behind: `{command}`.")
    return argv


def unknown_arguments(parser: Parser, arguments: argparse.Namespace, unknown: Sequence[str]) -> UsageError:
    """Return what to say of *unknown* arguments: what was meant, or where to look."""
    for name in (arguments.command, getattr(arguments, "verb", None)):
        parser = parser.of(name)
    options = parser.options
    word = unknown[0].partition("=")[0]
    meant = _HABITS.get(word)
    if meant not in options and word.startswith("-"):
        from difflib import get_close_matches  # noqa: PLC0415  (only wrong usage needs it)

        meant = next(iter(get_close_matches(word, options, n=1)), None)
    hint = f"Did you mean {meant}?" if meant in options else f"See `{parser.prog} --help`."
    if not word.startswith("-") and "-e" in options:
        hint = f"An environment is named with -e {word}. {hint}"
    return UsageError("Wrong usage", f"unrecognized arguments: {' '.join(unknown)}.", hint=hint)


def build_parser(first: str = "") -> Parser:
    """Return the parser of a command line that begins with *first*.

    Whatever follows a command is the command's own, so that where one comes first no other is ever asked for.
    """
    parser = Parser(
        prog="reconciler",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_project(parser, default=None)
    parser.add_argument("--version", action="store_true", help="print the version and leave")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    known = {
        "validate": _add_validate,
        "plan": _add_plan,
        "apply": _add_apply,
        "show": _add_show,
        "state": _add_state,
        "promote": _add_promote,
        "doctor": _add_doctor,
        "fmt": _add_fmt,
        "init": _add_init,
        "emulator": _add_emulator,
        "explain": _add_explain,
    }
    for add in [known[first]] if first in known else known.values():
        add(commands)
    return parser


_Commands = argparse._SubParsersAction  # noqa: SLF001  (argparse has no public name for it)


def _command(commands: "_Commands[Parser]", name: str, text: str, *, project: bool = True) -> Parser:
    parser: Parser = commands.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + ".", allow_abbrev=False
    )
    if project:
        _add_project(parser, default=argparse.SUPPRESS)
        parser.add_argument(
            "-e",
            "--environment",
            metavar="ENV",
            type=_environment,
            help="the environment; else RECONCILER_ENV, the project's default, or the only one",
        )
    return parser


def _add_project(parser: Parser, *, default: object) -> None:
    parser.add_argument(
        "-C",
        dest="project",
        metavar="PROJECT_DIR",
        type=Path,
        default=default,
        help="the folder of reconciler.yaml (default: here, else ./specs)",
    )


def _add_validate(commands: "_Commands[Parser]") -> None:
    parser = commands.add_parser(
        "validate",
        help="check the project file and all specs",
        description="Check the project file and the specs of all environments, or of one.",
        allow_abbrev=False,
    )
    _add_project(parser, default=argparse.SUPPRESS)
    parser.add_argument("-e", "--environment", metavar="ENV", type=_environment, help="only this environment's specs")
    parser.add_argument(
        "--format",
        choices=("text", "json", "sarif", "github", "junit"),
        default="text",
        help="what is printed: text, or a document for other tools (default text)",
    )
    parser.add_argument(
        "--max",
        metavar="N",
        type=_positive,
        help="show at most N problems and count the rest (default: 50 as text; 10 as github; all else)",
    )


def _add_explain(commands: "_Commands[Parser]") -> None:
    parser = commands.add_parser(
        "explain",
        help="tell more about a diagnostic, with an example",
        description="Tell more about the diagnostic with this code, with an example; without CODE list all codes.",
        allow_abbrev=False,
    )
    parser.add_argument("code", metavar="CODE", nargs="?", help="the word in brackets, such as unquoted-text")


def _add_fmt(commands: "_Commands[Parser]") -> None:
    parser = commands.add_parser(
        "fmt",
        help="put spec files and the project file into canonical order and layout",
        description="Put spec files and the project file into canonical order and layout. Comments are kept.",
        allow_abbrev=False,
    )
    _add_project(parser, default=argparse.SUPPRESS)
    parser.add_argument("-e", "--environment", metavar="ENV", type=_environment, help="only this environment's specs")
    parser.add_argument(
        "paths", metavar="PATH", nargs="*", help="only these files, or those below these folders (default: the project)"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; name what would change, and exit with 1")
    parser.add_argument("--diff", action="store_true", help="write nothing; show what would change")


def _add_init(commands: "_Commands[Parser]") -> None:
    parser = _command(commands, "init", "make a project to start with; no file is overwritten", project=False)
    parser.add_argument("folder", metavar="DIR", type=Path, nargs="?", default=Path(), help="where (default: here)")
    parser.add_argument("--ci", choices=("github", "gitlab", "none"), default="none", help="add a pipeline for this CI")
    parser.add_argument("--name", metavar="NAME", help="the project's name (default: that of the folder)")


def _add_plan(commands: "_Commands[Parser]") -> None:
    parser = _command(commands, "plan", "show what apply would send, without credentials and without sending")
    _add_selection(parser)
    parser.add_argument("--out", metavar="FILE", type=Path, help="save the plan, to be reviewed and applied exactly so")
    parser.add_argument(
        "--expires",
        metavar="DURATION",
        type=_lifetime,
        default=7 * 86_400,
        help="how long a saved plan may be applied, such as 12h or 2d (default 7d)",
    )
    parser.add_argument("--detailed-exitcode", action="store_true", help="exit with 2 if changes are pending")
    parser.add_argument("--no-cache", action="store_true", help="read every file anew, and keep nothing")
    parser.add_argument("--json", action="store_true", help="print the plan as JSON (schemas/plan.schema.json)")
    parser.add_argument(
        "--markdown", metavar="FILE", type=Path, help="write the plan, or why there is none, for a review comment"
    )


def _add_apply(commands: "_Commands[Parser]") -> None:
    parser = _command(commands, "apply", "plan, ask, send what is missing and record the ids")
    parser.add_argument(
        "plan_file", metavar="PLAN_FILE", type=Path, nargs="?", help="carry out exactly this plan, without asking"
    )
    parser.add_argument(
        "--expect", metavar="PLAN_ID", help="carry out what is planned, without asking, if that is its id"
    )
    _add_selection(parser)
    parser.add_argument(
        "--concurrency",
        metavar="N",
        type=_positive,
        help="send at most N calls at once (default: the platform's limit less api: leave_free, 32 of 40)",
    )
    parser.add_argument("--max-calls", metavar="N", type=_positive, help="begin at most N calls: a first batch")
    parser.add_argument(
        "--deadline",
        metavar="DURATION",
        type=_duration,
        default=float("inf"),
        help="end in order within this time, waiting for the lock included, such as 8m; exit 6 if something is left",
    )
    parser.add_argument(
        "--lock", choices=("true", "false"), default="true", help="false: do not wait for, or keep out, other runs"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--proof", metavar="FILE", type=Path, help="write what the run has shown, for promotion to a later environment"
    )
    _add_safety(parser)
    parser.add_argument("-v", "--verbose", action="store_true", help="a line on stderr for each send")
    parser.add_argument("--log-file", metavar="FILE", type=Path, help="add the same lines to FILE")
    parser.add_argument("--json", action="store_true", help="print the results as JSON (schemas/apply.schema.json)")


def _add_lock_timeout(parser: Parser) -> None:
    parser.add_argument(
        "--lock-timeout",
        metavar="DURATION",
        type=_duration,
        default=0,
        help="wait so long for another run on the same state, such as 90s or 5m",
    )


def _add_safety(parser: Parser) -> None:
    """Add what all have that write a state."""
    parser.add_argument("--confirm", metavar="ENV", help="the environment's name once more, for production")
    _add_lock_timeout(parser)


def _add_show(commands: "_Commands[Parser]") -> None:
    parser = _command(commands, "show", "show a saved plan as `plan` has shown it", project=False)
    parser.add_argument("plan_file", metavar="PLAN_FILE", type=Path)
    parser.add_argument("--json", action="store_true", help="print it as JSON (schemas/plan.schema.json)")


def _add_promote(commands: "_Commands[Parser]") -> None:
    text = "carry what is proven in one environment to the specs of the next; sends nothing"
    parser = commands.add_parser("promote", help=text, description=f"{text.capitalize()}.", allow_abbrev=False)
    _add_project(parser, default=argparse.SUPPRESS)
    parser.add_argument("--from", dest="source", metavar="ENV", required=True, help="the environment that has applied")
    parser.add_argument("--to", dest="target", metavar="ENV", required=True, help="the one whose specs are written")
    parser.add_argument("selectors", metavar="SEL", nargs="*", help="only these, as with plan --only (default: all)")
    parser.add_argument("--dry-run", action="store_true", help="write nothing; print the diff")


def _add_doctor(commands: "_Commands[Parser]") -> None:
    text = "show what would be used, from where, and prove that it works; regenerates nothing"
    parser = _command(commands, "doctor", text)
    parser.add_argument("--json", action="store_true", help="print the checkup as JSON (schemas/doctor.schema.json)")


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST = 90 * 86_400


def _environment(text: str) -> str:
    """An empty name is a variable that a pipeline has not set, and not the wish for the default."""
    if not text:
        raise argparse.ArgumentTypeError("it is empty; name an environment, or leave it out for the default")
    return text


def _duration(text: str) -> int:
    """Read ``90s``, ``8m``, ``12h`` or ``2d`` as seconds: a number without a unit may be meant as any of them."""
    unit, number = _UNITS.get(text[-1:]), text[:-1]
    is_number = number.isascii() and number.isdecimal() and len(number) < 8
    if unit is None or not is_number or int(number) * unit > _LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 90s, 8m, 12h or 2d, up to 90d")
    return int(number) * unit


def _lifetime(text: str) -> int:
    """Read the same, but for nothing at all: such a plan could never be applied."""
    if (seconds := _duration(text)) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no time at all")
    return seconds


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65_535:
        raise ValueError(text)
    return number


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= 3600:
        raise ValueError(text)
    return seconds


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def _add_selection(parser: Parser, only: str = "take only these:") -> None:
    text = "a glob over addresses, or file:GLOB, type:NAME, action:NAME; may be given several times"
    parser.add_argument("--only", metavar="SEL", action="append", default=[], help=f"{only} {text}")
    parser.add_argument("--except", metavar="SEL", dest="excepted", action="append", default=[], help="leave these out")


def _add_state(commands: "_Commands[Parser]") -> None:
    state = commands.add_parser("state", help="look at what has been regenerated", allow_abbrev=False)
    verbs = state.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=Parser)
    _command(verbs, "list", "list every address with what is known of it").add_argument("--json", action="store_true")
    show = _command(verbs, "show", "show all that is remembered of one address")
    show.add_argument("address", metavar="ADDRESS")
    show.add_argument("--json", action="store_true", help="print the entry as it stands in the document")
    _add_resolve(_command(verbs, "resolve", "settle calls in doubt after finding out what the platform did"))
    history = _command(verbs, "history", "list every run, or show one with what it did")
    history.add_argument("run", metavar="RUN", nargs="?")
    history.add_argument("--json", action="store_true")
    _add_amendments(verbs)
    proof = _command(verbs, "proof", "write what the state knows to be carried out, for promotion by files")
    proof.add_argument("proof", metavar="FILE", type=Path, help="as of apply --proof; no other proof is overwritten")
    _add_lock_timeout(proof)
    restore = _command(
        verbs, "restore", "accept an older state, when the last one is lost: nothing is sent unasked then"
    )
    restore.add_argument("file", metavar="FILE", nargs="?", help="a backup (default: the state document as it stands)")
    restore.add_argument("--empty", action="store_true", help="accept that nothing is left of the state")
    restore.add_argument("--reason", metavar="TEXT", required=True, help="why; kept in the state")
    _add_safety(restore)


def _add_amendments(verbs: "_Commands[Parser]") -> None:
    adopt = _command(verbs, "import", "adopt regenerations that were done by hand, so that they are not sent again")
    adopt.add_argument(
        "file",
        metavar="FILE.csv",
        help="address,onlyReSend,reMigrate and, if known, trigger,ids,at; a row without trigger has the one "
        "that is declared now under its flags, or none where it is not declared yet",
    )
    move = _command(verbs, "mv", "follow a declaration that names the same object otherwise now")
    move.add_argument("old", metavar="OLD_ADDRESS")
    move.add_argument("new", metavar="NEW_ADDRESS")
    forget = _command(verbs, "forget", "forget what was applied under an address, so that it is sent again")
    forget.add_argument("address", metavar="ADDRESS")
    for parser in (adopt, move, forget):
        parser.add_argument("--reason", metavar="TEXT", required=True, help="why; kept in the state")
        parser.set_defaults(only=[], excepted=[])
        _add_safety(parser)


def _add_resolve(resolve: Parser) -> None:
    resolve.add_argument("address", metavar="ADDRESS", nargs="?", help="settle this one")
    resolve.add_argument("--from", dest="decisions", metavar="FILE", help="settle all that stand in a file, or none")
    _add_selection(resolve, "instead of ADDRESS, all that plan calls undecided and that match:")
    resolve.add_argument(
        "--template", action="store_true", help="print such a file of all that is undecided, to fill in"
    )
    resolve.add_argument(
        "--unlisted", action="store_true", help="after a restore: what the state does not list was never sent"
    )
    resolve.add_argument("--as", dest="resolution", choices=("done", "not-done"))
    resolve.add_argument("--reason", metavar="TEXT", help="how it was found out; kept in the state")
    resolve.add_argument("--ids", metavar="ID", nargs="+", default=[], help="the booking transactions, for done")
    resolve.add_argument("--call", metavar="N", type=int, help="only if it is call N that is in doubt")
    _add_safety(resolve)


def _add_emulator(commands: "_Commands[Parser]") -> None:
    emulator = commands.add_parser("emulator", help="the platform's side, emulated", allow_abbrev=False)
    verbs = emulator.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=Parser)
    serve = _command(verbs, "serve", "serve the emulator over HTTP until interrupted", project=False)
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=_port, default=8765, help="default 8765; 0 takes a free one")
    serve.add_argument("--db", metavar="FILE", default=":memory:", help="keep the world in FILE (default: in memory)")
    serve.add_argument(
        "--client", metavar="ID:SECRET@TENANT", action="append", default=[], help="accept only such clients"
    )
    serve.add_argument(
        "--latency", metavar="SECONDS", type=_seconds, default=0.0, help="let every regeneration take this long"
    )
    serve.add_argument("--faults", metavar="RULES.json", type=Path, help="misbehave by these rules")
    ledger = _command(verbs, "ledger", "list every effect there really was, per target")
    ledger.add_argument("--db", metavar="FILE", help="the world (default: that of the environment)")
    ledger.add_argument("--json", action="store_true")
    seed = _command(verbs, "seed", "add objects of your own to a world")
    seed.add_argument("--db", metavar="FILE", help="the world (default: that of the environment)")
    seed.add_argument("objects", metavar="OBJECTS.json", type=Path)
    faults = _command(verbs, "faults", "rehearse trouble: load rules, list how often they fired, clear them")
    faults.add_argument("--db", metavar="FILE", help="the world (default: that of the environment)")
    faults.add_argument("--json", action="store_true")
    faults.add_argument("order", choices=("load", "list", "clear"), metavar="load|list|clear")
    faults.add_argument("rules", metavar="RULES.json", type=Path, nargs="?")
    proxy = _command(verbs, "proxy", "put a faulty wire before any server on this machine", project=False)
    proxy.add_argument("rules", metavar="RULES.json", type=Path)
    proxy.add_argument("--to", metavar="URL", required=True, help="the server behind it, such as http://127.0.0.1:8765")
    proxy.add_argument("--host", default="127.0.0.1")
    proxy.add_argument("--port", type=_port, default=8766, help="default 8766; 0 takes a free one")
