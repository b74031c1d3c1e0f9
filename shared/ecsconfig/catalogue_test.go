package ecsconfig_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"

	"github.com/google/go-cmp/cmp"
)

// facts are what tests/agentfacts took from the source of the agent, ecs-init
// and the AWS SDK; make agent-facts moves them to another version.
type facts struct {
	Agent           string            `json:"agent"`
	Variables       []fact            `json:"variables"`
	Mounts          []string          `json:"mounts"`
	LoggingDrivers  []string          `json:"logging-drivers"`
	AgentLogDrivers []string          `json:"agent-log-drivers"`
	LogLevels       []string          `json:"log-levels"`
	Minimums        map[string]string `json:"minimums"`
}

type fact struct {
	Name    string   `json:"name"`
	Readers []string `json:"readers"`
	Parser  string   `json:"parser"`
	Trimmed bool     `json:"trimmed"`
	Default string   `json:"default"`
	ECSInit *string  `json:"ecs-init"`
	Fatal   bool     `json:"fatal"`
	Words   []string `json:"words"`
}

func readFacts(t *testing.T) facts {
	t.Helper()
	text, err := os.ReadFile("testdata/agent-facts.json")
	if err != nil {
		t.Fatal(err)
	}
	var f facts
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// parsers are the types that the source's own functions read.
var parsers = map[string][]ecsconfig.Type{
	"parseBooleanDefaultFalseConfig": {ecsconfig.Boolean}, "parseBooleanDefaultTrueConfig": {ecsconfig.Boolean}, "utils.ParseBool": {ecsconfig.Boolean},
	"parsePropagateTaskMemoryLimitCgroupV2": {ecsconfig.Boolean}, "parseCheckpoint": {ecsconfig.Boolean},
	"parseEnvVariableDuration": {ecsconfig.Duration}, "parseCgroupCPUPeriod": {ecsconfig.Duration}, "parseContainerCreateTimeout": {ecsconfig.Duration},
	"parseContainerStartTimeout": {ecsconfig.Duration}, "parseDockerStopTimeout": {ecsconfig.Duration}, "parseImagePullInactivityTimeout": {ecsconfig.Duration}, "parseManifestPullTimeout": {ecsconfig.Duration},
	"parseEnvVariableUint16": {ecsconfig.Mebibytes}, "parseReservedPorts": {ecsconfig.PortList}, "parseAvailableLoggingDrivers": {ecsconfig.StringList}, "parseVolumePluginCapabilities": {ecsconfig.StringList},
	"parseInstanceAttributes": {ecsconfig.StringMap}, "parseContainerInstanceTags": {ecsconfig.StringMap}, "parseAdditionalLocalRoutes": {ecsconfig.RouteList},
	"parseImageCleanupExclusionList": {ecsconfig.ImageList}, "parseTaskMetadataThrottles": {ecsconfig.RateLimit}, "parseDynamicHostPortRange": {ecsconfig.PortRange},
	"parseNumImagesToDeletePerCycle": {ecsconfig.Integer}, "parseNumNonECSContainersToDeletePerCycle": {ecsconfig.Integer}, "parseTaskPidsLimit": {ecsconfig.Integer},
	"parseImagePullBehavior": {ecsconfig.Choice}, "parseContainerInstancePropagateTagsFrom": {ecsconfig.Choice}, "parseInstanceIPCompatibility": {ecsconfig.ChoiceAnyCase},
	"NewSensitiveRawMessage": {ecsconfig.RegistryAuth}, "parseGMSACapability": {ecsconfig.Boolean, ecsconfig.Text}, "parseGMSADomainlessCapability": {ecsconfig.Boolean, ecsconfig.Text},
	"setStringFromEnvVal": {ecsconfig.Text, ecsconfig.Region, ecsconfig.URL}, "setIntFromEnvVal": {ecsconfig.Integer}, "setInt64PtrFromEnvVal": {ecsconfig.Integer},
	"setBoolPtrFromEnvVal": {ecsconfig.SDKBoolean}, "setUseDualStackEndpointFromEnvVal": {ecsconfig.SDKBoolean}, "setUseFIPSEndpointFromEnvVal": {ecsconfig.SDKBoolean}, "setEC2IMDSClientEnableState": {ecsconfig.SDKBoolean},
	"setAIDEndPointModeFromEnvVal": {ecsconfig.Choice}, "setRetryModeFromEnvVal": {ecsconfig.Choice},
}

// beyondSource are rows of which the source says nothing: what Windows, the
// documentation, Go's libraries and other programs know.
var beyondSource = []string{
	"ECS_FSX_WINDOWS_FILE_SERVER_SUPPORTED", "ECS_ENABLE_CPU_UNBOUNDED_WINDOWS_WORKAROUND", "ECS_ENABLE_MEMORY_UNBOUNDED_WINDOWS_WORKAROUND",
	"ZZZ_SKIP_WINDOWS_SERVER_VERSION_CHECK_NOT_SUPPORTED_IN_PRODUCTION", "ECS_OFFHOST_INTROSPECTION_INTERFACE_NAME",
	"SSL_CERT_FILE", "GODEBUG", "GOGC", "GOMAXPROCS", "GOMEMLIMIT", "GOTRACEBACK", "GOLANG_PROTOBUF_REGISTRATION_CONFLICT", "TZ", "PATH", "HOME", "ALL_PROXY",
}

// computed are defaults that ecs-init finds out on the machine, or sets under a
// condition; the row says it in words.
var computed = []string{"ECS_DETAILED_OS_FAMILY", "CREDENTIALS_FETCHER_HOST_DIR", "SSL_CERT_DIR", "ECS_DOMAIN_JOINED_LINUX_INSTANCE"}

// TestCatalogueAgreesWithTheSource prints what a new agent version brings: a
// variable without a row, and each row that says something else than the
// source.
func TestCatalogueAgreesWithTheSource(t *testing.T) {
	source := readFacts(t)
	if !strings.Contains(packageComment(t), source.Agent) {
		t.Errorf("the package's comment doesn't name agent version %s", source.Agent)
	}
	rows := map[string]ecsconfig.Variable{}
	for _, v := range ecsconfig.Catalogue() {
		if _, twice := rows[v.Name]; twice || v.Does == "" {
			t.Errorf("%s is there twice, or doesn't say what it does", v.Name)
		}
		rows[v.Name] = v
	}
	known := map[string]bool{}
	for _, f := range source.Variables {
		known[f.Name] = true
		row, ok := rows[f.Name]
		if !ok {
			t.Errorf("%s has no row; the source says: %+v", f.Name, f)
			continue
		}
		if diff := cmp.Diff(f.said(), said(row, f)); diff != "" {
			t.Errorf("%s differs (-source +row):\n%s", f.Name, diff)
		}
	}
	for name := range rows {
		if !known[name] && !slices.Contains(beyondSource, name) && rows[name].Platform != ecsconfig.WindowsOnly {
			t.Errorf("%s has a row, but the source doesn't read it", name)
		}
	}
	for what, pair := range map[string][2][]string{
		"mounts":            {source.Mounts, append(ecsconfig.Mounts(), "/root/.aws:/rotatingcreds:ro", "/var/lib/ecs/gpu:/var/lib/ecs/gpu")},
		"logging drivers":   {source.LoggingDrivers, rows["ECS_AVAILABLE_LOGGING_DRIVERS"].Values},
		"agent log drivers": {source.AgentLogDrivers, rows["ECS_LOG_DRIVER"].Values},
		"log levels":        {source.LogLevels, ecsconfig.LogLevels},
	} {
		if diff := cmp.Diff(sorted(pair[0]), sorted(pair[1])); diff != "" {
			t.Errorf("the %s differ (-source +catalogue):\n%s", what, diff)
		}
	}
	for constant, variable := range map[string]string{
		"minimumCgroupCPUPeriod": "ECS_CGROUP_CPU_PERIOD", "minimumContainerCreateTimeout": "ECS_CONTAINER_CREATE_TIMEOUT", "minimumContainerStartTimeout": "ECS_CONTAINER_START_TIMEOUT",
		"minimumDockerStopTimeout": "ECS_CONTAINER_STOP_TIMEOUT", "minimumImageCleanupInterval": "ECS_IMAGE_CLEANUP_INTERVAL", "minimumImagePullInactivityTimeout": "ECS_IMAGE_PULL_INACTIVITY_TIMEOUT",
		"minimumManifestPullTimeout": "ECS_MANIFEST_PULL_TIMEOUT", "minimumNumImagesToDeletePerCycle": "ECS_NUM_IMAGES_DELETE_PER_CYCLE", "minimumPollingMetricsWaitDuration": "ECS_POLLING_METRICS_WAIT_DURATION",
		"minimumTaskCleanupWaitDuration": "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION",
	} {
		if got, _, _ := strings.Cut(rows[variable].Min, " "); normal(got) != source.Minimums[constant] {
			t.Errorf("%s has the minimum %s, the source's is %s", variable, got, source.Minimums[constant])
		}
	}
}

// statement is what the source and a row can both say.
type statement struct {
	Type             ecsconfig.Type
	Trimmed, Fatal   bool
	Default, ECSInit string
	Words            []string
	BySDK            bool
}

func (f fact) said() statement {
	s := statement{Trimmed: f.Trimmed, Fatal: f.Fatal, Default: normal(f.Default), Words: sorted(f.Words), BySDK: slices.Equal(f.Readers, []string{"sdk"})}
	if f.ECSInit != nil && !slices.Contains(computed, f.Name) {
		s.ECSInit = *f.ECSInit
	}
	return s
}

// said is what a row says about the same.
func said(v ecsconfig.Variable, f fact) statement {
	s := statement{Trimmed: v.Trimmed, Fatal: v.Bad == ecsconfig.StopsAgent && v.Reader == ecsconfig.SDKReader, BySDK: v.Reader == ecsconfig.SDKReader}
	if types, ok := parsers[f.Parser]; ok && !slices.Contains(types, v.Type) {
		s.Type = v.Type // a type that the parser doesn't read
	}
	if f.Default != "" {
		s.Default = normal(v.Default)
	}
	if v.ECSInit != nil && f.ECSInit != nil && !slices.Contains(computed, f.Name) {
		s.ECSInit = *v.ECSInit
	}
	if f.Words != nil {
		s.Words = sorted(v.Values)
		if v.Type == ecsconfig.SDKBoolean {
			s.Words = []string{"false", "true"}
		}
	}
	return s
}

// normal writes a duration in one way.
func normal(text string) string {
	if duration, err := time.ParseDuration(text); err == nil && text != "0" {
		return duration.String()
	}
	return text
}

func sorted(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

func packageComment(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
