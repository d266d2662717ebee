"""What the improviser is told once, from config.yaml. No value has a default here: they stand in the configuration."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from improv.improviser.expression import Expression
from improv.music.mood import AttributeTable


@dataclass(frozen=True, kw_only=True)
class BiasStrengths:
    """How strong each bias on the choice of notes is (see improv.improviser.biases).

    key_pull: nats per standard deviation of the key profile, at full mode and intensity.
    density_pull: nats for each factor of e that the density of onsets is off.
    dissonance_pull: nats between harsh and smooth pitches when the share of dissonance is off by 0.05.
    register_pull: nats per octave for each octave that the mean pitch is off.
    chord_pull: nats for each factor of e that the notes at an onset are off, where chords are named from the top.
    repeat_pull: nats against the melody's last tone.
    voice_leading_pull: nats against each pair of voices in parallel fifths or octaves, where chords are named from the
    top.
    recall_pull: nats for what an earlier phrase played at the same place (see improv.plan.phrase_memory); 0: nothing
    comes back.
    """

    key_pull: float
    density_pull: float
    dissonance_pull: float
    register_pull: float
    chord_pull: float
    repeat_pull: float
    voice_leading_pull: float
    recall_pull: float


@dataclass(frozen=True, kw_only=True)
class Settings(BiasStrengths):
    """What the improviser is told once.

    table: mood -> attributes. top_p: 0..1, the share of the probability that tokens are drawn from.
    strongest_guidance: at intensity 1; 1 is as learned. longest_rest_beats, longest_note_beats: quarters; silence and
    held notes never last longer. ending_bars: bars from "end" to the last one. beats_per_bar: quarters.
    breath: 0..2, strength of improv.improviser.variation.
    tempo_lands_on_bar: a change of tempo comes at once with the next bar line; else it glides over about a beat.
    metres_vary: models with a plan draw the metre for each piece; else every bar has beats_per_bar.
    planned_pulls: 0..1, how much of all biases models with a plan feel; on a journey all of them.
    pedal: 0..2, strength of the sustain pedal in models with a plan; 0: it is never pressed.
    """

    table: AttributeTable
    expression: Expression
    top_p: float
    strongest_guidance: float
    longest_rest_beats: float
    longest_note_beats: float
    ending_bars: int
    beats_per_bar: float
    breath: float
    tempo_lands_on_bar: bool
    # Takes from before there were plans do not tell these.
    metres_vary: bool = True
    planned_pulls: float = 0.0
    pedal: float = 0.0

    def for_planned(self, *, journey: bool) -> Settings:
        """For models that are told a plan: what plan and commands do well needs little feedback. journey: the mood
        leads, and what does not arrive is made up for by all of it: with half of it 7 of 12 journeys were heard to go
        their way in valence and 6 in arousal, with all of it 9 and 8 of the same seeds (docs/measured/moods.md).
        """
        share = 1.0 if journey else self.planned_pulls
        return replace(self, **{field.name: share * getattr(self, field.name) for field in fields(BiasStrengths)})
