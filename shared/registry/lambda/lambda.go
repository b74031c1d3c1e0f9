// Package lambda is the driver for a registry that the operator knows: it calls a
// function of theirs, whose ARN the secret's tag names and the stack's parameter
// RegistryFunctionArns allows.
//
// The function gets one JSON object and answers one; docs/registries/lambda.md has the
// contract with an example.
//
//	{"version": 1, "action": "issue", "registry": "r.example.com/team", "secretArn": "…",
//	 "secretVersion": "…", "username": "ci", "tags": {"team": "shop"}}
//	→ {"username": "ci", "password": "…", "id": "42", "expires": "2027-01-31T00:00:00Z"}
//
//	{"version": 1, "action": "verify", "username": "ci", …}
//	→ {"pull": true, "disabled": false, "expires": "…"}
//
//	{"version": 1, "action": "list", …}
//	→ {"credentials": [{"id": "42", "secretVersion": "…", "expires": "…"}]}
//
//	{"version": 1, "action": "revoke", "id": "42", …} → {}
//
// Any answer may be {"error": CODE} instead, with one of the codes busy, refused,
// missing and failed. Each action can be asked for again: issue is asked for only
// after list named no credential of the secret's version, or after it was
// revoked; revoking what is gone is success. An error's text isn't shown, since
// it may hold anything.
package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// Name is what the secret's tag ecs-guardrails:driver says for this driver.
const Name = "lambda"

// FunctionTag is the secret's tag with the function's ARN.
const FunctionTag = "ecs-guardrails:function"

// contract is the version of the requests' form.
const contract = 1

// Invoker is the part of Lambda's client that is needed.
type Invoker interface {
	Invoke(context.Context, *lambda.InvokeInput, ...func(*lambda.Options)) (*lambda.InvokeOutput, error)
}

// Driver implements registry.Driver, registry.Lister and registry.Inspector.
type Driver struct {
	invoker Invoker
	allowed []string
}

// New makes the driver; allowed are the ARNs of the functions that it may call.
func New(invoker Invoker, allowed []string) *Driver { return &Driver{invoker, allowed} }

// Accounts says that each credential may be a new account's.
func (*Driver) Accounts(map[string]string) registry.Accounts { return registry.NewAccount }

// Examine wants a function that the operator allows.
func (d *Driver) Examine(order registry.Order) error {
	switch arn := order.Tags[FunctionTag]; {
	case arn == "":
		return errors.New("the tag " + FunctionTag + " must hold the ARN of the function that issues credentials")
	case !slices.Contains(d.allowed, arn):
		return errors.New("the tag " + FunctionTag + " names a function that the stack's parameter RegistryFunctionArns doesn't list; have the operator add its ARN there")
	}
	return nil
}

// request is what the function gets. No password is in it.
type request struct {
	Version       int               `json:"version"`
	Action        string            `json:"action"`
	Registry      string            `json:"registry"`
	SecretARN     string            `json:"secretArn"`
	SecretVersion string            `json:"secretVersion"`
	Username      string            `json:"username,omitempty"`
	ID            string            `json:"id,omitempty"`
	Tags          map[string]string `json:"tags"`
}

// issued is a credential as the function tells it.
type issued struct {
	Username      string      `json:"username"`
	Password      secret.Text `json:"password"`
	ID            string      `json:"id"`
	SecretVersion string      `json:"secretVersion"`
	Expires       *time.Time  `json:"expires"`
}

func (i issued) ends() time.Time { return aws.ToTime(i.Expires) }

// Issue has the function make a credential.
func (d *Driver) Issue(ctx context.Context, order registry.Order) (registry.Issued, error) {
	var answer issued
	if err := d.call(ctx, order, request{Action: "issue", Username: order.Current.Username}, &answer); err != nil {
		return registry.Issued{}, err
	}
	if answer.Password.IsZero() || answer.Username == "" || answer.ID == "" || strings.Contains(answer.Username, ":") {
		return registry.Issued{}, registry.Failure(registry.Unexpected, "the registry function's answer to issue lacks a username, password or id")
	}
	return registry.Issued{
		Credential: registry.Credential{Username: answer.Username, Password: answer.Password},
		ID:         answer.ID, Version: order.Version, Ends: answer.ends(),
	}, nil
}

// List has the function name the credentials that it issued for the secret.
func (d *Driver) List(ctx context.Context, order registry.Order) ([]registry.Issued, error) {
	var answer struct{ Credentials []issued }
	if err := d.call(ctx, order, request{Action: "list"}, &answer); err != nil {
		return nil, err
	}
	listed := make([]registry.Issued, 0, len(answer.Credentials))
	for _, credential := range answer.Credentials {
		if credential.ID == "" || !registry.IsVersion(credential.SecretVersion) {
			return nil, registry.Failure(registry.Unexpected, "the registry function's answer to list has a credential without id, or without a secretVersion as it was issued for")
		}
		listed = append(listed, registry.Issued{ID: credential.ID, Version: credential.SecretVersion, Ends: credential.ends()})
	}
	return listed, nil
}

// Revoke has the function end a credential.
func (d *Driver) Revoke(ctx context.Context, order registry.Order, id string) error {
	err := d.call(ctx, order, request{Action: "revoke", ID: id}, &struct{}{})
	if registry.IsMissing(err) {
		return nil
	}
	return err
}

// Inspect has the function verify what an account may do.
func (d *Driver) Inspect(ctx context.Context, order registry.Order, username string) (registry.Standing, error) {
	var answer struct {
		Pull     *bool
		Disabled bool
		Expires  *time.Time
	}
	if err := d.call(ctx, order, request{Action: "verify", Username: username}, &answer); err != nil {
		return registry.Standing{}, err
	}
	standing := registry.Standing{Disabled: answer.Disabled, Ends: aws.ToTime(answer.Expires)}
	if answer.Pull != nil {
		standing.Pull = registry.RightMissing
		if *answer.Pull {
			standing.Pull = registry.RightGranted
		}
	}
	return standing, nil
}

// call invokes the function, and reads its answer.
func (d *Driver) call(ctx context.Context, order registry.Order, call request, answer any) error {
	if err := d.Examine(order); err != nil {
		return registry.Failure(registry.Unsafe, err.Error())
	}
	call.Version, call.Registry, call.SecretARN, call.SecretVersion, call.Tags = contract, order.Registry.String(), order.SecretARN, order.Version, order.Tags
	payload, err := json.Marshal(call)
	if err != nil {
		return fmt.Errorf("write the request to the registry function: %w", err)
	}
	invoked, err := d.invoker.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(order.Tags[FunctionTag]), Payload: payload})
	if err != nil {
		return fmt.Errorf("call the registry function to %s: %w", call.Action, err)
	}
	if invoked.FunctionError != nil {
		return registry.Failure(registry.Unexpected, "the registry function failed at "+call.Action+"; its log says why")
	}
	var failure struct{ Error string }
	if json.Unmarshal(invoked.Payload, &failure) != nil {
		return registry.Failure(registry.Unexpected, "the registry function's answer to "+call.Action+" isn't a JSON object")
	}
	kinds := map[string]registry.Kind{"busy": registry.Busy, "refused": registry.Refused, "missing": registry.Missing}
	if kind, known := kinds[failure.Error]; known {
		return registry.Failure(kind, "the registry function answered "+failure.Error+" to "+call.Action)
	}
	if failure.Error != "" {
		return registry.Failure(registry.Unexpected, "the registry function answered an error to "+call.Action+"; its log says why")
	}
	if json.Unmarshal(invoked.Payload, answer) != nil {
		return registry.Failure(registry.Unexpected, "the registry function's answer to "+call.Action+" is not of the form that the contract describes")
	}
	return nil
}
