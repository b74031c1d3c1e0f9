package taskdef

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/memory"
)

// ObjectLister is the part of S3's client that tells whether an object exists.
// Listing does it without the permission to read a word of what is in it.
type ObjectLister interface {
	ListObjectsV2(context.Context, *s3.ListObjectsV2Input, ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
}

// FileObserver finds out whether environment files exist, and remembers for a
// while those that do.
type FileObserver struct {
	client ObjectLister
	known  *memory.Memory[string]
}

// NewFileObserver makes an observer that remembers nothing yet.
func NewFileObserver(client ObjectLister, now func() time.Time) *FileObserver {
	return &FileObserver{client: client, known: memory.New[string](now, maxSound, soundTTL, 0)}
}

// gone says why an object, by its ARN, does not exist, or "". What cannot be
// seen, as in the bucket of another account or region, is taken for there.
func (o *FileObserver) gone(ctx context.Context, arn string) (string, error) {
	return o.known.Get(arn, func() (string, bool, error) { return o.look(ctx, arn) })
}

// look also says whether the object was seen.
func (o *FileObserver) look(ctx context.Context, arn string) (gone string, seen bool, err error) {
	match := objectARN.FindStringSubmatch(arn)
	if match == nil {
		return "", false, nil
	}
	bucket, key := match[1], match[2]
	// Keys are listed in their order, so that the one asked for is the first of
	// those that begin with it.
	output, err := o.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &key, MaxKeys: aws.Int32(1), EncodingType: types.EncodingTypeUrl})
	switch {
	case err != nil && awserror.Classify(err) == awserror.Gone:
		return "there is no bucket of that name", false, nil
	case err != nil && awserror.Classify(err) == awserror.Transient && !isElsewhere(err):
		return "", false, fmt.Errorf("look for the environment file %s: %w", finding.Shortened(arn), err)
	case err != nil:
		return "", false, nil
	case len(output.Contents) == 0 || !isKey(aws.ToString(output.Contents[0].Key), key):
		return "the bucket has no object of that name", false, nil
	}
	return "", true, nil
}

// isKey compares a key as S3 lists it, encoded: without that, one control
// character in any key makes the whole answer unreadable.
func isKey(listed, key string) bool {
	decoded, err := url.QueryUnescape(listed)
	return err == nil && decoded == key
}

// isElsewhere recognises S3's answer about a bucket of another region.
func isElsewhere(err error) bool {
	return awserror.HasCode(err, "PermanentRedirect", "MovedPermanently")
}
