"""`improv people`: those for whom music is made, their plans, limits, notes and sessions; and deleting all of it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable

from improv.app.commands.ctl import add_choice
from improv.app.options import common, configured
from improv.clock import SystemClock, wall_clock
from improv.errors import CommandError, InputError, NotRunningError
from improv.frontends.ctl.client import Client, choose
from improv.music.limits import LIMITED
from improv.people.folder import People
from improv.people.person_file import KINDS, Person, as_json
from improv.takes import library

WRITTEN_WITHIN_S, LOOK_EVERY_S = 10.0, 0.1

Action = Callable[[argparse.Namespace, People], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    subparsers = parser.add_subparsers(required=True, metavar="ACTION")

    def add(name: str, action: Action, text: str, *, who: bool = True) -> argparse.ArgumentParser:
        sub = subparsers.add_parser(name, help=text, description=text, parents=[common()])
        sub.set_defaults(action=action)
        if who:
            sub.add_argument("who", help="a name, the beginning of one, or an id")
        return sub

    sub = add("list", _list, "List the people.", who=False)
    sub.add_argument("--json", action="store_true", help="everything that is kept about them, as JSON")
    sub = add("add", _add, "Add a person by a name or a code.", who=False)
    sub.add_argument("name", help="a name or a code")
    add("show", _show, "Show what is kept about a person.")
    sub = add("rename", _rename, "Give a person another name or code.")
    sub.add_argument("name", help="the new name or code")
    sub = add("note", _note, "Add a note about a person, or remove one.")
    sub.add_argument("text", help="the text; with --remove: the date and time of the note, as `show` prints it")
    sub.add_argument("--remove", action="store_true", help="remove that note")
    sub = add("plan", _plan, "Plan a journey or a scene for a person.")
    sub.add_argument("kind", choices=KINDS)
    sub.add_argument("name", help="of the journey or scene")
    sub.add_argument("--remove", action="store_true", help="remove it from the plan")
    sub = add("limit", _limit, "Limits that hold in a person's sessions: improv people limit Ada tempo 50 110.")
    sub.add_argument("limit", choices=tuple(LIMITED))
    sub.add_argument("low", help="the lowest value, or free")
    sub.add_argument("high", help="the highest value, or free")
    sub = add(
        "begin", _begin, "Begin a session: what is played from now on is kept with the person, under their limits."
    )
    _add_daemon(sub)
    sub = add("end", _end, "End the session; the limits from before return.", who=False)
    sub.add_argument("who", nargs="?", default="", help="whose session (default: the one that runs)")
    _add_daemon(sub)
    sub = add("give", _give, "Move a take to a person, with its exported files.")
    sub.add_argument("take", help="id of the take, the beginning of it, or `last`")
    sub = add("delete", _delete, "Delete a person with all notes, sessions and takes, for good.")
    sub.add_argument("--yes", action="store_true", help="do not ask for confirmation")


def _add_daemon(parser: argparse.ArgumentParser) -> None:
    add_choice(parser)
    parser.add_argument(
        "--only-note", action="store_true", help="only write it down; do not tell a BrainMusic that plays"
    )


def command(options: argparse.Namespace) -> None:
    people = People(configured(options)[0].takes.path)
    options.action(options, people)


def _list(options: argparse.Namespace, people: People) -> None:
    found, faults = people.all()
    for fault in faults:
        print(f"improv: {fault}", file=sys.stderr)
    if options.json:
        more = [{"takes": people.takes(person), "commands": person.commands()} for person in found]
        print(json.dumps([as_json(person) | one for person, one in zip(found, more, strict=True)]))
        return
    for person in found:
        sessions, takes = len(person.sessions), len(people.takes(person))
        print(
            f"{person.person_id}  {person.name:24}  {sessions:3} sessions  {takes:3} takes  since {_day(person.since)}"
        )
    print(f"{len(found)} people" if found else "nobody yet; `improv people add` makes somebody")


def _add(options: argparse.Namespace, people: People) -> None:
    person = people.add(options.name, _now())
    print(f"{person.person_id}  {person.name}")


def _show(options: argparse.Namespace, people: People) -> None:
    person = people.find(options.who)
    print(f"{person.name} ({person.person_id}), since {_day(person.since)}")
    for plan in person.plans:
        print(f"plan      {plan.kind} {plan.name}")
    for name, (low, high) in person.limits.items():
        print(f"limit     {name} {_side(low)} to {_side(high)}")
    for session in person.sessions:
        print(f"session   {_day(session.began)} to {_day(session.ended) or 'now, or never ended'}")
    for take_id in people.takes(person):
        print(f"take      {take_id}")
    for note in person.notes:
        print(f"note      {note.when}  {note.text}")


def _rename(options: argparse.Namespace, people: People) -> None:
    person = people.find(options.who)
    if any(one.name.casefold() == options.name.casefold() and one != person for one in people.all()[0]):
        raise InputError(f"there is a person {options.name!r} already; choose another name or code")
    people.keep(renamed := person.renamed(options.name))
    print(f"{person.name} is called {renamed.name} now")


def _note(options: argparse.Namespace, people: People) -> None:
    person = people.find(options.who)
    people.keep(person.without_note(options.text) if options.remove else person.noted(options.text, _now()))
    print(f"{'taken out' if options.remove else 'noted'}: {person.name}")


def _plan(options: argparse.Namespace, people: People) -> None:
    person = people.find(options.who)
    change = person.without_plan if options.remove else person.planning
    people.keep(change(options.kind, options.name))
    print(f"{person.name}: {options.kind} {options.name} {'taken out' if options.remove else 'planned'}")


def _limit(options: argparse.Namespace, people: People) -> None:
    person = people.find(options.who)
    people.keep(person.limited(options.limit, _number(options.low), _number(options.high)))
    print(f"{person.name}: {options.limit} {options.low} to {options.high} in their sessions")


def _begin(options: argparse.Namespace, people: People) -> None:
    person = people.find(options.who)
    if not options.only_note:
        with Client(choose(options.to)) as client:
            running = client.ask({"kind": "state"})["state"].get("session", "")
            for message in person.commands():
                _told(client, message)
            _note_end(people, running)
            people.keep(people.find(person.person_id).begun(_now()))
            client.ask({"kind": "people"})
    else:
        people.keep(person.begun(_now()))
    print(f"the session of {person.name} runs; `improv people end` ends it")


def _end(options: argparse.Namespace, people: People) -> None:
    if options.only_note:
        _note_end(people, options.who)
    else:
        with Client(choose(options.to)) as client:
            who = client.ask({"kind": "state"})["state"].get("session", "")
            _told(client, {"command": "session_end"})
            if not who:
                raise InputError("no session runs")
            _note_end(people, who)
            client.ask({"kind": "people"})
    print("the session has ended")


def _note_end(people: People, who: str) -> None:
    """A session that ran is over; its person may have been deleted meanwhile."""
    for person in people.all()[0]:
        if who in (person.person_id, person.name) and who:
            people.keep(person.ended(_now()))


def _give(options: argparse.Namespace, people: People) -> None:
    person, folder = people.find(options.who), configured(options)[0].takes.path
    path = library.move(library.find(folder, options.take), person.person_id)
    print(f"take {path.stem} is of {person.name} now")


def _delete(options: argparse.Namespace, people: People) -> None:
    person = people.find(options.who)
    _refuse_while_it_runs(person)
    takes = people.takes(person)
    question = f"Delete {person.name}, all notes and sessions and {len(takes)} takes, for good? [y/N] "
    if not options.yes and input(question).strip().lower() not in ("y", "yes"):
        print("kept")
        return
    _await_the_disk(people, person)
    print(f"deleted {person.name}: {people.delete(person)} takes and all notes")


def _await_the_disk(people: People, person: Person) -> None:
    """The take of a session that has just ended is still being written for a moment."""
    clock = SystemClock()
    until_s = clock.now() + WRITTEN_WITHIN_S
    while people.is_recorded(person) and clock.now() < until_s:
        clock.wait(clock.now() + LOOK_EVERY_S)


def _refuse_while_it_runs(person: Person) -> None:
    try:
        with Client(choose()) as client:
            running = client.ask({"kind": "state"})["state"].get("session", "")
    except NotRunningError:
        return
    if running == person.person_id:
        raise InputError(f"a session of {person.name} runs; `improv people end` ends it")


def _told(client: Client, message: dict[str, object]) -> None:
    answer = client.ask(message)
    if not answer["ok"]:
        raise CommandError(answer["error"])


def _number(text: str) -> float | None:
    if text == "free":
        return None
    try:
        return float(text)
    except ValueError:
        raise InputError(f"a limit is a number or `free` (got {text[:40]!r})") from None


def _side(value: float | None) -> str:
    return "free" if value is None else f"{value:g}"


def _now() -> str:
    return wall_clock().isoformat(timespec="seconds")


def _day(iso: str) -> str:
    return iso[:16].replace("T", " ")
