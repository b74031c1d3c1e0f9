package environmentfile

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

// Code is one sort of finding, for documentation.
type Code struct{ Code, Cause, Cure string }

// Codes lists every code that a finding can have.
func Codes() []Code { return codes }

var codes = []Code{
	{codeExtension, "The file name doesn't end in .env, and ECS refuses it.", "Rename the file."},
	{codeUTF16, "The file is UTF-16. Its variable names have NUL bytes, and the container can't be created.", "Save it as UTF-8."},
	{codeByteOrderMark, "A byte order mark becomes part of the first name.", "Save the file without one."},
	{codeNULByte, "An assignment has a NUL byte, and the container can't be created.", "Remove it."},
	{codeNotUTF8, "Bytes that are not UTF-8 reach the container as U+FFFD.", "Save the file as UTF-8."},
	{codeLongLine, "A line has 64 KiB or more, and the agent gives up reading the file.", "Shorten the line."},
	{codeIgnored, "A line has no '=', and the agent ignores it.", "Write NAME=VALUE, or make it a comment."},
	{codeIndentedComment, "White space stands before a comment's '#', and the line becomes a variable.", "Remove the white space."},
	{codeEmptyName, "A '=' has no name before it, and the agent ignores the line.", "Write a name, or make it a comment."},
	{codeName, "export, white space or quotes around the name become part of it.", "Write NAME=VALUE and nothing else."},
	{codeUnusualName, "No shell can read a variable of this name.", "Use letters, digits and '_'."},
	{codeSetByECS, "ECS sets the variable itself.", "Delete the line."},
	{codeDuplicate, "The variable is set again further down.", "Keep one of the lines."},
	{codeMultiLine, "A value goes on over several lines, but only the first one is read.", "Write it on one line, or keep it as a secret."},
	{codeLineSeparator, "A line separator, such as a lone CR, ends no line for the agent.", "Save the file with LF."},
	{codeQuoted, "The agent keeps quotes as part of the value.", "Write the value without quotes."},
	{codeWhitespace, "White space at an end of the value is part of it.", "Remove it."},
	{codeComment, "A comment after the value is part of it.", "Put it on a line of its own."},
	{codeUnexpanded, "Nothing expands a reference to a variable.", "Write the value itself."},
	{codePath, "PATH replaces the image's own path, and nothing expands $PATH.", "Delete the line, or write the whole path."},
	{codeEscape, `\n stays a backslash and an n.`, "Keep a value of several lines as a secret."},
	{codeStaticKeys, "The file has an AWS access key, which the SDKs take before the task's role.", "Delete it, and deactivate the key."},
	{codeTooMany, "The file has more findings than are shown.", "Correct those, and judge it again."},
}
