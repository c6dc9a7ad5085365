"""How well a decoder reads a folder of photographs."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from statistics import median

from drivers.camera.decode import Decoder
from drivers.camera.source import load_grey
from drivers.errors import SetUpError

EXPECTED_NAME = "expected.csv"


class Reading(Enum):
    """How a photograph was read."""

    EXACT = "exact"
    MISSED = "missed"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Photograph:
    """One measured file.

    Attributes:
        expected: The payload in expected.csv.
        payloads: What was read.
        decode_ms: Time of decoding alone, without loading.
    """

    file: str
    expected: str
    payloads: tuple[str, ...]
    decode_ms: float

    @property
    def reading(self) -> Reading:
        """WRONG when any payload was read that isn't the expected one."""
        if any(payload != self.expected for payload in self.payloads):
            return Reading.WRONG
        return Reading.EXACT if self.payloads else Reading.MISSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """The result over a folder, which holds at least one photograph."""

    photographs: tuple[Photograph, ...]

    def count(self, reading: Reading) -> int:
        """How many photographs were read so."""
        return sum(photograph.reading is reading for photograph in self.photographs)

    @property
    def exact_rate(self) -> float:
        """Share of exact payloads, 0 to 1."""
        return self.count(Reading.EXACT) / len(self.photographs)

    @property
    def median_ms(self) -> float:
        """Median time of a frame."""
        return median(photograph.decode_ms for photograph in self.photographs)

    @property
    def slowest_ms(self) -> float:
        """Longest time of a frame."""
        return max(photograph.decode_ms for photograph in self.photographs)

    @property
    def not_exact(self) -> tuple[Photograph, ...]:
        """The missed and the wrong ones, in the order of the file."""
        return tuple(photograph for photograph in self.photographs if photograph.reading is not Reading.EXACT)


def measure(folder: Path, decoder: Decoder, *, monotonic_s: Callable[[], float]) -> Measurement:
    """Decode every file that `expected.csv` (columns file, payload) names.

    Args:
        monotonic_s: A fine clock, e.g. `time.perf_counter`.

    Raises:
        SetUpError: No expected.csv, or it isn't one, names no file, or one that can't be read.
    """
    photographs = [
        _measure_one(folder / file, payload, decoder, monotonic_s)
        for file, payload in _expected(folder / EXPECTED_NAME)
    ]
    return Measurement(photographs=tuple(photographs))


def _expected(path: Path) -> list[tuple[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:  # spreadsheets put a mark before the first column
            rows = [(row["file"], row["payload"]) for row in csv.DictReader(lines)]
    except OSError as error:
        raise SetUpError(
            f"Can't read {path} ({error}). It names each photograph and its payload.",
            french=f"{path} ne peut pas être lu. Ce fichier nomme chaque photo et le code attendu (file,payload).",
        ) from error
    except KeyError as error:
        raise SetUpError(
            f"{path} has no column {error}. It needs the columns file and payload.",
            french=f"{path} n'a pas de colonne {error} : il faut les colonnes file et payload.",
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise SetUpError(
            f"{path} is no table in UTF-8 ({error}). Save it as CSV, UTF-8.",
            french=f"{path} n'est pas un tableau en UTF-8 : enregistrez-le en CSV, UTF-8.",
        ) from error
    if not rows:
        raise SetUpError(f"{path} names no photograph.", french=f"{path} ne nomme aucune photo.")
    for number, (file, payload) in enumerate(rows, start=1):
        if not file or not payload:
            raise SetUpError(
                f"{path}: photograph {number} lacks its file or its payload.",
                french=f"{path} : à la photo n° {number}, il manque le fichier ou le code attendu.",
            )
    return rows


def _measure_one(path: Path, expected: str, decoder: Decoder, monotonic_s: Callable[[], float]) -> Photograph:
    try:
        grey = load_grey(path)
    except SetUpError as error:
        raise SetUpError(f"{path}: {error}", french=f"{path} : {error.french}") from None
    except OSError as error:
        raise SetUpError(
            f"Can't read the photograph {path} ({error}).", french=f"La photo {path} ne peut pas être lue."
        ) from error
    if grey is None:
        raise SetUpError(f"{path} is not a picture.", french=f"{path} n'est pas une image.")
    started_s = monotonic_s()
    codes = decoder.decode(grey)
    decode_ms = (monotonic_s() - started_s) * 1_000
    payloads = tuple(code.payload for code in codes)
    return Photograph(file=path.name, expected=expected, payloads=payloads, decode_ms=decode_ms)
