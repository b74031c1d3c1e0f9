package taskdef

import (
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// Edit is one change of a definition, to the whole or to one container.
type Edit struct {
	Field Field
	// Container is the container's place, for fields that a container has.
	Container int
	// Value is what the field gets; "" takes the field away.
	Value string
	// Replaces says that the field is there already.
	Replaces bool
}

// Field is one of those that an edit can change.
type Field string

// The fields.
const (
	RepositoryCredentials Field = "repositoryCredentials"
	ExecutionRoleARN      Field = "executionRoleArn"
)

// apply makes the change in our own registration.
func (e Edit) apply(to *ecs.RegisterTaskDefinitionInput) {
	switch e.Field {
	case ExecutionRoleARN:
		to.ExecutionRoleArn = aws.String(e.Value)
	case RepositoryCredentials:
		container := &to.ContainerDefinitions[e.Container]
		container.RepositoryCredentials = nil
		if e.Value != "" {
			container.RepositoryCredentials = &types.RepositoryCredentials{CredentialsParameter: aws.String(e.Value)}
		}
	}
}

// Operation is a step of a JSON patch (RFC 6902).
type Operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// Operation gives the change as it is made in a definition's source, with its
// fields spelt as there.
func (e Edit) Operation(spelt func(string) string) Operation {
	field := spelt(string(e.Field))
	op := Operation{Op: "add", Path: "/" + field, Value: e.Value}
	if e.Field == RepositoryCredentials {
		op.Path = fmt.Sprintf("/%s/%d/%s", spelt("containerDefinitions"), e.Container, field)
		op.Value = map[string]string{spelt("credentialsParameter"): e.Value}
	}
	switch {
	case e.Value == "":
		op.Op, op.Value = "remove", nil
	case e.Replaces:
		op.Op = "replace"
	}
	return op
}

// patchText gives the changes as a JSON patch, to be put into the source.
func patchText(edits []Edit) string {
	operations := make([]Operation, len(edits))
	for i, edit := range edits {
		operations[i] = edit.Operation(func(name string) string { return name })
	}
	// Texts and maps of texts always marshal.
	text, _ := json.Marshal(operations)
	return string(text)
}
