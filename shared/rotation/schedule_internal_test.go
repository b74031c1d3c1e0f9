package rotation

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

func TestRhythmOf(t *testing.T) {
	from := time.Date(2026, 11, 30, 12, 30, 0, 0, time.UTC)
	for expression, want := range map[string]rhythm{
		"rate(4 hours)":                        {4 * time.Hour, 4 * time.Hour},
		"rate(1 day)":                          {day, day},
		"rate(10 days)":                        {10 * day, 10 * day},
		"rate(-5 days)":                        {},
		"cron(0 8 * * ? *)":                    {day, day},
		"cron(0 4/12 * * ? *)":                 {12 * time.Hour, 12 * time.Hour},
		"cron(0 2/10 * * ? *)":                 {4 * time.Hour, 10 * time.Hour},
		"cron(0 8,10 * * ? *)":                 {2 * time.Hour, 22 * time.Hour},
		"cron(0 8 1 * ? *)":                    {28 * day, 31 * day},
		"cron(0 8 L * ? *)":                    {28 * day, 31 * day},
		"cron(0 0 1,15 * ? *)":                 {14 * day, 17 * day},
		"cron(0 8 1/7 * ? *)":                  {day, 7 * day},
		"cron(0 0 1 1/3 ? *)":                  {90 * day, 92 * day},
		"cron(0 0 1 JAN,APR,JUL,OCT ? *)":      {90 * day, 92 * day},
		"cron(0 0 1 jan ? *)":                  {365 * day, 366 * day},
		"cron(0 0 29 2 ? *)":                   {4 * 365 * day, 4*365*day + day},
		"cron(0 1 ? * MON *)":                  {7 * day, 7 * day},
		"cron(0 1 ? * MON-FRI *)":              {day, 3 * day},
		"cron(0 0 ? * SUN#1 *)":                {28 * day, 35 * day},
		"cron(0 0 ? * 6L *)":                   {28 * day, 35 * day},
		"cron(0 0 ? 1,2 TUE#1 *)":              {28 * day, 336 * day},
		" cron(0 8 1-31/2 * ? *) ":             {day, 2 * day},
		"cron(0 8 31 2 ? *)":                   {},
		"cron(5 8 1 * ? *)":                    {},
		"cron(0 8 1 * ? 2027)":                 {},
		"cron(0 24 1 * ? *)":                   {},
		"cron(0 8 0 * ? *)":                    {},
		"cron(0 8 1 13 ? *)":                   {},
		"cron(0 8 ? * MON#6 *)":                {},
		"cron(0 8 ? * 8L *)":                   {},
		"cron(0 8 5-2 * ? *)":                  {},
		"cron(0 8/0 1 * ? *)":                  {},
		"cron(0 8 1 * ? *":                     {},
		"cron(0 8 1 * ?)":                      {},
		"cron(0 8 99999999999999999999 * ? *)": {},
		"":                                     {},
		"daily":                                {},
	} {
		got := rhythmOf(&types.RotationRulesType{ScheduleExpression: &expression}, from)
		if expression == "cron(0 0 29 2 ? *)" {
			// 1,461 days, whichever leap year comes first.
			want = rhythm{1461 * day, 1461 * day}
		}
		if got != want {
			t.Errorf("%s: got %v, want %v", expression, got, want)
		}
	}
	unknown := &types.RotationRulesType{ScheduleExpression: aws.String("every full moon"), AutomaticallyAfterDays: aws.Int64(29)}
	if got := rhythmOf(unknown, from); got != (rhythm{29 * day, 29 * day}) {
		t.Errorf("the days that the service tells: %v", got)
	}
	if got := rhythmOf(nil, from); got != (rhythm{}) {
		t.Errorf("no rules: %v", got)
	}
}

func FuzzRhythmOf(f *testing.F) {
	for _, seed := range []string{"cron(0 8 1 * ? *)", "rate(4 hours)", "cron(0 2/10 L 1/3 MON#5 *)", "cron(0 5/9223372036854775807 * * ? *)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		got := rhythmOf(&types.RotationRulesType{ScheduleExpression: &expression}, time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC))
		if got.shortest < 0 || got.longest < got.shortest || got.longest > 10*366*day && got.longest > 1000*day {
			t.Errorf("%q: %v", expression, got)
		}
	})
}
