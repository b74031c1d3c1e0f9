package ecsconfig

import "github.com/ecs-guardrails/ecs-guardrails/shared/finding"

// rows are the variables that aws/amazon-ecs-agent 1.105.1 and what it is built
// with read. A test holds them against testdata/agent-facts.json, which
// tests/agentfacts takes from their source. A new variable is one row, with its
// checks where its type's don't suffice.
func rows() []Variable {
	return []Variable{

		// The agent's configuration (agent/config/config.go environmentConfig, agent/config/parse.go).
		{
			Name: "ECS_CLUSTER", Type: Text, Default: "default",
			Bad:     Unchecked,
			Does:    "cluster that the instance joins: a name, or a full ARN",
			Trimmed: true, Check: checkCluster, Empty: checkClusterEmpty, Together: clusterInRegion,
			Without: loss{finding.Error, `The instance joins the cluster "default".`},
		},
		{
			Name: "ECS_BACKEND_HOST", Type: Text,
			Bad:     Unchecked,
			Does:    "endpoint of the ECS API, for tests against another one",
			Trimmed: true, Check: checkBackendHost,
		},
		{
			Name: "AWS_DEFAULT_REGION", Type: Region, Default: "EC2 instance metadata",
			Bad:     Unchecked,
			Does:    "region of the ECS API",
			Trimmed: true, Empty: emptyIsFine,
		},
		{
			Name: "DOCKER_HOST", Type: Text, Default: "unix:///var/run/docker.sock", DefaultWindows: "npipe:////./pipe/docker_engine",
			Bad: Unchecked, Reader: BothReaders,
			Does:  "socket of the Docker daemon",
			Check: checkDockerHost,
		},
		{
			Name: "ECS_RESERVED_PORTS", Type: PortList, Default: "[22,2375,2376,51678,51679]", DefaultWindows: "[53,135,139,445,2375,2376,3389,5985,5986,51678,51679]", Min: "0", Max: "65535",
			Bad:  WarnsAndDefaults,
			Does: "TCP ports that no task may take; the list replaces the default",
		},
		{
			Name: "ECS_RESERVED_PORTS_UDP", Type: PortList, Default: "[]", Min: "0", Max: "65535",
			Bad: WarnsAndDefaults, Since: "1.2.0",
			Does: "UDP ports that no task may take",
		},
		{
			Name: "ECS_ENGINE_AUTH_TYPE", Type: Choice, Values: []string{"docker", "dockercfg"},
			Bad:     LosesRegistries,
			Does:    "shape of ECS_ENGINE_AUTH_DATA",
			Trimmed: true, Secret: true, Empty: emptyIsFine, Without: loss{finding.Error, withoutRegistries},
		},
		{
			Name: "ECS_ENGINE_AUTH_DATA", Type: RegistryAuth,
			Bad:    LosesRegistries,
			Does:   "credentials for private registries",
			Secret: true, Without: loss{finding.Error, withoutRegistries},
		},
		{
			Name: "ECS_CHECKPOINT", Type: Boolean, Default: "false", ECSInit: new("true (because ECS_DATADIR is set)"),
			Bad:     WarnsAndDefaults,
			Instead: "uses true, as long as ECS_DATADIR is set.", Empty: emptyIsFine,
			Does: "whether state survives a restart of the agent",
		},
		{
			Name: "ECS_DATADIR", Type: Text, Default: "/data/", DefaultWindows: `C:\ProgramData\Amazon\ECS\data`, ECSInit: new("/data"),
			Bad:   Unchecked,
			Does:  "where state is kept, as a path in the agent's container",
			Check: checkDataDirectory, Empty: checkDataDirectoryEmpty,
		},
		{
			Name: "ECS_HOST_DATA_DIR", Type: Text, Default: "/var/lib/ecs", DefaultWindows: "same as data dir (unused)",
			Bad: Unchecked, Since: "1.15.0",
			Does:  "directory of the host that holds ECS_DATADIR",
			Check: checkHostDataDirectory,
		},
		{
			Name: "ECS_UPDATES_ENABLED", Type: Boolean, Default: "false", ECSInit: new("true"),
			Bad: WarnsAndDefaults, Since: "1.0.0",
			Does: "whether the agent exits so that ecs-init can update it",
		},
		{
			Name: "ECS_UPDATE_DOWNLOAD_DIR", Type: Path, ECSInit: new("/var/cache/ecs"),
			Bad: Unchecked, Since: "1.0.0",
			Does: "where an update is downloaded to",
			Path: &pathUse{writes: true, effect: "ecs-init never finds the updates of the agent.", fix: "Delete the line: ecs-init sets /var/cache/ecs."},
		},
		{
			Name: "ECS_DISABLE_METRICS", Type: Boolean, Default: "false",
			Bad: WarnsAndDefaults, Since: "1.2.0",
			Does: "turns the metrics of tasks off",
		},
		{
			Name: "ECS_POLL_METRICS", Type: Boolean, Default: "false",
			Bad: WarnsAndDefaults, Since: "1.24.0",
			Does: "polls metrics at an interval where the agent would stream them",
		},
		{
			Name: "ECS_POLLING_METRICS_WAIT_DURATION", Type: Duration, Default: "10s", Min: "5s", Max: "20s",
			Bad: WarnsAndDefaults, Since: "1.24.0",
			Does:  "interval of the polling; read only with ECS_POLL_METRICS",
			Check: checkPollingWait, Needs: unless("ECS_POLL_METRICS"),
		},
		{
			Name: "ECS_RESERVED_MEMORY", Type: Mebibytes, Default: "0", Min: "0", Max: "65535",
			Bad: WarnsAndDefaults, Since: "1.2.1",
			Does: "memory that is kept from tasks",
		},
		{
			Name: "ECS_AVAILABLE_LOGGING_DRIVERS", Type: StringList, Default: `["json-file","none"]`, DefaultWindows: `["json-file","none","awslogs"]`, ECSInit: new(`["json-file","syslog","awslogs","fluentd","none"]`), Values: []string{"json-file", "syslog", "journald", "gelf", "fluentd", "awslogs", "splunk", "logentries", "sumologic", "none", "awsfirelens"},
			Bad: WarnsAndDefaults, Since: "1.5.0",
			Does:  "log drivers that tasks may use on this instance",
			Check: checkLoggingDrivers,
		},
		{
			Name: "ECS_DISABLE_PRIVILEGED", Type: Boolean, Default: "false",
			Bad: WarnsAndDefaults, Since: "1.5.0",
			Does: "refuses privileged containers",
		},
		{
			Name: "ECS_SELINUX_CAPABLE", Type: Boolean, Default: "false",
			Bad: WarnsAndDefaults, Since: "1.5.0",
			Does: "says that SELinux is there",
		},
		{
			Name: "ECS_APPARMOR_CAPABLE", Type: Boolean, Default: "false",
			Bad: WarnsAndDefaults, Since: "1.5.0",
			Does: "says that AppArmor is there",
		},
		{
			Name: "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION", Type: Duration, Default: "3h", Min: "1s",
			Bad: WarnsAndDefaults, Since: "1.8.0",
			Does:   "how long the containers of a stopped task stay",
			Resets: true,
		},
		{
			Name: "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION_JITTER", Type: Duration, Default: "0", Min: "0",
			Bad: WarnsAndDefaults, Since: "1.55.0",
			Does:  "random time added to that wait",
			Check: checkJitter,
		},
		{
			Name: "ECS_ENABLE_TASK_ENI", Type: Boolean, Default: "false", ECSInit: new("true"),
			Bad: WarnsAndDefaults, Since: "1.14.5",
			Does:  "lets tasks use the awsvpc network mode",
			Needs: onEC2(),
		},
		{
			Name: "ECS_ENABLE_TASK_IAM_ROLE", Type: Boolean, Default: "false", ECSInit: new("true"),
			Bad: WarnsAndDefaults, Since: "1.11.0",
			Does: "lets tasks have roles",
		},
		{
			Name: "ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST", Type: Boolean, Default: "false", ECSInit: new("true"),
			Bad: Silent, Since: "1.12.0",
			Does: "lets tasks in the host network mode have roles",
		},
		{
			Name: "ECS_ENABLE_UNTRACKED_IMAGE_CLEANUP", Type: Boolean, Default: "false",
			Bad: WarnsAndDefaults, Since: "1.24.0",
			Does:  "lets the agent remove containers and images that are not of ECS",
			Needs: ifSet("ECS_DISABLE_IMAGE_CLEANUP"),
		},
		{
			Name: "ECS_ENABLE_TASK_CPU_MEM_LIMIT", Type: Boolean, Default: "true", DefaultWindows: "false (forced)",
			Bad: WarnsAndDefaults, Since: "1.16.0",
			Does: "limits of CPU and memory for whole tasks",
		},
		{
			Name: "ECS_CONTAINER_STOP_TIMEOUT", Type: Duration, Default: "30s", Min: "1s",
			Bad: WarnsAndDefaults, Since: "1.10.0",
			Does: "time that a container has to exit before it is killed",
		},
		{
			Name: "ECS_MANIFEST_PULL_TIMEOUT", Type: Duration, Default: "1m", Min: "30s",
			Bad: WarnsAndDefaults, Since: "1.83.0",
			Does: "time that fetching an image's manifest may take",
		},
		{
			Name: "ECS_CONTAINER_START_TIMEOUT", Type: Duration, Default: "3m", DefaultWindows: "8m", Min: "45s (Windows 2m)",
			Bad: WarnsAndDefaults, Since: "1.17.3",
			Does: "time that starting a container may take",
		},
		{
			Name: "ECS_CONTAINER_CREATE_TIMEOUT", Type: Duration, Default: "4m", Min: "1m",
			Bad: WarnsAndDefaults, Since: "1.49.0",
			Does: "time that creating a container may take",
		},
		{
			Name: "ECS_PULL_DEPENDENT_CONTAINERS_UPFRONT", Type: Boolean, Default: "false",
			Bad: WarnsAndDefaults, Since: "1.48.0",
			Does: "pulls images before the containers they wait for have started",
		},
		{
			Name: "ECS_IMAGE_PULL_INACTIVITY_TIMEOUT", Type: Duration, Default: "1m", DefaultWindows: "3m", Min: "1m",
			Bad: WarnsAndDefaults, Since: "1.21.0",
			Does: "time that a pull may stand still",
		},
		{
			Name: "ECS_IMAGE_PULL_TIMEOUT", Type: Duration, Default: "2h",
			Bad: WarnsAndDefaults, Since: "1.44.2",
			Does:  "time that a whole pull may take",
			Check: checkPullTimeout,
		},
		{
			Name: "ECS_AUDIT_LOGFILE", Type: Path, Default: "/log/audit.log", DefaultWindows: `C:\ProgramData\Amazon\ECS\log\audit.log`,
			Bad: Unchecked, Since: "1.11.0",
			Does: "log of the credentials handed to tasks",
			Path: &pathUse{writes: true, effect: "The log is lost with the agent's container.", fix: "Write a file below /log, which is /var/log/ecs on the host."},
		},
		{
			Name: "ECS_AUDIT_LOGFILE_DISABLED", Type: Boolean, Default: "false",
			Bad: Silent, Since: "1.11.0",
			Does: "turns that log off",
		},
		{
			Name: "ECS_DISABLE_IMAGE_CLEANUP", Type: Boolean, Default: "false",
			Bad: WarnsAndDefaults, Since: "1.13.0",
			Does: "turns the removal of unused images off",
		},
		{
			Name: "ECS_IMAGE_MINIMUM_CLEANUP_AGE", Type: Duration, Default: "1h",
			Bad: WarnsAndDefaults, Since: "1.13.0",
			Does:  "how long a pulled image stays at least",
			Needs: ifSet("ECS_DISABLE_IMAGE_CLEANUP"),
		},
		{
			Name: "NON_ECS_IMAGE_MINIMUM_CLEANUP_AGE", Type: Duration, Default: "1h",
			Bad: WarnsAndDefaults, Since: "1.33.0",
			Does:  "the same for images that are not of ECS",
			Needs: unless("ECS_ENABLE_UNTRACKED_IMAGE_CLEANUP"),
		},
		{
			Name: "ECS_IMAGE_CLEANUP_INTERVAL", Type: Duration, Default: "30m", Min: "10m",
			Bad: WarnsAndDefaults, Since: "1.13.0",
			Does:   "interval of the removal of unused images",
			Resets: true, Needs: ifSet("ECS_DISABLE_IMAGE_CLEANUP"),
		},
		{
			Name: "ECS_NUM_IMAGES_DELETE_PER_CYCLE", Type: Integer, Default: "5", Min: "1",
			Bad: WarnsAndDefaults, Since: "1.13.0",
			Does:  "images removed at most at a time",
			Check: checkCount, Needs: ifSet("ECS_DISABLE_IMAGE_CLEANUP"),
		},
		{
			Name: "NONECS_NUM_CONTAINERS_DELETE_PER_CYCLE", Type: Integer, Default: "5",
			Bad: WarnsAndDefaults, Since: "1.24.0",
			Does:  "containers that are not of ECS removed at most at a time",
			Check: checkCount, Needs: unless("ECS_ENABLE_UNTRACKED_IMAGE_CLEANUP"),
		},
		{
			Name: "ECS_IMAGE_PULL_BEHAVIOR", Type: Choice, Default: "default", Values: []string{"default", "always", "once", "prefer-cached"},
			Bad: Silent, Since: "1.18.0",
			Does: "when an image is pulled and when the cached one serves",
		},
		{
			Name: "ECS_EXCLUDE_UNTRACKED_IMAGE", Type: ImageList,
			Bad: Unchecked, Since: "1.24.0",
			Does:  "images that the removal leaves alone",
			Needs: unless("ECS_ENABLE_UNTRACKED_IMAGE_CLEANUP"),
		},
		{
			Name: "ECS_INSTANCE_ATTRIBUTES", Type: StringMap, Default: "{}",
			Bad: StopsAgent, Since: "1.14.0",
			Does:  "attributes for placement, sent at the first registration only",
			Check: checkAttributes,
		},
		{
			Name: "ECS_CNI_PLUGINS_PATH", Type: Text, Default: "/amazon-ecs-cni-plugins", DefaultWindows: `C:\Program Files\Amazon\ECS\cni`,
			Bad: Unchecked, Since: "1.14.5",
			Does:  "where the CNI plugins are",
			Check: checkPlugins,
		},
		{
			Name: "ECS_AWSVPC_BLOCK_IMDS", Type: Boolean, Default: "false",
			Bad: WarnsAndDefaults, Since: "1.14.5",
			Does:  "keeps awsvpc tasks from the instance metadata",
			Needs: withTaskNetworking(),
		},
		{
			Name: "ECS_AWSVPC_ADDITIONAL_LOCAL_ROUTES", Type: RouteList, Default: "[]", DefaultWindows: "n/a",
			Bad: StopsAgent, Since: "1.14.5",
			Does:  "networks that awsvpc tasks reach through the host's bridge",
			Needs: withTaskNetworking(),
		},
		{
			Name: "ECS_ENABLE_CONTAINER_METADATA", Type: Boolean, Default: "false",
			Bad: WarnsAndDefaults, Since: "1.15.0",
			Does: "writes a metadata file for each container",
		},
		{
			Name: "ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE", Type: Boolean, Default: "false", ECSInit: new("true"),
			Bad: WarnsAndDefaults, Since: "1.16.0",
			Does: "lets the awslogs driver use the task execution role",
		},
		{
			Name: "ECS_CGROUP_PATH", Type: Text, Default: "/sys/fs/cgroup", DefaultWindows: "n/a",
			Bad: Unchecked, Since: "1.17.0",
			Does:  "root of the cgroups",
			Check: checkCgroup,
		},
		{
			Name: "ECS_TASK_METADATA_RPS_LIMIT", Type: RateLimit, Default: "40,60", Min: "1,1",
			Bad: WarnsAndDefaults, Since: "1.17.1",
			Does: "requests a second, steady and burst, that the metadata endpoint answers",
		},
		{
			Name: "ECS_SHARED_VOLUME_MATCH_FULL_CONFIG", Type: Boolean, Default: "false",
			Bad: WarnsAndDefaults, Since: "1.20.2",
			Does: "compares shared volumes by more than their names",
		},
		{
			Name: "ECS_CONTAINER_INSTANCE_TAGS", Type: StringMap, Default: "{}",
			Bad: StopsAgent, Since: "1.22.0",
			Does:  "tags of the container instance",
			Check: checkTags,
		},
		{
			Name: "ECS_CONTAINER_INSTANCE_PROPAGATE_TAGS_FROM", Type: Choice, Default: "none", Values: []string{"none", "ec2_instance"},
			Bad: Silent, Since: "1.22.0",
			Does: "copies the tags of the EC2 instance; needs ec2:DescribeTags",
		},
		{
			Name: "ECS_DISABLE_DOCKER_HEALTH_CHECK", Type: Boolean, Default: "false",
			Bad: WarnsAndDefaults, Since: "1.25.0",
			Does: "turns the health check of the agent's container off",
		},
		{
			Name: "ECS_ENABLE_GPU_SUPPORT", Type: Boolean, Default: "false",
			Bad: Silent, Since: "1.25.0",
			Does:  "lets tasks use GPUs",
			Check: checkBooleanForBoth,
		},
		{
			Name: "ECS_EBSTA_SUPPORTED", Type: Boolean, Default: "true", DefaultWindows: "n/a", ECSInit: new("true"),
			Bad: Silent, Since: "1.82.0",
			Does:  "lets tasks attach EBS volumes; ecs-init sets it",
			Empty: emptyIsFine,
		},
		{
			Name: "ECS_ENABLE_INF_SUPPORT", Type: Boolean, Default: "false",
			Bad: Silent, Since: "1.41.0",
			Does: "lets tasks use Inferentia devices",
		},
		{
			Name: "ECS_NVIDIA_RUNTIME", Type: Text, Default: "nvidia", DefaultWindows: "n/a",
			Bad: Unchecked, Since: "1.25.0",
			Does:    "name of the container runtime for GPUs",
			Trimmed: true,
		},
		{
			Name: "ECS_DISABLE_TASK_METADATA_AZ", Type: Boolean, Default: "false",
			Bad: Silent, Since: "1.25.2",
			Does: "leaves the availability zone out of the task metadata",
		},
		{
			Name: "ECS_CGROUP_CPU_PERIOD", Type: Duration, Default: "100ms", DefaultWindows: "n/a", Min: "8ms", Max: "100ms",
			Bad: WarnsAndDefaults, Since: "1.28.0",
			Does: "CPU period of the cgroups",
		},
		{
			Name: "ECS_ENABLE_SPOT_INSTANCE_DRAINING", Type: Boolean, Default: "false",
			Bad: WarnsAndDefaults, Since: "1.32.0",
			Does: "drains the instance when a Spot interruption is announced",
		},
		{
			Name: "ECS_GMSA_SUPPORTED", Type: Boolean, Default: "false", DefaultWindows: "true",
			Bad: Silent, Reader: BothReaders, Since: "1.34.0",
			Does:  "lets tasks use group managed service accounts",
			Check: checkBooleanForBoth,
		},
		{
			Name: "ECS_VOLUME_PLUGIN_CAPABILITIES", Type: StringList, Default: "[]", ECSInit: new(`["efsAuth"]`),
			Bad: WarnsAndDefaults, Since: "1.38.0",
			Does: "capabilities of the volume plugin",
		},
		{
			Name: "ECS_FSX_WINDOWS_FILE_SERVER_SUPPORTED", Type: Boolean, Default: "false (always)", DefaultWindows: "true",
			Bad: WarnsAndDefaults, Platform: WindowsOnly, Since: "1.47.0",
			Does: "lets tasks mount FSx for Windows File Server",
		},
		{
			Name: "ECS_EXTERNAL", Type: Boolean, Default: "false",
			Bad: WarnsAndDefaults, Reader: BothReaders, Since: "1.52.0",
			Does:  "says that the machine is not an EC2 instance (ECS Anywhere)",
			Check: checkBooleanForBoth, Together: externalInstance,
		},
		{
			Name: "ECS_ENABLE_RUNTIME_STATS", Type: Boolean, Default: "false",
			Bad: WarnsAndDefaults, Since: "1.55.2",
			Does: "turns pprof and the log of runtime statistics on",
		},
		{
			Name: "ECS_EXCLUDE_IPV6_PORTBINDING", Type: Boolean, Default: "true",
			Bad: WarnsAndDefaults, Since: "1.55.3",
			Does: "leaves IPv6 port bindings out of what is reported",
		},
		{
			Name: "ECS_WARM_POOLS_CHECK", Type: Boolean, Default: "false",
			Bad: WarnsAndDefaults, Since: "1.59.0",
			Does: "keeps an instance of a warm pool from joining before it is in service",
		},
		{
			Name: "ECS_DYNAMIC_HOST_PORT_RANGE", Type: PortRange, Default: "/proc/sys/net/ipv4/ip_local_port_range, else 49153-65535", DefaultWindows: "49152-65535", Min: "0", Max: "65535",
			Bad: WarnsAndDefaults, Since: "1.68.0",
			Does: "range that dynamic host ports are taken from",
		},
		{
			Name: "ECS_TASK_PIDS_LIMIT", Type: Integer, Default: "unset", DefaultWindows: "not supported (warn)", Min: "1", Max: "4194304",
			Bad: WarnsAndDefaults, Since: "1.77.0",
			Does:  "processes that a task may have",
			Check: checkPids,
		},
		{
			Name: "ECS_ENABLE_FIRELENS_ASYNC", Type: Boolean, Default: "true",
			Bad: WarnsAndDefaults, Since: "1.91.0",
			Does: "connects to the FireLens container in the background",
		},
		{
			Name: "ECS_INSTANCE_IP_COMPATIBILITY", Type: ChoiceAnyCase, Default: "auto", DefaultWindows: "not supported (warn)", Values: []string{"ipv4", "ipv6"},
			Bad: WarnsAndDefaults, Since: "1.98.0",
			Does: "overrides what the agent finds out about IPv4 and IPv6",
		},
		{
			Name: "ECS_PROPAGATE_TASK_MEMORY_LIMIT_CGROUPV2", Type: Boolean, Default: "false",
			Bad: WarnsAndDefaults, Since: "1.104.0",
			Does: "gives a task's memory limit to those of its containers that have none",
		},
		{
			Name: "ECS_ENABLE_PROMETHEUS_METRICS", Type: Boolean, Default: "false",
			Bad: Silent, Since: "1.24.0",
			Does: "serves metrics of the agent on port 51680",
		},
		{
			Name: "ECS_ENABLE_HIGH_DENSITY_ENI", Type: Boolean, Default: "true", DefaultWindows: "n/a",
			Bad: WarnsAndDefaults, Since: "1.28.0",
			Does:  "ENI trunking; read only with ECS_ENABLE_TASK_ENI",
			Needs: withTaskNetworking(),
		},
		{
			Name: "ECS_ENABLE_CPU_UNBOUNDED_WINDOWS_WORKAROUND", Type: Boolean, Default: "false (not read)", DefaultWindows: "false",
			Bad: WarnsAndDefaults, Platform: WindowsOnly, Since: "1.17.1",
			Does: "lets tasks without a CPU limit run beside others",
		},
		{
			Name: "ECS_ENABLE_MEMORY_UNBOUNDED_WINDOWS_WORKAROUND", Type: Boolean, Default: "false (not read)", DefaultWindows: "false",
			Bad: WarnsAndDefaults, Platform: WindowsOnly, Since: "1.32.1",
			Does: "ignores memory reservations",
		},
		{
			Name: "ECS_AGENT_CONFIG_FILE_PATH", Type: Path, Default: "/etc/ecs_container_agent/config.json", DefaultWindows: "as Linux; owner must be Administrators", ECSInit: new("/etc/ecs/ecs.config.json"),
			Bad:  Unchecked,
			Does: "JSON configuration file that is merged under the environment",
			Path: &pathUse{isFile: true, effect: "The agent runs without the settings of the file.", fix: "Keep the file below /etc/ecs, which is mounted."},
		},

		// Logging (ecs-agent/logger/log.go, ecs-init/config/common.go).
		{
			Name: "ECS_LOGFILE", Type: Path, ECSInit: new("/log/ecs-agent.log"),
			Bad:  Unchecked,
			Does: "log file, as a path in the agent's container",
			Path: &pathUse{writes: true, effect: "The log is lost with the agent's container.", fix: "Write a file below /log, which is /var/log/ecs on the host."},
		},
		{
			Name: "ECS_LOGLEVEL", Type: ChoiceAnyCase, Default: "info", Values: []string{"debug", "info", "warn", "error", "crit", "none"},
			Bad: LogsAndDefaults, Reader: BothReaders,
			Does:  "log level of the agent and of ecs-init",
			Check: checkLogLevel,
		},
		{
			Name: "ECS_LOGLEVEL_ON_INSTANCE", Type: ChoiceAnyCase, Default: "as ECS_LOGLEVEL, or none with ECS_LOG_DRIVER", DefaultWindows: "same", Values: []string{"debug", "info", "warn", "error", "crit", "none"},
			Bad: LogsAndDefaults, Since: "1.44.0",
			Does:  "log level of the log file alone",
			Check: checkInstanceLogLevel,
		},
		{
			Name: "ECS_LOG_ROLLOVER_TYPE", Type: Choice, Default: "size", Values: []string{"size", "hourly", "none"},
			Bad: LogsAndDefaults, Since: "1.36.0",
			Does:  "when the log file is rolled over",
			Check: checkChoiceWith("The agent takes every other word for hourly.", "date"),
		},
		{
			Name: "ECS_LOG_OUTPUT_FORMAT", Type: Choice, Default: "logfmt", Values: []string{"logfmt", "json", "windows"},
			Bad: LogsAndDefaults, Since: "1.36.0",
			Does:  "form of a log line",
			Check: checkChoiceWith("The log library refuses the configuration, and the agent writes nothing to its log file."),
		},
		{
			Name: "ECS_LOG_MAX_FILE_SIZE_MB", Type: Decimal, Default: "5",
			Bad: LogsAndDefaults, Since: "1.36.0",
			Does:  "size at which the log file is rolled over",
			Needs: withSizeRollover(),
		},
		{
			Name: "ECS_LOG_MAX_ROLL_COUNT", Type: Integer, Default: "24",
			Bad: LogsAndDefaults, Since: "1.36.0",
			Does: "rolled log files that are kept",
		},
		{
			Name: "ECS_LOG_DRIVER", Type: Choice, Default: "json-file", DefaultWindows: "n/a", Values: []string{"awslogs", "fluentd", "gelf", "json-file", "journald", "logentries", "syslog", "splunk"},
			Bad: WarnsAndDefaults, Reader: BothReaders, Since: "1.44.0",
			Does:  "Docker log driver of the agent's container",
			Check: checkChoiceWith("ecs-init logs a warning and uses json-file with its default options."),
		},
		{
			Name: "ECS_LOG_OPTS", Type: StringMap, Default: `{"max-size":"16m","max-file":"4"}`, DefaultWindows: "n/a",
			Bad: WarnsAndDefaults, Reader: SystemdReader, Since: "1.44.0",
			Does:   "options of that driver",
			Secret: true, Check: checkLogOptions,
		},

		// ecs-init's own settings (ecs-init/config/common.go, ecs-init/docker/docker.go).
		{
			Name: "ECS_INIT_DOCKER_LOG_FILE_SIZE", Type: Text, Default: "16m", DefaultWindows: "n/a",
			Bad: Unchecked, Reader: SystemdReader,
			Does:  "size of the json-file log of the agent's container",
			Check: checkDockerLogSize, Needs: withDefaultLog(),
		},
		{
			Name: "ECS_INIT_DOCKER_LOG_FILE_NUM", Type: Text, Default: "4", DefaultWindows: "n/a",
			Bad: Unchecked, Reader: SystemdReader,
			Does:  "number of those logs",
			Check: checkDockerLogFiles, Needs: withDefaultLog(),
		},
		{
			Name: "ECS_AGENT_LABELS", Type: StringMap, DefaultWindows: "n/a", ECSInit: new(""),
			Bad: LogsAndDefaults, Reader: InitReader,
			Does: "labels of the agent's container",
		},
		{
			Name: "ECS_PAUSE_LABELS", Type: StringMap,
			Bad: WarnsAndDefaults, Since: "1.101.0",
			Does: "labels of the pause containers",
		},
		{
			Name: "ECS_AGENT_APPARMOR_PROFILE", Type: Text, Default: "ecs-agent-default", DefaultWindows: "n/a",
			Bad: Unchecked, Reader: SystemdReader, Since: "1.80.0",
			Does: "AppArmor profile of the agent's container",
		},
		{
			Name: "ECS_AGENT_PID_NAMESPACE_HOST", Type: Boolean, Default: "false", DefaultWindows: "n/a",
			Bad: Silent, Reader: SystemdReader, Since: "1.94.0",
			Does: "runs the agent's container in the host's PID namespace",
		},
		{
			Name: "ECS_AGENT_RUN_PRIVILEGED", Type: ExactTrue, Default: "false", DefaultWindows: "n/a",
			Bad: Silent, Reader: SystemdReader,
			Does: "runs the agent's container privileged",
		},
		{
			Name: "ECS_SKIP_LOCALHOST_TRAFFIC_FILTER", Type: Boolean, Default: "false", DefaultWindows: "n/a",
			Bad: LogsAndDefaults, Reader: SystemdReader,
			Does: "leaves out the firewall rule that protects localhost",
		},
		{
			Name: "ECS_ALLOW_OFFHOST_INTROSPECTION_ACCESS", Type: Boolean, Default: "false", DefaultWindows: "n/a",
			Bad: LogsAndDefaults, Reader: SystemdReader,
			Does: "leaves out the firewall rule that protects the introspection port",
		},
		{
			Name: "ECS_OFFHOST_INTROSPECTION_INTERFACE_NAME", Type: Text, Default: "eth0", DefaultWindows: "n/a",
			Bad: Unchecked, Reader: NoReader, Deprecated: true,
			Does: "documented as the interface of that rule",
		},

		// gMSA, health check and credentials.
		{
			Name: "CREDENTIALS_FETCHER_HOST", Type: Text, Default: "unix:///var/credentials-fetcher/socket/credentials_fetcher.sock", DefaultWindows: "n/a",
			Bad: Unchecked, Reader: SystemdReader, Since: "1.66.0",
			Does: "socket of the credentials fetcher, for gMSA",
		},
		{
			Name: "CREDENTIALS_FETCHER_HOST_DIR", Type: Text, DefaultWindows: "n/a", ECSInit: new("socket path"),
			Bad: Unchecked, Since: "1.65.1",
			Does:     "the same for the agent; ecs-init sets it",
			Internal: "ecs-init",
		},
		{
			Name: "CREDENTIALS_FETCHER_SECRET_NAME_FOR_DOMAINLESS_GMSA", Type: Text, DefaultWindows: "n/a",
			Bad: Unchecked, Since: "1.66.0",
			Does: "secret with the Active Directory user of machines outside the domain",
		},
		{
			Name: "ECS_DOMAIN_JOINED_LINUX_INSTANCE", Type: Text, DefaultWindows: "n/a",
			Bad: Unchecked, Since: "1.66.0",
			Does:     "whether the machine is in a domain; ecs-init sets it",
			Internal: "ecs-init",
		},
		{
			Name: "ECS_DETAILED_OS_FAMILY", Type: Text, Default: "LINUX", DefaultWindows: "n/a", ECSInit: new("ID_VERSION_ID of /etc/os-release"),
			Bad: Unchecked, Since: "1.97.0",
			Does:     "distribution and version; ecs-init sets it",
			Internal: "ecs-init",
		},
		{
			Name: "ECS_AGENT_HEALTHCHECK_HOST", Type: Text, Default: "localhost",
			Bad: Unchecked, Since: "1.51.0",
			Does: "host that the agent's health check asks",
		},
		{
			Name: "ECS_ALTERNATE_CREDENTIAL_PROFILE", Type: Text, Default: "default",
			Bad: Unchecked, Since: "1.63.0",
			Does: "profile in the rotating credentials file of an external instance",
		},

		// Proxies (ecs-agent/utils/httpproxy/proxy.go, net/http).
		{
			Name: "HTTP_PROXY", Type: Proxy,
			Bad: CutsOff, Reader: BothReaders,
			Does:     "proxy for HTTP, and for HTTPS where HTTPS_PROXY is not set",
			Together: proxyForHTTP,
		},
		{
			Name: "HTTPS_PROXY", Type: Proxy,
			Bad: CutsOff, Reader: BothReaders,
			Does: "proxy for HTTPS",
		},
		{
			Name: "http_proxy", Type: Proxy,
			Bad: CutsOff, Reader: BothReaders,
			Does:     "as HTTP_PROXY, read where that is empty",
			Together: func(j *judge, v *Variable, a Assignment) { lowerCaseProxy(j, v, a); proxyForHTTP(j, v, a) },
		},
		{
			Name: "https_proxy", Type: Proxy,
			Bad: CutsOff, Reader: BothReaders,
			Does:     "as HTTPS_PROXY, read where that is empty",
			Together: lowerCaseProxy,
		},
		{
			Name: "NO_PROXY", Type: CommaList,
			Bad: Unchecked, Reader: BothReaders,
			Does: "hosts that are reached without the proxy",
		},
		{
			Name: "no_proxy", Type: CommaList,
			Bad: Unchecked, Reader: BothReaders,
			Does:     "as NO_PROXY, read where that is empty",
			Together: lowerCaseProxy,
		},

		// The AWS SDK inside the agent (aws-sdk-go-v2, config/env_config.go).
		{
			Name: "AWS_ACCESS_KEY_ID", Type: Text,
			Bad:    Unchecked,
			Reader: SDKReader,
			Does:   "static AWS credentials, which win over the instance role",
			Secret: true, Together: accessKeys,
		},
		{
			Name: "AWS_SECRET_ACCESS_KEY", Type: Text,
			Bad:    Unchecked,
			Reader: SDKReader,
			Does:   "static AWS credentials, which win over the instance role",
			Secret: true, Together: accessKeys,
		},
		{
			Name: "AWS_SESSION_TOKEN", Type: Text,
			Bad:    Unchecked,
			Reader: SDKReader,
			Does:   "static AWS credentials, which win over the instance role",
			Secret: true,
		},
		{
			Name: "AWS_REGION", Type: Region,
			Bad:    Unchecked,
			Reader: SDKReader,
			Does:   "region for the AWS SDK; the agent itself reads AWS_DEFAULT_REGION",
			Check:  checkSDKRegion, Together: sdkRegion,
		},
		{
			Name: "AWS_PROFILE", Type: Text,
			Bad:      Unchecked,
			Reader:   SDKReader,
			Does:     "profile of the shared configuration",
			Together: profile,
		},
		{
			Name: "AWS_DEFAULT_PROFILE", Type: Text,
			Bad:      Unchecked,
			Reader:   SDKReader,
			Does:     "as AWS_PROFILE, read where that is empty",
			Together: profile,
		},
		{
			Name: "AWS_SHARED_CREDENTIALS_FILE", Type: Path,
			Bad:    Unchecked,
			Reader: SDKReader,
			Does:   "shared credentials file",
			Path:   &pathUse{isFile: true, effect: "The AWS SDK runs without the file.", fix: "Keep the file below /etc/ecs, which is mounted."},
		},
		{
			Name: "AWS_CONFIG_FILE", Type: Path,
			Bad:    Unchecked,
			Reader: SDKReader,
			Does:   "shared configuration file",
			Path:   &pathUse{isFile: true, effect: "The AWS SDK runs without the file.", fix: "Keep the file below /etc/ecs, which is mounted."},
		},
		{
			Name: "AWS_CA_BUNDLE", Type: Path,
			Bad:    Unchecked,
			Reader: SDKReader,
			Does:   "certificate authorities for the AWS APIs; a missing file is an error",
			Path:   &pathUse{isFile: true, imageIsFine: true, ending: Restarts, effect: "The AWS SDK refuses to load without the file. " + Restarts.sentence(), fix: "Keep the file below /etc/ecs, which is mounted."},
		},
		{
			Name: "AWS_ENDPOINT_URL", Type: URL,
			Bad:    Unchecked,
			Reader: SDKReader,
			Does:   "endpoint of every AWS API",
		},
		{
			Name: "AWS_USE_FIPS_ENDPOINT", Type: SDKBoolean,
			Bad:    StopsAgent,
			Reader: SDKReader,
			Does:   "FIPS endpoints",
		},
		{
			Name: "AWS_USE_DUALSTACK_ENDPOINT", Type: SDKBoolean,
			Bad:    StopsAgent,
			Reader: SDKReader,
			Does:   "dual-stack endpoints",
		},
		{
			Name: "AWS_EC2_METADATA_DISABLED", Type: SDKBoolean,
			Bad:      Silent,
			Reader:   SDKReader,
			Does:     "turns the instance metadata off",
			Check:    checkMetadataDisabled,
			Together: metadataDisabled,
		},
		{
			Name: "AWS_EC2_METADATA_SERVICE_ENDPOINT", Type: URL,
			Bad:    Unchecked,
			Reader: SDKReader,
			Does:   "endpoint of the instance metadata",
			Check:  checkMetadataEndpoint,
		},
		{
			Name: "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", Type: ChoiceAnyCase, Values: []string{"ipv4", "ipv6"},
			Bad:    StopsAgent,
			Reader: SDKReader,
			Does:   "IPv4 or IPv6 for the instance metadata",
			Check:  checkMetadataMode,
		},
		{
			Name: "AWS_EC2_METADATA_V1_DISABLED", Type: SDKBoolean,
			Bad:    StopsAgent,
			Reader: SDKReader,
			Does:   "refuses to fall back to IMDSv1",
		},
		{
			Name: "AWS_MAX_ATTEMPTS", Type: Integer,
			Bad:    StopsAgent,
			Reader: SDKReader,
			Does:   "attempts for each AWS call",
			Check:  checkAttempts,
		},
		{
			Name: "AWS_RETRY_MODE", Type: Choice, Values: []string{"standard", "adaptive"},
			Bad:    StopsAgent,
			Reader: SDKReader,
			Does:   "how AWS calls are repeated",
		},
		{
			Name: "AWS_ROLE_ARN", Type: Text,
			Bad:    Unchecked,
			Reader: SDKReader,
			Does:   "role for a web identity",
		},
		{
			Name: "AWS_WEB_IDENTITY_TOKEN_FILE", Type: Path,
			Bad:      Unchecked,
			Reader:   SDKReader,
			Does:     "token of a web identity",
			Together: webIdentity,
			Path:     &pathUse{isFile: true, ending: Restarts, effect: noCredentials + Restarts.sentence(), fix: "Delete the line, or keep the file below /etc/ecs, which is mounted."},
		},
		{
			Name: "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", Type: Text,
			Bad:      Unchecked,
			Reader:   SDKReader,
			Does:     "where credentials come from inside a task",
			Together: relativeCredentials,
		},
		{
			Name: "AWS_CONTAINER_CREDENTIALS_FULL_URI", Type: URL,
			Bad:    Unchecked,
			Reader: SDKReader,
			Does:   "where credentials come from inside a task",
			Check:  nothingToCheck, Together: credentialsEndpoint,
		},

		{
			Name: "AWS_ACCESS_KEY", Type: Text, Reader: SDKReader, Secret: true, Together: accessKeys,
			Does: "as AWS_ACCESS_KEY_ID, read where that is empty",
		},
		{
			Name: "AWS_SECRET_KEY", Type: Text, Reader: SDKReader, Secret: true, Together: accessKeys,
			Does: "as AWS_SECRET_ACCESS_KEY, read where that is empty",
		},
		{
			Name: "AWS_CONTAINER_AUTHORIZATION_TOKEN", Type: Text, Reader: SDKReader, Secret: true,
			Does: "token for the credentials endpoint of a container",
		},
		{
			Name: "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", Type: Path, Reader: SDKReader,
			Does: "file with that token",
		},
		{
			Name: "AWS_ROLE_SESSION_NAME", Type: Text, Reader: SDKReader,
			Does: "session name for a web identity",
		},
		{
			Name: "AWS_ACCOUNT_ID", Type: Text, Reader: SDKReader,
			Does: "account of static credentials",
		},
		{
			Name: "AWS_ACCOUNT_ID_ENDPOINT_MODE", Type: Choice, Values: []string{"preferred", "required", "disabled"}, Bad: StopsAgent, Reader: SDKReader,
			Does: "whether endpoints have the account in their name",
		},
		{
			Name: "AWS_DEFAULTS_MODE", Type: ChoiceAnyCase, Values: []string{"auto", "cross-region", "in-region", "legacy", "mobile", "standard"}, Bad: StopsAgent, Reader: SDKReader,
			Does: "set of default timeouts and retries",
		},
		{
			Name: "AWS_DISABLE_REQUEST_COMPRESSION", Type: SDKBoolean, Bad: StopsAgent, Reader: SDKReader,
			Does: "turns the compression of requests off",
		},
		{
			Name: "AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES", Type: Integer, Default: "10240", Min: "0", Max: "10485760", Bad: StopsAgent, Reader: SDKReader, Check: checkBytes, Empty: emptyIsFine,
			Does: "size from which requests are compressed",
		},
		{
			Name: "AWS_ENABLE_ENDPOINT_DISCOVERY", Type: ChoiceAnyCase, Values: []string{"true", "false", "auto"}, Bad: StopsAgent, Reader: SDKReader,
			Does: "whether endpoints are discovered",
		},
		{
			Name: "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", Type: SDKBoolean, Bad: StopsAgent, Reader: SDKReader,
			Does: "ignores AWS_ENDPOINT_URL and its kind",
		},
		{
			Name: "AWS_REQUEST_CHECKSUM_CALCULATION", Type: ChoiceAnyCase, Values: []string{"when_supported", "when_required"}, Bad: StopsAgent, Reader: SDKReader,
			Does: "when requests get a checksum",
		},
		{
			Name: "AWS_RESPONSE_CHECKSUM_VALIDATION", Type: ChoiceAnyCase, Values: []string{"when_supported", "when_required"}, Bad: StopsAgent, Reader: SDKReader,
			Does: "when the checksum of a response is checked",
		},
		{
			Name: "AWS_RESTRICT_FILE_PERMISSIONS", Type: ChoiceAnyCase, Values: []string{"user_read_write", "unrestricted"}, Bad: StopsAgent, Reader: SDKReader,
			Does: "permissions of files that the SDK writes",
		},
		{
			Name: "AWS_S3_DISABLE_EXPRESS_SESSION_AUTH", Type: SDKBoolean, Bad: StopsAgent, Reader: SDKReader,
			Does: "turns S3 Express sessions off",
		},
		{
			Name: "AWS_S3_DISABLE_MULTIREGION_ACCESS_POINTS", Type: SDKBoolean, Bad: StopsAgent, Reader: SDKReader,
			Does: "turns multi-Region access points off",
		},
		{
			Name: "AWS_S3_USE_ARN_REGION", Type: SDKBoolean, Bad: StopsAgent, Reader: SDKReader,
			Does: "takes the Region of an S3 ARN",
		},
		{
			Name: "AWS_SDK_UA_APP_ID", Type: Text, Reader: SDKReader,
			Does: "name in the user agent",
		},
		{
			Name: "AWS_AUTH_SCHEME_PREFERENCE", Type: CommaList, Reader: SDKReader,
			Does: "order of authentication schemes",
		},
		{
			Name: "AWS_EXECUTION_ENV", Type: Text, Reader: SDKReader,
			Does: "environment in the user agent, and for AWS_DEFAULTS_MODE=auto",
		},
		{
			Name: "AWS_LOGIN_CACHE_DIRECTORY", Type: Path, Reader: SDKReader,
			Does: "cache of login sessions, which no agent has",
		},
		{
			Name: "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", Type: URL, Reader: SDKReader, Check: checkTaskEndpoint,
			Does: "endpoint of CloudWatch Logs",
		},
		{
			Name: "AWS_ENDPOINT_URL_EC2", Type: URL, Reader: SDKReader, Check: checkTaskEndpoint,
			Does: "endpoint of Amazon EC2",
		},
		{
			Name: "AWS_ENDPOINT_URL_ECR", Type: URL, Reader: SDKReader, Check: checkTaskEndpoint,
			Does: "endpoint of Amazon ECR",
		},
		{
			Name: "AWS_ENDPOINT_URL_ECS", Type: URL, Reader: SDKReader,
			Does: "endpoint of Amazon ECS",
		},
		{
			Name: "AWS_ENDPOINT_URL_FSX", Type: URL, Reader: SDKReader, Check: checkTaskEndpoint,
			Does: "endpoint of Amazon FSx",
		},
		{
			Name: "AWS_ENDPOINT_URL_S3", Type: URL, Reader: SDKReader, Check: checkTaskEndpoint,
			Does: "endpoint of Amazon S3",
		},
		{
			Name: "AWS_ENDPOINT_URL_SECRETS_MANAGER", Type: URL, Reader: SDKReader, Check: checkTaskEndpoint,
			Does: "endpoint of Secrets Manager",
		},
		{
			Name: "AWS_ENDPOINT_URL_SIGNIN", Type: URL, Reader: SDKReader, Check: checkTaskEndpoint,
			Does: "endpoint of AWS Sign-In",
		},
		{
			Name: "AWS_ENDPOINT_URL_SSM", Type: URL, Reader: SDKReader, Check: checkTaskEndpoint,
			Does: "endpoint of Systems Manager",
		},
		{
			Name: "AWS_ENDPOINT_URL_SSO", Type: URL, Reader: SDKReader, Check: checkTaskEndpoint,
			Does: "endpoint of IAM Identity Center",
		},
		{
			Name: "AWS_ENDPOINT_URL_SSO_OIDC", Type: URL, Reader: SDKReader, Check: checkTaskEndpoint,
			Does: "endpoint of IAM Identity Center",
		},
		{
			Name: "AWS_ENDPOINT_URL_STS", Type: URL, Reader: SDKReader, Check: checkTaskEndpoint,
			Does: "endpoint of AWS STS",
		},

		// Go's TLS library (crypto/x509).
		{
			Name: "SSL_CERT_DIR", Type: Path, ECSInit: new("/etc/pki/tls/certs (AL/rpm) when it exists"),
			Bad:    Unchecked,
			Reader: RuntimeReader,
			Does:   "directories of certificate authorities",
			Path:   &pathUse{list: true, imageIsFine: true, effect: "The agent trusts only the certificate authorities of its image.", fix: "Keep the certificates below /etc/ecs, which is mounted."},
		},
		{
			Name: "SSL_CERT_FILE", Type: Path,
			Bad:    Unchecked,
			Reader: RuntimeReader,
			Does:   "file of certificate authorities",
			Path:   &pathUse{imageIsFine: true, effect: "The agent trusts only the certificate authorities of its image.", fix: "Keep the certificates below /etc/ecs, which is mounted."},
		},

		// Go's runtime and other libraries inside the agent.
		{
			Name: "GODEBUG", Type: Text, Reader: RuntimeReader,
			Does: "debug settings of Go's runtime",
		},
		{
			Name: "GOGC", Type: Text, Reader: RuntimeReader,
			Does: "garbage collection target of Go's runtime",
		},
		{
			Name: "GOMAXPROCS", Type: Text, Reader: RuntimeReader,
			Does: "threads of Go's runtime",
		},
		{
			Name: "GOMEMLIMIT", Type: Text, Reader: RuntimeReader, Check: checkMemoryLimit,
			Does: "memory limit of Go's runtime",
		},
		{
			Name: "GOTRACEBACK", Type: Text, Reader: RuntimeReader,
			Does: "stack traces of Go's runtime",
		},
		{
			Name: "GOLANG_PROTOBUF_REGISTRATION_CONFLICT", Type: Text, Reader: RuntimeReader,
			Does: "what the protobuf library does about a conflict",
		},
		{
			Name: "TZ", Type: Text, Reader: RuntimeReader,
			Does: "time zone of Go's time package",
		},
		{
			Name: "PATH", Type: Text, Reader: RuntimeReader, Check: checkSearchPath,
			Does: "where the agent looks for programs",
		},
		{
			Name: "HOME", Type: Text, Reader: RuntimeReader,
			Does: "home directory, with the shared configuration of the AWS SDK",
		},
		{
			Name: "ALL_PROXY", Type: Proxy, Reader: RuntimeReader, Check: nothingToCheck,
			Does: "proxy of programs that the agent starts",
		},
		{
			Name: "REQUEST_METHOD", Type: Text, Reader: RuntimeReader, Together: asCGI,
			Does: "says that the program runs as CGI, where Go refuses HTTP_PROXY",
		},

		// Switches for the agent's own tests.
		{
			Name: "ZZZ_SKIP_CREDENTIALS_FETCHER_INVOCATION_CHECK_NOT_SUPPORTED_IN_PRODUCTION", Type: Boolean,
			Bad:  Silent,
			Does: "skips a check in the agent's own tests",
		},
		{
			Name: "ZZZ_SKIP_DOMAIN_JOIN_CHECK_NOT_SUPPORTED_IN_PRODUCTION", Type: Boolean,
			Bad:  Silent,
			Does: "skips a check in the agent's own tests",
		},
		{
			Name: "ZZZ_SKIP_DOMAIN_LESS_CHECK_NOT_SUPPORTED_IN_PRODUCTION", Type: Boolean,
			Bad:  Silent,
			Does: "skips a check in the agent's own tests",
		},
		{
			Name: "ZZZ_SKIP_WINDOWS_SERVER_VERSION_CHECK_NOT_SUPPORTED_IN_PRODUCTION", Type: Boolean,
			Bad: Silent, Platform: WindowsOnly,
			Does: "skips a check in the agent's own tests",
		},
	}
}
