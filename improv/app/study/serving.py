"""The page of a listening test and its server: questions out, answers in, and no word of what a stimulus is."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import secrets
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from improv.app.study import design
from improv.app.study.answers import Answer, Answers
from improv.app.study.design import Study, Trial
from improv.clock import SystemClock, wall_clock
from improv.frontends.server.access import AccessControl, Credentials
from improv.frontends.server.paired_devices import Devices
from improv.frontends.web import app as web
from improv.frontends.web import texts

PRACTICE = ("none", "some", "much")
"""How long a listener has made music: never, up to five years, longer."""
CHOICES = {"human": ("human", "machine"), "pair": ("first", "second")}
MOST_PLAYS, LONGEST_S = 1000, 86_400.0
EVERYBODY = ("0.0.0.0/0", "::/0")


class StudyApi:
    """Begin, go on, listen, answer. A wrong request is answered with a sentence and kept nowhere."""

    def __init__(self, folder: Path, study: Study, answers: Answers) -> None:
        self._folder, self._study, self._answers = folder, study, answers

    def routes(self) -> list[Route]:
        return [
            Route("/", self._page),
            Route("/api/study", self._told),
            Route("/api/begin", self._begin, methods=["POST"]),
            Route("/api/questions/{listener}", self._questions),
            Route("/api/stimulus/{name}", self._stimulus),
            Route("/api/answer", self._answer, methods=["POST"]),
        ]

    async def _page(self, request: Request) -> Response:
        return texts.page(request, "study.html")

    async def _told(self, request: Request) -> Response:
        study = self._study
        return JSONResponse({"title": study.title, "consent": study.consent, "practice": PRACTICE, "id": study.seed})

    async def _begin(self, request: Request) -> Response:
        practice = (await _table(request)).get("practice")
        if practice not in PRACTICE:
            return _refused(f"practice must be one of {', '.join(PRACTICE)}")
        listener = secrets.token_hex(4)
        try:
            self._answers.add(Answer(listener, 0, "consent", answer=practice, answered=_now()))
        except OSError as error:
            return _not_kept(error)
        return JSONResponse({"listener": listener})

    async def _questions(self, request: Request) -> Response:
        listener = request.path_params["listener"]
        given = self._answers.given.get(listener)
        if given is None:
            return _refused("this listener has not begun", 404)
        trials = self._study.trials_of(listener)
        numbered = [{"number": number, **trial._asdict()} for number, trial in enumerate(trials, start=1)]
        return JSONResponse({"of": len(trials), "left": [one for one in numbered if one["number"] not in given]})

    async def _stimulus(self, request: Request) -> Response:
        content = design.heard(self._folder, request.path_params["name"])
        return (
            _refused("there is no such stimulus", 404)
            if content is None
            else Response(content, media_type="application/json")
        )

    async def _answer(self, request: Request) -> Response:
        table = await _table(request)
        given = self._answers.given.get(str(table.get("listener")))
        if given is None:
            return _refused("this listener has not begun")
        trials = self._study.trials_of(str(table["listener"]))
        number = table.get("number")
        if type(number) is not int or not 1 <= number <= len(trials):
            return _refused(f"number must be in 1..{len(trials)}")
        if number in given:  # sent again because our word that it was kept was lost
            return JSONResponse({"ok": True})
        answer = answer_of(table, number, trials[number - 1])
        if isinstance(answer, str):
            return _refused(answer)
        try:
            self._answers.add(answer)
        except OSError as error:
            return _not_kept(error)
        return JSONResponse({"ok": True})


def answer_of(table: dict[str, Any], number: int, trial: Trial) -> Answer | str:
    """The row that a page's answer makes, or a sentence why it makes none."""
    plays, took_s = table.get("plays"), _number(table.get("took_s"))
    if type(plays) is not int or not 1 <= plays <= MOST_PLAYS:
        return f"plays must be in 1..{MOST_PLAYS}"
    if not 0 <= took_s <= LONGEST_S:
        return f"took_s must be in 0..{LONGEST_S:g}"
    row = Answer(str(table["listener"]), number, *trial, plays=plays, took_s=round(took_s, 1), answered=_now())
    if trial.task == "rate":
        valence, arousal = (_number(table.get(name)) for name in ("valence", "arousal"))
        if not (-1 <= valence <= 1 and -1 <= arousal <= 1):
            return "valence and arousal must be in -1..1"
        return row._replace(valence=round(valence, 3), arousal=round(arousal, 3))
    if table.get("answer") not in CHOICES[trial.task]:
        return f"answer must be one of {', '.join(CHOICES[trial.task])}"
    return row._replace(answer=table["answer"])


def application(folder: Path, study: Study, answers: Answers) -> Starlette:
    """Everything that is served, without the access control in front of it."""
    routes = [*StudyApi(folder, study, answers).routes(), Mount("/static", StaticFiles(directory=texts.STATIC))]
    return Starlette(routes=routes)


class Log:
    """What the server has to say, each kind of sentence once."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def say(self, kind: str, text: str, level: str = "warning") -> None:
        if kind not in self._said:
            self._said.add(kind)
            logging.getLogger(__name__).log(logging.getLevelNamesMapping()[level.upper()], text)


async def serve(folder: Path, host: str, port: int, names: tuple[str, ...] = ()) -> None:
    """Serve a study until cancelled. Whoever reaches this address may take part. InputError: it cannot be served."""
    study, log, clock = design.read(folder), Log(), SystemClock()
    token = secrets.token_urlsafe()
    nobody = Credentials(token, clock, Devices(None, token, wall_clock))  # no address needs a token here
    with Answers(folder / "answers.csv") as answers:
        app = application(folder, study, answers)
        guarded = AccessControl(app, log, clock, nobody, names, EVERYBODY)

        def listening(host: str, port: int) -> None:
            shown = f"[{host}]" if ":" in host else host
            print(f"study: http://{shown}:{port}  (answers: {answers.path}; Ctrl-C ends it)", flush=True)

        await web.serve(log, guarded, "study", host, port, listening)


def run(folder: Path, host: str, port: int, names: tuple[str, ...]) -> None:
    """Serve until Ctrl-C."""
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(serve(folder, host, port, names))


async def _table(request: Request) -> dict[str, Any]:
    """The body as a JSON table; an empty one where it is none."""
    body = await web.body_of(request)
    try:
        table = json.loads(body or b"")
    except ValueError:
        return {}
    return table if isinstance(table, dict) else {}


def _number(value: object) -> float:
    """The value, NaN for what is no number: every comparison with it fails."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


def _now() -> str:
    return wall_clock().isoformat(timespec="seconds")


def _refused(sentence: str, status: int = 422) -> Response:
    return JSONResponse({"ok": False, "error": sentence}, status)


def _not_kept(error: OSError) -> Response:
    logging.getLogger(__name__).error("An answer could not be kept: %s", error)
    return JSONResponse({"ok": False, "error": "the answer could not be kept"}, 507)
