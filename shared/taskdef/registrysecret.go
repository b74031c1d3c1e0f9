package taskdef

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/image"
	"github.com/ecs-guardrails/ecs-guardrails/shared/memory"
	"github.com/ecs-guardrails/ecs-guardrails/shared/optout"
	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
)

// TagRegistry is the tag of a secret that holds a registry's credential: the
// registry's host, or host and path.
const TagRegistry = "ecs-guardrails:registry"

// RegistrySecret is a secret that carries TagRegistry. Its value is never read.
type RegistrySecret struct {
	ARN, Name string
	Scope     image.Scope
	// TagProblem is set, and Scope is empty, where the tag names no registry.
	TagProblem string
	// KMSKey is "" for the account's default key.
	KMSKey string
	Tags   map[string]string
	// Created is zero where it is not known.
	Created time.Time
	// Deleted is set while the secret is scheduled for deletion.
	Deleted bool
}

// isNamedBy reports whether a credentialsParameter means this secret: by its
// ARN, by the ARN without the six characters that Secrets Manager adds, or by
// its name.
func (s RegistrySecret) isNamedBy(parameter string) bool {
	if parameter == s.ARN || parameter == s.Name {
		return true
	}
	if !strings.HasPrefix(s.ARN, "arn:") {
		// Of one that a person names by its name alone, no more is known.
		_, name, found := strings.Cut(parameter, ":secret:")
		return found && (name == s.Name || suffixed.MatchString(name) && name[:len(name)-len(anySuffix)] == s.Name)
	}
	before, found := strings.CutSuffix(parameter, ":"+s.Name)
	if found && strings.HasPrefix(s.ARN, before+":"+s.Name) {
		return true
	}
	// One that a person named without the six characters.
	rest, found := strings.CutPrefix(parameter, s.ARN)
	return found && strings.HasSuffix(s.ARN, ":"+s.Name) && suffixed.MatchString(rest) && len(rest) == len("-AbCdEf")
}

// NamedRegistrySecret gives a secret that a person names by its ARN, or by its
// name alone: which six characters end the ARN is not known for sure.
func NamedRegistrySecret(arn string, scope image.Scope) RegistrySecret {
	secret := RegistrySecret{ARN: arn, Name: arn, Scope: scope}
	if _, name, found := strings.Cut(arn, ":secret:"); found {
		secret.Name = name
		if suffixed.MatchString(name) {
			secret.Name = name[:len(name)-len("-AbCdEf")]
		}
	}
	return secret
}

// The other tags by which a registry secret's owner says what it is for.
const (
	// TagFamilies lists the families that the secret is for: names with * and ?,
	// with spaces between. Without it, it is for all.
	TagFamilies = "ecs-guardrails:families"
	// TagPublicImages, "yes", has public images pulled with the secret, too.
	TagPublicImages = "ecs-guardrails:public-images"
)

// isFor reports whether the secret's owner lets a family use it.
func (s RegistrySecret) isFor(family string) bool {
	if optout.Asked(s.Tags) {
		return false
	}
	families, narrowed := s.Tags[TagFamilies]
	return !narrowed || slices.ContainsFunc(strings.Fields(families), func(pattern string) bool { return settings.Patterns{pattern}.Matches(family) })
}

// wantsPublicImages reports whether public images are pulled with the secret.
func (s RegistrySecret) wantsPublicImages() bool {
	return strings.EqualFold(strings.TrimSpace(s.Tags[TagPublicImages]), "yes")
}

// RegistrySecrets are the tagged secrets of the account in this region.
type RegistrySecrets []RegistrySecret

// choice is which secret serves an image.
type choice struct {
	// serving is nil where none does, or several do equally well.
	serving *RegistrySecret
	// equals are several of which none comes first.
	equals RegistrySecrets
	// newcomers would take the place of the one that served the registry before, or
	// that is older.
	newcomers RegistrySecrets
	// proven says that the family's last revision was pulled with the serving one: the
	// age of a secret says nothing about when it was tagged.
	proven bool
}

// choice gives the secret for a container's image. The longest scope serves, unless
// another secret served the registry before: to tag a secret must not be enough to
// take images over. What the family's last revision was pulled with decides, or
// else the oldest secret.
func (j *judgement) choice(container types.ContainerDefinition, reference image.Reference) choice {
	candidates := j.candidates(reference)
	if len(candidates) < 2 {
		if len(candidates) == 0 {
			return choice{}
		}
		return choice{serving: &candidates[0]}
	}
	longest := slices.MaxFunc(candidates, func(a, b RegistrySecret) int { return len(a.Scope.Path) - len(b.Scope.Path) })
	serving := j.servedBefore(container, reference, candidates)
	proven := serving != nil
	if serving == nil {
		serving = oldest(candidates)
	}
	if serving == nil {
		equals := slices.DeleteFunc(slices.Clone(candidates), func(s RegistrySecret) bool { return len(s.Scope.Path) < len(longest.Scope.Path) })
		if len(equals) > 1 {
			return choice{equals: equals}
		}
		return choice{serving: &equals[0]}
	}
	return choice{serving: serving, proven: proven, newcomers: slices.DeleteFunc(slices.Clone(candidates), func(s RegistrySecret) bool {
		return s.ARN == serving.ARN || len(s.Scope.Path) < len(serving.Scope.Path)
	})}
}

// candidates lists the secrets that may serve an image.
func (j *judgement) candidates(reference image.Reference) RegistrySecrets {
	var candidates RegistrySecrets
	for _, secret := range j.Secrets {
		if !secret.Deleted && secret.TagProblem == "" && secret.Scope.Serves(reference) &&
			secret.isFor(aws.ToString(j.Definition.Family)) && j.trusts(secret.Name) {
			candidates = append(candidates, secret)
		}
	}
	return candidates
}

// oldest gives the secret that was made before all others, or nil where that is
// not known.
func oldest(candidates RegistrySecrets) *RegistrySecret {
	first := slices.MinFunc(candidates, func(a, b RegistrySecret) int { return a.Created.Compare(b.Created) })
	same := 0
	for _, secret := range candidates {
		if secret.Created.Equal(first.Created) {
			same++
		}
	}
	if first.Created.IsZero() || same > 1 {
		return nil
	}
	return &first
}

// previous names the family's revision before this one, where it can tell which
// of several secrets served an image before.
func (j *judgement) previous() string {
	if j.Unregistered != nil || j.Definition.Revision < 2 {
		return ""
	}
	for _, container := range j.Definition.ContainerDefinitions {
		reference, err := image.Parse(aws.ToString(container.Image))
		if err == nil && !isECR(reference) && credentialOf(container) == "" && len(j.candidates(reference)) > 1 {
			return fmt.Sprintf("%s:%d", aws.ToString(j.Definition.Family), j.Definition.Revision-1)
		}
	}
	return ""
}

// servedBefore gives the candidate that the same container was pulled with in the
// family's revision before this one, or nil.
func (j *judgement) servedBefore(container types.ContainerDefinition, reference image.Reference, candidates RegistrySecrets) *RegistrySecret {
	before := j.Revisions[fmt.Sprintf("%s:%d", aws.ToString(j.Definition.Family), j.Definition.Revision-1)]
	if before == nil {
		return nil
	}
	for _, former := range before.Definition.ContainerDefinitions {
		was, err := image.Parse(aws.ToString(former.Image))
		if err != nil || was != reference || aws.ToString(former.Name) != aws.ToString(container.Name) || credentialOf(former) == "" {
			continue
		}
		if i := slices.IndexFunc(candidates, func(s RegistrySecret) bool { return s.isNamedBy(credentialOf(former)) }); i >= 0 {
			return &candidates[i]
		}
	}
	return nil
}

// SecretLister is the part of Secrets Manager's client that finding tagged
// secrets needs.
type SecretLister interface {
	ListSecrets(context.Context, *secretsmanager.ListSecretsInput, ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretsOutput, error)
}

const (
	// secretsTTL bounds how long a warm function believes what it listed. A
	// secret whose tag was taken away is used that long.
	secretsTTL = time.Minute
	// absenceTTL bounds how long it believes that no secret serves a registry.
	// It is short: people tag a secret and look at once.
	absenceTTL = 3 * time.Second
)

// SecretList lists the tagged secrets and keeps the list between invocations.
type SecretList struct {
	client SecretLister
	now    func() time.Time
	listed *memory.Memory[RegistrySecrets]
}

// NewSecretList makes a list that was not read yet.
func NewSecretList(client SecretLister, now func() time.Time) *SecretList {
	return &SecretList{client: client, now: now, listed: memory.New[RegistrySecrets](now, 1, secretsTTL, 0)}
}

// All gives the tagged secrets as they were at most secretsTTL ago, and not
// before a definition was registered, where that is known: who tags a secret
// and then registers a definition has it served, also where another secret
// serves more than that one does. What the look that began at looked has read is
// young enough for all of that look.
func (l *SecretList) All(ctx context.Context, registered, looked time.Time) (RegistrySecrets, error) {
	if !registered.IsZero() && registered.Equal(registered.Truncate(time.Second)) {
		// A time in whole seconds is the beginning of the second in which it was.
		registered = registered.Add(time.Second - 1)
	}
	if !looked.IsZero() && !registered.Before(looked) {
		registered = looked.Add(-1)
	}
	return l.youngerThan(ctx, registered)
}

// Afresh gives the tagged secrets as they were at most absenceTTL ago.
func (l *SecretList) Afresh(ctx context.Context) (RegistrySecrets, error) {
	return l.youngerThan(ctx, l.now().Add(-absenceTTL))
}

func (l *SecretList) youngerThan(ctx context.Context, oldest time.Time) (RegistrySecrets, error) {
	return l.listed.Since("", oldest, func() (RegistrySecrets, bool, error) {
		listed, err := listTagged(ctx, l.client)
		return listed, true, err
	})
}

func listTagged(ctx context.Context, client SecretLister) (RegistrySecrets, error) {
	var secrets RegistrySecrets
	pages := secretsmanager.NewListSecretsPaginator(client, &secretsmanager.ListSecretsInput{
		// The filter takes the beginning of a key; the exact key is checked below.
		Filters:                []secrettypes.Filter{{Key: secrettypes.FilterNameStringTypeTagKey, Values: []string{TagRegistry}}},
		IncludePlannedDeletion: aws.Bool(true),
		MaxResults:             aws.Int32(100),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the secrets with the tag %s: %w", TagRegistry, err)
		}
		for _, entry := range page.SecretList {
			if secret, ok := registrySecret(entry); ok {
				secrets = append(secrets, secret)
			}
		}
	}
	slices.SortFunc(secrets, func(a, b RegistrySecret) int { return strings.Compare(a.ARN, b.ARN) })
	return secrets, nil
}

func registrySecret(entry secrettypes.SecretListEntry) (RegistrySecret, bool) {
	secret := RegistrySecret{
		ARN:     aws.ToString(entry.ARN),
		Name:    aws.ToString(entry.Name),
		KMSKey:  aws.ToString(entry.KmsKeyId),
		Tags:    map[string]string{},
		Created: aws.ToTime(entry.CreatedDate),
		Deleted: entry.DeletedDate != nil,
	}
	for _, tag := range entry.Tags {
		secret.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	value, tagged := secret.Tags[TagRegistry]
	if !tagged {
		return RegistrySecret{}, false
	}
	scope, err := image.ParseScope(value)
	if err != nil {
		secret.TagProblem = err.Error()
	}
	secret.Scope = scope
	return secret, true
}
