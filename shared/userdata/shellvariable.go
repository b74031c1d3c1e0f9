package userdata

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// array is a variable with several elements. It is never changed, since branches
// share it.
type array struct {
	associative bool
	keys        []string
	values      []Text
}

// maxElements bounds an array.
const maxElements = 1000

func indexedArray(values []Text) array {
	a := array{values: values}
	for i := range values {
		a.keys = append(a.keys, strconv.Itoa(i))
	}
	return a
}

func (a array) get(key string) (Text, bool) {
	if i := slices.Index(a.keys, key); i >= 0 {
		return a.values[i], true
	}
	return Text{}, false
}

// with gives the array with another value for a key.
func (a array) with(key string, value Text) array {
	changed := array{a.associative, slices.Clone(a.keys), slices.Clone(a.values)}
	if i := slices.Index(changed.keys, key); i >= 0 {
		changed.values[i] = value
		return changed
	}
	changed.keys, changed.values = append(changed.keys, key), append(changed.values, value)
	return changed
}

// without gives the array without a key.
func (a array) without(key string) array {
	changed := array{a.associative, slices.Clone(a.keys), slices.Clone(a.values)}
	if i := slices.Index(changed.keys, key); i >= 0 {
		changed.keys, changed.values = slices.Delete(changed.keys, i, i+1), slices.Delete(changed.values, i, i+1)
	}
	return changed
}

// next is the index behind the last one.
func (a array) next() int {
	next := 0
	for _, key := range a.keys {
		if n, err := strconv.Atoi(key); err == nil {
			next = max(next, n+1)
		}
	}
	return next
}

// appended gives the array with more elements at its end.
func (a array) appended(values []Text) array {
	next := a.next()
	grown := array{a.associative, slices.Clone(a.keys), slices.Clone(a.values)}
	for i, value := range values {
		grown.keys, grown.values = append(grown.keys, strconv.Itoa(next+i)), append(grown.values, value)
	}
	return grown
}

func (a array) equal(b array) bool {
	return slices.Equal(a.keys, b.keys) && slices.EqualFunc(a.values, b.values, func(x, y Text) bool { return x.String() == y.String() })
}

func (sh *shell) setVariable(name string, value Text) {
	if sh.exportsAll {
		sh.exported[name] = true
	}
	if a, ok := sh.arrays[name]; ok {
		sh.setArray(name, a.with("0", value))
		return
	}
	sh.variables[name] = value
}

func (sh *shell) setArray(name string, a array) {
	if len(a.keys) > maxElements {
		delete(sh.arrays, name)
		sh.variables[name] = unknownText("${"+name+"}", 0)
		return
	}
	sh.arrays[name] = a
	if first, ok := a.get("0"); ok {
		sh.variables[name] = first
	} else {
		delete(sh.variables, name)
	}
}

func (sh *shell) unset(name string) {
	delete(sh.variables, name)
	delete(sh.arrays, name)
	delete(sh.exported, name)
}

// saved is a variable's value outside a function.
type saved struct {
	text        Text
	array       array
	set, listed bool
	exported    bool
}

// makeLocal has a variable restored when the function ends.
func (sh *shell) makeLocal(name string) {
	if _, done := sh.locals[name]; done || sh.locals == nil {
		return
	}
	before := saved{exported: sh.exported[name]}
	before.text, before.set = sh.variables[name]
	before.array, before.listed = sh.arrays[name]
	sh.locals[name] = before
}

func (sh *shell) restoreLocals() {
	for name, before := range sh.locals {
		sh.unset(name)
		sh.exported[name] = before.exported
		if before.set {
			sh.variables[name] = before.text
		}
		if before.listed {
			sh.arrays[name] = before.array
		}
	}
}

// declaration is one declare, local, export or readonly with its options.
type declaration struct {
	command string
	flags   map[string]Text
	isLocal bool
}

func (d declaration) has(letter string) bool { _, has := d.flags[letter]; return has }

// declare follows declare, local, export and readonly.
func (sh *shell) declare(c *syntax.DeclClause) {
	d := declaration{command: c.Variant.Value, flags: map[string]Text{}}
	d.isLocal = slices.Contains([]string{"local", "declare", "typeset"}, d.command)
	for _, assignment := range c.Args {
		if assignment.Name != nil {
			sh.declareOne(d, assignment)
			continue
		}
		option := sh.one(assignment.Value).String()
		name, value, isAssignment := strings.Cut(option, "=")
		switch {
		case isAssignment && plainName.MatchString(name):
			sh.setVariable(name, sh.one(assignment.Value).slice(len(option)-len(value), len(option)))
			sh.exports(d.command, d.flags, name)
		case strings.HasPrefix(option, "-"):
			for _, letter := range option[1:] {
				d.flags[string(letter)] = Text{}
			}
			d.isLocal = d.isLocal && !d.has("g")
		}
	}
}

func (sh *shell) declareOne(d declaration, assignment *syntax.Assign) {
	name := assignment.Name.Value
	if d.has("f") {
		sh.exportsFunctions = sh.exportsFunctions || d.has("x") || d.command == "export"
		return
	}
	if d.isLocal {
		sh.makeLocal(name)
	}
	if d.has("i") {
		integers := maps.Clone(sh.integers)
		if integers == nil {
			integers = map[string]bool{}
		}
		integers[name] = true
		sh.integers = integers
	}
	switch {
	case d.has("n") && d.command != "export":
		// Another name for a variable.
		sh.setVariable(name, unknownText("${"+name+"}", sh.offset(assignment.Pos())))
	case d.has("A"):
		if _, ok := sh.arrays[name]; !ok || assignment.Naked {
			sh.setArray(name, array{associative: true})
		}
		if !assignment.Naked {
			sh.assign(assignment)
		}
	case !assignment.Naked:
		sh.assign(assignment)
	case d.isLocal && sh.locals != nil:
		delete(sh.arrays, name)
		sh.variables[name] = Text{}
	}
	sh.exports(d.command, d.flags, name)
}

func (sh *shell) assign(assignment *syntax.Assign) {
	name := assignment.Name.Value
	switch {
	case assignment.Array != nil:
		sh.assignArray(name, assignment)
	case assignment.Index != nil:
		sh.assignElement(name, assignment)
	default:
		value := sh.one(assignment.Value)
		switch {
		case sh.integers[name]:
			value = sh.summed(name, assignment.Append, value)
		case assignment.Append:
			value = sh.variables[name].plus(value)
		}
		sh.setVariable(name, value)
	}
}

// summed is what an assignment to a variable that is declared as an integer makes of a
// number; expressions aren't followed.
func (sh *shell) summed(name string, appends bool, value Text) Text {
	added, err := strconv.Atoi(value.String())
	before, also := 0, error(nil)
	if appends {
		before, also = strconv.Atoi(sh.variables[name].String())
	}
	if err != nil || also != nil {
		return unknownText("${"+name+"}", value.offset(0))
	}
	return madeText(strconv.Itoa(before+added), value.offset(0))
}

func (sh *shell) assignArray(name string, assignment *syntax.Assign) {
	before := sh.arrays[name]
	a := array{associative: before.associative}
	if assignment.Append {
		a = before
	}
	for _, element := range assignment.Array.Elems {
		if len(a.keys) > maxElements {
			break
		}
		if element.Index == nil {
			a = a.appended(sh.fields(element.Value))
			continue
		}
		key, known := sh.key(a, element.Index)
		if !known {
			sh.unset(name)
			sh.variables[name] = unknownText("${"+name+"}", sh.offset(assignment.Pos()))
			return
		}
		a = a.with(key, sh.one(element.Value))
	}
	sh.setArray(name, a)
}

func (sh *shell) assignElement(name string, assignment *syntax.Assign) {
	a, exists := sh.arrays[name]
	if scalar, set := sh.variables[name]; set && !exists {
		a = indexedArray([]Text{scalar})
	}
	key, known := sh.key(a, assignment.Index)
	if !known {
		sh.unset(name)
		sh.variables[name] = unknownText("${"+name+"}", sh.offset(assignment.Pos()))
		return
	}
	value := sh.one(assignment.Value)
	if assignment.Append {
		before, _ := a.get(key)
		value = before.plus(value)
	}
	sh.setArray(name, a.with(key, value))
}

// key is the key that an index means.
func (sh *shell) key(a array, index syntax.ArithmExpr) (key string, known bool) {
	if word, ok := index.(*syntax.Word); ok && a.associative {
		text := sh.one(word)
		return text.String(), text.unknown() == ""
	}
	n, known := sh.arithmetic(index)
	if n < 0 {
		n += a.next()
	}
	return strconv.Itoa(n), known
}
