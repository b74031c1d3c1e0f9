package load

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
)

// Prepare makes what the subjects need: the cluster that config files name, the
// registry's secret, and a role that can pull by it.
func Prepare(ctx context.Context, account *operator.Operator) (Account, error) {
	if _, err := account.ECS.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: aws.String("storefront")}); err != nil {
		return Account{}, fmt.Errorf("creating the cluster that config files name: %w", err)
	}
	secret, err := account.CreateRegistrySecret(ctx, "prod/registry", account.Stack.Registry, "")
	if err != nil {
		return Account{}, err
	}
	role, err := account.CreateExecutionRole(ctx, "ecsTaskExecutionRole", secret)
	return Account{Operator: account, ExecutionRole: role}, err
}
