package taskfile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// source is a task definition somewhere in a file.
type source struct {
	// label tells it from others of the file: a resource, a module, a family.
	label string
	// root has the definition's fields, containers its list of containers. They are
	// the same where the file has nothing but the list.
	root, containers *node
	// capitals says that fields are spelt as CloudFormation does: ContainerDefinitions.
	capitals bool
	// converts says that the file's tool makes the right type of a value by itself.
	converts bool
	// role is where the execution role is written, where that is not in root.
	role *slot
	// credentials is where a container's credential is written, where that is not
	// in the container.
	credentials map[*node]slot
	// fixed says why no credential can be written into such a file; "" where it can.
	fixed string
	// logsIn says how the file has credentials for registries, where not by
	// repositoryCredentials, and hasLogin that it has some.
	logsIn   string
	hasLogin bool
	// problem says why there are no containers to judge, and fix what to do.
	problem, fix string
}

// slot is a field of an object in the file.
type slot struct {
	holder *node
	// field is the field's name in the file, after the one that it belongs with.
	field, after string
	// plain says that the field's value is the secret itself, without
	// credentialsParameter around it.
	plain bool
	// parameter is the file's name of credentialsParameter.
	parameter string
}

// sourcesIn finds the definitions in a tree. The problem says why there is none.
func sourcesIn(root *node) (found []*source, problem string) {
	return sourcesBelow(root, 0)
}

// otherFormat says which other tool's file a tree is, "" where that isn't known.
func otherFormat(root *node) string {
	if root == nil || root.kind != kindObject {
		return ""
	}
	text := func(name string) string {
		if value := root.member(name); value != nil && value.kind == kindString {
			return value.text
		}
		return ""
	}
	if services := root.member("services"); services != nil && services.kind == kindObject {
		for _, service := range services.members {
			if service.value.member("image") != nil || service.value.member("build") != nil {
				return "it is a file of Docker Compose, which ECS can't register"
			}
		}
	}
	switch word := text("type"); {
	case text("apiVersion") != "" && text("kind") != "":
		return "it is a manifest of Kubernetes"
	case word == "Static Site" || word == "Request-Driven Web Service" || word == "Environment":
		return fmt.Sprintf("it is a manifest of Copilot for a %s, which runs no task in ECS", word)
	case root.member("task_definition") != nil && root.member("version") != nil:
		return "it is a file of parameters of the Amazon ECS CLI, which makes a definition of it and a file of Docker Compose"
	case root.member("jobs") != nil && (root.member("on") != nil || root.member("true") != nil):
		return "it is a workflow of GitHub Actions"
	case root.member("runtime") != nil && root.member("resources") != nil:
		return "it is a program of Pulumi (check what it registers, as aws ecs describe-task-definition shows it)"
	}
	return ""
}

const noContainers = "there is no containerDefinitions in it"

func sourcesBelow(root *node, depth int) (found []*source, problem string) {
	if depth > 3 {
		return nil, noContainers
	}
	switch root.kind {
	case kindList:
		return sourcesInList(root, depth)
	case kindObject:
	default:
		return nil, noContainers
	}
	if root.member("AWSEBDockerrunVersion") != nil {
		return dockerrun(root)
	}
	for _, capitals := range []bool{false, true} {
		if containers := root.member(spelt("containerDefinitions", capitals)); containers != nil {
			return []*source{{root: root, containers: containers, capitals: capitals, label: labelOf(root, capitals)}}, ""
		}
	}
	if root.member("Resources") != nil {
		return templateSources(root)
	}
	if found := terraformSources(root); found != nil {
		return found, ""
	}
	if properties := root.member("containerProperties"); properties != nil {
		return []*source{batchDefinition(labelOf(root, false), root, properties)}, ""
	}
	if found := batchTasks(root); found != nil {
		return found, ""
	}
	if found := batchNodes(root); found != nil {
		return found, ""
	}
	if root.member("eksProperties") != nil {
		return nil, "it is a job definition of AWS Batch for Amazon EKS, which runs nothing in ECS"
	}
	if found := copilotManifest(root); found != nil {
		return []*source{found}, ""
	}
	for _, name := range []string{"taskDefinition", "TaskDefinition", "Properties", "jobDefinitions", "taskDefinitions"} {
		if inner := root.member(name); inner != nil && (inner.kind == kindObject || inner.kind == kindList) {
			return sourcesBelow(inner, depth+1)
		}
	}
	return nil, noContainers
}

func sourcesInList(root *node, depth int) (found []*source, problem string) {
	for _, capitals := range []bool{false, true} {
		if len(root.items) > 0 && root.items[0].member(spelt("image", capitals)) != nil && root.items[0].kind == kindObject {
			return []*source{{root: root, containers: root, capitals: capitals}}, ""
		}
	}
	for i, item := range root.items {
		below, _ := sourcesBelow(item, depth+1)
		for _, definition := range below {
			if definition.label == "" && len(root.items) > 1 {
				definition.label = fmt.Sprintf("[%d]", i)
			}
		}
		found = append(found, below...)
	}
	if len(found) == 0 {
		return nil, noContainers
	}
	return found, ""
}

// labelOf gives a definition's own name, where it has a literal one.
func labelOf(root *node, capitals bool) string {
	for _, field := range []string{"family", "jobDefinitionName"} {
		if name := root.member(spelt(field, capitals)); name != nil && name.kind == kindString {
			return name.text
		}
	}
	return ""
}

// spelt gives a field's name as the file spells it.
func spelt(name string, capitals bool) string {
	if capitals && name != "" {
		return strings.ToUpper(name[:1]) + name[1:]
	}
	return name
}

// templateSources finds the definitions in a CloudFormation template, as people
// write it and as cdk synth does.
func templateSources(template *node) (found []*source, problem string) {
	for _, resource := range template.member("Resources").members {
		properties, parent := resource.value.member("Properties"), resource.value.member("Type")
		if properties == nil || parent == nil || slices.ContainsFunc(found, func(s *source) bool { return s.label == resource.name }) {
			continue
		}
		// Of resources with the same name the last one counts.
		properties = template.member("Resources").member(resource.name).member("Properties")
		if properties == nil {
			continue
		}
		switch parent.text {
		case "AWS::ECS::TaskDefinition":
			if containers := properties.member("ContainerDefinitions"); containers != nil {
				found = append(found, &source{label: resource.name, root: properties, containers: containers, capitals: true})
			}
		case "AWS::Batch::JobDefinition":
			if container := properties.member("ContainerProperties"); container != nil {
				batch := batchDefinition(resource.name, lowered(properties), lowered(container))
				batch.role.holder, batch.role.field, batch.role.after = container, "ExecutionRoleArn", "Image"
				for key := range batch.credentials {
					batch.credentials[key] = slot{holder: container, field: "RepositoryCredentials", after: "Image", parameter: "CredentialsParameter"}
				}
				found = append(found, batch)
			}
		}
	}
	if len(found) == 0 {
		return nil, "there is no resource of the type AWS::ECS::TaskDefinition in the template"
	}
	return found, ""
}

// lowered gives an object with its fields, and theirs, spelt as the API does.
func lowered(n *node) *node {
	made := *n
	if n.functionName() != "" {
		return &made
	}
	made.members, made.items = nil, nil
	for _, m := range n.members {
		if m.name != "" {
			m.name = strings.ToLower(m.name[:1]) + m.name[1:]
		}
		m.value = lowered(m.value)
		made.members = append(made.members, m)
	}
	for _, item := range n.items {
		made.items = append(made.items, lowered(item))
	}
	return &made
}

// dockerrun reads Elastic Beanstalk's file for several containers (version 2 of
// Dockerrun.aws.json). Its credentials are a file in S3 that "authentication"
// names; Beanstalk makes the task definition.
func dockerrun(root *node) (found []*source, problem string) {
	version, containers := root.member("AWSEBDockerrunVersion"), root.member("containerDefinitions")
	if version.text != "2" || containers == nil {
		return nil, "it is a Dockerrun.aws.json of version " + strconv.Quote(version.text) + ", and only version 2 describes ECS containers"
	}
	return []*source{{label: "Dockerrun.aws.json", root: root, containers: containers, converts: true,
		hasLogin: root.member("authentication") != nil,
		logsIn:   `Name a file in S3 that has the registry's login, as docker login writes it, in "authentication": {"bucket": ..., "key": ...}.`,
		fixed:    `Elastic Beanstalk takes credentials from the file in S3 that "authentication" names`}}, ""
}

// terraformSources finds the definitions in Terraform's JSON: a plan or state as
// "terraform show -json" prints it, or a configuration (.tf.json).
func terraformSources(root *node) (found []*source) {
	for _, name := range []string{"planned_values", "values"} {
		if module := root.member(name).member("root_module"); module != nil {
			return plannedSources(module, 0)
		}
	}
	for _, resources := range each(root.member("resource")) {
		for _, definitions := range each(resources.member("aws_ecs_task_definition")) {
			for _, resource := range definitions.members {
				for _, body := range each(resource.value) {
					found = append(found, terraformDefinition("aws_ecs_task_definition."+resource.name, body))
				}
			}
		}
	}
	return found
}

// each gives the objects of a value that Terraform takes with and without a list
// around it.
func each(n *node) (objects []*node) {
	for _, item := range append([]*node{n}, listOf(n)...) {
		if item != nil && item.kind == kindObject {
			objects = append(objects, item)
		}
	}
	return objects
}

func listOf(n *node) []*node {
	if n == nil || n.kind != kindList {
		return nil
	}
	return n.items
}

func plannedSources(module *node, depth int) (found []*source) {
	found = []*source{}
	for _, resource := range listOf(module.member("resources")) {
		parent, values := resource.member("type"), resource.member("values")
		if parent == nil || parent.text != "aws_ecs_task_definition" || values == nil || values.kind != kindObject {
			continue
		}
		label := "aws_ecs_task_definition"
		if address := resource.member("address"); address != nil {
			label = address.text
		}
		definition := terraformDefinition(label, opaque(values))
		definition.fixed = "a plan is made from the configuration; change that"
		found = append(found, definition)
	}
	if depth < maxDepth {
		for _, child := range listOf(module.member("child_modules")) {
			found = append(found, plannedSources(child, depth+1)...)
		}
	}
	return found
}

// opaque gives a tree that nothing here changes.
func opaque(n *node) *node {
	made := *n
	made.syntax = syntaxOpaque
	made.members, made.items = slices.Clone(n.members), nil
	for i, m := range n.members {
		made.members[i].value = opaque(m.value)
	}
	for _, item := range n.items {
		made.items = append(made.items, opaque(item))
	}
	return &made
}

// within gives the tree of another text, all of it at the place of a value in
// the file.
func within(tree, parent *node) *node {
	made := opaque(tree)
	var move func(*node)
	move = func(n *node) {
		n.start, n.end = parent.start, parent.end
		for i := range n.members {
			n.members[i].start = parent.start
			move(n.members[i].value)
		}
		for _, item := range n.items {
			move(item)
		}
	}
	move(made)
	return made
}

// terraformNames are the arguments of aws_ecs_task_definition and of the module
// terraform-aws-modules/ecs that a definition has, by ECS's names.
var terraformNames = map[string]string{
	"family": "family", "task_role_arn": "taskRoleArn", "execution_role_arn": "executionRoleArn", "network_mode": "networkMode",
	"requires_compatibilities": "requiresCompatibilities", "cpu": "cpu", "memory": "memory", "pid_mode": "pidMode", "ipc_mode": "ipcMode",
	"task_exec_iam_role_arn": "executionRoleArn", "tasks_iam_role_arn": "taskRoleArn",
}

// terraformDefinition reads the arguments of a resource or module.
func terraformDefinition(label string, body *node) *source {
	s := &source{label: label, converts: true, root: &node{kind: kindObject, start: body.start, end: body.end, syntax: syntaxOpaque}}
	s.role = &slot{holder: body, field: "execution_role_arn", after: "family"}
	if body.member("task_exec_iam_role_arn") != nil || strings.HasPrefix(label, "module.") {
		s.role.field, s.role.after = "task_exec_iam_role_arn", "container_definitions"
	}
	volumes := &node{kind: kindList, start: body.start, syntax: syntaxOpaque}
	for _, m := range body.members {
		if name, known := terraformNames[m.name]; known {
			s.root.members = append(s.root.members, member{name: name, start: m.start, value: m.value})
		}
		if m.name == "volume" {
			for _, volume := range each(m.value) {
				if name := volume.member("name"); name != nil {
					volumes.items = append(volumes.items, &node{kind: kindObject, start: volume.start, syntax: syntaxOpaque, members: []member{{name: "name", start: name.start, value: name}}})
				}
			}
		}
		if m.name == "dynamic" {
			// A block for each of a list that only Terraform knows.
			volumes.items = append(volumes.items, &node{kind: kindObject, start: m.start, syntax: syntaxOpaque, members: []member{{name: "name", value: &node{kind: kindString, text: "${each.value}"}}}})
		}
	}
	makesRole := body.member("create_task_exec_iam_role")
	if strings.HasPrefix(label, "module.") && s.root.member("executionRoleArn") == nil && (makesRole == nil || makesRole.text != "false") {
		// A module makes the role, if none is given to it.
		s.root.members = append(s.root.members, made("executionRoleArn", "${"+label+".task_exec_iam_role_arn}", body))
	}
	if len(volumes.items) > 0 {
		s.root.members = append(s.root.members, member{name: "volumes", start: volumes.start, value: volumes})
	}
	definitions := body.member("container_definitions")
	if definitions == nil {
		s.problem, s.fix = "it has no container_definitions", "See aws_ecs_task_definition in the documentation of Terraform's AWS provider."
		return s
	}
	s.containers = terraformContainers(s, definitions)
	if s.containers == nil {
		s.problem = "its container_definitions are not literal: " + oneLine([]byte(definitions.text))
		s.fix = "Check the file that they come from, or the plan: terraform show -json PLAN"
		return s
	}
	s.root.members = append(s.root.members, member{name: "containerDefinitions", start: definitions.start, value: s.containers})
	return s
}

// terraformContainers gives the list of containers, from jsonencode([…]), JSON in
// a text, or a module's object with a container under each name; nil where none
// of them is literal.
func terraformContainers(s *source, definitions *node) *node {
	switch definitions.kind {
	case kindList:
		return definitions
	case kindString:
		text := strings.TrimSpace(definitions.text)
		if inner, found := strings.CutPrefix(text, "${jsonencode("); found {
			if tree := hclExpression(strings.TrimSuffix(inner, ")}")); tree != nil && tree.kind == kindList {
				return within(tree, definitions)
			}
			return nil
		}
		tree, err := parseJSON([]byte(text))
		if err != nil {
			tree, err = parseJSON(quotePlaceholders([]byte(text)))
		}
		if err == nil && tree.kind == kindList {
			return within(tree, definitions)
		}
		return nil
	case kindObject:
		list := &node{kind: kindList, start: definitions.start, end: definitions.end, syntax: syntaxOpaque}
		s.credentials = map[*node]slot{}
		for _, m := range definitions.members {
			container := camelled(m.value)
			if container.kind == kindObject && container.member("name") == nil {
				container.members = append([]member{{name: "name", start: m.start, value: &node{kind: kindString, text: m.name, start: m.start}}}, container.members...)
			}
			place := slot{holder: m.value, field: "repositoryCredentials", after: "image", parameter: "credentialsParameter"}
			if strings.Contains(fieldNames(m.value), "_") {
				place.field, place.parameter = "repository_credentials", "credentialsParameter"
			}
			s.credentials[container] = place
			list.items = append(list.items, container)
		}
		return list
	}
	return nil
}

func fieldNames(n *node) string {
	var names []string
	for _, m := range n.members {
		names = append(names, m.name)
	}
	return strings.Join(names, " ")
}

// moduleOnly are a module's own settings of a container, which ECS has no fields for.
var moduleOnly = []string{"create", "enable_cloudwatch_logging", "create_cloudwatch_log_group", "cloudwatch_log_group_name", "cloudwatch_log_group_retention_in_days",
	"enableCloudwatchLogging", "createCloudwatchLogGroup", "cloudwatchLogGroupName", "cloudwatchLogGroupRetentionInDays", "cloudwatch_log_group_use_name_prefix",
	"cloudwatch_log_group_kms_key_id", "service", "operating_system_family", "operatingSystemFamily", "tags"}

// camelled gives a container with its fields spelt as ECS does, from Terraform's
// log_configuration.
func camelled(n *node) *node {
	made := *n
	made.members, made.items = nil, nil
	for _, m := range n.members {
		if slices.Contains(moduleOnly, m.name) {
			continue
		}
		words := strings.Split(m.name, "_")
		for i, word := range words {
			if i > 0 && word != "" {
				words[i] = strings.ToUpper(word[:1]) + word[1:]
			}
		}
		m.name = strings.Join(words, "")
		// What is below options and labels are their own names.
		if m.name != "options" && m.name != "dockerLabels" {
			m.value = camelled(m.value)
		}
		made.members = append(made.members, m)
	}
	for _, item := range n.items {
		made.items = append(made.items, camelled(item))
	}
	return &made
}

// batchNames are the fields of a job's container that AWS Batch hands to ECS.
var batchNames = []string{"name", "image", "command", "environment", "secrets", "logConfiguration", "repositoryCredentials", "ulimits", "user",
	"privileged", "readonlyRootFilesystem", "mountPoints", "dependsOn", "essential", "firelensConfiguration"}

// batchDefinition reads a job definition of AWS Batch (API RegisterJobDefinition,
// containerProperties), which registers a task definition of it.
func batchDefinition(label string, holder, properties *node) *source {
	container := batchContainer(properties)
	list := &node{kind: kindList, start: properties.start, end: properties.end, syntax: syntaxOpaque, items: []*node{container}}
	s := &source{label: label, converts: true, containers: list,
		role:        &slot{holder: properties, field: "executionRoleArn", after: "image"},
		credentials: map[*node]slot{container: {holder: properties, field: "repositoryCredentials", after: "image", parameter: "credentialsParameter"}}}
	s.root = batchRoot(holder, properties, list)
	return s
}

// batchTasks reads a job of several containers (ecsProperties).
func batchTasks(root *node) (found []*source) {
	for _, task := range listOf(root.member("ecsProperties").member("taskProperties")) {
		containers := task.member("containers")
		if containers == nil {
			continue
		}
		list := &node{kind: kindList, start: containers.start, end: containers.end, syntax: syntaxOpaque}
		s := &source{label: labelOf(root, false), converts: true, containers: list,
			role: &slot{holder: task, field: "executionRoleArn", after: "containers"}, credentials: map[*node]slot{}}
		for _, item := range containers.items {
			container := batchContainer(item)
			s.credentials[container] = slot{holder: item, field: "repositoryCredentials", after: "image", parameter: "credentialsParameter"}
			list.items = append(list.items, container)
		}
		s.root = batchRoot(root, task, list)
		found = append(found, s)
	}
	return found
}

// batchNodes reads a job of several nodes (nodeProperties), each range of which has
// a container or ecsProperties.
func batchNodes(root *node) (found []*source) {
	for i, nodes := range listOf(root.member("nodeProperties").member("nodeRangeProperties")) {
		label := fmt.Sprintf("%s, nodes %d", labelOf(root, false), i)
		if target := nodes.member("targetNodes"); target != nil && target.kind == kindString {
			label = strings.TrimPrefix(fmt.Sprintf("%s, nodes %s", labelOf(root, false), target.text), ", ")
		}
		if container := nodes.member("container"); container != nil {
			found = append(found, batchDefinition(label, root, container))
		}
		for _, task := range batchTasks(nodes) {
			task.label = label
			found = append(found, task)
		}
	}
	return found
}

// batchContainer gives a job's container as ECS gets it.
func batchContainer(properties *node) *node {
	container := &node{kind: kindObject, start: properties.start, end: properties.end, syntax: syntaxOpaque}
	for _, m := range properties.members {
		if slices.Contains(batchNames, m.name) {
			container.members = append(container.members, m)
		}
	}
	if container.member("name") == nil {
		container.members = append(container.members, made("name", "default", properties))
	}
	memory := requirement(properties, "MEMORY")
	if memory == "" {
		memory = "512"
		if given := properties.member("memory"); given != nil {
			memory = given.text
		}
	}
	container.members = append(container.members, made("memory", memory, properties))
	return container
}

func batchRoot(holder, task, containers *node) *node {
	root := &node{kind: kindObject, start: task.start, end: task.end, syntax: syntaxOpaque}
	for _, m := range task.members {
		switch m.name {
		case "executionRoleArn", "volumes":
			root.members = append(root.members, m)
		case "jobRoleArn", "taskRoleArn":
			m.name = "taskRoleArn"
			root.members = append(root.members, m)
		}
	}
	if name := holder.member("jobDefinitionName"); name != nil {
		root.members = append(root.members, member{name: "family", start: name.start, value: name})
	} else {
		root.members = append(root.members, made("family", "job", task))
	}
	return setMember(root, member{name: "containerDefinitions", start: containers.start, value: containers})
}

func setMember(n *node, m member) *node {
	n.members = append(n.members, m)
	return n
}

// requirement gives one of a job's resourceRequirements; "" where it has none.
func requirement(properties *node, text string) string {
	for _, required := range listOf(properties.member("resourceRequirements")) {
		if kind, value := required.member("type"), required.member("value"); kind != nil && value != nil && kind.text == text {
			return value.text
		}
	}
	return ""
}

// made is a member that the file does not have.
func made(name, text string, parent *node) member {
	return member{name: name, start: parent.start, value: &node{kind: kindString, text: text, start: parent.start, end: parent.start, syntax: syntaxOpaque}}
}

// copilotTypes are the manifests that describe containers
// (https://aws.github.io/copilot-cli/docs/manifest/overview/).
var copilotTypes = []string{"Load Balanced Web Service", "Backend Service", "Worker Service", "Scheduled Job"}

// copilotManifest reads what AWS Copilot makes a task definition of; nil where
// the file is no such manifest.
func copilotManifest(root *node) *source {
	parent := root.member("type")
	if parent == nil || !slices.Contains(copilotTypes, parent.text) {
		return nil
	}
	list := &node{kind: kindList, start: root.start, end: root.end, syntax: syntaxOpaque}
	s := &source{converts: true, containers: list, credentials: map[*node]slot{}, root: &node{kind: kindObject, start: root.start, end: root.end, syntax: syntaxOpaque}}
	name := root.member("name")
	if name == nil {
		name = made("name", "service", root).value
	}
	s.label = name.text
	if image := root.member("image"); image.member("location") != nil {
		container := &node{kind: kindObject, start: image.start, end: image.end, syntax: syntaxOpaque, members: []member{
			{name: "name", start: name.start, value: name}, {name: "image", start: image.member("location").start, value: image.member("location")}}}
		if credentials := image.member("credentials"); credentials != nil {
			container.members = append(container.members, credentialMember(credentials))
		}
		container.members = append(container.members, copilotSecrets(root)...)
		s.credentials[container] = slot{holder: image, field: "credentials", after: "location", plain: true}
		list.items = append(list.items, container)
	}
	for _, sidecar := range root.member("sidecars").membersOf() {
		image := sidecar.value.member("image")
		if image == nil || image.kind != kindString {
			continue
		}
		container := &node{kind: kindObject, start: sidecar.value.start, end: sidecar.value.end, syntax: syntaxOpaque, members: []member{
			made("name", sidecar.name, sidecar.value), {name: "image", start: image.start, value: image}}}
		if credentials := sidecar.value.member("credentialsParameter"); credentials != nil {
			container.members = append(container.members, credentialMember(credentials))
		}
		container.members = append(container.members, copilotSecrets(sidecar.value)...)
		s.credentials[container] = slot{holder: sidecar.value, field: "credentialsParameter", after: "image", plain: true}
		list.items = append(list.items, container)
	}
	// Copilot makes the execution role itself, with the right to read what the
	// manifest names.
	s.root.members = []member{made("family", name.text, root), made("memory", "512", root), made("executionRoleArn", "${ExecutionRole}", root),
		{name: "containerDefinitions", start: root.start, value: list}}
	if len(list.items) == 0 {
		s.containers = nil
		s.problem, s.fix = "Copilot builds its image and pushes it to Amazon ECR", "Nothing."
	}
	return s
}

func (n *node) membersOf() []member {
	if n == nil {
		return nil
	}
	return n.members
}

func credentialMember(credentials *node) member {
	return member{name: "repositoryCredentials", start: credentials.start, value: &node{kind: kindObject, start: credentials.start, end: credentials.end, syntax: syntaxOpaque,
		members: []member{{name: "credentialsParameter", start: credentials.start, value: credentials}}}}
}

// copilotSecrets reads "secrets": names with a parameter's name, or with
// {secretsmanager: NAME}.
func copilotSecrets(holder *node) []member {
	list := &node{kind: kindList, syntax: syntaxOpaque}
	for _, secret := range holder.member("secrets").membersOf() {
		from := secret.value
		if from.kind != kindString {
			continue
		}
		list.start = from.start
		list.items = append(list.items, &node{kind: kindObject, start: secret.start, syntax: syntaxOpaque, members: []member{
			made("name", secret.name, from), {name: "valueFrom", start: from.start, value: from}}})
	}
	if len(list.items) == 0 {
		return nil
	}
	return []member{{name: "secrets", start: list.start, value: list}}
}
