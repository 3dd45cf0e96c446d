"""A run for a terminal: a line for each change as it ends, and what was done, refused and not started at the end."""

from collections.abc import Iterator

from reconciler.core.command import command
from reconciler.core.entry import Unsettled
from reconciler.core.run import Outcome, Result, Run, Stop, needs_a_word
from reconciler.reports.paint import Paint, Tone

_WORDS = {
    Outcome.DONE: ("+", "done", Tone.ADD),
    Outcome.REFUSED: ("x", "refused", Tone.ALERT),
    Outcome.IN_DOUBT: ("?", "in doubt", Tone.ALERT),
    Outcome.UNDECIDED: ("?", "undecided", Tone.ALERT),
    Outcome.NOT_STARTED: ("-", "not started", Tone.QUIET),
}
_ADVICE = {
    Outcome.REFUSED: "Refused changes had no effect. Mend the cause, then apply again: they get a new call.",
    Outcome.IN_DOUBT: "Doubts are on record. Apply again within 23 h: the same key is sent, so each has one effect.",
    Outcome.UNDECIDED: "Undecided changes are never sent by themselves: find out what happened, then `{resolve}`.",
    Outcome.NOT_STARTED: "What was not started stays planned: apply again.",
}
_AFTER_STOP = {
    Stop.CANARY: {
        Outcome.REFUSED: "Refused changes had no effect. One that went first holds the others back until it is "
        "declared otherwise (a new trigger is enough), taken out, or let past by a reviewed line in the project file.",
        Outcome.NOT_STARTED: "What was not started stays planned, and goes when nothing that went first holds it back.",
    },
    Stop.FREEZE: {Outcome.NOT_STARTED: "What was not started stays planned: apply again when the freeze is over."},
}
"""What else is true after a stop by a guardrail: to apply again is refused."""

_MOST_IDS = 4


def result_text(result: Result, paint: Paint, *, done: int, total: int) -> str:
    symbol, word, tone = _WORDS[result.outcome]
    head = f"[{done}/{total}] {paint(tone, f'{symbol} {word}')}  {result.address}"
    return "  ".join((head, *_told(result)))


def run_text(run: Run, paint: Paint) -> str:
    return "\n".join(_closing(run, paint)) + "\n"


def _told(result: Result) -> Iterator[str]:
    if result.outcome is Outcome.DONE:
        ids = ", ".join(result.id_list[:_MOST_IDS])
        more = len(result.id_list) - _MOST_IDS
        yield f"ids {ids or 'none'}{f' and {more} more' if more > 0 else ''}"
    if result.error:
        yield f"{result.error.code}: {result.error.message}"
    if result.error and result.request_id:
        yield f"request {result.request_id}"
    if result.warning:
        yield f"warning: {result.warning}"


def _doubts(run: Run, advice: str) -> Iterator[str]:
    """Yield what is to be done about what is in doubt: *advice* where the same key may still tell."""
    doubts = [each for each in run.results if each.outcome is Outcome.IN_DOUBT]
    stuck = [each for each in doubts if needs_a_word(each)]
    again = [each for each in stuck if run.calls_again and _has_saved_error(each)]
    if len(stuck) < len(doubts):
        yield advice
    if again:
        yield (
            f"{len(again):,} in doubt met a server error that the key brings again. Apply again: 10 minutes after the "
            "last send another call is made, as after_server_error says."
        )
    if len(again) < len(stuck):
        yield (
            f"{len(stuck) - len(again):,} in doubt cannot be cleared up by applying again: the same key brings the "
            f"same answer. Find out what the platform did, then `{command('state resolve', run.environment)}`."
        )


def _has_saved_error(result: Result) -> bool:
    return isinstance(result.record, Unsettled) and result.record.saved_error


def _closing(run: Run, paint: Paint) -> Iterator[str]:
    counts = run.summary
    if run.stop:
        yield paint(Tone.ALERT, f"Stopped: {run.stop}.")
    if run.error:
        yield f"{run.error.code}: {run.error.message}"
    told = [f"{counts[outcome]} {_WORDS[outcome][1]}" for outcome in Outcome if counts[outcome]]
    yield paint(Tone.HEADING, f"Applied: {', '.join(told) or 'nothing to do'}.")
    for outcome, advice in {**_ADVICE, **(_AFTER_STOP.get(run.stop, {}) if run.stop else {})}.items():
        if counts[outcome] and outcome is Outcome.IN_DOUBT:
            yield from _doubts(run, advice)
        elif counts[outcome]:
            yield advice.format(resolve=command("state resolve", run.environment))
    held = [each.held_until for each in run.results if each.held_until]
    if held:
        many = f"{len(held):,} of these" if len(held) > 1 else "One of these"
        yield f"{many} may not leave before {max(held)}, when what was lost can land no more: apply again then."
    if counts[Outcome.DONE]:
        listed, shown = (command(f"state {verb}", run.environment) for verb in ("list", "show"))
        yield f"The ids are in the state: {listed}, {shown} ADDRESS."
