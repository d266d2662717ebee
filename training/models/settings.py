"""What a run is made of: the sizes of its network and how it is trained. Presets stand in presets.yaml, per family."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import yaml

from improv.errors import InputError
from improv.model.vocabulary import Encoding, HandsEncoding, RepeatingMelodyEncoding
from training.models.lstm import EventLSTM, Network
from training.models.melody_networks import AttentionLSTM, LookbackLSTM
from training.models.planned_lstm import PlannedLSTM
from training.models.tied_lstm import TiedLSTM
from training.models.windowed_transformer import WindowedTransformer

PRESETS = Path(__file__).with_name("presets.yaml")
DEFAULT_PRESET = "base"


@dataclass(frozen=True)
class Settings:
    """See presets.yaml."""

    embedding: int
    hidden: int
    layers: int
    dropout: float
    batch: int
    sequence: int
    lr: float
    warmup: int
    iterations: int
    evaluate_every: int
    clip: float
    weight_decay: float
    transpose: tuple[int, int]
    seed: int = 1
    balance: int = 0  # 1: pieces are drawn by the weights in balance.csv
    patience: int = 0  # evaluations without a better held-out loss after which the run ends; 0: never
    halve_epochs: int = (
        0  # the learning rate is halved after every so many epochs; 0: half a cosine over all iterations
    )
    clip_each: float = 0.0  # every element of the gradient is clamped to this before `clip`; 0: not
    batch_norm: int = 0  # 1: batch normalisation after every LSTM layer
    tied: int = 0  # 1: training.models.tied_lstm; 0: training.models.lstm
    window: int = 0  # tokens that a training.models.windowed_transformer sees of the past; 0: an LSTM
    average: float = 0.0  # what the running mean of the weights keeps of itself at each step; 0: the last weights count

    @classmethod
    def preset(cls, name: str, overrides: list[str] | None = None, family: str = "polyphony") -> Settings:
        """A family's preset by name with `key=value` overrides; InputError names what is allowed."""
        presets = presets_of(family)
        if name not in presets:
            raise InputError(f"unknown preset {name!r}; there are: {', '.join(presets)}")
        return cls(**{**presets[name], "transpose": tuple(presets[name]["transpose"])}).overridden(overrides or [])

    def overridden(self, overrides: list[str]) -> Settings:
        """With `key=value` texts applied; InputError when a key or a value is not allowed."""
        settings = self
        known = {field.name for field in fields(self)}
        for override in overrides:
            key, equals, text = override.partition("=")
            if not equals or key not in known:
                raise InputError(f"--set {override!r}: expected key=value with a key of {', '.join(sorted(known))}")
            settings = replace(settings, **{key: _parse(key, text, type(getattr(settings, key)))})
        return settings

    def differences(self, other: Settings) -> list[str]:
        """Each setting that differs, as text: name, own value, the other's value."""
        pairs = [(field.name, getattr(self, field.name), getattr(other, field.name)) for field in fields(self)]
        return [f"{name} {mine} and not {theirs}" for name, mine, theirs in pairs if mine != theirs]


_AT_LEAST = dict.fromkeys(
    (
        "warmup",
        "dropout",
        "weight_decay",
        "seed",
        "balance",
        "patience",
        "halve_epochs",
        "clip_each",
        "batch_norm",
        "tied",
        "window",
        "average",
    ),
    0,
)  # every other number must be positive
_SHARES = ("dropout", "average")


def _parse(key: str, text: str, kind: type) -> Any:
    """The value of `--set key=text`."""
    try:
        if kind is tuple:
            down, up = (int(part) for part in yaml.safe_load(text))
            if not -12 <= down <= 0 <= up <= 12:
                raise ValueError
            return down, up
        value = kind(text)
    except (TypeError, ValueError, yaml.YAMLError):
        wanted = {int: "a whole number", float: "a number", tuple: "[down, up] with -12 <= down <= 0 <= up <= 12"}[kind]
        raise InputError(f"--set {key}={text}: expected {wanted}") from None
    if not (value >= _AT_LEAST[key] if key in _AT_LEAST else value > 0) or (key in _SHARES and value >= 1):
        wanted = "0 or more and less than 1" if key in _SHARES else "0 or more" if key in _AT_LEAST else "more than 0"
        raise InputError(f"--set {key}={text}: must be {wanted}")
    return value


def presets_of(family: str) -> dict[str, dict[str, Any]]:
    """Preset -> its values. A family named `melody_mine` takes those of `melody` when it has none of its own."""
    everything: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load(PRESETS.read_text())
    for name in (family, family.split("_")[0].split("-")[0]):
        if name in everything:
            return everything[name]
    raise InputError(f"presets.yaml has nothing for the family {family!r}; it has: {', '.join(everything)}")


def settings_of(saved: dict[str, Any]) -> Settings:
    """The settings that a checkpoint was trained with."""
    return Settings(**{**saved["settings"], "transpose": tuple(saved["settings"]["transpose"])})


def build(settings: Settings, encoding: Encoding) -> Network:
    """The network that the settings describe for a family. Those of Melody RNN's schemes embed nothing."""
    if isinstance(encoding, RepeatingMelodyEncoding):
        if settings.batch_norm:
            raise InputError(f"batch_norm=1: the network of {encoding.family} has no batch normalisation")
        network = LookbackLSTM if encoding.family == "melody_lookback" else AttentionLSTM
        return network(encoding, settings.hidden, settings.layers, settings.dropout)
    if isinstance(encoding, HandsEncoding):
        return PlannedLSTM(settings.embedding, settings.hidden, settings.layers, settings.dropout)
    if settings.window:
        sizes = (settings.embedding, settings.hidden, settings.layers, settings.window)
        return WindowedTransformer(encoding, *sizes, settings.dropout)
    if settings.tied:
        if settings.batch_norm:
            raise InputError("batch_norm=1: a network with tied=1 has layer normalisation instead")
        return TiedLSTM(encoding, settings.embedding, settings.hidden, settings.layers, settings.dropout)
    return EventLSTM(
        encoding.size,
        settings.embedding,
        settings.hidden,
        settings.layers,
        settings.dropout,
        batch_norm=bool(settings.batch_norm),
    )
