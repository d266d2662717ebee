"""A piece as a standard MIDI file that a DAW opens well: steady tempo map, bar lines, a track for each hand.

Tracks: conductor (tempo, metre, a marker at each change of mood), the piano's hands or the whole piano, the mood's lane
(two controllers), and the person's where there is something on it.
"""

from __future__ import annotations

from collections.abc import Sequence

import mido

from improv.midi.grid_file import FILE_TICKS_PER_BEAT, track
from improv.midi.messages import DEEPEST_PEDAL, SUSTAIN_PEDAL
from improv.model.vocabulary.hands import LEFT, RIGHT
from improv.music.mood import nearest_name
from improv.music.parts import LEFT as LEFT_PART
from improv.music.parts import RIGHT as RIGHT_PART
from improv.takes.export.music import Music, of_take
from improv.takes.export.timeline import Timeline
from improv.takes.take import PlayedNote, PlayedPedal, Take

_OFF, _OTHER, _ON = 0, 1, 2  # sorting order at one tick
VALENCE_CONTROL, AROUSAL_CONTROL = 20, 21  # as the default control map receives them

_Events = list[tuple[int, int, mido.Message | mido.MetaMessage]]


def midi_file(take: Take) -> mido.MidiFile:
    """A take as it was heard."""
    return music_file(of_take(take))


def music_file(music: Music, channel: int = 0, program: int | None = None) -> mido.MidiFile:
    """The piece as a file of format 1. channel: 0..15, of the piano. program: 0..127, sent first; None: none."""
    time = Timeline(music.steps)
    file = mido.MidiFile(type=1, ticks_per_beat=FILE_TICKS_PER_BEAT)
    file.tracks.append(_conductor(music, time))
    if music.knows_hands:
        for name, hand in (("Right hand", RIGHT), ("Left hand", LEFT)):
            notes = [note for note in music.notes if note.hand == hand]
            file.tracks.append(_piano(name, notes, music.pedals, time, channel, program))
    else:
        name = {RIGHT_PART: "Right hand", LEFT_PART: "Left hand"}.get(music.part, music.part.capitalize() or "Piano")
        file.tracks.append(_piano(name, music.notes, music.pedals, time, channel, program))
    file.tracks.append(_mood(music, time, channel))
    if music.person:
        file.tracks.append(_person(music, time))
    return file


def _conductor(music: Music, time: Timeline) -> mido.MidiTrack:
    events: _Events = [(0, _OTHER, mido.MetaMessage("track_name", name=music.title))]
    events += [(tick, _OTHER, mido.MetaMessage("set_tempo", tempo=quarter_us)) for tick, quarter_us in time.tempos()]
    for tick, beats in time.meters:
        numerator, denominator = time_signature(beats)
        events.append((tick, _OTHER, mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator)))
    last_name = ""
    for step, tick in zip(music.steps, time.step_ticks, strict=True):
        if (name := nearest_name(step.mood)) != last_name:
            events.append((tick, _OTHER, mido.MetaMessage("marker", text=name)))
            last_name = name
    conductor = track(events)
    last = max(tick for tick, *_ in events)
    conductor[-1].time = max(time.tick_at(music.seconds) - last, 0)  # the file is as long as the music
    return conductor


def time_signature(beats_per_bar: float) -> tuple[int, int]:
    """Quarters in a bar -> beats and the kind of note that is one: quarters where they are whole, else sixteenths."""
    sixteenths = round(beats_per_bar * 4)
    return (sixteenths // 4, 4) if sixteenths % 4 == 0 else (sixteenths, 16)


def _piano(
    name: str,
    notes: list[PlayedNote],
    pedals: Sequence[PlayedPedal],
    time: Timeline,
    channel: int,
    program: int | None,
) -> mido.MidiTrack:
    """A track of notes. Each has the whole pedal: a program may give every track an instrument of its own."""
    events: _Events = [(0, _OTHER, mido.MetaMessage("track_name", name=name))]
    if program is not None:
        events.append((0, _OTHER, mido.Message("program_change", channel=channel, program=program)))
    for note in notes:
        on = time.tick_at(note.on_s)
        off = max(time.tick_at(note.off_s), on + 1)
        message = mido.Message("note_on", channel=channel, note=note.pitch, velocity=note.velocity)
        events.append((on, _ON, message))
        events.append((off, _OFF, mido.Message("note_off", channel=channel, note=note.pitch)))
    for pedal in pedals:
        down = time.tick_at(pedal.down_s)
        for tick, value in ((down, DEEPEST_PEDAL), (max(time.tick_at(pedal.up_s), down + 1), 0)):
            message = mido.Message("control_change", channel=channel, control=SUSTAIN_PEDAL, value=value)
            events.append((tick, _OTHER, message))
    return track(events)


def _mood(music: Music, time: Timeline, channel: int) -> mido.MidiTrack:
    """Valence and arousal as controllers: a lane to look at, or to send back to BrainMusic."""
    events: _Events = [(0, _OTHER, mido.MetaMessage("track_name", name="Mood (CC 20 valence, CC 21 arousal)"))]
    last: dict[int, int] = {}
    for step, tick in zip(music.steps, time.step_ticks, strict=True):
        for control, share in ((VALENCE_CONTROL, step.mood.valence), (AROUSAL_CONTROL, step.mood.arousal)):
            value = round(64 + 63 * share)
            if last.get(control) != value:
                last[control] = value
                message = mido.Message("control_change", channel=channel, control=control, value=value)
                events.append((tick, _OTHER, message))
    return track(events)


def _person(music: Music, time: Timeline) -> mido.MidiTrack:
    """What the person sent; keys that were held when the music ended are let go there."""
    events: _Events = [(0, _OTHER, mido.MetaMessage("track_name", name="Person"))]
    down: dict[tuple[int, int], int] = {}
    for at_s, raw in music.person:
        try:
            message = mido.Message.from_bytes(list(raw))
        except (ValueError, IndexError):
            continue
        tick = time.tick_at(at_s)
        if message.type in ("note_on", "note_off"):
            key = (message.channel, message.note)
            pressed = message.type == "note_on" and message.velocity > 0
            if key in down:  # let go, or struck again before that was told: the first strike ends here
                tick = max(tick, down.pop(key) + 1)
                end = mido.Message("note_off", channel=message.channel, note=message.note) if pressed else message
                events.append((tick, _OFF, end))
            if pressed:
                down[key] = tick
                events.append((tick, _ON, message))
        else:
            events.append((tick, _OTHER, message))
    for (channel, pitch), tick in down.items():
        off = max(time.tick_at(music.seconds), tick + 1)
        events.append((off, _OFF, mido.Message("note_off", channel=channel, note=pitch)))
    return track(events)
