"""Numbers and UniqueIDs stay bound for ever."""

import multiprocessing
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpaca.devices.registry import Binding, BindingsFile, RegistryError, make


@pytest.fixture
def path(tmp_path):
    return tmp_path / "alpaca-devices.json"


def test_a_device_keeps_number_and_unique_id_over_restarts(path):
    first = BindingsFile(path).bind("Telescope", "dwarf3/1234", 0)
    assert first.number == 0
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", first.unique_id)
    assert BindingsFile(path).bind("Telescope", "dwarf3/1234", 5) == first


def test_a_number_is_never_given_again(path):
    bindings = BindingsFile(path)
    old = bindings.bind("Camera", "camera/allsky", 2)
    new = bindings.bind("Camera", "camera/dslr", 2)  # the old camera may be long gone
    assert (old.number, new.number) == (2, 3)
    assert old.unique_id != new.unique_id


def test_types_number_on_their_own(path):
    bindings = BindingsFile(path)
    assert [bindings.bind(kind, "dwarf3/1", 0).number for kind in ("Telescope", "Camera", "Focuser")] == [
        0,
        0,
        0,
    ]


@given(
    st.lists(
        st.tuples(st.sampled_from(["Camera", "Switch"]), st.text(max_size=3), st.integers(0, 4)), max_size=30
    )
)
def test_no_two_devices_of_a_type_ever_share_a_number(devices):
    bindings: list[Binding] = []
    for device_type, key, wish in devices:
        binding = make(bindings, device_type, key, wish)
        assert binding.number >= wish
        assert binding.number not in [b.number for b in bindings if b.device_type == device_type]
        bindings.append(binding)


def bind_many(path, start: int, results) -> None:
    bindings = BindingsFile(path)
    results.put([bindings.bind("Camera", f"camera/{index % 10}", 0) for index in range(start, start + 10)])


def test_processes_that_start_together_agree(path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [context.Process(target=bind_many, args=(path, start, results)) for start in (0, 5)]
    for process in processes:
        process.start()
    one, two = results.get(timeout=50), results.get(timeout=50)
    for process in processes:
        process.join()
    assert set(one) == set(two)
    assert sorted(binding.number for binding in one) == list(range(10))


@pytest.mark.parametrize("content", [b"", b"[", b"{}x", b'[{"device_type": "Camera"}]', b"[1]"])
def test_a_damaged_file_is_not_replaced(path, content):
    path.write_bytes(content)
    with pytest.raises(RegistryError, match=re.escape(str(path))):
        BindingsFile(path).bind("Camera", "camera/1", 0)
    assert path.read_bytes() == content
