package awscall

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"testing"
)

func TestErrorsOfEveryProtocol(t *testing.T) {
	cases := []struct {
		name          string
		header        http.Header
		body          string
		code, message string
	}{
		{"IAM", nil, `<ErrorResponse><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>no role</Message></Error><RequestId>1</RequestId></ErrorResponse>`, "NoSuchEntity", "no role"},
		{"EC2", nil, `<Response><Errors><Error><Code>InvalidInstanceID.NotFound</Code><Message>gone</Message></Error></Errors></Response>`, "InvalidInstanceID.NotFound", "gone"},
		{"S3", nil, `<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>gone</Message><Key>k</Key></Error>`, "NoSuchKey", "gone"},
		{"ECS", nil, `{"__type":"com.amazonaws.ecs#ClientException","message":"bad"}`, "ClientException", "bad"},
		{"Lambda", http.Header{"X-Amzn-Errortype": {"ResourceNotFoundException:http://internal"}}, `{"Message":"gone"}`, "ResourceNotFoundException", "gone"},
		{"nothing", nil, ``, "", ""},
		{"a page", nil, `<html><body>Bad Gateway</body>`, "", ""},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			exchange := Exchange{}
			exchange.Answered(http.StatusBadRequest, test.header, []byte(test.body))
			if exchange.Call.ErrorCode != test.code || exchange.Call.ErrorMessage != test.message {
				t.Errorf("got %q %q", exchange.Call.ErrorCode, exchange.Call.ErrorMessage)
			}
		})
	}
}

func TestTheRecordHidesSecrets(t *testing.T) {
	got := withoutSecrets(map[string]any{
		"UserData": "ZWNobyBjYW5hcnk=",
		"containerDefinitions": []any{map[string]any{
			"name":        "app",
			"environment": []any{map[string]any{"name": "PASSWORD", "value": "canary"}},
		}},
		"Environment": map[string]any{"Variables": map[string]any{"TOKEN": "canary"}},
		"Tags":        []any{map[string]any{"Key": "k", "Value": "v"}},
	})
	want := map[string]any{
		"UserData": hidden,
		"containerDefinitions": []any{map[string]any{
			"name":        "app",
			"environment": []any{map[string]any{"name": "PASSWORD", "value": hidden}},
		}},
		"Environment": map[string]any{"Variables": map[string]any{"TOKEN": hidden}},
		"Tags":        []any{map[string]any{"Key": "k", "Value": "v"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestRecordTellsItsReaders(t *testing.T) {
	var lines bytes.Buffer
	record := NewRecord(&lines)
	record.Add(Call{Caller: "sweep", Service: "iam", Operation: "ListRoles"})
	mark, changed := record.Mark(), record.Changed()
	record.Add(Call{Caller: Person, Service: "s3", Operation: "PutObject"})
	select {
	case <-changed:
	default:
		t.Error("no one was informed about the second call")
	}
	if since := record.Since(mark); len(since) != 1 || since[0].Name() != "s3:PutObject" {
		t.Errorf("since the mark: %v", since)
	}
	if calls := record.Calls(By("sweep")); len(calls) != 1 || calls[0].Name() != "iam:ListRoles" {
		t.Errorf("by sweep: %v", calls)
	}
	decoder := json.NewDecoder(&lines)
	for _, want := range []string{"iam:ListRoles", "s3:PutObject"} {
		var call Call
		if err := decoder.Decode(&call); err != nil || call.Name() != want {
			t.Errorf("line %v, %v; want %s", call, err, want)
		}
	}
	if record.Err() != nil {
		t.Error(record.Err())
	}
}
