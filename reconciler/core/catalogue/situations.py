"""What no single document shows: folders, files that cannot be read, and what plan and apply warn of."""

from reconciler.core.catalogue.explanation import Explanation, Shows


def _situation(code: str, title: str, text: str, *, bad: str, good: str) -> Explanation:
    return Explanation(code=code, title=title, text=text, bad=f"{bad}\n", good=f"{good}\n", shows=Shows.SITUATION)


SITUATIONS = (
    _situation(
        "against-schema",
        "the published schema refuses what the reader accepts",
        "Every file is held against its JSON Schema too, the one that editors use. The two must agree, so this is a "
        "defect of reconciler: please report it with the line.",
        bad="The reader accepts a field that its schema does not know.",
        good="Both accept the same files.",
    ),
    _situation(
        "cannot-be-adopted",
        "a regeneration done by hand does not fit what the state knows",
        "What is in doubt, or comes from a restored state, is resolved first: otherwise nobody could tell which of two "
        "was the last. Of a file with such a row nothing is adopted.",
        bad="A row for an address whose call 0 is in doubt.",
        good="The same row after `reconciler state resolve`.",
    ),
    _situation(
        "cannot-be-settled",
        "a decision does not fit what the state knows",
        "A decision settles a call that is in doubt. Without one, or with another call number than the one decided "
        "about, nothing of the file is written.",
        bad="call: 0, and the state knows call 1 as in doubt.",
        good="call: 1, after looking again.",
    ),
    _situation(
        "daily-limit",
        "the plan is more than the tenant takes in a day",
        "Tenants answer a number of requests a day, by type; failed ones count, and others use the tenant too. A plan "
        "that is larger ends in the middle. Apply it in parts.",
        bad="12,000 calls for an API sandbox, which takes 10,000 requests a day.",
        good="reconciler apply --max-calls 7900, once a day.",
    ),
    _situation(
        "damaged-journal",
        "lines of a journal cannot be read",
        "A journal says what an interrupted run has sent. What its bad lines leave open is in doubt and sent again "
        "under the same keys while those are young. The torn last line of a killed run is no damage.",
        bad="A disk that has lost a block of the journal.",
        good="Every line but the last is whole.",
    ),
    _situation(
        "foreign-journal",
        "a journal was written for another state",
        "The state it belongs to is gone or was replaced, so nothing of it is used. It may know of calls that this "
        "state does not.",
        bad="A journal of lineage A beside a state of lineage B.",
        good="The state that the journal was written for, or no journal.",
    ),
    _situation(
        "freeze-ahead",
        "soon nothing may be sent",
        "The project file freezes the environment on some days, such as the end of a month. A plan says so days ahead "
        "(announce), and a run that is still under way when they begin stops, with nothing lost.",
        bad="A plan on the 29th, and month_end: {last: 2}.",
        good="What is urgent is applied before, the rest when the days are over.",
    ),
    _situation(
        "guardrail-lifted",
        "the project file lets something past a guardrail",
        "A line under allow: lifts one rule, for one plan or the calls that a selector takes, to the end of a day. It "
        "is said each time, so that a line that nobody needs any more does not stay.",
        bad="max_calls: 500, a plan of 800 calls, and a line that allows it.",
        good="The same without the line, once the plan is carried out.",
    ),
    _situation(
        "linked-folder",
        "a link to a folder is not followed",
        "It could lead anywhere, in circles too, and passing over it silently would look as if nothing were "
        "declared there.",
        bad="specs/local/more -> ../../elsewhere",
        good="specs/local/more/, a folder with the files themselves.",
    ),
    _situation(
        "mapped-twice",
        "a key map says two things of one number",
        "Each number of a field stands once on either side. Two of this tenant for one would leave open which is "
        "meant; one for two would regenerate it twice, and mix up the order of a subscription's versions.",
        bad="subscriptionName,A-S00000001,P-7 and further down subscriptionName,A-S00000002,P-7.",
        good="subscriptionName,A-S00000001,P-7 and subscriptionName,A-S00000002,P-8.",
    ),
    _situation(
        "mixed-keys",
        "one type is named by ids and by numbers",
        "An id and a number may name one object, which would then be regenerated twice: nothing here can tell. Numbers "
        "survive promotion and keep versions in order.",
        bad="{subscriptionId: 8ad0} in one file, {subscriptionName: A-1, subscriptionVersion: 1} in another.",
        good="All subscriptions by name and version.",
    ),
    _situation(
        "no-folder",
        "the spec folder of an environment is missing",
        "Each environment has a folder of spec files, named by specs: in the project file, relative to that file.",
        bad="specs: sandbox, and there is no folder sandbox.",
        good="specs: sandbox, and the folder sandbox beside reconciler.yaml.",
    ),
    _situation(
        "no-project",
        "there is no project file",
        "Every command on a project needs reconciler.yaml, here, in ./specs, or in the folder that -C names.",
        bad="reconciler plan, in a folder without reconciler.yaml.",
        good="reconciler -C path/to/project plan",
    ),
    _situation(
        "no-spec-files",
        "the spec folder holds no spec file",
        "All *.yaml and *.yml below the folder are read, hidden ones excepted. None at all is most "
        "likely the wrong folder.",
        bad="specs/sandbox/backfill.txt, and nothing else.",
        good="specs/sandbox/backfill.yaml",
    ),
    _situation(
        "no-time-zones",
        "this machine knows no time zones",
        "A freeze is in the time zone of the tenant, and the data of time zones come with the system or with the "
        "package tzdata. Without them it cannot be told which day it is there, so nothing is planned.",
        bad="time_zone: America/New_York, in a container without /usr/share/zoneinfo.",
        good="pip install tzdata, or the package tzdata of the system.",
    ),
    _situation(
        "not-mapped",
        "the key map of the environment does not know a number that is declared",
        "With keys: in the project file, a number that is not in the map might be one of another tenant, and name "
        "another object here. Where both tenants have the same, a row says so: as_written and in_tenant alike.",
        bad="subscriptionName: A-S00000003, and keys/production.csv ends with A-S00000002.",
        good="A row subscriptionName,A-S00000003,A-S00000003.",
    ),
    _situation(
        "nothing-selected",
        "a selector matches no declaration",
        "A glob is held against whole addresses, or against paths such as sandbox/second.yaml with file:. Most likely "
        "it is misspelt: plan warns of it, and apply and promote refuse it, because a misspelt --except would send "
        "what it was to leave out. What the state knows and nobody declares any more may be selected.",
        bad="--only A-S00000001",
        good="--only '*A-S00000001@*'",
    ),
    _situation(
        "same-name",
        "the names of two spec files are one on some systems",
        "They differ in case only, or in how a letter such as ü is spelt. Where a system does not tell them apart, as "
        "on macOS or Windows, a checkout has one of the two, and a plan made there leaves out what the other declares.",
        bad="specs/local/backfill.yaml and specs/local/Backfill.yaml",
        good="specs/local/backfill.yaml and specs/local/backfill-2.yaml",
    ),
    _situation(
        "tenant-not-told",
        "nobody can tell which tenant the credentials belong to",
        "A token says in its scope which tenant it is good for, and that is compared with the project file, the plan "
        "and the state before anything is sent. This one does not say, and nothing is written that it could be "
        "compared with, so the state learns no tenant either.",
        bad="A scope without tenant.NUMBER, and no tenant: under api: in the project file.",
        good='tenant: "12345" under api:, and credentials whose tokens say tenant.12345.',
    ),
    _situation(
        "unreadable",
        "a file or folder cannot be read",
        "The operating system refuses it, or it is not a regular file of at most 64 MiB: a pipe or a device could "
        "block for ever. A spec file may be a link, but only to a file below the spec folder of its environment: what "
        "lies elsewhere is no spec, or that of another environment.",
        bad="A spec file with mode 000, a named pipe, or a link to ../sandbox/backfill.yaml.",
        good="A regular file that the user who runs this may read.",
    ),
    _situation(
        "version-left-out",
        "a version is selected, and a lower one that has something to do is not",
        "Booking transactions of a later version build on those of the version before it.",
        bad="--only '*@2', while version 1 is new as well.",
        good="--only '*A-S00000001@*', which takes both.",
    ),
)
