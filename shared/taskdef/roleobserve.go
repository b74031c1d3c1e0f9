package taskdef

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"golang.org/x/sync/errgroup"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/memory"
	"github.com/ecs-guardrails/ecs-guardrails/shared/policydocument"
	"github.com/ecs-guardrails/ecs-guardrails/shared/policysimulation"
	"github.com/ecs-guardrails/ecs-guardrails/shared/trustpolicy"
)

// RoleReader is the part of IAM's client that tells what a role can do.
type RoleReader interface {
	GetRole(context.Context, *iam.GetRoleInput, ...func(*iam.Options)) (*iam.GetRoleOutput, error)
	iam.SimulatePrincipalPolicyAPIClient
	policysimulation.RolePolicyReader
}

// ExecutionRole is what was found out about a definition's execution role.
type ExecutionRole struct {
	ARN string
	// Gone says that IAM has no such role.
	Gone bool
	// Trust is its trust policy, and Tags, Path and Name are its own.
	Trust      string
	Tags       map[string]string
	Path, Name string
	// Unchecked says why nothing was found out, "" where something was.
	Unchecked string
	// Boundary is the ARN of its permissions boundary, "" for none.
	Boundary string
	// unmet are the needs that the simulator doesn't see met.
	unmet []unmetNeed
}

// unmetNeed is the simulator's answer about a need that it doesn't see met.
type unmetNeed struct {
	need   need
	answer policysimulation.Answer
	// told is what the simulator knew of the call.
	told policydocument.Context
}

func (u unmetNeed) question() policysimulation.Question {
	return policysimulation.Question{Action: u.need.action, Resource: u.need.resource}
}

// undecided reports whether the answer may depend on a key that the simulator was
// not told.
func (u unmetNeed) undecided() bool {
	return u.answer.Undecided() && len(u.need.undecided(u.answer.MissingKeys)) > 0
}

// RolePolicies are the policies of an execution role. Its documents are nil where
// they can't be read.
type RolePolicies struct{ documents *policysimulation.Policies }

// grantedTTL bounds how long a warm function believes that a role lacks
// nothing. What a role lacks is asked again each time.
const grantedTTL = 5 * time.Minute

// maxGranted bounds what is remembered; an account has 1,000 roles by default.
const maxGranted = 5000

// RoleObserver finds out about execution roles.
type RoleObserver struct {
	client RoleReader
	now    func() time.Time
	known  *memory.Memory[ExecutionRole]
}

// NewRoleObserver makes an observer that remembers nothing yet.
func NewRoleObserver(client RoleReader, now func() time.Time) *RoleObserver {
	return &RoleObserver{client: client, now: now, known: memory.New[ExecutionRole](now, maxGranted, grantedTTL, 0)}
}

// observe asks IAM about an execution role.
func (o *RoleObserver) observe(ctx context.Context, place Place, role string, needs []need) (ExecutionRole, error) {
	if !strings.HasPrefix(role, "arn:"+place.Partition+":iam::"+place.Account+":role/") {
		return ExecutionRole{ARN: role, Unchecked: "it is not the ARN of a role in the definition's account"}, nil
	}
	key := role
	for _, n := range needs {
		key += "\n" + n.action + " " + n.resource
	}
	return o.known.Get(key, func() (ExecutionRole, bool, error) {
		observed, err := o.ask(ctx, place, role, needs)
		return observed, !observed.Gone && observed.Unchecked == "" && len(observed.unmet) == 0 && trustsTasks(observed.Trust), err
	})
}

func (o *RoleObserver) ask(ctx context.Context, place Place, role string, needs []need) (ExecutionRole, error) {
	observed := ExecutionRole{ARN: role}
	group, asking := errgroup.WithContext(ctx)
	group.Go(func() error { return o.readRole(asking, &observed) })
	var unmet []unmetNeed
	group.Go(func() (err error) {
		unmet, err = o.unmet(asking, role, place, needs)
		return err
	})
	switch err := group.Wait(); {
	case err == nil:
	case awserror.Classify(err) == awserror.Gone:
		return ExecutionRole{ARN: role, Gone: true}, nil
	case awserror.Classify(err) == awserror.Denied, awserror.Classify(err) == awserror.Refused:
		observed.Unchecked = awserror.Answered(err)
		return observed, nil
	default:
		return ExecutionRole{}, err
	}
	observed.unmet = unmet
	return observed, nil
}

// taskRoleLacks asks which of the needs the task role can't meet either: the two
// roles are often taken for each other. What can't be seen is not told.
func (o *RoleObserver) taskRoleLacks(ctx context.Context, place Place, taskRole string, needs []need) ([]need, error) {
	unmet, err := o.unmet(ctx, taskRole, place, needs)
	if err != nil {
		if awserror.Classify(err) == awserror.Transient {
			return nil, err
		}
		return needs, nil
	}
	lacks := make([]need, len(unmet))
	for i, u := range unmet {
		lacks[i] = u.need
	}
	return lacks, nil
}

// right asks the simulator about a principal. One that was deleted, or whose policies
// can't be read, has no right.
func (o *RoleObserver) right(ctx context.Context, q aboutRight) (policysimulation.Answer, error) {
	question := policysimulation.Question{Action: q.action, Resource: q.resource}
	var tags map[string]string
	if err := json.Unmarshal([]byte(q.tags), &tags); err != nil {
		return policysimulation.Answer{}, fmt.Errorf("read the tags of %s: %w", q.resource, err)
	}
	entries := policysimulation.OfPrincipal(q.source, q.address, q.place.Account, q.place.Region, o.now())
	if q.policy != "" {
		entries = append(entries, policysimulation.OfAttachment(q.policy, q.boundary, tags)...)
	} else {
		entries = append(entries, policysimulation.OfResource("secretsmanager", tags)...)
		entries = append(entries, policysimulation.Text("secretsmanager:SecretId", q.resource))
		if q.action == getSecretValue {
			entries = append(entries, policysimulation.Text("secretsmanager:VersionStage", "AWSCURRENT"))
		} else {
			entries = append(entries, policysimulation.Truth("secretsmanager:BlockPublicPolicy", true))
		}
	}
	answers, err := policysimulation.Simulate(ctx, o.client, q.source, []policysimulation.Question{question}, entries)
	switch {
	case err == nil:
		return answers.Of(question.Action, question.Resource)
	case awserror.Classify(err) == awserror.Transient:
		return policysimulation.Answer{}, fmt.Errorf("simulate whether %s has the right %s: %w", q.source, q.action, err)
	default:
		return policysimulation.Answer{Decision: iamtypes.PolicyEvaluationDecisionTypeImplicitDeny}, nil
	}
}

func (o *RoleObserver) readRole(ctx context.Context, observed *ExecutionRole) error {
	name := observed.ARN[strings.LastIndexByte(observed.ARN, '/')+1:]
	output, err := o.client.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	if err != nil {
		return fmt.Errorf("read the role %s: %w", name, err)
	}
	if output.Role == nil {
		return nil
	}
	observed.Trust = aws.ToString(output.Role.AssumeRolePolicyDocument)
	observed.Tags = make(map[string]string, len(output.Role.Tags))
	for _, tag := range output.Role.Tags {
		observed.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	observed.Path, observed.Name = aws.ToString(output.Role.Path), name
	if boundary := output.Role.PermissionsBoundary; boundary != nil {
		observed.Boundary = aws.ToString(boundary.PermissionsBoundaryArn)
	}
	return nil
}

// trustsTasks reports whether a trust policy lets ECS assume the role for tasks.
// One that cannot be read is taken for one that does: IAM would not have stored
// it otherwise.
func trustsTasks(document string) bool {
	policy, err := trustpolicy.Parse(document)
	return err != nil || policy.Trusts(trustpolicy.ECSTasks)
}

// unmet asks the simulator which needs a role doesn't meet, as if the policies in
// without were not there. Needs that depend on different tags are asked side by
// side: the simulator takes one set of context keys for all that it is asked at
// once.
func (o *RoleObserver) unmet(ctx context.Context, role string, place Place, needs []need, without ...iamtypes.PolicyIdentifier) ([]unmetNeed, error) {
	groups := byContext(needs)
	found := make([][]unmetNeed, len(groups))
	group, ctx := errgroup.WithContext(ctx)
	for i, together := range groups {
		group.Go(func() error {
			questions := make([]policysimulation.Question, len(together))
			for i, n := range together {
				questions[i] = policysimulation.Question{Action: n.action, Resource: n.resource}
			}
			entries := contextEntries(role, place, together, o.now())
			answers, err := policysimulation.Simulate(ctx, o.client, role, questions, entries, without...)
			if err != nil {
				return fmt.Errorf("simulate what the role %s can do: %w", role, err)
			}
			told := policysimulation.Known(entries)
			for _, n := range together {
				// What was not answered is not held against the role.
				if answer, err := answers.Of(n.action, n.resource); err == nil && !answer.Allowed() {
					found[i] = append(found[i], unmetNeed{n, answer, told})
				}
			}
			return nil
		})
	}
	err := group.Wait()
	return slices.Concat(found...), err
}

// policies reads a role's policies. Where it may not, there are none.
func (o *RoleObserver) policies(ctx context.Context, role, boundary string) (RolePolicies, error) {
	documents, err := policysimulation.ReadRolePolicies(ctx, o.client, role, boundary)
	if err != nil && awserror.Classify(err) != awserror.Transient {
		return RolePolicies{}, nil
	}
	return RolePolicies{documents}, err
}

// withoutOrganization asks about needs as if the organization had no policies.
func (o *RoleObserver) withoutOrganization(ctx context.Context, place Place, role string, needs []need) (policysimulation.Answers, error) {
	answers := policysimulation.Answers{}
	for _, n := range needs {
		answers[policysimulation.Question{Action: strings.ToLower(n.action), Resource: n.resource}] = policysimulation.Answer{Decision: iamtypes.PolicyEvaluationDecisionTypeAllowed}
	}
	unmet, err := o.unmet(ctx, role, place, needs, policysimulation.OrganizationPolicies)
	switch {
	case err != nil && awserror.Classify(err) == awserror.Transient:
		return nil, err
	case err != nil:
		return policysimulation.Answers{}, nil
	}
	for _, u := range unmet {
		answers[policysimulation.Question{Action: strings.ToLower(u.need.action), Resource: u.need.resource}] = u.answer
	}
	return answers, nil
}

// byContext groups needs by the context keys of their calls. The tags of a secret
// are no other resource's; where it has none but those that AWS and this project
// give, they make no difference, and all goes together.
func byContext(needs []need) [][]need {
	type call struct {
		secret string
		tagged bool
	}
	var groups [][]need
	places := map[call]int{}
	add := func(n need, calls ...call) {
		for _, c := range calls {
			if place, known := places[c]; known {
				groups[place] = append(groups[place], n)
				return
			}
		}
		places[calls[0]] = len(groups)
		groups = append(groups, []need{n})
	}
	for _, n := range needs {
		if n.secret != nil {
			add(n, call{n.secret.ARN, hasForeignTags(n.secret) && n.action == getSecretValue})
		}
	}
	// What needs no secret goes with the first call that has no tags.
	var untagged []call
	for c := range places {
		if !c.tagged {
			untagged = append(untagged, c)
		}
	}
	slices.SortFunc(untagged, func(a, b call) int { return places[a] - places[b] })
	for _, n := range needs {
		if n.secret == nil {
			add(n, append(untagged, call{})...)
		}
	}
	return groups
}

// hasForeignTags reports whether a secret has tags that other resources may have,
// too.
func hasForeignTags(secret *RegistrySecret) bool {
	for key := range secret.Tags {
		if own := strings.ToLower(key); !strings.HasPrefix(own, "ecs-guardrails:") && !strings.HasPrefix(own, "aws:") {
			return true
		}
	}
	return false
}

// contextEntries give the condition keys that are known of the calls that ECS
// makes as the role.
func contextEntries(role string, place Place, needs []need, now time.Time) []iamtypes.ContextEntry {
	entries := policysimulation.OfRole(role, place.Account, place.Region, now)
	i := slices.IndexFunc(needs, func(n need) bool { return n.secret != nil })
	if i < 0 {
		return entries
	}
	secret := needs[i].secret
	entries = append(entries,
		policysimulation.Text("secretsmanager:SecretId", secret.ARN),
		policysimulation.Text("secretsmanager:VersionStage", "AWSCURRENT"),
		policysimulation.ViaService("secretsmanager", place.Region, place.Partition),
		policysimulation.Text("kms:EncryptionContext:SecretARN", secret.ARN),
		policysimulation.Text("kms:CallerAccount", place.Account),
	)
	if hasForeignTags(secret) && needs[i].action != getSecretValue {
		return entries
	}
	for _, key := range slices.Sorted(maps.Keys(secret.Tags)) {
		entries = append(entries,
			policysimulation.Text("secretsmanager:ResourceTag/"+key, secret.Tags[key]),
			policysimulation.Text("aws:ResourceTag/"+key, secret.Tags[key]))
	}
	return entries
}
