package endtoend

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/tests/ecsimage"
	"github.com/ecs-guardrails/ecs-guardrails/tests/load"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
)

// ofRole matches what attach-policies says about a role.
func ofRole(role string, status finding.Status) func(operator.Result) bool {
	return func(result operator.Result) bool {
		return result.Function == "attach-policies" && result.Subject == "role/"+role && result.Status == status
	}
}

// hasPolicies waits until a role has exactly these.
func (w *world) hasPolicies(t *testing.T, role string, want ...string) {
	t.Helper()
	slices.Sort(want)
	eventually(t, fmt.Sprintf("role %s has exactly the policies %q", role, want), func(ctx context.Context) (bool, error) {
		attached, err := w.AttachedPolicies(ctx, role)
		if err == nil && !slices.Equal(attached, want) {
			err = fmt.Errorf("it has %q", attached)
		}
		return err == nil, err
	})
}

// changes are the calls with which attach-policies changed a role.
func (w *world) changes(role string) []string {
	var names []string
	for _, call := range w.Stack.CallsBy("attach-policies") {
		changing := slices.Contains([]string{"AttachRolePolicy", "DetachRolePolicy", "TagRole", "UntagRole"}, call.Operation)
		if changing && !call.Failed() && call.Parameters["RoleName"] == role {
			names = append(names, call.Operation)
		}
	}
	return names
}

func testAttachPolicies(t *testing.T, w *world) {
	for name, test := range map[string]func(*testing.T, *world){
		"bare role":                     testBareRole,
		"completed by its owner":        testCompletedByOwner,
		"left alone":                    testLeftAlone,
		"capabilities of its own":       testCapabilities,
		"external instance":             testExternalInstance,
		"detached again, and undone":    testDetachedAndUndone,
		"known by the instance it runs": testInstanceEvidence,
		"calls":                         testCalls,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, w)
		})
	}
}

func testBareRole(t *testing.T, w *world) {
	const role = "ecsInstanceRole-bare"
	must(w.CreateInstanceRole(t.Context(), role))(t)
	if err := w.CreateInstanceProfile(t.Context(), role); err != nil {
		t.Fatal(err)
	}
	w.hasPolicies(t, role, operator.AgentPolicy)
	told := w.published(t, role, ofRole(role, finding.Remediated))
	if told.Mode != finding.Enforce || !slices.Contains(told.Codes(), "capability-missing") || !slices.Contains(told.Applied(), "AttachRolePolicy") {
		t.Errorf("published %+v", told)
	}
	tags := must(w.RoleTags(t.Context(), role))(t)
	if !slices.ContainsFunc(slices.Collect(maps.Keys(tags)), func(key string) bool {
		return strings.HasPrefix(key, "ecs-guardrails:attached/") && strings.HasPrefix(tags[key], operator.AgentPolicy+" at=")
	}) {
		t.Errorf("no tag records what was attached: %q", tags)
	}
}

// agentActions are what an owner of a role might grant in their own policy.
const agentActions = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*","Action":["ecs:*","ec2:DescribeTags","ecr:*","logs:*"]}]}`

func testCompletedByOwner(t *testing.T, w *world) {
	for role, complete := range map[string]func(role string) error{
		"ecsInstanceRole-owner-managed": func(role string) error {
			_, err := w.IAM.AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{RoleName: &role, PolicyArn: aws.String(operator.AgentPolicy)})
			return err
		},
		"ecsInstanceRole-owner-inline": func(role string) error {
			_, err := w.IAM.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &role, PolicyName: aws.String("agent"), PolicyDocument: aws.String(agentActions)})
			return err
		},
	} {
		must(w.CreateInstanceRole(t.Context(), role))(t)
		if err := complete(role); err != nil {
			t.Fatal(err)
		}
		w.logged(t, "attach-policies", role, ofRole(role, finding.Compliant))
		if changes := w.changes(role); len(changes) > 0 {
			t.Errorf("%s, which lacks nothing, was changed by %q", role, changes)
		}
	}
}

func testLeftAlone(t *testing.T, w *world) {
	for role, create := range map[string]func(role string) (string, error){
		"ecsInstanceRole-ignored": func(role string) (string, error) {
			return w.CreateInstanceRole(t.Context(), role, "ecs-guardrails:ignore", "true")
		},
		"web-server": func(role string) (string, error) { return w.CreateInstanceRole(t.Context(), role) },
		"ecsInstanceRole-function": func(role string) (string, error) {
			return w.CreateRole(t.Context(), role, "lambda.amazonaws.com")
		},
	} {
		must(create(role))(t)
		w.logged(t, "attach-policies", role, ofRole(role, finding.Skipped))
		if attached := must(w.AttachedPolicies(t.Context(), role))(t); len(attached) > 0 {
			t.Errorf("%s got %q", role, attached)
		}
	}
	// The tag makes the other one ours.
	if _, err := w.IAM.TagRole(t.Context(), &iam.TagRoleInput{RoleName: aws.String("web-server"), Tags: []iamtypes.Tag{
		{Key: aws.String("ecs-guardrails:instance-role"), Value: aws.String("true")},
	}}); err != nil {
		t.Fatal(err)
	}
	w.hasPolicies(t, "web-server", operator.AgentPolicy)
}

// testCapabilities: a tag chooses among what the parameter allows, which is agent
// here. The rest is planned, and says what allows it.
func testCapabilities(t *testing.T, w *world) {
	const role = "ecsInstanceRole-all"
	must(w.CreateInstanceRole(t.Context(), role, "ecs-guardrails:capabilities", "agent ecr config logs ssm"))(t)
	told := w.published(t, role, ofRole(role, finding.Planned))
	if !slices.Contains(told.Codes(), "no-mandate") {
		t.Errorf("published %+v", told)
	}
	w.hasPolicies(t, role, operator.AgentPolicy)
}

func testExternalInstance(t *testing.T, w *world) {
	const role = "ecsInstanceRole-anywhere"
	must(w.CreateRole(t.Context(), role, "ssm.amazonaws.com"))(t)
	w.hasPolicies(t, role, operator.AgentPolicy, operator.SSMPolicy)
}

// stranger gives the IAM client of its own user.
func (w *world) stranger(t *testing.T, name string) *iam.Client {
	t.Helper()
	must(w.IAM.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name}))(t)
	key := must(w.IAM.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &name}))(t).AccessKey
	config := w.Stack.Config.Copy()
	config.Credentials = credentials.NewStaticCredentialsProvider(aws.ToString(key.AccessKeyId), aws.ToString(key.SecretAccessKey), "")
	return iam.NewFromConfig(config)
}

func testDetachedAndUndone(t *testing.T, w *world) {
	const role = "ecsInstanceRole-drift"
	must(w.CreateInstanceRole(t.Context(), role))(t)
	w.hasPolicies(t, role, operator.AgentPolicy)
	// The policy comes back only if somebody else takes it off than who created the
	// role.
	stranger := w.stranger(t, "drift-eve")
	if _, err := stranger.DetachRolePolicy(t.Context(), &iam.DetachRolePolicyInput{RoleName: aws.String(role), PolicyArn: aws.String(operator.AgentPolicy)}); err != nil {
		t.Fatal(err)
	}
	w.hasPolicies(t, role, operator.AgentPolicy)
	if tags := must(w.RoleTags(t.Context(), role))(t); tags["ecs-guardrails:healed"] == "" {
		t.Errorf("no tag records the heal: %q", tags)
	}

	undone := must(w.Invoke(t.Context(), "attach-policies", []byte(`{"undo":"`+role+`"}`)))(t)
	if undone.FunctionError != "" {
		t.Fatalf("undo failed: %s", undone.ErrorMessage)
	}
	w.hasPolicies(t, role)
	// Whatever draws attention to the role from now on, it stays as it is.
	again := must(w.Invoke(t.Context(), "attach-policies", []byte(`{"role":"`+role+`"}`)))(t)
	if results := again.Report.Results; len(results) != 1 || results[0].Status != finding.Skipped || results[0].Findings[0].Code != "role-ignored" {
		t.Errorf("looked at again: %s", again.Payload)
	}
	w.hasPolicies(t, role)
}

// userData joins a cluster, as the AWS guide has it.
const userData = "#!/bin/bash\necho ECS_CLUSTER=storefront >> /etc/ecs/ecs.config\n"

// testInstanceEvidence launches instances under roles whose names say nothing:
// ECS-optimized images without user data, and another that joins a cluster.
// What an instance runs entitles to nothing; the command of the finding does.
func testInstanceEvidence(t *testing.T, w *world) {
	client := ec2.NewFromConfig(w.Stack.Config)
	images := must(client.DescribeImages(t.Context(), &ec2.DescribeImagesInput{}))(t)
	optimized := map[string]bool{}
	type launch struct{ role, image, userData string }
	var launches []launch
	for index, image := range ecsimage.Images {
		optimized[image.ID] = true
		launches = append(launches, launch{fmt.Sprintf("nodes-%d", index), image.ID, ""})
	}
	other := slices.IndexFunc(images.Images, func(image ec2types.Image) bool { return !optimized[aws.ToString(image.ImageId)] })
	if other < 0 {
		t.Fatal("there is no image but the ECS-optimized ones")
	}
	launches = append(launches, launch{"nodes-of-another-image", aws.ToString(images.Images[other].ImageId), userData})
	for _, launched := range launches {
		t.Run(launched.role, func(t *testing.T) {
			t.Parallel()
			must(w.CreateInstanceRole(t.Context(), launched.role))(t)
			if err := w.CreateInstanceProfile(t.Context(), launched.role); err != nil {
				t.Fatal(err)
			}
			w.logged(t, "attach-policies", launched.role, ofRole(launched.role, finding.Skipped))
			input := &ec2.RunInstancesInput{
				ImageId: &launched.image, MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
				IamInstanceProfile: &ec2types.IamInstanceProfileSpecification{Name: &launched.role},
			}
			if launched.userData != "" {
				input.UserData = aws.String(base64.StdEncoding.EncodeToString([]byte(launched.userData)))
			}
			must(client.RunInstances(t.Context(), input))(t)
			told := w.published(t, "instance-profile/"+launched.role, func(result operator.Result) bool {
				return result.Subject == "instance-profile/"+launched.role && result.Status == finding.Planned
			})
			if !slices.Contains(told.Codes(), "no-mandate") {
				t.Errorf("published %+v", told)
			}
			w.hasPolicies(t, launched.role)
			must(w.IAM.TagRole(t.Context(), &iam.TagRoleInput{RoleName: &launched.role, Tags: []iamtypes.Tag{
				{Key: aws.String("ecs-guardrails:instance-role"), Value: aws.String("true")},
			}}))(t)
			w.hasPolicies(t, launched.role, operator.AgentPolicy)
		})
	}
}

// testCalls counts what a role costs: when it is made and lacks everything, and
// when it is looked at once more and lacks nothing.
func testCalls(t *testing.T, w *world) {
	for role, test := range map[string]struct {
		tags     []string
		policies int
	}{
		"ecsInstanceRole-counted": {nil, 1},
	} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			mark := w.Stack.Record.Mark()
			must(w.CreateInstanceRole(t.Context(), role, test.tags...))(t)
			w.logged(t, "attach-policies", role, ofRole(role, finding.Remediated))
			if calls := load.CallsAbout(w.Stack.Record, mark, "attach-policies")[role]; !costs(calls, 1, test.policies) {
				t.Errorf("bare, it cost the calls %v", calls)
			}
			mark = w.Stack.Record.Mark()
			again := must(w.Invoke(t.Context(), "attach-policies", []byte(`{"role":"`+role+`"}`)))(t)
			if results := again.Report.Results; len(results) != 1 || results[0].Status != finding.Compliant {
				t.Errorf("looked at again: %s", again.Payload)
			}
			if calls := load.CallsAbout(w.Stack.Record, mark, "attach-policies")[role]; !costs(calls, 1, 0) {
				t.Errorf("compliant, it cost the calls %v", calls)
			}
		})
	}
}

// costs reports whether the calls about a role are those of so many looks, each
// three to read, and of so many policies that were attached under one tag. A look
// that finds something missing reads the role's own policies as well, and the role
// once more after it has attached them.
func costs(calls load.Calls, looks, policies int) bool {
	want := load.Calls{"GetRole": looks, "ListAttachedRolePolicies": looks, "SimulatePrincipalPolicy": looks}
	if policies > 0 {
		want["ListRolePolicies"], want["TagRole"], want["AttachRolePolicy"] = 1, 1, policies
		want["GetRole"]++
	}
	return maps.Equal(calls, want)
}
