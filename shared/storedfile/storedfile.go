// Package storedfile keeps small files as objects in S3: read whole, and
// written back only if no one else wrote them in between.
package storedfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
)

// Store is the part of S3's client that is needed.
type Store interface {
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	GetObjectTagging(context.Context, *s3.GetObjectTaggingInput, ...func(*s3.Options)) (*s3.GetObjectTaggingOutput, error)
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
}

// Place is where a file is kept.
type Place struct{ Bucket, Key string }

// String gives the place as s3://bucket/key.
func (p Place) String() string { return "s3://" + p.Bucket + "/" + p.Key }

// ParsePlace reads s3://bucket/key. The key is taken as it stands.
func ParsePlace(text string) (Place, bool) {
	rest, ok := strings.CutPrefix(text, "s3://")
	bucket, key, _ := strings.Cut(rest, "/")
	return Place{bucket, key}, ok && bucket != "" && key != ""
}

// File is a file as it was read.
type File struct {
	Place
	// Content may hold secrets: it goes back to its place, and nowhere else.
	Content []byte
	object  *s3.GetObjectOutput
}

// Modified is when the file was written that was read.
func (f File) Modified() time.Time { return aws.ToTime(f.object.LastModified) }

// ErrTooLarge says that a file is larger than its reader wants.
var ErrTooLarge = errors.New("the file is too large")

// Read reads a file of at most limit bytes; a larger one is ErrTooLarge.
func Read(ctx context.Context, store Store, place Place, limit int64) (File, error) {
	object, err := store.GetObject(ctx, &s3.GetObjectInput{Bucket: &place.Bucket, Key: &place.Key})
	if err != nil {
		return File{}, fmt.Errorf("read %s: %w", place, err)
	}
	defer func() { _ = object.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(object.Body, limit+1))
	if err != nil {
		return File{}, fmt.Errorf("read %s: %w", place, err)
	}
	if int64(len(content)) > limit {
		return File{}, fmt.Errorf("read %s: %w", place, ErrTooLarge)
	}
	return File{place, content, object}, nil
}

// Write puts another content in the place of the one that was read, with the
// same properties and tags, if it still is the one that was read (If-Match;
// "Conditional writes", S3 user guide). Otherwise the error is one that
// Conflicted knows.
func (f File) Write(ctx context.Context, store Store, content []byte) error {
	input := Properties(f.object)
	input.Bucket, input.Key, input.Body, input.IfMatch = &f.Bucket, &f.Key, bytes.NewReader(content), f.object.ETag
	// S3 counts the tags for who may read them.
	if aws.ToInt32(f.object.TagCount) > 0 {
		tagged, err := store.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: &f.Bucket, Key: &f.Key})
		if err != nil {
			return fmt.Errorf("read the tags of %s: %w", f.Place, err)
		}
		input.Tagging = aws.String(TagHeader(tagged.TagSet))
	}
	if _, err := store.PutObject(ctx, &input); err != nil {
		return fmt.Errorf("write %s: %w", f.Place, err)
	}
	return nil
}

// Properties gives what has to be said again when an object is stored again, but
// for its tags.
func Properties(got *s3.GetObjectOutput) s3.PutObjectInput {
	properties := s3.PutObjectInput{
		CacheControl:            got.CacheControl,
		ContentDisposition:      got.ContentDisposition,
		ContentEncoding:         got.ContentEncoding,
		ContentLanguage:         got.ContentLanguage,
		ContentType:             got.ContentType,
		Metadata:                got.Metadata,
		StorageClass:            got.StorageClass,
		WebsiteRedirectLocation: got.WebsiteRedirectLocation,
		ServerSideEncryption:    got.ServerSideEncryption,
	}
	if got.SSEKMSKeyId != nil {
		properties.SSEKMSKeyId, properties.BucketKeyEnabled = got.SSEKMSKeyId, got.BucketKeyEnabled
	}
	if expires, err := http.ParseTime(aws.ToString(got.ExpiresString)); err == nil {
		properties.Expires = aws.Time(expires)
	}
	return properties
}

// TagHeader writes tags as x-amz-tagging has them, a query in which a space is
// %20: whether S3 takes "+" for one is not documented.
func TagHeader(tags []types.Tag) string {
	pairs := make([]string, len(tags))
	for i, tag := range tags {
		pairs[i] = url.QueryEscape(aws.ToString(tag.Key)) + "=" + url.QueryEscape(aws.ToString(tag.Value))
	}
	return strings.ReplaceAll(strings.Join(pairs, "&"), "+", "%20")
}

// Conflicted reports whether a write failed because somebody else wrote or
// deleted the file since it was read.
func Conflicted(err error) bool {
	return awserror.HasCode(err, "PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey")
}
