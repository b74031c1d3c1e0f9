package templatelint

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ecs-guardrails/ecs-guardrails/tests/samtemplate"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

var full = flag.Bool("full", false, "lint the combinations of make template-lint")

func checkout(t *testing.T) string {
	t.Helper()
	root, err := stack.Checkout()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func shipped(t *testing.T) *samtemplate.Template {
	t.Helper()
	template, err := samtemplate.Load(filepath.Join(checkout(t), "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return template
}

// TestCombinations: they are parameters that the template takes, and reach both
// sides of each condition.
func TestCombinations(t *testing.T) {
	template := shipped(t)
	for name, combinations := range map[string][]Combination{"short": short(), "all": all()} {
		names, changed, outcomes := map[string]bool{}, map[string]bool{}, map[string]map[bool]bool{}
		for _, combination := range combinations {
			if names[combination.Name] {
				t.Errorf("two combinations of %s are called %s", name, combination.Name)
			}
			names[combination.Name] = true
			for _, parameter := range template.Parameters() {
				value, given := combination.Parameters[parameter.Name]
				if !given {
					continue
				}
				changed[parameter.Name] = changed[parameter.Name] || value != parameter.Default
				value = here.Replace(value)
				values := []string{value}
				if parameter.Type == "CommaDelimitedList" {
					values = strings.Split(value, ",")
				}
				for _, value := range values {
					if parameter.Pattern != "" && !regexp.MustCompile("^(?:"+parameter.Pattern+")$").MatchString(value) {
						t.Errorf("%s: %s doesn't take %q", combination.Name, parameter.Name, value)
					}
					if len(parameter.Values) > 0 && !slices.Contains(parameter.Values, value) {
						t.Errorf("%s: %s doesn't take %q", combination.Name, parameter.Name, value)
					}
				}
			}
			for condition, holds := range rendered(t, template, combination).Conditions {
				if outcomes[condition] == nil {
					outcomes[condition] = map[bool]bool{}
				}
				outcomes[condition][holds] = true
			}
		}
		for condition, outcome := range outcomes {
			if len(outcome) != 2 {
				t.Errorf("the combinations of %s have %s one way only: %v", name, condition, outcome)
			}
		}
		for _, parameter := range template.Parameters() {
			if !changed[parameter.Name] {
				t.Errorf("no combination of %s sets %s", name, parameter.Name)
			}
		}
	}
	if count := len(all()); count < 24 {
		t.Errorf("%d combinations", count)
	}
}

// here is one region to render for.
var here = strings.NewReplacer("{partition}", "aws", "{region}", "us-east-1")

func rendered(t *testing.T, template *samtemplate.Template, combination Combination) samtemplate.Rendered {
	t.Helper()
	parameters := map[string]string{}
	for name, value := range combination.Parameters {
		parameters[name] = here.Replace(value)
	}
	rendered, err := template.Render(parameters, "aws", "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	return rendered
}

// TestTemplate has cfn-lint look at what the combinations make of the template.
func TestTemplate(t *testing.T) {
	combinations := short()
	if *full {
		combinations = all()
	}
	result, err := Lint(t.Context(), checkout(t), filepath.Join(checkout(t), "template.yaml"), combinations)
	if err != nil {
		t.Fatal(err)
	}
	for _, finding := range result.Findings {
		t.Errorf("%s, in %s: %s at %s: %s", finding.Combination, strings.Join(finding.Regions, ", "), finding.Rule, finding.Path, finding.Message)
	}
	template := shipped(t)
	resources := 0
	for _, combination := range combinations {
		rendered := rendered(t, template, combination)
		resources = max(resources, len(rendered.Resources))
		// Two programs decide about conditions, in two languages.
		if diff := cmp.Diff(rendered.Conditions, result.Conditions[combination.Name]["us-east-1"]); diff != "" {
			t.Errorf("%s: conditions differ (-here +linted): %s", combination.Name, diff)
		}
	}
	if result.Resources < resources {
		t.Errorf("cfn-lint looked at %d resources, and one combination has %d", result.Resources, resources)
	}
	keep(t, fmt.Sprintf("cfn-lint on the rendered template: %d combinations (%d different) in %d regions of 4 partitions, %d resources: %d findings, in %.0f s of processor time\n",
		len(combinations), result.Templates, len(regions), result.Resources, len(result.Findings), result.Processor.Seconds()))
}

// planted has a fault in everything but what is called Right. Some show in one
// combination only, or in one region.
const planted = `
Transform: AWS::Serverless-2016-10-31
Parameters:
  Level: { Type: String, Default: INFO }
  Buckets: { Type: CommaDelimitedList, Default: "" }
  Role: { Type: String, Default: "arn:aws:iam::123456789012:role/function" }
Conditions:
  HasBuckets: !Not [!Equals [!Select [0, !Ref Buckets], ""]]
  InChina: !Equals [!Ref AWS::Partition, aws-cn]
Globals:
  Function: { Runtime: provided.al2023, Handler: bootstrap, CodeUri: functions/ }
Resources:
  Right:
    Type: AWS::Serverless::Function
    Properties: { Role: !Ref Role, Timeout: 3, Environment: { Variables: { BUCKETS: !Join [",", !Ref Buckets], LEVEL: !Ref Level } } }
  Value:
    Type: AWS::Serverless::Function
    Properties: { Role: !Ref Role, LoggingConfig: { LogFormat: JSON, ApplicationLogLevel: !Ref Level } }
  Branch:
    Type: AWS::Serverless::Function
    Properties: { Role: !Ref Role, Timeout: !If [HasBuckets, 3000, 3] }
  Conditional: { Type: AWS::SQS::Queue, Condition: HasBuckets }
  Dangling: { Type: AWS::SQS::Queue, Properties: { QueueName: !Ref Conditional } }
  OnePartition: { Type: AWS::SNS::Topic, Condition: InChina, Properties: { Unknown: b } }
  SomeRegions:
    Type: AWS::Chatbot::SlackChannelConfiguration
    Properties: { ConfigurationName: a, IamRoleArn: "arn:aws:iam::123456789012:role/chat", SlackChannelId: C0123456789, SlackWorkspaceId: T0123456789 }
Outputs:
  Right: { Value: !Ref Conditional, Condition: HasBuckets }
  Output: { Value: !Ref Conditional }
`

// TestFaultsAreFound: each fault is found once, where it shows. China has a template
// different from that of the four other regions.
func TestFaultsAreFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "template.yaml")
	if err := os.WriteFile(path, []byte(planted), 0o644); err != nil {
		t.Fatal(err)
	}
	result, err := Lint(t.Context(), checkout(t), path, []Combination{{Name: "defaults"}, {Name: "changed", Parameters: set("Level", "LOUD", "Buckets", "one,two")}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, finding := range result.Findings {
		got = append(got, description(finding))
	}
	slices.Sort(got)
	want := []string{
		"changed E3030 Resources/Value/Properties/LoggingConfig/ApplicationLogLevel; regions: 1",
		"changed E3030 Resources/Value/Properties/LoggingConfig/ApplicationLogLevel; regions: 4",
		"changed E3717 Resources/Branch/Properties/Timeout; regions: 1",
		"changed E3717 Resources/Branch/Properties/Timeout; regions: 4",
		"defaults E1020 Resources/Dangling/Properties/QueueName/Ref; regions: 1",
		"defaults E1020 Resources/Dangling/Properties/QueueName/Ref; regions: 4",
		"defaults E3002 Resources/OnePartition/Properties/Unknown; regions: 1",
		"defaults E3006 Resources/SomeRegions/Type; regions: 1, of cn-north-1",
		"defaults E3006 Resources/SomeRegions/Type; regions: 4, of us-gov-west-1",
		"defaults E6101 Outputs/Output/Value/Ref; regions: 1",
		"defaults E6101 Outputs/Output/Value/Ref; regions: 4",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got) %s", diff)
	}
}

// keep puts the figures where make test and make template-lint show them.
func keep(t *testing.T, text string) {
	t.Helper()
	t.Log(text)
	folder := filepath.Join(checkout(t), ".local", "figures")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "template-lint"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// description gives a finding with the region that it is about, where it names one.
func description(finding Finding) string {
	text := fmt.Sprintf("%s %s %s; regions: %d", finding.Combination, finding.Rule, finding.Path, len(finding.Regions))
	for region := range regions {
		if strings.Contains(finding.Message, "'"+region+"'") {
			text += ", of " + region
		}
	}
	return text
}
