package registrytest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// Function is an operator's function for the driver lambda: it makes an account
// for each credential, as the contract of that driver describes.
type Function struct {
	Tokens
	// Interruption may cut calls off.
	Interruption *Interruption
	// Answer replaces what an action is answered with, by its name.
	Answer map[string]string
	// Fails has the function end with an error.
	Fails bool
	// Ends is when its credentials end; zero for never.
	Ends time.Time
}

// ServeHTTP implements http.Handler: the function has no interface of its own.
func (*Function) ServeHTTP(writer http.ResponseWriter, _ *http.Request) {
	writer.WriteHeader(http.StatusNotFound)
}

// Invoke implements the operation of Lambda.
func (f *Function) Invoke(_ context.Context, input *lambda.InvokeInput, _ ...func(*lambda.Options)) (output *lambda.InvokeOutput, err error) {
	cut := f.Interruption.Around(func() { output, err = f.invoke(input) })
	if cut != nil {
		return nil, cut
	}
	return output, err
}

func (f *Function) invoke(input *lambda.InvokeInput) (*lambda.InvokeOutput, error) {
	if f.Fails {
		return &lambda.InvokeOutput{FunctionError: aws.String("Unhandled"), Payload: []byte(`{"errorMessage":"` + f.Canary + `"}`)}, nil
	}
	var asked struct{ Action, SecretARN, SecretVersion, Username, ID string }
	if err := json.Unmarshal(input.Payload, &asked); err != nil {
		return nil, err
	}
	if text, ok := f.Answer[asked.Action]; ok {
		return &lambda.InvokeOutput{Payload: []byte(text)}, nil
	}
	var expires any
	if !f.Ends.IsZero() {
		expires = f.Ends
	}
	mark := "ecs-guardrails-" + asked.SecretARN + "#"
	answer := map[string]any{}
	switch asked.Action {
	case "issue":
		token := f.mint(func(n int) string { return fmt.Sprintf("id-%d", n) }, mark+asked.SecretVersion, fmt.Sprintf("ci-%d", len(f.Live())), nil)
		answer = map[string]any{"username": token.Username, "password": token.Secret, "id": token.ID, "expires": expires}
	case "list":
		credentials := []map[string]any{}
		for _, token := range f.Live() {
			if version, ours := strings.CutPrefix(token.Name, mark); ours {
				credentials = append(credentials, map[string]any{"id": token.ID, "secretVersion": version, "expires": expires})
			}
		}
		answer["credentials"] = credentials
	case "verify":
		answer = map[string]any{"pull": true, "expires": expires}
	case "revoke":
		if !f.end(asked.ID) {
			answer["error"] = "missing"
		}
	default:
		answer["error"] = f.Canary
	}
	payload, err := json.Marshal(answer)
	return &lambda.InvokeOutput{Payload: payload}, err
}
