package userdata

import "github.com/ecs-guardrails/ecs-guardrails/shared/finding"

// The codes of the findings about user data.
const (
	codeSecret         = "secret-in-user-data"
	codeOverwritten    = "config-overwritten"
	codeEdited         = "config-edited"
	codeElsewhere      = "config-from-elsewhere"
	codeUnknown        = "value-not-known"
	codeNoECS          = "user-data-without-ecs"
	codeScript         = "script-syntax"
	codeCloudConfig    = "cloud-config-invalid"
	codeTemplateUnread = "template-not-read"
	codeTOML           = "bottlerocket-toml-invalid"
	codeSetting        = "bottlerocket-setting-unknown"
	codeParameter      = "initialize-parameter-unknown"
	codeScope          = "environment-not-machine"
	codeHeader         = "user-data-header-missing"
	codeTwoHeaders     = "user-data-header-duplicate"
	codeLeadingSpace   = "user-data-leading-space"
	codeQuotesRemoved  = "json-quotes-removed"
	codeTooLarge       = "user-data-too-large"
)

// definition is a code with what its findings have in common. A message of ""
// is made where the finding is.
type definition struct {
	code               string
	severity           finding.Severity
	cause, consequence string
	message, fix       string
}

var definitions = []definition{
	{codeSecret, finding.Error, "User data holds a registry credential or an AWS key.", "Everyone who can read the user data has the credential.", "",
		"Keep it in Secrets Manager or in an ecs.config in a private bucket, read it from there at boot, and revoke this one."},
	{codeOverwritten, finding.Warning, "A command empties ecs.config after something was written to it. An error where the cluster's name is lost.", "The instance joins the wrong cluster, and its services find no capacity.", "",
		"Append with >> or tee -a."},
	{codeLeadingSpace, finding.Error, "Something stands before #!, and the script doesn't run.", "The script doesn't run, or stops half-way, and the instance boots without its settings.",
		"White space stands before #!. cloud-init hands the script to the kernel, which refuses it (\"Exec format error\"), and nothing of it runs.",
		"Begin the user data with #!/bin/bash at the first byte."},
	{codeTwoHeaders, finding.Error, "#cloud-config comes after #!, where it is a comment.", "The script doesn't run, or stops half-way, and the instance boots without its settings.",
		"The first line makes this a shell script. #cloud-config is a comment here, and what follows isn't read as cloud-config.",
		"Delete the #! line, or write a MIME multi-part archive with one part for each."},
	{codeHeader, finding.Warning, "User data begins with neither #! nor #cloud-config, and cloud-init ignores it.", "The script doesn't run, or stops half-way, and the instance boots without its settings.",
		"cloud-init ignores user data that doesn't begin with #! or another header that it knows.",
		"Begin the user data with #!/bin/bash."},
	{codeTooLarge, finding.Error, "User data is larger than EC2 takes.", "No instance can be launched.",
		"The user data is larger than 16 KiB, and EC2 refuses to launch the instance.",
		"Shorten it, compress it with gzip, or fetch the script from S3."},
	{codeCloudConfig, finding.Error, "Cloud-config is no valid YAML, and cloud-init ignores all of it.", "Instances that boot with this file never join their cluster.",
		"This is no valid YAML. cloud-init ignores the whole document, and the instance doesn't get its ECS configuration.",
		"Correct the YAML. Check it with: cloud-init schema --config-file FILE"},
	{codeScript, finding.Warning, "A shell script has a syntax error, at which the shell stops.", "The script doesn't run, or stops half-way, and the instance boots without its settings.",
		"The shell can't read the script from here on. What follows doesn't run.",
		"Correct the syntax. Check it with: bash -n FILE"},
	{codeQuotesRemoved, finding.Error, "The shell takes away the quotes of JSON that isn't quoted itself.", "The setting is lost. If the agent needs it, the instance doesn't join or can't pull.",
		"The shell removes the double quotes inside the value, so that what arrives in ecs.config is no JSON.", ""},
	{codeTOML, finding.Error, "Bottlerocket's settings are no valid TOML, and the instance doesn't join.", "Instances that boot with this file never join their cluster.",
		"This line is no valid TOML. Bottlerocket refuses the user data, and the instance doesn't join its cluster.",
		"Correct the line. Text needs double quotes."},
	{codeSetting, finding.Warning, "A setting of settings.ecs that Bottlerocket doesn't have.", "The agent ignores the value and uses its default.", "",
		"Correct the name, or delete the line."},
	{codeParameter, finding.Warning, "A parameter that Initialize-ECSAgent doesn't have.", "The agent ignores the value and uses its default.", "",
		"Correct the name, or set the agent's variable with [Environment]::SetEnvironmentVariable(…, \"Machine\")."},
	{codeScope, finding.Warning, "PowerShell sets a variable of the agent for its own process or user, not for the machine.", "The agent ignores the value and uses its default.", "",
		"Write [Environment]::SetEnvironmentVariable(\"NAME\", \"VALUE\", \"Machine\") before Initialize-ECSAgent."},
	{codeEdited, finding.Info, "A command changes ecs.config in a way that isn't followed.", "", "", ""},
	{codeElsewhere, finding.Info, "The configuration, or a part of it, comes from a file elsewhere.", "", "", ""},
	{codeUnknown, finding.Info, "A value is known only when a template is filled in or an instance boots.", "", "", ""},
	{codeTemplateUnread, finding.Info, "A template can't be read before it is filled in.", "",
		"This can be read only when the template is filled in, so it isn't checked.", ""},
	{codeNoECS, finding.Info, "The user data sets up no ECS agent.", "",
		"Nothing here writes ecs.config or starts the ECS agent.", ""},
}

// Codes lists the codes of this package.
func Codes() []finding.Code {
	codes := make([]finding.Code, 0, len(definitions))
	for _, d := range definitions {
		cure := d.fix
		switch d.code {
		case codeQuotesRemoved:
			cure = "Put the whole assignment in single quotes."
		case codeEdited:
			cure = "Write the finished file instead."
		case codeElsewhere:
			cure = "Check that file, too."
		case codeUnknown, codeTemplateUnread:
			cure = "Check the finished user data, too."
		case codeNoECS:
			cure = "Nothing, unless it is meant for an ECS instance."
		}
		codes = append(codes, finding.Code{Code: d.code, Severity: d.severity, Cause: d.cause, Consequence: d.consequence, Cure: cure})
	}
	return codes
}

// found makes a finding of a code.
func found(code, message string, line, column int) finding.Finding {
	for _, d := range definitions {
		if d.code == code {
			if message == "" {
				message = d.message
			}
			return finding.Finding{Code: code, Severity: d.severity, Message: message, Fix: d.fix, Line: line, Column: column}
		}
	}
	panic("userdata: the code " + code + " is not defined")
}
