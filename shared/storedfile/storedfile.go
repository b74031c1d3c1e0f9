// Package storedfile keeps small files as objects in S3: read whole, and
// written back only if nobody else wrote them in between.
package storedfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ecsguardrails/shared/awserror"
)

// Store is the part of S3's client that is needed.
type Store interface {
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
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
// same type, metadata and encryption, if it still is the one that was read
// (If-Match; "Conditional writes", S3 user guide). Otherwise the error is one
// that Conflicted knows. The object's tags are not carried over: they were
// about the content before.
func (f File) Write(ctx context.Context, store Store, content []byte) error {
	_, err := store.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &f.Bucket, Key: &f.Key, Body: bytes.NewReader(content), IfMatch: f.object.ETag,
		ContentType: f.object.ContentType, CacheControl: f.object.CacheControl,
		ContentDisposition: f.object.ContentDisposition, ContentEncoding: f.object.ContentEncoding,
		ContentLanguage: f.object.ContentLanguage, Metadata: f.object.Metadata,
		ServerSideEncryption: f.object.ServerSideEncryption, SSEKMSKeyId: f.object.SSEKMSKeyId,
		BucketKeyEnabled: f.object.BucketKeyEnabled, StorageClass: f.object.StorageClass,
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", f.Place, err)
	}
	return nil
}

// Conflicted reports whether a write failed because somebody else wrote or
// deleted the file since it was read.
func Conflicted(err error) bool {
	return awserror.HasCode(err, "PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey")
}
