package rotation_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
)

func TestSampleEvents(t *testing.T) {
	paths, err := filepath.Glob("../../events/rotate-*.json")
	if err != nil || len(paths) < len(rotation.Steps()) {
		t.Fatalf("%d samples, %v", len(paths), err)
	}
	for _, path := range paths {
		payload, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, message := range event.Decode(payload).Messages {
			for _, trigger := range message.Triggers {
				subjects := rotation.Subjects(trigger)
				if len(subjects) != 1 || subjects[0].Settled != nil {
					t.Errorf("%s concerns %+v", path, subjects)
				}
			}
		}
	}
}

func TestSubjects(t *testing.T) {
	step := func(name, secretID, version string) event.RotationStep {
		return event.RotationStep{Step: name, SecretID: secretID, ClientRequestToken: version, RotationToken: secret.New(canary)}
	}
	for name, want := range map[string]rotation.Step{
		"createSecret": rotation.CreateSecret, "create_secret": rotation.CreateSecret,
		"setSecret": rotation.SetSecret, "set_secret": rotation.SetSecret,
		"testSecret": rotation.TestSecret, "test_secret": rotation.TestSecret,
		"finishSecret": rotation.FinishSecret, "finish_secret": rotation.FinishSecret,
	} {
		subjects := rotation.Subjects(step(name, secretARN, version1))
		if len(subjects) != 1 || subjects[0].Of.Step != want || subjects[0].Name != secretARN+"#"+string(want) {
			t.Errorf("%s is %+v", name, subjects)
		}
	}
	for name, bad := range map[string]event.RotationStep{
		"step-unknown":                  step("CreateSecret "+canary, secretARN, version1),
		"request-malformed":             step("createSecret", "a secret\n"+canary, version1),
		"request-malformed in version":  step("createSecret", secretARN, canary+" "),
		"request-malformed, no end":     step("createSecret", strings.Repeat("a", 5000), version1),
		"request-malformed in the step": step("rotate", "", ""),
	} {
		subjects := rotation.Subjects(bad)
		if len(subjects) != 1 || subjects[0].Settled == nil {
			t.Fatalf("%s: %+v", name, subjects)
		}
		f := subjects[0].Settled.Findings[0]
		findingtest.Saw(f)
		if !strings.HasPrefix(name, f.Code) || strings.Contains(f.Message+f.Fix+subjects[0].Name, canary) {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if got := rotation.Subjects(event.Schedule{}); got != nil {
		t.Errorf("a schedule concerns %+v", got)
	}
}

// TestBadInput sends what is no event to the assembled function.
func TestBadInput(t *testing.T) {
	for name, payload := range map[string][]byte{
		"empty":           nil,
		"null":            []byte("null"),
		"a list":          []byte("[]"),
		"a number":        []byte("7"),
		"cut off":         []byte(`{"Step":"createSecret","Secret`),
		"unknown kind":    []byte(`{"detail-type":"Something New","source":"aws.new","detail":{}}`),
		"wrong types":     []byte(`{"Step":1,"SecretId":[],"ClientRequestToken":{}}`),
		"fields missing":  []byte(`{"Step":"createSecret"}`),
		"null fields":     []byte(`{"Step":null,"SecretId":null,"ClientRequestToken":null}`),
		"unknown step":    stepEvent("deleteSecret", version1),
		"6 MB of rubbish": bytes.Repeat([]byte("x"), 6<<20),
		"another's event": []byte(`{"role":"ecsInstanceRole"}`),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			check(t, w.function(finding.Enforce).Handle(context.Background(), payload))
			if len(w.secrets.Calls) > 0 {
				t.Errorf("calls were made: %v", w.secrets.Calls)
			}
		})
	}
}

func FuzzSubjects(f *testing.F) {
	f.Add([]byte(`{"Step":"createSecret","SecretId":"a","ClientRequestToken":"b","RotationToken":"c"}`))
	f.Add([]byte(`{"Records":[{"body":"{\"Step\":\"x\"}","messageId":"1"}]}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, message := range event.Decode(payload).Messages {
			for _, trigger := range message.Triggers {
				for _, subject := range rotation.Subjects(trigger) {
					if subject.Name == "" || subject.Settled == nil && (subject.Of.SecretID == "" || subject.Of.Version == "") {
						t.Errorf("%s: %+v", payload, subject)
					}
				}
			}
		}
	})
}

func TestParseDocument(t *testing.T) {
	for text, want := range map[string]string{
		`{"username":"ci","password":"p"}`: "ci p",
		" {\n  \"password\" : \"p\\u0041\",\n \"note\":{\"username\":\"no\"}, \"username\":\"c\\\"i\" }\n": `c"i pA`,
		`{"username":"ci","password":"p","username":"x"}`:                                                  "",
		`{"username":"ci","password":"p","Password":"x"}`:                                                  "",
		"\ufeff" + `{"username":"ci","password":"p"}`:                                                      "",
		`{"username":"ci","password":"p","x":1,"x":2}` + "\r\n":                                            "ci p",
		`{"username":"cï","password":"pä\u00df \ud83d\ude00"}`:                                             "cï päß 😀",
		`{"username":"ci","accessToken":"p"}`:                                                              "",
		`{"username":"","password":"p"}`:                                                                   "",
		`{"username":"ci","password":""}`:                                                                  "",
		`{"username":"a:b","password":"p"}`:                                                                "",
		`{"username":"ci","password":null}`:                                                                "",
		`{"username":"ci","password":7}`:                                                                   "",
		`{"username":"ci","password":"p"} x`:                                                               "",
		`["username","password"]`:                                                                          "",
		`null`:                                                                                             "",
		``:                                                                                                 "",
	} {
		document, err := rotation.ParseDocument(secret.New(text), "password")
		if (err == nil) != (want != "") {
			t.Errorf("%s: %v", text, err)
		}
		if got := document.Credential.Username + " " + document.Credential.Password.Reveal(); err == nil && got != want {
			t.Errorf("%s holds %q", text, got)
		}
	}
}

// TestDocumentKeepsEveryOtherByte puts new credentials into values of many forms.
func TestDocumentKeepsEveryOtherByte(t *testing.T) {
	for before, after := range map[string]string{
		`{"username":"ci","password":"p"}`:                                               `{"username":"robot$a+b","password":"n\"<&>"}`,
		"{\n\t\"password\": \"p\", \"owner\": [1, 2.50],\r\n\t\"username\": \"ci\"\n}\n": "{\n\t\"password\": \"n\\\"<&>\", \"owner\": [1, 2.50],\r\n\t\"username\": \"robot$a+b\"\n}\n",
	} {
		document, err := rotation.ParseDocument(secret.New(before), "password")
		if err != nil {
			t.Fatal(err)
		}
		credential := document.Credential
		credential.Username, credential.Password = "robot$a+b", secret.New(`n"<&>`)
		got, err := document.With(credential)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(after, got.Reveal()); diff != "" {
			t.Error(diff)
		}
		again, err := rotation.ParseDocument(got, "password")
		if err != nil || !again.Credential.Equal(credential) || !again.SameBeside(document) {
			t.Errorf("read again it is another value (%v)", err)
		}
	}
}

// TestPullThroughCache rotates the secret of an ECR pull-through cache rule.
func TestPullThroughCache(t *testing.T) {
	w := newWorld(t)
	w.secrets.Name = "ecr-pullthroughcache/example"
	w.secrets.Values["version-0"] = `{"username":"ci","accessToken":"` + canary + `"}`
	w.secrets.Begin(version1)
	for _, step := range rotation.Steps() {
		if result := w.run(t, string(step), version1); result.Status != finding.Compliant {
			t.Fatalf("%s: %+v", step, result)
		}
	}
	_, value := w.secrets.Staged("AWSCURRENT")
	var read map[string]string
	if err := json.Unmarshal([]byte(value), &read); err != nil || len(read) != 2 || !w.accepts(read["username"], read["accessToken"]) {
		t.Errorf("the new value has the fields %d, %v", len(read), err)
	}
}

func FuzzParseDocument(f *testing.F) {
	f.Add(`{"username":"ci","password":"p","x":[1]}`, "new", "secret")
	f.Fuzz(func(t *testing.T, text, username, password string) {
		document, err := rotation.ParseDocument(secret.New(text), "password")
		if err != nil {
			return
		}
		credential := document.Credential
		credential.Username, credential.Password = strings.ToValidUTF8(username, ""), secret.New(strings.ToValidUTF8(password, ""))
		got, err := document.With(credential)
		if err != nil {
			t.Fatal(err)
		}
		again, err := rotation.ParseDocument(got, "password")
		if credential.Username == "" || credential.Password.IsZero() || strings.Contains(credential.Username, ":") {
			return
		}
		if err != nil || !again.Credential.Equal(credential) || !again.SameBeside(document) {
			t.Errorf("%q became %q: %v", text, got.Reveal(), err)
		}
	})
}

func TestSettings(t *testing.T) {
	if _, err := settings.Load[rotation.Settings]("rotate-secret", []string{"MODE=enforce", "LOGIN_WAIT=90s", "CONFIG_BUCKET=b"}); err != nil {
		t.Error(err)
	}
	_, err := settings.Load[rotation.Settings]("rotate-secret", []string{"LOGIN_WAIT=soon", "REGISTRY_CA_FILE=/nonexistent"})
	if err == nil || !strings.Contains(err.Error(), "soon") || !strings.Contains(err.Error(), "/nonexistent") {
		t.Errorf("got %v", err)
	}
}

var update = flag.Bool("update", false, "write the table of findings into the README")

func TestREADMEListsTheCodes(t *testing.T) {
	findingtest.README(t, "../../functions/rotate-secret/README.md", *update, map[string][]finding.Code{
		"## Findings": slices.Concat(rotation.Codes, pipeline.Codes),
	})
}

// TestReadmeListsTheDrivers compares the README's table with the drivers.
func TestReadmeListsTheDrivers(t *testing.T) {
	readme, err := os.ReadFile("../../functions/rotate-secret/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(readme), "## Drivers")
	table, _, _ = strings.Cut(table, "\n\n**")
	var listed []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|").FindAllStringSubmatch(table, -1) {
		listed = append(listed, row[1])
	}
	if want := slices.Sorted(maps.Keys(newWorld(t).drivers())); !slices.Equal(listed, want) {
		t.Errorf("the README lists %q, the drivers are %q", listed, want)
	}
}
