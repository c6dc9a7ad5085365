"""Where a box keeps its things, in its data folder."""

from __future__ import annotations

from pathlib import Path


def journal_path(data_dir: Path) -> Path:
    """The journal."""
    return data_dir / "journal.sqlite"


def training_path(data_dir: Path) -> Path:
    """There while training is on."""
    return data_dir / "training"


def api_path(data_dir: Path) -> Path:
    """Where the running agent's API is, as a JSON object with `url`."""
    return data_dir / "api.json"
