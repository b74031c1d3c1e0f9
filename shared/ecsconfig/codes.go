package ecsconfig

import "github.com/ecs-guardrails/ecs-guardrails/shared/finding"

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

// Codes lists every code that a finding can have.
func Codes() []finding.Code { return codes }

var codes = []finding.Code{
	// The file.
	{Code: codeUTF16, Severity: finding.Error, Cause: "The file is UTF-16, and its variable names have NUL bytes.", Consequence: "The agent exits at start-up, and the instance never joins its cluster.", Cure: "Save it as UTF-8."},
	{Code: codeJSONFile, Severity: finding.Error, Cause: "The file is JSON.", Consequence: "Instances that boot with this file never join their cluster.", Cure: "Write NAME=VALUE lines, or use ecs.config.json."},
	{Code: codeByteOrderMark, Severity: finding.Error, Cause: "A byte order mark becomes part of the first name.", Consequence: "The setting is lost. If the agent needs it, the instance doesn't join or can't pull.", Cure: "Save the file without one."},
	{Code: codeNULByte, Severity: finding.Error, Cause: "A NUL byte stops the agent's container if it is in an assignment, and makes systemd ignore the file.", Consequence: "The agent exits at start-up, and the instance never joins its cluster.", Cure: "Remove it."},
	{Code: codeNotUTF8, Severity: finding.Warning, Cause: "Bytes that are not UTF-8 reach the agent as U+FFFD, and make systemd ignore the file.", Consequence: "The setting is lost. If the agent needs it, the instance doesn't join or can't pull.", Cure: "Save the file as UTF-8."},
	{Code: codeNoFinalNewline, Severity: finding.Info, Cause: "The last line has no newline. What user data appends becomes part of its value.", Cure: "End the file with a newline."},
	{Code: codeTooMany, Severity: finding.Info, Cause: "The file has more findings than are shown.", Cure: "Correct those, and judge it again."},
	{Code: codeDisagree, Severity: finding.Warning, Cause: "systemd, from which ecs-init takes its own settings, reads a line in another way.", Consequence: "ecs-init and the agent work with different values, or ecs-init works without the value.", Cure: "Write plain values without quotes, backslashes and control characters."},
	{Code: codeDockerRun, Severity: finding.Info, Cause: "`docker run --env-file` refuses the file because of the line.", Cure: "Rewrite the line if you start the agent by hand."},
	{Code: codeNoCluster, Severity: finding.Warning, Cause: `ECS_CLUSTER is not set, and the instance joins the cluster "default". An info for a file in S3, to which user data may add it.`, Consequence: "The instance joins the wrong cluster, and its services find no capacity.", Cure: "Add ECS_CLUSTER."},
	// The lines.
	{Code: codeLineIgnored, Severity: finding.Error, Cause: "A line has no '=', and every reader ignores it.", Consequence: "The setting is lost. If the agent needs it, the instance doesn't join or can't pull.", Cure: "Write NAME=VALUE, or make it a comment."},
	{Code: codeLineTooLong, Severity: finding.Error, Cause: "A variable has 128 KiB or more, and Linux starts no program with it.", Consequence: "The agent exits at start-up, and the instance never joins its cluster.", Cure: "Shorten the value."},
	{Code: codeMultiLine, Severity: finding.Error, Cause: "A value goes on over several lines, but only the first one is read.", Consequence: "The setting is lost. If the agent needs it, the instance doesn't join or can't pull.", Cure: "Write it on one line."},
	{Code: codeSemicolonComment, Severity: finding.Info, Cause: "A comment begins with ';', which only systemd understands.", Cure: "Begin it with '#'."},
	{Code: codeEmptyName, Severity: finding.Error, Cause: "A '=' has no name before it, and Docker refuses the agent's container.", Consequence: "The agent exits at start-up, and the instance never joins its cluster.", Cure: "Delete the line, or make it a comment."},
	{Code: codeNameMalformed, Severity: finding.Error, Cause: "export, spaces, quotes or the like around the name become part of it.", Consequence: "The setting is lost. If the agent needs it, the instance doesn't join or can't pull.", Cure: "Write NAME=VALUE and nothing else."},
	{Code: codeUnknownVariable, Severity: finding.Warning, Cause: "No reader of the file knows the variable.", Consequence: "The line has no effect. If you meant another variable, that one keeps its default.", Cure: "Delete the line, or correct the name."},
	{Code: codeMisspelt, Severity: finding.Error, Cause: "The name is nearly that of a known variable, or in the wrong case.", Consequence: "The setting is lost. If the agent needs it, the instance doesn't join or can't pull.", Cure: "Write the name that the finding gives."},
	{Code: codeDuplicate, Severity: finding.Info, Cause: "The variable is set again further down.", Cure: "Keep one of the lines."},
	{Code: codeWindowsOnly, Severity: finding.Warning, Cause: "The variable works on Windows only, where ecs.config isn't read.", Consequence: "The line has no effect.", Cure: "Delete the line."},
	{Code: codeDeprecated, Severity: finding.Warning, Cause: "The variable is documented, but no code reads it.", Consequence: "The line has no effect.", Cure: "Delete the line."},
	{Code: codeInternal, Severity: finding.Warning, Cause: "ecs-init sets the variable by itself, or it exists for the agent's own tests.", Consequence: "The agent takes the value for what ecs-init found out, and tasks may fail later.", Cure: "Delete the line."},
	{Code: codeNoEffect, Severity: finding.Warning, Cause: "The setting has no effect because of another one.", Consequence: "The line has no effect.", Cure: "Change one of the two."},
	// Values of any kind.
	{Code: codeEmpty, Severity: finding.Warning, Cause: "An empty value overrides what ecs-init sets.", Consequence: "The agent uses its default, not what ecs-init sets if the line is absent.", Cure: "Delete the line, or write a value."},
	{Code: codeMeansDefault, Severity: finding.Warning, Cause: "A zero or an empty list counts as not set.", Consequence: "The agent ignores the value and uses its default.", Cure: "Delete the line, or write another value."},
	{Code: codeQuoted, Severity: finding.Error, Cause: "The agent keeps quotes as part of the value.", Consequence: "The setting is lost. If the agent needs it, the instance doesn't join or can't pull.", Cure: "Write the value without quotes."},
	{Code: codeLeadingSpace, Severity: finding.Warning, Cause: "A space after the '=' is part of the value.", Consequence: "The agent ignores the value and uses its default.", Cure: "Write no space there."},
	{Code: codeTrailingText, Severity: finding.Error, Cause: "A comment, a semicolon or a redirection after the value is part of it.", Consequence: "The setting is lost. If the agent needs it, the instance doesn't join or can't pull.", Cure: "Put the comment on its own line."},
	{Code: codeLineSeparator, Severity: finding.Error, Cause: "A line separator, such as a lone CR, ends no line for ecs-init.", Consequence: "The setting is lost. If the agent needs it, the instance doesn't join or can't pull.", Cure: "Save the file with LF."},
	{Code: codeSwallowed, Severity: finding.Error, Cause: "Another setting is inside the value: two on a line, or appended without a newline.", Consequence: "The setting is lost. If the agent needs it, the instance doesn't join or can't pull.", Cure: "Begin a new line."},
	{Code: codeUnexpanded, Severity: finding.Error, Cause: "A template placeholder was not filled in.", Consequence: "The setting is lost. If the agent needs it, the instance doesn't join or can't pull.", Cure: "Fill in the template before you upload the file."},
	{Code: codeMisplaced, Severity: finding.Error, Cause: "A value looks like a credential, in a variable that holds none.", Consequence: "Everyone who can read the file, the agent's log or `docker inspect` has the credential.", Cure: "Revoke the credential, and correct the line."},
	// Values by their type.
	{Code: codeJSON, Severity: finding.Error, Cause: "JSON doesn't parse, or has the wrong shape.", Consequence: "The setting is lost. If the agent needs it, the instance doesn't join or can't pull.", Cure: "Write the JSON that the finding shows."},
	{Code: codeJSONQuotes, Severity: finding.Error, Cause: "JSON has single or typographic quotes.", Consequence: "The setting is lost. If the agent needs it, the instance doesn't join or can't pull.", Cure: "Write straight double quotes."},
	{Code: codeEscapedQuotes, Severity: finding.Error, Cause: "The quotes of JSON have backslashes before them.", Consequence: "The setting is lost. If the agent needs it, the instance doesn't join or can't pull.", Cure: "Write the quotes without them."},
	{Code: codeJSONTrailing, Severity: finding.Info, Cause: "Text follows the JSON, which the agent ignores.", Cure: "End the line after the JSON."},
	{Code: codeBoolean, Severity: finding.Error, Cause: "A word is neither true nor false to its reader.", Consequence: "The setting is lost. If the agent needs it, the instance doesn't join or can't pull.", Cure: "Write true or false."},
	{Code: codeBooleanSpelling, Severity: finding.Warning, Cause: "One reader takes the word for true, and another does not.", Consequence: "ecs-init leaves the setting off, and the agent may take it for on.", Cure: "Write true."},
	{Code: codeDuration, Severity: finding.Warning, Cause: "A value is no Go duration: it has no unit, or days, or spaces.", Consequence: "The agent ignores the value and uses its default.", Cure: "Write 90s, 30m or 2h."},
	{Code: codeDurationMinimum, Severity: finding.Warning, Cause: "A duration is below the minimum, and is raised or reset.", Consequence: "The agent uses the minimum, or its default.", Cure: "Write the minimum or more."},
	{Code: codeDurationRange, Severity: finding.Warning, Cause: "A duration is out of its bounds.", Consequence: "The agent ignores the value and uses its default.", Cure: "Write one within the bounds."},
	{Code: codeNegativeJitter, Severity: finding.Error, Cause: "A negative jitter makes the agent panic when it removes a stopped task.", Consequence: "The agent exits at start-up, and the instance never joins its cluster.", Cure: "Write 0 or more."},
	{Code: codePullTimeout, Severity: finding.Error, Cause: "No pull ends within the time.", Consequence: "Every pull of an image fails, or large ones do.", Cure: "Write 2h."},
	{Code: codeNumber, Severity: finding.Error, Cause: "A value is not a number.", Consequence: "The setting is lost. If the agent needs it, the instance doesn't join or can't pull.", Cure: "Write digits only."},
	{Code: codeNumberRange, Severity: finding.Error, Cause: "A number is out of its bounds.", Consequence: "The setting is lost. If the agent needs it, the instance doesn't join or can't pull.", Cure: "Write one within the bounds."},
	{Code: codeChoice, Severity: finding.Error, Cause: "A word is not one of those allowed.", Consequence: "The setting is lost. If the agent needs it, the instance doesn't join or can't pull.", Cure: "Write one of the words that the finding lists."},
	{Code: codeLogLevel, Severity: finding.Warning, Cause: "A word is not a log level, or the log library refuses it.", Consequence: "The agent logs at its default level.", Cure: "Write debug, info, warn or error."},
	{Code: codeLoggingDriver, Severity: finding.Error, Cause: "The agent doesn't know a log driver, and exits at start-up.", Consequence: "The agent exits at start-up, and the instance never joins its cluster.", Cure: "Name only drivers that the finding lists."},
	{Code: codeDockerLog, Severity: finding.Error, Cause: "An option of the agent's own log is missing or wrong, and Docker refuses the agent's container.", Consequence: "The agent exits at start-up, and the instance never joins its cluster.", Cure: "Write what the finding says."},
	{Code: codePorts, Severity: finding.Warning, Cause: "A list of ports is none, or has something else in it.", Consequence: "The agent reserves other ports than you listed, or its default ones.", Cure: "Write [22,8080]."},
	{Code: codeTooManyPorts, Severity: finding.Error, Cause: "More than 100 ports are reserved, and ECS refuses the registration.", Consequence: "The agent exits at start-up, and the instance never joins its cluster.", Cure: "Reserve fewer."},
	{Code: codePortRange, Severity: finding.Warning, Cause: "A value is not a range of ports.", Consequence: "The agent uses the kernel's range of ports.", Cure: "Write 32768-60999."},
	{Code: codeRateLimit, Severity: finding.Warning, Cause: "A value is not two whole numbers separated by a comma.", Consequence: "The agent ignores the value and uses its default.", Cure: "Write 40,60."},
	{Code: codeRoutes, Severity: finding.Error, Cause: "A list of networks has something else in it, and the agent exits at start-up.", Consequence: "The agent exits at start-up, and the instance never joins its cluster.", Cure: `Write ["10.0.15.0/24"].`},
	{Code: codeImages, Severity: finding.Warning, Cause: "An image has no tag, or spaces or brackets, and matches none.", Consequence: "The agent removes images that you want to keep.", Cure: "Write name:tag,name:tag."},
	{Code: codeCluster, Severity: finding.Error, Cause: "A value is neither a cluster name nor a cluster ARN, and the instance never joins.", Consequence: "Instances that boot with this file never join their cluster.", Cure: "Write the cluster's name."},
	{Code: codeClusterEmpty, Severity: finding.Error, Cause: `ECS_CLUSTER is empty, and the instance joins "default".`, Consequence: "The instance joins the wrong cluster, and its services find no capacity.", Cure: "Write the cluster's name."},
	{Code: codeClusterRegion, Severity: finding.Error, Cause: "The cluster is in another Region than AWS_DEFAULT_REGION.", Consequence: "The instance joins the wrong cluster, and its services find no capacity.", Cure: "Correct one of the two."},
	{Code: codeRegion, Severity: finding.Error, Cause: "A value is not a valid Region name.", Consequence: "The agent exits at start-up, and the instance never joins its cluster.", Cure: "Write a Region name, such as us-east-1."},
	{Code: codeRegionMissing, Severity: finding.Error, Cause: "ECS_EXTERNAL is on without AWS_DEFAULT_REGION, and the agent exits at start-up.", Consequence: "The agent exits at start-up, and the instance never joins its cluster.", Cure: "Add AWS_DEFAULT_REGION."},
	{Code: codeAttribute, Severity: finding.Error, Cause: "ECS drops an attribute, and the agent exits for good.", Consequence: "The agent exits at start-up, and the instance never joins its cluster.", Cure: "Change its name or value."},
	{Code: codeTooManyAttributes, Severity: finding.Info, Cause: "There are more than 10 custom attributes, the most that ECS documents for an instance.", Cure: "Keep 10 at most."},
	{Code: codeTag, Severity: finding.Error, Cause: "ECS refuses a tag, and the agent exits for good.", Consequence: "The agent exits at start-up, and the instance never joins its cluster.", Cure: "Correct the tag."},
	{Code: codeDockerHost, Severity: finding.Error, Cause: "DOCKER_HOST has no scheme, with which the agent exits, or is no unix:// address, which ecs-init ignores.", Consequence: "The agent exits at start-up, and the instance never joins its cluster.", Cure: "Delete the line."},
	{Code: codeState, Severity: finding.Error, Cause: "ECS_DATADIR is a directory that doesn't exist, or doesn't fit the mounts of task containers.", Consequence: "The agent exits at start-up, and the instance never joins its cluster.", Cure: "Write ECS_DATADIR=/data."},
	{Code: codePath, Severity: finding.Error, Cause: "ecs-init mounts no such path into the agent's container.", Consequence: "The setting is lost. If the agent needs it, the instance doesn't join or can't pull.", Cure: "Write the path that the finding gives."},
	{Code: codeEndpoint, Severity: finding.Error, Cause: "A value is not a URL, or host, of an AWS API.", Consequence: "The agent exits at start-up, and the instance never joins its cluster.", Cure: "Correct the address, or delete the line."},
	{Code: codeProxy, Severity: finding.Error, Cause: "A value is not a proxy address, and the agent can't reach ECS.", Consequence: "The agent exits at start-up, and the instance never joins its cluster.", Cure: "Write http://proxy.example.com:3128 without quotes."},
	{Code: codeProxyPassword, Severity: finding.Info, Cause: "A proxy address has a password.", Cure: "Let the proxy recognize its clients by their addresses."},
	{Code: codeProxyExceptions, Severity: finding.Error, Cause: "HTTP_PROXY also takes the requests to the instance metadata service.", Consequence: "The agent exits at start-up, and the instance never joins its cluster.", Cure: "Add 169.254.169.254 to NO_PROXY."},
	{Code: codeMetadata, Severity: finding.Error, Cause: "AWS_EC2_METADATA_DISABLED turns off what the agent gets its Region and credentials from.", Consequence: "The agent exits at start-up, and the instance never joins its cluster.", Cure: "Delete the line."},
	{Code: codeSDK, Severity: finding.Error, Cause: "The AWS SDK, or another library in the agent, can't work with a setting: a profile without a file, a token without a role, a host that it doesn't ask.", Consequence: "The agent exits at start-up, and the instance never joins its cluster.", Cure: "Delete the line, or add what the finding names."},
	{Code: codeStaticKeys, Severity: finding.Error, Cause: "The file has an AWS access key, which everyone who may read the file can use.", Consequence: "Everyone who can read the file has the key.", Cure: "Delete it, and deactivate the key."},
	// Registry credentials.
	{Code: codeAuthTypeMissing, Severity: finding.Error, Cause: "ECS_ENGINE_AUTH_DATA is set without ECS_ENGINE_AUTH_TYPE, and the agent has no credentials.", Consequence: "Instances that boot with this file can't pull private images from the registry.", Cure: "Write the type that the finding names."},
	{Code: codeAuthTypeUnknown, Severity: finding.Error, Cause: "The type is neither docker nor dockercfg, and the agent has no credentials.", Consequence: "Instances that boot with this file can't pull private images from the registry.", Cure: "Write docker or dockercfg, in lower case."},
	{Code: codeAuthDataMissing, Severity: finding.Error, Cause: "ECS_ENGINE_AUTH_TYPE is set without ECS_ENGINE_AUTH_DATA.", Consequence: "Instances that boot with this file can't pull private images from the registry.", Cure: "Write the data, or delete the type."},
	{Code: codeAuthData, Severity: finding.Error, Cause: "The data is no JSON, and the agent has no credentials.", Consequence: "Instances that boot with this file can't pull private images from the registry.", Cure: "Write one JSON object on one line."},
	{Code: codeAuthDataType, Severity: finding.Error, Cause: "A number, a list or the like is where the agent wants a string, and it has no credentials.", Consequence: "Instances that boot with this file can't pull private images from the registry.", Cure: "Write strings in double quotes."},
	{Code: codeAuthNoRegistry, Severity: finding.Error, Cause: "A credential is not under a registry, and the agent has no credentials.", Consequence: "Instances that boot with this file can't pull private images from the registry.", Cure: `Write {"registry.example.com":{…}} around it.`},
	{Code: codeAuthWrapper, Severity: finding.Error, Cause: `The data has the "auths" of ~/.docker/config.json, and the agent has no credentials.`, Consequence: "Instances that boot with this file can't pull private images from the registry.", Cure: `Write only what is inside "auths".`},
	{Code: codeAuthEmpty, Severity: finding.Warning, Cause: "The data is null or {}.", Consequence: "Instances that boot with this file can't pull private images from the registry.", Cure: "Name a registry, or delete both lines."},
	{Code: codeAuthShape, Severity: finding.Error, Cause: "The data has the shape of the other type.", Consequence: "Instances that boot with this file can't pull private images from the registry.", Cure: "Set the type that the finding names."},
	{Code: codeAuthBase64, Severity: finding.Error, Cause: "auth is not standard base64 with its padding.", Consequence: "Instances that boot with this file can't pull private images from the registry.", Cure: "Encode it with printf and base64 -w0."},
	{Code: codeAuthNoColon, Severity: finding.Error, Cause: "auth is not the base64 of USERNAME:PASSWORD.", Consequence: "Instances that boot with this file can't pull private images from the registry.", Cure: "Encode USERNAME:PASSWORD."},
	{Code: codeAuthNoUsername, Severity: finding.Error, Cause: "A credential has no user name.", Consequence: "Instances that boot with this file can't pull private images from the registry.", Cure: "Write the user name."},
	{Code: codeAuthNoPassword, Severity: finding.Error, Cause: "A credential has no password.", Consequence: "Instances that boot with this file can't pull private images from the registry.", Cure: "Write the password."},
	{Code: codeAuthNewline, Severity: finding.Error, Cause: "A password ends in a newline, as echo leaves it.", Consequence: "Instances that boot with this file can't pull private images from the registry.", Cure: "Encode it with printf."},
	{Code: codeAuthWhitespace, Severity: finding.Warning, Cause: "A password begins or ends with white space.", Consequence: "Instances that boot with this file can't pull private images from the registry.", Cure: "Remove the white space."},
	{Code: codeAuthPlaceholder, Severity: finding.Error, Cause: "A credential has a template placeholder that was not filled in.", Consequence: "Instances that boot with this file can't pull private images from the registry.", Cure: "Fill in the template before you upload the file."},
	{Code: codeAuthHubKey, Severity: finding.Error, Cause: "A key for Docker Hub is not the only one that the agent looks up.", Consequence: "Instances that boot with this file can't pull private images from the registry.", Cure: "Write https://index.docker.io/v1/."},
	{Code: codeAuthUpperCase, Severity: finding.Error, Cause: "A key has upper-case letters, but image names have none.", Consequence: "Instances that boot with this file can't pull private images from the registry.", Cure: "Write it in lower case."},
	{Code: codeAuthNeverMatches, Severity: finding.Error, Cause: "No image name begins with the key.", Consequence: "Instances that boot with this file can't pull private images from the registry.", Cure: "Write the registry's host."},
	{Code: codeAuthSlash, Severity: finding.Info, Cause: "A key ends in a slash.", Cure: "Write the bare host."},
	{Code: codeAuthPaths, Severity: finding.Error, Cause: "Keys have a path, and the bare host has no key.", Consequence: "Pulls from that host fail at random.", Cure: "Add a key for the bare host."},
	{Code: codeAuthBoundary, Severity: finding.Info, Cause: "A key with a path also serves paths that only begin like it.", Cure: "End the key with a slash."},
	{Code: codeAuthTwice, Severity: finding.Warning, Cause: "Two keys are for one registry.", Consequence: "Instances that boot with this file can't pull private images from the registry.", Cure: "Keep one of them."},
	{Code: codeAuthECR, Severity: finding.Warning, Cause: "A key is for Amazon ECR, for which the agent gets its own credentials.", Consequence: "The agent ignores the entry. It would expire after 12 hours anyway.", Cure: "Remove it."},
}
