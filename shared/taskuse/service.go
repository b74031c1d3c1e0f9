package taskuse

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/sync/errgroup"
)

// servicesPerCall is DescribeServices' limit.
const servicesPerCall = 10

// services describes the services of the clusters, and gives those to keep.
func (r Reader) services(ctx context.Context, clusters []string, keep func(types.Service) bool) ([]types.Service, string, error) {
	batches, unchecked, err := r.serviceBatches(ctx, clusters)
	if err != nil {
		return nil, "", err
	}
	var mutex sync.Mutex
	kept := make([][]types.Service, len(batches))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for i, input := range batches {
		group.Go(func() error {
			output, err := r.Services.DescribeServices(ctx, input)
			if IsGone(err) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("describe services of %s: %w", aws.ToString(input.Cluster), err)
			}
			mutex.Lock()
			defer mutex.Unlock()
			for _, service := range output.Services {
				if keep(service) {
					service.ClusterArn = input.Cluster
					kept[i] = append(kept[i], service)
				}
			}
			return nil
		})
	}
	err = group.Wait()
	return slices.Concat(kept...), unchecked, err
}

// serviceBatches gives what to describe, and says why that may not be all.
func (r Reader) serviceBatches(ctx context.Context, clusters []string) (batches []*ecs.DescribeServicesInput, unchecked string, err error) {
	services := make([][]string, len(clusters))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for i, cluster := range clusters {
		group.Go(func() (err error) {
			services[i], err = r.servicesOf(ctx, cluster)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, "", err
	}
	count := 0
	for i, names := range services {
		if exceeds(count+len(names), r.Bounds.Services) {
			names = names[:r.Bounds.Services-count]
			unchecked = fmt.Sprintf("there are more than %d services", r.Bounds.Services)
		}
		count += len(names)
		for batch := range slices.Chunk(names, servicesPerCall) {
			batches = append(batches, &ecs.DescribeServicesInput{
				Cluster: &clusters[i], Services: batch, Include: []types.ServiceField{types.ServiceFieldTags},
			})
		}
	}
	return batches, unchecked, nil
}

func (r Reader) servicesOf(ctx context.Context, cluster string) (services []string, err error) {
	pages := ecs.NewListServicesPaginator(r.Services, &ecs.ListServicesInput{Cluster: &cluster, MaxResults: aws.Int32(perPage)})
	for pages.HasMorePages() && !exceeds(len(services), r.Bounds.Services) {
		page, err := pages.NextPage(ctx)
		if IsGone(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list the services of %s: %w", cluster, err)
		}
		services = append(services, page.ServiceArns...)
	}
	return services, nil
}

// Revisions gives the task definitions that a service runs, has in a deployment,
// or in a task set, as services of CodeDeploy and of external controllers do: all
// that it starts tasks of now, or may be rolled back to. Each is listed once.
func Revisions(service types.Service) []string {
	named := []string{aws.ToString(service.TaskDefinition)}
	for _, deployment := range service.Deployments {
		named = append(named, aws.ToString(deployment.TaskDefinition))
	}
	for _, set := range service.TaskSets {
		named = append(named, aws.ToString(set.TaskDefinition))
	}
	slices.Sort(named)
	return slices.DeleteFunc(slices.Compact(named), func(name string) bool { return name == "" })
}

// Runs reports whether a service that is there to stay is meant to run one of
// the revisions, by ARN: what its deployments still have of it on the way to
// another one does not count. Services of other controllers say so in their task
// sets.
func Runs(service types.Service, revisions []string) bool {
	is := func(name *string) bool { return slices.Contains(revisions, aws.ToString(name)) }
	return aws.ToString(service.Status) == "ACTIVE" &&
		(is(service.TaskDefinition) ||
			slices.ContainsFunc(service.TaskSets, func(t types.TaskSet) bool { return is(t.TaskDefinition) }))
}
