package ecsconfig

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/lazyregexp"
)

// assignment judges one assignment: as the value that counts, or as one that a
// later line makes void.
func (j *judge) assignment(index int) {
	a := j.file.Assignments[index]
	v := byName[a.Name]
	if v == nil {
		return
	}
	if counts := j.file.last[a.Name]; counts != index {
		if j.explained[a.Line] = true; j.enough(finding.Info) {
			return
		}
		j.add(a.Line, a.Column, a.Name, problem{code: codeDuplicate, severity: finding.Info,
			message: fmt.Sprintf("%s is set again on line %d, and only the last value counts", a.Name, j.file.Assignments[counts].Line),
			fix:     "keep one of the lines"})
		return
	}
	if idle := j.placement(v, a); idle || j.moot[index] || v.Type == RegistryAuth || a.Name == "ECS_ENGINE_AUTH_TYPE" {
		return
	}
	value := j.file.value(a.Name)
	if v.Reader == SystemdReader {
		j.systemdValue(v, a, value)
		return
	}
	j.value(v, a, value)
}

// placement says that a variable has no place in this file at all. It reports
// whether its line should go, whatever its value is.
func (j *judge) placement(v *Variable, a Assignment) (idle bool) {
	switch {
	case v.Platform == WindowsOnly:
		j.add(a.Line, a.Column, a.Name, problem{code: codeWindowsOnly, severity: finding.Warning,
			message: a.Name + " works on Windows only, and ecs.config is read on Linux only: it has no effect",
			fix:     "delete the line"})
	case v.Reader == NobodyReads:
		j.add(a.Line, a.Column, a.Name, problem{code: codeDeprecated, severity: finding.Warning,
			message: a.Name + " is in the documentation, but no code reads it: it has no effect",
			fix:     "delete the line"})
	case strings.HasPrefix(a.Name, "ZZZ_"):
		j.add(a.Line, a.Column, a.Name, problem{code: codeInternal, severity: finding.Warning,
			message: a.Name + " skips a check for the agent's own tests, and tasks fail later in its place",
			fix:     "delete the line"})
	case slices.Contains([]string{"ECS_DETAILED_OS_FAMILY", "ECS_DOMAIN_JOINED_LINUX_INSTANCE", "CREDENTIALS_FETCHER_HOST_DIR"}, a.Name):
		j.add(a.Line, a.Column, a.Name, problem{code: codeInternal, severity: finding.Info,
			message: "ecs-init finds out " + a.Name + " by itself; the file's value replaces what it found",
			fix:     "delete the line"})
		return false
	default:
		return false
	}
	return true
}

// systemdValue judges what ecs-init finds in its own environment.
func (j *judge) systemdValue(v *Variable, a Assignment, written string) {
	value, ok := j.systemd[a.Name]
	if !ok {
		// readersDisagree says why.
		return
	}
	if value == written {
		j.value(v, a, value)
		return
	}
	before := len(j.findings)
	j.value(v, a, value)
	for i := range j.findings[before:] {
		j.findings[before+i].Column = a.ValueColumn() // the offsets are those of another text
	}
	if len(j.findings) == before && strings.TrimSpace(written) != value {
		j.add(a.Line, a.ValueColumn(), a.Name, problem{code: codeQuoted, severity: finding.Info,
			message: "systemd takes the quotes and backslashes away before ecs-init sees " + a.Name + "; where no systemd reads the file (SUSE, Amazon Linux 1, docker run) they are part of the value",
			fix:     write(v, value, "write the value without quotes")})
	}
}

// columnAt is the column of an offset into the value as the agent gets it, where
// each byte that is not UTF-8 takes the three of U+FFFD.
func (a Assignment) columnAt(offset int) int {
	raw := a.Value.Reveal()
	if utf8.ValidString(raw) {
		return a.ValueColumn() + offset
	}
	at := 0
	for at < len(raw) && offset > 0 {
		r, size := utf8.DecodeRuneInString(raw[at:])
		at += size
		offset -= utf8.RuneLen(r)
	}
	return a.ValueColumn() + at
}

// value judges a value that counts. Where another way of writing it would have
// passed, that is what the finding is about.
func (j *judge) value(v *Variable, a Assignment, value string) {
	problems := j.check(v, value)
	severity := worst(problems)
	clean, cause := cleaned(v, value)
	serious := severity == finding.Error || severity == finding.Warning
	free := unchecked(v)
	switch {
	case cause != nil && serious && rank(worst(j.check(v, clean))) > rank(finding.Warning):
		main := problems[slices.IndexFunc(problems, func(p problem) bool { return p.severity == severity })]
		j.add(a.Line, a.columnAt(cause.at), a.Name, problem{code: cause.code, severity: severity,
			message: cause.message + ": " + main.message,
			fix:     cause.rewritten(v, clean)})
	case cause != nil && !serious && free && !(cause.code == codeLeadingSpace && trimmedByAgent(v)):
		j.add(a.Line, a.columnAt(cause.at), a.Name, problem{code: cause.code, severity: finding.Warning,
			message: cause.message, fix: cause.rewritten(v, clean)})
	case cause != nil && !serious && cause.code == codeLeadingSpace:
		j.add(a.Line, a.ValueColumn(), a.Name, problem{code: cause.code, severity: finding.Info,
			message: cause.message + ", and this variable is one of those where the agent takes it away again",
			fix:     write(v, clean, cause.fix)})
	default:
		if serious {
			if swallowed := j.swallowed(a, value, severity, problems); swallowed {
				return
			}
			if at, ok := placeholder(value); ok {
				main := problems[slices.IndexFunc(problems, func(p problem) bool { return p.severity == severity })]
				j.add(a.Line, a.columnAt(at), a.Name, problem{code: codeUnexpanded, severity: severity,
					message: "nothing expands variables in ecs.config, so the template's text is the value: " + main.message,
					fix:     "fill the template in before the file is uploaded"})
				return
			}
		}
		for _, p := range problems {
			j.add(a.Line, a.columnAt(p.at), a.Name, p)
		}
		if serious {
			return
		}
	}
	if free && !serious {
		if j.swallowed(a, value, finding.Warning, nil) {
			return
		}
		if at, ok := placeholder(value); ok {
			j.add(a.Line, a.columnAt(at), a.Name, problem{code: codeUnexpanded, severity: finding.Warning,
				message: "nothing expands variables in ecs.config, so the template's text is the value",
				fix:     "fill the template in before the file is uploaded"})
		}
	}
}

// rewritten is the fix for a value that passes once the cause is gone.
func (p problem) rewritten(v *Variable, clean string) string {
	if p.code == codeLineSeparator {
		return p.fix // there is more in the value than this variable's
	}
	return write(v, clean, p.fix)
}

// unchecked says that any text passes as a value, so that a slip of the pen can
// only be seen from the text.
func unchecked(v *Variable) bool {
	switch v.Type {
	case Text, Path, URL, CommaList, ImageList, Proxy, Region:
		return true
	}
	return false
}

// trimmedByAgent lists the texts whose white space the agent takes away
// (agent/config/types.go, fields with the tag trim).
func trimmedByAgent(v *Variable) bool {
	return slices.Contains([]string{"ECS_CLUSTER", "ECS_BACKEND_HOST", "AWS_DEFAULT_REGION", "ECS_NVIDIA_RUNTIME", "ECS_ENGINE_AUTH_TYPE"}, v.Name)
}

// settingInside finds the name of a known variable right before a '=' inside a
// value, "" where there is none.
func settingInside(value string) (name string, at int) {
	const longest = 80
	for offset := 0; ; {
		equals := strings.IndexByte(value[offset:], '=')
		if equals < 0 {
			return "", 0
		}
		end := offset + equals
		begin := end
		for begin > 0 && end-begin < longest && (value[begin-1] == '_' || isLetterOrDigit(rune(value[begin-1]))) {
			begin--
		}
		for ; end-begin >= len("NO_PROXY"); begin++ {
			if byName[value[begin:end]] != nil {
				return value[begin:end], begin
			}
		}
		offset = end + 1
	}
}

// swallowed finds another setting inside the value: two on one line, or a line
// that was appended to one without a newline.
func (j *judge) swallowed(a Assignment, value string, severity finding.Severity, problems []problem) bool {
	inner, at := settingInside(value)
	if inner == "" {
		return false
	}
	consequence := ""
	if inner != a.Name {
		lostSeverity, lost := j.lost(inner)
		severity = graver(severity, lostSeverity)
		consequence = ": " + inner + " is not set, and " + lost
	}
	if len(problems) > 0 {
		consequence += "; " + problems[0].message
	}
	j.add(a.Line, a.columnAt(at), a.Name, problem{code: codeSwallowed, severity: severity,
		message: "the value goes on to the end of the line and swallows another setting" + consequence,
		fix:     "begin a new line before " + inner})
	return true
}

// wholePlaceholder is what only counts as one when there is nothing beside it.
var wholePlaceholder = lazyregexp.New(`^(\$[A-Za-z_][A-Za-z0-9_]*|<[A-Za-z][^<>]*>|\{[A-Za-z_][A-Za-z0-9_]*\}|__[A-Za-z0-9_]+__|@[A-Za-z0-9_.]+@|%[A-Za-z_][A-Za-z0-9_]*%)$`)

// placeholder finds what templates leave behind when nobody fills them in:
// ${X}, $(x), #{x}, %{x}, {{x}}, {% x %}, <%= x %>, and as a whole value also
// $X, <x>, {X}, __X__, @X@ and %X%.
func placeholder(value string) (at int, ok bool) {
	at = len(value)
	for _, marks := range [][2]string{{"${", "}"}, {"$(", ")"}, {"#{", "}"}, {"%{", "}"}, {"{{", "}}"}, {"{%", "%}"}, {"<%", "%>"}} {
		if begin := strings.Index(value, marks[0]); begin >= 0 && begin < at && strings.Contains(value[begin:], marks[1]) {
			at, ok = begin, true
		}
	}
	if ok {
		return at, true
	}
	const longest = 200
	return 0, len(value) < longest && wholePlaceholder.MatchString(strings.Trim(value, " \t\"'"))
}

const separators = "\r\v\f\u0085\u2028\u2029"

var typographic = strings.NewReplacer("“", `"`, "”", `"`, "„", `"`, "«", `"`, "»", `"`, "‘", "'", "’", "'")

// trailingComment gives the offset of the white space before a '#', -1 for none.
func trailingComment(value string) int {
	for offset := 0; ; {
		mark := strings.IndexByte(value[offset:], '#')
		if mark < 0 {
			return -1
		}
		mark += offset
		if before := strings.TrimRight(value[:mark], " \t"); len(before) < mark {
			return len(before)
		}
		offset = mark + 1
	}
}

// redirection is how a script's line ends that appends to the file.
var redirection = lazyregexp.New(`[ \t]+(>>?[ \t]*["']?[/$][^ \t{}]*|\|[ \t]*(sudo[ \t]+)?tee[ \t].*)$`)

// trailingRedirection gives the offset of the white space before a shell's
// redirection into a file, -1 for none.
func trailingRedirection(value string) int {
	// To look for the bytes is faster, and hardly any value has them.
	if mark := strings.IndexAny(value, ">|"); mark > 0 {
		if match := redirection.FindStringSubmatchIndex(value); match != nil {
			return match[0]
		}
	}
	return -1
}

// cleaned takes away what habits from shells and editors put around a value,
// with the first such habit as the cause.
func cleaned(v *Variable, value string) (clean string, cause *problem) {
	note := func(code, message, fix string, at int) {
		if cause == nil {
			cause = &problem{code: code, message: message, fix: fix, at: at}
		}
	}
	clean = value
	if at := strings.IndexAny(clean, separators); at >= 0 {
		note(codeLineSeparator, "only a newline ends a line for ecs-init, and the value holds another line separator", "save the file with newlines (LF)", at)
		clean = clean[:at]
	}
	if at := trailingComment(clean); at >= 0 {
		note(codeTrailingText, "a comment after a value is part of the value", "put the comment on a line of its own", at)
		clean = clean[:at]
	}
	if at := trailingRedirection(clean); at >= 0 {
		note(codeTrailingText, "a redirection after a value is part of the value, for nobody runs the file as a script", "end the line after the value", at)
		clean = clean[:at]
	}
	if trimmed := strings.TrimSpace(clean); trimmed != clean {
		note(codeLeadingSpace, "the space after the '=' is part of the value", "write no space after the '='", 0)
		clean = trimmed
	}
	if trimmed := strings.TrimRight(clean, "; \t"); trimmed != clean && trimmed != "" {
		note(codeTrailingText, "the semicolon is part of the value", "write no semicolon at the end", len(trimmed))
		clean = trimmed
	}
	if inner, ok := unquoted(clean); ok {
		note(codeQuoted, "the agent keeps the quotes as part of the value", "write the value without quotes", 0)
		if strings.Contains(inner, `\"`) {
			inner = strings.ReplaceAll(inner, `\"`, `"`)
		}
		clean = inner
	}
	switch v.Type {
	case StringMap, StringList, PortList, RouteList, RegistryAuth:
		if strings.HasPrefix(clean, `{\"`) || strings.HasPrefix(clean, `[\"`) {
			note(codeEscapedQuotes, "the backslashes before the quotes are part of the value, which is no JSON with them", `write " where the value has \"`, strings.Index(clean, `\"`))
			clean = strings.ReplaceAll(clean, `\"`, `"`)
		}
		if straight := typographic.Replace(clean); straight != clean {
			note(codeJSONQuotes, "typographic quotes are no JSON quotes", `write straight double quotes: "`, strings.IndexFunc(clean, func(r rune) bool { return r >= 0x80 }))
			clean = straight
		}
		if !strings.Contains(clean, `"`) && strings.Contains(clean, "'") {
			note(codeJSONQuotes, "single quotes are no JSON quotes", `write double quotes: "`, strings.Index(clean, "'"))
			clean = strings.ReplaceAll(clean, "'", `"`)
		}
	}
	return clean, cause
}

// unquoted takes one pair of quotes away, straight or typographic.
func unquoted(value string) (string, bool) {
	for _, pair := range [][2]string{{`"`, `"`}, {"'", "'"}, {"`", "`"}, {"“", "”"}, {"‘", "’"}, {"”", "”"}, {"’", "’"}} {
		if inner, ok := strings.CutPrefix(value, pair[0]); ok {
			if inner, ok = strings.CutSuffix(inner, pair[1]); ok {
				return inner, true
			}
		}
	}
	return "", false
}

// check says what the variable's reader makes of a value, given as the reader
// gets it.
func (j *judge) check(v *Variable, value string) []problem {
	if value == "" {
		return j.checkEmpty(v)
	}
	switch v.Name {
	case "ECS_CLUSTER":
		return j.checkCluster(value)
	case "ECS_INSTANCE_ATTRIBUTES":
		return checkAttributes(v, value)
	case "ECS_CONTAINER_INSTANCE_TAGS":
		return checkTags(v, value)
	case "ECS_AVAILABLE_LOGGING_DRIVERS":
		return checkLoggingDrivers(v, value)
	case "ECS_LOGLEVEL", "ECS_LOGLEVEL_ON_INSTANCE":
		return j.checkLogLevel(v, value)
	case "ECS_LOG_ROLLOVER_TYPE":
		if value == "date" {
			return nil // the agent's own word for hourly
		}
	case "DOCKER_HOST":
		return checkDockerHost(value)
	case "ECS_DATADIR":
		return checkDataDirectory(value)
	case "ECS_INIT_DOCKER_LOG_FILE_SIZE", "ECS_INIT_DOCKER_LOG_FILE_NUM":
		return checkDockerLogFile(v, value)
	}
	switch v.Type {
	case Boolean:
		return checkBoolean(v, value)
	case ExactTrue:
		return checkExactTrue(v, value)
	case Duration:
		return j.checkDuration(v, value)
	case Integer, Mebibytes, Decimal:
		return checkNumber(v, value)
	case Choice, ChoiceAnyCase:
		return checkChoice(v, value)
	case StringMap:
		return checkStringMap(v, value)
	case StringList:
		return checkStringList(v, value)
	case PortList:
		return checkPorts(v, value)
	case RouteList:
		return checkRoutes(v, value)
	case RateLimit:
		return checkRateLimit(v, value)
	case PortRange:
		return checkPortRange(v, value)
	case ImageList:
		return checkImages(v, value)
	case Region:
		return checkRegion(v, value)
	case Proxy:
		return checkProxy(v, value)
	}
	return nil
}

// one is a problem with the whole value.
func one(code string, severity finding.Severity, message, fix string) []problem {
	return []problem{{code: code, severity: severity, message: message, fix: fix}}
}

// insteadOf says which value counts when one is bad or empty.
func insteadOf(v *Variable) string {
	if v.Name == "ECS_CHECKPOINT" {
		// agent/config/parse.go parseCheckpoint: not set, and nothing else, is
		// true beside a data directory, which ecs-init sets.
		return "true, as long as ECS_DATADIR is not empty"
	}
	fallback := v.Default
	if fallback == "" {
		fallback = "nothing"
	}
	if v.ECSInit != nil && *v.ECSInit != "" && !sameDefault(v) {
		return fallback + ", and not " + *v.ECSInit + " as without the line"
	}
	return fallback
}

// checkEmpty judges NAME=, which sets the variable to nothing and so overrides what
// ecs-init would have set.
func (j *judge) checkEmpty(v *Variable) []problem {
	fix := "delete the line, or write a value"
	switch {
	case v.Name == "ECS_CLUSTER":
		return one(codeClusterEmpty, finding.Error,
			`ECS_CLUSTER is empty: the instance joins the cluster "default", which the agent creates when it is missing`,
			"write the cluster's name; ECS_CLUSTER=default if that is the one")
	case v.Name == "ECS_DATADIR" && !j.enabled("ECS_CHECKPOINT"):
		return one(codeEmpty, finding.Warning,
			"an empty ECS_DATADIR turns ECS_CHECKPOINT off: the agent forgets its tasks when it restarts", fix)
	case v.ECSInit != nil && *v.ECSInit != "" && v.Name != "ECS_EBSTA_SUPPORTED" && v.Name != "ECS_CHECKPOINT" && !sameDefault(v):
		return one(codeEmpty, finding.Warning,
			"an empty value overrides what ecs-init sets: "+v.Name+" becomes "+insteadOf(v), fix)
	case v.Default != "" && v.Type != ExactTrue:
		return one(codeEmpty, finding.Info,
			"an empty value counts as none: "+v.Name+" is "+insteadOf(v), fix)
	}
	return nil
}

// sameDefault says that ecs-init's value and the agent's mean the same.
func sameDefault(v *Variable) bool {
	return strings.TrimSuffix(v.Default, "/") == strings.TrimSuffix(*v.ECSInit, "/")
}

func checkBoolean(v *Variable, value string) []problem {
	if strings.HasPrefix(v.Name, "AWS_") {
		// aws-sdk-go-v2 config/env_config.go: strings.EqualFold, and an error
		// that newAgent cannot start with, for all but this one.
		if strings.EqualFold(value, "true") || strings.EqualFold(value, "false") {
			return nil
		}
		severity := finding.Error
		if v.Bad == Silent {
			severity = finding.Warning
		}
		return one(codeBoolean, severity, fmt.Sprintf("%s is neither true nor false: %s", shown(v, value), v.Bad), "write "+v.Name+"=true or false")
	}
	on, err := strconv.ParseBool(strings.TrimSpace(value))
	if err != nil {
		word := "true"
		if slices.Contains([]string{"no", "n", "off", "disabled", "disable", "none", "never", "fals", "flase"}, strings.ToLower(strings.TrimSpace(value))) {
			word = "false"
		}
		return one(codeBoolean, finding.Warning,
			fmt.Sprintf("%s is none of the agent's words for true and false: %s, %s", shown(v, value), v.Bad, insteadOf(v)),
			"write "+v.Name+"="+word)
	}
	switch v.Name {
	case "ECS_EXTERNAL", "ECS_ENABLE_GPU_SUPPORT", "ECS_GMSA_SUPPORTED":
		if on && value != "true" {
			return one(codeBooleanSpelling, finding.Warning,
				fmt.Sprintf("the agent takes %s for true, but ecs-init acts on the exact text true only: the two disagree", shown(v, value)),
				"write "+v.Name+"=true")
		}
	}
	return nil
}

func checkExactTrue(v *Variable, value string) []problem {
	if on, err := strconv.ParseBool(value); value == "true" || (err == nil && !on) {
		return nil
	}
	return one(codeBooleanSpelling, finding.Warning,
		fmt.Sprintf("only the exact text true turns %s on: %s leaves it off", v.Name, shown(v, value)),
		"write "+v.Name+"=true, or delete the line")
}

var looseDuration = lazyregexp.New(`^([0-9.]+)\s*([A-Za-z]*)$`)

// likelyDuration rewrites what people write for a duration, "" where it cannot.
func likelyDuration(value string) string {
	match := looseDuration.FindStringSubmatch(strings.TrimSpace(value))
	if match == nil {
		return ""
	}
	number, unit := match[1], strings.ToLower(match[2])
	switch unit {
	case "", "sec", "secs", "second", "seconds", "s":
		unit = "s"
	case "min", "mins", "minute", "minutes", "m":
		unit = "m"
	case "hr", "hrs", "hour", "hours", "h":
		unit = "h"
	case "d", "day", "days":
		days, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return ""
		}
		number, unit = strconv.FormatFloat(days*24, 'f', -1, 64), "h"
	case "millisecond", "milliseconds", "msec":
		unit = "ms"
	default:
		return ""
	}
	if _, err := time.ParseDuration(number + unit); err != nil {
		return ""
	}
	return number + unit
}

func (j *judge) checkDuration(v *Variable, value string) []problem {
	duration, err := time.ParseDuration(value)
	if err != nil {
		fix := "write a number with a unit, as in 90s, 30m or 2h"
		if likely := likelyDuration(value); likely != "" && worst(j.checkDuration(v, likely)) == "" {
			fix = "write " + v.Name + "=" + likely
		} else if v.Max != "" && v.Min != "" {
			fix = "write a duration from " + v.Min + " to " + v.Max
		}
		return one(codeDuration, finding.Warning, fmt.Sprintf("%s is no duration: %s, %s", shown(v, value), v.Bad, insteadOf(v)), fix)
	}
	switch v.Name {
	case "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION_JITTER":
		if duration < 0 {
			return one(codeNegativeJitter, finding.Error,
				"a negative jitter passes here, and the agent panics when the first task is cleaned up (rand.Int63n)",
				"write a duration of 0 or more")
		}
		return nil
	case "ECS_IMAGE_PULL_TIMEOUT":
		switch {
		case duration < 0 || (duration > 0 && duration < time.Second):
			return one(codePullTimeout, finding.Error,
				fmt.Sprintf("no pull ends within %v: every pull times out, and no task starts", duration),
				"write "+v.Name+"=2h")
		case duration > 0 && duration < 10*time.Second:
			return one(codePullTimeout, finding.Warning,
				fmt.Sprintf("%v is for a whole pull: all but the smallest images time out", duration),
				"write "+v.Name+"=2h")
		}
	case "ECS_CGROUP_CPU_PERIOD":
		if duration != 0 && (duration < 8*time.Millisecond || duration > 100*time.Millisecond) {
			return one(codeDurationRange, finding.Warning,
				fmt.Sprintf("%v is not within 8ms and 100ms: the agent logs a warning and uses 100ms", duration), "write a duration from 8ms to 100ms")
		}
	case "ECS_POLLING_METRICS_WAIT_DURATION":
		if on, err := strconv.ParseBool(strings.TrimSpace(j.file.value("ECS_POLL_METRICS"))); err == nil && on && duration != 0 && (duration < 5*time.Second || duration > 20*time.Second) {
			bound := 5 * time.Second
			if duration > bound {
				bound = 20 * time.Second
			}
			return one(codeDurationRange, finding.Warning,
				fmt.Sprintf("%v is not within 5s and 20s: the agent logs a warning and uses %v", duration, bound), fmt.Sprintf("write %s=%v", v.Name, bound))
		}
	}
	if duration == 0 {
		return one(codeMeansDefault, finding.Warning, fmt.Sprintf("0 counts as not set: the agent uses %s", insteadOf(v)), "delete the line, or write a duration above 0")
	}
	if minimum := v.minimumDuration(); duration < minimum {
		effect := fmt.Sprintf("the minimum, %v", minimum)
		if v.Name == "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION" || v.Name == "ECS_IMAGE_CLEANUP_INTERVAL" {
			effect = fmt.Sprintf("the default, %s, as the minimum is %v", v.Default, minimum)
		}
		return one(codeDurationMinimum, finding.Warning,
			fmt.Sprintf("%v is too short: the agent logs a warning and uses %s", duration, effect), fmt.Sprintf("write %v or more", minimum))
	}
	if duration < 0 {
		return one(codeDurationRange, finding.Warning, fmt.Sprintf("a negative %s counts as none at all: images go as soon as nothing uses them", v.Name), "write a duration above 0")
	}
	return nil
}

// minimumDuration is the lower bound on Linux, which may be followed by that on
// Windows.
func (v *Variable) minimumDuration() time.Duration {
	text, _, _ := strings.Cut(v.Min, " ")
	if v.Name == "ECS_POLLING_METRICS_WAIT_DURATION" {
		return 0 // bounded only while polling is on
	}
	minimum, err := time.ParseDuration(text)
	if err != nil {
		return math.MinInt64
	}
	return minimum
}

// mebibytes is a number of them with its unit.
var mebibytes = lazyregexp.New(`^ *([0-9]{1,5}) *(?i:m|mb|mi|mib) *$`)

func checkNumber(v *Variable, value string) []problem {
	invalid := func(what string) []problem {
		fix := "write digits only, as in " + example(v)
		if match := mebibytes.FindStringSubmatch(value); match != nil && v.Type == Mebibytes {
			fix = "write " + v.Name + "=" + match[1] + ", which is in MiB"
		}
		return one(codeNumber, finding.Warning, fmt.Sprintf("%s is no %s: %s, %s", shown(v, value), what, v.Bad, insteadOf(v)), fix)
	}
	switch v.Name {
	case "ECS_RESERVED_MEMORY":
		if _, err := strconv.ParseUint(value, 10, 16); err != nil {
			if errors.Is(err, strconv.ErrRange) {
				return one(codeNumberRange, finding.Warning, shown(v, value)+" MiB is more than 65535: the agent logs a warning and reserves nothing", "write a number of MiB up to 65535")
			}
			return invalid("whole number of MiB")
		}
	case "ECS_NUM_IMAGES_DELETE_PER_CYCLE", "NONECS_NUM_CONTAINERS_DELETE_PER_CYCLE":
		n, err := strconv.Atoi(value)
		switch {
		case errors.Is(err, strconv.ErrRange) && n > 0:
			return one(codeNumberRange, finding.Warning, "the number does not fit: the agent logs a warning and removes without a limit", "write a number such as "+v.Default)
		case err != nil:
			return invalid("whole number")
		case n == 0:
			return one(codeMeansDefault, finding.Warning, "0 counts as not set: the agent uses "+insteadOf(v), "delete the line, or write 1 or more")
		case n < 0 && v.Min != "":
			return one(codeNumberRange, finding.Warning, fmt.Sprintf("%d is less than 1: the agent logs a warning and uses %s", n, insteadOf(v)), "write 1 or more")
		case n < 0:
			return one(codeNumberRange, finding.Info, "a negative number means no limit at all", "write the number that you mean")
		}
	case "ECS_TASK_PIDS_LIMIT":
		n, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return invalid("whole number")
		}
		if n <= 0 || n > 4194304 || err != nil {
			return one(codeNumberRange, finding.Warning, shown(v, value)+" is not within 1 and 4194304: the agent logs a warning and sets no limit", "write a number from 1 to 4194304")
		}
	case "ECS_LOG_MAX_FILE_SIZE_MB":
		size, err := strconv.ParseFloat(value, 64)
		if err != nil || math.IsNaN(size) || math.IsInf(size, 0) {
			return invalid("number")
		}
		if size <= 0 {
			return one(codeNumberRange, finding.Warning, "a log file of this size cannot be: the log library refuses the configuration", "write "+v.Name+"=5")
		}
	case "AWS_MAX_ATTEMPTS":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return one(codeNumber, finding.Error, shown(v, value)+" is no whole number: "+string(v.Bad), "write "+v.Name+"=3")
		}
		if n < 0 {
			return one(codeNumberRange, finding.Warning, "a negative number of attempts makes no sense to the AWS SDK", "write "+v.Name+"=3")
		}
	default:
		n, err := strconv.Atoi(value)
		if err != nil {
			return invalid("whole number")
		}
		if n < 0 {
			return one(codeNumberRange, finding.Warning, "a negative number makes no sense here", "write "+example(v))
		}
	}
	return nil
}

func example(v *Variable) string {
	if v.Default == "" || v.Default == "unset" {
		return v.Name + "=100"
	}
	if v.Name == "ECS_RESERVED_MEMORY" {
		return v.Name + "=256" // its default, 0, is no example
	}
	return v.Name + "=" + v.Default
}

func checkChoice(v *Variable, value string) []problem {
	word := value
	if v.Type == ChoiceAnyCase {
		word = strings.ToLower(strings.TrimSpace(value))
	}
	if slices.Contains(v.Values, word) {
		return nil
	}
	likely := ""
	for _, allowed := range v.Values {
		if strings.EqualFold(strings.TrimSpace(value), allowed) || strings.EqualFold(strings.ReplaceAll(value, "_", "-"), allowed) {
			likely = allowed
		}
	}
	severity, effect := finding.Warning, fmt.Sprintf("%s, %s", v.Bad, insteadOf(v))
	switch v.Name {
	case "ECS_LOG_ROLLOVER_TYPE":
		effect = "the agent takes every other word for hourly"
	case "ECS_LOG_OUTPUT_FORMAT":
		effect = "the log library refuses the configuration, and nothing is written to the log file"
	case "ECS_LOG_DRIVER":
		effect = "ecs-init logs a warning and uses json-file with its default options"
	}
	if v.Bad == StopsAgent {
		severity, effect = finding.Error, string(v.Bad)
	}
	fix := "write one of " + strings.Join(v.Values, ", ")
	if likely != "" {
		fix = "write " + v.Name + "=" + likely
	}
	exact := ", exact in case"
	if v.Type == ChoiceAnyCase {
		exact = ""
	}
	return one(codeChoice, severity, fmt.Sprintf("%s is none of the words that %s takes%s: %s", shown(v, value), v.Name, exact, effect), fix)
}

// jsonProblem says where a JSON value breaks, in words that show nothing of it.
func jsonProblem(value string, err error) (message string, at int) {
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the JSON ends too early", len(value)
	case errors.As(err, &syntax):
		if strings.HasPrefix(syntax.Error(), "unexpected end") {
			return "the JSON ends too early", len(value)
		}
		// Offset counts the bytes read, the offending one among them.
		at = min(max(int(syntax.Offset)-1, 0), len(value))
		if strings.Contains(syntax.Error(), "after top-level value") {
			return "text follows the JSON", at
		}
		return "it is no JSON from here on", at
	case errors.As(err, &wrong):
		kind, _, _ := strings.Cut(wrong.Value, " ") // "number 70000"
		names := map[string]string{"bool": "a true or false", "string": "a text", "number": "a number", "array": "a list", "object": "an object"}
		return cmp.Or(names[kind], "a value") + " stands where it cannot", beginOfToken(value, min(int(wrong.Offset), len(value)), kind)
	}
	return "it is no valid JSON", 0
}

// beginOfToken goes back from the end of a JSON value to its beginning.
func beginOfToken(value string, end int, kind string) int {
	begin := end
	switch kind {
	case "string":
		begin = strings.LastIndexByte(value[:max(end-1, 0)], '"')
	case "array", "object":
		begin = end - 1
	default:
		for begin > 0 && (isLetterOrDigit(rune(value[begin-1])) || strings.IndexByte("+-.", value[begin-1]) >= 0) {
			begin--
		}
	}
	return max(begin, 0)
}

// decodeFirst reads the first JSON value only, as the agent does for lists: it
// leaves the rest alone. What was decoded before a type error stays.
func decodeFirst(value string, into any) (rest int, err error) {
	decoder := json.NewDecoder(strings.NewReader(value))
	if err = decoder.Decode(into); errors.Is(err, io.EOF) {
		return len(value), nil // blank: no warning either
	}
	rest = int(decoder.InputOffset())
	return rest, err
}

// trailing reports text after a list that the agent leaves alone.
func trailing(value string, rest int) []problem {
	if strings.TrimSpace(value[min(rest, len(value)):]) == "" {
		return nil
	}
	return []problem{{code: codeJSONTrailing, severity: finding.Info, at: rest,
		message: "the agent reads the first JSON value and leaves what follows it alone", fix: "end the line after the JSON"}}
}

func checkStringMap(v *Variable, value string) []problem {
	var object map[string]string
	var err error
	rest := len(value)
	if v.Name == "ECS_LOG_OPTS" {
		rest, err = decodeFirst(value, &object)
	} else {
		err = json.Unmarshal([]byte(value), &object)
	}
	if err != nil {
		message, at := jsonProblem(value, err)
		return []problem{{code: codeJSON, severity: finding.Warning, at: at,
			message: message + ": a JSON object of text to text is wanted; " + string(v.Bad), fix: "write " + v.Name + `={"name":"text"}`}}
	}
	return trailing(value, rest)
}

func checkStringList(v *Variable, value string) []problem {
	var list []string
	rest, err := decodeFirst(value, &list)
	if err != nil {
		message, at := jsonProblem(value, err)
		return []problem{{code: codeJSON, severity: finding.Warning, at: at,
			message: message + ": a JSON list of text is wanted; " + string(v.Bad) + ", " + insteadOf(v), fix: "write " + v.Name + `=["text"]`}}
	}
	return trailing(value, rest)
}

func checkLoggingDrivers(v *Variable, value string) []problem {
	var drivers []string
	rest, err := decodeFirst(value, &drivers)
	var unknown []string
	for _, driver := range drivers {
		if !slices.Contains(v.Values, driver) {
			unknown = append(unknown, driver)
		}
	}
	if len(unknown) > 0 {
		named := ""
		if isPublic(unknown[0]) && !hasPair(unknown[0]) && !looksGenerated(unknown[0]) && unknown[0] != "" {
			named = " " + quoted(unknown[0])
		}
		at := max(strings.Index(value, `"`+unknown[0]+`"`), 0)
		return []problem{{code: codeLoggingDriver, severity: finding.Error, at: at,
			message: "the log driver" + named + " is not known: " + string(StopsAgent),
			fix:     "name only " + strings.Join(v.Values, ", ")}}
	}
	if err != nil {
		message, at := jsonProblem(value, err)
		return []problem{{code: codeJSON, severity: finding.Warning, at: at,
			message: message + ": a JSON list is wanted; " + string(v.Bad) + ", " + insteadOf(v) + ", and tasks with other log drivers are not placed here",
			fix:     `write ECS_AVAILABLE_LOGGING_DRIVERS=["json-file","awslogs"]`}}
	}
	if len(drivers) == 0 {
		return one(codeMeansDefault, finding.Warning, "an empty list counts as not set: the agent uses "+insteadOf(v), "delete the line, or name the drivers")
	}
	return trailing(value, rest)
}

func checkPorts(v *Variable, value string) []problem {
	var ports []uint16
	rest, err := decodeFirst(value, &ports)
	var problems []problem
	if err != nil {
		message, at := jsonProblem(value, err)
		effect := string(v.Bad) + ", " + insteadOf(v)
		if len(ports) > 0 {
			effect = fmt.Sprintf("the agent logs a warning and reserves %s, with 0 for what it could not read", abbreviated(ports))
		}
		problems = append(problems, problem{code: codePorts, severity: finding.Warning, at: at,
			message: message + ": a JSON list of port numbers is wanted; " + effect,
			fix:     "write " + v.Name + "=[22,8080], numbers from 1 to 65535 without quotes"})
	} else {
		if len(ports) == 0 && v.Default != "[]" {
			return one(codeMeansDefault, finding.Warning, "an empty list counts as not set: the agent reserves "+insteadOf(v), "delete the line")
		}
		if slices.Contains(ports, 0) {
			problems = append(problems, problem{code: codePorts, severity: finding.Warning,
				message: "port 0 is no port, and ECS may refuse the registration", fix: "take the 0 out of the list"})
		}
		problems = append(problems, trailing(value, rest)...)
	}
	if len(ports) > 100 {
		problems = append(problems, problem{code: codeTooManyPorts, severity: finding.Error,
			message: fmt.Sprintf("%d ports are reserved, and ECS takes 100 at most: it refuses the registration, and the agent exits for good", len(ports)),
			fix:     "reserve 100 ports at most"})
	}
	return problems
}

func abbreviated(ports []uint16) string {
	if len(ports) > 8 {
		return fmt.Sprintf("%d ports", len(ports))
	}
	return strings.ReplaceAll(fmt.Sprint(ports), " ", ",")
}

// route is a network as the agent reads it: text that net.ParseCIDR takes
// (containernetworking/cni pkg/types IPNet).
type route struct{}

func (*route) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	_, _, err := net.ParseCIDR(text)
	return err
}

func checkRoutes(v *Variable, value string) []problem {
	var routes []route
	err := json.Unmarshal([]byte(value), &routes)
	if err == nil {
		return nil
	}
	message, at := jsonProblem(value, err)
	var address *net.ParseError
	if errors.As(err, &address) {
		message = "an entry is no network in CIDR notation"
		at = max(strings.Index(value, `"`+address.Text+`"`), 0)
	}
	return []problem{{code: codeRoutes, severity: finding.Error, at: at,
		message: message + ": a JSON list of networks is wanted; " + string(StopsAgent),
		fix:     "write " + v.Name + `=["10.0.15.0/24"]`}}
}

func checkRateLimit(v *Variable, value string) []problem {
	rate, burst, _ := strings.Cut(value, ",")
	bad := strings.Count(value, ",") != 1
	var numbers [2]int
	for i, half := range []string{rate, burst} {
		n, err := strconv.Atoi(strings.TrimSpace(half))
		bad = bad || err != nil
		numbers[i] = n
	}
	fix := "write " + v.Name + "=40,60"
	switch {
	case bad:
		return one(codeRateLimit, finding.Warning, shown(v, value)+" is not two whole numbers with a comma between: "+string(v.Bad)+", 40,60", fix)
	case numbers[0] < 0 || numbers[1] < 0:
		return one(codeRateLimit, finding.Warning, "a rate below 1 cannot be: "+string(v.Bad)+", 40,60", fix)
	case numbers[0] == 0 || numbers[1] == 0:
		return one(codeMeansDefault, finding.Warning, "0 counts as not set: the agent uses the default, of 40,60, in its place", fix)
	}
	return nil
}

func checkPortRange(v *Variable, value string) []problem {
	from, to, _ := strings.Cut(value, "-")
	to, more, tooMany := strings.Cut(to, "-")
	if !strings.Contains(value, "-") {
		to = from
	}
	start, err := strconv.ParseUint(from, 10, 16)
	end, errEnd := strconv.ParseUint(to, 10, 16)
	if err != nil || errEnd != nil || end < start {
		return one(codePortRange, finding.Warning,
			shown(v, value)+" is no range of ports: the agent logs a warning and uses the kernel's range (/proc/sys/net/ipv4/ip_local_port_range)",
			"write "+v.Name+"=32768-60999")
	}
	if tooMany {
		return []problem{{code: codePortRange, severity: finding.Info, at: len(value) - len(more) - 1,
			message: "the agent leaves alone what follows the second port", fix: fmt.Sprintf("write %s=%d-%d", v.Name, start, end)}}
	}
	return nil
}

func checkImages(v *Variable, value string) []problem {
	at := 0
	for item := range strings.SplitSeq(value, ",") {
		trimmed := strings.TrimSpace(item)
		name := trimmed[strings.LastIndex(trimmed, "/")+1:]
		switch {
		case trimmed == "":
		case trimmed != item:
			return []problem{{code: codeImages, severity: finding.Warning, at: at,
				message: "the space is part of the image's name, which no image has: the agent removes the image all the same", fix: "write no spaces between the images"}}
		case !strings.Contains(name, ":"):
			return []problem{{code: codeImages, severity: finding.Warning, at: at,
				message: "an image without a tag matches none, as the agent compares name:tag: it removes the image all the same", fix: "write every image as name:tag"}}
		}
		at += len(item) + 1
	}
	return nil
}

var (
	clusterName = lazyregexp.New(`^[A-Za-z0-9_-]{1,255}$`)
	clusterARN  = lazyregexp.New(`^arn:aws[a-z0-9-]*:ecs:([a-z0-9-]+):[0-9]{12}:cluster/[A-Za-z0-9_-]{1,255}$`)
	regionName  = lazyregexp.New(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`)
)

func (j *judge) checkCluster(value string) []problem {
	cluster := strings.TrimSpace(value)
	if cluster == "" {
		return j.checkEmpty(byName["ECS_CLUSTER"])
	}
	if clusterName.MatchString(cluster) || clusterARN.MatchString(cluster) {
		return nil
	}
	return one(codeCluster, finding.Error,
		shown(byName["ECS_CLUSTER"], cluster)+" is no cluster's name and no cluster's ARN: ECS refuses the registration, and the instance never joins",
		"write a name of 1 to 255 letters, digits, '-' and '_', or arn:aws:ecs:REGION:ACCOUNT:cluster/NAME")
}

func checkRegion(v *Variable, value string) []problem {
	if regionName.MatchString(strings.TrimSpace(value)) {
		return nil
	}
	fix := "write a region, as in us-east-1"
	trimmed := strings.TrimSpace(value)
	if cut := strings.TrimRight(trimmed, "abcdefghijklmnopqrstuvwxyz"); len(trimmed)-len(cut) == 1 && regionName.MatchString(cut) {
		fix = "write the region without the letter of the availability zone: " + v.Name + "=" + cut
	}
	return one(codeRegion, finding.Warning, shown(v, value)+" has not the form of a region: the agent calls an endpoint that does not exist, and the instance does not join", fix)
}

var (
	attributeName  = lazyregexp.New(`^[A-Za-z0-9_./\\-]{1,128}$`)
	attributeValue = lazyregexp.New(`^[A-Za-z0-9_.@/\\: -]{1,128}$`)
	tagText        = lazyregexp.New(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
)

// stringMap reads a map that the agent cannot start without.
func stringMap(v *Variable, value string) (object map[string]string, names []string, problems []problem) {
	if err := json.Unmarshal([]byte(value), &object); err != nil {
		message, at := jsonProblem(value, err)
		return nil, nil, []problem{{code: codeJSON, severity: finding.Error, at: at,
			message: message + ": a JSON object of text to text is wanted; " + string(StopsAgent),
			fix:     "write " + v.Name + `={"name":"text"}, every value in double quotes`}}
	}
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	return object, names, nil
}

func checkAttributes(v *Variable, value string) []problem {
	object, names, problems := stringMap(v, value)
	const refused = "ECS drops it without an error, and the agent then exits for good (exit code 5)"
	if len(names) > maxAttributes {
		problems = append(problems, problem{code: codeTooManyAttributes, severity: finding.Info,
			message: fmt.Sprintf("%d attributes, and ECS documents %d for an instance: the registration may be refused, and PutAttributes adds none to them", len(names), maxAttributes),
			fix:     fmt.Sprintf("keep %d attributes at most", maxAttributes)})
	}
	for _, name := range names {
		if len(problems) >= maxProblems {
			break
		}
		text := object[name]
		if attributeName.MatchString(name) && !reservedAttribute(name) && attributeValue.MatchString(text) && strings.TrimSpace(text) == text {
			continue
		}
		at := max(strings.Index(value, `"`+name+`"`), 0)
		named := "an attribute"
		if attributeName.MatchString(name) {
			named = "the attribute " + quoted(name)
		}
		switch {
		case !attributeName.MatchString(name):
			problems = append(problems, problem{code: codeAttribute, severity: finding.Error, at: at,
				message: "an attribute's name is not 1 to 128 letters, digits and - _ / \\ . : " + refused,
				fix:     "give the attribute another name"})
		case reservedAttribute(name):
			problems = append(problems, problem{code: codeAttribute, severity: finding.Warning, at: at,
				message: named + " has a name that ECS keeps for itself: it may drop the attribute, and the agent then exits for good (exit code 5)",
				fix:     "begin the name with something other than ecs. and com.amazonaws."})
		case text == "":
			problems = append(problems, problem{code: codeAttribute, severity: finding.Info, at: at,
				message: named + " has no value", fix: "give it a value, or take it out"})
		default:
			problems = append(problems, problem{code: codeAttribute, severity: finding.Error, at: at,
				message: named + " has a value that is not 1 to 128 letters, digits, spaces inside and - _ . @ / \\ : ; " + refused,
				fix:     "give the attribute another value"})
		}
	}
	return problems
}

// maxProblems bounds what is said about one value.
const maxProblems = 20

// maxAttributes is how many custom attributes a resource can have
// (AttributeLimitExceededException in the ECS API Reference, which lists it
// under PutAttributes and not under RegisterContainerInstance).
const maxAttributes = 10

func reservedAttribute(name string) bool {
	return strings.HasPrefix(name, "ecs.") || strings.HasPrefix(name, "com.amazonaws.")
}

func checkTags(v *Variable, value string) []problem {
	object, names, problems := stringMap(v, value)
	const refused = "ECS refuses the registration, and the agent exits for good (exit code 5)"
	if len(names) > 50 {
		problems = append(problems, problem{code: codeTag, severity: finding.Error,
			message: fmt.Sprintf("%d tags, and ECS takes 50 at most: %s", len(names), refused), fix: "keep 50 tags at most"})
	}
	for _, name := range names {
		if len(problems) >= maxProblems {
			break
		}
		text := object[name]
		length := utf8.RuneCountInString(name)
		at := func() int { return max(strings.Index(value, `"`+name+`"`), 0) }
		switch {
		case length < 1 || length > 128:
			problems = append(problems, problem{code: codeTag, severity: finding.Error, at: at(),
				message: "a tag's key is not 1 to 128 characters long: " + refused, fix: "shorten the key"})
		case utf8.RuneCountInString(text) > 256:
			problems = append(problems, problem{code: codeTag, severity: finding.Error, at: at(),
				message: "a tag's value is longer than 256 characters: " + refused, fix: "shorten the value"})
		case strings.HasPrefix(strings.ToLower(name), "aws:"):
			problems = append(problems, problem{code: codeTag, severity: finding.Error, at: at(),
				message: "a tag's key begins with aws:, which is AWS's own: " + refused, fix: "take the tag out"})
		case !tagText.MatchString(name) || !tagText.MatchString(text):
			problems = append(problems, problem{code: codeTag, severity: finding.Warning, at: at(),
				message: "a tag has characters other than letters, digits, spaces and _ . : / = + - @, which ECS may refuse; the agent then exits for good (exit code 5)", fix: "take these characters out"})
		}
	}
	return problems
}

// logLevels are the levels of ecs-agent/logger/log.go.
var logLevels = []string{"debug", "info", "warn", "error", "crit", "none"}

// checkLogLevel follows ecs-agent/logger/log.go: a level in lower case goes to
// both outputs. Of the others the console takes some in any case, but the raw
// text is the level of the log file too, where the log library knows fewer.
func (j *judge) checkLogLevel(v *Variable, value string) []problem {
	lower := strings.ToLower(value)
	known := slices.Contains(logLevels, lower)
	likely := lower
	switch {
	case !known:
		likely = map[string]string{"warning": "warn", "err": "error", "critical": "crit", "fatal": "crit", "trace": "debug", "verbose": "debug", "off": "none"}[strings.TrimSpace(lower)]
		if likely == "" {
			likely = "info"
		}
	case v.Name == "ECS_LOGLEVEL_ON_INSTANCE" || (lower == value && lower != "crit" && lower != "none"):
		return nil
	}
	if v.Name == "ECS_LOGLEVEL_ON_INSTANCE" {
		return one(codeLogLevel, finding.Warning, shown(v, value)+" is no log level: an error is logged and the level stays as ECS_LOGLEVEL sets it", "write "+v.Name+"="+likely)
	}
	if !known {
		return one(codeLogLevel, finding.Warning, shown(v, value)+" is no log level: an error is logged, the level stays info, and the agent's log file keeps its first settings", "write "+v.Name+"="+likely)
	}
	if j.file.value("ECS_LOG_DRIVER") != "" {
		return nil // the log file is off then
	}
	severity, effect := finding.Warning, "the console takes it, but the log library refuses it for the log file, which keeps its first settings"
	if slices.Contains(logLevels, strings.ToLower(j.file.value("ECS_LOGLEVEL_ON_INSTANCE"))) {
		severity, effect = finding.Info, "the log library refuses it at first, until ECS_LOGLEVEL_ON_INSTANCE sets the log file's level"
	}
	fix := "write " + v.Name + "=" + lower
	if lower == "crit" || lower == "none" {
		fix = "write " + v.Name + "=error, or set ECS_LOGLEVEL_ON_INSTANCE too"
	}
	return one(codeLogLevel, severity, shown(v, value)+" is a log level for the console only: "+effect, fix)
}

func checkDockerHost(value string) []problem {
	if strings.HasPrefix(value, "unix://") {
		return nil
	}
	return one(codeDockerHost, finding.Warning,
		"ecs-init takes a DOCKER_HOST that begins with unix:// only: it goes on with /var/run/docker.sock, and the agent alone uses the other address",
		"write DOCKER_HOST=unix:///var/run/docker.sock, or delete the line")
}

func checkDataDirectory(value string) []problem {
	if clean := strings.TrimRight(value, "/"); clean == "/data" || strings.HasPrefix(value, "/data/") {
		return nil
	}
	return one(codeState, finding.Warning,
		"ecs-init mounts only /data for the agent's state: in another directory it is lost whenever the agent's container is made anew, and the instance registers again",
		"write ECS_DATADIR=/data, or delete the line")
}

var dockerSize = lazyregexp.New(`^[0-9]+(\.[0-9]+)? ?([kKmMgGtTpP]?[iI]?[bB]?)$`)

func checkDockerLogFile(v *Variable, value string) []problem {
	ok := dockerSize.MatchString(value)
	wanted := "a size such as 16m"
	if v.Name == "ECS_INIT_DOCKER_LOG_FILE_NUM" {
		n, err := strconv.Atoi(value)
		ok, wanted = err == nil && n > 0, "a whole number above 0, such as 4"
	}
	if ok {
		return nil
	}
	return one(codeDockerLog, finding.Warning, shown(v, value)+" goes to Docker as it is, which wants "+wanted+" and may refuse to create the agent's container", "write "+wanted)
}

var otherScheme = lazyregexp.New(`^[A-Za-z][A-Za-z0-9+.-]*://`)

func checkProxy(v *Variable, value string) []problem {
	// ecs-agent/utils/httpproxy/proxy.go parseProxy: without a scheme that it
	// knows, http:// goes before the value.
	proxy, err := url.Parse(value)
	known := err == nil && slices.Contains([]string{"http", "https", "socks5"}, proxy.Scheme)
	if !known && otherScheme.MatchString(value) {
		return one(codeProxy, finding.Error, "the agent knows the schemes http, https and socks5 only, and takes another one for the proxy's host: "+string(v.Bad), "write "+v.Name+"=http://host:port")
	}
	if !known {
		proxy, err = url.Parse("http://" + value)
	}
	if err != nil || proxy.Hostname() == "" || strings.ContainsAny(proxy.Host, "\"'`<>{}$ ") || strings.Contains(proxy.Hostname(), "%22") {
		return one(codeProxy, finding.Error, "the value is no proxy's address: "+string(v.Bad), "write "+v.Name+"=http://host:port, without quotes")
	}
	if _, password := proxy.User.Password(); password {
		return one(codeProxyPassword, finding.Info, "the proxy's address has a password in it, which everybody reads who may read the file or docker inspect", "let the proxy know its clients by their addresses")
	}
	return nil
}
