-- Booked rows that moved to a file; `header` and `signature` are the file's own. A file is deleted after the legal term:
-- then it has no name any more, and its header tells what the rows after it follow.
CREATE TABLE archives (
    first_position INTEGER PRIMARY KEY,
    last_position INTEGER NOT NULL,
    -- Rows up to here are no longer in `rows`, closures, openings, voids and unbooked ones apart.
    moved_to INTEGER NOT NULL,
    name TEXT,
    header BLOB NOT NULL,
    signature TEXT NOT NULL
) STRICT;
CREATE INDEX archives_moved_to ON archives (moved_to);

-- Ids of the events in archives, and what these ended; where they were written last. Never deleted.
CREATE TABLE archived (
    id BLOB PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
