"""What is made of the notes on their way to one of several outputs: key, loudness, and the moment of sending."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from improv.midi.messages import PEDAL_KEY
from improv.player.protocol import OutputSettings, PlannedNote

OCTAVE = 12


def between(table: Sequence[tuple[int, float]], key: int) -> float:
    """The value at `key` of an ascending table, straight in between, level beyond its ends."""
    after = bisect_right(table, key, key=lambda row: row[0])
    if after == 0:
        return table[0][1]
    if after == len(table):
        return table[-1][1]
    (low, first), (high, second) = table[after - 1], table[after]
    return first + (second - first) * (key - low) / (high - low)


def slowest_s(outputs: Sequence[OutputSettings]) -> float:
    """The longest time from a message to its sound: all outputs are delayed so that they sound together."""
    return max(
        (
            output.latency_s + max((delay_s for _, delay_s in output.velocity_delay_s), default=0.0)
            for output in outputs
        ),
        default=0.0,
    )


class OutputTransform:
    """Pure. sounds_s: how much later than planned everything is to sound (`slowest_s` of all outputs)."""

    def __init__(self, settings: OutputSettings, sounds_s: float = 0.0) -> None:
        self.sounds_s = sounds_s
        self._settings = settings
        self._shift_s = sounds_s - settings.latency_s

    def plays(self, note: PlannedNote) -> bool:
        """Whether a note is for this output. The pedal is for all."""
        return not self._settings.part or not note.parts or self._settings.part in note.parts

    def note(self, note: PlannedNote) -> PlannedNote:
        """As this output plays it. A key's damper falls at once: only the beginning is sent early by velocity."""
        settings, velocity = self._settings, note.velocity
        if note.is_pedal:
            return note._replace(
                channel=self.channel(note.channel), on_s=self.at_s(note.on_s), off_s=self.at_s(note.off_s)
            )
        if settings.velocity_curve:
            velocity = min(max(round(between(settings.velocity_curve, velocity)), 1), 127)
        early_s = between(settings.velocity_delay_s, velocity) if settings.velocity_delay_s else 0.0
        is_second = bool(settings.second_part) and settings.second_part in note.parts
        return note._replace(
            channel=settings.second_channel if is_second else self.channel(note.channel),
            pitch=self.pitch(note.pitch),
            velocity=velocity,
            on_s=self.at_s(note.on_s) - early_s,
            off_s=self.at_s(note.off_s),
        )

    def at_s(self, due_s: float) -> float:
        """When something other than a note-on is sent that was planned for due_s."""
        return due_s + self._shift_s

    def channel(self, channel: int) -> int:
        return channel if self._settings.channel < 0 else self._settings.channel

    def channels(self, channel: int) -> tuple[int, ...]:
        """All on which this output plays."""
        own = self.channel(channel)
        return (own, self._settings.second_channel) if self._settings.second_part else (own,)

    def keys(self, planned: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """(channel, pitch) of the plan, on every channel on which it may have been played."""
        return [(played, self.pitch(pitch)) for channel, pitch in planned for played in self.channels(channel)]

    def pitch(self, pitch: int) -> int:
        if pitch == PEDAL_KEY:
            return pitch
        moved = pitch + self._settings.transpose
        while moved > 127:
            moved -= OCTAVE
        while moved < 0:
            moved += OCTAVE
        return moved
