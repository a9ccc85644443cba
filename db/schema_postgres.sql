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

INSERT INTO sequences (name, value) VALUES ('network', 0);

CREATE TABLE claims (
  first  BYTEA PRIMARY KEY CHECK (octet_length(first) = 16),
  last   BYTEA NOT NULL CHECK (octet_length(last) = 16 AND last >= first),
  prefix TEXT NOT NULL,
  kind   TEXT NOT NULL CHECK (kind IN ('network', 'bridge'))
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
  gateway_v6          TEXT,
  dns1                TEXT,
  dns2                TEXT,
  mtu                 INTEGER,
  project_id          TEXT COLLATE "C",
  host                TEXT COLLATE "C",
  vpn_clients         INTEGER NOT NULL DEFAULT 0,
  created_at          TEXT NOT NULL,
  updated_at          TEXT,
  CHECK (cidr IS NOT NULL OR cidr_v6 IS NOT NULL),
  CHECK ((manager = 'VlanManager') = (vlan IS NOT NULL)),
  CHECK ((cidr_v6 IS NULL) = (gateway_v6 IS NULL))
);

CREATE INDEX networks_bridge ON networks (bridge);
CREATE INDEX networks_label ON networks (label) WHERE label IS NOT NULL;
CREATE INDEX networks_project ON networks (project_id) WHERE project_id IS NOT NULL;

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

