package commands

import (
	"context"
	"fmt"

	"nova-manage/internal/cli"
)

func completionCommand() *command {
	var shell string
	return &command{
		name:  "completion",
		short: "print what makes a shell complete command lines",
		long: "Commands, flags and their values are completed, and what the ledger holds: networks, projects, instances, pools, hosts and " +
			"security groups. The ledger is the one that the command line names as far as it is typed, or the environment or a flagfile. " +
			"It is only read, and where that cannot be done nothing is offered.\n\nPackages install the scripts. Without one:\n\n" +
			"   bash  add `source <(nova-manage completion bash)` to ~/.bashrc\n" +
			"   zsh   add `source <(nova-manage completion zsh)` to ~/.zshrc, after compinit\n" +
			"   fish  write the output to ~/.config/fish/completions/nova-manage.fish",
		examples: []string{"nova-manage completion bash"},
		args:     []*cli.Arg{cli.Required(cli.Choice(&shell, "SHELL", cli.Shells, "the shell that reads it"))},
		run: func(_ context.Context, s *session) error {
			_, err := fmt.Fprint(s.Stdout, cli.CompletionScript("nova-manage", shell))
			return err
		},
	}
}
