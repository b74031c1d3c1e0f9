package cloudtrail

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

// input is what the target gets: the whole event, a constant, a part of the
// event, or a text made of its parts (EventBridge User Guide, "Amazon
// EventBridge input transformation").
func input(rule types.Rule, target types.Target, event []byte) ([]byte, error) {
	if target.Input != nil {
		return []byte(*target.Input), nil
	}
	var tree any
	if err := json.Unmarshal(event, &tree); err != nil {
		return nil, fmt.Errorf("reading the event: %w", err)
	}
	if target.InputPath != nil {
		value, _ := at(tree, *target.InputPath)
		return json.Marshal(value)
	}
	if target.InputTransformer == nil {
		return event, nil
	}
	values := map[string]any{
		"aws.events.event":     tree,
		"aws.events.rule-name": aws.ToString(rule.Name),
		"aws.events.rule-arn":  aws.ToString(rule.Arn),
	}
	for name, path := range target.InputTransformer.InputPathsMap {
		// A path that leads nowhere leaves the placeholder empty.
		values[name], _ = at(tree, path)
	}
	return transform(aws.ToString(target.InputTransformer.InputTemplate), values)
}

// at follows a path of names and list positions: $.detail.items[0].name.
func at(tree any, path string) (any, bool) {
	path = strings.TrimPrefix(strings.TrimPrefix(path, "$"), ".")
	path = strings.NewReplacer("[", ".", "]", "", `"`, "", "'", "").Replace(path)
	if path == "" {
		return tree, true
	}
	for name := range strings.SplitSeq(path, ".") {
		switch node := tree.(type) {
		case map[string]any:
			child, ok := node[name]
			if !ok {
				return nil, false
			}
			tree = child
		case []any:
			var index int
			if _, err := fmt.Sscanf(name, "%d", &index); err != nil || index < 0 || index >= len(node) {
				return nil, false
			}
			tree = node[index]
		default:
			return nil, false
		}
	}
	return tree, true
}

var placeholder = regexp.MustCompile(`<([A-Za-z0-9_.-]+)>`)

// transform fills the template. Inside quotes a value stands without quotes of
// its own; outside it is JSON.
func transform(template string, values map[string]any) ([]byte, error) {
	var written strings.Builder
	quoted := false
	for template != "" {
		place := placeholder.FindStringSubmatchIndex(template)
		before, after := template, ""
		if place != nil {
			before, after = template[:place[0]], template[place[1]:]
		}
		written.WriteString(before)
		if strings.Count(strings.ReplaceAll(before, `\"`, ""), `"`)%2 == 1 {
			quoted = !quoted
		}
		if place == nil {
			break
		}
		value, known := values[template[place[2]:place[3]]]
		if !known {
			written.WriteString(template[place[0]:place[1]])
			template = after
			continue
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("writing <%s>: %w", template[place[2]:place[3]], err)
		}
		if _, isText := value.(string); isText && quoted {
			text = text[1 : len(text)-1]
		}
		written.Write(text)
		template = after
	}
	return []byte(written.String()), nil
}
