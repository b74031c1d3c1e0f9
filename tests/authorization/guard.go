package authorization

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/endpoint"
	"github.com/ecs-guardrails/ecs-guardrails/tests/policysimulation"
)

// Principal is the role session that a function's calls are made in.
type Principal struct {
	RoleARN    string
	SessionARN string
}

// Guard refuses what AWS would refuse a function. People may do everything that
// no resource's policy denies them.
type Guard struct {
	Account    string
	Simulation *policysimulation.Service
	Resources  Resources
	// Principal says whose call it is, where a function made it.
	Principal func(context.Context, awscall.Exchange) (Principal, error)
	// Person says who called where no function did: the ARN of a user, or a role
	// and its session.
	Person func(context.Context, awscall.Exchange) (Principal, error)
	Logger *slog.Logger
	// Key is the ARN of the KMS key that the stack is deployed with, "" for none.
	Key string

	mutex    sync.Mutex
	policies map[string]cached
	unknown  map[string]bool
	used     map[Use]bool
}

// Use is a permission that a function needed, and whether its role has it.
type Use struct {
	Function string
	Action   string
	Resource string
	Decision policysimulation.Decision
	// Statement is the Sid that allowed it; empty where none did or it has none.
	Statement string
}

type cached struct {
	policies policysimulation.Policies
	until    time.Time
}

// cacheTime is how long a role's policies are believed; the template's
// policies change only with a deployment.
const cacheTime = 2 * time.Second

// Check refuses the call, in the service's own words, or returns false.
func (g *Guard) Check(writer http.ResponseWriter, request *http.Request, exchange awscall.Exchange) bool {
	decide := g.denied
	if exchange.Call.Caller == awscall.Person {
		if exchange.Call.Name() != "events:PutEvents" || g.Person == nil {
			return false
		}
		decide = g.deniedToPerson
	}
	denied, err := decide(request.Context(), exchange)
	if request.Context().Err() != nil {
		// Anyone who called is gone.
		return false
	}
	if err != nil {
		g.Logger.Error("a call was not held against its role's policies", "caller", exchange.Call.Caller, "call", exchange.Call.Name(), "error", err)
		return false
	}
	if denied == "" {
		return false
	}
	g.Logger.Warn("a call was refused", "caller", exchange.Call.Caller, "why", denied)
	Refuse(writer, exchange, denied)
	return true
}

// denied returns AWS's message for the first permission that is lacking.
func (g *Guard) denied(ctx context.Context, exchange awscall.Exchange) (string, error) {
	demands, known, err := Demands(ctx, exchange, g.Account, g.Resources)
	if gone := (*missing)(nil); errors.As(err, &gone) {
		// The emulator says that it does not exist.
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if !known {
		g.mutex.Lock()
		defer g.mutex.Unlock()
		if g.unknown == nil {
			g.unknown = map[string]bool{}
		}
		g.unknown[exchange.Call.Name()] = true
		return "", fmt.Errorf("which permissions %s needs is not known; add it to tests/authorization/demand.go", exchange.Call.Name())
	}
	principal, err := g.Principal(ctx, exchange)
	if err != nil {
		return "", err
	}
	policies, err := g.rolePolicies(ctx, principal.RoleARN)
	if err != nil {
		return "", err
	}
	for _, demand := range append(demands, keyDemands(g.Key, demands)...) {
		keys := map[string][]string{"aws:PrincipalArn": {principal.RoleARN}, "aws:PrincipalAccount": {g.Account}, "aws:ResourceAccount": {g.Account}, "aws:SecureTransport": {"true"}}
		for key, values := range demand.Context {
			keys[key] = values
		}
		resource, err := g.resourcePolicies(ctx, demand.Resource)
		if err != nil {
			return "", err
		}
		policies.Resource = resource
		result := policysimulation.Simulate(policies, policysimulation.Request{
			Action: demand.Action, Resource: demand.Resource, Context: policysimulation.NewContext(keys), Principal: map[string]string{"AWS": principal.RoleARN},
		})
		g.note(exchange.Call.Caller, demand, result)
		if result.Decision != policysimulation.Allowed {
			return message(principal, demand, result), nil
		}
	}
	return "", nil
}

// deniedToPerson holds a person's call against the policy of the resource alone,
// and against what it denies.
func (g *Guard) deniedToPerson(ctx context.Context, exchange awscall.Exchange) (string, error) {
	demands, _, err := Demands(ctx, exchange, g.Account, g.Resources)
	if err != nil {
		return "", err
	}
	principal, err := g.Person(ctx, exchange)
	if err != nil {
		return "", err
	}
	for _, demand := range demands {
		resource, err := g.resourcePolicies(ctx, demand.Resource)
		if err != nil {
			return "", err
		}
		keys := map[string][]string{"aws:PrincipalArn": {principal.RoleARN}, "aws:PrincipalAccount": {g.Account}, "aws:SecureTransport": {"true"}}
		for key, values := range demand.Context {
			keys[key] = values
		}
		result := policysimulation.Simulate(policysimulation.Policies{Resource: resource}, policysimulation.Request{
			Action: demand.Action, Resource: demand.Resource, Context: policysimulation.NewContext(keys), Principal: map[string]string{"AWS": principal.RoleARN},
		})
		if result.Decision == policysimulation.ExplicitDeny {
			return fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s with an explicit deny in a resource-based policy",
				principal.SessionARN, demand.Action, demand.Resource), nil
		}
	}
	return "", nil
}

// Access decides about an action of a role or a user on a resource as AWS does
// within one account: by its own policies, its boundary, and the resource's
// policy. The simulator of IAM leaves the latter out.
func (g *Guard) Access(ctx context.Context, principalARN, action, resource string, keys map[string][]string) (policysimulation.Decision, error) {
	policies, err := g.Simulation.PrincipalPolicies(ctx, principalARN)
	if err != nil {
		return "", fmt.Errorf("reading the policies of %s: %w", principalARN, err)
	}
	if policies.Resource, err = g.resourcePolicies(ctx, resource); err != nil {
		return "", err
	}
	all := map[string][]string{"aws:PrincipalArn": {principalARN}, "aws:PrincipalAccount": {g.Account}, "aws:ResourceAccount": {g.Account}, "aws:SecureTransport": {"true"}}
	if strings.Contains(resource, ":secretsmanager:") {
		secret, err := g.Resources.Secret(ctx, resource)
		if err != nil {
			return "", err
		}
		for key, values := range resourceTags(secret.Tags, "aws:ResourceTag/", "secretsmanager:ResourceTag/") {
			all[key] = values
		}
		all["secretsmanager:SecretId"] = []string{secret.ARN}
	}
	for key, values := range keys {
		all[key] = values
	}
	return policysimulation.Simulate(policies, policysimulation.Request{
		Action: action, Resource: resource, Context: policysimulation.NewContext(all), Principal: map[string]string{"AWS": principalARN},
	}).Decision, nil
}

func (g *Guard) resourcePolicies(ctx context.Context, arn string) ([]policysimulation.Policy, error) {
	text, err := g.Resources.Policy(ctx, arn)
	if err != nil || text == "" {
		return nil, err
	}
	document, err := policysimulation.ParseDocument(text)
	if err != nil {
		return nil, fmt.Errorf("the policy of %s: %w", arn, err)
	}
	return []policysimulation.Policy{{ID: arn, Type: "resource", Document: document}}, nil
}

func message(principal Principal, demand Demand, result policysimulation.Result) string {
	reason := "because no identity-based policy allows the " + demand.Action + " action"
	if result.Decision == policysimulation.ExplicitDeny {
		reason = "with an explicit deny in an identity-based policy"
	}
	return fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s %s", principal.SessionARN, demand.Action, demand.Resource, reason)
}

func (g *Guard) note(function string, demand Demand, result policysimulation.Result) {
	use := Use{Function: function, Action: demand.Action, Resource: demand.Resource, Decision: result.Decision}
	if len(result.Matched) > 0 {
		use.Statement = result.Matched[0].Statement.SID
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.used == nil {
		g.used = map[Use]bool{}
	}
	g.used[use] = true
}

// Uses returns each permission that functions needed so far, once.
func (g *Guard) Uses() []Use {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	var uses []Use
	for use := range g.used {
		uses = append(uses, use)
	}
	return uses
}

// Unknown returns the operations that functions called and whose permissions
// are not known.
func (g *Guard) Unknown() []string {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	var names []string
	for name := range g.unknown {
		names = append(names, name)
	}
	return names
}

func (g *Guard) rolePolicies(ctx context.Context, arn string) (policysimulation.Policies, error) {
	g.mutex.Lock()
	have, ok := g.policies[arn]
	g.mutex.Unlock()
	if ok && time.Now().Before(have.until) {
		return have.policies, nil
	}
	policies, err := g.Simulation.PrincipalPolicies(ctx, arn)
	if err != nil {
		return policysimulation.Policies{}, fmt.Errorf("reading the policies of %s: %w", arn, err)
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.policies == nil {
		g.policies = map[string]cached{}
	}
	g.policies[arn] = cached{policies: policies, until: time.Now().Add(cacheTime)}
	return policies, nil
}

// Refuse answers a call that is not allowed as the service of the call does.
func Refuse(writer http.ResponseWriter, exchange awscall.Exchange, message string) {
	switch {
	case exchange.Call.Service == "s3":
		bucket, _ := exchange.Parameters["Bucket"].(string)
		endpoint.WriteS3Error(writer, http.StatusForbidden, "AccessDenied", message, bucket)
	case exchange.Call.Service == "ec2":
		endpoint.WriteEC2Error(writer, http.StatusForbidden, "UnauthorizedOperation", "You are not authorized to perform this operation. "+message)
	case exchange.Call.Service == "sns":
		endpoint.WriteQueryError(writer, http.StatusForbidden, "AuthorizationError", message)
	case exchange.Protocol == awscall.Query:
		endpoint.WriteQueryError(writer, http.StatusForbidden, "AccessDenied", message)
	default:
		endpoint.WriteJSONError(writer, http.StatusBadRequest, "AccessDeniedException", message)
	}
}

// missing says that a resource does not exist.
type missing struct{ what string }

func (m *missing) Error() string { return m.what + " does not exist" }

// Emulated finds resources in the emulator.
type Emulated struct {
	IAM            *iam.Client
	SecretsManager *secretsmanager.Client
	EventBridge    *eventbridge.Client
}

// Policy returns the policy of a secret or an event bus.
func (e *Emulated) Policy(ctx context.Context, arn string) (string, error) {
	switch {
	case strings.Contains(arn, ":secretsmanager:"):
		output, err := e.SecretsManager.GetResourcePolicy(ctx, &secretsmanager.GetResourcePolicyInput{SecretId: &arn})
		if gone := (*secrettypes.ResourceNotFoundException)(nil); errors.As(err, &gone) {
			return "", nil
		}
		if err != nil {
			return "", fmt.Errorf("reading the policy of %s: %w", arn, err)
		}
		return aws.ToString(output.ResourcePolicy), nil
	case strings.Contains(arn, ":event-bus/"):
		name := arn[strings.Index(arn, ":event-bus/")+len(":event-bus/"):]
		output, err := e.EventBridge.DescribeEventBus(ctx, &eventbridge.DescribeEventBusInput{Name: &name})
		if gone := (*eventtypes.ResourceNotFoundException)(nil); errors.As(err, &gone) {
			return "", nil
		}
		if err != nil {
			return "", fmt.Errorf("reading the policy of %s: %w", arn, err)
		}
		return aws.ToString(output.Policy), nil
	default:
		return "", nil
	}
}

// Role returns a role by its name.
func (e *Emulated) Role(ctx context.Context, name string) (Tagged, error) {
	output, err := e.IAM.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	if gone := (*iamtypes.NoSuchEntityException)(nil); errors.As(err, &gone) {
		return Tagged{}, &missing{"role " + name}
	}
	if err != nil {
		return Tagged{}, fmt.Errorf("reading role %s: %w", name, err)
	}
	tagged := Tagged{ARN: aws.ToString(output.Role.Arn), Tags: map[string]string{}}
	for _, tag := range output.Role.Tags {
		tagged.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tagged, nil
}

// Secret returns a secret by its name or ARN.
func (e *Emulated) Secret(ctx context.Context, id string) (Tagged, error) {
	output, err := e.SecretsManager.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &id})
	if gone := (*secrettypes.ResourceNotFoundException)(nil); errors.As(err, &gone) {
		if strings.HasPrefix(id, "arn:") {
			// AWS refuses before it looks.
			return Tagged{ARN: id}, nil
		}
		return Tagged{}, &missing{"secret " + id}
	}
	if err != nil {
		return Tagged{}, fmt.Errorf("describing secret %s: %w", id, err)
	}
	tagged := Tagged{ARN: aws.ToString(output.ARN), Tags: map[string]string{}}
	for _, tag := range output.Tags {
		tagged.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tagged, nil
}
