"""`python -m training COMMAND`: from folders of music to a model that plays, and what can be measured on the way.

A command is a module with two functions: `add_arguments(parser)` says what it is given, `command(options)` does it and
returns an exit code (None: 0). Its docstring is its help. It is imported only when it is the one that was asked for, so
that the list of commands does not wait for torch.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

from improv.errors import BrainMusicError

INTERRUPTED = 130  # what a shell expects of a program that Ctrl-C ended
GOES_ON = "the same command goes on where it stopped"


class Command(NamedTuple):
    """name, module below training, one line of help; what Ctrl-C leaves; whether it computes with torch's threads."""

    name: str
    module: str
    help: str
    interrupted: str = "nothing was written"
    threads: bool = False


GROUPS: dict[str, tuple[Command, ...]] = {
    "music to tokens": (
        Command("prepare", "dataset.prepare", "read, clean, label, encode and split music", GOES_ON),
        Command("report", "evaluation.reports.corpus", "a prepared dataset as one HTML page with pictures"),
        Command("people-counts", "dataset.corpus_counts", "what people do, counted for the planner"),
        Command("summary", "evaluation.reports.summary", "a prepared dataset in one Markdown table"),
        Command("metre-level", "experiments.metre_level", "which pulse is the beat, for the ear"),
        Command("rhythm-counts", "dataset.rhythm_counts", "how long people keep a figure, for the plan"),
        Command("pedal-habits", "evaluation.pedal_habits", "what people do with the sustain pedal, for the improviser"),
    ),
    "tokens to a model": (
        Command("train", "learning.train", "train a network", "the same command with --resume goes on", True),
        Command("finetune", "learning.finetune", "teach a trained model somebody's style", GOES_ON, True),
        Command("transfer", "learning.transfer", "begin a model of one family with one of another"),
        Command("partner", "learning.partner", "teach a model of two hands to play beside a person", GOES_ON, True),
        Command("sweep", "learning.sweep", "many small trainings over a grid of settings", GOES_ON, True),
        Command("export", "models.export", "a checkpoint to an ONNX file, proved equal"),
    ),
    "what a model is worth": (
        Command("evaluate", "evaluation.evaluate", "held-out pieces, and what it plays beside human music"),
        Command("composition", "evaluation.composition.command", "whether it is composed as people's music is"),
        Command("check-plan", "evaluation.check_plan", "whether plans are as people compose"),
        Command("emotion", "evaluation.emotion.renderings", "whether its moods are recognised", GOES_ON),
        Command("listen", "evaluation.listen", "every mood as MIDI files, measured and drawn", "the files remain"),
    ),
    "experiments of the docs": (
        Command("ablation", "experiments.ablation", "what each input beside the token is worth", threads=True),
        Command("bake-off", "experiments.bake_off", "networks at equal time of a processor", threads=True),
        Command("per-note", "experiments.nats_per_note", "families on the same pieces, in nats per note"),
        Command("jsb", "experiments.jsb", "Bach's chorales on the canonical splits", "best.pt remains", True),
        Command("likeness", "experiments.likeness", "models of different families beside the same human music"),
        Command("variants", "experiments.variants", "what fewer bits cost"),
        Command("check-encoding", "experiments.check_encoding", "whether tokens say what the music says"),
        Command("check-analysis", "experiments.check_analysis", "whether keys, chords and phrases are as people say"),
        Command("check-bars", "experiments.check_bars", "whether bar lines and hands are found"),
        Command("check-labels", "experiments.check_labels", "how often the mood rules agree with listeners"),
    ),
}
COMMANDS = {command.name: command for group in GROUPS.values() for command in group}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. An error is one sentence.

    What nobody foresaw keeps its traceback: a training that broke off in the night leaves nothing else to look at.
    """
    options = _parsed(list(sys.argv[1:] if arguments is None else arguments))
    chosen = COMMANDS[options.command]
    try:
        _use_threads(options)
        code = importlib.import_module(f"training.{chosen.module}").command(options)
        sys.stdout.flush()
        return int(code or 0)
    except BrainMusicError as error:
        print(f"training {chosen.name}: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader of our output went away: nothing to tell anybody
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the flush at the exit fails again
        return 0
    except KeyboardInterrupt:
        print(f"training {chosen.name}: interrupted; {chosen.interrupted}", file=sys.stderr)
        return INTERRUPTED


def _parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m training",
        usage="%(prog)s COMMAND ...",
        description="From folders of music to a model that plays.\n\n" + _listed(),
        epilog="python -m training COMMAND --help says more of each.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(
        dest="command", required=True, prog=parser.prog, metavar="COMMAND", help=argparse.SUPPRESS
    )
    for name, command in COMMANDS.items():
        sub = subparsers.add_parser(name, formatter_class=argparse.RawDescriptionHelpFormatter)
        if name in arguments[:1]:
            _fill(sub, command)
    return parser.parse_args(arguments)


def _listed() -> str:
    width = max(map(len, COMMANDS)) + 2
    groups = (
        "\n".join([f"{title}:", *(f"  {command.name:{width}}{command.help}" for command in group)])
        for title, group in GROUPS.items()
    )
    return "\n\n".join(groups)


def _fill(parser: argparse.ArgumentParser, command: Command) -> None:
    module = importlib.import_module(f"training.{command.module}")
    parser.description = module.__doc__
    module.add_arguments(parser)
    if command.threads:
        parser.add_argument("--threads", type=int, metavar="N", help="CPU threads (default: all)")


def _use_threads(options: argparse.Namespace) -> None:
    if getattr(options, "threads", None):
        import torch

        torch.set_num_threads(options.threads)


if __name__ == "__main__":
    sys.exit(main())
