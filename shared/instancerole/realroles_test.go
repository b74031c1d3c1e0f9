package instancerole

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/racetest"
)

// realRole is an instance role as people make it, and what is right to say of it.
type realRole struct {
	name     string
	role     storedRole
	settings func(*Settings)
	// arrange changes the account, and userData and image say what an instance under
	// the role runs, if one is launched.
	arrange         func(*account)
	userData, image string
	launched        bool

	// works says that instances of the role join and run tasks today: then nothing
	// may be attached to it.
	works    bool
	status   finding.Status
	codes    []string
	attached []PolicyARN
}

func statements(list ...string) string {
	text := `{"Version":"2012-10-17","Statement":[`
	for i, statement := range list {
		if i > 0 {
			text += ","
		}
		text += statement
	}
	return text + "]}"
}

const (
	// What CDK's Cluster.addCapacity gives its instances, narrowed to the cluster.
	cdkDiscover   = `{"Effect":"Allow","Action":["ecs:DeregisterContainerInstance","ecs:RegisterContainerInstance","ecs:Submit*"],"Resource":"arn:aws:ecs:us-east-1:123456789012:cluster/EcsCluster97242B84-Hx2"}`
	cdkPoll       = `{"Effect":"Allow","Action":["ecs:Poll","ecs:StartTelemetrySession"],"Resource":"*","Condition":{"ArnEquals":{"ecs:cluster":"arn:aws:ecs:us-east-1:123456789012:cluster/EcsCluster97242B84-Hx2"}}}`
	cdkEndpoint   = `{"Effect":"Allow","Action":["ecs:DiscoverPollEndpoint","ecr:GetAuthorizationToken"],"Resource":"*"}`
	cdkLogs       = `{"Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}`
	refarch       = `{"Effect":"Allow","Action":["ecs:CreateCluster","ecs:DeregisterContainerInstance","ecs:DiscoverPollEndpoint","ecs:Poll","ecs:RegisterContainerInstance","ecs:StartTelemetrySession","ecs:Submit*","logs:CreateLogStream","logs:PutLogEvents","ecr:BatchCheckLayerAvailability","ecr:BatchGetImage","ecr:GetDownloadUrlForLayer","ecr:GetAuthorizationToken"],"Resource":"*"}`
	convoxStyle   = `{"Effect":"Allow","Action":["autoscaling:CompleteLifecycleAction","ecr:GetAuthorizationToken","ecr:GetDownloadUrlForLayer","ecr:BatchGetImage","ecr:BatchCheckLayerAvailability","ec2:DescribeInstances","ecs:CreateCluster","ecs:DeregisterContainerInstance","ecs:DiscoverPollEndpoint","ecs:Poll","ecs:RegisterContainerInstance","ecs:StartTelemetrySession","ecs:SubmitContainerStateChange","ecs:SubmitTaskStateChange","logs:*"],"Resource":"*"}`
	widdixPoll    = `{"Effect":"Allow","Action":["ecs:DiscoverPollEndpoint"],"Resource":"*"}`
	widdixCluster = `{"Effect":"Allow","Action":["ecs:RegisterContainerInstance","ecs:DeregisterContainerInstance","ecs:SubmitContainerStateChange","ecs:SubmitTaskStateChange"],"Resource":"arn:aws:ecs:us-east-1:123456789012:cluster/widdix"}`
	widdixAgent   = `{"Effect":"Allow","Action":["ecs:UpdateContainerInstancesState","ecs:Poll","ecs:StartTelemetrySession"],"Resource":"*","Condition":{"StringEquals":{"ecs:cluster":"arn:aws:ecs:us-east-1:123456789012:cluster/widdix"}}}`
	managedInline = `{"Effect":"Allow","Action":"ecs:DiscoverPollEndpoint","Resource":"*"},{"Effect":"Allow","Action":["ecs:RegisterContainerInstance","ecs:SubmitAttachmentStateChanges","ecs:SubmitTaskStateChange"],"Resource":"arn:aws:ecs:us-east-1:123456789012:cluster/mi"},{"Effect":"Allow","Action":["ecs:Poll","ecs:StartTelemetrySession","ecs:PutSystemLogEvents"],"Resource":"arn:aws:ecs:us-east-1:123456789012:container-instance/mi/*"}`
	beanstalkECS  = `{"Statement":[{"Sid":"ECSAccess","Effect":"Allow","Action":["ecs:Poll","ecs:StartTask","ecs:StopTask","ecs:DiscoverPollEndpoint","ecs:StartTelemetrySession","ecs:RegisterContainerInstance","ecs:DeregisterContainerInstance","ecs:DescribeContainerInstances","ecs:Submit*","ecs:DescribeTasks"],"Resource":"*"},{"Effect":"Allow","Action":"ecs:TagResource","Resource":"*","Condition":{"StringEquals":{"ecs:CreateAction":["RegisterContainerInstance","StartTask"]}}}]}`
	hardAgent     = `{"Effect":"Allow","Action":["ecs:DiscoverPollEndpoint","ecs:RegisterContainerInstance","ecs:Poll","ecs:SubmitTaskStateChange","ecs:SubmitContainerStateChange"],"Resource":"*"}`
	sessionAccess = `{"Effect":"Allow","Action":["ssmmessages:*","ssm:UpdateInstanceInformation","ec2messages:*"],"Resource":"*"}`
	perimeter     = `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEqualsIfExists":{"aws:SourceVpc":"vpc-0a1b2c3d"},"BoolIfExists":{"aws:ViaAWSService":"false"}}}`
	abacSecrets   = `{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"web"}}}`
	trustECSTasks = `{"Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	trustECS      = `{"Statement":[{"Effect":"Allow","Principal":{"Service":"ecs.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	trustOld      = `{"Version":"2008-10-17","Statement":[{"Sid":"","Effect":"Allow","Principal":{"Service":["ecs.amazonaws.com","ec2.amazonaws.com"]},"Action":"sts:AssumeRole"}]}`
	otherAccount  = `{"Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceAccount":"999999999999"}}}]}`
	otherSSM      = `{"Statement":[{"Effect":"Allow","Principal":{"Service":"ssm.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:ssm:us-east-1:999999999999:*"}}}]}`

	joinsScript = "#!/bin/bash\necho ECS_CLUSTER=prod >> /etc/ecs/ecs.config\n"
)

var realRoles = func() []realRole {
	none := []string(nil)
	missing := []string{"capability-missing"}
	partial := []string{"capability-partial"}
	agent := []PolicyARN{agentARN}
	fine := func(name string, role storedRole, codes ...string) realRole {
		return realRole{name: name, role: role, works: true, status: finding.Compliant, codes: codes}
	}
	managed := func(arns ...PolicyARN) storedRole { return storedRole{attached: arns} }
	inline := func(list ...string) storedRole { return storedRole{inline: []string{statements(list...)}} }
	with := func(role storedRole, change func(*storedRole)) storedRole { change(&role); return role }
	named := func(name string, role storedRole) storedRole { role.name = name; return role }
	capable := func(wanted ...Capability) func(*Settings) { return func(s *Settings) { s.Capabilities = wanted } }
	policy := func(arn PolicyARN, document string) func(*account) {
		return func(a *account) { a.policies[arn] = document }
	}
	const beanstalkARN, webTierARN = "arn:aws:iam::aws:policy/AWSElasticBeanstalkMulticontainerDocker", "arn:aws:iam::aws:policy/AWSElasticBeanstalkWebTier"
	return []realRole{
		// Roles of guides, modules and templates that work as they are.
		fine("console: ecsInstanceRole", named("ecsInstanceRole", managed(agentARN))),
		fine("guide: ecsInstanceRole with SSM", named("ecsInstanceRole", managed(agentARN, ssmARN))),
		fine("guide: ECSInstanceRole in other letters", named("ECSInstanceRole", managed(agentARN))),
		fine("ecs-refarch-cloudformation", named("ecsInstanceRole-ECSRole-us-east-1", inline(refarch)), "capability-partial"),
		fine("convox-like instance role", inline(convoxStyle), "capability-partial"),
		fine("widdix-like role, scoped to one cluster", inline(widdixPoll, widdixCluster, widdixAgent), "capability-partial"),
		fine("CDK addCapacity", inline(cdkDiscover, cdkPoll, cdkEndpoint, cdkLogs), "capability-partial"),
		fine("CDK addCapacity with CloudFormation's tags", with(inline(cdkDiscover, cdkPoll, cdkEndpoint, cdkLogs), func(r *storedRole) {
			r.tags = map[string]string{"aws:cloudformation:stack-name": "WebStack"}
		}), "capability-partial"),
		fine("terraform-aws-ecs: managed policies", managed(agentARN, ssmARN, "arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy")),
		fine("terraform: everything in one inline policy", inline(hardAgent), "capability-partial"),
		fine("terraform: all of ECS", inline(`{"Effect":"Allow","Action":["ecs:*","ec2:DescribeTags"],"Resource":"*"}`), "role-for-trunking"),
		fine("cloudposse: agent and pull only", managed(agentARN, pullOnlyARN)),
		fine("own least privilege without TagResource", inline(`{"Effect":"Allow","Action":["ecs:DiscoverPollEndpoint","ecs:RegisterContainerInstance","ecs:Poll","ecs:StartTelemetrySession","ecs:Submit*","ecs:DeregisterContainerInstance"],"Resource":"*"}`), "capability-partial"),
		fine("own least privilege without telemetry", inline(hardAgent), "capability-partial"),
		fine("scoped by resource and container instance", inline(widdixPoll, `{"Effect":"Allow","Action":["ecs:RegisterContainerInstance","ecs:Submit*"],"Resource":"arn:aws:ecs:*:123456789012:cluster/prod"}`, `{"Effect":"Allow","Action":"ecs:Poll","Resource":"arn:aws:ecs:*:123456789012:container-instance/prod/*"}`), "capability-partial"),
		fine("scoped to clusters of a prefix", inline(widdixPoll, `{"Effect":"Allow","Action":["ecs:RegisterContainerInstance","ecs:Submit*"],"Resource":"arn:aws:ecs:*:*:cluster/team-a-*"}`, `{"Effect":"Allow","Action":"ecs:Poll","Resource":"arn:aws:ecs:*:*:container-instance/team-a-*/*"}`), "capability-partial"),
		fine("scoped to a cluster of another Region", inline(widdixPoll, `{"Effect":"Allow","Action":["ecs:RegisterContainerInstance","ecs:Submit*","ecs:Poll"],"Resource":["arn:aws:ecs:eu-west-1:123456789012:cluster/prod","arn:aws:ecs:eu-west-1:123456789012:container-instance/prod/*"]}`), "capability-partial"),
		fine("scoped by the role's own tag", with(inline(widdixPoll, `{"Effect":"Allow","Action":["ecs:RegisterContainerInstance","ecs:Submit*","ecs:Poll"],"Resource":["arn:aws:ecs:*:*:cluster/${aws:PrincipalTag/cluster}","arn:aws:ecs:*:*:container-instance/${aws:PrincipalTag/cluster}/*"]}`), func(r *storedRole) {
			r.tags = map[string]string{"cluster": "blue"}
		}), "capability-scoped", "capability-partial"),
		fine("customer-managed policy", storedRole{attached: []PolicyARN{"arn:aws:iam::123456789012:policy/agent"}}),
		fine("administrator", inline(`{"Effect":"Allow","Action":"*","Resource":"*"}`), "role-for-trunking"),
		fine("with a path of the platform team", with(managed(agentARN), func(r *storedRole) { r.path = "/platform/ecs/" })),
		fine("with a boundary that allows all", with(managed(agentARN), func(r *storedRole) { r.boundary = statements(`{"Effect":"Allow","Action":"*","Resource":"*"}`) })),
		fine("with a boundary of the workload's services", with(managed(agentARN), func(r *storedRole) {
			r.boundary = statements(`{"Effect":"Allow","Action":["ecs:*","ecr:*","logs:*","s3:*","ec2:Describe*"],"Resource":"*"}`)
		})),
		fine("beside an ABAC statement for secrets", with(managed(agentARN), func(r *storedRole) { r.inline = []string{statements(abacSecrets)} })),
		fine("beside a deny of something else", with(managed(agentARN), func(r *storedRole) {
			r.inline = []string{statements(`{"Effect":"Deny","Action":"s3:DeleteBucket","Resource":"*"}`)}
		})),
		fine("beside a deny of plain HTTP", with(managed(agentARN), func(r *storedRole) {
			r.inline = []string{statements(`{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`)}
		})),
		fine("beside a deny of other Regions", with(managed(agentARN), func(r *storedRole) {
			r.inline = []string{statements(`{"Effect":"Deny","NotAction":["iam:*","sts:*"],"Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":["us-east-1","eu-west-1"]}}}`)}
		})),
		fine("revoked sessions of the past", with(managed(agentARN), func(r *storedRole) {
			r.inline = []string{statements(`{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:TokenIssueTime":"2024-05-01T00:00:00Z"}}}`)}
		})),
		fine("tag none", with(storedRole{}, func(r *storedRole) { r.tags = map[string]string{capabilitiesTag: "none"} })),

		// Kinds.
		fine("Managed Instances: the managed policy", named("ecsInstanceRole-managed", managed(managedARN))),
		fine("Managed Instances: named otherwise, tagged", with(managed(managedARN), func(r *storedRole) {
			r.name, r.tags = "mi-nodes", map[string]string{instanceRoleTag: "true"}
		})),
		fine("Managed Instances: CDK's inline policy", named("ecsInstanceRole-Mi", inline(managedInline))),
		fine("Managed Instances: with more capabilities in the settings", named("ecsInstanceRole", managed(managedARN))),
		fine("Batch: its compute environment's role", named("ecsInstanceRole", with(managed(agentARN), func(r *storedRole) { r.tags = map[string]string{"AWSBatchServiceTag": "batch"} }))),
		{name: "Managed Instances: settings with ecr, config and logs", role: named("ecsInstanceRole", managed(managedARN)), settings: capable(Agent, ECR, Config, Logs), works: true, status: finding.Compliant, codes: none},
		{name: "Managed Instances: of a capacity provider, without policy", role: named("ecsInstanceRole-mi", storedRole{}), arrange: func(a *account) { a.providers = []string{"ecsInstanceRole-mi"} },
			status: finding.Remediated, codes: missing, attached: []PolicyARN{managedARN}},
		{name: "Managed Instances: of a provider with another profile's name", role: named("ecsInstanceRole-mi", storedRole{}), arrange: func(a *account) {
			a.providers, a.profiles["mi-profile"] = []string{"mi-profile"}, []string{"ecsInstanceRole-mi"}
		}, status: finding.Remediated, codes: missing, attached: []PolicyARN{managedARN}},
		{name: "Managed Instances and a container instance under one role", role: named("ecsInstanceRole-both", managed(managedARN)), launched: true, userData: joinsScript,
			status: finding.Remediated, codes: missing, attached: []PolicyARN{managedARN, agentARN}},
		{name: "Beanstalk on ECS", role: named("aws-elasticbeanstalk-ec2-role", managed(beanstalkARN, webTierARN)), arrange: policy(beanstalkARN, beanstalkECS), launched: true, userData: joinsScript,
			works: true, status: finding.Compliant, codes: partial},
		{name: "Beanstalk without ECS", role: named("aws-elasticbeanstalk-ec2-role", managed(webTierARN)), launched: true, image: "al2023-ami-ecs-hvm-2023.0.20251108-kernel-6.1-arm64",
			works: true, status: finding.Skipped, codes: []string{"role-for-other-purpose"}},
		{name: "EKS node", role: named("eks-nodes", managed("arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy", pullOnlyARN)), settings: func(s *Settings) { s.InstanceRolePattern = "*" },
			works: true, status: finding.Skipped, codes: []string{"role-for-other-purpose"}},
		{name: "Image Builder", role: named("image-builder", managed("arn:aws:iam::aws:policy/EC2InstanceProfileForImageBuilder", ssmARN)), launched: true, image: "amzn2-ami-ecs-hvm-2.0.20240109-x86_64-ebs",
			works: true, status: finding.Skipped, codes: []string{"role-not-for-instances"}},
		{name: "Image Builder, named otherwise", role: named("golden-image", managed("arn:aws:iam::aws:policy/EC2InstanceProfileForImageBuilder", ssmARN)), launched: true, image: "amzn2-ami-ecs-hvm-2.0.20240109-x86_64-ebs",
			works: true, status: finding.Skipped, codes: []string{"role-for-other-purpose"}},
		{name: "Packer", role: named("packer-profile", inline(`{"Effect":"Allow","Action":"ec2:*","Resource":"*"}`)), launched: true, image: "al2023-ami-ecs-hvm-2023.0.20251108-kernel-6.1-arm64",
			works: true, status: finding.Skipped, codes: []string{"role-not-for-instances"}},
		{name: "bastion with an ECS image", role: named("ops-bastion", managed(ssmARN)), launched: true, image: "al2023-ami-ecs-hvm-2023.0.20251108-kernel-6.1-arm64",
			works: true, status: finding.Skipped, codes: []string{"role-not-for-instances"}},
		{name: "web server with a comment about ECS", role: named("WebServer", storedRole{}), launched: true, userData: "#!/bin/bash\n# ECS_CLUSTER comes later\nyum install -y nginx\n",
			works: true, status: finding.Skipped, codes: []string{"role-not-for-instances"}},
		{name: "container instance by its user data alone", role: named("nodes", storedRole{}), launched: true, userData: joinsScript,
			status: finding.Planned, codes: []string{"capability-missing", "no-mandate"}},
		fine("Anywhere: ecsExternalInstanceRole", named("ecsExternalInstanceRole", with(managed(agentARN, ssmARN), func(r *storedRole) { r.trust = ssmTrust }))),
		fine("Anywhere: ecsAnywhereRole", named("ecsAnywhereRole", with(managed(agentARN, ssmARN), func(r *storedRole) { r.trust = ssmTrust }))),
		fine("Anywhere: tag without ssm", named("ecsAnywhereRole", with(managed(agentARN), func(r *storedRole) {
			r.trust, r.tags = ssmTrust, map[string]string{capabilitiesTag: "agent"}
		}))),
		fine("Anywhere: tag none", named("ecsAnywhereRole", with(storedRole{}, func(r *storedRole) {
			r.trust, r.tags = ssmTrust, map[string]string{capabilitiesTag: "none"}
		}))),
		fine("EC2 that Systems Manager trusts, too", with(managed(agentARN), func(r *storedRole) {
			r.trust = `{"Statement":[{"Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com","ssm.amazonaws.com"]},"Action":"sts:AssumeRole"}]}`
		})),
		fine("of the days when ECS was trusted, too", with(managed(agentARN), func(r *storedRole) { r.trust = trustOld }), "trust-too-wide"),
		{name: "Anywhere: bare", role: named("ecsExternalInstanceRole", storedRole{trust: ssmTrust}), status: finding.Remediated, codes: []string{"capability-missing", "capability-missing"}, attached: []PolicyARN{agentARN, ssmARN}},

		// Bare and broken ones.
		{name: "bare", status: finding.Remediated, codes: missing, attached: agent},
		{name: "only SSM", role: managed(ssmARN), status: finding.Remediated, codes: missing, attached: []PolicyARN{ssmARN, agentARN}},
		{name: "only Session Manager inline", role: inline(sessionAccess), status: finding.Remediated, codes: missing, attached: agent},
		{name: "registers, but can't poll", role: inline(`{"Effect":"Allow","Action":["ecs:DiscoverPollEndpoint","ecs:RegisterContainerInstance","ecs:Submit*"],"Resource":"*"}`), status: finding.Remediated, codes: missing, attached: agent},
		{name: "tags its instances, but may not", role: inline(hardAgent), launched: true, userData: "#!/bin/bash\ncat <<'EOF' >> /etc/ecs/ecs.config\nECS_CLUSTER=prod\nECS_CONTAINER_INSTANCE_TAGS={\"team\":\"web\"}\nEOF\n",
			status: finding.Remediated, codes: missing, attached: agent},
		{name: "scoped to one cluster, with a gap there", role: inline(widdixPoll, `{"Effect":"Allow","Action":["ecs:RegisterContainerInstance","ecs:SubmitTaskStateChange"],"Resource":"arn:aws:ecs:*:*:cluster/prod"}`, `{"Effect":"Allow","Action":"ecs:Poll","Resource":"arn:aws:ecs:*:*:container-instance/prod/*"}`),
			status: finding.Remediated, codes: missing, attached: agent},
		{name: "scoped to a cluster that the instance doesn't join", role: inline(widdixPoll, widdixCluster, widdixAgent), launched: true, userData: joinsScript,
			status: finding.Remediated, codes: missing, attached: agent},
		{name: "execution role's trust", role: storedRole{trust: trustECSTasks, attached: agent}, status: finding.Noncompliant, codes: []string{"trust-wrong-service"}},
		{name: "service role's trust (terraform#5660)", role: storedRole{trust: trustECS}, status: finding.Noncompliant, codes: []string{"trust-wrong-service"}},
		{name: "trust of another account's instances", role: storedRole{trust: otherAccount, attached: agent}, status: finding.Noncompliant, codes: []string{"trust-wrong-service"}},
		{name: "Anywhere: trust of another account", role: storedRole{trust: otherSSM}, status: finding.Noncompliant, codes: []string{"trust-wrong-service"}},
		{name: "everyone may assume it", role: storedRole{trust: `{"Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com","AWS":"*"},"Action":"sts:AssumeRole"}]}`}, status: finding.Noncompliant, codes: []string{"trust-too-wide"}},
		{name: "a federation may assume it", role: storedRole{trust: `{"Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"},{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"},"Action":"sts:AssumeRoleWithWebIdentity"}]}`}, status: finding.Noncompliant, codes: []string{"trust-too-wide"}},
		{name: "ECS trusted, too, and bare", role: storedRole{trust: trustOld}, status: finding.Noncompliant, codes: []string{"trust-too-wide"}},

		// Boundaries and organizations.
		{name: "boundary without ECS", role: storedRole{attached: agent, boundary: statements(`{"Effect":"Allow","Action":"s3:*","Resource":"*"}`)}, status: finding.Noncompliant, codes: []string{"action-denied-by-boundary"}},
		{name: "boundary with a data perimeter", role: storedRole{attached: agent, boundary: statements(`{"Effect":"Allow","Action":"*","Resource":"*"}`, perimeter)}, works: true, status: finding.Noncompliant, codes: []string{"action-conditional"}},
		{name: "boundary with a data perimeter, bare", role: storedRole{boundary: statements(`{"Effect":"Allow","Action":"*","Resource":"*"}`, perimeter)}, status: finding.Noncompliant, codes: []string{"action-conditional", "capability-missing"}, attached: agent},
		{name: "organization with a data perimeter", role: managed(agentARN), arrange: func(a *account) {
			a.organization = statements(`{"Effect":"Allow","Action":"*","Resource":"*"}`, perimeter)
		},
			works: true, status: finding.Noncompliant, codes: []string{"action-denied-by-organization"}},
		{name: "organization with a data perimeter, bare", arrange: func(a *account) {
			a.organization = statements(`{"Effect":"Allow","Action":"*","Resource":"*"}`, perimeter)
		},
			status: finding.Noncompliant, codes: []string{"action-denied-by-organization", "capability-missing"}, attached: agent},
		{name: "organization that allows all", role: managed(agentARN), arrange: func(a *account) { a.organization = statements(`{"Effect":"Allow","Action":"*","Resource":"*"}`) }, works: true, status: finding.Compliant},
		{name: "data perimeter in its own policy", role: storedRole{attached: agent, inline: []string{statements(perimeter)}}, works: true, status: finding.Noncompliant, codes: []string{"action-conditional"}},
		{name: "a plain deny beside an unrelated condition", role: storedRole{attached: agent, inline: []string{statements(`{"Effect":"Deny","Action":"ecs:Poll","Resource":"*"}`, abacSecrets)}}, status: finding.Noncompliant, codes: []string{"action-denied-by-policy"}},
		{name: "bare beside an unrelated condition", role: inline(abacSecrets), status: finding.Remediated, codes: missing, attached: agent},

		// Other capabilities that the operator asks for.
		{name: "pulls from one team's repositories", role: storedRole{attached: agent[:0:0], inline: []string{statements(hardAgent, `{"Effect":"Allow","Action":"ecr:GetAuthorizationToken","Resource":"*"}`, `{"Effect":"Allow","Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"],"Resource":"arn:aws:ecr:us-east-1:123456789012:repository/shop/*"}`)}},
			settings: capable(Agent, ECR), works: true, status: finding.Compliant, codes: []string{"capability-partial", "capability-scoped", "capability-partial"}},
		{name: "pulls from a central account", role: storedRole{inline: []string{statements(hardAgent, `{"Effect":"Allow","Action":"ecr:GetAuthorizationToken","Resource":"*"}`, `{"Effect":"Allow","Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"],"Resource":"arn:aws:ecr:us-east-1:999999999999:repository/*"}`)}},
			settings: capable(Agent, ECR), works: true, status: finding.Compliant, codes: []string{"capability-partial", "capability-scoped", "capability-partial"}},
		{name: "pulls only", role: managed(agentARN, pullOnlyARN), settings: capable(Agent, ECR), works: true, status: finding.Compliant},
		{name: "logs to its own group", role: storedRole{attached: agent, inline: []string{statements(`{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"arn:aws:logs:us-east-1:123456789012:log-group:/ecs/shop:*"}`)}},
			settings: capable(Agent, Logs), works: true, status: finding.Compliant, codes: []string{"capability-scoped", "capability-partial"}},
		{name: "logs: a group's ARN without :*", role: storedRole{attached: agent, inline: []string{statements(`{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"arn:aws:logs:us-east-1:123456789012:log-group:/ecs/ecs-guardrails"}`)}},
			settings: capable(Agent, Logs), status: finding.Remediated, codes: missing, attached: []PolicyARN{agentARN, logsARN}},
		{name: "reads its prefix of the config bucket", role: storedRole{attached: agent, inline: []string{statements(`{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::acme-ecs-config/prod/*"}`)}},
			settings: capable(Agent, Config), works: true, status: finding.Compliant, codes: []string{"capability-scoped", "capability-partial"}},
	}
}()

// TestRealRoles: each role gets the right verdict, and none that works today gets
// a policy.
func TestRealRoles(t *testing.T) {
	racetest.Skip(t)
	if len(realRoles) < 60 {
		t.Errorf("the table has %d roles, and is to have at least 60", len(realRoles))
	}
	for _, test := range slices.Concat(realRoles, furtherRoles) {
		t.Run(test.name, func(t *testing.T) {
			role := test.role
			if role.name == "" {
				role.name = "ecsInstanceRole-web"
			}
			if role.trust == "" {
				role.trust = ec2Trust
			}
			role.attached = slices.Clone(role.attached)
			before := slices.Clone(role.attached)
			a := newAccount(&role)
			a.policies["arn:aws:iam::123456789012:policy/agent"] = allow(agentActions...)
			s := testSettings()
			if test.settings != nil {
				test.settings(&s)
			}
			if test.arrange != nil {
				test.arrange(a)
			}
			payload := `{"eventSource":"iam.amazonaws.com","eventName":"TagRole","eventTime":"2025-11-22T10:30:00Z","requestParameters":{"roleName":"` + role.name + `"}}`
			if test.launched {
				const image = "ami-0f2b3c4d5e6f70819"
				a.profiles["web-hosts"] = []string{role.name}
				name := test.image
				if name == "" {
					name = "al2023-ami-2023.9.20251110.1-kernel-6.1-arm64"
				}
				a.images[image] = ec2types.Image{ImageOwnerAlias: aws.String("amazon"), OwnerId: aws.String("591542846629"), Name: &name}
				a.instances["i-0dbc91f429e48eeed"] = storedInstance{image: image, userData: encoded(test.userData)}
				payload = sampleEvent(t, "run-instances")
			}
			result := handle(t, s, a, payload)
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
			if test.works && len(role.attached) != len(before) {
				t.Errorf("a role that works got %v", role.attached[len(before):])
			}
			if reads := len(a.calls); result.Status == finding.Compliant && !test.launched && len(test.codes) == 0 && test.settings == nil && len(before) < 3 && test.role.inline == nil && reads > 3 {
				t.Errorf("a compliant role cost %v", a.calls)
			}
		})
	}
}
