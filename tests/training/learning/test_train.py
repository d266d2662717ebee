"""Training: settings, checkpoints, and that an interrupted run ends as an undisturbed one does."""

from __future__ import annotations

import json
import math
import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from improv.errors import InputError
from improv.model import conditioning
from improv.model.vocabulary import FAMILIES, encoding_for
from tests.training.conftest import SMALL
from training.__main__ import main
from training.dataset.dataset import Dataset
from training.learning.runlog import alone
from training.learning.train import Trainer, learning_rate, train
from training.models.checkpoints import read_checkpoint, save
from training.models.export import Step, network_of
from training.models.scoring import TorchScorer, score, score_pieces
from training.models.settings import Settings, build, presets_of

CPU = torch.device("cpu")


def last_line(folder: Path) -> dict[str, float]:
    line = json.loads((folder / "log.jsonl").read_text().splitlines()[-1])
    del line["seconds"]
    return dict(line)


class InterruptedRunError(Exception):
    pass


def test_a_resumed_run_ends_like_an_undisturbed_one(
    dataset_folder: Path, run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Trainer.step

    def step_until_8(trainer: Trainer, batch: object) -> float:
        if trainer.iteration == 8:
            raise InterruptedRunError
        return step(trainer, batch)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "step", step_until_8)
        with pytest.raises(InterruptedRunError):
            train(dataset_folder, SMALL, tmp_path, "cpu")
    assert read_checkpoint(tmp_path / "last.pt")["iteration"] == 6
    torch.manual_seed(12345)  # what happened elsewhere in the process must not matter
    trainer = train(dataset_folder, SMALL, tmp_path, "cpu", resume=True)
    assert last_line(tmp_path) == last_line(run_folder)
    undisturbed = read_checkpoint(run_folder / "last.pt")
    for name, weights in trainer.network.state_dict().items():
        assert torch.equal(weights, undisturbed["network"][name])


def test_the_log_and_the_checkpoints(run_folder: Path, dataset: Dataset) -> None:
    lines = [json.loads(line) for line in (run_folder / "log.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [6, 12]
    assert lines[1]["train"] < lines[0]["train"] < math.log(dataset.encoding.size) + 0.5
    best, last = read_checkpoint(run_folder / "best.pt"), read_checkpoint(run_folder / "last.pt")
    assert last["tokens"] == 12 * SMALL.batch * SMALL.sequence
    assert best["best"] == last["best"] == min(line["valid_commanded"] + line["valid_bare"] for line in lines)
    assert best["split_hash"] == dataset.split_hash()
    assert "optimiser" not in best


def test_a_new_run_begins_a_new_log(dataset_folder: Path, run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text("{}\n")
    train(dataset_folder, SMALL, tmp_path, "cpu")
    assert (tmp_path / "log.jsonl").read_text().count("\n") == 2
    assert last_line(tmp_path) == last_line(run_folder)


def test_a_loss_that_is_no_number_stops_the_run(dataset: Dataset, run_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(run_folder, tmp_path / "run")
    before = (tmp_path / "run" / "last.pt").read_bytes()
    trainer = Trainer(dataset, SMALL, tmp_path / "run", CPU)
    trainer.resume()
    trainer.settings = replace(SMALL, iterations=20)
    with torch.no_grad():
        trainer.network.output.bias[0] = math.nan
    with pytest.raises(
        InputError,
        match=r"the loss is nan in the batch of iteration 12 \(pieces tune .*last.pt keeps the last good state",
    ):
        trainer.run()
    assert (tmp_path / "run" / "last.pt").read_bytes() == before


def test_a_gradient_that_is_no_number_leaves_the_weights(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(dataset, SMALL, tmp_path, CPU)
    before = trainer.network.output.weight.clone()
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda *_: torch.tensor(math.inf))
    with pytest.raises(
        InputError, match=r"the gradient is inf in the batch of iteration 0 \(pieces .*there was no checkpoint yet"
    ):
        trainer.step(trainer.stream.next())
    assert torch.equal(trainer.network.output.weight, before)


def test_resume_refuses_other_settings(
    dataset_folder: Path, run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(dataset_folder), "--out", str(run_folder), "--resume", "--device", "cpu"]
    assert main(["train", *arguments, "--set", "hidden=99", "--set", "lr=0.5"]) == 2
    error = capsys.readouterr().err
    assert "was trained with hidden 16 and not 99; lr 0.01 and not 0.5: resume without --preset and --set but" in error
    assert main(["train", *arguments, "--preset", "tiny"]) == 2
    assert "embedding 8 and not 16" in capsys.readouterr().err
    assert main(["train", *arguments]) == 0  # with its own settings, and there is nothing left to do


def test_an_interrupt_says_how_to_go_on(
    dataset_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "step", interrupt)
    assert main(["train", str(dataset_folder), "--preset", "tiny", "--out", str(tmp_path), "--device", "cpu"]) == 130
    assert "interrupted; the same command with --resume goes on" in capsys.readouterr().err


def test_two_runs_do_not_share_a_folder(
    dataset_folder: Path, run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run_folder, tmp_path / "run")
    before = (tmp_path / "run" / "last.pt").read_bytes()
    with alone(tmp_path / "run"):
        assert main(["train", str(dataset_folder), "--out", str(tmp_path / "run"), "--preset", "tiny"]) == 2
    assert "run: another process trains into it" in capsys.readouterr().err
    assert (tmp_path / "run" / "last.pt").read_bytes() == before
    with alone(tmp_path / "run"):
        pass  # released


def test_a_resumed_run_may_go_on_for_longer(dataset_folder: Path, run_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(run_folder, tmp_path, dirs_exist_ok=True)
    longer = SMALL.iterations + SMALL.evaluate_every
    arguments = [str(dataset_folder), "--out", str(tmp_path), "--resume", "--device", "cpu"]
    assert main(["train", *arguments, "--set", f"iterations={longer}"]) == 0
    assert last_line(tmp_path)["iteration"] == longer == read_checkpoint(tmp_path / "last.pt")["settings"]["iterations"]


def test_resume_refuses_another_dataset(dataset_folder: Path, run_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(dataset_folder, tmp_path / "data")
    table = tmp_path / "data" / "pieces.csv"
    table.write_text(table.read_text().replace(",test,", ",valid,"))
    with pytest.raises(InputError, match="was trained on another dataset or split"):
        train(tmp_path / "data", SMALL, run_folder, "cpu", resume=True)


def test_resume_without_a_run(dataset_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(dataset_folder), "--out", str(tmp_path / "none"), "--resume"]) == 2
    assert "there is no checkpoint" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_a_run_that_was_evaluated_on_other_pieces_forgets_its_best(
    dataset: Dataset, run_folder: Path, tmp_path: Path
) -> None:
    saved = read_checkpoint(run_folder / "last.pt")
    del saved["held_out"]  # as in checkpoints of before
    save(tmp_path / "last.pt", saved)
    trainer = Trainer(dataset, SMALL, tmp_path, CPU)
    trainer.resume()
    assert trainer.best == math.inf


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"fingerprint": "0000"}, "was trained with vocabulary 0000, this version has"),
        ({"family": "trumpet"}, "unknown model family 'trumpet'"),
    ],
)
def test_a_checkpoint_of_another_vocabulary(
    run_folder: Path, tmp_path: Path, change: dict[str, str], sentence: str
) -> None:
    save(tmp_path / "best.pt", read_checkpoint(run_folder / "best.pt") | change)
    with pytest.raises(InputError, match=sentence):
        read_checkpoint(tmp_path / "best.pt")


def test_a_file_that_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "best.pt").write_bytes(b"hello")
    with pytest.raises(InputError, match="is not a checkpoint that can be read"):
        read_checkpoint(tmp_path / "best.pt")


def test_presets_and_overrides() -> None:
    for family in FAMILIES:
        assert {"tiny", "base", "large"} <= set(presets_of(family))
        for name in presets_of(family):
            assert build(Settings.preset(name, family=family), encoding_for(family)).hidden > 0
    settings = Settings.preset("tiny", ["lr=5e-4", "hidden=7", "transpose=[-1, 2]", "dropout=0"])
    assert (settings.lr, settings.hidden, settings.transpose, settings.dropout) == (5e-4, 7, (-1, 2), 0)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("hidden", "expected key=value with a key of average, balance, batch, batch_norm, "),
        ("colour=3", "expected key=value with a key of average, balance, batch, batch_norm, "),
        ("hidden=many", "--set hidden=many: expected a whole number"),
        ("hidden=0.5", "--set hidden=0.5: expected a whole number"),
        ("hidden=0", "--set hidden=0: must be more than 0"),
        ("lr=nan", "--set lr=nan: must be more than 0"),
        ("dropout=1", "--set dropout=1: must be 0 or more and less than 1"),
        ("transpose=5", r"--set transpose=5: expected \[down, up\]"),
        ("transpose=[-99, 0]", "with -12 <= down <= 0 <= up <= 12"),
    ],
)
def test_wrong_overrides(override: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        Settings.preset("tiny", [override])


def test_an_unknown_preset_is_named() -> None:
    with pytest.raises(InputError, match="unknown preset 'huge'; there are: tiny, base, large, magenta, bachbot"):
        Settings.preset("huge")


def test_a_family_without_presets_is_named() -> None:
    assert presets_of("melody_mine") == presets_of("melody")
    with pytest.raises(InputError, match="nothing for the family 'trumpet'; it has: polyphony, melody"):
        Settings.preset("tiny", family="trumpet")


def test_the_learning_rate_is_halved_by_epochs() -> None:
    settings = replace(SMALL, warmup=0, halve_epochs=5)
    rates = [learning_rate(settings, iteration, per_epoch=10) / settings.lr for iteration in (0, 49, 50, 99, 100)]
    assert rates == [1, 1, 0.5, 0.5, 0.25]


def test_a_run_ends_when_the_held_out_loss_gets_no_better(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([3.0, 2.0, 2.5, 2.0, 1.0])
    monkeypatch.setattr(Trainer, "_held_out", lambda _, commands: (next(losses) if commands else 0.0, 0.5))
    trainer = Trainer(dataset, replace(SMALL, evaluate_every=2, patience=2), tmp_path, CPU)
    trainer.run()
    assert trainer.iteration == 8
    assert read_checkpoint(tmp_path / "best.pt")["iteration"] == 4
    again = Trainer(dataset, trainer.settings, tmp_path, CPU)
    again.resume()
    assert again.ended


def test_too_little_memory_is_a_sentence(dataset_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"too little memory for batch 4, sequence 16, hidden 2000000.*batch=2"):
        train(dataset_folder, replace(SMALL, hidden=2_000_000), tmp_path, "cpu")


def test_batch_normalisation_trains_and_steps_as_a_window_does(dataset: Dataset, tmp_path: Path) -> None:
    trainer = Trainer(dataset, replace(SMALL, batch_norm=1, halve_epochs=5, clip_each=5.0), tmp_path, CPU)
    trainer.run()
    network = network_of(read_checkpoint(tmp_path / "best.pt"))
    tokens, condition = torch.randint(0, dataset.encoding.size, (2, 9)), torch.rand(2, 9, conditioning.SIZE)
    whole, _ = network(tokens, condition, network.zero_state(2))
    state, step = network.zero_state(2), Step(network)
    for time in range(9):
        logits, *state = step(tokens[:, time], condition[:, time], *state)
        assert torch.allclose(logits, whole[:, time], atol=1e-5)


def test_the_curves_are_written_for_tensorboard(dataset: Dataset, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorBoard's own imports
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        Trainer(dataset, SMALL, tmp_path, CPU, tensorboard=True).run()
        curves = EventAccumulator(str(tmp_path)).Reload()
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    written = [(event.step, event.value) for event in curves.Scalars("valid_bare")]
    assert written == [(line["iteration"], pytest.approx(line["valid_bare"])) for line in lines]


def test_the_learning_rate_warms_up_and_falls() -> None:
    settings = replace(SMALL, warmup=10, iterations=100)
    rates = [learning_rate(settings, iteration) for iteration in range(101)]
    assert rates[0] == pytest.approx(settings.lr / 10)
    assert max(rates) == rates[10] == settings.lr
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(0.02 * settings.lr)


def test_the_score_is_that_of_each_piece_alone(dataset: Dataset) -> None:
    """Lanes that go on with the next piece, chunks and fewer lanes than pieces change nothing."""
    network = build(SMALL, dataset.encoding).eval()
    pieces = dataset.split("train")
    together = score_pieces(TorchScorer(network, CPU), dataset, pieces, commands=True, lanes=3)
    assert [part.piece for part in together] == pieces
    for part in together[:5]:
        row = part.piece
        tokens = torch.from_numpy(dataset.tokens[row.start : row.stop].astype(np.int64))[None]
        condition = torch.from_numpy(
            dataset.conditioning[dataset.token_step[row.start + 1 : row.stop]].astype(np.float32)
        )
        with torch.no_grad():
            logits, _ = network(tokens[:, :-1], condition[None], network.zero_state(1))
        nats = torch.nn.functional.cross_entropy(logits[0], tokens[0, 1:], reduction="sum")
        assert part.nats == pytest.approx(float(nats), rel=1e-5)
        assert part.right == int((logits[0].argmax(-1) == tokens[0, 1:]).sum())
        assert part.tokens == row.stop - row.start - 1


def test_hidden_commands_do_not_count(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    network = build(SMALL, dataset.encoding)
    bare, known = (score(network, dataset, dataset.split("test"), commands=c, device=CPU) for c in (False, True))
    assert bare.nats_per_token != known.nats_per_token
    assert network.training  # left as it was
    monkeypatch.setattr(dataset, "conditioning", dataset.conditioning.copy())
    dataset.conditioning[:, :-4] = 0.25
    again = score(network, dataset, dataset.split("test"), commands=False, device=CPU)
    assert again == bare
