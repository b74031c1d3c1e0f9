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

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskuse"
)

const (
	familiesPage = 100
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
	older, unchecked, err := o.olderInUse(ctx)
	if err != nil {
		return err
	}
	if unchecked != "" {
		// What can't be seen of their use keeps no family from being looked at.
		observed.Faults = append(observed.Faults, usesUnknown.With(finding.Words("why", unchecked)))
	}
	observed.Listed += len(older)
	observed.Names = append(observed.Names, older...)
	return nil
}

// revisions are those in use, by their families.
type revisions map[string]map[string]bool

// add takes an ARN or "family:revision"; a family alone is its latest revision,
// which is looked at anyway.
func (r revisions) add(definition string) {
	definition = definition[strings.LastIndexByte(definition, '/')+1:]
	family, revision, found := strings.Cut(definition, ":")
	if !found || family == "" || revision == "" {
		return
	}
	if r[family] == nil {
		r[family] = map[string]bool{}
	}
	r[family][revision] = true
}

// olderInUse finds what services, rules and schedules use besides the latest
// revisions, however many there are, and says why there may be more.
func (o observer) olderInUse(ctx context.Context) (older []string, unchecked string, err error) {
	used := revisions{}
	uses, err := taskuse.Reader{Services: o.clients.Services, Rules: o.clients.Rules, Schedules: o.clients.Schedules}.Read(ctx, taskuse.Query{
		Keep: func(service ecstypes.Service) bool {
			for _, definition := range taskuse.Revisions(service) {
				used.add(definition)
			}
			return false
		},
	})
	if err != nil {
		return nil, "", err
	}
	for _, schedule := range uses.Schedules {
		used.add(schedule.TaskDefinition)
	}
	older, err = o.older(ctx, used)
	if err != nil && awserror.Classify(err) != awserror.Transient {
		return nil, fmt.Sprintf("%s answered %s", cmp.Or(awserror.Operation(err), "AWS"), cmp.Or(awserror.Code(err), "with an error")), nil
	}
	return older, uses.Unchecked(), err
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
func (o observer) older(ctx context.Context, used revisions) ([]string, error) {
	var mutex sync.Mutex
	var found []string
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(usesSideBySide)
	for _, family := range slices.Sorted(maps.Keys(used)) {
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
			for revision := range used[family] {
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
