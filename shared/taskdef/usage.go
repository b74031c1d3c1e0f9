package taskdef

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"ecsguardrails/shared/revision"
	"ecsguardrails/shared/taskuse"
)

// Usage is what runs a revision that has, or gets, a successor of ours.
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
	// Schedules start tasks of the family, of whatever revision.
	Schedules []taskuse.Schedule
	// Agents are the versions of the agents on the active instances of the
	// Services' clusters, by the clusters' ARNs.
	Agents map[string][]string
	// ServicesUnchecked and SchedulesUnchecked say why there may be more of them.
	ServicesUnchecked, SchedulesUnchecked string
}

// uses finds what runs the revisions that are left, and the superseded ones.
func (o Observer) uses(ctx context.Context, observed *Observation) (err error) {
	if observed.Usage, err = o.usage(ctx, *observed); err != nil {
		return err
	}
	if observed.Superseded, err = o.superseded(ctx, *observed); err != nil {
		return err
	}
	return o.findUses(ctx, observed)
}

// usage says which revisions are to be left for another one: the one that is
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
	return usage, nil
}

// unfinished finds what still runs the asked revision, although we have made the
// latest one from it; it gives nil where there is nothing.
func (o Observer) unfinished(ctx context.Context, asked Revision, latest *description) (*Usage, error) {
	if !bool(o.Settings.UpdateServices) || latest == nil {
		return nil, nil
	}
	observed := latest.observation()
	source, err := o.madeFrom(ctx, observed.Definition, observed.Tags)
	if err != nil || source == "" || !strings.HasSuffix(source, "/"+asked.String()) {
		return nil, err
	}
	observed.Usage = &Usage{
		Revisions: []string{source}, Successor: aws.ToString(observed.Definition.TaskDefinitionArn), Since: aws.ToTime(observed.Definition.RegisteredAt),
	}
	if err := o.findUses(ctx, &observed); err != nil {
		return nil, err
	}
	usage := observed.Usage
	pinned := slices.ContainsFunc(usage.Schedules, func(s taskuse.Schedule) bool { return pins(s, usage.Revisions) })
	if len(usage.Services) == 0 && !pinned && usage.ServicesUnchecked == "" && usage.SchedulesUnchecked == "" {
		return nil, nil
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

// findUses looks through the clusters for what runs the revisions, for both who
// want to know it.
func (o Observer) findUses(ctx context.Context, observed *Observation) error {
	usage, superseded := observed.Usage, observed.Superseded
	var left, old []string
	if usage != nil {
		left = usage.Revisions
	}
	if superseded != nil {
		old = superseded.Revisions
	}
	if len(left)+len(old) == 0 {
		return nil
	}
	query := taskuse.Query{Keep: func(s types.Service) bool {
		return slices.ContainsFunc(taskuse.Revisions(s), func(r string) bool { return slices.Contains(left, r) || slices.Contains(old, r) })
	}}
	if len(old) > 0 {
		query.Family = aws.ToString(observed.Definition.Family)
	}
	uses, err := o.Uses.Read(ctx, query)
	if err != nil {
		return err
	}
	uses.Schedules = slices.DeleteFunc(uses.Schedules, func(s taskuse.Schedule) bool {
		named, err := revision.Parse(s.TaskDefinition)
		return err != nil || named.Family != aws.ToString(observed.Definition.Family)
	})
	if superseded != nil {
		superseded.Unchecked = uses.Unchecked()
		superseded.findUsed(uses)
	}
	if usage == nil {
		return nil
	}
	usage.ServicesUnchecked, usage.SchedulesUnchecked = uses.ServicesUnchecked, uses.SchedulesUnchecked
	usage.Services = slices.DeleteFunc(slices.Clone(uses.Services), func(s types.Service) bool { return !taskuse.Runs(s, left) })
	usage.Schedules = uses.Schedules
	if o.Settings.run(*observed).requirement() == nil {
		return nil
	}
	usage.Agents, err = o.agents(ctx, usage.Services)
	return err
}
