"""The sections `web`, `osc` and `ctl`: the page and its server, Open Sound Control, the socket of `improv ctl`."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from improv.config.sections.section import Section, TableError

LOCAL = "127.0.0.1"


def networks(values: tuple[str, ...]) -> tuple[str, ...]:
    """The values, when each is an address or a network."""
    for index, network in enumerate(values):
        try:
            ipaddress.ip_network(network)
        except ValueError:
            raise TableError((index,), f"must be a network like 192.168.1.0/24 (got {network!r})") from None
    return values


class WebSection(Section):
    enabled: bool = True
    host: str = LOCAL
    port: int = Field(8765, ge=0, le=65535)
    names: tuple[str, ...] = Field((), strict=False, max_length=16)
    address: str = ""
    proxies: tuple[str, ...] = Field((LOCAL, "::1"), strict=False, max_length=16)
    token: str = ""
    mdns: bool = False

    @field_validator("token")
    @classmethod
    def _long_enough(cls, token: str) -> str:
        if token and (len(token) < 16 or not token.isascii() or not token.isprintable() or " " in token):
            raise ValueError("must be empty, or at least 16 printable ASCII characters without a blank")
        return token

    @field_validator("address")
    @classmethod
    def _whole(cls, address: str) -> str:
        if not address:
            return ""
        parts = urlsplit(address)
        extras = parts.username, parts.password, parts.query, parts.fragment
        if parts.scheme not in ("http", "https") or not parts.hostname or any(extras) or not address.isascii():
            raise ValueError("must be empty, or an address like https://museum.example/piano/")
        return address if address.endswith("/") else f"{address}/"

    @field_validator("proxies")
    @classmethod
    def _networks(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        return networks(proxies)


class OscSection(Section):
    enabled: bool = True
    host: str = LOCAL
    port: int = Field(9000, ge=0, le=65535)
    query_port: int = Field(8766, ge=0, le=65535)
    allow: tuple[str, ...] = Field((), strict=False, max_length=16)
    verbose: bool = False

    @field_validator("allow")
    @classmethod
    def _networks(cls, allow: tuple[str, ...]) -> tuple[str, ...]:
        return networks(allow)


class CtlSection(Section):
    enabled: bool = True
