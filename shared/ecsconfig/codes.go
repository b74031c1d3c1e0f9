package ecsconfig

// The codes of the findings. They are stable: rules and dashboards are written
// against them.
const (
	codeUTF16             = "file-utf-16"
	codeJSONFile          = "file-json"
	codeByteOrderMark     = "file-byte-order-mark"
	codeNULByte           = "file-nul-byte"
	codeNotUTF8           = "file-not-utf-8"
	codeNoFinalNewline    = "final-newline-missing"
	codeTooMany           = "findings-too-many"
	codeDisagree          = "readers-disagree"
	codeDockerRun         = "line-refused-by-docker"
	codeLineIgnored       = "line-ignored"
	codeLineTooLong       = "line-too-long"
	codeMultiLine         = "value-multi-line"
	codeSemicolonComment  = "comment-semicolon"
	codeEmptyName         = "name-empty"
	codeNameMalformed     = "name-malformed"
	codeUnknownVariable   = "variable-unknown"
	codeMisspelt          = "variable-misspelt"
	codeDuplicate         = "variable-duplicate"
	codeWindowsOnly       = "variable-windows-only"
	codeDeprecated        = "variable-deprecated"
	codeInternal          = "variable-internal"
	codeNoEffect          = "setting-without-effect"
	codeEmpty             = "value-empty"
	codeMeansDefault      = "value-means-default"
	codeQuoted            = "value-quoted"
	codeLeadingSpace      = "value-leading-space"
	codeTrailingText      = "value-trailing-text"
	codeLineSeparator     = "value-line-separator"
	codeSwallowed         = "value-swallows-setting"
	codeUnexpanded        = "value-unexpanded"
	codeJSON              = "json-invalid"
	codeJSONQuotes        = "json-quotes"
	codeEscapedQuotes     = "json-escaped-quotes"
	codeJSONTrailing      = "json-trailing-text"
	codeBoolean           = "boolean-invalid"
	codeBooleanSpelling   = "boolean-spelling"
	codeDuration          = "duration-invalid"
	codeDurationMinimum   = "duration-below-minimum"
	codeDurationRange     = "duration-out-of-range"
	codeNegativeJitter    = "jitter-negative"
	codePullTimeout       = "pull-timeout-too-short"
	codeNumber            = "number-invalid"
	codeNumberRange       = "number-out-of-range"
	codeChoice            = "choice-invalid"
	codeLogLevel          = "log-level-invalid"
	codeLoggingDriver     = "logging-driver-unknown"
	codeDockerLog         = "docker-log-option"
	codePorts             = "ports-invalid"
	codeTooManyPorts      = "ports-too-many"
	codePortRange         = "port-range-invalid"
	codeRateLimit         = "rate-limit-invalid"
	codeRoutes            = "routes-invalid"
	codeImages            = "image-never-matches"
	codeCluster           = "cluster-invalid"
	codeClusterEmpty      = "cluster-empty"
	codeClusterRegion     = "cluster-in-other-region"
	codeRegion            = "region-invalid"
	codeRegionMissing     = "region-missing"
	codeAttribute         = "attribute-refused"
	codeTooManyAttributes = "attributes-too-many"
	codeTag               = "tag-refused"
	codeDockerHost        = "docker-host-ignored"
	codeState             = "state-not-kept"
	codeProxy             = "proxy-invalid"
	codeProxyPassword     = "proxy-password"
	codeProxyExceptions   = "proxy-exceptions-missing"
	codeStaticKeys        = "aws-keys-static"
	codeNoCluster         = "cluster-not-set"
	codePath              = "path-not-mounted"
	codeMetadata          = "metadata-disabled"
	codeEndpoint          = "endpoint-invalid"
	codeMisplaced         = "secret-misplaced"
	codeSDK               = "sdk-setting-invalid"
	codeAuthTypeMissing   = "auth-type-missing"
	codeAuthTypeUnknown   = "auth-type-unknown"
	codeAuthDataMissing   = "auth-data-missing"
	codeAuthData          = "auth-data-invalid"
	codeAuthDataType      = "auth-data-type"
	codeAuthNoRegistry    = "auth-registry-missing"
	codeAuthWrapper       = "auth-data-wrapper"
	codeAuthEmpty         = "auth-data-empty"
	codeAuthShape         = "auth-data-shape"
	codeAuthBase64        = "auth-base64"
	codeAuthNoColon       = "auth-colon-missing"
	codeAuthNoUsername    = "auth-username-missing"
	codeAuthNoPassword    = "auth-password-missing"
	codeAuthNewline       = "auth-password-newline"
	codeAuthWhitespace    = "auth-password-whitespace"
	codeAuthPlaceholder   = "auth-placeholder"
	codeAuthHubKey        = "auth-docker-hub-key"
	codeAuthUpperCase     = "auth-key-upper-case"
	codeAuthNeverMatches  = "auth-key-never-matches"
	codeAuthSlash         = "auth-key-trailing-slash"
	codeAuthPaths         = "auth-key-paths"
	codeAuthBoundary      = "auth-key-slash-missing"
	codeAuthTwice         = "auth-key-duplicate"
	codeAuthECR           = "auth-ecr-registry"
)

// Code is one sort of finding, for documentation.
type Code struct{ Code, Cause, Cure string }

// Codes lists every code that a finding can have.
func Codes() []Code { return codes }

var codes = []Code{
	// The file.
	{codeUTF16, "The file is UTF-16, and its variable names have NUL bytes.", "Save it as UTF-8."},
	{codeJSONFile, "The file is JSON.", "Write NAME=VALUE lines, or use ecs.config.json."},
	{codeByteOrderMark, "A byte order mark becomes part of the first name.", "Save the file without one."},
	{codeNULByte, "A NUL byte stops the agent's container if it is in an assignment, and makes systemd ignore the file.", "Remove it."},
	{codeNotUTF8, "Bytes that are not UTF-8 reach the agent as U+FFFD, and make systemd ignore the file.", "Save the file as UTF-8."},
	{codeNoFinalNewline, "The last line has no newline. What user data appends becomes part of its value.", "End the file with a newline."},
	{codeTooMany, "The file has more findings than are shown.", "Correct those, and judge it again."},
	{codeDisagree, "systemd, from which ecs-init takes its own settings, reads a line in another way.", "Write plain values without quotes, backslashes and control characters."},
	{codeDockerRun, "`docker run --env-file` refuses the file because of the line.", "Rewrite the line if you start the agent by hand."},
	{codeNoCluster, `ECS_CLUSTER is not set, and the instance joins the cluster "default". An info for a file in S3, to which user data may add it.`, "Add ECS_CLUSTER."},
	// The lines.
	{codeLineIgnored, "A line has no '=', and every reader ignores it.", "Write NAME=VALUE, or make it a comment."},
	{codeLineTooLong, "A variable has 128 KiB or more, and Linux starts no program with it.", "Shorten the value."},
	{codeMultiLine, "A value goes on over several lines, but only the first one is read.", "Write it on one line."},
	{codeSemicolonComment, "A comment begins with ';', which only systemd understands.", "Begin it with '#'."},
	{codeEmptyName, "A '=' has no name before it, and Docker refuses the agent's container.", "Delete the line, or make it a comment."},
	{codeNameMalformed, "export, spaces, quotes or the like around the name become part of it.", "Write NAME=VALUE and nothing else."},
	{codeUnknownVariable, "No reader of the file knows the variable.", "Delete the line, or correct the name."},
	{codeMisspelt, "The name is nearly that of a known variable, or in the wrong case.", "Write the name that the finding gives."},
	{codeDuplicate, "The variable is set again further down.", "Keep one of the lines."},
	{codeWindowsOnly, "The variable works on Windows only, where ecs.config isn't read.", "Delete the line."},
	{codeDeprecated, "The variable is documented, but no code reads it.", "Delete the line."},
	{codeInternal, "ecs-init sets the variable by itself, or it exists for the agent's own tests.", "Delete the line."},
	{codeNoEffect, "The setting has no effect because of another one.", "Change one of the two."},
	// Values of any kind.
	{codeEmpty, "An empty value overrides what ecs-init sets.", "Delete the line, or write a value."},
	{codeMeansDefault, "A zero or an empty list counts as not set.", "Delete the line, or write another value."},
	{codeQuoted, "The agent keeps quotes as part of the value.", "Write the value without quotes."},
	{codeLeadingSpace, "A space after the '=' is part of the value.", "Write no space there."},
	{codeTrailingText, "A comment, a semicolon or a redirection after the value is part of it.", "Put the comment on a line of its own."},
	{codeLineSeparator, "A line separator, such as a lone CR, ends no line for ecs-init.", "Save the file with LF."},
	{codeSwallowed, "Another setting is inside the value: two on a line, or appended without a newline.", "Begin a new line."},
	{codeUnexpanded, "A template placeholder was not filled in.", "Fill in the template before you upload the file."},
	{codeMisplaced, "A value looks like a credential, in a variable that holds none.", "Revoke the credential, and correct the line."},
	// Values by their type.
	{codeJSON, "JSON doesn't parse, or has the wrong shape.", "Write the JSON that the finding shows."},
	{codeJSONQuotes, "JSON has single or typographic quotes.", "Write straight double quotes."},
	{codeEscapedQuotes, "The quotes of JSON have backslashes before them.", "Write the quotes without them."},
	{codeJSONTrailing, "Text follows the JSON, which the agent ignores.", "End the line after the JSON."},
	{codeBoolean, "A word is neither true nor false to its reader.", "Write true or false."},
	{codeBooleanSpelling, "One reader takes the word for true, and another does not.", "Write true."},
	{codeDuration, "A value is no Go duration: it has no unit, or days, or spaces.", "Write 90s, 30m or 2h."},
	{codeDurationMinimum, "A duration is below the minimum, and is raised or reset.", "Write the minimum or more."},
	{codeDurationRange, "A duration is out of its bounds.", "Write one within the bounds."},
	{codeNegativeJitter, "A negative jitter makes the agent panic when it removes a stopped task.", "Write 0 or more."},
	{codePullTimeout, "No pull ends within the time.", "Write 2h."},
	{codeNumber, "A value is not a number.", "Write digits only."},
	{codeNumberRange, "A number is out of its bounds.", "Write one within the bounds."},
	{codeChoice, "A word is not one of those allowed.", "Write one of the words that the finding lists."},
	{codeLogLevel, "A word is not a log level, or the log library refuses it.", "Write debug, info, warn or error."},
	{codeLoggingDriver, "The agent doesn't know a log driver, and exits at start-up.", "Name only drivers that the finding lists."},
	{codeDockerLog, "An option of the agent's own log is missing or wrong, and Docker refuses the agent's container.", "Write what the finding says."},
	{codePorts, "A list of ports is none, or has something else in it.", "Write [22,8080]."},
	{codeTooManyPorts, "More than 100 ports are reserved, and ECS refuses the registration.", "Reserve fewer."},
	{codePortRange, "A value is not a range of ports.", "Write 32768-60999."},
	{codeRateLimit, "A value is not two whole numbers separated by a comma.", "Write 40,60."},
	{codeRoutes, "A list of networks has something else in it, and the agent exits at start-up.", `Write ["10.0.15.0/24"].`},
	{codeImages, "An image has no tag, or spaces or brackets, and matches none.", "Write name:tag,name:tag."},
	{codeCluster, "A value is neither a cluster name nor a cluster ARN, and the instance never joins.", "Write the cluster's name."},
	{codeClusterEmpty, `ECS_CLUSTER is empty, and the instance joins "default".`, "Write the cluster's name."},
	{codeClusterRegion, "The cluster is in another Region than AWS_DEFAULT_REGION.", "Correct one of the two."},
	{codeRegion, "A value is not a valid Region name.", "Write a Region name, such as us-east-1."},
	{codeRegionMissing, "ECS_EXTERNAL is on without AWS_DEFAULT_REGION, and the agent exits at start-up.", "Add AWS_DEFAULT_REGION."},
	{codeAttribute, "ECS drops an attribute, and the agent exits for good.", "Change its name or value."},
	{codeTooManyAttributes, "There are more than 10 custom attributes, the most that ECS documents for an instance.", "Keep 10 at most."},
	{codeTag, "ECS refuses a tag, and the agent exits for good.", "Correct the tag."},
	{codeDockerHost, "DOCKER_HOST has no scheme, with which the agent exits, or is no unix:// address, which ecs-init ignores.", "Delete the line."},
	{codeState, "ECS_DATADIR is a directory that doesn't exist, or doesn't fit the mounts of task containers.", "Write ECS_DATADIR=/data."},
	{codePath, "ecs-init mounts no such path into the agent's container.", "Write the path that the finding gives."},
	{codeEndpoint, "A value is not a URL, or host, of an AWS API.", "Correct the address, or delete the line."},
	{codeProxy, "A value is not a proxy address, and the agent can't reach ECS.", "Write http://proxy.example.com:3128 without quotes."},
	{codeProxyPassword, "A proxy address has a password.", "Let the proxy recognize its clients by their addresses."},
	{codeProxyExceptions, "HTTP_PROXY also takes the requests to the instance metadata service.", "Add 169.254.169.254 to NO_PROXY."},
	{codeMetadata, "AWS_EC2_METADATA_DISABLED turns off what the agent gets its Region and credentials from.", "Delete the line."},
	{codeSDK, "The AWS SDK, or another library in the agent, can't work with a setting: a profile without a file, a token without a role, a host that it doesn't ask.", "Delete the line, or add what the finding names."},
	{codeStaticKeys, "The file has an AWS access key, which everyone who may read the file can use.", "Delete it, and deactivate the key."},
	// Registry credentials.
	{codeAuthTypeMissing, "ECS_ENGINE_AUTH_DATA is set without ECS_ENGINE_AUTH_TYPE, and the agent has no credentials.", "Write the type that the finding names."},
	{codeAuthTypeUnknown, "The type is neither docker nor dockercfg, and the agent has no credentials.", "Write docker or dockercfg, in lower case."},
	{codeAuthDataMissing, "ECS_ENGINE_AUTH_TYPE is set without ECS_ENGINE_AUTH_DATA.", "Write the data, or delete the type."},
	{codeAuthData, "The data is no JSON, and the agent has no credentials.", "Write one JSON object on one line."},
	{codeAuthDataType, "A number, a list or the like is where the agent wants a string, and it has no credentials.", "Write strings in double quotes."},
	{codeAuthNoRegistry, "A credential is not under a registry, and the agent has no credentials.", `Write {"registry.example.com":{…}} around it.`},
	{codeAuthWrapper, `The data has the "auths" of ~/.docker/config.json, and the agent has no credentials.`, `Write only what is inside "auths".`},
	{codeAuthEmpty, "The data is null or {}.", "Name a registry, or delete both lines."},
	{codeAuthShape, "The data has the shape of the other type.", "Set the type that the finding names."},
	{codeAuthBase64, "auth is not standard base64 with its padding.", "Encode it with printf and base64 -w0."},
	{codeAuthNoColon, "auth is not the base64 of USERNAME:PASSWORD.", "Encode USERNAME:PASSWORD."},
	{codeAuthNoUsername, "A credential has no user name.", "Write the user name."},
	{codeAuthNoPassword, "A credential has no password.", "Write the password."},
	{codeAuthNewline, "A password ends in a newline, as echo leaves it.", "Encode it with printf."},
	{codeAuthWhitespace, "A password begins or ends with white space.", "Remove the white space."},
	{codeAuthPlaceholder, "A credential has a template placeholder that was not filled in.", "Fill in the template before you upload the file."},
	{codeAuthHubKey, "A key for Docker Hub is not the only one that the agent looks up.", "Write https://index.docker.io/v1/."},
	{codeAuthUpperCase, "A key has upper-case letters, but image names have none.", "Write it in lower case."},
	{codeAuthNeverMatches, "No image name begins with the key.", "Write the registry's host."},
	{codeAuthSlash, "A key ends in a slash.", "Write the bare host."},
	{codeAuthPaths, "Keys have a path, and the bare host has no key.", "Add a key for the bare host."},
	{codeAuthBoundary, "A key with a path also serves paths that only begin like it.", "End the key with a slash."},
	{codeAuthTwice, "Two keys are for one registry.", "Keep one of them."},
	{codeAuthECR, "A key is for Amazon ECR, for which the agent gets its own credentials.", "Remove it."},
}
