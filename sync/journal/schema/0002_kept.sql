-- Rows that central acknowledged without booking them: no registry version holds them.
CREATE TABLE kept (position INTEGER PRIMARY KEY) STRICT;
