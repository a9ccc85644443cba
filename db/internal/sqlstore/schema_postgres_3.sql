-- Schema version 3, index by index that of schema_sqlite_3.sql.

CREATE INDEX networks_host ON networks (host, first) WHERE host IS NOT NULL;
CREATE INDEX floating_ranges_host ON floating_ranges (host, first);
