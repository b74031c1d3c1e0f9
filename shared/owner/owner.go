// Package owner recognizes the tool that manages a resource: the one whose next
// run would undo, or trip over, a change that anyone else makes.
//
// The evidence differs in strength. AWS sets the tags that begin with "aws:",
// userIdentity.invokedBy and sourceIPAddress; anyone can forge other tags and a
// user agent. A forged owner only makes the functions do less, so both kinds count.
package owner

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secretshape"
)

// Tool is what manages a resource.
type Tool string

// The tools, from the one that only deploys to the ones that deploy through it.
const (
	CloudFormation   Tool = "cloudformation"
	CDK              Tool = "cdk"
	Terraform        Tool = "terraform"
	OpenTofu         Tool = "opentofu"
	Pulumi           Tool = "pulumi"
	Copilot          Tool = "copilot"
	Beanstalk        Tool = "beanstalk"
	Batch            Tool = "batch"
	EKS              Tool = "eks"
	ManagedInstances Tool = "ecs-managed-instances"
	ExpressMode      Tool = "ecs-express"
	// ECS is the service itself, where nothing says for which of its features.
	ECS Tool = "ecs"
)

// titles are the tools' own names, for messages.
var titles = map[Tool]string{
	CloudFormation: "CloudFormation", CDK: "AWS CDK", Terraform: "Terraform", OpenTofu: "OpenTofu", Pulumi: "Pulumi",
	Copilot: "AWS Copilot", Beanstalk: "Elastic Beanstalk", Batch: "AWS Batch", EKS: "Amazon EKS",
	ManagedInstances: "Amazon ECS Managed Instances", ExpressMode: "Amazon ECS Express Mode", ECS: "Amazon ECS",
}

// String gives the tool's own name, as in "Elastic Beanstalk".
func (t Tool) String() string {
	if title, known := titles[t]; known {
		return title
	}
	return string(t)
}

// Owner is the tool that manages a resource, and what the tool calls the
// deployment that the resource belongs to. The zero Owner means that none was
// recognized.
type Owner struct {
	Tool Tool `json:"tool"`
	// Stack is the name of the stack, application or environment; "" where
	// nothing names it.
	Stack string `json:"stack,omitempty"`
}

// IsKnown reports whether a tool was recognized.
func (o Owner) IsKnown() bool { return o.Tool != "" }

// IsAWSService reports whether an AWS service manages the resource by itself,
// so that no one can change a template to have it otherwise.
func (o Owner) IsAWSService() bool {
	switch o.Tool {
	case Beanstalk, Batch, EKS, ManagedInstances, ExpressMode, ECS:
		return true
	default:
		return false
	}
}

// RendersSource reports whether people keep the resource's definition in files
// of their own, from which the tool writes it again at each run.
func (o Owner) RendersSource() bool { return o.IsKnown() && !o.IsAWSService() }

// String names the owner in a message, as in "CloudFormation (acme-prod)".
func (o Owner) String() string {
	switch {
	case !o.IsKnown():
		return "no tool that is known"
	case o.Stack == "":
		return o.Tool.String()
	default:
		return fmt.Sprintf("%s (%s)", o.Tool, o.Stack)
	}
}

// Evidence is what is known about a resource. Every field is optional.
type Evidence struct {
	// Actor made or changed the resource.
	Actor event.Actor
	// Tags are the resource's.
	Tags map[string]string
	// Policies are the ARNs of the managed policies that are attached to a role.
	Policies []string
}

// Recognize gives the owner that the evidence shows. Tools that deploy through
// CloudFormation (CDK, Copilot, Elastic Beanstalk) win over it; of the rest, tags
// win over the actor, and the actor over policies: a person may touch up what a
// tool owns, and a policy can be attached to any role.
func Recognize(evidence Evidence) Owner {
	found := []Owner{fromTags(evidence.Tags), fromActor(evidence.Actor), fromPolicies(evidence.Policies)}
	var best Owner
	for _, candidate := range found {
		switch {
		case !candidate.IsKnown():
		case !best.IsKnown(), best.Tool == CloudFormation && deploysThroughCloudFormation[candidate.Tool]:
			if candidate.Stack == "" {
				candidate.Stack = best.Stack
			}
			best = candidate
		case best.Tool == candidate.Tool && best.Stack == "":
			best.Stack = candidate.Stack
		}
	}
	return best
}

var deploysThroughCloudFormation = map[Tool]bool{CDK: true, Copilot: true, Beanstalk: true}

// label is what a name from a tag may look like: it stands in messages, and
// anyone who may tag can choose it.
var label = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/@+-]{0,127}$`)

func labelled(tool Tool, name string) Owner {
	if !label.MatchString(name) {
		name = ""
	}
	return Owner{tool, name}
}

// isReserved reports whether only AWS's services write a tag. Any other may hold a
// secret that somebody put into the wrong field.
func isReserved(key string) bool { return strings.HasPrefix(key, "aws:") }

// namingTags name a tool by their key alone; the value of some is the
// deployment's name. The first that is there decides.
var namingTags = []struct {
	key  string
	tool Tool
	// named says that the value is the deployment's name.
	named bool
}{
	{"elasticbeanstalk:environment-name", Beanstalk, true},
	{"elasticbeanstalk:environment-id", Beanstalk, true},
	{"copilot-application", Copilot, true},
	{"copilot-environment", Copilot, false},
	{"AWSBatchServiceTag", Batch, false},
	{"aws:batch:compute-environment", Batch, true},
	{"aws:batch:job-definition", Batch, true},
	{"eks:cluster-name", EKS, true},
	{"aws:eks:cluster-name", EKS, true},
	{"alpha.eksctl.io/cluster-name", EKS, true},
	{"eksctl.cluster.k8s.io/v1alpha1/cluster-name", EKS, true},
	{"karpenter.sh/nodepool", EKS, false},
	{"aws:cdk:bundling", CDK, false},
	{"aws-cdk:stack", CDK, true},
	{"pulumi:project", Pulumi, true},
	{"pulumi:stack", Pulumi, true},
}

// fromTags reads a resource's tags.
func fromTags(tags map[string]string) Owner {
	for _, tag := range namingTags {
		if value, ok := tags[tag.key]; ok {
			if !tag.named {
				value = ""
			}
			if !isReserved(tag.key) && secretshape.IsCredential(value) {
				value = ""
			}
			if tag.tool == Copilot && !secretshape.IsCredential(tags["copilot-environment"]) && tags["copilot-environment"] != "" && value != "" {
				value += "/" + tags["copilot-environment"]
			}
			return labelled(tag.tool, value)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		switch {
		case strings.HasPrefix(key, "aws:cdk:"), strings.HasPrefix(key, "aws-cdk:"):
			return labelled(CDK, tags["aws:cloudformation:stack-name"])
		case strings.HasPrefix(key, "kubernetes.io/cluster/"):
			cluster := strings.TrimPrefix(key, "kubernetes.io/cluster/")
			if secretshape.IsCredential(cluster) {
				cluster = ""
			}
			return labelled(EKS, cluster)
		}
	}
	if stack, ok := tags["aws:cloudformation:stack-name"]; ok {
		return labelled(CloudFormation, stack)
	}
	return fromConvention(tags)
}

// managedBy are the keys under which teams write which tool manages a resource,
// and flags the ones that name a tool themselves, in lower case without
// separators.
var (
	managedBy = map[string]bool{
		"managedby": true, "createdby": true, "provisionedby": true, "provisioner": true, "deployedby": true, "iac": true,
		"managedwith": true, "createdwith": true, "tool": true, "iactool": true, "managementtool": true, "source": true,
	}
	flags = map[string]Tool{
		"terraform": Terraform, "terraformmanaged": Terraform, "managedbyterraform": Terraform, "terraformworkspace": Terraform, "tfworkspace": Terraform,
		"opentofu": OpenTofu, "opentofumanaged": OpenTofu, "pulumi": Pulumi, "pulumimanaged": Pulumi,
	}
	separators = strings.NewReplacer("-", "", "_", "", ":", "", ".", "", "/", "", " ", "")
)

// fromConvention reads the tags that teams set by custom, as in
// ManagedBy=terraform or Terraform=true.
func fromConvention(tags map[string]string) Owner {
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		word := separators.Replace(strings.ToLower(key))
		value := strings.ToLower(tags[key])
		if tool, ok := flags[word]; ok && value != "false" && value != "no" && value != "0" {
			return Owner{Tool: tool}
		}
		if managedBy[word] {
			if tool := named(value); tool != "" {
				return Owner{Tool: tool}
			}
		}
	}
	return Owner{}
}

// named finds a tool's name in lower-case text.
func named(text string) Tool {
	// Pulumi's provider is built from Terraform's and names both.
	switch {
	case strings.Contains(text, "pulumi"):
		return Pulumi
	case strings.Contains(text, "opentofu"), strings.HasPrefix(text, "tofu"):
		return OpenTofu
	case strings.Contains(text, "terraform"), strings.Contains(text, "terragrunt"), strings.Contains(text, "atlantis"):
		return Terraform
	case strings.Contains(text, "copilot-cli"), strings.Contains(text, "aws-copilot"):
		return Copilot
	case strings.Contains(text, "aws-cdk"), strings.Contains(text, "cdk-hotswap"), text == "cdk":
		return CDK
	case strings.Contains(text, "cloudformation"):
		return CloudFormation
	default:
		return ""
	}
}

// services are the AWS services that call others for their own ends.
var services = map[string]Tool{
	"cloudformation":   CloudFormation,
	"batch":            Batch,
	"elasticbeanstalk": Beanstalk,
	"eks":              EKS,
	"eks-nodegroup":    EKS,
	"ecs":              ECS,
}

// cdkExecution is the role under which CloudFormation deploys for the CDK
// ("Bootstrapping" in the CDK guide): cdk-QUALIFIER-cfn-exec-role-ACCOUNT-REGION.
var cdkExecution = regexp.MustCompile(`[:/]cdk-[a-z0-9]{1,10}-(cfn-exec|deploy)-role-\d{12}-[a-z0-9-]+(/|$)`)

// copilotExecution is the role under which CloudFormation deploys for Copilot:
// APPLICATION-ENVIRONMENT-CFNExecutionRole.
var copilotExecution = regexp.MustCompile(`[:/][a-z][a-z0-9-]*-(CFNExecutionRole|EnvManagerRole)(/|$)`)

// linked are the roles under which services work, by how their names begin.
var linked = []struct {
	name string
	tool Tool
}{
	{"AWSServiceRoleForBatch", Batch},
	{"AWSServiceRoleForElasticBeanstalk", Beanstalk},
	{"AWSServiceRoleForAmazonEKS", EKS},
	{"AWSServiceRoleForECS", ECS},
	{"ecsInfrastructureRoleForExpressServices", ExpressMode},
}

// fromActor reads who made a call.
func fromActor(actor event.Actor) Owner {
	for _, arn := range []string{actor.ARN, actor.RoleARN} {
		switch {
		case cdkExecution.MatchString(arn):
			return Owner{Tool: CDK}
		case copilotExecution.MatchString(arn):
			return Owner{Tool: Copilot}
		}
		for _, role := range linked {
			if strings.Contains(arn, "/"+role.name) {
				return Owner{Tool: role.tool}
			}
		}
	}
	// A service's user agent is its name, too, but any client can claim it.
	for _, name := range []string{actor.InvokedBy, actor.SourceAddress} {
		service, isService := strings.CutSuffix(name, ".amazonaws.com")
		if !isService {
			service, isService = strings.CutSuffix(name, ".amazonaws.com.cn")
		}
		if tool, ok := services[service]; ok && isService {
			return Owner{Tool: tool}
		}
	}
	return Owner{Tool: named(strings.ToLower(actor.UserAgent))}
}

// policies are the AWS managed ones that only one kind of owner needs, by the
// end of their ARNs.
var policies = []struct {
	name string
	tool Tool
}{
	{"AmazonECSInstanceRolePolicyForManagedInstances", ManagedInstances},
	{"AmazonECSInfrastructureRolePolicyForManagedInstances", ManagedInstances},
	{"AmazonECSInfrastructureRoleforExpressGatewayServices", ExpressMode},
	{"AWSBatchServiceRole", Batch},
	{"AWSElasticBeanstalkWebTier", Beanstalk},
	{"AWSElasticBeanstalkWorkerTier", Beanstalk},
	{"AWSElasticBeanstalkMulticontainerDocker", Beanstalk},
	{"AmazonEKSWorkerNodePolicy", EKS},
	{"AmazonEKSWorkerNodeMinimalPolicy", EKS},
}

// fromPolicies reads the policies that are attached to a role. Only AWS's own
// count: a customer's policy may have any name.
func fromPolicies(arns []string) Owner {
	for _, policy := range policies {
		for _, arn := range arns {
			if strings.Contains(arn, ":iam::aws:policy/") && strings.HasSuffix(arn, "/"+policy.name) {
				return Owner{Tool: policy.tool}
			}
		}
	}
	return Owner{}
}
