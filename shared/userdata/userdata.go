// Package userdata reads an instance's user data as cloud-init, EC2Launch and
// Bottlerocket read it, and says what it does to the ECS agent's configuration:
// which cluster the instance joins, which variables the agent gets, and from
// which line of the source each of them comes. It runs nothing and is pure.
//
//	configuration := userdata.Read(raw, userdata.Options{})
//	configuration.Evidence   // why this is ECS set-up; empty where it isn't
//	configuration.Cluster()  // the cluster's name, or what it depends on
//	configuration.Settings() // every variable that is set
//	configuration.Secrets()  // credentials that anyone who may read user data gets
//	configuration.Judge()    // what is wrong with it, with lines of the source
//
// A shell script is evaluated as far as its text alone says what it does. What
// isn't known until the instance boots is named ("${CLUSTER}", "s3://…").
package userdata

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// EvidenceKind says in which way user data sets ECS up.
type EvidenceKind string

// The kinds, in the words of a message ("the user data …").
const (
	WritesConfig     EvidenceKind = "writes /etc/ecs/ecs.config"
	FetchesConfig    EvidenceKind = "copies /etc/ecs/ecs.config from elsewhere"
	StartsAgent      EvidenceKind = "starts the ECS agent"
	InstallsAgent    EvidenceKind = "installs the ECS agent"
	RunsInitialize   EvidenceKind = "runs Initialize-ECSAgent"
	SetsBottlerocket EvidenceKind = "sets settings.ecs"
	SetsEnvironment  EvidenceKind = "sets the agent's variables on Windows"
)

// Evidence is one thing in user data that sets ECS up.
type Evidence struct {
	Kind EvidenceKind
	// Line is 1-based, in the source.
	Line   int
	offset int
}

// Form is how user data is written.
type Form string

// The forms.
const (
	ConfigFile   Form = "ecs.config"
	ShellScript  Form = "shell script"
	CloudConfig  Form = "cloud-config"
	Archive      Form = "MIME multi-part archive"
	PowerShell   Form = "PowerShell script"
	Bottlerocket Form = "Bottlerocket settings"
	UnknownForm  Form = "unknown"
)

// Options say how to read.
type Options struct {
	// Template says that an engine such as Terraform's templatefile fills the
	// text in before an instance gets it.
	Template bool
	// Whole says that the source is what EC2 gets, so that its size counts.
	Whole bool
	// Part says that the text is one part of user data, so that it needs no
	// header that says what it is.
	Part bool
}

// Value is what is known of a setting.
type Value struct {
	// Text is the value; "" where Unknown says what it depends on.
	Text string
	// Unknown is what the value depends on, as in "${CLUSTER}".
	Unknown string
	// Line and Column are where it is written, 1-based, Column in bytes; 0 for a default.
	Line, Column int
	// Condition is the line of the condition that it is set under, 0 for none.
	Condition int
}

// Setting is a variable that the agent gets. Its value is a secret until
// somebody knows better.
type Setting struct {
	Variable string
	Value    secret.Text
	// Unknown, Line, Column and Condition are as in Value.
	Unknown      string
	Line, Column int
	Condition    int
}

// Secret is a credential that is written out in user data.
type Secret struct {
	Variable     string
	Line, Column int
}

// Origin is a place elsewhere that the configuration comes from.
type Origin struct {
	// From is as in "s3://bucket/ecs.config" or "$(aws ssm get-parameter …)".
	From string
	Line int
}

// Configuration is what user data makes of the agent's configuration.
type Configuration struct {
	Form Form
	// Evidence is empty where the user data doesn't set ECS up.
	Evidence []Evidence
	// Origins are the parts of the configuration that come from elsewhere.
	Origins []Origin

	// isTemplate says that an engine fills the text in, isWhole that the source
	// is all of the user data. unquoted are as in machine.
	isTemplate, isWhole, isPacked, isRaw bool
	unquoted                             []unquotedWord

	source  []byte
	lines   []int
	content Text
	// result is the content's text.
	result string
	file   ecsconfig.File
	// names are the variables that are set, in the order in which they first are;
	// byName are the assignments of each that can be in force.
	names       []string
	byName      map[string][]Setting
	notes       []note
	leaves      []Text
	secretSpans []Text
}

// Read reads user data: a script, cloud-config, a MIME archive, PowerShell,
// Bottlerocket's settings, or base64 or gzip around any of them.
func Read(source []byte, options Options) Configuration {
	if len(source) > maxSize {
		source = source[:maxSize]
	}
	return ReadText(source, SourceText(source), options)
}

// ReadText is [Read] for user data that is a part of a source file.
func ReadText(source []byte, text Text, options Options) Configuration {
	return readAll(source, []Part{{Text: text}}, options)
}

// Part is one part of user data that a tool puts into a MIME archive.
type Part struct {
	ContentType string
	Text        Text
	// MergeType is how cloud-init merges it, if it is a cloud-config document.
	MergeType string
}

// ReadParts is [Read] for the parts of an archive that a tool will make.
func ReadParts(source []byte, parts []Part, options Options) Configuration {
	options.Part = true
	return readAll(source, parts, options)
}

// readAll reads the parts, and then does what else happens on the instance.
func readAll(source []byte, parts []Part, options Options, also ...func(*machine)) Configuration {
	r := reader{machine: newMachine(options.Template), left: 2 * maxSize, parts: maxParts, part: options.Part, cloud: map[string][]cloudItem{}}
	for _, p := range parts {
		if p.ContentType != "" {
			r.readPart(part{strings.ToLower(p.ContentType), p.Text, p.MergeType}, maxDepth)
			continue
		}
		r.read(p.Text, maxDepth)
	}
	for _, do := range r.boot {
		do()
	}
	r.runCommands(r.cloud[bootCommands])
	r.writeFiles(r.cloud[filesToWrite])
	for _, do := range r.scripts {
		do()
	}
	r.runCommands(r.cloud[runCommands])
	m := r.machine
	for _, do := range also {
		do(m)
	}
	c := Configuration{
		Form: cmp.Or(r.form, UnknownForm), Evidence: m.evidence, source: source, notes: m.notes, leaves: r.leaves, secretSpans: m.secretSpans,
		isTemplate: m.template, isWhole: len(parts) == 1 && parts[0].Text.isExact() && parts[0].Text.length() == len(source), isRaw: options.Whole, unquoted: m.unquoted, isPacked: r.isPacked,
	}
	c.content = m.files[stateConfigPath].plus(m.files[configPath])
	c.finish()
	return c
}

// ReadConfig is [Read] for an ecs.config itself.
func ReadConfig(source []byte) Configuration {
	c := Configuration{Form: ConfigFile, source: source, content: SourceText(source), leaves: []Text{SourceText(source)}}
	c.finish()
	return c
}

func (c *Configuration) finish() {
	c.lines = []int{0}
	for i, b := range c.source {
		if b == '\n' {
			c.lines = append(c.lines, i+1)
		}
	}
	c.result = c.content.String()
	c.file = ecsconfig.Parse([]byte(c.result))
	for i := range c.Evidence {
		c.Evidence[i].Line, _ = c.place(c.Evidence[i].offset)
	}
	if c.Form != ConfigFile {
		c.Origins = c.origins()
	}
	c.assign()
}

// IsECSSetup says that an instance with this user data is to run ECS tasks.
func (c Configuration) IsECSSetup() bool { return len(c.Evidence) > 0 }

// place gives the line and column of a byte of the source, 1-based.
func (c Configuration) place(offset int) (line, column int) {
	index, found := slices.BinarySearch(c.lines, offset)
	if !found {
		index--
	}
	return index + 1, offset - c.lines[index] + 1
}

// origins are the lines of the file that aren't known.
func (c Configuration) origins() []Origin {
	var origins []Origin
	for _, line := range c.content.lines() {
		name, _, assigned := strings.Cut(line.String(), "=")
		if assigned && !strings.Contains(name, placeholder) || !strings.Contains(line.String(), placeholder) {
			continue
		}
		for _, p := range line.pieces {
			if p.unknown != "" {
				number, _ := c.place(p.offset)
				origins = append(origins, Origin{p.unknown, number})
				break
			}
		}
	}
	return origins
}

// assign finds the assignments of each variable that can be in force.
func (c *Configuration) assign() {
	c.byName = map[string][]Setting{}
	for _, a := range c.file.Assignments {
		name := strings.TrimSpace(a.Name)
		if !plainName.MatchString(name) || name != a.Name {
			continue
		}
		value := c.content.slice(a.ValueStart, a.ValueEnd)
		setting := Setting{Variable: name, Value: a.Value, Unknown: value.unknown()}
		if setting.Unknown != "" {
			setting.Value = secret.Text{}
		}
		setting.Line, setting.Column = c.place(c.content.offset(a.NameStart))
		if condition := c.content.slice(a.NameStart, a.ValueEnd).condition(); condition != 0 {
			setting.Condition, _ = c.place(condition - 1)
		}
		if _, seen := c.byName[name]; !seen {
			c.names = append(c.names, name)
		}
		if setting.Condition == 0 {
			c.byName[name] = nil
		}
		c.byName[name] = append(c.byName[name], setting)
	}
}

// Settings are the variables that the agent gets, in the order in which they are first set.
func (c Configuration) Settings() []Setting {
	settings := make([]Setting, 0, len(c.names))
	for _, name := range c.names {
		settings = append(settings, decided(c.byName[name]))
	}
	return settings
}

// decided is what counts among assignments of which all but the first are
// under a condition.
func decided(candidates []Setting) Setting {
	last := candidates[len(candidates)-1]
	for _, other := range candidates[:len(candidates)-1] {
		if !other.Value.Equal(last.Value) || other.Unknown != last.Unknown {
			last.Value, last.Unknown = secret.Text{}, "the condition on line "+number(last.Condition)
			return last
		}
	}
	if candidates[0].Condition == 0 {
		return candidates[0]
	}
	return last
}

func number(n int) string { return strconv.Itoa(n) }

// Lookup gives a variable's setting.
func (c Configuration) Lookup(variable string) (Setting, bool) {
	candidates, ok := c.byName[variable]
	if !ok {
		return Setting{}, false
	}
	return decided(candidates), true
}

var clusterName = lazyregexp.New(`^(?:[A-Za-z0-9_-]{1,255}|arn:[a-z0-9-]+:ecs:[a-z0-9-]*:[0-9]*:cluster/[A-Za-z0-9_-]{1,255})$`)

// Cluster is the name or ARN of the cluster that the instance joins: "default"
// where nothing names one, and Unknown where it can't be known. What is no
// cluster's name isn't given.
func (c Configuration) Cluster() Value {
	setting, ok := c.Lookup("ECS_CLUSTER")
	value := Value{Line: setting.Line, Column: setting.Column, Condition: setting.Condition}
	text := strings.TrimSpace(setting.Value.Reveal())
	switch {
	case setting.Unknown != "":
		value.Unknown = setting.Unknown
	case text != "" && clusterName.MatchString(text):
		value.Text = text
	case text != "":
		value.Unknown = "a text that is no cluster's name"
	case !ok && len(c.Origins) > 0:
		value = Value{Unknown: c.Origins[0].From, Line: c.Origins[0].Line}
	default:
		value.Text = "default"
	}
	return value
}

// IsPacked says that the source was base64 or gzip around user data.
func (c Configuration) IsPacked() bool { return c.isPacked }
