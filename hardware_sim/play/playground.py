"""What hands can do in the playground: scan, show to the camera, pull paper, covers, power and network."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

from hardware_sim.errors import SimulatorError
from hardware_sim.programs import until
from hardware_sim.shop import FILM, VirtualShop
from hardware_sim.things import Kind
from hardware_sim.town import CARD, VOUCHER, VirtualTown

Json = dict[str, Any]

SHOPS = {"a": "Librairie des Halles", "b": "Café du Port"}
CARDS = 4
OFFICE_USER = "bureau"
CONSIGNED = (("10,00", 3), ("20,00", 4), ("50,00", 2))
CARD_PICTURE_SCALE = 6


class Part(Enum):
    """What can be pulled."""

    PAPER = "paper"
    COVER = "cover"
    PRINTER = "printer"
    SCANNER = "scanner"
    CAMERA = "camera"
    NETWORK = "network"
    BOX = "box"


CHOICES: Mapping[Part, tuple[str, ...]] = {
    Part.PAPER: ("ok", "near_end", "out"),
    Part.COVER: ("closed", "open"),
    Part.PRINTER: ("on", "off"),
    Part.SCANNER: ("plugged", "unplugged"),
    Part.CAMERA: ("plugged", "unplugged"),
    Part.NETWORK: ("up", "cut"),
    Part.BOX: ("on", "off"),
}
"""The positions of each part; the first is how a shop opens."""


class NoSuchThing(SimulatorError):
    """The page asked for a shop, a part or a code that isn't here: load it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something with a code on it, to put under a scanner or before a camera.

    Attributes:
        token: What the code says.
        picture: Of it, for the page.
    """

    item: str
    label: str
    token: str
    picture: Path


@dataclass(slots=True, kw_only=True)
class _Counter:
    """One shop, and how everything of it stands."""

    shop: VirtualShop
    name: str
    positions: dict[Part, str] = field(default_factory=lambda: {part: states[0] for part, states in CHOICES.items()})
    receipts: list[Json] = field(default_factory=list)
    hands: threading.Lock = field(default_factory=threading.Lock)
    """One pair of hands per shop."""


class Playground:
    """Two shops of a town that is running; its methods block, and may be called from any thread.

    Attributes:
        passphrase: Lets `OFFICE_USER` into the office page.
    """

    def __init__(self, town: VirtualTown, *, origin: str) -> None:
        """Set up.

        Args:
            origin: Of the page that shows the counters in frames.
        """
        self._town = town
        self._origin = origin
        self._counters: dict[str, _Counter] = {}
        self._items: dict[str, Item] = {}
        self._seeds = itertools.count(1)
        self.passphrase = ""

    def open(self) -> None:
        """Found the shops, issue cards and vouchers, and open."""
        self.passphrase = self._town.office("office", "add", OFFICE_USER).strip()
        for shop, name in SHOPS.items():
            virtual = self._town.found_shop(shop, name, has_camera=False, films=True, embedded_in=self._origin)
            self._counters[shop] = _Counter(shop=virtual, name=name)
            for face, count in CONSIGNED:
                self._town.issue(VOUCHER, count, "--face", face, "--consign", virtual.device)
        for number, card in enumerate(self._town.issue(CARD, CARDS), start=1):
            self._add(f"card-{number}", f"Carte {number}", card.token)
        self._town.start_central()
        for counter in self._counters.values():
            counter.shop.open()
        for counter in self._counters.values():
            until(counter.shop.grant, what=f"a grant for {counter.name}")

    @property
    def urls(self) -> dict[str, str]:
        """Where the counters are, by shop."""
        return {shop: counter.shop.url for shop, counter in self._counters.items()}

    @property
    def office_url(self) -> str:
        """Where the office page is."""
        return self._town.central_url

    def state(self) -> Json:
        """Everything the page shows."""
        return {
            "shops": [self._shop_state(shop, counter) for shop, counter in self._counters.items()],
            "items": [{"item": item.item, "label": item.label} for item in self._items.values()],
            "office": self._town.central_url,
            "passphrase": self.passphrase,
        }

    def scan(self, shop: str, item: str) -> None:
        """Put a code under a shop's hand scanner."""
        counter, shown = self._counter(shop), self._item(item)
        with counter.hands:
            counter.shop.twin("scanner").do("scan", payload=shown.token, symbology="]Q1")

    def film(self, shop: str, item: str, *, kind: Kind) -> None:
        """Hold a code before a shop's camera, on a card, a phone or a paper; it leaves by itself."""
        counter, shown = self._counter(shop), self._item(item)
        with counter.hands:
            counter.shop.twin(FILM).do("show", token=shown.token, kind=kind.value, seed=next(self._seeds))

    def sell(self, shop: str, face: str) -> None:
        """Sell a voucher at a shop."""
        self._counter(shop).shop.operate("sell", programme=VOUCHER, amount=face)

    def redeem(self, shop: str, item: str) -> None:
        """Scan a voucher at a shop, and take it."""
        counter, shown = self._counter(shop), self._item(item)
        with counter.hands:
            counter.shop.scan(shown.token)
            counter.shop.operate("redeem")

    def wait_booked(self, shop: str) -> None:
        """Wait until central has booked all that a shop recorded, and every box knows of it."""
        until(lambda: self._counter(shop).shop.status()["queue"]["unbooked_rows"] == 0, what="everything to be booked")
        heads = self._town.registry_heads()
        for counter in self._counters.values():
            until(partial(_knows, counter.shop, heads), what=f"{counter.name} to know what was booked")

    def put(self, shop: str, part: Part, to: str) -> None:
        """Bring a part of a shop into a position; nothing happens where it is in it already."""
        counter = self._counter(shop)
        if to not in CHOICES[part]:
            raise NoSuchThing(f"{part.value}: one of {', '.join(CHOICES[part])}")
        with counter.hands:
            if counter.positions[part] != to:
                self._moves(counter.shop)[part](to)
                counter.positions[part] = to

    def picture(self, item: str) -> Path:
        """The picture of a code."""
        return self._item(item).picture

    def receipt(self, shop: str, number: int) -> Path:
        """The picture of a receipt."""
        counter = self._counter(shop)
        if not any(printed["number"] == number for printed in counter.receipts):
            raise NoSuchThing(f"no receipt {number} at {counter.name}")
        return counter.shop.receipts / f"receipt-{number:04}.png"

    def _moves(self, shop: VirtualShop) -> Mapping[Part, Callable[[str], object]]:
        def network(to: str) -> None:
            shop.cut_off() if to == "cut" else shop.reconnect()

        def box(to: str) -> None:
            if to == "on":
                shop.open()
                return
            shop.gateway.kill()
            shop.twin(FILM).do("take_away")  # whoever stands there while the light is out goes away

        def plug(twin: str) -> Callable[[str], object]:
            return lambda to: shop.twin(twin).do("unplug" if to == "unplugged" else "replug")

        return {
            Part.PAPER: lambda to: shop.twin("printer").do("paper", state=to),
            Part.COVER: lambda to: shop.twin("printer").do("cover", state=to),
            Part.PRINTER: lambda to: shop.twin("printer").do("power", state=to),
            Part.SCANNER: plug("scanner"),
            Part.CAMERA: plug(FILM),
            Part.NETWORK: network,
            Part.BOX: box,
        }

    def _shop_state(self, shop: str, counter: _Counter) -> Json:
        self._look_at_the_paper(shop, counter)
        return {
            "shop": shop,
            "name": counter.name,
            "counter": counter.shop.url,
            "parts": {part.value: {"is": to, "choices": CHOICES[part]} for part, to in counter.positions.items()},
            "receipts": counter.receipts,
        }

    def _look_at_the_paper(self, shop: str, counter: _Counter) -> None:
        with counter.hands:
            printed = counter.shop.twin("printer").do("state")["receipts"]
            for number in range(len(counter.receipts) + 1, printed + 1):
                picture, paper = counter.shop.receipt(number)
                codes = []
                for payload in paper["qr"]:
                    item = f"paper-{shop}-{number}"
                    face = next((line for line in paper["lines"] if "€" in line), "")
                    self._items[item] = Item(item=item, label=f"Chèque {face.strip()}", token=payload, picture=picture)
                    codes.append(item)
                counter.receipts.append({"number": number, "codes": codes})

    def _add(self, item: str, label: str, token: str) -> None:
        import segno

        picture = self._town.folder / f"{item}.png"
        segno.make_qr(token, error="m").save(str(picture), scale=CARD_PICTURE_SCALE, border=4)
        self._items[item] = Item(item=item, label=label, token=token, picture=picture)

    def _counter(self, shop: str) -> _Counter:
        if shop not in self._counters:
            raise NoSuchThing(f"no shop {shop[:20]!r} here")
        return self._counters[shop]

    def _item(self, item: str) -> Item:
        if item not in self._items:
            raise NoSuchThing(f"no code {item[:40]!r} here")
        return self._items[item]


def _knows(shop: VirtualShop, heads: Mapping[str, int]) -> bool:
    """Whether a box's replicas are as new as these registry versions."""
    replicas = shop.status()["replicas"]
    return all((replicas[programme]["version"] or 0) >= version for programme, version in heads.items())
