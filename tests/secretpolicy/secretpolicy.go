// Package secretpolicy refuses what Secrets Manager refuses of PutResourcePolicy
// and the emulator does not: documents that are no policies, and policies that
// let everybody in (Secrets Manager API Reference, PutResourcePolicy).
package secretpolicy

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/endpoint"
	"github.com/ecs-guardrails/ecs-guardrails/tests/policysimulation"
)

// maxPolicy is the longest policy that the API takes, in bytes.
const maxPolicy = 20480

// Answer is the endpoint's supplement for secretsmanager:PutResourcePolicy: it
// refuses, or leaves the rest to the emulator.
func Answer(writer http.ResponseWriter, _ *http.Request, exchange awscall.Exchange) bool {
	text, _ := exchange.Parameters["ResourcePolicy"].(string)
	if text == "" || len(text) > maxPolicy {
		endpoint.WriteJSONError(writer, http.StatusBadRequest, "ValidationException", "ResourcePolicy must have between 1 and 20480 characters")
		return true
	}
	document, err := policysimulation.ParseDocument(text)
	if err == nil {
		err = check(document)
	}
	if err != nil {
		endpoint.WriteJSONError(writer, http.StatusBadRequest, "MalformedPolicyDocumentException", "This resource policy contains invalid syntax: "+err.Error())
		return true
	}
	if block, given := exchange.Parameters["BlockPublicPolicy"].(bool); (!given || block) && public(document) {
		endpoint.WriteJSONError(writer, http.StatusBadRequest, "PublicPolicyException", "This resource policy grants broad access to the secret")
		return true
	}
	return false
}

// check holds a policy to what a resource's must have.
func check(document policysimulation.Document) error {
	for index, statement := range document.Statements {
		switch {
		case statement.Principals == nil && statement.NotPrincipal == nil:
			return fmt.Errorf("statement %d has no Principal", index+1)
		case len(statement.Resources) == 0 && len(statement.NotResources) == 0:
			return fmt.Errorf("statement %d has no Resource", index+1)
		case slices.ContainsFunc(statement.Actions, func(action string) bool {
			return action != "*" && !strings.HasPrefix(strings.ToLower(action), "secretsmanager:")
		}):
			return fmt.Errorf("statement %d has an action of another service", index+1)
		}
	}
	return nil
}

// narrowing are the condition keys that keep a policy for everybody from being
// public (Secrets Manager User Guide, BlockPublicPolicy).
var narrowing = []string{
	"aws:sourcearn", "aws:sourceaccount", "aws:sourcevpc", "aws:sourcevpce", "aws:principalarn", "aws:principalaccount",
	"aws:principalorgid", "aws:principalorgpaths", "aws:sourceorgid", "aws:sourceip", "aws:userid",
}

func public(document policysimulation.Document) bool {
	return slices.ContainsFunc(document.Statements, func(statement policysimulation.Statement) bool {
		if statement.Deny {
			return false
		}
		everybody := statement.NotPrincipal != nil || slices.Contains(statement.Principals["*"], "*") || slices.Contains(statement.Principals["AWS"], "*")
		return everybody && !slices.ContainsFunc(statement.Conditions, func(condition policysimulation.Condition) bool {
			return slices.Contains(narrowing, strings.ToLower(condition.Key)) && !slices.Contains(condition.Values, "*")
		})
	})
}
