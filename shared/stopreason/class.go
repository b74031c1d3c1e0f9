package stopreason

import (
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// stage is the step of a task's start at which its class of errors arises.
type stage int

const (
	noStage stage = iota
	pulling
	creating
	starting
	preparing // the task's resources: secrets, files, volumes, log drivers on Fargate
	configuring
	otherStage
)

// classes are the error classes in ECS's own spelling: those of the agent
// (ErrorName methods) and Fargate's.
var classes = map[string]stage{
	"CannotPullContainerError": pulling, "CannotPullImageManifestError": pulling, "CannotPullECRContainerError": pulling,
	"CannotPullContainerAuthError": pulling, "ImagePullError": pulling,
	"CannotCreateContainerError": creating, "CannotStartContainerError": starting, "DockerStateError": starting,
	"ResourceInitializationError": preparing, "CannotCreateVolumeError": preparing, "CannotInspectVolumeError": preparing, "InvalidVolumeError": preparing,
	"CannotListPluginsError": preparing,
	"HostConfigError":        configuring, "DockerClientConfigError": configuring,
	"DockerTimeoutError": otherStage, "ContainerRuntimeTimeoutError": otherStage, "CannotInspectContainerError": otherStage,
	"CannotDescribeContainerError": otherStage, "CannotStopContainerError": otherStage, "CannotRemoveContainerError": otherStage,
	"CannotGetDockerclientError": otherStage, "CannotGetDockerClientVersionError": otherStage, "OutOfMemoryError": otherStage,
	"ContainerNetworkingError": otherStage, "ContainerVanishedError": otherStage, "TaskDependencyError": otherStage,
	"TaskStoppedBeforePullBeginError": otherStage, "ImpossibleStateTransitionError": otherStage, "NoSuchContainerError": otherStage,
	"UnrecogniedTaskError": otherStage, "UnrecognizedTaskError": otherStage, "InternalError": otherStage, "UnknownError": otherStage,
	"CannotCreateContainerExecError": otherStage, "CannotStartContainerExecError": otherStage,
}

var canonicalClass = func() map[string]string {
	canonical := make(map[string]string, len(classes))
	for name := range classes {
		canonical[strings.ToLower(name)] = name
	}
	return canonical
}()

var (
	anyCase   = lazyregexp.New(`(?i)(?:^|\W)((?:cannot|docker|resource|host|container|out|task|image|unrecogni|internal|impossible|invalid|no|unknown)[a-z]{3,40}error)\b`)
	frontWord = lazyregexp.New(`^([A-Z][A-Za-z]{3,60}(?:Error|Exception))\b ?:`)
)

// classOf gives the class in front of a text, or that which a copied sentence
// has in front of the text that it quotes.
func classOf(text string) string {
	for rest := text; ; {
		match := anyCase.FindStringSubmatchIndex(rest)
		if match == nil {
			break
		}
		if name := canonicalClass[strings.ToLower(rest[match[2]:match[3]])]; name != "" {
			return name
		}
		rest = rest[match[3]:]
	}
	if match := frontWord.FindStringSubmatch(text); match != nil {
		return match[1]
	}
	return ""
}

// stageOf gives the stage of a class; a class that ECS does not have says
// nothing about it.
func stageOf(class string) stage { return classes[class] }
