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
		unmanaged := notManaged.With()
		return pipeline.Plan[Action]{Skip: &unmanaged}, false
	}
	findings := append(rotationOff(o), rotatedByAnother(o)...)
	target, faults := parseTarget(o.Tags, r.drivers)
	if len(faults) > 0 {
		return pipeline.Plan[Action]{Findings: append(findings, faults...)}, false
	}
	findings = append(findings, overdue(o)...)
	switch {
	case o.version(current) == "":
		return pipeline.Plan[Action]{Findings: append(findings, currentMissing.With())}, false
	case o.underway():
		// One of two accounts that take turns may be just getting its password.
		return pipeline.Plan[Action]{Findings: append(findings, underwayFault(o))}, false
	case o.version(previous) != "" && target.HasGrace && !o.graceOver(target):
		findings = append(findings, graceLasts.With(timestamp("end", o.tagEnd(target))))
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
		return rotationUnderway.With()
	}
	return rotationStuck.With(timestamp("since", since), finding.Argument("version", o.version(pending)))
}

// rotationOff says that nothing rotates the secret, though its tags name a driver.
func rotationOff(o Observation) []finding.Finding {
	if o.Rotates {
		return nil
	}
	return []finding.Finding{rotationOffFault.With()}
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
	return []finding.Finding{rotationOverdue.With(timestamp("due", o.Due))}
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
		plan.Findings = append(plan.Findings, previousUnmanaged.With())
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
		carried := previousInFiles.With(figure("count", len(renders)))
		carried.Cured = true
		told = append(told, carried)
	}
	held := r.held(o, target, both)
	plan.Findings = append(plan.Findings, append(told, held...)...)
	if len(renders) > 0 || !settled || !o.graceOver(target) {
		return plan
	}
	if stale := staleReplicas(o, replicaStale); len(stale) > 0 {
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
		over := graceEnded.With(finding.Name("registry", target.Registry.Host))
		over.Cured = able
		plan.Findings = append(plan.Findings, over)
	case !lists && !r.takesTurns(o, target) && o.Login.Err == nil:
		plan.Findings = append(plan.Findings, previousWorks.With(finding.Name("registry", target.Registry.Host), finding.Name("driver", target.Driver)))
	case len(locked) == 0:
		plan.Findings = append(plan.Findings, previousEnded.With())
	}
	return plan
}

// held reports instances that hold the previous credential, and until when it
// works.
func (r *Rotation) held(o Observation, target Target, both documents) []finding.Finding {
	count, clusters := r.holders(o, target, both)
	if count == 0 {
		return unseenHolders(o, previousMayBeHeld)
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
	return []finding.Finding{previousHeld.With(finding.Names("clusters", clusters), figure("count", count), finding.Words("until", until))}
}

// heldByInstances says that a rotation would end a credential that instances hold: it
// is the standby account's.
func (r *Rotation) heldByInstances(o Observation, target Target, both documents) []finding.Finding {
	if !r.sparesHolders(o, target) || !endsPrevious(o, both) {
		return nil
	}
	count, clusters := r.holders(o, target, both)
	if count == 0 {
		return unseenHolders(o, standbyMayBeHeld)
	}
	return []finding.Finding{standbyHeld.With(finding.Names("clusters", clusters), figure("count", count))}
}

// unseenHolders says that instances may hold the previous credential: they can't be
// listed.
func unseenHolders(o Observation, template finding.Template) []finding.Finding {
	if len(o.Unseen) == 0 {
		return nil
	}
	var clusters []string
	for _, cluster := range slices.Sorted(maps.Keys(o.Unseen)) {
		clusters = append(clusters, noted(cluster, o.Unseen[cluster]))
	}
	return []finding.Finding{template.With(notedList("clusters", clusters))}
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
			files = append(files, file.String())
		}
	}
	// That others can't be read says nothing about this secret; validate-config
	// reports it.
	findings := configFaults(slices.DeleteFunc(slices.Clone(o.Unlisted.Faults), func(fault ConfigFault) bool { return fault.Kind == FileUnreadable }))
	if len(files) == 0 {
		return findings
	}
	return append(findings, configUnlisted.With(finding.Names("files", files)))
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
