package agentstart

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode/utf8"
)

// RandomFile is a text as people and tools leave an ecs.config or a .env: lines
// of the grid and of all kinds of other things, with slips in some of them.
func RandomFile(random *rand.Rand, grid []Case) []byte {
	var file []byte
	for range 1 + random.IntN(8) {
		var line string
		switch random.IntN(4) {
		case 0:
			line = oddLines[random.IntN(len(oddLines))]
		case 1:
			line = oddLines[random.IntN(len(oddLines))] + oddPieces[random.IntN(len(oddPieces))] + oddLines[random.IntN(len(oddLines))]
		default:
			c := grid[random.IntN(len(grid))]
			line = c.Name + "=" + c.Value
		}
		file = append(file, line...)
		file = append(file, lineEnds[random.IntN(len(lineEnds))]...)
	}
	for range random.IntN(5) {
		file = mutate(random, file)
	}
	if random.IntN(200) == 0 { // a line that bufio.Scanner doesn't take, or just takes
		file = append(file, "LONG="+strings.Repeat("x", 64<<10-8+random.IntN(8))+"\nAFTER=1\n"...)
	}
	return file
}

func mutate(random *rand.Rand, file []byte) []byte {
	start := random.IntN(len(file) + 1)
	end := min(len(file), start+random.IntN(12))
	switch random.IntN(4) {
	case 0:
		return slices.Delete(file, start, end)
	case 1:
		return slices.Insert(file, start, bytes.Clone(file[start:end])...)
	case 2:
		return slices.Insert(file, start, byte(random.IntN(256)))
	}
	return slices.Insert(file, start, []byte(oddPieces[random.IntN(len(oddPieces))])...)
}

var lineEnds = []string{"\n", "\n", "\n", "\n", "\r\n", "\r", "", "\n\n", " \n", "\\\n", "\\\r\n", "\u2028", "\u0085\n", "\v\n", "\\"}

var oddPieces = []string{
	" ", "\t", `"`, "'", "}", "{", ",", "=", "#", ";", `\`, "[", "]", "0", "-", "/", "x", ":", "\u00a0", "\ufeff", "\x00", "\xff", "\xc3", "\ufffe", "\ufdd0", "\U0001ffff", "\x7f", "\x01",
	`\n`, `\\`, `\"`, `\'`, "\\`", "\\\n", "\n", "\r", "\r\n", "export ", " # x", `="`, `='`, "==", "A=", "$A", "`", "\u3000", "\u200b", "\u2029", "\f", "\v", "\x1b[0m", "\xed\xa0\x80", "\xf4\x90\x80\x80",
}

var oddLines = []string{
	"", " ", "# comment", "  # comment", "; comment", "#A=1", ";A=1", "# comment \\", "; comment \\", "#", "=", "=x", " = x", "A", "A=", "A=1", " A=1", "A =1", "A= 1", "A=1 ", "export A=1", "A='1'", `A="1"`, `A="1`, "A='1", `A=1"`,
	`A="a b" c`, `A="a"'b'c`, `A=a "b"`, `A="a\nb"`, `A="a\"b"`, `A=a\"b`, `A=a\ b`, `A=a\`, `A="a\`, "A=`x`", "1A=1", "A-B=1", "A.B=1", "Ä=1", "A=ä", "A=日本", "A:1", "A: 1", "- A=1", "[Service]", "Environment=A=1", "A=1 # comment", "A=1 ; comment",
	`A={"a": "b"}`, `A={"a": "b"`, `"b": "c"}`, "A=-----BEGIN KEY-----", "abc=", "-----END KEY-----", "ECS_CLUSTER=prod", "ECS_CLUSTER = prod", `ECS_CLUSTER="prod"`, "ECS_CLUSTER=a=b", "A==", "A\x00=1", "\ufeffA=1", "A=1\x00",
}

// Broken is a value as slips of the hand leave it.
func Broken(value string, random *rand.Rand) string {
	if random.IntN(2) == 0 {
		return value
	}
	cut := random.IntN(len(value) + 1)
	for cut < len(value) && !utf8.RuneStart(value[cut]) {
		cut++
	}
	pieces := []string{" ", `"`, "'", "}", "{", ",", "=", "#", "\\", ";", "[", "]", "0", "-", "/", "x", ":", "\t", "\u00a0"}
	switch random.IntN(3) {
	case 0:
		return value[:cut]
	case 1:
		return value[:cut] + pieces[random.IntN(len(pieces))] + value[cut:]
	}
	return value + pieces[random.IntN(len(pieces))]
}
