package ecsconfig

import (
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// Source says where the value of a variable comes from.
type Source string

// The sources, the one that wins first.
const (
	FromFile    Source = "file"     // the file sets it, and its reader takes the value
	FromECSInit Source = "ecs-init" // ecs-init sets it before it reads the file
	FromAgent   Source = "agent"    // the agent's own default
	FromNowhere Source = "unset"    // nothing sets it
)

// Setting is the value of one variable as its reader uses it.
type Setting struct {
	Name string
	// Value is what counts: trimmed where the reader trims, raised or lowered to
	// a bound where the reader does that, and the default where the reader
	// refuses what the file says. Defaults that depend on the machine are in
	// words ("EC2 instance metadata").
	Value  secret.Text
	Source Source
	// Line and Column, 1-based, are where the file sets the variable, 0 where it
	// does not.
	Line, Column int
	// Replaced says that the file sets the variable, but its reader uses Value
	// in place of what the file says.
	Replaced bool
}

// Setting gives the effective value of one variable; Source is FromNowhere for
// a name that is not in [Catalogue].
func (f File) Setting(name string) Setting {
	v := byName[name]
	if v == nil {
		return Setting{Name: name, Source: FromNowhere}
	}
	return newJudge(f).setting(v)
}

// setting resolves one variable.
func (j *judge) setting(v *Variable) Setting {
	a, set := j.file.Lookup(v.Name)
	written := j.file.value(v.Name)
	if v.Reader == SystemdReader {
		written, set = j.systemd[v.Name]
	}
	if !set {
		return v.unset()
	}
	result := Setting{Name: v.Name, Value: secret.New(written), Source: FromFile, Line: a.Line, Column: a.ValueColumn()}
	used, taken := j.used(v, written)
	if !taken {
		fallback := v.fallbackOfAgent()
		fallback.Line, fallback.Column, fallback.Replaced = result.Line, result.Column, written != ""
		return fallback
	}
	result.Value, result.Replaced = secret.New(used), strings.TrimSpace(used) != strings.TrimSpace(written)
	return result
}

// unset is the setting of a variable that the file does not set.
func (v *Variable) unset() Setting {
	if v.ECSInit != nil && *v.ECSInit != "" && *v.ECSInit != v.Default {
		return Setting{Name: v.Name, Value: secret.New(*v.ECSInit), Source: FromECSInit}
	}
	return v.fallbackOfAgent()
}

// fallbackOfAgent is what counts when a value is empty or refused: the agent's
// default, not that of ecs-init, which the line has replaced.
func (v *Variable) fallbackOfAgent() Setting {
	if v.Default == "" {
		return Setting{Name: v.Name, Source: FromNowhere}
	}
	return Setting{Name: v.Name, Value: secret.New(v.Default), Source: FromAgent}
}

// used gives the value that the reader works with; taken is false where it
// falls back to its default.
func (j *judge) used(v *Variable, written string) (value string, taken bool) {
	value = written
	if v.Trimmed || v.Type == Boolean || v.Type.isJSON() {
		value = strings.TrimSpace(value)
	}
	if value == "" {
		return "", false
	}
	if v.Trimmed {
		written = value
	}
	for _, p := range j.check(v, written) {
		switch {
		case p.used != "":
			return p.used, true
		case p.refused:
			return "", false
		}
	}
	return value, true
}
