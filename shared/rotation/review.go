package rotation

import (
	"fmt"
	"slices"
	"time"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/pipeline"
	"ecsguardrails/shared/registry"
)

// reviewable gives the plan of a look at a secret where its description alone
// decides, and otherwise how it begins, and that there is more to look at.
func (r *Rotation) reviewable(o Observation) (plan pipeline.Plan[Action], more bool) {
	if _, ours := o.Tags[DriverTag]; !ours {
		return pipeline.Plan[Action]{Skip: &finding.Finding{
			Code: "not-ours", Severity: finding.Info, Message: fmt.Sprintf("the secret has no tag %s", DriverTag),
		}}, false
	}
	at, faults := target(o.Tags, r.drivers)
	if len(faults) > 0 {
		return pipeline.Plan[Action]{Findings: faults}, false
	}
	findings := overdue(o)
	underway := o.version(pending)
	switch {
	case underway != "" && underway != o.version(current):
		// One of two accounts that take turns may be just getting its password.
		return pipeline.Plan[Action]{Findings: append(findings, finding.Finding{
			Code: "rotation-underway", Severity: finding.Info, Message: "a rotation is under way, so the previous credential is left to it",
		})}, false
	case o.version(previous) == "":
		return pipeline.Plan[Action]{Findings: findings}, false
	case at.HasGrace && !o.graceOver(at):
		findings = append(findings, finding.Finding{
			Code: "grace-running", Severity: finding.Info,
			Message: fmt.Sprintf("the previous credential works until %s", o.tagEnd(at).UTC().Format(time.RFC3339)),
		})
	}
	return pipeline.Plan[Action]{Findings: findings}, true
}

// graceOver reports whether the previous credential has come to an end that a
// tag gives it.
func (o Observation) graceOver(at Target) bool {
	return at.HasGrace && !o.Now.Before(o.tagEnd(at))
}

// tagEnd is the end that the tag gives the previous credential.
func (o Observation) tagEnd(at Target) time.Time {
	return later(o.lastRotation(), o.currentMade()).Add(at.Grace)
}

// lastRotation is when the previous credential became that. A secret whose
// label was moved by hand has no date for it, and its last change stands in.
func (o Observation) lastRotation() time.Time {
	if o.Rotated.IsZero() {
		return o.Changed
	}
	return o.Rotated
}

// overdue tells of rotations that did not take place.
func overdue(o Observation) []finding.Finding {
	if !o.Rotates || o.Due.IsZero() || o.Now.Before(o.Due.Add(lateness)) {
		return nil
	}
	return []finding.Finding{{
		Code: "rotation-overdue", Severity: finding.Error,
		Message: fmt.Sprintf("the secret was to be rotated by %s, and was not", o.Due.UTC().Format(time.RFC3339)),
		Fix:     "look for this function's errors on the secret, cure them, and rotate it with aws secretsmanager rotate-secret",
	}}
}

// planReview renders files that carry the previous credential again, has
// instances read them that were not told, and ends the previous credential when
// its grace time is over and neither is left to do.
func (r *Rotation) planReview(o Observation) pipeline.Plan[Action] {
	plan, more := r.reviewable(o)
	if !more {
		return plan
	}
	both, faults := r.read(o)
	if len(faults) > 0 || !both.hasNew {
		plan.Findings = append(plan.Findings, finding.Finding{
			Code: "previous-not-ours", Severity: finding.Info,
			Message: "the previous version of the secret is not the predecessor of the current one, so its credential is left alone",
		})
		return plan
	}
	at, _ := target(o.Tags, r.drivers)
	if faults := inUseFault(o, at); len(faults) > 0 {
		plan.Findings = append(plan.Findings, faults...)
		return plan
	}
	base := Action{Order: both.order, Driver: at.Driver}
	// What nobody may touch now is the credential that the current version holds.
	base.Order.Current = both.after.Credential
	renders := r.renders(o, at, both, base)
	refreshes, told, settled := r.refreshes(o, at, both, renders, base)
	plan.Actions = append(renders, refreshes...)
	if len(renders) > 0 {
		told = append(told, finding.Finding{
			Code: "previous-in-use", Severity: finding.Warning, Cured: true,
			Message: fmt.Sprintf("%d ecs.config files carry the previous credential; it is not revoked before the next look, when instances may have read them anew", len(renders)),
			Fix:     "have the instances read their ecs.config again",
		})
	}
	plan.Findings = append(plan.Findings, told...)
	if len(renders) > 0 || !settled || !o.graceOver(at) {
		return plan
	}
	switch {
	case o.Login.Err != nil && o.Login.Err.Kind != registry.Refused:
		plan.Findings = append(plan.Findings, loginFault(at, *o.Login))
		return plan
	default:
		base.ReviewedCurrent = o.version(current)
		for _, issued := range r.outdated(o, at, both) {
			plan.Actions = append(plan.Actions, base.revoking(issued, "whose grace time is over"))
		}
	}
	locked := o.locked()
	plan.Findings = append(plan.Findings, locked...)
	if len(plan.Actions) > 0 {
		plan.Findings = append(plan.Findings, finding.Finding{
			Code: "grace-over", Severity: finding.Warning, Cured: true,
			Message: fmt.Sprintf("%s still takes the previous credential, whose grace time is over", at.Registry.Host),
			Fix:     "let this function revoke it",
		})
		return plan
	}
	if len(locked) > 0 {
		return plan
	}
	plan.Findings = append(plan.Findings, finding.Finding{
		Code: "previous-ended", Severity: finding.Info,
		Message: "no previous credential that this function issued works any more",
	})
	return plan
}

// outdated gives the credentials before the current one that still work, as the
// registry knows them. A token that this function did not mint is not among
// them.
func (r *Rotation) outdated(o Observation, at Target, both documents) []registry.Issued {
	if r.drivers[at.Driver].Accounts(o.Tags) == registry.TwoAccounts {
		if o.Login.Err != nil || both.before.Credential.Username == both.after.Credential.Username {
			return nil
		}
		return []registry.Issued{{ID: both.before.Credential.Username, Version: o.version(previous)}}
	}
	return slices.DeleteFunc(slices.Clone(o.Issued), func(issued registry.Issued) bool {
		stages := o.Stages[issued.Version]
		return len(stages) > 0 && !slices.Equal(stages, []string{previous}) || o.holds(issued, both.after.Credential)
	})
}
