package configobject_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/ecs-guardrails/ecs-guardrails/shared/policysimulation"
)

// bucket is a small S3: one bucket with versions and tags.
type bucket struct {
	// No condition decides about a role, so that its policies are not read.
	policysimulation.RolePolicyReader
	mutex sync.Mutex
	// versioning is on where true; what is put while it is off replaces the
	// version "null".
	versioning bool
	// never says that versioning was never on, so that S3 names no versions.
	never    bool
	versions []*stored // oldest first
	calls    []string
	// before is asked before each call, with its name and object; an error is
	// the call's answer.
	before func(call, key string) error
	// beforeVersion is asked with the version's id, too.
	beforeVersion func(call, id string) error
	// after is called when a call has found its object.
	after  func(call string)
	serial int
	// page is how many versions a listing gives at a time, 0 for all.
	page int

	unblocked    bool
	policy       string
	objectGrants []types.Grant
	// defaultKey is the KMS key that the bucket names, encryptedWith the one that
	// its objects are encrypted with.
	defaultKey, encryptedWith *string
	// accountBlocks: the account blocks public access to all of its buckets.
	accountBlocks bool
	// readers are the roles that are to read config files, with the actions
	// that they lack.
	readers map[string]string
}

type stored struct {
	key, id, etag string
	content       []byte
	marker        bool
	tags          map[string]string
	metadata      map[string]string
	contentType   *string
}

func apiError(code string) error { return refusal(code, code) }

// put adds an object and gives its version's id.
func (b *bucket) put(key, content string, tags map[string]string) string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.add(&stored{key: key, content: []byte(content), tags: tags})
}

func (b *bucket) add(object *stored) string {
	object.id = "null"
	if b.versioning {
		b.serial++
		object.id = fmt.Sprintf("v%d", b.serial)
	} else {
		b.versions = slices.DeleteFunc(b.versions, func(other *stored) bool { return other.key == object.key && other.id == "null" })
	}
	object.etag = fmt.Sprintf(`"%x"`, md5.Sum(object.content))
	b.versions = append(b.versions, object)
	return object.id
}

// tagsOf gives the tags of a version as "key=value" lines in order.
func (b *bucket) tagsOf(key, id string) []string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	object, err := b.find(key, id)
	if err != nil {
		return nil
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(object.tags)) {
		lines = append(lines, name+"="+object.tags[name])
	}
	return lines
}

func (b *bucket) find(key, id string) (*stored, error) {
	for _, object := range slices.Backward(b.versions) {
		if object.key != key || (id != "" && object.id != id) {
			continue
		}
		switch {
		case !object.marker:
			return object, nil
		case id == "":
			return nil, apiError("NoSuchKey")
		default:
			return nil, apiError("MethodNotAllowed")
		}
	}
	if id == "" {
		return nil, apiError("NoSuchKey")
	}
	return nil, apiError("NoSuchVersion")
}

// enter records a call and finds what it is about.
func (b *bucket) enter(call string, key, id *string) (*stored, error) {
	if b.before != nil {
		if err := b.before(call, aws.ToString(key)); err != nil {
			return nil, err
		}
	}
	if b.beforeVersion != nil {
		if err := b.beforeVersion(call, aws.ToString(id)); err != nil {
			return nil, err
		}
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.after != nil {
		defer b.after(call)
	}
	b.calls = append(b.calls, call)
	return b.find(aws.ToString(key), aws.ToString(id))
}

// named gives a version's id as S3 names it in its answers.
func (b *bucket) named(object *stored) *string {
	if b.never {
		return nil
	}
	return aws.String(object.id)
}

func (b *bucket) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	object, err := b.enter("GetObject", in.Key, in.VersionId)
	if err != nil {
		return nil, err
	}
	return &s3.GetObjectOutput{
		Body: io.NopCloser(bytes.NewReader(object.content)), ContentLength: aws.Int64(int64(len(object.content))),
		ETag: aws.String(object.etag), VersionId: b.named(object), Metadata: object.metadata, ContentType: object.contentType, SSEKMSKeyId: b.encryptedWith,
	}, nil
}

func (b *bucket) GetObjectTagging(_ context.Context, in *s3.GetObjectTaggingInput, _ ...func(*s3.Options)) (*s3.GetObjectTaggingOutput, error) {
	object, err := b.enter("GetObjectTagging", in.Key, in.VersionId)
	if err != nil {
		return nil, err
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	out := &s3.GetObjectTaggingOutput{VersionId: b.named(object)}
	for _, name := range slices.Sorted(maps.Keys(object.tags)) {
		out.TagSet = append(out.TagSet, types.Tag{Key: aws.String(name), Value: aws.String(object.tags[name])})
	}
	return out, nil
}

func (b *bucket) PutObjectTagging(_ context.Context, in *s3.PutObjectTaggingInput, _ ...func(*s3.Options)) (*s3.PutObjectTaggingOutput, error) {
	object, err := b.enter("PutObjectTagging", in.Key, in.VersionId)
	if err != nil {
		return nil, err
	}
	tags := map[string]string{}
	for _, tag := range in.Tagging.TagSet {
		tags[*tag.Key] = *tag.Value
		if len(*tag.Value) > 256 || strings.Trim(*tag.Value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 +-=._:/@") != "" {
			return nil, apiError("InvalidTag")
		}
	}
	if len(in.Tagging.TagSet) > 10 || len(tags) != len(in.Tagging.TagSet) {
		return nil, apiError("BadRequest")
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	object.tags = tags
	return &s3.PutObjectTaggingOutput{}, nil
}

func (b *bucket) HeadObject(_ context.Context, in *s3.HeadObjectInput, _ ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	object, err := b.enter("HeadObject", in.Key, in.VersionId)
	if err != nil {
		return nil, err
	}
	return &s3.HeadObjectOutput{ETag: aws.String(object.etag), VersionId: b.named(object)}, nil
}

func refusal(code, message string) error {
	return &smithy.OperationError{ServiceID: "S3", OperationName: "Call", Err: &smithy.GenericAPIError{Code: code, Message: message, Fault: smithy.FaultClient}}
}

func (b *bucket) ListObjectVersions(_ context.Context, in *s3.ListObjectVersionsInput, _ ...func(*s3.Options)) (*s3.ListObjectVersionsOutput, error) {
	if _, err := b.enter("ListObjectVersions", aws.String("(bucket)"), nil); err != nil && !strings.HasSuffix(err.Error(), "NoSuchKey") {
		return nil, err
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	var listed []*stored
	for _, object := range slices.Backward(b.versions) {
		if strings.HasPrefix(object.key, *in.Prefix) {
			listed = append(listed, object)
		}
	}
	slices.SortStableFunc(listed, func(x, y *stored) int { return strings.Compare(x.key, y.key) })
	latest := map[string]string{}
	for _, object := range listed {
		if _, seen := latest[object.key]; !seen {
			latest[object.key] = object.id
		}
	}
	if in.VersionIdMarker != nil {
		at := slices.IndexFunc(listed, func(object *stored) bool { return object.id == *in.VersionIdMarker && object.key == *in.KeyMarker })
		listed = listed[at+1:]
	}
	out := &s3.ListObjectVersionsOutput{IsTruncated: aws.Bool(false)}
	if page := b.page; page > 0 && len(listed) > page {
		listed = listed[:page]
		last := listed[page-1]
		out.IsTruncated, out.NextKeyMarker, out.NextVersionIdMarker = aws.Bool(true), aws.String(last.key), aws.String(last.id)
	}
	for _, object := range listed {
		isLatest := aws.Bool(latest[object.key] == object.id)
		written := aws.Time(time.Unix(int64(slices.Index(b.versions, object)), 0))
		if object.marker {
			out.DeleteMarkers = append(out.DeleteMarkers, types.DeleteMarkerEntry{Key: &object.key, VersionId: &object.id, IsLatest: isLatest, LastModified: written})
		} else {
			out.Versions = append(out.Versions, types.ObjectVersion{Key: &object.key, VersionId: &object.id, IsLatest: isLatest, LastModified: written})
		}
	}
	return out, nil
}

func (b *bucket) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	top, err := b.enter("PutObject", in.Key, nil)
	if err != nil {
		return nil, err
	}
	if in.IfMatch != nil && top.etag != *in.IfMatch {
		return nil, apiError("PreconditionFailed")
	}
	content, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	query, err := url.ParseQuery(aws.ToString(in.Tagging))
	if err != nil {
		return nil, apiError("InvalidArgument")
	}
	tags := map[string]string{}
	for name, values := range query {
		tags[name] = values[0]
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	id := b.add(&stored{key: *in.Key, content: content, tags: tags, metadata: in.Metadata, contentType: in.ContentType})
	return &s3.PutObjectOutput{VersionId: aws.String(id)}, nil
}

// objectCalls are the calls about objects, not about the bucket.
func (b *bucket) objectCalls() []string {
	return slices.DeleteFunc(slices.Clone(b.calls), func(call string) bool {
		return strings.HasPrefix(call, "GetBucket") || strings.HasPrefix(call, "GetPublicAccessBlock") || call == "GetCallerIdentity" || call == "GetAccountAuthorizationDetails"
	})
}
