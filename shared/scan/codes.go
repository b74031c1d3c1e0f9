package scan

import "github.com/ecs-guardrails/ecs-guardrails/shared/finding"

// The codes of the findings that are about the scan itself. All others are those of
// the functions.
const (
	// CodeUnlisted is the finding about a kind that can't be listed.
	CodeUnlisted    = "scan-denied"
	codeBucketLarge = "scan-bucket-large"
)

// Codes are those of this package.
var Codes = []finding.Code{
	{Code: CodeUnlisted, Severity: finding.Warning, Cause: "The scan's credentials may not list roles, task definitions, secrets, tasks or a bucket.", Consequence: "What is wrong there isn't found.", Cure: "Allow the calls of the read-only policy in docs/scan.md to these credentials."},
	{Code: codeBucketLarge, Severity: finding.Info, Cause: "A bucket that no `--bucket` names has more objects than the scan lists.", Cure: "Name the buckets that hold config files with `--bucket`."},
}
