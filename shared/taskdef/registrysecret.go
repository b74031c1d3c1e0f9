package taskdef

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"ecsguardrails/shared/image"
	"ecsguardrails/shared/memory"
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
	before, found := strings.CutSuffix(parameter, ":"+s.Name)
	return found && strings.HasPrefix(s.ARN, before+":"+s.Name+"-")
}

// RegistrySecrets are the tagged secrets of the account in this region.
type RegistrySecrets []RegistrySecret

// serving gives the secrets with the longest scope that covers an image: none,
// one, or several that are equally good.
func (all RegistrySecrets) serving(of image.Reference) RegistrySecrets {
	var best RegistrySecrets
	for _, secret := range all {
		if secret.Deleted || secret.TagProblem != "" || !secret.Scope.Serves(of) {
			continue
		}
		switch {
		case len(best) == 0 || len(secret.Scope.Path) > len(best[0].Scope.Path):
			best = RegistrySecrets{secret}
		case len(secret.Scope.Path) == len(best[0].Scope.Path):
			best = append(best, secret)
		}
	}
	return best
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
// before a definition was registered, where that is known: whoever tags a secret
// and then registers a definition has it served, also where another secret
// serves more than that one does.
func (l *SecretList) All(ctx context.Context, registered time.Time) (RegistrySecrets, error) {
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
		Filters:                []types.Filter{{Key: types.FilterNameStringTypeTagKey, Values: []string{TagRegistry}}},
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

func registrySecret(entry types.SecretListEntry) (RegistrySecret, bool) {
	secret := RegistrySecret{
		ARN:     aws.ToString(entry.ARN),
		Name:    aws.ToString(entry.Name),
		KMSKey:  aws.ToString(entry.KmsKeyId),
		Tags:    map[string]string{},
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
