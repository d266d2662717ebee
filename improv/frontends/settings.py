"""What the frontends process is told once, from config.yaml, where the numbers to choose have their defaults."""

from __future__ import annotations

from typing import NamedTuple


class FrontendsSettings(NamedTuple):
    """host, port: of the page; port 0: any free one. token: "" for the one in the user's data folder.

    address: at which a server in front of us gives the page to others, ending in "/"; empty: there is none.
    proxies: addresses and networks of that server. osc_port, query_port: UDP and HTTP; osc_allow: networks that may
    send OSC, beside this computer. name, pid: of the daemon, for `improv ctl`, when several run. data_folder: the
    user's, for what is kept. takes_folder: where takes are kept; empty: they are not. config_file: that the daemon was
    started with, empty where it is the one that every command finds; overrides: of its command line. visiting_pages,
    visiting_osc: who comes that way is a visitor; curators: networks of those who are not.
    """

    name: str
    web: bool
    host: str
    port: int
    osc: bool
    osc_host: str
    osc_port: int
    osc_query_port: int
    ctl: bool
    names: tuple[str, ...] = ()
    address: str = ""
    proxies: tuple[str, ...] = ()
    token: str = ""
    osc_allow: tuple[str, ...] = ()
    osc_verbose: bool = False
    mdns: bool = False
    visiting_pages: bool = False
    visiting_osc: bool = False
    curators: tuple[str, ...] = ()
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
