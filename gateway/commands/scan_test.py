"""`comptoir scan-test`: what a camera reads on photographs; those without a readable code are counted, no error."""

from __future__ import annotations

import json
import time
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from drivers.camera.decode import GatedDecoder
from drivers.camera.measure import Measurement, Reading, measure
from drivers.camera.source import read_grey
from gateway.errors import GatewayError


def run(arguments: Namespace, _: Mapping[str, str]) -> int:
    """Read one picture, or measure a folder."""
    if arguments.image is not None:
        return _one(arguments.image, as_json=arguments.json)
    measured = measure(arguments.dir, GatedDecoder(), monotonic_s=time.perf_counter)
    print(json.dumps(_figures(measured)) if arguments.json else _sentence(measured))
    return 0


def _one(path: Path, *, as_json: bool) -> int:
    try:
        grey = read_grey(path.read_bytes())
    except OSError as error:
        raise GatewayError(f"{path}: can't be read ({error.strerror}).") from None
    codes = () if grey is None else GatedDecoder(look_again_every=1).decode(grey)
    payloads = [code.payload for code in codes]
    if as_json:
        print(json.dumps({"file": path.name, "payloads": payloads}))
    else:
        print("\n".join(payloads) or f"{path.name}: no code")
    return 0


def _figures(measured: Measurement) -> dict[str, object]:
    return {
        "photographs": len(measured.photographs),
        **{reading.value: measured.count(reading) for reading in Reading},
        "exact_percent": round(100 * measured.exact_rate, 1),
        "median_ms": round(measured.median_ms, 2),
        "slowest_ms": round(measured.slowest_ms, 1),
    }


def _sentence(measured: Measurement) -> str:
    return (
        f"scan-test: {measured.count(Reading.EXACT)} of {len(measured.photographs)} exact payloads "
        f"({100 * measured.exact_rate:.1f} %), {measured.count(Reading.MISSED)} missed, "
        f"{measured.count(Reading.WRONG)} wrong; {measured.median_ms:.1f} ms a frame in the median, "
        f"{measured.slowest_ms:.0f} ms at most"
    )
