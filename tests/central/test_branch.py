"""Where rows belong: central's branch, or another one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from central.branch import place
from central.store.journal import NO_ROW, KnownRow, Mark
from sync.chain import GENESIS, Row, make_row

EPOCH = "1-0123456789abcdef"


def chain(*names: bytes, after: Row | None = None) -> list[Row]:
    rows: list[Row] = [] if after is None else [after]
    for name in names:
        previous, seq = (rows[-1].hash, rows[-1].seq + 1) if rows else (GENESIS, 1)
        rows.append(make_row(epoch=EPOCH, seq=seq, previous=previous, event=name))
    return rows if after is None else rows[1:]


def known(*rows: Row) -> dict[int, KnownRow]:
    return {row.seq: KnownRow(hash=row.hash, previous=row.previous) for row in rows}


def mark(row: Row) -> Mark:
    return Mark(seq=row.seq, hash=row.hash)


def test_contiguous_rows_move_the_watermark() -> None:
    rows = chain(b"1", b"2", b"3")

    placement = place(rows, {}, NO_ROW)

    assert placement.watermark == mark(rows[2])
    assert placement.added == rows
    assert placement.missing is None


def test_rows_after_a_gap_are_kept_and_the_gap_is_named() -> None:
    rows = chain(b"1", b"2", b"3", b"4")

    placement = place(rows[3:], known(rows[0]), mark(rows[0]))

    assert placement.watermark == mark(rows[0])
    assert placement.added == [rows[3]]
    assert placement.missing == (2, 3)


def test_a_whole_batch_that_leaves_the_branch_is_forked() -> None:
    rows = chain(b"1", b"2")
    other = chain(b"2'", b"3'", b"4'", after=rows[0])

    placement = place(other, known(*rows), mark(rows[1]))

    assert placement.forked == other
    assert placement.added == []
    assert placement.missing is None


def test_a_row_that_follows_another_branch_is_forked() -> None:
    rows = chain(b"1", b"2")
    other = chain(b"2'", b"3'", after=rows[0])

    placement = place(other[1:], known(*rows), mark(rows[1]))

    assert placement.forked == other[1:]


def test_another_row_at_a_tentative_place_is_forked_while_neither_is_settled() -> None:
    rows = chain(b"1", b"2", b"3")
    other = chain(b"2'", b"3'", after=rows[0])

    placement = place(other[1:], known(rows[0], rows[2]), mark(rows[0]))

    assert placement.forked == other[1:]


def test_a_contiguous_row_displaces_a_tentative_one() -> None:
    rows = chain(b"1", b"2", b"3", b"4")
    other = chain(b"2'", b"3'", after=rows[0])

    placement = place(other, known(rows[0], rows[2], rows[3]), mark(rows[0]))

    assert placement.evict_from == 3
    assert placement.added == other
    assert placement.watermark == mark(other[-1])


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12)), min_size=1, max_size=30))
def test_batches_of_one_branch_in_any_order_never_fork_and_the_watermark_is_the_contiguous_part(
    cuts: list[tuple[int, int]],
) -> None:
    rows = chain(*(bytes([number]) for number in range(12)))
    stored: dict[int, KnownRow] = {}
    watermark = NO_ROW
    for first, last in ((min(cut), max(cut)) for cut in cuts):
        placement = place(rows[first - 1 : last], stored, watermark)
        assert placement.forked == []
        assert placement.evict_from is None
        stored |= known(*placement.added)
        watermark = placement.watermark

    contiguous = next((seq for seq in range(1, 13) if seq not in stored), 13) - 1
    assert watermark.seq == contiguous
