package configobject

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"

	"ecsguardrails/shared/awserror"
	"ecsguardrails/shared/finding"
)

const (
	// softCap is the longest line that docker run --env-file reads, and far more
	// than any ecs.config needs.
	softCap = 64 << 10
	// hardCap bounds what is read into memory.
	hardCap = 1 << 20
)

// Observation is one version, judged. The content itself, which may hold
// credentials, goes no further than the judge.
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
}

type observer struct {
	objects ObjectReader
	judges  Judges
}

// observe reads the version and its tags side by side.
func (o observer) observe(ctx context.Context, object Object) (Observation, error) {
	var (
		read             version
		tags             taggedVersion
		readErr, tagsErr error
		group            errgroup.Group
	)
	group.Go(func() error { read, readErr = o.read(ctx, object); return nil })
	group.Go(func() error { tags, tagsErr = o.tags(ctx, object); return nil })
	_ = group.Wait()
	if isDeleteMarker(readErr) {
		return Observation{Object: object, DeleteMarker: true}, nil
	}
	if readErr != nil {
		return Observation{}, readErr
	}
	object.VersionID = read.id
	if tagsErr == nil && tags.id != read.id {
		// Another version came on top between the two calls.
		tags, tagsErr = o.tags(ctx, object)
	}
	if tagsErr != nil && awserror.Classify(tagsErr) != awserror.Denied {
		return Observation{}, tagsErr
	}
	return Observation{
		Object:         object,
		ETag:           read.etag,
		Content:        o.judge(object.Kind, read),
		Tags:           tags.tags,
		TagsUnreadable: tagsErr != nil,
	}, nil
}

// version is what was read of an object.
type version struct {
	id, etag string
	// size in bytes; the content is not read where it is above hardCap.
	size    int64
	content []byte
}

// read gets a version's content, or no more than its size where it is too large.
func (o observer) read(ctx context.Context, object Object) (version, error) {
	got, err := o.objects.GetObject(ctx, &s3.GetObjectInput{
		Bucket: aws.String(object.Bucket), Key: aws.String(object.Key), VersionId: versionID(object),
	})
	if err != nil {
		return version{}, unreadable(object, err)
	}
	// Closing an unread body drops the connection instead of reading the rest.
	defer func() { _ = got.Body.Close() }()
	read := version{id: aws.ToString(got.VersionId), etag: aws.ToString(got.ETag), size: aws.ToInt64(got.ContentLength)}
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
	got, err := o.objects.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{
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

// judge gives the findings about what a file says.
func (o observer) judge(kind Kind, of version) []finding.Finding {
	if of.size > hardCap {
		return []finding.Finding{{
			Code: CodeTooLarge, Severity: finding.Error,
			Message: fmt.Sprintf("the file has %d bytes, more than the 1 MiB that is read; no reader of such a file is known to take it", of.size),
			Fix:     "upload the right file; an ecs.config or environment file has a few hundred bytes",
		}}
	}
	judge := o.judges.ConfigFile
	if kind == EnvironmentFile {
		judge = o.judges.EnvironmentFile
	}
	findings := judge(of.content)
	if of.size > softCap {
		findings = append(findings, finding.Finding{
			Code: CodeLarge, Severity: finding.Info,
			Message: fmt.Sprintf("the file has %d bytes, more than 64 KiB, which such a file hardly ever needs", of.size),
			Fix:     "see whether it is the right file",
		})
	}
	return findings
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
		return finding.Refuse(finding.Finding{
			Code: CodeArchived, Severity: finding.Error,
			Message: "the object lies in an archive storage class: no instance can read it",
			Fix:     "copy it to the storage class STANDARD, and keep the lifecycle rule away from it",
		})
	case code == "InvalidRequest" && strings.Contains(messageOf(err), "Server Side Encryption"):
		return finding.Refuse(finding.Finding{
			Code: CodeCustomerKey, Severity: finding.Error,
			Message: "the object is encrypted with a key that its uploader keeps (SSE-C): no instance can read it without that key",
			Fix:     "upload it with SSE-S3 or SSE-KMS",
		})
	// S3 passes KMS's code on for a request that it made itself, and otherwise
	// answers AccessDenied with the permission's name in the message.
	case kind == awserror.Denied && (strings.HasPrefix(code, "KMS") || strings.Contains(messageOf(err), "kms:")):
		return finding.Refuse(finding.Finding{
			Code: CodeKeyDenied, Severity: finding.Error,
			Message: "the object cannot be decrypted: its KMS key denies kms:Decrypt to this function, and instance roles that the key does not know meet the same",
			Fix:     "allow kms:Decrypt in the key's policy to the function's role and to the instance roles",
		})
	case strings.HasPrefix(code, "KMS."):
		return finding.Refuse(finding.Finding{
			Code: CodeKeyUnusable, Severity: finding.Error,
			Message: fmt.Sprintf("the object cannot be decrypted by anyone: its KMS key is disabled, deleted or about to be (%s)", code),
			Fix:     "enable the key or cancel its deletion, or upload the file anew under another key",
		})
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
