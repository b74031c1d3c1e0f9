package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

const (
	// maxRecords bounds what one payload can make a function do. SQS batches end
	// at 10,000 messages ("Lambda quotas"), S3 sends one record.
	maxRecords = 10_000
	// maxWrapping bounds envelopes in envelopes: SQS around SNS around S3 is three.
	maxWrapping = 4
)

// Decode reads a payload of any shape. It never fails: what cannot be read
// comes back as a Malformed trigger, so that it ends in a report.
func Decode(payload []byte) Delivery {
	fields, problem := object(payload)
	if problem != "" {
		return one(Malformed{problem})
	}
	records, _ := batch(fields)
	if !isQueue(records) {
		return Delivery{Messages: []Message{{Triggers: decodeOne(fields, payload, maxWrapping)}}}
	}
	if len(records) > maxRecords {
		return one(tooMany(len(records)))
	}
	delivery := Delivery{FromQueue: true}
	for _, record := range records {
		var message struct {
			MessageID  string
			Body       *string
			Attributes struct {
				ApproximateReceiveCount json.RawMessage
			}
		}
		if err := json.Unmarshal(record, &message); err != nil || message.Body == nil {
			delivery.Messages = append(delivery.Messages, Message{ID: message.MessageID, Triggers: []Trigger{
				Malformed{"a record of the batch is not an SQS message with a body"},
			}})
			continue
		}
		received, err := strconv.Atoi(strings.Trim(string(message.Attributes.ApproximateReceiveCount), `"`))
		if err != nil || received < 1 {
			received = 1
		}
		delivery.Messages = append(delivery.Messages, Message{
			ID: message.MessageID, Triggers: queued(decodeText([]byte(*message.Body), maxWrapping-1), received > 1), Received: received,
		})
	}
	return delivery
}

// queued marks requests that came through a queue: who put them there needn't be
// allowed to invoke the function. It marks what the queue delivers again, too.
func queued(triggers []Trigger, redelivered bool) []Trigger {
	for i, trigger := range triggers {
		switch typed := trigger.(type) {
		case ByHand:
			typed.Queued, typed.Redelivered = true, redelivered
			triggers[i] = typed
		case Call:
			typed.Redelivered = redelivered
			triggers[i] = typed
		}
	}
	return triggers
}

func one(trigger Trigger) Delivery {
	return Delivery{Messages: []Message{{Triggers: []Trigger{trigger}}}}
}

func tooMany(records int) Malformed {
	return Malformed{fmt.Sprintf("the event holds %d records, more than the %d that AWS sends at most", records, maxRecords)}
}

// object reads a JSON object's fields, or says why it is none.
func object(payload []byte) (map[string]json.RawMessage, string) {
	trimmed := bytes.TrimSpace(payload)
	switch {
	case len(trimmed) == 0:
		return nil, "the event is empty"
	case !json.Valid(trimmed):
		return nil, fmt.Sprintf("the event of %d bytes is not valid JSON", len(payload))
	case trimmed[0] != '{':
		return nil, "the event is not a JSON object"
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(trimmed, &fields); err != nil {
		return nil, "the event is not a JSON object"
	}
	return fields, ""
}

// batch gives the records of S3, SNS, SQS and of CloudTrail's log files. Some
// senders write the field in lower case.
func batch(fields map[string]json.RawMessage) ([]json.RawMessage, bool) {
	raw, ok := fields["Records"]
	if !ok {
		raw, ok = fields["records"]
	}
	var records []json.RawMessage
	if !ok || json.Unmarshal(raw, &records) != nil || records == nil {
		return nil, false
	}
	return records, true
}

// isQueue goes by the first record: a batch comes from one event source.
func isQueue(records []json.RawMessage) bool {
	if len(records) == 0 {
		return false
	}
	var record struct {
		EventSource string
		MessageID   string
		Body        *string
	}
	if err := json.Unmarshal(records[0], &record); err != nil {
		return false
	}
	return record.EventSource == "aws:sqs" || (record.MessageID != "" && record.Body != nil)
}

func decodeText(payload []byte, wrapping int) []Trigger {
	fields, problem := object(payload)
	if problem != "" {
		return []Trigger{Malformed{problem}}
	}
	return decodeOne(fields, payload, wrapping)
}

func decodeOne(fields map[string]json.RawMessage, payload []byte, wrapping int) []Trigger {
	if wrapping < 0 {
		return []Trigger{Malformed{"the event is wrapped in too many envelopes"}}
	}
	if records, ok := batch(fields); ok {
		return decodeRecords(records, wrapping)
	}
	has := func(name string) bool { _, ok := fields[name]; return ok }
	switch {
	case has("detail-type"):
		return []Trigger{decodeEventBridge(payload)}
	case has("eventSource") && has("eventName"):
		return []Trigger{decodeCall(payload, "", "", time.Time{})}
	case has("Step") || has("ClientRequestToken"):
		return []Trigger{decodeRotation(payload)}
	case has("Type") && has("Message") && has("TopicArn"):
		return decodeEnvelope(payload, wrapping)
	case has("Event") && has("Service"):
		return []Trigger{decodeTestNotification(payload)}
	default:
		return decodeByHand(fields)
	}
}

func decodeRecords(records []json.RawMessage, wrapping int) []Trigger {
	if len(records) == 0 {
		return []Trigger{Malformed{"the event has an empty list of records"}}
	}
	if len(records) > maxRecords {
		return []Trigger{tooMany(len(records))}
	}
	var triggers []Trigger
	for _, raw := range records {
		fields, problem := object(raw)
		if problem != "" {
			triggers = append(triggers, Malformed{"a record of the event is not a JSON object"})
			continue
		}
		switch {
		case fields["s3"] != nil:
			triggers = append(triggers, decodeS3(raw))
		case fields["Sns"] != nil:
			triggers = append(triggers, decodeEnvelope(fields["Sns"], wrapping)...)
		case fields["body"] != nil:
			var text string
			if err := json.Unmarshal(fields["body"], &text); err != nil {
				triggers = append(triggers, Malformed{"a record's body is not text"})
				continue
			}
			triggers = append(triggers, decodeText([]byte(text), wrapping-1)...)
		default:
			if _, nested := batch(fields); nested {
				triggers = append(triggers, Malformed{"a record of the event holds records itself"})
				continue
			}
			triggers = append(triggers, decodeOne(fields, raw, wrapping-1)...)
		}
	}
	return triggers
}

// decodeEnvelope opens an SNS message.
func decodeEnvelope(raw json.RawMessage, wrapping int) []Trigger {
	var envelope struct{ Message string }
	if err := json.Unmarshal(raw, &envelope); err != nil {
		return []Trigger{Malformed{"the SNS message has no text"}}
	}
	return decodeText([]byte(envelope.Message), wrapping-1)
}

func decodeEventBridge(payload []byte) Trigger {
	var envelope struct {
		Source     string
		DetailType string `json:"detail-type"`
		Account    string
		Region     string
		Time       json.RawMessage
		Resources  []string
		Detail     json.RawMessage
	}
	if err := json.Unmarshal(payload, &envelope); err != nil {
		return Malformed{"the EventBridge event's source, detail-type, account or region is not text"}
	}
	when := moment(envelope.Time)
	switch {
	case envelope.DetailType == "AWS API Call via CloudTrail":
		return decodeCall(envelope.Detail, envelope.Account, envelope.Region, when)
	case envelope.DetailType == "Scheduled Event":
		return Schedule{}
	case envelope.Source == "aws.s3" && strings.HasPrefix(envelope.DetailType, "Object "):
		return decodeS3EventBridge(envelope.Detail, strings.TrimPrefix(envelope.DetailType, "Object "), envelope.Account, envelope.Region, when)
	default:
		return Notification{
			Source: envelope.Source, DetailType: envelope.DetailType, Detail: envelope.Detail, Resources: envelope.Resources,
			Account: envelope.Account, Region: envelope.Region, Time: when,
		}
	}
}

// moment reads a time as AWS writes it (RFC 3339); anything else is no reason to
// refuse the event.
func moment(raw json.RawMessage) time.Time {
	var when time.Time
	if json.Unmarshal(raw, &when) != nil {
		return time.Time{}
	}
	return when
}

func decodeCall(raw json.RawMessage, account, region string, when time.Time) Trigger {
	var record struct {
		EventSource        string
		EventName          string
		EventTime          json.RawMessage
		AWSRegion          string
		RecipientAccountID string
		ErrorCode          string
		UserAgent          string
		SourceIPAddress    string
		ErrorMessage       string
		UserIdentity       struct {
			Type           string
			ARN            string
			UserName       string
			InvokedBy      string
			SessionContext struct {
				SessionIssuer struct{ ARN, UserName string }
			}
		}
		RequestParameters json.RawMessage
		ResponseElements  json.RawMessage
	}
	if err := json.Unmarshal(raw, &record); err != nil {
		return Malformed{"the CloudTrail record does not have the shape of one"}
	}
	if record.EventSource == "" || record.EventName == "" {
		return Malformed{"the CloudTrail record lacks eventSource or eventName"}
	}
	call := Call{
		Service:   record.EventSource,
		Name:      record.EventName,
		Region:    first(record.AWSRegion, region),
		Account:   first(record.RecipientAccountID, account),
		Time:      moment(record.EventTime),
		ErrorCode: record.ErrorCode, ErrorMessage: record.ErrorMessage,
		Request:  record.RequestParameters,
		Response: record.ResponseElements,
		Actor: Actor{
			ARN:           record.UserIdentity.ARN,
			RoleARN:       record.UserIdentity.SessionContext.SessionIssuer.ARN,
			UserName:      first(record.UserIdentity.UserName, record.UserIdentity.SessionContext.SessionIssuer.UserName),
			InvokedBy:     record.UserIdentity.InvokedBy,
			SourceAddress: record.SourceIPAddress,
			UserAgent:     record.UserAgent,
		},
	}
	if call.Time.IsZero() {
		call.Time = when
	}
	if call.Actor.RoleARN == "" {
		call.Actor.RoleARN = roleOfSession(record.UserIdentity.ARN)
	}
	return call
}

// roleOfSession turns arn:aws:sts::1:assumed-role/NAME/SESSION into
// arn:aws:iam::1:role/NAME, and gives "" for any other ARN.
func roleOfSession(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[2] != "sts" {
		return ""
	}
	name, found := strings.CutPrefix(parts[5], "assumed-role/")
	if !found {
		return ""
	}
	name, _, _ = strings.Cut(name, "/")
	return strings.Join([]string{"arn", parts[1], "iam", "", parts[4], "role/" + name}, ":")
}

// decodeS3 reads a record of an S3 notification ("Event message structure" in
// the S3 user guide).
func decodeS3(raw json.RawMessage) Trigger {
	var record struct {
		EventName string
		EventTime json.RawMessage
		AWSRegion string
		S3        struct {
			Bucket struct{ Name string }
			Object struct {
				Key, VersionID, Sequencer, ETag string
				Size                            int64
			}
		}
	}
	if err := json.Unmarshal(raw, &record); err != nil {
		return Malformed{"the S3 record does not have the shape of one"}
	}
	// "ObjectCreated:Put"; a queue or function fed by older configurations sees
	// "s3:ObjectCreated:Put".
	change, reason, _ := strings.Cut(strings.TrimPrefix(record.EventName, "s3:"), ":")
	key, err := url.QueryUnescape(record.S3.Object.Key)
	if err != nil {
		return Malformed{"the S3 record's key is not URL-encoded as S3 encodes it"}
	}
	return wholeObject(Object{
		Change:    sameWord(strings.TrimPrefix(change, "Object")),
		Reason:    reason,
		Bucket:    record.S3.Bucket.Name,
		Key:       key,
		VersionID: record.S3.Object.VersionID,
		Sequencer: record.S3.Object.Sequencer,
		ETag:      record.S3.Object.ETag,
		Size:      record.S3.Object.Size,
		Region:    record.AWSRegion,
		Time:      moment(record.EventTime),
	})
}

// decodeS3EventBridge reads the detail of S3's own EventBridge events ("Using
// EventBridge" in the S3 user guide).
func decodeS3EventBridge(raw json.RawMessage, change, account, region string, when time.Time) Trigger {
	var detail struct {
		Bucket struct{ Name string }
		Object struct {
			Key, Sequencer, ETag string
			VersionID            string `json:"version-id"`
			Size                 int64
		}
		Reason string
	}
	if err := json.Unmarshal(raw, &detail); err != nil {
		return Malformed{"the S3 event's detail does not have the shape of one"}
	}
	return wholeObject(Object{
		Change:    sameWord(change),
		Reason:    detail.Reason,
		Bucket:    detail.Bucket.Name,
		Key:       detail.Object.Key,
		VersionID: detail.Object.VersionID,
		Sequencer: detail.Object.Sequencer,
		ETag:      detail.Object.ETag,
		Size:      detail.Object.Size,
		Region:    region,
		Account:   account,
		Time:      when,
	})
}

func wholeObject(object Object) Trigger {
	if object.Bucket == "" || object.Key == "" {
		return Malformed{"the S3 event lacks its bucket's name or its object's key"}
	}
	return object
}

// sameWord gives both shapes' word for one thing: notifications say
// "ObjectRemoved", EventBridge says "Object Deleted".
func sameWord(change string) string {
	if change == "Removed" {
		return "Deleted"
	}
	return change
}

func decodeRotation(payload []byte) Trigger {
	var step struct {
		Step               string
		SecretID           string
		ClientRequestToken string
		RotationToken      secret.Text
	}
	if err := json.Unmarshal(payload, &step); err != nil {
		return Malformed{"the rotation's fields are not text"}
	}
	if step.Step == "" || step.SecretID == "" || step.ClientRequestToken == "" {
		return Malformed{"the rotation lacks Step, SecretId or ClientRequestToken"}
	}
	return RotationStep{step.Step, step.SecretID, step.ClientRequestToken, step.RotationToken}
}

func decodeTestNotification(payload []byte) Trigger {
	var test struct{ Service, Event, Bucket string }
	if err := json.Unmarshal(payload, &test); err != nil || test.Event != "s3:TestEvent" {
		return Malformed{"the event names a service and an event, but is not s3:TestEvent"}
	}
	return TestNotification{test.Bucket}
}

func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
