package instancerole

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/optout"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/racetest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
)

// tagValue is Tag.Value of the IAM API Reference.
var tagValue = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$`)

var testTime = time.Date(2025, 11, 22, 10, 30, 15, 0, time.UTC)

const (
	ec2Trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	ssmTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ssm.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"},"ArnEquals":{"aws:SourceArn":"arn:aws:ssm:us-east-1:123456789012:*"}}}]}`
	everyone = `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
)

func testSettings() Settings {
	return Settings{
		Shared:                    settings.Shared{Mode: finding.Enforce, OwnRoles: []string{"arn:aws:iam::123456789012:role/guardrails-AttachPoliciesRole-XYZ"}},
		InstanceRolePattern:       "ecsInstanceRole*,ecsExternalInstanceRole*,ecsAnywhereRole*",
		Capabilities:              Capabilities{Agent},
		ChangeOwnedResources:      "roles",
		StackID:                   "arn:aws:cloudformation:us-east-1:123456789012:stack/guardrails/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
		AgentPolicyARN:            agentARN,
		ManagedInstancesPolicyARN: managedARN,
		SSMPolicyARN:              ssmARN,
		ECRPolicyARN:              ecrARN,
		ConfigPolicyARN:           configARN,
		LogsPolicyARN:             logsARN,
		ConfigBucket:              "acme-ecs-config",
		LogGroup:                  "/ecs/ecs-guardrails",
	}
}

func testFunction(s Settings, a *account) *pipeline.Function[Target, Observation, Question, Action] {
	observer := &Observer{Settings: s, Region: "us-east-1", Roles: a, Account: a, Instances: a, Providers: a, Now: func() time.Time { return testTime }}
	return assemble(s, observer, Applier{Roles: a})
}

// allow gives a policy that allows actions on everything.
func allow(actions ...string) string {
	return allowOn("*", actions...)
}

func allowOn(resource string, actions ...string) string {
	return fmt.Sprintf(`{"Statement":[{"Effect":"Allow","Action":["%s"],"Resource":%q}]}`, strings.Join(actions, `","`), resource)
}

func deny(actions ...string) string {
	return fmt.Sprintf(`{"Statement":[{"Effect":"Deny","Action":["%s"],"Resource":"*"}]}`, strings.Join(actions, `","`))
}

// without is a boundary or service control policy that allows everything else.
func without(actions ...string) string {
	return fmt.Sprintf(`{"Statement":[{"Effect":"Allow","NotAction":["%s"],"Resource":"*"}]}`, strings.Join(actions, `","`))
}

var agentActions = []string{
	"ecs:DiscoverPollEndpoint", "ecs:RegisterContainerInstance", "ecs:Poll", "ecs:StartTelemetrySession",
	"ecs:SubmitAttachmentStateChanges", "ecs:SubmitContainerStateChange", "ecs:SubmitTaskStateChange", "ecs:TagResource",
	"ecs:CreateCluster", "ecs:DeregisterContainerInstance", "ecs:UpdateContainerInstancesState", "ecs:ListTagsForResource", "ec2:DescribeTags",
}

// essentialAgentActions are those without which an instance cannot work.
var essentialAgentActions = agentActions[:8]

func otherPolicies(n int) []PolicyARN {
	var arns []PolicyARN
	for i := range n {
		arns = append(arns, PolicyARN(fmt.Sprintf("arn:aws:iam::123456789012:policy/other-%d", i)))
	}
	return arns
}

func trusting(statements string) string {
	return `{"Version":"2012-10-17","Statement":` + statements + `}`
}

type planCase struct {
	role     storedRole
	settings func(*Settings)
	// organization and quota are the account's.
	organization string
	quota        int
	nested       bool

	status   finding.Status
	codes    []string
	attached []PolicyARN
}

// TestPlan takes each role through the whole function, against an account that
// evaluates policies.
func TestPlan(t *testing.T) {
	racetest.Skip(t)
	capabilities := func(wanted ...Capability) func(*Settings) {
		return func(s *Settings) { s.Capabilities = wanted }
	}
	tagged := func(pairs ...string) map[string]string {
		tags := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			tags[pairs[i]] = pairs[i+1]
		}
		return tags
	}
	missing := []string{"capability-missing"}
	fifty := map[string]string{}
	for i := range 50 {
		fifty[fmt.Sprint("tag", i)] = "x"
	}

	tests := map[string]planCase{
		// Which role is ours: the trust policy.
		"trust: one service as a string": {status: finding.Remediated, codes: missing, attached: []PolicyARN{agentARN}},
		"trust: services as an array": {
			role:   storedRole{trust: trusting(`[{"Effect":"Allow","Principal":{"Service":["lambda.amazonaws.com","ec2.amazonaws.com"]},"Action":["sts:AssumeRole","sts:TagSession"]}]`)},
			status: finding.Noncompliant, codes: []string{"trust-too-wide"},
		},
		"trust: one statement that is no array": {
			role:   storedRole{trust: trusting(`{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`)},
			status: finding.Remediated, codes: missing, attached: []PolicyARN{agentARN},
		},
		"trust: several statements": {
			role:   storedRole{trust: trusting(`[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"},{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:*"}]`)},
			status: finding.Noncompliant, codes: []string{"trust-too-wide"},
		},
		"trust: with a condition": {
			role:   storedRole{trust: trusting(`[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"}}}]`)},
			status: finding.Remediated, codes: missing, attached: []PolicyARN{agentARN},
		},
		"trust: China": {
			role:   storedRole{trust: trusting(`[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com.cn"},"Action":"sts:AssumeRole"}]`)},
			status: finding.Remediated, codes: missing, attached: []PolicyARN{agentARN},
		},
		"trust: isolated partition": {
			role:   storedRole{trust: trusting(`[{"Effect":"Allow","Principal":{"Service":"ec2.c2s.ic.gov"},"Action":"sts:AssumeRole"}]`)},
			status: finding.Remediated, codes: missing, attached: []PolicyARN{agentARN},
		},
		"trust: a service of one region": {
			role:   storedRole{trust: trusting(`[{"Effect":"Allow","Principal":{"Service":"ec2.eu-central-2.amazonaws.com"},"Action":"sts:AssumeRole"}]`)},
			status: finding.Remediated, codes: missing, attached: []PolicyARN{agentARN},
		},
		"trust: another service": {
			role:   storedRole{trust: trusting(`[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]`)},
			status: finding.Noncompliant, codes: []string{"trust-wrong-service"},
		},
		"trust: a name that only ends like one": {
			role:   storedRole{trust: trusting(`[{"Effect":"Allow","Principal":{"Service":"notec2.amazonaws.com"},"Action":"sts:AssumeRole"}]`)},
			status: finding.Skipped, codes: []string{"role-not-for-instances"},
		},
		"trust: a service of EC2's that launches": {
			role:   storedRole{trust: trusting(`[{"Effect":"Allow","Principal":{"Service":"spotfleet.amazonaws.com"},"Action":"sts:AssumeRole"}]`)},
			status: finding.Skipped, codes: []string{"role-not-for-instances"},
		},
		"trust: everybody": {
			role:   storedRole{trust: trusting(`[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]`)},
			status: finding.Noncompliant, codes: []string{"trust-wrong-service"},
		},
		"trust: taken back by a deny": {
			role:   storedRole{trust: trusting(`[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"},{"Effect":"Deny","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]`)},
			status: finding.Noncompliant, codes: []string{"trust-wrong-service"},
		},
		"trust: taken back by a deny whose condition is empty": {
			role:   storedRole{trust: trusting(`[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"},{"Effect":"Deny","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{}}]`)},
			status: finding.Noncompliant, codes: []string{"trust-wrong-service"},
		},
		"trust: a deny under a condition": {
			role:   storedRole{trust: trusting(`[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"},{"Effect":"Deny","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringNotEquals":{"aws:SourceAccount":"123456789012"}}}]`)},
			status: finding.Remediated, codes: missing, attached: []PolicyARN{agentARN},
		},
		"trust: another action": {
			role:   storedRole{trust: trusting(`[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:TagSession"}]`)},
			status: finding.Noncompliant, codes: []string{"trust-wrong-service"},
		},
		"trust: all actions but one": {
			role:   storedRole{trust: trusting(`[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"NotAction":"sts:TagSession"}]`)},
			status: finding.Remediated, codes: missing, attached: []PolicyARN{agentARN},
		},
		"trust: not a policy": {
			role:   storedRole{trust: `{"Statement":"none"}`},
			status: finding.Noncompliant, codes: []string{"trust-policy-unreadable"},
		},

		// Which role is ours: name, tags, kind.
		"name: does not match":          {role: storedRole{name: "web"}, status: finding.Skipped, codes: []string{"role-not-for-instances"}},
		"name: matches in another case": {role: storedRole{name: "ECSINSTANCEROLE"}, status: finding.Remediated, codes: missing, attached: []PolicyARN{agentARN}},
		"name: matches below a path":    {role: storedRole{path: "/platform/ecs/"}, status: finding.Remediated, codes: missing, attached: []PolicyARN{agentARN}},
		"tag: an instance role":         {role: storedRole{name: "web", tags: tagged(instanceRoleTag, "True")}, status: finding.Remediated, codes: missing, attached: []PolicyARN{agentARN}},
		"tag: no instance role":         {role: storedRole{name: "web", tags: tagged(instanceRoleTag, "false")}, status: finding.Skipped, codes: []string{"role-not-for-instances"}},
		"tag: an instance role that trusts no one of EC2": {
			role:   storedRole{name: "web", tags: tagged(instanceRoleTag, "true"), trust: trusting(`[]`)},
			status: finding.Noncompliant, codes: []string{"trust-wrong-service"},
		},
		"tag: ignored":                      {role: storedRole{tags: tagged(optout.Tag, "true")}, status: finding.Skipped, codes: []string{"role-ignored"}},
		"tag: ignored by another word":      {role: storedRole{tags: tagged(optout.Tag, "please")}, status: finding.Skipped, codes: []string{"role-ignored"}},
		"tag: ignored before instance role": {role: storedRole{tags: tagged(optout.Tag, "true", instanceRoleTag, "true")}, status: finding.Skipped, codes: []string{"role-ignored"}},
		"tag: not ignored":                  {role: storedRole{tags: tagged(optout.Tag, "false")}, status: finding.Remediated, codes: missing, attached: []PolicyARN{agentARN}},
		"kind: service-linked": {
			role:   storedRole{name: "AWSServiceRoleForECS", path: "/aws-service-role/ecs.amazonaws.com/", tags: tagged(instanceRoleTag, "true")},
			status: finding.Skipped, codes: []string{"role-service-linked"},
		},
		"kind: IAM Identity Center": {
			role:   storedRole{name: "AWSReservedSSO_Admin_0123456789abcdef", path: "/aws-reserved/sso.amazonaws.com/", tags: tagged(instanceRoleTag, "true")},
			status: finding.Skipped, codes: []string{"role-reserved"},
		},
		"kind: the stack's own": {
			role:   storedRole{name: "guardrails-AttachPoliciesRole-XYZ", tags: tagged(instanceRoleTag, "true")},
			status: finding.Skipped, codes: []string{"role-own"},
		},

		// What it can do: agent.
		"agent: has the managed policy":                        {role: storedRole{attached: []PolicyARN{agentARN}}, status: finding.Compliant},
		"agent: answers nested by resource":                    {role: storedRole{attached: []PolicyARN{agentARN}}, nested: true, status: finding.Compliant},
		"agent: bare, answers nested by resource":              {nested: true, status: finding.Remediated, codes: missing, attached: []PolicyARN{agentARN}},
		"agent: inline policy with the same actions":           {role: storedRole{inline: []string{allow(agentActions...)}}, status: finding.Compliant},
		"agent: customer-managed policy with the same actions": {role: storedRole{attached: []PolicyARN{"arn:aws:iam::123456789012:policy/agent"}}, status: finding.Compliant},
		"agent: two policies that together do": {
			role:   storedRole{inline: []string{allow(agentActions[:5]...), allow(agentActions[5:]...)}},
			status: finding.Compliant,
		},
		"agent: wildcards":     {role: storedRole{inline: []string{allow("ecs:*", "ec2:Describe*")}}, status: finding.Compliant, codes: []string{"role-for-trunking"}},
		"agent: administrator": {role: storedRole{inline: []string{everyone}}, status: finding.Compliant, codes: []string{"role-for-trunking"}},
		"agent: NotAction that leaves all": {
			role:   storedRole{inline: []string{without("iam:*", "ecs:PutAccountSetting")}},
			status: finding.Compliant,
		},
		"agent: NotAction that takes one": {
			role:   storedRole{inline: []string{without("ecs:Poll", "ecs:PutAccountSetting")}},
			status: finding.Remediated, codes: missing, attached: []PolicyARN{agentARN},
		},
		"agent: only the essential actions": {
			role:   storedRole{inline: []string{allow(essentialAgentActions...)}},
			status: finding.Compliant, codes: []string{"capability-partial"},
		},
		"agent: one essential action missing": {
			role:   storedRole{inline: []string{allow(essentialAgentActions[1:]...)}},
			status: finding.Remediated, codes: missing, attached: []PolicyARN{agentARN},
		},
		"agent: scoped to all clusters of the account": {
			role: storedRole{inline: []string{
				allow("ecs:DiscoverPollEndpoint", "ecs:CreateCluster", "ec2:DescribeTags"),
				allowOn("arn:aws:ecs:us-east-1:123456789012:cluster/*", agentActions...),
				allowOn("arn:aws:ecs:us-east-1:123456789012:container-instance/*", agentActions...),
			}},
			status: finding.Compliant,
		},
		"agent: scoped to one cluster": {
			role: storedRole{inline: []string{
				allow("ecs:DiscoverPollEndpoint", "ecs:CreateCluster", "ec2:DescribeTags"),
				allowOn("arn:aws:ecs:us-east-1:123456789012:cluster/prod", agentActions...),
				allowOn("arn:aws:ecs:us-east-1:123456789012:container-instance/prod/*", agentActions...),
			}},
			status: finding.Compliant,
		},
		"agent: scoped to one cluster, answers nested by resource": {
			role: storedRole{inline: []string{
				allow("ecs:DiscoverPollEndpoint", "ecs:CreateCluster", "ec2:DescribeTags"),
				allowOn("arn:aws:ecs:us-east-1:123456789012:*/prod*", agentActions...),
			}},
			nested: true,
			status: finding.Compliant,
		},
		"agent: scoped to one cluster by a condition": {
			role: storedRole{inline: []string{
				allow("ecs:DiscoverPollEndpoint", "ecs:CreateCluster", "ec2:DescribeTags", "ecs:RegisterContainerInstance", "ecs:DeregisterContainerInstance", "ecs:Submit*", "ecs:TagResource", "ecs:ListTagsForResource"),
				`{"Statement":[{"Effect":"Allow","Action":["ecs:Poll","ecs:StartTelemetrySession","ecs:UpdateContainerInstancesState"],"Resource":"*","Condition":{"ArnEquals":{"ecs:cluster":"arn:aws:ecs:us-east-1:123456789012:cluster/prod"}}}]}`,
			}},
			status: finding.Compliant,
		},
		"agent: scoped to a cluster that does not exist": {
			role: storedRole{inline: []string{
				allow("ecs:DiscoverPollEndpoint"),
				allowOn("arn:aws:ecs:us-east-1:123456789012:*/gone*", agentActions...),
			}},
			status: finding.Compliant, codes: []string{"capability-partial"},
		},
		"agent: one action missing on every cluster": {
			role: storedRole{inline: []string{
				allow("ecs:DiscoverPollEndpoint"),
				allowOn("arn:aws:ecs:us-east-1:123456789012:*/prod*", essentialAgentActions[:6]...),
			}},
			status: finding.Remediated, codes: missing, attached: []PolicyARN{agentARN},
		},
		"agent: scoped to another account": {
			role:   storedRole{inline: []string{allowOn("arn:aws:ecs:us-east-1:999999999999:*", agentActions...)}},
			status: finding.Remediated, codes: missing, attached: []PolicyARN{agentARN},
		},
		"agent: condition that holds (tag on create)": {
			role: storedRole{inline: []string{allow(agentActions[:7]...), allow(agentActions[8:]...),
				`{"Statement":[{"Effect":"Allow","Action":"ecs:TagResource","Resource":"*","Condition":{"StringEquals":{"ecs:CreateAction":"RegisterContainerInstance"}}}]}`}},
			status: finding.Compliant,
		},
		"agent: condition that does not hold": {
			role: storedRole{inline: []string{allow(agentActions[:7]...), allow(agentActions[8:]...),
				`{"Statement":[{"Effect":"Allow","Action":"ecs:TagResource","Resource":"*","Condition":{"StringEquals":{"ecs:CreateAction":"RunTask"}}}]}`}},
			status: finding.Compliant, codes: []string{"capability-partial"},
		},
		"agent: condition on the cluster": {
			role:   storedRole{inline: []string{`{"Statement":[{"Effect":"Allow","Action":["ecs:*","ec2:DescribeTags"],"NotResource":"none","Condition":{"ArnLike":{"ecs:cluster":"arn:aws:ecs:*:123456789012:cluster/*"}}}]}`}},
			status: finding.Compliant, codes: []string{"role-for-trunking"},
		},
		"agent: condition on the region": {
			role:   storedRole{inline: []string{`{"Statement":[{"Effect":"Allow","Action":["ecs:*","ec2:DescribeTags"],"Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":["eu-west-1","us-east-1"]}}}]}`}},
			status: finding.Compliant, codes: []string{"role-for-trunking"},
		},
		"agent: condition on the role's tag": {
			role: storedRole{tags: tagged("team", "platform"), inline: []string{
				`{"Statement":[{"Effect":"Allow","Action":["ecs:*","ec2:DescribeTags"],"Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"platform"}}}]}`}},
			status: finding.Compliant, codes: []string{"role-for-trunking"},
		},
		"agent: condition that no one can know": {
			role:   storedRole{inline: []string{`{"Statement":[{"Effect":"Allow","Action":"ecs:*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpc":"vpc-1"}}}]}`}},
			status: finding.Noncompliant, codes: []string{"action-conditional", "capability-partial"},
		},
		"agent: denied by an inline policy": {
			role:   storedRole{inline: []string{deny("ecs:Poll")}},
			status: finding.Noncompliant, codes: []string{"action-denied-by-policy"},
		},
		"agent: has the managed policy, and a deny": {
			role:   storedRole{attached: []PolicyARN{agentARN}, inline: []string{deny("ecs:*")}},
			status: finding.Noncompliant, codes: []string{"action-denied-by-policy"}, attached: []PolicyARN{agentARN},
		},
		"agent: a deny of something else": {
			role:   storedRole{attached: []PolicyARN{agentARN}, inline: []string{deny("ecs:DeleteCluster", "s3:*")}},
			status: finding.Compliant, attached: []PolicyARN{agentARN},
		},
		"agent: a deny of what it can do without": {
			role:   storedRole{attached: []PolicyARN{agentARN}, inline: []string{deny("ecs:CreateCluster")}},
			status: finding.Compliant, codes: []string{"capability-partial"}, attached: []PolicyARN{agentARN},
		},
		"agent: a deny under a condition that no one can know": {
			role: storedRole{attached: []PolicyARN{agentARN}, inline: []string{
				`{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:SourceVpc":"vpc-1"}}}]}`}},
			status: finding.Noncompliant, codes: []string{"action-conditional"}, attached: []PolicyARN{agentARN},
		},
		"agent: a deny outside our region": {
			role: storedRole{attached: []PolicyARN{agentARN}, inline: []string{
				`{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":"us-east-1"}}}]}`}},
			status: finding.Compliant, attached: []PolicyARN{agentARN},
		},
		"agent: may turn on trunking": {
			role:   storedRole{attached: []PolicyARN{agentARN}, inline: []string{allow("ecs:PutAccountSetting")}},
			status: finding.Compliant, codes: []string{"role-for-trunking"}, attached: []PolicyARN{agentARN},
		},

		// Boundary and organization.
		"boundary: allows all": {role: storedRole{boundary: everyone}, status: finding.Remediated, codes: missing, attached: []PolicyARN{agentARN}},
		"boundary: allows nothing of ours": {
			role:   storedRole{boundary: allow("s3:*")},
			status: finding.Noncompliant, codes: []string{"action-denied-by-boundary"},
		},
		"boundary: denies one": {
			role:   storedRole{boundary: without("ecs:Poll")},
			status: finding.Noncompliant, codes: []string{"action-denied-by-boundary"},
		},
		"boundary: denies what it can do without": {
			role:   storedRole{boundary: without("ecs:CreateCluster")},
			status: finding.Remediated, codes: []string{"capability-missing"}, attached: []PolicyARN{agentARN},
		},
		"boundary: has the policy, and a boundary that denies": {
			role:   storedRole{attached: []PolicyARN{agentARN}, boundary: without("ecs:*")},
			status: finding.Noncompliant, codes: []string{"action-denied-by-boundary"}, attached: []PolicyARN{agentARN},
		},
		"boundary: answers nested by resource": {
			role: storedRole{boundary: without("ecs:Poll")}, nested: true,
			status: finding.Noncompliant, codes: []string{"action-denied-by-boundary"},
		},
		"boundary: one capability of two": {
			role: storedRole{boundary: without("ecs:*")}, settings: capabilities(Agent, ECR),
			status: finding.Noncompliant, codes: []string{"action-denied-by-boundary", "capability-missing"}, attached: []PolicyARN{ecrARN},
		},
		"organization: denies": {
			organization: without("ecs:RegisterContainerInstance"),
			status:       finding.Noncompliant, codes: []string{"action-denied-by-organization", "capability-missing"}, attached: []PolicyARN{agentARN},
		},
		"organization: allows": {
			organization: without("iam:*"),
			status:       finding.Remediated, codes: missing, attached: []PolicyARN{agentARN},
		},

		// The other capabilities.
		"ecr: bare":                          {settings: capabilities(ECR), status: finding.Remediated, codes: missing, attached: []PolicyARN{ecrARN}},
		"ecr: the agent's policy does it":    {role: storedRole{attached: []PolicyARN{agentARN}}, settings: capabilities(Agent, ECR), status: finding.Compliant},
		"ecr and agent: one policy for both": {settings: capabilities(Agent, ECR), status: finding.Remediated, codes: []string{"capability-missing", "capability-missing"}, attached: []PolicyARN{agentARN}},
		"ecr: own policy for all repositories": {
			role:     storedRole{inline: []string{allow("ecr:GetAuthorizationToken"), allowOn("arn:aws:ecr:us-east-1:123456789012:repository/*", "ecr:Batch*", "ecr:GetDownloadUrlForLayer")}},
			settings: capabilities(ECR), status: finding.Compliant,
		},
		"config: bare":                 {settings: capabilities(Config), status: finding.Remediated, codes: missing, attached: []PolicyARN{configARN}},
		"config: reads every bucket":   {role: storedRole{attached: []PolicyARN{s3ReadARN}}, settings: capabilities(Config), status: finding.Compliant},
		"config: reads another bucket": {role: storedRole{inline: []string{allowOn("arn:aws:s3:::other/*", "s3:*")}}, settings: capabilities(Config), status: finding.Remediated, codes: missing, attached: []PolicyARN{configARN}},
		"config: reads its own prefix": {
			role:     storedRole{inline: []string{allowOn("arn:aws:s3:::acme-ecs-config/prod/*", "s3:GetObject")}},
			settings: func(s *Settings) { s.Capabilities, s.ConfigPrefix = Capabilities{Config}, "prod/" },
			status:   finding.Compliant, codes: []string{"capability-partial"},
		},
		"config: with a key, bare": {
			settings: func(s *Settings) { s.Capabilities, s.ConfigKeyARN = Capabilities{Config}, keyARN },
			status:   finding.Remediated, codes: missing, attached: []PolicyARN{configARN},
		},
		"config: reads the bucket, but not its key": {
			role:     storedRole{attached: []PolicyARN{s3ReadARN}},
			settings: func(s *Settings) { s.Capabilities, s.ConfigKeyARN = Capabilities{Config}, keyARN },
			status:   finding.Remediated, codes: missing, attached: []PolicyARN{s3ReadARN, configARN},
		},
		"config: by the AWS guide": {
			settings: func(s *Settings) { s.Capabilities, s.ConfigPolicyARN = Capabilities{Config}, s3ReadARN },
			status:   finding.Remediated, codes: missing, attached: []PolicyARN{s3ReadARN},
		},
		"config: by the AWS guide, with a key that it does not open": {
			settings: func(s *Settings) {
				s.Capabilities, s.ConfigPolicyARN, s.ConfigKeyARN = Capabilities{Config}, s3ReadARN, keyARN
			},
			status: finding.Noncompliant, codes: []string{"approved-policy-missing"},
		},
		"config: no bucket in the settings": {
			settings: func(s *Settings) { s.Capabilities, s.ConfigBucket = Capabilities{Config}, "" },
			status:   finding.Noncompliant, codes: []string{"config-bucket-unset"},
		},
		"config: no policy in the settings": {
			settings: func(s *Settings) { s.Capabilities, s.ConfigPolicyARN = Capabilities{Config}, "" },
			status:   finding.Noncompliant, codes: []string{"approved-policy-missing"},
		},
		"logs: bare":                             {settings: capabilities(Logs), status: finding.Remediated, codes: missing, attached: []PolicyARN{logsARN}},
		"logs: the agent's policy is not enough": {role: storedRole{attached: []PolicyARN{agentARN}}, settings: capabilities(Agent, Logs), status: finding.Remediated, codes: missing, attached: []PolicyARN{agentARN, logsARN}},
		"logs: own policy of the AWS guide":      {role: storedRole{inline: []string{allowOn("arn:aws:logs:*:*:*", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams")}}, settings: capabilities(Logs), status: finding.Compliant},
		"ssm: bare":                              {settings: capabilities(SSM), status: finding.Remediated, codes: missing, attached: []PolicyARN{ssmARN}},
		"ssm: the retired policy":                {role: storedRole{attached: []PolicyARN{retiredARN}}, settings: capabilities(SSM), status: finding.Noncompliant, codes: []string{"policy-retired"}},
		"all: bare": {
			settings: capabilities(Agent, ECR, Config, Logs, SSM),
			status:   finding.Remediated, codes: slices.Repeat(missing, 5), attached: []PolicyARN{agentARN, ssmARN, configARN, logsARN},
		},
		"all: has all": {
			role:     storedRole{attached: []PolicyARN{agentARN, ssmARN, configARN, logsARN}},
			settings: capabilities(Agent, ECR, Config, Logs, SSM), status: finding.Compliant,
		},

		// External instances.
		"external: bare":               {role: storedRole{trust: ssmTrust}, status: finding.Remediated, codes: []string{"capability-missing", "capability-missing"}, attached: []PolicyARN{agentARN, ssmARN}},
		"external: has the agent's":    {role: storedRole{trust: ssmTrust, attached: []PolicyARN{agentARN}}, status: finding.Remediated, codes: missing, attached: []PolicyARN{agentARN, ssmARN}},
		"external: the retired policy": {role: storedRole{trust: ssmTrust, attached: []PolicyARN{agentARN, retiredARN}}, status: finding.Noncompliant, codes: []string{"policy-retired"}},
		"external: a tag drops ssm":    {role: storedRole{trust: ssmTrust, tags: tagged(capabilitiesTag, "agent")}, status: finding.Remediated, codes: missing, attached: []PolicyARN{agentARN}},
		"external and EC2 in one": {
			role:   storedRole{trust: trusting(`[{"Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com","ssm.amazonaws.com"]},"Action":"sts:AssumeRole"}]`)},
			status: finding.Remediated, codes: missing, attached: []PolicyARN{agentARN},
		},

		// The role's own tag for capabilities.
		"capabilities tag: more":               {role: storedRole{tags: tagged(capabilitiesTag, "agent logs")}, settings: capabilities(Agent, Logs, SSM), status: finding.Remediated, codes: []string{"capability-missing", "capability-missing"}, attached: []PolicyARN{agentARN, logsARN}},
		"capabilities tag: other spelling":     {role: storedRole{tags: tagged(capabilitiesTag, "ECR+Logs")}, settings: capabilities(ECR, Logs), status: finding.Remediated, codes: []string{"capability-missing", "capability-missing"}, attached: []PolicyARN{ecrARN, logsARN}},
		"capabilities tag: key's letters":      {role: storedRole{tags: tagged("ECS-Guardrails:Capabilities", "agent logs")}, settings: capabilities(Agent, Logs, SSM), status: finding.Remediated, codes: []string{"capability-missing", "capability-missing"}, attached: []PolicyARN{agentARN, logsARN}},
		"ignored by a tag in other letters":    {role: storedRole{tags: tagged("Ecs-Guardrails:Ignore", "true")}, status: finding.Skipped, codes: []string{"role-ignored"}},
		"capabilities tag: none":               {role: storedRole{tags: tagged(capabilitiesTag, "none")}, status: finding.Compliant},
		"capabilities tag: unknown word":       {role: storedRole{tags: tagged(capabilitiesTag, "agent dockr")}, status: finding.Noncompliant, codes: []string{"capability-unknown", "capability-missing"}, attached: []PolicyARN{agentARN}},
		"capabilities tag: only unknown words": {role: storedRole{tags: tagged(capabilitiesTag, "dockr")}, status: finding.Noncompliant, codes: []string{"capability-unknown", "capability-missing"}, attached: []PolicyARN{agentARN}},

		"capabilities tag: more than the settings allow": {
			role: storedRole{tags: tagged(capabilitiesTag, "agent config ecr logs ssm")}, status: finding.Planned,
			codes: []string{"capability-missing", "capability-missing", "capability-missing", "no-mandate", "capability-missing", "capability-missing"}, attached: []PolicyARN{agentARN},
		},

		// Quota.
		"quota: one left":  {role: storedRole{attached: otherPolicies(9)}, status: finding.Remediated, codes: missing, attached: append(otherPolicies(9), agentARN)},
		"quota: none left": {role: storedRole{attached: otherPolicies(10)}, status: finding.Noncompliant, codes: []string{"policy-quota-reached"}},
		"quota: raised":    {role: storedRole{attached: otherPolicies(10)}, quota: 20, status: finding.Remediated, codes: missing, attached: append(otherPolicies(10), agentARN)},
		"quota: room for the more important": {
			role: storedRole{attached: otherPolicies(9)}, settings: capabilities(Agent, Logs),
			status: finding.Noncompliant, codes: []string{"policy-quota-reached", "capability-missing"}, attached: append(otherPolicies(9), agentARN),
		},
		"quota: full, and nothing missing": {role: storedRole{attached: append(otherPolicies(9), agentARN)}, status: finding.Compliant},
		"quota: full of tags":              {role: storedRole{tags: fifty}, status: finding.Noncompliant, codes: []string{"capability-missing", "role-tags-full"}},

		// What was attached before.
		"healed: for the first time": {
			role:   storedRole{tags: tagged(attachedTag, "agent=2025-11-20T00:00:00Z by=ecs-guardrails")},
			status: finding.Remediated, codes: missing, attached: []PolicyARN{agentARN},
		},
		"healed: for the third time within an hour": {
			role:   storedRole{tags: tagged(attachedTag, "agent=2025-11-22T10:20:00Z by=ecs-guardrails", healedTag, "2025-11-22T10:10:00Z 2025-11-22T10:20:00Z")},
			status: finding.Remediated, codes: missing, attached: []PolicyARN{agentARN},
		},
		"healed: somebody means it": {
			role:   storedRole{tags: tagged(attachedTag, "agent=2025-11-22T10:25:00Z by=ecs-guardrails", healedTag, "2025-11-22T10:10:00Z 2025-11-22T10:20:00Z 2025-11-22T10:25:00Z")},
			status: finding.Noncompliant, codes: []string{"policy-detached-repeatedly"},
		},
		"healed: an hour later": {
			role:   storedRole{tags: tagged(attachedTag, "agent=2025-11-22T09:25:00Z by=ecs-guardrails", healedTag, "2025-11-22T09:10:00Z 2025-11-22T09:20:00Z 2025-11-22T09:25:00Z")},
			status: finding.Noncompliant, codes: []string{"policy-detached-repeatedly"},
		},
		"healed: one fought over, one new": {
			role:     storedRole{tags: tagged(attachedTag, "agent=2025-11-22T10:25:00Z by=ecs-guardrails", healedTag, "2025-11-22T10:10:00Z 2025-11-22T10:20:00Z 2025-11-22T10:25:00Z")},
			settings: capabilities(Agent, Logs),
			status:   finding.Noncompliant, codes: []string{"policy-detached-repeatedly", "capability-missing"}, attached: []PolicyARN{logsARN},
		},
		"healed: a tag that somebody edited": {
			role:   storedRole{tags: tagged(attachedTag, "agent=yesterday", healedTag, "often")},
			status: finding.Remediated, codes: missing, attached: []PolicyARN{agentARN},
		},
		"not attachable: the managed policy does not help": {
			role:     storedRole{attached: []PolicyARN{"arn:aws:iam::123456789012:policy/empty"}},
			settings: func(s *Settings) { s.AgentPolicyARN = "arn:aws:iam::123456789012:policy/empty" },
			status:   finding.Noncompliant, codes: []string{"approved-policy-missing"},
		},
		"not attachable: the policy is gone": {
			settings: func(s *Settings) { s.AgentPolicyARN = "arn:aws:iam::123456789012:policy/gone" },
			status:   finding.Noncompliant, codes: []string{"capability-missing", "policy-gone"},
		},
	}
	if len(tests) < 60 {
		t.Errorf("the table has %d cases, and is to have at least 60", len(tests))
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			role := test.role
			if role.name == "" {
				role.name = "ecsInstanceRole-web"
			}
			if role.trust == "" {
				role.trust = ec2Trust
			}
			before := slices.Clone(role.attached)
			role.tags = maps.Clone(test.role.tags)
			a := newAccount(&role)
			a.organization, a.nested = test.organization, test.nested
			if test.quota != 0 {
				a.quota = test.quota
			}
			a.policies["arn:aws:iam::123456789012:policy/agent"] = allow(agentActions...)
			s := testSettings()
			if test.settings != nil {
				test.settings(&s)
			}
			result := handle(t, s, a, `{"role":"`+role.name+`"}`)

			var codes []string
			for _, f := range result.Findings {
				codes = append(codes, f.Code)
			}
			if result.Status != test.status || !slices.Equal(codes, test.codes) {
				t.Errorf("got %s %q, want %s %q: %+v", result.Status, codes, test.status, test.codes, result.Findings)
			}
			want := test.attached
			if want == nil {
				want = before
			}
			if !slices.Equal(role.attached, want) {
				t.Errorf("attached are %v, want %v", role.attached, want)
			}
			checkCallBudget(t, a, result, before, role.attached)
			checkDryRun(t, s, a, result, &role, before, test.role.tags)
			checkConverges(t, s, a, &role, result)
		})
	}
}

// handle takes one payload through the function, which must give one result.
func handle(t *testing.T, s Settings, a *account, payload string) finding.Result {
	t.Helper()
	outcome := testFunction(s, a).Handle(t.Context(), []byte(payload))
	if len(outcome.Report().Results) != 1 {
		t.Fatalf("got %d results, want one: %+v", len(outcome.Report().Results), outcome.Report().Results)
	}
	result := outcome.Report().Results[0]
	if err := findingtest.Check(result); err != nil {
		t.Errorf("the result breaks the contract: %v", err)
	}
	if _, err := json.Marshal(outcome.Report()); err != nil {
		t.Errorf("the report cannot be marshalled: %v", err)
	}
	return result
}
