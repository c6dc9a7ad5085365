"""Receipts as ESC/POS bytes."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.escpos.compose import (
    PAPER_58_MM,
    PAPER_80_MM,
    Align,
    Columns,
    Cut,
    Element,
    Feed,
    Line,
    Paper,
    QrCode,
    Receipt,
    Rule,
    break_lines,
    compose,
    justify,
    printable,
)

SELECT_CP858 = b"\x1bt\x13"  # ESC t 19


def composed(*elements: Element) -> bytes:
    return compose(Receipt(elements=elements))


def test_it_starts_by_choosing_the_code_page_and_never_resets() -> None:
    job = composed(Line(text="Bonjour"))

    assert job.startswith(SELECT_CP858)
    assert b"\x1b@" not in job


def test_accents_and_the_euro_sign_are_in_cp858() -> None:
    assert "Chèque 20,00 €".encode("cp858") + b"\n" in composed(Line(text="Chèque 20,00 €"))


def test_what_cp858_does_not_have_is_visibly_replaced() -> None:
    assert printable("Œuf → 日本") == "?uf ? ??"


def test_decomposed_accents_are_composed_first() -> None:
    assert printable("Che\u0300que") == "Chèque"


def test_bold_and_alignment_are_set_for_each_line() -> None:
    job = composed(Line(text="A", bold=True, align=Align.CENTRE), Line(text="B"))
    first, second = job.split(b"A\n")

    assert b"\x1bE\x01" in first and b"\x1ba\x01" in first
    assert b"\x1bE\x00" in second and b"\x1ba\x00" in second


def test_double_size_breaks_at_half_the_columns() -> None:
    job = composed(Line(text="A" * 25, double=True))

    assert b"\x1b!\x30" in job
    assert b"A" * 24 + b"\nA\n" in job


def test_columns_put_the_amount_at_the_right_edge() -> None:
    assert justify("Solde", "20,00 €", 42) == ["Solde" + " " * 30 + "20,00 €"]


def test_columns_that_do_not_fit_take_two_lines() -> None:
    assert justify("A" * 40, "20,00", 42) == ["A" * 40, "20,00".rjust(42)]


def test_lines_break_between_words() -> None:
    assert break_lines("Librairie des Halles", 14) == ["Librairie des", "Halles"]


def test_a_word_that_is_too_long_breaks_anywhere() -> None:
    assert break_lines("ABCDEFGH IJ", 3) == ["ABC", "DEF", "GH", "IJ"]


def test_an_empty_line_stays_one() -> None:
    assert break_lines("", 42) == [""]


@pytest.mark.parametrize(("paper", "columns"), [(PAPER_80_MM, 48), (PAPER_58_MM, 32)])
def test_a_rule_is_as_wide_as_the_paper(paper: Paper, columns: int) -> None:
    job = compose(Receipt(elements=(Rule(),)), paper)

    assert b"-" * columns + b"\n" in job
    assert b"-" * (columns + 1) not in job


def test_a_qr_code_is_the_printers_own_model_2_level_m_with_white_around() -> None:
    job = composed(QrCode(payload="CPT1:ABC"))

    assert job.endswith(
        b"\x1ba\x01"  # centred
        b"\n"
        b"\x1d(k\x04\x001A2\x00"  # function 65: model 2
        b"\x1d(k\x03\x001C\x05"  # function 67: modules of 5 dots
        b"\x1d(k\x03\x001E1"  # function 69: level M
        b"\x1d(k\x0b\x001P0CPT1:ABC"  # function 80: the data
        b"\x1d(k\x03\x001Q0"  # function 81: print
        b"\n"
    )


@pytest.mark.parametrize("payload", ["", "é", "A\x1bB", "A\nB", "A" * 513])
def test_a_qr_code_holds_printable_ascii_only(payload: str) -> None:
    with pytest.raises(ValueError, match="A QR code on a receipt holds"):
        QrCode(payload=payload)


def test_feed_and_cut() -> None:
    assert composed(Feed(lines=3), Cut()) == SELECT_CP858 + b"\x1bd\x03" + b"\x1bd\x06\x1dV\x01"


def test_no_feed_that_a_byte_does_not_hold() -> None:
    with pytest.raises(ValueError, match="Feed 1 to 255 lines"):
        Feed(lines=256)


HOSTILE = st.text(alphabet=st.one_of(st.characters(), st.sampled_from("\x10\x04\x1b@\x1d\x1cVp\x00\n\r\t\x9b\x7f")))


@given(HOSTILE)
def test_no_text_however_hostile_yields_a_command_byte(text: str) -> None:
    plain = composed(Line(text=""))
    style = plain.removesuffix(b"\n")

    job = composed(Line(text=text))

    assert job.startswith(style)
    assert not [byte for byte in job[len(style) :].replace(b"\n", b"") if byte < 0x20 or byte == 0x7F]


@given(HOSTILE, HOSTILE)
def test_no_columns_however_hostile_yield_a_command_byte_or_a_line_too_long(left: str, right: str) -> None:
    style = composed(Columns(left="", right="")).removesuffix(b" " * 48 + b"\n")

    job = composed(Columns(left=left, right=right))

    assert job.startswith(style)
    lines = job[len(style) :].split(b"\n")
    assert not [byte for line in lines for byte in line if byte < 0x20 or byte == 0x7F]
    assert all(len(line) <= 48 for line in lines)


@given(HOSTILE, st.integers(1, 42))
def test_breaking_lines_loses_no_character_but_spaces(text: str, width: int) -> None:
    rows = break_lines(text, width)

    assert all(len(row) <= width for row in rows)
    assert "".join(rows).replace(" ", "") == text.replace(" ", "")


def test_importing_the_module_does_not_load_python_escpos() -> None:
    script = "import sys, drivers.escpos.compose, drivers.escpos.shell; sys.exit('escpos' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
