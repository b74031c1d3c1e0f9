package stopreason

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

type knownText struct {
	id   ID
	ours Ours
	text string
}

func knownTexts(t testing.TB) []knownText {
	t.Helper()
	raw, err := os.ReadFile("testdata/known.json")
	if err != nil {
		t.Fatal(err)
	}
	var entries []struct {
		ID    ID
		Ours  Ours
		Texts []string
	}
	if err := json.Unmarshal(raw, &entries); err != nil {
		t.Fatal(err)
	}
	var known []knownText
	for _, entry := range entries {
		for _, text := range entry.Texts {
			known = append(known, knownText{entry.ID, entry.Ours, text})
		}
	}
	if testing.Short() {
		// Each text is read by itself: a tenth of them says what the race detector can.
		known = slices.DeleteFunc(known, func(k knownText) bool { return len(k.text)%10 != 0 })
	}
	return known
}

var (
	arnPart = regexp.MustCompile(`arn:aws:(\w+):([a-z0-9-]*):`)
)

// Each is another way in which the same failure is written; none changes its cause.
var variations = map[string]func(knownText) string{
	"lower case":       func(k knownText) string { return strings.ToLower(k.text) },
	"upper case":       func(k knownText) string { return strings.ToUpper(k.text) },
	"console spelling": func(k knownText) string { return k.text[:1] + strings.ToLower(k.text[1:]) },
	"line breaks":      func(k knownText) string { return strings.ReplaceAll(k.text, ": ", ":\n    ") },
	"tabs and no-break spaces": func(k knownText) string {
		return "\t" + strings.Replace(strings.ReplaceAll(k.text, " ", "\u00a0"), "\u00a0", "\t\r\n", 1) + " \n"
	},
	"JSON escapes": func(k knownText) string {
		return strings.ReplaceAll(strings.ReplaceAll(k.text, `"`, `\"`), ". ", `.\n\t`)
	},
	"curly quotes":    func(k knownText) string { return strings.ReplaceAll(k.text, "'", "\u2019") },
	"quoted":          func(k knownText) string { return `"stoppedReason": "` + k.text + `",` },
	"console label":   func(k knownText) string { return "Stopped reason\t" + k.text },
	"other partition": func(k knownText) string { return arnPart.ReplaceAllString(k.text, "arn:aws-us-gov:$1:us-gov-west-1:") },
	"China": func(k knownText) string {
		return strings.ReplaceAll(arnPart.ReplaceAllString(k.text, "arn:aws-cn:$1:cn-north-1:"), ".amazonaws.com", ".amazonaws.com.cn")
	},
	"status code and request id": func(k knownText) string {
		return k.text + "\n\tstatus code: 400, request id: 904a550f-206b-11e8-8e20-1363f96a7838"
	},
}

// anchored are causes that are known by the whole text, so that nothing may
// stand around it.
var anchored = map[ID]bool{WrapperNoCause: true}

func TestVariationsOfKnownTexts(t *testing.T) {
	for name, vary := range variations {
		t.Run(name, func(t *testing.T) {
			for _, k := range knownTexts(t) {
				around := name == "quoted" || name == "console label" || strings.HasPrefix(name, "status")
				if around && (anchored[k.id] || k.id == "place-agent" || k.id == OutOfMemory) {
					continue
				}
				if got := Classify(vary(k)); got.ID != k.id {
					t.Errorf("%s\n  is %s, want %s", vary(k), got.ID, k.id)
				}
			}
		})
	}
}

// What a text is cut off to tells its cause, or is not known; it never tells
// another cause that a cure would be tried for.
func TestCutTextsAreNeverAnotherCause(t *testing.T) {
	// What a cut text may still say truthfully, less exactly.
	general := map[ID]bool{"env-file-other": true, "start-other": true, "docker-timeout": true, "image-denied-or-absent": true, "place-unassigned": true}
	allowed := map[[2]ID]bool{
		// The sentence that blames the log group, cut off before the one that doesn't.
		{"log-network", "log-group-gone"}: true,
		// Systems Manager refuses for the key, too; the cut hides the action.
		{"secret-kms-denied", "ssm-denied"}: true,
	}
	// The race detector makes it ten times slower; make test runs all without it.
	step := 5
	if testing.Short() {
		step = 50
	}
	for _, k := range knownTexts(t) {
		for end := len(k.text); end > 20; end -= step {
			got := Classify(k.text[:end])
			if got.ID == k.id || !got.Failure() || general[got.ID] || allowed[[2]ID{k.id, got.ID}] {
				continue
			}
			t.Errorf("cut at %d of %d: %s\n  is %s, want %s or unrecognised", end, len(k.text), k.text[:end], got.ID, k.id)
			break
		}
	}
}

func TestNamesDecideNothing(t *testing.T) {
	nasty := []string{
		"not-found.timeout.example.com:5000/accessdenied/toomanyrequests/x509:unauthorized",
		"secrets.example.com/asm/ssm/secret-service:denied",
		"firelens.example.com/gmsa/credentialspec:no-space-left",
		"efs.internal/mount.nfs4/forbidden:401",
		"10.0.0.5:5000/manifest-unknown/connection-refused:502",
	}
	for _, k := range knownTexts(t) {
		for _, name := range nasty {
			// Only where the text's grammar has an image.
			if !strings.Contains(k.text, "failed to resolve ref ") && !strings.Contains(k.text, "pull access denied for ") && !strings.Contains(k.text, "manifest for ") {
				continue
			}
			varied := regexp.MustCompile(`(failed to resolve ref |pull access denied for |manifest for )(\S+?)([:,]? )`).ReplaceAllString(k.text, "${1}"+name+"${3}")
			if got := Classify(varied); got.ID != k.id {
				t.Errorf("%s\n  is %s, want %s", varied, got.ID, k.id)
			}
		}
	}
}

func TestAgentSentenceInFront(t *testing.T) {
	for _, k := range knownTexts(t) {
		class, rest, found := strings.Cut(k.text, ": ")
		if !found || !strings.HasPrefix(class, "CannotPull") || strings.Contains(rest, "The task can") {
			continue
		}
		for _, sentence := range []string{"Check that the role has the permissions to pull images from the registry.", "Check whether the image exists.", "Check your network configuration."} {
			varied := class + ": The task can\u2019t pull the image. " + sentence + " " + rest
			if got := Classify(varied); got.ID != k.id {
				t.Errorf("%s\n  is %s, want %s", varied, got.ID, k.id)
			}
		}
	}
}

func TestServiceEventAround(t *testing.T) {
	for _, k := range knownTexts(t) {
		class, _, found := strings.Cut(k.text, ": ")
		if !found || !strings.HasSuffix(class, "Error") {
			continue
		}
		for _, front := range []string{"(service web) was unable to place a task. Reason: ", "TaskFailedToStart: ", "Task failed to start: ", "ECS task stopped due to: "} {
			if got := Classify(front + k.text + "."); got.ID != k.id && got.ID != "eni" {
				t.Errorf("%s\n  is %s, want %s", front+k.text, got.ID, k.id)
			}
		}
	}
}

func BenchmarkClassify(b *testing.B) {
	known := knownTexts(b)
	for i := 0; b.Loop(); i++ {
		Classify(known[i%len(known)].text)
	}
}
