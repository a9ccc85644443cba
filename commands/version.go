package commands

import (
	"cmp"
	"context"
	"runtime"
	"runtime/debug"

	"nova-manage/db"
	"nova-manage/internal/cli"
)

// buildVersion is what is known of this binary.
type buildVersion struct {
	Version  string
	Revision string
	Time     string
	Modified string
	Go       string
	Platform string
}

var versionColumns = []cli.Column[buildVersion]{
	{Name: "version", Value: func(v buildVersion) any { return v.Version }},
	{Name: "revision", Value: func(v buildVersion) any { return cli.OrNull(v.Revision) }},
	{Name: "time", Value: func(v buildVersion) any { return cli.OrNull(v.Time) }},
	{Name: "modified", Value: func(v buildVersion) any {
		if v.Modified == "" {
			return nil
		}
		return v.Modified == "true"
	}},
	{Name: "go", Value: func(v buildVersion) any { return v.Go }},
	{Name: "platform", Value: func(v buildVersion) any { return v.Platform }},
	{Name: "schema", Value: func(buildVersion) any { return db.LatestSchema() }},
	{Name: "sqlite", Value: func(buildVersion) any { return db.SQLiteVersion }},
}

func versionCommand() *command {
	list := &command{
		name:     "list",
		short:    "the same, as Nova spelled it",
		examples: []string{"nova-manage version list"},
		columns:  cli.Fields(versionColumns),
		run:      runVersion,
	}
	return &command{
		name:  "version",
		short: "tell which nova-manage this is",
		long: "The version, revision and time of the source, as the Go tool recorded them when it built the binary, the version of Go and the " +
			"platform, the schema version of ledgers that are up to date (`nova-manage db version` tells that of yours) and the version of the " +
			"SQLite that is built in. `nova-manage --version` is one line with the version alone.",
		examples: []string{"nova-manage version -f value -c version"},
		actions:  []*command{list},
		columns:  cli.Fields(versionColumns),
		run:      runVersion,
	}
}

func runVersion(_ context.Context, s *session) error {
	return cli.PrintOne(s.Env, versionColumns, versionOf(s.Sys))
}

// release is the version that a release is built as, by -ldflags "-X nova-manage/commands.release=1.2.3"; "" is what the Go tool
// recorded, which knows a tag only where the source is a module that it has fetched or a clean checkout.
var release string

// versionOf is what is known of this binary.
func versionOf(sys *cli.Sys) buildVersion {
	info, ok := sys.BuildInfo()
	if !ok {
		info = &debug.BuildInfo{GoVersion: runtime.Version()}
	}
	v := buildVersion{Version: cmp.Or(release, info.Main.Version, "(devel)"), Go: info.GoVersion, Platform: runtime.GOOS + "/" + runtime.GOARCH}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.time":
			v.Time = s.Value
		case "vcs.modified":
			v.Modified = s.Value
		}
	}
	return v
}
