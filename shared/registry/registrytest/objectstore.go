package registrytest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// ObjectStore is as much of S3 as credentials need: objects with ETags and
// conditional writes.
type ObjectStore struct {
	// BeforePut is called ahead of each write, to let somebody else write first.
	BeforePut func(*ObjectStore)
	// Now is the clock that objects are dated by; nil leaves them without a date.
	Now func() time.Time
	// Missing is a bucket that does not exist.
	Missing string
	// Unreadable are objects, as bucket/key, with the error code that a read gets.
	Unreadable map[string]string
	// Interruption may cut calls off.
	Interruption *Interruption

	mutex   sync.Mutex
	objects map[string]*object
	puts    int
	listed  []string
}

// Listed gives what was listed until now, as bucket/prefix.
func (s *ObjectStore) Listed() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.listed)
}

type object struct {
	body []byte
	etag string
	put  *s3.PutObjectInput
	// written is nil where the store has no clock.
	written *time.Time
}

// Write puts an object in its place, as its owner does.
func (s *ObjectStore) Write(bucket, key string, body []byte) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.write(bucket, key, body, &s3.PutObjectInput{
		ContentType: aws.String("text/plain"), Metadata: map[string]string{"owner": "ops"}, Tagging: aws.String("team=platform%20%26%20co&ecs-config-status=valid"),
		StorageClass: types.StorageClassIntelligentTiering, CacheControl: aws.String("no-store"),
		ServerSideEncryption: types.ServerSideEncryptionAwsKms, SSEKMSKeyId: aws.String("key"), BucketKeyEnabled: aws.Bool(true),
	})
}

func (s *ObjectStore) write(bucket, key string, body []byte, input *s3.PutObjectInput) {
	if s.objects == nil {
		s.objects = map[string]*object{}
	}
	s.puts++
	written := &object{body: body, etag: fmt.Sprintf(`"%d"`, s.puts), put: input}
	if s.Now != nil {
		written.written = aws.Time(s.Now())
	}
	s.objects[bucket+"/"+key] = written
}

// Read gives an object's bytes, nil where there is none.
func (s *ObjectStore) Read(bucket, key string) []byte {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if found, ok := s.objects[bucket+"/"+key]; ok {
		return found.body
	}
	return nil
}

// Puts gives the number of writes until now.
func (s *ObjectStore) Puts() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.puts
}

// GetObject implements S3's operation.
func (s *ObjectStore) GetObject(ctx context.Context, input *s3.GetObjectInput, _ ...func(*s3.Options)) (output *s3.GetObjectOutput, err error) {
	cut := s.Interruption.Around(func() {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		found, ok := s.objects[*input.Bucket+"/"+*input.Key]
		if !ok {
			err = s3Error("GetObject", &types.NoSuchKey{})
			return
		}
		if code := s.Unreadable[*input.Bucket+"/"+*input.Key]; code != "" {
			err = s3Error("GetObject", &smithy.GenericAPIError{Code: code, Fault: smithy.FaultClient})
			return
		}
		output = &s3.GetObjectOutput{
			Body: io.NopCloser(bytes.NewReader(found.body)), ETag: aws.String(found.etag), LastModified: found.written,
			ContentType: found.put.ContentType, Metadata: found.put.Metadata, CacheControl: found.put.CacheControl, StorageClass: found.put.StorageClass,
			ServerSideEncryption: found.put.ServerSideEncryption, SSEKMSKeyId: found.put.SSEKMSKeyId, BucketKeyEnabled: found.put.BucketKeyEnabled,
		}
		if tags := found.tags(); len(tags) > 0 {
			output.TagCount = aws.Int32(int32(len(tags)))
		}
	})
	if cut != nil {
		return nil, cut
	}
	return output, err
}

// tags are those that came with the object.
func (o *object) tags() url.Values {
	tags, _ := url.ParseQuery(aws.ToString(o.put.Tagging))
	return tags
}

// Stored gives what an object was written with, nil where there is none.
func (s *ObjectStore) Stored(bucket, key string) *s3.PutObjectInput {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if found, ok := s.objects[bucket+"/"+key]; ok {
		return found.put
	}
	return nil
}

// GetObjectTagging implements S3's operation.
func (s *ObjectStore) GetObjectTagging(ctx context.Context, input *s3.GetObjectTaggingInput, _ ...func(*s3.Options)) (output *s3.GetObjectTaggingOutput, err error) {
	cut := s.Interruption.Around(func() {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		found, ok := s.objects[*input.Bucket+"/"+*input.Key]
		if !ok {
			err = s3Error("GetObjectTagging", &types.NoSuchKey{})
			return
		}
		output = &s3.GetObjectTaggingOutput{}
		for _, key := range slices.Sorted(maps.Keys(found.tags())) {
			output.TagSet = append(output.TagSet, types.Tag{Key: &key, Value: aws.String(found.tags().Get(key))})
		}
	})
	if cut != nil {
		return nil, cut
	}
	return output, err
}

// PutObject implements S3's operation, with If-Match.
func (s *ObjectStore) PutObject(ctx context.Context, input *s3.PutObjectInput, _ ...func(*s3.Options)) (output *s3.PutObjectOutput, err error) {
	if s.BeforePut != nil {
		s.BeforePut(s)
	}
	cut := s.Interruption.Around(func() {
		body, readErr := io.ReadAll(input.Body)
		if readErr != nil {
			err = readErr
			return
		}
		s.mutex.Lock()
		defer s.mutex.Unlock()
		found, ok := s.objects[*input.Bucket+"/"+*input.Key]
		switch {
		case input.IfMatch != nil && !ok:
			err = s3Error("PutObject", &types.NoSuchKey{})
		case input.IfMatch != nil && *input.IfMatch != found.etag:
			err = s3Error("PutObject", &smithy.GenericAPIError{Code: "PreconditionFailed", Fault: smithy.FaultClient})
		default:
			s.write(*input.Bucket, *input.Key, body, input)
			output = &s3.PutObjectOutput{}
		}
	})
	if cut != nil {
		return nil, cut
	}
	return output, err
}

func s3Error(operation string, err error) error {
	return &smithy.OperationError{ServiceID: "S3", OperationName: operation, Err: err}
}

// ListObjectsV2 implements S3's operation, two keys to a page.
func (s *ObjectStore) ListObjectsV2(ctx context.Context, input *s3.ListObjectsV2Input, _ ...func(*s3.Options)) (output *s3.ListObjectsV2Output, err error) {
	cut := s.Interruption.Around(func() {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		if s.Missing == *input.Bucket {
			err = s3Error("ListObjectsV2", &types.NoSuchBucket{})
			return
		}
		s.listed = append(s.listed, *input.Bucket+"/"+aws.ToString(input.Prefix))
		output = &s3.ListObjectsV2Output{IsTruncated: aws.Bool(false)}
		var found []string
		for name := range s.objects {
			key, ok := strings.CutPrefix(name, *input.Bucket+"/")
			if ok && key > aws.ToString(input.ContinuationToken) && strings.HasPrefix(key, aws.ToString(input.Prefix)) {
				found = append(found, key)
			}
		}
		slices.Sort(found)
		last := ""
		for _, key := range found {
			if len(output.Contents) == 2 {
				output.IsTruncated, output.NextContinuationToken = aws.Bool(true), aws.String(last)
				return
			}
			last = key
			if input.EncodingType == types.EncodingTypeUrl {
				key = url.QueryEscape(key)
			} else if strings.ContainsFunc(key, unicode.IsControl) {
				// XML can't hold it, and no SDK reads what S3 answers then.
				output, err = nil, s3Error("ListObjectsV2", &smithy.GenericAPIError{Code: "DeserializationError", Fault: smithy.FaultClient})
				return
			}
			output.Contents = append(output.Contents, types.Object{Key: aws.String(key)})
		}
	})
	if cut != nil {
		return nil, cut
	}
	return output, err
}
