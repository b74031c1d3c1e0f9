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

// Codes lists the codes of this package.
func Codes() []finding.Code { return codes }

var codes = []finding.Code{
	{Code: codeSecret, Severity: finding.Error, Cause: "User data holds a registry credential or an AWS key.", Consequence: "Everyone who can read the user data has the credential.", Cure: "Keep it in Secrets Manager or in an ecs.config in a private bucket, read it from there at boot, and revoke this one."},
	{Code: codeOverwritten, Severity: finding.Error, Cause: "A command empties ecs.config after something was written to it, or a later part of the user data replaces it. It is an error if the cluster's name is lost.", Consequence: "The instance joins the wrong cluster, and its services find no capacity.", Cure: "Append with >> or tee -a."},
	{Code: codeLeadingSpace, Severity: finding.Error, Cause: "Something stands before #!, and the script doesn't run.", Consequence: "The script doesn't run, and the instance boots without its settings.", Cure: "Begin the user data with #!/bin/bash at the first byte."},
	{Code: codeTwoHeaders, Severity: finding.Error, Cause: "#cloud-config comes after #!, where it is a comment.", Consequence: "The cloud-config isn't read, and the instance boots without its settings.", Cure: "Delete the #! line, or write a MIME multi-part archive with one part for each."},
	{Code: codeHeader, Severity: finding.Warning, Cause: "User data begins with neither #! nor #cloud-config, and cloud-init ignores it.", Consequence: "The script doesn't run, and the instance boots without its settings.", Cure: "Begin the user data with #!/bin/bash."},
	{Code: codeTooLarge, Severity: finding.Error, Cause: "User data is larger than EC2 takes.", Consequence: "No instance can be launched.", Cure: "Shorten it, compress it with gzip, or fetch the script from S3."},
	{Code: codeCloudConfig, Severity: finding.Error, Cause: "The cloud-config isn't valid YAML, and cloud-init ignores all of it.", Consequence: "Instances that boot with this file never join their cluster.", Cure: "Correct the YAML. Check it with: cloud-init schema --config-file FILE"},
	{Code: codeScript, Severity: finding.Warning, Cause: "A shell script has a syntax error, at which the shell stops.", Consequence: "The script doesn't run, or stops half-way, and the instance boots without its settings.", Cure: "Correct the syntax. Check it with: bash -n FILE"},
	{Code: codeQuotesRemoved, Severity: finding.Error, Cause: "The shell takes away the quotes of JSON that isn't quoted itself.", Consequence: "The setting is lost. If the agent needs it, the instance doesn't join or can't pull.", Cure: "Put the whole assignment in single quotes."},
	{Code: codeTOML, Severity: finding.Error, Cause: "Bottlerocket's settings aren't valid TOML, and the instance doesn't join.", Consequence: "Instances that boot with this file never join their cluster.", Cure: "Correct the line. Text needs double quotes."},
	{Code: codeSetting, Severity: finding.Warning, Cause: "A setting of settings.ecs that Bottlerocket doesn't have.", Consequence: "Bottlerocket may refuse the user data as a whole, and the instance doesn't join its cluster.", Cure: "Correct the name, or delete the line."},
	{Code: codeParameter, Severity: finding.Warning, Cause: "A parameter that Initialize-ECSAgent doesn't have.", Consequence: "PowerShell refuses the call, and the agent isn't started.", Cure: "Correct the name, or set the agent's variable with [Environment]::SetEnvironmentVariable(\"NAME\", \"VALUE\", \"Machine\")."},
	{Code: codeScope, Severity: finding.Warning, Cause: "PowerShell sets a variable of the agent for its own process or user, not for the machine.", Consequence: "The agent doesn't see the variable, and uses its default.", Cure: "Write [Environment]::SetEnvironmentVariable(\"NAME\", \"VALUE\", \"Machine\") before Initialize-ECSAgent."},
	{Code: codeEdited, Severity: finding.Info, Cause: "A command changes ecs.config in a way that isn't followed.", Cure: "Write the finished file instead."},
	{Code: codeElsewhere, Severity: finding.Info, Cause: "The configuration, or a part of it, comes from a file elsewhere.", Cure: "Check that file, too."},
	{Code: codeUnknown, Severity: finding.Info, Cause: "A value is known only when a template is filled in or an instance boots.", Cure: "Check the finished user data, too."},
	{Code: codeTemplateUnread, Severity: finding.Info, Cause: "A template can't be read before it is filled in.", Cure: "Check the finished user data, too."},
	{Code: codeNoECS, Severity: finding.Info, Cause: "The user data sets up no ECS agent.", Cure: "Nothing, unless it is meant for an ECS instance."},
}
