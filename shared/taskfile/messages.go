package taskfile

import "github.com/ecs-guardrails/ecs-guardrails/shared/finding"

// What the findings about a file say.
var (
	// unreadable gets the fix for what the file is instead.
	unreadable = finding.Template{Code: "file-invalid", Severity: finding.Error,
		Message: "The file can't be read: {problem}.",
		Fix:     "Write one JSON value."}
	noTerraform = finding.Template{Code: "file-invalid", Severity: finding.Error,
		Message: "The file can't be read as Terraform's language: {problem}.",
		Fix:     "Run terraform validate, and correct what it reports."}
	noDefinition = finding.Template{Code: "file-invalid", Severity: finding.Error,
		Message: "The file has no task definition: {problem}.",
		Fix:     `Write what "aws ecs register-task-definition --cli-input-json" accepts.`}
	definitionUnreadable = finding.Template{Code: "file-invalid", Severity: finding.Error,
		Message: "The task definition can't be read: {problem}.",
		Fix:     "Compare it with RegisterTaskDefinition in the ECS API reference."}
	otherTool = finding.Template{Code: "file-format-other", Severity: finding.Info,
		Message: "The file isn't checked, because {problem}.",
		Fix:     "Check the task definition that is registered in the end."}
	accountUnchecked = finding.Template{Code: "account-unchecked", Severity: finding.Info,
		Message: "The secrets, roles and images that the files name weren't checked, because there are no AWS credentials, and --secret names no secret.",
		Fix:     "Run it with AWS credentials, or give --secret REGISTRY=ARN."}
	// notLiteral gets the fix for what gives the containers.
	notLiteral = finding.Template{Code: "file-not-literal", Severity: finding.Info,
		Message: "Can't check {definition}: {problem}."}

	fieldTwice = finding.Template{Code: "file-field-twice", Severity: finding.Warning,
		Message: "The field {field} is there more than once, and only the last one counts.",
		Fix:     "Keep the one that is meant."}
	fieldMisspelt = finding.Template{Code: "file-field-unknown", Severity: finding.Warning,
		Message: "ECS knows no field {field}.",
		Fix:     "Write {name}."}
	fieldUnknown = finding.Template{Code: "file-field-unknown", Severity: finding.Warning,
		Message: "This version of the check doesn't know the field {field}. It is newer, or ECS has no such field.",
		Fix:     "Look the field up under RegisterTaskDefinition in the ECS API reference. It stays as it is."}
	typeLenient = finding.Template{Code: "file-type-lenient", Severity: finding.Info,
		Message: "The field {field} is read as {type}, which the AWS CLI doesn't do.",
		Fix:     "Write it as {type}."}
	typeWrong = finding.Template{Code: "file-type-wrong", Severity: finding.Error,
		Message: "The field {field} has another type than ECS accepts.",
		Fix:     "Look the field up under RegisterTaskDefinition in the ECS API reference."}
	fieldPlaceholder = finding.Template{Code: "file-placeholder", Severity: finding.Info,
		Message: "The field {field} is a placeholder, so it isn't checked.",
		Fix:     "Check the file that is made from this one, too."}
)
