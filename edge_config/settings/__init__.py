"""Settings of both programs: a TOML file, then the environment; every fault is reported at once.

What a box must know before it can ask central: where its data and its devices are. What central decides (shop,
programmes, keys) comes as `edge_config.messages.Configuration` instead.

Scalars can be set from the environment: `COMPTOIR_` and the key in capitals, a dot as an underscore, so `api.port` is
`COMPTOIR_API_PORT`.
"""

from __future__ import annotations

from edge_config.settings.loading import load_box_settings, load_central_settings
from edge_config.settings.values import (
    ApiSettings,
    BoxSettings,
    CameraSettings,
    CentralSettings,
    Confirmation,
    HttpSettings,
    JournalSettings,
    Language,
    PrinterSettings,
    ScannerSettings,
)

__all__ = [
    "ApiSettings",
    "BoxSettings",
    "CameraSettings",
    "CentralSettings",
    "Confirmation",
    "HttpSettings",
    "JournalSettings",
    "Language",
    "PrinterSettings",
    "ScannerSettings",
    "load_box_settings",
    "load_central_settings",
]
