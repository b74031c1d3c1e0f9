package samconfig

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Renaming says what replaces a parameter of an earlier version.
type Renaming struct {
	Old string
	// Now says in a sentence's part what to write today.
	Now string
	// translate puts the old value into today's parameters, and gives a note where
	// that takes more than a new spelling.
	translate func(value string, to *translation) (note string)
}

// translation are today's parameters that old ones were merged into.
type translation struct {
	mode           string
	modes          []string
	hub            bool
	central        []string
	allow          []string
	refuse         []string
	subnets        string
	securityGroups string
	proxy, noProxy string
	others         []Override
	allowChanged   bool
}

// defaultAllow is the default of the parameter Allow.
const defaultAllow = "cure-execution-roles"

// Renamings are those of all parameters that are gone, in the order of the
// old template.
func Renamings() []Renaming { return slices.Clone(renamings) }

var renamings = slices.Concat(
	modes("attach-policies", "AttachPoliciesMode"), modes("validate-config", "ValidateConfigMode"), modes("rotate-secret", "RotateSecretMode"),
	modes("patch-task-definition", "PatchTaskDefinitionMode"), modes("diagnose-failure", "DiagnoseFailureMode"), modes("sweep", "SweepMode"),
	[]Renaming{
		fixed("FindingsBus", "", "the stack has a bus of its own (output `FindingsBus`): move your rules to it, or name yours in `CentralFindings`"),
		fixed("DigestSeconds", "60", "always 60"),
		fixed("Dashboard", "yes", "the stack always has one; the first three of an account are free"),
		fixed("ConfigReadAccess", "ConfigBucketOnly", "always the stack's policy for the config bucket; attach `AmazonS3ReadOnlyAccess` yourself where a role reads other buckets"),
		fixed("AttachDelaySeconds", "60", "always 60"),
		fixed("AttachPoliciesReservedConcurrency", "0", "none is set aside; the queue runs two at most"),
		fixed("IamEvents", "auto", "the stack always listens; in a region that has no events of IAM's, forward them by a rule"),
		fixed("EnvironmentFileSuffix", ".env", "always `.env`, which ECS asks for"),
		allowed("OnInvalidConfig", "restore", "restore-config"),
		allowed("VerifyRegistryLogin", "yes", "registry-logins"),
		allowed("AllowPrivateRegistries", "yes", "private-registries"),
		{"ConfigBucketKeyArn", "`KeyArn`, whose key encrypts queues, topics, logs and reports, too: its policy needs the statements of docs/how-to.md first", func(value string, to *translation) string {
			if value == "" {
				return ""
			}
			to.others = append(to.others, Override{"KeyArn", value})
			return "KeyArn encrypts queues, topics, logs and reports, too: give the key's policy the statements of docs/how-to.md first"
		}},
		fixed("NoncurrentVersionDays", "90", "always 90"),
		fixed("AdminSecretPattern", "ecs-guardrails/admin/*", "always `ecs-guardrails/admin/*`: make copies of administrators' secrets below that prefix"),
		{"RefreshInstances", "`Allow=refresh-tagged-instances` for `yes`, `Allow=refresh-cluster-instances` for `cluster`", func(value string, to *translation) string {
			to.allowChanged = true
			switch value {
			case "yes":
				to.allow = append(to.allow, "refresh-tagged-instances")
			case "cluster":
				to.allow = append(to.allow, "refresh-cluster-instances")
			}
			return ""
		}},
		fixed("RefreshMaxConcurrency", "10%", "always 10 %"),
		fixed("RefreshMaxErrors", "1", "always 1"),
		{"RegistrySubnets", "`RegistryNetwork=SUBNETS/SECURITY-GROUPS`", func(value string, to *translation) string {
			to.subnets = value
			return ""
		}},
		{"RegistrySecurityGroups", "`RegistryNetwork=SUBNETS/SECURITY-GROUPS`", func(value string, to *translation) string {
			to.securityGroups = value
			return ""
		}},
		{"RegistryNoProxy", "behind the proxy in `RegistryProxy`, separated by a comma", func(value string, to *translation) string {
			to.noProxy = value
			return ""
		}},
		fixed("RegistryCaFile", "/opt/registries.pem", "always `registries.pem` in the layer: name the file so"),
		allowed("ReplaceCredentials", "yes", "replace-credentials"),
		fixed("CheckSecretKeys", "yes", "secrets of registries are always checked"),
		allowed("UpdateServices", "yes", "update-services"),
		{"DeregisterSuperseded", "`Allow=deregister-superseded`, after 30 days", func(value string, to *translation) string {
			to.allowChanged = true
			if value == "no" {
				return ""
			}
			to.allow = append(to.allow, "deregister-superseded")
			if value == "30" {
				return ""
			}
			return "revisions are deregistered after 30 days, not " + value
		}},
		fixed("ExecutionRoleArn", "", "always the stack's `TaskExecutionRole`; name yours in the task definitions"),
		{"CureExecutionRoles", "`Allow` without `cure-execution-roles` for `no`", func(value string, to *translation) string {
			to.allowChanged = true
			if value == "no" {
				to.refuse = append(to.refuse, "cure-execution-roles")
			}
			return ""
		}},
		fixed("SweepSchedule", "rate(1 day)", "always daily; `Mode=enforce,sweep=off` stops it, and `make invoke FUNCTION=sweep` runs one"),
		fixed("LogLevel", "INFO", "always INFO"),
		{"Modes", "behind the mode of all, as in `Mode=dry-run,attach-policies=enforce`", func(value string, to *translation) string {
			to.modes = append(words(value), to.modes...)
			return ""
		}},
		{"SecurityHub", "`CentralFindings=security-hub` for `yes`", func(value string, to *translation) string {
			to.hub = value == "yes"
			return ""
		}},
		central("CentralFindingsBus", "ARN"), central("OrganizationId", "ID"),
		fixed("InstanceRegion", "", "deploy the stack in the region where the instances are, and forward IAM's events there (README.md, Regions)"),
	},
)

// central is a place for findings that was a parameter.
func central(old, value string) Renaming {
	return Renaming{old, fmt.Sprintf("`CentralFindings=%s`", value), func(value string, to *translation) string {
		if value == "" {
			return ""
		}
		to.central = append(to.central, value)
		if len(to.central) > 1 {
			return "CentralFindings takes a bus or an organization, not both: write the one that you need"
		}
		return ""
	}}
}

func modes(function, old string) []Renaming {
	return []Renaming{{old, fmt.Sprintf("`Mode=…,%s=MODE`; leave it out for `inherit`", function), func(value string, to *translation) string {
		if value != "inherit" {
			to.modes = append(to.modes, function+"="+value)
		}
		return ""
	}}}
}

func allowed(old, yes, word string) Renaming {
	return Renaming{old, fmt.Sprintf("`Allow=%s` for `%s`", word, yes), func(value string, to *translation) string {
		to.allowChanged = true
		if value == yes {
			to.allow = append(to.allow, word)
		}
		return ""
	}}
}

// fixed is a parameter that had one right answer.
func fixed(old, standard, now string) Renaming {
	return Renaming{old, now, func(value string, _ *translation) string {
		if value == standard {
			return ""
		}
		return now
	}}
}

// Translate gives today's parameters for a list that may have old ones, which
// old ones those were, and what a new spelling alone can't say.
func Translate(overrides []Override) (today []Override, old, notes []string) {
	var to translation
	for _, of := range overrides {
		at := slices.IndexFunc(renamings, func(r Renaming) bool { return r.Old == of.Name })
		switch {
		case at >= 0:
			old = append(old, of.Name)
			if note := renamings[at].translate(of.Value, &to); note != "" {
				notes = append(notes, fmt.Sprintf("%s=%s: %s", of.Name, of.Value, note))
			}
		case of.Name == "Mode":
			to.mode = of.Value
		case of.Name == "Allow":
			to.allow = append(words(of.Value), to.allow...)
			to.allowChanged = true
			if !slices.Contains(to.allow, defaultAllow) {
				to.refuse = append(to.refuse, defaultAllow)
			}
		case of.Name == "RegistryProxy":
			to.proxy = of.Value
		default:
			to.others = append(to.others, of)
		}
	}
	today = to.others
	if to.mode == "" && len(to.modes) > 0 {
		notes = append(notes, "Mode is what the stack has, if nothing was saved: where that is not dry-run, write it below in its place")
	}
	if to.mode != "" || len(to.modes) > 0 {
		today = append(today, Override{"Mode", strings.Join(append([]string{cmp.Or(to.mode, "dry-run")}, to.modes...), ",")})
	}
	if to.hub || len(to.central) > 0 {
		parts := to.central
		if to.hub {
			parts = append([]string{"security-hub"}, parts...)
		}
		today = append(today, Override{"CentralFindings", strings.Join(parts, ",")})
	}
	if to.allowChanged {
		if value := to.allowed(); value != defaultAllow {
			today = append(today, Override{"Allow", value})
		}
	}
	if to.subnets != "" {
		today = append(today, Override{"RegistryNetwork", strings.ReplaceAll(to.subnets+"/"+to.securityGroups, " ", "")})
	}
	if to.proxy != "" {
		value := to.proxy
		if to.noProxy != "" {
			value += "," + strings.ReplaceAll(to.noProxy, " ", "")
		}
		today = append(today, Override{"RegistryProxy", value})
	}
	return today, old, notes
}

func (t translation) allowed() string {
	all := append([]string{defaultAllow}, t.allow...)
	var kept []string
	for _, word := range all {
		if word != "none" && !slices.Contains(t.refuse, word) && !slices.Contains(kept, word) {
			kept = append(kept, word)
		}
	}
	if len(kept) == 0 {
		return "none"
	}
	return strings.Join(kept, ",")
}

func words(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// Table is the table of all renamings, for the changelog.
func Table() string {
	var text strings.Builder
	text.WriteString("| gone | write instead |\n| --- | --- |\n")
	for _, renaming := range renamings {
		fmt.Fprintf(&text, "| `%s` | %s |\n", renaming.Old, renaming.Now)
	}
	return text.String()
}
