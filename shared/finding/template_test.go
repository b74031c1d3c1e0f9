package finding_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

func TestTemplate(t *testing.T) {
	template := finding.Template{Code: "disk-full", Severity: finding.Error,
		Message: "The disk {disk} is full: {files}.", Fix: `Write {"disk": "{disk}"} {} {Not} {`}
	f := template.With(finding.Name("disk", "{files} web"), finding.Count("files", 1, "file is left", "files are left"))
	if f.Code != "disk-full" || f.Severity != finding.Error || f.Message != `The disk "{files} web" is full: 1 file is left.` || f.Fix != `Write {"disk": ""{files} web""} {} {Not} {` {
		t.Errorf("got %+v", f)
	}
	for name, values := range map[string][]finding.Value{
		"a value is missing":   {finding.Words("disk", "web")},
		"a value has no place": {finding.Words("disk", "web"), finding.Words("files", "none"), finding.Words("other", "x")},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s, and nothing is said", name)
				}
			}()
			template.With(values...)
		}()
	}
}

// TestValues: how values from outside are shown.
func TestValues(t *testing.T) {
	shown := func(value finding.Value) string {
		return finding.Template{Message: "{x}"}.With(value).Message
	}
	moment := time.Date(2026, 8, 1, 6, 30, 29, 0, time.FixedZone("", 3600))
	for want, value := range map[string]finding.Value{
		"prod/ecs.config": finding.Name("x", "prod/ecs.config"),
		"größe":           finding.Name("x", "größe"),
		`"my bucket"`:     finding.Name("x", "my bucket"),
		`"it's 'quoted'"`: finding.Name("x", `it's "quoted"`),
		`"ends with."`:    finding.Name("x", "ends with."),
		"(no name)":       finding.Name("x", " \x00 "),
		`"a b"`:           finding.Name("x", "a\r\nb"),
		"abcgnp.exe":      finding.Name("x", "abc\u202egnp.exe"),
		"(not shown: it looks like a GitHub token)": finding.Name("x", "ghp_0123456789abcdefghijABCDEFGHIJ012345"),
		"a, b, c, d, e and 2 more":                  finding.Names("x", strings.Split("abcdefg", "")),
		"a":                                         finding.Names("x", []string{"a"}),
		"none":                                      finding.Names("x", nil),
		"0 files":                                   finding.Count("x", 0, "file", "files"),
		"1 file":                                    finding.Count("x", 1, "file", "files"),
		"2026-08-01 05:30 UTC":                      finding.Moment("x", moment),
		"15m":                                       finding.Lasting("x", 15*time.Minute),
		"24h":                                       finding.Lasting("x", 24*time.Hour),
		"1h30m":                                     finding.Lasting("x", 90*time.Minute),
		"10m1s":                                     finding.Lasting("x", 601*time.Second),
		"0s":                                        finding.Lasting("x", 0),
		"AccessDenied":                              finding.Answer("x", "AccessDenied"),
		"an error":                                  finding.Answer("x", "<b>"),
		`"Rate exceeded"`:                           finding.Quote("x", "Rate exceeded"),
		`"slow"`:                                    finding.Quote("x", "slow"),
		"it is busy":                                finding.Clause("x", " it is\n busy. "),
		"no reason is given":                        finding.Clause("x", "..."),
		"web-role":                                  finding.Argument("x", "web-role"),
		"NAME":                                      finding.Argument("x", "$(id)"),
	} {
		if got := shown(value); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := shown(finding.Name("x", strings.Repeat("a", 10_000))); len(got) > 130 {
		t.Errorf("%d bytes", len(got))
	}
}

// TestShownKeys: what a policy has where a condition key belongs is shown only if it
// is one.
func TestShownKeys(t *testing.T) {
	const hidden = "a condition key of an unknown form (not shown)"
	for _, test := range []struct {
		want string
		keys []string
	}{
		{"aws:SourceVpc, aws:PrincipalTag/Cost_Center", []string{"aws:SourceVpc", "aws:PrincipalTag/Cost_Center", "aws:SourceVpc"}},
		{"ecs:cluster, " + hidden, []string{"ecs:cluster", "<b>", "<i>", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"}},
		{hidden, []string{"aws:RequestTag/ghp_16C7e42F292c6912E7710c838347Ae178B4a"}},
		{hidden, []string{"k7DMwJalrXUtn/K7MDENG2bPxRfiCY8XuMp1Eh5Q", "aws:RequestTag/k7DMwJalrXUtn/K7MDENG2bPxRfiCY8XuMp1Eh5Q", "aws:RequestTag/k7DMwJalrXUtnXK7MDENG2bPxRfiCY8XuMp1Eh5Q"}},
		{"", nil},
	} {
		if got := finding.ShownKeys(test.keys); got != test.want {
			t.Errorf("%q: got %q, want %q", test.keys, got, test.want)
		}
	}
}
