package db

import (
	"context"
	"fmt"
	"math"
	"strings"

	"nova-manage/db/internal/sqlstore"
)

// domain is what a column may hold, as the schema says since version 2: a number from lowest to highest, or a text that has as
// many characters.
type domain struct {
	table, row, column string // row is how one is named, as SQL
	text               bool
	lowest, highest    int64
}

// domains are those of all columns whose value is not an address, a time, or a text that another check reads. They are looked
// for although the schema refuses what is outside: a ledger of version 1 may have brought it along, and a hand that writes past
// this program can switch a trigger off.
var domains = []domain{
	{"sequences", "'sequence ' || name", "value", false, 0, math.MaxInt64},
	{"projects", "'a project'", "project_id", true, 1, 255},
	{"free_ranges", "'a free range'", "largest", false, 0, 128},
	{"bridges", "'a bridge'", "bridge", true, 1, 15}, // IFNAMSIZ in linux/if.h, less the closing NUL
	{"networks", "'network ' || id", "id", false, 1, math.MaxInt64},
	{"networks", "'network ' || id", "label", true, 1, 255},
	{"networks", "'network ' || id", "bridge_interface", true, 1, 15},
	{"networks", "'network ' || id", "vlan", false, 1, 4094},
	{"networks", "'network ' || id", "mtu", false, MinMTU, MaxMTU},
	{"networks", "'network ' || id", "host", true, 1, 255},
	{"networks", "'network ' || id", "vpn_clients", false, 0, math.MaxInt32},
	{"instances", "'instance ' || id", "id", false, 1, math.MaxInt64},
	{"instances", "'instance ' || id", "name", true, 1, 255},
	{"instances", "'instance ' || id", "host", true, 1, 255},
	{"floating_ranges", "'range ' || cidr", "pool", true, 1, 255},
	{"floating_ranges", "'range ' || cidr", "host", true, 1, 255},
	{"floating_ranges", "'range ' || cidr", "interface", true, 1, 15},
	{"addresses", "'address ' || address", "released", false, 1, math.MaxInt64},
	{"security_groups", "'security group ' || id", "id", false, 1, math.MaxInt64},
	{"security_groups", "'security group ' || id", "name", true, 1, 255},
	{"security_group_rules", "'rule ' || id", "id", false, 1, math.MaxInt64},
	{"security_group_rules", "'rule ' || id", "from_port", false, -1, maxPort},
	{"security_group_rules", "'rule ' || id", "to_port", false, -1, maxPort},
}

// measure is what of the column is in its domain or outside.
func (d domain) measure() string {
	if d.text {
		return "length(" + d.column + ")"
	}
	return d.column
}

// outside is the condition that no row fulfils.
func (d domain) outside() string {
	if d.highest == math.MaxInt64 {
		return fmt.Sprintf("%s < %d", d.measure(), d.lowest)
	}
	return fmt.Sprintf("%s NOT BETWEEN %d AND %d", d.measure(), d.lowest, d.highest)
}

// words are how the schema says it, too.
func (d domain) words() string {
	switch {
	case d.text:
		return fmt.Sprintf("%s has %d to %d characters", d.column, d.lowest, d.highest)
	case d.highest == math.MaxInt64:
		return fmt.Sprintf("%s counts from %d", d.column, d.lowest)
	}
	return fmt.Sprintf("%s is %d to %d", d.column, d.lowest, d.highest)
}

// checkDomains finds values that are outside of their column's domain.
func (c *checker) checkDomains(ctx context.Context) error {
	for first := 0; first < len(domains); {
		after := first
		var any []string
		for ; after < len(domains) && domains[after].table == domains[first].table; after++ {
			any = append(any, domains[after].outside())
		}
		// One walk over a table that may have a million rows; which column it is matters only where there is one.
		outside, err := sqlstore.Exists(ctx, c.ReadTx, "FROM "+domains[first].table+" WHERE "+strings.Join(any, " OR "))
		if err != nil {
			return err
		}
		for _, d := range domains[first:after] {
			if !outside {
				break
			}
			is := "%s has " + d.column + " %s"
			if d.text {
				is = "%s has %[2]s characters in " + d.column
			}
			if err := c.ask(ctx, question{d.table, is + ", and " + d.words(),
				d.row + ", " + d.measure() + " FROM " + d.table + " WHERE " + d.outside() + " ORDER BY 1"}); err != nil {
				return err
			}
		}
		first = after
	}
	return nil
}
