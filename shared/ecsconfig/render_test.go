package ecsconfig_test

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/racetest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/variablename"
)

// hostile are texts that somebody could put where a name or a value belongs, by what
// is special about them.
var hostile = func() map[string]string {
	texts := findingtest.Hostile()
	maps.Copy(texts, map[string]string{
		"64 KiB":               strings.Repeat("y", 64<<10),
		"a random password":    "Tq8#vR2m!Zx6Lw9pK4d",
		"a random word":        "qW7eRt5yUi3oPa1sDf",
		"another setting":      "x\nECS_CLUSTER=evil-cluster\nECS_LOGLEVEL=loud",
		"escapes of JSON":      `\u001b[31m\u202e\u0000`,
		"nothing to see":       "a\u200b\u2060\u00adb",
		"no character":         "\ufffd\ufffd",
		"the end of an object": `"}},"https://evil.example":{"auth":"x`,
	})
	return texts
}()

// Parts of the hostile texts that a message shows in no case, and those of passwords,
// which a fix doesn't show either.
var (
	rawParts      = []string{"<script", "evil", "`x`", "**y**", "<!channel", "@here", "{bucket}", "%d", "rm -rf", "$(id)", "gnp.exe", "u001b", "שלום", "yyyy", "xxxx"}
	passwordParts = []string{"vR2m!Zx6", "Lw9pK4d", "eRt5yUi3", "oPa1sDf"}
)

// aWrittenLine is a fix that is a line to paste into the file.
var aWrittenLine = regexp.MustCompile(`^Write (([A-Za-z_]+)=.*[^.])$`)

// renderings counts, for each code, the texts that it has, and the kinds of hostile
// text that it was found with.
type renderings struct {
	texts map[finding.Finding]bool
	kinds map[string]map[string]bool
}

// judge judges a file with a hostile text in it, and checks all that is found.
func (r *renderings) judge(t *testing.T, kind, content string) {
	t.Helper()
	for _, f := range ecsconfig.Judge([]byte(content)) {
		if r.kinds[f.Code] == nil {
			r.kinds[f.Code] = map[string]bool{}
		}
		r.kinds[f.Code][kind] = true
		f.Line, f.Column = 0, 0
		if r.texts[f] {
			continue
		}
		r.texts[f] = true
		for _, fault := range slices.Concat(faultsOf(f), hostileFaults(f)) {
			t.Errorf("%s, with %s: %s\n%.300q\n%s\nfix: %s", f.Code, kind, fault, content, f.Message, f.Fix)
		}
	}
}

// hostileFaults says what of a hostile text gets into a finding that must not.
func hostileFaults(f finding.Finding) (faults []string) {
	faults = findingtest.HostileFaults(f)
	for _, part := range rawParts {
		if strings.Contains(f.Message, part) {
			faults = append(faults, "the message shows "+part)
		}
	}
	for _, part := range passwordParts {
		if strings.Contains(f.Message+f.Fix, part) {
			faults = append(faults, "a password is shown")
		}
	}
	// A name that is nearly a known one is shown, too.
	known := slices.ContainsFunc(ecsconfig.Catalogue(), func(v ecsconfig.Variable) bool { return strings.Contains(f.Variable, v.Name) })
	if f.Variable != "" && !known && !variablename.IsPublic(f.Variable) {
		faults = append(faults, "the variable may be a part of a secret: "+f.Variable)
	}
	if line := aWrittenLine.FindStringSubmatch(f.Fix); line != nil && line[2] == f.Variable {
		for _, left := range ecsconfig.Judge([]byte(line[1] + "\n")) {
			if left.Code == f.Code && left.Variable == f.Variable {
				faults = append(faults, "the line of the fix has the same fault: "+left.Message)
			}
		}
	}
	return faults
}

// TestRenderings renders every code with every kind of hostile text: each variable of
// the catalogue gets each text, alone and around what is right; and a file for each
// code gets it instead of every name, value and string in it, so that what is
// found beside the text is looked at, too.
func TestRenderings(t *testing.T) {
	racetest.Skip(t)
	r := renderings{map[finding.Finding]bool{}, map[string]map[string]bool{}}
	for kind, text := range hostile {
		for _, v := range ecsconfig.Catalogue() {
			values := []string{text, `{"` + text + `":"` + text + `"}`}
			if len(text) < longText {
				values = append(values, v.Default+text, `"`+text+`"`, `["`+text+`"]`, "true # "+text)
			}
			if v.Type == ecsconfig.Path {
				values = append(values, "/data/"+text, "/var/lib/ecs/"+text+"/x", "/etc/ecs/"+text, "/opt/"+text)
			}
			for _, value := range values {
				r.judge(t, kind, "ECS_CLUSTER=prod\n"+v.Name+"="+value+"\n")
			}
		}
	}
	for kind, text := range hostile {
		r.judge(t, kind, utf16("ECS_CLUSTER="+text+"\n"))
	}
	for _, seed := range seedsOfCodes() {
		r.judge(t, "nothing", seed)
		for kind, text := range hostile {
			for _, content := range withHostile(seed, text) {
				r.judge(t, kind, content)
			}
		}
	}
	for _, code := range ecsconfig.Codes() {
		if rendered := len(r.kinds[code.Code]); rendered < len(hostile)/2 {
			t.Errorf("%s is rendered with %d of %d kinds of text only", code.Code, rendered, len(hostile))
		}
	}
	t.Logf("%d codes, %d different texts", len(r.kinds), len(r.texts))
}

// seedsOfCodes gives the shortest file of the other tests for each code.
func seedsOfCodes() []string {
	shortest := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		for _, f := range ecsconfig.Judge([]byte(files[name])) {
			if seed, ok := shortest[f.Code]; !ok || len(files[name]) < len(seed) {
				shortest[f.Code] = files[name]
			}
		}
	}
	return slices.Compact(slices.Sorted(maps.Values(shortest)))
}

// longText is the length from which texts are put into fewer places, in bytes.
const longText = 4 << 10

var aString = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// withHostile puts a text into the first lines of a file in every way.
func withHostile(content, text string) (contents []string) {
	const mostLines = 6
	lines := strings.SplitAfter(content, "\n")
	for i, line := range lines[:min(len(lines), mostLines)] {
		with := func(changed string) {
			contents = append(contents, strings.Join(lines[:i], "")+changed+"\n"+strings.Join(lines[i+1:], ""))
		}
		line = strings.TrimRight(line, "\r\n")
		name, value, ok := strings.Cut(line, "=")
		if ok {
			with(name + "=" + text)
		}
		if len(text) > longText || len(line) > longText {
			continue
		}
		with(text)
		with(line + text)
		with(text + line)
		if ok {
			with(name + text + "=" + value)
			with(text + "=" + value)
		}
		for _, place := range aString.FindAllStringIndex(line, -1) {
			quoted, err := json.Marshal(text)
			if err != nil {
				continue
			}
			for _, word := range []string{`"` + text + `"`, string(quoted), `"` + basic("ci:"+text) + `"`, `"` + basic(text+":ci") + `"`} {
				with(line[:place[0]] + word + line[place[1]:])
			}
		}
	}
	return contents
}
