package diagnosis

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/stopreason"
)

// Subjects gives the failures that a trigger reports. What is no failure of
// ours to look into, as an application's exit, is settled here without a call.
func Subjects(trigger event.Trigger) []pipeline.Subject[Failure] {
	switch typed := trigger.(type) {
	case event.Notification:
		return notified(typed)
	case event.Call:
		return refusedRegistration(typed)
	case event.ByHand:
		return byHand(typed)
	default:
		return nil
	}
}

// taskDetail is the part of a task that reports a failure. Events and the API
// write it alike (ECS developer guide, "Amazon ECS task state change events").
type taskDetail struct {
	TaskARN              string `json:"taskArn"`
	ClusterARN           string `json:"clusterArn"`
	TaskDefinitionARN    string `json:"taskDefinitionArn"`
	ContainerInstanceARN string `json:"containerInstanceArn"`
	Group                string `json:"group"`
	LastStatus           string `json:"lastStatus"`
	StopCode             string `json:"stopCode"`
	StoppedReason        string `json:"stoppedReason"`
	LaunchType           string `json:"launchType"`
	Version              int64  `json:"version"`
	PullStoppedAt        string `json:"pullStoppedAt"`
	Containers           []struct {
		Name       string `json:"name"`
		Image      string `json:"image"`
		LastStatus string `json:"lastStatus"`
		Reason     string `json:"reason"`
		ExitCode   *int   `json:"exitCode"`
	} `json:"containers"`
}

// task gives what stopreason reads.
func (d taskDetail) task() stopreason.Task {
	task := stopreason.Task{LastStatus: d.LastStatus, StopCode: d.StopCode, StoppedReason: d.StoppedReason, Pulled: d.PullStoppedAt != ""}
	for _, c := range d.Containers {
		task.Containers = append(task.Containers, stopreason.Container{Name: c.Name, Image: c.Image, Reason: c.Reason, Exited: c.ExitCode != nil})
	}
	return task
}

// place fills in where the failure is.
func (f *Failure) place(clusterARN string) {
	partition, region, account, resource, ok := arnParts(clusterARN)
	if !ok {
		f.Cluster = onOneLine(clusterARN)
		return
	}
	f.Partition, f.Region, f.Account = partition, region, account
	f.Cluster = onOneLine(strings.TrimPrefix(resource, "cluster/"))
}

// failure gives the task's failure; the cause may be none of ours.
func (d taskDetail) failure() Failure {
	f := Failure{Definition: onOneLine(d.TaskDefinitionARN), Task: onOneLine(d.TaskARN), Version: d.Version, Launch: d.LaunchType}
	f.place(d.ClusterARN)
	if service, found := strings.CutPrefix(d.Group, "service:"); found {
		f.Service = onOneLine(service)
	}
	read := stopreason.OfTask(d.task())
	f.Reason, f.Also, f.Cached = read.Reason, read.Also, read.Cached
	f.Container, f.Image = read.Container, read.Image
	if f.Image == "" {
		f.Image = read.Reason.Named.Image
	}
	if f.Image == "" && len(d.Containers) == 1 {
		f.Image = d.Containers[0].Image
	}
	return f
}

// skip is a failure that needs no look.
func skip(name string, why finding.Finding) pipeline.Subject[Failure] {
	return pipeline.Skip[Failure](name, why.Code, why.Message)
}

// subject is one failure to look into, or one that is settled.
func (f Failure) subject() pipeline.Subject[Failure] {
	switch f.Reason.ID {
	case stopreason.ApplicationExit, stopreason.OutOfMemory:
		return skip(f.Name(), applicationEnded.With(f.inSentence()))
	case stopreason.WrapperNoCause:
		return skip(f.Name(), noReasonInEvent.With(f.inSentence()))
	}
	return pipeline.Subject[Failure]{Name: f.Name(), Key: f.Group(), Of: f}
}

func notified(notification event.Notification) []pipeline.Subject[Failure] {
	if notification.Source != "aws.ecs" {
		return nil
	}
	switch notification.DetailType {
	case "ECS Task State Change":
		var detail taskDetail
		if json.Unmarshal(notification.Detail, &detail) != nil || detail.TaskARN == "" {
			return malformed("the task state change names no task")
		}
		return []pipeline.Subject[Failure]{detail.failure().subject()}
	case "ECS Service Action", "ECS Deployment State Change":
		return serviceAction(notification)
	case "ECS Container Instance Health Change":
		return agentGone(notification)
	default:
		return nil
	}
}

func malformed(problem string) []pipeline.Subject[Failure] {
	return []pipeline.Subject[Failure]{pipeline.Reject[Failure]("event", pipeline.MalformedEvent(problem))}
}

// serviceEvents are those that report a failure.
var serviceEvents = []string{"SERVICE_TASK_START_IMPAIRED", "SERVICE_TASK_PLACEMENT_FAILURE", "SERVICE_TASK_CONFIGURATION_FAILURE", "SERVICE_DEPLOYMENT_FAILED"}

func serviceAction(notification event.Notification) []pipeline.Subject[Failure] {
	var detail struct {
		EventName             string   `json:"eventName"`
		ClusterARN            string   `json:"clusterArn"`
		Reason                string   `json:"reason"`
		ContainerInstanceARNs []string `json:"containerInstanceArns"`
	}
	if json.Unmarshal(notification.Detail, &detail) != nil || detail.EventName == "" {
		return malformed("the service action names no event")
	}
	if !slices.Contains(serviceEvents, detail.EventName) {
		return nil
	}
	index := slices.IndexFunc(notification.Resources, func(arn string) bool { return strings.Contains(arn, ":service/") })
	if index < 0 {
		return malformed("the service action names no service in its resources")
	}
	cluster, name, ok := serviceOf(notification.Resources[index])
	f := Failure{Service: onOneLine(name), ContainerInstances: detail.ContainerInstanceARNs, Read: ReadService}
	if f.place(notification.Resources[index]); !ok && detail.ClusterARN == "" {
		return malformed("the service's ARN names no cluster")
	}
	f.Cluster = onOneLine(cluster)
	if detail.ClusterARN != "" {
		f.place(detail.ClusterARN)
	}
	if detail.Reason != "" {
		if f.Reason = stopreason.Classify(detail.Reason); f.Reason.Failure() {
			f.Read = ReadNothing
			return []pipeline.Subject[Failure]{f.subject()}
		}
	}
	// The event has no reason; the service's stopped tasks have.
	return []pipeline.Subject[Failure]{{Name: f.Name(), Key: "service " + f.Name(), Of: f}}
}

// serviceOf reads a service's ARN, which names the cluster unless it has the
// old format.
func serviceOf(arn string) (cluster, name string, ok bool) {
	_, rest, found := strings.Cut(arn, ":service/")
	if !found {
		return "", "", false
	}
	cluster, name, ok = strings.Cut(rest, "/")
	if !ok {
		return "", rest, false
	}
	return cluster, name, true
}

func agentGone(notification event.Notification) []pipeline.Subject[Failure] {
	var detail struct {
		ClusterARN           string `json:"clusterArn"`
		ContainerInstanceARN string `json:"containerInstanceArn"`
		EC2InstanceID        string `json:"ec2InstanceId"`
		HealthChecks         []struct{ Type, Status, StatusReason string }
	}
	if json.Unmarshal(notification.Detail, &detail) != nil || detail.EC2InstanceID == "" {
		return malformed("the health change names no instance")
	}
	gone := slices.ContainsFunc(detail.HealthChecks, func(c struct{ Type, Status, StatusReason string }) bool {
		return c.Type == "AGENT_CONNECTIVITY" && c.Status == "IMPAIRED"
	})
	if !gone {
		return []pipeline.Subject[Failure]{skip(detail.EC2InstanceID, agentConnected.With(finding.Name("instance", detail.EC2InstanceID)))}
	}
	f := Failure{Instance: onOneLine(detail.EC2InstanceID), ContainerInstances: []string{detail.ContainerInstanceARN}, Reason: stopreason.Known("place-agent")}
	f.place(detail.ClusterARN)
	return []pipeline.Subject[Failure]{f.subject()}
}

// instanceID is how EC2 names an instance.
var instanceID = lazyregexp.New(`^i-[0-9a-f]{8,17}$`)

// refusedRegistration answers CloudTrail's record of a RegisterContainerInstance
// that failed: the only event of an instance that doesn't come up. The session's
// name is the instance's id.
func refusedRegistration(call event.Call) []pipeline.Subject[Failure] {
	if call.Service != "ecs.amazonaws.com" || call.Name != "RegisterContainerInstance" || call.ErrorCode == "" {
		return nil
	}
	session := lastPart(call.Actor.ARN)
	f := Failure{Account: call.Account, Region: call.Region, Role: onOneLine(call.Actor.RoleARN), Partition: "aws"}
	if instanceID.MatchString(session) {
		f.Instance = session
	}
	if partition, _, _, _, ok := arnParts(call.Actor.ARN); ok {
		f.Partition = partition
	}
	var request struct{ Cluster string }
	_ = json.Unmarshal(call.Request, &request)
	f.Reason = stopreason.OfRegistration(call.ErrorCode, call.ErrorMessage)
	f.Cluster = request.Cluster
	if f.Cluster == "" {
		f.Cluster = f.Reason.Named.Cluster
	}
	if f.Cluster == "" {
		// The agent's own default where ECS_CLUSTER isn't set.
		f.Cluster = "default"
	}
	f.Cluster = onOneLine(f.Cluster)
	f.Cluster = f.Cluster[strings.LastIndexByte(f.Cluster, '/')+1:]
	switch {
	case throttled(call.ErrorCode):
		return []pipeline.Subject[Failure]{skip(f.Name(), registrationDelayed.With())}
	default:
		// The agent ends for good on the service's refusals, not on those of IAM
		// (agent/app/agent.go, terminalError).
		f.Terminal = f.Reason.ID != stopreason.RegistrationDenied
		return []pipeline.Subject[Failure]{f.subject()}
	}
}

func throttled(code string) bool {
	return strings.Contains(code, "Throttl") || strings.Contains(code, "ServerException") || strings.Contains(code, "RequestLimitExceeded")
}

// The forms of the names that people write.
var (
	// The older form of a task's ARN names no cluster, and has a UUID ("Amazon
	// Resource Names (ARNs) and IDs", ECS developer guide).
	taskARN     = lazyregexp.New(`^arn:aws[a-z-]*:ecs:[a-z0-9-]+:\d{12}:task/(?:([A-Za-z0-9_-]{1,255})/)?[0-9a-f-]{8,64}$`)
	serviceName = lazyregexp.New(`^([A-Za-z0-9_-]{1,255})/([A-Za-z0-9_-]{1,255})$`)
	clusterName = lazyregexp.New(`^[A-Za-z0-9_-]{1,255}$`)
)

// byHand answers {"task": ARN, "cluster": "…"}, {"service": "cluster/name"} and
// {"instance": "i-…", "cluster": "…"}.
func byHand(request event.ByHand) []pipeline.Subject[Failure] {
	task, hasTask := request.Text("task")
	service, hasService := request.Text("service")
	instance, hasInstance := request.Text("instance")
	cluster, _ := request.Text("cluster")
	f := Failure{ByHand: true, DryRun: request.DryRun}
	switch {
	case hasTask:
		match := taskARN.FindStringSubmatch(task)
		if match == nil || (cluster != "" && !clusterName.MatchString(cluster)) {
			return malformed("its task isn't the ARN of a task, arn:aws:ecs:REGION:ACCOUNT:task/CLUSTER/ID")
		}
		f.Task, f.Read = task, ReadTask
		f.place(task)
		// ECS looks in its cluster "default" where no other is named.
		f.Cluster = cmp.Or(match[1], cluster, "default")
	case hasService:
		name := service
		if clusterARN, short, ok := serviceOf(service); ok {
			f.place(service)
			name = clusterARN + "/" + short
		}
		match := serviceName.FindStringSubmatch(name)
		if match == nil {
			return malformed("its service isn't of the form CLUSTER/NAME")
		}
		f.Cluster, f.Service, f.Read = match[1], match[2], ReadService
	case hasInstance:
		if !instanceID.MatchString(instance) || (cluster != "" && !clusterName.MatchString(cluster)) {
			return malformed("its instance isn't an EC2 instance's id, or its cluster isn't a cluster's name")
		}
		f.Instance, f.Cluster, f.Read = instance, cluster, ReadInstance
	default:
		return nil
	}
	return []pipeline.Subject[Failure]{{Name: f.Name(), Key: "by hand " + f.Name(), Of: f}}
}
