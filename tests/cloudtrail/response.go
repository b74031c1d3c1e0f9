package cloudtrail

import (
	"encoding/json"
	"encoding/xml"
	"slices"
	"strings"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
)

// responseElements writes a good answer as CloudTrail records it, or nil where
// the operation answers nothing.
func responseElements(exchange awscall.Exchange) any {
	switch exchange.Call.Service {
	case "iam":
		return iamResponse(exchange)
	case "ec2":
		return ec2Response(exchange)
	case "ecs":
		answer := decoded(exchange.Response)
		if len(answer) == 0 {
			return nil
		}
		return ecsTimes(hideEnvironment(answer))
	case "secretsmanager":
		answer := decoded(exchange.Response)
		if arn, ok := answer["ARN"]; ok {
			return map[string]any{"arn": arn}
		}
	}
	return nil
}

// element is any XML element.
type element struct {
	XMLName  xml.Name
	Text     string    `xml:",chardata"`
	Children []element `xml:",any"`
}

// iamTime is how CloudTrail writes the times of IAM and ECS.
const iamTime = "Jan 2, 2006 3:04:05 PM"

// iamResponse takes what is inside <CreateRoleResponse><CreateRoleResult>.
func iamResponse(exchange awscall.Exchange) any {
	var root element
	if xml.Unmarshal(exchange.Response, &root) != nil {
		return nil
	}
	for _, child := range root.Children {
		if child.XMLName.Local == exchange.Call.Operation+"Result" && len(child.Children) > 0 {
			return iamElement(child)
		}
	}
	return nil
}

func iamElement(node element) any {
	if len(node.Children) == 0 {
		text := strings.TrimSpace(node.Text)
		if parsed, err := time.Parse(time.RFC3339, text); err == nil {
			return parsed.UTC().Format(iamTime)
		}
		return typed(node.XMLName.Local, text)
	}
	if node.Children[0].XMLName.Local == "member" {
		list := make([]any, len(node.Children))
		for index, member := range node.Children {
			list[index] = iamElement(member)
		}
		return list
	}
	fields := map[string]any{}
	for _, child := range node.Children {
		value := iamElement(child)
		if value == "" && slices.Contains([]string{"Roles", "Tags"}, child.XMLName.Local) {
			value = []any{}
		}
		fields[lowerFirst(child.XMLName.Local)] = value
	}
	return fields
}

func ec2Response(exchange awscall.Exchange) any {
	var root element
	if xml.Unmarshal(exchange.Response, &root) != nil {
		return nil
	}
	fields, _ := ec2Element(root).(map[string]any)
	if value, ok := fields["return"]; ok {
		fields["_return"] = value
		delete(fields, "return")
	}
	if slices.Contains(wrappedOperations, exchange.Call.Operation) {
		fields["xmlns"] = root.XMLName.Space
		return map[string]any{exchange.Call.Operation + "Response": fields}
	}
	return fields
}

// ec2Element writes <item> lists as {"items": […]} and an empty one as {}.
func ec2Element(node element) any {
	name := node.XMLName.Local
	if len(node.Children) == 0 {
		text := strings.TrimSpace(node.Text)
		if text == "" && (strings.HasSuffix(name, "Set") || name == "productCodes" || name == "blockDeviceMapping") {
			return map[string]any{}
		}
		if parsed, err := time.Parse(time.RFC3339, text); err == nil && strings.HasSuffix(name, "Time") {
			return parsed.UnixMilli()
		}
		return typed(name, text)
	}
	if node.Children[0].XMLName.Local == "item" {
		list := make([]any, len(node.Children))
		for index, member := range node.Children {
			list[index] = ec2Element(member)
		}
		return items(list)
	}
	fields := map[string]any{}
	for _, child := range node.Children {
		fields[child.XMLName.Local] = ec2Element(child)
	}
	return fields
}

// ecsTimes writes the seconds since 1970 of ECS's answers as CloudTrail does.
func ecsTimes(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for name, child := range value {
			value[name] = ecsTimes(child)
			if number, ok := child.(json.Number); ok && strings.HasSuffix(name, "At") {
				if seconds, err := number.Float64(); err == nil {
					value[name] = time.UnixMilli(int64(seconds * 1000)).UTC().Format(iamTime)
				}
			}
		}
	case []any:
		for index, child := range value {
			value[index] = ecsTimes(child)
		}
	}
	return value
}
