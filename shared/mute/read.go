package mute

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

const (
	// ToldKey is the key of what people were told about, which notify keeps beside the
	// mutes, and maxTold bounds what is read of it, in bytes.
	ToldKey = "told.json"
	maxTold = 16 << 20
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
	stored, err := Get(ctx, client, bucket)
	if awserror.HasCode(err, "NoSuchBucket") {
		return List{}
	}
	if err != nil {
		return List{Problem: fmt.Sprintf("s3://%s/%s can't be read, so nothing is muted: %v", bucket, Key, err)}
	}
	if !stored.Found {
		return List{}
	}
	list, err := Parse(stored.Content)
	if err != nil {
		return List{Problem: fmt.Sprintf("nothing is muted, because of a mistake in s3://%s: %v", bucket, err)}
	}
	return list
}

// Stored is an object as it lies in the report bucket.
type Stored struct {
	// Found says that there is one.
	Found   bool
	Content []byte
	// Tag is its ETag, for a conditional write.
	Tag string
}

// Get reads the document, be it right or wrong.
func Get(ctx context.Context, client ObjectGetter, bucket string) (Stored, error) {
	return get(ctx, client, bucket, Key, maxSize+1)
}

func get(ctx context.Context, client ObjectGetter, bucket, key string, most int64) (Stored, error) {
	output, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if awserror.HasCode(err, "NoSuchKey", "NotFound") {
		return Stored{}, nil
	}
	if err != nil {
		return Stored{}, err
	}
	defer func() { _ = output.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(output.Body, most))
	if err != nil {
		return Stored{}, err
	}
	return Stored{Found: true, Content: content, Tag: aws.ToString(output.ETag)}, nil
}

// Told gives the subject and code of a problem that people were told about, by the
// id in its message.
func Told(ctx context.Context, client ObjectGetter, bucket, id string) (subject, code string, err error) {
	stored, err := get(ctx, client, bucket, ToldKey, maxTold)
	if err != nil {
		return "", "", fmt.Errorf("look the id up in s3://%s/%s: %w", bucket, ToldKey, err)
	}
	var told struct {
		Problems []struct{ ID, Subject, Code string }
	}
	if stored.Found && json.Unmarshal(stored.Content, &told) != nil {
		return "", "", fmt.Errorf("s3://%s/%s is not what notify writes", bucket, ToldKey)
	}
	for _, problem := range told.Problems {
		if problem.ID == id {
			return finding.StableSubject(problem.Subject), problem.Code, nil
		}
	}
	return "", "", errors.New("no problem that stands has this id: give --subject and --code, as the message has them")
}
