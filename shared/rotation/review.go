package rotation

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
)

// reviewable gives the plan of a look at a secret where its description alone
// decides, and otherwise how it begins, and that there is more to look at.
func (r *Rotation) reviewable(o Observation) (plan pipeline.Plan[Action], more bool) {
	if _, ours := o.Tags[DriverTag]; !ours {
		return pipeline.Plan[Action]{Skip: &finding.Finding{
			Code: "secret-not-managed", Severity: finding.Info, Message: fmt.Sprintf("The secret has no tag %s.", DriverTag),
		}}, false
	}
	findings := append(rotationOff(o), rotatedByAnother(o)...)
	target, faults := parseTarget(o.Tags, r.drivers)
	if len(faults) > 0 {
		return pipeline.Plan[Action]{Findings: append(findings, faults...)}, false
	}
	findings = append(findings, overdue(o)...)
	switch {
	case o.version(current) == "":
		return pipeline.Plan[Action]{Findings: append(findings, finding.Finding{
			Code: "current-missing", Severity: finding.Error,
			Message: "The secret has no current version, so there is no credential to replace.",
			Fix:     "Write the credential that works today with aws secretsmanager put-secret-value.",
		})}, false
	case o.underway():
		// One of two accounts that take turns may be just getting its password.
		return pipeline.Plan[Action]{Findings: append(findings, underwayFault(o))}, false
	case o.version(previous) != "" && target.HasGrace && !o.graceOver(target):
		findings = append(findings, finding.Finding{
			Code: "grace-running", Severity: finding.Info,
			Message: fmt.Sprintf("The previous credential works until %s.", o.tagEnd(target).UTC().Format(time.RFC3339)),
		})
	}
	return pipeline.Plan[Action]{Findings: findings}, !r.descriptionOnly
}

// underway reports whether a version is to become the current one.
func (o Observation) underway() bool {
	version := o.version(pending)
	return version != "" && version != o.version(current)
}

// underwayFault tells a rotation that is under way, and one that has stuck: Secrets
// Manager begins no other one while a version carries AWSPENDING.
func underwayFault(o Observation) finding.Finding {
	since := o.Pending.Made
	if since.IsZero() {
		since = o.Changed
	}
	if since.IsZero() || o.Now.Before(since.Add(lateness)) {
		return finding.Finding{Code: "rotation-underway", Severity: finding.Info, Message: "A rotation is running, and it decides about the previous credential."}
	}
	return finding.Finding{
		Code: "rotation-underway", Severity: finding.Error,
		Message: fmt.Sprintf("A rotation has been running since %s, and Secrets Manager starts no other one before it ends.", since.UTC().Format(time.RFC3339)),
		Fix:     fmt.Sprintf("Correct this function's errors on the secret, and rotate it with aws secretsmanager rotate-secret. Or first remove AWSPENDING: aws secretsmanager update-secret-version-stage --version-stage AWSPENDING --remove-from-version-id %s", printable(o.version(pending))),
	}
}

// rotationOff says that nothing rotates the secret, though its tags name a driver.
func rotationOff(o Observation) []finding.Finding {
	if o.Rotates {
		return nil
	}
	return []finding.Finding{{
		Code: "rotation-off", Severity: finding.Error,
		Message: "The secret is tagged for a rotation, and rotation isn't turned on.",
		Fix:     "Turn it on with aws secretsmanager rotate-secret --rotation-lambda-arn and --rotation-rules, or remove the tag " + DriverTag + ".",
	}}
}

// graceOver reports whether the previous credential has come to an end that a
// tag gives it.
func (o Observation) graceOver(target Target) bool {
	return target.HasGrace && !o.Now.Before(o.tagEnd(target))
}

// tagEnd is the end that the tag gives the previous credential.
func (o Observation) tagEnd(target Target) time.Time {
	return later(o.lastRotation(), o.currentMade()).Add(target.Grace)
}

// lastRotation is when the previous credential became that. A secret whose
// label was moved by hand has no date for it, and its last change stands in.
func (o Observation) lastRotation() time.Time {
	if o.Rotated.IsZero() {
		return o.Changed
	}
	return o.Rotated
}

// overdue reports rotations that did not take place.
func overdue(o Observation) []finding.Finding {
	if !o.Rotates || o.Due.IsZero() || o.Now.Before(o.Due.Add(lateness)) {
		return nil
	}
	return []finding.Finding{{
		Code: codeOverdue, Severity: finding.Error,
		Message: fmt.Sprintf("The rotation of the secret was due by %s and hasn't happened.", o.Due.UTC().Format(time.RFC3339)),
		Fix:     "Find this function's errors on the secret, correct them, and rotate it with aws secretsmanager rotate-secret.",
	}}
}

// planReview says what the next rotation would fail of, renders listed files that
// carry the previous credential again, has instances read them that were not told,
// and ends the previous credential when its grace time is over and nothing is
// known to hold it.
func (r *Rotation) planReview(o Observation) pipeline.Plan[Action] {
	plan, more := r.reviewable(o)
	if !more {
		return plan
	}
	target, _ := parseTarget(o.Tags, r.drivers)
	plan.Findings = append(plan.Findings, r.prospects(o, target)...)
	plan.Findings = append(plan.Findings, r.sharedFaults(o, target)...)
	plan.Findings = append(plan.Findings, r.unlisted(o, target)...)
	if o.InUse == nil || o.InUse.Err != nil {
		// Without a current credential that works, nothing is replaced or ended.
		return plan
	}
	if o.version(previous) == "" {
		return plan
	}
	both, faults := r.read(o)
	if len(faults) > 0 || !both.hasNew {
		plan.Findings = append(plan.Findings, finding.Finding{
			Code: "previous-unmanaged", Severity: finding.Info,
			Message: "The previous version of the secret isn't the predecessor of the current one, so its credential is left alone.",
		})
		return plan
	}
	base := Action{Order: both.order, Driver: target.Driver}
	// The credential that the current version holds must not be touched now.
	base.Order.Current = both.after.Credential
	renders, told := r.renders(o, target, both, base)
	refreshes, more2, settled := r.refreshes(o, target, both, renders, base)
	told = append(told, more2...)
	plan.Actions = append(renders, refreshes...)
	if len(renders) > 0 {
		told = append(told, finding.Finding{
			Code: "previous-in-use", Severity: finding.Warning, Cured: true,
			Message: fmt.Sprintf("The previous credential isn't revoked yet, because listed ecs.config files carry it (%d). The next look revokes it, when instances may have read them again.", len(renders)),
			Fix:     "Have the instances read their ecs.config again.",
		})
	}
	held := r.held(o, target, both)
	plan.Findings = append(plan.Findings, append(told, held...)...)
	if len(renders) > 0 || !settled || !o.graceOver(target) {
		return plan
	}
	if stale := staleReplicas(o); len(stale) > 0 {
		plan.Findings = append(plan.Findings, stale...)
		return plan
	}
	if !target.Hard && (len(held) > 0 || listedUnreadable(o)) {
		return plan
	}
	if o.Login.Err != nil && o.Login.Err.Kind != registry.Refused {
		plan.Findings = append(plan.Findings, loginFault(target, *o.Login))
		return plan
	}
	base.ReviewedCurrent = o.version(current)
	revocations := r.outdated(o, target, both)
	// What the driver found wrong would keep it from ending anything, too.
	able := o.Standings[both.after.Credential.Username].Fault == nil
	for _, issued := range revocations {
		if !able {
			break
		}
		plan.Actions = append(plan.Actions, base.revoking(issued, "whose grace time is over"))
	}
	locked := o.locked()
	plan.Findings = append(plan.Findings, locked...)
	_, lists := r.drivers[target.Driver].(registry.Lister)
	switch {
	case len(revocations) > 0:
		plan.Findings = append(plan.Findings, finding.Finding{
			Code: "grace-over", Severity: finding.Warning, Cured: able,
			Message: fmt.Sprintf("The registry %s still accepts the previous credential, whose grace time is over.", target.Registry.Host),
			Fix:     "Let this function revoke it.",
		})
	case !lists && !r.takesTurns(o, target) && o.Login.Err == nil:
		plan.Findings = append(plan.Findings, finding.Finding{
			Code: "previous-works", Severity: finding.Warning,
			Message: fmt.Sprintf("The registry %s still accepts the previous credential, whose grace time is over. The driver %s can't revoke it.", target.Registry.Host, target.Driver),
			Fix:     "Delete the previous token at the registry.",
		})
	case len(locked) == 0:
		plan.Findings = append(plan.Findings, finding.Finding{
			Code: "previous-ended", Severity: finding.Info,
			Message: "No previous credential that this function issued works any more.",
		})
	}
	return plan
}

// held reports instances that hold the previous credential, and until when it
// works.
func (r *Rotation) held(o Observation, target Target, both documents) []finding.Finding {
	count, clusters := r.holders(o, target, both)
	if count == 0 {
		return unseenHolders(o, finding.Warning, "so it isn't revoked")
	}
	var until string
	switch {
	case target.HasGrace && target.Hard:
		until = fmt.Sprintf("it ends on %s", o.tagEnd(target).UTC().Format(time.RFC3339))
	case target.HasGrace && o.graceOver(target):
		until = "its grace time is over, and it is kept until none of them holds it"
	case o.Due.IsZero():
		until = "the next rotation may end it"
	default:
		until = fmt.Sprintf("the rotation that is due by %s may end it", o.Due.UTC().Format(time.RFC3339))
	}
	return []finding.Finding{{
		Code: "previous-held", Severity: finding.Warning,
		Message: fmt.Sprintf("Container instances of %[2]s (%[1]d) registered before their ecs.config got the current credential, so they hold the previous one; %[3]s.", count, shortened(clusters), until),
		Fix:     "Replace the instances, or have them read their ecs.config again (REFRESH_INSTANCES). To end the credential anyway, add hard after the time in the tag " + GraceTag + ".",
	}}
}

// heldByInstances says that a rotation would end a credential that instances hold: it
// is the standby account's.
func (r *Rotation) heldByInstances(o Observation, target Target, both documents) []finding.Finding {
	if !r.sparesHolders(o, target) || !endsPrevious(o, both) {
		return nil
	}
	count, clusters := r.holders(o, target, both)
	if count == 0 {
		return unseenHolders(o, finding.Error, "which is the standby account's, so nothing is rotated")
	}
	return []finding.Finding{{
		Code: "previous-held", Severity: finding.Error,
		Message: fmt.Sprintf("Container instances of %[2]s (%[1]d) registered before their ecs.config got the current credential, so they hold the standby account's. A rotation would end it.", count, shortened(clusters)),
		Fix:     "Replace the instances, or have them read their ecs.config again (REFRESH_INSTANCES), and rotate again. To end the credential anyway, add hard after the time in the tag " + GraceTag + ".",
	}}
}

// unseenHolders says that instances may hold the previous credential: they can't be
// listed.
func unseenHolders(o Observation, severity finding.Severity, consequence string) []finding.Finding {
	if len(o.Unseen) == 0 {
		return nil
	}
	var clusters []string
	for _, cluster := range slices.Sorted(maps.Keys(o.Unseen)) {
		clusters = append(clusters, fmt.Sprintf("%s (%s)", printable(cluster), o.Unseen[cluster]))
	}
	return []finding.Finding{{
		Code: "previous-held", Severity: severity,
		Message: fmt.Sprintf("The container instances of %s can't be listed, and may hold the previous credential, %s.", shortened(clusters), consequence),
		Fix:     "Allow the function ecs:ListContainerInstances and ecs:DescribeContainerInstances. To end the credential anyway, add hard after the time in the tag " + GraceTag + ".",
	}}
}

// listedUnreadable reports whether a file that the secret lists by name can't be
// read: it may carry the previous credential.
func listedUnreadable(o Observation) bool {
	return slices.ContainsFunc(o.Configs.Faults, func(fault ConfigFault) bool { return fault.Listed && fault.Kind == FileUnreadable })
}

// unlisted names the files that carry the credential and that the secret doesn't
// list. They are not written.
func (r *Rotation) unlisted(o Observation, target Target) []finding.Finding {
	var known []registry.Credential
	for _, value := range []Value{o.Old, o.New} {
		if document, err := ParseDocument(value.Text, passwordKeyOf(o.Name)); err == nil {
			known = append(known, document.Credential)
		}
	}
	var files []string
	for _, file := range o.Unlisted.Files {
		if slices.ContainsFunc(known, func(credential registry.Credential) bool { return carries(file.Content, target.Registry, credential) }) {
			files = append(files, printable(file.String()))
		}
	}
	// That others can't be read says nothing about this secret; validate-config
	// reports it.
	findings := configFaults(slices.DeleteFunc(slices.Clone(o.Unlisted.Faults), func(fault ConfigFault) bool { return fault.Kind == FileUnreadable }))
	if len(files) == 0 {
		return findings
	}
	return append(findings, finding.Finding{
		Code: "config-unlisted", Severity: finding.Error,
		Message: fmt.Sprintf("Some ecs.config files carry the secret's credential and aren't in its tag %s, so no rotation writes the new one into them: %s.", ConfigTag, shortened(files)),
		Fix:     fmt.Sprintf("If they are the secret's, add them to the tag %s. Otherwise find out how the credential got there.", ConfigTag),
	})
}

// outdated gives the credentials before the current one that still work, as the
// registry knows them. A token that this function did not mint is not among
// them.
func (r *Rotation) outdated(o Observation, target Target, both documents) []registry.Issued {
	if r.takesTurns(o, target) {
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
