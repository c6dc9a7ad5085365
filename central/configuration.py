"""A box's configuration, made from what the centre knows; a new version whenever that changes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import msgspec

from central.keys import TOKEN_KEY_ID, public_text
from central.store import devices
from central.store.devices import Device
from central.work import Work
from edge_config.messages import CONFIG_CONTEXT, Configuration, ProgrammeConfiguration
from programme.canonical import canonical_bytes
from sync.chain import b64


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedConfiguration:
    """The newest configuration of a box."""

    version: int
    signed: bytes


def current(work: Work, device: Device) -> SignedConfiguration:
    """The box's configuration; a new version if something changed since the last one.

    It holds the reference keys, so the database keeps its fingerprint alone: signed again, it is the same bytes.
    """
    content = _content(work, device)
    fingerprint = hashlib.sha256(canonical_bytes(content)).hexdigest()
    known = devices.find(work.db, device.device)
    if known is not None and known.config_content == fingerprint:
        version = known.config_version
    else:
        version = known.config_version + 1 if known is not None else 1
        devices.set_configuration(work.db, device.device, version=version, content=fingerprint)
    return SignedConfiguration(
        version=version, signed=work.keys.sign_as(CONFIG_CONTEXT, replace(content, version=version))
    )


def _content(work: Work, device: Device) -> Configuration:
    shop = devices.find_shop(work.db, device.shop)
    assert shop is not None
    return Configuration(
        device=device.device,
        version=0,
        shop=shop.shop,
        shop_name=shop.name,
        till=device.till,
        time_zone=shop.time_zone,
        day_ends_at=shop.day_ends_at,
        token_keys={TOKEN_KEY_ID: public_text(work.keys.token)},
        programmes={
            programme: ProgrammeConfiguration(
                rules=msgspec.to_builtins(rules), reference_key=b64(work.keys.references[programme])
            )
            for programme, rules in work.newest_rules().items()
        },
    )
