package taskdef

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/sync/errgroup"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/pipeline"
	"ecsguardrails/shared/revision"
	"ecsguardrails/shared/taskuse"
)

// Bounds of one look at old revisions: ECS tells who registered one, and why,
// only of the one that is described.
const maxOldRevisions = 50

// sideBySide bounds the calls of one kind that are under way at once.
const sideBySide = 4

// Retention is how long superseded revisions are kept.
type Retention struct {
	// Ends is false where they are kept for ever.
	Ends bool
	Days int
}

// UnmarshalText takes "no", for no deregistration, or a number of days.
func (r *Retention) UnmarshalText(text []byte) error {
	if string(text) == "no" {
		*r = Retention{}
		return nil
	}
	days, err := strconv.ParseUint(string(text), 10, 16)
	if err != nil {
		return fmt.Errorf("%q is neither no nor a number of days", text)
	}
	*r = Retention{Ends: true, Days: int(days)}
	return nil
}

// Superseded are revisions that we made, and after which another one came.
type Superseded struct {
	// Revisions are their ARNs.
	Revisions []string
	// By is the ARN of the family's latest.
	By string
	// Used says by what a revision is used still, by its ARN.
	Used map[string]string
	// Unchecked says why there may be more that uses one.
	Unchecked string
}

// superseded finds active revisions of ours that are older than the family's
// latest, once that one is old enough for nobody to want back to them. Not while
// a new one is being made: then the latest is on its way to be one of them.
func (o Observer) superseded(ctx context.Context, observed Observation) (*Superseded, error) {
	latest, keep := observed.Definition, o.Settings.DeregisterSuperseded
	if !keep.Ends || latest.Status != types.TaskDefinitionStatusActive || o.Settings.run(observed).registers() ||
		o.Now().Sub(aws.ToTime(latest.RegisteredAt)) < time.Duration(keep.Days)*24*time.Hour {
		return nil, nil
	}
	older, err := o.olderRevisions(ctx, latest)
	if err != nil {
		return nil, err
	}
	ours := make([]bool, len(older))
	group, asking := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for i, name := range older {
		group.Go(func() error {
			described, err := o.describe(asking, name)
			if err != nil || described == nil {
				return err
			}
			_, ours[i] = o.ownSource(described.TaskDefinition, described.Tags)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	found := &Superseded{By: aws.ToString(latest.TaskDefinitionArn)}
	for i, name := range older {
		if ours[i] {
			found.Revisions = append(found.Revisions, name)
		}
	}
	if len(found.Revisions) == 0 {
		return nil, nil
	}
	return found, nil
}

// olderRevisions lists the active revisions before the latest, the youngest first.
func (o Observer) olderRevisions(ctx context.Context, latest *types.TaskDefinition) (older []string, err error) {
	pages := ecs.NewListTaskDefinitionsPaginator(o.Definitions, &ecs.ListTaskDefinitionsInput{
		FamilyPrefix: latest.Family, Status: types.TaskDefinitionStatusActive, Sort: types.SortOrderDesc,
	})
	for pages.HasMorePages() && len(older) < maxOldRevisions {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the active revisions of %s: %w", aws.ToString(latest.Family), err)
		}
		for _, name := range page.TaskDefinitionArns {
			revision, err := revision.Parse(name)
			if err == nil && revision.Family == aws.ToString(latest.Family) && revision.Number > 0 && revision.Number < latest.Revision {
				older = append(older, name)
			}
		}
	}
	return older[:min(len(older), maxOldRevisions)], nil
}

// findUsed notes by what the revisions are used.
func (s *Superseded) findUsed(uses taskuse.Uses) {
	s.Used = map[string]string{}
	for _, revision := range s.Revisions {
		if cluster, running := uses.Tasks[revision]; running {
			s.Used[revision] = "a task in the cluster " + cluster
		}
		for _, schedule := range uses.Schedules {
			if pins(schedule, []string{revision}) {
				s.Used[revision] = schedule.Name
			}
		}
		for _, service := range uses.Services {
			if slices.Contains(taskuse.Revisions(service), revision) {
				s.Used[revision] = "the service " + nameOfService(service).String()
			}
		}
	}
}

// retirements plans what becomes of superseded revisions of ours.
func retirements(superseded *Superseded, plan *pipeline.Plan[Action]) {
	if superseded == nil {
		return
	}
	for _, revision := range superseded.Revisions {
		message := fmt.Sprintf("%s, which this function made, is superseded by %s", revision, superseded.By)
		keep := superseded.Unchecked
		if by := superseded.Used[revision]; by != "" {
			keep = by + " uses it"
		}
		at := len(plan.Findings)
		plan.Findings = append(plan.Findings, finding.Finding{
			Code: "revision-superseded", Severity: finding.Info, Message: message + ", and nothing uses it", Fix: "deregister it",
		})
		if keep != "" {
			plan.Findings[at].Message, plan.Findings[at].Fix = message+", and stays registered: "+keep, "nothing; it is looked at again by sweep"
			continue
		}
		plan.Do(Retirement{Revision: revision, By: superseded.By}, at)
	}
}

// Retirement deregisters a revision of ours that nothing uses. What runs on one
// all the same keeps running, and a person can register it again.
type Retirement struct{ Revision, By string }

// Describe says what the action will do.
func (r Retirement) Describe() finding.Action {
	return finding.Action{Kind: "DeregisterTaskDefinition", Target: r.Revision, Summary: "superseded by " + r.By}
}

func (r Retirement) apply(ctx context.Context, a Applier) error {
	// Asked for once more: whoever takes the latest back makes an older one the
	// latest.
	latest, _ := revision.Parse(r.By)
	active, err := between(ctx, a.Definitions, latest.Family, latest.Number-1, latest.Number+1)
	if err != nil {
		return err
	}
	if active != r.By {
		return fmt.Errorf("%s was deregistered meanwhile: look again", r.By)
	}
	if _, err := a.Definitions.DeregisterTaskDefinition(ctx, &ecs.DeregisterTaskDefinitionInput{TaskDefinition: &r.Revision}); err != nil {
		return fmt.Errorf("deregister %s: %w", r.Revision, err)
	}
	return nil
}
