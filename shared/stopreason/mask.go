package stopreason

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"
)

// Named is what a text names.
type Named struct {
	Secret, Parameter, File, Image, LogGroup, Role, Session, Cluster, Key, Host, Repository, Attribute, Task string
	// SecretKey is the JSON key that a secret lacks.
	SecretKey string
	// Action is the refused one, as in "ecr:GetAuthorizationToken".
	Action string
}

// object gives the first of the wanted kinds that the text names.
func (n Named) object(kinds string) string {
	for kind := range strings.FieldsSeq(kinds) {
		value := map[string]string{
			"secret": n.Secret, "parameter": n.Parameter, "file": n.File, "image": n.Image, "log-group": n.LogGroup, "role": n.Role,
			"cluster": n.Cluster, "key": n.Key, "host": n.Host, "repository": n.Repository, "secret-key": n.SecretKey, "task": n.Task,
		}[kind]
		if value != "" {
			return value
		}
	}
	return ""
}

// A masker finds a name at the place where the text's grammar has one and puts
// a placeholder there, so that a name such as "not-found/accessdenied" decides
// nothing. Group 1 is the name.
type masker struct {
	pattern func() *regexp.Regexp
	// hint is a part of every text that the pattern can match, in lower case: most
	// texts are spared the pattern by it.
	hint    string
	replace func(match []string, named *Named) string
}

func newMasker(expression string, replace func([]string, *Named) string) masker {
	return masker{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)` + expression) }), hintOf(expression), replace}
}

// hintOf gives the longest literal of an expression that is outside of its
// groups and choices.
func hintOf(expression string) string {
	parsed, err := syntax.Parse(`(?i)`+expression, syntax.Perl)
	if err != nil || parsed.Op != syntax.OpConcat {
		return ""
	}
	hint := ""
	for _, part := range parsed.Sub {
		if part.Op == syntax.OpLiteral && len(part.Rune) > len(hint) {
			hint = strings.ToLower(string(part.Rune))
		}
	}
	return hint
}

// keep remembers the first name of a kind and leaves a placeholder.
func keep(field func(*Named) *string, placeholder string) func([]string, *Named) string {
	return func(match []string, named *Named) string {
		name, rest := trimName(match[1])
		if text := field(named); *text == "" && name != "" {
			*text = name
		}
		return strings.Replace(match[0], match[1], placeholder+rest, 1)
	}
}

// trimName takes the punctuation off that the sentence put behind a name.
func trimName(name string) (trimmed, rest string) {
	trimmed = strings.TrimRight(name, `:.,'")`)
	return strings.TrimLeft(trimmed, `'"(`), name[len(trimmed):]
}

var maskers = []masker{
	newMasker(`env file with key (.+?) from bucket ([^\s,]+)`, func(m []string, n *Named) string {
		if n.File == "" {
			n.File = "s3://" + strings.TrimRight(m[2], ",:") + "/" + m[1]
		}
		return "env file with key {file} from bucket {bucket},"
	}),
	newMasker(`(?:s3 config|config) (\S+) from bucket (\S+)`, func(m []string, n *Named) string {
		bucket, rest := trimName(m[2])
		if n.File == "" {
			n.File = "s3://" + bucket + "/" + m[1]
		}
		return "s3 config {file} from bucket {bucket}" + rest
	}),
	newMasker(`invalid path: bucket "([^"]*)" key "([^"]*)"`, func(m []string, n *Named) string {
		if n.File == "" {
			n.File = "s3://" + m[1] + "/" + m[2]
		}
		return "invalid path: bucket {bucket} key {file}"
	}),
	newMasker(`specified in environmentFile (\S+)`, keep(func(n *Named) *string { return &n.File }, "{file}")),
	// "file download command: …" names no file.
	newMasker(`env files: file (\S+)( command\b)?`, func(m []string, n *Named) string {
		if m[2] != "" {
			return m[0]
		}
		return keep(func(n *Named) *string { return &n.File }, "{file}")(m, n)
	}),
	newMasker(`trying to retrieve secret with value (\S+)`, keep(func(n *Named) *string { return &n.Secret }, "{secret}")),
	newMasker(`secretID from value (\S+)`, keep(func(n *Named) *string { return &n.Secret }, "{secret}")),
	newMasker(`asm fetching secret from the service for (\S+)`, keep(func(n *Named) *string { return &n.Secret }, "{secret}")),
	newMasker(`retrieve the secret with ARN '?([^'\s]+)'?`, keep(func(n *Named) *string { return &n.Secret }, "{secret}")),
	newMasker(`did not contain json key (\S+)`, keep(func(n *Named) *string { return &n.SecretKey }, "{key}")),
	newMasker(`missing secret value for secret (\S+)`, keep(func(n *Named) *string { return &n.Secret }, "{secret}")),
	newMasker(`(?:cannot|can't) pull (?:secret |parameter )?(\S+) from AWS Systems Manager`, keep(func(n *Named) *string { return &n.Parameter }, "{parameter}")),
	newMasker(`(?:cannot|can't) pull (?:secret )?(\S+) from AWS Secrets Manager`, keep(func(n *Named) *string { return &n.Secret }, "{secret}")),
	newMasker(`invalid (?:ssm )?parameters: ?(\S[^;]*)`, func(m []string, n *Named) string {
		name, _, _ := strings.Cut(m[1], ",")
		if name, _, _ = strings.Cut(strings.TrimSpace(name), " "); n.Parameter == "" {
			n.Parameter, _ = trimName(name)
		}
		return "invalid parameters: {parameter}"
	}),
	newMasker(`arn:(aws[a-z-]*):([a-z0-9-]+):([a-z0-9-]*):([0-9x*]*):([^\s"';]+)`, maskARN),
	newMasker(`(https?://[^\s"'<>]+)`, maskURL),
	newMasker(`failed to resolve (?:ref|reference) "?([^\s"]+)"?`, keep(func(n *Named) *string { return &n.Image }, "{image}")),
	newMasker(`pull access denied for ([^\s]+)`, keep(func(n *Named) *string { return &n.Image }, "{image}")),
	newMasker(`manifest for ([^\s]+) not found`, keep(func(n *Named) *string { return &n.Image }, "{image}")),
	newMasker(`no match for platform in manifest:? ([^\s]*)`, func(m []string, n *Named) string { return "no match for platform in manifest" }),
	newMasker(`pull and unpack image "?([^\s"]+)"?`, keep(func(n *Named) *string { return &n.Image }, "{image}")),
	newMasker(`no such image: ([^\s]+)`, keep(func(n *Named) *string { return &n.Image }, "{image}")),
	newMasker(`repo digest matching '([^']+)'`, keep(func(n *Named) *string { return &n.Image }, "{image}")),
	newMasker(`\bimage ([^\s"'{}:]+[:@/][^\s"'{}]+)`, keep(func(n *Named) *string { return &n.Image }, "{image}")),
	newMasker(`\b(?:pull|image) '([^'\s]+)'`, keep(func(n *Named) *string { return &n.Image }, "{image}")),
	newMasker(`(?:cannot|can't) pull (\S+) from the registry (\S+)`, func(m []string, n *Named) string {
		if n.Image == "" {
			n.Image, _ = trimName(m[1])
		}
		if n.Host == "" {
			n.Host, _ = trimName(m[2])
		}
		return "cannot pull {image} from the registry {host}."
	}),
	newMasker(`tag (\S+) not found in repository (\S+)`, func(m []string, n *Named) string {
		if n.Image == "" {
			name, _ := trimName(m[2])
			n.Image = name + ":" + m[1]
		}
		return "tag {tag} not found in repository {image}"
	}),
	newMasker(`\brepository ([^\s{}]+) not found`, keep(func(n *Named) *string { return &n.Image }, "{image}")),
	newMasker(`repository with name '([^']+)'`, keep(func(n *Named) *string { return &n.Repository }, "{repository}")),
	newMasker(`\blookup ([^\s:{}]+)`, keep(func(n *Named) *string { return &n.Host }, "{host}")),
	newMasker(`\bdial (?:tcp|udp) ([^\s{}]+[0-9]):?`, func(m []string, _ *Named) string { return "dial tcp {address}:" }),
	newMasker(`assume (?:the )?role '?([^'\s,]+)'?`, func(m []string, n *Named) string {
		if name, _ := trimName(m[1]); n.Role == "" && !strings.HasPrefix(name, "{") {
			n.Role = name
		}
		return "assume the role {role}"
	}),
	newMasker(`log group:? '?([/\w.#-]*/[/\w.#-]+)'?`, keep(func(n *Named) *string { return &n.LogGroup }, "{log-group}")),
	newMasker(`log driver named '?([^'\s]+)'?`, func(m []string, _ *Named) string { return "log driver named {driver}" }),
	newMasker(`unknown log opt '([^']+)' for (\S+)`, func(m []string, _ *Named) string { return "unknown log opt {option} for {driver}" }),
	newMasker(`\(service ([\w.:/-]+(?:, ?task-?set [\w/.-]+)?)\)`, func([]string, *Named) string { return "(service {service})" }),
	newMasker(`\(task ([\w.:/-]+)\)`, func([]string, *Named) string { return "(task {task})" }),
	newMasker(`^service (\S+) (was|is|has)\b`, func(m []string, _ *Named) string { return "service {service} " + m[2] }),
	newMasker(`container[- ]instance\s+([0-9a-f-]{8,}|\S+\*)`, func([]string, *Named) string { return "container-instance {instance}" }),
	newMasker(`for container '?([\w-]+)'?$`, func([]string, *Named) string { return "for container {container}" }),
}

// mask replaces what the text names by placeholders.
func mask(text string) (string, Named) {
	var named Named
	if action := deniedAction().FindStringSubmatch(text); action != nil {
		named.Action = action[1]
	}
	for _, m := range maskers {
		if !strings.Contains(strings.ToLower(text), m.hint) {
			continue
		}
		pattern := m.pattern()
		text = pattern.ReplaceAllStringFunc(text, func(match string) string {
			return m.replace(pattern.FindStringSubmatch(match), &named)
		})
	}
	return text, named
}

var deniedAction = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)not authorized to perform:? ?([a-z0-9-]{2,32}:[a-z]{2,64})`)
})

// maskARN keeps the service, which some rules ask for.
func maskARN(m []string, n *Named) string {
	resource, rest := trimName(m[5])
	// The prefix keeps its own bytes: a resource ends where its sentence goes on.
	arn := m[0][:len(m[0])-len(m[5])] + m[5][:len(resource)]
	if strings.HasPrefix(m[5], "'") || strings.HasPrefix(m[5], "(") {
		arn = m[0][:len(m[0])-len(rest)]
	}
	service := strings.ToLower(m[2])
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	switch kind, name, _ := strings.Cut(resource, "/"); {
	case service == "secretsmanager":
		set(&n.Secret, arn)
		return "{secret}" + rest
	case service == "ssm":
		set(&n.Parameter, arn)
		return "{parameter}" + rest
	case service == "kms":
		set(&n.Key, arn)
		return "{kms-key}" + rest
	case service == "s3":
		set(&n.File, "s3://"+resource)
		return "{s3-object}" + rest
	case service == "ecr":
		set(&n.Repository, arn)
		return "{ecr-repository}" + rest
	case service == "logs":
		group, _ := strings.CutPrefix(resource, "log-group:")
		group, _, _ = strings.Cut(group, ":")
		set(&n.LogGroup, group)
		return "{log-group-arn}" + rest
	case service == "sts" && strings.EqualFold(kind, "assumed-role"):
		role, session, _ := strings.Cut(name, "/")
		if n.Role == "" {
			n.Role, n.Session = role, session
		}
		return "{role}" + rest
	case service == "iam" && strings.EqualFold(kind, "role"):
		// Of two roles, the one to be assumed is the one that could not be.
		if role := name[strings.LastIndexByte(name, '/')+1:]; n.Role == "" || strings.EqualFold(n.Action, "sts:AssumeRole") {
			n.Role = role
		}
		return "{role}" + rest
	case service == "ecs" && strings.EqualFold(kind, "cluster"):
		set(&n.Cluster, name)
		return "{cluster}" + rest
	case service == "ecs":
		return "{" + strings.ToLower(kind) + "}" + rest
	default:
		return "{arn}" + rest
	}
}

// maskURL keeps what kind of place a URL is.
func maskURL(m []string, n *Named) string {
	url, rest := m[1], ""
	if trimmed := strings.TrimRight(url, `:.,)`); trimmed != "" {
		url, rest = trimmed, url[len(trimmed):]
	}
	lower := strings.ToLower(url)
	_, place, _ := strings.Cut(lower, "://")
	host, path, _ := strings.Cut(place, "/")
	switch {
	case strings.HasPrefix(host, "api.ecr"), isAPI(host, "ecr"):
		return "{ecr-api}" + rest
	case strings.HasPrefix(host, "169.254."), strings.HasPrefix(host, "[fd00:ec2::"):
		return "{metadata-url}" + rest
	case strings.Contains(host, "starport-layer-bucket"), isS3(host):
		return "{s3-url}" + rest
	case isAPI(host, "logs"):
		return "{logs-api}" + rest
	case isAPI(host, "secretsmanager"):
		return "{secrets-api}" + rest
	case isAPI(host, "ssm"):
		return "{ssm-api}" + rest
	}
	if path == "v2" || strings.HasPrefix(path, "v2/") || strings.Contains(path, "token") || path == "" {
		if n.Host == "" {
			n.Host = host
		}
		if image := imageOf(host, path); image != "" && n.Image == "" {
			n.Image = image
		}
		return "{registry-url}" + rest
	}
	return "{url}" + rest
}

// isAPI reports whether a host is a service's endpoint: SERVICE.REGION.…, its
// FIPS form, its dual-stack form in the domain api.aws, or an interface endpoint
// of a VPC (vpce-0a1b2c-3d4e.SERVICE.REGION.vpce.amazonaws.com).
func isAPI(host, service string) bool {
	if _, rest, found := strings.Cut(host, ".vpce."); found && rest != "" {
		_, host, _ = strings.Cut(host, ".")
		host = strings.TrimPrefix(host, "api.")
	}
	label, rest, _ := strings.Cut(host, ".")
	return (label == service || label == service+"-fips") && (strings.Contains(rest, "amazonaws.") || strings.HasSuffix(rest, ".api.aws") || strings.Contains(rest, ".api.amazonwebservices."))
}

func isS3(host string) bool {
	labels := strings.Split(host, ".")
	return strings.Contains(host, ".amazonaws.") && slices.ContainsFunc(labels, func(l string) bool { return l == "s3" || strings.HasPrefix(l, "s3-") })
}

// imageOf reads an image from a manifest's URL, /v2/NAME/manifests/REFERENCE.
func imageOf(host, path string) string {
	name, found := strings.CutPrefix(path, "v2/")
	if !found {
		return ""
	}
	name, reference, found := strings.Cut(name, "/manifests/")
	if !found || name == "" || reference == "" {
		return ""
	}
	if host == "registry-1.docker.io" {
		host = "docker.io"
	}
	separator := ":"
	if strings.Contains(reference, ":") {
		separator = "@"
	}
	return host + "/" + name + separator + reference
}
