package taskuse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"
)

func TestRevisions(t *testing.T) {
	name := aws.String
	service := types.Service{
		TaskDefinition: name("web:3"),
		Deployments:    []types.Deployment{{TaskDefinition: name("web:3")}, {TaskDefinition: name("web:2")}, {}},
		TaskSets:       []types.TaskSet{{TaskDefinition: name("web:1")}},
	}
	if got := fmt.Sprint(Revisions(service)); got != "[web:1 web:2 web:3]" {
		t.Errorf("got %s", got)
	}
	for _, test := range []struct {
		status, revision string
		runs             bool
	}{{"ACTIVE", "web:3", true}, {"ACTIVE", "web:1", true}, {"ACTIVE", "web:2", false}, {"DRAINING", "web:3", false}} {
		service.Status = name(test.status)
		if got := Runs(service, []string{test.revision}); got != test.runs {
			t.Errorf("%s %s: %v", test.status, test.revision, got)
		}
	}
}

// containers has clusters with services of these names; errs are the answers of
// operations.
type containers struct {
	clusters map[string][]string
	errs     map[string]error
}

func (c containers) ListClusters(context.Context, *ecs.ListClustersInput, ...func(*ecs.Options)) (*ecs.ListClustersOutput, error) {
	output := &ecs.ListClustersOutput{}
	for name := range c.clusters {
		output.ClusterArns = append(output.ClusterArns, name)
	}
	slices.Sort(output.ClusterArns)
	return output, c.errs["ListClusters"]
}

func (c containers) ListServices(_ context.Context, input *ecs.ListServicesInput, _ ...func(*ecs.Options)) (*ecs.ListServicesOutput, error) {
	if strings.HasPrefix(*input.Cluster, "gone") {
		return nil, &types.ClusterNotFoundException{}
	}
	return &ecs.ListServicesOutput{ServiceArns: c.clusters[*input.Cluster]}, c.errs["ListServices"]
}

func (c containers) DescribeServices(_ context.Context, input *ecs.DescribeServicesInput, _ ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	output := &ecs.DescribeServicesOutput{}
	for _, name := range input.Services {
		output.Services = append(output.Services, types.Service{ServiceName: &name})
	}
	return output, c.errs["DescribeServices"]
}

func (c containers) ListTasks(context.Context, *ecs.ListTasksInput, ...func(*ecs.Options)) (*ecs.ListTasksOutput, error) {
	return &ecs.ListTasksOutput{TaskArns: []string{"t"}}, c.errs["ListTasks"]
}

func (c containers) DescribeTasks(context.Context, *ecs.DescribeTasksInput, ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error) {
	return &ecs.DescribeTasksOutput{Tasks: []types.Task{{TaskDefinitionArn: aws.String("web:2")}}}, c.errs["DescribeTasks"]
}

func TestRead(t *testing.T) {
	denied := &smithy.GenericAPIError{Code: "AccessDeniedException"}
	for name, test := range map[string]struct {
		errs      map[string]error
		bounds    Bounds
		services  int
		unchecked string
		fails     bool
	}{
		"everything":               {services: 14},
		"services that are denied": {errs: map[string]error{"ListServices": denied}, unchecked: "answered AccessDeniedException"},
		"clusters that are denied": {errs: map[string]error{"ListClusters": denied}, unchecked: "answered AccessDeniedException"},
		"tasks that are denied":    {errs: map[string]error{"DescribeTasks": denied}, services: 14, unchecked: "answered AccessDeniedException"},
		"a broken connection":      {errs: map[string]error{"DescribeServices": errors.New("connection reset")}, fails: true},
		"a bound of services":      {bounds: Bounds{Services: 13}, services: 13, unchecked: "more than 13 services"},
		"a bound of clusters":      {bounds: Bounds{Clusters: 1}, services: 12, unchecked: "more than 1 clusters"},
	} {
		t.Run(name, func(t *testing.T) {
			c := containers{errs: test.errs, clusters: map[string][]string{"a": slices.Repeat([]string{"s"}, 12), "b": {"s", "s"}, "gone": {"s"}}}
			bus := &account{}
			uses, err := Reader{Services: c, Tasks: c, Rules: bus, Schedules: bus, Bounds: test.bounds}.Read(t.Context(), Query{
				Keep: func(types.Service) bool { return true }, Family: "web",
			})
			if (err != nil) != test.fails {
				t.Fatal(err)
			}
			if err == nil && (len(uses.Services) != test.services || !strings.Contains(uses.Unchecked(), test.unchecked) || (test.unchecked == "") != (uses.Unchecked() == "")) {
				t.Errorf("%d services, unchecked %q", len(uses.Services), uses.Unchecked())
			}
		})
	}
}
