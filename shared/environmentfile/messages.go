package environmentfile

import "github.com/ecs-guardrails/ecs-guardrails/shared/finding"

// What the findings about an environment file say. {name} is the variable.
var (
	otherExtension = finding.Template{Code: codeExtension, Severity: finding.Error,
		Message: "The file name doesn't end in " + Extension + ". ECS refuses it in environmentFiles.",
		Fix:     "Give the file a name that ends in " + Extension + "."}
	extensionCase = finding.Template{Code: codeExtension, Severity: finding.Error,
		Message: otherExtension.Message,
		Fix:     "Write the extension " + Extension + " in lower case."}

	utf16 = finding.Template{Code: codeUTF16, Severity: finding.Error,
		Message: "The file is UTF-16. Its variable names have NUL bytes, and the container can't be created.",
		Fix:     "Save the file as UTF-8 without a byte order mark."}
	markBeforeName = finding.Template{Code: codeByteOrderMark, Severity: finding.Warning,
		Message: "The byte order mark at the beginning of the file becomes part of the first name. The variable is not set.",
		Fix:     utf16.Fix}
	markBeforeOther = finding.Template{Code: codeByteOrderMark, Severity: finding.Info,
		Message: "The file begins with a byte order mark, which does no harm before a line without '='.",
		Fix:     utf16.Fix}
	nulByte = finding.Template{Code: codeNULByte, Severity: finding.Error,
		Message: "The line has a NUL byte. The container can't be created.",
		Fix:     "Remove the NUL byte."}
	notUTF8 = finding.Template{Code: codeNotUTF8, Severity: finding.Warning,
		Message: "The line has bytes that are not UTF-8. The container gets U+FFFD in their place.",
		Fix:     "Save the file as UTF-8."}
	longLine = finding.Template{Code: codeLongLine, Severity: finding.Error,
		Message: "The line has 64 KiB or more. The agent gives up reading the file, and the task doesn't start.",
		Fix:     "Shorten the line."}

	lineIgnored = finding.Template{Code: codeIgnored, Severity: finding.Warning,
		Message: "The line has no '=', and the agent ignores it.",
		Fix:     "Write NAME=VALUE, or begin the line with '#' if it is a comment."}
	settingIgnored = finding.Template{Code: codeIgnored, Severity: finding.Warning,
		Message: "The agent ignores this line about {name}, because it has no '='.",
		Fix:     lineIgnored.Fix}
	commentIndented = finding.Template{Code: codeIndentedComment, Severity: finding.Info,
		Message: "Only a '#' at the very beginning of a line makes a comment. This line becomes a variable that no program reads.",
		Fix:     "Remove the white space before the '#'."}

	emptyName = finding.Template{Code: codeEmptyName, Severity: finding.Warning,
		Message: "The line has a '=' with no name before it. The agent ignores it.",
		Fix:     "Write a name, or begin the line with '#'."}
	exportInName = finding.Template{Code: codeName, Severity: finding.Warning,
		Message: `"export" becomes part of the name, so this line doesn't set {name}.`,
		Fix:     "Write NAME=VALUE without export."}
	spaceAroundName = finding.Template{Code: codeName, Severity: finding.Warning,
		Message: "The white space around the name becomes part of it, so this line doesn't set {name}.",
		Fix:     "Write NAME=VALUE without white space."}
	quotesInName = finding.Template{Code: codeName, Severity: finding.Warning,
		Message: "White space and quotes become part of the name. Hardly any program reads such a variable.",
		Fix:     "Write NAME=VALUE without white space and quotes."}
	unusualName = finding.Template{Code: codeUnusualName, Severity: finding.Info,
		Message: "The name has characters other than ASCII letters, digits and '_'. No shell can read the variable.",
		Fix:     "Use letters, digits and '_'."}
	setByAgent = finding.Template{Code: codeSetByECS, Severity: finding.Warning,
		Message: "ECS sets {name} itself and then ignores this line. Where ECS doesn't, the value points to nothing.",
		Fix:     "Delete the line."}
	setAgain = finding.Template{Code: codeDuplicate, Severity: finding.Info,
		Message: "Line {line} sets {name} again, and only the last value counts.",
		Fix:     "Keep one of the lines."}

	multiLine = finding.Template{Code: codeMultiLine, Severity: finding.Warning,
		Message: "The value of {name} goes on to line {line}, but the agent ends it at the end of its first line.",
		Fix:     "Write the value on one line, or keep it in Secrets Manager and name it under secrets."}
	lineSeparator = finding.Template{Code: codeLineSeparator, Severity: finding.Warning,
		Message: "The value of {name} has a line separator that ends no line for the agent, such as a lone carriage return.",
		Fix:     "Save the file with newlines (LF)."}
	quoted = finding.Template{Code: codeQuoted, Severity: finding.Warning,
		Message: "The agent keeps the quotes as part of {name}.",
		Fix:     "Write the value without quotes."}
	quoteOpen = finding.Template{Code: codeQuoted, Severity: finding.Info,
		Message: "The value of {name} begins with a quote that nothing closes. The quote is part of the value.",
		Fix:     "Remove the quote, unless you mean it."}
	spaceAtEnd = finding.Template{Code: codeWhitespace, Severity: finding.Info,
		Message: "The white space at an end is part of {name}.",
		Fix:     "Remove it, unless you mean it."}
	commentInValue = finding.Template{Code: codeComment, Severity: finding.Warning,
		Message: "The comment after the value is part of {name}.",
		Fix:     "Put the comment on its own line."}
	pathReplaced = finding.Template{Code: codePath, Severity: finding.Warning,
		Message: "PATH replaces the image's own path, and $PATH stays literal text.",
		Fix:     "Delete the line, or write the whole path."}
	unexpanded = finding.Template{Code: codeUnexpanded, Severity: finding.Info,
		Message: "Nothing expands a variable or a command in an environment file. The program gets the value of {name} as it is.",
		Fix:     "Write the value itself, unless the program expands it."}
	newlineEscaped = finding.Template{Code: codeEscape, Severity: finding.Info,
		Message: `The value of {name} has \n, which stays a backslash and an n.`,
		Fix:     "Keep a value of several lines in Secrets Manager and name it under secrets, unless the program expands it."}
	newlineEscapedInKey = finding.Template{Code: codeEscape, Severity: finding.Warning,
		Message: newlineEscaped.Message, Fix: newlineEscaped.Fix}

	staticKeys = finding.Template{Code: codeStaticKeys, Severity: finding.Error,
		Message: "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are an AWS access key, which everyone who may read the file can use. The AWS SDKs take it before the task's role.",
		Fix:     "Delete both lines, deactivate the key in IAM, and give the task a role."}
)
