package event_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

const bareCall = `{"eventVersion":"1.08","eventSource":"iam.amazonaws.com","eventName":"CreateRole","awsRegion":"us-east-1",
	"recipientAccountId":"123456789012","sourceIPAddress":"203.0.113.5","userAgent":"aws-cli/2.15.0",
	"userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::123456789012:assumed-role/deployer/ci","accessKeyId":"ASIAEXAMPLE",
	"sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::123456789012:role/teams/deployer","userName":"deployer"}}},
	"requestParameters":{"roleName":"ecsInstanceRole"},"responseElements":null}`

var wantCall = event.Call{
	Service: "iam.amazonaws.com", Name: "CreateRole", Region: "us-east-1", Account: "123456789012",
	Actor: event.Actor{
		ARN:           "arn:aws:sts::123456789012:assumed-role/deployer/ci",
		RoleARN:       "arn:aws:iam::123456789012:role/teams/deployer",
		UserName:      "deployer",
		SourceAddress: "203.0.113.5",
		UserAgent:     "aws-cli/2.15.0",
	},
	Request: json.RawMessage(`{"roleName":"ecsInstanceRole"}`), Response: json.RawMessage(`null`),
}

const s3Record = `{"eventSource":"aws:s3","awsRegion":"eu-west-1","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},
	"object":{"key":"%s","size":12,"eTag":"e","versionId":"v1","sequencer":"0A"}}}`

func wantObject(key string) event.Object {
	return event.Object{Change: "Created", Reason: "Put", Bucket: "b", Key: key, VersionID: "v1", Sequencer: "0A", ETag: "e", Size: 12, Region: "eu-west-1"}
}

func quoted(text string) string {
	marshalled, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(marshalled)
}

func records(of ...string) string { return `{"Records":[` + strings.Join(of, ",") + `]}` }

func TestDecodeOneMessage(t *testing.T) {
	eventBridge := func(source, detailType, detail string) string {
		return fmt.Sprintf(`{"version":"0","source":%q,"detail-type":%q,"account":"123456789012","region":"eu-west-1","detail":%s}`, source, detailType, detail)
	}
	tests := map[string]struct {
		payload string
		want    []event.Trigger
	}{
		"bare CloudTrail record":        {bareCall, []event.Trigger{wantCall}},
		"CloudTrail log file":           {records(bareCall), []event.Trigger{wantCall}},
		"CloudTrail inside EventBridge": {eventBridge("aws.iam", "AWS API Call via CloudTrail", bareCall), []event.Trigger{wantCall}},
		"account and region from the envelope, no session issuer, failed": {
			eventBridge("aws.ec2", "AWS API Call via CloudTrail", `{"eventSource":"ec2.amazonaws.com","eventName":"RunInstances","errorCode":"Client.DryRunOperation",
				"userIdentity":{"arn":"arn:aws-cn:sts::9:assumed-role/deployer/i-1"}}`),
			[]event.Trigger{event.Call{Service: "ec2.amazonaws.com", Name: "RunInstances", Region: "eu-west-1", Account: "123456789012", ErrorCode: "Client.DryRunOperation",
				Actor: event.Actor{ARN: "arn:aws-cn:sts::9:assumed-role/deployer/i-1", RoleARN: "arn:aws-cn:iam::9:role/deployer"}}},
		},
		"called by a service": {
			`{"eventSource":"iam.amazonaws.com","eventName":"AttachRolePolicy","userIdentity":{"type":"AWSService","invokedBy":"cloudformation.amazonaws.com"}}`,
			[]event.Trigger{event.Call{Service: "iam.amazonaws.com", Name: "AttachRolePolicy", Actor: event.Actor{InvokedBy: "cloudformation.amazonaws.com"}}},
		},
		"S3 notification":                   {records(fmt.Sprintf(s3Record, "prod/ecs.config")), []event.Trigger{wantObject("prod/ecs.config")}},
		"S3 notification, plus is a space":  {records(fmt.Sprintf(s3Record, "a+b%2Bc/%C3%A9cs.config")), []event.Trigger{wantObject("a b+c/écs.config")}},
		"S3 notification, percent in key":   {records(fmt.Sprintf(s3Record, "100%25.config")), []event.Trigger{wantObject("100%.config")}},
		"S3 notification, lower-case field": {`{"records":[` + fmt.Sprintf(s3Record, "k") + `]}`, []event.Trigger{wantObject("k")}},
		"S3 notification, two records":      {records(fmt.Sprintf(s3Record, "k"), fmt.Sprintf(s3Record, "l")), []event.Trigger{wantObject("k"), wantObject("l")}},
		"S3 notification, removed": {
			records(`{"eventName":"ObjectRemoved:DeleteMarkerCreated","s3":{"bucket":{"name":"b"},"object":{"key":"k"}}}`),
			[]event.Trigger{event.Object{Change: "Deleted", Reason: "DeleteMarkerCreated", Bucket: "b", Key: "k"}},
		},
		"S3 notification, key not encoded": {
			records(`{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"100%"}}}`),
			[]event.Trigger{event.Malformed{Problem: "the S3 record's key is not URL-encoded as S3 encodes it"}},
		},
		"S3 notification without a bucket": {
			records(`{"eventName":"ObjectCreated:Put","s3":{"object":{"key":"k"}}}`),
			[]event.Trigger{event.Malformed{Problem: "the S3 event lacks its bucket's name or its object's key"}},
		},
		"S3 through EventBridge, key is plain": {
			eventBridge("aws.s3", "Object Created", `{"version":"0","bucket":{"name":"b"},"object":{"key":"a+b%20c","size":12,"etag":"e","version-id":"v1","sequencer":"0A"},"reason":"PutObject"}`),
			[]event.Trigger{event.Object{Change: "Created", Reason: "PutObject", Bucket: "b", Key: "a+b%20c", VersionID: "v1", Sequencer: "0A", ETag: "e", Size: 12, Region: "eu-west-1", Account: "123456789012"}},
		},
		"S3 through EventBridge, deleted": {
			eventBridge("aws.s3", "Object Deleted", `{"bucket":{"name":"b"},"object":{"key":"k"},"reason":"DeleteObject"}`),
			[]event.Trigger{event.Object{Change: "Deleted", Reason: "DeleteObject", Bucket: "b", Key: "k", Region: "eu-west-1", Account: "123456789012"}},
		},
		"S3 test event": {`{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}`, []event.Trigger{event.TestNotification{Bucket: "b"}}},
		"SNS to Lambda": {
			records(`{"EventSource":"aws:sns","Sns":{"Message":` + quoted(records(fmt.Sprintf(s3Record, "k"))) + `}}`),
			[]event.Trigger{wantObject("k")},
		},
		"rotation step": {
			`{"Step":"createSecret","SecretId":"arn","ClientRequestToken":"t","RotationToken":"r"}`,
			[]event.Trigger{event.RotationStep{Step: "createSecret", SecretID: "arn", ClientRequestToken: "t", RotationToken: secret.New("r")}},
		},
		"rotation step without a token": {`{"Step":"createSecret","SecretId":"arn"}`, []event.Trigger{event.Malformed{Problem: "the rotation lacks Step, SecretId or ClientRequestToken"}}},
		"rotation step of wrong types":  {`{"Step":1,"SecretId":"arn","ClientRequestToken":"t"}`, []event.Trigger{event.Malformed{Problem: "the rotation's fields are not text"}}},
		"schedule":                      {eventBridge("aws.events", "Scheduled Event", `{}`), []event.Trigger{event.Schedule{}}},
		"another EventBridge event": {
			eventBridge("aws.ecs", "ECS Task State Change", `{"a":1}`),
			[]event.Trigger{event.Notification{Source: "aws.ecs", DetailType: "ECS Task State Change", Detail: json.RawMessage(`{"a":1}`), Account: "123456789012", Region: "eu-west-1"}},
		},
		"by hand":      {`{"role":"x"}`, []event.Trigger{event.ByHand{Fields: map[string]json.RawMessage{"role": json.RawMessage(`"x"`)}}}},
		"empty object": {`{}`, []event.Trigger{event.ByHand{Fields: map[string]json.RawMessage{}}}},
		"several by hand": {`{"roles":["x",7,"y"],"sweep":"s.1.2","dry-run":true}`, []event.Trigger{
			event.ByHand{Fields: map[string]json.RawMessage{"role": json.RawMessage(`"x"`)}, DryRun: true, Sweep: "s.1.2"},
			event.Malformed{Problem: "an entry of roles is not text"},
			event.ByHand{Fields: map[string]json.RawMessage{"role": json.RawMessage(`"y"`)}, DryRun: true, Sweep: "s.1.2"},
		}},
		"several objects": {`{"objects":["s3://b/a b/\"c","s3://b","b/c",null],"dry-run":false}`, []event.Trigger{
			event.ByHand{Fields: map[string]json.RawMessage{"bucket": json.RawMessage(`"b"`), "key": json.RawMessage(`"a b/\"c"`)}},
			event.Malformed{Problem: "an entry of objects is not of the form s3://bucket/key"},
			event.Malformed{Problem: "an entry of objects is not of the form s3://bucket/key"},
			event.Malformed{Problem: "an entry of objects is not text"},
		}},
		"several secrets":        {`{"secrets":["s"]}`, []event.Trigger{event.ByHand{Fields: map[string]json.RawMessage{"secret": json.RawMessage(`"s"`)}}}},
		"several definitions":    {`{"taskDefinitions":["f:1"]}`, []event.Trigger{event.ByHand{Fields: map[string]json.RawMessage{"taskDefinition": json.RawMessage(`"f:1"`)}}}},
		"none of several":        {`{"roles":[]}`, []event.Trigger{event.Malformed{Problem: "the list roles is empty"}}},
		"no list":                {`{"roles":"x"}`, []event.Trigger{event.Malformed{Problem: "the field roles is not a list"}}},
		"too many":               {`{"roles":[` + strings.Repeat(`"x",`, 1000) + `"x"]}`, []event.Trigger{event.Malformed{Problem: "the list roles has 1001 entries, more than the 1000 that one request may have"}}},
		"dry-run is text":        {`{"role":"x","dry-run":"true"}`, []event.Trigger{event.Malformed{Problem: "the field dry-run is neither true nor false"}}},
		"dry-run is null":        {`{"roles":["x"],"dry-run":null}`, []event.Trigger{event.Malformed{Problem: "the field dry-run is neither true nor false"}}},
		"a sweep is no sweep id": {`{"sweep":"all"}`, []event.Trigger{event.ByHand{Fields: map[string]json.RawMessage{"sweep": json.RawMessage(`"all"`)}}}},

		"empty":              {"", []event.Trigger{event.Malformed{Problem: "the event is empty"}}},
		"white space":        {" \n", []event.Trigger{event.Malformed{Problem: "the event is empty"}}},
		"null":               {"null", []event.Trigger{event.Malformed{Problem: "the event is not a JSON object"}}},
		"array":              {"[]", []event.Trigger{event.Malformed{Problem: "the event is not a JSON object"}}},
		"text":               {`"x"`, []event.Trigger{event.Malformed{Problem: "the event is not a JSON object"}}},
		"truncated":          {bareCall[:100], []event.Trigger{event.Malformed{Problem: "the event of 100 bytes is not valid JSON"}}},
		"no records":         {records(), []event.Trigger{event.Malformed{Problem: "the event has an empty list of records"}}},
		"records are null":   {`{"Records":null}`, []event.Trigger{event.ByHand{Fields: map[string]json.RawMessage{"Records": json.RawMessage("null")}}}},
		"record is a number": {records("1"), []event.Trigger{event.Malformed{Problem: "a record of the event is not a JSON object"}}},
		"record is null":     {records("null"), []event.Trigger{event.Malformed{Problem: "a record of the event is not a JSON object"}}},
		"detail is text": {
			eventBridge("aws.iam", "AWS API Call via CloudTrail", `"x"`),
			[]event.Trigger{event.Malformed{Problem: "the CloudTrail record does not have the shape of one"}},
		},
		"detail is empty": {
			eventBridge("aws.iam", "AWS API Call via CloudTrail", `{}`),
			[]event.Trigger{event.Malformed{Problem: "the CloudTrail record lacks eventSource or eventName"}},
		},
		"detail is missing": {
			`{"source":"aws.iam","detail-type":"AWS API Call via CloudTrail"}`,
			[]event.Trigger{event.Malformed{Problem: "the CloudTrail record does not have the shape of one"}},
		},
		"detail-type is a number": {`{"detail-type":1}`, []event.Trigger{event.Malformed{Problem: "the EventBridge event's source, detail-type, account or region is not text"}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			want := event.Delivery{Messages: []event.Message{{Triggers: test.want}}}
			if got := event.Decode([]byte(test.payload)); !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestDecodeQueue(t *testing.T) {
	message := func(id, body string) string {
		return fmt.Sprintf(`{"messageId":%q,"eventSource":"aws:sqs","body":%s}`, id, body)
	}
	notification := `{"Type":"Notification","TopicArn":"arn","Message":` + quoted(records(fmt.Sprintf(s3Record, "k"))) + `}`
	got := event.Decode([]byte(records(
		message("1", quoted(bareCall)),
		message("2", quoted("{truncated")),
		message("3", quoted(notification)),
		message("4", quoted(`{"role":"x"}`)),
		message("5", `{"not":"text"}`),
		`{"messageId":"6","eventSource":"aws:sqs"}`,
	)))
	want := event.Delivery{FromQueue: true, Messages: []event.Message{
		{ID: "1", Received: 1, Triggers: []event.Trigger{wantCall}},
		{ID: "2", Received: 1, Triggers: []event.Trigger{event.Malformed{Problem: "the event of 10 bytes is not valid JSON"}}},
		{ID: "3", Received: 1, Triggers: []event.Trigger{wantObject("k")}},
		{ID: "4", Received: 1, Triggers: []event.Trigger{event.ByHand{Queued: true, Fields: map[string]json.RawMessage{"role": json.RawMessage(`"x"`)}}}},
		{ID: "5", Triggers: []event.Trigger{event.Malformed{Problem: "a record of the batch is not an SQS message with a body"}}},
		{ID: "6", Triggers: []event.Trigger{event.Malformed{Problem: "a record of the batch is not an SQS message with a body"}}},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestDecodeBoundsRecordsAndWrapping(t *testing.T) {
	many := `{"Records":[` + strings.Repeat(`{"messageId":"1","body":"{}"},`, 10_000) + `{"messageId":"1","body":"{}"}]}`
	wrapped := `{"role":"x"}`
	for range 20 {
		wrapped = `{"Type":"Notification","TopicArn":"arn","Message":` + quoted(wrapped) + `}`
	}
	for name, payload := range map[string]string{"records": many, "wrapping": wrapped} {
		t.Run(name, func(t *testing.T) {
			triggers := event.Decode([]byte(payload)).Messages[0].Triggers
			if len(triggers) != 1 {
				t.Fatalf("got %d triggers", len(triggers))
			}
			if _, ok := triggers[0].(event.Malformed); !ok {
				t.Errorf("got %T, want Malformed", triggers[0])
			}
		})
	}
}

func TestActorIsAnyOf(t *testing.T) {
	own := []string{"", "arn:aws:iam::123456789012:role/stack/own"}
	tests := map[string]struct {
		role string
		want bool
	}{
		"exactly":                        {"arn:aws:iam::123456789012:role/stack/own", true},
		"path unknown to the session":    {"arn:aws:iam::123456789012:role/own", true},
		"another account's of that name": {"arn:aws:iam::999999999999:role/own", false},
		"another role":                   {"arn:aws:iam::123456789012:role/owner", false},
		"nobody's":                       {"", false},
		"not an ARN":                     {"own", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := (event.Actor{RoleARN: test.role}).IsAnyOf(own); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestPolicySource(t *testing.T) {
	tests := map[string]struct {
		actor event.Actor
		want  string
	}{
		"session":        {event.Actor{ARN: "arn:aws:sts::1:assumed-role/a/s", RoleARN: "arn:aws:iam::1:role/p/a"}, "arn:aws:iam::1:role/p/a"},
		"user":           {event.Actor{ARN: "arn:aws:iam::1:user/teams/a", UserName: "a"}, "arn:aws:iam::1:user/teams/a"},
		"root":           {event.Actor{ARN: "arn:aws:iam::1:root"}, ""},
		"service":        {event.Actor{InvokedBy: "ecs.amazonaws.com"}, ""},
		"federated user": {event.Actor{ARN: "arn:aws:sts::1:federated-user/a"}, ""},
		"not an ARN":     {event.Actor{ARN: "user/a"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := test.actor.PolicySource(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestByHandText(t *testing.T) {
	hand := event.ByHand{Fields: map[string]json.RawMessage{"role": json.RawMessage(`"x"`), "number": json.RawMessage(`1`), "null": json.RawMessage(`null`)}}
	if got, ok := hand.Text("role"); got != "x" || !ok {
		t.Errorf("got %q, %v", got, ok)
	}
	for _, field := range []string{"number", "null", "absent"} {
		if got, ok := hand.Text(field); ok {
			t.Errorf("%s: got %q", field, got)
		}
	}
}

// FuzzDecode holds every payload to the promise that decoding ends in at least
// one trigger for each message and never in a panic.
func FuzzDecode(f *testing.F) {
	samples, err := filepath.Glob("../../events/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, sample := range samples {
		content, err := os.ReadFile(sample)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Add([]byte(bareCall))
	f.Add([]byte(records(fmt.Sprintf(s3Record, "a+b%2Bc"))))
	f.Add([]byte(`{"Records":[{"messageId":"1","body":"{}"}]}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		delivery := event.Decode(payload)
		if len(delivery.Messages) == 0 {
			t.Fatal("the payload was lost")
		}
		for _, message := range delivery.Messages {
			if len(message.Triggers) == 0 {
				t.Error("a message was lost")
			}
		}
	})
}

func TestOccurred(t *testing.T) {
	at := time.Date(2026, 3, 2, 9, 14, 7, 0, time.UTC)
	call := func(fields string) string {
		return `{"eventSource":"iam.amazonaws.com","eventName":"CreateRole"` + fields + `}`
	}
	inEventBridge := func(fields, detail string) string {
		return `{"source":"aws.iam","detail-type":"AWS API Call via CloudTrail"` + fields + `,"detail":` + detail + `}`
	}
	tests := map[string]struct {
		payload string
		want    time.Time
	}{
		"CloudTrail record":             {call(`,"eventTime":"2026-03-02T09:14:07Z"`), at},
		"the record before EventBridge": {inEventBridge(`,"time":"2026-03-02T09:20:00Z"`, call(`,"eventTime":"2026-03-02T09:14:07Z"`)), at},
		"EventBridge alone":             {inEventBridge(`,"time":"2026-03-02T09:14:07Z"`, call("")), at},
		"S3 notification":               {records(`{"eventName":"ObjectCreated:Put","eventTime":"2026-03-02T09:14:07.000Z","s3":{"bucket":{"name":"b"},"object":{"key":"k"}}}`), at},
		"S3 by EventBridge": {
			`{"source":"aws.s3","detail-type":"Object Created","time":"2026-03-02T09:14:07Z","detail":{"bucket":{"name":"b"},"object":{"key":"k"}}}`, at,
		},
		"no time":     {call(""), time.Time{}},
		"not a time":  {call(`,"eventTime":17`), time.Time{}},
		"by hand":     {`{"role":"r"}`, time.Time{}},
		"empty event": {``, time.Time{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			trigger := event.Decode([]byte(test.payload)).Messages[0].Triggers[0]
			if got := event.Occurred(trigger); !got.Equal(test.want) {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
