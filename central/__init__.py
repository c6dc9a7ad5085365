"""The central server: ingest, ledger, registry, grants, authorisations."""
