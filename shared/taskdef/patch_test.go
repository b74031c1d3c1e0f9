package taskdef

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/schemas"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"
)

// onTheWire gives a registration as ECS receives it.
func onTheWire(t *testing.T, input *ecs.RegisterTaskDefinitionInput) []byte {
	t.Helper()
	operation := smithy.NewOperationSchema(schemas.RegisterTaskDefinition, schemas.RegisterTaskDefinitionRequest, schemas.RegisterTaskDefinitionResponse)
	request, ok := smithyhttp.NewStackRequest().(*smithyhttp.Request)
	if !ok {
		t.Fatal("the SDK's request has another type")
	}
	if err := awsjson.New11(schemas.AmazonEC2ContainerServiceV20141113).SerializeRequest(context.Background(), operation, input, request); err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(request.GetStream())
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// TestPatches holds whole definitions, before as ECS describes them and after
// as ECS receives them, against golden files; and whatever those say, the
// difference is the intended fields.
func TestPatches(t *testing.T) {
	files, err := filepath.Glob("testdata/patch/*.json")
	if err != nil || len(files) < 7 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			output, err := DecodeDescription(body)
			if err != nil {
				t.Fatal(err)
			}
			observed := Observation{Definition: output.TaskDefinition, Tags: output.Tags, UnknownFields: unknownFields(body), Secrets: planSecrets(t)}
			plan := Settings{ExecutionRoleARN: givenARN, RegistrySecretPattern: []string{"*"}}.Plan(observed)
			var report bytes.Buffer
			fmt.Fprintf(&report, "findings: %s\n", codesAndCures(plan.Findings))
			for _, action := range plan.Actions {
				registration := action.(Registration)
				described := registration.Describe()
				after := onTheWire(t, registration.Input)
				fmt.Fprintf(&report, "%s %s\n%s\n", described.Kind, described.Target, described.Summary)
				fmt.Fprintln(&report, strings.Join(differences(t, body, after), "\n"))
				// Read and written again, since the SDK writes maps in any order.
				if err := json.Indent(&report, sortedJSON(t, after), "", "  "); err != nil {
					t.Fatal(err)
				}
				report.WriteByte('\n')
			}
			golden(t, strings.TrimSuffix(file, ".json")+".golden", report.Bytes())
		})
	}
}

// differences lists what a registration has otherwise than the description, but
// for what ECS alone makes; anything but the intended fields fails.
func differences(t *testing.T, before, after []byte) []string {
	t.Helper()
	var described struct {
		TaskDefinition map[string]any
		Tags           []any
	}
	var registered map[string]any
	for text, into := range map[*[]byte]any{&before: &described, &after: &registered} {
		if err := json.Unmarshal(*text, into); err != nil {
			t.Fatal(err)
		}
	}
	for name := range described.TaskDefinition {
		if IsOutputOnly(name) {
			delete(described.TaskDefinition, name)
		}
	}
	tags := []any{}
	for _, tag := range described.Tags {
		if key, _ := tag.(map[string]any)["key"].(string); !isReserved(key) {
			tags = append(tags, tag)
		}
	}
	described.TaskDefinition["tags"] = tags
	var found []string
	compare("", described.TaskDefinition, registered, &found)
	slices.Sort(found)
	for _, difference := range found {
		path, _, _ := strings.Cut(difference, ": ")
		credential := strings.HasPrefix(path, "containerDefinitions[") && strings.HasSuffix(path, "].repositoryCredentials")
		// The SDK leaves a container's cpu of 0 out, which is its default.
		zero := strings.HasSuffix(difference, "].cpu: 0 → <nil>")
		if !credential && !zero && path != "executionRoleArn" && !strings.HasPrefix(path, "tags") {
			t.Errorf("not intended: %s", difference)
		}
	}
	return slices.DeleteFunc(found, func(text string) bool { return strings.Contains(text, "].cpu: 0 →") })
}

func compare(path string, before, after any, found *[]string) {
	switch was := before.(type) {
	case map[string]any:
		if is, ok := after.(map[string]any); ok {
			for _, name := range keysOf(was, is) {
				at := name
				if path != "" {
					at = path + "." + name
				}
				compare(at, was[name], is[name], found)
			}
			return
		}
	case []any:
		if is, ok := after.([]any); ok {
			for i := range max(len(was), len(is)) {
				compare(fmt.Sprintf("%s[%d]", path, i), at(was, i), at(is, i), found)
			}
			return
		}
	}
	if fmt.Sprint(before) != fmt.Sprint(after) {
		*found = append(*found, fmt.Sprintf("%s: %v → %v", path, before, after))
	}
}

func at(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return nil
}

func keysOf(maps ...map[string]any) []string {
	var keys []string
	for _, m := range maps {
		for key := range m {
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

func sortedJSON(t *testing.T, text []byte) []byte {
	t.Helper()
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	sorted, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return sorted
}
