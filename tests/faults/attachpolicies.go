package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/ecs-guardrails/ecs-guardrails/tests/ecsimage"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// cameAgain is what a record says where the message came again before the policy was
// attached: its owner may have detached it meanwhile.
var cameAgain = regexp.MustCompile(` missed=TIME\b`)

// sample reads an event of the folder events/, with other names in it.
func sample(name string, replacements ...string) (string, error) {
	checkout, err := stack.Checkout()
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(filepath.Join(checkout, "events", name))
	if err != nil {
		return "", fmt.Errorf("reading a sample: %w", err)
	}
	for pair := range slices.Chunk(replacements, 2) {
		if !strings.Contains(string(text), pair[0]) {
			return "", fmt.Errorf("the sample %s does not speak of %s", name, pair[0])
		}
	}
	return strings.NewReplacer(replacements...).Replace(string(text)), nil
}

// text writes a request by hand.
func text(fields map[string]string) string {
	// A map of texts can always be written.
	written, _ := json.Marshal(fields)
	return string(written)
}

// boundary allows instances nothing that ECS needs.
const boundary = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`

// role is one that a scenario makes.
type role struct {
	base, service string
	tags          []string
	// attached are policies that it has from its owner, bounded says that it has a
	// permissions boundary.
	attached []string
	bounded  bool
}

// AttachPolicies are the scenarios of attach-policies.
func AttachPolicies() []*Scenario {
	scenario := func(name string, lost Cut, roles ...role) *Scenario {
		return &Scenario{
			Function: "attach-policies", Name: name, Lost: lost,
			// Who created the role is in the event alone.
			Another: regexp.MustCompile(` creator=[0-9a-f]+`),
			Arrange: func(ctx context.Context, world *World) (Trigger, Trigger, error) {
				var events, again Queue
				for _, role := range roles {
					if err := world.createRole(ctx, role); err != nil {
						return nil, nil, err
					}
					name := world.Name(role.base)
					event, err := sample("create-role.json", "ecsInstanceRole-web", name)
					if err != nil {
						return nil, nil, err
					}
					events, again = append(events, event), append(again, text(map[string]string{"role": name}))
				}
				return events, again, nil
			},
			Excuse: cameAgain,
			State: func(ctx context.Context, world *World) ([]string, error) {
				var lines []string
				for _, role := range roles {
					state, err := world.roleState(ctx, world.Name(role.base))
					if err != nil {
						return nil, err
					}
					lines = append(lines, state...)
				}
				return lines, nil
			},
		}
	}
	all := []string{"ecs-guardrails:capabilities", "agent ecr config logs ssm"}
	bare := role{base: "ecsInstanceRole", service: "ec2.amazonaws.com"}
	attach := Cut{Call: "iam:AttachRolePolicy", Number: 1}
	return []*Scenario{
		scenario("a bare role", attach, bare),
		scenario("all capabilities", attach, role{base: "ecsInstanceRole-all", service: "ec2.amazonaws.com", tags: all}),
		scenario("a role that is right", Cut{}, role{base: "ecsInstanceRole", service: "ec2.amazonaws.com", attached: []string{operator.AgentPolicy}}),
		scenario("behind a boundary", Cut{}, role{base: "ecsInstanceRole", service: "ec2.amazonaws.com", bounded: true}),
		scenario("an external instance", attach, role{base: "ecsInstanceRole", service: "ssm.amazonaws.com"}),
		scenario("three roles in a batch", attach, bare,
			role{base: "ecsInstanceRole-logs", service: "ec2.amazonaws.com", tags: []string{"ecs-guardrails:capabilities", "agent logs"}},
			role{base: "ecsInstanceRole-bounded", service: "ec2.amazonaws.com", bounded: true}),
		undo(),
		// An instance is evidence; the tag on the role is what allows the change.
		launch("known by an instance", Cut{}, role{base: "nodes", service: "ec2.amazonaws.com"}),
		launch("tagged, and seen with an instance", attach,
			role{base: "nodes-tagged", service: "ec2.amazonaws.com", tags: []string{"ecs-guardrails:instance-role", "true"}}),
	}
}

// launch is a role whose name says nothing, and that an ECS-optimized image runs
// under.
func launch(name string, lost Cut, of role) *Scenario {
	return &Scenario{
		Function: "attach-policies", Name: name, Lost: lost,
		Arrange: func(ctx context.Context, world *World) (Trigger, Trigger, error) {
			name := world.Name(of.base)
			if err := world.createRole(ctx, of); err != nil {
				return nil, nil, err
			}
			if err := world.CreateInstanceProfile(ctx, name); err != nil {
				return nil, nil, err
			}
			world.atEnd(func(ctx context.Context) error { return world.deleteInstanceProfile(ctx, name) })
			event, err := sample("run-instances.json", "web-hosts", name, "ami-0f2b3c4d5e6f70819", ecsimage.Images[0].ID)
			return Queue{event}, Queue{event}, err
		},
		Excuse: cameAgain,
		State: func(ctx context.Context, world *World) ([]string, error) {
			return world.roleState(ctx, world.Name(of.base))
		},
	}
}

func (w *World) deleteInstanceProfile(ctx context.Context, name string) error {
	if _, err := w.IAM.RemoveRoleFromInstanceProfile(ctx, &iam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: &name, RoleName: &name}); err != nil {
		return fmt.Errorf("emptying the instance profile %s: %w", name, err)
	}
	if _, err := w.IAM.DeleteInstanceProfile(ctx, &iam.DeleteInstanceProfileInput{InstanceProfileName: &name}); err != nil {
		return fmt.Errorf("deleting the instance profile %s: %w", name, err)
	}
	return nil
}

// undo takes back what was attached.
func undo() *Scenario {
	const base = "ecsInstanceRole"
	return &Scenario{
		Function: "attach-policies", Name: "undo",
		Arrange: func(ctx context.Context, world *World) (Trigger, Trigger, error) {
			name := world.Name(base)
			if err := world.createRole(ctx, role{base: base, service: "ec2.amazonaws.com"}); err != nil {
				return nil, nil, err
			}
			if left, err := (Queue{text(map[string]string{"role": name})}).deliver(ctx, world); err != nil || len(left) > 0 {
				return nil, nil, fmt.Errorf("attaching what should be taken back: %q, %w", left, err)
			}
			event := Async(text(map[string]string{"undo": name}))
			return event, event, nil
		},
		Excuse: cameAgain,
		State: func(ctx context.Context, world *World) ([]string, error) {
			return world.roleState(ctx, world.Name(base))
		},
	}
}

func (w *World) createRole(ctx context.Context, role role) error {
	name := w.Name(role.base)
	if _, err := w.CreateRole(ctx, name, role.service, role.tags...); err != nil {
		return err
	}
	w.atEnd(func(ctx context.Context) error { return w.deleteRole(ctx, name) })
	for _, policy := range role.attached {
		if _, err := w.IAM.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &name, PolicyArn: &policy}); err != nil {
			return fmt.Errorf("attaching a policy to %s: %w", name, err)
		}
	}
	if !role.bounded {
		return nil
	}
	created, err := w.IAM.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String(w.Name(role.base + "-boundary")), PolicyDocument: aws.String(boundary)})
	if err != nil {
		return fmt.Errorf("creating a boundary: %w", err)
	}
	w.atEnd(func(ctx context.Context) error {
		_, err := w.IAM.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: created.Policy.Arn})
		return err
	})
	if _, err := w.IAM.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: &name, PermissionsBoundary: created.Policy.Arn}); err != nil {
		return fmt.Errorf("setting the boundary of %s: %w", name, err)
	}
	return nil
}

// deleteRole removes a role with what depends on it.
func (w *World) deleteRole(ctx context.Context, name string) error {
	attached, err := w.AttachedPolicies(ctx, name)
	if err != nil {
		return err
	}
	for _, policy := range attached {
		if _, err := w.IAM.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: &name, PolicyArn: &policy}); err != nil {
			return fmt.Errorf("detaching %s: %w", policy, err)
		}
	}
	inline, err := w.IAM.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: &name})
	if err != nil {
		return fmt.Errorf("listing the policies of %s: %w", name, err)
	}
	for _, policy := range inline.PolicyNames {
		if _, err := w.IAM.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &name, PolicyName: &policy}); err != nil {
			return fmt.Errorf("deleting the policy %s: %w", policy, err)
		}
	}
	if _, err := w.IAM.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &name}); err != nil {
		return fmt.Errorf("deleting role %s: %w", name, err)
	}
	return nil
}

// roleState reads all that can be changed of a role.
func (w *World) roleState(ctx context.Context, name string) ([]string, error) {
	got, err := w.IAM.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	if err != nil {
		return nil, fmt.Errorf("reading role %s: %w", name, err)
	}
	lines := []string{fmt.Sprintf("role %s trusts %s", name, aws.ToString(got.Role.AssumeRolePolicyDocument))}
	if boundary := got.Role.PermissionsBoundary; boundary != nil {
		lines = append(lines, fmt.Sprintf("role %s has the boundary %s", name, aws.ToString(boundary.PermissionsBoundaryArn)))
	}
	tags := map[string]string{}
	for _, tag := range got.Role.Tags {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		lines = append(lines, fmt.Sprintf("role %s has the tag %s=%s", name, key, tags[key]))
	}
	attached, err := w.AttachedPolicies(ctx, name)
	if err != nil {
		return nil, err
	}
	for _, policy := range attached {
		lines = append(lines, fmt.Sprintf("role %s has the policy %s", name, policy))
	}
	inline, err := w.IAM.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: &name})
	if err != nil {
		return nil, fmt.Errorf("listing the policies of %s: %w", name, err)
	}
	for _, policy := range inline.PolicyNames {
		lines = append(lines, fmt.Sprintf("role %s has the inline policy %s", name, policy))
	}
	return lines, nil
}
