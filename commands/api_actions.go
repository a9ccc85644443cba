package commands

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/netip"
	"slices"

	"nova-manage/db"
	"nova-manage/ec2api"
)

// perform does what a request asks for, on a ledger that is opened for it, in one transaction.
func (a *api) perform(ctx context.Context, req *request) error {
	mode := db.Read
	if req.call.Writes() {
		mode = db.Write
	}
	if req.call.DryRun && mode == db.Write {
		// A dry run would stand in a ledger where there is none.
		there, err := a.open(ctx, db.Read, "", "", req.wait())
		if err != nil {
			return err
		}
		_ = there.Close() // nothing was read
		mode = db.DryRun
	}
	store, err := a.open(ctx, mode, req.key.Name, "api "+req.call.Text, req.wait())
	if err != nil {
		return err
	}
	defer store.Close() // what is changed is committed by then, and what is read is read
	w := io.Writer(req.reply)
	if req.call.DryRun {
		w = io.Discard
	}
	t := &tenant{store: store, project: req.key.ProjectID, call: req.call}
	err = store.Batch(ctx, func(ctx context.Context) error {
		if err := t.look(ctx); err != nil {
			return err
		}
		return t.do(ctx, w, req.id)
	})
	if err == nil && req.call.DryRun {
		return ec2api.WouldSucceed()
	}
	if err == nil && req.call.Writes() {
		_, err = w.Write(req.call.Done(req.id, t.made))
	}
	return err
}

// tenant is a project as one request sees it.
type tenant struct {
	store   *db.Store
	project string
	call    ec2api.Call

	groups []db.SecurityGroup // the project's, in the order of their names
	made   int64              // the id of a new group
}

// look finds the project and its security groups.
func (t *tenant) look(ctx context.Context) (err error) {
	_, rules := t.call.Input.(*ec2api.DescribeSecurityGroups)
	t.groups, err = t.store.GroupsOf(ctx, t.project, rules)
	if errors.Is(err, db.ErrNotFound) && !errors.Is(err, db.ErrNoLedger) {
		return ec2api.Errorf(ec2api.UnauthorizedOperation, "the project of this key is not in the ledger")
	}
	return err
}

func (t *tenant) do(ctx context.Context, w io.Writer, requestID string) error {
	switch in := t.call.Input.(type) {
	case *ec2api.DescribeInstances:
		rows, err := t.instances(ctx, in)
		if err != nil {
			return err
		}
		return t.call.Instances(w, requestID, rows)
	case *ec2api.DescribeSecurityGroups:
		if err := in.Missing(func(ref ec2api.GroupRef) bool { return t.find(ref) != nil }); err != nil {
			return err
		}
		return t.call.SecurityGroups(w, requestID, t.securityGroups())
	case *ec2api.DescribeAddresses:
		rows, err := t.addresses(ctx, in)
		if err != nil {
			return err
		}
		return t.call.Addresses(w, requestID, rows)
	case *ec2api.ChangeIngress:
		return t.changeIngress(ctx, in)
	case *ec2api.CreateSecurityGroup:
		return t.createGroup(ctx, in)
	case *ec2api.DeleteSecurityGroup:
		return t.deleteGroup(ctx, in)
	case *ec2api.AssociateAddress:
		return t.associate(ctx, in)
	case *ec2api.DisassociateAddress:
		return t.disassociate(ctx, in)
	}
	return ec2api.Errorf(ec2api.InternalError, "%s is not served", t.call.Action)
}

// find is a group of the project, nil where there is none.
func (t *tenant) find(ref ec2api.GroupRef) *db.SecurityGroup {
	i := slices.IndexFunc(t.groups, func(g db.SecurityGroup) bool {
		return (ref.Name == "" || g.Name == ref.Name) && (ref.ID == 0 || g.ID == ref.ID)
	})
	if i < 0 {
		return nil
	}
	return &t.groups[i]
}

func (t *tenant) group(ref ec2api.GroupRef) (*db.SecurityGroup, error) {
	g := t.find(ref)
	if g == nil {
		return nil, ec2api.NoGroup(ref)
	}
	return g, nil
}

func (t *tenant) refs(names []string) (refs []ec2api.GroupRef) {
	for _, name := range names {
		ref := ec2api.GroupRef{Name: name}
		if g := t.find(ref); g != nil {
			ref.ID = g.ID
		}
		refs = append(refs, ref)
	}
	return refs
}

// instance finds one of the project's. Another project's is not there.
func (t *tenant) instance(ctx context.Context, id int64) (i db.Instance, err error) {
	found, err := t.store.FindInstances(ctx, ec2api.InstanceID(id))
	if err == nil && found[0].ProjectID == t.project {
		return found[0], nil
	}
	if err == nil || errors.Is(err, db.ErrNotFound) {
		err = ec2api.NoInstance(id)
	}
	return i, err
}

// instances are those that are named, else all of the project, from where the page begins.
func (t *tenant) instances(ctx context.Context, in *ec2api.DescribeInstances) (iter.Seq2[ec2api.Instance, error], error) {
	if len(in.IDs) == 0 {
		return t.each(t.all(ctx, t.call.Page.After())), nil
	}
	var named []db.Instance
	for _, id := range slices.Compact(slices.Sorted(slices.Values(in.IDs))) {
		i, err := t.instance(ctx, id)
		if err != nil {
			return nil, err
		}
		named = append(named, i)
	}
	return t.each(withoutError(slices.Values(named))), nil
}

// all are the project's instances whose names come behind one, in the order of names, which an index has: none is sorted, nor read before its turn.
func (t *tenant) all(ctx context.Context, after string) iter.Seq2[db.Instance, error] {
	wanted := db.Wanted{Order: []db.Order{{Column: "name"}}}
	if after != "" {
		wanted.Where = []db.Condition{{Column: "name", Op: ">", Value: after}}
	}
	return t.store.Instances(ctx, db.InstanceFilter{ProjectID: t.project, Wanted: wanted})
}

func (t *tenant) each(rows iter.Seq2[db.Instance, error]) iter.Seq2[ec2api.Instance, error] {
	return func(yield func(ec2api.Instance, error) bool) {
		for i, err := range rows {
			if !yield(ec2api.Instance{ID: i.ID, Name: i.Name, ProjectID: i.ProjectID, MAC: i.MAC.String(), FixedIP: i.FixedIP, FixedIPv6: i.FixedIPv6,
				FloatingIP: i.FloatingIP, FloatingIPv6: i.FloatingIPv6, Groups: t.refs(i.SecurityGroups), CreatedAt: i.CreatedAt}, err) || err != nil {
				return
			}
		}
	}
}

func withoutError[T any](rows iter.Seq[T]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

func (t *tenant) securityGroups() iter.Seq2[ec2api.SecurityGroup, error] {
	return func(yield func(ec2api.SecurityGroup, error) bool) {
		for _, g := range t.groups {
			row := ec2api.SecurityGroup{ID: g.ID, ProjectID: g.ProjectID, Name: g.Name, Description: g.Description}
			for _, r := range g.Rules {
				rule := ec2api.Rule{Protocol: r.Protocol, From: r.From, To: r.To, CIDR: r.CIDR}
				if r.SourceGroup != "" {
					rule.Source = t.refs([]string{r.SourceGroup})[0]
				}
				row.Rules = append(row.Rules, rule)
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// addresses are the floating ones that instances of the project have: those that are named, else all.
func (t *tenant) addresses(ctx context.Context, in *ec2api.DescribeAddresses) (iter.Seq2[ec2api.Address, error], error) {
	rows := t.all(ctx, "")
	if len(in.Addresses) > 0 {
		var holders []db.Instance
		for _, a := range in.Addresses {
			i, err := t.holder(ctx, a)
			if err == nil && i.ProjectID != t.project {
				err = noAddress(a)
			}
			if err != nil {
				return nil, err
			}
			if !slices.ContainsFunc(holders, func(other db.Instance) bool { return other.ID == i.ID }) {
				holders = append(holders, i)
			}
		}
		rows = withoutError(slices.Values(holders))
	}
	return func(yield func(ec2api.Address, error) bool) {
		for i, err := range rows {
			if err != nil {
				yield(ec2api.Address{}, err)
				return
			}
			for _, pair := range [][2]netip.Addr{{i.FloatingIP, i.FixedIP}, {i.FloatingIPv6, i.FixedIPv6}} {
				if pair[0].IsValid() && !yield(ec2api.Address{Public: pair[0], Fixed: pair[1], InstanceID: i.ID}, nil) {
					return
				}
			}
		}
	}, nil
}

// holder is the instance that has a floating address, whoever's it is; the zero value is none.
func (t *tenant) holder(ctx context.Context, a netip.Addr) (db.Instance, error) {
	found, err := t.store.FindInstances(ctx, a.String())
	switch {
	case errors.Is(err, db.ErrNotFound):
		return db.Instance{}, nil
	case err != nil:
		return db.Instance{}, err
	case found[0].FloatingIP != a && found[0].FloatingIPv6 != a:
		return db.Instance{}, nil // it is a fixed one
	}
	return found[0], nil
}

// noAddress says that the project cannot have an address, whether another one has it or it is no floating one at all.
func noAddress(a netip.Addr) *ec2api.Error {
	return ec2api.Errorf(ec2api.AddressNotFound, "the address %s is not one of this project's, nor one that it could have", a)
}

func (t *tenant) changeIngress(ctx context.Context, in *ec2api.ChangeIngress) error {
	g, err := t.group(in.Group)
	if err != nil {
		return err
	}
	var rules []db.Rule
	for _, asked := range in.Rules {
		rule := db.Rule{Protocol: asked.Protocol, From: asked.From, To: asked.To, CIDR: asked.CIDR}
		if !asked.CIDR.IsValid() {
			source, err := t.group(asked.Source)
			if err != nil {
				return err
			}
			rule.SourceGroup = source.Name
		}
		if slices.Contains(rules, rule) { // by a group's name, and by its id
			return ec2api.Errorf(ec2api.InvalidParameterValue, "the request has the same rule twice: %s", rule)
		}
		rules = append(rules, rule)
	}
	if in.Revoke {
		return coded(t.store.DeleteRules(ctx, t.project, g.Name, rules), errorCodes{db.ErrNotFound: ec2api.PermissionNotFound})
	}
	_, err = t.store.AddRules(ctx, t.project, g.Name, rules)
	return coded(err, errorCodes{db.ErrExists: ec2api.PermissionDuplicate, db.ErrQuota: ec2api.RuleLimitExceeded})
}

func (t *tenant) createGroup(ctx context.Context, in *ec2api.CreateSecurityGroup) error {
	for _, text := range []struct {
		parameter, value string
		rules            []func(string) error
	}{
		{"GroupName", in.Name, []func(string) error{checkName, newGroup}},
		{"GroupDescription", in.Description, []func(string) error{checkPurpose}},
	} {
		for _, rule := range text.rules {
			if err := rule(text.value); err != nil {
				return ec2api.Errorf(ec2api.InvalidParameterValue, "%s %+q %v", text.parameter, text.value, err)
			}
		}
	}
	made, err := t.store.KnownProjects().CreateSecurityGroup(ctx, t.project, in.Name, in.Description)
	t.made = made.ID
	return coded(err, errorCodes{db.ErrExists: ec2api.GroupDuplicate, db.ErrQuota: ec2api.GroupLimitExceeded})
}

func (t *tenant) deleteGroup(ctx context.Context, in *ec2api.DeleteSecurityGroup) error {
	g, err := t.group(in.Group)
	if err != nil {
		return err
	}
	if g.Name == db.DefaultGroup {
		return ec2api.Errorf(ec2api.CannotDelete, "every project has the security group %s", db.DefaultGroup)
	}
	return coded(t.store.DeleteSecurityGroup(ctx, t.project, g.Name), errorCodes{db.ErrInUse: ec2api.GroupInUse})
}

func (t *tenant) associate(ctx context.Context, in *ec2api.AssociateAddress) error {
	i, err := t.instance(ctx, in.InstanceID)
	if err != nil {
		return err
	}
	has, err := t.holder(ctx, in.Address)
	switch {
	case err != nil:
		return err
	case has.ID == i.ID: // EC2 has it succeed
		return nil
	case has.ID != 0 && has.ProjectID != t.project:
		return noAddress(in.Address)
	case has.ID != 0 && !in.Reassociate:
		return ec2api.Errorf(ec2api.ResourceAlreadyAssociated, "the address %s is associated with instance %s: AllowReassociation takes it from there",
			in.Address, ec2api.InstanceID(has.ID))
	case has.ID != 0:
		if err := t.store.DisassociateFloating(ctx, in.Address); err != nil {
			return err
		}
	}
	_, err = t.store.AssociateFloating(ctx, ec2api.InstanceID(i.ID), in.Address, db.FloatingFrom{})
	if errors.Is(err, db.ErrNotFound) {
		return noAddress(in.Address)
	}
	return coded(err, errorCodes{db.ErrInUse: ec2api.ResourceAlreadyAssociated, db.ErrQuota: ec2api.AddressLimitExceeded,
		db.ErrReserved: ec2api.InvalidParameterValue, db.ErrUnfit: ec2api.InvalidParameterValue})
}

func (t *tenant) disassociate(ctx context.Context, in *ec2api.DisassociateAddress) error {
	has, err := t.holder(ctx, in.Address)
	if err != nil {
		return err
	}
	if has.ProjectID != t.project {
		return ec2api.Errorf(ec2api.AssociationNotFound, "the address %s is associated with no instance of this project", in.Address)
	}
	return t.store.DisassociateFloating(ctx, in.Address)
}
