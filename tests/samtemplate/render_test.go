package samtemplate

import (
	"encoding/json"
	"fmt"
	"maps"
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

// TestModes: which triggers there are, by Mode.
func TestModes(t *testing.T) {
	rules := map[string]string{"attach-policies": "InstanceProfileUsedRule", "patch-task-definition": "TaskDefinitionRegisteredRule", "diagnose-failure": "TaskFailedRule", "sweep": "SweepRule"}
	for name, test := range map[string]struct {
		mode string
		off  []string
	}{
		"by default":        {"dry-run", nil},
		"all off":           {"off", []string{"attach-policies", "diagnose-failure", "patch-task-definition", "sweep"}},
		"one off":           {"enforce,sweep=off", []string{"sweep"}},
		"all but one":       {"off, attach-policies=enforce, sweep=dry-run", []string{"diagnose-failure", "patch-task-definition"}},
		"off wins":          {"off,sweep=off,sweep=enforce", []string{"attach-policies", "diagnose-failure", "patch-task-definition", "sweep"}},
		"another's is none": {"enforce,rotate-secret=off,validate-config=off", nil},
	} {
		t.Run(name, func(t *testing.T) {
			rendered := render(t, map[string]string{"Mode": test.mode}, "aws", "us-east-1")
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
			"AgentPolicyClusters": "web,batch", "ConfigBuckets": "one-bucket", "HtpasswdObjects": "one-bucket/htpasswd", "CentralFindings": "security-hub,o-a1b2c3d4e5",
			"ChatChannel": "slack:T0123456789/C0123456789",
			"Allow":       "cure-execution-roles,restore-config,update-services,deregister-superseded,refresh-tagged-instances", "RegistryNetwork": "subnet-01234567/sg-01234567",
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
}

// maxConfigBuckets and the others are what the descriptions of the parameters
// promise, for names of the greatest length that S3 and ECS allow.
const (
	maxConfigBuckets   = 8
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
	all := map[string]RenderedResource{}
	for _, central := range []string{"o-a1b2c3d4e5", "arn:aws:events:us-east-1:111122223333:event-bus/central"} {
		maps.Copy(all, render(t, map[string]string{
			"AgentPolicyClusters": "web", "ConfigBuckets": "one-bucket", "FindingsEmail": "a@example.com", "CentralFindings": central,
		}, "aws", "us-east-1").Resources)
	}
	var lines []string
	for name, resource := range all {
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

// TestCentralFindings: each of its parts makes what it is for, and nothing of the
// others.
func TestCentralFindings(t *testing.T) {
	const (
		organization = "o-a1b2c3d4e5"
		bus          = "arn:aws-us-gov:events:us-gov-west-1:111122223333:event-bus/security-hub-o-bus"
		own          = "arn:aws:events:us-east-1:123456789012:event-bus/ecs-guardrails-findings"
	)
	for name, test := range map[string]struct {
		value          string
		hub            bool
		forwards, from string
	}{
		"none":                         {"", false, "", ""},
		"Security Hub":                 {"security-hub", true, "", ""},
		"a bus":                        {"arn:aws:events:eu-west-1:111122223333:event-bus/central", false, "arn:aws:events:eu-west-1:111122223333:event-bus/central", ""},
		"an organization":              {organization, false, "", organization},
		"Security Hub and a bus":       {"security-hub,arn:aws:events:eu-west-1:111122223333:event-bus/a/b", true, "arn:aws:events:eu-west-1:111122223333:event-bus/a/b", ""},
		"Security Hub, organization":   {"security-hub," + organization, true, "", organization},
		"a bus with such a name":       {bus, false, bus, ""},
		"Security Hub and such a bus":  {"security-hub," + bus, true, bus, ""},
		"the bus that they come from":  {own, false, "", ""},
		"the Hub and that bus":         {"security-hub," + own, true, "", ""},
		"a bus with a dash in its ARN": {"arn:aws-cn:events:cn-north-1:111122223333:event-bus/o-1", false, "arn:aws-cn:events:cn-north-1:111122223333:event-bus/o-1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			template := shippedTemplate(t)
			at := slices.IndexFunc(template.Parameters(), func(of Parameter) bool { return of.Name == "CentralFindings" })
			if !matchesPattern(t, template.Parameters()[at].Pattern, test.value) {
				t.Error("the template doesn't take it")
			}
			resources := render(t, map[string]string{"CentralFindings": test.value}, "aws", "us-east-1").Resources
			if hub := fmt.Sprint(resources["NotifyFunction"].Properties["Environment"]); strings.Contains(hub, ":product/") != test.hub {
				t.Errorf("Security Hub: %s", hub)
			}
			forward, forwards := resources["ForwardFindingsRule"]
			if forwards != (test.forwards != "") || forwards && !strings.Contains(fmt.Sprint(forward.Properties["Targets"]), "Arn:"+test.forwards+" ") {
				t.Errorf("forwards by %v", forward.Properties)
			}
			policy, takes := resources["FindingsBusPolicy"]
			if takes != (test.from != "") || takes && !strings.Contains(fmt.Sprint(policy.Properties), "aws:PrincipalOrgID:"+test.from+" ") {
				t.Errorf("takes by %v", policy.Properties)
			}
		})
	}
	template := shippedTemplate(t)
	at := slices.IndexFunc(template.Parameters(), func(of Parameter) bool { return of.Name == "CentralFindings" })
	for _, value := range []string{"securityhub", "security-hub,", "o-a1b2c3d4e5,o-a1b2c3d4e6", bus + "," + organization, "security-hub,security-hub", bus + ",security-hub", "security-hub, " + bus, "o-A1b2c3d4e5"} {
		if matchesPattern(t, template.Parameters()[at].Pattern, value) {
			t.Errorf("the template takes %q", value)
		}
	}
}
