package userdata

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"ecsguardrails/shared/lazyregexp"
)

// bottlerocketSettings are those of settings.ecs, with the variable that
// Bottlerocket makes of each (bottlerocket-os/bottlerocket-core-kit,
// packages/ecs-agent).
var bottlerocketSettings = map[string]string{
	"allow-privileged-containers":    "ECS_DISABLE_PRIVILEGED",
	"awsvpc-block-imds":              "ECS_AWSVPC_BLOCK_IMDS",
	"backend-host":                   "ECS_BACKEND_HOST",
	"cluster":                        "ECS_CLUSTER",
	"container-stop-timeout":         "ECS_CONTAINER_STOP_TIMEOUT",
	"enable-container-metadata":      "ECS_ENABLE_CONTAINER_METADATA",
	"enable-spot-instance-draining":  "ECS_ENABLE_SPOT_INSTANCE_DRAINING",
	"image-cleanup-age":              "ECS_IMAGE_MINIMUM_CLEANUP_AGE",
	"image-cleanup-delete-per-cycle": "ECS_NUM_IMAGES_DELETE_PER_CYCLE",
	"image-cleanup-enabled":          "ECS_DISABLE_IMAGE_CLEANUP",
	"image-cleanup-wait":             "ECS_IMAGE_CLEANUP_INTERVAL",
	"image-pull-behavior":            "ECS_IMAGE_PULL_BEHAVIOR",
	"instance-attributes":            "ECS_INSTANCE_ATTRIBUTES",
	"logging-drivers":                "ECS_AVAILABLE_LOGGING_DRIVERS",
	"loglevel":                       "ECS_LOGLEVEL",
	"metadata-service-burst":         "ECS_TASK_METADATA_RPS_LIMIT",
	"metadata-service-rps":           "ECS_TASK_METADATA_RPS_LIMIT",
	"reserved-memory":                "ECS_RESERVED_MEMORY",
	"task-cleanup-wait":              "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION",
}

// inverted are the settings that say the opposite of their variable.
var inverted = map[string]bool{"allow-privileged-containers": true, "image-cleanup-enabled": true}

// tomlValue is one value of a TOML document.
type tomlValue struct {
	text Text
	kind unstable.Kind
	// list has the elements of an array, table the entries of an inline table.
	list  []tomlValue
	table []tomlEntry
}

type tomlEntry struct {
	key   string
	value tomlValue
}

var (
	isBottlerocket = lazyregexp.New(`(?m)^[ \t]*\[{1,2}[ \t]*settings[ \t]*[.\]]|^[ \t]*settings\.[a-z]`)
)

// readBottlerocket reads the settings of a Bottlerocket instance.
func (m *machine) readBottlerocket(source Text) {
	source = withPlaceholders(source, m.template)
	var prefix []string
	credentials := []map[string]tomlValue{}
	rps, burst := Text{}, Text{}
	set := func(path []string, value tomlValue) {
		switch {
		case len(path) >= 3 && path[0] == "settings" && path[1] == "ecs":
			m.evidenceFor(SetsBottlerocket, value.text.offset(0))
			if path[2] == "instance-attributes" && len(path) == 4 {
				m.attribute(path[3], value.text)
				return
			}
			switch path[2] {
			case "metadata-service-rps":
				rps = value.text
			case "metadata-service-burst":
				burst = value.text
			default:
				m.bottlerocketSetting(path[2], value)
			}
		case len(path) == 3 && path[0] == "settings" && path[1] == "container-registry" && path[2] == "credentials":
			for _, element := range value.list {
				credential := map[string]tomlValue{}
				for _, entry := range element.table {
					credential[entry.key] = entry.value
				}
				credentials = append(credentials, credential)
			}
		case len(path) == 4 && path[1] == "container-registry" && path[2] == "credentials" && len(credentials) > 0:
			credentials[len(credentials)-1][path[3]] = value
		case len(path) == 3 && path[0] == "settings" && path[1] == "network" && (path[2] == "https-proxy" || path[2] == "no-proxy"):
			text := value.text
			if value.kind == unstable.Array {
				var parts []Text
				for _, element := range value.list {
					parts = append(parts, element.text)
				}
				text = joined(parts, ",", source.offset(0))
			}
			m.files[configPath] = m.files[configPath].plus(line(strings.ToUpper(strings.ReplaceAll(path[2], "-", "_")), text))
		case len(path) == 3 && path[0] == "settings" && path[1] == "aws" && path[2] == "region":
			m.files[configPath] = m.files[configPath].plus(line("AWS_DEFAULT_REGION", value.text))
		}
	}
	each := func(expression *unstable.Node, parser *unstable.Parser, at Text) {
		var keys []string
		for it := expression.Key(); it.Next(); {
			keys = append(keys, string(it.Node().Data))
		}
		switch expression.Kind {
		case unstable.Table, unstable.ArrayTable:
			prefix = keys
			if slices.Equal(keys, []string{"settings", "ecs"}) {
				m.evidenceFor(SetsBottlerocket, at.offset(0))
			}
			if slices.Equal(keys, []string{"settings", "container-registry", "credentials"}) {
				credentials = append(credentials, map[string]tomlValue{})
			}
		case unstable.KeyValue:
			path := slices.Concat(prefix, keys)
			flatten(path, readTOML(expression.Value(), at), set)
		}
	}
	s := source.String()
	for start, tries := 0, 0; start < len(s) && tries < 50; tries++ {
		var parser unstable.Parser
		rest := source.slice(start, len(s))
		parser.Reset([]byte(s[start:]))
		end := 0
		for parser.NextExpression() {
			expression := parser.Expression()
			each(expression, &parser, rest)
		}
		if parser.Error() == nil {
			break
		}
		// The parser stands where it gave up: go on with the next line.
		end = start + tomlErrorOffset(&parser, s[start:])
		lineStart := strings.LastIndexByte(s[:end], '\n') + 1
		next := len(s)
		if newline := strings.IndexByte(s[end:], '\n'); newline >= 0 {
			next = end + newline + 1
		}
		broken := source.slice(lineStart, next)
		if reason := broken.unknown(); reason == "" || !strings.ContainsAny(reason, "(…%") {
			m.note(codeTOML, source.offset(lineStart), "")
		}
		if key, value, ok := strings.Cut(broken.String(), "="); ok {
			text := broken.slice(len(key)+1, len(key)+1+len(value)).trimSpace()
			if text.unknown() == "" {
				text = unknownText("a line that is no valid TOML", text.offset(0))
			}
			set(slices.Concat(prefix, strings.Split(strings.TrimSpace(key), ".")), tomlValue{text: text, kind: unstable.String})
		}
		start = next
	}
	if rps.length() > 0 || burst.length() > 0 {
		limit := line("ECS_TASK_METADATA_RPS_LIMIT", joined([]Text{orDefault(rps, "40"), orDefault(burst, "60")}, ",", max(rps.offset(0), burst.offset(0))))
		m.files[configPath] = m.files[configPath].plus(limit)
	}
	m.registryCredentials(credentials)
}

// flatten gives the entries of inline tables one by one.
func flatten(path []string, value tomlValue, set func([]string, tomlValue)) {
	if value.kind != unstable.InlineTable || len(path) > 10 {
		set(path, value)
		return
	}
	for _, entry := range value.table {
		flatten(slices.Concat(path, strings.Split(entry.key, ".")), entry.value, set)
	}
}

func orDefault(t Text, value string) Text {
	if t.length() == 0 {
		return madeText(value, 0)
	}
	return t
}

func line(variable string, value Text) Text {
	return madeText(variable+"=", value.offset(0)).plus(value).plus(madeText("\n", value.offset(value.length())))
}

func tomlErrorOffset(parser *unstable.Parser, s string) int {
	err, ok := parser.Error().(*unstable.ParserError)
	if !ok || len(err.Highlight) == 0 {
		return 0
	}
	highlighted := parser.Range(err.Highlight)
	return min(int(highlighted.Offset), len(s))
}

// readTOML gives a value with the places of its text.
func readTOML(node *unstable.Node, source Text) tomlValue {
	value := tomlValue{kind: node.Kind}
	switch node.Kind {
	case unstable.Array:
		for it := node.Children(); it.Next(); {
			value.list = append(value.list, readTOML(it.Node(), source))
		}
	case unstable.InlineTable:
		for it := node.Children(); it.Next(); {
			pair := it.Node()
			var keys []string
			for key := pair.Key(); key.Next(); {
				keys = append(keys, string(key.Node().Data))
			}
			value.table = append(value.table, tomlEntry{strings.Join(keys, "."), readTOML(pair.Value(), source)})
		}
	default:
		value.text = aligned(string(node.Data), source, int(node.Raw.Offset))
	}
	return value
}

func (m *machine) bottlerocketSetting(name string, value tomlValue) {
	variable, known := bottlerocketSettings[name]
	text := value.text
	at := text.offset(0)
	switch value.kind {
	case unstable.Array:
		var parts []Text
		for _, element := range value.list {
			parts = append(parts, quotedJSON(element.text))
		}
		text = madeText("[", 0)
		if len(parts) > 0 {
			at = parts[0].offset(0)
			text = madeText("[", at).plus(joined(parts, ",", at)).plus(madeText("]", at))
		}
	case unstable.InlineTable:
		for _, entry := range value.table {
			m.attribute(entry.key, entry.value.text)
		}
		return
	}
	if !known {
		m.note(codeSetting, at, name)
		return
	}
	if inverted[name] {
		switch text.String() {
		case "true":
			text = madeText("false", at)
		case "false":
			text = madeText("true", at)
		}
	}
	m.files[configPath] = m.files[configPath].plus(line(variable, text))
}

// quotedJSON is the text as a JSON string.
func quotedJSON(t Text) Text {
	encoded, err := json.Marshal(t.String())
	if err != nil || string(encoded) != `"`+t.String()+`"` {
		return madeText(string(encoded), t.offset(0))
	}
	return madeText(`"`, t.offset(0)).plus(t).plus(madeText(`"`, t.offset(t.length())))
}

// attribute adds to ECS_INSTANCE_ATTRIBUTES.
func (m *machine) attribute(name string, value Text) {
	key, err := json.Marshal(name)
	if err != nil {
		return
	}
	entry := madeText(string(key)+":", value.offset(0)).plus(quotedJSON(value))
	m.attributes = append(m.attributes, entry)
}

// registryCredentials adds what Bottlerocket hands to the agent for private registries.
func (m *machine) registryCredentials(credentials []map[string]tomlValue) {
	if len(m.attributes) > 0 {
		at := m.attributes[0].offset(0)
		m.files[configPath] = m.files[configPath].plus(line("ECS_INSTANCE_ATTRIBUTES", madeText("{", at).plus(joined(m.attributes, ",", at)).plus(madeText("}", at))))
		m.attributes = nil
	}
	var entries []Text
	for _, credential := range credentials {
		registry := credential["registry"].text
		if registry.length() == 0 {
			continue
		}
		for _, field := range []string{"password", "auth", "identitytoken"} {
			if secret := credential[field].text; secret.length() > 0 && secret.unknown() == "" {
				m.note(codeSecret, secret.offset(0), "ECS_ENGINE_AUTH_DATA")
				m.secretSpans = append(m.secretSpans, secret)
			}
		}
		key := registry.String()
		if key == "docker.io" {
			key = "https://index.docker.io/v1/"
		}
		auth := credential["auth"].text
		if user, password := credential["username"].text, credential["password"].text; auth.length() == 0 && user.unknown() == "" && password.unknown() == "" {
			auth = madeText(base64.StdEncoding.EncodeToString([]byte(user.String()+":"+password.String())), password.offset(0))
		} else if auth.length() == 0 {
			auth = user.plus(password)
		}
		encoded, _ := json.Marshal(key)
		entries = append(entries, madeText(string(encoded)+`:{"auth":`, registry.offset(0)).plus(quotedJSON(auth)).plus(madeText("}", registry.offset(0))))
	}
	if len(entries) > 0 {
		at := entries[0].offset(0)
		m.files[configPath] = m.files[configPath].plus(line("ECS_ENGINE_AUTH_TYPE", madeText("dockercfg", at))).
			plus(line("ECS_ENGINE_AUTH_DATA", madeText("{", at).plus(joined(entries, ",", at)).plus(madeText("}", at))))
	}
}
