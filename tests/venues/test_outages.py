"""What goes wrong with a gateway and with messages, in virtual time; and the same seed, the same run."""

from __future__ import annotations

from random import Random

import pytest

from livetrader_venues.tws.director import rule_of
from livetrader_venues.tws.faults import Faults
from tests.venues.raw import Client, Room


def limit(room: Room, client: Client, number: int, price: object = 90, **said: object) -> None:
    room.order(client, number, "BUY", 10, orderType="LMT", lmtPrice=price, **said)


def test_muted_messages_never_come_and_muted_requests_are_never_seen() -> None:
    room = Room()
    client = room.connect()
    room.do("fault", kind="mute", message="orderStatus", count=2)
    room.do("fault", kind="mute", message="placeOrder", skip=2)
    limit(room, client, 1)
    limit(room, client, 2)
    limit(room, client, 3)
    limit(room, client, 4)
    assert client.statuses(1) == client.statuses(2) == client.statuses(3) == []
    assert client.statuses(4) == ["Submitted"]
    assert [order.order_id for order in room.gateway.exchange.open_orders()] == [1, 2, 4]


def test_a_delayed_request_is_overtaken() -> None:
    room = Room()
    client = room.connect()
    room.do("fault", kind="delay", message="placeOrder", by_s=3)
    limit(room, client, 1)
    room.send(client, 4, 1, 1, "")
    assert client.codes() == [10147]
    room.wait(3)
    assert client.statuses(1) == ["Submitted"]


def test_a_delayed_message_comes_late_and_alone() -> None:
    room = Room()
    client = room.connect()
    room.do("fault", kind="delay", message="execDetails", by_s=5)
    room.order(client, 1, "BUY", 10)
    assert client.statuses(1)[-1] == "Filled" and client.named("execDetails") == []
    room.wait(5)
    assert len(client.named("execDetails")) == 1


def test_a_stalled_gateway_says_everything_at_the_end_in_order() -> None:
    room = Room()
    client = room.connect()
    room.do("fault", kind="stall", message="currentTime", by_s=30)
    room.send(client, 49, 1)
    room.order(client, 1, "BUY", 10)
    assert client.named("currentTime") == client.named("orderStatus") == []
    room.wait(29)
    assert client.named("currentTime") == []
    room.wait(1)
    assert client.statuses(1) == ["Submitted", "Filled"]
    names = [message[0] for message in client.messages]
    assert names.index("49") < names.index("11")


@pytest.mark.parametrize(
    ("kind", "expected"), [("duplicate", ["1", "1", "2"]), ("reorder", ["2", "1"]), ("shorten", ["1", "2"])]
)
def test_duplicates_and_the_wrong_order(kind: str, expected: list[str]) -> None:
    room = Room()
    client = room.connect()
    room.do("fault", kind=kind, message="orderStatus")
    room.do("fault", kind="mute", message="openOrder", count=0)
    limit(room, client, 1)
    limit(room, client, 2)
    told = client.named("orderStatus")
    assert [message[1] for message in told] == expected
    lengths = [len(message) for message in told]
    assert (lengths[0] < lengths[-1]) == (kind == "shorten")


def test_a_truncated_frame_ends_the_connection() -> None:
    room = Room()
    client = room.connect()
    room.do("fault", kind="truncate", message="openOrder")
    limit(room, client, 1)
    assert client.is_closed and client.named("openOrder") == [] and len(client.data) > 4


def test_a_closed_connection_and_an_order_that_arrived() -> None:
    room = Room()
    client = room.connect()
    room.do("fault", kind="close", message="openOrder")
    limit(room, client, 1)
    assert client.is_closed
    again = room.connect()
    room.send(again, 5, 1)
    assert again.statuses(1) == ["Submitted"] and again.named("nextValidId")[0][2] == "2"


def test_an_error_in_place_of_a_request() -> None:
    room = Room()
    client = room.connect()
    room.do("fault", kind="error", message="placeOrder", code=10349, text="Order TIF was set to DAY")
    limit(room, client, 1)
    assert client.codes() == [10349] and client.named("error")[-1][2] == "1"


def test_faults_may_meet_one_client_only() -> None:
    room = Room()
    one, two = room.connect(1), room.connect(2)
    room.do("fault", kind="mute", message="*", client=1, count=0)
    room.send(one, 49, 1)
    room.send(two, 49, 1)
    assert one.named("currentTime") == [] and len(two.named("currentTime")) == 1
    room.do("clear_faults")
    room.send(one, 49, 1)
    assert len(one.named("currentTime")) == 1


def test_chance_is_that_of_the_seed() -> None:
    def run(seed: int) -> list[bool]:
        faults = Faults(Random(seed))
        faults.add(rule_of({"kind": "mute", "message": "orderStatus", "count": 0, "probability": 0.3}))
        return [faults.strike("orderStatus", 1) is not None for _ in range(200)]

    assert run(1) == run(1) != run(2)
    assert 40 <= sum(run(1)) <= 80


def test_a_lost_link_hides_fills_until_somebody_asks() -> None:
    room = Room()
    client = room.connect()
    limit(room, client, 1)
    room.do("lose_link")
    room.do("quote", symbol="SPY", bid="89.98", ask="89.99")
    limit(room, client, 2, 80)
    assert client.codes() == [1100]
    assert client.statuses(1) == ["Submitted"] and client.named("execDetails") == []
    room.do("restore_link")
    assert client.codes() == [1100, 1102]
    assert client.statuses(1) == ["Submitted"] and client.statuses(2) == ["Submitted"]
    room.send(client, 7, 3, 9, 0, "", "", "", "", "", "")
    assert len(client.named("execDetails")) == 1
    room.send(client, 99, 0)
    assert [message[1] for message in client.named("completedOrder")] == ["756733"]


def test_data_and_orders_may_be_lost_with_the_link() -> None:
    room = Room()
    client = room.connect()
    room.send(
        client, 1, 11, 5, 756733, "SPY", "STK", "", "", "", "", "SMART", "", "USD", "", "", 0, "", 0, 0, ""
    )
    before = len(client.named("tickPrice"))
    room.do("lose_link")
    limit(room, client, 1)
    room.do("restore_link", data_lost=True, orders_lost=True)
    room.do("quote", symbol="SPY", bid=101, ask=102)
    assert client.codes() == [1100, 1101]
    assert len(client.named("tickPrice")) == before and client.statuses(1) == []


def test_the_nightly_reset_passes() -> None:
    room = Room()
    client = room.connect()
    room.do("nightly_reset", down_s=60)
    room.wait(59)
    assert client.codes() == [1100]
    room.wait(1)
    assert client.codes() == [1100, 1102] and not client.is_closed


def test_farms_break_and_heal_by_name() -> None:
    room = Room()
    client = room.connect()
    room.do("farm", kind="market", name="usfarm", state="broken")
    late = room.connect(2)
    room.do("farm", kind="history", name="ushmds", state="idle")
    room.do("farm", kind="market", name="usfarm", state="fine")
    assert client.codes() == [2103, 2107]
    assert client.named("error")[-1][3:5] == ["2104", "Market data farm connection is OK:usfarm"]
    assert late.codes() == [2103, 2107]


def test_a_restart_refuses_clients_and_forgets_numbers_but_no_orders() -> None:
    room = Room()
    client = room.connect()
    limit(room, client, 1)
    room.order(client, 2, "BUY", 10)
    room.do("restart", down_s=30, rollback=2)
    assert client.is_closed and not room.gateway.accepts
    assert room.connect().is_closed
    room.wait(30)
    again = room.connect()
    assert again.named("nextValidId")[0][2] == "1"
    room.order(again, 2, "BUY", 5)  # a number used before, for an order that is over
    assert again.statuses(2)[-1] == "Filled" and again.codes() == []
    limit(room, again, 1, 91)  # a number used before, for an order that is open: it changes that order
    assert [o.terms.limit_price for o in room.gateway.exchange.open_orders()] == [91]


def test_after_the_weekly_restart_somebody_must_confirm() -> None:
    room = Room()
    room.connect()
    room.do("restart", down_s=60, needs_login=True)
    room.wait(3600)
    assert not room.gateway.accepts and room.connect().is_closed
    room.do("confirm_login")
    assert not room.connect().is_closed


def test_two_perm_ids_corrections_and_busts() -> None:
    room = Room()
    client = room.connect()
    limit(room, client, 1, orderRef="mine")
    room.do("number_again", reference="mine")
    first, second = [message[6] for message in client.named("orderStatus")]
    assert first != second
    room.do("quote", symbol="SPY", bid="89.98", ask="89.99")
    room.do("correct", price="89.50")
    room.do("bust")
    ids = [message[14] for message in client.named("execDetails")]
    assert [each.rpartition(".")[2] for each in ids] == ["01", "02", "03"]
    assert len({each.rpartition(".")[0] for each in ids}) == 1
    assert [(m[19], m[20]) for m in client.named("execDetails")] == [
        ("10", "89.99"),
        ("10", "89.5"),
        ("0", "89.5"),
    ]
    room.send(client, 61, 1)
    assert client.named("position") == []


def test_a_competing_session_takes_the_data() -> None:
    room = Room()
    client = room.connect()
    request = [756733, "SPY", "STK", "", "", "", "", "SMART", "", "USD", "", "", 0, "", 0, 0, ""]
    room.send(client, 1, 11, 5, *request)
    before = len(client.named("tickPrice"))
    room.do("compete")
    room.do("quote", symbol="SPY", bid=101, ask=102)
    room.send(client, 1, 11, 6, *request)
    assert client.codes() == [10197, 10197] and len(client.named("tickPrice")) == before
    room.do("compete", active=False)
    room.do("quote", symbol="SPY", bid=102, ask=103)
    assert len(client.named("tickPrice")) > before


def test_ib_may_refuse_an_order_late() -> None:
    room = Room()
    client = room.connect()
    limit(room, client, 1)
    room.do("refuse", code=201, text="Order rejected - reason:late")
    assert client.codes() == [201] and client.statuses(1)[-1] == "Inactive"
