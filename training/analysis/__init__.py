"""What is in a piece beside its notes, each by a documented method: hands, bars, keys, chords, cadences, phrases, form
and references."""

from training.analysis.analysis import Analysis, analyse
from training.analysis.music import TICKS_PER_BEAT, Music, TimeSignature, of_midi, of_score

__all__ = ["TICKS_PER_BEAT", "Analysis", "Music", "TimeSignature", "analyse", "of_midi", "of_score"]
