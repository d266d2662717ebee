"""What the frontends process is told once, from config.yaml."""

from __future__ import annotations

from typing import NamedTuple


class FrontendsSettings(NamedTuple):
    """host, port: of the page; port 0: any free one. token: "" for the one in the user's data folder.

    address: at which a server in front of us gives the page to others, ending in "/"; empty: there is none.
    proxies: addresses and networks of that server. osc_port, query_port: UDP and HTTP; osc_allow: networks that may
    send OSC, beside this computer. name, pid: of the daemon, for `improv ctl`, when several run. data_folder: the
    user's, for what is kept. takes_folder: where takes are kept; empty: they are not. config_file: that the daemon was
    started with, empty where it is the one that every command finds; overrides: of its command line.
    """

    name: str = "BrainMusic"
    web: bool = True
    host: str = "127.0.0.1"
    port: int = 8765
    names: tuple[str, ...] = ()
    address: str = ""
    proxies: tuple[str, ...] = ()
    token: str = ""
    osc: bool = True
    osc_host: str = "127.0.0.1"
    osc_port: int = 9000
    osc_query_port: int = 8766
    osc_allow: tuple[str, ...] = ()
    osc_verbose: bool = False
    mdns: bool = False
    ctl: bool = True
    pid: int = 0
    data_folder: str = ""
    takes_folder: str = ""
    beginnings_folder: str = ""
    config_file: str = ""
    overrides: tuple[str, ...] = ()

    @property
    def anything(self) -> bool:
        """Whether there is any frontend."""
        return self.web or self.osc or self.ctl
