package awserror_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
)

// answer is an error as the SDK wraps it: operation, response, API error.
func answer(service, operation, code string, status int) error {
	return &smithy.OperationError{ServiceID: service, OperationName: operation, Err: &awshttp.ResponseError{
		ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
			Err:      &smithy.GenericAPIError{Code: code, Message: "m"},
		},
	}}
}

func TestClassify(t *testing.T) {
	tests := map[string]struct {
		err  error
		want awserror.Kind
	}{
		"IAM throttles":                      {answer("IAM", "GetRole", "Throttling", 400), awserror.Transient},
		"IAM rate":                           {answer("IAM", "GetRole", "ThrottlingException", 400), awserror.Transient},
		"EC2 throttles":                      {answer("EC2", "DescribeInstances", "RequestLimitExceeded", 503), awserror.Transient},
		"S3 slow down":                       {answer("S3", "GetObject", "SlowDown", 503), awserror.Transient},
		"IAM concurrent change":              {answer("IAM", "AttachRolePolicy", "ConcurrentModification", 409), awserror.Transient},
		"S3 lost the race":                   {answer("S3", "PutObject", "PreconditionFailed", 412), awserror.Transient},
		"server fault with an unknown code":  {answer("ECS", "DescribeTaskDefinition", "Whatever", 502), awserror.Transient},
		"role gone":                          {answer("IAM", "GetRole", "NoSuchEntity", 404), awserror.Gone},
		"object gone":                        {answer("S3", "GetObject", "NoSuchKey", 404), awserror.Gone},
		"version gone":                       {answer("S3", "GetObject", "NoSuchVersion", 404), awserror.Gone},
		"HEAD has no code but Not Found":     {answer("S3", "HeadObject", "NotFound", 404), awserror.Gone},
		"secret gone":                        {answer("Secrets Manager", "GetSecretValue", "ResourceNotFoundException", 400), awserror.Gone},
		"cluster gone":                       {answer("ECS", "DescribeServices", "ClusterNotFoundException", 400), awserror.Gone},
		"instance gone":                      {answer("EC2", "DescribeInstances", "InvalidInstanceID.NotFound", 400), awserror.Gone},
		"IAM denies":                         {answer("IAM", "AttachRolePolicy", "AccessDenied", 403), awserror.Denied},
		"EC2 denies":                         {answer("EC2", "DescribeInstances", "UnauthorizedOperation", 403), awserror.Denied},
		"JSON service denies with 400":       {answer("ECS", "RegisterTaskDefinition", "AccessDeniedException", 400), awserror.Denied},
		"403 with an unknown code":           {answer("S3", "GetObject", "Odd", 403), awserror.Denied},
		"exists already":                     {answer("IAM", "CreatePolicy", "EntityAlreadyExists", 409), awserror.Done},
		"quota":                              {answer("IAM", "AttachRolePolicy", "LimitExceeded", 409), awserror.Refused},
		"bad parameter":                      {answer("ECS", "RegisterTaskDefinition", "ClientException", 400), awserror.Refused},
		"expired credentials":                {answer("STS", "GetCallerIdentity", "ExpiredToken", 403), awserror.Refused},
		"time is up":                         {fmt.Errorf("look at role: %w", context.DeadlineExceeded), awserror.Transient},
		"connection refused":                 {&net.OpError{Op: "dial", Err: errors.New("refused")}, awserror.Transient},
		"answer cut off":                     {fmt.Errorf("read: %w", io.ErrUnexpectedEOF), awserror.Transient},
		"not from AWS at all":                {errors.New("surprise"), awserror.Transient},
		"client fault without HTTP response": {&smithy.GenericAPIError{Code: "Odd", Fault: smithy.FaultClient}, awserror.Refused},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := awserror.Classify(fmt.Errorf("wrapped: %w", test.err)); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestOperation(t *testing.T) {
	tests := map[string]error{
		"iam:AttachRolePolicy":          answer("IAM", "AttachRolePolicy", "AccessDenied", 403),
		"secretsmanager:GetSecretValue": answer("Secrets Manager", "GetSecretValue", "AccessDeniedException", 400),
		"events:PutEvents":              answer("EventBridge", "PutEvents", "AccessDeniedException", 400),
		"s3:ListBucket":                 answer("S3", "ListObjectsV2", "AccessDenied", 403),
		"s3:GetBucketPublicAccessBlock": answer("S3", "GetPublicAccessBlock", "AccessDenied", 403),
		// The account's own block, in S3's other API.
		"s3:GetAccountPublicAccessBlock": answer("S3 Control", "GetPublicAccessBlock", "AccessDenied", 403),
		"s3:PutObject":                   answer("S3", "PutObject", "AccessDenied", 403),
		"":                               errors.New("not a call"),
	}
	for want, err := range tests {
		if got := awserror.Operation(err); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if !awserror.HasCode(answer("IAM", "GetRole", "NoSuchEntity", 404), "NoSuchEntity") || awserror.HasCode(errors.New("x"), "") {
		t.Error("HasCode does not tell codes apart")
	}
}
