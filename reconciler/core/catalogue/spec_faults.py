"""What is wrong with the fields of a spec file, or with a declaration."""

from reconciler.core.catalogue.explanation import Explanation

_HEAD = "version: 1\nflags: {onlyReSend: false, reMigrate: true}\n"


def _subscription(declaration: str) -> str:
    return f"{_HEAD}subscriptions:\n  - {declaration}\n"


def _item(declaration: str) -> str:
    return f"{_HEAD}orderLineItems:\n  - {declaration}\n"


_GOOD_SUBSCRIPTION = _subscription("{subscriptionName: A-S00000001, subscriptionVersion: 1}")
_GOOD_ITEM = _item('{orderNumber: O-00000007, itemNumber: "1"}')

SPEC_FAULTS = (
    Explanation(
        code="declared-twice",
        title="one target is declared twice in an environment",
        text="An environment has one declaration for each target, wherever it stands below the spec folder: two could "
        "ask for different flags. Both places are named. To have the same regenerated again, change its trigger.",
        bad=_HEAD + "dynamicUsageCharges:\n  - {chargeNumber: C-1}\n  - {chargeNumber: C-1, trigger: again}\n",
        good=_HEAD + "dynamicUsageCharges:\n  - {chargeNumber: C-1, trigger: again}\n",
    ),
    Explanation(
        code="empty-file",
        title="the file is empty",
        text="An empty file is more likely one that was cut off than one that is meant. A file that declares nothing "
        "says so with its version.",
        bad="# soon\n",
        good="version: 1\n",
    ),
    Explanation(
        code="empty-text",
        title="a text has no characters",
        text="Nothing is named by an empty text, and an empty trigger or reason tells nothing.",
        bad=_item('{orderNumber: O-00000007, itemNumber: ""}'),
        good=_GOOD_ITEM,
    ),
    Explanation(
        code="field-of-another-type",
        title="a field belongs to another type of target",
        text="Each list has one type, and each type its own fields. The declaration most likely stands "
        "in the wrong list.",
        bad=_subscription("{chargeNumber: C-00000042}"),
        good=_HEAD + "dynamicUsageCharges:\n  - {chargeNumber: C-00000042}\n",
    ),
    Explanation(
        code="flags-exclude-each-other",
        title="both flags are true",
        text="onlyReSend keeps the stored booking transactions and sends them again, reMigrate overrides them. The "
        "platform refuses the pair.",
        bad="version: 1\nflags: {onlyReSend: true, reMigrate: true}\n",
        good="version: 1\nflags: {onlyReSend: true, reMigrate: false}\n",
    ),
    Explanation(
        code="incomplete-key",
        title="a part of the name is missing",
        text="One field alone does not name a target: a subscription has many versions and an order many items.",
        bad=_subscription("{subscriptionName: A-S00000001}"),
        good=_GOOD_SUBSCRIPTION,
    ),
    Explanation(
        code="missing-field",
        title="a field that must be there is missing",
        text="Nothing is assumed for it. The message says how the field is written.",
        bad="flags: {onlyReSend: false, reMigrate: true}\n",
        good=_HEAD,
    ),
    Explanation(
        code="missing-flag",
        title="one of the two flags is not said",
        text="Without flags the platform overrides what is stored, so a flag that was forgotten could destroy what "
        "somebody wanted to keep. Both are always said.",
        bad="version: 1\nflags: {reMigrate: true}\n",
        good=_HEAD,
    ),
    Explanation(
        code="missing-flags",
        title="neither the declaration nor the file says flags",
        text="A call without flags still rewrites data, so nothing is implied. Flags at the head of a file are for all "
        "declarations in it that do not say their own.",
        bad="version: 1\ndynamicUsageCharges:\n  - {chargeNumber: C-1}\n",
        good=_HEAD + "dynamicUsageCharges:\n  - {chargeNumber: C-1}\n",
    ),
    Explanation(
        code="missing-key",
        title="a declaration names no target",
        text="A declaration names exactly one target, by number or by id.",
        bad=_subscription("{reason: REV-1234}"),
        good=_subscription("{subscriptionName: A-S00000001, subscriptionVersion: 1, reason: REV-1234}"),
    ),
    Explanation(
        code="missing-value",
        title="a field has no value",
        text="Nothing behind the colon, ~ and null are read as null, which is no text. A field that is not "
        "wanted is left out.",
        bad=_HEAD + "reason:\n",
        good=_HEAD + "reason: REV-1234\n",
    ),
    Explanation(
        code="named-twice",
        title="a declaration names its target in two ways",
        text="An id and a number could name two different objects, and then it would be unclear which one is meant.",
        bad=_subscription("{subscriptionId: 8ad0877b, subscriptionName: A-S00000001, subscriptionVersion: 1}"),
        good=_GOOD_SUBSCRIPTION,
    ),
    Explanation(
        code="no-versions",
        title="a list of versions is empty",
        text="A declaration without a version asks for nothing.",
        bad=_subscription("{subscriptionName: A-S00000001, subscriptionVersions: []}"),
        good=_subscription("{subscriptionName: A-S00000001, subscriptionVersions: [1, 2]}"),
    ),
    Explanation(
        code="not-a-boolean",
        title="a flag is not true or false",
        text="YAML readers differ over yes, no, on and off, and text in quotes is text.",
        bad="version: 1\nflags: {onlyReSend: false, reMigrate: yes}\n",
        good=_HEAD,
    ),
    Explanation(
        code="not-a-version",
        title="a version is not a whole number from 1",
        text="Versions of a subscription are counted from 1 and written in digits, without quotes, point or sign.",
        bad=_subscription("{subscriptionName: A-S00000001, subscriptionVersion: 1.0}"),
        good=_GOOD_SUBSCRIPTION,
    ),
    Explanation(
        code="outer-space",
        title="a text begins or ends with a space",
        text="Such spaces come from pasting and are not seen. The platform would look for another object.",
        bad=_item('{orderNumber: "O-00000007 ", itemNumber: "1"}'),
        good=_GOOD_ITEM,
    ),
    Explanation(
        code="text-too-long",
        title="a text is too long",
        text="Names and texts have at most 255 characters.",
        bad=f"{_HEAD}reason: {'x' * 256}\n",
        good=_HEAD + "reason: REV-1234, see there\n",
    ),
    Explanation(
        code="unknown-key",
        title="there is no such field",
        text="A field that is not known is not passed over: a misspelt trigger would silently ask for nothing. The "
        "nearest known name is proposed. A field of a newer version needs a newer reconciler.",
        bad=_HEAD + "tigger: 2026-11-backfill\n",
        good=_HEAD + "trigger: 2026-11-backfill\n",
    ),
    Explanation(
        code="unknown-version",
        title="the document has no version that is known",
        text="Files and documents say by which rules they are to be read; version 1 is the only one so far.",
        bad='version: "1"\n',
        good="version: 1\n",
    ),
    Explanation(
        code="unquoted-text",
        title="a text must stand between quotes",
        text="Without quotes YAML readers take it for a number, a date, a truth value or the like, and differ in "
        "which: 0123 becomes 83, NO becomes false, 12:30:45 becomes 45045. A name must be sent as it is written.",
        bad=_item("{orderNumber: O-00000007, itemNumber: 1}"),
        good=_GOOD_ITEM,
    ),
    Explanation(
        code="unsafe-character",
        title="a text contains a character that cannot be seen",
        text="Control, bidirectional and zero-width characters make a text look like another one: a reviewer would "
        "approve what is not sent.",
        bad=_item('{orderNumber: O-\u200b00000007, itemNumber: "1"}'),
        good=_GOOD_ITEM,
    ),
    Explanation(
        code="version-twice",
        title="a version is listed twice",
        text="Each version is regenerated once. Most likely another number was meant.",
        bad=_subscription("{subscriptionName: A-S00000001, subscriptionVersions: [1, 2, 2]}"),
        good=_subscription("{subscriptionName: A-S00000001, subscriptionVersions: [1, 2, 3]}"),
    ),
    Explanation(
        code="wrong-shape",
        title="a list, a mapping or a single value stands where another of the three is due",
        text="The message says what is due and what was found. Often a dash is missing, or stands where none is due.",
        bad=_HEAD + "dynamicUsageCharges: {chargeNumber: C-1}\n",
        good=_HEAD + "dynamicUsageCharges: [{chargeNumber: C-1}]\n",
    ),
)
