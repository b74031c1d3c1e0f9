package ecsconfig_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
)

// canary is a password that no file has by chance. Parts of it count too.
const canary = "Q7x-canary.W9k/Z3v+R5p"

// traces are the forms in which the canary could get out: whole, in part,
// encoded, and as the base64 of it behind a user name of any length.
var traces = func() []string {
	found := []string{"Q7x-ca", "canary", "W9k/Z3", "Z3v+R5p"}
	for _, prefix := range []string{"", "x", "xy"} {
		encoded := base64.StdEncoding.EncodeToString([]byte(prefix + canary))
		found = append(found, encoded[4:12], encoded[12:20], encoded[20:28])
	}
	return append(found, fmt.Sprintf("%x", canary)[:12])
}()

func checkNoTrace(t *testing.T, what, output string) {
	t.Helper()
	for _, trace := range traces {
		if strings.Contains(output, trace) {
			t.Fatalf("%s shows %q of the secret:\n%s", what, trace, output)
		}
	}
}

func checkFileShowsNothing(t *testing.T, content string) {
	t.Helper()
	findings, err := json.Marshal(ecsconfig.Judge([]byte(content)))
	if err != nil {
		t.Fatal(err)
	}
	checkNoTrace(t, "a finding about "+fmt.Sprintf("%q", content), string(findings))
	masked := string(ecsconfig.Mask([]byte(content)))
	checkNoTrace(t, "the mask", masked)
	if len(masked) != len(content) || strings.Count(masked, "\n") != strings.Count(content, "\n") {
		t.Fatalf("the mask moves bytes: %q became %q", content, masked)
	}
	file := ecsconfig.Parse([]byte(content))
	checkNoTrace(t, "printing", fmt.Sprintf("%v %+v %#v %s", file, file, file, file))
	checkNoTrace(t, "printing the registries", fmt.Sprintf("%+v %#v", file.Registries().Registries, file.Registries().Faults))
	for _, err := range []func() error{
		func() error { _, err := file.Systemd(); return err },
		func() error { _, err := file.DockerRun(); return err },
	} {
		checkNoTrace(t, "an error", fmt.Sprint(err()))
	}
}

// credential finds the places of the test files that hold one.
var credential = regexp.MustCompile(`hunter-canary1?!?|AKIACANARYCANARY|"auth": ?"[A-Za-z0-9+/=]+"|"password": ?"[^"]*"|"password": ?[0-9]+`)

// withCanary puts the canary wherever a file has a credential.
func withCanary(content string) string {
	encoded := base64.StdEncoding.EncodeToString([]byte("ci:" + canary))
	return credential.ReplaceAllStringFunc(content, func(found string) string {
		switch {
		case strings.HasPrefix(found, `"auth"`):
			return `"auth":"` + encoded + `"`
		case strings.HasPrefix(found, `"password"`):
			return `"password":"` + canary + `"`
		}
		return canary
	})
}

// TestNoSecretGetsOut breaks every file with a credential in every way that a
// file breaks, and looks for the credential in all that is said about it.
func TestNoSecretGetsOut(t *testing.T) {
	contents := map[string]string{}
	maps.Copy(contents, files)
	for name := range readCases(t) {
		contents["case "+name] = string(readCase(t, name))
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, name := range slices.Sorted(maps.Keys(contents)) {
		content := withCanary(contents[name])
		if len(content) > 64<<10 || !strings.Contains(content, canary) && content == contents[name] {
			continue
		}
		checkFileShowsNothing(t, content)
		for range 60 {
			checkFileShowsNothing(t, broken(content, random))
		}
	}
}

// TestNoSecretInAnotherVariable puts credentials where none belongs, in each of
// the forms in which people have them at hand.
func TestNoSecretInAnotherVariable(t *testing.T) {
	for _, v := range ecsconfig.Catalogue() {
		for _, value := range []string{
			"ci:" + canary, `"ci:` + canary + `"`, `["ci:` + canary + `"]`, "prod # " + canary, "prod\t#" + canary,
			"AKIAIOSFODNN7EXAMPLE:" + canary, "AKIAIOSFODNN7EXAMPLE " + canary, `{"ApiKey":"` + canary + `"}`, `{"api_key":"` + canary + `"}`,
		} {
			if v.Type == ecsconfig.StringMap && strings.HasPrefix(value, "prod") {
				continue // a broken object is covered above
			}
			if v.Type == ecsconfig.ImageList && !strings.Contains(value, "AKIA") && !strings.Contains(value, "{") && !strings.Contains(value, "#") {
				continue // name:tag
			}
			for _, line := range []string{v.Name + "=" + value, "export " + v.Name + "=" + value, v.Name + "\t" + value} {
				checkFileShowsNothing(t, "ECS_CLUSTER=a b\n"+line+"\n")
			}
		}
	}
}

// TestTheRestOfALineIsShown has what only looks like a credential, and is what
// its author has to see.
func TestTheRestOfALineIsShown(t *testing.T) {
	for line, want := range map[string]string{
		"ECS_CLUSTER=arn:aws:ecs:us-east-1:123456789012:cluster/prod":           "",
		"DOCKER_HOST=tcp://127.0.0.1:2375":                                      "",
		"ECS_EXCLUDE_UNTRACKED_IMAGE=alpine:latest,r.example.com:5000/team/a:1": "",
		"SSL_CERT_DIR=/etc/ssl:/etc/pki/tls/certs":                              "",
		"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=3600seconds":                     "",
		"ECS_LOGLEVEL=us-errors":                                                "",
		"ECS_LOGLEVEL=/log/ecs-agent.log":                                       "",
		`ECS_CONTAINER_INSTANCE_TAGS={"note":"a # b"}`:                          "",
		"\ufeffECS_CLUSTER=prod":                                                "",
		"ECS_RESERVED_MEMORY=256 # MiB":                                         "ECS_RESERVED_MEMORY=256 * ***",
	} {
		if want == "" {
			want = line
		}
		if got := string(ecsconfig.Mask([]byte(line + "\n"))); got != want+"\n" {
			t.Errorf("%q is shown as %q, want %q", line, got, want)
		}
	}
}

// broken is a file as slips of the hand, editors and templates leave it. The
// breakage never falls inside a word of the canary, so that its traces stay
// recognizable.
func broken(content string, random *rand.Rand) string {
	at := random.IntN(len(content) + 1)
	pieces := []string{"\n", "\r\n", " ", `"`, "'", "}", "{", ",", "=", "#", "\\", ";", "\x00", "\ufeff", "ECS_CLUSTER=", "export ", "${x}", "\u2028"}
	piece := pieces[random.IntN(len(pieces))]
	switch random.IntN(8) {
	case 0: // cut off
		return content[:at]
	case 1: // a byte lost
		if at < len(content) {
			return content[:at] + content[at+1:]
		}
	case 2:
		return strings.Replace(content, "ECS_ENGINE_AUTH_DATA=", []string{"ECS_ENGINE_AUTHDATA=", "export ECS_ENGINE_AUTH_DATA=", "ECS_ENGINE_AUTH_DATA: ", "ECS_CLUSTER=", "ECS_LOGLEVEL=", "ECS_INSTANCE_ATTRIBUTES=", "ECS_CONTAINER_INSTANCE_TAGS=", "ECS_ENGINE_AUTH_TYPE=", "ECS_AVAILABLE_LOGGING_DRIVERS=", "ECS_ENGINE_AUTH_DATA = ", "# ECS_ENGINE_AUTH_DATA=", "FOO=", ""}[random.IntN(13)], 1)
	case 3:
		return strings.ReplaceAll(content, `"`, []string{`\"`, "'", "“", ""}[random.IntN(4)])
	case 4:
		return strings.ReplaceAll(content, ",", ",\n")
	case 5:
		return strings.ReplaceAll(content, ":", ":\n")
	case 6:
		return strings.ReplaceAll(content, "\n", []string{" ", "\r", "", "\n\n"}[random.IntN(4)])
	}
	return content[:at] + piece + content[at:]
}

// TestSecretOfAKnownShape puts a credential of each known shape into each
// variable that holds none: it is an error, and never shown. The texts are put
// together here, so that no scanner takes them for real ones.
func TestSecretOfAKnownShape(t *testing.T) {
	core := "Zq7Rk2Vw9Xn4Tb6Ym1Pd8Sf3Hj5Lc0Gv"
	for _, token := range []string{
		"gh" + "p_" + core + "ab12", "github" + "_pat_" + core, "gl" + "pat-" + core[:20], "dckr" + "_pat_" + core[:27], "dckr" + "_oat_" + core[:27],
		"xox" + "b-123456789012-" + core[:24], "AI" + "za" + core + "abc", "np" + "m_" + core + "abcd", "sk" + "_live_" + core, "hv" + "s." + core,
		"ey" + "JhbGciOiJIUzI1NiJ9." + "ey" + "JzdWIi" + core + "." + core, "-----BEGIN RSA PRIVATE" + " KEY-----" + core, "postgres://app:" + core + "@db:5432/app",
		base64.StdEncoding.EncodeToString([]byte("ci:" + core)), "AK" + "IA" + "ZQ7RK2VW2XN4TB6Y:" + core, "Bearer " + core,
	} {
		for _, v := range ecsconfig.Catalogue() {
			content := "ECS_CLUSTER=prod\n" + v.Name + "=" + token + "\n"
			if v.Name == "ECS_CLUSTER" {
				content = v.Name + "=" + token + "\n"
			}
			findings := ecsconfig.Judge([]byte(content))
			encoded, err := json.Marshal(findings)
			if err != nil {
				t.Fatal(err)
			}
			for _, output := range []string{string(encoded), string(ecsconfig.Mask([]byte(content)))} {
				for _, part := range []string{core[:8], core[8:16], token[len(token)-8:], base64.StdEncoding.EncodeToString([]byte("ci:" + core))[4:14]} {
					if strings.Contains(output, part) {
						t.Errorf("%s=%.12s… shows %q: %s", v.Name, token, part, output)
					}
				}
			}
			works := v.Platform != ecsconfig.WindowsOnly && v.Reader != ecsconfig.NoReader && !strings.HasPrefix(v.Name, "ZZZ_")
			if works && !v.Secret && v.Type != ecsconfig.Proxy && !slices.ContainsFunc(findings, isError) {
				t.Errorf("%s=%.12s… is no error: %s", v.Name, token, encoded)
			}
		}
	}
}
