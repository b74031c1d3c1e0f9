// Package cloudtrail turns the calls that pass the rig's endpoint into the
// events that AWS CloudTrail hands to Amazon EventBridge, and delivers them
// through the rules that are deployed.
package cloudtrail

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
)

// Event is what EventBridge gets: the envelope with CloudTrail's record in it.
type Event struct {
	Version    string         `json:"version"`
	ID         string         `json:"id"`
	DetailType string         `json:"detail-type"`
	Source     string         `json:"source"`
	Account    string         `json:"account"`
	Time       string         `json:"time"`
	Region     string         `json:"region"`
	Resources  []string       `json:"resources"`
	Detail     map[string]any `json:"detail"`
}

// Identity is who made a call.
type Identity struct {
	Account string
	// Role is the role's name and RoleID its unique ID, Session the session's
	// name; all are empty for a person.
	Role, RoleARN, RoleID, Session string
	// User is the name of the IAM user, and UserID its unique ID. UserPath is
	// the user's path, "" for "/".
	User, UserID, UserPath string
}

// ARN is the principal of the call: a user, or a role's session.
func (i Identity) ARN() string {
	if i.Role != "" {
		return i.SessionARN()
	}
	return "arn:aws:iam::" + i.Account + ":user" + cmp.Or(i.UserPath, "/") + i.User
}

// SessionARN is the principal of a role's session; empty for a person.
func (i Identity) SessionARN() string {
	if i.Role == "" {
		return ""
	}
	return "arn:aws:sts::" + i.Account + ":assumed-role/" + i.Role + "/" + i.Session
}

// services are the ones whose calls become events here: those that the stack
// has, or could have, rules for.
var services = []string{"iam", "ec2", "ecs", "secretsmanager"}

// readPrefixes begin the names of operations that change nothing. EventBridge
// gets none of them unless a rule asks for read events, which no rule does
// (EventBridge User Guide, "AWS service events delivered via CloudTrail").
var readPrefixes = []string{"Get", "List", "Describe", "Simulate", "BatchGet", "Discover", "Generate"}

// Recorded says whether CloudTrail hands the call to EventBridge.
func Recorded(call awscall.Call) bool {
	return slices.Contains(services, call.Service) && !slices.ContainsFunc(readPrefixes, func(prefix string) bool {
		return strings.HasPrefix(call.Operation, prefix)
	})
}

// globalRegion is where calls of global services are recorded.
const globalRegion = "us-east-1"

// NewEvent makes the event of a recorded call.
func NewEvent(exchange awscall.Exchange, identity Identity) Event {
	call := exchange.Call
	region := call.Region
	if call.Service == "iam" {
		region = globalRegion
	}
	at := call.Time.UTC().Format(time.RFC3339)
	detail := map[string]any{
		"eventVersion":       "1.09",
		"userIdentity":       userIdentity(identity, exchange, call.Time),
		"eventTime":          at,
		"eventSource":        call.Service + ".amazonaws.com",
		"eventName":          call.Operation,
		"awsRegion":          region,
		"sourceIPAddress":    cmp.Or(exchange.InvokedBy, exchange.SourceIP),
		"userAgent":          cmp.Or(exchange.InvokedBy, exchange.Header.Get("User-Agent")),
		"requestParameters":  requestParameters(exchange),
		"responseElements":   nil,
		"requestID":          cmp.Or(call.RequestID, newID()),
		"eventID":            newID(),
		"readOnly":           false,
		"eventType":          "AwsApiCall",
		"managementEvent":    true,
		"recipientAccountId": identity.Account,
		"eventCategory":      "Management",
		"tlsDetails": map[string]any{
			"tlsVersion":               "TLSv1.3",
			"cipherSuite":              "TLS_AES_128_GCM_SHA256",
			"clientProvidedHostHeader": host(call.Service, region),
		},
	}
	if exchange.InvokedBy != "" {
		// What a service calls for a principal goes over no network of the principal's.
		delete(detail, "tlsDetails")
	}
	if call.Failed() {
		detail["errorCode"] = errorCode(call)
		detail["errorMessage"] = call.ErrorMessage
	} else {
		detail["responseElements"] = responseElements(exchange)
	}
	return Event{
		Version:    "0",
		ID:         newID(),
		DetailType: "AWS API Call via CloudTrail",
		Source:     "aws." + call.Service,
		Account:    identity.Account,
		Time:       at,
		Region:     region,
		Resources:  []string{},
		Detail:     detail,
	}
}

func host(service, region string) string {
	if service == "iam" {
		return "iam.amazonaws.com"
	}
	return service + "." + region + ".amazonaws.com"
}

func userIdentity(identity Identity, exchange awscall.Exchange, at time.Time) map[string]any {
	described := principal(identity, at)
	described["accessKeyId"] = exchange.AccessKey
	if exchange.InvokedBy != "" {
		described["invokedBy"] = exchange.InvokedBy
	}
	return described
}

func principal(identity Identity, at time.Time) map[string]any {
	if identity.Role == "" {
		return map[string]any{
			"type":        "IAMUser",
			"principalId": cmp.Or(identity.UserID, "AIDA0000000000000LOCAL"),
			"arn":         identity.ARN(),
			"accountId":   identity.Account,
			"userName":    identity.User,
		}
	}
	return map[string]any{
		"type":        "AssumedRole",
		"principalId": identity.RoleID + ":" + identity.Session,
		"arn":         identity.SessionARN(),
		"accountId":   identity.Account,
		"sessionContext": map[string]any{
			"sessionIssuer": map[string]any{
				"type":        "Role",
				"principalId": identity.RoleID,
				"arn":         identity.RoleARN,
				"accountId":   identity.Account,
				"userName":    identity.Role,
			},
			"attributes": map[string]any{
				"creationDate":     at.UTC().Format(time.RFC3339),
				"mfaAuthenticated": "false",
			},
		},
	}
}

// deniedCodes keep their name in every service's records.
var deniedCodes = []string{"AccessDenied", "AccessDeniedException", "Throttling", "ThrottlingException"}

// errorCode writes the code as CloudTrail does: EC2's say whose fault it is,
// IAM's end in Exception, whatever the API's own answer says.
func errorCode(call awscall.Call) string {
	switch {
	case call.Service == "ec2" && call.Status >= http.StatusInternalServerError:
		return "Server." + call.ErrorCode
	case call.Service == "ec2":
		return "Client." + call.ErrorCode
	case call.Service == "iam" && !slices.Contains(deniedCodes, call.ErrorCode) && !strings.HasSuffix(call.ErrorCode, "Exception"):
		return call.ErrorCode + "Exception"
	}
	return call.ErrorCode
}

// newID makes a random UUID of version 4.
func newID() string {
	var id [16]byte
	_, _ = rand.Read(id[:])
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	text := hex.EncodeToString(id[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}
