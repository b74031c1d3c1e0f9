package stopreason

import "strings"

// Task is what ECS says about a task, in an event or in DescribeTasks.
type Task struct {
	LastStatus, StopCode, StoppedReason string
	// Pulled says that all images were pulled (pullStoppedAt).
	Pulled     bool
	Containers []Container
}

// Container is what ECS says about one of the task's containers.
type Container struct {
	Name, Image, Reason string
	// Exited says that it has an exit code, and so that it ran.
	Exited bool
}

// TaskReason is why a task failed.
type TaskReason struct {
	Reason
	// Also are further failures that the same text joins.
	Also []Reason
	// Container is whose reason it is, "" where it is the task's own.
	Container, Image string
	// Cached says that the task runs with an image that the instance kept, since
	// the registry didn't give it out.
	Cached bool
}

// OfTask reads a task. On EC2, what a task's resources meet stands in
// stoppedReason and what Docker refuses in the container's reason; Fargate puts
// nearly everything into stoppedReason. A sentence there that only says that
// there is a reason leads to the containers.
func OfTask(task Task) TaskReason {
	running := task.LastStatus != "" && !strings.EqualFold(task.LastStatus, "STOPPED")
	if !running {
		all := All(task.StoppedReason)
		own := worst(all)
		// "engine docker private registry credentials: not found" and the like name
		// the container's side of what the task's own reason explains.
		if own.Failure() {
			return TaskReason{Reason: own, Also: others(all, own)}
		}
	}
	best := TaskReason{Reason: Reason{ID: Unrecognised}}
	ran := false
	for _, container := range task.Containers {
		ran = ran || container.Exited
		if container.Reason == "" {
			continue
		}
		all := All(container.Reason)
		found := TaskReason{Reason: worst(all), Container: container.Name, Image: container.Image}
		found.Also = others(all, found.Reason)
		if container.Exited && stageOf(found.Class) == pulling && !running {
			// It ran, with an image from the cache, and ended: its own matter.
			continue
		}
		found.Cached = running && stageOf(found.Class) == pulling
		if better(found.Reason, best.Reason) {
			best = found
		}
	}
	switch {
	case best.Failure() || best.ID == OutOfMemory:
		return best
	case running:
		return TaskReason{Reason: Known(WrapperNoCause)}
	case ran || endedBeforeRunning(task):
		exit := Known(ApplicationExit)
		exit.Text = clean(task.StoppedReason)
		return TaskReason{Reason: exit}
	case best.Class != "" || best.Text != "":
		return best
	}
	return TaskReason{Reason: Classify(task.StoppedReason)}
}

// endedBeforeRunning reports whether nothing but the application can have ended
// the task: no text anywhere names a reason, and the sentence says that it exited.
func endedBeforeRunning(task Task) bool {
	id := Classify(task.StoppedReason).ID
	if task.Pulled && id == WrapperNoCause && strings.EqualFold(task.StopCode, "TaskFailedToStart") {
		return true
	}
	return id == ApplicationExit || strings.EqualFold(task.StopCode, "EssentialContainerExited") && (id == WrapperNoCause || id == Unrecognised)
}

// better reports whether a reason tells more about a cause that is ours.
func better(a, b Reason) bool { return rank(a) > rank(b) }

func rank(r Reason) int {
	switch {
	case r.Failure() && r.Ours == Yes:
		return 6
	case r.Failure() && r.Ours == Partly:
		return 5
	case r.ID == "registry-secret-not-loaded":
		return 3
	case r.Failure():
		return 4
	case r.ID == OutOfMemory:
		return 2
	case r.Text != "":
		return 1
	default:
		return 0
	}
}

func others(all []Reason, chosen Reason) []Reason {
	var rest []Reason
	for _, reason := range all {
		if reason.ID != chosen.ID || reason.Object != chosen.Object {
			rest = append(rest, reason)
		}
	}
	return rest
}

// Known gives the reason of a cause that something else than a text told.
func Known(id ID) Reason {
	reason := Reason{ID: id, Ours: causes[id].ours}
	advise(&reason)
	return reason
}

// The causes of an instance that doesn't register. No stop reason reports
// them: the call's error does.
const (
	RegistrationDenied  ID = "registration-denied"
	ClusterAbsent       ID = "cluster-absent"
	RegistrationRefused ID = "registration-refused"
	NotRegistered       ID = "instance-not-registered"
)

// OfRegistration reads the error of a RegisterContainerInstance, as CloudTrail
// records it.
func OfRegistration(code, message string) Reason {
	text := clean(message)
	masked, named := mask(text)
	lower := strings.ToLower(masked)
	id := RegistrationRefused
	switch lowerCode := strings.ToLower(code); {
	case strings.Contains(lowerCode, "accessdenied") || strings.Contains(lowerCode, "unauthorized"):
		id = RegistrationDenied
	case strings.Contains(lowerCode, "clusternotfound"), strings.Contains(lower, "cluster not found"), strings.Contains(lower, "cluster was not found"), strings.Contains(lower, "inactive cluster"), strings.Contains(lower, "cluster is inactive"):
		id = ClusterAbsent
	}
	reason := Reason{ID: id, Class: code, Text: text, Named: named, DeniedBy: deniedBy(lower), Ours: causes[id].ours}
	reason.Object = named.object(causes[id].object)
	if reason.DeniedBy != "" && reason.DeniedBy != roleLacksIt && reason.Ours != No {
		reason.Ours = No
	}
	advise(&reason)
	return reason
}

// IsDenial reports whether the cause is a right that a role lacks.
func (id ID) IsDenial() bool {
	switch id {
	case "ecr-token-denied", "ecr-pull-denied", "registry-secret-denied", "secret-denied", "ssm-denied", "secret-kms-denied", "log-denied", RegistrationDenied:
		return true
	}
	return false
}
