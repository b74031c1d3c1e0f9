package samtemplate

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// resource is one of the shipped template's; intrinsic functions are read as
// what they hold.
type resource struct {
	Type       string
	Properties map[string]any
}

func shipped(t *testing.T) map[string]resource {
	t.Helper()
	root, err := stack.Checkout()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(root, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Resources map[string]resource `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(content, &template); err != nil {
		t.Fatal(err)
	}
	return template.Resources
}

// UnmarshalYAML takes the two fields by the names that the template gives them.
func (r *resource) UnmarshalYAML(node *yaml.Node) error {
	var fields struct {
		Type       string         `yaml:"Type"`
		Properties map[string]any `yaml:"Properties"`
	}
	err := node.Decode(&fields)
	r.Type, r.Properties = fields.Type, fields.Properties
	return err
}

// Anyone who reads an alarm about a queue's age has as long as the queue keeps its
// messages, and is configured so.
func TestAlarmsTellWhenAQueueDropsMessages(t *testing.T) {
	resources := shipped(t)
	words := map[time.Duration]string{24 * time.Hour: "after a day.", 4 * 24 * time.Hour: "after four days."}
	alarms := 0
	for name, alarm := range resources {
		if alarm.Properties["MetricName"] != "ApproximateAgeOfOldestMessage" {
			continue
		}
		alarms++
		dimensions := fmt.Sprint(alarm.Properties["Dimensions"])
		for queue, of := range resources {
			if of.Type != "AWS::SQS::Queue" || !strings.Contains(dimensions, ":"+queue+".QueueName") {
				continue
			}
			seconds, ok := of.Properties["MessageRetentionPeriod"].(int)
			kept := words[time.Duration(seconds)*time.Second]
			if description, _ := alarm.Properties["AlarmDescription"].(string); !ok || kept == "" || !strings.Contains(description, "SQS drops it "+kept) {
				t.Errorf("%s keeps messages for %d seconds, and %s says: %s", queue, seconds, name, description)
			}
		}
	}
	if alarms != 4 {
		t.Errorf("%d alarms", alarms)
	}
}

// EventBridge takes 64 characters, a stack's name can have 128 ("StatementId" in
// PutPermission, EventBridge API Reference).
func TestStatementIDFitsWhateverTheStackIsCalled(t *testing.T) {
	id := fmt.Sprint(shipped(t)["FindingsBusPolicy"].Properties["StatementId"])
	if !strings.Contains(id, "AWS::StackId") || strings.Contains(id, "AWS::StackName") {
		t.Errorf("the statement's id is %s", id)
	}
}

// TestRolesFitGuardRails: every role that the stack makes has the boundary and
// the path that an account may ask for.
func TestRolesFitGuardRails(t *testing.T) {
	roles := 0
	for name, resource := range shipped(t) {
		if resource.Type != "AWS::IAM::Role" {
			continue
		}
		roles++
		if boundary := fmt.Sprint(resource.Properties["PermissionsBoundary"]); !strings.Contains(boundary, "PermissionsBoundaryArn") || !strings.Contains(boundary, "AWS::NoValue") {
			t.Errorf("%s has the boundary %s", name, boundary)
		}
		if path := fmt.Sprint(resource.Properties["Path"]); !strings.Contains(path, "RolePath") {
			t.Errorf("%s has the path %s", name, path)
		}
	}
	if roles < 6 {
		t.Errorf("%d roles", roles)
	}
}

// TestOnlyFunctionsPublish: the policy of the stack's bus leaves out the roles
// that may publish on it, and no other.
func TestOnlyFunctionsPublish(t *testing.T) {
	resources := shipped(t)
	denied := fmt.Sprint(resources["FindingsEventBusPolicy"].Properties["Statement"])
	for name, resource := range resources {
		if resource.Type != "AWS::IAM::Role" || name == "ForwardFindingsRole" {
			continue
		}
		publishes := strings.Contains(fmt.Sprint(resource.Properties["Policies"]), "events:PutEvents")
		if spared := strings.Contains(denied, name+".Arn"); publishes != spared {
			t.Errorf("%s may publish: %v; the policy of the bus lets it: %v", name, publishes, spared)
		}
		if publishes && !strings.Contains(fmt.Sprint(resource.Properties["Policies"]), "FindingsEventBus") {
			t.Errorf("%s may publish elsewhere than on the stack's bus", name)
		}
	}
}
