"""Pairing over HTTP: a QR code for another device, the list of those that are let in, taking one off it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from improv.frontends.server.pairing import Pairing
from improv.frontends.web.command_line import Body, refused

LONGEST_ROLE = 100  # bytes
QUIET_ZONE = 4  # modules of white around the code, ISO/IEC 18004


class PairingApi:
    """For whoever is let in already."""

    def __init__(self, pairing: Pairing) -> None:
        self._pairing = pairing

    def routes(self, body: Body) -> list[Route]:
        """body: reads a request's body up to so many bytes, None beyond."""

        async def give_role(request: Request) -> Response:
            word = (await body(request, LONGEST_ROLE) or b"").decode("utf-8", "replace").strip()
            wrong = self._pairing.give_role(request.path_params["device_id"], word)
            return refused(wrong) if wrong else JSONResponse({"ok": True})

        return [
            Route("/api/pair", self._pair, methods=["POST"]),
            Route("/api/devices", self._devices),
            Route("/api/devices/{device_id}", self._revoke, methods=["DELETE"]),
            Route("/api/devices/{device_id}/role", give_role, methods=["PUT"]),
        ]

    async def _pair(self, request: Request) -> Response:
        made = self._pairing.links()
        if made["trouble"]:
            return refused(made["trouble"])
        for link in made["links"]:
            link["picture"] = drawn(link["link"])
        return JSONResponse(made)

    async def _devices(self, request: Request) -> Response:
        return JSONResponse({"devices": self._pairing.devices(), "fault": self._pairing.fault})

    async def _revoke(self, request: Request) -> Response:
        if not self._pairing.revoke(request.path_params["device_id"]):
            return refused("that device is not on the list")
        return JSONResponse({"ok": True})


def drawn(link: str) -> str:
    """The QR code of a link as the address of a picture (SVG), dark on light whatever the page's colours are."""
    import segno  # 30 ms: only who pairs a device

    code = segno.make_qr(link, error="m")
    return str(code.svg_data_uri(scale=4, border=QUIET_ZONE, dark="#000", light="#fff"))
