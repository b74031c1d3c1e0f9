package instancerole

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/optout"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/policydocument"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secretshape"
	"github.com/ecs-guardrails/ecs-guardrails/shared/trustpolicy"
)

// Plan decides what a role lacks and what cures it.
func (s Settings) Plan(o Observation) pipeline.Plan[Action] {
	if o.Role == nil && o.Target.Profile == "" {
		return planLaunch(o)
	}
	if reason := s.notOurs(o); reason != nil {
		return pipeline.Plan[Action]{Skip: reason}
	}
	if wrong := s.distrusted(o); wrong != nil {
		return pipeline.Plan[Action]{Findings: []finding.Finding{*wrong}}
	}
	switch {
	case o.Target.Undo:
		return s.planUndo(o)
	case o.Target.Teardown:
		return s.planTeardown(o)
	}
	if reason := s.leftAlone(o); reason != nil {
		return pipeline.Plan[Action]{Skip: reason}
	}
	plan := s.planCure(o)
	slices.SortStableFunc(plan.Findings, func(a, b finding.Finding) int { return weight(a) - weight(b) })
	return plan
}

// weight puts the worst finding first.
func weight(f finding.Finding) int {
	if f.Cured {
		return 2
	}
	return slices.Index([]finding.Severity{finding.Error, finding.Warning, finding.Info}, f.Severity)
}

// planLaunch judges an instance that was launched without an instance profile.
func planLaunch(o Observation) pipeline.Plan[Action] {
	id := o.Target.Instance.ID
	instance := finding.Name("instance", id)
	skip := func(why finding.Template) pipeline.Plan[Action] {
		return pipeline.Plan[Action]{Skip: leave(why, instance)}
	}
	switch {
	case !o.Evidence.OfECS():
		return skip(notOfECS)
	case o.launched == nil || !o.launched.exists:
		return skip(instanceGone)
	case o.launched.hasProfile:
		return skip(profileGiven)
	case !o.Evidence.userData.ecs && otherNames.MatchString(o.Target.Instance.Name):
		return skip(forOtherUse)
	}
	why := "its user data sets ECS up"
	if o.Evidence.Image != "" {
		why = "it runs the ECS-optimized image " + o.Evidence.Image
	}
	return pipeline.Plan[Action]{Findings: append([]finding.Finding{
		profileMissing.With(instance, finding.Clause("why", why), finding.Argument("name", id)),
	}, secretFindings(o, id)...)}
}

func (s Settings) planCure(o Observation) pipeline.Plan[Action] {
	found := s.judge(o)
	chosen := s.choose(o, found)
	plan := pipeline.Plan[Action]{Owner: ownerOf(o)}
	by, since := s.declined(o)
	others := strangers(o)
	mandates, refusal := s.mandates(o, found, chosen)
	switch {
	case by != "" && len(s.overridden(o)) > 0:
		return s.planLateDetach(o, since)
	case by != "", len(others) > 0:
		chosen.attach, chosen.withheld, chosen.waiting = nil, nil, nil
	}
	attach, withheld := chosen.attach, chosen.withheld
	refused := refusal != nil && len(attach)+len(chosen.waiting) > 0
	if refused {
		attach, withheld = nil, appendNew(withheld, slices.Concat(attach, chosen.waiting)...)
		chosen.waiting = nil
	}
	for _, g := range found.gaps {
		plan.Findings = append(plan.Findings, s.gapFindings(o, found, g, chosen, attach, withheld, by, since, others)...)
	}
	if len(withheld) > 0 {
		if !refused {
			refusal = s.beyondMandate(o, found)
		}
		plan.Findings = append(plan.Findings, finding.NoMandate(
			fmt.Sprintf("attach %s to the role %s", strings.Join(names(withheld), ", "), o.Role.Name), refusal.reason, refusal.allow))
	}
	plan.Findings = append(plan.Findings, strangerFindings(o, found, others)...)
	plan.Findings = append(plan.Findings, s.otherFindings(o)...)
	for _, p := range withheld {
		plan.Withheld = append(plan.Withheld, Action{Kind: attachRolePolicy, Role: *o.Role, Policy: p.arn})
	}
	if len(chosen.waiting) > 0 {
		s.markMissed(o, &plan, chosen, mandates)
	}
	switch {
	case len(attach) > 0:
		s.lend(o, &plan, attach, mandates)
	case len(chosen.waiting) > 0:
		// The owner may have taken off what is missing, and nothing is given back.
	case by != "" && !found.isWhole() && since.Name != "" && s.readRecord(o.Role.Tags).declined.IsZero():
		plan.Actions = append(plan.Actions, s.decline(o, since)...)
	case found.isWhole():
		s.giveBack(o, &plan, found)
	}
	return plan
}

// lend attaches policies. The record comes first: a run that is cut off in
// between leaves a record of what may not be there, never an attachment
// without a record.
func (s Settings) lend(o Observation, plan *pipeline.Plan[Action], attach []policy, mandates map[PolicyARN]finding.Mandate) {
	tags, err := s.tagsFor(s.readRecord(o.Role.Tags), attach, o.Target, o.Now)
	problem := ""
	switch {
	case err != nil:
		problem = err.Error()
	case !roomFor(o.Role.Tags, tags):
		problem = fmt.Sprintf("it has %d tags of the %d that it can have", len(o.Role.Tags), maxTags)
	}
	if problem != "" {
		for i := range plan.Findings {
			plan.Findings[i].Cured = false
		}
		plan.Findings = append(plan.Findings, tagsFull.With(
			finding.Name("role", o.Role.Name), finding.Clause("problem", problem), finding.Argument("name", o.Role.Name), finding.Argument("policy", string(attach[0].arn))))
		return
	}
	mandate := mandates[attach[0].arn]
	if _, declined := o.Role.Tags[declinedTag]; declined {
		plan.Actions = append(plan.Actions, Action{Kind: untagRole, Role: *o.Role, Keys: []string{declinedTag}, Mandate: mandate})
	}
	plan.Actions = append(plan.Actions, Action{Kind: tagRole, Role: *o.Role, Tags: tags, Mandate: mandate})
	lent := map[string]PolicyARN{}
	for index, p := range attach {
		lent[s.loanKey(p.arn)] = p.arn
		// The first refusal ends the run, so the rest isn't attached either.
		refused := map[string]string{}
		for _, left := range attach[index:] {
			refused[s.loanKey(left.arn)] = tags[s.loanKey(left.arn)] + refusedWord
		}
		plan.Actions = append(plan.Actions, Action{Kind: attachRolePolicy, Role: *o.Role, Policy: p.arn, Refused: refused, Mandate: mandates[p.arn]})
	}
	plan.Actions[len(plan.Actions)-1].Lent = lent
}

// markMissed records when what was lent was first found detached, so that a later
// look knows when to stop waiting for the event that tells who did it.
func (s Settings) markMissed(o Observation, plan *pipeline.Plan[Action], chosen choice, mandates map[PolicyARN]finding.Mandate) {
	marks := map[string]string{}
	for policy, seen := range chosen.undecided {
		key, mark := s.loanKey(policy)+missedSuffix, loan{policy: policy, missed: seen}
		if value := mark.value(); value != o.Role.Tags[key] && len(value) <= maxTagValue {
			marks[key] = value
		}
	}
	if len(marks) > 0 && roomFor(o.Role.Tags, marks) {
		plan.Actions = append(plan.Actions, Action{Kind: tagRole, Role: *o.Role, Tags: marks, Mark: true, Mandate: mandates[chosen.waiting[0].arn]})
	}
}

// overridden lists what was attached again although the owner had detached it: the
// call's event came after a look had waited for it.
func (s Settings) overridden(o Observation) []loan {
	return slices.DeleteFunc(s.readRecord(o.Role.Tags).standing(o.Attached), func(made loan) bool {
		return made.missed.IsZero() || !slices.ContainsFunc(o.Target.Calls, func(call Call) bool {
			return call.Name == "DetachRolePolicy" && call.Policy == made.policy && call.At.Before(made.when) && s.isOwner(o, call)
		})
	})
}

// planLateDetach lets the owner's word stand whose event came late: what was
// attached since is taken back.
func (s Settings) planLateDetach(o Observation, call Call) pipeline.Plan[Action] {
	mandate := finding.Mandate{Kind: finding.ByActor, Text: "the role's owner called " + call.Name}
	standing := s.overridden(o)
	plan := pipeline.Plan[Action]{Owner: ownerOf(o), Findings: []finding.Finding{cured(returnedLate.With(
		finding.Name("role", o.Role.Name), finding.Names("policies", loanNames(standing)), finding.Quote("quoted", o.Role.Name)))}}
	var keys []string
	for _, made := range standing {
		plan.Actions = append(plan.Actions, Action{Kind: detachRolePolicy, Role: *o.Role, Policy: made.policy, Mandate: mandate})
		keys = appendNew(keys, keysOf(o, made)...)
	}
	plan.Actions = append(plan.Actions, Action{Kind: untagRole, Role: *o.Role, Keys: keys, Mandate: mandate})
	plan.Actions = append(plan.Actions, s.decline(o, call)...)
	return plan
}

// refused says why a change has no mandate, and what gives it one.
type refused struct{ reason, allow string }

// mandates gives what entitles the function to each attachment, or why nothing
// does.
func (s Settings) mandates(o Observation, found verdict, chosen choice) (map[PolicyARN]finding.Mandate, *refused) {
	name := o.Role.Name
	var mandate finding.Mandate
	sign := s.signOf(o)
	switch {
	case o.Target.ByHand:
		mandate = finding.Mandate{Kind: finding.ByInvoker, Text: "the role was named in an invocation"}
	case sign == matched:
		mandate = finding.Mandate{Kind: finding.ByParameter, Text: fmt.Sprintf("InstanceRolePattern=%s, Capabilities=%s", s.InstanceRolePattern, list(s.Capabilities))}
	case sign == tagged:
		mandate = finding.Mandate{Kind: finding.ByParameter, Text: fmt.Sprintf("Capabilities=%s, for roles with the tag %s=true", list(s.Capabilities), instanceRoleTag)}
	default:
		return nil, &refused{
			fmt.Sprintf("only the %s shows that %s is for ECS, and what an instance runs entitles to nothing.", instanceOf(o), name),
			fmt.Sprintf("Run: aws iam tag-role --role-name %s --tags Key=%s,Value=true. Or have the parameter InstanceRolePattern match the role.", name, instanceRoleTag),
		}
	}
	if managed := ownerOf(o); s.ChangeOwnedResources == "none" && managed.RendersSource() {
		return nil, &refused{
			fmt.Sprintf("%s manages the role, and the parameter ChangeOwnedResources is none.", managed),
			s.patches(o, slices.Concat(chosen.attach, chosen.waiting)),
		}
	}
	mandates := map[PolicyARN]finding.Mandate{}
	for _, p := range chosen.waiting {
		// The right of who causes the attachment is asked for then.
		mandates[p.arn] = mandate
	}
	for _, p := range chosen.attach {
		mandates[p.arn] = mandate
		if !bool(s.RequireActorRight) || o.Target.ByHand {
			continue
		}
		source := o.Target.actor().PolicySource()
		if right, asked := o.rights[p.arn]; !asked || !right.Allowed() {
			who := "who caused this look"
			if shownPrincipal.MatchString(source) {
				who = source
			}
			return nil, &refused{
				fmt.Sprintf("the parameter RequireActorRight is yes, and %s may not attach it.", who),
				fmt.Sprintf(`Run, as a principal that may: aws iam attach-role-policy --role-name %s --policy-arn %s. Or invoke the function with {"role": "%s"}.`, name, p.arn, name),
			}
		}
		mandates[p.arn] = finding.Mandate{Kind: finding.ByActor, Text: source + " may attach the policy"}
	}
	return mandates, nil
}

// beyondMandate is about capabilities that the role's tag asks for and the
// settings don't allow.
func (s Settings) beyondMandate(o Observation, found verdict) *refused {
	_, beyond, _ := s.wanted(*o.Role)
	return &refused{
		fmt.Sprintf("the tag %s asks for %s, and the parameter Capabilities allows %s.", capabilitiesTag, list(beyond), list(s.Capabilities)),
		fmt.Sprintf("Set the parameter Capabilities=%s. Or take %s out of the tag.", strings.ReplaceAll(list(slices.Concat(s.Capabilities, beyond)), " ", ""), list(beyond)),
	}
}

// patches say how the role's owner gets policies attached for good.
func (s Settings) patches(o Observation, policies []policy) string {
	managed := ownerOf(o)
	texts := make([]string, len(policies))
	for i, p := range policies {
		texts[i] = managed.AttachmentPatch(o.Role.Name, string(p.arn))
	}
	return strings.Join(texts, " ")
}

// gapFindings tell what is missing of one capability, each cause once, and what
// ends it.
func (s Settings) gapFindings(o Observation, found verdict, g gap, chosen choice, attach, withheld []policy, declinedBy string, since Call, others []string) []finding.Finding {
	var findings []finding.Finding
	name := o.Role.Name
	role, quotedRole := finding.Name("role", name), finding.Quote("quoted", name)
	where, place := "", found.site
	if secretshape.IsMisplaced(place.cluster) {
		// Anyone who may write user data or a policy can name it.
		place.cluster = "CLUSTER"
	}
	if place.cluster != "" && g.capability == Agent {
		where = " in the cluster " + finding.Shown(place.cluster)
	}
	add := func(template finding.Template, values ...finding.Value) {
		findings = append(findings, template.With(values...))
	}
	// addOpen adds what is said about actions that no policy of the role grants.
	addOpen := func(template finding.Template, values ...finding.Value) *finding.Finding {
		add(template, append(values, role, finding.Words("actions", actions(g.open)+where),
			finding.Words("capability", string(g.capability)), finding.Words("kind", string(found.kind)))...)
		return &findings[len(findings)-1]
	}
	managed := ownerOf(o)
	switch {
	case len(g.open) == 0:
	case g.blocked():
		// The denial below comes first.
	case slices.Contains(chosen.notApproved, g.capability):
		granted, resources := statementFor(g.open, place)
		addOpen(noneApproved, finding.Argument("name", name), finding.Words("granted", granted), finding.Words("resources", resources))
	case slices.Contains(chosen.noRoom, g.capability):
		addOpen(quotaReached, finding.Count("count", len(o.Attached), "managed policy", "managed policies"), finding.Words("most", strconv.Itoa(cmp.Or(o.quota, defaultQuota))))
	case slices.Contains(chosen.fought, g.capability):
		addOpen(detachedRepeatedly, finding.Count("times", maxHeals, "time", "times"), finding.Words("tag", optout.Tag))
	case declinedBy != "":
		patches := s.patches(o, smallest(s.approved(found.kind), []gap{g}, found.site))
		addOpen(declinedByOwner, quotedRole, finding.Words("call", declinedBy), finding.Words("since", stamp(since.At)),
			finding.Words("patches", strings.TrimSuffix(lowerFirst(patches), ".")))
	case len(others) > 0:
		// Nothing is attached to a role that others can assume: the finding about them
		// says so.
	case len(chosen.waiting) > 0 && !covers(attach, g, found.site) && covers(slices.Concat(attach, chosen.waiting), g, found.site):
		if s.Mode == finding.DryRun {
			// A dry run notes nothing on the role, so no time passes for it.
			addOpen(detachedInDryRun, finding.Names("policies", names(helping(chosen.waiting, g, found.site))), finding.Lasting("wait", eventTime))
			break
		}
		// A moment is shown to the minute, and the wait is over at the next one.
		decided := chosen.decidedAt().Add(time.Minute - time.Nanosecond)
		addOpen(detachedByUnknown, quotedRole, finding.Names("policies", names(helping(chosen.waiting, g, found.site))), finding.Moment("moment", decided))
	case covers(attach, g, found.site):
		helpful := helping(attach, g, found.site)
		if managed.RendersSource() {
			made := addOpen(missingInSource, finding.Words("owner", managed.String()))
			made.Cured, made.Fix = true, made.Fix+" "+s.patches(o, helpful)
			break
		}
		addOpen(missing, finding.Names("policies", names(helpful))).Cured = true
	default:
		helpful := helping(withheld, g, found.site)
		made := addOpen(missing, finding.Names("policies", names(helpful)))
		made.Withheld = true
		if managed.RendersSource() {
			made.Fix = s.patches(o, helpful)
		}
	}
	if len(g.boundary) > 0 {
		add(deniedByBoundary, role, finding.Name("boundary", o.Role.Boundary), finding.Words("actions", actions(g.boundary)+where))
	}
	if len(g.denied) > 0 {
		by := finding.Words("policies", "a policy of the role")
		if len(g.by) > 0 {
			by = finding.Names("policies", g.by)
		}
		add(deniedByPolicy, role, by, finding.Words("actions", actions(g.denied)))
	}
	if len(g.organization) > 0 {
		add(deniedByOrganization, role, finding.Words("actions", actions(g.organization)))
	}
	if len(g.conditional) > 0 {
		template := conditional
		if o.Role.Boundary != "" && len(g.by) == 0 {
			template = conditionalOrBounded
		}
		add(template, role, finding.Words("actions", actions(g.conditional)), finding.Words("keys", finding.ShownKeys(g.keys)), finding.Words("tag", optout.Tag))
	}
	return append(findings, infoFindings(o, found, g, attach)...)
}

// infoFindings tell what a role does without: things to know, and nothing to
// cure.
func infoFindings(o Observation, found verdict, g gap, attach []policy) []finding.Finding {
	var findings []finding.Finding
	if len(g.scoped) > 0 {
		findings = append(findings, scoped.With(finding.Name("role", o.Role.Name), finding.Words("actions", actions(g.scoped))))
	}
	lost := slices.DeleteFunc(slices.Clone(g.lost), func(n need) bool {
		return slices.ContainsFunc(attach, func(p policy) bool { return p.grants(g.capability, n, found.site) })
	})
	if len(lost) > 0 && !g.missing() {
		words := make([]string, len(lost))
		for i, n := range lost {
			words[i] = fmt.Sprintf("%s (%s)", n.optional, n.action)
		}
		findings = append(findings, partial.With(finding.Name("role", o.Role.Name), finding.Words("lost", strings.Join(words, "; "))))
	}
	return findings
}

// strangerFindings report principals other than instances that may assume the role. What a
// role lacks is reported with the gap.
func strangerFindings(o Observation, found verdict, others []string) []finding.Finding {
	if len(others) == 0 {
		return nil
	}
	severity, template := finding.Info, trustTooWide
	values := []finding.Value{finding.Name("role", o.Role.Name), finding.Words("principals", shownPrincipals(others)),
		finding.Argument("name", o.Role.Name), finding.Quote("principal", principalOf(trustOf(o)))}
	switch {
	case slices.ContainsFunc(found.gaps, gap.missing):
		severity = finding.Error
		var missing []need
		for _, g := range found.gaps {
			missing = append(missing, g.open...)
		}
		if len(missing) > 0 {
			template, values = trustTooWideToAttach, append(values, finding.Words("actions", actions(missing)))
		}
	case slices.Contains(others, "*"):
		severity = finding.Error
	case slices.ContainsFunc(others, func(principal string) bool { return !trustpolicy.IsService(principal) }):
		severity = finding.Warning
	}
	f := template.With(values...)
	f.Severity = severity
	return []finding.Finding{f}
}

// trustOf is the service that gives the role's instances their credentials.
func trustOf(o Observation) trustpolicy.Service {
	if kindOf(o) == externalInstance {
		return trustpolicy.SSM
	}
	return trustpolicy.EC2
}

// statementFor gives the actions and the resources of a statement that grants needs,
// as JSON lists have them.
func statementFor(needed []need, place site) (actions, resources string) {
	var granted, on []string
	for _, n := range needed {
		granted = appendNew(granted, n.action)
		resource := place.arn(n.on)
		switch n.on {
		case containerInstance:
			resource = strings.TrimSuffix(resource, "00000000000000000000000000000000") + "*"
		case repository, logGroup, logStream:
			resource = place.others(n.on)
		}
		on = appendNew(on, resource)
	}
	if slices.Contains(on, "*") {
		on = []string{"*"}
	}
	return quoted(granted), quoted(on)
}

func quoted(texts []string) string { return `"` + strings.Join(texts, `","`) + `"` }

func lowerFirst(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToLower(text[:1]) + text[1:]
}

func secretFindings(o Observation, name string) []finding.Finding {
	var findings []finding.Finding
	for _, variable := range o.Evidence.userData.secrets {
		f := secretInUserData.With(finding.Name("instance", o.Evidence.Instance), finding.Name("role", name), finding.Name("variable", variable))
		f.Variable = variable
		findings = append(findings, f)
	}
	return findings
}

// otherFindings are those that have nothing to do with a gap.
func (s Settings) otherFindings(o Observation) []finding.Finding {
	role := finding.Name("role", o.Role.Name)
	findings := secretFindings(o, o.Role.Name)
	if has(o.Attached, "AmazonEC2RoleforSSM") {
		findings = append(findings, policyRetired.With(role))
	}
	wanted, _, unknown := s.wanted(*o.Role)
	if slices.Contains(wanted, Config) && s.ConfigBucket == "" {
		findings = append(findings, noConfigBucket.With(role))
	}
	for _, action := range o.Target.Refused {
		if _, capability := neededAction(action); !slices.Contains(s.asked(*o.Role), capability) {
			findings = append(findings, capabilityOff.With(role, finding.Words("action", action), finding.Words("capability", string(capability))))
		}
	}
	if len(unknown) > 0 {
		findings = append(findings, capabilityUnknown.With(role, finding.Words("words", shownWords(unknown)), finding.Words("capabilities", capabilityNames())))
	}
	if answer, err := o.simulation.Of(trunking.action, o.site.arn(trunking.on)); err == nil && answer.Allowed() {
		findings = append(findings, mayTrunk.With(role, finding.Words("action", trunking.action)))
	}
	return findings
}

// decline records that the owner took away what was needed, so that no later look
// attaches it again.
func (s Settings) decline(o Observation, call Call) []Action {
	tags := map[string]string{declinedTag: stamp(call.At) + " " + call.Name}
	if !roomFor(o.Role.Tags, tags) {
		return nil
	}
	mandate := finding.Mandate{Kind: finding.ByActor, Text: "the role's owner called " + call.Name}
	return []Action{{Kind: tagRole, Role: *o.Role, Tags: tags, Mandate: mandate}}
}

// giveBack ends loans that the owner's own change made needless: the owner
// attached the same policy, so that only the record goes, or grants elsewhere all
// that the policy gave.
func (s Settings) giveBack(o Observation, plan *pipeline.Plan[Action], found verdict) {
	recorded := s.readRecord(o.Role.Tags)
	var detach []Action
	var keys, ended []string
	for _, made := range recorded.standing(o.Attached) {
		mandate := finding.Mandate{Kind: finding.ByActor, Text: "the role's owner grants what was lent"}
		switch {
		case made.key == attachedTag:
			continue
		case s.tookOver(o, made):
		case s.isNeedless(o, made, found):
			detach = append(detach, Action{Kind: detachRolePolicy, Role: *o.Role, Policy: made.policy, Mandate: mandate})
		default:
			continue
		}
		keys = appendNew(keys, keysOf(o, made)...)
		ended = append(ended, made.policy.name())
	}
	if len(keys) == 0 {
		return
	}
	mandate := finding.Mandate{Kind: finding.ByActor, Text: "the role's owner grants what was lent"}
	plan.Actions = slices.Concat(plan.Actions, detach, []Action{{Kind: untagRole, Role: *o.Role, Keys: keys, Mandate: mandate}})
	plan.Findings = append(plan.Findings, returnedToOwner.With(finding.Name("role", o.Role.Name), finding.Names("policies", ended)))
}

// tookOver reports whether somebody else attached the very policy that was lent.
func (s Settings) tookOver(o Observation, made loan) bool {
	return slices.ContainsFunc(o.Target.Calls, func(call Call) bool {
		return call.Name == "AttachRolePolicy" && call.Policy == made.policy && call.At.After(made.when)
	})
}

// isNeedless reports whether the role's other policies allow all that a loan
// gives, even what was not asked for, since its instances may have come to use it.
// A boundary, and the organization's policies, are the same without the loan.
func (s Settings) isNeedless(o Observation, made loan, found verdict) bool {
	index := slices.IndexFunc(s.approved(found.kind), func(p policy) bool { return p.arn == made.policy })
	if o.policies == nil || index < 0 {
		return false
	}
	lent := s.approved(found.kind)[index]
	var others []policydocument.Document
	for _, other := range o.policies.Identity {
		if other.Name != string(made.policy) {
			others = append(others, other.Document)
		}
	}
	context := known(o, o.site)
	for _, capability := range capabilities {
		for _, n := range needsOf(found.kind, capability) {
			resource := o.site.arn(n.on)
			if resource == "" || !lent.grants(capability, n, o.site) {
				continue
			}
			reading := policydocument.Read(others, policydocument.Request{Action: n.action, Resource: resource, Context: context})
			if reading.Allowed != policydocument.True || reading.Denied != policydocument.False {
				return false
			}
		}
	}
	return true
}

// planTeardown takes back what was lent to a role that is going out of use: an
// attachment of ours would keep its owner from deleting it.
func (s Settings) planTeardown(o Observation) pipeline.Plan[Action] {
	role := finding.Name("role", o.Role.Name)
	last := o.Target.Calls[len(o.Target.Calls)-1]
	deleting := slices.ContainsFunc(o.Target.Calls, func(call Call) bool { return call.Name == "DeleteRole" })
	if len(o.profiles.names) > 0 && !deleting {
		return pipeline.Plan[Action]{Skip: leave(stillUsed, role, finding.Names("profiles", o.profiles.names))}
	}
	if o.Role.trust.Trusts(trustpolicy.SSM) && !deleting {
		// Anyone may delete an instance profile of theirs that is called like the role.
		return pipeline.Plan[Action]{Skip: leave(usedWithoutProfile, role)}
	}
	recorded := s.readRecord(o.Role.Tags)
	mandate := finding.Mandate{Kind: finding.ByActor, Text: "the role's owner called " + last.Name}
	standing := recorded.standing(o.Attached)
	if len(standing) == 0 {
		return pipeline.Plan[Action]{Skip: leave(nothingLeft, role)}
	}
	plan := pipeline.Plan[Action]{Owner: ownerOf(o), Findings: []finding.Finding{cured(returnedAtEnd.With(role,
		finding.Name("call", last.Name), finding.Names("policies", loanNames(standing)), finding.Quote("quoted", o.Role.Name)))}}
	for _, made := range standing {
		plan.Actions = append(plan.Actions, Action{Kind: detachRolePolicy, Role: *o.Role, Policy: made.policy, Mandate: mandate})
	}
	plan.Actions = append(plan.Actions, Action{Kind: untagRole, Role: *o.Role, Keys: s.ownKeys(o, recorded), Mandate: mandate})
	plan.Actions = append(plan.Actions, s.decline(o, last)...)
	return plan
}

// keysOf are the tags of one loan.
func keysOf(o Observation, made loan) []string {
	keys := []string{made.key}
	if _, marked := o.Role.Tags[made.key+missedSuffix]; marked {
		keys = append(keys, made.key+missedSuffix)
	}
	return keys
}

// ownKeys are the tags that record this stack's loans.
func (s Settings) ownKeys(o Observation, recorded record) []string {
	var keys []string
	for _, made := range recorded.loans {
		if made.key != attachedTag || len(recorded.unclear) == 0 {
			keys = appendNew(keys, made.key)
		}
	}
	for _, policy := range slices.Sorted(maps.Keys(recorded.missed)) {
		keys = appendNew(keys, s.loanKey(policy)+missedSuffix)
	}
	if _, healed := o.Role.Tags[healedTag]; healed {
		keys = append(keys, healedTag)
	}
	return keys
}

// undoMandate is what entitles the function to take back what it lent.
var undoMandate = finding.Mandate{Kind: finding.ByInvoker, Text: "the undo was asked for in an invocation"}

// planUndo detaches what the role's tags say that this stack attached, and marks
// the role as ignored, or the next event would attach it again.
func (s Settings) planUndo(o Observation) pipeline.Plan[Action] {
	recorded := s.readRecord(o.Role.Tags)
	standing := recorded.standing(o.Attached)
	role, argument := finding.Name("role", o.Role.Name), finding.Argument("name", o.Role.Name)
	tag := finding.Words("tag", optout.Tag)
	if len(standing) == 0 && len(recorded.loans)+len(recorded.missed) > 0 && optout.Asked(o.Role.Tags) {
		// An undo marks the role first and removes its record last: this one was cut
		// off in between, or a look beside it has left a note.
		ended := recorded.loans
		for _, policy := range slices.Sorted(maps.Keys(recorded.missed)) {
			if _, known := recorded.loanOf(policy); !known {
				ended = append(ended, loan{policy: policy})
			}
		}
		return pipeline.Plan[Action]{
			Owner:    ownerOf(o),
			Findings: []finding.Finding{cured(undoneBefore.With(role, finding.Names("policies", loanNames(ended)), tag))},
			Actions:  []Action{{Kind: untagRole, Role: *o.Role, Keys: s.ownKeys(o, recorded), Own: s.loanPrefix(), Mandate: undoMandate}},
		}
	}
	if len(standing) == 0 {
		why := "no tag records an attachment of this stack"
		switch {
		case len(recorded.loans) > 0:
			why = "what its tags record is not attached any more"
		case len(recorded.others) > 0:
			why = "its tags record attachments of other stacks"
		case len(recorded.unclear) > 0:
			why = fmt.Sprintf("its record names %s without a policy, and someone else may have attached what gives it", list(recorded.unclear))
		}
		return pipeline.Plan[Action]{Findings: []finding.Finding{nothingToUndo.With(role, finding.Clause("why", why), argument)}}
	}
	plan := pipeline.Plan[Action]{Owner: ownerOf(o), Findings: []finding.Finding{cured(undone.With(role, finding.Names("policies", loanNames(standing)), tag))}}
	if len(recorded.unclear) > 0 {
		plan.Findings = append(plan.Findings, unclearToUndo.With(role, finding.Words("capabilities", list(recorded.unclear)), argument))
	}
	var detach, ignore []Action
	for _, made := range recorded.loans {
		// Also what isn't attached now: a run beside this one may be attaching it again,
		// and its record goes. If none does, detaching it
		// finds it gone.
		if made.key != attachedTag || slices.Contains(standing, made) {
			detach = append(detach, Action{Kind: detachRolePolicy, Role: *o.Role, Policy: made.policy, Mandate: undoMandate})
		}
	}
	mark := map[string]string{optout.Tag: "true"}
	if !optout.Asked(o.Role.Tags) {
		ignore = []Action{{Kind: tagRole, Role: *o.Role, Tags: mark, Mandate: undoMandate}}
	}
	var forget []Action
	if keys := s.ownKeys(o, recorded); len(keys) > 0 {
		forget = []Action{{Kind: untagRole, Role: *o.Role, Keys: keys, Own: s.loanPrefix(), Mandate: undoMandate}}
	}
	if roomFor(o.Role.Tags, mark) {
		plan.Actions = slices.Concat(ignore, detach, forget)
	} else {
		// Only the record's place is free for the mark, and the record is needed
		// until all is detached.
		plan.Actions = slices.Concat(detach, forget, ignore)
	}
	return plan
}

func loanNames(loans []loan) []string {
	names := make([]string, len(loans))
	for i, made := range loans {
		names[i] = made.policy.name()
	}
	return names
}

// cured marks a finding as one that the plan's own actions end.
func cured(f finding.Finding) finding.Finding {
	f.Cured = true
	return f
}

func appendNew[T any](values []T, added ...T) []T {
	for _, value := range added {
		if !slices.ContainsFunc(values, func(known T) bool { return fmt.Sprint(known) == fmt.Sprint(value) }) {
			values = append(values, value)
		}
	}
	return values
}

func actions(needs []need) string {
	names := make([]string, len(needs))
	for i, n := range needs {
		names[i] = n.action
	}
	return strings.Join(names, ", ")
}

func list(capabilities []Capability) string {
	names := make([]string, len(capabilities))
	for i, capability := range capabilities {
		names[i] = string(capability)
	}
	return strings.Join(names, ", ")
}

func names(policies []policy) []string {
	texts := make([]string, len(policies))
	for i, p := range policies {
		texts[i] = p.arn.name()
	}
	return texts
}

// helping lists those of the policies that help to close a gap.
func helping(policies []policy, g gap, place site) []policy {
	return slices.DeleteFunc(slices.Clone(policies), func(p policy) bool {
		return !slices.ContainsFunc(g.open, func(n need) bool { return p.grants(g.capability, n, place) })
	})
}
