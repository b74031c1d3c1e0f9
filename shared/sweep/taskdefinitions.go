package sweep

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/sync/errgroup"

	"ecsguardrails/shared/awserror"
	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/taskschedule"
)

const (
	familiesPage = 100
	clustersPage = 100
	servicesPage = 100
	// servicesPerCall is DescribeServices' limit.
	servicesPerCall = 10
	// usesSideBySide bounds the calls that find out what is used; ECS allows 20 a
	// second, and the account's people need some.
	usesSideBySide = 4
	// inUse is the cursor after all families.
	inUse = "in-use"
)

// listTaskDefinitions lists families that have an active revision, each of
// which stands for its latest one, and then the older revisions that are used.
func (o observer) listTaskDefinitions(ctx context.Context, observed *Observation, enough func() bool) error {
	if observed.Part.Cursor != inUse {
		pages := ecs.NewListTaskDefinitionFamiliesPaginator(o.clients.Families, &ecs.ListTaskDefinitionFamiliesInput{
			NextToken: given(observed.Part.Cursor), MaxResults: aws.Int32(familiesPage), Status: ecstypes.TaskDefinitionFamilyStatusActive,
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return err
			}
			observed.Listed += len(page.Families)
			observed.Names = append(observed.Names, page.Families...)
			if page.NextToken != nil && enough() {
				observed.Next = aws.ToString(page.NextToken)
				return nil
			}
		}
		if enough() {
			observed.Next = inUse
			return nil
		}
	}
	// What cannot be seen of their use keeps no family from being looked at.
	used := &revisions{of: map[string]map[string]bool{}}
	err := o.findUses(ctx, used)
	var older []string
	if err == nil {
		older, err = o.older(ctx, used)
	}
	if err != nil && awserror.Classify(err) == awserror.Transient {
		return err
	}
	if err != nil {
		observed.Faults = append(observed.Faults, finding.Finding{
			Code: CodeUsesUnknown, Severity: finding.Warning,
			Message: fmt.Sprintf("which older revisions are used cannot be seen, so only the latest of each family are looked at: %s answers %s", cmp.Or(awserror.Operation(err), "AWS"), cmp.Or(awserror.Code(err), "with an error")),
			Fix:     "allow the named call to sweep's role, or find the policy that denies it",
		})
	}
	observed.Listed += len(older)
	observed.Names = append(observed.Names, older...)
	return nil
}

// revisions collects which revisions of which families are used.
type revisions struct {
	mutex sync.Mutex
	of    map[string]map[string]bool
}

// add takes an ARN or "family:revision"; a family alone is its latest revision,
// which is looked at anyway.
func (r *revisions) add(definition string) {
	definition = definition[strings.LastIndexByte(definition, '/')+1:]
	family, revision, found := strings.Cut(definition, ":")
	if !found || family == "" || revision == "" {
		return
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.of[family] == nil {
		r.of[family] = map[string]bool{}
	}
	r.of[family][revision] = true
}

// findUses asks services, EventBridge's rules and schedules, side by side.
func (o observer) findUses(ctx context.Context, used *revisions) error {
	var clusters []string
	pages := ecs.NewListClustersPaginator(o.clients.Services, &ecs.ListClustersInput{MaxResults: aws.Int32(clustersPage)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list the clusters: %w", err)
		}
		clusters = append(clusters, page.ClusterArns...)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(usesSideBySide)
	for _, cluster := range clusters {
		group.Go(func() error { return o.usedByServices(ctx, cluster, used) })
	}
	group.Go(func() error { return o.usedBySchedules(ctx, clusters, used) })
	return group.Wait()
}

func (o observer) usedByServices(ctx context.Context, cluster string, used *revisions) error {
	var services []string
	pages := ecs.NewListServicesPaginator(o.clients.Services, &ecs.ListServicesInput{Cluster: &cluster, MaxResults: aws.Int32(servicesPage)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if awserror.HasCode(err, "ClusterNotFoundException") {
			return nil
		}
		if err != nil {
			return fmt.Errorf("list the services of %s: %w", cluster, err)
		}
		services = append(services, page.ServiceArns...)
	}
	for some := range slices.Chunk(services, servicesPerCall) {
		output, err := o.clients.Services.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: some})
		if awserror.HasCode(err, "ClusterNotFoundException") {
			return nil
		}
		if err != nil {
			return fmt.Errorf("describe services of %s: %w", cluster, err)
		}
		for _, service := range output.Services {
			used.add(aws.ToString(service.TaskDefinition))
			// Those of CodeDeploy and of external controllers have task sets instead.
			for _, set := range service.TaskSets {
				used.add(aws.ToString(set.TaskDefinition))
			}
		}
	}
	return nil
}

// usedBySchedules asks what rules and schedules start, however many there are.
func (o observer) usedBySchedules(ctx context.Context, clusters []string, used *revisions) error {
	schedules, _, err := taskschedule.Reader{Rules: o.clients.Rules, Schedules: o.clients.Schedules}.Read(ctx, clusters)
	for _, schedule := range schedules {
		used.add(schedule.TaskDefinition)
	}
	return err
}

// revisionOf gives the revision that an ARN names, "" for another family's.
func revisionOf(family, definition string) string {
	name, revision, _ := strings.Cut(definition[strings.LastIndexByte(definition, '/')+1:], ":")
	if name != family {
		return ""
	}
	return revision
}

// older gives the used revisions that are not their family's latest one, as
// "family:revision". To hand over the latest one under two names would have it
// looked at twice at once.
func (o observer) older(ctx context.Context, used *revisions) ([]string, error) {
	var mutex sync.Mutex
	var found []string
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(usesSideBySide)
	for _, family := range slices.Sorted(maps.Keys(used.of)) {
		group.Go(func() error {
			output, err := o.clients.Families.ListTaskDefinitions(ctx, &ecs.ListTaskDefinitionsInput{
				FamilyPrefix: &family, Status: ecstypes.TaskDefinitionStatusActive, Sort: ecstypes.SortOrderDesc, MaxResults: aws.Int32(1),
			})
			if err != nil {
				return fmt.Errorf("find the latest revision of %s: %w", family, err)
			}
			latest := ""
			if len(output.TaskDefinitionArns) > 0 {
				latest = revisionOf(family, output.TaskDefinitionArns[0])
			}
			mutex.Lock()
			defer mutex.Unlock()
			for revision := range used.of[family] {
				if revision != latest {
					found = append(found, family+":"+revision)
				}
			}
			return nil
		})
	}
	err := group.Wait()
	slices.Sort(found)
	return found, err
}
