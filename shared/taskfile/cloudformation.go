package taskfile

import "strings"

// arms is which outcome of conditions is read (Fn::If, HCL's a ? b : c), 0 for
// the first of each and 1 for the second, and whether there was one.
type arms struct {
	arm         int
	conditional bool
}

// functionName gives the name of the CloudFormation function that makes a value,
// from {"Ref": …} or {"Fn::Sub": …}; "" where none does.
func (n *node) functionName() string {
	if n == nil || n.kind != kindObject || len(n.members) != 1 {
		return ""
	}
	if name := n.members[0].name; name == "Ref" || strings.HasPrefix(name, "Fn::") {
		return name
	}
	return ""
}

// chosen follows conditions to the arm that is read. It gives nil for
// AWS::NoValue, which takes the field away.
func (d *Draft) chosen(n *node) *node {
	for d.capitals && n != nil {
		switch name := n.functionName(); {
		case name == "Fn::If" && len(n.members[0].value.items) == 3:
			d.conditional = true
			n = n.members[0].value.items[1+d.arm]
		case name == "Ref" && n.members[0].value.text == "AWS::NoValue":
			return nil
		default:
			return n
		}
	}
	return n
}

// literal gives the text that a function makes, as far as it is literal: what
// only a deployment knows stands in it as ${NAME}.
func (d *Draft) literal(n *node, depth int) string {
	n = d.chosen(n)
	name := n.functionName()
	if n == nil || name == "" || depth > maxDepth {
		if n == nil || n.kind == kindList || n.kind == kindObject {
			return "${…}"
		}
		return n.text
	}
	argument := n.members[0].value
	switch {
	case name == "Ref" && argument.text != "":
		return "${" + argument.text + "}"
	case name == "Fn::Sub":
		return d.substituted(argument, depth)
	case name == "Fn::Join" && len(argument.items) == 2 && argument.items[1].kind == kindList:
		var parts []string
		for _, part := range argument.items[1].items {
			if part = d.chosen(part); part != nil {
				parts = append(parts, d.literal(part, depth+1))
			}
		}
		return strings.Join(parts, argument.items[0].text)
	case name == "Fn::GetAtt" && len(argument.items) > 0:
		var parts []string
		for _, part := range argument.items {
			parts = append(parts, part.text)
		}
		return "${" + strings.Join(parts, ".") + "}"
	}
	return "${" + name + "}"
}

func (d *Draft) substituted(argument *node, depth int) string {
	text, variables := argument.text, (*node)(nil)
	if len(argument.items) == 2 {
		text, variables = argument.items[0].text, argument.items[1]
	}
	var made strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		name, after, closed := strings.Cut(rest, "}")
		made.WriteString(before)
		if !found || !closed {
			return made.String()
		}
		// ${!NAME} is how a literal ${NAME} is written.
		if value := variables.member(name); value != nil {
			made.WriteString(d.literal(value, depth+1))
		} else {
			made.WriteString("${" + strings.TrimPrefix(name, "!") + "}")
		}
		text = after
	}
}
