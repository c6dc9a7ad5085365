"""What a person sets up at the centre: the centre itself, shops, programmes, boxes."""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from central import configuration
from central.errors import CommandError, StoreError
from central.keys import SIGNING_KEY_ID, create_keys, create_reference_key, discard_keys
from central.store import devices, instruments, programmes
from central.store.database import create_store
from central.store.devices import Device, Shop
from central.work import Work, Workshop
from edge_config.messages import Enrolment, EnrolmentRequest
from edge_config.settings import CentralSettings
from programme.errors import RulesError
from programme.events import CENTRAL
from programme.fold.books import newest
from programme.rules import RuleSet, load_rules
from sync.chain import unb64
from sync.errors import BadSignature
from sync.topics import is_level

SETTINGS_FILE = "central.toml"


def initialise(
    data_dir: Path, *, tenant: str, broker: str, http_host: str, http_port: int, database: str | None = None
) -> None:
    """Make a new centre: its folder, settings, keys and database.

    Args:
        database: URL of an empty database; None makes an SQLite file in the folder.

    Raises:
        CommandError: The folder holds a centre already, or can't be written.
        StoreError: There is a database already.
    """
    settings_path = data_dir / SETTINGS_FILE
    if settings_path.exists():
        raise CommandError(f"{settings_path} is there already; nothing was changed")
    check_id(tenant, "tenant")
    settings = CentralSettings(data_dir=data_dir.absolute(), tenant=tenant, broker=broker, database=database)
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        create_keys(data_dir)
        _create_store(settings)
        # A database's URL may hold a password.
        settings_path.touch(mode=0o600)
        settings_path.write_text(
            f'data_dir = "."\ntenant = "{tenant}"\nbroker = "{broker}"\n'
            # A JSON string is a TOML string, too.
            + (f"database = {json.dumps(database, ensure_ascii=False)}\n" if database else "")
            + f'\n[http]\nhost = "{http_host}"\nport = {http_port}\n',
            encoding="utf-8",
        )
    except OSError as error:
        raise CommandError(f"{data_dir}: {error.strerror}; choose another folder") from None


def _create_store(settings: CentralSettings) -> None:
    try:
        create_store(settings.database_url, tenant=settings.tenant).close()
    except StoreError:
        # A wrong URL can be put right, and the same command given again.
        discard_keys(settings.data_dir)
        raise


def add_shop(workshop: Workshop, shop: Shop) -> None:
    """Add a partner shop.

    Raises:
        CommandError: It is there already, or something about it is wrong.
    """
    check_id(shop.shop, "shop id")
    if not shop.name.strip() or len(shop.name) > 60:
        raise CommandError("the shop's name must have 1 to 60 characters")
    try:
        ZoneInfo(shop.time_zone)
        datetime.strptime(shop.day_ends_at, "%H:%M")  # noqa: DTZ007 - a local time of day
    except (ZoneInfoNotFoundError, ValueError):
        raise CommandError('the time zone must be as "Europe/Paris", and the day\'s end as "03:00"') from None
    with workshop.write() as work:
        if devices.find_shop(work.db, shop.shop) is not None:
            raise CommandError(f"the shop {shop.shop} is there already")
        devices.add_shop(work.db, shop)


def load_programme(workshop: Workshop, path: Path) -> RuleSet:
    """Publish a programme's rules, for good; the same file again changes nothing.

    Raises:
        CommandError: It can't be read, or contradicts what is published.
        RulesError: Every fault of the file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path}: can't be read ({error})") from None
    rules = load_rules(text)
    with workshop.write() as work:
        if work.rulebook.get((rules.id, rules.version)) == rules:
            return rules
        faults = _contradictions(work, rules)
        if faults:
            raise RulesError(faults)
        is_new = not any(rules.id == programme for programme, _ in work.rulebook)
        # The key first: rules without one could not be used, a key without rules does no harm.
        create_reference_key(workshop.data_dir, rules.id)
        programmes.add(work.db, rules, text, at=work.now)
        if is_new:
            instruments.add_head(work.db, rules.id)
    return rules


def _contradictions(work: Work, rules: RuleSet) -> list[str]:
    """What published rules don't allow: amounts already booked must keep their meaning."""
    faults = [
        f"number: {rules.number} is that of {programme}"
        for programme, other in work.newest_rules().items()
        if programme != rules.id and other.number == rules.number
    ]
    versions = [version for programme, version in work.rulebook if programme == rules.id]
    if not versions:
        return faults
    before = newest(work.rulebook, rules.id)
    if rules.version in versions:
        faults.append(f"version: {rules.version} is published with other rules; give these number {max(versions) + 1}")
    elif rules.version < before.version:
        faults.append(f"version: {before.version} is published; a later one must be higher")
    if (rules.voucher is None) != (before.voucher is None):
        faults.append("file: a programme stays of its kind; make another one")
    if rules.number != before.number:
        faults.append(f"number: it is {before.number} in every token already printed")
    if rules.currency_code != before.currency_code:
        faults.append(f"currency_code: the books are in {before.currency_code}")
    return faults


def enrol(
    workshop: Workshop, settings: CentralSettings, request: EnrolmentRequest, *, device: str, shop: str, till: str
) -> Enrolment:
    """Take a box in, bound to a shop.

    Raises:
        CommandError: The box, its key, the shop or a name won't do.
    """
    check_id(device, "device id")
    check_id(till, "till id")
    if device == CENTRAL:
        raise CommandError(f"no box may be called {CENTRAL}")
    _check_key(request.journal_key)
    secret = secrets.token_urlsafe(32)
    record = Device(
        device=device,
        shop=shop,
        till=till,
        shard=hashlib.sha256(device.encode()).hexdigest()[:2],
        journal_key=request.journal_key,
        snapshot_secret_hash=hashlib.sha256(secret.encode()).hexdigest(),
    )
    with workshop.write() as work:
        if devices.find_shop(work.db, shop) is None:
            raise CommandError(f"no shop {shop}; add it first: comptoir-central shop add {shop} --name …")
        _check_new(work, record)
        devices.add_device(work.db, record, at=work.now)
        first = configuration.current(work, record)
        return Enrolment(
            tenant=work.tenant,
            shard=record.shard,
            device=device,
            broker=settings.broker,
            central=public_url(settings),
            central_key_id=SIGNING_KEY_ID,
            central_key=work.keys.signing_public,
            snapshot_secret=secret,
            time=work.signed_time(),
            configuration=first.signed.decode(),
        )


def read_request(path: Path) -> EnrolmentRequest:
    """Read what a box wrote.

    Raises:
        CommandError: It can't be read or isn't a request.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=EnrolmentRequest)
    except OSError as error:
        raise CommandError(f"{path}: can't be read ({error.strerror})") from None
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise CommandError(f"{path}: not an enrolment request ({error}); make it on the box") from None


def public_url(settings: CentralSettings) -> str:
    """How boxes reach the HTTP side.

    Raises:
        CommandError: The port is chosen at each start, so nobody can know it.
    """
    if settings.public_url is not None:
        return settings.public_url
    if settings.http.port == 0:
        raise CommandError("set public_url, or http.port to a fixed port, so that boxes can be told where central is")
    return f"http://{settings.http.host}:{settings.http.port}"


def send_command(workshop: Workshop, device: str, name: str) -> str:
    """Queue a command to a box; the running server sends it.

    Raises:
        CommandError: There is no such box.
    """
    with workshop.write() as work:
        if devices.find(work.db, device) is None:
            raise CommandError(f"no box {device}; comptoir-central devices lists them")
        command_id = work.ids.new_id()
        devices.add_command(work.db, command_id=command_id, device=device, name=name)
    return str(command_id)


def _check_new(work: Work, record: Device) -> None:
    for other in devices.devices(work.db):
        if other.device == record.device:
            raise CommandError(f"the box {record.device} is enrolled already; choose another id")
        if other.journal_key == record.journal_key:
            raise CommandError(f"this key is that of the box {other.device}; make a new request on the box")


def check_id(name: str, what: str) -> None:
    """Check an id.

    Raises:
        CommandError: It won't do in a topic.
    """
    if not is_level(name):
        raise CommandError(f"{what} {name[:40]!r}: 1 to 40 of a-z, 0-9 and -, not starting with -")


def _check_key(text: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(unb64(text))
    except (BadSignature, ValueError):
        raise CommandError("the request holds no usable key; make it on the box again") from None
