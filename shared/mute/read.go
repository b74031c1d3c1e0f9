package mute

import (
	"context"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
)

// ObjectGetter is the part of S3's client that reading the document needs.
type ObjectGetter interface {
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
}

// Read reads the document from the report bucket. Without one, nothing is muted.
// One that can't be read or understood mutes nothing either, and Problem says so:
// people rather get a message too many than one too few.
func Read(ctx context.Context, client ObjectGetter, bucket string) List {
	if bucket == "" {
		return List{}
	}
	output, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: aws.String(Key)})
	if awserror.HasCode(err, "NoSuchKey", "NotFound", "NoSuchBucket") {
		return List{}
	}
	where := "s3://" + bucket + "/" + Key
	if err != nil {
		return List{Problem: fmt.Sprintf("%s can't be read, so nothing is muted: %v", where, err)}
	}
	defer func() { _ = output.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(output.Body, maxSize+1))
	if err != nil {
		return List{Problem: fmt.Sprintf("%s can't be read, so nothing is muted: %v", where, err)}
	}
	list, err := Parse(content)
	if err != nil {
		return List{Problem: fmt.Sprintf("nothing is muted, because of a mistake in s3://%s: %v", bucket, err)}
	}
	return list
}
