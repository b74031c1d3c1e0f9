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
	// Gone says that IAM has no such role.
	Gone bool
	// Trust is its trust policy, and Tags, Path and Name are its own.
	Trust      string
	Tags       map[string]string
	Path, Name string
	// Unchecked says why nothing was found out, "" where something was.
	Unchecked string
	// denied are the needs that its policies don't let it meet.
	denied []denial
}

// denial is a need that the role may not meet.
type denial struct {
	need need
	// final says that no policy of ours would change it: a policy denies it, or a
	// boundary or an organization does not allow it.
	final bool
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
		return observed, !observed.Gone && observed.Unchecked == "" && len(observed.denied) == 0 && trustsTasks(observed.Trust), err
	})
}

func (o *RoleObserver) ask(ctx context.Context, place Place, role string, needs []need) (ExecutionRole, error) {
	observed := ExecutionRole{ARN: role}
	group, asking := errgroup.WithContext(ctx)
	group.Go(func() error { return o.readRole(asking, &observed) })
	var denied []denial
	group.Go(func() (err error) {
		denied, err = o.denied(asking, role, place, needs)
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
	return observed, nil
}

// taskRoleLacks asks which of the needs the task role can't meet either: the two
// roles are often taken for each other. What can't be seen is not told.
func (o *RoleObserver) taskRoleLacks(ctx context.Context, place Place, taskRole string, needs []need) ([]need, error) {
	denied, err := o.denied(ctx, taskRole, place, needs)
	if err != nil {
		if awserror.Classify(err) == awserror.Transient {
			return nil, err
		}
		return needs, nil
	}
	lacks := make([]need, len(denied))
	for i, d := range denied {
		lacks[i] = d.need
	}
	return lacks, nil
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
