// Package structure reads how the code hangs together, for tests that hold it to
// the design: which functions of a package reach which, and which package
// imports which.
package structure

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Package is the source of one package, without its tests.
type Package struct {
	// Path is the import path without the module's, as in "shared/taskdef".
	Path string
	// Imports are the project's packages that it imports, as such paths.
	Imports []string

	files []*ast.File
	info  *types.Info
	types *types.Package
	// mentions are the functions and methods of the package that each one of them
	// calls or hands on.
	mentions map[*types.Func][]*types.Func
	// tables are the functions that each variable of the package lists.
	tables map[*types.Var][]*types.Func
}

// listed is what go list says of a package.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles, Imports        []string
	Standard, DepOnly       bool
}

// Load reads and type-checks the packages of the module in a folder.
func Load(folder, module string, patterns ...string) ([]*Package, error) {
	command := exec.Command("go", append([]string{"list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,Imports,Standard,DepOnly"}, patterns...)...)
	command.Dir = folder
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the packages: %w\n%s", err, stderr.String())
	}
	exports := map[string]string{}
	var wanted []listed
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var of listed
		if err := decoder.Decode(&of); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("reading the list of packages: %w", err)
		}
		exports[of.ImportPath] = of.Export
		if !of.DepOnly {
			wanted = append(wanted, of)
		}
	}
	positions := token.NewFileSet()
	lookup := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	imports := importer.ForCompiler(positions, "gc", lookup)
	var packages []*Package
	for _, of := range wanted {
		loaded, err := load(positions, imports, of, module)
		if err != nil {
			return nil, err
		}
		packages = append(packages, loaded)
	}
	return packages, nil
}

func load(positions *token.FileSet, imports types.Importer, of listed, module string) (*Package, error) {
	loaded := &Package{Path: strings.TrimPrefix(of.ImportPath, module+"/"), mentions: map[*types.Func][]*types.Func{}, tables: map[*types.Var][]*types.Func{}}
	for _, name := range of.GoFiles {
		file, err := parser.ParseFile(positions, filepath.Join(of.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", of.ImportPath, err)
		}
		loaded.files = append(loaded.files, file)
	}
	for _, path := range of.Imports {
		if ours, ok := strings.CutPrefix(path, module+"/"); ok {
			loaded.Imports = append(loaded.Imports, ours)
		}
	}
	loaded.info = &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	var err error
	if loaded.types, err = (&types.Config{Importer: imports}).Check(of.ImportPath, positions, loaded.files, loaded.info); err != nil {
		return nil, fmt.Errorf("type-checking %s: %w", of.ImportPath, err)
	}
	loaded.readTables()
	for _, file := range loaded.files {
		for _, declaration := range file.Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok && function.Body != nil {
				if defined, ok := loaded.info.Defs[function.Name].(*types.Func); ok {
					loaded.mentions[defined] = loaded.functionsIn(function.Body)
				}
			}
		}
	}
	return loaded, nil
}

// readTables finds the functions that the package's variables list.
func (p *Package) readTables() {
	for _, file := range p.files {
		for _, declaration := range file.Decls {
			general, ok := declaration.(*ast.GenDecl)
			if !ok || general.Tok != token.VAR {
				continue
			}
			for _, spec := range general.Specs {
				value, ok := spec.(*ast.ValueSpec)
				if !ok || len(value.Values) != len(value.Names) {
					continue
				}
				for i, name := range value.Names {
					if variable, ok := p.info.Defs[name].(*types.Var); ok {
						p.tables[variable] = p.functionsIn(value.Values[i])
					}
				}
			}
		}
	}
}

// functionsIn gives the package's functions and methods that a piece of code
// calls or hands on, itself or by way of a variable of the package.
func (p *Package) functionsIn(node ast.Node) []*types.Func {
	var functions []*types.Func
	ast.Inspect(node, func(node ast.Node) bool {
		if ident, ok := node.(*ast.Ident); ok {
			switch used := p.info.Uses[ident].(type) {
			case *types.Func:
				if used = used.Origin(); used.Pkg() == p.types {
					functions = append(functions, used)
				}
			case *types.Var:
				functions = append(functions, p.tables[used]...)
			}
		}
		return true
	})
	return functions
}

// Steps gives the functions that a package hands to pipeline.Function for the
// fields, as in "Observe".
func (p *Package) Steps(fields ...string) []*types.Func {
	var steps []*types.Func
	for _, file := range p.files {
		ast.Inspect(file, func(node ast.Node) bool {
			literal, ok := node.(*ast.CompositeLit)
			if !ok || !isPipelineFunction(literal.Type) {
				return true
			}
			for _, element := range literal.Elts {
				pair, ok := element.(*ast.KeyValueExpr)
				if !ok {
					continue
				}
				if key, ok := pair.Key.(*ast.Ident); ok && slices.Contains(fields, key.Name) {
					steps = append(steps, p.functionsIn(pair.Value)...)
				}
			}
			return true
		})
	}
	return steps
}

func isPipelineFunction(of ast.Expr) bool {
	list, ok := of.(*ast.IndexListExpr)
	if !ok {
		return false
	}
	selector, ok := list.X.(*ast.SelectorExpr)
	if !ok || selector.Sel.Name != "Function" {
		return false
	}
	from, ok := selector.X.(*ast.Ident)
	return ok && from.Name == "pipeline"
}

// Table gives the functions that are listed in the package's variable of a name.
func (p *Package) Table(name string) []*types.Func {
	variable, _ := p.types.Scope().Lookup(name).(*types.Var)
	return p.tables[variable]
}

// Way gives how one of the functions is reached from a start, as the names of the
// functions in between, nil if none is. A call of an interface's method leads
// nowhere.
func (p *Package) Way(start *types.Func, to []*types.Func) []string {
	came := map[*types.Func]*types.Func{start: nil}
	for queue := []*types.Func{start}; len(queue) > 0; queue = queue[1:] {
		for _, next := range p.mentions[queue[0]] {
			if _, seen := came[next]; seen {
				continue
			}
			came[next] = queue[0]
			if slices.Contains(to, next) {
				var way []string
				for at := next; at != nil; at = came[at] {
					way = append([]string{at.Name()}, way...)
				}
				return way
			}
			queue = append(queue, next)
		}
	}
	return nil
}
