package nftgen

import "nova-manage/internal/configfile"

// Where the node has the file and nft. Debian's nftables.service names nft by this path, too.
const (
	File = "/etc/nova/nftables.nft"
	nft  = "/usr/sbin/nft"
)

// AppendUnit appends the text of nova-nftables.service, which loads [File] when the node starts.
//
// Debian's /etc/nftables.conf begins with "flush ruleset", so that whatever loads it wipes our tables. The unit therefore
// follows nftables.service: it is reloaded, stopped and restarted with it, and started by it, each time after it. Where
// nftables.service is not installed or not enabled these lines mean nothing. `nft -f /etc/nftables.conf` by hand is not
// seen by systemd; then our tables are gone until the next reload.
//
// Stopping takes our two tables away and nothing else. "add" first, because "delete" fails where there is none.
func AppendUnit(b []byte) []byte {
	b = append(b, configfile.Header...)
	return append(b, `[Unit]
Description=Packet filter and NAT for the guests of this network node
Documentation=man:nft(8)
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
Conflicts=shutdown.target
# "flush ruleset" in /etc/nftables.conf takes our tables away: whenever it is loaded, load ours after it.
After=nftables.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
StandardInput=null
ExecStart=`+nft+` -f `+File+`
ExecReload=`+nft+` -f `+File+`
ExecStop=`+nft+` 'add table inet nova; delete table inet nova; add table bridge nova; delete table bridge nova'

[Install]
WantedBy=sysinit.target nftables.service
`...)
}
