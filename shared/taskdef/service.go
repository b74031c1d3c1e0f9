package taskdef

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/sync/errgroup"

	"ecsguardrails/shared/awserror"
)

// Bounds of one look for services, so that it ends within the function's time:
// ECS describes ten services a call, and takes 20 such calls a second.
const (
	maxClusters       = 100
	maxServices       = 1000
	servicesPerCall   = 10
	perPage           = 100
	parallelListCalls = 4
)

// ServiceReader is the part of ECS's client that finds services. None of its
// calls knows a filter by task definition; tasks can be listed by family, but a
// service that cannot start any has none.
type ServiceReader interface {
	ecs.ListClustersAPIClient
	ecs.ListServicesAPIClient
	ecs.DescribeServicesAPIClient
}

// servicesOnAny finds the services that run one of the revisions, or have it in
// a deployment.
func (o Observer) servicesOnAny(ctx context.Context, clusters, revisions []string, unchecked *string) ([]types.Service, error) {
	batches, whole, err := o.serviceBatches(ctx, clusters)
	if err != nil {
		return nil, err
	}
	if !whole {
		*unchecked = fmt.Sprintf("there are more than %d services", maxServices)
	}
	found := make([][]types.Service, len(batches))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelListCalls)
	for i, input := range batches {
		group.Go(func() error {
			output, err := o.Services.DescribeServices(ctx, input)
			if isGone(err) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("describe services of %s: %w", aws.ToString(input.Cluster), err)
			}
			for _, service := range output.Services {
				if len(revisionsOf(service, revisions)) > 0 {
					// The cluster as it was asked for is what UpdateService takes.
					service.ClusterArn = input.Cluster
					found[i] = append(found[i], service)
				}
			}
			return nil
		})
	}
	err = group.Wait()
	return slices.Concat(found...), err
}

// clusters lists the account's clusters in the region, as many as are looked
// through, and says why there may be more.
func (o Observer) clusters(ctx context.Context) (clusters []string, unchecked string, err error) {
	listed := search[[]string]{}
	err = listed.run("", func(unchecked *string) (clusters []string, err error) {
		pages := ecs.NewListClustersPaginator(o.Services, &ecs.ListClustersInput{MaxResults: aws.Int32(perPage)})
		for pages.HasMorePages() && len(clusters) <= maxClusters {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, fmt.Errorf("list the clusters: %w", err)
			}
			clusters = append(clusters, page.ClusterArns...)
		}
		if len(clusters) > maxClusters {
			*unchecked = fmt.Sprintf("there are more than %d clusters", maxClusters)
		}
		return clusters[:min(len(clusters), maxClusters)], nil
	})
	return listed.found, listed.unchecked, err
}

// serviceBatches gives what to describe, and whether that is all there is.
func (o Observer) serviceBatches(ctx context.Context, clusters []string) (batches []*ecs.DescribeServicesInput, whole bool, err error) {
	services := make([][]string, len(clusters))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelListCalls)
	for i, cluster := range clusters {
		group.Go(func() (err error) {
			services[i], err = o.servicesOf(ctx, cluster)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, false, err
	}
	left := maxServices
	for i, names := range services {
		kept := names[:min(len(names), left)]
		left -= len(kept)
		for batch := range slices.Chunk(kept, servicesPerCall) {
			batches = append(batches, &ecs.DescribeServicesInput{
				Cluster: &clusters[i], Services: batch, Include: []types.ServiceField{types.ServiceFieldTags},
			})
		}
		if len(kept) < len(names) {
			return batches, false, nil
		}
	}
	return batches, true, nil
}

func (o Observer) servicesOf(ctx context.Context, cluster string) (services []string, err error) {
	pages := ecs.NewListServicesPaginator(o.Services, &ecs.ListServicesInput{Cluster: &cluster, MaxResults: aws.Int32(perPage)})
	for pages.HasMorePages() && len(services) <= maxServices {
		page, err := pages.NextPage(ctx)
		if isGone(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list the services of %s: %w", cluster, err)
		}
		services = append(services, page.ServiceArns...)
	}
	return services, nil
}

// isGone recognises what was deleted meanwhile.
func isGone(err error) bool {
	return err != nil && (awserror.Classify(err) == awserror.Gone || awserror.HasCode(err, "ServiceNotActiveException"))
}

// runsOneOf reports whether a service that is there to stay is meant to run one
// of the revisions: what its deployments still have of it on the way to another
// one does not count. Services of other controllers say so in their task sets.
func runsOneOf(service types.Service, revisions []string) bool {
	is := func(name *string) bool { return slices.Contains(revisions, aws.ToString(name)) }
	return aws.ToString(service.Status) == "ACTIVE" &&
		(is(service.TaskDefinition) ||
			slices.ContainsFunc(service.TaskSets, func(t types.TaskSet) bool { return is(t.TaskDefinition) }))
}

// revisionsOf gives those of the revisions that a service runs, or has in a
// deployment: what is to be left, and what it may be rolled back to.
func revisionsOf(service types.Service, revisions []string) []string {
	named := []string{aws.ToString(service.TaskDefinition)}
	for _, deployment := range service.Deployments {
		named = append(named, aws.ToString(deployment.TaskDefinition))
	}
	for _, set := range service.TaskSets {
		named = append(named, aws.ToString(set.TaskDefinition))
	}
	return slices.DeleteFunc(slices.Clone(revisions), func(revision string) bool { return !slices.Contains(named, revision) })
}
