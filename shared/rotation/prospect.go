package rotation

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
)

const (
	day = 24 * time.Hour
	// lastDays and lastWeeks are how long before a credential's end its owner is
	// told: first as a warning, then as an error.
	lastDays, lastWeeks = 7 * day, 30 * day
	// reminder is how long before a rotation a person is asked for its credential.
	reminder = 14 * day
)

// interval is the longest time between two rotations, 0 where it isn't known. That
// of a schedule which can't be read is estimated from the dates that Secrets Manager
// tells.
func (o Observation) interval() time.Duration {
	switch {
	case o.rhythm.longest > 0:
		return o.rhythm.longest
	case o.Due.IsZero():
		return 0
	case !o.Due.After(o.Now):
		// The rotation that is due is this one.
		if o.Rotated.IsZero() {
			return 0
		}
		return max(o.Due.Sub(o.Rotated), 0)
	case o.Step == Review && !o.Rotated.IsZero():
		return max(o.Due.Sub(o.Rotated), 0)
	}
	return o.Due.Sub(o.Now)
}

// nextEnd is until when the credential of a rotation that takes place now is the
// current one, zero where that isn't known.
func (o Observation) nextEnd() time.Time {
	if o.interval() == 0 {
		return time.Time{}
	}
	return o.Now.Add(o.interval())
}

// prospect reads the current credential as the one that the next rotation begins
// with.
func (r *Rotation) prospect(o Observation) (documents, []finding.Finding) {
	next := o
	next.Old, next.New = o.New, Value{}
	return r.read(next)
}

// prospects says what the next rotation would fail of.
func (r *Rotation) prospects(o Observation, target Target) []finding.Finding {
	next, faults := r.prospect(o)
	if len(faults) > 0 {
		return faults
	}
	findings := append(inUseFault(o, target), testImageFault(o, target)...)
	username := next.before.Credential.Username
	if o.Standings[username].Fault == nil || len(findings) == 0 {
		// A credential that the registry refuses is the fault of what the driver found, too.
		findings = append(findings, standingFaults(o, username, "current", o.Due, r.replaces(o, target))...)
	}
	findings = append(findings, exhausted(o)...)
	if next.order.Next != username {
		findings = append(findings, standingFaults(o, next.order.Next, "standby", o.Due.Add(o.interval()), false)...)
	}
	ends := target.Expires
	for _, issued := range o.Issued {
		if issued.Version == o.version(current) && !issued.Ends.IsZero() && (ends.IsZero() || issued.Ends.Before(ends)) {
			ends = issued.Ends
		}
	}
	findings = append(findings, endFaults(o, ends, "current credential", o.Due, r.replaces(o, target))...)
	if supplied, ok := r.drivers[target.Driver].(registry.Supplied); ok && !o.Due.IsZero() && o.Due.Sub(o.Now) < reminder {
		if _, there := supplied.Supply(next.order); !there {
			findings = append(findings, credentialAwaited.With(calendarDay("due", o.Due)))
		}
	}
	return findings
}

// testImageFault says that testSecret would not get the test image's manifest.
func testImageFault(o Observation, target Target) []finding.Finding {
	if target.Image == nil || len(o.Pulls[forInUse]) == 0 {
		return nil
	}
	answer := o.Pulls[forInUse][0]
	switch answer.Access {
	case registry.Absent, registry.AbsentOrPrivate:
		return []finding.Finding{testImageMissing.With(finding.Clause("why", answer.Why))}
	case registry.Denied:
		return []finding.Finding{testImageDenied.With(finding.Clause("why", answer.Why))}
	}
	// What else there is to say of the registry, the login says.
	return nil
}

// standingFaults says what the registry's word about an account means. needed is
// the time until which it has to work, zero where that isn't known; replaced is as
// endFaults has it.
func standingFaults(o Observation, username, role string, needed time.Time, replaced bool) []finding.Finding {
	standing, known := o.Standings[username]
	if !known {
		return nil
	}
	switch {
	case standing.Fault != nil:
		return []finding.Finding{*standing.Fault}
	case standing.Err != nil:
		return []finding.Finding{apiFault(standing.Err)}
	case standing.Disabled:
		return []finding.Finding{accountDisabled.With(finding.Words("role", role))}
	case standing.Pull == registry.RightMissing:
		return []finding.Finding{accountRights.With(finding.Words("role", role))}
	}
	return endFaults(o, standing.Ends, role+" account", needed, replaced)
}

// exhausted says that the next rotation gets no token, because there may be no
// other one.
func exhausted(o Observation) []finding.Finding {
	limit := slices.Index(o.Limits, o.Used)
	if limit < 0 && (len(o.Limits) == 0 || o.Used < o.Limits[len(o.Limits)-1]) {
		return nil
	}
	template := tokensMayBeFull
	if limit < 0 || limit == len(o.Limits)-1 {
		template = tokensFull
	}
	return []finding.Finding{template.With(finding.Count("tokens", o.Used, "access token", "access tokens"))}
}

// endFaults says that a credential ends soon, or before it is needed no more. needed
// is zero where that time isn't known. replaced says that a rotation puts another
// credential in its place by then: then its end matters only if it leaves no time for
// a rotation that comes late.
func endFaults(o Observation, ends time.Time, what string, needed time.Time, replaced bool) []finding.Finding {
	slack := min(lastDays, o.interval())
	if ends.IsZero() || replaced && !needed.IsZero() && o.Now.Before(ends) && !ends.Before(needed.Add(slack)) {
		return nil
	}
	credential, end := finding.Words("credential", what), calendarDay("end", ends)
	f := credentialEnds.With(credential, end)
	switch {
	case !o.Now.Before(ends):
		return []finding.Finding{credentialEnded.With(credential, end)}
	case ends.Before(needed):
		return []finding.Finding{credentialEndsEarly.With(credential, end, calendarDay("needed", needed))}
	case ends.Sub(o.Now) >= lastWeeks:
		return nil
	case ends.Sub(o.Now) < lastDays && o.Step != TestSecret:
		// In a rotation, an error would leave the one before in use, which may end sooner.
		f.Severity = finding.Error
	}
	return []finding.Finding{f}
}

// replaces reports whether a rotation puts a credential with another end into
// the place of the current one. An account that takes turns keeps its end, and what a
// person makes doesn't come by itself.
func (r *Rotation) replaces(o Observation, target Target) bool {
	_, supplied := r.drivers[target.Driver].(registry.Supplied)
	return o.Rotates && !supplied && !r.takesTurns(o, target)
}

// isReplicating reports whether a replica is on its way to the secret's present value.
func isReplicating(replicas map[string]string) bool {
	return slices.Contains(slices.Collect(maps.Values(replicas)), "InProgress")
}

// staleReplicas names the replicas that don't hold the secret's present value.
// Their readers use the previous one, which template says the consequence of.
func staleReplicas(o Observation, template finding.Template) []finding.Finding {
	var stale []string
	for region, status := range o.Replicas {
		if status != "InSync" {
			stale = append(stale, noted(region, status))
		}
	}
	if len(stale) == 0 {
		return nil
	}
	slices.Sort(stale)
	return []finding.Finding{template.With(notedList("replicas", stale))}
}

// functionOf takes the version or alias off a function's ARN.
func functionOf(arn string) string {
	parts := strings.Split(arn, ":")
	return strings.Join(parts[:min(len(parts), 7)], ":")
}

// rotatedByAnother reports whether Secrets Manager calls another function for the
// secret.
func rotatedByAnother(o Observation) []finding.Finding {
	if o.Function == "" || o.RotatedBy == "" || functionOf(o.Function) == functionOf(o.RotatedBy) {
		return nil
	}
	return []finding.Finding{rotatedElsewhere.With(finding.Name("function", o.RotatedBy))}
}

// maxRivals bounds how many other secrets' values are compared.
const maxRivals = 10

// rivals are the other secrets whose accounts, or images, may be the same ones.
func (r *Rotation) rivals(o Observation, target Target) []OtherSecret {
	var rivals []OtherSecret
	for _, other := range o.Others {
		if (r.mayShareAccounts(o, target, other) || o.isTwin(target, other)) && len(rivals) < maxRivals {
			rivals = append(rivals, other)
		}
	}
	return rivals
}

// mayShareAccounts reports whether another secret's accounts are kept where this
// one's are: in the same file, at the same host, whatever the port, or under the same
// administrator. A Nexus has a port for each of its repositories and one list of users.
func (r *Rotation) mayShareAccounts(o Observation, target Target, other OtherSecret) bool {
	own, theirs := r.place(o.Tags), r.place(other.Tags)
	if own != "" && theirs != "" {
		return own == theirs
	}
	named, err := registry.Parse(other.Tags[RegistryTag])
	if err == nil && named.Host == target.Registry.Host {
		return true
	}
	// At another port there may be another registry, unless it is one of the same kind.
	return other.Tags[DriverTag] == target.Driver && (err == nil && named.Hostname() == target.Registry.Hostname() ||
		target.Admin != "" && nameOfSecret(target.Admin) == nameOfSecret(other.Tags[AdminTag]))
}

// place is where a secret's tags say that the accounts are kept, "" for its registry.
func (r *Rotation) place(tags map[string]string) string {
	if placed, ok := r.drivers[tags[DriverTag]].(registry.Placed); ok {
		return placed.Place(tags)
	}
	return ""
}

// nameOfSecret gives the name in a secret's ARN, without the hyphen and the six
// characters that Secrets Manager adds, or the name itself.
func nameOfSecret(id string) string {
	_, name, isARN := strings.Cut(id, ":secret:")
	switch {
	case !isARN:
		return id
	case len(name) > 7 && name[len(name)-7] == '-':
		return name[:len(name)-7]
	}
	return name
}

// sharedFaults says that another secret rotates the same accounts, or is tagged
// for the same images. The secret that came later is the one at fault.
func (r *Rotation) sharedFaults(o Observation, target Target) []finding.Finding {
	next, faults := r.prospect(o)
	if len(faults) > 0 {
		return nil
	}
	own := baseUser(next.before.Credential.Username)
	takesTurns := r.drivers[target.Driver].Accounts(o.Tags) == registry.TwoAccounts
	var findings []finding.Finding
	for _, other := range r.rivals(o, target) {
		document, err := ParseDocument(o.OtherValues[other.ARN].Text, passwordKeyOf(other.Name))
		if takesTurns && err == nil && baseUser(document.Credential.Username) == own && r.mayShareAccounts(o, target, other) {
			findings = append(findings, accountsShared.With(finding.Name("secret", other.Name)))
			continue
		}
		if why, serves := o.servedBefore(target, other); o.isTwin(target, other) && serves {
			findings = append(findings, registryShared.With(finding.Name("secret", other.Name), finding.Name("registry", target.Registry.String()), finding.Words("why", why)))
		}
	}
	return findings
}

// isTwin reports whether another secret is tagged for the same images.
func (o Observation) isTwin(target Target, other OtherSecret) bool {
	named, err := registry.Parse(other.Tags[RegistryTag])
	return err == nil && named == target.Registry && other.Tags[FamiliesTag] == o.Tags[FamiliesTag]
}

// servedBefore reports whether another secret served the registry before this one,
// and how that is known. The task definitions record it: a tag may come later than
// the secret that carries it. Where they name both or neither, the older secret did.
func (o Observation) servedBefore(target Target, other OtherSecret) (why string, served bool) {
	var own, theirs bool
	for _, used := range o.Uses.Images {
		if named, _, err := registry.ParseReference(used.Image); err != nil || named.Host != target.Registry.Host {
			continue
		}
		own = own || o.isNamed(used.Secret)
		theirs = theirs || isNameOf(used.Secret, other.ARN, other.Name)
	}
	if own != theirs {
		return "is named by them already", theirs
	}
	return "is older", other.Created.Before(o.Created)
}

// baseUser is what the names of two accounts that take turns have in common.
func baseUser(username string) string { return strings.TrimSuffix(username, "_clone") }
