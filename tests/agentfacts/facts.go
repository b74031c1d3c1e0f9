package agentfacts

import (
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Facts are what the catalogue is held against.
type Facts struct {
	// Agent and SDK are the versions that the facts are of.
	Agent string `json:"agent"`
	SDK   string `json:"aws-sdk-go-v2/config"`
	// Variables are all that the source reads from its environment.
	Variables []Variable `json:"variables"`
	// Mounts are ecs-init's binds, as HOST:CONTAINER or HOST:CONTAINER:ro.
	Mounts []string `json:"mounts"`
	// LoggingDrivers are those of tasks, AgentLogDrivers those of the agent's own
	// container, LogLevels those of its log.
	LoggingDrivers  []string `json:"logging-drivers"`
	AgentLogDrivers []string `json:"agent-log-drivers"`
	LogLevels       []string `json:"log-levels"`
	// Minimums are the bounds of agent/config.
	Minimums map[string]string `json:"minimums"`
}

// Variable is what the source says of one variable.
type Variable struct {
	Name string `json:"name"`
	// Readers are agent, ecs-init and sdk.
	Readers []string `json:"readers"`
	// Parser is the function of the source that reads it, "" for os.Getenv.
	Parser string `json:"parser,omitempty"`
	// Trimmed says that the agent trims it, Default and ECSInit are what counts
	// without it, where the source says so in a literal.
	Trimmed bool    `json:"trimmed,omitempty"`
	Default string  `json:"default,omitempty"`
	ECSInit *string `json:"ecs-init,omitempty"`
	// Fatal says that the AWS SDK refuses to load with a bad value; Words are the
	// only ones it takes.
	Fatal bool     `json:"fatal,omitempty"`
	Words []string `json:"words,omitempty"`
}

// collection gathers variables by name.
type collection map[string]*Variable

func (c collection) get(name, reader string) *Variable {
	v := c[name]
	if v == nil {
		v = &Variable{Name: name}
		c[name] = v
	}
	if !slices.Contains(v.Readers, reader) {
		v.Readers = append(v.Readers, reader)
		sort.Strings(v.Readers)
	}
	return v
}

// Extract reads the source.
func Extract(source Source) (Facts, error) {
	facts := Facts{Agent: source.Version, Minimums: map[string]string{}}
	variables := collection{}
	agent, err := load(source.Agent)
	if err != nil {
		return Facts{}, err
	}
	library, err := load(source.Library)
	if err != nil {
		return Facts{}, err
	}
	initializer, err := load(source.Init)
	if err != nil {
		return Facts{}, err
	}
	agent.outside, initializer.outside = library, library
	reads(agent, "agent", variables)
	reads(library, "agent", variables)
	reads(initializer, "ecs-init", variables)
	if err := configuration(agent, variables, &facts); err != nil {
		return Facts{}, err
	}
	if err := containerDefaults(initializer, variables); err != nil {
		return Facts{}, err
	}
	if facts.Mounts, err = mounts(initializer); err != nil {
		return Facts{}, err
	}
	facts.LoggingDrivers = append(agent.keysOf("LoggingDriverMinimumVersion"), agent.text("AWSFirelensDriver"))
	sort.Strings(facts.LoggingDrivers)
	facts.LoggingDrivers = slices.Compact(facts.LoggingDrivers)
	facts.AgentLogDrivers = initializer.keysOf("validDrivers")
	facts.LogLevels = library.keysOf("logLevels")
	if facts.SDK, err = sdk(source, variables); err != nil {
		return Facts{}, err
	}
	for _, v := range variables {
		facts.Variables = append(facts.Variables, *v)
	}
	slices.SortFunc(facts.Variables, func(a, b Variable) int { return strings.Compare(a.Name, b.Name) })
	if len(facts.LoggingDrivers) < 5 || len(facts.AgentLogDrivers) < 5 || len(facts.LogLevels) < 4 || len(facts.Mounts) < 10 || len(facts.Variables) < 100 {
		return Facts{}, errors.New("the source has another form than the generator knows: too few facts were found")
	}
	return facts, nil
}

// isVariable recognizes the name of an environment variable that a person sets.
func isVariable(name string) bool {
	return name != "" && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == "" && (strings.Contains(name, "_") || name == strings.ToUpper(name))
}

// reads collects what a module asks the environment for.
func reads(m *sources, reader string, variables collection) {
	m.calls(func(fn string, call *ast.CallExpr) {
		switch name(call.Fun) {
		case "os.Getenv", "os.LookupEnv":
			if variable, ok := m.eval(call.Args[0]); ok && isVariable(variable) {
				variables.get(variable, reader)
			}
		case "parseBooleanDefaultTrueConfig", "parseBooleanDefaultFalseConfig":
			if variable, ok := m.eval(call.Args[0]); ok && isVariable(variable) {
				variables.get(variable, reader).Parser = name(call.Fun)
			}
		case "getEnvAny":
			for _, argument := range call.Args {
				if variable, ok := m.eval(argument); ok {
					variables.get(variable, reader)
				}
			}
		}
	})
}

// configuration reads agent/config: the parser, the default and the trim tag of
// each variable.
func configuration(m *sources, variables collection, facts *Facts) error {
	read := m.function("environmentConfig")
	if read == nil {
		return errors.New("the agent's environmentConfig is not found")
	}
	defaults := map[string]ast.Expr{}
	if fn := m.function("DefaultConfig"); fn != nil {
		ast.Inspect(fn, func(n ast.Node) bool {
			if pair, ok := n.(*ast.KeyValueExpr); ok {
				defaults[name(pair.Key)] = pair.Value
			}
			return true
		})
	}
	trimmed := m.tagged("Config", "trim")
	m.fields(read, func(field, variable string, call *ast.CallExpr) {
		v := variables.get(variable, "agent")
		if parser := name(call.Fun); parser != "os.Getenv" {
			v.Parser = parser
		}
		v.Trimmed = trimmed[field]
		if expression, ok := defaults[field]; ok {
			if text, ok := m.render(expression); ok && v.Parser != "parseTaskMetadataThrottles" {
				v.Default = text
			}
		}
	})
	for constant := range m.constants {
		if strings.HasPrefix(constant, "minimum") || strings.HasPrefix(constant, "maximum") {
			if text, ok := m.render(&ast.Ident{Name: constant}); ok {
				facts.Minimums[constant] = text
			}
		}
	}
	return nil
}

// fields visits each field of the agent's Config with the variable that it is
// read from and the call that reads it.
func (s *sources) fields(read *ast.FuncDecl, visit func(field, variable string, call *ast.CallExpr)) {
	// A field may be set from a variable that a statement before filled.
	locals := map[string]ast.Expr{}
	ast.Inspect(read, func(n ast.Node) bool {
		if assign, ok := n.(*ast.AssignStmt); ok && len(assign.Rhs) == 1 {
			for _, left := range assign.Lhs {
				locals[name(left)] = assign.Rhs[0]
			}
		}
		return true
	})
	ast.Inspect(read, func(n ast.Node) bool {
		pair, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		value := pair.Value
		if local, ok := locals[name(value)]; ok {
			value = local
		}
		call, ok := value.(*ast.CallExpr)
		if !ok {
			return true
		}
		for _, variable := range s.variablesOf(call) {
			visit(name(pair.Key), variable, call)
		}
		return false
	})
}

// containerDefaults reads what ecs-init sets before it reads the file.
func containerDefaults(m *sources, variables collection) error {
	found := 0
	for _, function := range []string{"getPlatformSpecificEnvVariables", "getContainerConfig"} {
		fn := m.function(function)
		if fn == nil {
			return fmt.Errorf("ecs-init's %s is not found", function)
		}
		ast.Inspect(fn, func(n ast.Node) bool {
			var key, value ast.Expr
			switch n := n.(type) {
			case *ast.KeyValueExpr:
				key, value = n.Key, n.Value
			case *ast.AssignStmt:
				index, ok := n.Lhs[0].(*ast.IndexExpr)
				if !ok || name(index.X) != "envVariables" {
					return true
				}
				key, value = index.Index, n.Rhs[0]
			default:
				return true
			}
			variable, ok := m.eval(key)
			if !ok || !isVariable(variable) || variables[variable] != nil && variables[variable].ECSInit != nil {
				return true
			}
			text, ok := m.eval(value)
			if !ok {
				text = "computed"
			}
			v := variables[variable]
			if v == nil {
				v = variables.get(variable, "ecs-init")
			}
			v.ECSInit = &text
			found++
			return true
		})
	}
	if found < 8 {
		return errors.New("ecs-init's defaults are not found")
	}
	return nil
}

// mounts reads the binds that ecs-init gives the agent's container.
func mounts(m *sources) ([]string, error) {
	var found []string
	add := func(expression ast.Expr) {
		if text, ok := m.eval(expression); ok && strings.Count(text, ":") >= 1 && strings.HasPrefix(text, "/") {
			found = append(found, text)
		}
	}
	for _, function := range []string{"getHostConfig", "createHostConfig", "getCapabilityBinds", "getDockerPluginDirBinds", "getNsenterBinds"} {
		fn := m.function(function)
		if fn == nil {
			return nil, fmt.Errorf("ecs-init's %s is not found", function)
		}
		m.locals = map[string]ast.Expr{}
		ast.Inspect(fn, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for i, left := range n.Lhs {
					if i < len(n.Rhs) {
						if _, call := n.Rhs[i].(*ast.CallExpr); !call || name(n.Rhs[i].(*ast.CallExpr).Fun) != "append" {
							m.locals[name(left)] = n.Rhs[i]
						}
					}
				}
			case *ast.RangeStmt:
				if list, ok := m.variables[name(n.X)].(*ast.CompositeLit); ok {
					for _, element := range list.Elts {
						m.locals[name(n.Value)] = element
						ast.Inspect(n.Body, func(n ast.Node) bool {
							if call, ok := n.(*ast.CallExpr); ok && name(call.Fun) == "append" {
								for _, argument := range call.Args[1:] {
									add(argument)
								}
							}
							return true
						})
					}
					return false
				}
			case *ast.CompositeLit:
				for _, element := range n.Elts {
					add(element)
				}
			case *ast.CallExpr:
				if name(n.Fun) == "append" {
					for _, argument := range n.Args[1:] {
						add(argument)
					}
				}
			}
			return true
		})
		m.locals = nil
	}
	if endpoint := m.text("defaultDockerEndpoint"); endpoint != "" {
		found = append(found, endpoint+":"+endpoint)
	}
	sort.Strings(found)
	return slices.Compact(found), nil
}

// sdk reads the AWS SDK's own variables.
func sdk(source Source, variables collection) (string, error) {
	modules, err := source.sdkModules()
	if err != nil {
		return "", err
	}
	const prefix = "github.com/aws/aws-sdk-go-v2"
	version := modules[prefix+"/config"]
	configModule, err := download(prefix + "/config@" + version)
	if err != nil {
		return "", err
	}
	core, err := download(prefix + "@" + modules[prefix])
	if err != nil {
		return "", err
	}
	imds, err := download(prefix + "/feature/ec2/imds@" + modules[prefix+"/feature/ec2/imds"])
	if err != nil {
		return "", err
	}
	m, err := load(configModule.Dir)
	if err != nil {
		return "", err
	}
	coreSources, err := load(filepath.Join(core.Dir, "aws"))
	if err != nil {
		return "", err
	}
	imdsSources, err := load(imds.Dir)
	if err != nil {
		return "", err
	}
	m.outside = coreSources
	reads(m, "sdk", variables)
	reads(coreSources, "sdk", variables)
	reads(imdsSources, "sdk", variables)
	delete(variables, "AWS_LAMBDA_FUNCTION_NAME") // of the SDK in Lambda
	delete(variables, "_X_AMZN_TRACE_ID")
	fn := m.function("NewEnvConfig")
	if fn == nil {
		return "", errors.New("the AWS SDK's NewEnvConfig is not found")
	}
	ast.Inspect(fn, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || !strings.HasPrefix(name(call.Fun), "set") || len(call.Args) < 2 {
			return true
		}
		setter := m.function(name(call.Fun))
		if setter == nil {
			return true
		}
		for _, variable := range m.listOf(call.Args[1]) {
			v := variables.get(variable, "sdk")
			v.Parser = name(call.Fun)
			v.Fatal = setter.Type.Results != nil && len(setter.Type.Results.List) > 0
			v.Words = m.wordsOf(setter)
			switch {
			case strings.Contains(v.Parser, "RetryMode"):
				v.Words = coreSources.constantsOf("RetryMode")
			case strings.Contains(v.Parser, "DefaultsMode"):
				v.Words = coreSources.constantsOf("DefaultsMode")
			case strings.Contains(v.Parser, "IMDSEndpointMode"):
				v.Words = []string{"ipv4", "ipv6"}
			}
		}
		return true
	})
	for path := range modules {
		service, ok := strings.CutPrefix(path, prefix+"/service/")
		if !ok || strings.HasPrefix(service, "internal/") {
			continue
		}
		downloaded, err := download(path + "@" + modules[path])
		if err != nil {
			return "", err
		}
		sources, err := load(downloaded.Dir)
		if err != nil {
			return "", err
		}
		reads(sources, "sdk", variables)
	}
	return version, nil
}

// unquote gives a literal's text.
func unquote(literal *ast.BasicLit) (string, bool) {
	if literal.Kind == token.STRING {
		text, err := strconv.Unquote(literal.Value)
		return text, err == nil
	}
	return literal.Value, true
}
