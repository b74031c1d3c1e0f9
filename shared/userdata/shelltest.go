package userdata

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// testExpression evaluates [[ … ]].
func (sh *shell) testExpression(expression syntax.TestExpr) status {
	switch x := expression.(type) {
	case *syntax.ParenTest:
		return sh.testExpression(x.X)
	case *syntax.Word:
		return isTrue(sh.one(x), func(s string) bool { return s != "" })
	case *syntax.UnaryTest:
		if x.Op == syntax.TsNot {
			return sh.testExpression(x.X).negated()
		}
		if word, ok := x.X.(*syntax.Word); ok {
			return sh.testUnary(x.Op.String(), sh.one(word))
		}
	case *syntax.BinaryTest:
		return sh.testBinary(x)
	}
	return uncertain
}

func (sh *shell) testBinary(x *syntax.BinaryTest) status {
	if x.Op == syntax.AndTest || x.Op == syntax.OrTest {
		first := sh.testExpression(x.X)
		if first == outcome(x.Op == syntax.OrTest) {
			return first
		}
		return both(first, sh.testExpression(x.Y), x.Op == syntax.OrTest)
	}
	left, ok := x.X.(*syntax.Word)
	right, also := x.Y.(*syntax.Word)
	if !ok || !also {
		return uncertain
	}
	subject := sh.one(left)
	switch x.Op {
	case syntax.TsMatch, syntax.TsMatchShort, syntax.TsNoMatch:
		expression := sh.pattern(right, true, false)
		if subject.unknown() != "" || expression == nil {
			return uncertain
		}
		return outcome(expression.MatchString(subject.String()) == (x.Op != syntax.TsNoMatch))
	case syntax.TsReMatch:
		return sh.matchRegexp(subject, right)
	}
	return compare(subject, x.Op.String(), sh.one(right))
}

// matchRegexp evaluates =~ and sets BASH_REMATCH.
func (sh *shell) matchRegexp(subject Text, word *syntax.Word) status {
	var expression strings.Builder
	for _, s := range sh.segments(word.Parts, unquoted) {
		if s.text.unknown() != "" {
			return uncertain
		}
		if s.active || s.split {
			expression.WriteString(s.text.String())
		} else {
			expression.WriteString(regexp.QuoteMeta(s.text.String()))
		}
	}
	compiled := posixRegexp(expression.String(), true)
	if compiled == nil || subject.unknown() != "" {
		return uncertain
	}
	match := compiled.FindStringSubmatchIndex(subject.String())
	var groups []Text
	for i := 0; i+1 < len(match); i += 2 {
		groups = append(groups, subject.slice(match[i], match[i+1]))
	}
	sh.setArray("BASH_REMATCH", indexedArray(groups))
	return outcome(match != nil)
}

// both combines two tests with and, or with or.
func both(first, second status, isOr bool) status {
	decides := outcome(isOr)
	switch {
	case first == decides || second == decides:
		return decides
	case first == decides.negated() && second == decides.negated():
		return first
	}
	return uncertain
}

// test evaluates [ … ] for texts that are known.
func (sh *shell) test(arguments []Text) status {
	operands := arguments[1:]
	if arguments[0].String() == "[" && len(operands) > 0 && operands[len(operands)-1].String() == "]" {
		operands = operands[:len(operands)-1]
	}
	return sh.testOperands(operands)
}

func (sh *shell) testOperands(operands []Text) status {
	for _, operator := range []string{"-o", "-a"} {
		i := slices.IndexFunc(operands, func(t Text) bool { return t.String() == operator })
		if i > 0 && i < len(operands)-1 && len(operands) > 3 {
			return both(sh.testOperands(operands[:i]), sh.testOperands(operands[i+1:]), operator == "-o")
		}
	}
	if len(operands) > 1 && operands[0].String() == "!" {
		return sh.testOperands(operands[1:]).negated()
	}
	switch len(operands) {
	case 0:
		return fails
	case 1:
		return isTrue(operands[0], func(s string) bool { return s != "" })
	case 2:
		return sh.testUnary(operands[0].String(), operands[1])
	case 3:
		return compare(operands[0], operands[1].String(), operands[2])
	}
	return uncertain
}

func (sh *shell) testUnary(operator string, operand Text) status {
	switch operator {
	case "-z":
		return isTrue(operand, func(s string) bool { return s == "" })
	case "-n":
		return isTrue(operand, func(s string) bool { return s != "" })
	case "-e", "-f", "-r", "-w", "-s":
		// Of other files, it isn't known what the image has.
		if content, written := sh.machine.files[cleanPath(sh.directory, operand)]; written && (operator != "-s" || content.length() > 0) {
			return succeeds
		}
	case "-v":
		if _, set := sh.variables[operand.String()]; set {
			return succeeds
		}
	}
	return uncertain
}

// compare evaluates the operators that both [ … ] and [[ … ]] have.
func compare(left Text, operator string, right Text) status {
	switch operator {
	case "=", "==":
		return isEqual(left, right, true)
	case "!=":
		return isEqual(left, right, false)
	}
	a, err := strconv.Atoi(left.String())
	b, also := strconv.Atoi(right.String())
	if err != nil || also != nil {
		return uncertain
	}
	switch operator {
	case "-eq":
		return outcome(a == b)
	case "-ne":
		return outcome(a != b)
	case "-lt":
		return outcome(a < b)
	case "-le":
		return outcome(a <= b)
	case "-gt":
		return outcome(a > b)
	case "-ge":
		return outcome(a >= b)
	}
	return uncertain
}

func isTrue(value Text, test func(string) bool) status {
	if value.unknown() != "" {
		return uncertain
	}
	return outcome(test(value.String()))
}

func isEqual(a, b Text, want bool) status {
	if a.unknown() != "" || b.unknown() != "" {
		return uncertain
	}
	return outcome((a.String() == b.String()) == want)
}
