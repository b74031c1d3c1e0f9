// Package registryauth reads the registry credentials of ECS_ENGINE_AUTH_DATA
// as the ECS agent does (agent/dockerclient/dockerauth/dockerauth.go), knows
// what the agent loses without a word, and can put another credential in the
// place of one without touching any other byte.
package registryauth

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secretshape"
)

// The two values of ECS_ENGINE_AUTH_TYPE, exact in case.
const (
	Docker    = "docker"    // {"registry": {"username": "…", "password": "…"}}
	Dockercfg = "dockercfg" // {"registry": {"auth": "base64(username:password)"}}
)

// Span is a range of bytes, End exclusive.
type Span struct{ Start, End int }

// Registry is one credential that the agent keeps.
type Registry struct {
	// Key is the registry as it was written; Name is the key that the agent
	// looks images up by: Key without a leading "http://" or "https://".
	Key, Name string
	Username  string
	Password  secret.Text
	// KeySpan, UsernameSpan, PasswordSpan and AuthSpan are the JSON strings
	// with their quotes. The type docker has the first three, dockercfg has
	// KeySpan and AuthSpan; a field that is not there has an empty span.
	KeySpan, UsernameSpan, PasswordSpan, AuthSpan Span
	// Token says that an identity or registry token stands in for the password.
	Token bool
}

// Format names the registry and shows nothing else: a key may hold a credential
// that stands in the wrong place, as in "user:password@host".
func (r Registry) Format(state fmt.State, _ rune) {
	_, _ = state.Write([]byte(public(r.Key)))
}

// Data is what the agent makes of ECS_ENGINE_AUTH_TYPE and ECS_ENGINE_AUTH_DATA.
type Data struct {
	Type string
	// Registries are in the order of the data. Where the agent's map has room
	// for one of several only, all are here, and a fault says so.
	Registries []Registry
	// Faults are in the order of the data.
	Faults []Fault
	// Secrets are the texts that may hold a secret: all but the keys that look
	// like a registry, and the names of fields.
	Secrets []Span
}

// Fault is one thing that the agent would refuse, lose or never use. It shows
// no secret.
type Fault struct {
	Kind Kind
	// Registry is the key as written, "a registry" where it may hold a secret,
	// "" where the fault is that of the whole.
	Registry string
	// Field is the JSON field, "" where it is none in particular.
	Field string
	// Other is the type that the data is written for, where the type is at fault.
	Other string
	Span  Span
}

// Kind is the sort of a Fault.
type Kind string

// The faults that lose every registry.
const (
	TypeMissing Kind = "type-missing" // data without a type
	TypeUnknown Kind = "type-unknown" // neither docker nor dockercfg
	DataMissing Kind = "data-missing" // a type without data
	NotJSON     Kind = "not-json"     // Span begins where the reader stopped
	WrongType   Kind = "wrong-type"   // a value of the wrong JSON type
	NoRegistry  Kind = "no-registry"  // a credential that is not under a registry
	Wrapper     Kind = "wrapper"      // the "auths" of ~/.docker/config.json
	Empty       Kind = "empty"        // null or {}
)

// The faults of one registry.
const (
	Shape              Kind = "shape"               // the shape of the other type
	WrapperBeside      Kind = "wrapper-beside"      // "auths" beside registries that the agent keeps
	NotBase64          Kind = "not-base64"          // auth is not padded standard base64
	NoColon            Kind = "no-colon"            // auth holds no "username:password"
	NoUsername         Kind = "no-username"         // Docker logs no one in without one
	NoPassword         Kind = "no-password"         // nor without a password
	PasswordNewline    Kind = "password-newline"    // the newline of echo
	PasswordWhitespace Kind = "password-whitespace" // white space at an end
	Placeholder        Kind = "placeholder"         // a template that no one filled in
	HubKey             Kind = "hub-key"             // not Docker Hub's only key
	HubKeySpare        Kind = "hub-key-spare"       // the same beside the only key
	UpperCase          Kind = "upper-case"          // image names are lower case
	PathUpperCase      Kind = "path-upper-case"     // the same below a host that serves by itself
	NeverMatches       Kind = "never-matches"       // no image name begins like this
	TrailingSlash      Kind = "trailing-slash"      // works while it is alone
	PathsOnly          Kind = "paths-only"          // several paths, no bare host: a random one wins
	PathOnly           Kind = "path-only"           // one path serves the whole host
	NoBoundary         Kind = "no-boundary"         // r.tld/team serves r.tld/teamwork too
	Shadowed           Kind = "shadowed"            // r.tld/ is taken before r.tld
	SameRegistry       Kind = "same-registry"       // two keys that become one: a random one wins
	DuplicateKey       Kind = "duplicate-key"       // the last one wins
	ECR                Kind = "ecr"                 // the agent asks ECR itself
)

// LosesAll reports whether the agent is left without any registry.
func (k Kind) LosesAll() bool {
	switch k {
	case TypeMissing, TypeUnknown, DataMissing, NotJSON, WrongType, NoRegistry, Wrapper, Empty:
		return true
	}
	return false
}

// Parse reads the data as the agent does. The type comes trimmed; every span
// counts from offset, the place of the data in its file. The data may be nil
// when the variable is not set.
func Parse(authType string, data []byte, offset int) Data {
	p := parser{data: data, offset: offset, result: Data{Type: authType}}
	p.parse(authType)
	slices.SortStableFunc(p.result.Faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Span.Start, b.Span.Start), cmp.Compare(a.Kind, b.Kind))
	})
	return p.result
}

type parser struct {
	data   []byte
	offset int
	result Data
}

// value is a JSON value with its place.
type value struct {
	span   Span
	kind   byte // '{', '[', '"', '0' for a number, 't' for a boolean, 'n' for null
	text   string
	fields []field
}

type field struct {
	name string
	span Span // of the name
	value
}

func (v value) get(name string) (found field, ok bool) {
	for _, f := range v.fields {
		// encoding/json matches names case-insensitively, and the last one
		// wins; null leaves a text field as it was.
		if strings.EqualFold(f.name, name) && f.kind != 'n' {
			found, ok = f, true
		}
	}
	return found, ok
}

func (p *parser) fault(kind Kind, registry string, span Span) {
	p.add(Fault{Kind: kind, Registry: registry, Span: span})
}

func (p *parser) add(fault Fault) {
	if fault.Registry != "" {
		fault.Registry = public(fault.Registry)
	}
	p.result.Faults = append(p.result.Faults, fault)
}

func (p *parser) parse(authType string) {
	blank := len(bytes.TrimSpace(p.data)) == 0
	whole := Span{p.offset, p.offset + len(p.data)}
	known := authType == Docker || authType == Dockercfg
	switch {
	case blank && authType == "":
		return
	case blank && known:
		p.fault(DataMissing, "", whole)
		return
	case blank:
		p.fault(TypeUnknown, "", whole)
		return
	}
	root, stopped, ok := p.read()
	if !known {
		kind := TypeUnknown
		if authType == "" {
			kind = TypeMissing
		}
		p.add(Fault{Kind: kind, Other: shapeOf(root), Span: whole})
	}
	if !ok {
		p.result.Secrets = []Span{whole}
		p.fault(NotJSON, "", Span{p.offset + stopped, p.offset + stopped})
		return
	}
	p.collectSecrets(root, 0)
	if !known {
		return
	}
	if root.kind == 'n' || (root.kind == '{' && len(root.fields) == 0) {
		p.fault(Empty, "", whole)
		return
	}
	wrapped := slices.IndexFunc(root.fields, func(f field) bool { return f.name == "auths" && holdsRegistries(f.value) })
	if wrapped >= 0 && !slices.ContainsFunc(root.fields, isRegistry) {
		p.fault(Wrapper, "", root.fields[wrapped].span)
		return
	}
	if !p.rightTypes(authType, root) {
		return
	}
	last := make(map[string]int, len(root.fields))
	for i, f := range root.fields {
		last[f.name] = i
	}
	for i, f := range root.fields {
		if last[f.name] != i {
			p.fault(DuplicateKey, f.name, f.span)
			continue
		}
		if i == wrapped {
			p.fault(WrapperBeside, "", f.span)
			continue
		}
		registry, kept := p.credential(authType, f)
		if kept {
			p.result.Registries = append(p.result.Registries, registry)
		}
	}
	p.judgeKeys()
}

// shapeOf tells which type the data is written for, "" when it shows neither.
func shapeOf(root value) string {
	for _, entry := range root.fields {
		if _, ok := entry.get("username"); ok {
			return Docker
		}
		if _, ok := entry.get("auth"); ok {
			return Dockercfg
		}
	}
	return ""
}

// rightTypes reports a value that encoding/json would refuse to put into the
// agent's structures; then the agent keeps no registry at all.
func (p *parser) rightTypes(authType string, root value) bool {
	if root.kind != '{' {
		p.fault(WrongType, "", root.span)
		return false
	}
	read := []string{"auth"}
	if authType != Dockercfg {
		read = []string{"username", "password", "auth", "email", "serveraddress", "identitytoken", "registrytoken"}
	}
	for _, f := range root.fields {
		if f.kind != '{' && f.kind != 'n' {
			if isCredentialField(f.name) {
				p.fault(NoRegistry, "", f.span)
			} else {
				p.fault(WrongType, f.name, f.value.span)
			}
			return false
		}
		for _, inner := range f.fields {
			known := slices.IndexFunc(read, func(name string) bool { return strings.EqualFold(name, inner.name) })
			if known >= 0 && inner.kind != '"' && inner.kind != 'n' {
				p.add(Fault{Kind: WrongType, Registry: f.name, Field: read[known], Span: inner.value.span})
				return false
			}
		}
	}
	return true
}

func isCredentialField(name string) bool {
	return slices.ContainsFunc([]string{"auth", "username", "password", "email", "serveraddress", "identitytoken", "registrytoken"}, func(known string) bool {
		return strings.EqualFold(known, name)
	})
}

// holdsRegistries tells the wrapper of config.json from a registry that is
// called "auths": it holds objects.
func holdsRegistries(v value) bool {
	return v.kind == '{' && (len(v.fields) == 0 || slices.ContainsFunc(v.fields, func(f field) bool { return f.kind == '{' }))
}

// isRegistry tells a registry from what else stands in config.json (docker/cli
// cli/config/configfile/file.go ConfigFile).
func isRegistry(f field) bool {
	settings := []string{"auths", "HttpHeaders", "credHelpers", "plugins", "aliases", "features", "proxies", "currentContext"}
	return f.kind == '{' && !slices.Contains(settings, f.name)
}

// credential reads one entry; kept says that the agent keeps it.
func (p *parser) credential(authType string, entry field) (registry Registry, kept bool) {
	registry = Registry{Key: entry.name, Name: withoutScheme(entry.name), KeySpan: entry.span}
	auth, hasAuth := entry.get("auth")
	username, hasUsername := entry.get("username")
	password, hasPassword := entry.get("password")

	if authType == Dockercfg {
		if !hasAuth {
			kind := NoColon // the agent's words for an empty auth
			if hasUsername || hasPassword {
				kind = Shape
			}
			p.fault(kind, entry.name, entry.span)
			return registry, false
		}
		registry.AuthSpan = auth.value.span
		decoded, err := base64.StdEncoding.DecodeString(auth.text)
		if err != nil {
			kind := NotBase64
			if isPlaceholder(auth.text) {
				kind = Placeholder
			}
			p.add(Fault{Kind: kind, Registry: entry.name, Field: "auth", Span: auth.value.span})
			return registry, false
		}
		user, pass, found := strings.Cut(string(decoded), ":")
		if !found {
			p.fault(NoColon, entry.name, auth.value.span)
			return registry, false
		}
		registry.Username, registry.Password = user, secret.New(pass)
		p.judgeCredential(registry, auth.value.span, auth.value.span)
		return registry, true
	}

	for _, token := range []string{"identitytoken", "registrytoken"} {
		if f, ok := entry.get(token); ok && f.text != "" {
			registry.Token = true
		}
	}
	registry.Username, registry.Password = username.text, secret.New(password.text)
	usernameAt, passwordAt := entry.span, entry.span
	if hasUsername {
		registry.UsernameSpan = username.value.span
		usernameAt = registry.UsernameSpan
	}
	if hasPassword {
		registry.PasswordSpan = password.value.span
		passwordAt = registry.PasswordSpan
	}
	if hasAuth && !hasUsername && !hasPassword && !registry.Token {
		// The type docker reads auth and uses it for nothing.
		p.fault(Shape, entry.name, entry.span)
		return registry, true
	}
	p.judgeCredential(registry, usernameAt, passwordAt)
	return registry, true
}

func (p *parser) judgeCredential(registry Registry, usernameAt, passwordAt Span) {
	if registry.Token {
		return
	}
	password := registry.Password.Reveal()
	switch {
	case registry.Username == "":
		p.fault(NoUsername, registry.Key, usernameAt)
		return
	case isPlaceholder(registry.Username):
		p.fault(Placeholder, registry.Key, usernameAt)
		return
	}
	switch trimmed := strings.TrimSpace(password); {
	case password == "":
		p.fault(NoPassword, registry.Key, passwordAt)
	case isPlaceholder(trimmed):
		p.fault(Placeholder, registry.Key, passwordAt)
	case registry.Username == "_json_key":
		// Google's registries take a key file, which is JSON and ends in a newline.
	case strings.TrimRight(password, "\r\n") != password:
		p.fault(PasswordNewline, registry.Key, passwordAt)
	case trimmed != password:
		p.fault(PasswordWhitespace, registry.Key, passwordAt)
	}
}

// isPlaceholder recognizes what templates leave behind when no one fills them
// in: ${X}, $X, $(x), #{x}, {{x}}, <%= x %>, <x>, ##X##, __X__. It wants the whole text
// to be one, for a password may hold any character.
func isPlaceholder(text string) bool {
	for _, marks := range [][2]string{{"${", "}"}, {"$(", ")"}, {"#{", "}"}, {"{{", "}}"}, {"<%", "%>"}, {"<", ">"}, {"%{", "}"}, {"##", "##"}, {"__", "__"}, {"@@", "@@"}, {"[[", "]]"}} {
		inner, opened := strings.CutPrefix(text, marks[0])
		inner, closed := strings.CutSuffix(inner, marks[1])
		if opened && closed && inner != "" {
			return true
		}
	}
	name, dollar := strings.CutPrefix(text, "$")
	return dollar && len(name) > 2 && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == ""
}

// publicRegistry is the form of a registry's host with an optional scheme, port
// and path. Between its dots, a host is in one case, or has up to four words that begin
// with capital letters: tokens have both cases, and digits among them.
var publicRegistry = lazyregexp.New(`^([A-Za-z]{2,8}://)?(` + label + `\.)*` + label + `(:[0-9]{1,5})?(/[A-Za-z0-9._/-]{0,100})?$`)

const label = `([a-z0-9-]{1,63}|[A-Z0-9-]{1,63}|[A-Za-z][a-z-]{1,62}([A-Z][a-z-]{1,62}){0,3}[0-9]{0,4})`

// IsPublic says that a key may be shown: it has the form of a registry, and
// cannot be a credential that stands in the wrong place.
func IsPublic(key string) bool {
	const longest, longestAlone = 200, 24
	if len(key) > longest || !publicRegistry.MatchString(key) || secretshape.Find(key) != "" {
		return false
	}
	// A host without a dot or a port could be any word.
	return strings.ContainsAny(key, ".:") || len(key) <= longestAlone && !secretshape.IsMisplaced(key)
}

// public names a registry, or none.
func public(key string) string {
	if !IsPublic(key) {
		return "a registry"
	}
	return key
}

// collectSecrets notes every value that is no object, and every name that is
// neither a registry's nor a field's.
func (p *parser) collectSecrets(v value, depth int) {
	if v.kind != '{' {
		if v.kind != 'n' {
			p.result.Secrets = append(p.result.Secrets, v.span)
		}
		return
	}
	for _, f := range v.fields {
		if !isCredentialField(f.name) && f.name != "auths" && (depth > 1 || !IsPublic(f.name)) {
			p.result.Secrets = append(p.result.Secrets, f.span)
		}
		p.collectSecrets(f.value, depth+1)
	}
}

// read parses the JSON with the place of every value. When it is none, stopped
// is the offset at which the reader gave up.
func (p *parser) read() (root value, stopped int, ok bool) {
	var raw json.RawMessage
	if err := json.Unmarshal(p.data, &raw); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			// Offset counts the bytes read, the offending one among them; at
			// an unexpected end there is none.
			stopped = int(syntax.Offset)
			if stopped < len(p.data) || !strings.HasPrefix(syntax.Error(), "unexpected end") {
				stopped--
			}
		}
		return value{}, max(stopped, 0), false
	}
	decoder := json.NewDecoder(bytes.NewReader(p.data))
	decoder.UseNumber()
	root, err := p.readValue(decoder)
	return root, 0, err == nil
}

func (p *parser) token(decoder *json.Decoder) (json.Token, Span, error) {
	start := int(decoder.InputOffset())
	token, err := decoder.Token()
	for start < len(p.data) && strings.IndexByte(" \t\r\n,:", p.data[start]) >= 0 {
		start++
	}
	return token, Span{p.offset + start, p.offset + int(decoder.InputOffset())}, err
}

func (p *parser) readValue(decoder *json.Decoder) (value, error) {
	token, span, err := p.token(decoder)
	if err != nil {
		return value{}, err
	}
	v := value{span: span}
	switch token := token.(type) {
	case string:
		v.kind, v.text = '"', token
	case json.Number:
		v.kind = '0'
	case bool:
		v.kind = 't'
	case nil:
		v.kind = 'n'
	case json.Delim:
		v.kind = byte(token)
		for decoder.More() {
			var f field
			if token == '{' {
				name, nameSpan, err := p.token(decoder)
				if err != nil {
					return value{}, err
				}
				f.name, f.span = name.(string), nameSpan
			}
			if f.value, err = p.readValue(decoder); err != nil {
				return value{}, err
			}
			v.fields = append(v.fields, f)
		}
		_, closing, err := p.token(decoder)
		if err != nil {
			return value{}, err
		}
		v.span.End = closing.End
	}
	return v, nil
}

// Replace gives the content in which registries have another credential, and
// every other byte is the same. The registries must come from one Parse of data
// within that content, with the data's offset in it.
func Replace(content []byte, username string, password secret.Text, registries ...Registry) ([]byte, error) {
	type edit struct {
		Span
		text     string
		registry string
	}
	var edits []edit
	for _, registry := range registries {
		switch {
		case registry.AuthSpan != Span{}:
			if strings.Contains(username, ":") {
				return nil, fmt.Errorf("write the credential of %s: a user name with ':' does not fit into auth, where the first ':' ends it", registry.Name)
			}
			edits = append(edits, edit{registry.AuthSpan, base64.StdEncoding.EncodeToString([]byte(username + ":" + password.Reveal())), registry.Name})
		case registry.UsernameSpan != Span{} && registry.PasswordSpan != Span{}:
			edits = append(edits, edit{registry.UsernameSpan, username, registry.Name}, edit{registry.PasswordSpan, password.Reveal(), registry.Name})
		default:
			return nil, fmt.Errorf("write the credential of %s: it has neither an auth nor a username with a password to replace", registry.Name)
		}
	}
	slices.SortFunc(edits, func(a, b edit) int { return cmp.Compare(a.Start, b.Start) })
	var replaced bytes.Buffer
	rest := 0
	for _, e := range edits {
		if e.Start < rest || e.End > len(content) || e.Start >= e.End || content[e.Start] != '"' || content[e.End-1] != '"' {
			return nil, fmt.Errorf("write the credential of %s: the content is not the one it was read from", e.registry)
		}
		quoted, err := quote(e.text)
		if err != nil {
			return nil, fmt.Errorf("write the credential of %s: %w", e.registry, err)
		}
		replaced.Write(content[rest:e.Start])
		replaced.Write(quoted)
		rest = e.End
	}
	replaced.Write(content[rest:])
	return replaced.Bytes(), nil
}

// quote writes a JSON string on one line, without the escapes for HTML.
func quote(text string) ([]byte, error) {
	var quoted bytes.Buffer
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(quoted.Bytes(), []byte("\n")), nil
}
