"""Whose program sends, on this computer."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from improv.frontends.server import peer
from improv.frontends.server.peer import Peer, is_users_own, owner_of

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

needs_proc = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="this system has no /proc/net")


@needs_proc
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_the_owner_of_a_real_connection(family: socket.AddressFamily) -> None:
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    try:
        server = socket.create_server((host, 0), family=family)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with server, socket.create_connection(server.getsockname()[:2]) as client:
        assert owner_of(Peer(*client.getsockname()[:2]), "tcp") == os.getuid()


@needs_proc
@pytest.mark.parametrize("bound_to", ["127.0.0.1", "0.0.0.0"])
def test_the_owner_of_a_real_udp_socket(bound_to: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((bound_to, 0))
        assert owner_of(Peer("127.0.0.1", sender.getsockname()[1]), "udp") == os.getuid()


@pytest.mark.parametrize(
    ("owner", "others", "own"), [(0, True, True), (4321, True, False), (4321, False, False), (None, True, False)]
)
def test_another_users_program_is_not_let_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: int | None, others: bool, own: bool
) -> None:
    row = f"   0: 0100007F:3039 0100007F:223D 01 00000000:00000000 00:00000000 00000000 {owner} 0 1 1\n"
    (tmp_path / "tcp").write_text(HEAD + (row if owner is not None else ""))
    monkeypatch.setattr(peer, "PROC_NET", tmp_path)
    monkeypatch.setattr(peer, "others_work_here", lambda: others)
    monkeypatch.setattr(os, "getuid", lambda: 1234)
    assert is_users_own(Peer("127.0.0.1", 12345), "tcp") is own
    assert is_users_own(Peer("127.0.0.1", 12346), "tcp") is not others
    assert owner_of(Peer("nowhere", 1), "tcp") is None
