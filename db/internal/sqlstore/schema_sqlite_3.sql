-- Schema version 3: what one network node serves is found by index, so that a snapshot of it costs what the node has and not what
-- the ledger has.

CREATE INDEX networks_host ON networks (host, first) WHERE host IS NOT NULL;
CREATE INDEX floating_ranges_host ON floating_ranges (host, first);
