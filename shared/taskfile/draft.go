// Package taskfile reads task definitions as people keep them in files, judges
// them as taskdef judges registered ones, and shows what to change as a patch of
// the file.
package taskfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/schemas"
	"github.com/aws/smithy-go"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/lazyregexp"
	"ecsguardrails/shared/placeholder"
	"ecsguardrails/shared/taskdef"
)

// Draft is a definition that somebody keeps in a file.
type Draft struct {
	text []byte
	// root is the definition itself, whatever it is wrapped in; containers is its
	// list of containers.
	root, containers *node
	// prefix is the JSON pointer to the root.
	prefix string
	// resource is the one of a template's that the definition is, where it has
	// several.
	resource string
	// capitals says that fields are spelt as CloudFormation does: ContainerDefinitions.
	capitals   bool
	definition *ecs.DescribeTaskDefinitionOutput
	// findings are about the file, rather than about the definition.
	findings []finding.Finding
}

// byteOrderMark begins files that some editors on Windows wrote.
var byteOrderMark = []byte("\xef\xbb\xbf")

// ReadDrafts reads definitions as people keep them: what the API takes, what it
// describes, either of them wrapped in {"taskDefinition": …}, the properties of
// CloudFormation's AWS::ECS::TaskDefinition or a template with some, or the list
// of containers alone; with nulls, numbers as text, and placeholders. What it
// cannot read comes back as findings of one draft, with a nil definition if that
// is all.
func ReadDrafts(text []byte) []*Draft {
	d := &Draft{text: text}
	// The offsets stay those of the file.
	blank := text
	if bytes.HasPrefix(text, byteOrderMark) {
		blank = append([]byte("   "), text[len(byteOrderMark):]...)
	}
	root, err := parseJSON(blank)
	if err != nil && len(blank) <= maxTemplate {
		// Where that is no JSON either, what is wrong is no placeholder.
		root, err = parseJSON(quotePlaceholders(blank))
	}
	if err != nil {
		at := &node{}
		if syntax, ok := err.(*syntaxError); ok {
			at.start = syntax.offset
		}
		d.note(at, "file-invalid", finding.Error, "the file is not JSON: "+err.Error(), toBeJSON(blank))
		return []*Draft{d}
	}
	d.doubled(root, "")
	resources := definitionsIn(root)
	if len(resources) < 2 {
		d.read(root)
		return []*Draft{d}
	}
	drafts := make([]*Draft, len(resources))
	for i, resource := range resources {
		drafts[i] = &Draft{text: text, resource: resource}
		drafts[i].read(root)
	}
	drafts[0].findings = slices.Concat(d.findings, drafts[0].findings)
	return drafts
}

// read finds the definition and reads it.
func (d *Draft) read(root *node) {
	if problem := d.unwrap(root); problem != "" {
		d.note(root, "file-invalid", finding.Error, "the file has no task definition: "+problem,
			`write what "aws ecs register-task-definition --cli-input-json" takes`)
		return
	}
	d.decode(root)
}

// toBeJSON says what makes JSON of a file, by what the file is instead.
func toBeJSON(text []byte) string {
	switch {
	case bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")):
		return "save the file in UTF-8; it is in UTF-16, as Windows PowerShell writes it"
	case bytes.Contains(text, []byte("{%")) || bytes.Contains(text, []byte("%{")):
		return "have the template filled in, and judge the file that is made of it"
	}
	if begins := bytes.TrimSpace(text); len(begins) > 0 && !bytes.ContainsAny(begins[:1], "{[\"/") {
		return "convert the file to JSON first, if it is YAML or a program's"
	}
	return "write one JSON value, without comments and without a comma after the last of several"
}

// doubled notes fields that stand twice in an object: whoever reads the file
// takes the last one, and people take the first.
func (d *Draft) doubled(n *node, path string) {
	seen := map[string]int{}
	for _, m := range n.members {
		at := strings.TrimPrefix(path+"."+m.name, ".")
		if seen[m.name]++; seen[m.name] == 2 && !isNote(m.name) {
			d.note(&node{start: m.start}, "file-field-twice", finding.Warning,
				fmt.Sprintf("%s stands more than once, and only the last one counts", finding.Shortened(at)), "leave the one that is meant")
		}
		d.doubled(m.value, at)
	}
	for i, item := range n.items {
		d.doubled(item, fmt.Sprintf("%s[%d]", path, i))
	}
}

// isNote reports whether a field is there for people to read.
func isNote(name string) bool {
	return strings.HasPrefix(name, "_") || strings.HasPrefix(name, "$") || strings.HasPrefix(name, "//")
}

func (d *Draft) note(at *node, code string, severity finding.Severity, message, fix string) {
	line, column := position(d.text, at.start)
	d.findings = append(d.findings, finding.Finding{Code: code, Severity: severity, Message: message, Fix: fix, Line: line, Column: column})
}

// unwrap finds the definition, or says why there is none.
func (d *Draft) unwrap(root *node) (problem string) {
	d.root = root
	for range 3 {
		for _, capitals := range []bool{false, true} {
			d.capitals = capitals
			if containers := d.member(d.root, "containerDefinitions"); containers != nil {
				d.containers = containers
				return ""
			}
			if d.root.kind == kindList && len(d.root.items) > 0 && d.member(d.root.items[0], "image") != nil {
				d.containers = d.root
				return ""
			}
		}
		wrapper, inner := d.root.wrapped()
		switch {
		case inner != nil:
			d.root, d.prefix = inner, d.prefix+"/"+wrapper
		case d.root.kind == kindList && len(d.root.items) == 1:
			d.root, d.prefix = d.root.items[0], d.prefix+"/0"
		case d.root.member("Resources") != nil:
			if problem := d.unwrapTemplate(d.root); problem != "" {
				return problem
			}
		default:
			return "there is no containerDefinitions in it"
		}
	}
	return "there is no containerDefinitions in it"
}

// wrapped gives what describes a definition, from around it: ECS's answer, in
// PowerShell's spelling, too, or a resource of CloudFormation's.
func (n *node) wrapped() (wrapper string, inner *node) {
	for _, name := range []string{"taskDefinition", "TaskDefinition", "Properties"} {
		if inner := n.member(name); inner != nil && inner.kind == kindObject {
			return name, inner
		}
	}
	return "", nil
}

// definitionsIn lists a CloudFormation template's resources that are task
// definitions.
func definitionsIn(template *node) (names []string) {
	resources := template.member("Resources")
	if resources == nil {
		return nil
	}
	for _, resource := range resources.members {
		properties, of := resource.value.member("Properties"), resource.value.member("Type")
		if properties != nil && of != nil && of.text == "AWS::ECS::TaskDefinition" && !slices.Contains(names, resource.name) {
			names = append(names, resource.name)
		}
	}
	return names
}

// pointerEscapes are those of a JSON pointer (RFC 6901).
var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// unwrapTemplate finds the definition in a CloudFormation template.
func (d *Draft) unwrapTemplate(template *node) (problem string) {
	name := d.resource
	if name == "" {
		names := definitionsIn(template)
		if len(names) == 0 {
			return "there is no resource of the type AWS::ECS::TaskDefinition in the template"
		}
		name = names[0]
	}
	d.root, d.prefix = template.member("Resources").member(name).member("Properties"), "/Resources/"+pointerEscapes.Replace(name)+"/Properties"
	return ""
}

// spelt gives a field's name as the file spells it.
func (d *Draft) spelt(name string) string {
	if d.capitals {
		return strings.ToUpper(name[:1]) + name[1:]
	}
	return name
}

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
		if tags := d.member(holder, "tags"); tags != nil {
			answer["tags"] = d.value(tags, schemas.DescribeTaskDefinitionResponse.Member("tags"), "tags")
		}
	}
	body, err := json.Marshal(answer)
	if err == nil {
		d.definition, err = taskdef.DecodeDescription(body)
	}
	if err != nil {
		d.note(d.root, "file-invalid", finding.Error, "the task definition cannot be read: "+err.Error(), "compare it with the API reference of RegisterTaskDefinition")
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
	if at := strings.IndexAny(image[path:], ":@"); at >= 0 && !placeholder.In(image[:path+at]) && placeholder.In(image[path+at+1:]) {
		return image[:path+at]
	}
	return image
}

// fields reads an object with the fields of a structure.
func (d *Draft) fields(n *node, schema *smithy.Schema, path string) map[string]any {
	read := map[string]any{}
	for _, m := range n.members {
		at := m.name
		if path != "" {
			at = path + "." + m.name
		}
		if path == "" && (taskdef.IsOutputOnly(m.name) || m.name == d.spelt("tags")) {
			continue
		}
		name := d.known(m.name)
		// One that stands twice counts for nothing where the last one does.
		delete(read, name)
		if m.value.kind == kindNull {
			continue
		}
		member := schema.Member(name)
		if member == nil {
			d.unknownField(m, schema, at)
			continue
		}
		if value := d.value(m.value, member, at); value != nil {
			read[name] = value
		}
	}
	return read
}

func (d *Draft) unknownField(m member, schema *smithy.Schema, at string) {
	// CloudFormation has names of its own, and knows its own mistakes.
	if d.capitals {
		return
	}
	if isNote(m.name) {
		return
	}
	fix := "take the field away"
	for name := range schema.Members() {
		if strings.EqualFold(strings.ReplaceAll(m.name, "_", ""), name) {
			fix = "write " + name
		}
	}
	d.note(&node{start: m.start}, "file-field-unknown", finding.Warning, fmt.Sprintf("ECS knows no field %q", finding.Shortened(at)), fix)
}

// value reads a value as a schema has it; nil where there is nothing to read.
func (d *Draft) value(n *node, schema *smithy.Schema, at string) any {
	if n.kind == kindNull {
		return nil
	}
	switch schema.Type() {
	case smithy.ShapeTypeStructure, smithy.ShapeTypeUnion:
		if n.kind == kindObject && !d.isFunction(n) {
			return d.fields(n, schema, at)
		}
	case smithy.ShapeTypeList, smithy.ShapeTypeSet:
		return d.list(n, schema, at)
	case smithy.ShapeTypeMap:
		if n.kind == kindObject {
			read := map[string]any{}
			for _, m := range n.members {
				if value := d.value(m.value, schema.MapValue(), at+"."+m.name); value != nil {
					read[m.name] = value
				}
			}
			return read
		}
	case smithy.ShapeTypeString, smithy.ShapeTypeEnum:
		if d.isFunction(n) {
			return "${" + n.members[0].name + "}"
		}
		if n.kind == kindNumber || n.kind == kindBool {
			d.taken(n, at, "text")
		}
		if n.kind != kindList && n.kind != kindObject {
			return n.text
		}
	case smithy.ShapeTypeInteger, smithy.ShapeTypeLong:
		return d.number(n, at)
	case smithy.ShapeTypeDouble, smithy.ShapeTypeFloat:
		if number, err := strconv.ParseFloat(n.text, 64); err == nil && (n.kind == kindNumber || n.kind == kindString) {
			return number
		}
	case smithy.ShapeTypeBoolean:
		switch strings.ToLower(n.text) {
		case "true", "false":
			if n.kind == kindString {
				d.taken(n, at, "a boolean")
			}
			return strings.EqualFold(n.text, "true")
		}
	}
	d.wrongType(n, at)
	return nil
}

// list reads a list; people write a single object without one.
func (d *Draft) list(n *node, schema *smithy.Schema, at string) any {
	items := n.items
	if n.kind != kindList {
		if element := schema.ListMember().Type(); n.kind != kindObject || element != smithy.ShapeTypeStructure || d.isFunction(n) {
			d.wrongType(n, at)
			return nil
		}
		d.taken(n, at, "a list")
		items = []*node{n}
	}
	read := []any{}
	for i, item := range items {
		if value := d.value(item, schema.ListMember(), fmt.Sprintf("%s[%d]", at, i)); value != nil {
			read = append(read, value)
		}
	}
	return read
}

func (d *Draft) number(n *node, at string) any {
	if n.kind == kindNumber || n.kind == kindString {
		number, err := strconv.ParseFloat(strings.TrimSpace(n.text), 64)
		if err == nil && number == float64(int32(number)) {
			if n.kind == kindString {
				d.taken(n, at, "a number")
			}
			return int32(number)
		}
	}
	d.wrongType(n, at)
	return nil
}

// isFunction reports whether CloudFormation makes a value, from {"Ref": …} or
// {"Fn::Sub": …}.
func (d *Draft) isFunction(n *node) bool {
	return d.capitals && len(n.members) == 1 && (n.members[0].name == "Ref" || strings.HasPrefix(n.members[0].name, "Fn::"))
}

func (d *Draft) taken(n *node, at, as string) {
	// CloudFormation takes one for the other.
	if d.capitals {
		return
	}
	d.note(n, "file-type-lenient", finding.Info, fmt.Sprintf("%s is taken as %s, which the AWS command line does not do", at, as), "write it as "+as)
}

func (d *Draft) wrongType(n *node, at string) {
	if n.kind == kindString && placeholder.In(n.text) || d.isFunction(n) {
		d.note(n, "file-placeholder", finding.Info, fmt.Sprintf("%s is a placeholder, and not judged", at), "judge the file that is made from this one, too")
		return
	}
	d.note(n, "file-type-wrong", finding.Error, fmt.Sprintf("%s is of another type than ECS takes", at), "see the field in the API reference of RegisterTaskDefinition")
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

// accountForm is what an account's id is; what else stands in its place is to be
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
