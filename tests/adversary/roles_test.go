package adversary

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	report "github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
)

const (
	terraformAgent = "APN/1.0 HashiCorp/1.0 Terraform/1.9.0 (+https://www.terraform.io) terraform-provider-aws/5.70.0"
	// ownAgentPolicy is what owners attach themselves, and not enough.
	ownAgentPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecs:Poll","Resource":"*"}]}`
)

func init() {
	add(
		Case{Number: 3, Exploit: "a role that others may assume gets the agent's policy", Limit: "only EC2 and SSM may be trusted", Play: playWideTrust, Control: controlBareRole},
		Case{Number: 3, Exploit: "a role's tag asks for more than the operator allows", Limit: "the tag chooses among Capabilities", Play: playWideTag, Control: controlTag},
		Case{Number: 3, Exploit: "a comment in user data makes a web server's role one of ECS", Limit: "only what sets ECS up counts, and entitles to nothing", Play: playComment, Control: controlUserData},
		Case{Number: 14, Exploit: "an undo detaches what a person attached", Limit: "the record holds ARN and stack", Play: playUndo, Control: controlUndo},
	)
	for _, how := range []teardown{
		{title: "Terraform destroys", name: "tf", agent: terraformAgent, own: true},
		{title: "Terraform destroys, with force_detach_policies", name: "tf-force", agent: terraformAgent, own: true, force: true},
		{title: "Terraform destroys, with exclusive attachments", name: "tf-exclusive", agent: terraformAgent, exclusive: true},
		{title: "Terraform destroys, the profile first", name: "tf-profile", agent: terraformAgent, profileFirst: true},
		{title: "a person removes it by hand", name: "hand", own: true},
		{title: "CDK destroys", name: "cdk", stack: true, cdk: true},
		{title: "CloudFormation deletes the stack", name: "stack", stack: true},
		{title: "CloudFormation updates the role away", name: "update", stack: true, update: true},
	} {
		play := how.play
		if how.stack {
			play = how.playStack
		}
		add(Case{Number: 11, Exploit: "an attachment of ours keeps a role from being deleted: " + how.title, Limit: "attachments are loans", Play: play, Control: how.control})
	}
}

// controlBareRole creates a role and waits until the function has lent it the policy.
func controlBareRole(t *testing.T, w *world) {
	const role = "ecsInstanceRole-control"
	must(w.CreateInstanceRole(t.Context(), role))(t)
	w.lent(t, role)
}

// control: the role was lent what it lacked, or no teardown would have had anything
// in its way.
func (how teardown) control(t *testing.T, w *world) {
	if !slices.ContainsFunc(w.resultsOf(t, how.role()), func(result operator.Result) bool { return slices.Contains(result.Applied(), "AttachRolePolicy") }) {
		t.Error("nothing was lent to the role")
	}
}

func (how teardown) role() string { return "ecsInstanceRole-teardown-" + how.name }

// resultsOf are attach-policies' results about a role so far.
func (w *world) resultsOf(t *testing.T, role string) []operator.Result {
	t.Helper()
	return slices.DeleteFunc(must(w.Results(t.Context(), "attach-policies"))(t), func(result operator.Result) bool {
		return !strings.HasSuffix(result.Subject, "/"+role)
	})
}

// lent waits until a role has the agent's policy, and the record of it: between the
// two, people are not as fast as a test.
func (w *world) lent(t *testing.T, role string) {
	t.Helper()
	eventually(t, role+" has the agent's policy", func(ctx context.Context) (bool, error) {
		attached, err := w.AttachedPolicies(ctx, role)
		if err != nil || !slices.Contains(attached, operator.AgentPolicy) {
			return false, err
		}
		tags, err := w.RoleTags(ctx, role)
		return slices.ContainsFunc(slices.Collect(maps.Values(tags)), func(value string) bool { return strings.HasPrefix(value, operator.AgentPolicy+" at=") }), err
	})
}

// judgedRole waits for a result about a role.
func (w *world) judgedRole(t *testing.T, role string, code string) operator.Result {
	t.Helper()
	return w.result(t, "attach-policies", role+" with "+code, func(result operator.Result) bool {
		return strings.HasSuffix(result.Subject, "/"+role) && slices.Contains(result.Codes(), code)
	})
}

func (w *world) nothingAttached(t *testing.T, role string) {
	t.Helper()
	if attached := must(w.AttachedPolicies(t.Context(), role))(t); len(attached) > 0 {
		t.Errorf("%s got %q", role, attached)
	}
}

func playWideTrust(t *testing.T, w *world) {
	for name, statement := range map[string]string{
		"everyone":   `{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}`,
		"account":    `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999999999999:root"},"Action":"sts:AssumeRole"}`,
		"federation": `{"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity"}`,
		"service":    `{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}`,
	} {
		role := "ecsInstanceRole-wide-" + name
		trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"},` + statement + `]}`
		must(w.IAM.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &role, AssumeRolePolicyDocument: &trust}))(t)
		w.judgedRole(t, role, "trust-too-wide")
		w.nothingAttached(t, role)
	}
}

func playWideTag(t *testing.T, w *world) {
	const role = "ecsInstanceRole-greedy"
	must(w.CreateInstanceRole(t.Context(), role, "ecs-guardrails:capabilities", "agent config ssm logs ecr"))(t)
	w.judgedRole(t, role, "no-mandate")
	w.lent(t, role)
	if attached := must(w.AttachedPolicies(t.Context(), role))(t); !slices.Equal(attached, []string{operator.AgentPolicy}) {
		t.Errorf("it got %q", attached)
	}
}

// controlTag: what the operator allows, a tag may choose.
func controlTag(t *testing.T, w *world) {
	const role = "ecsInstanceRole-modest"
	must(w.CreateInstanceRole(t.Context(), role, "ecs-guardrails:capabilities", "agent"))(t)
	w.lent(t, role)
}

// launch runs an instance of an image that isn't ECS's, with a role of the
// name.
func (w *world) launch(t *testing.T, role, text string) {
	t.Helper()
	client := ec2.NewFromConfig(w.Stack.Config)
	images := must(client.DescribeImages(t.Context(), &ec2.DescribeImagesInput{}))(t).Images
	plain := slices.IndexFunc(images, func(image ec2types.Image) bool {
		return !strings.Contains(strings.ToLower(aws.ToString(image.Name)), "ecs")
	})
	if plain < 0 {
		t.Fatal("there is no image but the ECS-optimized ones")
	}
	must(w.CreateInstanceRole(t.Context(), role))(t)
	must(0, w.CreateInstanceProfile(t.Context(), role))(t)
	must(client.RunInstances(t.Context(), &ec2.RunInstancesInput{
		ImageId: images[plain].ImageId, MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		IamInstanceProfile: &ec2types.IamInstanceProfileSpecification{Name: &role},
		UserData:           aws.String(base64.StdEncoding.EncodeToString([]byte(text))),
	}))(t)
}

func playComment(t *testing.T, w *world) {
	for name, text := range map[string]string{
		"comment": "#!/bin/bash\n# ECS_CLUSTER=prod is what the others have\nyum install -y nginx\n",
		"touch":   "#!/bin/bash\nif [ -e /etc/ecs/ecs.config ]; then cp /etc/ecs/ecs.config /root/backup; fi\n",
	} {
		role := "WebServer-" + name
		w.launch(t, role, text)
		w.result(t, "attach-policies", "the launch of "+role, func(result operator.Result) bool {
			return result.Subject == "instance-profile/"+role && result.Status == report.Skipped
		})
		w.nothingAttached(t, role)
	}
}

// controlUserData: what really sets ECS up is noticed, and needs a mandate.
func controlUserData(t *testing.T, w *world) {
	const role = "WebServer-of-ecs"
	w.launch(t, role, "#!/bin/bash\necho ECS_CLUSTER=prod >> /etc/ecs/ecs.config\n")
	w.result(t, "attach-policies", "the launch of "+role, func(result operator.Result) bool {
		return result.Subject == "instance-profile/"+role && result.Status == report.Planned && slices.Contains(result.Codes(), "no-mandate")
	})
	must(w.IAM.TagRole(t.Context(), &iam.TagRoleInput{RoleName: aws.String(role), Tags: []types.Tag{{Key: aws.String("ecs-guardrails:instance-role"), Value: aws.String("true")}}}))(t)
	w.lent(t, role)
}

// controlUndo: an undo takes off what this stack attached.
func controlUndo(t *testing.T, w *world) {
	const role = "ecsInstanceRole-undone"
	must(w.CreateInstanceRole(t.Context(), role))(t)
	w.lent(t, role)
	invoked := must(w.Invoke(t.Context(), "attach-policies", []byte(`{"undo":"`+role+`"}`)))(t)
	if attached := must(w.AttachedPolicies(t.Context(), role))(t); len(attached) > 0 {
		t.Errorf("attached are %q after %s", attached, invoked.Payload)
	}
}

func playUndo(t *testing.T, w *world) {
	const role, other = "ecsInstanceRole-undo", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
	must(w.CreateInstanceRole(t.Context(), role,
		"ecs-guardrails:attached", "config=2025-11-22T00:10:00Z by=ecs-guardrails",
		"ecs-guardrails:attached/ffffffff-0000-1111-2222-333333333333/0a1b2c3d", other+" at=2025-11-22T00:10:00Z"))(t)
	must(w.IAM.AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{RoleName: aws.String(role), PolicyArn: aws.String(other)}))(t)
	w.lent(t, role)
	invoked := must(w.Invoke(t.Context(), "attach-policies", []byte(`{"undo":"`+role+`"}`)))(t)
	if attached := must(w.AttachedPolicies(t.Context(), role))(t); !slices.Equal(attached, []string{other}) {
		t.Errorf("attached are %q after %s", attached, invoked.Payload)
	}
	if tags := must(w.RoleTags(t.Context(), role))(t); tags["ecs-guardrails:attached/ffffffff-0000-1111-2222-333333333333/0a1b2c3d"] == "" {
		t.Errorf("the other stack's record is gone: %q", tags)
	}
}

// teardown is how an owner removes a role.
type teardown struct {
	title, name, agent                  string
	own, force, exclusive, profileFirst bool
	// stack says that CloudFormation does it, update by an update, cdk with the CDK's
	// own role.
	stack, update, cdk bool
}

// play makes the owner's calls in their order, each once the event of the one
// before it has been delivered. The role must be gone after the second try.
func (how teardown) play(t *testing.T, w *world) {
	ctx := t.Context()
	role := how.role()
	who := w.user(t, "teardown-"+how.name, "")
	if how.agent != "" {
		who = who.as(how.agent)
	}
	must(who.CreateInstanceRole(ctx, role))(t)
	must(0, who.CreateInstanceProfile(ctx, role))(t)
	own := ""
	if how.own {
		created := must(who.IAM.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: &role, PolicyDocument: aws.String(ownAgentPolicy)}))(t)
		own = aws.ToString(created.Policy.Arn)
		must(who.IAM.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &role, PolicyArn: &own}))(t)
	}
	w.lent(t, role)

	detach := func(policy string) {
		if _, err := who.IAM.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: &role, PolicyArn: &policy}); err != nil {
			t.Fatal(err)
		}
	}
	removeProfile := func() {
		must(who.IAM.RemoveRoleFromInstanceProfile(ctx, &iam.RemoveRoleFromInstanceProfileInput{RoleName: &role, InstanceProfileName: &role}))(t)
		must(who.IAM.DeleteInstanceProfile(ctx, &iam.DeleteInstanceProfileInput{InstanceProfileName: &role}))(t)
	}
	if how.profileFirst {
		removeProfile()
	}
	if how.own {
		looked := len(w.resultsOf(t, role))
		detach(own)
		// The instances drain, for longer than the queue's delay.
		eventually(t, "the detachment was looked at", func(context.Context) (bool, error) { return len(w.resultsOf(t, role)) > looked, nil })
	}
	if how.exclusive {
		// Of two events about the new role, each may have a run that attaches the policy:
		// none is still at it.
		eventually(t, "no event about a role waits", func(ctx context.Context) (bool, error) {
			depth, err := w.QueueDepth(ctx, w.Stack.Outputs["AttachPoliciesQueue"])
			return depth == 0, err
		})
		detach(operator.AgentPolicy)
		// A sweep's look comes before the detachment's own event, which waits in the queue.
		must(w.Invoke(ctx, "attach-policies", []byte(`{"Records":[{"messageId":"1","eventSource":"aws:sqs","body":"{\"roles\":[\"`+role+`\"]}"}]}`)))(t)
		if attached := must(w.AttachedPolicies(ctx, role))(t); slices.Contains(attached, operator.AgentPolicy) {
			t.Error("what the owner took off came back before the event that says who did it")
		}
		w.judgedRole(t, role, "policy-declined-by-owner")
		if attached := must(w.AttachedPolicies(ctx, role))(t); slices.Contains(attached, operator.AgentPolicy) {
			t.Error("what the owner took off came back")
		}
	}
	if !how.profileFirst {
		removeProfile()
	}
	if how.force {
		for _, policy := range must(w.AttachedPolicies(ctx, role))(t) {
			if _, err := who.IAM.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: &role, PolicyArn: &policy}); err != nil {
				t.Log(err)
			}
		}
	}
	w.deleted(t, role, func() error {
		_, err := who.IAM.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &role})
		return err
	})
}

// deleted has an owner delete a role, and try once more where ours is in the way.
func (w *world) deleted(t *testing.T, role string, remove func() error) {
	t.Helper()
	err := remove()
	conflict, gone := (*types.DeleteConflictException)(nil), (*types.NoSuchEntityException)(nil)
	if errors.As(err, &conflict) {
		eventually(t, "nothing is attached to "+role, func(ctx context.Context) (bool, error) {
			attached, err := w.AttachedPolicies(ctx, role)
			return len(attached) == 0, err
		})
		err = remove()
	}
	if err != nil && !errors.As(err, &gone) {
		t.Fatalf("the second try: %v", err)
	}
	eventually(t, role+" is gone", func(ctx context.Context) (bool, error) {
		_, err := w.IAM.GetRole(ctx, &iam.GetRoleInput{RoleName: &role})
		return errors.As(err, &gone), nil
	})
}

// playStack deletes a stack with a role that was lent a policy, or updates the role
// away.
func (how teardown) playStack(t *testing.T, w *world) {
	ctx := t.Context()
	role := how.role()
	who := w.user(t, "deployer-"+how.name, "")
	if how.cdk {
		trust := strings.Replace(ec2Trust, `{"Service":"ec2.amazonaws.com"}`, `{"AWS":"`+who.ARN+`"}`, 1)
		deployer := must(w.IAM.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("cdk-hnb659fds-cfn-exec-role-123456789012-us-east-1"), AssumeRolePolicyDocument: &trust}))(t)
		who = who.assume(t, aws.ToString(deployer.Role.Arn), "AWSCloudFormation")
	}
	stack := aws.String("teardown-" + how.name)
	const topic = `"Topic":{"Type":"AWS::SNS::Topic","Properties":{}}`
	resources := fmt.Sprintf(`"Role":{"Type":"AWS::IAM::Role","Properties":{"RoleName":%q,"AssumeRolePolicyDocument":%s}},
			"Profile":{"Type":"AWS::IAM::InstanceProfile","Properties":{"InstanceProfileName":%q,"Roles":[{"Ref":"Role"}]}}`, role, ec2Trust, role)
	template := `{"Resources":{` + resources + "," + topic + `}}`
	must(who.CloudFormation.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: stack, TemplateBody: &template}))(t)
	w.lent(t, role)
	if how.update {
		without := `{"Resources":{` + topic + `}}`
		must(who.CloudFormation.UpdateStack(ctx, &cloudformation.UpdateStackInput{StackName: stack, TemplateBody: &without}))(t)
	} else {
		must(who.CloudFormation.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: stack}))(t)
	}
	gone := (*types.NoSuchEntityException)(nil)
	isGone := func(ctx context.Context) (bool, error) {
		_, err := w.IAM.GetRole(ctx, &iam.GetRoleInput{RoleName: &role})
		return errors.As(err, &gone), nil
	}
	// The first try fails where the role still has what was lent; it is taken back
	// at once, so that the owner's second try ends.
	eventually(t, role+" is gone, or has nothing of ours", func(ctx context.Context) (bool, error) {
		if done, err := isGone(ctx); done || err != nil {
			return done, err
		}
		attached, err := w.AttachedPolicies(ctx, role)
		return err == nil && len(attached) == 0, nil
	})
	if done, _ := isGone(ctx); !done {
		if how.update {
			_, err := w.IAM.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &role})
			if err != nil && !errors.As(err, &gone) {
				t.Fatal(err)
			}
		} else {
			must(who.CloudFormation.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: stack}))(t)
		}
	}
	eventually(t, role+" is gone", isGone)
}
