package endtoend

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ecsguardrails/shared/publish"
	"ecsguardrails/tests/operator"
	"ecsguardrails/tests/stack"
)

// TestOptions deploys the template with every option that is off by default, in
// a stack of its own: the endpoint refuses a function's call that its role does
// not allow, so what happens here is also allowed.
func TestOptions(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	running, err := stack.Start(ctx, stack.Options{
		Name: "test-options-" + strconv.Itoa(os.Getpid()),
		Parameters: map[string]string{
			"OnInvalidConfig": "restore", "UpdateServices": "yes", "RefreshInstances": "cluster",
			"RegistrySubnets": "subnet-0123456789abcdef0,subnet-0123456789abcdef1", "RegistrySecurityGroups": "sg-0123456789abcdef0",
			"RegistryNoProxy":    "127.0.0.1",
			"CentralFindingsBus": centralBus,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.Stop(); err != nil {
			t.Error(err)
		}
	})
	o := operator.New(running)
	central := must(o.SubscribeBus(ctx, "central", "central", publish.FindingType))(t)
	t.Run("an invalid config gives way to the last good one", func(t *testing.T) { testRestore(ctx, t, o) })
	t.Run("a service moves to the new revision", func(t *testing.T) { testUpdateService(ctx, t, o) })
	t.Run("a cluster takes a credential over", func(t *testing.T) { testRefreshCluster(ctx, t, o) })
	t.Run("findings go to the central bus", func(t *testing.T) { testCentralBus(ctx, t, central) })
	t.Run("permissions", func(t *testing.T) { testPermissionsOfOptions(t, o) })
}

// centralBus is the ARN of a bus to which findings are forwarded.
const centralBus = "arn:aws:events:" + stack.Region + ":" + stack.Account + ":event-bus/central"

// testCentralBus looks whether what the tests before it have found is there.
func testCentralBus(ctx context.Context, t *testing.T, central *operator.Inbox) {
	if err := stack.Wait(ctx, "the central bus having two functions' findings", func(ctx context.Context) (bool, error) {
		results, err := central.Results(ctx)
		from := map[string]bool{}
		for _, result := range results {
			from[result.Function] = true
		}
		return from["validate-config"] && from["patch-task-definition"], err
	}); err != nil {
		t.Fatal(err)
	}
}

func testRestore(ctx context.Context, t *testing.T, o *operator.Operator) {
	must(o.ECS.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: aws.String("storefront")}))(t)
	const good, bad = "ECS_CLUSTER=storefront\n", "export ECS_CLUSTER=storefront\n"
	bucket := o.Stack.Outputs["ConfigBucket"]
	status := func(object operator.Object, want string) {
		t.Helper()
		if err := stack.Wait(ctx, object.Key+" being "+want, func(ctx context.Context) (bool, error) {
			tags, err := o.ObjectTags(ctx, object)
			return tags["ecs-config-status"] == want, err
		}); err != nil {
			t.Fatal(err)
		}
	}
	first := must(o.Upload(ctx, bucket, "prod/ecs.config", good))(t)
	status(first, "valid")
	second := must(o.Upload(ctx, bucket, "prod/ecs.config", bad, "team", "shop"))(t)
	status(second, "invalid")
	if err := stack.Wait(ctx, "the good version being on top again", func(ctx context.Context) (bool, error) {
		latest, err := o.S3.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("prod/ecs.config")})
		if err != nil {
			return false, err
		}
		content, err := io.ReadAll(latest.Body)
		_ = latest.Body.Close()
		return string(content) == good, err
	}); err != nil {
		t.Fatal(err)
	}
	tags := must(o.ObjectTags(ctx, second))(t)
	if tags["ecs-config-status"] != "invalid" || tags["team"] != "shop" {
		t.Errorf("the bad version, which stays, has the tags %v", tags)
	}
	// Its own write is an event, too: it is judged, and ends there.
	restored := operator.Object{Bucket: bucket, Key: "prod/ecs.config"}
	status(restored, "valid")
	versions := must(o.S3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket, Prefix: aws.String("prod/ecs.config")}))(t)
	if len(versions.Versions) != 3 {
		t.Errorf("%d versions, want the good one, the bad one and the good one again", len(versions.Versions))
	}
}

func testUpdateService(ctx context.Context, t *testing.T, o *operator.Operator) {
	must(o.ECS.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: aws.String("shop")}))(t)
	registered := must(o.ECS.RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("web"),
		ContainerDefinitions: []types.ContainerDefinition{{
			Name: aws.String("web"), Image: aws.String(o.Stack.Registry.Host + "/acme/app:1.0"), Memory: aws.Int32(64), Essential: aws.Bool(true),
		}},
	}))(t)
	old := aws.ToString(registered.TaskDefinition.TaskDefinitionArn)
	must(o.ECS.CreateService(ctx, &ecs.CreateServiceInput{
		Cluster: aws.String("shop"), ServiceName: aws.String("web"), TaskDefinition: &old, DesiredCount: aws.Int32(0),
	}))(t)
	secret := must(o.CreateRegistrySecret(ctx, "shop/registry", o.Stack.Registry, ""))(t)
	// A warm function knows the tagged secrets of before for a while, so it is
	// asked until it knows the new one.
	event := must(json.Marshal(map[string]string{"taskDefinition": "web"}))(t)
	if err := stack.Wait(ctx, "the service being moved", func(ctx context.Context) (bool, error) {
		if _, err := o.Invoke(ctx, "patch-task-definition", event); err != nil {
			return false, err
		}
		services, err := o.ECS.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: aws.String("shop"), Services: []string{"web"}})
		if err != nil || len(services.Services) != 1 {
			return false, fmt.Errorf("describe the service: %d found, %w", len(services.Services), err)
		}
		return strings.HasSuffix(aws.ToString(services.Services[0].TaskDefinition), "web:2"), nil
	}); err != nil {
		t.Fatal(err)
	}
	definition, _, err := o.Describe(ctx, "web:2")
	if err != nil {
		t.Fatal(err)
	}
	if credential := definition.ContainerDefinitions[0].RepositoryCredentials; credential == nil || aws.ToString(credential.CredentialsParameter) != secret {
		t.Errorf("the service runs a revision with the credential %v", credential)
	}
	if revisions := must(o.Revisions(ctx, "web"))(t); len(revisions) != 2 {
		t.Errorf("the family has the revisions %q", revisions)
	}
}
