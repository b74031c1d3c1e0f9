// Package awscall tells which AWS operation an HTTP request is, who makes it
// and with which parameters, and keeps the record of all of them.
package awscall

import (
	"net/http"
	"regexp"
	"strings"
	"time"
)

// Person is the caller of every request that no function of the stack made.
const Person = "person"

// InvokedByHeader names, on the local stack, the service that a call should be
// recorded as made by: AWS Batch and the like, which the emulator doesn't have, call
// for a principal from inside of AWS.
const InvokedByHeader = "X-Local-Invoked-By"

// Call is one AWS API call as it is recorded. It holds no secret value.
type Call struct {
	Time time.Time `json:"time"`
	// Caller is the function's short name ("attach-policies"), or Person.
	Caller string `json:"caller"`
	// Service is the prefix of the service's IAM actions, as in "iam" or "s3".
	Service   string `json:"service"`
	Operation string `json:"operation"`
	Region    string `json:"region,omitempty"`
	// Parameters are the request's, in the names of the API reference.
	Parameters map[string]any `json:"parameters,omitempty"`
	// Status is the HTTP status; ErrorCode and ErrorMessage say why it failed.
	Status       int    `json:"status"`
	ErrorCode    string `json:"errorCode,omitempty"`
	ErrorMessage string `json:"errorMessage,omitempty"`
	RequestID    string `json:"requestId,omitempty"`
	// Trace is the X-Ray trace of the invocation that made the call.
	Trace    string        `json:"trace,omitempty"`
	Duration time.Duration `json:"duration"`
}

// Name is the operation with its service, as in "iam:CreateRole".
func (c Call) Name() string { return c.Service + ":" + c.Operation }

// Failed says that AWS refused the call.
func (c Call) Failed() bool { return c.Status >= 400 }

// Exchange is one call with everything that was said, secrets included. It
// stays in memory.
type Exchange struct {
	Call Call
	// Parameters are the request's, in the names of the API reference, whole.
	Parameters map[string]any
	Protocol   Protocol
	Header     http.Header
	Host       string
	AccessKey  string
	// SessionToken is that of temporary credentials; of a function's, its name.
	SessionToken string
	SourceIP     string
	// InvokedBy is the service that makes the call for a principal, as in
	// "cloudformation.amazonaws.com"; "" for those that no service makes.
	InvokedBy string
	// Response is the body of the answer; empty for an S3 object's.
	Response []byte
}

// applicationID is how the SDK for Go writes its application id into the
// User-Agent; every client of a function sets it, and so does a scan's, which runs
// in a person's shell.
var applicationID = regexp.MustCompile(`(?:^|\s)app/ecs-guardrails-([a-z0-9-]+)`)

func caller(userAgent string) string {
	if match := applicationID.FindStringSubmatch(userAgent); match != nil && match[1] != "scan" {
		return match[1]
	}
	return Person
}

// credentialScope takes the access key, region and signing name from a
// signature of version 4: AKID/20260102/us-east-1/iam/aws4_request.
func credentialScope(request *http.Request) (accessKey, region, signingName string) {
	scope := request.URL.Query().Get("X-Amz-Credential")
	if _, after, ok := strings.Cut(request.Header.Get("Authorization"), "Credential="); ok {
		scope, _, _ = strings.Cut(after, ",")
	}
	parts := strings.Split(strings.TrimSpace(scope), "/")
	if len(parts) < 5 {
		return "", "", ""
	}
	parts = parts[len(parts)-5:]
	return parts[0], parts[2], parts[3]
}

// actionPrefixes are the services whose IAM actions have another prefix than
// the name that requests are signed with.
var actionPrefixes = map[string]string{
	"monitoring": "cloudwatch",
	"tagging":    "tag",
	"email":      "ses",
}

func actionPrefix(signingName string) string {
	if prefix, ok := actionPrefixes[signingName]; ok {
		return prefix
	}
	return signingName
}
