package taskdef

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/optout"
	"github.com/ecs-guardrails/ecs-guardrails/shared/owner"
	"github.com/ecs-guardrails/ecs-guardrails/shared/policysimulation"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secretshape"
)

// executionRoleAfter is the execution role once the edits are made, or "".
func (j *judgement) executionRoleAfter() string {
	for _, edit := range j.edits {
		if edit.Field == ExecutionRoleARN {
			return edit.Value
		}
	}
	return aws.ToString(j.Definition.ExecutionRoleArn)
}

// denial is a need that the role may not meet.
type denial struct {
	need need
	// final says that no policy of ours would change it: a policy denies it, or a
	// boundary or an organization does not allow it.
	final bool
	// unknown says that it can't be known before a task starts, and keys are the
	// context keys on which it depends: those of a VPC endpoint, say.
	unknown bool
	keys    []string
	// byResource says that the secret's resource policy decides, too.
	byResource bool
	// organization says that a policy of the organization refuses it, under
	// conditions that the simulator doesn't tell; boundary, that the role's does.
	organization, boundary bool
}

// roleDenials lists what the execution role may not do, as far as its own policies
// and those of the secrets tell.
func (j *judgement) roleDenials() []denial {
	if j.ExecutionRole == nil {
		return nil
	}
	var denials []denial
	for _, unmet := range j.ExecutionRole.unmet {
		d, denied := j.denialOf(unmet)
		if !denied {
			continue
		}
		if policy, read := j.Policies[d.need.secretARN()]; read && !d.final {
			granted, unknown := policy.grants(d.need.secretARN(), j.ExecutionRole.ARN)
			// A secret's policy does not widen what a boundary or an organization allows.
			if granted && !d.organization && !d.boundary {
				continue
			}
			if unknown {
				d.unknown, d.byResource = true, true
			}
		}
		denials = append(denials, d)
	}
	return denials
}

// denialOf judges one need from the statements that match it. Where the role's
// policies can't be read, what the simulator wasn't told leaves it open.
func (j *judgement) denialOf(unmet unmetNeed) (denial, bool) {
	var documents *policysimulation.Policies
	if j.rolePolicies != nil {
		documents = j.rolePolicies.documents
	}
	known := unmet.told.Whole("aws:PrincipalTag/")
	for key, value := range j.ExecutionRole.Tags {
		known = known.With("aws:PrincipalTag/"+key, value)
	}
	if unmet.need.secret != nil && unmet.need.action == getSecretValue {
		known = known.Whole("aws:ResourceTag/").Whole("secretsmanager:ResourceTag/")
	}
	judged := policysimulation.JudgeApart(unmet.answer, unmet.question(), j.withoutOrganization, documents, known)
	d := denial{need: unmet.need, boundary: judged.Boundary, organization: judged.Organization}
	switch {
	case judged.Verdict == policysimulation.Allowed:
		return denial{}, false
	case judged.Verdict == policysimulation.Denied:
		d.final = true
	case judged.Verdict == policysimulation.Unknown:
		d.unknown, d.keys = true, judged.Keys
	case documents == nil && unmet.undecided():
		d.unknown, d.keys = true, unmet.need.undecided(unmet.answer.MissingKeys)
	}
	return d, true
}

// rolePoliciesQuestion asks for the role's policies, where the simulator's answer
// may depend on a key that it wasn't told.
func (j *judgement) rolePoliciesQuestion() (aboutRolePolicies, bool) {
	if j.ExecutionRole == nil || j.rolePolicies != nil || !slices.ContainsFunc(j.ExecutionRole.unmet, unmetNeed.undecided) {
		return aboutRolePolicies{}, false
	}
	return aboutRolePolicies{j.ExecutionRole.Name, j.ExecutionRole.Boundary}, true
}

// organizationQuestion asks again about what the organization's policies refuse.
func (j *judgement) organizationQuestion() (aboutWithoutOrganization, bool) {
	if j.ExecutionRole == nil || j.withoutOrganization != nil {
		return aboutWithoutOrganization{}, false
	}
	var refused []need
	for _, unmet := range j.ExecutionRole.unmet {
		if unmet.answer.Organization {
			refused = append(refused, unmet.need)
		}
	}
	return aboutWithoutOrganization{j.place(), j.ExecutionRole.ARN, refused}, len(refused) > 0
}

// taskRoleQuestion asks about the task role, where the execution role lacks
// something that only a person can give it: the two are often taken for each other.
func (j *judgement) taskRoleQuestion() (aboutTaskRole, bool) {
	taskRole, denials := aws.ToString(j.Definition.TaskRoleArn), j.roleDenials()
	curable := !slices.ContainsFunc(denials, func(d denial) bool { return d.final || d.need.cure == byOwner || !bool(j.CureExecutionRoles) })
	if len(denials) == 0 || curable || taskRole == j.ExecutionRole.ARN || !strings.HasPrefix(taskRole, "arn:") {
		return aboutTaskRole{}, false
	}
	needs := make([]need, len(denials))
	for i, d := range denials {
		needs[i] = d.need
	}
	return aboutTaskRole{j.place(), taskRole, needs}, true
}

// executionRoleAccess judges what was found out about the execution role.
func (j *judgement) executionRoleAccess() {
	role := j.ExecutionRole
	if role == nil {
		return
	}
	shown := finding.Words("role", shownRole(role.ARN))
	switch {
	case role.Gone && j.Unregistered != nil && j.Unregistered.accountUnknown:
		j.report(roleGoneThere.With(shown))
		return
	case role.Gone:
		j.report(roleGone.With(shown))
		return
	case role.Unchecked != "":
		j.report(roleUnchecked.With(shown, finding.Clause("why", role.Unchecked)))
		return
	case !trustsTasks(role.Trust):
		// What it may do otherwise matters once ECS can act under it.
		j.report(roleUntrusting.With(shown))
	}
	denials := j.roleDenials()
	for _, code := range []string{"execution-role-secret", "execution-role-key", "execution-role-environment-file", "execution-role-logs", "execution-role-ecr"} {
		var denied, undecided []denial
		for _, d := range denials {
			if d.need.code != code {
				continue
			}
			if d.unknown || d.organization && !d.final {
				undecided = append(undecided, d)
			}
			if !d.unknown {
				denied = append(denied, d)
			}
		}
		for _, together := range j.byRemedy(denied) {
			j.roleLacks(code, together)
		}
		if len(undecided) > 0 {
			j.roleMayLack(code, undecided)
		}
	}
}

// byRemedy parts what one change gives each from what only the role's owner can
// give.
func (j *judgement) byRemedy(denied []denial) (groups [][]denial) {
	places := map[remedy]int{}
	for _, d := range denied {
		proposed := j.remedy(d.need, d.final)
		if _, known := places[proposed]; !known {
			places[proposed] = len(groups)
			groups = append(groups, nil)
		}
		groups[places[proposed]] = append(groups[places[proposed]], d)
	}
	return groups
}

// roleMayLack answers the permissions of one kind that a condition decides when
// a task starts. Nothing is given: the condition is there on purpose.
func (j *judgement) roleMayLack(code string, undecided []denial) {
	var purposes, permissions, keys []string
	organization, byResource := false, false
	for _, d := range undecided {
		purposes = append(purposes, d.need.purpose)
		permissions = append(permissions, d.need.permission())
		keys = append(keys, d.keys...)
		organization, byResource = organization || d.organization, byResource || d.byResource
	}
	slices.Sort(keys)
	var deciding []string
	if len(keys) > 0 {
		deciding = append(deciding, finding.ShownKeys(keys))
	}
	if byResource {
		deciding = append(deciding, "those of the secret's resource policy")
	}
	var reasons []string
	if len(deciding) > 0 {
		reasons = append(reasons, fmt.Sprintf("policies depend on %s, which only the call itself has", strings.Join(deciding, ", ")))
	}
	if organization {
		// It knows neither the statements of service control policies nor their
		// conditions.
		reasons = append(reasons, "a policy of the organization refuses it, maybe only under conditions that IAM's simulator doesn't show")
	}
	j.report(cannotTellOf[code].With(finding.Words("role", shownRole(j.ExecutionRole.ARN)), finding.Words("purposes", strings.Join(distinct(purposes), ", and ")),
		finding.Clause("reasons", strings.Join(reasons, ", and ")), finding.Words("permissions", strings.Join(permissions, ", "))))
}

// distinct gives each text once, in the order in which they came.
func distinct(texts []string) []string {
	var kept []string
	for _, text := range texts {
		if !slices.Contains(kept, text) {
			kept = append(kept, text)
		}
	}
	return kept
}

// roleLacks answers permissions of one kind that the role lacks and that have one
// cure.
func (j *judgement) roleLacks(code string, denied []denial) {
	role := j.ExecutionRole
	var purposes, permissions, statements []string
	final, taskRole := false, j.taskRoleRead
	for _, d := range denied {
		purposes = append(purposes, d.need.purpose)
		permissions = append(permissions, d.need.permission())
		statements = append(statements, d.need.statement())
		final = final || d.final
		taskRole = taskRole && !slices.ContainsFunc(j.taskRoleLacks, func(n need) bool {
			return n.action == d.need.action && n.resource == d.need.resource
		})
	}
	f := mayNotDo[code].With(finding.Words("role", shownRole(role.ARN)), finding.Words("purposes", strings.Join(distinct(purposes), ", nor ")),
		finding.Words("permissions", strings.Join(permissions, ", ")), finding.Words("statements", strings.Join(statements, ", ")))
	if final {
		f = f.Also(deniedByPolicy)
	}
	if taskRole {
		f = f.Also(taskRoleMay, finding.Words("role", shownRole(aws.ToString(j.Definition.TaskRoleArn))))
	}
	if code == keyPolicyMay.Code {
		// The simulation can't see a key's own policy.
		f = f.Also(keyPolicyMay)
	}
	cure := j.remedy(denied[0].need, final)
	if cure.why != "" {
		f = f.Also(nothingChanged, finding.Clause("why", cure.why))
	}
	switch {
	case cure.action == nil:
		if cure.why != "" && denied[0].need.cure == byManagedPolicy {
			f.Fix = j.roleOwner().AttachmentPatch(role.Name, j.managedPolicy())
		}
		j.report(f)
	case cure.refused:
		j.withhold(cure.action, f)
	default:
		j.doFirst(cure.action, f)
	}
}

// withhold adds a finding that a change would end to which nothing entitles the
// function, and, once for each change, what allows it.
func (j *judgement) withhold(action Action, f finding.Finding) {
	index := slices.Index(j.withheld, action)
	if index >= 0 {
		j.withheldEnds[index] = append(j.withheldEnds[index], len(j.findings))
		j.report(f)
		return
	}
	j.withheld, j.withheldEnds = append(j.withheld, action), append(j.withheldEnds, []int{len(j.findings)})
	j.report(f)
	who := "who caused this look"
	if source := j.Asked.Registrant.PolicySource(); source != "" {
		who = shownRole(source)
	}
	var change, command string
	switch typed := action.(type) {
	case Attachment:
		change = fmt.Sprintf("attach %s to the execution role %s", typed.Policy, shownRole(typed.Role))
		command = fmt.Sprintf("aws iam attach-role-policy --role-name %s --policy-arn %s", j.ExecutionRole.Name, typed.Policy)
	case Grant:
		change = fmt.Sprintf("let the execution role %s read the secret %s", shownRole(typed.Role), typed.Secret)
		command = fmt.Sprintf("aws secretsmanager put-resource-policy --block-public-policy, with a statement that allows %s to the role", getSecretValue)
	}
	j.findings = append(j.findings, finding.NoMandate(change,
		fmt.Sprintf("the parameter RequireActorRight is yes, and %s may not do so.", who),
		fmt.Sprintf(`Run, as a principal that may: %s. Or invoke the function with {"taskDefinition": "%s"}.`, command, aws.ToString(j.Definition.Family))))
}

// managedPolicy is AWS's own for execution roles: it allows them to pull from
// Amazon ECR and to write logs, and stays when the stack goes.
func (j *judgement) managedPolicy() string {
	return "arn:" + j.place().Partition + ":iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

// roleOwner is the tool that manages the execution role.
func (j *judgement) roleOwner() owner.Owner {
	return owner.Recognize(owner.Evidence{Tags: j.ExecutionRole.Tags})
}

// remedy is the change that lets a role do something.
type remedy struct {
	// action is nil where the change is none of ours, and why says why it isn't; ""
	// where there is nothing to say.
	action Action
	why    string
	// refused says that who caused the look has no right to make the change.
	refused bool
}

// remedy gives the change that lets the role do something.
func (j *judgement) remedy(required need, final bool) remedy {
	action, why := j.roleCure(required, final)
	isRight := func(q aboutRight) bool {
		answer, read := j.rights[q]
		return read && answer.Allowed()
	}
	return remedy{action, why, j.needsRight(action) && !slices.ContainsFunc(j.rightsFor(action, required), isRight)}
}

// needsRight reports whether a change takes the right of who caused it.
func (j *judgement) needsRight(action Action) bool {
	return action != nil && bool(j.RequireActorRight) && j.Asked != nil && !j.Asked.ByHand
}

// rightsFor are the rights of which one entitles who registered the definition to a
// change: to attach the policy itself; to read the secret, or to let others read it.
func (j *judgement) rightsFor(action Action, required need) []aboutRight {
	if !j.needsRight(action) {
		return nil
	}
	source := j.Asked.Registrant.PolicySource()
	if source == "" {
		return nil
	}
	asked := aboutRight{place: j.place(), source: source, address: j.Asked.Registrant.SourceAddress}
	switch change := action.(type) {
	case Attachment:
		asked.action, asked.resource, asked.policy = "iam:AttachRolePolicy", change.Role, change.Policy
		asked.boundary, asked.tags = j.ExecutionRole.Boundary, tagsText(j.ExecutionRole.Tags)
		return []aboutRight{asked}
	case Grant:
		asked.resource, asked.tags = change.Secret, tagsText(required.secret.Tags)
		reads, opens := asked, asked
		reads.action, opens.action = getSecretValue, "secretsmanager:PutResourcePolicy"
		return []aboutRight{reads, opens}
	default:
		return nil
	}
}

// roleCure is remedy without the right of who caused the look: the change, or nil
// and why it is none of ours.
func (j *judgement) roleCure(required need, final bool) (Action, string) {
	role := j.ExecutionRole
	switch {
	case required.cure == byOwner, final, !bool(j.CureExecutionRoles), slices.Contains(j.OwnRoles, role.ARN):
		return nil, ""
	case optout.Asked(role.Tags) || optout.ServiceLinked(role.Path, role.Name) || optout.IdentityCenter(role.Path, role.Name):
		return nil, ""
	case !trustsTasks(role.Trust):
		return nil, ""
	case !trustsTasksAlone(role.Trust):
		return nil, "others than ecs-tasks.amazonaws.com may assume the role"
	}
	if required.cure == byManagedPolicy {
		if known := j.roleOwner(); known.IsKnown() && j.ChangeOwnedResources != All {
			return nil, fmt.Sprintf("%s manages the role", known)
		}
		return Attachment{Role: role.ARN, Policy: j.managedPolicy(), Mandate: finding.Mandate{Kind: finding.ByParameter, Text: "Allow=cure-execution-roles"}}, ""
	}
	policy := j.Policies[required.resource]
	if policy.Unread {
		return nil, "the secret's resource policy can't be read"
	}
	if _, err := withGrant(policy.Text, role.ARN); err != nil {
		return nil, fmt.Sprintf("the secret can't be opened to the role, because %v", err)
	}
	return Grant{Secret: required.resource, Role: role.ARN, Mandate: j.secretMandate(*required.secret)}, ""
}

// secretMandate is the word of a secret's owner that a family may use it.
func (j *judgement) secretMandate(secret RegistrySecret) finding.Mandate {
	text := fmt.Sprintf("%s=%s on the secret %s", TagRegistry, secret.Scope, finding.Shortened(secret.Name))
	if families, narrowed := secret.Tags[TagFamilies]; narrowed {
		text += fmt.Sprintf(", %s=%s", TagFamilies, finding.Shortened(secretshape.Mask(families)))
	}
	return finding.Mandate{Kind: finding.ByGiver, Text: text}
}
