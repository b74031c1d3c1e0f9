package environmentfile_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/environmentfile"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
)

var update = flag.Bool("update", false, "write the golden file again")

const canary = "hunter-canary"

var files = map[string]string{
	"fine/empty":      "",
	"fine/usual":      "# for the web tier\n\nPORT=8080\nDATABASE_URL=postgres://app:" + canary + "@db:5432/app?sslmode=require&a=b\nEMPTY=\n",
	"fine/crlf":       "PORT=8080\r\nLEVEL=debug\r\n",
	"fine/no newline": "PORT=8080",
	"fine/JSON":       "SETTINGS={\"a\": \"b\", 'c': \"d\"}\n",
	"fine/inner":      "GREETING=say \"hi\" 'you'\nCOLOR=#fff\n",
	"fine/camel case": "databaseUrl=" + canary + "\n",

	"utf-16":               "\xff\xfeA\x00=\x00b\x00\n\x00",
	"utf-16 without mark":  "A\x00=\x00b\x00\n\x00",
	"byte order mark":      "\ufeffPORT=8080\n",
	"byte order mark, #":   "\ufeff# comment\nPORT=8080\n",
	"NUL":                  "PORT=80\x0080\n",
	"not UTF-8":            "NAME=caf\xe9\n",
	"long line":            "A=b\nLONG=" + strings.Repeat(canary, 6000) + "\nC=d\n",
	"no equals sign":       "PORT 8080\nLEVEL: debug\n" + canary + "\n",
	"indented comment":     "  # LEVEL=debug\n  # nothing\n",
	"empty name":           "=" + canary + "\n",
	"export":               "export PORT=8080\n",
	"spaces":               "PORT = 8080\n LEVEL=debug\n",
	"quoted name":          "\"PORT\"=8080\nMY PORT=8080\n",
	"unusual name":         "my-port=8080\nspring.profiles.active=prod\n",
	"set by ECS":           "ECS_CONTAINER_METADATA_URI_V4=http://x\n",
	"duplicate":            "PORT=1\nLEVEL=debug\nPORT=2\n",
	"PEM":                  "KEY=-----BEGIN PRIVATE KEY-----\n" + canary + "canary\naHVudGVyY2FuYXJ5=\n-----END PRIVATE KEY-----\nPORT=1\n",
	"PEM, quoted":          "KEY=\"-----BEGIN KEY-----\n" + canary + "==\n-----END KEY-----\"\nPORT=1\n",
	"quoted over lines":    "TEXT=\"one\ntwo\nthree\"\nPORT=1\n",
	"quote left open":      "TEXT=\"one\nPORT=1\n",
	"lone CR":              "PORT=1\rLEVEL=debug\r",
	"quoted":               "PORT=\"8080\"\nPASSWORD='" + canary + "'\n",
	"white space":          "PORT=8080 \nLEVEL= debug\n",
	"comment":              "PORT=8080 # http\n",
	"reference":            "URL=http://${HOST}:8080\nWHEN=$(date)\nPRICE=$5\n",
	"PATH":                 "PATH=$PATH:/opt/bin\n",
	"reference, no braces": "URL=$HOST:8080\nCLASSPATH=/a:$LIBS/b\n",
	"fine/dollar":          "PASSWORD=hunter-canary$ABC\nPRICE=$5\n",
	"escapes":              "KEY=\"-----BEGIN KEY-----\\ncanary\\n-----END KEY-----\"\nTEXT=a\\nb\n",
	"AWS keys":             "AWS_ACCESS_KEY_ID=AKIACANARY\nAWS_SECRET_ACCESS_KEY=" + canary + "\n",
	"many":                 strings.Repeat("nothing\n", 200) + "A=\x00\n",
	"second half of a key": "aHVudGVyY2FuYXJ5=\n",
}

func TestJudge(t *testing.T) {
	var golden strings.Builder
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		findings := environmentfile.Judge([]byte(files[name]))
		if err := findingtest.Check(finding.Result{Subject: name, Status: finding.Noncompliant, Findings: findings}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if strings.HasPrefix(name, "fine/") != (len(findings) == 0) && name != "second half of a key" {
			t.Errorf("%s has %d findings", name, len(findings))
		}
		fmt.Fprintf(&golden, "-- %s --\n", name)
		for _, f := range findings {
			seen[f.Code] = true
			if !strings.Contains(f.Message, f.Variable) {
				t.Errorf("%s: %s doesn't name the variable %s: %s", name, f.Code, f.Variable, f.Message)
			}
			if len(findings) <= 12 {
				fmt.Fprintf(&golden, "%d:%d %s %s %s\n  %s\n  → %s\n", f.Line, f.Column, f.Severity, f.Code, f.Variable, f.Message, f.Fix)
			}
		}
	}
	for _, f := range environmentfile.JudgeName("prod.ENV") {
		seen[f.Code] = true
	}
	const path = "testdata/findings.golden"
	if *update {
		if err := os.WriteFile(path, []byte(golden.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if golden.String() != string(want) {
		t.Errorf("the findings are others than in %s; run make update if that is meant:\n%s", path, golden.String())
	}
	documented := map[string]bool{}
	for _, code := range environmentfile.Codes() {
		documented[code.Code] = true
		if !seen[code.Code] || code.Cause == "" || code.Cure == "" {
			t.Errorf("no file brings out %s, or it lacks a cause or a cure", code.Code)
		}
	}
	for code := range seen {
		if !documented[code] {
			t.Errorf("%s is not documented", code)
		}
	}
}

func TestMessages(t *testing.T) { findingtest.Templates(t, environmentfile.Codes()) }

func TestTheGravestAreKept(t *testing.T) {
	findings := environmentfile.Judge([]byte(files["many"]))
	if len(findings) != 100 || findings[0].Severity != finding.Error {
		t.Errorf("%d findings, the last %v", len(findings), findings[len(findings)-1])
	}
}

func TestJudgeName(t *testing.T) {
	for name, fine := range map[string]bool{"prod.env": true, "a/b/.env": true, "prod.ENV": false, "prod.env.txt": false, "prodenv": false, "": false} {
		if findings := environmentfile.JudgeName(name); (len(findings) == 0) != fine {
			t.Errorf("%q: %v", name, findings)
		}
	}
}

// asAgent is what the agent does, in the fewest words.
func asAgent(content []byte) (map[string]string, error) {
	environment := map[string]string{}
	scanner := bufio.NewScanner(bytes.NewReader(content))
	for scanner.Scan() {
		name, value, ok := strings.Cut(scanner.Text(), "=")
		if ok && name != "" && !strings.HasPrefix(name, "#") {
			environment[name] = value
		}
	}
	return environment, scanner.Err()
}

func checkParse(t *testing.T, content []byte) {
	t.Helper()
	want, wantErr := asAgent(content)
	assignments, err := environmentfile.Parse(content)
	if (err != nil) != (wantErr != nil) {
		t.Fatalf("%.80q: %v, want %v", content, err, wantErr)
	}
	if err != nil {
		return
	}
	got := map[string]string{}
	lines := strings.Split(string(content), "\n")
	for _, a := range assignments {
		got[a.Name] = a.Value.Reveal()
		if line := lines[a.Line-1]; !strings.HasPrefix(line[a.Column-1:], a.Name+"=") || !strings.HasPrefix(line[a.ValueColumn-1:], a.Value.Reveal()) {
			t.Fatalf("%q: %q is not at its place", content, a.Name)
		}
	}
	if !maps.Equal(got, want) {
		t.Fatalf("%q: %q, want %q", content, got, want)
	}
}

func TestParseAgreesWithTheAgent(t *testing.T) {
	for _, content := range files {
		checkParse(t, []byte(content))
	}
	for _, size := range []int{65533, 65534, 65535, 65536, 65537} {
		for _, end := range []string{"", "\n", "\r\n", "\nB=c\n"} {
			checkParse(t, []byte("A="+strings.Repeat("x", size-2)+end))
			checkParse(t, []byte("Z=1\nA="+strings.Repeat("x", size-2)+end))
		}
	}
}

func TestNoValueIsShown(t *testing.T) {
	for name, content := range files {
		findings, err := json.Marshal(environmentfile.Judge([]byte(content)))
		if err != nil {
			t.Fatal(err)
		}
		masked := environmentfile.Mask([]byte(content))
		assignments, parseErr := environmentfile.Parse([]byte(content))
		for what, output := range map[string]string{"findings": string(findings), "mask": string(masked), "printing": fmt.Sprintf("%+v %#v %v", assignments, assignments, parseErr)} {
			for _, trace := range []string{"canary", "hunter", "CANARY", "aHVudGVy"} {
				if strings.Contains(output, trace) {
					t.Errorf("%s: %s show %q: %s", name, what, trace, output)
				}
			}
		}
		if len(masked) != len(content) || strings.Count(string(masked), "\n") != strings.Count(content, "\n") {
			t.Errorf("%s: the mask moves bytes", name)
		}
	}
	if got := string(environmentfile.Mask([]byte("PORT=80 80\n# x y\nexport LEVEL=a\n"))); got != "PORT=** **\n* * *\nexport LEVEL=*\n" {
		t.Errorf("the mask is %q", got)
	}
}

func FuzzJudge(f *testing.F) {
	for _, content := range files {
		if len(content) < 4<<10 {
			f.Add([]byte(content))
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		checkParse(t, content)
		findings := environmentfile.Judge(content)
		if err := findingtest.Check(finding.Result{Subject: "x", Status: finding.Noncompliant, Findings: findings}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(findings, environmentfile.Judge(content)) {
			t.Fatal("judged in another way")
		}
		lines := bytes.Split(content, []byte("\n"))
		for _, found := range findings {
			if found.Line > len(lines) || found.Line > 0 && (found.Column < 1 || found.Column > len(lines[found.Line-1])+1) {
				t.Fatalf("%q: %+v is outside the file", content, found)
			}
		}
		if len(environmentfile.Mask(content)) != len(content) {
			t.Fatal("the mask moves bytes")
		}
	})
}

func BenchmarkJudge(b *testing.B) {
	content := bytes.Repeat([]byte("DATABASE_URL=postgres://app@db:5432/app\n"), 1<<20/40)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		environmentfile.Judge(content)
	}
}
