"""Cut the piano of the web page out of a SoundFont 3 file.

    python -m tools.browser_piano FluidR3Mono_GM.sf3 improv/frontends/web/static/piano

Takes one preset, the zones of its first instrument, and writes each sample as FLAC (every browser decodes it; Ogg is
missing in older Safari) with a piano.json beside them. Needs the package soundfile. The fields of the file are those of
the SoundFont Technical Specification 2.04, section 7 (hydra) and 8.1.2 (generators).
"""

from __future__ import annotations

import argparse
import io
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

# Generator numbers of the specification, 8.1.2.
HOLD, DECAY, INSTRUMENT, KEYS, SAMPLE, LOOP, ROOT = 35, 36, 41, 43, 53, 54, 58
_ROWS = {
    "phdr": "<20sHHHIII",
    "pbag": "<HH",
    "pgen": "<HH",
    "inst": "<20sH",
    "ibag": "<HH",
    "igen": "<HH",
    "shdr": "<20sIIIIIBbHH",
}


class Zone(NamedTuple):
    """A sample and the keys it is played on.

    hold_s, decay_s: volume envelope, the decay over 100 dB. loop_s: begin and end, repeated while the note is held.
    """

    name: str
    low: int
    high: int
    root: int
    hold_s: float
    decay_s: float
    loop_s: tuple[float, float] | None
    ogg: bytes


class SoundFont:
    """The tables of a SoundFont file, and its pool of compressed samples."""

    def __init__(self, data: bytes) -> None:
        self._tables: dict[str, list[tuple[Any, ...]]] = {}
        self.pool = b""
        for kind, content in _chunks(data[12:]):
            if kind == "LIST":
                for name, part in _chunks(content[4:]):
                    self._take(name, part)

    def _take(self, name: str, part: bytes) -> None:
        if name == "smpl":
            self.pool = part
        elif name in _ROWS:
            self._tables[name] = list(struct.iter_unpack(_ROWS[name], part))

    def zones(self, program: int) -> list[Zone]:
        """The zones of the instrument that the bank 0 preset of that program plays, from low to high."""
        presets, bags = self._tables["phdr"], self._tables["pbag"]
        index = next(i for i, row in enumerate(presets) if row[1] == program and row[2] == 0)
        zones = [self._generators("pgen", bags, bag) for bag in range(presets[index][3], presets[index + 1][3])]
        instrument = next(zone[INSTRUMENT] for zone in zones if INSTRUMENT in zone)
        first, last = self._tables["inst"][instrument][1], self._tables["inst"][instrument + 1][1]
        bags = self._tables["ibag"]
        zones = [self._generators("igen", bags, bag) for bag in range(first, last)]
        return sorted((self._zone(zone) for zone in zones if SAMPLE in zone), key=lambda zone: zone.low)

    def _generators(self, table: str, bags: list[tuple[Any, ...]], bag: int) -> dict[int, int]:
        return {row[0]: row[1] for row in self._tables[table][bags[bag][0] : bags[bag + 1][0]]}

    def _zone(self, generators: dict[int, int]) -> Zone:
        raw_name, begin, end, loop_begin, loop_end, rate, pitch, *_ = self._tables["shdr"][generators[SAMPLE]]
        keys = generators[KEYS]
        return Zone(
            name=raw_name.rstrip(b"\0").decode("ascii"),
            low=keys & 255,
            high=keys >> 8,
            root=generators.get(ROOT, pitch),
            hold_s=_seconds(generators.get(HOLD, -12000)),
            decay_s=_seconds(generators.get(DECAY, -12000)),
            loop_s=(loop_begin / rate, loop_end / rate) if generators.get(LOOP) else None,
            ogg=self.pool[begin:end],
        )


def _chunks(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and content of each RIFF chunk; SoundFont 3 files do not pad odd ones."""
    place = 0
    while place + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, place)
        yield name.decode("ascii"), data[place + 8 : place + 8 + size]
        place += 8 + size


def _seconds(timecents: int) -> float:
    return float(2.0 ** ((timecents - 65536 if timecents > 32767 else timecents) / 1200))


def cut(font: Path, folder: Path, program: int = 0) -> list[Path]:
    """Write the samples of the preset and piano.json into the folder; returns the files."""
    import soundfile

    folder.mkdir(parents=True, exist_ok=True)
    table, files = [], []
    for zone in SoundFont(font.read_bytes()).zones(program):
        samples, rate = soundfile.read(io.BytesIO(zone.ogg))
        path = folder / f"{zone.root:03d}.flac"
        soundfile.write(path, samples, rate, format="FLAC", subtype="PCM_16")
        files.append(path)
        table.append(
            {
                "file": path.name,
                "low": zone.low,
                "high": zone.high,
                "root": zone.root,
                "hold_s": round(zone.hold_s, 3),
                "decay_s": round(zone.decay_s, 3),
                "loop_s": [round(edge, 6) for edge in zone.loop_s] if zone.loop_s else None,
            }
        )
    files.append(folder / "piano.json")
    files[-1].write_text("[\n" + ",\n".join(json.dumps(row) for row in table) + "\n]\n", encoding="utf-8")
    return files


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("font", type=Path, help="a SoundFont 3 file (.sf3: samples in Ogg Vorbis)")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--program", type=int, default=0, help="0..127, General MIDI; 0 is the grand piano")
    given = parser.parse_args()
    files = cut(given.font, given.folder, given.program)
    print(f"{len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
