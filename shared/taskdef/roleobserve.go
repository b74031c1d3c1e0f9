package taskdef

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
	"golang.org/x/sync/errgroup"

	"ecsguardrails/shared/awserror"
	"ecsguardrails/shared/memory"
	"ecsguardrails/shared/optout"
	"ecsguardrails/shared/policysimulation"
	"ecsguardrails/shared/trustpolicy"
)

// RoleReader is the part of IAM's client that tells what a role can do.
type RoleReader interface {
	GetRole(context.Context, *iam.GetRoleInput, ...func(*iam.Options)) (*iam.GetRoleOutput, error)
	iam.SimulatePrincipalPolicyAPIClient
}

// ExecutionRole is what was found out about a definition's execution role.
type ExecutionRole struct {
	ARN string
	// Gone says that IAM has no such role, Distrusts that ECS may not assume it.
	Gone, Distrusts bool
	// Ignored says that the role's owner does not want it changed, or that AWS
	// looks after it.
	Ignored bool
	// Unchecked says why nothing was found out, "" where something was.
	Unchecked string
	// denied are the needs that it may not meet.
	denied []denial
}

// denial is a need that the role may not meet.
type denial struct {
	need need
	// final says that no policy of ours would change it: a policy denies it, or a
	// boundary or an organization does not allow it.
	final bool
	// taskRole says that the task role has the permission instead.
	taskRole bool
	// keys are the context keys on which it hangs, and which only the call itself
	// has: those of a VPC endpoint, say.
	keys []string
}

// grantedTTL bounds how long a warm function believes that a role lacks
// nothing. What a role lacks is asked anew each time.
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

// observe asks IAM about an execution role, and about the task role where the
// execution role lacks something that only a person can give it. Describe tells
// of the secrets that it may not read, as it seems.
func (o *RoleObserver) observe(ctx context.Context, at Place, role, taskRole string, needs []need, describe func(context.Context, string) (NamedSecret, error)) (ExecutionRole, error) {
	if !strings.HasPrefix(role, "arn:"+at.Partition+":iam::"+at.Account+":role/") {
		return ExecutionRole{ARN: role, Unchecked: "it is not the ARN of a role in the definition's account"}, nil
	}
	key := role
	for _, n := range needs {
		key += "\n" + n.action + " " + n.resource
	}
	return o.known.Get(key, func() (ExecutionRole, bool, error) {
		observed, err := o.ask(ctx, at, role, taskRole, needs, describe)
		return observed, observed.lacksNothing(), err
	})
}

// lacksNothing reports whether the role was seen to be able to do all of it.
func (r ExecutionRole) lacksNothing() bool {
	return !r.Gone && !r.Distrusts && r.Unchecked == "" && len(r.denied) == 0
}

func (o *RoleObserver) ask(ctx context.Context, at Place, role, taskRole string, needs []need, describe func(context.Context, string) (NamedSecret, error)) (ExecutionRole, error) {
	observed := ExecutionRole{ARN: role}
	group, asking := errgroup.WithContext(ctx)
	group.Go(func() error { return o.readRole(asking, &observed) })
	var denied []denial
	group.Go(func() (err error) {
		if denied, err = o.denied(asking, role, at, needs); err != nil {
			return err
		}
		denied, err = o.deniedStill(asking, role, at, denied, describe)
		return err
	})
	switch err := group.Wait(); {
	case err == nil:
	case awserror.Classify(err) == awserror.Gone:
		return ExecutionRole{ARN: role, Gone: true}, nil
	case awserror.Classify(err) == awserror.Denied, awserror.Classify(err) == awserror.Refused:
		observed.Unchecked = fmt.Sprintf("%s answered %s", awserror.Operation(err), awserror.Code(err))
		return observed, nil
	default:
		return ExecutionRole{}, err
	}
	observed.denied = denied
	curable := !slices.ContainsFunc(denied, func(d denial) bool { return d.final || d.need.policy == "" })
	if curable {
		return observed, nil
	}
	return observed, o.askTaskRole(ctx, taskRole, role, at, denied)
}

// maxDescribed bounds how many secrets are described for one definition.
const maxDescribed = 20

// deniedStill asks once more about secrets that a definition names by less than
// their whole ARN, or that have tags: policies ask for both.
func (o *RoleObserver) deniedStill(ctx context.Context, role string, at Place, denied []denial, describe func(context.Context, string) (NamedSecret, error)) ([]denial, error) {
	secrets := map[string]NamedSecret{}
	for _, d := range denied {
		name, err := ParseCredential(d.need.resource)
		here := err == nil && name.Region == at.Region && name.Account == at.Account
		if d.need.action == getSecretValue && d.need.secret == nil && here && len(secrets) < maxDescribed {
			secrets[strings.TrimSuffix(d.need.resource, anySuffix)] = NamedSecret{}
		}
	}
	if err := fill(ctx, secrets, describe); err != nil {
		return nil, err
	}
	var still []denial
	var again []need
	for _, d := range denied {
		secret := secrets[strings.TrimSuffix(d.need.resource, anySuffix)]
		if secret.ARN == "" || secret.ARN == d.need.resource && len(secret.Tags) == 0 {
			still = append(still, d)
			continue
		}
		n := d.need
		n.resource = secret.ARN
		if len(secret.Tags) > 0 {
			n.secret = &secret.RegistrySecret
		}
		again = append(again, n)
	}
	if len(again) == 0 {
		return denied, nil
	}
	asked, err := o.denied(ctx, role, at, again)
	return slices.Concat(still, asked), err
}

// askTaskRole marks what the task role may do in the execution role's place:
// the two are often taken for each other.
func (o *RoleObserver) askTaskRole(ctx context.Context, taskRole, role string, at Place, denied []denial) error {
	if taskRole == "" || taskRole == role || !strings.HasPrefix(taskRole, "arn:") {
		return nil
	}
	needs := make([]need, len(denied))
	for i, d := range denied {
		needs[i] = d.need
	}
	lacking, err := o.denied(ctx, taskRole, at, needs)
	if err != nil {
		if awserror.Classify(err) == awserror.Transient {
			return err
		}
		return nil
	}
	for i := range denied {
		denied[i].taskRole = !slices.ContainsFunc(lacking, func(l denial) bool {
			return l.need.action == denied[i].need.action && l.need.resource == denied[i].need.resource
		})
	}
	return nil
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
	observed.Distrusts = !trustsTasks(aws.ToString(output.Role.AssumeRolePolicyDocument))
	tags := make(map[string]string, len(output.Role.Tags))
	for _, tag := range output.Role.Tags {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	path := aws.ToString(output.Role.Path)
	observed.Ignored = optout.Asked(tags) || optout.ServiceLinked(path, name) || optout.IdentityCenter(path, name)
	return nil
}

// trustsTasks reports whether a trust policy lets ECS assume the role for tasks.
// One that cannot be read is taken for one that does: IAM would not have stored
// it otherwise.
func trustsTasks(document string) bool {
	policy, err := trustpolicy.Parse(document)
	return err != nil || policy.Trusts(trustpolicy.ECSTasks)
}

// denied asks the simulator which needs a role may not meet. Needs that depend
// on different secrets' tags are asked side by side: the simulator takes one
// set of context keys for all that it is asked at once.
func (o *RoleObserver) denied(ctx context.Context, role string, at Place, needs []need) ([]denial, error) {
	groups := bySecret(needs)
	found := make([][]denial, len(groups))
	group, ctx := errgroup.WithContext(ctx)
	for i, together := range groups {
		group.Go(func() error {
			questions := make([]policysimulation.Question, len(together))
			for i, n := range together {
				questions[i] = policysimulation.Question{Action: n.action, Resource: n.resource}
			}
			answers, err := policysimulation.Simulate(ctx, o.client, role, questions, contextEntries(role, at, together, o.now()))
			if err != nil {
				return fmt.Errorf("simulate what the role %s can do: %w", role, err)
			}
			for _, n := range together {
				// What was not answered is not held against the role.
				if answer, err := answers.Of(n.action, n.resource); err == nil && !answer.Allowed() {
					found[i] = append(found[i], denial{need: n, final: answer.Final(), keys: n.undecided(answer.MissingKeys)})
				}
			}
			return nil
		})
	}
	err := group.Wait()
	return slices.Concat(found...), err
}

// bySecret groups needs: those of one secret together, all that need no secret
// with the first of them.
func bySecret(needs []need) [][]need {
	if len(needs) == 0 {
		return nil
	}
	groups, places := [][]need{nil}, map[string]int{}
	for _, n := range needs {
		at := 0
		if n.secret != nil {
			known := false
			if at, known = places[n.secret.ARN]; !known {
				if at = len(places); at == len(groups) {
					groups = append(groups, nil)
				}
				places[n.secret.ARN] = at
			}
		}
		groups[at] = append(groups[at], n)
	}
	return groups
}

// contextEntries give the condition keys that are known of the calls that ECS
// makes as the role.
func contextEntries(role string, at Place, needs []need, now time.Time) []types.ContextEntry {
	entries := policysimulation.OfRole(role, at.Account, at.Region, now)
	i := slices.IndexFunc(needs, func(n need) bool { return n.secret != nil })
	if i < 0 {
		return entries
	}
	secret := needs[i].secret
	entries = append(entries,
		policysimulation.Text("secretsmanager:SecretId", secret.ARN),
		policysimulation.Text("secretsmanager:VersionStage", "AWSCURRENT"),
		policysimulation.ViaService("secretsmanager", at.Region, at.Partition),
		policysimulation.Text("kms:EncryptionContext:SecretARN", secret.ARN),
		policysimulation.Text("kms:CallerAccount", at.Account),
	)
	for _, key := range slices.Sorted(maps.Keys(secret.Tags)) {
		entries = append(entries,
			policysimulation.Text("secretsmanager:ResourceTag/"+key, secret.Tags[key]),
			policysimulation.Text("aws:ResourceTag/"+key, secret.Tags[key]))
	}
	return entries
}
