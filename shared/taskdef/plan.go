package taskdef

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/pipeline"
	"ecsguardrails/shared/placeholder"
)

// Observation is all that the decision about a definition needs.
type Observation struct {
	// Skip is set where there is nothing to decide, and says why.
	Skip *finding.Finding
	// Late is set where a run of ours was cut off before it withdrew a revision.
	Late       *Withdrawal
	Definition *types.TaskDefinition
	Tags       []types.Tag
	Secrets    RegistrySecrets
	// UnknownFields are those that ECS described and the SDK does not know.
	UnknownFields []string
	// Named are the secrets that containers name and that have no tag of ours, by
	// what they are called there.
	Named map[string]NamedSecret
	// KeyProblems says what is wrong with the keys of a secret's value, by its ARN.
	KeyProblems map[string]string
	// FilesGone says why an environment file does not exist, by its ARN.
	FilesGone map[string]string
	// ExecutionRole is nil where there is none, or nothing was asked about it.
	ExecutionRole *ExecutionRole
	// Usage is nil where services are not ours to move.
	Usage *Usage
	// Superseded is nil where old revisions are not ours to deregister.
	Superseded *Superseded
	// Unregistered is nil for a definition that ECS has registered.
	Unregistered *Unregistered
}

// Unregistered is what matters only for a definition in a file, with what people
// leave open there.
type Unregistered struct {
	// Place says where the definition is going to be registered.
	Place Place
	// ContainersOnly says that the file has the containers, and somebody else the
	// rest.
	ContainersOnly bool
	// accountUnknown says that it may be for another account than the one that was
	// looked at, secretsUnknown that the account's secrets were not looked at.
	accountUnknown, secretsUnknown bool
}

// judgement is a definition on its way through the rules.
type judgement struct {
	Settings
	Observation
	findings []finding.Finding
	// edits end the findings of the same places in cured.
	edits []Edit
	cured []int
	// attachments end the findings of the places that are listed with them.
	attachments map[Attachment][]int
	// blocked is set where ECS or its owner would not have a new revision.
	blocked bool
}

// rules judge a definition one thing at a time.
// The last ones judge the patch that the others have made so far.
var rules = []func(*judgement){
	(*judgement).names,
	(*judgement).imageCredentials,
	(*judgement).credentials,
	(*judgement).secretKeys,
	(*judgement).environmentFiles,
	(*judgement).windows,
	(*judgement).executionRole,
	(*judgement).registrable,
	(*judgement).executionRoleAccess,
}

// Plan decides about a definition: what is wrong with it, and the one new
// revision that ends as much of it as can be ended by us.
func (s Settings) Plan(observed Observation) pipeline.Plan[Action] {
	if late := observed.Late; late != nil {
		plan := pipeline.Plan[Action]{Findings: []finding.Finding{{
			Code: "late-revision", Severity: finding.Warning,
			Message: fmt.Sprintf("%s was made from an older revision than %s, and has taken its place as the family's latest", late.Late, late.First),
			Fix:     "deregister " + late.Late,
		}}}
		plan.Do(*late, 0)
		return plan
	}
	if observed.Skip != nil {
		if observed.Usage == nil {
			return pipeline.Plan[Action]{Skip: observed.Skip}
		}
		// The latest revision was observed, and gets its cures when it is asked for.
		var plan pipeline.Plan[Action]
		j := s.run(observed)
		s.moves(observed.Usage, &Successor{ARN: observed.Usage.Successor}, slices.ContainsFunc(j.findings, isError), j.requirement(), &plan)
		return plan
	}
	j := s.run(observed)
	plan := pipeline.Plan[Action]{Findings: j.findings}
	// The role first, so that the new revision can start at once.
	for _, attachment := range slices.SortedFunc(maps.Keys(j.attachments), func(a, b Attachment) int { return j.attachments[a][0] - j.attachments[b][0] }) {
		plan.Do(attachment, j.attachments[attachment]...)
	}
	to := &Successor{}
	if j.registers() {
		registration := register(observed, j.edits)
		plan.Do(registration, j.cured...)
		to = registration.Made
	} else if observed.Usage != nil {
		to.ARN = observed.Usage.Successor
	}
	unfit := slices.ContainsFunc(plan.Findings, func(f finding.Finding) bool { return isError(f) && !f.Cured })
	s.moves(observed.Usage, to, unfit, j.requirement(), &plan)
	retirements(observed.Superseded, &plan)
	return plan
}

func isError(f finding.Finding) bool { return f.Severity == finding.Error }

// registers reports whether there is going to be a new revision.
func (j *judgement) registers() bool { return len(j.edits) > 0 && !j.blocked }

// run takes a definition through the rules.
func (s Settings) run(observed Observation) *judgement {
	j := &judgement{Settings: s, Observation: observed, attachments: map[Attachment][]int{}}
	for _, rule := range rules {
		rule(j)
	}
	return j
}

// leftOpen reports whether a text is to be filled in later, in a file.
func (j *judgement) leftOpen(text string) bool { return j.Unregistered != nil && placeholder.In(text) }

// report adds a finding.
func (j *judgement) report(code string, severity finding.Severity, message, fix string) {
	j.findings = append(j.findings, finding.Finding{Code: code, Severity: severity, Message: message, Fix: fix})
}

// cure adds a finding that a change of the definition ends.
func (j *judgement) cure(edit Edit, code string, severity finding.Severity, message, fix string) {
	j.edits = append(j.edits, edit)
	j.cured = append(j.cured, len(j.findings))
	j.report(code, severity, message, fix)
}

// attach adds a finding that a policy of the stack's ends, attached to a role.
func (j *judgement) attach(role, policy, code string, severity finding.Severity, message, fix string) {
	attachment := Attachment{Role: role, Policy: policy}
	j.attachments[attachment] = append(j.attachments[attachment], len(j.findings))
	j.report(code, severity, message, fix)
}

// block adds an error that keeps a new revision from being registered.
func (j *judgement) block(code, message, fix string) {
	j.blocked = true
	j.report(code, finding.Error, message, fix)
}

// containerName names a container in messages, also where it has no name.
func (j *judgement) containerName(i int) string {
	if name := aws.ToString(j.Definition.ContainerDefinitions[i].Name); name != "" {
		return fmt.Sprintf("container %q", finding.Shortened(name))
	}
	return fmt.Sprintf("container number %d", i+1)
}
