"""A line of JSON for every note-on that was sent: what was due when, and when it went out."""

from __future__ import annotations

import json

from improv.player.protocol import PlannedNote


class NoteLog:
    """Collects while notes are sent, writes when `flush()` is called in a quiet moment."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "a", encoding="utf-8")  # noqa: SIM115 - lives as long as the player
        self._sent: list[tuple[PlannedNote, float]] = []

    def add(self, note: PlannedNote, sent_s: float) -> None:
        self._sent.append((note, sent_s))

    def flush(self) -> None:
        """Write what was collected. A disk that is full costs lines of the log, never notes."""
        lines = [_line(note, sent_s) for note, sent_s in self._sent]
        self._sent.clear()
        try:
            self._file.writelines(lines)
            self._file.flush()
        except OSError:
            pass

    def close(self) -> None:
        self.flush()
        self._file.close()


def _line(note: PlannedNote, sent_s: float) -> str:
    record = {
        "note_id": note.note_id,
        "tag": note.tag,
        "pitch": note.pitch,
        "velocity": note.velocity,
        "due_s": round(note.on_s, 6),
        "sent_s": round(sent_s, 6),
    }
    return json.dumps(record) + "\n"
