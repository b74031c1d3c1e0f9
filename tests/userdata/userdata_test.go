package userdata

import (
	"net/http/httptest"
	"strings"
	"testing"

	"ecsguardrails/tests/awscall"
)

func TestUserDataIsKept(t *testing.T) {
	store := &Store{}
	launch := awscall.Exchange{
		Call:       awscall.Call{Service: "ec2", Operation: "RunInstances", Status: 200},
		Parameters: map[string]any{"UserData": "aGVsbG8="},
		Response:   []byte(`<RunInstancesResponse><instancesSet><item><instanceId>i-1</instanceId></item><item><instanceId>i-2</instanceId></item></instancesSet></RunInstancesResponse>`),
	}
	store.Observe(launch)
	failed := launch
	failed.Call.Status = 400
	failed.Parameters = map[string]any{"UserData": "bm90aGluZw=="}
	store.Observe(failed)
	cases := []struct {
		instance, attribute, want string
	}{
		{"i-1", "userData", "<instanceId>i-1</instanceId><userData><value>aGVsbG8=</value></userData>"},
		{"i-2", "userData", "<value>aGVsbG8=</value>"},
		{"i-2", "instanceType", ""},
		{"i-3", "userData", ""},
	}
	for _, test := range cases {
		recorder := httptest.NewRecorder()
		answered := store.Answer(recorder, nil, awscall.Exchange{Parameters: map[string]any{"InstanceId": test.instance, "Attribute": test.attribute}})
		if answered != (test.want != "") || !strings.Contains(recorder.Body.String(), test.want) {
			t.Errorf("%s of %s: answered %v, %s", test.attribute, test.instance, answered, recorder.Body)
		}
	}
}
