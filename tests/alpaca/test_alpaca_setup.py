"""Which devices a server has, and the pages about them."""

import pytest
from alpacafakes import DEVICES, FakeTelescope, table_of
from django.test import Client
from django.urls import include, path

from alpaca import services
from alpaca.devices.build import CameraInstrument, TelescopeInstrument, build_devices
from alpaca.devices.facts import Site
from alpaca.devices.registry import BindingsFile
from alpaca.devices.table import DeviceTable
from alpaca.protocol.errors import InvalidOperationError
from dashboard.choices import Role
from dashboard.models import User

urlpatterns = [path("", include("alpaca.setup_urls")), path("", include("dashboard.urls"))]


@pytest.fixture
def bindings(tmp_path):
    return BindingsFile(tmp_path / "alpaca-devices.json")


def test_instruments_become_devices_with_numbers_that_stay(telescope, bindings):
    dwarf = TelescopeInstrument("dwarf3/1234", "DWARF 3", telescope, Site(47.0, 13.0, 500.0))
    meadow, roof = (CameraInstrument(f"camera/{name}", name, telescope) for name in ("meadow", "roof"))
    first = DeviceTable(build_devices(bindings, [dwarf], [meadow, roof]), bindings._path.parent).configured()
    assert [(d["DeviceType"], d["DeviceNumber"], d["DeviceName"]) for d in first] == [
        ("Telescope", 0, "DWARF 3"), ("Camera", 0, "DWARF 3 camera"), ("Focuser", 0, "DWARF 3 focuser"),
        ("FilterWheel", 0, "DWARF 3 filters"), ("Switch", 0, "DWARF 3 switches"), ("Camera", 2, "meadow"), ("Camera", 3, "roof"),
    ]  # fmt: skip
    assert len({d["UniqueID"] for d in first}) == 7
    later = DeviceTable(build_devices(bindings, [], [roof]), bindings._path.parent).configured()
    assert later == first[-1:]


def test_without_a_site_there_is_no_sidereal_time_but_a_sentence(telescope, bindings):
    (device, *_) = build_devices(bindings, [TelescopeInstrument("dwarf3/1", "DWARF 3", telescope)])
    with pytest.raises(InvalidOperationError, match="latitude"):
        device.get_sidereal_time()


@pytest.fixture
def page(db, settings, telescope, tmp_path):
    settings.ROOT_URLCONF = __name__
    services.install(table_of(telescope, tmp_path))
    owner = User.objects.create_user("anna", password="a long password", role=Role.OWNER)
    client = Client()
    client.force_login(owner)
    return client


def test_the_pages_need_a_login(page):
    for address in ("/setup", "/setup/v1/telescope/0/setup"):
        answer = Client().get(address)
        assert answer.status_code == 302
        assert "/login/" in answer["Location"]


def test_the_server_page_lists_the_devices_and_how_they_stand(page, telescope):
    telescope.holders.hold("camera", "17")
    telescope.state["connection"].update(problem="no answer from 192.168.88.1")
    text = page.get("/setup").content.decode()
    for device in ("Telescope 0", "Camera 0", "Focuser 0", "FilterWheel 0"):
        assert device in text
    assert text.count("no client has connected it") == len(DEVICES) - 1
    assert "no answer from 192.168.88.1" in text


def test_a_device_page_shows_that_device_alone(page, telescope):
    telescope.holders.hold("focuser", "17")
    telescope.state["connection"].update(connected=True)
    text = page.get("/setup/v1/focuser/0/setup").content.decode()
    assert "DWARF 3 focuser" in text
    assert "connected by 1 client" in text
    assert "Telescope 0" not in text
    telescope.problem = "telescope: its host process is not running"
    assert "its host process is not running" in page.get("/setup/v1/focuser/0/setup").content.decode()


@pytest.mark.parametrize(
    "address", ["/setup/v1/focuser/9/setup", "/setup/v1/toaster/0/setup", "/setup/v1/Focuser/0/setup"]
)
def test_a_page_of_no_device_is_404(page, address):
    assert page.get(address).status_code == 404


def test_names_from_outside_are_shown_as_text(page, tmp_path):
    telescope = FakeTelescope(tmp_path)
    services.install(DeviceTable(build_devices(BindingsFile(tmp_path / "x.json"), [], [CameraInstrument("c", "<script>alert(1)</script>", telescope)]), tmp_path))  # fmt: skip
    text = page.get("/setup").content.decode()
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)" in text
