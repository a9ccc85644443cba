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

INSERT INTO sequences (name, value) VALUES ('network', 0), ('instance', 0), ('release', 0), ('security_group', 0), ('rule', 0);

-- The tenants.
CREATE TABLE projects (
  project_id  TEXT PRIMARY KEY,
  description TEXT,
  created_at  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What a project may have at most; without a row there is no limit.
CREATE TABLE quotas (
  project_id TEXT NOT NULL REFERENCES projects (project_id),
  resource   TEXT NOT NULL CHECK (resource IN ('networks', 'instances', 'floating_ips', 'security_groups', 'security_group_rules')),
  hard_limit INTEGER NOT NULL CHECK (hard_limit >= 0),
  PRIMARY KEY (project_id, resource)
) STRICT, WITHOUT ROWID;

-- Every prefix in use, whoever uses it: a network's IPv4 block, a bridge's IPv6 /64, a floating range. No two overlap.
CREATE TABLE claims (
  first  BLOB PRIMARY KEY CHECK (length(first) = 16),
  last   BLOB NOT NULL CHECK (length(last) = 16 AND last >= first),
  prefix TEXT NOT NULL,
  kind   TEXT NOT NULL CHECK (kind IN ('network', 'bridge', 'floating'))
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
  project_id          TEXT REFERENCES projects (project_id),
  host                TEXT,
  -- How many addresses below the broadcast are kept for VPN clients (Nova's cnt_vpn_clients).
  vpn_clients         INTEGER NOT NULL DEFAULT 0,
  -- What is left for guests: 0, nobody ever took an IPv4 address, and free_addresses says nothing of this network yet;
  -- 1, some are taken; 2, none is left.
  taken               INTEGER NOT NULL DEFAULT 0 CHECK (taken BETWEEN 0 AND 2),
  created_at          TEXT NOT NULL,
  updated_at          TEXT,
  CHECK (cidr IS NOT NULL OR cidr_v6 IS NOT NULL),
  CHECK ((manager = 'VlanManager') = (vlan IS NOT NULL)),
  CHECK ((cidr_v6 IS NULL) = (gateway_v6 IS NULL))
) STRICT;

CREATE INDEX networks_bridge ON networks (bridge, gateway_v6);
CREATE INDEX networks_ipv6 ON networks (bridge, id) WHERE gateway_v6 IS NOT NULL;
CREATE INDEX networks_mtu ON networks (bridge, mtu) WHERE mtu IS NOT NULL;
CREATE INDEX networks_label ON networks (label) WHERE label IS NOT NULL;
CREATE INDEX networks_project ON networks (project_id, first) WHERE project_id IS NOT NULL;
-- Where the next instance goes: the first network of its project, or of nobody, that is not full.
CREATE INDEX networks_open ON networks (project_id, first) WHERE taken < 2;

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

CREATE TABLE instances (
  id          INTEGER PRIMARY KEY,
  -- Its fixed address: the IPv4 one, or the IPv6 one if it has no other. It gives lists their order.
  first       BLOB NOT NULL UNIQUE CHECK (length(first) = 16),
  name        TEXT NOT NULL,
  project_id  TEXT NOT NULL REFERENCES projects (project_id),
  network_id  INTEGER NOT NULL REFERENCES networks (id),
  mac_address TEXT NOT NULL UNIQUE,
  fixed_ip    TEXT,
  fixed_ip_v6 TEXT,
  host        TEXT,
  created_at  TEXT NOT NULL,
  UNIQUE (project_id, name),
  CHECK (fixed_ip IS NOT NULL OR fixed_ip_v6 IS NOT NULL)
) STRICT;

CREATE INDEX instances_name ON instances (name);
CREATE INDEX instances_network ON instances (network_id);

-- Ranges of public addresses.
CREATE TABLE floating_ranges (
  first      BLOB PRIMARY KEY REFERENCES claims (first),
  last       BLOB NOT NULL,
  cidr       TEXT NOT NULL,
  pool       TEXT NOT NULL,
  host       TEXT NOT NULL,
  interface  TEXT,
  created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX floating_ranges_pool ON floating_ranges (pool, first);

-- The addresses that somebody holds or reserved, and those that were released: these are handed out again when there is
-- none left that nobody ever had, the one released longest ago first. A reservation is one row, however long it is.
CREATE TABLE addresses (
  first       BLOB PRIMARY KEY CHECK (length(first) = 16),
  last        BLOB NOT NULL CHECK (length(last) = 16 AND last >= first),
  address     TEXT NOT NULL,
  -- The prefix it is in: where the claim begins.
  claim       BLOB NOT NULL REFERENCES claims (first),
  state       TEXT NOT NULL CHECK (state IN ('held', 'reserved', 'released')),
  instance_id INTEGER REFERENCES instances (id),
  -- The number of its last release, if there was one; a reservation keeps it.
  released    INTEGER,
  CHECK ((state = 'held') = (instance_id IS NOT NULL)),
  CHECK (state <> 'released' OR released IS NOT NULL),
  CHECK (first = last OR (state = 'reserved' AND released IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX addresses_claim ON addresses (claim, state, released);
CREATE INDEX addresses_instance ON addresses (instance_id) WHERE instance_id IS NOT NULL;

-- As with claims, two look-ups.
CREATE TRIGGER addresses_insert BEFORE INSERT ON addresses BEGIN
  SELECT RAISE(ABORT, 'it overlaps an address that is held or reserved')
  WHERE (SELECT last FROM addresses WHERE first <= NEW.first ORDER BY first DESC LIMIT 1) >= NEW.first
     OR (SELECT first FROM addresses WHERE first > NEW.first ORDER BY first LIMIT 1) <= NEW.last;
END;

CREATE TRIGGER addresses_update BEFORE UPDATE OF first, last, claim ON addresses BEGIN
  SELECT RAISE(ABORT, 'where an address is does not change');
END;

-- Of the IPv4 networks and floating ranges that anybody took an address from: what a guest may have and none ever had.
CREATE TABLE free_addresses (
  first BLOB PRIMARY KEY CHECK (length(first) = 16),
  last  BLOB NOT NULL CHECK (length(last) = 16 AND last >= first)
) STRICT, WITHOUT ROWID;

CREATE TABLE security_groups (
  id          INTEGER PRIMARY KEY,
  project_id  TEXT NOT NULL REFERENCES projects (project_id),
  name        TEXT NOT NULL,
  description TEXT,
  created_at  TEXT NOT NULL,
  UNIQUE (project_id, name)
) STRICT;

CREATE TABLE security_group_rules (
  id              INTEGER PRIMARY KEY,
  group_id        INTEGER NOT NULL REFERENCES security_groups (id),
  ip_protocol     TEXT NOT NULL CHECK (ip_protocol IN ('tcp', 'udp', 'icmp')),
  from_port       INTEGER NOT NULL,
  to_port         INTEGER NOT NULL,
  -- Whom it lets in: a prefix of either family, or the members of a group.
  cidr_ip         TEXT,
  source_group_id INTEGER REFERENCES security_groups (id),
  CHECK ((cidr_ip IS NULL) <> (source_group_id IS NULL))
) STRICT;

CREATE UNIQUE INDEX security_group_rules_same ON security_group_rules
  (group_id, ip_protocol, from_port, to_port, coalesce(cidr_ip, ''), coalesce(source_group_id, 0));
CREATE INDEX security_group_rules_source ON security_group_rules (source_group_id) WHERE source_group_id IS NOT NULL;

CREATE TABLE instance_security_groups (
  instance_id INTEGER NOT NULL REFERENCES instances (id),
  group_id    INTEGER NOT NULL REFERENCES security_groups (id),
  PRIMARY KEY (instance_id, group_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX instance_security_groups_group ON instance_security_groups (group_id);
