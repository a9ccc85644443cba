package commands

import (
	"errors"
	"fmt"

	"nova-manage/db"
	"nova-manage/internal/cli"
)

// hints are what the ways out of package db are in the words of this command line.
var hints = map[db.Way]string{
	db.WayUnreserve:              "`nova-manage fixed unreserve %s` frees it",
	db.WayCheckSource:            "`nova-manage db check` says what is wrong with that ledger",
	db.WayListFloating:           "`nova-manage floating list` shows what there is",
	db.WayDeleteWholeRange:       "a range is deleted as a whole: `nova-manage floating delete %s`",
	db.WayNameThem:               "give --label, --project_id or both",
	db.WayCreateProject:          "`nova-manage project create %s` makes it, and --create_project here does",
	db.WayNameWholeRange:         "a range is changed as a whole: `nova-manage floating modify %s`",
	db.WayDeleteWholeNetwork:     "a network is deleted as a whole, and a range with all networks in it",
	db.WayDisassociate:           "`nova-manage floating disassociate %s` first",
	db.WayCreateFloating:         "`nova-manage floating create` adds one",
	db.WayCreateAnotherFloating:  "`nova-manage floating create` adds a range",
	db.WayQualifyInstance:        "name it PROJECT/NAME, or by its id",
	db.WayAnotherNetwork:         "name another network, or none to use the next one too",
	db.WayAnotherName:            "choose another name",
	db.WayNetworkOfProject:       "name a network of project %s, or none",
	db.WayCreateNetwork:          "`nova-manage network create --next_free --num_networks 1` makes one",
	db.WaySameMTU:                "`nova-manage network modify --mtu` gives them the same",
	db.WayGiveMTU:                "`nova-manage network modify %d --mtu N` gives it another",
	db.WayNameByID:               "name one by its id",
	db.WayAnotherRange:           "give another %s, or fewer networks",
	db.WayGatewayInside:          "give a gateway that is in it, or none",
	db.WayAnotherVLANStart:       "choose another vlan_start, or --next_free",
	db.WaySayRange:               "give a %s, or fewer networks",
	db.WayLowerStart:             "give a lower %s, or fewer networks",
	db.WayVLANOfBridge:           "give vlan_start %s",
	db.WayFlatTakesAny:           "a flat manager takes any name",
	db.WayAnotherBridge:          "name another bridge with --bridge or --flat_network_bridge",
	db.WayBridgesPrefix:          "give fixed_range_v6 %s, or another bridge",
	db.WayTakeFree:               "--next_free takes what is free",
	db.WayTakeFreeAlone:          "that is another network than the one asked for; --next_free alone takes what is free",
	db.WayAcceptAlone:            "--if_not_exists alone accepts what is there as asked",
	db.WayTakeFreeOrAccept:       "--next_free takes what is free, --if_not_exists accepts what is there as asked",
	db.WayAnotherVPNStart:        "choose another vpn_start, or --next_free",
	db.WayItsRouterIsV6:          "its router is gateway_v6",
	db.WayDeleteItsInstances:     "`nova-manage instance list --network %d` names them; delete them first",
	db.WayDeleteWithInstances:    "`nova-manage instance list --network %d` names them; --force deletes them with it",
	db.WayDisassociateProject:    "`nova-manage network modify %d --disassociate_project` first, or --force",
	db.WayLargerRange:            "give a larger fixed_range, a smaller network_size or fewer networks",
	db.WayAskForIPv6:             "add --use_ipv6 or a fixed_range_v6",
	db.WayRangeOfGateway:         "give the fixed_range_v6 that it is in",
	db.WayReserve:                "`nova-manage fixed reserve %s` makes it as asked",
	db.WayReleaseAll:             "--force releases all of it",
	db.WayDeleteThemOrProject:    "delete them first; `nova-manage project delete %s --force` deletes them and the project",
	db.WayChangeQuota:            "`nova-manage project quota %s %s N` changes it",
	db.WayUsualRouter:            "%s is usual",
	db.WayCreateGroup:            "`nova-manage secgroup create %s --project_id %s` makes it",
	db.WayRevokeItsRules:         "`nova-manage secgroup revoke` takes its rules away",
	db.WayRevokeFirst:            "revoke them first",
	db.WayGiveNetwork:            "`nova-manage network modify NETWORK --project_id %s` gives it one",
	db.WaySayWhichNetwork:        "name one with --network",
	db.WayAnotherPort:            "choose another port",
	db.WayLookUpMAC:              "the MAC in it is %s: `nova-manage whois %s`",
	db.WayAskAsIs:                "ask for it as it is; that cannot be changed, only deleted and created again",
	db.WayChangeVPN:              "ask for it as it is, or change it with `nova-manage vpn change`",
	db.WayModifyNetwork:          "ask for it as it is, or change it with `nova-manage network modify %d`",
	db.WayModifyInstance:         "ask for it as it is, or change it with `nova-manage instance modify %s`",
	db.WayModifyFloating:         "ask for it as it is, or change it with `nova-manage floating modify %s`",
	db.WayModifyProject:          "ask for it as it is, or change it with `nova-manage project modify %s`",
	db.WayModifyGroup:            "ask for it as it is, or change it with `nova-manage secgroup modify %s/%s`",
	db.WayMakeNetwork:            "`nova-manage network create` makes one",
	db.WayKnownHosts:             "the network nodes of the ledger are %s: `nova-manage host list`",
	db.WayGiveHost:               "`nova-manage network modify NETWORK --host %s` has it serve one",
	db.WayNewLedger:              "name a new ledger",
	db.WayCheckLedger:            "`nova-manage db check` says what is wrong with the ledger",
	db.WayMakeLedger:             "check --sql_connection and --state_path; `nova-manage db sync` makes an empty one",
	db.WayLocalDisk:              "keep the ledger on a disk of this host, or share it by postgresql://user@host/database; a copy on a disk of this host can be read",
	db.WayServer:                 "name one on a server: --sql_connection postgresql://user@host/database",
	db.WayNewerProgram:           "use the nova-manage that made it, or a newer one",
	db.WayMigrate:                "`nova-manage db sync` brings it up to date",
	db.WayAnotherPlace:           "name another place with --sql_connection",
	db.WayLookFirst:              "look whether it is there before you run the command again",
	db.WayEscapeURL:              "in a user, password or database write @ as %%40, / as %%2F, %% as %%25",
	db.WayRestoreDatabase:        "`nova-manage db check` says what is wrong; restore the database from a backup",
	db.WayRestoreFile:            "`nova-manage db check` says what is wrong; restore the file from a backup",
	db.WayCopyBoth:               "copy both files into a folder of yours and name the copy with --sql_connection",
	db.WayAgain:                  "run the command again",
	db.WayPostgresForm:           "postgresql://user@host/database",
	db.WayDotSlash:               "a file of such a name is written ./%s:name",
	db.WayDotSlashPath:           "a file of such a name is written ./NAME",
	db.WayCheckHost:              "is the server running, and is its host right in --sql_connection?",
	db.WayCheckPassword:          "the password is the one in --sql_connection, else PGPASSWORD, else ~/.pgpass",
	db.WayCreateDatabase:         "make it first, for instance with `createdb %s`",
	db.WayAgainOrMoreConnections: "run the command again, or raise max_connections",
	db.WayAgainWhenUp:            "run the command again when the server is up",
	db.WayTimeouts:               "run the command again, or raise statement_timeout, lock_timeout and the like of its role or database",
	db.WayPrimary:                "name the primary in --sql_connection, or target_session_attrs=read-write with several hosts",
	db.WayAgainOrPrimary:         "run the command again, or read from the primary",
	db.WaySearchPath:             "`ALTER ROLE ... SET search_path = SCHEMA` on the server, or search_path=SCHEMA in the URL",
	db.WayUTF8:                   "keep the ledger in a database made with `createdb -E UTF8 -T template0`",
	db.WayGrantCreate:            "its owner lets you: `GRANT CREATE ON DATABASE %s TO %s`",
	db.WayHistory:                "`nova-manage history` lists the changes",
	db.WayUndoFirst:              "`nova-manage history show %d` says what it did; undo the latest first",
	db.WayShowChange:             "`nova-manage history show %d` says what it did",
	db.WayWaitLonger:             "run the command again, or wait longer with --lock_timeout",
}

// hinted adds the hint to an error of package db that knows a way out.
func hinted(err error) error {
	var known interface{ WayOut() (db.Way, []any) }
	if !errors.As(err, &known) {
		return err
	}
	way, values := known.WayOut()
	return cli.WithHint(err, fmt.Sprintf(hints[way], values...))
}
