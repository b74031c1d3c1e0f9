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
	machine *machine
	script  Text
	// variables are the texts of the variables: of an array, the first element's.
	variables map[string]Text
	arrays    map[string]array
	functions map[string]function
	arguments []Text
	// hasArguments says that the arguments are known, though there may be none.
	hasArguments bool
	// directory is where relative paths begin; directories are the ones to which
	// popd goes back.
	directory   string
	directories []string
	// standardOutput is where exec has sent what the script prints, nil for the
	// log; descriptors are the other open files by number.
	standardOutput *target
	descriptors    map[string]target
	// depth bounds scripts in scripts and functions.
	depth int
	// stop is what ends the commands that are being evaluated, levels how many
	// loops it ends.
	stop   control
	levels int
	// returned is the status that return gave.
	returned status
	// locals are the variables to restore when the function ends, nil outside
	// functions.
	locals map[string]saved
	// condition is the offset, plus 1, of the condition that is being evaluated under.
	condition int
	// exported are the variables that a program gets, which all are after set -a
	// (exportsAll). exportsFunctions says that some functions are exported, too.
	exported                     map[string]bool
	exportsAll, exportsFunctions bool
	// integers are the variables that are declared as such (declare -i).
	integers map[string]bool
	// bare says that the command at hand gets none of them.
	bare bool
	// keepsFiles says that > writes no file that is there (set -C).
	keepsFiles bool
	// endsOnFailure is set -e; tested is how deep the commands are whose failure set -e
	// passes over.
	endsOnFailure bool
	tested        int
	// pipesFail says that a pipe fails with any of its commands (set -o pipefail).
	pipesFail bool
	// atExit is what the shell runs at its end (trap … EXIT).
	atExit *Text
}

type function struct {
	body   *syntax.Stmt
	script Text
}

// target is a file that a command's output goes to.
type target struct {
	name    string
	appends bool
}

// control is what makes a shell leave out the commands that follow.
type control int

const (
	goesOn control = iota
	breaks
	continues
	returns
	exits
)

func newShell(m *machine) *shell {
	return &shell{machine: m, variables: map[string]Text{}, arrays: map[string]array{}, functions: map[string]function{}, exported: map[string]bool{}, directory: "/"}
}

// status is how a command ends.
type status int

const (
	likely    status = iota // an ordinary command, which is expected to work
	succeeds                //
	fails                   //
	uncertain               // a test whose outcome isn't known
)

// negated is the status after "!".
func (s status) negated() status {
	switch s {
	case succeeds:
		return fails
	case fails:
		return succeeds
	}
	return uncertain
}

// outcome is the status of a test with a known result.
func outcome(holds bool) status {
	if holds {
		return succeeds
	}
	return fails
}

// streams are a command's standard input and output; out is nil where it goes
// to the log.
type streams struct {
	in  *Text
	out *builder
}

// runScript evaluates a script and gives the shell after it.
func (m *machine) runScript(script Text) {
	sh := newShell(m)
	sh.run(withPlaceholders(withLineFeeds(script), m.template), streams{})
	sh.end(streams{})
}

// end runs what the script has asked for at its end.
func (sh *shell) end(io streams) {
	if sh.atExit != nil && sh.depth <= 8 {
		script := *sh.atExit
		sh.atExit, sh.stop, sh.endsOnFailure = nil, goesOn, false
		sh.run(script, io)
	}
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
		if err == nil || sh.stop != goesOn {
			return result
		}
		offset := errorOffset(err, source)
		sh.machine.note(codeScript, script.offset(start+offset), "")
		newline := bytes.IndexByte(source[offset:], '\n')
		if newline < 0 {
			return result
		}
		start += offset + newline + 1
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
		if sh.stop != goesOn {
			break
		}
		result = sh.statement(statement, io)
		if result == fails && sh.endsOnFailure && sh.tested == 0 && sh.stop == goesOn && endsScript(statement) {
			sh.stop = exits
		}
	}
	return result
}

// endsScript reports whether a statement that fails ends a script after set -e. Of
// lists with && and ||, only the last command can, so they are passed over.
func endsScript(statement *syntax.Stmt) bool {
	list, isList := statement.Cmd.(*syntax.BinaryCmd)
	return !statement.Negated && !statement.Background && !(isList && (list.Op == syntax.AndStmt || list.Op == syntax.OrStmt))
}

// testing evaluates what may fail after set -e, too.
func (sh *shell) testing(evaluate func() status) status {
	sh.tested++
	defer func() { sh.tested-- }()
	return evaluate()
}

func (sh *shell) statement(statement *syntax.Stmt, io streams) status {
	if sh.machine.steps--; sh.machine.steps < 0 {
		sh.stop = exits
		return likely
	}
	if sh.isExec(statement) {
		sh.redirectAll(statement.Redirs)
		return likely
	}
	offset := sh.offset(statement.Pos())
	if sh.refuses(statement.Redirs) {
		return fails
	}
	inner, to := sh.redirected(statement.Redirs, io)
	result := likely
	switch {
	case statement.Cmd != nil && statement.Negated:
		result = sh.testing(func() status { return sh.command(statement.Cmd, inner) })
	case statement.Cmd != nil:
		result = sh.command(statement.Cmd, inner)
	case inner.in != nil:
		sh.print(inner, *inner.in) // $(< FILE)
	}
	if to != nil && to.name != "" {
		// The shell opens, and empties, the file before the command runs.
		sh.write(to.name, inner.out.text(), to.appends, offset)
	}
	if statement.Negated {
		return result.negated()
	}
	return result
}

// redirected gives a command's streams, and the file that its output goes to,
// nil for none.
func (sh *shell) redirected(redirects []*syntax.Redirect, io streams) (streams, *target) {
	inner := io
	var to, opened *target
	if io.out == nil && sh.standardOutput != nil {
		to, inner.out = sh.standardOutput, &builder{}
	}
	for _, redirect := range redirects {
		switch redirect.Op {
		case syntax.RdrOut, syntax.AppOut, syntax.RdrClob, syntax.RdrAll, syntax.AppAll:
			if !isStandardOutput(redirect) {
				continue
			}
			if opened != nil && opened.name != "" && !opened.appends {
				// The shell empties it all the same.
				sh.write(opened.name, Text{}, false, sh.offset(redirect.Pos()))
			}
			opened = sh.targetOf(redirect)
			to, inner.out = opened, &builder{}
		case syntax.DplOut:
			if !isStandardOutput(redirect) {
				continue
			}
			to, inner.out = nil, nil
			if open, ok := sh.descriptors[sh.text(redirect.Word).String()]; ok {
				to, inner.out = &open, &builder{}
			}
		case syntax.RdrIn:
			inner.in = sh.readFrom(redirect.Word)
		case syntax.Hdoc, syntax.DashHdoc:
			text := sh.hereDocument(redirect)
			inner.in = &text
		case syntax.WordHdoc:
			text := sh.one(redirect.Word).plus(madeText("\n", sh.offset(redirect.Pos())))
			inner.in = &text
		}
	}
	return inner, to
}

// refuses says that a redirection would overwrite a file after set -C: then the
// command isn't run.
func (sh *shell) refuses(redirects []*syntax.Redirect) bool {
	return sh.keepsFiles && slices.ContainsFunc(redirects, func(redirect *syntax.Redirect) bool {
		return redirect.Op == syntax.RdrOut && sh.overwrites(sh.targetOf(redirect).name) == succeeds
	})
}

func isStandardOutput(redirect *syntax.Redirect) bool {
	return redirect.N == nil || redirect.N.Value == "1" || redirect.Op == syntax.RdrAll || redirect.Op == syntax.AppAll
}

func (sh *shell) targetOf(redirect *syntax.Redirect) *target {
	return &target{cleanPath(sh.directory, sh.one(redirect.Word)), redirect.Op == syntax.AppOut || redirect.Op == syntax.AppAll}
}

// isExec says that a statement only redirects what the whole script prints.
func (sh *shell) isExec(statement *syntax.Stmt) bool {
	call, ok := statement.Cmd.(*syntax.CallExpr)
	return ok && len(call.Args) == 1 && call.Args[0].Lit() == "exec"
}

// redirectAll follows exec with redirections and no command: they hold for the
// commands that come after it.
func (sh *shell) redirectAll(redirects []*syntax.Redirect) {
	for _, redirect := range redirects {
		switch redirect.Op {
		case syntax.RdrOut, syntax.AppOut, syntax.RdrClob, syntax.RdrAll, syntax.AppAll:
		case syntax.DplOut:
			if isStandardOutput(redirect) {
				sh.standardOutput = nil
				if open, ok := sh.descriptors[sh.text(redirect.Word).String()]; ok {
					sh.standardOutput = &open
				}
			} else {
				delete(sh.descriptors, redirect.N.Value) // closed, or the log
			}
			continue
		default:
			continue
		}
		to := sh.targetOf(redirect)
		if _, known := sh.machine.files[to.name]; to.name != "" && !to.appends && known {
			sh.write(to.name, Text{}, false, sh.offset(redirect.Pos()))
		}
		to.appends = true
		switch {
		case isStandardOutput(redirect) && to.name == "":
			sh.standardOutput = nil
		case isStandardOutput(redirect):
			sh.standardOutput = to
		default:
			descriptors := maps.Clone(sh.descriptors)
			if descriptors == nil {
				descriptors = map[string]target{}
			}
			descriptors[redirect.N.Value] = *to
			sh.descriptors = descriptors
		}
	}
}

func (sh *shell) write(name string, content Text, appends bool, offset int) {
	if sh.condition != 0 {
		content = content.under(sh.condition)
	}
	sh.machine.write(name, content, appends, offset)
}

// readFrom gives the content of a file, or of a process substitution.
func (sh *shell) readFrom(word *syntax.Word) *Text {
	if len(word.Parts) == 1 {
		if p, ok := word.Parts[0].(*syntax.ProcSubst); ok && p.Op == syntax.CmdIn && sh.depth <= 8 {
			out := &builder{}
			sh.child().statements(p.Stmts, streams{out: out})
			text := sh.machine.bounded(out.text())
			return &text
		}
	}
	return sh.read(sh.one(word))
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
		sh.declare(c)
		return succeeds
	case *syntax.Block:
		return sh.statements(c.Stmts, io)
	case *syntax.Subshell:
		child := sh.child()
		result := child.statements(c.Stmts, io)
		child.end(io)
		return result
	case *syntax.BinaryCmd:
		return sh.binary(c, io)
	case *syntax.IfClause:
		sh.ifClause(c, io)
	case *syntax.WhileClause:
		sh.whileClause(c, io)
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
	case *syntax.ArithmCmd:
		return sh.arithmeticStatus(c.X)
	case *syntax.LetClause:
		result := uncertain
		for _, expression := range c.Exprs {
			result = sh.arithmeticStatus(expression)
		}
		return result
	}
	return likely
}

func (sh *shell) child() *shell {
	child := *sh
	child.variables = maps.Clone(sh.variables)
	child.arrays = maps.Clone(sh.arrays)
	child.functions = maps.Clone(sh.functions)
	child.exported = maps.Clone(sh.exported)
	child.atExit = nil
	child.depth++
	return &child
}

// inherited are variables that the machine exports to every program.
var inherited = []string{"PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "OLDPWD", "LANG", "LC_ALL", "TERM"}

// process gives the shell of a program of its own, which gets only what is exported:
// any other variable is empty there.
func (sh *shell) process() *shell {
	child := sh.child()
	child.bare, child.integers = false, nil
	child.keepsFiles, child.endsOnFailure, child.pipesFail, child.tested, child.locals = false, false, false, 0, nil
	if !sh.exportsFunctions {
		child.functions = map[string]function{}
	}
	for name := range sh.variables {
		switch {
		case name == "IFS":
			delete(child.variables, name)
		case plainName.MatchString(name) && (sh.bare || !sh.exported[name]) && !slices.Contains(inherited, name):
			child.variables[name] = Text{}
		}
	}
	for name := range sh.arrays {
		delete(child.arrays, name)
		child.variables[name] = Text{}
	}
	return child
}

func (sh *shell) binary(c *syntax.BinaryCmd, io streams) status {
	switch c.Op {
	case syntax.AndStmt:
		first := sh.testing(func() status { return sh.statement(c.X, io) })
		switch first {
		case fails:
			return fails
		case uncertain:
			sh.branches(c.X.Pos(), io, nil, func(io streams) { sh.statement(c.Y, io) })
			return uncertain
		}
		return sh.statement(c.Y, io)
	case syntax.OrStmt:
		first := sh.testing(func() status { return sh.statement(c.X, io) })
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
		first := left.statement(c.X, streams{in: io.in, out: out})
		text := out.text()
		right := sh.child()
		result := right.statement(c.Y, streams{in: &text, out: io.out})
		if sh.pipesFail && first == fails {
			return fails
		}
		return result
	}
}

// branch is the state that one alternative leaves behind.
type branch struct {
	variables map[string]Text
	arrays    map[string]array
	files     map[string]Text
	stop      control
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
	before := branch{variables: sh.variables, arrays: sh.arrays, files: sh.machine.snapshot()}
	var ended []branch
	for _, alternative := range alternatives {
		sh.variables, sh.arrays, sh.machine.files = maps.Clone(before.variables), maps.Clone(before.arrays), maps.Clone(before.files)
		output := io
		if io.out != nil {
			output.out = &builder{}
		}
		alternative(output)
		ended = append(ended, branch{sh.variables, sh.arrays, sh.machine.files, sh.stop})
		if io.out != nil {
			io.out.add(output.out.text().under(sh.condition))
		}
		sh.stop = goesOn
	}
	sh.mergeBranches(before, ended, sh.offset(condition))
	sh.condition = outer
}

// mergeBranches sets the state after the branches of a condition at an offset.
// What follows is for those that go on; where all stop, the shell does.
func (sh *shell) mergeBranches(before branch, ended []branch, offset int) {
	var files []map[string]Text
	var on []branch
	stop := exits
	for _, b := range ended {
		files = append(files, b.files)
		if b.stop != exits {
			on = append(on, b)
		}
		stop = min(stop, b.stop)
	}
	sh.stop = stop
	sh.machine.merge(before.files, files, sh.condition)
	sh.variables, sh.arrays = before.variables, before.arrays
	if len(on) > 0 {
		sh.variables = mergedVariables(on, offset)
		sh.arrays = mergedArrays(on)
	}
}

func mergedVariables(branches []branch, offset int) map[string]Text {
	merged := map[string]Text{}
	for _, b := range branches {
		for name := range b.variables {
			if _, done := merged[name]; done {
				continue
			}
			first, everywhere := branches[0].variables[name]
			same := everywhere
			for _, other := range branches[1:] {
				value, set := other.variables[name]
				same = same && set && value.String() == first.String()
			}
			if same {
				merged[name] = first
			} else {
				merged[name] = unknownText("${"+name+"}", offset)
			}
		}
	}
	return merged
}

// mergedArrays are the arrays that all branches leave behind.
func mergedArrays(branches []branch) map[string]array {
	merged := map[string]array{}
	for name, first := range branches[0].arrays {
		if !slices.ContainsFunc(branches, func(b branch) bool { return !b.arrays[name].equal(first) }) {
			merged[name] = first
		}
	}
	return merged
}

func (sh *shell) ifClause(c *syntax.IfClause, io streams) {
	if len(c.Cond) == 0 { // else
		sh.statements(c.Then, io)
		return
	}
	switch sh.testing(func() status { return sh.statements(c.Cond, streams{in: io.in}) }) {
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

// maxRounds bounds the rounds of a loop that are evaluated one by one.
const maxRounds = 100

// round evaluates a loop's body once and says whether the loop goes on.
func (sh *shell) round(body []*syntax.Stmt, io streams) bool {
	sh.statements(body, io)
	if sh.stop != breaks && sh.stop != continues {
		return sh.stop == goesOn
	}
	if sh.levels--; sh.levels > 0 {
		return false // for a loop around this one
	}
	again := sh.stop == continues
	sh.stop = goesOn
	return again
}

// perhaps evaluates a loop's body as what may or may not happen.
func (sh *shell) perhaps(pos syntax.Pos, body []*syntax.Stmt, io streams) {
	sh.branches(pos, io, nil, func(io streams) { sh.round(body, io) })
}

func (sh *shell) whileClause(c *syntax.WhileClause, io streams) {
	for range maxRounds {
		goes := sh.testing(func() status { return sh.statements(c.Cond, io) })
		if c.Until {
			goes = goes.negated()
		}
		switch {
		case goes == fails || sh.stop != goesOn:
			return
		case goes == succeeds:
			if !sh.round(c.Do, io) {
				return
			}
			continue
		}
		sh.perhaps(c.Pos(), c.Do, io)
		return
	}
}

func (sh *shell) forClause(c *syntax.ForClause, io streams) {
	switch loop := c.Loop.(type) {
	case *syntax.WordIter:
		sh.forWords(c, loop, io)
	case *syntax.CStyleLoop:
		sh.forNumbers(c, loop, io)
	}
}

func (sh *shell) forWords(c *syntax.ForClause, loop *syntax.WordIter, io streams) {
	var items []Text
	for _, word := range loop.Items {
		items = append(items, sh.fields(word)...)
	}
	if !loop.InPos.IsValid() {
		items = sh.arguments // for NAME; do
	}
	isOpen := func(t Text) bool { return t.unknown() != "" || strings.ContainsAny(t.String(), "*?") }
	if len(items) > maxRounds || slices.ContainsFunc(items, isOpen) {
		sh.setVariable(loop.Name.Value, unknownText("${"+loop.Name.Value+"}", sh.offset(c.Pos())))
		sh.perhaps(c.Pos(), c.Do, io)
		return
	}
	for _, item := range items {
		sh.setVariable(loop.Name.Value, item)
		if !sh.round(c.Do, io) {
			return
		}
	}
}

// forNumbers evaluates for ((…; …; …)).
func (sh *shell) forNumbers(c *syntax.ForClause, loop *syntax.CStyleLoop, io streams) {
	if loop.Init != nil {
		sh.arithmetic(loop.Init)
	}
	for range maxRounds {
		goes := uncertain
		if loop.Cond != nil {
			goes = sh.arithmeticStatus(loop.Cond)
		}
		switch goes {
		case fails:
			return
		case succeeds:
			if !sh.round(c.Do, io) {
				return
			}
		default:
			sh.perhaps(c.Pos(), c.Do, io)
			return
		}
		if loop.Post != nil {
			sh.arithmetic(loop.Post)
		}
	}
}

func (sh *shell) caseClause(c *syntax.CaseClause, io streams) {
	subject := sh.one(c.Word)
	if subject.unknown() == "" {
		falls := false
		for i, item := range c.Items {
			matches, known := true, true
			if !falls {
				matches, known = sh.matchesOne(subject, item.Patterns)
			}
			if !known {
				break
			}
			if falls = false; matches {
				sh.statements(item.Stmts, io)
				if item.Op == syntax.Break || sh.stop != goesOn {
					return
				}
				falls = item.Op == syntax.Fallthrough
			}
			if i == len(c.Items)-1 {
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

// matchesOne says whether one of the patterns matches.
func (sh *shell) matchesOne(subject Text, patterns []*syntax.Word) (matches, known bool) {
	for _, pattern := range patterns {
		expression := sh.pattern(pattern, true, false)
		if expression == nil {
			return false, false
		}
		if expression.MatchString(subject.String()) {
			return true, true
		}
	}
	return false, true
}
