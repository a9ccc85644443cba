-- The ledger on PostgreSQL, schema version 1: table by table that of schema_sqlite.sql, which says why each is as it is.
--
-- Text that is ordered, compared by range or indexed is COLLATE "C": both engines then sort alike, by bytes, and no
-- upgrade of the server's locale library can put an index out of order.

CREATE TABLE schema_version (
  version    INTEGER PRIMARY KEY,
  applied_at TEXT NOT NULL
);

CREATE TABLE sequences (
  name  TEXT COLLATE "C" PRIMARY KEY,
  value BIGINT NOT NULL
);

INSERT INTO sequences (name, value) VALUES ('network', 0), ('instance', 0), ('release', 0), ('security_group', 0), ('rule', 0);

CREATE TABLE projects (
  project_id  TEXT COLLATE "C" PRIMARY KEY,
  description TEXT,
  created_at  TEXT NOT NULL
);
CREATE TABLE quotas (
  project_id TEXT COLLATE "C" NOT NULL REFERENCES projects (project_id),
  resource   TEXT COLLATE "C" NOT NULL CHECK (resource IN ('networks', 'instances', 'floating_ips', 'security_groups', 'security_group_rules')),
  hard_limit BIGINT NOT NULL CHECK (hard_limit >= 0),
  PRIMARY KEY (project_id, resource)
);

CREATE TABLE claims (
  first  BYTEA PRIMARY KEY CHECK (octet_length(first) = 16),
  last   BYTEA NOT NULL CHECK (octet_length(last) = 16 AND last >= first),
  prefix TEXT NOT NULL,
  kind   TEXT NOT NULL CHECK (kind IN ('network', 'bridge', 'floating'))
);

-- A trigger sees only what its transaction sees, so that two transactions could each insert one half of an overlap.
-- Among serializable ones the server itself refuses that (predicate locks); hence nobody inserts in any other.
CREATE FUNCTION claims_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('transaction_isolation') <> 'serializable' THEN
    RAISE EXCEPTION 'claims are inserted in SERIALIZABLE transactions only' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF (SELECT last FROM claims WHERE first <= NEW.first ORDER BY first DESC LIMIT 1) >= NEW.first
    OR (SELECT first FROM claims WHERE first > NEW.first ORDER BY first LIMIT 1) <= NEW.last THEN
    RAISE EXCEPTION 'it overlaps a prefix that is in use' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER claims_insert BEFORE INSERT ON claims FOR EACH ROW EXECUTE FUNCTION claims_insert();

CREATE FUNCTION claims_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a claim does not change; delete it and insert another' USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER claims_update BEFORE UPDATE ON claims FOR EACH ROW EXECUTE FUNCTION claims_update();

CREATE TABLE free_ranges (
  first   BYTEA PRIMARY KEY CHECK (octet_length(first) = 16),
  last    BYTEA NOT NULL CHECK (octet_length(last) = 16 AND last >= first),
  largest INTEGER NOT NULL
);

CREATE INDEX free_ranges_largest ON free_ranges (largest, first);

INSERT INTO free_ranges (first, last, largest) VALUES
  ('\x00000000000000000000ffff00000000', '\x00000000000000000000ffffffffffff', 0),
  ('\x20000000000000000000000000000000', '\xffffffffffffffffffffffffffffffff', 1);

CREATE TABLE bridges (
  bridge   TEXT COLLATE "C" PRIMARY KEY,
  vlan     INTEGER UNIQUE CHECK (vlan BETWEEN 1 AND 4094),
  cidr_v6  TEXT,
  first_v6 BYTEA UNIQUE REFERENCES claims (first),
  CHECK ((cidr_v6 IS NULL) = (first_v6 IS NULL))
);

CREATE TABLE networks (
  id                  BIGINT PRIMARY KEY,
  first               BYTEA NOT NULL UNIQUE REFERENCES claims (first),
  label               TEXT COLLATE "C",
  manager             TEXT NOT NULL CHECK (manager IN ('VlanManager', 'FlatManager', 'FlatDHCPManager')),
  cidr                TEXT,
  netmask             TEXT,
  gateway             TEXT,
  broadcast           TEXT,
  dhcp_start          TEXT,
  bridge              TEXT COLLATE "C" NOT NULL REFERENCES bridges (bridge),
  bridge_interface    TEXT,
  vlan                INTEGER UNIQUE,
  vpn_public_address  TEXT,
  vpn_public_port     INTEGER UNIQUE CHECK (vpn_public_port BETWEEN 1 AND 65535),
  vpn_private_address TEXT,
  cidr_v6             TEXT,
  gateway_v6          TEXT COLLATE "C",
  dns1                TEXT,
  dns2                TEXT,
  mtu                 INTEGER,
  project_id          TEXT COLLATE "C" REFERENCES projects (project_id),
  host                TEXT COLLATE "C",
  vpn_clients         INTEGER NOT NULL DEFAULT 0,
  taken               INTEGER NOT NULL DEFAULT 0 CHECK (taken BETWEEN 0 AND 2),
  created_at          TEXT NOT NULL,
  updated_at          TEXT,
  CHECK (cidr IS NOT NULL OR cidr_v6 IS NOT NULL),
  CHECK ((manager = 'VlanManager') = (vlan IS NOT NULL)),
  CHECK ((cidr_v6 IS NULL) = (gateway_v6 IS NULL))
);

CREATE INDEX networks_bridge ON networks (bridge, gateway_v6);
CREATE INDEX networks_ipv6 ON networks (bridge, id) WHERE gateway_v6 IS NOT NULL;
CREATE INDEX networks_mtu ON networks (bridge, mtu) WHERE mtu IS NOT NULL;
CREATE INDEX networks_label ON networks (label) WHERE label IS NOT NULL;
CREATE INDEX networks_project ON networks (project_id, first) WHERE project_id IS NOT NULL;
CREATE INDEX networks_open ON networks (project_id, first) WHERE taken < 2;

CREATE FUNCTION networks_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (
    SELECT 1 FROM bridges b
    WHERE b.bridge = NEW.bridge AND b.vlan IS NOT DISTINCT FROM NEW.vlan
      AND (NEW.cidr_v6 IS NULL OR NEW.cidr_v6 = b.cidr_v6)) THEN
    RAISE EXCEPTION 'the network does not fit its bridge' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER networks_insert BEFORE INSERT ON networks FOR EACH ROW EXECUTE FUNCTION networks_insert();

CREATE FUNCTION networks_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'where a network is does not change; delete it and create another' USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER networks_update BEFORE UPDATE OF first, cidr, cidr_v6, bridge, vlan ON networks
  FOR EACH ROW EXECUTE FUNCTION networks_update();

CREATE TABLE instances (
  id          BIGINT PRIMARY KEY,
  first       BYTEA NOT NULL UNIQUE CHECK (octet_length(first) = 16),
  name        TEXT COLLATE "C" NOT NULL,
  project_id  TEXT COLLATE "C" NOT NULL REFERENCES projects (project_id),
  network_id  BIGINT NOT NULL REFERENCES networks (id),
  mac_address TEXT COLLATE "C" NOT NULL UNIQUE,
  fixed_ip    TEXT,
  fixed_ip_v6 TEXT,
  host        TEXT COLLATE "C",
  created_at  TEXT NOT NULL,
  UNIQUE (project_id, name),
  CHECK (fixed_ip IS NOT NULL OR fixed_ip_v6 IS NOT NULL)
);

CREATE INDEX instances_name ON instances (name);
CREATE INDEX instances_network ON instances (network_id);
CREATE TABLE floating_ranges (
  first      BYTEA PRIMARY KEY REFERENCES claims (first),
  last       BYTEA NOT NULL,
  cidr       TEXT NOT NULL,
  pool       TEXT COLLATE "C" NOT NULL,
  host       TEXT COLLATE "C" NOT NULL,
  interface  TEXT,
  created_at TEXT NOT NULL
);

CREATE INDEX floating_ranges_pool ON floating_ranges (pool, first);
CREATE TABLE addresses (
  first       BYTEA PRIMARY KEY CHECK (octet_length(first) = 16),
  last        BYTEA NOT NULL CHECK (octet_length(last) = 16 AND last >= first),
  address     TEXT NOT NULL,
  claim       BYTEA NOT NULL REFERENCES claims (first),
  state       TEXT COLLATE "C" NOT NULL CHECK (state IN ('held', 'reserved', 'released')),
  instance_id BIGINT REFERENCES instances (id),
  released    BIGINT,
  CHECK ((state = 'held') = (instance_id IS NOT NULL)),
  CHECK (state <> 'released' OR released IS NOT NULL),
  CHECK (first = last OR (state = 'reserved' AND released IS NULL))
);

CREATE INDEX addresses_claim ON addresses (claim, state, released);
CREATE INDEX addresses_instance ON addresses (instance_id) WHERE instance_id IS NOT NULL;
CREATE FUNCTION addresses_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('transaction_isolation') <> 'serializable' THEN
    RAISE EXCEPTION 'addresses are inserted in SERIALIZABLE transactions only' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF (SELECT last FROM addresses WHERE first <= NEW.first ORDER BY first DESC LIMIT 1) >= NEW.first
    OR (SELECT first FROM addresses WHERE first > NEW.first ORDER BY first LIMIT 1) <= NEW.last THEN
    RAISE EXCEPTION 'it overlaps an address that is held or reserved' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER addresses_insert BEFORE INSERT ON addresses FOR EACH ROW EXECUTE FUNCTION addresses_insert();

CREATE FUNCTION addresses_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'where an address is does not change' USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER addresses_update BEFORE UPDATE OF first, last, claim ON addresses
  FOR EACH ROW EXECUTE FUNCTION addresses_update();

CREATE TABLE free_addresses (
  first BYTEA PRIMARY KEY CHECK (octet_length(first) = 16),
  last  BYTEA NOT NULL CHECK (octet_length(last) = 16 AND last >= first)
);

CREATE TABLE security_groups (
  id          BIGINT PRIMARY KEY,
  project_id  TEXT COLLATE "C" NOT NULL REFERENCES projects (project_id),
  name        TEXT COLLATE "C" NOT NULL,
  description TEXT,
  created_at  TEXT NOT NULL,
  UNIQUE (project_id, name)
);

CREATE TABLE security_group_rules (
  id              BIGINT PRIMARY KEY,
  group_id        BIGINT NOT NULL REFERENCES security_groups (id),
  ip_protocol     TEXT COLLATE "C" NOT NULL CHECK (ip_protocol IN ('tcp', 'udp', 'icmp')),
  from_port       INTEGER NOT NULL,
  to_port         INTEGER NOT NULL,
  cidr_ip         TEXT COLLATE "C",
  source_group_id BIGINT REFERENCES security_groups (id),
  CHECK ((cidr_ip IS NULL) <> (source_group_id IS NULL))
);

CREATE UNIQUE INDEX security_group_rules_same ON security_group_rules
  (group_id, ip_protocol, from_port, to_port, coalesce(cidr_ip, ''), coalesce(source_group_id, 0));
CREATE INDEX security_group_rules_source ON security_group_rules (source_group_id) WHERE source_group_id IS NOT NULL;

CREATE TABLE instance_security_groups (
  instance_id BIGINT NOT NULL REFERENCES instances (id),
  group_id    BIGINT NOT NULL REFERENCES security_groups (id),
  PRIMARY KEY (instance_id, group_id)
);

CREATE INDEX instance_security_groups_group ON instance_security_groups (group_id);
