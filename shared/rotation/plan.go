package rotation

import (
	"slices"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
)

// lateness is how far behind its schedule a rotation may be before it is reported:
// Secrets Manager rotates within a window of a day, and tries again.
const lateness = 24 * time.Hour

// defaultGrace is how long the previous credential works on at least where no
// tag says so: a rotation by mistake, or two in a row, must not end what
// instances still hold. Schedules of a day and more never come sooner.
const defaultGrace = 12 * time.Hour

// finished reports whether the version is the current one already: a step that
// Secrets Manager asks for again.
func (o Observation) finished() bool { return has(o.Stages[o.Version], current) }

// version gives the version that carries a staging label, or "".
func (o Observation) version(label string) string {
	for version, stages := range o.Stages {
		if has(stages, label) {
			return version
		}
	}
	return ""
}

// graceEnd says until when the previous credential is to work, and whether that
// time is still running.
func (o Observation) graceEnd(target Target) (end time.Time, running bool) {
	since := later(o.Rotated, o.currentMade())
	if since.IsZero() || o.version(previous) == "" {
		return time.Time{}, false
	}
	end = since.Add(o.grace(target))
	return end, o.Now.Before(end)
}

// currentMade is when the version that is current was given its value, which the
// previous one was in use until. A secret's last rotation is earlier where a
// person wrote the value, or where a rotation moved the label and failed of what
// comes after.
func (o Observation) currentMade() time.Time {
	if o.Step == Review || o.finished() {
		return o.New.Made
	}
	return o.Old.Made
}

func later(one, other time.Time) time.Time {
	if one.After(other) {
		return one
	}
	return other
}

// grace is what the tag says. Without it, a schedule of a few hours is its
// owner's word that the previous credential is needed no longer than that.
func (o Observation) grace(target Target) time.Duration {
	if !target.HasGrace && o.rhythm.shortest > 0 {
		return min(defaultGrace, o.rhythm.shortest/2)
	}
	if !target.HasGrace {
		return defaultGrace
	}
	return target.Grace
}

// inadmissible says why a step may not even begin, from the secret's
// description alone. The guards are those of AWS's own rotation templates
// (aws-samples/aws-secrets-manager-rotation-lambdas).
func (r *Rotation) inadmissible(o Observation) []finding.Finding {
	stages, known := o.Stages[o.Version]
	switch {
	case !o.Rotates:
		return []finding.Finding{rotationDisabled.With()}
	case !known:
		return []finding.Finding{versionUnknown.With()}
	case has(stages, current):
		return nil
	case !has(stages, pending):
		return []finding.Finding{versionNotPending.With()}
	case o.version(current) == "":
		return []finding.Finding{currentMissing.With()}
	}
	if faults := rotatedByAnother(o); len(faults) > 0 {
		return faults
	}
	_, faults := parseTarget(o.Tags, r.drivers)
	return faults
}

// documents are the two values of a rotation, read.
type documents struct {
	before, after Document
	// hasNew is false where the new version has no value yet.
	hasNew bool
	order  registry.Order
}

// read takes both values apart, and refuses a new one that is not the successor
// of the old one, before anything is changed.
func (r *Rotation) read(o Observation) (documents, []finding.Finding) {
	fault := func(template finding.Template, values ...finding.Value) (documents, []finding.Finding) {
		return documents{}, []finding.Finding{template.With(values...)}
	}
	key := passwordKeyOf(o.Name)
	target, faults := parseTarget(o.Tags, r.drivers)
	if len(faults) > 0 {
		return documents{}, faults
	}
	if o.administersItself(target) {
		return fault(administersSelf)
	}
	switch {
	case !o.Old.Present:
		return fault(currentEmpty)
	case o.Old.Binary, o.New.Binary:
		return fault(versionBinary)
	}
	var administrator registry.Administrator
	if target.Admin != "" {
		if administrator, faults = administratorOf(o.Administrator, o.Name); len(faults) > 0 {
			return documents{}, faults
		}
	}
	before, err := ParseDocument(o.Old.Text, key)
	if err != nil {
		return fault(currentUnreadable, finding.Clause("why", err.Error()))
	}
	both := documents{
		before: before,
		hasNew: o.New.Present,
		order: registry.Order{
			Registry: target.Registry, SecretARN: o.ARN, Version: o.Version, Current: before.Credential,
			Administrator: administrator, Tags: o.Tags, Interval: o.interval(),
		},
	}
	driver := r.drivers[target.Driver]
	both.order.Next = driver.Accounts(o.Tags).Successor(before.Credential.Username)
	if target.InPlace {
		both.order.Next = before.Credential.Username
	}
	if err := driver.Examine(both.order); err != nil {
		return fault(driverNeeds, finding.Name("driver", target.Driver), finding.Clause("why", err.Error()))
	}
	if !o.New.Present {
		return both, nil
	}
	both.after, err = ParseDocument(o.New.Text, key)
	switch {
	case err != nil:
		return fault(pendingForeign, finding.Clause("why", err.Error()))
	case both.order.Next != "" && both.after.Credential.Username != both.order.Next:
		return fault(pendingUser)
	case !both.after.SameBeside(before):
		return fault(pendingFields)
	case both.after.Credential.Equal(before.Credential):
		return fault(pendingSame)
	}
	return both, nil
}

// toProve gives the credential that a step of a rotation tries at the registry.
func toProve(o Observation, both documents) (registry.Credential, bool) {
	switch {
	case o.Step == TestSecret:
		return o.subjectOfTest(both), true
	case o.Step == SetSecret && both.hasNew:
		return both.after.Credential, true
	}
	return registry.Credential{}, false
}

// wantsInUse reports whether a step of a rotation goes on only if the credential
// in use is good. That holds for the standby account's new password, too:
// someone who may write a secret and its tags could otherwise have any account's
// password changed, or a token of any account minted, in the administrator's name
// (AWS's own templates: "to protect against a confused deputy attack"). And where it
// is not good, somebody else changes these accounts' passwords, such as a second
// secret with the same ones.
func (r *Rotation) wantsInUse(o Observation, target Target, both documents) bool {
	driver := r.drivers[target.Driver]
	if bound, ok := driver.(registry.Bound); ok {
		return o.Step == CreateSecret && !both.hasNew && !bound.OwnAccount(both.order)
	}
	if driver.Accounts(o.Tags) != registry.TwoAccounts {
		return false
	}
	if _, installs := driver.(registry.Installer); installs {
		return o.Step == SetSecret && both.hasNew && o.Login.Err != nil && o.Login.Err.Kind == registry.Refused
	}
	return o.Step == CreateSecret && !both.hasNew
}

// vouches reports whether the previous credential may speak for the one in use: it is
// the same account's, of a registry that gives an account many. So a rotation cures a
// token that somebody revoked.
func (r *Rotation) vouches(o Observation, target Target, both documents) (registry.Credential, bool) {
	if r.drivers[target.Driver].Accounts(o.Tags) != registry.OneAccount || o.InUse == nil || o.InUse.Err == nil || o.InUse.Err.Kind != registry.Refused {
		return registry.Credential{}, false
	}
	before, err := ParseDocument(o.Previous.Text, passwordKeyOf(o.Name))
	return before.Credential, err == nil && before.Credential.Username == both.before.Credential.Username
}

// inUseFault says why other credentials are left alone, where they are.
func inUseFault(o Observation, target Target) []finding.Finding {
	switch {
	case o.InUse == nil || o.InUse.Err == nil, o.Vouch != nil && o.Vouch.Err == nil:
		return nil
	case o.InUse.Err.Kind != registry.Refused:
		return []finding.Finding{loginFault(target, *o.InUse)}
	}
	return []finding.Finding{currentRefused.With(finding.Name("registry", target.Registry.Host), finding.Clause("why", o.InUse.Err.Error()))}
}

// plan decides what a step does.
func (r *Rotation) plan(o Observation) pipeline.Plan[Action] {
	if o.Step == Review {
		return r.planReview(o)
	}
	if faults := r.inadmissible(o); len(faults) > 0 {
		return pipeline.Plan[Action]{Findings: faults}
	}
	if o.finished() && o.Step != FinishSecret {
		return note(alreadyCurrent)
	}
	both, faults := r.read(o)
	if len(faults) > 0 {
		if o.finished() {
			// The label has moved, and somebody changed the secret since.
			return note(alreadyChanged)
		}
		return pipeline.Plan[Action]{Findings: faults}
	}
	target, _ := parseTarget(o.Tags, r.drivers)
	base := Action{Order: both.order, Driver: target.Driver}
	if !both.hasNew && (o.Step == SetSecret || o.Step == FinishSecret) {
		// Secrets Manager comes here only after a createSecret that succeeded: a value
		// that still can't be read never will be (aws-sdk-js-v3#7701).
		return pipeline.Plan[Action]{Actions: []Action{base.abandoning(o.Version)}, Findings: []finding.Finding{pendingEmpty.With()}}
	}
	switch o.Step {
	case CreateSecret:
		return r.planCreate(o, target, both, base)
	case SetSecret:
		return r.planSet(o, target, both, base)
	case TestSecret:
		return r.planTest(o, target, both, base)
	default:
		return r.planFinish(o, target, both, base)
	}
}

// administersItself reports whether the administrator's secret is the one that
// is rotated.
func (o Observation) administersItself(target Target) bool {
	return target.Admin == o.ARN || target.Admin == o.Name
}

// endsPrevious reports whether a rotation gives the account of the previous
// credential a new password. A previous value that a person wrote may be of any
// account.
func endsPrevious(o Observation, both documents) bool {
	before, err := ParseDocument(o.Previous.Text, passwordKeyOf(o.Name))
	return err == nil && before.Credential.Username == both.order.Next && before.Credential.Username != both.before.Credential.Username
}

// holds reports whether a token is a credential under another version, too, as
// after a person wrote the same password with another field beside it. What
// cannot be read counts as held.
func (o Observation) holds(issued registry.Issued, credential registry.Credential) bool {
	value := o.Minted[issued.Version]
	if value.Locked {
		return true
	}
	if !value.Present {
		return false
	}
	document, err := ParseDocument(value.Text, passwordKeyOf(o.Name))
	return err != nil || document.Credential.Equal(credential)
}

// locked reports the tokens that are kept because this function can't tell what they
// are: their versions are older than the secret's present key.
func (o Observation) locked() []finding.Finding {
	var tokens []string
	for _, issued := range o.Issued {
		if o.Minted[issued.Version].Locked {
			tokens = append(tokens, noted(issued.ID, "minted for the version "+issued.Version))
		}
	}
	if len(tokens) == 0 {
		return nil
	}
	return []finding.Finding{versionLocked.With(notedList("tokens", tokens))}
}

func hasError(findings []finding.Finding) bool { return finding.Result{Findings: findings}.HasError() }

func note(template finding.Template, values ...finding.Value) pipeline.Plan[Action] {
	return pipeline.Plan[Action]{Findings: []finding.Finding{template.With(values...)}}
}

// planCreate issues a credential where the pending version has none. A token
// that was minted for this version already is one whose value was lost in a
// crash: it is revoked first.
func (r *Rotation) planCreate(o Observation, target Target, both documents, base Action) pipeline.Plan[Action] {
	if both.hasNew {
		return note(alreadyPending)
	}
	if end, running := o.graceEnd(target); running && endsPrevious(o, both) {
		return note(tooSoon, timestamp("end", end))
	}
	if faults := inUseFault(o, target); len(faults) > 0 {
		return pipeline.Plan[Action]{Findings: faults}
	}
	if faults := r.heldByInstances(o, target, both); len(faults) > 0 {
		return pipeline.Plan[Action]{Findings: faults}
	}
	if r.takesTurns(o, target) && !target.InPlace {
		// A replica that was still in progress has been waited for.
		if faults := append(staleReplicas(o, replicaHolds), standingFaults(o, both.order.Next, "standby", o.nextEnd(), false)...); hasError(faults) {
			return pipeline.Plan[Action]{Findings: faults}
		}
	}
	var actions []Action
	for _, issued := range o.Issued {
		if issued.Version == o.Version {
			lost := base.revoking(issued, "whose value was lost in a run that was cut off")
			lost.Empty = o.Version
			actions = append(actions, lost)
		}
	}
	base.Kind, base.Current, base.RotationToken, base.To = Issue, both.before, o.Token, o.Version
	plan := pipeline.Plan[Action]{Actions: append(actions, base)}
	if _, installs := r.drivers[target.Driver].(registry.Installer); !installs {
		plan.Findings = r.gap(target)
	}
	return plan
}

// planSet has the registry take a password of our own choosing. A minted token
// works already.
func (r *Rotation) planSet(o Observation, target Target, both documents, base Action) pipeline.Plan[Action] {
	if o.Login.Err == nil {
		return note(alreadySet, finding.Name("registry", target.Registry.Host))
	}
	if o.Login.Err.Kind != registry.Refused {
		return pipeline.Plan[Action]{Findings: []finding.Finding{loginFault(target, *o.Login)}}
	}
	if _, installs := r.drivers[target.Driver].(registry.Installer); !installs {
		return note(notActiveYet, finding.Name("registry", target.Registry.Host))
	}
	if faults := inUseFault(o, target); len(faults) > 0 {
		return pipeline.Plan[Action]{Findings: faults}
	}
	base.Kind, base.Credential = Install, both.after.Credential
	return pipeline.Plan[Action]{Findings: r.gap(target), Actions: []Action{base}}
}

// gap says what it means that an account's only password is replaced.
func (r *Rotation) gap(target Target) []finding.Finding {
	if !target.InPlace {
		return nil
	}
	return []finding.Finding{pullGapOpen.With(finding.Lasting("wait", r.loginWait))}
}

// planTest judges a login and what it lets the credential pull. Without a pending
// value it is the test that Secrets Manager makes of a new configuration
// (RotateSecret with RotateImmediately=false), and the current credential stands
// in.
func (r *Rotation) planTest(o Observation, target Target, both documents, base Action) pipeline.Plan[Action] {
	if o.Login.Err != nil {
		fault := loginFault(target, *o.Login)
		plan := pipeline.Plan[Action]{Findings: []finding.Finding{fault}}
		if _, installs := r.drivers[target.Driver].(registry.Installer); !installs && both.hasNew && o.Login.Err.Kind == registry.Refused {
			// A minted credential can't be made good: with AWSPENDING on it, every later
			// rotation would try it again.
			plan.Actions = []Action{base.abandoning(o.Version)}
		}
		return plan
	}
	tested := o.subjectOfTest(both)
	whose, template := "new", newAccepted
	if !both.hasNew {
		whose, template = "current", currentAccepted
	}
	accepted := template.With(finding.Name("registry", target.Registry.Host), finding.Name("scheme", o.Login.Scheme), finding.Name("realm", o.Login.Realm))
	if target.Image != nil {
		accepted = accepted.Also(manifestServed)
	}
	findings, proven := judgePulls(o, target, both)
	if proven > 0 {
		accepted = accepted.Also(imagesPullable, figure("count", proven))
	} else if !hasError(findings) {
		findings = append(findings, unproven(o, target, tested.Username)...)
	}
	findings = append(findings, standingFaults(o, tested.Username, whose, o.nextEnd(), r.replaces(o, target))...)
	plan := pipeline.Plan[Action]{Findings: append(findings, accepted)}
	if _, installs := r.drivers[target.Driver].(registry.Installer); !installs && both.hasNew && slices.ContainsFunc(findings, lacksRights) {
		// Nor does a minted credential get other rights when its owner corrects them.
		plan.Actions = []Action{base.abandoning(o.Version)}
	}
	return plan
}

// lacksRights reports whether a finding says that a credential can't pull.
func lacksRights(f finding.Finding) bool {
	return slices.Contains([]string{"pull-denied", "account-rights", "account-disabled"}, f.Code)
}

// takesTurns reports whether two accounts take turns.
func (r *Rotation) takesTurns(o Observation, target Target) bool {
	return r.drivers[target.Driver].Accounts(o.Tags) == registry.TwoAccounts
}

// planFinish moves the label, renders the files that carry the old credential,
// and revokes what no version needs any more.
func (r *Rotation) planFinish(o Observation, target Target, both documents, base Action) pipeline.Plan[Action] {
	var actions []Action
	keep := map[string]bool{o.Version: true}
	_, graceRunning := o.graceEnd(target)
	for version, stages := range o.Stages {
		// AWSPREVIOUS moves with AWSCURRENT: the version that has it now, and no
		// other label, is needed no more.
		keep[version] = keep[version] || o.finished() || !slices.Equal(stages, []string{previous})
	}
	if !o.finished() {
		promote := base
		promote.Kind, promote.From, promote.To = Promote, o.version(current), o.Version
		actions = append(actions, promote)
	}
	renders, findings := r.renders(o, target, both, base)
	actions = append(actions, renders...)
	var revocations []Action
	for _, issued := range o.Issued {
		// Within the grace time also those that were the previous one before: several
		// rotations in a row end none that instances may still hold.
		if !keep[issued.Version] && !graceRunning && !o.holds(issued, both.before.Credential) {
			revocations = append(revocations, base.revoking(issued, "that no version of the secret needs any more"))
		}
	}
	if len(revocations) > 0 {
		// A replica that has missed a rotation serves one of these.
		hold := staleReplicas(o, replicaStale)
		if !target.Hard {
			hold = append(hold, r.held(o, target, both)...)
		}
		if len(hold) > 0 {
			findings, revocations = append(findings, hold...), nil
		}
	}
	actions = append(actions, revocations...)
	// At last, so that a command that cannot be sent keeps nothing else from being done.
	refreshes, told, _ := r.refreshes(o, target, both, renders, base)
	findings = append(findings, told...)
	findings = append(findings, o.locked()...)
	if made := o.New.Made; target.InPlace && !o.finished() && !made.IsZero() {
		findings = append(findings, pullGapClosed.With(finding.Lasting("gap", o.Now.Sub(made))))
	}
	actions = append(actions, refreshes...)
	if len(actions) == 0 && len(findings) == 0 {
		return note(alreadyFinished)
	}
	return pipeline.Plan[Action]{Findings: findings, Actions: actions}
}

// superseded are the credentials that the new one takes the place of: the one
// before it, and of a registry that mints them also the one before that while it
// still works. An older one opens nothing: who holds one of those doesn't get the
// new one for it.
func (o Observation) superseded(both documents) []registry.Credential {
	old := []registry.Credential{both.before.Credential}
	for _, issued := range o.Issued {
		value := o.Minted[issued.Version]
		if !has(o.Stages[issued.Version], previous) || !value.Present {
			continue
		}
		if document, err := ParseDocument(value.Text, passwordKeyOf(o.Name)); err == nil {
			old = append(old, document.Credential)
		}
	}
	return old
}

// renders are the listed files that still carry an old credential, and what keeps
// others from being read or written.
func (r *Rotation) renders(o Observation, target Target, both documents, base Action) (actions []Action, findings []finding.Finding) {
	var tooMany []string
	for _, file := range o.Configs.Files {
		content, changed, many := rendered(file.Content, target.Registry, o.superseded(both), both.after.Credential)
		if many {
			tooMany = append(tooMany, file.String())
		}
		if changed {
			render := base
			render.Kind, render.File, render.Content = Render, file, content
			actions = append(actions, render)
		}
	}
	findings = configFaults(o.Configs.Faults)
	if len(tooMany) > 0 {
		findings = append(findings, configOversized.With(figure("most", maxEntries), finding.Names("files", tooMany)))
	}
	return actions, findings
}

// loginFault says what a failed login means.
func loginFault(target Target, attempt Attempt) finding.Finding {
	problem := finding.Clause("problem", attempt.Err.Error())
	switch attempt.Err.Kind {
	case registry.Refused:
		return loginRefused.With(problem)
	case registry.Missing:
		return registryMissing.With(problem)
	case registry.Unsafe:
		return registryUnsafe.With(problem)
	case registry.Open:
		return registryOpen.With(problem)
	}
	return registryAnswer.With(problem, finding.Name("registry", target.Registry.Host))
}

// inDryRun adds to a step's plan what is wrong where it will not be carried out:
// Secrets Manager has asked for a new password, and there will be none.
func inDryRun(step Step, plan pipeline.Plan[Action]) pipeline.Plan[Action] {
	if step == Review || len(plan.Actions) == 0 {
		return plan
	}
	undone := notInDryRun.With()
	undone.Cured = true
	plan.Findings = append(slices.Clone(plan.Findings), undone)
	return plan
}
