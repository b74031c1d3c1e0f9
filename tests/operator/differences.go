package operator

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// givenByECS are the fields that ECS itself gives to every revision.
var givenByECS = []string{"TaskDefinitionArn", "Revision", "RegisteredAt", "RegisteredBy", "DeregisteredAt", "Status", "Compatibilities", "RequiresAttributes"}

// Differences lists where two revisions differ in what their author wrote, as
// in "ContainerDefinitions[0].Image".
func Differences(before, after *ecstypes.TaskDefinition) ([]string, error) {
	var trees [2]map[string]any
	for index, definition := range []*ecstypes.TaskDefinition{before, after} {
		text, err := json.Marshal(definition)
		if err != nil {
			return nil, fmt.Errorf("writing a task definition: %w", err)
		}
		if err := json.Unmarshal(text, &trees[index]); err != nil {
			return nil, fmt.Errorf("reading a task definition: %w", err)
		}
		for _, name := range givenByECS {
			delete(trees[index], name)
		}
	}
	return differing("", trees[0], trees[1]), nil
}

func differing(path string, before, after any) []string {
	switch was := before.(type) {
	case map[string]any:
		is, ok := after.(map[string]any)
		if !ok {
			return []string{path}
		}
		names := map[string]bool{}
		for name := range was {
			names[name] = true
		}
		for name := range is {
			names[name] = true
		}
		var paths []string
		for _, name := range slices.Sorted(maps.Keys(names)) {
			inner := name
			if path != "" {
				inner = path + "." + name
			}
			paths = append(paths, differing(inner, was[name], is[name])...)
		}
		return paths
	case []any:
		is, ok := after.([]any)
		if !ok || len(is) != len(was) {
			return []string{path}
		}
		var paths []string
		for index := range was {
			paths = append(paths, differing(fmt.Sprintf("%s[%d]", path, index), was[index], is[index])...)
		}
		return paths
	}
	if reflect.DeepEqual(before, after) {
		return nil
	}
	return []string{path}
}
