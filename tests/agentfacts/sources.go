package agentfacts

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// sources are the Go files of a module that are built for Linux.
type sources struct {
	files     []*ast.File
	constants map[string]ast.Expr
	variables map[string]ast.Expr
	functions map[string]*ast.FuncDecl
	// types of typed constants, by constant.
	types map[string]string
	// outside is the module that names of other packages are looked up in,
	// locals are the variables of the function that is read.
	outside *sources
	locals  map[string]ast.Expr
}

// elsewhere are parts of file names that no Linux build of the agent has, or
// that ecs-init has for other distributions than Amazon Linux.
var elsewhere = []string{"_test.go", "_windows", "_unspecified", "_unsupported", "_darwin", "_mocks", "mock_", "_integ_", "testutil", "_generic_rpm", "suse_ubuntu", "version-gen"}

// load parses a directory.
func load(directory string) (*sources, error) {
	s := &sources{constants: map[string]ast.Expr{}, variables: map[string]ast.Expr{}, functions: map[string]*ast.FuncDecl{}, types: map[string]string{}}
	err := filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{"vendor", "mocks", "testdata", "daemonimages", "netlib", "testutils"}, entry.Name()):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".go" || slices.ContainsFunc(elsewhere, func(part string) bool { return strings.Contains(entry.Name(), part) }):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("parse the source: %w", err)
		}
		s.add(file)
		return nil
	})
	return s, err
}

func (s *sources) add(file *ast.File) {
	s.files = append(s.files, file)
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if known := s.functions[d.Name.Name]; known == nil || d.Recv == nil && known.Recv != nil {
				s.functions[d.Name.Name] = d
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				values, ok := spec.(*ast.ValueSpec)
				if !ok {
					continue
				}
				for i, identifier := range values.Names {
					if i >= len(values.Values) {
						continue
					}
					if d.Tok == token.CONST {
						s.constants[identifier.Name] = values.Values[i]
						if values.Type != nil {
							s.types[identifier.Name] = name(values.Type)
						}
					} else {
						s.variables[identifier.Name] = values.Values[i]
					}
				}
			}
		}
	}
}

// name writes an identifier or a selector.
func name(expression ast.Expr) string {
	switch e := expression.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return name(e.X) + "." + e.Sel.Name
	}
	return ""
}

func (s *sources) function(name string) *ast.FuncDecl { return s.functions[name] }

// text is the value of a constant, "" where there is none.
func (s *sources) text(constant string) string {
	text, _ := s.eval(&ast.Ident{Name: constant})
	return text
}

// calls visits every call.
func (s *sources) calls(visit func(function string, call *ast.CallExpr)) {
	for _, file := range s.files {
		for _, declaration := range file.Decls {
			fn, ok := declaration.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					visit(fn.Name.Name, call)
				}
				return true
			})
		}
	}
}

// eval gives the text of an expression that is constant, or a call of a function
// that returns one.
func (s *sources) eval(expression ast.Expr) (string, bool) { return s.evaluate(expression, 0) }

func (s *sources) evaluate(expression ast.Expr, depth int) (string, bool) {
	if depth > 20 {
		return "", false
	}
	switch e := expression.(type) {
	case *ast.BasicLit:
		return unquote(e)
	case *ast.ParenExpr:
		return s.evaluate(e.X, depth+1)
	case *ast.Ident:
		if local, ok := s.locals[e.Name]; ok {
			return s.evaluate(local, depth+1)
		}
		if value, ok := s.constants[e.Name]; ok {
			return s.evaluate(value, depth+1)
		}
		if e.Name == "directoryPrefix" {
			return "", true
		}
	case *ast.SelectorExpr:
		if text, ok := s.evaluate(e.Sel, depth+1); ok {
			return text, true
		}
		if s.outside != nil {
			return s.outside.evaluate(e.Sel, depth+1)
		}
	case *ast.BinaryExpr:
		left, ok := s.evaluate(e.X, depth+1)
		right, okRight := s.evaluate(e.Y, depth+1)
		return left + right, ok && okRight && e.Op == token.ADD
	case *ast.CallExpr:
		if called := name(e.Fun); called == "filepath.Join" {
			var parts []string
			for _, argument := range e.Args {
				part, ok := s.evaluate(argument, depth+1)
				if !ok {
					return "", false
				}
				parts = append(parts, part)
			}
			return filepath.Join(parts...), true
		} else if at := strings.LastIndexByte(called, '.'); s.functions[called[at+1:]] != nil {
			return s.result(s.functions[called[at+1:]], depth)
		}
	}
	return "", false
}

// result is what the last return statement of a function gives.
func (s *sources) result(fn *ast.FuncDecl, depth int) (text string, ok bool) {
	if fn.Body == nil || len(fn.Body.List) == 0 {
		return "", false
	}
	last, isReturn := fn.Body.List[len(fn.Body.List)-1].(*ast.ReturnStmt)
	if !isReturn || len(last.Results) == 0 {
		return "", false
	}
	return s.evaluate(last.Results[0], depth+1)
}

// variablesOf are the variables that a call reads: its literal argument, or what
// the called function asks for.
func (s *sources) variablesOf(call *ast.CallExpr) []string {
	var found []string
	ast.Inspect(call, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok {
			if text, ok := unquote(literal); ok && literal.Kind == token.STRING && isVariable(text) {
				found = append(found, text)
			}
		}
		return true
	})
	if len(found) > 0 || s.functions[name(call.Fun)] == nil {
		return found
	}
	ast.Inspect(s.functions[name(call.Fun)], func(n ast.Node) bool {
		inner, ok := n.(*ast.CallExpr)
		if !ok || len(inner.Args) != 1 || !slices.Contains([]string{"os.Getenv", "os.LookupEnv", "parseEnvVariableDuration", "parseBooleanDefaultFalseConfig", "parseBooleanDefaultTrueConfig"}, name(inner.Fun)) {
			return true
		}
		if text, ok := s.eval(inner.Args[0]); ok && isVariable(text) {
			found = append(found, text)
		}
		return true
	})
	return found
}

// tagged are the fields of a struct that have a tag.
func (s *sources) tagged(structure, tag string) map[string]bool {
	found := map[string]bool{}
	for _, file := range s.files {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || spec.Name.Name != structure {
				return true
			}
			fields, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			for _, field := range fields.Fields.List {
				if field.Tag == nil {
					continue
				}
				if text, _ := unquote(field.Tag); reflect.StructTag(text).Get(tag) != "" {
					for _, identifier := range field.Names {
						found[identifier.Name] = true
					}
				}
			}
			return true
		})
	}
	return found
}

// keysOf are the keys of a map variable.
func (s *sources) keysOf(variable string) []string {
	literal, ok := s.variables[variable].(*ast.CompositeLit)
	if !ok {
		return nil
	}
	var keys []string
	for _, element := range literal.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			if key, ok := s.eval(pair.Key); ok {
				keys = append(keys, key)
			}
		}
	}
	sort.Strings(keys)
	return keys
}

// listOf are the texts of a list, or of the variable that holds one.
func (s *sources) listOf(expression ast.Expr) []string {
	if variable, ok := s.variables[name(expression)]; ok {
		expression = variable
	}
	literal, ok := expression.(*ast.CompositeLit)
	if !ok {
		return nil
	}
	var texts []string
	for _, element := range literal.Elts {
		if text, ok := s.eval(element); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

// wordsOf are the words that a function compares its value with.
func (s *sources) wordsOf(fn *ast.FuncDecl) []string {
	var found []string
	add := func(expression ast.Expr) {
		if text, ok := s.eval(expression); ok && text != "" {
			found = append(found, strings.ToLower(text))
		}
	}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CaseClause:
			for _, expression := range n.List {
				if _, call := expression.(*ast.CallExpr); !call {
					add(expression)
				}
			}
		case *ast.CallExpr:
			if name(n.Fun) == "strings.EqualFold" && len(n.Args) == 2 {
				add(n.Args[1])
			}
		}
		return true
	})
	sort.Strings(found)
	return slices.Compact(found)
}

// constantsOf are the texts of the constants of a type.
func (s *sources) constantsOf(typeName string) []string {
	var found []string
	for constant, of := range s.types {
		if of == typeName {
			found = append(found, s.text(constant))
		}
	}
	sort.Strings(found)
	return found
}

// render writes a default as a person would: durations, numbers, booleans, texts
// and lists of these.
func (s *sources) render(expression ast.Expr) (string, bool) {
	if duration, ok := s.duration(expression, 0); ok {
		return duration.String(), true
	}
	switch e := expression.(type) {
	case *ast.Ident:
		switch e.Name {
		case "true", "false":
			return e.Name, true
		}
		if value, ok := s.constants[e.Name]; ok {
			return s.render(value)
		}
	case *ast.SelectorExpr:
		return s.render(e.Sel)
	case *ast.CompositeLit:
		if strings.HasPrefix(name(e.Type), "Boolean") && len(e.Elts) == 1 {
			if pair, ok := e.Elts[0].(*ast.KeyValueExpr); ok {
				switch name(pair.Value) {
				case "ExplicitlyEnabled":
					return "true", true
				case "ExplicitlyDisabled":
					return "false", true
				case "NotSet":
					return strconv.FormatBool(strings.Contains(name(e.Type), "DefaultTrue")), true
				}
			}
		}
		var elements []string
		for _, element := range e.Elts {
			text, ok := s.eval(element)
			if !ok && s.outside != nil {
				text, ok = s.outside.eval(element)
			}
			if !ok {
				return "", false
			}
			if _, err := strconv.Atoi(text); err != nil {
				text = strconv.Quote(text)
			}
			elements = append(elements, text)
		}
		return "[" + strings.Join(elements, ",") + "]", true
	}
	return s.eval(expression)
}

// duration computes what is written as 3 * time.Hour.
func (s *sources) duration(expression ast.Expr, depth int) (time.Duration, bool) {
	units := map[string]time.Duration{"time.Nanosecond": time.Nanosecond, "time.Millisecond": time.Millisecond, "time.Second": time.Second, "time.Minute": time.Minute, "time.Hour": time.Hour}
	if depth > 10 {
		return 0, false
	}
	switch e := expression.(type) {
	case *ast.SelectorExpr:
		unit, ok := units[name(e)]
		return unit, ok
	case *ast.Ident:
		if value, ok := s.constants[e.Name]; ok {
			return s.duration(value, depth+1)
		}
	case *ast.BinaryExpr:
		if whole, ok := s.duration(e.X, depth+1); ok && e.Op == token.QUO {
			if text, ok := s.eval(e.Y); ok {
				if divisor, err := strconv.Atoi(text); err == nil && divisor != 0 {
					return whole / time.Duration(divisor), true
				}
			}
		}
		if e.Op != token.MUL {
			return 0, false
		}
		for _, pair := range [][2]ast.Expr{{e.X, e.Y}, {e.Y, e.X}} {
			if unit, ok := s.duration(pair[1], depth+1); ok {
				if text, ok := s.eval(pair[0]); ok {
					if factor, err := strconv.ParseFloat(text, 64); err == nil {
						return time.Duration(factor * float64(unit)), true
					}
				}
			}
		}
	}
	return 0, false
}
