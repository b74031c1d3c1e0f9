package ecsconfig

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// checkLoggingDrivers follows agent/config/config.go validateAndOverrideBounds:
// one unknown driver stops the agent, an unreadable list only costs its
// defaults.
func checkLoggingDrivers(_ *judge, v *Variable, value string) []problem {
	var drivers []string
	rest, err := decodeFirst(value, &drivers)
	unknown := slices.DeleteFunc(slices.Clone(drivers), func(driver string) bool { return slices.Contains(v.Values, driver) })
	fix := "Name only drivers that the agent knows: " + strings.Join(v.Values, ", ") + "."
	if len(unknown) > 0 {
		named := "has a log driver that the agent doesn't know"
		if isHarmless(unknown[0]) {
			named = "names the log driver " + quoted(unknown[0]) + ", which the agent doesn't know"
		}
		p := problem{code: codeLoggingDriver, severity: Restarts.severity(), offset: max(strings.Index(value, `"`+unknown[0]+`"`), 0),
			fact: v.Name + " " + named + ".", effect: Restarts.sentence(), fix: fix}
		if corrected := correctedDrivers(v, drivers); err == nil && corrected != nil {
			p.value, p.sure = jsonList(corrected), true
		}
		return one(p)
	}
	if err != nil {
		p := notJSON(v, value, err, "a JSON list of log drivers", `["json-file","awslogs"]`)
		p.effect += " ECS places no task with another log driver on the instance."
		if corrected := correctedDrivers(v, words(value)); corrected != nil {
			p.value, p.sure = jsonList(corrected), true
		}
		return one(p)
	}
	if len(drivers) == 0 {
		return one(problem{code: codeMeansDefault, severity: finding.Warning, refused: true,
			fact: v.Name + " is an empty list, which counts as not set.", effect: "The agent uses " + v.Default + ".", fix: "Delete the line, or name the drivers."})
	}
	return trailing(v, value, rest)
}

// correctedDrivers gives the list with every name that is right but for its
// case or a typo corrected, nil where one can't be told.
func correctedDrivers(v *Variable, names []string) []string {
	corrected := make([]string, 0, len(names))
	for _, name := range names {
		if !slices.Contains(v.Values, name) {
			if name = likelyChoice(v, name); name == "" {
				return nil
			}
		}
		corrected = append(corrected, name)
	}
	if len(corrected) == 0 {
		return nil
	}
	return corrected
}

// maxReservedPorts is how many ECS takes at registration (ECS API Reference,
// Resource).
const maxReservedPorts = 100

// checkPorts follows agent/config/parse.go parseReservedPorts, which keeps what
// was decoded before and after an element of the wrong type.
func checkPorts(_ *judge, v *Variable, value string) []problem {
	var ports []uint16
	rest, err := decodeFirst(value, &ports)
	var problems []problem
	switch {
	case err != nil:
		p := notJSON(v, value, err, "a JSON list of port numbers", "[22,8080]")
		if len(ports) > 0 {
			p.refused, p.used = false, portList(ports)
			p.effect = "The agent logs a warning and reserves " + abbreviated(ports) + ", with 0 for each entry that it can't read."
		}
		if corrected := correctedPorts(value); corrected != nil {
			p.value, p.sure = portList(corrected), true
		}
		problems = append(problems, p)
	case len(ports) == 0 && v.Default != "[]":
		return one(problem{code: codeMeansDefault, severity: finding.Warning, refused: true,
			fact: v.Name + " is an empty list, which counts as not set.", effect: "The agent reserves " + v.Default + ".", fix: "Delete the line."})
	default:
		if slices.Contains(ports, 0) {
			problems = append(problems, problem{code: codePorts, severity: finding.Warning,
				fact: v.Name + " has port 0, which is not a port.", effect: "ECS may refuse the registration.", fix: "Remove the 0 from the list."})
		}
		problems = append(problems, trailing(v, value, rest)...)
	}
	if len(ports) > maxReservedPorts {
		problems = append(problems, problem{code: codeTooManyPorts, severity: Unregistered.severity(),
			fact:   fmt.Sprintf("%s reserves %d ports, but ECS takes %d at most.", v.Name, len(ports), maxReservedPorts),
			effect: Unregistered.sentence(), fix: fmt.Sprintf("Reserve %d ports at most.", maxReservedPorts)})
	}
	return problems
}

// correctedPorts reads the ports that somebody wrote with quotes, spaces or
// without brackets; nil where something else is among them.
func correctedPorts(value string) []uint16 {
	var ports []uint16
	for _, word := range words(value) {
		low, high, isRange := strings.Cut(word, "-")
		if !isRange {
			high = low
		}
		from, err := strconv.ParseUint(low, 10, 16)
		to, errOfEnd := strconv.ParseUint(high, 10, 16)
		if err != nil || errOfEnd != nil || from == 0 || to < from || to-from >= maxReservedPorts {
			return nil
		}
		for port := from; port <= to; port++ {
			ports = append(ports, uint16(port))
		}
	}
	return ports
}

func portList(ports []uint16) string { return strings.ReplaceAll(fmt.Sprint(ports), " ", ",") }

func abbreviated(ports []uint16) string {
	if len(ports) > 8 {
		return fmt.Sprintf("%d ports", len(ports))
	}
	return portList(ports)
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

func checkRoutes(_ *judge, v *Variable, value string) []problem {
	var routes []route
	err := json.Unmarshal([]byte(value), &routes)
	if err == nil {
		return nil
	}
	p := notJSON(v, value, err, "a JSON list of networks", `["10.0.15.0/24"]`)
	p.code = codeRoutes
	var address *net.ParseError
	if errors.As(err, &address) {
		p.fact = v.Name + " has an entry that is not a network in CIDR notation, such as 10.0.15.0/24."
		p.offset = max(strings.Index(value, `"`+address.Text+`"`), 0)
	}
	var networks []string
	for _, word := range words(value) {
		if _, _, err := net.ParseCIDR(word); err != nil {
			return one(p)
		}
		networks = append(networks, word)
	}
	if networks != nil {
		p.value, p.sure = jsonList(networks), true
	}
	return one(p)
}

func checkRateLimit(_ *judge, v *Variable, value string) []problem {
	rate, burst, _ := strings.Cut(value, ",")
	bad := strings.Count(value, ",") != 1
	var numbers [2]int
	for i, half := range []string{rate, burst} {
		n, err := strconv.Atoi(strings.TrimSpace(half))
		bad = bad || err != nil
		numbers[i] = n
	}
	p := problem{code: codeRateLimit, severity: finding.Warning, refused: true, effect: v.falls(), fix: "Write " + v.Name + "=" + v.Default}
	switch {
	case bad:
		p.fact = v.is(value) + " is not two whole numbers separated by a comma, such as 40,60."
	case numbers[0] < 0 || numbers[1] < 0:
		p.fact = v.Name + " has a rate below 1."
	case numbers[0] == 0 || numbers[1] == 0:
		p.code, p.fact = codeMeansDefault, v.Name+" has a rate of 0, which counts as not set."
	default:
		return nil
	}
	return one(p)
}

// checkPortRange follows agent/config/parse.go parseDynamicHostPortRange.
func checkPortRange(_ *judge, v *Variable, value string) []problem {
	from, to, _ := strings.Cut(value, "-")
	to, more, tooMany := strings.Cut(to, "-")
	if !strings.Contains(value, "-") {
		to = from
	}
	start, err := strconv.ParseUint(from, 10, 16)
	end, errEnd := strconv.ParseUint(to, 10, 16)
	if err != nil || errEnd != nil || end < start {
		p := problem{code: codePortRange, severity: finding.Warning, refused: true,
			fact:   v.is(value) + " is not a range of ports, such as 32768-60999.",
			effect: "The agent logs a warning and uses the kernel's range (/proc/sys/net/ipv4/ip_local_port_range).",
			fix:    "Write a range such as " + v.Name + "=32768-60999"}
		if ports := correctedPorts(strings.NewReplacer(":", " ", "-", " ", "to", " ", "–", " ").Replace(value)); len(ports) == 2 && ports[0] <= ports[1] {
			p.value, p.sure = fmt.Sprintf("%d-%d", ports[0], ports[1]), true
		}
		return one(p)
	}
	if tooMany {
		return one(problem{code: codePortRange, severity: finding.Info, offset: len(value) - len(more) - 1, used: fmt.Sprintf("%d-%d", start, end),
			fact: v.Name + " has text after the second port, which the agent ignores.", value: fmt.Sprintf("%d-%d", start, end), sure: true})
	}
	return nil
}

// checkImages is for the list that the agent splits at commas and compares with
// name:tag.
func checkImages(_ *judge, v *Variable, value string) []problem {
	offset := 0
	for item := range strings.SplitSeq(value, ",") {
		trimmed := strings.TrimSpace(item)
		name := trimmed[strings.LastIndex(trimmed, "/")+1:]
		p := problem{code: codeImages, severity: finding.Warning, offset: offset,
			effect: "The agent never finds an image of that name, and removes the image that you want to keep.", fix: "Write name:tag,name:tag without spaces, quotes or brackets."}
		switch {
		case trimmed == "":
			offset += len(item) + 1
			continue
		case strings.ContainsAny(trimmed, `[]{}"'`):
			p.fact = v.Name + " has brackets or quotes, which become part of an image's name."
		case trimmed != item || strings.ContainsAny(trimmed, " \t"):
			p.fact = v.Name + " has a space, which becomes part of an image's name."
		case !strings.Contains(name, ":"):
			p.fact = v.Name + " has an image without a tag, but the agent compares name:tag."
		default:
			offset += len(item) + 1
			continue
		}
		if images := correctedImages(value); images != value {
			p.value, p.sure = images, images != ""
		}
		return one(p)
	}
	return nil
}

var imageName = lazyregexp.New(`^[a-z0-9]([a-z0-9./_-]*[a-z0-9])?(:[0-9]{1,5}/[a-z0-9./_-]+)?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)

// correctedImages writes the images of a list as the agent wants them, "" where
// something else is among them.
func correctedImages(value string) string {
	list := strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(",; \t[]\"'", r) })
	if len(list) == 0 || slices.ContainsFunc(list, func(image string) bool { return !imageName.MatchString(image) }) {
		return ""
	}
	return strings.Join(list, ",")
}

var (
	clusterName = lazyregexp.New(`^[A-Za-z0-9_-]{1,255}$`)
	clusterARN  = lazyregexp.New(`^arn:aws[a-z0-9-]*:ecs:([a-z0-9-]+):[0-9]{12}:cluster/[A-Za-z0-9_-]{1,255}$`)
	regionName  = lazyregexp.New(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`)
)

func checkCluster(_ *judge, v *Variable, value string) []problem {
	cluster := strings.TrimSpace(value)
	if clusterName.MatchString(cluster) || clusterARN.MatchString(cluster) {
		return nil
	}
	p := problem{code: codeCluster, severity: Unregistered.severity(), fact: v.is(cluster) + " is neither a cluster name nor a cluster ARN.", effect: Unregistered.sentence(),
		fix: "Write a name of 1 to 255 letters, digits, '-' and '_', or arn:aws:ecs:REGION:ACCOUNT:cluster/NAME."}
	if strings.HasPrefix(cluster, "arn:") {
		p.fact = "The ARN in " + v.Name + " is not a cluster ARN."
	}
	return one(p)
}

func checkClusterEmpty(_ *judge, v *Variable) []problem {
	return one(problem{code: codeClusterEmpty, severity: finding.Error, refused: true,
		fact: v.Name + " is empty.", effect: `The instance joins the cluster "default", which the agent creates if it is missing.`,
		fix: "Write the cluster's name. Write ECS_CLUSTER=default if that is the one."})
}

func checkDataDirectoryEmpty(j *judge, v *Variable) []problem {
	if j.enabled("ECS_CHECKPOINT") {
		return checkEmpty(j, v)
	}
	return one(problem{code: codeEmpty, severity: finding.Warning, refused: true,
		fact: "The empty value of " + v.Name + " turns ECS_CHECKPOINT off.", effect: "The agent forgets its tasks when it restarts, and registers the instance again.", fix: "Delete the line, or write a value."})
}

func checkRegion(_ *judge, v *Variable, value string) []problem {
	trimmed := strings.TrimSpace(value)
	if regionName.MatchString(trimmed) {
		return nil
	}
	p := problem{code: codeRegion, severity: Restarts.severity(), fact: v.is(value) + " is not a valid Region name.",
		effect: "The ECS endpoint doesn't exist. " + Restarts.sentence(), fix: "Write a Region name, such as " + v.Name + "=us-east-1"}
	if cut := strings.TrimRight(trimmed, "abcdefghijklmnopqrstuvwxyz"); len(trimmed)-len(cut) == 1 && regionName.MatchString(cut) {
		p.fact = v.is(value) + " is an Availability Zone, not a Region."
		p.value, p.sure = cut, true
	} else if lower := strings.ToLower(strings.ReplaceAll(trimmed, "_", "-")); regionName.MatchString(lower) {
		p.value, p.sure = lower, true
	}
	return one(p)
}

// checkSDKRegion is for the Region that only some calls of the SDK use.
func checkSDKRegion(_ *judge, v *Variable, value string) []problem {
	if regionName.MatchString(value) {
		return nil
	}
	return one(problem{code: codeRegion, severity: finding.Warning, fact: v.is(value) + " is not a valid Region name.",
		effect: "The agent calls ECS in the Region of AWS_DEFAULT_REGION or of the instance, not in this one.", fix: "Delete the line. To choose the Region of ECS, write AWS_DEFAULT_REGION."})
}

// sdkRegion says that AWS_REGION alone doesn't choose the Region of ECS.
func sdkRegion(j *judge, v *Variable, a Assignment) {
	region := j.file.value(v.Name)
	if j.file.Region() != "" || !regionName.MatchString(region) {
		return
	}
	j.add(a.Line, a.Column, v.Name, problem{code: codeNoEffect, severity: finding.Warning,
		fact: v.Name + " doesn't choose the Region of ECS.", effect: "The agent takes AWS_DEFAULT_REGION, or the instance's Region.", fix: "Write AWS_DEFAULT_REGION=" + region})
}

var (
	attributeName  = lazyregexp.New(`^[A-Za-z0-9_./\\-]{1,128}$`)
	attributeValue = lazyregexp.New(`^[A-Za-z0-9_.@/\\: -]{1,128}$`)
	tagText        = lazyregexp.New(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
)

// stringMap reads a map that the agent cannot start without.
func stringMap(v *Variable, value, example string) (object map[string]string, names []string, problems []problem) {
	if err := json.Unmarshal([]byte(value), &object); err != nil {
		return nil, nil, one(withCorrectedMap(notJSON(v, value, err, "a JSON object of strings", example), v, value))
	}
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	return object, names, nil
}

func checkAttributes(_ *judge, v *Variable, value string) []problem {
	object, names, problems := stringMap(v, value, `{"stack":"prod"}`)
	const refused = "ECS drops the attribute, and the agent then exits for good (exit code 5)."
	if len(names) > maxAttributes {
		problems = append(problems, problem{code: codeTooManyAttributes, severity: finding.Info,
			fact: fmt.Sprintf("%s has %d attributes, but ECS documents %d for an instance.", v.Name, len(names), maxAttributes), effect: "ECS may refuse the registration.",
			fix: fmt.Sprintf("Keep %d attributes at most.", maxAttributes)})
	}
	for _, name := range names {
		if len(problems) >= maxProblems {
			break
		}
		text := object[name]
		if attributeName.MatchString(name) && !reservedAttribute(name) && attributeValue.MatchString(text) && strings.TrimSpace(text) == text {
			continue
		}
		offset := max(strings.Index(value, `"`+name+`"`), 0)
		named := "An attribute in " + v.Name
		if attributeName.MatchString(name) && isPublic(name) {
			named = "The attribute " + quoted(name) + " in " + v.Name
		}
		p := problem{code: codeAttribute, severity: finding.Error, offset: offset, effect: refused}
		switch {
		case !attributeName.MatchString(name):
			p.fact, p.fix = named+" has a name that is not 1 to 128 letters, digits, and - _ / \\ or dot.", "Rename the attribute."
		case reservedAttribute(name):
			p.severity, p.effect = finding.Warning, "ECS may drop the attribute, and the agent then exits for good (exit code 5)."
			p.fact, p.fix = named+" has a prefix that ECS reserves.", "Choose a name that doesn't begin with ecs. or com.amazonaws."
		case text == "":
			p.severity, p.effect = finding.Info, ""
			p.fact, p.fix = named+" has no value.", "Give it a value, or remove it."
		default:
			p.fact, p.fix = named+" has a value that is not 1 to 128 letters, digits, inner spaces, and - _ . @ / \\ or colon.", "Change the value."
		}
		problems = append(problems, p)
	}
	return problems
}

// maxProblems bounds what is said about one value.
const maxProblems = 20

// maxAttributes is how many custom attributes a resource can have
// (AttributeLimitExceededException in the ECS API Reference, which lists it
// under PutAttributes and not under RegisterContainerInstance).
const maxAttributes = 10

// maxTags is how many tags a resource can have (ECS API Reference, Tag).
const maxTags = 50

func reservedAttribute(name string) bool {
	return strings.HasPrefix(name, "ecs.") || strings.HasPrefix(name, "com.amazonaws.")
}

func checkTags(_ *judge, v *Variable, value string) []problem {
	object, names, problems := stringMap(v, value, `{"Team":"platform"}`)
	if len(names) > maxTags {
		problems = append(problems, problem{code: codeTag, severity: Unregistered.severity(),
			fact: fmt.Sprintf("%s has %d tags, but ECS takes %d at most.", v.Name, len(names), maxTags), effect: Unregistered.sentence(), fix: fmt.Sprintf("Keep %d tags at most.", maxTags)})
	}
	for _, name := range names {
		if len(problems) >= maxProblems {
			break
		}
		text := object[name]
		length := utf8.RuneCountInString(name)
		p := problem{code: codeTag, severity: Unregistered.severity(), effect: Unregistered.sentence()}
		switch {
		case length < 1 || length > 128:
			p.fact, p.fix = "A tag key in "+v.Name+" is not 1 to 128 characters long.", "Change the key."
		case utf8.RuneCountInString(text) > 256:
			p.fact, p.fix = "A tag value in "+v.Name+" is longer than 256 characters.", "Shorten the value."
		case strings.HasPrefix(strings.ToLower(name), "aws:"):
			p.fact, p.fix = "A tag key in "+v.Name+" begins with aws:, which AWS reserves.", "Remove the tag."
		case !tagText.MatchString(name) || !tagText.MatchString(text):
			p.severity, p.effect = finding.Warning, "ECS may refuse the registration, and the agent then exits for good (exit code 5)."
			p.fact, p.fix = "A tag in "+v.Name+" has characters other than letters, digits, spaces, and _ . : / = + - or @.", "Remove these characters."
		default:
			continue
		}
		p.offset = max(strings.Index(value, `"`+name+`"`), 0)
		problems = append(problems, p)
	}
	return problems
}

// logLevels are the levels of ecs-agent/logger/log.go.
var logLevels = []string{"debug", "info", "warn", "error", "crit", "none"}

// likelyLogLevel is the level that was meant by another word, "" for none.
func likelyLogLevel(value string) string {
	lower := strings.ToLower(strings.TrimSpace(value))
	for word, level := range map[string]string{"warning": "warn", "err": "error", "critical": "error", "crit": "error", "fatal": "error", "none": "error", "off": "error", "trace": "debug", "verbose": "debug", "information": "info"} {
		if lower == word {
			return level
		}
	}
	if slices.Contains(logLevels, lower) {
		return lower
	}
	for _, level := range logLevels[:4] {
		if editDistance(lower, level) == 1 {
			return level
		}
	}
	return ""
}

// checkLogLevel follows ecs-agent/logger/log.go: a level in lower case goes to
// both outputs. Of the others the console takes some in any case, but the raw
// text is the level of the log file too, where the log library knows fewer.
func checkLogLevel(j *judge, v *Variable, value string) []problem {
	lower := strings.ToLower(value)
	p := problem{code: codeLogLevel, severity: finding.Warning, fix: "Write " + v.Name + "=info", value: likelyLogLevel(value)}
	p.sure = p.value != "" && p.value != "error" || lower == "error"
	switch {
	case !slices.Contains(logLevels, lower):
		p.refused = true
		p.fact, p.effect = v.is(value)+" is not a log level.", "The agent logs an error, its level stays info, and its log file keeps its first settings."
		return one(p)
	case lower == value && lower != "crit" && lower != "none":
		return nil
	case j.file.value("ECS_LOG_DRIVER") != "":
		return nil // the log file is off then
	}
	p.fact = v.is(value) + " is a log level for the console only."
	p.effect = "The log library refuses it for the log file, which keeps its first settings."
	if slices.Contains(logLevels, strings.ToLower(j.file.value("ECS_LOGLEVEL_ON_INSTANCE"))) {
		p.severity, p.effect = finding.Info, "The log library refuses it for the log file, until ECS_LOGLEVEL_ON_INSTANCE sets that level."
	}
	return one(p)
}

func checkInstanceLogLevel(_ *judge, v *Variable, value string) []problem {
	if slices.Contains(logLevels, strings.ToLower(value)) {
		return nil
	}
	p := problem{code: codeLogLevel, severity: finding.Warning, refused: true, fact: v.is(value) + " is not a log level.",
		effect: "The agent logs an error, and the log file's level stays as ECS_LOGLEVEL sets it.", fix: "Write " + v.Name + "=info", value: likelyLogLevel(value)}
	p.sure = p.value != ""
	return one(p)
}

var dockerSize = lazyregexp.New(`^[0-9]+(\.[0-9]+)? ?([kKmMgGtTpP]?[iI]?[bB]?)$`)

func checkDockerLogSize(_ *judge, v *Variable, value string) []problem {
	if dockerSize.MatchString(value) {
		return nil
	}
	return one(dockerRefusesLog(v, value, "a size such as 16m", v.Name+"=16m"))
}

func checkDockerLogFiles(_ *judge, v *Variable, value string) []problem {
	if n, err := strconv.Atoi(value); err == nil && n > 0 {
		return nil
	}
	return one(dockerRefusesLog(v, value, "a whole number above 0", v.Name+"=4"))
}

func dockerRefusesLog(v *Variable, value, wanted, fix string) problem {
	return problem{code: codeDockerLog, severity: NotCreated.severity(), fact: v.is(value) + " is not " + wanted + ".", effect: NotCreated.sentence(), fix: "Write " + fix}
}
