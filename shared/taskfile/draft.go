// Package taskfile reads task definitions as people keep them in files, judges
// them as taskdef judges registered ones, and shows what to change as a patch of
// the file.
package taskfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/schemas"
	"github.com/aws/smithy-go"
	"github.com/tailscale/hujson"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/placeholder"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskdef"
)

// Draft is a definition that somebody keeps in a file.
type Draft struct {
	text []byte
	// file is the whole tree, from which JSON pointers count; nil in a language
	// that has none.
	file *node
	source
	// arms is which outcome of the file's conditions the draft has.
	arms
	definition *ecs.DescribeTaskDefinitionOutput
	// leftOut are the fields whose values could not be read.
	leftOut []string
	// findings are about the file, rather than about the definition.
	findings []finding.Finding
}

// byteOrderMark begins files that some editors on Windows wrote.
var byteOrderMark = []byte("\xef\xbb\xbf")

// ReadDrafts reads definitions as people keep them. JSON, JSON with comments or
// YAML: what the API takes, what it describes, either of them wrapped in
// {"taskDefinition": …}, a list of definitions, the list of containers alone, a
// CloudFormation template or the properties of one of its resources, a job
// definition of AWS Batch, a Copilot manifest, a Dockerrun.aws.json, a plan or
// state of Terraform; and Terraform's own language, as far as it is literal. With
// nulls, numbers as text, and placeholders. Where a file has conditions, a
// definition has a second draft for their other outcome. What it cannot read
// comes back as findings of one draft, with a nil definition if that is all.
func ReadDrafts(text []byte) []*Draft {
	d := &Draft{text: text}
	// The offsets stay those of the file.
	blank := text
	if bytes.HasPrefix(text, byteOrderMark) {
		blank = append([]byte("   "), text[len(byteOrderMark):]...)
	}
	roots, err := parseJSONFile(blank)
	switch begins := bytes.TrimSpace(blank); {
	case err == nil:
	case bytes.Contains(blank, []byte("\x00")) || bytes.HasPrefix(blank, []byte("\xff\xfe")):
	case terraformBlock.Match(blank):
		return d.readHCL(blank)
	case len(begins) > 0 && !bytes.ContainsAny(begins[:1], "{[/\"<") && !bytes.Contains(blank, []byte("{%")):
		if roots, err = parseYAML(blank); err == nil && (len(roots) == 0 || roots[0].kind != kindObject && roots[0].kind != kindList) {
			err = &syntaxError{0, "neither JSON nor YAML with fields"}
		}
	}
	if err != nil {
		f := unreadable.With(finding.Clause("problem", err.Error()))
		f.Fix = toBeReadable(blank)
		d.note(&node{start: faultAt(err)}, f)
		return []*Draft{d}
	}
	var drafts []*Draft
	problem := noContainers
	for _, root := range roots {
		d.doubled(root, "")
		found, why := sourcesIn(root)
		if why != "" {
			problem = why
		}
		for _, definition := range found {
			drafts = append(drafts, readSource(text, root, *definition)...)
		}
	}
	return d.together(drafts, problem, roots)
}

// parseJSONFile reads JSON, also with comments and a comma after the last of
// several, or with placeholders that stand without quotation marks.
func parseJSONFile(text []byte) ([]*node, error) {
	root, err := parseJSON(text)
	if err == nil {
		return []*node{root}, nil
	}
	if len(text) <= maxTemplate {
		// Standardize puts blanks where comments and commas are, so places stay.
		for _, readable := range [][]byte{slices.Clone(text), quotePlaceholders(text)} {
			if standard, failed := hujson.Standardize(readable); failed == nil {
				if root, failed := parseJSON(standard); failed == nil {
					return []*node{root}, nil
				}
			}
		}
		// Where that is no JSON either, what is wrong is no placeholder.
		if root, err = parseJSON(quotePlaceholders(text)); err == nil {
			return []*node{root}, nil
		}
	}
	return nil, err
}

func faultAt(err error) int {
	if syntax, ok := errors.AsType[*syntaxError](err); ok {
		return syntax.offset
	}
	return 0
}

// readHCL reads a file in Terraform's language.
func (d *Draft) readHCL(text []byte) []*Draft {
	var drafts []*Draft
	for arm := range 2 {
		found, conditional, err := parseHCL(text, arm)
		if err != nil {
			d.note(&node{start: faultAt(err)}, noTerraform.With(finding.Clause("problem", err.Error())))
			return []*Draft{d}
		}
		for _, definition := range found {
			draft := &Draft{text: d.text, source: *definition, arms: arms{arm: arm}}
			draft.read()
			drafts = append(drafts, draft)
		}
		if !conditional {
			break
		}
	}
	return d.together(drafts, "there is no resource of the type aws_ecs_task_definition in it", nil)
}

// readSource gives a draft for each outcome of a definition's conditions.
func readSource(text []byte, file *node, from source) []*Draft {
	draft := &Draft{text: text, file: file, source: from}
	draft.read()
	if !draft.conditional {
		return []*Draft{draft}
	}
	other := &Draft{text: text, file: file, source: from, arms: arms{arm: 1}}
	other.read()
	return []*Draft{draft, other}
}

// together gives the drafts of a file, with what was found about the file itself
// at the first one.
func (d *Draft) together(drafts []*Draft, problem string, roots []*node) []*Draft {
	if len(drafts) == 0 {
		parent := &node{}
		if len(roots) > 0 {
			parent = roots[0]
		}
		if format := otherFormat(parent); format != "" {
			problem = format
		}
		if strings.HasPrefix(problem, "it is ") {
			d.note(parent, otherTool.With(finding.Clause("problem", problem)))
			return []*Draft{d}
		}
		d.note(parent, noDefinition.With(finding.Clause("problem", problem)))
		return []*Draft{d}
	}
	if len(drafts) == 1 {
		drafts[0].label = labelIfNeeded(drafts[0])
	}
	drafts[0].findings = slices.Concat(d.findings, drafts[0].findings)
	return drafts
}

// labelIfNeeded leaves a definition's name out where the file has no other.
func labelIfNeeded(d *Draft) string {
	if strings.ContainsAny(d.label, ".") && d.converts {
		return d.label
	}
	return ""
}

func (d *Draft) read() {
	if d.problem != "" {
		f := notLiteral.With(finding.Name("definition", d.label), finding.Clause("problem", d.problem))
		f.Fix = d.fix
		d.note(d.root, f)
		return
	}
	d.decode(d.file)
}

// toBeReadable says what makes a file readable, by what it is instead.
func toBeReadable(text []byte) string {
	switch {
	case bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")):
		return "Save the file in UTF-8. It is in UTF-16, as Windows PowerShell writes it."
	case bytes.Contains(text, []byte("{%")) || bytes.Contains(text, []byte("%{")):
		return "Fill in the template, and check the file that is made of it."
	}
	if begins := bytes.TrimSpace(text); len(begins) > 0 && !bytes.ContainsAny(begins[:1], "{[\"/") {
		return "Write JSON, YAML or Terraform's language. If a program makes the file, have it print the result, and check that."
	}
	return "Write one JSON value."
}

// doubled notes fields that stand twice in an object: anyone who reads the file
// takes the last one, and people take the first.
func (d *Draft) doubled(n *node, path string) {
	seen := map[string]int{}
	for _, m := range n.members {
		place := strings.TrimPrefix(path+"."+m.name, ".")
		if seen[m.name]++; seen[m.name] == 2 && !isNote(m.name) {
			d.note(&node{start: m.start}, fieldTwice.With(finding.Name("field", place)))
		}
		d.doubled(m.value, place)
	}
	for i, item := range n.items {
		d.doubled(item, fmt.Sprintf("%s[%d]", path, i))
	}
}

// isNote reports whether a field is there for people to read, or for YAML's
// anchors (x-…).
func isNote(name string) bool {
	return strings.HasPrefix(name, "_") || strings.HasPrefix(name, "$") || strings.HasPrefix(name, "//") || strings.HasPrefix(name, "x-")
}

func (d *Draft) note(parent *node, f finding.Finding) {
	f.Line, f.Column = position(d.text, parent.start)
	d.findings = append(d.findings, f)
}

// pointerEscapes are those of a JSON pointer (RFC 6901).
var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// spelt gives a field's name as the file spells it.
func (d *Draft) spelt(name string) string { return spelt(name, d.capitals) }

// member gives a field's value, or nil.
func (d *Draft) member(n *node, name string) *node { return n.member(d.spelt(name)) }

// cloudFormationNames are the fields that CloudFormation calls otherwise than
// ECS, but for the first letter (template reference, AWS::ECS::TaskDefinition).
var cloudFormationNames = map[string]string{
	"EFSVolumeConfiguration": "efsVolumeConfiguration", "FilesystemId": "fileSystemId", "IAM": "iam",
	"FSxWindowsFileServerVolumeConfiguration": "fsxWindowsFileServerVolumeConfiguration",
	"ProxyConfigurationProperties":            "properties",
}

// known gives ECS's name of a field in the file.
func (d *Draft) known(name string) string {
	switch known, differs := cloudFormationNames[name]; {
	case !d.capitals || name == "":
		return name
	case differs:
		return known
	}
	return strings.ToLower(name[:1]) + name[1:]
}

// decode makes the SDK's type of the definition.
func (d *Draft) decode(whole *node) {
	definition := map[string]any{}
	if d.root == d.containers {
		definition["containerDefinitions"] = d.value(d.containers, schemas.TaskDefinition.Member("containerDefinitions"), "containerDefinitions")
	} else {
		definition = d.fields(d.root, schemas.TaskDefinition, "")
	}
	answer := map[string]any{"taskDefinition": definition}
	for _, holder := range []*node{whole, d.root} {
		if tags := d.member(holder, "tags"); tags != nil && !d.converts {
			answer["tags"] = d.value(tags, schemas.DescribeTaskDefinitionResponse.Member("tags"), "tags")
		}
	}
	body, err := json.Marshal(answer)
	if err == nil {
		d.definition, err = taskdef.DecodeDescription(body)
	}
	if err != nil {
		d.note(d.root, definitionUnreadable.With(finding.Clause("problem", err.Error())))
		return
	}
	for i, container := range d.definition.TaskDefinition.ContainerDefinitions {
		d.definition.TaskDefinition.ContainerDefinitions[i].Image = aws.String(withoutOpenTag(aws.ToString(container.Image)))
	}
}

// withoutOpenTag takes a tag or digest away that is filled in later, as most
// people keep it: what lies before it says already where the image comes from.
func withoutOpenTag(image string) string {
	path := strings.LastIndexByte(image, '/') + 1
	if offset := strings.IndexAny(image[path:], ":@"); offset >= 0 && !placeholder.In(image[:path+offset]) && placeholder.In(image[path+offset+1:]) {
		return image[:path+offset]
	}
	return image
}

// fields reads an object with the fields of a structure.
func (d *Draft) fields(n *node, schema *smithy.Schema, path string) map[string]any {
	read := map[string]any{}
	for _, m := range n.members {
		place := m.name
		if path != "" {
			place = path + "." + m.name
		}
		if path == "" && (taskdef.IsOutputOnly(m.name) || m.name == d.spelt("tags")) {
			continue
		}
		name := d.known(m.name)
		// One that stands twice counts for nothing where the last one does.
		delete(read, name)
		value := d.chosen(m.value)
		if value == nil || value.kind == kindNull {
			continue
		}
		m.value = value
		member := schema.Member(name)
		if member == nil {
			d.unknownField(m, schema, place)
			continue
		}
		if value := d.value(m.value, member, place); value != nil {
			read[name] = value
		}
	}
	return read
}

func (d *Draft) unknownField(m member, schema *smithy.Schema, path string) {
	// CloudFormation and others have their own names, and know their own mistakes.
	if d.capitals || d.converts {
		return
	}
	if isNote(m.name) {
		return
	}
	if m.name == "value" && schema.Member("valueFrom") != nil {
		// Where valueFrom is missing, that is the finding.
		return
	}
	shown := finding.Quote("field", path)
	if name := nearest(m.name, schema); name != "" {
		d.note(&node{start: m.start}, fieldMisspelt.With(shown, finding.Words("name", name)))
		return
	}
	d.note(&node{start: m.start}, fieldUnknown.With(shown))
}

// nearest gives the field whose name differs from another one only in the spelling,
// or by two letters at most; "" for none.
func nearest(name string, schema *smithy.Schema) string {
	nearest, least := "", min(3, (len(name)+1)/2)
	for known := range schema.Members() {
		distance := levenshtein.Distance(strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(name)), strings.ToLower(known), nil)
		if distance < least || distance == least && nearest != "" && known < nearest {
			nearest, least = known, distance
		}
	}
	return nearest
}

// value reads a value as a schema has it; nil where there is nothing to read.
func (d *Draft) value(n *node, schema *smithy.Schema, path string) any {
	if n = d.chosen(n); n == nil || n.kind == kindNull {
		return nil
	}
	switch schema.Type() {
	case smithy.ShapeTypeStructure, smithy.ShapeTypeUnion:
		if n.kind == kindObject && !d.isFunction(n) {
			return d.fields(n, schema, path)
		}
	case smithy.ShapeTypeList, smithy.ShapeTypeSet:
		return d.list(n, schema, path)
	case smithy.ShapeTypeMap:
		if n.kind == kindObject {
			return d.entries(n, schema, path)
		}
	case smithy.ShapeTypeString, smithy.ShapeTypeEnum:
		if d.isFunction(n) || n.kind != kindList && n.kind != kindObject {
			return d.texted(n, path)
		}
	case smithy.ShapeTypeInteger, smithy.ShapeTypeLong:
		return d.number(n, path)
	case smithy.ShapeTypeDouble, smithy.ShapeTypeFloat:
		if number, err := strconv.ParseFloat(n.text, 64); err == nil && (n.kind == kindNumber || n.kind == kindString) {
			return number
		}
	case smithy.ShapeTypeBoolean:
		if truth := strings.ToLower(n.text); truth == "true" || truth == "false" {
			if n.kind == kindString {
				d.taken(n, path, "a boolean")
			}
			return truth == "true"
		}
	}
	d.wrongType(n, path)
	return nil
}

// entries reads a map.
func (d *Draft) entries(n *node, schema *smithy.Schema, path string) map[string]any {
	read := map[string]any{}
	for _, m := range n.members {
		if value := d.value(m.value, schema.MapValue(), path+"."+m.name); value != nil {
			read[m.name] = value
		}
	}
	return read
}

// texted reads a text, also of a function, a number or a boolean.
func (d *Draft) texted(n *node, path string) any {
	if d.isFunction(n) {
		return d.literal(n, 0)
	}
	if n.kind == kindNumber || n.kind == kindBool {
		d.taken(n, path, "text")
	}
	return n.text
}

// list reads a list; people write a single object without one.
func (d *Draft) list(n *node, schema *smithy.Schema, path string) any {
	items := n.items
	if n.kind != kindList {
		if element := schema.ListMember().Type(); n.kind != kindObject || element != smithy.ShapeTypeStructure || d.isFunction(n) {
			d.wrongType(n, path)
			return nil
		}
		d.taken(n, path, "a list")
		items = []*node{n}
	}
	read := []any{}
	for i, item := range items {
		if value := d.value(item, schema.ListMember(), fmt.Sprintf("%s[%d]", path, i)); value != nil {
			read = append(read, value)
		}
	}
	return read
}

func (d *Draft) number(n *node, path string) any {
	if n.kind == kindNumber || n.kind == kindString {
		number, err := strconv.ParseFloat(strings.TrimSpace(n.text), 64)
		if err == nil && number == float64(int32(number)) {
			if n.kind == kindString {
				d.taken(n, path, "a number")
			}
			return int32(number)
		}
	}
	d.wrongType(n, path)
	return nil
}

// isFunction reports whether CloudFormation makes a value, from {"Ref": …} or
// {"Fn::Sub": …}.
func (d *Draft) isFunction(n *node) bool {
	return d.capitals && n.functionName() != ""
}

func (d *Draft) taken(n *node, path, as string) {
	// CloudFormation and others take one for the other.
	if d.capitals || d.converts {
		return
	}
	d.note(n, typeLenient.With(finding.Clause("field", path), finding.Words("type", as)))
}

// ofECS gives a path of fields by ECS's names of them.
func (d *Draft) ofECS(path string) string {
	fields := strings.Split(path, ".")
	for i, field := range fields {
		fields[i] = d.known(field)
	}
	return strings.Join(fields, ".")
}

func (d *Draft) wrongType(n *node, path string) {
	d.leftOut = append(d.leftOut, d.ofECS(path))
	if n.kind == kindString && placeholder.In(n.text) || d.isFunction(n) {
		d.note(n, fieldPlaceholder.With(finding.Clause("field", path)))
		return
	}
	d.note(n, typeWrong.With(finding.Clause("field", path)))
}

// bare matches a placeholder that stands in a file as a value, without quotation
// marks.
var bare = lazyregexp.New(`^(?:[$#]\{[^}\n]*\}#?|\$\([^()\n]*\)|\(\([^()\n]*\)\)|\{\{[^\n]*?\}\}|<%[^\n]*?%>|<[A-Za-z_][^<>\n]*>|\$[A-Za-z_][A-Za-z0-9_]*|%[A-Z_]+%|@[A-Z_]+@|__[A-Za-z0-9_]+?__)`)

// Bounds of looking for them: the length of one, and of a file in which they are
// looked for at each place. ECS takes definitions of 64 KiB.
const maxBare, maxTemplate = 200, 256 << 10

// quotePlaceholders makes JSON texts of bare placeholders, each as long as it
// was, so that places in the file stay what they are.
func quotePlaceholders(text []byte) []byte {
	quoted := slices.Clone(text)
	inText := false
	for i := 0; i < len(text); i++ {
		switch {
		case inText && text[i] == '\\':
			i++
		case text[i] == '"':
			inText = !inText
		case !inText:
			if found := bare.FindStringSubmatch(string(text[i:min(i+maxBare, len(text))])); found != nil {
				copy(quoted[i:], `"`+strings.Repeat("$", len(found[0])-2)+`"`)
				i += len(found[0]) - 1
			}
		}
	}
	return quoted
}

// accountForm is what an account's id is; what else stands in its place should be
// filled in later.
var accountForm = lazyregexp.New(`^\d{12}$`)

// place is where the definition is going to be registered: in this region, and
// in the account of its roles.
func (d *Draft) place(region string) taskdef.Place {
	for _, role := range []*string{d.definition.TaskDefinition.ExecutionRoleArn, d.definition.TaskDefinition.TaskRoleArn} {
		if parsed, err := arn.Parse(aws.ToString(role)); err == nil && accountForm.MatchString(parsed.AccountID) {
			return taskdef.Place{Partition: parsed.Partition, Region: region, Account: parsed.AccountID}
		}
	}
	return taskdef.Place{Region: region}
}
