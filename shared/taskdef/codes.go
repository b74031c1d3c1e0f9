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
	{Code: "credential-invalid", Cause: "`credentialsParameter` is empty, or can be neither a secret's ARN nor its name", Cure: "name the secret by its ARN"},
	{Code: "credential-in-other-account", Cause: "the secret is in another account or partition; ECS reads those of its own account only", Cure: "keep a copy in this account, and name that"},
	{Code: "credential-in-other-region", Cause: "the secret is in another region, which has to answer before a task can start", Cure: "replicate the secret, and name the replica"},
	{Code: "name-invalid", Cause: "the family or a container has a name that ECS refuses", Cure: "use 1 to 255 letters, digits, hyphens and underscores"},
	{Code: "name-used-twice", Cause: "two containers have the same name", Cure: "give each container a name of its own"},
	{Code: "environment-file-invalid", Cause: "an environment file has another type than `s3`, is not named by an object's ARN, or does not end in `.env`", Cure: "write the object's ARN, and call the object `….env`"},
	{Code: "environment-files-too-many", Cause: "the definition has more than 10 environment files", Cure: "put the variables of several files into one"},
	{Code: "windows-host-port-80", Cause: "a container takes port 80 of a Windows instance, at which the agent gives out task roles; an error where the definition has a task role", Cure: "take another host port, and let a load balancer listen on port 80"},
	{Code: "windows-task-role-missing", Cause: "a Windows container runs the script that makes a way to the task role, and there is none", Cure: "name the role in `taskRoleArn`"},
	{Code: "windows-field-unsupported", Cause: "a field has no effect on Windows, or keeps the task from starting there", Cure: "take the field away"},
	{Code: "field-withdrawn", Cause: "the definition needs a new revision, but has fields that ECS does not take any more", Cure: "register a revision without them"},
	{Code: "field-unknown", Cause: "the definition needs a new revision, but ECS described a field that this version of the function would lose", Cure: "update ECS Guardrails; the finding has the change as a JSON patch"},
	{Code: "owned-by-cloudformation", Cause: "the definition needs a new revision, but belongs to a CloudFormation stack", Cure: "make the change in the template, the finding has it as a JSON patch; or set `PATCH_CLOUDFORMATION=yes`"},
	{Code: "file-invalid", Cause: "`--file`: the file is not JSON, or has no task definition in it", Cure: "write what `aws ecs register-task-definition --cli-input-json` takes"},
	{Code: "file-field-unknown", Cause: "`--file`: ECS has no such field, and the AWS command line refuses it", Cure: "see the finding for the right spelling, or take the field away"},
	{Code: "file-type-wrong", Cause: "`--file`: a value has another type than ECS takes", Cure: "see the API reference of RegisterTaskDefinition"},
	{Code: "file-type-lenient", Cause: "`--file`: a value has another type than ECS takes, and was understood all the same", Cure: "write it as the finding says"},
	{Code: "file-placeholder", Cause: "`--file`: a value is to be filled in later", Cure: "judge the finished file, too"},
	{Code: "superseded", Cause: "the revision is not the latest of its family by now", Cure: "none needed; the latest one is looked at on its own"},
	{Code: "own-registration", Cause: "this stack, or another one like it, registered the revision", Cure: "none needed"},
	{Code: "failed-call", Cause: "the registration failed, so there is no revision", Cure: "none needed"},
	{Code: "other-region", Cause: "the definition is in another region than the function", Cure: "deploy the stack there"},
	{Code: "other-account", Cause: "the definition is in another account than the function", Cure: "deploy the stack there"},
}
