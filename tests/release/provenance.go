package release

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// Invocation is who makes a release, and how.
type Invocation struct {
	// Repository is an address, as in https://github.com/ecs-guardrails/ecs-guardrails.
	Repository string
	// Builder and ID are addresses of the machine or service, and of this run.
	Builder, ID string
	// Command is what was run.
	Command string
	Started time.Time
}

// Here describes this process: a run of GitHub Actions, or a build on somebody's
// machine.
func Here(repository, command string, lookup func(string) (string, bool), started time.Time) Invocation {
	run := Invocation{Repository: repository, Builder: repository + "/blob/main/docs/release.md#a-build-by-hand", Command: command, Started: started}
	server, isServer := lookup("GITHUB_SERVER_URL")
	name, isNamed := lookup("GITHUB_REPOSITORY")
	id, isRun := lookup("GITHUB_RUN_ID")
	if isServer && isNamed && isRun {
		run.Repository = server + "/" + name
		run.ID = run.Repository + "/actions/runs/" + id
		run.Builder = server + "/actions/runner/github-hosted"
		if environment, _ := lookup("RUNNER_ENVIRONMENT"); environment != "" && environment != "github-hosted" {
			run.Builder = server + "/actions/runner/" + environment
		}
	}
	return run
}

// The parts of an in-toto statement and SLSA's provenance that are used here
// (github.com/in-toto/attestation/blob/main/spec/v1/statement.md,
// slsa.dev/spec/v1.0/provenance).
type (
	statement struct {
		Type      string       `json:"_type"`
		Subject   []descriptor `json:"subject"`
		Kind      string       `json:"predicateType"`
		Predicate predicate    `json:"predicate"`
	}
	descriptor struct {
		Name   string            `json:"name,omitempty"`
		URI    string            `json:"uri,omitempty"`
		Digest map[string]string `json:"digest,omitempty"`
	}
	predicate struct {
		Definition buildDefinition `json:"buildDefinition"`
		Details    runDetails      `json:"runDetails"`
	}
	buildDefinition struct {
		Type         string            `json:"buildType"`
		External     map[string]string `json:"externalParameters"`
		Internal     map[string]string `json:"internalParameters"`
		Dependencies []descriptor      `json:"resolvedDependencies"`
	}
	runDetails struct {
		Builder  map[string]string `json:"builder"`
		Metadata metadata          `json:"metadata"`
	}
	metadata struct {
		ID      string    `json:"invocationId,omitempty"`
		Started time.Time `json:"startedOn"`
		Ended   time.Time `json:"finishedOn"`
	}
)

// provenance writes what was made of what, by what. It isn't signed.
func (o Options) provenance(file, number string, artefacts []artefact) error {
	of := statement{Type: "https://in-toto.io/Statement/v1", Kind: "https://slsa.dev/provenance/v1"}
	for _, artefact := range artefacts {
		of.Subject = append(of.Subject, descriptor{Name: artefact.name, Digest: map[string]string{"sha256": artefact.digest}})
	}
	of.Predicate.Definition = buildDefinition{
		Type:     o.Run.Repository + "/blob/main/docs/release.md#make-one",
		External: map[string]string{"command": o.Run.Command, "version": number},
		// -trimpath and the time of the commit leave only these to decide the bytes.
		Internal:     map[string]string{"go": runtime.Version()},
		Dependencies: []descriptor{{URI: "git+" + o.Run.Repository, Digest: map[string]string{"gitCommit": o.Source.Commit}}},
	}
	// The lock files pin every module and tool; the bill of materials lists them.
	for _, name := range []string{"go.sum", "tests/go.sum", "tests/dist/go.sum"} {
		sum, err := digest(filepath.Join(o.Checkout, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		of.Predicate.Definition.Dependencies = append(of.Predicate.Definition.Dependencies, descriptor{Name: name, Digest: map[string]string{"sha256": sum}})
	}
	of.Predicate.Details = runDetails{
		Builder:  map[string]string{"id": o.Run.Builder},
		Metadata: metadata{o.Run.ID, o.Run.Started.UTC().Truncate(time.Second), o.Now().UTC().Truncate(time.Second)},
	}
	content, err := json.MarshalIndent(of, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(content, '\n'), 0o644)
}
