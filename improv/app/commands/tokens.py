"""`improv tokens`: the token ids of a MIDI file, and the way back."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from improv.errors import InputError
from improv.midi import grid_file as midi_file
from improv.midi.as_score import score_of
from improv.model.encode_score import seen
from improv.model.vocabulary import encoding_for


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="a MIDI file; with --decode: a JSON list of token ids, or - for input")
    parser.add_argument("--family", default="polyphony", help="the vocabulary (default polyphony)")
    parser.add_argument("--decode", type=Path, metavar="OUT.mid", help="write the token ids as this MIDI file")
    parser.add_argument("--names", action="store_true", help="print the tokens' names instead of their ids")


def command(options: argparse.Namespace) -> None:
    encoding = encoding_for(options.family)
    if options.decode is None:
        music = midi_file.read_file(options.file)
        for notice in music.notices:
            print(f"{options.file}: {notice}", file=sys.stderr)
        ids = encoding.encode(*seen(score_of(music), encoding))
        print(json.dumps([encoding.label(token_id) for token_id in ids] if options.names else ids))
        return
    notes = encoding.decode(_read_ids(options.file, encoding.size))
    midi_file.write_notes(options.decode, notes, encoding.ticks_per_beat, encoding.tempo_bpm or 120.0)
    print(f"{options.decode}: {len(notes)} notes")


def _read_ids(path: Path, size: int) -> list[int]:
    try:
        values = json.loads(sys.stdin.read() if str(path) == "-" else path.read_text())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise InputError(f"{path} is not JSON; expected a list of token ids, as `improv tokens` prints it") from None
    if not isinstance(values, list):
        wrong = [values]
    else:
        wrong = [value for value in values if type(value) is not int or not 0 <= value < size]
    if wrong:
        raise InputError(f"{path}: expected a list of token ids in 0..{size - 1}, got {json.dumps(wrong[0])[:60]}")
    return [int(value) for value in values]
