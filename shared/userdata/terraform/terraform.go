// Package terraform finds the user data in Terraform's files, also behind
// base64encode, templatefile, template_file and cloudinit_config, as far as it
// is literal.
package terraform

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/ecs-guardrails/ecs-guardrails/shared/userdata"
)

// Document is one user data, which may be in a file that the configuration names.
type Document struct {
	// Name is the file's path, Resource the block that the user data belongs to.
	Name, Resource string
	Source         []byte
	userdata.Configuration
}

// module is one file of Terraform.
type module struct {
	name   string
	source []byte
	text   userdata.Text
	open   func(name string) ([]byte, error)
	locals map[string]hclsyntax.Expression
	// blocks are resources ("aws_ecs_cluster.main") and data sources ("data.template_file.x").
	blocks map[string]*hclsyntax.Block
	found  []Document
	depth  int
}

// Read reads a file of Terraform. Open gives the content of a file that
// templatefile or file names, by its path from where the command runs. A file
// with syntax errors is read as far as the parser understands it; where that leads
// to no user data, it gives an error.
func Read(name string, source []byte, open func(name string) ([]byte, error)) ([]Document, error) {
	file, diagnostics := hclsyntax.ParseConfig(source, name, hcl.InitialPos)
	body, ok := (*hclsyntax.Body)(nil), false
	if file != nil {
		body, ok = file.Body.(*hclsyntax.Body)
	}
	if !ok {
		return nil, fmt.Errorf("read %s: %w", name, diagnostics)
	}
	m := &module{
		name: name, source: source, text: userdata.SourceText(source), open: open,
		locals: map[string]hclsyntax.Expression{}, blocks: map[string]*hclsyntax.Block{},
	}
	for _, block := range body.Blocks {
		switch {
		case block.Type == "locals":
			for key, attribute := range block.Body.Attributes {
				m.locals[key] = attribute.Expr
			}
		case block.Type == "resource" && len(block.Labels) == 2:
			m.blocks[strings.Join(block.Labels, ".")] = block
		case block.Type == "data" && len(block.Labels) == 2:
			m.blocks["data."+strings.Join(block.Labels, ".")] = block
		}
	}
	// Data sources and locals come last: what resources make of them is known then.
	for _, kinds := range [][]string{{"resource", "module"}, {"data", "locals"}} {
		for _, block := range body.Blocks {
			if slices.Contains(kinds, block.Type) {
				m.walk(block.Body, strings.Join(append([]string{block.Type}, block.Labels...), "."))
			}
		}
	}
	if len(m.found) == 0 && diagnostics.HasErrors() {
		return nil, fmt.Errorf("read %s: %w", name, diagnostics)
	}
	return m.found, nil
}

// walk looks at every attribute: modules call theirs as they like.
func (m *module) walk(body *hclsyntax.Body, resource string) {
	names := make([]string, 0, len(body.Attributes))
	for name := range body.Attributes {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		m.attribute(name, body.Attributes[name].Expr, resource)
	}
	for _, block := range body.Blocks {
		m.walk(block.Body, resource)
	}
}

func (m *module) attribute(name string, expression hclsyntax.Expression, resource string) {
	isUserData := strings.Contains(name, "user_data") || strings.Contains(name, "userdata") || name == "custom_data"
	if object, ok := expression.(*hclsyntax.ObjectConsExpr); ok {
		for _, item := range object.Items {
			key, _ := literal(item.KeyExpr)
			m.attribute(key, item.ValueExpr, resource)
		}
		return
	}
	if parts := m.cloudInit(expression); parts != nil {
		m.add(resource, userdata.ReadParts(m.source, parts, userdata.Options{}), isUserData)
		return
	}
	text := m.evaluate(expression)
	if text.IsEmpty() {
		return
	}
	m.add(resource, userdata.ReadText(m.source, text, userdata.Options{Part: !isUserData}), isUserData)
}

func (m *module) add(resource string, configuration userdata.Configuration, isUserData bool) {
	if !configuration.IsECSSetup() && (!isUserData || len(configuration.Secrets()) == 0) {
		return
	}
	m.keep(Document{m.name, resource, m.source, configuration})
}

// keep adds a document, unless what it does is in another one already.
func (m *module) keep(document Document) {
	for _, other := range m.found {
		if other.Name == document.Name && isWithin(document.Configuration, other.Configuration) {
			return
		}
	}
	if len(m.found) < 100 {
		m.found = append(m.found, document)
	}
}

func isWithin(part, whole userdata.Configuration) bool {
	settings := whole.Settings()
	for _, s := range part.Settings() {
		if !slices.ContainsFunc(settings, func(other userdata.Setting) bool {
			return other.Variable == s.Variable && other.Line == s.Line && other.Column == s.Column
		}) {
			return false
		}
	}
	return len(part.Settings()) > 0 || slices.Equal(part.Evidence, whole.Evidence)
}

// cloudInit gives the parts of the cloudinit_config that an expression renders,
// nil for any other.
func (m *module) cloudInit(expression hclsyntax.Expression) []userdata.Part {
	traversal, ok := unwrapped(expression).(*hclsyntax.ScopeTraversalExpr)
	if !ok {
		return nil
	}
	address, attribute := split(traversal.Traversal)
	block := m.blocks[address]
	if block == nil || attribute != "rendered" || !strings.Contains(address, "cloudinit_config") {
		return nil
	}
	parts := []userdata.Part{}
	for _, part := range block.Body.Blocks {
		if part.Type != "part" {
			continue
		}
		var p userdata.Part
		if attribute := part.Body.Attributes["content_type"]; attribute != nil {
			p.ContentType, _ = literal(attribute.Expr)
		}
		if attribute := part.Body.Attributes["merge_type"]; attribute != nil {
			known := false
			if p.MergeType, known = literal(attribute.Expr); !known {
				p.MergeType = "list(append)+dict(recurse_list)+str()" // as most people set it
			}
		}
		if attribute := part.Body.Attributes["content"]; attribute != nil {
			p.Text = m.evaluate(attribute.Expr)
		}
		parts = append(parts, p)
	}
	return parts
}

// unwrapped takes off what doesn't change the text.
func unwrapped(expression hclsyntax.Expression) hclsyntax.Expression {
	for range 10 {
		switch e := expression.(type) {
		case *hclsyntax.ParenthesesExpr:
			expression = e.Expression
		case *hclsyntax.TemplateWrapExpr:
			expression = e.Wrapped
		case *hclsyntax.FunctionCallExpr:
			if len(e.Args) != 1 || !slices.Contains([]string{"base64encode", "base64gzip", "trimspace", "chomp", "sensitive", "nonsensitive", "tostring"}, e.Name) {
				return expression
			}
			expression = e.Args[0]
		default:
			return expression
		}
	}
	return expression
}

// literal gives the text of an expression that is nothing else.
func literal(expression hclsyntax.Expression) (string, bool) {
	switch e := expression.(type) {
	case *hclsyntax.ObjectConsKeyExpr:
		if keyword := hcl.ExprAsKeyword(e.Wrapped); keyword != "" && !e.ForceNonLiteral {
			return keyword, true
		}
		return literal(e.Wrapped)
	case *hclsyntax.LiteralValueExpr:
		if e.Val.Type() == cty.String && e.Val.IsKnown() && !e.Val.IsNull() {
			return e.Val.AsString(), true
		}
	case *hclsyntax.TemplateExpr:
		if len(e.Parts) == 0 {
			return "", true
		}
		if len(e.Parts) == 1 {
			return literal(e.Parts[0])
		}
	}
	return "", false
}

// evaluate gives the text of an expression, with what isn't literal unknown. It
// is empty for what is no text.
func (m *module) evaluate(expression hclsyntax.Expression) userdata.Text {
	if m.depth++; m.depth > 30 {
		m.depth--
		return userdata.Text{}
	}
	defer func() { m.depth-- }()
	offset := expression.Range().Start.Byte
	switch e := unwrapped(expression).(type) {
	case *hclsyntax.LiteralValueExpr:
		if e.Val.Type() == cty.String && e.Val.IsKnown() && !e.Val.IsNull() {
			return userdata.AlignedText(e.Val.AsString(), m.text, e.SrcRange.Start.Byte)
		}
		if !e.Val.IsNull() && e.Val.IsKnown() && (e.Val.Type() == cty.Number || e.Val.Type() == cty.Bool) {
			return userdata.AlignedText(string(e.SrcRange.SliceBytes(m.source)), m.text, e.SrcRange.Start.Byte)
		}
	case *hclsyntax.TemplateExpr:
		var out userdata.Text
		for _, part := range e.Parts {
			text := m.evaluate(part)
			if text.IsEmpty() {
				if isEmptyText(part) {
					continue
				}
				text = m.unknown(part)
			}
			out = out.Plus(text)
		}
		return out
	case *hclsyntax.ScopeTraversalExpr:
		return m.traversal(e)
	case *hclsyntax.FunctionCallExpr:
		return m.call(e)
	case *hclsyntax.ConditionalExpr:
		yes, no := m.evaluate(e.TrueResult), m.evaluate(e.FalseResult)
		switch {
		case yes.String() == no.String() && !yes.IsEmpty():
			return yes
		case no.IsEmpty() && isEmptyText(e.FalseResult) && !yes.IsEmpty(): // %{ if } without an else
			return yes.Under(offset)
		case yes.IsEmpty() && isEmptyText(e.TrueResult) && !no.IsEmpty():
			return no.Under(offset)
		}
		return m.unknown(expression)
	case *hclsyntax.IndexExpr, *hclsyntax.RelativeTraversalExpr, *hclsyntax.SplatExpr, *hclsyntax.BinaryOpExpr:
		return m.unknown(expression)
	}
	return userdata.Text{}
}

func isEmptyText(expression hclsyntax.Expression) bool {
	text, ok := literal(expression)
	return ok && text == ""
}

// unknown is text that depends on an expression.
func (m *module) unknown(expression hclsyntax.Expression) userdata.Text {
	r := expression.Range()
	return userdata.UnknownText("${", string(r.SliceBytes(m.source)), "}", r.Start.Byte)
}

// split parts an address from the attribute after it.
func split(traversal hcl.Traversal) (address, attribute string) {
	var names []string
	for _, step := range traversal {
		switch s := step.(type) {
		case hcl.TraverseRoot:
			names = append(names, s.Name)
		case hcl.TraverseAttr:
			names = append(names, s.Name)
		}
	}
	length := 2
	if len(names) > 0 && names[0] == "data" {
		length = 3
	}
	if len(names) <= length {
		return strings.Join(names, "."), ""
	}
	return strings.Join(names[:length], "."), strings.Join(names[length:], ".")
}

func (m *module) traversal(e *hclsyntax.ScopeTraversalExpr) userdata.Text {
	address, attribute := split(e.Traversal)
	if name, ok := strings.CutPrefix(address, "local."); ok && attribute == "" && m.locals[name] != nil {
		return m.evaluate(m.locals[name])
	}
	if address == "path.module" || address == "path.root" {
		return userdata.AlignedText(".", m.text, e.SrcRange.Start.Byte).At(e.SrcRange.Start.Byte)
	}
	block := m.blocks[address]
	if block == nil {
		return m.unknown(e)
	}
	switch {
	case strings.HasPrefix(address, "data.template_file.") && attribute == "rendered" && block.Body.Attributes["template"] != nil:
		variables := map[string]userdata.Text{}
		if vars := block.Body.Attributes["vars"]; vars != nil {
			variables = m.object(vars.Expr)
		}
		if call, ok := unwrapped(block.Body.Attributes["template"].Expr).(*hclsyntax.FunctionCallExpr); ok && call.Name == "file" {
			return m.file(call, variables)
		}
		return m.evaluate(block.Body.Attributes["template"].Expr).Fill(variables)
	case (address == "aws_ecs_cluster."+block.Labels[len(block.Labels)-1]) && attribute == "name" && block.Body.Attributes["name"] != nil:
		name := m.evaluate(block.Body.Attributes["name"].Expr)
		if name.IsEmpty() || name.Unknown() != "" {
			return m.unknown(e)
		}
		return name
	}
	return m.unknown(e)
}

// object evaluates a map of texts.
func (m *module) object(expression hclsyntax.Expression) map[string]userdata.Text {
	values := map[string]userdata.Text{}
	if object, ok := unwrapped(expression).(*hclsyntax.ObjectConsExpr); ok {
		for _, item := range object.Items {
			if key, ok := literal(item.KeyExpr); ok {
				values[key] = m.evaluate(item.ValueExpr)
			}
		}
	}
	return values
}

func (m *module) call(e *hclsyntax.FunctionCallExpr) userdata.Text {
	switch e.Name {
	case "templatefile", "file", "filebase64":
		if len(e.Args) > 0 {
			variables := map[string]userdata.Text{}
			if len(e.Args) > 1 {
				variables = m.object(e.Args[1])
			}
			return m.file(e, variables)
		}
	case "join":
		if len(e.Args) == 2 {
			return m.join(e)
		}
	case "format":
		if text, ok := m.format(e); ok {
			return text
		}
	case "indent":
		if len(e.Args) == 2 {
			return m.evaluate(e.Args[1])
		}
	}
	return m.unknown(e)
}

func (m *module) join(e *hclsyntax.FunctionCallExpr) userdata.Text {
	separator, ok := literal(e.Args[0])
	list, known := m.list(e.Args[1], 0)
	if !ok || !known {
		return m.unknown(e)
	}
	var out userdata.Text
	for i, element := range list {
		if i > 0 {
			out = out.Plus(userdata.AlignedText(separator, m.text, e.Args[0].Range().Start.Byte))
		}
		out = out.Plus(element)
	}
	return out
}

// list gives the elements of a list; those of a for expression are one that
// isn't known.
func (m *module) list(expression hclsyntax.Expression, depth int) ([]userdata.Text, bool) {
	if depth > 10 {
		return nil, false
	}
	var all []userdata.Text
	switch e := unwrapped(expression).(type) {
	case *hclsyntax.TupleConsExpr:
		for _, element := range e.Exprs {
			text := m.evaluate(element)
			if text.IsEmpty() && !isEmptyText(element) {
				text = m.unknown(element)
			}
			all = append(all, text)
		}
		return all, true
	case *hclsyntax.ForExpr:
		return []userdata.Text{m.unknown(e)}, true
	case *hclsyntax.ScopeTraversalExpr:
		address, attribute := split(e.Traversal)
		if name, ok := strings.CutPrefix(address, "local."); ok && attribute == "" && m.locals[name] != nil {
			return m.list(m.locals[name], depth+1)
		}
	case *hclsyntax.FunctionCallExpr:
		if !slices.Contains([]string{"concat", "compact", "tolist", "distinct"}, e.Name) {
			return nil, false
		}
		for _, argument := range e.Args {
			part, known := m.list(argument, depth+1)
			if !known {
				part = []userdata.Text{m.unknown(argument)}
			}
			all = append(all, part...)
		}
		return all, true
	}
	return nil, false
}

// format follows format with %s and %d.
func (m *module) format(e *hclsyntax.FunctionCallExpr) (userdata.Text, bool) {
	if len(e.Args) == 0 {
		return userdata.Text{}, false
	}
	format, ok := literal(e.Args[0])
	if !ok || strings.Count(format, "%") != strings.Count(format, "%s")+strings.Count(format, "%d") || strings.Count(format, "%") != len(e.Args)-1 {
		return userdata.Text{}, false
	}
	offset := e.Args[0].Range().Start.Byte
	var out userdata.Text
	for _, argument := range e.Args[1:] {
		before, after, _ := strings.Cut(format, "%")
		value := m.evaluate(argument)
		if value.IsEmpty() && !isEmptyText(argument) {
			value = m.unknown(argument)
		}
		out = out.Plus(userdata.AlignedText(before, m.text, offset)).Plus(value)
		format = after[1:]
	}
	return out.Plus(userdata.AlignedText(format, m.text, offset)), true
}

// file reads the file that an expression names, as a separate document,
// because its findings belong there.
func (m *module) file(e *hclsyntax.FunctionCallExpr, variables map[string]userdata.Text) userdata.Text {
	named := m.evaluate(e.Args[0])
	if named.IsEmpty() || named.Unknown() != "" || m.open == nil {
		return m.unknown(e)
	}
	name := path.Join(path.Dir(strings.ReplaceAll(m.name, "\\", "/")), named.String())
	source, err := m.open(name)
	if err != nil {
		return m.unknown(e)
	}
	isTemplate := e.Name == "templatefile" || len(variables) > 0
	text := userdata.SourceText(source)
	if isTemplate {
		text = text.Fill(variables)
	}
	configuration := userdata.ReadText(source, text, userdata.Options{Template: isTemplate, Part: true})
	if configuration.IsECSSetup() {
		m.keep(Document{name, "", source, configuration})
	}
	return m.unknown(e)
}
