package userdata

import "github.com/ecs-guardrails/ecs-guardrails/shared/finding"

// readers ends a message about a credential.
const readers = " Everyone who may call ec2:DescribeInstanceAttribute or ec2:DescribeLaunchTemplateVersions, and every process on the instance, can read it."

// What the findings about user data say. {name} is a variable, unless the text says
// otherwise; {expression} is what a value depends on.
var (
	secretWritten = finding.Template{Code: codeSecret, Severity: finding.Error,
		Message: "The value of {name} is written out in user data." + readers,
		Fix:     "Keep it in Secrets Manager or in an ecs.config in a private bucket, read it from there at boot, and revoke this one."}
	loginWritten = finding.Template{Code: codeSecret, Severity: finding.Error,
		Message: "The password of docker login is written out in user data." + readers,
		Fix:     secretWritten.Fix}
	registryPasswordWritten = finding.Template{Code: codeSecret, Severity: finding.Error,
		Message: "A registry password is written out in user data." + readers,
		Fix:     secretWritten.Fix}

	overwritten = finding.Template{Code: codeOverwritten, Severity: finding.Warning,
		Message: "This empties ecs.config, and loses settings written before: {names}.",
		Fix:     "Append with >> or tee -a."}
	clusterOverwritten = finding.Template{Code: codeOverwritten, Severity: finding.Error,
		Message: overwritten.Message, Fix: overwritten.Fix}
	// {list} is write_files or another key of cloud-config whose value is a list.
	partReplaced = finding.Template{Code: codeOverwritten, Severity: finding.Error,
		Message: "cloud-init merges the parts of the user data, and this {list} replaces that of an earlier part, which writes ecs.config. Nothing of the earlier one is carried out.",
		Fix:     "Add merge_how: [{name: list, settings: [append]}, {name: dict, settings: [no_replace, recurse_list]}] to this document, as a line."}
	edited = finding.Template{Code: codeEdited, Severity: finding.Info,
		Message: "Can't check what {command} makes of ecs.config."}
	fetched = finding.Template{Code: codeElsewhere, Severity: finding.Info,
		Message: "The configuration comes from {place}, which isn't checked here."}
	partElsewhere = finding.Template{Code: codeElsewhere, Severity: finding.Info,
		Message: "A part of the configuration isn't checked, because it depends on {expression}."}
	valueUnknown = finding.Template{Code: codeUnknown, Severity: finding.Info,
		Message: "Can't check {name}, because its value depends on {expression}."}
	valueAlsoUnknown = finding.Template{Code: codeUnknown, Severity: finding.Info,
		Message: "The value of {name} depends on {expression}."}
	valuesAlsoUnknown = finding.Template{Code: codeUnknown, Severity: finding.Info,
		Message: "The same is true of {count}."}
	withoutECS = finding.Template{Code: codeNoECS, Severity: finding.Info,
		Message: "Nothing here writes ecs.config or starts the ECS agent."}

	leadingSpace = finding.Template{Code: codeLeadingSpace, Severity: finding.Error,
		Message: `White space stands before #!. cloud-init hands the script to the kernel, which refuses it ("Exec format error"), and nothing of it runs.`,
		Fix:     "Begin the user data with #!/bin/bash at the first byte."}
	twoHeaders = finding.Template{Code: codeTwoHeaders, Severity: finding.Error,
		Message: "The first line makes this a shell script. #cloud-config is a comment here, and what follows isn't read as cloud-config.",
		Fix:     "Delete the #! line, or write a MIME multi-part archive with one part for each."}
	withoutHeader = finding.Template{Code: codeHeader, Severity: finding.Warning,
		Message: "cloud-init ignores user data that doesn't begin with #! or another header that it knows.",
		Fix:     "Begin the user data with #!/bin/bash."}
	tooLarge = finding.Template{Code: codeTooLarge, Severity: finding.Error,
		Message: "The user data is larger than 16 KiB, and EC2 refuses to launch the instance.",
		Fix:     "Shorten it, compress it with gzip, or fetch the script from S3."}
	cloudConfigInvalid = finding.Template{Code: codeCloudConfig, Severity: finding.Error,
		Message: "This isn't valid YAML. cloud-init ignores the whole document, and the instance doesn't get its ECS configuration.",
		Fix:     "Correct the YAML. Check it with: cloud-init schema --config-file FILE"}
	templateUnread = finding.Template{Code: codeTemplateUnread, Severity: finding.Info,
		Message: "This can be read only when the template is filled in, so it isn't checked."}
	scriptBroken = finding.Template{Code: codeScript, Severity: finding.Warning,
		Message: "The shell can't read the script from here on. What follows doesn't run.",
		Fix:     "Correct the syntax. Check it with: bash -n FILE"}
	// templateBroken is about a script that a template is filled into.
	templateBroken = finding.Template{Code: codeScript, Severity: finding.Info,
		Message: scriptBroken.Message, Fix: scriptBroken.Fix}
	quotesRemoved = finding.Template{Code: codeQuotesRemoved, Severity: finding.Error,
		Message: "The shell removes the double quotes inside the value of {name}, so that what arrives in ecs.config isn't JSON.",
		Fix:     `Put the whole assignment in single quotes: echo 'NAME={"key":"value"}' >> /etc/ecs/ecs.config`}

	tomlInvalid = finding.Template{Code: codeTOML, Severity: finding.Error,
		Message: "This line isn't valid TOML. Bottlerocket refuses the user data, and the instance doesn't join its cluster.",
		Fix:     "Correct the line. Text needs double quotes."}
	settingUnknown = finding.Template{Code: codeSetting, Severity: finding.Warning,
		Message: "settings.ecs has no setting {setting}. Bottlerocket may refuse the user data as a whole.",
		Fix:     "Correct the name, or delete the line."}

	parameterUnknown = finding.Template{Code: codeParameter, Severity: finding.Warning,
		Message: "Initialize-ECSAgent has no parameter {parameter}. PowerShell refuses the call, and the agent isn't started.",
		Fix:     `Correct the name, or set the agent's variable with [Environment]::SetEnvironmentVariable("NAME", "VALUE", "Machine").`}
	notMachine = finding.Template{Code: codeScope, Severity: finding.Warning,
		Message: "This sets {name} for its process or user only. The agent's service, which gets the machine's environment, doesn't see it.",
		Fix:     `Write [Environment]::SetEnvironmentVariable("NAME", "VALUE", "Machine") before Initialize-ECSAgent.`}
)

// unvarying are the messages of the notes that carry no value, by code.
var unvarying = map[string]finding.Template{
	codeLeadingSpace: leadingSpace, codeTwoHeaders: twoHeaders, codeHeader: withoutHeader, codeCloudConfig: cloudConfigInvalid,
	codeTemplateUnread: templateUnread, codeScript: scriptBroken, codeTOML: tomlInvalid,
}
