package taskdef

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/policydocument"
)

const (
	// grantSid begins the names of our statements in secrets' resource policies.
	grantSid = "EcsGuardrails"
	// maxPolicy is how long a secret's resource policy can be, in characters ("AWS
	// Secrets Manager quotas").
	maxPolicy = 20480
)

// Grant lets an execution role read one secret, by our own statement in the
// secret's resource policy. It needs no right to change roles, and reaches nothing
// else.
type Grant struct {
	Secret, Role string
	Mandate      finding.Mandate
}

// Describe says what the action will do.
func (g Grant) Describe() finding.Action {
	return finding.Action{Kind: "PutResourcePolicy", Target: g.Secret, Summary: "let " + g.Role + " read this secret", Mandate: g.Mandate}
}

// grantStatement is ours: it lets roles read the secret that it stands at.
type grantStatement struct {
	Sid       string
	Effect    string
	Principal struct{ AWS []string }
	Action    string
	Resource  string
}

// withGrant gives a secret's resource policy with a role among those that may read
// the secret. Roles that were deleted since stand in it by their ids, with which
// Secrets Manager takes no policy, and are left out. The error says why there is
// no such policy.
func withGrant(policy, role string) (string, error) {
	statements, err := statementsOf(policy)
	if err != nil {
		return "", err
	}
	roles := []string{role}
	for _, statement := range statements {
		if !statement.isOurs() {
			return "", errors.New("its resource policy has statements of its owner's, which a change could disturb")
		}
		for _, principal := range statement.Principal.AWS {
			if strings.HasPrefix(principal, "arn:") && !slices.Contains(roles, principal) {
				roles = append(roles, principal)
			}
		}
	}
	slices.Sort(roles)
	ours := grantStatement{Sid: grantSid + "ExecutionRoles", Effect: "Allow", Action: getSecretValue, Resource: "*"}
	ours.Principal.AWS = roles
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []grantStatement{ours}})
	if err == nil && len(text) > maxPolicy {
		err = fmt.Errorf("its resource policy would be longer than %d characters", maxPolicy)
	}
	return string(text), err
}

// policyStatement is a statement with its name.
type policyStatement struct {
	Sid string
	policydocument.Statement
}

// isOurs reports whether we wrote a statement: it has our name and says what we say.
func (s policyStatement) isOurs() bool {
	return strings.HasPrefix(s.Sid, grantSid) && s.Effect == "Allow" && len(s.Condition) == 0 && !s.Principal.Everybody && !s.NotPrincipal.Given &&
		len(s.Principal.Services)+len(s.Principal.CanonicalUsers)+len(s.Principal.Federated) == 0 &&
		slices.Equal(s.Action, []string{getSecretValue}) && slices.Equal(s.Resource, []string{"*"})
}

// statementsOf reads a secret's resource policy; "" has none.
func statementsOf(policy string) ([]policyStatement, error) {
	if policy == "" {
		return nil, nil
	}
	var document struct {
		Statement policydocument.OneOrMore[json.RawMessage]
	}
	if err := json.Unmarshal([]byte(policy), &document); err != nil {
		return nil, errors.New("its resource policy can't be read")
	}
	statements := make([]policyStatement, len(document.Statement))
	for i, raw := range document.Statement {
		var named struct{ Sid string }
		if json.Unmarshal(raw, &named) != nil || json.Unmarshal(raw, &statements[i].Statement) != nil {
			return nil, errors.New("its resource policy can't be read")
		}
		statements[i].Sid = named.Sid
	}
	return statements, nil
}

// grants reports whether the resource policy of a secret lets a role of the secret's
// account read it, and whether that can't be told: a denial or a condition may
// apply. Within an account, either a role's own policies or the resource's policy
// suffice ("Policy evaluation logic", IAM user guide).
func (p SecretPolicy) grants(secret, role string) (granted, unknown bool) {
	statements, err := statementsOf(p.Text)
	if err != nil {
		return false, true
	}
	reads := policydocument.Request{Action: getSecretValue, Resource: secret}
	for _, statement := range statements {
		applies, _ := statement.AppliesTo(reads)
		names := statement.Principal.Everybody || slices.Contains(statement.Principal.AWS, role)
		switch {
		case applies == policydocument.False:
		case statement.Effect == "Allow" && names && applies == policydocument.True:
			granted = true
		case statement.Effect == "Allow" && names:
			unknown = true
		case statement.Effect == "Deny" && (names || statement.NotPrincipal.Given || namesAccountOf(role, statement.Principal)):
			return false, true
		}
	}
	return granted, unknown && !granted
}

// namesAccountOf reports whether a statement is about everything in a role's account:
// that denies the role, but allows it only what its own policies allow, too ("AWS JSON
// policy elements: Principal" in the IAM user guide).
func namesAccountOf(role string, principals policydocument.Principals) bool {
	parsed, err := arn.Parse(role)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(principals.AWS, func(principal string) bool {
		return principal == parsed.AccountID || principal == "arn:"+parsed.Partition+":iam::"+parsed.AccountID+":root"
	})
}

// SecretPolicies is the part of Secrets Manager's client that grants a role one
// secret.
type SecretPolicies interface {
	GetResourcePolicy(context.Context, *secretsmanager.GetResourcePolicyInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetResourcePolicyOutput, error)
	PutResourcePolicy(context.Context, *secretsmanager.PutResourcePolicyInput, ...func(*secretsmanager.Options)) (*secretsmanager.PutResourcePolicyOutput, error)
}

// GrantSettles is how long after a write a grant is looked at again. The API knows
// no condition for writing a policy, so another process that read it before the
// write may still put its own over it; it has done so by then.
const GrantSettles = time.Second

// grantAttempts bounds how often a grant that was overwritten is written again.
const grantAttempts = 3

// Granter writes resource policies, one after another.
type Granter struct {
	client  SecretPolicies
	settles time.Duration
	mutex   sync.Mutex
}

// NewGranter makes one for a client; settles is GrantSettles but in tests.
func NewGranter(client SecretPolicies, settles time.Duration) *Granter {
	return &Granter{client: client, settles: settles}
}

// apply adds the role to the policy, and looks later whether another writer has
// taken it out. A role that is in it already is done.
func (g Grant) apply(ctx context.Context, a Applier) error {
	for range grantAttempts {
		done, err := a.Grants.put(ctx, g)
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("look at the resource policy of the secret %s again: %w", g.Secret, ctx.Err())
		case <-time.After(a.Grants.settles):
		}
		policy, err := a.Grants.read(ctx, g.Secret)
		if err != nil {
			return err
		}
		if granted, _ := (SecretPolicy{Text: policy}).grants(g.Secret, g.Role); granted {
			return nil
		}
	}
	return fmt.Errorf("other changes of the resource policy of the secret %s came in between; look again", g.Secret)
}

// put writes the policy with the role in it, and reports whether it was in it
// already.
func (g *Granter) put(ctx context.Context, grant Grant) (already bool, err error) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	policy, err := g.read(ctx, grant.Secret)
	if err != nil {
		return false, err
	}
	if granted, _ := (SecretPolicy{Text: policy}).grants(grant.Secret, grant.Role); granted {
		return true, nil
	}
	changed, err := withGrant(policy, grant.Role)
	if err != nil {
		return false, fmt.Errorf("the secret %s was changed meanwhile: %w; look again", grant.Secret, err)
	}
	// The public-access check of Secrets Manager holds for what others wrote, too.
	if _, err := g.client.PutResourcePolicy(ctx, &secretsmanager.PutResourcePolicyInput{
		SecretId: &grant.Secret, ResourcePolicy: &changed, BlockPublicPolicy: aws.Bool(true),
	}); err != nil {
		return false, fmt.Errorf("let %s read the secret %s by its resource policy: %w", grant.Role, grant.Secret, err)
	}
	return false, nil
}

func (g *Granter) read(ctx context.Context, secret string) (string, error) {
	output, err := g.client.GetResourcePolicy(ctx, &secretsmanager.GetResourcePolicyInput{SecretId: &secret})
	if err != nil {
		return "", fmt.Errorf("read the resource policy of the secret %s: %w", secret, err)
	}
	return aws.ToString(output.ResourcePolicy), nil
}

// GrantedRoles lists the roles that our statement in a secret's resource policy
// lets read the secret; none where the policy has no such statement or can't be
// read. Alone says that the policy has no other statement.
func GrantedRoles(policy string) (roles []string, alone bool) {
	statements, err := statementsOf(policy)
	if err != nil {
		return nil, false
	}
	alone = true
	for _, statement := range statements {
		if statement.isOurs() {
			roles = append(roles, statement.Principal.AWS...)
		} else {
			alone = false
		}
	}
	slices.Sort(roles)
	return slices.Compact(roles), alone
}
