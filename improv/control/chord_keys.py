"""Chords that a person holds on a MIDI channel of its own: they are commands, no music."""

from __future__ import annotations

from improv.control.commands import SetChord
from improv.midi.message_fields import ParsedMessage
from improv.music.chord import chord_of

LONGEST_KEY_S = 20.0  # a key that is held for longer was forgotten, or its note-off was lost


class ChordKeys:
    """The keys that are down on the channel. A chord is named as a key goes down, never as one is let go: a hand leaves
    a chord key by key. It holds until the next one; what is no chord changes nothing.
    """

    def __init__(self) -> None:
        self._down: dict[int, float] = {}  # since when

    def hear(self, message: ParsedMessage, at_s: float) -> SetChord | None:
        """A message of the channel, that came at a moment of the clock; the command that it completes."""
        if message.type == "note_on" and message.velocity:
            self._down = {key: since_s for key, since_s in self._down.items() if at_s - since_s <= LONGEST_KEY_S}
            self._down[message.note] = at_s
            chord = chord_of(self._down)
            return None if chord is None else SetChord(chord)
        if message.type in ("note_on", "note_off"):
            self._down.pop(message.note, None)
        elif message.type == "control_change" and message.control in (120, 123):
            self._down.clear()
        return None

    def clear(self) -> None:
        """The instrument went away."""
        self._down.clear()
