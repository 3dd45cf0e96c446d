"""A client that somebody else wrote, unmodified."""

import warnings

import pytest
from emulator_harness import Clock, Ids, SocketServers

from reconciler.emulator.app import create_app
from reconciler.emulator.ledger import read_ledger

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def test_the_official_client_library_regenerates_over_http(database: str, clock: Clock, servers: SocketServers) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        zuora_sdk = pytest.importorskip("zuora_sdk", reason="the official client library is not installed")
        zuora_client = pytest.importorskip("zuora_sdk.zuora_client")
    with servers.serving(create_app(database=database, now=clock, new_id=Ids())) as emulator:
        configuration = zuora_sdk.Configuration(host=emulator.url)
        client = zuora_client.ZuoraClient("0" * 8 + "-0000-4000-8000-" + "0" * 12, "secret", None, configuration)
        client.initialize()
        request = zuora_sdk.RegenerateBookingRequest(
            type="Subscription", subscription_name="A-S00000001", subscription_version=1
        )
        answer = zuora_sdk.RegenerateApi(client.api_client).p_ost_regenerate_booking_transaction(
            request, re_migrate=True
        )

    [effect] = read_ledger(database)
    assert (answer.success, tuple(answer.id_list)) == (True, effect.id_list)
    assert (effect.target, effect.regenerate_flag) == ("Subscription/A-S00000001@1", "Y")
