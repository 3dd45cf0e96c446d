"""YAML that cannot be read, or that two readers would take differently."""

from reconciler.core.catalogue.explanation import Explanation

_HEAD = "version: 1\nflags: {onlyReSend: false, reMigrate: true}\n"

YAML_FAULTS = (
    Explanation(
        code="alias",
        title="an alias repeats a value",
        text="A value that stands elsewhere is easily changed for one use and forgotten for the other, and nested "
        "aliases can make a small file enormous. So aliases are not read.",
        bad=_HEAD + "dynamicUsageCharges:\n  - {chargeNumber: C-1, trigger: *backfill}\n",
        good=_HEAD + "dynamicUsageCharges:\n  - {chargeNumber: C-1, trigger: 2026-11-backfill}\n",
    ),
    Explanation(
        code="anchor",
        title="an anchor gives a value a name",
        text="Anchors serve aliases, and those are not read. What is for a whole file stands at its head.",
        bad=_HEAD + "trigger: &backfill 2026-11-backfill\n",
        good=_HEAD + "trigger: 2026-11-backfill\n",
    ),
    Explanation(
        code="control-character",
        title="the file contains a character that YAML does not allow",
        text="Control characters and unpaired surrogates stand for nothing that can be read. They come from exports, "
        "terminals, or a file that is not text. A lone carriage return, U+0085, U+2028 and U+2029 end a line to some "
        "readers and not to git: a comment could hide a declaration behind one.",
        bad=_HEAD + "reason: REV-1234\x07\n",
        good=_HEAD + "reason: REV-1234\n",
    ),
    Explanation(
        code="duplicate-key",
        title="one field stands twice",
        text="Most YAML and JSON readers keep the last of two equal keys without a word, some the first. Two lists of "
        "one name, left by a merge, would so lose half of the declarations. Both places are named.",
        bad=_HEAD + "flags: {onlyReSend: true, reMigrate: false}\n",
        good=_HEAD,
    ),
    Explanation(
        code="empty-key",
        title="a key is missing before a colon",
        text="A value without a name belongs to nothing.",
        bad=_HEAD + '"": REV-1234\n',
        good=_HEAD + "reason: REV-1234\n",
    ),
    Explanation(
        code="key-not-text",
        title="a key is a list or a mapping",
        text="YAML allows it, JSON and most programs do not. Often a bracket or brace stands where none was meant.",
        bad=_HEAD + "[reason]: REV-1234\n",
        good=_HEAD + "reason: REV-1234\n",
    ),
    Explanation(
        code="merge-key",
        title="a merge key takes fields from elsewhere",
        text="Merge keys are not part of YAML 1.2, and readers differ in which field wins.",
        bad=_HEAD + "dynamicUsageCharges:\n  - {<<: {reason: REV-1234}, chargeNumber: C-1}\n",
        good=_HEAD + "dynamicUsageCharges:\n  - {reason: REV-1234, chargeNumber: C-1}\n",
    ),
    Explanation(
        code="not-utf-8",
        title="the file is not UTF-8 text",
        text="Files are UTF-8, as YAML and JSON have it. In another encoding names with accents would become other "
        "names, and so other calls. The place is that of the first byte that does not fit.",
        bad=_HEAD + "owner: Z\udcfcrich\n",
        good=_HEAD + "owner: Zürich\n",
    ),
    Explanation(
        code="several-documents",
        title="a second document begins",
        text="Many readers take only the first document of a file, and would silently leave out the rest.",
        bad=_HEAD + "---\nversion: 1\n",
        good=_HEAD,
    ),
    Explanation(
        code="tag",
        title="a tag says of what type a value is",
        text="Every field has one type already. Tags that build objects have been used to run foreign code.",
        bad=_HEAD + 'trigger: !!str "2026"\n',
        good=_HEAD + 'trigger: "2026"\n',
    ),
    Explanation(
        code="too-deep",
        title="the file is nested too deep",
        text="A spec needs four levels and 32 are read. Deeper nesting has exhausted many a program's stack.",
        bad="version: 1\nsubscriptions: " + "[" * 33 + "]" * 33 + "\n",
        good="version: 1\nsubscriptions: []\n",
    ),
    Explanation(
        code="yaml-syntax",
        title="the file is not valid YAML",
        text="The parser could not go on at this place; the cause often stands just before it: a quote or bracket that "
        "is not closed, a tab as indentation, a missing space after a colon, lines that are not equally indented.",
        bad=_HEAD + "reason: [REV-1234\n",
        good=_HEAD + "reason: REV-1234\n",
    ),
)
