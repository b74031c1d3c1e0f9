package policysimulation

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Context holds the values of condition keys. Key names are not
// case-sensitive; those of Context are lower case.
type Context map[string][]string

// NewContext lowers the names of the keys.
func NewContext(entries map[string][]string) Context {
	context := Context{}
	for key, values := range entries {
		context[strings.ToLower(key)] = values
	}
	return context
}

func (c Context) values(key string) []string { return c[strings.ToLower(key)] }

func (c Context) has(key string) bool {
	_, ok := c[strings.ToLower(key)]
	return ok
}

// operator is a condition operator taken apart (IAM User Guide, "IAM JSON
// policy elements: Condition operators").
type operator struct {
	base     string
	negated  bool
	ifExists bool
	// set is "forallvalues", "foranyvalue" or empty.
	set string
}

// negations maps the operators that are the opposite of another.
var negations = map[string]string{
	"stringnotequals":           "stringequals",
	"stringnotequalsignorecase": "stringequalsignorecase",
	"stringnotlike":             "stringlike",
	"numericnotequals":          "numericequals",
	"datenotequals":             "dateequals",
	"notipaddress":              "ipaddress",
	"arnnotequals":              "arnlike",
	"arnnotlike":                "arnlike",
}

// comparison says whether a value of the context is as the policy wants it.
type comparison func(have, want string, variables bool, context Context) bool

var comparisons = map[string]comparison{
	"stringequals":           text(reading{}),
	"stringequalsignorecase": text(reading{ignoreCase: true}),
	"stringlike":             text(reading{wildcards: true}),
	// ArnEquals and ArnLike behave identically.
	"arnequals": matchesARN,
	"arnlike":   matchesARN,
	"bool": func(have, want string, _ bool, _ Context) bool {
		return strings.EqualFold(have, want)
	},
	"binaryequals":             func(have, want string, _ bool, _ Context) bool { return have == want },
	"ipaddress":                func(have, want string, _ bool, _ Context) bool { return inNetwork(have, want) },
	"numericequals":            numeric(func(order int) bool { return order == 0 }),
	"numericlessthan":          numeric(func(order int) bool { return order < 0 }),
	"numericlessthanequals":    numeric(func(order int) bool { return order <= 0 }),
	"numericgreaterthan":       numeric(func(order int) bool { return order > 0 }),
	"numericgreaterthanequals": numeric(func(order int) bool { return order >= 0 }),
	"dateequals":               date(func(order int) bool { return order == 0 }),
	"datelessthan":             date(func(order int) bool { return order < 0 }),
	"datelessthanequals":       date(func(order int) bool { return order <= 0 }),
	"dategreaterthan":          date(func(order int) bool { return order > 0 }),
	"dategreaterthanequals":    date(func(order int) bool { return order >= 0 }),
}

func parseOperator(text string) (operator, error) {
	var parsed operator
	name := strings.ToLower(text)
	if set, rest, ok := strings.Cut(name, ":"); ok {
		if set != "forallvalues" && set != "foranyvalue" {
			return operator{}, fmt.Errorf("unknown condition operator %q", text)
		}
		parsed.set, name = set, rest
	}
	if name == "null" {
		parsed.base = name
		return parsed, nil
	}
	name, parsed.ifExists = strings.CutSuffix(name, "ifexists")
	if positive, ok := negations[name]; ok {
		name, parsed.negated = positive, true
	}
	if _, ok := comparisons[name]; !ok {
		return operator{}, fmt.Errorf("unknown condition operator %q", text)
	}
	parsed.base = name
	return parsed, nil
}

// holds says whether the condition is true in the context.
func (c Condition) holds(context Context, variables bool) bool {
	operator, err := parseOperator(c.Operator)
	if err != nil {
		return false
	}
	have := context.values(c.Key)
	if operator.base == "null" {
		return slices.ContainsFunc(c.Values, func(want string) bool {
			return strings.EqualFold(want, strconv.FormatBool(len(have) == 0))
		})
	}
	matches := func(value string) bool {
		found := slices.ContainsFunc(c.Values, func(want string) bool {
			return comparisons[operator.base](value, want, variables, context)
		})
		return found != operator.negated
	}
	missing := len(have) == 0
	switch {
	case missing && operator.ifExists:
		return true
	case operator.set == "forallvalues":
		return !slices.ContainsFunc(have, func(value string) bool { return !matches(value) })
	case operator.set == "foranyvalue":
		return slices.ContainsFunc(have, matches)
	case missing:
		return operator.negated
	case operator.negated:
		return !slices.ContainsFunc(have, func(value string) bool { return !matches(value) })
	}
	return slices.ContainsFunc(have, matches)
}

func text(read reading) comparison {
	return func(have, want string, variables bool, context Context) bool {
		read := read
		read.variables = variables
		compiled := pattern(want, read, context)
		return compiled != nil && compiled.MatchString(have)
	}
}

// matchesARN compares part by part: a wildcard does not reach over a colon of
// the first five.
func matchesARN(have, want string, variables bool, context Context) bool {
	haveParts := strings.SplitN(have, ":", 6)
	wantParts := strings.SplitN(want, ":", 6)
	if len(haveParts) != 6 || len(wantParts) != 6 {
		return want == "*"
	}
	for index, part := range wantParts {
		compiled := pattern(part, reading{wildcards: true, variables: variables}, context)
		if compiled == nil || !compiled.MatchString(haveParts[index]) {
			return false
		}
	}
	return true
}

func inNetwork(have, want string) bool {
	address, err := netip.ParseAddr(have)
	if err != nil {
		return false
	}
	if network, err := netip.ParsePrefix(want); err == nil {
		return network.Contains(address)
	}
	other, err := netip.ParseAddr(want)
	return err == nil && other == address
}

func numeric(holds func(order int) bool) comparison {
	return func(have, want string, _ bool, _ Context) bool {
		left, leftErr := strconv.ParseFloat(have, 64)
		right, rightErr := strconv.ParseFloat(want, 64)
		if leftErr != nil || rightErr != nil {
			return false
		}
		switch {
		case left < right:
			return holds(-1)
		case left > right:
			return holds(1)
		}
		return holds(0)
	}
}

func date(holds func(order int) bool) comparison {
	return func(have, want string, _ bool, _ Context) bool {
		left, leftOK := parseTime(have)
		right, rightOK := parseTime(want)
		return leftOK && rightOK && holds(left.Compare(right))
	}
}

// parseTime reads an ISO 8601 date or time, or seconds since 1970.
func parseTime(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04Z", "2006-01-02"} {
		if parsed, err := time.Parse(layout, text); err == nil {
			return parsed, true
		}
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	return time.Unix(seconds, 0), err == nil
}
