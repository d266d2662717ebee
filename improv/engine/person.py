"""What the person plays, as far as the improviser is to hear it: the keys that are held, while it is a duet."""

from __future__ import annotations

import mido

from improv.improviser.improviser import Improviser
from improv.improviser.operations import Hear
from improv.listening.keyboard import Keyboard
from improv.midi.messages import LETS_GO


class Person:
    """Keeps the keys that are held, whoever listens; tells the improviser of them in a duet."""

    def __init__(self, improviser: Improviser) -> None:
        self._improviser, self._keyboard = improviser, Keyboard()

    def play(self, message: mido.Message, received_s: float) -> bool:
        """A MIDI message of the person's; returns whether the keys that are held may be others now."""
        match message.type:
            case "note_on" if message.velocity > 0:
                self._keyboard.strike(message.channel, message.note, message.velocity, received_s)
            case "note_on" | "note_off":
                self._keyboard.release(message.channel, message.note, received_s)
            case "control_change" if message.control in LETS_GO:
                return bool(self._keyboard.let_go(message.channel, received_s))
            case _:
                return False
        return True

    def tidy(self, now_s: float) -> bool:
        """Let go of keys whose end was lost, or that were forgotten; returns whether there were any."""
        return bool(self._keyboard.tidy(now_s))

    def lose(self, now_s: float) -> None:
        """The ports were lost: who knows what happened to the keys."""
        self._keyboard.clear(now_s)

    def listen(self, *, duet: bool) -> None:
        """Tell the improviser which keys are held; in a solo none."""
        self._improviser.apply(Hear(tuple(sorted(self._keyboard.down)) if duet else ()))
