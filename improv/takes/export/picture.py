"""A take as a PNG: the mood's path above, the piano roll below."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from improv.midi.messages import key_of
from improv.takes.take import Message, Take

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

    Font = ImageFont.ImageFont | ImageFont.FreeTypeFont

MARGIN, AXIS = 16, 72  # pixels: around, and left for the names
MOOD_HEIGHT, GAP, KEY_HEIGHT = 130, 26, 6
PIXELS_PER_S, NARROWEST, WIDEST = 12, 900, 16_000
PAPER, INK, GRID, FAINT = "#fffdf8", "#2b2a28", "#e4dfd3", "#8a857a"
VALENCE, AROUSAL, PIANO, PERSON = "#1f6f8b", "#c8553d", "#3a4a6b", "#b8860b"
STRIP_WIDTH, STRIP_HEIGHT, STRIP_MOOD = 1600, 240, 70  # pixels; the mood's part is the upper one
LABEL_SIZE, TITLE_SIZE = 13, 16
BAR_EVERY_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800)
NARROWEST_MARK = 70  # pixels between two times on the axis


def png(take: Take) -> bytes:
    """The picture as the bytes of a PNG file."""
    from PIL import Image, ImageDraw, ImageFont

    seconds = max(take.seconds, 1.0)
    plot = int(min(max(PIXELS_PER_S * seconds, NARROWEST), WIDEST))
    pitches = [note.pitch for note in take.notes] or [60]
    low, high = min(pitches) // 12 * 12, max(pitches) // 12 * 12 + 12
    roll_top = MARGIN + TITLE_SIZE + 12 + MOOD_HEIGHT + GAP
    roll_height = (high - low) * KEY_HEIGHT
    size = (MARGIN + AXIS + plot + MARGIN, roll_top + roll_height + 2 * LABEL_SIZE + MARGIN)
    image = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(image)
    label, title = ImageFont.load_default(LABEL_SIZE), ImageFont.load_default(TITLE_SIZE)
    left, scale = MARGIN + AXIS, plot / seconds
    draw.text((MARGIN, MARGIN), _title(take), INK, title)
    _mood(draw, take, left, MARGIN + TITLE_SIZE + 12, scale, seconds, label)
    for pitch in range(low, high + 1, 12):
        y = roll_top + (high - pitch) * KEY_HEIGHT
        draw.line([(left, y), (left + plot, y)], GRID)
        draw.text((MARGIN, y - LABEL_SIZE / 2), f"C{pitch // 12 - 1}", FAINT, label)
    _times(draw, left, roll_top, roll_height, scale, seconds, label)
    for note in take.notes:
        _bar(draw, note.on_s, note.off_s, note.pitch, _shade(note.velocity), left, roll_top, high, scale)
    for on_s, off_s, pitch in held(take.person, take.seconds):
        if low <= pitch <= high:
            _bar(draw, on_s, off_s, pitch, PERSON, left, roll_top, high, scale)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def strip(take: Take) -> bytes:
    """Mood and notes alone, from edge to edge: the left one is the beginning, the right one the end."""
    from PIL import Image, ImageDraw

    seconds = max(take.seconds, 1.0)
    image = Image.new("RGB", (STRIP_WIDTH, STRIP_HEIGHT), PAPER)
    draw = ImageDraw.Draw(image)
    scale, middle = STRIP_WIDTH / seconds, STRIP_MOOD / 2
    for index, colour in ((0, VALENCE), (1, AROUSAL)):
        path = [(step.at_s * scale, middle - (middle - 3) * step.mood[index]) for step in take.steps]
        if len(path) > 1:
            draw.line(path, colour, 2)
    keys = held(take.person, take.seconds)
    bars = [(note.on_s, note.off_s, note.pitch, _shade(note.velocity)) for note in take.notes]
    bars += [(on_s, off_s, pitch, PERSON) for on_s, off_s, pitch in keys]
    low, high = min((bar[2] for bar in bars), default=60), max((bar[2] for bar in bars), default=60)
    height = (STRIP_HEIGHT - STRIP_MOOD) / (high - low + 1)
    for on_s, off_s, pitch, colour in bars:
        top = STRIP_MOOD + (high - pitch) * height
        draw.rectangle([on_s * scale, top, max(off_s, on_s) * scale + 1, top + max(height - 1, 1)], colour)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def held(person: list[Message], end_s: float) -> list[tuple[float, float, int]]:
    """(on_s, off_s, pitch) of the keys that the person held, by onset."""
    down: dict[tuple[int, int], float] = {}
    found = []
    for at_s, message in person:
        if (played := key_of(message)) is None:
            continue
        channel, pitch, velocity = played
        if (channel, pitch) in down:
            found.append((down.pop((channel, pitch)), at_s, pitch))
        if velocity:
            down[channel, pitch] = at_s
    found += [(on_s, end_s, pitch) for (_, pitch), on_s in down.items()]
    return sorted(found)


def _title(take: Take) -> str:
    minutes, seconds = divmod(round(take.seconds), 60)
    model = (take.head.get("model") or {}).get("name", "")
    return (
        f"{take.take_id}   {minutes}:{seconds:02d}   {len(take.notes)} notes   {model}   seed {take.head.get('seed')}"
    )


def _mood(draw: ImageDraw.ImageDraw, take: Take, left: int, top: int, scale: float, seconds: float, font: Font) -> None:
    """Valence and arousal as played, the commanded targets thin."""

    def y(value: float) -> float:
        return top + MOOD_HEIGHT * (1 - value) / 2

    for value in (-1, 0, 1):
        draw.line([(left, y(value)), (left + seconds * scale, y(value))], GRID)
        draw.text((left - 30, y(value) - LABEL_SIZE / 2), f"{value:+d}" if value else " 0", FAINT, font)
    for index, (name, colour) in enumerate((("valence", VALENCE), ("arousal", AROUSAL))):
        draw.text((MARGIN - 8, y(0.75 - 0.7 * index)), name, colour, font)
        ends = [*(change.at_s for change in take.changes[1:]), seconds]
        for change, end_s in zip(take.changes, ends, strict=True):
            level = y(change.target[index])
            draw.line([(left + change.at_s * scale, level), (left + end_s * scale, level)], colour)
        path = [(left + step.at_s * scale, y(step.mood[index])) for step in take.steps]
        if len(path) > 1:
            draw.line(path, colour, 3, "curve")


def _times(
    draw: ImageDraw.ImageDraw, left: int, top: int, height: int, scale: float, seconds: float, font: Font
) -> None:
    every = next((s for s in BAR_EVERY_S if s * scale >= NARROWEST_MARK), BAR_EVERY_S[-1])
    for at_s in range(0, int(seconds) + 1, every):
        x = left + at_s * scale
        draw.line([(x, top), (x, top + height + 4)], GRID)
        draw.text((x + 3, top + height + 4), f"{at_s // 60}:{at_s % 60:02d}", FAINT, font)


def _bar(
    draw: ImageDraw.ImageDraw,
    on_s: float,
    off_s: float,
    pitch: int,
    colour: str,
    left: int,
    top: int,
    high: int,
    scale: float,
) -> None:
    y = top + (high - pitch) * KEY_HEIGHT
    x = left + on_s * scale
    draw.rectangle([x, y - KEY_HEIGHT + 1, max(left + off_s * scale, x + 1), y - 1], colour)


def _shade(velocity: int) -> str:
    """Louder notes are darker."""
    share = 0.35 + 0.65 * velocity / 127
    return "#" + "".join(f"{round(255 - share * (255 - int(PIANO[i : i + 2], 16))):02x}" for i in (1, 3, 5))
