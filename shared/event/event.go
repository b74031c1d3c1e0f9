// Package event turns whatever woke a function into triggers: an API call that
// CloudTrail recorded, an S3 object, a step of a secret's rotation, a schedule,
// or a request that a person wrote by hand. It knows shapes only; which
// triggers concern a function is that function's own business.
package event

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// Trigger is one of Call, Object, RotationStep, Schedule, ByHand,
// TestNotification, Notification and Malformed.
type Trigger interface{ trigger() }

// Message is one delivered message with the triggers it carries. All triggers
// of a message succeed or are delivered again together.
type Message struct {
	// ID is the SQS message's id, "" where the payload came without a queue.
	ID       string
	Triggers []Trigger
	// Received counts how often the queue has delivered the message, this time
	// included; 0 where the payload came without a queue.
	Received int
}

// Sweep gives the reference of the sweep that sent the message, "" where none
// did. All of a message's requests come from one body.
func (m Message) Sweep() string {
	for _, trigger := range m.Triggers {
		if hand, ok := trigger.(ByHand); ok && hand.Sweep != "" {
			return hand.Sweep
		}
	}
	return ""
}

// IsRehearsal reports whether a sweep sent the message to find out what it would
// change.
func (m Message) IsRehearsal() bool {
	return m.Sweep() != "" && slices.ContainsFunc(m.Triggers, func(trigger Trigger) bool {
		hand, ok := trigger.(ByHand)
		return ok && hand.Rehearsal
	})
}

// Delivery is a decoded payload.
type Delivery struct {
	// FromQueue says that SQS delivered the payload, so that failures are
	// answered message by message (batchItemFailures).
	FromQueue bool
	Messages  []Message
}

// Call is an API call as CloudTrail records it ("CloudTrail record contents"
// in the CloudTrail user guide), bare or inside an EventBridge event of
// detail-type "AWS API Call via CloudTrail".
type Call struct {
	// Service is the event source, as in "iam.amazonaws.com".
	Service string
	// Name is the operation, as in "CreateRole".
	Name    string
	Region  string
	Account string
	// Time is when the call was made; zero where the record does not say.
	Time time.Time
	// ErrorCode is set where the call failed. EC2's carry a "Client." prefix,
	// and a successful dry run is an error code, too.
	ErrorCode string
	// ErrorMessage is the service's own sentence about it.
	ErrorMessage string
	Actor        Actor
	// Redelivered says that the queue has delivered the event before, so that an
	// earlier run may have been cut off.
	Redelivered bool
	// Request and Response are the service's own parameters; either may be null.
	Request  json.RawMessage
	Response json.RawMessage
}

// Actor is the principal behind a call, and the client that it used. The access
// key is left out on purpose: nothing here needs it, and reports are public.
type Actor struct {
	// ARN is userIdentity.arn; "" for calls that a service made for itself.
	ARN string
	// RoleARN is the role of an assumed-role session, with its path where
	// CloudTrail gives the session's issuer; "" for users.
	RoleARN string
	// UserName is the IAM user's or the role's name, as CloudTrail gives it.
	UserName string
	// InvokedBy is userIdentity.invokedBy: the service that made the call for the
	// principal, as in "cloudformation.amazonaws.com". AWS sets it.
	InvokedBy string
	// SourceAddress is sourceIPAddress: an address, a service's name, or "AWS
	// Internal". AWS sets it.
	SourceAddress string
	// UserAgent is what the client calls itself. Any caller can forge it.
	UserAgent string
}

// errorCode is what services call their errors.
var errorCode = lazyregexp.New(`^[A-Z][A-Za-z]{1,63}(\.[A-Z][A-Za-z]{1,63}){0,2}$`)

// Failure gives the error of a call that failed, for a message.
func (c Call) Failure() string {
	if !errorCode.MatchString(c.ErrorCode) {
		return "an error"
	}
	return c.ErrorCode
}

// PolicySource is the ARN of the user or role whose policies decide what the
// actor may do, as iam:SimulatePrincipalPolicy takes it. It is "" for a service,
// and for a federated user, who has no policies in IAM.
func (a Actor) PolicySource() string {
	if a.RoleARN != "" {
		return a.RoleARN
	}
	if parts := strings.SplitN(a.ARN, ":", 6); len(parts) == 6 && parts[2] == "iam" && strings.HasPrefix(parts[5], "user/") {
		return a.ARN
	}
	return ""
}

// IsAnyOf reports whether the actor works under one of the roles. The session
// issuer may be missing; the ARN of an assumed role then gives the role's name,
// without its path (IAM's role names are unique in an account whatever the path).
func (a Actor) IsAnyOf(roleARNs []string) bool {
	for _, own := range roleARNs {
		if own == "" {
			continue
		}
		if a.RoleARN == own {
			return true
		}
		ownAccount, ownName := accountAndLastName(own)
		account, name := accountAndLastName(a.RoleARN)
		if name != "" && name == ownName && account == ownAccount {
			return true
		}
	}
	return false
}

// accountAndLastName gives the account and the resource's name without its path.
func accountAndLastName(arn string) (account, name string) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 {
		return "", ""
	}
	return parts[4], parts[5][strings.LastIndexByte(parts[5], '/')+1:]
}

// Object is an S3 event about one object version, from an S3 notification or
// from EventBridge.
type Object struct {
	// Change is the kind of event without its origin's spelling: "Created",
	// "Deleted", or another first word of S3's event name.
	Change string
	// Reason is the API that did it, as in "Put" or "PutObject".
	Reason string
	Bucket string
	// Key is decoded where its shape encodes it (S3 notifications do, as a form
	// value: "+" is a space; EventBridge does not).
	Key string
	// VersionID is "" in a bucket that was never versioned, and "null" for an
	// object written while versioning was suspended; S3 takes both back.
	VersionID string
	// Sequencer orders the events of one key, longer ones padded on the left
	// (S3 user guide, "Event message structure").
	Sequencer string
	ETag      string
	Size      int64
	Region    string
	Account   string
	// Time is when it happened; zero where the event does not say.
	Time time.Time
}

// RotationStep is what Secrets Manager sends to a rotation function.
type RotationStep struct {
	// Step is as it was sent: "createSecret" on the wire, "create_secret" in
	// some of the documentation.
	Step     string
	SecretID string
	// ClientRequestToken is the version's id.
	ClientRequestToken string
	// RotationToken proves the request's origin in PutSecretValue.
	RotationToken secret.Text
}

// Schedule is a run that nothing but the clock asked for.
type Schedule struct{}

// ByHand is a JSON object of a person or of sweep, as in {"role": "name"}. One
// that names several things, as in {"roles": ["a", "b"]}, is that many requests
// for one.
type ByHand struct {
	Fields map[string]json.RawMessage
	// DryRun asks to plan only, whatever the function's mode.
	DryRun bool
	// Rehearsal is set in a sweep's dry run before its changes: it asks again for
	// what has something to change, if the changes are few enough.
	Rehearsal bool
	// Queued says that the request came through the function's queue, as those of
	// other functions do, so that no one's right to invoke the function shows.
	Queued bool
	// Redelivered says that the queue has delivered the request before.
	Redelivered bool
	// Sweep is the reference that a sweep gave to its message, to be told with
	// the results; "" where none did.
	Sweep string
}

// Text gives a field that is a JSON string, and whether it is there and is one.
func (b ByHand) Text(field string) (string, bool) {
	raw, ok := b.Fields[field]
	if !ok {
		return "", false
	}
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil || text == nil {
		return "", false
	}
	return *text, true
}

// TestNotification is s3:TestEvent, which S3 sends when a notification is configured.
type TestNotification struct{ Bucket string }

// Notification is an EventBridge event that is neither a recorded call, nor an
// object's, nor the schedule's.
type Notification struct {
	Source     string
	DetailType string
	Detail     json.RawMessage
	// Resources are the ARNs that the event is about.
	Resources []string
	Account   string
	Region    string
	// Time is when it happened; zero where the event does not say.
	Time time.Time
}

// Malformed is a payload, or a part of one, that is no event.
type Malformed struct {
	// Problem says what is wrong with it, without repeating its content.
	Problem string
}

// Occurred is when what a trigger reports happened; zero where it does not say.
func Occurred(trigger Trigger) time.Time {
	switch typed := trigger.(type) {
	case Call:
		return typed.Time
	case Object:
		return typed.Time
	case Notification:
		return typed.Time
	default:
		return time.Time{}
	}
}

func (Call) trigger()             {}
func (Object) trigger()           {}
func (RotationStep) trigger()     {}
func (Schedule) trigger()         {}
func (ByHand) trigger()           {}
func (TestNotification) trigger() {}
func (Notification) trigger()     {}
func (Malformed) trigger()        {}
