// Package taskuse finds what runs task definitions: services, tasks, rules of
// EventBridge and schedules of EventBridge Scheduler.
package taskuse

import (
	"cmp"
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/sync/errgroup"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
)

const (
	// perPage is the largest page of ECS's, EventBridge's and Scheduler's lists.
	perPage = 100
	// sideBySide bounds the calls of one kind that are under way at once: ECS and
	// EventBridge allow 20 a second, and the account's own people and tools need
	// some of them.
	sideBySide = 4
)

// Services is the part of ECS's client that finds services. None of its calls
// knows a filter by task definition; tasks can be listed by family, but a
// service that cannot start any has none.
type Services interface {
	ecs.ListClustersAPIClient
	ecs.ListServicesAPIClient
	ecs.DescribeServicesAPIClient
}

// Tasks is the part of ECS's client that finds what runs without a service.
type Tasks interface {
	ecs.ListTasksAPIClient
	ecs.DescribeTasksAPIClient
}

// Bounds of one look, so that it ends within a function's time; 0 is none.
// EventBridge tells the rules of a target, and a task's target is its cluster:
// one call for each bus and cluster (RuleCalls). Scheduler reports no schedule
// which task it starts, until it is asked for that one. Tasks are those of one
// cluster.
type Bounds struct{ Clusters, Services, Tasks, RuleCalls, Rules, SchedulePages, Schedules int }

func exceeds(count, bound int) bool { return bound > 0 && count > bound }

// Reader finds what runs task definitions.
type Reader struct {
	Services Services
	// Tasks may be nil where no query names a family.
	Tasks     Tasks
	Rules     Rules
	Schedules Schedules
	Bounds    Bounds
}

// Query says what a look is after.
type Query struct {
	// Keep says which services are wanted. It is called for one at a time.
	Keep func(types.Service) bool
	// Family is whose tasks are looked for; "" looks for none.
	Family string
}

// Uses is what a look found.
type Uses struct {
	// Services are those that were kept, with their tags. ClusterArn is what
	// UpdateService takes.
	Services []types.Service
	// Schedules are all that start tasks.
	Schedules []Schedule
	// Tasks gives, by the ARN of each revision of the family that a task runs or
	// waits to run, the name of a cluster with such a task.
	Tasks map[string]string
	// ServicesUnchecked and its like say why there may be more, "" where that is
	// all there is.
	ServicesUnchecked, SchedulesUnchecked, TasksUnchecked string
}

// Unchecked says why there may be more uses of any kind, "" where there are none.
func (u Uses) Unchecked() string {
	return cmp.Or(u.ServicesUnchecked, u.TasksUnchecked, u.SchedulesUnchecked)
}

// Read looks through the account's clusters in the region. A call that is denied
// or refused is no error: Uses says that something could not be seen. What is
// deleted meanwhile has no uses.
func (r Reader) Read(ctx context.Context, query Query) (Uses, error) {
	clusters, unchecked, err := look("", func() ([]string, string, error) { return r.clusters(ctx) })
	if err != nil {
		return Uses{}, err
	}
	var uses Uses
	group, searching := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		uses.Services, uses.ServicesUnchecked, err = look(unchecked, func() ([]types.Service, string, error) {
			return r.services(searching, clusters, query.Keep)
		})
		return err
	})
	group.Go(func() (err error) {
		uses.Schedules, uses.SchedulesUnchecked, err = look(unchecked, func() ([]Schedule, string, error) {
			return r.schedules(searching, clusters)
		})
		return err
	})
	group.Go(func() (err error) {
		if query.Family == "" {
			return nil
		}
		uses.Tasks, uses.TasksUnchecked, err = look(unchecked, func() (map[string]string, string, error) {
			return r.tasks(searching, clusters, query.Family)
		})
		return err
	})
	return uses, group.Wait()
}

// look keeps what a search finds, and says why there may be more: because of an
// earlier one, a bound, or a call that is denied.
func look[T any](unchecked string, search func() (T, string, error)) (T, string, error) {
	found, leftOut, err := search()
	if err == nil {
		return found, cmp.Or(leftOut, unchecked), nil
	}
	if kind := awserror.Classify(err); kind != awserror.Denied && kind != awserror.Refused {
		return found, "", err
	}
	return found, fmt.Sprintf("%s answered %s", cmp.Or(awserror.Operation(err), "AWS"), cmp.Or(awserror.Code(err), "with an error")), nil
}

// clusters lists the account's clusters in the region.
func (r Reader) clusters(ctx context.Context) (clusters []string, unchecked string, err error) {
	pages := ecs.NewListClustersPaginator(r.Services, &ecs.ListClustersInput{MaxResults: aws.Int32(perPage)})
	for pages.HasMorePages() && !exceeds(len(clusters), r.Bounds.Clusters) {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, "", fmt.Errorf("list the clusters: %w", err)
		}
		clusters = append(clusters, page.ClusterArns...)
	}
	if exceeds(len(clusters), r.Bounds.Clusters) {
		return clusters[:r.Bounds.Clusters], fmt.Sprintf("there are more than %d clusters", r.Bounds.Clusters), nil
	}
	return clusters, "", nil
}

// IsGone recognises what was deleted meanwhile.
func IsGone(err error) bool {
	return err != nil && (awserror.Classify(err) == awserror.Gone || awserror.HasCode(err, "ServiceNotActiveException"))
}
