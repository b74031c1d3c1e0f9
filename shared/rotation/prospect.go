package rotation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/registry"
)

const (
	day = 24 * time.Hour
	// lastDays and lastWeeks are how long before a credential's end its owner is
	// told: first as a warning, then as an error.
	lastDays, lastWeeks = 7 * day, 30 * day
	// reminder is how long before a rotation a person is asked for its credential.
	reminder = 14 * day
)

// interval is the time between two rotations, 0 where it isn't known. A cron
// expression's is estimated from the dates that Secrets Manager tells.
func (o Observation) interval() time.Duration {
	switch {
	case o.Rate > 0:
		return o.Rate
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

// prospect reads the current credential as the one that the next rotation begins
// with.
func (r *Rotation) prospect(o Observation) (documents, []finding.Finding) {
	next := o
	next.Old, next.New = o.New, Value{}
	return r.read(next)
}

// prospects says what the next rotation would fail of.
func (r *Rotation) prospects(o Observation, at Target) []finding.Finding {
	next, faults := r.prospect(o)
	if len(faults) > 0 {
		return faults
	}
	findings := inUseFault(o, at)
	username := next.before.Credential.Username
	findings = append(findings, standingFaults(o, username, "current", o.Due)...)
	if next.order.Next != username {
		findings = append(findings, standingFaults(o, next.order.Next, "standby", o.Due.Add(o.interval()))...)
	}
	ends := at.Expires
	for _, issued := range o.Issued {
		if issued.Version == o.version(current) && !issued.Ends.IsZero() && (ends.IsZero() || issued.Ends.Before(ends)) {
			ends = issued.Ends
		}
	}
	findings = append(findings, endFaults(o, ends, "the current credential", o.Due)...)
	if supplied, ok := r.drivers[at.Driver].(registry.Supplied); ok && !o.Due.IsZero() && o.Due.Sub(o.Now) < reminder {
		if _, there := supplied.Supply(next.order); !there {
			findings = append(findings, finding.Finding{
				Code: "credential-awaited", Severity: finding.Warning,
				Message: fmt.Sprintf("the next rotation is due by %s, and no new credential has been left for it", o.Due.UTC().Format(time.DateOnly)),
				Fix:     "make a new token at the registry, and write it into the secret that the tag " + AdminTag + " names",
			})
		}
	}
	return findings
}

// standingFaults says what the registry's word about an account means. needed is
// the time until which it has to work, zero where that isn't known.
func standingFaults(o Observation, username, role string, needed time.Time) []finding.Finding {
	standing, known := o.Standings[username]
	if !known {
		return nil
	}
	account := "the " + role + " account"
	switch {
	case standing.Err != nil:
		return []finding.Finding{apiFault(standing.Err)}
	case standing.Disabled:
		return []finding.Finding{{
			Code: "account-disabled", Severity: finding.Error,
			Message: account + " is disabled at the registry",
			Fix:     "enable it there",
		}}
	case standing.Pull == registry.RightMissing:
		return []finding.Finding{{
			Code: "account-rights", Severity: finding.Error,
			Message: account + " has no right to pull at the registry, though it can log in",
			Fix:     "give it the same permissions as the other account has",
		}}
	}
	return endFaults(o, standing.Ends, account, needed)
}

// endFaults says that a credential ends soon, or before it is needed no more.
func endFaults(o Observation, ends time.Time, what string, needed time.Time) []finding.Finding {
	if ends.IsZero() {
		return nil
	}
	f := finding.Finding{
		Code: "credential-ends", Severity: finding.Warning,
		Message: fmt.Sprintf("%s ends on %s", what, ends.UTC().Format(time.DateOnly)),
		Fix:     "prolong it at the registry, or rotate to one that lives longer; the function's README says how for each driver",
	}
	switch {
	case !o.Now.Before(ends):
		f.Severity = finding.Error
		f.Message = fmt.Sprintf("%s ended on %s", what, ends.UTC().Format(time.DateOnly))
	case ends.Before(needed):
		f.Severity = finding.Error
		f.Message += fmt.Sprintf(", and is needed until %s at least", needed.UTC().Format(time.DateOnly))
	case ends.Sub(o.Now) < lastDays:
		f.Severity = finding.Error
	case ends.Sub(o.Now) >= lastWeeks:
		return nil
	}
	return []finding.Finding{f}
}

// staleReplicas names the replicas that don't hold the secret's present value.
// Their readers use the previous one.
func staleReplicas(o Observation) []finding.Finding {
	var stale []string
	for region, status := range o.Replicas {
		if status != "InSync" {
			stale = append(stale, region+" ("+printable(status)+")")
		}
	}
	if len(stale) == 0 {
		return nil
	}
	slices.Sort(stale)
	return []finding.Finding{{
		Code: "replica-stale", Severity: finding.Warning,
		Message: fmt.Sprintf("replicas of the secret may still serve the credential before, so it isn't ended: %s", shortened(stale)),
		Fix:     "see why replication fails with aws secretsmanager describe-secret; repeat it with aws secretsmanager replicate-secret-to-regions, or take the region off with remove-regions-from-replication",
	}}
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
	return []finding.Finding{{
		Code: "rotated-by-another", Severity: finding.Error,
		Message: fmt.Sprintf("another function rotates the secret: %s", printable(o.RotatedBy)),
		Fix:     "give the secret this function with aws secretsmanager rotate-secret --rotation-lambda-arn, or take the tag " + DriverTag + " away",
	}}
}

// maxRivals bounds how many other secrets' values are compared.
const maxRivals = 10

// rivals are the other secrets whose accounts may be the same ones.
func (o Observation) rivals(at Target) []OtherSecret {
	var rivals []OtherSecret
	for _, other := range o.Others {
		named, err := registry.Parse(other.Tags[RegistryTag])
		if err == nil && named.Host == at.Registry.Host && len(rivals) < maxRivals {
			rivals = append(rivals, other)
		}
	}
	return rivals
}

// sharedFaults says that another secret rotates the same accounts, or is tagged
// for the same images. The secret that came later is the one at fault.
func (r *Rotation) sharedFaults(o Observation, at Target) []finding.Finding {
	next, faults := r.prospect(o)
	if len(faults) > 0 {
		return nil
	}
	own := baseUser(next.before.Credential.Username)
	takesTurns := r.drivers[at.Driver].Accounts(o.Tags) == registry.TwoAccounts
	var findings []finding.Finding
	for _, other := range o.rivals(at) {
		document, err := ParseDocument(o.OtherValues[other.ARN].Text, passwordKeyOf(other.Name))
		if takesTurns && err == nil && baseUser(document.Credential.Username) == own {
			findings = append(findings, finding.Finding{
				Code: "accounts-shared", Severity: finding.Error,
				Message: fmt.Sprintf("the secret %s holds a credential of the same accounts, so a rotation of either one ends the other's credential", printable(other.Name)),
				Fix:     "rotate the accounts by one secret, and have everything read that one; or give each secret accounts of its own",
			})
			continue
		}
		named, err := registry.Parse(other.Tags[RegistryTag])
		if err == nil && named == at.Registry && other.Tags[FamiliesTag] == o.Tags[FamiliesTag] && other.Created.Before(o.Created) {
			findings = append(findings, finding.Finding{
				Code: "registry-shared", Severity: finding.Warning,
				Message: fmt.Sprintf("the older secret %s is tagged for %s as well, so task definitions keep using that one", printable(other.Name), at.Registry),
				Fix:     "narrow the tag " + RegistryTag + " of one of them to a path, list the families that each is for in the tag " + FamiliesTag + ", or delete one",
			})
		}
	}
	return findings
}

// baseUser is what the names of two accounts that take turns have in common.
func baseUser(username string) string { return strings.TrimSuffix(username, "_clone") }
