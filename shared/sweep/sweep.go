// Package sweep hands what exists already to the functions that look after it:
// every role that an instance can have to attach-policies, every task definition
// family to patch-task-definition, every secret that is tagged for rotation to
// rotate-secret, by way of their queues. It judges nothing itself, so that one
// sweep is a matter of listing and sending only.
package sweep

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/pipeline"
	"ecsguardrails/shared/settings"
)

// Name of the function.
const Name = "sweep"

// Settings are those of sweep.
type Settings struct {
	settings.Shared
	AttachPoliciesQueueURL      string `env:"ATTACH_POLICIES_QUEUE_URL"`
	PatchTaskDefinitionQueueURL string `env:"PATCH_TASK_DEFINITION_QUEUE_URL"`
	RotateSecretQueueURL        string `env:"ROTATE_SECRET_QUEUE_URL"`
	// SweepQueueURL is the queue that wakes this function itself: what there was
	// no time for goes there. Without one, the rest is reported.
	SweepQueueURL string `env:"SWEEP_QUEUE_URL"`
}

// RoleLister is the part of IAM's client that sweep needs.
type RoleLister interface {
	ListRoles(context.Context, *iam.ListRolesInput, ...func(*iam.Options)) (*iam.ListRolesOutput, error)
}

// FamilyLister is the part of ECS's client that sweep needs.
type FamilyLister interface {
	ListTaskDefinitionFamilies(context.Context, *ecs.ListTaskDefinitionFamiliesInput, ...func(*ecs.Options)) (*ecs.ListTaskDefinitionFamiliesOutput, error)
}

// SecretLister is the part of Secrets Manager's client that sweep needs.
type SecretLister interface {
	ListSecrets(context.Context, *secretsmanager.ListSecretsInput, ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretsOutput, error)
}

// MessageSender is the part of SQS's client that sweep needs.
type MessageSender interface {
	SendMessageBatch(context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
}

// New makes the function. Now tells the time, by which listing ends early
// enough for sending.
func New(settings Settings, roles RoleLister, families FamilyLister, secrets SecretLister, messages MessageSender, now func() time.Time) *pipeline.Function[Part, Observation, Action] {
	observer := observer{roles, families, secrets, now}
	sender := sender{messages}
	return &pipeline.Function[Part, Observation, Action]{
		Name:     Name,
		Mode:     settings.Mode,
		Subjects: subjects,
		Observe:  observer.observe,
		Plan:     settings.plan,
		Describe: Action.describe,
		Apply:    sender.apply,
	}
}

// Action sends messages to a queue.
type Action struct {
	QueueURL string
	// Bodies of the messages, JSON.
	Bodies []string
	// Summary says in a line what is sent.
	Summary string
}

func (a Action) describe() finding.Action {
	return finding.Action{Kind: "SendMessageBatch", Target: a.QueueURL, Summary: fmt.Sprintf("%s (messages: %d)", a.Summary, len(a.Bodies))}
}
