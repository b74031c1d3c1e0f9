package dockerhub

import "github.com/ecs-guardrails/ecs-guardrails/shared/finding"

// rightsUnknown is said where the tokens in use have different rights.
var rightsUnknown = finding.Template{Code: "driver-needs", Severity: finding.Error,
	Message: "Can't tell what the next access token must be able to pull: the organization has several tokens with different rights, and Docker Hub doesn't say which one the secret holds.",
	Fix:     "List it in the secret's tag " + ResourcesTag + ": acme/web for a repository, acme/ for all of the organization's, public for public images. Or delete tokens that nothing uses."}
