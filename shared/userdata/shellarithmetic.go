package userdata

import (
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// arithmeticStatus is how ((…)) ends.
func (sh *shell) arithmeticStatus(x syntax.ArithmExpr) status {
	value, known := sh.arithmetic(x)
	if !known {
		return uncertain
	}
	return outcome(value != 0)
}

// arithmetic evaluates an arithmetic expression; known is false where it depends
// on what isn't known.
func (sh *shell) arithmetic(x syntax.ArithmExpr) (value int, known bool) {
	switch x := x.(type) {
	case *syntax.Word:
		return sh.numberOf(sh.one(x).String(), 0)
	case *syntax.ParenArithm:
		return sh.arithmetic(x.X)
	case *syntax.UnaryArithm:
		return sh.unaryArithmetic(x)
	case *syntax.BinaryArithm:
		return sh.binaryArithmetic(x)
	}
	return 0, false
}

// numberOf is the value of a number, or of a variable that holds one.
func (sh *shell) numberOf(text string, depth int) (value int, known bool) {
	text = strings.TrimSpace(text)
	if value, err := strconv.ParseInt(text, 0, 64); err == nil {
		return int(value), true
	}
	variable, set := sh.variables[text]
	if !set || depth > 5 || variable.unknown() != "" {
		return 0, false
	}
	return sh.numberOf(variable.String(), depth+1)
}

func (sh *shell) setNumber(x syntax.ArithmExpr, value int, known bool) {
	word, ok := x.(*syntax.Word)
	if !ok || !plainName.MatchString(word.Lit()) {
		return
	}
	text := madeText(strconv.Itoa(value), sh.offset(x.Pos()))
	if !known {
		text = unknownText("${"+word.Lit()+"}", sh.offset(x.Pos()))
	}
	sh.setVariable(word.Lit(), text)
}

func (sh *shell) unaryArithmetic(x *syntax.UnaryArithm) (value int, known bool) {
	value, known = sh.arithmetic(x.X)
	step := 0
	switch x.Op {
	case syntax.Minus:
		return -value, known
	case syntax.Plus:
		return value, known
	case syntax.BitNegation:
		return ^value, known
	case syntax.Not:
		return number01(value == 0), known
	case syntax.Inc:
		step = 1
	case syntax.Dec:
		step = -1
	}
	sh.setNumber(x.X, value+step, known)
	if x.Post {
		return value, known
	}
	return value + step, known
}

func number01(holds bool) int {
	if holds {
		return 1
	}
	return 0
}

// assignments are the operators that set a variable, with what they do first.
var assignments = map[syntax.BinAritOperator]syntax.BinAritOperator{
	syntax.AddAssgn: syntax.Add, syntax.SubAssgn: syntax.Sub, syntax.MulAssgn: syntax.Mul, syntax.QuoAssgn: syntax.Quo, syntax.RemAssgn: syntax.Rem,
	syntax.AndAssgn: syntax.And, syntax.OrAssgn: syntax.Or, syntax.XorAssgn: syntax.Xor, syntax.ShlAssgn: syntax.Shl, syntax.ShrAssgn: syntax.Shr,
}

func (sh *shell) binaryArithmetic(x *syntax.BinaryArithm) (value int, known bool) {
	switch x.Op {
	case syntax.Assgn:
		value, known = sh.arithmetic(x.Y)
		sh.setNumber(x.X, value, known)
		return value, known
	case syntax.TernQuest:
		choice, isBinary := x.Y.(*syntax.BinaryArithm)
		condition, decided := sh.arithmetic(x.X)
		if !isBinary || !decided {
			return 0, false
		}
		if condition != 0 {
			return sh.arithmetic(choice.X)
		}
		return sh.arithmetic(choice.Y)
	}
	left, known := sh.arithmetic(x.X)
	right, also := sh.arithmetic(x.Y)
	known = known && also
	if operation, assigns := assignments[x.Op]; assigns {
		value, ok := calculated(left, operation, right)
		sh.setNumber(x.X, value, known && ok)
		return value, known && ok
	}
	value, ok := calculated(left, x.Op, right)
	return value, known && ok
}

// calculated applies an operator; it is false for a division by zero and for
// operators that aren't followed.
func calculated(a int, operator syntax.BinAritOperator, b int) (int, bool) {
	switch operator {
	case syntax.Add:
		return a + b, true
	case syntax.Sub:
		return a - b, true
	case syntax.Mul:
		return a * b, true
	case syntax.Quo, syntax.Rem:
		if b == 0 {
			return 0, false
		}
		if operator == syntax.Quo {
			return a / b, true
		}
		return a % b, true
	case syntax.And:
		return a & b, true
	case syntax.Or:
		return a | b, true
	case syntax.Xor:
		return a ^ b, true
	case syntax.Shl, syntax.Shr:
		if b < 0 || b > 62 {
			return 0, false
		}
		if operator == syntax.Shl {
			return a << b, true
		}
		return a >> b, true
	case syntax.Comma:
		return b, true
	case syntax.AndArit:
		return number01(a != 0 && b != 0), true
	case syntax.OrArit:
		return number01(a != 0 || b != 0), true
	}
	return compared(a, operator, b)
}

func compared(a int, operator syntax.BinAritOperator, b int) (int, bool) {
	switch operator {
	case syntax.Eql:
		return number01(a == b), true
	case syntax.Neq:
		return number01(a != b), true
	case syntax.Lss:
		return number01(a < b), true
	case syntax.Leq:
		return number01(a <= b), true
	case syntax.Gtr:
		return number01(a > b), true
	case syntax.Geq:
		return number01(a >= b), true
	}
	return 0, false
}

// arithmeticOperators are those that expr knows too.
var arithmeticOperators = []syntax.BinAritOperator{syntax.Add, syntax.Sub, syntax.Mul, syntax.Quo, syntax.Rem}
