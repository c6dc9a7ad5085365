-- The last closure is where an opening begins to verify; a month's days are summed up from here, too.
CREATE INDEX rows_closures ON rows (position)
    WHERE type IN ('comptoir.day_closed.v1', 'comptoir.period_closed.v1');
