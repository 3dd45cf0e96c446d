"""What is wrong with documents that reconciler writes, and with files of decisions."""

from reconciler.core.catalogue.explanation import Explanation, Shows

_KEPT = "Nothing was sent, and the document was left as it is."


def _state(*, entries: str = "{}", environment: str = "local", version: int = 1, serial: str = '"serial": 1') -> str:
    return (
        f'{{"version": {version}, "environment": "{environment}", "lineage": "9f86d081",\n'
        f'{serial},\n"epoch": 0, "entries": {entries}}}\n'
    )


def _decision(decision: str) -> str:
    return f"version: 1\nreason: compared with Revenue\ndecisions:\n  - {decision}\n"


_GOOD_DECISION = _decision("{address: Subscription/A-S00000001@1, call: 0, as: not-done}")
_CALL = (
    '"call": 0, "flags": {"onlyReSend": false, "reMigrate": true}, "key": "k1-4bb9", "at": "2026-11-22T10:00:00Z", '
    '"sent": "2026-11-22T10:00:00Z", "run": "20261122T100000Z-9f86d081", "idList": ["2c98"]'
)
_NEWER = f'{{"Subscription/A-S00000001@1": {{"next_call": 1, "applied": {{"digest": "d9:{"0" * 64}", {_CALL}}}}}}}'

_RUN = (
    '"run": "20261122T100000Z-9f86d081", "plan": "p1-4bb9", "began": "2026-11-22T10:00:00Z", "done": 1, "refused": 0, '
    '"in_doubt": 0, "undecided": 0, "not_started": 0, '
    '"link": "d13d944e4db7f0c7631960f2df2109476c18497711d74e4d270c2c955b3da02c"'
)


def _with_history(calls: int) -> str:
    return _state(serial=f'"serial": 1,\n"history": [{{"calls": {calls}, {_RUN}}}]')


DOCUMENT_FAULTS = (
    Explanation(
        code="altered-proof",
        title="a proof is not the document that was written",
        text="A run seals what it has shown with a hash. One other byte, or a line end that was converted, breaks the "
        "seal, and then nothing is promoted by it.",
        bad="A file of `apply --proof` in which one id was edited.\n",
        good="The file as the run has written it.\n",
        shows=Shows.SITUATION,
    ),
    Explanation(
        code="bad-address",
        title="an entry of the state has no address of any target",
        text=f"Every entry stands under the address of its target, such as Subscription/A-S00000001@1. {_KEPT}",
        bad=_state(entries='{"Subscripton/A-S00000001@1": {"next_call": 0}}'),
        good=_state(entries='{"Subscription/A-S00000001@1": {"next_call": 0}}'),
        shows=Shows.STATE,
    ),
    Explanation(
        code="empty-document",
        title="the document is empty",
        text="It was cut off while something else wrote it, or emptied by hand; reconciler replaces documents whole. "
        "Put the last one back from git or a backup.",
        bad="\n",
        good=_state(),
        shows=Shows.STATE,
    ),
    Explanation(
        code="history-rewritten",
        title="the history of runs in the state was changed",
        text="Each run holds on to the one before it by a hash. One that was changed, removed or put in between no "
        f"longer fits, and limits of calls per day would count wrongly. {_KEPT}",
        bad=_with_history(calls=0),
        good=_with_history(calls=1),
        shows=Shows.STATE,
    ),
    Explanation(
        code="merge-markers",
        title="the document contains merge conflict markers",
        text="Two runs have written two states from one. Joined by hand they would claim what neither has done, so one "
        "side is taken whole, and what the other one did is found out and resolved.",
        bad=_state(serial='<<<<<<< ours\n"serial": 1\n=======\n"serial": 2\n>>>>>>> theirs'),
        good=_state(),
        shows=Shows.STATE,
    ),
    Explanation(
        code="newer-digest",
        title="an entry was written by a newer reconciler",
        text="The digest says what was asked for, by a scheme that this version does not know. Guessing would send "
        "calls a second time.",
        bad=_state(entries=_NEWER),
        good=_state(entries=_NEWER.replace("d9:", "d1:")),
        shows=Shows.STATE,
    ),
    Explanation(
        code="newer-version",
        title="the document is of a newer version",
        text="An older reconciler must not write what it cannot read. Upgrade it.",
        bad=_state(version=2),
        good=_state(),
        shows=Shows.STATE,
    ),
    Explanation(
        code="not-json",
        title="the document is not one whole JSON object",
        text=f"It was cut off, or edited by hand. {_KEPT}",
        bad=_state()[:-2] + "\n",
        good=_state(),
        shows=Shows.STATE,
    ),
    Explanation(
        code="other-environment",
        title="the state belongs to another environment",
        text="Each environment has a state of its own, and this one was copied or is named by the wrong path.",
        bad=_state(environment="sandbox"),
        good=_state(),
        shows=Shows.STATE,
    ),
    Explanation(
        code="other-project",
        title="the state belongs to another project",
        text="The project's name is part of every key. Under another one the platform would not recognise what is sent "
        "again, so that what is in doubt could have its effect twice. Put the name back; there is no other way on with "
        "this state.",
        bad=_state(serial='"project": "another",\n"serial": 1'),
        good=_state(serial='"project": "acme-revenue",\n"serial": 1'),
        shows=Shows.STATE,
    ),
    Explanation(
        code="wrong-field",
        title="a field of a document has not the type or value that it must have",
        text=f"reconciler does not write such a document; somebody has edited it. {_KEPT}",
        bad=_state(serial='"serial": "1"'),
        good=_state(),
        shows=Shows.STATE,
    ),
    Explanation(
        code="decided-twice",
        title="two decisions are about one address",
        text="They could say different things.",
        bad=_GOOD_DECISION + "  - {address: Subscription/A-S00000001@1, as: done}\n",
        good=_GOOD_DECISION,
        shows=Shows.DECISIONS,
    ),
    Explanation(
        code="ids-of-nothing",
        title="ids stand beside not-done",
        text="Ids are those of the booking transactions that a call has made. What was not done has made none.",
        bad=_decision("{address: Subscription/A-S00000001@1, as: not-done, ids: [2c98]}"),
        good=_decision("{address: Subscription/A-S00000001@1, as: done, ids: [2c98]}"),
        shows=Shows.DECISIONS,
    ),
    Explanation(
        code="no-decisions",
        title="the file decides nothing",
        text="`reconciler state resolve --template` prints a file with everything that is undecided.",
        bad="version: 1\nreason: compared with Revenue\ndecisions: []\n",
        good=_GOOD_DECISION,
        shows=Shows.DECISIONS,
    ),
    Explanation(
        code="not-a-call",
        title="call is not the number of a call",
        text="Calls of an address are numbered from 0, as `plan` shows them. The number lets a decision that was made "
        "on an older view be refused.",
        bad=_decision("{address: Subscription/A-S00000001@1, call: first, as: not-done}"),
        good=_GOOD_DECISION,
        shows=Shows.DECISIONS,
    ),
    Explanation(
        code="not-an-address",
        title="the text is not the address of any target",
        text="An address is a type, a slash and a key: Subscription/A-S00000001@1, OrderLineItem/O-00000007#1, "
        "DynamicUsageCharge/C-00000042, Subscription/id:8ad0.",
        bad=_decision("{address: A-S00000001, as: not-done}"),
        good=_GOOD_DECISION,
        shows=Shows.DECISIONS,
    ),
)
