package taskdefinition

import (
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
)

const answer = `{"taskDefinition":{"taskDefinitionArn":"arn:web:1","registeredBy":"arn:aws:iam::123456789012:root","revision":1},"tags":[]}`

func TestWhoRegisteredIsRemembered(t *testing.T) {
	store := &Store{Identify: func(exchange awscall.Exchange) (string, error) { return "arn:of:" + exchange.Call.Caller, nil }}
	exchange := awscall.Exchange{Call: awscall.Call{Caller: "patch-task-definition"}}
	described, err := store.AmendDescription(exchange, []byte(answer))
	if err != nil || string(described) != answer {
		t.Errorf("before it was registered: %s, %v", described, err)
	}
	registered, err := store.AmendRegistration(exchange, []byte(answer))
	if err != nil || !strings.Contains(string(registered), `"registeredBy":"arn:of:patch-task-definition"`) {
		t.Errorf("registered: %s, %v", registered, err)
	}
	described, err = store.AmendDescription(awscall.Exchange{Call: awscall.Call{Caller: awscall.Person}}, []byte(answer))
	if err != nil || !strings.Contains(string(described), `"registeredBy":"arn:of:patch-task-definition"`) || !strings.Contains(string(described), `"revision":1`) {
		t.Errorf("described: %s, %v", described, err)
	}
}

func TestAFamilyIsItsLatestActiveRevision(t *testing.T) {
	const inactive = `{"taskDefinition":{"taskDefinitionArn":"arn:web:2","status":"INACTIVE"}}`
	store := &Store{
		Latest: func(family string) (string, error) { return "arn:" + family + ":1", nil },
		Describe: func(_ awscall.Exchange, name string) ([]byte, error) {
			return []byte(`{"taskDefinition":{"taskDefinitionArn":"` + name + `","status":"ACTIVE"}}`), nil
		},
	}
	for asked, want := range map[string]string{"web": `{"taskDefinition":{"taskDefinitionArn":"arn:web:1","status":"ACTIVE"}}`, "web:2": inactive} {
		described, err := store.AmendDescription(awscall.Exchange{Parameters: map[string]any{"taskDefinition": asked}}, []byte(inactive))
		if err != nil || string(described) != want {
			t.Errorf("%s is described as %s, %v; want %s", asked, described, err, want)
		}
	}
}
