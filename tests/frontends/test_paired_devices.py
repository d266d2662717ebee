"""The list of paired devices: what it keeps, and what it does with a file that went wrong."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

from improv.frontends.server.addresses import Address, reachable
from improv.frontends.server.paired_devices import BY_ADDRESS, CURATOR, MOST_DEVICES, VISITOR, Devices, name_of

TOKEN = "a-token-of-some-length"


class Wall:
    """A wall clock that goes on a minute each time it is looked at."""

    def __init__(self) -> None:
        self.now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

    def __call__(self) -> datetime.datetime:
        self.now += datetime.timedelta(minutes=1)
        return self.now


def test_a_device_stays_let_in_and_the_file_alone_lets_nobody_in(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "devices.json"
    cookie = Devices(path, TOKEN, Wall()).add("iPad")
    assert path.stat().st_mode & 0o777 == 0o600
    assert cookie.partition(".")[2] not in path.read_text()
    again = Devices(path, TOKEN, Wall())
    assert (device := again.known(cookie)) is not None
    assert device.name == "iPad"
    assert again.known(f"{device.device_id}.{device.proof}") is None
    assert Devices(path, "another-token-entirely", Wall()).known(cookie) is None


def test_another_process_that_shuts_a_device_out_is_noticed(tmp_path: Path) -> None:
    ours, theirs = (Devices(tmp_path / "devices.json", TOKEN, Wall()) for _ in range(2))
    first, second = ours.add("iPad"), ours.add("Android")
    assert theirs.remove(first.partition(".")[0])
    assert not theirs.remove(first.partition(".")[0])
    assert ours.known(first) is None
    assert [device.name for device in ours.all()] == ["Android"]
    assert ours.known(second) is not None


def test_a_device_keeps_the_role_that_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "devices.json"
    devices = Devices(path, TOKEN, Wall())
    first, second = (devices.add(name).partition(".")[0] for name in ("iPad", "Android"))
    assert devices.give_role(first, VISITOR)
    assert not devices.give_role("nobody", VISITOR)
    assert {one.device_id: one.role for one in Devices(path, TOKEN, Wall()).all()} == {
        first: VISITOR,
        second: BY_ADDRESS,
    }


@pytest.mark.parametrize(("said", "role"), [({}, BY_ADDRESS), ({"role": "curator"}, CURATOR), ({"role": 7}, VISITOR)])
def test_a_role_that_cannot_be_read_is_a_visitor_s(tmp_path: Path, said: dict[str, object], role: str) -> None:
    path = tmp_path / "devices.json"
    row = {"device_id": "ab", "name": "iPad", "paired": "", "seen": "", "proof": ""}
    path.write_text(json.dumps({"devices": [row | said]}))
    assert [one.role for one in Devices(path, TOKEN, Wall()).all()] == [role]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"devices": 5}', '{"devices": [5]}', '{"devices": [{"proof": 1}]}'])
def test_a_file_that_went_wrong_lets_nobody_in_and_is_replaced(tmp_path: Path, text: str) -> None:
    path = tmp_path / "devices.json"
    path.write_text(text)
    devices = Devices(path, TOKEN, Wall())
    assert devices.all() == []
    assert devices.known("x.y") is None
    assert devices.known(devices.add("iPad")) is not None
    assert devices.fault == ""


def test_what_cannot_be_written_is_told_and_counts_until_the_end(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    devices = Devices(tmp_path / "file" / "devices.json", TOKEN, Wall())
    assert devices.known(devices.add("iPad")) is not None
    assert "not kept" in devices.fault


def test_the_longest_unseen_make_room(tmp_path: Path) -> None:
    devices = Devices(None, TOKEN, Wall())
    cookies = [devices.add(f"device {number}") for number in range(MOST_DEVICES)]
    devices.seen(cookies[0].partition(".")[0])
    devices.add("one more")
    assert devices.known(cookies[0]) is not None
    assert devices.known(cookies[1]) is None
    assert len(devices.all()) == MOST_DEVICES


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36", "Android, Chrome"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/120.0 Safari/537.36 Edg/120.0", "Windows, Edge"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0", "Linux, Firefox"),
        ("curl/8", "another program"),
        ("", "another program"),
    ],
)
def test_names_of_browsers(said: str, name: str) -> None:
    assert name_of(said) == name


def test_addresses_are_those_of_the_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ip:
        def __init__(self, ip: object) -> None:
            self.ip = ip

    class Adapter:
        def __init__(self, nice_name: str, *ips: object) -> None:
            self.nice_name, self.ips = nice_name, [Ip(ip) for ip in ips]

    adapters = [
        Adapter("lo", "127.0.0.1", ("::1", 0, 0)),
        Adapter("docker0", "172.17.0.1"),
        Adapter("eth0", "10.0.0.7", ("fd00::2", 0, 0), ("fe80::1", 0, 4)),
        Adapter("wlan0", "192.168.1.5", "nonsense"),
    ]
    monkeypatch.setattr("improv.frontends.server.addresses.ifaddr.get_adapters", lambda: adapters)
    monkeypatch.setattr("improv.frontends.server.addresses._toward_the_network", lambda _: "192.168.1.5")
    assert reachable("0.0.0.0") == [Address("192.168.1.5", "wlan0"), Address("10.0.0.7", "eth0")]
    assert Address("[fd00::2]", "eth0") in reachable("::")
    assert reachable("fd00::2") == [Address("[fd00::2]")]
