package owner_test

import (
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
	"github.com/ecs-guardrails/ecs-guardrails/shared/owner"
)

func TestRecognize(t *testing.T) {
	session := func(role, name string) event.Actor {
		return event.Actor{ARN: "arn:aws:sts::123456789012:assumed-role/" + role + "/" + name, RoleARN: "arn:aws:iam::123456789012:role/" + role}
	}
	agent := func(text string) event.Actor { return event.Actor{UserAgent: text} }
	terraform := "APN/1.0 HashiCorp/1.0 Terraform/1.7.0 (+https://www.terraform.io) terraform-provider-aws/5.32.1 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.24.1 os/linux"
	tests := map[string]struct {
		evidence owner.Evidence
		want     owner.Owner
	}{
		"nothing known": {},
		"a person at the console": {owner.Evidence{
			Actor: event.Actor{ARN: "arn:aws:iam::123456789012:user/ada", SourceAddress: "203.0.113.5", UserAgent: "Mozilla/5.0 (Windows NT 10.0)"},
			Tags:  map[string]string{"team": "payments", "Name": "web"},
		}, owner.Owner{}},
		"a person at the shell": {owner.Evidence{Actor: agent("aws-cli/2.15.0 Python/3.11.6 Linux/5.10 exe/x86_64 prompt/off command/iam.create-role")}, owner.Owner{}},

		"CloudFormation calls":                         {owner.Evidence{Actor: event.Actor{InvokedBy: "cloudformation.amazonaws.com"}}, owner.Owner{Tool: owner.CloudFormation}},
		"CloudFormation by address alone":              {owner.Evidence{Actor: event.Actor{SourceAddress: "cloudformation.amazonaws.com"}}, owner.Owner{Tool: owner.CloudFormation}},
		"CloudFormation in China":                      {owner.Evidence{Actor: event.Actor{InvokedBy: "cloudformation.amazonaws.com.cn"}}, owner.Owner{Tool: owner.CloudFormation}},
		"CloudFormation by tag":                        {owner.Evidence{Tags: map[string]string{"aws:cloudformation:stack-name": "acme-prod"}}, owner.Owner{Tool: owner.CloudFormation, Stack: "acme-prod"}},
		"CloudFormation by tag and call":               {owner.Evidence{Actor: event.Actor{InvokedBy: "cloudformation.amazonaws.com"}, Tags: map[string]string{"aws:cloudformation:stack-name": "acme"}}, owner.Owner{Tool: owner.CloudFormation, Stack: "acme"}},
		"CDK by its execution role":                    {owner.Evidence{Actor: session("cdk-hnb659fds-cfn-exec-role-123456789012-eu-west-1", "AWSCloudFormation"), Tags: map[string]string{"aws:cloudformation:stack-name": "WebStack"}}, owner.Owner{Tool: owner.CDK, Stack: "WebStack"}},
		"CDK with a qualifier of the team":             {owner.Evidence{Actor: session("cdk-acme1-cfn-exec-role-123456789012-us-east-1", "AWSCloudFormation")}, owner.Owner{Tool: owner.CDK}},
		"a role that only resembles the CDK's":         {owner.Evidence{Actor: session("my-cdk-hnb659fds-cfn-exec-role-1-eu-west-1", "x")}, owner.Owner{}},
		"Terraform":                                    {owner.Evidence{Actor: agent(terraform)}, owner.Owner{Tool: owner.Terraform}},
		"Terraform with an old SDK":                    {owner.Evidence{Actor: agent("aws-sdk-go/1.8.34 (go1.8; darwin; amd64) APN/1.0 HashiCorp/1.0 Terraform/0.9.8")}, owner.Owner{Tool: owner.Terraform}},
		"OpenTofu":                                     {owner.Evidence{Actor: agent("APN/1.0 HashiCorp/1.0 OpenTofu/1.6.0 terraform-provider-aws/5.0")}, owner.Owner{Tool: owner.OpenTofu}},
		"Pulumi":                                       {owner.Evidence{Actor: agent("APN/1.0 Pulumi/1.0 PulumiAws/6.5 APN/1.0 HashiCorp/1.0 Terraform/1.0")}, owner.Owner{Tool: owner.Pulumi}},
		"Pulumi's Cloud Control provider":              {owner.Evidence{Actor: agent("APN/1.0 Pulumi/1.0 PulumiAwsNative/0.0.2")}, owner.Owner{Tool: owner.Pulumi}},
		"CDK hotswap":                                  {owner.Evidence{Actor: agent("aws-sdk-js/2.1450.0 linux/v18 cdk-hotswap/success-aws-ecs-service")}, owner.Owner{Tool: owner.CDK}},
		"Batch calls":                                  {owner.Evidence{Actor: event.Actor{InvokedBy: "batch.amazonaws.com", SourceAddress: "batch.amazonaws.com", UserAgent: "batch.amazonaws.com"}}, owner.Owner{Tool: owner.Batch}},
		"Batch's service-linked role":                  {owner.Evidence{Actor: session("AWSServiceRoleForBatch", "aws-batch")}, owner.Owner{Tool: owner.Batch}},
		"Batch's instances":                            {owner.Evidence{Tags: map[string]string{"AWSBatchServiceTag": "batch"}}, owner.Owner{Tool: owner.Batch}},
		"Batch's service role":                         {owner.Evidence{Policies: []string{"arn:aws:iam::aws:policy/service-role/AWSBatchServiceRole"}}, owner.Owner{Tool: owner.Batch}},
		"a customer's policy of that name":             {owner.Evidence{Policies: []string{"arn:aws:iam::123456789012:policy/AWSBatchServiceRole"}}, owner.Owner{}},
		"Beanstalk, whose stacks are CloudFormation's": {owner.Evidence{Tags: map[string]string{"aws:cloudformation:stack-name": "awseb-e-abc-stack", "elasticbeanstalk:environment-name": "shop-prod"}}, owner.Owner{Tool: owner.Beanstalk, Stack: "shop-prod"}},
		"Beanstalk by policy":                          {owner.Evidence{Policies: []string{"arn:aws:iam::aws:policy/AWSElasticBeanstalkWebTier"}}, owner.Owner{Tool: owner.Beanstalk}},
		"Copilot":                                      {owner.Evidence{Tags: map[string]string{"copilot-application": "shop", "copilot-environment": "test", "aws:cloudformation:stack-name": "shop-test"}}, owner.Owner{Tool: owner.Copilot, Stack: "shop/test"}},
		"Copilot by its execution role":                {owner.Evidence{Actor: session("shop-test-CFNExecutionRole", "AWSCloudFormation"), Tags: map[string]string{"aws:cloudformation:stack-name": "shop-test-api"}}, owner.Owner{Tool: owner.Copilot, Stack: "shop-test-api"}},
		"Managed Instances":                            {owner.Evidence{Policies: []string{"arn:aws-us-gov:iam::aws:policy/AmazonECSInstanceRolePolicyForManagedInstances"}}, owner.Owner{Tool: owner.ManagedInstances}},
		"Managed Instances' role in a template":        {owner.Evidence{Policies: []string{"arn:aws:iam::aws:policy/AmazonECSInstanceRolePolicyForManagedInstances"}, Tags: map[string]string{"aws:cloudformation:stack-name": "acme"}}, owner.Owner{Tool: owner.CloudFormation, Stack: "acme"}},
		"Express Mode's infrastructure role":           {owner.Evidence{Policies: []string{"arn:aws:iam::aws:policy/service-role/AmazonECSInfrastructureRoleforExpressGatewayServices"}}, owner.Owner{Tool: owner.ExpressMode}},
		"ECS itself":                                   {owner.Evidence{Actor: event.Actor{InvokedBy: "ecs.amazonaws.com"}}, owner.Owner{Tool: owner.ECS}},
		"EKS's nodes":                                  {owner.Evidence{Policies: []string{"arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"}}, owner.Owner{Tool: owner.EKS}},
		"EKS by tag":                                   {owner.Evidence{Tags: map[string]string{"kubernetes.io/cluster/main": "owned"}}, owner.Owner{Tool: owner.EKS, Stack: "main"}},
		"Pulumi by tag":                                {owner.Evidence{Tags: map[string]string{"pulumi:project": "shop"}}, owner.Owner{Tool: owner.Pulumi, Stack: "shop"}},
		"ManagedBy=Terraform":                          {owner.Evidence{Tags: map[string]string{"ManagedBy": "Terraform"}}, owner.Owner{Tool: owner.Terraform}},
		"managed-by: opentofu":                         {owner.Evidence{Tags: map[string]string{"managed-by": "opentofu"}}, owner.Owner{Tool: owner.OpenTofu}},
		"terraform=true":                               {owner.Evidence{Tags: map[string]string{"terraform": "true"}}, owner.Owner{Tool: owner.Terraform}},
		"terraform=false":                              {owner.Evidence{Tags: map[string]string{"terraform": "false"}}, owner.Owner{}},
		"IaC = Terragrunt":                             {owner.Evidence{Tags: map[string]string{"iac": "terragrunt"}}, owner.Owner{Tool: owner.Terraform}},
		"managed by a person":                          {owner.Evidence{Tags: map[string]string{"ManagedBy": "ada@example.com"}}, owner.Owner{}},
		"a tool's tags win over the last actor":        {owner.Evidence{Actor: agent(terraform), Tags: map[string]string{"pulumi:project": "shop"}}, owner.Owner{Tool: owner.Pulumi, Stack: "shop"}},
		"a name that is not one stays out":             {owner.Evidence{Tags: map[string]string{"copilot-application": "<!channel> hello"}}, owner.Owner{Tool: owner.Copilot}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := owner.Recognize(test.evidence); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestKinds(t *testing.T) {
	for tool, service := range map[owner.Tool]bool{
		owner.CloudFormation: false, owner.CDK: false, owner.Terraform: false, owner.OpenTofu: false, owner.Pulumi: false, owner.Copilot: false,
		owner.Beanstalk: true, owner.Batch: true, owner.EKS: true, owner.ManagedInstances: true, owner.ExpressMode: true, owner.ECS: true,
	} {
		o := owner.Owner{Tool: tool}
		if o.IsAWSService() != service || o.RendersSource() == service {
			t.Errorf("%s: service %v, source %v", tool, o.IsAWSService(), o.RendersSource())
		}
		if o.String() == string(tool) {
			t.Errorf("%s has no name", tool)
		}
	}
	if none := (owner.Owner{}); none.IsKnown() || none.RendersSource() || none.IsAWSService() {
		t.Error("no owner is one")
	}
}

func TestAttachmentPatchNamesRoleAndPolicy(t *testing.T) {
	const role, policy = "ecsInstanceRole-web", "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
	for tool, word := range map[owner.Tool]string{
		owner.CloudFormation: "ManagedPolicyArns", owner.CDK: "addManagedPolicy", owner.Terraform: "aws_iam_role_policy_attachment",
		owner.OpenTofu: "aws_iam_role_policy_attachment", owner.Pulumi: "RolePolicyAttachment", owner.Copilot: "ManagedPolicyArns",
		owner.Batch: "aws iam attach-role-policy", "": "aws iam attach-role-policy",
	} {
		text := owner.Owner{Tool: tool, Stack: "acme"}.AttachmentPatch(role, policy)
		for _, want := range []string{word, role, policy} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %s lacks %s", tool, text, want)
			}
		}
	}
}

// FuzzRecognize holds text from outside to a name that can be shown anywhere.
func FuzzRecognize(f *testing.F) {
	f.Add("copilot-application", "shop", "aws-cli/2", "arn:aws:iam::1:role/cdk-x-cfn-exec-role-1-a")
	f.Add("kubernetes.io/cluster/<b>", "owned", "Terraform/1", "")
	f.Fuzz(func(t *testing.T, key, value, agent, arn string) {
		o := owner.Recognize(owner.Evidence{Actor: event.Actor{UserAgent: agent, ARN: arn}, Tags: map[string]string{key: value}, Policies: []string{arn}})
		if strings.ContainsAny(o.String(), "<>&*`[]\\\"\n\x1b") {
			t.Errorf("shows %q", o.String())
		}
	})
}
