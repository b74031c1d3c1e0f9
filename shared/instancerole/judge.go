package instancerole

import (
	"maps"
	"math/bits"
	"slices"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/policydocument"
	"github.com/ecs-guardrails/ecs-guardrails/shared/policysimulation"
	"github.com/ecs-guardrails/ecs-guardrails/shared/trustpolicy"
)

// verdict is what a role lacks.
type verdict struct {
	kind kind
	// site is where it was judged: the cluster that fits its policies best.
	site site
	gaps []gap
	// undecided says that the role's policies would tell more.
	undecided bool
}

// gap is what a role lacks of one capability.
type gap struct {
	capability Capability
	// beyond says that the role's tag asks for it and the settings don't allow it.
	beyond bool
	// open can be closed by a policy that grants it.
	open []need
	// boundary and denied cannot: the role's boundary or a statement refuses them.
	boundary, denied []need
	// organization is what a policy of the organization refuses, under conditions
	// that the simulator doesn't tell.
	organization []need
	// conditional depends on keys that no one knows beforehand.
	conditional []need
	// scoped is granted for some resources of the kind, not for one that was assumed.
	scoped []need
	// lost are the optional ones that the role cannot do.
	lost []need
	// by names the policies that deny; keys are those that decide.
	by, keys []string
}

// blocked reports whether no attachment can give the capability.
func (g gap) blocked() bool { return len(g.boundary)+len(g.denied) > 0 }

// missing reports whether the capability is not there for certain.
func (g gap) missing() bool { return g.blocked() || len(g.open) > 0 }

// count is how many needs are not met.
func (g gap) count() int {
	return len(g.open) + len(g.boundary) + len(g.denied) + len(g.conditional) + len(g.organization)
}

func (v verdict) isOpen(capability Capability) bool {
	return slices.ContainsFunc(v.gaps, func(g gap) bool { return g.capability == capability && len(g.open) > 0 })
}

func (v verdict) organization() bool {
	return slices.ContainsFunc(v.gaps, func(g gap) bool { return len(g.organization) > 0 })
}

// isChosen reports whether the role's policies are for some clusters only.
func (v verdict) isChosen() bool { return len(v.agentGap().scoped) > 0 }

// needsPolicies reports whether the role's own documents would change the verdict.
func (v verdict) needsPolicies() bool {
	return v.undecided || slices.ContainsFunc(v.gaps, func(g gap) bool { return len(g.open) > 0 })
}

// isWhole reports whether the role can do all that its instances need.
func (v verdict) isWhole() bool {
	return !slices.ContainsFunc(v.gaps, func(g gap) bool { return g.count() > 0 })
}

// wanted lists what a role must be able to do: what the settings allow, of that
// what its tag chooses, and ssm where Systems Manager gives the instance its role.
// beyond is what the tag asks for and the settings don't allow.
func (s Settings) wanted(role Role) (wanted, beyond Capabilities, unknown []string) {
	most := s.Capabilities
	if role.trust.Trusts(trustpolicy.SSM) && !role.trust.Trusts(trustpolicy.EC2) && !slices.Contains(most, SSM) {
		most = append(slices.Clone(most), SSM)
	}
	text, tagged := role.Tags[capabilitiesTag]
	if !tagged {
		return most, nil, nil
	}
	chosen, unknown := parseCapabilities(text)
	unknown = slices.DeleteFunc(unknown, func(word string) bool { return word == "none" })
	if len(chosen) == 0 && len(unknown) > 0 {
		return most, nil, unknown
	}
	for _, capability := range chosen {
		if slices.Contains(most, capability) {
			wanted = append(wanted, capability)
		} else {
			beyond = append(beyond, capability)
		}
	}
	return wanted, beyond, unknown
}

// asked lists all that a role is asked about.
func (s Settings) asked(role Role) Capabilities {
	wanted, beyond, _ := s.wanted(role)
	return slices.Concat(wanted, beyond)
}

// judge says what a role lacks, as far as was read. A role whose own policies are
// for single clusters is judged in the one that suits it best.
func (s Settings) judge(o Observation) verdict {
	found := s.judgeAt(o, o.site, o.simulation)
	for _, other := range o.fits {
		there := s.judgeAt(o, other.site, other.simulation)
		if there.agentGap().distance(o) < found.agentGap().distance(o) {
			// The other capabilities were simulated at the assumed site alone.
			for i, g := range found.gaps {
				if g.capability != Agent {
					there.gaps = append(there.gaps, found.gaps[i])
				}
			}
			found = there
		}
	}
	return found
}

func (v verdict) agentGap() gap {
	for _, g := range v.gaps {
		if g.capability == Agent {
			return g
		}
	}
	return gap{}
}

// distance is how far a role is from the agent's work at a site: what is granted
// elsewhere only is as good as missing there.
func (g gap) distance(o Observation) int {
	distance := g.count()
	for _, n := range g.scoped {
		if o.isHard(n) {
			distance++
		}
	}
	return distance
}

// judgeAt judges a role at one site. What was not simulated there is passed over.
func (s Settings) judgeAt(o Observation, place site, answers policysimulation.Answers) verdict {
	found := verdict{kind: kindOf(o), site: place}
	wanted, beyond, _ := s.wanted(*o.Role)
	_, tagged := o.Role.Tags[capabilitiesTag]
	for _, capability := range slices.Concat(wanted, beyond) {
		if found.kind == managedInstance && capability != Agent && !tagged {
			continue
		}
		g := gap{capability: capability, beyond: slices.Contains(beyond, capability)}
		for _, n := range needsOf(found.kind, capability) {
			resource := place.arn(n.on)
			if resource == "" {
				continue
			}
			question := policysimulation.Question{Action: n.action, Resource: resource}
			answer, err := answers.Of(n.action, resource)
			if err != nil {
				continue
			}
			judged := o.judgeAnswer(answer, question, place)
			found.undecided = found.undecided || o.policies == nil && o.isHard(n) && answer.Undecided()
			g.add(n, judged, o.isHard(n), o.isScoped(n, place))
		}
		if g.count()+len(g.lost)+len(g.scoped) > 0 {
			found.gaps = append(found.gaps, g)
		}
	}
	return found
}

func needsOf(role kind, capability Capability) []need {
	if role == managedInstance && capability == Agent {
		return managedInstanceNeeds
	}
	return needs[capability]
}

// judgeAnswer decides about one question.
func (o Observation) judgeAnswer(answer policysimulation.Answer, question policysimulation.Question, place site) policysimulation.Judgement {
	return policysimulation.JudgeApart(answer, question, o.withoutOrganization, o.policies, known(o, place))
}

// add puts a judgement where it belongs.
func (g *gap) add(n need, judged policysimulation.Judgement, hard, scoped bool) {
	switch {
	case judged.Verdict == policysimulation.Allowed:
		return
	case judged.Verdict == policysimulation.Missing && scoped:
		g.scoped = append(g.scoped, n)
		return
	case !hard:
		if judged.Verdict != policysimulation.Unknown && !judged.Organization {
			g.lost = append(g.lost, n)
		}
		return
	case judged.Verdict == policysimulation.Missing:
		g.open = append(g.open, n)
		if judged.Organization {
			g.organization = append(g.organization, n)
		}
		if len(judged.Keys) > 0 {
			g.conditional = append(g.conditional, n)
		}
	case judged.Organization:
		g.organization = append(g.organization, n)
	case judged.Verdict == policysimulation.Unknown:
		g.conditional = append(g.conditional, n)
	case judged.Boundary:
		g.boundary = append(g.boundary, n)
	default:
		g.denied = append(g.denied, n)
	}
	g.by = appendNew(g.by, judged.Policies...)
	g.keys = appendNew(g.keys, judged.Keys...)
}

// isScoped reports whether a policy of the role allows an action on some
// resources of its kind, where the one that was asked about is only assumed: the
// role's author has chosen them. A cluster that an instance names is not assumed.
func (o Observation) isScoped(n need, place site) bool {
	others := place.others(n.on)
	if o.policies == nil || others == "" || place.cluster != "" && (n.on == cluster || n.on == containerInstance) {
		return false
	}
	context := known(o, place)
	for _, policy := range o.policies.Identity {
		for _, statement := range policy.Document.Statement {
			if statement.Effect != "Allow" || !statement.CoversAction(n.action) {
				continue
			}
			// A condition on the cluster chooses as a resource does.
			holds, _ := statement.Holds(context)
			chosen := holds == policydocument.False && len(statement.ConditionOn("ecs:cluster")) > 0
			if (holds != policydocument.False || chosen) && slices.ContainsFunc(statement.Resource, func(pattern string) bool {
				return policydocument.Overlap(o.withTags(pattern), others)
			}) {
				return true
			}
		}
	}
	return false
}

// choice is which policies to attach, and why no others.
type choice struct {
	attach []policy
	// withheld would close the gaps of what the settings don't allow.
	withheld []policy
	// waiting would close gaps, but somebody detached what was lent, perhaps the
	// role's owner; undecided says which policies, and when that was seen.
	waiting   []policy
	undecided map[PolicyARN]time.Time
	// notApproved, noRoom and fought are capabilities that stay missing: no
	// approved policy closes the gap, the quota has no room for it, somebody
	// keeps detaching it.
	notApproved, noRoom, fought []Capability
}

// decidedAt is when the wait for the events of detachments is over.
func (c choice) decidedAt() time.Time {
	return slices.MaxFunc(slices.Collect(maps.Values(c.undecided)), time.Time.Compare).Add(eventTime)
}

// choose finds the smallest set of approved policies that closes the gaps. A
// capability that would stay broken for another reason gets nothing.
func (s Settings) choose(o Observation, found verdict) choice {
	var chosen choice
	candidates := slices.DeleteFunc(s.approved(found.kind), func(p policy) bool { return slices.Contains(o.Attached, p.arn) })
	var curable, beyond []gap
	for _, g := range found.gaps {
		switch {
		case g.blocked() || len(g.open) == 0:
		case !covers(candidates, g, found.site):
			chosen.notApproved = append(chosen.notApproved, g.capability)
		case g.beyond:
			beyond = append(beyond, g)
		default:
			curable = append(curable, g)
		}
	}
	slices.SortStableFunc(curable, func(a, b gap) int {
		return slices.Index(capabilities, a.capability) - slices.Index(capabilities, b.capability)
	})
	quota := o.quota
	if quota == 0 {
		quota = defaultQuota
	}
	room := quota - len(o.Attached)
	for {
		chosen.attach = smallest(candidates, curable, found.site)
		if len(chosen.attach) <= max(room, 0) {
			break
		}
		last := len(curable) - 1
		chosen.noRoom = append(chosen.noRoom, curable[last].capability)
		curable = curable[:last]
	}
	earlier := s.readRecord(o.Role.Tags)
	if len(earlier.recentHeals(o.Now)) >= maxHeals {
		chosen.attach = slices.DeleteFunc(chosen.attach, func(p policy) bool {
			made, known := earlier.loanOf(p.arn)
			return known && !made.refused
		})
		for _, g := range curable {
			if !covers(chosen.attach, g, found.site) {
				chosen.fought = append(chosen.fought, g.capability)
			}
		}
		// What remains must still be worth attaching.
		curable = slices.DeleteFunc(curable, func(g gap) bool { return slices.Contains(chosen.fought, g.capability) })
		chosen.attach = smallest(chosen.attach, curable, found.site)
	}
	beyond = slices.DeleteFunc(beyond, func(g gap) bool { return covers(chosen.attach, g, found.site) })
	chosen.withheld = smallest(candidates, beyond, found.site)
	return s.wait(o, found, chosen)
}

// wait holds back what the role's owner may just have taken off. What was never
// lent doesn't wait, unless it takes the place of what was lent before a change of
// the settings.
func (s Settings) wait(o Observation, found verdict, chosen choice) choice {
	recorded := s.readRecord(o.Role.Tags)
	chosen.undecided = recorded.undecided(o.Target, o.Attached, o.Now)
	replaced := maps.Clone(chosen.undecided)
	for _, p := range s.approved(found.kind) {
		delete(replaced, p.arn)
	}
	var attach []policy
	for _, p := range chosen.attach {
		_, isOpen := chosen.undecided[p.arn]
		if _, wasLent := recorded.latest(p.arn); isOpen || len(replaced) > 0 && !wasLent {
			chosen.waiting = append(chosen.waiting, p)
			continue
		}
		attach = append(attach, p)
	}
	chosen.attach = attach
	return chosen
}

// covers reports whether the policies together close the gap.
func covers(policies []policy, g gap, place site) bool {
	return !slices.ContainsFunc(g.open, func(n need) bool {
		return !slices.ContainsFunc(policies, func(p policy) bool { return p.grants(g.capability, n, place) })
	})
}

// smallest tries every set of the five policies. Of two sets of one size, the
// one whose policies are for the missing capabilities themselves is better: a
// role that is to pull gets the policy for pulling, and not the agent's, which
// can do that, too.
func smallest(candidates []policy, gaps []gap, place site) []policy {
	var best []policy
	bestCost := -1
	for mask := range 1 << len(candidates) {
		var set []policy
		strangers := 0
		for i, p := range candidates {
			if mask&(1<<i) != 0 {
				set = append(set, p)
				if !slices.ContainsFunc(gaps, func(g gap) bool { return g.capability == p.capability }) {
					strangers++
				}
			}
		}
		cost := bits.OnesCount(uint(mask))*len(capabilities) + strangers
		if bestCost >= 0 && cost >= bestCost {
			continue
		}
		if !slices.ContainsFunc(gaps, func(g gap) bool { return !covers(set, g, place) }) {
			best, bestCost = set, cost
		}
	}
	return best
}
