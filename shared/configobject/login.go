package configobject

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registryauth"
)

const (
	// maxLogins bounds the registries of one file that are logged in to; few have three.
	maxLogins = 10
	// loginTime is what one of them may take; the function's own time is a minute.
	loginTime = 15 * time.Second
)

// RegistryClient proves a credential as docker login does. Its failures are of
// type *registry.Error. Anyone who writes the file chooses its hosts, so it must
// refuse addresses where only the function, and not that person, may go.
type RegistryClient interface {
	Login(context.Context, registry.Registry, registry.Credential, *registry.Image) (registry.Login, error)
}

// NamedCredential is a credential that a file names, and where it does.
type NamedCredential struct {
	NamedRegistry
	Registry   registry.Registry
	Credential registry.Credential
	// Obstacle says why no one can log in with it, "" where one can.
	Obstacle string
}

// NamedRegistry is the place of a credential, without the credential.
type NamedRegistry struct {
	// Key as it was written, "" where it may hold a secret.
	Key          string
	Line, Column int
}

// Format shows the place alone: not the username, nor the parts of a key that
// may hold a secret.
func (n NamedRegistry) Format(state fmt.State, _ rune) { _, _ = state.Write([]byte(n.String())) }

// String names the registry in a message.
func (n NamedRegistry) String() string {
	if n.Key == "" {
		return "a registry"
	}
	return fmt.Sprintf("the registry %q", n.Key)
}

// unusable are faults of a credential with which the agent pulls nothing; the
// judge has a finding for each.
var unusable = []registryauth.Kind{
	registryauth.Shape, registryauth.NotBase64, registryauth.NoColon, registryauth.NoUsername, registryauth.NoPassword,
	registryauth.Placeholder, registryauth.HubKey, registryauth.HubKeySpare, registryauth.UpperCase, registryauth.PathUpperCase,
	registryauth.NeverMatches, registryauth.ECR,
}

// namedCredentials gives the credentials that the agent would pull with, in the
// order of the file, and none where it keeps none.
func namedCredentials(content []byte, data registryauth.Data) []NamedCredential {
	lost := func(fault registryauth.Fault) bool { return fault.Kind.LosesAll() }
	if slices.ContainsFunc(data.Faults, lost) {
		return nil
	}
	var credentials []NamedCredential
	for _, served := range data.Registries {
		spans := []registryauth.Span{served.KeySpan, served.UsernameSpan, served.PasswordSpan, served.AuthSpan}
		if slices.ContainsFunc(data.Faults, func(fault registryauth.Fault) bool {
			return slices.Contains(unusable, fault.Kind) && slices.Contains(spans, fault.Span)
		}) {
			continue
		}
		before := content[:served.KeySpan.Start]
		named := NamedCredential{
			NamedRegistry: NamedRegistry{Line: bytes.Count(before, []byte("\n")) + 1, Column: len(before) - bytes.LastIndexByte(before, '\n')},
			Credential:    registry.Credential{Username: served.Username, Password: served.Password},
		}
		var err error
		switch named.Registry, err = registry.Parse(served.Name); {
		case !registryauth.IsPublic(served.Key):
			// To look up the name would show it to name servers.
			named.Obstacle = "its key may not be a registry, so no name server is asked about it"
		case err != nil:
			named.Key, named.Obstacle = served.Key, err.Error()
		case served.Token:
			named.Key, named.Obstacle = served.Key, "it has a token instead of a password, which only Docker can use"
		default:
			named.Key = served.Key
		}
		credentials = append(credentials, named)
	}
	return credentials
}

// loginState is the result of a login.
type loginState struct {
	Outcome loginOutcome
	// Status that the registry answered, 0 where it says nothing.
	Status int
	// Reason, in words that are no server's.
	Reason string
}

type loginOutcome int

const (
	// loginUnknown: whether the registry takes the credential could not be found out.
	loginUnknown loginOutcome = iota
	loginAccepted
	loginRefused
	// registryOpen: it takes everybody.
	registryOpen
	// addressRefused: it is us who do not go there.
	addressRefused
	// notTried: no one can log in with it.
	notTried
)

// triedLogin is a login, and the place of its credential.
type triedLogin struct {
	NamedRegistry
	loginState
}

// login logs in to the first maxLogins registries, side by side.
func (o observer) login(ctx context.Context, credentials []NamedCredential) ([]triedLogin, error) {
	credentials = credentials[:min(len(credentials), maxLogins)]
	tried := make([]triedLogin, len(credentials))
	group, ctx := errgroup.WithContext(ctx)
	for i, named := range credentials {
		tried[i].NamedRegistry = named.NamedRegistry
		if named.Obstacle != "" {
			tried[i].loginState = loginState{Outcome: notTried, Reason: named.Obstacle}
			continue
		}
		group.Go(func() (err error) {
			tried[i].loginState, err = o.logins.Get(fingerprint(named), func() (loginState, bool, error) {
				state, err := try(ctx, o.Registries, named)
				return state, state.Outcome == loginAccepted, err
			})
			return err
		})
	}
	return tried, group.Wait()
}

// fingerprint is what a login is remembered by. It never leaves the process.
func fingerprint(named NamedCredential) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", named.Registry.Host, named.Credential.Username, named.Credential.Password.Reveal()))
	return string(sum[:])
}

// try logs in once. The only error is that somebody stopped us.
func try(ctx context.Context, client RegistryClient, named NamedCredential) (loginState, error) {
	limited, cancel := context.WithTimeout(ctx, loginTime)
	defer cancel()
	shown, err := client.Login(limited, named.Registry, named.Credential, nil)
	if err == nil {
		return loginState{Outcome: loginAccepted}, nil
	}
	if ctx.Err() != nil {
		return loginState{}, fmt.Errorf("log in to %s: %w", named.NamedRegistry, ctx.Err())
	}
	failed, ok := errors.AsType[*registry.Error](err)
	if !ok {
		return loginState{Reason: "it can't be reached"}, nil
	}
	state := loginState{Status: failed.Status}
	switch failed.Kind {
	case registry.Open:
		state.Outcome = registryOpen
	case registry.OffLimits:
		state.Outcome = addressRefused
	case registry.Refused:
		// A firewall, say, refuses anyone who comes, before it has seen a credential.
		if state.Reason = "it refused the request before it saw the credential"; shown.Realm != "" {
			state.Outcome, state.Reason = loginRefused, ""
		}
	case registry.Unreachable:
		state.Reason = "it gave no answer: " + failed.Cause()
	case registry.Busy:
		state.Reason = "it is busy or broken"
	case registry.Unsafe:
		state.Reason = "its redirect or realm leads where a credential must not be sent"
	default:
		state.Reason = "its answer is not a registry's"
	}
	return state, nil
}

// finding says what a login means to the instances that boot with the file, and
// false where it is nothing to speak of.
func (t triedLogin) finding() (finding.Finding, bool) {
	var f finding.Finding
	registry, reason, status := finding.Name("registry", t.Key), finding.Clause("reason", t.Reason), finding.Words("status", "")
	if t.Key == "" {
		registry = finding.Words("registry", "(name not shown)")
	}
	if t.Status != 0 && t.Status != http.StatusOK {
		status = finding.Words("status", fmt.Sprintf(" (status %d)", t.Status))
	}
	switch t.Outcome {
	case loginAccepted:
		return finding.Finding{}, false
	case loginRefused:
		f = loginIsRefused.With(registry, status)
	case registryOpen:
		f = registryIsOpen.With(registry)
	case addressRefused:
		f = addressIsRefused.With(registry)
	case notTried:
		f = loginUntried.With(registry, reason)
	default:
		f = loginIsUnknown.With(registry, reason, status)
	}
	f.Line, f.Column, f.Variable = t.Line, t.Column, "ECS_ENGINE_AUTH_DATA"
	return f, true
}

// loginFindings reports the results of all of a file's logins.
func loginFindings(tried []triedLogin, named int) []finding.Finding {
	var findings []finding.Finding
	for _, login := range tried {
		if f, wrong := login.finding(); wrong {
			findings = append(findings, f)
		}
	}
	if left := named - len(tried); left > 0 {
		f := loginsUntried.With(finding.Count("registries", left, "more registry", "more registries"), finding.Words("most", strconv.Itoa(maxLogins)))
		f.Variable = "ECS_ENGINE_AUTH_DATA"
		findings = append(findings, f)
	}
	return findings
}
