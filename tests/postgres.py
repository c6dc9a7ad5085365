"""Kept for imports."""

from hardware_sim.postgres import Postgres, binaries

__all__ = ["Postgres", "binaries"]
