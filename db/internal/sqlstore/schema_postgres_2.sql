-- Schema version 2, table by table that of schema_sqlite_2.sql, which says why these are triggers. OLD is null where a row is inserted.

CREATE FUNCTION sequences_domain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  wrong TEXT := CASE
    WHEN NEW.value < 0 THEN 'value counts from 0' END;
BEGIN
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION '%', wrong USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER sequences_domain_insert BEFORE INSERT ON sequences FOR EACH ROW EXECUTE FUNCTION sequences_domain();

CREATE TRIGGER sequences_domain_update BEFORE UPDATE OF value ON sequences
  FOR EACH ROW EXECUTE FUNCTION sequences_domain();

CREATE FUNCTION projects_domain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  wrong TEXT := CASE
    WHEN length(NEW.project_id) NOT BETWEEN 1 AND 255 THEN 'project_id has 1 to 255 characters' END;
BEGIN
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION '%', wrong USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER projects_domain_insert BEFORE INSERT ON projects FOR EACH ROW EXECUTE FUNCTION projects_domain();

CREATE TRIGGER projects_domain_update BEFORE UPDATE OF project_id ON projects
  FOR EACH ROW EXECUTE FUNCTION projects_domain();

CREATE FUNCTION free_ranges_domain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  wrong TEXT := CASE
    WHEN NEW.largest NOT BETWEEN 0 AND 128 THEN 'largest is 0 to 128' END;
BEGIN
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION '%', wrong USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER free_ranges_domain_insert BEFORE INSERT ON free_ranges FOR EACH ROW EXECUTE FUNCTION free_ranges_domain();

CREATE TRIGGER free_ranges_domain_update BEFORE UPDATE OF largest ON free_ranges
  FOR EACH ROW EXECUTE FUNCTION free_ranges_domain();

CREATE FUNCTION bridges_domain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  wrong TEXT := CASE
    WHEN length(NEW.bridge) NOT BETWEEN 1 AND 15 THEN 'bridge has 1 to 15 characters' END;
BEGIN
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION '%', wrong USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER bridges_domain_insert BEFORE INSERT ON bridges FOR EACH ROW EXECUTE FUNCTION bridges_domain();

CREATE TRIGGER bridges_domain_update BEFORE UPDATE OF bridge ON bridges
  FOR EACH ROW EXECUTE FUNCTION bridges_domain();

CREATE FUNCTION networks_domain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  wrong TEXT := CASE
    WHEN NEW.id < 1 AND NEW.id IS DISTINCT FROM OLD.id THEN 'id counts from 1'
    WHEN length(NEW.label) NOT BETWEEN 1 AND 255 AND NEW.label IS DISTINCT FROM OLD.label THEN 'label has 1 to 255 characters'
    WHEN length(NEW.bridge_interface) NOT BETWEEN 1 AND 15 AND NEW.bridge_interface IS DISTINCT FROM OLD.bridge_interface THEN 'bridge_interface has 1 to 15 characters'
    WHEN NEW.vlan NOT BETWEEN 1 AND 4094 AND NEW.vlan IS DISTINCT FROM OLD.vlan THEN 'vlan is 1 to 4094'
    WHEN NEW.mtu NOT BETWEEN 1280 AND 65535 AND NEW.mtu IS DISTINCT FROM OLD.mtu THEN 'mtu is 1280 to 65535'
    WHEN length(NEW.host) NOT BETWEEN 1 AND 255 AND NEW.host IS DISTINCT FROM OLD.host THEN 'host has 1 to 255 characters'
    WHEN NEW.vpn_clients NOT BETWEEN 0 AND 2147483647 AND NEW.vpn_clients IS DISTINCT FROM OLD.vpn_clients THEN 'vpn_clients is 0 to 2147483647' END;
BEGIN
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION '%', wrong USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER networks_domain_insert BEFORE INSERT ON networks FOR EACH ROW EXECUTE FUNCTION networks_domain();

CREATE TRIGGER networks_domain_update BEFORE UPDATE OF id, label, bridge_interface, vlan, mtu, host, vpn_clients ON networks
  FOR EACH ROW EXECUTE FUNCTION networks_domain();

CREATE FUNCTION instances_domain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  wrong TEXT := CASE
    WHEN NEW.id < 1 AND NEW.id IS DISTINCT FROM OLD.id THEN 'id counts from 1'
    WHEN length(NEW.name) NOT BETWEEN 1 AND 255 AND NEW.name IS DISTINCT FROM OLD.name THEN 'name has 1 to 255 characters'
    WHEN length(NEW.host) NOT BETWEEN 1 AND 255 AND NEW.host IS DISTINCT FROM OLD.host THEN 'host has 1 to 255 characters' END;
BEGIN
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION '%', wrong USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER instances_domain_insert BEFORE INSERT ON instances FOR EACH ROW EXECUTE FUNCTION instances_domain();

CREATE TRIGGER instances_domain_update BEFORE UPDATE OF id, name, host ON instances
  FOR EACH ROW EXECUTE FUNCTION instances_domain();

CREATE FUNCTION floating_ranges_domain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  wrong TEXT := CASE
    WHEN (octet_length(NEW.last) <> 16 OR NEW.last < NEW.first) AND (NEW.first IS DISTINCT FROM OLD.first OR NEW.last IS DISTINCT FROM OLD.last) THEN 'last is an address, and not before first'
    WHEN length(NEW.pool) NOT BETWEEN 1 AND 255 AND NEW.pool IS DISTINCT FROM OLD.pool THEN 'pool has 1 to 255 characters'
    WHEN length(NEW.host) NOT BETWEEN 1 AND 255 AND NEW.host IS DISTINCT FROM OLD.host THEN 'host has 1 to 255 characters'
    WHEN length(NEW.interface) NOT BETWEEN 1 AND 15 AND NEW.interface IS DISTINCT FROM OLD.interface THEN 'interface has 1 to 15 characters' END;
BEGIN
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION '%', wrong USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER floating_ranges_domain_insert BEFORE INSERT ON floating_ranges FOR EACH ROW EXECUTE FUNCTION floating_ranges_domain();

CREATE TRIGGER floating_ranges_domain_update BEFORE UPDATE OF first, last, pool, host, interface ON floating_ranges
  FOR EACH ROW EXECUTE FUNCTION floating_ranges_domain();

CREATE FUNCTION addresses_domain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  wrong TEXT := CASE
    WHEN NEW.released < 1 THEN 'released counts from 1' END;
BEGIN
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION '%', wrong USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER addresses_domain_insert BEFORE INSERT ON addresses FOR EACH ROW EXECUTE FUNCTION addresses_domain();

CREATE TRIGGER addresses_domain_update BEFORE UPDATE OF released ON addresses
  FOR EACH ROW EXECUTE FUNCTION addresses_domain();

CREATE FUNCTION security_groups_domain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  wrong TEXT := CASE
    WHEN NEW.id < 1 AND NEW.id IS DISTINCT FROM OLD.id THEN 'id counts from 1'
    WHEN length(NEW.name) NOT BETWEEN 1 AND 255 AND NEW.name IS DISTINCT FROM OLD.name THEN 'name has 1 to 255 characters' END;
BEGIN
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION '%', wrong USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER security_groups_domain_insert BEFORE INSERT ON security_groups FOR EACH ROW EXECUTE FUNCTION security_groups_domain();

CREATE TRIGGER security_groups_domain_update BEFORE UPDATE OF id, name ON security_groups
  FOR EACH ROW EXECUTE FUNCTION security_groups_domain();

CREATE FUNCTION security_group_rules_domain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  wrong TEXT := CASE
    WHEN NEW.id < 1 AND NEW.id IS DISTINCT FROM OLD.id THEN 'id counts from 1'
    WHEN NEW.from_port NOT BETWEEN -1 AND 65535 AND NEW.from_port IS DISTINCT FROM OLD.from_port THEN 'from_port is -1 to 65535'
    WHEN NEW.to_port NOT BETWEEN -1 AND 65535 AND NEW.to_port IS DISTINCT FROM OLD.to_port THEN 'to_port is -1 to 65535' END;
BEGIN
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION '%', wrong USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER security_group_rules_domain_insert BEFORE INSERT ON security_group_rules FOR EACH ROW EXECUTE FUNCTION security_group_rules_domain();

CREATE TRIGGER security_group_rules_domain_update BEFORE UPDATE OF id, from_port, to_port ON security_group_rules
  FOR EACH ROW EXECUTE FUNCTION security_group_rules_domain();
