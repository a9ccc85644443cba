package commands

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strings"

	"nova-manage/db"
	"nova-manage/ec2api"
	"nova-manage/internal/cli"
)

func apiKey() *command {
	return &command{
		name:  "key",
		short: "the keys by which EC2 clients sign",
		long: "They are kept in a file that only its owner can read, in the form of the AWS clients' own, and not in the ledger: " +
			"AWS_SHARED_CREDENTIALS_FILE and AWS_PROFILE have a client sign by one. It may be edited. What is changed takes effect at the " +
			"server's next request.",
		actions: []*command{apiKeyCreate(), apiKeyList(), apiKeyDelete()},
	}
}

var keyColumns = []cli.Column[ec2api.Key]{
	{Name: "name", Value: func(k ec2api.Key) any { return k.Name }},
	{Name: "aws_access_key_id", Value: func(k ec2api.Key) any { return cli.OrNull(k.AccessKeyID) }},
	{Name: "project_id", Value: func(k ec2api.Key) any { return k.ProjectID }},
	{Name: "read_only", Value: func(k ec2api.Key) any { return k.ReadOnly }},
}

// newKeyColumns are the only ones that show a secret, of a key that is made.
var newKeyColumns = slices.Insert(slices.Clone(keyColumns), 2,
	cli.Column[ec2api.Key]{Name: "aws_secret_access_key", Value: func(k ec2api.Key) any { return cli.OrNull(string(k.Secret)) }})

type apiKeyCreateOptions struct {
	credentialsFile
	Name     string
	Project  string
	ReadOnly bool
	Again    bool
	DryRun   bool
}

func apiKeyCreate() *command {
	o := &apiKeyCreateOptions{}
	return &command{
		name:  "create",
		short: "make a key for a project",
		long: "The secret is shown this once; it is in the file, too, which its owner can read, so that with --quiet it is not lost. NAME is " +
			"what history calls whoever changes something by the key. The file is made with its first key, and what is in it already stays " +
			"as it is.",
		examples: []string{
			"nova-manage api key create --project_id apollo",
			"nova-manage api key create monitor --project_id apollo --read_only -f json",
		},
		args: []*cli.Arg{cli.Optional(named(&o.Name, "NAME", newKeyName, "its name, of letters, digits and any of ._:@-").ByDefault("the project's"))},
		flags: []*cli.Flag{
			named(&o.Project, "project_id", nil, "the project that it is good for").As("PROJECT").Also("project").Completes(aProject),
			cli.Boolean(&o.ReadOnly, "read_only", "it changes nothing").OnlyTyped(),
			ifNotExists(&o.Again), o.flag(), dryRunOfKeys(&o.DryRun, "made"),
		},
		columns: cli.Fields(newKeyColumns),
		ledger:  reads,
		present: true,
		alone:   keysAlone,
		check:   o.check,
		run:     o.run,
	}
}

// keysAlone says why a change of keys is no line of a batch.
const keysAlone = "the file of keys is no part of the ledger, and would stay changed where a later line fails"

func dryRunOfKeys(into *bool, done string) *cli.Flag {
	return cli.Boolean(into, "dry_run", "print what would be "+done+" and write nothing")
}

// newKeyName is the rule for names of new keys: they are sections of a file.
func newKeyName(s string) error {
	if err := checkNew(s); err != nil {
		return err
	}
	if !ec2api.IsKeyName(s) {
		return errors.New("cannot be a section of the credentials file: that is of letters, digits and any of ._:@-, and not DEFAULT")
	}
	return nil
}

func (o *apiKeyCreateOptions) check(*cli.Env) error {
	if o.Project == "" {
		return cli.WithHint(cli.UsageErrorf("api key create needs --project_id"), "usage: nova-manage api key create [NAME] --project_id PROJECT [flags]")
	}
	if o.Name != "" {
		return nil
	}
	if err := newKeyName(o.Project); err != nil {
		return cli.WithHint(cli.UsageErrorf("project %s is no name of a key: it %w", cli.Quote(o.Project), err), "give a NAME before --project_id")
	}
	o.Name = o.Project
	return nil
}

func (o *apiKeyCreateOptions) run(ctx context.Context, s *session) error {
	if _, err := s.store.Project(ctx, o.Project); err != nil {
		return err
	}
	made := ec2api.Key{Name: o.Name, ProjectID: o.Project, ReadOnly: o.ReadOnly}
	err := o.change(ctx, s, fileChange{makes: true, dryRun: o.DryRun, edit: func(path, text string, keys ec2api.Keys) (string, error) {
		if i := slices.IndexFunc(keys, func(k ec2api.Key) bool { return k.Name == o.Name }); i >= 0 {
			there := keys[i]
			if err := o.accept(path, there); err != nil {
				return "", err
			}
			made.AccessKeyID = there.AccessKeyID
			return text, nil
		}
		k := made
		k.AccessKeyID, k.Secret = "NOVA"+randomWord(10), ec2api.Secret(randomWord(25))
		text, err := ec2api.AppendKey(text, k)
		if err != nil {
			return "", cli.UsageErrorf("%w", err)
		}
		if !o.DryRun {
			made = k
		}
		return text, nil
	}})
	if err != nil {
		return err
	}
	return cli.PrintOne(s.Env, newKeyColumns, made)
}

// accept is why a key of the wanted name that is there is not the one that is asked for.
func (o *apiKeyCreateOptions) accept(path string, there ec2api.Key) error {
	switch what := "key " + o.Name + " of " + path; {
	case !o.Again:
		return cli.WithHint(&db.Error{Message: what + " exists", Kind: db.ErrExists},
			"give another NAME, or delete it with `nova-manage api key delete "+o.Name+"`")
	case there.ProjectID != o.Project:
		return o.differs(fmt.Sprintf("%s is of project %s, not %s", what, quoteKey(there.ProjectID), quoteKey(o.Project)))
	case there.ReadOnly != o.ReadOnly:
		return o.differs(fmt.Sprintf("%s has read_only %t, not %t", what, there.ReadOnly, o.ReadOnly))
	}
	return nil
}

func (o *apiKeyCreateOptions) differs(message string) error {
	return cli.WithHint(&db.Error{Message: message, Kind: db.ErrDiffers},
		"ask for it as it is, give another NAME, or delete it with `nova-manage api key delete "+o.Name+"`")
}

// quoteKey is the name of a key or a project as messages have it: with quotes where it could be taken for more than one word.
func quoteKey(name string) string {
	if ec2api.IsKeyName(name) {
		return name
	}
	return cli.Quote(name)
}

// randomWord is so many random bytes in the letters and digits that nobody takes for another one (RFC 4648 §6).
func randomWord(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // it never fails
	return base32.StdEncoding.EncodeToString(b)
}

func apiKeyList() *command {
	var c credentialsFile
	var project string
	return &command{
		name:     "list",
		short:    "list the keys, without their secrets",
		long:     "Only the file is read, so that no ledger needs to be there.",
		examples: []string{"nova-manage api key list", "nova-manage api key list --project_id apollo -f value -c name"},
		flags: []*cli.Flag{
			named(&project, "project_id", nil, "only those of this project").As("PROJECT").Also("project").Completes(aProject), c.flag(),
		},
		columns: cli.Fields(keyColumns),
		list:    true,
		run: func(_ context.Context, s *session) error {
			keys, err := c.keys(s.ledger)
			if err != nil {
				return err
			}
			if project != "" {
				keys = slices.DeleteFunc(keys, func(k ec2api.Key) bool { return k.ProjectID != project })
			}
			return cli.PrintSlice(s.Env, keyColumns, keys)
		},
	}
}

type apiKeyDeleteOptions struct {
	credentialsFile
	Names  []string
	Gone   bool
	DryRun bool
}

func apiKeyDelete() *command {
	o := &apiKeyDeleteOptions{}
	return &command{
		name:  "delete",
		short: "delete keys, so that nothing is signed by them any more",
		long: "The rest of the file stays as it is, comments included. Where one of several is not there, none is deleted. What a key has " +
			"changed stays changed.",
		examples: []string{"nova-manage api key delete monitor", "nova-manage api key delete apollo gemini --if_exists"},
		args: []*cli.Arg{cli.OneOrMore(cli.TypedList(&o.Names, "NAME", func(s string) (string, error) { return s, checkName(s) }, "the key").
			As("NAME").Completes(aKey))},
		flags:   []*cli.Flag{ifExists(&o.Gone), o.flag(), dryRunOfKeys(&o.DryRun, "deleted")},
		columns: cli.Fields(keyColumns),
		rows:    severalRows,
		alone:   keysAlone,
		run:     o.run,
	}
}

func (o *apiKeyDeleteOptions) run(ctx context.Context, s *session) error {
	var gone ec2api.Keys
	err := o.change(ctx, s, fileChange{dryRun: o.DryRun, edit: func(path, text string, keys ec2api.Keys) (string, error) {
		var missing []string
		gone = nil
		for _, name := range unique(o.Names) {
			i := slices.IndexFunc(keys, func(k ec2api.Key) bool { return k.Name == name })
			if i < 0 {
				missing = append(missing, quoteKey(name))
				continue
			}
			gone = append(gone, keys[i])
		}
		if len(missing) > 0 && !o.Gone {
			return "", cli.WithHint(&db.Error{Message: fmt.Sprintf("there is no key %s in %s", strings.Join(missing, ", "), path), Kind: db.ErrNotFound},
				"`nova-manage api key list` names them")
		}
		return ec2api.RemoveKeys(text, o.Names...)
	}})
	if err != nil || !o.DryRun {
		return err
	}
	return cli.PrintSlice(s.Env, keyColumns, gone)
}
