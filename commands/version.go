package commands

import (
	"context"
	"runtime"
	"runtime/debug"

	"nova-manage/internal/cli"
)

// buildVersion is what the Go tool recorded about this binary; nothing is stamped in by hand.
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
}

func versionCommand() *command {
	return &command{
		name:     "version",
		short:    "tell which nova-manage this is",
		long:     "The version, revision and time of the source, as the Go tool recorded them when it built the binary.",
		examples: []string{"nova-manage version -f value -c version"},
		columns:  cli.Fields(versionColumns),
		run:      runVersion,
	}
}

func runVersion(_ context.Context, s *session) error {
	info, ok := s.Sys.BuildInfo()
	if !ok {
		info = &debug.BuildInfo{GoVersion: runtime.Version()}
	}
	v := buildVersion{Version: info.Main.Version, Go: info.GoVersion, Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if v.Version == "" {
		v.Version = "(devel)"
	}
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
	return cli.PrintOne(s.Env, versionColumns, v)
}
