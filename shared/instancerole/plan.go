package instancerole

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/optout"
	"ecsguardrails/shared/pipeline"
	"ecsguardrails/shared/trustpolicy"
)

// Plan decides what a role lacks and what cures it.
func (s Settings) Plan(o Observation) pipeline.Plan[Action] {
	if reason := s.notOurs(o); reason != nil {
		return pipeline.Plan[Action]{Skip: reason}
	}
	if o.Target.Undo {
		return s.planUndo(o)
	}
	return s.planCure(o)
}

// notOurs says why a role is left alone, or nil where it is ours.
func (s Settings) notOurs(o Observation) *finding.Finding {
	leave := func(code, why string, about ...any) *finding.Finding {
		return &finding.Finding{Code: code, Severity: finding.Info, Message: fmt.Sprintf(why, about...)}
	}
	if o.Role == nil {
		return leave("profile-without-role", "the instance profile %s holds no role", o.Target.Profile)
	}
	role := *o.Role
	account := ""
	if parsed, err := arn.Parse(role.ARN); err == nil {
		account = parsed.AccountID
	}
	switch {
	case o.Target.Account != "" && account != "" && o.Target.Account != account:
		return leave("other-account", "the role belongs to the account %s, and this function works in %s", o.Target.Account, account)
	case ownRole(s.OwnRoles, role.Name, account):
		return leave("own-role", "the role is one of ECS Guardrails' own, which the function never touches")
	case optout.ServiceLinked(role.Path, role.Name):
		return leave("service-linked-role", "%s is a service-linked role, which belongs to its service", role.Name)
	case optout.IdentityCenter(role.Path, role.Name):
		return leave("reserved-role", "%s belongs to IAM Identity Center, which would undo every change", role.Name)
	case o.Target.Undo:
		return nil
	case optout.Asked(role.Tags):
		return leave("ignored", "%s has the tag %s=%s", role.Name, optout.Tag, role.Tags[optout.Tag])
	case !role.trust.TrustsInstances():
		return leave("not-instance-role", "the trust policy of %s names neither ec2.amazonaws.com nor ssm.amazonaws.com", role.Name)
	case s.InstanceRolePattern.Matches(role.Name),
		strings.EqualFold(strings.TrimSpace(role.Tags[instanceRoleTag]), "true"),
		o.Evidence.OfECS():
		return nil
	default:
		return leave("not-instance-role",
			"nothing says that %s is for ECS instances: its name does not match %s, it has no tag %s=true, and no instance that runs ECS was seen with it",
			role.Name, s.InstanceRolePattern, instanceRoleTag)
	}
}

// wanted lists what a role must be able to do: what its tag says, or else the
// settings, and always ssm for external instances.
func (s Settings) wanted(role Role) (wanted Capabilities, unknown []string) {
	wanted = s.Capabilities
	if text, tagged := role.Tags[capabilitiesTag]; tagged {
		var known Capabilities
		known, unknown = parseCapabilities(text)
		unknown = slices.DeleteFunc(unknown, func(word string) bool { return word == "none" })
		if len(known) > 0 || len(unknown) == 0 {
			wanted = known
		}
	}
	if role.trust.Trusts(trustpolicy.SSM) && !slices.Contains(wanted, SSM) {
		wanted = append(slices.Clone(wanted), SSM)
	}
	return wanted, unknown
}

// gap is what a role lacks of one capability.
type gap struct {
	capability Capability
	// open can be closed by a policy that grants it.
	open []need
	// The others cannot, because something denies them.
	boundary, organization, denied []need
	// conditional are denied by a statement that may hang on keys which nobody
	// can know beforehand.
	conditional []need
	// lost are the optional ones that the role cannot do.
	lost []need
	// by names the policies that deny; keys are those that nobody told.
	by, keys []string
}

func (g gap) blocked() bool { return len(g.boundary)+len(g.organization)+len(g.denied) > 0 }

// missing reports whether the capability is not there.
func (g gap) missing() bool { return g.blocked() || len(g.open) > 0 }

// gaps lists what the role lacks of the capabilities that it is to have.
func (s Settings) gaps(o Observation) []gap {
	var gaps []gap
	wanted, _ := s.wanted(*o.Role)
	for _, capability := range wanted {
		found := gap{capability: capability}
		for _, n := range needs[capability] {
			resource := o.site.arn(n.on)
			if resource == "" {
				continue
			}
			answer, err := o.simulation.Of(n.action, resource)
			switch {
			case err == nil && answer.Allowed():
				continue
			case n.optional != "":
				found.lost = append(found.lost, n)
				continue
			case answer.Boundary:
				found.boundary = append(found.boundary, n)
			case answer.Organization:
				found.organization = append(found.organization, n)
			case answer.Final() && len(answer.MissingKeys) > 0:
				found.conditional = append(found.conditional, n)
			case answer.Final():
				found.denied = append(found.denied, n)
			default:
				found.open = append(found.open, n)
			}
			if answer.Final() {
				found.by = appendNew(found.by, answer.Policies...)
			}
			found.keys = appendNew(found.keys, answer.MissingKeys...)
		}
		if found.missing() || len(found.conditional)+len(found.lost) > 0 {
			gaps = append(gaps, found)
		}
	}
	return gaps
}

// mayBeScoped reports whether the role's policy allows what the agent does to no
// cluster in particular, but not what it does in the assumed one: a policy for
// another cluster looks like that, and one that grants nothing does not.
func (s Settings) mayBeScoped(o Observation) bool {
	general, err := o.simulation.Of("ecs:DiscoverPollEndpoint", o.site.arn(anything))
	if err != nil || !general.Allowed() {
		return false
	}
	return slices.ContainsFunc(s.gaps(o), func(g gap) bool {
		return g.capability == Agent && !g.blocked() && slices.ContainsFunc(g.open, func(n need) bool { return n.on == cluster || n.on == containerInstance })
	})
}

// choice is which policies to attach, and why no others.
type choice struct {
	attach []policy
	// notApproved, noRoom and fought are capabilities that stay missing: no
	// approved policy closes the gap, the quota has no room for it, somebody
	// keeps detaching it.
	notApproved, noRoom, fought []Capability
}

// choose finds the smallest set of approved policies that closes the gaps. A
// capability that would stay broken for another reason gets nothing.
func (s Settings) choose(o Observation, gaps []gap) choice {
	var chosen choice
	candidates := slices.DeleteFunc(s.approved(), func(p policy) bool { return slices.Contains(o.Attached, p.arn) })
	var curable []gap
	for _, g := range gaps {
		switch {
		case g.blocked() || len(g.open) == 0:
		case !covers(candidates, g):
			chosen.notApproved = append(chosen.notApproved, g.capability)
		default:
			curable = append(curable, g)
		}
	}
	slices.SortStableFunc(curable, func(a, b gap) int {
		return slices.Index(capabilities, a.capability) - slices.Index(capabilities, b.capability)
	})
	room := o.Quota - len(o.Attached)
	for {
		chosen.attach = smallest(candidates, curable)
		if len(chosen.attach) <= max(room, 0) {
			break
		}
		last := len(curable) - 1
		chosen.noRoom = append(chosen.noRoom, curable[last].capability)
		curable = curable[:last]
	}
	earlier := parseRecord(o.Role.Tags)
	if len(earlier.recentHeals(o.Now)) >= maxHeals {
		chosen.attach = slices.DeleteFunc(chosen.attach, func(p policy) bool {
			_, detachedSince := earlier.attached[p.capability]
			return detachedSince
		})
		for _, g := range curable {
			if !covers(chosen.attach, g) {
				chosen.fought = append(chosen.fought, g.capability)
			}
		}
		// What remains must still be worth attaching.
		curable = slices.DeleteFunc(curable, func(g gap) bool { return slices.Contains(chosen.fought, g.capability) })
		chosen.attach = smallest(chosen.attach, curable)
	}
	return chosen
}

// covers reports whether the policies together close the gap.
func covers(policies []policy, g gap) bool {
	return !slices.ContainsFunc(g.open, func(n need) bool {
		return !slices.ContainsFunc(policies, func(p policy) bool { return p.grants(g.capability, n) })
	})
}

// smallest tries every set of the five policies. Of two sets of one size, the
// one whose policies are for the missing capabilities themselves is better: a
// role that is to pull gets the policy for pulling, and not the agent's, which
// can do that, too.
func smallest(candidates []policy, gaps []gap) []policy {
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
		if !slices.ContainsFunc(gaps, func(g gap) bool { return !covers(set, g) }) {
			best, bestCost = set, cost
		}
	}
	return best
}

func (s Settings) planCure(o Observation) pipeline.Plan[Action] {
	gaps := s.gaps(o)
	chosen := s.choose(o, gaps)
	var plan pipeline.Plan[Action]
	for _, g := range gaps {
		plan.Findings = append(plan.Findings, s.gapFindings(o, g, chosen)...)
	}
	if len(chosen.noRoom) > 0 {
		plan.Findings = append(plan.Findings, finding.Finding{
			Code: "managed-policy-quota", Severity: finding.Error,
			Message: fmt.Sprintf("%s has %d managed policies of the %d that it can have, which leaves no room for what gives it %s", o.Role.Name, len(o.Attached), o.Quota, list(chosen.noRoom)),
			Fix:     "detach policies that the role does not need, merge some into one, or raise IAM's quota \"Managed policies attached to an IAM role\"",
		})
	}
	if len(chosen.fought) > 0 {
		plan.Findings = append(plan.Findings, finding.Finding{
			Code: "detached-repeatedly", Severity: finding.Error,
			Message: fmt.Sprintf("what gives %s %s was attached again %d times within an hour and detached each time: somebody means it, and nothing more is attached for now", o.Role.Name, list(chosen.fought), maxHeals),
			Fix:     "find who detaches the policy (CloudTrail, DetachRolePolicy), or tag the role " + optout.Tag + "=true",
		})
	}
	plan.Findings = append(plan.Findings, s.otherFindings(o)...)
	if len(chosen.attach) == 0 {
		return plan
	}
	// The tag comes first: a run that is cut off in between leaves a record of
	// what may not be there, never an attachment that nobody can account for.
	tags := parseRecord(o.Role.Tags).with(chosen.attach, o.Target.At, o.Now)
	after := len(o.Role.Tags)
	for key := range tags {
		if _, known := o.Role.Tags[key]; !known {
			after++
		}
	}
	if after <= maxTags {
		plan.Actions = append(plan.Actions, Action{Kind: tagRole, Role: *o.Role, Tags: tags})
	} else {
		plan.Findings = append(plan.Findings, finding.Finding{
			Code: "no-room-for-tag", Severity: finding.Info,
			Message: fmt.Sprintf("%s has %d tags of the %d that it can have: no tag says what was attached, and {\"undo\": …} will find nothing", o.Role.Name, len(o.Role.Tags), maxTags),
		})
	}
	for _, p := range chosen.attach {
		plan.Actions = append(plan.Actions, Action{Kind: attachRolePolicy, Role: *o.Role, Policy: p.arn})
	}
	return plan
}

// gapFindings tells what is missing of one capability, and what stands in the
// way where it is not cured.
func (s Settings) gapFindings(o Observation, g gap, chosen choice) []finding.Finding {
	var findings []finding.Finding
	name := o.Role.Name
	whole := !g.blocked() && covers(chosen.attach, g)
	if g.missing() {
		missing := slices.Concat(g.open, g.boundary, g.organization, g.denied)
		fix := fmt.Sprintf("see the other findings on %s: they say why nothing is attached", name)
		if whole {
			fix = "attach " + policyNames(chosen.attach, g)
		}
		message := fmt.Sprintf("%s lacks the capability %s: it may not call %s", name, g.capability, actions(missing))
		cure := s.approvedFor(g.capability)
		recorded := parseRecord(o.Role.Tags)
		if at, known := recorded.attached[g.capability]; known && !slices.Contains(o.Attached, cure) {
			since := "was detached since, if that run was not cut off"
			if recorded.detached(g.capability, o.Target.At) {
				since = "has been detached since"
			}
			message += fmt.Sprintf("; its policy was attached at %s and %s", at.UTC().Format("2006-01-02 15:04:05 MST"), since)
		}
		if len(g.keys) > 0 {
			message += "; its policies also speak of " + strings.Join(g.keys, ", ") + ", which cannot be known beforehand"
		}
		findings = append(findings, finding.Finding{Code: "capability-missing", Severity: finding.Error, Message: message, Fix: fix, Cured: whole})
	}
	add := func(code string, severity finding.Severity, fix, message string, about ...any) {
		findings = append(findings, finding.Finding{Code: code, Severity: severity, Message: fmt.Sprintf(message, about...), Fix: fix})
	}
	if len(g.boundary) > 0 {
		add("denied-by-boundary", finding.Error, "allow these actions in the boundary, or give the role another one",
			"the permissions boundary %s of %s does not allow %s", orUnnamed(o.Role.Boundary), name, actions(g.boundary))
	}
	if len(g.organization) > 0 {
		add("denied-by-organization", finding.Error, "allow these actions in the service control policies of the account and of the organizational units above it",
			"a policy of the organization does not allow %s to %s", actions(g.organization), name)
	}
	if len(g.denied) > 0 {
		add("denied-by-policy", finding.Error, "take these actions out of the statement that denies them",
			"a statement of %s denies %s to %s, which no attached policy can change", orUnnamed(strings.Join(g.by, ", ")), actions(g.denied), name)
	}
	if len(g.conditional) > 0 {
		add("denied-under-condition", finding.Warning, "make sure that the instances meet the condition; then tag the role "+optout.Tag+"=true, or take the capability out of its tag "+capabilitiesTag,
			"a statement of %s denies %s to %s unless a condition holds that cannot be judged beforehand (%s)", orUnnamed(strings.Join(g.by, ", ")), actions(g.conditional), name, strings.Join(g.keys, ", "))
	}
	if slices.Contains(chosen.notApproved, g.capability) {
		add("no-approved-policy", finding.Error, "grant these actions by a policy of your own, or name another policy in the settings",
			"no approved policy that is not attached already gives %s what it lacks of %s: %s", name, g.capability, actions(g.open))
		if slices.Contains(o.Attached, s.approvedFor(g.capability)) {
			findings[len(findings)-1].Message += "; " + s.approvedFor(g.capability).name() + " is attached, and does not give it"
		}
	}
	lost := slices.DeleteFunc(slices.Clone(g.lost), func(n need) bool {
		return slices.ContainsFunc(chosen.attach, func(p policy) bool { return p.grants(g.capability, n) })
	})
	if len(lost) > 0 && whole && len(g.conditional) == 0 {
		words := make([]string, len(lost))
		for i, n := range lost {
			words[i] = fmt.Sprintf("%s (%s)", n.action, n.optional)
		}
		add("capability-partial", finding.Info, "", "%s does without some of %s: %s", name, g.capability, strings.Join(words, ", "))
	}
	return findings
}

// otherFindings are those that have nothing to do with a gap.
func (s Settings) otherFindings(o Observation) []finding.Finding {
	var findings []finding.Finding
	name := o.Role.Name
	for _, variable := range o.Evidence.userData.secrets {
		findings = append(findings, finding.Finding{
			Code: "secret-in-user-data", Severity: finding.Error, Variable: variable,
			Message: fmt.Sprintf("the user data of the instance %s, which runs under %s, holds a secret (%s): everything on the instance, and whoever may describe it, can read it", orUnnamed(o.Evidence.Instance), name, variable),
			Fix:     "keep it in ecs.config in the private config bucket or in Secrets Manager, take it out of the user data and the launch template, and change it: it must be taken for known",
		})
	}
	for _, attached := range o.Attached {
		if parsed, err := arn.Parse(string(attached)); err == nil && parsed.AccountID == "aws" && attached.name() == "AmazonEC2RoleforSSM" {
			findings = append(findings, finding.Finding{
				Code: "retired-policy", Severity: finding.Warning,
				Message: fmt.Sprintf("%s has AmazonEC2RoleforSSM, which AWS retired: it reads and writes every bucket of the account", name),
				Fix:     "attach AmazonSSMManagedInstanceCore, then detach AmazonEC2RoleforSSM",
			})
		}
	}
	wanted, unknown := s.wanted(*o.Role)
	if slices.Contains(wanted, Config) && s.ConfigBucket == "" {
		findings = append(findings, finding.Finding{
			Code: "config-bucket-unset", Severity: finding.Warning,
			Message: fmt.Sprintf("%s is to read ecs.config, and the settings name no config bucket: whether it can was not judged", name),
			Fix:     "set CONFIG_BUCKET, or take config out of the role's capabilities",
		})
	}
	if len(unknown) > 0 {
		findings = append(findings, finding.Finding{
			Code: "capability-unknown", Severity: finding.Warning,
			Message: fmt.Sprintf("the tag %s of %s has words that name no capability: %s", capabilitiesTag, name, strings.Join(unknown, ", ")),
			Fix:     "write capabilities separated by spaces: " + capabilityNames() + "; or none",
		})
	}
	if answer, err := o.simulation.Of(trunking.action, o.site.arn(trunking.on)); err == nil && answer.Allowed() {
		findings = append(findings, finding.Finding{
			Code: "trunking-role", Severity: finding.Info,
			Message: fmt.Sprintf("%s may turn on awsvpcTrunking for itself (%s): for instances with more network interfaces the AWS guide advises two instance roles, one of them with trunking on and for the tasks that need it", name, trunking.action),
		})
	}
	return findings
}

// planUndo detaches what the role's tag says that the function attached, and
// marks the role as ignored, or the next event would attach it again.
func (s Settings) planUndo(o Observation) pipeline.Plan[Action] {
	earlier := parseRecord(o.Role.Tags)
	var detach []Action
	var names []string
	for _, p := range s.approved() {
		if _, recorded := earlier.attached[p.capability]; recorded && slices.Contains(o.Attached, p.arn) {
			detach = append(detach, Action{Kind: detachRolePolicy, Role: *o.Role, Policy: p.arn})
			names = append(names, p.arn.name())
		}
	}
	if _, recorded := o.Role.Tags[attachedTag]; !recorded {
		return pipeline.Plan[Action]{Skip: &finding.Finding{
			Code: "nothing-to-undo", Severity: finding.Info,
			Message: fmt.Sprintf("%s has no tag %s: nothing was attached to it", o.Role.Name, attachedTag),
		}}
	}
	plan := pipeline.Plan[Action]{Findings: []finding.Finding{{
		Code: "undo", Severity: finding.Warning, Cured: true,
		Message: fmt.Sprintf("what was attached to %s is taken back as asked (%s), and the role is left alone from now on", o.Role.Name, orUnnamed(strings.Join(names, ", "))),
		Fix:     "remove the tag " + optout.Tag + " to have the role looked after again",
	}}}
	var keys []string
	for _, key := range []string{attachedTag, healedTag} {
		if _, tagged := o.Role.Tags[key]; tagged {
			keys = append(keys, key)
		}
	}
	var ignore []Action
	if !optout.Asked(o.Role.Tags) {
		ignore = []Action{{Kind: tagRole, Role: *o.Role, Tags: map[string]string{optout.Tag: "true"}}}
	}
	forget := []Action{{Kind: untagRole, Role: *o.Role, Keys: keys}}
	if _, tagged := o.Role.Tags[optout.Tag]; tagged || len(o.Role.Tags) < maxTags {
		plan.Actions = slices.Concat(ignore, detach, forget)
	} else {
		// Only the record's place is free for the mark, and the record is needed
		// until all is detached.
		plan.Actions = slices.Concat(detach, forget, ignore)
	}
	return plan
}

func appendNew(texts []string, added ...string) []string {
	for _, text := range added {
		if !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return texts
}

func actions(of []need) string {
	names := make([]string, len(of))
	for i, n := range of {
		names[i] = n.action
	}
	return strings.Join(names, ", ")
}

func list(of []Capability) string {
	names := make([]string, len(of))
	for i, capability := range of {
		names[i] = string(capability)
	}
	return strings.Join(names, ", ")
}

// policyNames lists those of the policies that help to close a gap.
func policyNames(of []policy, g gap) string {
	var names []string
	for _, p := range of {
		if slices.ContainsFunc(g.open, func(n need) bool { return p.grants(g.capability, n) }) {
			names = append(names, p.arn.name())
		}
	}
	return strings.Join(names, ", ")
}

func orUnnamed(text string) string {
	if text == "" {
		return "(unnamed)"
	}
	return text
}
