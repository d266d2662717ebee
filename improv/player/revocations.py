"""What the player was asked to take back, and its answers, some of which come too late. Pure."""

from __future__ import annotations

from collections.abc import Container

from improv.player.protocol import Revoke, Revoked


class Revocations:
    """One is waited for at a time; an answer to one that was given up may still come."""

    def __init__(self) -> None:
        self._number = 0
        self._waits = False
        self._answer: tuple[int, ...] | None = None

    @property
    def answered(self) -> bool:
        """Whether the answer to the last one is there."""
        return self._answer is not None

    def ask(self, first_note_id: int) -> Revoke:
        """Another one, which is waited for."""
        self._number += 1
        self._waits, self._answer = True, None
        return Revoke(self._number, first_note_id)

    def end(self) -> tuple[int, ...] | None:
        """It is waited for no longer: its answer, or None where it is given up."""
        answer, self._waits, self._answer = self._answer, False, None
        return answer

    def take(self, record: Revoked, known: Container[int]) -> tuple[int, ...]:
        """An answer came. Returns the notes that began although they were given up for revoked: nobody will end them.

        known: the ids of all notes that somebody still looks after.
        """
        if self._waits and record.request_id == self._number:
            self._answer = record.already_sent
            return ()
        return tuple(note_id for note_id in record.already_sent if note_id not in known)
