"""Who holds a telescope: sets of clients, never counts."""

from dwarfclient_fakes import JumpingClock
from hypothesis import given, settings
from hypothesis import strategies as st
from telescope.holders import PAGE, SILENCE, Holders, connected_for


async def test_silent_clients_let_go_and_the_page_does_not(tmp_path):
    clock = JumpingClock()
    holders = Holders(tmp_path / "holders.json", clock)
    holders.hold("telescope", "7")
    holders.hold("telescope", "8")
    holders.hold("camera", PAGE)
    clock.jump(SILENCE - 1)
    holders.heard("telescope", "8")
    holders.heard("telescope", "99")
    assert holders.expire() is False
    clock.jump(2)
    assert holders.expire() is True
    assert holders.as_dict()["telescope"] == {"holding": ["8"], "known": ["8"]}
    clock.jump(10 * SILENCE)
    holders.expire()
    assert holders.any is True
    assert Holders(tmp_path / "holders.json", clock).as_dict()["camera"]["holding"] == [PAGE]


def test_each_client_sees_its_own_hold_and_strangers_see_any(tmp_path):
    holders = Holders(tmp_path / "holders.json", JumpingClock())
    holders.hold("telescope", "7")
    holders.hold("telescope", "8")
    holders.release("telescope", "7")
    clients = holders.as_dict()
    seen = {client: connected_for(clients, "telescope", client) for client in ("7", "8", "9", "0")}
    assert seen == {"7": False, "8": True, "9": True, "0": True}
    assert connected_for(clients, "camera", "8") is False
    holders.release("telescope", "8")
    assert connected_for(holders.as_dict(), "telescope", "9") is False


clients = st.sampled_from(["1", "2", "3"])
devices = st.sampled_from(["telescope", "camera"])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["hold", "release"]), devices, clients), max_size=30))
def test_holding_is_a_set_however_often_clients_call(tmp_path_factory, steps):
    holders = Holders(tmp_path_factory.mktemp("state") / "holders.json", JumpingClock())
    expected = set()
    for verb, device, client in steps:
        getattr(holders, verb)(device, client)
        (expected.add if verb == "hold" else expected.discard)((device, client))
    assert holders.any is bool(expected)
    for device in ("telescope", "camera"):
        assert set(holders.as_dict()[device]["holding"]) == {c for d, c in expected if d == device}
