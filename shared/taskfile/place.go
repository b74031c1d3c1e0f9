package taskfile

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/image"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/placeholder"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secretshape"
)

var (
	// containerNamed is how findings name a container, or count to it.
	containerNamed = lazyregexp.New(`container (?:("(?:[^"\\]|\\.)*")|number (\d+))`)
	// referenceNamed is how they name a secret of a container, and variableNamed one
	// of its variables.
	referenceNamed = lazyregexp.New(`(\S+) in (secrets|secretOptions) of the container`)
	variableNamed  = lazyregexp.New(`\bvariable (\S+) of the container`)
	portNamed      = lazyregexp.New(`\bport (\d+)`)
	word           = lazyregexp.New(`^[A-Za-z]\w*$`)
)

// fieldsOf are the fields that findings of a code are about, best first, by ECS's
// names; a path leads to one within another. Other findings name their field.
var fieldsOf = map[string][]string{
	"credential-on-ecr-image": {"repositoryCredentials.credentialsParameter", "repositoryCredentials"}, "credential-invalid": {"repositoryCredentials.credentialsParameter", "repositoryCredentials"},
	"credential-gone": {"repositoryCredentials.credentialsParameter"}, "credential-differs": {"repositoryCredentials.credentialsParameter"},
	"credential-in-other-account": {"repositoryCredentials.credentialsParameter"}, "credential-in-other-region": {"repositoryCredentials.credentialsParameter"},
	"memory-missing": {"memoryReservation", "memory", "name"}, "port-mapping-invalid": {"portMappings"}, "volume-unknown": {"mountPoints", "volumesFrom"},
	"dependency-unknown": {"dependsOn"}, "dependency-unmet": {"dependsOn"}, "firelens-router-missing": {"logConfiguration.logDriver", "logConfiguration"},
	"log-configuration-invalid": {"logConfiguration.logDriver", "logConfiguration"}, "execution-role-logs": {"logConfiguration"},
	"environment-file-invalid": {"environmentFiles"}, "environment-file-gone": {"environmentFiles"}, "environment-files-too-many": {"environmentFiles"}, "execution-role-environment-file": {"environmentFiles"},
	"name-used-twice": {"name"}, "name-invalid": {"name", "family"}, "windows-host-port-80": {"portMappings"}, "variable-defined-twice": {"secrets"},
	"secret-reference-invalid": {"secrets", "logConfiguration"}, "secret-gone": {"secrets", "logConfiguration"}, "secret-key-missing": {"secrets", "logConfiguration"},
	"fargate-size-invalid": {"memory", "cpu"}, "containers-missing": {"containerDefinitions"}, "network-mode-invalid": {"networkMode", "links"},
	"execution-role-missing": {"executionRoleArn"}, "execution-role-gone": {"executionRoleArn"}, "execution-role-trust": {"executionRoleArn"}, "execution-role-secret": {"executionRoleArn"},
	"execution-role-key": {"executionRoleArn"}, "execution-role-ecr": {"executionRoleArn"}, "execution-role-unchecked": {"executionRoleArn"},
}

// placeOf gives the offset of what a finding is about: the field of the container
// that it names, or of the definition.
func (d *Draft) placeOf(f finding.Finding) int {
	fallback := -1
	for _, i := range d.containersOf(f) {
		container := d.containerNode(i)
		if container == nil {
			continue
		}
		if offset := d.fieldIn(container, f); offset >= 0 {
			return offset
		}
		if m := d.at(container, "image"); m != nil && fallback < 0 {
			fallback = m.start
		} else if fallback < 0 {
			fallback = container.start
		}
	}
	if fallback >= 0 {
		return fallback
	}
	if position := d.fieldIn(d.root, f); position >= 0 {
		return position
	}
	return d.root.start
}

// containersOf gives which containers a finding can be about: several may have the
// name. Where that is what is wrong, it is about the last one.
func (d *Draft) containersOf(f finding.Finding) (which []int) {
	found := containerNamed.FindStringSubmatch(f.Message)
	if found == nil {
		return nil
	}
	containers := d.definition.TaskDefinition.ContainerDefinitions
	if found[1] == "" {
		number, _ := strconv.Atoi(found[2])
		if number < 1 || number > len(containers) {
			return nil
		}
		return []int{number - 1}
	}
	for i, container := range containers {
		if strconv.Quote(aws.ToString(container.Name)) == found[1] {
			which = append(which, i)
		}
	}
	if f.Code == "name-used-twice" {
		slices.Reverse(which)
	}
	return which
}

// at gives a field of an object by ECS's name of it, or nil.
func (d *Draft) at(n *node, name string) *member {
	if i := n.index(d.spelt(name)); i >= 0 {
		return &n.members[i]
	}
	return nil
}

// fieldIn gives the offset of the field of an object that a finding is about, -1
// where it has none.
func (d *Draft) fieldIn(holder *node, f finding.Finding) int {
	if offset := d.itemIn(holder, f); offset >= 0 {
		return offset
	}
	for _, path := range fieldsOf[f.Code] {
		if m := d.along(holder, path); m != nil {
			return m.start
		}
	}
	// What a message names by its field's name is what it is about.
	for name := range strings.FieldsFuncSeq(f.Message, func(r rune) bool { return strings.ContainsRune(" ,.:;()\"'", r) }) {
		if name == "container" || name == "image" || !word.MatchString(name) {
			continue
		}
		if m := d.at(holder, name); m != nil {
			return m.start
		}
	}
	return -1
}

// along follows a path of fields; nil where it ends too early.
func (d *Draft) along(holder *node, path string) (found *member) {
	for name := range strings.SplitSeq(path, ".") {
		if found = d.at(holder, name); found == nil {
			return nil
		}
		holder = d.chosen(found.value)
	}
	return found
}

// itemIn gives the offset of the item of one of a container's lists that a
// finding is about, -1 where it is about none.
func (d *Draft) itemIn(container *node, f finding.Finding) int {
	switch f.Code {
	case "secret-reference-invalid", "secret-gone", "secret-key-missing":
		if named := referenceNamed.FindStringSubmatch(f.Message); named != nil {
			path := named[2]
			if path == "secretOptions" {
				path = "logConfiguration.secretOptions"
			}
			return d.item(container, path, "valueFrom", func(item *node) bool { return d.textOf(item, "name") == named[1] })
		}
	case "variable-defined-twice":
		if named := variableNamed.FindStringSubmatch(f.Message); named != nil {
			return d.item(container, "secrets", "name", func(item *node) bool { return d.textOf(item, "name") == named[1] })
		}
	case "port-mapping-invalid", "windows-host-port-80":
		if named := portNamed.FindStringSubmatch(f.Message); named != nil {
			return d.item(container, "portMappings", "hostPort", func(item *node) bool {
				return d.textOf(item, "containerPort") == named[1] && f.Code == "port-mapping-invalid" || d.textOf(item, "hostPort") == named[1]
			})
		}
	case "volume-unknown":
		volumes := d.names(d.root, "volumes")
		return d.item(container, "mountPoints", "sourceVolume", func(item *node) bool { return !slices.Contains(volumes, d.textOf(item, "sourceVolume")) })
	case "dependency-unknown":
		var names []string
		for _, other := range d.definition.TaskDefinition.ContainerDefinitions {
			names = append(names, aws.ToString(other.Name))
		}
		return d.item(container, "dependsOn", "containerName", func(item *node) bool { return !slices.Contains(names, d.textOf(item, "containerName")) })
	case "environment-file-invalid":
		return d.item(container, "environmentFiles", "value", func(item *node) bool {
			value := d.textOf(item, "value")
			return strings.Contains(f.Message, ".env") != strings.HasSuffix(value, ".env") && strings.HasPrefix(value, "arn:") == strings.Contains(f.Message, ".env")
		})
	}
	return -1
}

// item gives the offset of a field of the first item of a list that is meant, or
// of the item.
func (d *Draft) item(holder *node, path, field string, meant func(*node) bool) int {
	list := d.along(holder, path)
	if list == nil {
		return -1
	}
	for _, item := range listOf(d.chosen(list.value)) {
		if item = d.chosen(item); item == nil || item.kind != kindObject || !meant(item) {
			continue
		}
		if m := d.at(item, field); m != nil {
			return m.start
		}
		return item.start
	}
	return -1
}

// names lists the names of the items of a list.
func (d *Draft) names(holder *node, list string) (names []string) {
	if m := d.at(holder, list); m != nil {
		for _, item := range listOf(d.chosen(m.value)) {
			names = append(names, d.textOf(d.chosen(item), "name"))
		}
	}
	return names
}

// textOf gives an object's field as it was read, "" where it has none.
func (d *Draft) textOf(n *node, name string) string {
	if n == nil {
		return ""
	}
	m := d.at(n, name)
	if m == nil {
		return ""
	}
	return d.literal(m.value, 0)
}

// shownFields are those whose values may be shown with a finding, if they look
// like what they should be.
var shownFields = []string{
	"name", "family", "image", "location", "valuefrom", "credentialsparameter", "credentials", "executionrolearn", "taskrolearn", "jobrolearn", "execution_role_arn", "task_role_arn",
	"cpu", "memory", "memoryreservation", "containerport", "hostport", "essential", "jobdefinitionname",
}

// shownValues are those of the API's enumerations, which are shown in any field.
var shownValues = []string{
	"awsvpc", "bridge", "host", "none", "default", "FARGATE", "EC2", "EXTERNAL", "tcp", "udp", "START", "COMPLETE", "SUCCESS", "HEALTHY", "s3", "LINUX", "X86_64", "ARM64",
	"awslogs", "awsfirelens", "splunk", "json-file", "syslog", "journald", "gelf", "fluentd", "logentries",
}

// plainValue is a value of a field that is a name or a path.
var plainValue = lazyregexp.New("^[\\w ./:@${}!&*+=,<>()%#`\\[\\]-]{0,256}$")

// blot covers, in the file's text, each value that is no name: a variable's value
// is often a secret, and so may be what stands in the wrong field.
func (d *Draft) blot(text []byte) {
	whole := d.file
	if whole == nil {
		whole = d.root
	}
	blotBelow(text, whole, "")
	if d.root != nil && d.root != whole {
		blotBelow(text, d.root, "")
	}
	for _, item := range listOf(d.containers) {
		blotBelow(text, item, "")
	}
}

func blotBelow(text []byte, n *node, field string) {
	if n == nil {
		return
	}
	for _, m := range n.members {
		name := m.name
		if name == "Ref" || strings.HasPrefix(name, "Fn::") {
			// A function makes the field's value.
			name = field
		}
		blotBelow(text, m.value, name)
	}
	for _, item := range n.items {
		blotBelow(text, item, field)
	}
	if n.kind != kindString || mayShow(field, n.text) {
		return
	}
	for i := n.start; i < n.end && i < len(text); i++ {
		if text[i] > ' ' && text[i] != '"' && text[i] != '\'' {
			text[i] = '*'
		}
	}
}

func mayShow(field, value string) bool {
	field = strings.ToLower(field)
	switch {
	case slices.Contains(shownValues, value):
		return true
	case !slices.Contains(shownFields, field), secretshape.Find(value) != "":
		return false
	case field == "image" || field == "location":
		_, err := image.Parse(value)
		return err == nil || placeholder.In(value) && plainValue.MatchString(value)
	case field == "valuefrom" || field == "credentialsparameter" || field == "credentials":
		return (strings.HasPrefix(value, "arn:") || strings.HasPrefix(value, "/") || strings.HasPrefix(value, "${")) && plainValue.MatchString(value)
	}
	return plainValue.MatchString(value)
}
