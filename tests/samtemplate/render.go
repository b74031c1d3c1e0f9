package samtemplate

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Rendered is the template as CloudFormation sees it for one set of parameters.
// What only AWS knows (names and ARNs of resources) has a text of usual length in
// its place.
type Rendered struct {
	Conditions map[string]bool
	// Resources are those that there are, without those that a condition leaves out.
	Resources map[string]RenderedResource
}

// RenderedResource is one with its intrinsic functions resolved: maps, lists and
// strings, numbers and booleans as text.
type RenderedResource struct {
	Type       string
	Properties map[string]any
	// Retained says that it stays when the stack, or its condition, goes, and
	// RetainedIfReplaced that the old one stays beside a new one.
	Retained, RetainedIfReplaced bool
}

// StackName and Account are those of rendered templates.
const (
	StackName = "ecs-guardrails"
	Account   = "123456789012"
)

// absent stands for AWS::NoValue.
type absent struct{}

type renderer struct {
	template   *Template
	parameters map[string]string
	lists      map[string]bool
	pseudo     map[string]string
	conditions map[string]bool
}

// Render resolves the template for parameters (those that are not given have
// their defaults) in a region of a partition.
func (t *Template) Render(parameters map[string]string, partition, region string) (Rendered, error) {
	r := &renderer{template: t, parameters: map[string]string{}, lists: map[string]bool{}, conditions: map[string]bool{}, pseudo: map[string]string{
		"AWS::Partition": partition, "AWS::Region": region, "AWS::AccountId": Account, "AWS::StackName": StackName,
		"AWS::StackId": "arn:" + partition + ":cloudformation:" + region + ":" + Account + ":stack/" + StackName + "/0e8f2bb4-1d52-4a0f-9e2b-1f6d1f8f1c11",
	}}
	for _, parameter := range t.Parameters() {
		r.parameters[parameter.Name] = parameter.Default
		r.lists[parameter.Name] = parameter.Type == "CommaDelimitedList"
	}
	for name := range parameters {
		if _, ok := r.parameters[name]; !ok {
			return Rendered{}, fmt.Errorf("the template has no parameter %s", name)
		}
	}
	maps.Copy(r.parameters, parameters)
	_, declared := field(t.root, "Conditions")
	for name, node := range fields(declared) {
		r.conditions[name] = r.holds(node)
	}
	rendered := Rendered{Conditions: r.conditions, Resources: map[string]RenderedResource{}}
	_, resources := field(t.root, "Resources")
	for name, resource := range fields(resources) {
		if condition := text(resource, "Condition"); condition != "" && !r.conditions[condition] {
			continue
		}
		_, node := field(resource, "Properties")
		properties, _ := r.value(node).(map[string]any)
		rendered.Resources[name] = RenderedResource{
			Type: text(resource, "Type"), Properties: properties, Retained: strings.HasPrefix(text(resource, "DeletionPolicy"), "Retain"),
			RetainedIfReplaced: text(resource, "UpdateReplacePolicy") == "Retain",
		}
	}
	return rendered, nil
}

// holds evaluates a condition.
func (r *renderer) holds(node *yaml.Node) bool {
	switch node.Tag {
	case "!Equals":
		return fmt.Sprint(r.value(node.Content[0])) == fmt.Sprint(r.value(node.Content[1]))
	case "!Not":
		return !r.holds(node.Content[0])
	case "!And":
		return !slices.ContainsFunc(node.Content, func(n *yaml.Node) bool { return !r.holds(n) })
	case "!Or":
		return slices.ContainsFunc(node.Content, r.holds)
	case "!Condition":
		// Conditions stand after those that they name.
		return r.conditions[node.Value]
	}
	return false
}

func (r *renderer) value(node *yaml.Node) any {
	if node == nil {
		return nil
	}
	switch node.Tag {
	case "!Ref":
		return r.ref(node.Value)
	case "!GetAtt":
		return r.attribute(node.Value)
	case "!If":
		if r.conditions[node.Content[0].Value] {
			return r.value(node.Content[1])
		}
		return r.value(node.Content[2])
	case "!Sub":
		return r.sub(node)
	case "!Join":
		return strings.Join(r.list(node.Content[1]), node.Content[0].Value)
	case "!Split":
		return anyList(strings.Split(fmt.Sprint(r.value(node.Content[1])), node.Content[0].Value))
	case "!Select":
		index, _ := strconv.Atoi(node.Content[0].Value)
		if list := r.list(node.Content[1]); index < len(list) {
			return list[index]
		}
		return absent{}
	}
	switch node.Kind {
	case yaml.MappingNode:
		values := map[string]any{}
		for name, inner := range fields(node) {
			if value := r.value(inner); value != (absent{}) {
				values[name] = value
			}
		}
		return values
	case yaml.SequenceNode:
		values := []any{}
		for _, inner := range node.Content {
			if value := r.value(inner); !isAbsent(value) {
				values = append(values, value)
			}
		}
		return values
	}
	return node.Value
}

func isAbsent(value any) bool {
	_, is := value.(absent)
	return is
}

func (r *renderer) list(node *yaml.Node) []string {
	var texts []string
	values, _ := r.value(node).([]any)
	for _, value := range values {
		texts = append(texts, fmt.Sprint(value))
	}
	return texts
}

func anyList(texts []string) []any {
	values := make([]any, len(texts))
	for index, text := range texts {
		values[index] = text
	}
	return values
}

func (r *renderer) ref(name string) any {
	if name == "AWS::NoValue" {
		return absent{}
	}
	if value, ok := r.pseudo[name]; ok {
		return value
	}
	if value, ok := r.parameters[name]; ok {
		if r.lists[name] {
			return anyList(strings.Split(value, ","))
		}
		return value
	}
	_, resource := field(r.template.root, "Resources", name)
	switch text(resource, "Type") {
	case "AWS::IAM::ManagedPolicy":
		return "arn:" + r.pseudo["AWS::Partition"] + ":iam::" + Account + ":policy/" + physical(name)
	case "AWS::SNS::Topic":
		return "arn:" + r.pseudo["AWS::Partition"] + ":sns:" + r.pseudo["AWS::Region"] + ":" + Account + ":" + physical(name)
	case "AWS::KMS::Key":
		return keyID
	}
	return physical(name)
}

// keyID has the form of a key's id, which no name is part of.
const keyID = "0e8f2bb4-1d52-4a0f-9e2b-1f6d1f8f1c11"

// physical is a name such as CloudFormation makes.
func physical(name string) string { return StackName + "-" + name + "-A1B2C3D4E5F6" }

func (r *renderer) attribute(path string) string {
	name, attribute, _ := strings.Cut(path, ".")
	_, resource := field(r.template.root, "Resources", name)
	here := r.pseudo["AWS::Region"] + ":" + Account + ":"
	service := map[string]string{
		"AWS::S3::Bucket": "s3:::", "AWS::IAM::Role": "iam::" + Account + ":role/", "AWS::Events::EventBus": "events:" + here + "event-bus/",
	}[text(resource, "Type")]
	switch kind := text(resource, "Type"); {
	case attribute != "Arn":
		return physical(name)
	case kind == "AWS::Logs::LogGroup":
		return "arn:" + r.pseudo["AWS::Partition"] + ":logs:" + here + "log-group:" + physical(name) + ":*"
	case kind == "AWS::KMS::Key":
		return "arn:" + r.pseudo["AWS::Partition"] + ":kms:" + here + "key/" + keyID
	case service == "":
		parts := strings.Split(strings.ToLower(text(resource, "Type")), "::")
		service = parts[1] + ":" + r.pseudo["AWS::Region"] + ":" + Account + ":"
	}
	return "arn:" + r.pseudo["AWS::Partition"] + ":" + service + physical(name)
}

// sub resolves !Sub with or without variables of its own.
func (r *renderer) sub(node *yaml.Node) string {
	pattern, own := node.Value, map[string]any{}
	if node.Kind == yaml.SequenceNode {
		pattern = node.Content[0].Value
		for name, value := range fields(node.Content[1]) {
			own[name] = r.value(value)
		}
	}
	var result strings.Builder
	for {
		before, after, found := strings.Cut(pattern, "${")
		result.WriteString(before)
		if !found {
			return result.String()
		}
		name, rest, _ := strings.Cut(after, "}")
		pattern = rest
		value, ok := own[name]
		switch {
		case ok:
		case strings.Contains(name, ".") && !strings.HasPrefix(name, "AWS::"):
			value = r.attribute(name)
		default:
			value = r.ref(name)
		}
		fmt.Fprint(&result, value)
	}
}

// inlineLimit and managedLimit are how many characters, white space aside, the
// inline policies of a role may have together, and a managed policy (IAM and STS
// quotas, IAM User Guide).
const (
	inlineLimit  = 10_240
	managedLimit = 6_144
)

// TooLong says which policies IAM would refuse because of their length.
func (r Rendered) TooLong() []string {
	inline := map[string]int{}
	var faults []string
	for name, resource := range r.Resources {
		switch resource.Type {
		case "AWS::IAM::Role":
			policies, _ := resource.Properties["Policies"].([]any)
			for _, policy := range policies {
				inline[name] += length(policy)
			}
		case "AWS::IAM::Policy":
			roles, _ := resource.Properties["Roles"].([]any)
			for _, role := range roles {
				for of := range r.Resources {
					if physical(of) == role {
						inline[of] += length(resource.Properties)
					}
				}
			}
		case "AWS::IAM::ManagedPolicy":
			if characters := length(resource.Properties); characters > managedLimit {
				faults = append(faults, fmt.Sprintf("%s would have %d characters, and IAM takes %d: name fewer, or shorter names", name, characters, managedLimit))
			}
		}
	}
	for role, characters := range inline {
		if characters > inlineLimit {
			faults = append(faults, fmt.Sprintf("%s's policies would have %d characters, and IAM takes %d: name fewer, or shorter names", role, characters, inlineLimit))
		}
	}
	slices.Sort(faults)
	return faults
}

// length is that of a policy's document as IAM counts it.
func length(policy any) int {
	properties, _ := policy.(map[string]any)
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	// Strings, lists and maps always have a JSON form.
	_ = encoder.Encode(properties["PolicyDocument"])
	return len(strings.TrimSpace(text.String()))
}
