import pathlib

import pytest
from emulator_harness import Emulator

from reconciler.emulator.ledger import read_ledger
from reconciler.emulator.objects import usual_id
from reconciler.emulator.seed import seed_world
from reconciler.emulator.targets import NaturalKey

WORLD = {
    "version": 1,
    "subscriptions": [
        {"subscriptionName": "Acme / 1", "subscriptionVersion": 7, "subscriptionId": "acme-7", "segments": 4},
        {"subscriptionName": "A-S00000001", "subscriptionVersion": 1, "status": "Draft"},
    ],
    "orderLineItems": [{"orderNumber": "Order 1", "itemNumber": "a", "itemState": "Executing"}],
    "dynamicUsageCharges": [{"chargeNumber": "Usage 1", "segments": 2}],
}


def test_seeded_objects_exist_at_once_beside_a_running_server(emulator: Emulator, database: str) -> None:
    count = seed_world(database, WORLD)

    bodies = (
        {"type": "Subscription", "subscriptionName": "Acme / 1", "subscriptionVersion": 7},
        {"type": "OrderLineItem", "orderNumber": "Order 1", "itemNumber": "a"},
        {"type": "DynamicUsageCharge", "chargeNumber": "Usage 1"},
    )
    assert count == 4
    assert [len(emulator.regenerate(body).json()["idList"]) for body in bodies] == [4, 0, 2]


def test_a_seeded_object_is_found_by_its_id(emulator: Emulator, database: str) -> None:
    seed_world(database, WORLD)

    emulator.regenerate({"type": "Subscription", "subscriptionId": "acme-7"})

    assert [effect.target for effect in read_ledger(database)] == ["Subscription/Acme%20%2F%201@7"]


def test_a_seeded_object_replaces_the_one_of_the_pattern(emulator: Emulator, database: str) -> None:
    seed_world(database, WORLD)

    assert emulator.regenerate().json()["success"] is False


def test_another_tenant_does_not_see_seeded_objects(emulator: Emulator, database: str) -> None:
    seed_world(database, WORLD | {"tenant": "999"})

    assert emulator.regenerate().json()["success"] is True


def test_seeding_again_changes_the_object(emulator: Emulator, database: str) -> None:
    seed_world(database, WORLD)
    seed_world(database, {"subscriptions": [{"subscriptionName": "A-S00000001", "subscriptionVersion": 1}]})

    assert len(emulator.regenerate().json()["idList"]) == 1


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ([], "A seed document is a JSON object."),
        ({"subscription": []}, "'subscription' is not known"),
        ({"version": 2}, "version must be 1."),
        ({"tenant": "a b"}, "tenant: A tenant id is a number"),
        ({"subscriptions": {}}, "subscriptions must be a list."),
        ({"subscriptions": [1]}, r"subscriptions\[0\]: must be an object."),
        ({"subscriptions": [{"subscriptionName": "a"}]}, r"subscriptions\[0\]: subscriptionVersion is missing."),
        ({"subscriptions": [{"subscriptionName": "a", "subscriptionVersion": "1"}]}, "subscriptionVersion must be an"),
        ({"orderLineItems": [{"orderNumber": "a", "itemNumber": 1}]}, "itemNumber must be text"),
        ({"orderLineItems": [{"orderNumber": "a", "itemNumber": "1", "itemState": "x"}]}, "itemState must be one of"),
        ({"orderLineItems": [{"orderNumber": "a", "itemNumber": "1", "itemState": []}]}, "itemState must be one of"),
        ({"dynamicUsageCharges": [{"chargeNumber": "a", "segments": -1}]}, "segments must be an integer from 0"),
        ({"dynamicUsageCharges": [{"chargeNumber": "\N{PILE OF POO}"}]}, "chargeNumber must be text"),
        ({"dynamicUsageCharges": [{"chargeNumber": "a", "name": "b"}]}, "'name' is not known"),
    ],
)
def test_a_wrong_document_is_refused_with_a_sentence(database: str, document: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        seed_world(database, document)


def test_all_faults_are_said_at_once(database: str) -> None:
    with pytest.raises(ValueError, match="not known") as caught:
        seed_world(database, {"a": 1, "b": 2, "version": 3})

    assert len(str(caught.value).splitlines()) == 3


def test_one_id_cannot_name_two_objects_and_nothing_is_stored_then(emulator: Emulator, database: str) -> None:
    charges = [{"chargeNumber": number, "ratePlanChargeId": "same"} for number in ("a", "b")]

    with pytest.raises(ValueError, match="The id same of DynamicUsageCharge/b already belongs"):
        seed_world(database, {"dynamicUsageCharges": charges})

    assert emulator.regenerate({"type": "DynamicUsageCharge", "chargeNumber": "a"}).status_code == 404


def test_a_world_in_memory_cannot_be_seeded() -> None:
    with pytest.raises(ValueError, match="in memory"):
        seed_world(":memory:", WORLD)


def test_seeding_makes_the_database_and_its_folder(tmp_path: pathlib.Path) -> None:
    database = tmp_path / "new" / "world.db"

    seed_world(str(database), WORLD)

    assert read_ledger(str(database)) == ()


def _subscription(name: str, **more: object) -> dict[str, object]:
    return {"subscriptions": [{"subscriptionName": name, "subscriptionVersion": 1, **more}]}


@pytest.mark.parametrize("name", ["A-S00000001", "A-S-FIVE-SEGMENTS"])
def test_an_object_with_an_id_of_its_own_has_no_other(emulator: Emulator, database: str, name: str) -> None:
    usual = usual_id(NaturalKey(type="Subscription", number=name, part="1"))
    before = emulator.regenerate({"type": "Subscription", "subscriptionId": usual})

    seed_world(database, _subscription(name, subscriptionId="own"))

    after = [emulator.regenerate({"type": "Subscription", "subscriptionId": each}) for each in (usual, "own")]
    assert [before.status_code, *(answer.status_code for answer in after)] == [200, 404, 200]


@pytest.mark.parametrize("name", ["A-S00000001", "A-S-FIVE-SEGMENTS"])
def test_the_id_of_a_pattern_or_special_object_is_for_no_other(database: str, name: str) -> None:
    usual = usual_id(NaturalKey(type="Subscription", number=name, part="1"))

    with pytest.raises(ValueError, match=f"The id {usual} of Subscription/mine@1 already belongs"):
        seed_world(database, _subscription("mine", subscriptionId=usual))
    assert seed_world(database, _subscription(name, subscriptionId=usual)) == 1
