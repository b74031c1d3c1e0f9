package taskdef

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// fakeObjects has the objects of its buckets, as "bucket/key"; nil has them all.
type fakeObjects struct {
	objects []string
	calls   int
	err     error
}

func (f *fakeObjects) ListObjectsV2(_ context.Context, input *s3.ListObjectsV2Input, _ ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	f.calls++
	if f.err != nil {
		return nil, f.err
	}
	output := &s3.ListObjectsV2Output{}
	listed := func(key string) s3types.Object {
		if input.EncodingType == s3types.EncodingTypeUrl {
			key = url.QueryEscape(key)
		}
		return s3types.Object{Key: &key}
	}
	if f.objects == nil {
		output.Contents = []s3types.Object{listed(*input.Prefix)}
	}
	for _, object := range slices.Sorted(slices.Values(f.objects)) {
		bucket, key, _ := strings.Cut(object, "/")
		if bucket == *input.Bucket && strings.HasPrefix(key, *input.Prefix) && len(output.Contents) < int(aws.ToInt32(input.MaxKeys)) {
			output.Contents = append(output.Contents, listed(key))
		}
	}
	return output, nil
}

func TestEnvironmentFilesExist(t *testing.T) {
	refused := func(code string) error { return &smithy.GenericAPIError{Code: code, Message: "m"} }
	tests := []struct {
		name    string
		objects []string
		err     error
		status  finding.Status
		codes   string
	}{
		{"it is there", []string{"acme-env/app/prod.env"}, nil, finding.Compliant, ""},
		{"it is there, with others that begin alike", []string{"acme-env/app/prod.env", "acme-env/app/prod.env.bak"}, nil, finding.Compliant, ""},
		{"another one begins alike", []string{"acme-env/app/prod.env.bak"}, nil, finding.Noncompliant, "environment-file-gone"},
		{"the bucket is empty", []string{"other/app/prod.env"}, nil, finding.Noncompliant, "environment-file-gone"},
		{"there is no such bucket", nil, &s3types.NoSuchBucket{}, finding.Noncompliant, "environment-file-gone"},
		{"another account's bucket", nil, refused("AccessDenied"), finding.Compliant, ""},
		{"another region's bucket", nil, refused("PermanentRedirect"), finding.Compliant, ""},
		{"S3 is busy", nil, refused("SlowDown"), finding.Failed, "call-retried"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newStack()
			s.objects.objects, s.objects.err = test.objects, test.err
			web := container("web", "nginx")
			web.EnvironmentFiles = []types.EnvironmentFile{{Type: types.EnvironmentFileTypeS3, Value: aws.String("arn:aws:s3:::acme-env/app/prod.env")}}
			s.ecs.add(registration("app", web))
			result := s.look("app")
			if got := strings.Join(codes(result), " "); got != test.codes || result.Status != test.status {
				t.Fatalf("%s %s\n%+v", result.Status, got, result.Findings)
			}
			// What is there is believed for a while, what is not is looked for again.
			calls := s.objects.calls
			s.look("app")
			if known := s.objects.calls == calls; known != (test.name == "it is there" || test.name == "it is there, with others that begin alike") {
				t.Errorf("asked %d times, and then %d", calls, s.objects.calls)
			}
			s.now = s.now.Add(soundTTL + time.Second)
			s.look("app")
			if s.objects.calls < calls+1 {
				t.Error("it was believed forever")
			}
		})
	}
}

func TestAnEnvironmentFileThatIsWronglyNamedIsNotLookedFor(t *testing.T) {
	s := newStack()
	web := container("web", "nginx")
	web.EnvironmentFiles = []types.EnvironmentFile{{Type: types.EnvironmentFileTypeS3, Value: aws.String("arn:aws:s3:::acme-env/app/prod.txt")}}
	s.ecs.add(registration("app", web))
	wantResult(t, s.look("app"), finding.Noncompliant, "environment-file-invalid")
	if s.objects.calls != 0 {
		t.Errorf("%d calls", s.objects.calls)
	}
}
