package userdata

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// shell evaluates a script as far as its text alone says what it does.
type shell struct {
	machine   *machine
	script    Text
	variables map[string]Text
	functions map[string]function
	arguments []Text
	directory string
	// errexit is set -e; depth bounds scripts in scripts and functions.
	depth  int
	exited bool
	// condition is the offset, plus 1, of the condition that is being evaluated under.
	condition int
}

type function struct {
	body   *syntax.Stmt
	script Text
}

// status is how a command ends.
type status int

const (
	likely    status = iota // an ordinary command, which is expected to work
	succeeds                //
	fails                   //
	uncertain               // a test whose outcome isn't known
)

// streams are a command's standard input and output; out is nil where it goes
// to the log.
type streams struct {
	in  *Text
	out *builder
}

// runScript evaluates a script and gives the shell after it.
func (m *machine) runScript(script Text) {
	sh := &shell{machine: m, variables: map[string]Text{}, functions: map[string]function{}, directory: "/"}
	sh.run(withPlaceholders(withLineFeeds(script), m.template), streams{})
}

// withLineFeeds takes the carriage returns of Windows off the ends of lines, as
// cloud-init does (cloudinit/handlers/shell_script.py, dos2unix).
func withLineFeeds(t Text) Text {
	s := t.String()
	if !strings.Contains(s, "\r\n") {
		return t
	}
	var out builder
	kept := 0
	for i := 0; i+1 < len(s); i++ {
		if s[i] == '\r' && s[i+1] == '\n' {
			out.add(t.slice(kept, i))
			kept = i + 1
		}
	}
	out.add(t.slice(kept, len(s)))
	return out.text()
}

// run evaluates a script. Where the parser gives up, it goes on at the next line.
func (sh *shell) run(script Text, io streams) status {
	if sh.depth > 8 {
		return likely
	}
	before := sh.script
	sh.script = script
	defer func() { sh.script = before }()
	result := likely
	s := script.String()
	if len(s) > maxSize {
		return likely
	}
	start := 0
	for range 50 {
		source := []byte(s[start:])
		sh.script = script.slice(start, len(s))
		parser := syntax.NewParser(syntax.Variant(syntax.LangBash))
		var statements []*syntax.Stmt
		err := parseAll(parser, source, &statements)
		if err != nil {
			// Bash takes the end of the file for the end of a here-document.
			if delimiter, ok := unclosed(err); ok {
				closed := append(append(bytes.Clone(source), '\n'), delimiter+"\n"...)
				var again []*syntax.Stmt
				if parseAll(syntax.NewParser(syntax.Variant(syntax.LangBash)), closed, &again) == nil {
					sh.script = sh.script.plus(madeText("\n"+delimiter+"\n", sh.script.offset(len(source))))
					statements, err = again, nil
				}
			}
		}
		result = sh.statements(statements, io)
		if err == nil || sh.exited {
			return result
		}
		at := errorOffset(err, source)
		sh.machine.note(codeScript, script.offset(start+at), "")
		newline := bytes.IndexByte(source[at:], '\n')
		if newline < 0 {
			return result
		}
		start += at + newline + 1
	}
	return result
}

// parseAll gives the statements up to the first error.
func parseAll(parser *syntax.Parser, source []byte, statements *[]*syntax.Stmt) (err error) {
	defer func() {
		// The parser is fed with what strangers wrote.
		if reason := recover(); reason != nil {
			err = fmt.Errorf("parse a shell script: %v", reason)
		}
	}()
	for statement, err := range parser.StmtsSeq(bytes.NewReader(source)) {
		if err != nil {
			return err
		}
		*statements = append(*statements, statement)
	}
	return nil
}

func unclosed(err error) (delimiter string, ok bool) {
	parseError, is := err.(syntax.ParseError)
	if !is {
		return "", false
	}
	_, rest, found := strings.Cut(parseError.Text, "unclosed here-document ")
	return strings.Trim(rest, "`'\""), found
}

func errorOffset(err error, source []byte) int {
	switch e := err.(type) {
	case syntax.ParseError:
		return min(int(e.Pos.Offset()), len(source))
	case syntax.LangError:
		return min(int(e.Pos.Offset()), len(source))
	}
	return 0
}

func (sh *shell) text(node syntax.Node) Text {
	return sh.script.slice(int(node.Pos().Offset()), int(node.End().Offset()))
}

func (sh *shell) offset(pos syntax.Pos) int { return sh.script.offset(int(pos.Offset())) }

func (sh *shell) statements(statements []*syntax.Stmt, io streams) status {
	result := succeeds
	for _, statement := range statements {
		if sh.exited {
			break
		}
		result = sh.statement(statement, io)
	}
	return result
}

func (sh *shell) statement(statement *syntax.Stmt, io streams) status {
	if sh.machine.steps--; sh.machine.steps < 0 {
		sh.exited = true
		return likely
	}
	if sh.isExec(statement) {
		return likely
	}
	inner := io
	type target struct {
		name    string
		appends bool
	}
	var to *target
	for _, redirect := range statement.Redirs {
		standardOutput := redirect.N == nil || redirect.N.Value == "1"
		switch redirect.Op {
		case syntax.RdrOut, syntax.AppOut, syntax.RdrClob, syntax.RdrAll, syntax.AppAll:
			if !standardOutput && redirect.Op != syntax.RdrAll && redirect.Op != syntax.AppAll {
				continue
			}
			to = &target{cleanPath(sh.directory, sh.one(redirect.Word)), redirect.Op == syntax.AppOut || redirect.Op == syntax.AppAll}
			inner.out = &builder{}
		case syntax.DplOut:
			if standardOutput {
				to, inner.out = nil, nil
			}
		case syntax.RdrIn:
			inner.in = sh.read(sh.one(redirect.Word))
		case syntax.Hdoc, syntax.DashHdoc:
			text := sh.hereDocument(redirect)
			inner.in = &text
		case syntax.WordHdoc:
			text := sh.one(redirect.Word).plus(madeText("\n", sh.offset(redirect.Pos())))
			inner.in = &text
		}
	}
	// The shell opens, and empties, the file before the command runs.
	at := sh.offset(statement.Pos())
	result := likely
	if statement.Cmd != nil {
		result = sh.command(statement.Cmd, inner)
	}
	if to != nil && to.name != "" {
		sh.write(to.name, inner.out.text(), to.appends, at)
	}
	if statement.Negated {
		switch result {
		case succeeds:
			result = fails
		case fails:
			result = succeeds
		default:
			result = uncertain
		}
	}
	return result
}

// isExec says that a statement only redirects what the whole script prints.
func (sh *shell) isExec(statement *syntax.Stmt) bool {
	call, ok := statement.Cmd.(*syntax.CallExpr)
	return ok && len(call.Args) == 1 && call.Args[0].Lit() == "exec"
}

func (sh *shell) write(name string, content Text, appends bool, at int) {
	if sh.condition != 0 {
		content = content.under(sh.condition)
	}
	sh.machine.write(name, content, appends, at)
}

// read gives a file's content, nil where it isn't known.
func (sh *shell) read(word Text) *Text {
	content, ok := sh.machine.files[cleanPath(sh.directory, word)]
	if !ok {
		return nil
	}
	return &content
}

func (sh *shell) command(command syntax.Command, io streams) status {
	switch c := command.(type) {
	case *syntax.CallExpr:
		return sh.call(c, io)
	case *syntax.DeclClause:
		for _, assignment := range c.Args {
			if assignment.Name != nil && !assignment.Naked {
				sh.assign(assignment)
			}
		}
	case *syntax.Block:
		return sh.statements(c.Stmts, io)
	case *syntax.Subshell:
		child := sh.child()
		return child.statements(c.Stmts, io)
	case *syntax.BinaryCmd:
		return sh.binary(c, io)
	case *syntax.IfClause:
		sh.ifClause(c, io)
	case *syntax.WhileClause:
		sh.branches(c.Pos(), io, nil, func(io streams) {
			sh.statements(c.Cond, io)
			sh.statements(c.Do, io)
		})
	case *syntax.ForClause:
		sh.forClause(c, io)
	case *syntax.CaseClause:
		sh.caseClause(c, io)
	case *syntax.FuncDecl:
		if c.Name != nil {
			sh.functions[c.Name.Value] = function{c.Body, sh.script}
		}
	case *syntax.TestClause:
		return sh.testExpression(c.X)
	case *syntax.TimeClause:
		if c.Stmt != nil {
			return sh.statement(c.Stmt, io)
		}
	case *syntax.ArithmCmd, *syntax.LetClause:
		return uncertain
	}
	return likely
}

func (sh *shell) child() *shell {
	child := *sh
	child.variables = maps.Clone(sh.variables)
	child.functions = maps.Clone(sh.functions)
	child.depth++
	return &child
}

func (sh *shell) binary(c *syntax.BinaryCmd, io streams) status {
	switch c.Op {
	case syntax.AndStmt:
		first := sh.statement(c.X, io)
		switch first {
		case fails:
			return fails
		case uncertain:
			sh.branches(c.X.Pos(), io, nil, func(io streams) { sh.statement(c.Y, io) })
			return uncertain
		}
		return sh.statement(c.Y, io)
	case syntax.OrStmt:
		first := sh.statement(c.X, io)
		switch first {
		case succeeds:
			return succeeds
		case fails:
			return sh.statement(c.Y, io)
		}
		sh.branches(c.X.Pos(), io, nil, func(io streams) { sh.statement(c.Y, io) })
		return first
	default: // a pipe
		out := &builder{}
		left := sh.child()
		left.statement(c.X, streams{in: io.in, out: out})
		text := out.text()
		right := sh.child()
		result := right.statement(c.Y, streams{in: &text, out: io.out})
		return result
	}
}

// branches evaluates what may or may not happen, one after the other from the
// same state, and merges what they leave behind. The first is that nothing
// happens, unless it is exhaustive.
func (sh *shell) branches(condition syntax.Pos, io streams, exhaustive []func(streams), possible ...func(streams)) {
	alternatives := exhaustive
	if exhaustive == nil {
		alternatives = append([]func(streams){func(streams) {}}, possible...)
	}
	outer := sh.condition
	if outer == 0 {
		sh.condition = sh.offset(condition) + 1
	}
	variables, files := sh.variables, sh.machine.snapshot()
	var allVariables []map[string]Text
	var allFiles []map[string]Text
	var outputs []Text
	for _, alternative := range alternatives {
		sh.variables, sh.machine.files = maps.Clone(variables), maps.Clone(files)
		branch := io
		if io.out != nil {
			branch.out = &builder{}
		}
		alternative(branch)
		if sh.exited {
			// What comes after is for the other branches.
			if sh.exited = false; len(alternatives) > 1 {
				allFiles = append(allFiles, sh.machine.files)
				continue
			}
		}
		allVariables, allFiles = append(allVariables, sh.variables), append(allFiles, sh.machine.files)
		if io.out != nil {
			outputs = append(outputs, branch.out.text().under(sh.condition))
		}
	}
	for _, output := range outputs {
		io.out.add(output)
	}
	sh.machine.merge(files, allFiles, sh.condition)
	sh.variables = variables
	if len(allVariables) > 0 {
		sh.variables = mergedVariables(allVariables, sh.offset(condition))
	}
	sh.condition = outer
}

func mergedVariables(branches []map[string]Text, at int) map[string]Text {
	merged := map[string]Text{}
	for _, variables := range branches {
		for name := range variables {
			if _, done := merged[name]; done {
				continue
			}
			first, everywhere := branches[0][name]
			same := everywhere
			for _, other := range branches[1:] {
				value, set := other[name]
				same = same && set && value.String() == first.String()
			}
			if same {
				merged[name] = first
			} else {
				merged[name] = unknownText("${"+name+"}", at)
			}
		}
	}
	return merged
}

func (sh *shell) ifClause(c *syntax.IfClause, io streams) {
	if len(c.Cond) == 0 { // else
		sh.statements(c.Then, io)
		return
	}
	switch sh.statements(c.Cond, streams{in: io.in}) {
	case succeeds:
		sh.statements(c.Then, io)
	case fails:
		if c.Else != nil {
			sh.ifClause(c.Else, io)
		}
	default:
		branches := []func(streams){
			func(io streams) { sh.statements(c.Then, io) },
			func(io streams) {
				if c.Else != nil {
					sh.ifClause(c.Else, io)
				}
			},
		}
		sh.branches(c.Pos(), io, branches)
	}
}

func (sh *shell) forClause(c *syntax.ForClause, io streams) {
	loop, ok := c.Loop.(*syntax.WordIter)
	if ok && loop.Name != nil {
		var items []Text
		for _, word := range loop.Items {
			items = append(items, sh.fields(word)...)
		}
		known := len(items) <= 100 && !slices.ContainsFunc(items, func(t Text) bool { return t.unknown() != "" || strings.ContainsAny(t.String(), "*?") })
		if known && len(loop.Items) > 0 {
			for _, item := range items {
				if sh.exited {
					return
				}
				sh.variables[loop.Name.Value] = item
				sh.statements(c.Do, io)
			}
			return
		}
		sh.variables[loop.Name.Value] = unknownText("${"+loop.Name.Value+"}", sh.offset(c.Pos()))
	}
	sh.branches(c.Pos(), io, nil, func(io streams) { sh.statements(c.Do, io) })
}

func (sh *shell) caseClause(c *syntax.CaseClause, io streams) {
	subject := sh.one(c.Word)
	if subject.unknown() == "" {
		for _, item := range c.Items {
			matches, known := sh.matchesPattern(subject, item.Patterns)
			if !known {
				break
			}
			if matches {
				sh.statements(item.Stmts, io)
				return
			}
			if item == c.Items[len(c.Items)-1] {
				return
			}
		}
	}
	var possible []func(streams)
	exhaustive := false
	for _, item := range c.Items {
		possible = append(possible, func(io streams) { sh.statements(item.Stmts, io) })
		for _, pattern := range item.Patterns {
			exhaustive = exhaustive || sh.text(pattern).String() == "*"
		}
	}
	if exhaustive {
		sh.branches(c.Pos(), io, possible)
		return
	}
	sh.branches(c.Pos(), io, nil, possible...)
}

// matchesPattern says whether one of the patterns matches, as far as they are
// plain words or "*".
func (sh *shell) matchesPattern(subject Text, patterns []*syntax.Word) (matches, known bool) {
	for _, pattern := range patterns {
		word := sh.one(pattern)
		raw := sh.text(pattern).String()
		switch {
		case raw == "*":
			return true, true
		case word.unknown() != "" || strings.ContainsAny(raw, "*?["):
			return false, false
		case word.String() == subject.String():
			return true, true
		}
	}
	return false, true
}

func (sh *shell) testExpression(expression syntax.TestExpr) status {
	switch x := expression.(type) {
	case *syntax.ParenTest:
		return sh.testExpression(x.X)
	case *syntax.Word:
		return isTrue(sh.one(x), func(s string) bool { return s != "" })
	case *syntax.UnaryTest:
		switch x.Op {
		case syntax.TsNot:
			switch sh.testExpression(x.X) {
			case succeeds:
				return fails
			case fails:
				return succeeds
			}
		case syntax.TsEmpStr, syntax.TsNempStr:
			if word, ok := x.X.(*syntax.Word); ok {
				return isTrue(sh.one(word), func(s string) bool { return (s == "") == (x.Op == syntax.TsEmpStr) })
			}
		}
	case *syntax.BinaryTest:
		switch x.Op {
		case syntax.AndTest, syntax.OrTest:
			first, second := sh.testExpression(x.X), sh.testExpression(x.Y)
			decides, other := fails, succeeds
			if x.Op == syntax.OrTest {
				decides, other = succeeds, fails
			}
			if first == decides || second == decides {
				return decides
			}
			if first == other && second == other {
				return other
			}
		case syntax.TsMatch, syntax.TsMatchShort, syntax.TsNoMatch:
			left, ok := x.X.(*syntax.Word)
			right, also := x.Y.(*syntax.Word)
			if ok && also && !strings.ContainsAny(sh.text(right).String(), "*?[") {
				return isEqual(sh.one(left), sh.one(right), x.Op != syntax.TsNoMatch)
			}
		}
	}
	return uncertain
}

func isTrue(value Text, test func(string) bool) status {
	if value.unknown() != "" {
		return uncertain
	}
	if test(value.String()) {
		return succeeds
	}
	return fails
}

func isEqual(a, b Text, want bool) status {
	if a.unknown() != "" || b.unknown() != "" {
		return uncertain
	}
	if (a.String() == b.String()) == want {
		return succeeds
	}
	return fails
}
