package configobject

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// The tags of a verdict.
const (
	TagStatus   = "ecs-config-status"
	TagFindings = "ecs-config-findings"
	// TagRestoredFrom names, on a version that was put back on top, the version
	// that it is a copy of. Such a version is never itself restored over.
	TagRestoredFrom = "ecs-config-restored-from"
)

const (
	// maxTags is S3's limit for an object.
	maxTags = 10
	// maxTagValue is S3's limit in Unicode characters; a verdict is ASCII.
	maxTagValue = 256
)

// Verdict is what a file is worth to its reader.
type Verdict string

// Verdicts, as they stand in the tag.
const (
	// Valid: nothing is lost; a finding of severity info may stand.
	Valid Verdict = "valid"
	// Warnings: something that the author wrote is ignored or replaced.
	Warnings Verdict = "warnings"
	// Invalid: an instance that boots with it does not join or cannot pull.
	Invalid Verdict = "invalid"
)

// verdict sums up the findings about a file's content.
func verdict(findings []finding.Finding) Verdict {
	switch counted := count(findings); {
	case counted[finding.Error] > 0:
		return Invalid
	case counted[finding.Warning] > 0:
		return Warnings
	default:
		return Valid
	}
}

func count(findings []finding.Finding) map[finding.Severity]int {
	counted := map[finding.Severity]int{}
	for _, f := range findings {
		counted[f.Severity]++
	}
	return counted
}

// Tag is a tag of an object.
type Tag struct{ Key, Value string }

// verdictTags gives the tags for the findings about a file's content, most
// important first. Of characters other than letters and digits a tag may hold
// spaces and + - = . _ : / @ only; codes have hyphens alone. No time is among
// them: the same version always gets the same tags.
func verdictTags(findings []finding.Finding) []Tag {
	return []Tag{{TagStatus, string(verdict(findings))}, {TagFindings, sum(findings)}}
}

// sum counts findings and names their codes, the gravest first, as in
// "errors=1 warnings=2 infos=0: auth-data-shape variable-unknown", and ends in
// "+3" where three more codes had no room.
func sum(findings []finding.Finding) string {
	if len(findings) == 0 {
		return "none"
	}
	var codes []string
	for _, severity := range []finding.Severity{finding.Error, finding.Warning, finding.Info} {
		for _, f := range findings {
			if f.Severity == severity && !slices.Contains(codes, f.Code) {
				codes = append(codes, f.Code)
			}
		}
	}
	counted := count(findings)
	var text strings.Builder
	_, _ = fmt.Fprintf(&text, "errors=%d warnings=%d infos=%d:", counted[finding.Error], counted[finding.Warning], counted[finding.Info])
	const roomForRest = len(" +1000")
	for i, code := range codes {
		if text.Len()+len(" ")+len(code)+roomForRest > maxTagValue {
			_, _ = fmt.Fprintf(&text, " +%d", len(codes)-i)
			break
		}
		text.WriteString(" " + code)
	}
	return text.String()
}

// merge puts tags beside those that are there, in their order. What no longer
// fits is left out, the last ones first.
func merge(there, added []Tag) (merged []Tag, fits bool) {
	merged = slices.Clone(there)
	fits = true
	for _, tag := range added {
		index := slices.IndexFunc(merged, func(t Tag) bool { return t.Key == tag.Key })
		switch {
		case index >= 0:
			merged[index] = tag
		case len(merged) < maxTags:
			merged = append(merged, tag)
		default:
			fits = false
		}
	}
	return merged, fits
}
