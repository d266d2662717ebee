"""The chorale benchmark: exact probabilities, nothing seen of the future, and a command that learns and measures."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from improv.errors import InputError
from training.__main__ import main
from training.experiments.chord_change_network import LONGEST, ChangeNetwork, ChangeShape, changes, repeats
from training.experiments.frame_network import FrameNetwork, FrameShape, holds
from training.experiments.jsb import KEYS, Training, batches, chances, moved, nats, read

SMALL = ["--set", "hidden=16", "--set", "head=8", "--set", "embedding=4", "--set", "epochs=4", "--threads", "1"]


def voices(seed: int, frames: int = 24) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    steps = np.repeat(rng.integers(-2, 3, (frames // 4, 4)), 4, axis=0)
    return (np.array([72, 67, 60, 48]) + steps).tolist()


@pytest.fixture
def sixteenths(tmp_path: Path) -> Path:
    pieces = {split: [voices(seed) for seed in seeds] for split, seeds in (("train", range(9)), ("valid", (20,)))}
    path = tmp_path / "sixteenths.json"
    path.write_text(json.dumps(pieces | {"test": [voices(30), [[72, -1, 60, 48]] * 8]}))
    return path


@pytest.fixture
def quarters(tmp_path: Path) -> Path:
    def piece(seed: int) -> list[list[int]]:
        return [sorted(set(frame))[: 1 + seed % 4] for frame in voices(seed)[::4]]

    path = tmp_path / "quarters.json"
    path.write_text(json.dumps({"train": [piece(s) for s in range(9)], "valid": [piece(21)], "test": [piece(31)]}))
    return path


def test_every_frame_is_a_distribution() -> None:
    """Over all frames that there are the probabilities sum to 1, for voices and for sets of pitches."""
    torch.manual_seed(0)
    for descending in (False, True):
        network = FrameNetwork(FrameShape(5, 2, descending, hidden=8, head=8, embedding=4)).eval()
        past = [[3, 1], [4, 2]]
        nexts = [[a, b] for a, b in itertools.product(range(5), repeat=2) if not descending or b < a or b == 0]
        frames = torch.tensor([[*past, following] for following in nexts])
        with torch.no_grad():
            chances = network(frames, torch.zeros(len(nexts), dtype=torch.int64))[:, 2].sum(-1).exp()
        assert float(chances.sum()) == pytest.approx(1, abs=1e-4)


def test_nothing_of_the_future_is_seen() -> None:
    torch.manual_seed(0)
    network = FrameNetwork(FrameShape(9, 4, descending=False, hidden=8, head=8, embedding=4)).eval()
    frames = torch.randint(0, 9, (1, 12, 4))
    changed = frames.clone()
    changed[0, 7, 2] = (changed[0, 7, 2] + 1) % 9
    key = torch.zeros(1, dtype=torch.int64)
    with torch.no_grad():
        before, after = network(frames, key)[0], network(changed, key)[0]
    assert torch.equal(before[:7], after[:7])
    assert torch.equal(before[7, :2], after[7, :2])
    assert not torch.equal(before[8:], after[8:])


def test_how_long_a_voice_is_held() -> None:
    frames = torch.tensor([[[1, 5], [1, 6], [1, 6], [2, 6]]])
    assert holds(frames)[0].tolist() == [[1, 1], [2, 1], [3, 2], [1, 3]]


def test_both_files_are_read(sixteenths: Path, quarters: Path) -> None:
    chorales = read(sixteenths)
    assert [len(pieces) for pieces in chorales.pieces.values()] == [9, 1, 2]
    silent = chorales.pieces["test"][1][0]
    assert silent.tolist() == [pitch - chorales.lowest + 1 if pitch >= 0 else 0 for pitch in (72, 48, -1, 60)]
    sets = read(quarters)
    assert sets.descending
    assert all((np.diff(piece, axis=1) <= 0).all() for piece in sets.pieces["train"])


def test_pieces_are_moved_within_the_symbols(sixteenths: Path) -> None:
    chorales, rng = read(sixteenths), np.random.default_rng(0)
    shifts = set()
    for _ in range(50):
        piece, semitones = moved(chorales.pieces["test"][1], chorales.pitches, rng)
        assert piece.max() < chorales.pitches
        assert (piece[:, 2] == 0).all()
        shifts.add(semitones)
    assert len(shifts) > 8
    rows = list(batches(chorales, Training(batch=4), rng))
    assert [len(pieces) for pieces, _ in rows] == [4, 4, 1]


def test_padding_does_not_count(sixteenths: Path) -> None:
    chorales = read(sixteenths)
    torch.manual_seed(0)
    sizes: dict[str, int] = {"hidden": 8, "head": 8, "embedding": 4}
    pieces = chorales.pieces["test"]
    in_frames = FrameNetwork(FrameShape(chorales.pitches, chorales.slots, chorales.descending, **sizes))
    for network in (in_frames, ChangeNetwork(ChangeShape(chorales.pitches, chorales.slots, **sizes))):
        with torch.no_grad():
            together = -chances(network.eval(), pieces, [0, 0]).sum(1)
        assert nats([network], pieces) == pytest.approx(together.numpy(), rel=1e-4)


def nats_of(network: ChangeNetwork, frames: list[list[int]]) -> float:
    return float(nats([network], [np.array(frames)])[0]) if frames else 0.0


@pytest.mark.parametrize(
    "past",
    [
        [],
        [[3, 1], [4, 2]],
        [[3, 1], [4, 2], [3, 1], [4, 2], [4, 2], [3, 1]],  # which repeats itself
        [[3, 1]] * LONGEST,
        [[3, 1]] * (LONGEST + 1) + [[4, 0]],
    ],
)
def test_changes_are_a_distribution_over_frames(past: list[list[int]]) -> None:
    torch.manual_seed(0)
    network = ChangeNetwork(ChangeShape(5, 2, hidden=8, head=8, embedding=4)).eval()
    frames = [[a, b] for a, b in itertools.product(range(5), repeat=2)]
    before = nats_of(network, past)
    assert sum(np.exp(before - nats_of(network, [*past, frame])) for frame in frames) == pytest.approx(1, abs=1e-4)


def test_what_comes_changes_nothing_of_what_was() -> None:
    torch.manual_seed(0)
    network = ChangeNetwork(ChangeShape(9, 4, hidden=8, head=8, embedding=4)).eval()
    piece = np.repeat(np.random.default_rng(0).integers(1, 9, (10, 4)), 2, axis=0)
    other = piece.copy()
    other[14:] = other[14:, ::-1] % 8 + 1
    with torch.no_grad():
        (lasting, voices), (others, theirs) = (network(changes([each])) for each in (piece, other))
    assert torch.equal(voices[0, :7], theirs[0, :7])
    assert torch.equal(lasting[0, :6], others[0, :6])
    assert not torch.equal(voices[0, 8:], theirs[0, 8:])


def test_where_the_last_chords_were_heard_before() -> None:
    a, b, c, d = ([pitch, pitch + 3] for pitch in (1, 2, 3, 4))
    places, lengths = repeats(torch.tensor([[a, b, c, d, a, b, c, a]]))
    assert lengths[0].tolist() == [0, 0, 0, 0, 0, 1, 2, 3, 1]
    assert places[0, 5:].tolist() == [1, 2, 3, 5], "the latest place of the longest run"


def test_a_mixture_is_never_worse_than_its_networks_on_average(sixteenths: Path) -> None:
    chorales = read(sixteenths)
    networks = []
    for seed in range(2):
        torch.manual_seed(seed)
        networks.append(ChangeNetwork(ChangeShape(chorales.pitches, chorales.slots, hidden=8, head=8, embedding=4)))
    pieces = chorales.pieces["test"]
    alone = np.mean([nats([network], pieces) for network in networks], axis=0)
    assert (nats(networks, pieces) <= alone + 1e-6).all()
    in_keys = np.mean([nats(networks[:1], pieces, [key]) for key in KEYS], axis=0)
    assert (nats(networks[:1], pieces, KEYS) <= in_keys + 1e-6).all()


def test_the_command_learns_and_measures(
    sixteenths: Path, quarters: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (sixteenths, quarters):
        out = tmp_path / path.stem
        assert main(["jsb", str(path), "--out", str(out), *SMALL]) == 0
        lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
        assert lines[-1]["epoch"] == 4
        result = json.loads((out / "result.json").read_text())
        capsys.readouterr()
        assert main(["jsb", str(path), "--checkpoint", str(out / "best.pt")]) == 0
        assert json.loads(capsys.readouterr().out)["test"] == result["test"]
        low, high = (result["test"]["nats_per_frame"][end] for end in ("low", "high"))
        assert low <= result["test"]["nats_per_frame"]["value"] <= high
    assert main(["jsb", str(quarters), "--checkpoint", str(tmp_path / "sixteenths" / "best.pt")]) == 2
    assert "was trained on another file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"train": 1, "valid": [], "test": []}', "not json", '{"train": [[[200]]]']
)
def test_another_file_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InputError):
        read(tmp_path / "x.json")
    with pytest.raises(InputError, match="there is no file"):
        read(tmp_path / "none.json")
