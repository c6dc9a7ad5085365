"""Debian's Chromium, driven by Playwright: its own browser isn't downloaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hardware_sim.errors import SimulatorError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NOT_THERE = "Chromium isn't installed: apt install chromium"


class NoBrowser(SimulatorError):
    """There is no Chromium on this machine: install it."""


def find_chromium() -> str | None:
    """Where Chromium is."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def open_browser(*options: str) -> Iterator[Browser]:
    """A headless browser.

    Args:
        options: Of Chromium's own command line.

    Raises:
        NoBrowser: There is none to open.
    """
    path = find_chromium()
    if path is None:
        raise NoBrowser(NOT_THERE)
    from playwright.sync_api import sync_playwright

    # Chromium's sandbox refuses root, and needs what containers don't allow; the pages are our own.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*arguments, *options])
        try:
            yield browser
        finally:
            browser.close()
