package rotation

import (
	"fmt"
	"slices"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/pipeline"
	"ecsguardrails/shared/registry"
)

// finished reports whether the version is the current one already: a step that
// Secrets Manager asks for again, and that has done its work.
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

// inadmissible says why a step may not even begin, from the secret's
// description alone. The guards are those of AWS's own rotation templates
// (aws-samples/aws-secrets-manager-rotation-lambdas).
func (r *Rotation) inadmissible(o Observation) []finding.Finding {
	fault := func(code, message, fix string) []finding.Finding {
		return []finding.Finding{{Code: code, Severity: finding.Error, Message: message, Fix: fix}}
	}
	stages, known := o.Stages[o.Version]
	switch {
	case !o.Rotates:
		return fault("rotation-disabled", "rotation is not enabled for the secret", "enable it with aws secretsmanager rotate-secret; a step that nobody asked for changes nothing")
	case !known:
		return fault("version-unknown", "the secret has no version of the id that the step names", "let Secrets Manager make the call; aws secretsmanager rotate-secret makes the version")
	case has(stages, current):
		return nil
	case !has(stages, pending):
		return fault("version-not-pending", "the version that the step names does not carry AWSPENDING, so it is not to become the current one", "rotate the secret anew; where AWSPENDING is on another version, take it away there with aws secretsmanager update-secret-version-stage")
	case o.version(current) == "":
		return fault("current-missing", "no version of the secret is current, so there is no credential to follow", "give the secret the credential that works today with aws secretsmanager put-secret-value")
	}
	_, faults := target(o.Tags, r.drivers)
	return faults
}

const secretShapeFix = `write it as {"username": "…", "password": "…"} with aws secretsmanager put-secret-value; a secret of ECR's pull-through cache has "accessToken" in the place of "password"`

// documents are the two values of a rotation, read.
type documents struct {
	current, pending Document
	// hasPending is false where the pending version has no value yet.
	hasPending bool
	order      registry.Order
}

// read takes both values apart, and refuses a pending one that is not the
// successor of the current one, before anything is changed.
func (r *Rotation) read(o Observation) (documents, []finding.Finding) {
	fault := func(code, message, fix string) (documents, []finding.Finding) {
		return documents{}, []finding.Finding{{Code: code, Severity: finding.Error, Message: message, Fix: fix}}
	}
	key := passwordKeyOf(o.Name)
	at, faults := target(o.Tags, r.drivers)
	if len(faults) > 0 {
		return documents{}, faults
	}
	if !o.Current.Present {
		return fault("secret-shape", "the current version of the secret has no value", secretShapeFix)
	}
	now, err := ParseDocument(o.Current.Text, key)
	if err != nil {
		return fault("secret-shape", fmt.Sprintf("the current version of the secret cannot be used: %v", err), secretShapeFix)
	}
	both := documents{
		current:    now,
		hasPending: o.Pending.Present,
		order: registry.Order{
			Registry: at.Registry, SecretARN: o.ARN, Version: o.Version, Current: now.Credential, Tags: o.Tags,
		},
	}
	driver := r.drivers[at.Driver]
	if err := driver.Examine(both.order); err != nil {
		return fault("driver-needs", fmt.Sprintf("the driver %s cannot work: %v", at.Driver, err), "correct what it names; the function's README lists what each driver needs")
	}
	if !o.Pending.Present {
		return both, nil
	}
	const anew = "find out who wrote it; then take AWSPENDING away from that version with aws secretsmanager update-secret-version-stage, and rotate anew"
	both.pending, err = ParseDocument(o.Pending.Text, key)
	switch {
	case err != nil:
		return fault("pending-differs", fmt.Sprintf("the pending version of the secret was not made by this rotation: %v", err), anew)
	case both.pending.Credential.Username != driver.Accounts().Successor(now.Credential.Username):
		return fault("pending-differs", "the pending version of the secret is for another user than the one whose turn it is", anew)
	case !both.pending.SameBeside(now):
		return fault("pending-differs", "the pending version of the secret differs from the current one in more than its credential, as it would for another registry", anew)
	}
	return both, nil
}

// toProve gives the credential that a step tries at the registry.
func (r *Rotation) toProve(o Observation) (registry.Credential, bool) {
	both, faults := r.read(o)
	switch {
	case len(faults) > 0:
		return registry.Credential{}, false
	case o.Step == TestSecret && !both.hasPending:
		return both.current.Credential, true
	case o.Step == TestSecret, o.Step == SetSecret && both.hasPending:
		return both.pending.Credential, true
	default:
		return registry.Credential{}, false
	}
}

// plan decides what a step does.
func (r *Rotation) plan(o Observation) pipeline.Plan[Action] {
	if faults := r.inadmissible(o); len(faults) > 0 {
		return pipeline.Plan[Action]{Findings: faults}
	}
	if o.finished() {
		return note("already-current", "the version is the current one already, so this step has nothing left to do")
	}
	both, faults := r.read(o)
	if len(faults) > 0 {
		return pipeline.Plan[Action]{Findings: faults}
	}
	at, _ := target(o.Tags, r.drivers)
	action := Action{
		Order: both.order, Registry: at.Registry, Driver: at.Driver,
		Current: both.current, Credential: both.pending.Credential,
		RotationToken: o.Token, From: o.version(current), To: o.Version,
	}
	if !both.hasPending && (o.Step == SetSecret || o.Step == FinishSecret) {
		return pipeline.Plan[Action]{Findings: []finding.Finding{{
			Code: "pending-empty", Severity: finding.Error,
			Message: "the pending version of the secret has no value: createSecret did not end well",
			Fix:     "see what createSecret reported, cure it, and rotate anew",
		}}}
	}
	switch o.Step {
	case CreateSecret:
		if both.hasPending {
			return note("already-pending", "the pending version has its credential already")
		}
		action.Kind = Issue
	case SetSecret:
		if o.Login.Err == nil {
			return note("already-set", fmt.Sprintf("%s takes the new credential already", at.Registry.Host))
		}
		if o.Login.Err.Kind != registry.Refused {
			return pipeline.Plan[Action]{Findings: []finding.Finding{loginFault(at, *o.Login)}}
		}
		action.Kind = Install
	case TestSecret:
		return r.judgeLogin(o, at, both.hasPending)
	case FinishSecret:
		action.Kind = Promote
	}
	return pipeline.Plan[Action]{Actions: []Action{action}}
}

func note(code, message string) pipeline.Plan[Action] {
	return pipeline.Plan[Action]{Findings: []finding.Finding{{Code: code, Severity: finding.Info, Message: message}}}
}

// judgeLogin ends testSecret. Without a pending value it is the test that
// Secrets Manager makes of a new configuration (RotateSecret with
// RotateImmediately=false), and the current credential stands in.
func (r *Rotation) judgeLogin(o Observation, at Target, hasPending bool) pipeline.Plan[Action] {
	if o.Login.Err != nil {
		return pipeline.Plan[Action]{Findings: []finding.Finding{loginFault(at, *o.Login)}}
	}
	whose, code := "new", "login-succeeded"
	if !hasPending {
		whose, code = "current", "configuration-tested"
	}
	message := fmt.Sprintf("%s took the %s credential (%s, realm %s)", at.Registry.Host, whose, o.Login.Scheme, o.Login.Realm)
	if at.Image != nil {
		message += ", and showed the manifest of the test image"
	}
	return note(code, message)
}

// loginFault says what a failed login means.
func loginFault(at Target, attempt Attempt) finding.Finding {
	f := finding.Finding{Severity: finding.Error, Message: attempt.Err.Error()}
	switch attempt.Err.Kind {
	case registry.Refused:
		f.Code = "login-refused"
		f.Fix = "the current credential is untouched; see whether the registry read what the driver wrote, and whether the account may pull the test image"
	case registry.Missing:
		f.Code = "image-missing"
		f.Fix = fmt.Sprintf("name in the tag %s an image that is there, and in %s a registry that serves /v2/", ImageTag, RegistryTag)
	case registry.Unsafe:
		f.Code = "registry-unsafe"
		f.Fix = fmt.Sprintf("name the registry's own https address in the tag %s", RegistryTag)
	case registry.Open:
		f.Code = "registry-open"
		f.Fix = "have the registry ask for a credential; until then anybody may pull from it"
	default:
		f.Code = "registry-answer"
		f.Fix = fmt.Sprintf("see whether %s is a registry that speaks the distribution API, version 2", at.Registry.Host)
	}
	return f
}

// inDryRun adds to a plan what is wrong where it will not be carried out:
// Secrets Manager has asked for a new password, and there will be none.
func inDryRun(plan pipeline.Plan[Action]) pipeline.Plan[Action] {
	if len(plan.Actions) == 0 {
		return plan
	}
	plan.Findings = append(slices.Clone(plan.Findings), finding.Finding{
		Code: "not-rotated", Severity: finding.Error, Cured: true,
		Message: "the function runs dry, so the step is not done and the password stays as it is",
		Fix:     "set the function's mode to enforce",
	})
	return plan
}
