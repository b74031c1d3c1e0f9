package instancerole

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The tags of a role that mean something to the function.
const (
	tagPrefix       = "ecs-guardrails:"
	instanceRoleTag = "ecs-guardrails:instance-role"
	capabilitiesTag = "ecs-guardrails:capabilities"
	// attachedTag says what was attached by whom and when, as in
	// "agent=2025-11-22T00:10:00Z by=ecs-guardrails".
	attachedTag = "ecs-guardrails:attached"
	// healedTag lists the times at which a policy that had been detached was
	// attached again.
	healedTag = "ecs-guardrails:healed"
)

const (
	// healWindow and maxHeals are the limit of the fight with somebody who
	// detaches what the function attaches.
	healWindow = time.Hour
	maxHeals   = 3
	// maxTags is IAM's quota of tags on a role.
	maxTags = 50
)

// record is what the role's tags say of earlier runs.
type record struct {
	// attached tells when the policy of a capability was attached last.
	attached map[Capability]time.Time
	healed   []time.Time
}

func parseRecord(tags map[string]string) record {
	parsed := record{attached: map[Capability]time.Time{}}
	for _, word := range strings.Fields(tags[attachedTag]) {
		name, at, _ := strings.Cut(word, "=")
		if when, err := time.Parse(time.RFC3339, at); err == nil && slices.Contains(capabilities, Capability(name)) {
			parsed.attached[Capability(name)] = when
		}
	}
	for _, word := range strings.Fields(tags[healedTag]) {
		if when, err := time.Parse(time.RFC3339, word); err == nil {
			parsed.healed = append(parsed.healed, when)
		}
	}
	return parsed
}

// recentHeals lists the heals within the window before now. A time to come is
// nobody's heal: it would stop the function for as long.
func (r record) recentHeals(now time.Time) []time.Time {
	return slices.DeleteFunc(slices.Clone(r.healed), func(at time.Time) bool { return at.After(now) || now.Sub(at) >= healWindow })
}

// detached reports whether somebody detached the policy of a capability after it
// was attached, so that attaching it again is a heal. A record alone does not
// tell: a run that was cut off leaves one, too, and is delivered again with the
// event that it was about, which is older than the record. Neither does a look
// that no call asked for.
func (r record) detached(capability Capability, called time.Time) bool {
	at, known := r.attached[capability]
	return known && !called.IsZero() && !called.Before(at)
}

// with gives the tags after the policies of some capabilities were attached now,
// because of a call.
func (r record) with(attached []policy, called, now time.Time) map[string]string {
	now = now.UTC().Truncate(time.Second)
	heals := r.recentHeals(now)
	var words []string
	for _, capability := range capabilities {
		at, known := r.attached[capability]
		if slices.ContainsFunc(attached, func(p policy) bool { return p.capability == capability }) {
			if r.detached(capability, called) && !slices.Contains(heals, now) {
				heals = append(heals, now)
			}
			at, known = now, true
		}
		if known {
			words = append(words, fmt.Sprintf("%s=%s", capability, at.UTC().Format(time.RFC3339)))
		}
	}
	tags := map[string]string{attachedTag: strings.Join(append(words, "by=ecs-guardrails"), " ")}
	// More than the limit says no more, and would not fit into a tag's 256 characters.
	heals = heals[max(0, len(heals)-maxHeals):]
	if len(heals) > 0 {
		times := make([]string, len(heals))
		for i, at := range heals {
			times[i] = at.UTC().Format(time.RFC3339)
		}
		tags[healedTag] = strings.Join(times, " ")
	}
	return tags
}
