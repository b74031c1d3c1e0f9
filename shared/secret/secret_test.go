package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

const canary = "canary-hunter2"

// TestNoFormShowsTheSecret prints, logs and marshals a secret in every way that
// a careless line of code could, also from inside another struct.
func TestNoFormShowsTheSecret(t *testing.T) {
	type credential struct {
		Name     string
		Password secret.Text
		hidden   secret.Text
	}
	text := secret.New(canary)
	holder := credential{Name: "ci", Password: text, hidden: text}

	outputs := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
		outputs["Sprintf "+verb] = fmt.Sprintf(verb, text)
		outputs["Sprintf pointer "+verb] = fmt.Sprintf(verb, &text)
		outputs["Sprintf struct "+verb] = fmt.Sprintf(verb, holder)
		outputs["Sprintf struct pointer "+verb] = fmt.Sprintf(verb, &holder)
		outputs["Sprintf map "+verb] = fmt.Sprintf(verb, map[string]secret.Text{"k": text})
	}
	marshalled, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	outputs["json"] = string(marshalled)
	asKey, err := json.Marshal(map[secret.Text]int{text: 1})
	if err != nil {
		t.Fatal(err)
	}
	outputs["json key"] = string(asKey)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", text, "holder", holder)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", text, "holder", holder)
	outputs["slog"] = log.String()
	outputs["error"] = fmt.Errorf("log in as %v", text).Error()

	for how, output := range outputs {
		if output == "" {
			t.Errorf("%s printed nothing", how)
		}
		for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary)} {
			if strings.Contains(output, form) {
				t.Errorf("%s shows the secret: %s", how, output)
			}
		}
	}
}

func TestReveal(t *testing.T) {
	var read struct{ Password secret.Text }
	if err := json.Unmarshal([]byte(`{"Password":"`+canary+`"}`), &read); err != nil {
		t.Fatal(err)
	}
	if read.Password.Reveal() != canary || !read.Password.Equal(secret.New(canary)) {
		t.Error("the secret did not survive reading from JSON")
	}
	var zero secret.Text
	if !zero.IsZero() || zero.Reveal() != "" || zero.Equal(read.Password) || !zero.Equal(secret.New("")) {
		t.Error("the zero secret is not the empty one")
	}
}
