package userdata

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
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

func TestLaunchTimesAreGiven(t *testing.T) {
	store := &Store{}
	store.LaunchedAt("i-2", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	store.LaunchedAt("i-3", time.Now())
	const body = "<item><instanceId>i-1</instanceId><launchTime>a</launchTime></item><item><instanceId>i-2</instanceId><x/><launchTime>b</launchTime></item>"
	amended, err := store.AmendInstances(awscall.Exchange{}, []byte(body))
	if want := strings.Replace(body, ">b<", ">2026-01-02T03:04:05Z<", 1); err != nil || string(amended) != want {
		t.Errorf("%s, %v", amended, err)
	}
}
