package samtemplate

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

func shippedTemplate(t *testing.T) *Template {
	t.Helper()
	root, err := stack.Checkout()
	if err != nil {
		t.Fatal(err)
	}
	template, err := Load(filepath.Join(root, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return template
}

func render(t *testing.T, parameters map[string]string, partition, region string) Rendered {
	t.Helper()
	rendered, err := shippedTemplate(t).Render(parameters, partition, region)
	if err != nil {
		t.Fatal(err)
	}
	return rendered
}

func TestRender(t *testing.T) {
	template, err := Parse([]byte(`
Parameters:
  Names: { Type: CommaDelimitedList, Default: "a,b" }
  Allow: { Type: String, Default: none }
Conditions:
  Restores: !Not [!Equals [!Join ["", !Split [restore, !Ref Allow]], !Ref Allow]]
  Both: !And [!Condition Restores, !Not [!Equals [!Select [0, !Ref Names], ""]]]
Resources:
  Bucket: { Type: AWS::S3::Bucket, DeletionPolicy: Retain }
  More:
    Type: X
    Condition: Both
    Properties:
      List: !Split [",", !Sub ["arn:${AWS::Partition}:s3:::${N},${Bucket.Arn}", { N: !Join [",x:", !Ref Names] }]]
      Gone: !If [Restores, !Ref AWS::NoValue, 1]
      Items: [!Ref Bucket, !Ref AWS::NoValue]
`))
	if err != nil {
		t.Fatal(err)
	}
	rendered, err := template.Render(nil, "aws", "us-east-1")
	if err != nil || len(rendered.Resources) != 1 || !rendered.Resources["Bucket"].Retained {
		t.Errorf("by default: %+v, %v", rendered, err)
	}
	rendered, err = template.Render(map[string]string{"Allow": "x,restore"}, "aws-cn", "cn-north-1")
	want := map[string]any{
		"List":  []any{"arn:aws-cn:s3:::a", "x:b", "arn:aws-cn:s3:::ecs-guardrails-Bucket-A1B2C3D4E5F6"},
		"Items": []any{"ecs-guardrails-Bucket-A1B2C3D4E5F6"},
	}
	if diff := cmp.Diff(want, rendered.Resources["More"].Properties); err != nil || diff != "" {
		t.Errorf("%v: %s", err, diff)
	}
	if _, err := template.Render(map[string]string{"Other": "x"}, "aws", "us-east-1"); err == nil {
		t.Error("an unknown parameter was taken")
	}
}

// TestModes: which triggers there are, by Mode and Modes.
func TestModes(t *testing.T) {
	rules := map[string]string{"attach-policies": "InstanceProfileUsedRule", "patch-task-definition": "TaskDefinitionRegisteredRule", "diagnose-failure": "TaskFailedRule", "sweep": "SweepRule"}
	for name, test := range map[string]struct {
		mode, modes string
		off         []string
	}{
		"by default":        {"dry-run", "", nil},
		"all off":           {"off", "", []string{"attach-policies", "diagnose-failure", "patch-task-definition", "sweep"}},
		"one off":           {"enforce", "sweep=off", []string{"sweep"}},
		"all but one":       {"off", "attach-policies=enforce, sweep=dry-run", []string{"diagnose-failure", "patch-task-definition"}},
		"off wins":          {"off", "sweep=off,sweep=enforce", []string{"attach-policies", "diagnose-failure", "patch-task-definition", "sweep"}},
		"another's is none": {"enforce", "rotate-secret=off,validate-config=off", nil},
	} {
		t.Run(name, func(t *testing.T) {
			rendered := render(t, map[string]string{"Mode": test.mode, "Modes": test.modes}, "aws", "us-east-1")
			var off []string
			for function, rule := range rules {
				if rendered.Resources[rule].Properties["State"] == "DISABLED" {
					off = append(off, function)
				}
			}
			// Secrets Manager asks, whatever the mode: a rotation that can't be asked for
			// fails without anyone being told.
			if rendered.Resources["SecretsManagerInvokesRotateSecret"].Type == "" {
				t.Error("Secrets Manager may not ask for rotations")
			}
			slices.Sort(off)
			if !slices.Equal(off, test.off) {
				t.Errorf("off are %q, want %q", off, test.off)
			}
		})
	}
}

// TestOtherPartitions: no ARN and no principal of the rendered template is of
// another partition, and IAM's events are waited for in every region.
func TestOtherPartitions(t *testing.T) {
	for region, partition := range map[string]string{"us-east-1": "aws", "eu-west-1": "aws", "us-gov-west-1": "aws-us-gov", "cn-north-1": "aws-cn", "eusc-de-east-1": "aws-eusc"} {
		rendered := render(t, map[string]string{
			"AgentPolicyClusters": "web,batch", "ConfigBuckets": "one-bucket", "HtpasswdObjects": "one-bucket/htpasswd", "OrganizationId": "o-a1b2c3d4e5",
			"ChatChannel": "slack:T0123456789/C0123456789", "SecurityHub": "yes",
			"Allow": "cure-execution-roles,restore-config,update-services,deregister-superseded,refresh-tagged-instances", "RegistryNetwork": "subnet-01234567/sg-01234567", "InstanceRegion": region,
		}, partition, region)
		if rendered.Resources["RoleChangedRule"].Type == "" {
			t.Errorf("in %s no rule waits for IAM's events", region)
		}
		content, err := json.Marshal(rendered.Resources)
		if err != nil {
			t.Fatal(err)
		}
		for part := range strings.SplitSeq(string(content), `"arn:`) {
			if of, _, _ := strings.Cut(part, ":"); !strings.HasPrefix(part, "{") && of != partition && of != "*" {
				t.Errorf("in %s there is the ARN arn:%.80s", region, part)
			}
		}
	}
	template := shippedTemplate(t)
	for _, region := range []string{"us-east-1", "eu-central-1", "us-gov-east-1", "cn-northwest-1", "eusc-de-east-1", "us-isob-east-1"} {
		at := slices.IndexFunc(template.Parameters(), func(of Parameter) bool { return of.Name == "InstanceRegion" })
		if !matchesPattern(t, template.Parameters()[at].Pattern, region) {
			t.Errorf("InstanceRegion does not take %s", region)
		}
	}
}

// maxConfigBuckets and the others are what the descriptions of the parameters
// promise, for names of the greatest length that S3 and ECS allow.
const (
	maxConfigBuckets   = 9
	maxHtpasswdObjects = 3
	maxClusters        = 7
)

// TestPoliciesFit: the longest lists that the template promises to take make no
// policy that IAM refuses, with everything else on.
func TestPoliciesFit(t *testing.T) {
	buckets, objects, clusters := make([]string, maxConfigBuckets), make([]string, maxHtpasswdObjects), make([]string, maxClusters)
	for index := range buckets {
		buckets[index] = fmt.Sprintf("%063d", index)
	}
	for index := range objects {
		objects[index] = fmt.Sprintf("%063d/registries/prod/htpasswd", index)
	}
	for index := range clusters {
		clusters[index] = fmt.Sprintf("%0255d", index)
	}
	all := map[string]string{
		"ConfigBuckets": strings.Join(buckets, ","), "HtpasswdObjects": strings.Join(objects, ","), "AgentPolicyClusters": strings.Join(clusters, ","),
		"Allow":           "cure-execution-roles,restore-config,update-services,deregister-superseded,refresh-tagged-instances,refresh-cluster-instances",
		"RegistryNetwork": "subnet-01234567/sg-01234567", "KeyArn": "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/12345678-1234-1234-1234-123456789012",
		"RequireActorRight": "yes", "ConfigSuffix": strings.Repeat("c", 128), "PassRolePattern": strings.Repeat("r", 512),
		"RegistryFunctionArns": "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:" + strings.Repeat("f", 64),
	}
	rendered := render(t, all, "aws-us-gov", "us-gov-west-1")
	if tooLong := rendered.TooLong(); len(tooLong) > 0 {
		t.Error(strings.Join(tooLong, "\n"))
	}
	all["ConfigBuckets"] += "," + all["ConfigBuckets"]
	if tooLong := render(t, all, "aws-us-gov", "us-gov-west-1").TooLong(); !slices.ContainsFunc(tooLong, func(text string) bool { return strings.HasPrefix(text, "RotateSecretRole") }) {
		t.Errorf("twice as many buckets are taken: %q", tooLong)
	}
	for parameter, most := range map[string]int{"ConfigBuckets": maxConfigBuckets, "HtpasswdObjects": maxHtpasswdObjects, "AgentPolicyClusters": maxClusters} {
		template := shippedTemplate(t)
		at := slices.IndexFunc(template.Parameters(), func(of Parameter) bool { return of.Name == parameter })
		if description := template.Parameters()[at].Description; !strings.Contains(description, fmt.Sprintf("At most %d", most)) {
			t.Errorf("the description of %s does not say that there can be %d: %s", parameter, most, description)
		}
	}
}

// madeByStack are types that nothing outside the stack names.
var madeByStack = []string{"AWS::Lambda::Permission", "AWS::SNS::Subscription"}

// TestNothingIsReplaced holds the create-only properties, the types and the
// logical ids of what others depend on against those of the last release. Nothing
// writes the file: a changed line means that an update makes a new resource, and
// that what was attached, named or subscribed elsewhere keeps the old one.
func TestNothingIsReplaced(t *testing.T) {
	rendered := render(t, map[string]string{
		"AgentPolicyClusters": "web", "ConfigBuckets": "one-bucket", "OrganizationId": "o-a1b2c3d4e5", "FindingsEmail": "a@example.com",
		"CentralFindingsBus": "arn:aws:events:us-east-1:111122223333:event-bus/central",
	}, "aws", "us-east-1")
	var lines []string
	for name, resource := range rendered.Resources {
		line := fmt.Sprintf("%s %s", name, resource.Type)
		properties := CreateOnly[resource.Type]
		if slices.Contains(madeByStack, resource.Type) {
			properties = nil
		}
		for _, property := range properties {
			if value, ok := resource.Properties[property]; ok {
				line += fmt.Sprintf(" %s=%v", property, value)
			}
		}
		if resource.Retained || strings.Contains(line, "=") {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	content, err := os.ReadFile(filepath.Join("testdata", "create-only.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(string(content)), "\n"), lines); diff != "" {
		t.Errorf("an update would replace or drop resources (-before +now); change testdata/create-only.txt by hand where that is meant, and tell it in CHANGELOG.md:\n%s", diff)
	}
}

// TestWhatOthersUseStays: policies and roles that the functions hand to others are
// never deleted with the stack or by a condition.
func TestWhatOthersUseStays(t *testing.T) {
	rendered := render(t, map[string]string{"AgentPolicyClusters": "web"}, "aws", "us-east-1")
	for name, resource := range rendered.Resources {
		if resource.Type == "AWS::IAM::ManagedPolicy" && !resource.Retained {
			t.Errorf("%s is deleted with the stack, and roles of others have it", name)
		}
	}
	for _, name := range []string{"TaskExecutionRole", "ConfigBucket", "ReportBucket"} {
		if !rendered.Resources[name].Retained {
			t.Errorf("%s is deleted with the stack", name)
		}
	}
}

func matchesPattern(t *testing.T, pattern, value string) bool {
	t.Helper()
	compiled, err := regexp.Compile("^(?:" + pattern + ")$")
	if err != nil {
		t.Fatal(err)
	}
	return compiled.MatchString(value)
}
