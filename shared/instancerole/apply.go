package instancerole

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"ecsguardrails/shared/awserror"
	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/pipeline"
)

// The calls that change a role, as IAM names them.
const (
	attachRolePolicy = "AttachRolePolicy"
	detachRolePolicy = "DetachRolePolicy"
	tagRole          = "TagRole"
	untagRole        = "UntagRole"
)

// Action is one change to a role.
type Action struct {
	Kind string
	Role Role
	// Policy is what is attached or detached.
	Policy PolicyARN
	// Tags are set, Keys are removed.
	Tags map[string]string
	Keys []string
	// Mandate is what entitles the function to the change.
	Mandate finding.Mandate
}

// Describe says what an action will do.
func Describe(a Action) finding.Action {
	var summary string
	switch a.Kind {
	case tagRole:
		var words []string
		for _, key := range slices.Sorted(maps.Keys(a.Tags)) {
			words = append(words, key+"="+a.Tags[key])
		}
		summary = strings.Join(words, ", ")
	case untagRole:
		summary = strings.Join(a.Keys, ", ")
	default:
		summary = string(a.Policy)
	}
	return finding.Action{Kind: a.Kind, Target: a.Role.ARN, Summary: summary, Mandate: a.Mandate}
}

// RoleWriter is the part of IAM's client that changes a role.
type RoleWriter interface {
	AttachRolePolicy(context.Context, *iam.AttachRolePolicyInput, ...func(*iam.Options)) (*iam.AttachRolePolicyOutput, error)
	DetachRolePolicy(context.Context, *iam.DetachRolePolicyInput, ...func(*iam.Options)) (*iam.DetachRolePolicyOutput, error)
	TagRole(context.Context, *iam.TagRoleInput, ...func(*iam.Options)) (*iam.TagRoleOutput, error)
	UntagRole(context.Context, *iam.UntagRoleInput, ...func(*iam.Options)) (*iam.UntagRoleOutput, error)
}

// Applier carries actions out. Each of IAM's four calls is idempotent.
type Applier struct{ Roles RoleWriter }

// Apply carries one action out.
func (a Applier) Apply(ctx context.Context, action Action) error {
	name := &action.Role.Name
	switch action.Kind {
	case attachRolePolicy:
		_, err := a.Roles.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: name, PolicyArn: aws.String(string(action.Policy))})
		return attachError(action, err)
	case detachRolePolicy:
		_, err := a.Roles.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: name, PolicyArn: aws.String(string(action.Policy))})
		if err != nil && awserror.Classify(err) != awserror.Gone {
			return fmt.Errorf("detach %s from the role %s: %w", action.Policy, *name, err)
		}
		return nil
	case tagRole:
		input := &iam.TagRoleInput{RoleName: name}
		for _, key := range slices.Sorted(maps.Keys(action.Tags)) {
			input.Tags = append(input.Tags, types.Tag{Key: aws.String(key), Value: aws.String(action.Tags[key])})
		}
		if _, err := a.Roles.TagRole(ctx, input); err != nil {
			return fmt.Errorf("tag the role %s: %w", *name, err)
		}
		return nil
	case untagRole:
		if _, err := a.Roles.UntagRole(ctx, &iam.UntagRoleInput{RoleName: name, TagKeys: action.Keys}); err != nil {
			return fmt.Errorf("remove tags from the role %s: %w", *name, err)
		}
		return nil
	default:
		return fmt.Errorf("the action %s on the role %s is unknown", action.Kind, *name)
	}
}

// attachError tells the ends apart that share an error code: NoSuchEntity is
// the policy's where its text names the policy, and LimitExceeded is the quota,
// filled by somebody else since it was read.
func attachError(action Action, err error) error {
	switch {
	case err == nil:
		return nil
	case awserror.HasCode(err, "NoSuchEntity", "NoSuchEntityException") && strings.Contains(err.Error(), string(action.Policy)):
		return finding.Refuse(finding.Finding{
			Code: "policy-gone", Severity: finding.Error,
			Message: fmt.Sprintf("The policy %s, which the settings name, does not exist or cannot be attached.", action.Policy),
			Fix:     "Correct the setting, or deploy the stack's policies again.",
		})
	case awserror.HasCode(err, "LimitExceeded", "LimitExceededException"):
		return finding.Refuse(finding.Finding{
			Code: "policy-quota-reached", Severity: finding.Error,
			Message: fmt.Sprintf("%s has as many managed policies as it can have, which leaves no room for %s.", action.Role.Name, action.Policy.name()),
			Fix:     "Detach policies that the role does not need, merge some into one, or raise IAM's quota \"Managed policies attached to an IAM role\".",
		})
	default:
		return fmt.Errorf("attach %s to the role %s: %w", action.Policy, action.Role.Name, err)
	}
}

// Clients are those of the services that the function calls.
type Clients struct {
	Roles interface {
		RoleReader
		AccountReader
		RoleWriter
	}
	Instances InstanceReader
	Providers ProviderReader
	// Region is where the instances work, unless an event or the settings say
	// otherwise.
	Region string
}

// New makes the function; now is its clock.
func New(s Settings, clients Clients, now func() time.Time) *pipeline.Function[Target, Observation, Question, Action] {
	return assemble(s, &Observer{
		Region: clients.Region, Settings: s, Roles: clients.Roles, Account: clients.Roles, Instances: clients.Instances, Providers: clients.Providers, Now: now,
	}, Applier{Roles: clients.Roles})
}

func assemble(s Settings, observer *Observer, applier Applier) *pipeline.Function[Target, Observation, Question, Action] {
	return &pipeline.Function[Target, Observation, Question, Action]{
		Name:     "attach-policies",
		Mode:     s.Mode,
		Subjects: s.Subjects,
		Merge:    Merge,
		Expand:   observer.Expand,
		Observe:  observer.Observe,
		Ask:      s.Ask,
		Answer:   observer.Answer,
		Plan:     s.Plan,
		Describe: Describe,
		Apply:    applier.Apply,
	}
}
