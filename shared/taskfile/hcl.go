package taskfile

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// terraformBlock is what tells HCL from other texts.
var terraformBlock = lazyregexp.New(`(?m)^\s*(?:(?:resource|data|module|variable|output|provider)\s+"[^"]*"(?:\s+"[^"]*")?|locals|terraform)\s*\{`)

// hclReader reads Terraform's language as far as it is literal. What Terraform
// computes is a placeholder that shows its expression.
type hclReader struct {
	text   []byte
	locals map[string]hclsyntax.Expression
	arms
}

// parseHCL gives the task definitions of a Terraform file. An error is a
// *syntaxError.
func parseHCL(text []byte, arm int) (found []*source, conditional bool, err error) {
	file, problems := hclsyntax.ParseConfig(text, "file", hcl.InitialPos)
	for _, problem := range problems {
		if problem.Severity == hcl.DiagError {
			offset := 0
			if problem.Subject != nil {
				offset = problem.Subject.Start.Byte
			}
			return nil, false, &syntaxError{offset, strings.ToLower(problem.Summary[:1]) + problem.Summary[1:]}
		}
	}
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		return nil, false, &syntaxError{0, "there is no body in the file"}
	}
	h := &hclReader{text: text, locals: map[string]hclsyntax.Expression{}, arms: arms{arm: arm}}
	for _, block := range body.Blocks {
		if block.Type == "locals" {
			for name, attribute := range block.Body.Attributes {
				h.locals[name] = attribute.Expr
			}
		}
	}
	for _, block := range body.Blocks {
		found = append(found, h.definitions(block)...)
	}
	return found, h.conditional, nil
}

// definitions gives those of one block.
func (h *hclReader) definitions(block *hclsyntax.Block) []*source {
	label := strings.Join(block.Labels, ".")
	body := h.body(block.Body)
	switch {
	case block.Type == "resource" && len(block.Labels) == 2 && block.Labels[0] == "aws_ecs_task_definition":
		return []*source{terraformDefinition(label, body)}
	case block.Type == "resource" && len(block.Labels) == 2 && block.Labels[0] == "aws_batch_job_definition":
		if properties := body.member("container_properties"); properties != nil {
			return []*source{batchDefinition(label, body, properties)}
		}
	case block.Type == "module" && body.member("container_definitions") != nil:
		return []*source{terraformDefinition("module."+label, body)}
	}
	return nil
}

// body reads a block's attributes as an object.
func (h *hclReader) body(from *hclsyntax.Body) *node {
	n := &node{kind: kindObject, start: from.Range().Start.Byte, end: from.Range().End.Byte, syntax: syntaxHCLBody}
	for _, name := range sortedByPlace(from.Attributes) {
		attribute := from.Attributes[name]
		n.members = append(n.members, member{name: name, start: attribute.NameRange.Start.Byte, value: h.value(attribute.Expr, 0)})
	}
	for _, block := range from.Blocks {
		value := h.body(block.Body)
		value.kind = kindObject
		n.members = append(n.members, member{name: block.Type, start: block.TypeRange.Start.Byte, value: value})
	}
	return n
}

func (h *hclReader) value(from hclsyntax.Expression, depth int) *node {
	place := from.Range()
	n := &node{start: place.Start.Byte, end: place.End.Byte, syntax: syntaxHCL}
	unknown := func() *node {
		n.kind, n.text = kindString, "${"+oneLine(h.text[n.start:n.end])+"}"
		return n
	}
	if depth > maxDepth {
		return unknown()
	}
	switch typed := from.(type) {
	case *hclsyntax.ParenthesesExpr:
		return h.value(typed.Expression, depth+1)
	case *hclsyntax.LiteralValueExpr:
		return literalNode(n, typed.Val)
	case *hclsyntax.TemplateWrapExpr:
		return h.value(typed.Wrapped, depth+1)
	case *hclsyntax.TemplateExpr:
		return h.template(n, typed, depth)
	case *hclsyntax.TupleConsExpr:
		n.kind = kindList
		for _, item := range typed.Exprs {
			n.items = append(n.items, h.value(item, depth+1))
		}
	case *hclsyntax.ObjectConsExpr:
		n.kind = kindObject
		for _, item := range typed.Items {
			n.members = append(n.members, member{name: h.key(item.KeyExpr, depth), start: item.KeyExpr.Range().Start.Byte, value: h.value(item.ValueExpr, depth+1)})
		}
	case *hclsyntax.ConditionalExpr:
		h.conditional = true
		outcome := typed.TrueResult
		if h.arm == 1 {
			outcome = typed.FalseResult
		}
		chosen := h.value(outcome, depth+1)
		chosen.conditional = true
		return chosen
	case *hclsyntax.ScopeTraversalExpr:
		if local := h.local(typed.Traversal); local != nil {
			return h.value(local, depth+8)
		}
		return unknown()
	case *hclsyntax.FunctionCallExpr:
		if made := h.call(n, typed, depth); made != nil {
			return made
		}
		return unknown()
	default:
		return unknown()
	}
	return n
}

// local finds what local.NAME stands for.
func (h *hclReader) local(traversal hcl.Traversal) hclsyntax.Expression {
	if len(traversal) != 2 || traversal.RootName() != "local" {
		return nil
	}
	if attribute, ok := traversal[1].(hcl.TraverseAttr); ok {
		return h.locals[attribute.Name]
	}
	return nil
}

// call reads the functions that only put literals together; nil for others.
func (h *hclReader) call(n *node, function *hclsyntax.FunctionCallExpr, depth int) *node {
	switch function.Name {
	case "jsonencode", "tolist", "tomap", "tostring", "try", "nonsensitive":
		if len(function.Args) > 0 {
			return h.value(function.Args[0], depth+1)
		}
	case "concat":
		n.kind = kindList
		for _, argument := range function.Args {
			n.items = append(n.items, h.value(argument, depth+1).items...)
		}
		return n
	case "merge":
		n.kind = kindObject
		for _, argument := range function.Args {
			n.members = append(n.members, h.value(argument, depth+1).members...)
		}
		return n
	}
	return nil
}

// template reads a quoted text or heredoc. A heredoc with JSON is read as such,
// so that findings and changes have their places in it.
func (h *hclReader) template(n *node, expression *hclsyntax.TemplateExpr, depth int) *node {
	if bytes.HasPrefix(h.text[n.start:n.end], []byte("<<")) {
		if value := h.heredoc(n); value != nil {
			return value
		}
	}
	n.kind = kindString
	var text strings.Builder
	for _, part := range expression.Parts {
		if literal, ok := part.(*hclsyntax.LiteralValueExpr); ok && literal.Val.Type() == cty.String && literal.Val.IsKnown() && !literal.Val.IsNull() {
			text.WriteString(literal.Val.AsString())
			continue
		}
		if value := h.value(part, depth+1); value.kind != kindList && value.kind != kindObject {
			text.WriteString(value.text)
		} else {
			text.WriteString("${…}")
		}
	}
	n.text = text.String()
	return n
}

// heredoc reads the JSON in one; nil where there is none.
func (h *hclReader) heredoc(n *node) *node {
	first := bytes.IndexByte(h.text[n.start:n.end], '\n')
	if first < 0 {
		return nil
	}
	from := n.start + first + 1
	to := from
	if last := bytes.LastIndexByte(bytes.TrimRight(h.text[from:n.end], "\r\n"), '\n'); last >= 0 {
		to = from + last
	}
	return embeddedJSON(h.text, from, to)
}

// embeddedJSON reads JSON that stands in another text as it is, with its places
// in that text; nil where there is none.
func embeddedJSON(text []byte, from, to int) *node {
	blank := append(bytes.Repeat([]byte(" "), from), text[from:to]...)
	if root, err := parseJSON(blank); err == nil {
		return root
	}
	if len(blank) > maxTemplate {
		return nil
	}
	if root, err := parseJSON(quotePlaceholders(blank)); err == nil {
		return root
	}
	return nil
}

func (h *hclReader) key(from hclsyntax.Expression, depth int) string {
	if key, ok := from.(*hclsyntax.ObjectConsKeyExpr); ok {
		if keyword := hcl.ExprAsKeyword(key.Wrapped); keyword != "" && !key.ForceNonLiteral {
			return keyword
		}
		return h.value(key.Wrapped, depth+1).text
	}
	return h.value(from, depth+1).text
}

func literalNode(n *node, value cty.Value) *node {
	switch {
	case value.IsNull() || !value.IsKnown():
		n.kind = kindNull
	case value.Type() == cty.Bool:
		n.kind, n.text = kindBool, fmt.Sprint(value.True())
	case value.Type() == cty.Number:
		n.kind, n.text = kindNumber, value.AsBigFloat().Text('f', -1)
	case value.Type() == cty.String:
		n.kind, n.text = kindString, value.AsString()
	}
	return n
}

func oneLine(text []byte) string { return strings.Join(strings.Fields(string(text)), " ") }

// sortedByPlace gives attributes in the order of the file.
func sortedByPlace(attributes hclsyntax.Attributes) []string {
	names := make([]string, 0, len(attributes))
	for name := range attributes {
		names = append(names, name)
	}
	for i := 1; i < len(names); i++ {
		for j := i; j > 0 && attributes[names[j]].NameRange.Start.Byte < attributes[names[j-1]].NameRange.Start.Byte; j-- {
			names[j], names[j-1] = names[j-1], names[j]
		}
	}
	return names
}

// hclExpression reads one expression of Terraform's; nil where it is none.
func hclExpression(text string) *node {
	expression, problems := hclsyntax.ParseExpression([]byte(text), "expression", hcl.InitialPos)
	if problems.HasErrors() {
		return nil
	}
	h := &hclReader{text: []byte(text)}
	return h.value(expression, 0)
}
