// Package awserror is the one place that says what an AWS error means to us:
// whether trying again can help, whether the thing has gone, and whether we
// are not allowed.
package awserror

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// Kind is what an error means for the event that met it.
type Kind int

const (
	// Transient: a retry can cure it: throttling, time-outs, server faults,
	// broken connections, a concurrent change, and whatever we do not know.
	// For the unknown a retry is the cheap mistake: it ends in the dead-letter
	// queue and an alarm, where a wrong "final" would end in silence.
	Transient Kind = iota
	// Gone: the thing that the event speaks of does not exist (any more).
	Gone
	// Denied: a policy does not let us.
	Denied
	// Done: what was asked for is so already.
	Done
	// Refused: the service understood and says no, and will say no again.
	Refused
)

// String gives the kind's name in lower case.
func (k Kind) String() string {
	return [...]string{"transient", "gone", "denied", "done", "refused"}[k]
}

// The codes are those of the services' API references, under "Errors" of the
// operations that we call; EC2's are from its "Error codes" page. The endings
// catch the many of one meaning: "InvalidInstanceID.NotFound",
// "ResourceNotFoundException", "ClusterNotFoundException".
var (
	transientCodes = []string{
		"ConcurrentModification", "ConcurrentModificationException", // IAM: "submit your request again"
		"ConditionalRequestConflict",                // S3: a conditional write met another one
		"OperationAborted",                          // S3: a conflicting conditional operation is in progress
		"PreconditionFailed",                        // S3: somebody wrote in between; look again
		"ServiceFailure", "ServiceFailureException", // IAM
		"ServiceUnavailable", "InternalError", "InternalFailure", "InternalServiceError", "ServerException",
		"PreconditionNotMetException", // Secrets Manager: pending changes
		"UpdateInProgressException",   // ECS
	}
	goneCodes = []string{
		"NoSuchEntity", "NoSuchEntityException", "NoSuchKey", "NoSuchVersion", "NoSuchBucket", "NotFound",
	}
	goneEndings = []string{".NotFound", "NotFoundException"}
	// "AllAccessDisabled" and "AccountProblem" are S3's, the "Authorization"
	// ones EC2's, ECS's and SQS's.
	deniedCodes = []string{
		"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError",
		"AuthorizationErrorException", "Forbidden", "AllAccessDisabled", "AccountProblem", "NotAuthorized",
		"KMS.AccessDeniedException", "KMSAccessDeniedException", "UnmodifiableEntity", "UnmodifiableEntityException",
	}
	doneCodes = []string{
		"EntityAlreadyExists", "EntityAlreadyExistsException", "ResourceExistsException",
	}
	// Expired and unknown credentials are refused rather than denied: no policy
	// of the account's can cure them, and neither can we.
	refusedCodes = []string{
		"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException",
		"SignatureDoesNotMatch", "InvalidAccessKeyId",
	}
)

// Classify says what err means. A nil error is a mistake of the caller's and
// classified as Done.
func Classify(err error) Kind {
	if err == nil {
		return Done
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || brokenConnection(err) {
		return Transient
	}
	status := httpStatus(err)
	if apiError, ok := errors.AsType[smithy.APIError](err); ok {
		code := apiError.ErrorCode()
		switch {
		case slices.Contains(transientCodes, code), isThrottle(code):
			return Transient
		case slices.Contains(goneCodes, code), slices.ContainsFunc(goneEndings, func(end string) bool { return strings.HasSuffix(code, end) }):
			return Gone
		case slices.Contains(deniedCodes, code):
			return Denied
		case slices.Contains(doneCodes, code):
			return Done
		case slices.Contains(refusedCodes, code):
			return Refused
		case status >= 500 || status == 429 || apiError.ErrorFault() == smithy.FaultServer:
			return Transient
		case status == 404:
			return Gone
		case status == 403:
			return Denied
		case status >= 400 || apiError.ErrorFault() == smithy.FaultClient:
			return Refused
		}
	}
	return Transient
}

// Code gives the service's error code, or "" where none was received. Unlike
// the message, it never repeats what was sent.
func Code(err error) string {
	if apiError, ok := errors.AsType[smithy.APIError](err); ok {
		return apiError.ErrorCode()
	}
	return ""
}

// Answered says in a clause what a call was answered with, as in "s3:GetObject answered
// AccessDenied".
func Answered(err error) string {
	return cmp.Or(Operation(err), "AWS") + " answered " + Code(err)
}

// Operation names the call that failed as IAM names its permission, as in
// "iam:AttachRolePolicy", or gives "" where it is not known.
func Operation(err error) string {
	operation, ok := errors.AsType[*smithy.OperationError](err)
	if !ok {
		return ""
	}
	service := strings.ToLower(strings.ReplaceAll(operation.Service(), " ", ""))
	if service == "eventbridge" {
		service = "events"
	}
	name := service + ":" + operation.Operation()
	if permission, otherwise := permissions[name]; otherwise {
		return permission
	}
	return name
}

// permissions are those of the calls of ours that S3 grants under another name:
// a reader who should allow "s3:ListObjectsV2" would not find it ("Required
// permissions for Amazon S3 API operations" in the S3 user guide). That a call
// names an object's version, which asks for more, an error does not tell.
var permissions = map[string]string{
	"s3:ListObjectsV2":                      "s3:ListBucket",
	"s3:ListObjectVersions":                 "s3:ListBucketVersions",
	"s3:HeadObject":                         "s3:GetObject",
	"s3:GetBucketEncryption":                "s3:GetEncryptionConfiguration",
	"s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
	"s3:GetPublicAccessBlock":               "s3:GetBucketPublicAccessBlock",
	"s3control:GetPublicAccessBlock":        "s3:GetAccountPublicAccessBlock",
}

// HasCode reports whether the service answered with one of the codes.
func HasCode(err error, codes ...string) bool {
	code := Code(err)
	return code != "" && slices.Contains(codes, code)
}

func isThrottle(code string) bool {
	_, known := retry.DefaultThrottleErrorCodes[code]
	return known || strings.Contains(code, "Throttl")
}

func httpStatus(err error) int {
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return response.HTTPStatusCode()
	}
	return 0
}

func brokenConnection(err error) bool {
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, io.ErrUnexpectedEOF) || retry.RetryableConnectionError{}.IsErrorRetryable(err) == aws.TrueTernary
}
