package ecsconfig

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"ecsguardrails/shared/finding"
)

// enabled says that the agent takes a variable of the file for true.
func (j *judge) enabled(name string) bool {
	on, err := strconv.ParseBool(strings.TrimSpace(j.file.value(name)))
	return err == nil && on
}

// disabled says that the file turns a variable off, or falls back to an off.
func (j *judge) disabled(name string) bool {
	_, set := j.file.Lookup(name)
	return set && !j.enabled(name)
}

// together judges settings that only mean something beside others.
func (j *judge) together() {
	j.external()
	j.cluster()
	j.withoutEffect()
	j.proxies()
	j.credentials()
	j.sdk()
	j.agentLog()
}

func (j *judge) external() {
	external, ok := j.file.Lookup("ECS_EXTERNAL")
	if !ok || !j.enabled("ECS_EXTERNAL") {
		return
	}
	if strings.TrimSpace(j.file.value("AWS_DEFAULT_REGION")) == "" {
		j.add(external.Line, external.Column, "ECS_EXTERNAL", problem{code: codeRegionMissing, severity: finding.Error,
			message: "ECS_EXTERNAL needs AWS_DEFAULT_REGION, as there is no instance metadata to ask: " + string(StopsAgent),
			fix:     "add AWS_DEFAULT_REGION=REGION"})
	}
	if eni, set := j.file.Lookup("ECS_ENABLE_TASK_ENI"); set && j.enabled("ECS_ENABLE_TASK_ENI") && j.file.value("ECS_EXTERNAL") == "true" {
		j.add(eni.Line, eni.Column, "ECS_ENABLE_TASK_ENI", problem{code: codeNoEffect, severity: finding.Warning,
			message: "ecs-init turns ECS_ENABLE_TASK_ENI off on an external instance: there is no awsvpc network mode",
			fix:     "delete the line"})
	}
}

func (j *judge) cluster() {
	name, a, named := j.file.Cluster()
	if !named {
		return
	}
	match := clusterARN.FindStringSubmatch(name)
	region := j.file.Region()
	if match == nil || region == "" || !regionName.MatchString(region) || match[1] == region {
		return
	}
	j.add(a.Line, a.ValueColumn(), "ECS_CLUSTER", problem{code: codeClusterRegion, severity: finding.Error,
		message: fmt.Sprintf("the cluster is in %s, but AWS_DEFAULT_REGION makes the agent call ECS in %s: the instance never joins", match[1], region),
		fix:     "name a cluster of " + region + ", or write AWS_DEFAULT_REGION=" + match[1]})
}

// dependency says that some settings are read only in the presence of another.
type dependency struct {
	names []string
	// idle says when they are not read.
	idle    func(*judge) bool
	because string
	fix     string
}

var dependencies = []dependency{
	{
		names:   []string{"ECS_POLLING_METRICS_WAIT_DURATION"},
		idle:    func(j *judge) bool { return !j.enabled("ECS_POLL_METRICS") },
		because: "ECS_POLL_METRICS is not true", fix: "add ECS_POLL_METRICS=true, or delete the line",
	},
	{
		names:   []string{"NON_ECS_IMAGE_MINIMUM_CLEANUP_AGE", "NONECS_NUM_CONTAINERS_DELETE_PER_CYCLE", "ECS_EXCLUDE_UNTRACKED_IMAGE"},
		idle:    func(j *judge) bool { return !j.enabled("ECS_ENABLE_UNTRACKED_IMAGE_CLEANUP") },
		because: "ECS_ENABLE_UNTRACKED_IMAGE_CLEANUP is not true", fix: "add ECS_ENABLE_UNTRACKED_IMAGE_CLEANUP=true, or delete the line",
	},
	{
		names:   []string{"ECS_IMAGE_CLEANUP_INTERVAL", "ECS_IMAGE_MINIMUM_CLEANUP_AGE", "ECS_NUM_IMAGES_DELETE_PER_CYCLE", "ECS_ENABLE_UNTRACKED_IMAGE_CLEANUP"},
		idle:    func(j *judge) bool { return j.enabled("ECS_DISABLE_IMAGE_CLEANUP") },
		because: "ECS_DISABLE_IMAGE_CLEANUP is true", fix: "delete one of the two",
	},
	{
		names:   []string{"ECS_ENABLE_HIGH_DENSITY_ENI", "ECS_AWSVPC_BLOCK_IMDS", "ECS_AWSVPC_ADDITIONAL_LOCAL_ROUTES"},
		idle:    func(j *judge) bool { return j.disabled("ECS_ENABLE_TASK_ENI") },
		because: "ECS_ENABLE_TASK_ENI is off", fix: "write ECS_ENABLE_TASK_ENI=true, or delete the line",
	},
	{
		names:   []string{"ECS_LOG_MAX_FILE_SIZE_MB"},
		idle:    func(j *judge) bool { t := j.file.value("ECS_LOG_ROLLOVER_TYPE"); return t != "" && t != "size" },
		because: "ECS_LOG_ROLLOVER_TYPE is not size", fix: "write ECS_LOG_ROLLOVER_TYPE=size, or delete the line",
	},
	{
		names: []string{"ECS_INIT_DOCKER_LOG_FILE_SIZE", "ECS_INIT_DOCKER_LOG_FILE_NUM"},
		idle: func(j *judge) bool {
			driver := j.systemd["ECS_LOG_DRIVER"]
			known := slices.Contains(byName["ECS_LOG_DRIVER"].Values, driver)
			return (known && driver != "json-file") || (strings.TrimSpace(j.systemd["ECS_LOG_OPTS"]) != "" && (known || driver == ""))
		},
		because: "ECS_LOG_DRIVER or ECS_LOG_OPTS takes their place", fix: "delete the line, or write max-size and max-file into ECS_LOG_OPTS",
	},
}

func (j *judge) withoutEffect() {
	for _, d := range dependencies {
		if !d.idle(j) {
			continue
		}
		for _, name := range d.names {
			a, ok := j.file.Lookup(name)
			if !ok || a.Value.IsZero() {
				continue
			}
			j.add(a.Line, a.Column, name, problem{code: codeNoEffect, severity: finding.Warning,
				message: name + " has no effect, because " + d.because, fix: d.fix})
		}
	}
}

// notProxied is what NO_PROXY must hold on Linux, as the agent's README has it;
// its example has 169.254.170.2 too.
var notProxied = []string{"169.254.169.254", "/var/run/docker.sock"}

func (j *judge) proxies() {
	for _, pair := range [][2]string{{"HTTP_PROXY", "http_proxy"}, {"HTTPS_PROXY", "https_proxy"}, {"NO_PROXY", "no_proxy"}} {
		lower, ok := j.file.Lookup(pair[1])
		if ok && j.file.value(pair[0]) != "" {
			j.add(lower.Line, lower.Column, pair[1], problem{code: codeNoEffect, severity: finding.Warning,
				message: pair[1] + " has no effect, because " + pair[0] + " is set too and comes first", fix: "delete one of the two"})
		}
	}
	exceptions := cmp.Or(j.file.value("NO_PROXY"), j.file.value("no_proxy"))
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"} {
		a, ok := j.file.Lookup(name)
		if !ok || a.Value.IsZero() {
			continue
		}
		var missing []string
		for _, host := range notProxied {
			if !strings.Contains(exceptions, host) && !strings.Contains(exceptions, "169.254.0.0/16") && exceptions != "*" {
				missing = append(missing, host)
			}
		}
		if len(missing) > 0 {
			j.add(a.Line, a.Column, name, problem{code: codeProxyExceptions, severity: finding.Warning,
				message: "with a proxy set, NO_PROXY must keep " + strings.Join(missing, ", ") + " from it: the instance metadata and Docker are not behind the proxy",
				fix:     "add NO_PROXY=169.254.169.254,169.254.170.2,/var/run/docker.sock"})
		}
		return // once is enough
	}
}

func (j *judge) credentials() {
	id, hasID := j.file.Lookup("AWS_ACCESS_KEY_ID")
	key, hasKey := j.file.Lookup("AWS_SECRET_ACCESS_KEY")
	hasID, hasKey = hasID && !id.Value.IsZero(), hasKey && !key.Value.IsZero()
	switch {
	case hasID && hasKey:
		j.add(id.Line, id.Column, "AWS_ACCESS_KEY_ID", problem{code: codeStaticKeys, severity: finding.Warning,
			message: "the agent uses these AWS keys in the place of the instance role, and everybody has them who may read the file",
			fix:     "delete AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, make the keys invalid, and give the instance a role"})
	case hasID || hasKey:
		a := id
		if hasKey {
			a = key
		}
		j.add(a.Line, a.Column, a.Name, problem{code: codeStaticKeys, severity: finding.Warning,
			message: "half of an AWS key: the AWS SDK ignores it, and everybody has it who may read the file",
			fix:     "delete the line, and make the key invalid"})
	}
}

// inContainer is what stands in the agent's container: what ecs-init mounts under
// the same path (ecs-init/docker/docker.go getHostConfig, docker_config.go), and
// the image's own authorities.
var inContainer = []string{
	"/etc/ecs/", "/etc/pki/", "/var/lib/ecs/", "/var/cache/ecs/", "/var/run/", "/usr/lib/", "/usr/lib64/", "/lib/", "/lib64/",
	"/data/", "/log/", "/etc/ssl/certs/ca-certificates.crt",
}

// sdk judges what the AWS SDK inside the agent cannot load its configuration
// with (aws-sdk-go-v2 config, LoadDefaultConfig), nor the agent then start.
func (j *judge) sdk() {
	refused := func(name, why, fix string) {
		a, _ := j.file.Lookup(name)
		j.add(a.Line, a.Column, name, problem{code: codeSDK, severity: finding.Error, message: why + ": " + string(StopsAgent), fix: fix})
	}
	for _, name := range slices.Sorted(maps.Keys(sdkWords)) {
		value, words := j.file.value(name), sdkWords[name]
		if value != "" && !slices.ContainsFunc(words, func(word string) bool {
			return word == value || name != "AWS_ACCOUNT_ID_ENDPOINT_MODE" && strings.EqualFold(word, value)
		}) {
			refused(name, name+" has none of the values that the AWS SDK takes for it", "delete the line, or write one of "+strings.Join(words, ", "))
		}
	}
	hasKeys := j.file.value("AWS_ACCESS_KEY_ID") != "" && j.file.value("AWS_SECRET_ACCESS_KEY") != ""
	hasToken := j.file.value("AWS_WEB_IDENTITY_TOKEN_FILE") != "" && !hasKeys
	if j.file.value("AWS_PROFILE") != "" && j.file.value("AWS_CONFIG_FILE") == "" && j.file.value("AWS_SHARED_CREDENTIALS_FILE") == "" {
		refused("AWS_PROFILE", "AWS_PROFILE names a profile, but there is no shared configuration file in the agent's container",
			"delete the line, or set AWS_CONFIG_FILE to a file below /etc/ecs, which is mounted there")
	}
	if bundle, ok := j.file.Lookup("AWS_CA_BUNDLE"); ok && strings.HasPrefix(bundle.Value.Reveal(), "/") &&
		!slices.ContainsFunc(inContainer, func(path string) bool { return strings.HasPrefix(bundle.Value.Reveal(), path) }) {
		j.add(bundle.Line, bundle.ValueColumn(), "AWS_CA_BUNDLE", problem{code: codeSDK, severity: finding.Warning,
			message: "ecs-init mounts no such path into the agent's container: without the file the AWS SDK loads no configuration, and the agent does not start",
			fix:     "keep the file below /etc/ecs, which is mounted there"})
	}
	if hasToken && j.file.value("AWS_ROLE_ARN") == "" {
		refused("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE needs AWS_ROLE_ARN", "delete the line, or add AWS_ROLE_ARN")
	}
	if address := j.file.value("AWS_CONTAINER_CREDENTIALS_FULL_URI"); address != "" && !hasKeys && !hasToken && j.file.value("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") == "" {
		if parsed, err := url.Parse(address); err != nil || parsed.Hostname() == "" {
			refused("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI is no URL with a host", "delete the line: an instance has the credentials of its role")
		}
	}
}

// wantedLogOptions are those without which Docker takes no container with the
// driver (moby daemon/logger, ValidateLogOpt and New of each driver).
var wantedLogOptions = map[string][]string{
	"awslogs": {"awslogs-group"}, "gelf": {"gelf-address"}, "logentries": {"logentries-token"}, "splunk": {"splunk-url", "splunk-token"},
}

// agentLog judges the options of the agent's own log driver, which Docker
// checks when it creates the container.
func (j *judge) agentLog() {
	driver := cmp.Or(j.systemd["ECS_LOG_DRIVER"], "json-file")
	if !slices.Contains(byName["ECS_LOG_DRIVER"].Values, driver) {
		return // ecs-init drops the options too
	}
	var object map[string]string
	if _, err := decodeFirst(j.systemd["ECS_LOG_OPTS"], &object); err != nil {
		return
	}
	options, ok := j.file.Lookup("ECS_LOG_OPTS")
	for _, wanted := range wantedLogOptions[driver] {
		if object[wanted] != "" {
			continue
		}
		place, variable := options, "ECS_LOG_OPTS"
		if !ok {
			place, _ = j.file.Lookup("ECS_LOG_DRIVER")
			variable = "ECS_LOG_DRIVER"
		}
		j.add(place.Line, place.ValueColumn(), variable, problem{code: codeDockerLog, severity: finding.Warning,
			message: "the log driver " + driver + " needs the option " + wanted + ", without which Docker refuses to create or to start the agent's container",
			fix:     "write " + wanted + " into ECS_LOG_OPTS, a JSON object of text to text"})
		break
	}
	if !ok {
		return
	}
	for _, family := range []string{"awslogs", "fluentd", "gelf", "splunk", "syslog"} {
		if driver == family {
			continue
		}
		for name := range object {
			if strings.HasPrefix(name, family+"-") {
				j.add(options.Line, options.ValueColumn(), "ECS_LOG_OPTS", problem{code: codeDockerLog, severity: finding.Warning,
					message: "options of the log driver " + family + ", but the driver is " + driver + ": Docker may refuse to create the agent's container",
					fix:     "write ECS_LOG_DRIVER=" + family + ", or take the options out"})
				break
			}
		}
	}
}

// readersDisagree reports a setting that ecs-init takes from systemd's reading
// when that is another than the agent's, and lines that only docker run
// refuses. It speaks only of lines about which nothing is said yet.
func (j *judge) readersDisagree() {
	for name, index := range j.file.last {
		a := j.file.Assignments[index]
		v := byName[name]
		if v == nil || j.explained[a.Line] || (v.Reader != BothReaders && v.Reader != SystemdReader) {
			continue
		}
		value, ok := j.systemd[name]
		switch {
		case j.systemdError != nil:
			continue // the line that made systemd give up is reported
		case !ok:
			j.add(a.Line, a.Column, name, problem{code: codeDisagree, severity: finding.Warning,
				message: "systemd does not read this line as ecs-init does: for ecs-init itself " + name + " is not set",
				fix:     "write plain ASCII without control characters, quotes and backslashes, and end no line before it with a backslash"})
		case value != strings.TrimSpace(a.Value.Reveal()):
			j.add(a.Line, a.ValueColumn(), name, problem{code: codeDisagree, severity: finding.Warning,
				message: "systemd reads another value than ecs-init does: ecs-init itself and the agent run with different values of " + name,
				fix:     "write the value without quotes, backslashes and control characters"})
		}
	}
	for _, l := range j.file.lines {
		if j.explained[l.number] {
			continue
		}
		text := strings.TrimPrefix(j.text[l.offset:l.end], byteOrderMark)
		if reason := dockerRunRefusal([]byte(text)); reason != "" {
			j.add(l.number, l.column(l.start), "", problem{code: codeDockerRun, severity: finding.Info,
				message: "docker run --env-file refuses the file because of this line: " + reason,
				fix:     "rewrite the line if the agent is ever started by hand"})
		}
	}
	j.oddWhiteSpace()
}

// oddWhiteSpace reports white space around a setting that ecs-init takes away
// and systemd does not.
func (j *judge) oddWhiteSpace() {
	for _, l := range j.file.lines {
		if l.assignment < 0 || j.explained[l.number] || byName[j.file.Assignments[l.assignment].Name] == nil {
			continue
		}
		after, _, _ := strings.Cut(j.text[l.end:], "\n")
		if strings.Trim(j.text[l.offset:l.start]+after, " \t\r") == "" {
			continue
		}
		j.add(l.number, l.column(l.start), j.file.Assignments[l.assignment].Name, problem{code: codeDisagree, severity: finding.Info,
			message: "white space other than blanks and tabs around the setting: ecs-init takes it away, but systemd reads another value, or passes over the line",
			fix:     "delete the white space"})
	}
}
