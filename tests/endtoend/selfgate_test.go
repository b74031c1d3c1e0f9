package endtoend

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/policysimulation"
)

// gate is the most that a function which attaches policies may do.
type gate struct {
	// approved are the ARNs of the policies that it may attach, own those of the
	// stack's roles.
	approved, own []string
	// detaches: it may also take the approved policies away.
	detaches bool
	// tags are the only keys that it may write to roles, passes the only services
	// that it may hand roles to; nil is none.
	tags, passes []string
}

const (
	administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
	strangersRole = "arn:aws:iam::999999999999:role/ecsInstanceRole"
)

// becoming are the actions by which somebody who may change roles, or run code
// under another one, becomes an administrator. iam:PassRole has its own rules.
var becoming = []string{
	"iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary",
	"iam:CreateRole", "iam:UpdateRole", "iam:DeleteRole", "iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion", "iam:DeletePolicyVersion",
	"iam:AttachUserPolicy", "iam:AttachGroupPolicy", "iam:PutUserPolicy", "iam:PutGroupPolicy", "iam:AddUserToGroup", "iam:CreateUser",
	"iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:UpdateLoginProfile", "iam:AddRoleToInstanceProfile", "sts:AssumeRole",
	"lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration", "lambda:CreateFunction", "lambda:InvokeFunction",
	"cloudformation:UpdateStack", "ec2:RunInstances", "ecs:RunTask", "ecs:StartTask", "ssm:SendCommand",
}

// changingRoles are calls that no function of this stack may make for its own roles.
var changingRoles = []string{
	"iam:AttachRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:UpdateAssumeRolePolicy",
	"iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary", "iam:TagRole", "iam:UntagRole",
}

// unscoped are the actions for which "*" is the only resource (Service
// Authorization Reference, actions without a resource type).
var unscoped = []string{
	"iam:GetAccountSummary", "ec2:DescribeInstances", "ec2:DescribeImages", "ec2:DescribeLaunchTemplateVersions", "ecs:DescribeCapacityProviders", "ecs:ListClusters",
	"xray:PutTraceSegments", "xray:PutTelemetryRecords",
	"ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions", "ecs:RegisterTaskDefinition", "ecs:DeregisterTaskDefinition", "secretsmanager:ListSecrets",
}

// changing matches the actions on roles that do more than read.
var changing = regexp.MustCompile(`^iam:[A-Z][a-z]*`)

func policyARN(arn string) map[string][]string { return map[string][]string{"iam:PolicyARN": {arn}} }

// breaches lists in what the policies let the function do more than the gate
// has it. What the function must be able to do is in it, too, or a gate that
// lets no one through would look like a good one.
func (g gate) breaches(policies policysimulation.Policies) []string {
	var breaches []string
	someRole := global("role/ecsInstanceRole-bare")
	decide := func(action, resource string, context map[string][]string) policysimulation.Decision {
		return policysimulation.Simulate(policies, policysimulation.Request{Action: action, Resource: resource, Context: everyCall(context)}).Decision
	}
	is := func(want policysimulation.Decision, action, resource string, context map[string][]string) {
		if got := decide(action, resource, context); got != want {
			breaches = append(breaches, fmt.Sprintf("%s on %s with %v is %s, not %s", action, resource, context, got, want))
		}
	}
	never := func(action, resource string, context map[string][]string) {
		if decide(action, resource, context) == policysimulation.Allowed {
			breaches = append(breaches, fmt.Sprintf("%s on %s with %v is allowed", action, resource, context))
		}
	}

	for _, policy := range g.approved {
		is(policysimulation.Allowed, "iam:AttachRolePolicy", someRole, policyARN(policy))
		never("iam:AttachRolePolicy", strangersRole, policyARN(policy))
		if !g.detaches {
			never("iam:DetachRolePolicy", someRole, policyARN(policy))
		}
		for _, action := range becoming {
			for _, resource := range []string{someRole, g.own[0], global("policy/anything"), global("user/anybody"), "*"} {
				never(action, resource, policyARN(policy))
			}
		}
		for _, own := range g.own {
			for _, action := range changingRoles {
				is(policysimulation.ExplicitDeny, action, own, policyARN(policy))
			}
		}
	}
	for _, action := range []string{"iam:AttachRolePolicy", "iam:DetachRolePolicy"} {
		for _, policy := range []string{
			administrator, "arn:aws:iam::aws:policy/PowerUserAccess", "arn:aws:iam::aws:policy/IAMFullAccess",
			global("policy/AmazonEC2ContainerServiceforEC2Role"), operator.AgentPolicy + "2", "",
		} {
			never(action, someRole, policyARN(policy))
		}
		never(action, someRole, nil)
	}
	for _, action := range []string{"iam:TagRole", "iam:UntagRole"} {
		for _, tag := range g.tags {
			keys := map[string][]string{"aws:TagKeys": {tag}}
			is(policysimulation.Allowed, action, someRole, keys)
			never(action, strangersRole, keys)
			never(action, someRole, map[string][]string{"aws:TagKeys": {tag, "Department"}})
			for _, own := range g.own {
				is(policysimulation.ExplicitDeny, action, own, keys)
			}
		}
		never(action, someRole, map[string][]string{"aws:TagKeys": {"Department"}})
		never(action, someRole, nil)
	}
	for _, service := range []string{"ecs-tasks.amazonaws.com", "lambda.amazonaws.com", "ec2.amazonaws.com", "cloudformation.amazonaws.com", "glue.amazonaws.com", ""} {
		if !slices.Contains(g.passes, service) {
			for _, role := range append([]string{someRole, strangersRole}, g.own...) {
				never("iam:PassRole", role, map[string][]string{"iam:PassedToService": {service}})
			}
		}
	}
	never("iam:PassRole", someRole, nil)
	return append(breaches, wildcards(policies)...)
}

// wildcards lists what statements leave open without a reason.
func wildcards(policies policysimulation.Policies) []string {
	var found []string
	for _, policy := range policies.Identity {
		for _, statement := range policy.Document.Statements {
			if statement.Deny {
				continue
			}
			if len(statement.NotActions)+len(statement.NotResources) > 0 {
				found = append(found, statement.SID+" allows all but what it names")
			}
			for _, action := range statement.Actions {
				if strings.ContainsAny(action, "*?") {
					found = append(found, fmt.Sprintf("%s allows %s", statement.SID, action))
				}
				for _, resource := range statement.Resources {
					if strings.Trim(resource, "*:") == "" && !slices.Contains(unscoped, action) {
						found = append(found, fmt.Sprintf("%s allows %s on %s", statement.SID, action, resource))
					}
					verb := changing.FindString(action)
					reads := reading.MatchString(strings.TrimPrefix(action, "iam:"))
					if verb != "" && !reads && strings.Contains(resource, "*") && len(statement.Conditions) == 0 {
						found = append(found, fmt.Sprintf("%s allows %s on %s under no condition", statement.SID, action, resource))
					}
				}
			}
		}
	}
	return found
}

// gateOf knows the policies that a function may attach from the template's
// resources, not from the policies that are judged.
func (w *world) gateOf(t *testing.T, function string) gate {
	t.Helper()
	resource := func(logicalID string) string { return must(w.ResourceID(t.Context(), logicalID))(t) }
	shared := []string{resource("EcrPullPolicy"), resource("ConfigReadPolicy"), resource("LogsWritePolicy")}
	var g gate
	switch function {
	case "attach-policies":
		g = gate{
			approved: append(shared, operator.AgentPolicy, operator.SSMPolicy, "arn:aws:iam::aws:policy/AmazonECSInstanceRolePolicyForManagedInstances"), detaches: true,
			tags: []string{"ecs-guardrails:attached", "ecs-guardrails:attached/0f1e2d3c/4b5a6978", "ecs-guardrails:healed", "ecs-guardrails:declined", "ecs-guardrails:ignore"},
		}
	case "patch-task-definition":
		g = gate{approved: []string{operator.TaskExecutionPolicy}, passes: []string{"ecs-tasks.amazonaws.com"}}
	}
	for _, other := range functions {
		g.own = append(g.own, roleOf(t, w.Operator, other))
	}
	return g
}

// widening is a mistake that somebody could make in one statement.
type widening struct {
	sid    string
	change func(*policysimulation.Statement)
}

func withoutConditions(s *policysimulation.Statement) { s.Conditions = nil }

func alsoAllowing(actions ...string) func(*policysimulation.Statement) {
	return func(s *policysimulation.Statement) { s.Actions = append(slices.Clone(s.Actions), actions...) }
}

func onResources(resources ...string) func(*policysimulation.Statement) {
	return func(s *policysimulation.Statement) { s.Resources = resources }
}

// onlyFor changes the values of a condition key.
func onlyFor(key string, values ...string) func(*policysimulation.Statement) {
	return func(s *policysimulation.Statement) {
		s.Conditions = slices.Clone(s.Conditions)
		for index := range s.Conditions {
			if strings.EqualFold(s.Conditions[index].Key, key) && s.Conditions[index].Operator != "Null" {
				s.Conditions[index].Values = append(slices.Clone(s.Conditions[index].Values), values...)
			}
		}
	}
}

func withOperator(from, to string) func(*policysimulation.Statement) {
	return func(s *policysimulation.Statement) {
		s.Conditions = slices.Clone(s.Conditions)
		for index := range s.Conditions {
			if s.Conditions[index].Operator == from {
				s.Conditions[index].Operator = to
			}
		}
	}
}

// nothing makes a statement that matches no action.
func nothing(s *policysimulation.Statement) { s.Actions = []string{"none:Nothing"} }

// widenings are mistakes that the gate must not let pass, for every function
// that attaches policies.
func widenings(g gate) map[string]widening {
	all := map[string]widening{
		"attaching under no condition":   {"AttachApprovedPolicies", withoutConditions},
		"attaching administrator":        {"AttachApprovedPolicies", onlyFor("iam:PolicyARN", administrator)},
		"attaching whatever AWS manages": {"AttachApprovedPolicies", onlyFor("iam:PolicyARN", "arn:aws:iam::aws:policy/*")},
		"attaching what names no policy": {"AttachApprovedPolicies", withOperator("ArnEquals", "ArnEqualsIfExists")},
		"attaching all but approved":     {"AttachApprovedPolicies", withOperator("ArnEquals", "ArnNotEquals")},
		"attaching to everything":        {"AttachApprovedPolicies", onResources("*")},
		"attaching to users":             {"AttachApprovedPolicies", alsoAllowing("iam:AttachUserPolicy")},
		"inline policies":                {"AttachApprovedPolicies", alsoAllowing("iam:PutRolePolicy")},
		"all of IAM":                     {"AttachApprovedPolicies", alsoAllowing("iam:*")},
		"new trust":                      {"AttachApprovedPolicies", alsoAllowing("iam:UpdateAssumeRolePolicy")},
		"becoming another role":          {"WriteTraces", alsoAllowing("sts:AssumeRole")},
		"handing roles to functions":     {"WriteTraces", alsoAllowing("iam:PassRole")},
		"no Deny":                        {"NeverChangeOwnRoles", nothing},
		"a Deny under a condition": {"NeverChangeOwnRoles", func(s *policysimulation.Statement) {
			s.Conditions = []policysimulation.Condition{{Operator: "Bool", Key: "aws:SecureTransport", Values: []string{"false"}}}
		}},
		"a Deny that forgets to attach": {"NeverChangeOwnRoles", func(s *policysimulation.Statement) {
			s.Actions = slices.DeleteFunc(slices.Clone(s.Actions), func(a string) bool { return a == "iam:AttachRolePolicy" })
		}},
		"not being able to do its own work": {"AttachApprovedPolicies", nothing},
	}
	for index, own := range g.own {
		all["a Deny that forgets the role of "+functions[index]] = widening{"NeverChangeOwnRoles", func(s *policysimulation.Statement) {
			s.Resources = slices.DeleteFunc(slices.Clone(s.Resources), func(resource string) bool { return resource == own })
		}}
	}
	if g.tags != nil {
		all["tagging under no condition"] = widening{"RecordAttachments", withoutConditions}
		all["tagging with any key besides"] = widening{"RecordAttachments", withOperator("ForAllValues:StringLike", "ForAnyValue:StringLike")}
		all["tagging with somebody's key"] = widening{"RecordAttachments", onlyFor("aws:TagKeys", "Department")}
		all["tagging everything"] = widening{"RecordAttachments", onResources("*")}
		all["tagging with no key"] = widening{"RecordAttachments", func(s *policysimulation.Statement) {
			s.Conditions = slices.DeleteFunc(slices.Clone(s.Conditions), func(c policysimulation.Condition) bool { return c.Operator == "Null" })
		}}
	} else {
		all["detaching"] = widening{"AttachApprovedPolicies", alsoAllowing("iam:DetachRolePolicy")}
	}
	return all
}

// widened gives the policies with one statement changed; they themselves stay
// as they are.
func widened(t *testing.T, policies policysimulation.Policies, by widening) policysimulation.Policies {
	t.Helper()
	policies.Identity = slices.Clone(policies.Identity)
	changed := 0
	for index := range policies.Identity {
		document := &policies.Identity[index].Document
		document.Statements = slices.Clone(document.Statements)
		for at := range document.Statements {
			if document.Statements[at].SID == by.sid {
				by.change(&document.Statements[at])
				changed++
			}
		}
	}
	if changed != 1 {
		t.Fatalf("%d statements are called %s", changed, by.sid)
	}
	return policies
}

// testSelfGate holds the deployed policies of both functions that attach
// policies against their gates and against the calls of the whole run; and the
// gates against policies with mistakes.
func testSelfGate(t *testing.T, w *world, directory *directory) {
	for _, function := range []string{"attach-policies", "patch-task-definition"} {
		t.Run(function, func(t *testing.T) {
			g := w.gateOf(t, function)
			policies := must(w.Stack.Simulation.PrincipalPolicies(t.Context(), roleOf(t, w.Operator, function)))(t)
			for _, breach := range g.breaches(policies) {
				t.Error(breach)
			}
			for name, mistake := range widenings(g) {
				t.Run("widened by "+name, func(t *testing.T) {
					breaches := g.breaches(widened(t, policies, mistake))
					if len(breaches) == 0 {
						t.Fatal("the gate let it pass")
					}
					t.Logf("%d breaches, as in: %s", len(breaches), breaches[0])
				})
			}
			calls := w.Stack.CallsBy(function)
			exercised := []string{"AttachApprovedPolicies", "PublishFindings"}
			if function == "patch-task-definition" {
				// What lets an execution role read its secret is a grant in the secret's policy.
				exercised = append(exercised, "OpenRegistrySecrets")
			}
			for _, sid := range exercised {
				t.Run("without "+sid, func(t *testing.T) {
					if _, refused := directory.usedAndRefused(function, widened(t, policies, widening{sid, nothing}), calls); len(refused) == 0 {
						t.Errorf("%d calls could do without", len(calls))
					}
				})
			}
		})
	}
}

func roleOf(t *testing.T, o *operator.Operator, function string) string {
	t.Helper()
	configuration := must(o.Lambda.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(o.FunctionARN(function))}))(t)
	return aws.ToString(configuration.Role)
}
