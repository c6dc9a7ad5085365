"""`comptoir run`: the agent."""

from __future__ import annotations

import asyncio
import sys
from argparse import Namespace
from collections.abc import Mapping

import structlog

from edge_config.settings import load_box_settings
from gateway.app import run as run_agent


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Run until SIGTERM or Ctrl-C."""
    settings = load_box_settings(arguments.config, environ)
    _log_as_json()
    asyncio.run(run_agent(settings))
    return 0


def _log_as_json() -> None:
    """One JSON object a line on standard error; codes, tokens and secrets are never in it."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
