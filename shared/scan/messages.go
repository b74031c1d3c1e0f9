package scan

import "github.com/ecs-guardrails/ecs-guardrails/shared/finding"

// What the findings about the scan itself say.
var (
	kindUnlisted = finding.Template{Code: CodeUnlisted, Severity: finding.Warning,
		Message: "Can't list {kind}: {reason}.",
		Fix:     "Allow the calls of the read-only policy in docs/scan.md to these credentials."}
	bucketUnlisted = finding.Template{Code: CodeUnlisted, Severity: finding.Warning,
		Message: "Can't list the bucket {bucket}: {reason}.",
		Fix:     kindUnlisted.Fix}
	bucketLarge = finding.Template{Code: codeBucketLarge, Severity: finding.Info,
		Message: "Only the first {count} of the bucket {bucket} were listed.",
		Fix:     "Name the buckets that hold config files, as in --bucket {argument}."}
)
