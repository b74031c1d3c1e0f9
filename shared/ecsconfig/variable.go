package ecsconfig

import (
	"strings"

	"github.com/agext/levenshtein"
)

// Variable is what is known of one variable.
type Variable struct {
	Name string
	Type Type
	// Default is the agent's on Linux, DefaultWindows that on Windows where it
	// is another. ECSInit is what ecs-init sets before it reads the file, nil
	// for nothing; a bad or an empty value in the file falls back to Default,
	// not to this.
	Default, DefaultWindows string
	ECSInit                 *string
	// Min and Max bound a valid value; "" is no bound.
	Min, Max string
	// Values are the only words that count, exact in case unless the type says
	// otherwise; nil for any.
	Values []string
	// Bad is what a value of the wrong form does.
	Bad Consequence
	// Reader says who reads it.
	Reader Reader
	// Platform is where it works; ecs.config exists on Linux only.
	Platform Platform
	// Deprecated variables are in the documentation and nowhere else.
	Deprecated bool
	// Since is the first agent release that has it, "" for always or unknown.
	Since string
	// Does says in a few words what it is for.
	Does string
}

// Type is the form that a value must have.
type Type string

// The types, with the Go function that decides about a value.
const (
	Boolean       Type = "boolean"           // strconv.ParseBool: 1 t T TRUE true True 0 f F FALSE false False
	ExactTrue     Type = "exactly true"      // anything else is false
	Text          Type = "text"              // anything
	Region        Type = "region"            // us-east-1
	Duration      Type = "duration"          // time.ParseDuration: 1h30m, 90s, 500ms; no days, no bare numbers
	Integer       Type = "integer"           // strconv.Atoi
	Mebibytes     Type = "MiB"               // strconv.ParseUint, 16 bits
	Decimal       Type = "decimal"           // strconv.ParseFloat
	Path          Type = "path"              //
	URL           Type = "URL"               //
	Proxy         Type = "URL or host:port"  // url.Parse
	CommaList     Type = "comma list"        //
	ImageList     Type = "image list"        // name:tag,name:tag without spaces
	StringMap     Type = "JSON object"       // of text to text
	StringList    Type = "JSON list"         // of text
	PortList      Type = "JSON port list"    // of numbers 0 to 65535
	RouteList     Type = "JSON network list" // of CIDR blocks
	RegistryAuth  Type = "registry auth"     // shared/registryauth
	RateLimit     Type = "rate,burst"        // two integers
	PortRange     Type = "port range"        // from-to, or one port
	Choice        Type = "one word of"       // exact in case
	ChoiceAnyCase Type = "one word, any case of"
)

// Consequence is what a value of the wrong form does.
type Consequence string

// The consequences, in the words of a message.
const (
	StopsAgent       Consequence = "the agent exits and ecs-init starts it again for ever"
	WarnsAndDefaults Consequence = "the agent logs a warning and uses its default"
	LogsAndDefaults  Consequence = "an error is logged and the default is used"
	Silent           Consequence = "the default is used and nothing is logged"
	LosesRegistries  Consequence = "the agent has no registry credentials, and private images cannot be pulled"
	Breaks           Consequence = "the agent cannot reach the ECS API"
	Unchecked        Consequence = "nobody checks it"
)

// Reader says which reading of the file a variable is taken from.
type Reader int

// The readers.
const (
	AgentReader   Reader = iota // the agent, from its container's environment
	BothReaders                 // that, and ecs-init from systemd's reading
	SystemdReader               // ecs-init alone, from systemd's reading
	InitReader                  // ecs-init, from its own reading
	NobodyReads                 // documentation only
)

// Platform is where a variable works.
type Platform int

// The platforms.
const (
	AnyPlatform Platform = iota
	WindowsOnly
)

// Catalogue lists every variable, in the order of their readers.
func Catalogue() []Variable { return catalogue }

var byName = func() map[string]*Variable {
	index := make(map[string]*Variable, len(catalogue))
	for i := range catalogue {
		index[catalogue[i].Name] = &catalogue[i]
	}
	return index
}()

// mistaken are names that documentation, habit or another tool suggests and
// that no edit distance would lead to the right one.
var mistaken = map[string]string{
	"CLUSTER":                               "ECS_CLUSTER",
	"CLUSTER_NAME":                          "ECS_CLUSTER",
	"CLUSTERNAME":                           "ECS_CLUSTER",
	"ECS_CLUSTER_NAME":                      "ECS_CLUSTER",
	"ECS_CLUSTER_ARN":                       "ECS_CLUSTER",
	"ECS_CLUSTERNAME":                       "ECS_CLUSTER",
	"REGION":                                "AWS_DEFAULT_REGION",
	"ECS_REGION":                            "AWS_DEFAULT_REGION",
	"ECS_AWS_REGION":                        "AWS_DEFAULT_REGION",
	"ECS_AUTH_TYPE":                         "ECS_ENGINE_AUTH_TYPE",
	"ECS_AUTH_DATA":                         "ECS_ENGINE_AUTH_DATA",
	"ECS_DOCKER_AUTH_TYPE":                  "ECS_ENGINE_AUTH_TYPE",
	"ECS_DOCKER_AUTH_DATA":                  "ECS_ENGINE_AUTH_DATA",
	"ECS_ENGINE_AUTH":                       "ECS_ENGINE_AUTH_DATA",
	"ECS_LOG_LEVEL":                         "ECS_LOGLEVEL",
	"ECS_LOG_FILE":                          "ECS_LOGFILE",
	"ECS_POLL_METRICS_WAIT_DURATION":        "ECS_POLLING_METRICS_WAIT_DURATION",
	"ECS_POLL_METRICS_INTERVAL":             "ECS_POLLING_METRICS_WAIT_DURATION",
	"ECS_CONTAINER_INSTANCE_PROPAGATE_TAGS": "ECS_CONTAINER_INSTANCE_PROPAGATE_TAGS_FROM",
	"ECS_PROPAGATE_TAGS":                    "ECS_CONTAINER_INSTANCE_PROPAGATE_TAGS_FROM",
	"ECS_TAGS":                              "ECS_CONTAINER_INSTANCE_TAGS",
	"ECS_INSTANCE_TAGS":                     "ECS_CONTAINER_INSTANCE_TAGS",
	"ECS_ATTRIBUTES":                        "ECS_INSTANCE_ATTRIBUTES",
	"ECS_ENGINE_CLEANUP_WAIT_DURATION":      "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION",
	"ECS_TASK_CLEANUP_WAIT_DURATION":        "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION",
	"ECS_CLEANUP_WAIT_DURATION":             "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION",
	"ECS_LOGGING_DRIVERS":                   "ECS_AVAILABLE_LOGGING_DRIVERS",
	"ECS_LOG_DRIVERS":                       "ECS_AVAILABLE_LOGGING_DRIVERS",
	"ECS_STOP_TIMEOUT":                      "ECS_CONTAINER_STOP_TIMEOUT",
	"ECS_START_TIMEOUT":                     "ECS_CONTAINER_START_TIMEOUT",
	"ECS_SPOT_INSTANCE_DRAINING":            "ECS_ENABLE_SPOT_INSTANCE_DRAINING",
	"ECS_ENABLE_SPOT_DRAINING":              "ECS_ENABLE_SPOT_INSTANCE_DRAINING",
	"ECS_GPU_SUPPORT":                       "ECS_ENABLE_GPU_SUPPORT",
	"ECS_BLOCK_IMDS":                        "ECS_AWSVPC_BLOCK_IMDS",
	"ECS_NUM_CONTAINERS_DELETE_PER_CYCLE":   "NONECS_NUM_CONTAINERS_DELETE_PER_CYCLE",
	"ECS_RESERVED_MEM":                      "ECS_RESERVED_MEMORY",
	"ECS_MEMORY_RESERVED":                   "ECS_RESERVED_MEMORY",
	"ECS_HTTP_PROXY":                        "HTTP_PROXY",
	"ECS_HTTPS_PROXY":                       "HTTPS_PROXY",
	"ECS_NO_PROXY":                          "NO_PROXY",
	"AWS_ACCESS_KEY":                        "AWS_ACCESS_KEY_ID",
	"AWS_SECRET_KEY":                        "AWS_SECRET_ACCESS_KEY",
}

// nearest gives the known name that was most likely meant, "" when none is
// near: at most one edit in four characters.
func nearest(name string) string {
	if len(name) > 80 {
		return ""
	}
	normal := strings.NewReplacer("-", "_", ".", "_", " ", "_").Replace(strings.ToUpper(name))
	if byName[normal] != nil {
		return normal
	}
	if right, ok := mistaken[normal]; ok {
		return right
	}
	limit := max(1, len(normal)/4)
	if !hasFamilyPrefix(normal) {
		// A short name of another family is its author's own business.
		limit = min(limit, 2)
	}
	best, distance := "", limit+1
	for i := range catalogue {
		candidate := catalogue[i].Name
		if difference := len(candidate) - len(normal); difference >= distance || -difference >= distance || candidate[0] == 'Z' || candidate[0] >= 'a' {
			continue
		}
		// The catalogue's order breaks a tie.
		if d := levenshtein.Distance(normal, candidate, nil); d < distance {
			best, distance = candidate, d
		}
	}
	return best
}

// hasFamilyPrefix says that a name is written for the agent, or for a library
// inside it.
func hasFamilyPrefix(name string) bool {
	for _, prefix := range []string{"ECS_", "NONECS_", "NON_ECS_", "AWS_", "CREDENTIALS_FETCHER_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// elsewhere are names that no reader of the file's own knows, but Go's runtime
// or the AWS SDK inside the agent's container.
var elsewhere = map[string]string{
	"GODEBUG": "Go's runtime", "GOGC": "Go's runtime", "GOMAXPROCS": "Go's runtime", "GOMEMLIMIT": "Go's runtime",
	"GOTRACEBACK": "Go's runtime", "TZ": "Go's time package", "PATH": "programs that the agent starts", "HOME": "the AWS SDK",
	"AWS_ACCOUNT_ID": "the AWS SDK", "AWS_ACCOUNT_ID_ENDPOINT_MODE": "the AWS SDK", "AWS_DEFAULTS_MODE": "the AWS SDK",
	"AWS_CONTAINER_AUTHORIZATION_TOKEN": "the AWS SDK", "AWS_ENABLE_ENDPOINT_DISCOVERY": "the AWS SDK",
	"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "the AWS SDK", "AWS_ROLE_SESSION_NAME": "the AWS SDK",
	"AWS_S3_USE_ARN_REGION": "the AWS SDK", "AWS_SDK_UA_APP_ID": "the AWS SDK", "AWS_STS_REGIONAL_ENDPOINTS": "the AWS SDK",
	"AWS_SDK_LOAD_CONFIG": "the AWS SDK", "AWS_REQUEST_CHECKSUM_CALCULATION": "the AWS SDK",
	"AWS_RESPONSE_CHECKSUM_VALIDATION": "the AWS SDK", "AWS_DISABLE_REQUEST_COMPRESSION": "the AWS SDK",
	"AWS_ENDPOINT_URL_ECS": "the AWS SDK", "AWS_ENDPOINT_URL_ECR": "the AWS SDK", "AWS_ENDPOINT_URL_S3": "the AWS SDK",
	"AWS_ENDPOINT_URL_SSM": "the AWS SDK", "AWS_ENDPOINT_URL_STS": "the AWS SDK", "AWS_ENDPOINT_URL_SECRETS_MANAGER": "the AWS SDK",
	"AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": "the AWS SDK", "ALL_PROXY": "programs that the agent starts",
	"AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES": "the AWS SDK", "AWS_DISABLE_CLOCK_SKEW_CORRECTION": "the AWS SDK",
	"AWS_EC2_METADATA_V1_DISABLED": "the AWS SDK", "AWS_AUTH_SCHEME_PREFERENCE": "the AWS SDK",
	"AWS_S3_DISABLE_MULTIREGION_ACCESS_POINTS": "the AWS SDK", "AWS_S3_DISABLE_EXPRESS_SESSION_AUTH": "the AWS SDK",
}

// sdkWords are those that the AWS SDK takes for a variable that only it reads,
// in whatever case but for AWS_ACCOUNT_ID_ENDPOINT_MODE (aws-sdk-go-v2
// config/env_config.go, NewEnvConfig). With another one it loads no
// configuration.
var sdkWords = map[string][]string{
	"AWS_ACCOUNT_ID_ENDPOINT_MODE":             {"preferred", "required", "disabled"},
	"AWS_DEFAULTS_MODE":                        {"auto", "cross-region", "in-region", "legacy", "mobile", "standard"},
	"AWS_DISABLE_CLOCK_SKEW_CORRECTION":        {"true", "false"},
	"AWS_DISABLE_REQUEST_COMPRESSION":          {"true", "false"},
	"AWS_EC2_METADATA_V1_DISABLED":             {"true", "false"},
	"AWS_ENABLE_ENDPOINT_DISCOVERY":            {"true", "false", "auto"},
	"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS":      {"true", "false"},
	"AWS_REQUEST_CHECKSUM_CALCULATION":         {"when_supported", "when_required"},
	"AWS_RESPONSE_CHECKSUM_VALIDATION":         {"when_supported", "when_required"},
	"AWS_S3_DISABLE_EXPRESS_SESSION_AUTH":      {"true", "false"},
	"AWS_S3_DISABLE_MULTIREGION_ACCESS_POINTS": {"true", "false"},
	"AWS_S3_USE_ARN_REGION":                    {"true", "false"},
}
