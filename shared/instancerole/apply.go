package instancerole

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/optout"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
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
	// Lent are the loans that an attachment completes, by the tags that record them;
	// empty but for the last attachment of a run.
	Lent map[string]PolicyARN
	// Refused are the tags that say that IAM refused an attachment, and that those
	// after it weren't tried.
	Refused map[string]string
	// Mark says that the tags only note what a look saw; an undo has them go.
	Mark bool
	// Own begins the tags of this stack's loans. Where it is set, the removal of tags
	// ends an undo, after which the role has none of them.
	Own string
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

// Applier carries actions out. Each of IAM's four calls is idempotent, and none of
// them has a condition. So what another run may have decided meanwhile is looked
// for afterwards: an attachment that comes after an undo is taken back by the run
// that made it.
type Applier struct {
	Roles interface {
		RoleWriter
		iam.ListAttachedRolePoliciesAPIClient
		GetRole(context.Context, *iam.GetRoleInput, ...func(*iam.Options)) (*iam.GetRoleOutput, error)
	}
}

// Apply carries one action out.
func (a Applier) Apply(ctx context.Context, action Action) error {
	name := &action.Role.Name
	switch action.Kind {
	case attachRolePolicy:
		if _, err := a.Roles.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: name, PolicyArn: aws.String(string(action.Policy))}); err != nil {
			err = attachError(action, err)
			a.noteRefusal(ctx, action, err)
			return err
		}
		return a.confirm(ctx, action)
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
		return a.confirmMark(ctx, action)
	case untagRole:
		keys := action.Keys
		if action.Own != "" && !slices.Contains(keys, healedTag) {
			// A run beside the undo may have written it since.
			keys = append(slices.Clone(keys), healedTag)
		}
		if _, err := a.Roles.UntagRole(ctx, &iam.UntagRoleInput{RoleName: name, TagKeys: keys}); err != nil {
			return fmt.Errorf("remove tags from the role %s: %w", *name, err)
		}
		return a.confirmUndo(ctx, action)
	default:
		return fmt.Errorf("the action %s on the role %s is unknown", action.Kind, *name)
	}
}

// confirm makes sure that a finished loan still stands: that no undo marked the
// role, and no other run removed the record. Otherwise the loan is taken back.
// An undo marks the role before it reads what to detach, so of two runs at least
// one sees the other. A record that is missing may also be one that IAM doesn't
// show yet, so it is looked for until that is unlikely.
func (a Applier) confirm(ctx context.Context, action Action) error {
	if len(action.Lent) == 0 {
		return nil
	}
	recorded := func(role Role) bool {
		for key := range action.Lent {
			if _, found := role.Tags[key]; !found {
				return false
			}
		}
		return true
	}
	role, err := a.until(ctx, action, func(role Role) bool { return optout.Asked(role.Tags) || recorded(role) })
	if err != nil {
		return err
	}
	if recorded(role) && !optout.Asked(role.Tags) {
		return a.unmark(ctx, action, role)
	}
	for _, key := range slices.Sorted(maps.Keys(action.Lent)) {
		back := Action{Kind: detachRolePolicy, Role: action.Role, Policy: action.Lent[key]}
		if err := a.Apply(ctx, back); err != nil {
			return err
		}
	}
	keys := slices.Sorted(maps.Keys(action.Lent))
	if optout.Asked(role.Tags) {
		// The undo has removed the heals of before.
		keys = append(keys, healedTag)
	}
	if err := a.Apply(ctx, Action{Kind: untagRole, Role: action.Role, Keys: keys}); err != nil {
		return err
	}
	return fmt.Errorf("what was attached to the role %s was taken back, because another run ended its loans meanwhile; look again", action.Role.Name)
}

// noteRefusal notes in the record that IAM refused what it records. Without that
// note the next look would take the policy for detached, and wait for the event
// that tells who did it. An error leaves it at that, so none is returned.
func (a Applier) noteRefusal(ctx context.Context, action Action, err error) {
	_, refused := errors.AsType[*finding.Refusal](err)
	if kind := awserror.Classify(err); refused || kind != awserror.Transient && kind != awserror.Done {
		_ = a.Apply(ctx, Action{Kind: tagRole, Role: action.Role, Tags: action.Refused})
	}
}

// unmark removes what a look noted that found the policies detached.
func (a Applier) unmark(ctx context.Context, action Action, role Role) error {
	var marks []string
	for _, key := range slices.Sorted(maps.Keys(action.Lent)) {
		if _, marked := role.Tags[key+missedSuffix]; marked {
			marks = append(marks, key+missedSuffix)
		}
	}
	if len(marks) == 0 {
		return nil
	}
	return a.Apply(ctx, Action{Kind: untagRole, Role: action.Role, Keys: marks})
}

// confirmMark makes sure that a run beside this one leaves no mark behind: an undo,
// which marks the role before it removes the record, or one that has attached the
// policies by now. What attaches them later removes the mark.
func (a Applier) confirmMark(ctx context.Context, action Action) error {
	if !action.Mark {
		return nil
	}
	role, err := a.now(ctx, action)
	if err != nil {
		return err
	}
	attached, err := attachedTo(ctx, a.Roles, action.Role.Name)
	if err != nil {
		return err
	}
	var needless []string
	for _, key := range slices.Sorted(maps.Keys(action.Tags)) {
		policy, _, _ := strings.Cut(action.Tags[key], " ")
		if optout.Asked(role.Tags) || slices.Contains(attached, PolicyARN(policy)) {
			needless = append(needless, key)
		}
	}
	if len(needless) == 0 {
		return nil
	}
	return a.Apply(ctx, Action{Kind: untagRole, Role: action.Role, Keys: needless})
}

// confirmUndo makes sure that no run lent the role something between the undo's
// look at it and the mark that keeps other runs away.
func (a Applier) confirmUndo(ctx context.Context, action Action) error {
	if action.Own == "" {
		return nil
	}
	unlent := func(role Role) bool {
		for key := range role.Tags {
			if strings.HasPrefix(key, action.Own) {
				return false
			}
		}
		return true
	}
	role, err := a.until(ctx, action, unlent)
	if err == nil && !unlent(role) {
		err = fmt.Errorf("another run attached something to the role %s during the undo; undo again", action.Role.Name)
	}
	return err
}

// IAM shows a change after a while ("Changes that I make are not always
// immediately visible", IAM User Guide): a second for most, so a role is read so
// many times, a second apart.
const (
	readings     = 5
	readingPause = time.Second
)

// until reads the role again until it is as it should be, or has had the time to
// become so.
func (a Applier) until(ctx context.Context, action Action, as func(Role) bool) (Role, error) {
	for reading := 1; ; reading++ {
		role, err := a.now(ctx, action)
		if err != nil || as(role) || reading == readings {
			return role, err
		}
		select {
		case <-ctx.Done():
			return Role{}, fmt.Errorf("read the role %s again: %w", action.Role.Name, context.Cause(ctx))
		case <-time.After(readingPause):
		}
	}
}

// now reads the role again.
func (a Applier) now(ctx context.Context, action Action) (Role, error) {
	output, err := a.Roles.GetRole(ctx, &iam.GetRoleInput{RoleName: &action.Role.Name})
	if err != nil {
		return Role{}, fmt.Errorf("read the role %s again: %w", action.Role.Name, err)
	}
	if output.Role == nil {
		return Role{}, fmt.Errorf("read the role %s again: the answer holds none", action.Role.Name)
	}
	return newRole(*output.Role)
}

// attachError tells the ends apart that share an error code: NoSuchEntity is
// the policy's where its text names the policy, and LimitExceeded is the quota,
// filled by somebody else since it was read.
func attachError(action Action, err error) error {
	switch {
	case err == nil:
		return nil
	case awserror.HasCode(err, "NoSuchEntity", "NoSuchEntityException") && strings.Contains(err.Error(), string(action.Policy)):
		return finding.Refuse(policyGone.With(finding.Name("policy", string(action.Policy))))
	case awserror.HasCode(err, "LimitExceeded", "LimitExceededException"):
		return finding.Refuse(quotaFilled.With(finding.Name("role", action.Role.Name), finding.Name("policy", action.Policy.name())))
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
