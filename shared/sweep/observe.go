package sweep

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secretstypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/instancerole"
)

// Largest pages, by the references of the APIs.
const (
	rolesPage   = 1000
	objectsPage = 1000
	secretsPage = 100
)

// driverTag is the tag of the secrets that rotate-secret looks after.
const driverTag = "ecs-guardrails:driver"

// Observation is what a part of a sweep found.
type Observation struct {
	Part Part
	// Names of what should be handed over, as the functions' requests name it.
	Names []string
	// Listed counts what there is, Settled what the lists alone show to be fine.
	Listed, Settled int
	// Next is the cursor of what there was no time for; "" where all was listed.
	Next string
	// Faults are parts of it that cannot be listed.
	Faults []finding.Finding
	// Surroundings are set for the account.
	Surroundings *Surroundings
}

type observer struct {
	settings Settings
	clients  Clients
	region   string
	now      func() time.Time
}

// observe lists one kind until the end, or until half of the time is up: what
// was listed has to be sent, too.
func (o observer) observe(ctx context.Context, part Part) (Observation, error) {
	enough := func() bool { return false }
	if deadline, ok := ctx.Deadline(); ok {
		half := o.now().Add(deadline.Sub(o.now()) / 2)
		enough = func() bool { return !o.now().Before(half) }
	}
	list := map[Kind]func(context.Context, *Observation, func() bool) error{
		Account: o.listSurroundings, Roles: o.listRoles, ConfigObjects: o.listObjects, TaskDefinitions: o.listTaskDefinitions, Secrets: o.listSecrets,
	}[part.Kind]
	observed := Observation{Part: part}
	if err := list(ctx, &observed, enough); err != nil {
		return Observation{}, fmt.Errorf("list what there is of %s: %w", part.Kind, err)
	}
	return observed, nil
}

// listRoles screens the account's roles. The policies that customers made come
// in the same pages, so that who has one is decided at the end.
func (o observer) listRoles(ctx context.Context, observed *Observation, enough func() bool) error {
	type undecided struct {
		name string
		own  []instancerole.PolicyARN
	}
	var waiting []undecided
	denies := map[instancerole.PolicyARN]bool{}
	pages := iam.NewGetAccountAuthorizationDetailsPaginator(o.clients.Roles, &iam.GetAccountAuthorizationDetailsInput{
		Filter:   []iamtypes.EntityType{iamtypes.EntityTypeRole, iamtypes.EntityTypeLocalManagedPolicy},
		MaxItems: aws.Int32(rolesPage), Marker: given(observed.Part.Cursor),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		observed.Listed += len(page.RoleDetailList)
		for _, role := range page.RoleDetailList {
			name := aws.ToString(role.RoleName)
			switch verdict, own := o.settings.Screen(role); {
			case verdict == instancerole.NotOurs:
			case verdict == instancerole.Doubtful:
				observed.Names = append(observed.Names, name)
			case len(own) == 0:
				observed.Settled++
			default:
				waiting = append(waiting, undecided{name, own})
			}
		}
		for _, policy := range page.Policies {
			denies[instancerole.PolicyARN(aws.ToString(policy.Arn))] = deniesByDefault(policy)
		}
		if page.IsTruncated && enough() {
			observed.Next = aws.ToString(page.Marker)
			break
		}
	}
	for _, role := range waiting {
		denied := func(policy instancerole.PolicyARN) bool {
			does, known := denies[policy]
			return does || !known
		}
		if slices.ContainsFunc(role.own, denied) {
			observed.Names = append(observed.Names, role.name)
		} else {
			observed.Settled++
		}
	}
	return nil
}

// deniesByDefault reads the version of a policy that counts.
func deniesByDefault(policy iamtypes.ManagedPolicyDetail) bool {
	for _, version := range policy.PolicyVersionList {
		if version.IsDefaultVersion {
			return instancerole.Denies(aws.ToString(version.Document))
		}
	}
	return true
}

// buckets are the stack's own config bucket, first, and the existing ones.
func (s Settings) buckets() []string {
	var buckets []string
	for _, bucket := range append([]string{s.ConfigBucket}, s.ConfigBuckets...) {
		if bucket = strings.TrimSpace(bucket); bucket != "" && !slices.Contains(buckets, bucket) {
			buckets = append(buckets, bucket)
		}
	}
	return buckets
}

// listObjects lists the config buckets, one after the other. The cursor is the
// bucket and the last key that was listed.
func (o observer) listObjects(ctx context.Context, observed *Observation, enough func() bool) error {
	bucket, after, _ := strings.Cut(observed.Part.Cursor, "/")
	buckets := o.settings.buckets()
	if place := slices.Index(buckets, bucket); place > 0 {
		buckets = buckets[place:]
	}
	for i, bucket := range buckets {
		if err := o.listBucket(ctx, observed, bucket, after, enough); err != nil || observed.Next != "" {
			return err
		}
		after = ""
		if i < len(buckets)-1 && enough() {
			observed.Next = buckets[i+1] + "/"
			return nil
		}
	}
	return nil
}

// listBucket lists one bucket from a key on.
func (o observer) listBucket(ctx context.Context, observed *Observation, bucket, after string, enough func() bool) error {
	for {
		output, err := o.clients.Storage.ListObjectsV2(ctx, &s3.ListObjectsV2Input{
			Bucket: &bucket, MaxKeys: aws.Int32(objectsPage), StartAfter: given(after),
		})
		if err != nil && awserror.Classify(err) == awserror.Transient {
			return fmt.Errorf("list the objects of %s: %w", bucket, err)
		}
		if err != nil {
			observed.Faults = append(observed.Faults, unlisted(bucket, err))
			return nil
		}
		observed.Listed += len(output.Contents)
		for _, object := range output.Contents {
			after = aws.ToString(object.Key)
			if o.settings.Kind(after) != 0 {
				observed.Names = append(observed.Names, "s3://"+bucket+"/"+after)
			}
		}
		if !aws.ToBool(output.IsTruncated) || len(output.Contents) == 0 {
			return nil
		}
		if enough() {
			observed.Next = bucket + "/" + after
			return nil
		}
	}
}

// unlisted is a bucket of which nothing is known; the others are looked at.
func unlisted(bucket string, err error) finding.Finding {
	return bucketUnlisted.With(finding.Name("bucket", bucket), finding.Answer("answer", awserror.Code(err)))
}

// listSecrets lists the secrets of rotate-secret's. Those that wait for their
// deletion are left out by Secrets Manager itself.
func (o observer) listSecrets(ctx context.Context, observed *Observation, enough func() bool) error {
	pages := secretsmanager.NewListSecretsPaginator(o.clients.Secrets, &secretsmanager.ListSecretsInput{
		NextToken: given(observed.Part.Cursor), MaxResults: aws.Int32(secretsPage),
		Filters: []secretstypes.Filter{{Key: secretstypes.FilterNameStringTypeTagKey, Values: []string{driverTag}}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, secret := range page.SecretList {
			if rotatesHere(secret) {
				observed.Listed++
				observed.Names = append(observed.Names, aws.ToString(secret.ARN))
			}
		}
		if page.NextToken != nil && enough() {
			observed.Next = aws.ToString(page.NextToken)
			return nil
		}
	}
	return nil
}

// rotatesHere leaves out secrets whose tags only begin with ours, since the
// filter compares prefixes, and replicas: their credential is looked after in
// the region that they come from ("Filter" and "SecretListEntry" in Secrets
// Manager's API reference).
func rotatesHere(secret secretstypes.SecretListEntry) bool {
	tagged := slices.ContainsFunc(secret.Tags, func(tag secretstypes.Tag) bool { return aws.ToString(tag.Key) == driverTag })
	parsed, err := arn.Parse(aws.ToString(secret.ARN))
	primary := aws.ToString(secret.PrimaryRegion)
	return tagged && err == nil && (primary == "" || primary == parsed.Region)
}

func given(text string) *string {
	if text == "" {
		return nil
	}
	return aws.String(text)
}
