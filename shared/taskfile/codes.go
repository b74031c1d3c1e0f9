package taskfile

import "github.com/ecs-guardrails/ecs-guardrails/shared/finding"

// Codes are the findings about files, besides those about the definitions in
// them, in the order of the README.
var Codes = []finding.Code{
	{Code: "file-invalid", Severity: finding.Error, Cause: "`--file`: the file is none of the formats that are read, or has no task definition in it.", Consequence: "ECS refuses to register the definition.", Cure: "Write what `aws ecs register-task-definition --cli-input-json` takes."},
	{Code: "file-format-other", Severity: finding.Info, Cause: "`--file`: the file is for another tool, such as Docker Compose, or makes no task in ECS.", Cure: "Judge the task definition that is registered in the end."},
	{Code: "account-unchecked", Severity: finding.Info, Cause: "`--file`: there are no AWS credentials and no `--secret`, so the secrets, roles and images that the definition names weren't looked at.", Cure: "Run it with AWS credentials, or name the secrets of registries by `--secret`."},
	{Code: "file-not-literal", Severity: finding.Info, Cause: "`--file`: another file, or a program, gives the container definitions.", Cure: "Judge that file, or what the program makes: `terraform show -json PLAN`, `cdk synth`."},
	{Code: "file-field-unknown", Severity: finding.Warning, Cause: "`--file`: ECS has no such field, and the AWS command line refuses it.", Consequence: "The AWS CLI refuses the file, or ignores a part of it.", Cure: "See the finding for the right spelling, or take the field away."},
	{Code: "file-field-twice", Severity: finding.Warning, Cause: "`--file`: a field stands more than once in the same object, and only the last one counts.", Consequence: "The AWS CLI refuses the file, or ignores a part of it.", Cure: "Leave the one that is meant."},
	{Code: "file-type-wrong", Severity: finding.Error, Cause: "`--file`: a value has another type than ECS takes.", Consequence: "ECS refuses to register the definition.", Cure: "See the API reference of RegisterTaskDefinition."},
	{Code: "file-type-lenient", Severity: finding.Info, Cause: "`--file`: a value has another type than ECS takes, and was understood all the same.", Cure: "Write it as the finding says."},
}
