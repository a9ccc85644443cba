package commands

import (
	"context"
	"crypto/rand"
	"math"
	"net/netip"
	"strings"

	"nova-manage/internal/cli"
	"nova-manage/netcalc"
)

// The arithmetic by itself: no ledger is opened.
func calcCategory() *command {
	return &command{name: "calc", short: "address arithmetic without a ledger", actions: []*command{
		calcInfo(), calcCarve(), calcSubtract(), calcEUI64(), calcMAC(), calcULA(),
	}}
}

var (
	cidrColumns    = []cli.Column[netip.Prefix]{{Name: "cidr", Value: func(p netip.Prefix) any { return p }}}
	addressColumns = []cli.Column[netip.Addr]{{Name: "address", Value: func(a netip.Addr) any { return a }}}
	macColumns     = []cli.Column[netcalc.MAC]{{Name: "mac_address", Value: func(m netcalc.MAC) any { return m.String() }}}
)

type calcCarveOptions struct {
	Range netip.Prefix
	Num   uint64
	Size  blockSize
}

// blockSize is how large a subnet is: a number of addresses, or where that is 0, a prefix length.
type blockSize struct {
	addresses uint64
	bits      int
}

func parseBlockSize(s string) (blockSize, error) {
	if length, ok := strings.CutPrefix(s, "/"); ok {
		n, err := cli.ParseNumber(length, 0, 128)
		return blockSize{bits: int(n)}, err
	}
	n, err := cli.ParseNumber(s, 1, 1<<32)
	return blockSize{addresses: uint64(n)}, err
}

// bitsIn is the prefix length of such a subnet of r.
func (b blockSize) bitsIn(r netip.Prefix) (int, error) {
	switch {
	case b.addresses == 0:
		return b.bits, nil
	case r.Addr().Is6():
		return 0, cli.WithHint(cli.UsageErrorf("SIZE %d counts IPv4 addresses, and %s is IPv6", b.addresses, r), "give a prefix length, such as /64")
	}
	bits, err := netcalc.SizeBits(b.addresses)
	if err != nil {
		return 0, cli.UsageErrorf("%w", err)
	}
	return bits, nil
}

func calcCarve() *command {
	o := &calcCarveOptions{}
	return &command{
		name:  "carve",
		short: "carve the first NUM subnets from a range",
		examples: []string{
			"nova-manage calc carve 10.0.1.0/24 3 32",
			"nova-manage calc carve fd00:1::/48 3 /64 -f value",
		},
		args: []*cli.Arg{
			cli.Required(cli.Typed(&o.Range, "RANGE", netcalcValue(netcalc.ParsePrefix), "the block to carve, IPv4 or IPv6")),
			cli.Required(cli.Typed(&o.Num, "NUM", func(s string) (uint64, error) {
				n, err := cli.ParseNumber(s, 1, math.MaxInt64)
				return uint64(n), err
			}, "how many subnets")),
			cli.Required(cli.Typed(&o.Size, "SIZE", parseBlockSize, "of each: a number of IPv4 addresses, a power of two, or a prefix length such as /64")),
		},
		columns: cli.Fields(cidrColumns),
		list:    true,
		run:     o.run,
	}
}

func (o *calcCarveOptions) run(ctx context.Context, s *session) error {
	bits, err := o.Size.bitsIn(o.Range)
	if err != nil {
		return err
	}
	subnets, err := netcalc.Carve(o.Range, bits, o.Num)
	if err != nil {
		return cli.UsageErrorf("%w", err)
	}
	return cli.PrintList(s.Env, cidrColumns, func(yield func(netip.Prefix, error) bool) {
		for p := range subnets {
			if ctx.Err() != nil { // a large NUM takes a while
				yield(p, context.Cause(ctx))
				return
			}
			if !yield(p, nil) {
				return
			}
		}
	})
}

func calcEUI64() *command {
	var prefix netip.Prefix
	var mac netcalc.MAC
	return &command{
		name:     "eui64",
		short:    "print the address that a guest with a MAC gives itself in an IPv6 /64",
		long:     "The interface identifier is the modified EUI-64 of the MAC (RFC 4291 appendix A), as guests without privacy extensions form it.",
		examples: []string{"nova-manage calc eui64 fd00:1::/64 02:16:3e:33:44:55"},
		args: []*cli.Arg{
			cli.Required(cli.Typed(&prefix, "PREFIX", netcalcValue(netcalc.ParsePrefix6), "an IPv6 /64")),
			cli.Required(cli.Typed(&mac, "MAC", netcalcValue(netcalc.ParseMAC), "the guest's MAC")),
		},
		columns: cli.Fields(addressColumns),
		run: func(_ context.Context, s *session) error {
			if err := mac.CheckUnicast(); err != nil {
				return cli.UsageErrorf("%w", err)
			}
			a, err := netcalc.EUI64(prefix, mac)
			if err != nil {
				return cli.UsageErrorf("%w", err)
			}
			return cli.PrintOne(s.Env, addressColumns, a)
		},
	}
}

func calcMAC() *command {
	var address netip.Addr
	return &command{
		name:     "mac",
		short:    "print the MAC that an IPv6 address was made from",
		examples: []string{"nova-manage calc mac fd00:1::16:3eff:fe33:4455"},
		args:     []*cli.Arg{cli.Required(cli.Typed(&address, "ADDRESS", netcalcValue(netcalc.ParseAddr6), "an address with an EUI-64 interface identifier"))},
		columns:  cli.Fields(macColumns),
		run: func(_ context.Context, s *session) error {
			mac, err := netcalc.MACFromEUI64(address)
			if err != nil {
				return cli.UsageErrorf("%w", err)
			}
			return cli.PrintOne(s.Env, macColumns, mac)
		},
	}
}

func calcULA() *command {
	return &command{
		name:     "ula",
		short:    "print a random IPv6 /48 for private use",
		long:     "A unique local prefix (RFC 4193): with 40 random bits it is most likely nobody else's, so that networks can be joined later.",
		examples: []string{"nova-manage calc ula -f value"},
		columns:  cli.Fields(cidrColumns),
		run: func(_ context.Context, s *session) error {
			p, err := netcalc.ULA(rand.Reader)
			if err != nil {
				return err
			}
			return cli.PrintOne(s.Env, cidrColumns, p)
		},
	}
}
