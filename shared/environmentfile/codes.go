package environmentfile

import "github.com/ecs-guardrails/ecs-guardrails/shared/finding"

// The codes of the findings. They are stable, and none is one of ecs.config's.
const (
	codeExtension       = "environment-file-extension"
	codeUTF16           = "environment-utf-16"
	codeByteOrderMark   = "environment-byte-order-mark"
	codeNULByte         = "environment-nul-byte"
	codeNotUTF8         = "environment-not-utf-8"
	codeLongLine        = "environment-line-too-long"
	codeIgnored         = "environment-line-ignored"
	codeIndentedComment = "environment-comment-indented"
	codeEmptyName       = "environment-name-empty"
	codeName            = "environment-name-malformed"
	codeUnusualName     = "environment-name-unusual"
	codeSetByECS        = "environment-set-by-ecs"
	codeDuplicate       = "environment-variable-duplicate"
	codeMultiLine       = "environment-value-multi-line"
	codeLineSeparator   = "environment-line-separator"
	codeQuoted          = "environment-value-quoted"
	codeWhitespace      = "environment-value-white-space"
	codeComment         = "environment-value-comment"
	codeUnexpanded      = "environment-value-unexpanded"
	codePath            = "environment-path-replaced"
	codeEscape          = "environment-value-escape"
	codeStaticKeys      = "environment-aws-keys-static"
	codeTooMany         = "environment-findings-too-many"
)

// Codes lists every code that a finding can have.
func Codes() []finding.Code { return codes }

var codes = []finding.Code{
	{Code: codeExtension, Severity: finding.Error, Cause: "The file name doesn't end in .env, and ECS refuses it.", Consequence: "The container can't be created, and tasks don't start.", Cure: "Rename the file."},
	{Code: codeUTF16, Severity: finding.Error, Cause: "The file is UTF-16. Its variable names have NUL bytes, and the container can't be created.", Consequence: "The container can't be created, and tasks don't start.", Cure: "Save it as UTF-8."},
	{Code: codeByteOrderMark, Severity: finding.Warning, Cause: "A byte order mark becomes part of the first name.", Consequence: "The container gets another variable than you wrote, or none.", Cure: "Save the file without one."},
	{Code: codeNULByte, Severity: finding.Error, Cause: "An assignment has a NUL byte, and the container can't be created.", Consequence: "The container can't be created, and tasks don't start.", Cure: "Remove it."},
	{Code: codeNotUTF8, Severity: finding.Warning, Cause: "Bytes that are not UTF-8 reach the container as U+FFFD.", Consequence: "The container gets another variable than you wrote, or none.", Cure: "Save the file as UTF-8."},
	{Code: codeLongLine, Severity: finding.Error, Cause: "A line has 64 KiB or more, and the agent gives up reading the file.", Consequence: "The container can't be created, and tasks don't start.", Cure: "Shorten the line."},
	{Code: codeIgnored, Severity: finding.Warning, Cause: "A line has no '=', and the agent ignores it.", Consequence: "The container gets another variable than you wrote, or none.", Cure: "Write NAME=VALUE, or make it a comment."},
	{Code: codeIndentedComment, Severity: finding.Info, Cause: "White space stands before a comment's '#', and the line becomes a variable.", Cure: "Remove the white space."},
	{Code: codeEmptyName, Severity: finding.Warning, Cause: "A '=' has no name before it, and the agent ignores the line.", Consequence: "The container gets another variable than you wrote, or none.", Cure: "Write a name, or make it a comment."},
	{Code: codeName, Severity: finding.Warning, Cause: "export, white space or quotes around the name become part of it.", Consequence: "The container gets another variable than you wrote, or none.", Cure: "Write NAME=VALUE and nothing else."},
	{Code: codeUnusualName, Severity: finding.Info, Cause: "No shell can read a variable of this name.", Cure: "Use letters, digits and '_'."},
	{Code: codeSetByECS, Severity: finding.Warning, Cause: "ECS sets the variable itself.", Consequence: "The container gets another variable than you wrote, or none.", Cure: "Delete the line."},
	{Code: codeDuplicate, Severity: finding.Info, Cause: "The variable is set again further down.", Cure: "Keep one of the lines."},
	{Code: codeMultiLine, Severity: finding.Warning, Cause: "A value goes on over several lines, but only the first one is read.", Consequence: "The container gets another variable than you wrote, or none.", Cure: "Write it on one line, or keep it as a secret."},
	{Code: codeLineSeparator, Severity: finding.Warning, Cause: "A line separator, such as a lone CR, ends no line for the agent.", Consequence: "The container gets another variable than you wrote, or none.", Cure: "Save the file with LF."},
	{Code: codeQuoted, Severity: finding.Warning, Cause: "The agent keeps quotes as part of the value.", Consequence: "The container gets another variable than you wrote, or none.", Cure: "Write the value without quotes."},
	{Code: codeWhitespace, Severity: finding.Info, Cause: "White space at an end of the value is part of it.", Cure: "Remove it."},
	{Code: codeComment, Severity: finding.Warning, Cause: "A comment after the value is part of it.", Consequence: "The container gets another variable than you wrote, or none.", Cure: "Put it on its own line."},
	{Code: codeUnexpanded, Severity: finding.Info, Cause: "Nothing expands a reference to a variable.", Cure: "Write the value itself."},
	{Code: codePath, Severity: finding.Warning, Cause: "PATH replaces the image's own path, and nothing expands $PATH.", Consequence: "The container finds none of its programs.", Cure: "Delete the line, or write the whole path."},
	{Code: codeEscape, Severity: finding.Warning, Cause: `\n stays a backslash and an n.`, Consequence: "The container gets another variable than you wrote, or none.", Cure: "Keep a value of several lines as a secret."},
	{Code: codeStaticKeys, Severity: finding.Error, Cause: "The file has an AWS access key, which the SDKs take before the task's role.", Consequence: "Everyone who can read the file has the key.", Cure: "Delete it, and deactivate the key."},
	{Code: codeTooMany, Severity: finding.Info, Cause: "The file has more findings than are shown.", Cure: "Correct those, and judge it again."},
}
