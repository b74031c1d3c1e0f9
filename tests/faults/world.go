package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/canary"
	"github.com/ecs-guardrails/ecs-guardrails/tests/lambdaruntime"
	"github.com/ecs-guardrails/ecs-guardrails/tests/patience"
	"github.com/ecs-guardrails/ecs-guardrails/tests/rotationservice"
)

// World is all that one run of a function works on. Everything in it carries
// its mark in the name, so that many runs go side by side in one account.
type World struct {
	*Lab
	scenario *Scenario
	// Mark is in the name of everything that belongs to this world.
	Mark string
	// Secrets are those that are planted here.
	Secrets *canary.Set
	// disguises are texts and what states show in their place.
	disguises []string
	// settings take the place of the scenario's.
	settings map[string]string
	// environmentValue is a planted secret that a task definition carries.
	environmentValue string
	// pullSecret is the ARN of the secret of the registry.
	pullSecret string

	calls *injector
	front *httptest.Server

	mutex   sync.Mutex
	process *lambdaruntime.Process
	// searched counts the bytes that left the system, where nothing was seen or
	// something was.
	searched  atomic.Int64
	sightings []canary.Sighting
	output    strings.Builder
	rotating  *rotationservice.Service
	// rotated is the secret of rotate-secret's scenarios.
	rotated *rotated
	// beforeStep is done before each step of a rotation.
	beforeStep func(context.Context) error
	// closers undo what was made, the last first.
	closers []func(context.Context) error
}

// markPattern recognises any world's mark.
var markPattern = regexp.MustCompile(`zw\d{6}z`)

func (l *Lab) newWorld(scenario *Scenario) *World {
	world := &World{Lab: l, scenario: scenario, Mark: fmt.Sprintf("zw%06dz", l.worlds.Add(1)), Secrets: &canary.Set{}}
	world.Secrets.Plant("the function's secret access key", l.secretAccessKey)
	world.calls = &injector{aws: l.endpoint, transport: l.transport, world: world, commanded: map[string]bool{}, told: map[string]bool{}}
	world.front = httptest.NewServer(world.calls)
	return world
}

// plant notes a secret, which states show by what it is.
func (w *World) plant(what, secret string) {
	w.Secrets.Plant(what, secret)
	w.disguise(secret, what)
}

// disguise has states show a text, which no other world has, as something else.
// What was said last comes first.
func (w *World) disguise(text, as string) {
	w.disguises = append([]string{text, "<" + as + ">"}, w.disguises...)
}

func (w *World) disguised(text string) string {
	return strings.NewReplacer(w.disguises...).Replace(text)
}

// Name gives a thing of this world its name.
func (w *World) Name(base string) string { return base + "-" + w.Mark }

// atEnd notes what undoes something.
func (w *World) atEnd(undo func(context.Context) error) { w.closers = append(w.closers, undo) }

// close ends the process and removes what would be in other worlds' way.
func (w *World) close(ctx context.Context) error {
	w.kill()
	w.front.Close()
	var failures []error
	for _, undo := range slices.Backward(w.closers) {
		failures = append(failures, undo(ctx))
	}
	return errors.Join(failures...)
}

// serve runs an HTTP server of this world's, every request of which may meet a
// fault, and returns its host and port.
func (w *World) serve(handler http.Handler) string {
	server := httptest.NewServer(w.calls.registry(handler))
	w.atEnd(func(context.Context) error { server.Close(); return nil })
	host := strings.TrimPrefix(server.URL, "http://")
	w.disguise(host, "the registry")
	return host
}

// kill ends the function's process, if there is one.
func (w *World) kill() {
	w.mutex.Lock()
	process := w.process
	w.mutex.Unlock()
	if process != nil {
		process.Kill()
	}
}

// invoke hands an event to the function, in a new process where there is none
// or the last one has ended.
func (w *World) invoke(ctx context.Context, request uuid.UUID, payload []byte) (lambdaruntime.Answer, error) {
	w.calls.delivered()
	function := w.functions[w.scenario.Function]
	w.mutex.Lock()
	if w.process == nil || w.process.Ended() {
		process, err := lambdaruntime.Start(lambdaruntime.Options{
			Binary: function.binary, Function: function.name, ARN: function.arn,
			Environment: w.environment(function), Output: w.log(),
		})
		if err != nil {
			w.mutex.Unlock()
			return lambdaruntime.Answer{}, err
		}
		w.process = process
	}
	process := w.process
	w.mutex.Unlock()
	timeout := function.timeout
	if w.calls.meets(Silent) {
		timeout = silentTimeout
		if w.scenario.Function == "sweep" {
			timeout = silentSweepTimeout
		}
	}
	answer, err := process.Invoke(ctx, request, payload, patience.Scale(timeout))
	w.search("the answer of the function", string(answer.Payload))
	return answer, err
}

// environment are the deployed function's variables, with the scenario's in the
// place of theirs.
func (w *World) environment(function function) []string {
	variables := map[string]string{
		"AWS_ENDPOINT_URL": w.front.URL, "AWS_REGION": w.stack.Config.Region, "AWS_DEFAULT_REGION": w.stack.Config.Region,
		"AWS_ACCESS_KEY_ID": "ASIATESTTESTTESTTEST", "AWS_SECRET_ACCESS_KEY": w.secretAccessKey,
		"PATH": "/usr/local/bin:/usr/bin/:/bin",
	}
	maps.Copy(variables, function.variables)
	variables["MODE"] = "enforce"
	maps.Copy(variables, w.scenario.Settings)
	maps.Copy(variables, w.settings)
	var lines []string
	for name, value := range variables {
		lines = append(lines, name+"="+value)
	}
	return lines
}

// log takes what the process writes.
func (w *World) log() io.Writer { return (*processLog)(w) }

type processLog World

// Write implements io.Writer.
func (p *processLog) Write(text []byte) (int, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.output.Write(text)
}

// search looks for planted secrets in what leaves the system.
func (w *World) search(where, text string) {
	w.searched.Add(int64(len(text)))
	if seen := w.Secrets.Search(where, text); len(seen) > 0 {
		w.mutex.Lock()
		defer w.mutex.Unlock()
		w.sightings = append(w.sightings, seen...)
	}
}

// secretsPlace says that a call's body is where a secret belongs: a version of
// a secret, a config file, a registry's users.
func secretsPlace(exchange awscall.Exchange) bool {
	switch exchange.Call.Name() {
	case "secretsmanager:PutSecretValue":
		return true
	case "s3:PutObject":
		key, _ := exchange.Parameters["Key"].(string)
		return strings.HasSuffix(key, "ecs.config") || strings.HasSuffix(key, "htpasswd")
	}
	return false
}

// leaves searches a call to AWS: its address, its headers but the signature,
// and its body, unless that is a secret's own place.
func (w *World) leaves(exchange awscall.Exchange, request *http.Request, body []byte) {
	var text strings.Builder
	text.WriteString(request.URL.String() + "\n")
	for name, values := range request.Header {
		if name != "Authorization" {
			text.WriteString(name + ": " + strings.Join(values, ", ") + "\n")
		}
	}
	switch {
	case secretsPlace(exchange):
	case exchange.Call.Name() == "ecs:RegisterTaskDefinition" && w.environmentValue != "":
		// The new revision has the variables of the old one.
		text.WriteString(strings.ReplaceAll(string(body), w.environmentValue, ""))
	default:
		text.Write(body)
	}
	w.search("the call "+exchange.Call.Name(), text.String())
}

// foreign says that a text has another world's mark and not this one's.
func (w *World) foreign(text string) bool {
	return markPattern.MatchString(text) && !strings.Contains(text, w.Mark)
}
