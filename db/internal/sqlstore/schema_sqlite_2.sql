-- Schema version 2: what a value may be is said by the schema for every column whose domain is not an address, a time or free
-- text, which Check reads.
--
-- Triggers say it, and not CHECK: SQLite adds none to a table that is there but by writing all of its rows anew, and a row that
-- is outside already, from a hand that wrote past this program, would stop the migration and with it the program. As it is,
-- Check names such a row, a change of the value itself repairs it, and until then a change of its other values is let pass.

CREATE TRIGGER sequences_domain_insert BEFORE INSERT ON sequences WHEN NEW.value < 0 BEGIN
  SELECT RAISE(ABORT, 'value counts from 0');
END;

CREATE TRIGGER sequences_domain_update BEFORE UPDATE OF value ON sequences WHEN NEW.value < 0 BEGIN
  SELECT RAISE(ABORT, 'value counts from 0');
END;

CREATE TRIGGER projects_domain_insert BEFORE INSERT ON projects WHEN length(NEW.project_id) NOT BETWEEN 1 AND 255 BEGIN
  SELECT RAISE(ABORT, 'project_id has 1 to 255 characters');
END;

CREATE TRIGGER projects_domain_update BEFORE UPDATE OF project_id ON projects WHEN length(NEW.project_id) NOT BETWEEN 1 AND 255 BEGIN
  SELECT RAISE(ABORT, 'project_id has 1 to 255 characters');
END;

CREATE TRIGGER free_ranges_domain_insert BEFORE INSERT ON free_ranges WHEN NEW.largest NOT BETWEEN 0 AND 128 BEGIN
  SELECT RAISE(ABORT, 'largest is 0 to 128');
END;

CREATE TRIGGER free_ranges_domain_update BEFORE UPDATE OF largest ON free_ranges WHEN NEW.largest NOT BETWEEN 0 AND 128 BEGIN
  SELECT RAISE(ABORT, 'largest is 0 to 128');
END;

CREATE TRIGGER bridges_domain_insert BEFORE INSERT ON bridges WHEN length(NEW.bridge) NOT BETWEEN 1 AND 15 BEGIN
  SELECT RAISE(ABORT, 'bridge has 1 to 15 characters');
END;

CREATE TRIGGER bridges_domain_update BEFORE UPDATE OF bridge ON bridges WHEN length(NEW.bridge) NOT BETWEEN 1 AND 15 BEGIN
  SELECT RAISE(ABORT, 'bridge has 1 to 15 characters');
END;

CREATE TRIGGER networks_domain_insert BEFORE INSERT ON networks BEGIN
  SELECT CASE
    WHEN NEW.id < 1 THEN RAISE(ABORT, 'id counts from 1')
    WHEN length(NEW.label) NOT BETWEEN 1 AND 255 THEN RAISE(ABORT, 'label has 1 to 255 characters')
    WHEN length(NEW.bridge_interface) NOT BETWEEN 1 AND 15 THEN RAISE(ABORT, 'bridge_interface has 1 to 15 characters')
    WHEN NEW.vlan NOT BETWEEN 1 AND 4094 THEN RAISE(ABORT, 'vlan is 1 to 4094')
    WHEN NEW.mtu NOT BETWEEN 1280 AND 65535 THEN RAISE(ABORT, 'mtu is 1280 to 65535')
    WHEN length(NEW.host) NOT BETWEEN 1 AND 255 THEN RAISE(ABORT, 'host has 1 to 255 characters')
    WHEN NEW.vpn_clients NOT BETWEEN 0 AND 2147483647 THEN RAISE(ABORT, 'vpn_clients is 0 to 2147483647') END;
END;

CREATE TRIGGER networks_domain_update BEFORE UPDATE OF id, label, bridge_interface, vlan, mtu, host, vpn_clients ON networks BEGIN
  SELECT CASE
    WHEN NEW.id < 1 AND NEW.id IS NOT OLD.id THEN RAISE(ABORT, 'id counts from 1')
    WHEN length(NEW.label) NOT BETWEEN 1 AND 255 AND NEW.label IS NOT OLD.label THEN RAISE(ABORT, 'label has 1 to 255 characters')
    WHEN length(NEW.bridge_interface) NOT BETWEEN 1 AND 15 AND NEW.bridge_interface IS NOT OLD.bridge_interface THEN RAISE(ABORT, 'bridge_interface has 1 to 15 characters')
    WHEN NEW.vlan NOT BETWEEN 1 AND 4094 AND NEW.vlan IS NOT OLD.vlan THEN RAISE(ABORT, 'vlan is 1 to 4094')
    WHEN NEW.mtu NOT BETWEEN 1280 AND 65535 AND NEW.mtu IS NOT OLD.mtu THEN RAISE(ABORT, 'mtu is 1280 to 65535')
    WHEN length(NEW.host) NOT BETWEEN 1 AND 255 AND NEW.host IS NOT OLD.host THEN RAISE(ABORT, 'host has 1 to 255 characters')
    WHEN NEW.vpn_clients NOT BETWEEN 0 AND 2147483647 AND NEW.vpn_clients IS NOT OLD.vpn_clients THEN RAISE(ABORT, 'vpn_clients is 0 to 2147483647') END;
END;

CREATE TRIGGER instances_domain_insert BEFORE INSERT ON instances BEGIN
  SELECT CASE
    WHEN NEW.id < 1 THEN RAISE(ABORT, 'id counts from 1')
    WHEN length(NEW.name) NOT BETWEEN 1 AND 255 THEN RAISE(ABORT, 'name has 1 to 255 characters')
    WHEN length(NEW.host) NOT BETWEEN 1 AND 255 THEN RAISE(ABORT, 'host has 1 to 255 characters') END;
END;

CREATE TRIGGER instances_domain_update BEFORE UPDATE OF id, name, host ON instances BEGIN
  SELECT CASE
    WHEN NEW.id < 1 AND NEW.id IS NOT OLD.id THEN RAISE(ABORT, 'id counts from 1')
    WHEN length(NEW.name) NOT BETWEEN 1 AND 255 AND NEW.name IS NOT OLD.name THEN RAISE(ABORT, 'name has 1 to 255 characters')
    WHEN length(NEW.host) NOT BETWEEN 1 AND 255 AND NEW.host IS NOT OLD.host THEN RAISE(ABORT, 'host has 1 to 255 characters') END;
END;

CREATE TRIGGER floating_ranges_domain_insert BEFORE INSERT ON floating_ranges BEGIN
  SELECT CASE
    WHEN length(NEW.last) <> 16 OR NEW.last < NEW.first THEN RAISE(ABORT, 'last is an address, and not before first')
    WHEN length(NEW.pool) NOT BETWEEN 1 AND 255 THEN RAISE(ABORT, 'pool has 1 to 255 characters')
    WHEN length(NEW.host) NOT BETWEEN 1 AND 255 THEN RAISE(ABORT, 'host has 1 to 255 characters')
    WHEN length(NEW.interface) NOT BETWEEN 1 AND 15 THEN RAISE(ABORT, 'interface has 1 to 15 characters') END;
END;

CREATE TRIGGER floating_ranges_domain_update BEFORE UPDATE OF first, last, pool, host, interface ON floating_ranges BEGIN
  SELECT CASE
    WHEN (length(NEW.last) <> 16 OR NEW.last < NEW.first) AND (NEW.first IS NOT OLD.first OR NEW.last IS NOT OLD.last) THEN RAISE(ABORT, 'last is an address, and not before first')
    WHEN length(NEW.pool) NOT BETWEEN 1 AND 255 AND NEW.pool IS NOT OLD.pool THEN RAISE(ABORT, 'pool has 1 to 255 characters')
    WHEN length(NEW.host) NOT BETWEEN 1 AND 255 AND NEW.host IS NOT OLD.host THEN RAISE(ABORT, 'host has 1 to 255 characters')
    WHEN length(NEW.interface) NOT BETWEEN 1 AND 15 AND NEW.interface IS NOT OLD.interface THEN RAISE(ABORT, 'interface has 1 to 15 characters') END;
END;

CREATE TRIGGER addresses_domain_insert BEFORE INSERT ON addresses WHEN NEW.released < 1 BEGIN
  SELECT RAISE(ABORT, 'released counts from 1');
END;

CREATE TRIGGER addresses_domain_update BEFORE UPDATE OF released ON addresses WHEN NEW.released < 1 BEGIN
  SELECT RAISE(ABORT, 'released counts from 1');
END;

CREATE TRIGGER security_groups_domain_insert BEFORE INSERT ON security_groups BEGIN
  SELECT CASE
    WHEN NEW.id < 1 THEN RAISE(ABORT, 'id counts from 1')
    WHEN length(NEW.name) NOT BETWEEN 1 AND 255 THEN RAISE(ABORT, 'name has 1 to 255 characters') END;
END;

CREATE TRIGGER security_groups_domain_update BEFORE UPDATE OF id, name ON security_groups BEGIN
  SELECT CASE
    WHEN NEW.id < 1 AND NEW.id IS NOT OLD.id THEN RAISE(ABORT, 'id counts from 1')
    WHEN length(NEW.name) NOT BETWEEN 1 AND 255 AND NEW.name IS NOT OLD.name THEN RAISE(ABORT, 'name has 1 to 255 characters') END;
END;

CREATE TRIGGER security_group_rules_domain_insert BEFORE INSERT ON security_group_rules BEGIN
  SELECT CASE
    WHEN NEW.id < 1 THEN RAISE(ABORT, 'id counts from 1')
    WHEN NEW.from_port NOT BETWEEN -1 AND 65535 THEN RAISE(ABORT, 'from_port is -1 to 65535')
    WHEN NEW.to_port NOT BETWEEN -1 AND 65535 THEN RAISE(ABORT, 'to_port is -1 to 65535') END;
END;

CREATE TRIGGER security_group_rules_domain_update BEFORE UPDATE OF id, from_port, to_port ON security_group_rules BEGIN
  SELECT CASE
    WHEN NEW.id < 1 AND NEW.id IS NOT OLD.id THEN RAISE(ABORT, 'id counts from 1')
    WHEN NEW.from_port NOT BETWEEN -1 AND 65535 AND NEW.from_port IS NOT OLD.from_port THEN RAISE(ABORT, 'from_port is -1 to 65535')
    WHEN NEW.to_port NOT BETWEEN -1 AND 65535 AND NEW.to_port IS NOT OLD.to_port THEN RAISE(ABORT, 'to_port is -1 to 65535') END;
END;
