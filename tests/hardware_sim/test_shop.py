"""A virtual shop is open, or nothing of its box runs."""

from collections.abc import Iterator

import pytest

from hardware_sim.programs import Program
from hardware_sim.shop import VirtualShop
from tests.e2e.places import short_folder

_BABBLER = """
import pathlib, sys, time
box = pathlib.Path(sys.argv[1])
box.mkdir(exist_ok=True)
(box / "api.json").write_text("no json")
time.sleep(60)
"""


@pytest.fixture
def shop() -> Iterator[VirtualShop]:
    with short_folder() as folder:
        shop = VirtualShop("a", folder=folder, broker_port=1, central_port=1, has_camera=False)
        yield shop
        shop.close()


def test_a_box_that_can_not_be_opened_is_ended(shop: VirtualShop) -> None:
    (shop.folder / "babbler.py").write_text(_BABBLER)
    shop.gateway = Program(
        "babbler",
        "babbler",
        [str(shop.folder / "box")],
        log=shop.folder / "gateway.log",
        environ={"PYTHONPATH": str(shop.folder)},
    )

    with pytest.raises(ValueError, match="Expecting value"):
        shop.open()

    assert not shop.gateway.running
