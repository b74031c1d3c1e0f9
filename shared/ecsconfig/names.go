package ecsconfig

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

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
}

// isMistaken says that a word in any case is one of them.
func isMistaken(word string) bool {
	const shortest = len("REGION")
	return len(word) >= shortest && mistaken[strings.ToUpper(word)] != ""
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
		if d := editDistance(normal, candidate); d < distance {
			best, distance = candidate, d
		}
	}
	if best == "" && hasFamilyPrefix(normal) {
		best = sameWords(normal)
	}
	return best
}

func editDistance(a, b string) int { return levenshtein.Distance(a, b, nil) }

// sameWords finds the only variable with the same words in another order or
// another form, "" for none: ECS_PRIVILEGED_DISABLED for ECS_DISABLE_PRIVILEGED.
func sameWords(name string) string {
	wanted := stems(name)
	best := ""
	for i := range catalogue {
		candidate := catalogue[i].Name
		if len(candidate) > len(name)+12 || len(name) > len(candidate)+12 || stems(candidate) != wanted {
			continue
		}
		if best != "" {
			return ""
		}
		best = candidate
	}
	return best
}

// stems gives the words of a name in one order and one form.
func stems(name string) string {
	words := strings.Split(name, "_")
	for i, word := range words {
		for _, ending := range []string{"ING", "ED", "ES", "S", "D", "E"} {
			if stem, ok := strings.CutSuffix(word, ending); ok && len(stem) > 3 {
				words[i] = stem
				break
			}
		}
	}
	slices.Sort(words)
	return strings.Join(words, "_")
}

// families are how a name begins that is written for the agent, or for a library
// inside it.
var families = []string{"ECS_", "NONECS_", "NON_ECS_", "AWS_", "CREDENTIALS_FETCHER_"}

func hasFamilyPrefix(name string) bool {
	return slices.ContainsFunc(families, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

func hasFamilyPrefixInAnyCase(name string) bool {
	return slices.ContainsFunc(families, func(prefix string) bool {
		return len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
	})
}
