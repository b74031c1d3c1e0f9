package userdata

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registryauth"
	"github.com/ecs-guardrails/ecs-guardrails/shared/variablename"
)

// Entry is one thing about the effective configuration.
type Entry struct {
	// Name is a stable lower-case name, or the variable where it has no other.
	Name string `json:"-"`
	// Value is text, a number, a truth value, a list or a map; nil where it can't
	// be known.
	Value any `json:"value"`
	// Unknown says why there is no value, as in "depends on ${CLUSTER}".
	Unknown string `json:"unknown,omitempty"`
	// Line is where the source sets it, 1-based; 0 where it doesn't.
	Line int `json:"line,omitempty"`
	// Default says that the source doesn't set it, or that what it says isn't used.
	Default bool `json:"default,omitempty"`
	// Condition is the line of the condition that it is set under.
	Condition int `json:"condition_line,omitempty"`
	// Note says what else there is to know.
	Note string `json:"note,omitempty"`
	// Variable is the agent's.
	Variable string `json:"variable,omitempty"`
}

// Registry is a registry that the agent logs in to. The user name is masked.
type Registry struct {
	Registry string `json:"registry"`
	User     string `json:"user"`
}

// explained are the settings that have names, in their order.
var explained = []struct{ name, variable string }{
	{"cluster", "ECS_CLUSTER"},
	{"region", "AWS_DEFAULT_REGION"},
	{"registries", "ECS_ENGINE_AUTH_DATA"},
	{"drivers", "ECS_AVAILABLE_LOGGING_DRIVERS"},
	{"attributes", "ECS_INSTANCE_ATTRIBUTES"},
	{"tags", "ECS_CONTAINER_INSTANCE_TAGS"},
	{"external", "ECS_EXTERNAL"},
	{"task_iam_role", "ECS_ENABLE_TASK_IAM_ROLE"},
	{"task_eni", "ECS_ENABLE_TASK_ENI"},
	{"block_imds", "ECS_AWSVPC_BLOCK_IMDS"},
	{"disable_privileged", "ECS_DISABLE_PRIVILEGED"},
	{"spot_draining", "ECS_ENABLE_SPOT_INSTANCE_DRAINING"},
	{"gpu", "ECS_ENABLE_GPU_SUPPORT"},
	{"image_pull_behavior", "ECS_IMAGE_PULL_BEHAVIOR"},
	{"log_level", "ECS_LOGLEVEL"},
	{"reserved_memory", "ECS_RESERVED_MEMORY"},
	{"reserved_ports", "ECS_RESERVED_PORTS"},
	{"reserved_ports_udp", "ECS_RESERVED_PORTS_UDP"},
	{"stop_timeout", "ECS_CONTAINER_STOP_TIMEOUT"},
	{"start_timeout", "ECS_CONTAINER_START_TIMEOUT"},
	{"image_pull_inactivity_timeout", "ECS_IMAGE_PULL_INACTIVITY_TIMEOUT"},
	{"task_cleanup_wait", "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION"},
	{"image_cleanup_interval", "ECS_IMAGE_CLEANUP_INTERVAL"},
	{"image_minimum_cleanup_age", "ECS_IMAGE_MINIMUM_CLEANUP_AGE"},
	{"images_delete_per_cycle", "ECS_NUM_IMAGES_DELETE_PER_CYCLE"},
	{"metadata_rps_limit", "ECS_TASK_METADATA_RPS_LIMIT"},
	{"pids_limit", "ECS_TASK_PIDS_LIMIT"},
	{"data_dir", "ECS_DATADIR"},
	{"http_proxy", "HTTP_PROXY"},
	{"https_proxy", "HTTPS_PROXY"},
	{"no_proxy", "NO_PROXY"},
}

// ExplainedNames lists the names of [Configuration.Explain] with the variable of each.
func ExplainedNames() [][2]string {
	names := make([][2]string, 0, len(explained))
	for _, e := range explained {
		names = append(names, [2]string{e.name, e.variable})
	}
	return names
}

// maxEntries bounds what is explained.
const maxEntries = 500

// Explain gives the effective configuration: what the agent runs with, from
// which line or default. No value shows a secret. First come the settings that
// have names, then every other variable that the source sets.
func (c Configuration) Explain() []Entry {
	var entries []Entry
	named := map[string]bool{"ECS_ENGINE_AUTH_TYPE": true}
	for _, e := range explained {
		named[e.variable] = true
		switch e.name {
		case "registries":
			entries = append(entries, c.registriesEntry())
		default:
			entries = append(entries, c.entry(e.name, e.variable))
		}
	}
	for _, setting := range c.Settings() {
		if !named[setting.Variable] && variablename.IsPublic(setting.Variable) && len(entries) < maxEntries {
			entries = append(entries, c.entry(setting.Variable, setting.Variable))
		}
	}
	return entries
}

// unfilled is what a tool or a shell is to fill in, in a file that neither of
// them reads.
var unfilled = lazyregexp.New(`\$\{[^}\r\n]{0,80}\}|\$\([^)\r\n]{0,80}\)|\{\{[^}\r\n]{0,80}\}\}|<%=?[^%\r\n]{0,80}%>|__[A-Z][A-Z0-9_]*__|\$[A-Za-z_][A-Za-z0-9_]*|^<[A-Za-z][A-Za-z0-9_ -]*>$`)

func (c Configuration) entry(name, variable string) Entry {
	entry := Entry{Name: name, Variable: variable}
	written, set := c.Lookup(variable)
	entry.Line, entry.Condition = written.Line, written.Condition
	switch {
	case written.Unknown != "":
		entry.Unknown = "depends on " + written.Unknown
		return entry
	case !set && len(c.Origins) > 0:
		entry.Unknown, entry.Line = "depends on "+c.Origins[0].From, c.Origins[0].Line
		return entry
	}
	if match := unfilled.FindStringSubmatch(written.Value.Reveal()); match != nil && len(written.Value.Reveal()) < 300 {
		entry.Unknown = "depends on " + expression("", match[0], "")
		if !showable.MatchString(strings.Trim(match[0], "${}()<>%= ")) {
			entry.Unknown = "depends on a placeholder"
		} else {
			entry.Unknown = "depends on " + match[0]
		}
		return entry
	}
	effective := c.file.Setting(variable)
	entry.Default = effective.Source != ecsconfig.FromFile
	if c.Form == PowerShell && !set {
		effective = windowsDefault(variable)
	}
	switch {
	case effective.Replaced:
		entry.Note = "The agent doesn't use the value that is written."
	case set && entry.Default && written.Value.Reveal() == "":
		entry.Note = "The value is empty."
	}
	value := effective.Value.Reveal()
	switch {
	case variable == "AWS_DEFAULT_REGION" && entry.Default:
		entry.Unknown = "the Region of the instance, from its metadata service"
	case value == "" && effective.Source == ecsconfig.FromNowhere && !set:
		entry.Value = nil
	case effective.Source == ecsconfig.FromFile && c.shown(variable) != written.Value.Reveal():
		entry.Value = c.shown(variable)
	case effective.Source == ecsconfig.FromNowhere && set:
		// Nothing in the catalogue: as it is written.
		entry.Default, entry.Value = false, c.shown(variable)
	default:
		entry.Value = typed(variable, value)
	}
	return entry
}

// masked stands for a value that may be a secret.
const masked = "***"

// shown is a variable's value with "***" for what may be a secret.
func (c Configuration) shown(variable string) string {
	a, ok := c.file.Lookup(variable)
	if !ok {
		return ""
	}
	content := c.result
	line := string(ecsconfig.Mask([]byte(content[a.NameStart:a.ValueEnd])))
	value := line[a.ValueStart-a.NameStart:]
	if value == content[a.ValueStart:a.ValueEnd] {
		return value
	}
	// Don't show how long a secret is.
	words := strings.Fields(value)
	for i, word := range words {
		for strings.Contains(word, masked+"*") {
			word = strings.ReplaceAll(word, masked+"*", masked)
		}
		if strings.Trim(word, "*") == "" {
			word = masked
		}
		words[i] = word
	}
	return strings.Join(slices.Compact(words), " ")
}

func windowsDefault(variable string) ecsconfig.Setting {
	setting := ecsconfig.Setting{Name: variable, Source: ecsconfig.FromNowhere}
	for _, v := range ecsconfig.Catalogue() {
		if v.Name != variable {
			continue
		}
		value := v.Default
		if v.DefaultWindows != "" {
			value = v.DefaultWindows
		}
		if value != "" && value != "n/a" {
			setting = ecsconfig.Parse([]byte(variable + "=" + value)).Setting(variable)
			setting.Source = ecsconfig.FromAgent
		}
	}
	return setting
}

// typed gives a value as what it is: a truth value, a number, a list or text.
func typed(variable, value string) any {
	for _, v := range ecsconfig.Catalogue() {
		if v.Name != variable {
			continue
		}
		trimmed := strings.TrimSpace(value)
		switch v.Type {
		case ecsconfig.Boolean, ecsconfig.ExactTrue:
			if truth, err := strconv.ParseBool(trimmed); err == nil {
				return truth
			}
		case ecsconfig.Integer, ecsconfig.Mebibytes:
			if number, err := strconv.Atoi(trimmed); err == nil {
				return number
			}
		case ecsconfig.StringMap, ecsconfig.StringList, ecsconfig.PortList, ecsconfig.RouteList:
			var structured any
			if json.NewDecoder(strings.NewReader(trimmed)).Decode(&structured) == nil && structured != nil {
				return structured
			}
		}
	}
	return value
}

// registriesEntry lists the registries that the agent logs in to.
func (c Configuration) registriesEntry() Entry {
	entry := Entry{Name: "registries", Variable: "ECS_ENGINE_AUTH_DATA"}
	written, set := c.Lookup("ECS_ENGINE_AUTH_DATA")
	entry.Line, entry.Condition = written.Line, written.Condition
	authType, _ := c.Lookup("ECS_ENGINE_AUTH_TYPE")
	switch {
	case written.Unknown != "":
		entry.Unknown = "depends on " + written.Unknown
		return entry
	case authType.Unknown != "":
		entry.Unknown = "depends on " + authType.Unknown
		return entry
	case !set && len(c.Origins) > 0:
		entry.Unknown, entry.Line = "depends on "+c.Origins[0].From, c.Origins[0].Line
		return entry
	}
	data := c.file.Registries()
	registries := []Registry{}
	for _, r := range data.Registries {
		registries = append(registries, Registry{fmt.Sprint(r), maskedUser(r.Username)})
	}
	entry.Value, entry.Default = registries, !set
	for _, fault := range data.Faults {
		if fault.Kind.LosesAll() && set {
			entry.Value, entry.Note = []Registry{}, "The agent can't use the credentials that are written."
		}
		if fault.Kind == registryauth.Placeholder {
			entry.Note = "A credential is a placeholder."
		}
	}
	return entry
}

func maskedUser(user string) string {
	if len(user) < 3 {
		return masked
	}
	return user[:1] + masked
}
