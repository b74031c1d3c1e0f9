package userdata

import "ecsguardrails/shared/finding"

// The codes of the findings about user data.
const (
	codeSecret         = "secret-in-user-data"
	codeOverwritten    = "config-overwritten"
	codeEdited         = "config-edited"
	codeElsewhere      = "config-from-elsewhere"
	codeUnknown        = "value-not-known"
	codeScript         = "script-syntax"
	codeCloudConfig    = "cloud-config-invalid"
	codeTemplateUnread = "template-not-read"
	codeTOML           = "bottlerocket-toml-invalid"
	codeSetting        = "bottlerocket-setting-unknown"
	codeParameter      = "initialize-parameter-unknown"
	codeHeader         = "user-data-header-missing"
	codeTwoHeaders     = "user-data-two-headers"
	codeLeadingSpace   = "user-data-leading-space"
	codeLineEndings    = "user-data-line-endings"
	codeQuotesRemoved  = "shell-quotes-removed"
	codeTooLarge       = "user-data-too-large"
)

// definition is a code with what its findings have in common.
type definition struct {
	finding.Code
	severity finding.Severity
}
