"""How long the page needs for a frame of its piano roll, with 20 notes a second and every part of the page alive.

    python -m benchmarks.page_frames [--seconds 20] [--notes-per-s 20]

Starts the daemon with the tiny model, opens the page in a Chromium without a screen (needs the extra `test` and
chromium), feeds the roll with notes beside those of the daemon, and prints the milliseconds of script and drawing in a
frame and the time between frames.
"""

from __future__ import annotations

import argparse
import json

from tools import browser as chrome

MEASURE = """async ({ seconds, perSecond }) => {
    const { roll, live } = brainmusic, clock = live.clock;
    const draw = Object.getPrototypeOf(roll)._frame, spent = [], between = [];
    let last = 0, id = 1e9;
    roll._frame = function () {
        const begin = performance.now();
        draw.call(roll);
        spent.push(performance.now() - begin);
        if (last) between.push(begin - last);
        last = begin;
    };
    const feed = setInterval(() => {
        const on_s = clock.now() + 0.2, pitch = 36 + Math.floor(48 * Math.random());
        roll.planned([{ id, pitch, velocity: 80, on_s }]);
        roll.ended([[id++, on_s + 1]]);
    }, 1000 / perSecond);
    await new Promise((done) => setTimeout(done, 1000 * seconds));
    clearInterval(feed);
    delete roll._frame;
    return { spent, between };
}"""


def _share(values: list[float], share: float) -> float:
    return round(sorted(values)[min(int(share * len(values)), len(values) - 1)], 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--notes-per-s", type=float, default=20)
    given = parser.parse_args()
    if missing := chrome.missing():
        raise SystemExit(f"cannot be measured here: {missing}")
    with chrome.running_daemon() as daemon, chrome.chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(daemon.address)
        page.wait_for_selector("#link[data-link=open]", state="attached")
        daemon.command("play")
        found = page.evaluate(MEASURE, {"seconds": given.seconds, "perSecond": given.notes_per_s})
    report = {"frames": len(found["spent"]), "frames_per_s": round(len(found["spent"]) / given.seconds, 1)}
    for name, key in (("script_and_drawing_ms", "spent"), ("between_frames_ms", "between")):
        report[name] = {text: _share(found[key], share) for text, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))}
    print(json.dumps(report))


if __name__ == "__main__":
    main()
