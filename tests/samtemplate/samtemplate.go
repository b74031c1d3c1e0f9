// Package samtemplate reads the SAM template as people read it: with the
// comments that stand beside parameters and permissions.
package samtemplate

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Template is a parsed template.
type Template struct{ root *yaml.Node }

// Load reads a template.
func Load(path string) (*Template, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the template: %w", err)
	}
	return Parse(content)
}

// Parse reads a template's text.
func Parse(content []byte) (*Template, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		return nil, fmt.Errorf("reading the template: %w", err)
	}
	if len(document.Content) != 1 || document.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("reading the template: it is no mapping")
	}
	return &Template{document.Content[0]}, nil
}

// field gives the key and the value of a mapping's field; both are nil where
// it has none.
func field(mapping *yaml.Node, path ...string) (key, value *yaml.Node) {
	value = mapping
	for _, name := range path {
		if value == nil || value.Kind != yaml.MappingNode {
			return nil, nil
		}
		mapping, value = value, nil
		for index := 0; index < len(mapping.Content); index += 2 {
			if mapping.Content[index].Value == name {
				key, value = mapping.Content[index], mapping.Content[index+1]
			}
		}
	}
	return key, value
}

// fields walks over a mapping in its order.
func fields(mapping *yaml.Node) func(func(string, *yaml.Node) bool) {
	return func(yield func(string, *yaml.Node) bool) {
		if mapping == nil || mapping.Kind != yaml.MappingNode {
			return
		}
		for index := 0; index < len(mapping.Content); index += 2 {
			if !yield(mapping.Content[index].Value, mapping.Content[index+1]) {
				return
			}
		}
	}
}

func text(mapping *yaml.Node, path ...string) string {
	if _, value := field(mapping, path...); value != nil && value.Kind == yaml.ScalarNode {
		return value.Value
	}
	return ""
}

// Parameter is one of the template's.
type Parameter struct {
	Name, Group, Type, Default, Description string
	// HasDefault tells an empty default from none.
	HasDefault bool
	// Allowed are its allowed values, or its bounds, in words; "" where there are none.
	Allowed string
	// Values are its allowed values, Pattern what a value (of a list, each) must
	// match, and Constraint says that in words.
	Values              []string
	Pattern, Constraint string
}

// Parameters lists all parameters in the order of their groups (Metadata,
// AWS::CloudFormation::Interface), those without a group last.
func (t *Template) Parameters() []Parameter {
	groups := map[string]string{}
	var order []string
	if _, list := field(t.root, "Metadata", "AWS::CloudFormation::Interface", "ParameterGroups"); list != nil {
		for _, group := range list.Content {
			_, names := field(group, "Parameters")
			for _, name := range names.Content {
				groups[name.Value] = text(group, "Label", "default")
				order = append(order, name.Value)
			}
		}
	}
	_, declared := field(t.root, "Parameters")
	var parameters []Parameter
	for name, of := range fields(declared) {
		_, standard := field(of, "Default")
		parameter := Parameter{
			Name: name, Group: groups[name], Type: text(of, "Type"), Default: text(of, "Default"), Description: text(of, "Description"),
			HasDefault: standard != nil, Pattern: text(of, "AllowedPattern"), Constraint: text(of, "ConstraintDescription"),
		}
		if _, allowed := field(of, "AllowedValues"); allowed != nil {
			for _, value := range allowed.Content {
				parameter.Values = append(parameter.Values, value.Value)
			}
			parameter.Allowed = strings.Join(parameter.Values, ", ")
		} else if least := text(of, "MinValue"); least != "" {
			parameter.Allowed = least + " to " + text(of, "MaxValue")
		}
		parameters = append(parameters, parameter)
	}
	place := func(p Parameter) int {
		if at := slices.Index(order, p.Name); at >= 0 {
			return at
		}
		return len(order)
	}
	slices.SortStableFunc(parameters, func(a, b Parameter) int { return place(a) - place(b) })
	return parameters
}

// Action is one that a statement allows.
type Action struct {
	Name string
	// Why is the comment before the action, or before the statement.
	Why string
	// Only says under which parameters it is there, as in "Allow=restore-config".
	Only string
}

// Statement is one Allow of a role's policies.
type Statement struct {
	SID     string
	Actions []Action
	// Resources and Conditions are in words; Note is the comment beside the
	// resource.
	Resources, Conditions []string
	Note                  string
	// Only says under which parameters it is there.
	Only string
}

// Permissions lists what a role (by its logical id) may do, in the order of the
// template.
func (t *Template) Permissions(role string) []Statement {
	var statements []Statement
	_, resources := field(t.root, "Resources")
	for name, resource := range fields(resources) {
		only := t.condition(text(resource, "Condition"))
		if name == role {
			_, policies := field(resource, "Properties", "Policies")
			if policies == nil {
				continue
			}
			for _, policy := range policies.Content {
				_, document := field(policy, "PolicyDocument")
				statements = append(statements, t.statements(document, only)...)
			}
		}
		if text(resource, "Type") != "AWS::IAM::Policy" {
			continue
		}
		_, roles := field(resource, "Properties", "Roles")
		for _, of := range roles.Content {
			if of.Value == role {
				_, document := field(resource, "Properties", "PolicyDocument")
				statements = append(statements, t.statements(document, only)...)
			}
		}
	}
	return statements
}

func (t *Template) statements(document *yaml.Node, only string) []Statement {
	_, list := field(document, "Statement")
	var statements []Statement
	for _, node := range list.Content {
		node, when := t.unconditional(node)
		if text(node, "Effect") != "Allow" {
			continue
		}
		statement := Statement{SID: text(node, "Sid"), Only: both(only, when)}
		why := comment(node)
		key, resource := field(node, "Resource")
		statement.Note = comment(key)
		if resource.Kind == yaml.SequenceNode && resource.Tag == "!!seq" {
			for _, item := range resource.Content {
				statement.Resources = append(statement.Resources, words(item))
				statement.Note = strings.TrimSpace(statement.Note + " " + comment(item))
			}
		} else {
			statement.Resources = []string{words(resource)}
		}
		actionKey, action := field(node, "Action")
		actions := []*yaml.Node{action}
		if action.Kind == yaml.SequenceNode {
			actions = action.Content
		}
		for _, item := range actions {
			own := comment(item)
			item, when := t.unconditional(item)
			if own == "" {
				own = comment(item)
			}
			if own == "" && action.Kind == yaml.ScalarNode {
				own = comment(actionKey)
			}
			if own == "" {
				own = why
			}
			statement.Actions = append(statement.Actions, Action{item.Value, own, when})
		}
		_, conditions := field(node, "Condition")
		for operator, keys := range fields(conditions) {
			// Beside another condition on the same keys: they must be there at all.
			if operator == "Null" {
				continue
			}
			for key, value := range fields(keys) {
				var values []string
				if value.Kind == yaml.SequenceNode && value.Tag == "!!seq" {
					for _, item := range value.Content {
						values = append(values, words(item))
					}
				} else {
					values = []string{words(value)}
				}
				statement.Conditions = append(statement.Conditions, "`"+key+"` is "+strings.Join(values, " or "))
			}
		}
		statements = append(statements, statement)
	}
	return statements
}

// unconditional opens !If [condition, node, nothing].
func (t *Template) unconditional(node *yaml.Node) (*yaml.Node, string) {
	if node.Tag != "!If" {
		return node, ""
	}
	opened := node.Content[1]
	if opened.HeadComment == "" {
		opened.HeadComment = node.HeadComment
	}
	return opened, t.condition(node.Content[0].Value)
}

// listed tells by which word of which parameter a condition holds that looks for
// the word in a list: !Not [!Equals [!Join ["", !Split [word, !Ref list]], !Ref list]],
// or, where it can only be the first, !Equals [!Select [0, !Split [",", !Ref list]], word].
func listed(node *yaml.Node) string {
	if node.Tag == "!Equals" && node.Content[0].Tag == "!Select" && node.Content[0].Content[1].Tag == "!Split" {
		return node.Content[0].Content[1].Content[1].Value + "=" + node.Content[1].Value
	}
	if node.Tag != "!Not" || node.Content[0].Tag != "!Equals" {
		return ""
	}
	joined := node.Content[0].Content[0]
	if joined.Tag != "!Join" || len(joined.Content) != 2 || joined.Content[1].Tag != "!Split" {
		return ""
	}
	split := joined.Content[1].Content
	return split[1].Value + "=" + split[0].Value
}

func both(a, b string) string {
	if a == "" || b == "" || a == b {
		return a + strings.TrimPrefix(b, a)
	}
	return a + ", " + b
}

// condition tells by which parameters a condition holds; its name where that is
// more than one comparison.
func (t *Template) condition(name string) string {
	if name == "" {
		return ""
	}
	_, node := field(t.root, "Conditions", name)
	switch {
	case node == nil:
		return name
	case listed(node) != "":
		return listed(node)
	case node.Tag == "!Equals" && node.Content[0].Tag == "!Ref" && node.Content[1].Value == "":
		return node.Content[0].Value + `=""`
	case node.Tag == "!Equals" && node.Content[0].Tag == "!Ref":
		return node.Content[0].Value + "=" + node.Content[1].Value
	case node.Tag == "!Not" && node.Content[0].Tag == "!Equals" && node.Content[0].Content[1].Value == "":
		compared := node.Content[0].Content[0]
		if compared.Tag == "!Select" {
			compared = compared.Content[1]
		}
		return compared.Value
	case node.Tag == "!Not" && node.Content[0].Tag == "!Equals" && node.Content[0].Content[0].Tag == "!Ref":
		return node.Content[0].Content[0].Value + "≠" + node.Content[0].Content[1].Value
	}
	return name
}

// comment gives a node's comment as one line.
func comment(node *yaml.Node) string {
	if node == nil {
		return ""
	}
	head := node.HeadComment
	// A mapping's first comment stands at its first key.
	if head == "" && node.Kind == yaml.MappingNode && len(node.Content) > 0 {
		head = node.Content[0].HeadComment
	}
	var lines []string
	for line := range strings.Lines(head) {
		lines = append(lines, strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "#")))
	}
	return strings.Join(lines, " ")
}

// words tells what a resource, or a value of a condition, names.
func words(node *yaml.Node) string {
	switch node.Tag {
	case "!GetAtt":
		return "the stack's `" + strings.TrimSuffix(node.Value, ".Arn") + "`"
	case "!Ref":
		return "`" + node.Value + "`"
	case "!If":
		return words(node.Content[1]) + " or " + words(node.Content[2])
	case "!Split":
		return words(node.Content[1])
	case "!Sub":
		if node.Kind == yaml.SequenceNode {
			return pattern(joined(node.Content[0].Value, node.Content[1]))
		}
	}
	return pattern(node.Value)
}

// joined names, in the place of what a list's names were joined into, the
// parameter that has the list.
func joined(arn string, variables *yaml.Node) string {
	for name, value := range fields(variables) {
		for _, part := range value.Content {
			if part.Tag == "!Ref" {
				arn = strings.ReplaceAll(arn, "${"+name+"}", "${"+part.Value+"}")
			}
		}
	}
	// The first of the list stands for all.
	arn, _, _ = strings.Cut(arn, ",")
	return arn
}

var pseudo = strings.NewReplacer("${AWS::Partition}", "aws", "${AWS::Region}", "REGION", "${AWS::AccountId}", "ACCOUNT", ".Arn}", "}")

// pattern shortens an ARN to what tells it from others of the account and
// region.
func pattern(arn string) string {
	if arn == "*" {
		return "all"
	}
	arn = pseudo.Replace(arn)
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" {
		return "`" + arn + "`"
	}
	short := parts[5]
	if parts[4] == "aws" {
		short = "aws:" + short
	}
	short = "`" + short + "`"
	if parts[3] == "*" {
		short += " in any region"
	}
	return short
}
