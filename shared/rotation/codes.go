package rotation

import "ecsguardrails/shared/finding"

// Codes are the findings of rotate-secret, beside the pipeline's own.
var Codes = []finding.Code{
	{Code: "request-malformed", Cause: "`SecretId` or `ClientRequestToken` has not the form that Secrets Manager gives it", Cure: "send what Secrets Manager sends"},
	{Code: "step-unknown", Cause: "`Step` is none of the four steps", Cure: "send one of the four"},
	{Code: "rotation-disabled", Cause: "rotation is not enabled for the secret", Cure: "enable it; nothing was changed"},
	{Code: "version-unknown", Cause: "the secret has no version of the id in `ClientRequestToken`", Cure: "let Secrets Manager make the call"},
	{Code: "version-not-pending", Cause: "the version does not carry `AWSPENDING`", Cure: "rotate anew; take `AWSPENDING` away from the version of an abandoned rotation"},
	{Code: "current-missing", Cause: "no version carries `AWSCURRENT`", Cure: "give the secret the credential that works today"},
	{Code: "already-current", Cause: "the step was asked for again after the rotation had ended", Cure: "none needed"},
	{Code: "already-pending", Cause: "`createSecret` was asked for again", Cure: "none needed"},
	{Code: "already-set", Cause: "the registry takes the new credential already", Cure: "none needed"},
	{Code: "tag-missing", Cause: "the secret lacks a tag that the rotation needs", Cure: "add the tag that the message names"},
	{Code: "tag-malformed", Cause: "a tag of the secret cannot be read, or its image lies in another registry", Cure: "correct the tag that the message names"},
	{Code: "driver-unknown", Cause: "the tag `ecs-guardrails:driver` names no driver", Cure: "write one of those that the message lists"},
	{Code: "driver-needs", Cause: "the driver lacks something that only the secret's owner can tell it", Cure: "add or correct what the message names"},
	{Code: "secret-shape", Cause: "the secret's current value is not `{\"username\": \"…\", \"password\": \"…\"}`", Cure: "write it so"},
	{Code: "pending-empty", Cause: "the pending version has no value, since `createSecret` failed", Cure: "cure what `createSecret` reported and rotate anew"},
	{Code: "pending-differs", Cause: "the pending version names another user or registry than this rotation would", Cure: "find out who wrote it, take `AWSPENDING` away from it, and rotate anew"},
	{Code: "login-succeeded", Cause: "`testSecret` logged in with the new credential; the message shows the realm", Cure: "none needed"},
	{Code: "configuration-tested", Cause: "`testSecret` was asked for alone (`RotateImmediately=false`), and the current credential works", Cure: "none needed"},
	{Code: "login-refused", Cause: "the registry does not take the credential, or does not let it pull the test image", Cure: "see whether the registry read what the driver wrote; the current credential is untouched"},
	{Code: "image-missing", Cause: "the registry does not know the test image, or has no `/v2/`", Cure: "correct the tag `ecs-guardrails:test-image` or `ecs-guardrails:registry`"},
	{Code: "registry-unsafe", Cause: "the registry redirects, or sends credentials to a realm that is not https", Cure: "name the registry's own https address"},
	{Code: "registry-open", Cause: "the registry asks nobody for a credential", Cure: "have it ask; a login would prove nothing"},
	{Code: "registry-answer", Cause: "the registry's answer is not one of the distribution API", Cure: "see whether the tag names a registry"},
	{Code: "htpasswd-missing", Cause: "there is no object where the tag `ecs-guardrails:htpasswd` points", Cure: "correct the tag, or put the file there"},
	{Code: "htpasswd-too-large", Cause: "the object is larger than 8 MiB", Cure: "correct the tag"},
	{Code: "vanished", Cause: "something that the step needs was deleted while it ran", Cure: "see what is missing and rotate anew"},
	{Code: "not-rotated", Cause: "the function runs dry", Cure: "set its mode to `enforce`"},
}
