package db

import "nova-manage/db/internal/sqlstore"

// Way is what there is to do about an error. The front that shows the error words it: only that knows what its commands and
// flags are called. The values of the error are what the way speaks of, in the order in which it is described here.
type Way = sqlstore.Way

// What may be done about an error of the database under the ledger, as package sqlstore describes it.
const (
	WayNewLedger              = sqlstore.WayNewLedger
	WayCheckLedger            = sqlstore.WayCheckLedger
	WayMakeLedger             = sqlstore.WayMakeLedger
	WayLocalDisk              = sqlstore.WayLocalDisk
	WayServer                 = sqlstore.WayServer
	WayNewerProgram           = sqlstore.WayNewerProgram
	WayMigrate                = sqlstore.WayMigrate
	WayAnotherPlace           = sqlstore.WayAnotherPlace
	WayLookFirst              = sqlstore.WayLookFirst
	WayEscapeURL              = sqlstore.WayEscapeURL
	WayRestoreDatabase        = sqlstore.WayRestoreDatabase
	WayRestoreFile            = sqlstore.WayRestoreFile
	WayCopyBoth               = sqlstore.WayCopyBoth
	WayAgain                  = sqlstore.WayAgain
	WayPostgresForm           = sqlstore.WayPostgresForm
	WayDotSlash               = sqlstore.WayDotSlash
	WayDotSlashPath           = sqlstore.WayDotSlashPath
	WayTimeouts               = sqlstore.WayTimeouts
	WayPrimary                = sqlstore.WayPrimary
	WayAgainOrPrimary         = sqlstore.WayAgainOrPrimary
	WaySearchPath             = sqlstore.WaySearchPath
	WayUTF8                   = sqlstore.WayUTF8
	WayCheckHost              = sqlstore.WayCheckHost
	WayCheckPassword          = sqlstore.WayCheckPassword
	WayCreateDatabase         = sqlstore.WayCreateDatabase
	WayAgainOrMoreConnections = sqlstore.WayAgainOrMoreConnections
	WayAgainWhenUp            = sqlstore.WayAgainWhenUp
	WayGrantCreate            = sqlstore.WayGrantCreate
	WayWaitLonger             = sqlstore.WayWaitLonger
	WayHistory                = sqlstore.WayHistory
)

// What may be done about a change that the ledger does not take.
const (
	// WayUnreserve: lift the reservation of an address.
	WayUnreserve Way = "unreserve"
	// WayCheckSource: have the ledger that is copied from checked.
	WayCheckSource Way = "check_source"
	// WayListFloating: look at the floating ranges there are.
	WayListFloating Way = "list_floating"
	// WayDeleteWholeRange: delete the whole floating range.
	WayDeleteWholeRange Way = "delete_whole_range"
	// WayNameThem: give a label, a project, or both.
	WayNameThem Way = "name_them"
	// WayCreateProject: make the project, which is the value, or ask for it to be made.
	WayCreateProject Way = "create_project"
	// WayNameWholeRange: change the whole floating range, which is the value.
	WayNameWholeRange Way = "name_whole_range"
	// WayDeleteWholeNetwork: name the whole network.
	WayDeleteWholeNetwork Way = "delete_whole_network"
	// WayDisassociate: take the floating address from its instance.
	WayDisassociate Way = "disassociate"
	// WayCreateFloating: add a floating range where there is none.
	WayCreateFloating Way = "create_floating"
	// WayCreateAnotherFloating: add a floating range to those that are used up.
	WayCreateAnotherFloating Way = "create_another_floating"
	// WayQualifyInstance: say of which project the instance is.
	WayQualifyInstance Way = "qualify_instance"
	// WayAnotherNetwork: use another network, or let several be used.
	WayAnotherNetwork Way = "another_network"
	// WayAnotherName: choose another name.
	WayAnotherName Way = "another_name"
	// WayNetworkOfProject: use a network of the project, or let one be chosen.
	WayNetworkOfProject Way = "network_of_project"
	// WayCreateNetwork: make one more network.
	WayCreateNetwork Way = "create_network"
	// WaySameMTU: give the networks of a bridge one MTU.
	WaySameMTU Way = "same_mtu"
	// WayGiveMTU: give the network, which is the value, another MTU.
	WayGiveMTU Way = "give_mtu"
	// WayNameByID: say which one by its id.
	WayNameByID Way = "name_by_id"
	// WayAnotherRange: carve from another range, whose name is the value, or fewer networks.
	WayAnotherRange Way = "another_range"
	// WayGatewayInside: choose a gateway inside the network, or none.
	WayGatewayInside Way = "gateway_inside"
	// WayAnotherVLANStart: begin with another VLAN, or take those that are free.
	WayAnotherVLANStart Way = "another_vlan_start"
	// WaySayRange: ask for a range, or a first number, whose name is the value, or for fewer networks.
	WaySayRange Way = "say_range"
	// WayLowerStart: begin with a lower number, whose name is the value, or make fewer networks.
	WayLowerStart Way = "lower_start"
	// WayVLANOfBridge: begin with the VLAN, which is the value, that the bridge is named after.
	WayVLANOfBridge Way = "vlan_of_bridge"
	// WayFlatTakesAny: have a flat manager, which takes a bridge of any name.
	WayFlatTakesAny Way = "flat_takes_any"
	// WayAnotherBridge: use another bridge.
	WayAnotherBridge Way = "another_bridge"
	// WayBridgesPrefix: ask for the IPv6 prefix that the bridge has, or use another bridge.
	WayBridgesPrefix Way = "bridges_prefix"
	// WayTakeFree: take what is free.
	WayTakeFree Way = "take_free"
	// WayTakeFreeAlone: take what is free in place of accepting what is there.
	WayTakeFreeAlone Way = "take_free_alone"
	// WayAcceptAlone: accept what is there in place of taking what is free.
	WayAcceptAlone Way = "accept_alone"
	// WayTakeFreeOrAccept: take what is free, or accept what is there.
	WayTakeFreeOrAccept Way = "take_free_or_accept"
	// WayAnotherVPNStart: begin with another VPN port, or take those that are free.
	WayAnotherVPNStart Way = "another_vpn_start"
	// WayItsRouterIsV6: change the IPv6 gateway of a network without IPv4.
	WayItsRouterIsV6 Way = "its_router_is_v6"
	// WayDeleteItsInstances: delete the instances on the network, whose id is the value.
	WayDeleteItsInstances Way = "delete_its_instances"
	// WayDeleteWithInstances: delete the network, whose id is the value, with the instances on it.
	WayDeleteWithInstances Way = "delete_with_instances"
	// WayDisassociateProject: take the network, whose id is the value, from its project.
	WayDisassociateProject Way = "disassociate_project"
	// WayLargerRange: carve from a larger range, smaller networks or fewer.
	WayLargerRange Way = "larger_range"
	// WayAskForIPv6: ask for IPv6.
	WayAskForIPv6 Way = "ask_for_ipv6"
	// WayRangeOfGateway: ask for the IPv6 range that the gateway is in.
	WayRangeOfGateway Way = "range_of_gateway"
	// WayReserve: reserve the addresses of a network that is there.
	WayReserve Way = "reserve"
	// WayReleaseAll: delete the project with what it holds.
	WayReleaseAll Way = "release_all"
	// WayDeleteThemOrProject: delete the instances, or the project, which is the value, with them.
	WayDeleteThemOrProject Way = "delete_them_or_project"
	// WayChangeQuota: change the quota of a project and a resource, which are the values.
	WayChangeQuota Way = "change_quota"
	// WayUsualRouter: use the usual router address, which is the value.
	WayUsualRouter Way = "usual_router"
	// WayCreateGroup: make the security group; the values are its name and its project.
	WayCreateGroup Way = "create_group"
	// WayRevokeItsRules: take the rules of the default group away.
	WayRevokeItsRules Way = "revoke_its_rules"
	// WayRevokeFirst: take the rules away that name the group.
	WayRevokeFirst Way = "revoke_first"
	// WayGiveNetwork: give the project, which is the value, a network.
	WayGiveNetwork Way = "give_network"
	// WaySayWhichNetwork: say which network is meant.
	WaySayWhichNetwork Way = "say_which_network"
	// WayAnotherPort: choose another port.
	WayAnotherPort Way = "another_port"
	// WayLookUpMAC: look up the MAC in an IPv6 address, which is the value, twice.
	WayLookUpMAC Way = "look_up_mac"
	// WayAskAsIs: ask for it as it is: the value asked for cannot be changed.
	WayAskAsIs Way = "ask_as_is"
	// WayChangeVPN: ask for the network as it is, or change its VPN.
	WayChangeVPN Way = "change_vpn"
	// WayMakeNetwork: make a first network.
	WayMakeNetwork Way = "make_network"
	// WayKnownHosts: name one of the network nodes that there are, the first of which are the value.
	WayKnownHosts Way = "known_hosts"
	// WayGiveHost: have the host, which is the value, serve a network.
	WayGiveHost Way = "give_host"
	// WayModifyNetwork: ask for the network, whose id is the value, as it is, or change it.
	WayModifyNetwork Way = "modify_network"
	// WayModifyInstance: ask for the instance, whose project and name are the value, as it is, or change it.
	WayModifyInstance Way = "modify_instance"
	// WayModifyFloating: ask for the floating range, which is the value, as it is, or change it.
	WayModifyFloating Way = "modify_floating"
	// WayModifyProject: ask for the project, which is the value, as it is, or change it.
	WayModifyProject Way = "modify_project"
	// WayModifyGroup: ask for the security group of the project, which are the values, the project first, as it is, or change it.
	WayModifyGroup Way = "modify_group"
	// WayUndoFirst: reverse the change, which is the value, first.
	WayUndoFirst Way = "undo_first"
	// WayShowChange: look what the change, which is the value, did.
	WayShowChange Way = "show_change"
)
