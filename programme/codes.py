"""From the text that a scanner read to an instrument: signed tokens first, then legacy identifiers."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from programme.errors import ForeignCode, ForgedCode, UnknownCode, UnknownKey
from programme.events import CodeTrust
from programme.rules import RuleSet, SerialForm
from programme.tokens import PREFIX, Token, TokenKind, read_unverified, verify_token

REFERENCE_BYTES = 16
MAX_CODE_CHARACTERS = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """An instrument as its code tells it.

    Attributes:
        programme: Programme id.
        instrument: The reference events carry.
        trust: Whether a signature stands behind it or only the registry can vouch for it.
        token: The claims, when signed.
    """

    programme: str
    instrument: str
    trust: CodeTrust
    token: Token | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeBook:
    """What a box needs to understand codes.

    Attributes:
        rules: Rule sets by programme id.
        reference_keys: HMAC keys by programme id.
        token_keys: Token-signing keys in force, by key id; a revoked key is not among them.
    """

    rules: Mapping[str, RuleSet]
    reference_keys: Mapping[str, bytes]
    token_keys: Mapping[bytes, Ed25519PublicKey]

    def resolve(self, text: str) -> Code:
        """Find the instrument that a scanned code stands for.

        Raises:
            ForgedCode: A token that is wrongly signed, or of another kind than its programme.
            CodeError: A token that is damaged.
            ForeignCode: A genuine token of a programme that isn't taken here.
            UnknownCode: Anything else.
        """
        if text.startswith(PREFIX):
            return self._resolve_token(text)
        if len(text) <= MAX_CODE_CHARACTERS:
            for rules in self.rules.values():
                serial = legacy_serial(rules, text)
                if serial is not None:
                    return self._code(rules, serial, CodeTrust.LEGACY, None)
        raise UnknownCode("no programme here knows this code")

    def _resolve_token(self, text: str) -> Code:
        try:
            token, trust = verify_token(text, self.token_keys), CodeTrust.SIGNED
        except UnknownKey:
            token, trust = read_unverified(text), CodeTrust.LEGACY
        for rules in self.rules.values():
            if rules.number == token.programme_number:
                if (token.kind is TokenKind.VOUCHER) != (rules.voucher is not None):
                    raise ForgedCode("token: of another kind than its programme")
                return self._code(rules, token.serial, trust, token if trust is CodeTrust.SIGNED else None)
        raise ForeignCode(f"token: of programme number {token.programme_number}, which is not taken here")

    def _code(self, rules: RuleSet, serial: bytes, trust: CodeTrust, token: Token | None) -> Code:
        instrument = reference(self.reference_keys[rules.id], serial)
        return Code(programme=rules.id, instrument=instrument, trust=trust, token=token)


def legacy_serial(rules: RuleSet, text: str) -> bytes | None:
    """The canonical serial, if one of the programme's identifier rules matches the whole code."""
    for identifier in rules.identifiers:
        match = re.fullmatch(identifier.pattern, text, re.ASCII)
        if match is not None:
            return _pack(match["serial"], identifier.serial)
    return None


def _pack(serial: str, form: SerialForm) -> bytes | None:
    if form is SerialForm.TEXT:
        return serial.upper().encode("ascii") if serial.isascii() else None
    if not serial.isdecimal() or not serial.isascii() or len(serial) > 30:
        return None
    number = int(serial)
    return bytes([len(serial)]) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def reference(key: bytes, serial: bytes) -> str:
    """The pseudonymous reference of a canonical serial: HMAC-SHA256 under the programme's key, 128 bits, in hex."""
    return hmac.new(key, serial, hashlib.sha256).digest()[:REFERENCE_BYTES].hex()
