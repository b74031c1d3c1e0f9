package taskfile

import (
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/image"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/placeholder"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secretshape"
)

// fieldsOf are the fields that findings of a code are about, best first, by ECS's
// names; a path leads to one within another. Other findings have their field, or are
// about their container's image.
var fieldsOf = map[string][]string{
	"credential-missing": {"repositoryCredentials"}, "credential-on-ecr-image": {"repositoryCredentials.credentialsParameter", "repositoryCredentials"}, "credential-invalid": {"repositoryCredentials.credentialsParameter", "repositoryCredentials"},
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

// placeOf gives the offset of what a finding is about: the item, the field or the
// image of its container, or a field of the definition.
func (d *Draft) placeOf(f finding.Finding) int {
	if container := d.containerNode(f.Place.Container - 1); f.Place.Container > 0 && container != nil {
		if offset := d.fieldIn(container, f); offset >= 0 {
			return offset
		}
		if m := d.at(container, "image"); m != nil {
			return m.start
		}
		return container.start
	}
	if offset := d.fieldIn(d.root, f); offset >= 0 {
		return offset
	}
	return d.root.start
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
	if f.Place.Key != "" {
		if offset := d.item(holder, f); offset >= 0 {
			return offset
		}
	}
	if f.Place.Field != "" {
		if m := d.along(holder, f.Place.Field); m != nil {
			return m.start
		}
	}
	for _, path := range fieldsOf[f.Code] {
		if m := d.along(holder, path); m != nil {
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

// valueOf is the field of an item that a code is about, where that isn't the one that
// tells the items apart.
var valueOf = map[string]string{
	"secret-reference-invalid": "valueFrom", "secret-gone": "valueFrom", "secret-key-missing": "valueFrom", "port-mapping-invalid": "hostPort",
}

// item gives the offset of a field of the item of a list that is meant, or of the
// item; -1 where there is none.
func (d *Draft) item(holder *node, f finding.Finding) int {
	list := d.along(holder, f.Place.Field)
	if list == nil {
		return -1
	}
	for _, item := range listOf(d.chosen(list.value)) {
		if item = d.chosen(item); item == nil || item.kind != kindObject || d.textOf(item, f.Place.Key) != f.Place.Item {
			continue
		}
		for _, name := range []string{valueOf[f.Code], f.Place.Key} {
			if m := d.at(item, name); m != nil && name != "" {
				return m.start
			}
		}
		return item.start
	}
	return -1
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
