package samtemplate

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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

// TestKeyPolicy holds the statements that a customer's key needs, as the guide has
// them, against what the template has encrypted and who reads and writes it.
func TestKeyPolicy(t *testing.T) {
	root, err := stack.Checkout()
	if err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile(filepath.Join(root, "docs", "how-to.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(guide), "## Encrypt everything with your own key")
	_, block, _ := strings.Cut(section, "```json\n")
	block, _, _ = strings.Cut(block, "```")
	var statements []struct {
		Effect    string
		Principal struct{ Service string }
		Action    []string
	}
	if err := json.Unmarshal([]byte(block), &statements); err != nil {
		t.Fatal(err)
	}
	allowed := map[string]string{}
	for _, of := range statements {
		if of.Effect == "Allow" {
			allowed[strings.Split(of.Principal.Service, ".")[0]] = strings.Join(of.Action, " ")
		}
	}
	// Amazon SQS Developer Guide, "Key management"; Amazon EventBridge User Guide,
	// "Authorizing EventBridge to use a customer managed key"; CloudWatch Logs User
	// Guide, "Encrypt log data in CloudWatch Logs using AWS KMS".
	want := map[string]string{
		"events": "kms:DescribeKey kms:Decrypt kms:GenerateDataKey", "cloudwatch": "kms:Decrypt kms:GenerateDataKey",
		"logs": "kms:Encrypt kms:Decrypt kms:ReEncrypt* kms:GenerateDataKey* kms:DescribeKey",
	}
	if diff := cmp.Diff(want, allowed); diff != "" {
		t.Error(diff)
	}
	const key = "arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
	encrypted, plain := render(t, map[string]string{"KeyArn": key}, "aws", "us-east-1"), render(t, nil, "aws", "us-east-1")
	properties := map[string]string{"AWS::SQS::Queue": "KmsMasterKeyId", "AWS::SNS::Topic": "KmsMasterKeyId", "AWS::Logs::LogGroup": "KmsKeyId", "AWS::S3::Bucket": "BucketEncryption", "AWS::Events::EventBus": "KmsKeyIdentifier"}
	seen := map[string]int{}
	for name, resource := range encrypted.Resources {
		if resource.Type == "AWS::KMS::Key" {
			t.Errorf("%s is made beside the account's key", name)
		}
		property, stores := properties[resource.Type]
		if !stores {
			continue
		}
		seen[resource.Type]++
		if got := fmt.Sprint(resource.Properties[property]); !strings.Contains(got, key) {
			t.Errorf("%s is encrypted with %s", name, got)
		}
		// EventBridge User Guide, "Using dead-letter queues to capture encrypted event errors".
		if resource.Type == "AWS::Events::EventBus" && !strings.Contains(fmt.Sprint(resource.Properties["DeadLetterConfig"]), "DeadLetterQueue") {
			t.Errorf("what %s can't decrypt is lost", name)
		}
		if resource.Type == "AWS::SQS::Queue" && (fmt.Sprint(resource.Properties["SqsManagedSseEnabled"]) != "false" || fmt.Sprint(plain.Resources[name].Properties["SqsManagedSseEnabled"]) != "true") {
			t.Errorf("%s: SQS takes one kind of encryption, and needs one", name)
		}
		if got := fmt.Sprint(plain.Resources[name].Properties[property]); strings.Contains(got, ":kms:") {
			t.Errorf("without KeyArn, %s is encrypted with %s", name, got)
		}
	}
	if seen["AWS::SQS::Queue"] < 9 || seen["AWS::SNS::Topic"] < 2 || seen["AWS::Logs::LogGroup"] < 7 || seen["AWS::S3::Bucket"] != 2 || seen["AWS::Events::EventBus"] != 1 {
		t.Errorf("the template has %v", seen)
	}
}
