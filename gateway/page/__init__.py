"""The counter page's files, read into memory, once as they are and once packed."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType

INDEX = "index.html"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_MARK = b'name="comptoir-page" content=""'


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The files by name.

    Attributes:
        packed: By gzip, those that are smaller so.
        fingerprint: Another one for other files: a page that is open loads itself again.
    """

    files: Mapping[str, bytes]
    packed: Mapping[str, bytes]
    fingerprint: str


def read_page(folder: Traversable | None = None) -> Page:
    """Read the page's files, those of this package unless another folder is given."""
    found = {
        entry.name: entry.read_bytes()
        for entry in (folder or files("gateway.page")).iterdir()
        if entry.name[entry.name.rfind(".") :] in TYPES
    }
    digest = hashlib.sha256(b"\0".join(name.encode() + b"\0" + found[name] for name in sorted(found)))
    fingerprint = digest.hexdigest()[:16]
    found[INDEX] = found[INDEX].replace(_MARK, _MARK[:-1] + fingerprint.encode() + b'"')
    packed = {name: gzip.compress(content, mtime=0) for name, content in found.items()}
    return Page(
        files=MappingProxyType(found),
        packed=MappingProxyType({name: small for name, small in packed.items() if len(small) < len(found[name])}),
        fingerprint=fingerprint,
    )
