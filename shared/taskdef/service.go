package taskdef

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

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
	servicesPerPage   = 100
	parallelListCalls = 4
)

// ServiceReader is the part of ECS's client that finds services. None of its
// calls knows a filter by task definition; tasks could be listed by family, but
// a service that cannot start any has none.
type ServiceReader interface {
	ecs.ListClustersAPIClient
	ecs.ListServicesAPIClient
	ecs.DescribeServicesAPIClient
}

// Usage is which services run a revision that has, or gets, a successor of ours.
type Usage struct {
	// Revisions are the ARNs of the ones to be left.
	Revisions []string
	// Successor is the ARN of the one to be run, or "" where it is to be
	// registered first.
	Successor string
	// Since is when the latest revision was registered: a roll-back after that
	// tells that somebody tried, and failed.
	Since time.Time
	// Services run one of the Revisions.
	Services []types.Service
	// Unchecked says why there may be more of them.
	Unchecked string
}

// usage finds the services that are to run another revision: the one that is
// going to be registered, or the described one, where we made it earlier and
// did not get to all services.
func (o Observer) usage(ctx context.Context, observed Observation) (*Usage, error) {
	if !o.Settings.UpdateServices {
		return nil, nil
	}
	definition := observed.Definition
	usage := &Usage{Successor: aws.ToString(definition.TaskDefinitionArn), Since: aws.ToTime(definition.RegisteredAt)}
	source, err := o.madeFrom(ctx, definition, observed.Tags)
	if err != nil {
		return nil, err
	}
	if source != "" {
		usage.Revisions = append(usage.Revisions, source)
	}
	if o.Settings.run(observed).registers() {
		usage.Revisions = append(usage.Revisions, usage.Successor)
		usage.Successor = ""
	}
	if len(usage.Revisions) == 0 {
		return nil, nil
	}
	return usage, o.findServices(ctx, usage)
}

// unfinished finds the services that still run the asked revision, although we
// have made the latest one from it; nil where there are none.
func (o Observer) unfinished(ctx context.Context, asked Revision, latest *description) (*Usage, error) {
	if !bool(o.Settings.UpdateServices) || latest == nil {
		return nil, nil
	}
	definition := latest.TaskDefinition
	source, err := o.madeFrom(ctx, definition, latest.Tags)
	if err != nil || source == "" || !strings.HasSuffix(source, "/"+asked.String()) {
		return nil, err
	}
	usage := &Usage{Revisions: []string{source}, Successor: aws.ToString(definition.TaskDefinitionArn), Since: aws.ToTime(definition.RegisteredAt)}
	if err := o.findServices(ctx, usage); err != nil || len(usage.Services) == 0 && usage.Unchecked == "" {
		return nil, err
	}
	return usage, nil
}

// madeFrom gives the ARN of the revision that a definition of ours was made
// from, or "" where somebody else made it, or another came in between.
func (o Observer) madeFrom(ctx context.Context, definition *types.TaskDefinition, tags []types.Tag) (string, error) {
	name := aws.ToString(definition.TaskDefinitionArn)
	source, ours := o.ownSource(definition, tags)
	if !ours {
		return "", nil
	}
	if source.Number < definition.Revision-1 {
		first, err := between(ctx, o.Definitions, source.Family, source.Number, definition.Revision)
		if err != nil || first != "" {
			return "", err
		}
	}
	return name[:strings.LastIndexByte(name, '/')+1] + source.String(), nil
}

// findServices fills in the services. That they cannot be seen must not keep a
// definition from being cured, so that is told instead.
func (o Observer) findServices(ctx context.Context, usage *Usage) error {
	err := o.readServices(ctx, usage)
	if err == nil {
		return nil
	}
	if kind := awserror.Classify(err); kind != awserror.Denied && kind != awserror.Refused {
		return err
	}
	usage.Unchecked = fmt.Sprintf("%s answered %s", cmp.Or(awserror.Operation(err), "ECS"), awserror.Code(err))
	return nil
}

func (o Observer) readServices(ctx context.Context, usage *Usage) error {
	clusters, err := o.clusters(ctx)
	if err != nil {
		return err
	}
	if len(clusters) > maxClusters {
		clusters = clusters[:maxClusters]
		usage.Unchecked = fmt.Sprintf("there are more than %d clusters", maxClusters)
	}
	batches, whole, err := o.serviceBatches(ctx, clusters)
	if err != nil {
		return err
	}
	if !whole {
		usage.Unchecked = fmt.Sprintf("there are more than %d services", maxServices)
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
				if runsOneOf(service, usage.Revisions) {
					// The cluster as it was asked for is what UpdateService takes.
					service.ClusterArn = input.Cluster
					found[i] = append(found[i], service)
				}
			}
			return nil
		})
	}
	err = group.Wait()
	usage.Services = slices.Concat(found...)
	return err
}

func (o Observer) clusters(ctx context.Context) (clusters []string, err error) {
	pages := ecs.NewListClustersPaginator(o.Services, &ecs.ListClustersInput{MaxResults: aws.Int32(servicesPerPage)})
	for pages.HasMorePages() && len(clusters) <= maxClusters {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the clusters: %w", err)
		}
		clusters = append(clusters, page.ClusterArns...)
	}
	return clusters, nil
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
	pages := ecs.NewListServicesPaginator(o.Services, &ecs.ListServicesInput{Cluster: &cluster, MaxResults: aws.Int32(servicesPerPage)})
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

// isGone recognises a cluster or service that was deleted meanwhile.
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
