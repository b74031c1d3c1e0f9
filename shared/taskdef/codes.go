package taskdef

import "ecsguardrails/shared/finding"

// Codes are the findings about task definitions, in the order of the README.
var Codes = []finding.Code{
	{Code: "credential-missing", Cause: "a private image's registry is served by a tagged secret, and the container has no `repositoryCredentials`", Cure: "a new revision names the secret"},
	{Code: "credential-differs", Cause: "the container is pulled with another secret than the one that is tagged for its registry", Cure: "none, if it was meant; `REPLACE_CREDENTIALS=yes` replaces it"},
	{Code: "credential-on-ecr-image", Cause: "an image in Amazon ECR has `repositoryCredentials`, which take the place of ECR's token", Cure: "take them away, or let `REPLACE_CREDENTIALS=yes` do it"},
	{Code: "registry-secrets-ambiguous", Cause: "two or more secrets are tagged for the same part of a registry", Cure: "leave the tag on one of them, or give them different paths"},
	{Code: "registry-not-served", Cause: "the image is in a registry that no tagged secret serves, and that is not known for public images", Cure: "none, if the image is public; else tag the secret that holds its credential"},
	{Code: "image-invalid", Cause: "the text under `image` is no image for Docker", Cure: "write `registry/path:tag` or `registry/path@digest`"},
	{Code: "execution-role-missing", Cause: "the definition has, or needs, something that ECS does as the execution role, and names none", Cure: "name one, or set `EXECUTION_ROLE_ARN`"},
	{Code: "superseded", Cause: "the revision is not the latest of its family by now", Cure: "none needed; the latest one is looked at on its own"},
	{Code: "own-registration", Cause: "this stack, or another one like it, registered the revision", Cure: "none needed"},
	{Code: "failed-call", Cause: "the registration failed, so there is no revision", Cure: "none needed"},
	{Code: "other-region", Cause: "the definition is in another region than the function", Cure: "deploy the stack there"},
	{Code: "other-account", Cause: "the definition is in another account than the function", Cure: "deploy the stack there"},
}
