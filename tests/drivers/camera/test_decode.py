"""Codes in frames."""

import random
import subprocess
import sys

import cv2
import numpy as np
import pytest
import segno
import zxingcpp

from drivers.camera.decode import GatedDecoder, Grey
from drivers.errors import SetUpError
from drivers.scan import ScannedCode, Symbology

TOKEN = "CPT1:" + "".join(random.Random(7).choices("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:", k=165))
EMPTY: Grey = np.full((720, 1_280), 255, dtype=np.uint8)


def qr(payload: str, module_pixels: int = 6) -> Grey:
    code = segno.make(payload, error="m", micro=False)
    modules = np.array([list(row) for row in code.matrix_iter(scale=1, border=4)], dtype=np.uint8)
    return np.kron((1 - modules) * 255, np.ones((module_pixels, module_pixels), dtype=np.uint8)).astype(np.uint8)


def linear(payload: str, kind: zxingcpp.BarcodeFormat) -> Grey:
    barcode = zxingcpp.create_barcode(payload, kind)
    picture = np.asarray(barcode.to_image(scale=3, add_quiet_zones=True), dtype=np.uint8)
    return np.ascontiguousarray(picture)


def on_a_frame(*codes: Grey) -> Grey:
    frame = EMPTY.copy()
    left = 40
    for code in codes:
        frame[40 : 40 + code.shape[0], left : left + code.shape[1]] = code
        left += code.shape[1] + 80
    return frame


def payloads(decoder: GatedDecoder, grey: Grey) -> set[str]:
    return {code.payload for code in decoder.decode(grey)}


def test_a_token_of_full_length_is_read_with_its_symbology() -> None:
    frame = on_a_frame(qr(TOKEN))

    assert GatedDecoder().decode(frame) == (ScannedCode(payload=TOKEN, symbology=Symbology.QR),)


def test_two_codes_in_one_frame_are_both_read() -> None:
    assert payloads(GatedDecoder(), on_a_frame(qr("V1"), qr("V2"))) == {"V1", "V2"}


def test_an_empty_frame_has_no_code() -> None:
    assert GatedDecoder(look_again_every=1).decode(EMPTY) == ()


def test_a_payload_with_control_characters_does_not_count() -> None:
    assert GatedDecoder().decode(on_a_frame(qr("A\x1b@B"))) == ()


def test_micro_qr_does_not_count() -> None:
    modules = np.array([list(row) for row in segno.make_micro("12345").matrix_iter(border=4)], dtype=np.uint8)
    micro = np.kron((1 - modules) * 255, np.ones((8, 8), dtype=np.uint8)).astype(np.uint8)

    assert GatedDecoder(look_again_every=1).decode(on_a_frame(micro)) == ()


@pytest.mark.parametrize(
    ("kind", "symbology", "payload"),
    [
        (zxingcpp.BarcodeFormat.EAN13, Symbology.EAN_UPC, "4006381333931"),
        (zxingcpp.BarcodeFormat.Code128, Symbology.CODE_128, "CARTE-0042"),
    ],
)
def test_a_linear_code_is_read_only_where_asked_for(
    kind: zxingcpp.BarcodeFormat, symbology: Symbology, payload: str
) -> None:
    frame = on_a_frame(linear(payload, kind))
    both = GatedDecoder(symbologies=frozenset({Symbology.QR, symbology}))

    assert both.decode(frame) == (ScannedCode(payload=payload, symbology=symbology),)
    assert GatedDecoder().decode(frame) == ()


def test_a_symbology_that_cameras_do_not_read_is_refused_with_the_choices() -> None:
    with pytest.raises(SetUpError, match=r"Cameras don't read CODABAR\. Choose from: QR, EAN_UPC"):
        GatedDecoder(symbologies=frozenset({Symbology.CODABAR}))


def worn(seed: int) -> Grey:
    """A code at two pixels a module, photographed badly: tilted, blurred, noisy, dark at one side."""
    chance = np.random.default_rng(seed)
    frame = np.full((240, 240), 255, dtype=np.uint8)
    code = qr(TOKEN, module_pixels=2)
    edge = (240 - code.shape[0]) // 2
    frame[edge : edge + code.shape[0], edge : edge + code.shape[1]] = code
    turn = cv2.getRotationMatrix2D((120.0, 120.0), float(chance.uniform(-20, 20)), 0.97)
    tilted = cv2.warpAffine(frame, turn, (240, 240), borderValue=255)
    blurred = cv2.GaussianBlur(tilted, (0, 0), float(chance.uniform(0.7, 1.1))).astype(np.float64)
    shaded = blurred * np.linspace(0.5, 1.0, 240) + chance.normal(0, 4, (240, 240))
    return np.clip(shaded, 0, 255).astype(np.uint8)


class WithoutRescue(GatedDecoder):
    """What zxing-cpp reads alone."""

    def _rescue(self, grey: Grey, unread: zxingcpp.Barcode) -> tuple[ScannedCode, ...]:  # noqa: ARG002
        return ()


def test_behind_the_gate_twice_as_many_bad_pictures_are_read_and_none_wrongly() -> None:
    pictures = [worn(seed) for seed in range(40)]
    alone = [WithoutRescue(look_again_every=0).decode(picture) for picture in pictures]
    gated = [GatedDecoder(look_again_every=0).decode(picture) for picture in pictures]

    assert sum(map(bool, gated)) >= 2 * sum(map(bool, alone)) > 0
    assert {code.payload for codes in gated for code in codes} == {TOKEN}


def test_one_idle_frame_in_so_many_is_looked_at_again() -> None:
    class CountingLooks(GatedDecoder):
        looks = 0

        def _read(self, grey: Grey, *, with_errors: bool = False) -> list[zxingcpp.Barcode]:
            self.looks += 1
            return super()._read(grey, with_errors=with_errors)

    decoder = CountingLooks(look_again_every=5)
    for _ in range(20):
        decoder.decode(EMPTY)

    assert decoder.looks == 20 + 4


def test_zbar_is_not_loaded_before_it_is_needed() -> None:
    script = (
        "import sys, numpy; from drivers.camera.decode import GatedDecoder;"
        "GatedDecoder().decode(numpy.zeros((48, 64), numpy.uint8));"
        "sys.exit('pyzbar' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
