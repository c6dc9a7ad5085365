-- Whose journal this is.
CREATE TABLE box (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    device TEXT NOT NULL,
    journal_key BLOB NOT NULL
) STRICT;

CREATE TABLE epochs (
    counter INTEGER PRIMARY KEY,
    epoch TEXT NOT NULL UNIQUE,
    first_position INTEGER NOT NULL
) STRICT;

-- The journal. `position` runs over all epochs in the order written: a row of an epoch is at first_position + seq - 1.
-- `ends` is the authorisation that the row ends: the abandoned one, else the event's own id. Every column but the last
-- three repeats what the event says, to be searched by.
CREATE TABLE rows (
    position INTEGER PRIMARY KEY,
    epoch TEXT NOT NULL,
    seq INTEGER NOT NULL,
    event_id BLOB NOT NULL,
    ends BLOB NOT NULL,
    type TEXT NOT NULL,
    occurred_at_us INTEGER NOT NULL,
    ordered_at_us INTEGER NOT NULL,
    clock TEXT NOT NULL,
    programme TEXT,
    instrument TEXT,
    currency TEXT,
    value_minor INTEGER,
    event BLOB NOT NULL,
    previous BLOB NOT NULL,
    hash BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX rows_ends ON rows (ends, epoch);
CREATE UNIQUE INDEX rows_event_id ON rows (event_id, epoch) WHERE event_id <> ends;
CREATE INDEX rows_instrument ON rows (instrument, position) WHERE instrument IS NOT NULL;

-- Where the journal, its outbox and its clock stand; written once per commit.
CREATE TABLE standing (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch TEXT NOT NULL,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    sent_position INTEGER NOT NULL,
    watermark_seq INTEGER NOT NULL,
    watermark_hash BLOB NOT NULL,
    generation INTEGER NOT NULL,
    clock_at_us INTEGER NOT NULL,
    clock_elapsed_us INTEGER NOT NULL,
    clock_boot_id TEXT NOT NULL,
    clock_state TEXT NOT NULL
) STRICT;

-- The last ack of each epoch and generation of central, verbatim.
CREATE TABLE acks (
    epoch TEXT NOT NULL,
    generation INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    signed TEXT NOT NULL,
    PRIMARY KEY (epoch, generation)
) STRICT, WITHOUT ROWID;

-- `programme.state` records: what the rows add up to.
CREATE TABLE state (
    key TEXT PRIMARY KEY,
    record BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    event_id BLOB NOT NULL,
    payload BLOB NOT NULL,
    state TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX jobs_state ON jobs (state, id);

-- The registry replica lives here so that one query sees it and the rows; it is no part of the journal. A snapshot is
-- loaded beside the entries in use, in another slot, and takes their place in one step.
CREATE TABLE replica_head (
    programme TEXT PRIMARY KEY,
    slot INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE replica (
    programme TEXT NOT NULL,
    slot INTEGER NOT NULL,
    instrument TEXT NOT NULL,
    entry BLOB NOT NULL,
    PRIMARY KEY (programme, slot, instrument)
) STRICT, WITHOUT ROWID;

-- This registry version holds every row up to this position.
CREATE TABLE counted (
    programme TEXT NOT NULL,
    generation INTEGER NOT NULL,
    version INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (programme, generation, version)
) STRICT, WITHOUT ROWID;
