package operator

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ecs-guardrails/ecs-guardrails/tests/cloudtrail"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// Task is what ECS says of a task in its events (ECS developer guide, "Amazon ECS
// task state change events"): the fields that differ from task to task.
type Task struct {
	Cluster, Service, Definition string
	// Number tells the tasks of one test apart; Version counts a task's events.
	Number, Version int
	// Status is STOPPED unless it says otherwise; Launch is EC2.
	Status, Launch string
	StopCode       string
	StoppedReason  string
	Container      string
	Image          string
	Reason         string
	ExitCode       *int
}

const clusterPrefix = "arn:aws:ecs:" + stack.Region + ":" + stack.Account + ":"

// ARN is the task's.
func (t Task) ARN() string { return fmt.Sprintf("%stask/%s/%032x", clusterPrefix, t.Cluster, t.Number) }

// Detail gives the event's detail.
func (t Task) Detail() map[string]any {
	status, launch := t.Status, t.Launch
	if status == "" {
		status = "STOPPED"
	}
	if launch == "" {
		launch = "EC2"
	}
	now := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	container := map[string]any{
		"containerArn": fmt.Sprintf("%scontainer/%s/%032x/00000000-0000-0000-0000-000000000000", clusterPrefix, t.Cluster, t.Number),
		"lastStatus":   status, "name": t.Container, "image": t.Image, "taskArn": t.ARN(), "networkInterfaces": []any{}, "cpu": "0",
	}
	if t.Reason != "" {
		container["reason"] = t.Reason
	}
	if t.ExitCode != nil {
		container["exitCode"] = *t.ExitCode
	}
	detail := map[string]any{
		"attachments": []any{}, "attributes": []any{map[string]any{"name": "ecs.cpu-architecture", "value": "x86_64"}}, "availabilityZone": stack.Region + "a",
		"clusterArn": clusterPrefix + "cluster/" + t.Cluster, "connectivity": "CONNECTED", "containers": []any{container}, "cpu": "256", "createdAt": now,
		"desiredStatus": status, "enableExecuteCommand": false, "lastStatus": status, "launchType": launch, "memory": "512",
		"overrides": map[string]any{"containerOverrides": []any{map[string]any{"name": t.Container}}},
		"taskArn":   t.ARN(), "taskDefinitionArn": t.Definition, "updatedAt": now, "version": t.Version + 1,
	}
	if t.Service != "" {
		detail["group"], detail["startedBy"] = "service:"+t.Service, "ecs-svc/0123456789012345678"
	} else {
		detail["group"] = "family:web"
	}
	if status == "STOPPED" {
		detail["stoppedAt"], detail["stoppedReason"], detail["stopCode"] = now, t.StoppedReason, t.StopCode
		if t.StopCode == "" {
			detail["stopCode"] = "TaskFailedToStart"
		}
		if t.StoppedReason == "" {
			detail["stoppedReason"] = "Task failed to start"
		}
	}
	return detail
}

// TaskEvents has the state changes of tasks, which are alike, delivered as from
// the default bus. AWS lets no one else put events of its sources there.
func (o *Operator) TaskEvents(ctx context.Context, tasks ...Task) error {
	events := make([]cloudtrail.Event, len(tasks))
	for i, task := range tasks {
		events[i] = ecsEvent("ECS Task State Change", task.Detail(), task.ARN())
	}
	return o.Stack.Hand(ctx, events...)
}

// ECSEvent has another event of ECS's delivered.
func (o *Operator) ECSEvent(ctx context.Context, detailType string, detail map[string]any, resources ...string) error {
	return o.Stack.Hand(ctx, ecsEvent(detailType, detail, resources...))
}

func ecsEvent(detailType string, detail map[string]any, resources ...string) cloudtrail.Event {
	if resources == nil {
		resources = []string{}
	}
	return cloudtrail.Event{
		Version: "0", ID: uuid.NewString(), DetailType: detailType, Source: "aws.ecs", Account: stack.Account, Time: time.Now().UTC().Format(time.RFC3339),
		Region: stack.Region, Resources: resources, Detail: detail,
	}
}

// RefusedRegistration has CloudTrail's record of a RegisterContainerInstance
// that failed delivered.
func (o *Operator) RefusedRegistration(ctx context.Context, instance, role, cluster, code, message string) error {
	name := role[strings.LastIndexByte(role, '/')+1:]
	session := "arn:aws:sts::" + stack.Account + ":assumed-role/" + name + "/" + instance
	return o.ECSEvent(ctx, "AWS API Call via CloudTrail", map[string]any{
		"eventVersion": "1.11", "eventSource": "ecs.amazonaws.com", "eventName": "RegisterContainerInstance", "awsRegion": stack.Region,
		"eventTime": time.Now().UTC().Format(time.RFC3339), "sourceIPAddress": "192.0.2.20", "userAgent": "amazon-ecs-agent",
		"errorCode": code, "errorMessage": strings.ReplaceAll(message, "{user}", session), "requestParameters": map[string]any{"cluster": cluster}, "responseElements": nil,
		"userIdentity": map[string]any{
			"type": "AssumedRole", "principalId": "AROAEXAMPLE:" + instance, "arn": session, "accountId": stack.Account,
			"sessionContext": map[string]any{"sessionIssuer": map[string]any{"type": "Role", "arn": role, "accountId": stack.Account, "userName": name}},
		},
		"readOnly": false, "eventType": "AwsApiCall", "managementEvent": true, "recipientAccountId": stack.Account, "eventCategory": "Management",
	})
}
