package ecsconfig

import (
	"bufio"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
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

// together judges settings that only mean something beside others, each by its
// row of the catalogue.
func (j *judge) together() {
	for _, index := range j.file.known {
		a := j.file.Assignments[index]
		v := a.variable
		if j.file.last[a.Name] != index || a.Value.IsZero() {
			continue
		}
		if v.Needs != nil && v.Needs.idle(j) {
			j.add(a.Line, a.Column, a.Name, problem{code: codeNoEffect, severity: finding.Warning,
				fact: a.Name + " has no effect, because " + v.Needs.because + ".", fix: v.Needs.fix})
		}
		if v.Together != nil {
			v.Together(j, v, a)
		}
	}
	j.agentLog()
}

// missing reports what every configuration should have.
func (j *judge) missing(severity finding.Severity) {
	_, set := j.file.Lookup("ECS_CLUSTER")
	if set || j.missed["ECS_CLUSTER"] {
		return
	}
	p := problem{code: codeNoCluster, severity: severity, fact: "ECS_CLUSTER is not set.",
		effect: `The instance joins the cluster "default", which the agent creates if it is missing.`, fix: "Add ECS_CLUSTER with the cluster's name. Write ECS_CLUSTER=default if that is the one."}
	if severity == finding.Info {
		p.effect = `Unless user data adds it, the instance joins the cluster "default".`
	}
	// The finding is about the file as a whole, not about its first line.
	j.kept.Add(finding.Finding{Code: p.code, Severity: p.severity, Message: p.message(), Fix: p.fix, Variable: "ECS_CLUSTER"})
}

// externalInstance wants a Region where there is no instance metadata to ask.
func externalInstance(j *judge, v *Variable, a Assignment) {
	if !j.enabled(v.Name) || j.file.Region() != "" {
		return
	}
	j.add(a.Line, a.Column, v.Name, problem{code: codeRegionMissing, severity: Restarts.severity(),
		fact: v.Name + " needs AWS_DEFAULT_REGION, because an external instance has no instance metadata.", effect: Restarts.sentence(), fix: "Add AWS_DEFAULT_REGION with the cluster's Region."})
}

// clusterInRegion compares the Region of a cluster's ARN with the one that the
// agent calls.
func clusterInRegion(j *judge, v *Variable, a Assignment) {
	name, _, _ := j.file.Cluster()
	match := clusterARN.FindStringSubmatch(name)
	region := j.file.Region()
	if match == nil || region == "" || !regionName.MatchString(region) || match[1] == region {
		return
	}
	j.add(a.Line, a.ValueColumn(), v.Name, problem{code: codeClusterRegion, severity: Unregistered.severity(),
		fact:   fmt.Sprintf("The cluster in ECS_CLUSTER is in %s, but AWS_DEFAULT_REGION makes the agent call ECS in %s.", match[1], region),
		effect: "The instance never joins.", fix: "Name a cluster of " + region + ", or write AWS_DEFAULT_REGION=" + match[1]})
}

// unless is a need for another variable to be on.
func unless(name string) *need {
	return &need{idle: func(j *judge) bool { return !j.enabled(name) }, because: name + " is not true", fix: "Add " + name + "=true, or delete the line."}
}

// ifSet is a need for another variable not to be on.
func ifSet(name string) *need {
	return &need{idle: func(j *judge) bool { return j.enabled(name) }, because: name + " is true", fix: "Delete one of the two lines."}
}

// withTaskNetworking is the need of what only awsvpc tasks use.
func withTaskNetworking() *need {
	return &need{idle: func(j *judge) bool { return j.disabled("ECS_ENABLE_TASK_ENI") },
		because: "ECS_ENABLE_TASK_ENI is off", fix: "Write ECS_ENABLE_TASK_ENI=true, or delete the line."}
}

// onEC2 is the need of task networking itself.
func onEC2() *need {
	return &need{idle: func(j *judge) bool { return j.enabled("ECS_ENABLE_TASK_ENI") && j.systemd["ECS_EXTERNAL"] == "true" },
		because: "ecs-init turns it off on an external instance", fix: "Delete the line."}
}

// withSizeRollover is the need of the size at which the log is rolled over.
func withSizeRollover() *need {
	return &need{idle: func(j *judge) bool { t := j.file.value("ECS_LOG_ROLLOVER_TYPE"); return t != "" && t != "size" },
		because: "ECS_LOG_ROLLOVER_TYPE is not size", fix: "Write ECS_LOG_ROLLOVER_TYPE=size, or delete the line."}
}

// withDefaultLog is the need of the settings of the container's own json-file
// log.
func withDefaultLog() *need {
	return &need{
		idle: func(j *judge) bool {
			driver := j.systemd["ECS_LOG_DRIVER"]
			known := slices.Contains(byName["ECS_LOG_DRIVER"].Values, driver)
			return (known && driver != "json-file") || (strings.TrimSpace(j.systemd["ECS_LOG_OPTS"]) != "" && (known || driver == ""))
		},
		because: "ECS_LOG_DRIVER or ECS_LOG_OPTS takes its place", fix: "Delete the line, or write max-size and max-file into ECS_LOG_OPTS.",
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
	p := problem{code: codeDockerLog, severity: NotCreated.severity(), effect: NotCreated.sentence()}
	for _, wanted := range wantedLogOptions[driver] {
		if object[wanted] != "" {
			continue
		}
		place, variable := options, "ECS_LOG_OPTS"
		if !ok {
			place, _ = j.file.Lookup("ECS_LOG_DRIVER")
			variable = "ECS_LOG_DRIVER"
		}
		p.fact, p.fix = "ECS_LOG_DRIVER is "+driver+", which needs the option "+wanted+" in ECS_LOG_OPTS.", `Write ECS_LOG_OPTS={"`+wanted+`":"VALUE"} with the right value.`
		j.add(place.Line, place.ValueColumn(), variable, p)
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
				p.fact, p.fix = "ECS_LOG_OPTS has options of the log driver "+family+", but the driver is "+driver+".", "Write ECS_LOG_DRIVER="+family+", or remove the options."
				j.add(options.Line, options.ValueColumn(), "ECS_LOG_OPTS", p)
				break
			}
		}
	}
}

// readersDisagree reports a setting that ecs-init takes from systemd's reading
// when that is another than the agent's, and lines that only docker run
// refuses. It speaks only of lines about which nothing is said yet.
func (j *judge) readersDisagree() {
	for name, index := range j.file.last { // report sorts
		a := j.file.Assignments[index]
		v := a.variable
		if j.explained[a.Line] || (v.Reader != BothReaders && v.Reader != SystemdReader) {
			continue
		}
		value, ok := j.systemd[name]
		switch {
		case j.systemdError != nil:
			continue // the line that made systemd give up is reported
		case !ok:
			j.add(a.Line, a.Column, name, problem{code: codeDisagree, severity: finding.Warning,
				fact: "systemd, from which ecs-init gets its own settings, doesn't read " + name + " on this line.", effect: "ecs-init runs without it.",
				fix: "Write plain ASCII without control characters, quotes and backslashes, and end no line before it with a backslash."})
		case value != strings.TrimSpace(a.Value.Reveal()):
			j.add(a.Line, a.ValueColumn(), name, problem{code: codeDisagree, severity: finding.Warning,
				fact: "systemd reads another value of " + name + " than ecs-init hands to the agent.", effect: "ecs-init and the agent run with different values.",
				fix: "Write the value without quotes, backslashes and control characters."})
		}
	}
	for _, l := range j.file.lines {
		if j.explained[l.number] {
			continue
		}
		if j.text[l.start] == '#' && l.end-l.offset < bufio.MaxScanTokenSize {
			continue // bytes that are not UTF-8 are explained
		}
		text := strings.TrimPrefix(j.text[l.offset:l.end], byteOrderMark)
		if reason := dockerRunRefusal([]byte(text)); reason != "" {
			j.add(l.number, l.column(l.start), "", problem{code: codeDockerRun, severity: finding.Info,
				fact: "docker run --env-file refuses the file because of this line: " + reason + ".", fix: "Rewrite the line if you ever start the agent by hand."})
		}
	}
	j.oddWhiteSpace()
}

// oddWhiteSpace reports white space around a setting that ecs-init takes away
// and systemd does not.
func (j *judge) oddWhiteSpace() {
	known := j.file.known
	for _, l := range j.file.lines {
		if len(known) == 0 {
			return
		}
		if l.assignment != known[0] {
			continue
		}
		if known = known[1:]; j.explained[l.number] {
			continue
		}
		after, _, _ := strings.Cut(j.text[l.end:], "\n")
		if strings.Trim(j.text[l.offset:l.start]+after, " \t\r") == "" {
			continue
		}
		name := j.file.Assignments[l.assignment].Name
		j.add(l.number, l.column(l.start), name, problem{code: codeDisagree, severity: finding.Info,
			fact: "White space other than blanks and tabs surrounds " + name + ".", effect: "ecs-init removes it, but systemd reads another value or ignores the line.", fix: "Delete the white space."})
	}
}
