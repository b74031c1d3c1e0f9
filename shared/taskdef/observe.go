package taskdef

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/sync/errgroup"

	"ecsguardrails/shared/awserror"
	"ecsguardrails/shared/event"
	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/revision"
	"ecsguardrails/shared/taskuse"
)

// TaskDefinitionReader is the part of ECS's client that observing needs.
type TaskDefinitionReader interface {
	ecs.ListTaskDefinitionsAPIClient
	DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error)
}

// Observer reads what the decision about a definition needs.
type Observer struct {
	Definitions TaskDefinitionReader
	// Uses is bounded here.
	Uses      taskuse.Reader
	Instances InstanceReader
	Secrets   *SecretList
	Named     *SecretObserver
	Roles     *RoleObserver
	Files     *FileObserver
	Settings  Settings
	// Region is where the clients look: a definition of another region is not
	// theirs.
	Region string
	// Account is that of the credentials, where they tell it: a file may be for
	// another one.
	Account string
	Now     func() time.Time
}

// Observe describes the definition and finds the secrets for its images.
//
// It describes the family, and so its latest active revision: one call tells
// what the definition is and whether it is still the latest. Only the latest is
// ever patched. A new revision becomes what "family" alone means to UpdateService,
// RunTask and schedules; made from an older one, it would take everybody back to
// what the older one had.
func (o Observer) Observe(ctx context.Context, asked Revision) (Observation, error) {
	if asked.Region != "" && asked.Region != o.Region {
		return skipped("other-region", fmt.Sprintf("the definition is in %s, and this function looks after %s", asked.Region, o.Region)), nil
	}
	var described *description
	var group errgroup.Group
	group.Go(func() (err error) {
		described, err = o.describe(ctx, asked.Family)
		return err
	})
	// Beside the description, so that a cold start is no deeper than a warm one;
	// a failure matters only if a secret is needed, and is met again then.
	group.Go(func() error {
		_, _ = o.Secrets.All(ctx, asked.Registered)
		return nil
	})
	if err := group.Wait(); err != nil {
		return Observation{}, err
	}
	latest := described
	described, stale, err := o.asAsked(ctx, asked, latest)
	if err != nil {
		return Observation{}, err
	}
	if stale != nil {
		late, err := o.late(ctx, asked, latest)
		if err != nil || late != nil || stale.Code != "superseded" {
			return Observation{Skip: stale, Late: late}, err
		}
		usage, err := o.unfinished(ctx, asked, latest)
		if err != nil || usage == nil {
			return Observation{Skip: stale}, err
		}
		observed := latest.observation()
		observed.Skip, observed.Usage = stale, usage
		return observed, o.complete(ctx, &observed)
	}
	observed := described.observation()
	if err := o.complete(ctx, &observed); err != nil {
		return observed, err
	}
	return observed, o.uses(ctx, &observed)
}

// complete reads what the definition, once it is known, makes necessary.
func (o Observer) complete(ctx context.Context, observed *Observation) (err error) {
	if wantsSecrets(observed.Definition) {
		if observed.Secrets, err = o.Secrets.All(ctx, aws.ToTime(observed.Definition.RegisteredAt)); err != nil {
			return err
		}
		if observed.Secrets.lacksOne(observed.Definition) {
			if observed.Secrets, err = o.Secrets.Afresh(ctx); err != nil {
				return err
			}
		}
	}
	// What the plan is going to be says which secrets will be read, and what the
	// role will have to do.
	j := o.Settings.run(*observed)
	if err := o.named(ctx, j, observed); err != nil {
		return err
	}
	j = o.Settings.run(*observed)
	group, beside := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		observed.ExecutionRole, err = o.executionRole(beside, j)
		return err
	})
	files := map[string]string{}
	group.Go(func() error {
		for _, container := range observed.Definition.ContainerDefinitions {
			for _, file := range container.EnvironmentFiles {
				if value := aws.ToString(file.Value); environmentFileProblem(file) == "" && !j.leftOpen(value) {
					files[value] = ""
				}
			}
		}
		return fill(beside, files, o.Files.gone)
	})
	if err := group.Wait(); err != nil {
		return err
	}
	observed.FilesGone = files
	return o.keys(ctx, j, observed)
}

// executionRole finds out about the execution role, where it has something to do.
func (o Observer) executionRole(ctx context.Context, j *judgement) (*ExecutionRole, error) {
	role, needs := j.place().role(j.executionRoleAfter()), j.roleNeeds()
	if role == "" || j.leftOpen(role) || len(needs) == 0 || j.place().Account == "" {
		return nil, nil
	}
	found, err := o.Roles.observe(ctx, j.place(), role, aws.ToString(j.Definition.TaskRoleArn), needs, o.Named.describe)
	return &found, err
}

// named describes the secrets that containers name and keep, unless they have
// our tag: those are known. Another region's are out of reach.
func (o Observer) named(ctx context.Context, j *judgement, observed *Observation) error {
	wanted := map[string]NamedSecret{}
	for i := range observed.Definition.ContainerDefinitions {
		credential := j.credentialAfter(i)
		if credential == "" || j.leftOpen(credential) {
			continue
		}
		name, err := ParseCredential(credential)
		tagged := slices.ContainsFunc(observed.Secrets, func(s RegistrySecret) bool { return s.isNamedBy(credential) })
		elsewhere := name.Region != "" && name.Region != o.Region || name.Account != "" && name.Account != j.place().Account
		if err == nil && !tagged && !elsewhere {
			wanted[credential] = NamedSecret{}
		}
	}
	observed.Named = wanted
	return fill(ctx, wanted, o.Named.describe)
}

// fill asks for each key's value, side by side.
func fill[V any](ctx context.Context, values map[string]V, ask func(context.Context, string) (V, error)) error {
	var mutex sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	for _, key := range slices.Collect(maps.Keys(values)) {
		group.Go(func() error {
			value, err := ask(ctx, key)
			mutex.Lock()
			defer mutex.Unlock()
			values[key] = value
			return err
		})
	}
	return group.Wait()
}

// keys looks at the keys of the tagged secrets that will be read, where the role
// may read them: what stands in the way before has to be cured first. A secret
// without our tag is nothing that its owner lets us look into.
func (o Observer) keys(ctx context.Context, j *judgement, observed *Observation) error {
	if !bool(o.Settings.CheckSecretKeys) || observed.ExecutionRole != nil && len(observed.ExecutionRole.denied) > 0 {
		return nil
	}
	problems := map[string]string{}
	for i := range observed.Definition.ContainerDefinitions {
		secret := j.secretOf(j.credentialAfter(i))
		if secret == nil || secret.Deleted {
			continue
		}
		if _, tagged := secret.Tags[TagRegistry]; tagged {
			problems[secret.ARN] = ""
		}
	}
	observed.KeyProblems = problems
	return fill(ctx, problems, o.Named.keysProblem)
}

// asAsked gives the asked revision, if it is the family's latest active one, or
// says why it needs no look.
func (o Observer) asAsked(ctx context.Context, asked Revision, latest *description) (*description, *finding.Finding, error) {
	described := latest
	if described == nil || asked.Number > described.TaskDefinition.Revision {
		if asked.Number == 0 {
			return nil, stale("gone", fmt.Sprintf("the family %s has no active revision", asked.Family)), nil
		}
		// Deregistered, or younger than what ECS has told so far.
		var err error
		if described, err = o.describe(ctx, asked.String()); err != nil || described == nil {
			return nil, stale("gone", fmt.Sprintf("%s does not exist any more", asked)), err
		}
	}
	definition := described.TaskDefinition
	if asked.Account != "" && !strings.Contains(aws.ToString(definition.TaskDefinitionArn), ":"+asked.Account+":") {
		return nil, stale("other-account", fmt.Sprintf("the definition is in the account %s, and this function is not", asked.Account)), nil
	}
	if definition.Status != types.TaskDefinitionStatusActive && definition.Status != "" {
		return nil, stale("gone", fmt.Sprintf("%s:%d is %s: it was deregistered", asked.Family, definition.Revision, definition.Status)), nil
	}
	if asked.Number != 0 && asked.Number < definition.Revision {
		return nil, stale("superseded", fmt.Sprintf("%s is the family's latest revision by now; a new one made from %s would take its place",
			aws.ToString(definition.TaskDefinitionArn), asked)), nil
	}
	return described, nil, nil
}

// late finds a latest revision that we made, and would have withdrawn, had we
// not been cut off: another one came in between. The asked one is what it was
// made from, or what it has hidden since.
func (o Observer) late(ctx context.Context, asked Revision, latest *description) (*Withdrawal, error) {
	if latest == nil {
		return nil, nil
	}
	number := latest.TaskDefinition.Revision
	source, ours := o.ownSource(latest.TaskDefinition, latest.Tags)
	if !ours || number <= source.Number+1 || asked.Number < source.Number || asked.Number >= number {
		return nil, nil
	}
	first, err := between(ctx, o.Definitions, asked.Family, source.Number, number)
	if err != nil || first == "" {
		return nil, err
	}
	return &Withdrawal{Late: aws.ToString(latest.TaskDefinition.TaskDefinitionArn), First: first, Again: asked.Number != source.Number}, nil
}

// ownSource gives the revision that an active one of ours was made from. The tag
// alone would not do: people copy it along into revisions of their own.
func (o Observer) ownSource(definition *types.TaskDefinition, tags []types.Tag) (revision.Name, bool) {
	source, err := revision.Parse(tagOf(tags, TagPatchedFrom))
	return source, err == nil && definition.Status == types.TaskDefinitionStatusActive && source.Family == aws.ToString(definition.Family) &&
		source.Number > 0 && source.Number < definition.Revision && o.registeredByUs(definition)
}

// registeredByUs reports whether the stack registered a definition. ECS names
// the session: arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION.
func (o Observer) registeredByUs(definition *types.TaskDefinition) bool {
	session, err := arn.Parse(aws.ToString(definition.RegisteredBy))
	name, found := strings.CutPrefix(session.Resource, "assumed-role/")
	if err != nil || !found {
		return false
	}
	name, _, _ = strings.Cut(name, "/")
	role := arn.ARN{Partition: session.Partition, Service: "iam", AccountID: session.AccountID, Resource: "role/" + name}
	return event.Actor{RoleARN: role.String()}.IsAnyOf(o.Settings.OwnRoles)
}

// description is ECS's answer, decoded and as it came.
type description struct {
	*ecs.DescribeTaskDefinitionOutput
	body []byte
}

// observation is what the description tells.
func (d *description) observation() Observation {
	return Observation{Definition: d.TaskDefinition, Tags: d.Tags, UnknownFields: unknownFields(d.body)}
}

// describe gives nil where there is no such definition.
func (o Observer) describe(ctx context.Context, name string) (*description, error) {
	var body []byte
	output, err := o.Definitions.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{
		TaskDefinition: aws.String(name),
		Include:        []types.TaskDefinitionField{types.TaskDefinitionFieldTags},
	}, keepBody(&body))
	switch {
	case isUnknownDefinition(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("describe the task definition %s: %w", name, err)
	case output.TaskDefinition == nil:
		return nil, fmt.Errorf("describe the task definition %s: the answer has none", name)
	}
	return &description{output, body}, nil
}

// isUnknownDefinition recognises ECS's answer about what is not there, which
// has the code of every other mistake of a client's.
func isUnknownDefinition(err error) bool {
	return awserror.HasCode(err, "ClientException") && strings.Contains(err.Error(), "Unable to describe task definition")
}

func skipped(code, why string) Observation { return Observation{Skip: stale(code, why)} }

func stale(code, why string) *finding.Finding {
	return &finding.Finding{Code: code, Severity: finding.Info, Message: why}
}
