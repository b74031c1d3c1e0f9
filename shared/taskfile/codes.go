package taskfile

import "ecsguardrails/shared/finding"

// Codes are the findings about files, besides those about the definitions in
// them, in the order of the README.
var Codes = []finding.Code{
	{Code: "file-invalid", Cause: "`--file`: the file is none of the formats that are read, or has no task definition in it", Cure: "write what `aws ecs register-task-definition --cli-input-json` takes"},
	{Code: "file-not-literal", Cause: "`--file`: another file, or a program, gives the container definitions", Cure: "judge that file, or what the program makes: `terraform show -json PLAN`, `cdk synth`"},
	{Code: "file-field-unknown", Cause: "`--file`: ECS has no such field, and the AWS command line refuses it", Cure: "see the finding for the right spelling, or take the field away"},
	{Code: "file-field-twice", Cause: "`--file`: a field stands more than once in the same object, and only the last one counts", Cure: "leave the one that is meant"},
	{Code: "file-type-wrong", Cause: "`--file`: a value has another type than ECS takes", Cure: "see the API reference of RegisterTaskDefinition"},
	{Code: "file-type-lenient", Cause: "`--file`: a value has another type than ECS takes, and was understood all the same", Cure: "write it as the finding says"},
}
