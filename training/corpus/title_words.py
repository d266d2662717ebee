"""What composers called their pieces, as a label: words of mourning, of sleep, of dance and joy, of storm and dread.

Titles are the only label on held-out music that people gave who knew nothing of this program, and the only one that is
no function of the notes. They are a weak one: a genre is no feeling, a nocturne can be stormy in its middle, and the
dances outnumber everything else. The words were chosen before anything was measured with them.
"""

from __future__ import annotations

import re

WORDS: dict[str, tuple[str, ...]] = {
    "happy": (
        r"polka|galop|\bwaltz|valse|walzer|\brondo|mazur|krakowiak|oberek|kujawiak|humoresque|\bjigs?\b|gigue|hornpipe",
        r"\brag\b|frühling|fr[öo]hlich|\bjoy|happy|freud|\blust|carnev|carnaval|giocoso|playful|merry|spring\b|printemps",
        r"wander|jäger|danse|\btanz|scherz",
    ),
    "nervous": (
        r"sturm|storm|tempest|temp[êe]te|agitat|furi|erlkönig|dämon|demon|hexe|witch|unruh|rastlos|fuoco|angst|toccata",
        r"gespenst|ghost|wild|revolution|rage|flucht|verfolg|orage|devil|teufel|appassion|krieg|\bwar\b",
    ),
    "sad": (
        r"funeral|fun[èe]bre|trauer|klage|lament|élég|eleg[iy]|mesto|doloro|lacrim|tr[äa]nen|thr[äa]nen|weinen|weint",
        r"t[oö]dt?es?\b|\btod|\bgrab|requiem|abschied|adieu|farewell|désespoir|sorrow|\bsad\b|grief|melanc|mélanc|wehmut",
        r"einsam|schmerz|leid\b|verlass|\btears|triste|tristesse|death|\bdead\b|dumka|lonely",
    ),
    "calm": (
        r"lullaby|berceuse|wiegenlied|schlummer|schlaf|pastoral|nocturn|tr[äa]umerei|r[eêé]verie|barcarol|\bruhe?\b|stille",
        r"abendlied|im abend|nachtlied|mondnacht|ave maria|gebet|prayer|pri[èe]re|consolation|tranquil|slumber|cradle",
        r"cantabile|kołysanka|evening|clair de lune|peace",
    ),
}
_PATTERNS = {mood: re.compile("|".join(words)) for mood, words in WORDS.items()}


def mood_in(title: str) -> str | None:
    """The mood that a title names; None where it names none, or two."""
    found = [mood for mood, pattern in _PATTERNS.items() if pattern.search(title.lower())]
    return found[0] if len(found) == 1 else None
