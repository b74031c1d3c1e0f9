package userdata

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// Document is one user data in a file that may hold several.
type Document struct {
	// Resource names what the user data belongs to, "" where the file is all of it.
	Resource string
	Configuration
}

// template is a CloudFormation template, a request to EC2's API or any other
// YAML or JSON in which user data is written.
type template struct {
	document
	source []byte
	// known are the values that can be told from the template alone: of Ref, and
	// of Sub's ${…}.
	known map[string]Text
	found []Document
}

// ReadTemplate reads the user data in CloudFormation and CDK templates, and in
// any other YAML or JSON that has it under UserData or user_data. It gives an
// error for what is neither.
func ReadTemplate(source []byte) ([]Document, error) {
	if len(source) > 8*maxSize {
		return nil, fmt.Errorf("read a template: it is larger than %d MiB", 8*maxSize>>20)
	}
	parsed, err := parseYAML(SourceText(withoutTabsInJSON(source)))
	if err != nil {
		return nil, fmt.Errorf("read a template: %w", err)
	}
	t := &template{document: parsed, source: source, known: map[string]Text{}}
	t.document.source = SourceText(source)
	resources := entry(t.root, "Resources")
	if resources != nil {
		for i := 0; i+1 < len(resources.Content); i += 2 {
			t.learn(resources.Content[i].Value, resolved(resources.Content[i+1]))
		}
		for i := 0; i+1 < len(resources.Content); i += 2 {
			resource := resolved(resources.Content[i+1])
			t.walk(resources.Content[i].Value, entry(resource, "Properties"), entry(resource, "Metadata"), 0)
		}
		return t.found, nil
	}
	t.walk("", t.root, nil, 0)
	return t.found, nil
}

// withoutTabsInJSON puts spaces in the place of tabs outside strings: YAML
// takes no tabs where JSON does.
func withoutTabsInJSON(source []byte) []byte {
	trimmed := strings.TrimLeft(string(source[:min(len(source), 100)]), " \t\r\n")
	if !strings.HasPrefix(trimmed, "{") && !strings.HasPrefix(trimmed, "[") {
		return source
	}
	out := slices.Clone(source)
	quoted := false
	for i := 0; i < len(out); i++ {
		switch {
		case quoted && out[i] == '\\':
			i++
		case out[i] == '"':
			quoted = !quoted
		case !quoted && out[i] == '\t':
			out[i] = ' '
		}
	}
	return out
}

// learn keeps the names of the template's own clusters.
func (t *template) learn(name string, resource *yaml.Node) {
	if kind := entry(resource, "Type"); kind == nil || kind.Value != "AWS::ECS::Cluster" {
		return
	}
	clusterName := entry(entry(resource, "Properties"), "ClusterName")
	if clusterName != nil && clusterName.Kind == yaml.ScalarNode && (clusterName.Tag == "!!str" || clusterName.Tag == "!!int") {
		t.known[name] = t.scalar(clusterName)
	}
}

// isUserDataKey says under which keys user data stands: CloudFormation's and the
// API's, CDK's and Pulumi's, Ansible's.
func isUserDataKey(key string) bool {
	switch key {
	case "UserData", "userData", "user_data", "userDataBase64", "user_data_base64":
		return true
	}
	return false
}

func (t *template) walk(resource string, node, metadata *yaml.Node, depth int) {
	node = resolved(node)
	if node == nil || depth > 50 || len(t.found) > 100 {
		return
	}
	if node.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(node.Content); i += 2 {
			value := resolved(node.Content[i+1])
			if isUserDataKey(node.Content[i].Value) {
				t.userData(resource, value, metadata)
				continue
			}
			t.walk(resource, value, metadata, depth+1)
		}
		return
	}
	for _, child := range node.Content {
		t.walk(resource, child, metadata, depth+1)
	}
}

func (t *template) userData(resource string, node, metadata *yaml.Node) {
	text := t.value(node, 0)
	if text.length() == 0 {
		return
	}
	var also []func(*machine)
	if strings.Contains(text.String(), "cfn-init") {
		if initialize := entry(metadata, "AWS::CloudFormation::Init"); initialize != nil {
			also = append(also, func(m *machine) { t.cfnInit(m, initialize) })
		}
	}
	t.found = append(t.found, Document{resource, readAll(t.source, []Part{{Text: text}}, Options{}, also...)})
}

// value evaluates a node as far as it is literal.
func (t *template) value(node *yaml.Node, depth int) Text {
	node = resolved(node)
	if node == nil || depth > 20 {
		return Text{}
	}
	offset := t.document.source.offset(t.position(node))
	if function, argument := intrinsic(node); function != "" {
		return t.intrinsic(function, argument, offset, depth)
	}
	if node.Kind == yaml.MappingNode {
		// What ec2:DescribeInstanceAttribute answers.
		node = entry(node, "Value")
	}
	if node == nil || node.Kind != yaml.ScalarNode || node.Tag == "!!null" {
		return Text{}
	}
	return t.scalar(node)
}

// intrinsic gives the function that a node calls, in the long or the short form.
func intrinsic(node *yaml.Node) (function string, argument *yaml.Node) {
	if node.Kind == yaml.MappingNode && len(node.Content) == 2 {
		if key := node.Content[0].Value; key == "Ref" || strings.HasPrefix(key, "Fn::") {
			return strings.TrimPrefix(key, "Fn::"), resolved(node.Content[1])
		}
	}
	if strings.HasPrefix(node.Tag, "!") && !strings.HasPrefix(node.Tag, "!!") {
		return node.Tag[1:], node
	}
	return "", nil
}

func (t *template) intrinsic(function string, argument *yaml.Node, offset, depth int) Text {
	isList := argument.Kind == yaml.SequenceNode
	switch {
	case function == "Base64":
		if argument.Kind == yaml.ScalarNode && argument.Tag == "!Base64" {
			return t.scalar(argument)
		}
		return t.value(argument, depth+1)
	case function == "Ref":
		return t.reference(argument.Value, offset)
	case function == "Sub":
		return t.sub(argument, depth)
	case function == "Join" && isList && len(argument.Content) == 2:
		if list := resolved(argument.Content[1]); list.Kind == yaml.SequenceNode {
			return t.join(t.scalar(argument.Content[0]).String(), list, depth)
		}
	case function == "If" && isList && len(argument.Content) == 3:
		return t.either(argument, offset, depth)
	}
	return unknownText(expression("!"+function+" ", t.plain(argument), ""), offset)
}

// sub does what Fn::Sub does, with or without its own names.
func (t *template) sub(argument *yaml.Node, depth int) Text {
	names := map[string]Text{}
	if argument.Kind == yaml.SequenceNode && len(argument.Content) > 0 {
		if len(argument.Content) > 1 {
			variables := resolved(argument.Content[1])
			for i := 0; i+1 < len(variables.Content); i += 2 {
				names[variables.Content[i].Value] = t.value(variables.Content[i+1], depth+1)
			}
		}
		argument = resolved(argument.Content[0])
	}
	return t.substitute(t.scalar(argument), names)
}

func (t *template) join(separator string, list *yaml.Node, depth int) Text {
	var out builder
	for i, item := range list.Content {
		part := t.value(item, depth+1)
		if i > 0 {
			out.add(madeText(separator, part.offset(0)))
		}
		out.add(part)
	}
	return out.text()
}

// either is one of the two values of Fn::If.
func (t *template) either(argument *yaml.Node, offset, depth int) Text {
	yes, no := t.value(argument.Content[1], depth+1), t.value(argument.Content[2], depth+1)
	switch {
	case yes.String() == no.String() && yes.unknown() == no.unknown():
		return yes
	// Where one arm is nothing, the other is what can be checked.
	case no.length() == 0:
		return yes.under(offset + 1)
	case yes.length() == 0:
		return no.under(offset + 1)
	}
	return unknownText("the condition "+expression("", argument.Content[0].Value, ""), offset)
}

// plain shows a function's argument: a word or words.
func (t *template) plain(node *yaml.Node) string {
	if node.Kind == yaml.ScalarNode {
		return node.Value
	}
	var words []string
	for _, child := range node.Content {
		if child.Kind == yaml.ScalarNode {
			words = append(words, child.Value)
		}
	}
	return strings.Join(words, ".")
}

// reference is what Ref and ${…} give: a cluster's Ref is its name.
func (t *template) reference(name string, offset int) Text {
	if name == "AWS::NoValue" {
		return Text{}
	}
	if known, ok := t.known[name]; ok {
		return known
	}
	return unknownText(expression("${", name, "}"), offset)
}

var subVariable = lazyregexp.New(`\$\{(!?)([^}\r\n]*)\}`)

// substitute does what Fn::Sub does.
func (t *template) substitute(text Text, names map[string]Text) Text {
	s := text.String()
	var out builder
	kept := 0
	for kept <= len(s) {
		match := subVariable.FindStringSubmatchIndex(s[kept:])
		if match == nil {
			break
		}
		start, end := kept+match[0], kept+match[1]
		name := strings.TrimSpace(s[kept+match[4] : kept+match[5]])
		out.add(text.slice(kept, start))
		switch value, given := names[name]; {
		case match[3] > match[2]: // ${!Literal}
			out.add(text.slice(start, start+2))
			out.add(text.slice(kept+match[4], end))
		case given:
			out.add(value)
		default:
			out.add(t.reference(name, text.offset(start)))
		}
		kept = end
	}
	out.add(text.slice(kept, len(s)))
	return out.text()
}

// cfnInit does what cfn-init does with the resource's metadata: of each config,
// files and then commands.
func (t *template) cfnInit(m *machine, initialize *yaml.Node) {
	for i := 0; i+1 < len(initialize.Content); i += 2 {
		if initialize.Content[i].Value == "configSets" {
			continue
		}
		config := resolved(initialize.Content[i+1])
		if files := entry(config, "files"); files != nil {
			t.cfnFiles(m, files)
		}
		if commands := entry(config, "commands"); commands != nil {
			t.cfnCommands(m, commands)
		}
	}
}

func (t *template) cfnFiles(m *machine, files *yaml.Node) {
	for i := 0; i+1 < len(files.Content); i += 2 {
		name := cleanPath("/", t.value(files.Content[i], 0))
		content := t.value(entry(files.Content[i+1], "content"), 0)
		if source := entry(files.Content[i+1], "source"); source != nil {
			location := t.value(source, 0)
			content = unknownText(locationOf(location), location.offset(0)).plus(madeText("\n", location.offset(0)))
		}
		if name != "" && content.length() > 0 {
			m.write(name, content, false, content.offset(0))
		}
	}
}

// cfnCommands runs the commands in the order of their names.
func (t *template) cfnCommands(m *machine, commands *yaml.Node) {
	sh := newShell(m)
	byName := map[string]*yaml.Node{}
	for i := 0; i+1 < len(commands.Content); i += 2 {
		byName[commands.Content[i].Value] = entry(commands.Content[i+1], "command")
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		command := byName[name]
		if command == nil || command.Kind != yaml.SequenceNode {
			if text := t.value(command, 0); text.length() > 0 {
				sh.run(withPlaceholders(text, false), streams{})
			}
			continue
		}
		var arguments []Text
		for _, argument := range command.Content {
			arguments = append(arguments, t.value(argument, 0))
		}
		if len(arguments) > 0 {
			sh.execute(arguments, streams{}, arguments[0].offset(0))
		}
	}
}
