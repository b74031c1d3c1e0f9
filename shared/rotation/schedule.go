package rotation

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// rhythm is how far apart a schedule's rotations are at the least and at the most;
// zero where that isn't known.
type rhythm struct{ shortest, longest time.Duration }

// rhythmOf reads a schedule such as "rate(4 hours)", "rate(10 days)" or
// "cron(0 8 1 * ? *)" ("RotationRulesType", API reference). Of one that can't be
// read, AutomaticallyAfterDays is what the service makes of it.
func rhythmOf(rules *types.RotationRulesType, from time.Time) rhythm {
	if rules == nil {
		return rhythm{}
	}
	expression := aws.ToString(rules.ScheduleExpression)
	if fields, ok := cronFields(expression); ok {
		if parsed, ok := parseCron(fields); ok {
			if every := parsed.rhythm(from); every.longest > 0 {
				return every
			}
		}
	}
	var number int64
	var unit string
	if _, err := fmt.Sscanf(expression, "rate(%d %s", &number, &unit); err != nil {
		number, unit = aws.ToInt64(rules.AutomaticallyAfterDays), "days"
	}
	every := time.Duration(min(max(number, 0), 1000)) * day
	if strings.HasPrefix(unit, "hour") {
		every = time.Duration(min(max(number, 0), 1000)) * time.Hour
	}
	return rhythm{every, every}
}

// cronFields gives the six fields of cron(Minutes Hours Day-of-month Month Day-of-week Year).
func cronFields(expression string) ([]string, bool) {
	inside, ok := strings.CutPrefix(strings.TrimSpace(expression), "cron(")
	if !ok || !strings.HasSuffix(inside, ")") {
		return nil, false
	}
	fields := strings.Fields(strings.TrimSuffix(inside, ")"))
	return fields, len(fields) == 6
}

// cron is a schedule as Secrets Manager's user guide describes them
// ("Rotation schedules"): on the hour, in UTC, every year.
type cron struct {
	hours, months field
	onDay         func(time.Time) bool
}

// field is a set of small numbers.
type field uint64

func (f field) has(number int) bool { return f&(1<<number) != 0 }

var (
	monthNames   = names("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC", 1)
	weekdayNames = names("SUN MON TUE WED THU FRI SAT", 1)
)

func names(text string, first int) map[string]int {
	numbers := map[string]int{}
	for i, name := range strings.Fields(text) {
		numbers[name] = first + i
	}
	return numbers
}

func parseCron(fields []string) (cron, bool) {
	var parsed cron
	var ok [4]bool
	parsed.hours, ok[0] = parseField(fields[1], 0, 23, nil)
	parsed.months, ok[1] = parseField(fields[3], 1, 12, monthNames)
	inMonth, inWeek := (func(time.Time) bool)(nil), (func(time.Time) bool)(nil)
	inMonth, ok[2] = parseDayOfMonth(fields[2])
	inWeek, ok[3] = parseDayOfWeek(fields[4])
	parsed.onDay = func(date time.Time) bool { return inMonth(date) && inWeek(date) }
	return parsed, fields[0] == "0" && fields[5] == "*" && ok == [4]bool{true, true, true, true}
}

// parseField reads numbers, names, ranges and steps with commas between.
func parseField(text string, low, high int, names map[string]int) (field, bool) {
	var all field
	for part := range strings.SplitSeq(text, ",") {
		span, stepText, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			var err error
			if step, err = strconv.Atoi(stepText); err != nil || step < 1 || step > high {
				return 0, false
			}
		}
		first, last := low, high
		if span != "*" && span != "?" {
			begin, end, ranged := strings.Cut(span, "-")
			var known bool
			if first, known = number(begin, names); !known {
				return 0, false
			}
			switch {
			case ranged:
				if last, known = number(end, names); !known {
					return 0, false
				}
			case !stepped:
				last = first
			}
		}
		if first < low || last > high || first > last {
			return 0, false
		}
		for n := first; n <= last; n += step {
			all |= 1 << n
		}
	}
	return all, true
}

func number(text string, names map[string]int) (int, bool) {
	if n, known := names[strings.ToUpper(text)]; known {
		return n, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}

// parseDayOfMonth knows L, the last day, beside what other fields have.
func parseDayOfMonth(text string) (func(time.Time) bool, bool) {
	if text == "L" {
		return func(date time.Time) bool { return date.AddDate(0, 0, 1).Day() == 1 }, true
	}
	days, ok := parseField(text, 1, 31, nil)
	return func(date time.Time) bool { return days.has(date.Day()) }, ok
}

// parseDayOfWeek knows 6L, the month's last Friday, and 2#1, its first Monday.
func parseDayOfWeek(text string) (func(time.Time) bool, bool) {
	if name, last := strings.CutSuffix(text, "L"); last {
		weekday, ok := 7, true
		if name != "" {
			weekday, ok = number(name, weekdayNames)
		}
		return func(date time.Time) bool {
			return int(date.Weekday())+1 == weekday && (name == "" || date.AddDate(0, 0, 7).Month() != date.Month())
		}, ok && 1 <= weekday && weekday <= 7
	}
	if name, which, counted := strings.Cut(text, "#"); counted {
		weekday, ok := number(name, weekdayNames)
		n, err := strconv.Atoi(which)
		return func(date time.Time) bool {
			return int(date.Weekday())+1 == weekday && (date.Day()-1)/7+1 == n
		}, ok && err == nil && 1 <= weekday && weekday <= 7 && 1 <= n && n <= 5
	}
	days, ok := parseField(text, 1, 7, weekdayNames)
	return func(date time.Time) bool { return days.has(int(date.Weekday()) + 1) }, ok
}

// years is how far a schedule is followed: 29 February comes every eighth year at
// the latest.
const years = 17

// rhythm follows the schedule from a day on.
func (c cron) rhythm(from time.Time) rhythm {
	var every rhythm
	var last time.Time
	from = from.UTC().Truncate(day)
	for date := from; date.Before(from.AddDate(years, 0, 0)); date = date.AddDate(0, 0, 1) {
		if !c.months.has(int(date.Month())) || !c.onDay(date) {
			continue
		}
		for hour := range 24 {
			if !c.hours.has(hour) {
				continue
			}
			when := date.Add(time.Duration(hour) * time.Hour)
			if gap := when.Sub(last); !last.IsZero() {
				every.longest = max(every.longest, gap)
				if every.shortest == 0 || gap < every.shortest {
					every.shortest = gap
				}
			}
			last = when
		}
	}
	return every
}
