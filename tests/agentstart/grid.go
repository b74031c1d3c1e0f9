package agentstart

import (
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
)

// Case is one line of an ecs.config beside ECS_CLUSTER=prod.
type Case struct{ Name, Value string }

// File is the whole file.
func (c Case) File() string {
	if c.Name == "ECS_CLUSTER" {
		return c.Name + "=" + c.Value + "\n"
	}
	return "ECS_CLUSTER=prod\n" + c.Name + "=" + c.Value + "\n"
}

// Job is the start-up with the file.
func (c Case) Job() Job {
	return Job{Environment: ContainerEnvironment(c.File()), ProxyOnly: isProxy(c.Name) && strings.TrimSpace(c.Value) != ""}
}

// isProxy says that a variable names a proxy of net/http, which knows no
// ALL_PROXY: its author's network leads to the APIs through it.
func isProxy(name string) bool {
	return strings.EqualFold(name, "HTTP_PROXY") || strings.EqualFold(name, "HTTPS_PROXY")
}

// ContainerEnvironment is the environment that ecs-init gives the agent's
// container on Amazon Linux (ecs-init/docker/docker.go getContainerConfig,
// docker_config.go, loadUsrEnvVars), with the agent image's PATH.
func ContainerEnvironment(file string) map[string]string {
	environment := map[string]string{
		"PATH":        "/host/sbin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"ECS_LOGFILE": "/log/ecs-agent.log", "ECS_DATADIR": "/data", "ECS_AGENT_CONFIG_FILE_PATH": "/etc/ecs/ecs.config.json",
		"ECS_UPDATE_DOWNLOAD_DIR": "/var/cache/ecs", "ECS_UPDATES_ENABLED": "true",
		"ECS_AVAILABLE_LOGGING_DRIVERS": `["json-file","syslog","awslogs","fluentd","none"]`,
		"ECS_ENABLE_TASK_IAM_ROLE":      "true", "ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST": "true", "ECS_EBSTA_SUPPORTED": "true", "ECS_AGENT_LABELS": "",
		"ECS_VOLUME_PLUGIN_CAPABILITIES": `["efsAuth"]`, "ECS_DETAILED_OS_FAMILY": "amzn_2023", "SSL_CERT_DIR": "/etc/pki/tls/certs",
		"CREDENTIALS_FETCHER_HOST_DIR": "/var/credentials-fetcher/socket/credentials_fetcher.sock",
		"ECS_ENABLE_TASK_ENI":          "true", "ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE": "true",
	}
	for line := range strings.SplitSeq(strings.TrimSpace(file), "\n") {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			environment[name] = strings.ToValidUTF8(value, "\uFFFD")
		}
	}
	if environment["ECS_EXTERNAL"] == "true" {
		environment["ECS_ENABLE_TASK_ENI"] = "false"
	}
	return environment
}

// Grid gives the cases of every variable that the agent's container reads, at
// least 200 for each, always the same ones in the same order.
func Grid() []Case {
	var cases []Case
	for _, v := range ecsconfig.Catalogue() {
		if v.Platform == ecsconfig.WindowsOnly || v.Reader == ecsconfig.NoReader || v.Reader == ecsconfig.SystemdReader {
			continue
		}
		for _, value := range valuesOf(v) {
			cases = append(cases, Case{v.Name, value})
		}
	}
	return cases
}

// common are values of all kinds, most of them wrong for most variables.
var common = []string{
	"", "true", "false", "TRUE", "True", "tRUE", "FALSE", "t", "F", "yes", "no", "Yes", "on", "off", "enabled", "disabled", "1", "0", "-1", "+1", "2", "3", "5", "10", "22", "64", "100",
	"256", "1000", "1024", "4096", "10240", "65535", "65536", "100000", "4194304", "4194305", "10485760", "10485761", "4294967296", "9223372036854775807", "9223372036854775808", "-9223372036854775809",
	"1.5", "0.5", "-0.5", "1e3", "NaN", "Inf", "0x10", "1_000", "٣", "007", "1,000", "10k", "10K", "256MB", "256 MiB", "50%", "abc", "ABC", "a b", "default", "Default", "none", "null", "nil", "undefined",
	"{}", "[]", "[", "{", "]", "}", `"`, `""`, `''`, "'x'", `"x"`, `"true"`, "'true'", "true # comment", "true;", "true ", "${X}", "$X", "$(x)", "{{x}}", "##X##", "<x>", "@X@",
	"/", "/data", "/data/", "/data/prod", "/foo", "/foo/bar", "/tmp", "/tmp/x", "relative/path", "./x", "../x", "/etc/ecs", "/etc/ecs/data", "/etc/ecs/ca.pem", "/etc/ecs/token", "/var/lib/ecs", "/var/lib/ecs/data",
	"/var/lib/ecs/cni", "/var/log/ecs/ecs-agent.log", "/log/x.log", "/var/cache/ecs", "/opt/cni/bin", "/amazon-ecs-cni-plugins", "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs", "/usr/lib/x", `C:\ecs`, "~/x",
	"unix:///var/run/docker.sock", "unix://var/run/docker.sock", "unix://", "/var/run/docker.sock", "tcp://127.0.0.1:2375", "npipe:////./pipe/docker_engine",
	"http://127.0.0.1", "https://example.com/x", "https://ecs.us-east-1.amazonaws.com", "ecs.us-east-1.amazonaws.com", "://", "http://", "http://[", "not a url", "%zz", "a%20b", "ftp://example.com", "http://proxy.example.com:3128",
	"proxy.example.com:3128", "http://proxy.example.com:port", "http://proxy.example.com:99999", "169.254.169.254", "169.254.0.0/16", "*", ".amazonaws.com",
	"1s", "1m", "1h", "90", "90s", "1d", "1h30m", "-1s", "0s", "1ms", "8ms", "7ms", "100ms", "101ms", "5s", "20s", "30s", "45s", "10m", "9m59s", "2h45m", "24h", "1 s", "1S", "1hour", "h", "1ns", "2562048h",
	"[1]", "[1,2]", "[22,80]", "[22,]", `["22"]`, `["a"]`, `["json-file"]`, `["json-file","loki"]`, `["JSON-FILE"]`, "[null]", "[1.5]", "[-1]", "[65536]", `{"a":"b"}`, `{"a":1}`, `{"a":null}`, `{"a":{"b":"c"}}`, `{"a":"b",}`,
	`"text"`, `["10.0.0.0/8"]`, `["10.0.0.0"]`, "[{}]", "[[]]", `{"a":"b"} x`, `[1] x`, `{'a':'b'}`, "{a:b}", `{"aws:x":"y"}`, `{"a b":"c"}`, `{"ecs.x":"y"}`, `{"":"y"}`, `{"a":""}`, `{"a":" x"}`, `{"a":"äöü"}`,
	"40,60", "40", "40,60,80", "0,0", "-1,5", "40, 60", "1-2", "200-100", "80", "32768-60999", "1-2-3",
	"us-east-1", "us-east-1a", "eu-west-1", "US-EAST-1", "bogus", "us_east_1", "arn:aws:ecs:us-east-1:123456789012:cluster/prod", "arn:aws:ecs:us-east-1:1:x", "prod", "prod-1_x", "my cluster", "a/b", "a:b", "a@b", "日本",
	"ipv4", "ipv6", "dual", "IPv4", "standard", "adaptive", "legacy", "auto", "required", "preferred", "Preferred", "when_supported", "when_required", "user_read_write", "unrestricted", "0600",
	"size", "hourly", "json", "logfmt", "debug", "info", "warn", "error", "crit", "docker", "dockercfg", "always", "once", "prefer-cached", "ec2_instance", "awslogs", "journald", "ops", "panic", "ignore",
	",", ";", "#", "-", "_", ".", `\`, `\n`, "|", "&", "`x`", "!", "?", "~", "=", "a=b", "512MiB", "1GB",
	strings.Repeat("x", 256), strings.Repeat("x", 5000),
}

// valuesOf are the common values and those at the edges of what the variable
// takes.
func valuesOf(v ecsconfig.Variable) []string {
	values := slices.Clone(common)
	for _, word := range append(slices.Clone(v.Values), v.Default, v.Min, v.Max) {
		if word != "" {
			values = append(values, word, strings.ToUpper(word), " "+word, word+"x", `"`+word+`"`, word+" ")
		}
	}
	if v.Name == "ECS_RESERVED_PORTS" || v.Name == "ECS_RESERVED_PORTS_UDP" {
		values = append(values, "["+strings.Repeat("1,", 99)+"1]", "["+strings.Repeat("1,", 100)+"1]")
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(values, func(value string) bool {
		key := strings.TrimRight(value, " ") // ecs-init trims the line
		if seen[key] || strings.ContainsAny(value, "\n\x00") {
			return true
		}
		seen[key] = true
		return false
	})
}
