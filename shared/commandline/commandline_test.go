package commandline_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/commandline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/diagnostic"
	"github.com/ecs-guardrails/ecs-guardrails/shared/exitcode"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// command judges a file by its first word: error, warning, info or fine;
// "broken" can't be judged.
func command() commandline.Command {
	shout := false
	return commandline.Command{
		Name: "judge", Summary: "Judges words.", MaxSize: 1000,
		Flags:   func(flags *flag.FlagSet) { flags.BoolVar(&shout, "shout", false, "say it loud") },
		Matches: func(path string) bool { return strings.HasSuffix(path, ".word") },
		Modes: []commandline.Mode{{
			Name: "count", Usage: "count the files", Formats: []string{"text"},
			Run: func(_ context.Context, files []commandline.File, format string, stdout io.Writer) ([]diagnostic.Source, error) {
				_, err := io.WriteString(stdout, format+" "+strings.Repeat("I", len(files)))
				return nil, err
			},
		}},
		Variables: []commandline.Variable{{Name: "WORDS", Usage: "where they come from"}},
		Notes:     "Words are short.",
		Examples:  []string{"judge a.word"},
		Rules:     []finding.Code{{Code: "word-bad", Cause: "a bad word", Cure: "write another"}},
		Judge: func(_ context.Context, file commandline.File) ([]diagnostic.Source, error) {
			source := diagnostic.Source{Name: file.Name, Content: file.Content, Masked: file.Content}
			word := strings.TrimSpace(string(file.Content))
			if shout {
				word = strings.ToLower(word)
			}
			switch word {
			case "broken":
				return nil, errors.New("judge " + file.Name + ": it is broken")
			case "error", "warning", "info":
				source.Findings = []finding.Finding{{Code: "word-bad", Severity: finding.Severity(word), Message: "a bad word, 100%: yes", Fix: "write another", Line: 1, Column: 1}}
			}
			return []diagnostic.Source{source}, nil
		},
	}
}

func TestRun(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, content := range map[string]string{
		"fine.word": "fine\n", "error.word": "error\n", "warning.word": "warning\n", "info.word": "info\n", "loud.word": "ERROR\n",
		"broken.word": "broken\n", "other.txt": "error\n", "tree/a.word": "fine\n", "tree/deep/b.word": "error\n", "tree/.git/c.word": "error\n",
		"tree/node_modules/d.word": "error\n", "empty/x.txt": "", "huge.word": strings.Repeat("x", 1001), "--odd.word": "error\n",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string]struct {
		args           string
		stdin          string
		code           int
		stdout, stderr string
		never          string
	}{
		"fine":                             {args: "fine.word", code: 0, stdout: "1 file: 0 errors, 0 warnings, 0 info"},
		"an error":                         {args: "error.word", code: 1, stdout: "error.word:1:1: error: a bad word"},
		"a warning is no error":            {args: "warning.word", code: 0, stdout: "1 warning"},
		"a warning, if asked for":          {args: "--fail-on warning warning.word", code: 1},
		"an info is neither":               {args: "--fail-on=warning info.word", code: 0},
		"never":                            {args: "--fail-on never error.word", code: 0, stdout: "1 error"},
		"could not run, whatever fails":    {args: "--fail-on never broken.word", code: 2, stderr: "it is broken"},
		"several, one bad":                 {args: "fine.word error.word", code: 1, stdout: "2 files: 1 error"},
		"the same twice":                   {args: "fine.word fine.word", code: 0, stdout: "1 file:"},
		"broken beside an error":           {args: "broken.word error.word", code: 2, stdout: "1 error", stderr: "broken"},
		"a directory":                      {args: "tree", code: 1, stdout: "2 files: 1 error", never: "node_modules"},
		"a directory without such files":   {args: "empty", code: 2, stderr: "no file in it has a name that judge judges"},
		"a pattern":                        {args: "*ing.word", code: 0, stdout: "1 file: 0 errors, 1 warning"},
		"a pattern that matches nothing":   {args: "*.nothing", code: 2, stderr: "*.nothing"},
		"any name, if named":               {args: "other.txt", code: 1},
		"standard input":                   {args: "-", stdin: "error", code: 1, stdout: "stdin:1:1: error"},
		"standard input by the flag":       {args: "--file -", stdin: "fine", code: 0},
		"the flag":                         {args: "--file fine.word -file=error.word", code: 1, stdout: "2 files"},
		"flags between the names":          {args: "fine.word --format json error.word", code: 1, stdout: `"function": "judge"`},
		"a name like a flag":               {args: "-- --odd.word", code: 1, stdout: "--odd.word:1:1"},
		"a name after a flag and a name":   {args: "--shout fine.word -- --odd.word", code: 1, stdout: "2 files"},
		"its own flag":                     {args: "--shout loud.word", code: 1},
		"without its own flag":             {args: "loud.word", code: 0},
		"SARIF":                            {args: "--format sarif error.word", code: 1, stdout: `"ruleId": "word-bad"`},
		"GitHub":                           {args: "--format github error.word", code: 1, stdout: "::error file=error.word,line=1,col=1,title=word-bad::a bad word, 100%25: yes%0AFix: write another\n"},
		"GitHub, an info":                  {args: "--format github info.word", code: 0, stdout: "::notice file=info.word"},
		"a mode":                           {args: "--count fine.word error.word", code: 0, stdout: "text II", never: "file:"},
		"a mode in a format that it lacks": {args: "--count --format sarif fine.word", code: 2, stderr: `--count has no format "sarif"`},
		"a mode without a file":            {args: "--count nowhere.word", code: 2, stderr: "nowhere.word"},
		"missing":                          {args: "nowhere.word fine.word", code: 2, stdout: "1 file:", stderr: "nowhere.word"},
		"too large":                        {args: "huge.word", code: 2, stderr: "larger than"},
		"no file":                          {args: "--format json", code: 2, stderr: "no file is named"},
		"unknown format":                   {args: "--format yaml fine.word", code: 2, stderr: `format "yaml" is unknown: use text, json, sarif, github`},
		"unknown severity":                 {args: "--fail-on info fine.word", code: 2, stderr: `--fail-on "info" is unknown`},
		"unknown flag":                     {args: "--fromat json fine.word", code: 2, stderr: "fromat"},
		"help":                             {args: "--help", code: 0, stdout: "--fail-on SEVERITY"},
		"help in short":                    {args: "-h fine.word", code: 0, stdout: "usage: judge [flags] FILE…"},
		"help has its own flag":            {args: "--help", code: 0, stdout: "--shout"},
		"help has the modes":               {args: "--help", code: 0, stdout: "count the files"},
		"help has the variables":           {args: "--help", code: 0, stdout: "WORDS"},
		"help has the exit codes":          {args: "--help", code: 0, stdout: "Exit code: 0 clean, 1 findings"},
		"version":                          {args: "--version", code: 0, stdout: "judge "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := command().Run(context.Background(), strings.Fields(test.args), strings.NewReader(test.stdin), &stdout, &stderr)
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if !strings.Contains(stdout.String(), test.stdout) || !strings.Contains(stderr.String(), test.stderr) {
				t.Errorf("stdout %s\nstderr %s", stdout.String(), stderr.String())
			}
			if test.stderr == "" && stderr.Len() > 0 {
				t.Errorf("stderr %s", stderr.String())
			}
			if test.never != "" && strings.Contains(stdout.String()+stderr.String(), test.never) {
				t.Errorf("it says %q", test.never)
			}
		})
	}
}

// TestANameIsNoTerminalCode has a name that a repository's author chose.
func TestANameIsNoTerminalCode(t *testing.T) {
	t.Chdir(t.TempDir())
	const there, missing = "a\x1b[31m\nb.word", "c\x1b[31m\nd.word"
	if err := os.WriteFile(there, []byte("error"), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code := command().Run(context.Background(), []string{there, missing}, nil, &stdout, &stderr)
	if code != exitcode.CouldNotRun || !strings.Contains(stdout.String(), "a·[31m·b.word:1:1: ") || !strings.Contains(stderr.String(), "c·[31m·d.word") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout.String(), stderr.String())
	}
}

// TestAsked: with one argument, a program that also answers events judges what is not an event.
func TestAsked(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, content := range map[string]string{"event.json": `{"event":1}`, "ecs.config": "A=1\n"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	isEvent := func(content []byte) bool { return bytes.HasPrefix(content, []byte("{")) }
	tests := map[string]struct {
		args, stdin string
		want        bool
		left        string // what standard input still holds
	}{
		"nothing":                  {args: ""},
		"an event":                 {args: "event.json"},
		"a file":                   {args: "ecs.config", want: true},
		"a file that isn't there":  {args: "nowhere.config", want: true},
		"several files":            {args: "event.json ecs.config", want: true},
		"a flag":                   {args: "--help", want: true},
		"a flag and an event":      {args: "--file event.json", want: true},
		"a file on standard input": {args: "-", stdin: "A=1\n", want: true, left: "A=1\n"},
		"an event there":           {args: "-", stdin: `{"event":1}`, left: `{"event":1}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			in, out, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := out.WriteString(test.stdin); err != nil {
				t.Fatal(err)
			}
			_ = out.Close()
			asked, again, err := command().IsAsked(strings.Fields(test.args), in, isEvent)
			if err != nil || asked != test.want {
				t.Errorf("got %v, %v", asked, err)
			}
			left, err := io.ReadAll(again)
			if err != nil || string(left) != test.left {
				t.Errorf("standard input holds %q, %v", left, err)
			}
		})
	}
}
