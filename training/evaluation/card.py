"""The model card: one Markdown file beside every exported model.

What was measured stands between two marks and is written anew by every evaluation; the rest is written once, and what
people change there stays.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from improv.errors import InputError
from improv.files import atomic_write
from improv.model.integrity import card_row
from improv.model.metadata import Contract
from training.dataset.dataset import Dataset
from training.evaluation.figures import Estimate, Report
from training.models.export import COARSE_TOLERANCE, PARITY_STEPS, TOLERANCE
from training.models.licences import attribution
from training.models.settings import Settings, presets_of, settings_of

BEGIN = "<!-- measured: written by training.evaluation.evaluate, changes here are lost -->"
END = "<!-- end of measured -->"

_FAMILIES = {
    "hands": """\
Two hands in metre, 12 ticks to the beat: which hand plays a note, how long it lasts, when the next begins. It is told a
plan at every step: the chord now and next, the key, the place in the phrase and its cadence, how high and how dense
each hand plays, and two earlier bars that it may take up. The daemon makes the plan (`improv/plan`); loudness and
rubato come from its expression layer.""",
    "polyphony": """\
Polyphonic piano music on a grid of sixteenths: every step lists the sounding notes from high to low, each new or
continued (the scheme of Polyphony RNN). Neither dynamics nor timing within the sixteenth: these come from the daemon's
expression layer.""",
    "pianist": """\
A performance in metre: notes on and off, shifts of time in 24ths of a beat, loudness in sixteen steps, rubato as a
ratio to the local tempo, and the sustain pedal. It follows another clock's beat and brings dynamics and timing of its
own; the daemon's expression layer adds nothing.""",
    "performance": """\
A performance without a beat: notes on and off, shifts of time in hundredths of a second, 32 loudnesses (the scheme of
Performance RNN). Dynamics and timing are its own; the daemon counts nominal bars of two seconds.""",
    "melody_lookback": """\
One voice on a grid of sixteenths within the three octaves from C3 to B5, told what followed its last note one and two
bars ago, with tokens for "as one bar ago" and "as two bars ago" (the scheme of Melody RNN's lookback configuration).
Of the music that it learned from it knows only the highest notes.""",
    "melody_attention": """\
One voice on a grid of sixteenths within the three octaves from C3 to B5. Its first layer reads its own last 40 outputs;
it is told the keys that fit, and has tokens for "as one bar ago" and "as two bars ago" (the scheme of Melody RNN's
attention configuration). Of the music that it learned from it knows only the highest notes.""",
    "melody": """\
One voice on a grid of sixteenths within the three octaves from C3 to B5 (the scheme of Melody RNN's basic
configuration). Of the music that it learned from it knows only the highest notes. Dynamics and small delays come from
the daemon's expression layer.""",
}
_MEMORY = """\
- An LSTM remembers some bars, not a form: phrases return because the program draws the choice of notes to them
  (`improv/plan/phrase_memory.py`, where there is a beat), and there are no other sections than commands and endings
  make.
- It knows the styles of its training data and no other.
- Valence and arousal were labelled by a rule over mode, density, register, loudness and articulation, not by listeners.
- A transposition in training moves the commanded register but not the valence, of which register is a small part."""
_MELODY = f"""\
- It has one voice and no harmony of its own.
- The highest notes of piano music are not always its melody.
{_MEMORY}"""
_WEAKNESSES = {
    "hands": """\
- Its moods are named less surely than those of `polyphony`: see docs/measured/composition.md.
- Its pedal is no part of the model: it follows people's habits and the plan's chords (docs/plan.md).
- Semitones clash about twice as often as in people's music, and both hands strike together more often.
- Hands that no file names were guessed in half of its pieces; files of scores have no dynamics or tempo of their own.
- It knows the styles of its training data and no other.
- Valence and arousal were labelled by a rule over mode, density, register, loudness and articulation, not by listeners.
""".rstrip(),
    "pianist": f"""\
- Dynamics, rubato and pedal were sequenced by one hand, as far as the training data are Bernd Krueger's.
- Rubato changes on beats only; half of the pieces have no pedal.
- Hands are not told apart; ten keys at a time are allowed wherever they lie.
{_MEMORY}""",
    "performance": f"""\
- It has no beat: it cannot follow another clock, and the tempo that is commanded does not move it, the density does.
- The dynamics of the piano rolls were worked out from the rolls, not measured from the pianists' hands.
- The pedal is folded into the lengths of the notes: what sounds on was held.
{_MEMORY}""",
    **dict.fromkeys(("melody", "melody_lookback", "melody_attention"), _MELODY),
    "polyphony": """\
- Triplets, ornaments and anything finer than a sixteenth are moved to the grid.
- An LSTM remembers some bars, not a form: phrases return because the program draws the choice of notes to them
  (`improv/plan/phrase_memory.py`, where there is a beat), and there are no other sections than commands and endings
  make.
- It knows the styles of its training data and no other.
- The chorales have no dynamics or tempo of their own; loudness and tempo were hidden there in training.
- Valence and arousal were labelled by a rule over mode, density, register, loudness and articulation, not by listeners.
- A transposition in training moves the commanded register but not the valence, of which register is a small part.""",
}


def write_card(
    path: Path,
    contract: Contract,
    report: Report,
    dataset: Dataset,
    made: tuple[dict[str, Any], float] | None,
    content: bytes,
) -> None:
    """Write a new card, or replace the measured part of an old one.

    made: the checkpoint that the model was exported from and their largest difference, when known. content: of the
    model's file, whose hash the card tells: from then on another file of this name is refused.
    """
    measured = f"{BEGIN}\n{_measured(contract, report, dataset, made, content)}\n{END}\n"
    text = _frame(contract, measured)
    if path.exists():
        old = path.read_text(encoding="utf-8")
        before, begin, rest = old.partition(BEGIN)
        _, end, after = rest.partition(END)
        if not begin or not end:
            raise InputError(f"{path} is there and has no part between {BEGIN!r} and {END!r}: choose another --card")
        text = before + measured.rstrip("\n") + after
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(text)


def _frame(contract: Contract, measured: str) -> str:
    return f"""# {contract.name}

An LSTM that improvises for BrainMusic, steered by valence, arousal and musical attributes. Family `{contract.family}`.
{_FAMILIES[contract.family]}

{measured}
## Known weaknesses

{_WEAKNESSES[contract.family]}
"""


def _measured(
    contract: Contract, report: Report, dataset: Dataset, made: tuple[dict[str, Any], float] | None, content: bytes
) -> str:
    parts = [_facts(contract, content), _data(report, dataset), _figures(report), _making(report, made)]
    parts.append(_reproduce(contract, report, dataset, made))
    return "\n\n".join(parts)


def _facts(contract: Contract, content: bytes) -> str:
    return f"""## What it is

| | |
|---|---|
| name | {contract.name} |
| family | {contract.family}, vocabulary `{contract.fingerprint}`, {contract.ticks_per_beat} steps per quarter note |
{card_row(content)}
| created | {contract.created} |
| licence | {contract.licence} |
| training data | {contract.training_data} |
| held-out loss in the file | {contract.held_out_loss} nats per token, commands hidden |"""


def _data(report: Report, dataset: Dataset) -> str:
    lines = [
        "## Data",
        "",
        "| source | attribution | train | valid | test |",
        "|---|---|---|---|---|",
    ]
    for source, counts in report.pieces.items():
        lines.append(f"| {source} | {attribution(source)} | {counts['train']} | {counts['valid']} | {counts['test']} |")
    lines += [
        "",
        f"Pieces per split; the split goes by work and by tune, its hash is `{report.split_hash}`.",
        f"{dataset.about['tokens']:,} tokens, conditioned at {dataset.about['steps']:,} places.",
    ]
    return "\n".join(lines)


def _figures(report: Report) -> str:
    lines = [
        "## Held-out figures",
        "",
        f"Nats per token, computed by {report.backend}; in brackets the 95 % interval over pieces (bootstrap).",
        'Commands hidden or known; "Markov" is an order-2 chain with Witten-Bell smoothing, counted on the same',
        "training pieces in all keys. The train rows are a sample of the training split: how much is learnt by heart.",
        "",
        "| split | source | pieces | tokens | hidden | known | Markov | accuracy hidden | accuracy known |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for split, rows in report.splits.items():
        for row in rows:
            figures = " | ".join(_bracketed(e) for e in (row.hidden, row.known, row.markov))
            right = f"{row.hidden_accuracy.value:.1%} | {row.known_accuracy.value:.1%}"
            lines.append(f"| {split} | {row.source} | {row.pieces} | {row.tokens} | {figures} | {right} |")
    return "\n".join(lines)


def _bracketed(estimate: Estimate) -> str:
    return f"{estimate.value:.4f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def _making(report: Report, made: tuple[dict[str, Any], float] | None) -> str:
    if made is None:
        return (
            "## How it was made\n\nThe checkpoint was not at hand: hyper-parameters and export parity were not checked."
        )
    saved, difference = made
    settings = ", ".join(f"{name} {value}" for name, value in saved["settings"].items())
    return (
        f"## How it was made\n\n{settings}.\n\n"
        f"This checkpoint is of iteration {saved['iteration']} after {saved['tokens']:,} tokens and "
        f"{_time(saved['seconds'])} of training. Exported and {_proof(difference)}."
    )


def _proof(difference: float) -> str:
    between = "difference of a logit between torch and onnxruntime is"
    if difference <= TOLERANCE:
        return (
            f"proved equal: over {PARITY_STEPS} steps the largest {between} {difference:.1e} (allowed {TOLERANCE:.0e})"
        )
    return (
        f"put into 8 bits: over {PARITY_STEPS} steps the largest {between} {difference:.2f} at a usual one (allowed "
        f"{COARSE_TOLERANCE:g})"
    )


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def _reproduce(contract: Contract, report: Report, dataset: Dataset, made: tuple[dict[str, Any], float] | None) -> str:
    saved = made[0] if made else None
    name, sources = contract.name, [s if s.startswith("music21:") else f"PATH/{s}" for s in report.pieces]
    limit = f" --limit {dataset.about['limit']}" if dataset.about.get("limit") else ""
    family = f" --family {contract.family}" if contract.family != "polyphony" else ""
    data, run, model = f"data/{name}", f"runs/{name}", f"exported_models/{name}"
    preset = _preset_options(settings_of(saved), contract.family) if saved else "--preset base"
    bits = " --bits 8" if made and made[1] > TOLERANCE else ""
    return f"""## How to reproduce it

    python -m training prepare {" ".join(sources)}{family}{limit} --out {data}
    python -m training train {data} {preset} --out {run}
    python -m training export {run}/best.pt --dataset {data} --out {model}.onnx{bits}
    python -m training evaluate {model}.onnx --dataset {data} --checkpoint {run}/best.pt --card {model}.md"""


def _preset_options(settings: Settings, family: str) -> str:
    """The nearest preset and what differs from it, as options of `train`."""
    presets = [(name, Settings.preset(name, family=family)) for name in presets_of(family)]
    name, nearest = min(presets, key=lambda pair: len(settings.differences(pair[1])))
    changed = [d.split(" ", 1)[0] for d in settings.differences(nearest)]
    texts = {key: getattr(settings, key) for key in changed}
    options = [f"--set {key}={list(v) if isinstance(v, tuple) else v}".replace(", ", ",") for key, v in texts.items()]
    return " ".join([f"--preset {name}", *options])
