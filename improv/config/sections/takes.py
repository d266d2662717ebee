"""The sections `takes`, `scenes` and `log`: what is kept, where, and for how long."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import Field

from improv.config.sections.section import APP, Section


class TakesSection(Section):
    enabled: bool = True
    folder: str = ""
    minutes: float = Field(30, ge=1, le=720)
    keep: int = Field(50, ge=1, le=100000)

    @property
    def path(self) -> Path:
        """Where takes are written."""
        return Path(self.folder).expanduser() if self.folder else platformdirs.user_data_path(APP) / "takes"


class ScenesSection(Section):
    file: str = ""

    @property
    def path(self) -> Path:
        """Where scenes and set list are kept."""
        return Path(self.file).expanduser() if self.file else platformdirs.user_data_path(APP) / "scenes.json"


class LogSection(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    notes: str = ""
