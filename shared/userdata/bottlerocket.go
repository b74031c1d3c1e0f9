package userdata

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
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

// bottlerocketReader collects the settings of a Bottlerocket instance.
type bottlerocketReader struct {
	machine *machine
	source  Text
	// prefix is the table that is being read.
	prefix      []string
	credentials []map[string]tomlValue
	// rps and burst are the two parts of one variable.
	rps, burst Text
}

// readBottlerocket reads the settings of a Bottlerocket instance.
func (m *machine) readBottlerocket(source Text) {
	r := &bottlerocketReader{machine: m, source: withPlaceholders(source, m.template)}
	length := r.source.length()
	for start, tries := 0, 0; start < length && tries < 50; tries++ {
		start = r.readFrom(start)
	}
	if r.rps.length() > 0 || r.burst.length() > 0 {
		r.add("ECS_TASK_METADATA_RPS_LIMIT", joined([]Text{orDefault(r.rps, "40"), orDefault(r.burst, "60")}, ",", max(r.rps.offset(0), r.burst.offset(0))))
	}
	m.registryCredentials(r.credentials)
}

// readFrom reads up to the end or to a line that is no TOML, and says where to
// go on.
func (r *bottlerocketReader) readFrom(start int) int {
	s := r.source.String()
	var parser unstable.Parser
	rest := r.source.slice(start, len(s))
	parser.Reset([]byte(s[start:]))
	for parser.NextExpression() {
		r.expression(parser.Expression(), rest)
	}
	if parser.Error() == nil {
		return len(s)
	}
	// The parser stands where it gave up: go on with the next line.
	end := start + tomlErrorOffset(&parser, s[start:])
	next := len(s)
	if newline := strings.IndexByte(s[end:], '\n'); newline >= 0 {
		next = end + newline + 1
	}
	r.brokenLine(strings.LastIndexByte(s[:end], '\n')+1, next)
	return next
}

// brokenLine keeps what a line that is no TOML was meant to set.
func (r *bottlerocketReader) brokenLine(start, end int) {
	broken := r.source.slice(start, end)
	if reason := broken.unknown(); reason == "" || !strings.ContainsAny(reason, "(…%") {
		r.machine.note(codeTOML, r.source.offset(start), "")
	}
	key, value, ok := strings.Cut(broken.String(), "=")
	if !ok {
		return
	}
	text := broken.slice(len(key)+1, len(key)+1+len(value)).trimSpace()
	if text.unknown() == "" {
		text = unknownText("a line that is no valid TOML", text.offset(0))
	}
	r.set(slices.Concat(r.prefix, strings.Split(strings.TrimSpace(key), ".")), tomlValue{text: text, kind: unstable.String})
}

func (r *bottlerocketReader) expression(expression *unstable.Node, text Text) {
	var keys []string
	for it := expression.Key(); it.Next(); {
		keys = append(keys, string(it.Node().Data))
	}
	switch expression.Kind {
	case unstable.Table, unstable.ArrayTable:
		r.prefix = keys
		if slices.Equal(keys, []string{"settings", "ecs"}) {
			r.machine.evidenceFor(SetsBottlerocket, text.offset(0))
		}
		if slices.Equal(keys, []string{"settings", "container-registry", "credentials"}) {
			r.credentials = append(r.credentials, map[string]tomlValue{})
		}
	case unstable.KeyValue:
		flatten(slices.Concat(r.prefix, keys), readTOML(expression.Value(), text), r.set)
	}
}

// set takes one setting, of those that have to do with ECS.
func (r *bottlerocketReader) set(path []string, value tomlValue) {
	if len(path) < 3 || path[0] != "settings" {
		return
	}
	switch path[1] {
	case "ecs":
		r.setECS(path[2:], value)
	case "container-registry":
		if path[2] == "credentials" {
			r.setCredential(path[3:], value)
		}
	case "network":
		if len(path) == 3 && (path[2] == "https-proxy" || path[2] == "no-proxy") {
			r.add(strings.ToUpper(strings.ReplaceAll(path[2], "-", "_")), r.commaList(value))
		}
	case "aws":
		if len(path) == 3 && path[2] == "region" {
			r.add("AWS_DEFAULT_REGION", value.text)
		}
	}
}

func (r *bottlerocketReader) setECS(path []string, value tomlValue) {
	r.machine.evidenceFor(SetsBottlerocket, value.text.offset(0))
	if path[0] == "instance-attributes" && len(path) == 2 {
		r.machine.attribute(path[1], value.text)
		return
	}
	switch path[0] {
	case "metadata-service-rps":
		r.rps = value.text
	case "metadata-service-burst":
		r.burst = value.text
	default:
		r.machine.bottlerocketSetting(path[0], value)
	}
}

// setCredential takes settings.container-registry.credentials, as a list or as
// one field of the last table.
func (r *bottlerocketReader) setCredential(path []string, value tomlValue) {
	if len(path) == 1 && len(r.credentials) > 0 {
		r.credentials[len(r.credentials)-1][path[0]] = value
	}
	if len(path) > 0 {
		return
	}
	for _, element := range value.list {
		credential := map[string]tomlValue{}
		for _, entry := range element.table {
			credential[entry.key] = entry.value
		}
		r.credentials = append(r.credentials, credential)
	}
}

func (r *bottlerocketReader) commaList(value tomlValue) Text {
	if value.kind != unstable.Array {
		return value.text
	}
	var parts []Text
	for _, element := range value.list {
		parts = append(parts, element.text)
	}
	return joined(parts, ",", r.source.offset(0))
}

func (r *bottlerocketReader) add(variable string, value Text) {
	r.machine.files[configPath] = r.machine.files[configPath].plus(line(variable, value))
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
	offset := text.offset(0)
	switch value.kind {
	case unstable.Array:
		var parts []Text
		for _, element := range value.list {
			parts = append(parts, quotedJSON(element.text))
		}
		text = madeText("[", 0)
		if len(parts) > 0 {
			offset = parts[0].offset(0)
			text = madeText("[", offset).plus(joined(parts, ",", offset)).plus(madeText("]", offset))
		}
	case unstable.InlineTable:
		for _, entry := range value.table {
			m.attribute(entry.key, entry.value.text)
		}
		return
	}
	if !known {
		m.note(codeSetting, offset, name)
		return
	}
	if inverted[name] {
		switch text.String() {
		case "true":
			text = madeText("false", offset)
		case "false":
			text = madeText("true", offset)
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
		position := m.attributes[0].offset(0)
		m.files[configPath] = m.files[configPath].plus(line("ECS_INSTANCE_ATTRIBUTES", madeText("{", position).plus(joined(m.attributes, ",", position)).plus(madeText("}", position))))
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
		start := entries[0].offset(0)
		m.files[configPath] = m.files[configPath].plus(line("ECS_ENGINE_AUTH_TYPE", madeText("dockercfg", start))).
			plus(line("ECS_ENGINE_AUTH_DATA", madeText("{", start).plus(joined(entries, ",", start)).plus(madeText("}", start))))
	}
}
