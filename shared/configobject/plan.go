package configobject

import (
	"fmt"
	"slices"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/pipeline"
)

// plan turns what was found out about a version into tags, and into no action
// where they stand already.
func plan(o Observation) pipeline.Plan[Action] {
	if o.DeleteMarker {
		return pipeline.Plan[Action]{Skip: &finding.Finding{
			Code: CodeDeleted, Severity: finding.Info, Message: "the version is a delete marker, so there is nothing to judge",
		}}
	}
	planned := pipeline.Plan[Action]{Findings: slices.Clone(o.Content)}
	if o.TagsUnreadable {
		planned.Findings = append(planned.Findings, finding.Finding{
			Code: CodeTagsUnreadable, Severity: finding.Warning,
			Message: "the version's tags may not be read; the verdict is not recorded, because writing tags replaces all of them",
			Fix:     "allow s3:GetObjectTagging and s3:GetObjectVersionTagging to the function's role",
		})
		return planned
	}
	tags, fits := merge(o.Tags, verdictTags(o.Content))
	if !fits {
		planned.Findings = append(planned.Findings, finding.Finding{
			Code: CodeTagsFull, Severity: finding.Warning,
			Message: fmt.Sprintf("the version carries %d tags, and S3 allows %d: the verdict has no room", len(o.Tags), maxTags),
			Fix:     "remove two tags from the object that nobody reads",
		})
	}
	if !slices.Equal(tags, o.Tags) {
		planned.Actions = append(planned.Actions, Action{Object: o.Object, ETag: o.ETag, Tags: tags})
	}
	return planned
}
