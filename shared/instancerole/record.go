package instancerole

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
)

// The tags of a role that mean something to the function.
const (
	tagPrefix       = "ecs-guardrails:"
	instanceRoleTag = "ecs-guardrails:instance-role"
	capabilitiesTag = "ecs-guardrails:capabilities"
	// loanPrefix begins the tags that record attachments, one for each policy:
	// "ecs-guardrails:attached/STACK/POLICY", where STACK is the end of the stack's
	// id and POLICY a hash of the policy's ARN. Its value is the ARN, the time and
	// who made the role, as in "arn:aws:iam::aws:policy/X at=2026-11-22T00:10:00Z
	// creator=0a1b2c3d". One that was renewed without the event that tells who had
	// detached the policy says when that was seen, as in "missed=2026-11-23T08:00:00Z".
	// It ends in "refused" where IAM refused the attachment.
	loanPrefix = attachedTag + "/"
	// missedSuffix ends the tag of a look that found a lent policy detached, and
	// can't know yet by whom. Its value is as above, with missed alone.
	missedSuffix = "/missed"
	// refusedWord ends the value of a loan's tag whose attachment IAM refused.
	refusedWord = " refused"
	// attachedTag is the record of versions before 1.4, for all policies, as in
	// "agent=2025-11-22T00:10:00Z by=ecs-guardrails".
	attachedTag = "ecs-guardrails:attached"
	// healedTag lists the times at which a policy that had been detached was
	// attached again.
	healedTag = "ecs-guardrails:healed"
	// declinedTag says when the role's owner took away what its instances need, as
	// in "2026-11-22T00:10:00Z DetachRolePolicy".
	declinedTag = "ecs-guardrails:declined"
)

const (
	// healWindow and maxHeals are the limit of the fight with somebody who
	// detaches what the function attaches.
	healWindow = 30 * 24 * time.Hour
	maxHeals   = 3
	// settleTime is how long a recorded attachment may be missing because the run
	// that recorded it was cut off: its message comes again within that time.
	settleTime = time.Hour
	// runTime is how long after a record another run may still be about to attach
	// what it records. One that finds the policy missing looks again runPause later.
	runTime  = 30 * time.Second
	runPause = 2 * time.Second
	// eventTime is how long a look waits for the event that tells who detached a
	// policy. CloudTrail delivers most within 5 minutes, nearly all within 15.
	eventTime = 15 * time.Minute
	// maxTags is IAM's quota of tags on a role, maxTagValue that of the characters
	// of a tag's value.
	maxTags     = 50
	maxTagValue = 256
)

// loan is one attachment that the function made.
type loan struct {
	policy PolicyARN
	when   time.Time
	// creator is a hash of the principal that created the role, "" where the loan's
	// event didn't show it.
	creator string
	// missed is when a look found the policy detached and couldn't know by whom,
	// if the loan was renewed since without that event; otherwise zero.
	missed time.Time
	// refused says that IAM refused the attachment, so a policy that is missing was
	// not detached.
	refused bool
	// key is the tag that records it.
	key string
}

// record is what the role's tags say of earlier runs.
type record struct {
	// loans are this stack's.
	loans []loan
	// others are the loans of other stacks.
	others []loan
	// missed says when a look of this stack found a policy detached that any stack
	// had lent, and couldn't know by whom.
	missed map[PolicyARN]time.Time
	// unclear is what an old record says was attached, and that can't be told from
	// an attachment that somebody else made.
	unclear  []Capability
	healed   []time.Time
	declined time.Time
	// declinedBy is the call by which the owner declined.
	declinedBy string
}

// stackKey is the part of a tag's key that tells this stack from others: the
// last part of its id, which is unique whatever the stack's Region.
func (s Settings) stackKey() string {
	id := s.StackID[strings.LastIndexByte(s.StackID, '/')+1:]
	id = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return -1
	}, id)
	return cmp.Or(id[:min(len(id), 40)], "no-stack")
}

func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

func (s Settings) loanKey(policy PolicyARN) string { return s.loanPrefix() + shortHash(string(policy)) }

// loanPrefix begins the tags of this stack's loans.
func (s Settings) loanPrefix() string { return loanPrefix + s.stackKey() + "/" }

// readRecord reads a role's tags.
func (s Settings) readRecord(tags map[string]string) record {
	read := record{missed: map[PolicyARN]time.Time{}}
	own := s.loanPrefix()
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		switch {
		case strings.HasPrefix(key, own):
			if text, isMark := strings.CutSuffix(key, missedSuffix); isMark {
				if made, ok := parseLoan(text, tags[key]); ok {
					read.missed[made.policy] = made.missed
				}
			} else if made, ok := parseLoan(key, tags[key]); ok {
				read.loans = append(read.loans, made)
			}
		case strings.HasPrefix(key, loanPrefix):
			if made, ok := parseLoan(key, tags[key]); ok {
				read.others = append(read.others, made)
			}
		case key == attachedTag:
			s.readOld(tags[key], &read)
		}
	}
	for _, word := range strings.Fields(tags[healedTag]) {
		if when, err := time.Parse(time.RFC3339, word); err == nil {
			read.healed = append(read.healed, when)
		}
	}
	when, by, _ := strings.Cut(tags[declinedTag], " ")
	if moment, err := time.Parse(time.RFC3339, when); err == nil {
		// Anyone who may tag the role can write the tag.
		if !slices.Contains(takingEvents, by) {
			by = "a call"
		}
		read.declined, read.declinedBy = moment, by
	}
	return read
}

func parseLoan(key, value string) (loan, bool) {
	words := strings.Fields(value)
	if len(words) == 0 {
		return loan{}, false
	}
	made := loan{key: key}
	if made.policy.UnmarshalText([]byte(words[0])) != nil || !strings.HasSuffix(key, "/"+shortHash(words[0])) {
		return loan{}, false
	}
	for _, word := range words[1:] {
		name, text, _ := strings.Cut(word, "=")
		switch name {
		case "at":
			made.when, _ = time.Parse(time.RFC3339, text)
		case "creator":
			made.creator = text
		case "missed":
			made.missed, _ = time.Parse(time.RFC3339, text)
		case "refused":
			made.refused = true
		}
	}
	return made, true
}

// readOld reads the record of versions before 1.4, which names capabilities. What
// gave them was the AWS managed policy, or the stack's own; AmazonS3ReadOnlyAccess
// may be anyone's.
func (s Settings) readOld(value string, read *record) {
	for _, word := range strings.Fields(value) {
		name, text, _ := strings.Cut(word, "=")
		when, err := time.Parse(time.RFC3339, text)
		if err != nil || !slices.Contains(capabilities, Capability(name)) {
			continue
		}
		capability := Capability(name)
		arn := map[Capability]PolicyARN{Agent: s.oldAgentPolicy(), SSM: s.SSMPolicyARN, ECR: s.ECRPolicyARN, Config: s.ConfigPolicyARN, Logs: s.LogsPolicyARN}[capability]
		if arn == "" || capability != Agent && capability != SSM && arn.ofAWS() {
			read.unclear = append(read.unclear, capability)
			continue
		}
		if !slices.ContainsFunc(read.loans, func(known loan) bool { return known.policy == arn }) {
			read.loans = append(read.loans, loan{policy: arn, when: when, key: attachedTag})
		}
	}
}

// oldAgentPolicy is what versions before 1.4 attached for the agent, whatever
// today's settings name.
func (s Settings) oldAgentPolicy() PolicyARN {
	partition := "aws"
	if parts := strings.SplitN(string(s.AgentPolicyARN), ":", 3); len(parts) == 3 {
		partition = parts[1]
	}
	return PolicyARN("arn:" + partition + ":iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role")
}

// value is what the loan's tag says.
func (l loan) value() string {
	value := string(l.policy)
	if !l.when.IsZero() {
		value += " at=" + stamp(l.when)
	}
	if l.creator != "" {
		value += " creator=" + l.creator
	}
	if !l.missed.IsZero() {
		value += " missed=" + stamp(l.missed)
	}
	if l.refused {
		value += refusedWord
	}
	return value
}

// loanOf gives the latest loan of a policy, and whether there is one.
func (r record) loanOf(policy PolicyARN) (found loan, known bool) {
	for _, made := range r.loans {
		if made.policy == policy && (!known || made.when.After(found.when)) {
			found, known = made, true
		}
	}
	return found, known
}

// standing lists the loans whose policies are attached.
func (r record) standing(attached []PolicyARN) []loan {
	return slices.DeleteFunc(slices.Clone(r.loans), func(made loan) bool { return !slices.Contains(attached, made.policy) })
}

// recentHeals lists the heals within the window before now. A time to come is no
// heal: it would stop the function for as long.
func (r record) recentHeals(now time.Time) []time.Time {
	return slices.DeleteFunc(slices.Clone(r.healed), func(when time.Time) bool { return when.After(now) || now.Sub(when) >= healWindow })
}

// isUnfinished reports whether a recorded attachment may be missing because IAM
// refused it, or because the run that recorded it was cut off: its message comes
// again. What happened since the record is no such message.
func (t Target) isUnfinished(made loan, now time.Time) bool {
	if made.refused {
		return true
	}
	if called := t.last(); !called.IsZero() && !called.Before(made.when) {
		return false
	}
	return now.Sub(made.when) <= settleTime && (t.Redelivered || t.ByHand)
}

// isBesideARun reports whether a policy may be missing because another run is about
// to attach it.
func (s Settings) isBesideARun(o Observation) bool {
	recorded := s.readRecord(o.Role.Tags)
	for policy := range recorded.undecided(o.Target, o.Attached, o.Now) {
		if made, _ := recorded.latest(policy); o.Now.Sub(made.when) <= runTime {
			return true
		}
	}
	return false
}

// tellsWho reports whether it is known who detached what was lent: the event at hand
// is that detachment's, or the owner's was seen before.
func (r record) tellsWho(t Target, made loan) bool {
	return !r.declined.IsZero() && !r.declined.Before(made.when) || slices.ContainsFunc(t.Calls, func(call Call) bool {
		return call.Name == "DetachRolePolicy" && (call.Policy == "" || call.Policy == made.policy) && (call.At.IsZero() || !call.At.Before(made.when))
	})
}

// latest gives the latest loan of a policy, whichever stack's, and whether there is
// one.
func (r record) latest(policy PolicyARN) (loan, bool) {
	return record{loans: slices.Concat(r.loans, r.others)}.loanOf(policy)
}

// undecided says which lent policies are detached without anything that tells yet
// whether the role's owner did it, and when that was first seen: the detachment's
// own event may still come.
func (r record) undecided(t Target, attached []PolicyARN, now time.Time) map[PolicyARN]time.Time {
	open := map[PolicyARN]time.Time{}
	if t.ByHand {
		return open
	}
	for _, lent := range slices.Concat(r.loans, r.others) {
		made, _ := r.latest(lent.policy)
		if slices.Contains(attached, made.policy) || t.isUnfinished(made, now) || r.tellsWho(t, made) {
			continue
		}
		seen := r.missed[made.policy]
		if !seen.After(made.when) || seen.After(now) {
			seen = now
		}
		if now.Sub(seen) < eventTime {
			open[made.policy] = seen
		}
	}
	return open
}

// stamp writes a time as the tags have it.
func stamp(when time.Time) string { return when.UTC().Truncate(time.Second).Format(time.RFC3339) }

// tagsFor gives the tags that record new attachments. It fails where a policy's
// ARN is too long for a tag.
func (s Settings) tagsFor(r record, attach []policy, target Target, now time.Time) (map[string]string, error) {
	tags := map[string]string{}
	creator := target.creator()
	heals := r.recentHeals(now)
	healed := false
	for _, p := range attach {
		renewed := loan{policy: p.arn, when: now}
		made, known := r.latest(p.arn)
		if known && !target.ByHand && !r.tellsWho(target, made) {
			switch {
			case r.missed[p.arn].After(made.when):
				renewed.missed = r.missed[p.arn]
			case !made.refused && target.isUnfinished(made, now):
				// Either a run was cut off before the attachment, or the role's owner has
				// detached it since, and the event of that is on its way.
				renewed.missed = now
			default:
				renewed.missed = made.missed
			}
		}
		if made, known = r.loanOf(p.arn); known {
			creator = cmp.Or(creator, made.creator)
			healed = healed || !target.isUnfinished(made, now)
		}
		renewed.creator = creator
		value := renewed.value()
		if len(value)+len(refusedWord) > maxTagValue {
			return nil, fmt.Errorf("the ARN of the policy %s is too long for a tag", p.arn.name())
		}
		tags[s.loanKey(p.arn)] = value
	}
	if healed {
		heals = append(heals, now)
	}
	// More than the limit says no more.
	heals = heals[max(0, len(heals)-maxHeals):]
	if healed {
		times := make([]string, len(heals))
		for i, when := range heals {
			times[i] = stamp(when)
		}
		tags[healedTag] = strings.Join(times, " ")
	}
	return tags, nil
}

// roomFor reports whether a role can have the tags beside those it has.
func roomFor(has, added map[string]string) bool {
	after := len(has)
	for key := range has {
		// Tags of AWS's own don't count ("IAM and STS quotas").
		if strings.HasPrefix(key, "aws:") {
			after--
		}
	}
	for key := range added {
		if _, known := has[key]; !known {
			after++
		}
	}
	return after <= maxTags
}

// principal is a short name of who made a call, the same for all sessions of a
// role; "" where no one is named.
func principal(actor event.Actor) string {
	if source := actor.PolicySource(); source != "" {
		return shortHash(source)
	}
	return ""
}
