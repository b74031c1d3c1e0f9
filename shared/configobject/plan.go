package configobject

import (
	"fmt"
	"slices"

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
		return pipeline.Plan[Action]{Skip: &finding.Finding{
			Code: CodeDeleted, Severity: finding.Info, Message: "the version is a delete marker, so there is nothing to judge",
		}}
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
		planned.Findings = append(planned.Findings, finding.Finding{
			Code: CodeTagsUnreadable, Severity: finding.Warning,
			Message: "the version's tags may not be read; the verdict is not recorded, because writing tags replaces all of them",
			Fix:     "allow s3:GetObjectTagging and s3:GetObjectVersionTagging to the function's role",
		})
		return
	}
	tags, fits := merge(o.Tags, verdictTags(o.Content))
	if !fits {
		planned.Findings = append(planned.Findings, finding.Finding{
			Code: CodeTagsFull, Severity: finding.Warning,
			Message: fmt.Sprintf("the version carries %d tags, and S3 allows %d: the verdict, which takes two, has no room or not enough", len(o.Tags), maxTags),
			Fix:     "remove tags from the object that no one reads",
		})
	}
	if !slices.Equal(tags, o.Tags) {
		planned.Actions = append(planned.Actions, Action{Object: o.Object, ETag: o.ETag, Tags: tags})
	}
}

// restore plans to put the last good version back on top, after the tags: cut
// off in between, the next delivery finds the invalid version still on top.
func restore(o Observation, planned *pipeline.Plan[Action]) {
	add := func(code string, severity finding.Severity, cured bool, message, fix string) {
		planned.Findings = append(planned.Findings, finding.Finding{Code: code, Severity: severity, Message: message, Fix: fix, Cured: cured})
	}
	switch {
	case o.History == nil:
		// The bucket keeps no versions, or the tags may not be read; there is a
		// finding about either.
	case isRestored(o.Tags):
		add(CodeNotOurCopy, finding.Warning, false, "the version was put back on top as a good one, and is judged invalid now: nothing is restored over it",
			"upload a corrected file, and have one function alone restore in this bucket")
	case !o.History.OnTop:
		add(CodeNotOnTop, finding.Info, false, "the version is not on top any more, so nothing has to be restored", "")
	case o.History.Good == nil:
		add(CodeNoGood, finding.Warning, false, fmt.Sprintf("there is no good version to restore among the last %d", maxCandidates), "upload a corrected file")
	default:
		for i := range planned.Findings {
			planned.Findings[i].Cured = planned.Findings[i].Code != CodeTagsFull
		}
		add(CodeRestored, finding.Warning, true,
			fmt.Sprintf("the upload is invalid: the last good version, %s, goes back on top, and the upload stays as the noncurrent version %s", o.History.Good.ID, o.Object.VersionID),
			"correct the file and upload it again")
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
