package interleavings

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	s3controltypes "github.com/aws/aws-sdk-go-v2/service/s3control/types"
)

// objects are S3: buckets that keep versions, and are as they should be.
type objects struct {
	// versions are those of each bucket/key, the oldest first.
	versions map[string][]*version
	written  int
}

type version struct {
	id, etag, content string
	tags              map[string]string
	modified          time.Time
}

// put writes an object as its owner does, and gives the version's id.
func (o *objects) put(bucket, key, content string, tags map[string]string) string {
	if o.versions == nil {
		o.versions = map[string][]*version{}
	}
	o.written++
	added := &version{id: "v" + strconv.Itoa(o.written), etag: `"` + strconv.Itoa(o.written) + `"`, content: content, tags: map[string]string{}, modified: time.Now()}
	maps.Copy(added.tags, tags)
	o.versions[bucket+"/"+key] = append(o.versions[bucket+"/"+key], added)
	return added.id
}

// top gives the version that is read, nil where there is none.
func (o *objects) top(place string) *version {
	if all := o.versions[place]; len(all) > 0 {
		return all[len(all)-1]
	}
	return nil
}

// describe gives each version, and what it is tagged.
func (o *objects) describe(named func(content string) string) []string {
	var lines []string
	names := map[string]string{}
	for _, place := range slices.Sorted(maps.Keys(o.versions)) {
		for number, stored := range o.versions[place] {
			names[stored.id] = fmt.Sprintf("version %d", number+1)
			lines = append(lines, fmt.Sprintf("%s, version %d says %s", place, number+1, named(stored.content)))
			for _, key := range slices.Sorted(maps.Keys(stored.tags)) {
				value := stored.tags[key]
				if name, ok := names[value]; ok {
					value = name
				}
				lines = append(lines, fmt.Sprintf("%s, version %d has the tag %s=%s", place, number+1, key, value))
			}
		}
	}
	return lines
}

func (o *objects) find(bucket, key, id *string) (*version, error) {
	place := aws.ToString(bucket) + "/" + aws.ToString(key)
	if id == nil {
		if top := o.top(place); top != nil {
			return top, nil
		}
		return nil, refusal("NoSuchKey", "The specified key does not exist.")
	}
	for _, stored := range o.versions[place] {
		if stored.id == *id {
			return stored, nil
		}
	}
	return nil, refusal("NoSuchVersion", "The specified version does not exist.")
}

func (o *objects) GetObject(_ context.Context, input *s3.GetObjectInput) (*s3.GetObjectOutput, error) {
	found, err := o.find(input.Bucket, input.Key, input.VersionId)
	if err != nil {
		return nil, err
	}
	output := &s3.GetObjectOutput{
		Body: io.NopCloser(strings.NewReader(found.content)), ContentLength: aws.Int64(int64(len(found.content))), ETag: &found.etag, VersionId: &found.id, LastModified: &found.modified,
	}
	if len(found.tags) > 0 {
		output.TagCount = aws.Int32(int32(len(found.tags)))
	}
	return output, nil
}

func (o *objects) HeadObject(_ context.Context, input *s3.HeadObjectInput) (*s3.HeadObjectOutput, error) {
	found, err := o.find(input.Bucket, input.Key, input.VersionId)
	if err != nil {
		return nil, refusal("NotFound", "Not Found")
	}
	return &s3.HeadObjectOutput{ETag: &found.etag, VersionId: &found.id}, nil
}

func (o *objects) GetObjectTagging(_ context.Context, input *s3.GetObjectTaggingInput) (*s3.GetObjectTaggingOutput, error) {
	found, err := o.find(input.Bucket, input.Key, input.VersionId)
	if err != nil {
		return nil, err
	}
	output := &s3.GetObjectTaggingOutput{VersionId: &found.id}
	for _, key := range slices.Sorted(maps.Keys(found.tags)) {
		output.TagSet = append(output.TagSet, types.Tag{Key: &key, Value: aws.String(found.tags[key])})
	}
	return output, nil
}

func (o *objects) PutObjectTagging(_ context.Context, input *s3.PutObjectTaggingInput) (*s3.PutObjectTaggingOutput, error) {
	found, err := o.find(input.Bucket, input.Key, input.VersionId)
	if err != nil {
		return nil, err
	}
	found.tags = map[string]string{}
	for _, tag := range input.Tagging.TagSet {
		found.tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return &s3.PutObjectTaggingOutput{VersionId: &found.id}, nil
}

// PutObject writes with S3's conditions ("Conditional writes" in the S3 user
// guide).
func (o *objects) PutObject(_ context.Context, input *s3.PutObjectInput) (*s3.PutObjectOutput, error) {
	content, err := io.ReadAll(input.Body)
	if err != nil {
		return nil, err
	}
	top := o.top(aws.ToString(input.Bucket) + "/" + aws.ToString(input.Key))
	switch {
	case input.IfNoneMatch != nil && top != nil:
		return nil, refusal("PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
	case input.IfMatch != nil && top == nil:
		return nil, refusal("NoSuchKey", "The specified key does not exist.")
	case input.IfMatch != nil && *input.IfMatch != top.etag:
		return nil, refusal("PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
	}
	tags := map[string]string{}
	parsed, err := url.ParseQuery(aws.ToString(input.Tagging))
	if err != nil {
		return nil, refusal("InvalidArgument", "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded")
	}
	for key := range parsed {
		tags[key] = parsed.Get(key)
	}
	id := o.put(*input.Bucket, *input.Key, string(bytes.Clone(content)), tags)
	return &s3.PutObjectOutput{ETag: &o.top(*input.Bucket + "/" + *input.Key).etag, VersionId: &id}, nil
}

// DeleteObject removes the object with all versions: no function deletes one of
// a bucket that keeps them.
func (o *objects) DeleteObject(_ context.Context, input *s3.DeleteObjectInput) (*s3.DeleteObjectOutput, error) {
	delete(o.versions, aws.ToString(input.Bucket)+"/"+aws.ToString(input.Key))
	return &s3.DeleteObjectOutput{}, nil
}

func (o *objects) keys(bucket, prefix *string) []string {
	var keys []string
	for _, place := range slices.Sorted(maps.Keys(o.versions)) {
		if key, here := strings.CutPrefix(place, aws.ToString(bucket)+"/"); here && strings.HasPrefix(key, aws.ToString(prefix)) {
			keys = append(keys, key)
		}
	}
	return keys
}

func (o *objects) ListObjectsV2(_ context.Context, input *s3.ListObjectsV2Input) (*s3.ListObjectsV2Output, error) {
	output := &s3.ListObjectsV2Output{IsTruncated: aws.Bool(false)}
	for _, key := range o.keys(input.Bucket, input.Prefix) {
		top := o.top(*input.Bucket + "/" + key)
		if input.EncodingType == types.EncodingTypeUrl {
			key = url.QueryEscape(key)
		}
		output.Contents = append(output.Contents, types.Object{Key: &key, ETag: &top.etag, LastModified: &top.modified, Size: aws.Int64(int64(len(top.content)))})
	}
	return output, nil
}

func (o *objects) ListObjectVersions(_ context.Context, input *s3.ListObjectVersionsInput) (*s3.ListObjectVersionsOutput, error) {
	output := &s3.ListObjectVersionsOutput{IsTruncated: aws.Bool(false)}
	for _, key := range o.keys(input.Bucket, input.Prefix) {
		all := o.versions[*input.Bucket+"/"+key]
		for number, stored := range slices.Backward(all) {
			output.Versions = append(output.Versions, types.ObjectVersion{Key: &key, VersionId: &stored.id, ETag: &stored.etag, LastModified: &stored.modified, IsLatest: aws.Bool(number == len(all)-1)})
		}
	}
	return output, nil
}

func (*objects) GetPublicAccessBlock(context.Context, *s3.GetPublicAccessBlockInput) (*s3.GetPublicAccessBlockOutput, error) {
	return &s3.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
		BlockPublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true), IgnorePublicAcls: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true),
	}}, nil
}

func (*objects) GetBucketPolicy(context.Context, *s3.GetBucketPolicyInput) (*s3.GetBucketPolicyOutput, error) {
	return nil, refusal("NoSuchBucketPolicy", "The bucket policy does not exist")
}

func (*objects) GetBucketPolicyStatus(context.Context, *s3.GetBucketPolicyStatusInput) (*s3.GetBucketPolicyStatusOutput, error) {
	return nil, refusal("NoSuchBucketPolicy", "The bucket policy does not exist")
}

func (*objects) GetBucketAcl(context.Context, *s3.GetBucketAclInput) (*s3.GetBucketAclOutput, error) {
	return &s3.GetBucketAclOutput{Owner: &types.Owner{ID: aws.String("owner")}}, nil
}

func (*objects) GetBucketOwnershipControls(context.Context, *s3.GetBucketOwnershipControlsInput) (*s3.GetBucketOwnershipControlsOutput, error) {
	return &s3.GetBucketOwnershipControlsOutput{OwnershipControls: &types.OwnershipControls{Rules: []types.OwnershipControlsRule{{ObjectOwnership: types.ObjectOwnershipBucketOwnerEnforced}}}}, nil
}

func (*objects) GetBucketEncryption(context.Context, *s3.GetBucketEncryptionInput) (*s3.GetBucketEncryptionOutput, error) {
	return &s3.GetBucketEncryptionOutput{ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
		ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAes256},
	}}}}, nil
}

func (*objects) GetBucketVersioning(context.Context, *s3.GetBucketVersioningInput) (*s3.GetBucketVersioningOutput, error) {
	return &s3.GetBucketVersioningOutput{Status: types.BucketVersioningStatusEnabled}, nil
}

// publicAccess is S3 Control.
type publicAccess struct{}

func (publicAccess) GetPublicAccessBlock(context.Context, *s3control.GetPublicAccessBlockInput) (*s3control.GetPublicAccessBlockOutput, error) {
	return &s3control.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: &s3controltypes.PublicAccessBlockConfiguration{}}, nil
}
