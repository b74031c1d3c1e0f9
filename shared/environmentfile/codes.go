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
	codeIndentedComment = "environment-indented-comment"
	codeEmptyName       = "environment-empty-name"
	codeName            = "environment-name-malformed"
	codeUnusualName     = "environment-name-unusual"
	codeSetByECS        = "environment-set-by-ecs"
	codeDuplicate       = "environment-duplicate-variable"
	codeMultiLine       = "environment-multi-line-value"
	codeLineSeparator   = "environment-line-separator"
	codeQuoted          = "environment-value-quoted"
	codeWhitespace      = "environment-value-white-space"
	codeComment         = "environment-value-comment"
	codeUnexpanded      = "environment-value-unexpanded"
	codeStaticKeys      = "environment-static-aws-keys"
	codeTooMany         = "environment-too-many-findings"
)

// Code is one sort of finding, for documentation.
type Code struct{ Code, Cause, Cure string }

// Codes lists every code that a finding can have.
func Codes() []Code { return codes }

var codes = []Code{
	{codeExtension, "the file's name does not end in .env, and ECS refuses it", "rename the file"},
	{codeUTF16, "the file is UTF-16, so that NUL bytes are in every name and the container cannot be created", "save it as UTF-8"},
	{codeByteOrderMark, "a byte order mark becomes part of the first name", "save the file without one"},
	{codeNULByte, "a NUL byte in an assignment, for which the container cannot be created", "take it out"},
	{codeNotUTF8, "bytes that are not UTF-8, for which the container gets U+FFFD", "save the file as UTF-8"},
	{codeLongLine, "a line of 64 KiB or more, at which the agent's reader gives up", "shorten the line"},
	{codeIgnored, "a line without '=', which the agent passes over", "write NAME=VALUE, or make it a comment"},
	{codeIndentedComment, "white space before a comment's '#', so that it becomes a variable", "take the white space away"},
	{codeEmptyName, "a '=' with no name before it, which the agent passes over", "write a name, or make it a comment"},
	{codeName, "export, white space or quotes around the name, which become part of it", "write NAME=VALUE and nothing else"},
	{codeUnusualName, "a name that no shell can read", "use letters, digits and '_'"},
	{codeSetByECS, "a variable that ECS sets itself", "delete the line"},
	{codeDuplicate, "a variable that is set again further down", "keep one of the lines"},
	{codeMultiLine, "a value over several lines, of which only the first is read", "write it on one line, or keep it as a secret"},
	{codeLineSeparator, "a line separator that ends no line for the agent, such as a lone CR", "save the file with LF"},
	{codeQuoted, "quotes, which the agent keeps as part of the value", "write the value without quotes"},
	{codeWhitespace, "white space at an end of the value, which is part of it", "take it away"},
	{codeComment, "a comment after the value, which is part of it", "put it on a line of its own"},
	{codeUnexpanded, "a reference to a variable, which nothing expands", "write the value itself"},
	{codeStaticKeys, "AWS keys, which the SDKs take before the task's role", "delete them, and make them invalid"},
	{codeTooMany, "the file has more findings than are shown", "cure those and judge it again"},
}
