package policydocument

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Truth is what can be said of a statement before the request is made.
type Truth int

const (
	// False: it does not apply.
	False Truth = iota
	// Unknown: it depends on a condition key whose value is not known.
	Unknown
	// True: it applies.
	True
)

// String gives the word for it, for messages of tests.
func (t Truth) String() string { return [...]string{"false", "unknown", "true"}[t] }

// Context holds what is known of a request's condition keys. A key that it does
// not hold is unknown, unless it lies in a space that is known whole.
type Context struct {
	values map[string][]string
	whole  []string
}

// With gives a context that knows a key's values as well.
func (c Context) With(key string, values ...string) Context {
	grown := Context{values: make(map[string][]string, len(c.values)+1), whole: c.whole}
	for name, known := range c.values {
		grown.values[name] = known
	}
	grown.values[strings.ToLower(key)] = values
	return grown
}

// Whole gives a context that knows all keys that begin so: what it does not hold
// of them the request does not have.
func (c Context) Whole(prefix string) Context {
	c.whole = append(slices.Clone(c.whole), strings.ToLower(prefix))
	return c
}

// lookup gives a key's values, and whether it is known that these are all.
func (c Context) lookup(key string) (values []string, known bool) {
	key = strings.ToLower(key)
	if values, found := c.values[key]; found {
		return values, true
	}
	return nil, slices.ContainsFunc(c.whole, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
}

// Knows reports whether a key's values are known, also that it has none.
func (c Context) Knows(key string) bool {
	_, known := c.lookup(key)
	return known
}

// Request is an action on a resource, an ARN or "*".
type Request struct {
	Action, Resource string
	Context          Context
}

// Reading is what policies say of a request: whether a statement allows it,
// whether one denies it, and the keys that leave either unknown.
type Reading struct {
	Allowed, Denied Truth
	AllowKeys       []string
	DenyKeys        []string
}

// Read reads policies of one kind together, as "Policy evaluation logic" in the
// IAM user guide has it.
func Read(documents []Document, request Request) Reading {
	var reading Reading
	for _, document := range documents {
		for _, statement := range document.Statement {
			truth, keys := statement.AppliesTo(request)
			switch {
			case truth == False:
			case statement.Effect == "Allow":
				reading.Allowed = max(reading.Allowed, truth)
				reading.AllowKeys = append(reading.AllowKeys, keys...)
			case statement.Effect == "Deny":
				reading.Denied = max(reading.Denied, truth)
				reading.DenyKeys = append(reading.DenyKeys, keys...)
			}
		}
	}
	if reading.Allowed == True {
		reading.AllowKeys = nil
	}
	if reading.Denied == True {
		reading.DenyKeys = nil
	}
	reading.AllowKeys, reading.DenyKeys = distinct(reading.AllowKeys), distinct(reading.DenyKeys)
	return reading
}

func distinct(keys []string) []string {
	slices.Sort(keys)
	return slices.Compact(keys)
}

// AppliesTo reports whether a statement is about a request, and the keys that
// leave it unknown.
func (s Statement) AppliesTo(request Request) (Truth, []string) {
	if !s.CoversAction(request.Action) {
		return False, nil
	}
	truth, keys := s.aboutResource(request)
	if truth == False {
		return False, nil
	}
	holds, conditionKeys := s.Holds(request.Context)
	if holds == False {
		return False, nil
	}
	return min(truth, holds), append(keys, conditionKeys...)
}

func (s Statement) aboutResource(request Request) (Truth, []string) {
	patterns, negated := s.Resource, false
	if len(s.NotResource) > 0 {
		patterns, negated = s.NotResource, true
	}
	truth, keys := anyPattern(patterns, request.Resource, request.Context)
	if negated {
		truth = True - truth
	}
	return truth, keys
}

// anyPattern reports whether one of the patterns, in which variables may stand,
// matches a text.
func anyPattern(patterns []string, text string, context Context) (Truth, []string) {
	truth := False
	var keys []string
	for _, pattern := range patterns {
		written, unknown := context.substitute(pattern)
		switch {
		case !matchesExactly(written, text):
		case len(unknown) == 0:
			return True, nil
		default:
			truth = Unknown
			keys = append(keys, unknown...)
		}
	}
	return truth, keys
}

// substitute puts the known values into a pattern's variables, and a wildcard in
// the place of the others ("IAM policy elements: Variables and tags").
func (c Context) substitute(pattern string) (written string, unknown []string) {
	var built strings.Builder
	for {
		before, rest, found := strings.Cut(pattern, "${")
		built.WriteString(before)
		if !found {
			return built.String(), unknown
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			built.WriteString("${" + rest)
			return built.String(), unknown
		}
		pattern = after
		key, fallback, hasDefault := strings.Cut(name, ",")
		values, known := c.lookup(strings.TrimSpace(key))
		switch {
		case name == "*" || name == "?" || name == "$":
			// The characters themselves; no name that is compared here holds them.
			built.WriteString(name)
		case known && len(values) == 1:
			built.WriteString(values[0])
		case known && hasDefault:
			built.WriteString(strings.Trim(strings.TrimSpace(fallback), "'"))
		case known:
			// A variable without a value matches nothing.
			built.WriteByte(0)
		default:
			built.WriteByte('*')
			unknown = append(unknown, strings.TrimSpace(key))
		}
	}
}

// Holds reports whether a statement's conditions hold, and the keys that leave it
// unknown.
func (s Statement) Holds(context Context) (Truth, []string) {
	truth := True
	var keys []string
	for operator, compared := range s.Condition {
		for key, values := range compared {
			texts := make([]string, len(values))
			for i, value := range values {
				texts[i] = textOf(value)
			}
			holds, unknown := compare(operator, key, texts, context)
			truth = min(truth, holds)
			keys = append(keys, unknown...)
		}
	}
	if truth != Unknown {
		keys = nil
	}
	return truth, distinct(keys)
}

func textOf(value any) string {
	switch typed := value.(type) {
	case string:
		return typed
	case bool:
		return strconv.FormatBool(typed)
	case float64:
		return strconv.FormatFloat(typed, 'f', -1, 64)
	default:
		return ""
	}
}

// compare evaluates one condition ("IAM JSON policy elements: Condition
// operators").
func compare(operator, key string, patterns []string, context Context) (Truth, []string) {
	values, known := context.lookup(key)
	if !known {
		return Unknown, []string{key}
	}
	operator = strings.ToLower(operator)
	forAll := strings.HasPrefix(operator, "forallvalues:")
	forAny := strings.HasPrefix(operator, "foranyvalue:")
	_, afterSet, set := strings.Cut(operator, ":")
	if set {
		operator = afterSet
	}
	operator, ifExists := strings.CutSuffix(operator, "ifexists")
	if operator == "null" {
		return truthOf(slices.Contains(patterns, strconv.FormatBool(len(values) == 0))), nil
	}
	base, negated := positive(operator)
	matches, understood := comparisons[base]
	if !understood {
		return Unknown, []string{key}
	}
	if len(values) == 0 {
		return truthOf(ifExists || forAll || negated && !forAny), nil
	}
	var unknown []string
	each := make([]Truth, len(values))
	for i, value := range values {
		for _, pattern := range patterns {
			written, missing := context.substitute(pattern)
			switch {
			case !matches(written, value):
			case len(missing) == 0:
				each[i] = True
			default:
				each[i] = max(each[i], Unknown)
				unknown = append(unknown, missing...)
			}
		}
		// A variable whose value is not known stands as a wildcard, which only some
		// operators understand.
		if each[i] == False && slices.ContainsFunc(patterns, func(pattern string) bool { return leavesUnknown(context, pattern) }) {
			each[i] = Unknown
			unknown = append(unknown, key)
		}
	}
	var truth Truth
	switch {
	case forAll && negated:
		truth = True - slices.Max(each)
	case forAll:
		truth = slices.Min(each)
	case forAny && negated:
		truth = True - slices.Min(each)
	case negated:
		truth = True - slices.Max(each)
	default:
		truth = slices.Max(each)
	}
	if truth != Unknown {
		unknown = nil
	}
	return truth, unknown
}

func leavesUnknown(context Context, pattern string) bool {
	_, unknown := context.substitute(pattern)
	return len(unknown) > 0
}

func truthOf(is bool) Truth {
	if is {
		return True
	}
	return False
}

// positive takes the "Not" out of an operator's name.
func positive(operator string) (base string, negated bool) {
	switch operator {
	case "notipaddress":
		return "ipaddress", true
	case "arnnotequals", "arnnotlike", "stringnotequals", "stringnotlike", "stringnotequalsignorecase", "numericnotequals", "datenotequals":
		return strings.Replace(operator, "not", "", 1), true
	}
	return operator, false
}

// comparisons compare what a policy says with a request's value.
var comparisons = map[string]func(written, value string) bool{
	"stringequals":             func(written, value string) bool { return written == value },
	"stringequalsignorecase":   strings.EqualFold,
	"stringlike":               matchesExactly,
	"arnequals":                matchesARN,
	"arnlike":                  matchesARN,
	"bool":                     strings.EqualFold,
	"binaryequals":             func(written, value string) bool { return written == value },
	"ipaddress":                inNetwork,
	"numericequals":            ofNumbers(func(value, written float64) bool { return value == written }),
	"numericlessthan":          ofNumbers(func(value, written float64) bool { return value < written }),
	"numericlessthanequals":    ofNumbers(func(value, written float64) bool { return value <= written }),
	"numericgreaterthan":       ofNumbers(func(value, written float64) bool { return value > written }),
	"numericgreaterthanequals": ofNumbers(func(value, written float64) bool { return value >= written }),
	"dateequals":               ofTimes(func(value, written time.Time) bool { return value.Equal(written) }),
	"datelessthan":             ofTimes(func(value, written time.Time) bool { return value.Before(written) }),
	"datelessthanequals":       ofTimes(func(value, written time.Time) bool { return !value.After(written) }),
	"dategreaterthan":          ofTimes(func(value, written time.Time) bool { return value.After(written) }),
	"dategreaterthanequals":    ofTimes(func(value, written time.Time) bool { return !value.Before(written) }),
}

// matchesARN compares the six parts of an ARN one by one; wildcards reach no
// further than their part.
func matchesARN(written, value string) bool {
	patterns, parts := strings.SplitN(written, ":", 6), strings.SplitN(value, ":", 6)
	if len(patterns) != 6 || len(parts) != 6 {
		return written == value || written == "*"
	}
	for i, pattern := range patterns {
		if !matchesExactly(pattern, parts[i]) {
			return false
		}
	}
	return true
}

func inNetwork(written, value string) bool {
	address, err := netip.ParseAddr(value)
	if err != nil {
		return false
	}
	if network, err := netip.ParsePrefix(written); err == nil {
		return network.Contains(address)
	}
	single, err := netip.ParseAddr(written)
	return err == nil && single == address
}

func ofNumbers(holds func(value, written float64) bool) func(written, value string) bool {
	return func(written, value string) bool {
		limit, limitErr := strconv.ParseFloat(written, 64)
		number, err := strconv.ParseFloat(value, 64)
		return limitErr == nil && err == nil && holds(number, limit)
	}
}

func ofTimes(holds func(value, written time.Time) bool) func(written, value string) bool {
	return func(written, value string) bool {
		limit, limitKnown := timeOf(written)
		moment, known := timeOf(value)
		return limitKnown && known && holds(moment, limit)
	}
}

// timeOf reads ISO 8601 as IAM takes it, or seconds since 1970.
func timeOf(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02"} {
		if moment, err := time.Parse(layout, text); err == nil {
			return moment, true
		}
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	return time.Unix(seconds, 0), err == nil
}

// Overlap reports whether two patterns of ARNs, with the wildcards * and ?, have
// an ARN in common. Where both have all six parts, wildcards reach no further
// than theirs: a partition, service, region or account holds no colon.
func Overlap(a, b string) bool {
	left, right := strings.SplitN(a, ":", 6), strings.SplitN(b, ":", 6)
	if len(left) != 6 || len(right) != 6 {
		return overlap(a, b)
	}
	for i := range left {
		if !overlap(left[i], right[i]) {
			return false
		}
	}
	return true
}

func overlap(a, b string) bool {
	// reached[j] says whether a prefix of a and the first j bytes of b have one.
	reached := make([]bool, len(b)+1)
	reached[0] = true
	for j := range len(b) {
		reached[j+1] = reached[j] && b[j] == '*'
	}
	for i := range len(a) {
		diagonal := reached[0]
		reached[0] = reached[0] && a[i] == '*'
		for j := range len(b) {
			above, left := reached[j+1], reached[j]
			reached[j+1] = diagonal && (a[i] == b[j] || a[i] == '?' || b[j] == '?') ||
				a[i] == '*' && (above || left) || b[j] == '*' && (above || left)
			diagonal = above
		}
	}
	return reached[len(b)]
}
