package taskdef

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/sync/errgroup"

	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskuse"
)

// Question is one that a decision has about what was observed so far.
type Question interface {
	// read gets the answer, and what puts it into an observation. It decides
	// nothing.
	read(context.Context, Observer) (func(*Observation), error)
}

// Answer reads the answers to one wave of questions, side by side.
func (o Observer) Answer(ctx context.Context, observed Observation, questions []Question) (Observation, error) {
	var mutex sync.Mutex
	var answers []func(*Observation)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxSideBySide)
	for _, question := range questions {
		group.Go(func() error {
			answer, err := question.read(ctx, o)
			if err != nil {
				return err
			}
			mutex.Lock()
			defer mutex.Unlock()
			answers = append(answers, answer)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return observed, err
	}
	for _, answer := range answers {
		answer(&observed)
	}
	return observed, nil
}

// maxSideBySide bounds the questions of one wave that are under way at once.
const maxSideBySide = 10

// keep puts an answer into a map of an observation, which may be nil.
func keep[K comparable, V any](answers *map[K]V, key K, answer V) {
	if *answers == nil {
		*answers = map[K]V{}
	}
	(*answers)[key] = answer
}

// aboutRevision asks for a revision by its name.
type aboutRevision struct{ name string }

func (q aboutRevision) read(ctx context.Context, o Observer) (func(*Observation), error) {
	described, err := o.describe(ctx, q.name)
	return func(to *Observation) { keep(&to.Revisions, q.name, described) }, err
}

// aboutBetween asks for the first active revision of a family with a number
// above one and below another.
type aboutBetween struct {
	family       string
	above, below int32
}

func (q aboutBetween) read(ctx context.Context, o Observer) (func(*Observation), error) {
	first, err := between(ctx, o.Definitions, q.family, q.above, q.below)
	return func(to *Observation) { keep(&to.Between, q, first) }, err
}

// aboutOlder asks for the active revisions of a family before the latest.
type aboutOlder struct {
	family string
	latest int32
}

func (q aboutOlder) read(ctx context.Context, o Observer) (func(*Observation), error) {
	older, err := o.older(ctx, q.family, q.latest)
	return func(to *Observation) { to.Older, to.olderRead = older, true }, err
}

// aboutSecrets asks for the secrets that are tagged for registries.
type aboutSecrets struct {
	registered, looked time.Time
	// fresh says that a list of a moment ago is too old.
	fresh bool
}

func (q aboutSecrets) read(ctx context.Context, o Observer) (func(*Observation), error) {
	ask := func() (RegistrySecrets, error) { return o.Secrets.All(ctx, q.registered, q.looked) }
	if q.fresh {
		ask = func() (RegistrySecrets, error) { return o.Secrets.Afresh(ctx) }
	}
	secrets, err := ask()
	return func(to *Observation) {
		to.Secrets, to.secretsRead, to.secretsFresh = secrets, true, q.fresh
	}, err
}

// aboutSecret asks for a secret by its name or ARN.
type aboutSecret struct{ name string }

func (q aboutSecret) read(ctx context.Context, o Observer) (func(*Observation), error) {
	found, err := o.Named.describe(ctx, q.name)
	return func(to *Observation) { keep(&to.Named, q.name, found) }, err
}

// aboutKeys asks for the keys of a tagged secret's value.
type aboutKeys struct{ secret string }

func (q aboutKeys) read(ctx context.Context, o Observer) (func(*Observation), error) {
	keys, err := o.Named.keysOf(ctx, q.secret)
	return func(to *Observation) { keep(&to.Keys, q.secret, keys) }, err
}

// aboutFile asks whether an object exists, by its ARN.
type aboutFile struct{ arn string }

func (q aboutFile) read(ctx context.Context, o Observer) (func(*Observation), error) {
	gone, err := o.Files.gone(ctx, q.arn)
	return func(to *Observation) { keep(&to.FilesGone, q.arn, gone) }, err
}

// aboutImage asks a registry whether an image can be pulled: by anyone, or with
// the credential of a tagged secret.
type aboutImage struct {
	image string
	// secret is its ARN, "" for an anonymous pull.
	secret string
}

func (q aboutImage) read(ctx context.Context, o Observer) (func(*Observation), error) {
	answer, err := o.Images.pull(ctx, q, o.Named)
	return func(to *Observation) {
		keep(&to.Images, q, answer)
		if q.secret != "" {
			keep(&to.Keys, q.secret, answer.Keys)
		}
	}, err
}

// Pull is what a registry says of an image. Its Access is "" where it wasn't
// asked, since the secret couldn't be read or holds no credential.
type Pull struct {
	registry.Answer
	// Keys are those of the secret that was read for it.
	Keys SecretKeys
}

// aboutRole asks for an execution role, and what it can do.
type aboutRole struct {
	place Place
	arn   string
	needs []need
}

func (q aboutRole) read(ctx context.Context, o Observer) (func(*Observation), error) {
	role, err := o.Roles.observe(ctx, q.place, q.arn, q.needs)
	return func(to *Observation) { to.ExecutionRole = &role }, err
}

// aboutRolePolicies asks for the policies of an execution role.
type aboutRolePolicies struct{ name, boundary string }

func (q aboutRolePolicies) read(ctx context.Context, o Observer) (func(*Observation), error) {
	policies, err := o.Roles.policies(ctx, q.name, q.boundary)
	return func(to *Observation) { to.rolePolicies = &policies }, err
}

// aboutWithoutOrganization asks what an execution role could do if the
// organization had no policies.
type aboutWithoutOrganization struct {
	place Place
	arn   string
	needs []need
}

func (q aboutWithoutOrganization) read(ctx context.Context, o Observer) (func(*Observation), error) {
	answers, err := o.Roles.withoutOrganization(ctx, q.place, q.arn, q.needs)
	return func(to *Observation) { to.withoutOrganization = answers }, err
}

// aboutTaskRole asks what the task role can do of what the execution role lacks.
type aboutTaskRole struct {
	place Place
	arn   string
	needs []need
}

func (q aboutTaskRole) read(ctx context.Context, o Observer) (func(*Observation), error) {
	lacks, err := o.Roles.taskRoleLacks(ctx, q.place, q.arn, q.needs)
	return func(to *Observation) { to.taskRoleLacks, to.taskRoleRead = lacks, true }, err
}

// aboutRight asks whether a principal, a user or role by its ARN, may do something
// with a role or secret.
type aboutRight struct {
	place Place
	// address is where the principal called from.
	source, address, action, resource string
	// policy is the one that it would attach, "" for none; boundary is that of the
	// role, "" for none, and tags are the resource's, as tagsText writes them.
	policy, boundary, tags string
}

// tagsText writes tags as a text, so that questions can be compared.
func tagsText(tags map[string]string) string {
	text, _ := json.Marshal(tags) // A map of texts can always be written.
	return string(text)
}

func (q aboutRight) read(ctx context.Context, o Observer) (func(*Observation), error) {
	answer, err := o.Roles.right(ctx, q)
	return func(to *Observation) { keep(&to.rights, q, answer) }, err
}

// aboutPolicy asks for the resource policy of a secret.
type aboutPolicy struct{ secret string }

func (q aboutPolicy) read(ctx context.Context, o Observer) (func(*Observation), error) {
	policy, err := o.Named.policy(ctx, q.secret)
	return func(to *Observation) { keep(&to.Policies, q.secret, policy) }, err
}

// aboutUses asks what runs revisions of a family.
type aboutUses struct {
	family    string
	revisions []string
	// tasks says that tasks without a service count.
	tasks bool
}

func (q aboutUses) read(ctx context.Context, o Observer) (func(*Observation), error) {
	query := taskuse.Query{Keep: func(s types.Service) bool { return runsAny(s, q.revisions) }}
	if q.tasks {
		query.Family = q.family
	}
	uses, err := o.Uses.Read(ctx, query)
	return func(to *Observation) { to.Uses = &uses }, err
}

// aboutInstances asks for the instances of a cluster.
type aboutInstances struct{ cluster string }

func (q aboutInstances) read(ctx context.Context, o Observer) (func(*Observation), error) {
	instances, err := o.instances(ctx, q.cluster)
	return func(to *Observation) { keep(&to.Instances, q.cluster, instances) }, err
}
