package taskuse

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"golang.org/x/sync/errgroup"
)

// tasks finds the revisions of a family that tasks run, or are about to run, with
// the name of a cluster of one of them.
func (r Reader) tasks(ctx context.Context, clusters []string, family string) (map[string]string, string, error) {
	found := make([]map[string]bool, len(clusters))
	counts := make([]int, len(clusters))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for i, cluster := range clusters {
		group.Go(func() (err error) {
			found[i], counts[i], err = r.tasksIn(ctx, cluster, family)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, "", err
	}
	all, unchecked := map[string]string{}, ""
	for i, cluster := range clusters {
		for revision := range found[i] {
			all[revision] = cluster[strings.LastIndexByte(cluster, '/')+1:]
		}
		if exceeds(counts[i], r.Bounds.Tasks) {
			unchecked = fmt.Sprintf("there are more than %d tasks of the family in %s", r.Bounds.Tasks, cluster)
		}
	}
	return all, unchecked, nil
}

// tasksIn counts the tasks that are meant to run, those included that wait to,
// and gives their revisions.
func (r Reader) tasksIn(ctx context.Context, cluster, family string) (revisions map[string]bool, count int, err error) {
	revisions = map[string]bool{}
	pages := ecs.NewListTasksPaginator(r.Tasks, &ecs.ListTasksInput{Cluster: &cluster, Family: &family, MaxResults: aws.Int32(perPage)})
	for pages.HasMorePages() && !exceeds(count, r.Bounds.Tasks) {
		page, err := pages.NextPage(ctx)
		if IsGone(err) {
			return nil, 0, nil
		}
		if err != nil {
			return nil, 0, fmt.Errorf("list the tasks of %s in %s: %w", family, cluster, err)
		}
		count += len(page.TaskArns)
		if len(page.TaskArns) == 0 {
			continue
		}
		output, err := r.Tasks.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &cluster, Tasks: page.TaskArns})
		if err != nil {
			return nil, 0, fmt.Errorf("describe tasks of %s in %s: %w", family, cluster, err)
		}
		for _, task := range output.Tasks {
			revisions[aws.ToString(task.TaskDefinitionArn)] = true
		}
	}
	return revisions, count, nil
}
