package taskdef

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/image"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskuse"
)

// Ask gives what has to be read next, in waves: which secrets there are; what the
// definition names; what its execution role can do; what the secrets' own
// policies grant, and what runs the revisions that are left.
func (s Settings) Ask(o Observation) []Question {
	o, open := s.choose(o)
	if len(open) > 0 || o.Definition == nil || o.Late != nil {
		return open
	}
	if o.Skip == nil && s.isIgnored(o) {
		return nil
	}
	j := s.run(o)
	if o.follows {
		// Without anything that still runs the older one, nothing else matters.
		if open := j.openUses(); len(open) > 0 {
			return open
		}
		if usage, _ := j.usage(); usage == nil || usage.settled() {
			return nil
		}
	}
	for _, wave := range []func() []Question{j.openSecrets, j.openReferences, j.openRole, j.openUses, j.openInstances} {
		if open := wave(); len(open) > 0 {
			return open
		}
	}
	return nil
}

// openSecrets asks for the tagged secrets, where one can matter.
func (j *judgement) openSecrets() []Question {
	switch {
	case !wantsSecrets(j.Definition) || j.Unregistered != nil && !j.Unregistered.looksAtAccount:
		return nil
	case !j.secretsRead:
		return []Question{aboutSecrets{registered: aws.ToTime(j.Definition.RegisteredAt), looked: j.now}}
	case !j.secretsFresh && j.lacksOne():
		return []Question{aboutSecrets{fresh: true}}
	}
	return nil
}

// openReferences asks for what the definition names: secrets, images and files.
func (j *judgement) openReferences() (open []Question) {
	for _, name := range j.secretNames() {
		if _, read := j.Named[name]; !read {
			open = append(open, aboutSecret{name})
		}
	}
	for _, question := range j.imageQuestions() {
		if _, read := j.Images[question]; !read {
			open = append(open, question)
		}
	}
	for _, secret := range j.keyedSecrets() {
		if _, read := j.Keys[secret]; !read {
			open = append(open, aboutKeys{secret})
		}
	}
	for i, container := range j.Definition.ContainerDefinitions {
		for _, file := range container.EnvironmentFiles {
			value := aws.ToString(file.Value)
			_, read := j.FilesGone[value]
			if _, wrong := j.environmentFileProblem(i, file); !read && !wrong && !j.leftOpen(value) {
				open = append(open, aboutFile{value})
			}
		}
	}
	// It depends on nothing else, and the uses depend on it.
	if bool(j.UpdateServices) && j.Unregistered == nil {
		_, between := j.madeFrom(j.Observation, &Described{Definition: j.Definition, Tags: j.Tags})
		open = append(open, between...)
	}
	if previous := j.previous(); previous != "" {
		if _, read := j.Revisions[previous]; !read {
			open = append(open, aboutRevision{previous})
		}
	}
	return distinctQuestions(open)
}

// distinctQuestions gives each question once; all of them are comparable.
func distinctQuestions(open []Question) (distinct []Question) {
	seen := map[Question]bool{}
	for _, question := range open {
		if !seen[question] {
			seen[question] = true
			distinct = append(distinct, question)
		}
	}
	return distinct
}

// maxNamedSecrets bounds how many secrets are described for one definition.
const maxNamedSecrets = 20

// secretNames lists the secrets that the definition names, patched, unless they
// have our tag: those are known. Another region's are out of reach.
func (j *judgement) secretNames() (names []string) {
	add := func(name string) {
		parsed, err := parseSecret(name)
		tagged := slices.ContainsFunc(j.Secrets, func(s RegistrySecret) bool { return s.isNamedBy(name) })
		place := j.place()
		elsewhere := parsed.Region != "" && parsed.Region != place.Region || parsed.Account != "" && parsed.Account != place.Account
		if err == nil && !tagged && !elsewhere && !j.leftOpen(name) && len(names) < maxNamedSecrets && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for i := range j.Definition.ContainerDefinitions {
		if credential := j.credentialAfter(i); credential != "" {
			add(credential)
		}
	}
	for _, reference := range j.references() {
		if reference.secret != "" {
			add(reference.secret)
		}
	}
	return names
}

// openRole asks about the execution role, where it has something to do, and beside
// it for the family's older revisions.
func (j *judgement) openRole() (open []Question) {
	role, needs := j.place().role(j.executionRoleAfter()), j.roleNeeds()
	if role != "" && !j.leftOpen(role) && len(needs) > 0 && j.place().Account != "" && j.ExecutionRole == nil {
		open = append(open, aboutRole{j.place(), role, needs})
	}
	_, older := j.old()
	return append(open, older...)
}

// openUses asks for the policies of secrets that the role can't read by its own
// policies, what the task role can do in its place, and what runs revisions that
// are left.
func (j *judgement) openUses() (open []Question) {
	for _, d := range j.roleDenials() {
		if secret := d.need.secretARN(); secret != "" {
			if _, read := j.Policies[secret]; !read {
				open = append(open, aboutPolicy{secret})
			}
		}
	}
	open = append(open, j.openRights()...)
	if question, wanted := j.rolePoliciesQuestion(); wanted {
		open = append(open, question)
	}
	if question, wanted := j.organizationQuestion(); wanted {
		open = append(open, question)
	}
	if question, wanted := j.taskRoleQuestion(); wanted && !j.taskRoleRead {
		open = append(open, question)
	}
	usage, more := j.usage()
	open = append(open, more...)
	old, more := j.old()
	open = append(open, more...)
	if len(more) > 0 || j.Uses != nil {
		return open
	}
	var revisions []string
	if usage != nil {
		revisions = append(revisions, usage.Revisions...)
		if usage.Successor != "" {
			revisions = append(revisions, usage.Successor)
		}
	}
	if revisions = append(revisions, old...); len(revisions) > 0 {
		open = append(open, aboutUses{aws.ToString(j.Definition.Family), revisions, len(old) > 0})
	}
	return open
}

// openRights asks whether who registered the definition could make the changes that
// give its execution role rights. Nothing is asked unless the parameter wants it,
// and it is asked beside the secrets' policies, before these tell whether a grant is
// needed at all: a wave more would cost each look more than a needless question.
func (j *judgement) openRights() (open []Question) {
	for _, d := range j.roleDenials() {
		action, _ := j.roleCure(d.need, d.final)
		for _, question := range j.rightsFor(action, d.need) {
			if _, read := j.rights[question]; !read {
				open = append(open, question)
			}
		}
	}
	return distinctQuestions(open)
}

// openInstances asks for the instances behind services that may be moved.
func (j *judgement) openInstances() (open []Question) {
	usage, _ := j.usage()
	if usage == nil || j.requirement() == nil && len(j.attributesAfter()) == 0 {
		return nil
	}
	var clusters []string
	for _, service := range usage.Services {
		if cluster := aws.ToString(service.ClusterArn); !onFargate(service) && !slices.Contains(clusters, cluster) {
			clusters = append(clusters, cluster)
		}
	}
	for _, cluster := range clusters {
		if _, read := j.Instances[cluster]; !read {
			open = append(open, aboutInstances{cluster})
		}
	}
	return open
}

// wantsSecrets reports whether a secret's tag can matter to the definition: not
// where every image lies in ECR and none has a credential.
func wantsSecrets(definition *types.TaskDefinition) bool {
	for _, container := range definition.ContainerDefinitions {
		reference, err := image.Parse(aws.ToString(container.Image))
		if err == nil && !isECR(reference) || credentialOf(container) != "" {
			return true
		}
	}
	return false
}

// lacksOne reports whether an image has neither a credential nor one single
// secret that serves it, so that a younger list of secrets might tell another.
func (j *judgement) lacksOne() bool {
	for _, container := range j.Definition.ContainerDefinitions {
		reference, err := image.Parse(aws.ToString(container.Image))
		if err == nil && !isECR(reference) && credentialOf(container) == "" && j.choice(container, reference).serving == nil {
			return true
		}
	}
	return false
}

// runsAny reports whether a service runs one of the revisions, or has it in a
// deployment.
func runsAny(service types.Service, revisions []string) bool {
	return slices.ContainsFunc(taskuse.Revisions(service), func(r string) bool { return slices.Contains(revisions, r) })
}

// old gives the revisions of ours that are older than the family's latest, once
// that one is old enough for no one to want back to them. Not while a new one is
// being made: then the latest is on its way to be one of them.
func (j *judgement) old() ([]string, []Question) {
	latest, keep := j.Definition, j.DeregisterSuperseded
	if !keep.Ends || j.Skip != nil || j.Unregistered != nil || latest.Status != types.TaskDefinitionStatusActive || j.registers() ||
		j.now.Sub(aws.ToTime(latest.RegisteredAt)) < time.Duration(keep.Days)*24*time.Hour {
		return nil, nil
	}
	if !j.olderRead {
		return nil, []Question{aboutOlder{aws.ToString(latest.Family), latest.Revision}}
	}
	var ours []string
	for _, described := range j.Older {
		if _, is := j.ownSource(described); is {
			ours = append(ours, aws.ToString(described.Definition.TaskDefinitionArn))
		}
	}
	return ours, nil
}

// usage says what runs a revision that should be left for another one: for the one
// that is going to be registered, or for the described one, where we made it
// earlier and did not get to all services. It is nil where services are not ours
// to move.
func (j *judgement) usage() (*Usage, []Question) {
	if !bool(j.UpdateServices) || j.Unregistered != nil {
		return nil, nil
	}
	definition := j.Definition
	usage := &Usage{Successor: aws.ToString(definition.TaskDefinitionArn), Since: aws.ToTime(definition.RegisteredAt)}
	source, open := j.madeFrom(j.Observation, &Described{Definition: definition, Tags: j.Tags})
	if len(open) > 0 {
		return nil, open
	}
	if source != "" {
		usage.Revisions = append(usage.Revisions, source)
	}
	if j.registers() && !j.follows {
		usage.Revisions = append(usage.Revisions, usage.Successor)
		usage.Successor = ""
	}
	if len(usage.Revisions) == 0 {
		return nil, nil
	}
	if j.Uses == nil {
		return usage, nil
	}
	usage.ServicesUnchecked, usage.SchedulesUnchecked = j.Uses.ServicesUnchecked, j.Uses.SchedulesUnchecked
	for _, service := range j.Uses.Services {
		switch {
		case taskuse.Runs(service, usage.Revisions):
			usage.Services = append(usage.Services, service)
		case usage.Successor != "" && taskuse.Runs(service, []string{usage.Successor}):
			usage.Moved = append(usage.Moved, service)
		}
	}
	for _, schedule := range j.Uses.Schedules {
		if named, err := parseFamily(schedule.TaskDefinition); err == nil && named == aws.ToString(definition.Family) {
			usage.Schedules = append(usage.Schedules, schedule)
		}
	}
	usage.Instances = j.Instances
	return usage, nil
}

// settled reports whether nothing is left of an older revision's use.
func (u *Usage) settled() bool {
	pinned := slices.ContainsFunc(u.Schedules, func(s taskuse.Schedule) bool { return pins(s, u.Revisions) })
	return len(u.Services) == 0 && !pinned && u.ServicesUnchecked == "" && u.SchedulesUnchecked == ""
}

// last gives what is after the last slash of an ARN.
func last(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
