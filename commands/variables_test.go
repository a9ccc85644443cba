package commands

import (
	"slices"
	"strings"
	"testing"
)

// A variable one letter away from one that is read is warned of, whichever command runs; its value, which may be a secret,
// is not shown.
func TestVariables_typing(t *testing.T) {
	for name, meant := range map[string]string{
		"NOVA_USE_IPV_6":      "NOVA_USE_IPV6",
		"NOVA_SQL_CONECTION":  "NOVA_SQL_CONNECTION",
		"NOVA_SQL_CONNECTOIN": "NOVA_SQL_CONNECTION",
		"NOVA_FIXED_RANGEV6":  "NOVA_FIXED_RANGE_V6",
		"NOVA_VLAN_STARTS":    "NOVA_VLAN_START",
		"NOVA_PROJECT_IDS":    "NOVA_PROJECT_ID",
		"NOVA_LABLE":          "NOVA_LABEL",
	} {
		f := newFake(t)
		f.environment[name] = "s3cret"
		want := "nova-manage: warning: the environment's " + name + " is not read: did you mean " + meant + "?\n"
		if code := f.do("version"); code != exitOK || f.stderr.String() != want {
			t.Errorf("exit %d, %s, want %s", code, f.stderr.String(), want)
		}
		if f.do("version", "-q"); f.stderr.Len() > 0 {
			t.Errorf("--quiet: %s", f.stderr.String())
		}
		f.environment[name] = ""
		if f.do("version"); f.stderr.Len() > 0 {
			t.Errorf("empty: %s", f.stderr.String())
		}
	}
}

// What OpenStack's clients and scripts have in the environment is theirs, and what only other commands read is known.
func TestVariables_others(t *testing.T) {
	f := newFake(t)
	for name := range strings.FieldsSeq(`
		NOVA_USERNAME NOVA_API_KEY NOVA_PASSWORD NOVA_PROJECT_ID NOVA_PROJECT_NAME NOVA_TENANT_ID NOVA_URL NOVA_VERSION NOVA_REGION_NAME
		NOVA_CERT NOVA_KEY_DIR NOVA_RAX_AUTH NOVA_ENDPOINT_TYPE NOVA_ENDPOINT_NAME NOVA_SERVICE_NAME NOVA_SERVICE_TYPE NOVA_AUTH_SYSTEM
		NOVA_DIR NOVA_BIN_DIR NOVA_CONF NOVA_CONF_DIR NOVA_CELLS_CONF NOVA_INSTANCES_PATH NOVA_AUTH_CACHE_DIR NOVA_ENABLED_APIS NOVA_REPO
		NOVA_BRANCH NOVA_BACKEND NOVA_VIF_DRIVER NOVA_API_PORT NOVA_API_HOST NOVA_DB NOVA_DB_HOST NOVA_DB_NAME NOVA_USER NOVA_GROUP NOVA_HOSTS
		NOVA_PORTS NOVA_KEYS NOVA_ALL NOVA_FILTERS NOVA_LOCK_PATH NOVA_LOG_DIR NOVA_ROOTWRAP NOVA_SERVICES NOVA_SHELL NOVA_USE_MOD_WSGI
		NOVA_FORCE NOVA_HOST NOVA_VPN_START NOVA_RA_LIFETIME NOVA_DISASSOCIATE_PROJECT NOVA_FIXED_RANGE NOVACLIENT_DEBUG
		OS_USERNAME NOVA_ NOVA`) {
		f.environment[name] = "nova"
	}
	if code := f.do("calc", "eui64", "fd00:1::/64", "02:16:3e:33:44:55"); code != exitOK || f.stderr.Len() > 0 {
		t.Errorf("exit %d, %s", code, f.stderr.String())
	}
}

// The warnings come in one order, whatever the environment's is.
func TestVariables_order(t *testing.T) {
	f := newFake(t)
	f.sys.Environ = func() []string {
		return []string{"NOVA_STATE_PAHT=b", "NOVA_FLAGFIL=a", "PATH=/bin", "NOVA_FLAGS=c", "odd"}
	}
	f.do("version")
	lines := strings.Split(strings.TrimSpace(f.stderr.String()), "\n")
	if len(lines) != 2 || !slices.IsSorted(lines) || !strings.Contains(lines[0], "NOVA_FLAGFILE?") {
		t.Errorf("got %q", lines)
	}
}
