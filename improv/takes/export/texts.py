"""The words of reports: one file per language in the folder `texts` of the package that writes them.

Every language has the same keys. To add a language is to add a file.
"""

from __future__ import annotations

import functools
import importlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FIRST = "en"
"""The language where none is chosen."""

Texts = Mapping[str, Any]
"""Key -> text. A key of what is counted has the forms `one` and `other`; `moods` has the names of moods."""


@functools.cache
def languages(package: str) -> Mapping[str, Texts]:
    """The texts of a package by the code of their language, `FIRST` first; `language` in each is that code."""
    folder = Path(importlib.import_module(package).__path__[0]) / "texts"
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}
    first_first = sorted(found.items(), key=lambda item: (item[0] != FIRST, item[0]))
    return {code: {"language": code, **table} for code, table in first_first}


def counted(texts: Texts, key: str, count: int, **values: object) -> str:
    """A text about so many of something, in its form for that number."""
    forms: Mapping[str, str] = texts[key]
    return forms["one" if count == 1 else "other"].format(count=count, **values)


def number(texts: Texts, value: float, form: str = "+.2f") -> str:
    """A number as the language writes it, with a true minus; a dash where there is none."""
    if not math.isfinite(value):
        return "–"
    return format(value, form).replace("-", "−").replace(".", str(texts["decimal"]))
