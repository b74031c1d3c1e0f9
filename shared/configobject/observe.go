package configobject

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/configbucket"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/instancerole"
	"github.com/ecs-guardrails/ecs-guardrails/shared/memory"
	"github.com/ecs-guardrails/ecs-guardrails/shared/storedfile"
)

const (
	// softCap is the longest line that docker run --env-file reads, and far more
	// than any ecs.config needs.
	softCap = 64 << 10
	// soundFor is how long a warm function believes that what was found in order
	// still is, faultyFor how long that it still is not: the former spares a busy
	// bucket a dozen calls an upload, the latter lets people who cured something
	// and upload again see it.
	soundFor  = 5 * time.Minute
	faultyFor = 10 * time.Second
	// rolesFor is how long it believes that the account's roles are those that
	// it listed: attach-policies sees a new one first.
	rolesFor = time.Hour
	// maxRemembered bounds each memory; beyond it, the entry that ends first goes.
	maxRemembered = 100
	// hardCap bounds what is read into memory.
	hardCap = 1 << 20
)

// Observation is one version, judged, and what it depends on. The version's
// content, which may hold credentials, goes no further than the judge, and the
// credentials no further than their registries.
type Observation struct {
	// Object names the version that was read, also where the event named none.
	Object Object
	// ETag as S3 gives it, in quotes.
	ETag string
	// DeleteMarker says that the version has no content; nothing else is set then.
	DeleteMarker bool
	// Content are the findings about what the file says.
	Content []finding.Finding
	Tags    []Tag
	// TagsUnreadable says that the tags may not be read, so that Tags is unknown.
	TagsUnreadable bool

	Bucket configbucket.Posture
	// Account that the bucket belongs to, "" where it is not known.
	Account string
	// ObjectOwner and ObjectGrants are those of the object's own ACL, where ACLs
	// count.
	ObjectOwner  string
	ObjectGrants []types.Grant

	// Cluster is the one that the file names, nil where it names none.
	Cluster      *NamedCluster
	ClusterState clusterState

	// Registries is how many credentials the file names for registries that can
	// be logged in to, and Logins the results for the first of them; 0 and none
	// where the check is off.
	Registries int
	Logins     []triedLogin

	// Readers are the instance roles that are to read the file.
	Readers readerState

	// History is set where the file is invalid and a good one would be restored.
	History *history
}

type observer struct {
	Clients
	settings Settings
	judges   Judges
	region   string
	buckets  *memory.Memory[configbucket.Posture]
	clusters *memory.Memory[clusterState]
	accounts *memory.Memory[string]
	logins   *memory.Memory[loginState]
	roles    *memory.Memory[[]instancerole.Role]
	access   *memory.Memory[[]string]
	now      func() time.Time
}

// observe reads the version, its tags and how its bucket stands side by side,
// and then what the content asks for.
func (o observer) observe(ctx context.Context, object Object) (Observation, error) {
	var (
		read                        version
		tags                        taggedVersion
		observed                    Observation
		readErr, tagsErr, bucketErr error
		group                       errgroup.Group
	)
	group.Go(func() error { read, readErr = o.read(ctx, object); return nil })
	group.Go(func() error { tags, tagsErr = o.tags(ctx, object); return nil })
	group.Go(func() error {
		observed.Bucket, bucketErr = o.buckets.Get(object.Bucket, func() (configbucket.Posture, bool, error) {
			posture, err := configbucket.Look(ctx, o.Storage, object.Bucket)
			if err == nil {
				posture, err = o.underAccount(ctx, object, posture)
			}
			return posture, len(posture.Findings("")) == 0, err
		})
		return nil
	})
	_ = group.Wait()
	if isDeleteMarker(readErr) {
		return Observation{Object: object, DeleteMarker: true}, nil
	}
	if err := errors.Join(readErr, bucketErr); err != nil {
		return Observation{}, err
	}
	object.VersionID = read.id
	if tagsErr == nil && tags.id != read.id {
		// Another version came on top between the two calls.
		tags, tagsErr = o.tags(ctx, object)
	}
	if tagsErr != nil && awserror.Classify(tagsErr) != awserror.Denied {
		return Observation{}, tagsErr
	}
	judgement := o.judge(object, read)
	observed.Object, observed.ETag = object, read.etag
	observed.Content, observed.Cluster = judgement.Findings, judgement.Cluster
	observed.Tags, observed.TagsUnreadable = tags.tags, tagsErr != nil
	return observed, o.dependencies(ctx, &observed, judgement.Credentials, aws.ToString(read.properties.SSEKMSKeyId))
}

// dependencies finds out what depends on what was read, side by side.
func (o observer) dependencies(ctx context.Context, observed *Observation, credentials []NamedCredential, encryptedWith string) error {
	bucket, object := observed.Bucket, observed.Object
	group, ctx := errgroup.WithContext(ctx)
	if object.Kind == ConfigFile {
		group.Go(func() (err error) {
			observed.Readers, err = o.readers(ctx, object, bucket, encryptedWith)
			return err
		})
	}
	if cluster := observed.Cluster; cluster != nil {
		group.Go(func() (err error) {
			observed.ClusterState, err = o.clusters.Get(cluster.Region+" "+cluster.Name, func() (clusterState, bool, error) {
				state, err := look(ctx, o.Clusters, *cluster, o.region)
				return state, state.sound(), err
			})
			return err
		})
	}
	if bucket.ACLsCount() {
		group.Go(func() error { return o.acl(ctx, observed) })
	}
	if bucket.Policy != "" {
		group.Go(func() error {
			observed.Account = o.account(ctx, observed.Object)
			return nil
		})
	}
	if o.settings.VerifyRegistryLogin && len(credentials) > 0 {
		observed.Registries = len(credentials)
		group.Go(func() (err error) {
			observed.Logins, err = o.login(ctx, credentials)
			return err
		})
	}
	if o.settings.OnInvalid == Restore && verdict(observed.Content) == Invalid && !observed.Object.replaceable() && !observed.TagsUnreadable {
		group.Go(func() error {
			history, err := o.history(ctx, observed.Object)
			observed.History = &history
			return err
		})
	}
	return group.Wait()
}

// acl reads the object's ACL. That it may not be read is part of the bucket's
// posture, as the other denials are.
func (o observer) acl(ctx context.Context, observed *Observation) error {
	object := observed.Object
	got, err := o.Storage.GetObjectAcl(ctx, &s3.GetObjectAclInput{
		Bucket: aws.String(object.Bucket), Key: aws.String(object.Key), VersionId: versionID(object),
	})
	switch {
	case err == nil:
		observed.ObjectGrants = got.Grants
		if got.Owner != nil {
			observed.ObjectOwner = aws.ToString(got.Owner.ID)
		}
		return nil
	case awserror.Classify(err) == awserror.Denied:
		observed.Bucket = observed.Bucket.Without("s3:GetObjectAcl")
		return nil
	default:
		return fmt.Errorf("read the ACL of %s: %w", object, err)
	}
}

// underAccount takes in the block of the account that the bucket belongs to,
// where that is this one: of others no one can see it.
func (o observer) underAccount(ctx context.Context, object Object, posture configbucket.Posture) (configbucket.Posture, error) {
	if posture.Blocked() {
		return posture, nil
	}
	own := o.account(ctx, Object{})
	if object.Account != "" && object.Account != own {
		return posture, nil
	}
	return posture.UnderAccount(ctx, o.Account, own)
}

// account gives the account that the bucket belongs to: the event's, or else
// the function's. Only the check for other accounts in
// the bucket's policy uses it, so it is no error if it isn't known.
func (o observer) account(ctx context.Context, object Object) string {
	if object.Account != "" {
		return object.Account
	}
	for _, role := range o.settings.OwnRoles {
		if parts := strings.SplitN(role, ":", 6); len(parts) == 6 {
			return parts[4]
		}
	}
	account, _ := o.accounts.Get("", func() (string, bool, error) {
		got, err := o.Identity.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		if err != nil {
			return "", false, err
		}
		return aws.ToString(got.Account), true, nil
	})
	return account
}

// version is what was read of an object.
type version struct {
	id, etag string
	// size in bytes; the content is not read where it is above hardCap.
	size    int64
	content []byte
	// properties as the object was stored with them.
	properties s3.PutObjectInput
}

// read gets a version's content, or no more than its size where it is too large.
func (o observer) read(ctx context.Context, object Object) (version, error) {
	got, err := o.Storage.GetObject(ctx, &s3.GetObjectInput{
		Bucket: aws.String(object.Bucket), Key: aws.String(object.Key), VersionId: versionID(object),
	})
	if err != nil {
		return version{}, unreadable(object, err)
	}
	// Closing an unread body drops the connection instead of reading the rest.
	defer func() { _ = got.Body.Close() }()
	read := version{
		id: aws.ToString(got.VersionId), etag: aws.ToString(got.ETag), size: aws.ToInt64(got.ContentLength), properties: storedfile.Properties(got),
	}
	if read.id == "" {
		read.id = object.VersionID
	}
	if read.size > hardCap {
		return read, nil
	}
	content, err := io.ReadAll(io.LimitReader(got.Body, hardCap+1))
	if err != nil {
		return version{}, fmt.Errorf("read the content of %s: %w", object, err)
	}
	read.size, read.content = int64(len(content)), content
	return read, nil
}

type taggedVersion struct {
	id   string
	tags []Tag
}

func (o observer) tags(ctx context.Context, object Object) (taggedVersion, error) {
	got, err := o.Storage.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{
		Bucket: aws.String(object.Bucket), Key: aws.String(object.Key), VersionId: versionID(object),
	})
	if err != nil {
		return taggedVersion{}, fmt.Errorf("read the tags of %s: %w", object, err)
	}
	tagged := taggedVersion{id: aws.ToString(got.VersionId)}
	if tagged.id == "" {
		tagged.id = object.VersionID
	}
	for _, tag := range got.TagSet {
		tagged.tags = append(tagged.tags, Tag{aws.ToString(tag.Key), aws.ToString(tag.Value)})
	}
	return tagged, nil
}

// judge gives what a file says.
func (o observer) judge(object Object, stored version) Judgement {
	if stored.size > hardCap {
		return Judgement{Findings: []finding.Finding{fileTooLarge.With(finding.Words("size", fmt.Sprintf("%d bytes", stored.size)))}}
	}
	judge := o.judges.ConfigFile
	if object.Kind == EnvironmentFile {
		judge = o.judges.EnvironmentFile
	}
	judgement := judge(object.Key, stored.content)
	if stored.size > softCap {
		judgement.Findings = append(judgement.Findings, fileLarge.With(finding.Words("size", fmt.Sprintf("%d bytes", stored.size))))
	}
	return judgement
}

// isDeleteMarker: S3 answers 405 where the named version is a delete marker
// ("Working with delete markers" in the S3 user guide).
func isDeleteMarker(err error) bool { return awserror.HasCode(err, "MethodNotAllowed") }

// unreadable says plainly what S3's codes for an object that cannot be read
// hide ("Error responses" in the S3 API reference).
func unreadable(object Object, err error) error {
	kind := awserror.Classify(err)
	switch code := awserror.Code(err); {
	case kind == awserror.Transient:
	case code == "InvalidObjectState":
		return finding.Refuse(archived.With())
	case code == "InvalidRequest" && strings.Contains(messageOf(err), "Server Side Encryption"):
		return finding.Refuse(customerKey.With())
	// S3 passes KMS's code on for a request that it made itself, and otherwise
	// answers AccessDenied with the permission's name in the message.
	case kind == awserror.Denied && (strings.HasPrefix(code, "KMS") || strings.Contains(messageOf(err), "kms:")):
		return finding.Refuse(keyDenied.With())
	case strings.HasPrefix(code, "KMS."):
		return finding.Refuse(keyUnusable.With(finding.Answer("answer", code)))
	}
	return fmt.Errorf("read %s: %w", object, err)
}

func messageOf(err error) string {
	if apiError, ok := errors.AsType[smithy.APIError](err); ok {
		return apiError.ErrorMessage()
	}
	return ""
}

func versionID(object Object) *string {
	if object.VersionID == "" {
		return nil
	}
	return aws.String(object.VersionID)
}
