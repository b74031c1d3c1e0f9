package taskdef

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// registration finds what ECS refuses when a definition is registered
// ("RegisterTaskDefinition" and "Task definition parameters"). Of what is
// registered, none of it can be wrong.
func (j *judgement) registration() {
	if j.Unregistered == nil {
		return
	}
	if len(j.Definition.ContainerDefinitions) == 0 && !j.leftOut("containerDefinitions") {
		j.report(noContainer.With())
	}
	j.essential()
	for i, container := range j.Definition.ContainerDefinitions {
		j.environmentTwice(i, container)
		j.logConfiguration(i, container)
		j.dependencies(i, container)
	}
	if j.Unregistered.ContainersOnly {
		return
	}
	j.memory()
	j.fargateSize()
	j.fargateFields()
	j.network()
	j.volumes()
	j.roles()
}

// leftOut reports whether the value of a field, or of one that it has, could not be
// read.
func (j *judgement) leftOut(field string) bool {
	return slices.ContainsFunc(j.Unregistered.LeftOut, func(path string) bool {
		rest, found := strings.CutPrefix(path, field)
		return found && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// containersLeftOut reports whether containers, or their names, could not be read.
func (j *judgement) containersLeftOut() bool {
	return slices.ContainsFunc(j.Unregistered.LeftOut, func(path string) bool {
		rest, found := strings.CutPrefix(path, "containerDefinitions")
		return found && (!strings.Contains(rest, ".") || strings.HasSuffix(rest, ".name"))
	})
}

func (j *judgement) essential() {
	none := len(j.Definition.ContainerDefinitions) > 0
	for _, container := range j.Definition.ContainerDefinitions {
		none = none && container.Essential != nil && !*container.Essential
	}
	if none {
		j.report(noEssential.With())
	}
}

// memory: on instances, each container has memory or memoryReservation where the
// definition has none.
func (j *judgement) memory() {
	j.memoryInTask()
	if j.Definition.Memory != nil || j.isFargate() || j.leftOut("memory") || j.leftOut("requiresCompatibilities") {
		return
	}
	for i, container := range j.Definition.ContainerDefinitions {
		// Of what is left out, the places of those that were read are not known.
		if j.leftOut("containerDefinitions") {
			return
		}
		hard, soft := container.Memory, container.MemoryReservation
		if hard == nil && soft == nil {
			j.report(j.in(i, memoryMissing))
		}
		if hard != nil && soft != nil && *soft > *hard {
			j.report(j.in(i, memoryReserved))
		}
	}
}

// memoryInTask: together, containers can't reserve more than the task has.
func (j *judgement) memoryInTask() {
	text := aws.ToString(j.Definition.Memory)
	if text == "" || j.leftOpen(text) || j.leftOut("memory") || j.leftOut("containerDefinitions") {
		return
	}
	whole, ok := amount(text, "gb")
	reserved := 0
	for _, container := range j.Definition.ContainerDefinitions {
		switch {
		case container.MemoryReservation != nil:
			reserved += int(*container.MemoryReservation)
		case container.Memory != nil:
			reserved += int(*container.Memory)
		}
	}
	if ok && reserved > whole {
		j.report(memoryTogether.With(finding.Words("reserved", fmt.Sprintf("%d MiB", reserved)), finding.Words("whole", fmt.Sprintf("%d MiB", whole))))
	}
}

// fargateMemory gives, for each amount of CPU units, the memory in MiB that Fargate
// takes: from, to and in steps of ("Task CPU and memory" in the guide for Fargate).
var fargateMemory = map[int]struct{ from, to, step int }{
	512: {1024, 4096, 1024}, 1024: {2048, 8192, 1024}, 2048: {4096, 16384, 1024}, 4096: {8192, 30720, 1024},
	8192: {16384, 61440, 4096}, 16384: {32768, 122880, 8192},
}

func (j *judgement) fargateSize() {
	if !j.isFargate() || j.leftOut("cpu") || j.leftOut("memory") {
		return
	}
	cpu, memory := aws.ToString(j.Definition.Cpu), aws.ToString(j.Definition.Memory)
	if j.leftOpen(cpu) || j.leftOpen(memory) {
		return
	}
	if cpu == "" || memory == "" {
		j.report(fargateSizeMissing.With())
		return
	}
	units, ok := amount(cpu, "vcpu")
	size, also := amount(memory, "gb")
	allowed := units == 256 && slices.Contains([]int{512, 1024, 2048}, size)
	if span, known := fargateMemory[units]; known {
		allowed = size >= span.from && size <= span.to && (size-span.from)%span.step == 0
	}
	if !ok || !also || !allowed {
		j.report(fargateSizeInvalid.With())
	}
}

// amountForm is a number with an optional unit, as in "1024", "1 vCPU" and "2GB".
var amountForm = lazyregexp.New(`^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*$`)

// amount reads CPU units or MiB; a unit counts 1024 of them.
func amount(text, unit string) (int, bool) {
	match := amountForm.FindStringSubmatch(text)
	if match == nil {
		return 0, false
	}
	number, err := strconv.ParseFloat(match[1], 64)
	switch {
	case err != nil:
		return 0, false
	case match[2] == "":
		return int(number), number == float64(int(number))
	case strings.EqualFold(match[2], unit):
		return int(number * 1024), true
	}
	return 0, false
}

// fargateFields finds what Fargate does not take ("Amazon ECS task definition
// differences for Fargate").
func (j *judgement) fargateFields() {
	if !j.isFargate() {
		return
	}
	if len(j.Definition.PlacementConstraints) > 0 {
		j.report(inDefinition("placementConstraints", fargateConstraints))
	}
	for _, volume := range j.Definition.Volumes {
		onHost := volume.Host != nil && aws.ToString(volume.Host.SourcePath) != ""
		if onHost || volume.DockerVolumeConfiguration != nil {
			j.report(inDefinition("volumes", fargateVolume))
			break
		}
	}
	for i, container := range j.Definition.ContainerDefinitions {
		if fields := unsupportedOnFargate(container); len(fields) > 0 {
			j.report(j.inField(i, placeOnFargate(fields[0]), fargateFields, finding.Words("fields", strings.Join(fields, ", "))))
		}
	}
}

// placeOnFargate is the field behind a name of unsupportedOnFargate's.
func placeOnFargate(name string) string {
	switch name {
	case gpu:
		return "resourceRequirements"
	case swap:
		return "linuxParameters"
	}
	return name
}

const (
	gpu  = "a GPU"
	swap = "linuxParameters.maxSwap or swappiness"
)

// inDefinition makes a finding about a field of the definition's.
func inDefinition(field string, template finding.Template, values ...finding.Value) finding.Finding {
	f := template.With(values...)
	f.Place.Field = field
	return f
}

func unsupportedOnFargate(c types.ContainerDefinition) []string {
	linux := c.LinuxParameters
	if linux == nil {
		linux = &types.LinuxParameters{}
	}
	return listed(map[string]bool{
		"disableNetworking":     aws.ToBool(c.DisableNetworking),
		"dnsSearchDomains":      len(c.DnsSearchDomains) > 0,
		"dnsServers":            len(c.DnsServers) > 0,
		"dockerSecurityOptions": len(c.DockerSecurityOptions) > 0,
		"extraHosts":            len(c.ExtraHosts) > 0,
		"privileged":            aws.ToBool(c.Privileged),
		gpu:                     slices.ContainsFunc(c.ResourceRequirements, func(r types.ResourceRequirement) bool { return r.Type == types.ResourceTypeGpu }),
		swap:                    linux.MaxSwap != nil || linux.Swappiness != nil,
	})
}

func (j *judgement) network() {
	mode := j.Definition.NetworkMode
	if j.leftOut("networkMode") || j.leftOpen(string(mode)) {
		return
	}
	if j.isFargate() && mode != types.NetworkModeAwsvpc {
		j.report(fargateNetwork.With())
		return
	}
	for i, container := range j.Definition.ContainerDefinitions {
		for _, port := range container.PortMappings {
			from, to := aws.ToInt32(port.ContainerPort), aws.ToInt32(port.HostPort)
			switch {
			case from < 0 || from > 65535 || to < 0 || to > 65535:
				j.report(j.inItem(i, "portMappings", "hostPort", strconv.Itoa(int(to)), portInvalid))
			case (mode == types.NetworkModeAwsvpc || mode == types.NetworkModeHost) && port.HostPort != nil && to != 0 && from != to:
				j.report(j.inItem(i, "portMappings", "containerPort", strconv.Itoa(int(from)), portsDiffer, finding.Words("port", strconv.Itoa(int(from))), finding.Words("host", strconv.Itoa(int(to))), finding.Words("mode", string(mode))))
			}
		}
		if len(container.Links) > 0 && mode != types.NetworkModeBridge && mode != "" {
			j.report(j.in(i, linksUnsupported))
		}
	}
}

func (j *judgement) volumes() {
	if j.leftOut("volumes") || j.containersLeftOut() {
		return
	}
	names := map[string]bool{}
	for _, volume := range j.Definition.Volumes {
		names[aws.ToString(volume.Name)] = true
	}
	containers := map[string]bool{}
	for _, container := range j.Definition.ContainerDefinitions {
		containers[aws.ToString(container.Name)] = true
	}
	for i, container := range j.Definition.ContainerDefinitions {
		for _, mount := range container.MountPoints {
			if name := aws.ToString(mount.SourceVolume); !names[name] && !j.leftOpen(name) {
				j.report(j.inItem(i, "mountPoints", "sourceVolume", name, volumeUnknown))
			}
		}
		for _, from := range container.VolumesFrom {
			if name := aws.ToString(from.SourceContainer); !containers[name] && !j.leftOpen(name) {
				j.report(j.inItem(i, "volumesFrom", "sourceContainer", name, volumesFromUnknown))
			}
		}
	}
}

func (j *judgement) dependencies(i int, container types.ContainerDefinition) {
	if j.containersLeftOut() {
		return
	}
	for _, on := range container.DependsOn {
		name := aws.ToString(on.ContainerName)
		other := slices.IndexFunc(j.Definition.ContainerDefinitions, func(c types.ContainerDefinition) bool { return aws.ToString(c.Name) == name })
		switch {
		case j.leftOpen(name):
		case other < 0:
			j.report(j.inItem(i, "dependsOn", "containerName", name, dependencyUnknown))
		case other == i:
			j.report(j.inItem(i, "dependsOn", "containerName", name, dependsOnItself))
		default:
			j.condition(i, on.Condition, other)
		}
	}
}

// condition finds one that the other container never meets ("ContainerDependency"
// in the ECS API reference).
func (j *judgement) condition(i int, condition types.ContainerCondition, other int) {
	awaited := j.Definition.ContainerDefinitions[other]
	isEssential := awaited.Essential == nil || *awaited.Essential
	switch {
	case condition == types.ContainerConditionHealthy && awaited.HealthCheck == nil:
		j.report(j.in(i, neverHealthy, finding.Words("other", j.containerName(other))))
	case (condition == types.ContainerConditionComplete || condition == types.ContainerConditionSuccess) && isEssential:
		j.report(j.in(i, endsTheTask, finding.Words("other", j.containerName(other))))
	}
}

// environmentTwice: a name can have its value from one place only.
func (j *judgement) environmentTwice(i int, container types.ContainerDefinition) {
	for _, secret := range container.Secrets {
		name := aws.ToString(secret.Name)
		if name != "" && slices.ContainsFunc(container.Environment, func(v types.KeyValuePair) bool { return aws.ToString(v.Name) == name }) {
			j.report(j.inItem(i, "secrets", "name", name, variableTwice, finding.Words("variable", shownName(name))))
		}
	}
}

func (j *judgement) logConfiguration(i int, container types.ContainerDefinition) {
	log := container.LogConfiguration
	if log == nil || j.leftOut("containerDefinitions") {
		return
	}
	drivers := []types.LogDriver{types.LogDriverAwslogs, types.LogDriverSplunk, types.LogDriverAwsfirelens}
	hasRouter := slices.ContainsFunc(j.Definition.ContainerDefinitions, func(c types.ContainerDefinition) bool { return c.FirelensConfiguration != nil })
	switch {
	case j.leftOpen(string(log.LogDriver)):
	case log.LogDriver == "":
		j.report(j.in(i, logDriverMissing))
	case !slices.Contains(log.LogDriver.Values(), log.LogDriver):
		j.report(j.in(i, logDriverUnknown))
	case j.isFargate() && !slices.Contains(drivers, log.LogDriver):
		j.report(j.in(i, logDriverOnFargate))
	case log.LogDriver == types.LogDriverAwsfirelens && !hasRouter && !j.leftOut("containerDefinitions"):
		j.report(j.in(i, routerMissing))
	case log.LogDriver == types.LogDriverAwslogs && log.Options["awslogs-group"] == "":
		j.report(j.in(i, logGroupMissing))
	case log.LogDriver == types.LogDriverAwslogs && j.isFargate() && log.Options["awslogs-stream-prefix"] == "":
		j.report(j.in(i, logOptionMissing, finding.Words("option", "awslogs-stream-prefix")))
	case log.LogDriver == types.LogDriverAwslogs && j.isFargate() && log.Options["awslogs-region"] == "":
		j.report(j.in(i, logOptionMissing, finding.Words("option", "awslogs-region")))
	}
}

// roles: ECS takes the ARN of a role, or its name.
func (j *judgement) roles() {
	for _, field := range []struct{ name, value string }{
		{"executionRoleArn", aws.ToString(j.Definition.ExecutionRoleArn)}, {"taskRoleArn", aws.ToString(j.Definition.TaskRoleArn)},
	} {
		if field.value != "" && !j.leftOpen(field.value) && !isRole(field.value) {
			j.report(noRole(field.name, field.value))
		}
	}
}

// isRole reports whether a text can be a role's ARN or name.
func isRole(text string) bool { return roleForm.MatchString(text) }

// iamKinds are resources of IAM that are taken for roles.
var iamKinds = regexp.MustCompile(`^arn:aws[a-z-]*:iam::(?:\d{12}|aws):(policy|instance-profile|user|group)/`)

// noRole says what stands in a field for a role.
func noRole(field, value string) finding.Finding {
	switch match := iamKinds.FindStringSubmatch(value); {
	case match != nil:
		kinds := map[string]string{"policy": "a policy", "instance-profile": "an instance profile", "user": "a user", "group": "a group"}
		return inDefinition(field, roleOfOtherKind, finding.Words("field", field), finding.Words("kind", kinds[match[1]]))
	case strings.Contains(value, ":iam::") && strings.Contains(value, ":role/"):
		return inDefinition(field, roleMalformed, finding.Words("field", field))
	}
	return inDefinition(field, roleInvalid, finding.Words("field", field))
}
