package policyoracle

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/tests/authorization"
	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/samtemplate"
)

const account = "123456789012"

// resourceType is a type of resource that an action knows.
type resourceType struct {
	Name     string
	Required bool
	ARN      string
}

// actionData is what the service authorization data has of an action.
type actionData struct {
	Name        string
	Exists      bool
	Resources   []resourceType
	UnknownKeys []string
}

// lookUp gives the data of actions, each with the condition keys that are asked about.
func lookUp(t *testing.T, keys map[string][]string) map[string]actionData {
	t.Helper()
	names := slices.Sorted(maps.Keys(keys))
	var input bytes.Buffer
	for _, name := range names {
		fmt.Fprintln(&input, strings.TrimSpace(name+" "+strings.Join(keys[name], " ")))
	}
	lines := oracle(t, input.Bytes(), "data")
	if len(lines) != len(names) {
		t.Fatalf("the oracle answered %d of %d questions", len(lines), len(names))
	}
	found := map[string]actionData{}
	for i, name := range names {
		var data actionData
		if err := json.Unmarshal(lines[i], &data); err != nil || data.Name != name {
			t.Fatalf("%v in %s", err, lines[i])
		}
		found[name] = data
	}
	return found
}

// holds reports whether an ARN, which may have wildcards, can be one of the type.
func (r resourceType) holds(arn string) bool {
	pattern := regexp.MustCompile(`\$\{[A-Za-z]+\}`).ReplaceAllString(r.ARN, "*")
	if r.Name == "bucket" && strings.Contains(arn, "/") {
		return false
	}
	return overlap(pattern, arn)
}

// overlap reports whether two patterns of * and ? have a text in common.
func overlap(a, b string) bool {
	known := map[[2]int]bool{}
	var from func(i, j int) bool
	from = func(i, j int) bool {
		at := [2]int{i, j}
		if result, ok := known[at]; ok {
			return result
		}
		known[at] = false
		result := false
		switch {
		case i == len(a) && j == len(b):
			result = true
		case i < len(a) && a[i] == '*':
			result = from(i+1, j) || j < len(b) && from(i, j+1)
		case j < len(b) && b[j] == '*':
			result = from(i, j+1) || i < len(a) && from(i+1, j)
		case i < len(a) && j < len(b) && (a[i] == b[j] || a[i] == '?' || b[j] == '?'):
			result = from(i+1, j+1)
		}
		known[at] = result
		return result
	}
	return from(0, 0)
}

func TestOverlap(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"", "", true}, {"a", "a", true}, {"a", "b", false}, {"*", "abc", true}, {"a*c", "abbc", true}, {"a*c", "*b*", true}, {"a*", "*b", true},
		{"a?c", "abc", true}, {"a?c", "ac", false}, {"cluster/*", "service/*", false}, {"x*y", "x*z", false}, {"*a", "b*", true}, {"ab", "a", false},
	} {
		if got := overlap(test.a, test.b); got != test.want || overlap(test.b, test.a) != test.want {
			t.Errorf("%q and %q: %v", test.a, test.b, got)
		}
	}
}

// asksKMS is an action that the functions ask about, and the oracle of decisions
// doesn't.
const asksKMS = "kms:Decrypt"

// TestAskedActionsExist: each action that the functions ask IAM about is in the
// service authorization data, and its resource is of a type that it knows.
func TestAskedActionsExist(t *testing.T) {
	keys := map[string][]string{asksKMS: nil}
	for _, of := range asked {
		keys[of.Action] = nil
	}
	data := lookUp(t, keys)
	for _, of := range asked {
		known := data[of.Action]
		switch {
		case !known.Exists:
			t.Errorf("there is no action %s", of.Action)
		case of.Resource != anything && !slices.ContainsFunc(known.Resources, func(r resourceType) bool { return r.holds(of.Resource) }):
			t.Errorf("%s is asked about %s, and knows %v", of.Action, of.Resource, known.Resources)
		}
	}
	t.Logf("%d actions", len(keys))
}

// statement is one of a policy that the template deploys.
type statement struct {
	role               string
	allows             bool
	actions, resources []string
	// keys are those of its conditions, met the values that meet them.
	keys []string
	met  map[string][]string
	// document is the statement as it is deployed.
	document map[string]any
}

// deployed are the statements of all identity policies for two sets of parameters:
// the default ones, and everything on.
func deployed(t *testing.T) []statement {
	t.Helper()
	template, err := samtemplate.Load("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	everything := map[string]string{
		"ConfigBuckets": "acme-ecs-config", "HtpasswdObjects": "acme-registry/auth/htpasswd", "AgentPolicyClusters": "web",
		"Allow":           "cure-execution-roles,restore-config,update-services,deregister-superseded,refresh-tagged-instances,refresh-cluster-instances",
		"RegistryNetwork": "subnet-01234567/sg-01234567", "KeyArn": "arn:aws:kms:us-east-1:" + account + ":key/12345678-1234-1234-1234-123456789012",
		"RequireActorRight": "yes", "RegistryFunctionArns": "arn:aws:lambda:us-east-1:" + account + ":function:registry-credentials",
		"ChatChannel":     "slack:T0123456789/C0123456789",
		"CentralFindings": "security-hub,arn:aws:events:us-east-1:111122223333:event-bus/central",
	}
	var statements []statement
	for _, parameters := range []map[string]string{nil, {"CentralFindings": "o-a1b2c3d4e5"}, everything} {
		rendered, err := template.Render(parameters, "aws", "us-east-1")
		if err != nil {
			t.Fatal(err)
		}
		for name, resource := range rendered.Resources {
			var documents []any
			switch resource.Type {
			case "AWS::IAM::Role":
				policies, _ := resource.Properties["Policies"].([]any)
				for _, policy := range policies {
					documents = append(documents, policy.(map[string]any)["PolicyDocument"])
				}
			case "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy":
				documents = append(documents, resource.Properties["PolicyDocument"])
			}
			for _, document := range documents {
				for _, each := range document.(map[string]any)["Statement"].([]any) {
					statements = append(statements, read(t, name, each.(map[string]any)))
				}
			}
		}
	}
	return statements
}

func read(t *testing.T, role string, fields map[string]any) statement {
	t.Helper()
	if fields["NotAction"] != nil || fields["NotResource"] != nil {
		// Nothing here grants by leaving out; a denial of it is the functions' matter.
		if fields["Effect"] == "Allow" {
			t.Errorf("%s allows what isn't named: %v", role, fields)
		}
	}
	made := statement{role: role, allows: fields["Effect"] == "Allow", actions: texts(fields["Action"]), resources: texts(fields["Resource"]), met: map[string][]string{}, document: fields}
	conditions, _ := fields["Condition"].(map[string]any)
	for operator, of := range conditions {
		for key, values := range of.(map[string]any) {
			made.keys = append(made.keys, key)
			if listed := texts(values); len(listed) > 0 && operator != "Null" && !strings.Contains(operator, "Not") && !strings.Contains(listed[0], "${") {
				made.met[key] = []string{concrete(listed[0])}
			}
		}
	}
	slices.Sort(made.keys)
	return made
}

func texts(value any) (texts []string) {
	switch value := value.(type) {
	case string:
		return []string{value}
	case []any:
		for _, each := range value {
			texts = append(texts, fmt.Sprint(each))
		}
	}
	return texts
}

// TestStatementsFit: each statement of the template's policies names actions that
// there are, resources of types that they know, and condition keys that their
// requests have. Otherwise it would silently grant or deny nothing.
func TestStatementsFit(t *testing.T) {
	statements := deployed(t)
	keys := map[string][]string{}
	for _, s := range statements {
		for _, action := range s.actions {
			if strings.Contains(action, "*") {
				continue
			}
			keys[action] = append(keys[action], s.keys...)
		}
	}
	for action := range keys {
		slices.Sort(keys[action])
		keys[action] = slices.Compact(keys[action])
	}
	if len(keys) < 80 || len(statements) < 60 {
		t.Fatalf("only %d actions in %d statements", len(keys), len(statements))
	}
	data := lookUp(t, keys)
	told := map[string]bool{}
	fault := func(format string, arguments ...any) {
		if text := fmt.Sprintf(format, arguments...); !told[text] {
			told[text] = true
			t.Error(text)
		}
	}
	// granted are the resources of each role's actions.
	granted := map[[2]string][]string{}
	for _, s := range statements {
		fitting := map[string]bool{}
		for _, action := range s.actions {
			known, named := data[action]
			if !named {
				continue
			}
			if !known.Exists {
				fault("%s: there is no action %s", s.role, action)
				continue
			}
			if s.allows {
				granted[[2]string{s.role, action}] = append(granted[[2]string{s.role, action}], s.resources...)
			}
			fits := slices.Contains(s.resources, "*")
			for _, resource := range s.resources {
				if resource == "*" || slices.ContainsFunc(known.Resources, func(r resourceType) bool { return r.holds(resource) }) {
					fits, fitting[resource] = true, true
				}
			}
			if !fits && len(s.resources) > 0 {
				fault("%s: %s knows none of the resources %q, but %v", s.role, action, s.resources, known.Resources)
			}
			for _, key := range s.keys {
				if slices.Contains(known.UnknownKeys, key) {
					fault("%s: no request of %s has the key %s", s.role, action, key)
				}
			}
		}
		for _, resource := range s.resources {
			if !fitting[resource] && !slices.ContainsFunc(s.actions, func(action string) bool { return strings.Contains(action, "*") }) {
				fault("%s: none of %q knows the resource %s", s.role, s.actions, resource)
			}
		}
	}
	for of, resources := range granted {
		for _, needed := range data[of[1]].Resources {
			if needed.Required && !slices.ContainsFunc(resources, needed.holds) && !slices.Contains(resources, "*") {
				fault("%s: %s needs a resource of the type %s as well, and is granted %q", of[0], of[1], needed.Name, resources)
			}
		}
	}
	t.Logf("%d actions in %d statements", len(keys), len(statements))
}

// TestDecisionsAboutOurRoles: the three evaluators decide alike about each role of
// the template, for every action that its statements name or that the functions ask
// about, on resources that a statement names and on others, with the condition keys of
// the statements met and without them.
func TestDecisionsAboutOurRoles(t *testing.T) {
	var cases []policyCase
	roles := map[string][]statement{}
	for _, s := range deployed(t) {
		roles[s.role] = append(roles[s.role], s)
	}
	actions := map[string][]string{}
	for _, of := range asked {
		actions[of.Action] = append(actions[of.Action], of.Resource)
	}
	for _, statements := range roles {
		for _, s := range statements {
			for _, action := range s.actions {
				for _, resource := range s.resources {
					actions[action] = append(actions[action], concrete(resource))
				}
			}
		}
	}
	for _, role := range slices.Sorted(maps.Keys(roles)) {
		met := maps.Clone(known)
		var documents []json.RawMessage
		for _, s := range roles[role] {
			maps.Copy(met, s.met)
			text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{s.document}})
			if err != nil {
				t.Fatal(err)
			}
			documents = append(documents, text)
		}
		for _, keys := range []map[string][]string{met, known} {
			of := inContext(policyCase{Identity: documents}, keys)
			for _, action := range slices.Sorted(maps.Keys(actions)) {
				if strings.Contains(action, "*") || action == asksKMS || strings.HasPrefix(action, "kms:") {
					continue
				}
				resources := slices.Compact(slices.Sorted(slices.Values(actions[action])))
				for _, resource := range resources {
					of.Requests = append(of.Requests, request{action, resource})
				}
			}
			cases = append(cases, of)
		}
	}
	decisions := compare(t, cases)
	if len(cases) < 12 || decisions["Allowed"] < 300 || decisions["ImplicitlyDenied"] < 1000 || decisions["ExplicitlyDenied"] < 2 {
		t.Errorf("%d cases say too little: %v", len(cases), decisions)
	}
}

// concrete gives a resource that a pattern takes.
func concrete(pattern string) string {
	if pattern == "*" {
		return anything
	}
	return strings.NewReplacer("*", "x1", "?", "y").Replace(pattern)
}

// resources finds what the rig would.
type resources struct{}

func (resources) Role(_ context.Context, name string) (authorization.Tagged, error) {
	return authorization.Tagged{ARN: "arn:aws:iam::" + account + ":role/path/" + name, Tags: map[string]string{"team": "shop"}}, nil
}

func (resources) Secret(_ context.Context, id string) (authorization.Tagged, error) {
	return authorization.Tagged{ARN: "arn:aws:secretsmanager:us-east-1:" + account + ":secret:" + id + "-AbCdEf", Tags: map[string]string{"team": "shop"}}, nil
}

func (resources) Policy(context.Context, string) (string, error) { return "", nil }

// services are the prefixes of the actions, where an SDK's package is called otherwise.
var services = map[string]string{"eventbridge": "events", "s3control": "s3", "resourcegroupstaggingapi": "tag"}

// operations are those of the SDK that what ships can call, as the rig names them.
func operations(t *testing.T) []string {
	t.Helper()
	input := regexp.MustCompile(`\*(\w+)\.([A-Z]\w+)Input\b`)
	found := map[string]bool{}
	for _, folder := range []string{"../../shared", "../../functions"} {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(filepath.Dir(path), "test") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, match := range input.FindAllSubmatch(text, -1) {
				service := string(match[1])
				if bytes.Contains(text, []byte(`"github.com/aws/aws-sdk-go-v2/service/`+service+`"`)) {
					found[strings.Join([]string{service, string(match[2])}, ":")] = true
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// parameters have a value for all that the rig reads of a call.
func parameters(operation string) map[string]any {
	const ecs = "arn:aws:ecs:us-east-1:" + account + ":"
	all := map[string]any{
		"Bucket": "acme-ecs-config", "Key": "prod/ecs.config", "Prefix": "prod/", "IfMatch": "1", "Tagging": "a=b", "CopySource": "b/k?versionId=1",
		"RoleName": "web", "PolicyArn": "arn:aws:iam::" + account + ":policy/p", "PolicySourceArn": "arn:aws:iam::" + account + ":role/web", "InstanceProfileName": "web",
		"Tags": []any{map[string]any{"Key": "team", "Value": "shop"}}, "TagKeys": []any{"team"}, "Audience": []any{"api://AzureADTokenExchange"}, "DurationSeconds": "300",
		"SecretId": "prod/registry", "VersionStage": "AWSCURRENT", "BlockPublicPolicy": true,
		"family": "web", "taskRoleArn": "task", "executionRoleArn": "execution", "tags": []any{map[string]any{"key": "team", "value": "shop"}},
		"cluster": "prod", "clusters": []any{"prod"}, "service": "web", "services": []any{"web"}, "tasks": []any{ecs + "task/prod/0a1b2c"},
		"containerInstances": []any{ecs + "container-instance/prod/0a1b2c"},
		"DocumentName":       "AWS-RunShellScript", "InstanceIds": []any{"i-1", "mi-1"}, "Targets": []any{map[string]any{"Key": "tag:team", "Values": []any{"shop"}}},
		"InstanceId": "i-1", "QueueUrl": "https://sqs.us-east-1.amazonaws.com/" + account + "/queue", "Rule": "rule", "EventBusName": "own", "GroupName": "default",
		"Name": "arn:aws:cloudtrail:us-east-1:" + account + ":trail/t", "TopicArn": "arn:aws:sns:us-east-1:" + account + ":topic", "FunctionName": "arn:aws:lambda:us-east-1:" + account + ":function:f",
		"Findings": []any{map[string]any{"ProductArn": "arn:aws:securityhub:us-east-1:" + account + ":product/" + account + "/default", "AwsAccountId": account}},
		"Entries":  []any{map[string]any{"Source": "ecs-guardrails", "DetailType": "d", "EventBusName": "own"}},
	}
	if operation == "GetSchedule" {
		all["Name"] = "schedule"
	}
	if strings.Contains(operation, "Bucket") || strings.HasPrefix(operation, "List") || operation == "GetPublicAccessBlock" {
		// These are the bucket's, not an object's.
		delete(all, "Key")
	}
	for parameter, of := range ofFew {
		if !strings.Contains(" "+of+" ", " "+operation+" ") {
			delete(all, parameter)
		}
	}
	return all
}

// ofFew are parameters that only some operations have, of those that the rig takes
// for condition keys.
var ofFew = map[string]string{
	"Prefix": "ListObjectVersions ListObjectsV2", "VersionStage": "GetSecretValue UpdateSecretVersionStage",
	"PolicyArn": "AttachRolePolicy DetachRolePolicy GetPolicy GetPolicyVersion ListEntitiesForPolicy", "Tags": "TagRole", "TagKeys": "UntagRole",
}

// TestCallsNeedWhatTheRigSays: for each call that what ships can make, the rig asks
// for actions that there are, on resources of types that they know, with condition keys
// that their requests have. Where it asks for "*", the action knows no resource.
func TestCallsNeedWhatTheRigSays(t *testing.T) {
	type need struct {
		operation string
		authorization.Demand
	}
	var needs []need
	keys := map[string][]string{}
	for _, name := range operations(t) {
		sdk, operation, _ := strings.Cut(name, ":")
		service := sdk
		if prefix, ok := services[sdk]; ok {
			service = prefix
		}
		given := parameters(operation)
		if sdk == "s3control" {
			operation = "GetAccountPublicAccessBlock"
		}
		exchange := awscall.Exchange{Call: awscall.Call{Service: service, Operation: operation, Region: "us-east-1"}, Parameters: given}
		demands, known, err := authorization.Demands(t.Context(), exchange, account, resources{})
		if err != nil || !known {
			t.Errorf("the rig doesn't know which permissions %s needs (%v)", name, err)
		}
		for _, demand := range demands {
			needs = append(needs, need{name, demand})
			keys[demand.Action] = append(keys[demand.Action], slices.Collect(maps.Keys(demand.Context))...)
		}
	}
	if len(needs) < 75 {
		t.Fatalf("only %d demands", len(needs))
	}
	for action := range keys {
		slices.Sort(keys[action])
		keys[action] = slices.Compact(keys[action])
	}
	data := lookUp(t, keys)
	for _, n := range needs {
		known := data[n.Action]
		if !known.Exists {
			t.Errorf("%s: there is no action %s", n.operation, n.Action)
			continue
		}
		if n.Resource == "*" {
			for _, r := range known.Resources {
				if r.Required {
					t.Errorf("%s: %s is asked for on everything, and knows the resource %s", n.operation, n.Action, r.Name)
				}
			}
		} else if !slices.ContainsFunc(known.Resources, func(r resourceType) bool { return r.holds(n.Resource) }) {
			t.Errorf("%s: %s is asked for on %s, and knows %v", n.operation, n.Action, n.Resource, known.Resources)
		}
		for key := range n.Context {
			if slices.Contains(known.UnknownKeys, key) {
				t.Errorf("%s: no request of %s has the key %s", n.operation, n.Action, key)
			}
		}
	}
	t.Logf("%d calls need %d actions", len(needs), len(keys))
}
