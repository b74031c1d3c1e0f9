package userdata

import (
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registryauth"
)

// secretPatterns find credentials wherever they are in a text; the first group
// begins where the secret does. A value that a shell fetches when it runs
// ($(…), ${…}, `…`) is no secret yet.
var secretPatterns = []struct {
	variable string
	pattern  lazyregexp.Regexp
}{
	{"ECS_ENGINE_AUTH_DATA", lazyregexp.New(`\bECS_ENGINE_AUTH_DATA\b[^\r\n]*?(?:auth|password|identitytoken)\\*["']\s*:\s*\\*["']([^\s"'\\$` + "`" + `<{` + placeholder + `][^\s"'\\]{2,})`)},
	{"AWS_SECRET_ACCESS_KEY", lazyregexp.New(`(?i)\baws_?secret_?(?:access_?)?key["']?[ \t]*[=:,]?[ \t]*["']?([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|$)`)},
	{"AWS_SESSION_TOKEN", lazyregexp.New(`(?i)\baws_?(?:session|security)_?token["']?[ \t]*[=:,]?[ \t]*["']?([A-Za-z0-9/+=]{80,})`)},
	{"AWS_ACCESS_KEY_ID", lazyregexp.New(`\b((?:AKIA|ASIA)[A-Z0-9]{16})\b`)},
}

// brokenAuth finds a credential in auth data that is no JSON.
var brokenAuth = lazyregexp.New(`(?:auth|password|identitytoken)["']?\s*:\s*["']?([^\s"'\\$<{},` + placeholder + `]{3,})`)

// filledIn is a word that stands for a credential in samples.
var filledIn = lazyregexp.New(`(?i)example|xxxx|changeme|placeholder|your[-_ ]|\*\*\*|^\.\.\.|^<|^\{\{|redacted|dummy`)

// Secrets are the credentials that are written out in the user data, which
// everyone gets who may describe the instance or runs code on it. An ecs.config
// itself is where they belong.
func (c Configuration) Secrets() []Secret {
	if c.Form == ConfigFile {
		return nil
	}
	var secrets []Secret
	add := func(variable string, offset int) {
		if slices.ContainsFunc(secrets, func(s Secret) bool { return s.Variable == variable }) {
			return
		}
		line, column := c.place(offset)
		secrets = append(secrets, Secret{variable, line, column})
	}
	for _, offset := range c.authSecrets() {
		add("ECS_ENGINE_AUTH_DATA", offset)
	}
	for _, setting := range c.Settings() {
		switch setting.Variable {
		case "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN":
			if text := setting.Value.Reveal(); text != "" && !filledIn.MatchString(text) {
				secrets = append(secrets, Secret{setting.Variable, setting.Line, setting.Column})
			}
		}
	}
	for _, leaf := range c.leaves {
		text := leaf.String()
		for _, p := range secretPatterns {
			if match := p.pattern.FindStringSubmatchIndex(text); match != nil && leaf.slice(match[2], match[3]).unknown() == "" {
				add(p.variable, leaf.offset(match[2]))
			}
		}
	}
	for _, n := range c.notes {
		if n.code == codeSecret {
			add(n.detail, n.offset)
		}
	}
	slices.SortFunc(secrets, func(a, b Secret) int { return strings.Compare(a.Variable, b.Variable) })
	return secrets
}

// authSecrets are the places of the credentials in ECS_ENGINE_AUTH_DATA.
func (c Configuration) authSecrets() []int {
	a, ok := c.file.Lookup("ECS_ENGINE_AUTH_DATA")
	if !ok {
		return nil
	}
	value := c.content.slice(a.ValueStart, a.ValueEnd)
	var offsets []int
	for _, authType := range []string{registryauth.Docker, registryauth.Dockercfg} {
		for _, registry := range registryauth.Parse(authType, []byte(value.String()), 0).Registries {
			span := registry.PasswordSpan
			if span.End <= span.Start {
				span = registry.AuthSpan
			}
			if password := registry.Password.Reveal(); password != "" && span.End > span.Start && value.slice(span.Start, span.End).unknown() == "" && !strings.Contains(password, placeholder) {
				offsets = append(offsets, value.offset(span.Start+1))
			}
		}
	}
	if match := brokenAuth.FindStringSubmatchIndex(value.String()); match != nil && len(offsets) == 0 && value.slice(match[2], match[3]).unknown() == "" {
		offsets = append(offsets, value.offset(match[2]))
	}
	return offsets
}
