"""How loud the moods are on the page's piano, and whether anything clips: in Chromium, faster than it plays.

    python -m benchmarks.page_loudness [--seconds 40]

The default model plays each mood under one seed; the page's own piano renders the notes in an OfflineAudioContext, at
the volume that it begins with. LUFS as ITU-R BS.1770-4 has it, the highest sample, and the same of twenty keys struck
together at velocity 127. Needs the extra `test` and chromium.
"""

from __future__ import annotations

import argparse
import base64
import json

import numpy as np

from improv.config import Config
from improv.config.adapters import render
from improv.model.onnx_model import OnnxModel, resolve
from improv.music.mood import CORNERS
from improv.takes.export.lufs import loudness_lufs
from improv.takes.export.music import of_steps
from tools import browser as chrome

RATE_HZ = 44_100
SEED = 3
RENDER = """async ({ notes, seconds, rate }) => {
    const { Piano, touchOf } = await import("/static/js/piano.js");
    const context = new OfflineAudioContext(2, Math.round(seconds * rate), rate);
    const piano = new Piano(context, await touchOf());
    await piano.load();
    piano.volume.gain.value = 0.9 ** 2 * 1.6;
    const every_s = 0.25; // the piano has so many voices: notes are given to it as they come, as the page does
    const feed = (from_s) => {
        for (const [index, [pitch, velocity, on_s, off_s]] of notes.entries())
            if (on_s >= from_s && on_s < from_s + every_s) {
                piano.begin(index, pitch, velocity, on_s);
                piano.end(index, off_s);
            }
    };
    for (let from_s = every_s; from_s < seconds; from_s += every_s) {
        context.suspend(from_s).then(() => { feed(from_s); context.resume(); });
    }
    feed(0);
    const sound = await context.startRendering();
    const bytes = (channel) => {
        const view = new Uint8Array(sound.getChannelData(channel).buffer);
        let text = "";
        for (let at = 0; at < view.length; at += 32768) text += String.fromCharCode(...view.subarray(at, at + 32768));
        return btoa(text);
    };
    return [bytes(0), bytes(1)];
}"""


def rendered(page: object, notes: list[tuple[int, int, float, float]], seconds: float) -> np.ndarray:
    """(2, length): what the page plays."""
    channels = page.evaluate(RENDER, {"notes": notes, "seconds": seconds, "rate": RATE_HZ})  # type: ignore[attr-defined]
    return np.stack([np.frombuffer(base64.b64decode(channel), np.float32) for channel in channels])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=40)
    seconds = parser.parse_args().seconds
    if missing := chrome.missing():
        raise SystemExit(f"cannot be measured here: {missing}")
    model, report = OnnxModel(resolve(""), "cpu"), {}
    music = {name: of_steps(render(model, Config(), seconds, SEED, mood)) for name, mood in CORNERS.items()}
    played = {name: [(n.pitch, n.velocity, n.on_s, n.off_s) for n in one.notes] for name, one in music.items()}
    played["twenty keys at velocity 127"] = [(30 + 3 * key, 127, 0.1, 2.0) for key in range(20)]
    with chrome.running_daemon() as daemon, chrome.chromium() as browser:
        page = browser.new_page()
        page.goto(daemon.address)
        for name, notes in played.items():
            sound = rendered(page, notes, seconds if name in CORNERS else 3.0)
            report[name] = {
                "lufs": round(loudness_lufs(sound, RATE_HZ), 1),
                "highest_sample": round(float(np.abs(sound).max()), 3),
                "samples_at_full_scale": int((np.abs(sound) >= 1).sum()),
            }
    moods = [report[name]["lufs"] for name in CORNERS]
    print(json.dumps({**report, "moods_apart_lu": round(max(moods) - min(moods), 1)}, indent=1))


if __name__ == "__main__":
    main()
