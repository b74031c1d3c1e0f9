// Package configbucket looks at the bucket around a config file: who can read
// what is in it, and whether an upload that went wrong can be taken back. Such a
// file holds registry passwords more often than not.
package configbucket

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"golang.org/x/sync/errgroup"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
)

// AccessReader tells who gets at a bucket.
type AccessReader interface {
	GetPublicAccessBlock(context.Context, *s3.GetPublicAccessBlockInput, ...func(*s3.Options)) (*s3.GetPublicAccessBlockOutput, error)
	GetBucketPolicy(context.Context, *s3.GetBucketPolicyInput, ...func(*s3.Options)) (*s3.GetBucketPolicyOutput, error)
	GetBucketPolicyStatus(context.Context, *s3.GetBucketPolicyStatusInput, ...func(*s3.Options)) (*s3.GetBucketPolicyStatusOutput, error)
	GetBucketAcl(context.Context, *s3.GetBucketAclInput, ...func(*s3.Options)) (*s3.GetBucketAclOutput, error)
}

// StorageReader tells how a bucket keeps what is put into it.
type StorageReader interface {
	GetBucketOwnershipControls(context.Context, *s3.GetBucketOwnershipControlsInput, ...func(*s3.Options)) (*s3.GetBucketOwnershipControlsOutput, error)
	GetBucketEncryption(context.Context, *s3.GetBucketEncryptionInput, ...func(*s3.Options)) (*s3.GetBucketEncryptionOutput, error)
	GetBucketVersioning(context.Context, *s3.GetBucketVersioningInput, ...func(*s3.Options)) (*s3.GetBucketVersioningOutput, error)
}

// AccountReader tells the public access block that an account has for all of its
// buckets (S3 Control).
type AccountReader interface {
	GetPublicAccessBlock(context.Context, *s3control.GetPublicAccessBlockInput, ...func(*s3control.Options)) (*s3control.GetPublicAccessBlockOutput, error)
}

// Reader is the part of S3's client that looking at a bucket needs.
type Reader interface {
	AccessReader
	StorageReader
}

// Posture is how a bucket stands.
type Posture struct {
	Bucket string
	// Block is the bucket's own public access block, nothing set where it has
	// none, and after UnderAccount what of it or of the account's is set.
	Block types.PublicAccessBlockConfiguration
	// PolicyPublic is S3's own judgement, which knows the conditions that narrow.
	PolicyPublic bool
	// Policy is the bucket policy as JSON, "" where there is none.
	Policy string
	// Owner is the canonical id of the bucket's owner.
	Owner  string
	Grants []types.Grant
	// ACLsDisabled: object ownership is BucketOwnerEnforced.
	ACLsDisabled bool
	Encrypted    bool
	// EncryptionKey is the KMS key that encrypts by default, an id, ARN or alias,
	// "" where S3 keeps the key, or AWS does (aws/s3).
	EncryptionKey string
	Versioned     bool
	// Denied are the permissions that were missing, in order, or that no one can
	// have because the storage does not know the call; what they would have told
	// is unknown.
	Denied []string
}

// S3's codes for "none is configured", by the operations' references.
var absent = []string{
	"NoSuchPublicAccessBlockConfiguration", "NoSuchBucketPolicy", "OwnershipControlsNotFoundError",
	"ServerSideEncryptionConfigurationNotFoundError",
}

// Look asks S3 for all of it side by side, in seven calls. That a call is
// denied is part of the posture; another error is an error.
func Look(ctx context.Context, client Reader, bucket string) (Posture, error) {
	posture := Posture{Bucket: bucket}
	denied := make([]bool, len(looks))
	group, ctx := errgroup.WithContext(ctx)
	for i, one := range looks {
		group.Go(func() error {
			err := one.look(ctx, client, &posture)
			switch {
			case err == nil, awserror.HasCode(err, absent...):
				return nil
			case awserror.Classify(err) == awserror.Denied, awserror.HasCode(err, "NotImplemented"):
				denied[i] = true
				return nil
			default:
				return fmt.Errorf("look at the bucket %s: %w", bucket, err)
			}
		})
	}
	if err := group.Wait(); err != nil {
		return Posture{}, err
	}
	for i, one := range looks {
		if denied[i] {
			posture.Denied = append(posture.Denied, one.permission)
		}
	}
	return posture, nil
}

// looks are the calls, and the permission that each needs. They run side by side,
// and each writes its own fields.
var looks = []struct {
	permission string
	look       func(context.Context, Reader, *Posture) error
}{
	{"s3:GetBucketPublicAccessBlock", lookAtBlock},
	{"s3:GetBucketPolicy", lookAtPolicy},
	{"s3:GetBucketPolicyStatus", lookAtPolicyStatus},
	{"s3:GetBucketAcl", lookAtACL},
	{"s3:GetBucketOwnershipControls", lookAtOwnership},
	{"s3:GetEncryptionConfiguration", lookAtEncryption},
	{"s3:GetBucketVersioning", lookAtVersioning},
}

func lookAtBlock(ctx context.Context, client Reader, posture *Posture) error {
	output, err := client.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &posture.Bucket})
	if err == nil && output.PublicAccessBlockConfiguration != nil {
		posture.Block = *output.PublicAccessBlockConfiguration
	}
	return err
}

func lookAtPolicy(ctx context.Context, client Reader, posture *Posture) error {
	output, err := client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &posture.Bucket})
	if err == nil {
		posture.Policy = aws.ToString(output.Policy)
	}
	return err
}

func lookAtPolicyStatus(ctx context.Context, client Reader, posture *Posture) error {
	output, err := client.GetBucketPolicyStatus(ctx, &s3.GetBucketPolicyStatusInput{Bucket: &posture.Bucket})
	if err == nil && output.PolicyStatus != nil {
		posture.PolicyPublic = aws.ToBool(output.PolicyStatus.IsPublic)
	}
	return err
}

func lookAtACL(ctx context.Context, client Reader, posture *Posture) error {
	output, err := client.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: &posture.Bucket})
	if err != nil {
		return err
	}
	posture.Grants = output.Grants
	if output.Owner != nil {
		posture.Owner = aws.ToString(output.Owner.ID)
	}
	return nil
}

func lookAtOwnership(ctx context.Context, client Reader, posture *Posture) error {
	output, err := client.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: &posture.Bucket})
	if err == nil && output.OwnershipControls != nil {
		posture.ACLsDisabled = slices.ContainsFunc(output.OwnershipControls.Rules, func(rule types.OwnershipControlsRule) bool {
			return rule.ObjectOwnership == types.ObjectOwnershipBucketOwnerEnforced
		})
	}
	return err
}

func lookAtEncryption(ctx context.Context, client Reader, posture *Posture) error {
	output, err := client.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &posture.Bucket})
	if err != nil || output.ServerSideEncryptionConfiguration == nil {
		return err
	}
	posture.Encrypted = len(output.ServerSideEncryptionConfiguration.Rules) > 0
	for _, rule := range output.ServerSideEncryptionConfiguration.Rules {
		if by := rule.ApplyServerSideEncryptionByDefault; by != nil && !strings.HasSuffix(aws.ToString(by.KMSMasterKeyID), "alias/aws/s3") {
			posture.EncryptionKey = aws.ToString(by.KMSMasterKeyID)
		}
	}
	return nil
}

func lookAtVersioning(ctx context.Context, client Reader, posture *Posture) error {
	output, err := client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &posture.Bucket})
	if err == nil {
		posture.Versioned = output.Status == types.BucketVersioningStatusEnabled
	}
	return err
}

// UnderAccount takes in the account's public access block: of the two, the
// stricter counts for each setting ("Blocking public access to your Amazon S3
// storage" in the S3 user guide). The account's adds nothing to a bucket that is
// Blocked.
func (p Posture) UnderAccount(ctx context.Context, client AccountReader, account string) (Posture, error) {
	if account == "" {
		return p, nil
	}
	output, err := client.GetPublicAccessBlock(ctx, &s3control.GetPublicAccessBlockInput{AccountId: aws.String(account)})
	switch {
	case awserror.HasCode(err, absent...):
		return p, nil
	case awserror.HasCode(err, "NotImplemented"), err != nil && slices.Contains([]awserror.Kind{awserror.Denied, awserror.Refused}, awserror.Classify(err)):
		return p.Without("s3:GetAccountPublicAccessBlock"), nil
	case err != nil:
		return Posture{}, fmt.Errorf("look at the public access block of the account %s: %w", account, err)
	case output.PublicAccessBlockConfiguration == nil:
		return p, nil
	}
	either := func(bucket, account *bool) *bool { return aws.Bool(aws.ToBool(bucket) || aws.ToBool(account)) }
	whole := output.PublicAccessBlockConfiguration
	p.Block = types.PublicAccessBlockConfiguration{
		BlockPublicAcls:       either(p.Block.BlockPublicAcls, whole.BlockPublicAcls),
		BlockPublicPolicy:     either(p.Block.BlockPublicPolicy, whole.BlockPublicPolicy),
		IgnorePublicAcls:      either(p.Block.IgnorePublicAcls, whole.IgnorePublicAcls),
		RestrictPublicBuckets: either(p.Block.RestrictPublicBuckets, whole.RestrictPublicBuckets),
	}
	return p, nil
}

// knows reports whether a call that needs the permission was answered.
func (p Posture) knows(permission string) bool { return !slices.Contains(p.Denied, permission) }

// Without gives the posture with one more permission missing.
func (p Posture) Without(permission string) Posture {
	p.Denied = append(slices.Clone(p.Denied), permission)
	return p
}

// ACLsCount reports whether access control lists can give an object to others.
// Where it is not known, they can.
func (p Posture) ACLsCount() bool { return !p.ACLsDisabled && !aws.ToBool(p.Block.IgnorePublicAcls) }

// groupName shortens the address of S3's predefined groups.
func groupName(uri string) string { return uri[strings.LastIndexByte(uri, '/')+1:] }
