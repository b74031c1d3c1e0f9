package instancerole

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// furtherRoles are written in the many ways that IAM takes: NotAction,
// NotResource, odd letter case, single values in place of lists, conditions that
// are known, that are not, and that hold for other calls only.
var furtherRoles = func() []realRole {
	partial := []string{"capability-partial"}
	conditional := []string{"action-conditional"}
	agent := []PolicyARN{agentARN}
	inline := func(list ...string) storedRole { return storedRole{inline: []string{statements(list...)}} }
	beside := func(list ...string) storedRole {
		return storedRole{attached: agent, inline: []string{statements(list...)}}
	}
	trusts := func(trust string) storedRole { return storedRole{attached: agent, trust: trust} }
	works := func(name string, role storedRole, codes ...string) realRole {
		return realRole{name: name, role: role, works: true, status: finding.Compliant, codes: codes}
	}
	named := func(name string, role storedRole) storedRole { role.name = name; return role }
	// unsure is a role that works as long as a condition holds that no one knows
	// beforehand.
	unsure := func(name string, role storedRole, also ...string) realRole {
		return realRole{name: name, role: role, works: true, status: finding.Noncompliant, codes: append(conditional, also...)}
	}
	// others is a role that works, and that others may use.
	others := func(name, trust string) realRole {
		return realRole{name: name, role: trusts(trust), works: true, status: finding.Noncompliant, codes: []string{"trust-too-wide"}}
	}
	skipped := func(name string, role storedRole, code string) realRole {
		return realRole{name: name, role: role, works: true, status: finding.Skipped, codes: []string{code}}
	}
	const agentCalls = `"ecs:DiscoverPollEndpoint","ecs:RegisterContainerInstance","ecs:Poll","ecs:SubmitTaskStateChange","ecs:SubmitContainerStateChange"`
	return []realRole{
		// The same rights, written otherwise.
		works("NotAction: all but IAM", inline(`{"Effect":"Allow","NotAction":["iam:*","organizations:*","account:*"],"Resource":"*"}`), "role-for-trunking"),
		works("NotResource: all clusters but one", inline(`{"Effect":"Allow","Action":["ecs:*"],"NotResource":"arn:aws:ecs:us-east-1:123456789012:cluster/payments"}`), "capability-partial", "role-for-trunking"),
		works("odd letter case of actions", inline(`{"Effect":"Allow","Action":["ECS:discoverpollendpoint","ecs:REGISTERContainerInstance","Ecs:poll","ecs:submit*"],"Resource":"*"}`), partial...),
		works("wildcards within words", inline(`{"Effect":"Allow","Action":["ecs:*ContainerInstance","ecs:?iscoverPollEndpoint","ecs:Pol?","ecs:*StateChange*"],"Resource":["*"]}`), partial...),
		works("single values, one statement each", inline(`{"Effect":"Allow","Action":"ecs:DiscoverPollEndpoint","Resource":"*"}`, `{"Effect":"Allow","Action":"ecs:Poll","Resource":"arn:aws:ecs:*:*:container-instance/*"}`, `{"Effect":"Allow","Action":"ecs:Submit*","Resource":"arn:aws:ecs:*:*:cluster/*"}`, `{"Effect":"Allow","Action":"ecs:RegisterContainerInstance","Resource":"arn:aws:ecs:*:*:cluster/*"}`), partial...),
		works("a statement in place of a list", storedRole{inline: []string{`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":[` + agentCalls + `],"Resource":"*"}}`}}, partial...),
		works("resources of all of ECS", inline(`{"Effect":"Allow","Action":"ecs:DiscoverPollEndpoint","Resource":"*"}`, `{"Effect":"Allow","Action":[`+agentCalls+`],"Resource":"arn:aws:ecs:*:123456789012:*"}`), partial...),
		works("split over four policies", storedRole{inline: []string{statements(`{"Effect":"Allow","Action":"ecs:DiscoverPollEndpoint","Resource":"*"}`), statements(`{"Effect":"Allow","Action":"ecs:Poll","Resource":"*"}`), statements(`{"Effect":"Allow","Action":"ecs:Submit*","Resource":"*"}`), statements(`{"Effect":"Allow","Action":"ecs:RegisterContainerInstance","Resource":"*"}`)}}, partial...),

		// Scoped to clusters.
		works("cluster by StringLike", inline(widdixPoll, `{"Effect":"Allow","Action":["ecs:RegisterContainerInstance","ecs:Submit*"],"Resource":"arn:aws:ecs:us-east-1:123456789012:cluster/prod-*"}`, `{"Effect":"Allow","Action":"ecs:Poll","Resource":"*","Condition":{"StringLike":{"ecs:cluster":"arn:aws:ecs:us-east-1:123456789012:cluster/prod-*"}}}`), partial...),
		works("cluster by ArnLike in a list", inline(widdixPoll, `{"Effect":"Allow","Action":["ecs:RegisterContainerInstance","ecs:Submit*","ecs:Poll"],"Resource":"*","Condition":{"ArnLike":{"ecs:cluster":["arn:aws:ecs:*:*:cluster/blue","arn:aws:ecs:*:*:cluster/green"]}}}`), partial...),
		works("cluster by the condition's key in other letters", inline(widdixPoll, `{"Effect":"Allow","Action":["ecs:RegisterContainerInstance","ecs:Submit*","ecs:Poll"],"Resource":"*","Condition":{"arnequals":{"ECS:Cluster":"arn:aws:ecs:us-east-1:123456789012:cluster/blue"}}}`), partial...),
		works("all but one cluster is denied", beside(`{"Effect":"Deny","Action":"ecs:*","Resource":"arn:aws:ecs:*:*:cluster/payments"}`)),
		works("clusters of others are denied by condition", beside(`{"Effect":"Deny","Action":["ecs:RegisterContainerInstance"],"Resource":"*","Condition":{"ArnEquals":{"ecs:cluster":"arn:aws:ecs:us-east-1:123456789012:cluster/payments"}}}`)),

		// Conditions that are known.
		works("in its Region only", inline(`{"Effect":"Allow","Action":["ecs:*"],"Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"us-east-1"}}}`), "capability-partial", "role-for-trunking"),
		works("until 2035", inline(`{"Effect":"Allow","Action":[`+agentCalls+`],"Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"2035-01-01T00:00:00Z"}}}`), partial...),
		works("by the principal's account", inline(`{"Effect":"Allow","Action":[`+agentCalls+`],"Resource":"*","Condition":{"StringEquals":{"aws:PrincipalAccount":"123456789012"}}}`), partial...),
		works("denied to other principals", beside(`{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalAccount":"123456789012"}}}`)),
		works("denied but for a list of services", beside(`{"Effect":"Deny","NotAction":["ecs:*","ecr:*","logs:*","ssm:*","ssmmessages:*","ec2messages:*","s3:*","ec2:Describe*","sts:*"],"Resource":"*"}`)),
		works("denied from 2035 on", beside(`{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2035-01-01T00:00:00Z"}}}`)),
		works("tagging denied without a tag", beside(`{"Effect":"Deny","Action":["ec2:RunInstances","ec2:CreateVolume"],"Resource":"*","Condition":{"Null":{"aws:RequestTag/owner":"true"}}}`)),

		// Conditions that no one knows beforehand: they work today, so nothing is attached.
		unsure("denied outside of a VPC endpoint", beside(`{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-0a1b2c3d"}}}`)),
		unsure("denied outside of addresses", beside(`{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":["10.0.0.0/8","52.1.2.3/32"]},"Bool":{"aws:ViaAWSService":"false"}}}`)),
		unsure("ABAC: denied on what another team tagged", beside(`{"Effect":"Deny","Action":"ecs:*","Resource":"*","Condition":{"StringNotEquals":{"aws:ResourceTag/team":"web"}}}`)),
		unsure("allowed within the organization", inline(`{"Effect":"Allow","Action":[`+agentCalls+`],"Resource":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}}`), partial...),
		unsure("allowed through a VPC", inline(`{"Effect":"Allow","Action":[`+agentCalls+`],"Resource":"*","Condition":{"StringEquals":{"aws:SourceVpc":"vpc-0a1b2c3d"}}}`), partial...),

		// Trust policies.
		works("trust: lists everywhere", trusts(`{"Version":"2012-10-17","Statement":[{"Sid":"Ec2","Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com"]},"Action":["sts:AssumeRole","sts:TagSession"]}]}`)),
		works("trust: a statement in place of a list", trusts(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:assumerole"}}`)),
		works("trust: sts:*", trusts(`{"Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:*"}]}`)),
		works("trust: for the account's own instances", trusts(`{"Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceAccount":["123456789012"]},"ArnLike":{"aws:SourceArn":"arn:aws:ec2:*:123456789012:instance/*"}}}]}`)),
		works("trust: ec2 twice", trusts(`{"Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"},{"Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com","ssm.amazonaws.com"]},"Action":"sts:AssumeRole"}]}`)),
		others("trust: the account's root, too", `{"Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com","AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"}]}`),
		others("trust: a role of another account, too", `{"Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"},{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999999999999:role/deploy"},"Action":"sts:AssumeRole"}]}`),
		skipped("trust: Lambda's", storedRole{trust: `{"Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`}, "role-not-for-instances"),
		{name: "trust: a denial of ec2", role: trusts(`{"Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"},{"Effect":"Deny","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`), status: finding.Noncompliant, codes: []string{"trust-wrong-service"}},

		// Kinds and names.
		skipped("Batch's role of another name", named("BatchComputeInstanceRole", storedRole{attached: agent}), "role-not-for-instances"),
		skipped("Managed Instances' infrastructure role", named("ecsInfrastructureRole", storedRole{trust: trustECS, attached: []PolicyARN{"arn:aws:iam::aws:policy/AmazonECSInfrastructureRolePolicyForManagedInstances"}}), "role-not-for-instances"),
		skipped("a hybrid activation without ECS", named("AmazonEC2RunCommandRoleForManagedInstances", storedRole{trust: ssmTrust, attached: []PolicyARN{ssmARN}}), "role-not-for-instances"),
		skipped("the service-linked role", named("AWSServiceRoleForECS", storedRole{trust: trustECS, path: "/aws-service-role/ecs.amazonaws.com/"}), "role-service-linked"),
		skipped("Identity Center's", named("AWSReservedSSO_ecsInstanceRole_0a1b2c3d4e5f6071", storedRole{path: "/aws-reserved/sso.amazonaws.com/"}), "role-reserved"),
		{name: "EKS node by its user data", role: named("nodes", storedRole{}), launched: true, userData: "#!/bin/bash\n/etc/eks/bootstrap.sh prod\n", works: true, status: finding.Skipped, codes: []string{"role-not-for-instances"}},
		works("Anywhere under a path", named("ecsExternalInstanceRole", storedRole{trust: ssmTrust, path: "/service-role/", attached: []PolicyARN{agentARN, ssmARN}})),
		works("AmazonECS_FullAccess", named("ecsInstanceRole", inline(`{"Effect":"Allow","Action":["ecs:*","logs:*","ec2:Describe*","autoscaling:*"],"Resource":["*"]}`)), "role-for-trunking"),
		{name: "a boundary by NotAction", role: storedRole{attached: agent, boundary: statements(`{"Effect":"Allow","NotAction":["iam:*","ecs:*"],"Resource":"*"}`)}, status: finding.Noncompliant, codes: []string{"action-denied-by-boundary"}},
		works("a boundary that denies IAM", storedRole{attached: agent, boundary: statements(`{"Effect":"Allow","Action":"*","Resource":"*"}`, `{"Effect":"Deny","Action":["iam:*","organizations:*"],"Resource":"*"}`)}),
	}
}()

// TestRefusedActions: what AWS refused to an instance is needed, whatever else is
// known of it; the mandate stays what it is.
func TestRefusedActions(t *testing.T) {
	for name, test := range map[string]struct {
		refused, role string
		capabilities  Capabilities
		status        finding.Status
		codes         []string
		attached      []PolicyARN
	}{
		"without":                              {"", "ecsInstanceRole-web", nil, finding.Compliant, []string{"capability-partial"}, nil},
		"an action of which nothing is known":  {"iam:PassRole", "ecsInstanceRole-web", nil, finding.Compliant, []string{"capability-partial"}, nil},
		"no action":                            {"; drop", "ecsInstanceRole-web", nil, finding.Compliant, []string{"capability-partial"}, nil},
		"an optional one":                      {"ecs:TagResource", "ecsInstanceRole-web", nil, finding.Remediated, []string{"capability-missing"}, []PolicyARN{agentARN}},
		"in other letters":                     {"ECS:tagresource", "ecsInstanceRole-web", nil, finding.Remediated, []string{"capability-missing"}, []PolicyARN{agentARN}},
		"of a capability that isn't wanted":    {"logs:CreateLogStream", "ecsInstanceRole-web", nil, finding.Noncompliant, []string{"capability-off", "capability-partial"}, nil},
		"of a capability that is":              {"logs:CreateLogStream", "ecsInstanceRole-web", Capabilities{Agent, Logs}, finding.Remediated, []string{"capability-partial", "capability-missing"}, []PolicyARN{logsARN}},
		"to a role that is not the operator's": {"ecs:TagResource", "bastion", nil, finding.Skipped, []string{"role-not-for-instances"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			role := storedRole{name: test.role, trust: ec2Trust, inline: []string{statements(hardAgent)}}
			a, s := newAccount(&role), testSettings()
			if test.capabilities != nil {
				s.Capabilities = test.capabilities
			}
			result := handle(t, s, a, queued(fmt.Sprintf(`{"failure":"web","refused":%q,"roles":[%q]}`, test.refused, test.role)))
			var codes []string
			for _, f := range result.Findings {
				codes = append(codes, f.Code)
				if f.Code == "capability-off" && !strings.Contains(f.Message, test.refused) {
					t.Errorf("the message doesn't name what was refused: %s", f.Message)
				}
			}
			if result.Status != test.status || !slices.Equal(codes, test.codes) || !slices.Equal(role.attached, test.attached) {
				t.Errorf("got %s %q and %v, want %s %q and %v: %+v", result.Status, codes, role.attached, test.status, test.codes, test.attached, result.Findings)
			}
		})
	}
}

// queued is a request as it comes through the function's queue.
func queued(body string) string {
	return fmt.Sprintf(`{"Records":[{"messageId":"m1","eventSource":"aws:sqs","body":%q}]}`, body)
}
