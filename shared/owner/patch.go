package owner

import (
	"fmt"
	"strings"
)

// AttachmentPatch says how the owner's own source gets a managed policy attached
// to a role: a template property, a line of code or HCL. Where no source is
// known it gives the command. The role's name and the policy's ARN must be IAM's
// own, since they are quoted as they are.
func (o Owner) AttachmentPatch(role, policyARN string) string {
	name := policyARN[strings.LastIndexByte(policyARN, '/')+1:]
	switch o.Tool {
	case CloudFormation, Copilot:
		return fmt.Sprintf("In the template%s, add %q to the property ManagedPolicyArns of the AWS::IAM::Role %s, and deploy it.", o.ofStack(), policyARN, role)
	case CDK:
		return fmt.Sprintf("In the CDK code%s, add role.addManagedPolicy(iam.ManagedPolicy.fromManagedPolicyArn(this, %q, %q)) for the role %s, and deploy it.", o.ofStack(), name, policyARN, role)
	case Terraform, OpenTofu:
		return fmt.Sprintf("In the %s configuration, add resource \"aws_iam_role_policy_attachment\" %q { role = %q, policy_arn = %q }, each argument on its own line, and apply it.", o.Tool, identifier(name), role, policyARN)
	case Pulumi:
		return fmt.Sprintf("In the Pulumi program%s, add new aws.iam.RolePolicyAttachment(%q, {role: %q, policyArn: %q}), and run pulumi up.", o.ofStack(), identifier(name), role, policyARN)
	default:
		return fmt.Sprintf("Run: aws iam attach-role-policy --role-name %s --policy-arn %s", role, policyARN)
	}
}

func (o Owner) ofStack() string {
	if o.Stack == "" {
		return ""
	}
	return " of " + o.Stack
}

// identifier turns a policy's name into one that HCL and the others take.
func identifier(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_':
			return r
		default:
			return '_'
		}
	}, name)
}
