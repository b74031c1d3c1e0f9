package taskdef

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/placeholder"
	"github.com/ecs-guardrails/ecs-guardrails/shared/policysimulation"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secretshape"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskuse"
)

// Observation is what was read for the decision about a definition.
type Observation struct {
	// Asked is the revision that an event or a person named; nil for a file.
	Asked *Revision
	// Latest is the family's latest active revision, nil where it has none.
	Latest *Described
	// Revisions are others that were described, by their names; nil for those that
	// do not exist.
	Revisions map[string]*Described
	// Between has the first active revision in a range of numbers, "" for none.
	Between map[aboutBetween]string
	// Older are the family's active revisions before the latest.
	Older     []*Described
	olderRead bool

	// Skip is set where there is nothing to decide, and says why.
	Skip *finding.Finding
	// Late is set where a run of ours was cut off before it withdrew a revision.
	Late *Withdrawal
	// follows says that the definition is one that we made earlier, and that only
	// what still runs the one before it matters.
	follows bool

	// Definition is the one that is judged.
	Definition *types.TaskDefinition
	Tags       []types.Tag
	// UnknownFields are those that ECS described and the SDK does not know.
	UnknownFields []string
	// Secrets are those with our tag.
	Secrets                   RegistrySecrets
	secretsRead, secretsFresh bool
	// Named are the secrets that the definition names and that have no tag of ours,
	// by what they are called there.
	Named map[string]NamedSecret
	// Keys are those of the values of tagged secrets, by the secrets' ARNs.
	Keys map[string]SecretKeys
	// Images says what registries let anyone, or a secret's user, pull.
	Images map[aboutImage]Pull
	// FilesGone says why an environment file does not exist, by its ARN.
	FilesGone map[string]string
	// ExecutionRole is nil where there is none, or nothing was asked about it.
	ExecutionRole *ExecutionRole
	// rolePolicies are the execution role's; nil where nothing depends on them.
	rolePolicies *RolePolicies
	// withoutOrganization is what IAM's simulator answers about what it refuses for
	// the organization's policies, without these.
	withoutOrganization policysimulation.Answers
	// Policies are secrets' resource policies, by the secrets' ARNs.
	Policies map[string]SecretPolicy
	// taskRoleLacks are those of the execution role's missing permissions that the
	// task role does not have either.
	taskRoleLacks []need
	taskRoleRead  bool
	// rights says whether who registered the definition could make our changes.
	rights map[aboutRight]policysimulation.Answer
	// Uses is what runs the revisions that are left.
	Uses *taskuse.Uses
	// Instances are the instances of clusters, by the clusters' ARNs.
	Instances map[string][]Instance
	// Unregistered is nil for a definition that ECS has registered.
	Unregistered *Unregistered

	// region is the function's, now the time of the look; registries says that
	// registries can be asked.
	region     string
	now        time.Time
	registries bool
}

// Unregistered is what matters only for a definition in a file, with what people
// leave open there.
type Unregistered struct {
	// Place says where the definition is going to be registered.
	Place Place
	// ContainersOnly says that the file has the containers, and somebody else the
	// rest.
	ContainersOnly bool
	// NeedsFamily says that the file is what ECS registers, with nothing that names
	// the family otherwise.
	NeedsFamily bool
	// LogsIn says how such a file has credentials for registries, where
	// repositoryCredentials is not the way; "" where it is. HasLogin says that it
	// has some.
	LogsIn   string
	HasLogin bool
	// LeftOut are the fields whose values could not be read, such as
	// "containerDefinitions[0].memory".
	LeftOut []string
	// accountUnknown says that it may be for another account than the one that is
	// looked at, looksAtAccount that one is looked at.
	accountUnknown, looksAtAccount bool
}

// judgement is a definition on its way through the rules.
type judgement struct {
	Settings
	Observation
	findings []finding.Finding
	// edits end the findings of the same places in cured.
	edits []Edit
	cured []int
	// first are the changes besides the new revision: they are made before it, so
	// that it can start at once. ends are the findings that each of them ends.
	first []Action
	ends  [][]int
	// withheld are changes to which nothing entitles the function, withheldEnds the
	// findings that each of them would end.
	withheld     []Action
	withheldEnds [][]int
	// unusable are secrets that would have been given, but hold no credential.
	unusable []string
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
	(*judgement).secretReferences,
	(*judgement).environmentFiles,
	(*judgement).windows,
	(*judgement).registration,
	(*judgement).executionRole,
	(*judgement).registrable,
	(*judgement).executionRoleAccess,
}

// Plan decides about a definition: what is wrong with it, and the one new
// revision that ends as much of it as can be ended by us.
func (s Settings) Plan(observed Observation) pipeline.Plan[Action] {
	observed, _ = s.choose(observed)
	switch {
	case observed.Late != nil:
		late := observed.Late
		plan := pipeline.Plan[Action]{Findings: []finding.Finding{
			madeTooLate.With(finding.Name("late", late.Late), finding.Name("first", late.First), finding.Argument("argument", late.Late)),
		}}
		plan.Do(*late, 0)
		return plan
	case observed.Skip != nil:
		return s.follow(observed)
	}
	if why := s.whyIgnored(observed); why != nil {
		return pipeline.Plan[Action]{Skip: why}
	}
	j := s.run(observed)
	plan := pipeline.Plan[Action]{Findings: j.findings}
	for i, action := range j.first {
		plan.Do(action, j.ends[i]...)
	}
	for i, action := range j.withheld {
		plan.Withhold(action, j.withheldEnds[i]...)
	}
	usage, _ := j.usage()
	to := &Successor{}
	if j.registers() {
		registration := j.register()
		plan.Do(registration, j.cured...)
		to = registration.Made
	} else if usage != nil {
		to.ARN = usage.Successor
	}
	unfit := slices.ContainsFunc(plan.Findings, func(f finding.Finding) bool { return isError(f) && !f.Cured })
	j.moves(usage, to, unfit, &plan)
	j.retirements(&plan)
	return plan
}

// follow answers a revision that isn't the latest any more: the latest gets its
// cures when it is asked for, and what still runs this one may follow.
func (s Settings) follow(observed Observation) pipeline.Plan[Action] {
	skipped := pipeline.Plan[Action]{Skip: observed.Skip}
	if !observed.follows {
		return skipped
	}
	j := s.run(observed)
	usage, _ := j.usage()
	if usage == nil || usage.settled() {
		return skipped
	}
	var plan pipeline.Plan[Action]
	j.moves(usage, &Successor{ARN: usage.Successor}, slices.ContainsFunc(j.findings, isError), &plan)
	return plan
}

func isError(f finding.Finding) bool { return f.Severity == finding.Error }

// registers reports whether there is going to be a new revision.
func (j *judgement) registers() bool { return len(j.edits) > 0 && !j.blocked }

// run takes a definition through the rules.
func (s Settings) run(observed Observation) *judgement {
	j := &judgement{Settings: s, Observation: observed}
	for _, rule := range rules {
		rule(j)
	}
	return j
}

// leftOpen reports whether a text should be filled in later, in a file.
func (j *judgement) leftOpen(text string) bool {
	return j.Unregistered != nil && (placeholder.In(text) || isOpenARN(text))
}

// isOpenARN recognizes an ARN with a word in the place of the account's number, as
// documentation has it.
func isOpenARN(text string) bool {
	parts := strings.SplitN(text, ":", 6)
	return len(parts) == 6 && parts[0] == "arn" && parts[4] != "aws" && strings.ContainsFunc(parts[4], unicode.IsLetter)
}

// report adds a finding.
func (j *judgement) report(f finding.Finding) { j.findings = append(j.findings, f) }

// cure adds a finding that a change of the definition ends.
func (j *judgement) cure(edit Edit, f finding.Finding) {
	j.edits = append(j.edits, edit)
	j.cured = append(j.cured, len(j.findings))
	j.report(f)
}

// doFirst adds a finding that a change of something else ends.
func (j *judgement) doFirst(action Action, f finding.Finding) {
	index := slices.Index(j.first, action)
	if index < 0 {
		index = len(j.first)
		j.first, j.ends = append(j.first, action), append(j.ends, nil)
	}
	j.ends[index] = append(j.ends[index], len(j.findings))
	j.report(f)
}

// block adds an error that keeps a new revision from being registered.
func (j *judgement) block(f finding.Finding) {
	j.blocked = true
	j.report(f)
}

// containerName names a container in messages, also where it has no name.
func (j *judgement) containerName(i int) string {
	if name := aws.ToString(j.Definition.ContainerDefinitions[i].Name); nameForm.MatchString(name) && !secretshape.IsMisplaced(name) {
		return fmt.Sprintf("container %q", finding.Shortened(name))
	}
	return fmt.Sprintf("container number %d", i+1)
}

// in makes a finding about a container, whose name it gives the template.
func (j *judgement) in(i int, template finding.Template, values ...finding.Value) finding.Finding {
	f := template.With(append([]finding.Value{finding.Words("container", j.containerName(i))}, values...)...)
	f.Place.Container = i + 1
	return f
}

// inField is in for a finding about a field of the container.
func (j *judgement) inField(i int, field string, template finding.Template, values ...finding.Value) finding.Finding {
	return j.inItem(i, field, "", "", template, values...)
}

// inItem is in for a finding about the item of a list of the container's, the one whose
// field key is item.
func (j *judgement) inItem(i int, field, key, item string, template finding.Template, values ...finding.Value) finding.Finding {
	f := j.in(i, template, values...)
	f.Place.Field, f.Place.Key, f.Place.Item = field, key, item
	return f
}

// registrant is who registered the definition, as far as is known.
func (o Observation) registrant() event.Actor {
	actor := registrantOf(o.Definition)
	if o.Asked != nil && (o.Asked.Registrant != event.Actor{}) {
		registered := o.Asked.Registrant
		if strings.HasSuffix(aws.ToString(o.Definition.TaskDefinitionArn), "/"+o.Asked.String()) {
			actor = registered
		}
	}
	return actor
}
