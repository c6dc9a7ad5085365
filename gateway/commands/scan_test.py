"""`comptoir scan-test`: what a camera reads on photographs; those without a readable code are counted, no error."""

from __future__ import annotations

import json
import time
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from drivers.camera.decode import GatedDecoder
from drivers.camera.measure import Measurement, Reading, measure
from drivers.camera.source import load_grey
from edge_config.errors import SettingsError
from edge_config.settings import load_box_settings
from gateway.errors import GatewayError
from gateway.words import choose


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Read one picture, or measure a folder."""
    if arguments.image is not None:
        return _one(arguments.image, as_json=arguments.json, language=_language(arguments.config, environ))
    measured = measure(arguments.dir, GatedDecoder(), monotonic_s=time.perf_counter)
    if arguments.json:
        print(json.dumps(_figures(measured)))
    else:
        print(_sentence(measured, _language(arguments.config, environ)))
    return 0


def _language(config: Path, environ: Mapping[str, str]) -> str:
    """A photograph can be tried on a machine without settings."""
    try:
        return load_box_settings(config, environ).language.value
    except SettingsError as error:
        return error.language


def _one(path: Path, *, as_json: bool, language: str) -> int:
    grey = load_grey(path)
    if grey is None:
        french = f"{path} n'est pas une image lisible : donnez un fichier PNG ou JPEG entier."
        raise GatewayError(choose(language, french, f"{path} is no readable picture: give a whole PNG or JPEG file."))
    payloads = [code.payload for code in GatedDecoder(look_again_every=1).decode(grey)]
    if as_json:
        print(json.dumps({"file": path.name, "payloads": payloads}))
    else:
        none = choose(language, f"{path.name} : aucun code lisible sur cette image.", f"{path.name}: no readable code.")
        print("\n".join(payloads) or none)
    return 0


def _figures(measured: Measurement) -> dict[str, object]:
    return {
        "photographs": len(measured.photographs),
        **{reading.value: measured.count(reading) for reading in Reading},
        "exact_percent": round(100 * measured.exact_rate, 1),
        "median_ms": round(measured.median_ms, 2),
        "slowest_ms": round(measured.slowest_ms, 1),
    }


def _sentence(measured: Measurement, language: str) -> str:
    exact, missed, wrong = (measured.count(reading) for reading in (Reading.EXACT, Reading.MISSED, Reading.WRONG))
    of, percent = len(measured.photographs), f"{100 * measured.exact_rate:.1f} %"
    median_ms, slowest_ms = f"{measured.median_ms:.1f}", f"{measured.slowest_ms:.0f}"
    french = (
        f"scan-test : {exact} codes exacts sur {of} ({percent}), {missed} sans lecture, {wrong} faux ; "
        f"{median_ms} ms par image en médiane, {slowest_ms} ms au plus"
    )
    english = (
        f"scan-test: {exact} of {of} exact payloads ({percent}), {missed} missed, {wrong} wrong; "
        f"{median_ms} ms a frame in the median, {slowest_ms} ms at most"
    )
    return choose(language, french.replace(".", ","), english)
