package configobject

import (
	"slices"
	"strconv"

	"github.com/ecs-guardrails/ecs-guardrails/shared/configbucket"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
)

// plan turns what was found out about a version into tags, into no action where
// they stand already, and, where the settings want it, into a restoration. The
// verdict in the tags is the content's alone: bytes do not change, whereas
// buckets, clusters and passwords do, and a file may well be there before its cluster.
func (s Settings) plan(o Observation) pipeline.Plan[Action] {
	if o.DeleteMarker {
		return pipeline.Plan[Action]{Skip: new(versionDeleted.With())}
	}
	planned := pipeline.Plan[Action]{Findings: slices.Clone(o.Content)}
	if o.Cluster != nil {
		planned.Findings = append(planned.Findings, o.ClusterState.findings(*o.Cluster)...)
	}
	planned.Findings = append(planned.Findings, loginFindings(o.Logins, o.Registries)...)
	s.record(o, &planned)
	if s.OnInvalid == Restore && verdict(o.Content) == Invalid {
		restore(o, &planned)
	}
	planned.Findings = append(planned.Findings, o.Readers.findings(o.Object)...)
	planned.Findings = append(planned.Findings, s.aboutBucket(o)...)
	return planned
}

// record plans the tags.
func (s Settings) record(o Observation, planned *pipeline.Plan[Action]) {
	if o.TagsUnreadable {
		planned.Findings = append(planned.Findings, tagsUnreadable.With())
		return
	}
	tags, fits := merge(o.Tags, verdictTags(o.Content))
	if !fits {
		planned.Findings = append(planned.Findings, tagsFull.With(finding.Count("tags", len(o.Tags), "tag", "tags"), finding.Words("most", strconv.Itoa(maxTags))))
	}
	if !slices.Equal(tags, o.Tags) {
		planned.Actions = append(planned.Actions, Action{Object: o.Object, ETag: o.ETag, Tags: tags})
	}
}

// restore plans to put the last good version back on top, after the tags: cut
// off in between, the next delivery finds the invalid version still on top.
func restore(o Observation, planned *pipeline.Plan[Action]) {
	add := func(f finding.Finding) { planned.Findings = append(planned.Findings, f) }
	switch {
	case o.History == nil:
		// The bucket keeps no versions, or the tags may not be read; there is a
		// finding about either.
	case isRestored(o.Tags):
		add(restoredInvalid.With())
	case !o.History.OnTop:
		add(notOnTop.With())
	case o.History.Good == nil:
		add(noGoodVersion.With(finding.Words("most", strconv.Itoa(maxCandidates))))
	default:
		for i := range planned.Findings {
			planned.Findings[i].Cured = planned.Findings[i].Code != CodeTagsFull
		}
		restored := versionRestored.With(finding.Name("good", o.History.Good.ID), finding.Name("upload", o.Object.VersionID))
		restored.Cured = true
		add(restored)
		planned.Actions = append(planned.Actions, Action{Object: o.Object, ETag: o.ETag, Restore: o.History.Good})
	}
}

// aboutBucket judges what is around the file. A bucket without versions is
// fragile, but where restoring is asked for, that is not to be had there.
func (s Settings) aboutBucket(o Observation) []finding.Finding {
	findings := slices.Concat(o.Bucket.Findings(o.Account), o.Bucket.ObjectFindings(o.ObjectOwner, o.ObjectGrants))
	for i := range findings {
		if findings[i].Code == configbucket.CodeNotVersioned && s.OnInvalid == Restore {
			findings[i].Severity = finding.Warning
		}
	}
	return findings
}
