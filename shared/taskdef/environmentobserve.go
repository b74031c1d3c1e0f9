package taskdef

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ecsguardrails/shared/awserror"
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
	now    func() time.Time

	mutex sync.Mutex
	there map[string]time.Time
}

// NewFileObserver makes an observer that remembers nothing yet.
func NewFileObserver(client ObjectLister, now func() time.Time) *FileObserver {
	return &FileObserver{client: client, now: now, there: map[string]time.Time{}}
}

// gone says why an object, by its ARN, does not exist, or "". What cannot be
// seen, as in the bucket of another account or region, is taken for there.
func (o *FileObserver) gone(ctx context.Context, arn string) (string, error) {
	o.mutex.Lock()
	at, known := o.there[arn]
	o.mutex.Unlock()
	if known && o.now().Sub(at) < soundTTL {
		return "", nil
	}
	match := objectARN.FindStringSubmatch(arn)
	if match == nil {
		return "", nil
	}
	bucket, key := match[1], match[2]
	// Keys are listed in their order, so that the one asked for is the first of
	// those that begin with it.
	output, err := o.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &key, MaxKeys: aws.Int32(1)})
	switch {
	case err != nil && awserror.Classify(err) == awserror.Gone:
		return "there is no bucket of that name", nil
	case err != nil && awserror.Classify(err) == awserror.Transient && !isElsewhere(err):
		return "", fmt.Errorf("look for the environment file %s: %w", Shortened(arn), err)
	case err != nil:
		return "", nil
	case len(output.Contents) == 0 || aws.ToString(output.Contents[0].Key) != key:
		return "the bucket has no object of that name", nil
	}
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if len(o.there) >= maxSound {
		clear(o.there)
	}
	o.there[arn] = o.now()
	return "", nil
}

// isElsewhere recognises S3's answer about a bucket of another region.
func isElsewhere(err error) bool {
	return awserror.HasCode(err, "PermanentRedirect", "MovedPermanently")
}
