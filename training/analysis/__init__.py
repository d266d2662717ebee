"""What is in a piece beside its notes: hands, bars, keys, chords and references, each by a documented method."""

from training.analysis.analysis import Analysis, analyse
from training.analysis.music import TICKS_PER_BEAT, Music, TimeSignature, of_midi, of_score

__all__ = ["TICKS_PER_BEAT", "Analysis", "Music", "TimeSignature", "analyse", "of_midi", "of_score"]
