package sweep

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secretstypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"ecsguardrails/shared/optout"
	"ecsguardrails/shared/trustpolicy"
)

// Largest pages of ListRoles, ListTaskDefinitionFamilies and ListSecrets, by
// their references.
const (
	rolesPage    = 1000
	familiesPage = 100
	secretsPage  = 100
)

// driverTag is the tag of the secrets that rotate-secret looks after.
const driverTag = "ecs-guardrails:driver"

// Observation is what a part of a sweep found.
type Observation struct {
	Kind Kind
	// Names of roles or families, or ARNs of secrets, that are to be handed over,
	// in their order.
	Names []string
	// Listed counts what the API listed.
	Listed int
	// Next is the marker of what there was no time for; "" where all was listed.
	Next string
}

type observer struct {
	roles    RoleLister
	families FamilyLister
	secrets  SecretLister
	now      func() time.Time
}

// page lists what follows a marker: the names that concern us, how many there
// were, and the next marker.
type page func(ctx context.Context, marker string) (names []string, listed int, next string, err error)

// observe lists until the end, or until half of the time is up: sending takes
// a tenth of the calls that listing takes, of task definitions, and is done
// many at a time.
func (o observer) observe(ctx context.Context, part Part) (Observation, error) {
	list := o.lister(part.Kind)
	enough := func() bool { return false }
	if deadline, ok := ctx.Deadline(); ok {
		half := o.now().Add(deadline.Sub(o.now()) / 2)
		enough = func() bool { return !o.now().Before(half) }
	}
	observed := Observation{Kind: part.Kind, Next: part.Marker}
	for {
		names, listed, next, err := list(ctx, observed.Next)
		if err != nil {
			return Observation{}, fmt.Errorf("list %s: %w", part.Kind, err)
		}
		observed.Names = append(observed.Names, names...)
		observed.Listed += listed
		observed.Next = next
		if next == "" || enough() {
			return observed, nil
		}
	}
}

func (o observer) lister(kind Kind) page {
	switch kind {
	case TaskDefinitions:
		return o.listFamilies
	case Secrets:
		return o.listSecrets
	default:
		return o.listRoles
	}
}

func (o observer) listRoles(ctx context.Context, marker string) (names []string, listed int, next string, err error) {
	output, err := o.roles.ListRoles(ctx, &iam.ListRolesInput{Marker: given(marker), MaxItems: aws.Int32(rolesPage)})
	if err != nil {
		return nil, 0, "", err
	}
	for _, role := range output.Roles {
		if mayBeInstanceRole(role) {
			names = append(names, aws.ToString(role.RoleName))
		}
	}
	if output.IsTruncated {
		next = aws.ToString(output.Marker)
	}
	return names, len(output.Roles), next, nil
}

// mayBeInstanceRole leaves out what attach-policies would leave alone for
// certain: roles that AWS owns, and roles that no instance can have by their
// trust policy. One that cannot be read is a finding over there.
func mayBeInstanceRole(role iamtypes.Role) bool {
	path, name := aws.ToString(role.Path), aws.ToString(role.RoleName)
	if optout.ServiceLinked(path, name) || optout.IdentityCenter(path, name) {
		return false
	}
	document := aws.ToString(role.AssumeRolePolicyDocument)
	if document == "" {
		return false
	}
	trust, err := trustpolicy.Parse(document)
	return err != nil || trust.TrustsInstances()
}

// listFamilies lists families that have an active revision; the family's name
// stands for its latest one.
func (o observer) listFamilies(ctx context.Context, marker string) (names []string, listed int, next string, err error) {
	output, err := o.families.ListTaskDefinitionFamilies(ctx, &ecs.ListTaskDefinitionFamiliesInput{
		NextToken: given(marker), MaxResults: aws.Int32(familiesPage), Status: ecstypes.TaskDefinitionFamilyStatusActive,
	})
	if err != nil {
		return nil, 0, "", err
	}
	return output.Families, len(output.Families), aws.ToString(output.NextToken), nil
}

// listSecrets lists the secrets of rotate-secret's. Those that wait for their
// deletion are left out by Secrets Manager itself.
func (o observer) listSecrets(ctx context.Context, marker string) (names []string, listed int, next string, err error) {
	output, err := o.secrets.ListSecrets(ctx, &secretsmanager.ListSecretsInput{
		NextToken: given(marker), MaxResults: aws.Int32(secretsPage),
		Filters: []secretstypes.Filter{{Key: secretstypes.FilterNameStringTypeTagKey, Values: []string{driverTag}}},
	})
	if err != nil {
		return nil, 0, "", err
	}
	for _, secret := range output.SecretList {
		if rotatesHere(secret) {
			names = append(names, aws.ToString(secret.ARN))
		}
	}
	return names, len(output.SecretList), aws.ToString(output.NextToken), nil
}

// rotatesHere leaves out secrets whose tags only begin with ours, since the
// filter compares prefixes, and replicas: their credential is looked after in
// the region that they come from ("Filter" and "SecretListEntry" in Secrets
// Manager's API reference).
func rotatesHere(secret secretstypes.SecretListEntry) bool {
	tagged := slices.ContainsFunc(secret.Tags, func(tag secretstypes.Tag) bool { return aws.ToString(tag.Key) == driverTag })
	at, err := arn.Parse(aws.ToString(secret.ARN))
	primary := aws.ToString(secret.PrimaryRegion)
	return tagged && err == nil && (primary == "" || primary == at.Region)
}

func given(marker string) *string {
	if marker == "" {
		return nil
	}
	return aws.String(marker)
}
