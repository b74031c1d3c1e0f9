package ecsconfig

// The codes of the findings. They are stable: rules and dashboards are written
// against them.
const (
	codeUTF16             = "utf-16"
	codeJSONFile          = "json-file"
	codeByteOrderMark     = "byte-order-mark"
	codeNULByte           = "nul-byte"
	codeNotUTF8           = "not-utf-8"
	codeNoFinalNewline    = "no-final-newline"
	codeTooMany           = "too-many-findings"
	codeDisagree          = "readers-disagree"
	codeDockerRun         = "docker-run-refuses"
	codeLineIgnored       = "line-ignored"
	codeLineTooLong       = "line-too-long"
	codeMultiLine         = "multi-line-value"
	codeSemicolonComment  = "semicolon-comment"
	codeEmptyName         = "empty-name"
	codeNameMalformed     = "name-malformed"
	codeUnknownVariable   = "unknown-variable"
	codeMisspelt          = "misspelt-variable"
	codeDuplicate         = "duplicate-variable"
	codeWindowsOnly       = "windows-only"
	codeDeprecated        = "deprecated-variable"
	codeInternal          = "internal-variable"
	codeNoEffect          = "setting-without-effect"
	codeEmpty             = "empty-value"
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
	codeNegativeJitter    = "negative-jitter"
	codePullTimeout       = "pull-timeout-too-short"
	codeNumber            = "number-invalid"
	codeNumberRange       = "number-out-of-range"
	codeChoice            = "choice-invalid"
	codeLogLevel          = "log-level-invalid"
	codeLoggingDriver     = "logging-driver-unknown"
	codeDockerLog         = "docker-log-option"
	codePorts             = "ports-invalid"
	codeTooManyPorts      = "too-many-ports"
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
	codeTooManyAttributes = "too-many-attributes"
	codeTag               = "tag-refused"
	codeDockerHost        = "docker-host-ignored"
	codeState             = "state-not-kept"
	codeProxy             = "proxy-invalid"
	codeProxyPassword     = "proxy-password"
	codeProxyExceptions   = "proxy-without-exceptions"
	codeStaticKeys        = "static-aws-keys"
	codeSDK               = "aws-sdk-refuses"
	codeAuthTypeMissing   = "auth-type-missing"
	codeAuthTypeUnknown   = "auth-type-unknown"
	codeAuthDataMissing   = "auth-data-missing"
	codeAuthData          = "auth-data-invalid"
	codeAuthDataType      = "auth-data-type"
	codeAuthNoRegistry    = "auth-data-no-registry"
	codeAuthWrapper       = "auth-data-wrapper"
	codeAuthEmpty         = "auth-data-empty"
	codeAuthShape         = "auth-data-shape"
	codeAuthBase64        = "auth-base64"
	codeAuthNoColon       = "auth-no-colon"
	codeAuthNoUsername    = "auth-no-username"
	codeAuthNoPassword    = "auth-no-password"
	codeAuthNewline       = "auth-password-newline"
	codeAuthWhitespace    = "auth-password-whitespace"
	codeAuthPlaceholder   = "auth-placeholder"
	codeAuthHubKey        = "auth-docker-hub-key"
	codeAuthUpperCase     = "auth-key-upper-case"
	codeAuthNeverMatches  = "auth-key-never-matches"
	codeAuthSlash         = "auth-key-trailing-slash"
	codeAuthPaths         = "auth-key-paths"
	codeAuthBoundary      = "auth-key-boundary"
	codeAuthTwice         = "auth-key-twice"
	codeAuthECR           = "auth-ecr-registry"
)

// Code is one sort of finding, for documentation.
type Code struct{ Code, Cause, Cure string }

// Codes lists every code that a finding can have.
func Codes() []Code { return codes }

var codes = []Code{
	// The file.
	{codeUTF16, "the file is UTF-16, so that NUL bytes are in every name", "save it as UTF-8"},
	{codeJSONFile, "the file is JSON", "write NAME=VALUE lines, or use ecs.config.json"},
	{codeByteOrderMark, "a byte order mark becomes part of the first name", "save the file without one"},
	{codeNULByte, "a NUL byte: fatal in an assignment, and systemd ignores the file", "take it out"},
	{codeNotUTF8, "bytes that are not UTF-8: the agent gets U+FFFD, and systemd ignores the file", "save it as UTF-8"},
	{codeNoFinalNewline, "the last line has no newline, so that whatever is appended becomes part of its value", "end the file with a newline"},
	{codeTooMany, "the file has more findings than are shown", "cure those and judge it again"},
	{codeDisagree, "systemd, which ecs-init takes its own settings from, reads a line in another way", "write plain values without quotes, backslashes and control characters"},
	{codeDockerRun, "docker run --env-file refuses the file because of the line", "rewrite the line if the agent is started by hand"},
	// The lines.
	{codeLineIgnored, "a line without '=', which every reader passes over", "write NAME=VALUE, or make it a comment"},
	{codeLineTooLong, "a variable of 128 KiB or more, which Linux starts no program with", "shorten the value"},
	{codeMultiLine, "a value over several lines, of which only the first is read", "write it on one line"},
	{codeSemicolonComment, "a comment that begins with ';', which only systemd knows", "begin it with '#'"},
	{codeEmptyName, "a '=' with no name before it, for which Docker refuses the agent's container", "delete the line, or make it a comment"},
	{codeNameMalformed, "export, spaces, quotes or the like around the name become part of it", "write NAME=VALUE and nothing else"},
	{codeUnknownVariable, "a variable that no reader of the file knows", "delete the line, or correct the name"},
	{codeMisspelt, "a name that is nearly that of a known variable, or in the wrong case", "write the name that the finding gives"},
	{codeDuplicate, "a variable that is set again further down", "keep one of the lines"},
	{codeWindowsOnly, "a variable that works on Windows only, where no ecs.config is read", "delete the line"},
	{codeDeprecated, "a variable that is documented and that no code reads", "delete the line"},
	{codeInternal, "a variable that ecs-init sets by itself, or that exists for the agent's own tests", "delete the line"},
	{codeNoEffect, "a setting that is not read because of another one", "change one of the two"},
	// Values of any kind.
	{codeEmpty, "an empty value, which overrides what ecs-init sets", "delete the line, or write a value"},
	{codeMeansDefault, "a zero or an empty list, which counts as not set", "delete the line, or write another value"},
	{codeQuoted, "quotes, which the agent keeps as part of the value", "write the value without quotes"},
	{codeLeadingSpace, "a space after the '=', which is part of the value", "write no space there"},
	{codeTrailingText, "a comment, a semicolon or a redirection after the value, which is part of it", "put the comment on a line of its own"},
	{codeLineSeparator, "a line separator that ends no line for ecs-init, such as a lone CR", "save the file with LF"},
	{codeSwallowed, "another setting inside the value: two on a line, or appended without a newline", "begin a new line"},
	{codeUnexpanded, "a template's placeholder that nobody filled in", "fill the template in before the upload"},
	// Values by their type.
	{codeJSON, "JSON that does not parse, or of the wrong shape", "write the JSON that the finding shows"},
	{codeJSONQuotes, "single or typographic quotes in JSON", "write straight double quotes"},
	{codeEscapedQuotes, "backslashes before the quotes of JSON", "write the quotes without them"},
	{codeJSONTrailing, "text after the JSON, which the agent leaves alone", "end the line after the JSON"},
	{codeBoolean, "a word that is neither true nor false to its reader", "write true or false"},
	{codeBooleanSpelling, "a word that one reader takes for true and another does not", "write true"},
	{codeDuration, "a text that is no Go duration: no unit, days, spaces", "write 90s, 30m or 2h"},
	{codeDurationMinimum, "a duration below the minimum, which is raised or reset", "write the minimum or more"},
	{codeDurationRange, "a duration outside its bounds", "write one within the bounds"},
	{codeNegativeJitter, "a negative jitter, over which the agent panics when a task is cleaned up", "write 0 or more"},
	{codePullTimeout, "a time for pulls in which none ends", "write 2h"},
	{codeNumber, "a text that is no number", "write digits only"},
	{codeNumberRange, "a number outside its bounds", "write one within the bounds"},
	{codeChoice, "a word that is none of those allowed, exact in case", "write one of the words that the finding lists"},
	{codeLogLevel, "a log level that is none, or that the log library refuses", "write debug, info, warn or error"},
	{codeLoggingDriver, "a log driver that the agent does not know, with which it does not start", "name only drivers that the finding lists"},
	{codeDockerLog, "an option of the agent's own log that is missing or that Docker may refuse", "write what the finding says"},
	{codePorts, "a list of ports that is not one, or has something else in it", "write [22,8080]"},
	{codeTooManyPorts, "more than 100 reserved ports, which ECS refuses", "reserve fewer"},
	{codePortRange, "a text that is no range of ports", "write 32768-60999"},
	{codeRateLimit, "a text that is not two whole numbers with a comma between", "write 40,60"},
	{codeRoutes, "a list of networks with something else in it, with which the agent does not start", `write ["10.0.15.0/24"]`},
	{codeImages, "an image without a tag or with spaces, which matches none", "write name:tag,name:tag"},
	{codeCluster, "a text that is no cluster's name or ARN: the instance never joins", "write the cluster's name"},
	{codeClusterEmpty, `an empty ECS_CLUSTER: the instance joins "default"`, "write the cluster's name"},
	{codeClusterRegion, "a cluster of another region than AWS_DEFAULT_REGION", "correct one of the two"},
	{codeRegion, "a text that has not the form of a region", "write a region, as in us-east-1"},
	{codeRegionMissing, "ECS_EXTERNAL without AWS_DEFAULT_REGION, with which the agent does not start", "add AWS_DEFAULT_REGION"},
	{codeAttribute, "an attribute that ECS drops, after which the agent exits for good", "give it another name or value"},
	{codeTooManyAttributes, "more than 10 custom attributes, the most that ECS documents for an instance", "keep 10 at most"},
	{codeTag, "a tag that ECS refuses, after which the agent exits for good", "correct the tag"},
	{codeDockerHost, "a DOCKER_HOST that is no unix:// address, which ecs-init does not take", "write unix:///var/run/docker.sock, or delete the line"},
	{codeState, "a state directory that is not mounted", "write ECS_DATADIR=/data"},
	{codeProxy, "a text that is no proxy's address: the agent cannot reach ECS", "write http://host:port without quotes"},
	{codeProxyPassword, "a password in the proxy's address", "let the proxy know its clients by their addresses"},
	{codeProxyExceptions, "a proxy without the exceptions that the agent needs", "add NO_PROXY=169.254.169.254,169.254.170.2,/var/run/docker.sock"},
	{codeSDK, "a setting of the AWS SDK that it cannot load with, after which the agent does not start: AWS_PROFILE without a file, a token without a role, a URL that is none", "delete the line, or add what the finding names"},
	{codeStaticKeys, "AWS keys in the file, which replace the instance role", "delete them, and make them invalid"},
	// Registry credentials.
	{codeAuthTypeMissing, "ECS_ENGINE_AUTH_DATA without ECS_ENGINE_AUTH_TYPE: no credentials at all", "write the type that the finding names"},
	{codeAuthTypeUnknown, "a type that is neither docker nor dockercfg: no credentials at all", "write docker or dockercfg, in lower case"},
	{codeAuthDataMissing, "ECS_ENGINE_AUTH_TYPE without ECS_ENGINE_AUTH_DATA", "write the data, or delete the type"},
	{codeAuthData, "data that is no JSON: no credentials at all", "write one JSON object on one line"},
	{codeAuthDataType, "a number, list or the like where text is wanted: no credentials at all", "write text in double quotes"},
	{codeAuthNoRegistry, "a credential that is not under a registry: no credentials at all", `write {"registry.example.com":{…}} around it`},
	{codeAuthWrapper, `the "auths" of ~/.docker/config.json: no credentials at all`, `write what is inside "auths" alone`},
	{codeAuthEmpty, "null or {}", "name a registry, or delete both lines"},
	{codeAuthShape, "the data has the shape of the other type", "set the type that the finding names"},
	{codeAuthBase64, "auth is no standard base64 with its padding", "encode it with printf and base64 -w0"},
	{codeAuthNoColon, "auth holds no USERNAME:PASSWORD", "encode USERNAME:PASSWORD"},
	{codeAuthNoUsername, "a credential without a user name", "write the user name"},
	{codeAuthNoPassword, "a credential without a password", "write the password"},
	{codeAuthNewline, "a password that ends in a newline, as echo leaves it", "encode it with printf"},
	{codeAuthWhitespace, "a password that begins or ends with white space", "take the white space away"},
	{codeAuthPlaceholder, "a template's text in a credential that nobody filled in", "fill the template in before the upload"},
	{codeAuthHubKey, "a key for Docker Hub other than the only one that is looked up", "write https://index.docker.io/v1/"},
	{codeAuthUpperCase, "a key with upper-case letters, which no image has", "write it in lower case"},
	{codeAuthNeverMatches, "a key that no image's name begins with", "write the registry's host"},
	{codeAuthSlash, "a key that ends in a slash", "write the bare host"},
	{codeAuthPaths, "keys with a path, and none for the bare host", "add a key for the bare host"},
	{codeAuthBoundary, "a key with a path that serves longer paths too", "end the key with a slash"},
	{codeAuthTwice, "two keys for one registry", "keep one of them"},
	{codeAuthECR, "a key for Amazon ECR, where the agent gets its own credentials", "take it out"},
}
