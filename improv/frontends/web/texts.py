"""The words of the pages: one file per language (static/texts), and the pages in the language that a browser asks for.

A file is a table of groups of texts; every language has the same keys. A page asks for one by `{{ t("group.name") }}`,
its scripts by `t("group.name", {value})` of js/texts.js. To add a language is to add a file.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, RedirectResponse, Response

from improv import __version__

if TYPE_CHECKING:
    from starlette.requests import Request

STATIC = Path(__file__).parent / "static"
FIRST = "en"
"""The language of a browser that asks for none that is there."""
COOKIE = "brainmusic_language"
COOKIE_LIVES_S = 365 * 24 * 3600
LONGEST_HEADER = 500  # characters of Accept-Language that are read


@functools.cache
def languages() -> dict[str, dict[str, Any]]:
    """The texts by the code of their language, `FIRST` first."""
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (STATIC / "texts").glob("*.json")}
    return dict(sorted(found.items(), key=lambda item: (item[0] != FIRST, item[0])))


def asked_for(request: Request) -> str:
    """The code of the language that was chosen on the page, else of the browser's first one that is there."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen in languages():
        return chosen
    wishes = [_wish(part) for part in request.headers.get("accept-language", "")[:LONGEST_HEADER].split(",")]
    for _, code in sorted(wishes, key=lambda wish: -wish[0]):
        if code in languages():
            return code
    return FIRST


def page(request: Request, name: str, role: str = "") -> Response:
    """The page `name` of the folder `static` in the language asked for.

    role: of who asks, for pages that show a visitor less.

    With ?language=CODE, as its own link has it, the browser is told to keep that language and to ask again.
    """
    chosen = request.query_params.get("language", "")
    if chosen in languages():
        response: Response = RedirectResponse(f"./{request.url.path.rpartition('/')[2]}", 303)
        response.set_cookie(COOKIE, chosen, max_age=COOKIE_LIVES_S, path=None, httponly=True, samesite="strict")
        return response
    return HTMLResponse(rendered(name, asked_for(request), role), headers={"Vary": "Accept-Language, Cookie"})


@functools.cache
def rendered(name: str, code: str, role: str = "") -> str:
    """The page with the texts of a language."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # 60 ms: only once somebody looks

    texts = languages()[code]
    codes = list(languages())
    other = codes[(codes.index(code) + 1) % len(codes)]

    def text(key: str) -> str:
        group, _, name = key.partition(".")
        return str(texts[group][name])

    environment = Environment(loader=FileSystemLoader(STATIC), autoescape=True, undefined=StrictUndefined)
    return environment.get_template(name).render(
        t=text,
        language=code,
        role=role,
        version=__version__,
        other={"code": other, "name": languages()[other]["language"]["name"]},
    )


def _wish(part: str) -> tuple[float, str]:
    """One part of Accept-Language, es-MX;q=0.8, as its weight and its language (RFC 9110, 12.5.4)."""
    code, _, weight = part.partition(";q=")
    try:
        return float(weight or 1.0), code.strip().lower().partition("-")[0]
    except ValueError:
        return 0.0, ""
