package ecsconfig

import (
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// Variable is what is known of one variable: the facts of the agent's source,
// and the checks that only this variable needs. A new variable is one row of
// the catalogue.
type Variable struct {
	Name string
	Type Type
	// Default is the agent's on Linux, DefaultWindows that on Windows where it
	// differs. ECSInit is what ecs-init sets before it reads the file, nil for
	// nothing; after a bad or an empty value in the file the agent uses Default,
	// not this.
	Default, DefaultWindows string
	ECSInit                 *string
	// Min and Max bound a valid value; "" is no bound.
	Min, Max string
	// Values are the only words that count, in their exact case unless the type
	// says otherwise; nil for any.
	Values []string
	// Bad is what a value of the wrong form does.
	Bad Consequence
	// Reader says who reads it.
	Reader Reader
	// Platform is where it works; ecs.config exists on Linux only.
	Platform Platform
	// Deprecated variables are in the documentation only.
	Deprecated bool
	// Since is the first agent release that has it, "" for always or unknown.
	Since string
	// Does says in a few words what it is for.
	Does string

	// Trimmed says that the agent removes white space around the value.
	Trimmed bool
	// Secret says that no value is ever shown.
	Secret bool
	// Resets says that a duration below Min becomes Default; otherwise it
	// becomes Min.
	Resets bool
	// Instead is the end of the sentence that says what counts after a bad value,
	// "" where it is Default.
	Instead string
	// Without is what happens if the setting is lost; the zero value means that
	// the default counts.
	Without loss
	// Check judges a value in place of the type's check, nil for that one.
	Check func(j *judge, v *Variable, value string) []problem
	// Empty judges NAME= in place of the common rule, nil for that one.
	Empty func(j *judge, v *Variable) []problem
	// Path says what a path is used for, nil where the value is none.
	Path *pathUse
	// Needs says when the variable is not read because of another one.
	Needs *need
	// Together judges the variable beside others, where the file sets it to
	// something.
	Together func(j *judge, v *Variable, a Assignment)
	// Internal says who else sets the variable, "" if nothing else does.
	Internal string
}

// Type is the form that a value must have.
type Type string

// The types, with the Go function that decides about a value.
const (
	Boolean       Type = "boolean"           // strconv.ParseBool: 1 t T TRUE true True 0 f F FALSE false False
	SDKBoolean    Type = "true or false"     // strings.EqualFold
	ExactTrue     Type = "exactly true"      // anything else is false
	Text          Type = "text"              // anything
	Region        Type = "region"            // us-east-1
	Duration      Type = "duration"          // time.ParseDuration: 1h30m, 90s, 500ms; no days, no bare numbers
	Integer       Type = "integer"           // strconv.Atoi
	Mebibytes     Type = "MiB"               // strconv.ParseUint, 16 bits
	Decimal       Type = "decimal"           // strconv.ParseFloat
	Path          Type = "path"              // of a file or directory in the agent's container
	URL           Type = "URL"               // url.Parse
	Proxy         Type = "URL or host:port"  // url.Parse
	CommaList     Type = "comma list"        //
	ImageList     Type = "image list"        // name:tag,name:tag without spaces
	StringMap     Type = "JSON object"       // of text to text
	StringList    Type = "JSON list"         // of text
	PortList      Type = "JSON port list"    // of numbers 0 to 65535
	RouteList     Type = "JSON network list" // of CIDR blocks
	RegistryAuth  Type = "registry auth"     // shared/registryauth
	RateLimit     Type = "rate,burst"        // two integers
	PortRange     Type = "port range"        // from-to, or one port
	Choice        Type = "one word of"       // exact in case
	ChoiceAnyCase Type = "one word, any case of"
)

// isJSON says that a value is JSON.
func (t Type) isJSON() bool {
	switch t {
	case StringMap, StringList, PortList, RouteList, RegistryAuth:
		return true
	}
	return false
}

// isFree says that any text is taken as a value, so that a slip of the pen can
// only be seen from the text.
func (t Type) isFree() bool {
	switch t {
	case Text, Path, URL, CommaList, ImageList, Proxy, Region:
		return true
	}
	return false
}

// Consequence is what a value of the wrong form does.
type Consequence int

// The consequences.
const (
	Unchecked        Consequence = iota // the value is used as it is
	WarnsAndDefaults                    // a warning in the log, and the default counts
	LogsAndDefaults                     // an error in the log, and the default counts
	Silent                              // the default counts
	StopsAgent                          // the agent exits, and is started again
	LosesRegistries                     // the agent has no registry credentials
	CutsOff                             // the agent cannot reach the AWS APIs
)

// Reader says which reading of the file a variable is taken from.
type Reader int

// The readers.
const (
	AgentReader   Reader = iota // the agent, from its container's environment
	BothReaders                 // that, and ecs-init from systemd's reading
	SystemdReader               // ecs-init alone, from systemd's reading
	InitReader                  // ecs-init, from its own reading
	SDKReader                   // the AWS SDK inside the agent
	RuntimeReader               // another library inside the agent's container
	NoReader                    // documentation only
)

// Platform is where a variable works.
type Platform int

// The platforms.
const (
	AnyPlatform Platform = iota
	WindowsOnly
)

// loss is what it means that a setting does not arrive.
type loss struct {
	severity finding.Severity
	sentence string
}

// need says that a variable is read only in the presence of another setting.
type need struct {
	// idle reports whether the variable is not read.
	idle func(*judge) bool
	// because and fix are the end of a sentence and an instruction.
	because, fix string
}

// catalogue is filled by init: its checks refer to it.
var (
	catalogue []Variable
	byName    map[string]*Variable
	// shapes has, by the length of a name, a bit for the first letter of each
	// variable: it spares most names of a large file the look into byName.
	shapes [maxName + 1]uint64
)

// maxName is more than the longest name of a variable has.
const maxName = 127

func init() {
	catalogue = rows()
	byName = make(map[string]*Variable, len(catalogue))
	for i := range catalogue {
		name := catalogue[i].Name
		byName[name] = &catalogue[i]
		shapes[len(name)] |= 1 << (name[0] & 63)
	}
}

// variableOf is the variable of a name, nil where there is none.
func variableOf(name string) *Variable {
	if name == "" || len(name) > maxName || shapes[len(name)]&(1<<(name[0]&63)) == 0 {
		return nil
	}
	return byName[name]
}

// Catalogue lists every variable, in the order of their readers.
func Catalogue() []Variable { return catalogue }

// who names the reader of a variable at the beginning of a sentence.
func (v *Variable) who() string {
	switch v.Reader {
	case SystemdReader, InitReader:
		return "ecs-init"
	case SDKReader:
		return "The AWS SDK in the agent"
	}
	return "The agent"
}

// fallback is what counts when the file does not set the variable.
func (v *Variable) fallback() string {
	if v.overridden() {
		return *v.ECSInit
	}
	return v.Default
}

// overridden says that ecs-init sets the variable to something else than the
// agent's default, so that a bad or an empty line changes what counts.
func (v *Variable) overridden() bool {
	return v.ECSInit != nil && *v.ECSInit != "" && strings.TrimSuffix(v.Default, "/") != strings.TrimSuffix(*v.ECSInit, "/")
}

// falls is the sentence that says what counts in place of a bad or an empty
// value.
func (v *Variable) falls() string {
	does := map[Consequence]string{
		WarnsAndDefaults: v.who() + " logs a warning and ",
		LogsAndDefaults:  v.who() + " logs an error and ",
		Silent:           v.who() + " silently ",
	}[v.Bad]
	switch {
	case v.Bad == StopsAgent:
		return Restarts.sentence()
	case does == "":
		does = v.who() + " "
	}
	switch {
	case v.Instead != "":
		return does + v.Instead
	case v.Default == "" || v.Default == "unset":
		does += "ignores the setting."
	case v.overridden():
		return does + "uses " + v.Default + ", not " + *v.ECSInit + ", which ecs-init sets if the line is absent."
	default:
		does += "uses its default, " + v.Default + "."
	}
	return does
}

// isSensitive says that a value may hold a secret, and is never shown.
func (v *Variable) isSensitive() bool { return v.Secret || v.Type == Proxy || v.Type == URL }
