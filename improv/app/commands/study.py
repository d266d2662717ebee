"""`improv study`: a blind listening test, made of albums and MIDI files, served as a page, counted."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from improv.app.options import add_language, common
from improv.errors import InputError
from improv.files import read_text, write_whole

if TYPE_CHECKING:
    from improv.app.study.design import Stimulus, Study

LOCAL, PORT = "127.0.0.1", 8770
SHORTEST_S, LONGEST_S = 3.0, 300.0
MOST_TRIALS = 200
LONGEST_CONSENT = 20_000  # bytes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    subparsers = parser.add_subparsers(required=True, metavar="ACTION")

    def add(name: str, action: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = subparsers.add_parser(name, help=text, description=text, parents=[common()])
        sub.set_defaults(action=action)
        sub.add_argument("folder", type=Path, help="the folder of the study")
        return sub

    _add_make(add("make", _make, "Cut excerpts from albums and MIDI files, and prepare the questions."))
    sub = add("serve", _serve, "Serve the test as a web page; answers are kept in answers.csv.")
    sub.add_argument("--host", default=LOCAL, help="0.0.0.0 lets everybody in the network take part (%(default)s)")
    sub.add_argument("--port", type=int, default=PORT, help="0 takes any free one (%(default)s)")
    sub.add_argument(
        "--name",
        dest="names",
        action="append",
        default=[],
        help="a host name under which the page may be opened; may be repeated",
    )
    sub = add(
        "report",
        _report,
        "Evaluate the answers: recognition, correlation, agreement and preference, with confidence intervals.",
    )
    sub.add_argument("out", type=Path, nargs="?", help="the file to write (default: report.html in the folder)")
    add_language(sub, "improv.app.study")


def _add_make(sub: argparse.ArgumentParser) -> None:
    add = sub.add_argument
    add(
        "--album",
        dest="albums",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="pieces that `improv album` made; twice: one album against the other",
    )
    add("--human", type=Path, metavar="FOLDER", help="MIDI files by people, for the question human or machine")
    add(
        "--tasks",
        metavar="LIST",
        help="of rate (mood on the plane), human (or machine), pair (A against B), with commas (default: all possible)",
    )
    add(
        "--seconds",
        type=float,
        default=20.0,
        help=f"length of each excerpt, {SHORTEST_S:g}..{LONGEST_S:g} (%(default)s)",
    )
    add("--trials", type=int, default=12, help=f"questions of a task for each listener, 1..{MOST_TRIALS} (%(default)s)")
    add("--title", default="Listening test", help="what listeners see at the top (%(default)s)")
    add("--consent", type=Path, metavar="FILE.txt", help="what listeners agree to (default: a plain text of the page)")
    add("--seed", type=int, default=0, help="another seed draws other excerpts (%(default)s)")


def command(options: argparse.Namespace) -> int:
    action: Callable[[argparse.Namespace], int] = options.action
    return action(options)


def _make(options: argparse.Namespace) -> int:
    from improv.app.study import design, stimuli

    if not SHORTEST_S <= options.seconds <= LONGEST_S:
        raise InputError(f"--seconds must be in {SHORTEST_S:g}..{LONGEST_S:g}, got {options.seconds:g}")
    if not 1 <= options.trials <= MOST_TRIALS:
        raise InputError(f"--trials must be in 1..{MOST_TRIALS}, got {options.trials}")
    if not options.albums and options.human is None:
        raise InputError("nothing to listen to: --album names what `improv album` made, --human MIDI files by people")
    answers = options.folder / "answers.csv"
    if answers.exists():
        raise InputError(f"{answers} holds answers already; a new study needs a folder of its own")
    consent = read_text(options.consent, LONGEST_CONSENT).strip() if options.consent else ""
    pieces = [piece for album in options.albums for piece in stimuli.of_album(album)]
    pieces += stimuli.of_people(options.human) if options.human else []
    made = []
    for number, one in enumerate(stimuli.excerpts(pieces, options.seconds, options.seed), start=1):
        print(f"{number} of {len(pieces)}: {one if isinstance(one, str) else one.file}", flush=True)
        if not isinstance(one, str):
            made.append(one)
    study = _laid_out(options, consent, made)
    design.write(options.folder, study, made)
    print(
        f"{options.folder}: {len(made)} excerpts of {options.seconds:g} s, {len(study.trials_of(''))} questions "
        "for each listener"
    )
    return 0


def _laid_out(options: argparse.Namespace, consent: str, made: Sequence[Stimulus]) -> Study:
    """What is asked of whom. InputError where a task that was asked for has too little to ask about."""
    from improv.app.study.comparisons import pairs
    from improv.app.study.design import TASKS, Study

    machine = [one for one in made if not one.human]
    people = tuple(one.name for one in made if one.human)
    groups = list(dict.fromkeys(one.group for one in made))
    possible = {"rate": bool(machine), "human": bool(machine and people), "pair": len(groups) > 1}
    asked = options.tasks.split(",") if options.tasks else [task for task in TASKS if possible[task]]
    for task in asked:
        if task not in TASKS:
            raise InputError(f"--tasks: must be of {', '.join(TASKS)}, got {task!r}")
        if not possible[task]:
            needs = {"rate": "--album", "human": "--album and --human", "pair": "two albums, or --album and --human"}
            raise InputError(f"--tasks {task} needs {needs[task]}")
    if not asked:
        raise InputError("nothing can be asked about people's music alone; --album names what `improv album` made")
    names = tuple(one.name for one in machine)
    return Study(
        options.title,
        consent,
        options.seed,
        options.trials,
        names if "rate" in asked else (),
        (people, names) if "human" in asked else ((), ()),
        pairs(made, groups[0], groups[1], options.seed) if "pair" in asked else (),
    )


def _serve(options: argparse.Namespace) -> int:
    from improv.app.study import serving

    serving.run(options.folder, options.host, options.port, tuple(options.names))
    return 0


def _report(options: argparse.Namespace) -> int:
    from improv.app.study import report

    out = options.out or options.folder / "report.html"
    counted = report.result(options.folder)
    write_whole(out, report.html(counted, options.language))
    for line in report.summary(counted):
        print(line)
    print(out)
    return 0
