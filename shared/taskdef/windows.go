package taskdef

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// isFargate reports whether the definition is made for Fargate.
func (j *judgement) isFargate() bool {
	return slices.Contains(j.Definition.RequiresCompatibilities, types.CompatibilityFargate)
}

// isWindows reports whether the definition is made for Windows: it says so, is
// placed on Windows instances, or runs an image of Microsoft's that runs
// nowhere else. Older definitions have no runtimePlatform.
func (j *judgement) isWindows() bool {
	if platform := j.Definition.RuntimePlatform; platform != nil && platform.OperatingSystemFamily != "" {
		return strings.HasPrefix(string(platform.OperatingSystemFamily), "WINDOWS")
	}
	for _, constraint := range j.Definition.PlacementConstraints {
		expression := strings.ToLower(aws.ToString(constraint.Expression))
		if strings.Contains(expression, "ecs.os-") && strings.Contains(expression, "windows") && !strings.Contains(expression, "!=") {
			return true
		}
	}
	return slices.ContainsFunc(j.Definition.ContainerDefinitions, func(c types.ContainerDefinition) bool {
		text := aws.ToString(c.Image)
		return slices.ContainsFunc(windowsImages, func(prefix string) bool { return strings.HasPrefix(text, prefix) }) || hasWindowsTag(text)
	})
}

// hasWindowsTag reports whether an image's tag has a word for Windows, as in
// "8.0-nanoserver-ltsc2022" and "1.2-windowsservercore".
func hasWindowsTag(image string) bool {
	name, _, _ := strings.Cut(image, "@")
	_, tag, tagged := strings.Cut(name[strings.LastIndexByte(name, '/')+1:], ":")
	words := strings.FieldsFunc(strings.ToLower(tag), func(r rune) bool { return strings.ContainsRune("-_.", r) })
	return tagged && slices.ContainsFunc(words, func(word string) bool { return slices.Contains(windowsWords, word) })
}

// windowsWords are in the tags of images for Windows: the base images' names, and
// the versions of Windows Server that ECS has.
var windowsWords = []string{"windows", "windowsservercore", "servercore", "nanoserver", "ltsc2016", "ltsc2019", "ltsc2022", "ltsc2025"}

// windowsImages are how images of Microsoft's begin that have no other variant:
// today's, and those that lay on Docker Hub before.
var windowsImages = []string{
	"mcr.microsoft.com/windows/", "mcr.microsoft.com/windows:", "mcr.microsoft.com/dotnet/framework/",
	"microsoft/windowsservercore", "microsoft/nanoserver", "microsoft/iis", "microsoft/aspnet:", "microsoft/dotnet-framework",
}

// credentialPort is the port of a Windows instance at which the agent gives
// task roles out ("Additional configuration for Windows IAM roles for tasks").
const credentialPort = 80

// bootstrapWords are in the script that gives a Windows container its way to
// the task role, and in hardly anything else.
var bootstrapWords = []string{"169.254.170.2", "win32_ip4routetable", "new-netroute"}

// windows judges what is different there. Fargate needs no script and shares no
// ports with an instance; there only the unsupported fields matter.
func (j *judgement) windows() {
	if !j.isWindows() {
		return
	}
	for i, container := range j.Definition.ContainerDefinitions {
		if !j.isFargate() {
			j.windowsPorts(i, container)
			j.windowsBootstrap(i, container)
		}
		if fields := unsupportedOnWindows(container); len(fields) > 0 {
			j.report(j.inField(i, fields[0], windowsFields, finding.Words("fields", strings.Join(fields, ", "))))
		}
	}
	if fields := unsupportedOnWindowsTask(j.Definition); len(fields) > 0 {
		f := windowsTaskFields.With(finding.Words("fields", strings.Join(fields, ", ")))
		f.Place.Field, _, _ = strings.Cut(fields[0], " ")
		j.report(f)
	}
}

func (j *judgement) windowsPorts(i int, container types.ContainerDefinition) {
	if j.Definition.NetworkMode == types.NetworkModeAwsvpc {
		return
	}
	taken := slices.ContainsFunc(container.PortMappings, func(p types.PortMapping) bool {
		return aws.ToInt32(p.HostPort) == credentialPort
	})
	switch {
	case !taken:
	case aws.ToString(j.Definition.TaskRoleArn) != "":
		j.report(j.inItem(i, "portMappings", "hostPort", strconv.Itoa(credentialPort), windowsPortTaken))
	default:
		j.report(j.inItem(i, "portMappings", "hostPort", strconv.Itoa(credentialPort), windowsPortUnplaced))
	}
}

func (j *judgement) windowsBootstrap(i int, container types.ContainerDefinition) {
	script := strings.ToLower(strings.Join(slices.Concat(container.EntryPoint, container.Command), " "))
	used := slices.ContainsFunc(bootstrapWords, func(word string) bool { return strings.Contains(script, word) })
	if used && aws.ToString(j.Definition.TaskRoleArn) == "" {
		j.report(j.in(i, windowsTaskRole))
	}
}

// unsupportedOnWindows lists the fields of a container that "Amazon ECS task
// definition considerations for Windows" names as unsupported.
func unsupportedOnWindows(c types.ContainerDefinition) []string {
	return listed(map[string]bool{
		"disableNetworking":      aws.ToBool(c.DisableNetworking),
		"dnsSearchDomains":       len(c.DnsSearchDomains) > 0,
		"dnsServers":             len(c.DnsServers) > 0,
		"extraHosts":             len(c.ExtraHosts) > 0,
		"links":                  len(c.Links) > 0,
		"linuxParameters":        c.LinuxParameters != nil,
		"privileged":             aws.ToBool(c.Privileged),
		"readonlyRootFilesystem": aws.ToBool(c.ReadonlyRootFilesystem),
		"ulimits":                len(c.Ulimits) > 0,
		"user":                   aws.ToString(c.User) != "",
	})
}

// unsupportedOnWindowsTask does the same for the whole definition. The agent
// takes bridge for the network that Docker has on Windows, and AWS's own
// examples have it. Of Docker's volumes Windows knows those of the driver local
// ("Volume" in the ECS API reference).
func unsupportedOnWindowsTask(d *types.TaskDefinition) []string {
	mode := d.NetworkMode
	return listed(map[string]bool{
		"ipcMode":                     d.IpcMode != "",
		"networkMode " + string(mode): mode == types.NetworkModeHost || mode == types.NetworkModeNone,
		"pidMode":                     d.PidMode != "",
		"proxyConfiguration":          d.ProxyConfiguration != nil,
		"volumes with another driver than local": slices.ContainsFunc(d.Volumes, func(v types.Volume) bool {
			driver := ""
			if v.DockerVolumeConfiguration != nil {
				driver = aws.ToString(v.DockerVolumeConfiguration.Driver)
			}
			return driver != "" && driver != "local"
		}),
	})
}

// listed lists, in order, the names of what is there.
func listed(there map[string]bool) []string {
	var texts []string
	for name, is := range there {
		if is {
			texts = append(texts, name)
		}
	}
	slices.Sort(texts)
	return texts
}
