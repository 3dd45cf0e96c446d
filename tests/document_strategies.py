"""Hypothesis strategies for spec and project files, right ones and nearly right ones, as plain values."""

import copy
import json
from collections.abc import Iterator
from typing import Any, TypeAlias

from hypothesis import strategies as st

Value: TypeAlias = Any

texts = st.sampled_from(["A", "A-S00000001", "1", "NO", "~", "é" * 255, "a b", "https://rest.test.zuora.com"])
numbers = st.sampled_from([1, 2, 999_999_999])
flags = st.sampled_from([(False, False), (False, True), (True, False)]).map(
    lambda pair: {"onlyReSend": pair[0], "reMigrate": pair[1]}
)
own = {"flags": flags, "trigger": texts, "reason": texts, "owner": texts}

subscriptions = (
    st.fixed_dictionaries({"subscriptionName": texts, "subscriptionVersion": numbers}, optional=own)
    | st.fixed_dictionaries(
        {"subscriptionName": texts, "subscriptionVersions": st.lists(numbers, min_size=1, unique=True)}, optional=own
    )
    | st.fixed_dictionaries({"subscriptionId": texts}, optional=own)
)
order_line_items = st.fixed_dictionaries(
    {"orderNumber": texts, "itemNumber": texts}, optional=own
) | st.fixed_dictionaries({"orderLineItemId": texts}, optional=own)
dynamic_usage_charges = st.fixed_dictionaries({"chargeNumber": texts}, optional=own) | st.fixed_dictionaries(
    {"ratePlanChargeId": texts}, optional=own
)
paths = st.sampled_from(["a.csv", "data/a b.csv", ".x/é", "..a/b..", "a/...", "A~"])
bulk = st.sampled_from(["csv", "tsv", "jsonl", "parquet"]).flatmap(
    lambda name: st.fixed_dictionaries(
        {name: paths, "type": st.sampled_from(["Subscription", "OrderLineItem", "DynamicUsageCharge"])}, optional=own
    )
)
spec_files = st.fixed_dictionaries(
    {"version": st.just(1), "flags": flags},
    optional={
        "name": texts,
        "trigger": texts,
        "reason": texts,
        "owner": texts,
        "subscriptions": st.lists(subscriptions, max_size=3),
        "orderLineItems": st.lists(order_line_items, max_size=3),
        "dynamicUsageCharges": st.lists(dynamic_usage_charges, max_size=3),
        "sources": st.lists(bulk, max_size=2),
    },
)

sources = (
    st.fixed_dictionaries({"env": texts})
    | st.fixed_dictionaries({"file": texts})
    | st.fixed_dictionaries({"command": st.lists(texts, min_size=1, max_size=2)})
)
base_urls = st.sampled_from(
    [
        *("https://rest.test.zuora.com", "HTTPS://rest.zuora.com/", "https://rest.zuora.com:443/a@b", "https://a?"),
        *("http://localhost:8765", "http://127.0.0.1", "http://[::1]:80", "http://LOCALHOST/"),
        *(
            "http://rest.zuora.com",
            "https://u:p@host",
            "https://",
            "ftp://host",
            "https://[",
            "https://a?b",
            "https://:1",
        ),
    ]
)
platforms = st.fixed_dictionaries(
    {
        "base_url": base_urls,
        "credentials": st.fixed_dictionaries({"client_id": sources, "client_secret": sources}),
    },
    optional={
        "tenant": texts,
        "tenant_type": st.sampled_from(["production", "central_sandbox", "developer_sandbox", "api_sandbox", "none"]),
        "entity": texts,
        "orgs": st.lists(texts, max_size=2),
        "leave_free": st.sampled_from([0, 0.0, 0.2, 0.25, 0.999, 1, 1.5, -0.2, "0.2"]),
    },
)
times = st.sampled_from(
    [
        *("2026-11-20T18:00:00Z", "2028-02-29T23:59:59Z", "2027-02-29T00:00:00Z", "2026-11-20T24:00:00Z"),
        *("2026-11-20", "2026-11-20T18:00:00+00:00", "2026-11-20 18:00:00Z", "1999-11-20T18:00:00Z"),
    ]
)
counts = st.sampled_from([0, 1, 14, 15, 60, 61, 999_999_999, 1_000_000_000, -1, 0.5, "1"])
days = st.sampled_from(["2026-12-20", "2027-01-04", "2028-02-29", "2027-02-29", "2026-13-01", "1999-12-31", "2026-1-1"])
edges = st.fixed_dictionaries({}, optional={"last": counts, "first": counts})
zones = st.sampled_from(["UTC", "America/New_York", "Etc/GMT+5", "Europe/Nowhere", "EST", "posix/UTC", "../UTC", "utc"])
freezes = st.fixed_dictionaries(
    {},
    optional={
        "month_end": edges,
        "quarter_end": edges,
        "periods": st.lists(st.fixed_dictionaries({"from": days, "to": days, "reason": texts}), max_size=2),
        "announce": counts,
    },
)
allowances = st.fixed_dictionaries(
    {
        "rule": st.sampled_from(["max_calls", "freeze", "canary", "time_zone"]),
        "for": st.sampled_from(["*", "type:Subscription", "type:A", f"p1-{'a' * 64}", "p1-a", "file:"]),
        "reason": texts,
        "until": days,
    }
)
guardrails = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(["max_calls", "max_calls_per_day", "max_remigrate", "max_remigrate_per_day"], counts),
        "max_reissued_share": st.sampled_from([0, 0.0, 0.25, 1, -0.2, "0.2"]),
        "forbidden_flags": st.lists(flags, max_size=2),
        **dict.fromkeys(["reason", "owner"], texts),
        "freeze": freezes,
        "canary": counts,
        "time_zone": zones,
        "allow": st.lists(allowances, max_size=2),
    },
)
durations = st.sampled_from(["2d", "48h", "90m", "9999d", "10000d", "0d", "2", "1.5h", "2 d", "2w"])
promotions = st.fixed_dictionaries(
    {"environment": texts},
    optional={
        "proof": st.sampled_from(["required", "marked", "optional"]),
        **dict.fromkeys(["soak", "max_age"], durations),
        **dict.fromkeys(["accept_emulator", "accept_empty_ids"], st.booleans()),
        **dict.fromkeys(["proofs", "allowed_signers"], texts | paths),
    },
)
environments = st.fixed_dictionaries(
    {
        "api": platforms | st.fixed_dictionaries({"emulator": texts}),
        "specs": texts,
        "state": st.fixed_dictionaries({"file": texts}),
    },
    optional={
        "after_server_error": st.sampled_from(["undecided", "call_again"]),
        "guardrails": guardrails,
        "keys": texts | st.sampled_from(["keys.csv", "/k", "../k", "a/../k", "..", "..k", "a/.."]),
        "refreshed_at": times,
        "promotes_from": texts | promotions,
    },
)
project_files = st.fixed_dictionaries(
    {
        "version": st.just(1),
        "name": texts,
        "environments": st.dictionaries(texts, environments, min_size=1, max_size=2),
    },
    optional={"default": texts},
)

AWKWARD = ["", " A", "A ", "\u3000A", "A\n", "A\u202eB", "A\u200bB", "a" * 256, "1", "A,B", "ü", "\ufeffA", "a\u00ad"]
AWKWARD += [".", "./", ".//."]
AWKWARD += ["/a", "../a", "a/..", "a//b", "./a", "~a", "C:a", "a\\b", "https://a/b", "a/", "a/.b", "Subscription"]
ODD = [
    None,
    True,
    False,
    0,
    -1,
    2,
    1_000_000_000,
    10**30,
    0.5,
    [],
    {},
    [1],
    [1, 1],
    [None],
    {"a": 1},
    {"env": "A", "file": "a"},
    {"onlyReSend": True, "reMigrate": True},
]

FLAGS = {"onlyReSend": False, "reMigrate": True}
SPEC_FILE: Value = {
    "version": 1,
    "name": "a",
    "flags": FLAGS,
    "trigger": "t",
    "subscriptions": [
        {"subscriptionName": "A", "subscriptionVersion": 1, "flags": FLAGS},
        {"subscriptionName": "A", "subscriptionVersions": [1, 2]},
        {"subscriptionId": "a"},
    ],
    "orderLineItems": [{"orderNumber": "O", "itemNumber": "1", "reason": "r"}, {"orderLineItemId": "a", "owner": "o"}],
    "dynamicUsageCharges": [{"chargeNumber": "C"}, {"ratePlanChargeId": "c"}],
    "sources": [{"csv": "data/a.csv", "type": "Subscription", "flags": FLAGS}, {"jsonl": "b", "type": "OrderLineItem"}],
}
GUARDRAILS: Value = {
    "max_calls": 500,
    "max_calls_per_day": 1_000,
    "max_remigrate": 0,
    "max_remigrate_per_day": 50,
    "max_reissued_share": 0.1,
    "forbidden_flags": [FLAGS],
    "reason": "REV-*",
    "owner": "*",
    "freeze": {
        "month_end": {"last": 3, "first": 2},
        "quarter_end": {"last": 5},
        "periods": [{"from": "2026-12-20", "to": "2027-01-04", "reason": "r"}],
        "announce": 10,
    },
    "canary": 10,
    "time_zone": "America/New_York",
    "allow": [{"rule": "canary", "for": "Subscription/A-*", "reason": "r", "until": "2026-12-01"}],
}
PROJECT_FILE: Value = {
    "version": 1,
    "name": "a",
    "default": "local",
    "environments": {
        "local": {"api": {"emulator": "a"}, "specs": "local", "state": {"file": "a"}},
        "test": {
            "api": {"emulator": "t"},
            "specs": "t",
            "state": {"file": "t"},
            "refreshed_at": "2026-11-20T18:00:00Z",
            "promotes_from": {
                "environment": "local",
                "proof": "marked",
                "proofs": "proofs",
                "allowed_signers": "signers",
                "soak": "2d",
                "max_age": "30d",
                "accept_emulator": True,
                "accept_empty_ids": False,
            },
            "after_server_error": "call_again",
            "guardrails": GUARDRAILS,
            "keys": "keys/test.csv",
            "signing_key": {"file": "k"},
        },
        "sandbox": {
            "api": {
                "base_url": "https://rest.test.zuora.com",
                "tenant": "t",
                "tenant_type": "central_sandbox",
                "entity": "e",
                "orgs": ["o"],
                "leave_free": 0.1,
                "credentials": {"client_id": {"env": "A"}, "client_secret": {"command": ["b", "c"]}},
            },
            "specs": "sandbox",
            "state": {"file": "b"},
        },
    },
}
"""Files in which every field stands, for `neighbours`."""

awkward = st.text(st.characters(exclude_categories=["Cs"]), max_size=3) | st.sampled_from(AWKWARD)
junk = st.one_of(awkward, texts, flags, numbers, st.sampled_from(ODD)).map(copy.deepcopy)
FIELDS = [
    *(
        "version",
        "name",
        "default",
        "environments",
        "api",
        "specs",
        "state",
        "emulator",
        "base_url",
        "after_server_error",
        "signing_key",
        "keys",
    ),
    *(
        "tenant",
        "entity",
        "orgs",
        "leave_free",
        "credentials",
        "client_id",
        "client_secret",
        "env",
        "file",
        "command",
        "unknown",
    ),
    *("flags", "trigger", "reason", "owner", "onlyReSend", "reMigrate", "subscriptions", "orderLineItems"),
    *("dynamicUsageCharges", "subscriptionName", "subscriptionVersion", "subscriptionVersions", "subscriptionId"),
    *("orderNumber", "itemNumber", "orderLineItemId", "chargeNumber", "ratePlanChargeId"),
    *("sources", "csv", "tsv", "jsonl", "parquet", "type"),
    *("guardrails", "freeze", "month_end", "last", "periods", "from", "announce", "time_zone", "allow", "rule", "for"),
    *(
        "refreshed_at",
        "promotes_from",
        "environment",
        "proof",
        "proofs",
        "allowed_signers",
        "soak",
        "max_age",
        "accept_emulator",
        "accept_empty_ids",
    ),
    *("max_calls", "max_reissued_share", "forbidden_flags", "until"),
]
fields = st.sampled_from(FIELDS)


@st.composite
def damaged(draw: st.DrawFn, documents: st.SearchStrategy[Value]) -> Value:
    """A document with up to three things left out, put in or replaced."""
    document = copy.deepcopy(draw(documents))
    for _ in range(draw(st.integers(0, 3))):
        container = draw(st.sampled_from(_containers(document)))
        known = sorted(container) if isinstance(container, dict) else range(len(container))
        if known and draw(st.booleans()):
            del container[draw(st.sampled_from(known))]
        elif isinstance(container, list):
            container.insert(draw(st.integers(0, len(container))), draw(junk))
        else:
            container[draw(st.one_of(fields, awkward, *([st.sampled_from(known)] if known else [])))] = draw(junk)
    return document


def neighbours(document: Value) -> Iterator[Value]:
    """Every document that differs from *document* in one thing left out, put in or replaced."""
    for number, container in enumerate(_containers(document)):
        known = [*range(len(container))] if isinstance(container, list) else [*container]
        more = [] if isinstance(container, list) else [each for each in (*FIELDS, *AWKWARD) if each not in known]
        yield from (_changed(document, number, key, put=[]) for key in known)
        yield from (_changed(document, number, key, put=[value]) for key in known for value in (*ODD, *AWKWARD))
        yield from (_changed(document, number, key, put=["A"]) for key in more)


def _changed(document: Value, number: int, key: int | str, *, put: list[Value]) -> Value:
    copied = copy.deepcopy(document)
    container = _containers(copied)[number]
    if put:
        container[key] = copy.deepcopy(put[0])
    else:
        del container[key]
    return copied


def _containers(value: Value) -> list[Value]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    own = [value] if isinstance(value, dict | list) else []
    return [*own, *(each for item in inner for each in _containers(item))]


def yaml_of(value: Value) -> bytes:
    """*value* as YAML, in which text is quoted, whatever is not text is plain, and a whole number is in digits."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(each if each.isprintable() else f"\\U{ord(each):08x}" for each in text).encode()
