package diagnosis

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/stopreason"
)

// Failure is one thing that failed, as an event or a person names it.
type Failure struct {
	// Cluster is the name of the cluster, Account and Region are those of its ARN.
	Cluster         string
	Account, Region string
	Partition       string
	// Definition is the ARN of the task definition's revision; "" for instances.
	Definition string
	// Service is the service's name, "" for a task without one.
	Service string
	// Task is the task's ARN, Version the event's number of it.
	Task    string
	Version int64
	// Instance is the EC2 instance's id, where the failure is an instance's.
	Instance string
	// Profile is the ARN of the instance's profile, where it was seen.
	Profile string
	// ContainerInstances are ARNs that a placement failure names.
	ContainerInstances []string
	Launch             string
	// Container is the name of the container whose reason it is, Image its image.
	Container, Image string
	// Role is the ARN of the instance's role, where a registration was refused.
	Role   string
	Reason stopreason.Reason
	// Also are further failures in the same text.
	Also []stopreason.Reason
	// Cached says that the task runs all the same, with an image from the
	// instance's cache.
	Cached bool
	// Terminal says that the agent doesn't try again by itself.
	Terminal bool
	// ByHand failures were asked for: they are reported each time.
	ByHand bool
	// DryRun has nothing handed over.
	DryRun bool
	// Read says what has to be read before there is a reason.
	Read Read
	// Open is a failure that was reported and is followed up.
	Open *State
	// unread says why the open failures couldn't be listed.
	unread error
}

// Read is what a person or an event without a reason names.
type Read string

// The things that are read first.
const (
	ReadNothing  Read = ""
	ReadTask     Read = "task"
	ReadService  Read = "service"
	ReadInstance Read = "instance"
)

// Group identifies equal failures: same cluster, definition, cause and object.
// An instance's failures are one for each role and cause, since a hundred
// instances of one group fail alike.
func (f Failure) Group() string {
	object := f.Reason.Object
	if f.Definition == "" && f.Role != "" {
		object = f.Role
	}
	parts := []string{f.Account, f.Region, f.Cluster, f.Definition, string(f.Reason.ID), object}
	switch {
	case f.Definition != "" || f.Role != "":
	case f.Profile != "":
		// The instances of one group fail alike.
		parts = append(parts, f.Profile)
	default:
		parts = append(parts, f.Service, f.Instance)
	}
	hash := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(hash[:12])
}

// Family is the definition's family, Revision its family and number.
func (f Failure) Family() string {
	family, _, _ := strings.Cut(f.Revision(), ":")
	return family
}

// Revision is the definition's family and number, as in "web:7".
func (f Failure) Revision() string {
	_, revision, _ := strings.Cut(f.Definition, ":task-definition/")
	return revision
}

// who names what failed, for people: a service, a definition, an instance or a task.
func (f Failure) who() (what, name string) {
	switch {
	case f.Service != "":
		return "", f.Service
	case f.Instance != "":
		return "Instance ", f.Instance
	case f.Definition != "":
		return "", f.Family()
	default:
		return "Task ", lastPart(f.Task)
	}
}

// Name is the failure's subject in reports.
func (f Failure) Name() string {
	name := f.Service
	switch {
	case name != "":
	case f.Instance != "":
		name = f.Instance
	case f.Definition != "":
		name = f.Revision()
	case f.Task != "":
		name = lastPart(f.Task)
	}
	if f.Cluster == "" {
		return name
	}
	return f.Cluster + "/" + name
}

func lastPart(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// arnParts splits an ARN; ok only where it has all of its parts.
func arnParts(arn string) (partition, region, account, resource string, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return "", "", "", "", false
	}
	return parts[1], parts[3], parts[4], parts[5], true
}
