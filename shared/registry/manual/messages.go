package manual

import "github.com/ecs-guardrails/ecs-guardrails/shared/finding"

// credentialAwaited is said when the rotation is due. What is said before that is
// rotation's.
var credentialAwaited = finding.Template{Code: "credential-awaited", Severity: finding.Error,
	Message: "The rotation is due, and there is no new credential for it.",
	Fix:     "Make a new token at the registry, write it into the secret that the tag ecs-guardrails:admin-secret names, and rotate again (steps: docs/registries.md)."}
