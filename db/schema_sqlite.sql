-- The ledger on SQLite, schema version 1.
--
-- Addresses are 16-byte big-endian blobs, IPv4 as v4-mapped IPv6, so that byte order is address order; their canonical
-- text stands beside them. Times are RFC 3339 in UTC.

CREATE TABLE schema_version (
  version    INTEGER PRIMARY KEY,
  applied_at TEXT NOT NULL
) STRICT;

-- The last number handed out, by what is numbered. A number is never handed out again, also not after a delete.
CREATE TABLE sequences (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO sequences (name, value) VALUES ('network', 0);

-- Every prefix in use, whoever uses it: a network's IPv4 block or a bridge's IPv6 /64. No two overlap.
CREATE TABLE claims (
  first  BLOB PRIMARY KEY CHECK (length(first) = 16),
  last   BLOB NOT NULL CHECK (length(last) = 16 AND last >= first),
  prefix TEXT NOT NULL,
  kind   TEXT NOT NULL CHECK (kind IN ('network', 'bridge'))
) STRICT, WITHOUT ROWID;

-- Since the claims there are do not overlap, a new one can only overlap the nearest that begins before it and the
-- nearest that begins after it: two look-ups.
CREATE TRIGGER claims_insert BEFORE INSERT ON claims BEGIN
  SELECT RAISE(ABORT, 'it overlaps a prefix that is in use')
  WHERE (SELECT last FROM claims WHERE first <= NEW.first ORDER BY first DESC LIMIT 1) >= NEW.first
     OR (SELECT first FROM claims WHERE first > NEW.first ORDER BY first LIMIT 1) <= NEW.last;
END;

CREATE TRIGGER claims_update BEFORE UPDATE ON claims BEGIN
  SELECT RAISE(ABORT, 'a claim does not change; delete it and insert another');
END;

-- What no claim covers, as the largest possible ranges. `largest` is the prefix length of the largest aligned block
-- that fits into the range, which is what finds the first free slot of a size without walking over what is taken.
CREATE TABLE free_ranges (
  first   BLOB PRIMARY KEY CHECK (length(first) = 16),
  last    BLOB NOT NULL CHECK (length(last) = 16 AND last >= first),
  largest INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX free_ranges_largest ON free_ranges (largest, first);

-- All of IPv4, and IPv6 from 2000:: up, where the unicast space begins that networks may use.
INSERT INTO free_ranges (first, last, largest) VALUES
  (x'00000000000000000000ffff00000000', x'00000000000000000000ffffffffffff', 0),
  (x'20000000000000000000000000000000', x'ffffffffffffffffffffffffffffffff', 1);

-- The links. A VLAN's bridge carries one network; a flat one (vlan is null) any number of them, which share its IPv6
-- prefix.
CREATE TABLE bridges (
  bridge   TEXT PRIMARY KEY,
  vlan     INTEGER UNIQUE CHECK (vlan BETWEEN 1 AND 4094),
  cidr_v6  TEXT,
  first_v6 BLOB UNIQUE REFERENCES claims (first),
  CHECK ((cidr_v6 IS NULL) = (first_v6 IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE networks (
  id                  INTEGER PRIMARY KEY,
  -- Where its prefix begins: the IPv4 one, or the IPv6 one if it has no other. It gives lists their order.
  first               BLOB NOT NULL UNIQUE REFERENCES claims (first),
  label               TEXT,
  manager             TEXT NOT NULL CHECK (manager IN ('VlanManager', 'FlatManager', 'FlatDHCPManager')),
  cidr                TEXT,
  netmask             TEXT,
  gateway             TEXT,
  broadcast           TEXT,
  dhcp_start          TEXT,
  bridge              TEXT NOT NULL REFERENCES bridges (bridge),
  bridge_interface    TEXT,
  vlan                INTEGER UNIQUE,
  vpn_public_address  TEXT,
  vpn_public_port     INTEGER UNIQUE CHECK (vpn_public_port BETWEEN 1 AND 65535),
  vpn_private_address TEXT,
  cidr_v6             TEXT,
  gateway_v6          TEXT,
  dns1                TEXT,
  dns2                TEXT,
  mtu                 INTEGER,
  project_id          TEXT,
  host                TEXT,
  -- How many addresses below the broadcast are kept for VPN clients (Nova's cnt_vpn_clients).
  vpn_clients         INTEGER NOT NULL DEFAULT 0,
  created_at          TEXT NOT NULL,
  updated_at          TEXT,
  CHECK (cidr IS NOT NULL OR cidr_v6 IS NOT NULL),
  CHECK ((manager = 'VlanManager') = (vlan IS NOT NULL)),
  CHECK ((cidr_v6 IS NULL) = (gateway_v6 IS NULL))
) STRICT;

CREATE INDEX networks_bridge ON networks (bridge);
CREATE INDEX networks_label ON networks (label) WHERE label IS NOT NULL;
CREATE INDEX networks_project ON networks (project_id) WHERE project_id IS NOT NULL;

-- A network is on a bridge of its own kind, and has the bridge's IPv6 prefix or none.
CREATE TRIGGER networks_insert BEFORE INSERT ON networks BEGIN
  SELECT RAISE(ABORT, 'the network does not fit its bridge')
  WHERE NOT EXISTS (
    SELECT 1 FROM bridges b
    WHERE b.bridge = NEW.bridge AND b.vlan IS NEW.vlan AND (NEW.cidr_v6 IS NULL OR NEW.cidr_v6 = b.cidr_v6));
END;

CREATE TRIGGER networks_update BEFORE UPDATE OF first, cidr, cidr_v6, bridge, vlan ON networks BEGIN
  SELECT RAISE(ABORT, 'where a network is does not change; delete it and create another');
END;
