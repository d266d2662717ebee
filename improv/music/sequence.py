"""Tonal transposition: music moved by steps of a scale, as a sequence moves, and not by so many semitones."""

from __future__ import annotations

from typing import NamedTuple

from improv.music.chord import MINOR_KEYS, QUALITIES, SCALES, TONES, Chord

DEGREES = 7
_TRIADS = tuple(map(QUALITIES.index, ("maj", "min", "dim", "aug")))


class Tonal(NamedTuple):
    """From a degree of one key to the degree `steps` higher of another. from_key, to_key: 0..23."""

    from_key: int
    to_key: int
    steps: int = 0

    def pitch(self, pitch: int) -> int:
        """A pitch, moved. What is not in the scale stays as far above the next lower tone of it."""
        scale = SCALES[self.from_key >= MINOR_KEYS]
        octave, above = divmod(pitch - self.from_key % 12, 12)
        degree = max(index for index, tone in enumerate(scale) if tone <= above)
        foreign = above - scale[degree]
        octaves, there = divmod(degree + self.steps, DEGREES)
        tonic = self.from_key % 12 + (self.to_key - self.from_key + 6) % 12 - 6
        return tonic + 12 * (octave + octaves) + SCALES[self.to_key >= MINOR_KEYS][there] + foreign

    def chord(self, chord: Chord) -> Chord:
        """A chord, tone by tone; where that gives no known one, a triad on its root."""
        root = self.pitch(chord.root) % 12
        classes = {(self.pitch(tone) - root) % 12 for tone in chord.classes}
        kinds = [index for index, tones in enumerate(TONES) if classes == set(tones)]
        kinds += [index for index in _TRIADS if set(TONES[index]) <= classes]
        quality = kinds[0] if kinds else chord.quality
        bass = self.pitch(chord.bass) % 12
        moved = Chord(root, quality, bass)
        return moved if bass in moved.classes else moved._replace(bass=root)


def steps_of(semitones: int) -> int:
    """Steps of a scale that are about so many semitones."""
    return round(semitones * DEGREES / 12)
