package taskdef

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/sync/errgroup"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/revision"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskuse"
)

// Bounds of one look at old revisions: ECS tells who registered one, and why,
// only of the one that is described.
const maxOldRevisions = 50

// sideBySide bounds the calls of one kind that are under way at once.
const sideBySide = 4

// Retention is how long superseded revisions are kept.
type Retention struct {
	// Ends is false where they are kept forever.
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

// older describes the active revisions before the latest, the youngest first.
func (o Observer) older(ctx context.Context, family string, latest int32) ([]*Described, error) {
	names, err := o.olderNames(ctx, family, latest)
	if err != nil {
		return nil, err
	}
	described := make([]*Described, len(names))
	group, asking := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for i, name := range names {
		group.Go(func() (err error) {
			described[i], err = o.describe(asking, name)
			return err
		})
	}
	err = group.Wait()
	return slices.DeleteFunc(described, func(d *Described) bool { return d == nil }), err
}

func (o Observer) olderNames(ctx context.Context, family string, latest int32) (older []string, err error) {
	pages := ecs.NewListTaskDefinitionsPaginator(o.Definitions, &ecs.ListTaskDefinitionsInput{
		FamilyPrefix: &family, Status: types.TaskDefinitionStatusActive, Sort: types.SortOrderDesc,
	})
	for pages.HasMorePages() && len(older) < maxOldRevisions {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the active revisions of %s: %w", family, err)
		}
		for _, arn := range page.TaskDefinitionArns {
			name, err := revision.Parse(arn)
			if err == nil && name.Family == family && name.Number > 0 && name.Number < latest {
				older = append(older, arn)
			}
		}
	}
	return older[:min(len(older), maxOldRevisions)], nil
}

// usedBy says by what a revision is used, "" for nothing.
func usedBy(revision string, uses *taskuse.Uses) (by string) {
	if cluster, running := uses.Tasks[revision]; running {
		by = "a task in the cluster " + cluster
	}
	for _, schedule := range uses.Schedules {
		if pins(schedule, []string{revision}) {
			by = schedule.Name
		}
	}
	for _, service := range uses.Services {
		if slices.Contains(taskuse.Revisions(service), revision) {
			by = "the service " + nameOfService(service).String()
		}
	}
	return by
}

// retirements plans which of our superseded revisions to deregister.
func (j *judgement) retirements(plan *pipeline.Plan[Action]) {
	old, _ := j.old()
	if j.Uses == nil {
		return
	}
	latest := aws.ToString(j.Definition.TaskDefinitionArn)
	for _, revision := range old {
		old, by := finding.Name("revision", revision), finding.Name("latest", latest)
		keep := j.Uses.Unchecked()
		if user := usedBy(revision, j.Uses); user != "" {
			keep = user + " uses it"
		}
		if keep != "" {
			plan.Findings = append(plan.Findings, supersededInUse.With(old, by, finding.Clause("why", keep)))
			continue
		}
		plan.Findings = append(plan.Findings, superseded.With(old, by, finding.Argument("argument", revision)))
		plan.Do(Retirement{Revision: revision, By: latest, Days: j.DeregisterSuperseded.Days}, len(plan.Findings)-1)
	}
}

// Retirement deregisters a revision of ours that nothing uses. What runs on one
// all the same keeps running, and a person can register it again.
type Retirement struct {
	Revision, By string
	Days         int
}

// Describe says what the action will do.
func (r Retirement) Describe() finding.Action {
	return finding.Action{Kind: "DeregisterTaskDefinition", Target: r.Revision, Summary: "superseded by " + r.By,
		Mandate: finding.Mandate{Kind: finding.ByParameter, Text: fmt.Sprintf("Allow=deregister-superseded (after %d days)", r.Days)}}
}

func (r Retirement) apply(ctx context.Context, a Applier) error {
	// Asked for once more: anyone who takes the latest back makes an older one the
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
