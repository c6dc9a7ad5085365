"""Central's database: tables and named functions over one open transaction (SQLAlchemy Core).

Every function takes the `Connection` of a transaction that `database.Store` opened; none commits. Instants are stored
as microseconds since 1970, ids and hashes as text, what was signed or sent as verbatim bytes.
"""
