package commands

import "nova-manage/internal/cli"

// retired is what somebody may look for who knows another nova-manage: what Nova's own once had, and what was never the
// network's. Each says what it was and what there is instead. (Read at Nova's releases from 2011.1 to 14.0.0.)
var retired = []cli.Retired{
	// Identity.
	{Command: "user", Instead: "users are the identity service's: `openstack user`; a project here needs none"},
	{Command: "role", Instead: "roles are the identity service's: `openstack role`"},
	{Command: "project add", Instead: "who belongs to a project is the identity service's: `openstack role add`"},
	{Command: "project remove", Instead: "who belongs to a project is the identity service's: `openstack role remove`"},
	{Command: "project modify", Flag: "manager", Instead: "a project's manager was a user, and users are the identity service's"},
	{Command: "project environment", Instead: "it wrote a user's credentials; `nova-manage api key create` makes a project's for EC2 clients"},
	{Command: "project zipfile", Instead: "it packed a user's credentials; `nova-manage api key create` makes a project's for EC2 clients"},
	{Command: "account", Instead: "it was project by another name: see `nova-manage project`"},

	// Compute.
	{Command: "service", Instead: "what ran as Nova's services is the compute service's: `openstack compute service list`"},
	{Command: "vm", Instead: "virtual machines are the compute service's: `openstack server list`; their ports and addresses are in `nova-manage instance list`"},
	{Command: "flavor", Instead: "flavors are the compute service's: `openstack flavor`"},
	{Command: "instance_type", Instead: "instance types became flavors, which are the compute service's: `openstack flavor`"},
	{Command: "agent", Instead: "builds of guest agents were the compute service's, and are no more"},
	{Command: "cell", Instead: "cells are the compute service's, and of this first kind there are none any more"},
	{Command: "cell_v2", Instead: "cells are the compute service's, and its own nova-manage manages them"},
	{Command: "api_db", Instead: "it is a database of the compute service's, and its own nova-manage manages it; the ledger's is `nova-manage db`"},
	{Command: "placement", Instead: "allocations are the compute and placement services', whose own programs manage them"},
	{Command: "quota", Instead: "it counted anew what projects have; here that is counted whenever it is asked: `nova-manage project quota`"},

	// Other services.
	{Command: "image", Instead: "images are the image service's: `openstack image`"},
	{Command: "volume", Instead: "volumes are the block storage service's: `openstack volume`"},
	{Command: "drive", Instead: "it belonged to virtual storage arrays, which are no more"},
	{Command: "vsa", Instead: "virtual storage arrays are no more; volumes are the block storage service's: `openstack volume`"},
	{Command: "sm", Instead: "the storage manager's back ends became the block storage service's: `openstack volume`"},

	// The program itself.
	{Command: "shell", Instead: "it was a Python shell inside Nova; whoever may read the ledger can look into it with sqlite3 or psql"},
	{Command: "log", Instead: "there is no log: errors go to standard error, and what services log is read by journalctl"},
	{Command: "logs", Instead: "there is no log: errors go to standard error, and what services log is read by journalctl"},
	{Command: "config list", Instead: "it listed Nova's flags with their values; `nova-manage config show` does"},
	{Command: "bash-completion", Instead: "it listed categories and actions; `nova-manage help` does"},
	{Command: "vpn run", Instead: "it started a project's VPN machine, which is the compute service's to do: `openstack server create`; its address is in `nova-manage vpn list`"},
	{Command: "vpn spawn", Instead: "it started every project's VPN machine, which is the compute service's to do: `openstack server create`"},
	{Command: "db archive_deleted_rows", Instead: "the ledger keeps no deleted rows"},
	{Command: "db purge", Instead: "the ledger keeps no deleted rows"},
	{Command: "db online_data_migrations", Instead: "`nova-manage db sync` brings the ledger up to date, rows included"},
	{Command: "db null_instance_uuid_scan", Instead: "instances have no uuid here; `nova-manage db check` looks for what is wrong"},
	{Command: "db ironic_flavor_migration", Instead: "flavors are the compute service's"},

	// Flags.
	{Command: "network create", Flag: "multi_host", Instead: "each network has one network node, which --host names"},
	{Command: "network create", Flag: "fixed_cidr", Instead: "guests may have every address of their network; --reserve keeps the others from them"},
	{Command: "network create", Flag: "priority", Instead: "it ordered the interfaces of an instance, which is the compute service's to do"},
	{Command: "network", Flag: "uuid", Instead: "a network is named by its id, its CIDR or its label"},
	{Command: "project quota", Flag: "user", Instead: "limits are a project's; users are the identity service's"},
	{Command: "db sync", Flag: "local_cell", Instead: "cells are the compute service's; there is one ledger"},
	{Flag: "config_file", Instead: "--flagfile reads it, in either of Nova's forms"},
	{Flag: "config_dir", Instead: "--flagfile reads files one by one, and may be repeated"},
	{Flag: "verbose", Instead: "there is no log: what there is to say is on standard error, and --quiet silences it"},
	{Flag: "debug", Instead: "there is no log: what there is to say is on standard error, and --quiet silences it"},
	{Flag: "logdir", Instead: "there is no log: what there is to say is on standard error"},
	{Flag: "log_dir", Instead: "there is no log: what there is to say is on standard error"},
	{Flag: "logfile", Instead: "there is no log: what there is to say is on standard error"},
	{Flag: "log_file", Instead: "there is no log: what there is to say is on standard error"},
	{Flag: "post_mortem", Instead: "it was the Python debugger's"},
}
