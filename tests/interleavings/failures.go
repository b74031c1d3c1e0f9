package interleavings

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awsclient/s3client"
	"github.com/ecs-guardrails/ecs-guardrails/shared/diagnosis"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
)

// diagnoseFailure delivers an event to diagnose-failure.
func diagnoseFailure(event string) Delivery {
	return func(ctx context.Context, clients *Clients) error {
		settings := settingsOf[diagnosis.Settings]("diagnose-failure", "STATE_BUCKET=reports",
			"ATTACH_POLICIES_QUEUE_URL=https://sqs/1/attach-policies", "PATCH_TASK_DEFINITION_QUEUE_URL=https://sqs/1/patch-task-definition",
			"ROTATE_SECRET_QUEUE_URL=https://sqs/1/rotate-secret", "VALIDATE_CONFIG_QUEUE_URL=https://sqs/1/validate-config")
		function := diagnosis.New(settings, diagnosis.Clients{
			Containers: ecs.NewFromConfig(clients.AWS), Roles: iam.NewFromConfig(clients.AWS), Secrets: secretsmanager.NewFromConfig(clients.AWS),
			Instances: ec2.NewFromConfig(clients.AWS), Storage: s3client.New(clients.AWS), Queues: sqs.NewFromConfig(clients.AWS),
			Registries: registry.NewAsker(registry.WithTransport(clients.Registries), now, time.Minute),
		}, now)
		return handle(ctx, function, event)
	}
}

// failedTask is the sample's.
const failedTask = "0123456789abcdef0123456789abcdef"

// failed is ECS's event of a task that couldn't start, for the nth time.
func failed(task string, received int) string {
	return queued(sample("task-failed-to-start.json", failedTask, task), received)
}

func failurePairs() []Pair {
	state := func(account *Account) []string {
		var lines []string
		for _, place := range slices.Sorted(maps.Keys(account.objects.versions)) {
			// Which attempt opened the failure is no matter.
			lines = append(lines, place+" says "+claimants.ReplaceAllString(account.objects.top(place).content, ""))
		}
		return append(lines, account.queues.describe()...)
	}
	pair := func(name string, first, second Delivery) Pair {
		return Pair{Name: "diagnose-failure: " + name, Arrange: failingTask, Deliveries: [2]Delivery{first, second}, State: state}
	}
	const other = "fedcba9876543210fedcba9876543210"
	return []Pair{
		pair("two diagnoses of one failure", diagnoseFailure(failed(failedTask, 1)), diagnoseFailure(failed(other, 1))),
		pair("the same failure twice", diagnoseFailure(failed(failedTask, 1)), diagnoseFailure(failed(failedTask, 1))),
	}
}

var claimants = regexp.MustCompile(`"claimants":\[[^\]]*\],`)

// failingTask has the definition that the sample's task has: its role can't read
// the secret.
func failingTask() *Account {
	revisions := make([]*ecs.RegisterTaskDefinitionInput, 7)
	for number := range revisions {
		revisions[number] = definition("web", executionRole, privateImage)
		revisions[number].ContainerDefinitions[0].RepositoryCredentials = &types.RepositoryCredentials{CredentialsParameter: aws.String(secretARN("registry"))}
	}
	account := privateImages(revisions...)()
	account.secrets.others[0].name = "registry"
	return account
}
