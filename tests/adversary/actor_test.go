package adversary

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
	"github.com/ecs-guardrails/ecs-guardrails/shared/owner"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
)

// recorded waits for the delivered record of a call about a role.
func (w *world) recorded(t *testing.T, call, role string) event.Call {
	t.Helper()
	var found event.Call
	eventually(t, "the record of "+call+" on "+role+" is delivered", func(context.Context) (bool, error) {
		for _, delivery := range w.Stack.Deliveries() {
			if delivery.Event.Detail["eventName"] != call {
				continue
			}
			text, err := json.Marshal(delivery.Event)
			if err != nil {
				return false, err
			}
			if !strings.Contains(string(text), `"roleName":"`+role+`"`) {
				continue
			}
			found = event.Decode(text).Messages[0].Triggers[0].(event.Call)
			return true, nil
		}
		return false, nil
	})
	return found
}

const ec2Trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

// TestEventsShowWhoActed holds the rig to what CloudTrail says of the principal
// and the client, on which mandates and owners rest.
func TestEventsShowWhoActed(t *testing.T) {
	t.Parallel()
	w := shared
	ada := w.user(t, "actor-ada", "")
	create := func(by *operator.Operator, name string) {
		t.Helper()
		must(by.IAM.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(ec2Trust)}))(t)
	}

	create(ada.Operator, "ecsInstanceRole-by-ada")
	if actor := w.recorded(t, "CreateRole", "ecsInstanceRole-by-ada").Actor; actor.ARN != ada.ARN || actor.UserName != "actor-ada" || actor.PolicySource() != ada.ARN || actor.InvokedBy != "" {
		t.Errorf("a user's call: %+v", actor)
	}

	create(ada.as("APN/1.0 HashiCorp/1.0 Terraform/1.7.0 (+https://www.terraform.io)").Operator, "ecsInstanceRole-by-terraform")
	if call := w.recorded(t, "CreateRole", "ecsInstanceRole-by-terraform"); owner.Recognize(owner.Evidence{Actor: call.Actor}).Tool != owner.Terraform || call.Actor.ARN != ada.ARN {
		t.Errorf("a call of Terraform: %+v", call.Actor)
	}

	trust := strings.Replace(ec2Trust, `{"Service":"ec2.amazonaws.com"}`, `{"AWS":"`+ada.ARN+`"}`, 1)
	deployer := must(w.IAM.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("actor-deployer"), Path: aws.String("/teams/"), AssumeRolePolicyDocument: &trust}))(t)
	create(ada.assume(t, aws.ToString(deployer.Role.Arn), "ci").Operator, "ecsInstanceRole-by-session")
	actor := w.recorded(t, "CreateRole", "ecsInstanceRole-by-session").Actor
	if actor.RoleARN != aws.ToString(deployer.Role.Arn) || !strings.HasSuffix(actor.ARN, ":assumed-role/actor-deployer/ci") || actor.PolicySource() != actor.RoleARN {
		t.Errorf("a session's call: %+v", actor)
	}

	create(ada.through("batch.amazonaws.com").Operator, "ecsInstanceRole-by-batch")
	if actor := w.recorded(t, "CreateRole", "ecsInstanceRole-by-batch").Actor; actor.InvokedBy != "batch.amazonaws.com" || actor.SourceAddress != "batch.amazonaws.com" || owner.Recognize(owner.Evidence{Actor: actor}).Tool != owner.Batch {
		t.Errorf("a call of AWS Batch: %+v", actor)
	}

	// Failed calls are recorded with their code.
	create(ada.Operator, "ecsInstanceRole-in-use")
	must(0, ada.CreateInstanceProfile(t.Context(), "ecsInstanceRole-in-use"))(t)
	conflict := (*types.DeleteConflictException)(nil)
	if _, err := ada.IAM.DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: aws.String("ecsInstanceRole-in-use")}); !errors.As(err, &conflict) {
		t.Errorf("deleting a role that is in a profile: %v", err)
	}
}

// TestEventsOfCloudFormation: what a stack makes is recorded under the principal
// that deploys it, invoked by CloudFormation; and a role that has more than its
// template gave it cannot be deleted.
func TestEventsOfCloudFormation(t *testing.T) {
	t.Parallel()
	w := shared
	ada := w.user(t, "actor-deployer-of-stacks", "")
	const role = "web-of-a-stack"
	template := `{"Resources":{
		"Role":{"Type":"AWS::IAM::Role","Properties":{"RoleName":"` + role + `","AssumeRolePolicyDocument":` + ec2Trust + `,"ManagedPolicyArns":["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"]}},
		"Profile":{"Type":"AWS::IAM::InstanceProfile","Properties":{"Roles":[{"Ref":"Role"}]}}}}`
	name := aws.String("acme-web")
	must(ada.CloudFormation.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: name, TemplateBody: &template}))(t)
	call := w.recorded(t, "CreateRole", role)
	if call.Actor.InvokedBy != "cloudformation.amazonaws.com" || call.Actor.SourceAddress != "cloudformation.amazonaws.com" || call.Actor.ARN != ada.ARN {
		t.Errorf("CloudFormation's call: %+v", call.Actor)
	}
	if tool := owner.Recognize(owner.Evidence{Actor: call.Actor}).Tool; tool != owner.CloudFormation {
		t.Errorf("owner %s", tool)
	}
	w.stackStatus(t, *name, "CREATE_COMPLETE")

	must(w.IAM.AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{RoleName: aws.String(role), PolicyArn: aws.String(operator.AgentPolicy)}))(t)
	must(ada.CloudFormation.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: name}))(t)
	w.stackStatus(t, *name, "DELETE_FAILED")
	must(w.IAM.DetachRolePolicy(t.Context(), &iam.DetachRolePolicyInput{RoleName: aws.String(role), PolicyArn: aws.String(operator.AgentPolicy)}))(t)
	must(ada.CloudFormation.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: name}))(t)
	gone := (*types.NoSuchEntityException)(nil)
	eventually(t, "the role is gone", func(ctx context.Context) (bool, error) {
		_, err := w.IAM.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(role)})
		return errors.As(err, &gone), nil
	})
}

func (w *world) stackStatus(t *testing.T, name, status string) {
	t.Helper()
	eventually(t, name+" is "+status, func(ctx context.Context) (bool, error) {
		described, err := w.CloudFormation.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
		return err == nil && len(described.Stacks) == 1 && string(described.Stacks[0].StackStatus) == status, err
	})
}
