"""A held trigger is one scan; a second voucher is not."""

from hypothesis import given
from hypothesis import strategies as st

from drivers.scanner.duplicates import DuplicateFilter


def new_at(
    duplicates: DuplicateFilter, now_s: float, payload: str = "V1", device: str = "counter", *, sees_one: bool = False
) -> bool:
    return duplicates.is_new(device=device, payload=payload, now_s=now_s, sees_one=sees_one)


def test_a_held_trigger_is_one_scan() -> None:
    duplicates = DuplicateFilter(window_s=2.0)

    assert [new_at(duplicates, tenth / 10) for tenth in range(5)] == [True, False, False, False, False]


def test_a_code_left_before_the_camera_stays_one_scan_for_as_long_as_it_is_seen() -> None:
    duplicates = DuplicateFilter(window_s=2.0)

    assert [new_at(duplicates, now_s) for now_s in (0.0, 1.9, 3.8, 5.7, 7.6)] == [True, False, False, False, False]


def test_a_second_voucher_is_a_second_scan() -> None:
    duplicates = DuplicateFilter(window_s=2.0)

    assert new_at(duplicates, 0.0, payload="V1")
    assert new_at(duplicates, 0.1, payload="V2")


def test_two_codes_in_one_picture_do_not_renew_each_other() -> None:
    duplicates = DuplicateFilter(window_s=2.0)
    reads = [(0.0, "V1"), (0.0, "V2"), (0.1, "V1"), (0.1, "V2"), (0.2, "V1")]

    assert [new_at(duplicates, now_s, payload) for now_s, payload in reads] == [True, True, False, False, False]


def test_a_code_after_another_one_at_a_hand_scanner_is_deliberate() -> None:
    duplicates = DuplicateFilter(window_s=2.0)
    reads = [(0.0, "V1"), (0.5, "V2"), (0.6, "V2"), (1.0, "V1")]

    assert [new_at(duplicates, now_s, payload, sees_one=True) for now_s, payload in reads] == [True, True, False, True]


def test_the_same_code_after_an_absence_is_deliberate() -> None:
    duplicates = DuplicateFilter(window_s=2.0)
    new_at(duplicates, 0.0)
    new_at(duplicates, 1.0)

    assert not new_at(duplicates, 3.0)
    assert new_at(duplicates, 5.5)


def test_another_device_is_another_scan() -> None:
    duplicates = DuplicateFilter(window_s=2.0)

    assert new_at(duplicates, 0.0, device="counter")
    assert new_at(duplicates, 0.1, device="camera")


@given(st.lists(st.tuples(st.floats(0.0, 5.0), st.sampled_from(["V1", "V2", "V3"])), min_size=1))
def test_a_scan_is_new_exactly_when_its_code_was_away(reads: list[tuple[float, str]]) -> None:
    duplicates = DuplicateFilter(window_s=2.0)
    last_s: dict[str, float] = {}
    now_s = 0.0
    for wait_s, payload in reads:
        now_s += wait_s
        was_away = payload not in last_s or last_s[payload] < now_s - 2.0

        assert new_at(duplicates, now_s, payload) == was_away
        last_s[payload] = now_s
