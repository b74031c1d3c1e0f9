package ecsconfig

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// problem is what is wrong with a value. Its place in the file is known by the
// caller.
type problem struct {
	code     string
	severity finding.Severity
	// fact is the sentence that says what is wrong, effect the one that says
	// what happens; effect may be "".
	fact, effect string
	// fix is an instruction. Where value is not "", the line to write takes its
	// place.
	fix string
	// value is the corrected value; sure says that it is what the author meant,
	// so that a program may write it.
	value  string
	sure   bool
	offset int // bytes from the beginning of the value
	// refused says that the reader uses its default in place of the value; used
	// is what else it uses, "" for the value itself.
	refused bool
	used    string
}

// message is the whole text.
func (p problem) message() string {
	if p.effect == "" {
		return p.fact
	}
	return p.fact + " " + p.effect
}

// one is a problem with the whole value.
func one(p problem) []problem { return []problem{p} }

// check says what the variable's reader makes of a value, given as the reader
// gets it.
func (j *judge) check(v *Variable, value string) []problem {
	if strings.TrimSpace(value) == "" && (value == "" || v.Trimmed) {
		if v.Empty != nil {
			return v.Empty(j, v)
		}
		return checkEmpty(j, v)
	}
	if v.Check != nil {
		return v.Check(j, v, value)
	}
	if check := checks[v.Type]; check != nil {
		return check(j, v, value)
	}
	return nil
}

// checks are the checks of the types; a type without one takes any text.
var checks map[Type]func(*judge, *Variable, string) []problem

func init() {
	checks = map[Type]func(*judge, *Variable, string) []problem{
		Boolean: checkBoolean, SDKBoolean: checkSDKBoolean, ExactTrue: checkExactTrue, Duration: checkDuration,
		Integer: checkInteger, Mebibytes: checkMebibytes, Decimal: checkDecimal,
		Choice: checkChoice, ChoiceAnyCase: checkChoice, StringMap: checkStringMap, StringList: checkStringList,
		PortList: checkPorts, RouteList: checkRoutes, RateLimit: checkRateLimit, PortRange: checkPortRange,
		ImageList: checkImages, Region: checkRegion, Proxy: checkProxy, URL: checkURL, Path: checkPath,
	}
}

// checkEmpty judges NAME=, which sets the variable to nothing and so overrides
// what ecs-init would have set.
func checkEmpty(_ *judge, v *Variable) []problem {
	without := v.who() + " runs without it."
	if v.Default != "" {
		without = v.who() + " uses " + v.Default + "."
	}
	switch {
	case v.overridden():
		return one(problem{code: codeEmpty, severity: finding.Warning, refused: true,
			fact:   "The empty value of " + v.Name + " overrides " + *v.ECSInit + ", which ecs-init sets if the line is absent.",
			effect: without,
			fix:    "Delete the line, or write a value."})
	case v.Default != "" && v.Default != "unset" && v.Type != ExactTrue:
		return one(problem{code: codeEmpty, severity: finding.Info, refused: true,
			fact: "The empty value of " + v.Name + " counts as not set.", effect: v.who() + " uses " + v.Default + ".",
			fix: "Delete the line, or write a value."})
	}
	return nil
}

// emptyIsFine takes an empty value for no setting.
func emptyIsFine(*judge, *Variable) []problem { return nil }

// trueWords and falseWords are what people write for a boolean.
var (
	trueWords  = []string{"yes", "y", "on", "enabled", "enable", "ture", "treu", "tru", "trues", "active", "1.0"}
	falseWords = []string{"no", "n", "off", "disabled", "disable", "none", "never", "fals", "flase", "fales", "inactive", "0.0", "null", "nil"}
)

// likelyBoolean is the word that was meant, "" if it can't be told.
func likelyBoolean(value string) string {
	word := strings.ToLower(strings.TrimSpace(value))
	switch {
	case word == "true" || slices.Contains(trueWords, word):
		return "true"
	case word == "false" || slices.Contains(falseWords, word):
		return "false"
	}
	return ""
}

func checkBoolean(_ *judge, v *Variable, value string) []problem {
	if _, err := strconv.ParseBool(strings.TrimSpace(value)); err == nil || strings.TrimSpace(value) == "" {
		return nil
	}
	word := likelyBoolean(value)
	return one(problem{code: codeBoolean, severity: finding.Warning, refused: true,
		fact:   v.is(value) + " is not a boolean that " + v.reader() + " understands (true, false, 1, 0, t or f).",
		effect: v.falls(), fix: "Write " + v.Name + "=true or " + v.Name + "=false", value: word, sure: word != ""})
}

// checkBooleanForBoth is for the booleans of which ecs-init wants the exact
// text true, and the agent any word for it.
func checkBooleanForBoth(j *judge, v *Variable, value string) []problem {
	if problems := checkBoolean(j, v, value); problems != nil {
		return problems
	}
	if on, _ := strconv.ParseBool(strings.TrimSpace(value)); on && value != "true" {
		return one(problem{code: codeBooleanSpelling, severity: finding.Warning,
			fact:   v.is(value) + " means true to the agent, but not to ecs-init, which takes only the exact text true.",
			effect: "The agent and ecs-init disagree.", value: "true", sure: true})
	}
	return nil
}

// checkSDKBoolean follows aws-sdk-go-v2 config/env_config.go: strings.EqualFold.
func checkSDKBoolean(_ *judge, v *Variable, value string) []problem {
	if strings.EqualFold(value, "true") || strings.EqualFold(value, "false") {
		return nil
	}
	p := problem{code: codeBoolean, fact: v.is(value) + " is neither true nor false.", fix: "Write " + v.Name + "=true or " + v.Name + "=false",
		value: likelyBoolean(value), refused: true}
	switch on, err := strconv.ParseBool(value); {
	case err == nil:
		p.value = strconv.FormatBool(on)
	}
	p.sure = p.value != ""
	p.severity, p.effect = finding.Warning, "The AWS SDK in the agent ignores it."
	if v.Bad == StopsAgent {
		p.severity, p.effect = Restarts.severity(), "The AWS SDK refuses to load. "+Restarts.sentence()
	}
	return one(p)
}

func checkExactTrue(_ *judge, v *Variable, value string) []problem {
	if on, err := strconv.ParseBool(value); value == "true" || (err == nil && !on) {
		return nil
	}
	word := likelyBoolean(value)
	if on, err := strconv.ParseBool(value); err == nil && on {
		word = "true"
	}
	return one(problem{code: codeBooleanSpelling, severity: finding.Warning, refused: true,
		fact:   v.is(value) + " is not the exact text true.",
		effect: "ecs-init leaves the setting off.", fix: "Write " + v.Name + "=true, or delete the line.", value: word, sure: word != ""})
}

var looseDuration = lazyregexp.New(`^([0-9.]+)\s*([A-Za-z]*)$`)

// likelyDuration rewrites what people write for a duration, "" where it cannot;
// sure says that the text names its unit.
func likelyDuration(value string) (likely string, sure bool) {
	match := looseDuration.FindStringSubmatch(strings.TrimSpace(value))
	if match == nil {
		return "", false
	}
	number, unit := match[1], strings.ToLower(match[2])
	sure = unit != ""
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
			return "", false
		}
		number, unit = strconv.FormatFloat(days*24, 'f', -1, 64), "h"
	case "millisecond", "milliseconds", "msec", "ms":
		unit = "ms"
	default:
		return "", false
	}
	if _, err := time.ParseDuration(number + unit); err != nil {
		return "", false
	}
	return number + unit, sure
}

// checkDuration is for durations with a minimum, a maximum or none.
func checkDuration(j *judge, v *Variable, value string) []problem {
	duration, problems := parseDuration(j, v, value)
	if problems != nil {
		return problems
	}
	minimum, bounded := bound(v.Min)
	maximum, limited := bound(v.Max)
	switch {
	case limited && (duration < minimum || duration > maximum):
		return one(problem{code: codeDurationRange, severity: finding.Warning, refused: true,
			fact:   fmt.Sprintf("%s is %s, which is not between %s and %s.", v.Name, short(duration), short(minimum), short(maximum)),
			effect: v.falls(), fix: fmt.Sprintf("Write a duration from %s to %s.", short(minimum), short(maximum))})
	case bounded && duration < minimum && v.Resets:
		return one(problem{code: codeDurationMinimum, severity: finding.Warning, refused: true,
			fact:   fmt.Sprintf("%s is %s, below the minimum of %s.", v.Name, short(duration), short(minimum)),
			effect: v.falls(), fix: fmt.Sprintf("Write %s=%s or a longer duration.", v.Name, short(minimum))})
	case bounded && duration < minimum:
		return one(problem{code: codeDurationMinimum, severity: finding.Warning, used: short(minimum),
			fact:   fmt.Sprintf("%s is %s, below the minimum of %s.", v.Name, short(duration), short(minimum)),
			effect: fmt.Sprintf("The agent logs a warning and uses %s.", short(minimum)), fix: fmt.Sprintf("Write %s=%s or a longer duration.", v.Name, short(minimum))})
	case duration < 0:
		return one(problem{code: codeDurationRange, severity: finding.Warning,
			fact:   v.Name + " is negative.",
			effect: "The agent removes an image as soon as no task uses it.", fix: "Write a duration above 0, such as " + v.Name + "=" + v.Default})
	}
	return nil
}

// short writes a duration as people do: 1m, not 1m0s.
func short(duration time.Duration) string {
	text := duration.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// bound reads a limit, of which the part for Linux comes first.
func bound(text string) (time.Duration, bool) {
	text, _, _ = strings.Cut(text, " ")
	limit, err := time.ParseDuration(text)
	return limit, err == nil && text != ""
}

// parseDuration reads a duration; it reports what isn't one, and the zero that
// counts as not set.
func parseDuration(j *judge, v *Variable, value string) (time.Duration, []problem) {
	duration, err := time.ParseDuration(value)
	if err != nil {
		p := problem{code: codeDuration, severity: finding.Warning, refused: true,
			fact: v.is(value) + " is not a duration with a unit, such as 90s, 30m or 2h.", effect: v.falls(),
			fix: "Write a number with a unit, such as " + v.Name + "=" + exampleDuration(v)}
		if likely, sure := likelyDuration(value); likely != "" && worst(j.check(v, likely)) == "" {
			p.value, p.sure = likely, sure
		}
		return 0, one(p)
	}
	if duration == 0 && v.Default != "0" {
		return 0, one(problem{code: codeMeansDefault, severity: finding.Warning, refused: true,
			fact: v.Name + " is 0, which counts as not set.", effect: v.who() + " uses " + v.Default + ".", fix: "Delete the line, or write a duration above 0."})
	}
	return duration, nil
}

func exampleDuration(v *Variable) string {
	if _, err := time.ParseDuration(v.Default); err == nil && v.Default != "0" {
		return v.Default
	}
	return "1m"
}

// checkJitter is for the duration over which the agent panics if it is
// negative.
func checkJitter(j *judge, v *Variable, value string) []problem {
	duration, problems := parseDuration(j, v, value)
	if problems != nil || duration >= 0 {
		return problems
	}
	return one(problem{code: codeNegativeJitter, severity: finding.Error,
		fact: v.Name + " is negative.", effect: "The agent panics when it removes the first stopped task (rand.Int63n).",
		fix: "Write a duration of 0 or more, or delete the line."})
}

// checkPullTimeout is for the time that a whole pull may take, which has no
// minimum.
func checkPullTimeout(j *judge, v *Variable, value string) []problem {
	duration, problems := parseDuration(j, v, value)
	switch {
	case problems != nil:
		return problems
	case duration < time.Second:
		return one(problem{code: codePullTimeout, severity: finding.Error,
			fact: fmt.Sprintf("%s is %v, and no pull ends within that.", v.Name, duration), effect: "Every pull times out, and no task starts.",
			fix: "Write " + v.Name + "=" + v.Default})
	case duration < 10*time.Second:
		return one(problem{code: codePullTimeout, severity: finding.Warning,
			fact: fmt.Sprintf("%s is %v, which limits a whole pull.", v.Name, duration), effect: "All but the smallest images time out.",
			fix: "Write " + v.Name + "=" + v.Default})
	}
	return nil
}

// checkPollingWait is for the interval that is bounded only while polling is on.
func checkPollingWait(j *judge, v *Variable, value string) []problem {
	duration, problems := parseDuration(j, v, value)
	minimum, _ := bound(v.Min)
	maximum, _ := bound(v.Max)
	if problems != nil || !j.enabled("ECS_POLL_METRICS") || (duration >= minimum && duration <= maximum) {
		return problems
	}
	nearest := minimum
	if duration > maximum {
		nearest = maximum
	}
	return one(problem{code: codeDurationRange, severity: finding.Warning, used: short(nearest),
		fact:   fmt.Sprintf("%s is %s, which is not between %s and %s.", v.Name, short(duration), short(minimum), short(maximum)),
		effect: fmt.Sprintf("The agent logs a warning and uses %s.", short(nearest)), value: short(nearest)})
}

// mebibytes is a number of them with its unit.
var mebibytes = lazyregexp.New(`^ *([0-9]{1,5}) *(?i:m|mb|mi|mib) *$`)

func checkMebibytes(_ *judge, v *Variable, value string) []problem {
	_, err := strconv.ParseUint(value, 10, 16)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, strconv.ErrRange):
		return one(problem{code: codeNumberRange, severity: finding.Warning, refused: true,
			fact: v.is(value) + " is more than " + v.Max + " MiB.", effect: v.falls(), fix: "Write a number of MiB up to " + v.Max + "."})
	}
	p := notANumber(v, value, "a whole number of MiB", v.Name+"=256")
	if match := mebibytes.FindStringSubmatch(value); match != nil {
		p.value, p.sure = match[1], true
	}
	return one(p)
}

// notANumber is the problem of a text that is no number.
func notANumber(v *Variable, value, wanted, example string) problem {
	p := problem{code: codeNumber, severity: finding.Warning, refused: true,
		fact: v.is(value) + " is not " + wanted + ".", effect: v.falls(), fix: "Write digits only, such as " + example}
	if v.Bad == StopsAgent {
		p.severity, p.effect = Restarts.severity(), "The AWS SDK refuses to load. "+Restarts.sentence()
	}
	return p
}

// checkInteger is for whole numbers without their own rule.
func checkInteger(_ *judge, v *Variable, value string) []problem {
	n, err := strconv.Atoi(value)
	example := v.Name + "=" + cmp.Or(v.Default, "3")
	if err != nil {
		p := notANumber(v, value, "a whole number", example)
		if trimmed := strings.TrimSpace(value); trimmed != value {
			if _, err := strconv.Atoi(trimmed); err == nil {
				p.value, p.sure = trimmed, true
			}
		}
		return one(p)
	}
	if n < 0 {
		return one(problem{code: codeNumberRange, severity: finding.Warning, fact: fmt.Sprintf("%s is %d, but only 0 and more make sense.", v.Name, n), fix: "Write " + example})
	}
	return nil
}

// checkCount is for the numbers of things that the agent removes at a time.
func checkCount(_ *judge, v *Variable, value string) []problem {
	n, err := strconv.Atoi(value)
	switch {
	case errors.Is(err, strconv.ErrRange) && n > 0:
		return one(problem{code: codeNumberRange, severity: finding.Warning, used: strconv.Itoa(n), fact: "The number in " + v.Name + " is too large.",
			effect: "The agent logs a warning and removes without a limit.", fix: "Write a number such as " + v.Name + "=" + v.Default})
	case err != nil:
		return one(notANumber(v, value, "a whole number", v.Name+"="+v.Default))
	case n == 0:
		return one(problem{code: codeMeansDefault, severity: finding.Warning, refused: true, fact: v.Name + " is 0, which counts as not set.",
			effect: "The agent uses " + v.Default + ".", fix: "Delete the line, or write 1 or more."})
	case n < 0 && v.Min != "":
		return one(problem{code: codeNumberRange, severity: finding.Warning, refused: true, fact: fmt.Sprintf("%s is %d, below the minimum of 1.", v.Name, n),
			effect: v.falls(), fix: "Write 1 or more."})
	case n < 0:
		return one(problem{code: codeNumberRange, severity: finding.Info, fact: v.Name + " is negative, which means no limit.", fix: "Write a positive number if you want a limit."})
	}
	return nil
}

// checkPids follows agent/config/parse_linux.go parseTaskPidsLimit.
func checkPids(_ *judge, v *Variable, value string) []problem {
	n, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return one(notANumber(v, value, "a whole number", v.Name+"=1024"))
	}
	if err != nil || n < 1 || n > 4194304 {
		return one(problem{code: codeNumberRange, severity: finding.Warning, refused: true,
			fact: v.is(value) + " is not between " + v.Min + " and " + v.Max + ".", effect: "The agent logs a warning and sets no limit.", fix: "Write a number from " + v.Min + " to " + v.Max + "."})
	}
	return nil
}

func checkDecimal(_ *judge, v *Variable, value string) []problem {
	size, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsNaN(size) || math.IsInf(size, 0) {
		return one(notANumber(v, value, "a number", v.Name+"="+v.Default))
	}
	if size <= 0 {
		return one(problem{code: codeNumberRange, severity: finding.Warning, refused: true,
			fact: v.Name + " is not above 0.", effect: "The log library refuses the configuration, and the agent's log file keeps its first settings.", fix: "Write " + v.Name + "=" + v.Default})
	}
	return nil
}

// checkAttempts follows aws-sdk-go-v2 config/env_config.go setIntFromEnvVal.
func checkAttempts(_ *judge, v *Variable, value string) []problem {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return one(notANumber(v, value, "a whole number", v.Name+"=3"))
	}
	if n < 0 {
		return one(problem{code: codeNumberRange, severity: finding.Warning, fact: v.Name + " is negative.", effect: "The AWS SDK then retries without a limit.", fix: "Write " + v.Name + "=3"})
	}
	return nil
}

// checkBytes follows aws-sdk-go-v2 config/env_config.go setInt64PtrFromEnvVal.
func checkBytes(_ *judge, v *Variable, value string) []problem {
	maximum, _ := strconv.ParseInt(v.Max, 10, 64)
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return one(notANumber(v, value, "a whole number of bytes", v.Name+"="+v.Default))
	}
	if n < 0 || n > maximum {
		return one(problem{code: codeNumberRange, severity: Restarts.severity(), fact: fmt.Sprintf("%s is not between 0 and %d.", v.Name, maximum),
			effect: "The AWS SDK refuses to load. " + Restarts.sentence(), fix: "Write " + v.Name + "=" + v.Default + ", or delete the line."})
	}
	return nil
}

func checkChoice(_ *judge, v *Variable, value string) []problem {
	word := value
	if v.Type == ChoiceAnyCase {
		word = strings.ToLower(word)
		if v.Reader != SDKReader {
			word = strings.TrimSpace(word)
		}
	}
	if slices.Contains(v.Values, word) {
		return nil
	}
	p := problem{code: codeChoice, severity: finding.Warning, refused: true,
		fact: v.is(value) + " is not one of " + strings.Join(v.Values, ", ") + ".", effect: v.falls(), fix: "Write one of " + strings.Join(v.Values, ", ") + "."}
	p.value = likelyChoice(v, value)
	p.sure = strings.EqualFold(p.value, strings.Trim(strings.ReplaceAll(value, "_", "-"), " ")) || strings.EqualFold(p.value, strings.TrimSpace(value))
	if v.Bad == StopsAgent {
		p.severity, p.effect = Restarts.severity(), "The AWS SDK refuses to load. "+Restarts.sentence()
	}
	return one(p)
}

// checkChoiceWith is checkChoice with another sentence for the effect.
func checkChoiceWith(effect string, more ...string) func(*judge, *Variable, string) []problem {
	return func(j *judge, v *Variable, value string) []problem {
		if slices.Contains(more, value) {
			return nil
		}
		problems := checkChoice(j, v, value)
		for i := range problems {
			problems[i].effect = effect
		}
		return problems
	}
}

// likelyChoice is the allowed word that was most likely meant, "" for none.
func likelyChoice(v *Variable, value string) string {
	plain := func(text string) string {
		return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(text))
	}
	best, distance := "", 3
	for _, allowed := range v.Values {
		if plain(allowed) == plain(value) {
			return allowed
		}
		if d := editDistance(plain(value), plain(allowed)); d < distance && d*3 <= len(allowed) {
			best, distance = allowed, d
		}
	}
	return best
}

// jsonFault says where a JSON value breaks, in words that show nothing of it.
func jsonFault(value string, err error) (fault string, offset int) {
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
		offset = min(max(int(syntax.Offset)-1, 0), len(value))
		if strings.Contains(syntax.Error(), "after top-level value") {
			return "text follows the JSON", offset
		}
		return "the JSON is invalid at this character", offset
	case errors.As(err, &wrong):
		kind, _, _ := strings.Cut(wrong.Value, " ") // "number 70000"
		names := map[string]string{"bool": "a boolean", "string": "a string", "number": "a number", "array": "a list", "object": "an object"}
		return "the JSON has " + cmp.Or(names[kind], "a value") + " in the wrong place", beginOfToken(value, min(int(wrong.Offset), len(value)), kind)
	}
	return "the JSON is invalid", 0
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

// trailing reports text after JSON of which the reader takes the first value
// only.
func trailing(v *Variable, value string, rest int) []problem {
	if strings.TrimSpace(value[min(rest, len(value)):]) == "" {
		return nil
	}
	return one(problem{code: codeJSONTrailing, severity: finding.Info, offset: rest, used: strings.TrimSpace(value[:rest]),
		fact: "Text follows the JSON in " + v.Name + ".", effect: v.who() + " reads the JSON and ignores the rest.", fix: "End the line after the JSON."})
}

// notJSON is the problem of a value that is no JSON of the wanted shape.
func notJSON(v *Variable, value string, err error, wanted, example string) problem {
	fault, offset := jsonFault(value, err)
	p := problem{code: codeJSON, severity: finding.Warning, offset: offset, refused: true,
		fact: v.Name + " must be " + wanted + ", but " + fault + ".", effect: v.falls(), fix: "Write JSON on one line, such as " + v.Name + "=" + example}
	if v.Bad == StopsAgent {
		p.severity = Restarts.severity()
	}
	return p
}

func checkStringMap(_ *judge, v *Variable, value string) []problem {
	var object map[string]string
	if err := json.Unmarshal([]byte(value), &object); err != nil {
		return one(withCorrectedMap(notJSON(v, value, err, "a JSON object of strings", `{"name":"text"}`), v, value))
	}
	return nil
}

// bareSize is a size of so many bytes, which its author hardly means.
var bareSize = lazyregexp.New(`"(max-size|max-buffer-size)":"[0-9]+"`)

// checkLogOptions is for the map of which ecs-init reads the first value only.
func checkLogOptions(_ *judge, v *Variable, value string) []problem {
	var object map[string]string
	rest, err := decodeFirst(value, &object)
	if err != nil {
		p := withCorrectedMap(notJSON(v, value, err, "a JSON object of strings", `{"max-size":"16m","max-file":"4"}`), v, value)
		p.sure = p.sure && !bareSize.MatchString(p.value)
		return one(p)
	}
	return trailing(v, value, rest)
}

// words splits what people write for a list of words: commas, spaces, quotes
// and brackets in any combination.
func words(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(`,; "'[]{}`+"“”‘’\t", r) })
}

// jsonList writes words as a JSON list.
func jsonList(words []string) string {
	quotedWords := make([]string, len(words))
	for i, word := range words {
		quotedWords[i] = strconv.Quote(word)
	}
	return "[" + strings.Join(quotedWords, ",") + "]"
}

var plainWord = lazyregexp.New(`^[A-Za-z][A-Za-z0-9_-]*$`)

func checkStringList(_ *judge, v *Variable, value string) []problem {
	var list []string
	rest, err := decodeFirst(value, &list)
	if err != nil {
		example := `["text"]`
		if v.ECSInit != nil && *v.ECSInit != "" {
			example = *v.ECSInit
		}
		p := notJSON(v, value, err, "a JSON list of strings", example)
		if len(list) > 0 { // what was decoded before and after the wrong type stays
			p.refused, p.used = false, jsonList(list)
			p.effect = v.who() + " logs a warning and uses the list with an empty text for each entry that is none."
		}
		if meant := words(value); len(meant) > 0 && !slices.ContainsFunc(meant, func(word string) bool { return !plainWord.MatchString(word) }) {
			p.value, p.sure = jsonList(meant), true
		}
		return one(p)
	}
	return trailing(v, value, rest)
}
