package commands

import (
	"context"

	"nova-manage/db"
	"nova-manage/internal/cli"
)

type secgroupModifyOptions struct {
	groupRef
	Name, Description string

	from struct{ name, description cli.Origin }

	change db.SecurityGroupChange // what the ledger is asked for
}

func secgroupModify() *command {
	o := &secgroupModifyOptions{}
	return &command{
		name:  "modify",
		short: "change a security group's name or what it is for",
		long: "Rules that name it as their source, and the instances in it, go along with its new name. The group default keeps its name. An " +
			"empty description clears it.",
		examples: []string{
			"nova-manage secgroup modify apollo/web --name www",
			`nova-manage secgroup modify db --project_id apollo --description "the database"`,
		},
		args: []*cli.Arg{o.arg()},
		flags: []*cli.Flag{
			o.flag(),
			named(&o.Name, "name", newGroup, "its name, unique within the project").From(&o.from.name).OnlyTyped(),
			purpose(&o.Description).From(&o.from.description).OnlyTyped(),
		},
		columns: cli.Fields(cli.AllShown(secgroupColumns)),
		ledger:  writes,
		check:   o.checkChange,
		run: func(ctx context.Context, s *session) error {
			changed, err := s.store.UpdateSecurityGroup(ctx, o.project, o.name, o.change)
			if err != nil {
				return err
			}
			return cli.PrintOne(s.Env, cli.AllShown(secgroupColumns), changed)
		},
	}
}

func (o *secgroupModifyOptions) checkChange(e *cli.Env) error {
	ifGiven(&o.change.Name, o.from.name, &o.Name)
	ifGiven(&o.change.Description, o.from.description, &o.Description)
	if o.change == (db.SecurityGroupChange{}) {
		return nothingToChange("secgroup modify")
	}
	return o.check(e)
}
